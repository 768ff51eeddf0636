#include "base/mem.h"
#include "crypto/chacha20/internal.h"

// Eight blocks at a time in 256-bit vectors.

#if defined(__x86_64__)

typedef uint32_t vec __attribute__((vector_size(32)));

#define TARGET __attribute__((target("avx2")))
#define INLINE __attribute__((always_inline, target("avx2"))) static inline

// Rotations by 16 and 8 are byte shuffles, and clang moves a shuffle of a xor to its operands to
// merge it with the one before: two shuffles then instead of one.
INLINE void keep_rotated(vec *v) {
  __asm__("" : "+x"(*v));
}

#include "crypto/chacha20/rounds.h"

INLINE void xor_vec(uint8_t *p, const vec *v) {
  vec data;
  memcpy(&data, p, sizeof data);
  data ^= *v;
  memcpy(p, &data, sizeof data);
}

// Transposes 4 words of 8 blocks: out[b] holds these words of block b, then of block b + 4.
INLINE void transpose4(const vec x[4], vec out[4]) {
  const vec ab_low = __builtin_shufflevector(x[0], x[1], 0, 8, 1, 9, 4, 12, 5, 13);
  const vec ab_high = __builtin_shufflevector(x[0], x[1], 2, 10, 3, 11, 6, 14, 7, 15);
  const vec cd_low = __builtin_shufflevector(x[2], x[3], 0, 8, 1, 9, 4, 12, 5, 13);
  const vec cd_high = __builtin_shufflevector(x[2], x[3], 2, 10, 3, 11, 6, 14, 7, 15);
  out[0] = __builtin_shufflevector(ab_low, cd_low, 0, 1, 8, 9, 4, 5, 12, 13);
  out[1] = __builtin_shufflevector(ab_low, cd_low, 2, 3, 10, 11, 6, 7, 14, 15);
  out[2] = __builtin_shufflevector(ab_high, cd_high, 0, 1, 8, 9, 4, 5, 12, 13);
  out[3] = __builtin_shufflevector(ab_high, cd_high, 2, 3, 10, 11, 6, 7, 14, 15);
}

TARGET void so_chacha20_xor8_avx2(const uint32_t state[16], uint8_t *inout) {
  const vec lanes = {0, 1, 2, 3, 4, 5, 6, 7};
  vec x[16];
  keystream(state, &lanes, x);
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 16; i += 8) {
    vec first[4], second[4];
    transpose4(x + i, first);
    transpose4(x + i + 4, second);
#pragma clang loop unroll(full)
    for (unsigned b = 0; b < 4; b++) {
      const vec low = __builtin_shufflevector(first[b], second[b], 0, 1, 2, 3, 8, 9, 10, 11);
      const vec high = __builtin_shufflevector(first[b], second[b], 4, 5, 6, 7, 12, 13, 14, 15);
      xor_vec(inout + 64 * b + 4 * i, &low);
      xor_vec(inout + 64 * (b + 4) + 4 * i, &high);
    }
  }
}

#endif
