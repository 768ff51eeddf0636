// Streams and listeners over our own TCP.

#include "base/assert.h"
#include "net/host/internal.h"

#define BACKLOG 1024u

typedef struct host_stream {
  so_host *h;
  so_tcp_conn *conn;
  so_event readable;
  so_event writable;
} host_stream;

typedef struct host_listener {
  so_host *h;
  so_tcp_listener *listener;
  so_endpoint at;
  so_event incoming;
  unsigned accepting;  // Fibers in accept: the last one frees a closed listener.
  bool closed;
} host_listener;

static so_status io_error(void) { return so_status_make(SO_IO, 0); }

// --- streams ----------------------------------------------------------------------------------

static void stream_ready(void *ctx, uint32_t events) {
  host_stream *const s = ctx;
  if ((events & (SO_TCP_READABLE | SO_TCP_ENDED)) != 0) {
    so_event_signal(s->h->world->sched, &s->readable);
  }
  if ((events & (SO_TCP_WRITABLE | SO_TCP_ENDED)) != 0) {
    so_event_signal(s->h->world->sched, &s->writable);
  }
}

static so_status stream_read(void *ctx, uint8_t *buf, size_t cap, uint64_t deadline_ns,
                             size_t *out_len) {
  host_stream *const s = ctx;
  so_host *const h = s->h;
  so_host_enter(h);
  for (;;) {
    const so_status status = so_tcp_read(h->tcp, s->conn, buf, cap, so_host_now(h), out_len);
    so_host_leave(h);  // A window that opened is told at once.
    if (!so_is(status, SO_AGAIN)) {
      return status;
    }
    SO_TRY(so_event_wait(h->world->sched, &s->readable, deadline_ns));
  }
}

static so_status stream_write(void *ctx, so_bytes bytes, uint64_t deadline_ns) {
  host_stream *const s = ctx;
  so_host *const h = s->h;
  so_host_enter(h);
  while (bytes.len != 0) {
    SO_TRY(so_host_await_device(h, deadline_ns));
    size_t n = 0;
    const so_status status = so_tcp_write(h->tcp, s->conn, bytes, false, so_host_now(h), &n);
    so_host_leave(h);
    if (so_ok(status)) {
      bytes = so_bytes_from(bytes, n);
    } else if (so_is(status, SO_AGAIN)) {
      SO_TRY(so_event_wait(h->world->sched, &s->writable, deadline_ns));
    } else {
      return status;
    }
  }
  return so_done();
}

static so_status stream_shutdown(void *ctx, uint64_t deadline_ns) {
  host_stream *const s = ctx;
  (void)deadline_ns;
  const so_status status = so_tcp_shutdown(s->h->tcp, s->conn, so_host_now(s->h));
  so_host_leave(s->h);
  return status;
}

static void stream_free(host_stream *s) {
  SO_ASSERT(s->readable.first == NULL && s->writable.first == NULL);
  so_heap_free(s->h->world->heap, s, sizeof *s);
}

static void stream_close(void *ctx) {
  host_stream *const s = ctx;
  so_tcp_close(s->h->tcp, s->conn, so_host_now(s->h));
  so_host_leave(s->h);
  stream_free(s);
}

static const so_stream_ops stream_ops = {stream_read, stream_write, stream_shutdown, stream_close};

static host_stream *stream_make(so_host *h) {
  host_stream *const s = so_heap_alloc_array(h->world->heap, 1, sizeof *s);
  if (s != NULL) {
    s->h = h;
  }
  return s;
}

void so_host_tcp_info(const so_stream *s, so_tcp_info *out) {
  SO_ASSERT(s->ops == &stream_ops);
  so_tcp_get_info(((const host_stream *)s->ctx)->conn, out);
}

// --- connecting -------------------------------------------------------------------------------

static so_status await_connected(host_stream *s, uint64_t deadline_ns) {
  for (;;) {
    so_tcp_info info;
    so_tcp_get_info(s->conn, &info);
    if (info.end != SO_TCP_END_NONE || info.state == SO_TCP_CLOSED) {
      return io_error();
    }
    if (info.state != SO_TCP_SYN_SENT && info.state != SO_TCP_SYN_RECEIVED) {
      return so_done();
    }
    SO_TRY(so_event_wait(s->h->world->sched, &s->writable, deadline_ns));
  }
}

