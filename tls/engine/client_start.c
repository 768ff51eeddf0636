// How a client begins. The rest of the client, and with it the verification of chains and signatures, is
// reached from here alone: a program that only serves does not link them.

#include "base/mem.h"
#include "tls/engine/internal.h"

void so_tls_client_init(so_tls *tls, const uint8_t seed[32]) {
  so_tls_init(tls, &so_tls_client_side, seed);
}

static bool config_ok(const so_tls_config *config) {
  bool ok = config->server_name.len <= SO_TLS_SERVER_NAME_LEN_MAX &&
            config->alpn_count <= SO_TLS_ALPN_COUNT_MAX &&
            (config->pin != NULL) != (config->anchors != NULL) &&
            (config->record_size_limit == 0 ||
             (config->record_size_limit >= SO_TLS_RECORD_SIZE_LIMIT_MIN &&
              config->record_size_limit <= SO_TLS_PLAINTEXT_LEN_MAX + 1));
  for (size_t i = 0; i < config->suite_count && i < SO_TLS_SUITE_COUNT; i++) {
    ok = ok && so_tls_suite_find(config->suites[i]) != NULL;
  }
  return ok;
}

so_status so_tls_client_start(so_tls *tls, const so_tls_io *io) {
  uint16_t groups[SO_TLS_GROUP_COUNT];
  if (tls->role != SO_TLS_CLIENT || tls->state != SO_TLS_IDLE) {
    return so_status_make(SO_CONFLICT, 0);
  }
  if (!config_ok(io->config)) {
    return so_status_make(SO_INTERNAL, SO_TLS_ALERT_INTERNAL_ERROR);
  }
  if (io->out->failed || io->out->cap - io->out->len < SO_TLS_OUT_MIN) {
    return so_status_make(SO_AGAIN, SO_TLS_AGAIN_OUT);
  }
  so_tls_config_groups(io->config, groups);
  tls->group = groups[0];
  so_rng_fill(&tls->rng, tls->random, sizeof tls->random);
  so_rng_fill(&tls->rng, tls->session_id, sizeof tls->session_id);
  tls->session_id_len = sizeof tls->session_id;
  so_tls_client_binding(io->config, tls->binding);
  so_hash_init(&tls->transcript, SO_SHA256, &io->config->cpu);
  so_hash_init(&tls->transcript_other, SO_SHA384, &io->config->cpu);
  tls->state = SO_TLS_CLIENT_WAIT_SERVER_HELLO;
  const so_status sent = so_tls_client_hello_send(tls, io, so_bytes_of(NULL, 0));
  if (!so_ok(sent)) {
    tls->failure = sent;
  }
  return sent;
}
