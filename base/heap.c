#include "base/heap.h"

#include "base/assert.h"
#include "base/mem.h"

void *so_heap_alloc(const so_heap *heap, size_t len) {
  SO_ASSERT(len != 0);
  return heap->resize(heap->ctx, NULL, 0, len);
}

void *so_heap_alloc_array(const so_heap *heap, size_t count, size_t size) {
  size_t len;
  if (__builtin_mul_overflow(count, size, &len) || len == 0) {
    return NULL;
  }
  void *ptr = so_heap_alloc(heap, len);
  if (ptr != NULL) {
    memset(ptr, 0, len);
  }
  return ptr;
}

void so_heap_free(const so_heap *heap, void *ptr, size_t len) {
  if (ptr != NULL) {
    heap->resize(heap->ctx, ptr, len, 0);
  }
}

static void *budget_resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  so_heap_budget *b = ctx;
  SO_ASSERT(b->used >= old_len);
  const size_t others = b->used - old_len;
  if (new_len > b->limit - (others < b->limit ? others : b->limit)) {
    return NULL;
  }
  void *out = b->parent->resize(b->parent->ctx, ptr, old_len, new_len);
  if (out != NULL || new_len == 0) {
    b->used = others + new_len;
    b->used_max = b->used > b->used_max ? b->used : b->used_max;
  }
  return out;
}

so_heap so_heap_budget_init(so_heap_budget *budget, const so_heap *parent, size_t limit) {
  const so_heap_budget start = {parent, limit, 0, 0};
  *budget = start;
  const so_heap heap = {budget_resize, budget};
  return heap;
}
