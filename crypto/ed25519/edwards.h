#ifndef SO_CRYPTO_ED25519_EDWARDS_H_
#define SO_CRYPTO_ED25519_EDWARDS_H_

// The group of the curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo 2^255 - 19.
//
// Points are (X : Y : Z : T) with x = X/Z, y = Y/Z, T = XY/Z, all tight (RFC 8032 5.1.4). The
// addition formulas are complete: no pair of points, equal, opposite or neutral, is an exception.
// Scalars are 32 bytes, little-endian, below 2^255; they need not be below the group order.
// CT: time and memory accesses depend on neither scalars nor points, except where a function says
// that its input is public. Used by //crypto/ed25519 and //crypto/x25519 alone.

#include <stdint.h>

#include "base/status.h"
#include "crypto/f25519/f25519.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_edwards {
  so_fe x, y, z, t;
} so_edwards;

// so_edwards_base_words holds the base point B: entry [j][i] is (i + 1) * 256^j * B, affine, as
// y + x, y - x and 2dxy in four little-endian words each. generate_table.py proves it.
extern const uint64_t so_edwards_base_words[32][8][3][4];

// so_edwards_decode reads a public point, strictly: MALFORMED for y >= p, for a y without x, and
// for x = 0 with the sign bit set (RFC 8032 5.1.3).
SO_MUST_USE so_status so_edwards_decode(const uint8_t in[32], so_edwards *out);

// so_edwards_encode writes y with the parity of x in bit 255 (RFC 8032 5.1.2).
void so_edwards_encode(const so_edwards *p, uint8_t out[32]);

// so_edwards_mul_base is k * B; so_edwards_mul_add_base is s * B + k * p. `out` may be `p`.
void so_edwards_mul_base(const uint8_t k[32], so_edwards *out);
void so_edwards_mul_add_base(const uint8_t s[32], const uint8_t k[32], const so_edwards *p,
                             so_edwards *out);

// so_edwards_negate replaces p by -p.
void so_edwards_negate(so_edwards *p);

// so_edwards_is_small_order is the mask of 8 * p being the neutral element.
uint64_t so_edwards_is_small_order(const so_edwards *p);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_ED25519_EDWARDS_H_
