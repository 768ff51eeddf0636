// From the first instruction of C to so_bare_main.

#include "base/mem.h"
#include "kernel/x86/internal.h"

#define RAM_END (UINT64_C(512) << 30)  // What one top-level table maps.

void x86_main(uint32_t start_info);

extern uint8_t x86_boot_stack_end[];

// The stack protector's word. Set before any function that has one returns: x86_main has none.
uintptr_t __stack_chk_guard;
_Noreturn void __stack_chk_fail(void);

_Noreturn void __stack_chk_fail(void) {
  so_machine_panic("stack smashed: a function wrote past a local array");
}

__attribute__((no_stack_protector)) static void set_stack_guard(void) {
  uint64_t v;
  if (!so_machine_random((uint8_t *)&v, sizeof v)) {
    v = x86_rdtsc() * UINT64_C(0x9e3779b97f4a7c15);
  }
  __stack_chk_guard = (uintptr_t)(v & ~UINT64_C(0xff));  // A zero byte stops string copies.
}

// Everything below 4 GiB is mapped while the loader's tables are read.
static const uint8_t *view(void *ctx, uint64_t address, size_t len) {
  (void)ctx;
  const bool ok = address != 0 && address < (UINT64_C(1) << 32) && len <= (UINT64_C(1) << 32) - address;
  return ok ? (const uint8_t *)(uintptr_t)address : NULL;
}

static void enable_vectors(void) {
  const x86_cpuid_result one = x86_cpuid(1, 0);
  if ((one.c >> 26 & 1) == 0) {
    return;  // No XSAVE, so nothing wider than SSE.
  }
  x86_write_cr4(x86_read_cr4() | X86_CR4_OSXSAVE);
  const uint32_t offered = x86_cpuid(0xd, 0).a;
  uint32_t state = 3;  // x87 and SSE.
  if ((one.c >> 28 & 1) != 0 && (offered & 4) != 0) {
    state |= 4;  // AVX.
    if ((offered & 0xe0) == 0xe0) {
      state |= 0xe0;  // AVX-512.
    }
  }
  __asm__ volatile("xsetbv" : : "c"(0), "a"(state), "d"(0));
}

static void find_memory(const so_pvh_info *info, so_machine_boot *boot) {
  so_pvh_range taken[1 + 4 + SO_PVH_MODULES_MAX];
  so_pvh_range free[SO_MACHINE_RAM_MAX];
  size_t count = 0;
  taken[count++] = (so_pvh_range){(uintptr_t)x86_image_start,
                                  (uint64_t)(x86_image_end - x86_image_start)};
  for (size_t i = 0; i < info->table_count; i++) {
    taken[count++] = info->tables[i];
  }
  for (size_t i = 0; i < info->module_count; i++) {
    taken[count++] = info->modules[i];
  }
  boot->ram_count = so_pvh_free(info->ram, info->ram_count, taken, count, RAM_END, free,
                                SO_MACHINE_RAM_MAX);
  for (size_t i = 0; i < boot->ram_count; i++) {
    boot->ram[i] = (so_machine_range){free[i].base, free[i].len};
  }
  boot->command_line = info->command_line;
}

static void start(uint32_t start_info) {
  static so_machine_boot boot;
  static so_pvh_info info;
  const so_pvh_view memory = {view, NULL};
  x86_time_entry();
  enable_vectors();
  x86_debug_init();
  x86_descriptors_init();
  set_stack_guard();
  if (!so_ok(so_pvh_parse(&memory, start_info, &info))) {
    so_machine_panic("this loader is not PVH version 1: no start info with a memory map");
  }
  find_memory(&info, &boot);
  x86_memory_init(&boot, x86_hypervisor_kind() != X86_XEN);
  x86_apic_init();
  x86_time_init();
  x86_apic_start();
  so_bare_main(&boot);
}

// Nothing in here may return through a check of the word that is set below.
__attribute__((no_stack_protector)) void x86_main(uint32_t start_info) { start(start_info); }
