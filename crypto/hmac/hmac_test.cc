#include "crypto/hmac/hmac.h"

#include "crypto/ct/ct.h"
#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::CpuVariants;
using so_test::FromHex;
using so_test::ToHex;
using so_test::View;

std::string Mac(so_hash_alg alg, const so_cpu &cpu, const std::string &key,
                const std::string &data) {
  std::string out(so_hash_len(alg), 0);
  so_hmac_once(alg, &cpu, View(key), View(data), so_test::Ptr(&out));
  return out;
}

// RFC 4231 4.2 to 4.8; test case 5 is cut to 128 bits there.
struct Rfc4231 {
  std::string key, data, sha256, sha384, sha512;
};
const Rfc4231 kRfc4231[] = {
    {std::string(20, '\x0b'),
     "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
     "faea9ea9076ede7f4af152e8b2fa9cb6",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
     "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
    {"Jefe",
     "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
     "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
     "8e2240ca5e69e2c78b3239ecfab21649",
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
     "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    {std::string(20, '\xaa'),
     std::string(50, '\xdd'),
     "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
     "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
     "2a5ab39dc13814b94e3ab6e101a34f27",
     "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
     "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"},
    {FromHex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
     std::string(50, '\xcd'),
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
     "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
     "6801dd23c4a7d679ccf8a386c674cffb",
     "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
     "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"},
    {std::string(20, '\x0c'),
     "Test With Truncation",
     "a3b6167473100ee06e0c796c2955552b",
     "3abf34c3503b2a23a46efc619baef897",
     "415fad6271580a531d4179bc891d87a6"},
    {std::string(131, '\xaa'),
     "Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
     "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
     "0c2ef6ab4030fe8296248df163f44952",
     "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
     "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"},
    {std::string(131, '\xaa'),
     "This is a test using a larger than block-size key and a larger than block-size d"
     "ata. The key needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
     "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
     "a678cc31e799176d3860e6110c46523e",
     "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
     "b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"},
};

TEST(HmacTest, Rfc4231OnEveryImplementation) {
  for (const auto &v : CpuVariants()) {
    for (const Rfc4231 &k : kRfc4231) {
      SCOPED_TRACE(v.name + " " + k.sha256);
      const size_t n = k.sha256.size();
      EXPECT_EQ(k.sha256, ToHex(Mac(SO_SHA256, v.cpu, k.key, k.data)).substr(0, n));
      EXPECT_EQ(k.sha384, ToHex(Mac(SO_SHA384, v.cpu, k.key, k.data)).substr(0, k.sha384.size()));
      EXPECT_EQ(k.sha512, ToHex(Mac(SO_SHA512, v.cpu, k.key, k.data)).substr(0, k.sha512.size()));
    }
  }
}

TEST(HmacTest, WycheproofTagsAreRightOrWrongAsMarked) {
  const so_cpu cpu = so_cpu_detect();
  size_t valid = 0, invalid = 0;
  for (const auto &t : so_test::ReadVectors("crypto/testdata/hmac.txt")) {
    SCOPED_TRACE(t.where());
    const std::string hash = t.Text("hash");
    const so_hash_alg alg =
        hash == "sha256" ? SO_SHA256 : hash == "sha384" ? SO_SHA384 : SO_SHA512;
    const std::string tag = t.Hex("tag");
    const std::string mac = Mac(alg, cpu, t.Hex("key"), t.Hex("msg"));
    ASSERT_LE(tag.size(), mac.size());
    const bool want = t.Text("result") == "valid";
    EXPECT_EQ(want, so_ct_equal(mac.data(), tag.data(), tag.size()));
    ++(want ? valid : invalid);
  }
  EXPECT_GT(valid, 100u);
  EXPECT_GT(invalid, 100u);
}

TEST(HmacTest, ACopyAfterInitServesTheSameKeyAgain) {
  const so_cpu cpu = so_cpu_detect();
  so_hmac keyed, ctx;
  std::string out(48, 0);
  so_hmac_init(&keyed, SO_SHA384, &cpu, so_str("key"));
  for (const char *text : {"one", "two", ""}) {
    ctx = keyed;
    for (const char *p = text; *p != 0; p++) so_hmac_update(&ctx, so_bytes_of(p, 1));
    so_hmac_final(&ctx, so_test::Ptr(&out));
    EXPECT_EQ(ToHex(Mac(SO_SHA384, cpu, "key", text)), ToHex(out));
  }
}

TEST(HmacTest, KeysLongerThanABlockAreHashedAndShorterOnesPadded) {
  const so_cpu cpu = so_cpu_detect();
  for (so_hash_alg alg : {SO_SHA256, SO_SHA384, SO_SHA512}) {
    const size_t block = so_hash_block_len(alg);
    const std::string full(block, 'k'), longer(block + 1, 'k');
    std::string digest(so_hash_len(alg), 0);
    so_hash_once(alg, &cpu, View(longer), so_test::Ptr(&digest));
    EXPECT_EQ(Mac(alg, cpu, digest, "m"), Mac(alg, cpu, longer, "m"));
    EXPECT_EQ(Mac(alg, cpu, full.substr(1), "m"), Mac(alg, cpu, full.substr(1) + '\0', "m"));
    EXPECT_NE(Mac(alg, cpu, full, "m"), Mac(alg, cpu, longer, "m"));
  }
}

}  // namespace
