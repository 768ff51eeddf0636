#ifndef SO_CRYPTO_ECDSA_ECDSA_H_
#define SO_CRYPTO_ECDSA_ECDSA_H_

// ECDSA over P-256 (FIPS 186-5 section 6) with deterministic nonces (RFC 6979).
//
// Works on digests: the caller hashes. The length of a digest names its hash, which RFC 6979 uses
// for the nonce too: 32 is SHA-256, 48 is SHA-384, 64 is SHA-512; nothing else is accepted.
// A signature is r and s, 32 bytes each, big-endian; its DER form belongs to whoever parses DER.
// Both s and n - s verify: the standard asks for no more, and certificates in the wild have either.
// CT: signing does not depend on the private key or the nonce in time or memory accesses, except
// that a nonce that has to be drawn again (probability 2^-32) is drawn again.

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/cpu/cpu.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ECDSA_P256_PRIVATE_LEN 32
#define SO_ECDSA_P256_PUBLIC_LEN 65
#define SO_ECDSA_P256_SIG_LEN 64

// so_ecdsa_p256_sign signs a digest; `cpu` says which instructions the hash may use. UNSUPPORTED
// for another length of digest, MALFORMED for a private key out of range; `out` is then zeroed.
SO_MUST_USE so_status so_ecdsa_p256_sign(const so_cpu *cpu,
                                         const uint8_t priv[SO_ECDSA_P256_PRIVATE_LEN],
                                         so_bytes digest, uint8_t out[SO_ECDSA_P256_SIG_LEN]);

// so_ecdsa_p256_verify is OK when `sig` is a signature of `digest` under `pub`. DENIED when it is
// not, MALFORMED when `pub` is no valid public key, UNSUPPORTED for another length of digest.
SO_MUST_USE so_status so_ecdsa_p256_verify(const uint8_t pub[SO_ECDSA_P256_PUBLIC_LEN],
                                           so_bytes digest,
                                           const uint8_t sig[SO_ECDSA_P256_SIG_LEN]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_ECDSA_ECDSA_H_
