// A server for curl_test.sh: answers a few paths on a free port of 127.0.0.1 and prints which.

#include "apps/lib/http_server/http_server.h"
#include "base/fmt.h"
#include "http/conditional/conditional.h"

#define BIG_LEN 1000000u

typedef struct connection {
  const so_world *world;
  so_stream stream;
} connection;

static so_status echo(so_http_exchange *x) {
  uint8_t buf[4096];
  size_t len = 1;
  SO_TRY(so_http_reply_begin(x, 200, NULL, 0, false, 0));
  while (len != 0) {
    SO_TRY(so_http_body_read(x, buf, sizeof buf, &len));
    SO_TRY(so_http_reply_write(x, so_bytes_of(buf, len)));
  }
  return so_http_reply_end(x);
}

// big serves a million letters, or the range of them that is asked for.
static so_status big(so_http_exchange *x) {
  uint8_t value[64];
  so_bytes asked;
  so_range range = {0, BIG_LEN};
  so_http_field field = {so_str("ETag"), so_str("\"big\"")};
  uint16_t status = 200;
  if (so_http_header(x, "if-none-match", &asked) &&
      so_is(so_if_none_match(asked, true, so_str("big")), SO_CONFLICT)) {
    return so_http_reply(x, 304, &field, 1, so_bytes_of(NULL, 0));
  }
  if (so_http_header(x, "range", &asked) && so_ok(so_range_parse(asked, BIG_LEN, &range))) {
    so_writer w = so_writer_of(value, sizeof value);
    so_range_write(&w, &range, BIG_LEN);
    field = (so_http_field){so_str("Content-Range"), so_writer_bytes(&w)};
    status = 206;
  }
  SO_TRY(so_http_reply_begin(x, status, &field, 1, true, range.len));
  for (uint64_t i = 0; i < range.len; i++) {
    const uint8_t letter = (uint8_t)('a' + (range.first + i) % 26);
    SO_TRY(so_http_reply_write(x, so_bytes_of(&letter, 1)));
  }
  return so_http_reply_end(x);
}

static so_status handle(void *ctx, so_http_exchange *x) {
  (void)ctx;
  if (so_bytes_equal(so_http_path(x), so_str("/echo"))) {
    return echo(x);
  }
  if (so_bytes_equal(so_http_path(x), so_str("/big"))) {
    return big(x);
  }
  return so_http_reply(x, 404, NULL, 0, so_str("nothing here\n"));
}

static so_status refuse(void *ctx, so_http_exchange *x, uint16_t status, const char *why) {
  (void)ctx;
  return so_http_reply(x, status, NULL, 0, so_str(why));
}

static void serve(void *arg) {
  static const so_http_server_config config = {.handle = handle, .refuse = refuse};
  connection *const c = arg;
  so_http_serve(c->world, &config, c->stream);
  so_stream_close(&c->stream);
  so_heap_free(c->world->heap, c, sizeof *c);
}

static void say_where(const so_world *world, const so_listener *listener) {
  uint8_t line[64];
  so_endpoint at;
  so_writer w = so_writer_of(line, sizeof line);
  if (so_ok(so_listener_local(listener, &at))) {
    so_write_printf(&w, "listening %u\n", (unsigned)at.port);
    so_console_write(&world->console, so_writer_bytes(&w));
  }
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  const so_endpoint at = {.family = 4, .address = {127, 0, 0, 1}};
  so_listener listener;
  so_endpoint peer;
  (void)argc;
  (void)argv;
  if (!so_ok(world->net.listen(world->net.ctx, &at, &listener))) {
    return 1;
  }
  say_where(world, &listener);
  for (;;) {
    connection *const c = so_heap_alloc(world->heap, sizeof *c);
    if (c == NULL || !so_ok(so_listener_accept(&listener, SO_NEVER, &c->stream, &peer))) {
      so_heap_free(world->heap, c, sizeof *c);
      so_listener_close(&listener);
      return so_sched_stopping(world->sched) ? 0 : 1;
    }
    c->world = world;
    if (!so_ok(so_fiber_spawn(world->sched, "connection", serve, c))) {
      so_stream_close(&c->stream);
      so_heap_free(world->heap, c, sizeof *c);
    }
  }
}
