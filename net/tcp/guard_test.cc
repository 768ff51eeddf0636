// What strangers, floods, full tables and used-up pools do, and that it is bounded and counted.

#include "net/tcp/peer.h"

namespace tcp_test {
namespace {

TEST(TcpGuardTest, AWrongChecksumIsDropped) {
  Peer p;
  p.PassiveOpen();
  p.host.Input(p.Header(SO_TCP_FLAG_ACK), "abc", p.ip, p.host.ip_, 0, true);
  EXPECT_EQ(p.host.stats().drop_checksum, 1u);
  EXPECT_EQ(Info(p.c).readable, 0u);
}

TEST(TcpGuardTest, EveryTruncationOfASegmentIsDroppedAndCounted) {
  Peer p;
  p.Listen();
  so_tcp_header h = p.SynHeader(SO_TCP_FLAG_SYN);
  uint8_t head[60];
  so_writer w = so_writer_of(head, sizeof head);
  so_tcp_emit(&h, &w);
  for (size_t n = 0; n < w.len; n++) {
    p.host.InputRaw(std::string(reinterpret_cast<char *>(head), n), p.ip, p.host.ip_, 0, false,
                    true);
  }
  EXPECT_EQ(p.host.stats().drop_malformed, w.len);
  EXPECT_EQ(so_tcp_half_open_count(p.host.tcp), 0u);
  p.ExpectNothing();
}

TEST(TcpGuardTest, MulticastAndBroadcastAreNotAnswered) {
  Peer p;
  p.Listen();
  const uint8_t group[4] = {224, 0, 0, 1};
  const so_tcp_header h = p.SynHeader(SO_TCP_FLAG_SYN);
  p.host.Input(h, "", so_ip4(group), p.host.ip_);
  p.host.Input(h, "", p.ip, so_ip4(group));
  p.host.Input(h, "", p.ip, so_ip_broadcast());
  p.host.Input(h, "", so_ip_any(4), p.host.ip_);
  EXPECT_EQ(p.host.stats().drop_address, 4u);
  p.ExpectNothing();
}

TEST(TcpGuardTest, ASpoofedResetInTheWindowIsAskedAboutAndTheRealOneCounts) {
  Peer p;
  p.PassiveOpen();
  so_tcp_header h = p.Header(SO_TCP_FLAG_RST);
  for (uint32_t off : {1u, 100u, 59999u}) {
    h.seq = p.seq + off;
    p.Send(h);
    EXPECT_EQ(p.TakeOne().h.flags, SO_TCP_FLAG_ACK);
  }
  EXPECT_EQ(State(p.c), SO_TCP_ESTABLISHED);
  EXPECT_EQ(p.host.stats().challenge_acks, 3u);
  h.seq = p.seq;
  p.Send(h);
  EXPECT_EQ(Info(p.c).end, SO_TCP_END_RESET);
  EXPECT_EQ(p.host.stats().reset_in, 1u);
}

TEST(TcpGuardTest, ChallengesAreLimited) {
  Peer p;
  p.PassiveOpen();
  so_tcp_header h = p.Header(SO_TCP_FLAG_RST);
  h.seq = p.seq + 5;
  for (int i = 0; i < 1000; i++) {
    p.Send(h);
  }
  EXPECT_LE(p.Take().size(), 10u);
  EXPECT_GE(p.host.stats().challenge_acks_limited, 990u);
  p.host.Advance(kSecond);
  p.Send(h);
  EXPECT_EQ(p.Take().size(), 1u);
}

TEST(TcpGuardTest, ASpoofedSynDoesNotEndAConnection) {
  Peer p;
  p.PassiveOpen();
  so_tcp_header h = p.SynHeader(SO_TCP_FLAG_SYN);
  h.seq = p.seq + 7;
  p.Send(h);
  EXPECT_EQ(p.TakeOne().h.flags, SO_TCP_FLAG_ACK);
  EXPECT_EQ(State(p.c), SO_TCP_ESTABLISHED);
}

TEST(TcpGuardTest, SpoofedDataNeedsAnAckInTheWindow) {
  Peer p;
  p.PassiveOpen();
  so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
  h.ack = p.ack - 70000;
  p.Send(h, "evil");
  EXPECT_EQ(Info(p.c).readable, 0u);
  EXPECT_EQ(p.host.stats().drop_ack, 1u);
  h.ack = p.ack + 1;
  p.Send(h, "evil");
  EXPECT_EQ(Info(p.c).readable, 0u);
}

TEST(TcpGuardTest, AnAckStormDiesOut) {
  // Two hosts that each believe the other is wrong: every segment outside the window asks for an
  // answer.
  Peer p;
  p.PassiveOpen();
  so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
  h.seq = p.seq - 100000;
  size_t answers = 0;
  for (int i = 0; i < 1000; i++) {
    p.Send(h, "x");
    answers += p.Take().size();
  }
  EXPECT_LE(answers, 10u);
  EXPECT_GE(p.host.stats().acks_limited, 990u);
}

// A sender that sent again for nothing must hear so of every segment (RFC 2883 4), however many there are.
TEST(TcpGuardTest, EachRecentDuplicateIsReported) {
  Peer p;
  p.PassiveOpen();
  const uint32_t first = p.seq;
  for (int i = 0; i < 40; i++) {
    p.SendData(std::string(1000, 'x'));
    p.Read();
  }
  p.Take();
  for (uint32_t i = 0; i < 40; i++) {
    so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
    h.seq = first + i * 1000;
    p.Send(h, std::string(1000, 'x'));
    const Sends answers = p.Take();
    ASSERT_EQ(answers.size(), 1u) << i;
    ASSERT_GE(answers[0].h.sack_count, 1u) << i;
    EXPECT_EQ(answers[0].h.sacks[0].start, h.seq);
    EXPECT_EQ(answers[0].h.sacks[0].end, h.seq + 1000);
  }
  EXPECT_EQ(p.host.stats().acks_limited, 0u);
}

TEST(TcpGuardTest, PawsRefusesAnOldDuplicateWhoseNumbersFitAgain) {
  PeerOptions po;
  po.timestamps = true;
  Peer p({}, po);
  p.PassiveOpen();
  ASSERT_TRUE(Info(p.c).timestamps);
  p.SendData("new");
  so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
  h.ts_value -= 60000;
  p.Take();
  p.Send(h, "old");
  EXPECT_EQ(p.host.stats().drop_paws, 1u);
  EXPECT_EQ(p.Read(), "new");
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  // But after 24 days of silence the peer's clock may have wrapped.
  p.host.now += 25ull * 24 * 3600 * kSecond;
  p.ts_value -= static_cast<uint32_t>(25ull * 24 * 3600 * 1000) + 1000;
  p.SendData("later");
  EXPECT_EQ(p.Read(), "later");
}

// --- floods -------------------------------------------------------------------------------------

TEST(TcpGuardTest, ASynFloodHoldsABoundedTableAndRealClientsStillConnect) {
  for (bool stamps : {false, true}) {
    so_tcp_config config = {};
    config.half_open_max = 10;
    PeerOptions po;
    po.timestamps = stamps;
    po.scale = 7;
    Peer p(config, po);
    p.Listen();
    so_tcp_header flood = p.SynHeader(SO_TCP_FLAG_SYN);
    const size_t before = p.host.heap.used;
    for (uint32_t i = 0; i < 5000; i++) {
      flood.src_port = static_cast<uint16_t>(5000 + i);
      p.Send(flood);
      p.Take();
    }
    EXPECT_EQ(so_tcp_half_open_count(p.host.tcp), 10u);
    EXPECT_LE(p.host.heap.used - before, 10 * 1024u);
    EXPECT_EQ(p.host.stats().cookies_sent, 4990u);
    // A real one, through a cookie.
    p.ack = 0;
    p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
    p.seq++;
    const Sent answer = p.TakeOne();
    EXPECT_EQ(answer.h.flags & 0x3f, SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK);
    EXPECT_EQ(answer.h.has_scale, stamps);
    p.ack = answer.h.seq + 1;
    p.Send(p.Header(SO_TCP_FLAG_ACK), "GET");
    p.seq += 3;
    SO_ASSERT_OK(so_tcp_accept(p.host.tcp, p.listener, nullptr, &p.c));
    EXPECT_EQ(p.Read(), "GET");
    EXPECT_EQ(Info(p.c).timestamps, stamps);
    EXPECT_EQ(Info(p.c).sack, stamps);
    EXPECT_EQ(Info(p.c).send_scale, stamps ? 7 : 0);
    EXPECT_GT(Info(p.c).mss, 1300u);
    EXPECT_EQ(p.host.stats().cookies_accepted, 1u);
    p.Write("response");
    p.TakeOne();
    p.SendAck();
    EXPECT_EQ(Info(p.c).unacked, 0u);
  }
}

TEST(TcpGuardTest, AGuessedCookieIsRefusedAndNoneIsBelievedWithoutAFlood) {
  so_tcp_config config = {};
  config.half_open_max = 1;
  Peer p(config);
  p.Listen();
  so_tcp_header guess = p.Header(SO_TCP_FLAG_ACK);
  guess.ack = 0x12345678;
  p.Send(guess);
  EXPECT_EQ(p.TakeOne().h.flags, SO_TCP_FLAG_RST);
  EXPECT_EQ(p.host.stats().cookies_rejected, 0u);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  so_tcp_header second = p.SynHeader(SO_TCP_FLAG_SYN);
  second.src_port++;
  p.Send(second);
  EXPECT_EQ(p.host.stats().cookies_sent, 1u);
  p.Take();
  guess.src_port++;
  for (uint32_t i = 0; i < 1000; i++) {
    guess.ack = i * 4294967u;
    p.Send(guess);
    p.Take();
  }
  EXPECT_EQ(p.host.stats().cookies_rejected, 1000u);
  p.ExpectNothing();
  p.Send(guess, "data");  // Perhaps a real client's second segment: no reset.
  p.ExpectNothing();
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 1u);
}

// A listener with one place for what is half open, and a stranger in it; returns his SYN.
so_tcp_header ListenWithAStranger(Peer *p) {
  p->Listen();
  so_tcp_header syn = p->SynHeader(SO_TCP_FLAG_SYN);
  syn.src_port = 1;
  p->Send(syn);
  p->Take();
  return syn;
}

// The first SYN met a full table, the same SYN again an empty one.
TEST(TcpGuardTest, ACookieIsBelievedBesideAHalfOpenConnection) {
  so_tcp_config config = {};
  config.half_open_max = 1;
  Peer p(config);
  so_tcp_header other = ListenWithAStranger(&p);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  const Sent cookie = p.TakeOne();
  ASSERT_EQ(p.host.stats().cookies_sent, 1u);
  other.seq++;
  other.flags = SO_TCP_FLAG_RST;
  p.Send(other);
  ASSERT_EQ(so_tcp_half_open_count(p.host.tcp), 0u);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  const Sent second = p.TakeOne();
  ASSERT_NE(cookie.h.seq, second.h.seq);
  p.seq++;
  p.ack = cookie.h.seq + 2;  // A number that we never sent.
  p.SendAck();
  EXPECT_EQ(p.TakeOne().h.flags, SO_TCP_FLAG_RST);
  EXPECT_EQ(so_tcp_half_open_count(p.host.tcp), 1u);
  p.ack = cookie.h.seq + 1;
  p.Send(p.Header(SO_TCP_FLAG_ACK), "GET");
  p.seq += 3;
  SO_ASSERT_OK(so_tcp_accept(p.host.tcp, p.listener, nullptr, &p.c));
  EXPECT_EQ(p.Read(), "GET");
  EXPECT_EQ(p.host.stats().cookies_accepted, 1u);
  EXPECT_EQ(so_tcp_half_open_count(p.host.tcp), 0u);
}

TEST(TcpGuardTest, ACookieIsTooOldAfterTwoPeriods) {
  so_tcp_config config = {};
  config.half_open_max = 1;
  Peer p(config);
  so_tcp_header first = ListenWithAStranger(&p);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  p.seq++;
  p.ack = p.TakeOne().h.seq + 1;
  p.host.Advance(130 * kSecond);
  first.src_port = 2;
  first.seq += 10;
  p.Send(first);  // Half-open again,
  first.src_port = 3;
  p.Send(first);  // and cookies in use.
  p.Take(false);
  p.SendAck();
  EXPECT_EQ(p.host.stats().cookies_accepted, 0u);
  EXPECT_EQ(p.host.stats().cookies_rejected, 1u);
}

TEST(TcpGuardTest, HalfOpenConnectionsAreGivenUp) {
  Peer p;
  p.Listen();
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  p.host.Advance(200 * kSecond);
  EXPECT_EQ(so_tcp_half_open_count(p.host.tcp), 0u);
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
  EXPECT_EQ(p.Take().size(), 1u + 5u + 1u);  // Again and again, then a reset.
}

TEST(TcpGuardTest, AFullBacklogTakesNoMoreUntilSomebodyAccepts) {
  Peer p;
  p.Listen(nullptr, 2);
  auto open = [&](uint16_t port) {
    p.port = port;
    p.seq = 100;
    p.ack = 0;
    p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
    p.seq++;
    if (p.Take().empty()) {
      return false;
    }
    p.SendAck();
    return true;
  };
  EXPECT_TRUE(open(1));
  EXPECT_TRUE(open(2));
  EXPECT_FALSE(open(3));
  EXPECT_EQ(p.host.stats().drop_backlog, 1u);
  so_tcp_conn *c;
  SO_ASSERT_OK(so_tcp_accept(p.host.tcp, p.listener, nullptr, &c));
  EXPECT_EQ(Info(c).remote_port, 1);
  EXPECT_TRUE(open(3));
}

TEST(TcpGuardTest, AHandshakeThatEndsWhileTheBacklogIsFullWaits) {
  Peer p;
  p.Listen(nullptr, 1);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  p.seq++;
  p.Take();
  Peer other;
  so_tcp_header second = p.SynHeader(SO_TCP_FLAG_SYN);
  second.src_port = 7;
  p.Send(second);
  const uint32_t their_ack = p.Take(false)[0].h.seq + 1;
  p.SendAck();
  so_tcp_header ack = p.Header(SO_TCP_FLAG_ACK);
  ack.src_port = 7;
  ack.seq = second.seq + 1;
  ack.ack = their_ack;
  p.Send(ack);
  EXPECT_EQ(p.host.stats().drop_backlog, 1u);
  EXPECT_EQ(so_tcp_half_open_count(p.host.tcp), 1u);
  so_tcp_conn *c;
  SO_ASSERT_OK(so_tcp_accept(p.host.tcp, p.listener, nullptr, &c));
  p.Send(ack);
  SO_ASSERT_OK(so_tcp_accept(p.host.tcp, p.listener, nullptr, &c));
  EXPECT_EQ(Info(c).remote_port, 7);
}

TEST(TcpGuardTest, AFullTableRefusesAndAFreePlaceIsUsedAgain) {
  so_tcp_config config = {};
  config.connections_max = 2;
  Peer p(config);
  p.StartConnect();
  so_tcp_conn *c;
  SO_EXPECT_CODE(SO_CONFLICT, so_tcp_connect(p.host.tcp, &p.ip, p.port, p.local, nullptr, nullptr,
                                             p.host.now, &c));
  SO_ASSERT_OK(so_tcp_connect(p.host.tcp, &p.ip, 1, 0, nullptr, nullptr, p.host.now, &c));
  so_tcp_conn *d;
  SO_EXPECT_CODE(SO_LIMIT,
                 so_tcp_connect(p.host.tcp, &p.ip, 1, 0, nullptr, nullptr, p.host.now, &d));
  EXPECT_EQ(p.host.stats().drop_connections, 1u);
  so_tcp_close(p.host.tcp, c, p.host.now);
  SO_ASSERT_OK(so_tcp_connect(p.host.tcp, &p.ip, 1, 0, nullptr, nullptr, p.host.now, &d));
}

// --- ICMP ---------------------------------------------------------------------------------------

so_ip_error Quote(const Peer &p, so_ip_error_kind kind, uint32_t seq, std::string *bytes) {
  uint8_t head[20];
  so_writer w = so_writer_of(head, sizeof head);
  so_tcp_header h = {};
  h.src_port = p.local;
  h.dst_port = p.port;
  h.seq = seq;
  so_tcp_emit(&h, &w);
  bytes->assign(reinterpret_cast<char *>(head), 8);
  so_ip_error e = {};
  e.kind = kind;
  e.protocol = 6;
  e.mtu = 1000;
  e.src = p.host.ip_;
  e.dst = p.ip;
  e.transport = so_test::View(*bytes);
  return e;
}

TEST(TcpGuardTest, ASmallerPathMtuIsBelievedOnlyForASegmentOnItsWay) {
  so_tcp_config config = {};
  config.segment_max = 1;
  Peer p(config);
  p.PassiveOpen();
  p.Write(Pattern(4000));
  const Sends sent = p.Take(false);
  ASSERT_GE(sent.size(), 2u);
  std::string bytes;
  so_ip_error e = Quote(p, SO_IP_ERROR_TOO_BIG, sent[0].h.seq - 1, &bytes);
  EXPECT_FALSE(so_tcp_error(p.host.tcp, &e, p.host.now));
  e = Quote(p, SO_IP_ERROR_TOO_BIG, sent[0].h.seq + 4001, &bytes);
  EXPECT_FALSE(so_tcp_error(p.host.tcp, &e, p.host.now));
  EXPECT_EQ(p.host.stats().drop_icmp, 2u);
  EXPECT_EQ(Info(p.c).mss, 1460u);
  e = Quote(p, SO_IP_ERROR_TOO_BIG, sent[0].h.seq, &bytes);
  EXPECT_TRUE(so_tcp_error(p.host.tcp, &e, p.host.now));
  EXPECT_EQ(Info(p.c).mss, 960u);
  const Sends again = p.Take(false);
  ASSERT_FALSE(again.empty());  // At once, in the new size.
  EXPECT_EQ(again[0].h.seq, sent[0].h.seq);
  EXPECT_EQ(again[0].data.size(), 960u);
  // A larger one later, or one that no path has, changes nothing.
  e = Quote(p, SO_IP_ERROR_TOO_BIG, sent[0].h.seq, &bytes);
  e.mtu = 1400;
  EXPECT_TRUE(so_tcp_error(p.host.tcp, &e, p.host.now));
  EXPECT_EQ(Info(p.c).mss, 960u);
  e.mtu = 0;
  EXPECT_TRUE(so_tcp_error(p.host.tcp, &e, p.host.now));
  EXPECT_EQ(Info(p.c).mss, 216u);
}

TEST(TcpGuardTest, AHardErrorEndsAnOpeningConnectionAndNoOther) {
  std::string bytes;
  Peer p;
  p.StartConnect();
  const uint32_t iss = p.TakeOne().h.seq;
  so_ip_error e = Quote(p, SO_IP_ERROR_PORT, iss + 1, &bytes);
  EXPECT_FALSE(so_tcp_error(p.host.tcp, &e, p.host.now));
  e = Quote(p, SO_IP_ERROR_UNREACHABLE, iss, &bytes);
  EXPECT_TRUE(so_tcp_error(p.host.tcp, &e, p.host.now));
  EXPECT_EQ(State(p.c), SO_TCP_SYN_SENT);
  e = Quote(p, SO_IP_ERROR_PORT, iss, &bytes);
  EXPECT_TRUE(so_tcp_error(p.host.tcp, &e, p.host.now));
  EXPECT_EQ(Info(p.c).end, SO_TCP_END_UNREACHABLE);
  Peer q;
  q.PassiveOpen();
  q.Write("x");
  const Sent s = q.TakeOne();
  e = Quote(q, SO_IP_ERROR_PORT, s.h.seq, &bytes);
  EXPECT_TRUE(so_tcp_error(q.host.tcp, &e, q.host.now));
  EXPECT_EQ(State(q.c), SO_TCP_ESTABLISHED);
}

TEST(TcpGuardTest, AQuoteThatIsTooShortIsDropped) {
  Peer p;
  p.StartConnect();
  std::string bytes;
  so_ip_error e = Quote(p, SO_IP_ERROR_PORT, p.TakeOne().h.seq, &bytes);
  for (size_t n = 0; n < 8; n++) {
    const so_test::Guarded g(bytes.substr(0, n));
    e.transport = g.view();
    EXPECT_FALSE(so_tcp_error(p.host.tcp, &e, p.host.now));
  }
}

// --- TIME-WAIT ----------------------------------------------------------------------------------

void ToTimeWait(Peer *p) {
  p->PassiveOpen();
  p->Close();
  p->TakeOne();
  p->SendFin();
  p->TakeOne();
  ASSERT_EQ(so_tcp_time_wait_count(p->host.tcp), 1u);
  ASSERT_EQ(so_tcp_connection_count(p->host.tcp), 0u);
}

TEST(TcpGuardTest, ANewSynReopensFromTimeWaitAndAnOldOneDoesNot) {
  for (bool stamps : {false, true}) {
    PeerOptions po;
    po.timestamps = stamps;
    Peer p({}, po);
    ToTimeWait(&p);
    const uint32_t old_nxt = p.ack;
    so_tcp_header old = p.SynHeader(SO_TCP_FLAG_SYN);
    old.seq = p.seq - 1000;
    old.ts_value -= 5000;
    p.Send(old);
    EXPECT_EQ(p.TakeOne().h.flags, SO_TCP_FLAG_ACK);
    EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 1u);
    p.host.Advance(10 * kMs);
    so_tcp_header fresh = p.SynHeader(SO_TCP_FLAG_SYN);
    fresh.seq = stamps ? p.seq - 5 : p.seq + 5;  // With timestamps numbers need not be larger.
    p.Send(fresh);
    const Sent answer = p.TakeOne();
    EXPECT_EQ(answer.h.flags & 0x3f, SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK);
    EXPECT_TRUE(so_seq_gt(answer.h.seq, old_nxt));
    EXPECT_EQ(p.host.stats().time_wait_reused, 1u);
    EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 0u);
  }
}

