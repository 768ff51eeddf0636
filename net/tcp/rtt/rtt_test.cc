#include "net/tcp/rtt/rtt.h"

#include <cmath>
#include <random>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kMs = SO_NS_PER_MS;

so_tcp_rtt Fresh() {
  so_tcp_rtt r;
  so_tcp_rtt_init(&r);
  return r;
}

TEST(RttTest, StartsWithOneSecondAndNoSample) {
  const so_tcp_rtt r = Fresh();
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 1000 * kMs);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&r), 0u);
  EXPECT_EQ(so_tcp_rtt_min_ns(&r), SO_NEVER);
}

// RFC 6298 (2.2): SRTT = R, RTTVAR = R / 2, RTO = SRTT + 4 * RTTVAR.
TEST(RttTest, TheFirstSampleSetsBoth) {
  so_tcp_rtt r = Fresh();
  so_tcp_rtt_sample(&r, 400 * kMs, 1, 0);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&r), 400 * kMs);
  EXPECT_EQ(so_tcp_rtt_var_ns(&r), 200 * kMs);
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 1200 * kMs);
}

// (2.3): RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R'|, then SRTT = 7/8 SRTT + 1/8 R'.
TEST(RttTest, LaterSamplesAgreeWithTheFormulasInDoubles) {
  const uint32_t seed = 7;
  std::mt19937_64 random(seed);
  for (uint32_t n : {1u, 2u, 10u, 45u}) {
    so_tcp_rtt r = Fresh();
    double srtt = 0, var = 0;
    for (int i = 0; i < 2000; i++) {
      const uint64_t sample = 1000 * kMs / 10 + random() % (500 * kMs);
      so_tcp_rtt_sample(&r, sample, n, i * kMs);
      const double s = static_cast<double>(sample);
      if (i == 0) {
        srtt = s;
        var = s / 2;
      } else {  // RFC 7323 appendix G: alpha' = alpha / n, beta' = beta / n.
        var = (1 - 0.25 / n) * var + 0.25 / n * std::fabs(srtt - s);
        srtt = (1 - 0.125 / n) * srtt + 0.125 / n * s;
      }
      ASSERT_NEAR(static_cast<double>(so_tcp_rtt_srtt_ns(&r)), srtt, 2000.0);
      ASSERT_NEAR(static_cast<double>(so_tcp_rtt_var_ns(&r)), var, 2000.0);
    }
  }
}

TEST(RttTest, SmallRoundTripsKeepAMarginForDelayedAcks) {
  so_tcp_rtt r = Fresh();
  for (int i = 0; i < 100; i++) {
    so_tcp_rtt_sample(&r, 50000, 1, 0);
  }
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 50000 + 200 * kMs);
}

TEST(RttTest, BackoffDoublesUpToTheLimitAndASampleEndsIt) {
  so_tcp_rtt r = Fresh();
  so_tcp_rtt_sample(&r, 300 * kMs, 1, 0);
  const uint64_t rto = so_tcp_rtt_rto_ns(&r);
  for (int i = 1; i <= 7; i++) {
    so_tcp_rtt_backoff(&r);
    EXPECT_EQ(so_tcp_rtt_rto_ns(&r), std::min<uint64_t>(rto << i, 120000 * kMs));
  }
  for (int i = 0; i < 300; i++) {
    so_tcp_rtt_backoff(&r);
  }
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 120000 * kMs);
  so_tcp_rtt_sample(&r, 100 * kMs, 1, 0);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&r), 100 * kMs) << "after many timeouts the path counts as new";
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 300 * kMs);
}

TEST(RttTest, OneTimeoutDoesNotForgetTheAverage) {
  so_tcp_rtt r = Fresh();
  so_tcp_rtt_sample(&r, 800 * kMs, 1, 0);
  so_tcp_rtt_backoff(&r);
  so_tcp_rtt_sample(&r, 1600 * kMs, 1, 0);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&r), 900 * kMs);
}

TEST(RttTest, ALostSynStartsWithThreeSeconds) {
  so_tcp_rtt r = Fresh();
  so_tcp_rtt_backoff(&r);
  so_tcp_rtt_established(&r, true);
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 3000 * kMs);
  so_tcp_rtt measured = Fresh();
  so_tcp_rtt_sample(&measured, 100 * kMs, 1, 0);
  so_tcp_rtt_established(&measured, true);
  EXPECT_EQ(so_tcp_rtt_rto_ns(&measured), 300 * kMs);
}

TEST(RttTest, TheMinimumIsForgottenAfterItsWindow) {
  so_tcp_rtt r = Fresh();
  so_tcp_rtt_sample(&r, 10 * kMs, 1, 1000 * kMs);
  so_tcp_rtt_sample(&r, 30 * kMs, 1, 10999 * kMs);
  EXPECT_EQ(so_tcp_rtt_min_ns(&r), 10 * kMs);
  so_tcp_rtt_sample(&r, 30 * kMs, 1, 11001 * kMs);
  EXPECT_EQ(so_tcp_rtt_min_ns(&r), 10 * kMs) << "still in the half before";
  so_tcp_rtt_sample(&r, 25 * kMs, 1, 21002 * kMs);
  EXPECT_EQ(so_tcp_rtt_min_ns(&r), 25 * kMs);
  so_tcp_rtt_sample(&r, 90 * kMs, 1, 99000 * kMs);
  EXPECT_EQ(so_tcp_rtt_min_ns(&r), 90 * kMs) << "both halves are too old";
}

TEST(RttTest, HugeAndZeroSamplesStayWithinTheLimits) {
  so_tcp_rtt r = Fresh();
  so_tcp_rtt_sample(&r, 0, 1, 0);
  EXPECT_GT(so_tcp_rtt_srtt_ns(&r), 0u);
  so_tcp_rtt_sample(&r, UINT64_C(1) << 60, 1, 0);
  EXPECT_EQ(so_tcp_rtt_rto_ns(&r), 120000 * kMs);
}

}  // namespace
