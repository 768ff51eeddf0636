// Where the headers of a frame are, and the Internet checksum: for what the back end leaves to us.

#include "kernel/xen/netfront/internal.h"

#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u
#define VLAN_LEN 4u
#define IPV4_LEN 20u
#define IPV6_LEN 40u
#define PROTOCOL_TCP 6u
#define PROTOCOL_UDP 17u
#define FRAGMENT_MASK 0x3fffu  // More fragments, or an offset.

static void find_ipv4(so_bytes frame, so_netfront_headers *h) {
  if (frame.len - h->network < IPV4_LEN) {
    return;
  }
  const uint8_t *const ip = frame.ptr + h->network;
  const size_t len = (size_t)(ip[0] & 15) * 4;
  if (ip[0] >> 4 != 4 || len < IPV4_LEN || len > frame.len - h->network) {
    return;
  }
  h->family = 4;
  h->transport = (uint16_t)(h->network + len);
  if ((so_netfront_load16(ip + 6) & FRAGMENT_MASK) == 0) {
    h->protocol = ip[9];
  }
}

// Extension headers are not walked: such packets keep checksums of their own.
static void find_ipv6(so_bytes frame, so_netfront_headers *h) {
  if (frame.len - h->network < IPV6_LEN || frame.ptr[h->network] >> 4 != 6) {
    return;
  }
  h->family = 6;
  h->transport = (uint16_t)(h->network + IPV6_LEN);
  h->protocol = frame.ptr[h->network + 6];
}

so_netfront_headers so_netfront_find_headers(so_bytes frame) {
  so_netfront_headers h = {.network = ETHERNET_LEN};
  if (frame.len < ETHERNET_LEN + VLAN_LEN) {
    return h;
  }
  uint16_t type = so_netfront_load16(frame.ptr + 12);
  if (type == TYPE_VLAN) {
    type = so_netfront_load16(frame.ptr + 12 + VLAN_LEN);
    h.network += VLAN_LEN;
  }
  if (type == TYPE_IPV4) {
    find_ipv4(frame, &h);
  } else if (type == TYPE_IPV6) {
    find_ipv6(frame, &h);
  }
  return h;
}

uint16_t so_netfront_csum_offset(uint8_t protocol) {
  return protocol == PROTOCOL_TCP ? 16 : protocol == PROTOCOL_UDP ? 6 : 0;
}

uint64_t so_netfront_sum(uint64_t sum, so_bytes bytes, size_t at) {
  size_t i = 0;
  if (at % 2 != 0 && bytes.len != 0) {
    sum += bytes.ptr[i++];
  }
  for (; i + 2 <= bytes.len; i += 2) {
    sum += so_netfront_load16(bytes.ptr + i);
  }
  if (i < bytes.len) {
    sum += (uint64_t)bytes.ptr[i] << 8;
  }
  return sum;
}

uint16_t so_netfront_fold(uint64_t sum) {
  while (sum >> 16 != 0) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return (uint16_t)sum;
}
