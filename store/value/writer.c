// Cuts a value into chunks and builds the tree of indexes over them from below, one open node a
// level. Whether a node ends depends only on the names in it, so an insertion into the value moves
// the boundaries near it and no others.

#include "base/mem.h"
#include "base/writer.h"
#include "crypto/siphash/siphash.h"
#include "store/value/cut.h"
#include "store/value/index.h"

// An index node has at least COUNT_MIN items, unless it is the last of its level, and ends after
// each further one with a chance of 1/32: 63 on average.
#define COUNT_MIN 32u
#define BOUNDARY_SHIFT 59
#define SALT_PURPOSE 0xc0u
#define ITEM_LEN_MAX (10u + SO_OID_LEN)
#define HEADER_LEN_MAX 4u

typedef struct index_level {
  so_buf items;
  uint32_t count;
  uint64_t size;
  so_index_item first;  // While it is the only one, it may still turn out to be the root.
  bool emitted;
} index_level;

struct so_value_writer {
  const so_tree *tree;
  so_cutter cutter;
  bool has_cutter;
  so_buf pending;  // Bytes of the chunk that has not ended.
  uint64_t size;
  uint32_t height;
  index_level levels[SO_TREE_HEIGHT_MAX];
  uint8_t node[HEADER_LEN_MAX + SO_INDEX_COUNT_MAX * ITEM_LEN_MAX];
};

static so_status limit(void) { return so_status_make(SO_LIMIT, 0); }

so_status so_value_writer_open(const so_tree *tree, so_value_writer **out) {
  so_value_writer *w = so_heap_alloc(tree->heap, sizeof *w);
  if (w == NULL) {
    return limit();
  }
  w->tree = tree;
  w->has_cutter = false;
  w->size = 0;
  w->height = 0;
  so_buf_init(&w->pending, tree->heap, SO_CHUNK_LEN_MAX);
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    index_level *l = &w->levels[i];
    so_buf_init(&l->items, tree->heap, SO_INDEX_COUNT_MAX * ITEM_LEN_MAX);
    l->count = 0;
    l->size = 0;
    l->emitted = false;
  }
  *out = w;
  return so_done();
}

void so_value_writer_close(so_value_writer *w) {
  so_buf_release(&w->pending);
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    so_buf_release(&w->levels[i].items);
  }
  so_heap_free(w->tree->heap, w, sizeof *w);
}

// --- indexes ------------------------------------------------------------------------------------

static bool is_boundary(const so_value_writer *w, uint32_t level, const so_oid *child) {
  const uint32_t count = w->levels[level].count;
  if (count < COUNT_MIN || count == SO_INDEX_COUNT_MAX) {
    return count == SO_INDEX_COUNT_MAX;
  }
  uint8_t key[SO_SALT_LEN];
  memcpy(key, w->tree->salt, SO_SALT_LEN);
  key[SO_SALT_LEN - 1] ^= (uint8_t)(SALT_PURPOSE | level);
  return so_siphash24(key, so_bytes_of(child->bytes, SO_OID_LEN)) >> BOUNDARY_SHIFT == 0;
}

static so_status append(so_value_writer *w, uint32_t level, const so_index_item *item) {
  if (level == SO_TREE_HEIGHT_MAX) {
    return limit();
  }
  index_level *l = &w->levels[level];
  if (l->count == 0) {
    so_buf_clear(&l->items);
    l->size = 0;
    l->first = *item;
  }
  so_buf_append_varint(&l->items, item->size);
  so_buf_append(&l->items, so_bytes_of(item->child.bytes, SO_OID_LEN));
  l->count++;
  l->size += item->size;
  w->height = w->height <= level ? level + 1 : w->height;
  return l->items.failed ? limit() : so_done();
}

static so_status emit(so_value_writer *w, uint32_t level, so_index_item *out) {
  index_level *l = &w->levels[level];
  so_writer node = so_writer_of(w->node, sizeof w->node);
  so_write_u8(&node, SO_INDEX_VERSION);
  so_write_u8(&node, (uint8_t)level);
  so_write_varint(&node, l->count);
  so_write_bytes(&node, so_buf_bytes(&l->items));
  so_bytes payload;
  SO_TRY(so_writer_end(&node, &payload));
  out->size = l->size;
  l->count = 0;
  l->emitted = true;
  return so_objects_put(w->tree->objects, SO_KIND_CHUNK_INDEX, payload, &out->child);
}

