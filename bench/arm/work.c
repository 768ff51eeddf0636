// The work whose instructions count.sh counts:
//
//   work OPERATION COUNT [portable]
//
// does one operation COUNT times, so that the difference of two runs is the operation alone. With `portable` it keeps
// to what every processor has.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/arm/work.h"
#include "crypto/aead/aead.h"
#include "crypto/ecdsa/ecdsa.h"
#include "crypto/ed25519/ed25519.h"
#include "crypto/hash/hash.h"
#include "crypto/p256/p256.h"
#include "crypto/x25519/x25519.h"

void work_require(bool good, const char *what) {
  if (!good) {
    fprintf(stderr, "work: %s went wrong\n", what);
    exit(1);
  }
}

#define BULK_LEN 16384  // One full TLS record.

typedef struct material {
  so_cpu cpu;
  uint8_t secret[32], x25519_public[32], p256_public[65], ed25519_public[32];
  uint8_t digest[32], p256_signature[64], ed25519_signature[64];
  uint8_t bulk[BULK_LEN];
} material;

static void prepare(material *m) {
  memset(m->secret, 0x5a, sizeof m->secret);
  memset(m->digest, 0xd1, sizeof m->digest);
  so_x25519_public(m->secret, m->x25519_public);
  so_ed25519_public(m->secret, m->ed25519_public);
  work_require(so_ok(so_p256_public(m->secret, m->p256_public)), "P-256 key");
  const so_bytes digest = so_bytes_of(m->digest, sizeof m->digest);
  work_require(so_ok(so_ecdsa_p256_sign(&m->cpu, m->secret, digest, m->p256_signature)), "ECDSA");
  so_ed25519_sign(m->secret, m->ed25519_public, digest, m->ed25519_signature);
}

static void x25519(material *m) {
  uint8_t out[32];
  work_require(so_ok(so_x25519(m->secret, m->x25519_public, out)), "X25519");
}

static void x25519_public(material *m) {
  uint8_t out[32];
  so_x25519_public(m->secret, out);
}

static void p256_public(material *m) {
  uint8_t out[65];
  work_require(so_ok(so_p256_public(m->secret, out)), "P-256 public key");
}

static void p256_ecdh(material *m) {
  uint8_t out[32];
  work_require(so_ok(so_p256_ecdh(m->secret, m->p256_public, out)), "P-256 ECDH");
}

static void p256_sign(material *m) {
  uint8_t out[64];
  const so_bytes digest = so_bytes_of(m->digest, sizeof m->digest);
  work_require(so_ok(so_ecdsa_p256_sign(&m->cpu, m->secret, digest, out)), "ECDSA");
}

static void p256_verify(material *m) {
  const so_bytes digest = so_bytes_of(m->digest, sizeof m->digest);
  work_require(so_ok(so_ecdsa_p256_verify(m->p256_public, digest, m->p256_signature)), "ECDSA");
}

static void ed25519_sign(material *m) {
  uint8_t out[64];
  so_ed25519_sign(m->secret, m->ed25519_public, so_bytes_of(m->digest, sizeof m->digest), out);
}

static void ed25519_verify(material *m) {
  work_require(so_ok(so_ed25519_verify(m->ed25519_public, so_bytes_of(m->digest, sizeof m->digest),
                                       m->ed25519_signature)),
               "Ed25519");
}

static void seal(material *m, so_aead_alg alg) {
  static const uint8_t nonce[SO_AEAD_NONCE_LEN] = {7}, header[5] = {23, 3, 3, 64, 17};
  uint8_t tag[SO_AEAD_TAG_LEN];
  so_aead aead;
  so_aead_init(&aead, alg, &m->cpu, m->secret);
  so_aead_seal(&aead, nonce, so_bytes_of(header, sizeof header), m->bulk, sizeof m->bulk, tag);
}

static void aes_128_gcm(material *m) { seal(m, SO_AES_128_GCM); }
static void aes_256_gcm(material *m) { seal(m, SO_AES_256_GCM); }
static void chacha20_poly1305(material *m) { seal(m, SO_CHACHA20_POLY1305); }

static void sha256(material *m) {
  uint8_t out[64];
  so_hash_once(SO_SHA256, &m->cpu, so_bytes_of(m->bulk, sizeof m->bulk), out);
}

static void sha512(material *m) {
  uint8_t out[64];
  so_hash_once(SO_SHA512, &m->cpu, so_bytes_of(m->bulk, sizeof m->bulk), out);
}

static const struct {
  const char *name;
  void (*run)(material *m);
} operations[] = {
    {"x25519", x25519},
    {"x25519-public", x25519_public},
    {"p256-public", p256_public},
    {"p256-ecdh", p256_ecdh},
    {"p256-sign", p256_sign},
    {"p256-verify", p256_verify},
    {"ed25519-sign", ed25519_sign},
    {"ed25519-verify", ed25519_verify},
    {"aes-128-gcm", aes_128_gcm},
    {"aes-256-gcm", aes_256_gcm},
    {"chacha20-poly1305", chacha20_poly1305},
    {"sha-256", sha256},
    {"sha-512", sha512},
};

int main(int argc, char **argv) {
  static material m;
  const bool portable = argc == 4 && strcmp(argv[3], "portable") == 0;
  if (argc < 3 || (argc == 4 && !portable) || argc > 4) {
    fprintf(stderr, "usage: work OPERATION COUNT [portable]\n");
    return 2;
  }
  const long count = strtol(argv[2], NULL, 10);
  m.cpu = portable ? so_cpu_portable() : so_cpu_detect();
  if (strcmp(argv[1], "tls-server") == 0) {
    work_tls_server(&m.cpu, count);
    return 0;
  }
  prepare(&m);
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].name, argv[1]) == 0) {
      for (long n = 0; n < count; n++) {
        operations[i].run(&m);
      }
      return 0;
    }
  }
  fprintf(stderr, "work: there is no operation '%s'\n", argv[1]);
  return 2;
}
