#include "net/ethernet/ethernet.h"

#include <string.h>

#include <string>

#include "tests/support/support.h"

namespace {

const std::string kFrame("\x01\x02\x03\x04\x05\x06\x0a\x0b\x0c\x0d\x0e\x0f\x86\xdd" "rest", 18);

TEST(EthernetTest, AHeaderIsReadAndWrittenTheSame) {
  so_ethernet_header h;
  SO_ASSERT_OK(so_ethernet_parse(so_test::View(kFrame), &h));
  EXPECT_EQ(SO_ETHERTYPE_IPV6, h.type);
  EXPECT_EQ(0x0a, h.src[0]);
  EXPECT_EQ(0x06, h.dst[5]);
  uint8_t buf[SO_ETHERNET_HEADER_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ethernet_emit(&h, &w);
  so_bytes out;
  SO_ASSERT_OK(so_writer_end(&w, &out));
  EXPECT_EQ(kFrame.substr(0, 14), so_test::Text(out));
}

TEST(EthernetTest, EveryTruncationIsMalformedWithoutOverread) {
  for (size_t n = 0; n < SO_ETHERNET_HEADER_LEN; n++) {
    const so_test::Guarded g(kFrame.substr(0, n));
    so_ethernet_header h;
    SO_EXPECT_CODE(SO_MALFORMED, so_ethernet_parse(g.view(), &h));
  }
}

TEST(EthernetTest, KindsOfAddresses) {
  const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
  const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
  const uint8_t one[6] = {2, 0, 0, 0, 0, 1};
  const uint8_t zero[6] = {0};
  EXPECT_TRUE(so_mac_is_broadcast(broadcast));
  EXPECT_TRUE(so_mac_is_group(broadcast));
  EXPECT_TRUE(so_mac_is_group(group));
  EXPECT_FALSE(so_mac_is_broadcast(group));
  EXPECT_FALSE(so_mac_is_group(one));
  EXPECT_FALSE(so_mac_is_zero(one));
  EXPECT_TRUE(so_mac_is_zero(zero));
  EXPECT_TRUE(so_mac_equal(one, one));
  EXPECT_FALSE(so_mac_equal(one, zero));
}

TEST(EthernetTest, GroupsMapToEthernetGroups) {
  const uint8_t g4[4] = {239, 255, 1, 2};  // Only 23 bits go over: 239.127.1.2 is the same.
  uint8_t mac[6];
  so_ip ip = so_ip4(g4);
  so_mac_of_group(&ip, mac);
  const uint8_t want4[6] = {1, 0, 0x5e, 0x7f, 1, 2};
  EXPECT_EQ(0, memcmp(want4, mac, 6));

  const uint8_t g6[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 1, 2, 3};
  ip = so_ip6(g6);
  so_mac_of_group(&ip, mac);
  const uint8_t want6[6] = {0x33, 0x33, 0xff, 1, 2, 3};
  EXPECT_EQ(0, memcmp(want6, mac, 6));

  ip = so_ip_broadcast();
  so_mac_of_group(&ip, mac);
  EXPECT_TRUE(so_mac_is_broadcast(mac));
}

}  // namespace
