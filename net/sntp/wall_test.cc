#include "net/sntp/wall.h"

#include "tests/support/support.h"

namespace {

constexpr int64_t kFloor = 1767225600;  // 2026-01-01
constexpr int64_t kS = 1000000000;
constexpr int64_t kMs = 1000000;
constexpr int64_t kOffset = (kFloor + 5000000) * kS;

class WallTest : public ::testing::Test {
 protected:
  WallTest() { so_wall_init(&w_, kFloor); }

  // The offset at a time.
  int64_t Offset(uint64_t now) { return so_wall_unix_ns(&w_, now) - static_cast<int64_t>(now); }

  void Set() { EXPECT_EQ(SO_WALL_STEPPED, so_wall_take(&w_, kOffset, 10 * kS)); }

  so_wall w_;
};

TEST_F(WallTest, TheFirstSampleIsTakenWhole) {
  EXPECT_FALSE(w_.set);
  Set();
  EXPECT_TRUE(w_.set);
  EXPECT_EQ(kOffset + 10 * kS, so_wall_unix_ns(&w_, 10 * kS));
  EXPECT_EQ(kOffset + 4000 * kS, so_wall_unix_ns(&w_, 4000 * kS));
}

TEST_F(WallTest, LaterOnesAreApproachedAtHalfAMillisecondASecond) {
  for (const int64_t sign : {1, -1}) {
    so_wall_init(&w_, kFloor);
    Set();
    EXPECT_EQ(SO_WALL_SLEWS, so_wall_take(&w_, kOffset + sign * 100 * kMs, 100 * kS));
    EXPECT_EQ(kOffset, Offset(100 * kS));
    EXPECT_EQ(kOffset + sign * kMs / 2, Offset(101 * kS));
    EXPECT_EQ(kOffset + sign * 50 * kMs, Offset(200 * kS));
    EXPECT_EQ(kOffset + sign * 100 * kMs, Offset(300 * kS));
    EXPECT_EQ(kOffset + sign * 100 * kMs, Offset(9000 * kS));
    // A new sample begins where the clock is, not where it was to go.
    EXPECT_EQ(SO_WALL_SLEWS, so_wall_take(&w_, kOffset, 200 * kS));
    EXPECT_EQ(kOffset + sign * 50 * kMs, Offset(200 * kS));
    EXPECT_EQ(kOffset, Offset(300 * kS));
  }
}

TEST_F(WallTest, SlewingBackTheClockStillGoesForward) {
  Set();
  EXPECT_EQ(SO_WALL_SLEWS, so_wall_take(&w_, kOffset - 128 * kMs, 10 * kS));
  int64_t last = so_wall_unix_ns(&w_, 10 * kS);
  for (uint64_t t = 10 * kS + 1; t < 300 * static_cast<uint64_t>(kS); t += 12345677) {
    const int64_t now = so_wall_unix_ns(&w_, t);
    ASSERT_GE(now, last);
    last = now;
  }
  // Also in the smallest steps.
  so_wall_init(&w_, kFloor);
  Set();
  EXPECT_EQ(SO_WALL_SLEWS, so_wall_take(&w_, kOffset - 128 * kMs, 10 * kS));
  last = so_wall_unix_ns(&w_, 11 * kS);
  for (uint64_t t = 11 * kS; t < 11 * kS + 3 * static_cast<uint64_t>(kMs); t++) {
    const int64_t now = so_wall_unix_ns(&w_, t);
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST_F(WallTest, ASampleFarAwayCountsOnlyWhenTheNextAgrees) {
  Set();
  const int64_t far = kOffset + 3600 * kS;
  EXPECT_EQ(SO_WALL_DOUBTED, so_wall_take(&w_, far, 100 * kS));
  EXPECT_EQ(kOffset, Offset(100 * kS));
  EXPECT_EQ(kOffset, Offset(9000 * kS));
  // Another one says that all is well: the doubt is over, and a third has to find agreement anew.
  EXPECT_EQ(SO_WALL_SLEWS, so_wall_take(&w_, kOffset + kMs, 110 * kS));
  EXPECT_EQ(SO_WALL_DOUBTED, so_wall_take(&w_, far, 200 * kS));
  EXPECT_EQ(SO_WALL_DOUBTED, so_wall_take(&w_, far - 7 * kS, 210 * kS));
  EXPECT_EQ(SO_WALL_STEPPED, so_wall_take(&w_, far - 7 * kS - 100 * kMs, 220 * kS));
  EXPECT_EQ(far - 7 * kS - 100 * kMs, Offset(220 * kS));
  EXPECT_EQ(2u, w_.stats.steps);
  EXPECT_EQ(3u, w_.stats.doubted);
  EXPECT_EQ(1u, w_.stats.slews);
}

TEST_F(WallTest, TheThresholdIsExact) {
  Set();
  EXPECT_EQ(SO_WALL_SLEWS, so_wall_take(&w_, kOffset + SO_WALL_STEP_NS, 10 * kS));
  so_wall_init(&w_, kFloor);
  Set();
  EXPECT_EQ(SO_WALL_DOUBTED, so_wall_take(&w_, kOffset - SO_WALL_STEP_NS - 1, 10 * kS));
}

TEST_F(WallTest, TimesThatCannotBeAreRefused) {
  const int64_t era = INT64_C(1) << 31;
  EXPECT_EQ(SO_WALL_REFUSED, so_wall_take(&w_, kFloor * kS - 1, 0));
  EXPECT_EQ(SO_WALL_REFUSED, so_wall_take(&w_, (kFloor + era) * kS, 0));
  EXPECT_FALSE(w_.set);
  EXPECT_EQ(2u, w_.stats.refused);
  EXPECT_EQ(SO_WALL_STEPPED, so_wall_take(&w_, (kFloor + era) * kS - 1, 0));
  so_wall_init(&w_, kFloor);
  EXPECT_EQ(SO_WALL_STEPPED, so_wall_take(&w_, kFloor * kS, 0));
}

}  // namespace
