// Two trees of chunks have no keys in common by which to walk them side by side: an insertion moves
// all that follows. So beside each node of the new tree, a window of old nodes of the same level is
// held, those behind the last child that both had; a child that is in the window is not new.

#include "store/walk/values.h"

#include "store/value/index.h"

#define WINDOW 4u

typedef struct window {
  so_object nodes[WINDOW];
  uint32_t count;
  uint32_t next;  // Items before this one, over all nodes, are behind the last match.
} window;

typedef struct frame {
  so_oid oid;
  so_object object;
  so_index node;
  window old;
} frame;

typedef struct value_walk {
  const so_tree *tree;
  const so_entry *from;
  so_visitor visit;
  void *ctx;
  uint32_t depth;
  frame frames[SO_TREE_HEIGHT_MAX];
} value_walk;

static so_status corrupt(void) { return so_status_make(SO_CORRUPT, 0); }

// --- windows ------------------------------------------------------------------------------------

static void window_release(const value_walk *w, window *old) {
  while (old->count != 0) {
    old->count--;
    so_objects_unpin(w->tree->objects, &old->nodes[old->count]);
  }
}

static so_status window_add(const value_walk *w, window *old, const so_oid *oid) {
  so_object *object = &old->nodes[old->count];
  SO_TRY(so_objects_get_kind(w->tree->objects, oid, SO_KIND_CHUNK_INDEX, object));
  old->count++;
  return so_done();
}

// Reads the items of a window, one node after the other.
typedef struct window_reader {
  const window *old;
  uint32_t node_index;
  uint32_t item_index;
  so_index node;
} window_reader;

// window_next gives the next item. NOT_FOUND after the last.
static so_status window_next(window_reader *r, so_index_item *out) {
  for (;;) {
    const bool in_node = r->node_index != 0;
    const so_status s = in_node ? so_index_next(&r->node, out) : so_status_make(SO_NOT_FOUND, 0);
    if (!so_is(s, SO_NOT_FOUND)) {
      r->item_index++;
      return s;
    }
    if (r->node_index == r->old->count) {
      return s;
    }
    SO_TRY(so_index_open(r->old->nodes[r->node_index].bytes, &r->node));
    r->node_index++;
  }
}

// window_find looks for a child, and notes where: what comes after it in the new tree is likely to
// be what comes after it in the old one.
static so_status window_find(window *old, const so_oid *child, bool *out_found) {
  window_reader r = {old, 0, 0, {{0}, 0, 0, 0}};
  uint32_t best = 0;
  *out_found = false;
  for (;;) {
    so_index_item item;
    const so_status s = window_next(&r, &item);
    if (so_is(s, SO_NOT_FOUND)) {
      break;
    }
    SO_TRY(s);
    if (so_oid_equal(&item.child, child)) {
      best = r.item_index;
      if (best > old->next) {
        break;
      }
    }
  }
  *out_found = best != 0;
  old->next = *out_found ? best : old->next;
  return so_done();
}

// window_below opens the window for a child that `parent` has no match for.
static so_status window_below(const value_walk *w, const window *parent, window *out) {
  window_reader r = {parent, 0, 0, {{0}, 0, 0, 0}};
  while (out->count < WINDOW) {
    so_index_item item;
    const so_status s = window_next(&r, &item);
    if (so_is(s, SO_NOT_FOUND)) {
      break;
    }
    SO_TRY(s);
    if (r.item_index > parent->next) {
      SO_TRY(window_add(w, out, &item.child));
    }
  }
  return so_done();
}

// --- walk ---------------------------------------------------------------------------------------

// open_window finds old nodes of the level of the node on top. A tree that grew has its old root
// at the beginning of a lower level.
static so_status open_window(value_walk *w) {
  frame *top = &w->frames[w->depth - 1];
  const bool has_old = w->from != NULL && !w->from->is_inline &&
                       w->from->value_kind == SO_KIND_CHUNK_INDEX;
  if (!has_old) {
    return so_done();
  }
  if (w->depth > 1 && w->frames[w->depth - 2].old.count != 0) {
    return window_below(w, &w->frames[w->depth - 2].old, &top->old);
  }
  so_index root;
  SO_TRY(window_add(w, &top->old, &w->from->value));
  SO_TRY(so_index_open(top->old.nodes[0].bytes, &root));
  if (root.level != top->node.level) {
    window_release(w, &top->old);
  }
  return so_done();
}

static so_status push(value_walk *w, const so_oid *oid, int level) {
  if (w->depth == SO_TREE_HEIGHT_MAX) {
    return corrupt();
  }
  frame *f = &w->frames[w->depth];
  SO_TRY(so_objects_get_kind(w->tree->objects, oid, SO_KIND_CHUNK_INDEX, &f->object));
  w->depth++;
  f->oid = *oid;
  f->old.count = 0;
  f->old.next = 0;
  SO_TRY(so_index_open(f->object.bytes, &f->node));
  if (level >= 0 && f->node.level != (uint32_t)level) {
    return corrupt();
  }
  return open_window(w);
}

static void pop(value_walk *w) {
  w->depth--;
  window_release(w, &w->frames[w->depth].old);
  so_objects_unpin(w->tree->objects, &w->frames[w->depth].object);
}

static bool is_old_chunk(const value_walk *w, const so_oid *chunk) {
  return w->from != NULL && !w->from->is_inline && w->from->value_kind == SO_KIND_CHUNK &&
         so_oid_equal(&w->from->value, chunk);
}

static so_status at_child(value_walk *w, const so_oid *child) {
  frame *top = &w->frames[w->depth - 1];
  bool is_old = false;
  SO_TRY(window_find(&top->old, child, &is_old));
  if (is_old) {
    return so_done();
  }
  if (top->node.level != 0) {
    return push(w, child, (int)top->node.level - 1);
  }
  return is_old_chunk(w, child) ? so_done() : w->visit(w->ctx, child, SO_KIND_CHUNK);
}

static so_status walk_index(value_walk *w, const so_oid *root) {
  SO_TRY(push(w, root, -1));
  while (w->depth != 0) {
    so_index_item item;
    frame *top = &w->frames[w->depth - 1];
    const so_status s = so_index_next(&top->node, &item);
    if (so_ok(s)) {
      SO_TRY(at_child(w, &item.child));
    } else if (so_is(s, SO_NOT_FOUND)) {
      SO_TRY(w->visit(w->ctx, &top->oid, SO_KIND_CHUNK_INDEX));
      pop(w);
    } else {
      return s;
    }
  }
  return so_done();
}

static bool is_same_value(const so_entry *a, const so_entry *b) {
  return a != NULL && !a->is_inline && so_oid_equal(&a->value, &b->value);
}

so_status so_walk_value(const so_tree *tree, const so_entry *from, const so_entry *to,
                        so_visitor visit, void *ctx) {
  if (to->is_inline || is_same_value(from, to)) {
    return so_done();
  }
  if (to->value_kind == SO_KIND_CHUNK) {
    return visit(ctx, &to->value, SO_KIND_CHUNK);
  }
  value_walk *w = so_heap_alloc(tree->heap, sizeof *w);
  if (w == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  w->tree = tree;
  w->from = from;
  w->visit = visit;
  w->ctx = ctx;
  w->depth = 0;
  const so_status s = walk_index(w, &to->value);
  while (w->depth != 0) {
    pop(w);
  }
  so_heap_free(tree->heap, w, sizeof *w);
  return s;
}
