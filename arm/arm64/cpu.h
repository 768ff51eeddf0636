#ifndef SO_ARM_ARM64_CPU_H_
#define SO_ARM_ARM64_CPU_H_

// Instructions of ARMv8-A at EL1 that C has no words for. Rules are of the Arm ARM, DDI 0487.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arm/page_tables/page_tables.h"

#define SO_CPU_ADDRESS_END SO_PAGE_ADDRESS_END

// --- registers of devices --------------------------------------------------------------------------

// One plain load or store each: a hypervisor that emulates the device learns what was asked from the
// syndrome of the fault, which is valid for these forms only (ESR_ELx.ISS ISV, D24.2.40).
static inline uint32_t so_cpu_read32(uintptr_t at) {
  uint32_t v;
  __asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(at) : "memory");
  return v;
}
static inline uint32_t so_cpu_read16(uintptr_t at) {
  uint32_t v;
  __asm__ volatile("ldrh %w0, [%1]" : "=r"(v) : "r"(at) : "memory");
  return v;
}
static inline uint32_t so_cpu_read8(uintptr_t at) {
  uint32_t v;
  __asm__ volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(at) : "memory");
  return v;
}
static inline void so_cpu_write32(uintptr_t at, uint32_t v) {
  __asm__ volatile("str %w0, [%1]" : : "rZ"(v), "r"(at) : "memory");
}
static inline void so_cpu_write8(uintptr_t at, uint8_t v) {
  __asm__ volatile("strb %w0, [%1]" : : "rZ"((uint32_t)v), "r"(at) : "memory");
}

// All accesses before it are complete before any after it begins.
static inline void so_cpu_barrier(void) { __asm__ volatile("dsb sy" ::: "memory"); }

// What was changed of how instructions and addresses are understood is in force from here.
static inline void so_cpu_fetch_again(void) { __asm__ volatile("isb" ::: "memory"); }

// --- the generic timer, virtual view (D12.2) -----------------------------------------------------

// Without the isb the counter may be read early (D12.1.2).
static inline uint64_t so_cpu_counter(void) {
  uint64_t v;
  __asm__ volatile("isb\n mrs %0, cntvct_el0" : "=r"(v)::"memory");
  return v;
}
static inline uint32_t so_cpu_counter_hz(void) {
  uint64_t v;
  __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(v));
  return (uint32_t)v;
}
static inline void so_cpu_timer_at(uint64_t tick) {
  __asm__ volatile("msr cntv_cval_el0, %0\n msr cntv_ctl_el0, %1\n isb" : : "r"(tick), "r"(UINT64_C(1)));
}
static inline void so_cpu_timer_off(void) {
  __asm__ volatile("msr cntv_ctl_el0, xzr\n isb" ::: "memory");
}

// Sleeps until an interrupt is pending, masked or not (D1.7.2). What was written before is seen by
// others first.
static inline void so_cpu_sleep(void) { __asm__ volatile("dsb sy\n wfi" ::: "memory"); }

// --- memory ----------------------------------------------------------------------------------------

// Drops lines of the data cache that the loader left over memory that was written with the cache off:
// D7.5.2, mismatched attributes.
static inline void so_cpu_cache_drop(uintptr_t from, uintptr_t to) {
  uint64_t ctr;
  __asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
  const uintptr_t line = (uintptr_t)4 << (ctr >> 16 & 15);
  for (uintptr_t at = from & ~(line - 1); at < to; at += line) {
    __asm__ volatile("dc ivac, %0" : : "r"(at) : "memory");
  }
  so_cpu_barrier();
}

// Turns on the MMU and the caches over `root`. Attributes: D8.5; the walks themselves are cacheable and
// inner shareable (TCR_EL1), as the tables are.
static inline void so_cpu_mmu_on(const uint64_t *root) {
  uint64_t features;
  uint64_t control;
  __asm__ volatile("mrs %0, id_aa64mmfr0_el1" : "=r"(features));
  const uint64_t range = (features & 15) > 5 ? 5 : features & 15;  // PARange, at most 48 bits.
  const uint64_t tcr = UINT64_C(25) |        // T0SZ: 39 bits, so that walks begin at level 1.
                       UINT64_C(1) << 8 |    // IRGN0, ORGN0: write-back, allocating.
                       UINT64_C(1) << 10 |   //
                       UINT64_C(3) << 12 |   // SH0: inner shareable.
                       UINT64_C(1) << 23 |   // EPD1: nothing in the upper half.
                       range << 32;
  __asm__ volatile("msr mair_el1, %0\n msr tcr_el1, %1\n msr ttbr0_el1, %2\n"
                   "isb\n tlbi vmalle1\n ic iallu\n dsb sy\n isb"
                   :
                   : "r"((uint64_t)SO_PAGE_MAIR), "r"(tcr), "r"(root)
                   : "memory");
  __asm__ volatile("mrs %0, sctlr_el1" : "=r"(control));
  control |= 1u | 1u << 2 | 1u << 12;   // M, C, I.
  control &= ~UINT64_C(2);              // A: unaligned access to Normal memory is fine.
  __asm__ volatile("msr sctlr_el1, %0\n isb" : : "r"(control) : "memory");
}

