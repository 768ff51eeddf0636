#ifndef SO_APPS_LIB_TLS_STREAM_TLS_STREAM_H_
#define SO_APPS_LIB_TLS_STREAM_TLS_STREAM_H_

// TLS 1.3 as a byte stream over a byte stream: kernel/ports/stream.h on both sides.
//
// so_tls_stream_server and so_tls_stream_client do the handshake, within a deadline, and give back
// an so_stream. On it, read returns OK with 0 bytes only after the peer's close_notify; a
// connection that just ends is IO (truncation). shutdown sends close_notify; reading goes on.
// close frees everything, the stream below included, and sends what fits nowhere else: nothing.
//
// Ownership: on success the new stream owns `below`; on failure `below` was closed already.
// Configuration given by pointer (identities, ticket keys) must outlive the stream; options of a
// client (host, anchors, ALPN names, session) are needed during the call only.
//
// Memory: at most SO_TLS_STREAM_LEN_MAX bytes from the heap for a connection, allocated when the
// handshake begins; while a handshake runs SO_TLS_STREAM_SERVER_ROOM_LEN or _CLIENT_ROOM_LEN more,
// for messages of the peer that are cut over records.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "kernel/ports/stream.h"
#include "kernel/ports/world.h"
#include "tls/engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TLS_STREAM_LEN_MAX 40960
#define SO_TLS_STREAM_SERVER_ROOM_LEN 16384
#define SO_TLS_STREAM_CLIENT_ROOM_LEN 65536
#define SO_TLS_STREAM_ALPN_LEN_MAX 32  // Of one protocol name.
// How long a failed handshake waits for the peer to read the alert and close, at most.
#define SO_TLS_STREAM_LINGER_MS 500
// Room for any text that so_tls_stream_failure gives, with its NUL.
#define SO_TLS_STREAM_TEXT_LEN 160

typedef struct so_tls_server_options {
  const so_cpu *cpu;  // What the processor can; NULL: ask it, for every connection.
  const so_tls_identity *identities;  // One or two, of different kinds.
  size_t identity_count;
  const so_tls_ticket_keys *ticket_keys;  // NULL: no resumption. May be rotated at any time.
  so_bytes alpn[SO_TLS_ALPN_COUNT_MAX];   // By preference. A client that offers none of them is
  size_t alpn_count;                      // refused; one that offers nothing is served.
} so_tls_server_options;

typedef struct so_tls_client_options {
  const so_cpu *cpu;        // As above.
  so_bytes host;            // Host name or IP address, as in a URL but without [ ] and port.
  const so_bytes *anchors;  // DER certificates to trust ...
  size_t anchor_count;
  const uint8_t *pin;       // ... or the SHA-256 (32 bytes) of the one end-entity certificate to
                            // accept, whatever its name and dates. NULL: use `anchors`.
  so_bytes alpn[SO_TLS_ALPN_COUNT_MAX];
  size_t alpn_count;
  so_bytes session;  // What so_tls_stream_session gave earlier for this host; or empty.
} so_tls_client_options;

// Why a handshake failed, for people. `text` is a NUL-terminated sentence part such as
// "certificate: expired" or "the peer sent alert handshake_failure".
typedef struct so_tls_failure {
  char text[SO_TLS_STREAM_TEXT_LEN];
  uint8_t alert_sent;      // SO_TLS_ALERT_*, 0 when none.
  uint8_t alert_received;
  bool peer_refused;       // The peer's certificate was the reason.
} so_tls_failure;

// so_tls_stream_server answers a client on `below`. AGAIN: the deadline came. DENIED, MALFORMED,
// UNSUPPORTED, LIMIT or IO as the handshake failed; `why` (may be NULL) then says more.
SO_MUST_USE so_status so_tls_stream_server(const so_world *world,
                                           const so_tls_server_options *options, so_stream below,
                                           uint64_t deadline_ns, so_stream *out,
                                           so_tls_failure *why);

// so_tls_stream_client begins TLS with a server on `below`. DENIED with why->peer_refused when its
// certificate is not to be believed.
SO_MUST_USE so_status so_tls_stream_client(const so_world *world,
                                           const so_tls_client_options *options, so_stream below,
                                           uint64_t deadline_ns, so_stream *out,
                                           so_tls_failure *why);

// What was agreed. Views live as long as the stream.
typedef struct so_tls_stream_info {
  so_bytes alpn;         // No bytes: none.
  so_bytes server_name;  // Server: what the client asked for; no bytes: nothing.
  uint16_t suite;
  uint16_t group;
  const char *suite_name;
  const char *group_name;
  bool resumed;
  uint8_t peer_fingerprint[32];  // Client: SHA-256 of the server's certificate (not if resumed).
} so_tls_stream_info;

// The following take a stream that so_tls_stream_server or _client made.
void so_tls_stream_describe(const so_stream *stream, so_tls_stream_info *out);

// so_tls_stream_session views the newest session ticket, encoded for so_tls_client_options.session
// (at most SO_TLS_SESSION_LEN_MAX bytes). It is secret. A server sends it after the handshake, so
// it comes with the first read. NOT_FOUND when there is none (yet).
SO_MUST_USE so_status so_tls_stream_session(const so_stream *stream, so_bytes *out);

// so_tls_stream_update_keys replaces our sending key before the next write.
void so_tls_stream_update_keys(const so_stream *stream, bool ask_peer);

// so_tls_ticket_keys_fresh and _rotate set up a server's ticket keys from the world's entropy, and
// replace the newest one when it is SO_TLS_TICKET_KEY_LIFETIME_S old. Call it now and then.
void so_tls_ticket_keys_fresh(so_tls_ticket_keys *keys, const so_world *world);
void so_tls_ticket_keys_rotate(so_tls_ticket_keys *keys, const so_world *world);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_TLS_STREAM_TLS_STREAM_H_
