#ifndef SO_NET_INTERFACE_IPV6_H_
#define SO_NET_INTERFACE_IPV6_H_

// The IPv6 half of an interface. Only for the sources of this module: programs use interface.h.
//
// so_interface holds one so_interface_ipv6 and calls these functions where it does the same for IPv4.
// Neighbour discovery, multicast listening and ICMPv6 are behind them.

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"
#include "net/icmp6/icmp6.h"
#include "net/ipv6/ipv6.h"
#include "net/mld/mld.h"
#include "net/ndp/ndp.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

struct so_interface;

#define SO_INTERFACE_DNS_MAX 4u

typedef struct so_interface_ipv6_stats {
  uint64_t received;
  uint64_t delivered;
  uint64_t sent;
  uint64_t malformed;        // Header, or lengths that disagree.
  uint64_t not_for_us;
  uint64_t bad_source;       // Multicast, loopback, or ours.
  uint64_t faults[SO_IPV6_FAULT_COUNT];
  uint64_t unknown_protocol;
  uint64_t fragments_received;
  uint64_t reassembled;
  uint64_t fragments_sent;
  uint64_t fragmented;       // Packets cut into fragments.
  uint64_t no_memory;
  uint64_t no_route;
  uint64_t no_source;
  uint64_t too_long;
  uint64_t icmp_received;
  uint64_t icmp_bad_checksum;
  uint64_t icmp_malformed;
  uint64_t icmp_errors_received;
  uint64_t icmp_errors_refused;  // About nothing that we sent.
  uint64_t icmp_errors_sent;
  uint64_t icmp_limited;
  uint64_t echo_requests;
  uint64_t echo_replies_received;
} so_interface_ipv6_stats;

// A recursive name server that a router announced (RFC 8106).
typedef struct so_interface_dns {
  so_ip server;  // Family 0: free.
  uint64_t until_ns;
} so_interface_dns;

typedef struct so_interface_ipv6 {
  bool started;
  uint8_t key[16];          // Of fragment identifications and flow labels.
  uint32_t fragment_id[64];  // A counter for each hashed pair of addresses (RFC 7739 5.3).
  so_ndp ndp;
  so_mld mld;
  so_icmp6_limit errors;    // How many errors we send.
  so_icmp6_limit echoes;
  so_interface_dns dns[SO_INTERFACE_DNS_MAX];
  so_interface_ipv6_stats stats;
} so_interface_ipv6;

// so_interface_ipv6_init sets `i->v6` up from `i`'s MAC, MTU and seed (32 bytes).
void so_interface_ipv6_init(struct so_interface *i, const uint8_t seed[32]);

// so_interface_ipv6_start makes the link-local address and starts to prove it.
void so_interface_ipv6_start(struct so_interface *i, uint64_t now_ns);

// so_interface_ipv6_release drops what waits.
void so_interface_ipv6_release(struct so_interface *i);

// so_interface_ipv6_input takes `p`, which starts with an IPv6 header. `group`: the Ethernet
// destination was multicast or broadcast.
void so_interface_ipv6_input(struct so_interface *i, so_packet *p, bool group, uint64_t now_ns);

// so_interface_ipv6_wants says whether frames to this multicast MAC (33:33:...) concern us.
bool so_interface_ipv6_wants(const struct so_interface *i, const uint8_t mac[SO_MAC_LEN]);

// so_interface_ipv6_send is so_interface_send for IPv6 destinations. Takes `p` always. Checksums and
// segments that the device cannot make are already made when the packet is no larger than the path's
// MTU; a longer packet is cut into fragments, or refused when `dont_fragment` (LIMIT).
so_status so_interface_ipv6_send(struct so_interface *i, so_packet *p, uint64_t now_ns);

so_status so_interface_ipv6_source(const struct so_interface *i, const so_ip *dst, so_ip *out);
uint32_t so_interface_ipv6_path_mtu(struct so_interface *i, const so_ip *dst, uint64_t now_ns);
so_status so_interface_ipv6_add_address(struct so_interface *i, const so_ip *address,
                                        uint8_t prefix_len, uint64_t now_ns);
so_status so_interface_ipv6_remove_address(struct so_interface *i, const so_ip *address,
                                           uint64_t now_ns);
so_status so_interface_ipv6_set_gateway(struct so_interface *i, const so_ip *gateway);
so_status so_interface_ipv6_join(struct so_interface *i, const so_ip *group, uint64_t now_ns);
void so_interface_ipv6_leave(struct so_interface *i, const so_ip *group, uint64_t now_ns);

// so_interface_ipv6_confirm notes that `dst` answered an upper layer (RFC 4861 7.3.1).
void so_interface_ipv6_confirm(struct so_interface *i, const so_ip *dst, uint64_t now_ns);

// so_interface_ipv6_port_unreachable answers `p`, a datagram that was handed up (its IP header pulled,
// payload from the transport header on), for which no port is open. Takes it.
void so_interface_ipv6_port_unreachable(struct so_interface *i, so_packet *p, uint64_t now_ns);

void so_interface_ipv6_tick(struct so_interface *i, uint64_t now_ns);
uint64_t so_interface_ipv6_deadline(const struct so_interface *i);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_INTERFACE_IPV6_H_
