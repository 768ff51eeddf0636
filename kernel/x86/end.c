// The end, by whatever means the machine has. A port or register that is not there ignores what is written.

#include "kernel/x86/internal.h"

// ACPI's sleep control registers as QEMU and others place them: type S5, enabled.
#define Q35_SLEEP 0x604
#define BOCHS_SLEEP 0xb004
#define SLEEP_S5 0x2000
// The register block of QEMU's microvm (GED, hardware-reduced ACPI): sleep control and reset.
#define GED_SLEEP 0xfea00200u
#define GED_RESET 0xfea00202u
#define GED_S5 0x34
#define GED_RESET_VALUE 0x42

#define RESET_CONTROL 0xcf9
#define KEYBOARD 0x64
#define KEYBOARD_RESET 0xfe

static bool is_qemu(void) {
  const x86_hypervisor kind = x86_hypervisor_kind();
  return kind == X86_KVM || kind == X86_TCG;
}

static void poweroff(void) {
  x86_out16(Q35_SLEEP, SLEEP_S5);
  x86_out16(BOCHS_SLEEP, SLEEP_S5);
  if (is_qemu()) {
    *(volatile uint8_t *)(uintptr_t)GED_SLEEP = GED_S5;
  }
}

static void reset(void) {
  if (is_qemu()) {
    *(volatile uint8_t *)(uintptr_t)GED_RESET = GED_RESET_VALUE;
  }
  x86_out8(RESET_CONTROL, 0x06);
  x86_out8(KEYBOARD, KEYBOARD_RESET);
}

// A processor that cannot even take its double fault resets the machine.
static _Noreturn void triple_fault(void) {
  static const struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__((packed)) none;
  __asm__ volatile("lidt %0; int3" : : "m"(none));
  for (;;) {
    __asm__ volatile("cli; hlt");
  }
}

// A machine that was asked to be off, and has no switch, resets; QEMU's -no-reboot makes an end of that.
_Noreturn void so_machine_end(so_end how) {
  if (how == SO_END_POWEROFF) {
    poweroff();
  }
  reset();
  triple_fault();
}
