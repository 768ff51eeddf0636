#ifndef SO_CRYPTO_CHACHA20_CHACHA20_H_
#define SO_CRYPTO_CHACHA20_CHACHA20_H_

// The ChaCha20 stream cipher with a 96-bit nonce and a 32-bit block counter (RFC 8439 2.4).
//
// CT: additions, xors and fixed rotations; time depends on the length alone.
// Limit: the counter must not pass 2^32 - 1, an assert: 256 GiB from counter 0.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_CHACHA20_KEY_LEN 32
#define SO_CHACHA20_NONCE_LEN 12
#define SO_CHACHA20_BLOCK_LEN 64

typedef struct so_chacha20 {
  uint32_t key[8];
  bool use_avx2;
  bool use_avx512;
} so_chacha20;

// so_chacha20_init takes the key; `cpu` is not kept. The context has no position: every call
// below names its own nonce and counter.
void so_chacha20_init(so_chacha20 *ctx, const so_cpu *cpu, const uint8_t key[SO_CHACHA20_KEY_LEN]);

// so_chacha20_xor xors `len` bytes in place with the keystream that starts at block `counter`.
void so_chacha20_xor(const so_chacha20 *ctx, const uint8_t nonce[SO_CHACHA20_NONCE_LEN],
                     uint32_t counter, uint8_t *inout, size_t len);

// so_chacha20_block writes one block of keystream.
void so_chacha20_block(const so_chacha20 *ctx, const uint8_t nonce[SO_CHACHA20_NONCE_LEN],
                       uint32_t counter, uint8_t out[SO_CHACHA20_BLOCK_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_CHACHA20_CHACHA20_H_
