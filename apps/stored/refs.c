#include "apps/stored/handlers.h"
#include "apps/stored/json_in.h"
#include "apps/stored/json_out.h"
#include "apps/stored/ref_updates.h"
#include "apps/stored/shared.h"
#include "base/fmt.h"

// --- reading --------------------------------------------------------------------------------

typedef struct listing {
  so_call *call;
  so_json_writer *w;
  size_t limit;
  size_t count;
  bool more;
  so_bytes last;
} listing;

// out_one writes a ref; that of a tag object also with the commit that it means in the end.
static void out_one(so_call *c, so_json_writer *w, const so_ref *ref) {
  so_oid commit;
  const bool peel = ref->kind == SO_KIND_TAG &&
                    so_ok(so_commit_of(&c->repo.objects, &ref->oid, &commit));
  so_out_ref(w, ref, peel ? &commit : NULL);
}

static so_status list_one(void *ctx, const so_ref *ref) {
  listing *l = ctx;
  if (l->count == l->limit) {
    l->more = true;
    return so_done();
  }
  l->count++;
  out_one(l->call, l->w, ref);
  return so_arena_copy(&l->call->arena, ref->name, &l->last);
}

so_status so_handle_refs_list(so_call *c) {
  so_status sent;
  so_bytes prefix = {NULL, 0}, after = {NULL, 0};
  listing l = {.call = c};
  if (!so_shared_page(c, &l.limit, &sent)) {
    return sent;
  }
  (void)so_call_query(c, "prefix", &prefix);
  (void)so_call_query(c, "after", &after);
  so_json_writer w = so_call_json_begin(c);
  l.w = &w;
  so_json_object(&w);
  so_json_name(&w, "refs");
  so_json_array(&w);
  const so_status status = so_ref_list(&c->repo, prefix, after, l.limit + 1, list_one, &l);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "refs");
  }
  so_json_array_end(&w);
  if (l.more) {
    so_json_member_string(&w, "next", l.last);
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

// this_ref takes the full name out of the path: refs/heads/{branch} or refs/tags/{tag}.
static bool this_ref(so_call *c, so_bytes *out, bool *out_is_tag, so_status *out_sent) {
  const so_bytes tag = so_call_param(c, "tag");
  *out_is_tag = tag.len != 0;
  return so_shared_full_ref(c, *out_is_tag ? "refs/tags/" : "refs/heads/",
                            *out_is_tag ? tag : so_call_param(c, "branch"), out, out_sent);
}

static so_status reply_ref(so_call *c, uint16_t http_status, so_bytes name) {
  so_ref ref;
  const so_status status = so_ref_get(&c->repo, name, &ref);
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "no_such_ref", "there is no such branch or tag");
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "ref");
  }
  so_json_writer w = so_call_json_begin(c);
  out_one(c, &w, &ref);
  return so_call_reply_json(c, http_status, &ref.oid);
}

so_status so_handle_ref_get(so_call *c) {
  so_status sent;
  so_bytes name;
  bool is_tag;
  return this_ref(c, &name, &is_tag, &sent) ? reply_ref(c, 200, name) : sent;
}

// --- one ref --------------------------------------------------------------------------------

// condition turns the request's condition on a ref into the change's. What `*` asks for is
// answered from the ref as it is now, and then compared and swapped.
static bool condition(so_call *c, so_ref_change *change, bool *out_exists, so_status *out_sent) {
  const so_oid none = {{0}};
  so_expect expect;
  so_oid tag = none;
  so_ref now = {.oid = none};
  if (!so_shared_expect(c, &expect, &tag, out_sent)) {
    return false;
  }
  const so_status status = so_ref_get(&c->repo, change->name, &now);
  *out_exists = so_ok(status);
  if (!*out_exists) {
    now.oid = none;
  }
  if (expect == SO_EXPECT_PRESENT && !*out_exists) {
    *out_sent = so_ref_updates_reply_precondition(c, &none);
    return false;
  }
  change->is_checked = expect != SO_EXPECT_ANY;
  change->old_oid = expect == SO_EXPECT_TAG ? tag : expect == SO_EXPECT_PRESENT ? now.oid : none;
  return true;
}

