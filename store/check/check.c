#include "store/check/check.h"

#include "store/object/commit.h"
#include "store/tree/tree.h"
#include "store/value/value.h"

typedef so_status (*visitor)(void *ctx, const so_oid *child, so_kind child_kind);

static so_status check_chunk(so_bytes payload) {
  const bool fits = payload.len != 0 && payload.len <= SO_CHUNK_LEN_MAX;
  return fits ? so_done() : so_status_make(SO_MALFORMED, 0);
}

static so_status check_commit(so_bytes payload, visitor visit, void *ctx) {
  so_commit commit;
  SO_TRY(so_commit_decode(payload, &commit));
  if (!so_oid_is_none(&commit.root)) {
    SO_TRY(visit(ctx, &commit.root, SO_KIND_TREE));
  }
  for (uint32_t i = 0; i < commit.parent_count; i++) {
    SO_TRY(visit(ctx, &commit.parents[i], SO_KIND_COMMIT));
  }
  return so_done();
}

static so_status check_tag(so_bytes payload, visitor visit, void *ctx) {
  so_tag tag;
  SO_TRY(so_tag_decode(payload, &tag));
  return visit(ctx, &tag.target, tag.target_kind);
}

so_status so_object_each_child(so_kind kind, so_bytes payload,
                               so_status (*visit)(void *ctx, const so_oid *child,
                                                  so_kind child_kind),
                               void *ctx) {
  switch (kind) {
    case SO_KIND_CHUNK:
      return check_chunk(payload);
    case SO_KIND_CHUNK_INDEX:
      return so_chunk_index_each_child(payload, visit, ctx);
    case SO_KIND_TREE:
      return so_tree_node_each_child(payload, visit, ctx);
    case SO_KIND_COMMIT:
      return check_commit(payload, visit, ctx);
    case SO_KIND_TAG:
      return check_tag(payload, visit, ctx);
  }
  return so_status_make(SO_MALFORMED, 0);
}
