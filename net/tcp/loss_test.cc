// What is lost is sent again, and what takes its place: probes, marks of congestion, smaller segments.

#include "net/tcp/peer.h"

namespace tcp_test {
namespace {

TEST(TcpLossTest, ALostSegmentIsSentAgainAfterTheTimeout) {
  Peer p;
  p.PassiveOpen();
  p.Write("lost");
  EXPECT_EQ(p.Take(false).size(), 1u);
  Sends sent;
  for (int i = 0; i < 50 && sent.empty(); i++) {
    p.host.Advance(100 * kMs);
    sent = p.Take();
  }
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].data, "lost");
  EXPECT_EQ(p.host.stats().tail_loss_probes, 1u);
  EXPECT_EQ(p.host.stats().segments_retransmitted, 1u);
  EXPECT_EQ(p.host.stats().bytes_retransmitted, 4u);
  p.SendAck();
  EXPECT_EQ(Info(p.c).unacked, 0u);
}

// Advances until `count` timeouts have come, and returns the length of the longest segment that the last one sent.
size_t LengthAfterTimeouts(Peer *p, uint64_t count) {
  size_t len = 0;
  const uint64_t until = p->host.stats().rto_expired + count;
  for (int i = 0; i < 1000 && p->host.stats().rto_expired < until; i++) {
    p->host.Advance(100 * kMs);
    len = 0;
    for (const Sent &s : p->Take(false)) {
      len = std::max(len, s.gso_size != 0 ? s.gso_size : s.data.size());
    }
  }
  return len;
}

TEST(TcpLossTest, ASegmentSizeThatThePathHasCarriedIsNotGivenUpSoSoon) {
  Peer unknown;
  unknown.PassiveOpen();
  unknown.Write(Pattern(1460));
  EXPECT_EQ(LengthAfterTimeouts(&unknown, 2), 1460u);
  EXPECT_EQ(LengthAfterTimeouts(&unknown, 1), 536u);
  Peer p;
  p.PassiveOpen();
  p.Write(Pattern(1460));
  p.Take();
  p.SendAck();
  p.Write(Pattern(1460));
  EXPECT_EQ(LengthAfterTimeouts(&p, 5), 1460u);
  EXPECT_EQ(LengthAfterTimeouts(&p, 1), 536u);
  EXPECT_EQ(p.host.stats().black_holes, 1u);
}

TEST(TcpLossTest, ShortSegmentsSayNothingOfLongOnes) {
  Peer p;
  p.PassiveOpen();
  for (int i = 0; i < 20; i++) {  // More than a full one together.
    p.Write(Pattern(100));
    p.Take();
    p.SendAck();
  }
  p.Write(Pattern(1460));
  EXPECT_EQ(LengthAfterTimeouts(&p, 2), 1460u);
  EXPECT_EQ(LengthAfterTimeouts(&p, 1), 536u);
}

TEST(TcpLossTest, AFullSegmentIsCarriedWhenItIsAcknowledged) {
  Peer p;
  p.PassiveOpen();
  p.Write(Pattern(100));
  const Sends first = p.Take(false);
  p.Write(Pattern(1460));
  ASSERT_EQ(p.Take(false).size(), 1u);
  so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
  h.ack = first[0].h.seq + 100;  // What went before it alone.
  p.Send(h);
  EXPECT_EQ(LengthAfterTimeouts(&p, 2), 1460u);
  EXPECT_EQ(LengthAfterTimeouts(&p, 1), 536u);
}

TEST(TcpLossTest, SackedBytesAreNotSentAgainAndTheHoleIs) {
  so_tcp_config config = {};
  config.segment_max = 1;
  Peer p(config);
  p.PassiveOpen();
  p.Write(Pattern(1460 * 6));
  const Sends sent = p.Take(false);
  ASSERT_EQ(sent.size(), 6u);
  p.host.Advance(20 * kMs);
  for (int i = 3; i <= 6; i++) {  // The second was lost.
    so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
    h.ack = sent[1].h.seq;
    h.sack_count = 1;
    h.sacks[0] = {sent[2].h.seq, sent[0].h.seq + 1460u * static_cast<uint32_t>(i)};
    p.Send(h);
  }
  Sends again = p.Take(false);
  p.host.Advance(30 * kMs);
  for (const Sent &s : p.Take(false)) {
    again.push_back(s);
  }
  ASSERT_GE(again.size(), 1u);
  EXPECT_EQ(again[0].h.seq, sent[1].h.seq);
  EXPECT_EQ(again[0].data, sent[1].data);
  for (const Sent &s : again) {
    EXPECT_EQ(s.h.seq, sent[1].h.seq);
  }
  EXPECT_EQ(p.host.stats().fast_recoveries, 1u);
}

