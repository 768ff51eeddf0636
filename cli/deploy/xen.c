#include "cli/deploy/xen.h"

#include <string.h>

#include "base/fmt.h"
#include "net/host/host.h"

#define NAME_LEN_MAX 63
#define BRIDGE_LEN_MAX 15  // Of a network device of Linux.
#define PATH_LEN_MAX 1000
#define HOST_NAME_LEN_MAX 253
#define SETTINGS_LEN_MAX 1024

// --- checking -------------------------------------------------------------------------------

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// is_word: a letter or digit, then those and `-_.`, up to `max` in all. Such a word needs no quoting
// in a configuration of xl, a shell, xenstore or a file name.
static bool is_word(const char *text, size_t max) {
  const size_t len = strlen(text);
  if (len == 0 || len > max || !is_alnum(text[0])) {
    return false;
  }
  for (size_t i = 1; i < len; i++) {
    if (!is_alnum(text[i]) && strchr("-_.", text[i]) == NULL) {
      return false;
    }
  }
  return true;
}

// is_path: absolute, and of characters that neither xl's disk syntax nor a shell takes for its own.
static bool is_path(const char *text) {
  const size_t len = strlen(text);
  if (len < 2 || len > PATH_LEN_MAX || text[0] != '/' || text[len - 1] == '/') {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (!is_alnum(text[i]) && strchr("/-_.+@:", text[i]) == NULL) {
      return false;
    }
  }
  return true;
}

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// is_mac: six pairs of digits of one station; the lowest bit of the first byte would mean a group.
static bool is_mac(const char *text) {
  if (strlen(text) != CLI_XEN_MAC_LEN - 1) {
    return false;
  }
  for (size_t i = 0; i < CLI_XEN_MAC_LEN - 1; i++) {
    if (i % 3 == 2 ? text[i] != ':' : !is_hex(text[i])) {
      return false;
    }
  }
  return strchr("02468aceACE", text[1]) != NULL;
}

// settings appends the network's part of the command line.
static void settings(const cli_xen_guest *g, so_buf *out) {
  so_buf_printf(out, "ip=%s", g->ip);
  if (g->ip6 != NULL) {
    so_buf_printf(out, " ip=%s", g->ip6);
  }
  if (g->gw != NULL) {
    so_buf_printf(out, " gw=%s", g->gw);
  }
  if (g->dns != NULL) {
    so_buf_printf(out, " dns=%s", g->dns);
  }
}

static so_status refuse(void) { return so_status_make(SO_MALFORMED, 0); }

// on_one_network: the router must be a neighbour, or nothing will ever reach it.
static bool on_one_network(const so_host_config *c, const so_ip *gateway) {
  for (size_t i = 0; i < c->address_count; i++) {
    const so_host_address *a = &c->addresses[i];
    if (a->ip.family == gateway->family && so_ip_in_prefix(gateway, &a->ip, a->prefix_len)) {
      return true;
    }
  }
  return so_ip_is_link_local(gateway) || (gateway->family == 4 && c->dhcp);
}

static so_status check_word(const char *text, const char *option, so_buf *why) {
  if (text != NULL && (text[0] == '\0' || strpbrk(text, " \t\r\n\"'\\") != NULL)) {
    so_buf_printf(why, "%s wants one word, not '%s'", option, text);
    return refuse();
  }
  return so_done();
}

// check_network reads the settings with the parser that the guest itself has.
static so_status check_network(const cli_xen_guest *g, so_buf *why) {
  so_host_config c;
  so_bytes bad;
  so_buf text;
  SO_TRY(check_word(g->ip, "--ip", why));
  SO_TRY(check_word(g->ip6, "--ip6", why));
  SO_TRY(check_word(g->gw, "--gw", why));
  SO_TRY(check_word(g->dns, "--dns", why));
  so_buf_init(&text, why->heap, SETTINGS_LEN_MAX);
  settings(g, &text);
  so_status status = so_buf_end(&text, &bad);
  if (!so_ok(status)) {
    so_buf_append_str(why, "the addresses are too long");
  } else if (!so_ok(status = so_host_config_parse(so_buf_bytes(&text), &c, &bad))) {
    so_buf_printf(why,
                  "'%.*s' is not understood; addresses are given as 192.0.2.10/24 or 2001:db8::10/64, "
                  "--gw and each of --dns without the length",
                  SO_FMT(bad));
  } else if (g->ip6 != NULL && strcmp(g->ip6, "dhcp") == 0) {
    so_buf_append_str(why, "--ip6 wants an address: IPv6 addresses come from routers by themselves");
    status = refuse();
  } else {
    for (size_t i = 0; i < 2 && so_ok(status); i++) {
      if (c.gateways[i].family != 0 && !on_one_network(&c, &c.gateways[i])) {
        so_buf_printf(why, "the router %s is not on the network of %s; check the length after the /",
                      g->gw, g->ip);
        status = refuse();
      }
    }
  }
  so_buf_release(&text);
  return status;
}

