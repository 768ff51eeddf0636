// The network of a program: our own TCP/IP over the first device, or one that says that there is none.

#include "base/fmt.h"
#include "kernel/bare/internal.h"
#include "net/host/host.h"
#include "net/host/program.h"

#define EXIT_USAGE 2
#define EXIT_NETWORK 5
#define SETTINGS_LEN_MAX 2048u

// Of the machine's memory, what packets get when nothing else is said, and what a connection may count on.
#define POOL_SHARE 8u
#define POOL_PAGES_MIN 48u
#define POOL_PAGES_MAX 16384u
#define CONNECTION_PAGES 8u
#define CONNECTIONS_MIN 32u
#define CONNECTIONS_MAX 16384u

// --- no network -------------------------------------------------------------------------------

static so_status say_none(void *ctx) {
  bare_say(ctx, "there is no network: %s",
           "the machine has no network device, or no ip= on its command line");
  return so_status_make(SO_IO, 0);
}
static so_status no_listen(void *ctx, const so_endpoint *at, so_listener *out) {
  (void)at, (void)out;
  return say_none(ctx);
}
static so_status no_connect(void *ctx, const so_endpoint *to, uint64_t deadline_ns,
                            so_stream *out) {
  (void)to, (void)deadline_ns, (void)out;
  return say_none(ctx);
}
static so_status no_resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
  (void)name, (void)deadline_ns, (void)out;
  return say_none(ctx);
}
static so_status no_bind(void *ctx, const so_endpoint *at, so_datagram_socket *out) {
  (void)at, (void)out;
  return say_none(ctx);
}

// --- ours -------------------------------------------------------------------------------------

static int run(const so_world *world, void *arg) {
  const bare *const b = arg;
  const uint64_t us = so_machine_since_entry_ns() / 1000;
  bare_say(b, "started %llu.%03llu ms after entry", (unsigned long long)us / 1000,
           (unsigned long long)us % 1000);
  return so_main(world, b->command_line.argc, b->command_line.argv);
}

static uint32_t share(size_t pages, size_t part, size_t min, size_t max) {
  const size_t n = pages / part;
  return (uint32_t)(n < min ? min : n > max ? max : n);
}

// A value may hold several, with blanks between them (one key of xenstore for two addresses): each becomes a setting.
static void append_setting(so_buf *text, const so_command_line_word *w) {
  so_bytes left = w->value;
  do {
    const so_bytes one = so_bytes_first(left, so_bytes_find(left, ' '));
    left = so_bytes_from(left, one.len + 1);
    if (one.len != 0 || w->value.len == 0) {
      so_buf_printf(text, "%s=%.*s ", so_setting_key(w->setting), SO_FMT(one));
    }
  } while (left.len != 0);
}

static bool parse(bare *b, so_host_config *out) {
  so_buf text;
  so_bytes bad = {NULL, 0};
  so_buf_init(&text, &b->heap, SETTINGS_LEN_MAX);
  for (size_t i = 0; i < b->command_line.setting_count; i++) {
    const so_command_line_word *const w = &b->command_line.settings[i];
    if (w->setting < SO_SETTING_NETWORK_COUNT) {
      append_setting(&text, w);
    }
  }
  so_bytes all = {NULL, 0};
  const bool ok = so_ok(so_buf_end(&text, &all)) && so_ok(so_host_config_parse(all, out, &bad));
  if (!ok) {
    bare_say(b, "this setting of the network is not understood: %.*s", SO_FMT(bad));
  }
  so_buf_release(&text);
  return ok;
}

static int run_without(bare *b) {
  b->world.net = (so_net){no_listen, no_connect, no_resolve, no_bind, b};
  return run(&b->world, b);
}

int bare_run_program(bare *b) {
  so_host_config config;
  so_netdev device;
  so_bytes ip;
  const char *why = NULL;
  if (!parse(b, &config)) {
    return EXIT_USAGE;
  }
  if (!so_command_line_get(&b->command_line, SO_SETTING_IP, &ip)) {
    return run_without(b);
  }
  const so_status s = so_devices_net(0, &device, &why);
  if (!so_ok(s)) {
    bare_say(b, "no network device: %s",
             why != NULL ? why : "ip= was given, but the machine has none");
    return EXIT_NETWORK;
  }
  if (config.page_count == 0) {
    config.page_count = share(b->pages.free_count, POOL_SHARE, POOL_PAGES_MIN, POOL_PAGES_MAX);
  }
  if (config.connections_max == 0) {
    config.connections_max =
        share(b->pages.free_count, CONNECTION_PAGES, CONNECTIONS_MIN, CONNECTIONS_MAX);
  }
  bare_debug_network(b, &device, config.page_count, config.connections_max);
  so_bare_image.host(&config);
  return so_host_run(&b->world, &device, so_str("the network device"), &config, run, b);
}
