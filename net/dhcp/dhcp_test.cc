#include "net/dhcp/dhcp.h"

#include <fstream>
#include <sstream>
#include <vector>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

using so_test::Guarded;
using so_test::View;

const uint8_t kMac[6] = {2, 0, 0, 0, 0, 1};

std::string Be32(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

std::string Option(int code, const std::string &value) {
  return std::string(1, static_cast<char>(code)) + static_cast<char>(value.size()) + value;
}

// A server's message before its options.
std::string Head(uint32_t xid, const std::string &address, const std::string &sname = "",
                 const std::string &file = "") {
  std::string m("\x02\x01\x06\x00", 4);
  m += Be32(xid) + std::string(4 + 4, '\0') + address + std::string(8, '\0');
  m += std::string(reinterpret_cast<const char *>(kMac), 6) + std::string(10, '\0');
  std::string s = sname, f = file;
  s.resize(64);
  f.resize(128);
  return m + s + f + "\x63\x82\x53\x63";
}

const std::string kAddress("\x0a\x00\x00\x32", 4);
const std::string kServer("\x0a\x00\x00\x01", 4);
const std::string kEnd("\xff", 1);

std::string Good(so_dhcp_type type, uint32_t xid, uint32_t lease_s = 3600,
                 const std::string &address = kAddress) {
  return Head(xid, address) + Option(53, std::string(1, static_cast<char>(type))) +
         Option(54, kServer) + Option(51, Be32(lease_s)) +
         Option(1, "\xff\xff\xff" + std::string(1, 0)) +
         Option(3, kServer) + Option(6, kServer + "\x0a" + std::string(2, 0) + "\x02") +
         Option(26, "\x05\x78") + Option(15, "example.org") + kEnd;
}

so_status Parse(const std::string &m, so_dhcp_reply *out) {
  Guarded g(m);
  return so_dhcp_reply_parse(g.view(), so_str("me"), out);
}

std::string IpText(const so_ip &ip) {
  uint8_t buf[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ip_write(&ip, &w);
  return so_test::Text(so_writer_bytes(&w));
}

// --- parsing -------------------------------------------------------------------------------------

TEST(DhcpReplyTest, AnOfferIsRead) {
  so_dhcp_reply r;
  SO_ASSERT_OK(Parse(Good(SO_DHCP_OFFER, 0x1234), &r));
  EXPECT_EQ(SO_DHCP_OFFER, r.type);
  EXPECT_EQ(0x1234u, r.xid);
  EXPECT_TRUE(r.has_server);
  EXPECT_FALSE(r.has_client_id);
  EXPECT_EQ("10.0.0.50", IpText(r.lease.address));
  EXPECT_EQ("10.0.0.1", IpText(r.lease.server));
  EXPECT_EQ(24, r.lease.prefix_len);
  EXPECT_EQ(1, r.lease.router_count);
  ASSERT_EQ(2, r.lease.dns_count);
  EXPECT_EQ("10.0.0.2", IpText(r.lease.dns[1]));
  EXPECT_EQ(1400, r.lease.mtu);
  EXPECT_EQ(3600u, r.lease.lease_s);
  EXPECT_EQ("example.org", so_test::Text(so_bytes_of(r.lease.domain, r.lease.domain_len)));
}

TEST(DhcpReplyTest, EveryTruncationIsRefusedOrLeavesOutWholeOptions) {
  const std::string whole = Good(SO_DHCP_ACK, 1);
  const size_t fixed = Head(1, kAddress).size();
  so_dhcp_reply r;
  size_t accepted = 0;
  for (size_t n = 0; n < whole.size(); n++) {
    const so_status s = Parse(whole.substr(0, n), &r);
    EXPECT_FALSE(n < fixed && so_ok(s)) << n;
    accepted += so_ok(s);
  }
  EXPECT_EQ(9u, accepted);  // Before each of eight options, and before the end.
}

TEST(DhcpReplyTest, PiecesOfAnOptionAreJoinedAlsoOverSnameAndFile) {
  // RFC 3396 section 7: the options field, then file, then sname.
  const std::string first = Option(121, std::string("\x10\x0a\x14", 3) + kServer.substr(0, 2));
  const std::string second = Option(121, kServer.substr(2) + std::string("\x00\x0a", 2)) + kEnd;
  const std::string third = Option(121, kServer.substr(1)) + kEnd;
  so_dhcp_reply r;
  SO_ASSERT_OK(Parse(Head(1, kAddress, third, second) + Option(53, "\x05") + Option(52, "\x03") +
                         first + kEnd,
                     &r));
  ASSERT_EQ(2, r.lease.route_count);
  EXPECT_EQ("10.20.0.0", IpText(r.lease.routes[0].destination));
  EXPECT_EQ(16, r.lease.routes[0].prefix_len);
  EXPECT_EQ("10.0.0.1", IpText(r.lease.routes[0].gateway));
  EXPECT_EQ(0, r.lease.routes[1].prefix_len);
  EXPECT_EQ("10.0.0.1", IpText(r.lease.routes[1].gateway));
  // Without option 52 the other fields are names.
  SO_EXPECT_CODE(SO_MALFORMED, Parse(Head(1, kAddress, third, second) + first + kEnd, &r));
}

TEST(DhcpReplyTest, ClasslessRoutesReplaceTheRouters) {
  so_dhcp_reply r;
  const std::string head = Head(1, kAddress) + Option(3, kServer);
  SO_ASSERT_OK(Parse(head + kEnd, &r));
  EXPECT_EQ(1, r.lease.router_count);
  // Examples of RFC 3442: 10.27.129.0/24, and bits past the prefix do not count.
  SO_ASSERT_OK(Parse(head + Option(121, "\x18\x0a\x1b\x81" + kServer) + kEnd, &r));
  EXPECT_EQ(0, r.lease.router_count);
  EXPECT_EQ("10.27.129.0", IpText(r.lease.routes[0].destination));
  SO_ASSERT_OK(Parse(head + Option(121, "\x19\x0a\x1b\x81\xff" + kServer) + kEnd, &r));
  EXPECT_EQ("10.27.129.128", IpText(r.lease.routes[0].destination));
  SO_EXPECT_CODE(SO_MALFORMED, Parse(head + Option(121, "\x21\x0a\x1b\x81\x01\x01" + kServer), &r));
  SO_EXPECT_CODE(SO_MALFORMED, Parse(head + Option(121, ""), &r));
}

// RFC 3397 2: names of more than 255 bytes, and pointers from one piece into another.
TEST(DhcpReplyTest, ASearchListIsJoinedAndCutAndNeverCostsTheLease) {
  so_dhcp_reply r;
  const std::string first("\3eng\5apple\3co", 14), second("m\0\x09marketing\xc0\4", 14);
  const std::string head = Head(1, kAddress) + Option(53, "\2");
  SO_ASSERT_OK(Parse(head + Option(119, first) + Option(1, "\xff\xff\xff\x80") +
                         Option(119, second) + kEnd, &r));
  EXPECT_EQ(first + second, so_test::Text(so_bytes_of(r.lease.search, r.lease.search_len)));
  EXPECT_EQ(25, r.lease.prefix_len);
  const std::string x(255, 'x'), y(255, 'y');
  SO_ASSERT_OK(
      Parse(head + Option(119, x) + Option(119, y) + Option(119, "last") + kEnd, &r));
  EXPECT_EQ(SO_DHCP_SEARCH_LEN_MAX, r.lease.search_len);
  EXPECT_EQ('a', r.lease.search[511]);
  SO_ASSERT_OK(Parse(head + Option(119, "") + kEnd, &r));
  EXPECT_EQ(0, r.lease.search_len);
  SO_ASSERT_OK(Parse(head + kEnd, &r));
  EXPECT_EQ(0, r.lease.search_len);
}

TEST(DhcpReplyTest, TablesKeepWhatFits) {
  std::string routes, servers;
  for (int i = 0; i <= SO_DHCP_ROUTES_MAX; i++) {
    routes += "\x08" + std::string(1, static_cast<char>(i)) + kServer;
    servers += kServer;
  }
  so_dhcp_reply r;
  SO_ASSERT_OK(Parse(Head(1, kAddress) + Option(121, routes) + Option(6, servers) +
                         Option(42, servers) + kEnd,
                     &r));
  EXPECT_EQ(SO_DHCP_ROUTES_MAX, r.lease.route_count);
  EXPECT_EQ(SO_DHCP_DNS_MAX, r.lease.dns_count);
  EXPECT_EQ(SO_DHCP_NTP_MAX, r.lease.ntp_count);
}

TEST(DhcpReplyTest, WrongLengthsAndMasksAreMalformed) {
  so_dhcp_reply r;
  const std::string head = Head(1, kAddress);
  const std::string bad[] = {
      Option(53, ""),         Option(53, "\x05\x05"),     Option(53, "\x09"),
      Option(51, "abc"),      Option(54, "abcde"),        Option(6, ""),
      Option(3, "abc"),       Option(26, "a"),            Option(52, "\x04"),
      Option(52, std::string(1, 0)), Option(1, std::string("\xff\x00\xff\x00", 4)),
      Option(15, std::string("a\0b", 3)), std::string("\x06\x08" "abcd"), std::string("\x06"),
  };
  for (const std::string &b : bad) {
    SO_EXPECT_CODE(SO_MALFORMED, Parse(head + b, &r));
  }
  std::string m = Good(SO_DHCP_ACK, 1);
  m[0] = 1;
  SO_EXPECT_CODE(SO_UNSUPPORTED, Parse(m, &r));
  m = Good(SO_DHCP_ACK, 1);
  m[1] = 6;
  SO_EXPECT_CODE(SO_UNSUPPORTED, Parse(m, &r));
  m = Good(SO_DHCP_ACK, 1);
  m[236] ^= 1;
  SO_EXPECT_CODE(SO_MALFORMED, Parse(m, &r));
  std::string most = head + kEnd;
  most.resize(SO_DHCP_MESSAGE_LEN_MAX);
  SO_EXPECT_OK(Parse(most, &r));
  SO_EXPECT_CODE(SO_MALFORMED, Parse(most + "x", &r));
}

// --- the client ----------------------------------------------------------------------------------

class DhcpTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(""); }

  void Start(const std::string &previous) {
    so_dhcp_config config = {};
    memcpy(config.mac, kMac, sizeof kMac);
    hostname_ = "guest1";
    config.hostname = View(hostname_);
    config.seed[0] = 5;
    if (!previous.empty()) {
      config.previous = so_ip4(reinterpret_cast<const uint8_t *>(previous.data()));
    }
    so_dhcp_init(&d_, &config, now_);
  }

  // What is sent now: its type, or 0.
  int Sent() {
    so_dhcp_out out;
    if (!so_dhcp_message(&d_, &out)) {
      return 0;
    }
    dst_ = IpText(out.dst);
    src_ = IpText(out.src);
    sent_ = so_test::Text(out.payload);
    return sent_[242];  // The type is the first option.
  }

  int Tick() {
    now_ = so_dhcp_deadline(&d_);
    EXPECT_NE(SO_NEVER, now_);
    so_dhcp_tick(&d_, now_);
    return Sent();
  }

  void Input(const std::string &m) {
    Guarded g(m);
    so_dhcp_input(&d_, g.view(), now_);
  }

  void Bind(uint32_t lease_s = 3600) {
    ASSERT_EQ(SO_DHCP_DISCOVER, Tick());
    Input(Good(SO_DHCP_OFFER, d_.xid, lease_s));
    ASSERT_EQ(SO_DHCP_REQUEST, Sent());
    Input(Good(SO_DHCP_ACK, d_.xid, lease_s));
    ASSERT_EQ(SO_DHCP_HOLDING, d_.state);
    ASSERT_EQ(SO_DHCP_BOUND, so_dhcp_event(&d_));
  }

  bool Has(int code, const std::string &value) const {
    return sent_.find(Option(code, value), 240) != std::string::npos;
  }

  // Brings the client into a state by messages and time alone.
  void Reach(so_dhcp_state state) {
    Start(state == SO_DHCP_REBOOTING ? kAddress : "");
    if (state == SO_DHCP_STOPPED) {
      so_dhcp_stop(&d_, now_);
    } else if (state == SO_DHCP_SELECTING || state == SO_DHCP_REQUESTING) {
      Tick();
      if (state == SO_DHCP_REQUESTING) {
        Input(Good(SO_DHCP_OFFER, d_.xid));
      }
    } else if (state == SO_DHCP_HOLDING || state == SO_DHCP_RENEWING ||
               state == SO_DHCP_REBINDING) {
      Bind();
      while (d_.state != state) {
        Tick();
      }
    }
    Sent();
    so_dhcp_event(&d_);
    ASSERT_EQ(state, d_.state);
  }

  so_dhcp d_;
  std::string hostname_, sent_, dst_, src_;
  uint64_t now_ = 77;
};

