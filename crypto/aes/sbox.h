#ifndef SO_CRYPTO_AES_SBOX_H_
#define SO_CRYPTO_AES_SBOX_H_

// The AES S-box on bit planes.

#include "crypto/aes/internal.h"

// so_aes_sub_bytes applies the S-box to all 128 bytes.
void so_aes_sub_bytes(so_aes_planes *p);

#endif  // SO_CRYPTO_AES_SBOX_H_
