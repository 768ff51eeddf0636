// A connection's bytes, segment by segment: when they are sent, acknowledged, held back.

#include "net/tcp/peer.h"

namespace tcp_test {
namespace {

// Of what was sent, the last segment alone asks to be handed on at once.
void ExpectOnlyTheLastPushed(const Sends &sent, size_t count) {
  ASSERT_EQ(sent.size(), count);
  for (size_t i = 0; i < count; i++) {
    EXPECT_EQ((sent[i].h.flags & SO_TCP_FLAG_PSH) != 0, i == count - 1) << i;
  }
}

TEST(TcpDataTest, WhatIsWrittenIsSentAndItsPagesGoBackWhenAcknowledged) {
  Peer p;
  p.PassiveOpen();
  const uint32_t before = p.host.pool.pages_used;
  EXPECT_EQ(p.Write("hello"), 5u);
  const Sent s = p.TakeOne();
  EXPECT_EQ(s.data, "hello");
  EXPECT_EQ(s.h.flags, SO_TCP_FLAG_ACK | SO_TCP_FLAG_PSH);
  EXPECT_EQ(Info(p.c).unacked, 5u);
  EXPECT_EQ(Info(p.c).pages, 1u);
  p.SendAck();
  EXPECT_EQ(Info(p.c).unacked, 0u);
  EXPECT_EQ(Info(p.c).pages, 0u);
  EXPECT_LE(p.host.pool.pages_used, before + 1);  // At most the page that small packets share.
}

TEST(TcpDataTest, OnlyAnAckOfSomethingNewConfirmsTheNeighbour) {
  Peer p;
  p.PassiveOpen();
  p.Write("hello");
  p.TakeOne();
  const unsigned before = p.host.confirmed;
  p.SendAck();
  EXPECT_EQ(p.host.confirmed, before + 1);
  p.SendAck();
  EXPECT_EQ(p.host.confirmed, before + 1);
}

TEST(TcpDataTest, AnIdleConnectionIsUnderAKilobyteAndHoldsNothingElse) {
  EXPECT_LT(so_tcp_connection_size(), 1024u);
  Peer p;
  const size_t before = p.host.heap.used;
  p.ActiveOpen();
  p.Write(std::string(50000, 'x'));
  while (Info(p.c).unacked != 0) {
    p.Take();
    p.SendAck();
  }
  p.SendData("abc");
  p.Read();
  EXPECT_LE(p.host.heap.used - before, 1024u);
  EXPECT_EQ(Info(p.c).pages, 0u);
}

TEST(TcpDataTest, PshEndsWhatTheWindowsAllow) {
  so_tcp_config config = {};
  config.segment_max = 1;  // No super-segments.
  Peer p(config);
  p.PassiveOpen();
  p.Write(std::string(50000, 'x'));
  const Sends sent = p.Take();
  ASSERT_NO_FATAL_FAILURE(ExpectOnlyTheLastPushed(sent, 10));
  p.host.Advance(50 * kMs);  // A probe with new bytes waits for its acknowledgement, too.
  EXPECT_EQ(p.host.stats().tail_loss_probes, 1u);
  const Sent probe = p.TakeOne();
  EXPECT_EQ(probe.h.seq, sent[9].h.seq + 1460);
  EXPECT_NE(probe.h.flags & SO_TCP_FLAG_PSH, 0);
}

TEST(TcpDataTest, PshEndsWhatThePeersWindowAllows) {
  so_tcp_config config = {};
  config.segment_max = 1;
  PeerOptions o;
  o.window = 3 * 1460;
  Peer p(config, o);
  p.PassiveOpen();
  p.Write(std::string(50000, 'x'));
  ExpectOnlyTheLastPushed(p.Take(), 3);
}

TEST(TcpDataTest, AFullSegmentThatWasPushedIsAcknowledgedWhenItIsRead) {
  Peer p;
  p.PassiveOpen();
  const std::string full(1460, 'x');
  p.SendData(full);
  p.ExpectNothing();
  uint8_t part[1000];
  size_t n = 0;
  SO_EXPECT_OK(so_tcp_read(p.host.tcp, p.c, part, sizeof part, p.host.now, &n));
  ASSERT_EQ(n, sizeof part);
  p.ExpectNothing();
  EXPECT_EQ(p.Read(), full.substr(n));
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.Send(p.Header(SO_TCP_FLAG_ACK), full);  // Without PSH more may follow,
  p.seq += 1460;
  EXPECT_EQ(p.Read(), full);
  p.ExpectNothing();
  p.host.Advance(40 * kMs);
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.SendData("a question");  // and what is short is answered by the program.
  p.Read();
  p.ExpectNothing();
}

// Sends a full segment, and says whether it was acknowledged at once.
bool IsAcknowledged(Peer *p) {
  p->Send(p->Header(SO_TCP_FLAG_ACK), std::string(1460, 'x'));
  p->seq += 1460;
  const Sends sent = p->Take();
  return sent.size() == 1 && sent[0].h.ack == p->seq;
}

void ExpectAcknowledged(Peer *p, int count) {
  for (int i = 0; i < count; i++) {
    EXPECT_TRUE(IsAcknowledged(p)) << i;
  }
  EXPECT_FALSE(IsAcknowledged(p));
  EXPECT_TRUE(IsAcknowledged(p));
  p->Read();
  p->Take();  // The window is open again.
}

TEST(TcpDataTest, AfterAGapOrADuplicateEachSegmentIsAcknowledged) {
  Peer p;
  p.PassiveOpen();
  EXPECT_FALSE(IsAcknowledged(&p));
  EXPECT_TRUE(IsAcknowledged(&p));
  p.seq += 1460;  // One is lost,
  EXPECT_FALSE(IsAcknowledged(&p));
  p.seq -= 2920;
  p.Send(p.Header(SO_TCP_FLAG_ACK), std::string(1460, 'x'));  // and comes.
  p.seq += 2920;
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.Send(p.Header(SO_TCP_FLAG_ACK), "a question");  // None of them is spent on what is short.
  p.seq += 10;
  p.ExpectNothing();
  ExpectAcknowledged(&p, 16);
  p.seq -= 1460;  // The last one comes again,
  EXPECT_TRUE(IsAcknowledged(&p));
  ExpectAcknowledged(&p, 16);
  p.seq -= 1460;  // and again, in one with new bytes.
  p.Send(p.Header(SO_TCP_FLAG_ACK), std::string(2920, 'x'));
  p.seq += 2920;
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  ExpectAcknowledged(&p, 15);
}

TEST(TcpDataTest, AfterAGapABatchIsAcknowledgedSegmentBySegment) {
  Peer p;
  p.PassiveOpen();
  p.seq += 1460;
  EXPECT_FALSE(IsAcknowledged(&p));
  p.seq -= 2920;
  so_tcp_batch_begin(p.host.tcp);
  p.Send(p.Header(SO_TCP_FLAG_ACK), std::string(1460, 'x'));
  p.seq += 2920;
  for (int i = 0; i < 2; i++) {
    p.Send(p.Header(SO_TCP_FLAG_ACK), std::string(1460, 'x'));
    p.seq += 1460;
  }
  so_tcp_batch_end(p.host.tcp, p.host.now);
  const Sends sent = p.Take();
  ASSERT_EQ(sent.size(), 3u);
  for (uint32_t i = 0; i < 3; i++) {
    EXPECT_EQ(sent[i].h.ack, p.seq - (2 - i) * 1460);
  }
}

TEST(TcpDataTest, NagleHoldsASecondSmallSegmentUntilTheFirstIsAcknowledged) {
  Peer p;
  p.PassiveOpen();
  p.Write("a");
  EXPECT_EQ(p.TakeOne().data, "a");
  p.Write("b");
  p.Write("c");
  p.ExpectNothing();
  p.SendAck();
  EXPECT_EQ(p.TakeOne().data, "bc");
}

TEST(TcpDataTest, NoDelaySendsAtOnce) {
  Peer p;
  so_tcp_options o = {};
  o.no_delay = true;
  p.PassiveOpen(&o);
  p.Write("a");
  p.Write("b");
  const Sends sent = p.Take();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[1].data, "b");
}

TEST(TcpDataTest, MoreHoldsASmallSegmentForTwoHundredMilliseconds) {
  Peer p;
  p.PassiveOpen();
  p.Write("head", true);
  p.ExpectNothing();
  p.host.Advance(190 * kMs);
  p.ExpectNothing();
  p.host.Advance(20 * kMs);
  EXPECT_EQ(p.TakeOne().data, "head");
  p.SendAck();
  p.Write("x", true);
  p.Write("y");
  EXPECT_EQ(p.TakeOne().data, "xy");
}

TEST(TcpDataTest, FinGoesWithTheLastBytes) {
  Peer p;
  p.PassiveOpen();
  p.Write("bye", true);
  SO_ASSERT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
  const Sent s = p.TakeOne();
  EXPECT_EQ(s.data, "bye");
  EXPECT_NE(s.h.flags & SO_TCP_FLAG_FIN, 0);
}

TEST(TcpDataTest, ALargeWriteGoesOutAsSuperSegmentsOfWholeSegments) {
  Peer p;
  p.PassiveOpen();
  const std::string data = Pattern(14600);
  EXPECT_EQ(p.Write(data), data.size());
  const Sends sent = p.Take();
  ASSERT_FALSE(sent.empty());
  EXPECT_GT(sent[0].data.size(), 1460u);
  EXPECT_EQ(sent[0].gso_size, 1460);
  EXPECT_EQ(Joined(sent), data);
}

TEST(TcpDataTest, WithoutSuperSegmentsNoneIsLargerThanTheMss) {
  so_tcp_config config = {};
  config.segment_max = 1;
  Peer p(config);
  p.PassiveOpen();
  p.Write(Pattern(10000));
  for (const Sent &s : p.Take()) {
    EXPECT_LE(s.data.size(), 1460u);
    EXPECT_EQ(s.gso_size, 0);
  }
}

TEST(TcpDataTest, ReserveAndCommitWriteInPlace) {
  Peer p;
  p.PassiveOpen();
  so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
  size_t count = 0;
  size_t len = 0;
  const std::string data = Pattern(9000);
  SO_ASSERT_OK(so_tcp_reserve(p.host.tcp, p.c, 10000, p.host.now, rooms, &count, &len));
  ASSERT_GE(len, data.size());
  size_t off = 0;
  for (size_t i = 0; i < count && off < data.size(); i++) {
    const size_t n = std::min(rooms[i].len, data.size() - off);
    memcpy(rooms[i].ptr, data.data() + off, n);
    off += n;
  }
  SO_ASSERT_OK(so_tcp_commit(p.host.tcp, p.c, data.size(), false, p.host.now));
  EXPECT_EQ(Joined(p.Take()), data);
  // Acknowledged between a reservation and its commit.
  SO_ASSERT_OK(so_tcp_reserve(p.host.tcp, p.c, 100, p.host.now, rooms, &count, &len));
  memcpy(rooms[0].ptr, "in place", 8);
  p.SendAck();
  EXPECT_EQ(Info(p.c).unacked, 0u);
  SO_ASSERT_OK(so_tcp_commit(p.host.tcp, p.c, 8, false, p.host.now));
  EXPECT_EQ(p.TakeOne().data, "in place");
  p.SendAck();
  // Nothing committed: nothing kept.
  SO_ASSERT_OK(so_tcp_reserve(p.host.tcp, p.c, 9000, p.host.now, rooms, &count, &len));
  SO_ASSERT_OK(so_tcp_commit(p.host.tcp, p.c, 0, false, p.host.now));
  EXPECT_EQ(Info(p.c).pages, 0u);
  p.ExpectNothing();
}

TEST(TcpDataTest, PeekViewsWhereTheBytesLieAndConsumeDropsThem) {
  Peer p;
  p.PassiveOpen();
  p.SendData("abcdef");
  so_bytes view;
  SO_ASSERT_OK(so_tcp_peek(p.c, &view));
  EXPECT_EQ(so_test::Text(view), "abcdef");
  so_tcp_consume(p.host.tcp, p.c, 4, p.host.now);
  SO_ASSERT_OK(so_tcp_peek(p.c, &view));
  EXPECT_EQ(so_test::Text(view), "ef");
  so_tcp_consume(p.host.tcp, p.c, 2, p.host.now);
  SO_EXPECT_CODE(SO_AGAIN, so_tcp_peek(p.c, &view));
  p.SendFin();
  SO_ASSERT_OK(so_tcp_peek(p.c, &view));
  EXPECT_EQ(view.len, 0u);
}

TEST(TcpDataTest, AWriteAtTheLimitSaysAgainAndTellsWhenThereIsRoom) {
  Peer p;
  so_tcp_options o = {};
  o.send_limit = 8192;
  p.PassiveOpen(&o);
  EXPECT_EQ(p.Write(std::string(20000, 'x')), 8192u);
  EXPECT_EQ(p.Write("y"), 0u);
  p.events.seen = 0;
  p.Take();
  p.SendAck();
  EXPECT_NE(p.events.seen & SO_TCP_WRITABLE, 0u);
  EXPECT_EQ(p.Write("y"), 1u);
}

// --- acknowledging ------------------------------------------------------------------------------

TEST(TcpDataTest, OneSegmentIsAcknowledgedLateAndTwoAtOnce) {
  Peer p;
  p.PassiveOpen();
  p.SendData(std::string(1460, 'a'));
  p.ExpectNothing();
  p.host.Advance(50 * kMs);
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.SendData(std::string(1460, 'a'));
  p.ExpectNothing();
  p.SendData(std::string(1460, 'b'));
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
}

TEST(TcpDataTest, ABatchIsAcknowledgedOnceAtItsEnd) {
  Peer p;
  p.PassiveOpen();
  so_tcp_batch_begin(p.host.tcp);
  for (int i = 0; i < 7; i++) {
    p.SendData(std::string(1460, 'a'));
  }
  p.ExpectNothing();
  so_tcp_batch_end(p.host.tcp, p.host.now);
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.host.Advance(50 * kMs);
  p.ExpectNothing();
}

TEST(TcpDataTest, ABatchWithOneSegmentIsAcknowledgedLate) {
  Peer p;
  p.PassiveOpen();
  so_tcp_batch_begin(p.host.tcp);
  p.SendData(std::string(1460, 'a'));
  so_tcp_batch_end(p.host.tcp, p.host.now);
  p.ExpectNothing();
  p.host.Advance(50 * kMs);
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
}

TEST(TcpDataTest, EightSegmentsOfABatchAreAcknowledgedAtOnce) {
  Peer p;
  p.PassiveOpen();
  so_tcp_batch_begin(p.host.tcp);
  for (int i = 0; i < 8; i++) {
    p.ExpectNothing();
    p.SendData(std::string(1460, 'a'));
  }
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  so_tcp_batch_end(p.host.tcp, p.host.now);
  p.ExpectNothing();
}

TEST(TcpDataTest, AGapInABatchIsToldAtOnce) {
  Peer p;
  p.PassiveOpen();
  so_tcp_batch_begin(p.host.tcp);
  p.SendData(std::string(1460, 'a'));
  p.SendData(std::string(1460, 'b'));
  const uint32_t hole = p.seq;
  p.seq += 1460;
  p.SendData(std::string(1460, 'd'));
  EXPECT_EQ(p.TakeOne().h.ack, hole);
  so_tcp_batch_end(p.host.tcp, p.host.now);
  p.ExpectNothing();
}

TEST(TcpDataTest, AConnectionThatEndsInABatchOwesNothing) {
  Peer p;
  p.PassiveOpen();
  so_tcp_batch_begin(p.host.tcp);
  p.SendData(std::string(1460, 'a'));
  p.SendData(std::string(1460, 'b'));
  p.Send(p.Header(SO_TCP_FLAG_RST));
  p.Close();
  so_tcp_batch_end(p.host.tcp, p.host.now);
  p.ExpectNothing();
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
}

TEST(TcpDataTest, DataCarriesTheAcknowledgement) {
  Peer p;
  p.PassiveOpen();
  p.SendData("request");
  p.Write("response");
  const Sent s = p.TakeOne();
  EXPECT_EQ(s.h.ack, p.seq);
  EXPECT_EQ(s.data, "response");
  p.SendAck();
  p.host.Advance(kSecond);
  p.ExpectNothing();
}

TEST(TcpDataTest, AGapIsToldAtOnceWithSackAndSoIsItsClosing) {
  Peer p;
  p.PassiveOpen();
  const uint32_t base = p.seq;
  so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
  h.seq = base + 100;
  p.Send(h, std::string(50, 'b'));
  Sent s = p.TakeOne();
  EXPECT_EQ(s.h.ack, base);
  ASSERT_EQ(s.h.sack_count, 1);
  EXPECT_EQ(s.h.sacks[0].start, base + 100);
  EXPECT_EQ(s.h.sacks[0].end, base + 150);
  p.Send(p.Header(SO_TCP_FLAG_ACK), std::string(100, 'a'));
  s = p.TakeOne();
  EXPECT_EQ(s.h.ack, base + 150);
  EXPECT_EQ(s.h.sack_count, 0);
  EXPECT_EQ(p.Read(), std::string(100, 'a') + std::string(50, 'b'));
}

TEST(TcpDataTest, WhatCameTwiceIsToldOnce) {
  Peer p;
  p.PassiveOpen();
  const uint32_t base = p.seq;
  p.SendData("abcd");
  p.seq = base;
  p.SendData("abcdef");
  const Sent s = p.TakeOne();
  EXPECT_EQ(s.h.ack, base + 6);
  ASSERT_EQ(s.h.sack_count, 1);  // RFC 2883.
  EXPECT_EQ(s.h.sacks[0].start, base);
  EXPECT_EQ(s.h.sacks[0].end, base + 4);
  EXPECT_EQ(p.Read(), "abcdef");
}

TEST(TcpDataTest, FinOutOfOrderWaitsForTheBytesBeforeIt) {
  Peer p;
  p.PassiveOpen();
  so_tcp_header h = p.Header(SO_TCP_FLAG_ACK | SO_TCP_FLAG_FIN);
  h.seq += 3;
  p.Send(h, "def");
  EXPECT_EQ(State(p.c), SO_TCP_ESTABLISHED);
  p.Take();
  p.SendData("abc");
  EXPECT_EQ(State(p.c), SO_TCP_CLOSE_WAIT);
  EXPECT_EQ(p.TakeOne().h.ack, p.seq + 4);
  bool end = false;
  EXPECT_EQ(ReadAll(&p.host, p.c, &end), "abcdef");
  EXPECT_TRUE(end);
}

TEST(TcpDataTest, ManySmallSegmentsShareAPage) {
  Peer p;
  p.PassiveOpen();
  for (int i = 0; i < 2000; i++) {
    p.SendData("x");
    p.Take();
  }
  EXPECT_EQ(Info(p.c).readable, 2000u);
  EXPECT_LE(Info(p.c).pages, 1u);
  EXPECT_LE(p.host.pool.pages_used, 3u);
  EXPECT_EQ(p.Read(), std::string(2000, 'x'));
}

}  // namespace
}  // namespace tcp_test
