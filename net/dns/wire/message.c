// Messages read entry by entry.

#include "base/reader.h"
#include "net/dns/wire/wire.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

static uint16_t load16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

so_status so_dns_header_read(so_bytes message, so_dns_header *out) {
  if (message.len < SO_DNS_HEADER_LEN) {
    return malformed();
  }
  const uint8_t *const p = message.ptr;
  const uint16_t flags = load16(p + 2);
  so_dns_header h = {.id = load16(p)};
  for (size_t i = 0; i < 4; i++) {
    h.counts[i] = load16(p + 4 + 2 * i);
  }
  h.qr = (flags & 0x8000u) != 0;
  h.opcode = (uint8_t)(flags >> 11 & 0xfu);
  h.aa = (flags & 0x0400u) != 0;
  h.tc = (flags & 0x0200u) != 0;
  h.rd = (flags & 0x0100u) != 0;
  h.ra = (flags & 0x0080u) != 0;
  h.ad = (flags & 0x0020u) != 0;
  h.cd = (flags & 0x0010u) != 0;
  h.rcode = (uint8_t)(flags & 0xfu);
  *out = h;
  return so_done();
}

so_status so_dns_question_read(so_bytes message, size_t *offset, so_dns_question *out) {
  size_t at = *offset;
  SO_TRY(so_dns_name_read(message, &at, &out->name));
  so_reader r = so_reader_of(so_bytes_first(so_bytes_from(message, at), 4));
  if (!so_read_u16be(&r, &out->type) || !so_read_u16be(&r, &out->qclass)) {
    return malformed();
  }
  *offset = at + 4;
  return so_done();
}

so_status so_dns_rr_read(so_bytes message, size_t *offset, so_dns_rr *out) {
  size_t at = *offset;
  SO_TRY(so_dns_name_read(message, &at, &out->name));
  so_reader r = so_reader_of(so_bytes_from(message, at));
  uint16_t len;
  if (!so_read_u16be(&r, &out->type) || !so_read_u16be(&r, &out->rclass) ||
      !so_read_u32be(&r, &out->ttl) || !so_read_u16be(&r, &len) ||
      !so_read_bytes(&r, len, &out->rdata)) {
    return malformed();
  }
  out->rdata_off = at + 10;
  *offset = at + 10 + len;
  return so_done();
}

so_status so_dns_message_check(so_bytes message) {
  so_dns_header h;
  SO_TRY(so_dns_header_read(message, &h));
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  for (size_t i = 0; i < h.counts[0]; i++) {
    SO_TRY(so_dns_question_read(message, &at, &q));
  }
  const size_t records = (size_t)h.counts[1] + h.counts[2] + h.counts[3];
  so_dns_rr rr;
  for (size_t i = 0; i < records; i++) {
    SO_TRY(so_dns_rr_read(message, &at, &rr));
    // An update's records may be empty (RFC 2136 2.5), and OPT has its own reader.
    if (rr.rdata.len != 0 || h.opcode != SO_DNS_UPDATE) {
      uint8_t none[1];
      so_writer w = so_writer_of(none, 0);
      SO_TRY(so_dns_rdata_read(message, &rr, &w));
    }
  }
  return at == message.len ? so_done() : malformed();
}
