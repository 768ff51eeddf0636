#include "crypto/f25519/f25519.h"

// Not to be copied into the callers, which is what the functions are for.
__attribute__((noinline)) void so_fe_times(const so_fe *a, const so_fe *b, so_fe *out) {
  so_fe_mul(a, b, out);
}

__attribute__((noinline)) void so_fe_squared(const so_fe *a, unsigned count, so_fe *out) {
  so_fe r = *a;
  for (unsigned i = 0; i < count; i++) {
    so_fe_sqr(&r, &r);
  }
  *out = r;
}

// From x^(2^m - 1) and x^(2^n - 1) to x^(2^(m + n) - 1).
static void join_ones(const so_fe *m_ones, const so_fe *n_ones, unsigned n, so_fe *out) {
  so_fe r;
  so_fe_squared(m_ones, n, &r);
  so_fe_times(&r, n_ones, out);
}

// Gives a^(2^250 - 1) and a^11: the two ingredients of both powers below.
static void power_250_ones(const so_fe *a, so_fe *ones, so_fe *eleventh) {
  so_fe a2, a9, r5, r10, r20, r50, r100;
  so_fe_squared(a, 1, &a2);
  so_fe_squared(&a2, 2, &a9);
  so_fe_times(&a9, a, &a9);
  so_fe_times(&a9, &a2, eleventh);
  so_fe_squared(eleventh, 1, &r5);
  so_fe_times(&r5, &a9, &r5);  // 22 + 9 = 2^5 - 1.
  join_ones(&r5, &r5, 5, &r10);
  join_ones(&r10, &r10, 10, &r20);
  join_ones(&r20, &r20, 20, &r50);
  join_ones(&r50, &r10, 10, &r50);
  join_ones(&r50, &r50, 50, &r100);
  join_ones(&r100, &r100, 100, ones);
  join_ones(ones, &r50, 50, ones);
  so_fe *const temporaries[] = {&a2, &a9, &r5, &r10, &r20, &r50, &r100};
  for (unsigned i = 0; i < sizeof temporaries / sizeof temporaries[0]; i++) {
    so_wipe(temporaries[i], sizeof(so_fe));
  }
}

// p - 2 = (2^250 - 1) * 2^5 + 11.
void so_fe_invert(const so_fe *a, so_fe *out) {
  so_fe ones, eleventh;
  power_250_ones(a, &ones, &eleventh);
  so_fe_squared(&ones, 5, &ones);
  so_fe_times(&ones, &eleventh, out);
  so_wipe(&ones, sizeof ones);
  so_wipe(&eleventh, sizeof eleventh);
}

// (p - 5) / 8 = 2^252 - 3 = (2^250 - 1) * 2^2 + 1.
void so_fe_pow_p58(const so_fe *a, so_fe *out) {
  so_fe ones, eleventh;
  power_250_ones(a, &ones, &eleventh);
  so_fe_squared(&ones, 2, &ones);
  so_fe_times(&ones, a, out);
  so_wipe(&ones, sizeof ones);
  so_wipe(&eleventh, sizeof eleventh);
}

uint64_t so_fe_is_zero(const so_fe *a) {
  uint64_t w[4];
  so_fe_to_words(a, w);
  return so_ct_is_zero(w[0] | w[1] | w[2] | w[3]);
}

uint64_t so_fe_is_odd(const so_fe *a) {
  uint64_t w[4];
  so_fe_to_words(a, w);
  return so_ct_mask(w[0] & 1);
}
