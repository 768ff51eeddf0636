// The world that a program sees, made of the machine and its devices.

#include "base/fmt.h"
#include "kernel/bare/internal.h"

#define LINE_CAP 512

// --- clock ------------------------------------------------------------------------------------

static uint64_t monotonic_ns(void *ctx) {
  (void)ctx;
  return so_machine_now_ns();
}

// Without any clock it is 1970, and certificates are not valid yet: a time server can help.
static int64_t unix_ns(void *ctx) {
  (void)ctx;
  int64_t ns = so_devices_unix_ns();
  ns = ns != INT64_MIN ? ns : so_machine_unix_ns();
  return ns != INT64_MIN ? ns : 0;
}

// --- console ----------------------------------------------------------------------------------

static void console_write(void *ctx, so_bytes text) {
  (void)ctx;
  so_devices_console_write(text);
}

void bare_say(const bare *b, const char *format, ...) {
  uint8_t line[LINE_CAP];
  so_buf text = {.ptr = line, .cap = sizeof line, .limit = sizeof line};
  va_list args;
  so_buf_printf(&text, "%s: ", so_bare_program);
  va_start(args, format);
  so_buf_vprintf(&text, format, args);
  va_end(args);
  so_buf_append_u8(&text, '\n');
  (void)b;
  so_devices_console_write(so_buf_bytes(&text));
}

// --- beside the program -----------------------------------------------------------------------

// There is no file system to keep a key or a token in: the console is where the owner sees them. Once each;
// the marks make them easy to cut out.
static so_status sidecar_write(void *ctx, so_bytes name, so_bytes bytes) {
  (void)ctx;
  so_devices_console_write(so_str("-----BEGIN "));
  so_devices_console_write(name);
  so_devices_console_write(so_str("-----\n"));
  so_devices_console_write(bytes);
  if (bytes.len == 0 || bytes.ptr[bytes.len - 1] != '\n') {
    so_devices_console_write(so_str("\n"));
  }
  so_devices_console_write(so_str("-----END "));
  so_devices_console_write(name);
  so_devices_console_write(so_str("-----\n"));
  return so_done();
}

// What the owner put beside the domain (xenstore).
static so_status sidecar_read(void *ctx, so_bytes name, so_buf *out) {
  (void)ctx;
  return so_devices_setting(name, out);
}

// What the device family says of it stands behind: it knows what to do.
static void say_no_disk(const bare *b, so_bytes name, so_status s, const char *why) {
  const bool none = so_is(s, SO_NOT_FOUND);
  bare_say(b, "no disk%s%.*s: %s%s%s", name.len != 0 ? " " : "", SO_FMT(name),
           none && name.len != 0 ? "the machine has none of that name"
           : none                ? "the machine has none"
                                 : "",
           none && why != NULL ? ": " : "",
           why != NULL ? why
           : none      ? ""
                       : so_code_name((so_code)s.code));
}

// `data` is the disk that the setting names, or the first one.
static so_status open_block(void *ctx, so_bytes name, bool create, so_block *out) {
  const bare *const b = ctx;
  const char *why = NULL;
  (void)create;  // Disks are there or not.
  if (so_bytes_equal(name, so_str(so_setting_key(SO_SETTING_DATA)))) {
    name = so_bytes_of(NULL, 0);
    (void)so_command_line_get(&b->command_line, SO_SETTING_DATA, &name);
  }
  const so_status s = so_devices_block(name, out, &why);
  if (!so_ok(s)) {
    say_no_disk(b, name, s, why);
  }
  return s;
}

void bare_world_init(bare *b) {
  b->world.clock = (so_clock){monotonic_ns, unix_ns, NULL};
  b->world.console = (so_console){console_write, NULL};
  b->world.sidecar = (so_sidecar){sidecar_write, NULL, sidecar_read};
  b->world.heap = &b->heap;
  b->world.sched = &b->sched;
  b->world.metrics = (so_metrics){bare_metrics_each, b};
  b->world.open_block = open_block;
  b->world.ctx = b;
}
