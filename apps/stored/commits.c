#include "apps/stored/handlers.h"
#include "apps/stored/idempotency.h"
#include "apps/stored/json_in.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"
#include "store/value/value.h"

so_status so_handle_commit_get(so_call *c) {
  so_status sent;
  so_resolved resolved;
  return so_shared_resolve(c, so_call_param(c, "ref"), &resolved, &sent)
             ? so_shared_reply_commit(c, 200, &resolved.commit)
             : sent;
}

// --- reading a transaction ------------------------------------------------------------------

// read_put stores the value of a "put" and fills the entry.
static so_status read_put(so_call *c, const so_tree *tree, const so_json *v, so_op *op) {
  const so_json *mode = so_json_member(v, "mode");
  const so_json *type = so_json_member(v, "type");
  so_bytes value, text;
  op->kind = SO_OP_PUT;
  op->entry.type = SO_ENTRY_FILE;
  op->entry.mode = 0644;
  const so_status status = so_in_value(v, &c->arena, &value);
  if (so_is(status, SO_NOT_FOUND)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(status);
  if (mode != NULL && (!so_json_string(mode, &text) || !so_ok(so_in_mode(text, &op->entry.mode)))) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (type != NULL && (!so_json_string(type, &text) || !so_ok(so_in_type(text, &op->entry.type)))) {
    return so_status_make(SO_MALFORMED, 0);
  }
  return so_value_of(tree, value, &op->entry);
}

static so_status read_op(so_call *c, const so_tree *tree, const so_json *v, so_op *op) {
  so_bytes word;
  if (!so_json_string(so_json_member(v, "op"), &word) ||
      !so_json_string(so_json_member(v, "path"), &op->path)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(so_path_check(op->path));
  if (so_bytes_equal(word, so_str("put"))) {
    return read_put(c, tree, v, op);
  }
  const bool is_delete = so_bytes_equal(word, so_str("delete"));
  op->kind = is_delete ? SO_OP_DELETE : SO_OP_UNMODIFIED;
  return is_delete || so_bytes_equal(word, so_str("unmodified"))
             ? so_done()
             : so_status_make(SO_MALFORMED, 0);
}

static so_status read_ops(so_call *c, const so_json *list, so_transaction *t, size_t *out_at) {
  const so_tree tree = so_repo_tree(&c->repo);
  if (list == NULL || list->type != SO_JSON_ARRAY) {
    return so_status_make(SO_MALFORMED, 0);
  }
  size_t count = 0;
  for (const so_json *v = list->first; v != NULL; v = v->next) {
    count++;
  }
  t->ops = so_arena_alloc(&c->arena, count * sizeof *t->ops);
  if (t->ops == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (const so_json *v = list->first; v != NULL; v = v->next) {
    *out_at = t->op_count;
    SO_TRY(read_op(c, &tree, v, &t->ops[t->op_count++]));
  }
  return so_done();
}

static bool optional_string(const so_json *body, const char *name, so_bytes *out) {
  const so_json *v = so_json_member(body, name);
  return v == NULL || v->type == SO_JSON_NULL || so_json_string(v, out);
}

// read_frame reads everything but the operations.
static so_status read_frame(so_call *c, const so_json *body, so_transaction *t) {
  t->branch = so_repo_default_branch(&c->repo);
  t->author = so_shared_person(c);
  t->who = so_call_who(c);
  t->why = so_str("commit");
  if (body == NULL || !optional_string(body, "branch", &t->branch) ||
      !optional_string(body, "message", &t->message)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(so_in_person(so_json_member(body, "author"), &t->author));
  t->committer = so_shared_person(c);
  SO_TRY(so_in_person(so_json_member(body, "committer"), &t->committer));
  const so_json *expected = so_json_member(body, "expected");
  t->has_expected = expected != NULL;
  if (t->has_expected) {
    SO_TRY(so_in_oid(expected, &t->expected));
  }
  t->create_branch = t->has_expected ? so_oid_is_none(&t->expected)
                                     : so_json_member(body, "base") == NULL;
  return so_done();
}

// --- applying it ----------------------------------------------------------------------------

static so_status reply_refusal(so_call *c, so_status status, const so_commit_result *r) {
  if (so_is(status, SO_CONFLICT) && r->conflict_count == 0) {
    so_json_writer w = so_call_problem_begin(
        c, 409, "conflict", "the branch is not at \"expected\"; nothing was changed");
    so_out_member_oid(&w, "current", &r->commit);
    return so_call_problem_end(c, 409, &w);
  }
  if (so_is(status, SO_CONFLICT)) {
    so_json_writer w = so_call_problem_begin(
        c, 409, "conflict", "paths that this transaction touches or read have changed since its "
                            "base; look at them, and send it again with the present head as base");
    so_out_member_oid(&w, "current", &r->commit);
    so_out_conflicts(&w, r->conflicts, r->conflict_count, false);
    return so_call_problem_end(c, 409, &w);
  }
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_path",
                                 "a path is there twice, or is not a valid path or branch name");
  }
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "no_such_ref",
                                 "there is no such branch; \"expected\": null makes one");
  }
  return so_call_reply_status(c, status, "commit");
}

static so_status read_base(so_call *c, const so_json *body, so_transaction *t, bool *out_ok) {
  so_bytes base = {NULL, 0};
  so_resolved resolved;
  so_status sent = so_done();
  *out_ok = true;
  (void)so_json_string(so_json_member(body, "base"), &base);
  if (base.len != 0) {
    *out_ok = so_shared_resolve(c, base, &resolved, &sent);
    t->base = *out_ok ? resolved.commit : t->base;
  }
  return sent;
}

// post_once does the transaction; a success is remembered under `id`.
static so_status post_once(so_call *c, const so_oid *id) {
  so_status sent;
  const so_json *body;
  bool base_ok;
  size_t at = 0;
  so_transaction *t = so_arena_alloc(&c->arena, sizeof *t);
  so_commit_result *r = so_arena_alloc(&c->arena, sizeof *r);
  if (t == NULL || r == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "transaction");
  }
  if (!so_call_read_json(c, &body, &sent)) {
    return sent;
  }
  so_status status = read_frame(c, body, t);
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_request",
                                 "branch, message, author, committer or expected is not as "
                                 "docs/rest.md has it");
  }
  if (so_ok(status)) {
    sent = read_base(c, body, t, &base_ok);
    if (!base_ok) {
      return sent;
    }
    status = read_ops(c, so_json_member(body, "operations"), t, &at);
  }
  if (so_is(status, SO_MALFORMED)) {
    so_json_writer w = so_call_problem_begin(
        c, 400, "bad_request", "an operation is {\"op\": put, delete or unmodified, \"path\": a "
                               "valid path, ...}; the member operation says which is not");
    so_json_member_u64(&w, "operation", at);
    return so_call_problem_end(c, 400, &w);
  }
  if (so_ok(status)) {
    status = so_repo_commit(&c->repo, t, &c->arena, r);
    if (!so_ok(status)) {
      return reply_refusal(c, status, r);
    }
    status = so_server_make_durable(c->server);
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "commit");
  }
  c->server->stats.commits++;
  const uint16_t http_status = r->is_unchanged ? 200 : 201;
  so_idempotency_done(c->server, id, http_status, &r->commit);
  return so_shared_reply_commit(c, http_status, &r->commit);
}

so_status so_handle_commits_post(so_call *c) {
  so_status sent;
  so_oid id;
  if (so_idempotency_begin(c, &id, &sent)) {
    sent = post_once(c, &id);
    so_idempotency_end(c->server, &id);
  }
  return sent;
}
