#include "crypto/p256/group.h"

#include "base/mem.h"
#include "crypto/p256/field.h"

#define WINDOW_COUNT 52  // Of five bits: 260 bits, the last one of which takes a carry.

const so_mont256 so_p256_group_order = {
    {SO_U256(UINT64_C(0xf3b9cac2fc632551), UINT64_C(0xbce6faada7179e84),
             UINT64_C(0xffffffffffffffff), UINT64_C(0xffffffff00000000))},
    {SO_U256(UINT64_C(0x0c46353d039cdaaf), UINT64_C(0x4319055258e8617b), UINT64_C(0),
             UINT64_C(0x00000000ffffffff))},
    {SO_U256(UINT64_C(0x83244c95be79eea2), UINT64_C(0x4699799c49bd6fa6),
             UINT64_C(0x2845b2392b6bec59), UINT64_C(0x66e12d94f3d95620))},
    (so_limb)UINT64_C(0xccd1c8aaee00bc4f),
};

// The curve is y^2 = x^3 - 3x + b; in Montgomery form.
static const so_u256 curve_b = {SO_U256(UINT64_C(0xd89cdf6229c4bddf), UINT64_C(0xacf005cd78843090),
                                        UINT64_C(0xe5a220abf7212ed6),
                                        UINT64_C(0xdc30061d04874834))};

// The sums of products that complete addition is made of: xx = X1 X2, xy = X1 Y2 + X2 Y1, ...
typedef struct products {
  so_u256 xx, yy, zz, xy, xz, yz;
} products;

static void set_infinity(so_p256_point *p) {
  memset(p, 0, sizeof *p);
  p->y = field.one;
}

// What the last part of addition and that of doubling share:
//   u = 3 (xz - b zz),  v = 3 (b xz - 3 zz - xx),  w = 3 (xx - zz)
static void combine(const products *s, so_u256 *u, so_u256 *v, so_u256 *w) {
  so_u256 zz3, t;
  field_mul(&curve_b, &s->zz, &t);
  field_sub(&s->xz, &t, &t);
  field_triple(&t, u);
  field_triple(&s->zz, &zz3);
  field_mul(&curve_b, &s->xz, &t);
  field_sub(&t, &zz3, &t);
  field_sub(&t, &s->xx, &t);
  field_triple(&t, v);
  field_triple(&s->xx, &t);
  field_sub(&t, &zz3, w);
}

// Algorithm 4 of the paper, from its products on:
//   X = xy (yy + u) - yz v,  Y = (yy + u) (yy - u) + w v,  Z = yz (yy - u) + xy w
static void finish_add(const products *s, so_p256_point *out) {
  so_u256 u, v, w, plus, minus, t;
  combine(s, &u, &v, &w);
  field_add(&s->yy, &u, &plus);
  field_sub(&s->yy, &u, &minus);
  field_mul(&s->xy, &plus, &out->x);
  field_mul(&s->yz, &v, &t);
  field_sub(&out->x, &t, &out->x);
  field_mul(&plus, &minus, &out->y);
  field_mul(&w, &v, &t);
  field_add(&out->y, &t, &out->y);
  field_mul(&s->yz, &minus, &out->z);
  field_mul(&s->xy, &w, &t);
  field_add(&out->z, &t, &out->z);
}

// a1 b2 + a2 b1 from (a1 + b1) (a2 + b2) and the products aa and bb.
static void cross(const so_u256 *a1, const so_u256 *b1, const so_u256 *a2, const so_u256 *b2,
                  const so_u256 *aa, const so_u256 *bb, so_u256 *out) {
  so_u256 s1, s2;
  field_add(a1, b1, &s1);
  field_add(a2, b2, &s2);
  field_mul(&s1, &s2, &s1);
  field_sub(&s1, aa, &s1);
  field_sub(&s1, bb, out);
}

