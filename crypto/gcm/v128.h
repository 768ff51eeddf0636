#ifndef SO_CRYPTO_GCM_V128_H_
#define SO_CRYPTO_GCM_V128_H_

// What AES-GCM needs of 128-bit vectors, by the instructions of x86-64 or of ARMv8. A vector is 16 bytes of memory; as
// a number its first byte is the lowest.

#include "crypto/gcm/internal.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define SO_V128_TARGET __attribute__((target("pclmul,aes,ssse3,sse4.1")))
#define SO_V128_INLINE \
  __attribute__((always_inline, target("pclmul,aes,ssse3,sse4.1"))) static inline

typedef __m128i so_v128;

SO_V128_INLINE so_v128 so_load128(const uint8_t *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}
SO_V128_INLINE void so_store128(uint8_t *p, so_v128 v) {
  _mm_storeu_si128((__m128i *)(void *)p, v);
}
SO_V128_INLINE so_v128 so_v128_of(uint64_t low, uint64_t high) {
  return _mm_set_epi64x((long long)high, (long long)low);
}
SO_V128_INLINE so_v128 so_xor128(so_v128 a, so_v128 b) { return _mm_xor_si128(a, b); }
SO_V128_INLINE so_v128 so_add32(so_v128 a, so_v128 b) { return _mm_add_epi32(a, b); }
SO_V128_INLINE so_v128 so_swap_halves(so_v128 v) { return _mm_shuffle_epi32(v, 0x4e); }
SO_V128_INLINE so_v128 so_shift_up64(so_v128 v) { return _mm_slli_si128(v, 8); }
SO_V128_INLINE so_v128 so_shift_down64(so_v128 v) { return _mm_srli_si128(v, 8); }
SO_V128_INLINE so_v128 so_reverse_bytes(so_v128 v) {
  return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

// Carry-less products of the low halves, of the high ones, and the sum of those across.
SO_V128_INLINE so_v128 so_clmul_low(so_v128 a, so_v128 b) {
  return _mm_clmulepi64_si128(a, b, 0x00);
}
SO_V128_INLINE so_v128 so_clmul_high(so_v128 a, so_v128 b) {
  return _mm_clmulepi64_si128(a, b, 0x11);
}
SO_V128_INLINE so_v128 so_clmul_across(so_v128 a, so_v128 b) {
  return _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10));
}

// AES: adding the first round key, a round between two keys, and the last one. The other processor's round begins
// with the key before it, this one's ends with the key after it.
SO_V128_INLINE so_v128 so_aes_begin(so_v128 v, so_v128 key0) { return _mm_xor_si128(v, key0); }
SO_V128_INLINE so_v128 so_aes_round(so_v128 v, so_v128 before, so_v128 after) {
  (void)before;
  return _mm_aesenc_si128(v, after);
}
SO_V128_INLINE so_v128 so_aes_last(so_v128 v, so_v128 before, so_v128 after) {
  (void)before;
  return _mm_aesenclast_si128(v, after);
}

#elif defined(__aarch64__)

#include "crypto/cpu/neon.h"

#define SO_V128_TARGET __attribute__((target("aes")))
#define SO_V128_INLINE __attribute__((always_inline, target("aes"))) static inline

typedef uint8x16_t so_v128;

SO_V128_INLINE so_v128 so_load128(const uint8_t *p) { return vld1q_u8(p); }
SO_V128_INLINE void so_store128(uint8_t *p, so_v128 v) { vst1q_u8(p, v); }
SO_V128_INLINE so_v128 so_v128_of(uint64_t low, uint64_t high) {
  return vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(low), vcreate_u64(high)));
}
SO_V128_INLINE so_v128 so_xor128(so_v128 a, so_v128 b) { return veorq_u8(a, b); }
SO_V128_INLINE so_v128 so_add32(so_v128 a, so_v128 b) {
  return vreinterpretq_u8_u32(vaddq_u32(vreinterpretq_u32_u8(a), vreinterpretq_u32_u8(b)));
}
SO_V128_INLINE so_v128 so_swap_halves(so_v128 v) { return vextq_u8(v, v, 8); }
SO_V128_INLINE so_v128 so_shift_up64(so_v128 v) { return vextq_u8(vdupq_n_u8(0), v, 8); }
SO_V128_INLINE so_v128 so_shift_down64(so_v128 v) { return vextq_u8(v, vdupq_n_u8(0), 8); }
SO_V128_INLINE so_v128 so_reverse_bytes(so_v128 v) { return so_swap_halves(vrev64q_u8(v)); }

SO_V128_INLINE so_v128 so_clmul_low(so_v128 a, so_v128 b) {
  const poly64_t x = (poly64_t)vgetq_lane_u64(vreinterpretq_u64_u8(a), 0);
  const poly64_t y = (poly64_t)vgetq_lane_u64(vreinterpretq_u64_u8(b), 0);
  return vreinterpretq_u8_p128(vmull_p64(x, y));
}
SO_V128_INLINE so_v128 so_clmul_high(so_v128 a, so_v128 b) {
  return vreinterpretq_u8_p128(
      vmull_high_p64(vreinterpretq_p64_u8(a), vreinterpretq_p64_u8(b)));
}
SO_V128_INLINE so_v128 so_clmul_across(so_v128 a, so_v128 b) {
  const so_v128 swapped = so_swap_halves(a);
  return veorq_u8(so_clmul_low(swapped, b), so_clmul_high(swapped, b));
}

SO_V128_INLINE so_v128 so_aes_begin(so_v128 v, so_v128 key0) {
  (void)key0;
  return v;
}
SO_V128_INLINE so_v128 so_aes_round(so_v128 v, so_v128 before, so_v128 after) {
  (void)after;
  return vaesmcq_u8(vaeseq_u8(v, before));
}
SO_V128_INLINE so_v128 so_aes_last(so_v128 v, so_v128 before, so_v128 after) {
  return veorq_u8(vaeseq_u8(v, before), after);
}

#endif
#endif  // SO_CRYPTO_GCM_V128_H_