bool cli_xen_needs_seed(const char *arch) {
  return strcmp(arch, "arm64") == 0 || strcmp(arch, "armv7") == 0;
}

static so_status check_seed(const cli_xen_guest *g, so_buf *why) {
  if (strcmp(g->arch, "x86_64") != 0 && !cli_xen_needs_seed(g->arch)) {
    so_buf_printf(why, "--arch wants x86_64, arm64 or armv7, not '%s'", g->arch);
    return refuse();
  }
  if (g->seed_disk == NULL) {
    return so_done();
  }
  if (!is_path(g->seed_disk)) {
    so_buf_printf(why,
                  "--seed-disk wants the absolute path of a block device or file on the Xen host, such as "
                  "/dev/vg0/stored-seed, not '%s'",
                  g->seed_disk);
    return refuse();
  }
  if (strcmp(g->seed_disk, g->disk) == 0) {
    so_buf_printf(why, "--seed-disk and --disk name the same disk, '%s': a seed needs one of its own",
                  g->disk);
    return refuse();
  }
  return so_done();
}

static so_status check_names(const cli_xen_guest *g, so_buf *why) {
  const struct {
    bool ok;
    const char *option;
    const char *value;
    const char *want;
  } rules[] = {
      {is_word(g->name, NAME_LEN_MAX), "--name", g->name,
       "letters, digits and -_. (63 at most), a letter or digit first"},
      {is_path(g->kernel), "--kernel", g->kernel, "the absolute path of the image on the Xen host"},
      {is_path(g->disk), "--disk", g->disk,
       "the absolute path of a block device or file on the Xen host, such as /dev/vg0/stored"},
      {is_word(g->bridge, BRIDGE_LEN_MAX), "--bridge", g->bridge,
       "a bridge of the Xen host, such as xenbr0"},
      {is_mac(g->mac), "--mac", g->mac, "an address of one network card, such as 00:16:3e:12:34:56"},
      {g->host_name == NULL || is_word(g->host_name, HOST_NAME_LEN_MAX), "--host", g->host_name,
       "a host name"},
  };
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (!rules[i].ok) {
      so_buf_printf(why, "%s wants %s, not '%s'", rules[i].option, rules[i].want, rules[i].value);
      return refuse();
    }
  }
  return so_done();
}

so_status cli_xen_check(const cli_xen_guest *g, so_buf *why) {
  SO_TRY(check_names(g, why));
  SO_TRY(check_seed(g, why));
  if (g->memory_mib < CLI_XEN_MEMORY_MIN_MIB || g->memory_mib > CLI_XEN_MEMORY_MAX_MIB) {
    so_buf_printf(why, "--memory wants MiB from %d to %d, not %llu", CLI_XEN_MEMORY_MIN_MIB,
                  CLI_XEN_MEMORY_MAX_MIB, (unsigned long long)g->memory_mib);
    return refuse();
  }
  if (g->port == 0 || g->port > UINT16_MAX) {
    so_buf_printf(why, "--port wants a port from 1 to 65535, not %llu", (unsigned long long)g->port);
    return refuse();
  }
  return check_network(g, why);
}

// --- writing --------------------------------------------------------------------------------

static bool is_device(const char *path) { return strncmp(path, "/dev/", 5) == 0; }

static so_bytes without_length(const char *address) {
  const so_bytes text = so_str(address);
  return so_bytes_first(text, so_bytes_find(text, '/'));
}

// listen_at: one address when there is one, so that the certificate names it; else any.
static so_bytes listen_at(const cli_xen_guest *g) {
  const bool one = strcmp(g->ip, "dhcp") != 0 && g->ip6 == NULL;
  return one ? without_length(g->ip) : so_str("0.0.0.0");
}

static void append_host(so_bytes host, so_buf *out) {
  const bool six = so_bytes_find(host, ':') != host.len;
  so_buf_printf(out, six ? "[%.*s]" : "%.*s", SO_FMT(host));
}

static void command_line(const cli_xen_guest *g, so_buf *out) {
  settings(g, out);
  so_buf_append_str(out, " data=xvda");
  if (g->seed_disk != NULL) {
    so_buf_append_str(out, " seed-disk=xvdb");
  }
  if (g->seed != NULL) {
    so_buf_printf(out, " seed=%s", g->seed);
  }
  so_buf_append_str(out, " -- --data data --init --listen ");
  append_host(listen_at(g), out);
  so_buf_printf(out, ":%llu", (unsigned long long)g->port);
  if (g->host_name != NULL) {
    so_buf_printf(out, " --name %s", g->host_name);
  }
  if (g->ip6 != NULL) {
    const so_bytes six = without_length(g->ip6);
    so_buf_printf(out, " --name %.*s", SO_FMT(six));
    if (strcmp(g->ip, "dhcp") != 0) {
      const so_bytes four = without_length(g->ip);
      so_buf_printf(out, " --name %.*s", SO_FMT(four));
    }
  }
  if (g->public_read) {
    so_buf_append_str(out, " --public-read");
  }
}

