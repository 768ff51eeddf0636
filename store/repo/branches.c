// Merging, reverting and cherry-picking on branches.

#include "base/mem.h"
#include "store/repo/internal.h"

#define ATTEMPTS_MAX 64

typedef struct attempt {
  const so_repo *repo;
  so_tree tree;
  const so_merge_request *request;
  so_full_name branch;
  so_commit_head head;
  so_arena *arena;
  so_merge_outcome *out;
} attempt;

static so_status read_head(attempt *a) {
  so_ref ref;
  SO_TRY(so_ref_get(a->repo, so_bytes_of(a->branch.bytes, a->branch.len), &ref));
  a->out->head = ref.oid;
  if (a->request->has_expected && !so_oid_equal(&ref.oid, &a->request->expected)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  return so_commit_head_read(&a->repo->objects, &ref.oid, &a->head);
}

static so_status move_branch(attempt *a, const so_oid *to, so_ref_result *refs) {
  a->out->commit = *to;
  if (a->request->dry_run) {
    return so_done();
  }
  const so_ref_change change = {.name = so_bytes_of(a->branch.bytes, a->branch.len),
                                .new_oid = *to,
                                .is_checked = true,
                                .old_oid = a->head.oid};
  const so_ref_note note = {a->request->who, a->request->why, a->request->committer.time_ms};
  SO_TRY(so_repo_update_refs(a->repo, &change, 1, &note, refs));
  a->out->seq = refs->seq;
  return so_done();
}

// finish turns a merged root into a commit, when there is nothing left to resolve.
static so_status finish(attempt *a, const so_oid *parents, size_t parent_count,
                        so_ref_result *refs) {
  const so_merge_request *q = a->request;
  if (a->out->result.conflict_total != 0) {
    a->out->kind = SO_MERGED_CONFLICTS;
    return so_done();
  }
  if (parent_count == 1 && so_oid_equal(&a->out->result.root, &a->head.root)) {
    a->out->kind = SO_MERGED_UP_TO_DATE;  // Nothing to revert or to pick.
    a->out->commit = a->head.oid;
    return so_done();
  }
  a->out->kind = SO_MERGED_COMMIT;
  if (q->dry_run) {
    return so_done();
  }
  so_oid commit;
  SO_TRY(so_commit_write(&a->repo->objects, a->repo->repos->heap, &a->out->result.root, parents,
                         parent_count, &q->author, &q->committer, q->message, &commit));
  return move_branch(a, &commit, refs);
}

static so_status up_to_date(attempt *a) {
  a->out->kind = SO_MERGED_UP_TO_DATE;
  a->out->commit = a->head.oid;
  a->out->result.root = a->head.root;
  return so_done();
}

static so_status fast_forward(attempt *a, so_ref_result *refs) {
  so_commit_head source;
  SO_TRY(so_commit_head_read(&a->repo->objects, &a->request->source, &source));
  a->out->kind = SO_MERGED_FAST_FORWARD;
  a->out->result.root = source.root;
  return move_branch(a, &source.oid, refs);
}

static so_status try_merge(attempt *a, so_ref_result *refs) {
  const so_merge_request *q = a->request;
  const so_history history = {&a->tree, 0};
  bool is_behind = false;
  bool is_ahead = false;
  SO_TRY(so_is_ancestor(&history, &q->source, &a->head.oid, &is_behind));
  if (is_behind) {
    return up_to_date(a);
  }
  SO_TRY(so_is_ancestor(&history, &a->head.oid, &q->source, &is_ahead));
  if (is_ahead && q->ff != SO_FF_NEVER) {
    return fast_forward(a, refs);
  }
  if (q->ff == SO_FF_ONLY) {
    return so_status_make(SO_CONFLICT, 0);
  }
  SO_TRY(
      so_merge_commits(&history, &a->head.oid, &q->source, q->options, a->arena, &a->out->result));
  const so_oid parents[2] = {a->head.oid, q->source};
  return finish(a, parents, 2, refs);
}

// try_replay applies what `source` changed against its parent, or the reverse of it.
static so_status try_replay(attempt *a, so_ref_result *refs) {
  const so_merge_request *q = a->request;
  so_commit_head source;
  SO_TRY(so_commit_head_read(&a->repo->objects, &q->source, &source));
  so_commit_head parent;
  memset(&parent, 0, sizeof parent);
  so_oid parent_oid = {{0}};
  const so_status s = so_commit_parent(&a->repo->objects, &q->source,
                                       q->mainline == 0 ? 1 : q->mainline, &parent_oid);
  if (so_ok(s)) {
    SO_TRY(so_commit_head_read(&a->repo->objects, &parent_oid, &parent));
  } else if (!so_is(s, SO_NOT_FOUND) || q->mainline > 1) {
    return s;
  }
  const bool is_revert = q->action == SO_MERGE_ACTION_REVERT;
  SO_TRY(so_merge_trees(&a->tree, is_revert ? &source.root : &parent.root, &a->head.root,
                        is_revert ? &parent.root : &source.root, q->options, a->arena,
                        &a->out->result));
  return finish(a, &a->head.oid, 1, refs);
}

static so_status try_once(attempt *a, so_ref_result *refs) {
  memset(a->out, 0, sizeof *a->out);
  memset(refs, 0, sizeof *refs);
  SO_TRY(read_head(a));
  switch (a->request->action) {
    case SO_MERGE_ACTION_MERGE:
      return try_merge(a, refs);
    case SO_MERGE_ACTION_REVERT:
    case SO_MERGE_ACTION_CHERRY_PICK:
      return try_replay(a, refs);
  }
  return so_status_make(SO_INTERNAL, 0);
}

so_status so_repo_merge(const so_repo *repo, const so_merge_request *request, so_arena *arena,
                        so_merge_outcome *out) {
  memset(out, 0, sizeof *out);
  attempt a = {.repo = repo, .tree = so_repo_tree(repo), .request = request, .arena = arena};
  a.out = out;
  SO_TRY(so_full_name_of(&a.branch, "refs/heads/", request->branch));
  so_status s = so_done();
  // The first attempt lets transactions go on meanwhile; the others make them wait.
  for (int i = 0; i < ATTEMPTS_MAX; i++) {
    const so_arena_mark mark = so_arena_save(arena);
    so_ref_result refs;
    if (i == 1) {
      so_turn_take(&repo->repos->change);
    }
    s = try_once(&a, &refs);
    if (!so_is(s, SO_CONFLICT) || so_oid_is_none(&refs.current) || i == ATTEMPTS_MAX - 1) {
      if (i > 0) {
        so_turn_give(&repo->repos->change);
      }
      break;
    }
    so_arena_rewind(arena, mark);
  }
  return s;
}
