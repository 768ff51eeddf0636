#ifndef SO_CRYPTO_BLAKE2B_BLAKE2B_H_
#define SO_CRYPTO_BLAKE2B_BLAKE2B_H_

// BLAKE2b with a 256-bit result and no key (RFC 7693), over the reference code.
//
// A context is plain memory without pointers: finalise a copy to get the hash so far.

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "blake2.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_BLAKE2B_256_LEN 32

typedef struct so_blake2b {
  blake2b_state state;
} so_blake2b;

void so_blake2b_init(so_blake2b *ctx);
void so_blake2b_update(so_blake2b *ctx, so_bytes data);
void so_blake2b_final(so_blake2b *ctx, uint8_t out[SO_BLAKE2B_256_LEN]);

// so_blake2b_256 hashes the concatenation of `count` parts. `out` may overlap them.
void so_blake2b_256(const so_bytes *parts, size_t count, uint8_t out[SO_BLAKE2B_256_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_BLAKE2B_BLAKE2B_H_
