// Why a zone was refused, for the one who wrote it.

#include "base/mem.h"
#include "net/dns/zone/internal.h"

#define ABOUT_LEN_MAX 120
#define NAME_TEXT_CAP (4 * SO_DNS_NAME_LEN_MAX + 2)

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Control characters of a hostile zone stay out of terminals and logs.
static void write_plain(so_writer *w, so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    so_write_u8(w, text.ptr[i] >= ' ' && text.ptr[i] < 0x7f ? text.ptr[i] : '?');
  }
}

so_status so_zone_fail(so_dns_zone_error *error, so_bytes file, uint32_t line, const char *reason,
                    so_bytes about) {
  memset(error, 0, sizeof *error);
  error->line = line;
  so_writer f = so_writer_of((uint8_t *)error->file, sizeof error->file - 1);
  write_plain(&f, so_bytes_first(file, sizeof error->file - 1));
  so_writer w = so_writer_of((uint8_t *)error->reason, sizeof error->reason - 1);
  so_write_str(&w, reason);
  if (about.len != 0) {
    so_write_str(&w, ": ");
    write_plain(&w, so_bytes_first(about, least(ABOUT_LEN_MAX, w.cap - least(w.len, w.cap))));
  }
  return so_status_make(SO_MALFORMED, 0);
}

so_status so_zone_fail_name(so_dns_zone_error *error, so_bytes file, uint32_t line,
                         const char *reason, so_bytes name) {
  uint8_t text[NAME_TEXT_CAP];
  so_writer w = so_writer_of(text, sizeof text);
  so_dns_name_write_text(&w, name);
  return so_zone_fail(error, file, line, reason, so_writer_bytes(&w));
}
