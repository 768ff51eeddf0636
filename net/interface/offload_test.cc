#include "net/interface/interface_test.h"

namespace {

using namespace so_test;

// A TCP segment with the fields that segmentation looks at; the checksum field holds rubbish.
std::string Tcp(const std::string &payload, uint8_t flags, const std::string &options = "") {
  std::string h = Be16(1234) + Be16(80) + Be32(0xfffffff0u) + Be32(77);
  h += std::string{static_cast<char>((20 + options.size()) / 4 << 4), static_cast<char>(flags)};
  return h + Be16(4096) + "ZZ" + Be16(0) + options + payload;
}

class OffloadTest : public InterfaceFixture {
 protected:
  so_packet *Segment(const std::string &bytes, uint16_t gso_size) {
    so_packet *p = Outgoing(bytes, "192.0.2.2", SO_PROTOCOL_TCP);
    p->offload.needs_csum = true;
    p->offload.csum_offset = 16;
    p->offload.gso = gso_size == 0 ? SO_GSO_NONE : SO_GSO_TCP4;
    p->offload.gso_size = gso_size;
    p->dont_fragment = true;
    return p;
  }

  void ExpectWholeSums() {
    for (const Sent &s : sent_) {
      EXPECT_FALSE(s.offload.needs_csum);
      EXPECT_EQ(0u, TransportSum(Ip("192.0.2.1"), Ip("192.0.2.2"), 6, s.bytes.substr(34)));
      EXPECT_EQ(0, so_checksum_of(View(s.bytes.substr(14, 20))));
    }
  }
};

TEST_F(OffloadTest, ADeviceThatSumsGetsThePseudoHeadersSum) {
  config_.tx_csum = true;
  Start();
  Meet();
  const std::string tcp = Tcp("payload", 0x18);
  SO_ASSERT_OK(so_interface_send(&i_, Segment(tcp, 0), now_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_TRUE(sent_[0].offload.needs_csum);
  EXPECT_EQ(34, sent_[0].offload.csum_start);
  EXPECT_EQ(16, sent_[0].offload.csum_offset);
  // What the device does: sum from csum_start, the field included, and put the complement there.
  std::string body = sent_[0].bytes.substr(34);
  const unsigned sum = so_checksum_of(View(body));
  body.replace(16, 2, Be16(sum));
  EXPECT_EQ(0u, TransportSum(Ip("192.0.2.1"), Ip("192.0.2.2"), 6, body));
}

TEST_F(OffloadTest, SumsAreMadeInSoftwareOtherwise) {
  Start();
  Meet();
  SO_ASSERT_OK(so_interface_send(&i_, Segment(Tcp("odd", 0x18), 0), now_));
  ExpectWholeSums();
  EXPECT_EQ(1u, i_.stats.tx_summed);
}

TEST_F(OffloadTest, AUdpSumOfZeroIsSentAsAllOnes) {
  Start();
  Meet();
  // Find the word that makes the sum zero.
  std::string udp = Udp(1, 2, Be16(0));
  const unsigned sum = TransportSum(Ip("192.0.2.1"), Ip("192.0.2.2"), 17, udp);
  udp = Udp(1, 2, Be16(sum));
  so_packet *p = Outgoing(udp, "192.0.2.2", SO_PROTOCOL_UDP);
  p->offload.needs_csum = true;
  p->offload.csum_offset = 6;
  SO_ASSERT_OK(so_interface_send(&i_, p, now_));
  EXPECT_EQ(0xffffu, At16(sent_[0].bytes, 34 + 6));
}

TEST_F(OffloadTest, ADeviceThatCutsGetsTheWholeSegment) {
  config_.tx_csum = true;
  config_.tx_tso4 = true;
  Start();
  Meet();
  const std::string payload(40000, 'p');
  SO_ASSERT_OK(so_interface_send(&i_, Segment(Tcp(payload, 0x18, "\x01\x01\x01\x01"), 1400), now_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(SO_GSO_TCP4, sent_[0].offload.gso);
  EXPECT_EQ(1400, sent_[0].offload.gso_size);
  EXPECT_EQ(14 + 20 + 24, sent_[0].offload.header_len);
  EXPECT_EQ(34, sent_[0].offload.csum_start);
  EXPECT_EQ(14 + 20 + 24 + 40000u, sent_[0].bytes.size());
  EXPECT_EQ(sent_[0].bytes.size() - 14, At16(sent_[0].bytes, 16));
}

TEST_F(OffloadTest, SegmentsAreCutAndSummedInSoftware) {
  Start();
  Meet();
  std::string payload;
  for (int k = 0; k < 10000; k++) {
    payload += static_cast<char>(k * 7 + k / 256);
  }
  const std::string options("\x01\x01\x08\x0a" "12345678", 12);
  SO_ASSERT_OK(so_interface_send(&i_, Segment(Tcp(payload, 0x99, options), 1448), now_));
  ASSERT_EQ(7u, sent_.size());
  ExpectWholeSums();
  std::string out;
  for (size_t k = 0; k < sent_.size(); k++) {
    const std::string tcp = sent_[k].bytes.substr(34);
    EXPECT_EQ(0xfffffff0u + static_cast<uint32_t>(out.size()), At32(tcp, 4));  // Wraps round.
    EXPECT_EQ(77u, At32(tcp, 8));
    EXPECT_EQ(options, tcp.substr(20, 12));
    // CWR once, FIN and PSH at the end, ACK always.
    const unsigned want = 0x10u | (k == 0 ? 0x80u : 0) | (k == 6 ? 0x09u : 0);
    EXPECT_EQ(want, static_cast<uint8_t>(tcp[13])) << k;
    EXPECT_LE(sent_[k].bytes.size(), 1514u);
    out += tcp.substr(32);
  }
  EXPECT_EQ(payload, out);
  EXPECT_EQ(1u, i_.stats.tx_segmented);
}

TEST_F(OffloadTest, ADeviceThatSumsButDoesNotCutSumsEachSegment) {
  config_.tx_csum = true;
  Start();
  Meet();
  SO_ASSERT_OK(so_interface_send(&i_, Segment(Tcp(std::string(3000, 'x'), 0x18), 1460), now_));
  ASSERT_EQ(3u, sent_.size());
  for (const Sent &s : sent_) {
    EXPECT_TRUE(s.offload.needs_csum);
    EXPECT_EQ(SO_GSO_NONE, s.offload.gso);
    EXPECT_EQ(34, s.offload.csum_start);
    std::string body = s.bytes.substr(34);
    body.replace(16, 2, Be16(so_checksum_of(View(body))));
    EXPECT_EQ(0u, TransportSum(Ip("192.0.2.1"), Ip("192.0.2.2"), 6, body));
  }
}

TEST_F(OffloadTest, OneSegmentIsNotCut) {
  config_.tx_csum = true;
  config_.tx_tso4 = true;
  Start();
  Meet();
  SO_ASSERT_OK(so_interface_send(&i_, Segment(Tcp(std::string(1460, 'x'), 0x18), 1460), now_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(SO_GSO_NONE, sent_[0].offload.gso);
  EXPECT_EQ(0, sent_[0].offload.gso_size);
}

TEST_F(OffloadTest, WhatDoesNotDescribeItselfIsRefused) {
  Start();
  Meet();
  SO_EXPECT_CODE(SO_LIMIT,
                 so_interface_send(&i_, Segment(Tcp(std::string(3000, 'x'), 0x18), 1461), now_));
  EXPECT_EQ(1u, i_.stats.tx_too_big);
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, Segment("short", 100), now_));
  std::string tcp = Tcp(std::string(100, 'x'), 0x18);
  tcp[12] = 0x40;  // A header of 16 bytes.
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, Segment(tcp, 10), now_));
  tcp = Tcp("", 0x18);
  tcp[12] = 0x60;  // A header that goes past the end.
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, Segment(tcp, 10), now_));
  so_packet *p = Segment(Tcp(std::string(100, 'x'), 0x18), 0);
  p->offload.gso = SO_GSO_TCP4;
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, p, now_));
  p = Segment(Tcp(std::string(100, 'x'), 0x18), 10);
  p->offload.needs_csum = false;
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, p, now_));
  p = Segment("0123456789abcdefg", 0);  // The field's second byte is past the end.
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, p, now_));
  EXPECT_EQ(6u, i_.stats.tx_invalid);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(OffloadTest, FragmentsAreSummedBeforeTheyAreCut) {
  config_.tx_csum = true;
  Start();
  Meet();
  so_packet *p = Outgoing(Udp(1, 2, std::string(3000, 'x')), "192.0.2.2", SO_PROTOCOL_UDP);
  p->offload.needs_csum = true;
  p->offload.csum_offset = 6;
  SO_ASSERT_OK(so_interface_send(&i_, p, now_));
  ASSERT_EQ(3u, sent_.size());
  std::string all;
  for (const Sent &s : sent_) {
    EXPECT_FALSE(s.offload.needs_csum);
    all += s.bytes.substr(34);
  }
  EXPECT_EQ(0u, TransportSum(Ip("192.0.2.1"), Ip("192.0.2.2"), 17, all));
}

