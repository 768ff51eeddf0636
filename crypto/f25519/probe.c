#include "crypto/f25519/probe.h"

#include "crypto/f25519/f25519.h"

// Products of elements that are loose, or wide and settled.
static void product(so_fe_op op, const so_fe *x, const so_fe *y, so_fe *out) {
  so_fe sum, difference, twice;
  so_fe_add(x, y, &sum);
  so_fe_sub(x, y, &difference);
  if (op == SO_FE_MUL_LOOSE) {
    so_fe_mul(&difference, &sum, out);
  } else if (op == SO_FE_SQR_LOOSE) {
    so_fe_sqr(&difference, out);
  } else {
    so_fe_add(x, x, &twice);
    so_fe_sub(&sum, y, &sum);
    so_fe_settle(&sum, &sum);
    so_fe_add(&difference, &twice, &difference);
    so_fe_settle(&difference, &difference);
    so_fe_mul(&sum, &difference, out);
  }
}

static void swapped(uint64_t mask, const so_fe *x, const so_fe *y, so_fe *out) {
  so_fe other = *y;
  *out = *x;
  so_fe_swap(mask, out, &other);
}

static so_fe bit(uint64_t mask) {
  const uint64_t w[4] = {mask & 1, 0, 0, 0};
  return so_fe_from_words(w);
}

void so_fe_probe(so_fe_op op, const uint8_t a[32], const uint8_t b[32], uint8_t out[32]) {
  const so_fe x = so_fe_from_bytes(a);
  const so_fe y = so_fe_from_bytes(b);
  so_fe r = x;
  switch (op) {
    case SO_FE_COPY:
    case SO_FE_OP_COUNT:
      break;
    case SO_FE_ADD:
      so_fe_add(&x, &y, &r);
      break;
    case SO_FE_SUB:
      so_fe_sub(&x, &y, &r);
      break;
    case SO_FE_NEG:
      so_fe_neg(&x, &r);
      break;
    case SO_FE_MUL:
      so_fe_mul(&x, &y, &r);
      break;
    case SO_FE_SQR:
      so_fe_sqr(&x, &r);
      break;
    case SO_FE_MUL_SMALL:
      so_fe_mul_small(&x, 121665, &r);
      break;
    case SO_FE_MUL_LOOSE:
    case SO_FE_SQR_LOOSE:
    case SO_FE_MUL_SETTLED:
      product(op, &x, &y, &r);
      break;
    case SO_FE_INVERT:
      so_fe_invert(&x, &r);
      break;
    case SO_FE_POW_P58:
      so_fe_pow_p58(&x, &r);
      break;
    case SO_FE_SWAP_ON:
      swapped(~UINT64_C(0), &x, &y, &r);
      break;
    case SO_FE_SWAP_OFF:
      swapped(0, &x, &y, &r);
      break;
    case SO_FE_ZERO:
      r = bit(so_fe_is_zero(&x));
      break;
    case SO_FE_ODD:
      r = bit(so_fe_is_odd(&x));
      break;
  }
  so_fe_to_bytes(&r, out);
}
