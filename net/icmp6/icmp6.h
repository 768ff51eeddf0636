#ifndef SO_NET_ICMP6_ICMP6_H_
#define SO_NET_ICMP6_ICMP6_H_

// ICMPv6 (RFC 4443): echo, errors received, errors sent and how many.
//
// Errors are what a stranger can make a host send, so three things stand between a packet and an
// answer: so_icmp6_may_answer (RFC 4443 2.4 e: never to errors, redirects, multicast, or nobody),
// the quote's bound (an error fits the minimum MTU), and so_icmp6_limit, a token bucket over all
// and one per hashed destination, so that one sender neither uses up what belongs to others nor
// measures it.
//
// Checksums are the caller's: they cover addresses that are not in these bytes.
// Neighbour discovery is net/ndp; multicast listeners are net/mld.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "net/address/address.h"
#include "net/ipv6/ipv6.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ICMP6_HEADER_LEN 8u  // Type, code, checksum, and four bytes that every message has.
// What an error quotes at most: it fits the minimum MTU (RFC 4443 2.4 c).
#define SO_ICMP6_QUOTE_LEN_MAX (SO_IPV6_MTU_MIN - SO_IPV6_HEADER_LEN - SO_ICMP6_HEADER_LEN)

enum {
  SO_ICMP6_UNREACHABLE = 1,
  SO_ICMP6_TOO_BIG = 2,
  SO_ICMP6_TIME_EXCEEDED = 3,
  SO_ICMP6_PARAMETER_PROBLEM = 4,
  SO_ICMP6_ECHO_REQUEST = 128,
  SO_ICMP6_ECHO_REPLY = 129,
  SO_ICMP6_MLD_QUERY = 130,
  SO_ICMP6_MLD_REPORT = 131,
  SO_ICMP6_MLD_DONE = 132,
  SO_ICMP6_ROUTER_SOLICIT = 133,
  SO_ICMP6_ROUTER_ADVERT = 134,
  SO_ICMP6_NEIGHBOR_SOLICIT = 135,
  SO_ICMP6_NEIGHBOR_ADVERT = 136,
  SO_ICMP6_REDIRECT = 137,
  SO_ICMP6_MLD2_REPORT = 143,
};

// Codes of unreachable, time exceeded and parameter problem.
enum {
  SO_ICMP6_NO_ROUTE = 0,
  SO_ICMP6_PROHIBITED = 1,
  SO_ICMP6_BEYOND_SCOPE = 2,
  SO_ICMP6_ADDRESS_UNREACHABLE = 3,
  SO_ICMP6_PORT_UNREACHABLE = 4,
  SO_ICMP6_POLICY = 5,
  SO_ICMP6_REJECT_ROUTE = 6,
  SO_ICMP6_HOPS = 0,
  SO_ICMP6_REASSEMBLY = 1,
  SO_ICMP6_BAD_FIELD = 0,
  SO_ICMP6_UNKNOWN_NEXT_HEADER = 1,
  SO_ICMP6_UNKNOWN_OPTION = 2,
  SO_ICMP6_INCOMPLETE_CHAIN = 3,  // RFC 7112.
};

typedef struct so_icmp6_header {
  uint8_t type;
  uint8_t code;
  uint16_t checksum;
  uint32_t value;  // MTU, pointer, or id and sequence of an echo.
} so_icmp6_header;

// so_icmp6_parse reads the first eight bytes of a message. MALFORMED: shorter.
SO_MUST_USE so_status so_icmp6_parse(so_bytes message, so_icmp6_header *out);
void so_icmp6_emit(const so_icmp6_header *h, so_writer *w);

static inline bool so_icmp6_is_error(uint8_t type) { return type < 128; }
static inline bool so_icmp6_is_ndp(uint8_t type) {
  return type >= SO_ICMP6_ROUTER_SOLICIT && type <= SO_ICMP6_REDIRECT;
}

// --- errors received -------------------------------------------------------------------------

// What an error says about a packet that we are said to have sent.
typedef struct so_icmp6_error {
  uint8_t type;
  uint8_t code;
  uint32_t value;
  so_ip src;           // Of the quoted packet: one of our addresses, which the caller checks.
  so_ip dst;
  uint8_t protocol;
  so_bytes transport;  // What was quoted of the transport header; 8 bytes at least. Borrows.
} so_icmp6_error;

// so_icmp6_error_parse reads a whole error message. MALFORMED: no error, the quote is no IPv6
// packet, or it ends before 8 bytes of transport header; a too-big MTU below 1280 is passed on as
// it is. UNSUPPORTED: an error type that is not known, or quotes a fragment other than the first.
SO_MUST_USE so_status so_icmp6_error_parse(so_bytes message, so_icmp6_error *out);

// --- errors sent -----------------------------------------------------------------------------

// so_icmp6_may_answer says whether RFC 4443 2.4 (e) lets an error answer the
// packet whose first bytes are `head` (at least SO_IPV6_WALK_LEN, or all). `link_multicast`: its
// Ethernet destination was a group. `even_multicast`: the error is one that may answer multicast.
bool so_icmp6_may_answer(so_bytes head, size_t packet_len, bool link_multicast,
                         bool even_multicast);

// so_icmp6_error_make returns an error message (checksum 0) that quotes the start of `offender`,
// whose first byte is its IPv6 header; it has src and dst (`offender`'s source) set where known.
// The quote is shared by reference. NULL: the pool is used up.
so_packet *so_icmp6_error_make(so_packet_pool *pool, const so_packet *offender, uint8_t type,
                               uint8_t code, uint32_t value);

// --- how many --------------------------------------------------------------------------------

#define SO_ICMP6_LIMIT_SLOTS 64u

typedef struct so_icmp6_bucket {
  uint64_t last_ns;
  uint32_t tokens_milli;  // Thousandths of a message.
} so_icmp6_bucket;

typedef struct so_icmp6_limit {
  uint8_t key[16];
  uint32_t rate;   // Messages a second, over all destinations.
  uint32_t burst;
  so_icmp6_bucket all;
  so_icmp6_bucket slots[SO_ICMP6_LIMIT_SLOTS];  // A quarter of the rate each.
  uint64_t allowed;
  uint64_t refused;
} so_icmp6_limit;

// so_icmp6_limit_init sets up a limiter of `rate` messages a second with bursts of `burst`.
void so_icmp6_limit_init(so_icmp6_limit *l, const uint8_t key[16], uint32_t rate, uint32_t burst);

// so_icmp6_limit_take says whether a message to `dst` may go now, and counts it.
bool so_icmp6_limit_take(so_icmp6_limit *l, const so_ip *dst, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_ICMP6_ICMP6_H_
