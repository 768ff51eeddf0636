#ifndef SO_KERNEL_MACHINE_MACHINE_H_
#define SO_KERNEL_MACHINE_MACHINE_H_

// The processor, as a program with nothing underneath sees it. An image links exactly one
// implementation: kernel/x86, or one of arm/.
//
// Rules that every implementation keeps:
//   - One processor, and interrupts are masked at all times: they serve only to end
//     so_machine_wait. So nothing ever runs between two statements of a program, and what a device
//     has done is found by looking at its ring (so_devices_poll), not by a handler.
//   - All memory of the machine is mapped once, virtual address = physical address: text readable and
//     executable, constants readable, the rest readable and writable and never executable. Page 0 is
//     not mapped.
//   - An exception prints registers, a backtrace and the build id, and ends the machine by
//     so_machine_panic.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PAGE_LEN 4096u
#define SO_MACHINE_RAM_MAX 32

typedef struct so_machine_range {
  uint64_t base;  // Multiples of SO_PAGE_LEN, both.
  uint64_t len;
} so_machine_range;

// What the boot found, handed to so_bare_main once.
typedef struct so_machine_boot {
  so_bytes command_line;  // Lives as long as the machine.
  // Free memory: without the image, the page tables, the boot stack and what the loader left that is
  // still needed.
  so_machine_range ram[SO_MACHINE_RAM_MAX];
  size_t ram_count;
  so_bytes device_tree;  // Empty on x86.
} so_machine_boot;

// Nanoseconds since some moment of the boot; never goes back.
uint64_t so_machine_now_ns(void);

// so_machine_since_entry_ns is the time since the first function of the image, by the processor's counter alone:
// the clock above may start later, or be another one once the devices are there. Of a start, not after a resume.
uint64_t so_machine_since_entry_ns(void);

// The wall clock by the machine's own clock, in nanoseconds since 1970, or INT64_MIN when it has none.
int64_t so_machine_unix_ns(void);

// so_machine_wait sleeps until a device interrupts or `deadline_ns` (monotonic; SO_NEVER) has come. It may
// return early for no reason. An interrupt that came since the last return ends it at once.
void so_machine_wait(uint64_t deadline_ns);

// so_machine_guard takes the page at `page` out of the address space, so that touching it is an
// exception; so_machine_unguard puts it back (contents undefined). False: no memory for a table.
bool so_machine_guard(void *page);
void so_machine_unguard(void *page);

// so_machine_random fills `out` from the processor's own generator; false when it has none, or it
// failed. `out` then holds nothing of worth. Not fit for keys alone: kernel/bare mixes.
bool so_machine_random(uint8_t *out, size_t len);

// so_machine_seed takes the unpredictable bytes that the loader left for us (rng-seed of a device tree), `cap` at
// most, and gives their number. They are erased where they were: the next call gives 0, as where there are none.
size_t so_machine_seed(uint8_t *out, size_t cap);

// so_machine_ticks is the fastest counter there is, for timing jitter.
uint64_t so_machine_ticks(void);

// Before so_devices_start, and in a panic: text to wherever the machine can show it (a debug port, a
// UART), or nowhere.
void so_machine_debug_write(so_bytes text);

// so_machine_panic prints `why` with a backtrace of its caller and ends the machine as crashed.
_Noreturn void so_machine_panic(const char *why);

typedef enum so_end {
  SO_END_POWEROFF = 0,
  SO_END_REBOOT,
  SO_END_CRASH,
} so_end;

// so_machine_end stops the machine by its own means (ACPI or a debug exit, PSCI). A device family that has
// a better way (a hypercall) uses that first: see so_devices_end.
_Noreturn void so_machine_end(so_end how);

// What the implementation calls, once, with interrupts masked and memory mapped. In kernel/bare.
_Noreturn void so_bare_main(const so_machine_boot *boot);

// The rest of a panic, in kernel/bare. From anywhere, with any stack; nothing may be trusted.
// so_bare_panic_write shows text on the console of the devices when they are there, else by
// so_machine_debug_write. so_bare_panic_explain says which fiber runs and, when `address` (NULL: none) is
// in the guard page of its stack, that it ran over. so_bare_panic_end ends the machine as crashed.
void so_bare_panic_write(so_bytes text);
void so_bare_panic_explain(const void *address);
_Noreturn void so_bare_panic_end(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_MACHINE_MACHINE_H_