TEST_F(DhcpTest, ALeaseIsDiscoveredChosenAndRequested) {
  ASSERT_EQ(SO_DHCP_DISCOVER, Tick());
  EXPECT_EQ("255.255.255.255", dst_);
  EXPECT_EQ("0.0.0.0", src_);
  EXPECT_GE(sent_.size(), 300u);
  EXPECT_EQ('\x80', sent_[10]);  // Answer by broadcast.
  EXPECT_TRUE(Has(12, "guest1"));
  const std::string mac(reinterpret_cast<const char *>(kMac), 6);
  EXPECT_TRUE(Has(61, "\xff" + mac.substr(2) + std::string("\0\3\0\1", 4) + mac));
  EXPECT_FALSE(Has(54, kServer));
  const uint32_t xid = d_.xid;
  Input(Good(SO_DHCP_OFFER, xid));
  ASSERT_EQ(SO_DHCP_REQUEST, Sent());
  EXPECT_EQ(xid, d_.xid);
  EXPECT_TRUE(Has(50, kAddress) && Has(54, kServer));
  EXPECT_EQ(SO_DHCP_NONE, so_dhcp_event(&d_));
  now_ += SO_NS_PER_S;
  Input(Good(SO_DHCP_ACK, xid));
  EXPECT_EQ(SO_DHCP_BOUND, so_dhcp_event(&d_));
  EXPECT_EQ("10.0.0.50", IpText(d_.lease.address));
  EXPECT_EQ(1800u, d_.lease.renew_s);
  EXPECT_EQ(3150u, d_.lease.rebind_s);
  // The lease counts from when it was requested, a second ago.
  EXPECT_EQ(now_ + 1799 * SO_NS_PER_S, so_dhcp_deadline(&d_));
}

