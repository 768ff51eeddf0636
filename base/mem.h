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
#endif  // SO_BASE_MEM_H_
