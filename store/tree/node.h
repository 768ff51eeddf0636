#ifndef SO_STORE_TREE_NODE_H_
#define SO_STORE_TREE_NODE_H_

// Inside of the tree module: how a node is encoded. docs/formats.md has it byte by byte.
//
//   node       version u8 = 1, level u8, count u8 (1..96), then `count` items
//   item       shared varint, suffix varbytes, tail
//   leaf tail  flags u8, mode varint, size varint, value (size bytes, or an oid), [meta varbytes]
//   inner tail child oid, number of entries below it varint
//
// An item's key is the first `shared` bytes of the key before it in the node, followed by `suffix`;
// `shared` is as large as it can be. The key of an inner item is the last key below the child.

#include "base/heap.h"
#include "base/reader.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_NODE_HEADER_LEN 3
#define SO_NODE_VERSION 1
#define SO_NODE_COUNT_MAX 96
// A node ends after the entry with which its keys reach this length together.
#define SO_NODE_KEYS_LEN_MAX (64u << 10)
// An inner tail: oid and varint.
#define SO_CHILD_TAIL_LEN_MAX (SO_OID_LEN + 10)

typedef struct so_item {
  size_t shared;
  so_bytes suffix;
  so_bytes tail;   // As encoded.
  so_entry entry;  // In a leaf.
  so_oid child;    // In an inner node.
  uint64_t entry_count;
} so_item;

// so_node_open reads the header. CORRUPT when it is none.
SO_MUST_USE so_status so_node_open(so_bytes payload, so_node *out);

// so_node_next reads one item, whose views borrow the payload. NOT_FOUND after the last; CORRUPT.
SO_MUST_USE so_status so_node_next(so_node *n, so_item *out);

// so_node_find reads items up to the first whose key is >= `target`. With `key` not NULL, `*key`
// must hold the key of the last item read (nothing matters for a node just opened) and holds that
// of `*out` after it. `*out_equal`: the keys are the same. NOT_FOUND: all are smaller.
SO_MUST_USE so_status so_node_find(so_node *n, so_bytes target, so_key *key, so_item *out,
                                   bool *out_equal);

// so_key_apply turns the key of one item into that of the next. CORRUPT when it does not fit.
SO_MUST_USE so_status so_key_apply(so_key *key, const so_item *item);

static inline so_bytes so_key_bytes(const so_key *key) { return so_bytes_of(key->bytes, key->len); }

// so_entry_is_valid is true for what a map may hold.
bool so_entry_is_valid(const so_entry *entry);

// so_entry_write appends a leaf tail; so_entry_read reads one, false unless canonical.
void so_entry_write(const so_entry *entry, so_buf *out);
SO_MUST_USE bool so_entry_read(so_reader *r, so_entry *out);

// so_node_load pins the node `oid`, which must have level `level` (any, when it is negative).
SO_MUST_USE so_status so_node_load(const so_tree *tree, const so_oid *oid, int level,
                                   so_object *out_object, so_node *out_node);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_TREE_NODE_H_
