#include "net/tcp/congestion/congestion.h"

#include <cmath>
#include <vector>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kMs = SO_NS_PER_MS;
constexpr uint32_t kMss = 1000;

class CongestionTest : public testing::Test {
 protected:
  void SetUp() override { Start(&so_tcp_newreno); }
  void Start(const so_tcp_algorithm *a, uint32_t mss = kMss, bool syn_lost = false) {
    so_tcp_congestion_init(&c_, a, mss, syn_lost, 0);
    so_tcp_rtt_init(&rtt_);
    so_tcp_rtt_sample(&rtt_, 100 * kMs, 1, 0);
    una_ = nxt_ = sacked_ = lost_ = 0;
    now_ = 5000 * kMs;
  }
  uint32_t Pipe() const { return nxt_ - una_ - sacked_ - lost_; }
  void Send(uint32_t len, bool again = false) {
    if (again) {
      lost_ -= std::min(len, lost_);
    } else {
      nxt_ += len;
    }
    so_tcp_congestion_sent(&c_, len, again, now_);
  }
  void Fill() {
    while (so_tcp_congestion_room(&c_, Pipe()) >= c_.mss) {
      Send(c_.mss);
    }
  }
  struct What {
    uint32_t acked = 0, sacked = 0, lost = 0;
    uint64_t rtt = SO_NEVER, echo = SO_NEVER;
    bool ece = false, original = false, dsack = false;
    uint32_t covered = 0;  // Of `acked`, what was SACKed before.
  };
  bool Ack(const What &w) {
    so_tcp_ack_report r = {};
    r.pipe_before = Pipe();
    una_ += w.acked;
    sacked_ += w.sacked - w.covered;
    lost_ += w.lost;
    r.una = una_;
    r.nxt = nxt_;
    r.acked = w.acked;
    r.delivered = w.acked - w.covered + w.sacked;
    r.lost = w.lost;
    r.pipe = Pipe();
    r.rtt_ns = w.rtt;
    r.echo_ns = w.echo;
    r.original_acked = w.original;
    r.original_start = una_ - w.acked;
    r.ece = w.ece;
    r.dsack = w.dsack;
    r.dsack_range = {0, kMss};
    const bool spurious = so_tcp_congestion_ack(&c_, &r, &rtt_, now_);
    EXPECT_TRUE(so_tcp_congestion_check(&c_));
    return spurious;
  }
  bool Acked(uint32_t n) {
    What w;
    w.acked = n;
    return Ack(w);
  }
  void Timeout() {
    so_tcp_ack_report r = {};
    r.pipe_before = Pipe();
    lost_ = nxt_ - una_ - sacked_;
    r.una = una_;
    r.nxt = nxt_;
    r.lost = lost_;
    r.pipe = Pipe();
    so_tcp_congestion_timeout(&c_, &r);
    EXPECT_TRUE(so_tcp_congestion_check(&c_));
  }
  // Everything that the window allows is sent and acknowledged, two segments an ACK.
  void RoundTrip(uint64_t rtt_ns = 100 * kMs) {
    Fill();
    now_ += rtt_ns;
    const uint32_t end = nxt_;
    while (una_ != end) {
      What w;
      w.acked = std::min(2 * kMss, end - una_);
      w.rtt = rtt_ns;
      Ack(w);
      Fill();
    }
  }

  so_tcp_congestion c_;
  so_tcp_rtt rtt_;
  uint32_t una_, nxt_, sacked_, lost_;
  uint64_t now_;
};

TEST_F(CongestionTest, TheInitialWindowIsThatOfRfc6928) {
  Start(&so_tcp_newreno, 1460);
  EXPECT_EQ(c_.cwnd, 14600u);
  Start(&so_tcp_newreno, 536);
  EXPECT_EQ(c_.cwnd, 5360u);
  Start(&so_tcp_newreno, 9000);
  EXPECT_EQ(c_.cwnd, 18000u);
  Start(&so_tcp_newreno, 1460, true);
  EXPECT_EQ(c_.cwnd, 1460u);
}

TEST_F(CongestionTest, SlowStartDoublesEachRoundTrip) {
  RoundTrip();
  EXPECT_EQ(c_.cwnd, 20000u);
  RoundTrip();
  EXPECT_EQ(c_.cwnd, 40000u);
}

// A receiver that joins segments acknowledges up to 64 KiB at once.
TEST_F(CongestionTest, SlowStartDoublesWhenOneAckStandsForManySegments) {
  c_.cwnd = 40 * kMss;
  Fill();
  Acked(40 * kMss);
  EXPECT_EQ(c_.cwnd, 80 * kMss);
}

