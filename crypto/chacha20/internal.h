#ifndef SO_CRYPTO_CHACHA20_INTERNAL_H_
#define SO_CRYPTO_CHACHA20_INTERNAL_H_

// The block functions behind chacha20.h. `state` is the input block of RFC 8439 2.3 with the
// counter of the first block; the caller counts on.

#include <stdint.h>

// so_chacha20_xor4 xors 4 blocks (256 bytes) in place with the target's baseline vectors.
void so_chacha20_xor4(const uint32_t state[16], uint8_t *inout);

#if defined(__x86_64__)
// so_chacha20_xor8_avx2 xors 8 blocks (512 bytes) in place.
void so_chacha20_xor8_avx2(const uint32_t state[16], uint8_t *inout);

// so_chacha20_xor4_avx512 xors 4 blocks in place.
void so_chacha20_xor4_avx512(const uint32_t state[16], uint8_t *inout);

// so_chacha20_xor16_avx512 xors 16 blocks (1024 bytes) in place.
void so_chacha20_xor16_avx512(const uint32_t state[16], uint8_t *inout);
#endif

#endif  // SO_CRYPTO_CHACHA20_INTERNAL_H_