TEST_F(DhcpTest, DiscoveryIsRepeatedEverMoreSlowlyWithJitter) {
  ASSERT_EQ(SO_DHCP_DISCOVER, Tick());
  for (uint64_t s : {4, 8, 16, 32, 64, 64, 64}) {
    const uint64_t wait = so_dhcp_deadline(&d_) - now_;
    EXPECT_GE(wait, (s - 1) * SO_NS_PER_S);
    EXPECT_LE(wait, (s + 1) * SO_NS_PER_S);
    EXPECT_NE(0u, wait % SO_NS_PER_S);
    ASSERT_EQ(SO_DHCP_DISCOVER, Tick());
  }
  EXPECT_EQ(7u, d_.stats.timeouts);
  EXPECT_NE(0, sent_[8] | sent_[9]);  // secs
}

TEST_F(DhcpTest, ARequestWithoutAnswerIsGivenUpAfterFour) {
  Tick();
  Input(Good(SO_DHCP_OFFER, d_.xid));
  EXPECT_EQ(SO_DHCP_REQUEST, Sent());
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(SO_DHCP_REQUEST, Tick());
  }
  EXPECT_EQ(0, Tick());
  EXPECT_EQ(SO_DHCP_INIT, d_.state);
  EXPECT_EQ(SO_DHCP_DISCOVER, Tick());
}

