#ifndef SO_NET_ICMP_ICMP_H_
#define SO_NET_ICMP_ICMP_H_

// ICMP for IPv4 (RFC 792, RFC 1122 3.2.2): the message, errors read and made, and how many are
// sent.
//
// What is not here on purpose: redirects (ignored: routing is not for the link to say), source
// quench (RFC 6633), timestamps, address masks and router discovery (RFC 6918).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "net/address/address.h"
#include "net/icmp/error.h"
#include "net/ipv4/ipv4.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ICMP_HEADER_LEN 8u
// An error is at most 576 bytes with its IP header (RFC 1812 4.3.2.3).
#define SO_ICMP_QUOTE_LEN_MAX (576u - SO_IPV4_HEADER_LEN - SO_ICMP_HEADER_LEN)

enum {
  SO_ICMP_ECHO_REPLY = 0,
  SO_ICMP_UNREACHABLE = 3,
  SO_ICMP_SOURCE_QUENCH = 4,
  SO_ICMP_REDIRECT = 5,
  SO_ICMP_ECHO_REQUEST = 8,
  SO_ICMP_TIME_EXCEEDED = 11,
  SO_ICMP_PARAMETER_PROBLEM = 12,
};

// Codes of unreachable and time exceeded that are used here.
enum {
  SO_ICMP_CODE_PROTOCOL = 2,
  SO_ICMP_CODE_PORT = 3,
  SO_ICMP_CODE_TOO_BIG = 4,
  SO_ICMP_CODE_REASSEMBLY = 1,
};

typedef struct so_icmp_header {
  uint8_t type;
  uint8_t code;
  uint16_t checksum;
  uint32_t rest;  // Identifier and sequence of an echo, next-hop MTU, ...
} so_icmp_header;

// so_icmp_parse reads the first 8 bytes. MALFORMED: fewer. The checksum over the whole message is
// the caller's to check, who holds it in pieces.
SO_MUST_USE so_status so_icmp_parse(so_bytes message, so_icmp_header *out);
// so_icmp_emit writes 8 bytes, `checksum` as it is given.
void so_icmp_emit(const so_icmp_header *h, uint8_t out[SO_ICMP_HEADER_LEN]);

bool so_icmp_is_error(uint8_t type);

// so_icmp_read_error reads an error message (type, code, quote). `out->mtu` is what the router says
// (0 by old ones) and out->from stays unset; *sent_len is the quoted packet's length. MALFORMED:
// the quote names no ports. UNSUPPORTED: a type that is not acted on, or the quote of a later
// fragment.
SO_MUST_USE so_status so_icmp_read_error(so_bytes message, so_ip_error *out, uint16_t *sent_len);

// so_icmp_may_answer says whether an error about a packet is allowed (RFC 1122 3.2.2): not about
// errors, groups or broadcasts (of IP or of the link), later fragments, or a source that is not one
// host. `start` holds the first bytes after the IP header, at least the ICMP type when it is ICMP.
bool so_icmp_may_answer(const so_ipv4_header *h, so_bytes start, bool link_group);

// so_icmp_make_error makes an error message about the packet with header `h` and what follows it
// (`payload`; copied, as far as quoted). src and dst of the result are set. NULL: no buffers.
so_packet *so_icmp_make_error(so_packet_pool *pool, uint8_t type, uint8_t code, uint32_t rest,
                              const so_ipv4_header *h, const so_packet *payload);

// --- rate (RFC 1812 4.3.2.8) -----------------------------------------------------------------

#define SO_ICMP_LIMIT_SLOTS 256u

// Two token buckets, kept as times (see so_icmp_limit_take): one for all, and one for each hash of
// an address, with a quarter of the rate, so that one peer cannot use up everybody's.
typedef struct so_icmp_limit {
  uint64_t interval_ns;
  uint64_t burst_ns;
  uint8_t key[16];
  uint64_t all_ns;
  uint64_t slot_ns[SO_ICMP_LIMIT_SLOTS];
} so_icmp_limit;

void so_icmp_limit_init(so_icmp_limit *l, const uint8_t key[16], uint32_t per_second);

// so_icmp_limit_take says whether a message may go to `dst` now, and counts it.
bool so_icmp_limit_take(so_icmp_limit *l, const so_ip *dst, uint64_t now_ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_ICMP_ICMP_H_
