#include "base/mem.h"
#include "net/interface/internal.h"

enum { DHCP_CLIENT_PORT = 68 };

// RFC 1122 3.2.1.3, RFC 6890: no host has these as its own, and none of ours comes from the wire.
static bool is_source_possible(const so_interface *i, const so_ip *src) {
  const uint8_t first = src->bytes[0];
  return first != 0 && first != 127 && first < 224 && !so_interface_ipv4_is_own(i, src) &&
         !so_interface_ipv4_is_broadcast(i, src);
}

static bool is_all_hosts(const so_ip *ip) {
  static const uint8_t all[4] = {224, 0, 0, 1};
  return memcmp(ip->bytes, all, 4) == 0;
}

// A host without an address hears its lease by unicast to the address offered (RFC 2131 4.1).
static bool is_for_dhcp(so_interface *i, so_packet *p, const so_ipv4_header *h) {
  if (i->core->address_count != 0 || h->protocol != SO_PROTOCOL_UDP || h->fragment_off != 0) {
    return false;
  }
  const uint8_t *head = so_packet_head(i->pool, p, (size_t)h->header_len + 4);
  return head != NULL && head[h->header_len + 2] == 0 &&
         head[h->header_len + 3] == DHCP_CLIENT_PORT;
}

// Whether a packet is for us, and whether it was sent to a group.
static bool is_ours(so_interface *i, so_packet *p, const so_ipv4_header *h, bool link_group,
                    bool *group) {
  *group = false;
  if (so_interface_ipv4_is_own(i, &h->dst)) {
    return !link_group;  // RFC 1122 3.3.6: unicast in a broadcast frame.
  }
  if (so_interface_ipv4_is_broadcast(i, &h->dst) || is_all_hosts(&h->dst)) {
    *group = true;
    return true;
  }
  return !link_group && is_for_dhcp(i, p, h);
}

static uint64_t *counter_of(so_interface *i, so_status status) {
  if (so_is(status, SO_CORRUPT)) {
    return &i->stats.ip4_rx_checksum;
  }
  return so_is(status, SO_DENIED) ? &i->stats.ip4_rx_source_route : &i->stats.ip4_rx_header;
}

static void fragment_input(so_interface *i, so_packet *p, const so_ipv4_header *h, bool group,
                           uint64_t now_ns) {
  uint8_t header[SO_IPV4_HEADER_LEN];
  const so_reassembly_fragment f = {
      .src = h->src,
      .dst = h->dst,
      .id = h->id,
      .protocol = h->protocol,
      .traffic_class = h->traffic_class,
      .hop_limit = h->hop_limit,
      .offset = h->fragment_off,
      .more = h->more_fragments,
      .header = so_bytes_of(header, sizeof header),
  };
  i->stats.ip4_rx_fragments++;
  so_ipv4_emit(h, header);
  so_packet_pull(i->pool, p, h->header_len);
  p = so_reassembly_input(&i->core->reassembly, &f, p, now_ns);
  if (p == NULL) {
    return;
  }
  so_ipv4_header whole = *h;
  whole.header_len = SO_IPV4_HEADER_LEN;
  // At most 20 + 65515: a longer one was refused as a fragment that reaches too far.
  whole.total_len = (uint16_t)(SO_IPV4_HEADER_LEN + p->len);
  whole.fragment_off = 0;
  whole.more_fragments = false;
  whole.traffic_class = p->traffic_class;
  whole.hop_limit = p->hop_limit;
  so_interface_ipv4_dispatch(i, p, &whole, group, now_ns);
}

void so_interface_ipv4_dispatch(so_interface *i, so_packet *p, const so_ipv4_header *h, bool group,
                                uint64_t now_ns) {
  struct so_interface_core *c = i->core;
  p->src = h->src;
  p->dst = h->dst;
  p->protocol = h->protocol;
  p->traffic_class = h->traffic_class;
  p->hop_limit = h->hop_limit;
  p->dont_fragment = h->dont_fragment;
  // TCP has no groups (RFC 9293 3.9.2.3): a segment to one is nobody's.
  if (h->protocol == SO_PROTOCOL_UDP || (h->protocol == SO_PROTOCOL_TCP && !group)) {
    i->stats.ip4_rx_delivered++;
    c->delivering = p;
    c->delivering_header = *h;
    c->delivering_group = group;
    so_interface_deliver(i, p, now_ns);
    c->delivering = NULL;
    return;
  }
  if (h->protocol == SO_PROTOCOL_ICMP) {
    so_interface_icmp_input(i, p, h, group, now_ns);
    return;
  }
  so_interface_icmp_error(i, SO_ICMP_UNREACHABLE, SO_ICMP_CODE_PROTOCOL, h, p, group, now_ns);
  so_interface_drop(i, p, &i->stats.ip4_rx_protocol);
}

static so_status parse(so_interface *i, so_packet *p, so_ipv4_header *h) {
  const uint8_t *head = so_packet_head(i->pool, p, SO_IPV4_HEADER_LEN);
  const size_t n = head == NULL ? 0 : so_ipv4_header_len(head[0]);
  if (n > SO_IPV4_HEADER_LEN) {
    head = so_packet_head(i->pool, p, n);
  }
  if (n == 0 || head == NULL) {
    return so_status_make(SO_MALFORMED, 0);
  }
  return so_ipv4_parse(so_bytes_of(head, n), p->len, h);
}

void so_interface_ipv4_input(so_interface *i, so_packet *p, const so_ethernet_header *ethernet,
                             uint64_t now_ns) {
  const bool link_group = so_mac_is_group(ethernet->dst);
  so_ipv4_header h;
  bool group;
  i->stats.ip4_rx++;
  const so_status status = parse(i, p, &h);
  if (!so_ok(status)) {
    so_interface_drop(i, p, counter_of(i, status));
    return;
  }
  if (!is_source_possible(i, &h.src)) {
    so_interface_drop(i, p, &i->stats.ip4_rx_source);
    return;
  }
  if (p->len > h.total_len) {
    so_packet_trim(i->pool, p, h.total_len);
  }
  if (!is_ours(i, p, &h, link_group, &group)) {
    so_interface_drop(i, p, &i->stats.ip4_rx_not_ours);
    return;
  }
  if (h.more_fragments || h.fragment_off != 0) {
    fragment_input(i, p, &h, group, now_ns);
    return;
  }
  so_packet_pull(i->pool, p, h.header_len);
  so_interface_ipv4_dispatch(i, p, &h, group, now_ns);
}
