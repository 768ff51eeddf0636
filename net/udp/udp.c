#include "net/udp/udp.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"
#include "net/checksum/checksum.h"

enum { PROTOCOL_UDP = 17, CHECKSUM_OFFSET = 6, PORT_TRIES = 64 };

so_status so_udp_init(so_udp *u, const so_udp_config *config, so_packet_pool *pool,
                      const so_heap *heap) {
  memset(u, 0, sizeof *u);
  u->lower = config->lower;
  u->pool = pool;
  u->heap = heap;
  u->sockets_max = config->sockets_max == 0 ? 256 : config->sockets_max;
  u->queue_max = config->queue_max == 0 ? 256 : config->queue_max;
  u->queue_total_max = config->queue_total_max == 0 ? 1024 : config->queue_total_max;
  SO_ASSERT(u->sockets_max <= 32768);
  uint32_t buckets = 16;
  while (buckets < u->sockets_max) {
    buckets *= 2;
  }
  u->bucket_mask = buckets - 1;
  u->sockets = so_heap_alloc_array(heap, u->sockets_max, sizeof *u->sockets);
  u->buckets = so_heap_alloc_array(heap, buckets, sizeof *u->buckets);
  if (u->sockets == NULL || u->buckets == NULL) {
    so_heap_free(heap, u->sockets, u->sockets_max * sizeof *u->sockets);
    so_heap_free(heap, u->buckets, buckets * sizeof *u->buckets);
    u->sockets = NULL;
    u->buckets = NULL;
    return so_status_make(SO_LIMIT, 0);
  }
  so_rng_init(&u->rng, config->seed);
  memset(u->buckets, 0xff, buckets * sizeof *u->buckets);
  for (uint32_t k = 0; k < u->sockets_max; k++) {
    u->sockets[k].next = k + 1 < u->sockets_max ? k + 1 : SO_UDP_NONE;
  }
  return so_done();
}

void so_udp_release(so_udp *u) {
  if (u->sockets == NULL) {
    return;
  }
  for (uint32_t k = 0; k < u->sockets_max; k++) {
    if (u->sockets[k].owner != NULL) {
      so_udp_close(&u->sockets[k]);
    }
  }
  so_heap_free(u->heap, u->sockets, u->sockets_max * sizeof *u->sockets);
  so_heap_free(u->heap, u->buckets, ((size_t)u->bucket_mask + 1) * sizeof *u->buckets);
  so_rng_wipe(&u->rng);
  u->sockets = NULL;
  u->buckets = NULL;
}

// --- the table -------------------------------------------------------------------------------

// Ports are ours to give, so nobody can crowd a bucket from outside.
static uint32_t *bucket_of(const so_udp *u, uint16_t port) {
  return &u->buckets[port & u->bucket_mask];
}

static so_udp_socket *at(const so_udp *u, uint32_t index) {
  return index == SO_UDP_NONE ? NULL : &u->sockets[index];
}

static bool takes_address(const so_udp_socket *s, const so_ip *dst) {
  return s->local.family == 0 || so_ip_equal(&s->local, dst) ||
         (s->local.family == dst->family && so_ip_is_any(&s->local));
}

static bool is_peer(const so_udp_socket *s, const so_ip *ip, uint16_t port) {
  return s->peer_port == port && so_ip_equal(&s->peer, ip);
}

// How well a socket fits a datagram; 0: not at all.
static int fit(const so_udp_socket *s, const so_ip *src, uint16_t src_port, const so_ip *dst) {
  if (!takes_address(s, dst) || (s->peer.family != 0 && !is_peer(s, src, src_port))) {
    return 0;
  }
  const bool exact = s->local.family != 0 && !so_ip_is_any(&s->local);
  return 1 + (s->peer.family != 0 ? 4 : 0) + (exact ? 2 : 0) + (s->local.family != 0 ? 1 : 0);
}

static so_udp_socket *find(const so_udp *u, const so_ip *src, uint16_t src_port, const so_ip *dst,
                           uint16_t dst_port) {
  so_udp_socket *best = NULL;
  int best_fit = 0;
  for (so_udp_socket *s = at(u, *bucket_of(u, dst_port)); s != NULL; s = at(u, s->next)) {
    const int how = s->local_port == dst_port ? fit(s, src, src_port, dst) : 0;
    if (how > best_fit) {
      best = s;
      best_fit = how;
    }
  }
  return best;
}

static bool is_taken(const so_udp *u, const so_ip *local, uint16_t port, bool any_local) {
  for (so_udp_socket *s = at(u, *bucket_of(u, port)); s != NULL; s = at(u, s->next)) {
    if (s->local_port != port) {
      continue;
    }
    if (any_local || (s->peer.family == 0 && so_ip_equal(&s->local, local))) {
      return true;
    }
  }
  return false;
}

