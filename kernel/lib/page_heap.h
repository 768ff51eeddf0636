#ifndef SO_KERNEL_LIB_PAGE_HEAP_H_
#define SO_KERNEL_LIB_PAGE_HEAP_H_

// The heap of a machine: base/heap.h's so_heap over the pages of ram.h.
//
// Up to SO_PAGE_HEAP_SMALL_MAX bytes come out of pages that are cut into pieces of one size; there are
// 25 sizes, and a piece is at most a third larger than what was asked for (a page of two pieces: a half).
// More comes as whole pages, aligned to a page: so large buffers can be shown to a device.
// The caller says the old length (so_heap does), so pieces have no headers.
//
// What is found out, by asserts, in images that ship: a piece given back twice, with a wrong length, or
// never taken; a piece written to after it was given back, as far as its first 16 bytes go; a page header
// overwritten from the piece before it. With `poison` all of a piece that is given back is overwritten.
//
// Cost: a few instructions for a small piece; one page taken for each page of pieces.
// An empty page of pieces goes back, except one of each size.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "kernel/lib/ram.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PAGE_HEAP_SMALL_MAX 2016u
#define SO_PAGE_HEAP_SIZES 25u

struct so_page_heap_page;

typedef struct so_page_heap {
  so_ram *pages;
  uint64_t secret;   // Marks free pieces; unpredictable where there is a random source.
  size_t page_max;   // Limits the pages held.
  bool poison;
  // Pages of each size with a free piece; the list's other end is not kept.
  struct so_page_heap_page *partial[SO_PAGE_HEAP_SIZES];
  // Statistics.
  size_t page_count;      // Held now, and at most at any time.
  size_t page_count_max;
  size_t used;            // Bytes asked for.
  uint64_t refused_count;
} so_page_heap;

// so_page_heap_init sets up an empty heap over `pages` that holds at most `page_max` of them (0: no limit).
// Cannot fail. `pages` may serve others too.
void so_page_heap_init(so_page_heap *h, so_ram *pages, uint64_t secret, size_t page_max);

// so_page_heap_port is the heap as its users see it; `h` must not move while it is in use.
so_heap so_page_heap_port(so_page_heap *h);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_LIB_PAGE_HEAP_H_
