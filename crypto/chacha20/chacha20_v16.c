#include "base/mem.h"
#include "crypto/chacha20/internal.h"

// Sixteen blocks at a time in 512-bit vectors.

#if defined(__x86_64__)

typedef uint32_t vec __attribute__((vector_size(64)));

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define INLINE \
  __attribute__((always_inline, target("avx512f,avx512bw,avx512dq,avx512vl"))) static inline

// Rotation is one instruction here.
INLINE void keep_rotated(vec *v) { (void)v; }

#include "crypto/chacha20/rounds.h"

INLINE void xor_vec(uint8_t *p, const vec *v) {
  vec data;
  memcpy(&data, p, sizeof data);
  data ^= *v;
  memcpy(p, &data, sizeof data);
}

// Transposes 4 words of 16 blocks: quarter q of out[b] holds these words of block 4 * q + b.
INLINE void transpose_words(const vec x[4], vec out[4]) {
  const vec ab_low =
      __builtin_shufflevector(x[0], x[1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  const vec ab_high = __builtin_shufflevector(x[0], x[1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11,
                                              27, 14, 30, 15, 31);
  const vec cd_low =
      __builtin_shufflevector(x[2], x[3], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
  const vec cd_high = __builtin_shufflevector(x[2], x[3], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11,
                                              27, 14, 30, 15, 31);
  out[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13,
                                   28, 29);
  out[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14,
                                   15, 30, 31);
  out[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12,
                                   13, 28, 29);
  out[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14,
                                   15, 30, 31);
}

#define LOW_QUARTERS 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23
#define HIGH_QUARTERS 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31
#define LOW_HALVES 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH_HALVES 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31

// Transposes quarters: g[i] holds words 4 * i to 4 * i + 3 of 4 blocks, out[q] the whole block q.
INLINE void transpose_quarters(const vec g[4], vec out[4]) {
  const vec low01 = __builtin_shufflevector(g[0], g[1], LOW_QUARTERS);
  const vec high01 = __builtin_shufflevector(g[0], g[1], HIGH_QUARTERS);
  const vec low23 = __builtin_shufflevector(g[2], g[3], LOW_QUARTERS);
  const vec high23 = __builtin_shufflevector(g[2], g[3], HIGH_QUARTERS);
  out[0] = __builtin_shufflevector(low01, low23, LOW_HALVES);
  out[1] = __builtin_shufflevector(low01, low23, HIGH_HALVES);
  out[2] = __builtin_shufflevector(high01, high23, LOW_HALVES);
  out[3] = __builtin_shufflevector(high01, high23, HIGH_HALVES);
}

TARGET void so_chacha20_xor16_avx512(const uint32_t state[16], uint8_t *inout) {
  const vec lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  vec x[16], words[4][4];
  keystream(state, &lanes, x);
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 4; i++) {
    transpose_words(x + 4 * i, words[i]);
  }
#pragma clang loop unroll(full)
  for (unsigned b = 0; b < 4; b++) {
    const vec groups[4] = {words[0][b], words[1][b], words[2][b], words[3][b]};
    vec blocks[4];
    transpose_quarters(groups, blocks);
#pragma clang loop unroll(full)
    for (unsigned q = 0; q < 4; q++) {
      xor_vec(inout + 64 * (4 * q + b), &blocks[q]);
    }
  }
}

#endif
