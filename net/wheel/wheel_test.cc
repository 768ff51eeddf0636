#include "net/wheel/wheel.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kMs = SO_NS_PER_MS;

class WheelTest : public testing::Test {
 protected:
  void Start(uint64_t now_ns) { so_wheel_init(wheel_.get(), now_ns); }
  std::unique_ptr<so_wheel> wheel_ = std::make_unique<so_wheel>();
};

// Sleeps from deadline to deadline, as a program does, until `e` expires; returns when it did.
uint64_t SleepUntilExpired(so_wheel *w, const so_wheel_entry *e, int *wakes) {
  for (;;) {
    const uint64_t now = so_wheel_deadline(w);
    if (now == SO_NEVER) {
      return SO_NEVER;
    }
    ++*wakes;
    if (so_wheel_expire(w, now) == e) {
      return now;
    }
  }
}

TEST_F(WheelTest, AnEmptyWheelNeverWakes) {
  Start(5 * kMs);
  EXPECT_EQ(so_wheel_deadline(wheel_.get()), SO_NEVER);
  EXPECT_EQ(so_wheel_expire(wheel_.get(), 1000000 * kMs), nullptr);
}

TEST_F(WheelTest, EveryDistanceExpiresInItsTickAndNeverEarly) {
  for (uint64_t start : {UINT64_C(0), 255 * kMs, 65535 * kMs + 7, UINT64_C(123456789012345)}) {
    for (uint64_t ms : {0u, 1u, 2u, 254u, 255u, 256u, 257u, 511u, 512u, 65279u, 65535u, 65536u, 65537u,
                        131072u, 16777215u, 16777216u, 4294967295u}) {
      for (uint64_t extra : {UINT64_C(0), UINT64_C(1), kMs - 1}) {
        Start(start);
        so_wheel_entry e;
        so_wheel_entry_init(&e);
        const uint64_t at = start + ms * kMs + extra;
        so_wheel_arm(wheel_.get(), &e, at);
        EXPECT_TRUE(so_wheel_armed(&e));
        int wakes = 0;
        const uint64_t fired = SleepUntilExpired(wheel_.get(), &e, &wakes);
        EXPECT_GE(fired + (ms == 0 && extra == 0 ? kMs : 0), at);
        EXPECT_LT(fired, at + kMs);
        EXPECT_LE(wakes, SO_WHEEL_LEVELS);
        EXPECT_FALSE(so_wheel_armed(&e));
      }
    }
  }
}

TEST_F(WheelTest, ADeadlineBeyondTheHorizonStillExpiresOnTime) {
  Start(0);
  so_wheel_entry e;
  so_wheel_entry_init(&e);
  const uint64_t at = UINT64_C(9) << 32;
  so_wheel_arm(wheel_.get(), &e, at * kMs);
  int wakes = 0;
  EXPECT_EQ(SleepUntilExpired(wheel_.get(), &e, &wakes), at * kMs);
  EXPECT_LT(wakes, 64);
}

TEST_F(WheelTest, ReArmingLaterDoesNotMoveTheEntryAndExpiresOnTime) {
  Start(0);
  so_wheel_entry e;
  so_wheel_entry_init(&e);
  so_wheel_arm(wheel_.get(), &e, 200 * kMs);
  const uint16_t slot = e.slot;
  for (uint64_t t = 201; t < 1000; t++) {
    so_wheel_arm(wheel_.get(), &e, t * kMs);
    EXPECT_EQ(e.slot, slot);
  }
  int wakes = 0;
  EXPECT_EQ(SleepUntilExpired(wheel_.get(), &e, &wakes), 999 * kMs);
}

TEST_F(WheelTest, ReArmingEarlierExpiresEarlier) {
  Start(0);
  so_wheel_entry e;
  so_wheel_entry_init(&e);
  so_wheel_arm(wheel_.get(), &e, 5000 * kMs);
  so_wheel_arm(wheel_.get(), &e, 3 * kMs);
  EXPECT_EQ(so_wheel_deadline(wheel_.get()), 3 * kMs);
  EXPECT_EQ(so_wheel_expire(wheel_.get(), 3 * kMs), &e);
  EXPECT_EQ(so_wheel_deadline(wheel_.get()), SO_NEVER);
}

