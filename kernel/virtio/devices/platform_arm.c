// An ARM machine with a device tree, such as QEMU's virt: virtio,mmio nodes and a PL011 (Arm DDI 0183). The
// lines of both end so_machine_wait already (arm/machine/gic.c).

#include "arm/machine/machine.h"
#include "kernel/virtio/devices/platform.h"

#define DATA 0x00u
#define FLAG 0x18u
#define CONTROL 0x30u
#define INTERRUPT_MASK 0x38u

#define FLAG_RECEIVE_EMPTY 0x10u
#define CONTROL_ON 0x301u       // The UART, sending and receiving.
#define INTERRUPT_RECEIVED 0x50u  // A byte, or one that waits below the mark of the FIFO.

const char virtio_platform_hint[] = "no virtio,mmio node of the device tree has a device of this kind";

size_t virtio_platform_find(const so_machine_boot *boot, so_virtio_place *out, size_t cap,
                            size_t *out_bad) {
  const so_arm_machine *const m = so_arm_machine_found();
  size_t count = 0;
  (void)boot;
  for (size_t i = 0; i < m->virtio_count; i++) {
    const so_arm_device *const d = &m->virtio[i];
    if (count < cap && d->registers.base + d->registers.len <= UINTPTR_MAX) {
      out[count++] = (so_virtio_place){d->registers.base, d->registers.len, d->interrupt};
    }
  }
  *out_bad = m->virtio_count - count;
  return count;
}

uint32_t virtio_platform_read(uintptr_t at, uint32_t len) { return so_arm_register_read(at, len); }

void virtio_platform_write32(uintptr_t at, uint32_t value) { so_arm_register_write(at, value); }

static uintptr_t uart(void) {
  const so_arm_range *const r = &so_arm_machine_found()->uart.registers;
  return r->len == 0 ? 0 : (uintptr_t)r->base;
}

void virtio_platform_typing_init(void) {
  const uintptr_t at = uart();
  if (at != 0) {
    so_arm_register_write(at + CONTROL, so_arm_register_read(at + CONTROL, 4) | CONTROL_ON);
    so_arm_register_write(at + INTERRUPT_MASK, INTERRUPT_RECEIVED);
  }
}

int virtio_platform_typed(void) {
  const uintptr_t at = uart();
  if (at == 0 || (so_arm_register_read(at + FLAG, 4) & FLAG_RECEIVE_EMPTY) != 0) {
    return -1;
  }
  return (int)(so_arm_register_read(at + DATA, 4) & 0xff);
}
