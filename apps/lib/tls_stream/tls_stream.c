#include "apps/lib/tls_stream/tls_stream.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/x509/x509.h"

// After the handshake only tickets and key updates come, cut or not.
#define LATER_ROOM_LEN 2048
// One full record and a key update before it.
#define OUT_LEN (SO_TLS_PLAINTEXT_LEN_MAX + 2 * SO_TLS_RECORD_OVERHEAD + 16)

// What is read and dropped at most after a handshake that failed.
#define LINGER_LEN_MAX 65536

// What only a handshake needs.
typedef struct handshake {
  so_tls_session resume;
  size_t room_len;
  uint8_t room[];
} handshake;

typedef struct connection {
  so_heap heap;
  so_clock clock;
  so_stream below;
  so_tls tls;
  so_tls_config config;
  handshake *handshake;  // NULL once connected.
  so_status below_status;  // The first failure of the stream below; sticky.
  so_bytes data;  // Decrypted, not yet read; inside of `in`.
  size_t data_record_len;  // Dropped from `in` when `data` was read.
  size_t in_off;  // in[in_off..in_len) was received and not taken.
  size_t in_len;
  bool writing;  // A fiber is in write or shutdown, and owns `out`.
  so_writer out;
  so_writer last;  // What a reader has to say: an alert, sent by whoever can.
  uint8_t last_bytes[SO_TLS_RECORD_OVERHEAD + 2];
  uint8_t alpn_len;
  uint8_t alpn[SO_TLS_STREAM_ALPN_LEN_MAX];
  size_t session_len;
  uint8_t session[SO_TLS_SESSION_LEN_MAX];
  uint8_t later_room[LATER_ROOM_LEN];
  uint8_t in[SO_TLS_RECORD_LEN_MAX];
  uint8_t out_bytes[OUT_LEN];
} connection;

_Static_assert(sizeof(connection) <= SO_TLS_STREAM_LEN_MAX, "a connection is too large");

static connection *of(const so_stream *stream) { return (connection *)stream->ctx; }

static void release(connection *c) {
  const so_heap heap = c->heap;
  if (c->handshake != NULL) {
    const size_t len = sizeof(handshake) + c->handshake->room_len;
    so_wipe(c->handshake, sizeof(handshake));
    so_heap_free(&heap, c->handshake, len);
  }
  so_stream_close(&c->below);
  so_wipe(c, sizeof *c);
  so_heap_free(&heap, c, sizeof *c);
}

// --- the engine and the stream below ----------------------------------------------------------

static so_status send_below(connection *c, so_writer *w, uint64_t deadline_ns) {
  const so_bytes bytes = so_writer_bytes(w);
  if (!so_ok(c->below_status)) {
    return c->below_status;
  }
  if (bytes.len == 0) {
    return so_done();
  }
  const so_status sent = so_stream_write(&c->below, bytes, deadline_ns);
  w->len = 0;
  if (!so_ok(sent)) {
    c->below_status = sent;
  }
  return sent;
}

// Reads more of a record. The end of the stream is an error unless close_notify came before.
static so_status fill(connection *c, uint64_t deadline_ns) {
  size_t n = 0;
  if (c->in_off != 0) {
    memmove(c->in, c->in + c->in_off, c->in_len - c->in_off);
    c->in_len -= c->in_off;
    c->in_off = 0;
  }
  SO_TRY(so_stream_read(&c->below, c->in + c->in_len, sizeof c->in - c->in_len, deadline_ns, &n));
  c->in_len += n;
  if (n == 0) {
    (void)so_tls_eof(&c->tls);
    return so_status_make(SO_IO, 0);
  }
  return so_done();
}

static void keep_session(connection *c, const so_tls_session *session) {
  so_writer w = so_writer_of(c->session, sizeof c->session);
  so_bytes encoded;
  so_tls_session_write(session, &w);
  c->session_len = so_ok(so_writer_end(&w, &encoded)) ? encoded.len : 0;
}

// Takes one record, reading as much as that needs.
static so_status step(connection *c, so_writer *out, uint64_t deadline_ns, so_tls_event *event) {
  so_tls_session session;
  so_tls_received got;
  const so_tls_io io = {
      .config = &c->config,
      .now_ms = so_clock_unix_ns(&c->clock) / (int64_t)SO_NS_PER_MS,
      .room = c->handshake != NULL ? c->handshake->room : c->later_room,
      .room_cap = c->handshake != NULL ? c->handshake->room_len : sizeof c->later_room,
      .out = out,
      .session = &session,
  };
  so_status status =
      so_tls_receive(&c->tls, &io, c->in + c->in_off, c->in_len - c->in_off, &got);
  while (so_is(status, SO_AGAIN) && status.detail == SO_TLS_AGAIN_INPUT) {
    SO_TRY(fill(c, deadline_ns));
    status = so_tls_receive(&c->tls, &io, c->in, c->in_len, &got);
  }
  SO_TRY(status);
  *event = got.event;
  if (got.event == SO_TLS_DATA) {
    c->data = got.data;
    c->data_record_len = got.consumed;
    return so_done();
  }
  c->in_off += got.consumed;
  if (got.event == SO_TLS_TICKET) {
    keep_session(c, &session);
    so_wipe(&session, sizeof session);
  }
  return so_done();
}

