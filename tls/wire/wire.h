#ifndef SO_TLS_WIRE_WIRE_H_
#define SO_TLS_WIRE_WIRE_H_

// The messages of the TLS 1.3 handshake (RFC 8446 section 4): numbers, parsers and writers.
//
// A parser takes the body of one message (without the 4-byte header) and gives views into it;
// lists are checked whole, so that walking them later cannot fail. A writer appends the whole
// message, header included; it trusts its input, and too little room shows in the writer.
//
// Errors: in all of tls/, the `detail` of a failed status is the alert that the failure deserves
// (SO_TLS_ALERT_*). MALFORMED is a breach of the encoding or of a MUST, UNSUPPORTED a feature that
// we lack.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TLS_VERSION_1_2 0x0303
#define SO_TLS_VERSION_1_3 0x0304

// Limits of ours, beside those of the encodings.
#define SO_TLS_ALPN_COUNT_MAX 4
#define SO_TLS_SERVER_NAME_LEN_MAX 255
#define SO_TLS_EXTENSIONS_MAX 64    // In one message.
#define SO_TLS_CHAIN_COUNT_MAX 16   // Certificates in one message.
#define SO_TLS_PUBLIC_KEY_LEN_MAX 65
#define SO_TLS_SECRET_LEN_MAX 48    // SHA-384 is the longest hash of a suite.
#define SO_TLS_SIGNATURE_LEN_MAX 80
#define SO_TLS_MESSAGE_HEAD 4

// Content types (5.1).
#define SO_TLS_CONTENT_CCS 20
#define SO_TLS_CONTENT_ALERT 21
#define SO_TLS_CONTENT_HANDSHAKE 22
#define SO_TLS_CONTENT_DATA 23

// Handshake types (4).
#define SO_TLS_CLIENT_HELLO 1
#define SO_TLS_SERVER_HELLO 2
#define SO_TLS_NEW_SESSION_TICKET 4
#define SO_TLS_END_OF_EARLY_DATA 5
#define SO_TLS_ENCRYPTED_EXTENSIONS 8
#define SO_TLS_CERTIFICATE 11
#define SO_TLS_CERTIFICATE_REQUEST 13
#define SO_TLS_CERTIFICATE_VERIFY 15
#define SO_TLS_FINISHED 20
#define SO_TLS_KEY_UPDATE 24
#define SO_TLS_MESSAGE_HASH 254

// Cipher suites (B.4), groups (4.2.7) and signature schemes (4.2.3) that we speak.
#define SO_TLS_AES_128_GCM_SHA256 0x1301
#define SO_TLS_AES_256_GCM_SHA384 0x1302
#define SO_TLS_CHACHA20_POLY1305_SHA256 0x1303
#define SO_TLS_SUITE_COUNT 3
#define SO_TLS_SECP256R1 0x0017
#define SO_TLS_X25519 0x001d
#define SO_TLS_GROUP_COUNT 2
#define SO_TLS_ECDSA_SECP256R1_SHA256 0x0403
#define SO_TLS_ED25519 0x0807

// Extensions (4.2).
#define SO_TLS_EXT_SERVER_NAME 0
#define SO_TLS_EXT_SUPPORTED_GROUPS 10
#define SO_TLS_EXT_SIGNATURE_ALGORITHMS 13
#define SO_TLS_EXT_ALPN 16
#define SO_TLS_EXT_RECORD_SIZE_LIMIT 28
#define SO_TLS_EXT_PRE_SHARED_KEY 41
#define SO_TLS_EXT_EARLY_DATA 42
#define SO_TLS_EXT_SUPPORTED_VERSIONS 43
#define SO_TLS_EXT_COOKIE 44
#define SO_TLS_EXT_PSK_MODES 45
#define SO_TLS_EXT_KEY_SHARE 51

