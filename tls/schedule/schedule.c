#include "tls/schedule/schedule.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/writer.h"
#include "crypto/ct/ct.h"
#include "crypto/hkdf/hkdf.h"
#include "crypto/hmac/hmac.h"

// Longest: length, label with its length, context with its length (7.1).
#define INFO_LEN_MAX (2 + 1 + 255 + 1 + 255)

const so_tls_suite *so_tls_suite_find(uint16_t id) {
  static const struct so_tls_suite suites[] = {
      {SO_TLS_AES_128_GCM_SHA256, SO_SHA256, SO_AES_128_GCM},
      {SO_TLS_AES_256_GCM_SHA384, SO_SHA384, SO_AES_256_GCM},
      {SO_TLS_CHACHA20_POLY1305_SHA256, SO_SHA256, SO_CHACHA20_POLY1305},
  };
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    if (suites[i].id == id) {
      return &suites[i];
    }
  }
  return NULL;
}

static so_status expand_label(so_hash_alg hash, const so_cpu *cpu, const uint8_t *secret,
                              so_bytes label, so_bytes context, uint8_t *out, size_t out_len) {
  uint8_t info[INFO_LEN_MAX];
  so_bytes encoded;
  so_writer w = so_writer_of(info, sizeof info);
  so_write_u16be(&w, (uint16_t)out_len);
  size_t mark = so_open8(&w);
  so_write_str(&w, "tls13 ");
  so_write_bytes(&w, label);
  so_close8(&w, mark);
  mark = so_open8(&w);
  so_write_bytes(&w, context);
  so_close8(&w, mark);
  SO_TRY(so_writer_end(&w, &encoded));
  return so_hkdf_expand(hash, cpu, so_bytes_of(secret, so_hash_len(hash)), encoded, out, out_len);
}

void so_tls_expand_label(so_hash_alg hash, const so_cpu *cpu, const uint8_t *secret,
                         const char *label, so_bytes context, uint8_t *out, size_t out_len) {
  const so_status expanded =
      expand_label(hash, cpu, secret, so_str(label), context, out, out_len);
  SO_ASSERT(so_ok(expanded));
}

void so_tls_derive(so_hash_alg hash, const so_cpu *cpu, const uint8_t *secret, const char *label,
                   const uint8_t *transcript_hash, uint8_t *out) {
  const size_t len = so_hash_len(hash);
  so_tls_expand_label(hash, cpu, secret, label, so_bytes_of(transcript_hash, len), out, len);
}

void so_tls_early_secret(so_hash_alg hash, const so_cpu *cpu, so_bytes psk, uint8_t *out) {
  static const uint8_t zeros[SO_TLS_SECRET_LEN_MAX];
  const so_bytes none = so_bytes_of(zeros, so_hash_len(hash));
  so_hkdf_extract(hash, cpu, none, psk.len == 0 ? none : psk, out);
}

void so_tls_next_secret(so_hash_alg hash, const so_cpu *cpu, so_bytes ikm, uint8_t *secret) {
  static const uint8_t zeros[SO_TLS_SECRET_LEN_MAX];
  const size_t len = so_hash_len(hash);
  uint8_t empty_hash[SO_HASH_LEN_MAX];
  uint8_t salt[SO_HASH_LEN_MAX];
  so_hash_once(hash, cpu, so_bytes_of(NULL, 0), empty_hash);
  so_tls_derive(hash, cpu, secret, "derived", empty_hash, salt);
  so_hkdf_extract(hash, cpu, so_bytes_of(salt, len), ikm.len == 0 ? so_bytes_of(zeros, len) : ikm,
                  secret);
  so_wipe(salt, sizeof salt);
}

void so_tls_binder_key(so_hash_alg hash, const so_cpu *cpu, const uint8_t *early_secret,
                       uint8_t *out) {
  uint8_t empty_hash[SO_HASH_LEN_MAX];
  so_hash_once(hash, cpu, so_bytes_of(NULL, 0), empty_hash);
  so_tls_derive(hash, cpu, early_secret, "res binder", empty_hash, out);
}

void so_tls_finished_mac(so_hash_alg hash, const so_cpu *cpu, const uint8_t *base_key,
                         const uint8_t *transcript_hash, uint8_t *out) {
  const size_t len = so_hash_len(hash);
  uint8_t key[SO_HASH_LEN_MAX];
  so_tls_expand_label(hash, cpu, base_key, "finished", so_bytes_of(NULL, 0), key, len);
  so_hmac_once(hash, cpu, so_bytes_of(key, len), so_bytes_of(transcript_hash, len), out);
  so_wipe(key, sizeof key);
}

void so_tls_resumption_psk(so_hash_alg hash, const so_cpu *cpu, const uint8_t *resumption_secret,
                           so_bytes nonce, uint8_t *out) {
  so_tls_expand_label(hash, cpu, resumption_secret, "resumption", nonce, out, so_hash_len(hash));
}

void so_tls_update_secret(so_hash_alg hash, const so_cpu *cpu, uint8_t *traffic_secret) {
  const size_t len = so_hash_len(hash);
  uint8_t next[SO_HASH_LEN_MAX];
  so_tls_expand_label(hash, cpu, traffic_secret, "traffic upd", so_bytes_of(NULL, 0), next, len);
  memcpy(traffic_secret, next, len);
  so_wipe(next, sizeof next);
}

void so_tls_record_keys_init(so_tls_record_keys *keys, const so_tls_suite *suite,
                             const so_cpu *cpu, const uint8_t *traffic_secret) {
  const so_bytes none = so_bytes_of(NULL, 0);
  uint8_t key[32];
  so_wipe(keys, sizeof *keys);
  so_tls_expand_label(suite->hash, cpu, traffic_secret, "key", none, key,
                      so_aead_key_len(suite->aead));
  so_tls_expand_label(suite->hash, cpu, traffic_secret, "iv", none, keys->iv, sizeof keys->iv);
  so_aead_init(&keys->aead, suite->aead, cpu, key);
  so_wipe(key, sizeof key);
  keys->on = true;
}

so_status so_tls_exporter(so_hash_alg hash, const so_cpu *cpu, const uint8_t *exporter_secret,
                          so_bytes label, so_bytes context, uint8_t *out, size_t out_len) {
  const size_t len = so_hash_len(hash);
  uint8_t empty_hash[SO_HASH_LEN_MAX];
  uint8_t context_hash[SO_HASH_LEN_MAX];
  uint8_t secret[SO_HASH_LEN_MAX];
  so_hash_once(hash, cpu, so_bytes_of(NULL, 0), empty_hash);
  so_hash_once(hash, cpu, context, context_hash);
  if (out_len > 255 * len) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(expand_label(hash, cpu, exporter_secret, label, so_bytes_of(empty_hash, len), secret,
                      len));
  so_tls_expand_label(hash, cpu, secret, "exporter", so_bytes_of(context_hash, len), out, out_len);
  so_wipe(secret, sizeof secret);
  return so_done();
}

void so_tls_message_hash(so_hash *transcript, const so_cpu *cpu) {
  const so_hash_alg alg = transcript->alg;
  const uint8_t len = (uint8_t)so_hash_len(alg);
  uint8_t message[SO_TLS_MESSAGE_HEAD + SO_HASH_LEN_MAX] = {SO_TLS_MESSAGE_HASH, 0, 0, len};
  so_hash_final(transcript, message + SO_TLS_MESSAGE_HEAD);
  so_hash_init(transcript, alg, cpu);
  so_hash_update(transcript, so_bytes_of(message, SO_TLS_MESSAGE_HEAD + (size_t)len));
}
