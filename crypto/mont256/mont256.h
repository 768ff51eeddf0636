#ifndef SO_CRYPTO_MONT256_MONT256_H_
#define SO_CRYPTO_MONT256_MONT256_H_

// Arithmetic modulo a fixed odd number of 253 to 256 bits, in Montgomery form, and the machine word
// that all of our elliptic-curve code is built on.
//
// A number is SO_LIMB_COUNT limbs, least significant first. Where the compiler has 128-bit integers
// a limb has 64 bits; elsewhere, and everywhere with -DSO_NARROW (which lets a 64-bit machine test
// the other path), it has 32. The source is the same for both.
// A number x is in Montgomery form as x * 2^256 mod m. Every function takes and gives numbers
// below m unless it says otherwise, and any output may be the same object as an input.
// CT: time and memory accesses do not depend on the numbers, only on the modulus.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__SIZEOF_INT128__) && !defined(SO_NARROW)
#define SO_LIMB_BITS 64
#define SO_LIMB_COUNT 4
typedef uint64_t so_limb;
__extension__ typedef unsigned __int128 so_limb_pair;
#define SO_U256(w0, w1, w2, w3) {w0, w1, w2, w3}
#else
#include "crypto/limb32/limb32.h"
#define SO_LIMB_BITS 32
#define SO_LIMB_COUNT 8
typedef uint32_t so_limb;
typedef uint64_t so_limb_pair;
#define SO_U64_LIMBS(w) (uint32_t)((w)&0xffffffffu), (uint32_t)((w) >> 32)
#define SO_U256(w0, w1, w2, w3) \
  { SO_U64_LIMBS(w0), SO_U64_LIMBS(w1), SO_U64_LIMBS(w2), SO_U64_LIMBS(w3) }
#endif

typedef struct so_u256 {
  so_limb v[SO_LIMB_COUNT];
} so_u256;

typedef struct so_mont256 {
  so_u256 m;
  so_u256 one;      // 2^256 mod m: the number 1 in Montgomery form.
  so_u256 rr;       // 2^512 mod m: takes a number into Montgomery form.
  so_limb neg_inv;  // -1/m modulo the limb; its low half is right for narrow limbs.
} so_mont256;

// so_u256_from_be and so_u256_from_le read any 32 bytes; the result may exceed a modulus.
so_u256 so_u256_from_be(const uint8_t in[32]);
so_u256 so_u256_from_le(const uint8_t in[32]);
void so_u256_to_be(const so_u256 *a, uint8_t out[32]);
void so_u256_to_le(const so_u256 *a, uint8_t out[32]);

// so_u256_less is the mask of a < b, so_u256_is_zero the mask of a == 0; for any numbers.
uint64_t so_u256_less(const so_u256 *a, const so_u256 *b);
uint64_t so_u256_is_zero(const so_u256 *a);

// so_mont256_mul is a * b / 2^256 mod m. One factor may be any number below 2^256.
void so_mont256_mul(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out);
void so_mont256_add(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out);
void so_mont256_sub(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out);

// so_mont256_enter reduces any number below 2^256 and takes it into Montgomery form;
// so_mont256_leave takes it out again.
void so_mont256_enter(const so_mont256 *mod, const so_u256 *a, so_u256 *out);
void so_mont256_leave(const so_mont256 *mod, const so_u256 *a, so_u256 *out);

// so_mont256_reduce is a mod m for any a below 2^256, both plain or both in Montgomery form.
void so_mont256_reduce(const so_mont256 *mod, const so_u256 *a, so_u256 *out);

// so_mont256_invert is 1/a in Montgomery form for a prime modulus, by Fermat; 0 for 0.
void so_mont256_invert(const so_mont256 *mod, const so_u256 *a, so_u256 *out);

// so_limb_add and so_limb_sub propagate a carry or borrow of 0 or 1 through `*carry`. The compiler
// turns a chain of its own carry operations into one of the processor's, but not always a chain of
// double-width sums: the operations of a curve take a third less time.
#if SO_LIMB_BITS == 64 && defined(__x86_64__) && defined(__clang__)
static inline so_limb so_limb_add(so_limb a, so_limb b, so_limb *carry) {
  unsigned long long sum;
  *carry = __builtin_ia32_addcarryx_u64((unsigned char)*carry, a, b, &sum);
  return sum;
}

static inline so_limb so_limb_sub(so_limb a, so_limb b, so_limb *borrow) {
  unsigned long long difference;
  *borrow = __builtin_ia32_subborrow_u64((unsigned char)*borrow, a, b, &difference);
  return difference;
}
#elif SO_LIMB_BITS == 32
static inline so_limb so_limb_add(so_limb a, so_limb b, so_limb *carry) {
  return so_limb32_add(a, b, carry);
}

static inline so_limb so_limb_sub(so_limb a, so_limb b, so_limb *borrow) {
  return so_limb32_sub(a, b, borrow);
}
#else
static inline so_limb so_limb_add(so_limb a, so_limb b, so_limb *carry) {
  const so_limb_pair t = (so_limb_pair)a + b + *carry;
  *carry = (so_limb)(t >> SO_LIMB_BITS);
  return (so_limb)t;
}

static inline so_limb so_limb_sub(so_limb a, so_limb b, so_limb *borrow) {
  const so_limb_pair t = (so_limb_pair)a - b - *borrow;
  *borrow = (so_limb)(t >> SO_LIMB_BITS) & 1;
  return (so_limb)t;
}
#endif

// so_limb_add_row adds a * b to the SO_LIMB_COUNT + 1 limbs of t; the carry out of them becomes
// limb SO_LIMB_COUNT + 1, whatever was there.
#if SO_LIMB_BITS == 64
// Two carry chains, for the low and the high halves, each of which the processor's carry flag can
// hold; a product in between would destroy it.
static inline void so_limb_add_row(const so_u256 *a, so_limb b, so_limb t[6]) {
  so_limb low[4], high[4];
  for (unsigned i = 0; i < 4; i++) {
    const so_limb_pair product = (so_limb_pair)a->v[i] * b;
    low[i] = (so_limb)product;
    high[i] = (so_limb)(product >> 64);
  }
  so_limb carry = 0;
  for (unsigned i = 0; i < 4; i++) {
    t[i] = so_limb_add(t[i], low[i], &carry);
  }
  t[4] = so_limb_add(t[4], 0, &carry);
  t[5] = carry;
  carry = 0;
  for (unsigned i = 0; i < 4; i++) {
    t[i + 1] = so_limb_add(t[i + 1], high[i], &carry);
  }
  t[5] += carry;
}
#else
static inline void so_limb_add_row(const so_u256 *a, so_limb b, so_limb t[SO_LIMB_COUNT + 2]) {
  const so_limb carry = so_limb32_add_row(t, a->v, b);
  so_limb over = 0;
  t[SO_LIMB_COUNT] = so_limb_add(t[SO_LIMB_COUNT], carry, &over);
  t[SO_LIMB_COUNT + 1] = over;
}
#endif

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_MONT256_MONT256_H_
