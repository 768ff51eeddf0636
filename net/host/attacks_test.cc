// Attacks on a host that has a connection, a listener and a name server: what each must not do, and
// that it is counted under the name that /metrics shows.

#include "net/host/counters_test.h"

namespace {

using namespace host_test;

constexpr unsigned kSyn = 2, kRst = 4, kAck = 16;
constexpr uint32_t kTheirStart = 7000;  // The peer's initial sequence number.

uint32_t Get32(const std::string &s, size_t at) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; i++) {
    v = v << 8 | static_cast<uint8_t>(s[at + i]);
  }
  return v;
}

const std::string kArp = Frame(0x0806, Arp(1, "192.0.2.1", "192.0.2.2"));

struct Segment {
  uint32_t seq;
  uint32_t ack;
  unsigned flags = kAck;
  unsigned window = 60000;
  std::string payload = "";
  unsigned port = 1000;

  std::string Build() const {
    V4 p;
    p.protocol = 6;
    p.payload = Summed(Be16(port) + Be16(80) + Be32(seq) + Be32(ack) + Byte(5 << 4) + Byte(flags) +
                           Be16(window) + Zeros(4) + payload,
                       16, p.src, p.dst, 6);
    return p.Build();
  }
};

class AttacksTest : public CountersTest {
 protected:
  // Runs `body` with a connection of the peer, whose end is `stream_`.
  void WithConnection(const std::function<void()> &body, unsigned window = 60000) {
    Run([&] {
      so_listener listener;
      so_endpoint at = {};
      at.family = 4;
      at.port = 80;
      SO_ASSERT_OK(net_.listen(net_.ctx, &at, &listener));
      Feed(kArp);
      Feed(Segment{kTheirStart, 0, kSyn, window}.Build());
      ASSERT_TRUE(LastTcp(kSyn | kAck, &ours_));
      ours_++;
      Feed(Segment{kTheirStart + 1, ours_, kAck, window}.Build());
      so_endpoint peer;
      SO_ASSERT_OK(so_listener_accept(&listener, In(1000), &stream_, &peer));
      body();
      so_stream_close(&stream_);
      so_listener_close(&listener);
    });
  }

  // The sequence number of the newest segment with these flags that the host sent.
  bool LastTcp(unsigned flags, uint32_t *seq) const {
    for (size_t i = out_.size(); i-- != 0;) {
      const std::string &f = out_[i];
      if (f.size() >= 54 && f[23] == 6 && static_cast<uint8_t>(f[47]) == flags) {
        *seq = Get32(f, 38);
        return true;
      }
    }
    return false;
  }

  // The connection is there and passes bytes both ways on.
  void StillWorks() {
    EXPECT_EQ(1u, Metric("tcp_connections"));
    Feed(Segment{kTheirStart + 1, ours_, kAck, 60000, "hello"}.Build());
    uint8_t buf[16];
    size_t n = 0;
    SO_ASSERT_OK(so_stream_read(&stream_, buf, sizeof buf, In(1000), &n));
    EXPECT_EQ("hello", so_test::Text(so_bytes_of(buf, n)));
  }

  so_stream stream_ = {};
  uint32_t ours_ = 0;
};

TEST_F(AttacksTest, SpoofedResetsAreAskedAboutAndCounted) {
  WithConnection([&] {
    Counts("tcp_challenge_acks", {Segment{kTheirStart + 100, ours_, kRst}.Build(),
                                  Segment{kTheirStart + 9, ours_, kRst | kAck}.Build()}, 2);
    Counts("tcp_challenge_acks", {Segment{kTheirStart + 5000, 0, kSyn}.Build()});
    Counts("tcp_drop_sequence", {Segment{kTheirStart - 50000, ours_, kRst}.Build()});
    const uint64_t limited = Metric("tcp_challenge_acks_limited");
    for (unsigned i = 0; i < 100; i++) {
      Feed(Segment{kTheirStart + 100 + i, ours_, kRst}.Build());
    }
    EXPECT_GT(Metric("tcp_challenge_acks_limited"), limited);
    EXPECT_EQ(0u, Metric("tcp_reset_in"));
    StillWorks();
  });
}

TEST_F(AttacksTest, SpoofedDataIsNotReadAndCounted) {
  WithConnection([&] {
    Counts("tcp_drop_ack", {Segment{kTheirStart + 1, ours_ - 70000, kAck, 9, "evil!"}.Build()});
    Counts("tcp_drop_ack", {Segment{kTheirStart + 1, ours_ + 1000, kAck, 9, "evil!"}.Build()});
    Counts("tcp_drop_sequence",
           {Segment{kTheirStart - 50000, ours_, kAck, 9, "evil!"}.Build(),
            Segment{kTheirStart + (1u << 30), ours_, kAck, 9, "evil!"}.Build()}, 2);
    StillWorks();
  });
}

