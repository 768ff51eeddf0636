// Thousands of seeds: frames of all kinds both ways while back ends come, go, keep pages mapped and
// lie. A seed is printed when it fails; run it alone with --gtest_filter and SEED=n.

#include <stdlib.h>

#include <deque>

#include "kernel/xen/netfront/frames.h"
#include "kernel/xen/netfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::NetBack;
using so_test::NetFrame;
using so_test::NetRig;
using so_test::Segment;

class Life {
 public:
  Life(uint64_t seed, bool hostile)
      : rng_(seed),
        hostile_(hostile),
        rig_(seed, Pages(), Pages()) {}

  void Run() {
    SO_ASSERT_OK(rig_.Connect(Offer()));
    const uint64_t steps = 20 + R(100);
    for (uint64_t i = 0; i < steps && !testing::Test::HasFatalFailure(); i++) {
      Step();
    }
    Finish();
  }

 private:
  uint64_t R(uint64_t n) { return so_sim_next(&rng_) % n; }
  uint32_t Pages() {
    return static_cast<uint32_t>(R(10) == 0 ? 256 : SO_NETFRONT_PAGES_MIN + R(50));
  }
  NetBack::Offer Offer() {
    NetBack::Offer o;
    if (R(2) == 0) {
      o.csum4 = R(2) == 0;
      o.csum6 = R(2) == 0;
      o.tso4 = R(2) == 0;
      o.tso6 = R(2) == 0;
      o.sg = R(4) != 0;
    }
    offer_ = o;
    return o;
  }

  void Step() {
    switch (R(hostile_ ? 12 : 10)) {
      case 0:
      case 1:
      case 2: return Send();
      case 3:
      case 4: return Deliver();
      case 5:
      case 6: return Receive();
      case 7: (void)rig_.back->Step(); return;
      case 8: return Poll();
      case 9:
        rig_.back->hold = R(3) == 0;
        rig_.back->eager = R(3) == 0;
        if (R(4) == 0) {
          Reconnect(SO_FRONT_LOST, R(4) != 0);
        }
        return;
      default: return Lie();
    }
  }

  Segment SomeSegment(size_t len_max) {
    Segment s;
    s.family = R(2) == 0 ? 4 : 6;
    s.protocol = R(3) == 0 ? 17 : 6;
    s.vlan = R(5) == 0;
    s.payload_len = R(len_max);
    s.seed = R(1000);
    return s;
  }

  void Send() {
    const bool large = R(3) == 0;
    Segment s = SomeSegment(large ? 60000 : 1400);
    so_offload o = {};
    if (large) {
      s.protocol = 6;
      s.payload_len += 1;
      o = s.Offload(s.family == 4 ? SO_GSO_TCP4 : SO_GSO_TCP6, static_cast<uint16_t>(536 + R(3000)));
    } else if (R(2) == 0) {
      o = s.Offload();
    }
    const std::string bytes = s.Make();
    const int released = rig_.released;
    const so_status st = rig_.Send(bytes, o, 1 + R(5000));
    EXPECT_EQ(rig_.released, released + so_ok(st));
    if (so_ok(st) && rig_.net.state == SO_NETFRONT_CONNECTED && !lied_) {
      expected_.push_back({s, bytes, o});
    }
    if (!so_ok(st)) {
      EXPECT_TRUE(so_is(st, SO_AGAIN) || so_is(st, SO_LIMIT));
    }
    (void)rig_.back->Step();
    CheckSent();
  }

  // Everything taken by the back end since, in order, and as it should be.
  void CheckSent() {
    if (lied_) {
      rig_.back->sent.clear();
      expected_.clear();
      return;
    }
    ASSERT_EQ(rig_.back->complaint, "");
    while (!rig_.back->sent.empty()) {
      ASSERT_FALSE(expected_.empty());
      const Sent want = expected_.front();
      const NetFrame f = rig_.back->sent.front();
      const bool whole = f.bytes.size() == want.bytes.size();
      if (f.gso != XEN_NETIF_GSO_TYPE_NONE || (whole && f.csum_blank) || !want.o.needs_csum) {
        ASSERT_TRUE(f.bytes == want.bytes);
        rig_.back->sent.pop_front();
      } else if (whole && want.o.gso == SO_GSO_NONE) {
        ASSERT_TRUE(want.s.IsRight(f.bytes));
        rig_.back->sent.pop_front();
      } else {
        CheckCut(want);
      }
      expected_.pop_front();
    }
  }

