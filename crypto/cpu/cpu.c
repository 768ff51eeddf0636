#include "crypto/cpu/cpu.h"

#include <stdint.h>

so_cpu so_cpu_portable(void) {
  const so_cpu none = {.aes = false};
  return none;
}

#if defined(__x86_64__)

typedef struct registers {
  uint32_t eax, ebx, ecx, edx;
} registers;

static registers cpuid(uint32_t leaf, uint32_t subleaf) {
  registers r;
  __asm__ volatile("cpuid"
                   : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                   : "a"(leaf), "c"(subleaf));
  return r;
}

#define STATE_AVX 0x06u     // The 128-bit registers and the upper halves of the 256-bit ones.
#define STATE_AVX512 0xe6u  // And the mask and 512-bit registers.

// The register sets that the system saves: the processor's own bits say only that the
// instructions exist.
static uint32_t saved_state(uint32_t leaf1_ecx) {
  const uint32_t osxsave = 1u << 27;
  if ((leaf1_ecx & osxsave) == 0) {
    return 0;
  }
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool bit(uint32_t word, unsigned n) { return (word >> n & 1) != 0; }

so_cpu so_cpu_detect(void) {
  so_cpu cpu = so_cpu_portable();
  const uint32_t max_leaf = cpuid(0, 0).eax;
  if (max_leaf < 7) {
    return cpu;
  }
  const registers one = cpuid(1, 0);
  const registers seven = cpuid(7, 0);
  const bool sse41 = bit(one.ecx, 19);
  cpu.ssse3 = bit(one.ecx, 9) && sse41;
  cpu.aes = bit(one.ecx, 25) && cpu.ssse3;
  cpu.pclmul = bit(one.ecx, 1) && cpu.ssse3;
  cpu.sha = bit(seven.ebx, 29) && cpu.ssse3;
  cpu.bmi2 = bit(seven.ebx, 8) && bit(seven.ebx, 3);
  cpu.adx = bit(seven.ebx, 19);
  const uint32_t saved = saved_state(one.ecx);
  cpu.avx2 = bit(one.ecx, 28) && (saved & STATE_AVX) == STATE_AVX && bit(seven.ebx, 5);
  cpu.avx512 = cpu.avx2 && (saved & STATE_AVX512) == STATE_AVX512 && bit(seven.ebx, 16) &&
               bit(seven.ebx, 17) && bit(seven.ebx, 30) && bit(seven.ebx, 31);
  cpu.vaes = cpu.avx2 && cpu.aes && bit(seven.ecx, 9);
  cpu.vpclmul = cpu.avx2 && cpu.pclmul && bit(seven.ecx, 10);
  return cpu;
}

#elif defined(__aarch64__)

// ID_AA64ISAR0_EL1 (Arm ARM D19.2.61), four bits for each group of instructions, a higher number for what includes the
// lower ones. Every system here has vectors on; where they are off the boot code would not have come so far.
// Linux lets programs read it, with what it does not support left out (its arm64/cpu-feature-registers.rst).
so_cpu so_cpu_detect(void) {
  so_cpu cpu = so_cpu_portable();
  uint64_t groups;
  __asm__("mrs %0, id_aa64isar0_el1" : "=r"(groups));
  const unsigned aes = (unsigned)(groups >> 4) & 15, sha2 = (unsigned)(groups >> 12) & 15;
  cpu.aes = aes >= 1;
  cpu.pclmul = aes >= 2;
  cpu.sha = sha2 >= 1;
  cpu.sha512 = sha2 >= 2;
  return cpu;
}

#else

// ARMv7 has none of them.
so_cpu so_cpu_detect(void) { return so_cpu_portable(); }

#endif
