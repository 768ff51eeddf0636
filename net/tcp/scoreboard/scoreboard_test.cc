#include "net/tcp/scoreboard/scoreboard.h"

#include <random>
#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kMs = SO_NS_PER_MS;
constexpr uint32_t kMss = 1000;
using Blocks = std::vector<so_seq_range>;

class ScoreboardTest : public testing::Test {
 protected:
  void SetUp() override { Start(0); }
  void TearDown() override { so_tcp_scoreboard_release(&s_); }
  void Start(uint32_t seq, bool sack = true, uint32_t range_max = 0) {
    so_tcp_scoreboard_init(&s_, &heap_, seq, kMss, sack, range_max);
    so_tcp_rtt_init(&rtt_);
    base_ = seq;
  }
  // `count` segments, each at its own time, one `gap_ms` after the other.
  void Send(uint32_t count, uint64_t gap_ms = 1, uint32_t len = kMss) {
    for (uint32_t i = 0; i < count; i++) {
      ASSERT_TRUE(so_ok(so_tcp_scoreboard_sent(&s_, len, now_)));
      now_ += gap_ms * kMs;
    }
    Check();
  }
  const so_tcp_ack_report &Ack(uint32_t ack, Blocks sacks = {}, uint64_t echo_ns = SO_NEVER,
                               bool duplicate = false) {
    so_tcp_ack a = {};
    a.ack = base_ + ack;
    a.sack_count = sacks.size();
    for (size_t i = 0; i < sacks.size(); i++) {
      a.sacks[i] = {base_ + sacks[i].start, base_ + sacks[i].end};
    }
    a.echo_ns = echo_ns;
    a.duplicate = duplicate;
    so_tcp_scoreboard_ack(&s_, &rtt_, &a, now_, &report_);
    Check();
    return report_;
  }
  void Check() { ASSERT_TRUE(so_tcp_scoreboard_check(&s_)); }
  uint32_t Pipe() { return so_tcp_scoreboard_pipe(&s_); }
  // Retransmits what is lost, and returns it as text "a-b c-d".
  std::string Retransmit(uint32_t most = kMss) {
    std::string out;
    so_seq_range r;
    while (so_tcp_scoreboard_next_lost(&s_, most, &r)) {
      out += (out.empty() ? "" : " ") + std::to_string(r.start - base_) + "-" +
             std::to_string(r.end - base_);
      so_tcp_scoreboard_retransmitted(&s_, r, now_);
      EXPECT_TRUE(so_tcp_scoreboard_check(&s_));
    }
    return out;
  }
  so_tcp_timer Timer(uint64_t *at) {
    so_tcp_timer kind;
    *at = so_tcp_scoreboard_timer(&s_, &rtt_, &kind);
    return kind;
  }

  so_heap heap_ = *so_test::Heap();
  so_tcp_scoreboard s_;
  so_tcp_rtt rtt_;
  so_tcp_ack_report report_ = {};
  uint64_t now_ = 1000 * kMs;
  uint32_t base_ = 0;
};

TEST_F(ScoreboardTest, NothingOutstandingHasNoTimerAndNoMemory) {
  uint64_t at;
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_NONE);
  EXPECT_EQ(at, SO_NEVER);
  EXPECT_EQ(s_.ranges, nullptr);
}

TEST_F(ScoreboardTest, ACumulativeAckTakesWhatItCoversAndMeasuresTheNewest) {
  Send(3);
  now_ += 50 * kMs;
  Ack(2500);
  EXPECT_EQ(report_.acked, 2500u);
  EXPECT_EQ(report_.delivered, 2500u);
  EXPECT_EQ(report_.pipe_before, 3000u);
  EXPECT_EQ(report_.pipe, 500u);
  EXPECT_EQ(report_.rtt_ns, 51 * kMs);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&rtt_), 51 * kMs);
}

TEST_F(ScoreboardTest, WorksAcrossTheWrapOfSequenceNumbers) {
  Start(UINT32_MAX - 2500);
  Send(8);
  Ack(1000, {{4000, 8000}});
  EXPECT_EQ(Pipe(), 0u) << "what came before it is lost at once";
  EXPECT_EQ(Retransmit(), "1000-2000 2000-3000 3000-4000");
  Ack(8000);
  EXPECT_EQ(so_tcp_scoreboard_outstanding(&s_), 0u);
}

