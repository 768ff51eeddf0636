#ifndef SO_NET_INTERFACE_INTERNAL_H_
#define SO_NET_INTERFACE_INTERNAL_H_

// Inside an interface: what IPv4 and IPv6 share, and the table of operations through which IPv6 is
// plugged in, so that an image without IPv6 does not link it.

#include "crypto/rng/rng.h"
#include "kernel/ports/clock.h"
#include "net/arp/arp.h"
#include "net/ethernet/ethernet.h"
#include "net/icmp/icmp.h"
#include "net/interface/interface.h"
#include "net/ipv4/ipv4.h"
#include "net/pmtu/pmtu.h"
#include "net/reassembly/reassembly.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_INTERFACE_IDS 256u

typedef struct so_interface_address {
  so_ip ip;
  uint8_t prefix_len;
  bool usable;
} so_interface_address;

struct so_interface_core {
  so_rng rng;                 // IPv6 may draw from it.
  so_reassembly reassembly;   // Both families put their fragments in.
  so_pmtu pmtu;               // Both families.

  // IPv4.
  so_arp arp;
  so_icmp_limit icmp_errors;
  so_icmp_limit icmp_echoes;
  so_interface_address addresses[SO_INTERFACE_ADDRESSES_MAX];
  uint32_t address_count;
  so_ip gateway;              // Family 0: none.
  uint8_t id_key[16];
  uint16_t ids[SO_INTERFACE_IDS];  // Identifiers of fragmented packets, by hash of the destination.

  // Packets to ourselves.
  so_packet *loop_first;
  so_packet *loop_last;
  uint32_t loop_count;

  // The packet that `deliver` was given, until it returns: for so_interface_unreachable.
  const so_packet *delivering;
  so_ipv4_header delivering_header;
  bool delivering_group;
  uint64_t now_ns;  // Of the call in progress, for callbacks that do not carry it.
};

// What a family does, in terms of the public functions of interface.h. Only IPv6 has one; IPv4 is
// built in. All may use what is below. `i->ipv6` is theirs.
typedef struct so_interface_family {
  // LIMIT: the heap refuses; nothing is held. Called last in so_interface_init.
  so_status (*init)(so_interface *i);
  void (*release)(so_interface *i);
  // Takes a packet whose Ethernet header was pulled: type 0x86dd, sent to our MAC, or to a group.
  // Whether a group is ours is for the family to say.
  void (*input)(so_interface *i, so_packet *p, const so_ethernet_header *ethernet, uint64_t now_ns);
  // Takes `p`: as so_interface_send, dst.family 6.
  so_status (*send)(so_interface *i, so_packet *p, uint64_t now_ns);
  // Takes a packet to ourselves that so_interface_loop queued, IP header not present.
  void (*loop)(so_interface *i, so_packet *p, uint64_t now_ns);
  void (*unreachable)(so_interface *i, const so_packet *p, uint64_t now_ns);
  // A datagram timed out in reassembly (see so_reassembly_ops).
  void (*expired)(so_interface *i, const so_reassembly_fragment *first, so_bytes start,
                  uint64_t now_ns);
  so_status (*source)(so_interface *i, const so_ip *dst, so_ip *out);
  uint32_t (*path_mtu)(so_interface *i, const so_ip *dst, uint64_t now_ns);
  void (*confirm)(so_interface *i, const so_ip *dst, uint64_t now_ns);
  so_status (*add_address)(so_interface *i, const so_ip *address, uint8_t prefix_len,
                           uint64_t now_ns);
  so_status (*remove_address)(so_interface *i, const so_ip *address, uint64_t now_ns);
  so_address_state (*address_state)(const so_interface *i, const so_ip *address);
  so_status (*set_gateway)(so_interface *i, const so_ip *gateway, uint64_t now_ns);
  uint64_t (*deadline)(const so_interface *i);
  void (*tick)(so_interface *i, uint64_t now_ns);
} so_interface_family;

// --- for both families -----------------------------------------------------------------------

