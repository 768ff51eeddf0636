#include "arm/page_tables/page_tables.h"

#include <map>

#include "tests/support/support.h"

namespace {

constexpr uint64_t kValid = 1, kTable = 2, kReadOnly = 1 << 7, kShared = 3 << 8, kUsed = 1 << 10;
constexpr uint64_t kNeverRun = UINT64_C(3) << 53;
constexpr uint64_t kAddress = UINT64_C(0x0000fffffffff000);

class PageTablesTest : public testing::Test {
 protected:
  static constexpr size_t kPages = 64;

  void Start(size_t pages) {
    free(memory_);
    memory_ = aligned_alloc(4096, kPages * 4096);
    memset(memory_, 0, kPages * 4096);
    so_page_tables_init(&t_, memory_, pages);
  }
  PageTablesTest() { Start(kPages); }
  ~PageTablesTest() override { free(memory_); }

  // What a processor makes of `address`: its translation by the rules of D8.2, or 0 for a fault.
  struct Seen {
    uint64_t address, bits;
    unsigned level;
  };
  Seen Walk(uint64_t address) const {
    const uint64_t *table = t_.root;
    for (unsigned level = 1; level <= 3; level++) {
      const unsigned shift = 12 + 9 * (3 - level);
      const uint64_t entry = table[address >> shift & 511];
      if ((entry & kValid) == 0) {
        return {0, 0, level};
      }
      if (level < 3 && (entry & kTable) != 0) {
        table = reinterpret_cast<const uint64_t *>(entry & kAddress);
        continue;
      }
      EXPECT_TRUE(level != 3 || (entry & kTable) != 0) << "reserved";
      const uint64_t within = (UINT64_C(1) << shift) - 1;
      EXPECT_EQ(0u, entry & kAddress & within) << "an address that is not of its level";
      return {(entry & kAddress) | (address & within), entry & ~kAddress & ~kTable, level};
    }
    return {0, 0, 3};
  }
  void ExpectMapped(uint64_t address, uint64_t bits, unsigned level) {
    const Seen seen = Walk(address);
    EXPECT_EQ(address, seen.address);
    EXPECT_EQ(bits, seen.bits) << std::hex << address;
    EXPECT_EQ(level, seen.level) << std::hex << address;
    EXPECT_TRUE(so_page_tables_is_mapped(&t_, address));
  }
  void ExpectFault(uint64_t address) {
    EXPECT_EQ(0u, Walk(address).bits) << std::hex << address;
    EXPECT_FALSE(so_page_tables_is_mapped(&t_, address)) << std::hex << address;
  }

  void *memory_ = nullptr;
  so_page_tables t_;
};

constexpr uint64_t kData = kValid | kUsed | kShared | kNeverRun;
constexpr uint64_t kCode = kValid | kUsed | kShared | kReadOnly;
constexpr uint64_t kConst = kCode | kNeverRun;
constexpr uint64_t kDevice = kValid | kUsed | 1 << 2 | kNeverRun;

TEST_F(PageTablesTest, LargeRangesTakeBlocksAndTheirEndsPages) {
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x401ff000, 0x402000, SO_PAGE_DATA));
  ExpectFault(0x401fe000);
  ExpectMapped(0x401ff123, kData, 3);
  ExpectMapped(0x40200000, kData, 2);
  ExpectMapped(0x405fffff, kData, 2);
  ExpectMapped(0x40600000, kData, 3);
  ExpectFault(0x40601000);
  ExpectFault(0);
}

TEST_F(PageTablesTest, KindsGiveTheirRights) {
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x1000, 0x1000, SO_PAGE_CODE));
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x2000, 0x1000, SO_PAGE_CONST));
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x3000, 0x1000, SO_PAGE_DEVICE));
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x4000, 0x1000, SO_PAGE_BOOT));
  ExpectMapped(0x1000, kCode, 3);
  ExpectMapped(0x2000, kConst, 3);
  ExpectMapped(0x3000, kDevice, 3);
  ExpectMapped(0x4000, kValid | kUsed | kShared, 3);
}

// Nothing but BOOT may be written and executed.
TEST_F(PageTablesTest, WritableIsNeverExecutable) {
  for (const so_page_kind k : {SO_PAGE_CODE, SO_PAGE_CONST, SO_PAGE_DATA, SO_PAGE_DEVICE}) {
    const uint64_t d = so_page_descriptor(0x1000, k);
    EXPECT_TRUE((d & kReadOnly) != 0 || (d & kNeverRun) == kNeverRun);
  }
}

