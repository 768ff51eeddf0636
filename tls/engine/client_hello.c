// The client's first flight: ClientHello with its session to resume, once more after a retry.

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/engine/internal.h"
#include "tls/x509/x509.h"

#define LISTS_LEN_MAX (SO_TLS_ALPN_COUNT_MAX * 256)

void so_tls_client_binding(const so_tls_config *config, uint8_t out[32]) {
  so_hash hash;
  uint8_t len[8];
  so_hash_init(&hash, SO_SHA256, &config->cpu);
  so_writer w = so_writer_of(len, sizeof len);
  so_write_u64be(&w, config->server_name.len);
  so_hash_update(&hash, so_writer_bytes(&w));
  so_hash_update(&hash, config->server_name);
  if (config->pin != NULL) {
    so_hash_update(&hash, so_bytes_of(config->pin, SO_X509_FINGERPRINT_LEN));
  }
  for (size_t i = 0; i < config->anchor_count; i++) {
    so_hash_update(&hash, config->anchors[i]);
  }
  so_hash_final(&hash, out);
}

const so_tls_session *so_tls_client_session(const so_tls *tls, const so_tls_io *io) {
  const so_tls_session *session = io->config->resume;
  uint16_t suites[SO_TLS_SUITE_COUNT];
  if (session == NULL || !so_tls_session_usable(session, io->now_ms)) {
    return NULL;
  }
  const size_t count = so_tls_config_suites(io->config, suites);
  bool offered = false;
  for (size_t i = 0; i < count; i++) {
    offered = offered || suites[i] == session->suite;
  }
  // After a retry the hash is fixed; a session with another one cannot be used (4.1.4).
  if (!offered || (tls->suite != 0 && so_tls_suite_find(session->suite)->hash !=
                                          so_tls_suite_of(tls)->hash)) {
    return NULL;
  }
  return so_ct_equal(tls->binding, session->binding, sizeof tls->binding) ? session : NULL;
}

static void write_list16(so_writer *w, const uint16_t *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    so_write_u16be(w, list[i]);
  }
}

// 4.2.11.2: the binders cover the message up to themselves. They were written as zeros.
static void fill_binder(so_tls *tls, const so_tls_config *config, const so_tls_session *session,
                        uint8_t *message, size_t len) {
  const so_hash_alg alg = so_tls_suite_find(session->suite)->hash;
  const size_t hash_len = so_hash_len(alg);
  uint8_t hash[SO_HASH_LEN_MAX];
  uint8_t early[SO_HASH_LEN_MAX];
  uint8_t key[SO_HASH_LEN_MAX];
  const so_hash *transcript =
      alg == tls->transcript.alg ? &tls->transcript : &tls->transcript_other;
  so_tls_transcript_hash_with(transcript, so_bytes_of(message, len - hash_len - 3), hash);
  so_tls_early_secret(alg, &config->cpu, so_bytes_of(session->psk, session->psk_len), early);
  so_tls_binder_key(alg, &config->cpu, early, key);
  so_tls_finished_mac(alg, &config->cpu, key, hash, message + len - hash_len);
  so_wipe(early, sizeof early);
  so_wipe(key, sizeof key);
}

// The lists of a ClientHello, in memory that lives while it is written.
typedef struct lists {
  uint8_t suites[2 * SO_TLS_SUITE_COUNT];
  uint8_t groups[2 * SO_TLS_GROUP_COUNT];
  uint8_t alpn[LISTS_LEN_MAX];
  uint8_t share[4 + SO_TLS_PUBLIC_KEY_LEN_MAX];
  uint8_t psk[2 + SO_TLS_TICKET_LEN_MAX + 4];
  uint8_t binder[1 + SO_TLS_SECRET_LEN_MAX];
} lists;