// RFC 6675 4, SetPipe: neither SACKed nor lost, or sent again.
TEST_F(ScoreboardTest, PipeCountsWhatIsOnTheWay) {
  Send(10, 0);
  EXPECT_EQ(Pipe(), 10000u);
  now_ += 100 * kMs;
  Ack(1000);
  EXPECT_EQ(Pipe(), 9000u);
  Ack(1000, {{2000, 3000}});
  EXPECT_EQ(Pipe(), 8000u) << "one SACKed, none lost yet";
  Ack(1000, {{2000, 4000}});
  EXPECT_EQ(Pipe(), 7000u);
  Ack(1000, {{2000, 5000}});
  EXPECT_EQ(report_.lost, 1000u) << "three segments after it: DupThresh";
  EXPECT_EQ(Pipe(), 5000u);
  EXPECT_EQ(Retransmit(), "1000-2000");
  EXPECT_EQ(Pipe(), 6000u);
}

TEST_F(ScoreboardTest, RackWaitsAQuarterOfTheShortestRoundTripForAReorderedSegment) {
  Send(1);
  now_ += 99 * kMs;
  Ack(1000);  // 100 ms.
  Send(3, 1);
  now_ += 97 * kMs;
  Ack(1000, {{2000, 3000}});  // The second, sent 99 ms ago, overtook the first, sent 100 ms ago.
  EXPECT_EQ(report_.lost, 0u);
  uint64_t at;
  ASSERT_EQ(Timer(&at), SO_TCP_TIMER_REORDER);
  // sent + rack.rtt + min_rtt / 4, where the minimum is now 99 ms.
  EXPECT_EQ(at, now_ - 100 * kMs + 99 * kMs + 99 * kMs / 4);
  now_ = at;
  so_tcp_scoreboard_reorder_timeout(&s_, &rtt_, now_, &report_);
  EXPECT_EQ(report_.lost, 1000u);
  EXPECT_EQ(Retransmit(), "1000-2000");
  Check();
}

TEST_F(ScoreboardTest, InRecoveryWithoutReorderingAnythingSentBeforeIsLostAtOnce) {
  Send(10, 1);
  now_ += 90 * kMs;
  so_tcp_scoreboard_recovery(&s_, true);
  Ack(0, {{4000, 5000}});
  EXPECT_EQ(report_.lost, 4000u);
}

TEST_F(ScoreboardTest, ALostRetransmissionIsFoundWithoutTimeout) {
  Send(6, 1);
  now_ += 100 * kMs;
  Ack(0, {{1000, 4000}});
  so_tcp_scoreboard_recovery(&s_, true);
  EXPECT_EQ(Retransmit(), "0-1000");
  const uint64_t again = now_;
  now_ += kMs;
  Send(1);
  now_ = again + 110 * kMs;
  Ack(0, {{1000, 6000}});
  EXPECT_EQ(report_.lost, 0u) << "sent before the retransmission";
  Ack(0, {{1000, 7000}});
  EXPECT_EQ(report_.lost, 1000u) << "what was sent after it is there";
  EXPECT_EQ(Retransmit(), "0-1000");
}

TEST_F(ScoreboardTest, ReorderingIsSeenAndThenTolerated) {
  Send(8, 1);
  now_ += 100 * kMs;
  Ack(1000, {{2000, 3000}});
  EXPECT_FALSE(s_.reordering_seen);
  Ack(3000);  // The hole fills with what was sent once.
  EXPECT_TRUE(s_.reordering_seen);
  Ack(3000, {{4000, 8000}});
  EXPECT_EQ(report_.lost, 0u) << "four segments later, but not late enough";
}

TEST_F(ScoreboardTest, WhatOneAckBringsIsNotReordering) {
  Send(8, 1);
  Ack(0, {{6000, 7000}, {2000, 3000}, {4000, 5000}});
  EXPECT_FALSE(s_.reordering_seen);
}

