#include "apps/lib/service/service.h"

#include "base/fmt.h"

// What all connections share.
typedef struct service {
  const so_world *world;
  const so_service_config *config;
  uint32_t connections;
  uint32_t acceptors;
  bool given_up;   // The drain is over: the last to end frees this.
  so_event ended;  // A connection or an acceptor ended.
} service;

typedef struct acceptor {
  service *service;
  so_listener listener;
} acceptor;

typedef struct connection {
  service *service;
  so_stream stream;
} connection;

static void count(service *s, bool more) {
  s->connections = more ? s->connections + 1 : s->connections - 1;
  if (s->config->connections != NULL) {
    *s->config->connections = s->connections;
  }
}

// ended is the last that a fiber does with `s`.
static void ended(service *s) {
  so_event_signal(s->world->sched, &s->ended);
  if (s->given_up && s->connections == 0 && s->acceptors == 0) {
    so_heap_free(s->world->heap, s, sizeof *s);
  }
}

static void serve_stream(service *s, so_stream stream) {
  so_http_serve(s->world, &s->config->http, stream);
  if (s->config->wrap != NULL) {
    // The peer may be gone: its answer to our goodbye is not waited for.
    const uint64_t soon = so_clock_now(&s->world->clock) + SO_NS_PER_S;
    (void)so_stream_shutdown(&stream, soon).code;
  }
  so_stream_close(&stream);
}

static void run_connection(void *arg) {
  connection *c = arg;
  service *s = c->service;
  const so_service_config *config = s->config;
  so_stream stream = c->stream;
  const uint64_t deadline = so_clock_now(&s->world->clock) + SO_SERVICE_HANDSHAKE_NS;
  so_heap_free(s->world->heap, c, sizeof *c);
  if (config->wrap == NULL ||
      so_ok(config->wrap(config->wrap_ctx, s->world, stream, deadline, &stream))) {
    serve_stream(s, stream);
  }
  count(s, false);
  ended(s);
}

static void start_connection(service *s, so_stream stream) {
  connection *c = so_heap_alloc_array(s->world->heap, 1, sizeof *c);
  if (c == NULL) {
    so_stream_close(&stream);
    return;
  }
  c->service = s;
  c->stream = stream;
  count(s, true);
  if (!so_ok(so_fiber_spawn(s->world->sched, "connection", run_connection, c))) {
    count(s, false);
    so_heap_free(s->world->heap, c, sizeof *c);
    so_stream_close(&stream);
  }
}

// accept_all takes connections until the scheduler stops. At the limit the next ones wait in the
// listener's queue until one ends.
static void accept_all(service *s, const so_listener *listener) {
  const uint32_t most =
      s->config->connections_max != 0 ? s->config->connections_max : SO_SERVICE_CONNECTIONS_MAX;
  while (!so_sched_stopping(s->world->sched)) {
    so_stream stream;
    so_endpoint peer;
    if (s->connections >= most) {
      const uint64_t later = so_clock_now(&s->world->clock) + SO_NS_PER_S;
      (void)so_event_wait(s->world->sched, &s->ended, later).code;
    } else if (so_ok(so_listener_accept(listener, SO_NEVER, &stream, &peer))) {
      start_connection(s, stream);
    }
  }
}

static void run_acceptor(void *arg) {
  acceptor *a = arg;
  service *s = a->service;
  accept_all(s, &a->listener);
  so_heap_free(s->world->heap, a, sizeof *a);
  s->acceptors--;
  ended(s);
}

static bool start_acceptor(service *s, const so_listener *listener) {
  acceptor *a = so_heap_alloc_array(s->world->heap, 1, sizeof *a);
  if (a == NULL) {
    return false;
  }
  *a = (acceptor){s, *listener};
  s->acceptors++;
  if (!so_ok(so_fiber_spawn(s->world->sched, "listener", run_acceptor, a))) {
    s->acceptors--;
    so_heap_free(s->world->heap, a, sizeof *a);
    return false;
  }
  return true;
}

static bool drain(service *s) {
  const uint64_t deadline = so_clock_now(&s->world->clock) + SO_SERVICE_DRAIN_NS;
  while (s->connections != 0 || s->acceptors != 0) {
    if (!so_ok(so_event_wait(s->world->sched, &s->ended, deadline))) {
      break;
    }
  }
  return s->connections == 0 && s->acceptors == 0;
}

static void give_up(const so_world *world) {
  so_console_write(&world->console, so_str("there is not enough memory to serve\n"));
  so_sched_stop(world->sched);
}

bool so_service_run(const so_world *world, const so_service_config *config,
                    const so_service_listeners *listeners) {
  service *s = so_heap_alloc_array(world->heap, 1, sizeof *s);
  if (s == NULL) {
    give_up(world);
    return true;
  }
  s->world = world;
  s->config = config;
  for (size_t i = 1; i < listeners->count; i++) {
    if (!start_acceptor(s, &listeners->at[i])) {
      give_up(world);
      break;
    }
  }
  accept_all(s, &listeners->at[0]);
  if (!drain(s)) {
    s->given_up = true;  // What is left still uses it.
    return false;
  }
  so_heap_free(world->heap, s, sizeof *s);
  return true;
}

// --- listening -----------------------------------------------------------------------------------

static so_status listen_at(const so_world *world, so_place *place, so_listener *out) {
  so_endpoint at;
  SO_TRY(so_place_resolve(world, place, SO_NEVER, &at));
  SO_TRY(world->net.listen(world->net.ctx, &at, out));
  if (so_ok(so_listener_local(out, &at))) {
    place->port = at.port;
  }
  return so_done();
}

so_status so_service_listen(const so_world *world, const so_places *places,
                            so_service_listeners *out, so_buf *out_error) {
  for (out->count = 0; out->count < places->count; out->count++) {
    so_place *const place = &out->places[out->count];
    *place = places->at[out->count];
    const so_status status = listen_at(world, place, &out->at[out->count]);
    if (!so_ok(status)) {
      so_place_refused(place, status, out_error);
      so_service_close(out);
      return status;
    }
  }
  return so_done();
}

void so_service_close(so_service_listeners *listeners) {
  while (listeners->count != 0) {
    so_listener_close(&listeners->at[--listeners->count]);
  }
}

void so_service_write_urls(const so_service_listeners *listeners, const char *what,
                           const char *scheme, so_buf *out) {
  for (size_t i = 0; i < listeners->count; i++) {
    so_buf_printf(out, "%s%s %s://", i != 0 ? "\n" : "", what, scheme);
    so_place_write(&listeners->places[i], out);
  }
}
