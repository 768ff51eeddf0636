#include "apps/stored/handlers.h"
#include "apps/stored/json_in.h"
#include "apps/stored/json_out.h"
#include "apps/stored/ref_updates.h"
#include "apps/stored/shared.h"
#include "base/hex.h"
#include "base/mem.h"
#include "store/sync/sync.h"

#define PIECE_LEN 16384
#define PUSH_HEAD_LEN_MAX (1u << 20)

// --- fetch ----------------------------------------------------------------------------------

// A fetch gathers small records into pieces of this size, so that a chunk of HTTP and a record of
// TLS carry many of them.
#define GATHER_LEN 16000

typedef struct fetch {
  so_call *call;
  bool begun;
  uint8_t *gathered;
  size_t gathered_len;
} fetch;

static so_status fetch_begin(fetch *f) {
  const so_http_field type = {so_str("Content-Type"), so_str("application/x-safeos-pack")};
  if (f->begun) {
    return so_done();
  }
  f->begun = true;
  return so_http_reply_begin(f->call->exchange, 200, &type, 1, false, 0);
}

static so_status fetch_flush(fetch *f) {
  SO_TRY(fetch_begin(f));
  const so_bytes piece = so_bytes_of(f->gathered, f->gathered_len);
  f->gathered_len = 0;
  return piece.len == 0 ? so_done() : so_http_reply_write(f->call->exchange, piece);
}

static so_status fetch_write(void *ctx, so_bytes piece) {
  fetch *f = ctx;
  if (f->gathered_len + piece.len > GATHER_LEN) {
    SO_TRY(fetch_flush(f));
  }
  if (piece.len > GATHER_LEN) {
    return so_http_reply_write(f->call->exchange, piece);
  }
  memcpy(f->gathered + f->gathered_len, piece.ptr, piece.len);
  f->gathered_len += piece.len;
  return so_done();
}

static so_status reply_unsent(so_call *c, so_status status) {
  if (so_is(status, SO_NOT_FOUND)) {
    return so_call_reply_problem(c, 404, "not_found",
                                 "a hash in want is not here; read the refs again");
  }
  return so_call_reply_status(c, status, "objects");
}

so_status so_handle_fetch(so_call *c) {
  so_status sent;
  const so_json *body;
  so_oid *wants, *haves;
  so_send_request request = {.write = fetch_write};
  so_sync_progress progress;
  if (!so_call_read_json(c, &body, &sent)) {
    return sent;
  }
  if (!so_ok(so_in_oid_list(so_json_member(body, "want"), SO_SYNC_OIDS_MAX, &c->arena, &wants,
                            &request.want_count)) ||
      !so_ok(so_in_oid_list(so_json_member(body, "have"), SO_SYNC_OIDS_MAX, &c->arena, &haves,
                            &request.have_count)) ||
      request.want_count == 0) {
    return so_call_reply_problem(c, 400, "bad_request",
                                 "want and have are lists of at most 4096 hashes, and want is not "
                                 "empty");
  }
  (void)so_json_u64(so_json_member(body, "skip"), &request.skip);
  const so_tree tree = so_repo_tree(&c->repo);
  const so_history history = {&tree, 0};
  fetch f = {.call = c, .gathered = so_arena_alloc(&c->arena, GATHER_LEN)};
  if (f.gathered == NULL) {
    return reply_unsent(c, so_status_make(SO_LIMIT, 0));
  }
  const so_pack_store store = so_repo_pack_store(&c->repo);
  request.history = &history;
  request.store = &store;
  request.wants = wants;
  request.haves = haves;
  request.ctx = &f;
  c->server->stats.fetches++;
  so_status status = so_send(&request, &progress);
  if (!so_ok(status) && !f.begun) {
    return reply_unsent(c, status);
  }
  if (so_ok(status)) {
    status = fetch_flush(&f);
  }
  return so_ok(status) ? so_http_reply_end(c->exchange) : status;
}

// --- push -----------------------------------------------------------------------------------

// The body of a push: 4 bytes of length, JSON, then the pack. What was read past the JSON is the
// beginning of the pack.
typedef struct push {
  so_call *call;
  uint8_t *piece;
  size_t piece_len;
  size_t piece_off;
} push;

static so_status push_fill(push *p) {
  p->piece_off = 0;
  return so_http_body_read(p->call->exchange, p->piece, PIECE_LEN, &p->piece_len);
}

// push_read reads exactly `len` bytes. MALFORMED: the body ended.
static so_status push_read(push *p, uint8_t *out, size_t len) {
  while (len != 0) {
    if (p->piece_off == p->piece_len) {
      SO_TRY(push_fill(p));
      if (p->piece_len == 0) {
        return so_status_make(SO_MALFORMED, 0);
      }
    }
    const size_t left = p->piece_len - p->piece_off;
    const size_t n = left < len ? left : len;
    memcpy(out, p->piece + p->piece_off, n);
    p->piece_off += n;
    out += n;
    len -= n;
  }
  return so_done();
}

