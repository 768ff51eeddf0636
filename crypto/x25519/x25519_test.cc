#include "crypto/x25519/x25519.h"

#include <random>
#include <string>

#include "tests/support/support.h"
#include "tests/support/vectors.h"

extern "C" so_status so_x25519_narrow(const uint8_t scalar[32], const uint8_t point[32],
                                      uint8_t out[32]);
extern "C" void so_x25519_public_narrow(const uint8_t scalar[32], uint8_t out[32]);

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

struct Limbs {
  const char *name;
  so_status (*multiply)(const uint8_t *, const uint8_t *, uint8_t *);
  void (*derive)(const uint8_t *, uint8_t *);

  std::string Multiply(const std::string &scalar, const std::string &point) const {
    std::string out(32, '\x55');
    SO_EXPECT_OK(multiply(Ptr(scalar), Ptr(point), Ptr(&out)));
    return out;
  }
  std::string Public(const std::string &scalar) const {
    std::string out(32, '\x55');
    derive(Ptr(scalar), Ptr(&out));
    return out;
  }
};

std::string Base() { return "\x09" + std::string(31, '\0'); }

class X25519Test : public testing::TestWithParam<Limbs> {};

INSTANTIATE_TEST_SUITE_P(
    Limbs, X25519Test,
    testing::Values(Limbs{"Wide", so_x25519, so_x25519_public},
                    Limbs{"Narrow", so_x25519_narrow, so_x25519_public_narrow}),
    [](const testing::TestParamInfo<Limbs> &info) { return info.param.name; });

TEST_P(X25519Test, MultipliesAsInRfc7748Section52) {
  EXPECT_EQ(
      "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
      ToHex(GetParam().Multiply(
          FromHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
          FromHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))));
  EXPECT_EQ(
      "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
      ToHex(GetParam().Multiply(
          FromHex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
          FromHex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"))));
}

TEST_P(X25519Test, IteratesAsInRfc7748Section52) {
  std::string k = Base(), u = Base();
  for (int i = 1; i <= 1000; i++) {
    const std::string next = GetParam().Multiply(k, u);
    u = k;
    k = next;
    if (i == 1) {
      EXPECT_EQ("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079", ToHex(k));
    }
  }
  EXPECT_EQ("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51", ToHex(k));
}

TEST_P(X25519Test, AgreesAsInRfc7748Section61) {
  const std::string alice =
      FromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const std::string bob =
      FromHex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const std::string alice_public = GetParam().Public(alice), bob_public = GetParam().Public(bob);
  const char *const shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            ToHex(alice_public));
  EXPECT_EQ("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            ToHex(bob_public));
  EXPECT_EQ(shared, ToHex(GetParam().Multiply(alice, bob_public)));
  EXPECT_EQ(shared, ToHex(GetParam().Multiply(bob, alice_public)));
}

TEST_P(X25519Test, AgreesWithWycheproof) {
  size_t zero_count = 0;
  for (const auto &v : so_test::ReadVectors("crypto/testdata/wycheproof_x25519.txt")) {
    SCOPED_TRACE(v.where());
    const std::string scalar = v.Hex("private"), point = v.Hex("public");
    ASSERT_EQ(32u, scalar.size());
    ASSERT_EQ(32u, point.size());
    std::string out(32, '\x55');
    const so_status status = GetParam().multiply(Ptr(scalar), Ptr(point), Ptr(&out));
    const bool zero = v.Text("result") == "zero";
    zero_count += zero ? 1 : 0;
    SO_EXPECT_CODE(zero ? SO_DENIED : SO_OK, status);
    EXPECT_EQ(v.Text("shared"), ToHex(out));
  }
  EXPECT_EQ(31u, zero_count);
}

// Every byte of a scalar and every digit of the base table takes part.
TEST_P(X25519Test, DerivesPublicKeysAsTheLadderDoes) {
  std::mt19937 random(7748);
  for (int i = 0; i < 200; i++) {
    std::string scalar(32, i == 0 ? '\0' : '\xff');
    if (i > 1) {
      for (char &c : scalar) c = static_cast<char>(random());
    }
    ASSERT_EQ(ToHex(GetParam().Multiply(scalar, Base())), ToHex(GetParam().Public(scalar)));
  }
}

TEST_P(X25519Test, IgnoresTheBitsThatClampingSetsAndBit255OfThePoint) {
  const std::string scalar =
      FromHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
  std::string point = FromHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  const std::string want = GetParam().Multiply(scalar, point);
  const std::string want_public = GetParam().Public(scalar);
  std::string same = scalar;
  same[0] = static_cast<char>(same[0] ^ 7);
  same[31] = static_cast<char>(same[31] ^ 0xc0);
  EXPECT_EQ(ToHex(want_public), ToHex(GetParam().Public(same)));
  same[31] = static_cast<char>(same[31] ^ 0x80);
  point[31] = static_cast<char>(point[31] ^ 0x80);
  EXPECT_EQ(ToHex(want), ToHex(GetParam().Multiply(same, point)));
  for (int bit = 3; bit < 254; bit++) {
    std::string other = scalar;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    ASSERT_NE(ToHex(want_public), ToHex(GetParam().Public(other))) << bit;
  }
}

TEST_P(X25519Test, OutputMayBeAnInput) {
  std::string key = FromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const std::string want_public = GetParam().Public(key);
  const std::string want = GetParam().Multiply(key, want_public);
  std::string scalar = key, point = want_public;
  SO_EXPECT_OK(GetParam().multiply(Ptr(scalar), Ptr(point), Ptr(&scalar)));
  EXPECT_EQ(ToHex(want), ToHex(scalar));
  SO_EXPECT_OK(GetParam().multiply(Ptr(key), Ptr(point), Ptr(&point)));
  EXPECT_EQ(ToHex(want), ToHex(point));
  GetParam().derive(Ptr(key), Ptr(&key));
  EXPECT_EQ(ToHex(want_public), ToHex(key));
}

TEST(X25519LimbsTest, BothAgreeOnRandomKeys) {
  std::mt19937 random(2);
  for (int i = 0; i < 200; i++) {
    std::string scalar(32, '\0'), point(32, '\0'), wide(32, '\0'), narrow(32, '\1');
    for (char &c : scalar) c = static_cast<char>(random());
    for (char &c : point) c = static_cast<char>(random());
    SO_ASSERT_OK(so_x25519(Ptr(scalar), Ptr(point), Ptr(&wide)));
    SO_ASSERT_OK(so_x25519_narrow(Ptr(scalar), Ptr(point), Ptr(&narrow)));
    ASSERT_EQ(ToHex(wide), ToHex(narrow)) << ToHex(scalar) << " " << ToHex(point);
  }
}

}  // namespace