void so_p256_point_add(const so_p256_point *p, const so_p256_point *q, so_p256_point *out) {
  products s;
  field_mul(&p->x, &q->x, &s.xx);
  field_mul(&p->y, &q->y, &s.yy);
  field_mul(&p->z, &q->z, &s.zz);
  cross(&p->x, &p->y, &q->x, &q->y, &s.xx, &s.yy, &s.xy);
  cross(&p->x, &p->z, &q->x, &q->z, &s.xx, &s.zz, &s.xz);
  cross(&p->y, &p->z, &q->y, &q->z, &s.yy, &s.zz, &s.yz);
  finish_add(&s, out);
}

// Adds (x : y : 1), Algorithm 5 of the paper.
static void add_affine(const so_p256_point *p, const so_u256 *x, const so_u256 *y,
                       so_p256_point *out) {
  products s;
  field_mul(&p->x, x, &s.xx);
  field_mul(&p->y, y, &s.yy);
  s.zz = p->z;
  cross(&p->x, &p->y, x, y, &s.xx, &s.yy, &s.xy);
  field_mul(&p->z, x, &s.xz);
  field_add(&s.xz, &p->x, &s.xz);
  field_mul(&p->z, y, &s.yz);
  field_add(&s.yz, &p->y, &s.yz);
  finish_add(&s, out);
}

// Algorithm 6 of the paper: Z = 4 yz yy spares a product.
static void point_double(const so_p256_point *p, so_p256_point *out) {
  products s;
  so_u256 u, v, w, plus, minus, t;
  field_sqr(&p->x, &s.xx);
  field_sqr(&p->y, &s.yy);
  field_sqr(&p->z, &s.zz);
  field_mul(&p->x, &p->y, &t);
  field_add(&t, &t, &s.xy);
  field_mul(&p->x, &p->z, &t);
  field_add(&t, &t, &s.xz);
  field_mul(&p->y, &p->z, &t);
  field_add(&t, &t, &s.yz);
  combine(&s, &u, &v, &w);
  field_add(&s.yy, &u, &plus);
  field_sub(&s.yy, &u, &minus);
  field_mul(&s.xy, &plus, &out->x);
  field_mul(&s.yz, &v, &t);
  field_sub(&out->x, &t, &out->x);
  field_mul(&plus, &minus, &out->y);
  field_mul(&w, &v, &t);
  field_add(&out->y, &t, &out->y);
  field_mul(&s.yz, &s.yy, &t);
  field_add(&t, &t, &t);
  field_add(&t, &t, &out->z);
}

// Window i in Booth's form: a digit from -16 to 16 that stands for digit * 2^(5 i). It is made of
// the window's bits and the one below, which says what the window below has borrowed.
typedef struct digit {
  uint64_t negative;  // A mask.
  uint64_t magnitude;
} digit;

// `k` is the scalar with one zero bit below it: k[0..34) = 2 * scalar, little-endian.
static digit window(const uint8_t k[34], unsigned i) {
  const unsigned at = 5 * i;
  const uint64_t bits = (((uint64_t)k[at / 8 + 1] << 8 | k[at / 8]) >> (at % 8)) & 63;
  digit d;
  d.negative = so_ct_mask(bits >> 5);
  const uint64_t folded = bits ^ (d.negative & 63);
  d.magnitude = (folded >> 1) + (folded & 1);
  return d;
}

static void double_scalar_bytes(const so_u256 *k, uint8_t out[34]) {
  uint8_t le[32];
  so_u256_to_le(k, le);
  uint8_t carry = 0;
  for (unsigned i = 0; i < 32; i++) {
    out[i] = (uint8_t)(le[i] << 1 | carry);
    carry = le[i] >> 7;
  }
  out[32] = carry;
  out[33] = 0;
  so_wipe(le, sizeof le);
}

