// Stacks from mmap, each with a page below that nothing may touch. Some are kept for reuse.

#include <sys/mman.h>
#include <unistd.h>

#include "kernel/unix/internal.h"

void unix_stacks_init(unix_stacks *s) {
  s->kept_count = 0;
  s->page_len = (size_t)sysconf(_SC_PAGESIZE);
}

void *unix_stack_alloc(void *ctx, size_t len) {
  unix_stacks *const s = &((so_unix *)ctx)->stacks;
  if (s->kept_count != 0) {
    return s->kept[--s->kept_count];
  }
  uint8_t *const map = mmap(NULL, s->page_len + len, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (map == MAP_FAILED) {
    return NULL;
  }
  if (mprotect(map, s->page_len, PROT_NONE) != 0) {
    (void)munmap(map, s->page_len + len);
    return NULL;
  }
  return map + s->page_len;
}

static void unmap(const unix_stacks *s, void *stack, size_t len) {
  (void)munmap((uint8_t *)stack - s->page_len, s->page_len + len);
}

void unix_stack_free(void *ctx, void *stack, size_t len) {
  unix_stacks *const s = &((so_unix *)ctx)->stacks;
  if (s->kept_count < UNIX_STACKS_KEPT) {
    s->kept[s->kept_count++] = stack;
  } else {
    unmap(s, stack, len);
  }
}

void unix_stacks_release(unix_stacks *s, size_t len) {
  while (s->kept_count != 0) {
    unmap(s, s->kept[--s->kept_count], len);
  }
}
