#ifndef SO_STORE_VALUE_VALUE_H_
#define SO_STORE_VALUE_VALUE_H_

// Values: bytes of any size. Up to SO_INLINE_LEN_MAX they live in the entry; otherwise they are cut
// by content-defined chunking (16 / 64 / 256 KiB), so that a small insert into a large value stores
// only a little, and the chunks hang on a tree with sizes, so that ranges read in O(log n).
//
// Invariant: the entry's value oid is a function of the bytes and the salt alone.

#include "base/heap.h"
#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_CHUNK_LEN_MIN (16u << 10)
#define SO_CHUNK_LEN_AVERAGE (64u << 10)
#define SO_CHUNK_LEN_MAX (256u << 10)

typedef struct so_value_writer so_value_writer;

// so_value_writer_open starts a value of unknown size. Memory: one chunk and one path of index
// nodes, whatever the size.
SO_MUST_USE so_status so_value_writer_open(const so_tree *tree, so_value_writer **out);
SO_MUST_USE so_status so_value_write(so_value_writer *w, so_bytes bytes);

// so_value_writer_end puts what is left and fills the size and place fields of `entry` (type, mode
// and meta are the caller's). Inline bytes live until so_value_writer_close.
SO_MUST_USE so_status so_value_writer_end(so_value_writer *w, so_entry *entry);
void so_value_writer_close(so_value_writer *w);

// so_value_of stores bytes that are all there. An inline value borrows `bytes`.
SO_MUST_USE so_status so_value_of(const so_tree *tree, so_bytes bytes, so_entry *entry);

// Reads a value piece by piece, in memory of one chunk and one path.
typedef struct so_value_reader so_value_reader;

// so_value_reader_open starts at byte `offset` (at most the size).
SO_MUST_USE so_status so_value_reader_open(const so_tree *tree, const so_entry *entry,
                                           uint64_t offset, so_value_reader **out);

// so_value_read views the next bytes, as many as one chunk holds; empty at the end. The view lives
// until the next call. CORRUPT when sizes disagree.
SO_MUST_USE so_status so_value_read(so_value_reader *r, so_bytes *out);
void so_value_reader_close(so_value_reader *r);

// so_value_read_all copies the whole value into `out` (appended). LIMIT when `out` cannot hold it.
SO_MUST_USE so_status so_value_read_all(const so_tree *tree, const so_entry *entry, so_buf *out);

// so_chunk_index_each_child checks an index node completely and visits its children.
SO_MUST_USE so_status so_chunk_index_each_child(so_bytes payload,
                                                so_status (*visit)(void *ctx, const so_oid *child,
                                                                   so_kind child_kind),
                                                void *ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_VALUE_VALUE_H_
