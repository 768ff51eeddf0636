#include "kernel/x86/pvh/pvh.h"

#include <algorithm>
#include <random>
#include <vector>

#include "tests/support/support.h"

namespace {

constexpr uint64_t kBase = 0x1000;

// Physical memory from kBase, laid out as a loader would.
class Machine {
 public:
  explicit Machine(size_t len = 0x2000) : bytes_(len, 0) {}
  void Put32(uint64_t at, uint32_t v) {
    for (size_t i = 0; i < 4; i++) bytes_[at - kBase + i] = static_cast<uint8_t>(v >> (8 * i));
  }
  void Put64(uint64_t at, uint64_t v) {
    Put32(at, static_cast<uint32_t>(v));
    Put32(at + 4, static_cast<uint32_t>(v >> 32));
  }
  void PutText(uint64_t at, const std::string &s) {
    std::copy(s.begin(), s.end(), bytes_.begin() + static_cast<long>(at - kBase));
  }
  void PutEntry(uint64_t at, uint64_t base, uint64_t len, uint32_t type) {
    Put64(at, base);
    Put64(at + 8, len);
    Put32(at + 16, type);
  }
  so_status Parse(uint64_t at, so_pvh_info *out) {
    const so_pvh_view view = {
        [](void *ctx, uint64_t address, size_t len) -> const uint8_t * {
          const std::vector<uint8_t> &b = static_cast<Machine *>(ctx)->bytes_;
          const bool ok = address >= kBase && address - kBase <= b.size() &&
                          len <= b.size() - (address - kBase);
          return ok ? b.data() + (address - kBase) : nullptr;
        },
        this};
    return so_pvh_parse(&view, at, out);
  }
  // A start info at 0x1100 with a command line, one module, and a map of three entries.
  void Fill() {
    Put32(0x1100, 0x336ec578);
    Put32(0x1104, 1);
    Put32(0x110c, 1);
    Put64(0x1110, 0x1200);
    Put64(0x1118, 0x1300);
    Put64(0x1120, 0xfc000000);
    Put64(0x1128, 0x1400);
    Put32(0x1130, 3);
    Put64(0x1200, 0x800000);
    Put64(0x1208, 0x1234);
    PutText(0x1300, "ip=dhcp -- x");
    PutEntry(0x1400, 0, 0x9fc00, 1);
    PutEntry(0x1418, 0x9fc00, 0x400, 2);
    PutEntry(0x1430, 0x100000, 0x1f00000, 1);
  }
  std::vector<uint8_t> bytes_;
};

TEST(PvhTest, ReadsWhatALoaderSays) {
  Machine m;
  m.Fill();
  so_pvh_info info;
  SO_ASSERT_OK(m.Parse(0x1100, &info));
  EXPECT_EQ(so_test::Text(info.command_line), "ip=dhcp -- x");
  EXPECT_EQ(info.rsdp, 0xfc000000u);
  ASSERT_EQ(info.module_count, 1u);
  EXPECT_EQ(info.modules[0].base, 0x800000u);
  EXPECT_EQ(info.modules[0].len, 0x1234u);
  ASSERT_EQ(info.ram_count, 2u);
  EXPECT_EQ(info.ram[1].base, 0x100000u);
  EXPECT_EQ(info.ram[1].len, 0x1f00000u);
  EXPECT_EQ(info.table_count, 4u);
}

TEST(PvhTest, RefusesWhatIsNotThere) {
  so_pvh_info info;
  const auto with = [&info](void (*change)(Machine *)) {
    Machine m;
    m.Fill();
    change(&m);
    return m.Parse(0x1100, &info);
  };
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put32(0x1100, 1); }), SO_MALFORMED));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put32(0x1104, 0); }), SO_NOT_FOUND));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put64(0x1128, 0); }), SO_NOT_FOUND));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put32(0x1130, 0); }), SO_NOT_FOUND));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put32(0x110c, 5); }), SO_LIMIT));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put64(0x1110, 0x10); }), SO_MALFORMED));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put64(0x1118, 0x10); }), SO_MALFORMED));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put64(0x1128, 0x2ff8); }), SO_MALFORMED));
  EXPECT_TRUE(so_is(with([](Machine *m) { m->Put64(0x1208, UINT64_MAX); }), SO_MALFORMED));
  EXPECT_TRUE(so_is(with([](Machine *m) {
                      m->Put64(0x1118, 0x2ff0);
                      m->PutText(0x2ff0, std::string(16, 'x'));
                    }), SO_MALFORMED));  // It runs off the end.
  Machine m;
  EXPECT_TRUE(so_is(m.Parse(0x5000, &info), SO_MALFORMED));
}

