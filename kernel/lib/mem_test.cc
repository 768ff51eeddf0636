// The functions of mem.c under other names, beside libc's.

#include <random>
#include <vector>

#include "tests/support/support.h"

extern "C" {
void *so_mem_memcpy(void *dst, const void *src, size_t n);
void *so_mem_memmove(void *dst, const void *src, size_t n);
void *so_mem_memset(void *dst, int c, size_t n);
int so_mem_memcmp(const void *a, const void *b, size_t n);
}

namespace {

std::vector<uint8_t> Random(size_t n) {
  std::mt19937 rng(static_cast<uint32_t>(n) + 1);
  std::vector<uint8_t> v(n);
  for (uint8_t &b : v) b = static_cast<uint8_t>(rng());
  return v;
}

constexpr size_t kMax = 300;

TEST(MemTest, CopiesEveryLengthAtEveryAlignmentAndNothingElse) {
  const std::vector<uint8_t> src = Random(kMax + 32);
  for (size_t n = 0; n <= kMax; n++) {
    for (size_t off = 0; off < 17; off++) {
      std::vector<uint8_t> got(kMax + 64, 0xee), want(kMax + 64, 0xee);
      EXPECT_EQ(so_mem_memcpy(&got[off], &src[16 - off], n), &got[off]);
      memcpy(&want[off], &src[16 - off], n);
      ASSERT_EQ(got, want) << n << " at " << off;
    }
  }
}

TEST(MemTest, MovesOverlappingRangesBothWays) {
  for (size_t n = 0; n <= kMax; n++) {
    for (size_t from = 0; from < 40; from += 3) {
      for (size_t to = 0; to < 40; to += 3) {
        std::vector<uint8_t> got = Random(kMax + 64), want = got;
        so_mem_memmove(&got[to], &got[from], n);
        memmove(&want[to], &want[from], n);
        ASSERT_EQ(got, want) << n << " from " << from << " to " << to;
      }
    }
  }
}

TEST(MemTest, SetsEveryLength) {
  for (size_t n = 0; n <= kMax; n++) {
    for (size_t off = 0; off < 17; off++) {
      std::vector<uint8_t> got(kMax + 64, 0xee), want(kMax + 64, 0xee);
      so_mem_memset(&got[off], 0x1c7, n);
      memset(&want[off], 0x1c7, n);
      ASSERT_EQ(got, want) << n;
    }
  }
}

TEST(MemTest, ComparesAsUnsignedBytes) {
  const std::vector<uint8_t> a = Random(100);
  for (size_t n = 0; n <= 100; n++) {
    EXPECT_EQ(so_mem_memcmp(a.data(), a.data(), n), 0);
    for (size_t at = 0; at < n; at++) {
      std::vector<uint8_t> b = a;
      b[at] = static_cast<uint8_t>(b[at] + 0x80);
      const bool less = a[at] < b[at];
      ASSERT_EQ(so_mem_memcmp(a.data(), b.data(), n) < 0, less) << n << " " << at;
      ASSERT_EQ(so_mem_memcmp(b.data(), a.data(), n) < 0, !less) << n << " " << at;
    }
  }
}

TEST(MemTest, StaysWithinItsBytes) {
  for (size_t n = 0; n <= 100; n++) {
    const so_test::Guarded a(std::string(n, 'x'));
    const so_test::Guarded b(std::string(n, 'x'));
    EXPECT_EQ(so_mem_memcmp(a.view().ptr, b.view().ptr, n), 0);
    so_mem_memcpy(const_cast<uint8_t *>(a.view().ptr), b.view().ptr, n);
    so_mem_memset(const_cast<uint8_t *>(a.view().ptr), 1, n);
  }
}

}  // namespace
