#ifndef SO_ARM_MACHINE_MACHINE_H_
#define SO_ARM_MACHINE_MACHINE_H_

// What a device family may ask of an ARM machine, beyond kernel/machine/machine.h.

#include <stdbool.h>
#include <stdint.h>

#include "arm/device_tree/machine.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_arm_machine_found is what the device tree says. Valid from so_bare_main on.
const so_arm_machine *so_arm_machine_found(void);

// so_arm_share maps whole pages that are not memory by the device tree, but behave like it: what a hypervisor
// shares. Normal, write-back, inner shareable. What is mapped already stays as it is. False: no page for a
// table.
bool so_arm_share(uint64_t base, uint64_t len);

// Registers of devices that the device tree names. One access each, in the order of the program.
uint32_t so_arm_register_read(uintptr_t at, uint32_t len);  // 1, 2 or 4 bytes.
void so_arm_register_write(uintptr_t at, uint32_t value);   // 4 bytes; after all that was written before.

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_MACHINE_MACHINE_H_
