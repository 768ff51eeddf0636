#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "net/interface/internal.h"

typedef struct route {
  so_ip hop;
  uint64_t now_ns;
  uint32_t mtu;
  bool group;      // Straight to a group's Ethernet address.
  bool broadcast;
} route;

enum { HOP_LIMIT_DEFAULT = 64 };

// Identifiers matter only for packets that may be cut (RFC 6864 4): a counter for each of a few
// hundred hashed pairs, so that nobody learns from them how much we send to others (RFC 7739).
static uint16_t next_id(so_interface *i, const so_packet *p) {
  struct so_interface_core *c = i->core;
  uint8_t pair[9];
  memcpy(pair, p->src.bytes, 4);
  memcpy(pair + 4, p->dst.bytes, 4);
  pair[8] = p->protocol;
  const uint64_t h = so_siphash24(c->id_key, so_bytes_of(pair, sizeof pair));
  return (uint16_t)(c->ids[h % SO_INTERFACE_IDS]++ + (h >> 16));
}

static void fill_header(so_interface *i, const so_packet *p, so_ipv4_header *h) {
  memset(h, 0, sizeof *h);
  h->header_len = SO_IPV4_HEADER_LEN;
  h->traffic_class = p->traffic_class;
  h->total_len = (uint16_t)(SO_IPV4_HEADER_LEN + p->len);
  h->dont_fragment = p->dont_fragment;
  h->id = p->dont_fragment ? 0 : next_id(i, p);
  h->hop_limit = p->hop_limit == 0 ? HOP_LIMIT_DEFAULT : p->hop_limit;
  h->protocol = p->protocol;
  h->src = p->src;
  h->dst = p->dst;
}

// Takes a packet that starts with its IP header.
static void to_neighbour(so_interface *i, so_packet *p, const route *r) {
  uint8_t mac[SO_MAC_LEN];
  struct so_interface_core *c = i->core;
  if (r->broadcast) {
    memset(mac, 0xff, sizeof mac);
  } else if (r->group) {
    so_mac_of_group(&p->dst, mac);
  } else if (!so_arp_lookup(&c->arp, r->hop.bytes, r->now_ns, mac)) {
    so_arp_wait(&c->arp, r->hop.bytes, p->src.bytes, p, r->now_ns);
    return;
  }
  so_interface_transmit(i, p, mac, SO_ETHERTYPE_IPV4);
}

static void emit_fragments(so_interface *i, so_packet *p, const route *r) {
  so_ipv4_header h;
  so_packet *list;
  fill_header(i, p, &h);
  const so_status status = so_ipv4_fragment(i->pool, p, &h, r->mtu, &list);
  if (!so_ok(status)) {
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  i->stats.tx_fragmented++;
  so_packet_free(i->pool, p);
  while (list != NULL) {
    so_packet *next = list->next;
    list->next = NULL;
    to_neighbour(i, list, r);
    list = next;
  }
}

static void emit(so_interface *i, so_packet *p, const void *ctx) {
  const route *r = ctx;
  so_ipv4_header h;
  if (p->offload.gso == SO_GSO_NONE && SO_IPV4_HEADER_LEN + p->len > r->mtu) {
    emit_fragments(i, p, r);
    return;
  }
  fill_header(i, p, &h);
  uint8_t *out = so_interface_prepend(i, p, SO_IPV4_HEADER_LEN);
  if (out == NULL) {
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  so_ipv4_emit(&h, out);
  to_neighbour(i, p, r);
}

static bool choose_route(const so_interface *i, const so_packet *p, uint64_t now_ns, route *r) {
  r->now_ns = now_ns;
  r->mtu = i->config.mtu;
  r->broadcast = so_interface_ipv4_is_broadcast(i, &p->dst);
  r->group = so_ip_is_multicast(&p->dst);
  return r->broadcast || r->group || so_interface_ipv4_next_hop(i, &p->dst, &r->hop);
}

static bool is_to_self(const so_interface *i, const so_ip *dst) {
  return so_ip_is_loopback(dst) || so_interface_ipv4_is_own(i, dst);
}

static so_status check_source(so_interface *i, so_packet *p, bool broadcast) {
  if (p->src.family == 0) {
    const so_status status = so_interface_ipv4_source(i, &p->dst, &p->src);
    i->stats.tx_no_source += !so_ok(status);
    return status;
  }
  const bool nobody = p->src.family == 4 && so_ip_is_any(&p->src) && broadcast;
  if (nobody || so_interface_ipv4_is_own(i, &p->src) ||
      (so_ip_is_loopback(&p->src) && so_ip_is_loopback(&p->dst))) {
    return so_done();
  }
  i->stats.tx_invalid++;
  return so_status_make(SO_CONFLICT, 0);
}

so_status so_interface_ipv4_send(so_interface *i, so_packet *p, uint64_t now_ns) {
  route r;
  p->next = NULL;
  const bool self = is_to_self(i, &p->dst);
  if (!self && !choose_route(i, p, now_ns, &r)) {
    so_interface_drop(i, p, &i->stats.tx_no_route);
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const so_status status = check_source(i, p, !self && r.broadcast);
  if (!so_ok(status)) {
    so_packet_free(i->pool, p);
    return status;
  }
  if (self) {
    return so_interface_loop(i, p);
  }
  if (!r.broadcast && !r.group) {
    r.mtu = so_pmtu_get(&i->core->pmtu, &p->dst, i->config.mtu, now_ns);
  }
  const size_t len = SO_IPV4_HEADER_LEN + p->len;
  const bool cut = p->offload.gso == SO_GSO_NONE && len > r.mtu;
  if ((cut && p->dont_fragment) || len > SO_IPV4_LEN_MAX) {
    so_interface_drop(i, p, &i->stats.tx_too_big);
    return so_status_make(SO_LIMIT, 0);
  }
  return so_interface_offload(i, p, SO_IPV4_HEADER_LEN, r.mtu, cut, emit, &r);
}
