#include "base/assert.h"
#include "base/mem.h"
#include "net/checksum/checksum.h"
#include "net/interface/ipv6_internal.h"

enum {
  CHECKSUM_OFFSET = 2,
  MESSAGE_LEN_MAX = 1500,  // Of discovery and listener messages: they must lie together.
  MESSAGE_LEN_OUT_MAX = 1280,
};

// --- sending ---------------------------------------------------------------------------------

static void send_icmp(so_interface *i, so_packet *p, uint64_t *counter, uint64_t now_ns) {
  p->protocol = SO_PROTOCOL_ICMP6;
  p->offload.needs_csum = true;
  p->offload.csum_start = 0;
  p->offload.csum_offset = CHECKSUM_OFFSET;
  if (so_ok(so_ipv6_send(i, p, now_ns))) {
    (*counter)++;
  }
}

// Hop-by-hop options that hold a router alert for MLD (RFC 2711 2.1), padded to eight bytes.
static const uint8_t router_alert[8] = {SO_PROTOCOL_ICMP6, 0, 5, 2, 0, 0, 1, 0};

static bool fill_message(so_interface *i, so_packet *p, const so_ipv6_message_head *head,
                         so_bytes icmp) {
  uint8_t sum[2];
  so_checksum c = so_checksum_start();
  so_checksum_add_pseudo(&c, &head->src, &head->dst, SO_PROTOCOL_ICMP6, (uint32_t)icmp.len);
  so_checksum_add(&c, icmp);
  const uint16_t v = so_checksum_end(&c);
  sum[0] = (uint8_t)(v >> 8);
  sum[1] = (uint8_t)v;
  if (!so_ok(so_packet_append(i->pool, p, icmp))) {
    return false;
  }
  so_packet_write_at(p, CHECKSUM_OFFSET, so_bytes_of(sum, sizeof sum));
  if (head->router_alert) {
    uint8_t *at = so_packet_prepend(i->pool, p, sizeof router_alert);
    if (at == NULL) {
      return false;
    }
    memcpy(at, router_alert, sizeof router_alert);
  }
  const so_ipv6_header h = {
      .payload_len = (uint16_t)p->len,
      .next_header = head->router_alert ? SO_IPV6_HOP_BY_HOP : SO_PROTOCOL_ICMP6,
      .hop_limit = head->hop_limit,
      .src = head->src,
      .dst = head->dst,
  };
  return so_ipv6_write_header(i, p, &h);
}

void so_ipv6_message(so_interface *i, const so_ipv6_message_head *head, so_bytes icmp,
                     uint64_t now_ns) {
  SO_ASSERT(icmp.len >= SO_ICMP6_HEADER_LEN && icmp.len <= MESSAGE_LEN_OUT_MAX);
  so_packet *p = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, icmp.len);
  if (p == NULL || !fill_message(i, p, head, icmp)) {
    so_packet_free(i->pool, p);
    i->stats.tx_no_buffer++;
    return;
  }
  p->src = head->src;
  p->dst = head->dst;
  p->protocol = SO_PROTOCOL_ICMP6;
  so_ipv6_send_link(i, p, head->mac, now_ns);
}

void so_ipv6_error(so_interface *i, so_packet *offender, const so_ipv6_answer *a, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const size_t n = offender->len < SO_IPV6_WALK_LEN ? offender->len : SO_IPV6_WALK_LEN;
  const uint8_t *head = so_packet_head(i->pool, offender, n);
  so_ipv6_header h;
  if (head == NULL || !so_ok(so_ipv6_parse(so_bytes_of(head, n), &h)) ||
      !so_icmp6_may_answer(so_bytes_of(head, n), offender->len, a->group, a->even_multicast)) {
    v6->stats.icmp_suppressed++;
    return;
  }
  if (!so_icmp6_limit_take(&v6->errors, &h.src, now_ns)) {
    v6->stats.icmp_limited++;
    return;
  }
  so_packet *p = so_icmp6_error_make(i->pool, offender, a->type, a->code, a->value);
  if (p == NULL) {
    i->stats.tx_no_buffer++;
    return;
  }
  const so_ip none = {0};
  p->dst = h.src;
  p->src = so_ndp_owns(&v6->ndp, &h.dst) ? h.dst : none;
  send_icmp(i, p, &v6->stats.icmp_sent_errors, now_ns);
}

