#ifndef SO_ARM_CPU_H_
#define SO_ARM_CPU_H_

// The same words for both architectures: what an image is compiled for decides.
#if defined(__aarch64__)
#include "arm/arm64/cpu.h"
#elif defined(__arm__)
#include "arm/armv7/cpu.h"
#else
#error "not an ARM processor"
#endif

#endif  // SO_ARM_CPU_H_