static so_status apply_one(so_call *c, const so_ref_change *change, so_bytes why,
                           uint16_t http_status) {
  so_ref_result result;
  so_status status = so_ref_updates_apply(c, change, 1, why, &result);
  if (so_is(status, SO_CONFLICT) && change->is_checked) {
    return so_ref_updates_reply_precondition(c, &result.current);
  }
  if (!so_ok(status)) {
    return so_ref_updates_reply_failure(c, status, change, &result);
  }
  if (!so_oid_is_none(&change->new_oid)) {
    return reply_ref(c, http_status, change->name);
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_member_string(&w, "name", change->name);
  so_out_member_oid(&w, "target", &change->new_oid);
  so_json_object_end(&w);
  return so_call_reply_json(c, http_status, NULL);
}

// annotate makes a tag object for the request and points the change at it.
static bool annotate(so_call *c, const so_json *body, so_bytes message, so_ref_change *change,
                     so_status *out_sent) {
  so_tag tag = {.target = change->new_oid, .target_kind = SO_KIND_COMMIT, .message = message};
  tag.name = so_bytes_from(change->name, so_str("refs/tags/").len);
  tag.tagger = so_shared_person(c);
  so_status status = so_in_person(so_json_member(body, "tagger"), &tag.tagger);
  so_buf payload;
  so_buf_init(&payload, c->server->world->heap, SO_OBJECT_LEN_MAX);
  if (so_ok(status)) {
    status = so_tag_encode(&tag, &payload);
  }
  if (so_ok(status)) {
    status = so_objects_put(&c->repo.objects, SO_KIND_TAG, so_buf_bytes(&payload),
                            &change->new_oid);
  }
  so_buf_release(&payload);
  if (!so_ok(status)) {
    *out_sent = so_is(status, SO_MALFORMED) ? so_call_reply_problem(c, 400, "bad_request",
                                                                    "tagger is not a person")
                                            : so_call_reply_status(c, status, "tag");
  }
  return so_ok(status);
}

so_status so_handle_ref_put(so_call *c) {
  so_status sent;
  so_bytes target, message = {NULL, 0};
  bool is_tag, exists, annotated = false;
  const so_json *body;
  so_resolved resolved;
  so_ref_change change = {.is_checked = false};
  if (!this_ref(c, &change.name, &is_tag, &sent) || !so_call_read_json(c, &body, &sent)) {
    return sent;
  }
  (void)so_json_string(so_json_member(body, "message"), &message);
  (void)so_json_bool(so_json_member(body, "annotated"), &annotated);
  if (!so_json_string(so_json_member(body, "target"), &target) || (annotated && !is_tag)) {
    return so_call_reply_problem(c, 400, "bad_request",
                                 "the body is {\"target\": \"a branch, tag or commit\"}; only tags "
                                 "can be annotated");
  }
  if (!so_shared_resolve(c, target, &resolved, &sent)) {
    return sent;
  }
  change.new_oid = resolved.commit;
  if (!condition(c, &change, &exists, &sent) ||
      (annotated && !annotate(c, body, message, &change, &sent))) {
    return sent;
  }
  return apply_one(c, &change, message, exists ? 200 : 201);
}

so_status so_handle_ref_delete(so_call *c) {
  so_status sent;
  bool is_tag, exists;
  so_ref_change change = {.is_checked = false};
  if (!this_ref(c, &change.name, &is_tag, &sent) || !condition(c, &change, &exists, &sent)) {
    return sent;
  }
  if (!exists) {
    return so_call_reply_problem(c, 404, "no_such_ref", "there is no such branch or tag");
  }
  return apply_one(c, &change, so_str("deleted"), 200);
}

// --- several refs ---------------------------------------------------------------------------

so_status so_handle_refs_post(so_call *c) {
  so_status sent;
  const so_json *body;
  so_ref_updates updates;
  so_ref_result result;
  if (!so_call_read_json(c, &body, &sent) || !so_ref_updates_read(c, body, &updates, &sent)) {
    return sent;
  }
  const so_status status =
      so_ref_updates_apply(c, updates.changes, updates.count, updates.why, &result);
  if (!so_ok(status)) {
    return so_ref_updates_reply_failure(c, status, updates.changes, &result);
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_ref_updates_out(&w, &updates);
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

// --- ref log --------------------------------------------------------------------------------

static void out_record(so_json_writer *w, const so_ref_record *r) {
  so_json_object(w);
  so_json_member_u64(w, "sequence", r->seq);
  so_out_member_time(w, "time", r->time_ms, 0);
  so_json_member_string(w, "who", r->who);
  so_json_member_string(w, "why", r->why);
  so_json_name(w, "changes");
  so_json_array(w);
  for (size_t i = 0; i < r->change_count; i++) {
    so_json_object(w);
    so_json_member_string(w, "ref", r->changes[i].name);
    so_out_member_oid(w, "old", &r->changes[i].old_oid);
    so_out_member_oid(w, "new", &r->changes[i].new_oid);
    so_json_object_end(w);
  }
  so_json_array_end(w);
  so_json_object_end(w);
}

so_status so_handle_reflog(so_call *c) {
  so_status sent;
  so_bytes text;
  size_t limit;
  uint64_t after = 0, last;
  if (!so_shared_page(c, &limit, &sent)) {
    return sent;
  }
  if (so_call_query(c, "after", &text) && !so_ok(so_parse_u64(text, &after))) {
    return so_call_reply_problem(c, 400, "bad_request", "after is a sequence number");
  }
  so_status status = so_ref_log_last(&c->repo, &last);
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_name(&w, "records");
  so_json_array(&w);
  for (size_t i = 0; so_ok(status) && i < limit && after < last; i++) {
    so_ref_record record;
    const so_arena_mark mark = so_arena_save(&c->arena);
    status = so_ref_log_read(&c->repo, ++after, &c->arena, &record);
    if (so_ok(status)) {
      out_record(&w, &record);
    }
    so_arena_rewind(&c->arena, mark);
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "ref log");
  }
  so_json_array_end(&w);
  if (after < last) {
    so_json_member_u64(&w, "next", after);
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}
