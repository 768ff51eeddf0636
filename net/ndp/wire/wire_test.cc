#include "net/ndp/wire/wire.h"

#include <string>
#include <vector>

#include "base/writer.h"
#include "tests/support/support.h"

namespace {

so_ip Ip(const char *text) {
  so_ip ip = {};
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

std::string Emit(const so_nd_message &m) {
  uint8_t buf[2048];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_nd_emit(&m, &w);
  EXPECT_FALSE(w.failed);
  return so_test::Text(so_writer_bytes(&w));
}

const so_nd_envelope kOnLink = {Ip("fe80::1"), Ip("fe80::2"), 255};

bool Parses(const std::string &bytes, const so_nd_envelope &e = kOnLink,
            so_nd_message *out = nullptr) {
  so_nd_message m;
  const so_test::Guarded g(bytes);
  const bool ok = so_ok(so_nd_parse(g.view(), &e, &m));
  if (out != nullptr) {
    *out = m;
    for (so_nd_search &s : out->router.search) {  // Views that outlive the guarded copy.
      s.names.ptr += s.names.len == 0 ? 0 : so_test::View(bytes).ptr - g.view().ptr;
    }
  }
  return ok;
}

so_nd_message Solicit() {
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = Ip("fe80::2");
  m.has_source = true;
  memcpy(m.source, "abcdef", 6);
  return m;
}

so_nd_message Advert() {
  so_nd_message m = {};
  m.type = SO_ND_ADVERT;
  m.target = Ip("2001:db8::5");
  m.from_router = true;
  m.override = true;
  m.has_target = true;
  memcpy(m.target_link, "ghijkl", 6);
  return m;
}

so_nd_message Redirect() {
  so_nd_message m = {};
  m.type = SO_ND_REDIRECT;
  m.target = Ip("fe80::9");
  m.destination = Ip("2001:db8:9::1");
  m.has_target = true;
  return m;
}

const std::string kDomains("\7example\3org\0\4corp\0\0\0\0\0", 24);

so_nd_message Router() {
  so_nd_message m = {};
  m.type = SO_ND_ROUTER_ADVERT;
  m.has_source = true;
  m.router.hop_limit = 64;
  m.router.managed = true;
  m.router.preference = -1;
  m.router.lifetime_s = 1800;
  m.router.reachable_ms = 30000;
  m.router.retrans_ms = 1000;
  m.router.mtu = 1480;
  m.router.prefix_count = 2;
  m.router.prefixes[0] = {Ip("2001:db8:1::"), 64, true, true, 86400, 14400};
  m.router.prefixes[1] = {Ip("2001:db8:2::"), 48, true, false, SO_ND_INFINITE_S, 0};
  m.router.dns_count = 1;
  m.router.dns[0] = {Ip("2001:db8::53"), 1200};
  m.router.search_count = 1;
  m.router.search[0] = {so_test::View(kDomains), 1300};
  return m;
}

so_nd_message RouterSolicit() {
  so_nd_message m = {};
  m.type = SO_ND_ROUTER_SOLICIT;
  m.has_source = true;
  return m;
}

const std::vector<so_nd_message> kAll = {Solicit(), Advert(), Redirect(), Router(),
                                         RouterSolicit()};

TEST(NdWireTest, EveryMessageComesBackAsItWas) {
  for (const so_nd_message &m : kAll) {
    so_nd_message got;
    const std::string bytes = Emit(m);
    ASSERT_TRUE(Parses(bytes, kOnLink, &got)) << m.type;
    EXPECT_EQ(bytes, Emit(got));
  }
  so_nd_message got;
  ASSERT_TRUE(Parses(Emit(Router()), kOnLink, &got));
  EXPECT_EQ(1480u, got.router.mtu);
  EXPECT_EQ(2u, got.router.prefix_count);
  EXPECT_EQ(SO_ND_INFINITE_S, got.router.prefixes[1].valid_s);
  EXPECT_FALSE(got.router.prefixes[1].autonomous);
  EXPECT_EQ(1200u, got.router.dns[0].lifetime_s);
  EXPECT_EQ(-1, got.router.preference);
  ASSERT_EQ(1u, got.router.search_count);
  EXPECT_EQ(1300u, got.router.search[0].lifetime_s);
  EXPECT_EQ(kDomains.size(), got.router.search[0].names.len);
}

// RFC 4861 4.3 laid out by hand.
TEST(NdWireTest, TheBytesOfASolicitationAreThoseOfTheRfc) {
  std::string want("\x87\0\0\0\0\0\0\0", 8);
  want += std::string("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 16);
  want += std::string("\1\1", 2) + "abcdef";
  EXPECT_EQ(want, Emit(Solicit()));
}

TEST(NdWireTest, EveryTruncationIsRefusedUnlessItEndsAtAnOption) {
  for (const so_nd_message &m : kAll) {
    const std::string bytes = Emit(m);
    size_t accepted = 0;
    for (size_t n = 0; n < bytes.size(); n++) {
      accepted += Parses(bytes.substr(0, n));
    }
    // A message may end where an option ends; there are so many such places.
    const size_t options = m.type == SO_ND_ROUTER_ADVERT ? 6 : 1;
    EXPECT_EQ(options, accepted) << m.type;
    EXPECT_FALSE(Parses(bytes + '\0'));
  }
}

TEST(NdWireTest, AnythingButHopLimit255IsRefused) {
  for (const so_nd_message &m : kAll) {
    so_nd_envelope e = kOnLink;
    for (int hops : {0, 1, 64, 254}) {
      e.hop_limit = static_cast<uint8_t>(hops);
      EXPECT_FALSE(Parses(Emit(m), e)) << m.type << " " << hops;
    }
  }
}

TEST(NdWireTest, ACodeOtherThanZeroIsRefused) {
  for (const so_nd_message &m : kAll) {
    std::string bytes = Emit(m);
    bytes[1] = 1;
    EXPECT_FALSE(Parses(bytes));
  }
}

TEST(NdWireTest, AnOptionOfLengthZeroIsRefused) {
  for (const so_nd_message &m : kAll) {
    EXPECT_FALSE(Parses(Emit(m) + std::string("\xc8\0\0\0\0\0\0\0", 8))) << m.type;
    EXPECT_TRUE(Parses(Emit(m) + std::string("\xc8\1\0\0\0\0\0\0", 8))) << m.type;
    EXPECT_FALSE(Parses(Emit(m) + std::string("\xc8\2\0\0\0\0\0\0", 8))) << m.type;
  }
}

TEST(NdWireTest, AnotherTypeIsUnsupported) {
  so_nd_message m;
  const std::string bytes("\x80\0\0\0\0\0\0\0", 8);
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_nd_parse(so_test::View(bytes), &kOnLink, &m));
}

TEST(NdWireTest, SolicitationsWithoutSourceAreForTheGroupAndNameNone) {
  so_nd_message m = Solicit();
  so_nd_envelope e = {Ip("::"), Ip("ff02::1:ff00:2"), 255};
  EXPECT_FALSE(Parses(Emit(m), e));
  m.has_source = false;
  EXPECT_TRUE(Parses(Emit(m), e));
  e.dst = Ip("fe80::2");
  EXPECT_FALSE(Parses(Emit(m), e));
  e.dst = Ip("ff02::1");
  EXPECT_FALSE(Parses(Emit(m), e));
  so_nd_message rs = RouterSolicit();
  EXPECT_FALSE(Parses(Emit(rs), e));
  rs.has_source = false;
  EXPECT_TRUE(Parses(Emit(rs), e));
}

TEST(NdWireTest, AMulticastTargetIsRefused) {
  so_nd_message m = Solicit();
  m.target = Ip("ff02::1");
  EXPECT_FALSE(Parses(Emit(m)));
  m = Advert();
  m.target = Ip("ff02::1");
  EXPECT_FALSE(Parses(Emit(m)));
}

TEST(NdWireTest, ASolicitedAdvertisementToAGroupIsRefused) {
  so_nd_message m = Advert();
  so_nd_envelope e = kOnLink;
  e.dst = Ip("ff02::1");
  EXPECT_TRUE(Parses(Emit(m), e));
  m.solicited = true;
  EXPECT_TRUE(Parses(Emit(m)));
  EXPECT_FALSE(Parses(Emit(m), e));
}

TEST(NdWireTest, RoutersSpeakFromLinkLocalAddresses) {
  so_nd_envelope e = kOnLink;
  e.src = Ip("2001:db8::1");
  EXPECT_FALSE(Parses(Emit(Router()), e));
  EXPECT_FALSE(Parses(Emit(Redirect()), e));
}

TEST(NdWireTest, ARedirectNamesARouterOrTheDestinationItself) {
  so_nd_message m = Redirect();
  m.target = Ip("2001:db8::7");
  EXPECT_FALSE(Parses(Emit(m)));
  m.target = m.destination;
  EXPECT_TRUE(Parses(Emit(m)));
  m.destination = Ip("ff0e::1");
  m.target = Ip("fe80::9");
  EXPECT_FALSE(Parses(Emit(m)));
}

TEST(NdWireTest, TheNonceComesBackAndALongerOneIsNot) {
  so_nd_message m = Solicit(), got;
  m.has_nonce = true;
  memcpy(m.nonce, "nonce!", 6);
  ASSERT_TRUE(Parses(Emit(m), kOnLink, &got));
  EXPECT_TRUE(got.has_nonce);
  EXPECT_EQ(0, memcmp("nonce!", got.nonce, 6));
  m.has_nonce = false;
  ASSERT_TRUE(Parses(Emit(m) + std::string("\x0e\2", 2) + std::string(14, 'n'), kOnLink, &got));
  EXPECT_FALSE(got.has_nonce);
}

TEST(NdWireTest, ListsAreBoundedAndTheRestIsCounted) {
  so_nd_message m = Router(), got;
  m.router.prefix_count = SO_ND_PREFIXES_MAX;
  m.router.dns_count = SO_ND_DNS_MAX;
  m.router.search_count = SO_ND_SEARCH_MAX;
  for (auto &p : m.router.prefixes) {
    p = {Ip("2001:db8:3::"), 64, true, true, 1, 1};
  }
  for (auto &d : m.router.dns) {
    d = {Ip("2001:db8::53"), 1};
  }
  for (auto &s : m.router.search) {
    s = {so_test::View(kDomains), 1};
  }
  const std::string full = Emit(m);
  ASSERT_TRUE(Parses(full, kOnLink, &got));
  EXPECT_EQ(0u, got.ignored);
  so_nd_message one = Router();
  one.has_source = false;
  one.router.mtu = 0;
  const std::string extra = Emit(one).substr(16);  // Two prefixes, a server, a search list.
  ASSERT_TRUE(Parses(full + extra, kOnLink, &got));
  EXPECT_EQ(4u, got.ignored);
  EXPECT_EQ(SO_ND_PREFIXES_MAX, got.router.prefix_count);
}

TEST(NdWireTest, TooManyOptionsAreRefused) {
  std::string bytes = Emit(Advert());
  const std::string option("\xc8\1\0\0\0\0\0\0", 8);
  for (unsigned k = 1; k < SO_ND_OPTIONS_MAX; k++) {
    bytes += option;
  }
  EXPECT_TRUE(Parses(bytes));
  EXPECT_FALSE(Parses(bytes + option));
}

TEST(NdWireTest, OptionsOfTheWrongSizeAreRefused) {
  so_nd_message m = Router();
  m.router.prefix_count = 0;
  m.router.dns_count = 0;
  const std::string base = Emit(m);
  EXPECT_FALSE(Parses(base + std::string("\3\3", 2) + std::string(22, 0)));     // Prefix.
  EXPECT_FALSE(Parses(base + std::string("\5\2", 2) + std::string(14, 0)));     // MTU.
  EXPECT_FALSE(Parses(base + std::string("\x19\1", 2) + std::string(6, 0)));    // No server.
  EXPECT_FALSE(Parses(base + std::string("\x19\4", 2) + std::string(30, 1)));   // One and a half.
  EXPECT_FALSE(Parses(base + std::string("\x1f\1", 2) + std::string(6, 0)));    // No domain.
  EXPECT_TRUE(Parses(base + std::string("\x1f\2", 2) + std::string(14, 9)));    // Read by others.
  std::string prefix = std::string("\3\4\x81\xc0", 4) + std::string(28, 0);     // Length 129.
  EXPECT_FALSE(Parses(base + prefix));
  prefix[2] = static_cast<char>(128);
  EXPECT_TRUE(Parses(base + prefix));
}

}  // namespace
