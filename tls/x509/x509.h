#ifndef SO_TLS_X509_X509_H_
#define SO_TLS_X509_X509_H_

// X.509 certificates (RFC 5280): parsing, verification of chains and names (RFC 9525), and making
// self-signed ones.
//
// Invariants:
//   - Parsing is strict DER; a certificate has one encoding.
//   - Verification starts at SO_X509_NOT_DONE and ends at SO_X509_VERIFIED or at the reason of the
//     failure. Nothing else means success: a result that was forgotten does not pass for one.
//   - A trust anchor is trusted as a key with the constraints of its certificate: dates, CA bits,
//     path length, usage and name constraints of anchors hold, too. Its signature is not checked.
//   - An end-entity certificate that is itself a trust anchor, byte for byte, needs no issuer; its
//     dates, usage and names are still checked.
//   - The common name is never looked at for names.
// Ownership: an so_x509 views the DER that it was parsed from.
// Limits: see the constants. They bound the work of one verification: at most
// SO_X509_SIGNATURES_MAX signatures, SO_X509_COMPARISONS_MAX comparisons of names.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"
#include "crypto/cpu/cpu.h"
#include "tls/key/key.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_X509_LEN_MAX 65536          // Bytes of one certificate; usual ones have 400 to 2000.
#define SO_X509_SERIAL_LEN_MAX 21      // 20 octets (RFC 5280 4.1.2.2) and one a common mistake adds.
#define SO_X509_EXTENSIONS_MAX 32      // Of one certificate; usual ones have 3 to 10.
#define SO_X509_CHAIN_COUNT_MAX 16     // Certificates that a peer presents.
#define SO_X509_ANCHORS_MAX 512        // Public bundles have about 150.
#define SO_X509_DEPTH_MAX 8            // Certificates of a path, anchor included.
#define SO_X509_SIGNATURES_MAX 32      // Checked in one verification.
#define SO_X509_COMPARISONS_MAX 65536  // Of names with constraints, in one verification.
#define SO_X509_NAMES_MAX 64           // Of a certificate that we make.
#define SO_X509_NAME_LEN_MAX 253       // Of a DNS name in text form.
#define SO_X509_FINGERPRINT_LEN 32
// Room for what so_x509_self_sign emits beside 5 bytes and the text of each name.
#define SO_X509_MADE_LEN 768

// --- names ----------------------------------------------------------------------------------

typedef enum so_x509_name_kind {
  SO_X509_NAME_DNS = 1,
  SO_X509_NAME_IP,
} so_x509_name_kind;

// A host as the user named it, or one name of a certificate.
typedef struct so_x509_name {
  so_x509_name_kind kind;
  so_bytes dns;    // Borrowed text, without a trailing dot.
  uint8_t ip[16];  // Network order.
  uint8_t ip_len;  // 4 or 16.
} so_x509_name;

// so_x509_name_read takes an IPv4 address in dotted form, an IPv6 address without brackets or
// zone, or a DNS name in ASCII (one trailing dot is dropped). MALFORMED: none of these.
SO_MUST_USE so_status so_x509_name_read(so_bytes text, so_x509_name *out);

// --- certificates ---------------------------------------------------------------------------

// Key usage bits (RFC 5280 4.2.1.3).
#define SO_X509_DIGITAL_SIGNATURE 0x0001
#define SO_X509_KEY_CERT_SIGN 0x0020

// Extended key usages that we know, as bits.
#define SO_X509_SERVER_AUTH 0x01
#define SO_X509_CLIENT_AUTH 0x02
#define SO_X509_ANY_USAGE 0x04

typedef struct so_x509 {
  so_bytes der;
  so_bytes tbs;      // What the signature covers.
  so_bytes serial;   // Big-endian; not negative.
  so_bytes issuer;   // Encodings of the names, compared as bytes.
  so_bytes subject;
  int64_t not_before_s;
  int64_t not_after_s;  // Still valid in this second.
  so_bytes spki;        // Encoding of the public key, for pinning.
  so_public_key key;
  so_signature_alg signature_alg;
  so_bytes signature;

  // Extensions. Views are empty for those that are absent.
  so_bytes alt_names;            // Content of SubjectAltName, see so_x509_alt_name_next.
  so_bytes permitted;            // Contents of NameConstraints, checked for their form.
  so_bytes excluded;
  so_bytes subject_key_id;
  so_bytes authority_key_id;
  bool has_basic_constraints;
  bool is_ca;
  bool has_path_len;
  uint32_t path_len;
  bool has_key_usage;
  uint16_t key_usage;            // Bit 0 of the standard is 0x0001.
  bool has_extended_key_usage;
  uint8_t extended_key_usage;    // Of the ones that we know.
  bool has_name_constraints;
  bool unknown_critical;         // A critical extension, or a part of one, that we do not know.
} so_x509;

