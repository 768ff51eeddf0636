#include "crypto/ecdsa/ecdsa.h"

#include "base/mem.h"
#include "crypto/ct/ct.h"
#include "crypto/hash/hash.h"
#include "crypto/hmac/hmac.h"
#include "crypto/p256/group.h"

// How often a nonce or a signature may have to be drawn again: the odds of needing even a second
// draw are 2^-32, so reaching the end means that the hash is broken.
#define ATTEMPT_MAX 16

static const so_mont256 *order(void) { return &so_p256_group_order; }

// The generator of RFC 6979 3.2: K and V.
typedef struct generator {
  const so_cpu *cpu;
  so_hash_alg alg;
  uint8_t k[SO_HASH_LEN_MAX];
  uint8_t v[SO_HASH_LEN_MAX];
} generator;

static so_status digest_alg(size_t digest_len, so_hash_alg *out) {
  for (so_hash_alg alg = SO_SHA256; alg <= SO_SHA512; alg++) {
    if (so_hash_len(alg) == digest_len) {
      *out = alg;
      return so_done();
    }
  }
  return so_status_make(SO_UNSUPPORTED, 0);
}

// The mask of 1 <= k < n.
static uint64_t in_range(const so_u256 *k) {
  return so_u256_less(k, &order()->m) & ~so_u256_is_zero(k);
}

// bits2int (RFC 6979 2.3.2) modulo n: the leftmost 256 bits, which every accepted digest has.
static void digest_number(so_bytes digest, so_u256 *out) {
  const so_u256 z = so_u256_from_be(digest.ptr);
  so_mont256_reduce(order(), &z, out);
}

// V = HMAC_K(V).
static void advance(generator *g) {
  const size_t len = so_hash_len(g->alg);
  so_hmac_once(g->alg, g->cpu, so_bytes_of(g->k, len), so_bytes_of(g->v, len), g->v);
}

// K = HMAC_K(V || tag || seed), V = HMAC_K(V).
static void stir(generator *g, uint8_t tag, so_bytes seed) {
  const size_t len = so_hash_len(g->alg);
  so_hmac ctx;
  so_hmac_init(&ctx, g->alg, g->cpu, so_bytes_of(g->k, len));
  so_hmac_update(&ctx, so_bytes_of(g->v, len));
  so_hmac_update(&ctx, so_bytes_of(&tag, 1));
  so_hmac_update(&ctx, seed);
  so_hmac_final(&ctx, g->k);
  advance(g);
}

// Steps b to g of RFC 6979 3.2; the seed is int2octets(private) || bits2octets(digest).
static void generator_init(const so_cpu *cpu, so_hash_alg alg, const uint8_t priv[32],
                           const so_u256 *z, generator *g) {
  uint8_t seed[64];
  memcpy(seed, priv, 32);
  so_u256_to_be(z, seed + 32);
  g->cpu = cpu;
  g->alg = alg;
  memset(g->k, 0, sizeof g->k);
  memset(g->v, 1, sizeof g->v);
  stir(g, 0, so_bytes_of(seed, sizeof seed));
  stir(g, 1, so_bytes_of(seed, sizeof seed));
  so_wipe(seed, sizeof seed);
}

// Step h: a nonce, not yet known to be in range. One output of the hash has at least 256 bits.
static so_u256 draw(generator *g) {
  advance(g);
  return so_u256_from_be(g->v);
}

// r = x(k G) mod n, s = (z + r d) / k mod n. Returns the mask of both being nonzero.
static uint64_t sign_with(const so_u256 *k, const so_u256 *d, const so_u256 *z,
                          uint8_t out[64]) {
  so_p256_point p;
  so_u256 r, s, inverse, rd;
  so_p256_point_mul_base(k, &p);
  so_p256_point_x(&p, &r);
  so_mont256_reduce(order(), &r, &r);
  so_mont256_enter(order(), &r, &rd);
  so_mont256_mul(order(), &rd, d, &rd);
  so_mont256_add(order(), z, &rd, &s);
  so_mont256_enter(order(), k, &inverse);
  so_mont256_invert(order(), &inverse, &inverse);
  so_mont256_mul(order(), &inverse, &s, &s);
  so_u256_to_be(&r, out);
  so_u256_to_be(&s, out + 32);
  const uint64_t usable = ~(so_u256_is_zero(&r) | so_u256_is_zero(&s));
  so_wipe(&p, sizeof p);
  so_wipe(&inverse, sizeof inverse);
  so_wipe(&rd, sizeof rd);
  so_wipe(&s, sizeof s);
  return usable;
}

// CT: d and k become masks and products only. The branches are on the private key being valid and
// on a nonce being refused, which says nothing about the one that is then used.
static so_status sign_number(generator *g, const so_u256 *d, const so_u256 *z, uint8_t out[64]) {
  for (unsigned attempt = 0; attempt < ATTEMPT_MAX; attempt++) {
    so_u256 k = draw(g);
    const bool done = in_range(&k) != 0 && sign_with(&k, d, z, out) != 0;
    so_wipe(&k, sizeof k);
    if (done) {
      return so_done();
    }
    stir(g, 0, so_bytes_of(NULL, 0));
  }
  return so_status_make(SO_INTERNAL, 0);
}

so_status so_ecdsa_p256_sign(const so_cpu *cpu, const uint8_t priv[32], so_bytes digest,
                             uint8_t out[64]) {
  so_hash_alg alg;
  memset(out, 0, SO_ECDSA_P256_SIG_LEN);
  SO_TRY(digest_alg(digest.len, &alg));
  so_u256 d = so_u256_from_be(priv);
  if (in_range(&d) == 0) {
    so_wipe(&d, sizeof d);
    return so_status_make(SO_MALFORMED, 0);
  }
  so_u256 z;
  generator g;
  digest_number(digest, &z);
  generator_init(cpu, alg, priv, &z, &g);
  const so_status status = sign_number(&g, &d, &z, out);
  so_wipe(&d, sizeof d);
  so_wipe(&g, sizeof g);
  return status;
}

// CT: all inputs are public. FIPS 186-5 6.4.2: R = (z/s) G + (r/s) Q must have x = r mod n.
so_status so_ecdsa_p256_verify(const uint8_t pub[65], so_bytes digest, const uint8_t sig[64]) {
  const so_status denied = so_status_make(SO_DENIED, 0);
  so_hash_alg alg;
  so_p256_point q, g;
  SO_TRY(digest_alg(digest.len, &alg));
  SO_TRY(so_p256_point_decode(pub, &q));
  const so_u256 r = so_u256_from_be(sig);
  const so_u256 s = so_u256_from_be(sig + 32);
  if ((in_range(&r) & in_range(&s)) == 0) {
    return denied;
  }
  so_u256 z, inverse, u1, u2, x;
  digest_number(digest, &z);
  so_mont256_enter(order(), &s, &inverse);
  so_mont256_invert(order(), &inverse, &inverse);
  so_mont256_mul(order(), &inverse, &z, &u1);
  so_mont256_mul(order(), &inverse, &r, &u2);
  so_p256_point_mul_base(&u1, &g);
  so_p256_point_mul(&u2, &q, &q);
  so_p256_point_add(&g, &q, &q);
  // Infinity gives x = 0, which no r in range equals.
  so_p256_point_x(&q, &x);
  so_mont256_reduce(order(), &x, &x);
  return memcmp(&x, &r, sizeof x) == 0 ? so_done() : denied;
}