static so_status add_choices(so_tls *tls, const so_tls_config *config, lists *l,
                             so_tls_client_hello *hello) {
  static const uint8_t schemes[] = {SO_TLS_ECDSA_SECP256R1_SHA256 >> 8,
                                    SO_TLS_ECDSA_SECP256R1_SHA256 & 0xff, SO_TLS_ED25519 >> 8,
                                    SO_TLS_ED25519 & 0xff};
  static const uint8_t versions[] = {SO_TLS_VERSION_1_3 >> 8, SO_TLS_VERSION_1_3 & 0xff};
  uint16_t list[SO_TLS_SUITE_COUNT];
  uint8_t key[SO_TLS_PUBLIC_KEY_LEN_MAX];
  size_t key_len = 0;
  so_x509_name name;
  so_writer w = so_writer_of(l->suites, sizeof l->suites);
  write_list16(&w, list, so_tls_config_suites(config, list));
  hello->suites = so_writer_bytes(&w);
  w = so_writer_of(l->groups, sizeof l->groups);
  write_list16(&w, list, so_tls_config_groups(config, list));
  hello->groups = so_writer_bytes(&w);
  hello->signature_schemes = so_bytes_of(schemes, sizeof schemes);
  hello->versions = so_bytes_of(versions, sizeof versions);
  hello->record_size_limit = config->record_size_limit;
  // RFC 6066 section 3: addresses are not sent.
  if (so_ok(so_x509_name_read(config->server_name, &name)) && name.kind == SO_X509_NAME_DNS) {
    hello->server_name = name.dns;
  }
  w = so_writer_of(l->alpn, sizeof l->alpn);
  for (size_t i = 0; i < config->alpn_count; i++) {
    const size_t mark = so_open8(&w);
    so_write_bytes(&w, config->alpn[i]);
    so_close8(&w, mark);
  }
  if (config->alpn_count != 0) {
    SO_TRY(so_writer_end(&w, &hello->alpn));
  }
  SO_TRY(so_tls_make_share(tls, key, &key_len));
  w = so_writer_of(l->share, sizeof l->share);
  so_tls_write_share(tls->group, so_bytes_of(key, key_len), &w);
  return so_writer_end(&w, &hello->shares);
}

static so_status add_session(const so_tls_session *session, int64_t now_ms, lists *l,
                             so_tls_client_hello *hello) {
  static const uint8_t psk_dhe_ke[1] = {1};
  hello->psk_modes = so_bytes_of(psk_dhe_ke, sizeof psk_dhe_ke);
  if (session == NULL) {
    return so_done();
  }
  const size_t hash_len = so_hash_len(so_tls_suite_find(session->suite)->hash);
  const uint32_t age_ms = (uint32_t)(now_ms - session->received_ms);
  so_writer w = so_writer_of(l->psk, sizeof l->psk);
  so_tls_write_psk(so_bytes_of(session->ticket, session->ticket_len), age_ms + session->age_add,
                   &w);
  SO_TRY(so_writer_end(&w, &hello->psk_identities));
  w = so_writer_of(l->binder, sizeof l->binder);
  so_write_u8(&w, (uint8_t)hash_len);
  so_write_zeros(&w, hash_len);
  return so_writer_end(&w, &hello->psk_binders);
}

so_status so_tls_client_hello_send(so_tls *tls, const so_tls_io *io, so_bytes cookie) {
  lists l;
  so_tls_client_hello hello;
  const so_tls_session *session = so_tls_client_session(tls, io);
  memset(&hello, 0, sizeof hello);
  hello.legacy_version = SO_TLS_VERSION_1_2;
  hello.random = so_bytes_of(tls->random, sizeof tls->random);
  hello.session_id = so_bytes_of(tls->session_id, tls->session_id_len);
  hello.cookie = cookie;
  const so_status built = add_choices(tls, io->config, &l, &hello);
  if (!so_ok(built) || !so_ok(add_session(session, io->now_ms, &l, &hello))) {
    return so_tls_fault(SO_TLS_ALERT_INTERNAL_ERROR);
  }
  const size_t mark = so_tls_flight_begin(io->out);
  const size_t from = io->out->len;
  so_tls_client_hello_write(&hello, io->out);
  SO_ASSERT(!io->out->failed);
  if (session != NULL) {
    fill_binder(tls, io->config, session, io->out->buf + from, io->out->len - from);
  }
  so_tls_flight_message(tls, io->out, from);
  so_tls_flight_end(tls, io->out, mark);
  return so_done();
}
