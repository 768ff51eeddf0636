#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/poly1305/internal.h"

// Limbs of 44, 44 and 42 bits. 2^132 = 20 modulo 2^130 - 5, so a product that belongs at 2^132 and
// above comes back times 20. Limbs of h stay below 2^44 + 2^10 between blocks; r is below 2^44, so
// each of the three sums is below 3 * 20 * 2^90, well within 128 bits.

#if SO_POLY1305_LIMBS_44

typedef unsigned __int128 u128;

#define MASK44 (((uint64_t)1 << 44) - 1)
#define MASK42 (((uint64_t)1 << 42) - 1)

static void split(uint64_t low, uint64_t high, uint64_t limbs[3]) {
  limbs[0] = low & MASK44;
  limbs[1] = (low >> 44 | high << 20) & MASK44;
  limbs[2] = high >> 24;
}

void so_poly1305_set_r(so_poly1305 *ctx, uint64_t low, uint64_t high) {
  split(low, high, ctx->r);
}

void so_poly1305_blocks(so_poly1305 *ctx, const uint8_t *in, size_t count, uint64_t top) {
  const uint64_t r0 = ctx->r[0], r1 = ctx->r[1], r2 = ctx->r[2];
  const uint64_t s1 = r1 * 20, s2 = r2 * 20;
  uint64_t h0 = ctx->h[0], h1 = ctx->h[1], h2 = ctx->h[2];
  for (size_t i = 0; i < count; i++, in += SO_POLY1305_BLOCK_LEN) {
    uint64_t m[3];
    split(so_load_le64(in), so_load_le64(in + 8), m);
    h0 += m[0];
    h1 += m[1];
    h2 += m[2] | top << 40;
    const u128 d0 = (u128)h0 * r0 + (u128)h1 * s2 + (u128)h2 * s1;
    u128 d1 = (u128)h0 * r1 + (u128)h1 * r0 + (u128)h2 * s2;
    u128 d2 = (u128)h0 * r2 + (u128)h1 * r1 + (u128)h2 * r0;
    h0 = (uint64_t)d0 & MASK44;
    d1 += (uint64_t)(d0 >> 44);
    h1 = (uint64_t)d1 & MASK44;
    d2 += (uint64_t)(d1 >> 44);
    h2 = (uint64_t)d2 & MASK42;
    h0 += (uint64_t)(d2 >> 42) * 5;
    h1 += h0 >> 44;
    h0 &= MASK44;
  }
  ctx->h[0] = h0;
  ctx->h[1] = h1;
  ctx->h[2] = h2;
}

// Carries once around; after two turns every limb is in its range.
static void carry(uint64_t h[3]) {
  h[1] += h[0] >> 44;
  h[0] &= MASK44;
  h[2] += h[1] >> 44;
  h[1] &= MASK44;
  h[0] += (h[2] >> 42) * 5;
  h[2] &= MASK42;
}

void so_poly1305_reduced(const so_poly1305 *ctx, uint32_t out[4]) {
  uint64_t h[3] = {ctx->h[0], ctx->h[1], ctx->h[2]}, g[3];
  carry(h);
  carry(h);
  // g = h + 5 - 2^130: not negative exactly when h is not reduced.
  g[0] = h[0] + 5;
  g[1] = h[1] + (g[0] >> 44);
  g[0] &= MASK44;
  g[2] = h[2] + (g[1] >> 44);
  g[1] &= MASK44;
  const uint64_t reduce = so_ct_mask(g[2] >> 42);
  for (unsigned i = 0; i < 3; i++) {
    h[i] = so_ct_select(reduce, g[i], h[i]);
  }
  const uint64_t low = h[0] | h[1] << 44;
  const uint64_t high = h[1] >> 20 | h[2] << 24;
  out[0] = (uint32_t)low;
  out[1] = (uint32_t)(low >> 32);
  out[2] = (uint32_t)high;
  out[3] = (uint32_t)(high >> 32);
}

#endif
