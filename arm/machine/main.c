// From the first instruction with caches to so_bare_main.

#include "arm/machine/internal.h"
#include "base/mem.h"

void so_arm_boot(const uint8_t *device_tree);

so_arm_machine arm_machine;

// The stack protector's word. Set before any function that has one returns: so_arm_boot has none.
uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

_Noreturn void __stack_chk_fail(void) {
  so_machine_panic("stack smashed: a function wrote past a local array");
}

__attribute__((no_stack_protector)) static void set_stack_guard(void) {
  uintptr_t v;
  if (!so_machine_random((uint8_t *)&v, sizeof v)) {
    v = (uintptr_t)(so_machine_ticks() * UINT64_C(0x9e3779b97f4a7c15) >> 8);
  }
  __stack_chk_guard = v & ~(uintptr_t)0xff;  // A zero byte stops string copies.
}

static so_bytes read_tree(const uint8_t *at) {
  const size_t len = at != NULL && (uintptr_t)at % 4 == 0 ? so_device_tree_len(at) : 0;
  so_device_tree tree;
  if (len == 0 || !so_ok(so_device_tree_open(so_bytes_of(at, len), &tree))) {
    so_machine_panic("the loader gave no device tree");
  }
  const so_status s = so_arm_machine_read(&tree, &arm_machine);
  if (so_is(s, SO_LIMIT)) {
    so_machine_panic("the device tree names more memory or devices than fit (arm/device_tree/machine.h)");
  }
  if (!so_ok(s)) {
    so_machine_panic("the device tree is damaged");
  }
  return so_bytes_of(at, len);
}

static _Noreturn void start(const uint8_t *device_tree) {
  static so_machine_boot boot;
  arm_time_entry();
  set_stack_guard();
  boot.device_tree = read_tree(device_tree);
  boot.command_line = arm_machine.bootargs;
  arm_seed_take(arm_machine.rng_seed);
  arm_machine.rng_seed = (so_bytes){NULL, 0};
  arm_memory_init(boot.device_tree, &boot);
  so_cpu_errors_on();
  arm_time_init();
  arm_gic_init();
  so_bare_main(&boot);
}

// Nothing in here may return through a check of the word that is set below.
__attribute__((no_stack_protector)) void so_arm_boot(const uint8_t *device_tree) { start(device_tree); }
