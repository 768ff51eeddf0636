#ifndef SO_ARM_RT_DIVIDE_H_
#define SO_ARM_RT_DIVIDE_H_

// Division of 64-bit numbers for a processor that divides 32 bits at a time.
//
// CT: takes as many steps as the quotient has digits, so secrets must not be divided. Nothing in crypto/ does:
// reductions there are multiplications.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_quotient {
  uint64_t quotient;
  uint64_t remainder;
} so_quotient;

// so_divide: by zero, the quotient is all ones and the remainder is `n`, as nothing stops the program.
so_quotient so_divide(uint64_t n, uint64_t by);

typedef struct so_signed_quotient {
  int64_t quotient;
  int64_t remainder;  // Of the sign of the dividend.
} so_signed_quotient;
so_signed_quotient so_divide_signed(int64_t n, int64_t by);

#ifdef __cplusplus
}
#endif
#endif  // SO_ARM_RT_DIVIDE_H_