TEST(TcpGuardTest, TheFinAgainIsAcknowledgedAgainAndRestartsTheWait) {
  Peer p;
  ToTimeWait(&p);
  p.host.Advance(50 * kSecond);
  p.seq--;
  p.SendFin();
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.host.Advance(50 * kSecond);
  EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 1u);
  p.host.Advance(11 * kSecond);
  EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 0u);
}

TEST(TcpGuardTest, TheTimeWaitTableIsBoundedAndTheOldestMakesRoom) {
  so_tcp_config config = {};
  config.time_wait_max = 3;
  Peer p(config);
  p.Listen();
  for (uint16_t i = 0; i < 10; i++) {
    p.port = static_cast<uint16_t>(1000 + i);
    p.seq = 100;
    p.ack = 0;
    p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
    p.seq++;
    p.TakeOne();
    p.SendAck();
    SO_ASSERT_OK(so_tcp_accept(p.host.tcp, p.listener, nullptr, &p.c));
    p.Close();
    p.TakeOne();
    p.SendFin();
    p.Take();
  }
  EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 3u);
  EXPECT_EQ(p.host.stats().time_wait_evicted, 7u);
}

// --- the program's manners ----------------------------------------------------------------------

TEST(TcpGuardTest, ClosingWithUnreadBytesResetsAndBytesAfterCloseDoToo) {
  Peer p;
  p.PassiveOpen();
  p.SendData("unread");
  p.Close();
  EXPECT_NE(p.TakeOne().h.flags & SO_TCP_FLAG_RST, 0);
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
  Peer q;
  q.PassiveOpen();
  q.Close();
  q.TakeOne();
  q.SendAck();
  q.SendData("late");
  EXPECT_NE(q.TakeOne().h.flags & SO_TCP_FLAG_RST, 0);
  EXPECT_EQ(so_tcp_connection_count(q.host.tcp), 0u);
}

