#ifndef SO_CRYPTO_HKDF_HKDF_H_
#define SO_CRYPTO_HKDF_HKDF_H_

// HKDF (RFC 5869): from input keying material to any number of independent keys.
// Limit: 255 hash lengths of output from one expand, RFC 5869 2.3.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/cpu/cpu.h"
#include "crypto/hash/hash.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_hkdf_extract writes so_hash_len(alg) bytes. An empty salt stands for so_hash_len zero bytes.
// `out` may overlap `salt` or `ikm`.
void so_hkdf_extract(so_hash_alg alg, const so_cpu *cpu, so_bytes salt, so_bytes ikm, uint8_t *out);

// so_hkdf_expand writes `out_len` bytes. LIMIT, and nothing written, when `out_len` is more than
// 255 * so_hash_len(alg). `out` must not overlap `prk` or `info`.
SO_MUST_USE so_status so_hkdf_expand(so_hash_alg alg, const so_cpu *cpu, so_bytes prk,
                                     so_bytes info, uint8_t *out, size_t out_len);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_HKDF_HKDF_H_
