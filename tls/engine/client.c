// The client's handlers: one a message (RFC 8446 section 4), reached through the table in states.c.

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/engine/internal.h"

// A cookie comes back in the second ClientHello, which must fit the room that is guaranteed.
#define COOKIE_LEN_MAX 4096

static so_status illegal(void) { return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER); }

static bool offered(const uint16_t *list, size_t count, uint16_t value) {
  for (size_t i = 0; i < count; i++) {
    if (list[i] == value) {
      return true;
    }
  }
  return false;
}

// What ServerHello and HelloRetryRequest have in common (4.1.3, 4.1.4): the suite is one of ours
// and stays the same, the session id comes back.
static so_status accept_suite(so_tls *tls, const so_tls_config *config,
                              const so_tls_server_hello *hello) {
  uint16_t suites[SO_TLS_SUITE_COUNT];
  const size_t count = so_tls_config_suites(config, suites);
  if (!so_bytes_equal(hello->session_id, so_bytes_of(tls->session_id, tls->session_id_len)) ||
      !offered(suites, count, hello->suite) ||
      (tls->retry_suite != 0 && hello->suite != tls->retry_suite)) {
    return illegal();
  }
  if (tls->suite == 0 && so_tls_suite_find(hello->suite)->hash == SO_SHA384) {
    tls->transcript = tls->transcript_other;
  }
  so_wipe(&tls->transcript_other, sizeof tls->transcript_other);
  tls->suite = hello->suite;
  return so_done();
}