TEST_F(WheelTest, DisarmedAndCancelledEntriesDoNotExpire) {
  Start(0);
  so_wheel_entry a, b;
  so_wheel_entry_init(&a);
  so_wheel_entry_init(&b);
  so_wheel_arm(wheel_.get(), &a, 10 * kMs);
  so_wheel_arm(wheel_.get(), &b, 10 * kMs);
  so_wheel_arm(wheel_.get(), &a, SO_NEVER);
  so_wheel_cancel(wheel_.get(), &b);
  so_wheel_cancel(wheel_.get(), &b);
  EXPECT_FALSE(so_wheel_armed(&a));
  EXPECT_EQ(so_wheel_expire(wheel_.get(), 20 * kMs), nullptr);
  EXPECT_EQ(wheel_->count, 0u);
  EXPECT_EQ(so_wheel_deadline(wheel_.get()), SO_NEVER);
}

TEST_F(WheelTest, AnEntryCanBeArmedAgainWhileItIsBeingExpired) {
  Start(0);
  so_wheel_entry e;
  so_wheel_entry_init(&e);
  so_wheel_arm(wheel_.get(), &e, kMs);
  int fired = 0;
  for (uint64_t now = kMs; now <= 10 * kMs; now += kMs) {
    while (so_wheel_entry *x = so_wheel_expire(wheel_.get(), now)) {
      fired++;
      so_wheel_arm(wheel_.get(), x, now + 2 * kMs);
    }
  }
  EXPECT_EQ(fired, 5);
}

TEST_F(WheelTest, AWheelMayBeMoved) {
  Start(0);
  so_wheel_entry e;
  so_wheel_entry_init(&e);
  so_wheel_arm(wheel_.get(), &e, 300 * kMs);
  auto moved = std::make_unique<so_wheel>(*wheel_);
  wheel_.reset();
  EXPECT_EQ(so_wheel_expire(moved.get(), 299 * kMs), nullptr);
  EXPECT_EQ(so_wheel_expire(moved.get(), 300 * kMs), &e);
}

TEST_F(WheelTest, ALongSleepHandsOutEverythingThatIsDue) {
  Start(0);
  std::vector<so_wheel_entry> entries(1000);
  for (size_t i = 0; i < entries.size(); i++) {
    so_wheel_entry_init(&entries[i]);
    so_wheel_arm(wheel_.get(), &entries[i], i * i * kMs);
  }
  size_t fired = 0;
  while (so_wheel_expire(wheel_.get(), 500 * 500 * kMs) != nullptr) {
    fired++;
  }
  EXPECT_EQ(fired, 501u);
  EXPECT_EQ(wheel_->count, 499u);
}

// 100,000 entries against an ordered map, with arming, moving, cancelling and sleeping at random.
TEST_F(WheelTest, OneHundredThousandEntriesAgreeWithAModel) {
  constexpr size_t kEntries = 100000;
  const uint32_t seed = 20240607;
  std::mt19937_64 random(seed);
  uint64_t now = 987654321;
  Start(now);
  std::vector<so_wheel_entry> entries(kEntries);
  std::vector<uint64_t> model(kEntries, SO_NEVER);
  for (auto &e : entries) {
    so_wheel_entry_init(&e);
  }
  uint64_t fired = 0;
  for (int round = 0; round < 60; round++) {
    for (int i = 0; i < 20000; i++) {
      const size_t k = random() % kEntries;
      const unsigned kind = random() % 8;
      if (kind == 0) {
        so_wheel_cancel(wheel_.get(), &entries[k]);
        model[k] = SO_NEVER;
      } else if (kind == 1) {
        so_wheel_arm(wheel_.get(), &entries[k], SO_NEVER);
        model[k] = SO_NEVER;
      } else {
        const uint64_t at = now + (random() % (UINT64_C(1) << (10 + random() % 32)));
        so_wheel_arm(wheel_.get(), &entries[k], at);
        model[k] = at;
      }
    }
    const uint64_t earliest = *std::min_element(model.begin(), model.end());
    const uint64_t deadline = so_wheel_deadline(wheel_.get());
    ASSERT_LT(deadline, earliest + kMs) << "seed " << seed;
    now += random() % (UINT64_C(1) << (10 + random() % 28));
    while (so_wheel_entry *e = so_wheel_expire(wheel_.get(), now)) {
      const size_t k = static_cast<size_t>(e - entries.data());
      ASSERT_LE(model[k], now) << "seed " << seed;
      model[k] = SO_NEVER;
      fired++;
    }
    for (size_t k = 0; k < kEntries; k++) {
      ASSERT_GT(model[k], now - now % kMs - kMs) << "seed " << seed << " entry " << k;
    }
  }
  EXPECT_GT(fired, 100000u);
}

}  // namespace
