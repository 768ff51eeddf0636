// The entry of a Unix process whose network is our own TCP/IP on a tap device: takes its own
// options off the command line, sets the host up, and runs so_main in a world with that network.

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "base/heap.h"
#include "kernel/unix/tap.h"
#include "kernel/unix/unix.h"
#include "net/host/host.h"
#include "net/host/parts.h"
#include "net/host/program.h"

#define EXIT_USAGE 2
#define SETTINGS_LEN_MAX 2048

static const char usage[] =
    "this program has its own TCP/IP; before its options it takes\n"
    "  --tap NAME           the tap device (made when it is not there)\n"
    "  --ip ADDR/LEN        our address, IPv4 or IPv6 (repeatable), or dhcp\n"
    "  --gw ADDR            the router, one for each family\n"
    "  --dns LIST           name servers, separated by commas\n"
    "  --ntp LIST           time servers that set the clock, separated by commas; off: none, not\n"
    "                       even those that DHCP names\n"
    "  --net \"SETTINGS\"     any of ip= gw= dns= search= ntp= ipv6=on|off\n"
    "                       hostname= pages= connections= congestion=cubic|newreno\n"
    "  --tap-plain          neither checksums nor segmentation are left to the host's kernel\n";

typedef struct program {
  int argc;
  const char **argv;  // Without our options.
  const char *tap;
  const char *incomplete;  // One of our options, without its value.
  bool plain;
  so_buf settings;
} program;

static void say(const so_world *world, so_buf *text) {
  so_console_write(&world->console, so_buf_bytes(text));
  so_buf_clear(text);
}

// take_option handles one of ours; 0: not ours, 1: taken, -1: its value is missing.
static int take_option(program *p, const char *name, const char *value) {
  static const struct {
    const char *option;
    const char *key;
  } keys[] = {{"--ip", "ip="},   {"--gw", "gw="}, {"--dns", "dns="},
              {"--ntp", "ntp="}, {"--net", ""},  {"--tap", NULL}};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (!so_bytes_equal(so_str(name), so_str(keys[i].option))) {
      continue;
    }
    if (value == NULL) {
      return -1;
    }
    if (keys[i].key == NULL) {
      p->tap = value;
    } else {
      so_buf_append_str(&p->settings, keys[i].key);
      so_buf_append_str(&p->settings, value);
      so_buf_append_u8(&p->settings, ' ');
    }
    return 1;
  }
  return 0;
}

static bool take_options(program *p, int argc, const char *const *argv) {
  for (int i = 0; i < argc; i++) {
    if (i > 0 && so_bytes_equal(so_str(argv[i]), so_str("--tap-plain"))) {
      p->plain = true;
      continue;
    }
    const int took = i > 0 ? take_option(p, argv[i], i + 1 < argc ? argv[i + 1] : NULL) : 0;
    if (took < 0) {
      p->incomplete = argv[i];
      return false;
    }
    if (took > 0) {
      i++;
    } else {
      p->argv[p->argc++] = argv[i];
    }
  }
  so_bytes settings;
  return p->tap != NULL && so_ok(so_buf_end(&p->settings, &settings));
}

static int refuse(const so_world *world, so_buf *text, int code) {
  so_buf_append_u8(text, '\n');
  say(world, text);
  return code;
}

// why_not says why a tap device could not be opened, and what to do.
static const char *why_not(so_status s) {
  if (s.detail == EINVAL) {
    return "an interface of that name is there and is no tap device (or one of several queues); "
           "choose another name";
  }
  if (s.detail == ENODEV || s.detail == ENXIO) {
    return "this kernel has no tap devices; load its module: modprobe tun";
  }
  if (s.detail == EACCES) {
    return "/dev/net/tun is not open to this user; start it as root, or let this user read and "
           "write it";
  }
  if (so_is(s, SO_DENIED)) {
    return "not permitted; start it as root or with CAP_NET_ADMIN, or make the device for this "
           "user: ip tuntap add NAME mode tap vnet_hdr user USER";
  }
  if (so_is(s, SO_NOT_FOUND)) {
    return "/dev/net/tun is not there; load the kernel's module (modprobe tun), and give the "
           "device to the container if this is one";
  }
  return so_is(s, SO_MALFORMED)  ? "a name has 1 to 15 characters"
         : so_is(s, SO_CONFLICT) ? "another process has it; end that one or choose another name"
                                 : so_code_name((so_code)s.code);
}

static int open_device(const so_world *world, const program *p, so_netdev *out, so_buf *text) {
  const so_unix_tap_config config = {.name = so_str(p->tap), .no_offload = p->plain};
  const so_status s = so_unix_open_tap(world, &config, out);
  if (so_ok(s)) {
    return 0;
  }
  so_buf_printf(text, "cannot open the tap device %.*s: %s", SO_FMT(so_str(p->tap)), why_not(s));
  return refuse(world, text, SO_HOST_EXIT_NETWORK);
}

static int run_program(const so_world *world, void *arg) {
  const program *const p = arg;
  return so_main(world, p->argc, p->argv);
}

static int run_device(const so_world *world, program *p, const so_host_config *config,
                      so_buf *text) {
  so_netdev device;
  const int failed = open_device(world, p, &device, text);
  return failed != 0 ? failed
                     : so_host_run(world, &device, so_str(p->tap), config, run_program, p);
}

typedef struct arguments {
  int argc;
  const char *const *argv;
} arguments;

static int run(const so_world *world, void *arg) {
  const arguments *const a = arg;
  so_buf text;
  so_host_config config;
  so_bytes bad;
  program p = {0};
  int code = EXIT_USAGE;
  so_buf_init(&text, world->heap, 4096);
  so_buf_init(&p.settings, world->heap, SETTINGS_LEN_MAX);
  p.argv = calloc((size_t)a->argc + 1, sizeof *p.argv);
  if (p.argv == NULL || !take_options(&p, a->argc, a->argv)) {
    if (p.incomplete != NULL) {
      so_buf_printf(&text, "%.*s wants a value\n", SO_FMT(so_str(p.incomplete)));
    } else if (p.argv != NULL && p.tap == NULL) {
      so_buf_append_str(&text, "--tap NAME is missing\n");
    }
    so_buf_append_str(&text, usage);
    code = refuse(world, &text, EXIT_USAGE);
  } else if (!so_ok(so_host_config_parse(so_buf_bytes(&p.settings), &config, &bad))) {
    so_buf_printf(&text, "this setting of the network is not understood: %.*s\n%s", SO_FMT(bad), usage);
    code = refuse(world, &text, EXIT_USAGE);
  } else {
    so_host_config_all(&config);
    code = run_device(world, &p, &config, &text);
  }
  free(p.argv);
  so_buf_release(&p.settings);
  so_buf_release(&text);
  return code;
}

int main(int argc, char **argv) {
  arguments a = {argc, (const char *const *)argv};
  return so_unix_run(NULL, run, &a);
}