// Alerts (6).
#define SO_TLS_ALERT_CLOSE_NOTIFY 0
#define SO_TLS_ALERT_UNEXPECTED_MESSAGE 10
#define SO_TLS_ALERT_BAD_RECORD_MAC 20
#define SO_TLS_ALERT_RECORD_OVERFLOW 22
#define SO_TLS_ALERT_HANDSHAKE_FAILURE 40
#define SO_TLS_ALERT_BAD_CERTIFICATE 42
#define SO_TLS_ALERT_UNSUPPORTED_CERTIFICATE 43
#define SO_TLS_ALERT_CERTIFICATE_REVOKED 44
#define SO_TLS_ALERT_CERTIFICATE_EXPIRED 45
#define SO_TLS_ALERT_CERTIFICATE_UNKNOWN 46
#define SO_TLS_ALERT_ILLEGAL_PARAMETER 47
#define SO_TLS_ALERT_UNKNOWN_CA 48
#define SO_TLS_ALERT_ACCESS_DENIED 49
#define SO_TLS_ALERT_DECODE_ERROR 50
#define SO_TLS_ALERT_DECRYPT_ERROR 51
#define SO_TLS_ALERT_PROTOCOL_VERSION 70
#define SO_TLS_ALERT_INSUFFICIENT_SECURITY 71
#define SO_TLS_ALERT_INTERNAL_ERROR 80
#define SO_TLS_ALERT_USER_CANCELED 90
#define SO_TLS_ALERT_MISSING_EXTENSION 109
#define SO_TLS_ALERT_UNSUPPORTED_EXTENSION 110
#define SO_TLS_ALERT_UNRECOGNIZED_NAME 112
#define SO_TLS_ALERT_CERTIFICATE_REQUIRED 116
#define SO_TLS_ALERT_NO_APPLICATION_PROTOCOL 120

// so_tls_fault makes a status out of the alert that it deserves.
so_status so_tls_fault(uint8_t alert);

// --- lists ----------------------------------------------------------------------------------

// so_tls_list16_has looks for `value` in a checked list of 16-bit numbers.
bool so_tls_list16_has(so_bytes list, uint16_t value);

// so_tls_list8_next takes the first entry off a checked list of byte strings with 1-byte lengths;
// so_tls_share_next the first off a list of key shares. False at the end.
bool so_tls_list8_next(so_bytes *list, so_bytes *entry);
bool so_tls_share_next(so_bytes *list, uint16_t *group, so_bytes *key);

// Walks an extensions block, refusing a type that comes twice. Used by the parsers of messages.
typedef struct so_tls_extensions {
  so_reader in;
  uint16_t seen[SO_TLS_EXTENSIONS_MAX];
  size_t count;
} so_tls_extensions;

// so_tls_extensions_open begins the block that `r` stands on; MALFORMED.
SO_MUST_USE so_status so_tls_extensions_open(so_tls_extensions *e, so_reader *r);
// so_tls_extensions_next sets `*body` to the next extension; `*more` is false at the end.
SO_MUST_USE so_status so_tls_extensions_next(so_tls_extensions *e, bool *more, uint16_t *type,
                                             so_reader *body);

// --- ClientHello ----------------------------------------------------------------------------

typedef struct so_tls_client_hello {
  uint16_t legacy_version;
  so_bytes random;
  so_bytes session_id;
  so_bytes suites;        // Numbers of 16 bits, as below.
  bool compression_null;  // The only method offered is "null", as 1.3 demands.
  // Extensions: with `ptr` NULL for those that are absent.
  so_bytes server_name;   // The host name.
  so_bytes groups;
  so_bytes signature_schemes;
  so_bytes versions;
  so_bytes psk_modes;     // Numbers of 8 bits.
  so_bytes alpn;          // Names with 1-byte lengths.
  so_bytes shares;        // Key shares; may be empty yet present.
  so_bytes cookie;
  uint16_t record_size_limit;  // 0: absent.
  bool early_data;
  so_bytes psk_identities;     // See so_tls_psk_next.
  so_bytes psk_binders;        // Names with 1-byte lengths: as many as identities.
  size_t binders_len;          // Of the binders and their 2-byte length, at the message's end.
} so_tls_client_hello;

SO_MUST_USE so_status so_tls_client_hello_parse(so_bytes body, so_tls_client_hello *out);

// so_tls_psk_next takes the first identity off the list. False at the end.
bool so_tls_psk_next(so_bytes *list, so_bytes *identity, uint32_t *obfuscated_age);

// so_tls_client_hello_write emits what `hello` holds, one share per entry of `shares` (encoded as a
// list), and for `binders_len` > 0 a pre_shared_key extension with `psk_identities` (encoded) and
// `psk_binders` (encoded, or zeros of the right length to be filled in later) at the end.
void so_tls_client_hello_write(const so_tls_client_hello *hello, so_writer *out);

// so_tls_write_share appends an entry of a share list; so_tls_write_psk one of an identity list.
void so_tls_write_share(uint16_t group, so_bytes key, so_writer *out);
void so_tls_write_psk(so_bytes identity, uint32_t obfuscated_age, so_writer *out);

