#ifndef SO_STORE_TREE_BUILDER_H_
#define SO_STORE_TREE_BUILDER_H_

// Inside of the tree module: makes nodes out of items in key order, at all levels at once.
//
// Where a node ends depends only on the keys in it: so the nodes are a function of the sequence of
// keys, and a builder that stands at a boundary can take a whole old node that also began at one.
// Memory: the node being made at each level.

#include "store/tree/node.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_builder_level {
  so_buf out;       // The node so far.
  so_buf last_key;  // Its last key; that of the node before it as long as `count` is 0.
  uint32_t count;
  size_t keys_len;
  uint64_t entries;
  bool emitted;  // At least one node of this level was put.
} so_builder_level;

typedef struct so_builder {
  const so_tree *tree;
  uint32_t height;  // Levels that were used.
  so_builder_level levels[SO_TREE_HEIGHT_MAX];
} so_builder;

// so_builder_init makes an empty builder. so_builder_release gives its memory back.
void so_builder_init(so_builder *b, const so_tree *tree);
void so_builder_release(so_builder *b);

// so_builder_put adds an entry to the leaf level.
SO_MUST_USE so_status so_builder_put(so_builder *b, so_bytes key, const so_entry *entry);

// so_builder_add adds an encoded item to `level`: an entry to level 0, or to a higher one a child
// that is a whole node, for which the builder must be aligned.
SO_MUST_USE so_status so_builder_add(so_builder *b, uint32_t level, so_bytes key, so_bytes tail,
                                     uint64_t entries);

// so_builder_is_aligned is true when no level below `level` has begun a node.
bool so_builder_is_aligned(const so_builder *b, uint32_t level);

// so_builder_end ends the nodes that are open and gives the root.
SO_MUST_USE so_status so_builder_end(so_builder *b, so_oid *out_root);

// so_boundary_is_after: does a node of `level` end after its `count`-th entry, whose key is `key`,
// when its keys have `keys_len` bytes together?
bool so_boundary_is_after(const uint8_t salt[SO_SALT_LEN], uint32_t level, uint32_t count,
                          size_t keys_len, so_bytes key);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_TREE_BUILDER_H_
