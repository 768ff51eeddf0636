#ifndef SO_CRYPTO_CHACHA20_ROUNDS_H_
#define SO_CRYPTO_CHACHA20_ROUNDS_H_

// The ChaCha20 rounds on vectors, one lane a block. The including file first defines the type
// `vec`, a vector of uint32_t, whose width is the only difference between the implementations;
// INLINE, with which the functions here start; and keep_rotated, which may stop the compiler from
// merging one rotation with the next.

#include <stdint.h>

// One quarter of the four quarter rounds: *a += *b and *d = (*d ^ *a) <<< n for each of them. The
// four are independent, and side by side they hide each other's latency.
INLINE void add_xor_rotate(vec x[16], const unsigned char a[4],
                                       const unsigned char b[4], const unsigned char d[4],
                                       unsigned n) {
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 4; i++) {
    x[a[i]] += x[b[i]];
    x[d[i]] ^= x[a[i]];
  }
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 4; i++) {
    x[d[i]] = x[d[i]] << n | x[d[i]] >> (32 - n);
    keep_rotated(&x[d[i]]);
  }
}

INLINE void four_quarter_rounds(vec x[16], const unsigned char a[4],
                                            const unsigned char b[4], const unsigned char c[4],
                                            const unsigned char d[4]) {
  add_xor_rotate(x, a, b, d, 16);
  add_xor_rotate(x, c, d, b, 12);
  add_xor_rotate(x, a, b, d, 8);
  add_xor_rotate(x, c, d, b, 7);
}

// Turns input blocks into keystream blocks, word by word: x[i] holds word i of every block.
INLINE void keystream(const uint32_t state[16], const vec *lane_numbers, vec x[16]) {
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 16; i++) {
    x[i] = (vec){0} + state[i];
  }
  x[12] += *lane_numbers;
  const unsigned char row0[4] = {0, 1, 2, 3}, row1[4] = {4, 5, 6, 7};
  const unsigned char row2[4] = {8, 9, 10, 11}, row3[4] = {12, 13, 14, 15};
  const unsigned char diagonal1[4] = {5, 6, 7, 4}, diagonal2[4] = {10, 11, 8, 9};
  const unsigned char diagonal3[4] = {15, 12, 13, 14};
  for (unsigned i = 0; i < 10; i++) {
    four_quarter_rounds(x, row0, row1, row2, row3);
    four_quarter_rounds(x, row0, diagonal1, diagonal2, diagonal3);
  }
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < 16; i++) {
    x[i] += state[i];
  }
  x[12] += *lane_numbers;
}

#endif  // SO_CRYPTO_CHACHA20_ROUNDS_H_
