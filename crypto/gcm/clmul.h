#ifndef SO_CRYPTO_GCM_CLMUL_H_
#define SO_CRYPTO_GCM_CLMUL_H_

// GHASH with carry-less multiplication: what the 128-bit and the 256-bit code share.
//
// A block whose bytes are reversed is its polynomial with the bits reversed. Multiplying two such
// numbers gives the reversed product one bit too low, and reducing from below (as Montgomery
// does) divides by x^128. Both are undone in advance: `powers` holds H^k * x instead of H^k
// (S. Gueron and M. Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for
// Computing the GCM Mode"). powers[i] is for H^(16 - i), so that a run of n blocks meets
// its powers in memory order from powers[16 - n] on.

#include "crypto/gcm/v128.h"

#if SO_GCM_HW

// A product that is not reduced: low + middle * 2^64 + high * 2^128.
typedef struct so_clmul_sum {
  so_v128 low, middle, high;
} so_clmul_sum;

SO_V128_INLINE so_clmul_sum so_clmul_zero(void) {
  const so_v128 zero = so_v128_of(0, 0);
  const so_clmul_sum sum = {zero, zero, zero};
  return sum;
}

SO_V128_INLINE void so_clmul_add(so_clmul_sum *sum, so_v128 x, so_v128 power) {
  sum->low = so_xor128(sum->low, so_clmul_low(x, power));
  sum->high = so_xor128(sum->high, so_clmul_high(x, power));
  sum->middle = so_xor128(sum->middle, so_clmul_across(x, power));
}

// Folds the lowest 64 bits upwards twice: modulo the reversed polynomial they are a multiple of
// x^128 + x^127 + x^126 + x^121 + 1.
SO_V128_INLINE so_v128 so_clmul_reduce(const so_clmul_sum *sum) {
  const so_v128 fold = so_v128_of(0xc200000000000000, 0);
  so_v128 low = so_xor128(sum->low, so_shift_up64(sum->middle));
  const so_v128 high = so_xor128(sum->high, so_shift_down64(sum->middle));
  low = so_xor128(so_swap_halves(low), so_clmul_low(low, fold));
  low = so_xor128(so_swap_halves(low), so_clmul_low(low, fold));
  return so_xor128(low, high);
}

#endif
#endif  // SO_CRYPTO_GCM_CLMUL_H_
