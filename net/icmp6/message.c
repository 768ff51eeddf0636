#include "net/icmp6/icmp6.h"

#include "base/assert.h"
#include "base/reader.h"

#define TRANSPORT_LEN_MIN 8u

so_status so_icmp6_parse(so_bytes message, so_icmp6_header *out) {
  so_reader r = so_reader_of(message);
  so_icmp6_header h = {0};
  if (!so_read_u8(&r, &h.type) || !so_read_u8(&r, &h.code) || !so_read_u16be(&r, &h.checksum) ||
      !so_read_u32be(&r, &h.value)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  *out = h;
  return so_done();
}

void so_icmp6_emit(const so_icmp6_header *h, so_writer *w) {
  so_write_u8(w, h->type);
  so_write_u8(w, h->code);
  so_write_u16be(w, h->checksum);
  so_write_u32be(w, h->value);
}

// The quote is cut off where it did not fit, so the lengths in its headers mean what was sent.
static so_status read_quote(so_bytes quote, so_icmp6_error *e) {
  so_ipv6_header h;
  SO_TRY(so_ipv6_parse(quote, &h));
  const size_t sent_len = SO_IPV6_HEADER_LEN + (size_t)h.payload_len;
  const so_bytes head = so_bytes_first(quote, sent_len);
  so_ipv6_chain chain = so_ipv6_walk(head, head.len, false);
  if (chain.verdict == SO_IPV6_REASSEMBLE && chain.fragment.offset == 0) {
    // What we sent in fragments: the transport header is in the first, without further headers.
    chain.verdict = SO_IPV6_ACCEPT;
  } else if (chain.verdict == SO_IPV6_REASSEMBLE) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (chain.verdict != SO_IPV6_ACCEPT || head.len - chain.off < TRANSPORT_LEN_MIN) {
    return so_status_make(SO_MALFORMED, 0);
  }
  e->src = h.src;
  e->dst = h.dst;
  e->protocol = chain.protocol;
  e->transport = so_bytes_from(head, chain.off);
  return so_done();
}

so_status so_icmp6_error_parse(so_bytes message, so_icmp6_error *out) {
  so_icmp6_header h;
  so_icmp6_error e = {0};
  SO_TRY(so_icmp6_parse(message, &h));
  if (!so_icmp6_is_error(h.type)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (h.type < SO_ICMP6_UNREACHABLE || h.type > SO_ICMP6_PARAMETER_PROBLEM) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  e.type = h.type;
  e.code = h.code;
  e.value = h.value;
  SO_TRY(read_quote(so_bytes_from(message, SO_ICMP6_HEADER_LEN), &e));
  *out = e;
  return so_done();
}

// RFC 4443 2.4 (e.1, e.2). A packet whose headers cannot be followed is answered: it is the
// headers that the answer is about. A later fragment may be one of an error; nothing answers it
// but the first.
static bool is_error_itself(so_bytes head, size_t packet_len) {
  const so_ipv6_chain chain = so_ipv6_walk(head, packet_len, false);
  const bool found = chain.verdict == SO_IPV6_ACCEPT ||
                     (chain.verdict == SO_IPV6_REASSEMBLE && chain.fragment.offset == 0);
  if (!found || chain.protocol != SO_IPV6_ICMP || head.len <= chain.off) {
    return false;
  }
  const uint8_t type = head.ptr[chain.off];
  return so_icmp6_is_error(type) || type == SO_ICMP6_REDIRECT;
}

bool so_icmp6_may_answer(so_bytes head, size_t packet_len, bool link_multicast,
                         bool even_multicast) {
  so_ipv6_header h;
  if (!so_ok(so_ipv6_parse(head, &h))) {
    return false;
  }
  if ((link_multicast || so_ip_is_multicast(&h.dst)) && !even_multicast) {
    return false;
  }
  if (so_ip_is_any(&h.src) || so_ip_is_multicast(&h.src) || so_ip_is_loopback(&h.src)) {
    return false;
  }
  return !is_error_itself(head, packet_len);
}

so_packet *so_icmp6_error_make(so_packet_pool *pool, const so_packet *offender, uint8_t type,
                               uint8_t code, uint32_t value) {
  const so_icmp6_header h = {.type = type, .code = code, .value = value};
  const size_t len =
      offender->len < SO_ICMP6_QUOTE_LEN_MAX ? offender->len : SO_ICMP6_QUOTE_LEN_MAX;
  so_packet *p = so_packet_alloc(pool, SO_PACKET_HEADROOM, SO_ICMP6_HEADER_LEN);
  if (p == NULL) {
    return NULL;
  }
  uint8_t bytes[SO_ICMP6_HEADER_LEN];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_icmp6_emit(&h, &w);
  SO_ASSERT(!w.failed);
  if (!so_ok(so_packet_append(pool, p, so_writer_bytes(&w))) ||
      !so_ok(so_packet_share(pool, p, offender, 0, len))) {
    so_packet_free(pool, p);
    return NULL;
  }
  p->src = offender->dst;
  p->dst = offender->src;
  p->protocol = SO_IPV6_ICMP;
  return p;
}
