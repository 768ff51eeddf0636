#ifndef SO_NET_NDP_NDP_H_
#define SO_NET_NDP_NDP_H_

// The IPv6 host on its link: which addresses it has, who its routers are, where a packet goes next
// (RFC 4861, 4862).
//
// What it knows: our addresses with their life (tentative, preferred, deprecated, gone), default
// routers, prefixes on the link, redirects, and the neighbour cache. What drives it: messages that
// net/ndp/wire found valid, packets to send, time. What it wants done leaves through the sink.
//
// Addresses are proven unique before use: no optimistic use (RFC 4429 off). A duplicate of the
// link-local address made from the MAC stops it; a stable opaque one (RFC 7217) is made anew,
// three times.
//
// Bounds: every table below has one. A router that announces more than fits is followed for what
// fits. Messages that came in fragments are refused (RFC 6980).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "kernel/ports/netdev.h"
#include "net/address/address.h"
#include "net/ndp/cache/cache.h"
#include "net/ndp/wire/wire.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_NDP_ADDRESSES_MAX 16u
#define SO_NDP_ROUTERS_MAX 8u
#define SO_NDP_PREFIXES_MAX 16u
#define SO_NDP_REDIRECTS_MAX 32u
#define SO_NDP_REDIRECT_LIFE_S 600u
#define SO_NDP_DAD_RETRIES_MAX 3u      // IDGEN_RETRIES of RFC 7217.
#define SO_NDP_SLAAC_MAX 8u            // Addresses that routers may make us have.
#define SO_NDP_SOLICIT_INTERVAL_MS 4000u         // IRT of RFC 7559.
#define SO_NDP_SOLICIT_INTERVAL_MAX_MS 3600000u  // MRT of RFC 7559.
#define SO_NDP_HOP_LIMIT 64u            // Until a router says otherwise,
#define SO_NDP_HOP_LIMIT_MIN 32u        // and less than this is not believed: it would cut us off.
#define SO_NDP_RETRANS_MS_MIN 100u      // Shorter would make us flood the link,
#define SO_NDP_RETRANS_MS_MAX 10000u    // longer make us wait for every neighbour.
#define SO_NDP_REACHABLE_MS_MIN 1000u
#define SO_NDP_REACHABLE_MS_MAX 3600000u  // MAX_REACHABLE_TIME of RFC 4861 6.2.1.
#define SO_NDP_VALID_FLOOR_S 7200u      // Two hours: RFC 4862 5.5.3 e.

typedef enum so_ndp_identifier {
  SO_NDP_STABLE_OPAQUE = 0,  // RFC 7217: from prefix and secret.
  SO_NDP_EUI64,              // RFC 4291 appendix A: from the MAC.
} so_ndp_identifier;

typedef struct so_ndp_config {
  uint8_t mac[SO_MAC_LEN];
  uint8_t secret[32];         // Addresses follow from it: kept between starts, they stay the same.
  uint16_t mtu;               // Of the device.
  so_ndp_identifier identifier;
  uint8_t dad_transmits;      // Solicitations of duplicate detection; 0 turns it off.
  bool autoconfigure;         // Solicit routers, take addresses and routers from advertisements.
  bool ignore_redirects;
} so_ndp_config;

typedef enum so_ndp_address_state {
  SO_NDP_ADDRESS_NONE = 0,
  SO_NDP_TENTATIVE,
  SO_NDP_PREFERRED,
  SO_NDP_DEPRECATED,
  SO_NDP_DUPLICATE,  // Somebody else has it: never used, kept so that it is not tried again.
} so_ndp_address_state;

typedef enum so_ndp_origin {
  SO_NDP_MANUAL = 0,
  SO_NDP_LINK_LOCAL,
  SO_NDP_SLAAC,
} so_ndp_origin;

