#ifndef SO_CRYPTO_F25519_FE32_H_
#define SO_CRYPTO_F25519_FE32_H_

// Elements as eight limbs of 32 bits, least significant first. Included by f25519.h alone.
//
// Any number below 2^256 is an element: tight, loose and wide are the same here, as additions carry at once. What
// passes 2^256 comes back times 38. A first such fold can pass it once more, but only by less than what was folded in,
// so that a second one is for the lowest limb alone.

#include <stdint.h>

#include "crypto/limb32/limb32.h"

typedef struct so_fe {
  uint32_t v[8];
} so_fe;

static inline so_fe so_fe_zero(void) {
  const so_fe r = {{0}};
  return r;
}

static inline so_fe so_fe_one(void) {
  const so_fe r = {{1}};
  return r;
}

static inline so_fe so_fe_from_words(const uint64_t w[4]) {
  so_fe r;
  for (unsigned i = 0; i < 4; i++) {
    r.v[2 * i] = (uint32_t)w[i];
    r.v[2 * i + 1] = (uint32_t)(w[i] >> 32);
  }
  r.v[7] &= 0x7fffffff;
  return r;
}

// What a carry of 0 or 1 is worth. A product with it would invite the compiler to branch.
static inline uint32_t so_fe_38_if(uint32_t carry) { return 38 & so_ct_mask32(carry); }

// Adds `low` to the number, folding what passes 2^256.
static inline void so_fe_add_low(const uint32_t a[8], uint32_t low, so_fe *out) {
  uint32_t carry = 0;
  out->v[0] = so_limb32_add(a[0], low, &carry);
#pragma clang loop unroll(full)
  for (unsigned i = 1; i < 8; i++) {
    out->v[i] = so_limb32_add(a[i], 0, &carry);
  }
  out->v[0] += so_fe_38_if(carry);
}

static inline void so_fe_settle(const so_fe *a, so_fe *out) { *out = *a; }

static inline void so_fe_to_words(const so_fe *a, uint64_t w[4]) {
  so_fe r = *a;
  // 2^255 = 19: what is left is below 2^255 + 19.
  const uint32_t top = r.v[7] >> 31;
  r.v[7] &= 0x7fffffff;
  so_fe_add_low(r.v, 19 & so_ct_mask32(top), &r);
  // Adding 19 carries out of bit 255 exactly when the value is the prime or more, and makes the difference.
  so_fe more;
  so_fe_add_low(r.v, 19, &more);
  const uint32_t reduce = so_ct_mask32(more.v[7] >> 31);
  for (unsigned i = 0; i < 8; i++) {
    r.v[i] ^= reduce & (r.v[i] ^ more.v[i]);
  }
  r.v[7] &= 0x7fffffff;
  for (unsigned i = 0; i < 4; i++) {
    w[i] = r.v[2 * i] | (uint64_t)r.v[2 * i + 1] << 32;
  }
}

static inline void so_fe_add(const so_fe *a, const so_fe *b, so_fe *out) {
  uint32_t t[8], carry = 0;
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    t[i] = so_limb32_add(a->v[i], b->v[i], &carry);
  }
  so_fe_add_low(t, so_fe_38_if(carry), out);
}

static inline void so_fe_sub(const so_fe *a, const so_fe *b, so_fe *out) {
  uint32_t t[8], borrow = 0;
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    t[i] = so_limb32_sub(a->v[i], b->v[i], &borrow);
  }
  const uint32_t low = so_fe_38_if(borrow);
  borrow = 0;
  out->v[0] = so_limb32_sub(t[0], low, &borrow);
#pragma clang loop unroll(full)
  for (unsigned i = 1; i < 8; i++) {
    out->v[i] = so_limb32_sub(t[i], 0, &borrow);
  }
  out->v[0] -= so_fe_38_if(borrow);
}

static inline void so_fe_mul(const so_fe *a, const so_fe *b, so_fe *out) {
  uint32_t product[16], t[8];
  so_limb32_mul(a->v, b->v, product);
  for (unsigned i = 0; i < 8; i++) {
    t[i] = product[i];
  }
  const uint32_t carry = so_limb32_add_row(t, product + 8, 38);
  so_fe_add_low(t, 38 * carry, out);
}

static inline void so_fe_sqr(const so_fe *a, so_fe *out) { so_fe_mul(a, a, out); }

static inline void so_fe_mul_small(const so_fe *a, uint32_t k, so_fe *out) {
  uint32_t t[8] = {0};
  const uint32_t carry = so_limb32_add_row(t, a->v, k);
  so_fe_add_low(t, 38 * carry, out);
}

static inline void so_fe_swap(uint64_t mask, so_fe *a, so_fe *b) {
  for (unsigned i = 0; i < 8; i++) {
    const uint32_t x = (uint32_t)mask & (a->v[i] ^ b->v[i]);
    a->v[i] ^= x;
    b->v[i] ^= x;
  }
}

#endif  // SO_CRYPTO_F25519_FE32_H_
