#include "base/mem.h"
#include "kernel/xen/device/device.h"

// Ethernet, then RARP: hardware Ethernet, protocol IPv4, lengths 6 and 4, operation 3 (request
// reverse).
static const uint8_t kKind[2] = {0x80, 0x35};
static const uint8_t kHead[8] = {0, 1, 8, 0, SO_MAC_LEN, 4, 0, 3};

void so_device_announce(const uint8_t mac[SO_MAC_LEN], uint8_t out[SO_DEVICE_ANNOUNCE_LEN]) {
  memset(out, 0, SO_DEVICE_ANNOUNCE_LEN);
  memset(out, 0xff, SO_MAC_LEN);
  memcpy(out + 6, mac, SO_MAC_LEN);
  memcpy(out + 12, kKind, sizeof kKind);
  memcpy(out + 14, kHead, sizeof kHead);
  memcpy(out + 22, mac, SO_MAC_LEN);  // Sender.
  memcpy(out + 32, mac, SO_MAC_LEN);  // Target: the same, whose address is asked for.
}
