#include "net/ipv6/ipv6.h"

#include "base/mem.h"
#include "base/reader.h"

#define VERSION 6u

so_status so_ipv6_parse(so_bytes packet, so_ipv6_header *out) {
  so_reader r = so_reader_of(packet);
  uint32_t first = 0;
  uint8_t src[16];
  uint8_t dst[16];
  so_ipv6_header h = {0};
  if (!so_read_u32be(&r, &first) || !so_read_u16be(&r, &h.payload_len) ||
      !so_read_u8(&r, &h.next_header) || !so_read_u8(&r, &h.hop_limit) ||
      !so_read_copy(&r, src, sizeof src) || !so_read_copy(&r, dst, sizeof dst) ||
      first >> 28 != VERSION) {
    return so_status_make(SO_MALFORMED, 0);
  }
  h.traffic_class = (uint8_t)(first >> 20);
  h.flow_label = first & 0xfffffu;
  h.src = so_ip6(src);
  h.dst = so_ip6(dst);
  *out = h;
  return so_done();
}

void so_ipv6_emit(const so_ipv6_header *h, so_writer *w) {
  so_write_u32be(w, VERSION << 28 | (uint32_t)h->traffic_class << 20 | (h->flow_label & 0xfffffu));
  so_write_u16be(w, h->payload_len);
  so_write_u8(w, h->next_header);
  so_write_u8(w, h->hop_limit);
  so_write_bytes(w, so_bytes_of(h->src.bytes, 16));
  so_write_bytes(w, so_bytes_of(h->dst.bytes, 16));
}
