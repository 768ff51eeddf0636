// Public-key cryptography against OpenSSL in the same process: ratios of speed, above 1 is faster.
//
//   bazel run //bench/crypto_pk            all rows
//   bazel run //bench/crypto_pk -- --check  exit status 1 when a row with a target misses it
//
// Ours and theirs take turns of a few milliseconds, measured in CPU time; a row's figure is the
// median of the ratios of all turns, so that a change of clock speed or a busy machine hits both.
// Before it is timed, each pair of operations has to agree on a result.

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "crypto/ecdsa/ecdsa.h"
#include "crypto/ed25519/ed25519.h"
#include "crypto/p256/p256.h"
#include "crypto/x25519/x25519.h"

namespace {

constexpr int kRounds = 41;
constexpr double kRoundSeconds = 0.005;

using Work = std::function<void()>;

// Ends the program when the two sides disagree or a call fails: no figure is then worth printing.
void Must(bool ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "failed: %s\n", what);
    exit(2);
  }
}

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double SecondsFor(const Work &work, size_t times) {
  const double start = CpuSeconds();
  for (size_t i = 0; i < times; i++) work();
  return CpuSeconds() - start;
}

size_t Calibrate(const Work &work) {
  size_t times = 1;
  while (SecondsFor(work, times) < kRoundSeconds) times *= 2;
  return times;
}

double Median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<long>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

// Prints a row; false when it misses its target (0: no target).
bool Compare(const char *name, double target, const Work &ours, const Work &theirs) {
  const size_t our_times = Calibrate(ours), their_times = Calibrate(theirs);
  std::vector<double> ratios, our_us, their_us;
  for (int round = 0; round < kRounds; round++) {
    const double a = SecondsFor(ours, our_times) / static_cast<double>(our_times) * 1e6;
    const double b = SecondsFor(theirs, their_times) / static_cast<double>(their_times) * 1e6;
    our_us.push_back(a);
    their_us.push_back(b);
    ratios.push_back(b / a);
  }
  const double ratio = Median(ratios);
  const bool met = ratio >= target;
  printf("%-18s %8.1f us  openssl %8.1f us  ratio %5.2f", name, Median(our_us), Median(their_us),
         ratio);
  if (target > 0) printf("  (target %.2f%s)", target, met ? "" : ": missed");
  printf("\n");
  fflush(stdout);
  return met;
}

struct Bytes {
  explicit Bytes(size_t n, uint8_t fill = 0) : v(n, fill) {}
  uint8_t *data() { return v.data(); }
  std::vector<uint8_t> v;
};

EVP_PKEY *RawKey(int type, const Bytes &priv) {
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key(type, nullptr, priv.v.data(), priv.v.size());
  Must(key != nullptr, "raw key");
  return key;
}

EVP_PKEY *P256Key(const Bytes &priv, const Bytes &pub) {
  OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
  BIGNUM *d = BN_bin2bn(priv.v.data(), 32, nullptr);
  OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, pub.v.data(), pub.v.size());
  OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, d);
  OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY *key = nullptr;
  Must(EVP_PKEY_fromdata_init(ctx) == 1 &&
           EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1,
       "P-256 key");
  return key;
}

EVP_PKEY_CTX *Deriver(EVP_PKEY *key, EVP_PKEY *peer) {
  EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, nullptr);
  Must(EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1, "derive");
  return ctx;
}

void Derive(EVP_PKEY_CTX *ctx, Bytes *out) {
  size_t len = out->v.size();
  Must(EVP_PKEY_derive(ctx, out->data(), &len) == 1, "derive");
}

bool BenchX25519() {
  Bytes a(32, 0x61), b(32, 0x62), b_public(32), ours(32), theirs(32), raw(32);
  EVP_PKEY *key_a = RawKey(EVP_PKEY_X25519, a), *key_b = RawKey(EVP_PKEY_X25519, b);
  EVP_PKEY_CTX *ctx = Deriver(key_a, key_b);
  so_x25519_public(b.data(), b_public.data());
  size_t len = 32;
  Must(EVP_PKEY_get_raw_public_key(key_b, raw.data(), &len) == 1 && raw.v == b_public.v,
       "X25519 public keys agree");
  const Work our_work = [&] {
    Must(so_ok(so_x25519(a.data(), b_public.data(), ours.data())), "so_x25519");
  };
  const Work their_work = [&] { Derive(ctx, &theirs); };
  our_work();
  their_work();
  Must(ours.v == theirs.v, "X25519 secrets agree");
  const bool met = Compare("x25519", 0.7, our_work, their_work);
  // The public key is derived when a raw private key is imported.
  return Compare(
             "x25519 public", 0, [&] { so_x25519_public(a.data(), ours.data()); },
             [&] { EVP_PKEY_free(RawKey(EVP_PKEY_X25519, a)); }) &&
         met;
}

