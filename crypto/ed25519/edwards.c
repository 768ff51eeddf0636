#include "crypto/ed25519/edwards.h"

#include "base/mem.h"

// A point prepared to be added many times: Y + X, Y - X, 2dT, 2Z; loose but for 2dT. The affine
// points of the table have no 2Z, which is 2 for them.
typedef struct cached {
  so_fe sum, difference, t2d, z2;
} cached;

// A scalar in 64 signed digits: k = sum of digit[i] * 16^i, each from -8 to 8.
typedef struct digits {
  int8_t at[64];
} digits;

static const uint64_t d_words[4] = {UINT64_C(0x75eb4dca135978a3), UINT64_C(0x00700a4d4141d8ab),
                                    UINT64_C(0x8cc740797779e898), UINT64_C(0x52036cee2b6ffe73)};
static const uint64_t d2_words[4] = {UINT64_C(0xebd69b9426b2f159), UINT64_C(0x00e0149a8283b156),
                                     UINT64_C(0x198e80f2eef3d130), UINT64_C(0x2406d9dc56dffce7)};
static const uint64_t root_of_minus_1_words[4] = {
    UINT64_C(0xc4ee1b274a0ea0b0), UINT64_C(0x2f431806ad2fe478), UINT64_C(0x2b4d00993dfbd7a7),
    UINT64_C(0x2b8324804fc1df0b)};

static void set_neutral(so_edwards *p) {
  p->x = so_fe_zero();
  p->y = so_fe_one();
  p->z = so_fe_one();
  p->t = so_fe_zero();
}

// Doubling (Hisil, Wong, Carter, Dawson 2008, 3.3), which needs no T and gives one.
static void point_double(const so_edwards *p, so_edwards *out) {
  so_fe a, b, c, e, f, g, h;
  so_fe_sqr(&p->x, &a);
  so_fe_sqr(&p->y, &b);
  so_fe_sqr(&p->z, &c);
  so_fe_add(&p->x, &p->y, &e);
  so_fe_sqr(&e, &e);
  so_fe_add(&a, &b, &h);
  so_fe_sub(&h, &e, &e);
  so_fe_settle(&e, &e);
  so_fe_sub(&a, &b, &g);
  so_fe_add(&c, &c, &c);
  so_fe_add(&c, &g, &f);
  so_fe_settle(&f, &f);
  so_fe_mul(&e, &f, &out->x);
  so_fe_mul(&g, &h, &out->y);
  so_fe_mul(&f, &g, &out->z);
  so_fe_mul(&e, &h, &out->t);
}

// What both additions end with (ibid., 3.1): d2 is 2 Z1 Z2, loose.
static void finish_add(const so_edwards *p, const cached *q, const so_fe *d2, so_edwards *out) {
  so_fe a, b, c, e, f, g, h;
  so_fe_sub(&p->y, &p->x, &a);
  so_fe_mul(&a, &q->difference, &a);
  so_fe_add(&p->y, &p->x, &b);
  so_fe_mul(&b, &q->sum, &b);
  so_fe_mul(&p->t, &q->t2d, &c);
  so_fe_sub(&b, &a, &e);
  so_fe_sub(d2, &c, &f);
  so_fe_settle(&f, &f);
  so_fe_add(d2, &c, &g);
  so_fe_add(&b, &a, &h);
  so_fe_mul(&e, &f, &out->x);
  so_fe_mul(&g, &h, &out->y);
  so_fe_mul(&f, &g, &out->z);
  so_fe_mul(&e, &h, &out->t);
}

static void add_cached(const so_edwards *p, const cached *q, so_edwards *out) {
  so_fe d2;
  so_fe_mul(&p->z, &q->z2, &d2);
  finish_add(p, q, &d2, out);
}

static void add_affine(const so_edwards *p, const cached *q, so_edwards *out) {
  so_fe d2;
  so_fe_add(&p->z, &p->z, &d2);
  finish_add(p, q, &d2, out);
}

static void prepare(const so_edwards *p, cached *out) {
  const so_fe d2 = so_fe_from_words(d2_words);
  so_fe_add(&p->y, &p->x, &out->sum);
  so_fe_sub(&p->y, &p->x, &out->difference);
  so_fe_times(&p->t, &d2, &out->t2d);
  so_fe_add(&p->z, &p->z, &out->z2);
}

