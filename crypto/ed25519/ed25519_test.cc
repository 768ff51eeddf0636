#include "crypto/ed25519/ed25519.h"

#include <random>
#include <string>
#include <vector>

#include "tests/support/support.h"
#include "tests/support/vectors.h"

extern "C" void so_ed25519_public_narrow(const uint8_t seed[32], uint8_t out[32]);
extern "C" void so_ed25519_sign_narrow(const uint8_t seed[32], const uint8_t public_key[32],
                                       so_bytes message, uint8_t out[64]);
extern "C" so_status so_ed25519_verify_narrow(const uint8_t public_key[32], so_bytes message,
                                              const uint8_t sig[64]);

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;
using so_test::View;

struct Limbs {
  const char *name;
  void (*derive)(const uint8_t *, uint8_t *);
  void (*sign)(const uint8_t *, const uint8_t *, so_bytes, uint8_t *);
  so_status (*verify)(const uint8_t *, so_bytes, const uint8_t *);

  std::string Public(const std::string &seed) const {
    std::string out(32, '\x55');
    derive(Ptr(seed), Ptr(&out));
    return out;
  }
  std::string Sign(const std::string &seed, const std::string &message) const {
    std::string out(64, '\x55');
    const std::string key = Public(seed);
    sign(Ptr(seed), Ptr(key), View(message), Ptr(&out));
    return out;
  }
  bool Verifies(const std::string &key, const std::string &message, const std::string &sig) const {
    const so_test::Guarded guarded_key(key), guarded_message(message), guarded_sig(sig);
    const so_status status =
        verify(guarded_key.view().ptr, guarded_message.view(), guarded_sig.view().ptr);
    EXPECT_TRUE(so_ok(status) || so_is(status, SO_DENIED));
    return so_ok(status);
  }
};

class Ed25519Test : public testing::TestWithParam<Limbs> {};

INSTANTIATE_TEST_SUITE_P(
    Limbs, Ed25519Test,
    testing::Values(Limbs{"Wide", so_ed25519_public, so_ed25519_sign, so_ed25519_verify},
                    Limbs{"Narrow", so_ed25519_public_narrow, so_ed25519_sign_narrow,
                          so_ed25519_verify_narrow}),
    [](const testing::TestParamInfo<Limbs> &info) { return info.param.name; });

struct Rfc8032 {
  const char *seed, *key, *message, *sig;
};

// RFC 8032 7.1: tests 1, 2, 3 and SHA(abc).
const Rfc8032 kRfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
     "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"},
};

TEST_P(Ed25519Test, DerivesSignsAndVerifiesAsInRfc8032) {
  for (const Rfc8032 &v : kRfc8032) {
    SCOPED_TRACE(v.seed);
    const std::string seed = FromHex(v.seed), message = FromHex(v.message);
    EXPECT_EQ(v.key, ToHex(GetParam().Public(seed)));
    EXPECT_EQ(v.sig, ToHex(GetParam().Sign(seed, message)));
    EXPECT_TRUE(GetParam().Verifies(FromHex(v.key), message, FromHex(v.sig)));
  }
}

TEST_P(Ed25519Test, AgreesWithWycheproof) {
  size_t valid_count = 0, invalid_count = 0;
  for (const auto &v : so_test::ReadVectors("crypto/testdata/wycheproof_ed25519.txt")) {
    SCOPED_TRACE(v.where());
    const std::string sig = v.Hex("sig");
    const bool valid = v.Text("result") == "valid";
    if (sig.size() != 64) {
      EXPECT_FALSE(valid);  // The type of `sig` refuses it.
      continue;
    }
    (valid ? valid_count : invalid_count)++;
    EXPECT_EQ(valid, GetParam().Verifies(v.Hex("public"), v.Hex("msg"), sig));
  }
  EXPECT_LT(60u, valid_count);
  EXPECT_LT(40u, invalid_count);
}

