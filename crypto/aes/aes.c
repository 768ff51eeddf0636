#include "crypto/aes/aes.h"

#include "base/assert.h"
#include "crypto/aes/internal.h"
#include "crypto/ct/ct.h"
#include "crypto/endian/endian.h"

static uint32_t sub_word(const so_aes *aes, uint32_t word) {
#if SO_AES_HW
  if (aes->use_aes) {
    return so_aes_hw_sub_word(word);
  }
#else
  (void)aes;
#endif
  return so_aes_sliced_sub_word(word);
}

// FIPS 197 5.2. Words are loaded little-endian, so RotWord is a rotation to the right and the round
// constant goes into the low byte.
static void expand_key(so_aes *aes, const uint8_t *key, size_t key_len) {
  const size_t key_words = key_len / 4;
  const size_t words = 4u * (aes->rounds + 1u);
  uint32_t round_constant = 1;
  memcpy(aes->round_keys, key, key_len);
  for (size_t i = key_words; i < words; i++) {
    uint32_t t = so_load_le32(aes->round_keys + 4 * (i - 1));
    if (i % key_words == 0) {
      t = sub_word(aes, so_rotr32(t, 8)) ^ round_constant;
      round_constant = round_constant << 1 ^ (round_constant >> 7) * 0x11b;
    } else if (key_words == 8 && i % key_words == 4) {
      t = sub_word(aes, t);
    }
    so_store_le32(aes->round_keys + 4 * i,
                  t ^ so_load_le32(aes->round_keys + 4 * (i - key_words)));
  }
}

void so_aes_init(so_aes *aes, const so_cpu *cpu, const uint8_t *key, size_t key_len) {
  SO_ASSERT(key_len == SO_AES_128_KEY_LEN || key_len == SO_AES_256_KEY_LEN);
  memset(aes, 0, sizeof *aes);
  aes->rounds = key_len == SO_AES_128_KEY_LEN ? 10 : SO_AES_ROUNDS_MAX;
  aes->use_aes = cpu->aes;
  expand_key(aes, key, key_len);
}

void so_aes_encrypt(const so_aes *aes, const uint8_t in[SO_AES_BLOCK_LEN],
                    uint8_t out[SO_AES_BLOCK_LEN]) {
#if SO_AES_HW
  if (aes->use_aes) {
    so_aes_hw_encrypt(aes, in, out);
    return;
  }
#endif
  so_aes_sliced sliced;
  uint8_t blocks[SO_AES_SLICED_LEN] = {0};
  so_aes_slice_keys(aes, &sliced);
  memcpy(blocks, in, SO_AES_BLOCK_LEN);
  so_aes_sliced_encrypt8(&sliced, blocks);
  memcpy(out, blocks, SO_AES_BLOCK_LEN);
  so_wipe(&sliced, sizeof sliced);
  so_wipe(blocks, sizeof blocks);
}

// Writes eight counter blocks and moves the counter past the `used` ones.
static void counter_blocks(uint8_t counter[SO_AES_BLOCK_LEN], size_t used, uint8_t *out) {
  const uint32_t first = so_load_be32(counter + 12);
  for (uint32_t k = 0; k < 8; k++) {
    memcpy(out + 16 * k, counter, 12);
    so_store_be32(out + 16 * k + 12, first + k);
  }
  so_store_be32(counter + 12, first + (uint32_t)used);
}

static void sliced_ctr32(const so_aes *aes, uint8_t counter[SO_AES_BLOCK_LEN], uint8_t *inout,
                         size_t len) {
  so_aes_sliced sliced;
  uint8_t stream[SO_AES_SLICED_LEN];
  so_aes_slice_keys(aes, &sliced);
  while (len != 0) {
    const size_t n = len < sizeof stream ? len : sizeof stream;
    counter_blocks(counter, (n + 15) / 16, stream);
    so_aes_sliced_encrypt8(&sliced, stream);
    for (size_t i = 0; i < n; i++) {
      inout[i] ^= stream[i];
    }
    inout += n;
    len -= n;
  }
  so_wipe(&sliced, sizeof sliced);
  so_wipe(stream, sizeof stream);
}

void so_aes_ctr32(const so_aes *aes, uint8_t counter[SO_AES_BLOCK_LEN], uint8_t *inout,
                  size_t len) {
#if SO_AES_HW
  if (aes->use_aes) {
    so_aes_hw_ctr32(aes, counter, inout, len);
    return;
  }
#endif
  sliced_ctr32(aes, counter, inout, len);
}

void so_aes_wipe(so_aes *aes) { so_wipe(aes, sizeof *aes); }