  struct Sent {
    Segment s;
    std::string bytes;
    so_offload o;
  };
  void CheckCut(const Sent &want) {
    std::string payload;
    const size_t header = want.s.header_len();
    while (payload.size() < want.s.payload_len) {
      ASSERT_FALSE(rig_.back->sent.empty());
      const NetFrame f = rig_.back->sent.front();
      rig_.back->sent.pop_front();
      ASSERT_GT(f.bytes.size(), header);
      ASSERT_LE(f.bytes.size() - header, want.o.gso_size);
      ASSERT_TRUE(f.csum_blank || want.s.IsRight(f.bytes));
      payload += f.bytes.substr(header);
    }
    ASSERT_TRUE(payload == want.bytes.substr(header));
  }

  void Deliver() {
    const bool large = R(3) == 0;
    const Segment s = SomeSegment(large ? 60000 : 1400);
    NetFrame f;
    f.bytes = s.Make();
    f.csum_blank = R(2) == 0;
    f.validated = f.csum_blank || R(2) == 0;
    if (large && s.protocol == 6) {
      f.gso = s.family == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
      f.gso_size = 1448;
    }
    if (rig_.back->attached() && rig_.back->Deliver(f)) {
      delivered_.push_back(f);
    }
  }

  void Receive() {
    for (uint64_t i = R(10); i-- != 0;) {
      std::string got;
      so_offload o;
      const so_status s = rig_.Receive(&got, &o, 1 + R(5000), 17);
      if (so_is(s, SO_AGAIN)) {
        EXPECT_TRUE(lied_ || delivered_.empty());
        break;
      }
      if (lied_) {
        continue;
      }
      ASSERT_FALSE(delivered_.empty());
      const NetFrame f = delivered_.front();
      delivered_.pop_front();
      if (so_is(s, SO_LIMIT)) {
        continue;
      }
      SO_ASSERT_OK(s);
      ASSERT_TRUE(got == f.bytes);
      EXPECT_EQ(o.csum_valid, f.validated);
      EXPECT_EQ(o.gso_size, f.gso_size);
    }
    Poll();
  }

  void Poll() {
    (void)rig_.Poll();
    if (rig_.Broken()) {
      ASSERT_TRUE(lied_) << rig_.why;
      breaks++;
      Reconnect(SO_FRONT_LOST, R(4) != 0);
    }
  }

  void Reconnect(so_front_loss how, bool unmap) {
    if (rig_.net.state != SO_NETFRONT_DOWN) {
      rig_.Disconnect(how, unmap);
    }
    expected_.clear();
    delivered_.clear();
    lied_ = false;
    if (!so_ok(rig_.Connect(Offer(), static_cast<uint16_t>(R(3))))) {
      // It has kept too much; the machine moves elsewhere.
      rig_.xen.Resume();
      SO_ASSERT_OK(rig_.Connect(Offer()));
    }
  }

  void Lie() {
    if (!rig_.back->attached()) {
      return;
    }
    lied_ = true;
    auto *const tx = reinterpret_cast<uint32_t *>(rig_.back->tx_shared());
    auto *const rx = reinterpret_cast<uint32_t *>(rig_.back->rx_shared());
    const auto word = static_cast<uint32_t>(so_sim_next(&rng_));
    switch (R(9)) {
      case 0: tx[R(1024)] = word; return;
      case 1: rx[R(1024)] = word; return;
      case 2: tx[R(4)] += static_cast<uint32_t>(R(20)) - 10; return;
      case 3: rx[R(4)] += static_cast<uint32_t>(R(20)) - 10; return;
      case 4:
        if (rig_.back->FreeSlots() != 0) {
          rig_.back->AnswerRx(static_cast<uint16_t>(rig_.back->NextRxId() + (R(4) == 0)),
                              static_cast<uint16_t>(R(5000)), static_cast<uint16_t>(R(32)),
                              static_cast<int16_t>(word));
        }
        return;
      case 5:
        if (!rig_.back->ids.empty()) {
          rig_.back->AnswerTx(rig_.back->ids[R(rig_.back->ids.size())],
                              static_cast<int16_t>(R(6)) - 3);
        }
        return;
      case 6:
        for (uint64_t n = R(100); n-- != 0 && rig_.back->FreeSlots() != 0;) {
          rig_.back->AnswerRx(rig_.back->NextRxId(), 0, static_cast<uint16_t>(R(16)), 100);
        }
        return;
      case 7: rig_.back->silent = true; return;
      default:
        for (int i = 0; i < 50; i++) {
          rx[16 + R(1008)] = static_cast<uint32_t>(so_sim_next(&rng_));
        }
    }
  }

