#ifndef SO_CRYPTO_F25519_PROBE_H_
#define SO_CRYPTO_F25519_PROBE_H_

// One operation of f25519.h on bytes, so that a test can compare both representations.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_fe_op {
  SO_FE_COPY = 0,       // a, read and written.
  SO_FE_ADD,            // a + b
  SO_FE_SUB,            // a - b
  SO_FE_NEG,            // -a
  SO_FE_MUL,            // a * b
  SO_FE_SQR,            // a * a
  SO_FE_MUL_SMALL,      // a * 121665
  SO_FE_MUL_LOOSE,      // (a - b) * (a + b): loose factors.
  SO_FE_SQR_LOOSE,      // (a - b)^2
  SO_FE_MUL_SETTLED,    // ((a + b) - b) * ((a - b) + (a + a)): wide factors, settled.
  SO_FE_INVERT,         // 1/a
  SO_FE_POW_P58,        // a^((p - 5) / 8)
  SO_FE_SWAP_ON,        // b, after an exchange of a and b
  SO_FE_SWAP_OFF,       // a, after none
  SO_FE_ZERO,           // 1 when a is zero
  SO_FE_ODD,            // 1 when a is odd
  SO_FE_OP_COUNT,
} so_fe_op;

// so_fe_probe takes any bytes, little-endian, and gives the unique form.
void so_fe_probe(so_fe_op op, const uint8_t a[32], const uint8_t b[32], uint8_t out[32]);

// The same with 32-bit limbs.
void so_fe_probe_narrow(so_fe_op op, const uint8_t a[32], const uint8_t b[32], uint8_t out[32]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_F25519_PROBE_H_
