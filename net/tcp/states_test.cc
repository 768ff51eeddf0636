// Every state of RFC 9293 against every event, from a table of what the RFC says (3.10.7, with RFC
// 5961 for resets, SYNs and ACKs that a stranger could send). For each: the state after, and what
// is sent.

#include "net/tcp/peer.h"

namespace tcp_test {
namespace {

enum Event {
  kSyn,            // A SYN in the window.
  kSynOld,         // A SYN left of the window.
  kSynAck,         // SYN and ACK; right in SYN-SENT.
  kAck,            // Acknowledges all that was sent.
  kAckOld,         // Acknowledges nothing new.
  kAckFuture,      // Acknowledges what was never sent.
  kAckAncient,     // Acknowledges long before SND.UNA.
  kNoAck,          // Data in order without the ACK bit.
  kData,           // In order; acknowledges nothing new.
  kDataFuture,     // Right of the window.
  kDataOld,        // Left of the window.
  kFin,            // In order; acknowledges nothing new.
  kFinAck,         // In order; acknowledges all.
  kRst,            // At exactly RCV.NXT.
  kRstWindow,      // In the window, not at RCV.NXT.
  kRstOutside,
  kRstAck,         // With an ACK of everything, at RCV.NXT.
  kCallShutdown,
  kCallClose,
  kCallAbort,
  kEventCount,
};

const char *const kEventNames[] = {"SYN",      "old SYN",   "SYN+ACK",  "ACK",        "old ACK",
                                   "future ACK", "ancient ACK", "no ACK", "data",     "future data",
                                   "old data", "FIN",       "FIN+ACK",  "RST",
                                   "RST in window", "RST outside", "RST+ACK",
                                   "shutdown", "close",     "abort"};

// What is sent: none, an ACK with our current numbers, a reset, SYN+ACK, FIN, or not looked at.
enum Answer { kNone, kAnAck, kReset, kASynAck, kAFin, kAckMaybe };

struct Want {
  so_tcp_state state;
  Answer answer;
};

// The state of what is gone altogether: no connection is in the table.
constexpr so_tcp_state kGone = SO_TCP_CLOSED;
constexpr so_tcp_state L = SO_TCP_LISTEN, SS = SO_TCP_SYN_SENT, SR = SO_TCP_SYN_RECEIVED,
                       ES = SO_TCP_ESTABLISHED, F1 = SO_TCP_FIN_WAIT_1, F2 = SO_TCP_FIN_WAIT_2,
                       CW = SO_TCP_CLOSE_WAIT, CI = SO_TCP_CLOSING, LA = SO_TCP_LAST_ACK,
                       TW = SO_TCP_TIME_WAIT;

// Rows by state, columns by event. Data that comes with the program there is acknowledged late, so
// that "data" in order may have no answer at once.
const Want kTable[11][kEventCount] = {
    // CLOSED: 3.10.7.1. No connection and no listener: all but a reset gets a reset.
    {{kGone, kReset}, {kGone, kReset}, {kGone, kReset}, {kGone, kReset}, {kGone, kReset},
     {kGone, kReset}, {kGone, kReset}, {kGone, kReset}, {kGone, kReset}, {kGone, kReset},
     {kGone, kReset}, {kGone, kReset}, {kGone, kReset}, {kGone, kNone},  {kGone, kNone},
     {kGone, kNone},  {kGone, kNone},  {kGone, kNone},  {kGone, kNone},  {kGone, kNone}},
    // LISTEN: 3.10.7.2. A SYN is answered (any number is as good as another); an ACK gets a reset;
    // the rest is dropped. Calls of a connection do not exist.
    {{SR, kASynAck}, {SR, kASynAck}, {L, kReset}, {L, kReset}, {L, kReset},
     {L, kReset},    {L, kReset},    {L, kNone},  {L, kReset}, {L, kReset},
     {L, kReset},    {L, kReset},    {L, kReset}, {L, kNone},  {L, kNone},
     {L, kNone},     {L, kNone},     {L, kNone},  {L, kNone},  {L, kNone}},
    // SYN-SENT: 3.10.7.3. Without SYN nothing happens unless the ACK is wrong; a reset counts only
    // with the right ACK. Our "old ACK" is ISS, and so wrong.
    {{SR, kASynAck}, {SR, kASynAck}, {ES, kAnAck}, {SS, kNone},  {SS, kReset},
     {SS, kReset},   {SS, kReset},   {SS, kNone},  {SS, kReset}, {SS, kReset},
     {SS, kReset},   {SS, kReset},   {SS, kNone},  {SS, kNone},  {SS, kNone},
     {SS, kNone},    {kGone, kNone}, {SS, kNone},  {kGone, kNone}, {kGone, kNone}},
    // SYN-RECEIVED (from LISTEN). A SYN in the window returns to LISTEN; one with the old number is
    // the peer's again and gets our SYN+ACK again. Resets return to LISTEN.
    {{kGone, kNone}, {SR, kASynAck}, {kGone, kNone}, {ES, kNone},  {SR, kReset},
     {SR, kReset},   {SR, kReset},   {SR, kNone},    {SR, kReset}, {SR, kAnAck},
     {SR, kAnAck},   {SR, kReset},   {CW, kAnAck},   {kGone, kNone}, {SR, kAnAck},
     {SR, kNone},    {kGone, kNone}, {SR, kNone},    {SR, kNone},  {SR, kNone}},
    // ESTABLISHED
    {{ES, kAnAck}, {ES, kAnAck}, {ES, kAnAck}, {ES, kNone},    {ES, kNone},
     {ES, kAnAck}, {ES, kAnAck}, {ES, kNone},  {ES, kAckMaybe}, {ES, kAnAck},
     {ES, kAnAck}, {CW, kAnAck}, {CW, kAnAck}, {kGone, kNone}, {ES, kAnAck},
     {ES, kNone},  {kGone, kNone}, {F1, kAFin}, {F1, kAFin},   {kGone, kReset}},
    // FIN-WAIT-1
    {{F1, kAnAck}, {F1, kAnAck}, {F1, kAnAck}, {F2, kNone},    {F1, kNone},
     {F1, kAnAck}, {F1, kAnAck}, {F1, kNone},  {F1, kAckMaybe}, {F1, kAnAck},
     {F1, kAnAck}, {CI, kAnAck}, {TW, kAnAck}, {kGone, kNone}, {F1, kAnAck},
     {F1, kNone},  {kGone, kNone}, {F1, kNone}, {F1, kNone},   {kGone, kReset}},
    // FIN-WAIT-2
    {{F2, kAnAck}, {F2, kAnAck}, {F2, kAnAck}, {F2, kNone},    {F2, kNone},
     {F2, kAnAck}, {F2, kAnAck}, {F2, kNone},  {F2, kAckMaybe}, {F2, kAnAck},
     {F2, kAnAck}, {TW, kAnAck}, {TW, kAnAck}, {kGone, kNone}, {F2, kAnAck},
     {F2, kNone},  {kGone, kNone}, {F2, kNone}, {F2, kNone},   {kGone, kReset}},
    // CLOSE-WAIT: data and FIN after FIN should not occur; they are acknowledged as what they are,
    // no more.
    {{CW, kAnAck}, {CW, kAnAck}, {CW, kAnAck}, {CW, kNone},    {CW, kNone},
     {CW, kAnAck}, {CW, kAnAck}, {CW, kNone},  {CW, kAckMaybe}, {CW, kAnAck},
     {CW, kAnAck}, {CW, kAnAck}, {CW, kAnAck}, {kGone, kNone}, {CW, kAnAck},
     {CW, kNone},  {kGone, kNone}, {LA, kAFin}, {LA, kAFin},   {kGone, kReset}},
    // CLOSING
    {{CI, kAnAck}, {CI, kAnAck}, {CI, kAnAck}, {TW, kNone},    {CI, kNone},
     {CI, kAnAck}, {CI, kAnAck}, {CI, kNone},  {CI, kAckMaybe}, {CI, kAnAck},
     {CI, kAnAck}, {CI, kAnAck}, {TW, kAckMaybe}, {kGone, kNone}, {CI, kAnAck},
     {CI, kNone},  {kGone, kNone}, {CI, kNone}, {CI, kNone},   {kGone, kNone}},
    // LAST-ACK
    {{LA, kAnAck}, {LA, kAnAck}, {LA, kAnAck}, {kGone, kNone}, {LA, kNone},
     {LA, kAnAck}, {LA, kAnAck}, {LA, kNone},  {LA, kAckMaybe}, {LA, kAnAck},
     {LA, kAnAck}, {LA, kAnAck}, {kGone, kAckMaybe}, {kGone, kNone}, {LA, kAnAck},
     {LA, kNone},  {kGone, kNone}, {LA, kNone}, {LA, kNone},   {kGone, kNone}},
    // TIME-WAIT: "the only thing that can arrive is a retransmission of the remote FIN"; a SYN
    // right of everything would open anew, were there a listener (there is none here).
    {{TW, kAnAck}, {TW, kAnAck}, {TW, kAnAck}, {TW, kNone},    {TW, kNone},
     {TW, kAckMaybe}, {TW, kAckMaybe}, {TW, kAckMaybe}, {TW, kAckMaybe}, {TW, kAnAck},
     {TW, kAnAck}, {TW, kAnAck}, {TW, kAnAck}, {kGone, kNone}, {TW, kNone},
     {TW, kNone},  {kGone, kNone}, {TW, kNone}, {TW, kNone},   {TW, kNone}},
};

class StatesTest {
 public:
  explicit StatesTest(so_tcp_state state) : p({}, {}), from(state) { Reach(); }

