#include "store/codec/codec.h"

#include <limits.h>

#include "base/mem.h"
#include "zlib.h"

// Resetting a deflater clears its hash table, so strings that are small go through a state whose
// table is small.
#define SMALL_LEN_MAX 4096
#define SMALL_WINDOW_BITS 12
#define SMALL_MEM_LEVEL 5
#define LARGE_MEM_LEVEL 8

struct so_deflater {
  const so_heap *heap;
  z_stream small;
  z_stream large;
};

struct so_inflater {
  const so_heap *heap;
  z_stream stream;
};

// zlib frees without a length, so one is kept before each block.
#define BLOCK_HEADER_LEN 16

static voidpf block_alloc(voidpf opaque, uInt items, uInt size) {
  const so_heap *heap = (const so_heap *)opaque;
  const size_t len = (size_t)items * size + BLOCK_HEADER_LEN;
  if (size != 0 && items > (UINT_MAX - BLOCK_HEADER_LEN) / size) {
    return Z_NULL;
  }
  uint8_t *block = (uint8_t *)so_heap_alloc(heap, len);
  if (block == NULL) {
    return Z_NULL;
  }
  memcpy(block, &len, sizeof len);
  return block + BLOCK_HEADER_LEN;
}

static void block_free(voidpf opaque, voidpf address) {
  uint8_t *block = (uint8_t *)address - BLOCK_HEADER_LEN;
  size_t len = 0;
  memcpy(&len, block, sizeof len);
  so_heap_free((const so_heap *)opaque, block, len);
}

static void stream_init(z_stream *z, const so_heap *heap) {
  memset(z, 0, sizeof *z);
  z->zalloc = block_alloc;
  z->zfree = block_free;
  union {
    const so_heap *from;
    voidpf to;
  } heap_pointer = {heap};
  z->opaque = heap_pointer.to;
}

static void stream_set(z_stream *z, so_bytes in, uint8_t *out, size_t out_len) {
  union {
    const uint8_t *from;
    Bytef *to;
  } next = {in.ptr};
  z->next_in = next.to;
  z->avail_in = (uInt)in.len;
  z->next_out = out;
  z->avail_out = (uInt)out_len;
}

so_status so_deflater_open(const so_heap *heap, int level, so_deflater **out) {
  so_deflater *d = (so_deflater *)so_heap_alloc_array(heap, 1, sizeof *d);
  if (d == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  d->heap = heap;
  stream_init(&d->small, heap);
  stream_init(&d->large, heap);
  if (deflateInit2(&d->small, level, Z_DEFLATED, SMALL_WINDOW_BITS, SMALL_MEM_LEVEL,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    so_heap_free(heap, d, sizeof *d);
    return so_status_make(SO_LIMIT, 0);
  }
  if (deflateInit2(&d->large, level, Z_DEFLATED, MAX_WBITS, LARGE_MEM_LEVEL, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    (void)deflateEnd(&d->small);
    so_heap_free(heap, d, sizeof *d);
    return so_status_make(SO_LIMIT, 0);
  }
  *out = d;
  return so_done();
}

void so_deflater_close(so_deflater *d) {
  if (d == NULL) {
    return;
  }
  (void)deflateEnd(&d->small);
  (void)deflateEnd(&d->large);
  so_heap_free(d->heap, d, sizeof *d);
}

so_status so_deflate(so_deflater *d, so_bytes in, uint8_t *out, size_t cap, size_t *out_len) {
  if (in.len > UINT_MAX || cap > UINT_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  z_stream *z = in.len <= SMALL_LEN_MAX ? &d->small : &d->large;
  if (deflateReset(z) != Z_OK) {
    return so_status_make(SO_INTERNAL, 0);
  }
  stream_set(z, in, out, cap);
  if (cap == 0 || deflate(z, Z_FINISH) != Z_STREAM_END) {
    return so_status_make(SO_LIMIT, 0);
  }
  *out_len = cap - z->avail_out;
  return so_done();
}

so_status so_inflater_open(const so_heap *heap, so_inflater **out) {
  so_inflater *i = (so_inflater *)so_heap_alloc_array(heap, 1, sizeof *i);
  if (i == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  i->heap = heap;
  stream_init(&i->stream, heap);
  if (inflateInit2(&i->stream, MAX_WBITS) != Z_OK) {
    so_heap_free(heap, i, sizeof *i);
    return so_status_make(SO_LIMIT, 0);
  }
  *out = i;
  return so_done();
}

void so_inflater_close(so_inflater *i) {
  if (i == NULL) {
    return;
  }
  (void)inflateEnd(&i->stream);
  so_heap_free(i->heap, i, sizeof *i);
}

so_status so_inflate(so_inflater *i, so_bytes in, uint8_t *out, size_t out_len) {
  if (in.len > UINT_MAX || out_len > UINT_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (inflateReset(&i->stream) != Z_OK) {
    return so_status_make(SO_INTERNAL, 0);
  }
  uint8_t nothing = 0;  // zlib wants an address also for no bytes.
  stream_set(&i->stream, in, out_len == 0 ? &nothing : out, out_len);
  const int result = inflate(&i->stream, Z_FINISH);
  if (result == Z_MEM_ERROR) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (result != Z_STREAM_END || i->stream.avail_out != 0 || i->stream.avail_in != 0) {
    return so_status_make(SO_MALFORMED, 0);
  }
  return so_done();
}
