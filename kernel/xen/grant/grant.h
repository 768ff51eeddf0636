#ifndef SO_KERNEL_XEN_GRANT_GRANT_H_
#define SO_KERNEL_XEN_GRANT_GRANT_H_

// The grant table, version 1 (xen/grant_table.h): which of our pages another domain may map or
// copy.
//
// The table itself is shared with Xen, and with nobody else. Xen writes only the two bits that say
// that a page is mapped; so a grant is withdrawn by exchanging the whole of `flags` for 0, which
// fails while a bit is set.
//
// Invariants
//   - A reference is free, or given out; only one that is given out can be ended, and once. Ending
//     another is refused and counted: it is a bug of ours, and would withdraw somebody else's page.
//   - A reference is used again only after its entry was seen withdrawn.
//   - References 0 to 7 are never given out (GNTTAB_NR_RESERVED_ENTRIES): the console and xenstore.
//   - After so_grant_renew (another domain, the table is empty) references that are given out stay
//     so, and ending them succeeds.
// The one last freed is given out next. Memory: the pages of the table, and 2 bytes an entry.
// Limits: SO_GRANT_TABLE_PAGES_MAX pages of 512 entries, or what Xen allows.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "kernel/machine/devices.h"
#include "kernel/ports/metrics.h"
#include "kernel/xen/front/front.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_GRANT_TABLE_PAGES_MAX 32u
#define SO_GRANT_ENTRIES_PER_PAGE 512u

// How the table gets another page. Returns page `index` of it, in our memory, zeroed by Xen; NULL:
// Xen gives no more, or there is no memory.
typedef struct so_grant_ops {
  void *(*table_page)(void *ctx, uint32_t index);
  void *ctx;
} so_grant_ops;

typedef struct so_grant_stats {
  uint64_t granted;
  uint64_t ended;
  uint64_t refused;     // No reference free.
  uint64_t still_mapped;  // An end that had to be put off.
  uint64_t bad_ends;    // Of references that were not given out.
} so_grant_stats;

// Fields are for the module only.
typedef struct so_grant_table {
  so_grant_ops ops;
  const so_heap *heap;
  uint32_t page_max;
  uint32_t page_count;
  void *pages[SO_GRANT_TABLE_PAGES_MAX];
  uint16_t *next[SO_GRANT_TABLE_PAGES_MAX];  // The free list, by reference; or a mark: given out.
  uint16_t first_free;
  uint32_t used;
  uint32_t used_max;
  so_grant_stats stats;
} so_grant_table;

// so_grant_init takes the first page. LIMIT: it cannot be had. `page_max` is cut to
// SO_GRANT_TABLE_PAGES_MAX.
SO_MUST_USE so_status so_grant_init(so_grant_table *t, const so_heap *heap, const so_grant_ops *ops,
                                    uint32_t page_max);

// so_grant_release gives back the memory beside the table.
void so_grant_release(so_grant_table *t);

// so_grant_page lets `domid` have the frame `frame` (address / SO_PAGE_LEN). False: no reference is
// free.
bool so_grant_page(so_grant_table *t, uint16_t domid, uint32_t frame, bool read_only,
                   uint32_t *out_ref);

// so_grant_end withdraws it. False: mapped still, or not given out; nothing was changed.
bool so_grant_end(so_grant_table *t, uint32_t ref);

// so_grant_renew asks for every page of the table again. Back from suspend in a new domain. LIMIT:
// Xen refuses; the table is then unusable.
SO_MUST_USE so_status so_grant_renew(so_grant_table *t);

// so_grant_port gives what front ends call. Borrows `t`. Pages are named by address = frame.
so_xen_grants so_grant_port(so_grant_table *t, const so_pages_port *pages);

void so_grant_metrics(const so_grant_table *t, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_GRANT_GRANT_H_