TEST_F(ScoreboardTest, DuplicateReportsWidenTheWindowOnceARoundTrip) {
  Send(8, 1);
  Ack(2000);
  Ack(2000, {{0, 1000}});
  EXPECT_TRUE(report_.dsack);
  EXPECT_EQ(s_.reo_wnd_mult, 2);
  Ack(3000, {{1000, 2000}});
  EXPECT_EQ(s_.reo_wnd_mult, 2) << "same round";
  Ack(8000);
  Ack(8000, {{2000, 3000}});
  EXPECT_EQ(s_.reo_wnd_mult, 3);
  for (int i = 0; i < 16; i++) {
    so_tcp_scoreboard_recovery(&s_, true);
    so_tcp_scoreboard_recovery(&s_, false);
  }
  EXPECT_EQ(s_.reo_wnd_mult, 1);
}

// The first transmission was held up, the second overtook it: no order of arrivals shows that, the report does.
// From then on three later segments are no proof of a loss.
TEST_F(ScoreboardTest, ADuplicateReportOpensTheReorderingWindow) {
  so_tcp_rtt_sample(&rtt_, 40 * kMs, 1, now_);
  Send(8, 1);
  now_ += 40 * kMs;
  Ack(0, {{1000, 4000}});
  EXPECT_EQ(s_.lost, 1000u) << "three segments came past it, and no reordering is known";
  so_tcp_scoreboard_retransmitted(&s_, {0, 1000}, now_);
  now_ += 40 * kMs;
  Ack(8000);
  Ack(8000, {{0, 1000}});
  EXPECT_TRUE(report_.dsack);
  Send(8, 1);
  now_ += 40 * kMs;
  Ack(8000, {{9000, 12000}});
  EXPECT_EQ(s_.lost, 0u) << "it may only be late again";
  EXPECT_NE(s_.reorder_ns, SO_NEVER);
  now_ = s_.reorder_ns;
  so_tcp_scoreboard_reorder_timeout(&s_, &rtt_, now_, &report_);
  EXPECT_EQ(report_.lost, 1000u) << "but not for ever";
}

TEST_F(ScoreboardTest, ADuplicateWithinTheSecondBlockIsAReportAndMarksNothingTwice) {
  Send(8, 1);
  Ack(1000, {{3000, 4000}, {2000, 5000}});
  EXPECT_TRUE(report_.dsack);
  EXPECT_EQ(s_.sacked, 3000u);
  EXPECT_EQ(report_.delivered, 4000u);
}

TEST_F(ScoreboardTest, BlocksThatCannotBeAreIgnored) {
  Send(4, 1);
  Ack(1000, {{1000, 2000}, {3000, 3000}, {3500, 3000}, {3000, 4001}});
  EXPECT_EQ(s_.sacked, 0u);
  EXPECT_EQ(s_.sack_ignored, 4u);
  Ack(2000, {{2500u + (1u << 31), 2600u + (1u << 31)}});
  EXPECT_EQ(s_.sacked, 0u);
}

TEST_F(ScoreboardTest, AnOldAckBringsItsSacksOnly) {
  Send(6, 1);
  Ack(3000);
  const uint64_t start = s_.timer_start_ns;
  now_ += 5 * kMs;
  Ack(1000, {{4000, 5000}});
  EXPECT_EQ(report_.acked, 0u);
  EXPECT_EQ(s_.sacked, 1000u);
  EXPECT_EQ(s_.timer_start_ns, start);
  Ack(1000, {{2000, 2500}});
  EXPECT_FALSE(report_.dsack) << "above the ACK that carries it: not a duplicate";
}

TEST_F(ScoreboardTest, AReceiverThatRenegesGetsItAllAgain) {
  Send(6, 1);
  now_ += 100 * kMs;
  Ack(0, {{1000, 3000}});
  Ack(1000);  // It had said that it holds 1000 to 3000.
  EXPECT_TRUE(report_.reneged);
  EXPECT_EQ(s_.sacked, 0u);
  Ack(1000, {{4000, 5000}});
  so_tcp_scoreboard_timeout(&s_, &rtt_, now_ + 2000 * kMs, &report_);
  Check();
  EXPECT_EQ(Retransmit(6000), "1000-4000 5000-6000");
}

