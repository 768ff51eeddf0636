#ifndef SO_BASE_TIME_H_
#define SO_BASE_TIME_H_

// Wall-clock times as people write them: RFC 3339, years 0000 to 9999, no leap seconds.
// A time is milliseconds since 1970-01-01T00:00:00Z; a zone is minutes east of UTC.

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "base/writer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TIME_LEN_MAX 29  // 2026-01-02T03:04:05.678+01:00

typedef struct so_civil {
  int32_t year;
  uint8_t month;  // 1..12
  uint8_t day;    // 1..31
  uint8_t hour;
  uint8_t minute;
  uint8_t second;
  uint8_t weekday;  // 0 is Sunday.
} so_civil;

// so_civil_of splits seconds since 1970 into the UTC calendar.
so_civil so_civil_of(int64_t unix_s);

// so_civil_to_unix_s is its inverse. MALFORMED when a field is out of range or the day does not
// exist. `weekday` is ignored.
SO_MUST_USE so_status so_civil_to_unix_s(const so_civil *c, int64_t *out);

// so_time_write writes RFC 3339; milliseconds only when they are not zero; zone 0 is "Z".
void so_time_write(so_writer *w, int64_t time_ms, int16_t zone_minutes);

// so_time_read parses RFC 3339, with up to 9 digits of fraction (cut to milliseconds).
SO_MUST_USE so_status so_time_read(so_bytes text, int64_t *out_time_ms, int16_t *out_zone_minutes);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_TIME_H_
