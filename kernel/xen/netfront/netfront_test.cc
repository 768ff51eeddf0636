#include "kernel/xen/netfront/netfront.h"

#include <functional>
#include <set>

#include "kernel/xen/netfront/frames.h"
#include "kernel/xen/netfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::Get16;
using so_test::Get32;
using so_test::NetBack;
using so_test::NetFrame;
using so_test::NetRig;
using so_test::Noise;
using so_test::Segment;

// What the front end copied, the back end checked.
void ExpectClean(NetRig *rig) {
  EXPECT_EQ(rig->back->complaint, "");
  EXPECT_EQ(rig->xen.misuse, "");
  EXPECT_FALSE(rig->Broken()) << rig->why;
}

TEST(Netfront, SlotsAreThoseOfXen) {
  EXPECT_EQ(sizeof(union netif_tx_sring_entry), 12u);
  EXPECT_EQ(sizeof(union netif_rx_sring_entry), 8u);
}

TEST(Netfront, PublishesAndConnects) {
  NetRig rig(1);
  SO_ASSERT_OK(rig.Connect());
  EXPECT_TRUE(rig.front.connected_at_publish);
  for (const char *key : {"request-rx-copy", "feature-rx-notify", "feature-sg", "feature-gso-tcpv4",
                          "feature-gso-tcpv6", "feature-ipv6-csum-offload"}) {
    EXPECT_EQ(rig.front_keys.values[key], "1") << key;
  }
  EXPECT_EQ(rig.front_keys.values["event-channel"], "17");
  EXPECT_FALSE(rig.front_keys.Has("feature-no-csum-offload"));
  const uint8_t mac[] = {0x00, 0x16, 0x3e, 0x12, 0x34, 0x56};
  EXPECT_EQ(memcmp(rig.dev.mac, mac, 6), 0);
  EXPECT_EQ(rig.dev.mtu, 1500);
  EXPECT_TRUE(rig.dev.tx_csum && rig.dev.tx_tso4 && rig.dev.tx_tso6 && rig.dev.rx_gso);
  EXPECT_EQ(rig.back->FreeSlots(), 256u);
  EXPECT_EQ(rig.doorbells, 1);
  EXPECT_EQ(rig.xen.granted(), 2u + 256 + 256);
}

TEST(Netfront, RefusesWhatItCannotUse) {
  NetRig rig(1);
  NetBack::Offer flip;
  flip.copy = false;
  SO_EXPECT_CODE(SO_UNSUPPORTED, rig.Connect(flip));
  EXPECT_NE(strstr(rig.why, "feature-rx-copy"), nullptr);
  for (const char *mac : {"", "00:16:3e:12:34", "00-16-3e-12-34-56", "01:16:3e:12:34:56",
                          "00:16:3e:12:34:5g", "00:16:3e:12:34:56:78"}) {
    rig.front_keys.values["mac"] = mac;
    SO_EXPECT_CODE(SO_MALFORMED, rig.Connect());
    EXPECT_NE(strstr(rig.why, "mac"), nullptr);
  }
  so_netdev dev;
  SO_EXPECT_CODE(SO_CONFLICT, so_netfront_open(&rig.net, &dev));
  rig.front_keys.values["mac"] = "00:16:3e:12:34:56";
  rig.xen.page_max = 30;
  SO_EXPECT_CODE(SO_LIMIT, rig.Connect());
  EXPECT_EQ(rig.xen.granted(), 0u);
  rig.xen.page_max = 10000;
  rig.xen.ref_max = 40;
  SO_EXPECT_CODE(SO_LIMIT, rig.Connect());
  EXPECT_EQ(rig.xen.granted(), 0u);
  rig.xen.ref_max = 10000;
  SO_EXPECT_OK(rig.Connect());
  EXPECT_EQ(rig.xen.misuse, "");
}

TEST(Netfront, TakesFewerPagesIfMoreAreNotToBeHad) {
  NetRig rig(1);
  rig.xen.page_max = 2 + 256 + 100;
  SO_ASSERT_OK(rig.Connect());
  EXPECT_EQ(rig.back->FreeSlots(), 100u);
}

TEST(Netfront, MtuFromTheStore) {
  const struct {
    const char *text;
    bool sg;
    int want;
  } cases[] = {{"9000", true, 9000}, {"9000", false, 4078}, {"1400", true, 1400},
               {"67", true, 1500},   {"65535", true, 1500}, {"-1", true, 1500}};
  for (const auto &c : cases) {
    NetRig rig(1);
    rig.front_keys.values["mtu"] = c.text;
    NetBack::Offer offer;
    offer.sg = c.sg;
    SO_ASSERT_OK(rig.Connect(offer));
    EXPECT_EQ(rig.dev.mtu, c.want) << c.text;
    EXPECT_EQ(rig.dev.tx_tso4, c.sg);
  }
}

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

