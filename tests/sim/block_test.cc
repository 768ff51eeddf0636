#include "tests/sim/block.h"

#include <set>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

class SimBlockTest : public testing::Test {
 protected:
  static constexpr uint32_t kUnit = 512;
  SimBlockTest() : sim_(so_sim_block_make(uint64_t{1} << 40, kUnit)), b_(so_sim_block_port(sim_)) {}
  ~SimBlockTest() override { so_sim_block_free(sim_); }

  so_status Write(uint64_t unit, const std::string &letters) {
    std::string bytes;
    for (const char c : letters) {
      bytes += std::string(kUnit, c);
    }
    return so_block_write(&b_, unit * kUnit, so_test::View(bytes));
  }
  // One letter for each unit; '.' for zeros, '?' for mixed bytes.
  std::string Read(uint64_t unit, size_t count) { return ReadOf(sim_, unit, count); }
  static std::string ReadOf(const so_sim_block *sim, uint64_t unit, size_t count) {
    std::string out;
    for (size_t i = 0; i < count; i++) {
      uint8_t bytes[kUnit];
      so_sim_block_peek(sim, (unit + i) * kUnit, bytes, kUnit);
      char c = bytes[0] == 0 ? '.' : static_cast<char>(bytes[0]);
      for (const uint8_t byte : bytes) {
        c = byte == bytes[0] ? c : '?';
      }
      out += c;
    }
    return out;
  }

  so_sim_block *sim_;
  so_block b_;
};

TEST_F(SimBlockTest, ReadsWhatWasWrittenAndZerosElsewhere) {
  SO_ASSERT_OK(Write(3, "ab"));
  std::vector<uint8_t> got(4 * kUnit, 0xee);
  SO_ASSERT_OK(so_block_read(&b_, 2 * kUnit, got.data(), got.size()));
  EXPECT_EQ(got[0], 0);
  EXPECT_EQ(got[kUnit], 'a');
  EXPECT_EQ(got[2 * kUnit], 'b');
  EXPECT_EQ(got[3 * kUnit], 0);
  EXPECT_EQ(so_sim_block_end(sim_), 5u * kUnit);
}

TEST_F(SimBlockTest, RefusesWhatIsUnalignedOrOutOfRange) {
  uint8_t bytes[2 * kUnit] = {};
  SO_EXPECT_CODE(SO_LIMIT, so_block_read(&b_, 1, bytes, kUnit));
  SO_EXPECT_CODE(SO_LIMIT, so_block_read(&b_, 0, bytes, kUnit - 1));
  SO_EXPECT_CODE(SO_LIMIT, so_block_write(&b_, b_.capacity, so_bytes_of(bytes, kUnit)));
  SO_EXPECT_CODE(SO_LIMIT, so_block_write(&b_, b_.capacity - kUnit, so_bytes_of(bytes, 2 * kUnit)));
  SO_EXPECT_CODE(SO_LIMIT, so_block_read(&b_, UINT64_MAX - 511, bytes, 2 * kUnit));
  SO_EXPECT_OK(so_block_write(&b_, b_.capacity - kUnit, so_bytes_of(bytes, kUnit)));
}

TEST_F(SimBlockTest, SeedZeroLosesAndSeedOneKeepsWhatWasNotFlushed) {
  SO_ASSERT_OK(Write(0, "aa"));
  SO_ASSERT_OK(so_block_flush(&b_));
  SO_ASSERT_OK(Write(1, "bb"));
  EXPECT_EQ(so_sim_block_get_stats(sim_).units_pending, 2u);
  so_sim_block *copy = so_sim_block_clone(sim_);
  so_sim_block_crash(sim_, 0);
  EXPECT_EQ(Read(0, 4), "aa..");
  so_sim_block_crash(copy, 1);
  EXPECT_EQ(ReadOf(copy, 0, 4), "abb.");
  so_sim_block_free(copy);
}

TEST_F(SimBlockTest, CrashesReachEverySubsetAndEveryOrderOfUnflushedUnits) {
  SO_ASSERT_OK(Write(0, "aaa"));
  SO_ASSERT_OK(so_block_flush(&b_));
  SO_ASSERT_OK(Write(0, "bbb"));
  SO_ASSERT_OK(Write(1, "c"));
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 4000; seed++) {
    so_sim_block *copy = so_sim_block_clone(sim_);
    so_sim_block_crash(copy, seed);
    seen.insert(ReadOf(copy, 0, 3));
    so_sim_block_free(copy);
  }
  // Unit 0 and 2: old or new; unit 1: old or either of two writes. Never anything else.
  EXPECT_EQ(seen.size(), 2u * 3u * 2u);
  for (const std::string &s : seen) {
    EXPECT_EQ(s.find_first_not_of("abc"), std::string::npos) << s;
  }
}

TEST_F(SimBlockTest, TheSameSeedGivesTheSameCrash) {
  for (uint64_t seed = 0; seed < 50; seed++) {
    SO_ASSERT_OK(Write(0, "abcdefghijklmnop"));
    so_sim_block *copy = so_sim_block_clone(sim_);
    so_sim_block_crash(sim_, seed);
    so_sim_block_crash(copy, seed);
    EXPECT_EQ(Read(0, 16), ReadOf(copy, 0, 16));
    so_sim_block_free(copy);
  }
}

