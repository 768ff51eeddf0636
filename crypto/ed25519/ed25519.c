#include "crypto/ed25519/ed25519.h"

#include "base/mem.h"
#include "crypto/cpu/cpu.h"
#include "crypto/ct/ct.h"
#include "crypto/ed25519/edwards.h"
#include "crypto/mont256/mont256.h"
#include "crypto/sha2/sha2.h"

// The order of the base point, L = 2^252 + 27742317777372353535851937790883648493.
static const so_mont256 order = {
    {SO_U256(UINT64_C(0x5812631a5cf5d3ed), UINT64_C(0x14def9dea2f79cd6), UINT64_C(0),
             UINT64_C(0x1000000000000000))},
    {SO_U256(UINT64_C(0xd6ec31748d98951d), UINT64_C(0xc6ef5bf4737dcf70),
             UINT64_C(0xfffffffffffffffe), UINT64_C(0x0fffffffffffffff))},
    {SO_U256(UINT64_C(0xa40611e3449c0f01), UINT64_C(0xd00e1ba768859347),
             UINT64_C(0xceec73d217f5be65), UINT64_C(0x0399411b7c309a3d))},
    (so_limb)UINT64_C(0xd2b51da312547e1b),
};

// What RFC 8032 5.1.5 makes of a seed.
typedef struct expanded {
  uint8_t scalar[32];
  uint8_t prefix[32];
} expanded;

static void expand(const uint8_t seed[32], expanded *out) {
  const so_cpu cpu = so_cpu_portable();
  uint8_t h[SO_SHA512_LEN];
  so_sha512 ctx;
  so_sha512_init(&ctx, &cpu);
  so_sha512_update(&ctx, so_bytes_of(seed, 32));
  so_sha512_final(&ctx, h);
  h[0] &= 0xf8;
  h[31] = (uint8_t)((h[31] & 0x7f) | 0x40);
  memcpy(out->scalar, h, 32);
  memcpy(out->prefix, h + 32, 32);
  so_wipe(h, sizeof h);
}

// Hashes a, b and the message to a number below L: the 512-bit hash is high * 2^256 + low, and a
// Montgomery product with 2^512 is a product with 2^256.
static void hash_to_scalar(so_bytes a, so_bytes b, so_bytes message, so_u256 *out) {
  const so_cpu cpu = so_cpu_portable();
  uint8_t h[SO_SHA512_LEN];
  so_sha512 ctx;
  so_sha512_init(&ctx, &cpu);
  so_sha512_update(&ctx, a);
  so_sha512_update(&ctx, b);
  so_sha512_update(&ctx, message);
  so_sha512_final(&ctx, h);
  so_u256 low = so_u256_from_le(h);
  so_u256 high = so_u256_from_le(h + 32);
  so_mont256_reduce(&order, &low, &low);
  so_mont256_mul(&order, &high, &order.rr, &high);
  so_mont256_add(&order, &low, &high, out);
  so_wipe(h, sizeof h);
  so_wipe(&low, sizeof low);
  so_wipe(&high, sizeof high);
}

static void encode_mul_base(const uint8_t k[32], uint8_t out[32]) {
  so_edwards p;
  so_edwards_mul_base(k, &p);
  so_edwards_encode(&p, out);
  so_wipe(&p, sizeof p);
}

// CT: does not depend on the seed.
void so_ed25519_public(const uint8_t seed[32], uint8_t out[32]) {
  expanded key;
  expand(seed, &key);
  encode_mul_base(key.scalar, out);
  so_wipe(&key, sizeof key);
}

// CT: does not depend on the seed or on the bytes of the message.
void so_ed25519_sign(const uint8_t seed[32], const uint8_t public_key[32], so_bytes message,
                     uint8_t out[64]) {
  expanded key;
  so_u256 r, s, k;
  uint8_t nonce[32];
  expand(seed, &key);
  hash_to_scalar(so_bytes_of(key.prefix, 32), so_bytes_of(NULL, 0), message, &r);
  so_u256_to_le(&r, nonce);
  encode_mul_base(nonce, out);
  hash_to_scalar(so_bytes_of(out, 32), so_bytes_of(public_key, 32), message, &k);
  // S = r + k a mod L.
  s = so_u256_from_le(key.scalar);
  so_mont256_enter(&order, &k, &k);
  so_mont256_mul(&order, &k, &s, &s);
  so_mont256_add(&order, &s, &r, &s);
  so_u256_to_le(&s, out + 32);
  so_wipe(&key, sizeof key);
  so_wipe(&r, sizeof r);
  so_wipe(&s, sizeof s);
  so_wipe(nonce, sizeof nonce);
}

// CT: all inputs are public. RFC 8032 5.1.7, with R = S B - k A compared as bytes: the left side of
// the comparison is whatever encoding the signature has, the right side the one canonical.
so_status so_ed25519_verify(const uint8_t public_key[32], so_bytes message, const uint8_t sig[64]) {
  const so_status denied = so_status_make(SO_DENIED, 0);
  const so_u256 s = so_u256_from_le(sig + 32);
  so_edwards a;
  if (so_u256_less(&s, &order.m) == 0 || !so_ok(so_edwards_decode(public_key, &a)) ||
      so_edwards_is_small_order(&a) != 0) {
    return denied;
  }
  so_u256 k;
  uint8_t k_bytes[32], r[32];
  hash_to_scalar(so_bytes_of(sig, 32), so_bytes_of(public_key, 32), message, &k);
  so_u256_to_le(&k, k_bytes);
  so_edwards_negate(&a);
  so_edwards_mul_add_base(sig + 32, k_bytes, &a, &a);
  so_edwards_encode(&a, r);
  return memcmp(r, sig, 32) == 0 ? so_done() : denied;
}
