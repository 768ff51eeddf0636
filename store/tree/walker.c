#include "store/tree/walker.h"

static so_status corrupt(void) { return so_status_make(SO_CORRUPT, 0); }

static so_status frame_at(so_walker *w, uint32_t depth, so_frame **out) {
  if (depth == SO_TREE_HEIGHT_MAX) {
    return corrupt();
  }
  if (w->frames[depth] == NULL) {
    w->frames[depth] = so_heap_alloc(w->tree->heap, sizeof(so_frame));
  }
  *out = w->frames[depth];
  return *out == NULL ? so_status_make(SO_LIMIT, 0) : so_done();
}

// push loads a node. A child promised a key that is not before `start`, so it has one.
static so_status push(so_walker *w, const so_oid *oid, int level, bool is_last) {
  so_frame *f = NULL;
  bool is_equal;
  SO_TRY(frame_at(w, w->depth, &f));
  SO_TRY(so_node_load(w->tree, oid, level, &f->object, &f->node));
  w->depth++;
  f->oid = *oid;
  f->is_last = is_last;
  const so_status s = so_node_find(&f->node, w->start, &f->key, &f->item, &is_equal);
  f->is_first = f->node.index == 1;
  return so_is(s, SO_NOT_FOUND) && level >= 0 ? corrupt() : s;
}

so_status so_walker_open(so_walker *w, const so_tree *tree, const so_oid *root, so_bytes start) {
  w->tree = tree;
  w->start = start;
  w->depth = 0;
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    w->frames[i] = NULL;
  }
  if (so_oid_is_none(root)) {
    return so_done();
  }
  const so_status s = push(w, root, -1, true);
  if (so_is(s, SO_NOT_FOUND) && w->depth != 0) {
    so_walker_pop(w);
    return so_done();
  }
  return s;
}

void so_walker_release(so_walker *w) {
  while (w->depth != 0) {
    so_walker_pop(w);
  }
  for (uint32_t i = 0; i < SO_TREE_HEIGHT_MAX; i++) {
    so_heap_free(w->tree->heap, w->frames[i], sizeof(so_frame));
    w->frames[i] = NULL;
  }
}

so_status so_walker_descend(so_walker *w) {
  const so_frame *top = so_walker_top(w);
  const so_oid child = top->item.child;
  return push(w, &child, (int)top->node.level - 1, so_walker_is_last_child(w));
}

so_status so_walker_step(so_walker *w) {
  so_frame *top = so_walker_top(w);
  SO_TRY(so_node_next(&top->node, &top->item));
  top->is_first = false;
  return so_key_apply(&top->key, &top->item);
}

void so_walker_pop(so_walker *w) {
  w->depth--;
  so_objects_unpin(w->tree->objects, &w->frames[w->depth]->object);
}

so_status so_walker_advance(so_walker *w) {
  while (w->depth != 0) {
    const so_status s = so_walker_step(w);
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
    so_walker_pop(w);
  }
  return so_done();
}
