#include "arm/rt/divide.h"

// The dividend, left to right in halves of 16 bits over a 32-bit divisor: each step divides 32 bits by 32.
static so_quotient by_short(uint64_t n, uint32_t by) {
  const uint32_t high = (uint32_t)(n >> 32);
  const uint32_t low = (uint32_t)n;
  if (high == 0) {
    return (so_quotient){low / by, low % by};
  }
  if (by <= 0xffff) {
    const uint32_t high_rest = high % by;
    const uint32_t middle = high_rest << 16 | low >> 16;
    const uint32_t last = (middle % by) << 16 | (low & 0xffff);
    const uint64_t quotient = (uint64_t)(high / by) << 32 | (uint64_t)(middle / by) << 16;
    return (so_quotient){quotient + last / by, last % by};
  }
  // A bit at a time; the remainder has 33 bits at most.
  uint64_t rest = high % by;
  uint64_t quotient = high / by;
  for (unsigned bit = 32; bit-- > 0;) {
    rest = rest << 1 | (low >> bit & 1);
    quotient <<= 1;
    if (rest >= by) {
      rest -= by;
      quotient |= 1;
    }
  }
  return (so_quotient){quotient, rest};
}

so_quotient so_divide(uint64_t n, uint64_t by) {
  if (by == 0) {
    return (so_quotient){UINT64_MAX, n};
  }
  if (by <= UINT32_MAX) {
    return by_short(n, (uint32_t)by);
  }
  // The quotient has fewer than 32 bits: as many as the divisor is shorter than 64.
  so_quotient q = {0, n};
  for (unsigned shift = (unsigned)__builtin_clzll(by) + 1; shift-- > 0;) {
    const uint64_t part = by << shift;
    q.quotient <<= 1;
    if (q.remainder >= part) {
      q.remainder -= part;
      q.quotient |= 1;
    }
  }
  return q;
}

static uint64_t magnitude(int64_t v) { return v < 0 ? 0 - (uint64_t)v : (uint64_t)v; }

static int64_t with_sign(uint64_t v, int negative) { return (int64_t)(negative ? 0 - v : v); }

so_signed_quotient so_divide_signed(int64_t n, int64_t by) {
  const so_quotient q = so_divide(magnitude(n), magnitude(by));
  return (so_signed_quotient){with_sign(q.quotient, (n < 0) != (by < 0)), with_sign(q.remainder, n < 0)};
}
