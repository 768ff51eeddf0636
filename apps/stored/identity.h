#ifndef SO_APPS_STORED_IDENTITY_H_
#define SO_APPS_STORED_IDENTITY_H_

// The server's key and certificate. They live in the database itself, so that a server is one disk:
// made at the first start, kept from then on.

#include "apps/lib/identity/identity.h"
#include "apps/stored/options.h"
#include "apps/stored/server.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_identity_load reads the identity of the database, or makes and stores one (also when
// `options->new_certificate`). `*out_made` says which. `out` must not move afterwards.
SO_MUST_USE so_status so_identity_load(so_server *s, const so_options *options, so_identity *out,
                                       bool *out_made);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_IDENTITY_H_