TEST_P(Ed25519Test, RefusesEveryFlippedBit) {
  const std::string seed = FromHex(kRfc8032[1].seed), message = "what was signed";
  const std::string key = GetParam().Public(seed), sig = GetParam().Sign(seed, message);
  ASSERT_TRUE(GetParam().Verifies(key, message, sig));
  const auto flip = [](std::string s, size_t bit) {
    s[bit / 8] = static_cast<char>(s[bit / 8] ^ 1 << bit % 8);
    return s;
  };
  for (size_t bit = 0; bit < 512; bit++) {
    ASSERT_FALSE(GetParam().Verifies(key, message, flip(sig, bit))) << bit;
  }
  for (size_t bit = 0; bit < 256; bit++) {
    ASSERT_FALSE(GetParam().Verifies(flip(key, bit), message, sig)) << bit;
  }
  for (size_t bit = 0; bit < 8 * message.size(); bit++) {
    ASSERT_FALSE(GetParam().Verifies(key, flip(message, bit), sig)) << bit;
  }
  EXPECT_FALSE(GetParam().Verifies(key, message + '\0', sig));
}

// s + L names the same number modulo L, so only the check of the range refuses it.
TEST_P(Ed25519Test, RefusesASignatureWithTheOrderAdded) {
  const std::string order =
      FromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  const std::string key = FromHex(kRfc8032[0].key);
  std::string sig = FromHex(kRfc8032[0].sig);
  unsigned carry = 0;
  for (size_t i = 0; i < 32; i++) {
    carry += static_cast<uint8_t>(sig[32 + i]) + static_cast<uint8_t>(order[i]);
    sig[32 + i] = static_cast<char>(carry);
    carry >>= 8;
  }
  ASSERT_EQ(0u, carry);
  EXPECT_FALSE(GetParam().Verifies(key, "", sig));
}

// All encodings of points of order 1, 2, 4 and 8, the canonical ones first, then those with y at p
// or above, or with the sign of an x that is zero. With s = 0 and R the neutral element, a
// verifier that does not refuse such keys accepts any message under the neutral one.
TEST_P(Ed25519Test, RefusesKeysOfSmallOrderAndNonCanonicalOnes) {
  const char *const keys[] = {
      "0100000000000000000000000000000000000000000000000000000000000000",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0000000000000000000000000000000000000000000000000000000000000080",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
      "0100000000000000000000000000000000000000000000000000000000000080",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  };
  const std::string neutral = "\x01" + std::string(31, '\0');
  for (const char *key : keys) {
    for (const char *message : {"", "a", "b", "c", "d", "e", "f", "g"}) {
      EXPECT_FALSE(GetParam().Verifies(FromHex(key), message, neutral + std::string(32, '\0')))
          << key;
    }
  }
}

TEST_P(Ed25519Test, SignaturesOfOneKeyDependOnTheMessageAlone) {
  const std::string seed = FromHex(kRfc8032[2].seed);
  EXPECT_EQ(ToHex(GetParam().Sign(seed, "m")), ToHex(GetParam().Sign(seed, "m")));
  EXPECT_NE(ToHex(GetParam().Sign(seed, "m")).substr(0, 64),
            ToHex(GetParam().Sign(seed, "n")).substr(0, 64));
}

TEST(Ed25519LimbsTest, BothAgreeAndVerifyEachOther) {
  std::mt19937 random(8032);
  for (size_t i = 0; i < 100; i++) {
    std::string seed(32, '\0'), message(i, '\0'), key(32, '\0'), narrow_key(32, '\1');
    std::string sig(64, '\0'), narrow_sig(64, '\1');
    for (char &c : seed) c = static_cast<char>(random());
    for (char &c : message) c = static_cast<char>(random());
    so_ed25519_public(Ptr(seed), Ptr(&key));
    so_ed25519_public_narrow(Ptr(seed), Ptr(&narrow_key));
    ASSERT_EQ(ToHex(key), ToHex(narrow_key));
    so_ed25519_sign(Ptr(seed), Ptr(key), View(message), Ptr(&sig));
    so_ed25519_sign_narrow(Ptr(seed), Ptr(key), View(message), Ptr(&narrow_sig));
    ASSERT_EQ(ToHex(sig), ToHex(narrow_sig));
    SO_ASSERT_OK(so_ed25519_verify(Ptr(key), View(message), Ptr(sig)));
    SO_ASSERT_OK(so_ed25519_verify_narrow(Ptr(key), View(message), Ptr(sig)));
  }
}

}  // namespace
