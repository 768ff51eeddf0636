// Clock, entropy, console, heap and sidecar files.

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "kernel/unix/internal.h"

// --- clock ------------------------------------------------------------------------------------

static struct timespec read_clock(clockid_t id) {
  struct timespec t;
  SO_ASSERT(clock_gettime(id, &t) == 0);
  return t;
}

static uint64_t monotonic_ns(void *ctx) {
  (void)ctx;
  const struct timespec t = read_clock(CLOCK_MONOTONIC);
  return (uint64_t)t.tv_sec * SO_NS_PER_S + (uint64_t)t.tv_nsec;
}

static int64_t unix_ns(void *ctx) {
  (void)ctx;
  const struct timespec t = read_clock(CLOCK_REALTIME);
  return (int64_t)t.tv_sec * (int64_t)SO_NS_PER_S + (int64_t)t.tv_nsec;
}

// --- entropy ----------------------------------------------------------------------------------

static void entropy_fill(void *ctx, uint8_t *out, size_t len) {
  (void)ctx;
  while (len != 0) {
    const ssize_t n = getrandom(out, len, 0);
    if (n > 0) {
      out += n;
      len -= (size_t)n;
    } else {
      SO_ASSERT(errno == EINTR);
    }
  }
}

// --- console ----------------------------------------------------------------------------------

static void write_all(const char *text, size_t len) {
  while (len != 0) {
    const ssize_t n = write(STDOUT_FILENO, text, len);
    if (n > 0) {
      text += n;
      len -= (size_t)n;
    } else if (n < 0 && errno == EAGAIN) {
      struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};
      (void)poll(&p, 1, 1000);
    } else if (n == 0 || errno != EINTR) {
      return;  // Nobody reads any more.
    }
  }
}

void unix_console_flush(unix_console *c) {
  write_all(c->line, c->line_len);
  c->line_len = 0;
}

// Whole lines go out in one write, so that those of several processes do not mix.
static void console_write(void *ctx, so_bytes text) {
  unix_console *const c = &((so_unix *)ctx)->console;
  for (size_t i = 0; i < text.len; i++) {
    if (c->line_len == sizeof c->line) {
      unix_console_flush(c);
    }
    c->line[c->line_len++] = (char)text.ptr[i];
  }
  if (text.len != 0 && text.ptr[text.len - 1] == '\n') {
    unix_console_flush(c);
  }
}

// --- heap -------------------------------------------------------------------------------------

static void *heap_resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  (void)ctx;
  (void)old_len;
  if (new_len == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, new_len);
}

const so_heap *so_unix_heap(void) {
  static const so_heap heap = {heap_resize, NULL};
  return &heap;
}

// --- all of them ------------------------------------------------------------------------------

static so_status sidecar_write(void *ctx, so_bytes name, so_bytes bytes) {
  (void)ctx;
  return so_unix_write_file(name, bytes);
}

void unix_host_init(so_unix *u) {
  u->world.clock = (so_clock){monotonic_ns, unix_ns, NULL};
  u->world.entropy = (so_entropy){entropy_fill, NULL};
  u->world.console = (so_console){console_write, u};
  u->world.sidecar = (so_sidecar){sidecar_write, NULL, unix_sidecar_read};
  u->world.heap = so_unix_heap();
}
