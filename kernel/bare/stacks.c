// Stacks of fibers: pages, the lowest of which is taken out of the address space.

#include "kernel/bare/internal.h"

static size_t pages_of(size_t len) { return len / SO_PAGE_LEN + 1; }

void *bare_stack_alloc(void *ctx, size_t len) {
  bare *const b = ctx;
  if (b->stacks.kept_count != 0) {
    return b->stacks.kept[--b->stacks.kept_count];
  }
  uint8_t *const run = so_ram_take(&b->pages, pages_of(len));
  if (run == NULL) {
    return NULL;
  }
  if (!so_machine_guard(run)) {
    so_ram_give(&b->pages, run, pages_of(len));
    return NULL;
  }
  return run + SO_PAGE_LEN;
}

void bare_stack_free(void *ctx, void *stack, size_t len) {
  bare *const b = ctx;
  if (b->stacks.kept_count < BARE_STACKS_KEPT) {
    b->stacks.kept[b->stacks.kept_count++] = stack;
    return;
  }
  uint8_t *const run = (uint8_t *)stack - SO_PAGE_LEN;
  so_machine_unguard(run);
  so_ram_give(&b->pages, run, pages_of(len));
}
