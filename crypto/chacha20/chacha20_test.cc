#include "crypto/chacha20/chacha20.h"

#include <random>

#include "crypto/chacha20/block.h"
#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::CpuVariants;
using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

const char kKey[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

std::string Xor(const so_cpu &cpu, const std::string &key, const std::string &nonce,
                uint32_t counter, std::string text) {
  so_chacha20 ctx;
  so_chacha20_init(&ctx, &cpu, Ptr(key));
  so_chacha20_xor(&ctx, Ptr(nonce), counter, Ptr(&text), text.size());
  return text;
}

// RFC 8439 2.3.2.
TEST(Chacha20Test, TheBlockOfRfc8439) {
  for (const auto &v : CpuVariants()) {
    so_chacha20 ctx;
    uint8_t out[64];
    so_chacha20_init(&ctx, &v.cpu, Ptr(FromHex(kKey)));
    so_chacha20_block(&ctx, Ptr(FromHex("000000090000004a00000000")), 1, out);
    EXPECT_EQ(
        "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
        "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
        ToHex(out, 64))
        << v.name;
  }
}

// RFC 8439 2.4.2.
TEST(Chacha20Test, TheTextOfRfc8439) {
  const std::string text =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
      "future, sunscreen would be it.";
  for (const auto &v : CpuVariants()) {
    EXPECT_EQ(
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0b"
        "f91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d8"
        "07ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab7793736"
        "5af90bbf74a35be6b40b8eedf2785e42874d",
        ToHex(Xor(v.cpu, FromHex(kKey), FromHex("000000000000004a00000000"), 1, text)))
        << v.name;
  }
}

// RFC 8439 A.1, test vectors 1 and 2: all zero, counters 0 and 1.
TEST(Chacha20Test, ZeroKeystreamOfRfc8439A1) {
  for (const auto &v : CpuVariants()) {
    EXPECT_EQ(
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
        ToHex(Xor(v.cpu, std::string(32, 0), std::string(12, 0), 0, std::string(128, 0))))
        << v.name;
  }
}

TEST(Chacha20Test, ImplementationsAgreeAtEveryLengthAndStayInBounds) {
  std::mt19937 random(3);
  const auto variants = CpuVariants();
  for (size_t len = 0; len < 1200; len++) {
    std::string key(32, 0), nonce(12, 0), data(len, 0);
    for (std::string *s : {&key, &nonce, &data}) {
      for (char &c : *s) c = static_cast<char>(random());
    }
    const uint32_t counter = random() >> 1;
    const std::string want = Xor(variants[0].cpu, key, nonce, counter, data);
    for (const auto &v : variants) {
      so_test::Guarded g(data);
      so_chacha20 ctx;
      so_chacha20_init(&ctx, &v.cpu, Ptr(key));
      so_chacha20_xor(&ctx, Ptr(nonce), counter, const_cast<uint8_t *>(g.view().ptr), len);
      ASSERT_EQ(want, so_test::Text(g.view())) << v.name << " " << len;
    }
  }
}

// Blocks made alone are an independent check of the counters inside wide batches.
TEST(Chacha20Test, TheSmallBlockIsTheSame) {
  std::mt19937 rng(3);
  for (uint32_t counter : {0u, 1u, 7u, 0xffffffffu}) {
    for (int n = 0; n < 20; n++) {
      std::string key(32, 0);
      for (char &c : key) {
        c = static_cast<char>(rng());
      }
      uint8_t out[64];
      so_chacha20_small_block(Ptr(key), counter, out);
      EXPECT_EQ(ToHex(Xor(so_cpu_portable(), key, std::string(12, 0), counter, std::string(64, 0))),
                ToHex(out, 64));
    }
  }
}

TEST(Chacha20Test, ALongTextIsTheBlocksInOrder) {
  const std::string key(32, 'k'), nonce(12, 'n');
  for (const auto &v : CpuVariants()) {
    std::string want;
    for (uint32_t i = 0; i < 40; i++) {
      want += Xor(so_cpu_portable(), key, nonce, 100 + i, std::string(64, 0));
    }
    EXPECT_EQ(want, Xor(v.cpu, key, nonce, 100, std::string(40 * 64, 0))) << v.name;
  }
}

TEST(Chacha20Test, TheLastBlockIsUsableAndTheOneAfterStopsTheProgram) {
  const std::string key(32, 'k'), nonce(12, 'n');
  const so_cpu cpu = so_cpu_detect();
  const std::string last = Xor(cpu, key, nonce, 0xffffffff, std::string(64, 0));
  EXPECT_EQ(last, Xor(cpu, key, nonce, 0xfffffffe, std::string(128, 0)).substr(64));
  EXPECT_DEATH(Xor(cpu, key, nonce, 0xffffffff, std::string(65, 0)), "");
}

}  // namespace