static void copy_where(uint64_t mask, const so_u256 *from, so_u256 *to) {
  const so_limb m = (so_limb)mask;
  for (unsigned i = 0; i < SO_LIMB_COUNT; i++) {
    to->v[i] ^= m & (to->v[i] ^ from->v[i]);
  }
}

static void negate_where(uint64_t mask, so_u256 *y) {
  const so_u256 zero = {{0}};
  so_u256 minus;
  field_sub(&zero, y, &minus);
  copy_where(mask, &minus, y);
}

// CT: reads all 16 entries of the row, and adds even where the digit is 0, to throw the sum away.
static void add_from_row(const uint64_t row[16][2][4], digit d, so_p256_point *acc) {
  uint64_t w[2][4] = {{0}};
  for (unsigned i = 0; i < 16; i++) {
    const uint64_t take = so_ct_is_equal(d.magnitude, i + 1);
    for (unsigned n = 0; n < 4; n++) {
      w[0][n] |= take & row[i][0][n];
      w[1][n] |= take & row[i][1][n];
    }
  }
  so_u256 x, y;
  memcpy(x.v, w[0], sizeof x.v);
  memcpy(y.v, w[1], sizeof y.v);
  negate_where(d.negative, &y);
  so_p256_point sum;
  add_affine(acc, &x, &y, &sum);
  const uint64_t nonzero = ~so_ct_is_zero(d.magnitude);
  copy_where(nonzero, &sum.x, &acc->x);
  copy_where(nonzero, &sum.y, &acc->y);
  copy_where(nonzero, &sum.z, &acc->z);
  so_wipe(w, sizeof w);
  so_wipe(&x, sizeof x);
  so_wipe(&y, sizeof y);
  so_wipe(&sum, sizeof sum);
}

// The table has the even windows; the odd ones are added before five doublings.
// CT: the number of steps is fixed and digits become masks.
void so_p256_point_mul_base(const so_u256 *k, so_p256_point *out) {
  uint8_t bits[34];
  double_scalar_bytes(k, bits);
  so_p256_point acc;
  set_infinity(&acc);
  for (unsigned i = 1; i < WINDOW_COUNT; i += 2) {
    add_from_row(so_p256_base_words[i / 2], window(bits, i), &acc);
  }
  for (unsigned i = 0; i < 5; i++) {
    point_double(&acc, &acc);
  }
  for (unsigned i = 0; i < WINDOW_COUNT; i += 2) {
    add_from_row(so_p256_base_words[i / 2], window(bits, i), &acc);
  }
  *out = acc;
  so_wipe(bits, sizeof bits);
  so_wipe(&acc, sizeof acc);
}

// CT: reads all 16 entries; a digit of 0 gives infinity.
static void select_multiple(const so_p256_point table[16], digit d, so_p256_point *out) {
  set_infinity(out);
  for (unsigned i = 0; i < 16; i++) {
    const uint64_t take = so_ct_is_equal(d.magnitude, i + 1);
    copy_where(take, &table[i].x, &out->x);
    copy_where(take, &table[i].y, &out->y);
    copy_where(take, &table[i].z, &out->z);
  }
  negate_where(d.negative, &out->y);
}

// CT: as so_p256_point_mul_base.
void so_p256_point_mul(const so_u256 *k, const so_p256_point *p, so_p256_point *out) {
  uint8_t bits[34];
  so_p256_point table[16], acc, q;
  double_scalar_bytes(k, bits);
  table[0] = *p;
  for (unsigned i = 1; i < 16; i++) {
    so_p256_point_add(&table[i - 1], p, &table[i]);
  }
  select_multiple(table, window(bits, WINDOW_COUNT - 1), &acc);
  for (unsigned i = WINDOW_COUNT - 1; i-- > 0;) {
    for (unsigned j = 0; j < 5; j++) {
      point_double(&acc, &acc);
    }
    select_multiple(table, window(bits, i), &q);
    so_p256_point_add(&acc, &q, &acc);
  }
  *out = acc;
  so_wipe(bits, sizeof bits);
  so_wipe(&acc, sizeof acc);
  so_wipe(&q, sizeof q);
}

