#ifndef SO_KERNEL_FIBER_SCHED_H_
#define SO_KERNEL_FIBER_SCHED_H_

// The scheduler behind kernel/ports/fiber.h, as platforms see it. Programs include only the port.
//
// A platform says where stacks come from and how to sleep; the scheduler does the rest: a FIFO of
// runnable fibers, a heap of deadlines, and the switch itself.
//
// Invariants:
//   - A fiber is in exactly one place: running, in the run queue, waiting (for an event, a deadline,
//     or both), or ended.
//   - One turn of the loop runs each fiber that was runnable when the turn began once, then asks the
//     platform what happened. No fiber starves another, or the devices.
//   - Nothing is global: any number of schedulers may exist, each used by one thread.
// Ownership: the so_sched is the caller's memory and must not move. A fiber's record lies on top of
// its stack, so spawning takes a stack and nothing else.
// Limits: `fiber_max` fibers at a time.

#include "base/heap.h"
#include "kernel/ports/fiber.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_sched_platform {
  // Returns the lowest byte of `len` usable bytes, aligned to 16, or NULL when there are none.
  void *(*stack_alloc)(void *ctx, size_t len);
  void (*stack_free)(void *ctx, void *stack, size_t len);
  // Waits until something happens and signals its event, or until `deadline_ns`; a deadline in the
  // past only looks. Returns false when nothing can happen any more, whatever the wait.
  bool (*idle)(void *ctx, uint64_t deadline_ns);
  void *ctx;
} so_sched_platform;

typedef enum so_stack_check {
  SO_STACK_GUARDED,  // The platform's guard page catches an overflow; nothing is written.
  SO_STACK_CANARY,   // A word at the low end is checked at every switch.
  SO_STACK_PAINTED,  // As CANARY, and so_sched_stack_used_max knows how deep fibers went.
} so_stack_check;

typedef struct so_sched_config {
  const so_heap *heap;  // For the table of deadlines: one pointer a fiber.
  so_clock clock;
  so_sched_platform platform;
  size_t stack_len;
  size_t fiber_max;
  so_stack_check check;
} so_sched_config;

typedef struct so_fiber_list {
  so_fiber *first;
  so_fiber *last;
} so_fiber_list;

struct so_sched {
  so_sched_config config;
  void *loop_sp;  // Where the loop itself stands while a fiber runs.
  so_fiber *current;
  so_fiber_list ready;
  so_fiber *fibers;  // All of them.
  size_t fiber_count;
  so_fiber **timers;  // A binary heap by deadline.
  size_t timer_count;
  size_t stack_used_max;
  bool stopping;
  bool ended;
  const void *loop_stack;  // For AddressSanitizer only.
  size_t loop_stack_len;
};

// so_sched_init prepares `s` in place. LIMIT when the heap refuses the table of deadlines.
SO_MUST_USE so_status so_sched_init(so_sched *s, const so_sched_config *config);

// so_sched_run runs fibers until none is left or so_sched_end was called. INTERNAL: fibers wait for
// events that nothing can signal any more.
SO_MUST_USE so_status so_sched_run(so_sched *s);

// so_sched_end makes so_sched_run return after the current turn, whatever still runs.
void so_sched_end(so_sched *s);

// so_sched_release gives back the table and the stacks of fibers that have not ended.
void so_sched_release(so_sched *s);

// so_sched_current_name names the running fiber, or "loop". For crash reports.
const char *so_sched_current_name(const so_sched *s);

// so_sched_current_stack gives the running fiber's stack, or NULL in the loop.
const void *so_sched_current_stack(const so_sched *s, size_t *out_len);

// so_sched_stack_used_max returns the most stack that an ended fiber had used (PAINTED only).
size_t so_sched_stack_used_max(const so_sched *s);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_FIBER_SCHED_H_
