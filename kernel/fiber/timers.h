#ifndef SO_KERNEL_FIBER_TIMERS_H_
#define SO_KERNEL_FIBER_TIMERS_H_

// The fiber record, and the heap of deadlines over the scheduler's table. Each fiber has at most
// one deadline, so the table can never overflow.

#include "kernel/fiber/sched.h"

struct so_fiber {
  void *sp;  // Valid while the fiber does not run.
  so_sched *sched;
  so_fiber *next;  // In the run queue or in the queue of `event`.
  so_fiber *prev;
  so_fiber *all_next;
  so_fiber *all_prev;
  so_event *event;  // What it waits for, if anything.
  uint64_t deadline_ns;
  size_t timer_place;  // Place in the table of deadlines plus 1; 0 when not there.
  bool waiting;
  bool timed_out;
  bool wake_on_stop;
  bool ended;
  const char *name;
  void (*run)(void *arg);
  void *arg;
  void *stack;
};

// so_timers_add enters `f`, which must not be there.
void so_timers_add(so_sched *s, so_fiber *f, uint64_t deadline_ns);

// so_timers_remove takes `f` out, if it is there.
void so_timers_remove(so_sched *s, so_fiber *f);

#endif  // SO_KERNEL_FIBER_TIMERS_H_