TEST_F(CongestionTest, AWindowThatIsNotUsedDoesNotGrow) {
  for (int i = 0; i < 100; i++) {
    Send(kMss);
    Acked(kMss);
  }
  EXPECT_EQ(c_.cwnd, 10000u);
}

TEST_F(CongestionTest, RenoAddsOneSegmentARoundTrip) {
  c_.ssthresh = 10000;
  for (uint32_t i = 1; i <= 20; i++) {
    const uint32_t before = c_.cwnd;
    RoundTrip();
    EXPECT_EQ(c_.cwnd, before + kMss);
  }
}

TEST_F(CongestionTest, SlowStartStopsAtTheThresholdExactly) {
  c_.ssthresh = 11000;
  Fill();
  Acked(8000);
  EXPECT_EQ(c_.cwnd, 11000u);
  EXPECT_EQ(c_.avoid_rest, 7000u);
}

// RFC 9406 4.2: 8 samples, threshold max(4 ms, RTT/8), growth / 4, five rounds.
TEST_F(CongestionTest, HyStartLeavesSlowStartWhenRoundTripsGetLonger) {
  RoundTrip(100 * kMs);
  RoundTrip(100 * kMs);
  EXPECT_FALSE(c_.css);
  RoundTrip(108 * kMs);
  RoundTrip(108 * kMs);
  EXPECT_FALSE(c_.css) << "8 ms more is less than 100 / 8";
  RoundTrip(123 * kMs);
  RoundTrip(123 * kMs);  // A round begins in the middle of these.
  EXPECT_TRUE(c_.css);
  const uint32_t before = c_.cwnd;
  RoundTrip(123 * kMs);
  EXPECT_NEAR(c_.cwnd, before + before / 4, 0.03 * before);
  int rounds = 1;
  while (so_tcp_congestion_slow_start(&c_) && rounds < 20) {
    RoundTrip(123 * kMs);
    rounds++;
  }
  EXPECT_NEAR(rounds, 5, 1);
}

TEST_F(CongestionTest, HyStartGoesBackToSlowStartWhenTheDelayPasses) {
  RoundTrip(100 * kMs);
  RoundTrip(100 * kMs);
  RoundTrip(130 * kMs);
  RoundTrip(130 * kMs);
  EXPECT_TRUE(c_.css);
  RoundTrip(100 * kMs);
  EXPECT_FALSE(c_.css);
  EXPECT_TRUE(so_tcp_congestion_slow_start(&c_));
}

// RFC 6937 4, the example of proportional reduction: 20 segments, the first lost, half the window.
TEST_F(CongestionTest, ReductionSendsOneSegmentForEveryTwoThatArrive) {
  c_.cwnd = 20 * kMss;
  Fill();
  What w;
  w.sacked = kMss;
  Ack(w);
  Ack(w);
  w.lost = kMss;
  Ack(w);
  EXPECT_EQ(c_.phase, SO_TCP_RECOVERY);
  EXPECT_EQ(c_.ssthresh, 10 * kMss);
  EXPECT_GE(so_tcp_congestion_room(&c_, Pipe()), kMss) << "the fast retransmit";
  Send(kMss, true);
  uint32_t sent = 0;
  w.lost = 0;
  for (int i = 0; i < 16; i++) {
    Ack(w);
    while (so_tcp_congestion_room(&c_, Pipe()) >= kMss) {
      Send(kMss);
      sent += kMss;
    }
  }
  EXPECT_NEAR(sent, 8 * kMss, kMss);
  EXPECT_NEAR(Pipe(), 10 * kMss, kMss);
  w = What();
  w.acked = 20 * kMss;
  w.covered = sacked_;
  Ack(w);
  EXPECT_EQ(c_.phase, SO_TCP_OPEN);
  EXPECT_EQ(c_.cwnd, 10 * kMss);
}

// RFC 6937 4, heavy loss: pipe falls below ssthresh, and slow start fills it up again, no burst.
TEST_F(CongestionTest, AfterHeavyLossThePipeFillsWithoutABurst) {
  c_.cwnd = 20 * kMss;
  Fill();
  What w;
  w.sacked = kMss;
  w.lost = 15 * kMss;
  Ack(w);
  EXPECT_EQ(Pipe(), 4 * kMss);
  w.lost = 0;
  uint32_t most = 0;
  for (int i = 0; i < 4; i++) {
    uint32_t burst = 0;
    while (so_tcp_congestion_room(&c_, Pipe()) >= kMss) {
      Send(kMss, true);
      burst += kMss;
    }
    most = std::max(most, burst);
    Ack(w);
  }
  EXPECT_LE(most, 2 * kMss);
}

