#ifndef SO_ARM_ARMV7_CPU_H_
#define SO_ARM_ARMV7_CPU_H_

// Instructions of ARMv7-A with the Virtualization Extensions (Cortex-A7, A15), in SVC mode, that C has no
// words for. Rules are of the Arm ARM, DDI 0406.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arm/page_tables/page_tables.h"

#define SO_CPU_ADDRESS_END (UINT64_C(1) << 32)

// --- registers of devices --------------------------------------------------------------------------

// One plain load or store each: a hypervisor that emulates the device learns what was asked from the
// syndrome of the fault, which is valid for these forms only (HSR.ISS ISV, B3.13.6).
static inline uint32_t so_cpu_read32(uintptr_t at) {
  uint32_t v;
  __asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(at) : "memory");
  return v;
}
static inline uint32_t so_cpu_read16(uintptr_t at) {
  uint32_t v;
  __asm__ volatile("ldrh %0, [%1]" : "=r"(v) : "r"(at) : "memory");
  return v;
}
static inline uint32_t so_cpu_read8(uintptr_t at) {
  uint32_t v;
  __asm__ volatile("ldrb %0, [%1]" : "=r"(v) : "r"(at) : "memory");
  return v;
}
static inline void so_cpu_write32(uintptr_t at, uint32_t v) {
  __asm__ volatile("str %0, [%1]" : : "r"(v), "r"(at) : "memory");
}
static inline void so_cpu_write8(uintptr_t at, uint8_t v) {
  __asm__ volatile("strb %0, [%1]" : : "r"((uint32_t)v), "r"(at) : "memory");
}

// All accesses before it are complete before any after it begins.
static inline void so_cpu_barrier(void) { __asm__ volatile("dsb sy" ::: "memory"); }

// What was changed of how instructions and addresses are understood is in force from here.
static inline void so_cpu_fetch_again(void) { __asm__ volatile("isb" ::: "memory"); }

// --- the generic timer, virtual view (B8.1) ------------------------------------------------------

// Without the isb the counter may be read early (B8.1.2).
static inline uint64_t so_cpu_counter(void) {
  uint32_t low;
  uint32_t high;
  __asm__ volatile("isb\n mrrc p15, 1, %0, %1, c14" : "=r"(low), "=r"(high)::"memory");
  return (uint64_t)high << 32 | low;
}
static inline uint32_t so_cpu_counter_hz(void) {
  uint32_t v;
  __asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(v));
  return v;
}
static inline void so_cpu_timer_at(uint64_t tick) {
  __asm__ volatile("mcrr p15, 3, %0, %1, c14\n mcr p15, 0, %2, c14, c3, 1\n isb"
                   :
                   : "r"((uint32_t)tick), "r"((uint32_t)(tick >> 32)), "r"(1));
}
static inline void so_cpu_timer_off(void) {
  __asm__ volatile("mcr p15, 0, %0, c14, c3, 1\n isb" : : "r"(0) : "memory");
}

// Sleeps until an interrupt is pending, masked or not (B1.8.14). What was written before is seen by
// others first.
static inline void so_cpu_sleep(void) { __asm__ volatile("dsb sy\n wfi" ::: "memory"); }

// --- memory ----------------------------------------------------------------------------------------

// Drops lines of the data cache that the loader left over memory that was written with the cache off:
// A3.5.7, mismatched attributes. DCIMVAC; the line's length is CTR.DminLine.
static inline void so_cpu_cache_drop(uintptr_t from, uintptr_t to) {
  uint32_t ctr;
  __asm__ volatile("mrc p15, 0, %0, c0, c0, 1" : "=r"(ctr));
  const uintptr_t line = (uintptr_t)4 << (ctr >> 16 & 15);
  for (uintptr_t at = from & ~(line - 1); at < to; at += line) {
    __asm__ volatile("mcr p15, 0, %0, c7, c6, 1" : : "r"(at) : "memory");
  }
  so_cpu_barrier();
}

