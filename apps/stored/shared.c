#include "apps/stored/shared.h"

#include "apps/stored/json_out.h"
#include "base/fmt.h"
#include "base/hex.h"
#include "http/conditional/conditional.h"

bool so_shared_resolve(so_call *c, so_bytes expression, so_resolved *out, so_status *out_sent) {
  const so_status status = so_repo_resolve(&c->repo, expression, out);
  if (so_ok(status)) {
    return true;
  }
  if (so_is(status, SO_NOT_FOUND)) {
    *out_sent = so_call_reply_problem(c, 404, "no_such_ref",
                                      "no branch, tag or commit has this name; list them with "
                                      "GET refs");
  } else if (so_is(status, SO_MALFORMED)) {
    *out_sent = so_call_reply_problem(c, 400, "bad_name", "this is not a name for a commit");
  } else if (so_is(status, SO_CONFLICT)) {
    *out_sent = so_call_reply_problem(c, 400, "bad_name",
                                      "several commits begin with these digits; give more");
  } else {
    *out_sent = so_call_reply_status(c, status, "commit");
  }
  return false;
}

bool so_shared_commit(so_call *c, so_bytes expression, so_resolved *out, so_commit *out_commit,
                      so_status *out_sent) {
  if (!so_shared_resolve(c, expression, out, out_sent)) {
    return false;
  }
  const so_status status =
      so_commit_read(&c->repo.objects, &out->commit, &c->arena, out_commit);
  if (so_ok(status)) {
    return true;
  }
  *out_sent = so_call_reply_status(c, status, "commit");
  return false;
}

bool so_shared_path(so_call *c, so_bytes *out, so_status *out_sent) {
  *out = so_call_param(c, "path");
  if (so_ok(so_path_check(*out))) {
    return true;
  }
  *out_sent = so_call_reply_problem(c, 400, "bad_path",
                                    "a path is 1 to 4096 bytes of UTF-8 without NUL, and no part "
                                    "between slashes is empty, '.' or '..'");
  return false;
}

bool so_shared_page(so_call *c, size_t *out_limit, so_status *out_sent) {
  so_bytes text;
  uint64_t limit = SO_CALL_PAGE_DEFAULT;
  if (so_call_query(c, "limit", &text) &&
      (!so_ok(so_parse_u64(text, &limit)) || limit == 0 || limit > SO_CALL_PAGE_MAX)) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request", "limit is a number from 1 to 1000");
    return false;
  }
  *out_limit = (size_t)limit;
  return true;
}

// entity_tag reads exactly one strong entity tag: a quoted hash.
static so_status entity_tag(so_bytes text, so_oid *out) {
  so_etag tag, more;
  SO_TRY(so_etag_next(&text, &tag));
  if (tag.weak || so_ok(so_etag_next(&text, &more))) {
    return so_status_make(SO_MALFORMED, 0);
  }
  return so_hex_read(tag.tag, out->bytes, SO_OID_LEN);
}

bool so_shared_expect(so_call *c, so_expect *out, so_oid *out_tag, so_status *out_sent) {
  so_bytes match, none_match;
  const bool has_match = so_call_header(c, "if-match", &match);
  const bool has_none = so_call_header(c, "if-none-match", &none_match);
  bool ok = !(has_match && has_none);
  *out = SO_EXPECT_ANY;
  if (ok && has_none) {
    *out = SO_EXPECT_ABSENT;
    ok = so_bytes_equal(none_match, so_str("*"));
  } else if (ok && has_match && so_bytes_equal(match, so_str("*"))) {
    *out = SO_EXPECT_PRESENT;
  } else if (ok && has_match) {
    *out = SO_EXPECT_TAG;
    ok = so_ok(entity_tag(match, out_tag));
  }
  if (!ok) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request",
                                      "a write takes one of If-Match: \"HASH\", If-Match: * and "
                                      "If-None-Match: *");
  }
  return ok;
}

so_person so_shared_person(const so_call *c) {
  const so_person person = {so_call_who(c), so_server_now_ms(c->server), 0};
  return person;
}

so_status so_shared_reply_commit(so_call *c, uint16_t http_status, const so_oid *oid) {
  so_commit *commit = so_arena_alloc(&c->arena, sizeof *commit);
  if (commit == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "commit");
  }
  const so_status status = so_commit_read(&c->repo.objects, oid, &c->arena, commit);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "commit");
  }
  so_json_writer w = so_call_json_begin(c);
  so_out_commit(&w, oid, commit);
  return so_call_reply_json(c, http_status, oid);
}

so_status so_shared_reply_conflicts(so_call *c, const char *code, const char *detail,
                                    const so_conflict *conflicts, size_t count) {
  so_json_writer w = so_call_problem_begin(c, 409, code, detail);
  so_out_conflicts(&w, conflicts, count,
                   so_bytes_equal(so_str(code), so_str("merge_conflict")));
  return so_call_problem_end(c, 409, &w);
}

bool so_shared_full_ref(so_call *c, const char *prefix, so_bytes name, so_bytes *out,
                        so_status *out_sent) {
  const so_bytes start = so_str(prefix);
  uint8_t *room = so_arena_alloc(&c->arena, start.len + name.len);
  if (room != NULL) {
    so_writer w = so_writer_of(room, start.len + name.len);
    so_write_bytes(&w, start);
    so_write_bytes(&w, name);
    *out = so_writer_bytes(&w);
    if (so_ok(so_ref_name_check(*out))) {
      return true;
    }
  }
  *out_sent = so_call_reply_problem(c, 400, "bad_name",
                                    "not a name for a branch or tag: at most 255 bytes, no "
                                    "spaces, '..', '~^:?*[\\', control characters or empty parts");
  return false;
}
