#ifndef SO_CRYPTO_POLY1305_POLY1305_H_
#define SO_CRYPTO_POLY1305_POLY1305_H_

// The Poly1305 one-time authenticator (RFC 8439 2.5).
//
// A key must serve for one message only. A context is plain memory without pointers; final wipes
// it. CT: time depends on lengths alone.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_POLY1305_KEY_LEN 32
#define SO_POLY1305_TAG_LEN 16
#define SO_POLY1305_BLOCK_LEN 16

typedef struct so_poly1305 {
  uint64_t r[5];    // The multiplier, clamped, in limbs of 44 or 26 bits.
  uint64_t h[5];    // The accumulator, in the same limbs.
  uint32_t pad[4];  // The second half of the key, added at the end.
  uint8_t block[SO_POLY1305_BLOCK_LEN];
  size_t block_len;  // Bytes of `block` that wait, fewer than 16.
  bool use_avx2;
} so_poly1305;

// so_poly1305_init takes the one-time key; `cpu` is not kept.
void so_poly1305_init(so_poly1305 *ctx, const so_cpu *cpu, const uint8_t key[SO_POLY1305_KEY_LEN]);
void so_poly1305_update(so_poly1305 *ctx, so_bytes data);

// so_poly1305_pad feeds zero bytes up to the next multiple of 16, none when it is one already
// (the padding of RFC 8439 2.8).
void so_poly1305_pad(so_poly1305 *ctx);

// so_poly1305_final writes the tag and wipes the context.
void so_poly1305_final(so_poly1305 *ctx, uint8_t tag[SO_POLY1305_TAG_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_POLY1305_POLY1305_H_
