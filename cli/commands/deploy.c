// deploy xen: writes the configuration of a guest of Xen and says what to do with it. It changes
// nothing but that one file.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fmt.h"
#include "cli/commands/commands.h"
#include "cli/deploy/xen.h"

#define TEXT_LEN_MAX 65536
#define PATH_LEN (PATH_MAX + 128)

typedef struct arguments {
  cli_xen_guest guest;
  const char *memory;
  const char *port;
  bool force;
  char disk[128];
  char seed_disk[128];
  char seed[65];
  char kernel[128];
  char mac[CLI_XEN_MAC_LEN];
} arguments;

static int read_options(cli *c, arguments *a) {
  cli_xen_guest *g = &a->guest;
  const cli_option options[] = {
      {"--name", 0, &g->name, NULL},      {"--kernel", 0, &g->kernel, NULL},
      {"--disk", 0, &g->disk, NULL},      {"--bridge", 0, &g->bridge, NULL},
      {"--mac", 0, &g->mac, NULL},        {"--ip", 0, &g->ip, NULL},
      {"--ip6", 0, &g->ip6, NULL},        {"--gw", 0, &g->gw, NULL},
      {"--dns", 0, &g->dns, NULL},        {"--host", 0, &g->host_name, NULL},
      {"--memory", 0, &a->memory, NULL},  {"--port", 0, &a->port, NULL},
      {"--arch", 0, &g->arch, NULL},      {"--seed-disk", 0, &g->seed_disk, NULL},
      {"--public-read", 0, NULL, &g->public_read}, {"--force", 'f', NULL, &a->force},
  };
  const int code = cli_options(c, options, sizeof options / sizeof *options);
  if (code != CLI_DONE) {
    return code;
  }
  if (c->argc != 2 || strcmp(c->argv[0], "xen") != 0) {
    return cli_fail(CLI_USAGE, "usage: storectl deploy xen [options] DIR|-; see `storectl help deploy`");
  }
  if (!so_ok(so_parse_u64(so_str(a->memory), &g->memory_mib))) {
    return cli_fail(CLI_USAGE, "--memory wants a number of MiB, not '%s'", a->memory);
  }
  if (!so_ok(so_parse_u64(so_str(a->port), &g->port))) {
    return cli_fail(CLI_USAGE, "--port wants a number, not '%s'", a->port);
  }
  return CLI_DONE;
}

static void fill_in_seed(cli *c, arguments *a) {
  cli_xen_guest *g = &a->guest;
  uint8_t random[32];
  if (!cli_xen_needs_seed(g->arch) && g->seed_disk == NULL) {
    return;
  }
  if (g->seed_disk == NULL) {
    snprintf(a->seed_disk, sizeof a->seed_disk, "/dev/vg0/%.80s-seed", g->name);
    g->seed_disk = a->seed_disk;
  }
  so_entropy_fill(&c->world->entropy, random, sizeof random);
  for (size_t i = 0; i < sizeof random; i++) {
    snprintf(a->seed + 2 * i, 3, "%02x", random[i]);
  }
  g->seed = a->seed;
}

// fill_in gives what was left open its value, which may depend on the name.
static void fill_in(cli *c, arguments *a) {
  cli_xen_guest *g = &a->guest;
  if (g->disk == NULL) {
    snprintf(a->disk, sizeof a->disk, "/dev/vg0/%.80s", g->name);
    g->disk = a->disk;
  }
  if (g->kernel == NULL) {
    // What is for ARM is no ELF.
    snprintf(a->kernel, sizeof a->kernel, "/etc/xen/%.80s.%s", g->name,
             cli_xen_needs_seed(g->arch) ? "img" : "elf");
    g->kernel = a->kernel;
  }
  if (g->mac == NULL) {
    uint8_t random[3];
    so_entropy_fill(&c->world->entropy, random, sizeof random);
    cli_xen_mac(random, a->mac);
    g->mac = a->mac;
  }
  fill_in_seed(c, a);
}

