#include "kernel/xen/grant/grant.h"

#include <xen/xen.h>
#include <xen/grant_table.h>

#include "base/mem.h"

// Marks in the free list. No reference reaches them: 32 pages hold 16384.
#define GIVEN_OUT UINT16_MAX
#define END_OF_LIST ((uint16_t)(UINT16_MAX - 1))

#define MAPPED_BITS ((uint16_t)(GTF_reading | GTF_writing))

_Static_assert(SO_GRANT_ENTRIES_PER_PAGE * sizeof(grant_entry_v1_t) == SO_PAGE_LEN, "one page");
_Static_assert(SO_GRANT_TABLE_PAGES_MAX * SO_GRANT_ENTRIES_PER_PAGE < END_OF_LIST, "16 bits");

static grant_entry_v1_t *entry_of(const so_grant_table *t, uint32_t ref) {
  grant_entry_v1_t *const page = t->pages[ref / SO_GRANT_ENTRIES_PER_PAGE];
  return &page[ref % SO_GRANT_ENTRIES_PER_PAGE];
}

static uint16_t *next_of(const so_grant_table *t, uint32_t ref) {
  return &t->next[ref / SO_GRANT_ENTRIES_PER_PAGE][ref % SO_GRANT_ENTRIES_PER_PAGE];
}

static bool add_page(so_grant_table *t) {
  const uint32_t index = t->page_count;
  if (index >= t->page_max) {
    return false;
  }
  uint16_t *const next =
      so_heap_alloc_array(t->heap, SO_GRANT_ENTRIES_PER_PAGE, sizeof(uint16_t));
  if (next == NULL) {
    return false;
  }
  void *const page = t->ops.table_page(t->ops.ctx, index);
  if (page == NULL) {
    so_heap_free(t->heap, next, SO_GRANT_ENTRIES_PER_PAGE * sizeof(uint16_t));
    return false;
  }
  t->pages[index] = page;
  t->next[index] = next;
  t->page_count++;
  const uint32_t base = index * SO_GRANT_ENTRIES_PER_PAGE;
  const uint32_t least = index == 0 ? GNTTAB_NR_RESERVED_ENTRIES : 0;
  for (uint32_t i = SO_GRANT_ENTRIES_PER_PAGE; i-- > least;) {
    next[i] = t->first_free;
    t->first_free = (uint16_t)(base + i);
  }
  for (uint32_t i = 0; i < least; i++) {
    next[i] = END_OF_LIST;  // Never on the list, never given out.
  }
  return true;
}

so_status so_grant_init(so_grant_table *t, const so_heap *heap, const so_grant_ops *ops,
                        uint32_t page_max) {
  memset(t, 0, sizeof *t);
  t->heap = heap;
  t->ops = *ops;
  t->page_max = page_max < SO_GRANT_TABLE_PAGES_MAX ? page_max : SO_GRANT_TABLE_PAGES_MAX;
  t->first_free = END_OF_LIST;
  return add_page(t) ? so_done() : so_status_make(SO_LIMIT, 0);
}

void so_grant_release(so_grant_table *t) {
  for (uint32_t i = 0; i < t->page_count; i++) {
    so_heap_free(t->heap, t->next[i], SO_GRANT_ENTRIES_PER_PAGE * sizeof(uint16_t));
  }
  t->page_count = 0;
}

bool so_grant_page(so_grant_table *t, uint16_t domid, uint32_t frame, bool read_only,
                   uint32_t *out_ref) {
  if (t->first_free == END_OF_LIST && !add_page(t)) {
    t->stats.refused++;
    return false;
  }
  const uint16_t ref = t->first_free;
  uint16_t *const next = next_of(t, ref);
  t->first_free = *next;
  *next = GIVEN_OUT;
  grant_entry_v1_t *const entry = entry_of(t, ref);
  entry->domid = domid;
  entry->frame = frame;
  // The rest of the entry before the flags: from these on the other domain may use it.
  const uint16_t flags = (uint16_t)(GTF_permit_access | (read_only ? GTF_readonly : 0u));
  __atomic_store_n(&entry->flags, flags, __ATOMIC_RELEASE);
  t->stats.granted++;
  t->used++;
  if (t->used > t->used_max) {
    t->used_max = t->used;
  }
  *out_ref = ref;
  return true;
}

static bool given_out(const so_grant_table *t, uint32_t ref) {
  return ref < t->page_count * SO_GRANT_ENTRIES_PER_PAGE && *next_of(t, ref) == GIVEN_OUT;
}

bool so_grant_end(so_grant_table *t, uint32_t ref) {
  if (!given_out(t, ref)) {
    t->stats.bad_ends++;
    return false;
  }
  grant_entry_v1_t *const entry = entry_of(t, ref);
  uint16_t flags = __atomic_load_n(&entry->flags, __ATOMIC_RELAXED);
  // A few rounds: Xen changes only the two bits below, and a set one ends this.
  do {
    if ((flags & MAPPED_BITS) != 0) {
      t->stats.still_mapped++;
      return false;
    }
  } while (!__atomic_compare_exchange_n(&entry->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
  *next_of(t, ref) = t->first_free;
  t->first_free = (uint16_t)ref;
  t->used--;
  t->stats.ended++;
  return true;
}

so_status so_grant_renew(so_grant_table *t) {
  for (uint32_t i = 0; i < t->page_count; i++) {
    void *const page = t->ops.table_page(t->ops.ctx, i);
    if (page == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    t->pages[i] = page;
  }
  return so_done();
}

static bool port_grant(void *ctx, uint16_t domid, void *page, bool read_only, uint32_t *out_ref) {
  return so_grant_page(ctx, domid, (uint32_t)((uintptr_t)page / SO_PAGE_LEN), read_only, out_ref);
}

static bool port_end(void *ctx, uint32_t ref) { return so_grant_end(ctx, ref); }

so_xen_grants so_grant_port(so_grant_table *t, const so_pages_port *pages) {
  const so_xen_grants port = {port_grant, port_end, t, *pages};
  return port;
}

void so_grant_metrics(const so_grant_table *t, so_metric_visit *visit, void *visit_ctx) {
  visit(visit_ctx, "xen_grants", SO_METRIC_GAUGE, t->used);
  visit(visit_ctx, "xen_grants_max", SO_METRIC_GAUGE, t->used_max);
  visit(visit_ctx, "xen_grant_table_pages", SO_METRIC_GAUGE, t->page_count);
  visit(visit_ctx, "xen_grants_made", SO_METRIC_COUNTER, t->stats.granted);
  visit(visit_ctx, "xen_grants_refused", SO_METRIC_COUNTER, t->stats.refused);
  visit(visit_ctx, "xen_grants_still_mapped", SO_METRIC_COUNTER, t->stats.still_mapped);
  visit(visit_ctx, "xen_grants_bad_ends", SO_METRIC_COUNTER, t->stats.bad_ends);
}
