#ifndef SO_APPS_STORED_IDENTITY_H_
#define SO_APPS_STORED_IDENTITY_H_

// The server's key and certificate. They live in the database itself, so that a server is one disk:
// made at the first start, kept from then on.

#include "apps/stored/options.h"
#include "apps/stored/server.h"
#include "tls/engine/engine.h"
#include "tls/x509/x509.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_IDENTITY_CERT_LEN_MAX 4096
#define SO_IDENTITY_VALID_S (INT64_C(3650) * 86400)

typedef struct so_identity {
  so_tls_identity tls;
  so_bytes chain[1];
  uint8_t cert[SO_IDENTITY_CERT_LEN_MAX];
  uint8_t fingerprint[SO_X509_FINGERPRINT_LEN];
} so_identity;

// so_identity_load reads the identity of the database, or makes and stores one (also when
// `options->new_certificate`). `*out_made` says which. `out` must not move afterwards.
SO_MUST_USE so_status so_identity_load(so_server *s, const so_options *options, so_identity *out,
                                       bool *out_made);

// so_identity_covers: does the certificate name the host that the server listens on?
bool so_identity_covers(const so_identity *identity, so_bytes host);

// so_identity_write_pem appends the certificate in PEM.
void so_identity_write_pem(const so_identity *identity, so_buf *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_IDENTITY_H_
