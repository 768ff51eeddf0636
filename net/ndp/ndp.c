#include "net/ndp/ndp.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/ndp/internal.h"

#define SECRET_OF_DRAWS 16u  // The half of the secret that numbers are drawn with.

uint64_t so_ndp_draw(so_ndp *n, uint64_t below) {
  n->draws++;
  const so_bytes count = so_bytes_of(&n->draws, sizeof n->draws);
  return so_siphash24(n->config.secret + SECRET_OF_DRAWS, count) % below;
}

uint64_t so_ndp_time(uint64_t now_ns, uint32_t seconds) {
  return seconds == SO_ND_INFINITE_S ? SO_NEVER : now_ns + seconds * SO_NS_PER_S;
}

void so_ndp_emit(const so_nd_message *m, const so_ip *src, const so_ip *dst, const uint8_t *mac,
                 const so_ndp_sink *sink) {
  uint8_t bytes[SO_ND_MESSAGE_LEN_MAX];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_nd_emit(m, &w);
  SO_ASSERT(!w.failed);
  const so_ndp_output out = {*src, *dst, mac, so_writer_bytes(&w)};
  sink->message(sink->ctx, &out);
}

void so_ndp_init(so_ndp *n, const so_ndp_config *config) {
  uint8_t key[16];
  memset(n, 0, sizeof *n);
  n->config = *config;
  n->mtu = config->mtu;
  n->hop_limit = SO_NDP_HOP_LIMIT;
  n->solicit_ns = SO_NEVER;
  for (unsigned i = 0; i < sizeof key; i += 8) {
    const uint64_t part = so_ndp_draw(n, UINT64_MAX);
    memcpy(key + i, &part, 8);
  }
  so_neighbors_init(&n->neighbors, key);
}

void so_ndp_start(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink) {
  so_ndp_make_link_local(n, now_ns, sink);
}

void so_ndp_stop(so_ndp *n, const so_ndp_sink *sink) {
  so_ndp_bridge b;
  so_ndp_bridge_init(&b, n, 0, sink);
  so_neighbors_clear(&n->neighbors, &b.cache);
}

// --- the cache's sink ------------------------------------------------------------------------

// RFC 4861 7.2.2: the source of the packet that waits, when it is ours, so that the answer makes
// the neighbour know how to answer that too.
static void on_solicit(void *ctx, const so_ip *target, const uint8_t *mac, const so_ip *hint) {
  const so_ndp_bridge *b = ctx;
  so_nd_message m = {.type = SO_ND_SOLICIT, .target = *target, .has_source = true};
  so_ip src = *hint;
  if (!so_ndp_owns(b->n, &src) && !so_ok(so_ndp_source(b->n, target, &src))) {
    return;
  }
  memcpy(m.source, b->n->config.mac, SO_ND_LINK_LEN);
  b->n->stats.solicits_sent++;
  const so_ip dst = mac == NULL ? so_ip_solicited_node(target) : *target;
  so_ndp_emit(&m, &src, &dst, mac, b->sink);
}

static void on_send(void *ctx, so_packet *p, const uint8_t mac[SO_MAC_LEN]) {
  const so_ndp_bridge *b = ctx;
  b->sink->packet(b->sink->ctx, p, mac);
}

static void on_unreachable(void *ctx, so_packet *p) {
  const so_ndp_bridge *b = ctx;
  b->sink->unreachable(b->sink->ctx, p);
}

static void on_dropped(void *ctx, so_packet *p) {
  const so_ndp_bridge *b = ctx;
  b->sink->dropped(b->sink->ctx, p);
}

// The entry is still there when its owner said that it is no router, and gone when it did not
// answer.
static void on_lost(void *ctx, const so_ip *address, bool was_router) {
  const so_ndp_bridge *b = ctx;
  const bool answers = so_neighbors_find(&b->n->neighbors, address) != NULL;
  (void)was_router;
  so_ndp_router_lost(b->n, address, answers);
}

void so_ndp_bridge_init(so_ndp_bridge *b, so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink) {
  b->n = n;
  b->sink = sink;
  b->now_ns = now_ns;
  b->cache = (so_neighbor_sink){on_solicit, on_send, on_unreachable, on_dropped, on_lost, b};
}

// --- messages --------------------------------------------------------------------------------

// Answers a solicitation for an address of ours (RFC 4861 7.2.4). `to` ::: somebody checks
// whether it is in use, and everybody hears that it is.
static void answer(so_ndp *n, const so_nd_message *m, const so_ip *to, const so_ndp_sink *sink) {
  static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
  so_nd_message a = {
      .type = SO_ND_ADVERT, .target = m->target, .override = true, .has_target = true};
  memcpy(a.target_link, n->config.mac, SO_ND_LINK_LEN);
  a.solicited = !so_ip_is_any(to);
  n->stats.adverts_sent++;
  if (!a.solicited) {
    const so_ip group = so_ip6(all_nodes);
    so_ndp_emit(&a, &m->target, &group, NULL, sink);
    return;
  }
  so_ndp_emit(&a, &m->target, to, m->has_source ? m->source : NULL, sink);
}

