// Datagram sockets over our own UDP.

#include "net/host/internal.h"

typedef struct host_socket {
  so_host *h;
  so_udp_socket *socket;  // NULL: closed.
  so_endpoint at;
  so_event incoming;
  unsigned receiving;  // Fibers in receive: the last one frees a closed socket.
} host_socket;

static so_status io_error(void) { return so_status_make(SO_IO, 0); }

static void socket_ready(void *ctx) {
  host_socket *const s = ctx;
  so_event_signal(s->h->world->sched, &s->incoming);
}

static void free_if_unused(host_socket *s) {
  if (s->socket == NULL && s->receiving == 0) {
    so_heap_free(s->h->world->heap, s, sizeof *s);
  }
}

// take_one fills `d` with the next datagram that fits it. AGAIN: there is none.
static so_status take_one(host_socket *s, so_datagram *d) {
  so_host *const h = s->h;
  for (;;) {
    so_packet *p;
    so_udp_peer from;
    const so_status status = so_udp_receive(s->socket, &p, &from);
    if (so_is(status, SO_IO)) {
      continue;  // An ICMP error: a destination that cannot be reached is no error here.
    }
    SO_TRY(status);
    const bool fits = p->len <= d->cap;
    if (fits) {
      so_packet_copy(p, 0, d->data, p->len);
      d->len = p->len;
      d->peer = so_ip_endpoint(&from.ip, from.port);
      d->local = so_ip_endpoint(&from.local, s->at.port);
    } else {
      h->stats.udp_too_long++;
    }
    so_packet_free(&h->pool, p);
    if (fits) {
      return so_done();
    }
  }
}

static so_status receive_some(host_socket *s, so_datagram *batch, size_t cap, uint64_t deadline_ns,
                              size_t *out_count) {
  size_t n = 0;
  for (;;) {
    while (s->socket != NULL && n < cap && so_ok(take_one(s, &batch[n]))) {
      n++;
    }
    if (n != 0) {
      *out_count = n;
      return so_done();
    }
    if (s->socket == NULL || so_sched_stopping(s->h->world->sched)) {
      return io_error();
    }
    const so_status waited = so_event_wait(s->h->world->sched, &s->incoming, deadline_ns);
    if (!so_ok(waited) && s->socket != NULL && !so_sched_stopping(s->h->world->sched)) {
      return waited;
    }
  }
}

static so_status socket_receive(void *ctx, so_datagram *batch, size_t cap, uint64_t deadline_ns,
                                size_t *out_count) {
  host_socket *const s = ctx;
  so_sched *const sched = s->h->world->sched;
  so_host_enter(s->h);
  s->receiving++;
  const bool before = so_fiber_wake_on_stop(sched, true);
  const so_status status = receive_some(s, batch, cap, deadline_ns, out_count);
  (void)so_fiber_wake_on_stop(sched, before);
  s->receiving--;
  free_if_unused(s);
  return status;
}

static so_status socket_send(void *ctx, const so_datagram *batch, size_t count,
                             uint64_t deadline_ns) {
  host_socket *const s = ctx;
  so_host *const h = s->h;
  so_host_enter(h);
  for (size_t i = 0; i < count; i++) {
    const so_datagram *const d = &batch[i];
    SO_TRY(so_host_await_device(h, deadline_ns));
    if (s->socket == NULL) {
      return io_error();
    }
    if (d->len > SO_UDP_PAYLOAD_LEN_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    const so_udp_peer to = {so_ip_of(&d->peer), d->peer.port,
                            d->local.family != 0 ? so_ip_of(&d->local) : (so_ip){0}};
    // What cannot be sent is lost, as on any network, and udp counts it.
    (void)so_udp_send_bytes(s->socket, &to, so_bytes_of(d->data, d->len), so_host_now(h)).code;
    if (h->tx_count >= HOST_TX_WRITERS) {
      so_host_leave(h);
    }
  }
  so_host_leave(h);
  return so_done();
}

static so_status socket_local(void *ctx, so_endpoint *out) {
  *out = ((const host_socket *)ctx)->at;
  return so_done();
}

static void socket_close(void *ctx) {
  host_socket *const s = ctx;
  so_udp_close(s->socket);
  s->socket = NULL;
  so_event_signal(s->h->world->sched, &s->incoming);
  free_if_unused(s);
}

static so_status bind(so_host *h, const so_endpoint *at, so_datagram_socket *out) {
  static const so_datagram_ops ops = {socket_receive, socket_send, socket_local, socket_close};
  const so_ip ip = so_ip_of(at);
  if (!so_ip_is_any(&ip) && so_interface_address_state(&h->interface, &ip) == SO_ADDRESS_ABSENT) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  host_socket *const s = so_heap_alloc_array(h->world->heap, 1, sizeof *s);
  if (s == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  s->h = h;
  const so_status status = so_udp_open(&h->udp, ip, at->port, socket_ready, s, &s->socket);
  if (!so_ok(status)) {
    so_heap_free(h->world->heap, s, sizeof *s);
    return status;
  }
  s->at = *at;
  s->at.port = s->socket->local_port;
  *out = (so_datagram_socket){&ops, s};
  return so_done();
}

// --- UDP, as a part of a host -----------------------------------------------------------------

static so_status send_below(void *ctx, so_packet *p, uint64_t now_ns) {
  return so_interface_send(&((so_host *)ctx)->interface, p, now_ns);
}

static void unreachable(void *ctx, const so_packet *p, uint64_t now_ns) {
  so_interface_unreachable(&((so_host *)ctx)->interface, p, now_ns);
}

static so_status start(so_host *h) {
  so_udp_config c = {
      .lower = {send_below, unreachable, h},
      .queue_max = 1024,
      .queue_total_max = 4096,
  };
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  return so_udp_init(&h->udp, &c, &h->pool, h->world->heap);
}

static void release(so_host *h) { so_udp_release(&h->udp); }

static void input(so_host *h, so_packet *p, uint64_t now_ns) { so_udp_input(&h->udp, p, now_ns); }

static bool error(so_host *h, const so_ip_error *e, uint64_t now_ns) {
  return so_udp_error(&h->udp, e, now_ns);
}

void so_host_config_datagrams(so_host_config *c) {
  static const so_host_datagrams_part part = {start, release, input, error, bind};
  c->parts.datagrams = &part;
}