TEST(TcpGuardTest, AClosedConnectionDoesNotWaitForEverInFinWait2) {
  Peer p;
  p.PassiveOpen();
  p.Close();
  p.TakeOne();
  p.SendAck();
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 1u);
  p.host.Advance(61 * kSecond);
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
}

TEST(TcpGuardTest, ClosingAListenerResetsWhatWaits) {
  Peer p;
  p.Listen();
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  p.seq++;
  p.TakeOne();
  p.SendAck();
  so_tcp_listener_close(p.host.tcp, p.listener, p.host.now);
  EXPECT_NE(p.TakeOne().h.flags & SO_TCP_FLAG_RST, 0);
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
}

TEST(TcpGuardTest, TwoListenersOfOnePlaceConflictAndTheExactAddressWins) {
  Peer p;
  const so_ip any = so_ip_any(4);
  so_tcp_listener *a;
  so_tcp_listener *b;
  so_tcp_listener *c;
  SO_ASSERT_OK(so_tcp_listen(p.host.tcp, &any, 80, 4, nullptr, nullptr, &a));
  SO_EXPECT_CODE(SO_CONFLICT, so_tcp_listen(p.host.tcp, &any, 80, 4, nullptr, nullptr, &b));
  SO_ASSERT_OK(so_tcp_listen(p.host.tcp, &p.host.ip_, 80, 4, nullptr, nullptr, &b));
  SO_ASSERT_OK(so_tcp_listen(p.host.tcp, &any, 0, 4, nullptr, nullptr, &c));
  EXPECT_NE(so_tcp_listener_port(c), 0);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  p.seq++;
  p.TakeOne();
  p.SendAck();
  so_tcp_conn *conn;
  SO_EXPECT_CODE(SO_AGAIN, so_tcp_accept(p.host.tcp, a, nullptr, &conn));
  SO_EXPECT_OK(so_tcp_accept(p.host.tcp, b, nullptr, &conn));
}

