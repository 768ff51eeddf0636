#include "crypto/aead/aead.h"

#include <random>

#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::CpuVariants;
using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;
using so_test::View;

so_aead Key(so_aead_alg alg, const so_cpu &cpu, const std::string &key) {
  so_aead aead;
  EXPECT_EQ(so_aead_key_len(alg), key.size());
  so_aead_init(&aead, alg, &cpu, Ptr(key));
  return aead;
}

std::string Seal(const so_aead &aead, const std::string &nonce, const std::string &aad,
                 std::string text) {
  std::string tag(16, 0);
  so_aead_seal(&aead, Ptr(nonce), View(aad), Ptr(&text), text.size(), Ptr(&tag));
  return text + tag;
}

// RFC 8439 2.8.2.
TEST(AeadTest, TheExampleOfRfc8439) {
  const std::string text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
      "future, sunscreen would be it.";
  for (const auto &v : CpuVariants()) {
    const so_aead aead =
        Key(SO_CHACHA20_POLY1305, v.cpu,
            FromHex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
    EXPECT_EQ(
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
        "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
        "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
        "3ff4def08e4b7a9de576d26586cec64b6116"
        "1ae10b594f09e26a7e902ecbd0600691",
        ToHex(Seal(aead, FromHex("070000004041424344454647"),
                   FromHex("50515253c0c1c2c3c4c5c6c7"), text)))
        << v.name;
  }
}

// Runs a Wycheproof file: valid records must seal and open, the others must be denied and wiped.
void RunFile(const std::string &path, so_aead_alg (*alg_of)(size_t key_len)) {
  for (const auto &v : CpuVariants()) {
    size_t valid = 0, invalid = 0;
    for (const auto &t : so_test::ReadVectors(path)) {
      SCOPED_TRACE(v.name + " " + t.where());
      const std::string key = t.Hex("key"), nonce = t.Hex("nonce"), aad = t.Hex("aad");
      const std::string tag = t.Hex("tag");
      const so_aead aead = Key(alg_of(key.size()), v.cpu, key);
      std::string body = t.Hex("ct");
      const so_status s = so_aead_open(&aead, Ptr(nonce), View(aad), Ptr(&body), body.size(),
                                       Ptr(tag));
      if (t.Text("result") == "valid") {
        valid++;
        EXPECT_TRUE(so_ok(s));
        EXPECT_EQ(t.Text("msg"), ToHex(body));
        EXPECT_EQ(t.Text("ct") + t.Text("tag"), ToHex(Seal(aead, nonce, aad, t.Hex("msg"))));
      } else {
        invalid++;
        EXPECT_TRUE(so_is(s, SO_DENIED));
        EXPECT_EQ(std::string(body.size(), 0), body);
      }
    }
    EXPECT_GT(valid, 50u);
    EXPECT_GT(invalid, 20u);
  }
}

TEST(AeadTest, WycheproofAesGcm) {
  RunFile("crypto/testdata/aes_gcm.txt",
          [](size_t key_len) { return key_len == 16 ? SO_AES_128_GCM : SO_AES_256_GCM; });
}

TEST(AeadTest, WycheproofChacha20Poly1305) {
  RunFile("crypto/testdata/chacha20_poly1305.txt", [](size_t) { return SO_CHACHA20_POLY1305; });
}

const so_aead_alg kAll[] = {SO_AES_128_GCM, SO_AES_256_GCM, SO_CHACHA20_POLY1305};

TEST(AeadTest, ImplementationsAgreeOnLongTexts) {
  std::mt19937 random(7);
  const auto variants = CpuVariants();
  for (size_t len : {255, 256, 1000, 8191, 8192, 8193, 16384, 16385, 20000}) {
    std::string key(32, 0), text(len, 0);
    for (std::string *s : {&key, &text}) {
      for (char &c : *s) c = static_cast<char>(random());
    }
    for (so_aead_alg alg : kAll) {
      const std::string k = key.substr(0, so_aead_key_len(alg));
      const std::string want = Seal(Key(alg, variants[0].cpu, k), std::string(12, 'n'), "", text);
      for (const auto &v : variants) {
        const so_aead aead = Key(alg, v.cpu, k);
        ASSERT_TRUE(want == Seal(aead, std::string(12, 'n'), "", text)) << v.name << " " << len;
        std::string body = want.substr(0, len);
        SO_EXPECT_OK(so_aead_open(&aead, Ptr(std::string(12, 'n')), View(""), Ptr(&body), len,
                                  Ptr(want) + len));
        ASSERT_TRUE(text == body) << v.name << " " << len;
      }
    }
  }
}

TEST(AeadTest, AnyFlippedBitIsDeniedAndNothingIsLeft) {
  const std::string nonce(12, 'n'), aad(9, 'a'), text(70, 't');
  const so_cpu cpu = so_cpu_detect();
  for (so_aead_alg alg : kAll) {
    const so_aead aead = Key(alg, cpu, std::string(so_aead_key_len(alg), 'k'));
    const std::string sealed = Seal(aead, nonce, aad, text);
    for (size_t bit = 0; bit < 8 * (sealed.size() + aad.size() + nonce.size()); bit++) {
      std::string all = sealed + aad + nonce;
      all[bit / 8] = static_cast<char>(all[bit / 8] ^ 1 << bit % 8);
      std::string body = all.substr(0, 70);
      const std::string bad_aad = all.substr(86, 9);
      SO_EXPECT_CODE(SO_DENIED, so_aead_open(&aead, Ptr(all) + 95, View(bad_aad), Ptr(&body), 70,
                                             Ptr(all) + 70));
      ASSERT_EQ(std::string(70, 0), body) << alg << " " << bit;
    }
  }
}

TEST(AeadTest, TheExpandedKeyIsSmallAndHoldsNoPointer) {
  EXPECT_LE(sizeof(so_aead), 600u);
  const so_cpu cpu = so_cpu_detect();
  for (so_aead_alg alg : kAll) {
    const so_aead aead = Key(alg, cpu, std::string(so_aead_key_len(alg), 'k'));
    const std::string want = Seal(aead, std::string(12, 'n'), "", "text");
    so_aead moved;
    memcpy(&moved, &aead, sizeof moved);
    EXPECT_EQ(want, Seal(moved, std::string(12, 'n'), "", "text"));
    so_aead zero;
    memset(&zero, 0, sizeof zero);
    so_aead_wipe(&moved);
    EXPECT_EQ(0, memcmp(&zero, &moved, sizeof zero));
  }
}

}  // namespace
