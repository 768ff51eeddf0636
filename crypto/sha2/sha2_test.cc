#include "crypto/sha2/sha2.h"

#include <random>
#include <string>

#include "crypto/cpu/variants.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::CpuVariants;
using so_test::View;

enum Which { k256, k384, k512 };

// Hashes `data` in pieces of `step` bytes.
std::string Hash(Which which, const so_cpu &cpu, const std::string &data, size_t step) {
  std::string out(which == k256 ? 32 : which == k384 ? 48 : 64, 0);
  so_sha256 small;
  so_sha512 big;
  if (which == k256) so_sha256_init(&small, &cpu);
  if (which == k384) so_sha384_init(&big, &cpu);
  if (which == k512) so_sha512_init(&big, &cpu);
  for (size_t off = 0; off < data.size(); off += step) {
    const so_bytes piece = so_bytes_first(so_bytes_from(View(data), off), step);
    if (which == k256) {
      so_sha256_update(&small, piece);
    } else {
      so_sha512_update(&big, piece);
    }
  }
  if (which == k256) so_sha256_final(&small, so_test::Ptr(&out));
  if (which == k384) so_sha384_final(&big, so_test::Ptr(&out));
  if (which == k512) so_sha512_final(&big, so_test::Ptr(&out));
  return so_test::ToHex(out);
}

struct Known {
  std::string message, sha256, sha384, sha512;
};

// FIPS 180-4 examples (NIST, "Secure Hash Standard: examples with intermediate values"), and the
// empty message and the million of "a" of NIST's additional data.
const Known kKnown[] = {
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
     "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
     "8086072ba1e7cc2358baeca134c825a7",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
     "274edebfe76f65fbd51ad2f14898b95b",
     "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
     "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450de5f36bc6"
     "b0455a8520bc4e6f5fe95b1fe3c8452b",
     "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331a703c335"
     "96fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd70354ec631238ca3445"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
     "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1",
     "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
     "fcc7c71a557e2db966c3e9fa91746039",
     "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
     "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"},
    {std::string(1000000, 'a'), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
     "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
     "07b8b3dc38ecc4ebae97ddd87f3d8985",
     "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
     "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"},
};

TEST(Sha2Test, KnownAnswersOnEveryImplementation) {
  for (const auto &v : CpuVariants()) {
    for (const Known &k : kKnown) {
      SCOPED_TRACE(v.name + " length " + std::to_string(k.message.size()));
      EXPECT_EQ(k.sha256, Hash(k256, v.cpu, k.message, 4096));
      EXPECT_EQ(k.sha384, Hash(k384, v.cpu, k.message, 4096));
      EXPECT_EQ(k.sha512, Hash(k512, v.cpu, k.message, 4096));
    }
  }
}

std::string RandomBytes(std::mt19937 *random, size_t len) {
  std::string s(len, 0);
  for (char &c : s) c = static_cast<char>((*random)());
  return s;
}

TEST(Sha2Test, SplitsAndImplementationsAgreeAtEveryLengthAroundTheBlocks) {
  std::mt19937 random(1);
  const auto variants = CpuVariants();
  for (size_t len = 0; len < 300; len++) {
    const std::string data = RandomBytes(&random, len);
    for (Which which : {k256, k384, k512}) {
      const std::string want = Hash(which, variants[0].cpu, data, len + 1);
      for (const auto &v : variants) {
        for (size_t step : {1, 7, 63, 64, 65, 127, 128, 129, 1000}) {
          ASSERT_EQ(want, Hash(which, v.cpu, data, step)) << v.name << " " << len << " " << step;
        }
      }
    }
  }
}

TEST(Sha2Test, ACopyGoesOnByItself) {
  const so_cpu cpu = so_cpu_detect();
  so_sha256 ctx, copy;
  uint8_t first[32], second[32];
  so_sha256_init(&ctx, &cpu);
  so_sha256_update(&ctx, so_str("ab"));
  copy = ctx;
  so_sha256_update(&copy, so_str("x"));
  so_sha256_final(&copy, first);
  so_sha256_update(&ctx, so_str("c"));
  so_sha256_final(&ctx, second);
  EXPECT_EQ(kKnown[0].sha256, so_test::ToHex(second, 32));
  EXPECT_NE(0, memcmp(first, second, 32));
}

TEST(Sha2Test, FinalWipesTheContext) {
  const so_cpu cpu = so_cpu_portable();
  so_sha512 ctx, zero;
  memset(&zero, 0, sizeof zero);
  uint8_t out[64];
  so_sha512_init(&ctx, &cpu);
  so_sha512_update(&ctx, so_str("secret"));
  so_sha512_final(&ctx, out);
  EXPECT_EQ(0, memcmp(&ctx, &zero, sizeof ctx));
}

TEST(Sha2Test, ReadsNothingPastItsInput) {
  for (const auto &v : CpuVariants()) {
    for (size_t len : {0, 1, 63, 64, 65, 128, 200}) {
      so_test::Guarded g(std::string(len, 'q'));
      so_sha256 ctx;
      uint8_t out[32];
      so_sha256_init(&ctx, &v.cpu);
      so_sha256_update(&ctx, g.view());
      so_sha256_final(&ctx, out);
      EXPECT_EQ(Hash(k256, v.cpu, std::string(len, 'q'), 1), so_test::ToHex(out, 32));
    }
  }
}

}  // namespace
