#ifndef SO_APPS_STORED_SERVE_H_
#define SO_APPS_STORED_SERVE_H_

// Accepting connections, one fiber each: TLS, then HTTP, then the handlers.

#include "apps/lib/service/service.h"
#include "apps/stored/identity.h"
#include "apps/stored/server.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_serve_config {
  const so_identity *identity;
  bool quiet;
} so_serve_config;

// so_serve returns once the scheduler stops. True: every connection has ended. False: some would
// not in time and still use `s`, which must then be left alone until the process exits.
bool so_serve(so_server *s, const so_serve_config *config, const so_service_listeners *listeners);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_SERVE_H_