// Answers about what has no header any more: `h` is put in front of a copy that shares the payload.
static void error_about(so_interface *i, const so_ipv6_header *h, const so_packet *payload,
                        const so_ipv6_answer *a, uint64_t now_ns) {
  const size_t len = payload->len < SO_ICMP6_QUOTE_LEN_MAX ? payload->len : SO_ICMP6_QUOTE_LEN_MAX;
  so_packet *p = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, 0);
  if (p == NULL || !so_ok(so_packet_share(i->pool, p, payload, 0, len)) ||
      !so_ipv6_write_header(i, p, h)) {
    i->stats.tx_no_buffer++;
  } else {
    so_ipv6_error(i, p, a, now_ns);
  }
  so_packet_free(i->pool, p);
}

void so_ipv6_unreachable(so_interface *i, const so_packet *p, uint64_t now_ns) {
  const so_ipv6_state *v6 = so_ipv6_of(i);
  if (p != v6->delivering) {
    return;
  }
  so_ipv6_header h = v6->delivering_header;
  h.next_header = p->protocol;
  h.payload_len = (uint16_t)p->len;
  const so_ipv6_answer a = {SO_ICMP6_UNREACHABLE, SO_ICMP6_PORT_UNREACHABLE, 0,
                            v6->delivering_group, false};
  error_about(i, &h, p, &a, now_ns);
}

// RFC 8200 4.5: only when the first fragment came, which is then quoted as it came.
void so_ipv6_expired(so_interface *i, const so_reassembly_fragment *first, so_bytes start,
                     uint64_t now_ns) {
  const size_t room = SO_ICMP6_QUOTE_LEN_MAX - SO_IPV6_HEADER_LEN - SO_IPV6_FRAGMENT_LEN;
  uint8_t bytes[SO_IPV6_HEADER_LEN + SO_IPV6_FRAGMENT_LEN];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  const so_bytes quote = so_bytes_first(start, room);
  const so_ipv6_header h = {
      .traffic_class = first->traffic_class,
      .payload_len = (uint16_t)(quote.len + SO_IPV6_FRAGMENT_LEN),
      .next_header = SO_IPV6_FRAGMENT,
      .hop_limit = first->hop_limit,
      .src = first->src,
      .dst = first->dst,
  };
  so_ipv6_emit(&h, &w);
  so_write_u8(&w, first->protocol);
  so_write_u8(&w, 0);
  so_write_u16be(&w, 1);  // Offset 0, more to come.
  so_write_u32be(&w, first->id);
  SO_ASSERT(!w.failed);
  const so_ipv6_answer a = {SO_ICMP6_TIME_EXCEEDED, SO_ICMP6_REASSEMBLY, 0, false, false};
  so_packet *p = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, sizeof bytes + quote.len);
  if (p == NULL || !so_ok(so_packet_append(i->pool, p, so_writer_bytes(&w))) ||
      !so_ok(so_packet_append(i->pool, p, quote))) {
    i->stats.tx_no_buffer++;
  } else {
    so_ipv6_error(i, p, &a, now_ns);
  }
  so_packet_free(i->pool, p);
}

// --- receiving -------------------------------------------------------------------------------

