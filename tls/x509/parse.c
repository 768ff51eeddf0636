#include "base/mem.h"
#include "tls/x509/internal.h"

#define VERSION_3 2

// read_whole takes the next element, which must have `tag`, and views its whole encoding.
static bool read_whole(so_der *d, uint8_t tag, so_bytes *whole) {
  uint8_t got;
  so_bytes content;
  return so_der_peek(d, tag) && so_der_any(d, &got, &content, whole);
}

// read_name checks the form of a Name, RDNSequence of SETs of type and value, and views it whole.
static bool read_name(so_der *d, so_bytes *whole) {
  if (!read_whole(d, SO_DER_SEQUENCE, whole)) {
    return false;
  }
  so_der name = so_der_of(*whole);
  so_der rdns, set, pair;
  if (!so_der_enter(&name, SO_DER_SEQUENCE, &rdns)) {
    return false;
  }
  while (so_der_more(&rdns)) {
    if (!so_der_enter(&rdns, SO_DER_SET, &set)) {
      return false;
    }
    do {
      so_bytes oid, value, value_whole;
      uint8_t tag;
      if (!so_der_enter(&set, SO_DER_SEQUENCE, &pair) || !so_der_oid(&pair, &oid) ||
          !so_der_any(&pair, &tag, &value, &value_whole) || !so_der_done(&pair)) {
        return false;
      }
    } while (so_der_more(&set));
    if (!so_der_done(&set)) {
      return false;
    }
  }
  return so_der_done(&rdns);
}

static bool read_validity(so_der *d, so_x509 *out) {
  so_der seq;
  return so_der_enter(d, SO_DER_SEQUENCE, &seq) && so_der_time(&seq, &out->not_before_s) &&
         so_der_time(&seq, &out->not_after_s) && so_der_done(&seq);
}

static bool read_spki(so_der *d, so_x509 *out) {
  if (!read_whole(d, SO_DER_SEQUENCE, &out->spki)) {
    return false;
  }
  so_der spki = so_der_of(out->spki);
  return so_public_key_parse(&spki, &out->key) && so_der_done(&spki);
}

// read_unique_ids passes over issuerUniqueID and subjectUniqueID.
static bool read_unique_ids(so_der *d) {
  for (uint8_t i = 1; i <= 2; i++) {
    so_bytes id;
    if (so_der_peek(d, SO_DER_CONTEXT(i)) && !so_der_read(d, SO_DER_CONTEXT(i), &id)) {
      return false;
    }
  }
  return true;
}

static so_x509_reason read_extensions(so_der *tbs, so_x509 *out) {
  so_der outer;
  bool present;
  if (!so_der_enter_optional(tbs, SO_DER_CONTEXT_OF(3), &outer, &present)) {
    return SO_X509_BAD_ENCODING;
  }
  if (!present) {
    return SO_X509_NOT_DONE;
  }
  const so_x509_reason r = so_x509_extensions_parse(&outer, out);
  if (r != SO_X509_NOT_DONE) {
    return r;
  }
  return so_der_done(&outer) ? SO_X509_NOT_DONE : SO_X509_BAD_ENCODING;
}

static so_x509_reason read_version(so_der *tbs) {
  so_der outer;
  bool present;
  uint32_t version;
  if (!so_der_enter_optional(tbs, SO_DER_CONTEXT_OF(0), &outer, &present)) {
    return SO_X509_BAD_ENCODING;
  }
  if (!present) {
    return SO_X509_BAD_VERSION;  // Version 1 has no extensions, so it cannot say what it is for.
  }
  if (!so_der_u32(&outer, &version) || !so_der_done(&outer)) {
    return SO_X509_BAD_ENCODING;
  }
  return version == VERSION_3 ? SO_X509_NOT_DONE : SO_X509_BAD_VERSION;
}

static so_x509_reason read_tbs(so_der *tbs, so_bytes *inner_alg, so_x509 *out) {
  const so_x509_reason r = read_version(tbs);
  if (r != SO_X509_NOT_DONE) {
    return r;
  }
  if (!so_der_integer(tbs, &out->serial) || out->serial.ptr[0] >= 0x80 ||
      out->serial.len > SO_X509_SERIAL_LEN_MAX ||
      !read_whole(tbs, SO_DER_SEQUENCE, inner_alg) || !read_name(tbs, &out->issuer) ||
      !read_validity(tbs, out) || !read_name(tbs, &out->subject) || !read_spki(tbs, out) ||
      !read_unique_ids(tbs)) {
    return SO_X509_BAD_ENCODING;
  }
  const so_x509_reason e = read_extensions(tbs, out);
  if (e != SO_X509_NOT_DONE) {
    return e;
  }
  return so_der_done(tbs) ? SO_X509_NOT_DONE : SO_X509_BAD_ENCODING;
}

static so_x509_reason read_certificate(so_bytes der, so_x509 *out) {
  so_der d = so_der_of(der);
  so_der cert, tbs_outer, tbs, outer_alg_d;
  so_bytes inner_alg, outer_alg;
  if (!so_der_enter(&d, SO_DER_SEQUENCE, &cert) || !so_der_done(&d) ||
      !read_whole(&cert, SO_DER_SEQUENCE, &out->tbs)) {
    return SO_X509_BAD_ENCODING;
  }
  tbs_outer = so_der_of(out->tbs);
  if (!so_der_enter(&tbs_outer, SO_DER_SEQUENCE, &tbs)) {
    return SO_X509_BAD_ENCODING;
  }
  const so_x509_reason r = read_tbs(&tbs, &inner_alg, out);
  if (r != SO_X509_NOT_DONE) {
    return r;
  }
  uint8_t unused_bits;
  if (!read_whole(&cert, SO_DER_SEQUENCE, &outer_alg) ||
      !so_der_bit_string(&cert, &out->signature, &unused_bits) || unused_bits != 0 ||
      !so_der_done(&cert)) {
    return SO_X509_BAD_ENCODING;
  }
  // RFC 5280 4.1.1.2: the algorithm stands inside of what is signed, too, and is the same.
  outer_alg_d = so_der_of(outer_alg);
  if (!so_bytes_equal(inner_alg, outer_alg) ||
      !so_signature_alg_parse(&outer_alg_d, &out->signature_alg)) {
    return SO_X509_BAD_ENCODING;
  }
  return SO_X509_NOT_DONE;
}

so_status so_x509_parse(so_bytes der, so_x509 *out) {
  if (der.len > SO_X509_LEN_MAX) {
    return so_status_make(SO_LIMIT, SO_X509_TOO_LARGE);
  }
  so_x509 cert;
  memset(&cert, 0, sizeof cert);
  cert.der = der;
  const so_x509_reason r = read_certificate(der, &cert);
  switch ((unsigned)r) {
    case SO_X509_NOT_DONE:
      *out = cert;
      return so_done();
    case SO_X509_BAD_VERSION:
      return so_status_make(SO_UNSUPPORTED, (uint16_t)r);
    case SO_X509_TOO_LARGE:
      return so_status_make(SO_LIMIT, (uint16_t)r);
    default:
      return so_status_make(SO_MALFORMED, (uint16_t)r);
  }
}
