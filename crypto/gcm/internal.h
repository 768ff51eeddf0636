#ifndef SO_CRYPTO_GCM_INTERNAL_H_
#define SO_CRYPTO_GCM_INTERNAL_H_

// The implementations of GHASH and of its combination with AES-CTR behind gcm.h.

#include <stddef.h>
#include <stdint.h>

#include "crypto/gcm/gcm.h"

// Whether there are AES and carry-less multiplication instructions to write for.
#if defined(__x86_64__) || defined(__aarch64__)
#define SO_GCM_HW 1
#else
#define SO_GCM_HW 0
#endif

// Whether the target's baseline multiplies bytes without carries: then that is its portable GHASH.
#if defined(__ARM_NEON)
#define SO_GHASH_NEON 1
#else
#define SO_GHASH_NEON 0
#endif

// A running authentication: the hash so far, in the byte order of SP 800-38D.
typedef struct so_ghash {
  uint8_t y[16];
} so_ghash;

// so_ghash_*_init fills `powers` from the hash key H; so_ghash_*_blocks absorbs whole blocks.
void so_ghash_portable_init(so_gcm *gcm, const uint8_t h[16]);
void so_ghash_portable_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in, size_t count);

#if SO_GCM_HW
// These need pclmul and aes of so_cpu.
void so_ghash_clmul_init(so_gcm *gcm, const uint8_t h[16]);
void so_ghash_clmul_blocks(const so_gcm *gcm, so_ghash *hash, const uint8_t *in, size_t count);
// These encrypt or decrypt a prefix of `inout` in one pass with its hash, move `counter` and
// `hash` on, and return the prefix's length, a multiple of 16.
size_t so_gcm_v128_seal(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash, uint8_t *inout,
                         size_t len);
size_t so_gcm_v128_open(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash, uint8_t *inout,
                         size_t len);
#endif

#if defined(__x86_64__)
// These need vaes, vpclmul and avx2 as well.
size_t so_gcm_v256_seal(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash, uint8_t *inout,
                        size_t len);
size_t so_gcm_v256_open(const so_gcm *gcm, uint8_t counter[16], so_ghash *hash, uint8_t *inout,
                        size_t len);
#endif

#endif  // SO_CRYPTO_GCM_INTERNAL_H_