// Digits from 0 to 15 become -8 to 7 by carrying into the next one. The last takes the carry and
// stays at most 8, since k is below 2^255.
static void recode(const uint8_t k[32], digits *out) {
  int carry = 0;
  for (unsigned i = 0; i < 64; i++) {
    const int nibble = (k[i / 2] >> (4 * (i % 2))) & 15;
    const int digit = nibble + carry;
    carry = (digit + 8) >> 4;
    if (i == 63) {
      carry = 0;
    }
    out->at[i] = (int8_t)(digit - 16 * carry);
  }
}

// The masks of a digit: negative, and its magnitude.
static uint64_t digit_negative(int8_t digit) { return so_ct_mask((uint64_t)(uint8_t)digit >> 7); }

static uint64_t digit_magnitude(int8_t digit) {
  const uint64_t sign = digit_negative(digit);
  return (((uint64_t)(int64_t)digit) ^ sign) - sign;
}

// Where `negative` is set, q becomes -q: the sum and the difference change places.
static void negate_where(uint64_t negative, cached *q) {
  so_fe minus;
  so_fe_neg(&q->t2d, &minus);
  so_fe_swap(negative, &q->sum, &q->difference);
  so_fe_swap(negative, &q->t2d, &minus);
}

// CT: reads all eight entries of the row.
static void select_affine(const uint64_t row[8][3][4], int8_t digit, cached *out) {
  const uint64_t magnitude = digit_magnitude(digit);
  uint64_t w[3][4] = {{1}, {1}, {0}};  // The neutral element, for a digit of 0.
  for (unsigned i = 0; i < 8; i++) {
    const uint64_t take = so_ct_is_equal(magnitude, i + 1);
    for (unsigned j = 0; j < 3; j++) {
      for (unsigned n = 0; n < 4; n++) {
        w[j][n] = so_ct_select(take, row[i][j][n], w[j][n]);
      }
    }
  }
  out->sum = so_fe_from_words(w[0]);
  out->difference = so_fe_from_words(w[1]);
  out->t2d = so_fe_from_words(w[2]);
  negate_where(digit_negative(digit), out);
  so_wipe(w, sizeof w);
}

// CT: reads all eight entries.
static void select_cached(const cached table[8], int8_t digit, cached *out) {
  const uint64_t magnitude = digit_magnitude(digit);
  so_edwards neutral;
  set_neutral(&neutral);
  prepare(&neutral, out);
  for (unsigned i = 0; i < 8; i++) {
    const uint64_t take = so_ct_is_equal(magnitude, i + 1);
    out->sum = so_fe_select(take, &table[i].sum, &out->sum);
    out->difference = so_fe_select(take, &table[i].difference, &out->difference);
    out->t2d = so_fe_select(take, &table[i].t2d, &out->t2d);
    out->z2 = so_fe_select(take, &table[i].z2, &out->z2);
  }
  negate_where(digit_negative(digit), out);
}

// Adds the digits first, first + 2, ... of k to acc: digit i stands for 16^i, which the table has
// for even i; the odd ones are added before four doublings.
static void add_half(const digits *k, unsigned first, so_edwards *acc) {
  cached q;
  for (unsigned i = first; i < 64; i += 2) {
    select_affine(so_edwards_base_words[i / 2], k->at[i], &q);
    add_affine(acc, &q, acc);
  }
  so_wipe(&q, sizeof q);
}

// CT: as the header says; the digits only ever become masks.
void so_edwards_mul_base(const uint8_t k[32], so_edwards *out) {
  digits d;
  so_edwards acc;
  recode(k, &d);
  set_neutral(&acc);
  add_half(&d, 1, &acc);
  for (unsigned i = 0; i < 4; i++) {
    point_double(&acc, &acc);
  }
  add_half(&d, 0, &acc);
  *out = acc;
  so_wipe(&d, sizeof d);
  so_wipe(&acc, sizeof acc);
}

// Fills the table with 1p to 8p.
static void multiples(const so_edwards *p, cached table[8]) {
  so_edwards next = *p;
  prepare(p, &table[0]);
  for (unsigned i = 1; i < 8; i++) {
    add_cached(&next, &table[0], &next);
    prepare(&next, &table[i]);
  }
}

