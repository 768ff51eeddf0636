#ifndef SO_NET_INTERFACE_IPV6_H_
#define SO_NET_INTERFACE_IPV6_H_

// IPv6 for an interface: put so_interface_ipv6() into so_interface_config.ipv6, and everything that
// interface.h offers works for both families. An image that does not links no IPv6.
//
// At the first tick the interface makes its link-local address and proves it; then it looks for
// routers, and takes addresses, routers, MTU, hop limit, name servers and search lists from what
// they announce.
//
// What only IPv6 has is here: options, groups, name servers, counters. Each may be called for an
// interface with IPv6 alone.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/address/address.h"
#include "net/dns/search/search.h"
#include "net/interface/interface.h"
#include "net/ipv6/ipv6.h"
#include "net/mld/mld.h"
#include "net/ndp/ndp.h"

#ifdef __cplusplus
extern "C" {
#endif

struct so_interface_family;

#define SO_INTERFACE_DNS_MAX 4u  // Name servers kept.

const struct so_interface_family *so_interface_ipv6(void);

typedef struct so_interface_ipv6_options {
  so_ndp_identifier identifier;
  // Addresses follow from it (RFC 7217): the same at every start, they stay the same.
  uint8_t secret[32];
  uint8_t dad_transmits;   // 1; 0 turns duplicate detection off.
  bool autoconfigure;      // Solicit routers and follow what they announce.
  bool ignore_redirects;
} so_interface_ipv6_options;

// so_interface_ipv6_configure replaces the options. Only between so_interface_init and the first
// so_interface_tick. The default is opaque identifiers from a secret of the seed, one duplicate
// detection, autoconfiguration, redirects followed.
void so_interface_ipv6_configure(so_interface *i, const so_interface_ipv6_options *options);

// Every packet that is not delivered or sent is in exactly one of the drop counters, of these or of
// so_interface_stats (tx_...).
typedef struct so_interface_ipv6_stats {
  uint64_t received;
  uint64_t delivered;
  uint64_t malformed;        // Header, or lengths that disagree.
  uint64_t not_ours;
  uint64_t bad_source;       // Multicast, loopback, ours, or none where there must be one.
  uint64_t faults[SO_IPV6_FAULT_COUNT];
  uint64_t empty;            // Nothing after the headers.
  uint64_t unknown_protocol;
  uint64_t fragments_received;
  uint64_t no_buffer;
  uint64_t sent;
  uint64_t fragmented;       // Packets cut into fragments.
  uint64_t waiting_dropped;  // For a neighbour that was not known yet.
  uint64_t unreachable;      // No neighbour answered.
  uint64_t icmp_received;
  uint64_t icmp_checksum;
  uint64_t icmp_malformed;
  uint64_t icmp_ignored;     // Types we do not act on, quotes that are not ours.
  uint64_t icmp_errors;
  uint64_t icmp_too_small;   // An MTU under 1280 (RFC 8201 4).
  uint64_t icmp_echo;
  uint64_t icmp_sent_echo;
  uint64_t icmp_sent_errors;
  uint64_t icmp_limited;
  uint64_t icmp_suppressed;  // RFC 4443 2.4 (e) forbids an error about it.
} so_interface_ipv6_stats;

const so_interface_ipv6_stats *so_interface_ipv6_stats_of(const so_interface *i);
const so_mld *so_interface_ipv6_mld(const so_interface *i);
const so_ndp *so_interface_ipv6_ndp(const so_interface *i);  // For its tables and counters.

// so_interface_ipv6_dns writes up to `max` name servers that routers announced and that still
// hold, and returns how many.
size_t so_interface_ipv6_dns(const so_interface *i, uint64_t now_ns, so_ip *out, size_t max);

// so_interface_ipv6_search appends the domains of search lists that routers announced and that
// still hold.
void so_interface_ipv6_search(const so_interface *i, uint64_t now_ns, so_search *out);

// so_interface_ipv6_join and _leave count who listens to a group. LIMIT: too many groups. CONFLICT:
// not a group.
SO_MUST_USE so_status so_interface_ipv6_join(so_interface *i, const so_ip *group, uint64_t now_ns);
void so_interface_ipv6_leave(so_interface *i, const so_ip *group, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_INTERFACE_IPV6_H_
