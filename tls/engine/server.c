// The server's handlers (RFC 8446 section 4). Most of it is the answer to a ClientHello.

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "tls/engine/internal.h"

// Identities of a client that are tried; every one may cost an AEAD.
#define PSK_TRIES_MAX 4

static so_status illegal(void) { return so_tls_fault(SO_TLS_ALERT_ILLEGAL_PARAMETER); }

// What the answer to a ClientHello is made of.
typedef struct answer {
  const so_tls_message *message;
  so_tls_client_hello hello;
  so_bytes share;      // The client's, for tls->group; `ptr` NULL: it has to send one.
  uint32_t psk_index;  // SO_TLS_NO_PSK: a full handshake.
  so_tls_ticket ticket;
} answer;

// --- choosing -------------------------------------------------------------------------------

static so_status choose_suite(so_tls *tls, const so_tls_config *config,
                              const so_tls_client_hello *hello) {
  uint16_t suites[SO_TLS_SUITE_COUNT];
  const size_t count = so_tls_config_suites(config, suites);
  for (size_t i = 0; i < count; i++) {
    if (so_tls_list16_has(hello->suites, suites[i])) {
      if (tls->retry_suite != 0 && tls->retry_suite != suites[i]) {
        return illegal();
      }
      tls->suite = suites[i];
      return so_done();
    }
  }
  return so_tls_fault(SO_TLS_ALERT_HANDSHAKE_FAILURE);
}

static bool find_share(so_bytes shares, uint16_t group, so_bytes *key) {
  uint16_t entry = 0;
  so_bytes found;
  while (so_tls_share_next(&shares, &entry, &found)) {
    if (entry == group) {
      *key = found;
      return true;
    }
  }
  return false;
}

// 4.2.8: shares are for groups that the client supports, one each.
static so_status check_shares(const so_tls_client_hello *hello) {
  so_bytes rest = hello->shares;
  uint16_t group = 0;
  so_bytes key;
  while (so_tls_share_next(&rest, &group, &key)) {
    so_bytes again;
    if (!so_tls_list16_has(hello->groups, group) || find_share(rest, group, &again)) {
      return illegal();
    }
  }
  return so_done();
}

// A group with a share saves a round trip, so it goes before one that we would like better.
static so_status choose_group(so_tls *tls, const so_tls_config *config, answer *a) {
  uint16_t groups[SO_TLS_GROUP_COUNT];
  const size_t count = so_tls_config_groups(config, groups);
  if (a->hello.groups.ptr == NULL || a->hello.shares.ptr == NULL) {
    return so_tls_fault(SO_TLS_ALERT_MISSING_EXTENSION);
  }
  SO_TRY(check_shares(&a->hello));
  if (tls->hello_retried) {
    // 4.1.2: now there is the share that we asked for, and no other.
    so_bytes rest = a->hello.shares;
    uint16_t group = 0;
    const bool one = so_tls_share_next(&rest, &group, &a->share) && rest.len == 0;
    return one && group == tls->group ? so_done() : illegal();
  }
  for (size_t i = 0; i < count; i++) {
    if (find_share(a->hello.shares, groups[i], &a->share)) {
      tls->group = groups[i];
      return so_done();
    }
  }
  for (size_t i = 0; i < count; i++) {
    if (so_tls_list16_has(a->hello.groups, groups[i])) {
      tls->group = groups[i];
      return so_done();
    }
  }
  return so_tls_fault(SO_TLS_ALERT_HANDSHAKE_FAILURE);
}

static so_status choose_alpn(so_tls *tls, const so_tls_config *config,
                             const so_tls_client_hello *hello) {
  tls->alpn_chosen = 0;
  if (hello->alpn.ptr == NULL || config->alpn_count == 0) {
    return so_done();
  }
  for (size_t i = 0; i < config->alpn_count; i++) {
    so_bytes rest = hello->alpn;
    so_bytes name;
    while (so_tls_list8_next(&rest, &name)) {
      if (so_bytes_equal(name, config->alpn[i])) {
        tls->alpn_chosen = (uint8_t)(i + 1);
        return so_done();
      }
    }
  }
  return so_tls_fault(SO_TLS_ALERT_NO_APPLICATION_PROTOCOL);  // RFC 7301 3.2
}

