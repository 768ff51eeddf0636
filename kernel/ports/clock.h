#ifndef SO_KERNEL_PORTS_CLOCK_H_
#define SO_KERNEL_PORTS_CLOCK_H_

// Time. `monotonic_ns` never goes back and starts anywhere; `unix_ns` is the wall clock in
// nanoseconds since 1970-01-01T00:00:00Z and may jump.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A deadline that never comes.
#define SO_NEVER UINT64_MAX
#define SO_NS_PER_MS UINT64_C(1000000)
#define SO_NS_PER_S UINT64_C(1000000000)

typedef struct so_clock {
  uint64_t (*monotonic_ns)(void *ctx);
  int64_t (*unix_ns)(void *ctx);
  void *ctx;
} so_clock;

static inline uint64_t so_clock_now(const so_clock *c) { return c->monotonic_ns(c->ctx); }
static inline int64_t so_clock_unix_ns(const so_clock *c) { return c->unix_ns(c->ctx); }

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_CLOCK_H_