static void append_disk(const char *path, const char *as, so_buf *out) {
  if (is_device(path)) {
    so_buf_printf(out, "\"phy:%s,%s,w\"", path, as);
  } else {
    so_buf_printf(out, "\"format=raw,vdev=%s,access=rw,target=%s\"", as, path);
  }
}

void cli_xen_config(const cli_xen_guest *g, so_buf *out) {
  so_buf_printf(out,
                "# stored as a guest of Xen. Start it with: xl create FILE\n"
                "name = \"%s\"\n"
                "type = \"pvh\"\n"
                "kernel = \"%s\"\n"
                "memory = %llu\n"
                "vcpus = 1\n\n",
                g->name, g->kernel, (unsigned long long)g->memory_mib);
  if (g->seed_disk != NULL) {
    so_buf_append_str(out, "# The first start takes seed=, and each leaves another one on xvdb for the next.\n");
  }
  so_buf_append_str(out, "# Before -- the settings of the machine, after it the options of stored.\n"
                         "extra = \"");
  command_line(g, out);
  so_buf_printf(out, "\"\n\nvif = [\"mac=%s,bridge=%s\"]\n", g->mac, g->bridge);
  so_buf_append_str(out, "disk = [");
  append_disk(g->disk, "xvda", out);
  if (g->seed_disk != NULL) {
    so_buf_append_str(out, ", ");
    append_disk(g->seed_disk, "xvdb", out);
  }
  so_buf_append_str(out, "]\n");
  so_buf_append_str(out, "\non_poweroff = \"destroy\"\n"
                         "on_reboot = \"restart\"\n"
                         "on_crash = \"restart\"\n");
}

void cli_xen_url(const cli_xen_guest *g, so_buf *out) {
  so_buf_append_str(out, "https://");
  if (g->host_name != NULL) {
    so_buf_append_str(out, g->host_name);
  } else if (strcmp(g->ip, "dhcp") == 0) {
    so_buf_append_str(out, "ADDRESS");
  } else {
    append_host(without_length(g->ip), out);
  }
  so_buf_printf(out, ":%llu", (unsigned long long)g->port);
}

// append_disk_step: `size` as lvcreate and truncate take it; `holds` is what it may hold.
static void append_disk_step(const char *path, const char *size, const char *holds, so_buf *out) {
  if (!is_device(path)) {
    so_buf_printf(out, "  truncate -s %s %s\n", size, path);
    return;
  }
  // /dev/GROUP/VOLUME is LVM's; anything else is there already.
  const char *const group = path + strlen("/dev/");
  const char *const slash = strchr(group, '/');
  if (slash == NULL || strchr(slash + 1, '/') != NULL) {
    so_buf_printf(out, "  # %s holds nothing but zeros, or %s; that is never overwritten\n", path, holds);
    return;
  }
  so_buf_printf(out, "  lvcreate -L %s -n %s %.*s\n", size, slash + 1, (int)(slash - group), group);
}

void cli_xen_steps(const cli_xen_guest *g, const char *file, so_buf *out) {
  so_buf_printf(out,
                "On the Xen host, as root: the image, which `bazel build //apps/stored:xen_%s` makes, goes\n"
                "to %s, then\n\n",
                g->arch, g->kernel);
  append_disk_step(g->disk, "10G", "a store", out);
  if (g->seed_disk != NULL) {
    append_disk_step(g->seed_disk, "4M", "a seed", out);
  }
  so_buf_printf(out,
                "  xl create -c %s        (Ctrl-] leaves the console)\n\n"
                "The first start prints the administrator's token, once, and each start the certificate,\n"
                "between the lines BEGIN and END of data.token and data.crt. Keep both in files, and on any\n"
                "machine:\n\n"
                "  storectl login ",
                file);
  cli_xen_url(g, out);
  so_buf_append_str(out, " --cacert data.crt --token-file data.token\n");
  if (g->host_name == NULL && strcmp(g->ip, "dhcp") == 0) {
    so_buf_append_str(out, "\nThe console also says the ADDRESS. It is not in the certificate: give\n"
                           "--fingerprint HEX, as the console prints it, instead of --cacert.\n");
  }
}

void cli_xen_mac(const uint8_t random[3], char out[CLI_XEN_MAC_LEN]) {
  so_writer w = so_writer_of((uint8_t *)out, CLI_XEN_MAC_LEN - 1);
  so_write_printf(&w, "00:16:3e:%02x:%02x:%02x", random[0], random[1], random[2]);
  out[CLI_XEN_MAC_LEN - 1] = '\0';
}
