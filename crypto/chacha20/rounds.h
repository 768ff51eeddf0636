#ifndef SO_CRYPTO_CHACHA20_ROUNDS_H_
#define SO_CRYPTO_CHACHA20_ROUNDS_H_

// The ChaCha20 rounds on vectors, one lane a block. The including file defines the type `vec`, a
// vector of uint32_t, first: its width is the only difference between the implementations.

#include <stdint.h>

#define SO_CHACHA20_INLINE __attribute__((always_inline)) static inline

SO_CHACHA20_INLINE void quarter_round(vec *a, vec *b, vec *c, vec *d) {
  *a += *b;
  *d ^= *a;
  *d = *d << 16 | *d >> 16;
  *c += *d;
  *b ^= *c;
  *b = *b << 12 | *b >> 20;
  *a += *b;
  *d ^= *a;
  *d = *d << 8 | *d >> 24;
  *c += *d;
  *b ^= *c;
  *b = *b << 7 | *b >> 25;
}

// Turns input blocks into keystream blocks, word by word: x[i] holds word i of every block.
SO_CHACHA20_INLINE void keystream(const uint32_t state[16], const vec *lane_numbers, vec x[16]) {
  for (unsigned i = 0; i < 16; i++) {
    x[i] = (vec){0} + state[i];
  }
  x[12] += *lane_numbers;
  for (unsigned i = 0; i < 10; i++) {
    quarter_round(&x[0], &x[4], &x[8], &x[12]);
    quarter_round(&x[1], &x[5], &x[9], &x[13]);
    quarter_round(&x[2], &x[6], &x[10], &x[14]);
    quarter_round(&x[3], &x[7], &x[11], &x[15]);
    quarter_round(&x[0], &x[5], &x[10], &x[15]);
    quarter_round(&x[1], &x[6], &x[11], &x[12]);
    quarter_round(&x[2], &x[7], &x[8], &x[13]);
    quarter_round(&x[3], &x[4], &x[9], &x[14]);
  }
  for (unsigned i = 0; i < 16; i++) {
    x[i] += state[i];
  }
  x[12] += *lane_numbers;
}

#endif  // SO_CRYPTO_CHACHA20_ROUNDS_H_