// --- receiving ------------------------------------------------------------------------------

TEST(Netfront, ReceivesEveryLength) {
  NetRig rig(14);
  SO_ASSERT_OK(rig.Connect());
  for (const size_t len : {14u, 60u, 1514u, 4096u, 4097u, 20000u, 65549u}) {
    for (int i = 0; i < 20; i++) {
      NetFrame f;
      f.bytes = Noise(len + static_cast<size_t>(i), len);
      f.validated = i % 2 == 0;
      ASSERT_TRUE(rig.back->Deliver(f));
      std::string got;
      so_offload o;
      SO_ASSERT_OK(rig.Receive(&got, &o));
      EXPECT_TRUE(got == f.bytes);
      EXPECT_EQ(o.csum_valid, f.validated);
      EXPECT_FALSE(o.needs_csum);
      SO_EXPECT_CODE(SO_AGAIN, rig.Receive(&got, &o));
    }
  }
  EXPECT_EQ(rig.back->FreeSlots(), 256u);
  ExpectClean(&rig);
}

TEST(Netfront, FindsTheChecksumThatIsBlank) {
  NetRig rig(15);
  SO_ASSERT_OK(rig.Connect());
  for (const int family : {4, 6}) {
    for (const int protocol : {6, 17, 1}) {
      for (const bool vlan : {false, true}) {
        Segment s;
        s.family = family;
        s.protocol = static_cast<uint8_t>(protocol);
        s.vlan = vlan;
        NetFrame f;
        f.bytes = s.Make();
        f.csum_blank = f.validated = true;
        ASSERT_TRUE(rig.back->Deliver(f));
        std::string got;
        so_offload o;
        SO_ASSERT_OK(rig.Receive(&got, &o));
        EXPECT_TRUE(o.csum_valid);
        EXPECT_EQ(o.needs_csum, protocol != 1);
        if (protocol != 1) {
          EXPECT_EQ(o.csum_start, s.transport());
          EXPECT_EQ(o.csum_offset, s.csum_offset());
        }
      }
    }
  }
}

TEST(Netfront, ReceivesLargeSegments) {
  NetRig rig(16);
  SO_ASSERT_OK(rig.Connect());
  for (const int family : {4, 6}) {
    for (uint64_t seed = 0; seed < 50; seed++) {
      Segment s;
      s.family = family;
      s.payload_len = 2000 + seed * 1200;
      s.seed = seed;
      NetFrame f;
      f.bytes = s.Make();
      f.csum_blank = f.validated = true;
      f.gso = family == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
      f.gso_size = 1448;
      ASSERT_TRUE(rig.back->Deliver(f));
      std::string got;
      so_offload o;
      SO_ASSERT_OK(rig.Receive(&got, &o));
      EXPECT_TRUE(got == f.bytes);
      EXPECT_EQ(o.gso, family == 4 ? SO_GSO_TCP4 : SO_GSO_TCP6);
      EXPECT_EQ(o.gso_size, 1448);
      EXPECT_EQ(o.header_len, s.header_len());
      EXPECT_TRUE(o.needs_csum);
    }
  }
  ExpectClean(&rig);
}

TEST(Netfront, DropsWhatDoesNotFit) {
  NetRig rig(17);
  SO_ASSERT_OK(rig.Connect());
  NetFrame f;
  f.bytes = Noise(1, 1515);
  std::string got;
  so_offload o;
  ASSERT_TRUE(rig.back->Deliver(f));
  SO_EXPECT_CODE(SO_LIMIT, rig.Receive(&got, &o, 757, 2));
  f.bytes = Noise(1, 1514);
  ASSERT_TRUE(rig.back->Deliver(f));
  SO_EXPECT_OK(rig.Receive(&got, &o, 757, 2));
  EXPECT_TRUE(got == f.bytes);
  EXPECT_EQ(rig.net.stats.received_too_long, 1u);
}

