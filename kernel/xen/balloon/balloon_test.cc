#include "kernel/xen/balloon/balloon.h"

#include <sys/mman.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

// Memory of 4000 pages, and a Xen that takes frames and gives them back. A page that is away cannot
// be touched.
class BalloonTest : public testing::Test {
 protected:
  static constexpr size_t kPages = 4000;

  BalloonTest() {
    base_ = static_cast<uint8_t *>(mmap(nullptr, kPages * 4096, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 0; i < kPages; i++) free_.insert(i);
    const so_balloon_ops ops = {
        [](void *ctx, const uint64_t *f, size_t n) {
          return static_cast<BalloonTest *>(ctx)->Give(f, n);
        },
        [](void *ctx, const uint64_t *f, size_t n) {
          return static_cast<BalloonTest *>(ctx)->Take(f, n);
        },
        this};
    const so_pages_port pages = {
        [](void *ctx, size_t n) { return static_cast<BalloonTest *>(ctx)->TakePages(n); },
        [](void *ctx, void *p, size_t n) { static_cast<BalloonTest *>(ctx)->GivePages(p, n); },
        this};
    so_balloon_init(&b_, &ops, &pages, 64);
  }
  ~BalloonTest() override { munmap(base_, kPages * 4096); }

  size_t Give(const uint64_t *frames, size_t n) {
    const size_t done = n < xen_takes_ ? n : xen_takes_;
    for (size_t i = 0; i < done; i++) {
      const size_t page = frames[i] - reinterpret_cast<uintptr_t>(base_) / 4096;
      EXPECT_LT(page, kPages);
      EXPECT_EQ(0u, free_.count(page));
      EXPECT_TRUE(away_.insert(page).second);
      mprotect(base_ + page * 4096, 4096, PROT_NONE);
    }
    return done;
  }
  size_t Take(const uint64_t *frames, size_t n) {
    const size_t done = n < xen_gives_ ? n : xen_gives_;
    for (size_t i = 0; i < done; i++) {
      const size_t page = frames[i] - reinterpret_cast<uintptr_t>(base_) / 4096;
      EXPECT_EQ(1u, away_.erase(page));
      mprotect(base_ + page * 4096, 4096, PROT_READ | PROT_WRITE);
    }
    return done;
  }
  void *TakePages(size_t n) {
    size_t run = 0;
    for (size_t i = 0; i < kPages; i++) {
      run = free_.count(i) != 0 ? run + 1 : 0;
      if (run == n) {
        for (size_t k = i + 1 - n; k <= i; k++) free_.erase(k);
        return base_ + (i + 1 - n) * 4096;
      }
    }
    return nullptr;
  }
  void GivePages(void *p, size_t n) {
    const size_t first = static_cast<size_t>(static_cast<uint8_t *>(p) - base_) / 4096;
    for (size_t i = 0; i < n; i++) {
      base_[(first + i) * 4096] = 1;  // It is there.
      EXPECT_TRUE(free_.insert(first + i).second);
      EXPECT_EQ(0u, away_.count(first + i));
    }
  }
  void Target(uint64_t kib) {
    const std::string text = std::to_string(kib);
    EXPECT_TRUE(so_balloon_target(&b_, so_test::View(text)));
  }
  so_balloon_state Settle() {
    so_balloon_state s = SO_BALLOON_MORE;
    for (int i = 0; i < 100 && s == SO_BALLOON_MORE; i++) s = so_balloon_step(&b_);
    return s;
  }

  uint8_t *base_;
  std::set<size_t> free_, away_;
  size_t xen_takes_ = SIZE_MAX, xen_gives_ = SIZE_MAX;
  so_balloon b_;
};

TEST_F(BalloonTest, GivesPagesAwayAndTakesThemBack) {
  Target(16384);
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  EXPECT_TRUE(away_.empty());
  Target(8192);
  EXPECT_EQ(SO_BALLOON_MORE, so_balloon_step(&b_));
  EXPECT_EQ(SO_BALLOON_BATCH, away_.size());
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  EXPECT_EQ(2048u, away_.size());
  Target(12000);
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  EXPECT_EQ(1096u, away_.size());
  Target(16384);
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  EXPECT_TRUE(away_.empty());
  EXPECT_GE(free_.size(), kPages - 1);
  Target(99999999);  // More than it began with: no more than that.
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
}

TEST_F(BalloonTest, LeavesTheProgramRoomToWork) {
  Target(16384);
  Target(0);
  EXPECT_EQ(SO_BALLOON_STUCK, Settle());
  EXPECT_GE(free_.size(), 64u);
  EXPECT_LT(free_.size(), 80u);
  EXPECT_GT(away_.size(), 3000u);
  const size_t away = away_.size();
  EXPECT_EQ(SO_BALLOON_STUCK, so_balloon_step(&b_));
  EXPECT_EQ(away, away_.size());
  Target(16384);
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  EXPECT_TRUE(away_.empty());
}

TEST_F(BalloonTest, WhatXenRefusesStays) {
  Target(16384);
  Target(8192);
  xen_takes_ = 10;
  EXPECT_EQ(SO_BALLOON_STUCK, so_balloon_step(&b_));
  EXPECT_EQ(10u, away_.size());
  xen_takes_ = 0;
  EXPECT_EQ(SO_BALLOON_STUCK, so_balloon_step(&b_));
  EXPECT_EQ(kPages, away_.size() + free_.size() + 1);
  xen_takes_ = SIZE_MAX;
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  Target(16384);
  xen_gives_ = 3;
  EXPECT_EQ(SO_BALLOON_STUCK, so_balloon_step(&b_));
  EXPECT_EQ(2045u, away_.size());
  xen_gives_ = SIZE_MAX;
  EXPECT_EQ(SO_BALLOON_DONE, Settle());
  EXPECT_TRUE(away_.empty());
}

TEST_F(BalloonTest, NonsenseIsNoTarget) {
  Target(16384);
  for (const char *bad : {"", "-1", "lots", "12 ", "18446744073709551616"}) {
    EXPECT_FALSE(so_balloon_target(&b_, so_str(bad))) << bad;
  }
  EXPECT_EQ(SO_BALLOON_DONE, so_balloon_step(&b_));
}

}  // namespace
