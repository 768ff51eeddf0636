#ifndef SO_TLS_KEY_KEY_H_
#define SO_TLS_KEY_KEY_H_

// Keys and signatures of certificates and of the handshake: P-256 with ECDSA, and Ed25519.
//
// Formats: SubjectPublicKeyInfo (RFC 5280, 5480, 8410), private keys in PKCS#8 (RFC 5958, 8410)
// and SEC 1 (RFC 5915), signatures as X.509 and TLS carry them (ECDSA: DER of r and s).
//
// Invariants: an so_private_key that came out of this module belongs to its public key. Public keys
// are only checked for their form here; so_key_verify refuses points that are not on the curve.
// Ownership: all types are values; nothing is borrowed after a call.
// CT: of a private key only its kind and the lengths of its encoding show in time.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "crypto/cpu/cpu.h"
#include "crypto/rng/rng.h"
#include "tls/asn1/asn1.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_KEY_SECRET_LEN 32
#define SO_KEY_PUBLIC_LEN_MAX 65
#define SO_KEY_SIGNATURE_LEN_MAX 72   // DER of two 32-byte numbers, each with a leading zero.
#define SO_KEY_SPKI_LEN_MAX 91        // Of P-256.
#define SO_KEY_PKCS8_LEN_MAX 160      // What so_private_key_write emits at most.
#define SO_KEY_PEM_LEN_MAX 384        // What so_private_key_write_pem emits at most.

typedef enum so_key_kind {
  SO_KEY_UNSUPPORTED = 0,  // RSA, other curves, compressed points: present, but of no use to us.
  SO_KEY_P256 = 1,
  SO_KEY_ED25519 = 2,
} so_key_kind;

typedef struct so_public_key {
  so_key_kind kind;
  uint8_t len;  // 65 for P-256 (04 x y), 32 for Ed25519, 0 for unsupported ones.
  uint8_t bytes[SO_KEY_PUBLIC_LEN_MAX];
} so_public_key;

typedef struct so_private_key {
  so_key_kind kind;
  uint8_t secret[SO_KEY_SECRET_LEN];  // P-256: the scalar, big-endian. Ed25519: the seed.
  so_public_key public_key;
} so_private_key;

typedef enum so_signature_alg {
  SO_SIGNATURE_UNSUPPORTED = 0,
  SO_ECDSA_SHA256,
  SO_ECDSA_SHA384,
  SO_ECDSA_SHA512,
  SO_ED25519,
} so_signature_alg;

// --- public keys ----------------------------------------------------------------------------

// so_public_key_parse takes a SubjectPublicKeyInfo off `d`. Algorithms that we lack succeed, with
// kind SO_KEY_UNSUPPORTED. False: not well-formed, and `d` is poisoned.
SO_MUST_USE bool so_public_key_parse(so_der *d, so_public_key *out);

// so_public_key_write appends a SubjectPublicKeyInfo; the kind must be a supported one.
void so_public_key_write(const so_public_key *key, so_writer *w);

bool so_public_key_equal(const so_public_key *a, const so_public_key *b);

// --- private keys ---------------------------------------------------------------------------

// so_private_key_generate draws a key from `rng`. INTERNAL if the generator is broken.
SO_MUST_USE so_status so_private_key_generate(so_key_kind kind, so_rng *rng, so_private_key *out);

// so_private_key_of makes the key of given secret bytes. DENIED: not a P-256 scalar in [1, n-1].
SO_MUST_USE so_status so_private_key_of(so_key_kind kind,
                                        const uint8_t secret[SO_KEY_SECRET_LEN],
                                        so_private_key *out);

// so_private_key_parse reads PKCS#8 or SEC 1. MALFORMED; UNSUPPORTED: another algorithm or an
// encrypted key; DENIED: a scalar out of range, or a public key that does not belong to it.
SO_MUST_USE so_status so_private_key_parse(so_bytes der, so_private_key *out);

// so_private_key_write appends PKCS#8.
void so_private_key_write(const so_private_key *key, so_writer *w);

// so_private_key_read_pem reads the first private key among the PEM blocks of `text`; blocks of
// other kinds are passed over. NOT_FOUND: there is none; else like so_private_key_parse.
SO_MUST_USE so_status so_private_key_read_pem(so_bytes text, so_private_key *out);

// so_private_key_write_pem appends a PRIVATE KEY block.
void so_private_key_write_pem(const so_private_key *key, so_writer *w);

void so_private_key_wipe(so_private_key *key);

// --- signatures -----------------------------------------------------------------------------

// so_signature_alg_parse takes an AlgorithmIdentifier off `d`. Ones that we lack succeed with
// SO_SIGNATURE_UNSUPPORTED. False: not well-formed, and `d` is poisoned.
SO_MUST_USE bool so_signature_alg_parse(so_der *d, so_signature_alg *out);
void so_signature_alg_write(so_signature_alg alg, so_writer *w);

// so_signature_alg_of is the algorithm that a key of `kind` signs with: ECDSA with SHA-256, or
// Ed25519.
so_signature_alg so_signature_alg_of(so_key_kind kind);

// so_key_sign appends the signature of `message` to `w`, at most SO_KEY_SIGNATURE_LEN_MAX bytes.
// UNSUPPORTED: `alg` does not go with the key.
SO_MUST_USE so_status so_key_sign(const so_cpu *cpu, const so_private_key *key,
                                  so_signature_alg alg, so_bytes message, so_writer *w);

// so_key_verify checks a signature. DENIED: it is wrong; MALFORMED: its encoding is not DER;
// UNSUPPORTED: `alg` is, or does not go with the key.
SO_MUST_USE so_status so_key_verify(const so_cpu *cpu, const so_public_key *key,
                                    so_signature_alg alg, so_bytes message, so_bytes signature);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_KEY_KEY_H_
