#include "net/sntp/sntp.h"

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

using so_test::Guarded;

constexpr int64_t kBuilt = 1767225600;  // 2026-01-01
constexpr uint64_t kTime = 1790000000;  // What the servers of the tests say.

so_endpoint Server(uint8_t last) {
  so_endpoint e = {};
  e.family = 4;
  e.address[0] = 192;
  e.address[3] = last;
  e.port = SO_SNTP_PORT;
  return e;
}

class SntpTest : public ::testing::Test {
 protected:
  void Start(size_t count) {
    so_endpoint servers[SO_SNTP_SERVERS_MAX];
    for (size_t i = 0; i < count; i++) {
      servers[i] = Server(static_cast<uint8_t>(i + 1));
    }
    const uint8_t seed[SO_RNG_SEED_LEN] = {7};
    so_sntp_init(&c_, servers, count, seed, kBuilt, now_);
  }

  // Goes to the next request.
  void Ask() {
    for (int i = 0; i < 3; i++) {
      ASSERT_NE(SO_NEVER, so_sntp_deadline(&c_));
      now_ = so_sntp_deadline(&c_);
      so_bytes request;
      if (so_sntp_tick(&c_, now_, &to_, &request)) {
        ASSERT_EQ(static_cast<size_t>(SO_SNTP_LEN), request.len);
        SO_ASSERT_OK(so_sntp_parse(request, &request_));
        return;
      }
    }
    FAIL() << "no request";
  }

  so_sntp_packet Good() {
    so_sntp_packet p = {};
    p.version = 4;
    p.mode = 4;
    p.stratum = 2;
    p.origin = request_.transmit;
    p.receive = so_sntp_from_unix_ns(static_cast<int64_t>(kTime * SO_NS_PER_S));
    p.transmit = p.receive + (UINT64_C(1) << 32) / 1000;  // 1 ms later
    return p;
  }

  so_status Answer(const so_sntp_packet &p, uint64_t after_ns = 21 * SO_NS_PER_MS) {
    uint8_t buf[SO_SNTP_LEN];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_sntp_emit(&p, &w);
    now_ += after_ns;
    return so_sntp_input(&c_, &to_, so_writer_bytes(&w), now_);
  }

  void Refuse(const so_sntp_packet &p, const uint64_t *counter) {
    const uint64_t before = *counter;
    SO_EXPECT_CODE(SO_CONFLICT, Answer(p));
    EXPECT_EQ(before + 1, *counter);
    EXPECT_FALSE(c_.has_sample);
    EXPECT_FALSE(c_.waiting);
  }

  so_sntp c_;
  so_endpoint to_;
  so_sntp_packet request_;
  uint64_t now_ = 1000;
};

TEST_F(SntpTest, APacketSurvivesTheRoundTrip) {
  so_sntp_packet p = {}, q;
  p.leap = 1;
  p.version = 3;
  p.mode = 4;
  p.stratum = 5;
  p.poll = -6;
  p.precision = -23;
  p.root_delay = 0x12345;
  p.root_dispersion = 0x678;
  p.reference_id = 0x7f000001;
  p.reference = 1;
  p.origin = 2;
  p.receive = UINT64_MAX;
  p.transmit = 4;
  uint8_t buf[SO_SNTP_LEN], again[SO_SNTP_LEN];
  so_writer w = so_writer_of(buf, sizeof buf), v = so_writer_of(again, sizeof again);
  so_sntp_emit(&p, &w);
  ASSERT_EQ(sizeof buf, w.len);
  SO_ASSERT_OK(so_sntp_parse(so_writer_bytes(&w), &q));
  so_sntp_emit(&q, &v);
  EXPECT_EQ(0, memcmp(buf, again, sizeof buf));
  EXPECT_EQ(p.poll, q.poll);
  EXPECT_EQ(p.receive, q.receive);
}

TEST_F(SntpTest, EveryTruncationIsMalformed) {
  const std::string whole(SO_SNTP_LEN, '\x24');
  for (size_t n = 0; n < whole.size(); n++) {
    Guarded g(whole.substr(0, n));
    so_sntp_packet p;
    SO_EXPECT_CODE(SO_MALFORMED, so_sntp_parse(g.view(), &p));
  }
  so_sntp_packet p;
  SO_EXPECT_OK(so_sntp_parse(Guarded(whole).view(), &p));
  SO_EXPECT_CODE(SO_MALFORMED, so_sntp_parse(Guarded(whole + "x").view(), &p));
  const std::string most(SO_SNTP_MESSAGE_LEN_MAX, '\x24');
  SO_EXPECT_OK(so_sntp_parse(Guarded(most).view(), &p));
  SO_EXPECT_CODE(SO_MALFORMED, so_sntp_parse(Guarded(most + "abcd").view(), &p));
}

