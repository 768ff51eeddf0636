#include "store/tree/builder.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"

// A node has at least COUNT_MIN entries, unless it is the last of its level. From there on the
// chance that it ends grows by 1/100 with each entry, which makes 23.8 entries on average with a
// standard deviation of 6, and 96 all but unreachable.
#define COUNT_MIN 12u
#define HAZARD_STEP 42949673u  // 2^32 / 100, rounded up.

static so_status limit(void) { return so_status_make(SO_LIMIT, 0); }

bool so_boundary_is_after(const uint8_t salt[SO_SALT_LEN], uint32_t level, uint32_t count,
                          size_t keys_len, so_bytes key) {
  if (count >= SO_NODE_COUNT_MAX || keys_len >= SO_NODE_KEYS_LEN_MAX) {
    return true;
  }
  if (count < COUNT_MIN) {
    return false;
  }
  uint8_t level_salt[SO_SALT_LEN];
  memcpy(level_salt, salt, SO_SALT_LEN);
  level_salt[SO_SALT_LEN - 1] ^= (uint8_t)level;
  const uint32_t hash = (uint32_t)(so_siphash24(level_salt, key) >> 32);
  return hash < (count - (COUNT_MIN - 1)) * HAZARD_STEP;
}

void so_builder_init(so_builder *b, const so_tree *tree) {
  b->tree = tree;
  b->height = 0;
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    so_builder_level *l = &b->levels[i];
    so_buf_init(&l->out, tree->heap, SO_OBJECT_LEN_MAX);
    so_buf_init(&l->last_key, tree->heap, SO_KEY_LEN_MAX);
    l->count = 0;
    l->emitted = false;
  }
}

void so_builder_release(so_builder *b) {
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    so_buf_release(&b->levels[i].out);
    so_buf_release(&b->levels[i].last_key);
  }
}

bool so_builder_is_aligned(const so_builder *b, uint32_t level) {
  for (uint32_t i = 0; i < level; i++) {
    if (b->levels[i].count != 0) {
      return false;
    }
  }
  return true;
}

static size_t common_len(so_bytes a, so_bytes b) {
  const size_t max = a.len < b.len ? a.len : b.len;
  size_t n = 0;
  while (n < max && a.ptr[n] == b.ptr[n]) {
    n++;
  }
  return n;
}

static void begin_node(so_builder_level *l, uint32_t level) {
  const uint8_t header[SO_NODE_HEADER_LEN] = {SO_NODE_VERSION, (uint8_t)level, 0};
  so_buf_clear(&l->out);
  so_buf_append(&l->out, so_bytes_of(header, sizeof header));
  so_buf_clear(&l->last_key);
  l->keys_len = 0;
  l->entries = 0;
}

// Keys of edits are known to ascend; those of old nodes do unless somebody made them otherwise, and
// then must not get into new ones.
static so_status check_order(const so_builder_level *l, so_bytes key) {
  const bool is_first = l->count == 0 && !l->emitted;
  const bool ascends = is_first || so_bytes_compare(so_buf_bytes(&l->last_key), key) < 0;
  return ascends ? so_done() : so_status_make(SO_CORRUPT, 0);
}

// begin_item writes the key; the tail comes after.
static so_status begin_item(so_builder *b, uint32_t level, so_bytes key) {
  so_builder_level *l = &b->levels[level];
  SO_TRY(check_order(l, key));
  if (l->count == 0) {
    begin_node(l, level);
  }
  const size_t shared = common_len(so_buf_bytes(&l->last_key), key);
  const so_bytes suffix = so_bytes_from(key, shared);
  so_buf_append_varint(&l->out, shared);
  so_buf_append_varint(&l->out, suffix.len);
  so_buf_append(&l->out, suffix);
  l->last_key.len = shared;
  so_buf_append(&l->last_key, suffix);
  return so_done();
}

static so_status end_item(so_builder *b, uint32_t level, uint64_t entries) {
  so_builder_level *l = &b->levels[level];
  if (l->out.failed || l->last_key.failed) {
    return limit();
  }
  l->count++;
  l->keys_len += l->last_key.len;
  l->entries += entries;
  if (b->height <= level) {
    b->height = level + 1;
  }
  return so_done();
}