TEST_F(CongestionTest, OneReductionAWindow) {
  c_.cwnd = 20 * kMss;
  Fill();
  What w;
  w.sacked = 3 * kMss;
  w.lost = kMss;
  Ack(w);
  const uint32_t ssthresh = c_.ssthresh;
  Ack(w);
  EXPECT_EQ(c_.ssthresh, ssthresh);
  EXPECT_EQ(c_.reductions, 1u);
}

TEST_F(CongestionTest, ATimeoutLeavesOneSegmentAndHalvesTheThresholdOnce) {
  c_.cwnd = 20 * kMss;
  Fill();
  Timeout();
  EXPECT_EQ(c_.cwnd, kMss);
  EXPECT_EQ(c_.ssthresh, 10 * kMss);
  EXPECT_EQ(c_.phase, SO_TCP_LOSS);
  Timeout();
  EXPECT_EQ(c_.ssthresh, 10 * kMss) << "RFC 5681 (4): held constant";
  Send(kMss, true);
  Acked(kMss);
  EXPECT_EQ(c_.cwnd, 2 * kMss);
}

TEST_F(CongestionTest, EcnReducesOnceARoundTripAndSaysSo) {
  c_.cwnd = c_.ssthresh = 20 * kMss;
  Fill();
  What w;
  w.acked = kMss;
  w.ece = true;
  Ack(w);
  EXPECT_EQ(c_.phase, SO_TCP_CWR);
  EXPECT_TRUE(c_.cwr_pending);
  EXPECT_EQ(c_.ssthresh, 10 * kMss);
  for (int i = 0; i < 19; i++) {
    Ack(w);
  }
  EXPECT_EQ(c_.phase, SO_TCP_OPEN);
  EXPECT_EQ(c_.reductions, 1u) << "the ACK of the last byte of that window still says ECE";
  EXPECT_EQ(c_.cwnd, 10 * kMss);
  Fill();
  Ack(w);
  EXPECT_EQ(c_.reductions, 2u);
}

TEST_F(CongestionTest, EifelTakesASpuriousTimeoutBack) {
  c_.cwnd = 20 * kMss;
  Fill();
  now_ += 300 * kMs;
  Timeout();
  Send(kMss, true);
  What w;
  w.acked = kMss;
  w.echo = now_ - 300 * kMs;
  now_ += 10 * kMs;
  EXPECT_TRUE(Ack(w));
  EXPECT_EQ(c_.cwnd, 20 * kMss);
  EXPECT_EQ(c_.ssthresh, SO_TCP_WINDOW_MAX);
  EXPECT_EQ(c_.phase, SO_TCP_OPEN);
}

TEST_F(CongestionTest, AnEchoOfTheRetransmissionProvesTheLoss) {
  c_.cwnd = 20 * kMss;
  Fill();
  now_ += 300 * kMs;
  Timeout();
  Send(kMss, true);
  What w;
  w.acked = kMss;
  w.echo = now_;
  now_ += 100 * kMs;
  EXPECT_FALSE(Ack(w));
  w.echo = now_ - 300 * kMs;
  EXPECT_FALSE(Ack(w)) << "only the first ACK tells";
  EXPECT_EQ(c_.phase, SO_TCP_LOSS);
}

TEST_F(CongestionTest, FRtoSeesFirstTransmissionsArriveWithoutTimestamps) {
  c_.cwnd = 20 * kMss;
  Fill();
  Timeout();
  Send(kMss, true);
  What w;
  w.acked = kMss;
  EXPECT_FALSE(Ack(w)) << "that is the retransmission";
  w.original = true;
  EXPECT_TRUE(Ack(w));
  EXPECT_EQ(c_.cwnd, 20 * kMss);
}

TEST_F(CongestionTest, DuplicateReportsOfAllRetransmissionsUndoARecovery) {
  c_.cwnd = 20 * kMss;
  Fill();
  What w;
  w.sacked = 3 * kMss;
  w.lost = 2 * kMss;
  Ack(w);
  Send(2 * kMss, true);
  What d;
  d.dsack = true;
  EXPECT_FALSE(Ack(d));
  EXPECT_TRUE(Ack(d));
  EXPECT_EQ(c_.cwnd, 20 * kMss);
}

