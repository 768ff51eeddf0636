#ifndef SO_CRYPTO_SHA2_SHA2_H_
#define SO_CRYPTO_SHA2_SHA2_H_

// SHA-256, SHA-384 and SHA-512 (FIPS 180-4).
//
// A context is plain memory without pointers: a copy of it is an independent context, which is how
// the hash of a prefix is taken. Init, then any number of updates, then final, which also wipes
// the context. SHA-384 uses the context and the update of SHA-512.
// CT: time depends on the lengths of the inputs alone.
// Limit: fewer than 2^61 bytes in all, an assert.

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SHA256_LEN 32
#define SO_SHA256_BLOCK_LEN 64
#define SO_SHA384_LEN 48
#define SO_SHA512_LEN 64
#define SO_SHA512_BLOCK_LEN 128

typedef struct so_sha256 {
  uint32_t state[8];
  uint64_t total_len;
  uint8_t block[SO_SHA256_BLOCK_LEN];  // total_len % 64 bytes of it are waiting.
  bool use_sha;                        // The processor has the SHA-256 instructions.
  bool use_bmi2;
} so_sha256;

typedef struct so_sha512 {
  uint64_t state[8];
  uint64_t total_len;
  uint8_t block[SO_SHA512_BLOCK_LEN];  // total_len % 128 bytes of it are waiting.
  bool use_sha;                        // The processor has the SHA-512 instructions.
  bool use_bmi2;
} so_sha512;

// so_sha256_init starts a hash; `cpu` says which instructions it may use and is not kept.
void so_sha256_init(so_sha256 *ctx, const so_cpu *cpu);
void so_sha256_update(so_sha256 *ctx, so_bytes data);
void so_sha256_final(so_sha256 *ctx, uint8_t out[SO_SHA256_LEN]);

void so_sha512_init(so_sha512 *ctx, const so_cpu *cpu);
void so_sha512_update(so_sha512 *ctx, so_bytes data);
void so_sha512_final(so_sha512 *ctx, uint8_t out[SO_SHA512_LEN]);

void so_sha384_init(so_sha512 *ctx, const so_cpu *cpu);
void so_sha384_final(so_sha512 *ctx, uint8_t out[SO_SHA384_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_SHA2_SHA2_H_
