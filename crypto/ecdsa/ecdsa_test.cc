#include "crypto/ecdsa/ecdsa.h"

#include <random>
#include <string>
#include <vector>

#include "crypto/cpu/cpu.h"
#include "crypto/hash/hash.h"
#include "crypto/p256/p256.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

extern "C" so_status so_ecdsa_p256_sign_narrow(const so_cpu *cpu, const uint8_t priv[32],
                                               so_bytes digest, uint8_t out[64]);
extern "C" so_status so_ecdsa_p256_verify_narrow(const uint8_t pub[65], so_bytes digest,
                                                 const uint8_t sig[64]);

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;
using so_test::View;

const char kOrder[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

struct Limbs {
  const char *name;
  so_status (*sign)(const so_cpu *, const uint8_t *, so_bytes, uint8_t *);
  so_status (*verify)(const uint8_t *, so_bytes, const uint8_t *);

  std::string Sign(const std::string &priv, const std::string &digest) const {
    const so_cpu cpu = so_cpu_detect();
    std::string out(64, '\x55');
    SO_EXPECT_OK(sign(&cpu, Ptr(priv), View(digest), Ptr(&out)));
    return out;
  }
  bool Verifies(const std::string &pub, const std::string &digest, const std::string &sig) const {
    EXPECT_EQ(64u, sig.size());
    const so_test::Guarded guarded_pub(pub), guarded_digest(digest), guarded_sig(sig);
    const so_status status =
        verify(guarded_pub.view().ptr, guarded_digest.view(), guarded_sig.view().ptr);
    EXPECT_TRUE(so_ok(status) || so_is(status, SO_DENIED));
    return so_ok(status);
  }
};

std::string Hash(so_hash_alg alg, const std::string &message) {
  const so_cpu cpu = so_cpu_portable();
  std::string out(so_hash_len(alg), '\0');
  so_hash_once(alg, &cpu, View(message), Ptr(&out));
  return out;
}

std::string Public(const std::string &priv) {
  std::string out(65, '\0');
  SO_EXPECT_OK(so_p256_public(Ptr(priv), Ptr(&out)));
  return out;
}

std::string Small(unsigned v) {
  std::string s(32, '\0');
  s[31] = static_cast<char>(v);
  return s;
}

// a - b for a >= b.
std::string Subtract(const std::string &a, const std::string &b) {
  std::string out(32, '\0');
  int borrow = 0;
  for (size_t i = 32; i-- > 0;) {
    const int v = static_cast<uint8_t>(a[i]) - static_cast<uint8_t>(b[i]) - borrow;
    borrow = v < 0 ? 1 : 0;
    out[i] = static_cast<char>(v);
  }
  return out;
}

class EcdsaTest : public testing::TestWithParam<Limbs> {};

INSTANTIATE_TEST_SUITE_P(
    Limbs, EcdsaTest,
    testing::Values(Limbs{"Wide", so_ecdsa_p256_sign, so_ecdsa_p256_verify},
                    Limbs{"Narrow", so_ecdsa_p256_sign_narrow, so_ecdsa_p256_verify_narrow}),
    [](const testing::TestParamInfo<Limbs> &info) { return info.param.name; });

const char kRfc6979Key[] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
const char kRfc6979Public[] =
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";

struct Rfc6979 {
  so_hash_alg alg;
  const char *message, *r, *s;
};

// RFC 6979 A.2.5.
const Rfc6979 kRfc6979[] = {
    {SO_SHA256, "sample", "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    {SO_SHA384, "sample", "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef7719",
     "4861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954"},
    {SO_SHA512, "sample", "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00",
     "2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe"},
    {SO_SHA256, "test", "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
    {SO_SHA384, "test", "83910e8b48bb0c74244ebdf7f07a1c5413d61472bd941ef3920e623fbccebeb6",
     "8ddbec54cf8cd5874883841d712142a56a8d0f218f5003cb0296b6b509619f2c"},
    {SO_SHA512, "test", "461d93f31b6540894788fd206c07cfa0cc35f46fa3c91816fff1040ad1581a04",
     "39af9f15de0db8d97e72719c74820d304ce5226e32dedae67519e840d1194e55"},
};

TEST_P(EcdsaTest, SignsAndVerifiesAsInRfc6979) {
  EXPECT_EQ(kRfc6979Public, ToHex(Public(FromHex(kRfc6979Key))));
  for (const Rfc6979 &v : kRfc6979) {
    SCOPED_TRACE(std::string(v.message) + " " + std::to_string(v.alg));
    const std::string digest = Hash(v.alg, v.message), want = FromHex(v.r) + FromHex(v.s);
    EXPECT_EQ(ToHex(want), ToHex(GetParam().Sign(FromHex(kRfc6979Key), digest)));
    EXPECT_TRUE(GetParam().Verifies(FromHex(kRfc6979Public), digest, want));
  }
}

TEST_P(EcdsaTest, AgreesWithWycheproof) {
  size_t valid_count = 0, invalid_count = 0;
  for (const auto &v : so_test::ReadVectors("crypto/testdata/wycheproof_ecdsa_p256.txt")) {
    SCOPED_TRACE(v.where());
    const bool valid = v.Text("result") == "valid";
    (valid ? valid_count : invalid_count)++;
    EXPECT_EQ(valid, GetParam().Verifies(v.Hex("public"), v.Hex("digest"), v.Hex("sig")));
  }
  EXPECT_LT(100u, valid_count);
  EXPECT_LT(100u, invalid_count);
}

TEST_P(EcdsaTest, RefusesEveryFlippedBit) {
  const std::string priv = FromHex(kRfc6979Key), pub = FromHex(kRfc6979Public);
  const std::string digest = Hash(SO_SHA256, "flipped");
  const std::string sig = GetParam().Sign(priv, digest);
  ASSERT_TRUE(GetParam().Verifies(pub, digest, sig));
  const auto flip = [](std::string s, size_t bit) {
    s[bit / 8] = static_cast<char>(s[bit / 8] ^ 1 << bit % 8);
    return s;
  };
  for (size_t bit = 0; bit < 512; bit++) {
    ASSERT_FALSE(GetParam().Verifies(pub, digest, flip(sig, bit))) << bit;
  }
  for (size_t bit = 0; bit < 256; bit++) {
    ASSERT_FALSE(GetParam().Verifies(pub, flip(digest, bit), sig)) << bit;
  }
}

TEST_P(EcdsaTest, RefusesNumbersOutOfRange) {
  const std::string priv = FromHex(kRfc6979Key), pub = FromHex(kRfc6979Public);
  const std::string digest = Hash(SO_SHA256, "range"), sig = GetParam().Sign(priv, digest);
  const std::string r = sig.substr(0, 32), s = sig.substr(32), order = FromHex(kOrder);
  for (const std::string &bad : {Small(0), order, std::string(32, '\xff')}) {
    EXPECT_FALSE(GetParam().Verifies(pub, digest, bad + s));
    EXPECT_FALSE(GetParam().Verifies(pub, digest, r + bad));
    EXPECT_FALSE(GetParam().Verifies(pub, digest, bad + bad));
  }
}

// With a digest of 0 and r = 0 the point is infinity, whose x must not pass for the r.
TEST_P(EcdsaTest, RefusesTheSignatureThatGivesInfinity) {
  const std::string pub = FromHex(kRfc6979Public);
  for (const std::string &digest : {Small(0), FromHex(kOrder)}) {
    EXPECT_FALSE(GetParam().Verifies(pub, digest, Small(0) + Small(1)));
    EXPECT_FALSE(GetParam().Verifies(pub, digest, FromHex(kOrder) + Small(1)));
  }
}

// The same point is k G and -k G, so the standard accepts both; the header says so.
TEST_P(EcdsaTest, AcceptsTheOtherS) {
  const std::string priv = FromHex(kRfc6979Key), pub = FromHex(kRfc6979Public);
  const std::string digest = Hash(SO_SHA256, "other"), sig = GetParam().Sign(priv, digest);
  EXPECT_TRUE(GetParam().Verifies(pub, digest,
                                  sig.substr(0, 32) + Subtract(FromHex(kOrder), sig.substr(32))));
}

// A digest that is 0 modulo n makes u1 = 0, and G as public key makes equal points meet.
TEST_P(EcdsaTest, SignsDigestsAndKeysAtTheEdges) {
  const std::string edges[] = {Small(0), Small(1), FromHex(kOrder), std::string(32, '\xff'),
                               Subtract(FromHex(kOrder), Small(1))};
  const std::string keys[] = {Small(1), Small(2), Subtract(FromHex(kOrder), Small(1)),
                              Subtract(FromHex(kOrder), Small(2))};
  for (const std::string &digest : edges) {
    for (const std::string &priv : keys) {
      SCOPED_TRACE(ToHex(digest) + " " + ToHex(priv));
      const std::string sig = GetParam().Sign(priv, digest);
      EXPECT_TRUE(GetParam().Verifies(Public(priv), digest, sig));
      EXPECT_FALSE(GetParam().Verifies(Public(priv), Hash(SO_SHA256, "no"), sig));
    }
  }
}

TEST_P(EcdsaTest, RefusesKeysThatAreNotValid) {
  const so_cpu cpu = so_cpu_portable();
  const std::string digest = Hash(SO_SHA256, "keys");
  for (const std::string &priv : {Small(0), FromHex(kOrder), std::string(32, '\xff')}) {
    std::string out(64, '\x55');
    SO_EXPECT_CODE(SO_MALFORMED, GetParam().sign(&cpu, Ptr(priv), View(digest), Ptr(&out)));
    EXPECT_EQ(std::string(64, '\0'), out);
  }
  const std::string sig = GetParam().Sign(FromHex(kRfc6979Key), digest);
  std::string pub = FromHex(kRfc6979Public);
  pub[64] = static_cast<char>(pub[64] ^ 1);
  SO_EXPECT_CODE(SO_MALFORMED, GetParam().verify(Ptr(pub), View(digest), Ptr(sig)));
}

TEST_P(EcdsaTest, TakesDigestsOfThreeLengthsAlone) {
  const so_cpu cpu = so_cpu_portable();
  const std::string priv = FromHex(kRfc6979Key), pub = FromHex(kRfc6979Public);
  const std::string zero(64, '\0');
  for (size_t len = 0; len <= 65; len++) {
    const std::string digest(len, 'd');
    std::string out(64, '\x55');
    const bool known = len == 32 || len == 48 || len == 64;
    SO_EXPECT_CODE(known ? SO_OK : SO_UNSUPPORTED,
                   GetParam().sign(&cpu, Ptr(priv), View(digest), Ptr(&out)));
    EXPECT_EQ(!known, out == zero);
    SO_EXPECT_CODE(known ? SO_OK : SO_UNSUPPORTED,
                   GetParam().verify(Ptr(pub), View(digest), Ptr(out)));
  }
}

TEST(EcdsaLimbsTest, BothAgreeAndVerifyEachOther) {
  std::mt19937 random(3);
  const Limbs wide{"", so_ecdsa_p256_sign, so_ecdsa_p256_verify};
  const Limbs narrow{"", so_ecdsa_p256_sign_narrow, so_ecdsa_p256_verify_narrow};
  for (int i = 0; i < 50; i++) {
    std::string priv(32, '\1'), digest(32, '\0');
    for (size_t at = 1; at < 32; at++) priv[at] = static_cast<char>(random());
    for (char &c : digest) c = static_cast<char>(random());
    const std::string sig = wide.Sign(priv, digest), pub = Public(priv);
    ASSERT_EQ(ToHex(sig), ToHex(narrow.Sign(priv, digest)));
    EXPECT_TRUE(wide.Verifies(pub, digest, sig));
    EXPECT_TRUE(narrow.Verifies(pub, digest, sig));
  }
}

}  // namespace
