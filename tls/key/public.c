#include "base/mem.h"
#include "tls/key/internal.h"

#define P256_POINT_LEN 65
#define ED25519_PUBLIC_LEN 32

static const uint8_t oid_ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t oid_ecdsa_sha256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
static const uint8_t oid_ecdsa_sha384[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03};
static const uint8_t oid_ecdsa_sha512[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04};
static const uint8_t oid_ed25519[] = {0x2b, 0x65, 0x70};

#define OID(bytes) so_bytes_of(bytes, sizeof(bytes))

so_bytes so_key_p256_oid(void) { return OID(oid_p256); }

// An AlgorithmIdentifier taken apart.
typedef struct algorithm {
  so_bytes oid;
  bool has_parameters;
  uint8_t parameters_tag;
  so_bytes parameters;  // Content.
} algorithm;

static bool read_algorithm(so_der *d, algorithm *out) {
  so_der seq;
  so_bytes whole;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq) || !so_der_oid(&seq, &out->oid)) {
    return false;
  }
  out->has_parameters = so_der_more(&seq);
  if (out->has_parameters &&
      !so_der_any(&seq, &out->parameters_tag, &out->parameters, &whole)) {
    return false;
  }
  return so_der_done(&seq);
}

// poison makes later reads of `d` fail, where a form inside of it is wrong.
static bool poison(so_der *d) {
  d->in.failed = true;
  d->in.len = 0;
  return false;
}

bool so_key_algorithm_parse(so_der *d, so_key_kind *kind) {
  algorithm a = {0};
  if (!read_algorithm(d, &a)) {
    return poison(d);
  }
  *kind = SO_KEY_UNSUPPORTED;
  if (so_bytes_equal(a.oid, OID(oid_ed25519))) {
    *kind = SO_KEY_ED25519;
    return !a.has_parameters || poison(d);  // RFC 8410 3: absent.
  }
  if (so_bytes_equal(a.oid, OID(oid_ec_public_key)) && a.has_parameters &&
      a.parameters_tag == SO_DER_OID && so_bytes_equal(a.parameters, OID(oid_p256))) {
    *kind = SO_KEY_P256;
  }
  return true;
}

void so_key_algorithm_write(so_key_kind kind, so_writer *w) {
  const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
  if (kind == SO_KEY_P256) {
    so_der_write(w, SO_DER_OID, OID(oid_ec_public_key));
    so_der_write(w, SO_DER_OID, OID(oid_p256));
  } else {
    so_der_write(w, SO_DER_OID, OID(oid_ed25519));
  }
  so_der_close(w, seq);
}

// read_point checks the form of a P-256 point. Compressed ones are well-formed, but unsupported.
static bool read_point(so_bytes point, so_key_kind *kind) {
  if (point.len == 33 && (point.ptr[0] == 2 || point.ptr[0] == 3)) {
    *kind = SO_KEY_UNSUPPORTED;
    return true;
  }
  return point.len == P256_POINT_LEN && point.ptr[0] == 4;
}

bool so_public_key_parse(so_der *d, so_public_key *out) {
  so_der seq;
  so_key_kind kind;
  so_bytes bits;
  uint8_t unused;
  if (!so_der_enter(d, SO_DER_SEQUENCE, &seq) || !so_key_algorithm_parse(&seq, &kind) ||
      !so_der_bit_string(&seq, &bits, &unused) || !so_der_done(&seq)) {
    return poison(d);
  }
  if (kind == SO_KEY_P256 && (unused != 0 || !read_point(bits, &kind))) {
    return poison(d);
  }
  if (kind == SO_KEY_ED25519 && (unused != 0 || bits.len != ED25519_PUBLIC_LEN)) {
    return poison(d);
  }
  memset(out, 0, sizeof *out);
  out->kind = kind;
  if (kind != SO_KEY_UNSUPPORTED) {
    out->len = (uint8_t)bits.len;
    memcpy(out->bytes, bits.ptr, bits.len);
  }
  return true;
}

void so_public_key_write(const so_public_key *key, so_writer *w) {
  const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
  so_key_algorithm_write(key->kind, w);
  so_der_write_bit_string(w, so_bytes_of(key->bytes, key->len));
  so_der_close(w, seq);
}

bool so_public_key_equal(const so_public_key *a, const so_public_key *b) {
  return a->kind == b->kind && so_bytes_equal(so_bytes_of(a->bytes, a->len),
                                              so_bytes_of(b->bytes, b->len));
}

static so_signature_alg alg_of_oid(so_bytes oid) {
  if (so_bytes_equal(oid, OID(oid_ecdsa_sha256))) {
    return SO_ECDSA_SHA256;
  }
  if (so_bytes_equal(oid, OID(oid_ecdsa_sha384))) {
    return SO_ECDSA_SHA384;
  }
  if (so_bytes_equal(oid, OID(oid_ecdsa_sha512))) {
    return SO_ECDSA_SHA512;
  }
  return so_bytes_equal(oid, OID(oid_ed25519)) ? SO_ED25519 : SO_SIGNATURE_UNSUPPORTED;
}

bool so_signature_alg_parse(so_der *d, so_signature_alg *out) {
  algorithm a = {0};
  if (!read_algorithm(d, &a)) {
    return poison(d);
  }
  const so_signature_alg alg = alg_of_oid(a.oid);
  // RFC 5758 3.2 and RFC 8410 3: no parameters, not even NULL.
  if (alg != SO_SIGNATURE_UNSUPPORTED && a.has_parameters) {
    return poison(d);
  }
  *out = alg;
  return true;
}

static so_bytes oid_of_alg(so_signature_alg alg) {
  switch (alg) {
    case SO_ECDSA_SHA256:
      return OID(oid_ecdsa_sha256);
    case SO_ECDSA_SHA384:
      return OID(oid_ecdsa_sha384);
    case SO_ECDSA_SHA512:
      return OID(oid_ecdsa_sha512);
    case SO_ED25519:
    case SO_SIGNATURE_UNSUPPORTED:
      break;
  }
  return OID(oid_ed25519);
}

void so_signature_alg_write(so_signature_alg alg, so_writer *w) {
  const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
  so_der_write(w, SO_DER_OID, oid_of_alg(alg));
  so_der_close(w, seq);
}

so_signature_alg so_signature_alg_of(so_key_kind kind) {
  switch (kind) {
    case SO_KEY_P256:
      return SO_ECDSA_SHA256;
    case SO_KEY_ED25519:
      return SO_ED25519;
    case SO_KEY_UNSUPPORTED:
      break;
  }
  return SO_SIGNATURE_UNSUPPORTED;
}