TEST_F(AttacksTest, AnAckStormDiesOutAndIsCounted) {
  WithConnection([&] {
    const uint64_t limited = Metric("tcp_acks_limited"), sent = Metric("tcp_segments_out");
    for (unsigned i = 0; i < 200; i++) {
      Feed(Segment{kTheirStart - (1u << 24), ours_, kAck, 60000, i % 2 == 0 ? "x" : ""}.Build());
    }
    EXPECT_GT(Metric("tcp_acks_limited"), limited + 100);
    EXPECT_LT(Metric("tcp_segments_out"), sent + 50);
    StillWorks();
  });
}

TEST_F(AttacksTest, AFloodOfSynsIsBoundedAndGuessedCookiesAreCounted) {
  WithConnection([&] {
    const uint64_t pages = Metric("pool_pages_used");
    for (unsigned port = 2000; port < 5000; port++) {
      in_.push_back(Segment{port, 0, kSyn, 60000, "", port}.Build());
      if (port % 64 == 0) {
        Feed(Segment{port, 0, kSyn, 60000, "", port}.Build());
      }
    }
    Sleep(200);
    EXPECT_GT(Metric("tcp_cookies_sent"), 1000u);
    EXPECT_LE(Metric("tcp_half_open"), 25u);  // A quarter of 100.
    EXPECT_LE(Metric("pool_pages_used"), pages + 64);
    Counts("tcp_cookies_rejected", {Segment{9, 4711, kAck, 60000, "", 6000}.Build()});
    Sleep(300000);  // Those that never answered are given up.
    EXPECT_EQ(0u, Metric("tcp_half_open"));
    StillWorks();
  });
}

TEST_F(AttacksTest, AWindowThatStaysClosedIsProbedAndCounted) {
  WithConnection([&] {
    SO_EXPECT_OK(so_stream_write(&stream_, so_str("some bytes"), In(1000)));
    uint32_t seq = 0;
    const uint64_t before = Metric("tcp_zero_window_probes");
    for (int i = 0; i < 100; i++) {  // Alive, and never ready.
      Sleep(1000);
      Feed(kArp);  // The neighbour stays known.
      Feed(Segment{kTheirStart + 1, ours_, kAck, 0}.Build());
    }
    EXPECT_GT(Metric("tcp_zero_window_probes"), before + 2);
    EXPECT_LT(Metric("tcp_zero_window_probes"), before + 30);
    Feed(Segment{kTheirStart + 1, ours_}.Build());  // It opens at last.
    EXPECT_TRUE(LastTcp(kAck | 8, &seq));
    EXPECT_EQ(ours_, seq);
    StillWorks();
  }, 0);
}

TEST_F(AttacksTest, AWindowThatNeverOpensEndsTheConnectionInTheEnd) {
  WithConnection([&] {
    SO_EXPECT_OK(so_stream_write(&stream_, so_str("some bytes"), In(1000)));
    for (int i = 0; i < 320; i++) {
      Sleep(1000);
      Feed(kArp);
      Feed(Segment{kTheirStart + 1, ours_, kAck, 0}.Build());
    }
    EXPECT_EQ(1u, Metric("tcp_timed_out"));
    EXPECT_GT(Metric("tcp_reset_out"), 0u);  // The peer is told.
  }, 0);
}

// The newest question to a name server, from its Ethernet header on.
std::string LastQuestion(const std::vector<std::string> &out) {
  std::string question;
  for (const std::string &f : out) {
    if (f.size() > 42 && f[12] == 8 && f[23] == 17 && f.substr(36, 2) == Be16(53)) {
      question = f;
    }
  }
  return question;
}

TEST_F(AttacksTest, NamesThatLoopInAnswersAreDroppedAndCounted) {
  Run([&] {
    Feed(kArp);
    so_test::Fibers asking(world_->sched);
    asking.Spawn([&] {
      so_endpoint to;
      SO_EXPECT_CODE(SO_AGAIN, net_.resolve(net_.ctx, so_str("www.example"), In(900), &to));
    });
    Sleep(100);
    const std::string q = LastQuestion(out_);
    ASSERT_GT(q.size(), 54u);
    const size_t name_len = q.find('\0', 54) + 1 - 54;
    const std::string id = q.substr(42, 2), question = q.substr(54, name_len + 4);
    const unsigned at = static_cast<unsigned>(12 + question.size());  // Of the answer's owner.
    const std::string rest = Be16(1) + Be16(1) + Be32(60) + Be16(4) + std::string("\xc0\0\2\1", 4);
    const auto answer = [&](const std::string &owner) {
      const std::string m =
          id + Be16(0x8180) + Be16(1) + Be16(1) + Zeros(4) + question + owner + rest;
      V4 p;
      p.payload = Summed(Be16(53) + q.substr(34, 2) + Be16(static_cast<unsigned>(8 + m.size())) +
                             Zeros(2) + m,
                         6, p.src, p.dst, 17);
      return p.Build();
    };
    Counts("resolver_malformed",
           {answer(Be16(0xc000 | at)),                      // To itself.
            answer(Be16(0xc000 | (at + 2)) + Be16(0xc000 | at)),  // In a circle.
            answer(Byte(1) + "a" + Be16(0xc000 | at)),      // Ever longer.
            answer(Be16(0xffff)), answer(Byte(0x80)), answer(Byte(63) + "x")}, 6);
    asking.Join();
  });
}

}  // namespace
