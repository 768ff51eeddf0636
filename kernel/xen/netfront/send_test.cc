// Sending: lengths, room, the doorbell, and what the back end does not do itself.

#include "kernel/xen/netfront/netfront.h"

#include <string>
#include <vector>

#include "kernel/xen/netfront/frames.h"
#include "kernel/xen/netfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::ExpectClean;
using so_test::Get16;
using so_test::Get32;
using so_test::NetBack;
using so_test::NetFrame;
using so_test::NetRig;
using so_test::Noise;
using so_test::Segment;

TEST(Netfront, SendsEveryLength) {
  NetRig rig(3);
  SO_ASSERT_OK(rig.Connect());
  int sent = 0;
  for (const size_t len : {14u, 15u, 60u, 1514u, 4095u, 4096u, 4097u, 8192u, 40000u, 65535u}) {
    for (const size_t part : {7000u, 4096u, 65535u}) {
      const std::string bytes = Noise(len, len);
      SO_ASSERT_OK(rig.Send(bytes, {}, part));
      EXPECT_EQ(rig.released, ++sent);
      rig.back->Step();
      ASSERT_FALSE(rig.back->sent.empty()) << rig.back->complaint;
      EXPECT_TRUE(rig.back->sent.back().bytes == bytes);
      EXPECT_FALSE(rig.back->sent.back().csum_blank);
      while (rig.back->Step()) {
      }
      rig.Poll();
    }
  }
  ExpectClean(&rig);
  const std::string longest = Noise(1, 65536), shortest = Noise(1, 13);
  SO_EXPECT_CODE(SO_LIMIT, rig.Send(longest));
  SO_EXPECT_CODE(SO_LIMIT, rig.Send(shortest));
  EXPECT_EQ(rig.released, sent);
}

TEST(Netfront, NoPageIsSharedUncleared) {
  NetRig rig(3);
  SO_ASSERT_OK(rig.Connect());
  for (uint32_t ref = 8; ref < 8 + rig.xen.granted(); ref++) {
    const uint8_t *const page = rig.xen.Look(0, ref, false);
    ASSERT_NE(page, nullptr);
    const std::string junk(8, static_cast<char>(so_test::Xen::kJunk));
    EXPECT_EQ(memmem(page, SO_PAGE_LEN, junk.data(), junk.size()), nullptr);
  }
}

TEST(Netfront, SaysAgainWhenFullAndSignalsRoom) {
  NetRig rig(4, 256, 24);
  SO_ASSERT_OK(rig.Connect());
  rig.back->hold = true;
  const std::string bytes = Noise(1, 1000);
  for (int i = 0; i < 24; i++) {
    SO_ASSERT_OK(rig.Send(bytes));
  }
  SO_EXPECT_CODE(SO_AGAIN, rig.Send(bytes));
  EXPECT_EQ(rig.released, 24);
  bool woken = false;
  rig.machine.turn = [&] {
    rig.back->hold = false;
    const bool stepped = rig.back->Step();
    return rig.Poll() || stepped;
  };
  rig.machine.Spawn([&] {
    woken = so_ok(so_event_wait(rig.machine.sched(), rig.dev.ready, SO_NS_PER_S));
    SO_EXPECT_OK(rig.Send(bytes));
  });
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_TRUE(woken);
  EXPECT_EQ(rig.net.stats.sent_refused, 1u);
  ExpectClean(&rig);
}

TEST(Netfront, ARefusedSenderHearsOfTheNextAnswer) {
  NetRig rig(4, 256, 24);
  SO_ASSERT_OK(rig.Connect());
  rig.back->hold = true;
  for (int i = 0; i < 24; i++) {
    SO_ASSERT_OK(rig.Send(Noise(1, 100)));
  }
  (void)rig.Poll();
  rig.back->Step();
  const int before = rig.back->notified;
  SO_EXPECT_CODE(SO_AGAIN, rig.Send(Noise(1, 100)));
  rig.back->AnswerTx(rig.back->ids[7], 0);
  EXPECT_EQ(rig.back->notified, before + 1);
  (void)rig.Poll();
  SO_EXPECT_OK(rig.Send(Noise(1, 100)));
}

