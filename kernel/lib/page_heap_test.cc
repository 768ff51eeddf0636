#include "kernel/lib/page_heap.h"

#include <memory>
#include <random>
#include <vector>

#include "tests/support/support.h"

namespace {

constexpr size_t kPage = SO_RAM_PAGE_LEN;

class PageHeapTest : public ::testing::Test {
 protected:
  static constexpr size_t kPages = 600;
  PageHeapTest() {
    map_ = mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const so_ram_range range = {reinterpret_cast<uintptr_t>(map_), kPages * kPage};
    EXPECT_TRUE(so_ok(so_ram_init(&pages_, &range, 1)));
    so_page_heap_init(&heap_, &pages_, 0x1234567890abcdef, 0);
    port_ = so_page_heap_port(&heap_);
    start_ = pages_.free_count;
  }
  ~PageHeapTest() override { munmap(map_, kPages * kPage); }
  void *Take(size_t len) { return port_.resize(port_.ctx, nullptr, 0, len); }
  void Give(void *p, size_t len) { port_.resize(port_.ctx, p, len, 0); }

  void *map_;
  so_ram pages_;
  so_page_heap heap_;
  so_heap port_;
  size_t start_;
};
using PageHeapDeathTest = PageHeapTest;

TEST_F(PageHeapTest, EveryLengthIsAlignedAndDoesNotOverlapItsNeighbour) {
  for (size_t len = 1; len <= 3 * kPage; len += len < 300 ? 1 : 97) {
    uint8_t *const a = static_cast<uint8_t *>(Take(len));
    uint8_t *const b = static_cast<uint8_t *>(Take(len));
    ASSERT_NE(a, nullptr);
    ASSERT_NE(b, nullptr);
    ASSERT_EQ(reinterpret_cast<uintptr_t>(a) % (len > SO_PAGE_HEAP_SMALL_MAX ? kPage : 16), 0u);
    memset(a, 1, len);
    memset(b, 2, len);
    ASSERT_EQ(a[0], 1);
    ASSERT_EQ(a[len - 1], 1);
    Give(a, len);
    ASSERT_EQ(b[0], 2);
    Give(b, len);
  }
  EXPECT_EQ(heap_.used, 0u);
  EXPECT_LE(heap_.page_count, SO_PAGE_HEAP_SIZES);
}

TEST_F(PageHeapTest, SmallPiecesShareAPage) {
  std::vector<void *> all;
  for (int i = 0; i < 253; i++) all.push_back(Take(16));
  EXPECT_EQ(heap_.page_count, 1u);
  all.push_back(Take(16));
  EXPECT_EQ(heap_.page_count, 2u);
  for (void *p : all) Give(p, 16);
  EXPECT_EQ(heap_.page_count, 1u);
}

// A page that was one of pieces still holds their marks when it becomes one again.
TEST_F(PageHeapTest, APieceThatWasNeverWrittenCanBeGivenBack) {
  for (int round = 0; round < 3; round++) {
    std::vector<void *> all;
    for (int i = 0; i < 100; i++) all.push_back(Take(256));
    for (void *p : all) Give(p, 256);
  }
  EXPECT_EQ(heap_.used, 0u);
}

TEST_F(PageHeapTest, RefusesPastItsLimitAndGoesOn) {
  heap_.page_max = 10;
  EXPECT_EQ(Take(11 * kPage), nullptr);
  void *const a = Take(9 * kPage);
  ASSERT_NE(a, nullptr);
  void *const b = Take(100);
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(Take(500), nullptr);  // Another size: another page.
  EXPECT_EQ(heap_.refused_count, 2u);
  // A refused growth leaves what there was.
  memset(a, 7, 9 * kPage);
  EXPECT_EQ(port_.resize(port_.ctx, a, 9 * kPage, 10 * kPage), nullptr);
  EXPECT_EQ(static_cast<uint8_t *>(a)[9 * kPage - 1], 7);
  Give(a, 9 * kPage);
  EXPECT_NE(Take(500), nullptr);
}

TEST_F(PageHeapTest, GrowsInPlaceWhereItCan) {
  uint8_t *const a = static_cast<uint8_t *>(Take(3000));
  EXPECT_EQ(port_.resize(port_.ctx, a, 3000, 5 * kPage), a);
  EXPECT_EQ(port_.resize(port_.ctx, a, 5 * kPage, 2 * kPage), a);
  void *const wall = Take(2 * kPage);
  EXPECT_EQ(wall, a + 2 * kPage);
  memset(a, 9, 2 * kPage);
  uint8_t *const moved = static_cast<uint8_t *>(port_.resize(port_.ctx, a, 2 * kPage, 3 * kPage));
  EXPECT_NE(moved, a);
  EXPECT_EQ(moved[2 * kPage - 1], 9);
}

TEST_F(PageHeapDeathTest, FindsMisuse) {
  uint8_t *const a = static_cast<uint8_t *>(Take(100));
  uint8_t *const b = static_cast<uint8_t *>(Take(100));
  EXPECT_DEATH(Give(a, 200), "");       // A wrong length.
  EXPECT_DEATH(Give(a + 16, 100), "");  // Inside.
  EXPECT_DEATH(Give(b + 112, 100), "");  // Never taken.
  Give(a, 100);
  EXPECT_DEATH(Give(a, 100), "");  // Twice.
  a[8] ^= 1;                       // Written to after it was given back.
  EXPECT_DEATH(Take(100), "");
}

TEST_F(PageHeapTest, PoisonsWhatIsGivenBack) {
  heap_.poison = true;
  uint8_t *const a = static_cast<uint8_t *>(Take(200));
  memset(a, 1, 200);
  Give(a, 200);
  EXPECT_EQ(a[100], 0xdb);
}

TEST_F(PageHeapTest, RandomWorkloadKeepsContents) {
  struct Piece {
    uint8_t *ptr;
    size_t len;
    uint8_t fill;
  };
  for (uint32_t seed = 1; seed <= 10; seed++) {
    std::mt19937 rng(seed);
    std::vector<Piece> all;
    const auto length = [&rng] {
      return rng() % 6 == 0 ? 1 + rng() % (20 * kPage) : 1 + rng() % 2500;
    };
    const auto check = [&](const Piece &p) {
      for (size_t i = 0; i < p.len; i += p.len / 7 + 1) ASSERT_EQ(p.ptr[i], p.fill) << seed;
      ASSERT_EQ(p.ptr[p.len - 1], p.fill) << seed;
    };
    size_t used = 0;
    for (int step = 0; step < 20000; step++) {
      const unsigned what = rng() % 3;
      if (what == 0 || all.empty()) {
        const size_t len = length();
        uint8_t *const p = static_cast<uint8_t *>(Take(len));
        if (p == nullptr) continue;
        all.push_back({p, len, static_cast<uint8_t>(rng())});
        memset(p, all.back().fill, len);
        used += len;
      } else if (what == 1) {
        Piece &p = all[rng() % all.size()];
        const size_t len = length();
        uint8_t *const moved = static_cast<uint8_t *>(port_.resize(port_.ctx, p.ptr, p.len, len));
        if (moved == nullptr) continue;
        used += len - p.len;
        p = {moved, p.len < len ? p.len : len, p.fill};
        check(p);
        p.len = len;
        memset(p.ptr, p.fill, len);
      } else {
        const size_t i = rng() % all.size();
        check(all[i]);
        Give(all[i].ptr, all[i].len);
        used -= all[i].len;
        all[i] = all.back();
        all.pop_back();
      }
      ASSERT_EQ(heap_.used, used);
    }
    for (const Piece &p : all) {
      check(p);
      Give(p.ptr, p.len);
    }
    EXPECT_LE(heap_.page_count, SO_PAGE_HEAP_SIZES);
  }
  EXPECT_EQ(pages_.free_count, start_ - heap_.page_count);
}

}  // namespace
