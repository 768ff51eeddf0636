#include "crypto/p256/p256.h"

#include <random>
#include <string>

#include "tests/support/support.h"
#include "tests/support/vectors.h"

extern "C" bool so_p256_private_valid_narrow(const uint8_t priv[32]);
extern "C" so_status so_p256_public_valid_narrow(const uint8_t pub[65]);
extern "C" so_status so_p256_public_narrow(const uint8_t priv[32], uint8_t out[65]);
extern "C" so_status so_p256_ecdh_narrow(const uint8_t priv[32], const uint8_t peer[65],
                                         uint8_t out[32]);

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

const char kPrime[] = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
const char kOrder[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const char kOrderLess1[] = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
const char kBase[] =
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

struct Limbs {
  const char *name;
  bool (*private_valid)(const uint8_t *);
  so_status (*public_valid)(const uint8_t *);
  so_status (*derive)(const uint8_t *, uint8_t *);
  so_status (*agree)(const uint8_t *, const uint8_t *, uint8_t *);

  bool PublicValid(const std::string &key) const {
    EXPECT_EQ(65u, key.size());
    const so_test::Guarded guarded(key);
    const so_status status = public_valid(guarded.view().ptr);
    EXPECT_TRUE(so_ok(status) || so_is(status, SO_MALFORMED));
    return so_ok(status);
  }
  std::string Public(const std::string &priv) const {
    std::string out(65, '\x55');
    SO_EXPECT_OK(derive(Ptr(priv), Ptr(&out)));
    return out;
  }
  std::string Agree(const std::string &priv, const std::string &peer) const {
    std::string out(32, '\x55');
    SO_EXPECT_OK(agree(Ptr(priv), Ptr(peer), Ptr(&out)));
    return out;
  }
  // Expects both functions that take a peer's key to refuse it.
  void Refuses(const std::string &peer) const {
    EXPECT_FALSE(PublicValid(peer));
    std::string out(32, '\x55');
    const std::string priv = std::string(31, '\0') + "\x05";
    SO_EXPECT_CODE(SO_MALFORMED, agree(Ptr(priv), Ptr(peer), Ptr(&out)));
    EXPECT_EQ(std::string(32, '\0'), out);
  }
};

std::string Small(unsigned v) {
  std::string s(32, '\0');
  s[30] = static_cast<char>(v >> 8);
  s[31] = static_cast<char>(v);
  return s;
}

// a + b, or the bytes that it has modulo 2^256.
std::string Add(const std::string &a, const std::string &b) {
  std::string sum(32, '\0');
  unsigned carry = 0;
  for (size_t i = 32; i-- > 0;) {
    carry += static_cast<uint8_t>(a[i]) + static_cast<uint8_t>(b[i]);
    sum[i] = static_cast<char>(carry);
    carry >>= 8;
  }
  return sum;
}

class P256Test : public testing::TestWithParam<Limbs> {};

INSTANTIATE_TEST_SUITE_P(
    Limbs, P256Test,
    testing::Values(Limbs{"Wide", so_p256_private_valid, so_p256_public_valid, so_p256_public,
                          so_p256_ecdh},
                    Limbs{"Narrow", so_p256_private_valid_narrow, so_p256_public_valid_narrow,
                          so_p256_public_narrow, so_p256_ecdh_narrow}),
    [](const testing::TestParamInfo<Limbs> &info) { return info.param.name; });

struct Cavp {
  const char *priv, *own, *peer, *shared;
};

// NIST CAVP, component testing, ECC CDH primitive (SP 800-56A 5.7.1.2), CAVS 14.1, curve P-256,
// counts 0 to 2 of KAS_ECC_CDH_PrimitiveTest.txt.
const Cavp kCavp[] = {
    {"7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534",
     "ead218590119e8876b29146ff89ca61770c4edbbf97d38ce385ed281d8a6b230"
     "28af61281fd35e2fa7002523acc85a429cb06ee6648325389f59edfce1405141",
     "700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287"
     "db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac",
     "46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b"},
    {"38f65d6dce47676044d58ce5139582d568f64bb16098d179dbab07741dd5caf5",
     "119f2f047902782ab0c9e27a54aff5eb9b964829ca99c06b02ddba95b0a3f6d0"
     "8f52b726664cac366fc98ac7a012b2682cbd962e5acb544671d41b9445704d1d",
     "809f04289c64348c01515eb03d5ce7ac1a8cb9498f5caa50197e58d43a86a7ae"
     "b29d84e811197f25eba8f5194092cb6ff440e26d4421011372461f579271cda3",
     "057d636096cb80b67a8c038c890e887d1adfa4195e9b3ce241c8a778c59cda67"},
    {"1accfaf1b97712b85a6f54b148985a1bdc4c9bec0bd258cad4b3d603f49f32c8",
     "d9f2b79c172845bfdb560bbb01447ca5ecc0470a09513b6126902c6b4f8d1051"
     "f815ef5ec32128d3487834764678702e64e164ff7315185e23aff5facd96d7bc",
     "a2339c12d4a03c33546de533268b4ad667debf458b464d77443636440ee7fec3"
     "ef48a3ab26e20220bcda2c1851076839dae88eae962869a497bf73cb66faf536",
     "2d457b78b4614132477618a5b077965ec90730a8c81a1c75d6d4ec68005d67ec"},
};

TEST_P(P256Test, DerivesAndAgreesAsInCavp) {
  for (const Cavp &v : kCavp) {
    SCOPED_TRACE(v.priv);
    EXPECT_EQ(std::string("04") + v.own, ToHex(GetParam().Public(FromHex(v.priv))));
    EXPECT_EQ(v.shared, ToHex(GetParam().Agree(FromHex(v.priv), "\x04" + FromHex(v.peer))));
  }
}

TEST_P(P256Test, AgreesWithWycheproof) {
  size_t invalid_count = 0;
  for (const auto &v : so_test::ReadVectors("crypto/testdata/wycheproof_ecdh_p256.txt")) {
    SCOPED_TRACE(v.where());
    const std::string peer = v.Hex("public"), priv = v.Hex("private");
    ASSERT_EQ(65u, peer.size());
    ASSERT_EQ(32u, priv.size());
    if (v.Text("result") == "valid") {
      EXPECT_TRUE(GetParam().PublicValid(peer));
      EXPECT_EQ(v.Text("shared"), ToHex(GetParam().Agree(priv, peer)));
    } else {
      invalid_count++;
      GetParam().Refuses(peer);
    }
  }
  EXPECT_LT(20u, invalid_count);
}

// The base point's table against the general multiplication, on keys that reach every window with
// every digit, with carries through all windows, and at both ends of the range.
TEST_P(P256Test, DerivesPublicKeysAsTheGeneralMultiplicationDoes) {
  std::vector<std::string> keys = {FromHex(kOrderLess1), Add(FromHex(kOrderLess1), FromHex(
      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"))};
  for (unsigned v = 1; v < 70; v++) keys.push_back(Small(v));
  for (unsigned byte : {0x21u, 0x42u, 0x84u, 0x55u, 0xaau, 0x7fu, 0xf7u}) {
    keys.push_back(std::string(32, static_cast<char>(byte)));
  }
  std::mt19937 random(256);
  for (int i = 0; i < 100; i++) {
    std::string key(32, '\0');
    for (char &c : key) c = static_cast<char>(random());
    keys.push_back(key);
  }
  for (const std::string &key : keys) {
    if (!GetParam().private_valid(Ptr(key))) continue;
    const std::string pub = GetParam().Public(key);
    EXPECT_TRUE(GetParam().PublicValid(pub));
    ASSERT_EQ(ToHex(pub.substr(1, 32)), ToHex(GetParam().Agree(key, FromHex(kBase)))) << ToHex(key);
  }
}

TEST_P(P256Test, BothSidesAgree) {
  std::mt19937 random(1);
  for (int i = 0; i < 20; i++) {
    std::string a(32, '\1'), b(32, '\1');
    for (size_t at = 1; at < 32; at++) {
      a[at] = static_cast<char>(random());
      b[at] = static_cast<char>(random());
    }
    EXPECT_EQ(ToHex(GetParam().Agree(a, GetParam().Public(b))),
              ToHex(GetParam().Agree(b, GetParam().Public(a))));
  }
}

TEST_P(P256Test, PrivateKeysAreFrom1ToOneLessThanTheOrder) {
  const struct {
    std::string key;
    bool valid;
  } cases[] = {
      {Small(0), false},           {Small(1), true},
      {FromHex(kOrderLess1), true}, {FromHex(kOrder), false},
      {Add(FromHex(kOrder), Small(1)), false}, {std::string(32, '\xff'), false},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(ToHex(c.key));
    EXPECT_EQ(c.valid, GetParam().private_valid(Ptr(c.key)));
    std::string pub(65, '\x55'), shared(32, '\x55');
    const std::string base = FromHex(kBase);
    const so_code want = c.valid ? SO_OK : SO_MALFORMED;
    SO_EXPECT_CODE(want, GetParam().derive(Ptr(c.key), Ptr(&pub)));
    SO_EXPECT_CODE(want, GetParam().agree(Ptr(c.key), Ptr(base), Ptr(&shared)));
    if (!c.valid) {
      EXPECT_EQ(std::string(65, '\0'), pub);
      EXPECT_EQ(std::string(32, '\0'), shared);
    }
  }
}

TEST_P(P256Test, RefusesPointsOffTheCurve) {
  const std::string base = FromHex(kBase);
  for (size_t bit = 8; bit < 8 * 65; bit++) {
    std::string other = base;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ 1 << bit % 8);
    GetParam().Refuses(other);
  }
  GetParam().Refuses("\x04" + std::string(64, '\0'));
  GetParam().Refuses("\x04" + Small(1) + Small(1));
}

TEST_P(P256Test, RefusesEveryFormButTheUncompressed) {
  std::string key = FromHex(kBase);
  for (int tag = 0; tag < 256; tag++) {
    key[0] = static_cast<char>(tag);
    if (tag == 4) {
      EXPECT_TRUE(GetParam().PublicValid(key));
    } else {
      GetParam().Refuses(key);
    }
  }
}

// The points with x = 5, x = 0 and y = 5 have a coordinate that still has 32 bytes with p added.
TEST_P(P256Test, RefusesCoordinatesOfThePrimeOrMore) {
  const std::string prime = FromHex(kPrime);
  const std::string x = Small(5);
  const std::string y = FromHex("459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc");
  ASSERT_TRUE(GetParam().PublicValid("\x04" + x + y));
  GetParam().Refuses("\x04" + Add(x, prime) + y);
  // sqrt(b), at x = 0.
  const std::string root =
      FromHex("66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
  ASSERT_TRUE(GetParam().PublicValid("\x04" + Small(0) + root));
  GetParam().Refuses("\x04" + prime + root);
  GetParam().Refuses("\x04" + std::string(32, '\xff') + root);
  GetParam().Refuses("\x04" + Small(0) + std::string(32, '\xff'));
  GetParam().Refuses("\x04" + Small(0) + prime);
  const std::string x_of_5 =
      FromHex("d7325d7646cd60d80a92738ceb345f844cffaf35841022cab176f692de8de1d7");
  ASSERT_TRUE(GetParam().PublicValid("\x04" + x_of_5 + Small(5)));
  GetParam().Refuses("\x04" + x_of_5 + Add(Small(5), prime));
}

TEST(P256LimbsTest, BothAgreeOnRandomKeys) {
  std::mt19937 random(2);
  for (int i = 0; i < 100; i++) {
    std::string a(32, '\1'), b(32, '\1'), peer(65, '\0'), narrow_peer(65, '\1');
    std::string wide(32, '\0'), narrow(32, '\1');
    for (size_t at = 1; at < 32; at++) {
      a[at] = static_cast<char>(random());
      b[at] = static_cast<char>(random());
    }
    SO_ASSERT_OK(so_p256_public(Ptr(b), Ptr(&peer)));
    SO_ASSERT_OK(so_p256_public_narrow(Ptr(b), Ptr(&narrow_peer)));
    ASSERT_EQ(ToHex(peer), ToHex(narrow_peer));
    SO_ASSERT_OK(so_p256_ecdh(Ptr(a), Ptr(peer), Ptr(&wide)));
    SO_ASSERT_OK(so_p256_ecdh_narrow(Ptr(a), Ptr(peer), Ptr(&narrow)));
    ASSERT_EQ(ToHex(wide), ToHex(narrow));
  }
}

}  // namespace
