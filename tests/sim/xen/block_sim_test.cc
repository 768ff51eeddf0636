// Thousands of seeds: fibers that read, write and flush regions of their own, while back ends come, go,
// lose what was not flushed, keep pages mapped and lie. A seed is printed when it fails; run it alone
// with --gtest_filter and SEED=n.
//
// What is checked: a read gives what was written last; what a good flush covered survives every
// loss of power; every call returns; and nothing that a back end does touches other memory.

#include <stdlib.h>

#include <map>
#include <set>
#include <vector>

#include "kernel/xen/blkfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::BlockRig;

constexpr uint64_t kUnit = 4096;
constexpr uint64_t kUnitsPerFiber = 80;

class Life {
 public:
  Life(uint64_t seed, bool hostile) : rng_(seed), hostile_(hostile), rig_(Config(seed)) {}

  void Run() {
    Offer();
    SO_ASSERT_OK(rig_.Connect());
    rig_.more_turn = [this] { return Turn(); };
    const uint64_t fibers = 1 + R(12);
    for (uint64_t i = 0; i < fibers; i++) {
      regions_.emplace_back();
    }
    for (uint64_t i = 0; i < fibers; i++) {
      rig_.machine.Spawn([this, i] { Work(i); });
    }
    ASSERT_TRUE(rig_.machine.Run());
    Finish();
  }
  int breaks = 0;
  int losses = 0;

 private:
  // What a unit may hold: the version that is durable, and those written since. After a loss of power
  // each sector has one of them.
  struct Unit {
    std::set<uint64_t> may = {0};
    uint64_t last = 0;        // If `sure`.
    bool sure = true;         // Nothing was lost, and no write failed.
  };
  typedef std::map<uint64_t, Unit> Region;

  uint64_t R(uint64_t n) { return so_sim_next(&rng_) % n; }
  BlockRig::Config Config(uint64_t seed) {
    BlockRig::Config c;
    c.seed = seed;
    c.unit_len = R(2) == 0 ? 512 : 4096;
    c.data_pages = static_cast<uint32_t>(R(3) == 0 ? 2 + R(4) : 16 + R(100));
    c.request_pages = static_cast<uint32_t>(1 + R(64));
    c.ring_order = static_cast<uint32_t>(R(3));
    return c;
  }
  void Offer() {
    rig_.offer.ring_order = static_cast<uint32_t>(R(4));
    rig_.offer.indirect = static_cast<uint32_t>(R(2) == 0 ? 0 : R(100));
    rig_.offer.persistent = R(2) == 0;
    rig_.offer.flush = R(3) != 0;
    rig_.offer.barrier = !rig_.offer.flush || R(3) == 0;
  }

  static std::string Content(uint64_t fiber, uint64_t unit, uint64_t version) {
    std::string s(kUnit, 0);
    uint64_t seed = so_sim_mix(fiber * 1000003 + unit * 7919 + version);
    for (size_t i = 0; version != 0 && i < kUnit; i += 8) {
      const uint64_t v = so_sim_next(&seed);
      memcpy(&s[i], &v, 8);
    }
    return s;
  }

  // --- what fibers do ---

  void Work(uint64_t i) {
    uint64_t version = 0;
    for (uint64_t n = 5 + R(30); n-- != 0;) {
      const uint64_t first = R(kUnitsPerFiber);
      const uint64_t count = 1 + R(R(4) == 0 ? kUnitsPerFiber - first : 4);
      if (first + count > kUnitsPerFiber) {
        continue;
      }
      switch (R(5)) {
        case 0:
        case 1: Write(i, first, count, ++version); break;
        case 2:
        case 3: Read(i, first, count); break;
        default: Flush(i);
      }
      if (R(3) == 0) {
        so_fiber_yield(rig_.machine.sched());
      }
    }
  }

  void Write(uint64_t i, uint64_t first, uint64_t count, uint64_t version) {
    std::string bytes;
    for (uint64_t u = first; u < first + count; u++) {
      bytes += Content(i, u, version);
      regions_[i][u].may.insert(version);
    }
    const so_status s = rig_.Write((i * kUnitsPerFiber + first) * kUnit, bytes);
    for (uint64_t u = first; u < first + count; u++) {
      Unit &unit = regions_[i][u];
      unit.sure = so_ok(s);
      unit.last = version;
    }
    EXPECT_TRUE(so_ok(s) || rig_.blk.write_failed || lied_ever_);
  }

