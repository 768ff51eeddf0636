#ifndef SO_STORE_VALUE_INDEX_H_
#define SO_STORE_VALUE_INDEX_H_

// Inside of the value module: how an index node is encoded. docs/formats.md has it byte by byte.
//
//   node  version u8 = 1, level u8, count varint (1..256), then `count` items
//   item  size varint: bytes of the value below the child; child oid
//
// Children of level 0 are chunks; those of level n are index nodes of level n - 1.

#include "base/reader.h"
#include "store/value/value.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_INDEX_VERSION 1
#define SO_INDEX_COUNT_MAX 256

// An index node that is being read.
typedef struct so_index {
  so_reader rest;
  uint32_t level;
  uint32_t count;
  uint32_t index;  // How many items were read.
} so_index;

typedef struct so_index_item {
  so_oid child;
  uint64_t size;
} so_index_item;

// so_index_open reads the header. CORRUPT when it is none.
SO_MUST_USE so_status so_index_open(so_bytes payload, so_index *out);

// so_index_next reads one item. NOT_FOUND after the last; CORRUPT.
SO_MUST_USE so_status so_index_next(so_index *n, so_index_item *out);

static inline so_kind so_index_child_kind(const so_index *n) {
  return n->level == 0 ? SO_KIND_CHUNK : SO_KIND_CHUNK_INDEX;
}

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_VALUE_INDEX_H_