TEST(Netfront, FramesWaitForTheDoorbell) {
  NetRig rig(5);
  SO_ASSERT_OK(rig.Connect());
  rig.ring = false;
  const int before = rig.doorbells;
  for (uint64_t i = 0; i < 31; i++) {
    SO_ASSERT_OK(rig.Send(Noise(i, 100)));
  }
  EXPECT_FALSE(rig.back->Step());
  so_netdev_flush(&rig.dev);
  EXPECT_EQ(rig.doorbells, before + 1);
  rig.back->Step();
  EXPECT_EQ(rig.back->sent.size(), 31u);
  for (uint64_t i = 0; i < 33; i++) {
    SO_ASSERT_OK(rig.Send(Noise(i, 100)));
  }
  EXPECT_EQ(rig.doorbells, before + 2);  // Many do not.
  rig.back->Step();
  EXPECT_EQ(rig.back->sent.size(), 31u + 32);
  (void)rig.Poll();  // Nor does a turn of the loop.
  EXPECT_EQ(rig.doorbells, before + 3);
  rig.back->Step();
  EXPECT_EQ(rig.back->sent.size(), 31u + 33);
}

TEST(Netfront, NoGrantIsMadeWhileFramesFlow) {
  NetRig rig(5);
  SO_ASSERT_OK(rig.Connect());
  const uint64_t before = rig.xen.grants_made + rig.xen.ends_made;
  for (uint64_t i = 0; i < 1000; i++) {
    SO_ASSERT_OK(rig.Send(Noise(i, 1514)));
    NetFrame f;
    f.bytes = Noise(i, 1514);
    ASSERT_TRUE(rig.back->Deliver(f));
    std::string got;
    so_offload o;
    SO_ASSERT_OK(rig.Receive(&got, &o));
    EXPECT_TRUE(got == f.bytes);
    rig.back->Step();
    rig.Poll();
  }
  EXPECT_EQ(rig.xen.grants_made + rig.xen.ends_made, before);
  ExpectClean(&rig);
}

// --- offloads -------------------------------------------------------------------------------

TEST(Netfront, LeavesChecksumsToABackEndThatFindsThem) {
  NetRig rig(6);
  SO_ASSERT_OK(rig.Connect());
  for (const int family : {4, 6}) {
    for (const int protocol : {6, 17, 58}) {
      for (const bool vlan : {false, true}) {
        Segment s;
        s.family = family;
        s.protocol = static_cast<uint8_t>(protocol);
        s.vlan = vlan;
        const std::string bytes = s.Make();
        SO_ASSERT_OK(rig.Send(bytes, s.Offload()));
        rig.back->Step();
        const NetFrame &f = rig.back->sent.back();
        // ICMPv6 is none that netif.h knows of: a back end would drop the frame.
        EXPECT_EQ(f.csum_blank, protocol != 58);
        EXPECT_EQ(f.validated, protocol != 58);
        if (protocol == 58) {
          EXPECT_TRUE(s.IsRight(f.bytes));
        } else {
          EXPECT_TRUE(f.bytes == bytes);
        }
      }
    }
  }
  ExpectClean(&rig);
}

TEST(Netfront, CompletesChecksumsThatTheBackEndDoesNot) {
  NetRig rig(7);
  NetBack::Offer offer;
  offer.csum4 = offer.csum6 = false;
  SO_ASSERT_OK(rig.Connect(offer));
  EXPECT_TRUE(rig.dev.tx_csum);
  for (const int family : {4, 6}) {
    for (const int protocol : {6, 17}) {
      for (const size_t len : {0u, 1u, 100u, 1401u, 4020u, 4043u, 9001u}) {
        Segment s;
        s.family = family;
        s.protocol = static_cast<uint8_t>(protocol);
        s.payload_len = len;
        s.seed = len;
        SO_ASSERT_OK(rig.Send(s.Make(), s.Offload(), 33));
        rig.back->Step();
        rig.Poll();
        const NetFrame &f = rig.back->sent.back();
        EXPECT_FALSE(f.csum_blank);
        EXPECT_TRUE(s.IsRight(f.bytes)) << family << " " << protocol << " " << len;
      }
    }
  }
  EXPECT_EQ(rig.net.stats.sent_summed, 28u);
  ExpectClean(&rig);
}

