// The machine's outside: life cycle, sending, closing, and what was agreed. Receiving is receive.c.

#include "tls/engine/engine.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/engine/internal.h"

#define ALERT_WARNING 1

// A KeyUpdate in a record of its own.
#define KEY_UPDATE_LEN (SO_TLS_RECORD_OVERHEAD + SO_TLS_MESSAGE_HEAD + 1)

void so_tls_init(so_tls *tls, const so_tls_side *side, const uint8_t seed[32]) {
  memset(tls, 0, sizeof *tls);
  tls->side = side;
  tls->role = (uint8_t)side->role;
  tls->send_limit = SO_TLS_PLAINTEXT_LEN_MAX;
  tls->receive_limit = SO_TLS_PLAINTEXT_LEN_MAX;
  so_rng_init(&tls->rng, seed);
}

void so_tls_wipe(so_tls *tls) { so_wipe(tls, sizeof *tls); }

bool so_tls_connected(const so_tls *tls) {
  return tls->state == SO_TLS_CLIENT_CONNECTED || tls->state == SO_TLS_SERVER_CONNECTED;
}

so_status so_tls_eof(so_tls *tls) {
  if (!so_ok(tls->failure)) {
    return tls->failure;
  }
  if (tls->read_closed) {
    return so_done();
  }
  // 6.1: data may have been cut off by somebody else; there is nobody left to send an alert to.
  tls->failure = so_status_make(SO_MALFORMED, SO_TLS_ALERT_CLOSE_NOTIFY);
  return tls->failure;
}

// --- sending --------------------------------------------------------------------------------

static uint64_t key_limit(const so_tls_config *config) {
  return config->key_records_max != 0 ? config->key_records_max : SO_TLS_KEY_RECORDS_MAX;
}

// 4.6.3: the message goes out under the old key.
static void send_key_update(so_tls *tls, const so_tls_config *config, so_writer *out) {
  const so_tls_suite *suite = so_tls_suite_of(tls);
  uint8_t *secret = so_tls_traffic_secret(tls, (so_tls_role)tls->role);
  const size_t mark = so_tls_flight_begin(out);
  so_tls_key_update_write(tls->key_update_ask, out);
  so_tls_flight_end(tls, out, mark);
  so_tls_update_secret(suite->hash, &config->cpu, secret);
  so_tls_record_keys_init(&tls->write, suite, &config->cpu, secret);
  tls->key_update_asked = tls->key_update_asked || tls->key_update_ask;
  tls->key_update_due = false;
  tls->key_update_ask = false;
}

static void check_key_age(so_tls *tls, const so_tls_config *config) {
  const uint64_t limit = key_limit(config);
  if (tls->write.sequence >= limit) {
    tls->key_update_due = true;
  }
  if (tls->read.sequence >= limit && !tls->key_update_asked) {
    so_tls_update_keys(tls, true);
  }
}

so_status so_tls_send_begin(so_tls *tls, const so_tls_config *config, so_writer *out,
                            so_tls_slot *slot) {
  SO_ASSERT(!tls->send_open);
  if (!so_ok(tls->failure)) {
    return tls->failure;
  }
  if (!so_tls_connected(tls) || tls->write_closed) {
    return so_status_make(SO_CONFLICT, 0);
  }
  check_key_age(tls, config);
  const size_t before = tls->key_update_due ? KEY_UPDATE_LEN : 0;
  if (out->failed || out->cap - out->len < before + SO_TLS_RECORD_OVERHEAD + 1) {
    return so_status_make(SO_AGAIN, SO_TLS_AGAIN_OUT);
  }
  if (tls->key_update_due) {
    send_key_update(tls, config, out);
  }
  const size_t room = out->cap - out->len - SO_TLS_RECORD_OVERHEAD;
  slot->ptr = out->buf + out->len + SO_TLS_RECORD_HEAD;
  slot->cap = room < tls->send_limit ? room : tls->send_limit;
  tls->send_open = true;
  return so_done();
}

void so_tls_send_end(so_tls *tls, so_writer *out, const so_tls_slot *slot, size_t len) {
  SO_ASSERT(tls->send_open && len <= slot->cap &&
            slot->ptr == out->buf + out->len + SO_TLS_RECORD_HEAD);
  tls->send_open = false;
  if (len == 0) {
    return;
  }
  so_tls_record_seal(&tls->write, SO_TLS_CONTENT_DATA, out->buf + out->len, len);
  out->len += len + SO_TLS_RECORD_OVERHEAD;
}

so_status so_tls_send(so_tls *tls, const so_tls_config *config, so_writer *out, so_bytes data,
                      size_t *taken) {
  so_tls_slot slot;
  SO_TRY(so_tls_send_begin(tls, config, out, &slot));
  *taken = data.len < slot.cap ? data.len : slot.cap;
  memcpy(slot.ptr, data.ptr, *taken);
  so_tls_send_end(tls, out, &slot, *taken);
  return so_done();
}

