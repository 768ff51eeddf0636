#include "crypto/x25519/x25519.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/ed25519/edwards.h"
#include "crypto/f25519/f25519.h"

// The two points that the ladder carries, as projective u coordinates; their difference is always
// the point it started from.
typedef struct ladder {
  so_fe x2, z2;
  so_fe x3, z3;
} ladder;

// RFC 7748 section 5: a multiple of 8, with bit 254 set and bit 255 clear.
static void clamp(const uint8_t scalar[32], uint8_t out[32]) {
  memmove(out, scalar, 32);
  out[0] &= 0xf8;
  out[31] = (uint8_t)((out[31] & 0x7f) | 0x40);
}

// Doubles (x2, z2) and adds it to (x3, z3), with the names of RFC 7748 section 5.
static void ladder_step(const so_fe *x1, ladder *l) {
  so_fe a, b, c, d, e, aa, bb, da, cb;
  so_fe_add(&l->x2, &l->z2, &a);
  so_fe_sub(&l->x2, &l->z2, &b);
  so_fe_add(&l->x3, &l->z3, &c);
  so_fe_sub(&l->x3, &l->z3, &d);
  so_fe_mul(&d, &a, &da);
  so_fe_mul(&c, &b, &cb);
  so_fe_sqr(&a, &aa);
  so_fe_sqr(&b, &bb);
  so_fe_add(&da, &cb, &c);
  so_fe_sub(&da, &cb, &d);
  so_fe_sqr(&c, &l->x3);
  so_fe_sqr(&d, &d);
  so_fe_mul(x1, &d, &l->z3);
  so_fe_mul(&aa, &bb, &l->x2);
  so_fe_sub(&aa, &bb, &e);
  so_fe_mul_small(&e, 121665, &a);
  so_fe_add(&aa, &a, &a);
  so_fe_mul(&e, &a, &l->z2);
}

// CT: the bits of the scalar become masks, never branches or addresses.
static void ladder_run(const uint8_t scalar[32], const so_fe *x1, ladder *l) {
  l->x2 = so_fe_one();
  l->z2 = so_fe_zero();
  l->x3 = *x1;
  l->z3 = so_fe_one();
  uint64_t swapped = 0;
  for (unsigned i = 255; i-- > 0;) {
    const uint64_t bit = (uint64_t)(scalar[i / 8] >> (i % 8)) & 1;
    const uint64_t swap = so_ct_mask(bit ^ swapped);
    swapped = bit;
    so_fe_swap(swap, &l->x2, &l->x3);
    so_fe_swap(swap, &l->z2, &l->z3);
    ladder_step(x1, l);
  }
  // Clamping clears bit 0, so the points are in order again.
}

// CT: does not depend on the scalar or the point; not even the status is made by a branch.
so_status so_x25519(const uint8_t scalar[32], const uint8_t point[32], uint8_t out[32]) {
  uint8_t k[32];
  ladder l;
  clamp(scalar, k);
  const so_fe x1 = so_fe_from_bytes(point);
  ladder_run(k, &x1, &l);
  so_fe_invert(&l.z2, &l.z2);
  so_fe_times(&l.x2, &l.z2, &l.x2);
  so_fe_to_bytes(&l.x2, out);
  so_wipe(k, sizeof k);
  so_wipe(&l, sizeof l);
  const unsigned zero = so_ct_is_zero_bytes(out, 32);
  return so_status_make((so_code)(zero * (unsigned)SO_DENIED), 0);
}

// The base point's multiples come from the Edwards curve's table: u = (Z + Y) / (Z - Y). The
// clamped scalar is 8 times a number from 2^251 to 2^252, no multiple of the order of the base
// point, so Z - Y is not zero.
void so_x25519_public(const uint8_t scalar[32], uint8_t out[32]) {
  uint8_t k[32];
  so_edwards p;
  so_fe sum, difference;
  clamp(scalar, k);
  so_edwards_mul_base(k, &p);
  so_fe_add(&p.z, &p.y, &sum);
  so_fe_sub(&p.z, &p.y, &difference);
  so_fe_invert(&difference, &difference);
  so_fe_times(&sum, &difference, &sum);
  so_fe_to_bytes(&sum, out);
  so_wipe(k, sizeof k);
  so_wipe(&p, sizeof p);
  so_wipe(&sum, sizeof sum);
  so_wipe(&difference, sizeof difference);
}
