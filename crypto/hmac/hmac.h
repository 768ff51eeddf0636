#ifndef SO_CRYPTO_HMAC_HMAC_H_
#define SO_CRYPTO_HMAC_HMAC_H_

// HMAC (RFC 2104, FIPS 198-1) over any so_hash_alg.
//
// A context is plain memory without pointers. A copy taken after init serves again for the same
// key; final wipes the context. Compare results with so_ct_equal.

#include <stdint.h>

#include "base/bytes.h"
#include "crypto/cpu/cpu.h"
#include "crypto/hash/hash.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_hmac {
  so_hash inner;
  so_hash outer;
} so_hmac;

// so_hmac_init takes a key of any length; neither `cpu` nor the key is kept.
void so_hmac_init(so_hmac *ctx, so_hash_alg alg, const so_cpu *cpu, so_bytes key);
void so_hmac_update(so_hmac *ctx, so_bytes data);

// so_hmac_final writes so_hash_len(alg) bytes and wipes the context.
void so_hmac_final(so_hmac *ctx, uint8_t *out);

// so_hmac_once writes so_hash_len(alg) bytes; `out` may overlap `key` or `data`.
void so_hmac_once(so_hash_alg alg, const so_cpu *cpu, so_bytes key, so_bytes data, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_HMAC_HMAC_H_
