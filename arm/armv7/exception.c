// What an exception of ARMv7-A prints: its name and meaning, all registers, a backtrace.

#include "arm/machine/internal.h"

// As entry.S lays it out.
typedef struct so_arm_frame {
  uint32_t r[13];
  uint32_t vector, back, status;  // `back`: the link register of the exception's mode.
  uint32_t sp, lr;                // The program's own.
  uint32_t data_status, data_address, fetch_status, fetch_address;
} so_arm_frame;

#define FRAME_POINTER 11

// The order of the vectors: B1.8.1.
#define VECTOR_UNDEFINED 1u
#define VECTOR_SVC 2u
#define VECTOR_FETCH 3u
#define VECTOR_DATA 4u

// DFSR and IFSR in the long-descriptor format: B4.1.52.
#define STATUS_MASK 0x3fu
#define STATUS_WRITE (1u << 11)
#define FAULT_MASK 0x3cu
#define FAULT_PERMISSION 0x0cu
#define FAULT_ALIGNMENT 0x21u
#define FAULT_ASYNCHRONOUS 0x11u

// What __builtin_trap becomes (udf #65006).
#define TRAP 0xe7ffdefeu

void so_arm_exception(const so_arm_frame *f);

so_arm_frame so_arm_exception_frame;

// How far the link register lies behind the instruction: B1.8.3.
static uint32_t pc_of(const so_arm_frame *f) { return f->back - (f->vector == VECTOR_DATA ? 8 : 4); }

static const char *name_of(const so_arm_frame *f) {
  switch (f->vector) {
    case VECTOR_UNDEFINED: {
      const uintptr_t pc = pc_of(f);
      const bool trap = pc % 4 == 0 && arm_is_mapped(pc) && *(const uint32_t *)pc == TRAP;
      return trap ? "a broken invariant (trap)" : "invalid instruction";
    }
    case VECTOR_SVC:
      return "a system call, and there is no system";
    case VECTOR_FETCH:
      return "page fault";
    case VECTOR_DATA:
      return (f->data_status & STATUS_MASK) == FAULT_ASYNCHRONOUS ? "asynchronous error" : "page fault";
    default:
      return "an interrupt, though all are masked";
  }
}

static arm_fault fault_of(const so_arm_frame *f) {
  arm_fault fault = {.name = name_of(f)};
  if (f->vector == VECTOR_FETCH) {
    fault.access = "executing";
    fault.address = f->fetch_address;
    fault.permission = (f->fetch_status & FAULT_MASK) == FAULT_PERMISSION;
  } else if (f->vector == VECTOR_DATA && (f->data_status & STATUS_MASK) != FAULT_ASYNCHRONOUS) {
    fault.access = (f->data_status & STATUS_WRITE) != 0 ? "writing" : "reading";
    fault.address = f->data_address;
    fault.misaligned = (f->data_status & STATUS_MASK) == FAULT_ALIGNMENT;
    fault.permission = (f->data_status & FAULT_MASK) == FAULT_PERMISSION;
  }
  return fault;
}

static void say_registers(const so_arm_frame *f) {
  arm_say("pc  " ARM_HEX "  sp  " ARM_HEX "  lr  " ARM_HEX "  psr " ARM_HEX "\n", (arm_word)pc_of(f),
          (arm_word)f->sp, (arm_word)f->lr, (arm_word)f->status);
  for (unsigned i = 0; i < 13; i++) {
    arm_say("r%-2u " ARM_HEX "%s", i, (arm_word)f->r[i], i % 4 == 3 ? "\n" : "  ");
  }
  arm_say("dfsr " ARM_HEX "  dfar " ARM_HEX "\n", (arm_word)f->data_status, (arm_word)f->data_address);
}

void so_arm_exception(const so_arm_frame *f) {
  const arm_fault fault = fault_of(f);
  arm_panic_begin();
  arm_say_fault(&fault);
  say_registers(f);
  arm_backtrace(pc_of(f), f->lr, f->r[FRAME_POINTER]);
  arm_panic_end();
}
