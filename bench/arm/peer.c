// The operations of work.c by BearSSL, with the implementations that it takes by default on the processor and that are
// constant-time: peer OPERATION COUNT.

#include <bearssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK_LEN 16384

typedef struct material {
  const br_ec_impl *ec;
  unsigned char secret[32], x25519_public[32], p256_public[65], digest[32], signature[64];
  unsigned char bulk[BULK_LEN];
  br_ec_private_key private_key;
  br_ec_public_key public_key;
} material;

static void require(int good, const char *what) {
  if (!good) {
    fprintf(stderr, "peer: %s went wrong\n", what);
    exit(1);
  }
}

static void prepare(material *m) {
  m->ec = br_ec_get_default();
  memset(m->secret, 0x5a, sizeof m->secret);
  memset(m->digest, 0xd1, sizeof m->digest);
  require(m->ec->mulgen(m->x25519_public, m->secret, 32, BR_EC_curve25519) == 32, "X25519 key");
  require(m->ec->mulgen(m->p256_public, m->secret, 32, BR_EC_secp256r1) == 65, "P-256 key");
  m->private_key = (br_ec_private_key){BR_EC_secp256r1, m->secret, 32};
  m->public_key = (br_ec_public_key){BR_EC_secp256r1, m->p256_public, 65};
  require(br_ecdsa_sign_raw_get_default()(m->ec, &br_sha256_vtable, m->digest, &m->private_key,
                                          m->signature) == 64,
          "ECDSA");
}

static void x25519(material *m) {
  unsigned char point[32];
  memcpy(point, m->x25519_public, sizeof point);
  require(m->ec->mul(point, 32, m->secret, 32, BR_EC_curve25519) == 1, "X25519");
}

static void x25519_public(material *m) {
  unsigned char out[32];
  require(m->ec->mulgen(out, m->secret, 32, BR_EC_curve25519) == 32, "X25519");
}

static void p256_public(material *m) {
  unsigned char out[65];
  require(m->ec->mulgen(out, m->secret, 32, BR_EC_secp256r1) == 65, "P-256");
}

static void p256_ecdh(material *m) {
  unsigned char point[65];
  memcpy(point, m->p256_public, sizeof point);
  require(m->ec->mul(point, 65, m->secret, 32, BR_EC_secp256r1) == 1, "P-256");
}

static void p256_sign(material *m) {
  unsigned char out[64];
  require(br_ecdsa_sign_raw_get_default()(m->ec, &br_sha256_vtable, m->digest, &m->private_key,
                                          out) == 64,
          "ECDSA");
}

static void p256_verify(material *m) {
  require(br_ecdsa_vrfy_raw_get_default()(m->ec, m->digest, 32, &m->public_key, m->signature,
                                          64) == 1,
          "ECDSA");
}

static void gcm(material *m, size_t key_len) {
  static const unsigned char iv[12] = {7}, header[5] = {23, 3, 3, 64, 17};
  unsigned char tag[16];
  br_gcm_context gcm;
#if defined(__LP64__)
  br_aes_ct64_ctr_keys aes;
  br_aes_ct64_ctr_init(&aes, m->secret, key_len);
  br_gcm_init(&gcm, &aes.vtable, br_ghash_ctmul64);
#else
  br_aes_ct_ctr_keys aes;
  br_aes_ct_ctr_init(&aes, m->secret, key_len);
  br_gcm_init(&gcm, &aes.vtable, br_ghash_ctmul);
#endif
  br_gcm_reset(&gcm, iv, sizeof iv);
  br_gcm_aad_inject(&gcm, header, sizeof header);
  br_gcm_flip(&gcm);
  br_gcm_run(&gcm, 1, m->bulk, sizeof m->bulk);
  br_gcm_get_tag(&gcm, tag);
}

static void aes_128_gcm(material *m) { gcm(m, 16); }
static void aes_256_gcm(material *m) { gcm(m, 32); }

static void chacha20_poly1305(material *m) {
  static const unsigned char iv[12] = {7}, header[5] = {23, 3, 3, 64, 17};
  unsigned char tag[16];
  br_poly1305_ctmul_run(m->secret, iv, m->bulk, sizeof m->bulk, header, sizeof header, tag,
                        br_chacha20_ct_run, 1);
}

static void sha256(material *m) {
  unsigned char out[32];
  br_sha256_context hash;
  br_sha256_init(&hash);
  br_sha256_update(&hash, m->bulk, sizeof m->bulk);
  br_sha256_out(&hash, out);
}

static void sha512(material *m) {
  unsigned char out[64];
  br_sha512_context hash;
  br_sha512_init(&hash);
  br_sha512_update(&hash, m->bulk, sizeof m->bulk);
  br_sha512_out(&hash, out);
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
    {"aes-128-gcm", aes_128_gcm},
    {"aes-256-gcm", aes_256_gcm},
    {"chacha20-poly1305", chacha20_poly1305},
    {"sha-256", sha256},
    {"sha-512", sha512},
};

int main(int argc, char **argv) {
  static material m;
  if (argc != 3) {
    fprintf(stderr, "usage: peer OPERATION COUNT\n");
    return 2;
  }
  prepare(&m);
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operations[i].name, argv[1]) == 0) {
      for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
        operations[i].run(&m);
      }
      return 0;
    }
  }
  fprintf(stderr, "peer: there is no operation '%s'\n", argv[1]);
  return 2;
}
