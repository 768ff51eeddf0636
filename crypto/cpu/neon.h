#ifndef SO_CRYPTO_CPU_NEON_H_
#define SO_CRYPTO_CPU_NEON_H_

// The intrinsics of ARMv8 with those of its optional cryptographic instructions, for functions that carry the target
// attribute for them: arm64 alone.
//
// Up to version 15 clang shows the latter only to files which are compiled for such processors as a whole, and
// takes these macros for it; later ones look at the function.

#if defined(__aarch64__)

#ifndef __ARM_FEATURE_AES
#define __ARM_FEATURE_AES 1
#endif
#ifndef __ARM_FEATURE_SHA2
#define __ARM_FEATURE_SHA2 1
#endif
#ifndef __ARM_FEATURE_SHA512
#define __ARM_FEATURE_SHA512 1
#endif

#include <arm_neon.h>

#endif
#endif  // SO_CRYPTO_CPU_NEON_H_
