#ifndef SO_APPS_LIB_IDENTITY_IDENTITY_H_
#define SO_APPS_LIB_IDENTITY_IDENTITY_H_

// A server's key and certificates: made (self-signed), read from PEM, or kept as one record.
//
// An so_identity holds pointers into itself: it must not move once it was filled. The owner wipes
// its key (so_private_key_wipe).

#include "kernel/ports/world.h"
#include "tls/engine/engine.h"
#include "tls/x509/x509.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IDENTITY_CHAIN_MAX 4
#define SO_IDENTITY_DER_LEN_MAX 16384  // Of all certificates.
#define SO_IDENTITY_CERT_LEN_MAX 4096  // Of one that we make.
#define SO_IDENTITY_RECORD_LEN_MAX (SO_IDENTITY_DER_LEN_MAX + SO_KEY_PKCS8_LEN_MAX + 16)
#define SO_IDENTITY_PEM_LEN_MAX 65536
#define SO_IDENTITY_NAMES_MAX 24
#define SO_IDENTITY_VALID_S (INT64_C(3650) * 86400)

typedef struct so_identity {
  so_tls_identity tls;
  so_bytes chain[SO_IDENTITY_CHAIN_MAX];
  size_t der_len;
  uint8_t der[SO_IDENTITY_DER_LEN_MAX];
  uint8_t fingerprint[SO_X509_FINGERPRINT_LEN];  // Of the first certificate.
} so_identity;

typedef struct so_identity_request {
  so_bytes common_name;
  so_bytes names[SO_IDENTITY_NAMES_MAX];  // Host names and addresses; wildcard addresses and
  size_t name_count;                      // repetitions are left out, localhost is added.
} so_identity_request;

// so_identity_make makes a key and a certificate of its own, valid from now.
SO_MUST_USE so_status so_identity_make(const so_world *world, const so_identity_request *request,
                                       so_identity *out);

// so_identity_write appends a record: varbytes PKCS#8 key, varbytes DER of the first certificate.
// so_identity_read reads one. CORRUPT, or as the key is refused.
void so_identity_write(const so_identity *identity, so_writer *w);
SO_MUST_USE so_status so_identity_read(so_bytes record, so_identity *out);

// so_identity_read_pem takes the certificates of `chain`, the server's own first, and its key.
// NOT_FOUND: a text holds none; CONFLICT: the key is not the first certificate's; MALFORMED,
// UNSUPPORTED, LIMIT.
SO_MUST_USE so_status so_identity_read_pem(so_bytes chain, so_bytes key, so_identity *out);

// so_identity_load_pem reads two texts of the world by name; when the certificate is not there it
// makes an identity by `request` and writes both. `*out_made` says which.
SO_MUST_USE so_status so_identity_load_pem(const so_world *world, so_bytes chain_name,
                                           so_bytes key_name, const so_identity_request *request,
                                           so_identity *out, bool *out_made);

// so_identity_covers: does the certificate name the host that the server listens on?
bool so_identity_covers(const so_identity *identity, so_bytes host);

// so_identity_write_pem appends the first certificate in PEM.
void so_identity_write_pem(const so_identity *identity, so_buf *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_IDENTITY_IDENTITY_H_