static so_status choose_identity(so_tls *tls, const so_tls_config *config,
                                 const so_tls_client_hello *hello) {
  if (hello->signature_schemes.ptr == NULL) {
    return so_tls_fault(SO_TLS_ALERT_MISSING_EXTENSION);
  }
  for (size_t i = 0; i < config->identity_count; i++) {
    const so_key_kind kind = config->identities[i].key.kind;
    if (so_tls_list16_has(hello->signature_schemes, so_tls_scheme_of(kind))) {
      tls->identity = (uint8_t)i;
      return so_done();
    }
  }
  return so_tls_fault(SO_TLS_ALERT_HANDSHAKE_FAILURE);
}

// --- resumption -----------------------------------------------------------------------------

// 4.2.11.2. A binder that is wrong is an attack or a bug, not a reason to go on without it.
static so_status check_binder(so_tls *tls, const so_tls_config *config, const answer *a,
                              so_bytes binder) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  const so_bytes whole = a->message->whole;
  uint8_t hash[SO_HASH_LEN_MAX];
  uint8_t key[SO_HASH_LEN_MAX];
  uint8_t mac[SO_HASH_LEN_MAX];
  so_tls_transcript_hash_with(
      &tls->transcript, so_bytes_first(whole, whole.len - a->hello.binders_len), hash);
  so_tls_early_secret(alg, &config->cpu, so_bytes_of(a->ticket.psk, a->ticket.psk_len),
                      tls->secret);
  so_tls_binder_key(alg, &config->cpu, tls->secret, key);
  so_tls_finished_mac(alg, &config->cpu, key, hash, mac);
  so_wipe(key, sizeof key);
  const bool good = binder.len == so_hash_len(alg) && so_ct_equal(mac, binder.ptr, binder.len);
  return good ? so_done() : so_tls_fault(SO_TLS_ALERT_DECRYPT_ERROR);
}

static bool usable(so_tls *tls, const so_tls_io *io, so_bytes identity, uint32_t age, answer *a) {
  const so_tls_config *config = io->config;
  return so_ok(so_tls_ticket_open(config->ticket_keys, &config->cpu, identity, &a->ticket)) &&
         so_tls_suite_find(a->ticket.suite)->hash == so_tls_suite_of(tls)->hash &&
         so_tls_ticket_fresh(&a->ticket, age, io->now_ms);
}

static so_status choose_psk(so_tls *tls, const so_tls_io *io, answer *a) {
  so_bytes identities = a->hello.psk_identities;
  so_bytes binders = a->hello.psk_binders;
  so_bytes identity;
  so_bytes binder;
  uint32_t age = 0;
  if (identities.ptr == NULL) {
    return so_done();
  }
  if (a->hello.psk_modes.ptr == NULL) {
    return so_tls_fault(SO_TLS_ALERT_MISSING_EXTENSION);  // 4.2.9
  }
  if (io->config->ticket_keys == NULL || !tls->peer_takes_psk_dhe) {
    return so_done();
  }
  for (uint32_t i = 0; i < PSK_TRIES_MAX && so_tls_psk_next(&identities, &identity, &age) &&
                       so_tls_list8_next(&binders, &binder);
       i++) {
    if (usable(tls, io, identity, age, a)) {
      a->psk_index = i;
      tls->resumed = true;
      return check_binder(tls, io->config, a, binder);
    }
  }
  return so_done();
}

// --- answering ------------------------------------------------------------------------------

static void send_hello(so_tls *tls, so_writer *out, const so_tls_server_hello *hello) {
  const size_t mark = so_tls_flight_begin(out);
  const size_t from = out->len;
  so_tls_server_hello_write(hello, out);
  so_tls_flight_message(tls, out, from);
  so_tls_flight_end(tls, out, mark);
  so_tls_send_ccs(tls, out);
}

