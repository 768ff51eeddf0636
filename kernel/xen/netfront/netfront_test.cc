// Connecting, coming and going, and back ends that lie.

#include "kernel/xen/netfront/netfront.h"

#include <functional>
#include <string>
#include <vector>

#include "kernel/xen/netfront/frames.h"
#include "kernel/xen/netfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::ExpectClean;
using so_test::NetBack;
using so_test::NetFrame;
using so_test::NetRig;
using so_test::Noise;

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