  void Reach() {
    switch (from) {
      case SO_TCP_CLOSED:
        p.ack = 12345;
        return;
      case SO_TCP_LISTEN:
        p.Listen();
        p.ack = 12345;
        return;
      case SO_TCP_SYN_SENT:
        p.StartConnect();
        p.Take();
        return;
      case SO_TCP_SYN_RECEIVED:
        p.Listen();
        p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
        p.seq++;
        p.TakeOne();
        return;
      case SO_TCP_ESTABLISHED:
        p.ActiveOpen();
        return;
      case SO_TCP_FIN_WAIT_1:
        p.ActiveOpen();
        SO_EXPECT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
        p.TakeOne();
        return;
      case SO_TCP_FIN_WAIT_2:
        p.ActiveOpen();
        SO_EXPECT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
        p.TakeOne();
        p.SendAck();
        p.ExpectNothing();
        return;
      case SO_TCP_CLOSE_WAIT:
        p.ActiveOpen();
        p.SendFin();
        p.TakeOne();
        return;
      case SO_TCP_CLOSING: {
        p.ActiveOpen();
        const uint32_t before = p.ack;
        SO_EXPECT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
        p.TakeOne();
        std::swap(p.ack, const_cast<uint32_t &>(before));
        p.SendFin();
        p.ack = before;
        p.TakeOne();
        return;
      }
      case SO_TCP_LAST_ACK:
        p.ActiveOpen();
        p.SendFin();
        p.TakeOne();
        SO_EXPECT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
        p.TakeOne();
        return;
      case SO_TCP_TIME_WAIT:
        p.ActiveOpen();
        SO_EXPECT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
        p.TakeOne();
        p.SendFin();
        p.TakeOne();
        return;
    }
  }