static so_status push_head(push *p, const so_json **out) {
  uint8_t length[4];
  uint32_t len = 0;
  SO_TRY(push_read(p, length, sizeof length));
  so_reader r = so_reader_of(so_bytes_of(length, sizeof length));
  if (!so_read_u32be(&r, &len) || len == 0 || len > PUSH_HEAD_LEN_MAX) {
    return so_status_make(SO_MALFORMED, 0);
  }
  uint8_t *text = so_arena_alloc(&p->call->arena, len);
  if (text == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(push_read(p, text, len));
  return so_json_parse(so_bytes_of(text, len), &p->call->arena, out, NULL);
}

static so_status push_pack(push *p, so_receiver *receiver) {
  for (;;) {
    const so_bytes piece =
        so_bytes_of(p->piece + p->piece_off, p->piece_len - p->piece_off);
    if (piece.len != 0) {
      SO_TRY(so_receiver_feed(receiver, piece));
    }
    SO_TRY(push_fill(p));
    if (p->piece_len == 0) {
      return so_receiver_end(receiver);
    }
  }
}

static so_status reply_bad_pack(so_call *c, so_status status) {
  const bool ours = so_is(status, SO_MALFORMED) || so_is(status, SO_UNSUPPORTED);
  if (ours || (so_is(status, SO_LIMIT) && status.detail != 0)) {
    return so_call_reply_problem(c, 400, "bad_pack",
                                 so_pack_error_text((so_pack_error)status.detail));
  }
  return so_call_reply_status(c, status, "objects");
}

static so_status reply_pushed(so_call *c, const so_ref_updates *updates, uint64_t objects) {
  so_json_writer w = so_call_json_begin(c);
  so_json_object(&w);
  so_json_member_u64(&w, "objects", objects);
  so_ref_updates_out(&w, updates);
  so_json_object_end(&w);
  return so_call_reply_json(c, 200, NULL);
}

// check_paths looks at what each pushed commit adds to what its ref names now. A target that is not
// there, or is no commit, is left to the change of refs, which says so.
static so_status check_paths(so_call *c, const so_ref_updates *updates, so_bytes *out_path) {
  for (size_t i = 0; i < updates->count; i++) {
    const so_ref_change *change = &updates->changes[i];
    so_oid to, from = {{0}};
    so_ref now;
    if (so_oid_is_none(&change->new_oid) ||
        !so_ok(so_commit_of(&c->repo.objects, &change->new_oid, &to))) {
      continue;
    }
    if (so_ok(so_ref_get(&c->repo, change->name, &now))) {
      SO_TRY(so_commit_of(&c->repo.objects, &now.oid, &from));
    }
    SO_TRY(so_repo_check_paths(&c->repo, &from, &to, &c->arena, out_path));
  }
  return so_done();
}

static so_status reply_bad_path(so_call *c, so_status status, so_bytes path) {
  if (!so_is(status, SO_MALFORMED) && !so_is(status, SO_CONFLICT)) {
    return so_call_reply_status(c, status, "objects");
  }
  so_json_writer w = so_call_problem_begin(
      c, 400, "bad_path", "a pushed commit has a path that is not valid, or is both a value and a "
                          "directory; no ref was changed");
  so_json_member_string(&w, "path", path);
  return so_call_problem_end(c, 400, &w);
}

static so_status push_receive(push *p, const so_ref_updates *updates) {
  so_call *c = p->call;
  const so_receive_limits limits = {0, 0};
  const so_pack_store store = so_repo_pack_store(&c->repo);
  so_receiver *receiver;
  so_ref_result result;
  so_status status = so_receiver_open(&store, c->server->world->heap, &limits, &receiver);
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "objects");
  }
  status = push_pack(p, receiver);
  const uint64_t objects = so_receiver_progress(receiver).objects;
  so_receiver_close(receiver);
  if (!so_ok(status)) {
    return reply_bad_pack(c, status);
  }
  so_bytes path = {NULL, 0};
  status = check_paths(c, updates, &path);
  if (!so_ok(status)) {
    return reply_bad_path(c, status, path);
  }
  status = so_ref_updates_apply(c, updates->changes, updates->count, updates->why, &result);
  if (!so_ok(status)) {
    return so_ref_updates_reply_failure(c, status, updates->changes, &result);
  }
  c->server->stats.pushes++;
  return reply_pushed(c, updates, objects);
}

// use_salt: the maps of a push have the shape that its "salt" gives them, and so must the repository's.
static bool use_salt(so_call *c, const so_json *head, so_status *out_sent) {
  uint8_t salt[SO_SALT_LEN];
  so_bytes hex;
  const so_json *member = so_json_member(head, "salt");
  if (member == NULL) {
    return true;
  }
  if (!so_json_string(member, &hex) || !so_ok(so_hex_read(hex, salt, sizeof salt))) {
    *out_sent = so_call_reply_problem(c, 400, "bad_request", "salt is 32 hex digits");
    return false;
  }
  if (memcmp(salt, c->repo.salt, sizeof salt) == 0) {
    return true;
  }
  const so_status status = so_repo_propose_salt(&c->repo, salt);
  if (so_ok(status)) {
    return true;
  }
  *out_sent = so_is(status, SO_CONFLICT)
                  ? so_call_reply_problem(c, 409, "salt_differs",
                                          "this repository has a history of its own, which does not "
                                          "fit with one that began elsewhere; push into an empty "
                                          "repository, or clone this one and commit there")
                  : so_call_reply_status(c, status, "repository");
  return false;
}

so_status so_handle_push(so_call *c) {
  so_status sent;
  const so_json *head;
  so_ref_updates updates;
  push p = {.call = c, .piece = so_arena_alloc(&c->arena, PIECE_LEN)};
  if (p.piece == NULL) {
    return so_call_reply_status(c, so_status_make(SO_LIMIT, 0), "push");
  }
  const so_status status = push_head(&p, &head);
  if (so_is(status, SO_MALFORMED)) {
    return so_call_reply_problem(c, 400, "bad_request",
                                 "a push begins with 4 bytes of length and that much JSON, then "
                                 "comes the pack");
  }
  if (!so_ok(status)) {
    return so_call_reply_status(c, status, "push");
  }
  if (!use_salt(c, head, &sent) || !so_ref_updates_read(c, head, &updates, &sent)) {
    return sent;
  }
  return push_receive(&p, &updates);
}