TEST(Netfront, SkipsWhatTheBackEndCallsAnError) {
  NetRig rig(18);
  SO_ASSERT_OK(rig.Connect());
  std::string got;
  so_offload o;
  rig.back->AnswerRx(rig.back->NextRxId(), 0, 0, NETIF_RSP_ERROR);
  rig.back->AnswerRx(rig.back->NextRxId(), 0, 0, 13);  // No Ethernet header.
  rig.back->AnswerRx(rig.back->NextRxId(), 0, 0, 0);
  rig.back->AnswerRx(rig.back->NextRxId(), 0, NETRXF_more_data, NETIF_RSP_DROPPED);
  rig.back->AnswerRx(rig.back->NextRxId(), 0, 0, 4096);
  NetFrame f;
  f.bytes = Noise(1, 100);
  ASSERT_TRUE(rig.back->Deliver(f));
  SO_EXPECT_OK(rig.Receive(&got, &o));
  EXPECT_TRUE(got == f.bytes);
  EXPECT_EQ(rig.net.stats.received_errors, 4u);
  ExpectClean(&rig);
}

TEST(Netfront, OthersGetTheirTurnAmongErrorsWithoutEnd) {
  NetRig rig(18);
  SO_ASSERT_OK(rig.Connect());
  std::string got;
  so_offload o;
  while (rig.back->FreeSlots() != 0) {
    rig.back->AnswerRx(rig.back->NextRxId(), 0, 0, NETIF_RSP_ERROR);
  }
  SO_EXPECT_CODE(SO_AGAIN, rig.Receive(&got, &o));
  EXPECT_EQ(rig.net.stats.received_errors, 256u);
  EXPECT_TRUE(rig.Poll());  // There may be more.
}

TEST(Netfront, WaitsForTheRestOfAFrame) {
  NetRig rig(19);
  SO_ASSERT_OK(rig.Connect());
  std::string got;
  so_offload o;
  rig.back->AnswerRx(rig.back->NextRxId(), 0, NETRXF_more_data, 4096);
  EXPECT_TRUE(rig.Poll());
  SO_EXPECT_CODE(SO_AGAIN, rig.Receive(&got, &o));
  EXPECT_FALSE(rig.Poll());
  const int before = rig.back->notified;
  rig.back->AnswerRx(rig.back->NextRxId(), 0, 0, 10);
  EXPECT_EQ(rig.back->notified, before + 1);  // The rest was asked for.
  EXPECT_TRUE(rig.Poll());
  SO_EXPECT_OK(rig.Receive(&got, &o));
  EXPECT_EQ(got.size(), 4106u);
}

TEST(Netfront, AFrameOfTooManySlotsIsDroppedWhole) {
  NetRig rig(20);
  SO_ASSERT_OK(rig.Connect());
  std::string got;
  so_offload o;
  for (int i = 0; i < 40; i++) {
    rig.back->AnswerRx(rig.back->NextRxId(), 0, i == 39 ? 0 : NETRXF_more_data, 1);
  }
  SO_EXPECT_CODE(SO_LIMIT, rig.Receive(&got, &o));
  NetFrame f;
  f.bytes = Noise(1, 100);
  ASSERT_TRUE(rig.back->Deliver(f));
  SO_EXPECT_OK(rig.Receive(&got, &o));
  EXPECT_TRUE(got == f.bytes);
  ExpectClean(&rig);
}

// --- coming and going -----------------------------------------------------------------------

TEST(Netfront, WithoutABackEndFramesAreSwallowed) {
  NetRig rig(21);
  SO_ASSERT_OK(rig.Connect());
  rig.back->hold = true;
  SO_EXPECT_OK(rig.Send(Noise(1, 100)));
  rig.back->Step();
  rig.Disconnect(SO_FRONT_LOST);
  EXPECT_EQ(rig.xen.granted(), 0u);
  EXPECT_EQ(rig.net.stats.lost, 1u);
  SO_EXPECT_OK(rig.Send(Noise(1, 100)));
  EXPECT_EQ(rig.released, 2);
  EXPECT_EQ(rig.net.stats.sent_while_down, 1u);
  std::string got;
  so_offload o;
  SO_EXPECT_CODE(SO_AGAIN, rig.Receive(&got, &o));
  SO_ASSERT_OK(rig.Connect({}, 5));  // In another domain.
  SO_EXPECT_OK(rig.Send(Noise(2, 100)));
  rig.back->Step();
  EXPECT_EQ(rig.back->sent.back().bytes, Noise(2, 100));
  ExpectClean(&rig);
}

TEST(Netfront, FailedIsForGood) {
  NetRig rig(22);
  SO_ASSERT_OK(rig.Connect());
  bool woken = false;
  rig.machine.Spawn([&] {
    woken = so_ok(so_event_wait(rig.machine.sched(), rig.dev.ready, SO_NEVER));
  });
  rig.machine.turn = [&] {
    rig.back->Detach(true);
    so_front_fail(&rig.front);
    return true;
  };
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_TRUE(woken);
  std::string got;
  so_offload o;
  SO_EXPECT_CODE(SO_IO, rig.Send(Noise(1, 100)));
  SO_EXPECT_CODE(SO_IO, rig.Receive(&got, &o));
  EXPECT_EQ(rig.released, 0);
}