// A fragment's checksum covers bytes that are elsewhere: never left to the back end.
TEST(Netfront, CompletesChecksumsInFragments) {
  NetRig rig(8);
  SO_ASSERT_OK(rig.Connect());
  Segment s;
  std::string bytes = s.Make();
  so_test::Put16(&bytes, 14 + 6, 0x2000);
  SO_ASSERT_OK(rig.Send(bytes, s.Offload()));
  rig.back->Step();
  EXPECT_FALSE(rig.back->sent.back().csum_blank);
}

TEST(Netfront, AZeroSumOfUdpIsSentAsAllOnes) {
  NetRig rig(9);
  NetBack::Offer offer;
  offer.csum4 = false;
  SO_ASSERT_OK(rig.Connect(offer));
  Segment s;
  s.protocol = 17;
  std::string bytes = s.Make();
  // The last word makes the sum all ones, so that its complement is zero.
  so_test::Put16(&bytes, bytes.size() - 2, 0);
  so_test::Put16(&bytes, bytes.size() - 2, static_cast<uint16_t>(~so_test::Sum(bytes.substr(34))));
  SO_ASSERT_OK(rig.Send(bytes, s.Offload()));
  rig.back->Step();
  EXPECT_EQ(Get16(rig.back->sent.back().bytes, 40), 0xffff);
}

TEST(Netfront, SendsLargeSegments) {
  NetRig rig(10);
  SO_ASSERT_OK(rig.Connect());
  for (const int family : {4, 6}) {
    Segment s;
    s.family = family;
    s.payload_len = 65000;
    const std::string bytes = s.Make();
    SO_ASSERT_OK(rig.Send(bytes, s.Offload(family == 4 ? SO_GSO_TCP4 : SO_GSO_TCP6, 1448)));
    rig.back->Step();
    const NetFrame &f = rig.back->sent.back();
    EXPECT_TRUE(f.bytes == bytes);
    EXPECT_TRUE(f.csum_blank);
    EXPECT_EQ(f.gso, family == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6);
    EXPECT_EQ(f.gso_size, 1448);
  }
  rig.back->eager = true;
  rig.back->Step();
  rig.Poll();
  EXPECT_EQ(rig.net.tx_extras, 0u);
  EXPECT_EQ(rig.net.tx_pages.free_count, 256u);
  ExpectClean(&rig);
}

void ExpectCut(NetRig *rig, const Segment &s, const std::string &whole, size_t mss) {
  std::string payload;
  const size_t t = s.transport();
  const size_t count = (s.payload_len + mss - 1) / mss;
  ASSERT_EQ(rig->back->sent.size(), count);
  for (size_t i = 0; i < count; i++) {
    const NetFrame &f = rig->back->sent[i];
    EXPECT_EQ(f.gso, XEN_NETIF_GSO_TYPE_NONE);
    ASSERT_GT(f.bytes.size(), s.header_len());
    EXPECT_LE(f.bytes.size() - s.header_len(), mss);
    EXPECT_EQ(Get32(f.bytes, t + 4), static_cast<uint32_t>(s.sequence + i * mss));
    const uint8_t flags = static_cast<uint8_t>(f.bytes[t + 13]);
    EXPECT_EQ(flags & 0x09, i + 1 == count ? s.tcp_flags & 0x09 : 0);  // FIN, PSH.
    EXPECT_EQ(flags & 0x80, i == 0 ? s.tcp_flags & 0x80 : 0);          // CWR.
    if (f.csum_blank) {
      EXPECT_EQ(Get16(f.bytes, t + 16), s.PseudoSum(f.bytes));
    } else {
      EXPECT_TRUE(s.IsRight(f.bytes)) << i;
    }
    if (s.family == 4) {
      EXPECT_EQ(Get16(f.bytes, s.network() + 2), f.bytes.size() - s.network());
      EXPECT_EQ(Get16(f.bytes, s.network() + 4),
                static_cast<uint16_t>(Get16(whole, s.network() + 4) + i));
      EXPECT_EQ(so_test::Sum(f.bytes.substr(s.network(), 20)), 0xffff);
    } else {
      EXPECT_EQ(Get16(f.bytes, s.network() + 4), f.bytes.size() - t);
    }
    payload += f.bytes.substr(s.header_len());
  }
  EXPECT_TRUE(payload == whole.substr(s.header_len()));
}

