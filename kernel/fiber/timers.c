#include "kernel/fiber/timers.h"

#include "base/assert.h"

static void put(so_sched *s, size_t at, so_fiber *f) {
  s->timers[at] = f;
  f->timer_place = at + 1;
}

static void sift_up(so_sched *s, size_t at, so_fiber *f) {
  while (at != 0 && s->timers[(at - 1) / 2]->deadline_ns > f->deadline_ns) {
    put(s, at, s->timers[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  put(s, at, f);
}

static void sift_down(so_sched *s, size_t at, so_fiber *f) {
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= s->timer_count) {
      break;
    }
    if (child + 1 < s->timer_count &&
        s->timers[child + 1]->deadline_ns < s->timers[child]->deadline_ns) {
      child++;
    }
    if (s->timers[child]->deadline_ns >= f->deadline_ns) {
      break;
    }
    put(s, at, s->timers[child]);
    at = child;
  }
  put(s, at, f);
}

void so_timers_add(so_sched *s, so_fiber *f, uint64_t deadline_ns) {
  SO_ASSERT(f->timer_place == 0 && s->timer_count < s->config.fiber_max);
  f->deadline_ns = deadline_ns;
  sift_up(s, s->timer_count++, f);
}

void so_timers_remove(so_sched *s, so_fiber *f) {
  if (f->timer_place == 0) {
    return;
  }
  const size_t at = f->timer_place - 1;
  f->timer_place = 0;
  so_fiber *const last = s->timers[--s->timer_count];
  if (last == f) {
    return;
  }
  if (at != 0 && s->timers[(at - 1) / 2]->deadline_ns > last->deadline_ns) {
    sift_up(s, at, last);
  } else {
    sift_down(s, at, last);
  }
}
