#ifndef SO_KERNEL_X86_CPU_H_
#define SO_KERNEL_X86_CPU_H_

// The instructions that C has no words for.

#include <stdbool.h>
#include <stdint.h>

#define X86_MSR_APIC_BASE 0x1bu
#define X86_MSR_TSC_DEADLINE 0x6e0u
#define X86_MSR_EFER 0xc0000080u

#define X86_CR0_MP (UINT64_C(1) << 1)
#define X86_CR0_EM (UINT64_C(1) << 2)
#define X86_CR0_TS (UINT64_C(1) << 3)
#define X86_CR0_NE (UINT64_C(1) << 5)
#define X86_CR0_WP (UINT64_C(1) << 16)
#define X86_CR4_OSFXSR (UINT64_C(1) << 9)
#define X86_CR4_OSXMMEXCPT (UINT64_C(1) << 10)
#define X86_CR4_OSXSAVE (UINT64_C(1) << 18)
#define X86_EFER_NXE (UINT64_C(1) << 11)

static inline void x86_out8(uint16_t port, uint8_t v) {
  __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}
static inline void x86_out16(uint16_t port, uint16_t v) {
  __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}
static inline uint8_t x86_in8(uint16_t port) {
  uint8_t v;
  __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
  return v;
}

static inline uint64_t x86_rdmsr(uint32_t msr) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return (uint64_t)high << 32 | low;
}
static inline void x86_wrmsr(uint32_t msr, uint64_t v) {
  __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

typedef struct x86_cpuid_result {
  uint32_t a, b, c, d;
} x86_cpuid_result;

static inline x86_cpuid_result x86_cpuid(uint32_t leaf, uint32_t subleaf) {
  x86_cpuid_result r;
  __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
  return r;
}

// Never RDTSCP: some hypervisors do not let a guest have it.
static inline uint64_t x86_rdtsc(void) {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}

#define X86_CONTROL(n)                                                     \
  static inline uint64_t x86_read_cr##n(void) {                            \
    uint64_t v;                                                            \
    __asm__ volatile("movq %%cr" #n ", %0" : "=r"(v));                     \
    return v;                                                              \
  }                                                                        \
  static inline void x86_write_cr##n(uint64_t v) {                         \
    __asm__ volatile("movq %0, %%cr" #n : : "r"(v) : "memory");            \
  }
X86_CONTROL(0)
X86_CONTROL(2)
X86_CONTROL(3)
X86_CONTROL(4)

static inline void x86_invlpg(uintptr_t at) {
  __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
}

// Device registers in memory.
static inline uint32_t x86_read32(uintptr_t at) { return *(const volatile uint32_t *)at; }
static inline void x86_write32(uintptr_t at, uint32_t v) { *(volatile uint32_t *)at = v; }

#endif  // SO_KERNEL_X86_CPU_H_
