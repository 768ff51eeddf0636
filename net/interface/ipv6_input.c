#include "base/assert.h"
#include "base/mem.h"
#include "net/interface/ipv6_internal.h"

static void drop(so_interface *i, so_packet *p, uint64_t *counter) {
  so_interface_drop(i, p, counter);
}

// Most packets have no extension header, and for those the header alone has to lie together.
static bool is_transport(uint8_t protocol) {
  return protocol == SO_PROTOCOL_TCP || protocol == SO_PROTOCOL_UDP ||
         protocol == SO_PROTOCOL_ICMP6;
}

// Takes a packet whose headers were pulled.
static void dispatch(so_interface *i, so_packet *p, const so_ipv6_incoming *in, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  p->src = in->header.src;
  p->dst = in->header.dst;
  p->traffic_class = in->header.traffic_class;
  p->hop_limit = in->header.hop_limit;
  if (p->protocol == SO_PROTOCOL_ICMP6) {
    so_ipv6_icmp_input(i, p, in, now_ns);
    return;
  }
  if (so_ip_is_any(&p->src)) {
    drop(i, p, &v6->stats.bad_source);  // Only neighbour discovery and MLD speak without a source.
    return;
  }
  if (p->protocol == SO_PROTOCOL_TCP && in->group) {
    drop(i, p, &v6->stats.not_ours);
    return;
  }
  v6->stats.delivered++;
  v6->delivering = p;
  v6->delivering_header = in->header;
  v6->delivering_group = in->group;
  so_interface_deliver(i, p, now_ns);
  v6->delivering = NULL;
}

void so_ipv6_loop(so_interface *i, so_packet *p, uint64_t now_ns) {
  const so_ipv6_incoming in = {
      .header = {.traffic_class = p->traffic_class,
                 .next_header = p->protocol,
                 .hop_limit = p->hop_limit,
                 .src = p->src,
                 .dst = p->dst},
  };
  if (!is_transport(p->protocol)) {
    drop(i, p, &so_ipv6_of(i)->stats.unknown_protocol);
    return;
  }
  dispatch(i, p, &in, now_ns);
}

static void refuse(so_interface *i, so_packet *p, const so_ipv6_chain *chain, bool group,
                   uint64_t now_ns) {
  if (chain->verdict == SO_IPV6_PROBLEM) {
    const so_ipv6_answer a = {SO_ICMP6_PARAMETER_PROBLEM, chain->code, chain->pointer, group,
                              chain->even_multicast};
    so_ipv6_error(i, p, &a, now_ns);
  }
  drop(i, p, &so_ipv6_of(i)->stats.faults[chain->fault]);
}

static void unknown(so_interface *i, so_packet *p, const so_ipv6_chain *chain, bool group,
                    uint64_t now_ns) {
  const so_ipv6_answer a = {SO_ICMP6_PARAMETER_PROBLEM, SO_ICMP6_UNKNOWN_NEXT_HEADER,
                            chain->next_header_off, group, false};
  so_ipv6_error(i, p, &a, now_ns);
  drop(i, p, &so_ipv6_of(i)->stats.unknown_protocol);
}

static so_ipv6_chain walk(so_interface *i, so_packet *p, uint8_t next_header, bool reassembled) {
  so_ipv6_chain chain = {.protocol = next_header,
                         .off = SO_IPV6_HEADER_LEN,
                         .next_header_off = 6,
                         .fragmented = reassembled};
  if (is_transport(next_header)) {
    return chain;
  }
  const size_t n = p->len < SO_IPV6_WALK_LEN ? p->len : SO_IPV6_WALK_LEN;
  const uint8_t *head = so_packet_head(i->pool, p, n);
  if (head == NULL) {
    chain.verdict = SO_IPV6_DROP;
    chain.fault = SO_IPV6_FAULT_LIMIT;
    return chain;
  }
  return so_ipv6_walk(so_bytes_of(head, n), p->len, reassembled);
}

