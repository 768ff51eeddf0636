// Receiving: lengths, offloads, and what is dropped.

#include "kernel/xen/netfront/netfront.h"

#include <string>

#include "kernel/xen/netfront/frames.h"
#include "kernel/xen/netfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::ExpectClean;
using so_test::NetFrame;
using so_test::NetRig;
using so_test::Noise;
using so_test::Segment;

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

}  // namespace
