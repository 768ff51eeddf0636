#ifndef SO_NET_IPV6_IPV6_H_
#define SO_NET_IPV6_IPV6_H_

// IPv6 on the wire (RFC 8200): the header, the walk over extension headers, fragmenting.
//
// The walk answers the one question that input has: what is in this packet, and where, or how is
// it refused. It is the same whether the bytes come from the wire, from reassembly, or as the
// quote of an ICMPv6 error. It is bounded by count and by bytes, because every header more is
// work that a sender gets for nothing; no limit here is reached by a packet that means well (RFC
// 8504 5.3).
//
// Ownership: views borrow. so_ipv6_fragment hands out packets that their receiver owns.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "net/address/address.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IPV6_HEADER_LEN 40u
#define SO_IPV6_FRAGMENT_LEN 8u
#define SO_IPV6_MTU_MIN 1280u
#define SO_IPV6_PAYLOAD_LEN_MAX 65535u
#define SO_IPV6_HEADERS_MAX 8u     // Extension headers of a packet.
#define SO_IPV6_CHAIN_LEN_MAX 512u  // Their bytes together.
#define SO_IPV6_OPTIONS_MAX 16u    // Options of one header, padding included.
// Give so_ipv6_walk this many bytes, or all there are: the chain, and the transport header after
// it.
#define SO_IPV6_WALK_LEN (SO_IPV6_HEADER_LEN + SO_IPV6_CHAIN_LEN_MAX + 20u)

// Protocol numbers that IPv6 itself knows.
enum {
  SO_IPV6_HOP_BY_HOP = 0,
  SO_IPV6_TCP = 6,
  SO_IPV6_UDP = 17,
  SO_IPV6_ROUTING = 43,
  SO_IPV6_FRAGMENT = 44,
  SO_IPV6_ICMP = 58,
  SO_IPV6_NONE = 59,  // Nothing follows.
  SO_IPV6_DESTINATION = 60,
};

typedef struct so_ipv6_header {
  uint8_t traffic_class;
  uint32_t flow_label;  // 20 bits.
  uint16_t payload_len;
  uint8_t next_header;
  uint8_t hop_limit;
  so_ip src;
  so_ip dst;
} so_ipv6_header;

// so_ipv6_parse reads the header at the start of `packet`, which may go on. MALFORMED: short, or
// not version 6.
SO_MUST_USE so_status so_ipv6_parse(so_bytes packet, so_ipv6_header *out);

// so_ipv6_emit appends the 40 bytes.
void so_ipv6_emit(const so_ipv6_header *h, so_writer *w);

// --- the chain of extension headers ----------------------------------------------------------

typedef struct so_ipv6_fragment {
  uint16_t offset;  // Bytes.
  bool more;
  uint32_t id;
} so_ipv6_fragment;

typedef enum so_ipv6_verdict {
  SO_IPV6_ACCEPT = 0,   // `protocol` starts at `off`.
  SO_IPV6_REASSEMBLE,   // A fragment; its bytes start at `off`, those of the whole with `protocol`.
  SO_IPV6_IGNORE,       // Nothing follows the headers (59).
  SO_IPV6_DROP,         // Refused without an answer.
  SO_IPV6_PROBLEM,      // Refused; the sender is told with a parameter problem.
} so_ipv6_verdict;

// Why a packet was refused: one counter each.
typedef enum so_ipv6_fault {
  SO_IPV6_FAULT_NONE = 0,
  SO_IPV6_FAULT_TRUNCATED,        // A header goes past the end.
  SO_IPV6_FAULT_LIMIT,            // Too many headers, bytes or options.
  SO_IPV6_FAULT_OPTION,           // An option that asks to be refused when not known, or a bad one.
  SO_IPV6_FAULT_ROUTING,          // A routing header with segments left (RFC 5095, RFC 8200 4.4).
  SO_IPV6_FAULT_ORDER,            // Hop-by-hop not first, or a second fragment header.
  SO_IPV6_FAULT_FRAGMENT,         // A fragment whose length or offset cannot be.
  SO_IPV6_FAULT_FIRST_FRAGMENT,   // The first fragment lacks part of the header chain (RFC 7112).
  SO_IPV6_FAULT_COUNT,
} so_ipv6_fault;

typedef struct so_ipv6_chain {
  so_ipv6_verdict verdict;
  so_ipv6_fault fault;
  uint8_t protocol;
  uint16_t off;              // From the start of the IPv6 header.
  uint16_t next_header_off;  // Of the byte that names `protocol`.
  bool router_alert;         // A hop-by-hop router alert option (RFC 2711) was there.
  bool fragmented;           // A fragment header was there, if only of a whole packet (RFC 6946).
  so_ipv6_fragment fragment;
  // PROBLEM: the parameter problem to answer with.
  uint8_t code;
  uint16_t pointer;
  bool even_multicast;  // Also when the packet was sent to a multicast address.
} so_ipv6_chain;

// so_ipv6_walk goes through the headers of a packet. `head` is its first bytes, from the IPv6
// header (which so_ipv6_parse accepted) on: all of them, or at least SO_IPV6_WALK_LEN.
// `packet_len` is 40 + payload_len. `reassembled`: it was put together from fragments, and a
// header that belongs before the fragment header is refused. Never fails: refusal is a verdict.
so_ipv6_chain so_ipv6_walk(so_bytes head, size_t packet_len, bool reassembled);

// --- fragmenting -----------------------------------------------------------------------------

typedef struct so_ipv6_fragment_sink {
  void (*packet)(void *ctx, so_packet *packet);  // Takes it.
  void *ctx;
} so_ipv6_fragment_sink;

// so_ipv6_fragment_out cuts `payload` (what follows the IPv6 header; not taken, shared by
// reference) into packets of at most `mtu` bytes (>= SO_IPV6_MTU_MIN) and gives each, with IPv6
// and fragment header, to `sink`. `h->payload_len` is ignored and `h->next_header` names what the
// payload starts with. All or nothing. LIMIT: the pool is used up, or the payload is longer than
// SO_IPV6_PAYLOAD_LEN_MAX.
SO_MUST_USE so_status so_ipv6_fragment_out(so_packet_pool *pool, const so_packet *payload,
                                           const so_ipv6_header *h, uint16_t mtu, uint32_t id,
                                           const so_ipv6_fragment_sink *sink);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_IPV6_IPV6_H_
