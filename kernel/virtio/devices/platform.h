#ifndef SO_KERNEL_VIRTIO_DEVICES_PLATFORM_H_
#define SO_KERNEL_VIRTIO_DEVICES_PLATFORM_H_

// What differs between machines with virtio devices: where they are announced, and the UART.

#include "kernel/machine/machine.h"
#include "kernel/virtio/find/find.h"

// virtio_platform_find gives the places of devices, in the order of the machine's owner, of registers that are
// mapped; and lets the lines that they have end so_machine_wait. `*out_bad` counts those left out. On a machine
// with a device tree: the nodes "virtio,mmio".
size_t virtio_platform_find(const so_machine_boot *boot, so_virtio_place *out, size_t cap,
                            size_t *out_bad);

// Registers: `len` is 1, 2 or 4. A write is seen after everything that was written before.
uint32_t virtio_platform_read(uintptr_t at, uint32_t len);
void virtio_platform_write32(uintptr_t at, uint32_t value);

// virtio_platform_typing_init lets what is typed end so_machine_wait; virtio_platform_typed gives a byte, or
// -1: none.
void virtio_platform_typing_init(void);
int virtio_platform_typed(void);

// Why a machine may have fewer devices than its owner thinks.
extern const char virtio_platform_hint[];

#endif  // SO_KERNEL_VIRTIO_DEVICES_PLATFORM_H_
