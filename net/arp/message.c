#include "base/mem.h"
#include "base/reader.h"
#include "net/arp/internal.h"

enum { HARDWARE_ETHERNET = 1, PROTOCOL_IPV4 = 0x0800 };

const uint8_t so_arp_broadcast[SO_MAC_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

so_status so_arp_parse(so_bytes bytes, so_arp_message *out) {
  so_reader r = so_reader_of(so_bytes_first(bytes, SO_ARP_LEN));
  uint16_t hardware;
  uint16_t protocol;
  uint8_t hardware_len;
  uint8_t protocol_len;
  so_arp_message m;
  if (!so_read_u16be(&r, &hardware) || !so_read_u16be(&r, &protocol) ||
      !so_read_u8(&r, &hardware_len) || !so_read_u8(&r, &protocol_len) ||
      !so_read_u16be(&r, &m.operation) || !so_read_copy(&r, m.sender_mac, SO_MAC_LEN) ||
      !so_read_copy(&r, m.sender_ip, 4) || !so_read_copy(&r, m.target_mac, SO_MAC_LEN) ||
      !so_read_copy(&r, m.target_ip, 4) || !so_reader_done(&r)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  if (hardware != HARDWARE_ETHERNET || protocol != PROTOCOL_IPV4 || hardware_len != SO_MAC_LEN ||
      protocol_len != 4 || (m.operation != SO_ARP_REQUEST && m.operation != SO_ARP_REPLY)) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  *out = m;
  return so_done();
}

void so_arp_emit(const so_arp_message *m, so_writer *w) {
  so_write_u16be(w, HARDWARE_ETHERNET);
  so_write_u16be(w, PROTOCOL_IPV4);
  so_write_u8(w, SO_MAC_LEN);
  so_write_u8(w, 4);
  so_write_u16be(w, m->operation);
  so_write_bytes(w, so_bytes_of(m->sender_mac, SO_MAC_LEN));
  so_write_bytes(w, so_bytes_of(m->sender_ip, 4));
  so_write_bytes(w, so_bytes_of(m->target_mac, SO_MAC_LEN));
  so_write_bytes(w, so_bytes_of(m->target_ip, 4));
}
