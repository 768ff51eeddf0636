#include "kernel/fiber/sched.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/fiber/context.h"
#include "kernel/fiber/timers.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#define CANARY ((uintptr_t)0xa5c3f00d5afe57acu)

// --- lists: a fiber is in at most one, linked by next and prev --------------------------------

static void list_push(so_fiber **first, so_fiber **last, so_fiber *f) {
  f->next = NULL;
  f->prev = *last;
  if (*last != NULL) {
    (*last)->next = f;
  } else {
    *first = f;
  }
  *last = f;
}

static void list_remove(so_fiber **first, so_fiber **last, so_fiber *f) {
  *(f->prev != NULL ? &f->prev->next : first) = f->next;
  *(f->next != NULL ? &f->next->prev : last) = f->prev;
  f->next = NULL;
  f->prev = NULL;
}

static void make_ready(so_sched *s, so_fiber *f, bool timed_out) {
  if (f->event != NULL) {
    list_remove(&f->event->first, &f->event->last, f);
    f->event = NULL;
  }
  so_timers_remove(s, f);
  f->timed_out = timed_out;
  f->waiting = false;
  list_push(&s->ready.first, &s->ready.last, f);
}

// --- switching --------------------------------------------------------------------------------

#if defined(HAS_ASAN)
void __sanitizer_start_switch_fiber(void **fake_stack, const void *bottom, size_t len);
void __sanitizer_finish_switch_fiber(void *fake_stack, const void **old_bottom, size_t *old_len);

static void asan_start(void **save, const void *bottom, size_t len) {
  __sanitizer_start_switch_fiber(save, bottom, len);
}
static void asan_finish(void *save, const void **old_bottom, size_t *old_len) {
  __sanitizer_finish_switch_fiber(save, old_bottom, old_len);
}
#else
static void asan_start(void **save, const void *bottom, size_t len) {
  (void)save, (void)bottom, (void)len;
}
static void asan_finish(void *save, const void **old_bottom, size_t *old_len) {
  (void)save, (void)old_bottom, (void)old_len;
}
#endif

// to_loop leaves the running fiber; it returns when the loop takes it up again.
static void to_loop(so_sched *s, bool for_good) {
  so_fiber *const f = s->current;
  void *fake_stack = NULL;
  asan_start(for_good ? NULL : &fake_stack, s->loop_stack, s->loop_stack_len);
  so_context_switch(&f->sp, s->loop_sp);
  asan_finish(fake_stack, NULL, NULL);
}

static void fiber_entry(void *arg) {
  so_fiber *const f = arg;
  asan_finish(NULL, &f->sched->loop_stack, &f->sched->loop_stack_len);
  f->run(f->arg);
  f->ended = true;
  to_loop(f->sched, true);
  SO_ASSERT(false);
}

static uintptr_t *stack_words(const so_fiber *f) { return f->stack; }

static void resume(so_sched *s, so_fiber *f) {
  void *fake_stack = NULL;
  s->current = f;
  asan_start(&fake_stack, f->stack, s->config.stack_len);
  so_context_switch(&s->loop_sp, f->sp);
  asan_finish(fake_stack, NULL, NULL);
  s->current = NULL;
  if (s->config.check != SO_STACK_GUARDED) {
    SO_ASSERT(stack_words(f)[0] == CANARY);
  }
}

// --- fibers -----------------------------------------------------------------------------------

static void stack_paint(const so_sched *s, so_fiber *f) {
  const size_t words = s->config.check == SO_STACK_PAINTED
                           ? (size_t)((uint8_t *)f - (uint8_t *)f->stack) / sizeof(uintptr_t)
                           : 1;
  for (size_t i = 0; i < words && s->config.check != SO_STACK_GUARDED; i++) {
    stack_words(f)[i] = CANARY;
  }
}

static void measure_stack(so_sched *s, const so_fiber *f) {
  if (s->config.check != SO_STACK_PAINTED) {
    return;
  }
  size_t i = 0;
  while (&stack_words(f)[i] < (const uintptr_t *)f && stack_words(f)[i] == CANARY) {
    i++;
  }
  const size_t used = s->config.stack_len - i * sizeof(uintptr_t);
  s->stack_used_max = used > s->stack_used_max ? used : s->stack_used_max;
}

so_status so_fiber_spawn(so_sched *s, const char *name, void (*run)(void *arg), void *arg) {
  if (s->fiber_count >= s->config.fiber_max) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_sched_platform *const p = &s->config.platform;
  uint8_t *const stack = p->stack_alloc(p->ctx, s->config.stack_len);
  if (stack == NULL) {
    return so_status_make(SO_LIMIT, 1);
  }
  const size_t record_len = (sizeof(so_fiber) + 15) & ~(size_t)15;
  so_fiber *const f = (so_fiber *)(void *)(stack + s->config.stack_len - record_len);
  memset(f, 0, sizeof *f);
  f->sched = s;
  f->name = name;
  f->run = run;
  f->arg = arg;
  f->stack = stack;
  stack_paint(s, f);
  f->sp = so_context_make(f, fiber_entry, f);
  f->all_next = s->fibers;
  if (s->fibers != NULL) {
    s->fibers->all_prev = f;
  }
  s->fibers = f;
  s->fiber_count++;
  list_push(&s->ready.first, &s->ready.last, f);
  return so_done();
}

