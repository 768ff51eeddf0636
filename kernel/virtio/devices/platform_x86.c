// A PC without PCI, such as QEMU's microvm: devices on the command line, the first serial port. Every line of
// the I/O APICs ends so_machine_wait already (kernel/x86/apic.c).

#include "kernel/virtio/devices/platform.h"

#define MAPPED_END (UINT64_C(1) << 32)  // kernel/x86/memory.c maps what lies between RAM below this.

// Registers of a 16550 (its datasheet; line 4).
#define COM1 0x3f8
#define DATA 0
#define INTERRUPT_ENABLE 1
#define MODEM_CONTROL 4
#define LINE_STATUS 5
#define SCRATCH 7

#define ENABLE_RECEIVED 0x01
#define MODEM_READY 0x0b  // DTR, RTS, and OUT2, which lets the interrupt through.
#define STATUS_RECEIVED 0x01

const char virtio_platform_hint[] =
    "no virtio_mmio.device= of this kind on the command line. This image knows QEMU's microvm: start it with "
    "-M microvm,acpi=off and -device virtio-net-device, virtio-blk-device. Devices on PCI (-M pc, -M q35, "
    "virtio-net-pci) are not supported";

static bool has_uart;

static uint8_t in8(uint16_t port) {
  uint8_t v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}

static void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }

size_t virtio_platform_find(const so_machine_boot *boot, so_virtio_place *out, size_t cap,
                            size_t *out_bad) {
  const size_t found = so_virtio_find_words(boot->command_line, out, cap, out_bad);
  size_t kept = 0;
  for (size_t i = 0; i < found; i++) {
    if (out[i].base + out[i].len <= MAPPED_END) {
      out[kept++] = out[i];
    } else {
      ++*out_bad;
    }
  }
  return kept;
}

uint32_t virtio_platform_read(uintptr_t at, uint32_t len) {
  if (len == 1) {
    return *(const volatile uint8_t *)at;
  }
  return len == 2 ? *(const volatile uint16_t *)at : *(const volatile uint32_t *)at;
}

void virtio_platform_write32(uintptr_t at, uint32_t value) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  *(volatile uint32_t *)at = value;
}

void virtio_platform_typing_init(void) {
  out8(COM1 + SCRATCH, 0xa5);
  has_uart = in8(COM1 + SCRATCH) == 0xa5;
  if (has_uart) {
    out8(COM1 + INTERRUPT_ENABLE, ENABLE_RECEIVED);
    out8(COM1 + MODEM_CONTROL, MODEM_READY);
  }
}

int virtio_platform_typed(void) {
  if (!has_uart || (in8(COM1 + LINE_STATUS) & STATUS_RECEIVED) == 0) {
    return -1;
  }
  return in8(COM1 + DATA);
}
