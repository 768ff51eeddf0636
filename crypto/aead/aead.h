#ifndef SO_CRYPTO_AEAD_AEAD_H_
#define SO_CRYPTO_AEAD_AEAD_H_

// Authenticated encryption chosen at run time: the three ciphers of TLS 1.3 (RFC 5116 interface).
//
// so_aead is an expanded key: plain memory without pointers (under 600 bytes), never changed by
// seal or open. The caller must never seal twice with one key and nonce. Text is encrypted and
// decrypted in place; the tag is apart, so that it may sit right behind the text.
// CT: time depends on lengths and on whether a tag was right.
// Limit: 2^36 - 32 bytes of text (GCM), 2^38 - 64 (ChaCha20); more is an assert.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/chacha20/chacha20.h"
#include "crypto/cpu/cpu.h"
#include "crypto/gcm/gcm.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_aead_alg {
  SO_AES_128_GCM = 0,
  SO_AES_256_GCM,
  SO_CHACHA20_POLY1305,
} so_aead_alg;

#define SO_AEAD_NONCE_LEN 12
#define SO_AEAD_TAG_LEN 16
#define SO_AEAD_KEY_LEN_MAX 32

typedef struct so_aead {
  so_aead_alg alg;
  union {
    so_gcm gcm;
    so_chacha20 chacha20;
  } u;
} so_aead;

// so_aead_key_len is 16 or 32.
size_t so_aead_key_len(so_aead_alg alg);

// so_aead_init expands so_aead_key_len(alg) bytes of key; neither `cpu` nor `key` is kept.
void so_aead_init(so_aead *aead, so_aead_alg alg, const so_cpu *cpu, const uint8_t *key);

// so_aead_seal encrypts `len` bytes in place and writes the tag over them and `aad`.
void so_aead_seal(const so_aead *aead, const uint8_t nonce[SO_AEAD_NONCE_LEN], so_bytes aad,
                  uint8_t *inout, size_t len, uint8_t tag[SO_AEAD_TAG_LEN]);

// so_aead_open checks the tag and decrypts in place. DENIED, with `inout` zeroed, when the tag is
// wrong.
SO_MUST_USE so_status so_aead_open(const so_aead *aead, const uint8_t nonce[SO_AEAD_NONCE_LEN],
                                   so_bytes aad, uint8_t *inout, size_t len,
                                   const uint8_t tag[SO_AEAD_TAG_LEN]);

// so_aead_wipe forgets the key.
void so_aead_wipe(so_aead *aead);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_AEAD_AEAD_H_
