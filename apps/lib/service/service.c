#include "apps/lib/service/service.h"

#include "base/fmt.h"

// What all connections share.
typedef struct service {
  const so_world *world;
  const so_service_config *config;
  uint32_t connections;
  so_event ended;  // A connection ended.
} service;

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
  so_event_signal(s->world->sched, &s->ended);
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

static bool drain(service *s) {
  const uint64_t deadline = so_clock_now(&s->world->clock) + SO_SERVICE_DRAIN_NS;
  while (s->connections != 0) {
    if (!so_ok(so_event_wait(s->world->sched, &s->ended, deadline))) {
      break;
    }
  }
  return s->connections == 0;
}

bool so_service_run(const so_world *world, const so_service_config *config,
                    const so_listener *listener) {
  service *s = so_heap_alloc_array(world->heap, 1, sizeof *s);
  if (s == NULL) {
    return true;
  }
  s->world = world;
  s->config = config;
  accept_all(s, listener);
  if (!drain(s)) {
    return false;  // Its connections still use `s`.
  }
  so_heap_free(world->heap, s, sizeof *s);
  return true;
}

// --- addresses -----------------------------------------------------------------------------------

so_status so_service_address(so_bytes text, so_bytes *out_host, uint16_t *out_port) {
  size_t colon = text.len;
  uint64_t port;
  for (size_t i = 0; i < text.len; i++) {
    colon = text.ptr[i] == ':' ? i : colon;
  }
  if (colon == text.len || !so_ok(so_parse_u64(so_bytes_from(text, colon + 1), &port)) ||
      port > UINT16_MAX) {
    return so_status_make(SO_MALFORMED, 0);
  }
  so_bytes host = so_bytes_first(text, colon);
  if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
    host = so_bytes_of(host.ptr + 1, host.len - 2);
  } else if (so_bytes_find(host, ':') != host.len) {
    return so_status_make(SO_MALFORMED, 0);
  }
  *out_host = host;
  *out_port = (uint16_t)port;
  return host.len != 0 ? so_done() : so_status_make(SO_MALFORMED, 0);
}

so_status so_service_listen(const so_world *world, so_bytes host, uint16_t port, so_listener *out,
                            so_buf *out_error) {
  so_endpoint at;
  const so_net *net = &world->net;
  so_status status = net->resolve(net->ctx, host, SO_NEVER, &at);
  if (so_ok(status)) {
    at.port = port;
    status = net->listen(net->ctx, &at, out);
  }
  if (!so_ok(status)) {
    so_buf_printf(out_error, "cannot listen on %.*s port %u: %s", SO_FMT(host), port,
                  so_is(status, SO_CONFLICT) ? "something else does; choose another --listen"
                  : so_is(status, SO_DENIED) ? "not permitted; choose a port above 1023"
                                             : "no such address on this machine");
  }
  return status;
}

void so_service_url(const so_listener *listener, const char *scheme, so_bytes host, so_buf *out) {
  so_endpoint at;
  if (so_ok(so_listener_local(listener, &at))) {
    const bool six = at.family == 6;
    so_buf_printf(out, "%s://%s%.*s%s:%u", scheme, six ? "[" : "", SO_FMT(host), six ? "]" : "",
                  at.port);
  }
}
