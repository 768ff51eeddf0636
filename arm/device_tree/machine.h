#ifndef SO_ARM_DEVICE_TREE_MACHINE_H_
#define SO_ARM_DEVICE_TREE_MACHINE_H_

// What a program with nothing underneath needs to know of an ARM machine, taken from its device tree.
// Sources: Devicetree Specification 0.4; the Linux kernel's bindings arm,gic, arm,gic-v3, arch_timer, psci,
// virtio,mmio, xen, pl011, pl031.
//
// Addresses are those that the processor uses. A device below a bus is seen when the bus maps addresses
// one to one (an empty `ranges`); other buses are passed over. Devices that are not `okay` as well.
// Interrupts are numbered as the interrupt controller does it (GIC INTID).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arm/device_tree/device_tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ARM_MEMORY_MAX 16u
#define SO_ARM_RESERVED_MAX 32u
#define SO_ARM_VIRTIO_MAX 64u
#define SO_ARM_INTERRUPT_NONE 0u  // INTID 0 is a software interrupt: no device has it.

typedef struct so_arm_range {
  uint64_t base;
  uint64_t len;  // 0: not there. base + len does not overflow.
} so_arm_range;

typedef struct so_arm_device {
  so_arm_range registers;
  uint32_t interrupt;
} so_arm_device;

typedef enum so_arm_gic_version {
  SO_ARM_GIC_NONE = 0,
  SO_ARM_GIC_V2,
  SO_ARM_GIC_V3,
} so_arm_gic_version;

typedef struct so_arm_gic {
  so_arm_gic_version version;
  so_arm_range distributor;
  so_arm_range cpu;  // Version 2: the CPU interface. Version 3: the first redistributor region.
} so_arm_gic;

typedef enum so_arm_psci {
  SO_ARM_PSCI_NONE = 0,
  SO_ARM_PSCI_HVC,
  SO_ARM_PSCI_SMC,
} so_arm_psci;

typedef struct so_arm_xen {
  bool present;
  so_arm_range grant_table;  // Where grant table frames may be mapped.
  uint32_t event_interrupt;
} so_arm_xen;

typedef struct so_arm_machine {
  so_bytes bootargs;  // Without its terminator.
  so_bytes rng_seed;  // Empty when the loader gave none.
  so_arm_range memory[SO_ARM_MEMORY_MAX];
  size_t memory_count;
  so_arm_range reserved[SO_ARM_RESERVED_MAX];  // Parts of memory that are not for us.
  size_t reserved_count;
  so_arm_gic gic;
  uint32_t virtual_timer_interrupt;
  so_arm_psci psci;
  so_arm_device uart;  // A PL011, or what the Server Base System Architecture leaves of one.
  so_arm_range rtc;    // A PL031: a counter of seconds since 1970.
  so_arm_device virtio[SO_ARM_VIRTIO_MAX];  // virtio-mmio slots, in the tree's order.
  size_t virtio_count;
  so_arm_xen xen;
} so_arm_machine;

// so_arm_machine_read reads the whole tree. Views in `*out` borrow from it. MALFORMED: breaks the format,
// or a `reg` of a device above is not a list of addresses. LIMIT: more of a kind than fit.
// What is missing is 0 in `*out`: the caller knows what it cannot do without.
SO_MUST_USE so_status so_arm_machine_read(const so_device_tree *tree, so_arm_machine *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_DEVICE_TREE_MACHINE_H_
