#ifndef SO_CRYPTO_F25519_F25519_H_
#define SO_CRYPTO_F25519_F25519_H_

// The field of integers modulo 2^255 - 19, under X25519 and Ed25519.
//
// Two representations with the same functions: five limbs of 51 bits (fe51.h) where the compiler
// has 128-bit products, eight limbs of 32 bits (fe32.h) elsewhere or with -DSO_NARROW.
// An element is not unique: limbs may exceed their nominal size, and carries are done late. Each
// element is in one of three states, which the comments below name:
//   tight  what multiplication gives and what additions take;
//   loose  one addition or subtraction of tight elements: what multiplication takes;
//   wide   a sum or difference of a loose and a tight or of two loose elements, which so_fe_settle
//          makes fit to multiply.
// Any output may be the same object as an input.
// CT: time and memory accesses do not depend on the elements.

#include <stdbool.h>
#include <stdint.h>

#include "crypto/ct/ct.h"

#ifdef __cplusplus
extern "C" {
#endif

// What both representations define:
//   so_fe                                   the element
//   so_fe_zero(), so_fe_one()               constants, tight
//   so_fe_from_words(w)                     4 little-endian words, bit 255 ignored; tight
//   so_fe_to_words(a, w)                    the unique value below the prime; a is loose
//   so_fe_add(a, b, out)                    see the states
//   so_fe_sub(a, b, out)                    b is tight
//   so_fe_settle(a, out)                    wide to loose
//   so_fe_mul(a, b, out), so_fe_sqr(a, out) loose to tight
//   so_fe_mul_small(a, k, out)              k below 2^17; loose to tight
//   so_fe_swap(mask, a, b)                  exchanges where the mask is set
#if defined(__SIZEOF_INT128__) && !defined(SO_NARROW)
#include "crypto/f25519/fe51.h"
#else
#include "crypto/f25519/fe32.h"
#endif

// so_fe_from_bytes reads the little-endian form of RFC 7748 and RFC 8032; bit 255 is ignored and a
// value of the prime or more is taken modulo it. Tight.
static inline so_fe so_fe_from_bytes(const uint8_t in[32]) {
  uint64_t w[4];
  __builtin_memcpy(w, in, 32);
  return so_fe_from_words(w);
}

// so_fe_to_bytes writes the unique form below the prime. `a` is loose.
static inline void so_fe_to_bytes(const so_fe *a, uint8_t out[32]) {
  uint64_t w[4];
  so_fe_to_words(a, w);
  __builtin_memcpy(out, w, 32);
}

// so_fe_neg takes a tight element and gives a loose one.
static inline void so_fe_neg(const so_fe *a, so_fe *out) {
  const so_fe zero = so_fe_zero();
  so_fe_sub(&zero, a, out);
}

// so_fe_select is a copy of `a` where the mask is set, else of `b`.
static inline so_fe so_fe_select(uint64_t mask, const so_fe *a, const so_fe *b) {
  so_fe x = *a;
  so_fe y = *b;
  so_fe_swap(~mask, &x, &y);
  return x;
}

// so_fe_times is so_fe_mul as a call: for what is done once, where a copy of the code costs more
// than the call.
// so_fe_squared is a^(2^count).
void so_fe_times(const so_fe *a, const so_fe *b, so_fe *out);
void so_fe_squared(const so_fe *a, unsigned count, so_fe *out);

// so_fe_is_zero is the mask of a == 0, so_fe_is_odd that of an odd unique value. `a` is loose.
uint64_t so_fe_is_zero(const so_fe *a);
uint64_t so_fe_is_odd(const so_fe *a);

// so_fe_invert is 1/a, and 0 for 0. Loose to tight.
void so_fe_invert(const so_fe *a, so_fe *out);

// so_fe_pow_p58 is a^((p - 5) / 8), the core of a square root. Loose to tight.
void so_fe_pow_p58(const so_fe *a, so_fe *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_F25519_F25519_H_