void so_tls_update_keys(so_tls *tls, bool ask) {
  tls->key_update_due = true;
  tls->key_update_ask = tls->key_update_ask || ask;
}

void so_tls_close(so_tls *tls, so_writer *out) {
  if (!so_ok(tls->failure) || tls->write_closed) {
    return;
  }
  so_tls_send_alert(tls, out, ALERT_WARNING, SO_TLS_ALERT_CLOSE_NOTIFY);
  tls->write_closed = true;
}

void so_tls_abort(so_tls *tls, so_writer *out, uint8_t alert) {
  if (so_ok(tls->failure)) {
    (void)so_tls_fail(tls, out, so_status_make(SO_DENIED, alert));
  }
}

// --- what was agreed ------------------------------------------------------------------------

so_bytes so_tls_alpn(const so_tls *tls, const so_tls_config *config) {
  if (tls->alpn_chosen == 0 || tls->alpn_chosen > config->alpn_count) {
    return so_bytes_of(NULL, 0);
  }
  return config->alpn[tls->alpn_chosen - 1];
}

so_status so_tls_export(const so_tls *tls, const so_tls_config *config, so_bytes label,
                        so_bytes context, uint8_t *out, size_t out_len) {
  if (!so_ok(tls->failure) || !so_tls_connected(tls)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  return so_tls_exporter(so_tls_suite_of(tls)->hash, &config->cpu, tls->exporter_secret, label,
                         context, out, out_len);
}

// --- names ----------------------------------------------------------------------------------

const char *so_tls_suite_name(uint16_t suite) {
  switch (suite) {
    case SO_TLS_AES_128_GCM_SHA256:
      return "TLS_AES_128_GCM_SHA256";
    case SO_TLS_AES_256_GCM_SHA384:
      return "TLS_AES_256_GCM_SHA384";
    case SO_TLS_CHACHA20_POLY1305_SHA256:
      return "TLS_CHACHA20_POLY1305_SHA256";
    default:
      return "none";
  }
}

const char *so_tls_group_name(uint16_t group) {
  switch (group) {
    case SO_TLS_X25519:
      return "x25519";
    case SO_TLS_SECP256R1:
      return "secp256r1";
    default:
      return "none";
  }
}

const char *so_tls_alert_name(uint8_t alert) {
  switch (alert) {
    case SO_TLS_ALERT_CLOSE_NOTIFY:
      return "close_notify";
    case SO_TLS_ALERT_UNEXPECTED_MESSAGE:
      return "unexpected_message";
    case SO_TLS_ALERT_BAD_RECORD_MAC:
      return "bad_record_mac";
    case SO_TLS_ALERT_RECORD_OVERFLOW:
      return "record_overflow";
    case SO_TLS_ALERT_HANDSHAKE_FAILURE:
      return "handshake_failure";
    case SO_TLS_ALERT_BAD_CERTIFICATE:
      return "bad_certificate";
    case SO_TLS_ALERT_UNSUPPORTED_CERTIFICATE:
      return "unsupported_certificate";
    case SO_TLS_ALERT_CERTIFICATE_REVOKED:
      return "certificate_revoked";
    case SO_TLS_ALERT_CERTIFICATE_EXPIRED:
      return "certificate_expired";
    case SO_TLS_ALERT_CERTIFICATE_UNKNOWN:
      return "certificate_unknown";
    case SO_TLS_ALERT_ILLEGAL_PARAMETER:
      return "illegal_parameter";
    case SO_TLS_ALERT_UNKNOWN_CA:
      return "unknown_ca";
    case SO_TLS_ALERT_ACCESS_DENIED:
      return "access_denied";
    case SO_TLS_ALERT_DECODE_ERROR:
      return "decode_error";
    case SO_TLS_ALERT_DECRYPT_ERROR:
      return "decrypt_error";
    case SO_TLS_ALERT_PROTOCOL_VERSION:
      return "protocol_version";
    case SO_TLS_ALERT_INSUFFICIENT_SECURITY:
      return "insufficient_security";
    case SO_TLS_ALERT_INTERNAL_ERROR:
      return "internal_error";
    case SO_TLS_ALERT_USER_CANCELED:
      return "user_canceled";
    case SO_TLS_ALERT_MISSING_EXTENSION:
      return "missing_extension";
    case SO_TLS_ALERT_UNSUPPORTED_EXTENSION:
      return "unsupported_extension";
    case SO_TLS_ALERT_UNRECOGNIZED_NAME:
      return "unrecognized_name";
    case SO_TLS_ALERT_CERTIFICATE_REQUIRED:
      return "certificate_required";
    case SO_TLS_ALERT_NO_APPLICATION_PROTOCOL:
      return "no_application_protocol";
    default:
      return "unknown alert";
  }
}