TEST(TcpLossTest, ASynThatIsNotAnsweredIsSentAgainAndThenGivenUp) {
  Peer p;
  p.StartConnect();
  int syns = 0;
  for (int i = 0; i < 400 && State(p.c) == SO_TCP_SYN_SENT; i++) {
    p.host.Advance(kSecond);
    syns += static_cast<int>(p.Take().size());
  }
  EXPECT_EQ(syns, 7);
  EXPECT_EQ(Info(p.c).end, SO_TCP_END_TIMEOUT);
  EXPECT_NE(p.events.seen & SO_TCP_ENDED, 0u);
  p.Close();
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
}

TEST(TcpLossTest, KeepaliveProbesAnIdlePeerAndEndsADeadOne) {
  Peer p;
  so_tcp_options o = {};
  o.keepalive_ms = 10000;
  o.keepalive_gap_ms = 1000;
  o.keepalive_count = 3;
  p.PassiveOpen(&o);
  p.host.Advance(9 * kSecond);
  p.ExpectNothing();
  p.host.Advance(kSecond + 500 * kMs);
  EXPECT_EQ(p.Take(false).size(), 1u);
  p.SendAck();  // Alive.
  p.host.Advance(9 * kSecond);
  p.ExpectNothing();
  p.host.Advance(6 * kSecond);
  EXPECT_EQ(Info(p.c).end, SO_TCP_END_TIMEOUT);
  EXPECT_EQ(p.host.stats().keepalive_probes, 4u);
}

TEST(TcpLossTest, TheCongestionAlgorithmIsChosenPerConnection) {
  for (uint8_t kind : {SO_TCP_CUBIC, SO_TCP_NEWRENO}) {
    Peer p;
    so_tcp_options o = {};
    o.congestion = kind;
    p.PassiveOpen(&o);
    EXPECT_GE(Info(p.c).cwnd, 10u * 1460u);
  }
}

// --- ECN ----------------------------------------------------------------------------------------

TEST(TcpLossTest, EcnIsNegotiatedMarksAreEchoedAndEchoesAnswered) {
  PeerOptions po;
  po.ecn = true;
  Peer p({}, po);
  p.PassiveOpen();
  ASSERT_TRUE(Info(p.c).ecn);
  p.Send(p.Header(SO_TCP_FLAG_ACK), "marked", 3);
  p.seq += 6;
  EXPECT_NE(p.TakeOne().h.flags & SO_TCP_FLAG_ECE, 0);
  p.SendData("again");
  p.host.Advance(100 * kMs);
  EXPECT_NE(p.TakeOne().h.flags & SO_TCP_FLAG_ECE, 0);
  p.SendData("reduced", SO_TCP_FLAG_CWR);
  p.host.Advance(100 * kMs);
  EXPECT_EQ(p.TakeOne().h.flags & SO_TCP_FLAG_ECE, 0);
  // The other way: ECE halves the window once and CWR says so.
  p.Write(Pattern(4380));
  EXPECT_EQ(p.Take()[0].traffic_class & 3, 2);
  const uint32_t before = Info(p.c).cwnd;
  p.Send(p.Header(SO_TCP_FLAG_ACK | SO_TCP_FLAG_ECE));
  p.Write(Pattern(1460));
  const Sends sent = p.Take();
  ASSERT_FALSE(sent.empty());
  EXPECT_NE(sent[0].h.flags & SO_TCP_FLAG_CWR, 0);
  EXPECT_LT(Info(p.c).cwnd, before);
}

TEST(TcpLossTest, WithoutTheOtherSideThereIsNoEcn) {
  Peer p;
  p.PassiveOpen();
  EXPECT_FALSE(Info(p.c).ecn);
  p.Write("x");
  EXPECT_EQ(p.TakeOne().traffic_class, 0);
}

}  // namespace
}  // namespace tcp_test
