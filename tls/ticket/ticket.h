#ifndef SO_TLS_TICKET_TICKET_H_
#define SO_TLS_TICKET_TICKET_H_

// Resumption (RFC 8446 2.2, 4.6.1): what a server seals into a ticket, and what a client keeps.
//
// The server keeps no state: a ticket holds the session, sealed under a key that is replaced
// every SO_TLS_TICKET_KEY_LIFETIME_S; the key before the newest still opens. A ticket key must be
// set up from entropy; one that was not (all zeros) seals and opens nothing.
//
// A sealed ticket:
//
//   offset  size  field
//   0       16    name of the key
//   16      12    nonce, random
//   28      n     session, encrypted with ChaCha20-Poly1305 (additional data: the name)
//   28 + n  16    tag

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "crypto/cpu/cpu.h"
#include "tls/wire/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TLS_TICKET_KEY_LIFETIME_S (12 * 3600)
// How long our tickets are good for: with the key lifetime, two keys are always enough.
#define SO_TLS_TICKET_LIFETIME_S (12 * 3600)
// How much the age that a client claims may differ from what we know.
#define SO_TLS_TICKET_SKEW_MS 60000
#define SO_TLS_TICKET_FRESH_LEN 48
// 4.6.1: no ticket is good for longer than a week.
#define SO_TLS_LIFETIME_S_MAX 604800
// The longest ticket that a client keeps; a longer one is not an error, just not used.
#define SO_TLS_TICKET_LEN_MAX 1024
#define SO_TLS_SESSION_LEN_MAX (SO_TLS_TICKET_LEN_MAX + 128)

typedef struct so_tls_ticket_key {
  uint8_t name[16];
  uint8_t key[32];
  int64_t made_ms;
  bool on;
} so_tls_ticket_key;

typedef struct so_tls_ticket_keys {
  so_tls_ticket_key newest;
  so_tls_ticket_key previous;
} so_tls_ticket_keys;

// so_tls_ticket_keys_init starts with one key, made of entropy.
void so_tls_ticket_keys_init(so_tls_ticket_keys *keys, const uint8_t fresh[SO_TLS_TICKET_FRESH_LEN],
                             int64_t now_ms);

// so_tls_ticket_keys_due says that the newest key is too old, or that there is none.
bool so_tls_ticket_keys_due(const so_tls_ticket_keys *keys, int64_t now_ms);

// so_tls_ticket_keys_replace makes a new key; the newest becomes the previous one.
void so_tls_ticket_keys_replace(so_tls_ticket_keys *keys,
                                const uint8_t fresh[SO_TLS_TICKET_FRESH_LEN], int64_t now_ms);

// The session in a server's ticket.
typedef struct so_tls_ticket {
  uint16_t suite;
  uint8_t psk[SO_TLS_SECRET_LEN_MAX];
  uint8_t psk_len;
  int64_t issued_ms;
  uint32_t age_add;
} so_tls_ticket;

// so_tls_ticket_seal appends a sealed ticket. NOT_FOUND: no key. `nonce` is fresh entropy.
SO_MUST_USE so_status so_tls_ticket_seal(const so_tls_ticket_keys *keys, const so_cpu *cpu,
                                         const so_tls_ticket *ticket, const uint8_t nonce[12],
                                         so_writer *out);

// so_tls_ticket_open reads a ticket back. NOT_FOUND: not one of ours, or its key is gone; DENIED:
// altered. Does not look at the age.
SO_MUST_USE so_status so_tls_ticket_open(const so_tls_ticket_keys *keys, const so_cpu *cpu,
                                         so_bytes sealed, so_tls_ticket *out);

// so_tls_ticket_fresh judges the age: not older than it may be, and the client knows that age.
bool so_tls_ticket_fresh(const so_tls_ticket *ticket, uint32_t obfuscated_age, int64_t now_ms);

// The session that a client keeps. Secret. `binding` ties it to whom the client then trusted, and
// for what: resumption skips the certificate.
typedef struct so_tls_session {
  uint16_t suite;
  uint8_t psk[SO_TLS_SECRET_LEN_MAX];
  uint8_t psk_len;
  uint8_t binding[32];
  int64_t not_after_s;  // Of the certificate that the server once showed.
  int64_t received_ms;
  uint32_t lifetime_s;
  uint32_t age_add;
  uint16_t ticket_len;
  uint8_t ticket[SO_TLS_TICKET_LEN_MAX];
} so_tls_session;

// so_tls_session_usable says whether the ticket is still good at `now_ms`.
bool so_tls_session_usable(const so_tls_session *session, int64_t now_ms);

// so_tls_session_write and _parse: the form in which a session is stored.
void so_tls_session_write(const so_tls_session *session, so_writer *out);
SO_MUST_USE so_status so_tls_session_parse(so_bytes in, so_tls_session *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_TICKET_TICKET_H_
