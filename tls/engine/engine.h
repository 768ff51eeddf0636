#ifndef SO_TLS_ENGINE_ENGINE_H_
#define SO_TLS_ENGINE_ENGINE_H_

// TLS 1.3 (RFC 8446), client and server, as one machine without input, output, clock or heap.
//
// Four flows, all in the caller's memory:
//
//   records from the peer --so_tls_receive--> data, as a view into the buffer of the record
//   data to send --so_tls_send_begin/_end--> a record, sealed where the data was written
//   what the machine itself has to say (handshake, alerts, key updates) -> the writer `out`
//
// Invariants:
//   - so_tls is flat: no pointers but one to constants, memcpy makes an independent copy. The same
//     state, input, time and configuration give the same result, byte for byte.
//   - Every failure appends the alert that RFC 8446 asks for to `out` (when there is room) and is
//     sticky: later calls return the same status and emit nothing.
//   - No data is shown before its tag was verified, nor before the handshake is complete.
//   - A message never straddles a key change; keys are typed by direction and replaced whole.
//
// Ownership: everything in so_tls_config and so_tls_io is borrowed for the call; the caller passes
// the same configuration to each call of one connection. Views in so_tls_received live until the
// input buffer changes.
//
// Limits: see the constants. The time of one call is bounded by one record.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "crypto/aead/aead.h"
#include "crypto/cpu/cpu.h"
#include "crypto/hash/hash.h"
#include "crypto/rng/rng.h"
#include "tls/key/key.h"
#include "tls/record/record.h"
#include "tls/ticket/ticket.h"
#include "tls/wire/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

// The room that so_tls_receive wants in `out`: the longest flight, which is the server's with a
// chain of SO_TLS_CHAIN_LEN_MAX bytes cut into records of SO_TLS_RECORD_SIZE_LIMIT_MIN.
#define SO_TLS_OUT_MIN 14336
// Our own certificate chain, all of it: a server that needs more has the wrong chain.
#define SO_TLS_CHAIN_LEN_MAX 8192
// The longest handshake message. `room` bounds it further for messages cut over records.
#define SO_TLS_MESSAGE_LEN_MAX 65536
// In a row, without data between them; beyond it the peer only wastes our time.
#define SO_TLS_EMPTY_RECORDS_MAX 32
#define SO_TLS_CCS_MAX 4
#define SO_TLS_WARNINGS_MAX 4
#define SO_TLS_KEY_UPDATES_MAX 32
#define SO_TLS_TICKETS_MAX 32
// Bytes of early data that a server skips (it never accepts any).
#define SO_TLS_EARLY_DATA_SKIP_MAX 65536
// Records sealed or opened under one key before it is replaced: half of what RFC 8446 5.5 allows
// for AES-GCM (2^24.5 records of full size).
#define SO_TLS_KEY_RECORDS_MAX (UINT64_C(1) << 23)

typedef enum so_tls_role { SO_TLS_CLIENT = 1, SO_TLS_SERVER } so_tls_role;

// Positions in the handshake. The table in states.c says which messages each one takes.
typedef enum so_tls_state {
  SO_TLS_IDLE = 0,
  SO_TLS_CLIENT_WAIT_SERVER_HELLO,
  SO_TLS_CLIENT_WAIT_SERVER_HELLO_AGAIN,  // After a HelloRetryRequest.
  SO_TLS_CLIENT_WAIT_EXTENSIONS,
  SO_TLS_CLIENT_WAIT_CERTIFICATE_OR_REQUEST,
  SO_TLS_CLIENT_WAIT_CERTIFICATE,
  SO_TLS_CLIENT_WAIT_VERIFY,
  SO_TLS_CLIENT_WAIT_FINISHED,
  SO_TLS_CLIENT_CONNECTED,
  SO_TLS_SERVER_WAIT_HELLO,
  SO_TLS_SERVER_WAIT_HELLO_AGAIN,
  SO_TLS_SERVER_WAIT_FINISHED,
  SO_TLS_SERVER_CONNECTED,
  SO_TLS_STATE_COUNT,
} so_tls_state;

// A certificate of ours and its key.
typedef struct so_tls_identity {
  so_private_key key;
  const so_bytes *chain;  // DER, the end entity first, at most SO_TLS_CHAIN_LEN_MAX bytes in all.
  size_t chain_count;
} so_tls_identity;

