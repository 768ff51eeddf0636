#ifndef SO_CRYPTO_GCM_GCM_H_
#define SO_CRYPTO_GCM_GCM_H_

// AES-GCM (SP 800-38D) with 12-byte nonces and 16-byte tags.
//
// so_gcm is an expanded key: plain memory without pointers, never changed by seal or open, so any
// number of them may share it. The caller must never seal twice with one key and nonce.
// CT: time depends on lengths and on whether a tag was right.
// Limits, asserts: 2^36 - 32 bytes of text, 2^61 - 1 of additional data (SP 800-38D 5.2.1.1).
// Not done: other nonce and tag lengths, which no protocol here uses.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/aes/aes.h"
#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_GCM_NONCE_LEN 12
#define SO_GCM_TAG_LEN 16
#define SO_GCM_POWERS 16

typedef enum so_gcm_kind {
  SO_GCM_PORTABLE = 0,  // Bitsliced AES, GHASH with the target's baseline.
  SO_GCM_V128,         // AES and carry-less multiplication instructions, 128 bits wide.
  SO_GCM_V256,          // The same, 256 bits wide.
} so_gcm_kind;

typedef struct so_gcm {
  so_aes aes;
  // Powers of the hash key H in the form that `kind` wants; see gcm/README.md.
  uint8_t powers[SO_GCM_POWERS][16];
  so_gcm_kind kind;
} so_gcm;

// so_gcm_init expands a key of 16 or 32 bytes; another length is an assert. `cpu` is not kept.
void so_gcm_init(so_gcm *gcm, const so_cpu *cpu, const uint8_t *key, size_t key_len);

// so_gcm_seal encrypts `len` bytes in place and writes the tag over them and `aad`.
void so_gcm_seal(const so_gcm *gcm, const uint8_t nonce[SO_GCM_NONCE_LEN], so_bytes aad,
                 uint8_t *inout, size_t len, uint8_t tag[SO_GCM_TAG_LEN]);

// so_gcm_open checks the tag and decrypts in place. DENIED, with `inout` zeroed, when it is wrong.
SO_MUST_USE so_status so_gcm_open(const so_gcm *gcm, const uint8_t nonce[SO_GCM_NONCE_LEN],
                                  so_bytes aad, uint8_t *inout, size_t len,
                                  const uint8_t tag[SO_GCM_TAG_LEN]);

// so_gcm_wipe forgets the key.
void so_gcm_wipe(so_gcm *gcm);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_GCM_GCM_H_
