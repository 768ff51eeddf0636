// Queries in datagrams, a batch at a time.

#include "apps/nameserver/nameserver.h"
#include "base/mem.h"

#define QUERY_LEN_MAX 2048
#define BATCH SO_DATAGRAM_BATCH_MAX

typedef struct udp_service {
  so_nameserver *ns;
  so_datagram_socket socket;
  so_datagram in[BATCH];
  so_datagram out[BATCH];
  uint8_t queries[BATCH][QUERY_LEN_MAX];
  uint8_t answers[BATCH][SO_DNS_UDP_LEN_DEFAULT];
} udp_service;

static size_t answer_batch(udp_service *u, size_t count) {
  const so_world *const world = u->ns->world;
  so_dns_client client = {.now_s = (uint32_t)(so_clock_unix_ns(&world->clock) / 1000000000),
                          .now_ns = so_clock_now(&world->clock)};
  size_t answers = 0;
  for (size_t i = 0; i < count; i++) {
    const so_datagram *const d = &u->in[i];
    so_bytes answer;
    client.address = so_bytes_of(d->peer.address, d->peer.family == 4 ? 4 : 16);
    uint8_t *const buf = u->answers[answers];
    if (so_dns_server_answer(&u->ns->server, &client, so_bytes_of(d->data, d->len), buf,
                             sizeof u->answers[0], &answer, NULL) == SO_DNS_SEND) {
      so_datagram *const o = &u->out[answers++];
      o->data = buf;
      o->len = answer.len;
      o->peer = d->peer;
      o->local = d->local;
    }
  }
  return answers;
}

static void run(void *arg) {
  udp_service *const u = arg;
  so_nameserver *const ns = u->ns;
  so_status s = so_done();
  while (so_ok(s)) {
    size_t count = 0;
    s = so_datagram_receive(&u->socket, u->in, BATCH, SO_NEVER, &count);
    if (so_ok(s)) {
      const size_t answers = answer_batch(u, count);
      s = so_datagram_send(&u->socket, u->out, answers, SO_NEVER);
    }
  }
  so_datagram_close(&u->socket);
  so_heap_free(ns->world->heap, u, sizeof *u);
  so_ns_fiber_end(ns);
}

so_status so_ns_serve_udp(so_nameserver *ns, const so_endpoint *at) {
  const so_net *const net = &ns->world->net;
  udp_service *const u = so_heap_alloc_array(ns->world->heap, 1, sizeof *u);
  if (u == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  u->ns = ns;
  for (size_t i = 0; i < BATCH; i++) {
    u->in[i].data = u->queries[i];
    u->in[i].cap = QUERY_LEN_MAX;
  }
  so_status s = net->bind(net->ctx, at, &u->socket);
  if (so_ok(s)) {
    s = so_ns_spawn(ns, "udp", run, u);
    if (!so_ok(s)) {
      so_datagram_close(&u->socket);
    }
  }
  if (!so_ok(s)) {
    so_heap_free(ns->world->heap, u, sizeof *u);
  }
  return s;
}