static so_status on_retry(so_tls *tls, const so_tls_io *io, const so_tls_server_hello *hello,
                          const so_tls_message *message) {
  uint16_t groups[SO_TLS_GROUP_COUNT];
  const size_t count = so_tls_config_groups(io->config, groups);
  if (tls->hello_retried) {
    return so_tls_fault(SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
  // It must ask for something that changes the next hello.
  const bool other_group = hello->group != 0 && hello->group != tls->group;
  if ((hello->group == 0 && hello->cookie.ptr == NULL) ||
      (hello->group != 0 && (!other_group || !offered(groups, count, hello->group)))) {
    return illegal();
  }
  if (hello->cookie.len > COOKIE_LEN_MAX) {
    return so_status_make(SO_LIMIT, SO_TLS_ALERT_INTERNAL_ERROR);
  }
  SO_TRY(accept_suite(tls, io->config, hello));
  tls->retry_suite = hello->suite;
  tls->hello_retried = true;
  tls->group = other_group ? hello->group : tls->group;
  so_tls_message_hash(&tls->transcript, &io->config->cpu);
  so_tls_transcript_add(tls, message->whole);
  so_tls_send_ccs(tls, io->out);
  tls->state = SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN;
  return so_tls_client_hello_send(tls, io, hello->cookie);
}

static so_status on_server_hello(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  so_tls_server_hello hello;
  uint8_t shared[32];
  SO_TRY(so_tls_server_hello_parse(message->body, &hello));
  if (hello.retry) {
    return on_retry(tls, io, &hello, message);
  }
  SO_TRY(accept_suite(tls, io->config, &hello));
  if (hello.group == 0) {
    return so_tls_fault(SO_TLS_ALERT_MISSING_EXTENSION);  // We never offer PSK alone.
  }
  if (hello.group != tls->group) {
    return illegal();
  }
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  so_bytes psk = so_bytes_of(NULL, 0);
  if (hello.psk != SO_TLS_NO_PSK) {
    const so_tls_session *session = so_tls_client_session(tls, io);
    if (hello.psk != 0 || session == NULL || so_tls_suite_find(session->suite)->hash != alg) {
      return illegal();
    }
    tls->resumed = true;
    tls->peer_not_after_s = session->not_after_s;
    psk = so_bytes_of(session->psk, session->psk_len);
  }
  SO_TRY(so_tls_agree(tls, hello.share, shared));
  so_tls_transcript_add(tls, message->whole);
  so_tls_early_secret(alg, &io->config->cpu, psk, tls->secret);
  so_tls_enter_handshake(tls, io->config, shared);
  so_wipe(shared, sizeof shared);
  tls->state = SO_TLS_CLIENT_WAIT_EXTENSIONS;
  return so_done();
}

static so_status accept_alpn(so_tls *tls, const so_tls_config *config, so_bytes alpn) {
  if (alpn.len == 0) {
    return so_done();
  }
  for (size_t i = 0; i < config->alpn_count; i++) {
    if (so_bytes_equal(config->alpn[i], alpn)) {
      tls->alpn_chosen = (uint8_t)(i + 1);
      return so_done();
    }
  }
  return config->alpn_count == 0 ? so_tls_fault(SO_TLS_ALERT_UNSUPPORTED_EXTENSION) : illegal();
}

static so_status on_extensions(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  so_tls_encrypted_extensions ee;
  SO_TRY(so_tls_encrypted_extensions_parse(message->body, &ee));
  SO_TRY(accept_alpn(tls, io->config, ee.alpn));
  if (ee.record_size_limit != 0) {
    if (io->config->record_size_limit == 0) {
      return so_tls_fault(SO_TLS_ALERT_UNSUPPORTED_EXTENSION);
    }
    // RFC 8449 section 4: in 1.3 the limit counts the type byte.
    if (ee.record_size_limit <= SO_TLS_PLAINTEXT_LEN_MAX) {
      tls->send_limit = (uint16_t)(ee.record_size_limit - 1);
    }
    tls->receive_limit = (uint16_t)(io->config->record_size_limit - 1);
  }
  so_tls_transcript_add(tls, message->whole);
  tls->state =
      tls->resumed ? SO_TLS_CLIENT_WAIT_FINISHED : SO_TLS_CLIENT_WAIT_CERTIFICATE_OR_REQUEST;
  return so_done();
}

static so_status on_certificate_request(so_tls *tls, const so_tls_message *message) {
  SO_TRY(so_tls_certificate_request_parse(message->body));
  tls->certificate_requested = true;
  so_tls_transcript_add(tls, message->whole);
  tls->state = SO_TLS_CLIENT_WAIT_CERTIFICATE;
  return so_done();
}

static so_status on_certificate(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  so_tls_certificate certificate;
  SO_TRY(so_tls_certificate_parse(message->body, &certificate));
  if (certificate.context.len != 0) {
    return illegal();
  }
  if (certificate.count == 0) {
    return so_tls_fault(SO_TLS_ALERT_DECODE_ERROR);  // 4.4.2.4
  }
  SO_TRY(so_tls_check_chain(tls, io, &certificate));
  so_tls_transcript_add(tls, message->whole);
  tls->state = SO_TLS_CLIENT_WAIT_VERIFY;
  return so_done();
}

static so_status on_verify(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  so_tls_certificate_verify verify;
  SO_TRY(so_tls_certificate_verify_parse(message->body, &verify));
  SO_TRY(so_tls_check_signature(tls, io->config, &verify));
  so_tls_transcript_add(tls, message->whole);
  tls->state = SO_TLS_CLIENT_WAIT_FINISHED;
  return so_done();
}

// Our last flight: a Certificate without certificates if one was asked for, then Finished.
static void send_finished(so_tls *tls, const so_tls_io *io) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  uint8_t hash[SO_HASH_LEN_MAX];
  uint8_t mac[SO_HASH_LEN_MAX];
  so_tls_send_ccs(tls, io->out);
  const size_t mark = so_tls_flight_begin(io->out);
  size_t from = io->out->len;
  if (tls->certificate_requested) {
    so_tls_certificate_write(so_bytes_of(NULL, 0), NULL, 0, io->out);
    so_tls_flight_message(tls, io->out, from);
    from = io->out->len;
  }
  so_tls_transcript_hash(tls, hash);
  so_tls_finished_mac(alg, &io->config->cpu, tls->client_secret, hash, mac);
  so_tls_finished_write(so_bytes_of(mac, so_hash_len(alg)), io->out);
  so_tls_flight_message(tls, io->out, from);
  so_tls_flight_end(tls, io->out, mark);
}

static so_status on_finished(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  uint8_t hash[SO_HASH_LEN_MAX];
  uint8_t mac[SO_HASH_LEN_MAX];
  so_bytes verify_data;
  SO_TRY(so_tls_finished_parse(message->body, so_hash_len(alg), &verify_data));
  so_tls_transcript_hash(tls, hash);
  so_tls_finished_mac(alg, &io->config->cpu, tls->server_secret, hash, mac);
  if (!so_ct_equal(mac, verify_data.ptr, verify_data.len)) {
    return so_tls_fault(SO_TLS_ALERT_DECRYPT_ERROR);
  }
  so_tls_transcript_add(tls, message->whole);
  so_tls_derive_application(tls, io->config);
  send_finished(tls, io);
  so_tls_enter_application_read(tls, io->config);
  so_tls_enter_application_write(tls, io->config);
  so_tls_finish_secrets(tls, io->config);
  tls->state = SO_TLS_CLIENT_CONNECTED;
  return so_done();
}

static so_status on_ticket(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  so_tls_new_ticket ticket;
  SO_TRY(so_tls_new_ticket_parse(message->body, &ticket));
  if (++tls->tickets > SO_TLS_TICKETS_MAX) {
    return so_status_make(SO_LIMIT, SO_TLS_ALERT_UNEXPECTED_MESSAGE);
  }
  so_tls_session *session = io->session;
  if (session == NULL || ticket.lifetime_s == 0 || ticket.ticket.len > sizeof session->ticket) {
    return so_done();
  }
  so_wipe(session, sizeof *session);
  session->suite = tls->suite;
  session->psk_len = (uint8_t)so_hash_len(alg);
  so_tls_resumption_psk(alg, &io->config->cpu, tls->resumption_secret, ticket.nonce, session->psk);
  memcpy(session->binding, tls->binding, sizeof session->binding);
  session->received_ms = io->now_ms;
  session->lifetime_s =
      ticket.lifetime_s < SO_TLS_LIFETIME_S_MAX ? ticket.lifetime_s : SO_TLS_LIFETIME_S_MAX;
  session->not_after_s = tls->peer_not_after_s;
  session->age_add = ticket.age_add;
  session->ticket_len = (uint16_t)ticket.ticket.len;
  memcpy(session->ticket, ticket.ticket.ptr, ticket.ticket.len);
  tls->ticket_ready = true;
  return so_done();
}

static so_status client_step(so_tls *tls, const so_tls_io *io, so_tls_step step,
                             const so_tls_message *message) {
  switch (step) {
    case SO_TLS_STEP_CLIENT_SERVER_HELLO:
      return on_server_hello(tls, io, message);
    case SO_TLS_STEP_CLIENT_EXTENSIONS:
      return on_extensions(tls, io, message);
    case SO_TLS_STEP_CLIENT_CERTIFICATE_REQUEST:
      return on_certificate_request(tls, message);
    case SO_TLS_STEP_CLIENT_CERTIFICATE:
      return on_certificate(tls, io, message);
    case SO_TLS_STEP_CLIENT_VERIFY:
      return on_verify(tls, io, message);
    case SO_TLS_STEP_CLIENT_FINISHED:
      return on_finished(tls, io, message);
    case SO_TLS_STEP_CLIENT_TICKET:
      return on_ticket(tls, io, message);
    case SO_TLS_STEP_NONE:
    case SO_TLS_STEP_SERVER_HELLO:
    case SO_TLS_STEP_SERVER_FINISHED:
    case SO_TLS_STEP_KEY_UPDATE:
      break;
  }
  return so_tls_fault(SO_TLS_ALERT_INTERNAL_ERROR);
}

const so_tls_side so_tls_client_side = {SO_TLS_CLIENT, client_step};