TEST_F(ScoreboardTest, ATimeoutMarksTheFirstAndAllThatIsLateAndBacksOff) {
  Send(1, 1);
  now_ += 99 * kMs;
  Ack(1000);
  Send(2, 1);
  uint64_t at;
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_PROBE);
  EXPECT_EQ(at, now_ - kMs + 200 * kMs);
  so_tcp_scoreboard_probed(&s_, true, at);
  Check();
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_RETRANSMIT);
  now_ = at - 50 * kMs;
  Send(1, 0);
  now_ = at;
  const uint64_t rto = so_tcp_rtt_rto_ns(&rtt_);
  so_tcp_scoreboard_timeout(&s_, &rtt_, now_, &report_);
  Check();
  EXPECT_EQ(so_tcp_rtt_rto_ns(&rtt_), 2 * rto);
  EXPECT_EQ(report_.lost, 2000u);
  EXPECT_EQ(report_.pipe, 1000u) << "the youngest may still arrive (RFC 8985 6.3)";
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_RETRANSMIT);
  EXPECT_EQ(at, now_ + 2 * rto);
}

TEST_F(ScoreboardTest, TheTimerStartsWithTheFirstByteAndRestartsWithProgress) {
  const uint64_t start = now_;
  Send(3, 10);
  uint64_t at;
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_RETRANSMIT);
  EXPECT_EQ(at, start + 1000 * kMs);
  Ack(1000);
  EXPECT_EQ(s_.timer_start_ns, now_);
  const uint64_t progress = now_;
  now_ += 5 * kMs;
  Ack(1000, {{2000, 3000}});
  EXPECT_EQ(s_.timer_start_ns, progress) << "a SACK alone restarts nothing";
}

TEST_F(ScoreboardTest, AProbeThatRepairedALossAsksForACongestionResponse) {
  Send(3, 1);
  now_ += 100 * kMs;
  Ack(2000);
  so_tcp_scoreboard_probed(&s_, true, now_);
  now_ += 100 * kMs;
  Ack(3000);
  EXPECT_FALSE(report_.probe_loss) << "the original may still be reported";
  Send(1);
  Ack(4000);
  EXPECT_TRUE(report_.probe_loss);
  EXPECT_FALSE(s_.probe_out);
}

TEST_F(ScoreboardTest, AProbeForNothingAsksForNothing) {
  Send(3, 1);
  now_ += 100 * kMs;
  Ack(2000);
  so_tcp_scoreboard_probed(&s_, true, now_);
  Ack(3000);
  Ack(3000, {{2000, 3000}});
  EXPECT_FALSE(report_.dsack);
  EXPECT_FALSE(s_.probe_out);
  Send(1);
  Ack(4000);
  EXPECT_FALSE(report_.probe_loss);
  EXPECT_EQ(s_.reo_wnd_mult, 1);
}

TEST_F(ScoreboardTest, OnANearLinkTheProbeComesSoon) {
  Send(1, 1);
  Ack(1000);  // After a millisecond.
  const uint64_t sent = now_;
  Send(2, 0);
  uint64_t at;
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_PROBE);
  EXPECT_EQ(at, sent + 3 * kMs);
}

TEST_F(ScoreboardTest, OnlyOneProbeForEachSample) {
  Send(1, 1);
  Ack(1000);
  Send(2, 1);
  uint64_t at;
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_PROBE);
  so_tcp_scoreboard_probed(&s_, true, at);
  s_.probe_out = false;
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_RETRANSMIT);
  Ack(2000);
  EXPECT_EQ(Timer(&at), SO_TCP_TIMER_PROBE);
}

TEST_F(ScoreboardTest, KarnNoSampleFromWhatWasSentTwiceUnlessTheEchoSays) {
  Send(1, 1);
  so_tcp_scoreboard_timeout(&s_, &rtt_, now_, &report_);
  EXPECT_EQ(Retransmit(), "0-1000");
  const uint64_t sent = now_;
  now_ += 30 * kMs;
  const so_tcp_scoreboard copy = s_;
  const so_tcp_sent first = s_.ranges[s_.first];
  Ack(1000);
  EXPECT_EQ(report_.rtt_ns, SO_NEVER);
  EXPECT_EQ(rtt_.backoff, 1);
  so_tcp_scoreboard_release(&s_);
  s_ = copy;
  s_.ranges = static_cast<so_tcp_sent *>(so_heap_alloc(&heap_, s_.cap * sizeof(so_tcp_sent)));
  s_.ranges[s_.first] = first;
  Ack(1000, {}, sent);
  EXPECT_EQ(report_.rtt_ns, 30 * kMs);
  EXPECT_EQ(rtt_.backoff, 0);
}