so_status so_host_connect(void *ctx, const so_endpoint *to, uint64_t deadline_ns, so_stream *out) {
  so_host *const h = ctx;
  so_host_enter(h);
  SO_TRY(so_host_await_device(h, deadline_ns));
  host_stream *const s = stream_make(h);
  if (s == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_ip dst = so_ip_of(to);
  const so_tcp_options options = {.no_delay = true, .congestion = h->config.congestion};
  const so_tcp_upper upper = {stream_ready, s};
  so_status status =
      so_tcp_connect(h->tcp, &dst, to->port, 0, &options, &upper, so_host_now(h), &s->conn);
  so_host_leave(h);
  if (!so_ok(status)) {
    stream_free(s);
    return so_is(status, SO_LIMIT) ? status : io_error();
  }
  status = await_connected(s, deadline_ns);
  if (!so_ok(status)) {
    so_tcp_abort(h->tcp, s->conn, so_host_now(h));
    so_host_leave(h);
    stream_free(s);
    return status;
  }
  *out = (so_stream){&stream_ops, s};
  return so_done();
}

// --- accepting --------------------------------------------------------------------------------

static void listener_ready(void *ctx, uint32_t events) {
  host_listener *const l = ctx;
  (void)events;
  so_event_signal(l->h->world->sched, &l->incoming);
}

static void free_if_unused(host_listener *l) {
  if (l->closed && l->accepting == 0) {
    so_heap_free(l->h->world->heap, l, sizeof *l);
  }
}

// take_one accepts into `s`; AGAIN: the deadline came.
static so_status take_one(host_listener *l, host_stream *s, uint64_t deadline_ns) {
  so_host *const h = l->h;
  const so_tcp_upper upper = {stream_ready, s};
  while (!l->closed && !so_sched_stopping(h->world->sched)) {
    const so_status status = so_tcp_accept(h->tcp, l->listener, &upper, &s->conn);
    if (!so_is(status, SO_AGAIN)) {
      return status;
    }
    const so_status waited = so_event_wait(h->world->sched, &l->incoming, deadline_ns);
    if (!so_ok(waited) && !l->closed && !so_sched_stopping(h->world->sched)) {
      return waited;
    }
  }
  return io_error();
}

static so_status listener_accept(void *ctx, uint64_t deadline_ns, so_stream *out,
                                 so_endpoint *out_peer) {
  host_listener *const l = ctx;
  so_host *const h = l->h;
  so_host_enter(h);
  host_stream *const s = stream_make(h);
  if (s == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  l->accepting++;
  const bool before = so_fiber_wake_on_stop(h->world->sched, true);
  const so_status status = take_one(l, s, deadline_ns);
  (void)so_fiber_wake_on_stop(h->world->sched, before);
  l->accepting--;
  free_if_unused(l);
  if (!so_ok(status)) {
    stream_free(s);
    return status;
  }
  so_tcp_info info;
  so_tcp_get_info(s->conn, &info);
  *out_peer = so_ip_endpoint(&info.remote, info.remote_port);
  *out = (so_stream){&stream_ops, s};
  return so_done();
}

static so_status listener_local(void *ctx, so_endpoint *out) {
  *out = ((const host_listener *)ctx)->at;
  return so_done();
}

static void listener_close(void *ctx) {
  host_listener *const l = ctx;
  so_tcp_listener_close(l->h->tcp, l->listener, so_host_now(l->h));
  so_host_leave(l->h);
  l->closed = true;
  so_event_signal(l->h->world->sched, &l->incoming);
  free_if_unused(l);
}

so_status so_host_listen(void *ctx, const so_endpoint *at, so_listener *out) {
  static const so_listener_ops ops = {listener_accept, listener_local, listener_close};
  so_host *const h = ctx;
  const so_ip ip = so_ip_of(at);
  if (!so_ip_is_any(&ip) && so_interface_address_state(&h->interface, &ip) == SO_ADDRESS_ABSENT) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  host_listener *const l = so_heap_alloc_array(h->world->heap, 1, sizeof *l);
  if (l == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  l->h = h;
  const so_tcp_options options = {.no_delay = true, .congestion = h->config.congestion};
  const so_tcp_upper upper = {listener_ready, l};
  const so_status s = so_tcp_listen(h->tcp, &ip, at->port, BACKLOG, &options, &upper, &l->listener);
  if (!so_ok(s)) {
    so_heap_free(h->world->heap, l, sizeof *l);
    return s;
  }
  l->at = *at;
  l->at.port = so_tcp_listener_port(l->listener);
  *out = (so_listener){&ops, l};
  return so_done();
}