// Turns on the MMU and the caches over `root`, in the long-descriptor format (B3.6). The walks themselves are
// cacheable and inner shareable, as the tables are.
static inline void so_cpu_mmu_on(const uint64_t *root) {
  const uint32_t ttbcr = 1u << 31 |  // EAE; T0SZ 0: TTBR0 serves all addresses.
                         1u << 8 |   // IRGN0, ORGN0: write-back, allocating.
                         1u << 10 |  //
                         3u << 12 |  // SH0: inner shareable.
                         1u << 23;   // EPD1.
  uint32_t control;
  __asm__ volatile(
      "mcr p15, 0, %0, c10, c2, 0\n"  // MAIR0
      "mcr p15, 0, %1, c2, c0, 2\n"   // TTBCR
      "mcrr p15, 0, %2, %3, c2\n"     // TTBR0
      "isb\n"
      "mcr p15, 0, %3, c8, c7, 0\n"  // TLBIALL
      "mcr p15, 0, %3, c7, c5, 0\n"  // ICIALLU
      "mcr p15, 0, %3, c7, c5, 6\n"  // BPIALL
      "dsb sy\n"
      "isb\n"
      :
      : "r"(SO_PAGE_MAIR), "r"(ttbcr), "r"(root), "r"(0)
      : "memory");
  __asm__ volatile("mrc p15, 0, %0, c1, c0, 0" : "=r"(control));
  control |= 1u | 1u << 2 | 1u << 11 | 1u << 12;  // M, C, Z, I.
  control &= ~2u;                                 // A: unaligned access to Normal memory is fine.
  __asm__ volatile("mcr p15, 0, %0, c1, c0, 0\n isb" : : "r"(control) : "memory");
}

// Changes to other tables, which may map the same addresses by other sizes: the MMU is off in between, for
// there must never be both in the TLB (B3.10.1). No memory is touched meanwhile. From then on what is
// writable is never executed, whatever a table says (WXN).
static inline void so_cpu_tables_use(const uint64_t *root) {
  uint32_t on;
  uint32_t off;
  __asm__ volatile(
      "mrc p15, 0, %0, c1, c0, 0\n"
      "orr %0, %0, #(1 << 19)\n"
      "bic %1, %0, #1\n"
      "dsb sy\n"
      "mcr p15, 0, %1, c1, c0, 0\n"
      "isb\n"
      "mcrr p15, 0, %2, %3, c2\n"
      "isb\n"
      "mcr p15, 0, %3, c8, c7, 0\n"
      "mcr p15, 0, %3, c7, c5, 6\n"
      "dsb sy\n"
      "isb\n"
      "mcr p15, 0, %0, c1, c0, 0\n"
      "isb\n"
      : "=&r"(on), "=&r"(off)
      : "r"(root), "r"(0)
      : "memory");
}

// Changes a live entry from valid to valid, or to a table: break before make (B3.10.1). The halves of an
// entry are written so that it is never valid with only one of them; strd would be one access as well,
// but only where the format is in use (A3.5.3).
static inline void so_cpu_entry_change(uint64_t *entry, uint64_t value, uintptr_t at) {
  __asm__ volatile(
      "str %4, [%0]\n"
      "dsb ish\n"
      "mcr p15, 0, %3, c8, c7, 3\n"  // TLBIMVAA
      "dsb ish\n"
      "isb\n"
      "str %2, [%0, #4]\n"
      "dsb ish\n"
      "str %1, [%0]\n"
      "dsb ish\n"
      "isb\n"
      :
      : "r"(entry), "r"((uint32_t)value), "r"((uint32_t)(value >> 32)), "r"(at & ~(uintptr_t)4095), "r"(0)
      : "memory");
}

// --- the hypervisor or firmware ------------------------------------------------------------------

// SMC Calling Convention 1.x: function in r0; r0-r3 and r12 may change.
static inline void so_cpu_hvc(uint32_t function) {
  register uint32_t r0 __asm__("r0") = function;
  __asm__ volatile(".arch_extension virt\n hvc #0" : "+r"(r0) : : "r1", "r2", "r3", "r12", "memory");
}
static inline void so_cpu_smc(uint32_t function) {
  register uint32_t r0 __asm__("r0") = function;
  __asm__ volatile(".arch_extension sec\n smc #0" : "+r"(r0) : : "r1", "r2", "r3", "r12", "memory");
}

// ARMv7 has no generator of random numbers.
static inline bool so_cpu_has_random(void) { return false; }
static inline bool so_cpu_random(uint64_t *out) {
  *out = 0;
  return false;
}

// Asynchronous errors become exceptions, where they say that something is wrong. Interrupts stay masked.
static inline void so_cpu_errors_on(void) { __asm__ volatile("cpsie a" ::: "memory"); }

#define SO_CPU_HAS_GICV3 0

// Where a frame keeps the caller's frame pointer and the return address, in words from the pointer.
#define SO_CPU_FRAME_NEXT 0
#define SO_CPU_FRAME_RETURN 1

#endif  // SO_ARM_ARMV7_CPU_H_