static void echo(so_interface *i, so_packet *p, const so_ipv6_incoming *in,
                 const so_icmp6_header *request, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const so_ipv6_header *h = &in->header;
  const so_icmp6_header reply = {SO_ICMP6_ECHO_REPLY, 0, 0, request->value};
  uint8_t bytes[SO_ICMP6_HEADER_LEN];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  v6->stats.icmp_echo++;
  // To a group: answered on the link only, or we would amplify for whoever forges a source.
  if (so_ip_is_any(&h->src) || (in->group && !so_ip_is_link_local(&h->src))) {
    so_interface_drop(i, p, &v6->stats.icmp_ignored);
    return;
  }
  if (!so_icmp6_limit_take(&v6->echoes, &h->src, now_ns)) {
    so_interface_drop(i, p, &v6->stats.icmp_limited);
    return;
  }
  so_icmp6_emit(&reply, &w);
  so_packet *out = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, sizeof bytes);
  if (out == NULL || !so_ok(so_packet_append(i->pool, out, so_writer_bytes(&w))) ||
      !so_ok(so_packet_share(i->pool, out, p, sizeof bytes, p->len - sizeof bytes))) {
    so_packet_free(i->pool, out);
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  out->dst = h->src;
  if (!in->group) {
    out->src = h->dst;
  }
  out->traffic_class = (uint8_t)(h->traffic_class & 0xfcu);
  so_packet_free(i->pool, p);
  send_icmp(i, out, &v6->stats.icmp_sent_echo, now_ns);
}

static so_ip_error_kind kind_of(const so_icmp6_error *e) {
  switch (e->type) {
    case SO_ICMP6_TOO_BIG:
      return SO_IP_ERROR_TOO_BIG;
    case SO_ICMP6_TIME_EXCEEDED:
      return SO_IP_ERROR_TIME;
    case SO_ICMP6_PARAMETER_PROBLEM:
      return e->code == SO_ICMP6_UNKNOWN_NEXT_HEADER ? SO_IP_ERROR_PROTOCOL
                                                     : SO_IP_ERROR_PARAMETER;
    default:
      break;
  }
  switch (e->code) {
    case SO_ICMP6_PORT_UNREACHABLE:
      return SO_IP_ERROR_PORT;
    case SO_ICMP6_PROHIBITED:
    case SO_ICMP6_POLICY:
    case SO_ICMP6_REJECT_ROUTE:
      return SO_IP_ERROR_PROHIBITED;
    default:
      return SO_IP_ERROR_UNREACHABLE;
  }
}

static uint64_t *report(so_interface *i, so_bytes message, const so_ip *from, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  so_icmp6_error e;
  const so_status s = so_icmp6_error_parse(message, &e);
  if (!so_ok(s)) {
    return so_is(s, SO_MALFORMED) ? &v6->stats.icmp_malformed : &v6->stats.icmp_ignored;
  }
  if (!so_ndp_owns(&v6->ndp, &e.src)) {
    return &v6->stats.icmp_ignored;
  }
  if (e.type == SO_ICMP6_TOO_BIG && e.value < SO_IPV6_MTU_MIN) {
    return &v6->stats.icmp_too_small;
  }
  so_ip_error out = {
      .kind = kind_of(&e),
      .icmp_type = e.type,
      .icmp_code = e.code,
      .protocol = e.protocol,
      .mtu = e.type == SO_ICMP6_TOO_BIG ? e.value : 0,
      .src = e.src,
      .dst = e.dst,
      .from = *from,
      .transport = e.transport,
  };
  so_interface_report(i, &out, 0, now_ns);
  return &v6->stats.icmp_errors;
}

void so_ipv6_no_neighbor(so_interface *i, so_packet *p) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const size_t n = p->len < SO_IPV6_WALK_LEN ? p->len : SO_IPV6_WALK_LEN;
  const uint8_t *head = so_packet_head(i->pool, p, n);
  if (head != NULL) {
    const so_ipv6_chain chain = so_ipv6_walk(so_bytes_of(head, n), p->len, false);
    const bool whole = chain.verdict == SO_IPV6_ACCEPT;
    const bool first = chain.verdict == SO_IPV6_REASSEMBLE && chain.fragment.offset == 0;
    so_ip_error e = {
        .kind = SO_IP_ERROR_NEIGHBOUR,
        .protocol = chain.protocol,
        .src = p->src,
        .dst = p->dst,
        .from = p->src,
        .transport = so_bytes_from(so_bytes_of(head, n), chain.off),
    };
    if ((whole || first) && e.transport.len >= SO_IP_ERROR_QUOTE_LEN_MIN &&
        e.protocol != SO_PROTOCOL_ICMP6) {
      so_interface_report(i, &e, 0, i->core->now_ns);
    }
  }
  so_interface_drop(i, p, &v6->stats.unreachable);
}

