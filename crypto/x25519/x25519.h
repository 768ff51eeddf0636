#ifndef SO_CRYPTO_X25519_X25519_H_
#define SO_CRYPTO_X25519_X25519_H_

// X25519 key agreement (RFC 7748 section 5).
//
// A private key is any 32 random bytes: clamping is done here, on a copy. Keys are bytes in the
// RFC's own form; points are not checked, because every 32-byte string names one.
// CT: time and memory accesses do not depend on the private key or the point. Whether a shared
// secret is all zero is revealed by the status.

#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_X25519_LEN 32

// so_x25519 multiplies the peer's point by the clamped scalar. DENIED, with `out` zeroed, when the
// result is all zero, which a peer brings about with a point of small order (RFC 7748 6.1, a check
// that TLS 1.3 requires). `out` may overlap the inputs.
SO_MUST_USE so_status so_x25519(const uint8_t scalar[SO_X25519_LEN],
                                const uint8_t point[SO_X25519_LEN], uint8_t out[SO_X25519_LEN]);

// so_x25519_public is the public key of a private one: so_x25519 with the point 9, several times
// faster. It cannot fail. `out` may overlap `scalar`.
void so_x25519_public(const uint8_t scalar[SO_X25519_LEN], uint8_t out[SO_X25519_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_X25519_X25519_H_
