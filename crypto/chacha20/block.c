#include "crypto/chacha20/block.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"

static void add_xor_rotate(uint32_t *a, uint32_t b, uint32_t *d, unsigned n) {
  *a += b;
  *d = so_rotl32(*d ^ *a, n);
}

static void quarter_round(uint32_t x[16], unsigned a, unsigned b, unsigned c, unsigned d) {
  add_xor_rotate(&x[a], x[b], &x[d], 16);
  add_xor_rotate(&x[c], x[d], &x[b], 12);
  add_xor_rotate(&x[a], x[b], &x[d], 8);
  add_xor_rotate(&x[c], x[d], &x[b], 7);
}

// Columns, then diagonals: row n moves on by n words.
static void double_round(uint32_t x[16]) {
  for (unsigned step = 0; step < 2; step++) {
    for (unsigned i = 0; i < 4; i++) {
      quarter_round(x, i, 4 + (i + step) % 4, 8 + (i + 2 * step) % 4, 12 + (i + 3 * step) % 4);
    }
  }
}

void so_chacha20_small_block(const uint8_t key[32], uint32_t counter, uint8_t out[64]) {
  uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  uint32_t x[16];
  for (unsigned i = 0; i < 8; i++) {
    state[4 + i] = so_load_le32(key + 4 * i);
  }
  state[12] = counter;
  memcpy(x, state, sizeof x);
  for (unsigned i = 0; i < 10; i++) {
    double_round(x);
  }
  for (unsigned i = 0; i < 16; i++) {
    so_store_le32(out + 4 * i, x[i] + state[i]);
  }
  so_wipe(state, sizeof state);
  so_wipe(x, sizeof x);
}
