#ifndef SO_NET_INTERFACE_INTERFACE_H_
#define SO_NET_INTERFACE_INTERFACE_H_

// One Ethernet interface with IPv4 and, when the image wants it, IPv6: the glue between the
// protocols of IP and whoever carries frames below and speaks transports above.
//
// It is pure: frames, packets and the time come in by calls, frames go out through `lower`, packets
// for TCP and UDP and errors about what they sent through `upper`. No call blocks; each does work
// bounded by the length of the packet it is given (a tick: by the size of the tables).
//
// Order of events: operations of `upper` and `lower` are called from within so_interface_input,
// _send and _tick. They may call so_interface_send again (an answer to a segment); packets to our
// own addresses therefore wait in a queue until the next tick, and so_interface_deadline is then 0.
//
// Ownership: a packet handed in is taken, whatever is returned; one handed out belongs to the
// callee. Memory: tables are taken from the heap at init, packets from the pool; neither grows with
// traffic.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"
#include "net/icmp/error.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_INTERFACE_SEED_LEN 32
#define SO_INTERFACE_ADDRESSES_MAX 8u  // IPv4 addresses of one interface.
#define SO_INTERFACE_LOOP_MAX 64u      // Packets to ourselves that wait for a tick.
#define SO_INTERFACE_MTU_MIN 1280u     // IPv6's least link MTU (RFC 8200 5).
#define SO_INTERFACE_MTU_MAX 9216u
#define SO_PROTOCOL_ICMP 1u
#define SO_PROTOCOL_TCP 6u
#define SO_PROTOCOL_UDP 17u
#define SO_PROTOCOL_ICMP6 58u

typedef struct so_interface so_interface;
struct so_interface_core;
struct so_interface_family;

// Who sends our frames.
typedef struct so_interface_lower {
  // Takes `frame`: Ethernet header first, offload offsets counted from the frame's first byte. What
  // does not fit a full device is queued or dropped by the callee, who frees it.
  void (*transmit)(void *ctx, so_packet *frame);
  void *ctx;
} so_interface_lower;

typedef enum so_address_event {
  SO_ADDRESS_USABLE = 1,  // Probed, or added without probing: may be used as source.
  SO_ADDRESS_CONFLICT,    // Another host has it, found while probing: it is gone from here.
  SO_ADDRESS_CONTESTED,   // Another host uses it too; it is kept and defended (RFC 5227 2.4 c).
} so_address_event;

// Who is above.
typedef struct so_interface_upper {
  // A TCP or UDP packet for one of our addresses, or for UDP a broadcast or multicast one: takes
  // it. The IP header is pulled; src, dst, protocol, traffic_class and hop_limit are set. The
  // transport checksum was NOT verified unless offload.csum_valid. offload.gso_size is not 0 when
  // the device joined segments.
  void (*deliver)(void *ctx, so_packet *p, uint64_t now_ns);

  // An error about something we sent. True: the quote names a connection or socket of ours, and for
  // TCP a sequence number in flight (RFC 5927 4.1); only then does TOO_BIG lower the path MTU that
  // so_interface_path_mtu says.
  bool (*error)(void *ctx, const so_ip_error *e, uint64_t now_ns);

  // May be NULL. `mac` is the other host's (CONFLICT, CONTESTED), else NULL.
  void (*address)(void *ctx, const so_ip *address, so_address_event event,
                  const uint8_t mac[SO_MAC_LEN], uint64_t now_ns);
  void *ctx;
} so_interface_upper;

typedef struct so_interface_config {
  uint8_t mac[SO_MAC_LEN];
  uint16_t mtu;      // Bytes of an IP packet: SO_INTERFACE_MTU_MIN to 9216.
  bool tx_csum;      // As the device says (so_netdev). What it cannot do is done here.
  bool tx_tso4;
  bool tx_tso6;
  bool probe_ipv4;   // Probe an IPv4 address before it is used (RFC 5227: 4 to 7 seconds). When
                     // false it is used and announced at once; conflicts are still seen and
                     // defended.
  // From the entropy port; keys of hashes, identifiers, jitter.
  uint8_t seed[SO_INTERFACE_SEED_LEN];
  so_interface_lower lower;
  so_interface_upper upper;
  // so_interface_ipv6() of net/interface/ipv6.h, or NULL: an interface that speaks IPv4 alone, in
  // an image that holds no IPv6.
  const struct so_interface_family *ipv6;

  // Limits of tables; 0 asks for the default.
  uint32_t neighbours_max;          // IPv4 neighbours: 512.
  uint32_t reassembly_max;          // Datagrams being put together, both families: 64.
  uint32_t reassembly_bytes_max;    // Bytes of pages they may hold: 1 MiB.
  uint32_t path_mtu_max;            // Destinations with a path MTU below the link's: 1024.
  uint32_t icmp_per_second;         // Errors and echo replies each: 1000, bursts of as many.
} so_interface_config;

