#include "kernel/lib/ram.h"

#include <map>
#include <random>
#include <vector>

#include "tests/support/support.h"

namespace {

constexpr size_t kPage = SO_RAM_PAGE_LEN;

// Memory at a page boundary.
class Ram {
 public:
  explicit Ram(size_t pages) : pages_(pages) {
    map_ = static_cast<uint8_t *>(mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  ~Ram() { munmap(map_, pages_ * kPage); }
  so_ram_range Range(size_t first, size_t count) const {
    return {reinterpret_cast<uintptr_t>(map_) + first * kPage, count * kPage};
  }
  size_t NumberOf(const void *p) const {
    return static_cast<size_t>(static_cast<const uint8_t *>(p) - map_) / kPage;
  }

 private:
  size_t pages_;
  uint8_t *map_;
};

size_t CountUntilRefused(so_ram *p, size_t run) {
  size_t n = 0;
  while (so_ram_take(p, run) != nullptr) n++;
  return n;
}

TEST(RamTest, EveryPageIsHandedOutOnce) {
  const Ram ram(1000);
  const so_ram_range range = ram.Range(0, 1000);
  so_ram p;
  SO_ASSERT_OK(so_ram_init(&p, &range, 1));
  EXPECT_EQ(p.total_count, 1000u);
  const size_t free = p.free_count;
  EXPECT_EQ(free, 999u);  // Its own tables take one.
  std::vector<bool> seen(1000, false);
  for (size_t i = 0; i < free; i++) {
    void *const page = so_ram_take(&p, 1);
    ASSERT_NE(page, nullptr);
    memset(page, 0xa5, kPage);
    ASSERT_FALSE(seen[ram.NumberOf(page)]);
    seen[ram.NumberOf(page)] = true;
  }
  EXPECT_EQ(so_ram_take(&p, 1), nullptr);
  EXPECT_EQ(p.refused_count, 1u);
  EXPECT_EQ(p.free_count, 0u);
  EXPECT_EQ(p.free_min, 0u);
}

TEST(RamTest, RunsOfAnyLengthAreNotRounded) {
  const Ram ram(1025);
  const so_ram_range range = ram.Range(0, 1025);
  for (size_t run : {1u, 2u, 3u, 63u, 64u, 65u, 127u, 129u, 341u, 1024u}) {
    so_ram p;
    SO_ASSERT_OK(so_ram_init(&p, &range, 1));
    EXPECT_EQ(so_ram_longest(&p), 1024u);
    EXPECT_EQ(CountUntilRefused(&p, run), 1024u / run) << run;
  }
}

TEST(RamTest, ARunDoesNotCrossAHole) {
  const Ram ram(400);
  const so_ram_range ranges[] = {ram.Range(300, 100), ram.Range(0, 100), ram.Range(120, 3)};
  so_ram p;
  SO_ASSERT_OK(so_ram_init(&p, ranges, 3));
  EXPECT_EQ(p.total_count, 203u);
  EXPECT_EQ(so_ram_longest(&p), 100u);
  EXPECT_EQ(so_ram_take(&p, 101), nullptr);
  EXPECT_EQ(CountUntilRefused(&p, 3), 33u + 33u + 1u);
}

TEST(RamTest, RefusesRangesThatAreNoMemory) {
  const Ram ram(4);
  so_ram p;
  EXPECT_TRUE(so_is(so_ram_init(&p, nullptr, 0), SO_LIMIT));
  so_ram_range bad = ram.Range(0, 4);
  bad.len -= 1;
  EXPECT_TRUE(so_is(so_ram_init(&p, &bad, 1), SO_LIMIT));
  bad = ram.Range(0, 4);
  bad.base += 8;
  EXPECT_TRUE(so_is(so_ram_init(&p, &bad, 1), SO_LIMIT));
  bad = {0, 4 * kPage};
  EXPECT_TRUE(so_is(so_ram_init(&p, &bad, 1), SO_LIMIT));
  // Far apart: the tables would be larger than what there is.
  const so_ram_range far[] = {ram.Range(0, 1), {ram.Range(0, 1).base + (1ull << 36), kPage}};
  EXPECT_TRUE(so_is(so_ram_init(&p, far, 2), SO_LIMIT));
}

TEST(RamTest, ExtendsOnlyIntoFreePages) {
  const Ram ram(66);
  const so_ram_range range = ram.Range(0, 66);
  so_ram p;
  SO_ASSERT_OK(so_ram_init(&p, &range, 1));
  void *const a = so_ram_take(&p, 10);
  EXPECT_TRUE(so_ram_extend(&p, a, 10, 20));
  EXPECT_EQ(p.free_count, 35u);
  void *const b = so_ram_take(&p, 1);
  EXPECT_FALSE(so_ram_extend(&p, a, 30, 1));
  EXPECT_FALSE(so_ram_extend(&p, b, 1, 35));
  EXPECT_TRUE(so_ram_extend(&p, b, 1, 34));
  EXPECT_EQ(p.free_count, 0u);
  so_ram_give(&p, a, 30);
  so_ram_give(&p, b, 35);
  EXPECT_EQ(so_ram_longest(&p), 65u);
}

TEST(RamDeathTest, FindsWhatWasNotTaken) {
  const Ram ram(70);
  const so_ram_range range = ram.Range(0, 70);
  so_ram p;
  SO_ASSERT_OK(so_ram_init(&p, &range, 1));
  uint8_t *const a = static_cast<uint8_t *>(so_ram_take(&p, 3));
  EXPECT_DEATH(so_ram_give(&p, a, 4), "");
  EXPECT_DEATH(so_ram_give(&p, a + 1, 1), "");
  so_ram_give(&p, a, 3);
  EXPECT_DEATH(so_ram_give(&p, a, 3), "");
  EXPECT_DEATH(so_ram_give(&p, a - kPage * 100, 1), "");
}

// Against a map of what is taken, and a search without cleverness.
TEST(RamTest, RandomWorkloadMatchesASimpleModel) {
  for (uint32_t seed = 1; seed <= 20; seed++) {
    std::mt19937 rng(seed);
    const size_t total = 65 + rng() % 900;
    const Ram ram(total);
    const so_ram_range range = ram.Range(0, total);
    so_ram p;
    SO_ASSERT_OK(so_ram_init(&p, &range, 1));
    std::vector<bool> taken(total, false);
    for (size_t i = 0; i < total - p.free_count; i++) taken[i] = true;
    std::map<size_t, size_t> runs;
    for (int step = 0; step < 3000; step++) {
      if (rng() % 2 == 0 || runs.empty()) {
        const size_t want = 1 + (rng() % 8 == 0 ? rng() % 200 : rng() % 10);
        size_t expect = total, length = 0;
        for (size_t i = 0; i < total; i++) {
          length = taken[i] ? 0 : length + 1;
          if (length == want) {
            expect = i + 1 - want;
            break;
          }
        }
        void *const got = so_ram_take(&p, want);
        ASSERT_EQ(got == nullptr, expect == total) << "seed " << seed;
        if (got != nullptr) {
          ASSERT_EQ(ram.NumberOf(got), expect) << "seed " << seed;
          runs[expect] = want;
          for (size_t i = 0; i < want; i++) taken[expect + i] = true;
        }
      } else {
        auto it = runs.begin();
        std::advance(it, static_cast<long>(rng() % runs.size()));
        // A part of it, from the end, or all.
        const size_t give = 1 + rng() % it->second;
        const size_t at = it->first + it->second - give;
        so_ram_give(&p, reinterpret_cast<void *>(range.base + at * kPage), give);
        for (size_t i = 0; i < give; i++) taken[at + i] = false;
        it->second -= give;
        if (it->second == 0) runs.erase(it);
      }
      ASSERT_EQ(p.free_count, static_cast<size_t>(std::count(taken.begin(), taken.end(), false)));
    }
  }
}

}  // namespace
