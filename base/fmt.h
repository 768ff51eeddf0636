#ifndef SO_BASE_FMT_H_
#define SO_BASE_FMT_H_

// The subset of printf that this project uses, without libc:
//   %c %s %.*s %d %i %u %x %%, the lengths hh h l ll z j, the flags '-' and '0', and a width.
// %s takes a NUL-terminated string; %.*s takes an int length and a pointer, which SO_FMT gives for
// an so_bytes: so_buf_printf(&b, "%.*s", SO_FMT(name)). Anything else in a format traps.

#include <stdarg.h>

#include "base/heap.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_FMT(b) (int)(b).len, (const char *)(b).ptr

__attribute__((format(printf, 2, 3))) void so_buf_printf(so_buf *buf, const char *format, ...);
__attribute__((format(printf, 2, 3))) void so_write_printf(so_writer *w, const char *format, ...);
__attribute__((format(printf, 2, 0))) void so_buf_vprintf(so_buf *buf, const char *format,
                                                          va_list args);

// so_parse_u64 reads a decimal number without sign or leading zeros. MALFORMED, also on overflow.
SO_MUST_USE so_status so_parse_u64(so_bytes text, uint64_t *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_FMT_H_