// Pages that stay mapped are not used again, and come back when they are let go.
TEST(Netfront, MappedPagesAreKeptAside) {
  NetRig rig(23);
  SO_ASSERT_OK(rig.Connect());
  rig.back->hold = true;
  for (uint64_t i = 0; i < 20; i++) {
    SO_EXPECT_OK(rig.Send(Noise(i, 100)));
  }
  rig.back->Step();
  const size_t mapped = rig.xen.mapped();
  ASSERT_GT(mapped, 2u);
  std::vector<uint32_t> kept;
  for (uint32_t ref = 8; ref < 8 + 514; ref++) {
    uint8_t *const page = rig.xen.Look(0, ref, false);
    if (page != nullptr) {
      kept.push_back(ref);
    }
  }
  rig.Disconnect(SO_FRONT_LOST, false);
  EXPECT_EQ(rig.xen.granted(), mapped);
  SO_ASSERT_OK(rig.Connect());
  EXPECT_EQ(rig.net.tx_pages.aside, mapped - 2);
  EXPECT_EQ(rig.net.tx_pages.usable, 256 - (mapped - 2));
  rig.Disconnect(SO_FRONT_CLOSED);
  rig.xen.Resume();
  SO_ASSERT_OK(rig.Connect());
  EXPECT_EQ(rig.net.tx_pages.usable, 256u);
  EXPECT_EQ(rig.xen.granted(), 514u);
  ExpectClean(&rig);
}

TEST(Netfront, ABackEndThatKeepsEverythingIsRefusedInTheEnd) {
  NetRig rig(24);
  int connected = 0;
  while (so_ok(rig.Connect())) {
    connected++;
    ASSERT_LT(connected, 10);
    rig.Disconnect(SO_FRONT_LOST, false);
  }
  EXPECT_EQ(connected, 4);  // Rings kept aside: SO_SHARE_BLOCKS.
  EXPECT_LE(rig.xen.pages(), 512u + 8);
  EXPECT_EQ(rig.xen.misuse, "");
  rig.xen.Resume();
  SO_EXPECT_OK(rig.Connect());
}

// --- lies -----------------------------------------------------------------------------------

struct Lie {
  const char *why;
  std::function<void(NetRig *)> tell;
};

const Lie kLies[] = {
    {"tx: the response index", [](NetRig *r) { r->back->tx_shared()->rsp_prod += 1000; }},
    {"tx: the response index", [](NetRig *r) { r->back->tx_shared()->rsp_prod -= 1; }},
    {"tx: an answer to no request", [](NetRig *r) { r->back->AnswerTx(0xffff, 0); }},
    {"tx: an answer to no request",
     [](NetRig *r) {
       r->back->AnswerTx(r->back->ids[0], 0);
       r->back->AnswerTx(r->back->ids[0], 0);
     }},
    {"tx: an answer to no request",
     [](NetRig *r) {
       r->back->AnswerTx(static_cast<uint16_t>(r->back->ids[0] + 256), 0);  // Of another time.
     }},
    {"tx: an empty answer", [](NetRig *r) { r->back->AnswerTx(0, NETIF_RSP_NULL); }},
    {"tx: a status", [](NetRig *r) { r->back->AnswerTx(r->back->ids[0], 2); }},
    {"tx: a status", [](NetRig *r) { r->back->AnswerTx(r->back->ids[0], -3); }},
    {"rx: the response index", [](NetRig *r) { r->back->rx_shared()->rsp_prod = 257; }},
    {"rx: the response index", [](NetRig *r) { r->back->rx_shared()->rsp_prod = 0x80000000; }},
    {"rx: an answer to no request",
     [](NetRig *r) {
       r->back->AnswerRx(static_cast<uint16_t>(r->back->NextRxId() + 1), 0, 0, 60);
     }},
    {"rx: data that lies outside",
     [](NetRig *r) { r->back->AnswerRx(r->back->NextRxId(), 4095, 0, 2); }},
    {"rx: data that lies outside",
     [](NetRig *r) { r->back->AnswerRx(r->back->NextRxId(), 65535, 0, 1); }},
    {"rx: data that lies outside",
     [](NetRig *r) { r->back->AnswerRx(r->back->NextRxId(), 0, 0, 4097); }},
    {"rx: an extra segment",
     [](NetRig *r) {
       r->back->AnswerRx(r->back->NextRxId(), 0, NETRXF_extra_info, 60);
       r->back->AnswerRx(99, 0, 0, 0);
     }},
    {"rx: a large segment of an unknown kind",
     [](NetRig *r) {
       r->back->AnswerRx(r->back->NextRxId(), 0, NETRXF_extra_info, 60);
       r->back->AnswerRx(XEN_NETIF_EXTRA_TYPE_GSO, 0, 1, 0);  // Size 0.
     }},
    {"rx: a large segment of an unknown kind",
     [](NetRig *r) {
       r->back->AnswerRx(r->back->NextRxId(), 0, NETRXF_extra_info, 60);
       r->back->AnswerRx(XEN_NETIF_EXTRA_TYPE_GSO, 1448, 7, 0);
     }},
    {"rx: a frame that is longer than the ring",
     [](NetRig *r) {
       for (int i = 0; i < 256; i++) {
         r->back->AnswerRx(r->back->NextRxId(), 0, NETRXF_more_data, 1);
       }
     }},
    {"rx: a frame that is longer than the ring",
     [](NetRig *r) {
       r->back->AnswerRx(r->back->NextRxId(), 0, NETRXF_extra_info, 1);
       for (int i = 0; i < 255; i++) {
         r->back->AnswerRx(XEN_NETIF_EXTRA_TYPE_HASH | XEN_NETIF_EXTRA_FLAG_MORE << 8, 0, 0, 0);
       }
     }},
};