typedef struct so_ndp_address {
  so_ip address;
  uint8_t prefix_len;
  uint8_t state;      // An so_ndp_address_state.
  uint8_t origin;     // An so_ndp_origin.
  uint8_t dad_sent;
  uint8_t dad_retries;  // DAD_Counter of RFC 7217.
  uint8_t nonce[SO_ND_NONCE_LEN];  // RFC 7527: our own solicitation, looped back, is no duplicate.
  uint64_t dad_ns;        // When duplicate detection goes on; SO_NEVER when not tentative.
  uint64_t preferred_until_ns;
  uint64_t valid_until_ns;
} so_ndp_address;

typedef struct so_ndp_router {
  so_ip address;     // Family 0: free.
  int8_t preference;
  bool manual;       // Set by the configuration: never times out.
  uint64_t until_ns;
} so_ndp_router;

typedef struct so_ndp_prefix {
  so_ip prefix;
  uint8_t len;
  bool manual;
  uint64_t until_ns;
} so_ndp_prefix;

typedef struct so_ndp_redirect {
  so_ip destination;  // Family 0: free.
  so_ip next_hop;
  uint64_t until_ns;
} so_ndp_redirect;

// An ICMPv6 message to send, hop limit 255.
typedef struct so_ndp_output {
  so_ip src;            // May be ::.
  so_ip dst;
  const uint8_t *mac;   // NULL: what `dst` maps to when it is a group, else what so_ndp_send finds.
  so_bytes icmp;        // Checksum 0. Borrowed for the call.
} so_ndp_output;

typedef struct so_ndp_sink {
  void (*message)(void *ctx, const so_ndp_output *out);
  void (*packet)(void *ctx, so_packet *packet, const uint8_t mac[SO_MAC_LEN]);  // Takes it.
  void (*unreachable)(void *ctx, so_packet *packet);  // Takes it: no neighbour there.
  void (*dropped)(void *ctx, so_packet *packet);      // Takes it: no room.
  void (*join)(void *ctx, const so_ip *group);
  void (*leave)(void *ctx, const so_ip *group);
  // An address changed its state; NONE: it is gone. DUPLICATE: somebody else has it.
  void (*address)(void *ctx, const so_ip *address, so_ndp_address_state state);
  void (*dns)(void *ctx, const so_nd_dns *servers, size_t count);  // RFC 8106. May be NULL.
  // RFC 8106 5.2. Borrowed for the call. May be NULL.
  void (*search)(void *ctx, const so_nd_search *lists, size_t count);
  void *ctx;
} so_ndp_sink;

typedef struct so_ndp_stats {
  uint64_t received;
  uint64_t invalid;          // A check of RFC 4861 failed.
  uint64_t fragmented;       // RFC 6980.
  uint64_t ignored;          // Valid, and not for us.
  uint64_t options_ignored;  // Prefixes and servers past the limits.
  uint64_t adverts_sent;
  uint64_t solicits_sent;
  uint64_t duplicates;
  uint64_t redirects;
  uint64_t redirects_refused;
  uint64_t table_full;       // A router, prefix or address for which there was no room.
  uint64_t values_refused;   // Hop limits, MTUs and times of a router that are not believed.
  uint64_t no_route;
} so_ndp_stats;

typedef struct so_ndp {
  so_ndp_config config;
  uint64_t draws;
  uint16_t mtu;            // Of the link: the device's, or less when a router says so.
  uint8_t hop_limit;
  bool router_heard;
  uint8_t redirect_count;
  uint32_t solicit_interval_ms;
  uint64_t solicit_ns;     // When the next router solicitation goes.
  so_ndp_address addresses[SO_NDP_ADDRESSES_MAX];
  so_ndp_router routers[SO_NDP_ROUTERS_MAX];
  so_ndp_prefix prefixes[SO_NDP_PREFIXES_MAX];
  so_ndp_redirect redirects[SO_NDP_REDIRECTS_MAX];
  uint8_t next_router;     // Round robin when none is known to be reachable.
  so_neighbors neighbors;
  so_ndp_stats stats;
} so_ndp;