// --- memory -------------------------------------------------------------------------------------

// A whole conversation; at each allocation of the heap in turn, no memory. Nothing crashes or
// leaks, and with memory again it works.
TEST(TcpGuardTest, EveryAllocationOfTheHeapMayFail) {
  for (int64_t fail = 0; fail < 12; fail++) {
    SCOPED_TRACE(fail);
    Peer p;
    p.host.heap.fail_after = fail;
    const so_ip any = so_ip_any(4);
    if (so_ok(so_tcp_listen(p.host.tcp, &any, 80, 4, nullptr, nullptr, &p.listener))) {
      p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
      p.seq++;
      p.Take();
      p.SendAck();
      if (so_ok(so_tcp_accept(p.host.tcp, p.listener, nullptr, &p.c))) {
        p.Write(Pattern(20000));
        p.Take();
        p.SendAck();
        p.Send(p.Header(SO_TCP_FLAG_ACK), Pattern(1400));
        so_tcp_header gap = p.Header(SO_TCP_FLAG_ACK);
        gap.seq += 5000;
        p.Send(gap, Pattern(1400));
        p.host.heap.fail_after = -1;
        p.host.Advance(20 * kMs);
        p.Take();
        if (Info(p.c).readable == 0) {
          p.SendData(Pattern(1400));
        }
        EXPECT_EQ(p.Read(), Pattern(1400));
      }
    }
    p.host.heap.fail_after = -1;
  }
}