TEST(Netfront, FindsLiesAndGoesOnWithAnother) {
  for (const Lie &lie : kLies) {
    NetRig rig(25);
    SO_ASSERT_OK(rig.Connect());
    rig.back->hold = true;
    for (uint64_t i = 0; i < 3; i++) {
      SO_ASSERT_OK(rig.Send(Noise(i, 100)));
    }
    rig.back->Step();
    lie.tell(&rig);
    std::string got;
    so_offload o;
    (void)!so_ok(rig.Receive(&got, &o));
    EXPECT_TRUE(rig.Poll() || rig.Broken());
    ASSERT_TRUE(rig.Broken()) << lie.why;
    EXPECT_EQ(std::string(rig.why).find(lie.why), 0u) << rig.why;
    EXPECT_EQ(rig.net.stats.broken, 1u);
    SO_EXPECT_CODE(SO_AGAIN, rig.Receive(&got, &o));
    SO_EXPECT_OK(rig.Send(Noise(1, 100)));  // Swallowed.
    rig.Disconnect(SO_FRONT_LOST);
    SO_ASSERT_OK(rig.Connect());
    NetFrame f;
    f.bytes = Noise(1, 100);
    ASSERT_TRUE(rig.back->Deliver(f));
    SO_EXPECT_OK(rig.Receive(&got, &o));
    EXPECT_TRUE(got == f.bytes);
    ExpectClean(&rig);
  }
}

TEST(Netfront, ABackEndThatTakesNothingIsFoundOut) {
  NetRig rig(26, 256, 24);
  SO_ASSERT_OK(rig.Connect());
  for (uint64_t i = 0; i < 24; i++) {
    SO_ASSERT_OK(rig.Send(Noise(i, 100)));
  }
  rig.machine.Advance(60 * SO_NS_PER_S);
  rig.Poll();
  EXPECT_FALSE(rig.Broken());  // Nobody waits.
  SO_EXPECT_CODE(SO_AGAIN, rig.Send(Noise(1, 100)));
  rig.machine.Advance(9 * SO_NS_PER_S);
  rig.Poll();
  EXPECT_FALSE(rig.Broken());
  rig.machine.Advance(2 * SO_NS_PER_S);
  EXPECT_TRUE(rig.Poll());
  EXPECT_TRUE(rig.Broken());
}

TEST(Netfront, ErrorsAreCounted) {
  NetRig rig(27);
  SO_ASSERT_OK(rig.Connect());
  rig.back->eager = true;
  rig.back->tx_status = NETIF_RSP_DROPPED;
  SO_EXPECT_OK(rig.Send(Noise(1, 100)));
  rig.back->Step();
  rig.Poll();
  EXPECT_EQ(rig.net.stats.sent_errors, 1u);
  std::map<std::string, uint64_t> seen;
  so_netfront_metrics(
      &rig.net,
      [](void *ctx, const char *name, so_metric_kind, uint64_t v) {
        (*static_cast<std::map<std::string, uint64_t> *>(ctx))[name] = v;
      },
      &seen);
  EXPECT_EQ(seen["netfront_sent_errors"], 1u);
  EXPECT_EQ(seen["netfront_sent_bytes"], 100u);
  EXPECT_EQ(seen["netfront_pages"], 512u);
}

}  // namespace
