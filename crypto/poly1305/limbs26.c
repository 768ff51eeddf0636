#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/poly1305/internal.h"

// Five limbs of 26 bits, products of 32 by 32 bits. 2^130 = 5 modulo 2^130 - 5, so a product that
// belongs at 2^130 and above comes back times 5. Limbs of h stay below 2^27 between blocks and the
// message adds less than 2^26; five products with 5 * r stay below 5 * 2^28 * 5 * 2^26 < 2^59.

#if !SO_POLY1305_LIMBS_44

#define MASK26 0x3ffffffu

static void split(uint64_t low, uint64_t high, uint64_t limbs[5]) {
  limbs[0] = low & MASK26;
  limbs[1] = low >> 26 & MASK26;
  limbs[2] = (low >> 52 | high << 12) & MASK26;
  limbs[3] = high >> 14 & MASK26;
  limbs[4] = high >> 40;
}

void so_poly1305_set_r(so_poly1305 *ctx, uint64_t low, uint64_t high) {
  split(low, high, ctx->r);
}

static inline uint64_t mul(uint32_t a, uint32_t b) { return (uint64_t)a * b; }

// h = h * r, every limb below 2^26 but h[1], which may be a little more.
static void multiply(uint32_t h[5], const uint32_t r[5], const uint32_t r5[5]) {
  uint64_t d[5];
  for (unsigned i = 0; i < 5; i++) {
    d[i] = 0;
    for (unsigned j = 0; j < 5; j++) {
      d[i] += j <= i ? mul(h[j], r[i - j]) : mul(h[j], r5[5 + i - j]);
    }
  }
  for (unsigned i = 0; i < 4; i++) {
    d[i + 1] += d[i] >> 26;
    h[i] = (uint32_t)d[i] & MASK26;
  }
  h[4] = (uint32_t)d[4] & MASK26;
  const uint64_t wrapped = h[0] + (d[4] >> 26) * 5;
  h[0] = (uint32_t)wrapped & MASK26;
  h[1] += (uint32_t)(wrapped >> 26);
}

void so_poly1305_blocks(so_poly1305 *ctx, const uint8_t *in, size_t count, uint64_t top) {
  uint32_t h[5], r[5], r5[5];
  for (unsigned i = 0; i < 5; i++) {
    h[i] = (uint32_t)ctx->h[i];
    r[i] = (uint32_t)ctx->r[i];
    r5[i] = r[i] * 5;
  }
  for (size_t block = 0; block < count; block++, in += SO_POLY1305_BLOCK_LEN) {
    uint64_t m[5];
    split(so_load_le64(in), so_load_le64(in + 8), m);
    m[4] |= top << 24;
    for (unsigned i = 0; i < 5; i++) {
      h[i] += (uint32_t)m[i];
    }
    multiply(h, r, r5);
  }
  for (unsigned i = 0; i < 5; i++) {
    ctx->h[i] = h[i];
  }
}

// Carries once around; after two turns every limb is in its range.
static void carry(uint64_t h[5]) {
  for (unsigned i = 0; i < 4; i++) {
    h[i + 1] += h[i] >> 26;
    h[i] &= MASK26;
  }
  h[0] += (h[4] >> 26) * 5;
  h[4] &= MASK26;
}

void so_poly1305_reduced(const so_poly1305 *ctx, uint32_t out[4]) {
  uint64_t h[5], g[5];
  memcpy(h, ctx->h, sizeof h);
  carry(h);
  carry(h);
  // g = h + 5 - 2^130: not negative exactly when h is not reduced.
  g[0] = h[0] + 5;
  for (unsigned i = 0; i < 4; i++) {
    g[i + 1] = h[i + 1] + (g[i] >> 26);
    g[i] &= MASK26;
  }
  const uint64_t reduce = so_ct_mask(g[4] >> 26);
  for (unsigned i = 0; i < 5; i++) {
    h[i] = so_ct_select(reduce, g[i], h[i]);
  }
  out[0] = (uint32_t)(h[0] | h[1] << 26);
  out[1] = (uint32_t)(h[1] >> 6 | h[2] << 20);
  out[2] = (uint32_t)(h[2] >> 12 | h[3] << 14);
  out[3] = (uint32_t)(h[3] >> 18 | h[4] << 8);
}

#endif
