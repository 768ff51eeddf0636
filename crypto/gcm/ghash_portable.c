#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"
#include "crypto/gcm/internal.h"

// GHASH without tables and without carry-less multiplication instructions.
//
// SP 800-38D 6.3 writes the coefficient of x^0 as the first bit, so a block loaded big-endian is
// the polynomial with its bits reversed. For the low half of a product the plain polynomial is
// multiplied; for the high half the reversed one, because reversing both factors reverses the
// product. Both forms of H are in `powers`: plain in [0], reversed in [1].
// CT: integer multiplication must take the same time for all operands, which holds on
// x86-64.

#if !SO_GHASH_NEON

typedef struct element {
  uint64_t low, high;  // Coefficients of x^0..x^63 and x^64..x^127, least significant bit first.
} element;

static inline uint64_t reverse(uint64_t v) {
  v = (v >> 1 & 0x5555555555555555) | (v & 0x5555555555555555) << 1;
  v = (v >> 2 & 0x3333333333333333) | (v & 0x3333333333333333) << 2;
  v = (v >> 4 & 0x0f0f0f0f0f0f0f0f) | (v & 0x0f0f0f0f0f0f0f0f) << 4;
  return __builtin_bswap64(v);
}

// The low 64 coefficients of a product over GF(2). Each factor is split into four with three zero
// bits after every coefficient: a sum of up to 15 ones does not reach the next coefficient, and
// the only sum of 16 is the topmost, which overflows out of the word.
static inline uint64_t multiply_low(uint64_t a, uint64_t b) {
  const uint64_t m0 = 0x1111111111111111, m1 = m0 << 1, m2 = m0 << 2, m3 = m0 << 3;
  const uint64_t a0 = a & m0, a1 = a & m1, a2 = a & m2, a3 = a & m3;
  const uint64_t b0 = b & m0, b1 = b & m1, b2 = b & m2, b3 = b & m3;
  const uint64_t z0 = (a0 * b0) ^ (a1 * b3) ^ (a2 * b2) ^ (a3 * b1);
  const uint64_t z1 = (a0 * b1) ^ (a1 * b0) ^ (a2 * b3) ^ (a3 * b2);
  const uint64_t z2 = (a0 * b2) ^ (a1 * b1) ^ (a2 * b0) ^ (a3 * b3);
  const uint64_t z3 = (a0 * b3) ^ (a1 * b2) ^ (a2 * b1) ^ (a3 * b0);
  return (z0 & m0) | (z1 & m1) | (z2 & m2) | (z3 & m3);
}

// Three words of a 128 by 128 bit product: (a.low + a.high x^64)(b.low + b.high x^64) by Karatsuba.
static inline void multiply_three(element a, element b, uint64_t out[3]) {
  out[0] = multiply_low(a.low, b.low);
  out[2] = multiply_low(a.high, b.high);
  out[1] = multiply_low(a.low ^ a.high, b.low ^ b.high) ^ out[0] ^ out[2];
}

// a * b modulo x^128 + x^7 + x^2 + x + 1; the reversed forms have their words in the same order.
static element multiply(element a, element a_reversed, element b, element b_reversed) {
  uint64_t low[3], high[3];
  multiply_three(a, b, low);
  multiply_three(a_reversed, b_reversed, high);
  // The reversed product holds coefficients 126..63 of each 127-bit product.
  for (unsigned i = 0; i < 3; i++) {
    high[i] = reverse(high[i]) >> 1;
  }
  uint64_t w0 = low[0], w1 = high[0] ^ low[1], w2 = high[1] ^ low[2];
  const uint64_t w3 = high[2];
  // x^128 = x^7 + x^2 + x + 1, word by word from the top.
  w1 ^= w3 ^ w3 << 1 ^ w3 << 2 ^ w3 << 7;
  w2 ^= w3 >> 63 ^ w3 >> 62 ^ w3 >> 57;
  w0 ^= w2 ^ w2 << 1 ^ w2 << 2 ^ w2 << 7;
  w1 ^= w2 >> 63 ^ w2 >> 62 ^ w2 >> 57;
  const element product = {w0, w1};
  return product;
}

static inline element reversed(element e) {
  const element r = {reverse(e.low), reverse(e.high)};
  return r;
}

void so_ghash_portable_init(so_gcm *gcm, const uint8_t h[16]) {
  const element from_bytes = {so_load_be64(h), so_load_be64(h + 8)};
  const element plain = reversed(from_bytes);
  so_store_le64(gcm->powers[0], plain.low);
  so_store_le64(gcm->powers[0] + 8, plain.high);
  so_store_le64(gcm->powers[1], from_bytes.low);
  so_store_le64(gcm->powers[1] + 8, from_bytes.high);
}

void so_ghash_portable_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in, size_t count) {
  const element h = {so_load_le64(gcm->powers[0]), so_load_le64(gcm->powers[0] + 8)};
  const element h_reversed = {so_load_le64(gcm->powers[1]), so_load_le64(gcm->powers[1] + 8)};
  element y = {so_load_be64(hash->y), so_load_be64(hash->y + 8)};
  for (size_t i = 0; i < count; i++, in += 16) {
    y.low ^= so_load_be64(in);
    y.high ^= so_load_be64(in + 8);
    y = reversed(multiply(reversed(y), y, h, h_reversed));
  }
  so_store_be64(hash->y, y.low);
  so_store_be64(hash->y + 8, y.high);
}

#endif
