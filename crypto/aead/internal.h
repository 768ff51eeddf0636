#ifndef SO_CRYPTO_AEAD_INTERNAL_H_
#define SO_CRYPTO_AEAD_INTERNAL_H_

// ChaCha20-Poly1305 (RFC 8439 2.8) with the contract of so_aead_seal and so_aead_open.

#include "crypto/aead/aead.h"

void so_chacha20_poly1305_seal(const so_chacha20 *key, const uint8_t nonce[SO_AEAD_NONCE_LEN],
                               so_bytes aad, uint8_t *inout, size_t len,
                               uint8_t tag[SO_AEAD_TAG_LEN]);

SO_MUST_USE so_status so_chacha20_poly1305_open(const so_chacha20 *key,
                                                const uint8_t nonce[SO_AEAD_NONCE_LEN],
                                                so_bytes aad, uint8_t *inout, size_t len,
                                                const uint8_t tag[SO_AEAD_TAG_LEN]);

#endif  // SO_CRYPTO_AEAD_INTERNAL_H_