// write_file makes a new file, or with `force` replaces one. Either the whole text is there, or what was
// there before.
static int write_file(const char *path, so_bytes text, mode_t mode, bool force) {
  char new_path[PATH_LEN];
  snprintf(new_path, sizeof new_path, "%s.%ld", path, (long)getpid());
  const int fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
  bool ok = f != NULL && fwrite(text.ptr, 1, text.len, f) == text.len && fflush(f) == 0 &&
            fsync(fileno(f)) == 0;
  int error = errno;
  if (f != NULL && fclose(f) != 0 && ok) {
    ok = false;
    error = errno;
  }
  // A link refuses to replace, a rename does not.
  if (ok && (force ? rename(new_path, path) : link(new_path, path)) != 0) {
    ok = false;
    error = errno;
  }
  if (f != NULL && !(ok && force)) {
    unlink(new_path);
  }
  if (ok) {
    return CLI_DONE;
  }
  if (error == EEXIST) {
    return cli_fail(CLI_REFUSED, "%s is there already; give another --name, or --force to replace it",
                    path);
  }
  return cli_fail(CLI_REFUSED, "cannot write %s: %s", path, strerror(error));
}

static void print_json(cli *c, const cli_xen_guest *g, const char *file) {
  cli_json j;
  so_buf url;
  so_buf_init(&url, c->heap, TEXT_LEN_MAX);
  cli_xen_url(g, &url);
  cli_json_begin(c, &j);
  so_json_object(&j.w);
  cli_json_text(&j.w, "file", file);
  cli_json_text(&j.w, "name", g->name);
  cli_json_text(&j.w, "kernel", g->kernel);
  cli_json_text(&j.w, "disk", g->disk);
  cli_json_text(&j.w, "arch", g->arch);
  if (g->seed_disk != NULL) {
    cli_json_text(&j.w, "seed_disk", g->seed_disk);
  }
  cli_json_text(&j.w, "mac", g->mac);
  so_json_member_string(&j.w, "url", so_buf_bytes(&url));
  so_json_object_end(&j.w);
  cli_json_end(&j);
  so_buf_release(&url);
}

static int put_out(cli *c, const arguments *a, so_buf *text) {
  const char *directory = c->argv[1];
  char resolved[PATH_MAX], path[PATH_LEN];
  struct stat st;
  cli_xen_config(&a->guest, text);
  if (strcmp(directory, "-") == 0) {
    cli_print(so_buf_bytes(text));
    return CLI_DONE;
  }
  if (stat(directory, &st) != 0 || !S_ISDIR(st.st_mode) || realpath(directory, resolved) == NULL) {
    return cli_fail(CLI_REFUSED, "%s is not a folder; make it, or give - for standard output",
                    directory);
  }
  snprintf(path, sizeof path, "%s/%s.cfg", strcmp(resolved, "/") == 0 ? "" : resolved, a->guest.name);
  // A seed is nobody's business.
  const mode_t mode = a->guest.seed != NULL ? 0600 : 0666;
  const int code = write_file(path, so_buf_bytes(text), mode, a->force);
  if (code != CLI_DONE) {
    return code;
  }
  if (c->json) {
    print_json(c, &a->guest, path);
    return CLI_DONE;
  }
  cli_printf("%s is written. ", path);
  so_buf_clear(text);
  cli_xen_steps(&a->guest, path, text);
  cli_print(so_buf_bytes(text));
  return CLI_DONE;
}

int cli_deploy(cli *c) {
  arguments a = {.guest = {.name = "stored", .bridge = "xenbr0", .ip = "dhcp", .arch = "x86_64"},
                 .memory = "64",
                 .port = "8443"};
  int code = read_options(c, &a);
  if (code != CLI_DONE) {
    return code;
  }
  fill_in(c, &a);
  so_buf text;
  so_buf_init(&text, c->heap, TEXT_LEN_MAX);
  if (!so_ok(cli_xen_check(&a.guest, &text))) {
    code = cli_fail(CLI_USAGE, "%.*s", SO_FMT(text));
  } else {
    so_buf_clear(&text);
    code = put_out(c, &a, &text);
  }
  so_buf_release(&text);
  return code;
}