TEST_F(DhcpTest, OnlyMessagesForUsCount) {
  Tick();
  Input(Good(SO_DHCP_OFFER, d_.xid + 1));
  std::string m = Good(SO_DHCP_OFFER, d_.xid);
  m[28] ^= 1;  // Another's hardware address.
  Input(m);
  m = Good(SO_DHCP_OFFER, d_.xid);
  m.insert(m.size() - 1, Option(61, "another"));
  Input(m);
  Input(Good(SO_DHCP_OFFER, d_.xid, 0));
  Input(Good(SO_DHCP_OFFER, d_.xid, 9));
  Input(Good(SO_DHCP_OFFER, d_.xid, 60, std::string("\xe0\0\0\1", 4)));
  Input(Good(SO_DHCP_OFFER, d_.xid, 60, std::string(4, '\0')));
  Input(Good(SO_DHCP_ACK, d_.xid));
  Input(Good(SO_DHCP_DISCOVER, d_.xid));
  EXPECT_EQ(9u, d_.stats.other);
  EXPECT_EQ(SO_DHCP_SELECTING, d_.state);
  Input("rubbish");
  EXPECT_EQ(1u, d_.stats.malformed);
  m = Good(SO_DHCP_OFFER, d_.xid);
  m.insert(m.size() - 1, Option(61, std::string(reinterpret_cast<char *>(d_.client_id), 15)));
  Input(m);
  EXPECT_EQ(SO_DHCP_REQUESTING, d_.state);
  // The ACK must be the chosen server's, for the chosen address.
  Input(Good(SO_DHCP_ACK, d_.xid, 60, std::string("\x0a\0\0\x33", 4)));
  m = Good(SO_DHCP_ACK, d_.xid);
  m.replace(m.find(Option(54, kServer)), 6, Option(54, std::string("\x0a\0\0\x09", 4)));
  Input(m);
  EXPECT_EQ(SO_DHCP_REQUESTING, d_.state);
}