TEST(PvhTest, CutsALongCommandLine) {
  Machine m(0x4000);
  m.Fill();
  m.Put64(0x1118, 0x2000);
  m.PutText(0x2000, std::string(5000, 'x'));
  so_pvh_info info;
  SO_ASSERT_OK(m.Parse(0x1100, &info));
  EXPECT_EQ(info.command_line.len, SO_PVH_COMMAND_LINE_MAX);
}

TEST(PvhTest, FreeMemoryIsWhatNobodyTook) {
  const so_pvh_range ram[] = {{0x100000, 0x1f00000}, {0, 0x9fc00}};
  const so_pvh_range taken[] = {{0x100000, 0x50001}, {0x90010, 8}, {0x800000, 0x1234}};
  so_pvh_range out[8];
  ASSERT_EQ(so_pvh_free(ram, 2, taken, 3, UINT64_MAX, out, 8), 4u);
  const so_pvh_range want[] = {
      {0x1000, 0x8f000}, {0x91000, 0xe000}, {0x151000, 0x6af000}, {0x802000, 0x17fe000}};
  for (size_t i = 0; i < 4; i++) {
    EXPECT_EQ(out[i].base, want[i].base) << i;
    EXPECT_EQ(out[i].len, want[i].len) << i;
  }
}

TEST(PvhTest, TheSmallestFallOutWhenThereIsNoRoom) {
  const so_pvh_range ram[] = {{0x10000, 0x3000}, {0x20000, 0x1000}, {0x30000, 0x2000}};
  so_pvh_range out[2];
  ASSERT_EQ(so_pvh_free(ram, 3, nullptr, 0, UINT64_MAX, out, 2), 2u);
  EXPECT_EQ(out[0].base, 0x10000u);
  EXPECT_EQ(out[1].base, 0x30000u);
  EXPECT_EQ(so_pvh_free(ram, 3, nullptr, 0, UINT64_MAX, out, 0), 0u);
}

// Page by page, against what the words say.
TEST(PvhTest, RandomMapsMatchASimpleModel) {
  for (uint32_t seed = 1; seed <= 300; seed++) {
    std::mt19937 rng(seed);
    std::vector<so_pvh_range> ram(1 + rng() % 5), taken(rng() % 6);
    for (so_pvh_range &r : ram) r = {rng() % 0x40000, rng() % 0x20000};
    for (so_pvh_range &r : taken) r = {rng() % 0x60000, rng() % 0x5000};
    std::vector<so_pvh_range> out(64);
    out.resize(so_pvh_free(ram.data(), ram.size(), taken.data(), taken.size(), 0x50fff, out.data(), 64));
    std::vector<int> got(0x100, 0);
    for (const so_pvh_range &r : out) {
      for (uint64_t at = r.base; at < r.base + r.len; at += 0x1000) got[at / 0x1000]++;
    }
    for (uint64_t page = 0; page < 0x100; page++) {
      const uint64_t at = page * 0x1000, end = at + 0x1000;
      bool want = false;
      for (const so_pvh_range &r : ram) want |= r.base <= at && end <= r.base + r.len;
      for (const so_pvh_range &r : taken) want &= r.len == 0 || end <= r.base || r.base + r.len <= at;
      want &= page != 0 && end <= 0x50000;
      // A page may be lost where two ranges of RAM overlap or touch within it, never gained or doubled.
      ASSERT_LE(got[page], want ? 1 : 0) << "seed " << seed << " page " << page;
    }
  }
}

}  // namespace
