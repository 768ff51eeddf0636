#include "arm/machine/internal.h"
#include "arm/machine/machine.h"
#include "base/assert.h"

const so_arm_machine *so_arm_machine_found(void) { return &arm_machine; }

uint32_t so_arm_register_read(uintptr_t at, uint32_t len) {
  SO_ASSERT(len == 1 || len == 2 || len == 4);
  return len == 4 ? so_cpu_read32(at) : len == 2 ? so_cpu_read16(at) : so_cpu_read8(at);
}

void so_arm_register_write(uintptr_t at, uint32_t value) {
  so_cpu_barrier();
  so_cpu_write32(at, value);
}
