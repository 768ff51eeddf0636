#ifndef SO_ARM_LAYOUT_LAYOUT_H_
#define SO_ARM_LAYOUT_LAYOUT_H_

// Who gets which memory of an ARM machine: the image, the device tree, the page tables, and what is free.
// Pure.

#include <stddef.h>
#include <stdint.h>

#include "arm/device_tree/machine.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_LAYOUT_FREE_MAX 32u
#define SO_LAYOUT_DEVICES_MAX (4u + SO_ARM_VIRTIO_MAX)

typedef struct so_layout {
  so_arm_range memory[SO_ARM_MEMORY_MAX];  // Whole pages, below the end of the address space.
  size_t memory_count;
  so_arm_range devices[SO_LAYOUT_DEVICES_MAX];  // Registers, as whole pages.
  size_t device_count;
  so_arm_range tables;  // Enough page tables for all of it with a guard page anywhere.
  so_arm_range free[SO_LAYOUT_FREE_MAX];
  size_t free_count;
} so_layout;

// so_layout_make takes what is in use (the image, the device tree) out of the machine's memory. Page 0 is
// never free. `address_end` is the first address that cannot be mapped. LIMIT: too many pieces, or no
// memory for the tables.
SO_MUST_USE so_status so_layout_make(const so_arm_machine *machine, const so_arm_range *used,
                                     size_t used_count, uint64_t address_end, so_layout *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_LAYOUT_LAYOUT_H_
