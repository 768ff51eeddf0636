#include "crypto/ct/ct.h"

#include "base/mem.h"

// The or of all differences, hidden from the optimiser so that it cannot stop early.
static uint64_t differences(const uint8_t *a, const uint8_t *b, size_t len) {
  uint64_t bits = 0;
  for (size_t i = 0; i < len; i++) {
    bits = so_ct_hide(bits | (uint64_t)(a[i] ^ b[i]));
  }
  return bits;
}

bool so_ct_equal(const void *a, const void *b, size_t len) {
  return differences(a, b, len) == 0;
}

bool so_ct_is_zero_bytes(const void *p, size_t len) {
  const uint8_t *bytes = p;
  uint64_t bits = 0;
  for (size_t i = 0; i < len; i++) {
    bits = so_ct_hide(bits | bytes[i]);
  }
  return bits == 0;
}

void so_ct_copy(uint64_t mask, void *dst, const void *src, size_t len) {
  const uint8_t byte_mask = (uint8_t)so_ct_hide(mask);
  uint8_t *d = dst;
  const uint8_t *s = src;
  for (size_t i = 0; i < len; i++) {
    d[i] = (uint8_t)(d[i] ^ (byte_mask & (d[i] ^ s[i])));
  }
}

void so_wipe(void *ptr, size_t len) {
  if (len != 0) {
    memset(ptr, 0, len);
  }
  // Claims to read what `ptr` points to, so the memset has a use.
  __asm__ volatile("" : : "r"(ptr) : "memory");
}