TEST_F(SntpTest, TimestampsOfBothErasBecomeUnixTime) {
  // RFC 5905 figure 4: the first day of UNIX is 2,208,988,800; era 1 begins 2036-02-07T06:28:16Z.
  EXPECT_EQ(0, so_sntp_to_unix_ns(UINT64_C(2208988800) << 32, 0));
  EXPECT_EQ(INT64_C(2085978496) * 1000000000, so_sntp_to_unix_ns(0, kBuilt));
  EXPECT_EQ(INT64_C(2085978495) * 1000000000,
            so_sntp_to_unix_ns(UINT64_C(0xffffffff) << 32, kBuilt));
  EXPECT_EQ(kBuilt * 1000000000,
            so_sntp_to_unix_ns(static_cast<uint64_t>(kBuilt + 2208988800) << 32, kBuilt));
  // A second before the floor is a whole era later.
  EXPECT_EQ((kBuilt - 1 + (INT64_C(1) << 32)) * 1000000000,
            so_sntp_to_unix_ns(static_cast<uint64_t>(kBuilt - 1 + 2208988800) << 32, kBuilt));
  for (int64_t t : {INT64_C(0), INT64_C(1790000000123456789), INT64_C(2085978496000000001)}) {
    EXPECT_NEAR(0, static_cast<double>(so_sntp_to_unix_ns(so_sntp_from_unix_ns(t), 0) - t), 1);
  }
  EXPECT_EQ(UINT64_C(2208988799) << 32, so_sntp_from_unix_ns(-1000000000) & ~UINT64_C(0xffffffff));
}

TEST_F(SntpTest, AnAnswerGivesTheOffsetAndTheDelay) {
  Start(1);
  Ask();
  EXPECT_EQ(4, request_.version);
  EXPECT_EQ(3, request_.mode);
  EXPECT_EQ(0u, request_.receive);
  const uint64_t sent = now_;
  SO_EXPECT_OK(Answer(Good()));
  so_sntp_sample s;
  ASSERT_TRUE(so_sntp_sample_take(&c_, &s));
  EXPECT_FALSE(so_sntp_sample_take(&c_, &s));
  // Sent at `sent`, there 10 ms later, held for 1 ms, back after 10 ms.
  const int64_t want = static_cast<int64_t>(kTime * SO_NS_PER_S) -
                       static_cast<int64_t>(sent + 10 * SO_NS_PER_MS);
  EXPECT_NEAR(0, static_cast<double>(s.offset_ns - want), 2);
  EXPECT_NEAR(20e6, static_cast<double>(s.delay_ns), 2);
  EXPECT_EQ(2, s.stratum);
}

TEST_F(SntpTest, TheRequestTellsNothingAndIsNewEachTime) {
  Start(1);
  Ask();
  const uint64_t first = request_.transmit;
  EXPECT_EQ(0u, request_.origin | request_.receive | request_.reference);
  SO_EXPECT_OK(Answer(Good()));
  Ask();
  EXPECT_NE(first, request_.transmit);
}

TEST_F(SntpTest, WhatDoesNotBringBackOurNumberIsIgnored) {
  Start(2);
  Ask();
  so_sntp_packet p = Good();
  p.origin ^= 1;
  SO_EXPECT_CODE(SO_NOT_FOUND, Answer(p));
  p.stratum = 0;  // A forged kiss.
  p.reference_id = 0x44454e59;
  SO_EXPECT_CODE(SO_NOT_FOUND, Answer(p));
  EXPECT_EQ(2u, c_.stats.bad_origin);
  EXPECT_TRUE(c_.waiting);
  const so_endpoint right = to_;
  to_.address[2] = 9;
  SO_EXPECT_CODE(SO_NOT_FOUND, Answer(Good()));
  to_ = right;
  to_.port++;
  SO_EXPECT_CODE(SO_NOT_FOUND, Answer(Good()));
  EXPECT_EQ(2u, c_.stats.stray);
  to_ = right;
  SO_EXPECT_OK(Answer(Good()));
  SO_EXPECT_CODE(SO_NOT_FOUND, Answer(Good()));  // A duplicate.
  EXPECT_EQ(3u, c_.stats.stray);
}

