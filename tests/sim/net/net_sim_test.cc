// Ten thousand short scenarios, or with --count as many as wanted; --seed runs one again, --trace shows its
// frames.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/sim/net/scenario.h"
#include "tests/support/support.h"

namespace {

uint64_t g_first = 1;
uint64_t g_count = 10000;
bool g_trace = false;

constexpr uint64_t kParts = 20;

class NetSimTest : public testing::TestWithParam<uint64_t> {};

TEST_P(NetSimTest, EveryByteArrivesAndNothingIsLeft) {
  const uint64_t part = GetParam();
  net_sim::Result sum;
  uint64_t failures = 0;
  for (uint64_t i = part; i < g_count; i += kParts) {
    const uint64_t seed = g_first + i;
    const net_sim::Result r = net_sim::Run(seed, g_trace);
    sum.frames += r.frames;
    sum.dropped += r.dropped;
    sum.bytes += r.bytes;
    sum.retransmitted += r.retransmitted;
    sum.undone += r.undone;
    sum.probes += r.probes;
    sum.timeouts += r.timeouts;
    sum.connections += r.connections;
    if (!r.failure.empty()) {
      ADD_FAILURE() << "seed " << seed << ": " << r.failure << "\nreplay: --seed=" << seed
                    << " --trace";
      if (++failures == 10) {
        break;
      }
    }
  }
  printf("part %" PRIu64 ": %" PRIu64 " connections, %" PRIu64 " bytes, %" PRIu64
         " frames, %" PRIu64 " dropped, %" PRIu64 " segments sent again, %" PRIu64
         " timeouts, %" PRIu64 " probes, %" PRIu64 " recoveries undone\n",
         part, sum.connections, sum.bytes, sum.frames, sum.dropped, sum.retransmitted, sum.timeouts,
         sum.probes, sum.undone);
  if (g_count >= 10000) {  // A simulator in which nothing goes wrong tests nothing.
    EXPECT_GT(sum.retransmitted, 100u);
    EXPECT_GT(sum.timeouts, 10u);
    EXPECT_GT(sum.probes, 10u);
    EXPECT_GT(sum.undone, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, NetSimTest, testing::Range<uint64_t>(0, kParts));

TEST(NetSimDeterminismTest, TheSameSeedDoesTheSame) {
  for (uint64_t seed = 1; seed < 20; seed++) {
    const net_sim::Result a = net_sim::Run(seed, false);
    const net_sim::Result b = net_sim::Run(seed, false);
    EXPECT_EQ(a.frames, b.frames) << "seed " << seed;
    EXPECT_EQ(a.virtual_ns, b.virtual_ns) << "seed " << seed;
    EXPECT_EQ(a.bytes, b.bytes) << "seed " << seed;
  }
}

}  // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--seed=", 7) == 0) {
      g_first = strtoull(argv[i] + 7, nullptr, 10);
      g_count = 1;
    } else if (strncmp(argv[i], "--first=", 8) == 0) {
      g_first = strtoull(argv[i] + 8, nullptr, 10);
    } else if (strncmp(argv[i], "--count=", 8) == 0) {
      g_count = strtoull(argv[i] + 8, nullptr, 10);
    } else if (strcmp(argv[i], "--trace") == 0) {
      g_trace = true;
    } else {
      fprintf(stderr, "usage: %s [--seed=N | --first=N --count=N] [--trace]\n", argv[0]);
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
