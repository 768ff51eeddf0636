#include "crypto/ct/ct.h"
#include "crypto/ecdsa/ecdsa.h"
#include "crypto/ed25519/ed25519.h"
#include "crypto/hash/hash.h"
#include "tls/asn1/asn1.h"
#include "tls/key/key.h"

#define NUMBER_LEN 32  // Of r, of s.
#define RAW_LEN 64     // Ed25519, and r s of ECDSA.

// hash_of is the hash of an ECDSA algorithm.
static so_hash_alg hash_of(so_signature_alg alg) {
  return alg == SO_ECDSA_SHA384 ? SO_SHA384 : alg == SO_ECDSA_SHA512 ? SO_SHA512 : SO_SHA256;
}

// fits is true when a key of `kind` makes signatures of `alg`.
static bool fits(so_key_kind kind, so_signature_alg alg) {
  switch (alg) {
    case SO_ECDSA_SHA256:
    case SO_ECDSA_SHA384:
    case SO_ECDSA_SHA512:
      return kind == SO_KEY_P256;
    case SO_ED25519:
      return kind == SO_KEY_ED25519;
    case SO_SIGNATURE_UNSUPPORTED:
      break;
  }
  return false;
}

so_status so_key_sign(const so_cpu *cpu, const so_private_key *key, so_signature_alg alg,
                      so_bytes message, so_writer *w) {
  uint8_t raw[RAW_LEN];
  if (!fits(key->kind, alg)) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (alg == SO_ED25519) {
    so_ed25519_sign(key->secret, key->public_key.bytes, message, raw);
    so_write_bytes(w, so_bytes_of(raw, sizeof raw));
  } else {
    uint8_t digest[SO_HASH_LEN_MAX];
    so_hash_once(hash_of(alg), cpu, message, digest);
    SO_TRY(so_ecdsa_p256_sign(cpu, key->secret,
                              so_bytes_of(digest, so_hash_len(hash_of(alg))), raw));
    const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
    so_der_write_unsigned(w, so_bytes_of(raw, NUMBER_LEN));
    so_der_write_unsigned(w, so_bytes_of(raw + NUMBER_LEN, NUMBER_LEN));
    so_der_close(w, seq);
  }
  so_bytes written;
  return so_writer_end(w, &written);
}

// read_ecdsa turns Ecdsa-Sig-Value (RFC 3279 2.2.3) into r s.
static bool read_ecdsa(so_bytes signature, uint8_t raw[RAW_LEN]) {
  so_der d = so_der_of(signature);
  so_der seq;
  return so_der_enter(&d, SO_DER_SEQUENCE, &seq) && so_der_done(&d) &&
         so_der_unsigned(&seq, raw, NUMBER_LEN) &&
         so_der_unsigned(&seq, raw + NUMBER_LEN, NUMBER_LEN) && so_der_done(&seq);
}

so_status so_key_verify(const so_cpu *cpu, const so_public_key *key, so_signature_alg alg,
                        so_bytes message, so_bytes signature) {
  if (!fits(key->kind, alg)) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (alg == SO_ED25519) {
    if (signature.len != RAW_LEN) {
      return so_status_make(SO_MALFORMED, 0);
    }
    return so_ok(so_ed25519_verify(key->bytes, message, signature.ptr))
               ? so_done()
               : so_status_make(SO_DENIED, 0);
  }
  uint8_t raw[RAW_LEN];
  if (!read_ecdsa(signature, raw)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  uint8_t digest[SO_HASH_LEN_MAX];
  so_hash_once(hash_of(alg), cpu, message, digest);
  return so_ok(so_ecdsa_p256_verify(key->bytes, so_bytes_of(digest, so_hash_len(hash_of(alg))),
                                    raw))
             ? so_done()
             : so_status_make(SO_DENIED, 0);
}
