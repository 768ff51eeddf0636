#include "base/mem.h"
#include "store/history/internal.h"

#define HIDDEN 1u
#define TAGS_MAX 8
// Two entries with their inline values.
#define COMPARE_LEN_MAX (128u << 10)

struct so_commit_log {
  so_graph graph;
  const so_tree *tree;
  size_t path_len;
  uint8_t path[SO_KEY_LEN_MAX + 1];  // With a '/' after it.
};

so_status so_commit_log_open(const so_history *history, const so_oid *tips, size_t tip_count,
                             so_bytes path, so_commit_log **out) {
  if (path.len > SO_KEY_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_commit_log *log = so_heap_alloc(history->tree->heap, sizeof *log);
  if (log == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_graph_init(&log->graph, history, HIDDEN);
  log->tree = history->tree;
  log->path_len = path.len;
  if (path.len != 0) {
    memcpy(log->path, path.ptr, path.len);
  }
  log->path[path.len] = '/';
  for (size_t i = 0; i < tip_count; i++) {
    const so_status s = so_graph_add(&log->graph, &tips[i], 0);
    if (!so_ok(s)) {
      so_commit_log_close(log);
      return s;
    }
  }
  *out = log;
  return so_done();
}

so_status so_commit_log_hide(so_commit_log *log, const so_oid *oid) {
  return so_graph_add(&log->graph, oid, HIDDEN);
}

void so_commit_log_close(so_commit_log *log) {
  const so_heap *heap = log->tree->heap;
  so_graph_release(&log->graph);
  so_heap_free(heap, log, sizeof *log);
}

static so_status get_or_none(const so_tree *tree, const so_oid *root, so_bytes path,
                             so_arena *arena, bool *has, so_entry *out) {
  const so_status s = so_tree_get(tree, root, path, arena, out);
  *has = so_ok(s);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status value_differs(const so_commit_log *log, const so_oid *a, const so_oid *b,
                               bool *out) {
  const so_bytes path = so_bytes_of(log->path, log->path_len);
  so_arena arena;
  so_arena_init(&arena, log->tree->heap, COMPARE_LEN_MAX);
  so_entry x, y;
  bool has_x = false;
  bool has_y = false;
  so_status s = get_or_none(log->tree, a, path, &arena, &has_x, &x);
  if (so_ok(s)) {
    s = get_or_none(log->tree, b, path, &arena, &has_y, &y);
  }
  *out = so_ok(s) && (has_x != has_y || (has_x && !so_entry_equal(&x, &y)));
  so_arena_release(&arena);
  return s;
}

static so_status below_differs(const so_commit_log *log, const so_oid *a, const so_oid *b,
                               bool *out) {
  const so_bytes prefix = so_bytes_of(log->path, log->path_len + 1);
  so_diff *diff;
  SO_TRY(so_diff_open(log->tree, a, b, prefix, so_bytes_of(NULL, 0), &diff));
  so_change change;
  const so_status s = so_diff_next(diff, &change);
  so_diff_close(diff);
  *out = so_ok(s);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status differs(const so_commit_log *log, const so_oid *a, const so_oid *b, bool *out) {
  *out = false;
  if (so_oid_equal(a, b)) {
    return so_done();
  }
  SO_TRY(value_differs(log, a, b, out));
  return *out ? so_done() : below_differs(log, a, b, out);
}

static so_status differs_from_all(const so_commit_log *log, const so_commit *commit, bool *out) {
  const so_oid none = {{0}};
  if (commit->parent_count == 0) {
    return differs(log, &none, &commit->root, out);
  }
  *out = true;
  for (uint32_t i = 0; i < commit->parent_count && *out; i++) {
    const so_graph_node *parent = so_graph_find(&log->graph, &commit->parents[i]);
    SO_TRY(differs(log, &parent->root, &commit->root, out));
  }
  return so_done();
}

// is_shown asks whether a commit changed the path against every parent. Its parents were met.
static so_status is_shown(const so_commit_log *log, const so_graph_node *node, bool *out) {
  *out = true;
  if (log->path_len == 0) {
    return so_done();
  }
  so_object object;
  SO_TRY(so_objects_get_kind(log->graph.objects, &node->oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  so_status s = so_commit_decode(object.bytes, &commit);
  if (so_ok(s)) {
    s = differs_from_all(log, &commit, out);
  }
  so_objects_unpin(log->graph.objects, &object);
  return s;
}

so_status so_commit_log_next(so_commit_log *log, so_commit_log_entry *out) {
  so_graph_node node;
  for (;;) {
    SO_TRY(so_graph_take(&log->graph, &node));
    SO_TRY(so_graph_follow(&log->graph, &node, node.flags));
    if ((node.flags & HIDDEN) != 0) {
      continue;
    }
    bool shown;
    SO_TRY(is_shown(log, &node, &shown));
    if (shown) {
      out->oid = node.oid;
      out->root = node.root;
      out->generation = node.generation;
      out->time_ms = node.time_ms;
      out->parent_count = node.parent_count;
      return so_done();
    }
  }
}

so_status so_commit_read(const so_objects *objects, const so_oid *oid, so_arena *arena,
                         so_commit *out) {
  so_object object;
  SO_TRY(so_objects_get_kind(objects, oid, SO_KIND_COMMIT, &object));
  so_bytes copy;
  const so_status s = so_arena_copy(arena, object.bytes, &copy);
  so_objects_unpin(objects, &object);
  SO_TRY(s);
  return so_ok(so_commit_decode(copy, out)) ? so_done() : so_status_make(SO_CORRUPT, 0);
}

so_status so_commit_of(const so_objects *objects, const so_oid *oid, so_oid *out) {
  so_oid at = *oid;
  for (int i = 0; i <= TAGS_MAX; i++) {
    so_object object;
    SO_TRY(so_objects_get(objects, &at, &object));
    so_tag tag;
    const so_kind kind = object.kind;
    const bool is_tag = kind == SO_KIND_TAG && so_ok(so_tag_decode(object.bytes, &tag));
    const so_oid here = at;
    at = is_tag ? tag.target : at;
    so_objects_unpin(objects, &object);
    if (kind == SO_KIND_COMMIT) {
      *out = here;
      return so_done();
    }
    if (!is_tag) {
      return so_status_make(SO_CONFLICT, 0);
    }
  }
  return so_status_make(SO_CONFLICT, 0);
}
