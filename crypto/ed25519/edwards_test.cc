#include "crypto/ed25519/edwards.h"

#include <random>
#include <string>

#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

const char kBase[] = "5866666666666666666666666666666666666666666666666666666666666666";
const char kOrder[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

std::string Encode(const so_edwards &p) {
  std::string out(32, '\0');
  so_edwards_encode(&p, Ptr(&out));
  return out;
}

std::string Small(unsigned v) {
  std::string s(32, '\0');
  s[0] = static_cast<char>(v);
  return s;
}

TEST(EdwardsTest, DecodesWhatItEncodes) {
  std::mt19937 random(5);
  for (int i = 0; i < 50; i++) {
    std::string k(32, '\0');
    for (char &c : k) c = static_cast<char>(random());
    k[31] = static_cast<char>(k[31] & 0x7f);
    so_edwards p, q;
    so_edwards_mul_base(Ptr(k), &p);
    const std::string bytes = Encode(p);
    SO_ASSERT_OK(so_edwards_decode(Ptr(bytes), &q));
    EXPECT_EQ(ToHex(bytes), ToHex(Encode(q)));
    so_edwards_negate(&q);
    std::string other = bytes;
    other[31] = static_cast<char>(other[31] ^ 0x80);
    EXPECT_EQ(ToHex(other), ToHex(Encode(q)));
  }
}

TEST(EdwardsTest, RefusesNegativeZeroAndNumbersOfThePrimeOrMore) {
  so_edwards p;
  // y = 1 and y = -1 have x = 0.
  for (const char *plain : {"0100000000000000000000000000000000000000000000000000000000000000",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    std::string bytes = FromHex(plain);
    SO_EXPECT_OK(so_edwards_decode(Ptr(bytes), &p));
    bytes[31] = static_cast<char>(bytes[31] ^ 0x80);
    SO_EXPECT_CODE(SO_MALFORMED, so_edwards_decode(Ptr(bytes), &p));
  }
  unsigned decoded_count = 0;
  for (unsigned y = 0; y < 19; y++) {
    const std::string low = Small(y);
    decoded_count += so_ok(so_edwards_decode(Ptr(low), &p)) ? 1 : 0;
    for (char top : {'\x7f', '\xff'}) {
      std::string high(32, '\xff');
      high[0] = static_cast<char>(0xed + y);
      high[31] = top;
      SO_EXPECT_CODE(SO_MALFORMED, so_edwards_decode(Ptr(high), &p));
    }
  }
  EXPECT_LT(3u, decoded_count);  // So the range alone has refused some of them.
}

TEST(EdwardsTest, MultipliesTheBasePointAsAnyOther) {
  const std::string zero = Small(0), base = FromHex(kBase);
  so_edwards b, p, q;
  SO_ASSERT_OK(so_edwards_decode(Ptr(base), &b));
  std::mt19937 random(6);
  for (int i = 0; i < 100; i++) {
    std::string k = Small(static_cast<unsigned>(i)), s = Small(1);
    if (i > 20) {
      for (char &c : k) c = static_cast<char>(random());
      for (char &c : s) c = static_cast<char>(random());
      k[31] = static_cast<char>(k[31] & 0x7f);
      s[31] = static_cast<char>(s[31] & 0x7f);
    }
    so_edwards_mul_base(Ptr(k), &p);
    so_edwards_mul_add_base(Ptr(zero), Ptr(k), &b, &q);
    ASSERT_EQ(ToHex(Encode(p)), ToHex(Encode(q)));
    // k (s B) is s (k B), here by way of -(k B).
    so_edwards_mul_base(Ptr(s), &q);
    so_edwards_mul_add_base(Ptr(zero), Ptr(k), &q, &q);
    so_edwards_negate(&p);
    so_edwards_mul_add_base(Ptr(zero), Ptr(s), &p, &p);
    so_edwards_negate(&p);
    ASSERT_EQ(ToHex(Encode(p)), ToHex(Encode(q)));
  }
}

TEST(EdwardsTest, TheOrderTimesTheBasePointIsNeutral) {
  const std::string order = FromHex(kOrder), one = Small(1), zero = Small(0), base = FromHex(kBase);
  so_edwards b, p;
  so_edwards_mul_base(Ptr(order), &p);
  EXPECT_EQ(ToHex(one), ToHex(Encode(p)));
  EXPECT_NE(0u, so_edwards_is_small_order(&p));
  SO_ASSERT_OK(so_edwards_decode(Ptr(base), &b));
  so_edwards_mul_add_base(Ptr(one), Ptr(order), &b, &p);
  EXPECT_EQ(ToHex(base), ToHex(Encode(p)));
  EXPECT_EQ(0u, so_edwards_is_small_order(&p));
  so_edwards_mul_add_base(Ptr(zero), Ptr(zero), &b, &p);
  EXPECT_EQ(ToHex(one), ToHex(Encode(p)));
}

}  // namespace
