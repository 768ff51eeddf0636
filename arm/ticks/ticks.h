#ifndef SO_ARM_TICKS_TICKS_H_
#define SO_ARM_TICKS_TICKS_H_

// Ticks of the generic timer's counter (CNTVCT, at CNTFRQ hertz) as nanoseconds, and back. Pure.
//
// No division in the frequent direction: a 32-bit processor has none for 64 bits.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TICKS_HZ_MIN 1000000u
#define SO_TICKS_HZ_MAX 1000000000u  // The architecture's own limit (DDI 0487, D12.1.2).

typedef struct so_ticks {
  uint32_t hz;
  uint32_t ns;           // Nanoseconds a tick: whole,
  uint32_t ns_fraction;  // and the rest, in units of 2^-32.
} so_ticks;

// so_ticks_init asks for SO_TICKS_HZ_MIN <= hz <= SO_TICKS_HZ_MAX; other numbers are taken as the nearer.
void so_ticks_init(so_ticks *t, uint32_t hz);

// so_ticks_ns never goes back as `ticks` grows. Off by less than 1 ns and 2^-32 ns a tick.
uint64_t so_ticks_ns(const so_ticks *t, uint64_t ticks);

// so_ticks_at returns the tick at which `ns` has come; so_ticks_ns of it is that within what it is off by.
// UINT64_MAX when it lies past the counter's end.
uint64_t so_ticks_at(const so_ticks *t, uint64_t ns);

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_TICKS_TICKS_H_
