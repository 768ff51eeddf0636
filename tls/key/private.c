#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/ed25519/ed25519.h"
#include "crypto/p256/p256.h"
#include "tls/key/internal.h"
#include "tls/pem/pem.h"

// Each draw fails with a probability of 2^-32 (P-256), so a second one is already a rare event.
#define DRAWS_MAX 8

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }
static so_status unsupported(void) { return so_status_make(SO_UNSUPPORTED, 0); }
static so_status denied(void) { return so_status_make(SO_DENIED, 0); }

void so_private_key_wipe(so_private_key *key) { so_wipe(key, sizeof *key); }

so_status so_private_key_of(so_key_kind kind, const uint8_t secret[SO_KEY_SECRET_LEN],
                            so_private_key *out) {
  so_private_key key = {.kind = kind, .public_key.kind = kind};
  memcpy(key.secret, secret, SO_KEY_SECRET_LEN);
  so_status s = unsupported();
  if (kind == SO_KEY_ED25519) {
    key.public_key.len = 32;
    so_ed25519_public(key.secret, key.public_key.bytes);
    s = so_done();
  } else if (kind == SO_KEY_P256) {
    key.public_key.len = 65;
    s = so_ok(so_p256_public(key.secret, key.public_key.bytes)) ? so_done() : denied();
  }
  if (so_ok(s)) {
    *out = key;
  }
  so_private_key_wipe(&key);
  return s;
}

so_status so_private_key_generate(so_key_kind kind, so_rng *rng, so_private_key *out) {
  uint8_t secret[SO_KEY_SECRET_LEN];
  so_status s = so_status_make(SO_INTERNAL, 0);
  for (int i = 0; i < DRAWS_MAX && !so_ok(s); i++) {
    so_rng_fill(rng, secret, sizeof secret);
    if (so_ok(so_private_key_of(kind, secret, out))) {
      s = so_done();
    }
  }
  so_wipe(secret, sizeof secret);
  return s;
}

// --- parsing --------------------------------------------------------------------------------

// What an encoding says about a key, before it is believed.
typedef struct encoded_key {
  so_bytes secret;
  bool has_public;
  so_bytes public_bytes;
} encoded_key;

// set_public notes the content of a BIT STRING with a public key.
static bool set_public(so_bytes bits, uint8_t unused, encoded_key *out) {
  out->has_public = true;
  out->public_bytes = bits;
  return unused == 0;
}

// belongs is true when `bits` is the encoding of the public key, for P-256 also the compressed one.
static bool belongs(const so_public_key *key, so_bytes bits) {
  if (key->kind == SO_KEY_P256 && bits.len == 33) {
    return bits.ptr[0] == (2 | (key->bytes[64] & 1)) &&
           so_bytes_equal(so_bytes_from(bits, 1), so_bytes_of(key->bytes + 1, 32));
  }
  return so_bytes_equal(bits, so_bytes_of(key->bytes, key->len));
}

// read_secret copies the secret bytes. RFC 5915 3 fixes their number, yet GnuTLS writes the scalar
// like an INTEGER: without leading zeros, or with one to keep it positive.
static bool read_secret(so_key_kind kind, so_bytes in, uint8_t out[SO_KEY_SECRET_LEN]) {
  if (kind == SO_KEY_P256 && in.len == SO_KEY_SECRET_LEN + 1 && in.ptr[0] == 0) {
    in = so_bytes_from(in, 1);
  }
  const size_t least = kind == SO_KEY_P256 ? 1 : SO_KEY_SECRET_LEN;
  if (in.len < least || in.len > SO_KEY_SECRET_LEN) {
    return false;
  }
  memset(out, 0, SO_KEY_SECRET_LEN - in.len);
  memcpy(out + SO_KEY_SECRET_LEN - in.len, in.ptr, in.len);
  return true;
}

static so_status check_key(so_key_kind kind, const encoded_key *in, so_private_key *out) {
  uint8_t secret[SO_KEY_SECRET_LEN];
  if (!read_secret(kind, in->secret, secret)) {
    return malformed();
  }
  so_private_key key;
  so_status s = so_private_key_of(kind, secret, &key);
  so_wipe(secret, sizeof secret);
  if (!so_ok(s)) {
    return s;
  }
  if (in->has_public && !belongs(&key.public_key, in->public_bytes)) {
    s = denied();
  } else {
    *out = key;
  }
  so_private_key_wipe(&key);
  return s;
}

// read_sec1 reads the fields of an ECPrivateKey (RFC 5915 3) behind its version. The curve may be
// left out where `curve_known`, because the format around it says it.
static so_status read_sec1(so_der *seq, bool curve_known, encoded_key *out) {
  so_der params, pub;
  bool has_params, has_public;
  if (!so_der_octets(seq, &out->secret) ||
      !so_der_enter_optional(seq, SO_DER_CONTEXT_OF(0), &params, &has_params)) {
    return malformed();
  }
  if (has_params) {
    so_bytes oid;
    if (!so_der_oid(&params, &oid) || !so_der_done(&params)) {
      return malformed();
    }
    if (!so_bytes_equal(oid, so_key_p256_oid())) {
      return curve_known ? malformed() : unsupported();
    }
  }
  if (!so_der_enter_optional(seq, SO_DER_CONTEXT_OF(1), &pub, &has_public)) {
    return malformed();
  }
  if (has_public) {
    so_bytes bits;
    uint8_t unused;
    if (!so_der_bit_string(&pub, &bits, &unused) || !so_der_done(&pub) ||
        !set_public(bits, unused, out)) {
      return malformed();
    }
  }
  if (!so_der_done(seq)) {
    return malformed();
  }
  return has_params || curve_known ? so_done() : unsupported();
}

