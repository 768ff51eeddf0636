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

// True when the system saves the upper halves of the 256-bit registers: the processor's own bit
// says only that the instructions exist.
static bool saves_ymm(uint32_t leaf1_ecx) {
  const uint32_t osxsave = 1u << 27, sse_and_avx = 6;
  if ((leaf1_ecx & osxsave) == 0) {
    return false;
  }
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & sse_and_avx) == sse_and_avx;
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
  const bool avx = bit(one.ecx, 28) && saves_ymm(one.ecx);
  cpu.avx2 = avx && bit(seven.ebx, 5);
  cpu.vaes = cpu.avx2 && cpu.aes && bit(seven.ecx, 9);
  cpu.vpclmul = cpu.avx2 && cpu.pclmul && bit(seven.ecx, 10);
  return cpu;
}

#else

so_cpu so_cpu_detect(void) { return so_cpu_portable(); }

#endif
