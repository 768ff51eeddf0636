#ifndef SO_CRYPTO_CHACHA20_BLOCK_H_
#define SO_CRYPTO_CHACHA20_BLOCK_H_

// The ChaCha20 block function alone (RFC 8439 2.3), in code as small as it can be: for generators, which
// want few bytes at a time, in programs that hold no cipher.
//
// CT: as chacha20.h.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// so_chacha20_small_block writes the block of keystream `counter` under `key` and a nonce of zeros.
void so_chacha20_small_block(const uint8_t key[32], uint32_t counter, uint8_t out[64]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_CHACHA20_BLOCK_H_
