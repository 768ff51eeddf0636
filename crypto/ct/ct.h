#ifndef SO_CRYPTO_CT_CT_H_
#define SO_CRYPTO_CT_CT_H_

// Comparison, selection and erasure for secrets.
//
// CT: the time and the memory accesses of everything here depend on lengths alone, never on bytes.
// Masks are all-ones for true and zero for false. so_ct_hide keeps the compiler from learning
// that a mask has only two values and turning the selection back into a branch.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// so_ct_hide returns `v`, about which the optimiser then knows nothing.
static inline uint64_t so_ct_hide(uint64_t v) {
  __asm__("" : "+r"(v));
  return v;
}

static inline uint32_t so_ct_hide32(uint32_t v) {
  __asm__("" : "+r"(v));
  return v;
}

// so_ct_mask spreads a bit (0 or 1) over a mask.
static inline uint64_t so_ct_mask(uint64_t bit) { return so_ct_hide(0 - bit); }
static inline uint32_t so_ct_mask32(uint32_t bit) { return so_ct_hide32(0 - bit); }

// so_ct_is_zero is the mask of v == 0.
static inline uint64_t so_ct_is_zero(uint64_t v) { return so_ct_mask((~v & (v - 1)) >> 63); }

// so_ct_is_equal is the mask of a == b.
static inline uint64_t so_ct_is_equal(uint64_t a, uint64_t b) { return so_ct_is_zero(a ^ b); }

// so_ct_is_less is the mask of a < b.
static inline uint64_t so_ct_is_less(uint64_t a, uint64_t b) {
  return so_ct_mask((a ^ ((a ^ b) | ((a - b) ^ b))) >> 63);
}

// so_ct_select is `a` where the mask is set and `b` where it is not.
static inline uint64_t so_ct_select(uint64_t mask, uint64_t a, uint64_t b) {
  return b ^ (mask & (a ^ b));
}

// so_ct_equal compares `len` bytes. The answer itself is no longer secret.
bool so_ct_equal(const void *a, const void *b, size_t len);

// so_ct_is_zero_bytes is true when all `len` bytes are zero. The answer is no longer secret.
bool so_ct_is_zero_bytes(const void *p, size_t len);

// so_ct_copy copies `len` bytes from `src` to `dst` where the mask is set; it reads and writes
// the same bytes either way.
void so_ct_copy(uint64_t mask, void *dst, const void *src, size_t len);

// so_wipe zeroes `len` bytes in a way that the optimiser must not remove.
void so_wipe(void *ptr, size_t len);

#ifdef __cplusplus
}
#endif
#endif  // SO_CRYPTO_CT_CT_H_
