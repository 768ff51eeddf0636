// What a crash prints: the signal, the fiber, and where it was. Only async-signal-safe calls.

#include <execinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/unix/internal.h"

#define CRASH_STACK_LEN (64u * 1024)
#define FRAMES_MAX 64

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1  // It has a better report of its own.
#endif
#endif

#if !defined(HAS_ASAN)

static const so_unix *crashing;  // The world that a report speaks about.
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};

static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) {
    return;  // Nothing is left to say it with.
  }
}

static const char *signal_name(int number) {
  switch (number) {
    case SIGSEGV:
      return "invalid memory access (SIGSEGV)";
    case SIGBUS:
      return "bus error (SIGBUS)";
    case SIGILL:
    case SIGTRAP:
      return "a broken invariant (trap)";
    case SIGFPE:
      return "arithmetic error (SIGFPE)";
    default:
      return "abort";
  }
}

static void say_overflow(const void *address) {
  size_t len;
  const uint8_t *const stack = so_sched_current_stack(&crashing->sched, &len);
  const uint8_t *const at = address;
  if (stack != NULL && at < stack && at >= stack - crashing->stacks.page_len) {
    say("crash: stack overflow: the fiber ran into its guard page\n");
  }
}

static void on_crash(int number, siginfo_t *info, void *context) {
  (void)context;
  say("\ncrash: ");
  say(signal_name(number));
  if (crashing != NULL) {
    say(" in fiber ");
    say(so_sched_current_name(&crashing->sched));
    say("\n");
    if (number == SIGSEGV) {
      say_overflow(info->si_addr);
    }
  }
  void *frames[FRAMES_MAX];
  const int count = backtrace(frames, FRAMES_MAX);
  backtrace_symbols_fd(frames, count, STDERR_FILENO);
  (void)raise(number);  // The handler is gone (SA_RESETHAND): this one kills.
}

void unix_crash_init(const so_unix *u) {
  static uint8_t stack[CRASH_STACK_LEN];
  crashing = u;
  void *frame[1];
  (void)backtrace(frame, 1);  // Loads the unwinder now, while memory can be had.
  const stack_t on = {.ss_sp = stack, .ss_size = sizeof stack};
  const stack_t off = {.ss_flags = SS_DISABLE};
  (void)sigaltstack(u != NULL ? &on : &off, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND;
  if (u == NULL) {
    action.sa_flags = 0;
    action.sa_handler = SIG_DFL;
  }
  for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++) {
    (void)sigaction(crash_signals[i], &action, NULL);
  }
}

#else

void unix_crash_init(const so_unix *u) { (void)u; }

#endif
