#include "kernel/lib/symbols.h"

#include <random>
#include <vector>

#include "tests/support/support.h"

namespace {

struct Function {
  uint64_t at;
  std::string name;
};

std::string Table(const std::vector<Function> &all) {
  std::string buf(1 << 16, '\0');
  so_writer w = so_writer_of(reinterpret_cast<uint8_t *>(&buf[0]), buf.size());
  uint64_t last = 0;
  for (const Function &f : all) {
    so_symbols_put(&w, f.at - last, so_test::View(f.name));
    last = f.at;
  }
  return so_test::Text(so_writer_bytes(&w));
}

std::string Find(const std::string &table, uint64_t off, uint64_t *into) {
  uint8_t name[64];
  const size_t len = so_symbols_find(so_test::View(table), off, name, sizeof name, into);
  return std::string(reinterpret_cast<char *>(name), len);
}

TEST(SymbolsTest, FindsTheFunctionAtOrBefore) {
  const std::string table =
      Table({{16, "so_sched_run"}, {32, "idle"}, {300, "x86_main"}, {100000, "a"}});
  uint64_t into;
  EXPECT_EQ(Find(table, 16, &into), "so_sched_run");
  EXPECT_EQ(into, 0u);
  EXPECT_EQ(Find(table, 31, &into), "so_sched_run");
  EXPECT_EQ(into, 15u);
  EXPECT_EQ(Find(table, 299, &into), "idle");
  EXPECT_EQ(Find(table, 99999, &into), "x86_main");
  EXPECT_EQ(Find(table, UINT64_MAX, &into), "a");
  EXPECT_EQ(into, UINT64_MAX - 100000);
  EXPECT_EQ(Find(table, 15, &into), "");
  EXPECT_EQ(Find("", 15, &into), "");
}

TEST(SymbolsTest, KeepsNamesOfEveryLength) {
  for (size_t n = 1; n <= SO_SYMBOLS_NAME_MAX; n++) {
    std::string name;
    for (size_t i = 0; i < n; i++) name += "abcxyz0189_"[i % 11];
    uint64_t into;
    EXPECT_EQ(Find(Table({{0, name}}), 0, &into), name);
  }
}

TEST(SymbolsTest, FoldsCapitalsAndMarksTheRest) {
  uint64_t into;
  EXPECT_EQ(Find(Table({{0, "inflate_Fast.2"}}), 0, &into), "inflate_fast?2");
  EXPECT_EQ(Find(Table({{0, std::string(80, 'a')}}), 0, &into), std::string(45, 'a'));
}

TEST(SymbolsTest, CutsANameThatDoesNotFit) {
  const std::string table = Table({{0, "so_page_heap_init"}});
  uint8_t name[5];
  uint64_t into;
  EXPECT_EQ(so_symbols_find(so_test::View(table), 0, name, sizeof name, &into), 5u);
  EXPECT_EQ(std::string(reinterpret_cast<char *>(name), 5), "so_pa");
}

TEST(SymbolsTest, DamageIsNotBelieved) {
  const std::string whole = Table({{1, "first"}, {200, "so_second"}, {70000, "third"}});
  std::mt19937 rng(7);
  for (size_t n = 0; n < whole.size(); n++) {
    const so_test::Guarded cut(whole.substr(0, n));
    uint8_t name[64];
    uint64_t into;
    EXPECT_LE(so_symbols_find(cut.view(), 80000, name, sizeof name, &into), sizeof name);
    for (int k = 0; k < 50; k++) {
      std::string bad = whole;
      bad[n] = static_cast<char>(rng());
      const so_test::Guarded g(bad);
      EXPECT_LE(so_symbols_find(g.view(), 80000, name, sizeof name, &into), sizeof name);
    }
  }
}

}  // namespace
