#include "base/mem.h"
#include "crypto/hash/hash.h"
#include "tls/pem/pem.h"
#include "tls/x509/internal.h"

#define VERSION_3 2
#define COMMON_NAME_LEN_MAX 64  // ub-common-name of RFC 5280.
#define KEY_ID_LEN 20

static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};

void so_x509_fingerprint(const so_cpu *cpu, so_bytes der, uint8_t out[SO_X509_FINGERPRINT_LEN]) {
  so_hash_once(SO_SHA256, cpu, der, out);
}

static void write_version(so_writer *w) {
  const size_t context = so_der_open(w, SO_DER_CONTEXT_OF(0));
  so_der_write_u32(w, VERSION_3);
  so_der_close(w, context);
}

static void write_serial(const uint8_t random[16], so_writer *w) {
  uint8_t serial[16];
  memcpy(serial, random, sizeof serial);
  // Positive, and of one length whatever was drawn.
  serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
  so_der_write_unsigned(w, so_bytes_of(serial, sizeof serial));
}

static void write_name(so_bytes common_name, so_writer *w) {
  const size_t rdns = so_der_open(w, SO_DER_SEQUENCE);
  const size_t set = so_der_open(w, SO_DER_SET);
  const size_t pair = so_der_open(w, SO_DER_SEQUENCE);
  so_der_write(w, SO_DER_OID, so_bytes_of(oid_common_name, sizeof oid_common_name));
  so_der_write(w, SO_DER_UTF8_STRING, common_name);
  so_der_close(w, pair);
  so_der_close(w, set);
  so_der_close(w, rdns);
}

typedef struct extension_marks {
  size_t seq;
  size_t octets;
} extension_marks;

static extension_marks open_extension(so_x509_extension which, bool critical, so_writer *w) {
  const uint8_t oid[3] = {0x55, 0x1d, (uint8_t)which};
  extension_marks m;
  m.seq = so_der_open(w, SO_DER_SEQUENCE);
  so_der_write(w, SO_DER_OID, so_bytes_of(oid, sizeof oid));
  if (critical) {
    so_der_write_boolean(w, true);
  }
  m.octets = so_der_open(w, SO_DER_OCTET_STRING);
  return m;
}

static void close_extension(extension_marks m, so_writer *w) {
  so_der_close(w, m.octets);
  so_der_close(w, m.seq);
}

static void write_alt_names(const so_x509_template *t, so_writer *w) {
  const extension_marks m = open_extension(SO_X509_EXT_ALT_NAME, false, w);
  const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
  for (size_t i = 0; i < t->name_count; i++) {
    const so_x509_name *name = &t->names[i];
    if (name->kind == SO_X509_NAME_DNS) {
      so_der_write(w, SO_X509_TAG_DNS, name->dns);
    } else {
      so_der_write(w, SO_X509_TAG_IP, so_bytes_of(name->ip, name->ip_len));
    }
  }
  so_der_close(w, seq);
  close_extension(m, w);
}

// write_key_id writes method 1 of RFC 7093 2: the first 160 bits of SHA-256 of the key.
static void write_key_id(const so_cpu *cpu, const so_public_key *key, so_writer *w) {
  uint8_t digest[SO_HASH_LEN_MAX];
  so_hash_once(SO_SHA256, cpu, so_bytes_of(key->bytes, key->len), digest);
  const extension_marks m = open_extension(SO_X509_EXT_SUBJECT_KEY_ID, false, w);
  so_der_write(w, SO_DER_OCTET_STRING, so_bytes_of(digest, KEY_ID_LEN));
  close_extension(m, w);
}

static void write_usages(so_writer *w) {
  extension_marks m = open_extension(SO_X509_EXT_BASIC_CONSTRAINTS, true, w);
  so_der_close(w, so_der_open(w, SO_DER_SEQUENCE));  // cA FALSE is the default.
  close_extension(m, w);
  m = open_extension(SO_X509_EXT_KEY_USAGE, true, w);
  so_der_write_bits(w, SO_X509_DIGITAL_SIGNATURE);
  close_extension(m, w);
  m = open_extension(SO_X509_EXT_EXTENDED_KEY_USAGE, false, w);
  const size_t seq = so_der_open(w, SO_DER_SEQUENCE);
  so_der_write(w, SO_DER_OID, so_x509_usage_oid(SO_X509_SERVER_AUTH));
  so_der_close(w, seq);
  close_extension(m, w);
}

static void write_tbs(const so_cpu *cpu, const so_public_key *key, const so_x509_template *t,
                      so_writer *w) {
  const size_t tbs = so_der_open(w, SO_DER_SEQUENCE);
  write_version(w);
  write_serial(t->serial, w);
  so_signature_alg_write(so_signature_alg_of(key->kind), w);
  write_name(t->common_name, w);
  const size_t validity = so_der_open(w, SO_DER_SEQUENCE);
  so_der_write_time(w, t->not_before_s);
  so_der_write_time(w, t->not_after_s);
  so_der_close(w, validity);
  write_name(t->common_name, w);
  so_public_key_write(key, w);
  const size_t context = so_der_open(w, SO_DER_CONTEXT_OF(3));
  const size_t extensions = so_der_open(w, SO_DER_SEQUENCE);
  write_usages(w);
  write_alt_names(t, w);
  write_key_id(cpu, key, w);
  so_der_close(w, extensions);
  so_der_close(w, context);
  so_der_close(w, tbs);
}

static bool in_bounds(const so_x509_template *t) {
  if (t->common_name.len == 0 || t->common_name.len > COMMON_NAME_LEN_MAX ||
      t->name_count == 0 || t->name_count > SO_X509_NAMES_MAX) {
    return false;
  }
  for (size_t i = 0; i < t->name_count; i++) {
    const so_x509_name *name = &t->names[i];
    if (name->kind == SO_X509_NAME_DNS ? !so_x509_dns_valid(name->dns, true)
                                       : name->ip_len != 4 && name->ip_len != 16) {
      return false;
    }
  }
  return true;
}

so_status so_x509_self_sign(const so_cpu *cpu, const so_private_key *key,
                            const so_x509_template *t, so_writer *w) {
  if (!in_bounds(t)) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint8_t signature[SO_KEY_SIGNATURE_LEN_MAX];
  so_writer s = so_writer_of(signature, sizeof signature);
  const so_signature_alg alg = so_signature_alg_of(key->kind);
  const size_t certificate = so_der_open(w, SO_DER_SEQUENCE);
  write_tbs(cpu, &key->public_key, t, w);
  if (w->failed) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_bytes tbs = so_bytes_from(so_writer_bytes(w), certificate);
  SO_TRY(so_key_sign(cpu, key, alg, tbs, &s));
  so_signature_alg_write(alg, w);
  so_der_write_bit_string(w, so_writer_bytes(&s));
  so_der_close(w, certificate);
  so_bytes written;
  return so_writer_end(w, &written);
}