TEST_F(DhcpTest, ALeaseIsRenewedAtT1ByItsServer) {
  Bind();
  ASSERT_EQ(SO_DHCP_REQUEST, Tick());
  EXPECT_EQ(SO_DHCP_RENEWING, d_.state);
  EXPECT_EQ("10.0.0.1", dst_);
  EXPECT_EQ("10.0.0.50", src_);
  EXPECT_EQ(kAddress, sent_.substr(12, 4));
  EXPECT_EQ('\0', sent_[10]);
  EXPECT_FALSE(Has(50, kAddress) || Has(54, kServer));
  Input(Good(SO_DHCP_ACK, d_.xid, 7200));
  EXPECT_EQ(SO_DHCP_RENEWED, so_dhcp_event(&d_));
  EXPECT_EQ(now_ + 3600 * SO_NS_PER_S, so_dhcp_deadline(&d_));
}

TEST_F(DhcpTest, WithoutItsServerALeaseIsRebroadcastThenLost) {
  Bind();
  int renewals = 0, rebindings = 0;
  while (d_.state != SO_DHCP_INIT) {
    const uint64_t before = now_;
    Tick();
    EXPECT_TRUE(renewals == 0 || now_ >= before);
    renewals += d_.state == SO_DHCP_RENEWING;
    if (d_.state == SO_DHCP_REBINDING) {
      rebindings++;
      EXPECT_EQ("255.255.255.255", dst_);
      EXPECT_EQ("10.0.0.50", src_);
    }
  }
  // 1350 s from T1 to T2, halved down to a minute; 450 s from T2 to the end.
  EXPECT_EQ(6, renewals);
  EXPECT_EQ(4, rebindings);
  EXPECT_EQ(SO_DHCP_LOST, so_dhcp_event(&d_));
  EXPECT_EQ(77u + 3600, now_ / SO_NS_PER_S + 77);
  EXPECT_EQ(SO_DHCP_DISCOVER, Tick());
}

TEST_F(DhcpTest, ANakLosesTheLease) {
  Bind();
  Tick();
  Input(Good(SO_DHCP_NAK, d_.xid));
  EXPECT_EQ(SO_DHCP_LOST, so_dhcp_event(&d_));
  EXPECT_EQ(SO_DHCP_INIT, d_.state);
  EXPECT_GE(so_dhcp_deadline(&d_) - now_, SO_NS_PER_S);
}

