// IMF-fixdate (RFC 9110 5.6.7).

#include "base/fmt.h"
#include "base/reader.h"
#include "base/time.h"
#include "http/conditional/conditional.h"

static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void so_http_date_write(so_writer *w, int64_t unix_s) {
  const so_civil c = so_civil_of(unix_s);
  so_write_printf(w, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[c.weekday], (unsigned)c.day,
                  months[c.month - 1], (unsigned)c.year, (unsigned)c.hour, (unsigned)c.minute,
                  (unsigned)c.second);
}

static bool take_text(so_reader *r, const char *text) {
  so_bytes got;
  return so_read_bytes(r, so_str(text).len, &got) && so_bytes_equal(got, so_str(text));
}

static bool take_number(so_reader *r, size_t digits, int32_t *out) {
  so_bytes text;
  if (!so_read_bytes(r, digits, &text)) {
    return false;
  }
  *out = 0;
  for (size_t i = 0; i < digits; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') {
      return false;
    }
    *out = *out * 10 + (text.ptr[i] - '0');
  }
  return true;
}

static bool take_name(so_reader *r, const char names[][4], uint8_t count, uint8_t *out) {
  so_bytes text;
  if (!so_read_bytes(r, 3, &text)) {
    return false;
  }
  for (uint8_t i = 0; i < count; i++) {
    if (so_bytes_equal(text, so_str(names[i]))) {
      *out = i;
      return true;
    }
  }
  return false;
}

static bool take_time(so_reader *r, so_civil *c) {
  int32_t hour, minute, second;
  if (!take_number(r, 2, &hour) || !take_text(r, ":") || !take_number(r, 2, &minute) ||
      !take_text(r, ":") || !take_number(r, 2, &second)) {
    return false;
  }
  c->hour = (uint8_t)hour;
  c->minute = (uint8_t)minute;
  c->second = (uint8_t)second;
  return true;
}

so_status so_http_date_read(so_bytes text, int64_t *out_unix_s) {
  so_reader r = so_reader_of(text);
  so_civil c = {0};
  uint8_t weekday, month;
  int32_t day;
  int64_t unix_s;
  if (!take_name(&r, days, 7, &weekday) || !take_text(&r, ", ") || !take_number(&r, 2, &day) ||
      !take_text(&r, " ") || !take_name(&r, months, 12, &month) || !take_text(&r, " ") ||
      !take_number(&r, 4, &c.year) || !take_text(&r, " ") || !take_time(&r, &c) ||
      !take_text(&r, " GMT") || !so_reader_done(&r)) {
    return so_status_make(SO_MALFORMED, 400);
  }
  c.day = (uint8_t)day;
  c.month = (uint8_t)(month + 1);
  SO_TRY(so_civil_to_unix_s(&c, &unix_s));
  if (so_civil_of(unix_s).weekday != weekday) {
    return so_status_make(SO_MALFORMED, 400);
  }
  *out_unix_s = unix_s;
  return so_done();
}
