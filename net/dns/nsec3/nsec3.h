#ifndef SO_NET_DNS_NSEC3_NSEC3_H_
#define SO_NET_DNS_NSEC3_NSEC3_H_

// The hash of names in NSEC3 chains (RFC 5155 section 5): SHA-1, iterated. SHA-1 lives here and not
// in crypto/ because nothing but this old protocol may use it; names are not secret, and a zone's
// owner gains nothing by colliding two of their own names.

#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DNS_NSEC3_HASH_LEN 20
// More are refused: RFC 9276 asks for none, and each query costs up to four hashes.
#define SO_DNS_NSEC3_ITERATIONS_MAX 150

// so_dns_nsec3_hash hashes an uncompressed name, letters folded, with a salt of at most 255 bytes.
void so_dns_nsec3_hash(so_bytes name, so_bytes salt, uint16_t iterations,
                       uint8_t out[SO_DNS_NSEC3_HASH_LEN]);

// so_dns_sha1 is the one step, for tests by its published vectors.
void so_dns_sha1(so_bytes data, so_bytes salt, uint8_t out[SO_DNS_NSEC3_HASH_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_DNS_NSEC3_NSEC3_H_
