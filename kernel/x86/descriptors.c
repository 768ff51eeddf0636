// Segments, the task state with the stacks of exceptions, and the table of vectors. AMD64 Architecture
// Programmer's Manual volume 2, 4.8 (descriptors), 8.9 (interrupts), 12.2.5 (task state).

#include "base/mem.h"
#include "kernel/x86/internal.h"

#define CODE_SELECTOR 0x08
#define TSS_SELECTOR 0x18
#define GATE_INTERRUPT 0x8eu  // Present, privilege 0, masks interrupts.

#define IST_TRAP 1u
#define IST_LAST 2u

#define VECTOR_NMI 2u
#define VECTOR_DOUBLE_FAULT 8u

typedef struct task_state {
  uint32_t reserved0;
  uint64_t rsp[3];
  uint64_t reserved1;
  uint64_t ist[7];
  uint64_t reserved2;
  uint16_t reserved3;
  uint16_t io_map;
} __attribute__((packed)) task_state;

typedef struct gate {
  uint16_t offset_low;
  uint16_t selector;
  uint8_t ist;
  uint8_t type;
  uint16_t offset_mid;
  uint32_t offset_high;
  uint32_t reserved;
} gate;

typedef struct table_register {
  uint16_t limit;
  uint64_t base;
} __attribute__((packed)) table_register;

extern const uint8_t x86_exception_stubs[];
extern const uint8_t x86_wake[], x86_spurious[];
void x86_load_segments(const table_register *gdt, const table_register *idt, uint16_t tss);

static task_state tss;
static uint64_t gdt[5];
static gate idt[256];

static void set_gate(unsigned vector, uintptr_t to, unsigned ist) {
  idt[vector] = (gate){
      .offset_low = (uint16_t)to,
      .selector = CODE_SELECTOR,
      .ist = (uint8_t)ist,
      .type = GATE_INTERRUPT,
      .offset_mid = (uint16_t)(to >> 16),
      .offset_high = (uint32_t)((uint64_t)to >> 32),
  };
}

void x86_descriptors_init(void) {
  const uint64_t at = (uintptr_t)&tss;
  const uint64_t limit = sizeof tss - 1;
  tss.ist[IST_TRAP - 1] = (uintptr_t)(x86_all_stacks.trap + X86_TRAP_STACK_LEN);
  tss.ist[IST_LAST - 1] = (uintptr_t)(x86_all_stacks.last + X86_TRAP_STACK_LEN);
  tss.io_map = sizeof tss;
  gdt[1] = UINT64_C(0x00af9b000000ffff);
  gdt[2] = UINT64_C(0x00cf93000000ffff);
  gdt[3] = limit | (at & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (at >> 24 & 0xff) << 56;
  gdt[4] = at >> 32;
  for (unsigned v = 0; v < X86_EXCEPTIONS; v++) {
    const bool last = v == VECTOR_NMI || v == VECTOR_DOUBLE_FAULT;
    set_gate(v, (uintptr_t)x86_exception_stubs + (uintptr_t)v * 16, last ? IST_LAST : IST_TRAP);
  }
  for (unsigned v = X86_EXCEPTIONS; v < 256; v++) {
    set_gate(v, (uintptr_t)(v == X86_VECTOR_SPURIOUS ? x86_spurious : x86_wake), 0);
  }
  const table_register g = {sizeof gdt - 1, (uintptr_t)gdt};
  const table_register i = {sizeof idt - 1, (uintptr_t)idt};
  x86_load_segments(&g, &i, TSS_SELECTOR);
}
