#ifndef SO_CRYPTO_CPU_VARIANTS_H_
#define SO_CRYPTO_CPU_VARIANTS_H_

// Every so_cpu value that selects a different implementation and that this machine can run. Tests
// run their vectors on each; the first is always the portable one.

#include <string>
#include <vector>

#include "crypto/cpu/cpu.h"

namespace so_test {

struct CpuVariant {
  std::string name;
  so_cpu cpu;
};

inline std::vector<CpuVariant> CpuVariants() {
  const so_cpu all = so_cpu_detect();
  std::vector<CpuVariant> variants = {{"portable", so_cpu_portable()}};
  if (all.bmi2) {
    so_cpu cpu = so_cpu_portable();
    cpu.bmi2 = true;
    variants.push_back({"bmi2", cpu});
  }
  if (all.aes) {
    so_cpu cpu = so_cpu_portable();
    cpu.aes = true;
    cpu.ssse3 = all.ssse3;
    variants.push_back({"aes alone", cpu});
  }
  if (all.avx2) {
    so_cpu cpu = all;
    cpu.avx2 = cpu.vaes = cpu.vpclmul = cpu.avx512 = false;
    variants.push_back({"128-bit", cpu});
  }
  if (all.avx512) {
    so_cpu cpu = all;
    cpu.avx512 = false;
    variants.push_back({"256-bit", cpu});
  }
  variants.push_back({"all of this machine", all});
  return variants;
}

}  // namespace so_test

#endif  // SO_CRYPTO_CPU_VARIANTS_H_
