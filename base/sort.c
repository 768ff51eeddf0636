#include "base/sort.h"

#include <stdint.h>

#include "base/assert.h"
#include "base/mem.h"

typedef struct sorter {
  uint8_t *items;
  size_t size;
  int (*compare)(void *ctx, const void *a, const void *b);
  void *ctx;
} sorter;

static uint8_t *at(const sorter *s, size_t i) { return s->items + i * s->size; }

// sift_down puts the element at `root` where it belongs in the max-heap items[root..count).
static void sift_down(const sorter *s, size_t root, size_t count) {
  uint8_t moving[SO_SORT_SIZE_MAX];
  memcpy(moving, at(s, root), s->size);
  for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && s->compare(s->ctx, at(s, child), at(s, child + 1)) < 0) {
      child++;
    }
    if (s->compare(s->ctx, moving, at(s, child)) >= 0) {
      break;
    }
    memcpy(at(s, root), at(s, child), s->size);
    root = child;
  }
  memcpy(at(s, root), moving, s->size);
}

static void swap(const sorter *s, size_t a, size_t b) {
  uint8_t kept[SO_SORT_SIZE_MAX];
  memcpy(kept, at(s, a), s->size);
  memcpy(at(s, a), at(s, b), s->size);
  memcpy(at(s, b), kept, s->size);
}

void so_sort(void *items, size_t count, size_t size,
             int (*compare)(void *ctx, const void *a, const void *b), void *ctx) {
  SO_ASSERT(size != 0 && size <= SO_SORT_SIZE_MAX);
  if (count < 2) {
    return;
  }
  const sorter s = {items, size, compare, ctx};
  for (size_t i = count / 2; i > 0; i--) {
    sift_down(&s, i - 1, count);
  }
  for (size_t last = count - 1; last > 0; last--) {
    swap(&s, 0, last);
    sift_down(&s, 0, last);
  }
}