static void retire(so_sched *s, so_fiber *f) {
  measure_stack(s, f);
  *(f->all_prev != NULL ? &f->all_prev->all_next : &s->fibers) = f->all_next;
  if (f->all_next != NULL) {
    f->all_next->all_prev = f->all_prev;
  }
  s->fiber_count--;
  s->config.platform.stack_free(s->config.platform.ctx, f->stack, s->config.stack_len);
}

// suspend waits for `e` (or nothing, when NULL) or the deadline; true when the deadline ended it.
static bool suspend(so_sched *s, so_event *e, uint64_t deadline_ns) {
  so_fiber *const f = s->current;
  SO_ASSERT(f != NULL);
  if (e != NULL) {
    list_push(&e->first, &e->last, f);
    f->event = e;
  }
  if (deadline_ns != SO_NEVER) {
    so_timers_add(s, f, deadline_ns);
  }
  f->waiting = true;
  to_loop(s, false);
  return f->timed_out;
}

static bool must_not_wait(const so_sched *s, uint64_t deadline_ns) {
  SO_ASSERT(s->current != NULL);
  return (s->stopping && s->current->wake_on_stop) ||
         (deadline_ns != SO_NEVER && deadline_ns <= so_clock_now(&s->config.clock));
}

void so_fiber_yield(so_sched *s) {
  SO_ASSERT(s->current != NULL);
  list_push(&s->ready.first, &s->ready.last, s->current);
  to_loop(s, false);
}

void so_fiber_sleep_until(so_sched *s, uint64_t deadline_ns) {
  if (must_not_wait(s, deadline_ns)) {
    so_fiber_yield(s);
    return;
  }
  (void)suspend(s, NULL, deadline_ns);
}

so_status so_event_wait(so_sched *s, so_event *e, uint64_t deadline_ns) {
  if (must_not_wait(s, deadline_ns)) {
    return so_status_make(SO_AGAIN, 0);
  }
  return suspend(s, e, deadline_ns) ? so_status_make(SO_AGAIN, 0) : so_done();
}

void so_event_signal(so_sched *s, so_event *e) {
  while (e->first != NULL) {
    make_ready(s, e->first, false);
  }
}

bool so_fiber_wake_on_stop(so_sched *s, bool on) {
  SO_ASSERT(s->current != NULL);
  const bool before = s->current->wake_on_stop;
  s->current->wake_on_stop = on;
  return before;
}

void so_sched_stop(so_sched *s) {
  s->stopping = true;
  for (so_fiber *f = s->fibers; f != NULL; f = f->all_next) {
    if (f->waiting && f->wake_on_stop) {
      make_ready(s, f, true);
    }
  }
}

bool so_sched_stopping(const so_sched *s) { return s->stopping; }

// --- the loop ---------------------------------------------------------------------------------

so_status so_sched_init(so_sched *s, const so_sched_config *config) {
  SO_ASSERT(config->fiber_max != 0 && config->stack_len % 16 == 0);
  memset(s, 0, sizeof *s);
  s->config = *config;
  s->timers = so_heap_alloc_array(config->heap, config->fiber_max, sizeof(so_fiber *));
  return s->timers != NULL ? so_done() : so_status_make(SO_LIMIT, 0);
}

static void wake_expired(so_sched *s) {
  if (s->timer_count == 0) {
    return;
  }
  const uint64_t now = so_clock_now(&s->config.clock);
  while (s->timer_count != 0 && s->timers[0]->deadline_ns <= now) {
    make_ready(s, s->timers[0], true);
  }
}

// run_turn runs what is runnable now; what becomes so meanwhile waits for the next turn.
static void run_turn(so_sched *s) {
  so_fiber *const last = s->ready.last;
  while (s->ready.first != NULL && !s->ended) {
    so_fiber *const f = s->ready.first;
    const bool was_last = f == last;
    list_remove(&s->ready.first, &s->ready.last, f);
    resume(s, f);
    if (f->ended) {
      retire(s, f);
    }
    if (was_last) {
      return;
    }
  }
}

so_status so_sched_run(so_sched *s) {
  const so_sched_platform *const p = &s->config.platform;
  while (s->fiber_count != 0 && !s->ended) {
    wake_expired(s);
    run_turn(s);
    if (s->fiber_count == 0 || s->ended) {
      break;
    }
    uint64_t deadline_ns = s->timer_count != 0 ? s->timers[0]->deadline_ns : SO_NEVER;
    if (s->ready.first != NULL) {
      deadline_ns = 0;
    }
    if (!p->idle(p->ctx, deadline_ns) && s->ready.first == NULL) {
      return so_status_make(SO_INTERNAL, 0);
    }
  }
  return so_done();
}

void so_sched_end(so_sched *s) { s->ended = true; }

void so_sched_release(so_sched *s) {
  while (s->fibers != NULL) {
    retire(s, s->fibers);
  }
  so_heap_free(s->config.heap, s->timers, s->config.fiber_max * sizeof(so_fiber *));
  s->timers = NULL;
}

const char *so_sched_current_name(const so_sched *s) {
  return s->current != NULL ? s->current->name : "loop";
}

const void *so_sched_current_stack(const so_sched *s, size_t *out_len) {
  *out_len = s->config.stack_len;
  return s->current != NULL ? s->current->stack : NULL;
}

size_t so_sched_stack_used_max(const so_sched *s) { return s->stack_used_max; }