TEST_F(SntpTest, EachCheckOfRfc4330Refuses) {
  Start(1);
  const auto refuse = [&](void (*change)(so_sntp_packet *), const uint64_t *counter) {
    Ask();
    so_sntp_packet p = Good();
    change(&p);
    Refuse(p, counter);
  };
  refuse([](so_sntp_packet *p) { p->leap = 3; }, &c_.stats.unsynchronised);
  refuse([](so_sntp_packet *p) { p->stratum = 16; }, &c_.stats.unsynchronised);
  refuse([](so_sntp_packet *p) { p->mode = 5; }, &c_.stats.bad_mode);
  refuse([](so_sntp_packet *p) { p->version = 0; }, &c_.stats.bad_mode);
  refuse([](so_sntp_packet *p) { p->version = 5; }, &c_.stats.bad_mode);
  refuse([](so_sntp_packet *p) { p->transmit = 0; }, &c_.stats.bad_mode);
  refuse([](so_sntp_packet *p) { p->root_delay = 1 << 16; }, &c_.stats.bad_distance);
  refuse([](so_sntp_packet *p) { p->root_dispersion = 1 << 16; }, &c_.stats.bad_distance);
  refuse([](so_sntp_packet *p) { p->transmit = p->receive - (1 << 20); }, &c_.stats.bad_distance);
  refuse([](so_sntp_packet *p) { p->transmit = p->receive + (UINT64_C(1) << 32); },
         &c_.stats.bad_distance);
  Ask();
  so_sntp_packet p = Good();
  p.stratum = 15;
  p.root_delay = p.root_dispersion = 0xffff;
  SO_EXPECT_OK(Answer(p));
}

TEST_F(SntpTest, AfterDenyAServerIsNeverAskedAgain) {
  Start(2);
  Ask();
  const so_endpoint first = to_;
  so_sntp_packet p = Good();
  p.stratum = 0;
  p.reference_id = 0x44454e59;
  SO_EXPECT_CODE(SO_DENIED, Answer(p));
  for (int i = 0; i < 6; i++) {
    Ask();
    EXPECT_NE(first.address[3], to_.address[3]);
  }
  p.origin = request_.transmit;
  SO_EXPECT_CODE(SO_DENIED, Answer(p));
  EXPECT_EQ(SO_NEVER, so_sntp_deadline(&c_));
}

TEST_F(SntpTest, AfterRateAServerIsAskedLessOften) {
  Start(1);
  uint64_t wait = 0;
  for (int i = 0; i < 8; i++) {
    Ask();
    so_sntp_packet p = Good();
    p.stratum = 0;
    p.reference_id = 0x52415445;
    SO_EXPECT_CODE(SO_DENIED, Answer(p));
    const uint64_t next = so_sntp_deadline(&c_) - now_;
    EXPECT_GE(next, wait);
    EXPECT_GE(next, 128 * SO_NS_PER_S);
    EXPECT_LE(next, 4 * SO_SNTP_POLL_MAX_S * SO_NS_PER_S);
    wait = next;
  }
}

TEST_F(SntpTest, SilenceLeadsToTheNextServerAndLongerWaits) {
  Start(3);
  Ask();
  bool asked[4] = {};
  uint64_t longest = 0;
  for (int i = 0; i < 20; i++) {
    asked[to_.address[3]] = true;
    const uint64_t before = now_;
    Ask();
    longest = now_ - before > longest ? now_ - before : longest;
    EXPECT_GE(now_ - before, SO_SNTP_TIMEOUT_S * SO_NS_PER_S);
  }
  EXPECT_TRUE(asked[1] && asked[2] && asked[3]);
  EXPECT_GT(longest, 800 * SO_NS_PER_S);
  EXPECT_LT(longest, 1200 * SO_NS_PER_S);
  EXPECT_EQ(20u, c_.stats.timeouts);
}

TEST_F(SntpTest, PollsBecomeRarerUpToTheirLimit) {
  Start(1);
  uint64_t wait = 0;
  for (int i = 0; i < 10; i++) {
    Ask();
    SO_EXPECT_OK(Answer(Good()));
    wait = so_sntp_deadline(&c_) - now_;
    EXPECT_GE(wait, 56 * SO_NS_PER_S);
  }
  EXPECT_GE(wait, 896 * SO_NS_PER_S);
  EXPECT_LE(wait, 1152 * SO_NS_PER_S);
}

