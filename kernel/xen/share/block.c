#include "base/assert.h"
#include "base/mem.h"
#include "kernel/xen/share/share.h"

// end_block ends what can be ended and gives the pages back when that is all of it.
static bool end_block(so_share_ring *r, so_share_block *b) {
  bool all = true;
  for (uint32_t i = 0; i < b->count; i++) {
    if (b->refs[i] != SO_SHARE_NONE && r->grants.end(r->grants.ctx, b->refs[i])) {
      b->refs[i] = SO_SHARE_NONE;
    }
    all = all && b->refs[i] == SO_SHARE_NONE;
  }
  if (all && b->pages != NULL) {
    r->grants.pages.give(r->grants.pages.ctx, b->pages, b->count);
    *b = (so_share_block){0};
  }
  return all;
}

void so_share_ring_init(so_share_ring *r, const so_xen_grants *grants) {
  *r = (so_share_ring){.grants = *grants};
}

so_status so_share_ring_grant(so_share_ring *r, uint16_t domid, uint32_t count) {
  SO_ASSERT(r->current == NULL && count != 0 && count <= SO_SHARE_BLOCK_PAGES);
  so_share_block *b = NULL;
  for (uint32_t i = 0; i < SO_SHARE_BLOCKS; i++) {
    if (end_block(r, &r->blocks[i])) {
      b = &r->blocks[i];
    }
  }
  if (b == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  b->pages = r->grants.pages.take(r->grants.pages.ctx, count);
  if (b->pages == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memset(b->pages, 0, (size_t)count * SO_PAGE_LEN);
  b->count = count;
  bool all = true;
  for (uint32_t i = 0; i < count; i++) {
    b->refs[i] = SO_SHARE_NONE;
    if (!all || !r->grants.grant(r->grants.ctx, domid, b->pages + (size_t)i * SO_PAGE_LEN, false,
                                 &b->refs[i])) {
      b->refs[i] = SO_SHARE_NONE;
      all = false;
    }
  }
  r->current = b;
  if (!all) {
    so_share_ring_end(r);
    return so_status_make(SO_LIMIT, 0);
  }
  return so_done();
}

void so_share_ring_end(so_share_ring *r) {
  if (r->current != NULL) {
    (void)end_block(r, r->current);
    r->current = NULL;
  }
}

uint32_t so_share_ring_aside(const so_share_ring *r) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < SO_SHARE_BLOCKS; i++) {
    if (r->blocks[i].pages != NULL && &r->blocks[i] != r->current) {
      count += r->blocks[i].count;
    }
  }
  return count;
}
