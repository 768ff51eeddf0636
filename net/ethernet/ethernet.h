#ifndef SO_NET_ETHERNET_ETHERNET_H_
#define SO_NET_ETHERNET_ETHERNET_H_

// Ethernet II frames: addresses and type (RFC 894). No VLAN tags, no 802.3 lengths: their types
// are ones nobody here speaks, and such frames are dropped by whoever looks at the type.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ETHERNET_HEADER_LEN 14u
#define SO_ETHERTYPE_IPV4 0x0800u
#define SO_ETHERTYPE_ARP 0x0806u
#define SO_ETHERTYPE_IPV6 0x86ddu

typedef struct so_ethernet_header {
  uint8_t dst[SO_MAC_LEN];
  uint8_t src[SO_MAC_LEN];
  uint16_t type;
} so_ethernet_header;

// so_ethernet_parse reads the header in front of a frame, which goes on. MALFORMED: too short.
SO_MUST_USE so_status so_ethernet_parse(so_bytes frame, so_ethernet_header *out);

// so_ethernet_emit appends the 14 bytes.
void so_ethernet_emit(const so_ethernet_header *h, so_writer *w);

bool so_mac_equal(const uint8_t a[SO_MAC_LEN], const uint8_t b[SO_MAC_LEN]);
bool so_mac_is_group(const uint8_t mac[SO_MAC_LEN]);  // Broadcast or multicast.
bool so_mac_is_broadcast(const uint8_t mac[SO_MAC_LEN]);
bool so_mac_is_zero(const uint8_t mac[SO_MAC_LEN]);

// so_mac_of_group writes the Ethernet address of an IPv4 (RFC 1112 6.4) or IPv6 (RFC 2464 7)
// multicast address, or the broadcast address for 255.255.255.255.
void so_mac_of_group(const so_ip *group, uint8_t out[SO_MAC_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_ETHERNET_ETHERNET_H_
