#include "crypto/aes/internal.h"

// AES with the instructions of ARMv8. AESE adds the round key before it substitutes and shifts, so the last key is
// left over for an exclusive or of its own.

#if defined(__aarch64__)

#include "base/mem.h"
#include "crypto/cpu/neon.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"

#define TARGET __attribute__((target("aes")))
#define LANES 8  // Enough independent blocks to cover the latency of a round.

TARGET static inline uint8x16_t round_key(const so_aes *aes, unsigned r) {
  return vld1q_u8(aes->round_keys + 16 * r);
}

TARGET uint32_t so_aes_hw_sub_word(uint32_t word) {
  // Shifting rows does nothing to four equal columns.
  const uint8x16_t columns = vreinterpretq_u8_u32(vdupq_n_u32(word));
  return vgetq_lane_u32(vreinterpretq_u32_u8(vaeseq_u8(columns, vdupq_n_u8(0))), 0);
}

TARGET void so_aes_hw_encrypt(const so_aes *aes, const uint8_t in[SO_AES_BLOCK_LEN],
                              uint8_t out[SO_AES_BLOCK_LEN]) {
  uint8x16_t v = vld1q_u8(in);
  for (unsigned r = 0; r + 1 < aes->rounds; r++) {
    v = vaesmcq_u8(vaeseq_u8(v, round_key(aes, r)));
  }
  v = vaeseq_u8(v, round_key(aes, aes->rounds - 1u));
  vst1q_u8(out, veorq_u8(v, round_key(aes, aes->rounds)));
}

// Xors LANES blocks with the keystream from block number `first` on.
TARGET static inline void xor_batch(const so_aes *aes, uint8x16_t counter, uint32_t first,
                                    uint8_t *inout) {
  uint8x16_t v[LANES];
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    v[k] = vreinterpretq_u8_u32(
        vsetq_lane_u32(__builtin_bswap32(first + k), vreinterpretq_u32_u8(counter), 3));
  }
  for (unsigned r = 0; r + 1 < aes->rounds; r++) {
    const uint8x16_t key = round_key(aes, r);
#pragma clang loop unroll(full)
    for (unsigned k = 0; k < LANES; k++) {
      v[k] = vaesmcq_u8(vaeseq_u8(v[k], key));
    }
  }
  const uint8x16_t before_last = round_key(aes, aes->rounds - 1u);
  const uint8x16_t last = round_key(aes, aes->rounds);
#pragma clang loop unroll(full)
  for (unsigned k = 0; k < LANES; k++) {
    const uint8x16_t stream = veorq_u8(vaeseq_u8(v[k], before_last), last);
    vst1q_u8(inout + 16 * k, veorq_u8(stream, vld1q_u8(inout + 16 * k)));
  }
}

TARGET void so_aes_hw_ctr32(const so_aes *aes, uint8_t counter[SO_AES_BLOCK_LEN], uint8_t *inout,
                            size_t len) {
  const uint8x16_t start = vld1q_u8(counter);
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
