#include "crypto/aes/aes.h"

#include <random>

#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::CpuVariants;
using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

so_aes Key(const so_cpu &cpu, const std::string &key) {
  so_aes aes;
  so_aes_init(&aes, &cpu, Ptr(key), key.size());
  return aes;
}

std::string Encrypt(const so_aes &aes, std::string block) {
  so_aes_encrypt(&aes, Ptr(block), Ptr(&block));
  return block;
}

const struct {
  const char *key, *plain, *cipher;
} kKnown[] = {
    // FIPS 197 B.
    {"2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734",
     "3925841d02dc09fbdc118597196a0b32"},
    // FIPS 197 C.1 and C.3.
    {"000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff",
     "69c4e0d86a7b0430d8cdb78070b4c55a"},
    {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "00112233445566778899aabbccddeeff", "8ea2b7ca516745bfeafc49904b496089"},
};

TEST(AesTest, Fips197OnEveryImplementation) {
  for (const auto &v : CpuVariants()) {
    for (const auto &k : kKnown) {
      EXPECT_EQ(k.cipher, ToHex(Encrypt(Key(v.cpu, FromHex(k.key)), FromHex(k.plain)))) << v.name;
    }
  }
}

// FIPS 197 A.1 and A.3: the last words of the key expansion examples.
TEST(AesTest, TheKeyScheduleOfFips197A) {
  for (const auto &v : CpuVariants()) {
    const so_aes a = Key(v.cpu, FromHex("2b7e151628aed2a6abf7158809cf4f3c"));
    EXPECT_EQ("d014f9a8c9ee2589e13f0cc8b6630ca6", ToHex(a.round_keys + 160, 16)) << v.name;
    const so_aes b = Key(
        v.cpu, FromHex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
    EXPECT_EQ("fe4890d1e6188d0b046df344706c631e", ToHex(b.round_keys + 224, 16)) << v.name;
  }
}

// The S-box from its definition, FIPS 197 5.1.1: an inverse in GF(2^8), then an affine map.
uint8_t SboxByDefinition(unsigned x) {
  unsigned inverse = 0;
  for (unsigned y = 1; y < 256 && x != 0; y++) {
    unsigned product = 0, a = x;
    for (unsigned bit = 0; bit < 8; bit++) {
      if (y >> bit & 1) product ^= a;
      a = a << 1 ^ (a & 0x80 ? 0x11b : 0);
    }
    if (product == 1) inverse = y;
  }
  unsigned out = 0x63;
  for (unsigned turn = 0; turn < 5; turn++) out ^= (inverse << turn | inverse >> (8 - turn)) & 0xff;
  return static_cast<uint8_t>(out);
}

// Word 4 of a 128-bit key schedule is word 0 xor SubWord(RotWord(word 3)) xor 1: a window onto
// the S-box for each of its 256 inputs.
TEST(AesTest, EverySboxEntryFollowsFromItsDefinition) {
  for (const auto &v : CpuVariants()) {
    for (unsigned x = 0; x < 256; x++) {
      std::string key(16, 0);
      key[12] = static_cast<char>(x);
      ASSERT_EQ(SboxByDefinition(x), Key(v.cpu, key).round_keys[19]) << v.name << " " << x;
    }
  }
}

// SP 800-38A F.5.1 and F.5.5.
TEST(AesTest, CounterModeOfSp80038a) {
  const std::string plain = FromHex(
      "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
      "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
  const struct {
    const char *key, *cipher;
  } cases[] = {
      {"2b7e151628aed2a6abf7158809cf4f3c",
       "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
       "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"},
      {"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
       "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5"
       "2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6"},
  };
  for (const auto &v : CpuVariants()) {
    for (const auto &c : cases) {
      std::string counter = FromHex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), text = plain;
      const so_aes aes = Key(v.cpu, FromHex(c.key));
      so_aes_ctr32(&aes, Ptr(&counter), Ptr(&text), text.size());
      EXPECT_EQ(c.cipher, ToHex(text)) << v.name;
      EXPECT_EQ("f0f1f2f3f4f5f6f7f8f9fafbfcfdff03", ToHex(counter)) << v.name;
    }
  }
}

// SP 800-38D 6.2: inc32 leaves the upper 96 bits alone.
TEST(AesTest, TheCounterWrapsWithin32Bits) {
  for (const auto &v : CpuVariants()) {
    const so_aes aes = Key(v.cpu, std::string(16, 'k'));
    std::string counter = FromHex("000102030405060708090a0bfffffffe"), text(20 * 16, 0), want;
    for (unsigned i = 0; i < 20; i++) {
      std::string block = counter;
      const uint32_t n = 0xfffffffeu + i;
      for (unsigned b = 0; b < 4; b++) block[12 + b] = static_cast<char>(n >> (24 - 8 * b));
      want += Encrypt(aes, block);
    }
    so_aes_ctr32(&aes, Ptr(&counter), Ptr(&text), text.size());
    EXPECT_EQ(ToHex(want), ToHex(text)) << v.name;
    EXPECT_EQ("000102030405060708090a0b00000012", ToHex(counter)) << v.name;
  }
}

TEST(AesTest, ImplementationsAgreeAtEveryLengthAndStayInBounds) {
  std::mt19937 random(2);
  const auto variants = CpuVariants();
  for (size_t len = 0; len < 400; len++) {
    std::string key(len % 2 ? 16 : 32, 0), start(16, 0), data(len, 0);
    for (std::string *s : {&key, &start, &data}) {
      for (char &c : *s) c = static_cast<char>(random());
    }
    std::string want, want_counter;
    for (const auto &v : variants) {
      const so_aes aes = Key(v.cpu, key);
      so_test::Guarded g(data);
      std::string counter = start;
      so_aes_ctr32(&aes, Ptr(&counter), const_cast<uint8_t *>(g.view().ptr), len);
      if (want_counter.empty()) {
        want = so_test::Text(g.view());
        want_counter = counter;
      }
      ASSERT_EQ(ToHex(want), ToHex(so_test::Text(g.view()))) << v.name << " " << len;
      ASSERT_EQ(ToHex(want_counter), ToHex(counter)) << v.name << " " << len;
    }
  }
}

}  // namespace
