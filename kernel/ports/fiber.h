#ifndef SO_KERNEL_PORTS_FIBER_H_
#define SO_KERNEL_PORTS_FIBER_H_

// Fibers: stackful, cooperative, one scheduler a core. Between two calls of this header (or of a
// port that says that it blocks) a fiber is never interrupted by another, so plain data that only
// fibers of one scheduler touch needs no lock.
//
// Stacks have a fixed size and a guard page. `kernel/fiber` implements this header; a platform
// adds where stacks come from and how to sleep until something happens.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "kernel/ports/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_sched so_sched;
typedef struct so_fiber so_fiber;

// Something to wait for. Zero-initialised is ready for use; must not move while fibers wait.
typedef struct so_event {
  so_fiber *first;
  so_fiber *last;
} so_event;

// so_fiber_spawn starts `run(arg)` on a stack of its own, at the next turn of the loop.
// LIMIT: no stack can be had, or the declared number of fibers runs already.
SO_MUST_USE so_status so_fiber_spawn(so_sched *s, const char *name, void (*run)(void *arg),
                                     void *arg);

// so_fiber_yield lets every other runnable fiber run once.
void so_fiber_yield(so_sched *s);

void so_fiber_sleep_until(so_sched *s, uint64_t deadline_ns);

// so_event_wait suspends the fiber until a signal (OK) or the deadline (AGAIN). A signal is not
// remembered: test the condition, then wait, in a loop.
SO_MUST_USE so_status so_event_wait(so_sched *s, so_event *e, uint64_t deadline_ns);

// so_event_signal makes every fiber that waits for `e` runnable. Does not switch.
void so_event_signal(so_sched *s, so_event *e);

// so_sched_stop asks the loop to end: so_sched_stopping turns true and every wait of a port that
// accepts new work (accept) returns IO. Fibers end by themselves.
void so_sched_stop(so_sched *s);
bool so_sched_stopping(const so_sched *s);

// so_fiber_wake_on_stop says whether the calling fiber's waits end early, as if their deadline had
// come (AGAIN), once so_sched_stop was called. Off at first. For waits on what need not be
// finished, such as the next request of an idle connection. Returns what was set before.
bool so_fiber_wake_on_stop(so_sched *s, bool on);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_FIBER_H_
