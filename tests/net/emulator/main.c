// emulator: two tap devices joined by a bad link. For real peers, on machines whose kernel has no
// netem.
//
//   emulator [--loss PERCENT] [--delay MS] [--jitter MS] [--reorder PERCENT] [--reorder-by MS]
//            [--duplicate PERCENT] [--rate MBIT] [--queue MS] [--seed N] A B
//
// A and B are tap devices, TAP or NETNS:TAP, where NETNS is a file such as /proc/123/ns/net. Every
// setting holds for both directions. Prints "ready" when both are open, and what it did on SIGTERM.

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/net/emulator/link.h"

#define FRAMES_A_TURN 64
#define FRAME_MAX 100000u

static volatile sig_atomic_t stopping;

static void on_signal(int signal) {
  (void)signal;
  stopping = 1;
}

static void die(const char *what, const char *name) {
  fprintf(stderr, "emulator: %s %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// open_tap opens [NETNS:]TAP without offloads: what passes are frames as on a wire.
static int open_tap(const char *name, int home) {
  const char *const colon = strrchr(name, ':');
  const char *const tap = colon != NULL ? colon + 1 : name;
  char path[256];
  if (colon != NULL) {
    (void)snprintf(path, sizeof path, "%.*s", (int)(colon - name), name);
    const int ns = open(path, O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNET) != 0) {
      die("cannot enter", path);
    }
    (void)close(ns);
  }
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq r;
  memset(&r, 0, sizeof r);
  (void)snprintf(r.ifr_name, sizeof r.ifr_name, "%s", tap);
  r.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &r) != 0 || ioctl(fd, TUNSETOFFLOAD, 0ul) != 0) {
    die("cannot open the tap device", name);
  }
  if (setns(home, CLONE_NEWNET) != 0) {
    die("cannot return from", name);
  }
  return fd;
}

static void receive(int fd, emulator_link *l) {
  uint8_t frame[EMULATOR_FRAME_LEN_MAX + 1];
  for (int i = 0; i < FRAMES_A_TURN; i++) {
    const ssize_t n = read(fd, frame, sizeof frame);
    if (n <= 0) {
      return;
    }
    emulator_link_push(l, frame, (size_t)n, now_ns());
  }
}

static void deliver(int fd, emulator_link *l) {
  for (emulator_frame *f; (f = emulator_link_pop(l, now_ns())) != NULL;) {
    if (write(fd, f->bytes, f->len) < 0 && errno != EIO && errno != EAGAIN) {
      die("cannot write to", "a tap device");
    }
    free(f);
  }
}

static void arm(int timer, uint64_t due_ns) {
  struct itimerspec t;
  memset(&t, 0, sizeof t);
  if (due_ns != UINT64_MAX) {
    due_ns = due_ns == 0 ? 1 : due_ns;
    t.it_value.tv_sec = (time_t)(due_ns / 1000000000u);
    t.it_value.tv_nsec = (long)(due_ns % 1000000000u);
  }
  (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void carry(const int fds[2], emulator_link links[2]) {
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct pollfd polled[3] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}, {timer, POLLIN, 0}};
  uint64_t armed = UINT64_MAX;
  while (!stopping) {
    const uint64_t due = earlier(emulator_link_due(&links[0]), emulator_link_due(&links[1]));
    if (due != armed) {
      arm(timer, due);
      armed = due;
    }
    if (poll(polled, 3, 1000) < 0 && errno != EINTR) {
      die("cannot wait for", "frames");
    }
    for (int i = 0; i < 2; i++) {
      receive(fds[i], &links[i]);
      deliver(fds[1 - i], &links[i]);
    }
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) > 0) {
      armed = UINT64_MAX;
    }
  }
}

static void report(const char *name, const emulator_stats *s) {
  fprintf(stderr,
          "emulator: %s: %llu frames, %llu lost, %llu duplicated, %llu reordered, %llu queue full, "
          "%llu delivered\n",
          name, (unsigned long long)s->frames, (unsigned long long)s->lost,
          (unsigned long long)s->duplicated, (unsigned long long)s->reordered,
          (unsigned long long)s->queue_full, (unsigned long long)s->delivered);
}

static bool set(emulator_config *c, const char *name, const char *value) {
  char *end;
  const double v = strtod(value, &end);
  if (end == value || *end != '\0' || v < 0) {
    return false;
  }
  const uint64_t ms_ns = (uint64_t)(v * 1e6);
  if (strcmp(name, "--loss") == 0) {
    c->loss = v / 100;
  } else if (strcmp(name, "--duplicate") == 0) {
    c->duplicate = v / 100;
  } else if (strcmp(name, "--reorder") == 0) {
    c->reorder = v / 100;
  } else if (strcmp(name, "--reorder-by") == 0) {
    c->reorder_ns = ms_ns;
  } else if (strcmp(name, "--delay") == 0) {
    c->delay_ns = ms_ns;
  } else if (strcmp(name, "--jitter") == 0) {
    c->jitter_ns = ms_ns;
  } else if (strcmp(name, "--rate") == 0) {
    c->rate = (uint64_t)(v * 1e6 / 8);
  } else if (strcmp(name, "--queue") == 0) {
    c->queue_ns = ms_ns;
  } else if (strcmp(name, "--seed") == 0) {
    c->seed = (uint64_t)v;
  } else {
    return false;
  }
  return true;
}

int main(int argc, char **argv) {
  emulator_config c = {
      .seed = 1, .reorder_ns = 5000000, .queue_ns = 50000000, .frame_max = FRAME_MAX};
  int i = 1;
  for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
    if (!set(&c, argv[i], argv[i + 1])) {
      fprintf(stderr, "emulator: %s %s is not understood\n", argv[i], argv[i + 1]);
      return 2;
    }
  }
  if (argc - i != 2) {
    fprintf(stderr, "usage: emulator [options] A B\n");
    return 2;
  }
  (void)prctl(PR_SET_TIMERSLACK, 1000ul);  // Delays are to be right to microseconds.
  const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  const int fds[2] = {open_tap(argv[i], home), open_tap(argv[i + 1], home)};
  emulator_link links[2];
  emulator_config back = c;
  back.seed = c.seed ^ 0x5555555555555555u;
  if (!emulator_link_init(&links[0], &c) || !emulator_link_init(&links[1], &back)) {
    die("no memory for", "frames");
  }
  (void)signal(SIGTERM, on_signal);
  (void)signal(SIGINT, on_signal);
  fprintf(stderr, "emulator: seed %llu\n", (unsigned long long)c.seed);
  puts("ready");
  (void)fflush(stdout);
  carry(fds, links);
  report("A to B", &links[0].stats);
  report("B to A", &links[1].stats);
  emulator_link_release(&links[0]);
  emulator_link_release(&links[1]);
  return 0;
}
