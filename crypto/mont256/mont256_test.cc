#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "crypto/mont256/probe.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

const char *const kModulus[3] = {
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed",
};

std::string Wide(unsigned m, so_mont256_op op, const std::string &a, const std::string &b) {
  std::string out(32, '\0');
  so_mont256_probe(m, op, Ptr(a), Ptr(b), Ptr(&out));
  return out;
}

std::string Narrow(unsigned m, so_mont256_op op, const std::string &a, const std::string &b) {
  std::string out(32, '\0');
  so_mont256_probe_narrow(m, op, Ptr(a), Ptr(b), Ptr(&out));
  return out;
}

std::string Small(unsigned v) {
  std::string s(32, '\0');
  s[31] = static_cast<char>(v);
  return s;
}

// The numbers where carries and the last subtraction happen, and random ones; some at m or above.
std::vector<std::string> Numbers(unsigned m) {
  std::vector<std::string> all = {Small(0), Small(1), Small(2), Small(255)};
  all.push_back(std::string(32, '\xff'));
  for (int d = -2; d <= 2; d++) {
    std::string near = FromHex(kModulus[m]);
    near[31] = static_cast<char>(near[31] + d);  // Any number will do where this wraps.
    all.push_back(near);
  }
  for (unsigned bit = 0; bit < 256; bit += 31) {
    std::string s(32, '\0');
    s[31 - bit / 8] = static_cast<char>(1 << bit % 8);
    all.push_back(s);
  }
  std::mt19937 random(20260101 + m);
  for (int i = 0; i < 24; i++) {
    std::string s(32, '\0');
    for (char &c : s) {
      c = static_cast<char>(random() % 4 == 0 ? 0xff : random());
    }
    all.push_back(s);
  }
  return all;
}

TEST(Mont256Test, BothLimbWidthsAgreeOnEveryOperation) {
  for (unsigned m = 0; m < 3; m++) {
    for (const std::string &any_a : Numbers(m)) {
      for (const std::string &any_b : Numbers(m)) {
        for (int op = SO_MONT256_REDUCE; op < SO_MONT256_OP_COUNT; op++) {
          ASSERT_EQ(ToHex(Wide(m, so_mont256_op(op), any_a, any_b)),
                    ToHex(Narrow(m, so_mont256_op(op), any_a, any_b)))
              << m << " " << op << " " << ToHex(any_a) << " " << ToHex(any_b);
        }
        const std::string a = Wide(m, SO_MONT256_REDUCE, any_a, any_a);
        const std::string b = Wide(m, SO_MONT256_REDUCE, any_b, any_b);
        for (int op = SO_MONT256_ADD; op < SO_MONT256_INVERT; op++) {
          ASSERT_EQ(ToHex(Wide(m, so_mont256_op(op), a, b)),
                    ToHex(Narrow(m, so_mont256_op(op), a, b)))
              << m << " " << op << " " << ToHex(a) << " " << ToHex(b);
        }
      }
    }
  }
}

TEST(Mont256Test, ReductionGivesTheRemainder) {
  for (unsigned m = 0; m < 3; m++) {
    const std::string modulus = FromHex(kModulus[m]);
    EXPECT_EQ(Small(0), Wide(m, SO_MONT256_REDUCE, modulus, modulus));
    for (const std::string &a : Numbers(m)) {
      const std::string r = Wide(m, SO_MONT256_REDUCE, a, a);
      EXPECT_LT(r, modulus);
      if (a < modulus) EXPECT_EQ(ToHex(a), ToHex(r));
      EXPECT_EQ(a < modulus, Wide(m, SO_MONT256_LESS, a, modulus) == Small(1));
    }
  }
}

// Identities that hold in a field and fail for nearly any arithmetic fault.
TEST(Mont256Test, ArithmeticIsThatOfAField) {
  for (unsigned m = 0; m < 3; m++) {
    std::vector<std::string> numbers;
    for (const std::string &a : Numbers(m)) numbers.push_back(Wide(m, SO_MONT256_REDUCE, a, a));
    for (size_t i = 0; i < numbers.size(); i++) {
      const std::string &a = numbers[i];
      const std::string &b = numbers[(i * 7 + 3) % numbers.size()];
      const std::string &c = numbers[(i * 11 + 5) % numbers.size()];
      const auto mul = [m](const std::string &x, const std::string &y) {
        return Wide(m, SO_MONT256_MUL, x, y);
      };
      const auto add = [m](const std::string &x, const std::string &y) {
        return Wide(m, SO_MONT256_ADD, x, y);
      };
      EXPECT_EQ(ToHex(add(mul(a, b), mul(a, c))), ToHex(mul(a, add(b, c))));
      EXPECT_EQ(ToHex(a), ToHex(Wide(m, SO_MONT256_SUB, add(a, b), b)));
      EXPECT_EQ(ToHex(add(a, a)), ToHex(mul(a, Small(2))));
      const std::string inverse = Wide(m, SO_MONT256_INVERT, a, a);
      EXPECT_EQ(ToHex(inverse), ToHex(Narrow(m, SO_MONT256_INVERT, a, a)));
      EXPECT_EQ(a == Small(0) ? Small(0) : Small(1), mul(a, inverse));
      EXPECT_EQ(a == Small(0), Wide(m, SO_MONT256_ZERO, a, a) == Small(1));
    }
  }
}

}  // namespace
