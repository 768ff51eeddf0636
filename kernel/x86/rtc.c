// The clock of a PC with a battery (MC146818): seconds, in UTC as hypervisors set it.

#include "base/time.h"
#include "kernel/x86/internal.h"

#define INDEX 0x70
#define DATA 0x71
#define STATUS_A 0x0a
#define STATUS_B 0x0b
#define UPDATING 0x80u
#define BINARY 0x04u
#define HOURS_24 0x02u
#define AFTERNOON 0x80u
#define LOOKS_MAX 100000u

typedef struct reading {
  uint8_t second, minute, hour, day, month, year;
} reading;

static uint8_t get(uint8_t reg) {
  x86_out8(INDEX, (uint8_t)(0x80 | reg));  // 0x80: no NMI meanwhile.
  return x86_in8(DATA);
}

static reading read_once(void) {
  for (unsigned i = 0; i < LOOKS_MAX && (get(STATUS_A) & UPDATING) != 0; i++) {
  }
  return (reading){get(0), get(2), get(4), get(7), get(8), get(9)};
}

static bool same(const reading *a, const reading *b) {
  return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
         a->day == b->day && a->month == b->month && a->year == b->year;
}

static uint8_t binary(uint8_t v, uint8_t status) {
  return (status & BINARY) != 0 ? v : (uint8_t)((v >> 4) * 10 + (v & 15));
}

static uint8_t hour_of(uint8_t v, uint8_t status) {
  const uint8_t hour = binary((uint8_t)(v & ~AFTERNOON), status);
  if ((status & HOURS_24) != 0) {
    return binary(v, status);
  }
  return (uint8_t)(hour % 12 + ((v & AFTERNOON) != 0 ? 12 : 0));
}

int64_t x86_rtc_read(void) {
  if (get(STATUS_A) == 0xff && get(STATUS_B) == 0xff) {
    return INT64_MIN;  // Nothing answers.
  }
  // Two equal readings are one that no update fell into.
  reading r = read_once();
  reading again = read_once();
  for (unsigned i = 0; i < 8 && !same(&r, &again); i++) {
    r = again;
    again = read_once();
  }
  const uint8_t status = get(STATUS_B);
  const so_civil c = {
      .year = 2000 + binary(r.year, status),
      .month = binary(r.month, status),
      .day = binary(r.day, status),
      .hour = hour_of(r.hour, status),
      .minute = binary(r.minute, status),
      .second = binary(r.second, status),
  };
  int64_t seconds;
  return so_ok(so_civil_to_unix_s(&c, &seconds)) ? seconds : INT64_MIN;
}