  void Read(uint64_t i, uint64_t first, uint64_t count) {
    std::string got;
    const uint64_t crashes = losses;
    const so_status s = rig_.Read((i * kUnitsPerFiber + first) * kUnit, count * kUnit, &got);
    if (!so_ok(s)) {
      EXPECT_TRUE(lied_ever_);
      return;
    }
    for (uint64_t u = first; u < first + count && !lied_ever_; u++) {
      const std::string unit = got.substr((u - first) * kUnit, kUnit);
      Check(i, u, unit, crashes == static_cast<uint64_t>(losses));
    }
  }

  void Flush(uint64_t i) {
    const Region before = regions_[i];
    const so_status s = so_block_flush(&rig_.dev);
    if (!so_ok(s)) {
      EXPECT_TRUE(rig_.blk.write_failed || lied_ever_);
      return;
    }
    // What was written before it is durable now: older versions are gone for good.
    for (const auto &u : before) {
      if (u.second.sure) {
        regions_[i][u.first].may = {u.second.last};
      }
    }
  }

  void Check(uint64_t i, uint64_t u, const std::string &bytes, bool exact) {
    const Unit &unit = regions_[i][u];
    if (unit.sure && exact && !crashed_) {
      ASSERT_TRUE(bytes == Content(i, u, unit.last)) << "fiber " << i << " unit " << u;
      return;
    }
    for (size_t at = 0; at < kUnit; at += rig_.dev.unit_len) {
      bool found = false;
      for (const uint64_t v : unit.may) {
        found = found || bytes.compare(at, rig_.dev.unit_len, Content(i, u, v), at,
                                       rig_.dev.unit_len) == 0;
      }
      ASSERT_TRUE(found) << "fiber " << i << " unit " << u << " holds what was never written";
    }
  }

  // --- what back ends do ---

  bool Turn() {
    if (rig_.Broken()) {
      EXPECT_TRUE(lied_) << rig_.why;
      breaks++;
      Disconnect(SO_FRONT_LOST);
      return true;
    }
    if (rig_.blk.state == SO_BLKFRONT_DOWN) {
      if (R(3) == 0) {
        Connect();
      }
      return true;
    }
    rig_.back->hold = R(4) == 0;
    rig_.back->eager = R(4) == 0;
    if (R(40) == 0) {
      Disconnect(static_cast<so_front_loss>(R(3)));
    } else if (hostile_ && R(10) == 0) {
      Lie();
    }
    return true;
  }

  void Disconnect(so_front_loss how) {
    const bool doubtful = rig_.blk.distrusted;
    if (how != SO_FRONT_LOST && !doubtful) {
      rig_.back->eager = true;  // In order: what it has taken, it finishes; or the machine leaves.
      rig_.back->hold = how == SO_FRONT_SUSPENDED;
      (void)rig_.back->Step();
    }
    rig_.Disconnect(how, R(5) != 0);
    if (how == SO_FRONT_LOST && R(2) == 0) {
      losses++;
      crashed_ = true;
      so_sim_block_crash(rig_.disk, R(2) == 0 ? 0 : so_sim_next(&rng_));
    }
    lied_ = false;
  }

  void Connect() {
    Offer();
    if (!so_ok(rig_.Connect(static_cast<uint16_t>(R(3))))) {
      rig_.xen.Resume();  // It has kept too much; the machine moves elsewhere.
      SO_EXPECT_OK(rig_.Connect());
    }
    if (rig_.offer.barrier && R(2) == 0) {
      rig_.back->flush_status = BLKIF_RSP_EOPNOTSUPP;
    }
  }

