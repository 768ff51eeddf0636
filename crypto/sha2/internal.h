#ifndef SO_CRYPTO_SHA2_INTERNAL_H_
#define SO_CRYPTO_SHA2_INTERNAL_H_

// The compression functions behind sha2.h. Each takes `count` whole blocks.

#include <stddef.h>
#include <stdint.h>

extern const uint32_t so_sha256_k[64];

void so_sha256_blocks_portable(uint32_t state[8], const uint8_t *in, size_t count);
void so_sha512_blocks_portable(uint64_t state[8], const uint8_t *in, size_t count);

extern const uint64_t so_sha512_k[80];

#if defined(__x86_64__) || defined(__aarch64__)
#define SO_SHA256_HW 1
// This needs sha of so_cpu.
void so_sha256_blocks_hw(uint32_t state[8], const uint8_t *in, size_t count);
#else
#define SO_SHA256_HW 0
#endif

#if defined(__aarch64__)
// This needs sha512 of so_cpu.
void so_sha512_blocks_hw(uint64_t state[8], const uint8_t *in, size_t count);
#endif

#if defined(__x86_64__)
// These need bmi2 of so_cpu.
void so_sha256_blocks_bmi2(uint32_t state[8], const uint8_t *in, size_t count);
void so_sha512_blocks_bmi2(uint64_t state[8], const uint8_t *in, size_t count);
#endif

#endif  // SO_CRYPTO_SHA2_INTERNAL_H_
