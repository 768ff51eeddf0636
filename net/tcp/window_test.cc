// Windows, segment by segment: closed, silly, and how they grow with the path.

#include "net/tcp/peer.h"

namespace tcp_test {
namespace {

TEST(TcpWindowTest, AClosedWindowIsProbedAndSendingGoesOnWhenItOpens) {
  PeerOptions po;
  po.window = 1000;
  Peer p({}, po);
  p.PassiveOpen();
  p.Write(std::string(3000, 'x'));
  EXPECT_EQ(Joined(p.Take()).size(), 1000u);
  p.window = 0;
  p.SendAck();
  p.ExpectNothing();
  uint64_t last = 0;
  for (int i = 0; i < 6; i++) {  // Probes, ever less often, and an answer that says closed.
    const uint64_t before = p.host.now;
    Sends sent;
    while (sent.empty()) {
      ASSERT_NE(so_tcp_deadline(p.host.tcp), SO_NEVER);
      p.host.AdvanceTo(so_tcp_deadline(p.host.tcp));
      sent = p.Take(false);
    }
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].h.seq, p.ack - 1);
    EXPECT_TRUE(sent[0].data.empty());
    const uint64_t waited = p.host.now - before;
    EXPECT_GE(waited + 2 * kMs, last);
    last = waited;
    p.SendAck();
  }
  EXPECT_EQ(p.host.stats().zero_window_probes, 6u);
  p.window = 60000;
  p.SendAck();
  EXPECT_EQ(Joined(p.Take()).size(), 2000u);
  p.SendAck();
  EXPECT_EQ(Info(p.c).unacked, 0u);
}

TEST(TcpWindowTest, AWindowThatStaysClosedEndsByTheUserTimeout) {
  Peer p;
  so_tcp_options o = {};
  o.user_timeout_ms = 30000;
  p.PassiveOpen(&o);
  p.window = 0;
  p.SendAck();
  p.Write("never");
  const uint64_t start = p.host.now;
  while (State(p.c) == SO_TCP_ESTABLISHED && p.host.now < start + 100 * kSecond) {
    p.host.AdvanceTo(std::min(so_tcp_deadline(p.host.tcp), start + 100 * kSecond));
    for (const Sent &s : p.Take(false)) {
      if ((s.h.flags & SO_TCP_FLAG_RST) == 0) {
        p.SendAck();  // The peer lives, and stays closed.
      }
    }
  }
  EXPECT_EQ(Info(p.c).end, SO_TCP_END_TIMEOUT);
  EXPECT_NEAR(static_cast<double>(p.host.now - start), 30e9, 1e8);
  EXPECT_EQ(p.host.stats().timed_out, 1u);
  size_t n;
  uint8_t b;
  SO_EXPECT_CODE(SO_IO, so_tcp_read(p.host.tcp, p.c, &b, 1, p.host.now, &n));
}

TEST(TcpWindowTest, ASillyWindowIsNotUsedUntilItIsWorthwhileOrTimePassed) {
  Peer p;
  p.PassiveOpen();
  p.window = 100;
  p.SendAck();
  p.Write(std::string(5000, 'x'));
  p.ExpectNothing();
  p.host.Advance(2 * kSecond);
  const Sends sent = p.Take();
  ASSERT_GE(sent.size(), 1u);
  EXPECT_EQ(sent[0].data.size(), 100u);
}

