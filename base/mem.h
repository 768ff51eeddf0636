#ifndef SO_BASE_MEM_H_
#define SO_BASE_MEM_H_

// The four functions that the compiler itself may emit. Pure code includes this, never <string.h>.

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#ifdef __cplusplus
}
#endif

// A freestanding compiler takes memcpy for a function like any other: each load of four bytes would
// be a call. The built-in is the same function, and few bytes of a known number become moves. Not so
// for memset: as a call it is never optimized away.
#if __STDC_HOSTED__ == 0 && !defined(__cplusplus)
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#define memmove(dst, src, n) __builtin_memmove(dst, src, n)
#endif

#endif  // SO_BASE_MEM_H_
