#include "net/icmp/icmp.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "net/checksum/checksum.h"

enum { PROTOCOL_ICMP = 1 };

so_status so_icmp_parse(so_bytes message, so_icmp_header *out) {
  so_reader r = so_reader_of(message);
  so_icmp_header h;
  if (!so_read_u8(&r, &h.type) || !so_read_u8(&r, &h.code) || !so_read_u16be(&r, &h.checksum) ||
      !so_read_u32be(&r, &h.rest)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  *out = h;
  return so_done();
}

void so_icmp_emit(const so_icmp_header *h, uint8_t out[SO_ICMP_HEADER_LEN]) {
  so_writer w = so_writer_of(out, SO_ICMP_HEADER_LEN);
  so_write_u8(&w, h->type);
  so_write_u8(&w, h->code);
  so_write_u16be(&w, h->checksum);
  so_write_u32be(&w, h->rest);
}

bool so_icmp_is_error(uint8_t type) {
  return type == SO_ICMP_UNREACHABLE || type == SO_ICMP_SOURCE_QUENCH ||
         type == SO_ICMP_REDIRECT || type == SO_ICMP_TIME_EXCEEDED ||
         type == SO_ICMP_PARAMETER_PROBLEM;
}

// RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1.
static so_ip_error_kind unreachable_kind(uint8_t code) {
  switch (code) {
    case SO_ICMP_CODE_PROTOCOL:
      return SO_IP_ERROR_PROTOCOL;
    case SO_ICMP_CODE_PORT:
      return SO_IP_ERROR_PORT;
    case SO_ICMP_CODE_TOO_BIG:
      return SO_IP_ERROR_TOO_BIG;
    case 9:
    case 10:
    case 13:
      return SO_IP_ERROR_PROHIBITED;
    default:
      return SO_IP_ERROR_UNREACHABLE;
  }
}

static bool kind_of(const so_icmp_header *h, so_ip_error_kind *out) {
  switch (h->type) {
    case SO_ICMP_UNREACHABLE:
      *out = unreachable_kind(h->code);
      return true;
    case SO_ICMP_TIME_EXCEEDED:
      *out = SO_IP_ERROR_TIME;
      return true;
    case SO_ICMP_PARAMETER_PROBLEM:
      *out = SO_IP_ERROR_PARAMETER;
      return true;
    default:
      return false;
  }
}

so_status so_icmp_read_error(so_bytes message, so_ip_error *out, uint16_t *sent_len) {
  so_icmp_header h;
  so_ipv4_header quoted;
  so_ip_error e;
  memset(&e, 0, sizeof e);
  SO_TRY(so_icmp_parse(message, &h));
  if (!kind_of(&h, &e.kind)) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  const so_bytes quote = so_bytes_from(message, SO_ICMP_HEADER_LEN);
  SO_TRY(so_ipv4_parse_quote(quote, &quoted));
  if (quoted.fragment_off != 0) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  e.transport = so_bytes_first(so_bytes_from(quote, quoted.header_len),
                               (size_t)quoted.total_len - quoted.header_len);
  if (e.transport.len < SO_IP_ERROR_QUOTE_LEN_MIN) {
    return so_status_make(SO_MALFORMED, 0);
  }
  e.icmp_type = h.type;
  e.icmp_code = h.code;
  e.protocol = quoted.protocol;
  e.mtu = e.kind == SO_IP_ERROR_TOO_BIG ? h.rest & 0xffff : 0;
  e.src = quoted.src;
  e.dst = quoted.dst;
  *out = e;
  *sent_len = quoted.total_len;
  return so_done();
}

bool so_icmp_may_answer(const so_ipv4_header *h, so_bytes start, bool link_group) {
  if (link_group || h->fragment_off != 0 || so_ip_is_multicast(&h->dst) ||
      so_ip_is_broadcast(&h->dst)) {
    return false;
  }
  if (so_ip_is_any(&h->src) || so_ip_is_multicast(&h->src) || so_ip_is_broadcast(&h->src) ||
      so_ip_is_loopback(&h->src) || h->src.bytes[0] == 0 || h->src.bytes[0] >= 240) {
    return false;
  }
  if (h->protocol == PROTOCOL_ICMP) {
    return start.len != 0 && !so_icmp_is_error(start.ptr[0]);
  }
  return true;
}

so_packet *so_icmp_make_error(so_packet_pool *pool, uint8_t type, uint8_t code, uint32_t rest,
                              const so_ipv4_header *h, const so_packet *payload) {
  uint8_t buf[SO_ICMP_HEADER_LEN + SO_ICMP_QUOTE_LEN_MAX];
  const size_t room = SO_ICMP_QUOTE_LEN_MAX - SO_IPV4_HEADER_LEN;
  const size_t quoted = payload->len < room ? payload->len : room;
  const size_t len = SO_ICMP_HEADER_LEN + SO_IPV4_HEADER_LEN + quoted;
  so_icmp_header header = {type, code, 0, rest};
  so_icmp_emit(&header, buf);
  so_ipv4_emit(h, buf + SO_ICMP_HEADER_LEN);
  so_packet_copy(payload, 0, buf + SO_ICMP_HEADER_LEN + SO_IPV4_HEADER_LEN, quoted);
  header.checksum = so_checksum_of(so_bytes_of(buf, len));
  so_icmp_emit(&header, buf);

  so_packet *p = so_packet_alloc(pool, SO_PACKET_HEADROOM, len);
  if (p == NULL) {
    return NULL;
  }
  if (!so_ok(so_packet_append(pool, p, so_bytes_of(buf, len)))) {
    so_packet_free(pool, p);
    return NULL;
  }
  p->src = h->dst;
  p->dst = h->src;
  p->protocol = PROTOCOL_ICMP;
  return p;
}