static so_tls_server_hello hello_of(const so_tls *tls) {
  so_tls_server_hello hello;
  memset(&hello, 0, sizeof hello);
  hello.legacy_version = SO_TLS_VERSION_1_2;
  hello.session_id = so_bytes_of(tls->session_id, tls->session_id_len);
  hello.suite = tls->suite;
  hello.version = SO_TLS_VERSION_1_3;
  hello.group = tls->group;
  hello.psk = SO_TLS_NO_PSK;
  return hello;
}

static so_status ask_again(so_tls *tls, const so_tls_io *io, const answer *a) {
  so_tls_server_hello hello = hello_of(tls);
  hello.retry = true;
  tls->hello_retried = true;
  tls->retry_suite = tls->suite;
  so_tls_transcript_add(tls, a->message->whole);
  so_tls_message_hash(&tls->transcript, &io->config->cpu);
  send_hello(tls, io->out, &hello);
  tls->state = SO_TLS_SERVER_WAIT_HELLO_AGAIN;
  return so_done();
}

static void write_extensions(so_tls *tls, const so_tls_config *config, const answer *a,
                             so_writer *out) {
  so_tls_encrypted_extensions ee = {a->hello.server_name.ptr != NULL && !tls->resumed,
                                    so_tls_alpn(tls, config), 0};
  if (a->hello.record_size_limit != 0) {
    const uint16_t all = SO_TLS_PLAINTEXT_LEN_MAX + 1;
    ee.record_size_limit = config->record_size_limit != 0 ? config->record_size_limit : all;
  }
  so_tls_encrypted_extensions_write(&ee, out);
}

static so_status write_proof(so_tls *tls, const so_tls_config *config, so_writer *out) {
  const so_tls_identity *identity = &config->identities[tls->identity];
  size_t from = out->len;
  so_tls_certificate_write(so_bytes_of(NULL, 0), identity->chain, identity->chain_count, out);
  so_tls_flight_message(tls, out, from);
  from = out->len;
  SO_TRY(so_tls_sign(tls, config, identity, out));
  so_tls_flight_message(tls, out, from);
  return so_done();
}

// EncryptedExtensions to Finished, in one flight under the handshake keys.
static so_status send_protected(so_tls *tls, const so_tls_io *io, const answer *a) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  uint8_t hash[SO_HASH_LEN_MAX];
  uint8_t mac[SO_HASH_LEN_MAX];
  so_writer *out = io->out;
  const size_t mark = so_tls_flight_begin(out);
  size_t from = out->len;
  write_extensions(tls, io->config, a, out);
  so_tls_flight_message(tls, out, from);
  if (!tls->resumed) {
    const so_status proved = write_proof(tls, io->config, out);
    if (!so_ok(proved)) {
      out->len = mark;
      return proved;
    }
  }
  from = out->len;
  so_tls_transcript_hash(tls, hash);
  so_tls_finished_mac(alg, &io->config->cpu, tls->server_secret, hash, mac);
  so_tls_finished_write(so_bytes_of(mac, so_hash_len(alg)), out);
  so_tls_flight_message(tls, out, from);
  so_tls_flight_end(tls, out, mark);
  return so_done();
}

static so_status answer_hello(so_tls *tls, const so_tls_io *io, const answer *a) {
  const so_cpu *cpu = &io->config->cpu;
  uint8_t random[32];
  uint8_t share[SO_TLS_PUBLIC_KEY_LEN_MAX];
  uint8_t shared[32];
  size_t share_len = 0;
  so_tls_server_hello hello = hello_of(tls);
  SO_TRY(so_tls_make_share(tls, share, &share_len));
  SO_TRY(so_tls_agree(tls, a->share, shared));
  so_rng_fill(&tls->rng, random, sizeof random);
  hello.random = so_bytes_of(random, sizeof random);
  hello.share = so_bytes_of(share, share_len);
  hello.psk = a->psk_index;
  if (!tls->resumed) {
    so_tls_early_secret(so_tls_suite_of(tls)->hash, cpu, so_bytes_of(NULL, 0), tls->secret);
  }
  so_tls_transcript_add(tls, a->message->whole);
  send_hello(tls, io->out, &hello);
  so_tls_enter_handshake(tls, io->config, shared);
  so_wipe(shared, sizeof shared);
  SO_TRY(send_protected(tls, io, a));
  so_tls_derive_application(tls, io->config);
  // 4.4.4: behind our Finished we write under the application keys; the client's Finished still
  // comes under those of the handshake, so its secret stays.
  so_tls_enter_application_write(tls, io->config);
  tls->state = SO_TLS_SERVER_WAIT_FINISHED;
  return so_done();
}

