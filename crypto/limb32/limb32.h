#ifndef SO_CRYPTO_LIMB32_LIMB32_H_
#define SO_CRYPTO_LIMB32_LIMB32_H_

// Numbers of 256 bits as eight limbs of 32, least significant first: what the curves have in common on processors
// that multiply 32 by 32 bits.
//
// CT: time and memory accesses do not depend on the numbers, given a multiplication whose time does not: so Cortex-A7
// and later.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_LIMB32_COUNT 8

// so_limb32_add and so_limb32_sub propagate a carry or borrow of 0 or 1 through `*carry`. A borrow is kept as the
// complement of a carry, for which the compiler knows the processor's instruction.
static inline uint32_t so_limb32_add(uint32_t a, uint32_t b, uint32_t *carry) {
  unsigned over;
  const uint32_t sum = __builtin_addc(a, b, *carry, &over);
  *carry = over;
  return sum;
}

static inline uint32_t so_limb32_sub(uint32_t a, uint32_t b, uint32_t *borrow) {
  unsigned over;
  const uint32_t difference = __builtin_addc(a, ~b, *borrow ^ 1, &over);
  *borrow = over ^ 1;
  return difference;
}

// so_limb32_add_row does t += a * b and returns the carry out of t.
#if defined(__arm__)
// One instruction multiplies and adds two limbs, which cannot overflow two. The compiler knows it, but loses t to
// memory between the products.
static inline uint32_t so_limb32_add_row(uint32_t t[8], const uint32_t a[8], uint32_t b) {
  uint32_t carry = 0, limb;
  __asm__(
      "ldr %[limb], [%[a]]\n"
      "umaal %[t0], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #4]\n"
      "umaal %[t1], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #8]\n"
      "umaal %[t2], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #12]\n"
      "umaal %[t3], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #16]\n"
      "umaal %[t4], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #20]\n"
      "umaal %[t5], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #24]\n"
      "umaal %[t6], %[carry], %[limb], %[b]\n"
      "ldr %[limb], [%[a], #28]\n"
      "umaal %[t7], %[carry], %[limb], %[b]\n"
      : [t0] "+r"(t[0]), [t1] "+r"(t[1]), [t2] "+r"(t[2]), [t3] "+r"(t[3]), [t4] "+r"(t[4]),
        [t5] "+r"(t[5]), [t6] "+r"(t[6]), [t7] "+r"(t[7]), [carry] "+r"(carry),
        [limb] "=&r"(limb)
      : [a] "r"(a), [b] "r"(b)
      : "memory");
  return carry;
}
#else
static inline uint32_t so_limb32_add_row(uint32_t t[8], const uint32_t a[8], uint32_t b) {
  uint32_t carry = 0;
  for (unsigned i = 0; i < 8; i++) {
    const uint64_t sum = (uint64_t)a[i] * b + t[i] + carry;
    t[i] = (uint32_t)sum;
    carry = (uint32_t)(sum >> 32);
  }
  return carry;
}
#endif

// so_limb32_mul is the whole product; `out` is neither factor.
static inline void so_limb32_mul(const uint32_t a[8], const uint32_t b[8], uint32_t out[16]) {
  uint32_t t[8] = {0};
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 8; i++) {
    const uint32_t carry = so_limb32_add_row(t, a, b[i]);
    out[i] = t[0];
    for (unsigned j = 0; j < 7; j++) {
      t[j] = t[j + 1];
    }
    t[7] = carry;
  }
  for (unsigned j = 0; j < 8; j++) {
    out[8 + j] = t[j];
  }
}

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_LIMB32_LIMB32_H_
