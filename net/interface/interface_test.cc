#include "net/interface/interface.h"

#include "net/interface/interface_test.h"

namespace {

using namespace so_test;

class InterfaceTest : public InterfaceFixture {};

std::string IpOf(const Sent &s) { return s.bytes.substr(14); }

TEST_F(InterfaceTest, AnAddressIsAnnouncedTwiceAndUsableAtOnce) {
  Start(false);
  SO_ASSERT_OK(so_interface_add_address(&i_, Ip("192.0.2.1"), 24, now_));
  ASSERT_EQ(1u, events_.size());
  EXPECT_EQ(SO_ADDRESS_USABLE, events_[0].event);
  const so_ip ip = Ip("192.0.2.1");
  EXPECT_EQ(SO_ADDRESS_PREFERRED, so_interface_address_state(&i_, &ip));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(Frame(kBroadcastMac, kOurMac, SO_ETHERTYPE_ARP,
                  Arp(1, kOurMac, "192.0.2.1", std::string(6, '\0'), "192.0.2.1")),
            sent_[0].bytes);
  now_ = so_interface_deadline(&i_);
  so_interface_tick(&i_, now_);
  EXPECT_EQ(2u, sent_.size());
  EXPECT_EQ(SO_NEVER, so_interface_deadline(&i_));
}

TEST_F(InterfaceTest, APingIsAnswered) {
  Start();
  Meet();
  Ipv4 q;
  q.protocol = SO_PROTOCOL_ICMP;
  q.payload = Icmp(8, 0, 0x12340001, "abcdefg");
  q.tos = 0x03;
  InputIp(q.Build());
  ASSERT_EQ(1u, sent_.size());
  const std::string ip = IpOf(sent_[0]);
  EXPECT_EQ(kPeerMac + kOurMac, sent_[0].bytes.substr(0, 12));
  EXPECT_EQ(0, so_checksum_of(View(ip.substr(0, 20))));
  EXPECT_EQ(Raw(Ip("192.0.2.1")) + Raw(Ip("192.0.2.2")), ip.substr(12, 8));
  EXPECT_EQ(Icmp(0, 0, 0x12340001, "abcdefg"), ip.substr(20));
  EXPECT_EQ(0, ip[1]);  // No ECN bits.
  EXPECT_EQ(1u, i_.stats.icmp_tx_echo);
}

TEST_F(InterfaceTest, ALargePingComesInFragmentsAndGoesOutInFragments) {
  Start();
  Meet();
  const std::string icmp = Icmp(8, 0, 1, std::string(3000, 'x'));
  Ipv4 a;
  a.protocol = SO_PROTOCOL_ICMP;
  a.payload = icmp.substr(0, 1480);
  a.flags = 0x2000;
  Ipv4 b = a;
  b.payload = icmp.substr(1480, 1480);
  b.flags = 0x2000 | 1480 / 8;
  Ipv4 c = a;
  c.payload = icmp.substr(2960);
  c.flags = 2960 / 8;
  InputIp(c.Build());
  InputIp(a.Build());
  EXPECT_TRUE(sent_.empty());
  InputIp(b.Build());
  ASSERT_EQ(3u, sent_.size());
  std::string out;
  for (const Sent &s : sent_) {
    EXPECT_LE(s.bytes.size(), 1514u);
    EXPECT_EQ(out.size() / 8, At16(s.bytes, 14 + 6) & 0x1fff);
    EXPECT_EQ(At16(sent_[0].bytes, 18), At16(s.bytes, 18));  // One identifier.
    out += s.bytes.substr(34);
  }
  EXPECT_EQ(Icmp(0, 0, 1, std::string(3000, 'x')), out);
}

TEST_F(InterfaceTest, UdpAndTcpAreDeliveredWithoutTheirHeader) {
  Start();
  Ipv4 q;
  q.payload = Udp(1000, 53, "hello");
  q.tos = 0x2d;
  q.ttl = 9;
  InputIp(q.Build() + std::string(20, '\0'));  // Padded.
  q.protocol = SO_PROTOCOL_TCP;
  q.options = std::string("\x01\x01\x07\x04\x04\x00\x00\x00", 8);  // Two NOPs, a record route.
  q.payload = std::string(20, 't');
  InputIp(q.Build());
  ASSERT_EQ(2u, delivered_.size());
  EXPECT_EQ(Udp(1000, 53, "hello"), delivered_[0].bytes);
  EXPECT_EQ(0x2d, delivered_[0].traffic_class);
  EXPECT_EQ(9, delivered_[0].hop_limit);
  EXPECT_EQ(std::string(20, 't'), delivered_[1].bytes);
  EXPECT_EQ(2u, i_.stats.ip4_rx_delivered);
}

TEST_F(InterfaceTest, EveryTruncationOfAFrameIsCountedAndNothingMore) {
  Start();
  Ipv4 q;
  q.options = std::string(8, '\x01');
  q.payload = Udp(1, 2, "payload");
  const std::string frame = Frame(kOurMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build());
  for (size_t n = 0; n < frame.size(); n++) {
    Input(frame.substr(0, n));
  }
  EXPECT_TRUE(delivered_.empty());
  EXPECT_EQ(14u, i_.stats.rx_short);
  EXPECT_EQ(frame.size() - 14, i_.stats.ip4_rx_header);
  Input(frame);
  EXPECT_EQ(1u, delivered_.size());
}

TEST_F(InterfaceTest, EachWrongByteOfTheHeaderFailsItsChecksum) {
  Start();
  Ipv4 q;
  q.payload = Udp(1, 2, "x");
  for (size_t at = 0; at < 20; at++) {
    std::string s = q.Build();
    s[at] = static_cast<char>(s[at] ^ 0x01);
    InputIp(s);
  }
  EXPECT_TRUE(delivered_.empty());
  EXPECT_EQ(20u, i_.stats.ip4_rx_checksum + i_.stats.ip4_rx_header);
}

TEST_F(InterfaceTest, SourceRoutesAndBrokenOptionsAreRefused) {
  Start();
  Ipv4 q;
  q.payload = Udp(1, 2, "x");
  for (int kind : {131, 137}) {
    q.options = std::string{static_cast<char>(kind), 7, 4, 10, 0, 0, 1, 0};
    InputIp(q.Build());
  }
  EXPECT_EQ(2u, i_.stats.ip4_rx_source_route);
  for (const char *o : {"\x07\x00\x00\x00", "\x07\x01\x00\x00", "\x07\x05\x00\x00",
                        "\x01\x01\x01\x07"}) {
    q.options = std::string(o, 4);
    InputIp(q.Build());
  }
  EXPECT_EQ(4u, i_.stats.ip4_rx_header);
  EXPECT_TRUE(delivered_.empty());
}

TEST_F(InterfaceTest, ImpossibleSourcesAreDropped) {
  Start();
  Ipv4 q;
  q.payload = Udp(1, 2, "x");
  const char *bad[] = {"0.0.0.0",     "127.0.0.1",       "224.0.0.1", "240.0.0.1",
                       "192.0.2.255", "255.255.255.255", "192.0.2.1"};
  for (const char *src : bad) {
    q.src = src;
    InputIp(q.Build());
  }
  EXPECT_EQ(7u, i_.stats.ip4_rx_source);
  EXPECT_TRUE(delivered_.empty());
}

TEST_F(InterfaceTest, FramesAndPacketsForOthersAreDropped) {
  Start();
  Ipv4 q;
  q.payload = Udp(1, 2, "x");
  Input(Frame(kPeerMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));
  EXPECT_EQ(1u, i_.stats.rx_other_host);
  Input(Frame(kBroadcastMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));  // Unicast in a broadcast.
  q.dst = "192.0.2.77";
  InputIp(q.Build());
  EXPECT_EQ(2u, i_.stats.ip4_rx_not_ours);
  Input(Frame(kOurMac, kPeerMac, 0x8100, q.Build()));
  EXPECT_EQ(1u, i_.stats.rx_ethertype);
  EXPECT_TRUE(delivered_.empty());
}

TEST_F(InterfaceTest, BroadcastsReachUdpAndNobodyElse) {
  Start();
  Ipv4 q;
  for (const char *dst : {"192.0.2.255", "255.255.255.255", "224.0.0.1"}) {
    q.dst = dst;
    q.protocol = SO_PROTOCOL_UDP;
    q.payload = Udp(1, 2, "x");
    Input(Frame(kBroadcastMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));
    q.protocol = SO_PROTOCOL_TCP;
    Input(Frame(kBroadcastMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));
    q.protocol = SO_PROTOCOL_ICMP;
    q.payload = Icmp(8, 0, 1, "ping");
    Input(Frame(kBroadcastMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));
  }
  EXPECT_EQ(3u, delivered_.size());
  EXPECT_TRUE(sent_.empty());
}

TEST_F(InterfaceTest, AHostWithoutAddressHearsItsLease) {
  Start(false);
  Ipv4 q;
  q.dst = "192.0.2.50";
  q.payload = Udp(67, 68, "offer");
  InputIp(q.Build());
  EXPECT_EQ(1u, delivered_.size());
  q.payload = Udp(67, 69, "offer");
  InputIp(q.Build());
  EXPECT_EQ(1u, delivered_.size());
  // And asks for it without an address.
  so_packet *p = Outgoing(Udp(68, 67, "discover"), "255.255.255.255", SO_PROTOCOL_UDP);
  p->src = so_ip_any(4);
  SO_EXPECT_OK(so_interface_send(&i_, p, now_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(kBroadcastMac, sent_[0].bytes.substr(0, 6));
}

TEST_F(InterfaceTest, APacketWaitsForItsNeighbour) {
  Start();
  so_packet *p = Outgoing(Udp(5, 6, "data"), "192.0.2.9", SO_PROTOCOL_UDP);
  SO_ASSERT_OK(so_interface_send(&i_, p, now_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(Frame(kBroadcastMac, kOurMac, SO_ETHERTYPE_ARP,
                  Arp(1, kOurMac, "192.0.2.1", std::string(6, '\0'), "192.0.2.9")),
            sent_[0].bytes);
  Input(Frame(kOurMac, kPeerMac, SO_ETHERTYPE_ARP,
              Arp(2, kPeerMac, "192.0.2.9", kOurMac, "192.0.2.1")));
  ASSERT_EQ(2u, sent_.size());
  EXPECT_EQ(kPeerMac, sent_[1].bytes.substr(0, 6));
  EXPECT_EQ(Udp(5, 6, "data"), sent_[1].bytes.substr(34));
}

TEST_F(InterfaceTest, FarDestinationsGoToTheGateway) {
  Start();
  Meet("192.0.2.254");
  SO_ASSERT_OK(so_interface_send(&i_, Outgoing("data1234", "198.51.100.1", 99), now_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(kPeerMac, sent_[0].bytes.substr(0, 6));
  EXPECT_EQ(Raw(Ip("198.51.100.1")), sent_[0].bytes.substr(30, 4));
  SO_ASSERT_OK(so_interface_set_gateway(&i_, so_ip_any(4), now_));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_interface_send(&i_, Outgoing("d", "198.51.100.1", 99), now_));
  EXPECT_EQ(1u, i_.stats.tx_no_route);
}

TEST_F(InterfaceTest, ANeighbourThatDoesNotAnswerIsReported) {
  Start();
  so_packet *p = Outgoing(Udp(5, 6, "data"), "192.0.2.9", SO_PROTOCOL_UDP);
  SO_ASSERT_OK(so_interface_send(&i_, p, now_));
  for (int k = 0; k < 10 && errors_.empty(); k++) {
    now_ = so_interface_deadline(&i_);
    ASSERT_NE(SO_NEVER, now_);
    so_interface_tick(&i_, now_);
  }
  ASSERT_EQ(1u, errors_.size());
  EXPECT_EQ(SO_IP_ERROR_NEIGHBOUR, errors_[0].error.kind);
  EXPECT_EQ(Udp(5, 6, "data"), errors_[0].transport);
}

TEST_F(InterfaceTest, PacketsToOurselvesComeBackAtTheNextTick) {
  Start();
  for (const char *dst : {"192.0.2.1", "127.0.0.1"}) {
    SO_ASSERT_OK(so_interface_send(&i_, Outgoing(Udp(5, 6, "me"), dst, SO_PROTOCOL_UDP), now_));
  }
  EXPECT_TRUE(delivered_.empty());
  EXPECT_EQ(0u, so_interface_deadline(&i_));
  so_interface_tick(&i_, now_);
  ASSERT_EQ(2u, delivered_.size());
  EXPECT_TRUE(delivered_[0].offload.csum_valid);
  EXPECT_EQ(Raw(Ip("192.0.2.1")), Raw(delivered_[0].src));
  EXPECT_EQ(Raw(Ip("127.0.0.1")), Raw(delivered_[1].src));
  EXPECT_TRUE(sent_.empty());
  for (uint32_t k = 0; k < SO_INTERFACE_LOOP_MAX; k++) {
    SO_ASSERT_OK(so_interface_send(&i_, Outgoing("x", "192.0.2.1", 17), now_));
  }
  SO_EXPECT_CODE(SO_LIMIT, so_interface_send(&i_, Outgoing("x", "192.0.2.1", 17), now_));
  EXPECT_EQ(1u, i_.stats.loop_full);
}

TEST_F(InterfaceTest, SourcesAreOursOrRefused) {
  Start();
  so_packet *p = Outgoing("data", "192.0.2.9", 17);
  p->src = Ip("192.0.2.8");
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, p, now_));
  p = Outgoing("data", "192.0.2.9", 17);
  p->src = so_ip_any(4);
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_send(&i_, p, now_));
  EXPECT_EQ(2u, i_.stats.tx_invalid);
}

TEST_F(InterfaceTest, TheSourceIsOfTheSubnetThatIsUsed) {
  Start();
  SO_ASSERT_OK(so_interface_add_address(&i_, Ip("203.0.113.7"), 24, now_));
  SO_ASSERT_OK(so_interface_add_address(&i_, Ip("169.254.3.4"), 16, now_));
  const struct {
    const char *dst, *src;
  } cases[] = {{"192.0.2.9", "192.0.2.1"},      {"203.0.113.9", "203.0.113.7"},
               {"169.254.9.9", "169.254.3.4"},  {"203.0.113.7", "203.0.113.7"},
               {"198.51.100.1", "192.0.2.1"},  // By the gateway's subnet.
               {"127.0.0.5", "127.0.0.5"}};
  for (const auto &c : cases) {
    const so_ip dst = Ip(c.dst);
    so_ip src;
    SO_ASSERT_OK(so_interface_source(&i_, &dst, &src));
    EXPECT_EQ(Raw(Ip(c.src)), Raw(src)) << c.dst;
  }
}

TEST_F(InterfaceTest, UnknownProtocolsAndPortsAreAnswered) {
  Start();
  Meet();
  Ipv4 q;
  q.protocol = 200;
  q.payload = std::string(2000 - 20 - 600, 'q');
  q.flags = 0x4000;
  InputIp(q.Build());
  ASSERT_EQ(1u, sent_.size());
  std::string ip = IpOf(sent_[0]);
  EXPECT_EQ(576u, ip.size());
  EXPECT_EQ(3, ip[20]);
  EXPECT_EQ(2, ip[21]);
  EXPECT_EQ(q.Build().substr(0, 548), ip.substr(28));
  EXPECT_EQ(0, so_checksum_of(View(ip.substr(20))));
  sent_.clear();
  refuse_port_ = true;
  q.protocol = SO_PROTOCOL_UDP;
  q.payload = Udp(1, 2, "x");
  InputIp(q.Build());
  ASSERT_EQ(1u, sent_.size());
  ip = IpOf(sent_[0]);
  EXPECT_EQ(3, ip[21]);
  EXPECT_EQ(q.Build(), ip.substr(28));
}

TEST_F(InterfaceTest, NoErrorIsSentAboutWhatMustNotBeAnswered) {
  Start();
  Meet();
  refuse_port_ = true;
  Ipv4 q;
  q.payload = Udp(1, 2, "x");
  q.dst = "192.0.2.255";
  Input(Frame(kBroadcastMac, kPeerMac, SO_ETHERTYPE_IPV4, q.Build()));
  q.dst = "192.0.2.1";
  q.protocol = SO_PROTOCOL_ICMP;
  q.payload = Icmp(3, 3, 0, std::string(28, 'x'));
  InputIp(q.Build());
  q.payload = Icmp(77, 3, 0, std::string(28, 'x'));
  InputIp(q.Build());
  EXPECT_TRUE(sent_.empty());
}

TEST_F(InterfaceTest, ErrorsAndEchoesHaveARate) {
  config_.icmp_per_second = 8;
  Start();
  Meet();
  Meet("192.0.2.3");
  Ipv4 q;
  q.protocol = SO_PROTOCOL_ICMP;
  q.payload = Icmp(8, 0, 1, "ping");
  for (int k = 0; k < 20; k++) {
    InputIp(q.Build());
  }
  EXPECT_EQ(2u, sent_.size());  // A quarter for one peer.
  EXPECT_EQ(18u, i_.stats.icmp_tx_limited);
  q.src = "192.0.2.3";
  InputIp(q.Build());
  EXPECT_EQ(3u, sent_.size());
  now_ += SO_NS_PER_S;
  InputIp(q.Build());
  EXPECT_EQ(4u, sent_.size());
  q.protocol = 201;
  for (int k = 0; k < 20; k++) {
    InputIp(q.Build());
  }
  EXPECT_EQ(6u, sent_.size());
}

std::string Quote(const char *src, const char *dst, size_t payload = 8, int total = 1500) {
  Ipv4 q;
  q.src = src;
  q.dst = dst;
  q.protocol = SO_PROTOCOL_TCP;
  q.flags = 0x4000;
  q.payload = std::string("\x30\x39\x00\x50\x00\x00\x10\x00", 8).substr(0, payload);
  q.total_len = total;
  return q.Build();
}

TEST_F(InterfaceTest, AnErrorAboutWhatWeSentIsHandedUp) {
  Start();
  Ipv4 q;
  q.src = "198.51.100.7";
  q.protocol = SO_PROTOCOL_ICMP;
  q.payload = Icmp(3, 1, 0, Quote("192.0.2.1", "203.0.113.5"));
  InputIp(q.Build());
  ASSERT_EQ(1u, errors_.size());
  const so_ip_error &e = errors_[0].error;
  EXPECT_EQ(SO_IP_ERROR_UNREACHABLE, e.kind);
  EXPECT_EQ(SO_PROTOCOL_TCP, e.protocol);
  EXPECT_EQ(Raw(Ip("203.0.113.5")), Raw(e.dst));
  EXPECT_EQ(Raw(Ip("198.51.100.7")), Raw(e.from));
  EXPECT_EQ(8u, errors_[0].transport.size());
  // Not ours; cut short; a wrong checksum.
  q.payload = Icmp(3, 1, 0, Quote("192.0.2.3", "203.0.113.5"));
  InputIp(q.Build());
  for (size_t n = 0; n < 28; n++) {
    q.payload = Icmp(3, 1, 0, Quote("192.0.2.1", "203.0.113.5").substr(0, n));
    InputIp(q.Build());
  }
  q.payload = Icmp(3, 1, 0, Quote("192.0.2.1", "203.0.113.5"));
  q.payload[5] = 1;
  InputIp(q.Build());
  EXPECT_EQ(1u, errors_.size());
  EXPECT_EQ(1u, i_.stats.icmp_rx_checksum);
  EXPECT_EQ(28u, i_.stats.icmp_rx_malformed);
  EXPECT_EQ(1u, i_.stats.icmp_rx_ignored);
}

TEST_F(InterfaceTest, ThePathMtuIsLoweredOnlyByWhatTheTransportBelieves) {
  Start();
  const so_ip dst = Ip("203.0.113.5");
  Ipv4 q;
  q.src = "198.51.100.7";
  q.protocol = SO_PROTOCOL_ICMP;
  q.payload = Icmp(3, 4, 1400, Quote("192.0.2.1", "203.0.113.5"));
  believe_ = false;
  InputIp(q.Build());
  EXPECT_EQ(1500u, so_interface_path_mtu(&i_, &dst, now_));
  believe_ = true;
  InputIp(q.Build());
  EXPECT_EQ(1400u, so_interface_path_mtu(&i_, &dst, now_));
  ASSERT_EQ(2u, errors_.size());
  EXPECT_EQ(1400u, errors_[1].error.mtu);
  // Never up, never below the floor; an old router's silence means the next plateau.
  q.payload = Icmp(3, 4, 1450, Quote("192.0.2.1", "203.0.113.5"));
  InputIp(q.Build());
  EXPECT_EQ(1400u, so_interface_path_mtu(&i_, &dst, now_));
  q.payload = Icmp(3, 4, 0, Quote("192.0.2.1", "203.0.113.5", 8, 1400));
  InputIp(q.Build());
  EXPECT_EQ(1006u, so_interface_path_mtu(&i_, &dst, now_));
  q.payload = Icmp(3, 4, 68, Quote("192.0.2.1", "203.0.113.5"));
  InputIp(q.Build());
  EXPECT_EQ(576u, so_interface_path_mtu(&i_, &dst, now_));
  now_ += 600 * SO_NS_PER_S;
  EXPECT_EQ(1500u, so_interface_path_mtu(&i_, &dst, now_));
  const so_ip other = Ip("203.0.113.6");
  EXPECT_EQ(1500u, so_interface_path_mtu(&i_, &other, now_));
}

TEST_F(InterfaceTest, WhatIsTooBigIsCutOrRefused) {
  Start();
  Meet();
  so_packet *p = Outgoing(std::string(1481, 'x'), "192.0.2.2", 17);
  p->dont_fragment = true;
  SO_EXPECT_CODE(SO_LIMIT, so_interface_send(&i_, p, now_));
  EXPECT_EQ(1u, i_.stats.tx_too_big);
  p = Outgoing(std::string(1480, 'x'), "192.0.2.2", 17);
  p->dont_fragment = true;
  SO_EXPECT_OK(so_interface_send(&i_, p, now_));
  EXPECT_EQ(1u, sent_.size());
  SO_EXPECT_OK(so_interface_send(&i_, Outgoing(std::string(1481, 'x'), "192.0.2.2", 17), now_));
  EXPECT_EQ(3u, sent_.size());
  SO_EXPECT_CODE(SO_LIMIT,
                 so_interface_send(&i_, Outgoing(std::string(65516, 'x'), "192.0.2.2", 17), now_));
}

TEST_F(InterfaceTest, ADatagramThatIsNeverWholeIsReportedToItsSender) {
  Start();
  Meet();
  Ipv4 q;
  q.payload = Udp(1, 2, std::string(992, 'x'));
  q.flags = 0x2000;
  InputIp(q.Build());
  EXPECT_TRUE(sent_.empty());
  now_ += 30 * SO_NS_PER_S;
  so_interface_tick(&i_, now_);
  ASSERT_EQ(2u, sent_.size());  // The second announcement, and the error.
  sent_.pop_front();
  const std::string ip = IpOf(sent_[0]);
  EXPECT_EQ(11, ip[20]);
  EXPECT_EQ(1, ip[21]);
  EXPECT_EQ(q.Build().substr(0, 548), ip.substr(28));
}

TEST_F(InterfaceTest, AProbedAddressIsUsedOnlyWhenNobodyHasIt) {
  config_.probe_ipv4 = true;
  Start(false);
  const so_ip ip = Ip("192.0.2.1");
  SO_ASSERT_OK(so_interface_add_address(&i_, ip, 24, now_));
  EXPECT_EQ(SO_ADDRESS_TENTATIVE, so_interface_address_state(&i_, &ip));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_interface_send(&i_, Outgoing("x", "192.0.2.9", 17), now_));
  for (int k = 0; k < 10 && events_.empty(); k++) {
    now_ = so_interface_deadline(&i_);
    so_interface_tick(&i_, now_);
  }
  ASSERT_EQ(1u, events_.size());
  EXPECT_EQ(SO_ADDRESS_USABLE, events_[0].event);
  EXPECT_EQ(4u, sent_.size());  // Three probes and an announcement.
  EXPECT_EQ(SO_ADDRESS_PREFERRED, so_interface_address_state(&i_, &ip));
}

TEST_F(InterfaceTest, CountersOfThePartsAreJoined) {
  Start();
  Meet();
  Ipv4 q;
  q.payload = Udp(1, 2, std::string(992, 'x'));
  q.flags = 0x2000;
  InputIp(q.Build());
  so_interface_stats s;
  so_interface_read_stats(&i_, &s);
  EXPECT_EQ(1u, s.arp_rx);
  EXPECT_EQ(1u, s.arp_tx_replies);
  EXPECT_EQ(1u, s.reassembly_fragments);
  EXPECT_EQ(2u, s.rx_frames);
}

TEST_F(InterfaceTest, AConflictWhileProbingTakesTheAddressAway) {
  config_.probe_ipv4 = true;
  Start(false);
  const so_ip ip = Ip("192.0.2.1");
  SO_ASSERT_OK(so_interface_add_address(&i_, ip, 24, now_));
  Input(Frame(kOurMac, kPeerMac, SO_ETHERTYPE_ARP,
              Arp(2, kPeerMac, "192.0.2.1", kOurMac, "0.0.0.0")));
  ASSERT_EQ(1u, events_.size());
  EXPECT_EQ(SO_ADDRESS_CONFLICT, events_[0].event);
  EXPECT_EQ(SO_ADDRESS_ABSENT, so_interface_address_state(&i_, &ip));
  EXPECT_EQ(SO_NEVER, so_interface_deadline(&i_));
}

TEST_F(InterfaceTest, AddressesHaveLimits) {
  Start(false);
  for (uint32_t k = 0; k < SO_INTERFACE_ADDRESSES_MAX; k++) {
    const std::string text = "10.0.0." + std::to_string(k + 1);
    SO_ASSERT_OK(so_interface_add_address(&i_, Ip(text.c_str()), 24, now_));
    SO_ASSERT_OK(so_interface_add_address(&i_, Ip(text.c_str()), 25, now_));
  }
  SO_EXPECT_CODE(SO_LIMIT, so_interface_add_address(&i_, Ip("10.0.0.99"), 24, now_));
  SO_ASSERT_OK(so_interface_remove_address(&i_, Ip("10.0.0.3"), now_));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_interface_remove_address(&i_, Ip("10.0.0.3"), now_));
  SO_ASSERT_OK(so_interface_add_address(&i_, Ip("10.0.0.99"), 24, now_));
  for (const char *bad : {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    SO_EXPECT_CODE(SO_CONFLICT, so_interface_add_address(&i_, Ip(bad), 24, now_));
  }
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_add_address(&i_, Ip("10.9.9.9"), 33, now_));
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_add_address(&i_, Ip("2001:db8::1"), 64, now_));
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_set_gateway(&i_, Ip("224.0.0.1"), now_));
}

