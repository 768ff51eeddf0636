#include "store/history/history.h"

#include "apps/stored/diff_text.h"
#include "apps/stored/handlers.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"
#include "base/hex.h"

// --- log ------------------------------------------------------------------------------------

// log_start finds where the log begins: `after` (the last commit of the page before) is given
// again by the walk and dropped.
static bool log_start(so_call *c, so_oid *out_after, bool *out_has_after, so_status *out_sent) {
  so_bytes text;
  *out_has_after = so_call_query(c, "after", &text);
  if (*out_has_after && !so_ok(so_hex_read(text, out_after->bytes, SO_OID_LEN))) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request", "after is a commit's hash");
    return false;
  }
  return true;
}

static so_status out_page(so_call *c, so_json_writer *w, so_commit_log *log, size_t limit,
                          const so_oid *after, bool *out_more, so_oid *out_last) {
  size_t count = 0;
  bool found = after == NULL;
  for (;;) {
    so_commit_log_entry entry;
    const so_status status = so_commit_log_next(log, &entry);
    if (so_is(status, SO_NOT_FOUND)) {
      return so_done();
    }
    SO_TRY(status);
    if (!found) {
      found = so_oid_equal(&entry.oid, after);
      continue;
    }
    if (count == limit) {
      *out_more = true;
      return so_done();
    }
    const so_arena_mark mark = so_arena_save(&c->arena);
    so_commit *commit = so_arena_alloc(&c->arena, sizeof *commit);
    if (commit == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    SO_TRY(so_commit_read(&c->repo.objects, &entry.oid, &c->arena, commit));
    so_out_commit(w, &entry.oid, commit);
    so_arena_rewind(&c->arena, mark);
    *out_last = entry.oid;
    count++;
  }
}

so_status so_handle_log(so_call *c) {
  so_status sent;
  so_resolved resolved;
  so_bytes path = {NULL, 0};
  size_t limit;
  so_oid after, last;
  bool has_after, more = false;
  if (!so_shared_page(c, &limit, &sent) || !log_start(c, &after, &has_after, &sent) ||
      !so_shared_resolve(c, so_call_param(c, "ref"), &resolved, &sent)) {
    return sent;
  }
  (void)so_call_query(c, "path", &path);
  if (path.len != 0 && !so_ok(so_path_check(path))) {
    return so_call_reply_problem(c, 400, "bad_path", "path is not a valid path");
  }
  const so_tree tree = so_repo_tree(&c->repo);
  const so_history history = {&tree, 0};
  so_commit_log *log;
  so_status status = so_commit_log_open(&history, &resolved.commit, 1, path, &log);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "log");
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_name(&w, "commits");
  so_json_array(&w);
  status = out_page(c, &w, log, limit, has_after ? &after : NULL, &more, &last);
  so_commit_log_close(log);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "log");
  }
  so_json_array_end(&w);
  if (more) {
    so_out_member_oid(&w, "next", &last);
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

// --- diff -----------------------------------------------------------------------------------

static void out_change(so_json_writer *w, const so_change *change) {
  so_json_object(w);
  so_json_member_string(w, "path", change->key);
  so_json_member_string(w, "change",
                        so_str(!change->has_old   ? "added"
                               : !change->has_new ? "removed"
                                                  : "modified"));
  so_json_name(w, "old");
  so_out_entry(w, so_bytes_of(NULL, 0), change->has_old ? &change->old_entry : NULL);
  so_json_name(w, "new");
  so_out_entry(w, so_bytes_of(NULL, 0), change->has_new ? &change->new_entry : NULL);
  so_json_object_end(w);
}

static so_status out_changes(so_call *c, so_json_writer *w, so_diff *diff, size_t limit,
                             so_bytes *out_next) {
  so_bytes last = {NULL, 0};
  for (size_t count = 0;; count++) {
    so_change change;
    const so_status status = so_diff_next(diff, &change);
    if (so_is(status, SO_NOT_FOUND)) {
      return so_done();
    }
    SO_TRY(status);
    if (count == limit) {
      *out_next = last;
      return so_done();
    }
    out_change(w, &change);
    SO_TRY(so_arena_copy(&c->arena, change.key, &last));
  }
}

// What a diff is between, as asked for.
typedef struct diff_request {
  so_resolved from;
  so_resolved to;
  so_oid from_root;
  so_oid to_root;
  so_bytes prefix;
  so_bytes after;
  size_t limit;
} diff_request;

static bool read_diff(so_call *c, diff_request *d, so_status *out_sent) {
  so_commit *commit = so_arena_alloc(&c->arena, sizeof *commit);
  if (commit == NULL) {
    *out_sent = so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "diff");
    return false;
  }
  if (!so_shared_page(c, &d->limit, out_sent) ||
      !so_shared_commit(c, so_call_param(c, "from"), &d->from, commit, out_sent)) {
    return false;
  }
  d->from_root = commit->root;
  if (!so_shared_commit(c, so_call_param(c, "to"), &d->to, commit, out_sent)) {
    return false;
  }
  d->to_root = commit->root;
  (void)so_call_query(c, "prefix", &d->prefix);
  (void)so_call_query(c, "after", &d->after);
  return true;
}

static so_status reply_json(so_call *c, const diff_request *d, so_diff *diff) {
  so_bytes next = {NULL, 0};
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_out_member_oid(&w, "from", &d->from.commit);
  so_out_member_oid(&w, "to", &d->to.commit);
  so_json_name(&w, "changes");
  so_json_array(&w);
  const so_status status = out_changes(c, &w, diff, d->limit, &next);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "diff");
  }
  so_json_array_end(&w);
  if (next.len != 0) {
    so_json_member_string(&w, "next", next);
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

so_status so_handle_diff(so_call *c) {
  so_status sent;
  so_bytes accept = {NULL, 0};
  diff_request *d = so_arena_alloc(&c->arena, sizeof *d);
  if (d == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "diff");
  }
  if (!read_diff(c, d, &sent)) {
    return sent;
  }
  const so_tree tree = so_repo_tree(&c->repo);
  so_diff *diff;
  const so_status status =
      so_diff_open(&tree, &d->from_root, &d->to_root, d->prefix, d->after, &diff);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "diff");
  }
  (void)so_call_header(c, "accept", &accept);
  sent = so_bytes_has_prefix(accept, so_str("text/x-diff")) ? so_diff_text_reply(c, &tree, diff)
                                                            : reply_json(c, d, diff);
  so_diff_close(diff);
  return sent;
}
