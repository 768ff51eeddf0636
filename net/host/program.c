#include "net/host/program.h"

#include "base/fmt.h"
#include "net/address/address.h"
#include "net/host/internal.h"

// For DHCP, and for the probing of an IPv6 address.
#define READY_NS (30 * SO_NS_PER_S)
// What connections get to finish after the program has ended.
#define DRAIN_NS (3 * SO_NS_PER_S)

typedef struct program {
  const so_world *world;
  so_bytes device;
  const so_host_config *config;
  int (*run)(const so_world *world, void *arg);
  void *arg;
  so_metrics of_host;
} program;

static void say(const so_world *world, so_buf *text) {
  so_buf_append_u8(text, '\n');
  so_console_write(&world->console, so_buf_bytes(text));
  so_buf_clear(text);
}

static int fail(const so_world *world, so_buf *text) {
  say(world, text);
  return SO_HOST_EXIT_NETWORK;
}

static void say_address(const so_world *world, so_bytes device, const so_ip *ip, so_buf *text) {
  uint8_t name[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(name, sizeof name);
  so_ip_write(ip, &w);
  so_buf_printf(text, "our own TCP/IP on %.*s has %.*s", SO_FMT(device),
                SO_FMT(so_writer_bytes(&w)));
  say(world, text);
}

// What the platform counts, and then the host.
static void each_metric(void *ctx, so_metric_visit *visit, void *visit_ctx) {
  const program *const p = ctx;
  so_metrics_each(&p->world->metrics, visit, visit_ctx);
  so_metrics_each(&p->of_host, visit, visit_ctx);
}

static int run_host(program *p, so_host *host, so_buf *text) {
  const so_world *const world = p->world;
  so_ip ip;
  if (!so_ok(so_host_wait_ready(host, so_clock_now(&world->clock) + READY_NS, &ip))) {
    so_buf_append_str(text, "there is no address after 30 seconds: no DHCP server and no router "
                            "answered; name one with ip=ADDR/LEN");
    return fail(world, text);
  }
  say_address(world, p->device, &ip, text);
  if (p->config->parts.names != NULL) {
    p->config->parts.names->describe(host, text);
    if (so_buf_bytes(text).len != 0) {
      say(world, text);
    }
  }
  so_world with_net = *world;
  with_net.net = so_host_net(host);
  p->of_host = so_host_metrics(host);
  with_net.metrics = (so_metrics){each_metric, p};
  const so_host_clock_part *const clock = p->config->parts.clock;
  return clock != NULL ? clock->run(&with_net, host, p->config, p->run, p->arg)
                       : p->run(&with_net, p->arg);
}

int so_host_run(const so_world *world, const so_netdev *device, so_bytes device_name,
                const so_host_config *config, int (*run)(const so_world *world, void *arg),
                void *arg) {
  program p = {.world = world, .device = device_name, .config = config, .run = run, .arg = arg};
  so_host *host;
  so_buf text;
  int code;
  so_buf_init(&text, world->heap, 4096);
  bool needed;
  const char *why = so_host_config_missing(config, &needed);
  if (why != NULL && !needed) {
    so_buf_append_str(&text, why);
    say(world, &text);
    why = NULL;
  }
  const so_status s = why != NULL ? so_status_make(SO_UNSUPPORTED, 0)
                                  : so_host_start(world, device, config, &host);
  if (!so_ok(s)) {
    so_netdev_close(device);
    if (why == NULL) {
      why = so_is(s, SO_LIMIT) ? "not enough memory" : "an address that no host can have";
    }
    so_buf_printf(&text, "cannot start the network: %s", why);
    code = fail(world, &text);
  } else {
    code = run_host(&p, host, &text);
    so_host_stop(host, so_clock_now(&world->clock) + DRAIN_NS);
  }
  so_buf_release(&text);
  return code;
}
