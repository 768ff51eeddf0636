#include "apps/stored/handlers.h"
#include "apps/stored/json_out.h"
#include "apps/stored/shared.h"
#include "base/fmt.h"
#include "base/time.h"
#include "crypto/ct/ct.h"

typedef struct listing {
  so_call *call;
  so_json_writer *w;
  size_t limit;
  size_t count;
  bool more;
  uint64_t last;
} listing;

static so_status list_one(void *ctx, const so_token *token) {
  listing *l = ctx;
  if (l->count == l->limit) {
    l->more = true;
    return so_done();
  }
  l->count++;
  l->last = token->id;
  so_json_object(l->w);
  so_out_token(l->w, token);
  so_json_object_end(l->w);
  return so_done();
}

// parse_id reads the 16 hex digits of a token's id.
static bool parse_id(so_bytes text, uint64_t *out) {
  uint64_t v = 0;
  if (text.len != 16) {
    return false;
  }
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t c = text.ptr[i];
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(c >= 'a' && c <= 'f')) {
      return false;
    }
    v = v << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
  }
  *out = v;
  return true;
}

so_status so_handle_tokens_list(so_call *c) {
  so_status sent;
  so_bytes text;
  uint64_t after = 0;
  listing l = {.call = c};
  if (!so_shared_page(c, &l.limit, &sent)) {
    return sent;
  }
  if (so_call_query(c, "after", &text) && !parse_id(text, &after)) {
    return so_call_reply_problem(c, 400, "bad_request", "after is a token's id: 16 hex digits");
  }
  so_json_writer w = so_call_json_begin(c);
  l.w = &w;
  so_json_object(&w);
  so_json_name(&w, "tokens");
  so_json_array(&w);
  const so_status status = so_token_list(&c->server->repos, after, l.limit + 1, list_one, &l);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "tokens");
  }
  so_json_array_end(&w);
  if (l.more) {
    uint8_t id[16];
    so_writer out = so_writer_of(id, sizeof id);
    so_write_printf(&out, "%016llx", (unsigned long long)l.last);
    so_json_member_string(&w, "next", so_writer_bytes(&out));
  }
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

static bool read_grant(const so_json *v, so_scope *out) {
  so_bytes access;
  if (!so_json_string(so_json_member(v, "repository"), &out->pattern) ||
      !so_json_string(so_json_member(v, "access"), &access)) {
    return false;
  }
  const uint8_t read = SO_RIGHT_READ, write = read | SO_RIGHT_WRITE, admin = write | SO_RIGHT_ADMIN;
  out->rights = so_bytes_equal(access, so_str("read"))    ? read
                : so_bytes_equal(access, so_str("write")) ? write
                : so_bytes_equal(access, so_str("admin")) ? admin
                                                          : 0;
  return out->rights != 0;
}

static bool read_token(const so_json *body, so_token *out) {
  const so_json *grants = so_json_member(body, "grants");
  const so_json *expires = so_json_member(body, "expires");
  so_bytes text;
  int16_t zone;
  if (!so_json_string(so_json_member(body, "name"), &out->note) ||
      out->note.len > SO_TOKEN_NOTE_LEN_MAX || grants == NULL || grants->type != SO_JSON_ARRAY) {
    return false;
  }
  for (const so_json *v = grants->first; v != NULL; v = v->next) {
    if (out->scope_count == SO_TOKEN_SCOPES_MAX ||
        !read_grant(v, &out->scopes[out->scope_count++])) {
      return false;
    }
  }
  return expires == NULL || (so_json_string(expires, &text) &&
                             so_ok(so_time_read(text, &out->expires_ms, &zone)));
}

so_status so_handle_tokens_post(so_call *c) {
  so_status sent;
  const so_json *body;
  so_token token = {.created_ms = so_server_now_ms(c->server)};
  if (!so_call_read_json(c, &body, &sent)) {
    return sent;
  }
  uint8_t entropy[SO_TOKEN_ENTROPY_LEN], text[SO_TOKEN_TEXT_LEN];
  so_status status = so_status_make(SO_MALFORMED, 0);
  if (read_token(body, &token)) {
    so_entropy_fill(&c->server->world->entropy, entropy, sizeof entropy);
    status = so_token_create(&c->server->repos, entropy, &token, text);
    so_wipe(entropy, sizeof entropy);
  }
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(
        c, 400, "bad_request",
        "the body is {\"name\": \"what it is for\", \"grants\": [{\"repository\": name or *, "
        "\"access\": read, write or admin}], \"expires\": optional RFC 3339 time}");
  }
  if (so_ok(status)) {
    status = so_server_make_durable(c->server);
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "token");
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_out_token(&w, &token);
  so_json_member_string(&w, "token", so_bytes_of(text, sizeof text));
  so_json_object_end(&w);
  sent = so_call_reply_json(c, 201, NULL);
  so_wipe(text, sizeof text);
  return sent;
}

so_status so_handle_token_delete(so_call *c) {
  uint64_t id;
  if (!parse_id(so_call_param(c, "id"), &id)) {
    return so_call_reply_problem(c, 400, "bad_request", "a token's id is 16 hex digits");
  }
  so_status status = so_token_revoke(&c->server->repos, id);
  if (so_ok(status)) {
    status = so_server_make_durable(c->server);
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "token");
  }
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_member_bool(&w, "revoked", true);
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}
