#include "tests/net/emulator/link.h"

#include <stdlib.h>

#include <string.h>

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace {

constexpr uint64_t kMs = 1000000;

class Link {
 public:
  explicit Link(emulator_config c) {
    if (c.frame_max == 0) {
      c.frame_max = 100000;
    }
    EXPECT_TRUE(emulator_link_init(&l_, &c));
  }
  ~Link() { emulator_link_release(&l_); }
  void Push(uint32_t number, uint64_t now, size_t len = 100) {
    std::vector<uint8_t> f(len);
    memcpy(f.data(), &number, 4);
    emulator_link_push(&l_, f.data(), len, now);
  }
  // The numbers of all frames that leave until `now`, in order.
  std::vector<uint32_t> Pop(uint64_t now) {
    std::vector<uint32_t> out;
    for (emulator_frame *f; (f = emulator_link_pop(&l_, now)) != nullptr;) {
      uint32_t n;
      memcpy(&n, f->bytes, 4);
      out.push_back(n);
      free(f);
    }
    return out;
  }
  emulator_link l_;
};

TEST(EmulatorTest, AGoodLinkCarriesEverythingInOrderAtOnce) {
  Link link({});
  for (uint32_t i = 0; i < 1000; i++) {
    link.Push(i, i);
  }
  const std::vector<uint32_t> got = link.Pop(1000);
  ASSERT_EQ(got.size(), 1000u);
  for (uint32_t i = 0; i < 1000; i++) {
    EXPECT_EQ(got[i], i);
  }
  EXPECT_EQ(emulator_link_due(&link.l_), UINT64_MAX);
}

TEST(EmulatorTest, DelayIsExactAndJitterKeepsTheOrder) {
  emulator_config c = {};
  c.delay_ns = 50 * kMs;
  Link exact(c);
  exact.Push(1, 7);
  EXPECT_TRUE(exact.Pop(50 * kMs + 6).empty());
  EXPECT_EQ(exact.Pop(50 * kMs + 7).size(), 1u);
  c.jitter_ns = 20 * kMs;
  Link jitter(c);
  for (uint32_t i = 0; i < 500; i++) {
    jitter.Push(i, i * kMs);
  }
  const std::vector<uint32_t> got = jitter.Pop(1000 * kMs);
  ASSERT_EQ(got.size(), 500u);
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end()));
}

TEST(EmulatorTest, LosesAndDuplicatesAboutAsManyAsAsked) {
  emulator_config c = {};
  c.loss = 0.1;
  c.duplicate = 0.02;
  c.seed = 42;
  Link link(c);
  for (uint32_t i = 0; i < 20000; i++) {
    link.Push(i, i);
  }
  EXPECT_NEAR(static_cast<double>(link.l_.stats.lost), 2000, 200);
  EXPECT_NEAR(static_cast<double>(link.l_.stats.duplicated), 360, 80);
  EXPECT_EQ(link.Pop(UINT64_MAX - 1).size(), 20000 - link.l_.stats.lost + link.l_.stats.duplicated);
}

TEST(EmulatorTest, ReorderedFramesComeLaterButCome) {
  emulator_config c = {};
  c.reorder = 0.05;
  c.reorder_ns = 3 * kMs;
  c.delay_ns = kMs;
  Link link(c);
  for (uint32_t i = 0; i < 1000; i++) {
    link.Push(i, i * kMs);
  }
  const std::vector<uint32_t> got = link.Pop(10000 * kMs);
  EXPECT_EQ(got.size(), 1000u);
  EXPECT_FALSE(std::is_sorted(got.begin(), got.end()));
}

TEST(EmulatorTest, TheRateHoldsAndAFullQueueDrops) {
  emulator_config c = {};
  c.rate = 1000000;  // 1 MB/s: a millisecond for 1000 bytes.
  c.queue_ns = 10 * kMs;
  Link link(c);
  for (uint32_t i = 0; i < 100; i++) {
    link.Push(i, 0, 1000);
  }
  EXPECT_EQ(link.Pop(3 * kMs).size(), 3u);
  EXPECT_EQ(link.l_.stats.queue_full, 89u);
  EXPECT_EQ(link.Pop(100 * kMs).size(), 8u);
}

TEST(EmulatorTest, TheSameSeedGivesTheSameLuck) {
  emulator_config c = {};
  c.loss = 0.3;
  c.reorder = 0.2;
  c.reorder_ns = 5;
  c.seed = 7;
  Link a(c), b(c);
  c.seed = 8;
  Link other(c);
  for (uint32_t i = 0; i < 200; i++) {
    a.Push(i, i);
    b.Push(i, i);
    other.Push(i, i);
  }
  const std::vector<uint32_t> of_a = a.Pop(1000);
  EXPECT_EQ(of_a, b.Pop(1000));
  EXPECT_NE(of_a, other.Pop(1000));
}

TEST(EmulatorTest, NoMoreFramesThanTheLimit) {
  emulator_config c = {};
  c.frame_max = 5;
  c.delay_ns = 1;
  Link link(c);
  for (uint32_t i = 0; i < 6; i++) {
    link.Push(i, 0);
  }
  EXPECT_EQ(link.l_.stats.queue_full, 1u);
  EXPECT_EQ(link.Pop(1).size(), 5u);
}

}  // namespace