TEST_F(ScoreboardTest, TheAnswerToADuplicateGivesNoSampleAndEndsTheBackOff) {
  Send(2, 1);
  const uint64_t sent = now_;  // Both arrived, and the ACK was lost.
  now_ += 200 * kMs;
  so_tcp_scoreboard_timeout(&s_, &rtt_, now_, &report_);
  Retransmit(1000);
  now_ += kMs;
  EXPECT_EQ(rtt_.backoff, 1);
  Ack(2000, {{0, 1000}}, sent);
  EXPECT_TRUE(report_.dsack);
  EXPECT_EQ(report_.rtt_ns, SO_NEVER);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&rtt_), 0u);
  EXPECT_EQ(rtt_.backoff, 0);
}

TEST_F(ScoreboardTest, WithoutSackASegmentSentAgainForAnotherReasonIsRepairedToo) {
  Start(0, false);
  Send(1, 0);
  so_tcp_scoreboard_lose(&s_, 500);
  EXPECT_EQ(Retransmit(1000), "0-1000");
  Send(4, 0);
  for (int i = 0; i < 3; i++) {
    Ack(0, {}, SO_NEVER, true);
  }
  EXPECT_EQ(report_.lost, 500u);
}

TEST_F(ScoreboardTest, WhatWaitedBehindARepairedHoleGivesNoSample) {
  Start(0, false);
  Send(1, 1);
  now_ += 49 * kMs;
  Ack(1000);
  EXPECT_EQ(report_.rtt_ns, 50 * kMs);
  Send(3, 1);
  now_ += 60000 * kMs;
  so_tcp_scoreboard_timeout(&s_, &rtt_, now_, &report_);
  so_seq_range r;
  ASSERT_TRUE(so_tcp_scoreboard_next_lost(&s_, kMss, &r));
  so_tcp_scoreboard_retransmitted(&s_, r, now_);
  now_ += 50 * kMs;
  Ack(4000);  // The second and third had arrived a minute ago.
  EXPECT_EQ(report_.rtt_ns, SO_NEVER);
  EXPECT_FALSE(report_.original_acked);
  EXPECT_EQ(so_tcp_rtt_srtt_ns(&rtt_), 50 * kMs);
}

TEST_F(ScoreboardTest, WithoutSackTheThirdDuplicateLosesTheFirstSegment) {
  Start(0, false);
  Send(6, 0);
  for (int i = 1; i <= 2; i++) {
    Ack(0, {}, SO_NEVER, true);
    EXPECT_EQ(report_.lost, 0u);
    EXPECT_EQ(report_.delivered, kMss);
  }
  Ack(0, {}, SO_NEVER, true);
  EXPECT_EQ(report_.lost, 1000u);
  EXPECT_EQ(Pipe(), 2000u);
  so_tcp_scoreboard_recovery(&s_, true);
  EXPECT_EQ(Retransmit(), "0-1000");
  Ack(2000);  // RFC 6582: a partial ACK.
  EXPECT_EQ(report_.lost, 1000u);
  EXPECT_EQ(Retransmit(), "2000-3000");
  Ack(6000);
  EXPECT_EQ(s_.dup_bytes, 0u);
}

TEST_F(ScoreboardTest, WhatIsSentTogetherIsOneRangeAndSplitsOnlyWhereNeeded) {
  Send(1000, 0);
  EXPECT_EQ(s_.count, 1u);
  now_ += 100 * kMs;
  Ack(1000, {{500000, 501000}});
  EXPECT_EQ(s_.count, 3u);
  Ack(1000, {{501000, 600000}});
  EXPECT_EQ(s_.count, 3u);
  EXPECT_EQ(Retransmit(64000).substr(0, 10), "1000-65000");
  EXPECT_EQ(s_.count, 3u) << "sent again together is one range too";
  Ack(1000000);
  EXPECT_EQ(s_.ranges == nullptr || s_.cap <= 8, true);
}

