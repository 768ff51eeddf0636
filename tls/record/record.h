#ifndef SO_TLS_RECORD_RECORD_H_
#define SO_TLS_RECORD_RECORD_H_

// The record layer of TLS 1.3 (RFC 8446 section 5): heads, sealing and opening, both in place.
//
// A record, as it lies in memory:
//
//   offset      size  field
//   0           1     content type; 23 for every protected record
//   1           2     legacy version, 0x0303
//   3           2     length of what follows
//   5           n     content        \  protected: encrypted together, followed by a
//   5 + n       1     inner type     /  16-byte tag
//
// so_tls_record_keys is one direction of one epoch: flat, secret, wiped when replaced. The nonce
// comes from the counter in it and from nowhere else, so no nonce is used twice.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/aead/aead.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TLS_RECORD_HEAD 5
#define SO_TLS_PLAINTEXT_LEN_MAX 16384
// A protected record beyond its content when we make it: head, inner type, tag.
#define SO_TLS_RECORD_OVERHEAD 22
// The longest record that a peer may send (5.2).
#define SO_TLS_RECORD_LEN_MAX (SO_TLS_RECORD_HEAD + SO_TLS_PLAINTEXT_LEN_MAX + 256)
// The smallest record size limit that may be asked of us (RFC 8449).
#define SO_TLS_RECORD_SIZE_LIMIT_MIN 64

typedef struct so_tls_record_keys {
  bool on;  // Otherwise records of this direction are not protected.
  uint8_t iv[SO_AEAD_NONCE_LEN];
  uint64_t sequence;
  so_aead aead;
} so_tls_record_keys;

typedef struct so_tls_record_head {
  uint8_t type;
  size_t record_len;  // Head included.
} so_tls_record_head;

// so_tls_record_head_parse reads the head of a record. AGAIN: fewer than 5 bytes. Otherwise
// MALFORMED with an alert as detail: an unknown type (unexpected_message), a version that is none
// (protocol_version), or a length that no record may have (record_overflow).
SO_MUST_USE so_status so_tls_record_head_parse(so_bytes in, so_tls_record_head *out);

// so_tls_record_plain writes the head of an unprotected record of `len` content bytes at
// `record`, where the content already lies behind it.
void so_tls_record_plain(uint8_t type, uint8_t *record, size_t len);

// so_tls_record_seal protects the `len` bytes of content at record + SO_TLS_RECORD_HEAD in place
// and completes the record, which then has len + SO_TLS_RECORD_OVERHEAD bytes.
void so_tls_record_seal(so_tls_record_keys *keys, uint8_t type, uint8_t *record, size_t len);

// so_tls_record_open decrypts a whole protected record in place, and sets `*content` to a view
// into it. MALFORMED with an alert as detail: bad_record_mac (nothing readable is left in the
// record, and the counter has not moved), record_overflow for content longer than `limit`,
// unexpected_message for a record of nothing but padding.
SO_MUST_USE so_status so_tls_record_open(so_tls_record_keys *keys, uint8_t *record,
                                         size_t record_len, size_t limit, uint8_t *type,
                                         so_bytes *content);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_RECORD_RECORD_H_
