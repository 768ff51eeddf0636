#ifndef SO_NET_ADDRESS_ADDRESS_H_
#define SO_NET_ADDRESS_ADDRESS_H_

// IP addresses of both families as one value: what kind they are, comparing, text.
// A value is canonical: bytes past the family's length are zero, so that values compare as bytes.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "kernel/ports/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IP_TEXT_LEN_MAX 45  // Eight groups, the last two as IPv4 (RFC 4291 2.2).

typedef struct so_ip {
  uint8_t family;  // 4 or 6; 0: none.
  uint8_t bytes[16];
} so_ip;

// so_ip4 and so_ip6 make an address from its bytes in network order.
so_ip so_ip4(const uint8_t bytes[4]);
so_ip so_ip6(const uint8_t bytes[16]);

// so_ip_any is 0.0.0.0 or ::.
so_ip so_ip_any(uint8_t family);
so_ip so_ip_broadcast(void);  // 255.255.255.255

// so_ip_of and so_ip_endpoint convert to and from what the ports use.
so_ip so_ip_of(const so_endpoint *e);
so_endpoint so_ip_endpoint(const so_ip *ip, uint16_t port);

size_t so_ip_len(const so_ip *ip);  // 4, 16 or 0.
bool so_ip_equal(const so_ip *a, const so_ip *b);
bool so_ip_is_any(const so_ip *ip);
bool so_ip_is_multicast(const so_ip *ip);
bool so_ip_is_broadcast(const so_ip *ip);
bool so_ip_is_loopback(const so_ip *ip);
bool so_ip_is_link_local(const so_ip *ip);  // fe80::/10 or 169.254.0.0/16.

// so_ip_in_prefix says whether the first `prefix_len` bits of both agree (same family).
bool so_ip_in_prefix(const so_ip *ip, const so_ip *prefix, uint8_t prefix_len);

// so_ip_solicited_node is the multicast address of RFC 4291 2.7.1 for an IPv6 address.
so_ip so_ip_solicited_node(const so_ip *ip);

// so_ip_parse reads dotted decimal (no leading zeros) or RFC 4291 2.2 text. MALFORMED.
SO_MUST_USE so_status so_ip_parse(so_bytes text, so_ip *out);

// so_ip_write appends the text: dotted decimal, or RFC 5952.
void so_ip_write(const so_ip *ip, so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_ADDRESS_ADDRESS_H_
