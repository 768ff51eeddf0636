#include "base/reader.h"
#include "base/writer.h"
#include "net/mld/internal.h"

#define QUERY_V1_LEN 24u
#define QUERY_V2_LEN_MIN 28u
#define QUERY 130u

// RFC 3810 5.1.3: a floating point number above 32767.
static uint64_t response_ms(uint16_t code) {
  if (code < 0x8000u) {
    return code;
  }
  const uint32_t mantissa = (code & 0x0fffu) | 0x1000u;
  const uint32_t exponent = code >> 12 & 7u;
  return (uint64_t)mantissa << (exponent + 3u);
}

// The sources that a version 2 query names. All groups here are joined for every source, so the
// answer to a query for some is that of one for the group.
static bool sources(so_reader *r) {
  uint8_t flags = 0;
  uint8_t interval = 0;
  uint16_t count = 0;
  return so_read_u8(r, &flags) && so_read_u8(r, &interval) && so_read_u16be(r, &count) &&
         so_skip(r, (size_t)count * 16u);
}

so_status so_mld_query_parse(so_bytes icmp, so_mld_query *out) {
  so_reader r = so_reader_of(icmp);
  uint8_t type = 0;
  uint16_t code = 0;
  uint8_t group[16];
  so_mld_query q = {0};
  if (!so_read_u8(&r, &type) || type != QUERY || !so_skip(&r, 3) || !so_read_u16be(&r, &code) ||
      !so_skip(&r, 2) || !so_read_copy(&r, group, sizeof group)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  q.group = so_ip6(group);
  q.v1 = icmp.len == QUERY_V1_LEN;
  q.max_ms = q.v1 ? code : response_ms(code);
  if (!q.v1 && (icmp.len < QUERY_V2_LEN_MIN || !sources(&r))) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (!so_ip_is_any(&q.group) && !so_ip_is_multicast(&q.group)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  // RFC 3810 5.1.12: what follows the sources is ignored.
  *out = q;
  return so_done();
}

void so_mld_record_write(so_writer *w, so_mld_record kind, const so_ip *group) {
  so_write_u8(w, (uint8_t)kind);
  so_write_u8(w, 0);
  so_write_u16be(w, 0);
  so_write_bytes(w, so_bytes_of(group->bytes, 16));
}
