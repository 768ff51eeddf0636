#ifndef SO_KERNEL_X86_INTERNAL_H_
#define SO_KERNEL_X86_INTERNAL_H_

#include "kernel/machine/machine.h"
#include "kernel/x86/cpu.h"
#include "kernel/x86/pvh/pvh.h"

#define X86_EXCEPTIONS 32
#define X86_VECTOR_TIMER 0x20u
#define X86_VECTOR_DEVICE 0x21u
#define X86_VECTOR_SPURIOUS 0xffu

#define X86_BOOT_STACK_LEN (32u * 1024)
#define X86_TRAP_STACK_LEN (8u * 1024)

// From the linker script: page boundaries of the image.
extern uint8_t x86_image_start[], x86_text_end[], x86_rodata_end[], x86_image_end[];
extern const uint8_t x86_symbols_start[], x86_symbols_end[];
extern const uint8_t x86_build_id_start[], x86_build_id_end[];

// Stacks with a page below each that nothing may touch. One object, so that the order is known.
typedef struct x86_stacks {
  uint8_t guard0[SO_PAGE_LEN];
  uint8_t boot[X86_BOOT_STACK_LEN];  // The loop's, later.
  uint8_t guard1[SO_PAGE_LEN];
  uint8_t trap[X86_TRAP_STACK_LEN];  // Exceptions.
  uint8_t guard2[SO_PAGE_LEN];
  uint8_t last[X86_TRAP_STACK_LEN];  // Double faults and NMI: exceptions of the handler.
} x86_stacks;
extern x86_stacks x86_all_stacks;

// --- memory.c ---
// Draws the final boundaries. `ram` is reduced by what tables take.
void x86_memory_init(so_machine_boot *boot, bool devices_uncached);
// Whether a byte can be read without an exception.
bool x86_is_mapped(uintptr_t at);

// --- descriptors.c ---
void x86_descriptors_init(void);

// --- apic.c ---
// Nothing happens without a local APIC: then waiting spins.
extern uintptr_t x86_apic_at;
void x86_apic_init(void);
// Once the time is known: lets the timer end a hlt.
void x86_apic_start(void);
// Arms the timer, for `ns` from now at most; UINT64_MAX: not at all. False: there is none.
bool x86_apic_arm(uint64_t ns);
// Runs the timer of the local APIC for `count` ticks and returns the ticks of the TSC meanwhile.
uint64_t x86_apic_measure(uint32_t count);
bool x86_apic_present(void);

// --- hypervisor.c ---
typedef enum x86_hypervisor {
  X86_BARE = 0,
  X86_XEN,
  X86_KVM,
  X86_TCG,
  X86_OTHER,
} x86_hypervisor;
x86_hypervisor x86_hypervisor_kind(void);
uint32_t x86_hypervisor_leaf(void);  // Of the kind found; 0x40000000 and up.

// --- time.c ---
void x86_time_init(void);
uint64_t x86_tsc_hz(void);
void x86_time_entry(void);  // The first thing of all.

// --- rtc.c ---
int64_t x86_rtc_read(void);  // Seconds since 1970, or INT64_MIN.

// --- debug.c ---
void x86_debug_init(void);
void x86_debug_port_write(so_bytes text);  // Port 0xe9 alone.

// --- panic.c ---
_Noreturn void x86_panic_end(void);
void x86_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
// `rsp` 0: `rip` is where a call returns to.
void x86_backtrace(uintptr_t rip, uintptr_t rsp, uintptr_t rbp);
bool x86_panic_begin(void);

#endif  // SO_KERNEL_X86_INTERNAL_H_
