#include "crypto/p256/p256.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/p256/group.h"

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

// The mask of 1 <= k < n.
static uint64_t in_range(const so_u256 *k) {
  return so_u256_less(k, &so_p256_group_order.m) & ~so_u256_is_zero(k);
}

// CT: only the answer is revealed.
bool so_p256_private_valid(const uint8_t priv[32]) {
  so_u256 k = so_u256_from_be(priv);
  const bool valid = in_range(&k) != 0;
  so_wipe(&k, sizeof k);
  return valid;
}

so_status so_p256_public_valid(const uint8_t pub[65]) {
  so_p256_point p;
  return so_p256_point_decode(pub, &p);
}

// CT: does not depend on the private key beyond its being valid.
so_status so_p256_public(const uint8_t priv[32], uint8_t out[65]) {
  if (!so_p256_private_valid(priv)) {
    memset(out, 0, SO_P256_PUBLIC_LEN);
    return malformed();
  }
  so_u256 k = so_u256_from_be(priv);
  so_p256_point p;
  so_p256_point_mul_base(&k, &p);
  so_p256_point_encode(&p, out);
  so_wipe(&k, sizeof k);
  so_wipe(&p, sizeof p);
  return so_done();
}

// CT: does not depend on the private key beyond its being valid.
so_status so_p256_ecdh(const uint8_t priv[32], const uint8_t peer[65], uint8_t out[32]) {
  so_p256_point p;
  if (!so_p256_private_valid(priv) || !so_ok(so_p256_point_decode(peer, &p))) {
    memset(out, 0, SO_P256_SHARED_LEN);
    return malformed();
  }
  so_u256 k = so_u256_from_be(priv);
  so_u256 x;
  so_p256_point_mul(&k, &p, &p);
  so_p256_point_x(&p, &x);
  so_u256_to_be(&x, out);
  so_wipe(&k, sizeof k);
  so_wipe(&p, sizeof p);
  so_wipe(&x, sizeof x);
  return so_done();
}
