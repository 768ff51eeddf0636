#include "base/time.h"

#include <stdbool.h>

#include "base/fmt.h"
#include "base/reader.h"

#define S_PER_DAY 86400
#define DAYS_PER_400_YEARS 146097

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// days_from_civil counts from 1970-01-01 in the proleptic Gregorian calendar. The year is shifted
// to begin in March, so that the leap day is its last.
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = floor_div(y, 400);
  const int64_t year_of_era = y - era * 400;
  const int64_t month_from_march = (month + 9) % 12;
  const int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  const int64_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * DAYS_PER_400_YEARS + day_of_era - 719468;
}

so_civil so_civil_of(int64_t unix_s) {
  const int64_t days = floor_div(unix_s, S_PER_DAY);
  const int64_t second_of_day = unix_s - days * S_PER_DAY;
  const int64_t z = days + 719468;
  const int64_t era = floor_div(z, DAYS_PER_400_YEARS);
  const int64_t day_of_era = z - era * DAYS_PER_400_YEARS;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const so_civil c = {
      .year = (int32_t)(year_of_era + era * 400 + (month <= 2 ? 1 : 0)),
      .month = (uint8_t)month,
      .day = (uint8_t)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
      .hour = (uint8_t)(second_of_day / 3600),
      .minute = (uint8_t)(second_of_day / 60 % 60),
      .second = (uint8_t)(second_of_day % 60),
      .weekday = (uint8_t)(((days + 4) % 7 + 7) % 7),
  };
  return c;
}

static unsigned days_in_month(int32_t year, unsigned month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

so_status so_civil_to_unix_s(const so_civil *c, int64_t *out) {
  if (c->year < 0 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
      c->day > days_in_month(c->year, c->month) || c->hour > 23 || c->minute > 59 ||
      c->second > 59) {
    return so_status_make(SO_MALFORMED, 0);
  }
  *out = days_from_civil(c->year, c->month, c->day) * S_PER_DAY + c->hour * 3600 + c->minute * 60 +
         c->second;
  return so_done();
}

void so_time_write(so_writer *w, int64_t time_ms, int16_t zone_minutes) {
  const int64_t local_ms = time_ms + (int64_t)zone_minutes * 60000;
  const int64_t local_s = floor_div(local_ms, 1000);
  const so_civil c = so_civil_of(local_s);
  so_write_printf(w, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
                  c.second);
  if (local_ms - local_s * 1000 != 0) {
    so_write_printf(w, ".%03d", (int)(local_ms - local_s * 1000));
  }
  if (zone_minutes == 0) {
    so_write_str(w, "Z");
    return;
  }
  const int minutes = zone_minutes < 0 ? -zone_minutes : zone_minutes;
  so_write_printf(w, "%c%02d:%02d", zone_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static bool read_digits(so_reader *r, unsigned count, int32_t *out) {
  int32_t v = 0;
  for (unsigned i = 0; i < count; i++) {
    uint8_t c;
    if (!so_read_u8(r, &c) || c < '0' || c > '9') {
      return false;
    }
    v = v * 10 + (c - '0');
  }
  *out = v;
  return true;
}

// read_part reads `separator` (RFC 3339 5.6 allows a lower-case one) and then two digits.
static bool read_part(so_reader *r, char separator, uint8_t *out) {
  uint8_t c;
  int32_t v;
  if (!so_read_u8(r, &c) || (c != separator && !(separator == 'T' && c == 't')) ||
      !read_digits(r, 2, &v)) {
    return false;
  }
  *out = (uint8_t)v;
  return true;
}

// read_fraction reads an optional ".ddd", 1 to 9 digits.
static bool read_fraction(so_reader *r, int64_t *out_ms) {
  *out_ms = 0;
  if (r->len == 0 || r->ptr[0] != '.') {
    return true;
  }
  int64_t scale = 100;
  unsigned count = 0;
  bool ok = so_skip(r, 1);
  while (ok && r->len != 0 && r->ptr[0] >= '0' && r->ptr[0] <= '9') {
    *out_ms += (r->ptr[0] - '0') * scale;
    scale /= 10;
    count++;
    ok = so_skip(r, 1);
  }
  return ok && count >= 1 && count <= 9;
}

static bool read_zone(so_reader *r, int16_t *out_minutes) {
  uint8_t sign, hour, minute;
  int32_t v;
  if (!so_read_u8(r, &sign)) {
    return false;
  }
  if (sign == 'Z' || sign == 'z') {
    *out_minutes = 0;
    return true;
  }
  if ((sign != '+' && sign != '-') || !read_digits(r, 2, &v)) {
    return false;
  }
  hour = (uint8_t)v;
  if (!read_part(r, ':', &minute) || hour > 23 || minute > 59) {
    return false;
  }
  *out_minutes = (int16_t)((sign == '-' ? -1 : 1) * (hour * 60 + minute));
  return true;
}

so_status so_time_read(so_bytes text, int64_t *out_time_ms, int16_t *out_zone_minutes) {
  so_reader r = so_reader_of(text);
  so_civil c = {0};
  int64_t ms, unix_s;
  int16_t zone;
  if (!read_digits(&r, 4, &c.year) || !read_part(&r, '-', &c.month) ||
      !read_part(&r, '-', &c.day) || !read_part(&r, 'T', &c.hour) ||
      !read_part(&r, ':', &c.minute) || !read_part(&r, ':', &c.second) ||
      !read_fraction(&r, &ms) || !read_zone(&r, &zone) || !so_reader_done(&r)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(so_civil_to_unix_s(&c, &unix_s));
  *out_time_ms = (unix_s - (int64_t)zone * 60) * 1000 + ms;
  *out_zone_minutes = zone;
  return so_done();
}
