// Transcript, secrets, keys, and how flights leave.

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/p256/p256.h"
#include "crypto/x25519/x25519.h"
#include "tls/engine/internal.h"

#define ALERT_WARNING 1
#define ALERT_FATAL 2

const so_tls_suite *so_tls_suite_of(const so_tls *tls) {
  const so_tls_suite *suite = so_tls_suite_find(tls->suite);
  SO_ASSERT(suite != NULL);
  return suite;
}

size_t so_tls_config_suites(const so_tls_config *config, uint16_t out[SO_TLS_SUITE_COUNT]) {
  // Without AES instructions ChaCha20 is several times faster, and the other side mostly knows.
  static const uint16_t with_aes[SO_TLS_SUITE_COUNT] = {
      SO_TLS_AES_128_GCM_SHA256, SO_TLS_AES_256_GCM_SHA384, SO_TLS_CHACHA20_POLY1305_SHA256};
  static const uint16_t without_aes[SO_TLS_SUITE_COUNT] = {
      SO_TLS_CHACHA20_POLY1305_SHA256, SO_TLS_AES_128_GCM_SHA256, SO_TLS_AES_256_GCM_SHA384};
  const uint16_t *from = config->cpu.aes ? with_aes : without_aes;
  size_t count = SO_TLS_SUITE_COUNT;
  if (config->suite_count != 0) {
    from = config->suites;
    count = config->suite_count < count ? config->suite_count : count;
  }
  memcpy(out, from, count * sizeof *out);
  return count;
}

size_t so_tls_config_groups(const so_tls_config *config, uint16_t out[SO_TLS_GROUP_COUNT]) {
  static const uint16_t all[SO_TLS_GROUP_COUNT] = {SO_TLS_X25519, SO_TLS_SECP256R1};
  const uint16_t *from = config->group_count == 0 ? all : config->groups;
  const size_t count = config->group_count == 1 ? 1 : SO_TLS_GROUP_COUNT;
  memcpy(out, from, count * sizeof *out);
  return count;
}

// --- transcript -----------------------------------------------------------------------------

void so_tls_transcript_add(so_tls *tls, so_bytes message) {
  so_hash_update(&tls->transcript, message);
  if (tls->suite == 0) {
    so_hash_update(&tls->transcript_other, message);
  }
}

void so_tls_transcript_hash_with(const so_hash *transcript, so_bytes more, uint8_t *out) {
  so_hash copy = *transcript;
  so_hash_update(&copy, more);
  so_hash_final(&copy, out);
}

void so_tls_transcript_hash(const so_tls *tls, uint8_t *out) {
  so_tls_transcript_hash_with(&tls->transcript, so_bytes_of(NULL, 0), out);
}

// --- key agreement --------------------------------------------------------------------------

so_status so_tls_make_share(so_tls *tls, uint8_t out[SO_TLS_PUBLIC_KEY_LEN_MAX],
                            size_t *out_len) {
  so_rng_fill(&tls->rng, tls->share_private, sizeof tls->share_private);
  if (tls->group == SO_TLS_X25519) {
    so_x25519_public(tls->share_private, out);
    *out_len = 32;
    return so_done();
  }
  // One draw in 2^32 is not below the order of the group.
  for (int i = 0; i < 8; i++) {
    if (so_ok(so_p256_public(tls->share_private, out))) {
      *out_len = 65;
      return so_done();
    }
    so_rng_fill(&tls->rng, tls->share_private, sizeof tls->share_private);
  }
  return so_tls_fault(SO_TLS_ALERT_INTERNAL_ERROR);
}

so_status so_tls_agree(so_tls *tls, so_bytes peer_share, uint8_t out[32]) {
  const size_t want = tls->group == SO_TLS_X25519 ? 32 : 65;
  if (peer_share.len != want) {
    return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
  }
  const so_status agreed = tls->group == SO_TLS_X25519
                               ? so_x25519(tls->share_private, peer_share.ptr, out)
                               : so_p256_ecdh(tls->share_private, peer_share.ptr, out);
  so_wipe(tls->share_private, sizeof tls->share_private);
  return so_ok(agreed) ? so_done() : so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER);
}

