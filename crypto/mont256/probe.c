#include "crypto/mont256/probe.h"

#include "crypto/mont256/mont256.h"

static const so_mont256 moduli[3] = {
    {
        {SO_U256(UINT64_C(0xf3b9cac2fc632551), UINT64_C(0xbce6faada7179e84),
                 UINT64_C(0xffffffffffffffff), UINT64_C(0xffffffff00000000))},
        {SO_U256(UINT64_C(0x0c46353d039cdaaf), UINT64_C(0x4319055258e8617b), UINT64_C(0),
                 UINT64_C(0x00000000ffffffff))},
        {SO_U256(UINT64_C(0x83244c95be79eea2), UINT64_C(0x4699799c49bd6fa6),
                 UINT64_C(0x2845b2392b6bec59), UINT64_C(0x66e12d94f3d95620))},
        (so_limb)UINT64_C(0xccd1c8aaee00bc4f),
    },
    {
        {SO_U256(UINT64_C(0xffffffffffffffff), UINT64_C(0x00000000ffffffff), UINT64_C(0),
                 UINT64_C(0xffffffff00000001))},
        {SO_U256(UINT64_C(1), UINT64_C(0xffffffff00000000), UINT64_C(0xffffffffffffffff),
                 UINT64_C(0x00000000fffffffe))},
        {SO_U256(UINT64_C(3), UINT64_C(0xfffffffbffffffff), UINT64_C(0xfffffffffffffffe),
                 UINT64_C(0x00000004fffffffd))},
        1,
    },
    {
        {SO_U256(UINT64_C(0x5812631a5cf5d3ed), UINT64_C(0x14def9dea2f79cd6), UINT64_C(0),
                 UINT64_C(0x1000000000000000))},
        {SO_U256(UINT64_C(0xd6ec31748d98951d), UINT64_C(0xc6ef5bf4737dcf70),
                 UINT64_C(0xfffffffffffffffe), UINT64_C(0x0fffffffffffffff))},
        {SO_U256(UINT64_C(0xa40611e3449c0f01), UINT64_C(0xd00e1ba768859347),
                 UINT64_C(0xceec73d217f5be65), UINT64_C(0x0399411b7c309a3d))},
        (so_limb)UINT64_C(0xd2b51da312547e1b),
    },
};

void so_mont256_probe(unsigned modulus, so_mont256_op op, const uint8_t a[32],
                      const uint8_t b[32], uint8_t out[32]) {
  const so_mont256 *mod = &moduli[modulus];
  so_u256 x = so_u256_from_be(a);
  so_u256 y = so_u256_from_be(b);
  so_u256 r = {{0}};
  switch (op) {
    case SO_MONT256_ADD:
      so_mont256_add(mod, &x, &y, &r);
      break;
    case SO_MONT256_SUB:
      so_mont256_sub(mod, &x, &y, &r);
      break;
    case SO_MONT256_MUL:
      so_mont256_enter(mod, &x, &x);
      so_mont256_enter(mod, &y, &y);
      so_mont256_mul(mod, &x, &y, &r);
      so_mont256_leave(mod, &r, &r);
      break;
    case SO_MONT256_INVERT:
      so_mont256_enter(mod, &x, &x);
      so_mont256_invert(mod, &x, &r);
      so_mont256_leave(mod, &r, &r);
      break;
    case SO_MONT256_REDUCE:
      so_mont256_reduce(mod, &x, &r);
      break;
    case SO_MONT256_LESS:
      r.v[0] = (so_limb)(so_u256_less(&x, &y) & 1);
      break;
    case SO_MONT256_ZERO:
      r.v[0] = (so_limb)(so_u256_is_zero(&x) & 1);
      break;
    case SO_MONT256_OP_COUNT:
      break;
  }
  so_u256_to_be(&r, out);
}
