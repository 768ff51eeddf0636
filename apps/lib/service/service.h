#ifndef SO_APPS_LIB_SERVICE_SERVICE_H_
#define SO_APPS_LIB_SERVICE_SERVICE_H_

// Accepting connections, one fiber each, and serving HTTP on them, plainly or inside of what `wrap`
// puts around the stream (TLS: tls.h). A program that is not to hold TLS gives no wrap and links
// none.

#include "apps/lib/http_server/http_server.h"
#include "apps/lib/place/place.h"

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

typedef struct so_service_listeners {
  so_listener at[SO_PLACES_MAX];
  so_place places[SO_PLACES_MAX];  // Their ports are those that the listeners really have.
  size_t count;
} so_service_listeners;

// so_service_listen listens at every place. On failure a sentence about the first that could not be
// listened on is appended, and none is left open.
SO_MUST_USE so_status so_service_listen(const so_world *world, const so_places *places,
                                        so_service_listeners *out, so_buf *out_error);
void so_service_close(so_service_listeners *listeners);

// so_service_write_urls appends a line for each, "WHAT SCHEME://HOST:PORT", with a newline between.
void so_service_write_urls(const so_service_listeners *listeners, const char *what,
                           const char *scheme, so_buf *out);

// so_service_run serves at all of them until the scheduler stops. True: every connection has ended.
// False: some would not in time and still use `config` and what it points to, which must then be
// left alone until the process exits. Without memory it says so, stops the scheduler and returns.
bool so_service_run(const so_world *world, const so_service_config *config,
                    const so_service_listeners *listeners);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_SERVICE_SERVICE_H_