typedef struct so_tls_config {
  so_cpu cpu;
  so_bytes alpn[SO_TLS_ALPN_COUNT_MAX];  // In order of preference; the server's counts.
  size_t alpn_count;
  // In order of preference; 0 means all that there is.
  uint16_t suites[SO_TLS_SUITE_COUNT];
  size_t suite_count;
  uint16_t groups[SO_TLS_GROUP_COUNT];  // A client sends a share of the first one only.
  size_t group_count;
  uint16_t record_size_limit;  // What we ask the peer to keep to (RFC 8449); 0 means 2^14.
  uint64_t key_records_max;    // 0 means SO_TLS_KEY_RECORDS_MAX.

  // Server.
  const so_tls_identity *identities;  // One a kind; the first that the client takes is used.
  size_t identity_count;
  const so_tls_ticket_keys *ticket_keys;  // NULL: no resumption.

  // Client. Exactly one of `anchors` and `pin` says whom to believe.
  so_bytes server_name;  // Host name or IP address in text form; checked, and sent when a name.
  const so_bytes *anchors;  // Trusted certificates, DER.
  size_t anchor_count;
  const uint8_t *pin;  // SHA-256 of the one end-entity certificate to accept; then names, dates
                       // and issuers do not matter.
  const so_tls_session *resume;  // What an earlier connection to `server_name` left; or NULL.
} so_tls_config;

typedef struct so_tls_io {
  const so_tls_config *config;
  int64_t now_ms;  // Unix time.
  // Memory for a handshake message that is cut over several records. The content belongs to the
  // machine between calls: a copy of so_tls needs a copy of its first so_tls.room_len bytes.
  uint8_t *room;
  size_t room_cap;
  so_writer *out;  // What to send to the peer is appended here.
  so_tls_session *session;  // Client: where a ticket is put, at SO_TLS_TICKET. May be NULL.
} so_tls_io;

typedef enum so_tls_event {
  SO_TLS_PROGRESS = 1,  // Something was consumed; go on.
  SO_TLS_CONNECTED,     // The handshake is complete; `out` may hold its last flight.
  SO_TLS_DATA,          // `data` holds at least one byte.
  SO_TLS_TICKET,        // Client: io->session was filled.
  SO_TLS_CLOSED,        // close_notify: the peer sends no more. We still may.
} so_tls_event;

typedef struct so_tls_received {
  so_tls_event event;
  size_t consumed;  // Drop so many bytes of the input, once done with `data`.
  size_t need;      // With AGAIN: how many bytes of input the record has in all.
  so_bytes data;
} so_tls_received;

// What so_tls_receive answers AGAIN for, in `detail`.
#define SO_TLS_AGAIN_INPUT 1  // The record is not complete.
#define SO_TLS_AGAIN_OUT 2    // `out` has less than SO_TLS_OUT_MIN bytes left.

// The handlers of one role. Whoever never begins a client does not link the client's.
typedef struct so_tls_side so_tls_side;

typedef struct so_tls {
  const so_tls_side *side;
  uint8_t role;
  uint8_t state;
  so_status failure;  // Sticky.
  uint8_t alert_sent;      // The description, when `failure` is set and we said so.
  uint8_t alert_received;  // The description of the peer's fatal alert.
  uint8_t peer_reason;     // Client: what the verification of the chain said (so_x509_reason).

  bool read_closed;   // close_notify came.
  bool write_closed;  // close_notify went.
  bool hello_retried;
  bool resumed;
  bool ccs_sent;
  bool skip_early_data;
  bool certificate_requested;
  bool peer_takes_psk_dhe;     // Server: psk_key_exchange_modes has psk_dhe_ke.
  bool key_update_due;         // Before our next data.
  bool key_update_ask;         // And it asks the peer for one.
  bool key_update_asked;       // Asked, not yet answered.
  bool ticket_ready;           // Client: io->session was filled, not yet reported.
  bool send_open;              // Between so_tls_send_begin and _end.

  uint8_t empty_records;
  uint8_t ccs_count;
  uint8_t warnings;
  uint8_t key_updates;
  uint8_t tickets;
  uint32_t early_data_skipped;

  uint16_t suite;
  uint16_t group;
  uint16_t retry_suite;        // Fixed by a HelloRetryRequest, else 0.
  uint8_t alpn_chosen;         // Index into config->alpn plus 1; 0 is none.
  uint8_t identity;            // Server: index of the identity in use.
  uint16_t send_limit;         // Longest plaintext that the peer takes, without type byte.
  uint16_t receive_limit;
  uint8_t hash_alg;            // An so_hash_alg, valid once `suite` is chosen.

  uint8_t binding[32];         // Client: what its sessions are tied to.
  uint8_t random[32];          // The client's.
  uint8_t session_id[32];
  uint8_t session_id_len;
  uint8_t server_name[SO_TLS_SERVER_NAME_LEN_MAX];  // Server: what the client asked for.
  uint8_t server_name_len;

  so_public_key peer_key;      // Client: SO_KEY_UNSUPPORTED before a chain was accepted.
  int64_t peer_not_after_s;    // Client: until when the peer's certificate vouches for it.
  uint8_t peer_fingerprint[32];  // SHA-256 of the peer's end-entity certificate.

  uint8_t share_private[32];
  so_hash transcript;          // With `hash_alg` once that is known ...
  so_hash transcript_other;    // ... before it: SHA-256 above, SHA-384 here.

  uint8_t secret[SO_TLS_SECRET_LEN_MAX];  // Early, handshake, then master secret.
  uint8_t client_secret[SO_TLS_SECRET_LEN_MAX];  // Traffic secrets of the current epoch.
  uint8_t server_secret[SO_TLS_SECRET_LEN_MAX];
  uint8_t client_next_secret[SO_TLS_SECRET_LEN_MAX];  // Application secrets, until in use.
  uint8_t server_next_secret[SO_TLS_SECRET_LEN_MAX];
  uint8_t exporter_secret[SO_TLS_SECRET_LEN_MAX];
  uint8_t resumption_secret[SO_TLS_SECRET_LEN_MAX];
  so_tls_record_keys read;
  so_tls_record_keys write;

  size_t room_len;             // Bytes of an incomplete message kept in io->room.
  so_rng rng;
} so_tls;

