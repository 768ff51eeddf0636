#ifndef SO_CRYPTO_HASH_HASH_H_
#define SO_CRYPTO_HASH_HASH_H_

// A hash chosen at run time: what HMAC, HKDF, signatures and the TLS transcript are built over.
//
// A context is plain memory without pointers: finalise a copy to get the hash so far.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/cpu/cpu.h"
#include "crypto/sha2/sha2.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_hash_alg {
  SO_SHA256 = 0,
  SO_SHA384,
  SO_SHA512,
} so_hash_alg;

#define SO_HASH_LEN_MAX 64
#define SO_HASH_BLOCK_LEN_MAX 128

typedef struct so_hash {
  so_hash_alg alg;
  union {
    so_sha256 sha256;
    so_sha512 sha512;
  } u;
} so_hash;

// so_hash_len is the length of the result in bytes: 32, 48 or 64.
size_t so_hash_len(so_hash_alg alg);

// so_hash_block_len is the length of the compression function's input: 64 or 128.
size_t so_hash_block_len(so_hash_alg alg);

// so_hash_init starts a hash; `cpu` is not kept.
void so_hash_init(so_hash *ctx, so_hash_alg alg, const so_cpu *cpu);
void so_hash_update(so_hash *ctx, so_bytes data);

// so_hash_final writes so_hash_len bytes and wipes the context.
void so_hash_final(so_hash *ctx, uint8_t *out);

// so_hash_once hashes `data`; `out` has room for so_hash_len bytes and may overlap `data`.
void so_hash_once(so_hash_alg alg, const so_cpu *cpu, so_bytes data, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_HASH_HASH_H_
