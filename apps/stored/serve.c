#include "apps/stored/serve.h"

#include "apps/lib/http_server/http_server.h"
#include "apps/lib/tls_stream/tls_stream.h"
#include "apps/stored/routes.h"

// What all connections share. Lives in so_serve's frame, which waits for them.
typedef struct service {
  so_server *server;
  const so_serve_config *config;
  so_tls_ticket_keys ticket_keys;
  so_tls_server_options tls;
  so_http_server_config http;
  so_routes_context routes;
  so_event ended;  // A connection ended.
} service;

typedef struct connection {
  service *service;
  so_stream stream;
} connection;

static void run_connection(void *arg) {
  connection *c = arg;
  service *s = c->service;
  const so_world *world = s->server->world;
  so_stream tls;
  so_tls_failure why;
  const uint64_t deadline = so_clock_now(&world->clock) + SO_SERVE_HANDSHAKE_NS;
  if (so_ok(so_tls_stream_server(world, &s->tls, c->stream, deadline, &tls, &why))) {
    so_http_serve(world, &s->http, tls);
    // The peer may be gone: its answer to our close_notify is not waited for.
    const uint64_t soon = so_clock_now(&world->clock) + SO_NS_PER_S;
    (void)so_stream_shutdown(&tls, soon).code;
    so_stream_close(&tls);
  }
  so_heap_free(world->heap, c, sizeof *c);
  s->server->stats.connections--;
  so_event_signal(world->sched, &s->ended);
}

static void start_connection(service *s, so_stream stream) {
  const so_world *world = s->server->world;
  connection *c = so_heap_alloc_array(world->heap, 1, sizeof *c);
  if (c == NULL) {
    so_stream_close(&stream);
    return;
  }
  c->service = s;
  c->stream = stream;
  s->server->stats.connections++;
  if (!so_ok(so_fiber_spawn(world->sched, "connection", run_connection, c))) {
    s->server->stats.connections--;
    so_heap_free(world->heap, c, sizeof *c);
    so_stream_close(&stream);
  }
}

// accept_all takes connections until the scheduler stops. At the limit the next ones wait in the
// listener's queue until one ends.
static void accept_all(service *s, const so_listener *listener) {
  const so_world *world = s->server->world;
  while (!so_sched_stopping(world->sched)) {
    so_stream stream;
    so_endpoint peer;
    if (s->server->stats.connections >= SO_SERVE_CONNECTIONS_MAX) {
      const uint64_t later = so_clock_now(&world->clock) + SO_NS_PER_S;
      (void)so_event_wait(world->sched, &s->ended, later).code;
      continue;
    }
    const so_status status = so_listener_accept(listener, SO_NEVER, &stream, &peer);
    if (so_ok(status)) {
      so_tls_ticket_keys_rotate(&s->ticket_keys, world);
      start_connection(s, stream);
    }
  }
}

static void drain(service *s) {
  const so_world *world = s->server->world;
  const uint64_t deadline = so_clock_now(&world->clock) + SO_SERVE_DRAIN_NS;
  while (s->server->stats.connections != 0) {
    if (!so_ok(so_event_wait(world->sched, &s->ended, deadline))) {
      break;
    }
  }
}

bool so_serve(so_server *server, const so_serve_config *config, const so_listener *listener) {
  const so_world *world = server->world;
  service *s = so_heap_alloc_array(world->heap, 1, sizeof *s);
  if (s == NULL) {
    return true;
  }
  s->server = server;
  s->config = config;
  so_tls_ticket_keys_fresh(&s->ticket_keys, world);
  s->tls.identities = &config->identity->tls;
  s->tls.identity_count = 1;
  s->tls.ticket_keys = &s->ticket_keys;
  s->tls.alpn[0] = so_str("http/1.1");
  s->tls.alpn_count = 1;
  s->routes = (so_routes_context){server, config->quiet};
  s->http.handle = so_routes_handle;
  s->http.refuse = so_routes_refuse;
  s->http.ctx = &s->routes;
  accept_all(s, listener);
  drain(s);
  if (server->stats.connections != 0) {
    return false;
  }
  so_heap_free(world->heap, s, sizeof *s);
  return true;
}