// --- failures, for people ---------------------------------------------------------------------

static void explain_more(const connection *c, so_status status, so_writer *w) {
  const so_tls *tls = &c->tls;
  if (tls->peer_reason != SO_X509_NOT_DONE && tls->peer_reason != SO_X509_VERIFIED) {
    so_write_str(w, "certificate: ");
    so_write_str(w, c->config.pin != NULL && tls->alert_sent == SO_TLS_ALERT_BAD_CERTIFICATE
                        ? "it is not the pinned one"
                        : so_x509_reason_text((so_x509_reason)tls->peer_reason));
  } else if (tls->alert_received != 0) {
    so_write_str(w, "the peer sent alert ");
    so_write_str(w, so_tls_alert_name(tls->alert_received));
  } else if (tls->alert_sent != 0) {
    so_write_str(w, "refused what the peer sent: ");
    so_write_str(w, so_tls_alert_name(tls->alert_sent));
  } else if (so_is(status, SO_AGAIN)) {
    so_write_str(w, "the handshake took too long");
  } else if (so_is(status, SO_IO)) {
    so_write_str(w, "the connection ended during the handshake");
  } else {
    so_write_str(w, so_code_name((so_code)status.code));
  }
}

static void explain(const connection *c, so_status status, so_tls_failure *why) {
  if (why == NULL) {
    return;
  }
  memset(why, 0, sizeof *why);
  so_writer w = so_writer_of((uint8_t *)why->text, sizeof why->text - 1);
  explain_more(c, status, &w);
  why->alert_sent = c->tls.alert_sent;
  why->alert_received = c->tls.alert_received;
  why->peer_refused = c->tls.peer_reason != SO_X509_NOT_DONE &&
                      c->tls.peer_reason != SO_X509_VERIFIED;
}

// --- reading and writing ----------------------------------------------------------------------

// Sends what a reader left, unless a writer is busy, which then does it.
static void send_last(connection *c, uint64_t deadline_ns) {
  if (!c->writing && c->last.len != 0) {
    c->writing = true;
    (void)send_below(c, &c->last, deadline_ns);
    c->writing = false;
  }
}

static so_status tls_read(void *ctx, uint8_t *buf, size_t cap, uint64_t deadline_ns,
                          size_t *out_len) {
  connection *c = (connection *)ctx;
  *out_len = 0;
  while (c->data.len == 0) {
    so_tls_event event = SO_TLS_PROGRESS;
    const so_status stepped = step(c, &c->last, deadline_ns, &event);
    if (!so_ok(stepped)) {
      send_last(c, deadline_ns);
      return c->tls.alert_received != 0 ? so_status_make(SO_IO, stepped.detail) : stepped;
    }
    if (event == SO_TLS_CLOSED) {
      return so_done();
    }
  }
  const size_t n = cap < c->data.len ? cap : c->data.len;
  memcpy(buf, c->data.ptr, n);
  c->data = so_bytes_from(c->data, n);
  if (c->data.len == 0) {
    c->in_off += c->data_record_len;
  }
  *out_len = n;
  return so_done();
}

static so_status write_all(connection *c, so_bytes bytes, uint64_t deadline_ns) {
  while (bytes.len != 0) {
    size_t taken = 0;
    SO_TRY(so_tls_send(&c->tls, &c->config, &c->out, bytes, &taken));
    bytes = so_bytes_from(bytes, taken);
    SO_TRY(send_below(c, &c->out, deadline_ns));
  }
  return so_done();
}

static so_status tls_write(void *ctx, so_bytes bytes, uint64_t deadline_ns) {
  connection *c = (connection *)ctx;
  SO_ASSERT(!c->writing);
  c->writing = true;
  const so_status written = write_all(c, bytes, deadline_ns);
  c->writing = false;
  send_last(c, deadline_ns);
  return written;
}

