#include "base/assert.h"
#include "base/mem.h"
#include "base/writer.h"
#include "crypto/siphash/siphash.h"
#include "net/interface/ipv6_internal.h"

typedef struct route {
  so_ip hop;
  uint64_t now_ns;
  uint32_t mtu;
  bool group;
} route;

bool so_ipv6_write_header(so_interface *i, so_packet *p, const so_ipv6_header *h) {
  uint8_t *at = so_interface_prepend(i, p, SO_IPV6_HEADER_LEN);
  if (at == NULL) {
    return false;
  }
  so_writer w = so_writer_of(at, SO_IPV6_HEADER_LEN);
  so_ipv6_emit(h, &w);
  SO_ASSERT(!w.failed);
  return true;
}

static uint64_t hash_pair(const so_ipv6_state *v6, const so_packet *p, so_bytes more) {
  uint8_t bytes[32 + 8];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_write_bytes(&w, so_bytes_of(p->src.bytes, 16));
  so_write_bytes(&w, so_bytes_of(p->dst.bytes, 16));
  so_write_bytes(&w, more);
  return so_siphash24(v6->key, so_writer_bytes(&w));
}

// RFC 6437 3: the same for all packets of a flow, and not to be guessed by others.
static uint32_t flow_label(const so_ipv6_state *v6, const so_packet *p) {
  uint8_t flow[5] = {p->protocol};
  if ((p->protocol != SO_PROTOCOL_TCP && p->protocol != SO_PROTOCOL_UDP) || p->len < 4) {
    return 0;
  }
  so_packet_copy(p, 0, flow + 1, 4);
  return (uint32_t)hash_pair(v6, p, so_bytes_of(flow, sizeof flow)) & 0xfffffu;
}

// RFC 7739 5.3: a counter that starts somewhere else for every pair.
static uint32_t fragment_id(so_ipv6_state *v6, const so_packet *p) {
  static const uint8_t salt[1] = {SO_IPV6_FRAGMENT};
  const uint64_t h = hash_pair(v6, p, so_bytes_of(salt, sizeof salt));
  return (uint32_t)(h >> 32) + v6->ids[h % SO_IPV6_IDS]++;
}

static void to_neighbor(so_interface *i, so_packet *p, const route *r) {
  const so_ndp_sink sink = so_ipv6_ndp_sink(i);
  uint8_t mac[SO_MAC_LEN];
  so_ipv6_of(i)->stats.sent++;
  if (r->group) {
    so_mac_of_group(&p->dst, mac);
    so_interface_transmit(i, p, mac, SO_ETHERTYPE_IPV6);
    return;
  }
  so_ndp_send_to(&so_ipv6_of(i)->ndp, &r->hop, p, r->now_ns, &sink);
}

typedef struct piece_sink {
  so_interface *i;
  const route *r;
} piece_sink;

static void on_piece(void *ctx, so_packet *p) {
  const piece_sink *s = ctx;
  to_neighbor(s->i, p, s->r);
}

static void emit_fragments(so_interface *i, so_packet *p, const so_ipv6_header *h,
                           const route *r) {
  piece_sink ctx = {i, r};
  const so_ipv6_fragment_sink sink = {on_piece, &ctx};
  so_ipv6_state *v6 = so_ipv6_of(i);
  const so_status s =
      so_ipv6_fragment_out(i->pool, p, h, (uint16_t)r->mtu, fragment_id(v6, p), &sink);
  if (!so_ok(s)) {
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  v6->stats.fragmented++;
  so_packet_free(i->pool, p);
}

static void emit(so_interface *i, so_packet *p, const void *ctx) {
  const route *r = ctx;
  const so_ipv6_state *v6 = so_ipv6_of(i);
  const so_ipv6_header h = {
      .traffic_class = p->traffic_class,
      .flow_label = flow_label(v6, p),
      .payload_len = (uint16_t)p->len,
      .next_header = p->protocol,
      .hop_limit = p->hop_limit != 0 ? p->hop_limit : v6->ndp.hop_limit,
      .src = p->src,
      .dst = p->dst,
  };
  if (p->offload.gso == SO_GSO_NONE && SO_IPV6_HEADER_LEN + p->len > r->mtu) {
    emit_fragments(i, p, &h, r);
  } else if (!so_ipv6_write_header(i, p, &h)) {
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
  } else {
    to_neighbor(i, p, r);
  }
}

static so_status check_source(so_interface *i, so_packet *p) {
  const so_ipv6_state *v6 = so_ipv6_of(i);
  if (p->src.family == 0 && so_ip_is_loopback(&p->dst)) {
    p->src = p->dst;
  } else if (p->src.family == 0) {
    const so_status s = so_ndp_source(&v6->ndp, &p->dst, &p->src);
    i->stats.tx_no_source += !so_ok(s);
    return s;
  }
  const bool loopback = so_ip_is_loopback(&p->src) && so_ip_is_loopback(&p->dst);
  if (!loopback && !so_ndp_owns(&v6->ndp, &p->src)) {
    i->stats.tx_invalid++;
    return so_status_make(SO_CONFLICT, 0);
  }
  return so_done();
}

static so_status find_route(so_interface *i, const so_packet *p, uint64_t now_ns, route *r) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  r->now_ns = now_ns;
  r->group = so_ip_is_multicast(&p->dst);
  r->mtu = v6->ndp.mtu;
  if (r->group) {
    return so_done();
  }
  r->mtu = so_pmtu_get(&i->core->pmtu, &p->dst, v6->ndp.mtu, now_ns);
  return so_ndp_next_hop(&v6->ndp, &p->dst, now_ns, &r->hop);
}

so_status so_ipv6_send(so_interface *i, so_packet *p, uint64_t now_ns) {
  route r;
  p->next = NULL;
  const so_status status = check_source(i, p);
  if (!so_ok(status)) {
    so_packet_free(i->pool, p);
    return status;
  }
  if (so_ip_is_loopback(&p->dst) || so_ndp_owns(&so_ipv6_of(i)->ndp, &p->dst)) {
    return so_interface_loop(i, p);
  }
  if (!so_ok(find_route(i, p, now_ns, &r))) {
    so_interface_drop(i, p, &i->stats.tx_no_route);
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const size_t len = SO_IPV6_HEADER_LEN + p->len;
  const bool cut = p->offload.gso == SO_GSO_NONE && len > r.mtu;
  const bool may_cut = !p->dont_fragment && p->protocol != SO_PROTOCOL_TCP;
  if ((cut && !may_cut) || p->len > SO_IPV6_PAYLOAD_LEN_MAX) {
    so_interface_drop(i, p, &i->stats.tx_too_big);
    return so_status_make(SO_LIMIT, 0);
  }
  return so_interface_offload(i, p, SO_IPV6_HEADER_LEN, r.mtu, cut, emit, &r);
}

void so_ipv6_send_link(so_interface *i, so_packet *p, const uint8_t *mac, uint64_t now_ns) {
  const so_ndp_sink sink = so_ipv6_ndp_sink(i);
  const route r = {p->dst, now_ns, i->config.mtu, so_ip_is_multicast(&p->dst)};
  if (mac != NULL) {
    sink.packet(sink.ctx, p, mac);
    return;
  }
  to_neighbor(i, p, &r);
}
