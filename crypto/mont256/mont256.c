#include "crypto/mont256/mont256.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"

#define N SO_LIMB_COUNT

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "numbers are read and written as little-endian memory"
#endif

so_u256 so_u256_from_le(const uint8_t in[32]) {
  so_u256 a;
  memcpy(a.v, in, 32);
  return a;
}

void so_u256_to_le(const so_u256 *a, uint8_t out[32]) { memcpy(out, a->v, 32); }

so_u256 so_u256_from_be(const uint8_t in[32]) {
  uint8_t le[32];
  for (unsigned i = 0; i < 32; i++) {
    le[i] = in[31 - i];
  }
  const so_u256 a = so_u256_from_le(le);
  so_wipe(le, sizeof le);
  return a;
}

void so_u256_to_be(const so_u256 *a, uint8_t out[32]) {
  uint8_t le[32];
  so_u256_to_le(a, le);
  for (unsigned i = 0; i < 32; i++) {
    out[i] = le[31 - i];
  }
  so_wipe(le, sizeof le);
}

uint64_t so_u256_less(const so_u256 *a, const so_u256 *b) {
  so_limb borrow = 0;
  for (unsigned i = 0; i < N; i++) {
    (void)so_limb_sub(a->v[i], b->v[i], &borrow);
  }
  return so_ct_mask(borrow);
}

uint64_t so_u256_is_zero(const so_u256 *a) {
  so_limb bits = 0;
  for (unsigned i = 0; i < N; i++) {
    bits |= a->v[i];
  }
  return so_ct_is_zero(bits);
}

// Subtracts m once when the number of N limbs in `t` and the limb `top` is m or more.
// The number must be below 2m.
static void subtract_once(const so_mont256 *mod, const so_limb t[N], so_limb top, so_u256 *out) {
  so_limb less[N];
  so_limb borrow = 0;
  for (unsigned i = 0; i < N; i++) {
    less[i] = so_limb_sub(t[i], mod->m.v[i], &borrow);
  }
  (void)so_limb_sub(top, 0, &borrow);
  const so_limb keep = (so_limb)so_ct_mask(borrow);
  for (unsigned i = 0; i < N; i++) {
    out->v[i] = less[i] ^ (keep & (less[i] ^ t[i]));
  }
}

#if SO_LIMB_BITS == 32
// The whole product, then a row of m for each of its lower limbs, which that clears. The eight limbs that a row reaches
// move up with it; `over` is the carry out of them, which goes to the limb that comes in next.
void so_mont256_mul(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out) {
  so_limb product[2 * N], t[N], over = 0;
  so_limb32_mul(a->v, b->v, product);
  memcpy(t, product, sizeof t);
#pragma clang loop unroll(full)
  for (unsigned i = 0; i < N; i++) {
    const so_limb carry = so_limb32_add_row(t, mod->m.v, t[0] * mod->neg_inv);
#pragma clang loop unroll(full)
    for (unsigned j = 0; j + 1 < N; j++) {
      t[j] = t[j + 1];
    }
    t[N - 1] = so_limb_add(product[N + i], carry, &over);
  }
  subtract_once(mod, t, over, out);
}
#else
// One row of the product, then one step of the reduction, per limb of b. What t holds after a step
// is below a + m, and at the end, when all of b is in, below 2m.
void so_mont256_mul(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out) {
  so_limb t[N + 2] = {0};
  for (unsigned i = 0; i < N; i++) {
    so_limb_add_row(a, b->v[i], t);
    const so_limb top = t[N + 1];
    so_limb_add_row(&mod->m, t[0] * mod->neg_inv, t);
    for (unsigned j = 0; j < N; j++) {
      t[j] = t[j + 1];
    }
    t[N] = top + t[N + 1];
  }
  subtract_once(mod, t, t[N], out);
}
#endif

void so_mont256_add(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out) {
  so_limb t[N];
  so_limb carry = 0;
  for (unsigned i = 0; i < N; i++) {
    t[i] = so_limb_add(a->v[i], b->v[i], &carry);
  }
  subtract_once(mod, t, carry, out);
}

void so_mont256_sub(const so_mont256 *mod, const so_u256 *a, const so_u256 *b, so_u256 *out) {
  so_limb t[N];
  so_limb borrow = 0;
  for (unsigned i = 0; i < N; i++) {
    t[i] = so_limb_sub(a->v[i], b->v[i], &borrow);
  }
  const so_limb below = (so_limb)so_ct_mask(borrow);
  so_limb carry = 0;
  for (unsigned i = 0; i < N; i++) {
    out->v[i] = so_limb_add(t[i], below & mod->m.v[i], &carry);
  }
}

void so_mont256_enter(const so_mont256 *mod, const so_u256 *a, so_u256 *out) {
  so_mont256_mul(mod, a, &mod->rr, out);
}

void so_mont256_leave(const so_mont256 *mod, const so_u256 *a, so_u256 *out) {
  const so_u256 plain_one = {{1}};
  so_mont256_mul(mod, a, &plain_one, out);
}

void so_mont256_reduce(const so_mont256 *mod, const so_u256 *a, so_u256 *out) {
  so_mont256_mul(mod, a, &mod->one, out);
}

// Four bits of the exponent m - 2 at a time. The exponent is public, so its digits may steer.
void so_mont256_invert(const so_mont256 *mod, const so_u256 *a, so_u256 *out) {
  const so_u256 two = {{2}};
  so_u256 exponent;
  so_limb borrow = 0;
  for (unsigned i = 0; i < N; i++) {
    exponent.v[i] = so_limb_sub(mod->m.v[i], two.v[i], &borrow);
  }
  so_u256 power[16];
  power[0] = mod->one;
  for (unsigned i = 1; i < 16; i++) {
    so_mont256_mul(mod, &power[i - 1], a, &power[i]);
  }
  so_u256 r = mod->one;
  for (unsigned bit = 256; bit != 0; bit -= 4) {
    for (unsigned i = 0; i < 4; i++) {
      so_mont256_mul(mod, &r, &r, &r);
    }
    const unsigned at = bit - 4;
    const unsigned digit = (unsigned)(exponent.v[at / SO_LIMB_BITS] >> (at % SO_LIMB_BITS)) & 15;
    if (digit != 0) {
      so_mont256_mul(mod, &r, &power[digit], &r);
    }
  }
  *out = r;
  so_wipe(power, sizeof power);
  so_wipe(&r, sizeof r);
}
