#include "arm/layout/layout.h"

#include "arm/page_tables/page_tables.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kEnd = UINT64_C(512) << 30;

so_arm_machine Machine(std::vector<so_arm_range> memory, std::vector<so_arm_range> reserved = {}) {
  so_arm_machine m = {};
  std::copy(memory.begin(), memory.end(), m.memory);
  m.memory_count = memory.size();
  std::copy(reserved.begin(), reserved.end(), m.reserved);
  m.reserved_count = reserved.size();
  return m;
}

so_status Make(const so_arm_machine &m, const std::vector<so_arm_range> &used, so_layout *out,
               uint64_t end = kEnd) {
  return so_layout_make(&m, used.data(), used.size(), end, out);
}

bool Overlap(so_arm_range a, so_arm_range b) {
  return a.len != 0 && b.len != 0 && a.base < b.base + b.len && b.base < a.base + a.len;
}

uint64_t FreeLen(const so_layout &l) {
  uint64_t len = 0;
  for (size_t i = 0; i < l.free_count; i++) {
    len += l.free[i].len;
  }
  return len;
}

void ExpectSound(const so_layout &l, const std::vector<so_arm_range> &used) {
  for (size_t i = 0; i < l.free_count; i++) {
    EXPECT_EQ(0u, l.free[i].base % 4096 + l.free[i].len % 4096);
    EXPECT_FALSE(Overlap(l.free[i], l.tables));
    for (const auto &u : used) {
      EXPECT_FALSE(Overlap(l.free[i], u));
      EXPECT_FALSE(Overlap(l.tables, u));
    }
    for (size_t j = 0; j < i; j++) {
      EXPECT_FALSE(Overlap(l.free[i], l.free[j]));
    }
  }
}

TEST(LayoutTest, ImageAndTreeAreTakenOut) {
  const std::vector<so_arm_range> used = {{0x40200000, 0x12345}, {0x43fff000, 0x77}};
  so_layout l;
  SO_ASSERT_OK(Make(Machine({{0x40000000, 64 << 20}}), used, &l));
  ExpectSound(l, used);
  EXPECT_EQ((64u << 20) - 0x13000 - 0x1000 - l.tables.len, FreeLen(l));
  EXPECT_GE(l.tables.len / 4096, 1 + so_page_tables_need(0x40000000, 64 << 20));
}

TEST(LayoutTest, OverlappingAndTouchingUsesAreCountedOnce) {
  const std::vector<so_arm_range> used = {
      {0x40000000, 0x3000}, {0x40002000, 0x2000}, {0x40004000, 0x1000}, {0x40001000, 0x1000}};
  so_layout l;
  SO_ASSERT_OK(Make(Machine({{0x40000000, 1 << 20}}, {{0x40080000, 0x80000}}), used, &l));
  ExpectSound(l, used);
  EXPECT_EQ(0x80000u - 0x5000 - l.tables.len, FreeLen(l));
}

TEST(LayoutTest, MemoryIsCutToWholePagesAndAddressesThatCanBeMapped) {
  so_layout l;
  SO_ASSERT_OK(Make(Machine({{0x40000800, 0x400000}, {0xfff00000, 0x10000000}}), {}, &l,
                    UINT64_C(1) << 32));
  ASSERT_EQ(2u, l.memory_count);
  EXPECT_EQ(0x40001000u, l.memory[0].base);
  EXPECT_EQ(0x3ff000u, l.memory[0].len);
  EXPECT_EQ(0x100000u, l.memory[1].len);
  SO_ASSERT_OK(Make(Machine({{0x40000000, 0x400000}, {UINT64_C(1) << 33, 0x10000000}}), {}, &l,
                    UINT64_C(1) << 32));
  EXPECT_EQ(1u, l.memory_count);
}

TEST(LayoutTest, PageZeroIsNeverFree) {
  so_layout l;
  SO_ASSERT_OK(Make(Machine({{0, 4 << 20}}), {}, &l));
  ExpectSound(l, {{0, 4096}});
}

TEST(LayoutTest, DevicesArePagesAndSlotsShareThem) {
  so_arm_machine m = Machine({{0x40000000, 4 << 20}});
  m.gic.distributor = {0x08000000, 0x10000};
  m.gic.cpu = {0x08010000, 0x10000};
  m.uart.registers = {0x09000000, 0x1000};
  for (m.virtio_count = 0; m.virtio_count < 32; m.virtio_count++) {
    m.virtio[m.virtio_count].registers = {0x0a000000 + 0x200 * m.virtio_count, 0x200};
  }
  so_layout l;
  SO_ASSERT_OK(Make(m, {}, &l));
  EXPECT_EQ(3u + 4u, l.device_count);
  m.virtio[0].registers = {0x0affff80, 0x200};  // Across two pages.
  SO_ASSERT_OK(Make(m, {}, &l));
  EXPECT_EQ(0x2000u, l.devices[3].len);
}

TEST(LayoutTest, TooLittleMemoryIsSaid) {
  so_layout l;
  SO_EXPECT_CODE(SO_LIMIT, Make(Machine({}), {}, &l));
  const uint64_t tables = 1 + 16 + so_page_tables_need(0x40000000, 4096);
  SO_EXPECT_CODE(SO_LIMIT, Make(Machine({{0x40000000, (tables - 1) * 4096}}), {}, &l));
  SO_EXPECT_OK(Make(Machine({{0x40000000, tables * 4096}}), {}, &l));
  EXPECT_EQ(0u, l.free_count);
}

TEST(LayoutTest, PiecesHaveALimit) {
  for (const size_t holes : {SO_LAYOUT_FREE_MAX - 1, SO_LAYOUT_FREE_MAX}) {
    std::vector<so_arm_range> used;
    for (size_t i = 1; i <= holes; i++) {
      used.push_back({0x40000000 + i * 0x100000, 0x1000});
    }
    so_layout l;
    SO_EXPECT_CODE(holes < SO_LAYOUT_FREE_MAX ? SO_OK : SO_LIMIT,
                   Make(Machine({{0x40000000, 64 << 20}}), used, &l));
  }
}

}  // namespace