// Every packet that is not delivered or sent is in exactly one of the drop counters.
typedef struct so_interface_stats {
  uint64_t rx_frames;
  uint64_t rx_bytes;
  uint64_t rx_short;            // Shorter than an Ethernet header.
  uint64_t rx_other_host;       // Not for our MAC.
  uint64_t rx_ethertype;        // Nothing we speak.
  uint64_t rx_no_buffer;        // No page to make a header contiguous.
  uint64_t ip4_rx;
  uint64_t ip4_rx_header;       // Bad version, length or options.
  uint64_t ip4_rx_checksum;
  uint64_t ip4_rx_source_route; // RFC 7126: dropped.
  uint64_t ip4_rx_source;       // A source that no host may have.
  uint64_t ip4_rx_not_ours;
  uint64_t ip4_rx_fragments;
  uint64_t ip4_rx_protocol;     // No such protocol here.
  uint64_t ip4_rx_delivered;
  uint64_t icmp_rx;
  uint64_t icmp_rx_malformed;
  uint64_t icmp_rx_checksum;
  uint64_t icmp_rx_echo;
  uint64_t icmp_rx_errors;
  uint64_t icmp_rx_ignored;     // Types we do not act on, quotes that are not ours.
  uint64_t icmp_tx_echo;
  uint64_t icmp_tx_errors;
  uint64_t icmp_tx_limited;     // Not sent: over the rate.
  uint64_t icmp_tx_suppressed;  // Not sent: RFC 1122 3.2.2 forbids an error about it.
  uint64_t tx_frames;
  uint64_t tx_bytes;
  uint64_t tx_segmented;        // Packets that software segmentation cut.
  uint64_t tx_summed;           // Transport checksums made in software.
  uint64_t tx_fragmented;       // Packets cut into IPv4 fragments.
  uint64_t tx_no_route;
  uint64_t tx_no_source;
  uint64_t tx_too_big;          // Longer than the path takes and not to be fragmented.
  uint64_t tx_no_buffer;
  uint64_t tx_invalid;          // A packet that does not describe itself correctly.
  uint64_t loop_packets;
  uint64_t loop_full;
  uint64_t arp_rx;
  uint64_t arp_rx_malformed;
  uint64_t arp_rx_ignored;
  uint64_t arp_conflicts;
  uint64_t arp_tx_requests;
  uint64_t arp_tx_replies;
  uint64_t arp_tx_announcements;
  uint64_t arp_tx_limited;
  uint64_t arp_evicted;
  uint64_t arp_table_full;
  uint64_t arp_queued;
  uint64_t arp_queue_dropped;   // Waited for a neighbour that did not answer, or too many waited.
  uint64_t arp_failed;          // Neighbours that did not answer.
  uint64_t reassembly_fragments;
  uint64_t reassembly_done;
  uint64_t reassembly_duplicates;
  uint64_t reassembly_overlap;
  uint64_t reassembly_refused;  // Fragments of datagrams that were refused.
  uint64_t reassembly_invalid;  // Lengths that cannot be, tiny first fragments.
  uint64_t reassembly_timeout;
  uint64_t reassembly_limit;
  uint64_t path_mtu_evicted;
  uint64_t path_mtu_lowered;
  uint64_t path_mtu_refused;    // RFC 5927: not ours, not lower, under the floor.
} so_interface_stats;

struct so_interface {
  so_interface_config config;
  so_packet_pool *pool;
  const so_heap *heap;
  so_interface_stats stats;
  struct so_interface_core *core;  // IPv4 and what both families share.
  void *ipv6;                      // State of config.ipv6.
};

