// The loop: epoll, signals, and the life of a world.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

#define EVENTS_A_LOOK 128

so_status unix_watch_add(so_unix *u, unix_watch *w, int fd) {
  struct epoll_event e = {
      .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
      .data = {.ptr = w},
  };
  memset(w, 0, sizeof *w);
  w->fd = fd;
  return epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0
             ? so_done()
             : so_status_make(SO_LIMIT, (uint16_t)errno);
}

// --- signals ----------------------------------------------------------------------------------

static sigset_t stop_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

static bool signals_init(so_unix *u) {
  const sigset_t set = stop_signals();
  if (pthread_sigmask(SIG_BLOCK, &set, &u->old_mask) != 0) {
    return false;
  }
  u->has_signals = true;
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return fd >= 0 && so_ok(unix_watch_add(u, &u->signals, fd));
}

static void signals_release(so_unix *u) {
  if (u->has_signals) {
    (void)pthread_sigmask(SIG_SETMASK, &u->old_mask, NULL);
    u->has_signals = false;
  }
}

// The first signal asks politely. Unblocking them lets a second one kill.
static void on_signal(so_unix *u) {
  struct signalfd_siginfo info;
  if (read(u->signals.fd, &info, sizeof info) == (ssize_t)sizeof info) {
    signals_release(u);
    so_sched_stop(&u->sched);
  }
}

// --- waiting ----------------------------------------------------------------------------------

static int timeout_ms(const so_unix *u, uint64_t deadline_ns) {
  if (deadline_ns == SO_NEVER) {
    return -1;
  }
  const uint64_t now = deadline_ns == 0 ? 0 : so_clock_now(&u->world.clock);
  if (deadline_ns <= now) {
    return 0;
  }
  // Rounded up, so that the deadline has come when epoll says that time is over.
  const uint64_t ms = (deadline_ns - now - 1) / SO_NS_PER_MS + 1;
  return ms < 3600000 ? (int)ms : 3600000;
}

static void dispatch(so_unix *u, unix_watch *w, uint32_t events) {
  if (w == &u->signals) {
    on_signal(u);
    return;
  }
  if (w == &u->finished) {
    unix_workers_collect(u);
    return;
  }
  w->ended |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || w->joined) {
    w->drained = false;
    so_event_signal(&u->sched, &w->readable);
  }
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) {
    so_event_signal(&u->sched, &w->writable);
  }
}

static bool idle(void *ctx, uint64_t deadline_ns) {
  so_unix *const u = ctx;
  struct epoll_event events[EVENTS_A_LOOK];
  const int n = epoll_wait(u->epoll_fd, events, EVENTS_A_LOOK, timeout_ms(u, deadline_ns));
  SO_ASSERT(n >= 0 || errno == EINTR);
  u->calls = 0;
  // No fiber runs in this loop, so no watch is freed while its event is still to come.
  for (int i = 0; i < n; i++) {
    dispatch(u, events[i].data.ptr, events[i].events);
  }
  return true;
}

// --- life cycle -------------------------------------------------------------------------------

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static so_status open_block(void *ctx, so_bytes name, bool create, so_block *out) {
  return unix_open_block(ctx, name, create, out);
}

static bool sched_init(so_unix *u, const so_unix_config *config) {
  const size_t page = u->stacks.page_len;
  const size_t len = config->stack_len != 0 ? config->stack_len : SO_UNIX_STACK_LEN;
  const so_sched_config c = {
      .heap = u->world.heap,
      .clock = u->world.clock,
      .platform = {unix_stack_alloc, unix_stack_free, idle, u},
      .stack_len = (len + page - 1) / page * page,
      .fiber_max = config->fiber_max != 0 ? config->fiber_max : SO_UNIX_FIBER_MAX,
      .check = SO_STACK_GUARDED,
  };
  return so_ok(so_sched_init(&u->sched, &c));
}

static bool unix_init(so_unix *u, const so_unix_config *config) {
  memset(u, 0, sizeof *u);
  u->signals.fd = -1;
  u->finished.fd = -1;
  unix_stacks_init(&u->stacks);
  unix_host_init(u);
  unix_net_init(u);
  u->world.sched = &u->sched;
  u->world.open_block = open_block;
  u->world.open_folder = unix_open_folder;
  u->world.ctx = u;
  u->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  return sched_init(u, config) && u->epoll_fd >= 0 && unix_workers_init(u) &&
         (config->keep_signals || signals_init(u));
}

static void unix_release(so_unix *u) {
  unix_workers_release(u);
  so_sched_release(&u->sched);
  unix_stacks_release(&u->stacks, u->sched.config.stack_len);
  signals_release(u);
  if (u->signals.fd >= 0) {
    (void)close(u->signals.fd);
  }
  if (u->epoll_fd >= 0) {
    (void)close(u->epoll_fd);
  }
  unix_console_flush(&u->console);
}

typedef struct first_fiber {
  so_unix *u;
  int (*run)(const so_world *world, void *arg);
  void *arg;
  int result;
} first_fiber;

static void run_first(void *arg) {
  first_fiber *const f = arg;
  f->result = f->run(&f->u->world, f->arg);
  so_sched_end(&f->u->sched);
}

int so_unix_run(const so_unix_config *config, int (*run)(const so_world *world, void *arg),
                void *arg) {
  static const so_unix_config defaults;
  first_fiber first = {malloc(sizeof(so_unix)), run, arg, SO_UNIX_EXIT_NO_WORLD};
  if (first.u == NULL) {
    return SO_UNIX_EXIT_NO_WORLD;
  }
  raise_file_limit();
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  if (unix_init(first.u, config != NULL ? config : &defaults)) {
    unix_crash_init(first.u);
    if (so_ok(so_fiber_spawn(&first.u->sched, "main", run_first, &first))) {
      const so_status s = so_sched_run(&first.u->sched);
      SO_ASSERT(so_ok(s));
    }
    unix_crash_init(NULL);
  }
  unix_release(first.u);
  free(first.u);
  return first.result;
}