TEST_F(DhcpTest, AnAddressInUseIsDeclined) {
  Bind();
  so_dhcp_conflict(&d_, now_);
  EXPECT_EQ(SO_DHCP_DECLINE, Sent());
  EXPECT_EQ("255.255.255.255", dst_);
  EXPECT_EQ("0.0.0.0", src_);
  EXPECT_TRUE(Has(50, kAddress) && Has(54, kServer));
  EXPECT_EQ(SO_DHCP_LOST, so_dhcp_event(&d_));
  EXPECT_GE(so_dhcp_deadline(&d_) - now_, 10 * SO_NS_PER_S);
  EXPECT_EQ(SO_DHCP_DISCOVER, Tick());
  EXPECT_FALSE(Has(50, kAddress));
}

TEST_F(DhcpTest, ALeaseForEverNeedsNoTimer) {
  Bind(UINT32_MAX);
  EXPECT_EQ(SO_NEVER, so_dhcp_deadline(&d_));
}

TEST_F(DhcpTest, TimesThatMakeNoSenseAreReplaced) {
  Tick();
  Input(Good(SO_DHCP_OFFER, d_.xid));
  std::string m = Good(SO_DHCP_ACK, d_.xid, 1000);
  m.insert(m.size() - 1, Option(58, Be32(1)) + Option(59, Be32(5000)));
  Input(m);
  EXPECT_EQ(500u, d_.lease.renew_s);
  EXPECT_EQ(875u, d_.lease.rebind_s);
}

TEST_F(DhcpTest, AfterTheCableTheAddressIsAskedForAgainAndKept) {
  Bind();
  so_dhcp_link_up(&d_, now_);
  EXPECT_EQ(SO_DHCP_REQUEST, Sent());
  EXPECT_EQ(SO_DHCP_REBOOTING, d_.state);
  EXPECT_TRUE(Has(50, kAddress));
  EXPECT_FALSE(Has(54, kServer));
  for (int i = 0; i < 2; i++) {
    EXPECT_EQ(SO_DHCP_REQUEST, Tick());
  }
  EXPECT_EQ(0, Tick());
  EXPECT_EQ(SO_DHCP_HOLDING, d_.state);  // Nobody answered: the lease still runs.
  EXPECT_EQ(SO_DHCP_NONE, so_dhcp_event(&d_));
  so_dhcp_link_up(&d_, now_);
  Input(Good(SO_DHCP_ACK, d_.xid));
  EXPECT_EQ(SO_DHCP_RENEWED, so_dhcp_event(&d_));
}

TEST_F(DhcpTest, AnAddressOfAnEarlierRunIsAskedForFirst) {
  Start(kAddress);
  EXPECT_EQ(SO_DHCP_REQUEST, Sent());
  EXPECT_TRUE(Has(50, kAddress));
  Input(Good(SO_DHCP_NAK, d_.xid));
  EXPECT_EQ(SO_DHCP_NONE, so_dhcp_event(&d_));
  EXPECT_EQ(SO_DHCP_DISCOVER, Tick());
  Start(kAddress);
  Sent();
  Input(Good(SO_DHCP_ACK, d_.xid));
  EXPECT_EQ(SO_DHCP_BOUND, so_dhcp_event(&d_));
}

TEST_F(DhcpTest, StoppingGivesTheLeaseBack) {
  Bind();
  so_dhcp_stop(&d_, now_);
  EXPECT_EQ(SO_DHCP_RELEASE, Sent());
  EXPECT_EQ("10.0.0.1", dst_);
  EXPECT_TRUE(Has(54, kServer));
  EXPECT_EQ(SO_DHCP_LOST, so_dhcp_event(&d_));
  EXPECT_EQ(SO_NEVER, so_dhcp_deadline(&d_));
}

