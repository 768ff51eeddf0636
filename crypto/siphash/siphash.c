#include "crypto/siphash/siphash.h"

#include "crypto/endian/endian.h"

static void rounds(uint64_t v[4], unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = so_rotl64(v[1], 13) ^ v[0];
    v[3] = so_rotl64(v[3], 16) ^ v[2];
    v[0] = so_rotl64(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = so_rotl64(v[1], 17) ^ v[2];
    v[3] = so_rotl64(v[3], 21) ^ v[0];
    v[2] = so_rotl64(v[2], 32);
  }
}

static void absorb(uint64_t v[4], uint64_t word) {
  v[3] ^= word;
  rounds(v, 2);
  v[0] ^= word;
}

uint64_t so_siphash24(const uint8_t key[SO_SIPHASH_KEY_LEN], so_bytes data) {
  const uint64_t k0 = so_load_le64(key), k1 = so_load_le64(key + 8);
  // "somepseudorandomlygeneratedbytes", big-endian.
  uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                   k1 ^ 0x7465646279746573};
  const size_t whole = data.len & ~(size_t)7;
  for (size_t i = 0; i < whole; i += 8) {
    absorb(v, so_load_le64(data.ptr + i));
  }
  // The last word: what is left, and the length modulo 256 on top.
  uint64_t last = (uint64_t)data.len << 56;
  for (size_t i = whole; i < data.len; i++) {
    last |= (uint64_t)data.ptr[i] << (8 * (i - whole));
  }
  absorb(v, last);
  v[2] ^= 0xff;
  rounds(v, 4);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}