// --- the messages ---------------------------------------------------------------------------

static bool list8_has(so_bytes list, uint8_t value) {
  return list.ptr != NULL && so_bytes_find(list, value) != list.len;
}

// What a second ClientHello must repeat (4.1.2), and what the first one sets.
static so_status remember(so_tls *tls, const so_tls_client_hello *hello) {
  if (tls->hello_retried &&
      (!so_bytes_equal(hello->random, so_bytes_of(tls->random, sizeof tls->random)) ||
       !so_bytes_equal(hello->session_id, so_bytes_of(tls->session_id, tls->session_id_len)) ||
       hello->early_data)) {
    return illegal();
  }
  memcpy(tls->random, hello->random.ptr, sizeof tls->random);
  tls->session_id_len = (uint8_t)hello->session_id.len;
  memcpy(tls->session_id, hello->session_id.ptr, hello->session_id.len);
  tls->server_name_len = (uint8_t)hello->server_name.len;
  if (hello->server_name.len != 0) {
    memcpy(tls->server_name, hello->server_name.ptr, hello->server_name.len);
  }
  tls->peer_takes_psk_dhe = list8_has(hello->psk_modes, 1);
  tls->skip_early_data = tls->skip_early_data || hello->early_data;
  return so_done();
}

static void remember_limits(so_tls *tls, const so_tls_config *config,
                            const so_tls_client_hello *hello) {
  const uint16_t limit = hello->record_size_limit;
  if (limit == 0) {
    return;
  }
  tls->send_limit = limit <= SO_TLS_PLAINTEXT_LEN_MAX ? (uint16_t)(limit - 1)
                                                      : (uint16_t)SO_TLS_PLAINTEXT_LEN_MAX;
  if (config->record_size_limit != 0) {
    tls->receive_limit = (uint16_t)(config->record_size_limit - 1);
  }
}

static so_status on_client_hello(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  answer a;
  memset(&a, 0, sizeof a);
  a.message = message;
  a.psk_index = SO_TLS_NO_PSK;
  SO_TRY(so_tls_client_hello_parse(message->body, &a.hello));
  if (!so_tls_list16_has(a.hello.versions, SO_TLS_VERSION_1_3)) {
    return so_tls_fault(SO_TLS_ALERT_PROTOCOL_VERSION);
  }
  if (!a.hello.compression_null || a.hello.legacy_version != SO_TLS_VERSION_1_2) {
    return illegal();
  }
  SO_TRY(remember(tls, &a.hello));
  SO_TRY(choose_suite(tls, io->config, &a.hello));
  SO_TRY(choose_group(tls, io->config, &a));
  if (!tls->hello_retried) {
    so_hash_init(&tls->transcript, so_tls_suite_of(tls)->hash, &io->config->cpu);
    if (a.share.ptr == NULL) {
      return ask_again(tls, io, &a);
    }
  }
  remember_limits(tls, io->config, &a.hello);
  SO_TRY(choose_psk(tls, io, &a));
  if (!tls->resumed) {
    SO_TRY(choose_identity(tls, io->config, &a.hello));
  }
  SO_TRY(choose_alpn(tls, io->config, &a.hello));
  const so_status answered = answer_hello(tls, io, &a);
  so_wipe(&a.ticket, sizeof a.ticket);
  return answered;
}

