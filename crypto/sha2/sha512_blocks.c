#include "crypto/endian/endian.h"
#include "crypto/sha2/internal.h"

// FIPS 180-4 6.4.2. The working variables a..h never move: in round t the variable named n is
// work[(n - t) mod 8], and unrolling by 16 makes every index a constant.

// FIPS 180-4 4.2.3: the fractional parts of the cube roots of the first 80 primes.
const uint64_t so_sha512_k[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static inline uint64_t sum_a(uint64_t x) {
  return so_rotr64(x, 28) ^ so_rotr64(x, 34) ^ so_rotr64(x, 39);
}
static inline uint64_t sum_e(uint64_t x) {
  return so_rotr64(x, 14) ^ so_rotr64(x, 18) ^ so_rotr64(x, 41);
}
static inline uint64_t sigma0(uint64_t x) { return so_rotr64(x, 1) ^ so_rotr64(x, 8) ^ x >> 7; }
static inline uint64_t sigma1(uint64_t x) { return so_rotr64(x, 19) ^ so_rotr64(x, 61) ^ x >> 6; }

static inline void one_round(uint64_t work[8], unsigned t, uint64_t kw) {
#define VAR(n) work[((n)-t) & 7]
  const uint64_t choice = VAR(6) ^ (VAR(4) & (VAR(5) ^ VAR(6)));
  const uint64_t majority = (VAR(0) & VAR(1)) | (VAR(2) & (VAR(0) | VAR(1)));
  const uint64_t t1 = VAR(7) + sum_e(VAR(4)) + choice + kw;
  VAR(3) += t1;
  VAR(7) = t1 + sum_a(VAR(0)) + majority;
#undef VAR
}

__attribute__((always_inline)) static inline void one_block(uint64_t state[8], const uint8_t *in) {
  uint64_t work[8], w[16];
  memcpy(work, state, sizeof work);
#pragma clang loop unroll(full)
  for (unsigned t = 0; t < 16; t++) {
    w[t] = so_load_be64(in + 8 * t);
    one_round(work, t, so_sha512_k[t] + w[t]);
  }
  for (unsigned base = 16; base < 80; base += 16) {
#pragma clang loop unroll(full)
    for (unsigned t = 0; t < 16; t++) {
      w[t] += sigma1(w[(t + 14) & 15]) + w[(t + 9) & 15] + sigma0(w[(t + 1) & 15]);
      one_round(work, t, so_sha512_k[base + t] + w[t]);
    }
  }
  for (unsigned i = 0; i < 8; i++) {
    state[i] += work[i];
  }
}

void so_sha512_blocks_portable(uint64_t state[8], const uint8_t *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    one_block(state, in + 128 * i);
  }
}

#if defined(__x86_64__)
// The same code: rotation into another register saves a move in every sigma.
__attribute__((target("bmi,bmi2"))) void so_sha512_blocks_bmi2(uint64_t state[8],
                                                               const uint8_t *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    one_block(state, in + 128 * i);
  }
}
#endif
