#ifndef SO_STORE_WALK_WALK_H_
#define SO_STORE_WALK_WALK_H_

// What one tree map has and another has not, as objects: what a transfer sends.

#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_walk_new visits, children before parents, every object (nodes of the map, chunk indexes and
// chunks of values) reachable from `to` and not from `from`. Subtrees that both share at the same
// place are skipped unread, so the cost is O(difference); an object that is shared only between
// different places may be visited although `from` has it, and more than once: visitors tolerate
// that. Stops at the first status of `visit` that is not OK. Memory: one path.
SO_MUST_USE so_status so_walk_new(const so_tree *tree, const so_oid *from, const so_oid *to,
                                  so_status (*visit)(void *ctx, const so_oid *oid, so_kind kind),
                                  void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_WALK_WALK_H_
