#include "apps/stored/serve.h"

#include "apps/lib/service/tls.h"
#include "apps/stored/routes.h"

// What all connections share.
typedef struct shared {
  so_service_tls tls;
  so_service_config config;
  so_routes_context routes;
} shared;

bool so_serve(so_server *server, const so_serve_config *config,
              const so_service_listeners *listeners) {
  const so_world *world = server->world;
  shared *s = so_heap_alloc_array(world->heap, 1, sizeof *s);
  if (s == NULL) {
    return true;
  }
  so_service_tls_init(world, &config->identity->tls, &s->tls);
  s->routes = (so_routes_context){server, config->quiet};
  s->config = (so_service_config){
      .http = {.handle = so_routes_handle, .refuse = so_routes_refuse, .ctx = &s->routes},
      .wrap = so_service_tls_wrap,
      .wrap_ctx = &s->tls,
      .connections = &server->stats.connections,
  };
  const bool ended = so_service_run(world, &s->config, listeners);
  if (ended) {
    so_heap_free(world->heap, s, sizeof *s);
  }
  return ended;
}
