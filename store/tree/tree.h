#ifndef SO_STORE_TREE_TREE_H_
#define SO_STORE_TREE_TREE_H_

// The tree map: one ordered map from key bytes to entries, kept as a prolly tree.
//
// Invariants:
//   - History independence: the root oid is a function of the content and the salt alone.
//   - Keys are unique and ordered by unsigned bytes; 1..SO_KEY_LEN_MAX bytes.
//   - Where a node ends depends on keys (and the salt) only, never on values: changing a value
//     rewrites one path and moves no boundary.
//   - The empty map has no node: its root is the none oid.
// A commit's map has full paths as keys; the database's own map has others. This module does not
// care what a key means.
//
// Cost: n entries, d differences. Get O(log n); edit O(d log n); diff and walk O(d log n). No call
// loads more than one path of nodes a cursor.

#include "base/heap.h"
#include "base/reader.h"
#include "store/object/object.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_KEY_LEN_MAX 4096
// Values up to this size live in the leaf; larger ones in a chunk tree (store/value). The map
// itself accepts inline values up to SO_INLINE_LEN_LIMIT, for the database's own records.
#define SO_INLINE_LEN_MAX 256
#define SO_INLINE_LEN_LIMIT 16384
#define SO_META_LEN_MAX 1024

// On disk: never renumber.
typedef enum so_entry_type {
  SO_ENTRY_FILE = 1,
  SO_ENTRY_SYMLINK = 2,  // The value is the target.
} so_entry_type;

typedef struct so_entry {
  so_entry_type type;
  uint16_t mode;    // Permission bits, 0..07777.
  uint64_t size;    // Of the value in bytes.
  bool is_inline;
  so_bytes inline_value;  // When `is_inline`; `size` bytes.
  so_oid value;           // Otherwise: a CHUNK, or a CHUNK_INDEX.
  so_kind value_kind;     // Which of the two.
  so_bytes meta;          // User metadata: varbytes name, varbytes value, ...; names ascend.
} so_entry;

// so_entry_equal compares everything but where the bytes are.
bool so_entry_equal(const so_entry *a, const so_entry *b);

// Where a tree lives. Borrowed by every call.
typedef struct so_tree {
  const so_objects *objects;
  const so_heap *heap;
  uint8_t salt[SO_SALT_LEN];
} so_tree;

// --- cursor ---------------------------------------------------------------------------------

// A key that was prefix-compressed in its node.
typedef struct so_key {
  size_t len;
  uint8_t bytes[SO_KEY_LEN_MAX];
} so_key;

// A node that is being read from its first entry to its last.
typedef struct so_node {
  so_reader rest;  // The entries not yet read.
  uint32_t level;  // 0: a leaf.
  uint32_t count;
  uint32_t index;  // How many entries were read.
} so_node;

typedef struct so_tree_level {
  so_object object;
  so_node node;
} so_tree_level;

// A place in a map. Pins at most one node a level; so_cursor_close unpins them.
typedef struct so_cursor {
  const so_tree *tree;
  uint32_t depth;  // Levels in use, the root first; 0 at the end.
  bool at_end;
  // The entry at the cursor, when it is not at the end. Views live until the next move or close.
  so_bytes key;
  so_entry entry;
  so_tree_level levels[SO_TREE_HEIGHT_MAX];
  so_key key_store;
} so_cursor;

// so_cursor_seek places a new cursor at the first key >= `key`. On failure there is nothing to
// close. Cursors are large: keep them off small stacks (so_cursor_* never copy one).
SO_MUST_USE so_status so_cursor_seek(so_cursor *c, const so_tree *tree, const so_oid *root,
                                     so_bytes key);

// so_cursor_next moves an open cursor to the next entry, or to the end. After a failure (of this or
// so_cursor_forward) only so_cursor_close may follow.
SO_MUST_USE so_status so_cursor_next(so_cursor *c);

// so_cursor_forward moves an open cursor to the first key >= `key`, which must not be before the
// present one; much cheaper than a new seek when it is near.
SO_MUST_USE so_status so_cursor_forward(so_cursor *c, so_bytes key);
void so_cursor_close(so_cursor *c);

// so_tree_get copies the entry of `key`; its views go into `arena`. NOT_FOUND.
SO_MUST_USE so_status so_tree_get(const so_tree *tree, const so_oid *root, so_bytes key,
                                  so_arena *arena, so_entry *out);

// so_tree_count returns the number of entries, from the node headers, in O(log n).
SO_MUST_USE so_status so_tree_count(const so_tree *tree, const so_oid *root, uint64_t *out);

// --- edit -----------------------------------------------------------------------------------

typedef struct so_edit {
  so_bytes key;
  bool is_delete;  // Deleting what is not there is no change.
  so_entry entry;
} so_edit;

// Gives the next edit, in strictly ascending key order; NOT_FOUND after the last one. Views must
// live until the next call.
typedef struct so_edits {
  so_status (*next)(void *ctx, so_edit *out);
  void *ctx;
} so_edits;

// so_tree_edit applies a sorted batch to the map at `root` and puts the new nodes, only the final
// ones, children first. Equal content gives the equal root. MALFORMED: keys out of order or bad.
SO_MUST_USE so_status so_tree_edit(const so_tree *tree, const so_oid *root, const so_edits *edits,
                                   so_oid *out_root);

// so_tree_edit_array is so_tree_edit over an array that is sorted already.
SO_MUST_USE so_status so_tree_edit_array(const so_tree *tree, const so_oid *root,
                                         const so_edit *edits, size_t count, so_oid *out_root);

// --- difference -----------------------------------------------------------------------------

// One difference. `has_old` and `has_new` say which sides have the key: an addition, a removal, or
// (both) a change.
typedef struct so_change {
  so_bytes key;
  bool has_old;
  bool has_new;
  so_entry old_entry;
  so_entry new_entry;
} so_change;

typedef struct so_diff so_diff;

// so_diff_open starts a difference from map `from` to map `to`, over keys that begin with
// `prefix` (empty for all) and are > `after` (empty for none); both are copied. Subtrees that are
// the same are skipped unread.
SO_MUST_USE so_status so_diff_open(const so_tree *tree, const so_oid *from, const so_oid *to,
                                   so_bytes prefix, so_bytes after, so_diff **out);

// so_diff_next gives the next change in key order; NOT_FOUND after the last one. Views live until
// the next call.
SO_MUST_USE so_status so_diff_next(so_diff *d, so_change *out);
void so_diff_close(so_diff *d);

// --- checks of what others made -------------------------------------------------------------

// so_tree_verify holds the map at `root` against the one shape that its entries can have: keys that
// ascend from node to node, boundaries where they belong, true counts. Node checks cannot see that.
// `trusted` is a map that is known to be right (none is); the cost is that of the difference.
// MALFORMED: it is another shape. NOT_FOUND, IO, CORRUPT, LIMIT: it could not be read.
// Puts nothing.
SO_MUST_USE so_status so_tree_verify(const so_tree *tree, const so_oid *trusted,
                                     const so_oid *root);

// so_tree_node_each_child checks a node's payload completely (canonical order, prefix compression,
// lengths, counts) and visits what it refers to. It cannot check the boundaries, which need the
// salt and the neighbours.
SO_MUST_USE so_status so_tree_node_each_child(so_bytes payload,
                                              so_status (*visit)(void *ctx, const so_oid *child,
                                                                 so_kind child_kind),
                                              void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_TREE_TREE_H_
