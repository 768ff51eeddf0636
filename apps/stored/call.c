#include "apps/stored/call.h"

#include "base/hex.h"
#include "http/problem/problem.h"
#include "http/url/url.h"

#define JSON_ANSWER_LEN_MAX (64u << 20)
#define PIECE_LEN 8192

void so_call_begin(so_call *c, so_server *server, so_http_exchange *exchange) {
  c->server = server;
  c->exchange = exchange;
  c->has_token = false;
  so_arena_init(&c->arena, server->world->heap, SO_CALL_ARENA_LEN_MAX);
  so_buf_init(&c->json, server->world->heap, JSON_ANSWER_LEN_MAX);
}

void so_call_end(so_call *c) {
  so_buf_release(&c->json);
  so_arena_release(&c->arena);
}

// --- the request ----------------------------------------------------------------------------

so_status so_call_check_encoding(so_call *c) {
  for (size_t i = 0; i < c->match.param_count; i++) {
    so_bytes *value = &c->match.params[i].value;
    SO_TRY(so_url_decode_arena(SO_URL_SEGMENT, *value, &c->arena, value));
  }
  so_bytes rest = so_http_query(c->exchange), name, value, decoded;
  while (so_url_query_next(&rest, &name, &value)) {
    SO_TRY(so_url_decode_arena(SO_URL_QUERY, name, &c->arena, &decoded));
    SO_TRY(so_url_decode_arena(SO_URL_QUERY, value, &c->arena, &decoded));
  }
  return so_done();
}

so_bytes so_call_param(const so_call *c, const char *name) {
  return so_route_get(&c->match, name);
}

bool so_call_query(const so_call *c, const char *name, so_bytes *out) {
  so_arena *arena = &((so_call *)(uintptr_t)c)->arena;
  so_bytes rest = so_http_query(c->exchange), key, value, decoded;
  while (so_url_query_next(&rest, &key, &value)) {
    if (so_ok(so_url_decode_arena(SO_URL_QUERY, key, arena, &decoded)) &&
        so_bytes_equal(decoded, so_str(name))) {
      return so_ok(so_url_decode_arena(SO_URL_QUERY, value, arena, out));
    }
  }
  return false;
}

bool so_call_header(const so_call *c, const char *name, so_bytes *out) {
  return so_http_header(c->exchange, name, out);
}

so_bytes so_call_who(const so_call *c) {
  return c->has_token ? c->token.note : so_str("anonymous");
}

// read_body gathers the whole body. LIMIT with detail 1: it is too long.
static so_status read_body(so_call *c, so_buf *body) {
  for (;;) {
    uint8_t *room = so_buf_reserve(body, PIECE_LEN);
    size_t len;
    if (room == NULL) {
      return so_status_make(SO_LIMIT, 1);
    }
    SO_TRY(so_http_body_read(c->exchange, room, PIECE_LEN, &len));
    if (len == 0) {
      return so_done();
    }
    so_buf_commit(body, len);
  }
}

static bool is_json(const so_call *c) {
  so_bytes type;
  return !so_call_header(c, "content-type", &type) ||
         so_bytes_has_prefix(type, so_str("application/json")) ||
         so_bytes_equal(type, so_str("application/x-www-form-urlencoded"));  // curl -d
}

static so_status reply_bad_json(so_call *c, so_status status, size_t off) {
  if (!so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 413, "too_large",
                                 "the JSON is too large or nests too deeply (8 MiB, 64 levels)");
  }
  so_json_writer w = so_call_problem_begin(c, 400, "bad_json",
                                           "the body is not valid JSON; offset says where");
  so_json_member_u64(&w, "offset", off);
  return so_call_problem_end(c, 400, &w);
}

bool so_call_read_json(so_call *c, const so_json **out, so_status *out_sent) {
  so_buf body;
  size_t off = 0;
  so_bytes text = {NULL, 0};
  *out = NULL;
  if (!is_json(c)) {
    *out_sent = so_call_reply_problem(c, 415, "unsupported_media_type",
                                      "send Content-Type: application/json");
    return false;
  }
  so_buf_init(&body, c->server->world->heap, SO_CALL_JSON_LEN_MAX + PIECE_LEN);
  so_status status = read_body(c, &body);
  const bool broken = !so_ok(status) && !so_is(status, SO_LIMIT);
  if (so_ok(status)) {
    status = so_arena_copy(&c->arena, so_buf_bytes(&body), &text);
  }
  so_buf_release(&body);
  if (broken) {
    *out_sent = status;
    return false;
  }
  if (so_ok(status) && text.len != 0) {
    status = so_json_parse(text, &c->arena, out, &off);
  }
  if (!so_ok(status)) {
    *out_sent = reply_bad_json(c, status, off);
  }
  return so_ok(status);
}