static so_status tls_shutdown(void *ctx, uint64_t deadline_ns) {
  connection *c = (connection *)ctx;
  SO_ASSERT(!c->writing);
  c->writing = true;
  so_tls_close(&c->tls, &c->out);
  const so_status sent = send_below(c, &c->out, deadline_ns);
  c->writing = false;
  SO_TRY(sent);
  return so_stream_shutdown(&c->below, deadline_ns);
}

static void tls_close(void *ctx) { release((connection *)ctx); }

static const so_stream_ops ops = {tls_read, tls_write, tls_shutdown, tls_close};

// --- handshake --------------------------------------------------------------------------------

static so_status connection_new(const so_world *world, const so_cpu *cpu, so_stream below,
                                size_t room_len, connection **out) {
  connection *c = so_heap_alloc(world->heap, sizeof *c);
  handshake *h = so_heap_alloc(world->heap, sizeof *h + room_len);
  if (c == NULL || h == NULL) {
    so_heap_free(world->heap, c, sizeof *c);
    so_heap_free(world->heap, h, sizeof *h + room_len);
    so_stream_close(&below);
    return so_status_make(SO_LIMIT, 0);
  }
  memset(c, 0, sizeof *c);
  memset(h, 0, sizeof *h);
  h->room_len = room_len;
  c->heap = *world->heap;
  c->clock = world->clock;
  c->below = below;
  c->handshake = h;
  c->config.cpu = cpu != NULL ? *cpu : so_cpu_detect();
  c->out = so_writer_of(c->out_bytes, sizeof c->out_bytes);
  c->last = so_writer_of(c->last_bytes, sizeof c->last_bytes);
  *out = c;
  return so_done();
}

static so_status run_handshake(connection *c, uint64_t deadline_ns) {
  while (!so_tls_connected(&c->tls)) {
    so_tls_event event = SO_TLS_PROGRESS;
    SO_TRY(send_below(c, &c->out, deadline_ns));
    SO_TRY(step(c, &c->out, deadline_ns, &event));
  }
  return send_below(c, &c->out, deadline_ns);
}

// From now on nothing that was lent for the call is used.
static so_status settle(connection *c) {
  const so_bytes alpn = so_tls_alpn(&c->tls, &c->config);
  const so_cpu cpu = c->config.cpu;
  if (alpn.len != 0) {
    memcpy(c->alpn, alpn.ptr, alpn.len);
    c->alpn_len = (uint8_t)alpn.len;
  }
  memset(&c->config, 0, sizeof c->config);
  c->config.cpu = cpu;
  // A message that began to arrive already moves to the smaller room.
  if (c->tls.room_len > sizeof c->later_room) {
    return so_status_make(SO_LIMIT, 0);
  }
  memcpy(c->later_room, c->handshake->room, c->tls.room_len);
  const size_t len = sizeof(handshake) + c->handshake->room_len;
  so_wipe(c->handshake, sizeof(handshake));
  so_heap_free(&c->heap, c->handshake, len);
  c->handshake = NULL;
  return so_done();
}

// To close a socket that holds unread bytes resets the connection, and the peer may lose the alert
// that tells it why. So the rest is read and dropped, for a short while.
static void linger(connection *c, uint64_t deadline_ns) {
  const uint64_t until_ns = so_clock_now(&c->clock) + SO_TLS_STREAM_LINGER_MS * SO_NS_PER_MS;
  size_t n = 1;
  if (so_ok(so_stream_shutdown(&c->below, deadline_ns))) {
    for (size_t dropped = 0; n != 0 && dropped < LINGER_LEN_MAX; dropped += n) {
      if (!so_ok(so_stream_read(&c->below, c->in, sizeof c->in,
                                until_ns < deadline_ns ? until_ns : deadline_ns, &n))) {
        return;
      }
    }
  }
}

static so_status finish(connection *c, so_status status, uint64_t deadline_ns, so_stream *out,
                        so_tls_failure *why) {
  if (so_ok(status)) {
    status = run_handshake(c, deadline_ns);
  }
  if (so_ok(status)) {
    status = settle(c);
  }
  if (so_ok(status)) {
    out->ops = &ops;
    out->ctx = c;
    return status;
  }
  explain(c, status, why);
  if (so_ok(send_below(c, &c->out, deadline_ns))) {
    linger(c, deadline_ns);
  }
  release(c);
  return status;
}

static void seed_of(const so_world *world, uint8_t seed[SO_RNG_SEED_LEN]) {
  so_entropy_fill(&world->entropy, seed, SO_RNG_SEED_LEN);
}

