#include "kernel/xen/pvclock/pvclock.h"

// Xen writes for less than a microsecond: who still sees an odd version after this many looks will
// never see another.
#define TRIES_MAX 10000

#define NS_PER_S UINT64_C(1000000000)

uint64_t so_pvclock_scale(uint64_t ticks, uint32_t mul, int8_t shift) {
  if (shift >= 64 || shift <= -64) {
    return 0;
  }
  const uint64_t shifted = shift >= 0 ? ticks << shift : ticks >> -shift;
  // (shifted * mul) >> 32 in 96 bits, by halves: armv7 has no 128-bit type.
  const uint64_t low = (shifted & UINT32_MAX) * mul;
  const uint64_t high = (shifted >> 32) * mul;
  return high + (low >> 32);
}

static bool snapshot(const volatile so_pvclock *clock, so_pvclock_ticks *ticks, so_pvclock *out,
                     uint64_t *out_now) {
  for (int i = 0; i < TRIES_MAX; i++) {
    const uint32_t before = __atomic_load_n(&clock->version, __ATOMIC_ACQUIRE);
    if ((before & 1u) != 0) {
      continue;
    }
    out->ticks = clock->ticks;
    out->ns = clock->ns;
    out->mul = clock->mul;
    out->shift = clock->shift;
    *out_now = ticks();
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&clock->version, __ATOMIC_RELAXED) == before) {
      return out->mul != 0;
    }
  }
  return false;
}

bool so_pvclock_read(const volatile so_pvclock *clock, so_pvclock_ticks *ticks, uint64_t *out_ns) {
  so_pvclock c;
  uint64_t now = 0;
  if (!snapshot(clock, ticks, &c, &now)) {
    return false;
  }
  const uint64_t since = (int64_t)(now - c.ticks) > 0 ? now - c.ticks : 0;
  *out_ns = c.ns + so_pvclock_scale(since, c.mul, c.shift);
  return true;
}

static uint64_t no_ticks(void) { return 0; }

uint64_t so_pvclock_hz(const volatile so_pvclock *clock) {
  so_pvclock c;
  uint64_t now = 0;
  if (!snapshot(clock, no_ticks, &c, &now)) {
    return 0;
  }
  // mul is at least 1, so this is at most 10^9 * 2^32 < 2^62.
  const uint64_t hz = (NS_PER_S << 32) / c.mul;
  if (c.shift >= 64 || c.shift <= -64) {
    return 0;
  }
  return c.shift >= 0 ? hz >> c.shift : hz << -c.shift;
}
