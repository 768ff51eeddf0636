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

#include "crypto/gcm/internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define SO_CLMUL_INLINE \
  __attribute__((always_inline, target("pclmul,aes,ssse3,sse4.1"))) static inline

// A product that is not reduced: low + middle * 2^64 + high * 2^128.
typedef struct so_clmul_sum {
  __m128i low, middle, high;
} so_clmul_sum;

SO_CLMUL_INLINE __m128i so_load128(const uint8_t *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}
SO_CLMUL_INLINE void so_store128(uint8_t *p, __m128i v) {
  _mm_storeu_si128((__m128i *)(void *)p, v);
}
SO_CLMUL_INLINE __m128i so_reverse_bytes(__m128i v) {
  return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

SO_CLMUL_INLINE void so_clmul_add(so_clmul_sum *sum, __m128i x, __m128i power) {
  sum->low = _mm_xor_si128(sum->low, _mm_clmulepi64_si128(x, power, 0x00));
  sum->high = _mm_xor_si128(sum->high, _mm_clmulepi64_si128(x, power, 0x11));
  sum->middle = _mm_xor_si128(sum->middle, _mm_clmulepi64_si128(x, power, 0x01));
  sum->middle = _mm_xor_si128(sum->middle, _mm_clmulepi64_si128(x, power, 0x10));
}

// Folds the lowest 64 bits upwards twice: modulo the reversed polynomial they are a multiple of
// x^128 + x^127 + x^126 + x^121 + 1.
SO_CLMUL_INLINE __m128i so_clmul_reduce(const so_clmul_sum *sum) {
  const __m128i fold = _mm_set_epi64x((long long)0xc200000000000000, 0);
  __m128i low = _mm_xor_si128(sum->low, _mm_slli_si128(sum->middle, 8));
  const __m128i high = _mm_xor_si128(sum->high, _mm_srli_si128(sum->middle, 8));
  low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, fold, 0x10));
  low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, fold, 0x10));
  return _mm_xor_si128(low, high);
}

#endif
#endif  // SO_CRYPTO_GCM_CLMUL_H_
