#include "arm/rt/divide.h"

#include <random>

#include "tests/support/support.h"

namespace {

void Expect(uint64_t n, uint64_t by) {
  const so_quotient q = so_divide(n, by);
  EXPECT_EQ(n / by, q.quotient) << n << " / " << by;
  EXPECT_EQ(n % by, q.remainder) << n << " % " << by;
  const int64_t sn = static_cast<int64_t>(n), sby = static_cast<int64_t>(by);
  if (sn == INT64_MIN && sby == -1) {
    return;
  }
  const so_signed_quotient s = so_divide_signed(sn, sby);
  EXPECT_EQ(sn / sby, s.quotient) << sn << " / " << sby;
  EXPECT_EQ(sn % sby, s.remainder) << sn << " % " << sby;
}

TEST(DivideTest, NumbersAroundPowersOfTwo) {
  for (unsigned a = 0; a < 64; a++) {
    for (unsigned b = 0; b < 64; b++) {
      for (uint64_t da = 0; da < 3; da++) {
        for (uint64_t db = 0; db < 3; db++) {
          const uint64_t by = (UINT64_C(1) << b) + db - 1;
          if (by != 0) {
            Expect((UINT64_C(1) << a) + da - 1, by);
          }
        }
      }
    }
  }
}

TEST(DivideTest, AnyNumbers) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; i++) {
    const uint64_t n = random() >> random() % 64;
    const uint64_t by = random() >> random() % 64;
    if (by != 0) {
      Expect(n, by);
    }
  }
}

TEST(DivideTest, ByZeroAndTheSmallest) {
  EXPECT_EQ(UINT64_MAX, so_divide(7, 0).quotient);
  EXPECT_EQ(7u, so_divide(7, 0).remainder);
  EXPECT_EQ(INT64_MIN, so_divide_signed(INT64_MIN, -1).quotient);
}

}  // namespace