TEST(TcpGuardTest, AUsedUpPoolDelaysAndNothingIsLost) {
  for (uint32_t keep = 0; keep < 8; keep++) {
    SCOPED_TRACE(keep);
    Peer p;
    p.PassiveOpen();
    std::vector<so_frag> held;
    so_frag f;
    while (so_page_alloc(&p.host.pool, &f)) {
      held.push_back(f);
    }
    for (uint32_t i = 0; i < keep && !held.empty(); i++) {
      so_page_drop(&p.host.pool, &held.back());
      held.pop_back();
    }
    const std::string data = Pattern(30000);
    size_t written = p.Write(data);
    for (const so_frag &h : held) {
      so_page_drop(&p.host.pool, &h);
    }
    std::string got;
    uint32_t next = p.ack;
    for (int i = 0; i < 1000 && got.size() < data.size(); i++) {
      written += p.Write(data.substr(written));
      p.host.Advance(20 * kMs);
      for (const Sent &s : p.Take(false)) {
        if (s.h.seq == next && !s.data.empty()) {
          got += s.data;
          next += static_cast<uint32_t>(s.data.size());
        }
      }
      p.ack = next;
      p.SendAck();
    }
    EXPECT_TRUE(got == data);
  }
}

}  // namespace
}  // namespace tcp_test
