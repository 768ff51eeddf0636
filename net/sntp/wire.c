#include "base/reader.h"
#include "net/sntp/sntp.h"

#define UNIX_TO_NTP_S INT64_C(2208988800)  // From 1900 to 1970.
#define NS_PER_S INT64_C(1000000000)

so_status so_sntp_parse(so_bytes message, so_sntp_packet *out) {
  so_sntp_packet p = {0};
  so_reader r = so_reader_of(message);
  uint8_t first, poll, precision;
  const bool whole = message.len <= SO_SNTP_MESSAGE_LEN_MAX && message.len % 4 == 0 &&
                     so_read_u8(&r, &first) && so_read_u8(&r, &p.stratum) &&
                     so_read_u8(&r, &poll) && so_read_u8(&r, &precision) &&
                     so_read_u32be(&r, &p.root_delay) && so_read_u32be(&r, &p.root_dispersion) &&
                     so_read_u32be(&r, &p.reference_id) && so_read_u64be(&r, &p.reference) &&
                     so_read_u64be(&r, &p.origin) && so_read_u64be(&r, &p.receive) &&
                     so_read_u64be(&r, &p.transmit) && so_skip(&r, r.len) && so_reader_done(&r);
  if (!whole) {
    return so_status_make(SO_MALFORMED, 0);
  }
  p.leap = first >> 6;
  p.version = (first >> 3) & 7;
  p.mode = first & 7;
  p.poll = (int8_t)poll;
  p.precision = (int8_t)precision;
  *out = p;
  return so_done();
}

void so_sntp_emit(const so_sntp_packet *p, so_writer *w) {
  so_write_u8(w, (uint8_t)(p->leap << 6 | (p->version & 7) << 3 | (p->mode & 7)));
  so_write_u8(w, p->stratum);
  so_write_u8(w, (uint8_t)p->poll);
  so_write_u8(w, (uint8_t)p->precision);
  so_write_u32be(w, p->root_delay);
  so_write_u32be(w, p->root_dispersion);
  so_write_u32be(w, p->reference_id);
  so_write_u64be(w, p->reference);
  so_write_u64be(w, p->origin);
  so_write_u64be(w, p->receive);
  so_write_u64be(w, p->transmit);
}

int64_t so_sntp_to_unix_ns(uint64_t timestamp, int64_t not_before_unix_s) {
  // The distance from the floor, modulo 2^32 seconds, is the same in every era.
  const uint32_t floor = (uint32_t)(uint64_t)(not_before_unix_s + UNIX_TO_NTP_S);
  const uint32_t after = (uint32_t)(timestamp >> 32) - floor;
  const uint64_t fraction = timestamp & UINT32_MAX;
  const uint64_t ns = (fraction * (uint64_t)NS_PER_S + (UINT64_C(1) << 31)) >> 32;
  return (not_before_unix_s + (int64_t)after) * NS_PER_S + (int64_t)ns;
}

uint64_t so_sntp_from_unix_ns(int64_t unix_ns) {
  int64_t s = unix_ns / NS_PER_S;
  int64_t ns = unix_ns % NS_PER_S;
  if (ns < 0) {
    ns += NS_PER_S;
    s--;
  }
  const uint64_t fraction = ((uint64_t)ns << 32) / (uint64_t)NS_PER_S;
  return (uint64_t)(s + UNIX_TO_NTP_S) << 32 | fraction;
}
