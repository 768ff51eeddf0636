#ifndef SO_NET_CHECKSUM_CHECKSUM_H_
#define SO_NET_CHECKSUM_CHECKSUM_H_

// The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit
// words.
//
// A so_checksum is a sum on its way: bytes are added in as many pieces as they lie in, of odd
// lengths too, and folded once at the end. Sums are kept in the byte order of the machine (RFC 1071
// 1.B) and swapped when folded, so that adding costs one load and one addition for four bytes. A
// sum has room for 2^32 bytes, far beyond any packet. CT: time depends on lengths alone.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "net/address/address.h"
#include "net/packet/packet.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_checksum {
  uint64_t sum;
  bool odd;  // An odd number of bytes was added so far.
} so_checksum;

static inline so_checksum so_checksum_start(void) {
  const so_checksum c = {0, false};
  return c;
}

// so_checksum_add adds bytes, as if they followed those added before.
void so_checksum_add(so_checksum *c, so_bytes bytes);

// so_checksum_add_packet adds [off, off + len) of a packet, which must lie within it.
void so_checksum_add_packet(so_checksum *c, const so_packet *p, size_t off, size_t len);

// so_checksum_add_pseudo adds the pseudo-header of RFC 9293 3.1 or RFC 8200 8.1: addresses of one
// family, protocol, and length of transport header and payload. Before any odd number of bytes.
void so_checksum_add_pseudo(so_checksum *c, const so_ip *src, const so_ip *dst, uint8_t protocol,
                            uint32_t len);

// so_checksum_fold returns the sum itself, 16 bits, not complemented: what a device expects in
// the field of a partial checksum.
uint16_t so_checksum_fold(const so_checksum *c);

// so_checksum_end returns the complement: what goes into a header (for UDP, 0 is sent as 0xffff).
// Over bytes that hold a right checksum it is 0.
uint16_t so_checksum_end(const so_checksum *c);

// so_checksum_of is the checksum of one range.
uint16_t so_checksum_of(so_bytes bytes);

// so_checksum_update is the checksum after a 16-bit word under it changed (RFC 1624, equation 3).
uint16_t so_checksum_update(uint16_t checksum, uint16_t old_word, uint16_t new_word);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_CHECKSUM_CHECKSUM_H_