// Figure 5 of RFC 2131, and what this client adds to it (links, conflicts, stopping).
TEST_F(DhcpTest, EveryEventInEveryStateLeadsWhereTheTableSays) {
  constexpr so_dhcp_state kI = SO_DHCP_INIT, kS = SO_DHCP_SELECTING, kQ = SO_DHCP_REQUESTING,
                          kB = SO_DHCP_REBOOTING, kH = SO_DHCP_HOLDING, kN = SO_DHCP_RENEWING,
                          kR = SO_DHCP_REBINDING, kT = SO_DHCP_STOPPED;
  //                          tick OFFER ACK NAK conflict link stop
  const so_dhcp_state want[SO_DHCP_STATES][7] = {
      /* INIT       */ {kS, kI, kI, kI, kI, kI, kT},
      /* SELECTING  */ {kS, kQ, kS, kS, kS, kI, kT},
      /* REQUESTING */ {kQ, kQ, kH, kI, kQ, kI, kT},
      /* REBOOTING  */ {kB, kB, kH, kI, kB, kB, kT},
      /* HOLDING    */ {kN, kH, kH, kH, kI, kB, kT},
      /* RENEWING   */ {kN, kN, kH, kI, kI, kB, kT},
      /* REBINDING  */ {kR, kR, kH, kI, kI, kB, kT},
      /* STOPPED    */ {kT, kT, kT, kT, kT, kT, kT},
  };
  for (int state = 0; state < SO_DHCP_STATES; state++) {
    for (int event = 0; event < 7; event++) {
      Reach(static_cast<so_dhcp_state>(state));
      if (event == 0) {
        now_ = so_dhcp_deadline(&d_) == SO_NEVER ? now_ : so_dhcp_deadline(&d_);
        so_dhcp_tick(&d_, now_);
      } else if (event <= 3) {
        Input(Good(event == 1 ? SO_DHCP_OFFER : event == 2 ? SO_DHCP_ACK : SO_DHCP_NAK, d_.xid));
      } else if (event == 4) {
        so_dhcp_conflict(&d_, now_);
      } else if (event == 5) {
        so_dhcp_link_up(&d_, now_);
      } else {
        so_dhcp_stop(&d_, now_);
      }
      EXPECT_EQ(want[state][event], d_.state)
          << so_dhcp_state_name(static_cast<so_dhcp_state>(state)) << " event " << event << " gave "
          << so_dhcp_state_name(d_.state);
    }
  }
}

// testdata/*.txt: exchanges recorded between this client and real servers on a virtual cable, ">
// hex"
// what we sent, "< hex" what came back. The client is given the answers with its own transaction
// put in.
TEST_F(DhcpTest, AnExchangeRecordedFromDnsmasqIsUnderstood) {
  std::ifstream in("net/dhcp/testdata/dnsmasq.txt");
  ASSERT_TRUE(in.good());
  std::vector<so_dhcp_type> seen;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] != '<') {
      continue;
    }
    std::string m;
    for (size_t i = 2; i + 1 < line.size(); i += 2) {
      m += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
    }
    if (d_.state == SO_DHCP_INIT || d_.state == SO_DHCP_HOLDING) {
      Tick();
    }
    m.replace(4, 4, Be32(d_.xid));
    so_dhcp_reply r;
    SO_ASSERT_OK(so_dhcp_reply_parse(View(m), so_bytes_of(d_.client_id, 15), &r));
    seen.push_back(r.type);
    Input(m);
    Sent();
  }
  ASSERT_EQ((std::vector<so_dhcp_type>{SO_DHCP_OFFER, SO_DHCP_ACK}), seen);
  EXPECT_EQ(SO_DHCP_HOLDING, d_.state);
  EXPECT_EQ(SO_DHCP_BOUND, so_dhcp_event(&d_));
  EXPECT_EQ(120u, d_.lease.lease_s);
  EXPECT_EQ(24, d_.lease.prefix_len);
  EXPECT_EQ(1400, d_.lease.mtu);
  EXPECT_EQ(2, d_.lease.dns_count);
  ASSERT_EQ(2, d_.lease.route_count);
  EXPECT_EQ("10.20.0.0", IpText(d_.lease.routes[0].destination));
  EXPECT_EQ(0, d_.lease.router_count);
  EXPECT_EQ("10.9.0.3", IpText(d_.lease.ntp[0]));
  EXPECT_EQ("example.org", so_test::Text(so_bytes_of(d_.lease.domain, d_.lease.domain_len)));
}

}  // namespace