// Why a certificate or a chain was refused. Reasons are also the `detail` of a failed status.
typedef enum so_x509_reason {
  SO_X509_NOT_DONE = 0,
  SO_X509_VERIFIED,
  SO_X509_EMPTY_CHAIN,
  SO_X509_CHAIN_TOO_LONG,
  SO_X509_TOO_MANY_ANCHORS,
  SO_X509_BAD_ENCODING,
  SO_X509_BAD_VERSION,
  SO_X509_BAD_EXTENSION,
  SO_X509_DUPLICATE_EXTENSION,
  SO_X509_TOO_LARGE,
  SO_X509_UNKNOWN_CRITICAL,
  SO_X509_UNSUPPORTED_KEY,
  SO_X509_UNSUPPORTED_SIGNATURE,
  SO_X509_NOT_YET_VALID,
  SO_X509_EXPIRED,
  SO_X509_WRONG_NAME,
  SO_X509_WRONG_USAGE,
  SO_X509_UNKNOWN_ISSUER,
  SO_X509_SELF_SIGNED,
  SO_X509_BAD_SIGNATURE,
  SO_X509_ISSUER_NOT_CA,
  SO_X509_PATH_LEN_EXCEEDED,
  SO_X509_NAME_NOT_PERMITTED,
  SO_X509_PATH_TOO_LONG,
  SO_X509_TOO_MUCH_WORK,
  SO_X509_REASON_COUNT,
} so_x509_reason;

// so_x509_reason_text returns a sentence for people; never NULL.
const char *so_x509_reason_text(so_x509_reason reason);

// so_x509_reason_alert returns the TLS alert (RFC 8446 6.2) that tells the peer.
uint8_t so_x509_reason_alert(so_x509_reason reason);

// so_x509_parse reads one certificate, to which `*out` then borrows. MALFORMED, UNSUPPORTED (not
// version 3) or LIMIT, with the reason as detail. What is well-formed but of no use to us (keys,
// algorithms, critical extensions) parses, and is refused by the verification.
SO_MUST_USE so_status so_x509_parse(so_bytes der, so_x509 *out);

// so_x509_alt_name_next takes the next DNS or IP name of `*alt_names`, a copy of the view in an
// so_x509; other kinds are passed over. False at the end.
bool so_x509_alt_name_next(so_bytes *alt_names, so_x509_name *out);

// so_x509_matches is true when a name of the certificate covers `name` (RFC 9525): the same IP
// address, the same DNS name, or one whose leftmost label is "*" and stands for one label above at
// least two others.
bool so_x509_matches(const so_x509 *cert, const so_x509_name *name);

// so_x509_fingerprint writes the SHA-256 of the whole certificate.
void so_x509_fingerprint(const so_cpu *cpu, so_bytes der, uint8_t out[SO_X509_FINGERPRINT_LEN]);

// so_x509_chain_read_pem decodes the CERTIFICATE blocks of `text` into `memory` and sets
// chain[0..*count) to views into it. Other blocks are passed over. NOT_FOUND: no certificate.
// LIMIT: more than `cap` or more bytes than `memory` takes. They are not parsed here.
SO_MUST_USE so_status so_x509_chain_read_pem(so_bytes text, so_writer *memory, so_bytes *chain,
                                             size_t cap, size_t *count);

// --- verification ---------------------------------------------------------------------------

typedef enum so_x509_purpose {
  SO_X509_FOR_SERVER = 1,  // The peer is a server.
  SO_X509_FOR_CLIENT,
} so_x509_purpose;

typedef struct so_x509_request {
  const so_cpu *cpu;
  const so_bytes *chain;     // DER, as presented: the end entity first, others in any order.
  size_t chain_count;
  const so_bytes *anchors;   // DER. One that does not parse is never an issuer.
  size_t anchor_count;
  so_x509_purpose purpose;
  const so_x509_name *name;  // NULL: any name will do.
  int64_t now_s;
} so_x509_request;

typedef struct so_x509_result {
  so_x509_reason reason;
  uint8_t depth;        // The place in the path of the certificate refused: 0 is the end entity.
  uint8_t path_count;   // Verified: certificates in the path, anchor included.
  uint8_t signatures;   // Checked, good or bad.
  so_public_key key;    // Verified: the key of the end entity.
} so_x509_result;

// so_x509_verify looks for a path from the end entity to an anchor. OK exactly when
// `out->reason` is SO_X509_VERIFIED; DENIED (also MALFORMED, UNSUPPORTED, LIMIT as of parsing)
// with the reason in `detail` and in `*out`. When several paths fail, the reason is that of the
// one that came nearest.
SO_MUST_USE so_status so_x509_verify(const so_x509_request *request, so_x509_result *out);

// --- self-signed certificates ---------------------------------------------------------------

typedef struct so_x509_template {
  so_bytes common_name;  // Shown by tools, never matched; UTF-8, 1 to 64 bytes.
  const so_x509_name *names;
  size_t name_count;     // At least 1.
  int64_t not_before_s;
  int64_t not_after_s;
  uint8_t serial[16];    // Random. The top bit is cleared, and one set so that it is not zero.
} so_x509_template;

// so_x509_self_sign appends the DER of a certificate for a TLS server, signed with its own key: not
// a CA, key usage digitalSignature, extended usage serverAuth. LIMIT: a count or length is out of
// its bounds, or no room. so_x509_verify and the libraries of OpenSSL and GnuTLS take it as its own
// trust anchor; as it is not a CA, whoever trusts it trusts this one key for these names only.
SO_MUST_USE so_status so_x509_self_sign(const so_cpu *cpu, const so_private_key *key,
                                        const so_x509_template *t, so_writer *w);

#ifdef __cplusplus
}
#endif
#endif  // SO_TLS_X509_X509_H_