// Only verification multiplies other points than B, so nothing here is secret; it is constant-time
// because one way of walking digits is less to get wrong than two.
void so_edwards_mul_add_base(const uint8_t s[32], const uint8_t k[32], const so_edwards *p,
                             so_edwards *out) {
  digits dk, ds;
  cached table[8], q;
  so_edwards acc;
  recode(k, &dk);
  recode(s, &ds);
  multiples(p, table);
  set_neutral(&acc);
  for (unsigned i = 64; i-- > 0;) {
    for (unsigned j = 0; j < 4 && i != 63; j++) {
      point_double(&acc, &acc);
    }
    select_cached(table, dk.at[i], &q);
    add_cached(&acc, &q, &acc);
    if (i == 1) {
      add_half(&ds, 1, &acc);  // Four doublings remain, as the odd digits of s need.
    }
  }
  add_half(&ds, 0, &acc);
  *out = acc;
}

void so_edwards_encode(const so_edwards *p, uint8_t out[32]) {
  so_fe inverse, x, y;
  so_fe_invert(&p->z, &inverse);
  so_fe_times(&p->x, &inverse, &x);
  so_fe_times(&p->y, &inverse, &y);
  so_fe_to_bytes(&y, out);
  out[31] = (uint8_t)(out[31] | (0x80 & so_fe_is_odd(&x)));
  so_wipe(&inverse, sizeof inverse);
}

// The square root of u/v, if there is one: x = u v^3 (u v^7)^((p-5)/8), times the root of -1 when
// v x^2 is -u (RFC 8032 5.1.3). Returns the mask of success.
static uint64_t root_of_ratio(const so_fe *u, const so_fe *v, so_fe *x) {
  so_fe v3, v7, check, other;
  so_fe_squared(v, 1, &v3);
  so_fe_times(&v3, v, &v3);
  so_fe_squared(&v3, 1, &v7);
  so_fe_times(&v7, v, &v7);
  so_fe_times(u, &v7, x);
  so_fe_pow_p58(x, x);
  so_fe_times(x, &v3, x);
  so_fe_times(x, u, x);
  so_fe_squared(x, 1, &check);
  so_fe_times(&check, v, &check);  // u or -u for squares.
  const so_fe root = so_fe_from_words(root_of_minus_1_words);
  so_fe_times(x, &root, &other);
  so_fe sum, difference, u_tight;
  so_fe_mul_small(u, 1, &u_tight);
  so_fe_add(&check, &u_tight, &sum);
  so_fe_sub(&check, &u_tight, &difference);
  const uint64_t is_u = so_fe_is_zero(&difference);
  const uint64_t is_minus_u = so_fe_is_zero(&sum);
  *x = so_fe_select(is_u, x, &other);
  return is_u | is_minus_u;
}

so_status so_edwards_decode(const uint8_t in[32], so_edwards *out) {
  const so_status malformed = so_status_make(SO_MALFORMED, 0);
  const so_fe one = so_fe_one();
  const so_fe d = so_fe_from_words(d_words);
  const uint64_t sign = so_ct_mask((uint64_t)in[31] >> 7);
  uint8_t canonical[32];
  so_edwards p;
  p.y = so_fe_from_bytes(in);
  p.z = one;
  so_fe_to_bytes(&p.y, canonical);
  canonical[31] = (uint8_t)(canonical[31] | (in[31] & 0x80));
  if (memcmp(canonical, in, 32) != 0) {
    return malformed;
  }
  so_fe y2, u, v;
  so_fe_squared(&p.y, 1, &y2);
  so_fe_sub(&y2, &one, &u);
  so_fe_times(&y2, &d, &v);
  so_fe_add(&v, &one, &v);
  if (root_of_ratio(&u, &v, &p.x) == 0 || (so_fe_is_zero(&p.x) & sign) != 0) {
    return malformed;
  }
  so_fe_times(&p.x, &p.y, &p.t);
  if (so_fe_is_odd(&p.x) != sign) {
    so_edwards_negate(&p);
  }
  *out = p;
  return so_done();
}

// Multiplication by 1 makes the differences tight again.
void so_edwards_negate(so_edwards *p) {
  so_fe_neg(&p->x, &p->x);
  so_fe_mul_small(&p->x, 1, &p->x);
  so_fe_neg(&p->t, &p->t);
  so_fe_mul_small(&p->t, 1, &p->t);
}

uint64_t so_edwards_is_small_order(const so_edwards *p) {
  so_edwards q = *p;
  for (unsigned i = 0; i < 3; i++) {
    point_double(&q, &q);
  }
  so_fe difference;
  so_fe_sub(&q.y, &q.z, &difference);
  return so_fe_is_zero(&q.x) & so_fe_is_zero(&difference);
}
