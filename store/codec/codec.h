#ifndef SO_STORE_CODEC_CODEC_H_
#define SO_STORE_CODEC_CODEC_H_

// zlib (RFC 1950) over whole byte strings, with memory from an so_heap. A state is allocated once
// and used for any number of strings; between calls it holds nothing.
//
// Memory: a deflater takes about 320 KiB, an inflater about 48 KiB.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_deflater so_deflater;
typedef struct so_inflater so_inflater;

// so_deflater_open makes a deflater of `level` 1..9. LIMIT: no memory.
SO_MUST_USE so_status so_deflater_open(const so_heap *heap, int level, so_deflater **out);
void so_deflater_close(so_deflater *d);

// so_deflate compresses `in` into at most `cap` bytes. LIMIT: it does not fit.
SO_MUST_USE so_status so_deflate(so_deflater *d, so_bytes in, uint8_t *out, size_t cap,
                                 size_t *out_len);

SO_MUST_USE so_status so_inflater_open(const so_heap *heap, so_inflater **out);
void so_inflater_close(so_inflater *i);

// so_inflate expands `in` into exactly `out_len` bytes. MALFORMED: not a zlib stream, more or fewer
// bytes, or bytes after its end. Never writes outside `out`.
SO_MUST_USE so_status so_inflate(so_inflater *i, so_bytes in, uint8_t *out, size_t out_len);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_CODEC_CODEC_H_
