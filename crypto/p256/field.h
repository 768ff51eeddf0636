#ifndef SO_CRYPTO_P256_FIELD_H_
#define SO_CRYPTO_P256_FIELD_H_

// The field of integers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1, in Montgomery form, inline
// for group.c alone. Every element is below p; any output may be an input.
// CT: time and memory accesses do not depend on the elements.

#include "crypto/ct/ct.h"
#include "crypto/limb32/limb32.h"
#include "crypto/mont256/mont256.h"

#define FIELD_P                                                                        \
  SO_U256(UINT64_C(0xffffffffffffffff), UINT64_C(0x00000000ffffffff), UINT64_C(0),     \
          UINT64_C(0xffffffff00000001))

static const so_mont256 field = {
    {FIELD_P},
    {SO_U256(UINT64_C(1), UINT64_C(0xffffffff00000000), UINT64_C(0xffffffffffffffff),
             UINT64_C(0x00000000fffffffe))},
    {SO_U256(UINT64_C(3), UINT64_C(0xfffffffbffffffff), UINT64_C(0xfffffffffffffffe),
             UINT64_C(0x00000004fffffffd))},
    1,
};

// Subtracts p once when the number in t and top is p or more; it is below 2p.
static inline void field_subtract_once(const so_limb t[SO_LIMB_COUNT], so_limb top, so_u256 *out) {
  const so_limb p[SO_LIMB_COUNT] = FIELD_P;
  so_limb less[SO_LIMB_COUNT];
  so_limb borrow = 0;
  for (unsigned i = 0; i < SO_LIMB_COUNT; i++) {
    less[i] = so_limb_sub(t[i], p[i], &borrow);
  }
  (void)so_limb_sub(top, 0, &borrow);
  const so_limb keep = (so_limb)so_ct_mask(borrow);
  for (unsigned i = 0; i < SO_LIMB_COUNT; i++) {
    out->v[i] = (keep & t[i]) | (~keep & less[i]);
  }
}

static inline void field_add(const so_u256 *a, const so_u256 *b, so_u256 *out) {
  so_limb t[SO_LIMB_COUNT];
  so_limb carry = 0;
  for (unsigned i = 0; i < SO_LIMB_COUNT; i++) {
    t[i] = so_limb_add(a->v[i], b->v[i], &carry);
  }
  field_subtract_once(t, carry, out);
}

static inline void field_sub(const so_u256 *a, const so_u256 *b, so_u256 *out) {
  const so_limb p[SO_LIMB_COUNT] = FIELD_P;
  so_limb t[SO_LIMB_COUNT];
  so_limb borrow = 0;
  for (unsigned i = 0; i < SO_LIMB_COUNT; i++) {
    t[i] = so_limb_sub(a->v[i], b->v[i], &borrow);
  }
  const so_limb below = (so_limb)so_ct_mask(borrow);
  so_limb carry = 0;
  for (unsigned i = 0; i < SO_LIMB_COUNT; i++) {
    out->v[i] = so_limb_add(t[i], below & p[i], &carry);
  }
}

static inline void field_triple(const so_u256 *a, so_u256 *out) {
  so_u256 twice;
  field_add(a, a, &twice);
  field_add(&twice, a, out);
}

#if SO_LIMB_BITS == 64
// Since p = -1 mod 2^64, the multiple of p that clears the lowest limb q is q * p itself, and
// q * p + q = q * 2^96 + q * (2^64 - 2^32 + 1) * 2^192: two shifts and one product.
static inline void field_mul(const so_u256 *a, const so_u256 *b, so_u256 *out) {
  so_limb t[6] = {0};
  for (unsigned i = 0; i < 4; i++) {
    so_limb_add_row(a, b->v[i], t);
    const so_limb q = t[0];
    const so_limb_pair product = (so_limb_pair)q * UINT64_C(0xffffffff00000001);
    so_limb carry = 0;
    t[0] = so_limb_add(t[1], q << 32, &carry);
    t[1] = so_limb_add(t[2], q >> 32, &carry);
    t[2] = so_limb_add(t[3], (so_limb)product, &carry);
    t[3] = so_limb_add(t[4], (so_limb)(product >> 64), &carry);
    t[4] = t[5] + carry;
  }
  field_subtract_once(t, t[4], out);
}
#else
// The whole product t, then its words from the lowest on. With q[k] what word k has come to, adding
// q[k] * p * 2^(32 k) clears it and adds q[k] to words k + 3, k + 6 and k + 8 and takes it from word k + 7. So a word is
// the sum of four earlier ones beside its own, and the sums are signed numbers far below 2^63.
static inline void field_mul(const so_u256 *a, const so_u256 *b, so_u256 *out) {
  uint32_t t[16], q[8], high[8];
  so_limb32_mul(a->v, b->v, t);
  int64_t sum = 0;
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < 16; k++) {
    sum += t[k];
    sum += k >= 3 && k < 11 ? q[k - 3] : 0;
    sum += k >= 6 && k < 14 ? q[k - 6] : 0;
    sum -= k >= 7 && k < 15 ? q[k - 7] : 0;
    sum += k >= 8 ? q[k - 8] : 0;
    *(k < 8 ? &q[k] : &high[k - 8]) = (uint32_t)sum;
    sum >>= 32;
  }
  field_subtract_once(high, (so_limb)sum, out);
}
#endif

static inline void field_sqr(const so_u256 *a, so_u256 *out) { field_mul(a, a, out); }

#endif  // SO_CRYPTO_P256_FIELD_H_
