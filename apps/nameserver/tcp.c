// Queries over TCP (RFC 7766): several on a connection, answered in order.

#include "apps/nameserver/nameserver.h"
#include "base/assert.h"
#include "base/fmt.h"
#include "base/mem.h"

#define QUERY_LEN_MAX 4096
#define IN_CAP (4 * (QUERY_LEN_MAX + 2))
#define MESSAGE_CAP (2 + SO_DNS_MESSAGE_LEN_MAX)
#define OUT_CAP (MESSAGE_CAP + 16384)
// Between two queries, and for each write to get on.
#define IDLE_NS (10 * SO_NS_PER_S)
#define WRITE_NS (20 * SO_NS_PER_S)

typedef struct connection {
  so_nameserver *ns;
  so_stream stream;
  so_endpoint peer;
  size_t in_len;
  size_t out_len;
  uint8_t in[IN_CAP];
  uint8_t out[OUT_CAP];
} connection;

typedef struct tcp_service {
  so_nameserver *ns;
  so_listener listener;
} tcp_service;

static uint64_t after(const connection *c, uint64_t ns) {
  return so_clock_now(&c->ns->world->clock) + ns;
}

static so_status flush(connection *c) {
  if (c->out_len == 0) {
    return so_done();
  }
  const so_bytes all = so_bytes_of(c->out, c->out_len);
  c->out_len = 0;
  return so_stream_write(&c->stream, all, after(c, WRITE_NS));
}

// room gives where the next message goes, behind its length.
static so_status room(connection *c, uint8_t **out) {
  if (OUT_CAP - c->out_len < MESSAGE_CAP) {
    SO_TRY(flush(c));
  }
  *out = c->out + c->out_len + 2;
  return so_done();
}

static void add(connection *c, size_t len) {
  c->out[c->out_len] = (uint8_t)(len >> 8);
  c->out[c->out_len + 1] = (uint8_t)len;
  c->out_len += 2 + len;
}

// transfer sends a zone, which is held while writes wait.
static so_status transfer(connection *c, so_dns_transfer *t) {
  so_ns_zone *const held = so_ns_zone_hold(c->ns, t->zone);
  so_status s = so_done();
  bool more = true;
  while (so_ok(s) && more) {
    uint8_t *to;
    so_bytes message;
    s = room(c, &to);
    if (so_ok(s)) {
      more = so_dns_transfer_next(t, to, SO_DNS_MESSAGE_LEN_MAX, &message);
      if (more) {
        add(c, message.len);
        s = flush(c);
      }
    }
  }
  so_ns_zone_drop(c->ns->world, held);
  return s;
}

static so_status answer(connection *c, so_bytes query) {
  const so_clock *const clock = &c->ns->world->clock;
  const so_dns_client client = {
      .address = so_bytes_of(c->peer.address, c->peer.family == 4 ? 4 : 16),
      .is_tcp = true,
      .now_s = (uint32_t)(so_clock_unix_ns(clock) / 1000000000),
      .now_ns = so_clock_now(clock)};
  uint8_t *to;
  so_bytes message;
  so_dns_transfer t;
  SO_TRY(room(c, &to));
  switch (so_dns_server_answer(&c->ns->server, &client, query, to, SO_DNS_MESSAGE_LEN_MAX,
                               &message, &t)) {
    case SO_DNS_SEND:
      add(c, message.len);
      return so_done();
    case SO_DNS_TRANSFER:
      return transfer(c, &t);
    case SO_DNS_DROP:
      break;
  }
  return so_status_make(SO_MALFORMED, 0);  // Whoever sends no queries is let go.
}

// answer_all answers the whole queries in the buffer and keeps the start of the next.
static so_status answer_all(connection *c) {
  size_t at = 0;
  while (c->in_len - at >= 2) {
    const size_t len = (size_t)c->in[at] << 8 | c->in[at + 1];
    if (len > QUERY_LEN_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    if (c->in_len - at - 2 < len) {
      break;
    }
    SO_TRY(answer(c, so_bytes_of(c->in + at + 2, len)));
    at += 2 + len;
  }
  memmove(c->in, c->in + at, c->in_len - at);
  c->in_len -= at;
  return flush(c);
}

static void serve(connection *c) {
  so_status s = so_done();
  while (so_ok(s)) {
    size_t n = 0;
    s = so_stream_read(&c->stream, c->in + c->in_len, IN_CAP - c->in_len, after(c, IDLE_NS), &n);
    if (so_ok(s) && n == 0) {
      return;
    }
    if (so_ok(s)) {
      c->in_len += n;
      s = answer_all(c);
    }
  }
}

static void run_connection(void *arg) {
  connection *const c = arg;
  so_nameserver *const ns = c->ns;
  (void)so_fiber_wake_on_stop(ns->world->sched, true);
  serve(c);
  so_stream_close(&c->stream);
  so_heap_free(ns->world->heap, c, sizeof *c);
  ns->connections--;
  so_ns_fiber_end(ns);
}

static void start_connection(so_nameserver *ns, so_stream stream, const so_endpoint *peer) {
  connection *const c = ns->connections == SO_NS_TCP_MAX
                            ? NULL
                            : so_heap_alloc(ns->world->heap, sizeof *c);
  if (c == NULL) {
    so_stream_close(&stream);
    return;
  }
  c->ns = ns;
  c->stream = stream;
  c->peer = *peer;
  c->in_len = 0;
  c->out_len = 0;
  ns->connections++;
  if (!so_ok(so_ns_spawn(ns, "tcp", run_connection, c))) {
    ns->connections--;
    so_stream_close(&stream);
    so_heap_free(ns->world->heap, c, sizeof *c);
  }
}

static void run_listener(void *arg) {
  tcp_service *const t = arg;
  so_nameserver *const ns = t->ns;
  so_stream stream;
  so_endpoint peer;
  while (so_ok(so_listener_accept(&t->listener, SO_NEVER, &stream, &peer))) {
    start_connection(ns, stream, &peer);
  }
  so_listener_close(&t->listener);
  so_heap_free(ns->world->heap, t, sizeof *t);
  so_ns_fiber_end(ns);
}

so_status so_ns_serve_tcp(so_nameserver *ns, const so_endpoint *at) {
  const so_net *const net = &ns->world->net;
  tcp_service *const t = so_heap_alloc_array(ns->world->heap, 1, sizeof *t);
  if (t == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  t->ns = ns;
  so_status s = net->listen(net->ctx, at, &t->listener);
  if (so_ok(s)) {
    s = so_ns_spawn(ns, "listener", run_listener, t);
    if (!so_ok(s)) {
      so_listener_close(&t->listener);
    }
  }
  if (!so_ok(s)) {
    so_heap_free(ns->world->heap, t, sizeof *t);
  }
  return s;
}
