#include "crypto/endian/endian.h"
#include "crypto/sha2/internal.h"

// FIPS 180-4 6.2.2. The working variables a..h never move: in round t the variable named n is
// work[(n - t) mod 8], and unrolling by 16 makes every index a constant.

// FIPS 180-4 4.2.2: the fractional parts of the cube roots of the first 64 primes.
const uint32_t so_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// The rotations by 2, 13, 22 and by 6, 11, 25, with the last one on the outside: ARM does that in the addition.
static inline uint32_t sum_a(uint32_t x) {
  return so_rotr32(x ^ so_rotr32(x, 11) ^ so_rotr32(x, 20), 2);
}
static inline uint32_t sum_e(uint32_t x) {
  return so_rotr32(x ^ so_rotr32(x, 5) ^ so_rotr32(x, 19), 6);
}
static inline uint32_t sigma0(uint32_t x) { return so_rotr32(x, 7) ^ so_rotr32(x, 18) ^ x >> 3; }
static inline uint32_t sigma1(uint32_t x) { return so_rotr32(x, 17) ^ so_rotr32(x, 19) ^ x >> 10; }

static inline void one_round(uint32_t work[8], unsigned t, uint32_t kw) {
#define VAR(n) work[((n)-t) & 7]
  const uint32_t choice = VAR(6) ^ (VAR(4) & (VAR(5) ^ VAR(6)));
  const uint32_t majority = (VAR(0) & VAR(1)) | (VAR(2) & (VAR(0) | VAR(1)));
  const uint32_t t1 = VAR(7) + sum_e(VAR(4)) + choice + kw;
  VAR(3) += t1;
  VAR(7) = t1 + sum_a(VAR(0)) + majority;
#undef VAR
}

__attribute__((always_inline)) static inline void one_block(uint32_t state[8], const uint8_t *in) {
  uint32_t work[8], w[16];
  memcpy(work, state, sizeof work);
#pragma clang loop unroll(full)
  for (unsigned t = 0; t < 16; t++) {
    w[t] = so_load_be32(in + 4 * t);
    one_round(work, t, so_sha256_k[t] + w[t]);
  }
  for (unsigned base = 16; base < 64; base += 16) {
#pragma clang loop unroll(full)
    for (unsigned t = 0; t < 16; t++) {
      w[t] += sigma1(w[(t + 14) & 15]) + w[(t + 9) & 15] + sigma0(w[(t + 1) & 15]);
      one_round(work, t, so_sha256_k[base + t] + w[t]);
    }
  }
  for (unsigned i = 0; i < 8; i++) {
    state[i] += work[i];
  }
}

void so_sha256_blocks_portable(uint32_t state[8], const uint8_t *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    one_block(state, in + 64 * i);
  }
}

#if defined(__x86_64__)
// The same code: rotation into another register saves a move in every sigma.
__attribute__((target("bmi,bmi2"))) void so_sha256_blocks_bmi2(uint32_t state[8],
                                                               const uint8_t *in, size_t count) {
  for (size_t i = 0; i < count; i++) {
    one_block(state, in + 64 * i);
  }
}
#endif
