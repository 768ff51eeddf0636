#include <string>

#include "net/host/host.h"
#include "net/host/parts.h"
#include "tests/support/support.h"

namespace {

so_status Parse(const std::string &text, so_host_config *out, std::string *bad = nullptr) {
  so_bytes word;
  const so_status s = so_host_config_parse(so_test::View(text), out, &word);
  if (bad != nullptr) {
    *bad = std::string(reinterpret_cast<const char *>(word.ptr), word.len);
  }
  return s;
}

so_ip Ip(const char *text) {
  so_ip ip = {};
  SO_EXPECT_OK(so_ip_parse(so_str(text), &ip));
  return ip;
}

void ExpectIp(const char *want, const so_ip &got) {
  const so_ip ip = Ip(want);
  EXPECT_TRUE(so_ip_equal(&ip, &got)) << want;
}

TEST(HostConfigTest, ReadsEverySetting) {
  so_host_config c;
  SO_ASSERT_OK(
      Parse("ip=192.0.2.10/24  ip=2001:db8::10/64 gw=192.0.2.1 gw=fe80::1 "
            "dns=192.0.2.53,2001:db8::53 ntp=time.example,2001:db8::123 ipv6=off hostname=tess-1 "
            "pages=1000 connections=50 congestion=newreno ",
            &c));
  ASSERT_EQ(c.address_count, 2u);
  ExpectIp("192.0.2.10", c.addresses[0].ip);
  EXPECT_EQ(c.addresses[0].prefix_len, 24);
  ExpectIp("2001:db8::10", c.addresses[1].ip);
  EXPECT_EQ(c.addresses[1].prefix_len, 64);
  ExpectIp("192.0.2.1", c.gateways[0]);
  ExpectIp("fe80::1", c.gateways[1]);
  ASSERT_EQ(c.dns_count, 2u);
  ExpectIp("2001:db8::53", c.dns[1]);
  ASSERT_EQ(c.ntp_count, 2u);
  EXPECT_EQ(std::string(reinterpret_cast<char *>(c.ntp[0].name), c.ntp[0].len), "time.example");
  EXPECT_EQ(std::string(reinterpret_cast<char *>(c.ntp[1].name), c.ntp[1].len), "2001:db8::123");
  EXPECT_FALSE(c.no_ntp);
  EXPECT_TRUE(c.no_ipv6);
  EXPECT_EQ(std::string(reinterpret_cast<char *>(c.hostname), c.hostname_len), "tess-1");
  EXPECT_EQ(c.page_count, 1000u);
  EXPECT_EQ(c.connections_max, 50u);
  EXPECT_EQ(c.congestion, SO_TCP_NEWRENO);
  EXPECT_FALSE(c.dhcp);
}

TEST(HostConfigTest, TimeServersHaveTheirLimits) {
  so_host_config c;
  SO_EXPECT_OK(Parse("ntp=a,b,c ntp=" + std::string(SO_HOST_NTP_NAME_LEN_MAX, 'd'), &c));
  EXPECT_EQ(c.ntp_count, 4u);
  SO_EXPECT_OK(Parse("ntp=off", &c));
  EXPECT_TRUE(c.no_ntp);
  EXPECT_EQ(c.ntp_count, 0u);
  for (const std::string &bad :
       {std::string("ntp="), std::string("ntp=a,,b"), std::string("ntp=a,b,c,d,e"),
        std::string("ntp=a_b"), "ntp=" + std::string(SO_HOST_NTP_NAME_LEN_MAX + 1, 'd')}) {
    std::string word;
    SO_EXPECT_CODE(SO_MALFORMED, Parse(bad, &c, &word));
    EXPECT_EQ(word, bad);
  }
}

TEST(HostConfigTest, ASearchListIsTextOrOff) {
  so_host_config c;
  SO_ASSERT_OK(Parse("search=example.org,a_b.corp.", &c));
  EXPECT_EQ("example.org,a_b.corp.", so_test::Text(so_bytes_of(c.search, c.search_len)));
  EXPECT_FALSE(c.no_search);
  SO_EXPECT_CODE(SO_MALFORMED, Parse("search=a search=b", &c));
  SO_EXPECT_OK(Parse("search=" + std::string(255, 'a'), &c));
  SO_EXPECT_CODE(SO_MALFORMED, Parse("search=" + std::string(256, 'a'), &c));
  SO_ASSERT_OK(Parse("search=off", &c));
  EXPECT_TRUE(c.no_search);
  EXPECT_EQ(0, c.search_len);
}

TEST(HostConfigTest, NothingMeansTheDefaults) {
  so_host_config c;
  SO_ASSERT_OK(Parse("", &c));
  EXPECT_EQ(c.address_count, 0u);
  EXPECT_FALSE(c.dhcp || c.no_ipv6);
  SO_ASSERT_OK(Parse("ip=dhcp", &c));
  EXPECT_TRUE(c.dhcp);
  EXPECT_EQ(c.address_count, 0u);
}

TEST(HostConfigTest, NamesTheWordThatIsWrong) {
  const char *const wrong[] = {
      "ip",
      "ip=",
      "ip=192.0.2.1",
      "ip=192.0.2.1/",
      "ip=192.0.2.1/0",
      "ip=192.0.2.1/33",
      "ip=::1/64",
      "ip=0.0.0.0/8",
      "ip=224.0.0.1/24",
      "ip=127.0.0.1/8",
      "ip=2001:db8::1/129",
      "ip=255.255.255.255/32",
      "gw=",
      "gw=::",
      "gw=300.0.0.1",
      "dns=",
      "dns=1.2.3.4,,",
      "search=",
      "search=a;b",
      "ipv6=maybe",
      "hostname=",
      "hostname=-a",
      "hostname=a-",
      "hostname=a.b",
      "pages=63",
      "pages=4194305",
      "pages=-1",
      "connections=0",
      "congestion=bbr",
      "what=ever",
      "=",
      "ip=192.0.2.1/24/24",
  };
  for (const char *const word : wrong) {
    so_host_config c;
    std::string bad;
    SO_EXPECT_CODE(SO_MALFORMED, Parse(std::string("hostname=ok ") + word + " pages=64", &c, &bad));
    EXPECT_EQ(bad, word);
  }
}

TEST(HostConfigTest, HoldsToItsLimits) {
  so_host_config c;
  std::string many;
  for (int i = 1; i <= SO_HOST_ADDRESSES_MAX; i++) {
    many += "ip=192.0.2." + std::to_string(i) + "/24 ";
  }
  SO_EXPECT_OK(Parse(many, &c));
  SO_EXPECT_CODE(SO_MALFORMED, Parse(many + "ip=192.0.2.99/24", &c));
  SO_EXPECT_OK(Parse("dns=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4", &c));
  SO_EXPECT_CODE(SO_MALFORMED, Parse("dns=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5", &c));
  SO_EXPECT_OK(Parse("hostname=" + std::string(63, 'a'), &c));
  SO_EXPECT_CODE(SO_MALFORMED, Parse("hostname=" + std::string(64, 'a'), &c));
  SO_EXPECT_CODE(SO_MALFORMED, Parse("gw=192.0.2.1 gw=192.0.2.2", &c));
  SO_EXPECT_OK(Parse("pages=64 connections=1048576", &c));
}

// What a configuration that has some parts says is missing.
std::string Missing(const std::string &text, void (*parts)(so_host_config *c), bool *out_needed) {
  so_host_config c;
  SO_EXPECT_OK(Parse(text, &c));
  if (parts != nullptr) {
    parts(&c);
  }
  const char *const why = so_host_config_missing(&c, out_needed);
  return why == nullptr ? "" : why;
}

TEST(HostConfigTest, ASettingWithoutItsPartIsNamed) {
  struct {
    const char *text;
    const char *part;
    bool needed;
  } const wants[] = {
      {"ip=dhcp", "part dhcp", true},
      {"ip=2001:db8::1/64", "part ipv6", true},
      {"ip=192.0.2.1/24 gw=fe80::1", "part ipv6", true},
      {"ip=192.0.2.1/24 dns=192.0.2.2", "part names", false},
      {"ip=192.0.2.1/24 search=example", "part names", false},
      {"ip=192.0.2.1/24 ntp=192.0.2.2", "part clock", false},
  };
  bool needed;
  for (const auto &w : wants) {
    EXPECT_NE(Missing(w.text, nullptr, &needed).find(w.part), std::string::npos) << w.text;
    EXPECT_EQ(needed, w.needed) << w.text;
    EXPECT_EQ(Missing(w.text, so_host_config_all, &needed), "") << w.text;
  }
  EXPECT_EQ(Missing("ip=192.0.2.1/24 gw=192.0.2.2 ipv6=off ntp=off", nullptr, &needed), "");
}

}  // namespace
