#ifndef SO_NET_IPV4_IPV4_H_
#define SO_NET_IPV4_IPV4_H_

// IPv4 on the wire (RFC 791): the header, checked; and packets cut into fragments.
//
// Options are looked at as far as safety asks: they must be well formed, source routes are refused
// (RFC 7126 4.3, 4.4), the rest is skipped. None is ever sent.

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

#define SO_IPV4_HEADER_LEN 20u
#define SO_IPV4_HEADER_LEN_MAX 60u
#define SO_IPV4_LEN_MAX 65535u
#define SO_IPV4_OPTIONS_MAX 40u

typedef struct so_ipv4_header {
  uint8_t header_len;  // Parsed: 20 to 60. Emitted headers have 20.
  uint8_t traffic_class;
  uint16_t total_len;
  uint16_t id;
  bool dont_fragment;
  bool more_fragments;
  uint16_t fragment_off;  // Bytes; a multiple of 8.
  uint8_t hop_limit;
  uint8_t protocol;
  so_ip src;
  so_ip dst;
} so_ipv4_header;

// so_ipv4_header_len says how many bytes the header that starts with `first` has, or 0 when it is
// none.
uint8_t so_ipv4_header_len(uint8_t first);

// so_ipv4_parse reads the header in front of `packet`, which holds at least the whole header and
// belongs to a packet of `packet_len` bytes (link padding included). CORRUPT: the checksum is
// wrong. DENIED: a source route. MALFORMED: everything else that is not a header, or lengths that
// cannot be.
SO_MUST_USE so_status so_ipv4_parse(so_bytes packet, size_t packet_len, so_ipv4_header *out);

// so_ipv4_parse_quote reads a header quoted by an ICMP error: what follows it may have been cut
// off, and routers may have changed it without mending the checksum. MALFORMED.
SO_MUST_USE so_status so_ipv4_parse_quote(so_bytes packet, so_ipv4_header *out);

// so_ipv4_emit writes 20 bytes with their checksum.
void so_ipv4_emit(const so_ipv4_header *h, uint8_t out[SO_IPV4_HEADER_LEN]);

// so_ipv4_fragment cuts `payload` into packets of at most `mtu` bytes with a header each (from `h`;
// its length, offset and flag are set), in a list by `next`. The payload is shared, not copied, and
// stays the caller's. LIMIT: no buffers, and then nothing is left behind; or longer than IPv4 can
// say.
SO_MUST_USE so_status so_ipv4_fragment(so_packet_pool *pool, const so_packet *payload,
                                       const so_ipv4_header *h, uint32_t mtu, so_packet **out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_IPV4_IPV4_H_
