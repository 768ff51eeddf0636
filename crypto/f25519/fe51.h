#ifndef SO_CRYPTO_F25519_FE51_H_
#define SO_CRYPTO_F25519_FE51_H_

// Elements as five limbs, element = sum of v[i] * 2^(51 i). Included by f25519.h alone.
//
// Bounds of each limb: tight below 2^51 + 2^14, loose below 2^53, wide below 2^54. Multiplication
// takes up to 2^54: the largest column is then 77 * 2^108 < 2^115, and its carry times 19 fits in
// 64 bits, so settling has nothing to do.

#include <stdint.h>

typedef struct so_fe {
  uint64_t v[5];
} so_fe;

__extension__ typedef unsigned __int128 so_fe_column;

#define SO_FE_MASK ((UINT64_C(1) << 51) - 1)

static inline so_fe so_fe_zero(void) {
  const so_fe r = {{0, 0, 0, 0, 0}};
  return r;
}

static inline so_fe so_fe_one(void) {
  const so_fe r = {{1, 0, 0, 0, 0}};
  return r;
}

static inline so_fe so_fe_from_words(const uint64_t w[4]) {
  const so_fe r = {{
      w[0] & SO_FE_MASK,
      (w[0] >> 51 | w[1] << 13) & SO_FE_MASK,
      (w[1] >> 38 | w[2] << 26) & SO_FE_MASK,
      (w[2] >> 25 | w[3] << 39) & SO_FE_MASK,
      (w[3] >> 12) & SO_FE_MASK,
  }};
  return r;
}

// Brings limbs of up to 63 bits down to tight.
static inline so_fe so_fe_carry(const so_fe *a) {
  so_fe r = *a;
  for (unsigned i = 0; i < 4; i++) {
    r.v[i + 1] += r.v[i] >> 51;
    r.v[i] &= SO_FE_MASK;
  }
  r.v[0] += 19 * (r.v[4] >> 51);
  r.v[4] &= SO_FE_MASK;
  return r;
}

static inline void so_fe_to_words(const so_fe *a, uint64_t w[4]) {
  so_fe r = so_fe_carry(a);
  r = so_fe_carry(&r);
  // Below 2^255 + 19 now. q = 1 exactly when the value is the prime or more: adding 19 then
  // carries out of bit 255.
  uint64_t q = (r.v[0] + 19) >> 51;
  for (unsigned i = 1; i < 5; i++) {
    q = (r.v[i] + q) >> 51;
  }
  r.v[0] += 19 * q;
  for (unsigned i = 0; i < 4; i++) {
    r.v[i + 1] += r.v[i] >> 51;
    r.v[i] &= SO_FE_MASK;
  }
  r.v[4] &= SO_FE_MASK;
  w[0] = r.v[0] | r.v[1] << 51;
  w[1] = r.v[1] >> 13 | r.v[2] << 38;
  w[2] = r.v[2] >> 26 | r.v[3] << 25;
  w[3] = r.v[3] >> 39 | r.v[4] << 12;
}

static inline void so_fe_add(const so_fe *a, const so_fe *b, so_fe *out) {
  for (unsigned i = 0; i < 5; i++) {
    out->v[i] = a->v[i] + b->v[i];
  }
}

// Twice the prime, in limbs above any tight one, keeps the difference from going below zero.
static inline void so_fe_sub(const so_fe *a, const so_fe *b, so_fe *out) {
  const uint64_t low = (UINT64_C(1) << 52) - 38;
  const uint64_t high = (UINT64_C(1) << 52) - 2;
  out->v[0] = a->v[0] + low - b->v[0];
  for (unsigned i = 1; i < 5; i++) {
    out->v[i] = a->v[i] + high - b->v[i];
  }
}

static inline void so_fe_settle(const so_fe *a, so_fe *out) { *out = *a; }

