#ifndef SO_KERNEL_XEN_SHARE_SHARE_H_
#define SO_KERNEL_XEN_SHARE_SHARE_H_

// Pages that a front end shares with its back end: granted once when a connection is made, used
// again and again, and withdrawn when it ends.
//
// Why not the memory of callers: a grant shows a whole page, and gives the other side write access
// for as long as it likes to keep the mapping. A page that holds nothing else, and that is ours to
// keep aside for ever, makes both harmless (compare XSA-403). It also means that no grant is made
// or ended while data flows. The price is one copy of the data.
//
// Invariants
//   - A page is cleared when it is taken from the system, before anybody else sees it.
//   - A page goes back to the system, or is granted anew, only after its grant was ended. One that
//     the other side still has mapped is kept aside, with its reference, and tried again at the
//     next connection. So the memory that a hostile back end can withhold is what the pool may
//     hold.
// Limits: `page_max` pages a pool; SO_SHARE_BLOCK_PAGES pages and SO_SHARE_BLOCKS tries a ring.

#include "base/heap.h"
#include "kernel/xen/front/front.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SHARE_NONE UINT32_MAX
#define SO_SHARE_BLOCK_PAGES 16u  // Pages of the largest ring.
#define SO_SHARE_BLOCKS 4u        // The ring in use, and old ones that are still mapped.

// --- single pages for data ------------------------------------------------------------------

typedef struct so_share_page {
  uint8_t *ptr;     // NULL: no page.
  uint32_t ref;     // SO_SHARE_NONE: not granted.
  uint32_t next;    // The next free one.
} so_share_page;

typedef struct so_share_pool {
  const so_heap *heap;
  so_xen_grants grants;
  so_share_page *pages;
  uint32_t page_max;
  uint32_t first_free;   // SO_SHARE_NONE: none.
  uint32_t free_count;
  uint32_t usable;       // Granted to the present back end.
  uint32_t aside;        // Still mapped by an earlier one.
  bool read_only;
} so_share_pool;

// so_share_pool_init takes the table, no pages. LIMIT: the heap refuses.
SO_MUST_USE so_status so_share_pool_init(so_share_pool *p, const so_heap *heap,
                                         const so_xen_grants *grants, uint32_t page_max,
                                         bool read_only);

// so_share_pool_release gives everything back but pages that are still mapped: those are lost.
void so_share_pool_release(so_share_pool *p);

// so_share_pool_grant grants up to page_max pages to `domid`, taking those that are missing. LIMIT:
// fewer than `least` can be had; nothing is then granted.
SO_MUST_USE so_status so_share_pool_grant(so_share_pool *p, uint16_t domid, uint32_t least);

// so_share_pool_end ends all grants, whatever is in use. The pages stay.
void so_share_pool_end(so_share_pool *p);

// so_share_pool_take returns the index of a free page, the one last put first, or SO_SHARE_NONE.
uint32_t so_share_pool_take(so_share_pool *p);
void so_share_pool_put(so_share_pool *p, uint32_t index);

// --- consecutive pages for a ring -----------------------------------------------------------

typedef struct so_share_block {
  uint8_t *pages;  // NULL: none.
  uint32_t count;
  uint32_t refs[SO_SHARE_BLOCK_PAGES];
} so_share_block;

typedef struct so_share_ring {
  so_xen_grants grants;
  so_share_block blocks[SO_SHARE_BLOCKS];
  so_share_block *current;  // NULL: none.
} so_share_ring;

void so_share_ring_init(so_share_ring *r, const so_xen_grants *grants);

// so_share_ring_grant takes `count` consecutive pages, cleared, and grants each to `domid`. LIMIT:
// no pages, no references, or SO_SHARE_BLOCKS old rings are all still mapped.
SO_MUST_USE so_status so_share_ring_grant(so_share_ring *r, uint16_t domid, uint32_t count);

// so_share_ring_end ends the grants of the current ring, if any, and gives its pages back or keeps
// them aside.
void so_share_ring_end(so_share_ring *r);

// so_share_ring_aside counts the pages kept aside.
uint32_t so_share_ring_aside(const so_share_ring *r);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_SHARE_SHARE_H_
