#include "base/mem.h"
#include "store/merge/internal.h"

static so_status find_above(const so_tree *tree, const so_oid *root, so_bytes path, so_arena *arena,
                            so_bytes *out) {
  for (size_t i = 0; i < path.len; i++) {
    if (path.ptr[i] != '/') {
      continue;
    }
    const so_bytes above = so_bytes_first(path, i);
    const so_arena_mark mark = so_arena_save(arena);
    so_entry ignored;
    const so_status s = so_tree_get(tree, root, above, arena, &ignored);
    so_arena_rewind(arena, mark);
    if (so_ok(s)) {
      return so_arena_copy(arena, above, out);
    }
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
  }
  return so_status_make(SO_NOT_FOUND, 0);
}

static so_status find_below(const so_tree *tree, const so_oid *root, so_bytes path,
                            so_cursor *cursor, uint8_t *prefix, so_arena *arena, so_bytes *out) {
  memcpy(prefix, path.ptr, path.len);
  prefix[path.len] = '/';
  const so_bytes below = so_bytes_of(prefix, path.len + 1);
  SO_TRY(so_cursor_seek(cursor, tree, root, below));
  so_status s = so_status_make(SO_NOT_FOUND, 0);
  if (!cursor->at_end && so_bytes_has_prefix(cursor->key, below)) {
    s = so_arena_copy(arena, cursor->key, out);
  }
  so_cursor_close(cursor);
  return s;
}

so_status so_path_find_clash(const so_tree *tree, const so_oid *root, so_bytes path,
                             so_arena *arena, so_bytes *out) {
  const so_status s = find_above(tree, root, path, arena, out);
  // A path of the greatest length has nothing below it.
  if (!so_is(s, SO_NOT_FOUND) || path.len >= SO_KEY_LEN_MAX) {
    return s;
  }
  so_cursor *cursor = so_heap_alloc(tree->heap, sizeof *cursor);
  uint8_t *prefix = so_heap_alloc(tree->heap, SO_KEY_LEN_MAX);
  so_status below = so_status_make(SO_LIMIT, 0);
  if (cursor != NULL && prefix != NULL) {
    below = find_below(tree, root, path, cursor, prefix, arena, out);
  }
  so_heap_free(tree->heap, prefix, SO_KEY_LEN_MAX);
  so_heap_free(tree->heap, cursor, sizeof *cursor);
  return below;
}
