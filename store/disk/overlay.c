#include "store/disk/internal.h"

// Changes of the meta map since the last checkpoint: a sorted array over an arena. Few enough that
// an insertion may move it; readers copy the part they need and keep a reference for the bytes.

#define FIRST_CAP 64
#define ARENA_LIMIT ((size_t)1 << 30)  // so_db_config.meta_len is what really limits it.

overlay *so_disk_overlay_make(so_db *db) {
  overlay *o = (overlay *)so_heap_alloc_array(db->heap, 1, sizeof *o);
  if (o != NULL) {
    o->refs = 1;
    so_arena_init(&o->arena, db->heap, ARENA_LIMIT);
  }
  return o;
}

void so_disk_overlay_release(so_db *db, overlay *o) {
  if (o == NULL) {
    return;
  }
  SO_ASSERT(o->refs > 0);
  o->refs--;
  if (o->refs == 0) {
    so_arena_release(&o->arena);
    so_heap_free(db->heap, o->items, o->cap * sizeof *o->items);
    so_heap_free(db->heap, o, sizeof *o);
  }
}

uint32_t so_disk_overlay_lower(const overlay *o, so_bytes key) {
  uint32_t low = 0;
  uint32_t high = o->count;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (so_bytes_compare(o->items[middle].key, key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

so_status so_disk_overlay_reserve(so_db *db, overlay *o, uint32_t count) {
  if (count <= o->cap - o->count) {
    return so_done();
  }
  uint32_t cap = o->cap == 0 ? FIRST_CAP : o->cap;
  while (cap - o->count < count) {
    if (cap > UINT32_MAX / 4 / sizeof *o->items) {
      return fail(SO_LIMIT, 0);
    }
    cap *= 2;
  }
  overlay_item *items = (overlay_item *)db->heap->resize(
      db->heap->ctx, o->items, o->cap * sizeof *items, cap * sizeof *items);
  if (items == NULL) {
    return fail(SO_LIMIT, 0);
  }
  o->items = items;
  o->cap = cap;
  return so_done();
}

// overlay_set puts an item whose bytes live in the arena; room was reserved.
void so_disk_overlay_set(overlay *o, const overlay_item *item) {
  const uint32_t at = so_disk_overlay_lower(o, item->key);
  o->len += item->key.len + item->value.len + sizeof *item;
  if (at < o->count && so_bytes_equal(o->items[at].key, item->key)) {
    o->items[at] = *item;
    return;
  }
  SO_ASSERT(o->count < o->cap);
  memmove(&o->items[at + 1], &o->items[at], (o->count - at) * sizeof *o->items);
  o->items[at] = *item;
  o->count++;
}
