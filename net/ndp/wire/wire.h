#ifndef SO_NET_NDP_WIRE_WIRE_H_
#define SO_NET_NDP_WIRE_WIRE_H_

// Neighbour discovery messages (RFC 4861 4) and what makes each valid (6.1, 7.1, 8.1).
//
// so_nd_parse checks everything that can be checked from the packet alone: hop limit 255 (so that
// it was sent on this link), code, lengths, addresses, every option's length. What depends on
// state (is the sender our router, is the target ours) is net/ndp's. A message that fails any
// check is nothing.
//
// Options that are not known are skipped; one of length 0 makes the message invalid. Lists have
// limits, and what is past them is dropped and counted in `ignored`: a router that announces
// forty prefixes is not attacked, but not followed either.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ND_PREFIXES_MAX 16u
#define SO_ND_DNS_MAX 8u
#define SO_ND_SEARCH_MAX 4u     // Options with search lists; each may name many domains.
#define SO_ND_OPTIONS_MAX 64u   // Of a message; more make it invalid.
#define SO_ND_NONCE_LEN 6u      // RFC 7527 uses the smallest nonce of RFC 3971.
#define SO_ND_MESSAGE_LEN_MAX 64u  // The longest of a host: solicitations and advertisements.
#define SO_ND_LINK_LEN 6u       // An Ethernet address.
#define SO_ND_INFINITE_S UINT32_MAX

typedef enum so_nd_type {
  SO_ND_ROUTER_SOLICIT = 133,
  SO_ND_ROUTER_ADVERT = 134,
  SO_ND_SOLICIT = 135,
  SO_ND_ADVERT = 136,
  SO_ND_REDIRECT = 137,
} so_nd_type;

typedef struct so_nd_prefix {
  so_ip prefix;
  uint8_t len;        // 0..128.
  bool on_link;
  bool autonomous;
  uint32_t valid_s;   // SO_ND_INFINITE_S: for ever.
  uint32_t preferred_s;
} so_nd_prefix;

typedef struct so_nd_dns {
  so_ip server;
  uint32_t lifetime_s;  // 0: no longer.
} so_nd_dns;

// A DNSSL option (RFC 8106 5.2).
typedef struct so_nd_search {
  so_bytes names;       // Views the message: for net/dns/search.
  uint32_t lifetime_s;  // 0: no longer.
} so_nd_search;

typedef struct so_nd_router {
  uint8_t hop_limit;  // 0: not said.
  bool managed;
  bool other;
  int8_t preference;  // RFC 4191: 1 high, 0, -1 low.
  uint16_t lifetime_s;  // 0: not a default router.
  uint32_t reachable_ms;  // 0: not said.
  uint32_t retrans_ms;    // 0: not said.
  uint32_t mtu;           // 0: not said.
  size_t prefix_count;
  so_nd_prefix prefixes[SO_ND_PREFIXES_MAX];
  size_t dns_count;
  so_nd_dns dns[SO_ND_DNS_MAX];
  size_t search_count;
  so_nd_search search[SO_ND_SEARCH_MAX];
} so_nd_router;

typedef struct so_nd_message {
  so_nd_type type;
  so_ip target;       // SOLICIT, ADVERT, REDIRECT.
  so_ip destination;  // REDIRECT.
  bool from_router;   // ADVERT: the R flag.
  bool solicited;     // ADVERT: the S flag.
  bool override;      // ADVERT: the O flag.
  bool has_source;    // Source link-layer address option.
  bool has_target;    // Target link-layer address option.
  uint8_t source[SO_ND_LINK_LEN];
  uint8_t target_link[SO_ND_LINK_LEN];
  bool has_nonce;
  uint8_t nonce[SO_ND_NONCE_LEN];
  uint32_t ignored;   // Prefixes, servers and search lists past the limits.
  so_nd_router router;  // ROUTER_ADVERT.
} so_nd_message;

// The packet that a message came in.
typedef struct so_nd_envelope {
  so_ip src;
  so_ip dst;
  uint8_t hop_limit;
} so_nd_envelope;

// so_nd_parse reads a whole ICMPv6 message of the five types (checksum already checked).
// MALFORMED: one of the checks of RFC 4861 fails. UNSUPPORTED: another type. `out` views `message`.
SO_MUST_USE so_status so_nd_parse(so_bytes message, const so_nd_envelope *envelope,
                                  so_nd_message *out);

// so_nd_emit writes a message with checksum 0: ROUTER_SOLICIT, SOLICIT, ADVERT, and ROUTER_ADVERT
// and REDIRECT without quote for tests and routers. Options are written for what `m` has; nothing
// else.
void so_nd_emit(const so_nd_message *m, so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_NDP_WIRE_WIRE_H_