// CT: the bytes are public.
so_status so_p256_point_decode(const uint8_t in[65], so_p256_point *out) {
  const so_status malformed = so_status_make(SO_MALFORMED, 0);
  const so_u256 x_plain = so_u256_from_be(in + 1);
  const so_u256 y_plain = so_u256_from_be(in + 33);
  if (in[0] != 4 || so_u256_less(&x_plain, &field.m) == 0 ||
      so_u256_less(&y_plain, &field.m) == 0) {
    return malformed;
  }
  so_u256 x, y, right, t;
  so_mont256_enter(&field, &x_plain, &x);
  so_mont256_enter(&field, &y_plain, &y);
  field_sqr(&x, &right);
  field_mul(&right, &x, &right);
  field_triple(&x, &t);
  field_sub(&right, &t, &right);
  field_add(&right, &curve_b, &right);
  field_sqr(&y, &t);
  field_sub(&t, &right, &t);
  if (so_u256_is_zero(&t) == 0) {
    return malformed;
  }
  out->x = x;
  out->y = y;
  out->z = field.one;
  return so_done();
}

static void square_times(const so_u256 *a, unsigned count, so_u256 *out) {
  so_u256 r = *a;
  for (unsigned i = 0; i < count; i++) {
    field_sqr(&r, &r);
  }
  *out = r;
}

// From z^(2^m - 1) and z^(2^n - 1) to z^(2^(m + n) - 1), and, more generally, appends the n bits
// of an exponent that `low` has to the exponent of `high`.
static void append(const so_u256 *high, unsigned n, const so_u256 *low, so_u256 *out) {
  so_u256 r;
  square_times(high, n, &r);
  field_mul(&r, low, out);
}

// 1/z = z^(p - 2), 0 for 0; p - 2 is, in 32-bit words,
// ffffffff 00000001 00000000 00000000 00000000 ffffffff ffffffff fffffffd.
static void field_invert(const so_u256 *z, so_u256 *out) {
  so_u256 ones2, ones3, ones15, ones30, ones32, r;
  append(z, 1, z, &ones2);
  append(&ones2, 1, z, &ones3);
  append(&ones3, 3, &ones3, &r);
  append(&r, 6, &r, &r);
  append(&r, 3, &ones3, &ones15);
  append(&ones15, 15, &ones15, &ones30);
  append(&ones30, 2, &ones2, &ones32);
  append(&ones32, 32, z, &r);
  append(&r, 128, &ones32, &r);
  append(&r, 32, &ones32, &r);
  append(&r, 30, &ones30, &r);
  append(&r, 2, z, out);
  so_u256 *const temporaries[] = {&ones2, &ones3, &ones15, &ones30, &ones32, &r};
  for (unsigned i = 0; i < sizeof temporaries / sizeof temporaries[0]; i++) {
    so_wipe(temporaries[i], sizeof(so_u256));
  }
}

void so_p256_point_encode(const so_p256_point *p, uint8_t out[65]) {
  so_u256 inverse, x, y;
  field_invert(&p->z, &inverse);
  field_mul(&p->x, &inverse, &x);
  field_mul(&p->y, &inverse, &y);
  so_mont256_leave(&field, &x, &x);
  so_mont256_leave(&field, &y, &y);
  out[0] = 4;
  so_u256_to_be(&x, out + 1);
  so_u256_to_be(&y, out + 33);
  so_wipe(&inverse, sizeof inverse);
}

void so_p256_point_x(const so_p256_point *p, so_u256 *out) {
  so_u256 inverse;
  field_invert(&p->z, &inverse);
  field_mul(&p->x, &inverse, out);
  so_mont256_leave(&field, out, out);
  so_wipe(&inverse, sizeof inverse);
}