// Changes to other tables, which may map the same addresses by other sizes: the MMU is off in between, for
// there must never be both in the TLB (D8.16.1). No memory is touched meanwhile. From then on what is
// writable is never executed, whatever a table says (WXN).
static inline void so_cpu_tables_use(const uint64_t *root) {
  uint64_t on;
  uint64_t off;
  __asm__ volatile(
      "mrs %0, sctlr_el1\n"
      "orr %0, %0, #(1 << 19)\n"
      "bic %1, %0, #1\n"
      "dsb sy\n"
      "msr sctlr_el1, %1\n"
      "isb\n"
      "msr ttbr0_el1, %2\n"
      "isb\n"
      "tlbi vmalle1\n"
      "dsb sy\n"
      "isb\n"
      "msr sctlr_el1, %0\n"
      "isb\n"
      : "=&r"(on), "=&r"(off)
      : "r"(root)
      : "memory");
}

// Changes a live entry from valid to valid, or to a table: break before make (D8.16.1).
static inline void so_cpu_entry_change(uint64_t *entry, uint64_t value, uintptr_t at) {
  __asm__ volatile(
      "str xzr, [%0]\n"
      "dsb ish\n"
      "tlbi vaae1, %2\n"
      "dsb ish\n"
      "isb\n"
      "str %1, [%0]\n"
      "dsb ish\n"
      "isb\n"
      :
      : "r"(entry), "r"(value), "r"((uint64_t)at >> 12)
      : "memory");
}

// --- the hypervisor or firmware ------------------------------------------------------------------

// SMC Calling Convention 1.x: function in w0; x0-x17 may change.
#define SO_CPU_CALL_CLOBBERS                                                                           \
  "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", \
      "x17", "memory"
static inline void so_cpu_hvc(uint32_t function) {
  register uint64_t x0 __asm__("x0") = function;
  __asm__ volatile("hvc #0" : "+r"(x0) : : SO_CPU_CALL_CLOBBERS);
}
static inline void so_cpu_smc(uint32_t function) {
  register uint64_t x0 __asm__("x0") = function;
  __asm__ volatile("smc #0" : "+r"(x0) : : SO_CPU_CALL_CLOBBERS);
}

// FEAT_RNG: RNDR sets Z when it has nothing to give in reasonable time (C5.2.17).
static inline bool so_cpu_has_random(void) {
  uint64_t features;
  __asm__ volatile("mrs %0, id_aa64isar0_el1" : "=r"(features));
  return (features >> 60) != 0;
}
static inline bool so_cpu_random(uint64_t *out) {
  uint64_t v;
  uint64_t failed;
  __asm__ volatile("mrs %0, s3_3_c2_c4_0\n cset %1, eq" : "=r"(v), "=r"(failed) : : "cc", "memory");
  *out = v;
  return failed == 0;
}

// Asynchronous errors become exceptions, where they say that something is wrong. Interrupts stay masked.
static inline void so_cpu_errors_on(void) { __asm__ volatile("msr daifclr, #4" ::: "memory"); }

// --- GICv3's CPU interface (Arm IHI 0069, 12.2) -----------------------------------------------

#define SO_CPU_HAS_GICV3 1
static inline void so_cpu_gicv3_on(void) {
  uint64_t sre;
  __asm__ volatile("mrs %0, s3_0_c12_c12_5" : "=r"(sre));
  __asm__ volatile("msr s3_0_c12_c12_5, %0\n isb" : : "r"(sre | 1));            // ICC_SRE_EL1.
  __asm__ volatile("msr s3_0_c4_c6_0, %0" : : "r"(UINT64_C(0xf0)));              // ICC_PMR_EL1.
  __asm__ volatile("msr s3_0_c12_c12_7, %0\n isb" : : "r"(UINT64_C(1)));        // ICC_IGRPEN1_EL1.
}
static inline uint32_t so_cpu_gicv3_take(void) {
  uint64_t v;
  __asm__ volatile("mrs %0, s3_0_c12_c12_0\n dsb sy" : "=r"(v)::"memory");  // ICC_IAR1_EL1.
  return (uint32_t)v;
}
static inline void so_cpu_gicv3_end(uint32_t id) {
  __asm__ volatile("msr s3_0_c12_c12_1, %0\n isb" : : "r"((uint64_t)id) : "memory");  // ICC_EOIR1_EL1.
}
// Affinity as GICR_TYPER has it in its upper half: Aff3.Aff2.Aff1.Aff0.
static inline uint32_t so_cpu_affinity(void) {
  uint64_t v;
  __asm__ volatile("mrs %0, mpidr_el1" : "=r"(v));
  return (uint32_t)((v & 0xffffff) | (v >> 32 & 0xff) << 24);
}

// Where a frame keeps the caller's frame pointer and the return address, in words from the pointer.
#define SO_CPU_FRAME_NEXT 0
#define SO_CPU_FRAME_RETURN 1

#endif  // SO_ARM_ARM64_CPU_H_