TEST_F(OffloadTest, SegmentsWaitForANeighbourUpToTheQueuesBound) {
  Start();
  SO_ASSERT_OK(so_interface_send(&i_, Segment(Tcp(std::string(30000, 'x'), 0x18), 1460), now_));
  ASSERT_EQ(1u, sent_.size());  // The request.
  Input(Frame(kOurMac, kPeerMac, SO_ETHERTYPE_ARP,
              Arp(2, kPeerMac, "192.0.2.2", kOurMac, "192.0.2.1")));
  EXPECT_EQ(1u + SO_ARP_QUEUE_MAX, sent_.size());
}

TEST_F(OffloadTest, AReceivedPartialSumCountsAsChecked) {
  Start();
  Ipv4 q;
  q.payload = Udp(1, 2, "x");
  so_packet *p = Packet(Frame(kOurMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));
  p->offload.needs_csum = true;
  p->offload.csum_start = 34;
  so_interface_input(&i_, p, now_);
  ASSERT_EQ(1u, delivered_.size());
  EXPECT_TRUE(delivered_[0].offload.csum_valid);
  EXPECT_FALSE(delivered_[0].offload.needs_csum);
  InputIp(q.Build());
  EXPECT_FALSE(delivered_[1].offload.csum_valid);
}

}  // namespace
