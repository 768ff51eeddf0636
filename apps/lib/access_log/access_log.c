#include "apps/lib/access_log/access_log.h"

#include "base/fmt.h"
#include "base/time.h"

#define LINE_LEN_MAX 1024
#define PATH_LEN_MAX 150
#define WHO_LEN_MAX 40

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

void so_access_log(const so_world *world, const so_http_exchange *x, so_status status,
                   uint64_t took_ns, so_bytes who) {
  uint8_t line[LINE_LEN_MAX];
  so_writer w = so_writer_of(line, sizeof line);
  so_time_write(&w, so_clock_unix_ns(&world->clock) / (int64_t)SO_NS_PER_MS, 0);
  so_write_printf(&w, " %.*s ", SO_FMT(so_http_method(x)));
  write_safe(&w, so_bytes_first(so_http_path(x), PATH_LEN_MAX));
  so_write_printf(&w, " %u in=%llu out=%llu %llu.%03llums", so_http_replied_status(x),
                  (unsigned long long)so_http_bytes_in(x),
                  (unsigned long long)so_http_bytes_out(x),
                  (unsigned long long)(took_ns / SO_NS_PER_MS),
                  (unsigned long long)(took_ns / 1000 % 1000));
  if (who.len != 0) {
    so_write_u8(&w, ' ');
    write_safe(&w, so_bytes_first(who, WHO_LEN_MAX));
  }
  if (!so_ok(status)) {
    so_write_printf(&w, " connection ended: %s", so_code_name((so_code)status.code));
  }
  so_write_str(&w, "\n");
  so_console_write(&world->console, so_writer_bytes(&w));
}
