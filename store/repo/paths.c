#include "base/mem.h"
#include "store/repo/internal.h"

static so_status check_added(const so_tree *tree, const so_oid *root, so_bytes path,
                             so_arena *arena, so_bytes *out_path) {
  if (!so_ok(so_path_check(path))) {
    SO_TRY(so_arena_copy(arena, path, out_path));
    return so_status_make(SO_MALFORMED, 0);
  }
  const so_status s = so_path_find_clash(tree, root, path, arena, out_path);
  if (so_is(s, SO_NOT_FOUND)) {
    return so_done();
  }
  return so_ok(s) ? so_status_make(SO_CONFLICT, 0) : s;
}

static so_status check_all(const so_tree *tree, const so_oid *root, so_diff *diff, so_arena *arena,
                           so_bytes *out_path) {
  for (;;) {
    so_change change;
    const so_status s = so_diff_next(diff, &change);
    if (so_is(s, SO_NOT_FOUND)) {
      return so_done();
    }
    SO_TRY(s);
    if (change.has_new && !change.has_old) {
      SO_TRY(check_added(tree, root, change.key, arena, out_path));
    }
  }
}

so_status so_repo_check_paths(const so_repo *repo, const so_oid *from, const so_oid *to,
                              so_arena *arena, so_bytes *out_path) {
  so_commit_head old_head;
  so_commit_head new_head;
  memset(&old_head, 0, sizeof old_head);
  if (!so_oid_is_none(from)) {
    SO_TRY(so_commit_head_read(&repo->objects, from, &old_head));
  }
  SO_TRY(so_commit_head_read(&repo->objects, to, &new_head));
  const so_tree tree = so_repo_tree(repo);
  const so_bytes none = so_bytes_of(NULL, 0);
  so_diff *diff;
  SO_TRY(so_diff_open(&tree, &old_head.root, &new_head.root, none, none, &diff));
  const so_status s = check_all(&tree, &new_head.root, diff, arena, out_path);
  so_diff_close(diff);
  return s;
}
