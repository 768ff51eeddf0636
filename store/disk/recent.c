#include "base/sort.h"
#include "store/disk/internal.h"

// Places of the objects that no index run holds yet: an array in the order of arrival, and a hash
// table over it. Names are hashes, so their first bytes serve as the table's hash; who grinds names
// to collide pays 2^40 hashes for a chain of 2^20 slots.

#define FIRST_CAP 256

static uint32_t slot_of(const recent *r, uint32_t repo, const so_oid *oid) {
  uint64_t v = 0;
  memcpy(&v, oid->bytes + 8, sizeof v);
  v = (v ^ repo) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(v >> 32) & (r->slot_count - 1);
}

static void slot_fill(recent *r, uint32_t number) {
  const entry *e = &r->items[number];
  uint32_t slot = slot_of(r, e->repo, &e->oid);
  while (r->slots[slot] != 0) {
    slot = (slot + 1) & (r->slot_count - 1);
  }
  r->slots[slot] = number + 1;
}

static so_status grow(recent *r, const so_heap *heap) {
  const uint32_t cap = r->cap == 0 ? FIRST_CAP : r->cap * 2;
  if (cap > UINT32_MAX / 4 / sizeof(entry)) {
    return fail(SO_LIMIT, 0);
  }
  uint32_t *slots = (uint32_t *)so_heap_alloc_array(heap, (size_t)cap * 2, sizeof *slots);
  if (slots == NULL) {
    return fail(SO_LIMIT, 0);
  }
  entry *items =
      (entry *)heap->resize(heap->ctx, r->items, r->cap * sizeof *items, cap * sizeof *items);
  if (items == NULL) {
    so_heap_free(heap, slots, (size_t)cap * 2 * sizeof *slots);
    return fail(SO_LIMIT, 0);
  }
  so_heap_free(heap, r->slots, (size_t)r->slot_count * sizeof *r->slots);
  r->items = items;
  r->cap = cap;
  r->slots = slots;
  r->slot_count = cap * 2;
  for (uint32_t i = 0; i < r->count; i++) {
    slot_fill(r, i);
  }
  return so_done();
}

so_status so_disk_recent_reserve(recent *r, const so_heap *heap) {
  return r->count < r->cap ? so_done() : grow(r, heap);
}

void so_disk_recent_add(recent *r, const entry *e) {
  SO_ASSERT(r->count < r->cap);
  r->items[r->count] = *e;
  slot_fill(r, r->count);
  r->count++;
}

const entry *so_disk_recent_find(const recent *r, uint32_t repo, const so_oid *oid) {
  if (r->count == 0) {
    return NULL;
  }
  uint32_t slot = slot_of(r, repo, oid);
  while (r->slots[slot] != 0) {
    const entry *e = &r->items[r->slots[slot] - 1];
    if (e->repo == repo && so_oid_equal(&e->oid, oid)) {
      return e;
    }
    slot = (slot + 1) & (r->slot_count - 1);
  }
  return NULL;
}

// --- sorting --------------------------------------------------------------------------------

#define BUCKET_BITS 12
#define BUCKETS (1u << BUCKET_BITS)
#define BUCKET_SMALL 48

static uint32_t bucket_of(const entry *e) {
  return ((uint32_t)e->oid.bytes[0] << 8 | e->oid.bytes[1]) >> (16 - BUCKET_BITS);
}

static int compare_numbers(void *ctx, const void *a, const void *b) {
  const entry *items = (const entry *)ctx;
  return so_disk_entry_compare(&items[*(const uint32_t *)a], &items[*(const uint32_t *)b]);
}

static void sort_bucket(entry *items, uint32_t *order, uint32_t count) {
  if (count > BUCKET_SMALL) {
    so_sort(order, count, sizeof *order, compare_numbers, items);
    return;
  }
  for (uint32_t i = 1; i < count; i++) {
    const uint32_t number = order[i];
    uint32_t j = i;
    while (j > 0 && so_disk_entry_compare(&items[order[j - 1]], &items[number]) > 0) {
      order[j] = order[j - 1];
      j--;
    }
    order[j] = number;
  }
}

so_status so_disk_recent_sorted(const recent *r, const so_heap *heap, uint32_t **out) {
  uint32_t *order = (uint32_t *)so_heap_alloc(heap, r->count * sizeof *order);
  uint32_t *ends = (uint32_t *)so_heap_alloc_array(heap, BUCKETS, sizeof *ends);
  if (order == NULL || ends == NULL) {
    so_heap_free(heap, order, r->count * sizeof *order);
    so_heap_free(heap, ends, BUCKETS * sizeof *ends);
    return fail(SO_LIMIT, 0);
  }
  for (uint32_t i = 0; i < r->count; i++) {
    ends[bucket_of(&r->items[i])]++;
  }
  uint32_t sum = 0;
  for (uint32_t b = 0; b < BUCKETS; b++) {
    const uint32_t count = ends[b];
    ends[b] = sum;
    sum += count;
  }
  for (uint32_t i = 0; i < r->count; i++) {
    order[ends[bucket_of(&r->items[i])]++] = i;
  }
  uint32_t start = 0;
  for (uint32_t b = 0; b < BUCKETS; b++) {
    sort_bucket(r->items, order + start, ends[b] - start);
    start = ends[b];
  }
  so_heap_free(heap, ends, BUCKETS * sizeof *ends);
  *out = order;
  return so_done();
}

void so_disk_recent_clear(recent *r) {
  r->count = 0;
  if (r->slot_count != 0) {
    memset(r->slots, 0, (size_t)r->slot_count * sizeof *r->slots);
  }
}

void so_disk_recent_release(recent *r, const so_heap *heap) {
  so_heap_free(heap, r->items, r->cap * sizeof *r->items);
  so_heap_free(heap, r->slots, (size_t)r->slot_count * sizeof *r->slots);
  memset(r, 0, sizeof *r);
}
