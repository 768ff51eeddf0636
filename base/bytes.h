#ifndef SO_BASE_BYTES_H_
#define SO_BASE_BYTES_H_

// A borrowed view of bytes. Text is bytes too: no terminator, the length is always beside it.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_bytes {
  const uint8_t *ptr;  // May be NULL iff `len` is 0.
  size_t len;
} so_bytes;

static inline so_bytes so_bytes_of(const void *ptr, size_t len) {
  const so_bytes b = {(const uint8_t *)ptr, len};
  return b;
}

// so_str_measured views a NUL-terminated string without its terminator. NULL gives no bytes.
so_bytes so_str_measured(const char *text);

// so_str is the same, and the length of a literal is known when it is compiled.
static inline so_bytes so_str(const char *text) {
  return __builtin_constant_p(__builtin_strlen(text)) ? so_bytes_of(text, __builtin_strlen(text))
                                                      : so_str_measured(text);
}

bool so_bytes_equal(so_bytes a, so_bytes b);

// so_bytes_compare orders by unsigned byte, a prefix before what it begins: <0, 0, >0.
int so_bytes_compare(so_bytes a, so_bytes b);

bool so_bytes_has_prefix(so_bytes b, so_bytes prefix);
bool so_bytes_has_suffix(so_bytes b, so_bytes suffix);

// so_bytes_from drops the first `off` bytes (all of them when `off` is past the end).
static inline so_bytes so_bytes_from(so_bytes b, size_t off) {
  return off >= b.len ? so_bytes_of(NULL, 0) : so_bytes_of(b.ptr + off, b.len - off);
}

// so_bytes_first keeps the first `len` bytes (all of them when there are fewer).
static inline so_bytes so_bytes_first(so_bytes b, size_t len) {
  return so_bytes_of(b.ptr, len < b.len ? len : b.len);
}

// so_bytes_find returns the offset of the first `c`, or `b.len` when there is none.
size_t so_bytes_find(so_bytes b, uint8_t c);

// so_bytes_equal_nocase compares with ASCII letters folded.
bool so_bytes_equal_nocase(so_bytes a, so_bytes b);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_BYTES_H_
