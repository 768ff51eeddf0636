#ifndef SO_CRYPTO_AES_AES_H_
#define SO_CRYPTO_AES_AES_H_

// AES-128 and AES-256, encryption direction (FIPS 197), and its counter mode.
//
// Every mode that the project uses (CTR, GCM) needs the forward cipher only, so the inverse one is
// not here. Two implementations: the processor's AES instructions, and 64-bit bitslicing that has
// no table and no branch on data. Both keep round keys in the byte order of FIPS 197.
// CT: time depends on lengths alone.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_AES_BLOCK_LEN 16
#define SO_AES_128_KEY_LEN 16
#define SO_AES_256_KEY_LEN 32
#define SO_AES_ROUNDS_MAX 14

typedef struct so_aes {
  uint8_t round_keys[(SO_AES_ROUNDS_MAX + 1) * SO_AES_BLOCK_LEN];
  uint8_t rounds;  // 10 or 14.
  bool use_aes;    // The processor has the AES instructions.
} so_aes;

// so_aes_init expands a key of 16 or 32 bytes; another length is an assert. `cpu` is not kept.
void so_aes_init(so_aes *aes, const so_cpu *cpu, const uint8_t *key, size_t key_len);

// so_aes_encrypt encrypts one block; `out` may be `in`.
void so_aes_encrypt(const so_aes *aes, const uint8_t in[SO_AES_BLOCK_LEN],
                    uint8_t out[SO_AES_BLOCK_LEN]);

// so_aes_ctr32 xors `len` bytes in place with the keystream whose first block is `counter`
// encrypted. The last four bytes count up, big-endian, modulo 2^32 (SP 800-38D 6.2). `counter`
// is left at the first unused block.
void so_aes_ctr32(const so_aes *aes, uint8_t counter[SO_AES_BLOCK_LEN], uint8_t *inout, size_t len);

// so_aes_wipe forgets the key.
void so_aes_wipe(so_aes *aes);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_AES_AES_H_
