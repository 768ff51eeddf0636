#ifndef SO_STORE_TREE_WALKER_H_
#define SO_STORE_TREE_WALKER_H_

// Inside of the store's tree algorithms: reads a map in key order and lets its user decide at each
// child whether to go into it or to pass it by unread.
//
// The walker stands at an item: an entry of a leaf, or a child that was not loaded. Pins one path.

#include "store/tree/node.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_frame {
  so_oid oid;
  so_object object;
  so_node node;
  so_item item;   // Where the walker stands in this node; inside of it, except in the top one.
  so_key key;     // Of `item`.
  bool is_first;  // `item` is the first that was looked at in this node, and no key was passed by.
  bool is_last;   // No node of the same level comes after this one.
} so_frame;

typedef struct so_walker {
  const so_tree *tree;
  so_bytes start;  // Keys before this one are passed by. Borrowed.
  uint32_t depth;  // Frames in use, the root's first; 0 at the end.
  so_frame *frames[SO_TREE_HEIGHT_MAX];  // From the heap; kept for the next use.
  // Called by so_walker_advance after the last item of a node, before it leaves it. May be NULL.
  so_status (*leave)(void *ctx, const so_oid *oid);
  void *leave_ctx;
} so_walker;

// so_walker_open places a new walker at the first item of `root` whose key is >= `start`. Release
// it also after a failure. It has no `leave`.
SO_MUST_USE so_status so_walker_open(so_walker *w, const so_tree *tree, const so_oid *root,
                                     so_bytes start);
void so_walker_release(so_walker *w);

static inline bool so_walker_at_end(const so_walker *w) { return w->depth == 0; }

// so_walker_top returns the frame in which the walker stands. Not at the end.
static inline so_frame *so_walker_top(const so_walker *w) { return w->frames[w->depth - 1]; }

// so_walker_is_last_child: nothing comes after the child at which the walker stands on its level.
static inline bool so_walker_is_last_child(const so_walker *w) {
  const so_frame *top = so_walker_top(w);
  return top->is_last && top->node.index == top->node.count;
}

// so_walker_descend goes into the child at which the walker stands.
SO_MUST_USE so_status so_walker_descend(so_walker *w);

// so_walker_step moves to the next item of the same node; NOT_FOUND when there is none.
SO_MUST_USE so_status so_walker_step(so_walker *w);

// so_walker_pop leaves the node in which the walker stands. It then stands at that node as a child,
// or at the end when it was the root.
void so_walker_pop(so_walker *w);

// so_walker_advance moves past the item, leaving the nodes that it was the last one of.
SO_MUST_USE so_status so_walker_advance(so_walker *w);

// so_walkers_skip passes by a subtree in front of which both stand, if there is one they share,
// without calling `leave`: a child of both, or a child of one that the other went into already
// but in which it did not move. Neither is at the end.
SO_MUST_USE so_status so_walkers_skip(so_walker *a, so_walker *b, bool *out_skipped);

// so_walkers_descend takes those of the two that stand at a child of the higher level into it.
// `*out_descended` false: none stands at a child, each is at an entry or at the end.
SO_MUST_USE so_status so_walkers_descend(so_walker *a, so_walker *b, bool *out_descended);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_TREE_WALKER_H_