typedef enum so_address_state {
  SO_ADDRESS_ABSENT = 0,
  SO_ADDRESS_TENTATIVE,  // Being probed: not a source, not answered for.
  SO_ADDRESS_PREFERRED,
  SO_ADDRESS_DEPRECATED,  // IPv6: still answered, not chosen for new connections.
} so_address_state;

// so_interface_init sets up an interface without addresses. `pool` and `heap` must outlive it.
// LIMIT: the heap refuses, and nothing is held. CONFLICT: the config cannot be (mtu, a missing
// operation).
SO_MUST_USE so_status so_interface_init(so_interface *i, const so_interface_config *config,
                                        so_packet_pool *pool, const so_heap *heap);

// so_interface_release frees the tables and the packets that wait in them.
void so_interface_release(so_interface *i);

// so_interface_input takes a received frame that starts with its Ethernet header.
void so_interface_input(so_interface *i, so_packet *frame, uint64_t now_ns);

// so_interface_deadline is when so_interface_tick must be called next, or SO_NEVER. It may change
// by every other call. so_interface_tick does what is due.
uint64_t so_interface_deadline(const so_interface *i);
void so_interface_tick(so_interface *i, uint64_t now_ns);

// so_interface_send takes `p`, always: transport header and payload, with dst and protocol set, src
// set or of family 0 (chosen here), hop_limit and traffic_class as wished (0: 64, and 0).
//   offload.needs_csum: the checksum field at csum_start + csum_offset (from the transport header)
//     may hold anything; it gets the sum, or the pseudo-header's part of it when the device does
//     the rest. The front fragment, with the whole transport header, must not be shared.
//   offload.gso: payload is cut into segments of at most gso_size bytes, by the device or here;
//     header_len is set here. needs_csum must be set with it.
//   dont_fragment: TOO_BIG is LIMIT instead of fragments (IPv6: fragments never apply to TCP).
// OK: sent, or waits for the neighbour. NOT_FOUND: no route, or no source for it. LIMIT: too big
// for the path, or buffers are used up; TCP treats that as loss. CONFLICT: src is not an address of
// ours (0.0.0.0 is allowed, for DHCP), or the packet does not hold what offload says.
SO_MUST_USE so_status so_interface_send(so_interface *i, so_packet *p, uint64_t now_ns);

// so_interface_unreachable answers a packet that `deliver` handed up with "port unreachable" (UDP),
// when rules and rate allow. Only from within that call of deliver, with `p` as it was handed up;
// `p` stays the caller's.
void so_interface_unreachable(so_interface *i, const so_packet *p, uint64_t now_ns);

// so_interface_source chooses our address for packets to `dst` (RFC 6724 5). NOT_FOUND: none fits.
SO_MUST_USE so_status so_interface_source(so_interface *i, const so_ip *dst, so_ip *out);

// so_interface_path_mtu is the longest IP packet that should be sent to `dst`, headers included.
uint32_t so_interface_path_mtu(so_interface *i, const so_ip *dst, uint64_t now_ns);

// so_interface_confirm says that `dst`'s next hop answered: a transport got an acknowledgement of
// something new (RFC 4861 7.3.1). Saves probes; may be called often.
void so_interface_confirm(so_interface *i, const so_ip *dst, uint64_t now_ns);

// so_interface_add_address starts to use an address. Adding one again changes its prefix length.
// LIMIT: too many. CONFLICT: not a unicast address, or a prefix that is too long.
SO_MUST_USE so_status so_interface_add_address(so_interface *i, so_ip address, uint8_t prefix_len,
                                               uint64_t now_ns);
// so_interface_remove_address stops. NOT_FOUND.
SO_MUST_USE so_status so_interface_remove_address(so_interface *i, so_ip address, uint64_t now_ns);
so_address_state so_interface_address_state(const so_interface *i, const so_ip *address);

// so_interface_set_gateway names the router for everything that is not on the link;
// so_ip_any(family) removes it. CONFLICT: not a unicast address.
SO_MUST_USE so_status so_interface_set_gateway(so_interface *i, so_ip gateway, uint64_t now_ns);

// so_interface_read_stats joins the interface's counters with those of ARP, reassembly and the
// table of path MTUs (whose members in i->stats stay 0).
void so_interface_read_stats(const so_interface *i, so_interface_stats *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_INTERFACE_INTERFACE_H_
