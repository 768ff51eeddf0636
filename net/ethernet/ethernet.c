#include "net/ethernet/ethernet.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"

so_status so_ethernet_parse(so_bytes frame, so_ethernet_header *out) {
  so_reader r = so_reader_of(frame);
  so_ethernet_header h;
  if (!so_read_copy(&r, h.dst, sizeof h.dst) || !so_read_copy(&r, h.src, sizeof h.src) ||
      !so_read_u16be(&r, &h.type)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  *out = h;
  return so_done();
}

void so_ethernet_emit(const so_ethernet_header *h, so_writer *w) {
  so_write_bytes(w, so_bytes_of(h->dst, sizeof h->dst));
  so_write_bytes(w, so_bytes_of(h->src, sizeof h->src));
  so_write_u16be(w, h->type);
}

bool so_mac_equal(const uint8_t a[SO_MAC_LEN], const uint8_t b[SO_MAC_LEN]) {
  return memcmp(a, b, SO_MAC_LEN) == 0;
}

bool so_mac_is_group(const uint8_t mac[SO_MAC_LEN]) { return (mac[0] & 1) != 0; }

static bool all_bytes(const uint8_t mac[SO_MAC_LEN], uint8_t value) {
  for (size_t k = 0; k < SO_MAC_LEN; k++) {
    if (mac[k] != value) {
      return false;
    }
  }
  return true;
}

bool so_mac_is_broadcast(const uint8_t mac[SO_MAC_LEN]) { return all_bytes(mac, 0xff); }

bool so_mac_is_zero(const uint8_t mac[SO_MAC_LEN]) { return all_bytes(mac, 0); }

void so_mac_of_group(const so_ip *group, uint8_t out[SO_MAC_LEN]) {
  if (so_ip_is_broadcast(group)) {
    memset(out, 0xff, SO_MAC_LEN);
    return;
  }
  SO_ASSERT(so_ip_is_multicast(group));
  if (group->family == 4) {
    out[0] = 0x01;
    out[1] = 0x00;
    out[2] = 0x5e;
    out[3] = group->bytes[1] & 0x7f;
    out[4] = group->bytes[2];
    out[5] = group->bytes[3];
    return;
  }
  out[0] = 0x33;
  out[1] = 0x33;
  memcpy(out + 2, group->bytes + 12, 4);
}