TEST_F(PageTablesTest, ALaterRangeReplacesPartOfABlock) {
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x40000000, 0x800000, SO_PAGE_DATA));
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x40201000, 0x2000, SO_PAGE_CODE));
  ExpectMapped(0x401fffff, kData, 2);
  ExpectMapped(0x40200000, kData, 3);
  ExpectMapped(0x40201000, kCode, 3);
  ExpectMapped(0x40202fff, kCode, 3);
  ExpectMapped(0x40203000, kData, 3);
  ExpectMapped(0x403ff000, kData, 3);
  ExpectMapped(0x40400000, kData, 2);
}

TEST_F(PageTablesTest, ASplitMapsTheSame) {
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x40000000, 0x400000, SO_PAGE_DATA));
  EXPECT_EQ(nullptr, so_page_tables_leaf(&t_, 0x40212000));
  so_page_change change;
  ASSERT_TRUE(so_page_tables_split(&t_, 0x40212000, &change));
  ExpectMapped(0x40212000, kData, 2);  // Until the caller makes the change.
  ASSERT_NE(nullptr, change.entry);
  *change.entry = change.value;
  for (uint64_t a = 0x40200000; a < 0x40400000; a += 4096) {
    ExpectMapped(a, kData, 3);
  }
  ExpectMapped(0x40000000, kData, 2);
  ASSERT_TRUE(so_page_tables_split(&t_, 0x40213000, &change));
  EXPECT_EQ(nullptr, change.entry);
  uint64_t *const leaf = so_page_tables_leaf(&t_, 0x40212000);
  ASSERT_NE(nullptr, leaf);
  *leaf = 0;
  ExpectFault(0x40212000);
  ExpectMapped(0x40211000, kData, 3);
  ExpectMapped(0x40213000, kData, 3);
}

TEST_F(PageTablesTest, WhatIsNotMappedCannotBeSplit) {
  SO_ASSERT_OK(so_page_tables_map(&t_, 0x40000000, 0x200000, SO_PAGE_DATA));
  so_page_change change;
  for (const uint64_t a : {UINT64_C(0), UINT64_C(0x40200000), UINT64_C(0x80000000),
                           UINT64_C(512) << 30, UINT64_MAX}) {
    EXPECT_FALSE(so_page_tables_split(&t_, a, &change));
    EXPECT_EQ(nullptr, so_page_tables_leaf(&t_, a));
  }
}

TEST_F(PageTablesTest, TheAddressSpaceEnds) {
  const uint64_t end = UINT64_C(512) << 30;
  SO_EXPECT_OK(so_page_tables_map(&t_, end - 4096, 4096, SO_PAGE_DATA));
  ExpectMapped(end - 1, kData, 3);
  SO_EXPECT_CODE(SO_LIMIT, so_page_tables_map(&t_, end - 4096, 8192, SO_PAGE_DATA));
  SO_EXPECT_CODE(SO_LIMIT, so_page_tables_map(&t_, UINT64_MAX - 4095, 4096, SO_PAGE_DATA));
}

TEST_F(PageTablesTest, RunningOutOfTablesIsSaidAtEachCount) {
  const uint64_t base = 0x401ff000, len = 0x40402000;  // Two GiB touched, pages at both ends.
  size_t enough = 0;
  for (size_t pages = 1; pages <= 8 && enough == 0; pages++) {
    Start(pages);
    if (so_ok(so_page_tables_map(&t_, base, len, SO_PAGE_DATA))) {
      enough = pages;
    }
  }
  EXPECT_EQ(1u + 2u + 2u, enough);
  so_page_change change;
  EXPECT_FALSE(so_page_tables_split(&t_, 0x40200000, &change));
}

TEST_F(PageTablesTest, TheBoundIsEnoughForEveryPageAlone) {
  const struct {
    uint64_t base, len;
  } ranges[] = {{0x1000, 0x1000}, {0x401ff000, 0x402000}, {0x3fe00000, 0x400000}, {0, 0x200000}};
  for (const auto &r : ranges) {
    const size_t need = so_page_tables_need(r.base, r.len);
    Start(1 + need);
    SO_ASSERT_OK(so_page_tables_map(&t_, r.base, r.len, SO_PAGE_DATA));
    for (uint64_t a = r.base; a < r.base + r.len; a += 4096) {
      so_page_change change;
      ASSERT_TRUE(so_page_tables_split(&t_, a, &change));
      if (change.entry != nullptr) {
        *change.entry = change.value;
      }
      ExpectMapped(a, kData, 3);
    }
  }
  EXPECT_EQ(0u, so_page_tables_need(0x1000, 0));
}

}  // namespace