TEST_F(ScoreboardTest, AtTheLimitRangesMergeAndSacksOfPartsWait) {
  Start(0, true, 4);
  Send(20, 1);
  EXPECT_LE(s_.count, 4u);
  now_ += 100 * kMs;
  for (uint32_t at = 1000; at < 19000; at += 2000) {
    Ack(0, {{at, at + 500}});
    Retransmit();
  }
  EXPECT_LE(s_.count, 4u);
  Ack(20000);
  EXPECT_EQ(Pipe(), 0u);
}

TEST_F(ScoreboardTest, AHeapThatRefusesStopsTheFirstRangeOnly) {
  so_heap_budget budget;
  heap_ = so_heap_budget_init(&budget, so_test::Heap(), 8 * sizeof(so_tcp_sent));
  Start(0);
  Send(50, 1);
  EXPECT_LE(s_.count, 8u);
  Ack(0, {{10000, 11000}});
  Ack(50000);
  so_tcp_scoreboard_release(&s_);
  EXPECT_EQ(budget.used, 0u);
  heap_ = so_heap_budget_init(&budget, so_test::Heap(), 8);
  Start(0);
  EXPECT_EQ(so_tcp_scoreboard_sent(&s_, 1, now_).code, SO_LIMIT);
  EXPECT_EQ(s_.nxt, s_.una);
}

TEST_F(ScoreboardTest, AFallingMtuLosesEverythingAndASpuriousTimeoutTakesItBack) {
  Send(4, 1);
  Ack(0, {{1000, 2000}});
  so_tcp_scoreboard_lose(&s_, 500);
  Check();
  EXPECT_EQ(Pipe(), 0u);
  EXPECT_EQ(Retransmit(500).substr(0, 14), "0-500 500-1000");
  so_tcp_scoreboard_lose(&s_, 500);
  so_tcp_scoreboard_unlose(&s_);
  Check();
  EXPECT_EQ(Pipe(), 3000u);
}

// Random histories against a model of single bytes.
TEST_F(ScoreboardTest, RandomHistoriesAgreeWithAModelOfBytes) {
  enum : uint8_t { kSacked = 1, kGone = 2 };
  for (uint32_t seed = 1; seed <= 80; seed++) {
    std::mt19937 random(seed);
    so_tcp_scoreboard_release(&s_);
    Start(random(), true, seed % 3 == 0 ? 6 : 0);
    std::vector<uint8_t> bytes;  // From base_ on.
    uint32_t una = 0;
    for (int step = 0; step < 600; step++) {
      now_ += random() % (3 * kMs);
      const uint32_t out = static_cast<uint32_t>(bytes.size()) - una;
      switch (random() % 6) {
        case 0:
        case 1:
          if (out < 30000) {
            const uint32_t len = 1 + random() % 3000;
            if (so_ok(so_tcp_scoreboard_sent(&s_, len, now_))) {
              bytes.resize(bytes.size() + len, 0);
            }
          }
          break;
        case 2:
          if (out > 0) {
            una += random() % out + (random() % 4 == 0);
            for (uint32_t i = 0; i < una; i++) {
              bytes[i] = kGone;
            }
            Ack(una);
          }
          break;
        case 3:
        case 4:
          if (out > 10) {
            const uint32_t start = una + 1 + random() % (out - 2);
            const uint32_t end = start + 1 + random() % (una + out - start);
            for (uint32_t i = start; i < end; i++) {
              bytes[i] = kSacked;
            }
            Ack(una, {{start, end}});
          }
          break;
        case 5:
          if (random() % 2 == 0) {
            Retransmit(1 + random() % 3000);
          } else if (out > 0 && random() % 4 == 0) {
            so_tcp_scoreboard_timeout(&s_, &rtt_, now_, &report_);
          }
          break;
      }
      ASSERT_TRUE(so_tcp_scoreboard_check(&s_)) << "seed " << seed;
      ASSERT_EQ(s_.nxt - s_.una, bytes.size() - una) << "seed " << seed;
      if (report_.reneged) {
        break;  // The model's receiver never reneges on purpose: chance made it look so.
      }
      uint32_t sacked = 0;
      for (size_t i = una; i < bytes.size(); i++) {
        sacked += bytes[i] == kSacked;
      }
      if (seed % 3 == 0) {
        ASSERT_LE(s_.sacked, sacked) << "seed " << seed;
      } else {
        ASSERT_EQ(s_.sacked, sacked) << "seed " << seed;
      }
    }
    report_ = {};
  }
}

}  // namespace
