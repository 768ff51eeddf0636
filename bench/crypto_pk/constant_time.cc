// Runs the operations on secrets under valgrind's memcheck with the secrets marked as undefined:
// every branch on one and every address made of one is then reported as an error.
//
//   bazel test //bench/crypto_pk:constant_time_test
//
// Both limb widths run: that of this machine, and the one of 32-bit processors without its assembly.
// `leak` as argument does what must be reported, to show that the check can fail.

#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "crypto/cpu/cpu.h"
#include "crypto/ecdsa/ecdsa.h"
#include "crypto/ed25519/ed25519.h"
#include "crypto/p256/p256.h"
#include "crypto/x25519/x25519.h"

// The same with 32-bit limbs.
extern "C" {
so_status so_x25519_narrow(const uint8_t scalar[32], const uint8_t point[32], uint8_t out[32]);
void so_x25519_public_narrow(const uint8_t scalar[32], uint8_t out[32]);
void so_ed25519_public_narrow(const uint8_t seed[32], uint8_t out[32]);
void so_ed25519_sign_narrow(const uint8_t seed[32], const uint8_t public_key[32],
                            so_bytes message, uint8_t sig[64]);
so_status so_p256_public_narrow(const uint8_t priv[32], uint8_t out[65]);
so_status so_p256_ecdh_narrow(const uint8_t priv[32], const uint8_t peer[65], uint8_t out[32]);
so_status so_ecdsa_p256_sign_narrow(const so_cpu *cpu, const uint8_t priv[32], so_bytes digest,
                                    uint8_t sig[64]);
}

namespace {

struct Width {
  decltype(&so_x25519) x25519;
  decltype(&so_x25519_public) x25519_public;
  decltype(&so_ed25519_public) ed25519_public;
  decltype(&so_ed25519_sign) ed25519_sign;
  decltype(&so_p256_public) p256_public;
  decltype(&so_p256_ecdh) p256_ecdh;
  decltype(&so_ecdsa_p256_sign) ecdsa_sign;
};

constexpr Width kWidths[] = {
    {so_x25519, so_x25519_public, so_ed25519_public, so_ed25519_sign, so_p256_public,
     so_p256_ecdh, so_ecdsa_p256_sign},
    {so_x25519_narrow, so_x25519_public_narrow, so_ed25519_public_narrow, so_ed25519_sign_narrow,
     so_p256_public_narrow, so_p256_ecdh_narrow, so_ecdsa_p256_sign_narrow},
};

struct Secret {
  explicit Secret(uint8_t fill) {
    memset(bytes, fill, sizeof bytes);
    VALGRIND_MAKE_MEM_UNDEFINED(bytes, sizeof bytes);
  }
  uint8_t bytes[32];
};

// What comes out is allowed to be known; a status that made it here without a branch is too.
bool Reveal(so_status status) {
  VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status);
  return so_ok(status);
}

bool X25519(const Width &w) {
  const Secret key(0x61), peer(0x62);
  uint8_t pub[32], shared[32];
  w.x25519_public(key.bytes, pub);
  return Reveal(w.x25519(key.bytes, peer.bytes, shared));
}

bool Ed25519(const Width &w) {
  const Secret seed(0x63);
  uint8_t pub[32], sig[64];
  w.ed25519_public(seed.bytes, pub);
  VALGRIND_MAKE_MEM_DEFINED(pub, sizeof pub);
  w.ed25519_sign(seed.bytes, pub, so_str("a message"), sig);
  VALGRIND_MAKE_MEM_DEFINED(sig, sizeof sig);
  return so_ok(so_ed25519_verify(pub, so_str("a message"), sig));
}

bool P256(const Width &w) {
  const Secret key(0x64);
  uint8_t pub[65], shared[32];
  const bool derived = Reveal(w.p256_public(key.bytes, pub));
  VALGRIND_MAKE_MEM_DEFINED(pub, sizeof pub);
  return derived && Reveal(w.p256_ecdh(key.bytes, pub, shared));
}

bool Ecdsa(const Width &w) {
  const Secret key(0x65);
  const so_cpu cpu = so_cpu_portable();
  uint8_t pub[65], sig[64], digest[32] = {7};
  bool good = Reveal(w.p256_public(key.bytes, pub));
  VALGRIND_MAKE_MEM_DEFINED(pub, sizeof pub);
  good = Reveal(w.ecdsa_sign(&cpu, key.bytes, so_bytes_of(digest, 32), sig)) && good;
  VALGRIND_MAKE_MEM_DEFINED(sig, sizeof sig);
  return good && so_ok(so_ecdsa_p256_verify(pub, so_bytes_of(digest, 32), sig));
}

bool Leak() {
  const Secret key(0x66);
  static const uint8_t table[256] = {1};
  volatile uint8_t read = table[key.bytes[0]];
  (void)read;
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  if (RUNNING_ON_VALGRIND == 0) {
    fprintf(stderr, "run this under valgrind\n");
    return 2;
  }
  if (argc > 1 && strcmp(argv[1], "leak") == 0) {
    return Leak() ? 0 : 1;
  }
  bool good = true;
  for (const Width &w : kWidths) {
    good = X25519(w) && Ed25519(w) && P256(w) && Ecdsa(w) && good;
  }
  return good ? 0 : 1;
}
