#ifndef SO_APPS_WEBSITE_GZIP_H_
#define SO_APPS_WEBSITE_GZIP_H_

#include "base/heap.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_gzip compresses `in` as one gzip member (RFC 1952) into at most `cap` bytes. LIMIT: it does
// not fit, so compressing is not worth it, or there is no memory (about 270 KiB while it runs).
SO_MUST_USE so_status so_gzip(const so_heap *heap, so_bytes in, uint8_t *out, size_t cap,
                              size_t *out_len);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_WEBSITE_GZIP_H_