static void solicited(so_ndp *n, const so_nd_message *m, const so_ip *src, uint64_t now_ns,
                      const so_ndp_sink *sink) {
  so_ndp_address *a = so_ndp_address_of(n, &m->target);
  so_ndp_bridge b;
  if (a == NULL || a->state == SO_NDP_DUPLICATE) {
    n->stats.ignored++;
    return;
  }
  if (a->state == SO_NDP_TENTATIVE) {
    const bool own = m->has_nonce && memcmp(m->nonce, a->nonce, SO_ND_NONCE_LEN) == 0;
    if (so_ip_is_any(src) && !own) {
      so_ndp_duplicate(n, a, now_ns, sink);
    }
    return;
  }
  if (!so_ip_is_any(src) && m->has_source) {
    so_ndp_bridge_init(&b, n, now_ns, sink);
    so_neighbors_heard(&n->neighbors, src, m->source, -1, now_ns, &b.cache);
  }
  answer(n, m, src, sink);
}

static void advertised(so_ndp *n, const so_nd_message *m, uint64_t now_ns,
                       const so_ndp_sink *sink) {
  so_ndp_address *a = so_ndp_address_of(n, &m->target);
  const so_neighbor_advert advert = {
      .target = m->target,
      .mac = m->has_target ? m->target_link : NULL,
      .router = m->from_router,
      .solicited = m->solicited,
      .override = m->override,
  };
  so_ndp_bridge b;
  if (a != NULL && a->state == SO_NDP_TENTATIVE) {
    so_ndp_duplicate(n, a, now_ns, sink);
  } else if (a != NULL) {
    n->stats.ignored++;  // It is ours, proven; who claims it now has come too late.
  } else {
    so_ndp_bridge_init(&b, n, now_ns, sink);
    so_neighbors_advert(&n->neighbors, &advert, now_ns, &b.cache);
  }
}

void so_ndp_input(so_ndp *n, const so_ndp_input_message *in, uint64_t now_ns,
                  const so_ndp_sink *sink) {
  so_nd_message m;
  n->stats.received++;
  if (in->fragmented) {
    n->stats.fragmented++;
    return;
  }
  if (!so_ok(so_nd_parse(in->icmp, &in->envelope, &m))) {
    n->stats.invalid++;
    return;
  }
  n->stats.options_ignored += m.ignored;
  if (so_ndp_owns(n, &in->envelope.src)) {
    n->stats.ignored++;  // Our own, looped back, or a lie.
    return;
  }
  switch (m.type) {
    case SO_ND_ROUTER_SOLICIT:
      n->stats.ignored++;  // For routers.
      break;
    case SO_ND_ROUTER_ADVERT:
      so_ndp_router_advert(n, &m, &in->envelope.src, now_ns, sink);
      break;
    case SO_ND_SOLICIT:
      solicited(n, &m, &in->envelope.src, now_ns, sink);
      break;
    case SO_ND_ADVERT:
      advertised(n, &m, now_ns, sink);
      break;
    case SO_ND_REDIRECT:
      so_ndp_redirected(n, &m, &in->envelope.src, now_ns, sink);
      break;
  }
}

// --- packets ---------------------------------------------------------------------------------

void so_ndp_send_to(so_ndp *n, const so_ip *hop, so_packet *packet, uint64_t now_ns,
                    const so_ndp_sink *sink) {
  // Read first: the packet is gone afterwards.
  const bool router = !so_ip_equal(hop, &packet->dst);
  so_ndp_bridge b;
  so_ndp_bridge_init(&b, n, now_ns, sink);
  so_neighbors_send(&n->neighbors, hop, packet, now_ns, &b.cache);
  if (router) {
    so_neighbors_pin(&n->neighbors, hop, so_ndp_is_router(n, hop));
  }
}

so_status so_ndp_send(so_ndp *n, so_packet *packet, uint64_t now_ns, const so_ndp_sink *sink) {
  so_ip hop;
  const so_status s = so_ndp_next_hop(n, &packet->dst, now_ns, &hop);
  if (so_ok(s)) {
    so_ndp_send_to(n, &hop, packet, now_ns, sink);
  } else {
    n->stats.no_route++;
  }
  return s;
}

void so_ndp_confirm(so_ndp *n, const so_ip *dst, uint64_t now_ns) {
  so_ip hop;
  if (!so_ip_is_multicast(dst) && so_ok(so_ndp_next_hop(n, dst, now_ns, &hop))) {
    so_neighbors_confirm(&n->neighbors, &hop, now_ns);
  }
}

// --- time ------------------------------------------------------------------------------------

void so_ndp_tick(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink) {
  so_ndp_bridge b;
  so_ndp_bridge_init(&b, n, now_ns, sink);
  so_neighbors_tick(&n->neighbors, now_ns, &b.cache);
  so_ndp_addresses_tick(n, now_ns, sink);
  so_ndp_routers_tick(n, now_ns, sink);
}

uint64_t so_ndp_deadline(const so_ndp *n) {
  const uint64_t neighbors = so_neighbors_deadline(&n->neighbors);
  const uint64_t addresses = so_ndp_addresses_deadline(n);
  const uint64_t first = neighbors < addresses ? neighbors : addresses;
  return first < n->solicit_ns ? first : n->solicit_ns;
}