TEST_F(InterfaceTest, WrongConfigurationsAndRefusingHeapsAreSaidSo) {
  config_.mtu = SO_INTERFACE_MTU_MIN - 1;
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_init(&i_, &config_, &pool_, Heap()));
  config_.mtu = SO_INTERFACE_MTU_MAX + 1;
  SO_EXPECT_CODE(SO_CONFLICT, so_interface_init(&i_, &config_, &pool_, Heap()));
  config_.mtu = 1500;
  for (size_t limit = 0;; limit += 512) {
    so_heap_budget budget;
    const so_heap heap = so_heap_budget_init(&budget, Heap(), limit);
    const so_status s = so_interface_init(&i_, &config_, &pool_, &heap);
    if (so_ok(s)) {
      so_interface_release(&i_);
      EXPECT_EQ(0u, budget.used);
      break;
    }
    SO_EXPECT_CODE(SO_LIMIT, s);
    ASSERT_EQ(0u, budget.used) << limit;
  }
}

// Every allocation of the pool fails once, at each point of a scene that uses all paths.
TEST_F(InterfaceTest, ExhaustionOfThePoolAtAnyPointLosesPacketsOnly) {
  Start();
  Meet();
  std::vector<so_packet *> hoard;
  for (uint32_t left = 0; left < 24; left++) {
    std::vector<so_packet *> in;
    Ipv4 ping;
    ping.protocol = SO_PROTOCOL_ICMP;
    ping.payload = Icmp(8, 0, 1, std::string(100, 'p'));
    Ipv4 odd;
    odd.protocol = 201;
    odd.payload = "12345678";
    Ipv4 part;
    part.payload = Udp(1, 2, std::string(992, 'x'));
    part.flags = 0x2000;
    part.id = left;
    for (const std::string &s : {ping.Build(), odd.Build(), part.Build()}) {
      in.push_back(Packet(Frame(kOurMac, kPeerMac, SO_ETHERTYPE_IPV4, s)));
    }
    in.push_back(Packet(Frame(kBroadcastMac, kPeerMac, SO_ETHERTYPE_ARP,
                              Arp(1, kPeerMac, "192.0.2.2", std::string(6, '\0'), "192.0.2.1"))));
    so_packet *big = Outgoing(std::string(4000, 'b'), "192.0.2.2", 17);
    so_packet *far = Outgoing("waits", "192.0.2.99", 17);
    while (so_packet *p = so_packet_alloc(&pool_, 0, 0)) {
      hoard.push_back(p);
    }
    for (uint32_t k = 0; k < left && !hoard.empty(); k++) {
      so_packet_free(&pool_, hoard.back());
      hoard.pop_back();
    }
    for (so_packet *p : in) {
      ASSERT_NE(nullptr, p);
      so_interface_input(&i_, p, now_);
    }
    const so_status s = so_interface_send(&i_, big, now_);
    EXPECT_TRUE(so_ok(s) || so_is(s, SO_LIMIT));
    (void)!so_ok(so_interface_send(&i_, far, now_));
    for (so_packet *p : hoard) {
      so_packet_free(&pool_, p);
    }
    hoard.clear();
    now_ += 31 * SO_NS_PER_S;
    so_interface_tick(&i_, now_);
    Meet();
  }
  EXPECT_GT(i_.stats.tx_no_buffer, 0u);
}

}  // namespace