TEST_F(SntpTest, NewServersKeepWhatOldOnesSaid) {
  Start(2);
  Ask();
  const so_endpoint denied = to_;
  so_sntp_packet p = Good();
  p.stratum = 0;
  p.reference_id = 0x44454e59;
  SO_EXPECT_CODE(SO_DENIED, Answer(p));
  // The same two again, and one of them twice: who does not want to be asked is not.
  const so_endpoint list[] = {Server(1), Server(2), Server(2)};
  so_sntp_set_servers(&c_, list, 3, now_);
  EXPECT_EQ(2, c_.server_count);
  for (int i = 0; i < 4; i++) {
    Ask();
    EXPECT_NE(denied.address[3], to_.address[3]);
  }
  // An answer under way is still taken.
  so_sntp_set_servers(&c_, list, 2, now_);
  SO_EXPECT_OK(Answer(Good()));
  // None is left of those that were there.
  const so_endpoint other = Server(9);
  Ask();
  so_sntp_set_servers(&c_, &other, 1, now_);
  EXPECT_FALSE(c_.waiting);
  EXPECT_LE(so_sntp_deadline(&c_), now_ + SO_NS_PER_S);
  Ask();
  EXPECT_EQ(9, to_.address[3]);
  // Only one that said never.
  so_sntp_packet q = Good();
  q.stratum = 0;
  q.reference_id = 0x44454e59;
  SO_EXPECT_CODE(SO_DENIED, Answer(q));
  so_sntp_set_servers(&c_, &other, 1, now_);
  EXPECT_EQ(SO_NEVER, so_sntp_deadline(&c_));
  so_sntp_set_servers(&c_, nullptr, 0, now_);
  EXPECT_EQ(SO_NEVER, so_sntp_deadline(&c_));
  so_sntp_set_servers(&c_, list, 1, now_);
  EXPECT_NE(SO_NEVER, so_sntp_deadline(&c_));
}

TEST_F(SntpTest, NewServersDoNotEndAWaitForAnotherTurn) {
  Start(1);
  Ask();
  so_sntp_packet p = Good();
  p.stratum = 0;
  p.reference_id = 0x52415445;  // RATE
  SO_EXPECT_CODE(SO_DENIED, Answer(p));
  const so_endpoint list[] = {Server(1)};
  const uint64_t due = so_sntp_deadline(&c_);
  so_sntp_set_servers(&c_, list, 1, now_);
  EXPECT_EQ(due, so_sntp_deadline(&c_));
}

TEST_F(SntpTest, WhatCouldNotBeSentIsSentAgainASecondLater) {
  Start(2);
  Ask();
  const so_endpoint to = to_;
  const so_sntp_packet late = Good();
  so_sntp_unsent(&c_, now_);
  so_sntp_unsent(&c_, now_);  // Only once.
  EXPECT_EQ(1u, c_.stats.unsent);
  EXPECT_EQ(0, c_.failures);
  EXPECT_EQ(now_ + SO_NS_PER_S, so_sntp_deadline(&c_));
  SO_EXPECT_CODE(SO_NOT_FOUND, Answer(late));
  Ask();
  EXPECT_EQ(to.address[3], to_.address[3]);
  SO_EXPECT_OK(Answer(Good()));
}

TEST_F(SntpTest, TheFirstFailureCostsTheShortestWait) {
  Start(1);
  Ask();
  now_ = so_sntp_deadline(&c_);
  so_bytes request;
  EXPECT_FALSE(so_sntp_tick(&c_, now_, &to_, &request));
  EXPECT_EQ(1u, c_.stats.timeouts);
  EXPECT_GE(so_sntp_deadline(&c_) - now_, SO_SNTP_RETRY_MIN_S * SO_NS_PER_S * 7 / 8);
  EXPECT_LE(so_sntp_deadline(&c_) - now_, SO_SNTP_RETRY_MIN_S * SO_NS_PER_S * 9 / 8);
}

TEST_F(SntpTest, InDoubtAnotherServerIsAskedSoon) {
  Start(2);
  Ask();
  const so_endpoint first = to_;
  SO_EXPECT_OK(Answer(Good()));
  so_sntp_doubt(&c_, now_);
  EXPECT_LE(so_sntp_deadline(&c_) - now_, 18 * SO_NS_PER_S);
  EXPECT_GE(so_sntp_deadline(&c_) - now_, 14 * SO_NS_PER_S);
  Ask();
  EXPECT_NE(first.address[3], to_.address[3]);
  const uint64_t due = so_sntp_deadline(&c_);
  so_sntp_doubt(&c_, now_);  // While one is asked already, nothing changes.
  EXPECT_EQ(due, so_sntp_deadline(&c_));
}

TEST_F(SntpTest, WithoutServersThereIsSilence) {
  Start(0);
  so_endpoint to;
  so_bytes request;
  EXPECT_EQ(SO_NEVER, so_sntp_deadline(&c_));
  EXPECT_FALSE(so_sntp_tick(&c_, 5, &to, &request));
}

}  // namespace
