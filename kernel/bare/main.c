// From a machine to a world: memory, the scheduler, the first fiber; and the end.

#include "base/assert.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "kernel/bare/internal.h"
#include "kernel/bare/panic.h"

#define FIBERS_MIN 16u
#define FIBERS_MAX 16384u
#define EXIT_START 71  // As a Unix process that gets no world.

static bare machine;

// --- memory -----------------------------------------------------------------------------------

static void memory_init(bare *b) {
  so_ram_range ranges[SO_MACHINE_RAM_MAX];
  uint64_t secret;
  for (size_t i = 0; i < b->boot.ram_count; i++) {
    ranges[i] = (so_ram_range){(uintptr_t)b->boot.ram[i].base, (size_t)b->boot.ram[i].len};
  }
  if (!so_ok(so_ram_init(&b->pages, ranges, b->boot.ram_count))) {
    so_machine_panic("there is no memory to speak of");
  }
  if (!so_machine_random((uint8_t *)&secret, sizeof secret)) {
    secret = so_machine_ticks() * UINT64_C(0x9e3779b97f4a7c15);
  }
  so_page_heap_init(&b->page_heap, &b->pages, secret, 0);
  b->heap = so_page_heap_port(&b->page_heap);
}

static void *take_pages(void *ctx, size_t count) { return so_ram_take(&((bare *)ctx)->pages, count); }
static void give_pages(void *ctx, void *run, size_t count) {
  so_ram_give(&((bare *)ctx)->pages, run, count);
}

// --- the loop ---------------------------------------------------------------------------------

// Something can always happen: time, a device, the owner.
static bool idle(void *ctx, uint64_t deadline_ns) {
  (void)ctx;
  if (so_devices_poll() || deadline_ns <= so_machine_now_ns()) {
    return true;
  }
  so_devices_wait(deadline_ns);
  (void)so_devices_poll();
  return true;
}

bool bare_stack_kib(so_bytes text, uint64_t *out) {
  return so_ok(so_parse_u64(text, out)) && *out >= 16 && *out <= 1024;
}

static size_t stack_len(const bare *b) {
  so_bytes text;
  uint64_t kib;
  if (so_command_line_get(&b->command_line, SO_SETTING_STACK, &text) && bare_stack_kib(text, &kib)) {
    return (size_t)kib / 4 * 4 * 1024;
  }
  return BARE_STACK_LEN;
}

static void sched_init(bare *b) {
  const size_t len = stack_len(b);
  const size_t fit = b->pages.free_count / (len / SO_PAGE_LEN + 1);
  const so_sched_config config = {
      .heap = &b->heap,
      .clock = b->world.clock,
      .platform = {bare_stack_alloc, bare_stack_free, idle, b},
      .stack_len = len,
      .fiber_max = fit < FIBERS_MIN ? FIBERS_MIN : fit > FIBERS_MAX ? FIBERS_MAX : fit,
      .check = b->debug ? SO_STACK_PAINTED : SO_STACK_GUARDED,
  };
  if (!so_ok(so_sched_init(&b->sched, &config))) {
    so_machine_panic("not enough memory for the scheduler");
  }
}

// --- fibers -----------------------------------------------------------------------------------

// Waits for the host's wish that this ends.
static void run_asked(void *arg) {
  bare *const b = arg;
  while (!so_devices_asked(&b->end)) {
    (void)so_event_wait(&b->sched, so_devices_asked_event(), SO_NEVER).code;
  }
  bare_say(b, "asked to %s", b->end == SO_END_REBOOT ? "reboot" : "power off");
  so_sched_stop(&b->sched);
}

static int start(bare *b) {
  const so_devices_config config = {
      .sched = &b->sched,
      .clock = b->world.clock,
      .heap = &b->heap,
      .pages = {take_pages, give_pages, b},
      .command_line = b->boot.command_line,
      .device_tree = b->boot.device_tree,
  };
  const char *why;
  const so_status s = so_devices_start(&config);
  if (!so_ok(s)) {
    bare_say(b, "cannot start the devices: %s", so_code_name((so_code)s.code));
    return EXIT_START;
  }
  if (!bare_settings_init(b)) {
    return EXIT_START;
  }
  if (!bare_entropy_init(b, &why)) {
    bare_say(b, "%s", why);
    return EXIT_START;
  }
  if (!so_ok(so_fiber_spawn(&b->sched, "asked", run_asked, b))) {
    bare_say(b, "not enough memory to start");
    return EXIT_START;
  }
  bare_debug_found(b);
  return bare_run_program(b);
}

static void run_first(void *arg) {
  bare *const b = arg;
  const int code = start(b);
  bare_debug_used(b);
  if (code != 0) {
    bare_say(b, "ended with code %d", code);
  }
  so_sched_end(&b->sched);
}

_Noreturn void so_bare_main(const so_machine_boot *boot) {
  bare *const b = &machine;
  so_bytes log;
  b->boot = *boot;
  bare_panic_init(b);
  if (!so_devices_early(boot)) {
    so_machine_panic("this image is for another kind of machine: its devices are not there");
  }
  b->has_devices = true;
  memory_init(b);
  bare_world_init(b);
  b->world.memory_len = b->pages.free_count * SO_PAGE_LEN;
  bare_settings_parse(b);
  b->debug = so_command_line_get(&b->command_line, SO_SETTING_LOG, &log) &&
             so_bytes_equal(log, so_str("debug"));
  sched_init(b);
  if (!so_ok(so_fiber_spawn(&b->sched, "main", run_first, b)) || !so_ok(so_sched_run(&b->sched))) {
    so_machine_panic("not enough memory for the first fiber");
  }
  so_devices_end(b->end);
}
