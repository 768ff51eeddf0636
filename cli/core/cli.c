#include "cli/core/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/time.h"

// --- failing --------------------------------------------------------------------------------

int cli_fail(cli_exit code, const char *format, ...) {
  va_list args;
  fflush(stdout);
  fputs("storectl: ", stderr);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  return (int)code;
}

int cli_fail_status(so_status status, const char *what) {
  switch ((so_code)status.code) {
    case SO_OK:
      return CLI_DONE;
    case SO_NOT_FOUND:
      return cli_fail(CLI_REFUSED, "%s: not found", what);
    case SO_CORRUPT:
      return cli_fail(CLI_DAMAGED,
                      "%s: stored data is damaged; run `storectl fsck`, and clone again what it names",
                      what);
    case SO_LIMIT:
      return cli_fail(CLI_REFUSED, "%s: too large, or the disk is full; nothing was changed", what);
    case SO_IO:
      return cli_fail(CLI_REFUSED, "%s: reading or writing failed; see that the disk is well", what);
    case SO_DENIED:
      return cli_fail(CLI_REFUSED, "%s: not permitted", what);
    case SO_CONFLICT:
      return cli_fail(CLI_DIFFERENT, "%s: it has changed meanwhile; try again", what);
    case SO_MALFORMED:
      return cli_fail(CLI_USAGE, "%s: not valid", what);
    case SO_AGAIN:
    case SO_UNSUPPORTED:
    case SO_INTERNAL:
      break;
  }
  return cli_fail(CLI_REFUSED, "%s: %s (%u)", what, so_code_name((so_code)status.code),
                  status.detail);
}

void cli_note(const cli *c, const char *format, ...) {
  va_list args;
  if (c->quiet) {
    return;
  }
  fflush(stdout);
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
}

// --- printing -------------------------------------------------------------------------------

void cli_print(so_bytes text) {
  if (text.len != 0) {
    fwrite(text.ptr, 1, text.len, stdout);
  }
}

void cli_printf(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
}

void cli_hex(const so_oid *oid, char out[CLI_HEX_LEN]) {
  so_writer w = so_writer_of((uint8_t *)out, CLI_HEX_LEN);
  so_hex_write(&w, so_bytes_of(oid->bytes, SO_OID_LEN));
  out[CLI_HEX_LEN - 1] = '\0';
}

void cli_time(int64_t time_ms, int16_t zone_minutes, char out[CLI_TIME_LEN]) {
  so_writer w = so_writer_of((uint8_t *)out, CLI_TIME_LEN - 1);
  so_time_write(&w, time_ms, zone_minutes);
  out[w.len] = '\0';
}

void cli_json_begin(const cli *c, cli_json *j) {
  so_buf_init(&j->buf, c->heap, SIZE_MAX / 4);
  j->w = so_json_writer_of(&j->buf);
}

void cli_json_end(cli_json *j) {
  cli_print(so_buf_bytes(&j->buf));
  cli_print(so_str("\n"));
  so_buf_release(&j->buf);
}

void cli_json_oid(so_json_writer *w, const char *name, const so_oid *oid) {
  char hex[CLI_HEX_LEN];
  so_json_name(w, name);
  if (so_oid_is_none(oid)) {
    so_json_put_null(w);
    return;
  }
  cli_hex(oid, hex);
  so_json_put_string(w, so_str(hex));
}

void cli_json_text(so_json_writer *w, const char *name, const char *text) {
  so_json_member_string(w, name, so_str(text));
}

void cli_json_person(so_json_writer *w, const char *name, const so_person *person) {
  char time[CLI_TIME_LEN];
  cli_time(person->time_ms, person->zone_minutes, time);
  so_json_name(w, name);
  so_json_object(w);
  so_json_member_string(w, "name", person->name);
  cli_json_text(w, "time", time);
  so_json_object_end(w);
}

// --- progress -------------------------------------------------------------------------------

#define REDRAW_NS (100 * SO_NS_PER_MS)

void cli_progress_begin(cli_progress *p, const cli *c, const char *what) {
  const cli_progress start = {c, what, 0, false};
  *p = start;
}

static void print_size(uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  double v = (double)bytes;
  while (v >= 1024 && unit < 4) {
    v /= 1024;
    unit++;
  }
  fprintf(stderr, unit == 0 ? ", %.0f %s" : ", %.1f %s", v, units[unit]);
}

void cli_progress_update(cli_progress *p, uint64_t done, uint64_t total, uint64_t bytes) {
  if (!p->c->progress) {
    return;
  }
  const uint64_t now = so_clock_now(&p->c->world->clock);
  if (p->shown && now - p->shown_ns < REDRAW_NS) {
    return;
  }
  p->shown = true;
  p->shown_ns = now;
  if (total != 0) {
    const int percent = (int)(done >= total ? 100 : done * 100 / total);
    static const char bar[] = "####################";
    fprintf(stderr, "\r%s [%-20.*s] %3d%% %llu/%llu", p->what, percent / 5, bar, percent,
            (unsigned long long)done, (unsigned long long)total);
  } else {
    fprintf(stderr, "\r%s %llu", p->what, (unsigned long long)done);
  }
  if (bytes != 0) {
    print_size(bytes);
  }
  fputs("\033[K", stderr);
  fflush(stderr);
}

void cli_progress_end(cli_progress *p) {
  if (p->shown) {
    fputs("\r\033[K", stderr);
    fflush(stderr);
  }
}

// --- people ---------------------------------------------------------------------------------

int64_t cli_now_ms(const cli *c) {
  return so_clock_unix_ns(&c->world->clock) / (int64_t)SO_NS_PER_MS;
}

static int16_t local_zone(int64_t now_ms) {
  const time_t now_s = (time_t)(now_ms / 1000);
  struct tm local;
  return localtime_r(&now_s, &local) == NULL ? 0 : (int16_t)(local.tm_gmtoff / 60);
}

so_person cli_person(const cli *c) {
  static char name[SO_PERSON_LEN_MAX];
  char host[128] = "localhost";
  const char *given = getenv("STORECTL_USER");
  if (given != NULL && given[0] != '\0') {
    snprintf(name, sizeof name, "%s", given);
  } else {
    const char *user = getenv("USER");
    user = user == NULL || user[0] == '\0' ? (geteuid() == 0 ? "root" : "user") : user;
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s <%s@%s>", user, user, host);
  }
  for (char *p = name; *p != '\0'; p++) {
    *p = *p == '\n' ? ' ' : *p;
  }
  const int64_t now_ms = cli_now_ms(c);
  const so_person person = {so_str(name), now_ms, local_zone(now_ms)};
  return person;
}
