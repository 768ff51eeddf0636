#ifndef SO_CRYPTO_CPU_CPU_H_
#define SO_CRYPTO_CPU_CPU_H_

// Which optional instructions the code may use: a value that the caller passes in.
//
// Nothing in crypto asks the processor by itself, so that the same call with the same so_cpu runs
// the same instructions, and a test can run every implementation on one machine.
// Invariant of so_cpu_detect: a field is true only when the processor has the instructions and
// the system saves the registers that they use.

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_cpu {
  // x86-64 and arm64. On x86-64 each of the first three implies ssse3.
  bool aes;     // AES rounds, 128 bits wide.
  bool pclmul;  // Carry-less multiplication, 128 bits wide.
  bool sha;     // SHA-256 rounds.
  // arm64.
  bool sha512;  // SHA-512 rounds.
  // x86-64.
  bool ssse3;    // SSE up to 4.1: byte shuffles, inserts and extracts.
  bool avx2;     // 256-bit integer vectors.
  bool vaes;     // AES rounds, 256 bits wide.
  bool vpclmul;  // Carry-less multiplication, 256 bits wide.
  bool avx512;   // 512-bit integer vectors (the F, BW, DQ and VL groups).
  bool adx;      // Two independent carry chains.
  bool bmi2;     // Flagless multiplication, rotation and shifts; BMI1 too.
} so_cpu;

// so_cpu_portable says that nothing beyond the target's baseline may be used.
so_cpu so_cpu_portable(void);

// so_cpu_detect asks the processor it runs on. On targets without such instructions it is the
// same as so_cpu_portable. It needs no privilege (on arm64, Linux answers for the processor, since version 4.11) and keeps no state: call it once at the start.
so_cpu so_cpu_detect(void);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_CPU_CPU_H_
