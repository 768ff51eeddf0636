#ifndef SO_APPS_STORED_ROUTES_H_
#define SO_APPS_STORED_ROUTES_H_

// From a request to its handler: the table of routes, who may call what, and the request log.

#include "apps/lib/http_server/http_server.h"
#include "apps/stored/server.h"
#include "http/router/router.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_routes_context {
  so_server *server;
  bool quiet;  // No line for each request.
} so_routes_context;

// so_routes_handle and so_routes_refuse are what an so_http_server_config takes; `ctx` is an
// so_routes_context.
so_status so_routes_handle(void *ctx, so_http_exchange *x);
so_status so_routes_refuse(void *ctx, so_http_exchange *x, uint16_t status, const char *why);

// so_routes_table views the table, for the test that holds openapi.json against it.
const so_route *so_routes_table(size_t *out_count);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_STORED_ROUTES_H_
