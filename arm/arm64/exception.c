// What an exception of ARMv8-A prints: its name and meaning, all registers, a backtrace.

#include "arm/machine/internal.h"

// As entry.S lays it out.
typedef struct so_arm_frame {
  uint64_t x[31];
  uint64_t sp, pc, status, syndrome, address, vector;
} so_arm_frame;

#define FRAME_POINTER 29
#define LINK 30

// ESR_EL1, D24.2.37: the class, and what an abort's syndrome says.
#define CLASS_SHIFT 26
#define CLASS_UNKNOWN 0x00u
#define CLASS_ILLEGAL_STATE 0x0eu
#define CLASS_SVC 0x15u
#define CLASS_FETCH 0x21u
#define CLASS_PC_ALIGNMENT 0x22u
#define CLASS_DATA 0x25u
#define CLASS_SP_ALIGNMENT 0x26u
#define CLASS_BRK 0x3cu
#define ABORT_WRITE (1u << 6)
#define STATUS_MASK 0x3fu
#define FAULT_MASK 0x3cu
#define FAULT_PERMISSION 0x0cu
#define FAULT_ALIGNMENT 0x21u

void so_arm_exception(const so_arm_frame *f);

so_arm_frame so_arm_exception_frame;

static const char *name_of(const so_arm_frame *f) {
  if (f->vector % 4 == 3) {
    return "asynchronous error (SError)";
  }
  if (f->vector % 4 != 0) {
    return "an interrupt, though all are masked";
  }
  switch (f->syndrome >> CLASS_SHIFT) {
    case CLASS_UNKNOWN:
      return "invalid instruction";
    case CLASS_ILLEGAL_STATE:
      return "illegal execution state";
    case CLASS_SVC:
      return "a system call, and there is no system";
    case CLASS_FETCH:
    case CLASS_DATA:
      return "page fault";
    case CLASS_PC_ALIGNMENT:
      return "misaligned program counter";
    case CLASS_SP_ALIGNMENT:
      return "misaligned stack pointer";
    case CLASS_BRK:
      return "a broken invariant (trap)";
    default:
      return "unknown exception";
  }
}

static arm_fault fault_of(const so_arm_frame *f) {
  arm_fault fault = {.name = name_of(f), .address = (uintptr_t)f->address};
  const uint64_t class = f->syndrome >> CLASS_SHIFT;
  if (f->vector % 4 != 0 || (class != CLASS_FETCH && class != CLASS_DATA)) {
    return fault;
  }
  fault.misaligned = (f->syndrome & STATUS_MASK) == FAULT_ALIGNMENT;
  fault.access = class == CLASS_FETCH                   ? "executing"
                 : (f->syndrome & ABORT_WRITE) != 0 ? "writing"
                                                       : "reading";
  fault.permission = (f->syndrome & FAULT_MASK) == FAULT_PERMISSION;
  return fault;
}

static void say_registers(const so_arm_frame *f) {
  arm_say("pc  " ARM_HEX "  sp  " ARM_HEX "  esr " ARM_HEX "  far " ARM_HEX "\n", (arm_word)f->pc,
          (arm_word)f->sp, (arm_word)f->syndrome, (arm_word)f->address);
  for (unsigned i = 0; i < 31; i++) {
    arm_say("x%-2u " ARM_HEX "%s", i, (arm_word)f->x[i], i % 4 == 3 ? "\n" : "  ");
  }
  arm_say("st  " ARM_HEX "\n", (arm_word)f->status);
}

void so_arm_exception(const so_arm_frame *f) {
  const arm_fault fault = fault_of(f);
  arm_panic_begin();
  arm_say_fault(&fault);
  say_registers(f);
  arm_backtrace((uintptr_t)f->pc, (uintptr_t)f->x[LINK], (uintptr_t)f->x[FRAME_POINTER]);
  arm_panic_end();
}