// --- answers --------------------------------------------------------------------------------

so_json_writer so_call_json_begin(so_call *c) {
  so_buf_clear(&c->json);
  return so_json_writer_of(&c->json);
}

so_status so_call_reply_json(so_call *c, uint16_t http_status, const so_oid *etag) {
  uint8_t quoted[2 * SO_OID_LEN + 2];
  so_http_field fields[2] = {{so_str("Content-Type"), so_str("application/json")}};
  size_t count = 1;
  if (etag != NULL) {
    so_writer w = so_writer_of(quoted, sizeof quoted);
    so_write_u8(&w, '"');
    so_hex_write(&w, so_bytes_of(etag->bytes, SO_OID_LEN));
    so_write_u8(&w, '"');
    fields[count++] = (so_http_field){so_str("ETag"), so_writer_bytes(&w)};
  }
  so_buf_append_u8(&c->json, '\n');
  so_bytes body;
  const so_status status = so_buf_end(&c->json, &body);
  if (!so_ok(status)) {
    return so_call_reply_problem(c, 500, "internal",
                                 "the answer does not fit in memory; ask for a smaller page");
  }
  return so_http_reply(c->exchange, http_status, fields, count, body);
}

so_json_writer so_call_problem_begin(so_call *c, uint16_t http_status, const char *code,
                                     const char *detail) {
  so_buf_clear(&c->json);
  return so_problem_begin(&c->json, http_status, code, so_str(detail));
}

so_status so_call_problem_end_with(so_call *c, uint16_t http_status, so_json_writer *w,
                                   const so_http_field *field) {
  so_http_field fields[2] = {{so_str("Content-Type"), so_str(SO_PROBLEM_TYPE)}};
  if (field != NULL) {
    fields[1] = *field;
  }
  so_problem_end(w);
  so_buf_append_u8(&c->json, '\n');
  so_bytes body;
  SO_TRY(so_buf_end(&c->json, &body));
  return so_http_reply(c->exchange, http_status, fields, field == NULL ? 1 : 2, body);
}

so_status so_call_problem_end(so_call *c, uint16_t http_status, so_json_writer *w) {
  const so_http_field challenge = {so_str("WWW-Authenticate"), so_str("Bearer")};
  return so_call_problem_end_with(c, http_status, w, http_status == 401 ? &challenge : NULL);
}

so_status so_call_reply_problem(so_call *c, uint16_t http_status, const char *code,
                                const char *detail) {
  so_json_writer w = so_call_problem_begin(c, http_status, code, detail);
  return so_call_problem_end(c, http_status, &w);
}

// What a client can do about a status of the store.
typedef struct answer {
  so_code status;
  uint16_t http_status;
  const char *code;
  const char *detail;
} answer;

so_status so_call_reply_status(so_call *c, so_status status, const char *what) {
  static const answer answers[] = {
      {SO_NOT_FOUND, 404, "not_found", "it is not there"},
      {SO_MALFORMED, 400, "bad_request", "the request is not as docs/rest.md has it"},
      {SO_UNSUPPORTED, 400, "bad_request", "this is not supported"},
      {SO_DENIED, 403, "forbidden", "not permitted"},
      {SO_CONFLICT, 409, "conflict", "it changed at the same time; look again and repeat"},
      {SO_LIMIT, 507, "disk_full", "the disk or the memory set aside for this is full; nothing was "
                                   "changed"},
      {SO_CORRUPT, 500, "damaged_data", "stored data is damaged; stored data elsewhere is not "
                                        "affected. Run storectl fsck, and restore what it names"},
      {SO_IO, 503, "unavailable", "the data device failed; nothing that was acknowledged is lost"},
  };
  if (so_is(status, SO_AGAIN) || so_http_replied_status(c->exchange) != 0) {
    return status;  // The connection is lost, or half an answer is out: only closing it is left.
  }
  const answer *found = NULL;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    found = so_is(status, answers[i].status) ? &answers[i] : found;
  }
  if (found == NULL) {
    return so_call_reply_problem(c, 500, "internal", "an error of the server; see its log");
  }
  so_json_writer w = so_call_problem_begin(c, found->http_status, found->code, found->detail);
  so_json_member_string(&w, "about", so_str(what));
  return so_call_problem_end(c, found->http_status, &w);
}
