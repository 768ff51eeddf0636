// The clock, as a part of a host: a program in a world whose clock time servers set.

#include "base/fmt.h"
#include "net/host/clock.h"
#include "net/host/internal.h"

// For the first answer of a time server; the program starts without it, and gets it later.
#define CLOCK_NS (5 * SO_NS_PER_S)
#define LINE_LEN_MAX 128u
#define EXIT_NETWORK 5  // SO_HOST_EXIT_NETWORK of program.h.

static void say(const so_world *world, so_buf *text) {
  so_buf_append_u8(text, '\n');
  so_console_write(&world->console, so_buf_bytes(text));
}

// say_clock says how far the platform's clock was off, when time servers were to be asked.
static void say_clock(const so_world *world, so_host_clock *clock) {
  uint8_t line[LINE_LEN_MAX];
  so_buf text = {.ptr = line, .cap = sizeof line, .limit = sizeof line};
  const uint64_t until_ns = so_clock_now(&world->clock) + CLOCK_NS;
  const so_status s = so_host_clock_wait(clock, until_ns);
  so_sntp_sample sample;
  if (so_host_clock_sample(clock, &sample)) {
    const so_clock port = so_host_clock_port(clock);
    const int64_t ms =
        (so_clock_unix_ns(&port) - so_clock_unix_ns(&world->clock)) / (int64_t)SO_NS_PER_MS;
    so_buf_printf(&text, "the clock is set by a time server (stratum %u): %s%lld.%03lld s",
                  sample.stratum, ms < 0 ? "-" : "+", (long long)(ms < 0 ? -ms : ms) / 1000,
                  (long long)(ms < 0 ? -ms : ms) % 1000);
    say(world, &text);
  } else if (!so_is(s, SO_NOT_FOUND) || so_host_clock_has_servers(clock)) {
    so_buf_append_str(&text, "no time server has answered yet; the clock is this machine's");
    say(world, &text);
  }
}

static int run(const so_world *world, so_host *h, const so_host_config *config,
               int (*run_program)(const so_world *world, void *arg), void *arg) {
  so_host_clock *clock;
  if (!so_ok(so_host_clock_start(world, h, config, &clock))) {
    so_console_write(&world->console, so_str("cannot start the clock: not enough memory\n"));
    return EXIT_NETWORK;
  }
  say_clock(world, clock);
  so_world with_clock = *world;
  with_clock.clock = so_host_clock_port(clock);
  with_clock.metrics = so_host_clock_metrics(clock);
  const int code = run_program(&with_clock, arg);
  so_host_clock_stop(clock);
  return code;
}

void so_host_config_clock(so_host_config *c) {
  static const so_host_clock_part part = {run};
  so_host_config_datagrams(c);
  c->parts.clock = &part;
}
