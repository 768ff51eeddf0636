#include "base/mem.h"
#include "store/tree/node.h"

static so_status corrupt(void) { return so_status_make(SO_CORRUPT, 0); }

static void pop(so_cursor *c) {
  c->depth--;
  so_objects_unpin(c->tree->objects, &c->levels[c->depth].object);
}

void so_cursor_close(so_cursor *c) {
  while (c->depth != 0) {
    pop(c);
  }
}

static so_status push(so_cursor *c, const so_oid *oid, int level) {
  if (c->depth == SO_TREE_HEIGHT_MAX) {
    return corrupt();
  }
  so_tree_level *l = &c->levels[c->depth];
  SO_TRY(so_node_load(c->tree, oid, level, &l->object, &l->node));
  c->depth++;
  return so_done();
}

static void show(so_cursor *c, const so_item *item) {
  c->key = so_key_bytes(&c->key_store);
  c->entry = item->entry;
}

// find_down finds the first key >= `key` below the node on top, and pins the path to it.
static so_status find_down(so_cursor *c, so_bytes key) {
  so_item item;
  bool is_equal;
  for (;;) {
    so_node *n = &c->levels[c->depth - 1].node;
    if (n->level == 0) {
      SO_TRY(so_node_find(n, key, &c->key_store, &item, &is_equal));
      show(c, &item);
      return so_done();
    }
    SO_TRY(so_node_find(n, key, NULL, &item, &is_equal));
    SO_TRY(push(c, &item.child, (int)n->level - 1));
  }
}

// find_below is find_down for a node that may have no such key (NOT_FOUND). A child that promised
// one has it.
static so_status find_below(so_cursor *c, so_bytes key) {
  const uint32_t depth = c->depth;
  const so_status s = find_down(c, key);
  return so_is(s, SO_NOT_FOUND) && c->depth > depth ? corrupt() : s;
}

static so_status seek(so_cursor *c, const so_oid *root, so_bytes key) {
  SO_TRY(push(c, root, -1));
  const so_status s = find_below(c, key);
  if (so_is(s, SO_NOT_FOUND)) {
    so_cursor_close(c);
    c->at_end = true;
    return so_done();
  }
  return s;
}

so_status so_cursor_seek(so_cursor *c, const so_tree *tree, const so_oid *root, so_bytes key) {
  c->tree = tree;
  c->depth = 0;
  c->at_end = so_oid_is_none(root);
  if (c->at_end) {
    return so_done();
  }
  const so_status s = seek(c, root, key);
  if (!so_ok(s)) {
    so_cursor_close(c);
  }
  return s;
}

// first_down goes from the node on top to the next entry that was not read.
static so_status first_down(so_cursor *c) {
  so_item item;
  for (;;) {
    so_node *n = &c->levels[c->depth - 1].node;
    SO_TRY(so_node_next(n, &item));
    if (n->level == 0) {
      if (n->index == 1) {
        c->key_store.len = 0;
      }
      SO_TRY(so_key_apply(&c->key_store, &item));
      show(c, &item);
      return so_done();
    }
    SO_TRY(push(c, &item.child, (int)n->level - 1));
  }
}

so_status so_cursor_next(so_cursor *c) {
  while (c->depth != 0) {
    const so_status s = first_down(c);
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
    pop(c);
  }
  c->at_end = true;
  return so_done();
}

// The keys of inner nodes are not kept, so those are read again from their beginning.
so_status so_cursor_forward(so_cursor *c, so_bytes key) {
  if (c->at_end || so_bytes_compare(c->key, key) >= 0) {
    return so_done();
  }
  while (c->depth != 0) {
    so_tree_level *top = &c->levels[c->depth - 1];
    if (top->node.level != 0) {
      SO_TRY(so_node_open(top->object.bytes, &top->node));
    }
    const so_status s = find_below(c, key);
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
    pop(c);
  }
  c->at_end = true;
  return so_done();
}

// --- single entries -----------------------------------------------------------------------------

// find_leaf pins the leaf where `key` is, or would be.
static so_status find_leaf(const so_tree *tree, const so_oid *root, so_bytes key,
                           so_object *out_object, so_node *out_node) {
  so_oid oid = *root;
  int level = -1;
  for (;;) {
    so_item item;
    bool is_equal;
    SO_TRY(so_node_load(tree, &oid, level, out_object, out_node));
    if (out_node->level == 0) {
      return so_done();
    }
    level = (int)out_node->level - 1;
    const so_status s = so_node_find(out_node, key, NULL, &item, &is_equal);
    so_objects_unpin(tree->objects, out_object);
    SO_TRY(s);
    oid = item.child;
  }
}

static so_status copy_entry(so_arena *arena, const so_entry *entry, so_entry *out) {
  so_entry copy = *entry;
  SO_TRY(so_arena_copy(arena, entry->inline_value, &copy.inline_value));
  SO_TRY(so_arena_copy(arena, entry->meta, &copy.meta));
  *out = copy;
  return so_done();
}

so_status so_tree_get(const so_tree *tree, const so_oid *root, so_bytes key, so_arena *arena,
                      so_entry *out) {
  if (so_oid_is_none(root)) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  so_object object;
  so_node node;
  so_item item;
  bool is_equal = false;
  SO_TRY(find_leaf(tree, root, key, &object, &node));
  so_status s = so_node_find(&node, key, NULL, &item, &is_equal);
  if (so_ok(s) && !is_equal) {
    s = so_status_make(SO_NOT_FOUND, 0);
  }
  if (so_ok(s)) {
    s = copy_entry(arena, &item.entry, out);
  }
  so_objects_unpin(tree->objects, &object);
  return s;
}

so_status so_tree_count(const so_tree *tree, const so_oid *root, uint64_t *out) {
  uint64_t count = 0;
  if (!so_oid_is_none(root)) {
    so_object object;
    so_node node;
    so_item item;
    SO_TRY(so_node_load(tree, root, -1, &object, &node));
    so_status s = so_done();
    while (so_ok(s)) {
      s = so_node_next(&node, &item);
      count += so_ok(s) ? item.entry_count : 0;
    }
    so_objects_unpin(tree->objects, &object);
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
  }
  *out = count;
  return so_done();
}