// --- secrets --------------------------------------------------------------------------------

uint8_t *so_tls_traffic_secret(so_tls *tls, so_tls_role from) {
  return from == SO_TLS_CLIENT ? tls->client_secret : tls->server_secret;
}

static so_tls_role other(const so_tls *tls) {
  return tls->role == SO_TLS_CLIENT ? SO_TLS_SERVER : SO_TLS_CLIENT;
}

void so_tls_enter_handshake(so_tls *tls, const so_tls_config *config, const uint8_t shared[32]) {
  const so_tls_suite *suite = so_tls_suite_of(tls);
  uint8_t hash[SO_HASH_LEN_MAX];
  so_tls_next_secret(suite->hash, &config->cpu, so_bytes_of(shared, 32), tls->secret);
  so_tls_transcript_hash(tls, hash);
  so_tls_derive(suite->hash, &config->cpu, tls->secret, "c hs traffic", hash, tls->client_secret);
  so_tls_derive(suite->hash, &config->cpu, tls->secret, "s hs traffic", hash, tls->server_secret);
  so_tls_next_secret(suite->hash, &config->cpu, so_bytes_of(NULL, 0), tls->secret);
  so_tls_record_keys_init(&tls->read, suite, &config->cpu, so_tls_traffic_secret(tls, other(tls)));
  so_tls_record_keys_init(&tls->write, suite, &config->cpu,
                          so_tls_traffic_secret(tls, (so_tls_role)tls->role));
}

void so_tls_derive_application(so_tls *tls, const so_tls_config *config) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  const so_cpu *cpu = &config->cpu;
  uint8_t hash[SO_HASH_LEN_MAX];
  so_tls_transcript_hash(tls, hash);
  so_tls_derive(alg, cpu, tls->secret, "c ap traffic", hash, tls->client_next_secret);
  so_tls_derive(alg, cpu, tls->secret, "s ap traffic", hash, tls->server_next_secret);
  so_tls_derive(alg, cpu, tls->secret, "exp master", hash, tls->exporter_secret);
}

static void enter_application(so_tls *tls, const so_tls_config *config, so_tls_role from,
                              so_tls_record_keys *keys) {
  uint8_t *secret = so_tls_traffic_secret(tls, from);
  uint8_t *next = from == SO_TLS_CLIENT ? tls->client_next_secret : tls->server_next_secret;
  memcpy(secret, next, SO_TLS_SECRET_LEN_MAX);
  so_wipe(next, SO_TLS_SECRET_LEN_MAX);
  so_tls_record_keys_init(keys, so_tls_suite_of(tls), &config->cpu, secret);
}

void so_tls_enter_application_read(so_tls *tls, const so_tls_config *config) {
  enter_application(tls, config, other(tls), &tls->read);
}

void so_tls_enter_application_write(so_tls *tls, const so_tls_config *config) {
  enter_application(tls, config, (so_tls_role)tls->role, &tls->write);
}

void so_tls_finish_secrets(so_tls *tls, const so_tls_config *config) {
  uint8_t hash[SO_HASH_LEN_MAX];
  so_tls_transcript_hash(tls, hash);
  so_tls_derive(so_tls_suite_of(tls)->hash, &config->cpu, tls->secret, "res master", hash,
                tls->resumption_secret);
  so_wipe(tls->secret, sizeof tls->secret);
  so_wipe(&tls->transcript, sizeof tls->transcript);
}

// --- flights --------------------------------------------------------------------------------

size_t so_tls_flight_begin(so_writer *out) {
  const size_t mark = out->len;
  so_write_zeros(out, SO_TLS_RECORD_HEAD);
  return mark;
}

void so_tls_flight_message(so_tls *tls, so_writer *out, size_t from) {
  SO_ASSERT(!out->failed);
  so_tls_transcript_add(tls, so_bytes_from(so_writer_bytes(out), from));
}

static void end_record(so_tls *tls, uint8_t type, uint8_t *record, size_t len) {
  if (tls->write.on) {
    so_tls_record_seal(&tls->write, type, record, len);
  } else {
    so_tls_record_plain(type, record, len);
  }
}

