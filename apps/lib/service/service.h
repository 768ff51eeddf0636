#ifndef SO_APPS_LIB_SERVICE_SERVICE_H_
#define SO_APPS_LIB_SERVICE_SERVICE_H_

// Accepting connections, one fiber each, and serving HTTP on them, plainly or inside of what `wrap`
// puts around the stream (TLS: tls.h). A program that is not to hold TLS gives no wrap and links
// none.

#include "apps/lib/http_server/http_server.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_SERVICE_CONNECTIONS_MAX 1000
#define SO_SERVICE_HANDSHAKE_NS (UINT64_C(20) * SO_NS_PER_S)
// How long a stop waits for answers that are under way.
#define SO_SERVICE_DRAIN_NS (UINT64_C(10) * SO_NS_PER_S)

typedef struct so_service_config {
  so_http_server_config http;
  // Takes `below`; on failure it has closed it. NULL: HTTP without anything around.
  so_status (*wrap)(void *ctx, const so_world *world, so_stream below, uint64_t deadline_ns,
                    so_stream *out);
  void *wrap_ctx;
  uint32_t connections_max;  // 0: SO_SERVICE_CONNECTIONS_MAX.
  uint32_t *connections;     // Counts those that are open, for the owner's statistics; or NULL.
} so_service_config;

// so_service_run serves until the scheduler stops. True: every connection has ended. False: some
// would not in time and still use `config` and what it points to, which must then be left alone
// until the process exits.
bool so_service_run(const so_world *world, const so_service_config *config,
                    const so_listener *listener);

// so_service_address splits ADDR:PORT; an IPv6 address stands in brackets, which are taken off.
// MALFORMED.
SO_MUST_USE so_status so_service_address(so_bytes text, so_bytes *out_host, uint16_t *out_port);

// so_service_listen looks `host` up and listens. On failure a sentence about it is appended.
SO_MUST_USE so_status so_service_listen(const so_world *world, so_bytes host, uint16_t port,
                                        so_listener *out, so_buf *out_error);

// so_service_url appends "SCHEME://HOST:PORT" with the port that `listener` really has.
void so_service_url(const so_listener *listener, const char *scheme, so_bytes host, so_buf *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_SERVICE_SERVICE_H_