// --- ServerHello and HelloRetryRequest ------------------------------------------------------

#define SO_TLS_NO_PSK UINT32_MAX

typedef struct so_tls_server_hello {
  bool retry;          // A HelloRetryRequest, told by its random.
  uint16_t legacy_version;
  so_bytes random;     // Ignored by the writer of a retry.
  so_bytes session_id;
  uint16_t suite;
  uint16_t version;    // 0: no supported_versions.
  uint16_t group;      // 0: no key_share.
  so_bytes share;      // Not in a retry.
  uint32_t psk;        // Index, or SO_TLS_NO_PSK.
  so_bytes cookie;     // Only in a retry; `ptr` NULL: absent.
} so_tls_server_hello;

// so_tls_server_hello_parse also fails for a server that speaks an older version: protocol_version,
// or illegal_parameter when the random says that somebody forced that (4.1.3).
SO_MUST_USE so_status so_tls_server_hello_parse(so_bytes body, so_tls_server_hello *out);
void so_tls_server_hello_write(const so_tls_server_hello *hello, so_writer *out);

// --- EncryptedExtensions --------------------------------------------------------------------

typedef struct so_tls_encrypted_extensions {
  bool server_name;            // The server took the name into account.
  so_bytes alpn;               // The name chosen; no bytes: none.
  uint16_t record_size_limit;  // 0: absent.
} so_tls_encrypted_extensions;

SO_MUST_USE so_status so_tls_encrypted_extensions_parse(so_bytes body,
                                                        so_tls_encrypted_extensions *out);
void so_tls_encrypted_extensions_write(const so_tls_encrypted_extensions *ee, so_writer *out);

// --- Certificate, CertificateVerify, CertificateRequest --------------------------------------

typedef struct so_tls_certificate {
  so_bytes context;
  so_bytes chain[SO_TLS_CHAIN_COUNT_MAX];  // DER, the end entity first.
  size_t count;
} so_tls_certificate;

// so_tls_certificate_parse refuses extensions of entries: we ask for none. More certificates than
// SO_TLS_CHAIN_COUNT_MAX are LIMIT, bad_certificate.
SO_MUST_USE so_status so_tls_certificate_parse(so_bytes body, so_tls_certificate *out);
void so_tls_certificate_write(so_bytes context, const so_bytes *chain, size_t count,
                              so_writer *out);

typedef struct so_tls_certificate_verify {
  uint16_t scheme;
  so_bytes signature;
} so_tls_certificate_verify;

SO_MUST_USE so_status so_tls_certificate_verify_parse(so_bytes body,
                                                      so_tls_certificate_verify *out);
void so_tls_certificate_verify_write(const so_tls_certificate_verify *verify, so_writer *out);

// The length of what is signed (4.4.3), for a hash of `hash_len` bytes.
#define SO_TLS_SIGNED_LEN(hash_len) (64 + 33 + 1 + (hash_len))
#define SO_TLS_SIGNED_LEN_MAX SO_TLS_SIGNED_LEN(SO_TLS_SECRET_LEN_MAX)
// so_tls_signed_content writes what the server's CertificateVerify signs.
void so_tls_signed_content(so_bytes transcript_hash, so_writer *out);

// so_tls_certificate_request_parse: MALFORMED, also without signature_algorithms. A context is
// refused, as only requests after the handshake have one.
SO_MUST_USE so_status so_tls_certificate_request_parse(so_bytes body);
void so_tls_certificate_request_write(so_bytes schemes, so_writer *out);

// --- Finished, NewSessionTicket, KeyUpdate ----------------------------------------------------

SO_MUST_USE so_status so_tls_finished_parse(so_bytes body, size_t hash_len, so_bytes *out);
void so_tls_finished_write(so_bytes verify_data, so_writer *out);

typedef struct so_tls_new_ticket {
  uint32_t lifetime_s;
  uint32_t age_add;
  so_bytes nonce;
  so_bytes ticket;
} so_tls_new_ticket;

SO_MUST_USE so_status so_tls_new_ticket_parse(so_bytes body, so_tls_new_ticket *out);
void so_tls_new_ticket_write(const so_tls_new_ticket *ticket, so_writer *out);

SO_MUST_USE so_status so_tls_key_update_parse(so_bytes body, bool *ask);
void so_tls_key_update_write(bool ask, so_writer *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_WIRE_WIRE_H_
