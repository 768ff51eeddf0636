#include "base/mem.h"
#include "crypto/chacha20/internal.h"

// Four blocks at a time in 128-bit vectors, which every target has (SSE2, NEON).

typedef uint32_t vec __attribute__((vector_size(16)));

#define INLINE __attribute__((always_inline)) static inline

// No byte shuffle in the baseline, so nothing to keep apart.
INLINE void keep_rotated(vec *v) { (void)v; }

#include "crypto/chacha20/rounds.h"

INLINE void xor_vec(uint8_t *p, const vec *v) {
  vec data;
  memcpy(&data, p, sizeof data);
  data ^= *v;
  memcpy(p, &data, sizeof data);
}

INLINE void xor_batch(const uint32_t state[16], uint8_t *inout) {
  const vec lanes = {0, 1, 2, 3};
  vec x[16];
  keystream(state, &lanes, x);
  // Transposes 4 words of 4 blocks at a time.
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 16; i += 4) {
    const vec ab_low = __builtin_shufflevector(x[i], x[i + 1], 0, 4, 1, 5);
    const vec ab_high = __builtin_shufflevector(x[i], x[i + 1], 2, 6, 3, 7);
    const vec cd_low = __builtin_shufflevector(x[i + 2], x[i + 3], 0, 4, 1, 5);
    const vec cd_high = __builtin_shufflevector(x[i + 2], x[i + 3], 2, 6, 3, 7);
    const vec out[4] = {
        __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5),
        __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5),
        __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7),
    };
    for (unsigned block = 0; block < 4; block++) {
      xor_vec(inout + 64 * block + 4 * i, &out[block]);
    }
  }
}

void so_chacha20_xor4(const uint32_t state[16], uint8_t *inout) { xor_batch(state, inout); }

#if defined(__x86_64__)
// The same code: rotation is one instruction instead of three.
__attribute__((target("avx512f,avx512vl"))) void so_chacha20_xor4_avx512(const uint32_t state[16],
                                                                         uint8_t *inout) {
  xor_batch(state, inout);
}
#endif
