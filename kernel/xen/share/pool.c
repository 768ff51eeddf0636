#include "base/assert.h"
#include "base/mem.h"
#include "kernel/xen/share/share.h"

static void forget_free(so_share_pool *p) {
  p->first_free = SO_SHARE_NONE;
  p->free_count = 0;
  p->usable = 0;
}

// end_page withdraws the grant of a page; false: it is still mapped.
static bool end_page(so_share_pool *p, so_share_page *page) {
  if (page->ref == SO_SHARE_NONE) {
    return true;
  }
  if (!p->grants.end(p->grants.ctx, page->ref)) {
    return false;
  }
  page->ref = SO_SHARE_NONE;
  return true;
}

// ready_page gives an ungranted entry a page and a grant.
static bool ready_page(so_share_pool *p, so_share_page *page, uint16_t domid) {
  if (page->ptr == NULL) {
    page->ptr = p->grants.pages.take(p->grants.pages.ctx, 1);
    if (page->ptr == NULL) {
      return false;
    }
    memset(page->ptr, 0, SO_PAGE_LEN);
  }
  return p->grants.grant(p->grants.ctx, domid, page->ptr, p->read_only, &page->ref);
}

so_status so_share_pool_init(so_share_pool *p, const so_heap *heap, const so_xen_grants *grants,
                             uint32_t page_max, bool read_only) {
  SO_ASSERT(page_max != 0);
  *p = (so_share_pool){
      .heap = heap, .grants = *grants, .page_max = page_max, .read_only = read_only};
  forget_free(p);
  p->pages = so_heap_alloc_array(heap, page_max, sizeof *p->pages);
  if (p->pages == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (uint32_t i = 0; i < page_max; i++) {
    p->pages[i].ref = SO_SHARE_NONE;
  }
  return so_done();
}

void so_share_pool_release(so_share_pool *p) {
  if (p->pages == NULL) {
    return;
  }
  so_share_pool_end(p);
  for (uint32_t i = 0; i < p->page_max; i++) {
    so_share_page *const page = &p->pages[i];
    if (page->ptr != NULL && page->ref == SO_SHARE_NONE) {
      p->grants.pages.give(p->grants.pages.ctx, page->ptr, 1);
    }
  }
  so_heap_free(p->heap, p->pages, p->page_max * sizeof *p->pages);
  p->pages = NULL;
}

so_status so_share_pool_grant(so_share_pool *p, uint16_t domid, uint32_t least) {
  SO_ASSERT(p->usable == 0 && least <= p->page_max);
  p->aside = 0;
  // From the end, so that the first page is the first to be used.
  for (uint32_t i = p->page_max; i-- != 0;) {
    if (!end_page(p, &p->pages[i])) {
      p->aside++;
    } else if (ready_page(p, &p->pages[i], domid)) {
      p->pages[i].next = p->first_free;
      p->first_free = i;
      p->free_count++;
      p->usable++;
    } else {
      p->pages[i].ref = SO_SHARE_NONE;
    }
  }
  if (p->usable < least) {
    so_share_pool_end(p);
    return so_status_make(SO_LIMIT, 0);
  }
  return so_done();
}

void so_share_pool_end(so_share_pool *p) {
  forget_free(p);
  p->aside = 0;
  for (uint32_t i = 0; i < p->page_max; i++) {
    p->aside += !end_page(p, &p->pages[i]);
  }
}

uint32_t so_share_pool_take(so_share_pool *p) {
  const uint32_t i = p->first_free;
  if (i != SO_SHARE_NONE) {
    p->first_free = p->pages[i].next;
    p->free_count--;
  }
  return i;
}

void so_share_pool_put(so_share_pool *p, uint32_t index) {
  SO_ASSERT(index < p->page_max && p->free_count < p->usable);
  p->pages[index].next = p->first_free;
  p->first_free = index;
  p->free_count++;
}
