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
  w->leave = NULL;
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
    if (w->leave != NULL) {
      SO_TRY(w->leave(w->leave_ctx, &so_walker_top(w)->oid));
    }
    so_walker_pop(w);
  }
  return so_done();
}

// --- two maps side by side ----------------------------------------------------------------------

static uint32_t level_of(const so_walker *w) {
  return so_walker_at_end(w) ? 0 : so_walker_top(w)->node.level;
}

// unmoved_depth finds a node `oid` in which the walker stands at the very beginning: its depth, or
// 0 when there is none.
static uint32_t unmoved_depth(const so_walker *w, const so_oid *oid) {
  for (uint32_t depth = w->depth; depth != 0 && w->frames[depth - 1]->is_first; depth--) {
    if (so_oid_equal(&w->frames[depth - 1]->oid, oid)) {
      return depth;
    }
  }
  return 0;
}

// skip_unmoved: `at_child` stands at a child that `inside` went into.
static so_status skip_unmoved(so_walker *at_child, so_walker *inside, bool *out_skipped) {
  *out_skipped = false;
  if (level_of(at_child) == 0) {
    return so_done();
  }
  const uint32_t depth = unmoved_depth(inside, &so_walker_top(at_child)->item.child);
  if (depth == 0) {
    return so_done();
  }
  while (inside->depth >= depth) {
    so_walker_pop(inside);
  }
  *out_skipped = true;
  SO_TRY(so_walker_advance(at_child));
  return so_walker_advance(inside);
}

so_status so_walkers_skip(so_walker *a, so_walker *b, bool *out_skipped) {
  const so_frame *x = so_walker_top(a);
  const so_frame *y = so_walker_top(b);
  if (x->node.level != 0 && x->node.level == y->node.level &&
      so_oid_equal(&x->item.child, &y->item.child)) {
    *out_skipped = true;
    SO_TRY(so_walker_advance(a));
    return so_walker_advance(b);
  }
  SO_TRY(skip_unmoved(a, b, out_skipped));
  return *out_skipped ? so_done() : skip_unmoved(b, a, out_skipped);
}

so_status so_walkers_descend(so_walker *a, so_walker *b, bool *out_descended) {
  const uint32_t a_level = level_of(a);
  const uint32_t b_level = level_of(b);
  *out_descended = a_level != 0 || b_level != 0;
  if (a_level != 0 && a_level >= b_level) {
    SO_TRY(so_walker_descend(a));
  }
  if (b_level != 0 && b_level >= a_level) {
    SO_TRY(so_walker_descend(b));
  }
  return so_done();
}
