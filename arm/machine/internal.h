#ifndef SO_ARM_MACHINE_INTERNAL_H_
#define SO_ARM_MACHINE_INTERNAL_H_

#include "arm/cpu.h"
#include "arm/device_tree/machine.h"
#include "arm/page_tables/page_tables.h"
#include "kernel/machine/machine.h"

// How a report shows a register.
typedef unsigned long long arm_word;
#if UINTPTR_MAX > UINT32_MAX
#define ARM_HEX "%016llx"
#else
#define ARM_HEX "%08llx"
#endif

#define ARM_BOOT_STACK_LEN (32u * 1024)
#define ARM_EXCEPTION_STACK_LEN (8u * 1024)

// From the linker script: page boundaries of the image, but for the two ends of tables.
extern uint8_t so_image_start[], so_image_text_end[], so_image_const_end[], so_image_file_end[];
extern uint8_t so_image_end[];
extern const uint8_t so_image_symbols_start[], so_image_symbols_end[];
extern const uint8_t so_image_build_id_start[], so_image_build_id_end[];

// Stacks with a page around each that nothing may touch. One object, so that the order is known. The linker
// script names the ends of the stacks for entry.S.
typedef struct arm_stacks {
  uint8_t guard0[SO_PAGE_LEN];
  uint8_t boot[ARM_BOOT_STACK_LEN];  // The loop's, later.
  uint8_t guard1[SO_PAGE_LEN];
  uint8_t exception[ARM_EXCEPTION_STACK_LEN];
} arm_stacks;
extern arm_stacks so_arm_stacks;

// The one machine there is, as its device tree has it. Valid once so_arm_boot has read it.
extern so_arm_machine arm_machine;

// --- early.c ---
// Maps whole blocks in the tables of the boot, for everything. False: out of tables.
bool arm_early_map(uint64_t base, uint64_t len);

// --- memory.c ---
// Draws the final boundaries, and fills in what of memory is free.
void arm_memory_init(so_bytes device_tree, so_machine_boot *boot);
bool arm_is_mapped(uintptr_t at);

// --- random.c ---
// Keeps the seed for so_machine_seed, and erases it in the tree, which is still mapped writable.
void arm_seed_take(so_bytes in_tree);

// --- gic.c ---
void arm_gic_init(void);
// Takes what interrupts there are, so that the next wait does not end for them; bounded.
void arm_gic_take_all(void);

// --- time.c ---
void arm_time_entry(void);  // The first thing of all.
void arm_time_init(void);

// --- panic.c ---
bool arm_panic_begin(void);
void arm_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
// `link` is the link register; 0: `pc` is a return address, and callers are in frames alone.
void arm_backtrace(uintptr_t pc, uintptr_t link, uintptr_t frame);
_Noreturn void arm_panic_end(void);

// --- exception.c, of each architecture ---
// What of an exception all architectures say alike. `address` is the one that could not be reached.
typedef struct arm_fault {
  const char *name;
  const char *access;  // "reading", "writing", "executing", or NULL when no address is involved.
  uintptr_t address;
  bool permission;  // Something is mapped there,
  bool misaligned;  // or may be, but not for an access at this address.
} arm_fault;
void arm_say_fault(const arm_fault *fault);

#endif  // SO_ARM_MACHINE_INTERNAL_H_
