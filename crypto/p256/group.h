#ifndef SO_CRYPTO_P256_GROUP_H_
#define SO_CRYPTO_P256_GROUP_H_

// The group of P-256, for //crypto/p256 and //crypto/ecdsa alone.
//
// Points are homogeneous (X : Y : Z), x = X/Z, y = Y/Z, coordinates in Montgomery form; infinity is
// (0 : 1 : 0). The addition formulas are complete (Renes, Costello, Batina 2016, a = -3): no pair
// of points is an exception, so there is no case to test for and none to forget.
// CT: time and memory accesses depend on neither scalars nor points, except in
// so_p256_point_decode, which takes public bytes.

#include <stdint.h>

#include "base/status.h"
#include "crypto/mont256/mont256.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_p256_point {
  so_u256 x, y, z;
} so_p256_point;

// so_p256_group_order is n, the number of points, a prime.
extern const so_mont256 so_p256_group_order;

// so_p256_base_words holds the base point G: entry [j][i] is (i + 1) * 2^(10 j) * G, affine, x and
// y in Montgomery form, four little-endian words each. generate_table.py proves it.
extern const uint64_t so_p256_base_words[26][16][2][4];

// so_p256_point_decode reads 0x04, x, y; MALFORMED for another first byte, a coordinate of p or
// more, and a point off the curve.
SO_MUST_USE so_status so_p256_point_decode(const uint8_t in[65], so_p256_point *out);

// so_p256_point_encode writes 0x04, x, y. The point is not infinity.
void so_p256_point_encode(const so_p256_point *p, uint8_t out[65]);

// so_p256_point_x gives the affine x as a plain number, and 0 for infinity.
void so_p256_point_x(const so_p256_point *p, so_u256 *out);

// so_p256_point_mul is k * p and so_p256_point_mul_base k * G, for any plain k.
void so_p256_point_mul(const so_u256 *k, const so_p256_point *p, so_p256_point *out);
void so_p256_point_mul_base(const so_u256 *k, so_p256_point *out);

void so_p256_point_add(const so_p256_point *p, const so_p256_point *q, so_p256_point *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_P256_GROUP_H_