// A segment that was held up for many round trips is reported late, and the reduction is still for nothing.
TEST_F(CongestionTest, ARecoveryThatEndedCanBeUndoneUntilTheNextOne) {
  c_.cwnd = 20 * kMss;
  Fill();
  What w;
  w.sacked = 3 * kMss;
  w.lost = kMss;
  Ack(w);
  Send(kMss, true);
  w = What();
  w.acked = 20 * kMss;
  w.covered = 3 * kMss;
  Ack(w);
  EXPECT_EQ(c_.cwnd, 10 * kMss);
  What d;
  d.dsack = true;
  for (int i = 0; i < 5; i++) {
    RoundTrip();
  }
  const so_tcp_congestion copy = c_;
  const uint32_t una = una_, nxt = nxt_;
  EXPECT_TRUE(Ack(d));
  EXPECT_EQ(c_.cwnd, 20 * kMss);

  // A second episode: the late report is of the first one, and proves nothing of this one.
  c_ = copy;
  una_ = una;
  nxt_ = nxt;
  Fill();
  w = What();
  w.sacked = 3 * kMss;
  w.lost = kMss;
  Ack(w);
  Send(kMss, true);
  const uint32_t reduced = c_.ssthresh;
  EXPECT_FALSE(Ack(d));
  EXPECT_EQ(c_.ssthresh, reduced);
  EXPECT_EQ(c_.undo_retransmits, 1u);
}

TEST_F(CongestionTest, AnIdleConnectionStartsAnew) {
  c_.cwnd = 80 * kMss;
  c_.last_sent_ns = now_;
  so_tcp_congestion_idle(&c_, 300 * kMs, now_ + 300 * kMs);
  EXPECT_EQ(c_.cwnd, 80 * kMss);
  so_tcp_congestion_idle(&c_, 300 * kMs, now_ + 700 * kMs);
  EXPECT_EQ(c_.cwnd, 20 * kMss);
  EXPECT_EQ(c_.ssthresh, SO_TCP_WINDOW_MAX);
  c_.ssthresh = 5 * kMss;
  so_tcp_congestion_idle(&c_, 300 * kMs, now_ + 3600000 * kMs);
  EXPECT_EQ(c_.cwnd, 10 * kMss);
  EXPECT_EQ(c_.ssthresh, 15 * kMss) << "three quarters of what the path carried";
}

TEST_F(CongestionTest, WithNothingInFlightASegmentMayAlwaysGo) {
  c_.cwnd = 1;
  EXPECT_EQ(so_tcp_congestion_room(&c_, 0), kMss);
  EXPECT_EQ(so_tcp_congestion_room(&c_, 1), 0u);
}

// --- CUBIC against RFC 9438 written down in doubles -----------------------------------------------

struct Cubic {
  double mss, cwnd, w_max = 0, w_est = 0, cwnd_prior = 0, k = 0, epoch = -1;
  double W(double t) const { return 0.4 * std::pow(t - k, 3) + w_max; }
  void Grow(double acked, double rtt, double now) {  // All in segments and seconds.
    if (epoch < 0) {
      epoch = now;
      w_est = cwnd;
      k = w_max > cwnd ? std::cbrt((w_max - cwnd) / 0.4) : 0;
      w_max = std::max(w_max, cwnd);
    }
    const double t = now - epoch;
    w_est += (w_est >= cwnd_prior ? 1.0 : 3.0 * 0.3 / 1.7) * acked / cwnd;
    if (W(t) < w_est) {
      cwnd = std::max(cwnd, w_est);
      return;
    }
    const double target = std::min(std::max(W(t + rtt), cwnd), 1.5 * cwnd);
    cwnd += (target - cwnd) / cwnd * acked;
  }
  void Reduce() {
    w_max = cwnd < w_max ? cwnd * 1.7 / 2 : cwnd;
    cwnd_prior = cwnd;
    cwnd = std::max(cwnd * 0.7, 2.0);
    epoch = -1;
  }
};

// Runs both for `seconds`, with a loss at each time of `losses`.
void Compare(uint32_t mss, double start, double rtt, double seconds, std::vector<double> losses) {
  so_tcp_congestion c;
  so_tcp_congestion_init(&c, &so_tcp_cubic, mss, false, 0);
  Cubic m;
  m.mss = mss;
  m.cwnd = start;
  c.cwnd = static_cast<uint32_t>(start * mss);
  c.ssthresh = 0;
  double now = 1;
  size_t loss = 0;
  while (now < 1 + seconds) {
    const uint64_t now_ns = static_cast<uint64_t>(now * 1e9);
    if (loss < losses.size() && now >= 1 + losses[loss]) {
      loss++;
      c.ssthresh = c.algorithm->reduce(&c, c.cwnd);
      c.cwnd = c.ssthresh;
      c.algorithm->restart(&c, false);
      m.Reduce();
    }
    // A round trip's ACKs, two segments each, spread over it.
    const double acks = m.cwnd / 2;
    for (int i = 0; i < static_cast<int>(acks) && i < 200; i++) {
      const double per = m.cwnd / std::min(200.0, acks);
      const double at = now + rtt * i / std::min(200.0, acks);
      c.algorithm->grow(&c, static_cast<uint32_t>(per * mss), static_cast<uint64_t>(rtt * 1e9),
                        static_cast<uint64_t>(at * 1e9));
      m.Grow(per, rtt, at);
    }
    (void)now_ns;
    const double got = static_cast<double>(c.cwnd) / mss;
    ASSERT_NEAR(got, m.cwnd, 1.0 + 0.01 * m.cwnd)
        << "at " << now - 1 << " s, mss " << mss << ", rtt " << rtt;
    now += rtt;
  }
}