// Takes `p`, a message that needs to lie together. `head` is it.
static void machine_input(so_interface *i, so_packet *p, uint8_t type, const uint8_t *head,
                          const so_ipv6_incoming *in, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const so_bytes icmp = so_bytes_of(head, p->len);
  if (so_icmp6_is_ndp(type)) {
    const so_ndp_sink sink = so_ipv6_ndp_sink(i);
    const so_ndp_input_message m = {
        .envelope = {in->header.src, in->header.dst, in->header.hop_limit},
        .icmp = icmp,
        .fragmented = in->fragmented,
    };
    so_ndp_input(&v6->ndp, &m, now_ns, &sink);
  } else {
    // What it does not accept, it counts.
    (void)so_ok(so_mld_input(&v6->mld, icmp, &in->header.src, &in->header.dst,
                             in->header.hop_limit, in->router_alert, now_ns));
  }
  so_packet_free(i->pool, p);
}

static bool is_sum_right(const so_packet *p) {
  so_checksum c = so_checksum_start();
  if (p->offload.csum_valid) {
    return true;
  }
  so_checksum_add_pseudo(&c, &p->src, &p->dst, SO_PROTOCOL_ICMP6, p->len);
  so_checksum_add_packet(&c, p, 0, p->len);
  return so_checksum_end(&c) == 0;
}

static void by_type(so_interface *i, so_packet *p, const so_icmp6_header *h,
                    const so_ipv6_incoming *in, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const bool mld = h->type == SO_ICMP6_MLD_QUERY || h->type == SO_ICMP6_MLD_REPORT;
  const bool machine = so_icmp6_is_ndp(h->type) || mld;
  const bool error = so_icmp6_is_error(h->type);
  if (h->type == SO_ICMP6_ECHO_REQUEST && h->code == 0) {
    echo(i, p, in, h, now_ns);
    return;
  }
  if (!machine && !error) {
    so_interface_drop(i, p, &v6->stats.icmp_ignored);
    return;
  }
  // Of an error only the quote's start is read, which is what fits one anyway.
  if (machine && p->len > MESSAGE_LEN_MAX) {
    so_interface_drop(i, p, &v6->stats.icmp_malformed);
    return;
  }
  const size_t n = p->len < MESSAGE_LEN_MAX ? p->len : MESSAGE_LEN_MAX;
  const uint8_t *head = so_packet_head(i->pool, p, n);
  if (head == NULL) {
    so_interface_drop(i, p, &v6->stats.no_buffer);
  } else if (machine) {
    machine_input(i, p, h->type, head, in, now_ns);
  } else {
    so_interface_drop(i, p, report(i, so_bytes_of(head, n), &in->header.src, now_ns));
  }
}

void so_ipv6_icmp_input(so_interface *i, so_packet *p, const so_ipv6_incoming *in,
                        uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  so_icmp6_header h;
  v6->stats.icmp_received++;
  const uint8_t *head = so_packet_head(i->pool, p, SO_ICMP6_HEADER_LEN);
  if (head == NULL || !so_ok(so_icmp6_parse(so_bytes_of(head, SO_ICMP6_HEADER_LEN), &h))) {
    so_interface_drop(i, p, &v6->stats.icmp_malformed);
  } else if (!is_sum_right(p)) {
    so_interface_drop(i, p, &v6->stats.icmp_checksum);
  } else {
    by_type(i, p, &h, in, now_ns);
  }
}
