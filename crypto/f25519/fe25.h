#ifndef SO_CRYPTO_F25519_FE25_H_
#define SO_CRYPTO_F25519_FE25_H_

// Elements as ten limbs of 26 and 25 bits in turn: the limb i has weight 2^ceil(25.5 i). Included
// by f25519.h alone.
//
// Bounds of each limb, in units of its nominal size: tight 1.1, loose 3.3, wide 6.6. With loose
// inputs the largest column of a product is below 2^62.5, and 19 times a limb below 2^32.

#include <stdint.h>

typedef struct so_fe {
  uint32_t v[10];
} so_fe;

static inline so_fe so_fe_zero(void) {
  const so_fe r = {{0}};
  return r;
}

static inline so_fe so_fe_one(void) {
  const so_fe r = {{1}};
  return r;
}

// The number of bits of limb i, and the bit at which it starts.
static inline unsigned so_fe_bits(unsigned i) { return 26 - (i & 1); }
static inline unsigned so_fe_start(unsigned i) { return (51 * i + 1) / 2; }

static inline so_fe so_fe_from_words(const uint64_t w[4]) {
  so_fe r;
  for (unsigned i = 0; i < 10; i++) {
    const unsigned word = so_fe_start(i) / 64, shift = so_fe_start(i) % 64;
    uint64_t bits = w[word] >> shift;
    if (shift > 64 - so_fe_bits(i)) {
      bits |= w[word + 1] << (64 - shift);
    }
    r.v[i] = (uint32_t)bits & ((UINT32_C(1) << so_fe_bits(i)) - 1);
  }
  return r;
}

// Carries columns of up to 63 bits around the ring, from limb 0 to limb 0 and into limb 1.
static inline so_fe so_fe_fold(uint64_t c[10]) {
  for (unsigned i = 0; i < 9; i++) {
    c[i + 1] += c[i] >> so_fe_bits(i);
    c[i] &= (UINT32_C(1) << so_fe_bits(i)) - 1;
  }
  c[0] += 19 * (c[9] >> 25);
  c[9] &= (UINT32_C(1) << 25) - 1;
  c[1] += c[0] >> 26;
  c[0] &= (UINT32_C(1) << 26) - 1;
  so_fe r;
  for (unsigned i = 0; i < 10; i++) {
    r.v[i] = (uint32_t)c[i];
  }
  // Limb 1 may be above its size by the whole carry, so it passes that on.
  r.v[2] += r.v[1] >> 25;
  r.v[1] &= (UINT32_C(1) << 25) - 1;
  return r;
}

static inline void so_fe_settle(const so_fe *a, so_fe *out) {
  uint64_t c[10];
  for (unsigned i = 0; i < 10; i++) {
    c[i] = a->v[i];
  }
  *out = so_fe_fold(c);
}

static inline void so_fe_to_words(const so_fe *a, uint64_t w[4]) {
  so_fe r;
  so_fe_settle(a, &r);
  so_fe_settle(&r, &r);
  // q = 1 exactly when the value is the prime or more: adding 19 then carries out of bit 255.
  uint32_t q = (r.v[0] + 19) >> 26;
  for (unsigned i = 1; i < 10; i++) {
    q = (r.v[i] + q) >> so_fe_bits(i);
  }
  r.v[0] += 19 * q;
  for (unsigned i = 0; i < 9; i++) {
    r.v[i + 1] += r.v[i] >> so_fe_bits(i);
    r.v[i] &= (UINT32_C(1) << so_fe_bits(i)) - 1;
  }
  r.v[9] &= (UINT32_C(1) << 25) - 1;
  w[0] = w[1] = w[2] = w[3] = 0;
  for (unsigned i = 0; i < 10; i++) {
    const unsigned word = so_fe_start(i) / 64, shift = so_fe_start(i) % 64;
    w[word] |= (uint64_t)r.v[i] << shift;
    if (shift > 64 - so_fe_bits(i)) {
      w[word + 1] |= (uint64_t)r.v[i] >> (64 - shift);
    }
  }
}

static inline void so_fe_add(const so_fe *a, const so_fe *b, so_fe *out) {
  for (unsigned i = 0; i < 10; i++) {
    out->v[i] = a->v[i] + b->v[i];
  }
}

// Twice the prime, in limbs above any tight one, keeps the difference from going below zero.
static inline void so_fe_sub(const so_fe *a, const so_fe *b, so_fe *out) {
  for (unsigned i = 0; i < 10; i++) {
    const uint32_t bias = (UINT32_C(2) << so_fe_bits(i)) - (i == 0 ? 38 : 2);
    out->v[i] = a->v[i] + bias - b->v[i];
  }
}

// Two odd limbs have weights whose product is twice that of the column; a product at 2^255 or
// above comes back times 19.
static inline void so_fe_mul(const so_fe *a, const so_fe *b, so_fe *out) {
  uint32_t b19[10];
  uint64_t c[10] = {0};
  for (unsigned j = 1; j < 10; j++) {
    b19[j] = 19 * b->v[j];
  }
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 10; i++) {
    const uint32_t once = a->v[i];
    const uint32_t twice = (i & 1) != 0 ? 2 * once : once;
#pragma clang loop unroll(full)
    for (unsigned j = 0; j < 10; j++) {
      const uint32_t factor = (j & 1) != 0 ? twice : once;
      if (i + j < 10) {
        c[i + j] += (uint64_t)factor * b->v[j];
      } else {
        c[i + j - 10] += (uint64_t)factor * b19[j];
      }
    }
  }
  *out = so_fe_fold(c);
}

// Pairs i < j count twice; twice a loose limb of 26 bits and its double for odd pairs fit in 32.
static inline void so_fe_sqr(const so_fe *a, so_fe *out) {
  uint64_t c[10] = {0};
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 10; i++) {
#pragma clang loop unroll(full)
    for (unsigned j = i; j < 10; j++) {
      const uint32_t factor = a->v[i] << ((i & j & 1) + (i != j ? 1 : 0));
      if (i + j < 10) {
        c[i + j] += (uint64_t)factor * a->v[j];
      } else {
        c[i + j - 10] += (uint64_t)factor * (19 * a->v[j]);
      }
    }
  }
  *out = so_fe_fold(c);
}

static inline void so_fe_mul_small(const so_fe *a, uint32_t k, so_fe *out) {
  uint64_t c[10];
  for (unsigned i = 0; i < 10; i++) {
    c[i] = (uint64_t)a->v[i] * k;
  }
  *out = so_fe_fold(c);
}

static inline void so_fe_swap(uint64_t mask, so_fe *a, so_fe *b) {
  for (unsigned i = 0; i < 10; i++) {
    const uint32_t x = (uint32_t)mask & (a->v[i] ^ b->v[i]);
    a->v[i] ^= x;
    b->v[i] ^= x;
  }
}

#endif  // SO_CRYPTO_F25519_FE25_H_