  void Finish() {
    Reconnect(SO_FRONT_LOST, true);
    rig_.xen.Resume();
    Reconnect(SO_FRONT_SUSPENDED, true);
    rig_.back->eager = true;
    for (int i = 0; i < 20; i++) {
      Send();
      Deliver();
      Receive();
      Poll();
    }
    EXPECT_FALSE(rig_.Broken()) << rig_.why;
    EXPECT_EQ(rig_.xen.misuse, "");
    EXPECT_EQ(rig_.net.tx_pages.aside + rig_.net.rx_pages.aside, 0u);
  }

  uint64_t rng_;
  bool hostile_;
  NetRig rig_;
  NetBack::Offer offer_;
  bool lied_ = false;
  std::deque<Sent> expected_;
  std::deque<NetFrame> delivered_;

 public:
  int breaks = 0;
};

int RunSeeds(bool hostile, uint64_t count) {
  const char *const one = getenv("SEED");
  int breaks = 0;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t seed = one != nullptr ? strtoull(one, nullptr, 10) : i + 1;
    SCOPED_TRACE("SEED=" + std::to_string(seed));
    Life life(seed, hostile);
    life.Run();
    breaks += life.breaks;
    if (testing::Test::HasFailure() || one != nullptr) {
      break;
    }
  }
  return breaks;
}

TEST(NetSim, HonestBackEnds) { EXPECT_EQ(RunSeeds(false, 1000), 0); }

TEST(NetSim, HostileBackEnds) {
  const int breaks = RunSeeds(true, 1500);
  if (getenv("SEED") == nullptr) {
    EXPECT_GT(breaks, 400);  // The lies are found.
  }
}

// A machine that sleeps unless it was notified, and a back end that looks only when it was: nothing may
// wait for a notification that does not come.
TEST(NetSim, NoWakeUpIsLost) {
  for (uint64_t seed = 1; seed <= 150; seed++) {
    SCOPED_TRACE(seed);
    NetRig rig(seed, 24, 24);
    uint64_t rng = seed;
    const auto r = [&rng](uint64_t n) { return so_sim_next(&rng) % n; };
    SO_ASSERT_OK(rig.Connect());
    rig.back->only_when_kicked = true;
    constexpr uint64_t kFrames = 60;
    uint64_t delivered = 0, received = 0, sent = 0;
    int seen = 0;
    bool slept = false;
    const uint64_t start = rig.machine.now();
    rig.machine.Spawn([&] {
      while (sent < kFrames) {
        const so_status s = rig.Send(so_test::Noise(sent, 60 + r(20000)));
        sent += so_ok(s);
        if (so_is(s, SO_AGAIN)) {
          (void)!so_ok(so_event_wait(rig.machine.sched(), rig.dev.ready, SO_NEVER));
        }
      }
    });
    rig.machine.Spawn([&] {
      std::string got;
      so_offload o;
      while (received < kFrames) {
        const so_status s = rig.Receive(&got, &o);
        received += so_ok(s);
        if (so_is(s, SO_AGAIN)) {
          (void)!so_ok(so_event_wait(rig.machine.sched(), rig.dev.ready, SO_NEVER));
        }
      }
    });
    rig.machine.turn = [&] {
      // One turn after fibers ran; then only after an event.
      bool any = false;
      if (!slept || rig.back->notified != seen) {
        seen = rig.back->notified;
        any = rig.Poll();
      }
      slept = !any;
      bool worked = r(2) == 0 && rig.back->Step();
      if (delivered < kFrames && r(2) == 0 && rig.back->CanDeliver(20)) {
        NetFrame f;
        f.bytes = so_test::Noise(delivered, 60 + r(60000));
        worked = rig.back->Deliver(f) || worked;
        delivered += worked;
      }
      return true;
    };
    // Every stuck run would take all its turns.
    ASSERT_TRUE(rig.machine.Run(20000)) << sent << " " << delivered << " " << received;
    EXPECT_EQ(rig.machine.now(), start);
    EXPECT_EQ(rig.back->complaint, "");
  }
}

}  // namespace
