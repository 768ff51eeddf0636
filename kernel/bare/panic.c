// The rest of a panic: on which console, in which fiber, and the end.

#include "kernel/bare/internal.h"
#include "kernel/bare/panic.h"

static const bare *machine;

void bare_panic_init(const bare *b) { machine = b; }

void so_bare_panic_write(so_bytes text) {
  if (machine != NULL && machine->has_devices) {
    so_devices_console_write(text);
  } else {
    so_machine_debug_write(text);
  }
}

void so_bare_panic_explain(const void *address) {
  if (machine == NULL || machine->sched.config.stack_len == 0) {
    return;
  }
  size_t len;
  const uint8_t *const at = address;
  const uint8_t *const stack = so_sched_current_stack(&machine->sched, &len);
  so_bare_panic_write(so_str("in fiber "));
  so_bare_panic_write(so_str(so_sched_current_name(&machine->sched)));
  so_bare_panic_write(so_str(" of "));
  so_bare_panic_write(so_str(so_bare_image.program));
  so_bare_panic_write(so_str("\n"));
  if (stack != NULL && at < stack && at >= stack - SO_PAGE_LEN) {
    so_bare_panic_write(so_str("stack overflow: the fiber ran into its guard page\n"));
  }
}

_Noreturn void so_bare_panic_end(void) {
  if (machine != NULL && machine->has_devices) {
    so_devices_end(SO_END_CRASH);
  }
  so_machine_end(SO_END_CRASH);
}
