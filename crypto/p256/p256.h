#ifndef SO_CRYPTO_P256_P256_H_
#define SO_CRYPTO_P256_P256_H_

// The curve P-256 (SP 800-186, secp256r1): key pairs and Diffie-Hellman.
//
// A private key is 32 bytes, big-endian, from 1 to n - 1. A public key is 65 bytes, uncompressed:
// 0x04, x, y. The compressed and hybrid forms and the point at infinity are refused.
// CT: time and memory accesses do not depend on private keys. That a key is out of range or off
// the curve is revealed by the status.

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_P256_PRIVATE_LEN 32
#define SO_P256_PUBLIC_LEN 65
#define SO_P256_SHARED_LEN 32

// so_p256_private_valid is true from 1 to n - 1. Whoever draws a key repeats until it is.
bool so_p256_private_valid(const uint8_t priv[SO_P256_PRIVATE_LEN]);

// so_p256_public_valid is OK for a point on the curve with coordinates below p, else MALFORMED.
SO_MUST_USE so_status so_p256_public_valid(const uint8_t pub[SO_P256_PUBLIC_LEN]);

// so_p256_public derives the public key; MALFORMED, and `out` zeroed, when `priv` is not valid.
SO_MUST_USE so_status so_p256_public(const uint8_t priv[SO_P256_PRIVATE_LEN],
                                     uint8_t out[SO_P256_PUBLIC_LEN]);

// so_p256_ecdh writes the x coordinate of priv * peer; MALFORMED, and `out` zeroed, when either
// key is not valid. The curve has prime order, so a valid pair never gives infinity.
SO_MUST_USE so_status so_p256_ecdh(const uint8_t priv[SO_P256_PRIVATE_LEN],
                                   const uint8_t peer[SO_P256_PUBLIC_LEN],
                                   uint8_t out[SO_P256_SHARED_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_P256_P256_H_
