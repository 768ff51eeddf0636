#include "apps/lib/identity/identity.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/pem/pem.h"

#define CLOCK_SKEW_S 3600

static void finish(so_identity *out, size_t count) {
  const so_cpu cpu = so_cpu_detect();
  out->tls.chain = out->chain;
  out->tls.chain_count = count;
  so_x509_fingerprint(&cpu, out->chain[0], out->fingerprint);
}

// --- making one ---------------------------------------------------------------------------------

static bool is_wildcard(const so_x509_name *name) {
  static const uint8_t zeros[16] = {0};
  return name->kind == SO_X509_NAME_IP && memcmp(name->ip, zeros, name->ip_len) == 0;
}

static bool same_name(const so_x509_name *a, const so_x509_name *b) {
  if (a->kind != b->kind) {
    return false;
  }
  return a->kind == SO_X509_NAME_IP
             ? a->ip_len == b->ip_len && memcmp(a->ip, b->ip, a->ip_len) == 0
             : so_bytes_equal(a->dns, b->dns);
}

static void add_name(so_bytes text, so_x509_name *names, size_t *count) {
  so_x509_name name;
  if (!so_ok(so_x509_name_read(text, &name)) || is_wildcard(&name)) {
    return;
  }
  for (size_t i = 0; i < *count; i++) {
    if (same_name(&name, &names[i])) {
      return;
    }
  }
  names[(*count)++] = name;
}

static so_status make_certificate(const so_world *world, const so_identity_request *request,
                                  so_rng *rng, so_identity *out) {
  const so_cpu cpu = so_cpu_detect();
  so_x509_name names[SO_IDENTITY_NAMES_MAX + 3];
  size_t count = 0;
  for (size_t i = 0; i < request->name_count && i < SO_IDENTITY_NAMES_MAX; i++) {
    add_name(request->names[i], names, &count);
  }
  add_name(so_str("localhost"), names, &count);
  add_name(so_str("127.0.0.1"), names, &count);
  add_name(so_str("::1"), names, &count);
  const int64_t now_s = so_clock_unix_ns(&world->clock) / (int64_t)SO_NS_PER_S;
  so_x509_template t = {
      .common_name = request->common_name,
      .names = names,
      .name_count = count,
      .not_before_s = now_s - CLOCK_SKEW_S,
      .not_after_s = now_s + SO_IDENTITY_VALID_S,
  };
  so_rng_fill(rng, t.serial, sizeof t.serial);
  so_writer w = so_writer_of(out->der, SO_IDENTITY_CERT_LEN_MAX);
  SO_TRY(so_x509_self_sign(&cpu, &out->tls.key, &t, &w));
  out->der_len = w.len;
  out->chain[0] = so_bytes_of(out->der, w.len);
  finish(out, 1);
  return so_done();
}

so_status so_identity_make(const so_world *world, const so_identity_request *request,
                           so_identity *out) {
  uint8_t seed[32];
  so_rng rng;
  so_entropy_fill(&world->entropy, seed, sizeof seed);
  so_rng_init(&rng, seed);
  so_wipe(seed, sizeof seed);
  so_status status = so_private_key_generate(SO_KEY_P256, &rng, &out->tls.key);
  if (so_ok(status)) {
    status = make_certificate(world, request, &rng, out);
  }
  so_wipe(&rng, sizeof rng);
  return status;
}

// --- records -------------------------------------------------------------------------------------

void so_identity_write(const so_identity *identity, so_writer *w) {
  uint8_t key[SO_KEY_PKCS8_LEN_MAX];
  so_writer k = so_writer_of(key, sizeof key);
  so_private_key_write(&identity->tls.key, &k);
  so_write_varbytes(w, so_writer_bytes(&k));
  so_write_varbytes(w, identity->chain[0]);
  w->failed = w->failed || k.failed;
  so_wipe(key, sizeof key);
}

so_status so_identity_read(so_bytes record, so_identity *out) {
  so_reader r = so_reader_of(record);
  so_bytes key, cert;
  if (!so_read_varbytes(&r, &key) || !so_read_varbytes(&r, &cert) || !so_reader_done(&r) ||
      cert.len == 0 || cert.len > sizeof out->der) {
    return so_status_make(SO_CORRUPT, 0);
  }
  SO_TRY(so_private_key_parse(key, &out->tls.key));
  memcpy(out->der, cert.ptr, cert.len);
  out->der_len = cert.len;
  out->chain[0] = so_bytes_of(out->der, cert.len);
  finish(out, 1);
  return so_done();
}

// --- PEM -----------------------------------------------------------------------------------------

