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
  so_buf_printf(&text, "%s: ", so_bare_image.program);
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

static so_status no_disks(void *ctx, so_bytes name, bool create, so_block *out) {
  (void)create, (void)out;
  bare_say(ctx, "no disk %.*s: this image is built without the part disks", SO_FMT(name));
  return so_status_make(SO_UNSUPPORTED, 0);
}

void bare_world_init(bare *b) {
  b->world.clock = (so_clock){monotonic_ns, unix_ns, NULL};
  b->world.console = (so_console){console_write, NULL};
  b->world.sidecar = (so_sidecar){sidecar_write, NULL, sidecar_read};
  b->world.heap = &b->heap;
  b->world.sched = &b->sched;
  b->world.metrics = (so_metrics){so_bare_image.metrics, b};
  b->world.open_block = so_bare_image.open_block != NULL ? so_bare_image.open_block : no_disks;
  b->world.ctx = b;
}
