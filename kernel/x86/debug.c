// Text without devices: port 0xe9, which Xen puts into its log and QEMU's -debugcon shows, and the first
// serial port.

#include "kernel/x86/internal.h"

#define DEBUG_PORT 0xe9
#define COM1 0x3f8
#define DIVISOR 1  // 115200 baud.
#define LINE_8N1 0x03
#define ROOM 0x20u
#define LOOKS_MAX 100000u

static bool has_serial;

void x86_debug_init(void) {
  x86_out8(COM1 + 7, 0x5a);  // A register that does nothing but remember.
  if (x86_in8(COM1 + 7) != 0x5a) {
    return;
  }
  has_serial = true;
  x86_out8(COM1 + 1, 0);
  x86_out8(COM1 + 3, 0x80 | LINE_8N1);
  x86_out8(COM1, DIVISOR);
  x86_out8(COM1 + 1, 0);
  x86_out8(COM1 + 3, LINE_8N1);
  x86_out8(COM1 + 2, 0x07);
  x86_out8(COM1 + 4, 0x03);
}

void x86_debug_port_write(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    x86_out8(DEBUG_PORT, text.ptr[i]);
  }
}

static void serial_put(uint8_t c) {
  for (unsigned i = 0; i < LOOKS_MAX && (x86_in8(COM1 + 5) & ROOM) == 0; i++) {
  }
  x86_out8(COM1, c);
}

void so_machine_debug_write(so_bytes text) {
  x86_debug_port_write(text);
  for (size_t i = 0; has_serial && i < text.len; i++) {
    if (text.ptr[i] == '\n') {
      serial_put('\r');
    }
    serial_put(text.ptr[i]);
  }
}
