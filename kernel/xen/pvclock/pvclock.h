#ifndef SO_KERNEL_XEN_PVCLOCK_PVCLOCK_H_
#define SO_KERNEL_XEN_PVCLOCK_PVCLOCK_H_

// The clock that Xen keeps for a virtual CPU of x86: a moment, and how fast the timestamp counter
// runs since. `struct vcpu_time_info` of xen/xen.h; KVM's clock has the same layout.
//
// Xen rewrites it at any time, around increments of `version` (odd: being written), so it is read
// as with a sequence lock. Nothing but the caller's counter is called: this is usable before
// anything else works.

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// 32 bytes, as in shared memory.
typedef struct so_pvclock {
  uint32_t version;
  uint32_t pad0;
  uint64_t ticks;      // The counter at `ns`.
  uint64_t ns;
  uint32_t mul;        // Nanoseconds a (shifted) tick, times 2^32.
  int8_t shift;        // Ticks are shifted left by it, or right when it is negative.
  uint8_t flags;
  uint8_t pad1[2];
} so_pvclock;

typedef uint64_t so_pvclock_ticks(void);

// so_pvclock_scale turns ticks since a moment into nanoseconds.
uint64_t so_pvclock_scale(uint64_t ticks, uint32_t mul, int8_t shift);

// so_pvclock_read gives the system time now. A counter that is behind `ticks` (another CPU's, after
// a move) counts as at it. False: no consistent state was seen in many tries, or the clock is not
// set up (`mul` 0); `*out_ns` is then untouched.
bool so_pvclock_read(const volatile so_pvclock *clock, so_pvclock_ticks *ticks, uint64_t *out_ns);

// so_pvclock_hz gives the frequency of the counter, or 0 when the clock is not set up.
uint64_t so_pvclock_hz(const volatile so_pvclock *clock);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_PVCLOCK_PVCLOCK_H_
