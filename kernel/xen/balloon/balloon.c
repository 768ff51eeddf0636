#include "kernel/xen/balloon/balloon.h"

#include "base/fmt.h"
#include "base/mem.h"

#define KIB_A_PAGE (SO_PAGE_LEN / 1024u)
#define BLOCK_FRAMES 509u

// One page of frames that are away.
struct so_balloon_block {
  so_balloon_block *next;
  uint64_t count;
  uint64_t frames[BLOCK_FRAMES];
};

_Static_assert(sizeof(so_balloon_block) <= SO_PAGE_LEN, "one page");

void so_balloon_init(so_balloon *b, const so_balloon_ops *ops, const so_pages_port *pages,
                     size_t headroom) {
  memset(b, 0, sizeof *b);
  b->ops = *ops;
  b->pages = *pages;
  b->headroom = headroom;
}

bool so_balloon_target(so_balloon *b, so_bytes text) {
  uint64_t kib = 0;
  if (!so_ok(so_parse_u64(text, &kib))) {
    return false;
  }
  if (b->base_kib == 0) {
    b->base_kib = kib;
  }
  b->wanted = kib < b->base_kib ? (b->base_kib - kib) / KIB_A_PAGE : 0;
  return true;
}

static uint64_t frame_of(const void *page) { return (uintptr_t)page / SO_PAGE_LEN; }

static void *page_of(uint64_t frame) { return (void *)(uintptr_t)(frame * SO_PAGE_LEN); }

// make_room sees to a block with a free place. Its page comes from the allocator too, and stays
// ours.
static bool make_room(so_balloon *b) {
  if (b->blocks != NULL && b->blocks->count < BLOCK_FRAMES) {
    return true;
  }
  so_balloon_block *block = b->spare;
  b->spare = NULL;
  if (block == NULL) {
    block = b->pages.take(b->pages.ctx, 1);
  }
  if (block == NULL) {
    return false;
  }
  block->count = 0;
  block->next = b->blocks;
  b->blocks = block;
  return true;
}

static void drop_empty_block(so_balloon *b) {
  so_balloon_block *const block = b->blocks;
  if (block == NULL || block->count != 0) {
    return;
  }
  b->blocks = block->next;
  if (b->spare == NULL) {
    b->spare = block;
  } else {
    b->pages.give(b->pages.ctx, block, 1);
  }
}

static so_balloon_state refused(so_balloon *b) {
  b->refused++;
  return SO_BALLOON_STUCK;
}

static so_balloon_state give_batch(so_balloon *b) {
  if (!make_room(b)) {
    return refused(b);
  }
  so_balloon_block *const block = b->blocks;
  uint64_t most = b->wanted - b->away;
  most = most < SO_BALLOON_BATCH ? most : SO_BALLOON_BATCH;
  most = most < BLOCK_FRAMES - block->count ? most : BLOCK_FRAMES - block->count;
  uint64_t *const frames = &block->frames[block->count];
  size_t count = 0;
  while (count < most) {
    void *const page = b->pages.take(b->pages.ctx, 1);
    if (page == NULL) {
      break;
    }
    frames[count++] = frame_of(page);
  }
  const size_t gone = count == 0 ? 0 : b->ops.give(b->ops.ctx, frames, count);
  for (size_t i = gone; i < count; i++) {
    b->pages.give(b->pages.ctx, page_of(frames[i]), 1);
  }
  block->count += gone;
  b->away += gone;
  b->given += gone;
  drop_empty_block(b);
  return gone < most ? refused(b) : b->away < b->wanted ? SO_BALLOON_MORE : SO_BALLOON_DONE;
}

static so_balloon_state shrink(so_balloon *b) {
  // Held while the batch is taken, so that it is not part of it.
  void *const run = b->headroom == 0 ? NULL : b->pages.take(b->pages.ctx, b->headroom);
  if (run == NULL && b->headroom != 0) {
    return refused(b);
  }
  const so_balloon_state state = give_batch(b);
  if (run != NULL) {
    b->pages.give(b->pages.ctx, run, b->headroom);
  }
  return state;
}

static so_balloon_state grow(so_balloon *b) {
  so_balloon_block *const block = b->blocks;
  uint64_t most = b->away - b->wanted;
  most = most < SO_BALLOON_BATCH ? most : SO_BALLOON_BATCH;
  most = most < block->count ? most : block->count;
  const uint64_t *const frames = &block->frames[block->count - most];
  const size_t back = b->ops.take(b->ops.ctx, frames, (size_t)most);
  for (size_t i = 0; i < back; i++) {
    b->pages.give(b->pages.ctx, page_of(frames[i]), 1);
  }
  // The first ones came back: what is left of the batch moves down.
  memmove(&block->frames[block->count - most], frames + back,
          ((size_t)most - back) * sizeof frames[0]);
  block->count -= back;
  b->away -= back;
  b->taken += back;
  drop_empty_block(b);
  return back < most ? refused(b) : b->away > b->wanted ? SO_BALLOON_MORE : SO_BALLOON_DONE;
}

so_balloon_state so_balloon_step(so_balloon *b) {
  if (b->away == b->wanted) {
    return SO_BALLOON_DONE;
  }
  return b->away < b->wanted ? shrink(b) : grow(b);
}

void so_balloon_metrics(const so_balloon *b, so_metric_visit *visit, void *visit_ctx) {
  visit(visit_ctx, "xen_balloon_pages", SO_METRIC_GAUGE, b->away);
  visit(visit_ctx, "xen_balloon_pages_wanted", SO_METRIC_GAUGE, b->wanted);
  visit(visit_ctx, "xen_balloon_refused", SO_METRIC_COUNTER, b->refused);
}
