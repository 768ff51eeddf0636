#ifndef SO_CRYPTO_POLY1305_INTERNAL_H_
#define SO_CRYPTO_POLY1305_INTERNAL_H_

// Arithmetic modulo 2^130 - 5 behind poly1305.h: one of limbs44.c (targets with a 128-bit type)
// and limbs26.c (the others) is compiled in.

#include "crypto/poly1305/poly1305.h"

// SO_POLY1305_FORCE_26 lets a test build the narrow arithmetic on a wide machine.
#if defined(__SIZEOF_INT128__) && !defined(SO_POLY1305_FORCE_26)
#define SO_POLY1305_LIMBS_44 1
#else
#define SO_POLY1305_LIMBS_44 0
#endif

// so_poly1305_set_r stores the multiplier, already clamped.
void so_poly1305_set_r(so_poly1305 *ctx, uint64_t low, uint64_t high);

// so_poly1305_blocks does h = (h + block + top * 2^128) * r for `count` blocks; `top` is 1, or 0
// for the padded last block of a message, which carries its own marker.
void so_poly1305_blocks(so_poly1305 *ctx, const uint8_t *in, size_t count, uint64_t top);

#if defined(__x86_64__) && SO_POLY1305_LIMBS_44
#define SO_POLY1305_VECTORS 1
#define SO_POLY1305_AVX2_MIN 16  // With fewer blocks the powers of r cost more than they save.

// so_poly1305_blocks_avx2 does the same as so_poly1305_blocks with a `top` of 1 for a multiple of 4
// blocks, at least 4.
void so_poly1305_blocks_avx2(so_poly1305 *ctx, const uint8_t *in, size_t count);
#else
#define SO_POLY1305_VECTORS 0
#endif

// so_poly1305_reduced gives the low 128 bits of h modulo 2^130 - 5, least significant word first.
void so_poly1305_reduced(const so_poly1305 *ctx, uint32_t out[4]);

#endif  // SO_CRYPTO_POLY1305_INTERNAL_H_
