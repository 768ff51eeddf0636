#ifndef SO_TLS_ENGINE_INTERNAL_H_
#define SO_TLS_ENGINE_INTERNAL_H_

// What the files of the engine share. See engine.h for the machine itself.

#include "tls/engine/engine.h"
#include "tls/schedule/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

// One complete handshake message.
typedef struct so_tls_message {
  uint8_t type;
  so_bytes whole;  // With its 4-byte head, as the transcript takes it.
  so_bytes body;
} so_tls_message;

// --- states.c: the legal orders ---------------------------------------------------------------

typedef enum so_tls_step {
  SO_TLS_STEP_NONE = 0,  // unexpected_message
  SO_TLS_STEP_CLIENT_SERVER_HELLO,
  SO_TLS_STEP_CLIENT_EXTENSIONS,
  SO_TLS_STEP_CLIENT_CERTIFICATE_REQUEST,
  SO_TLS_STEP_CLIENT_CERTIFICATE,
  SO_TLS_STEP_CLIENT_VERIFY,
  SO_TLS_STEP_CLIENT_FINISHED,
  SO_TLS_STEP_CLIENT_TICKET,
  SO_TLS_STEP_SERVER_HELLO,
  SO_TLS_STEP_SERVER_FINISHED,
  SO_TLS_STEP_KEY_UPDATE,
} so_tls_step;

typedef struct so_tls_edge {
  uint8_t state;
  uint8_t message;
  uint8_t step;
  bool ends_record;  // The keys change behind it, so nothing may follow in its record (5.1).
} so_tls_edge;

// so_tls_edge_find returns what a message does in a state, or NULL when it must not come.
const so_tls_edge *so_tls_edge_find(uint8_t state, uint8_t message);

// --- core.c: transcript, secrets, keys, flights -------------------------------------------------

void so_tls_transcript_add(so_tls *tls, so_bytes message);
// so_tls_transcript_hash writes the hash of all messages so far.
void so_tls_transcript_hash(const so_tls *tls, uint8_t *out);
// so_tls_transcript_hash_with writes the hash of `transcript` and then `more`.
void so_tls_transcript_hash_with(const so_hash *transcript, so_bytes more, uint8_t *out);

const so_tls_suite *so_tls_suite_of(const so_tls *tls);

// so_tls_make_share makes a fresh key pair for `tls->group`; `*out_len` bytes of public key.
SO_MUST_USE so_status so_tls_make_share(so_tls *tls, uint8_t out[SO_TLS_PUBLIC_KEY_LEN_MAX],
                                        size_t *out_len);
// so_tls_agree computes the shared secret with the peer's share and wipes our private one.
SO_MUST_USE so_status so_tls_agree(so_tls *tls, so_bytes peer_share, uint8_t out[32]);

// so_tls_enter_handshake derives the handshake secrets (transcript up to ServerHello) and turns on
// the keys of both directions. tls->secret is the early secret before.
void so_tls_enter_handshake(so_tls *tls, const so_tls_config *config, const uint8_t shared[32]);
// so_tls_derive_application derives the application and exporter secrets (transcript up to the
// server's Finished). Keys stay as they are.
void so_tls_derive_application(so_tls *tls, const so_tls_config *config);
// so_tls_enter_application_* turn on the application keys of a direction.
void so_tls_enter_application_read(so_tls *tls, const so_tls_config *config);
void so_tls_enter_application_write(so_tls *tls, const so_tls_config *config);
// so_tls_finish_secrets derives the resumption secret (transcript up to the client's Finished) and
// wipes what the handshake alone needed.
void so_tls_finish_secrets(so_tls *tls, const so_tls_config *config);

// so_tls_traffic_secret is the secret that protects what `from` sends.
uint8_t *so_tls_traffic_secret(so_tls *tls, so_tls_role from);

// A flight: handshake messages, written one after another and then cut into records.
// so_tls_flight_begin returns the mark for the other two; so_tls_flight_message adds to the
// transcript what was written since `from` (a former out->len).
size_t so_tls_flight_begin(so_writer *out);
void so_tls_flight_message(so_tls *tls, so_writer *out, size_t from);
void so_tls_flight_end(so_tls *tls, so_writer *out, size_t mark);

// so_tls_send_ccs emits the one change_cipher_spec of compatibility mode (D.4), if it is due.
void so_tls_send_ccs(so_tls *tls, so_writer *out);
// so_tls_send_alert emits an alert, if there is room.
void so_tls_send_alert(so_tls *tls, so_writer *out, uint8_t level, uint8_t alert);
// so_tls_fail makes the failure sticky and emits its alert.
so_status so_tls_fail(so_tls *tls, so_writer *out, so_status failure);

// The choices of the configuration, or all that there is; both return how many.
size_t so_tls_config_suites(const so_tls_config *config, uint16_t out[SO_TLS_SUITE_COUNT]);
size_t so_tls_config_groups(const so_tls_config *config, uint16_t out[SO_TLS_GROUP_COUNT]);

// --- client.c, server.c, verify.c: the handlers --------------------------------------------------

struct so_tls_side {
  so_tls_role role;
  so_status (*step)(so_tls *tls, const so_tls_io *io, so_tls_step step,
                    const so_tls_message *message);
};

extern const so_tls_side so_tls_client_side;
extern const so_tls_side so_tls_server_side;

// so_tls_init prepares either side.
void so_tls_init(so_tls *tls, const so_tls_side *side, const uint8_t seed[32]);

// so_tls_client_hello_send writes a ClientHello, as a record of its own (client_hello.c).
SO_MUST_USE so_status so_tls_client_hello_send(so_tls *tls, const so_tls_io *io, so_bytes cookie);
// so_tls_client_binding says what a session is tied to.
void so_tls_client_binding(const so_tls_config *config, uint8_t out[32]);
// so_tls_client_session returns the session to offer, or NULL.
const so_tls_session *so_tls_client_session(const so_tls *tls, const so_tls_io *io);

// so_tls_check_chain judges the server's certificates and keeps its key; so_tls_check_signature
// judges its CertificateVerify with that key.
SO_MUST_USE so_status so_tls_check_chain(so_tls *tls, const so_tls_io *io,
                                         const so_tls_certificate *certificate);
SO_MUST_USE so_status so_tls_check_signature(so_tls *tls, const so_tls_config *config,
                                             const so_tls_certificate_verify *verify);
// so_tls_sign writes our CertificateVerify over the transcript so far.
SO_MUST_USE so_status so_tls_sign(so_tls *tls, const so_tls_config *config,
                                  const so_tls_identity *identity, so_writer *out);

static inline uint16_t so_tls_scheme_of(so_key_kind kind) {
  return kind == SO_KEY_ED25519 ? SO_TLS_ED25519 : SO_TLS_ECDSA_SECP256R1_SHA256;
}

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_ENGINE_INTERNAL_H_
