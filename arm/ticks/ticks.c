#include "arm/ticks/ticks.h"

#define NS_PER_S UINT64_C(1000000000)

void so_ticks_init(so_ticks *t, uint32_t hz) {
  const uint32_t at_least = hz < SO_TICKS_HZ_MIN ? SO_TICKS_HZ_MIN : hz;
  t->hz = at_least > SO_TICKS_HZ_MAX ? SO_TICKS_HZ_MAX : at_least;
  t->ns = (uint32_t)(NS_PER_S / t->hz);
  t->ns_fraction = (uint32_t)(((NS_PER_S % t->hz) << 32) / t->hz);
}

uint64_t so_ticks_ns(const so_ticks *t, uint64_t ticks) {
  const uint64_t high = ticks >> 32;
  const uint64_t low = (uint32_t)ticks;
  return ticks * t->ns + high * t->ns_fraction + (low * t->ns_fraction >> 32);
}

uint64_t so_ticks_at(const so_ticks *t, uint64_t ns) {
  const uint64_t seconds = ns / NS_PER_S;
  const uint64_t rest = ns % NS_PER_S;
  uint64_t ticks = 0;
  if (__builtin_mul_overflow(seconds, (uint64_t)t->hz, &ticks) ||
      __builtin_add_overflow(ticks, (rest * t->hz + NS_PER_S - 1) / NS_PER_S, &ticks)) {
    return UINT64_MAX;
  }
  return ticks;
}
