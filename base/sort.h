#ifndef SO_BASE_SORT_H_
#define SO_BASE_SORT_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

// The largest element that so_sort moves.
#define SO_SORT_SIZE_MAX 256

// so_sort orders `count` elements of `size` bytes in place, in O(n log n) whatever the input, with
// no memory and no recursion (heap sort). Not stable: make `compare` a total order where it
// matters. `compare` returns <0, 0, >0.
void so_sort(void *items, size_t count, size_t size,
             int (*compare)(void *ctx, const void *a, const void *b), void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_SORT_H_