  bool OurFinIsOut() const {
    return from == F1 || from == CI || from == LA;
  }

  // An ACK that acknowledges nothing that was not acknowledged before.
  uint32_t OldAck() const {
    const bool syn = from == SS || from == SR;
    return p.ack - (OurFinIsOut() || syn ? 1 : 0);
  }

  void Do(Event e) {
    so_tcp_header h = p.Header(SO_TCP_FLAG_ACK);
    std::string data;
    switch (e) {
      case kSyn:
        h = p.SynHeader(SO_TCP_FLAG_SYN);
        break;
      case kSynOld:
        h = p.SynHeader(SO_TCP_FLAG_SYN);
        h.seq -= 1;
        break;
      case kSynAck:
        h = p.SynHeader(SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK);
        break;
      case kAck:
        break;
      case kAckOld:
        h.ack = OldAck();
        break;
      case kAckFuture:
        h.ack = p.ack + 100;
        break;
      case kAckAncient:
        h.ack = p.ack - 1000000;
        break;
      case kNoAck:
        h.flags = 0;
        h.ack = 0;
        data = "abc";
        break;
      case kData:
        h.ack = OldAck();
        data = "abc";
        break;
      case kDataFuture:
        h.ack = OldAck();
        h.seq += 1000000;
        data = "abc";
        break;
      case kDataOld:
        h.ack = OldAck();
        h.seq -= 1000;
        data = "abc";
        break;
      case kFin:
        h.ack = OldAck();
        h.flags |= SO_TCP_FLAG_FIN;
        h.seq -= from == TW ? 1 : 0;
        break;
      case kFinAck:
        h.flags |= SO_TCP_FLAG_FIN;
        h.seq -= from == TW ? 1 : 0;
        break;
      case kRst:
        h.flags = SO_TCP_FLAG_RST;
        break;
      case kRstWindow:
        h.flags = SO_TCP_FLAG_RST;
        h.seq += 10;
        break;
      case kRstOutside:
        h.flags = SO_TCP_FLAG_RST;
        h.seq += 1000000;
        break;
      case kRstAck:
        h.flags |= SO_TCP_FLAG_RST;
        break;
      case kCallShutdown:
      case kCallClose:
      case kCallAbort:
        Call(e);
        return;
      case kEventCount:
        return;
    }
    p.Send(h, data);
  }