// Carries the five columns of a product around once.
static inline void so_fe_fold(so_fe_column c0, so_fe_column c1, so_fe_column c2, so_fe_column c3,
                              so_fe_column c4, so_fe *out) {
  c1 += (uint64_t)(c0 >> 51);
  c2 += (uint64_t)(c1 >> 51);
  c3 += (uint64_t)(c2 >> 51);
  c4 += (uint64_t)(c3 >> 51);
  const uint64_t v0 = ((uint64_t)c0 & SO_FE_MASK) + 19 * (uint64_t)(c4 >> 51);
  out->v[0] = v0 & SO_FE_MASK;
  out->v[1] = ((uint64_t)c1 & SO_FE_MASK) + (v0 >> 51);
  out->v[2] = (uint64_t)c2 & SO_FE_MASK;
  out->v[3] = (uint64_t)c3 & SO_FE_MASK;
  out->v[4] = (uint64_t)c4 & SO_FE_MASK;
}

// Limb products that land at 2^255 or above come back times 19.
static inline void so_fe_mul(const so_fe *a, const so_fe *b, so_fe *out) {
  const uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
  const uint64_t b0 = b->v[0], b1 = b->v[1], b2 = b->v[2], b3 = b->v[3], b4 = b->v[4];
  const uint64_t t1 = 19 * b1, t2 = 19 * b2, t3 = 19 * b3, t4 = 19 * b4;
  const so_fe_column c0 = (so_fe_column)a0 * b0 + (so_fe_column)a1 * t4 + (so_fe_column)a2 * t3 +
                          (so_fe_column)a3 * t2 + (so_fe_column)a4 * t1;
  const so_fe_column c1 = (so_fe_column)a0 * b1 + (so_fe_column)a1 * b0 + (so_fe_column)a2 * t4 +
                          (so_fe_column)a3 * t3 + (so_fe_column)a4 * t2;
  const so_fe_column c2 = (so_fe_column)a0 * b2 + (so_fe_column)a1 * b1 + (so_fe_column)a2 * b0 +
                          (so_fe_column)a3 * t4 + (so_fe_column)a4 * t3;
  const so_fe_column c3 = (so_fe_column)a0 * b3 + (so_fe_column)a1 * b2 + (so_fe_column)a2 * b1 +
                          (so_fe_column)a3 * b0 + (so_fe_column)a4 * t4;
  const so_fe_column c4 = (so_fe_column)a0 * b4 + (so_fe_column)a1 * b3 + (so_fe_column)a2 * b2 +
                          (so_fe_column)a3 * b1 + (so_fe_column)a4 * b0;
  so_fe_fold(c0, c1, c2, c3, c4, out);
}

static inline void so_fe_sqr(const so_fe *a, so_fe *out) {
  const uint64_t a0 = a->v[0], a1 = a->v[1], a2 = a->v[2], a3 = a->v[3], a4 = a->v[4];
  const uint64_t d0 = 2 * a0, d1 = 2 * a1, d2 = 2 * a2;
  const uint64_t t3 = 19 * a3, t4 = 19 * a4;
  const so_fe_column c0 =
      (so_fe_column)a0 * a0 + (so_fe_column)d1 * t4 + (so_fe_column)d2 * t3;
  const so_fe_column c1 =
      (so_fe_column)d0 * a1 + (so_fe_column)d2 * t4 + (so_fe_column)a3 * t3;
  const so_fe_column c2 =
      (so_fe_column)d0 * a2 + (so_fe_column)a1 * a1 + (so_fe_column)(2 * a3) * t4;
  const so_fe_column c3 =
      (so_fe_column)d0 * a3 + (so_fe_column)d1 * a2 + (so_fe_column)a4 * t4;
  const so_fe_column c4 =
      (so_fe_column)d0 * a4 + (so_fe_column)d1 * a3 + (so_fe_column)a2 * a2;
  so_fe_fold(c0, c1, c2, c3, c4, out);
}

static inline void so_fe_mul_small(const so_fe *a, uint32_t k, so_fe *out) {
  so_fe_fold((so_fe_column)a->v[0] * k, (so_fe_column)a->v[1] * k, (so_fe_column)a->v[2] * k,
             (so_fe_column)a->v[3] * k, (so_fe_column)a->v[4] * k, out);
}

static inline void so_fe_swap(uint64_t mask, so_fe *a, so_fe *b) {
  for (unsigned i = 0; i < 5; i++) {
    const uint64_t x = mask & (a->v[i] ^ b->v[i]);
    a->v[i] ^= x;
    b->v[i] ^= x;
  }
}

#endif  // SO_CRYPTO_F25519_FE51_H_