  void Lie() {
    lied_ = lied_ever_ = true;
    auto *const words = reinterpret_cast<uint32_t *>(rig_.back->shared());
    const size_t count = rig_.blk.ring_memory.current->count * 1024;
    const auto word = static_cast<uint32_t>(so_sim_next(&rng_));
    auto &pending = rig_.back->pending;
    switch (R(7)) {
      case 0: words[R(count)] = word; return;
      case 1: words[R(4)] += static_cast<uint32_t>(R(20)) - 10; return;
      case 2:
        if (!pending.empty()) {
          rig_.back->Answer(pending[R(pending.size())].id + (R(2) << R(40)),
                            static_cast<uint8_t>(R(7)), static_cast<int16_t>(R(5)) - 3);
        }
        return;
      case 3: rig_.back->Answer(word, 0, 0); return;
      case 4: rig_.back->silent = true; return;
      case 5:
        for (int i = 0; i < 30; i++) {
          words[16 + R(count - 16)] = static_cast<uint32_t>(so_sim_next(&rng_));
        }
        return;
      default:
        // Answers without doing anything.
        for (const auto &p : pending) {
          rig_.back->Answer(p.id, p.operation, 0);
        }
    }
  }

  void Finish() {
    EXPECT_EQ(rig_.xen.misuse, "");
    if (rig_.blk.state != SO_BLKFRONT_DOWN) {
      rig_.Disconnect(SO_FRONT_CLOSED);
    }
    so_sim_block_crash(rig_.disk, so_sim_next(&rng_));
    crashed_ = true;
    for (uint64_t i = 0; i < regions_.size() && !lied_ever_; i++) {
      for (const auto &u : regions_[i]) {
        Check(i, u.first, rig_.Peek((i * kUnitsPerFiber + u.first) * kUnit, kUnit), false);
      }
    }
    rig_.xen.Resume();
    SO_ASSERT_OK(rig_.Connect());
    EXPECT_EQ(rig_.blk.pages.aside, 0u);
    EXPECT_EQ(rig_.blk.calls, nullptr);
    EXPECT_EQ(rig_.blk.in_flight, 0u);
    EXPECT_EQ(rig_.blk.pages.free_count, rig_.blk.pages.usable);
  }

  uint64_t rng_;
  bool hostile_;
  BlockRig rig_;
  std::vector<Region> regions_;
  bool lied_ = false;
  bool lied_ever_ = false;
  bool crashed_ = false;
};

int RunSeeds(bool hostile, uint64_t count, int *losses) {
  const char *const one = getenv("SEED");
  int breaks = 0;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t seed = one != nullptr ? strtoull(one, nullptr, 10) : i + 1;
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Life life(seed, hostile);
    life.Run();
    breaks += life.breaks;
    *losses += life.losses;
    if (testing::Test::HasFailure() || one != nullptr) {
      break;
    }
  }
  return breaks;
}

TEST(BlockSim, HonestBackEnds) {
  int losses = 0;
  EXPECT_EQ(RunSeeds(false, 800, &losses), 0);
  EXPECT_GT(losses, getenv("SEED") == nullptr ? 200 : -1);
}

TEST(BlockSim, HostileBackEnds) {
  int losses = 0;
  EXPECT_GT(RunSeeds(true, 1000, &losses), getenv("SEED") == nullptr ? 500 : -1);
}

// A machine that sleeps unless it was notified, and a back end that looks only when it was.
TEST(BlockSim, NoWakeUpIsLost) {
  for (uint64_t seed = 1; seed <= 100; seed++) {
    SCOPED_TRACE(seed);
    BlockRig::Config c;
    c.seed = seed;
    c.data_pages = 8 + seed % 100;
    BlockRig rig(c);
    uint64_t rng = seed;
    SO_ASSERT_OK(rig.Connect());
    rig.back->only_when_kicked = true;
    int done = 0;
    for (uint64_t i = 0; i < 50; i++) {
      rig.machine.Spawn([&rig, &done, i] {
        std::string got;
        SO_EXPECT_OK(rig.Write(i * 65536, std::string(512 * (1 + i * 2), 'x')));
        SO_EXPECT_OK(rig.Read(i * 65536, 512, &got));
        SO_EXPECT_OK(so_block_flush(&rig.dev));
        done++;
      });
    }
    int seen = 0;
    bool slept = false;
    rig.machine.turn = [&] {
      bool any = false;
      if (!slept || rig.back->notified != seen) {
        seen = rig.back->notified;
        any = so_front_poll(&rig.front);
      }
      slept = !any;
      if (so_sim_next(&rng) % 2 == 0) {
        (void)rig.back->Step();
      }
      return true;
    };
    ASSERT_TRUE(rig.machine.Run(20000)) << done;
    EXPECT_EQ(done, 50);
  }
}

}  // namespace