static so_status add_child(so_value_writer *w, so_index_item item) {
  for (uint32_t level = 0;; level++) {
    SO_TRY(append(w, level, &item));
    if (!is_boundary(w, level, &item.child)) {
      return so_done();
    }
    SO_TRY(emit(w, level, &item));
  }
}

// end_indexes ends the open nodes. A level with one child alone is not made: its child is the root.
static so_status end_indexes(so_value_writer *w, so_index_item *out_root, so_kind *out_kind) {
  *out_kind = SO_KIND_CHUNK_INDEX;
  for (uint32_t level = 0; level < w->height; level++) {
    index_level *l = &w->levels[level];
    const bool is_top = level + 1 == w->height && !l->emitted;
    if (is_top && l->count == 1) {
      *out_root = l->first;
      *out_kind = level == 0 ? SO_KIND_CHUNK : SO_KIND_CHUNK_INDEX;
      return so_done();
    }
    if (is_top) {
      return emit(w, level, out_root);
    }
    if (l->count != 0) {
      so_index_item item;
      SO_TRY(emit(w, level, &item));
      SO_TRY(append(w, level + 1, &item));
    }
  }
  return so_status_make(SO_INTERNAL, 0);
}

// --- chunks -------------------------------------------------------------------------------------

static so_status put_chunk(so_value_writer *w, so_bytes chunk) {
  so_index_item item = {{{0}}, chunk.len};
  SO_TRY(so_objects_put(w->tree->objects, SO_KIND_CHUNK, chunk, &item.child));
  return add_child(w, item);
}

static so_status end_chunk(so_value_writer *w, so_bytes last_part) {
  if (w->pending.len == 0) {
    return put_chunk(w, last_part);
  }
  so_bytes chunk;
  so_buf_append(&w->pending, last_part);
  SO_TRY(so_buf_end(&w->pending, &chunk));
  SO_TRY(put_chunk(w, chunk));
  so_buf_clear(&w->pending);
  return so_done();
}

so_status so_value_write(so_value_writer *w, so_bytes bytes) {
  if (!w->has_cutter && w->size + bytes.len > SO_INLINE_LEN_MAX) {
    bool is_end;
    so_cutter_init(&w->cutter, w->tree->salt);
    w->has_cutter = true;
    (void)so_cutter_feed(&w->cutter, so_buf_bytes(&w->pending), &is_end);
  }
  w->size += bytes.len;
  while (w->has_cutter && bytes.len != 0) {
    bool is_end;
    const size_t n = so_cutter_feed(&w->cutter, bytes, &is_end);
    if (!is_end) {
      break;
    }
    SO_TRY(end_chunk(w, so_bytes_first(bytes, n)));
    bytes = so_bytes_from(bytes, n);
  }
  so_bytes kept;
  so_buf_append(&w->pending, bytes);
  return so_buf_end(&w->pending, &kept);
}

static so_status end_large(so_value_writer *w, so_entry *entry) {
  so_index_item root;
  so_kind kind;
  if (w->pending.len != 0) {
    SO_TRY(end_chunk(w, so_bytes_of(NULL, 0)));
  }
  SO_TRY(end_indexes(w, &root, &kind));
  entry->is_inline = false;
  entry->inline_value = so_bytes_of(NULL, 0);
  entry->size = w->size;
  entry->value = root.child;
  entry->value_kind = kind;
  return so_done();
}

static void set_inline(so_bytes bytes, so_entry *entry) {
  const so_oid none = {{0}};
  entry->is_inline = true;
  entry->inline_value = bytes;
  entry->size = bytes.len;
  entry->value = none;
}

so_status so_value_writer_end(so_value_writer *w, so_entry *entry) {
  if (w->size > SO_INLINE_LEN_MAX) {
    return end_large(w, entry);
  }
  set_inline(so_buf_bytes(&w->pending), entry);
  return so_done();
}

so_status so_value_of(const so_tree *tree, so_bytes bytes, so_entry *entry) {
  if (bytes.len <= SO_INLINE_LEN_MAX) {
    set_inline(bytes, entry);
    return so_done();
  }
  so_value_writer *w = NULL;
  SO_TRY(so_value_writer_open(tree, &w));
  so_status s = so_value_write(w, bytes);
  if (so_ok(s)) {
    s = so_value_writer_end(w, entry);
  }
  so_value_writer_close(w);
  return s;
}
