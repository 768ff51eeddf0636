#include "crypto/hkdf/hkdf.h"

#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::ToHex;
using so_test::View;

struct Rfc5869 {
  std::string ikm, salt, info, prk, okm;
};

std::string Range(int first, int last) {
  std::string s;
  for (int i = first; i <= last; i++) s.push_back(static_cast<char>(i));
  return s;
}

// RFC 5869 A.1 to A.3.
const Rfc5869 kRfc5869[] = {
    {std::string(22, '\x0b'), Range(0x00, 0x0c), Range(0xf0, 0xf9),
     "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
     "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
    {Range(0x00, 0x4f), Range(0x60, 0xaf), Range(0xb0, 0xff),
     "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
     "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
     "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
     "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
    {std::string(22, '\x0b'), "", "",
     "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
     "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
};

TEST(HkdfTest, Rfc5869OnEveryImplementation) {
  for (const auto &v : so_test::CpuVariants()) {
    for (const Rfc5869 &k : kRfc5869) {
      std::string prk(32, 0), okm(k.okm.size() / 2, 0);
      so_hkdf_extract(SO_SHA256, &v.cpu, View(k.salt), View(k.ikm), so_test::Ptr(&prk));
      EXPECT_EQ(k.prk, ToHex(prk)) << v.name;
      SO_ASSERT_OK(so_hkdf_expand(SO_SHA256, &v.cpu, View(prk), View(k.info), so_test::Ptr(&okm),
                                  okm.size()));
      EXPECT_EQ(k.okm, ToHex(okm)) << v.name;
    }
  }
}

TEST(HkdfTest, WycheproofVectorsComeOutAndTooLargeSizesAreRefused) {
  const so_cpu cpu = so_cpu_detect();
  size_t valid = 0, invalid = 0;
  for (const auto &t : so_test::ReadVectors("crypto/testdata/hkdf.txt")) {
    SCOPED_TRACE(t.where());
    const std::string hash = t.Text("hash");
    const so_hash_alg alg =
        hash == "sha256" ? SO_SHA256 : hash == "sha384" ? SO_SHA384 : SO_SHA512;
    std::string prk(so_hash_len(alg), 0), okm(t.Number("size"), 0);
    const std::string salt = t.Hex("salt"), ikm = t.Hex("ikm"), info = t.Hex("info");
    so_hkdf_extract(alg, &cpu, View(salt), View(ikm), so_test::Ptr(&prk));
    const so_status s =
        so_hkdf_expand(alg, &cpu, View(prk), View(info), so_test::Ptr(&okm), okm.size());
    if (t.Text("result") == "valid") {
      valid++;
      EXPECT_TRUE(so_ok(s));
      EXPECT_EQ(t.Text("okm"), ToHex(okm));
    } else {
      invalid++;
      EXPECT_TRUE(so_is(s, SO_LIMIT));
      EXPECT_EQ(std::string(okm.size(), 0), okm) << "a refused call wrote";
    }
  }
  EXPECT_GT(valid, 200u);
  EXPECT_GE(invalid, 9u);
}

TEST(HkdfTest, TheLimitIsExactly255Hashes) {
  const so_cpu cpu = so_cpu_detect();
  for (so_hash_alg alg : {SO_SHA256, SO_SHA384, SO_SHA512}) {
    const size_t limit = 255 * so_hash_len(alg);
    std::string out(limit + 1, 0);
    SO_EXPECT_OK(so_hkdf_expand(alg, &cpu, so_str("k"), so_str(""), so_test::Ptr(&out), limit));
    SO_EXPECT_CODE(SO_LIMIT, so_hkdf_expand(alg, &cpu, so_str("k"), so_str(""),
                                            so_test::Ptr(&out), limit + 1));
  }
}

TEST(HkdfTest, AShorterOutputIsTheBeginningOfALongerOne) {
  const so_cpu cpu = so_cpu_detect();
  std::string whole(200, 0);
  const so_bytes key = so_str("k"), info = so_str("i");
  SO_ASSERT_OK(so_hkdf_expand(SO_SHA256, &cpu, key, info, so_test::Ptr(&whole), 200));
  for (size_t len = 0; len < 200; len++) {
    std::string part(len + 1, '!');
    SO_ASSERT_OK(so_hkdf_expand(SO_SHA256, &cpu, key, info, so_test::Ptr(&part), len));
    EXPECT_EQ(whole.substr(0, len) + "!", part);
  }
}

}  // namespace
