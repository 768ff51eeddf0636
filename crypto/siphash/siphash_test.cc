#include "crypto/siphash/siphash.h"

#include "tests/support/support.h"

namespace {

uint64_t OfRange(size_t len) {
  uint8_t key[16];
  std::string data(len, 0);
  for (size_t i = 0; i < 16; i++) key[i] = static_cast<uint8_t>(i);
  for (size_t i = 0; i < len; i++) data[i] = static_cast<char>(i);
  so_test::Guarded g(data);
  return so_siphash24(key, g.view());
}

// J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", appendix A: 15 bytes.
TEST(SiphashTest, TheExampleOfThePaper) { EXPECT_EQ(0xa129ca6149be45e5u, OfRange(15)); }

// The first words of the table in the authors' reference code (vectors.h), read little-endian.
TEST(SiphashTest, TheAuthorsTable) {
  EXPECT_EQ(0x726fdb47dd0e0e31u, OfRange(0));
  EXPECT_EQ(0x74f839c593dc67fdu, OfRange(1));
  EXPECT_EQ(0x0d6c8009d9a94f5au, OfRange(2));
  EXPECT_EQ(0x85676696d7fb7e2du, OfRange(3));
  EXPECT_EQ(0xab0200f58b01d137u, OfRange(7));
  EXPECT_EQ(0x93f5f5799a932462u, OfRange(8));
}

TEST(SiphashTest, EveryKeyBitCounts) {
  uint8_t key[16] = {0};
  const uint64_t plain = so_siphash24(key, so_str("abc"));
  for (size_t bit = 0; bit < 128; bit++) {
    key[bit / 8] = static_cast<uint8_t>(1 << bit % 8);
    EXPECT_NE(plain, so_siphash24(key, so_str("abc"))) << bit;
    key[bit / 8] = 0;
  }
}

}  // namespace