bool BenchEd25519() {
  Bytes seed(32, 0x63), pub(32), ours(64), theirs(64), message(128, 0x2a);
  const so_bytes text = so_bytes_of(message.data(), message.v.size());
  EVP_PKEY *key = RawKey(EVP_PKEY_ED25519, seed);
  EVP_MD_CTX *ctx = EVP_MD_CTX_new();
  so_ed25519_public(seed.data(), pub.data());
  const Work our_sign = [&] { so_ed25519_sign(seed.data(), pub.data(), text, ours.data()); };
  const Work their_sign = [&] {
    size_t len = 64;
    Must(EVP_DigestSignInit(ctx, nullptr, nullptr, nullptr, key) == 1 &&
             EVP_DigestSign(ctx, theirs.data(), &len, text.ptr, text.len) == 1,
         "Ed25519 sign");
    EVP_MD_CTX_reset(ctx);
  };
  our_sign();
  their_sign();
  Must(ours.v == theirs.v, "Ed25519 signatures agree");
  const bool met = Compare("ed25519 sign", 0, our_sign, their_sign);
  return Compare(
             "ed25519 verify", 0,
             [&] { Must(so_ok(so_ed25519_verify(pub.data(), text, ours.data())), "verify"); },
             [&] {
               Must(EVP_DigestVerifyInit(ctx, nullptr, nullptr, nullptr, key) == 1 &&
                        EVP_DigestVerify(ctx, ours.data(), 64, text.ptr, text.len) == 1,
                    "Ed25519 verify");
               EVP_MD_CTX_reset(ctx);
             }) &&
         met;
}

bool BenchP256() {
  Bytes a(32, 0x64), b(32, 0x65), a_public(65), b_public(65), ours(32), theirs(32);
  Must(so_ok(so_p256_public(a.data(), a_public.data())), "public");
  Must(so_ok(so_p256_public(b.data(), b_public.data())), "public");
  EVP_PKEY_CTX *ctx = Deriver(P256Key(a, a_public), P256Key(b, b_public));
  const Work our_work = [&] {
    Must(so_ok(so_p256_ecdh(a.data(), b_public.data(), ours.data())), "so_p256_ecdh");
  };
  const Work their_work = [&] { Derive(ctx, &theirs); };
  our_work();
  their_work();
  Must(ours.v == theirs.v, "P-256 secrets agree");
  const bool met = Compare("p256 ecdh", 0.3, our_work, their_work);
  EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  EC_POINT *point = EC_POINT_new(group);
  BIGNUM *d = BN_bin2bn(a.data(), 32, nullptr);
  Bytes encoded(65);
  const Work their_public = [&] {
    Must(EC_POINT_mul(group, point, d, nullptr, nullptr, nullptr) == 1 &&
             EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, encoded.data(), 65,
                                nullptr) == 65,
         "EC_POINT_mul");
  };
  their_public();
  Must(encoded.v == a_public.v, "P-256 public keys agree");
  return Compare(
             "p256 public", 0,
             [&] { Must(so_ok(so_p256_public(a.data(), a_public.data())), "public"); },
             their_public) &&
         met;
}

// OpenSSL signs in DER with a random nonce, so each side verifies the other's signature instead.
bool BenchEcdsa() {
  Bytes priv(32, 0x66), pub(65), digest(32, 0x2b), ours(64), theirs(72);
  const so_cpu cpu = so_cpu_detect();
  const so_bytes hash = so_bytes_of(digest.data(), 32);
  size_t len = 0;
  Must(so_ok(so_p256_public(priv.data(), pub.data())), "public");
  EVP_PKEY *key = P256Key(priv, pub);
  EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(key, nullptr), *verify = EVP_PKEY_CTX_new(key, nullptr);
  Must(EVP_PKEY_sign_init(sign) == 1 && EVP_PKEY_verify_init(verify) == 1, "ECDSA");
  const Work our_sign = [&] {
    Must(so_ok(so_ecdsa_p256_sign(&cpu, priv.data(), hash, ours.data())), "sign");
  };
  const Work their_sign = [&] {
    len = theirs.v.size();
    Must(EVP_PKEY_sign(sign, theirs.data(), &len, hash.ptr, hash.len) == 1, "ECDSA sign");
  };
  const Work our_verify = [&] {
    Must(so_ok(so_ecdsa_p256_verify(pub.data(), hash, ours.data())), "verify");
  };
  const Work their_verify = [&] {
    Must(EVP_PKEY_verify(verify, theirs.data(), len, hash.ptr, hash.len) == 1, "ECDSA verify");
  };
  our_sign();
  their_sign();
  ECDSA_SIG *parts = ECDSA_SIG_new();
  BIGNUM *r = BN_bin2bn(ours.data(), 32, nullptr), *s = BN_bin2bn(ours.data() + 32, 32, nullptr);
  Must(ECDSA_SIG_set0(parts, r, s) == 1, "signature");
  uint8_t der[80], *end = der;
  const int der_len = i2d_ECDSA_SIG(parts, &end);
  Must(EVP_PKEY_verify(verify, der, static_cast<size_t>(der_len), hash.ptr, hash.len) == 1,
       "OpenSSL verifies our ECDSA");
  const bool met = Compare("ecdsa p256 sign", 0.3, our_sign, their_sign);
  return Compare("ecdsa p256 verify", 0.3, our_verify, their_verify) && met;
}

}  // namespace

int main(int argc, char **argv) {
  bool met = BenchX25519();
  met = BenchEd25519() && met;
  met = BenchP256() && met;
  met = BenchEcdsa() && met;
  const bool check = argc > 1 && strcmp(argv[1], "--check") == 0;
  return check && !met ? 1 : 0;
}