// Moves the messages behind out->buf[mark] apart, so that each piece of `limit` bytes gets a head
// before and a tag behind it. From the last piece to the first: every piece only moves up.
void so_tls_flight_end(so_tls *tls, so_writer *out, size_t mark) {
  const size_t overhead = tls->write.on ? SO_TLS_RECORD_OVERHEAD : SO_TLS_RECORD_HEAD;
  const size_t limit = tls->write.on ? tls->send_limit : SO_TLS_PLAINTEXT_LEN_MAX;
  SO_ASSERT(!out->failed);
  const size_t len = out->len - mark - SO_TLS_RECORD_HEAD;
  const size_t pieces = (len + limit - 1) / limit;
  uint8_t *base = out->buf + mark;
  // What records take beyond the one head that is there already.
  so_write_zeros(out, pieces * overhead - SO_TLS_RECORD_HEAD);
  SO_ASSERT(!out->failed);
  for (size_t i = pieces; i-- > 1;) {
    const size_t piece_len = i == pieces - 1 ? len - i * limit : limit;
    memmove(base + i * (limit + overhead) + SO_TLS_RECORD_HEAD,
            base + SO_TLS_RECORD_HEAD + i * limit, piece_len);
  }
  for (size_t i = 0; i < pieces; i++) {
    const size_t piece_len = i == pieces - 1 ? len - i * limit : limit;
    end_record(tls, SO_TLS_CONTENT_HANDSHAKE, base + i * (limit + overhead), piece_len);
  }
}

void so_tls_send_ccs(so_tls *tls, so_writer *out) {
  if (tls->ccs_sent || tls->session_id_len == 0) {
    return;
  }
  tls->ccs_sent = true;
  so_write_u8(out, SO_TLS_CONTENT_CCS);
  so_write_u16be(out, SO_TLS_VERSION_1_2);
  so_write_u16be(out, 1);
  so_write_u8(out, 1);
}

void so_tls_send_alert(so_tls *tls, so_writer *out, uint8_t level, uint8_t alert) {
  const size_t overhead = tls->write.on ? SO_TLS_RECORD_OVERHEAD : SO_TLS_RECORD_HEAD;
  if (out->failed || out->cap - out->len < overhead + 2) {
    return;
  }
  const size_t mark = out->len;
  so_write_zeros(out, overhead + 2);
  uint8_t *record = out->buf + mark;
  record[SO_TLS_RECORD_HEAD] = level;
  record[SO_TLS_RECORD_HEAD + 1] = alert;
  end_record(tls, SO_TLS_CONTENT_ALERT, record, 2);
}

static void wipe_secrets(so_tls *tls) {
  so_wipe(&tls->read, sizeof tls->read);
  so_wipe(&tls->write, sizeof tls->write);
  so_wipe(tls->share_private, sizeof tls->share_private);
  so_wipe(tls->secret, sizeof tls->secret);
  so_wipe(tls->client_secret, sizeof tls->client_secret);
  so_wipe(tls->server_secret, sizeof tls->server_secret);
  so_wipe(tls->client_next_secret, sizeof tls->client_next_secret);
  so_wipe(tls->server_next_secret, sizeof tls->server_next_secret);
  so_wipe(tls->exporter_secret, sizeof tls->exporter_secret);
  so_wipe(tls->resumption_secret, sizeof tls->resumption_secret);
  so_rng_wipe(&tls->rng);
}

so_status so_tls_fail(so_tls *tls, so_writer *out, so_status failure) {
  SO_ASSERT(!so_ok(failure) && !so_is(failure, SO_AGAIN));
  tls->failure = failure;
  if (tls->alert_received == 0 && failure.detail != SO_TLS_ALERT_CLOSE_NOTIFY &&
      !tls->write_closed) {
    tls->alert_sent = (uint8_t)failure.detail;
    so_tls_send_alert(tls, out, ALERT_FATAL, tls->alert_sent);
  }
  wipe_secrets(tls);
  return failure;
}