// so_tls_client_init prepares a client; `seed` is fresh entropy, used for nothing else.
void so_tls_client_init(so_tls *tls, const uint8_t seed[32]);

// so_tls_server_init prepares a server, which then waits for a ClientHello.
void so_tls_server_init(so_tls *tls, const uint8_t seed[32]);

// so_tls_wipe overwrites every secret. The machine is then unusable until it is initialised again.
void so_tls_wipe(so_tls *tls);

// so_tls_client_start emits the ClientHello. INTERNAL for a configuration that cannot work.
SO_MUST_USE so_status so_tls_client_start(so_tls *tls, const so_tls_io *io);

// so_tls_receive takes at most one record from `in`, which it decrypts in place, and sets `*got`.
// AGAIN: nothing was consumed, see SO_TLS_AGAIN_*. Any other failure ends the connection: send
// what is in `out`, then close.
SO_MUST_USE so_status so_tls_receive(so_tls *tls, const so_tls_io *io, uint8_t *in, size_t in_len,
                                     so_tls_received *got);

// so_tls_eof says that the peer's bytes ended. OK after close_notify; else MALFORMED: truncated.
SO_MUST_USE so_status so_tls_eof(so_tls *tls);

// Where the caller writes data to send. Valid until the next call on the machine or the writer.
typedef struct so_tls_slot {
  uint8_t *ptr;
  size_t cap;
} so_tls_slot;

// so_tls_send_begin opens a record at the end of `out`, with room for 1 to 2^14 bytes of data; a
// key update that is due goes first. so_tls_send_end seals the `len` <= cap bytes written there
// (0 emits nothing). AGAIN: `out` is too full. CONFLICT: not connected, or we closed already.
SO_MUST_USE so_status so_tls_send_begin(so_tls *tls, const so_tls_config *config, so_writer *out,
                                        so_tls_slot *slot);
void so_tls_send_end(so_tls *tls, so_writer *out, const so_tls_slot *slot, size_t len);

// so_tls_send seals a prefix of `data` into one record at the end of `out`; `*taken` says how long.
SO_MUST_USE so_status so_tls_send(so_tls *tls, const so_tls_config *config, so_writer *out,
                                  so_bytes data, size_t *taken);

// so_tls_update_keys has our sending key replaced before the next data; `ask` has the peer replace
// its own, too.
void so_tls_update_keys(so_tls *tls, bool ask);

// so_tls_close emits close_notify, once, for which `out` must have 24 bytes left. Receiving goes on.
void so_tls_close(so_tls *tls, so_writer *out);

// so_tls_abort ends the connection for a reason of the caller's: emits `alert` (SO_TLS_ALERT_*).
void so_tls_abort(so_tls *tls, so_writer *out, uint8_t alert);

bool so_tls_connected(const so_tls *tls);

// so_tls_alpn returns the protocol agreed on, a view into `config`; no bytes when there is none.
so_bytes so_tls_alpn(const so_tls *tls, const so_tls_config *config);

// so_tls_export derives keying material for other protocols (RFC 8446 7.5, RFC 5705) into
// out[0..out_len), at most 255 hash lengths. CONFLICT before the handshake is complete.
SO_MUST_USE so_status so_tls_export(const so_tls *tls, const so_tls_config *config, so_bytes label,
                                    so_bytes context, uint8_t *out, size_t out_len);

// so_tls_suite_name, _group_name and _alert_name return fixed texts; never NULL.
const char *so_tls_suite_name(uint16_t suite);
const char *so_tls_group_name(uint16_t group);
const char *so_tls_alert_name(uint8_t alert);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_ENGINE_ENGINE_H_
