#include "apps/stored/request_log.h"

#include "base/fmt.h"
#include "base/time.h"

#define LINE_LEN_MAX 1024
#define PATH_LEN_MAX 150

static void write_safe(so_writer *w, so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t b = text.ptr[i];
    const bool plain = b > 0x20 && b < 0x7f && b != '\\';
    if (plain) {
      so_write_u8(w, b);
    } else {
      so_write_printf(w, "\\x%02x", b);
    }
  }
}

void so_request_log(const so_call *c, so_status status, uint64_t took_ns) {
  uint8_t line[LINE_LEN_MAX];
  so_writer w = so_writer_of(line, sizeof line);
  so_time_write(&w, so_server_now_ms(c->server), 0);
  so_write_printf(&w, " %.*s ", SO_FMT(so_http_method(c->exchange)));
  write_safe(&w, so_bytes_first(so_http_path(c->exchange), PATH_LEN_MAX));
  so_write_printf(&w, " %u in=%llu out=%llu %llu.%03llums ",
                  so_http_replied_status(c->exchange),
                  (unsigned long long)so_http_bytes_in(c->exchange),
                  (unsigned long long)so_http_bytes_out(c->exchange),
                  (unsigned long long)(took_ns / SO_NS_PER_MS),
                  (unsigned long long)(took_ns / 1000 % 1000));
  write_safe(&w, so_bytes_first(so_call_who(c), 40));
  if (!so_ok(status)) {
    so_write_printf(&w, " connection ended: %s", so_code_name((so_code)status.code));
  }
  so_write_str(&w, "\n");
  so_console_write(&c->server->world->console, so_writer_bytes(&w));
}
