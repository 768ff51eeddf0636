#include "crypto/gcm/gcm.h"

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

// Seals and gives ciphertext followed by the tag.
std::string Seal(const so_cpu &cpu, const std::string &key, const std::string &nonce,
                 const std::string &aad, std::string text) {
  so_gcm gcm;
  std::string tag(16, 0);
  so_gcm_init(&gcm, &cpu, Ptr(key), key.size());
  so_gcm_seal(&gcm, Ptr(nonce), View(aad), Ptr(&text), text.size(), Ptr(&tag));
  return text + tag;
}

const char kPlain[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const char kPlainShort[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
const char kAad[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const char kKey[] = "feffe9928665731c6d6a8f9467308308";
const char kNonce[] = "cafebabefacedbaddecaf888";
const char kZero16[] = "00000000000000000000000000000000";
const char kZeroNonce[] = "000000000000000000000000";

// D. McGrew and J. Viega, "The Galois/Counter Mode of Operation (GCM)", appendix B: the test cases
// with 96-bit nonces and without 192-bit keys.
const struct {
  int number;
  std::string key, nonce, aad, plain, cipher, tag;
} kSpec[] = {
    {1, kZero16, kZeroNonce, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {2, kZero16, kZeroNonce, "", kZero16, "0388dace60b6a392f328c2b971b2fe78",
     "ab6e47d42cec13bdf53a67b21257bddf"},
    {3, kKey, kNonce, "", kPlain,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {4, kKey, kNonce, kAad, kPlainShort,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
     "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {13, std::string(64, '0'), kZeroNonce, "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {14, std::string(64, '0'), kZeroNonce, "", kZero16, "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {15, std::string(kKey) + kKey, kNonce, "", kPlain,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {16, std::string(kKey) + kKey, kNonce, kAad, kPlainShort,
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(GcmTest, TheSpecificationsCasesOnEveryImplementation) {
  for (const auto &v : CpuVariants()) {
    for (const auto &k : kSpec) {
      EXPECT_EQ(k.cipher + k.tag, ToHex(Seal(v.cpu, FromHex(k.key), FromHex(k.nonce),
                                             FromHex(k.aad), FromHex(k.plain))))
          << v.name << " case " << k.number;
    }
  }
}

TEST(GcmTest, EachKindIsChosenByTheInstructionsItNeeds) {
  so_gcm gcm;
  so_cpu cpu = so_cpu_portable();
  const uint8_t key[16] = {0};
  so_gcm_init(&gcm, &cpu, key, 16);
  EXPECT_EQ(SO_GCM_PORTABLE, gcm.kind);
#if defined(__x86_64__) || defined(__aarch64__)
  cpu = so_cpu_detect();
  if (!cpu.aes || !cpu.pclmul) GTEST_SKIP() << "no AES or carry-less multiplication here";
  so_cpu narrow = cpu;
  narrow.vaes = false;
  so_gcm_init(&gcm, &narrow, key, 16);
  EXPECT_EQ(SO_GCM_V128, gcm.kind);
  narrow.pclmul = false;
  so_gcm_init(&gcm, &narrow, key, 16);
  EXPECT_EQ(SO_GCM_PORTABLE, gcm.kind);
  so_gcm_init(&gcm, &cpu, key, 16);
  EXPECT_EQ(cpu.vaes && cpu.vpclmul && cpu.avx2 ? SO_GCM_V256 : SO_GCM_V128, gcm.kind);
#endif
}

std::string Random(std::mt19937 *random, size_t len) {
  std::string s(len, 0);
  for (char &c : s) c = static_cast<char>((*random)());
  return s;
}

TEST(GcmTest, ImplementationsAgreeAtEveryLengthAroundTheBatches) {
  std::mt19937 random(5);
  const auto variants = CpuVariants();
  for (size_t len = 0; len < 1100; len += len < 600 ? 1 : 13) {
    const std::string key = Random(&random, len % 2 ? 16 : 32), nonce = Random(&random, 12);
    const std::string aad = Random(&random, random() % 600), text = Random(&random, len);
    const std::string want = Seal(variants[0].cpu, key, nonce, aad, text);
    for (const auto &v : variants) {
      ASSERT_EQ(ToHex(want), ToHex(Seal(v.cpu, key, nonce, aad, text))) << v.name << " " << len;
    }
  }
}

TEST(GcmTest, OpenUndoesSealWithoutTouchingWhatIsAround) {
  std::mt19937 random(6);
  for (const auto &v : CpuVariants()) {
    for (size_t len = 0; len < 700; len += 7) {
      const std::string key = Random(&random, 16), nonce = Random(&random, 12);
      const std::string text = Random(&random, len), aad = Random(&random, len % 50);
      const std::string sealed = Seal(v.cpu, key, nonce, aad, text);
      so_test::Guarded body(sealed.substr(0, len)), more(aad);
      so_gcm gcm;
      so_gcm_init(&gcm, &v.cpu, Ptr(key), key.size());
      SO_EXPECT_OK(so_gcm_open(&gcm, Ptr(nonce), more.view(),
                               const_cast<uint8_t *>(body.view().ptr), len, Ptr(sealed) + len));
      ASSERT_EQ(ToHex(text), ToHex(so_test::Text(body.view()))) << v.name << " " << len;
    }
  }
}

TEST(GcmTest, AnyFlippedBitIsDeniedAndNothingIsLeft) {
  const std::string key(16, 'k'), nonce(12, 'n'), aad(9, 'a'), text(300, 't');
  for (const auto &v : CpuVariants()) {
    const std::string sealed = Seal(v.cpu, key, nonce, aad, text);
    so_gcm gcm;
    so_gcm_init(&gcm, &v.cpu, Ptr(key), key.size());
    for (size_t bit = 0; bit < 8 * (sealed.size() + aad.size() + nonce.size()); bit += 3) {
      std::string all = sealed + aad + nonce;
      all[bit / 8] = static_cast<char>(all[bit / 8] ^ 1 << bit % 8);
      std::string body = all.substr(0, 300);
      const std::string bad_aad = all.substr(316, 9);
      SO_EXPECT_CODE(SO_DENIED, so_gcm_open(&gcm, Ptr(all) + 325, View(bad_aad), Ptr(&body), 300,
                                            Ptr(all) + 300));
      ASSERT_EQ(std::string(300, 0), body) << v.name << " " << bit;
    }
  }
}

}  // namespace
