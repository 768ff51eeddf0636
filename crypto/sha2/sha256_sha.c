#include "crypto/sha2/internal.h"

// SHA-256 with the instructions of x86. They keep the working variables as two vectors,
// (a b e f) and (c d g h) from the top element down, and do two rounds each.

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("sha,ssse3,sse4.1")))

TARGET static inline __m128i load_words(const uint8_t *in) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)in), swap);
}

TARGET static inline __m128i load_k(unsigned group) {
  return _mm_loadu_si128((const __m128i *)(const void *)(so_sha256_k + 4 * group));
}

// W[t..t+3] from the sixteen words before: FIPS 180-4 6.2.2 step 1.
TARGET static inline __m128i next_words(__m128i w16, __m128i w12, __m128i w8, __m128i w4) {
  const __m128i t = _mm_add_epi32(_mm_sha256msg1_epu32(w16, w12), _mm_alignr_epi8(w4, w8, 4));
  return _mm_sha256msg2_epu32(t, w4);
}

TARGET static inline void four_rounds(__m128i *abef, __m128i *cdgh, __m128i kw) {
  *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, kw);
  *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(kw, 0x0e));
}

TARGET static inline void one_block(__m128i *abef, __m128i *cdgh, const uint8_t *in) {
  const __m128i abef_before = *abef, cdgh_before = *cdgh;
  __m128i w[4];
#pragma clang loop unroll(full)
  for (unsigned g = 0; g < 16; g++) {
    w[g & 3] = g < 4 ? load_words(in + 16 * g)
                     : next_words(w[g & 3], w[(g + 1) & 3], w[(g + 2) & 3], w[(g + 3) & 3]);
    four_rounds(abef, cdgh, _mm_add_epi32(w[g & 3], load_k(g)));
  }
  *abef = _mm_add_epi32(*abef, abef_before);
  *cdgh = _mm_add_epi32(*cdgh, cdgh_before);
}

TARGET void so_sha256_blocks_hw(uint32_t state[8], const uint8_t *in, size_t count) {
  __m128i *const memory = (__m128i *)(void *)state;
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(memory), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(memory + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
  __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
  for (size_t i = 0; i < count; i++) {
    one_block(&abef, &cdgh, in + 64 * i);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(memory, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(memory + 1, _mm_alignr_epi8(dchg, feba, 8));
}

#endif
