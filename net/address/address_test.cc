#include "net/address/address.h"

#include <arpa/inet.h>

#include <cstring>
#include <random>
#include <string>

#include "base/writer.h"
#include "tests/support/support.h"

namespace {

so_bytes View(const std::string &s) { return so_bytes_of(s.data(), s.size()); }

bool Parses(const std::string &text, so_ip *out) { return so_ok(so_ip_parse(View(text), out)); }

std::string Text(const so_ip &ip) {
  uint8_t buf[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ip_write(&ip, &w);
  const so_bytes b = so_writer_bytes(&w);
  return std::string(reinterpret_cast<const char *>(b.ptr), b.len);
}

std::string Canonical(const std::string &text) {
  so_ip ip;
  return Parses(text, &ip) ? Text(ip) : "refused";
}

TEST(AddressTest, WritesWhatRfc5952Recommends) {
  EXPECT_EQ(Canonical("2001:0db8::0001"), "2001:db8::1");                        // 4.1
  EXPECT_EQ(Canonical("2001:db8:0:0:0:0:2:1"), "2001:db8::2:1");                 // 4.2.1
  EXPECT_EQ(Canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");          // 4.2.2
  EXPECT_EQ(Canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");                   // 4.2.3
  EXPECT_EQ(Canonical("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");             // 4.2.3
  EXPECT_EQ(Canonical("2001:DB8::ABCD"), "2001:db8::abcd");                      // 4.3
  EXPECT_EQ(Canonical("::ffff:192.0.2.1"), "::ffff:192.0.2.1");                  // 5
  EXPECT_EQ(Canonical("::"), "::");
  EXPECT_EQ(Canonical("1::"), "1::");
  EXPECT_EQ(Canonical("::1"), "::1");
}

TEST(AddressTest, RefusesWhatIsNoAddress) {
  for (const char *text :
       {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", "1..2.3", ":", ":::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1::2", "12345::", "g::1", "1:",
        ":1", "1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "1.2.3.4::"}) {
    EXPECT_EQ(Canonical(text), "refused") << text;
  }
}

TEST(AddressTest, AgreesWithTheHostOnRandomAddresses) {
  std::mt19937_64 rng(7);
  for (int i = 0; i < 20000; i++) {
    uint8_t bytes[16];
    for (auto &b : bytes) {
      b = rng() % 3 == 0 ? static_cast<uint8_t>(rng()) : 0;
    }
    so_ip ip = so_ip6(bytes);
    so_ip back;
    ASSERT_TRUE(Parses(Text(ip), &back)) << Text(ip);
    EXPECT_TRUE(so_ip_equal(&ip, &back));
    in6_addr host;
    ASSERT_EQ(inet_pton(AF_INET6, Text(ip).c_str(), &host), 1);
    EXPECT_EQ(memcmp(&host, bytes, 16), 0);
    ip = so_ip4(bytes);
    in_addr host4;
    ASSERT_EQ(inet_pton(AF_INET, Text(ip).c_str(), &host4), 1);
    EXPECT_EQ(memcmp(&host4, bytes, 4), 0);
  }
}

TEST(AddressTest, PrefixesCompareBitByBit) {
  so_ip a, b;
  ASSERT_TRUE(Parses("192.0.2.129", &a) && Parses("192.0.2.0", &b));
  EXPECT_TRUE(so_ip_in_prefix(&a, &b, 0));
  EXPECT_TRUE(so_ip_in_prefix(&a, &b, 24));
  EXPECT_FALSE(so_ip_in_prefix(&a, &b, 25));
  EXPECT_FALSE(so_ip_in_prefix(&a, &b, 33));
  EXPECT_TRUE(so_ip_in_prefix(&a, &a, 32));
  ASSERT_TRUE(Parses("fe80::", &b));
  EXPECT_FALSE(so_ip_in_prefix(&a, &b, 0));
}

TEST(AddressTest, KnowsTheKinds) {
  so_ip ip;
  ASSERT_TRUE(Parses("224.0.0.1", &ip));
  EXPECT_TRUE(so_ip_is_multicast(&ip));
  ASSERT_TRUE(Parses("223.255.255.255", &ip));
  EXPECT_FALSE(so_ip_is_multicast(&ip));
  ASSERT_TRUE(Parses("febf::1", &ip));
  EXPECT_TRUE(so_ip_is_link_local(&ip));
  ASSERT_TRUE(Parses("fec0::1", &ip));
  EXPECT_FALSE(so_ip_is_link_local(&ip));
  ASSERT_TRUE(Parses("::1", &ip));
  EXPECT_TRUE(so_ip_is_loopback(&ip));
  ASSERT_TRUE(Parses("255.255.255.255", &ip));
  EXPECT_TRUE(so_ip_is_broadcast(&ip));
  ASSERT_TRUE(Parses("2001:db8::aabb:ccdd", &ip));
  ip = so_ip_solicited_node(&ip);
  EXPECT_EQ(Text(ip), "ff02::1:ffbb:ccdd");
}

}  // namespace
