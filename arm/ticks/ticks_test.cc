#include "arm/ticks/ticks.h"

#include "tests/support/support.h"

namespace {

const uint32_t kHz[] = {1000000, 24000000, 19200000, 62500000, 999999937, 1000000000};

TEST(TicksTest, NanosecondsAreThoseOfLongArithmetic) {
  for (const uint32_t hz : kHz) {
    so_ticks t;
    so_ticks_init(&t, hz);
    for (uint64_t ticks = 0; ticks < UINT64_C(1) << 58; ticks = ticks * 3 + 1) {
      if (ticks / hz > UINT64_MAX / 1000000000 - 1) {
        break;
      }
      const uint64_t exact = ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
      const uint64_t got = so_ticks_ns(&t, ticks);
      EXPECT_LE(got, exact) << hz;
      EXPECT_LE(exact - got, 2 + (ticks >> 32)) << hz << " " << ticks;
    }
  }
}

TEST(TicksTest, TimeNeverGoesBack) {
  for (const uint32_t hz : kHz) {
    so_ticks t;
    so_ticks_init(&t, hz);
    for (const uint64_t from : {UINT64_C(0), (UINT64_C(1) << 32) - 1000, (UINT64_C(7) << 32) - 1000}) {
      for (uint64_t i = 0; i < 2000; i++) {
        EXPECT_LE(so_ticks_ns(&t, from + i), so_ticks_ns(&t, from + i + 1));
      }
    }
  }
}

TEST(TicksTest, ThereAndBack) {
  for (const uint32_t hz : kHz) {
    so_ticks t;
    so_ticks_init(&t, hz);
    for (uint64_t ns = 1; ns < UINT64_C(1) << 55; ns = ns * 5 + 3) {
      const uint64_t ticks = so_ticks_at(&t, ns);
      const uint64_t tick_ns = 1000000000 / hz + 1;
      EXPECT_GE(so_ticks_ns(&t, ticks) + 2 + (ticks >> 32), ns) << hz;
      EXPECT_LE(so_ticks_ns(&t, ticks), ns + tick_ns) << hz;
    }
  }
}

TEST(TicksTest, FarDeadlinesAreTheLastTick) {
  so_ticks t;
  so_ticks_init(&t, 1000000000);
  EXPECT_EQ(UINT64_MAX - 1, so_ticks_at(&t, UINT64_MAX - 1));
  so_ticks_init(&t, 62500000);
  EXPECT_EQ(UINT64_MAX / 16 + 1, so_ticks_at(&t, UINT64_MAX));
}

TEST(TicksTest, FrequenciesOutsideOfTheLimitsAreTheNearest) {
  so_ticks t;
  so_ticks_init(&t, 0);
  EXPECT_EQ(SO_TICKS_HZ_MIN, t.hz);
  so_ticks_init(&t, UINT32_MAX);
  EXPECT_EQ(SO_TICKS_HZ_MAX, t.hz);
}

}  // namespace
