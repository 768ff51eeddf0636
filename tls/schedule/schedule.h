#ifndef SO_TLS_SCHEDULE_SCHEDULE_H_
#define SO_TLS_SCHEDULE_SCHEDULE_H_

// The key schedule of TLS 1.3 (RFC 8446 section 7) and the cipher suites it depends on.
//
// Functions on byte arrays: every secret is so_hash_len(hash) bytes, at most SO_TLS_SECRET_LEN_MAX.
// The caller owns and wipes them; nothing is kept here.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/cpu/cpu.h"
#include "crypto/hash/hash.h"
#include "tls/record/record.h"
#include "tls/wire/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_tls_suite {
  uint16_t id;
  so_hash_alg hash;
  so_aead_alg aead;
} so_tls_suite;

// so_tls_suite_find returns a suite that we speak, or NULL.
const so_tls_suite *so_tls_suite_find(uint16_t id);

// so_tls_expand_label is HKDF-Expand-Label (7.1): `label` without its "tls13 " prefix.
void so_tls_expand_label(so_hash_alg hash, const so_cpu *cpu, const uint8_t *secret,
                         const char *label, so_bytes context, uint8_t *out, size_t out_len);

// so_tls_derive is Derive-Secret (7.1) with the transcript hashed already.
void so_tls_derive(so_hash_alg hash, const so_cpu *cpu, const uint8_t *secret, const char *label,
                   const uint8_t *transcript_hash, uint8_t *out);

// so_tls_early_secret starts the schedule. No bytes of `psk`: a handshake without one.
void so_tls_early_secret(so_hash_alg hash, const so_cpu *cpu, so_bytes psk, uint8_t *out);

// so_tls_next_secret turns the early into the handshake secret (`ikm`: the shared secret), and the
// handshake into the master secret (no bytes of `ikm`), in place.
void so_tls_next_secret(so_hash_alg hash, const so_cpu *cpu, so_bytes ikm, uint8_t *secret);

// so_tls_binder_key derives the key of binders of resumption from the early secret (4.2.11.2).
void so_tls_binder_key(so_hash_alg hash, const so_cpu *cpu, const uint8_t *early_secret,
                       uint8_t *out);

// so_tls_finished_mac is the verify_data of Finished (4.4.4) and of binders.
void so_tls_finished_mac(so_hash_alg hash, const so_cpu *cpu, const uint8_t *base_key,
                         const uint8_t *transcript_hash, uint8_t *out);

// so_tls_resumption_psk derives the key of a ticket (4.6.1).
void so_tls_resumption_psk(so_hash_alg hash, const so_cpu *cpu, const uint8_t *resumption_secret,
                           so_bytes nonce, uint8_t *out);

// so_tls_update_secret steps a traffic secret, in place (7.2).
void so_tls_update_secret(so_hash_alg hash, const so_cpu *cpu, uint8_t *traffic_secret);

// so_tls_record_keys_init makes the keys of a direction from its traffic secret (7.3).
void so_tls_record_keys_init(so_tls_record_keys *keys, const so_tls_suite *suite,
                             const so_cpu *cpu, const uint8_t *traffic_secret);

// so_tls_exporter derives keying material for `label` and `context` (7.5). LIMIT: `label` is longer
// than 249 bytes, or more than 255 hash lengths are asked for.
SO_MUST_USE so_status so_tls_exporter(so_hash_alg hash, const so_cpu *cpu,
                                      const uint8_t *exporter_secret, so_bytes label,
                                      so_bytes context, uint8_t *out, size_t out_len);

// so_tls_message_hash replaces the hash of a first ClientHello by the synthetic message that stands
// for it after a HelloRetryRequest (4.4.1).
void so_tls_message_hash(so_hash *transcript, const so_cpu *cpu);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_SCHEDULE_SCHEDULE_H_
