#include "crypto/aes/internal.h"

// AES with the processor's instructions.

#if defined(__x86_64__)

#include <immintrin.h>

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"

#define TARGET __attribute__((target("aes,ssse3,sse4.1")))
#define LANES 8  // Enough independent blocks to cover the latency of a round.

TARGET static inline __m128i load(const uint8_t *p) {
  return _mm_loadu_si128((const __m128i *)(const void *)p);
}
TARGET static inline void store(uint8_t *p, __m128i v) {
  _mm_storeu_si128((__m128i *)(void *)p, v);
}
TARGET static inline __m128i round_key(const so_aes *aes, unsigned r) {
  return load(aes->round_keys + 16 * r);
}

TARGET uint32_t so_aes_hw_sub_word(uint32_t word) {
  // The instruction puts SubWord of word 1 into word 0; its round constant is 0 here.
  const __m128i v = _mm_set_epi32(0, 0, (int)word, 0);
  return (uint32_t)_mm_cvtsi128_si32(_mm_aeskeygenassist_si128(v, 0));
}

TARGET void so_aes_hw_encrypt(const so_aes *aes, const uint8_t in[SO_AES_BLOCK_LEN],
                              uint8_t out[SO_AES_BLOCK_LEN]) {
  __m128i v = _mm_xor_si128(load(in), round_key(aes, 0));
  for (unsigned r = 1; r < aes->rounds; r++) {
    v = _mm_aesenc_si128(v, round_key(aes, r));
  }
  store(out, _mm_aesenclast_si128(v, round_key(aes, aes->rounds)));
}

// Xors LANES blocks with the keystream from block number `first` on.
TARGET static inline void xor_batch(const so_aes *aes, __m128i counter, uint32_t first,
                                    uint8_t *inout) {
  __m128i v[LANES];
  const __m128i key0 = round_key(aes, 0);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    v[k] = _mm_insert_epi32(counter, (int)__builtin_bswap32(first + k), 3);
    v[k] = _mm_xor_si128(v[k], key0);
  }
  for (unsigned r = 1; r < aes->rounds; r++) {
    const __m128i key = round_key(aes, r);
#pragma clang loop unroll(full)
    for (unsigned k = 0; k < LANES; k++) {
      v[k] = _mm_aesenc_si128(v[k], key);
    }
  }
  const __m128i last = round_key(aes, aes->rounds);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const __m128i stream = _mm_aesenclast_si128(v[k], last);
    store(inout + 16 * k, _mm_xor_si128(stream, load(inout + 16 * k)));
  }
}

TARGET void so_aes_hw_ctr32(const so_aes *aes, uint8_t counter[SO_AES_BLOCK_LEN], uint8_t *inout,
                            size_t len) {
  const __m128i start = load(counter);
  uint32_t number = so_load_be32(counter + 12);
  while (len >= 16 * LANES) {
    xor_batch(aes, start, number, inout);
    number += LANES;
    inout += 16 * LANES;
    len -= 16 * LANES;
  }
  if (len != 0) {
    uint8_t batch[16 * LANES] = {0};
    memcpy(batch, inout, len);
    xor_batch(aes, start, number, batch);
    memcpy(inout, batch, len);
    so_wipe(batch, sizeof batch);
    number += (uint32_t)((len + 15) / 16);
  }
  so_store_be32(counter + 12, number);
}

#endif
