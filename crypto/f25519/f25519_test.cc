#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "crypto/f25519/probe.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::FromHex;
using so_test::Ptr;
using so_test::ToHex;

using Probe = void (*)(so_fe_op, const uint8_t *, const uint8_t *, uint8_t *);

std::string Apply(Probe probe, so_fe_op op, const std::string &a, const std::string &b) {
  std::string out(32, '\0');
  probe(op, Ptr(a), Ptr(b), Ptr(&out));
  return out;
}

std::string Wide(so_fe_op op, const std::string &a, const std::string &b) {
  return Apply(so_fe_probe, op, a, b);
}

std::string Small(unsigned v) {
  std::string s(32, '\0');
  s[0] = static_cast<char>(v);
  return s;
}

// p + d, for d from -40 to 18.
std::string NearPrime(int d) {
  std::string s(32, '\xff');
  s[0] = static_cast<char>(0xed + d);
  s[31] = '\x7f';
  return s;
}

// The numbers where carries and the last subtraction happen, and random ones; some not unique.
std::vector<std::string> Numbers() {
  std::vector<std::string> all = {Small(0), Small(1), Small(2), Small(19), std::string(32, '\xff')};
  for (int d : {-40, -20, -19, -2, -1, 0, 1, 2, 18}) all.push_back(NearPrime(d));
  for (unsigned bit = 0; bit < 256; bit += 17) {
    std::string s(32, '\0');
    s[bit / 8] = static_cast<char>(1 << bit % 8);
    all.push_back(s);
  }
  std::mt19937 random(25519);
  for (int i = 0; i < 40; i++) {
    std::string s(32, '\0');
    for (char &c : s) {
      c = static_cast<char>(random() % 3 == 0 ? 0xff : random());
    }
    all.push_back(s);
  }
  return all;
}

TEST(F25519Test, BothRepresentationsAgreeOnEveryOperation) {
  const std::vector<std::string> numbers = Numbers();
  for (const std::string &a : numbers) {
    for (const std::string &b : numbers) {
      for (int op = 0; op < SO_FE_OP_COUNT; op++) {
        if ((op == SO_FE_INVERT || op == SO_FE_POW_P58) && b != numbers[0]) continue;
        ASSERT_EQ(ToHex(Apply(so_fe_probe, so_fe_op(op), a, b)),
                  ToHex(Apply(so_fe_probe_narrow, so_fe_op(op), a, b)))
            << op << " " << ToHex(a) << " " << ToHex(b);
      }
    }
  }
}

// A long walk through values that no list has.
TEST(F25519Test, BothRepresentationsAgreeAlongARandomWalk) {
  std::mt19937 random(1);
  std::string a = Small(3), b = Small(5);
  for (int i = 0; i < 20000; i++) {
    const so_fe_op op = so_fe_op(SO_FE_ADD + random() % (SO_FE_INVERT - SO_FE_ADD));
    const std::string next = Wide(op, a, b);
    ASSERT_EQ(ToHex(next), ToHex(Apply(so_fe_probe_narrow, op, a, b))) << i << " " << op;
    b = a;
    a = next == Small(0) ? Small(7) : next;
  }
}

class F25519FormTest : public testing::TestWithParam<Probe> {};

TEST_P(F25519FormTest, WritesTheUniqueForm) {
  const Probe probe = GetParam();
  for (int d = 0; d <= 18; d++) {
    EXPECT_EQ(ToHex(Small(static_cast<unsigned>(d))),
              ToHex(Apply(probe, SO_FE_COPY, NearPrime(d), Small(0))));
  }
  for (int d = -40; d < 0; d++) {
    EXPECT_EQ(ToHex(NearPrime(d)), ToHex(Apply(probe, SO_FE_COPY, NearPrime(d), Small(0))));
  }
  EXPECT_EQ(ToHex(Small(18)), ToHex(Apply(probe, SO_FE_COPY, std::string(32, '\xff'), Small(0))));
  EXPECT_EQ(ToHex(NearPrime(-1)), ToHex(Apply(probe, SO_FE_SUB, Small(0), Small(1))));
  EXPECT_EQ(ToHex(Small(0)), ToHex(Apply(probe, SO_FE_SUB, Small(5), Small(5))));
  EXPECT_EQ(ToHex(Small(0)), ToHex(Apply(probe, SO_FE_ADD, NearPrime(-5), Small(5))));
  EXPECT_EQ(ToHex(NearPrime(-38)), ToHex(Apply(probe, SO_FE_ADD, NearPrime(-19), NearPrime(-19))));
}

TEST_P(F25519FormTest, SwapsByMaskAlone) {
  const Probe probe = GetParam();
  EXPECT_EQ(ToHex(NearPrime(-3)), ToHex(Apply(probe, SO_FE_SWAP_ON, Small(9), NearPrime(-3))));
  EXPECT_EQ(ToHex(Small(9)), ToHex(Apply(probe, SO_FE_SWAP_OFF, Small(9), NearPrime(-3))));
}

TEST_P(F25519FormTest, ArithmeticIsThatOfAField) {
  const Probe probe = GetParam();
  const auto apply = [probe](so_fe_op op, const std::string &a, const std::string &b) {
    return ToHex(Apply(probe, op, a, b));
  };
  const auto mul = [probe](const std::string &a, const std::string &b) {
    return Apply(probe, SO_FE_MUL, a, b);
  };
  const auto add = [probe](const std::string &a, const std::string &b) {
    return Apply(probe, SO_FE_ADD, a, b);
  };
  const std::vector<std::string> numbers = Numbers();
  for (size_t i = 0; i < numbers.size(); i++) {
    const std::string &a = numbers[i];
    const std::string &b = numbers[(7 * i + 3) % numbers.size()];
    const std::string &c = numbers[(11 * i + 5) % numbers.size()];
    EXPECT_EQ(ToHex(add(mul(a, b), mul(a, c))), ToHex(mul(a, add(b, c))));
    EXPECT_EQ(ToHex(mul(a, a)), apply(SO_FE_SQR, a, b));
    EXPECT_EQ(ToHex(mul(a, FromHex("41db0100") + std::string(28, '\0'))),
              apply(SO_FE_MUL_SMALL, a, b));
    EXPECT_EQ(ToHex(Apply(probe, SO_FE_SUB, mul(a, a), mul(b, b))), apply(SO_FE_MUL_LOOSE, a, b));
    const std::string reduced = Apply(probe, SO_FE_COPY, a, a);
    const std::string inverse = Apply(probe, SO_FE_INVERT, a, a);
    EXPECT_EQ(ToHex(reduced == Small(0) ? Small(0) : Small(1)), ToHex(mul(a, inverse)));
    // The power is (p - 5)/8: its eighth power times a^4 is a^(p - 1).
    std::string power = Apply(probe, SO_FE_POW_P58, a, a);
    for (int k = 0; k < 3; k++) power = mul(power, power);
    const std::string fourth = mul(mul(a, a), mul(a, a));
    EXPECT_EQ(ToHex(reduced == Small(0) ? Small(0) : Small(1)), ToHex(mul(power, fourth)));
    EXPECT_EQ(reduced == Small(0), Apply(probe, SO_FE_ZERO, a, a) == Small(1));
    EXPECT_EQ((reduced[0] & 1) != 0, Apply(probe, SO_FE_ODD, a, a) == Small(1));
  }
}

INSTANTIATE_TEST_SUITE_P(Limbs, F25519FormTest, testing::Values(so_fe_probe, so_fe_probe_narrow),
                         [](const testing::TestParamInfo<Probe> &info) {
                           return info.index == 0 ? "Wide" : "Narrow";
                         });

}  // namespace
