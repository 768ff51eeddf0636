#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/poly1305/internal.h"

// Four blocks at a time: lane i sums every fourth block with multiplier r^4, and at the end the
// lanes are brought to their places with r^4 to r^1 and added up.
//
// Limbs of 26 bits, as in limbs26.c: below 2^26 + 2^12 after carrying, below 2^27 + 2^12 with a
// block added; times a multiplier below 5 * 2^26, five of them stay below 2^59.

#if SO_POLY1305_VECTORS

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE __attribute__((always_inline, target("avx2"))) static inline
#define MASK26 0x3ffffff
#define MASK44 (((uint64_t)1 << 44) - 1)
#define MASK42 (((uint64_t)1 << 42) - 1)

typedef struct number {
  __m256i limb[5];
} number;

// A multiplier, and 5 times it for the products that wrap around.
typedef struct multiplier {
  __m256i r[5], r5[5];
} multiplier;

// Splits a carried value of limbs44.c.
static void to_limbs26(const uint64_t h[3], uint32_t out[5]) {
  out[0] = (uint32_t)(h[0] & MASK26);
  out[1] = (uint32_t)((h[0] >> 26 | h[1] << 18) & MASK26);
  out[2] = (uint32_t)(h[1] >> 8 & MASK26);
  out[3] = (uint32_t)((h[1] >> 34 | h[2] << 10) & MASK26);
  out[4] = (uint32_t)(h[2] >> 16);
}

// Joins limbs below 2^29.
static void to_limbs44(const uint64_t l[5], uint64_t h[3]) {
  const uint64_t low = l[0] + (l[1] << 26);
  const uint64_t middle = (low >> 44) + (l[2] << 8) + (l[3] << 34);
  const uint64_t high = (middle >> 44) + (l[4] << 16);
  const uint64_t wrapped = (low & MASK44) + (high >> 42) * 5;
  h[0] = wrapped & MASK44;
  h[1] = (middle & MASK44) + (wrapped >> 44);
  h[2] = high & MASK42;
}

static void carry44(uint64_t h[3]) {
  for (unsigned turn = 0; turn < 2; turn++) {
    h[1] += h[0] >> 44;
    h[0] &= MASK44;
    h[2] += h[1] >> 44;
    h[1] &= MASK44;
    h[0] += (h[2] >> 42) * 5;
    h[2] &= MASK42;
  }
}

// Powers 1 to 4 of r: the accumulator times r, each time from where it stands.
static void powers_of_r(const so_poly1305 *ctx, uint32_t out[4][5]) {
  so_poly1305 step = *ctx;
  static const uint8_t zero_block[SO_POLY1305_BLOCK_LEN] = {0};
  memcpy(step.h, ctx->r, sizeof step.h);
  for (unsigned i = 0; i < 4; i++) {
    carry44(step.h);
    to_limbs26(step.h, out[i]);
    so_poly1305_blocks(&step, zero_block, 1, 0);
  }
  so_wipe(&step, sizeof step);
}

INLINE void set_multiplier(multiplier *m, const uint32_t lanes[4][5]) {
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 5; i++) {
    m->r[i] = _mm256_set_epi64x(lanes[3][i], lanes[2][i], lanes[1][i], lanes[0][i]);
    m->r5[i] = _mm256_add_epi64(m->r[i], _mm256_slli_epi64(m->r[i], 2));
  }
}

// Moves what is above 26 bits of limb `from` to limb `to`; from the last to the first times 5.
INLINE void carry(number *n, unsigned from, unsigned to) {
  const __m256i over = _mm256_srli_epi64(n->limb[from], 26);
  n->limb[from] = _mm256_and_si256(n->limb[from], _mm256_set1_epi64x(MASK26));
  n->limb[to] = _mm256_add_epi64(n->limb[to], over);
  if (to == 0) {
    n->limb[to] = _mm256_add_epi64(n->limb[to], _mm256_slli_epi64(over, 2));
  }
}

INLINE void multiply(number *n, const multiplier *m) {
  number d;
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 5; i++) {
    d.limb[i] = _mm256_mul_epu32(n->limb[0], m->r[i]);
#pragma clang loop unroll(full)
    for (unsigned j = 1; j < 5; j++) {
      const __m256i r = j <= i ? m->r[i - j] : m->r5[5 + i - j];
      d.limb[i] = _mm256_add_epi64(d.limb[i], _mm256_mul_epu32(n->limb[j], r));
    }
  }
  carry(&d, 0, 1);
  carry(&d, 3, 4);
  carry(&d, 1, 2);
  carry(&d, 4, 0);
  carry(&d, 2, 3);
  carry(&d, 0, 1);
  carry(&d, 3, 4);
  *n = d;
}

// Adds blocks 0, 2, 1, 3 of `in` to lanes 0, 1, 2, 3: the order in which unpacking leaves them.
INLINE void add_blocks(number *n, const uint8_t *in) {
  const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)in);
  const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(in + 32));
  const __m256i low = _mm256_unpacklo_epi64(a, b), high = _mm256_unpackhi_epi64(a, b);
  const __m256i mask = _mm256_set1_epi64x(MASK26);
  const __m256i across =
      _mm256_or_si256(_mm256_srli_epi64(low, 52), _mm256_slli_epi64(high, 12));
  const __m256i m[5] = {
      _mm256_and_si256(low, mask),
      _mm256_and_si256(_mm256_srli_epi64(low, 26), mask),
      _mm256_and_si256(across, mask),
      _mm256_and_si256(_mm256_srli_epi64(high, 14), mask),
      _mm256_or_si256(_mm256_srli_epi64(high, 40), _mm256_set1_epi64x(1 << 24)),
  };
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 5; i++) {
    n->limb[i] = _mm256_add_epi64(n->limb[i], m[i]);
  }
}

INLINE uint64_t sum_of_lanes(__m256i v) {
  const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
}

TARGET void so_poly1305_blocks_avx2(so_poly1305 *ctx, const uint8_t *in, size_t count) {
  uint32_t power[4][5], start[5], lanes[4][5];
  multiplier m;
  number n;
  powers_of_r(ctx, power);
  for (unsigned i = 0; i < 4; i++) {
    memcpy(lanes[i], power[3], sizeof lanes[i]);
  }
  set_multiplier(&m, (const uint32_t(*)[5])lanes);
  carry44(ctx->h);
  to_limbs26(ctx->h, start);
  for (unsigned i = 0; i < 5; i++) {
    n.limb[i] = _mm256_set_epi64x(0, 0, 0, start[i]);
  }
  add_blocks(&n, in);
  for (size_t i = 4; i < count; i += 4) {
    multiply(&n, &m);
    add_blocks(&n, in + SO_POLY1305_BLOCK_LEN * i);
  }
  // Lanes hold every fourth block from 0, 2, 1 and 3 on.
  memcpy(lanes[1], power[1], sizeof lanes[1]);
  memcpy(lanes[2], power[2], sizeof lanes[2]);
  memcpy(lanes[3], power[0], sizeof lanes[3]);
  set_multiplier(&m, (const uint32_t(*)[5])lanes);
  multiply(&n, &m);
  uint64_t sum[5];
  for (unsigned i = 0; i < 5; i++) {
    sum[i] = sum_of_lanes(n.limb[i]);
  }
  to_limbs44(sum, ctx->h);
  so_wipe(power, sizeof power);
  so_wipe(lanes, sizeof lanes);
}

#endif
