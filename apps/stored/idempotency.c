#include "apps/stored/idempotency.h"

#include "apps/stored/shared.h"
#include "base/writer.h"

static so_server_answer *find(so_server *s, const so_oid *id) {
  for (size_t i = 0; i < SO_SERVER_REMEMBERED; i++) {
    if (so_oid_equal(&s->answers[i].id, id)) {
      return &s->answers[i];
    }
  }
  return NULL;
}

static bool is_key(so_bytes key) {
  bool ok = key.len != 0 && key.len <= SO_IDEMPOTENCY_KEY_LEN_MAX;
  for (size_t i = 0; i < key.len; i++) {
    ok = ok && key.ptr[i] > 0x20 && key.ptr[i] < 0x7f;
  }
  return ok;
}

// The salt is a repository's own, also when another one had its name before.
static void id_of(const so_call *c, so_bytes key, so_oid *out) {
  uint8_t room[SO_SALT_LEN + 8 + SO_IDEMPOTENCY_KEY_LEN_MAX];
  so_writer w = so_writer_of(room, sizeof room);
  so_write_bytes(&w, so_bytes_of(c->repo.salt, SO_SALT_LEN));
  so_write_u64be(&w, c->token.id);
  so_write_bytes(&w, key);
  so_oid_of(SO_KIND_CHUNK, so_writer_bytes(&w), out);
}

bool so_idempotency_begin(so_call *c, so_oid *out_id, so_status *out_sent) {
  so_bytes key;
  const so_oid none = {{0}};
  *out_id = none;
  if (!so_call_header(c, "idempotency-key", &key)) {
    return true;
  }
  if (!is_key(key)) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request",
                                      "an Idempotency-Key is 1 to 100 visible characters");
    return false;
  }
  so_server *s = c->server;
  id_of(c, key, out_id);
  const so_server_answer *known = find(s, out_id);
  if (known == NULL) {
    s->answers[s->answer_next] = (so_server_answer){.id = *out_id};
    s->answer_next = (s->answer_next + 1) % SO_SERVER_REMEMBERED;
    return true;
  }
  *out_sent = known->http_status != 0
                  ? so_shared_reply_commit(c, known->http_status, &known->commit)
                  : so_call_reply_problem(c, 503, "unavailable",
                                          "the first request with this Idempotency-Key is still "
                                          "under way; send it again in a while");
  return false;
}

void so_idempotency_done(so_server *s, const so_oid *id, uint16_t http_status,
                         const so_oid *commit) {
  so_server_answer *a = so_oid_is_none(id) ? NULL : find(s, id);
  if (a != NULL) {
    a->http_status = http_status;
    a->commit = *commit;
  }
}

void so_idempotency_end(so_server *s, const so_oid *id) {
  const so_server_answer unused = {.http_status = 0};
  so_server_answer *a = so_oid_is_none(id) ? NULL : find(s, id);
  if (a != NULL && a->http_status == 0) {
    *a = unused;
  }
}