// so_interface_drop frees a packet and counts it in `counter`, a member of i->stats.
void so_interface_drop(so_interface *i, so_packet *p, uint64_t *counter);

// so_interface_transmit takes a packet that starts with its IP (or ARP) header, puts the Ethernet
// header in front and hands it to the device. The offsets in p->offload count from that first byte.
void so_interface_transmit(so_interface *i, so_packet *p, const uint8_t dst[SO_MAC_LEN],
                           uint16_t type);

// so_interface_prepend puts `n` bytes in front and moves the offsets of p->offload by as much.
// NULL: no buffers; `p` stays the caller's.
uint8_t *so_interface_prepend(so_interface *i, so_packet *p, size_t n);

// so_interface_deliver hands a TCP or UDP packet to `upper`.
void so_interface_deliver(so_interface *i, so_packet *p, uint64_t now_ns);

// so_interface_report hands an error to `upper`, and lowers the path MTU when it is believed.
// For TOO_BIG, e->mtu is what the router said, `sent_len` the length of the quoted packet.
void so_interface_report(so_interface *i, so_ip_error *e, uint32_t sent_len, uint64_t now_ns);

// so_interface_loop takes a packet (transport header first, src and dst set) to one of our
// addresses. LIMIT: too many wait.
so_status so_interface_loop(so_interface *i, so_packet *p);

// What so_interface_offload calls for each packet that is to get an IP header. Takes `p`.
typedef void (*so_interface_emit)(so_interface *i, so_packet *p, const void *route);

// so_interface_offload takes a packet with src, dst and protocol set that starts with its transport
// header; cuts it into segments and sums it, as far as the device does not; and gives the result to
// `emit`. ip_len: bytes of headers that will stand between Ethernet and transport. `mtu`: what a
// packet may have. `sum_here`: the device must not be left to sum, because the packet will be
// fragmented. LIMIT: no buffers (segments before may have gone), or a segment does not fit mtu.
// CONFLICT: offload describes what is not there.
so_status so_interface_offload(so_interface *i, so_packet *p, size_t ip_len, uint32_t mtu,
                               bool sum_here, so_interface_emit emit, const void *route);

// --- IPv4 ------------------------------------------------------------------------------------

so_status so_interface_ipv4_init(so_interface *i);
void so_interface_ipv4_release(so_interface *i);
void so_interface_ipv4_input(so_interface *i, so_packet *p, const so_ethernet_header *ethernet,
                             uint64_t now_ns);
void so_interface_arp_input(so_interface *i, so_packet *p, const so_ethernet_header *ethernet,
                            uint64_t now_ns);
so_status so_interface_ipv4_send(so_interface *i, so_packet *p, uint64_t now_ns);
// so_interface_ipv4_dispatch takes a packet whose header was pulled; `h` says what it said.
void so_interface_ipv4_dispatch(so_interface *i, so_packet *p, const so_ipv4_header *h,
                                bool link_group, uint64_t now_ns);
void so_interface_icmp_input(so_interface *i, so_packet *p, const so_ipv4_header *h, bool group,
                             uint64_t now_ns);
// so_interface_icmp_error sends an error about a packet, when rules and rate allow.
void so_interface_icmp_error(so_interface *i, uint8_t type, uint8_t code, const so_ipv4_header *h,
                             const so_packet *payload, bool link_group, uint64_t now_ns);
so_status so_interface_ipv4_source(const so_interface *i, const so_ip *dst, so_ip *out);
bool so_interface_ipv4_is_own(const so_interface *i, const so_ip *ip);
// so_interface_ipv4_is_broadcast is true for 255.255.255.255 and the broadcast address of our
// prefixes.
bool so_interface_ipv4_is_broadcast(const so_interface *i, const so_ip *ip);
// so_interface_ipv4_next_hop is the neighbour that packets to `dst` go to. False: no route.
bool so_interface_ipv4_next_hop(const so_interface *i, const so_ip *dst, so_ip *out);
// so_interface_ipv4_forget takes an address out of the list.
void so_interface_ipv4_forget(so_interface *i, const so_ip *ip);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_INTERFACE_INTERNAL_H_
