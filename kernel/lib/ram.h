#ifndef SO_KERNEL_LIB_RAM_H_
#define SO_KERNEL_LIB_RAM_H_

// The pages of a machine: runs of whole pages out of the ranges of memory that the boot found.
//
// One bit a page says whether it is free. Over the bits stands a tree of what each span holds: the free
// pages it begins with, those it ends with, and its longest run. So the lowest run that is long enough
// is found by one walk down, and there is no rounding to powers of two: on a machine of 4 MB a pool of
// 1.1 MB takes 1.1 MB. Free pages are never written to.
//
// Cost: a walk of log2(pages/64) steps, and 1/64 of a step for each page of the run.
// Memory: about a thousandth of the range between the lowest and the highest page.
// A run that is given back and was not taken (a double free, a wrong length) is an assert.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_RAM_PAGE_LEN 4096u

typedef struct so_ram_range {
  uintptr_t base;  // Multiples of SO_RAM_PAGE_LEN, both.
  size_t len;
} so_ram_range;

typedef struct so_ram_span {
  uint32_t first;    // Free pages at the beginning,
  uint32_t last;     // at the end,
  uint32_t longest;  // and side by side anywhere.
} so_ram_span;

typedef struct so_ram {
  uintptr_t base;
  size_t page_count;  // From `base`, holes included.
  size_t leaf_count;  // Words of `free_bits`: a power of two.
  uint64_t *free_bits;
  so_ram_span *spans;  // A binary tree in an array: the root is 1, the leaves begin at leaf_count.
  // Statistics, in pages.
  size_t total_count;
  size_t free_count;
  size_t free_min;     // Low-water mark.
  uint64_t refused_count;
} so_ram;

// so_ram_init sets up `p` over `ranges` (ascending or not, disjoint). Its own tables come out of the first
// range that is large enough. LIMIT: no range is, or there is none, or one is not made of whole pages.
SO_MUST_USE so_status so_ram_init(so_ram *p, const so_ram_range *ranges, size_t count);

// so_ram_take returns `count` pages side by side, not zeroed, or NULL. `count` 0 is an assert.
void *so_ram_take(so_ram *p, size_t count);

// so_ram_extend takes the `more` pages behind the run of `count` at `run` as well, if all are free.
bool so_ram_extend(so_ram *p, void *run, size_t count, size_t more);

// so_ram_give takes back any part of what was taken.
void so_ram_give(so_ram *p, void *run, size_t count);

// so_ram_longest returns the longest run that could be taken now.
size_t so_ram_longest(const so_ram *p);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_LIB_RAM_H_
