#include "apps/stored/handlers.h"
#include "apps/stored/json_in.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"
#include "base/sort.h"
#include "store/value/value.h"

// --- resolutions ----------------------------------------------------------------------------

// One resolution as it was asked for. "take" can only be carried out once the conflict is known.
typedef struct wish {
  so_bytes path;
  so_bytes take;  // Empty: `value` is given.
  so_bytes value;
} wish;

typedef struct wishes {
  wish *items;
  size_t count;
} wishes;

static int compare_wishes(void *ctx, const void *a, const void *b) {
  (void)ctx;
  return so_bytes_compare(((const wish *)a)->path, ((const wish *)b)->path);
}

static so_status read_wish(so_call *c, const so_json *v, wish *out) {
  if (!so_json_string(so_json_member(v, "path"), &out->path)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(so_path_check(out->path));
  if (!so_json_string(so_json_member(v, "take"), &out->take)) {
    const so_status status = so_in_value(v, &c->arena, &out->value);
    return so_is(status, SO_NOT_FOUND) ? so_status_make(SO_MALFORMED, 0) : status;
  }
  const char *words[] = {"ours", "theirs", "base", "delete"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (so_bytes_equal(out->take, so_str(words[i]))) {
      return so_done();
    }
  }
  return so_status_make(SO_MALFORMED, 0);
}

static so_status read_wishes(so_call *c, const so_json *list, wishes *out) {
  size_t count = 0;
  if (list != NULL && list->type != SO_JSON_ARRAY) {
    return so_status_make(SO_MALFORMED, 0);
  }
  for (const so_json *v = list == NULL ? NULL : list->first; v != NULL; v = v->next) {
    count++;
  }
  out->items = so_arena_alloc(&c->arena, count * sizeof *out->items);
  if (out->items == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (const so_json *v = list == NULL ? NULL : list->first; v != NULL; v = v->next) {
    SO_TRY(read_wish(c, v, &out->items[out->count++]));
  }
  so_sort(out->items, out->count, sizeof *out->items, compare_wishes, NULL);
  for (size_t i = 1; i < out->count; i++) {
    if (so_bytes_equal(out->items[i - 1].path, out->items[i].path)) {
      return so_status_make(SO_MALFORMED, 0);
    }
  }
  return so_done();
}

static so_status entry_at(so_call *c, const so_tree *tree, const so_oid *root, so_bytes path,
                          so_resolution *out) {
  const so_status status = so_tree_get(tree, root, path, &c->arena, &out->entry);
  out->is_delete = so_is(status, SO_NOT_FOUND);
  return out->is_delete ? so_done() : status;
}

// The maps that "ours", "theirs" and "base" mean.
typedef struct sides {
  so_oid ours;
  so_oid theirs;
  so_oid base;
} sides;

static so_status root_of(so_call *c, const so_oid *commit, so_oid *out) {
  so_commit *read = so_arena_alloc(&c->arena, sizeof *read);
  if (read == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(so_commit_read(&c->repo.objects, commit, &c->arena, read));
  *out = read->root;
  return so_done();
}

static so_status find_sides(so_call *c, const so_tree *tree, const so_oid *head,
                            const so_oid *source, sides *out) {
  const so_history history = {tree, 0};
  so_oid bases[SO_MERGE_BASES_MAX];
  size_t count;
  SO_TRY(root_of(c, head, &out->ours));
  SO_TRY(root_of(c, source, &out->theirs));
  SO_TRY(so_merge_bases(&history, head, 1, source, 1, bases, &count));
  return count == 0 ? so_done() : root_of(c, &bases[0], &out->base);
}

static so_status grant(so_call *c, const so_tree *tree, const sides *s, const wish *w,
                       so_resolution *out) {
  out->path = w->path;
  if (w->take.len == 0) {
    out->entry.type = SO_ENTRY_FILE;
    out->entry.mode = 0644;
    so_resolution before = {.is_delete = true};
    SO_TRY(entry_at(c, tree, &s->ours, w->path, &before));
    if (!before.is_delete) {
      out->entry.mode = before.entry.mode;
    }
    return so_value_of(tree, w->value, &out->entry);
  }
  if (so_bytes_equal(w->take, so_str("delete"))) {
    out->is_delete = true;
    return so_done();
  }
  const so_oid *root = so_bytes_equal(w->take, so_str("ours"))     ? &s->ours
                       : so_bytes_equal(w->take, so_str("theirs")) ? &s->theirs
                                                                   : &s->base;
  return entry_at(c, tree, root, w->path, out);
}

static so_status grant_all(so_call *c, const so_oid *head, const so_oid *source, const wishes *w,
                           so_merge_options *out) {
  const so_tree tree = so_repo_tree(&c->repo);
  sides s = {.base = {{0}}};
  if (w->count == 0) {
    return so_done();
  }
  so_resolution *items = so_arena_alloc(&c->arena, w->count * sizeof *items);
  if (items == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(find_sides(c, &tree, head, source, &s));
  for (size_t i = 0; i < w->count; i++) {
    SO_TRY(grant(c, &tree, &s, &w->items[i], &items[i]));
  }
  out->resolutions = items;
  out->resolution_count = w->count;
  return so_done();
}

// --- the request ----------------------------------------------------------------------------

static bool read_fast_forward(const so_json *v, so_ff *out) {
  so_bytes word;
  *out = SO_FF_ALLOWED;
  if (v == NULL) {
    return true;
  }
  if (!so_json_string(v, &word)) {
    return false;
  }
  *out = so_bytes_equal(word, so_str("never"))  ? SO_FF_NEVER
         : so_bytes_equal(word, so_str("only")) ? SO_FF_ONLY
                                                : SO_FF_ALLOWED;
  return *out != SO_FF_ALLOWED || so_bytes_equal(word, so_str("allow"));
}

static so_status read_request(so_call *c, const so_json *body, so_merge_request *m, wishes *w,
                              so_bytes *out_from) {
  m->branch = so_repo_default_branch(&c->repo);
  m->author = so_shared_person(c);
  m->committer = so_shared_person(c);
  m->who = so_call_who(c);
  m->why = so_str("merge");
  const so_json *into = so_json_member(body, "into");
  const so_json *expected = so_json_member(body, "expected");
  if (!so_json_string(so_json_member(body, "from"), out_from) ||
      (into != NULL && !so_json_string(into, &m->branch)) ||
      !read_fast_forward(so_json_member(body, "fast_forward"), &m->ff)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  (void)so_json_string(so_json_member(body, "message"), &m->message);
  (void)so_json_bool(so_json_member(body, "dry_run"), &m->dry_run);
  m->has_expected = expected != NULL;
  if (m->has_expected) {
    SO_TRY(so_in_oid(expected, &m->expected));
  }
  SO_TRY(so_in_person(so_json_member(body, "author"), &m->author));
  return read_wishes(c, so_json_member(body, "resolutions"), w);
}

// --- the answer -----------------------------------------------------------------------------

static const char *result_word(so_merge_kind kind) {
  return kind == SO_MERGED_UP_TO_DATE     ? "up_to_date"
         : kind == SO_MERGED_FAST_FORWARD ? "fast_forward"
                                          : "merged";
}

static so_status reply_outcome(so_call *c, const so_merge_outcome *o) {
  if (o->kind == SO_MERGED_CONFLICTS) {
    return so_shared_reply_conflicts(
        c, "merge_conflict",
        "both sides changed these paths; nothing was changed. Send the same request with "
        "\"resolutions\" for each of them",
        o->result.conflicts, o->result.conflict_count);
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_member_string(&w, "result", so_str(result_word(o->kind)));
  so_out_member_oid(&w, "commit", &o->commit);
  so_out_member_oid(&w, "root", &o->result.root);
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

static so_status reply_refusal(so_call *c, so_status status, const so_merge_request *m,
                               const so_merge_outcome *o) {
  if (so_is(status, SO_CONFLICT)) {
    so_json_writer w = so_call_problem_begin(
        c, 409, m->ff == SO_FF_ONLY ? "not_fast_forward" : "conflict",
        m->ff == SO_FF_ONLY ? "the branch has commits of its own; merge without fast_forward only"
                            : "the branch is not at \"expected\"; nothing was changed");
    so_out_member_oid(&w, "current", &o->head);
    return so_call_problem_end(c, 409, &w);
  }
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "no_such_ref", "there is no such branch to merge into");
  }
  return so_call_reply_status(c, status, "merge");
}

so_status so_handle_merge(so_call *c) {
  so_status sent;
  const so_json *body;
  so_bytes from;
  wishes w = {NULL, 0};
  so_merge_request m = {.action = SO_MERGE_ACTION_MERGE};
  so_merge_options options = {.keep_markers = false};
  so_merge_outcome o = {.seq = 0};
  so_resolved source, head;
  if (!so_call_read_json(c, &body, &sent)) {
    return sent;
  }
  so_status status = read_request(c, body, &m, &w, &from);
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_request",
                                 "the body is {\"into\": branch, \"from\": ref, ...}; each "
                                 "resolution has a path, once, and take or value");
  }
  if (so_ok(status) && (!so_shared_resolve(c, from, &source, &sent) ||
                        !so_shared_resolve(c, m.branch, &head, &sent))) {
    return sent;
  }
  if (so_ok(status)) {
    m.source = source.commit;
    m.options = &options;
    options.labels = (so_merge_labels){m.branch, so_str("base"), from};
    status = grant_all(c, &head.commit, &source.commit, &w, &options);
  }
  if (so_ok(status)) {
    status = so_repo_merge(&c->repo, &m, &c->arena, &o);
    if (!so_ok(status)) {
      return reply_refusal(c, status, &m, &o);
    }
    status = o.seq == 0 ? so_done() : so_server_make_durable(c->server);
  }
  return so_ok(status) ? reply_outcome(c, &o) : so_call_reply_status(c, status, "merge");
}