// One ticket a connection; a resumed one gets a new one, so that a client never needs one twice.
static void send_ticket(so_tls *tls, const so_tls_io *io) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  static const uint8_t nonce[1] = {0};
  uint8_t seal_nonce[12];
  uint8_t sealed[256];
  so_tls_ticket ticket;
  so_writer w = so_writer_of(sealed, sizeof sealed);
  so_tls_new_ticket message = {SO_TLS_TICKET_LIFETIME_S, 0, so_bytes_of(nonce, 1), {NULL, 0}};
  if (io->config->ticket_keys == NULL || !tls->peer_takes_psk_dhe) {
    return;
  }
  memset(&ticket, 0, sizeof ticket);
  ticket.suite = tls->suite;
  ticket.psk_len = (uint8_t)so_hash_len(alg);
  so_tls_resumption_psk(alg, &io->config->cpu, tls->resumption_secret, message.nonce, ticket.psk);
  ticket.issued_ms = io->now_ms;
  ticket.age_add = (uint32_t)so_rng_u64(&tls->rng);
  message.age_add = ticket.age_add;
  so_rng_fill(&tls->rng, seal_nonce, sizeof seal_nonce);
  const so_status done =
      so_tls_ticket_seal(io->config->ticket_keys, &io->config->cpu, &ticket, seal_nonce, &w);
  so_wipe(&ticket, sizeof ticket);
  if (so_ok(done) && so_ok(so_writer_end(&w, &message.ticket))) {
    const size_t mark = so_tls_flight_begin(io->out);
    so_tls_new_ticket_write(&message, io->out);
    so_tls_flight_end(tls, io->out, mark);
  }
}

static so_status on_finished(so_tls *tls, const so_tls_io *io, const so_tls_message *message) {
  const so_hash_alg alg = so_tls_suite_of(tls)->hash;
  uint8_t hash[SO_HASH_LEN_MAX];
  uint8_t mac[SO_HASH_LEN_MAX];
  so_bytes verify_data;
  SO_TRY(so_tls_finished_parse(message->body, so_hash_len(alg), &verify_data));
  so_tls_transcript_hash(tls, hash);
  so_tls_finished_mac(alg, &io->config->cpu, tls->client_secret, hash, mac);
  if (!so_ct_equal(mac, verify_data.ptr, verify_data.len)) {
    return so_tls_fault(SO_TLS_ALERT_DECRYPT_ERROR);
  }
  so_tls_transcript_add(tls, message->whole);
  so_tls_enter_application_read(tls, io->config);
  so_tls_finish_secrets(tls, io->config);
  tls->state = SO_TLS_SERVER_CONNECTED;
  send_ticket(tls, io);
  return so_done();
}

static so_status server_step(so_tls *tls, const so_tls_io *io, so_tls_step step,
                             const so_tls_message *message) {
  switch (step) {
    case SO_TLS_STEP_SERVER_HELLO:
      return on_client_hello(tls, io, message);
    case SO_TLS_STEP_SERVER_FINISHED:
      return on_finished(tls, io, message);
    case SO_TLS_STEP_NONE:
    case SO_TLS_STEP_CLIENT_SERVER_HELLO:
    case SO_TLS_STEP_CLIENT_EXTENSIONS:
    case SO_TLS_STEP_CLIENT_CERTIFICATE_REQUEST:
    case SO_TLS_STEP_CLIENT_CERTIFICATE:
    case SO_TLS_STEP_CLIENT_VERIFY:
    case SO_TLS_STEP_CLIENT_FINISHED:
    case SO_TLS_STEP_CLIENT_TICKET:
    case SO_TLS_STEP_KEY_UPDATE:
      break;
  }
  return so_tls_fault(SO_TLS_ALERT_INTERNAL_ERROR);
}

const so_tls_side so_tls_server_side = {SO_TLS_SERVER, server_step};

void so_tls_server_init(so_tls *tls, const uint8_t seed[32]) {
  so_tls_init(tls, &so_tls_server_side, seed);
  tls->state = SO_TLS_SERVER_WAIT_HELLO;
}