// RFC 6056 3.3.1: random ports, tried a bounded number of times.
static uint16_t choose_port(so_udp *u) {
  for (int k = 0; k < PORT_TRIES; k++) {
    const uint64_t n = so_rng_below(&u->rng, 65536 - SO_UDP_EPHEMERAL_MIN);
    const uint16_t port = (uint16_t)(SO_UDP_EPHEMERAL_MIN + n);
    if (!is_taken(u, NULL, port, true)) {
      return port;
    }
  }
  return 0;
}

so_status so_udp_open(so_udp *u, so_ip local, uint16_t port, void (*ready)(void *ctx),
                      void *ready_ctx, so_udp_socket **out) {
  so_udp_socket *s = at(u, u->free);
  if (s == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (port == 0) {
    port = choose_port(u);
    if (port == 0) {
      return so_status_make(SO_LIMIT, 0);
    }
  } else if (is_taken(u, &local, port, false)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  u->free = s->next;
  memset(s, 0, sizeof *s);
  s->owner = u;
  s->local = local;
  s->local_port = port;
  s->ready = ready;
  s->ready_ctx = ready_ctx;
  uint32_t *bucket = bucket_of(u, port);
  s->next = *bucket;
  *bucket = (uint32_t)(s - u->sockets);
  *out = s;
  return so_done();
}

void so_udp_connect(so_udp_socket *s, so_ip peer, uint16_t port) {
  s->peer = peer;
  s->peer_port = port;
}

void so_udp_close(so_udp_socket *s) {
  so_udp *u = s->owner;
  const uint32_t self = (uint32_t)(s - u->sockets);
  uint32_t *link = bucket_of(u, s->local_port);
  while (*link != self) {
    link = &u->sockets[*link].next;
  }
  *link = s->next;
  for (so_packet *p = s->queue_first; p != NULL;) {
    so_packet *next = p->next;
    so_packet_free(u->pool, p);
    p = next;
  }
  u->queued -= s->queue_count;
  s->owner = NULL;
  s->next = u->free;
  u->free = self;
}

static void wake(const so_udp_socket *s) {
  if (s->ready != NULL) {
    s->ready(s->ready_ctx);
  }
}

// --- in --------------------------------------------------------------------------------------

static bool is_sum_right(const so_packet *p, const so_udp_header *h) {
  if (p->offload.csum_valid) {
    return true;
  }
  if (h->checksum == 0) {
    return p->src.family == 4;  // RFC 8200 8.1: with IPv6 there must be one.
  }
  so_checksum c = so_checksum_start();
  so_checksum_add_pseudo(&c, &p->src, &p->dst, PROTOCOL_UDP, h->len);
  so_checksum_add_packet(&c, p, 0, h->len);
  return so_checksum_end(&c) == 0;
}

static void drop(so_udp *u, so_packet *p, uint64_t *counter) {
  (*counter)++;
  so_packet_free(u->pool, p);
}

static void enqueue(so_udp *u, so_udp_socket *s, so_packet *p) {
  if (s->queue_count >= u->queue_max || u->queued >= u->queue_total_max) {
    drop(u, p, &u->stats.rx_queue_full);
    return;
  }
  p->next = NULL;
  if (s->queue_last == NULL) {
    s->queue_first = p;
  } else {
    s->queue_last->next = p;
  }
  s->queue_last = p;
  s->queue_count++;
  u->queued++;
  u->stats.rx++;
  wake(s);
}

void so_udp_input(so_udp *u, so_packet *p, uint64_t now_ns) {
  so_udp_header h;
  const uint8_t *head =
      p->len < SO_UDP_HEADER_LEN ? NULL : so_packet_head(u->pool, p, SO_UDP_HEADER_LEN);
  if (head == NULL) {
    drop(u, p, p->len < SO_UDP_HEADER_LEN ? &u->stats.rx_malformed : &u->stats.rx_no_buffer);
    return;
  }
  if (!so_ok(so_udp_parse(so_bytes_of(head, SO_UDP_HEADER_LEN), p->len, &h))) {
    drop(u, p, &u->stats.rx_malformed);
    return;
  }
  if (!is_sum_right(p, &h)) {
    drop(u, p, &u->stats.rx_checksum);
    return;
  }
  so_udp_socket *s = find(u, &p->src, h.src_port, &p->dst, h.dst_port);
  if (s == NULL) {
    u->lower.unreachable(u->lower.ctx, p, now_ns);
    drop(u, p, &u->stats.rx_no_port);
    return;
  }
  if (p->len > h.len) {
    so_packet_trim(u->pool, p, h.len);
  }
  enqueue(u, s, p);
}

so_status so_udp_receive(so_udp_socket *s, so_packet **out, so_udp_peer *from) {
  so_udp *u = s->owner;
  so_udp_header h;
  uint8_t head[SO_UDP_HEADER_LEN];
  if (s->error != 0) {
    const uint8_t kind = s->error;
    s->error = 0;
    return so_status_make(SO_IO, kind);
  }
  so_packet *p = s->queue_first;
  if (p == NULL) {
    return so_status_make(SO_AGAIN, 0);
  }
  s->queue_first = p->next;
  if (s->queue_first == NULL) {
    s->queue_last = NULL;
  }
  s->queue_count--;
  u->queued--;
  p->next = NULL;
  so_packet_copy(p, 0, head, sizeof head);
  const so_status status = so_udp_parse(so_bytes_of(head, sizeof head), p->len, &h);
  SO_ASSERT(so_ok(status));  // It was when it was queued.
  so_packet_pull(u->pool, p, SO_UDP_HEADER_LEN);
  from->ip = p->src;
  from->port = h.src_port;
  from->local = p->dst;
  *out = p;
  return so_done();
}

// --- out -------------------------------------------------------------------------------------

static so_status give_up(so_udp *u, so_packet *p, so_code code) {
  u->stats.tx_failed++;
  so_packet_free(u->pool, p);
  return so_status_make(code, 0);
}

static so_ip source_of(const so_udp_socket *s, const so_udp_peer *to) {
  if (to != NULL && to->local.family != 0) {
    return to->local;
  }
  so_ip none;
  memset(&none, 0, sizeof none);
  return s->local.family == 0 || so_ip_is_any(&s->local) ? none : s->local;
}

so_status so_udp_send(so_udp_socket *s, const so_udp_peer *to, so_packet *payload,
                      uint64_t now_ns) {
  so_udp *u = s->owner;
  const so_ip dst = to != NULL ? to->ip : s->peer;
  if (dst.family == 0) {
    return give_up(u, payload, SO_CONFLICT);
  }
  if (payload->len > SO_UDP_PAYLOAD_LEN_MAX) {
    return give_up(u, payload, SO_LIMIT);
  }
  uint8_t *head = so_packet_prepend(u->pool, payload, SO_UDP_HEADER_LEN);
  if (head == NULL) {
    return give_up(u, payload, SO_LIMIT);
  }
  const so_udp_header h = {
      .src_port = s->local_port,
      .dst_port = to != NULL ? to->port : s->peer_port,
      .len = (uint16_t)payload->len,
  };
  so_udp_emit(&h, head);
  payload->src = source_of(s, to);
  payload->dst = dst;
  payload->protocol = PROTOCOL_UDP;
  payload->offload.needs_csum = true;
  payload->offload.csum_start = 0;
  payload->offload.csum_offset = CHECKSUM_OFFSET;
  const so_status status = u->lower.send(u->lower.ctx, payload, now_ns);
  if (so_ok(status)) {
    u->stats.tx++;
  } else {
    u->stats.tx_failed++;
  }
  return status;
}

so_status so_udp_send_bytes(so_udp_socket *s, const so_udp_peer *to, so_bytes payload,
                            uint64_t now_ns) {
  so_udp *u = s->owner;
  const size_t room = SO_PAGE_LEN - SO_PACKET_HEADROOM;
  const size_t first = payload.len < room ? payload.len : room;
  so_packet *p = so_packet_alloc(u->pool, SO_PACKET_HEADROOM, first);
  if (p == NULL || !so_ok(so_packet_append(u->pool, p, payload))) {
    return give_up(u, p, SO_LIMIT);
  }
  return so_udp_send(s, to, p, now_ns);
}

// --- errors ----------------------------------------------------------------------------------

bool so_udp_error(so_udp *u, const so_ip_error *e, uint64_t now_ns) {
  so_reader r = so_reader_of(e->transport);
  uint16_t local_port;
  uint16_t peer_port;
  (void)now_ns;
  if (!so_read_u16be(&r, &local_port) || !so_read_u16be(&r, &peer_port)) {
    u->stats.rx_errors_ignored++;
    return false;
  }
  so_udp_socket *s = find(u, &e->dst, peer_port, &e->src, local_port);
  if (s == NULL) {
    u->stats.rx_errors_ignored++;
    return false;
  }
  u->stats.rx_errors++;
  if (s->peer.family != 0 && e->kind != SO_IP_ERROR_TOO_BIG) {
    s->error = (uint8_t)e->kind;
    wake(s);
  }
  return true;
}