TEST(CubicTest, TheWindowFollowsTheCurveOfRfc9438) {
  for (uint32_t mss : {536u, 1460u, 8960u}) {
    for (double rtt : {0.02, 0.1, 0.3}) {
      Compare(mss, 10, rtt, 10, {});
      Compare(mss, 100, rtt, 30, {0.5, 9, 11, 25});  // 11: before W_max, so fast convergence.
      Compare(mss, 2000, rtt, 40, {0.5, 20});
    }
  }
}

TEST(CubicTest, TheRenoFriendlyRegionIsRenoOfTheSameAverage) {
  Compare(1460, 20, 0.005, 5, {0.2, 0.8, 2, 3});
}

// RFC 9438 4.2: W_cubic(K) = W_max; and 0.7 of W_max at the start.
TEST(CubicTest, KIsWhereTheCurveReachesWMax) {
  so_tcp_congestion c;
  so_tcp_congestion_init(&c, &so_tcp_cubic, 1000, false, 0);
  c.cwnd = 1000000;
  const uint32_t left = c.algorithm->reduce(&c, c.cwnd);
  EXPECT_EQ(left, 700000u);
  EXPECT_EQ(c.cubic.w_max, 1000000u);
  c.cwnd = left;
  c.algorithm->restart(&c, false);
  c.algorithm->grow(&c, 1000, 0, 0);
  EXPECT_EQ(c.cubic.k_ms, static_cast<uint32_t>(std::cbrt(300 / 0.4) * 1000));
  for (uint64_t ms = 0; ms <= c.cubic.k_ms; ms++) {
    c.algorithm->grow(&c, c.cwnd / 100, 0, ms * kMs);  // A round trip of 100 ms.
  }
  EXPECT_NEAR(c.cwnd, 1000000, 2000);
}

TEST(CubicTest, FastConvergenceLetsGoOfMore) {
  so_tcp_congestion c;
  so_tcp_congestion_init(&c, &so_tcp_cubic, 1000, false, 0);
  c.cubic.w_max = 1000000;
  c.cwnd = 800000;
  c.algorithm->reduce(&c, c.cwnd);
  EXPECT_EQ(c.cubic.w_max, 680000u);
}

TEST(CubicTest, AfterATimeoutTheCurveStartsFlat) {
  so_tcp_congestion c;
  so_tcp_congestion_init(&c, &so_tcp_cubic, 1000, false, 0);
  c.cwnd = 100000;
  c.algorithm->reduce(&c, c.cwnd);
  c.cwnd = 70000;
  c.algorithm->restart(&c, true);
  c.algorithm->grow(&c, 1000, 100 * kMs, 5000 * kMs);
  EXPECT_EQ(c.cubic.k_ms, 0u);
  EXPECT_EQ(c.cubic.w_max, 70000u);
}

TEST(CubicTest, TheLargestWindowsAndTimesDoNotOverflow) {
  so_tcp_congestion c;
  so_tcp_congestion_init(&c, &so_tcp_cubic, 65535, false, 0);
  c.cwnd = SO_TCP_WINDOW_MAX;
  c.ssthresh = c.algorithm->reduce(&c, c.cwnd);
  c.cwnd = c.ssthresh;
  c.algorithm->restart(&c, false);
  uint32_t last = c.cwnd;
  for (uint64_t s = 0; s < 400; s++) {
    c.algorithm->grow(&c, c.cwnd, 3000 * kMs, s * SO_NS_PER_S);
    ASSERT_GE(c.cwnd, last);
    ASSERT_TRUE(so_tcp_congestion_check(&c));
    last = c.cwnd;
  }
  EXPECT_EQ(c.cwnd, SO_TCP_WINDOW_MAX);
  c.algorithm->grow(&c, c.cwnd, 3000 * kMs, UINT64_MAX / 2);
  EXPECT_EQ(c.cwnd, SO_TCP_WINDOW_MAX);
}

}  // namespace
