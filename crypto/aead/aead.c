#include "crypto/aead/aead.h"

#include "base/assert.h"
#include "crypto/aead/internal.h"
#include "crypto/ct/ct.h"

size_t so_aead_key_len(so_aead_alg alg) {
  return alg == SO_AES_128_GCM ? SO_AES_128_KEY_LEN : 32;
}

void so_aead_init(so_aead *aead, so_aead_alg alg, const so_cpu *cpu, const uint8_t *key) {
  aead->alg = alg;
  switch (alg) {
    case SO_AES_128_GCM:
    case SO_AES_256_GCM:
      so_gcm_init(&aead->u.gcm, cpu, key, so_aead_key_len(alg));
      return;
    case SO_CHACHA20_POLY1305:
      so_chacha20_init(&aead->u.chacha20, cpu, key);
      return;
  }
  SO_ASSERT(false);
}

void so_aead_seal(const so_aead *aead, const uint8_t nonce[SO_AEAD_NONCE_LEN], so_bytes aad,
                  uint8_t *inout, size_t len, uint8_t tag[SO_AEAD_TAG_LEN]) {
  if (aead->alg == SO_CHACHA20_POLY1305) {
    so_chacha20_poly1305_seal(&aead->u.chacha20, nonce, aad, inout, len, tag);
  } else {
    so_gcm_seal(&aead->u.gcm, nonce, aad, inout, len, tag);
  }
}

so_status so_aead_open(const so_aead *aead, const uint8_t nonce[SO_AEAD_NONCE_LEN], so_bytes aad,
                       uint8_t *inout, size_t len, const uint8_t tag[SO_AEAD_TAG_LEN]) {
  if (aead->alg == SO_CHACHA20_POLY1305) {
    return so_chacha20_poly1305_open(&aead->u.chacha20, nonce, aad, inout, len, tag);
  }
  return so_gcm_open(&aead->u.gcm, nonce, aad, inout, len, tag);
}

void so_aead_wipe(so_aead *aead) { so_wipe(aead, sizeof *aead); }
