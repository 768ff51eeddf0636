#include "kernel/xen/pvclock/pvclock.h"

#include "tests/support/support.h"

namespace {

uint64_t g_ticks = 0;
uint64_t Ticks() { return g_ticks; }

so_pvclock Clock(uint64_t hz) {
  so_pvclock c = {};
  c.version = 2;
  // ns = ticks * mul >> 32 with ticks below one a nanosecond shifted up.
  c.shift = 0;
  while (hz > 2000000000u) {
    hz >>= 1;
    c.shift = static_cast<int8_t>(c.shift - 1);
  }
  while (hz <= 1000000000u) {
    hz <<= 1;
    c.shift = static_cast<int8_t>(c.shift + 1);
  }
  c.mul = static_cast<uint32_t>((1000000000ull << 32) / hz);
  return c;
}

TEST(PvclockTest, LayoutIsXens) {
  EXPECT_EQ(32u, sizeof(so_pvclock));
  EXPECT_EQ(8u, offsetof(so_pvclock, ticks));
  EXPECT_EQ(16u, offsetof(so_pvclock, ns));
  EXPECT_EQ(24u, offsetof(so_pvclock, mul));
  EXPECT_EQ(28u, offsetof(so_pvclock, shift));
}

TEST(PvclockTest, ScalesWithoutLosingHighBits) {
  for (const uint64_t ticks : {uint64_t{0}, uint64_t{1}, uint64_t{0xffffffff}, uint64_t{1} << 40,
                               uint64_t{0x123456789abcdef}}) {
    for (const uint32_t mul : {1u, 0x80000000u, 0xffffffffu, 0xaaaaaaabu}) {
      for (const int shift : {-3, -1, 0, 1, 4}) {
        const uint64_t s = shift >= 0 ? ticks << shift : ticks >> -shift;
        const auto want = static_cast<uint64_t>((static_cast<unsigned __int128>(s) * mul) >> 32);
        EXPECT_EQ(want, so_pvclock_scale(ticks, mul, static_cast<int8_t>(shift)));
      }
    }
  }
  EXPECT_EQ(0u, so_pvclock_scale(5, 1u << 31, 64));
  EXPECT_EQ(0u, so_pvclock_scale(5, 1u << 31, -128));
}

TEST(PvclockTest, ReadsTheTimeSinceTheMoment) {
  so_pvclock c = Clock(2500000000u);
  c.ticks = 1000;
  c.ns = 7000000000u;
  g_ticks = 1000 + 2500000000u;
  uint64_t ns = 0;
  ASSERT_TRUE(so_pvclock_read(&c, Ticks, &ns));
  EXPECT_NEAR(8000000000.0, static_cast<double>(ns), 10.0);
  EXPECT_NEAR(2500000000.0, static_cast<double>(so_pvclock_hz(&c)), 10.0);
  c = Clock(62500000u);
  g_ticks = 62500000u;
  ASSERT_TRUE(so_pvclock_read(&c, Ticks, &ns));
  EXPECT_NEAR(1000000000.0, static_cast<double>(ns), 20.0);
}

TEST(PvclockTest, ACounterThatIsBehindDoesNotJump) {
  so_pvclock c = Clock(1000000000u);
  c.ticks = 5000;
  c.ns = 42;
  g_ticks = 4000;
  uint64_t ns = 0;
  ASSERT_TRUE(so_pvclock_read(&c, Ticks, &ns));
  EXPECT_EQ(42u, ns);
}

TEST(PvclockTest, RefusesAClockThatIsNeverConsistent) {
  so_pvclock c = Clock(1000000000u);
  c.version = 3;
  uint64_t ns = 99;
  EXPECT_FALSE(so_pvclock_read(&c, Ticks, &ns));
  EXPECT_EQ(0u, so_pvclock_hz(&c));
  c.version = 4;
  c.mul = 0;
  EXPECT_FALSE(so_pvclock_read(&c, Ticks, &ns));
  EXPECT_EQ(0u, so_pvclock_hz(&c));
  EXPECT_EQ(99u, ns);
}

// Xen rewrites the clock between the reads of it, once.
so_pvclock *g_changes = nullptr;
uint64_t ChangingTicks() {
  if (g_changes != nullptr) {
    g_changes->version += 2;
    g_changes->ns = 5000;
    g_changes->ticks = g_ticks;
    g_changes = nullptr;
  }
  return g_ticks;
}

TEST(PvclockTest, ReadsAgainWhenItChangedMeanwhile) {
  so_pvclock c = Clock(1000000000u);
  g_ticks = 100;
  g_changes = &c;
  uint64_t ns = 0;
  ASSERT_TRUE(so_pvclock_read(&c, ChangingTicks, &ns));
  EXPECT_EQ(5000u, ns);
}

}  // namespace