TEST(TcpWindowTest, OurWindowClosesWhenNobodyReadsAndReopensWhenSomebodyDoes) {
  Peer p;
  so_tcp_options o = {};
  o.receive_limit = 8192;
  p.PassiveOpen(&o);
  uint32_t window = 0;
  for (int i = 0; i < 8; i++) {
    p.SendData(std::string(1024, 'x'));
    p.host.Advance(50 * kMs);
    for (const Sent &s : p.Take()) {
      window = s.h.window;
    }
  }
  EXPECT_EQ(window, 0u);
  p.Send(p.Header(SO_TCP_FLAG_ACK), "z");  // A probe of one byte is refused and answered.
  EXPECT_EQ(p.TakeOne().h.window, 0);
  p.Write("ours");
  p.TakeOne();
  p.Send(p.Header(SO_TCP_FLAG_ACK), "z");  // But what it acknowledges counts (RFC 9293 3.10.7.4).
  EXPECT_EQ(Info(p.c).unacked, 0u);
  EXPECT_EQ(p.TakeOne().h.window, 0);
  uint8_t buf[8192];
  size_t n;
  SO_ASSERT_OK(so_tcp_read(p.host.tcp, p.c, buf, 10, p.host.now, &n));
  p.ExpectNothing();  // Ten bytes are not worth telling.
  SO_ASSERT_OK(so_tcp_read(p.host.tcp, p.c, buf, sizeof buf, p.host.now, &n));
  EXPECT_GE(p.TakeOne().h.window, 4096);
  p.SendData("more");
  EXPECT_EQ(p.Read(), "more");
}

TEST(TcpWindowTest, BytesBeyondTheWindowAreNotTaken) {
  Peer p;
  so_tcp_options o = {};
  o.receive_limit = 4096;
  p.PassiveOpen(&o);
  p.SendData(std::string(3000, 'a'));
  p.Take();
  p.Send(p.Header(SO_TCP_FLAG_ACK), std::string(1400, 'b'));
  EXPECT_EQ(Info(p.c).readable, 4096u);
  EXPECT_EQ(p.host.stats().drop_window, 1u);
}

TEST(TcpWindowTest, TheReceiveWindowGrowsWithAFastReaderUpToItsLimit) {
  so_tcp_config config = {};
  PeerOptions po;
  po.scale = 7;
  Peer p(config, po);
  so_tcp_options o = {};
  o.receive_limit = 1 << 20;
  p.PassiveOpen(&o);
  uint32_t most = 0;
  for (int i = 0; i < 4000; i++) {
    p.SendData(std::string(1460, 'x'));
    p.Read();
    p.Take();
    if (i % 100 == 0) {
      p.host.Advance(kMs);
    }
    most = std::max(most, Info(p.c).receive_window);
  }
  EXPECT_GT(most, 500000u);
  EXPECT_LE(most, 1u << 20);
}

// A burst that each round trip brings is often cut in two by where rounds begin: the window keeps up all the same.
TEST(TcpWindowTest, TheReceiveWindowIsTwiceWhatARoundTripBroughtWhereverRoundsAreCut) {
  PeerOptions po;
  po.scale = 7;
  Peer p({}, po);
  so_tcp_options o = {};
  p.PassiveOpen(&o);
  size_t burst = 10;
  for (int round = 0; round < 6; round++, burst *= 2) {
    for (size_t i = 0; i < burst; i++) {
      ASSERT_GE(Info(p.c).receive_window, 1460u) << "closed in round " << round;
      p.SendData(std::string(1460, 'x'));
      p.Read();
      p.Take();
      if (i == burst / 2) {
        p.host.Advance(10 * kMs);
      }
    }
    p.host.Advance(10 * kMs);
    EXPECT_GE(Info(p.c).receive_window, 2 * burst * 1460) << "round " << round;
  }
}

// What may wait grows with the windows of the path, and not without them.
TEST(TcpWindowTest, TheSendQueueHoldsTwoWindowsOfThePath) {
  PeerOptions po;
  po.scale = 10;
  po.window = 4096;
  Peer p({}, po, 8192);
  p.PassiveOpen();
  p.window = 8192;  // 8 MiB.
  p.SendAck();
  const std::string data(1 << 20, 'y');
  EXPECT_EQ(p.Write(data + data), size_t{1} << 20) << "a window of ten segments takes no more";
  uint32_t most = 0;
  for (int i = 0; i < 400 && most < (3u << 19); i++) {
    p.Take();
    p.host.Advance(20 * kMs);
    p.SendAck();
    p.Write(data);
    const so_tcp_info info = Info(p.c);
    most = std::max(most, info.unacked + info.unsent);
    EXPECT_LE(info.unacked + info.unsent, std::max(2 * info.cwnd, 1u << 20));
  }
  EXPECT_GE(most, 3u << 19);
}

}  // namespace
}  // namespace tcp_test
