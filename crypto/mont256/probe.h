#ifndef SO_CRYPTO_MONT256_PROBE_H_
#define SO_CRYPTO_MONT256_PROBE_H_

// One operation of mont256.h on bytes, so that a test can compare both limb widths.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_mont256_op {
  SO_MONT256_ADD = 0,
  SO_MONT256_SUB,
  SO_MONT256_MUL,     // a * b, through Montgomery form.
  SO_MONT256_INVERT,  // 1/a.
  SO_MONT256_REDUCE,  // a mod m, for any a.
  SO_MONT256_LESS,    // 1 when a < b, for any a and b.
  SO_MONT256_ZERO,    // 1 when a is 0.
  SO_MONT256_OP_COUNT,
} so_mont256_op;

// so_mont256_probe works modulo the order of P-256 (`modulus` 0), its field's prime (1) or the
// order of Ed25519's base point (2). Numbers are big-endian.
void so_mont256_probe(unsigned modulus, so_mont256_op op, const uint8_t a[32],
                      const uint8_t b[32], uint8_t out[32]);

// The same with 32-bit limbs.
void so_mont256_probe_narrow(unsigned modulus, so_mont256_op op, const uint8_t a[32],
                             const uint8_t b[32], uint8_t out[32]);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_MONT256_PROBE_H_