  void Call(Event e) {
    if (p.c == nullptr) {
      return;
    }
    if (e == kCallShutdown) {
      SO_EXPECT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
    } else if (e == kCallClose) {
      p.Close();
    } else if (e == kCallAbort) {
      so_tcp_abort(p.host.tcp, p.c, p.host.now);
      p.c = nullptr;
    }
  }

  // The state as seen from outside, also when the handle is gone.
  so_tcp_state Now() {
    if (p.c != nullptr) {
      const so_tcp_state s = State(p.c);
      return s == TW && so_tcp_time_wait_count(p.host.tcp) == 0 ? kGone : s;
    }
    if (p.listener != nullptr) {
      if (so_ok(so_tcp_accept(p.host.tcp, p.listener, nullptr, &p.c))) {
        return State(p.c);
      }
      return so_tcp_half_open_count(p.host.tcp) != 0 ? SR : from == SR ? kGone : L;
    }
    if (so_tcp_time_wait_count(p.host.tcp) != 0) {
      return TW;
    }
    return so_tcp_connection_count(p.host.tcp) == 0 ? kGone : from;
  }

  Peer p;
  so_tcp_state from;
};

Answer Classify(const Sends &sent) {
  if (sent.empty()) {
    return kNone;
  }
  EXPECT_EQ(sent.size(), 1u);
  const uint8_t f = sent[0].h.flags;
  if ((f & SO_TCP_FLAG_RST) != 0) {
    return kReset;
  }
  if ((f & SO_TCP_FLAG_SYN) != 0) {
    return kASynAck;
  }
  return (f & SO_TCP_FLAG_FIN) != 0 ? kAFin : kAnAck;
}

TEST(TcpStatesTest, EveryStateAnswersEveryEventAsTheRfcSays) {
  for (int state = 0; state <= SO_TCP_TIME_WAIT; state++) {
    for (int event = 0; event < kEventCount; event++) {
      SCOPED_TRACE(std::string(so_tcp_state_name(static_cast<so_tcp_state>(state))) + " x " +
                   kEventNames[event]);
      StatesTest t(static_cast<so_tcp_state>(state));
      const Want want = kTable[state][event];
      t.Do(static_cast<Event>(event));
      const Answer answer = Classify(t.p.Take());
      const bool closed_by_us = event >= kCallShutdown && t.p.c == nullptr;
      const so_tcp_state now = t.Now();
      // A handle that was given up is only known to exist or not.
      const so_tcp_state expect =
          closed_by_us && want.state != kGone && want.state != TW && want.state != L &&
                  want.state != SR
              ? t.from
              : want.state;
      EXPECT_STREQ(so_tcp_state_name(now), so_tcp_state_name(expect));
      if (want.answer == kAckMaybe) {
        EXPECT_TRUE(answer == kNone || answer == kAnAck) << answer;
      } else {
        EXPECT_EQ(answer, want.answer);
      }
    }
  }
}

TEST(TcpStatesTest, SimultaneousOpenEndsEstablished) {
  Peer p;
  p.StartConnect();
  p.TakeOne();
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
  EXPECT_EQ(State(p.c), SO_TCP_SYN_RECEIVED);
  const Sent answer = p.TakeOne();
  EXPECT_EQ(answer.h.flags & 0x3f, SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK);
  EXPECT_EQ(answer.h.ack, p.seq + 1);
  p.Send(p.SynHeader(SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK));  // RFC 9293 figure 8, line 5.
  EXPECT_EQ(State(p.c), SO_TCP_ESTABLISHED);
  p.seq++;
  p.SendData("hello");
  EXPECT_EQ(p.Read(), "hello");
}

TEST(TcpStatesTest, SimultaneousCloseEndsInTimeWaitOnBothSidesAndThenNothingIsLeft) {
  Peer p;
  p.ActiveOpen();
  const uint32_t before = p.ack;
  p.Close();
  const uint32_t fin_end = p.TakeOne().h.seq + 1;
  p.ack = before;
  p.SendFin();
  EXPECT_EQ(p.TakeOne().h.ack, p.seq);
  p.ack = fin_end;
  p.SendAck();
  EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 1u);
  EXPECT_EQ(so_tcp_connection_count(p.host.tcp), 0u);
  p.host.Advance(59 * kSecond);
  EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 1u);
  p.host.Advance(2 * kSecond);
  EXPECT_EQ(so_tcp_time_wait_count(p.host.tcp), 0u);
}

