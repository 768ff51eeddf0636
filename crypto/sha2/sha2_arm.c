#include "crypto/sha2/internal.h"

// SHA-256 and SHA-512 with the instructions of ARMv8. Those of SHA-256 keep the working variables as two vectors,
// (a b c d) and (e f g h) from the lowest element up, and do four rounds each; those of SHA-512 keep four vectors of
// two, and do two.

#if defined(__aarch64__)

#include "crypto/cpu/neon.h"

#define TARGET256 __attribute__((target("sha2")))
#define TARGET512 __attribute__((target("sha3")))  // As the compiler calls what SHA-512 came with.

// W[t..t+3] from the sixteen words before: FIPS 180-4 6.2.2 step 1.
TARGET256 static inline uint32x4_t next_words32(uint32x4_t w16, uint32x4_t w12, uint32x4_t w8,
                                                uint32x4_t w4) {
  return vsha256su1q_u32(vsha256su0q_u32(w16, w12), w8, w4);
}

TARGET256 static inline void block256(uint32x4_t *abcd, uint32x4_t *efgh, const uint8_t *in) {
  const uint32x4_t abcd_before = *abcd, efgh_before = *efgh;
  uint32x4_t w[4];
#pragma clang loop unroll(full)
  for (unsigned g = 0; g < 16; g++) {
    w[g & 3] = g < 4 ? vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in + 16 * g)))
                     : next_words32(w[g & 3], w[(g + 1) & 3], w[(g + 2) & 3], w[(g + 3) & 3]);
    const uint32x4_t kw = vaddq_u32(w[g & 3], vld1q_u32(so_sha256_k + 4 * g));
    const uint32x4_t abcd_now = *abcd;
    *abcd = vsha256hq_u32(*abcd, *efgh, kw);
    *efgh = vsha256h2q_u32(*efgh, abcd_now, kw);
  }
  *abcd = vaddq_u32(*abcd, abcd_before);
  *efgh = vaddq_u32(*efgh, efgh_before);
}

TARGET256 void so_sha256_blocks_hw(uint32_t state[8], const uint8_t *in, size_t count) {
  uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
  for (size_t i = 0; i < count; i++) {
    block256(&abcd, &efgh, in + 64 * i);
  }
  vst1q_u32(state, abcd);
  vst1q_u32(state + 4, efgh);
}

// W[t..t+1] from the sixteen words before, w[0] being the two oldest: FIPS 180-4 6.4.2 step 1.
TARGET512 static inline uint64x2_t next_words64(const uint64x2_t w[8], unsigned oldest) {
  const uint64x2_t w9 =
      vextq_u64(w[(oldest + 4) & 7], w[(oldest + 5) & 7], 1);  // W[t-7], W[t-6].
  return vsha512su1q_u64(vsha512su0q_u64(w[oldest & 7], w[(oldest + 1) & 7]), w[(oldest + 7) & 7],
                         w9);
}

// Two rounds. The first instruction makes T1 of both, later round first, out of g and h with the words added, (f g)
// and (d e); added to (c d) that is the new (e f). The second adds T2 of both, which is the new (a b).
TARGET512 static inline void two_rounds(uint64x2_t s[4], uint64x2_t kw) {
  const uint64x2_t gh = vaddq_u64(s[3], vextq_u64(kw, kw, 1));
  const uint64x2_t t1 = vsha512hq_u64(gh, vextq_u64(s[2], s[3], 1), vextq_u64(s[1], s[2], 1));
  const uint64x2_t ef = vaddq_u64(s[1], t1);
  const uint64x2_t ab = vsha512h2q_u64(t1, s[1], s[0]);
  s[3] = s[2];
  s[2] = ef;
  s[1] = s[0];
  s[0] = ab;
}

TARGET512 static inline void block512(uint64x2_t s[4], const uint8_t *in) {
  const uint64x2_t before[4] = {s[0], s[1], s[2], s[3]};
  uint64x2_t w[8];
#pragma clang loop unroll(full)
  for (unsigned g = 0; g < 40; g++) {
    w[g & 7] = g < 8 ? vreinterpretq_u64_u8(vrev64q_u8(vld1q_u8(in + 16 * g)))
                     : next_words64(w, g);
    two_rounds(s, vaddq_u64(w[g & 7], vld1q_u64(so_sha512_k + 2 * g)));
  }
  for (unsigned i = 0; i < 4; i++) {
    s[i] = vaddq_u64(s[i], before[i]);
  }
}

TARGET512 void so_sha512_blocks_hw(uint64_t state[8], const uint8_t *in, size_t count) {
  uint64x2_t s[4];
  for (unsigned i = 0; i < 4; i++) {
    s[i] = vld1q_u64(state + 2 * i);
  }
  for (size_t i = 0; i < count; i++) {
    block512(s, in + 128 * i);
  }
  for (unsigned i = 0; i < 4; i++) {
    vst1q_u64(state + 2 * i, s[i]);
  }
}

#endif