// read_inner reads what the privateKey field of PKCS#8 holds.
static so_status read_inner(so_key_kind kind, so_bytes inner, encoded_key *out) {
  so_der d = so_der_of(inner);
  if (kind == SO_KEY_ED25519) {
    return so_der_octets(&d, &out->secret) && so_der_done(&d) ? so_done() : malformed();
  }
  so_der seq;
  uint32_t version;
  if (!so_der_enter(&d, SO_DER_SEQUENCE, &seq) || !so_der_done(&d) ||
      !so_der_u32(&seq, &version) || version != 1) {
    return malformed();
  }
  return read_sec1(&seq, true, out);
}

// read_pkcs8_tail reads the optional attributes (ignored) and the public key of version 2.
static bool read_pkcs8_tail(so_der *seq, uint32_t version, encoded_key *out) {
  so_der attributes;
  bool has_attributes;
  if (!so_der_enter_optional(seq, SO_DER_CONTEXT_OF(0), &attributes, &has_attributes)) {
    return false;
  }
  if (so_der_peek(seq, SO_DER_CONTEXT(1))) {
    so_bytes bits;
    if (version != 1 || !so_der_read(seq, SO_DER_CONTEXT(1), &bits) || bits.len == 0 ||
        !set_public(so_bytes_from(bits, 1), bits.ptr[0], out)) {
      return false;
    }
  }
  return so_der_done(seq);
}

static so_status parse_pkcs8(so_der *seq, uint32_t version, so_private_key *out) {
  so_key_kind kind;
  so_bytes inner;
  encoded_key in = {0};
  if (version > 1 || !so_key_algorithm_parse(seq, &kind) || !so_der_octets(seq, &inner)) {
    return malformed();
  }
  if (kind == SO_KEY_UNSUPPORTED) {
    return unsupported();
  }
  SO_TRY(read_inner(kind, inner, &in));
  if (!read_pkcs8_tail(seq, version, &in)) {
    return malformed();
  }
  return check_key(kind, &in, out);
}

so_status so_private_key_parse(so_bytes der, so_private_key *out) {
  so_der d = so_der_of(der);
  so_der seq;
  uint32_t version;
  if (!so_der_enter(&d, SO_DER_SEQUENCE, &seq) || !so_der_done(&d)) {
    return malformed();
  }
  if (so_der_peek(&seq, SO_DER_SEQUENCE)) {
    return unsupported();  // EncryptedPrivateKeyInfo (RFC 5958 3) begins with an algorithm.
  }
  if (!so_der_u32(&seq, &version)) {
    return malformed();
  }
  if (so_der_peek(&seq, SO_DER_SEQUENCE)) {
    return parse_pkcs8(&seq, version, out);
  }
  if (so_der_peek(&seq, SO_DER_INTEGER)) {
    return unsupported();  // RSA as of PKCS#1 is all numbers.
  }
  encoded_key in = {0};
  if (version != 1) {
    return malformed();
  }
  SO_TRY(read_sec1(&seq, false, &in));
  return check_key(SO_KEY_P256, &in, out);
}

// --- writing --------------------------------------------------------------------------------

void so_private_key_write(const so_private_key *key, so_writer *w) {
  const so_bytes secret = so_bytes_of(key->secret, sizeof key->secret);
  const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
  so_der_write_u32(w, 0);
  so_key_algorithm_write(key->kind, w);
  const size_t inner = so_der_open(w, SO_DER_OCTET_STRING);
  if (key->kind == SO_KEY_ED25519) {
    so_der_write(w, SO_DER_OCTET_STRING, secret);
  } else {
    const size_t sec1 = so_der_open(w, SO_DER_SEQUENCE);
    so_der_write_u32(w, 1);
    so_der_write(w, SO_DER_OCTET_STRING, secret);
    const size_t context = so_der_open(w, SO_DER_CONTEXT_OF(1));
    so_der_write_bit_string(w, so_bytes_of(key->public_key.bytes, key->public_key.len));
    so_der_close(w, context);
    so_der_close(w, sec1);
  }
  so_der_close(w, inner);
  so_der_close(w, seq);
}

static bool is_private_label(so_bytes label) {
  return so_bytes_equal(label, so_str(SO_PEM_PRIVATE_KEY)) ||
         so_bytes_equal(label, so_str(SO_PEM_EC_PRIVATE_KEY));
}

so_status so_private_key_read_pem(so_bytes text, so_private_key *out) {
  so_pem_block block;
  for (;;) {
    SO_TRY(so_pem_next(&text, &block));
    if (is_private_label(block.label)) {
      break;
    }
    if (so_bytes_has_suffix(block.label, so_str(SO_PEM_PRIVATE_KEY))) {
      return unsupported();  // RSA, DSA, encrypted.
    }
  }
  uint8_t der[512];
  so_writer w = so_writer_of(der, sizeof der);
  so_status s = so_pem_decode(&block, &w);
  if (so_ok(s)) {
    s = so_private_key_parse(so_writer_bytes(&w), out);
  } else if (so_is(s, SO_LIMIT)) {
    s = unsupported();  // The keys that we have are shorter.
  }
  so_wipe(der, sizeof der);
  return s;
}

void so_private_key_write_pem(const so_private_key *key, so_writer *w) {
  uint8_t der[SO_KEY_PKCS8_LEN_MAX];
  so_writer d = so_writer_of(der, sizeof der);
  so_private_key_write(key, &d);
  so_pem_write(w, SO_PEM_PRIVATE_KEY, so_writer_bytes(&d));
  so_wipe(der, sizeof der);
}
