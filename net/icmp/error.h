#ifndef SO_NET_ICMP_ERROR_H_
#define SO_NET_ICMP_ERROR_H_

// What an ICMP or ICMPv6 error says about a packet that we sent, in one shape for both families.
//
// Made by IP, read by transports. IP has checked the checksum, that the quote is whole enough to
// name ports, and that the quoted source is an address of ours. It cannot check that the quoted
// packet was really sent: that is the transport's part (RFC 5927 4), which alone knows ports and
// sequence numbers.

#include <stdint.h>

#include "base/bytes.h"
#include "net/address/address.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IP_ERROR_QUOTE_LEN_MIN 8u  // Both ports, and the sequence number of TCP (RFC 792).

typedef enum so_ip_error_kind {
  SO_IP_ERROR_UNREACHABLE = 1,  // Network, host or source route: soft, may pass (RFC 5461).
  SO_IP_ERROR_PROHIBITED,       // A filter on the way says no.
  SO_IP_ERROR_PROTOCOL,         // The destination does not speak the protocol.
  SO_IP_ERROR_PORT,             // Nobody listens at the port.
  SO_IP_ERROR_TOO_BIG,          // `mtu` says what would pass.
  SO_IP_ERROR_TIME,             // Hop limit or reassembly time exceeded.
  SO_IP_ERROR_PARAMETER,        // The header of what we sent is not understood.
  SO_IP_ERROR_NEIGHBOUR,        // Ours, not ICMP's: nobody answers for the next hop's address.
} so_ip_error_kind;

typedef struct so_ip_error {
  so_ip_error_kind kind;
  uint8_t icmp_type;  // As received; 0 for SO_IP_ERROR_NEIGHBOUR.
  uint8_t icmp_code;
  uint8_t protocol;    // Of the quoted packet.
  // TOO_BIG: bytes of an IP packet; lower than it was, never under the family's floor.
  uint32_t mtu;
  so_ip src;           // Of the quoted packet: an address of ours.
  so_ip dst;           // Of the quoted packet: whom we sent to.
  so_ip from;          // Who reports it.
  so_bytes transport;  // What is quoted of the transport header and after it: at least
                       // SO_IP_ERROR_QUOTE_LEN_MIN bytes. Borrowed for the call.
} so_ip_error;

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_ICMP_ERROR_H_
