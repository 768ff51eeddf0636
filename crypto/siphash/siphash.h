#ifndef SO_CRYPTO_SIPHASH_SIPHASH_H_
#define SO_CRYPTO_SIPHASH_SIPHASH_H_

// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed 64-bit hash for tables that are filled with
// keys an attacker chose, and for cookies. Not a hash without a secret key, and too short for a
// signature. CT: time depends on the length alone.

#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SIPHASH_KEY_LEN 16

uint64_t so_siphash24(const uint8_t key[SO_SIPHASH_KEY_LEN], so_bytes data);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_SIPHASH_SIPHASH_H_
