// hello: the smallest program. It greets on the console and, when told where to listen, over HTTP.

#include "apps/lib/service/service.h"

static so_status handle(void *ctx, so_http_exchange *x) {
  const so_http_field fields[] = {{so_str("Content-Type"), so_str("text/plain; charset=utf-8")}};
  (void)ctx;
  return so_http_reply(x, 200, fields, 1, so_str("hello\n"));
}

static so_status refuse(void *ctx, so_http_exchange *x, uint16_t status, const char *why) {
  (void)ctx;
  return so_http_reply(x, status, NULL, 0, so_str(why));
}

static int say(const so_world *world, so_buf *text, int code) {
  so_buf_append_u8(text, '\n');
  so_console_write(&world->console, so_buf_bytes(text));
  so_buf_release(text);
  return code;
}

static int serve(const so_world *world, so_bytes where) {
  static const so_service_config config = {.http = {.handle = handle, .refuse = refuse}};
  so_buf text;
  so_places places = {.count = 0};
  so_service_listeners listeners;
  so_buf_init(&text, world->heap, 4096);
  if (!so_ok(so_places_add(&places, where, 0))) {
    so_buf_append_str(&text, "hello: --listen wants ADDR:PORT, such as 127.0.0.1:8080");
    return say(world, &text, 2);
  }
  so_buf_append_str(&text, "hello: ");
  if (!so_ok(so_service_listen(world, &places, &listeners, &text))) {
    return say(world, &text, 5);
  }
  so_buf_clear(&text);
  so_service_write_urls(&listeners, "listening", "http", &text);
  (void)say(world, &text, 0);
  (void)so_service_run(world, &config, &listeners);
  so_service_close(&listeners);
  return 0;
}

int so_main(const so_world *world, int argc, const char *const *argv) {
  so_console_write(&world->console, so_str("hello\n"));
  if (argc == 1) {
    return 0;
  }
  if (argc == 3 && so_bytes_equal(so_str(argv[1]), so_str("--listen"))) {
    return serve(world, so_str(argv[2]));
  }
  so_console_write(&world->console, so_str("usage: hello [--listen ADDR:PORT]\n"));
  return 2;
}
