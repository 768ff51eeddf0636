#ifndef SO_APPS_LIB_SERVICE_TLS_H_
#define SO_APPS_LIB_SERVICE_TLS_H_

// TLS around the connections of a service: the wrap of so_service_config.

#include "apps/lib/tls_stream/tls_stream.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_service_tls {
  so_tls_ticket_keys ticket_keys;
  so_tls_server_options options;
  so_cpu cpu;
} so_service_tls;

// so_service_tls_init sets up TLS with `identity`, which must outlive it, and fresh ticket keys.
// `out` must not move afterwards.
void so_service_tls_init(const so_world *world, const so_tls_identity *identity,
                         so_service_tls *out);

// so_service_tls_wrap is the function for so_service_config.wrap; its ctx is an so_service_tls.
SO_MUST_USE so_status so_service_tls_wrap(void *ctx, const so_world *world, so_stream below,
                                          uint64_t deadline_ns, so_stream *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_SERVICE_TLS_H_
