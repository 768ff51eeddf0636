#ifndef SO_CRYPTO_ED25519_ED25519_H_
#define SO_CRYPTO_ED25519_ED25519_H_

// Ed25519 signatures (RFC 8032 section 5.1, the pure variant: no context, no prehash).
//
// Verification is strict, so that one message has one set of acceptable signatures everywhere:
//   - s must be below the group order (no malleability);
//   - the public key must be a canonical encoding of a curve point (y below p, no negative zero);
//   - a public key of small order is refused, since signatures under it bind no message;
//   - the equation is the cofactorless one, compared as bytes, which refuses every R that is not a
//     canonical encoding.
// CT: signing and key derivation do not depend on the seed in time or memory accesses; time does
// depend on the length of the message. Verification handles public values only.

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ED25519_SEED_LEN 32
#define SO_ED25519_PUBLIC_LEN 32
#define SO_ED25519_SIG_LEN 64

// so_ed25519_public derives the public key of a seed (the private key of RFC 8032: 32 random
// bytes). `out` may overlap `seed`.
void so_ed25519_public(const uint8_t seed[SO_ED25519_SEED_LEN], uint8_t out[SO_ED25519_PUBLIC_LEN]);

// so_ed25519_sign signs a message of any length. `public_key` must be that of `seed`: a signature
// made with another one would give the seed away. `out` must not overlap `message`.
void so_ed25519_sign(const uint8_t seed[SO_ED25519_SEED_LEN],
                     const uint8_t public_key[SO_ED25519_PUBLIC_LEN], so_bytes message,
                     uint8_t out[SO_ED25519_SIG_LEN]);

// so_ed25519_verify is OK when `sig` is a signature of `message`, else DENIED.
SO_MUST_USE so_status so_ed25519_verify(const uint8_t public_key[SO_ED25519_PUBLIC_LEN],
                                        so_bytes message, const uint8_t sig[SO_ED25519_SIG_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_ED25519_ED25519_H_
