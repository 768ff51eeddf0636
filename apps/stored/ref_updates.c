#include "apps/stored/ref_updates.h"

#include "apps/stored/json_in.h"
#include "apps/stored/json_out.h"

static so_status read_one(const so_json *v, so_ref_change *out) {
  const so_json *old = so_json_member(v, "old");
  const so_ref_change zero = {.is_checked = old != NULL};
  *out = zero;
  if (!so_json_string(so_json_member(v, "ref"), &out->name)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (old != NULL) {
    SO_TRY(so_in_oid(old, &out->old_oid));
  }
  return so_in_oid(so_json_member(v, "new"), &out->new_oid);
}

static so_status read_all(so_call *c, const so_json *list, so_ref_updates *out) {
  if (list == NULL || list->type != SO_JSON_ARRAY) {
    return so_status_make(SO_MALFORMED, 0);
  }
  for (const so_json *v = list->first; v != NULL; v = v->next) {
    out->count++;
  }
  if (out->count == 0 || out->count > SO_REF_CHANGES_MAX) {
    return so_status_make(SO_MALFORMED, 0);
  }
  out->changes = so_arena_alloc(&c->arena, out->count * sizeof *out->changes);
  if (out->changes == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  size_t i = 0;
  for (const so_json *v = list->first; v != NULL; v = v->next) {
    SO_TRY(read_one(v, &out->changes[i++]));
  }
  return so_done();
}

bool so_ref_updates_read(so_call *c, const so_json *body, so_ref_updates *out,
                         so_status *out_sent) {
  const so_ref_updates zero = {NULL, 0, {NULL, 0}};
  *out = zero;
  (void)so_json_string(so_json_member(body, "message"), &out->why);
  const so_status status = read_all(c, so_json_member(body, "updates"), out);
  if (so_ok(status)) {
    return true;
  }
  *out_sent = so_is(status, SO_LIMIT)
                  ? so_call_reply_status(c, status, "updates")
                  : so_call_reply_problem(c, 400, "bad_request",
                                          "updates is a list of 1 to 1000 of {\"ref\": full name, "
                                          "\"old\": hash or null, \"new\": hash or null}");
  return false;
}

so_status so_ref_updates_apply(so_call *c, const so_ref_change *changes, size_t count,
                               so_bytes why, so_ref_result *out) {
  const so_ref_note note = {so_call_who(c), so_bytes_first(why, SO_REF_WHY_LEN_MAX),
                            so_server_now_ms(c->server)};
  SO_TRY(so_repo_update_refs(&c->repo, changes, count, &note, out));
  return so_server_make_durable(c->server);
}

so_status so_ref_updates_reply_precondition(so_call *c, const so_oid *current) {
  so_json_writer w = so_call_problem_begin(c, 412, "precondition_failed",
                                           "the ref is not what the condition says; look at "
                                           "current and decide again");
  so_out_member_oid(&w, "current", current);
  return so_call_problem_end(c, 412, &w);
}

so_status so_ref_updates_reply_failure(so_call *c, so_status status, const so_ref_change *changes,
                                       const so_ref_result *result) {
  if (so_is(status, SO_CONFLICT)) {
    so_json_writer w = so_call_problem_begin(
        c, 409, "ref_changed", "a ref is not what \"old\" says, or its name is in the way of "
                               "another's; nothing was changed");
    so_json_member_string(&w, "ref", changes[result->failed].name);
    so_out_member_oid(&w, "current", &result->current);
    return so_call_problem_end(c, 409, &w);
  }
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_name",
                                 "a name is not one for a ref, or a branch would not point at a "
                                 "commit; nothing was changed");
  }
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "not_found",
                                 "the new object of a ref is not in this repository; push it "
                                 "first");
  }
  return so_call_reply_status(c, status, "refs");
}

void so_ref_updates_out(so_json_writer *w, const so_ref_updates *updates) {
  so_json_name(w, "refs");
  so_json_array(w);
  for (size_t i = 0; i < updates->count; i++) {
    so_json_object(w);
    so_json_member_string(w, "name", updates->changes[i].name);
    so_out_member_oid(w, "target", &updates->changes[i].new_oid);
    so_json_object_end(w);
  }
  so_json_array_end(w);
}
