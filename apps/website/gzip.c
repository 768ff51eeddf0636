#include "apps/website/gzip.h"

#include <limits.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/writer.h"

#define LEVEL 6
#define WINDOW_BITS_RAW (-15)  // zlib: without a header. Its gzip half is not built.
#define MEM_LEVEL 8
#define HEADER_LEN 10u
#define TRAILER_LEN 8u  // CRC-32 and length.
// zlib frees without a length, so one is kept before each block.
#define BLOCK_HEADER_LEN 16

static voidpf block_alloc(voidpf opaque, uInt items, uInt size) {
  if (size != 0 && items > (UINT_MAX - BLOCK_HEADER_LEN) / size) {
    return Z_NULL;
  }
  const size_t len = (size_t)items * size + BLOCK_HEADER_LEN;
  uint8_t *const block = so_heap_alloc(opaque, len);
  if (block == NULL) {
    return Z_NULL;
  }
  memcpy(block, &len, sizeof len);
  return block + BLOCK_HEADER_LEN;
}

static void block_free(voidpf opaque, voidpf address) {
  uint8_t *const block = (uint8_t *)address - BLOCK_HEADER_LEN;
  size_t len;
  memcpy(&len, block, sizeof len);
  so_heap_free(opaque, block, len);
}

// deflate_raw compresses between header and trailer.
static so_status deflate_raw(const so_heap *heap, so_bytes in, uint8_t *out, size_t cap,
                             size_t *out_len) {
  so_heap own = *heap;
  z_stream z;
  memset(&z, 0, sizeof z);
  z.zalloc = block_alloc;
  z.zfree = block_free;
  z.opaque = &own;
  if (deflateInit2(&z, LEVEL, Z_DEFLATED, WINDOW_BITS_RAW, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
    return so_status_make(SO_LIMIT, 0);
  }
  z.next_in = (Bytef *)(uintptr_t)in.ptr;
  z.avail_in = (uInt)in.len;
  z.next_out = out;
  z.avail_out = (uInt)cap;
  const int result = deflate(&z, Z_FINISH);
  *out_len = cap - z.avail_out;
  (void)deflateEnd(&z);
  return result == Z_STREAM_END ? so_done() : so_status_make(SO_LIMIT, 0);
}

so_status so_gzip(const so_heap *heap, so_bytes in, uint8_t *out, size_t cap, size_t *out_len) {
  // RFC 1952 2.3: magic, deflate, no flags, no time, no hint, Unix.
  static const uint8_t header[HEADER_LEN] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  size_t len;
  if (in.len > UINT32_MAX || cap > UINT32_MAX || cap < HEADER_LEN + TRAILER_LEN) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(deflate_raw(heap, in, out + HEADER_LEN, cap - HEADER_LEN - TRAILER_LEN, &len));
  memcpy(out, header, HEADER_LEN);
  so_writer w = so_writer_of(out + HEADER_LEN + len, TRAILER_LEN);
  so_write_u32le(&w, (uint32_t)crc32(crc32(0, Z_NULL, 0), in.ptr, (uInt)in.len));
  so_write_u32le(&w, (uint32_t)in.len);
  *out_len = HEADER_LEN + len + TRAILER_LEN;
  return so_done();
}
