// Text without a device family: the UART (a PL011, Arm DDI 0183, or what Xen emulates of one) as the firmware or
// hypervisor left it.

#include "arm/machine/internal.h"

#define DATA 0x00u
#define FLAGS 0x18u
#define FLAG_FULL (1u << 5)
#define LOOKS_MAX 100000u

static void put(uintptr_t uart, uint8_t c) {
  for (unsigned i = 0; i < LOOKS_MAX && (so_cpu_read32(uart + FLAGS) & FLAG_FULL) != 0; i++) {
  }
  so_cpu_write32(uart + DATA, c);
}

void so_machine_debug_write(so_bytes text) {
  const uintptr_t uart = (uintptr_t)arm_machine.uart.registers.base;
  if (arm_machine.uart.registers.len == 0 || !arm_is_mapped(uart)) {
    return;
  }
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] == '\n') {
      put(uart, '\r');
    }
    put(uart, text.ptr[i]);
  }
}
