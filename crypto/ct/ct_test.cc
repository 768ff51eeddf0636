#include "crypto/ct/ct.h"

#include <string.h>

#include <vector>

#include "tests/support/support.h"

namespace {

const uint64_t kEdges[] = {0, 1, 2, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffffe,
                           0xffffffffffffffff, 0xffffffff, 0x100000000};

uint64_t Mask(bool b) { return b ? ~uint64_t{0} : 0; }

TEST(CtTest, MasksAgreeWithComparisonsAtTheEdges) {
  for (uint64_t a : kEdges) {
    EXPECT_EQ(Mask(a == 0), so_ct_is_zero(a)) << a;
    for (uint64_t b : kEdges) {
      EXPECT_EQ(Mask(a == b), so_ct_is_equal(a, b)) << a << " " << b;
      EXPECT_EQ(Mask(a < b), so_ct_is_less(a, b)) << a << " " << b;
      EXPECT_EQ(a, so_ct_select(so_ct_mask(1), a, b));
      EXPECT_EQ(b, so_ct_select(so_ct_mask(0), a, b));
    }
  }
  EXPECT_EQ(0xffffffffu, so_ct_mask32(1));
  EXPECT_EQ(0u, so_ct_mask32(0));
}

TEST(CtTest, EqualSeesEveryBitOfEveryByte) {
  for (size_t len = 0; len < 40; len++) {
    std::vector<uint8_t> a(len + 1, 0x5a), b = a;
    EXPECT_TRUE(so_ct_equal(a.data(), b.data(), len));
    for (size_t bit = 0; bit < 8 * len; bit++) {
      b[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      EXPECT_FALSE(so_ct_equal(a.data(), b.data(), len)) << len << " " << bit;
      b[bit / 8] = 0x5a;
    }
    b[len] = 0;
    EXPECT_TRUE(so_ct_equal(a.data(), b.data(), len)) << "the byte after the end counted";
  }
}

TEST(CtTest, ZeroBytesSeesEveryByte) {
  uint8_t bytes[33] = {0};
  bytes[32] = 1;
  EXPECT_TRUE(so_ct_is_zero_bytes(bytes, 32));
  EXPECT_TRUE(so_ct_is_zero_bytes(nullptr, 0));
  for (size_t i = 0; i < 32; i++) {
    bytes[i] = 0x80;
    EXPECT_FALSE(so_ct_is_zero_bytes(bytes, 32)) << i;
    bytes[i] = 0;
  }
}

TEST(CtTest, CopyHappensOnlyUnderTheMask) {
  uint8_t dst[5] = {1, 2, 3, 4, 5};
  const uint8_t src[5] = {6, 7, 8, 9, 10};
  so_ct_copy(so_ct_mask(0), dst, src, 4);
  EXPECT_EQ(0, memcmp(dst, "\x01\x02\x03\x04\x05", 5));
  so_ct_copy(so_ct_mask(1), dst, src, 4);
  EXPECT_EQ(0, memcmp(dst, "\x06\x07\x08\x09\x05", 5));
}

TEST(CtTest, WipeZeroesExactlyItsBytes) {
  uint8_t bytes[4] = {1, 2, 3, 4};
  so_wipe(bytes + 1, 2);
  EXPECT_EQ(0, memcmp(bytes, "\x01\x00\x00\x04", 4));
  so_wipe(nullptr, 0);
}

}  // namespace
