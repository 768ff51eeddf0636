#include "apps/stored/identity.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/pem/pem.h"

#define META_KEY "server/identity"
#define RECORD_LEN_MAX (SO_IDENTITY_CERT_LEN_MAX + SO_KEY_PKCS8_LEN_MAX + 16)
#define CLOCK_SKEW_S 3600

static void finish(so_identity *out, const so_cpu *cpu, size_t cert_len) {
  out->chain[0] = so_bytes_of(out->cert, cert_len);
  out->tls.chain = out->chain;
  out->tls.chain_count = 1;
  so_x509_fingerprint(cpu, out->chain[0], out->fingerprint);
}

// Record: varbytes PKCS#8 key, varbytes DER certificate.
static so_status decode(so_bytes record, const so_cpu *cpu, so_identity *out) {
  so_reader r = so_reader_of(record);
  so_bytes key, cert;
  if (!so_read_varbytes(&r, &key) || !so_read_varbytes(&r, &cert) || !so_reader_done(&r) ||
      cert.len > sizeof out->cert) {
    return so_status_make(SO_CORRUPT, 0);
  }
  SO_TRY(so_private_key_parse(key, &out->tls.key));
  memcpy(out->cert, cert.ptr, cert.len);
  finish(out, cpu, cert.len);
  return so_done();
}

// --- making one -----------------------------------------------------------------------------

static bool is_wildcard(const so_x509_name *name) {
  static const uint8_t zeros[16] = {0};
  return name->kind == SO_X509_NAME_IP && memcmp(name->ip, zeros, name->ip_len) == 0;
}

static void add_name(so_bytes text, so_x509_name *names, size_t *count) {
  so_x509_name name;
  if (!so_ok(so_x509_name_read(text, &name)) || is_wildcard(&name)) {
    return;
  }
  for (size_t i = 0; i < *count; i++) {
    const bool same_ip = name.kind == SO_X509_NAME_IP && names[i].kind == name.kind &&
                         names[i].ip_len == name.ip_len &&
                         memcmp(names[i].ip, name.ip, name.ip_len) == 0;
    const bool same_dns = name.kind == SO_X509_NAME_DNS && names[i].kind == name.kind &&
                          so_bytes_equal(names[i].dns, name.dns);
    if (same_ip || same_dns) {
      return;
    }
  }
  names[(*count)++] = name;
}

static so_status make_certificate(so_server *s, const so_options *options, so_rng *rng,
                                  const so_cpu *cpu, so_identity *out) {
  so_x509_name names[SO_OPTIONS_NAMES_MAX + 4];
  size_t count = 0;
  add_name(options->host, names, &count);
  for (size_t i = 0; i < options->name_count; i++) {
    add_name(options->names[i], names, &count);
  }
  add_name(so_str("localhost"), names, &count);
  add_name(so_str("127.0.0.1"), names, &count);
  add_name(so_str("::1"), names, &count);
  const int64_t now_s = so_server_now_ms(s) / 1000;
  so_x509_template t = {
      .common_name = so_str("stored"),
      .names = names,
      .name_count = count,
      .not_before_s = now_s - CLOCK_SKEW_S,
      .not_after_s = now_s + SO_IDENTITY_VALID_S,
  };
  so_rng_fill(rng, t.serial, sizeof t.serial);
  so_writer w = so_writer_of(out->cert, sizeof out->cert);
  SO_TRY(so_x509_self_sign(cpu, &out->tls.key, &t, &w));
  finish(out, cpu, w.len);
  return so_done();
}

static so_status store(so_server *s, const so_identity *identity) {
  uint8_t key[SO_KEY_PKCS8_LEN_MAX], record[RECORD_LEN_MAX];
  so_writer k = so_writer_of(key, sizeof key);
  so_private_key_write(&identity->tls.key, &k);
  so_writer w = so_writer_of(record, sizeof record);
  so_write_varbytes(&w, so_writer_bytes(&k));
  so_write_varbytes(&w, identity->chain[0]);
  const so_meta_op op = {.key = so_str(META_KEY), .value = so_writer_bytes(&w)};
  so_status status = so_status_make(SO_INTERNAL, 0);
  if (!k.failed && !w.failed) {
    s->repos.write.take(s->repos.write.ctx);
    status = so_db_meta_apply(s->db, &op, 1, NULL, NULL);
    s->repos.write.give(s->repos.write.ctx);
  }
  so_wipe(key, sizeof key);
  so_wipe(record, sizeof record);
  return so_ok(status) ? so_server_make_durable(s) : status;
}

static so_status make(so_server *s, const so_options *options, const so_cpu *cpu,
                      so_identity *out) {
  uint8_t seed[32];
  so_rng rng;
  so_entropy_fill(&s->world->entropy, seed, sizeof seed);
  so_rng_init(&rng, seed);
  so_wipe(seed, sizeof seed);
  so_status status = so_private_key_generate(SO_KEY_P256, &rng, &out->tls.key);
  if (so_ok(status)) {
    status = make_certificate(s, options, &rng, cpu, out);
  }
  so_wipe(&rng, sizeof rng);
  return so_ok(status) ? store(s, out) : status;
}

so_status so_identity_load(so_server *s, const so_options *options, so_identity *out,
                           bool *out_made) {
  const so_cpu cpu = so_cpu_detect();
  so_arena arena;
  so_bytes record;
  so_arena_init(&arena, s->world->heap, 4 * RECORD_LEN_MAX);
  so_status status = so_db_meta_get(s->db, so_str(META_KEY), &arena, &record);
  *out_made = so_is(status, SO_NOT_FOUND) || options->new_certificate;
  if (*out_made) {
    status = make(s, options, &cpu, out);
  } else if (so_ok(status)) {
    status = decode(record, &cpu, out);
    so_wipe((uint8_t *)(uintptr_t)record.ptr, record.len);
  }
  so_arena_release(&arena);
  return status;
}

bool so_identity_covers(const so_identity *identity, so_bytes host) {
  so_x509 cert;
  so_x509_name name;
  return so_ok(so_x509_parse(identity->chain[0], &cert)) && so_ok(so_x509_name_read(host, &name)) &&
         (is_wildcard(&name) || so_x509_matches(&cert, &name));
}

void so_identity_write_pem(const so_identity *identity, so_buf *out) {
  const size_t room = SO_PEM_LEN(SO_IDENTITY_CERT_LEN_MAX, sizeof SO_PEM_CERTIFICATE);
  uint8_t *p = so_buf_reserve(out, room);
  if (p != NULL) {
    so_writer w = so_writer_of(p, room);
    so_pem_write(&w, SO_PEM_CERTIFICATE, identity->chain[0]);
    so_buf_commit(out, w.len);
  }
}