// Gives a packet that was walked to whom it is for. Fragments were dealt with.
static void accept(so_interface *i, so_packet *p, const so_ipv6_chain *chain, so_ipv6_incoming *in,
                   uint64_t now_ns) {
  in->router_alert = chain->router_alert;
  in->fragmented = chain->fragmented;
  if (chain->verdict == SO_IPV6_IGNORE) {
    drop(i, p, &so_ipv6_of(i)->stats.empty);
  } else if (chain->verdict != SO_IPV6_ACCEPT) {
    refuse(i, p, chain, in->group, now_ns);
  } else if (!is_transport(chain->protocol)) {
    unknown(i, p, chain, in->group, now_ns);
  } else {
    so_packet_pull(i->pool, p, chain->off);
    p->protocol = chain->protocol;
    dispatch(i, p, in, now_ns);
  }
}

static void fragment_input(so_interface *i, so_packet *p, const so_ipv6_chain *chain,
                           so_ipv6_incoming *in, uint64_t now_ns) {
  uint8_t bytes[SO_IPV6_HEADER_LEN];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_ipv6_emit(&in->header, &w);
  const so_reassembly_fragment f = {
      .src = in->header.src,
      .dst = in->header.dst,
      .id = chain->fragment.id,
      .protocol = chain->protocol,
      .traffic_class = in->header.traffic_class,
      .hop_limit = in->header.hop_limit,
      .offset = chain->fragment.offset,
      .more = chain->fragment.more,
      .header = so_writer_bytes(&w),
  };
  so_ipv6_of(i)->stats.fragments_received++;
  so_packet_pull(i->pool, p, chain->off);
  p = so_reassembly_input(&i->core->reassembly, &f, p, now_ns);
  if (p == NULL) {
    return;
  }
  in->header.next_header = p->protocol;
  in->header.traffic_class = p->traffic_class;
  in->header.hop_limit = p->hop_limit;
  in->header.payload_len = (uint16_t)p->len;
  if (!so_ipv6_write_header(i, p, &in->header)) {
    drop(i, p, &so_ipv6_of(i)->stats.no_buffer);
    return;
  }
  const so_ipv6_chain whole = walk(i, p, p->protocol, true);
  accept(i, p, &whole, in, now_ns);
}

// RFC 4291 2.5.3, 2.7: no packet from the wire has such a source, and none of ours comes back.
static bool is_source_possible(const so_ipv6_state *v6, const so_ip *src) {
  return !so_ip_is_multicast(src) && !so_ip_is_loopback(src) && !so_ndp_owns(&v6->ndp, src);
}

static bool is_ours(const so_ipv6_state *v6, const so_ip *dst, bool link_group) {
  if (so_ip_is_multicast(dst)) {
    // Interface-local groups never come from a wire.
    return (dst->bytes[1] & 0x0fu) > 1 && so_mld_is_member(&v6->mld, dst);
  }
  return !link_group && so_ndp_owns(&v6->ndp, dst);
}

static bool read_header(so_interface *i, so_packet *p, so_ipv6_header *out) {
  const uint8_t *head = so_packet_head(i->pool, p, SO_IPV6_HEADER_LEN);
  if (head == NULL || !so_ok(so_ipv6_parse(so_bytes_of(head, SO_IPV6_HEADER_LEN), out))) {
    return false;
  }
  const size_t len = SO_IPV6_HEADER_LEN + (size_t)out->payload_len;
  if (len > p->len) {
    return false;
  }
  if (len < p->len) {
    so_packet_trim(i->pool, p, len);  // Ethernet's padding.
  }
  return true;
}

void so_ipv6_input(so_interface *i, so_packet *p, const so_ethernet_header *ethernet,
                   uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const bool link_group = so_mac_is_group(ethernet->dst);
  so_ipv6_incoming in = {0};
  v6->stats.received++;
  memcpy(v6->sender, ethernet->src, sizeof v6->sender);
  if (!read_header(i, p, &in.header)) {
    drop(i, p, &v6->stats.malformed);
    return;
  }
  if (!is_source_possible(v6, &in.header.src)) {
    drop(i, p, &v6->stats.bad_source);
    return;
  }
  if (!is_ours(v6, &in.header.dst, link_group)) {
    drop(i, p, &v6->stats.not_ours);
    return;
  }
  in.group = link_group || so_ip_is_multicast(&in.header.dst);
  const so_ipv6_chain chain = walk(i, p, in.header.next_header, false);
  if (chain.verdict == SO_IPV6_REASSEMBLE) {
    fragment_input(i, p, &chain, &in, now_ns);
    return;
  }
  accept(i, p, &chain, &in, now_ns);
}
