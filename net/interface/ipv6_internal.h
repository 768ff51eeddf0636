#ifndef SO_NET_INTERFACE_IPV6_INTERNAL_H_
#define SO_NET_INTERFACE_IPV6_INTERNAL_H_

// What the IPv6 sources of this module share.

#include "net/icmp6/icmp6.h"
#include "net/interface/internal.h"
#include "net/interface/ipv6.h"
#include "net/mld/mld.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IPV6_IDS 64u

typedef struct so_ipv6_dns {
  so_ip server;  // Family 0: free.
  uint64_t until_ns;
} so_ipv6_dns;

typedef struct so_ipv6_search {
  so_dns_name domain;  // Length 0: free.
  uint64_t until_ns;
} so_ipv6_search;

typedef struct so_ipv6_state {
  bool started;
  uint8_t key[16];           // Of flow labels and fragment identifications.
  uint32_t ids[SO_IPV6_IDS];  // A counter for each hashed pair of addresses (RFC 7739 5.3).
  so_interface_ipv6_options options;
  so_ndp ndp;
  so_mld mld;
  so_icmp6_limit errors;
  so_icmp6_limit echoes;
  so_ipv6_dns dns[SO_INTERFACE_DNS_MAX];
  so_ipv6_search search[SO_SEARCH_DOMAINS_MAX];
  so_interface_ipv6_stats stats;
  uint8_t sender[SO_MAC_LEN];  // Of the frame in hand.

  // The packet that `deliver` was given, until it returns: for so_interface_unreachable.
  const so_packet *delivering;
  so_ipv6_header delivering_header;
  bool delivering_group;
} so_ipv6_state;

static inline so_ipv6_state *so_ipv6_of(const so_interface *i) { return (so_ipv6_state *)i->ipv6; }

// The sinks of the machines; they hold `i` alone.
so_ndp_sink so_ipv6_ndp_sink(so_interface *i);
so_mld_sink so_ipv6_mld_sink(so_interface *i);

// --- ipv6_dns.c
// What routers say of names, for the sink of neighbour discovery.
void so_ipv6_on_dns(void *interface, const so_nd_dns *servers, size_t count);
void so_ipv6_on_search(void *interface, const so_nd_search *lists, size_t count);

// --- ipv6_input.c
void so_ipv6_input(so_interface *i, so_packet *p, const so_ethernet_header *ethernet,
                   uint64_t now_ns);
void so_ipv6_loop(so_interface *i, so_packet *p, uint64_t now_ns);

// --- ipv6_output.c
so_status so_ipv6_send(so_interface *i, so_packet *p, uint64_t now_ns);
// so_ipv6_send_link takes an IPv6 packet, header and all, for `dst` on the link; mac NULL: as the
// address maps, or as neighbour discovery finds.
void so_ipv6_send_link(so_interface *i, so_packet *p, const uint8_t *mac, uint64_t now_ns);
bool so_ipv6_write_header(so_interface *i, so_packet *p, const so_ipv6_header *h);

// --- ipv6_icmp.c
typedef struct so_ipv6_incoming {
  so_ipv6_header header;
  bool group;       // By its address or its Ethernet destination.
  bool router_alert;
  bool fragmented;
} so_ipv6_incoming;

// so_ipv6_icmp_input takes a message whose IPv6 headers were pulled.
void so_ipv6_icmp_input(so_interface *i, so_packet *p, const so_ipv6_incoming *in,
                        uint64_t now_ns);

typedef struct so_ipv6_answer {
  uint8_t type;
  uint8_t code;
  uint32_t value;
  bool group;           // The offender came to a group on the link.
  bool even_multicast;
} so_ipv6_answer;

// so_ipv6_error answers `offender`, which starts with its IPv6 header, when rules and rate allow.
// It stays the caller's.
void so_ipv6_error(so_interface *i, so_packet *offender, const so_ipv6_answer *a, uint64_t now_ns);
void so_ipv6_unreachable(so_interface *i, const so_packet *p, uint64_t now_ns);
void so_ipv6_expired(so_interface *i, const so_reassembly_fragment *first, so_bytes start,
                     uint64_t now_ns);
// so_ipv6_no_neighbor takes a packet, header and all, that nobody on the link takes, and tells
// who sent it.
void so_ipv6_no_neighbor(so_interface *i, so_packet *p);
// so_ipv6_message sends an ICMPv6 message of a machine (checksum 0) past routing.
typedef struct so_ipv6_message_head {
  so_ip src;
  so_ip dst;
  const uint8_t *mac;
  uint8_t hop_limit;
  bool router_alert;
} so_ipv6_message_head;
void so_ipv6_message(so_interface *i, const so_ipv6_message_head *head, so_bytes icmp,
                     uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_INTERFACE_IPV6_INTERNAL_H_
