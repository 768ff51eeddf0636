#include "base/reader.h"
#include "base/writer.h"
#include "net/udp/udp.h"

so_status so_udp_parse(so_bytes datagram, size_t packet_len, so_udp_header *out) {
  so_reader r = so_reader_of(datagram);
  so_udp_header h;
  if (!so_read_u16be(&r, &h.src_port) || !so_read_u16be(&r, &h.dst_port) ||
      !so_read_u16be(&r, &h.len) || !so_read_u16be(&r, &h.checksum) ||
      h.len < SO_UDP_HEADER_LEN || h.len > packet_len) {
    return so_status_make(SO_MALFORMED, 0);
  }
  *out = h;
  return so_done();
}

void so_udp_emit(const so_udp_header *h, uint8_t out[SO_UDP_HEADER_LEN]) {
  so_writer w = so_writer_of(out, SO_UDP_HEADER_LEN);
  so_write_u16be(&w, h->src_port);
  so_write_u16be(&w, h->dst_port);
  so_write_u16be(&w, h->len);
  so_write_u16be(&w, h->checksum);
}