TEST(Netfront, CutsWhatTheBackEndDoesNot) {
  for (const int family : {4, 6}) {
    for (const bool csum : {true, false}) {
      for (const size_t len : {1u, 1448u, 1449u, 40001u, 65400u}) {
        NetRig rig(11);
        SO_ASSERT_OK(rig.Connect());  // Opened over one that can.
        rig.Disconnect(SO_FRONT_CLOSED);
        NetBack::Offer offer;
        offer.tso4 = offer.tso6 = offer.sg = false;
        offer.csum4 = offer.csum6 = csum;
        SO_ASSERT_OK(rig.Connect(offer));
        Segment s;
        s.family = family;
        s.payload_len = len;
        s.tcp_flags = 0x99;
        s.vlan = len % 2 == 0;
        const std::string bytes = s.Make();
        SO_ASSERT_OK(rig.Send(bytes, s.Offload(family == 4 ? SO_GSO_TCP4 : SO_GSO_TCP6, 1448)));
        rig.back->Step();
        ExpectCut(&rig, s, bytes, 1448);
        ExpectClean(&rig);
      }
    }
  }
}

// 64 KiB of IP packet and an Ethernet header are more than netif.h can say.
TEST(Netfront, CutsWhatIsTooLongForTheRing) {
  NetRig rig(12);
  SO_ASSERT_OK(rig.Connect());
  Segment s;
  s.payload_len = 65535 + 14 - s.header_len();
  const std::string bytes = s.Make();
  SO_ASSERT_OK(rig.Send(bytes, s.Offload(SO_GSO_TCP4, 8948)));
  rig.back->Step();
  ExpectCut(&rig, s, bytes, 8948);
}

TEST(Netfront, RefusesLargeSegmentsThatMakeNoSense) {
  NetRig rig(13);
  NetBack::Offer offer;
  offer.tso4 = false;
  SO_ASSERT_OK(rig.Connect(offer));
  Segment s;
  s.payload_len = 30000;
  const std::string bytes = s.Make();
  const so_offload good = s.Offload(SO_GSO_TCP4, 1448);
  std::vector<so_offload> all(8, good);
  all[0].gso_size = 0;
  all[1].needs_csum = false;
  all[2].header_len = 0;
  all[3].header_len = 30;
  all[4].header_len = 257;
  all[5].csum_start = 20;
  all[6].gso = SO_GSO_TCP6;
  all[7].gso_size = 10;  // More segments than there are slots.
  for (size_t i = 0; i < all.size(); i++) {
    if (i == 6) {
      continue;  // Offered by this back end; what is inside is its business.
    }
    SO_EXPECT_CODE(SO_LIMIT, rig.Send(bytes, all[i]));
  }
  so_offload beyond = {};
  beyond.needs_csum = true;
  beyond.csum_start = 30000;
  beyond.csum_offset = 200;
  SO_EXPECT_CODE(SO_LIMIT, rig.Send(bytes, beyond));
  EXPECT_EQ(rig.net.tx_pages.free_count, 256u);
  ExpectClean(&rig);
}

}  // namespace