static so_status read_chain(so_bytes text, so_identity *out, size_t *count) {
  so_writer w = so_writer_of(out->der, sizeof out->der);
  so_pem_block block;
  so_status status = so_pem_next(&text, &block);
  for (; so_ok(status); status = so_pem_next(&text, &block)) {
    const size_t before = w.len;
    if (!so_bytes_equal(block.label, so_str(SO_PEM_CERTIFICATE))) {
      continue;
    }
    if (*count == SO_IDENTITY_CHAIN_MAX) {
      return so_status_make(SO_LIMIT, 0);
    }
    SO_TRY(so_pem_decode(&block, &w));
    out->chain[(*count)++] = so_bytes_of(out->der + before, w.len - before);
  }
  out->der_len = w.len;
  const bool is_end = so_is(status, SO_NOT_FOUND);
  return is_end && *count != 0 ? so_done() : status;
}

so_status so_identity_read_pem(so_bytes chain, so_bytes key, so_identity *out) {
  size_t count = 0;
  so_x509 cert;
  SO_TRY(read_chain(chain, out, &count));
  SO_TRY(so_x509_parse(out->chain[0], &cert));
  SO_TRY(so_private_key_read_pem(key, &out->tls.key));
  if (!so_public_key_equal(&cert.key, &out->tls.key.public_key)) {
    so_private_key_wipe(&out->tls.key);
    return so_status_make(SO_CONFLICT, 0);
  }
  finish(out, count);
  return so_done();
}

static so_status write_both(const so_world *world, so_bytes chain_name, so_bytes key_name,
                            const so_identity *identity) {
  uint8_t key[SO_KEY_PEM_LEN_MAX];
  so_writer k = so_writer_of(key, sizeof key);
  so_buf cert;
  so_bytes text;
  so_buf_init(&cert, world->heap, SO_IDENTITY_PEM_LEN_MAX);
  so_identity_write_pem(identity, &cert);
  so_private_key_write_pem(&identity->tls.key, &k);
  so_status status = so_buf_end(&cert, &text);
  // The key first: a certificate without its key would be taken for an identity that is whole.
  if (so_ok(status)) {
    status = world->sidecar.write(world->sidecar.ctx, key_name, so_writer_bytes(&k));
  }
  if (so_ok(status)) {
    status = world->sidecar.write(world->sidecar.ctx, chain_name, text);
  }
  so_wipe(key, sizeof key);
  so_buf_release(&cert);
  return status;
}

so_status so_identity_load_pem(const so_world *world, so_bytes chain_name, so_bytes key_name,
                               const so_identity_request *request, so_identity *out,
                               bool *out_made) {
  so_buf chain, key;
  so_buf_init(&chain, world->heap, SO_IDENTITY_PEM_LEN_MAX);
  so_buf_init(&key, world->heap, SO_IDENTITY_PEM_LEN_MAX);
  so_status status = so_status_make(SO_NOT_FOUND, 0);
  if (world->sidecar.read != NULL) {
    status = world->sidecar.read(world->sidecar.ctx, chain_name, &chain);
  }
  *out_made = so_is(status, SO_NOT_FOUND);
  if (*out_made) {
    status = so_identity_make(world, request, out);
    if (so_ok(status)) {
      status = write_both(world, chain_name, key_name, out);
    }
  } else if (so_ok(status)) {
    status = world->sidecar.read(world->sidecar.ctx, key_name, &key);
    if (so_ok(status)) {
      status = so_identity_read_pem(so_buf_bytes(&chain), so_buf_bytes(&key), out);
    }
    if (key.ptr != NULL) {
      so_wipe(key.ptr, key.cap);
    }
  }
  so_buf_release(&key);
  so_buf_release(&chain);
  return status;
}

bool so_identity_covers(const so_identity *identity, so_bytes host) {
  so_x509 cert;
  so_x509_name name;
  return so_ok(so_x509_parse(identity->chain[0], &cert)) && so_ok(so_x509_name_read(host, &name)) &&
         (is_wildcard(&name) || so_x509_matches(&cert, &name));
}

void so_identity_write_pem(const so_identity *identity, so_buf *out) {
  const size_t room = SO_PEM_LEN(identity->chain[0].len, sizeof SO_PEM_CERTIFICATE);
  uint8_t *p = so_buf_reserve(out, room);
  if (p != NULL) {
    so_writer w = so_writer_of(p, room);
    so_pem_write(&w, SO_PEM_CERTIFICATE, identity->chain[0]);
    so_buf_commit(out, w.len);
  }
}
