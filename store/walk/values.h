#ifndef SO_STORE_WALK_VALUES_H_
#define SO_STORE_WALK_VALUES_H_

// Inside of the walk module: the objects of one value that another one has not.

#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef so_status (*so_visitor)(void *ctx, const so_oid *oid, so_kind kind);

// so_walk_value visits the chunks and index nodes of `to`, children first, leaving out what it has
// in common with `from` (NULL: nothing) at about the same place.
SO_MUST_USE so_status so_walk_value(const so_tree *tree, const so_entry *from, const so_entry *to,
                                    so_visitor visit, void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_WALK_VALUES_H_