static so_status emit(so_builder *b, uint32_t level, so_oid *out) {
  so_builder_level *l = &b->levels[level];
  l->out.ptr[SO_NODE_HEADER_LEN - 1] = (uint8_t)l->count;
  SO_TRY(so_objects_put(b->tree->objects, SO_KIND_TREE, so_buf_bytes(&l->out), out));
  l->count = 0;
  l->emitted = true;
  return so_done();
}

// push_up ends the node of `level` and makes it a child one level higher.
static so_status push_up(so_builder *b, uint32_t level) {
  if (level + 1 == SO_TREE_HEIGHT_MAX) {
    return limit();
  }
  so_oid oid;
  SO_TRY(emit(b, level, &oid));
  so_builder_level *parent = &b->levels[level + 1];
  SO_TRY(begin_item(b, level + 1, so_buf_bytes(&b->levels[level].last_key)));
  so_buf_append(&parent->out, so_bytes_of(oid.bytes, SO_OID_LEN));
  so_buf_append_varint(&parent->out, b->levels[level].entries);
  return end_item(b, level + 1, b->levels[level].entries);
}

static so_status end_full_nodes(so_builder *b, uint32_t level) {
  for (;; level++) {
    const so_builder_level *l = &b->levels[level];
    if (!so_boundary_is_after(b->tree->salt, level, l->count, l->keys_len,
                              so_buf_bytes(&l->last_key))) {
      return so_done();
    }
    SO_TRY(push_up(b, level));
  }
}

so_status so_builder_put(so_builder *b, so_bytes key, const so_entry *entry) {
  SO_TRY(begin_item(b, 0, key));
  so_entry_write(entry, &b->levels[0].out);
  SO_TRY(end_item(b, 0, 1));
  return end_full_nodes(b, 0);
}

so_status so_builder_add(so_builder *b, uint32_t level, so_bytes key, so_bytes tail,
                         uint64_t entries) {
  if (level >= SO_TREE_HEIGHT_MAX) {
    return limit();
  }
  SO_TRY(begin_item(b, level, key));
  so_buf_append(&b->levels[level].out, tail);
  SO_TRY(end_item(b, level, entries));
  return end_full_nodes(b, level);
}

// The only child of a level that has one is itself the root.
static void only_child(const so_builder_level *l, so_oid *out) {
  so_node n;
  so_item item;
  so_buf payload = l->out;
  payload.ptr[SO_NODE_HEADER_LEN - 1] = 1;
  SO_ASSERT(so_ok(so_node_open(so_buf_bytes(&payload), &n)) && so_ok(so_node_next(&n, &item)));
  *out = item.child;
}

// An old node that was taken whole can have a single child, when it was the last of its level and
// what stood before it is gone.
static so_status collapse(const so_tree *tree, so_oid *root) {
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    so_object object;
    so_node n;
    so_item item;
    SO_TRY(so_node_load(tree, root, -1, &object, &n));
    const bool is_single = n.level != 0 && n.count == 1;
    const so_status s = so_node_next(&n, &item);
    so_objects_unpin(tree->objects, &object);
    if (!so_ok(s) || !is_single) {
      return s;
    }
    *root = item.child;
  }
  return so_status_make(SO_CORRUPT, 0);
}

so_status so_builder_end(so_builder *b, so_oid *out_root) {
  so_oid root = {{0}};
  for (uint32_t level = 0; level < b->height; level++) {
    so_builder_level *l = &b->levels[level];
    const bool is_top = level + 1 == b->height && !l->emitted;
    if (is_top && level != 0 && l->count == 1) {
      only_child(l, &root);
    } else if (is_top) {
      SO_TRY(emit(b, level, &root));
    } else if (l->count != 0) {
      SO_TRY(push_up(b, level));
    }
  }
  if (!so_oid_is_none(&root)) {
    SO_TRY(collapse(b->tree, &root));
  }
  *out_root = root;
  return so_done();
}
