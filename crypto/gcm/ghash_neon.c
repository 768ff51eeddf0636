#include "crypto/endian/endian.h"
#include "crypto/gcm/internal.h"

// GHASH with what every NEON has: eight carry-less products of bytes in one instruction.
//
// The numbers are those of clmul.h: byte-reversed blocks, `powers` of H times x, a run of blocks for one reduction.
// A product of 64 by 64 bits takes eight instructions, one for each distance between the bytes that are multiplied
// (D. Camara, C. Gouvea, J. Lopez, R. Dahab, "Fast Software Polynomial Multiplication on ARM Processors using the NEON
// Engine", 2013). What they give is added up over a run before it is put in its places.
// CT: no table, no branch on data, and the time of these instructions is fixed.

#if SO_GHASH_NEON

#include <arm_neon.h>

// By distance: element i is the sum of the products of bytes i and i + distance, modulo 8, in both orders.
typedef struct distances {
  uint8x16_t by[5];
} distances;

// Which 64 bits of the blocks and powers are multiplied: Karatsuba's three.
typedef enum part { LOW, HIGH, BOTH } part;

typedef struct wide {
  uint64_t low, high;
} wide;

#define PRODUCT(a, b) vreinterpretq_u8_p16(vmull_p8(a, b))

static inline void add_products(distances *d, poly8x8_t a, poly8x8_t b) {
  const poly8x8_t a1 = vext_p8(a, a, 1), a2 = vext_p8(a, a, 2), a3 = vext_p8(a, a, 3);
  const poly8x8_t b1 = vext_p8(b, b, 1), b2 = vext_p8(b, b, 2), b3 = vext_p8(b, b, 3);
  d->by[0] = veorq_u8(d->by[0], PRODUCT(a, b));
  d->by[1] = veorq_u8(d->by[1], veorq_u8(PRODUCT(a1, b), PRODUCT(a, b1)));
  d->by[2] = veorq_u8(d->by[2], veorq_u8(PRODUCT(a2, b), PRODUCT(a, b2)));
  d->by[3] = veorq_u8(d->by[3], veorq_u8(PRODUCT(a3, b), PRODUCT(a, b3)));
  d->by[4] = veorq_u8(d->by[4], PRODUCT(a, vext_p8(b, b, 4)));
}

// Element i belongs `distance` bytes above its place, and those that went around 8 bytes below that.
static inline wide put_together(const distances *d) {
  wide sum = {vgetq_lane_u64(vreinterpretq_u64_u8(d->by[0]), 0),
              vgetq_lane_u64(vreinterpretq_u64_u8(d->by[0]), 1)};
#pragma clang loop unroll(full)
  for (unsigned distance = 1; distance <= 4; distance++) {
    const uint64x2_t v = vreinterpretq_u64_u8(d->by[distance]);
    const uint64_t around =
        vgetq_lane_u64(v, 1) & (distance == 4 ? ~UINT64_C(0) : ~(~UINT64_C(0) >> 16 * distance));
    const uint64_t low = vgetq_lane_u64(v, 0) ^ around, high = vgetq_lane_u64(v, 1) ^ around;
    sum.low ^= low << 8 * distance;
    sum.high ^= high << 8 * distance | low >> (64 - 8 * distance);
  }
  return sum;
}

static inline uint8x8_t take(uint8x8_t low, uint8x8_t high, part which) {
  return which == LOW ? low : which == HIGH ? high : veor_u8(low, high);
}

// The sum of the products of one part of `count` blocks and as many powers; `y` is added to the first block.
static inline wide multiply_run(const uint8_t *in, const uint8_t *powers, size_t count, wide y,
                                part which) {
  distances d = {{vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0), vdupq_n_u8(0)}};
  uint8x8_t y_low = vcreate_u8(y.low), y_high = vcreate_u8(y.high);
  for (size_t i = 0; i < count; i++, in += 16, powers += 16) {
    const uint8x8_t low = veor_u8(vrev64_u8(vld1_u8(in + 8)), y_low);
    const uint8x8_t high = veor_u8(vrev64_u8(vld1_u8(in)), y_high);
    const uint8x8_t power = take(vld1_u8(powers), vld1_u8(powers + 8), which);
    add_products(&d, vreinterpret_p8_u8(take(low, high, which)), vreinterpret_p8_u8(power));
    y_low = y_high = vdup_n_u8(0);
  }
  return put_together(&d);
}

// w * (x^63 + x^62 + x^57), the reversed polynomial below its top.
static inline wide fold(uint64_t w) {
  const wide r = {w << 63 ^ w << 62 ^ w << 57, w >> 1 ^ w >> 2 ^ w >> 7};
  return r;
}

static wide multiply_blocks(const uint8_t *in, const uint8_t *powers, size_t count, wide y) {
  const wide low = multiply_run(in, powers, count, y, LOW);
  const wide high = multiply_run(in, powers, count, y, HIGH);
  const wide both = multiply_run(in, powers, count, y, BOTH);
  const uint64_t w1 = low.high ^ both.low ^ low.low ^ high.low;
  const uint64_t w2 = high.low ^ both.high ^ low.high ^ high.high;
  const wide first = fold(low.low);
  const uint64_t next = w1 ^ first.low;
  const wide second = fold(next);
  const wide r = {w2 ^ low.low ^ first.high ^ second.low, high.high ^ next ^ second.high};
  return r;
}

void so_ghash_portable_init(so_gcm *gcm, const uint8_t h[16]) {
  const uint64_t high = so_load_be64(h), low = so_load_be64(h + 8);
  const uint64_t out = 0 - (high >> 63);
  const wide zero = {0, 0};
  wide power = {low << 1 ^ (out & 1),
                (high << 1 | low >> 63) ^ (out & UINT64_C(0xc200000000000000))};
  for (unsigned i = SO_GCM_POWERS; i-- > 0;) {
    uint8_t block[16];
    so_store_le64(gcm->powers[i], power.low);
    so_store_le64(gcm->powers[i] + 8, power.high);
    so_store_be64(block, power.high);
    so_store_be64(block + 8, power.low);
    power = multiply_blocks(block, gcm->powers[SO_GCM_POWERS - 1], 1, zero);
  }
}

void so_ghash_portable_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in, size_t count) {
  wide y = {so_load_be64(hash->y + 8), so_load_be64(hash->y)};
  while (count != 0) {
    const size_t n = count < SO_GCM_POWERS ? count : SO_GCM_POWERS;
    y = multiply_blocks(in, gcm->powers[SO_GCM_POWERS - n], n, y);
    in += 16 * n;
    count -= n;
  }
  so_store_be64(hash->y, y.high);
  so_store_be64(hash->y + 8, y.low);
}

#endif