TEST_F(SimBlockTest, PowerCutStopsEverythingUntilTheCrash) {
  SO_ASSERT_OK(Write(0, "a"));
  SO_ASSERT_OK(so_block_flush(&b_));
  so_sim_block_fault_at(sim_, 2, 1u << SO_SIM_WRITE, SO_SIM_FAULT_POWER, 7);
  SO_EXPECT_OK(Write(1, "b"));
  SO_EXPECT_CODE(SO_IO, Write(0, "cccccccc"));
  EXPECT_TRUE(so_sim_block_fault_fired(sim_));
  uint8_t unit[kUnit];
  SO_EXPECT_CODE(SO_IO, so_block_read(&b_, 0, unit, kUnit));
  SO_EXPECT_CODE(SO_IO, so_block_flush(&b_));
  SO_EXPECT_CODE(SO_IO, Write(0, "d"));
  so_sim_block_crash(sim_, 1);
  const std::string after = Read(0, 8);
  EXPECT_EQ(after.find('d'), std::string::npos);
  EXPECT_NE(after.find('c'), std::string::npos) << "seed 7 keeps part of the write";
  EXPECT_NE(after, "cccccccc") << "seed 7 loses part of the write";
  SO_EXPECT_OK(Write(0, "e"));
}

TEST_F(SimBlockTest, AFailedFlushIsForGoodAndReadsGoOn) {
  SO_ASSERT_OK(Write(0, "a"));
  so_sim_block_fault_at(sim_, 1, 1u << SO_SIM_FLUSH, SO_SIM_FAULT_IO, 1);
  SO_EXPECT_CODE(SO_IO, so_block_flush(&b_));
  SO_EXPECT_CODE(SO_IO, so_block_flush(&b_));
  SO_EXPECT_CODE(SO_IO, Write(0, "b"));
  uint8_t unit[kUnit];
  SO_EXPECT_OK(so_block_read(&b_, 0, unit, kUnit));
  so_sim_block_crash(sim_, 0);
  EXPECT_EQ(Read(0, 1), ".");
  SO_EXPECT_OK(so_block_flush(&b_));
}

TEST_F(SimBlockTest, TheNthOperationFailsAndOnlyThat) {
  so_sim_block_fault_at(sim_, 3, 0, SO_SIM_FAULT_IO, 3);
  uint8_t unit[kUnit];
  SO_EXPECT_OK(Write(0, "a"));
  SO_EXPECT_OK(so_block_flush(&b_));
  EXPECT_FALSE(so_sim_block_fault_fired(sim_));
  SO_EXPECT_CODE(SO_IO, so_block_read(&b_, 0, unit, kUnit));
  EXPECT_TRUE(so_sim_block_fault_fired(sim_));
  SO_EXPECT_OK(so_block_read(&b_, 0, unit, kUnit));
}

TEST_F(SimBlockTest, FlipsOneBitOfARead) {
  SO_ASSERT_OK(Write(0, "a"));
  so_sim_block_fault_at(sim_, 1, 1u << SO_SIM_READ, SO_SIM_FAULT_FLIP, 11);
  uint8_t unit[kUnit];
  SO_ASSERT_OK(so_block_read(&b_, 0, unit, kUnit));
  int wrong = 0;
  for (const uint8_t byte : unit) {
    wrong += __builtin_popcount(byte ^ 'a');
  }
  EXPECT_EQ(wrong, 1);
  so_sim_block_flip(sim_, 5, 0x80);
  SO_ASSERT_OK(so_block_read(&b_, 0, unit, kUnit));
  EXPECT_EQ(unit[5], 'a' ^ 0x80);
}

TEST_F(SimBlockTest, AFullMediumRefusesNewUnitsAndTakesOverwrites) {
  so_sim_block_limit(sim_, 2 * kUnit);
  SO_EXPECT_OK(Write(0, "ab"));
  SO_EXPECT_CODE(SO_LIMIT, Write(1, "cd"));
  EXPECT_EQ(Read(0, 3), "ab.");
  SO_EXPECT_OK(Write(0, "xy"));
  so_sim_block_limit(sim_, UINT64_MAX);
  SO_EXPECT_OK(Write(2, "z"));
  so_sim_block_fault_at(sim_, 1, 1u << SO_SIM_WRITE, SO_SIM_FAULT_FULL, 1);
  SO_EXPECT_CODE(SO_LIMIT, Write(0, "q"));
  EXPECT_EQ(Read(0, 3), "xyz");
}

TEST_F(SimBlockTest, TheHookSeesEveryOperation) {
  static std::string trace;
  trace.clear();
  so_sim_block_hook(
      sim_, [](void *, so_sim_block_op op, uint64_t, size_t) { trace += "rwf"[op]; }, nullptr);
  uint8_t unit[kUnit];
  SO_ASSERT_OK(Write(0, "a"));
  SO_ASSERT_OK(so_block_flush(&b_));
  SO_ASSERT_OK(so_block_read(&b_, 0, unit, kUnit));
  EXPECT_EQ(trace, "wfr");
}

TEST_F(SimBlockTest, ThousandsOfUnitsKeepTheirBytes) {
  for (uint64_t i = 0; i < 5000; i++) {
    SO_ASSERT_OK(Write(i * 977, std::string(1, static_cast<char>('a' + i % 26))));
  }
  for (uint64_t i = 0; i < 5000; i++) {
    ASSERT_EQ(Read(i * 977, 1)[0], static_cast<char>('a' + i % 26));
  }
}

}  // namespace