static so_status set_alpn(connection *c, const so_bytes *alpn, size_t count) {
  if (count > SO_TLS_ALPN_COUNT_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (size_t i = 0; i < count; i++) {
    if (alpn[i].len == 0 || alpn[i].len > SO_TLS_STREAM_ALPN_LEN_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    c->config.alpn[i] = alpn[i];
  }
  c->config.alpn_count = count;
  return so_done();
}

so_status so_tls_stream_server(const so_world *world, const so_tls_server_options *options,
                               so_stream below, uint64_t deadline_ns, so_stream *out,
                               so_tls_failure *why) {
  connection *c = NULL;
  uint8_t seed[SO_RNG_SEED_LEN];
  SO_TRY(connection_new(world, options->cpu, below, SO_TLS_STREAM_SERVER_ROOM_LEN, &c));
  c->config.identities = options->identities;
  c->config.identity_count = options->identity_count;
  c->config.ticket_keys = options->ticket_keys;
  const so_status set = set_alpn(c, options->alpn, options->alpn_count);
  seed_of(world, seed);
  so_tls_server_init(&c->tls, seed);
  so_wipe(seed, sizeof seed);
  return finish(c, set, deadline_ns, out, why);
}

static so_status start_client(connection *c, const so_tls_client_options *options) {
  c->config.server_name = options->host;
  c->config.pin = options->pin;
  c->config.anchors = options->pin == NULL ? options->anchors : NULL;
  c->config.anchor_count = options->pin == NULL ? options->anchor_count : 0;
  SO_TRY(set_alpn(c, options->alpn, options->alpn_count));
  // A session that cannot be read is as good as none.
  if (options->session.len != 0 &&
      so_ok(so_tls_session_parse(options->session, &c->handshake->resume))) {
    c->config.resume = &c->handshake->resume;
  }
  const so_tls_io io = {
      .config = &c->config,
      .now_ms = so_clock_unix_ns(&c->clock) / (int64_t)SO_NS_PER_MS,
      .out = &c->out,
  };
  return so_tls_client_start(&c->tls, &io);
}

so_status so_tls_stream_client(const so_world *world, const so_tls_client_options *options,
                               so_stream below, uint64_t deadline_ns, so_stream *out,
                               so_tls_failure *why) {
  connection *c = NULL;
  uint8_t seed[SO_RNG_SEED_LEN];
  SO_TRY(connection_new(world, options->cpu, below, SO_TLS_STREAM_CLIENT_ROOM_LEN, &c));
  seed_of(world, seed);
  so_tls_client_init(&c->tls, seed);
  so_wipe(seed, sizeof seed);
  return finish(c, start_client(c, options), deadline_ns, out, why);
}

// --- what was agreed --------------------------------------------------------------------------

void so_tls_stream_describe(const so_stream *stream, so_tls_stream_info *out) {
  const connection *c = of(stream);
  memset(out, 0, sizeof *out);
  out->alpn = so_bytes_of(c->alpn, c->alpn_len);
  out->server_name = so_bytes_of(c->tls.server_name, c->tls.server_name_len);
  out->suite = c->tls.suite;
  out->group = c->tls.group;
  out->suite_name = so_tls_suite_name(c->tls.suite);
  out->group_name = so_tls_group_name(c->tls.group);
  out->resumed = c->tls.resumed;
  memcpy(out->peer_fingerprint, c->tls.peer_fingerprint, sizeof out->peer_fingerprint);
}

so_status so_tls_stream_session(const so_stream *stream, so_bytes *out) {
  const connection *c = of(stream);
  if (c->session_len == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = so_bytes_of(c->session, c->session_len);
  return so_done();
}

void so_tls_stream_update_keys(const so_stream *stream, bool ask_peer) {
  so_tls_update_keys(&of(stream)->tls, ask_peer);
}

// --- ticket keys ------------------------------------------------------------------------------

void so_tls_ticket_keys_fresh(so_tls_ticket_keys *keys, const so_world *world) {
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN];
  so_entropy_fill(&world->entropy, fresh, sizeof fresh);
  so_tls_ticket_keys_init(keys, fresh, so_clock_unix_ns(&world->clock) / (int64_t)SO_NS_PER_MS);
  so_wipe(fresh, sizeof fresh);
}

void so_tls_ticket_keys_rotate(so_tls_ticket_keys *keys, const so_world *world) {
  const int64_t now_ms = so_clock_unix_ns(&world->clock) / (int64_t)SO_NS_PER_MS;
  uint8_t fresh[SO_TLS_TICKET_FRESH_LEN];
  if (!so_tls_ticket_keys_due(keys, now_ms)) {
    return;
  }
  so_entropy_fill(&world->entropy, fresh, sizeof fresh);
  so_tls_ticket_keys_replace(keys, fresh, now_ms);
  so_wipe(fresh, sizeof fresh);
}