// so_ndp_init sets up a host without addresses. Copies `config`.
void so_ndp_init(so_ndp *n, const so_ndp_config *config);

// so_ndp_start makes the link-local address and starts to prove it (RFC 4862 5.3), and to look for
// routers.
void so_ndp_start(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink);

// so_ndp_stop drops every packet that waits, through the sink.
void so_ndp_stop(so_ndp *n, const so_ndp_sink *sink);

// --- addresses -------------------------------------------------------------------------------

// so_ndp_add_address adds a configured address and starts to prove it; its prefix is on the link.
// One that is there becomes configured, with that prefix length. LIMIT: a table is full.
SO_MUST_USE so_status so_ndp_add_address(so_ndp *n, const so_ip *address, uint8_t prefix_len,
                                         uint64_t now_ns, const so_ndp_sink *sink);

// so_ndp_remove_address: NOT_FOUND.
SO_MUST_USE so_status so_ndp_remove_address(so_ndp *n, const so_ip *address,
                                            const so_ndp_sink *sink);

// so_ndp_owns says whether packets to `address` are for us: ours, and proven.
bool so_ndp_owns(const so_ndp *n, const so_ip *address);

// so_ndp_state_of is the state of an address, NONE when it is not here.
so_ndp_address_state so_ndp_state_of(const so_ndp *n, const so_ip *address);

// so_ndp_link_local sets `*out` to a proven link-local address of ours; false when there is none.
bool so_ndp_link_local(const so_ndp *n, so_ip *out);

// so_ndp_source chooses the source address for `dst` (RFC 6724 5). NOT_FOUND: there is none.
SO_MUST_USE so_status so_ndp_source(const so_ndp *n, const so_ip *dst, so_ip *out);

// --- routes ----------------------------------------------------------------------------------

// so_ndp_set_gateway adds a router that never times out; family 0 removes such. LIMIT.
SO_MUST_USE so_status so_ndp_set_gateway(so_ndp *n, const so_ip *gateway);

// so_ndp_next_hop says where a packet for `dst` (not multicast) goes. NOT_FOUND: no router.
SO_MUST_USE so_status so_ndp_next_hop(so_ndp *n, const so_ip *dst, uint64_t now_ns, so_ip *out);

// so_ndp_send takes `packet` (an IPv6 packet with its header; `packet->src` and `dst` set, dst not
// multicast) and sees to its delivery. NOT_FOUND: no route, and the packet still is the caller's.
SO_MUST_USE so_status so_ndp_send(so_ndp *n, so_packet *packet, uint64_t now_ns,
                                  const so_ndp_sink *sink);

// so_ndp_send_to does the same for a next hop that so_ndp_next_hop gave. Takes `packet`.
void so_ndp_send_to(so_ndp *n, const so_ip *hop, so_packet *packet, uint64_t now_ns,
                    const so_ndp_sink *sink);

// so_ndp_confirm notes that `dst` answered an upper layer: its next hop is reachable.
void so_ndp_confirm(so_ndp *n, const so_ip *dst, uint64_t now_ns);

// --- messages and time -----------------------------------------------------------------------

// A neighbour discovery message as it came.
typedef struct so_ndp_input_message {
  so_nd_envelope envelope;
  so_bytes icmp;      // Whole; its checksum was checked.
  bool fragmented;
} so_ndp_input_message;

void so_ndp_input(so_ndp *n, const so_ndp_input_message *m, uint64_t now_ns,
                  const so_ndp_sink *sink);
void so_ndp_tick(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink);
uint64_t so_ndp_deadline(const so_ndp *n);

// so_ndp_identifier_make writes the 8 bytes of an interface identifier for `prefix` (RFC 7217 5, or
// EUI-64), the `counter`-th try.
void so_ndp_identifier_make(const so_ndp_config *config, const so_ip *prefix, uint8_t counter,
                            uint8_t out[8]);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_NDP_NDP_H_
