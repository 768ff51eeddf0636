#include "store/value/index.h"

static so_status corrupt(void) { return so_status_make(SO_CORRUPT, 0); }

so_status so_index_open(so_bytes payload, so_index *out) {
  so_reader r = so_reader_of(payload);
  uint8_t version = 0, level = 0;
  uint64_t count = 0;
  if (!so_read_u8(&r, &version) || !so_read_u8(&r, &level) || !so_read_varint(&r, &count) ||
      version != SO_INDEX_VERSION || level >= SO_TREE_HEIGHT_MAX || count == 0 ||
      count > SO_INDEX_COUNT_MAX) {
    return corrupt();
  }
  const so_index n = {r, level, (uint32_t)count, 0};
  *out = n;
  return so_done();
}

// Only the last chunk of a value may be short.
static bool size_is_valid(const so_index *n, uint64_t size) {
  if (n->level != 0) {
    return size != 0;
  }
  const bool is_last = n->index + 1 == n->count;
  return size <= SO_CHUNK_LEN_MAX && size >= (is_last ? 1 : SO_CHUNK_LEN_MIN);
}

so_status so_index_next(so_index *n, so_index_item *out) {
  if (n->index == n->count) {
    return so_reader_done(&n->rest) ? so_status_make(SO_NOT_FOUND, 0) : corrupt();
  }
  if (!so_read_varint(&n->rest, &out->size) || !size_is_valid(n, out->size) ||
      !so_read_copy(&n->rest, out->child.bytes, SO_OID_LEN) || so_oid_is_none(&out->child)) {
    return corrupt();
  }
  n->index++;
  return so_done();
}

so_status so_chunk_index_each_child(so_bytes payload,
                                    so_status (*visit)(void *ctx, const so_oid *child,
                                                       so_kind child_kind),
                                    void *ctx) {
  const so_status malformed = so_status_make(SO_MALFORMED, 0);
  so_index n;
  uint64_t total = 0;
  if (!so_ok(so_index_open(payload, &n))) {
    return malformed;
  }
  for (;;) {
    so_index_item item;
    const so_status s = so_index_next(&n, &item);
    if (so_is(s, SO_NOT_FOUND)) {
      return so_done();
    }
    if (!so_ok(s) || item.size > UINT64_MAX - total) {
      return malformed;
    }
    total += item.size;
    SO_TRY(visit(ctx, &item.child, so_index_child_kind(&n)));
  }
}