TEST(TcpStatesTest, ShuttingDownBeforeTheHandshakeEndsSendsFinAfterIt) {
  for (bool simultaneous : {false, true}) {
    Peer p;
    p.StartConnect();
    p.TakeOne();
    EXPECT_EQ(p.Write("early"), 5u);
    SO_ASSERT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
    p.ExpectNothing();
    if (simultaneous) {
      p.Send(p.SynHeader(SO_TCP_FLAG_SYN));
      p.TakeOne();
      EXPECT_EQ(State(p.c), SO_TCP_SYN_RECEIVED);
    }
    p.Send(p.SynHeader(SO_TCP_FLAG_SYN | SO_TCP_FLAG_ACK));
    p.seq++;
    EXPECT_EQ(State(p.c), SO_TCP_FIN_WAIT_1);
    const Sent s = p.TakeOne();
    EXPECT_EQ(s.data, "early");
    EXPECT_NE(s.h.flags & SO_TCP_FLAG_FIN, 0);
  }
}

TEST(TcpStatesTest, AHalfClosedConnectionStillReceives) {
  Peer p;
  p.PassiveOpen();
  SO_ASSERT_OK(so_tcp_shutdown(p.host.tcp, p.c, p.host.now));
  EXPECT_EQ(p.TakeOne().h.flags & SO_TCP_FLAG_FIN, SO_TCP_FLAG_FIN);
  p.SendAck();
  p.SendData("still here");
  EXPECT_EQ(p.Read(), "still here");
  size_t n;
  SO_EXPECT_CODE(SO_CONFLICT,
                 so_tcp_write(p.host.tcp, p.c, so_str("x"), false, p.host.now, &n));
  p.SendFin();
  EXPECT_EQ(State(p.c), SO_TCP_TIME_WAIT);
}

}  // namespace
}  // namespace tcp_test
