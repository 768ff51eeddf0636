#ifndef SO_CRYPTO_AES_INTERNAL_H_
#define SO_CRYPTO_AES_INTERNAL_H_

// The two implementations behind aes.h: the processor's instructions where this is set, and bit planes.

#include <stddef.h>
#include <stdint.h>

#include "crypto/aes/aes.h"

#if defined(__x86_64__) || defined(__aarch64__)
#define SO_AES_HW 1
#else
#define SO_AES_HW 0
#endif

// Two lanes of 64 bits, in the vectors that every target has (SSE2, NEON).
typedef uint64_t so_aes_word __attribute__((vector_size(16)));

#define SO_AES_SLICED_LEN ((size_t)8 * SO_AES_BLOCK_LEN)

// Eight blocks as bit planes: bit 4 * i + k of lane l of plane b is bit b of byte i of block 4 * l + k.
typedef struct so_aes_planes {
  so_aes_word b[8];
} so_aes_planes;

// All round keys as planes, each the same in the eight blocks. Secret: wipe it.
typedef struct so_aes_sliced {
  so_aes_planes round_keys[SO_AES_ROUNDS_MAX + 1];
  unsigned rounds;
} so_aes_sliced;

void so_aes_slice_keys(const so_aes *aes, so_aes_sliced *sliced);

// so_aes_sliced_encrypt8 encrypts eight blocks in place.
void so_aes_sliced_encrypt8(const so_aes_sliced *sliced, uint8_t blocks[SO_AES_SLICED_LEN]);

// so_aes_sliced_sub_word applies the S-box to each byte of a word.
uint32_t so_aes_sliced_sub_word(uint32_t word);

#if SO_AES_HW
// These need aes of so_cpu.
uint32_t so_aes_hw_sub_word(uint32_t word);
void so_aes_hw_encrypt(const so_aes *aes, const uint8_t in[SO_AES_BLOCK_LEN],
                       uint8_t out[SO_AES_BLOCK_LEN]);
void so_aes_hw_ctr32(const so_aes *aes, uint8_t counter[SO_AES_BLOCK_LEN], uint8_t *inout,
                     size_t len);
#endif

#endif  // SO_CRYPTO_AES_INTERNAL_H_
