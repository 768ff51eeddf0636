#include "net/ndp/ndp.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/writer.h"
#include "kernel/ports/clock.h"
#include "net/ndp/wire/wire.h"
#include "net/packet/packet.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kS = SO_NS_PER_S;
constexpr uint8_t kMac[6] = {2, 0x11, 0x22, 0x33, 0x44, 0x55};
constexpr uint8_t kRouterMac[6] = {2, 0, 0, 0, 0, 0x63};

so_ip Ip(const char *text) {
  so_ip ip = {};
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

std::string Show(const so_ip &ip) {
  uint8_t buf[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ip_write(&ip, &w);
  return so_test::Text(so_writer_bytes(&w));
}

so_ndp_config Config() {
  so_ndp_config c = {};
  memcpy(c.mac, kMac, 6);
  memset(c.secret, 0x5a, sizeof c.secret);
  c.mtu = 1500;
  c.dad_transmits = 1;
  c.autoconfigure = true;
  return c;
}

struct Sent {
  so_nd_message m;
  std::string src, dst, mac;
};

class NdpTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(so_ok(so_packet_pool_init(&pool_, so_test::Heap(), 64, 256)));
    sink_ = {OnMessage, OnPacket, OnUnreachable, OnDropped, OnJoin,
             OnLeave,   OnAddress, OnDns,         OnSearch,  this};
    Init(Config());
  }
  void TearDown() override {
    so_ndp_stop(&n_, &sink_);
    EXPECT_EQ(0u, pool_.packets_used);
    so_packet_pool_release(&pool_);
  }
  void Init(const so_ndp_config &c) {
    so_ndp_init(&n_, &c);
    so_ndp_start(&n_, now_, &sink_);
  }
  void Run(uint64_t end) {
    for (unsigned k = 0; so_ndp_deadline(&n_) <= end; k++) {
      ASSERT_LT(k, 10000u);
      now_ = std::max(now_, so_ndp_deadline(&n_));
      so_ndp_tick(&n_, now_, &sink_);
    }
    now_ = end;
  }
  void Ready() {
    Run(now_ + 3 * kS);
    ASSERT_TRUE(so_ndp_link_local(&n_, &own_));
    sent_.clear();
  }
  void Input(const so_nd_message &m, const so_ip &src, const so_ip &dst, bool fragmented = false,
             uint8_t hops = 255) {
    uint8_t buf[2048];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_nd_emit(&m, &w);
    ASSERT_FALSE(w.failed);
    const so_ndp_input_message in = {{src, dst, hops}, so_writer_bytes(&w), fragmented};
    so_ndp_input(&n_, &in, now_, &sink_);
  }
  static so_nd_message Ra(uint16_t lifetime_s) {
    so_nd_message m = {};
    m.type = SO_ND_ROUTER_ADVERT;
    m.router.lifetime_s = lifetime_s;
    m.has_source = true;
    memcpy(m.source, kRouterMac, 6);
    return m;
  }
  static so_nd_message RaPrefix(const char *prefix, uint32_t valid_s, uint32_t preferred_s,
                                uint8_t len = 64, bool on_link = true, bool autonomous = true) {
    so_nd_message m = Ra(1800);
    m.router.prefix_count = 1;
    m.router.prefixes[0] = {Ip(prefix), len, on_link, autonomous, valid_s, preferred_s};
    return m;
  }
  void Advertise(const so_nd_message &m) { Input(m, router_, Ip("ff02::1")); }
  // Sends a packet; returns where it went: the last byte of the MAC, or "-".
  std::string Send(const char *to) {
    so_packet *p = so_packet_alloc(&pool_, 0, 4);
    p->dst = Ip(to);
    p->src = own_;
    went_ = "waits";
    const so_status s = so_ndp_send(&n_, p, now_, &sink_);
    if (!so_ok(s)) {
      so_packet_free(&pool_, p);
      return so_is(s, SO_NOT_FOUND) ? "no route" : "?";
    }
    return went_;
  }
  std::string Hop(const char *to) {
    so_ip hop;
    const so_ip dst = Ip(to);
    return so_ok(so_ndp_next_hop(&n_, &dst, now_, &hop)) ? Show(hop) : "none";
  }
  // The address made from `prefix`, or nothing.
  const so_ndp_address *Made(const char *prefix) {
    const so_ip p = Ip(prefix);
    for (const auto &a : n_.addresses) {
      if (a.state != SO_NDP_ADDRESS_NONE && so_ip_in_prefix(&a.address, &p, 64)) {
        return &a;
      }
    }
    return nullptr;
  }

  so_packet_pool pool_;
  so_ndp n_;
  so_ndp_sink sink_;
  uint64_t now_ = 1000 * kS;
  so_ip own_ = {};
  const so_ip router_ = Ip("fe80::99");
  std::vector<Sent> sent_;
  std::multiset<std::string> groups_;
  std::vector<std::pair<std::string, int>> states_;
  std::vector<so_nd_dns> dns_;
  std::vector<std::pair<std::string, uint32_t>> search_;
  std::string went_;
  unsigned unreachable_ = 0;

 private:
  static NdpTest *Of(void *ctx) { return static_cast<NdpTest *>(ctx); }
  static void OnMessage(void *ctx, const so_ndp_output *o) {
    Sent s = {};
    const so_nd_envelope e = {o->src, o->dst, 255};
    EXPECT_TRUE(so_ok(so_nd_parse(o->icmp, &e, &s.m))) << "sent what is not valid";
    s.src = Show(o->src);
    s.dst = Show(o->dst);
    s.mac = o->mac == nullptr ? "" : std::string(reinterpret_cast<const char *>(o->mac), 6);
    Of(ctx)->sent_.push_back(s);
  }
  static void OnPacket(void *ctx, so_packet *p, const uint8_t mac[6]) {
    Of(ctx)->went_ = std::to_string(mac[5]);
    so_packet_free(&Of(ctx)->pool_, p);
  }
  static void OnUnreachable(void *ctx, so_packet *p) {
    Of(ctx)->unreachable_++;
    so_packet_free(&Of(ctx)->pool_, p);
  }
  static void OnDropped(void *ctx, so_packet *p) { so_packet_free(&Of(ctx)->pool_, p); }
  static void OnJoin(void *ctx, const so_ip *g) { Of(ctx)->groups_.insert(Show(*g)); }
  static void OnLeave(void *ctx, const so_ip *g) {
    const auto it = Of(ctx)->groups_.find(Show(*g));
    ASSERT_NE(Of(ctx)->groups_.end(), it);
    Of(ctx)->groups_.erase(it);
  }
  static void OnAddress(void *ctx, const so_ip *a, so_ndp_address_state s) {
    Of(ctx)->states_.emplace_back(Show(*a), s);
  }
  static void OnSearch(void *ctx, const so_nd_search *lists, size_t n) {
    for (size_t i = 0; i < n; i++) {
      Of(ctx)->search_.emplace_back(so_test::Text(lists[i].names), lists[i].lifetime_s);
    }
  }
  static void OnDns(void *ctx, const so_nd_dns *d, size_t n) { Of(ctx)->dns_.assign(d, d + n); }
};

// --- identifiers -----------------------------------------------------------------------------

TEST_F(NdpTest, AnEui64IsTheMacWithABitTurned) {
  so_ndp_config c = Config();
  c.identifier = SO_NDP_EUI64;
  uint8_t id[8];
  const so_ip prefix = Ip("fe80::");
  so_ndp_identifier_make(&c, &prefix, 0, id);
  EXPECT_EQ(0, memcmp("\x00\x11\x22\xff\xfe\x33\x44\x55", id, 8));
}

TEST_F(NdpTest, AnOpaqueIdentifierDependsOnEverythingThatItShould) {
  const so_ip prefix = Ip("2001:db8::"), other = Ip("2001:db8:0:1::");
  std::set<std::string> ids;
  auto make = [&](const so_ndp_config &c, const so_ip &p, uint8_t counter) {
    uint8_t id[8];
    so_ndp_identifier_make(&c, &p, counter, id);
    return std::string(reinterpret_cast<char *>(id), 8);
  };
  so_ndp_config c = Config();
  ids.insert(make(c, prefix, 0));
  EXPECT_EQ(1u, ids.count(make(c, prefix, 0)));
  ids.insert(make(c, prefix, 1));
  ids.insert(make(c, other, 0));
  c.mac[5]++;
  ids.insert(make(c, prefix, 0));
  c = Config();
  c.secret[0]++;
  ids.insert(make(c, prefix, 0));
  EXPECT_EQ(5u, ids.size());
}

// --- duplicate detection ---------------------------------------------------------------------

TEST_F(NdpTest, AnAddressIsProvenBeforeItIsUsed) {
  const so_ip ll = n_.addresses[0].address;
  EXPECT_EQ(SO_NDP_TENTATIVE, so_ndp_state_of(&n_, &ll));
  EXPECT_FALSE(so_ndp_owns(&n_, &ll));
  EXPECT_EQ(1u, groups_.size());
  Run(now_ + 3 * kS);
  ASSERT_GE(sent_.size(), 2u);
  EXPECT_EQ(SO_ND_SOLICIT, sent_[0].m.type);
  EXPECT_EQ("::", sent_[0].src);
  EXPECT_EQ(*groups_.begin(), sent_[0].dst);
  EXPECT_TRUE(so_ip_equal(&ll, &sent_[0].m.target));
  EXPECT_TRUE(sent_[0].m.has_nonce);
  EXPECT_TRUE(so_ndp_owns(&n_, &ll));
  EXPECT_EQ(SO_ND_ROUTER_SOLICIT, sent_[1].m.type);
  EXPECT_EQ("ff02::2", sent_[1].dst);
  EXPECT_EQ(Show(ll), sent_[1].src);
}

TEST_F(NdpTest, AnAdvertisementOfATentativeAddressMakesItADuplicate) {
  const so_ip first = n_.addresses[0].address;
  for (unsigned k = 0; k <= SO_NDP_DAD_RETRIES_MAX; k++) {
    so_nd_message m = {};
    m.type = SO_ND_ADVERT;
    m.target = n_.addresses[0].address;
    EXPECT_EQ(SO_NDP_TENTATIVE, n_.addresses[0].state);
    Input(m, m.target, Ip("ff02::1"));
  }
  EXPECT_EQ(SO_NDP_DUPLICATE, n_.addresses[0].state);  // Four tries, and no more.
  EXPECT_NE(Show(first), Show(n_.addresses[0].address));
  EXPECT_EQ(4u, n_.stats.duplicates);
  EXPECT_TRUE(groups_.empty());
  Run(now_ + 100 * kS);
  so_ip ip;
  EXPECT_FALSE(so_ndp_link_local(&n_, &ip));
  EXPECT_TRUE(sent_.empty());
}

TEST_F(NdpTest, AnothersProbeMakesADuplicateAndOurOwnEchoDoesNot) {
  Run(now_ + kS);  // Our probe went.
  ASSERT_EQ(1u, sent_.size());
  const so_ip first = n_.addresses[0].address;
  const so_ip group = so_ip_solicited_node(&first);
  Input(sent_[0].m, Ip("::"), group);
  EXPECT_EQ(0u, n_.stats.duplicates);
  so_nd_message m = sent_[0].m;
  m.nonce[0]++;
  Input(m, Ip("::"), group);
  EXPECT_EQ(1u, n_.stats.duplicates);
}

TEST_F(NdpTest, AProbeWithoutNonceIsAnothersToo) {
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = n_.addresses[0].address;
  Input(m, Ip("::"), so_ip_solicited_node(&m.target));
  EXPECT_EQ(1u, n_.stats.duplicates);
}

TEST_F(NdpTest, ATentativeAddressIsNotAnsweredFor) {
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = n_.addresses[0].address;
  m.has_source = true;
  Input(m, Ip("fe80::5"), so_ip_solicited_node(&m.target));
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(0u, n_.stats.duplicates);
}

TEST_F(NdpTest, AMacAddressThatIsDuplicateIsGivenUp) {
  so_ndp_config c = Config();
  c.identifier = SO_NDP_EUI64;
  groups_.clear();
  Init(c);
  so_nd_message m = {};
  m.type = SO_ND_ADVERT;
  m.target = n_.addresses[0].address;
  Input(m, m.target, Ip("ff02::1"));
  EXPECT_EQ(SO_NDP_DUPLICATE, n_.addresses[0].state);
}

TEST_F(NdpTest, WithoutDetectionAddressesAreThereAtOnce) {
  so_ndp_config c = Config();
  c.dad_transmits = 0;
  Init(c);
  EXPECT_TRUE(so_ndp_link_local(&n_, &own_));
}

// --- answering -------------------------------------------------------------------------------

TEST_F(NdpTest, ASolicitationIsAnsweredToWhoAsks) {
  Ready();
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = own_;
  m.has_source = true;
  memcpy(m.source, "\2ABCDE", 6);
  Input(m, Ip("fe80::5"), so_ip_solicited_node(&own_));
  ASSERT_EQ(1u, sent_.size());
  const Sent &s = sent_[0];
  EXPECT_EQ(SO_ND_ADVERT, s.m.type);
  EXPECT_TRUE(s.m.solicited && s.m.override && !s.m.from_router && s.m.has_target);
  EXPECT_EQ(0, memcmp(kMac, s.m.target_link, 6));
  EXPECT_EQ("fe80::5", s.dst);
  EXPECT_EQ("\2ABCDE", s.mac);
}

TEST_F(NdpTest, AProbeForOurAddressIsAnsweredToAll) {
  Ready();
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = own_;
  Input(m, Ip("::"), so_ip_solicited_node(&own_));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_FALSE(sent_[0].m.solicited);
  EXPECT_EQ("ff02::1", sent_[0].dst);
}

TEST_F(NdpTest, SolicitationsForOthersAndBadOnesDoNothing) {
  Ready();
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = Ip("fe80::1234");
  m.has_source = true;
  Input(m, Ip("fe80::5"), own_);
  m.target = own_;
  Input(m, Ip("fe80::5"), own_, true);       // In fragments.
  Input(m, Ip("fe80::5"), own_, false, 64);  // From elsewhere.
  Input(m, own_, own_);                      // As if from ourselves.
  EXPECT_TRUE(sent_.empty());
  EXPECT_EQ(1u, n_.stats.fragmented);
  EXPECT_EQ(1u, n_.stats.invalid);
  EXPECT_EQ(0u, n_.neighbors.count);
}

// --- routers ---------------------------------------------------------------------------------

TEST_F(NdpTest, RoutersAreSolicitedMoreAndMoreSlowlyUntilOneAnswers) {
  Ready();
  std::vector<uint64_t> at;
  for (unsigned k = 0; k < 12; k++) {
    now_ = so_ndp_deadline(&n_);
    at.push_back(now_);
    so_ndp_tick(&n_, now_, &sink_);
  }
  EXPECT_GE(at[1] - at[0], 4 * kS);
  for (size_t k = 2; k < at.size(); k++) {
    const uint64_t gap = at[k] - at[k - 1], before = at[k - 1] - at[k - 2];
    EXPECT_TRUE(gap >= 2 * before || gap == 3600 * kS) << k;
    EXPECT_LE(gap, 3600 * kS);
  }
  Advertise(Ra(1800));
  EXPECT_EQ(SO_NEVER, so_ndp_deadline(&n_));
}

TEST_F(NdpTest, ARouterIsUsedUntilItsTimeIsOver) {
  Ready();
  EXPECT_EQ("no route", Send("2001:db8::1"));
  EXPECT_EQ(1u, n_.stats.no_route);
  Advertise(Ra(1800));
  EXPECT_EQ("99", Send("2001:db8::1"));
  now_ += 1799 * kS;
  EXPECT_EQ("fe80::99", Hop("2001:db8::1"));
  now_ += 2 * kS;
  EXPECT_EQ("none", Hop("2001:db8::1"));
  Advertise(Ra(1800));
  EXPECT_EQ("fe80::99", Hop("2001:db8::1"));
  Advertise(Ra(0));
  EXPECT_EQ("none", Hop("2001:db8::1"));
}

TEST_F(NdpTest, PreferenceAndReachabilityChooseAmongRouters) {
  Ready();
  so_nd_message a = Ra(1800), b = Ra(1800), c = Ra(1800);
  a.router.preference = -1;
  b.router.preference = 1;
  c.has_source = false;  // Not known to be there.
  c.router.preference = 1;
  Input(c, Ip("fe80::c"), Ip("ff02::1"));
  EXPECT_EQ("fe80::c", Hop("2001:db8::1"));
  Input(a, Ip("fe80::a"), Ip("ff02::1"));
  EXPECT_EQ("fe80::a", Hop("2001:db8::1"));
  Input(b, Ip("fe80::b"), Ip("ff02::1"));
  EXPECT_EQ("fe80::b", Hop("2001:db8::1"));
}

TEST_F(NdpTest, ARouterThatDoesNotAnswerGivesWayToTheNext) {
  Ready();
  Input(Ra(9000), Ip("fe80::a"), Ip("ff02::1"));
  Input(Ra(9000), Ip("fe80::b"), Ip("ff02::1"));
  const std::string first = Hop("2001:db8::1");
  Send("2001:db8::1");
  Run(now_ + 10 * kS);  // Delay and probes, without an answer.
  EXPECT_NE(first, Hop("2001:db8::1"));
}

TEST_F(NdpTest, TheRouterTableIsBoundedAndAFloodMovesNothing) {
  Ready();
  for (unsigned k = 0; k < 1000; k++) {
    so_ip r = Ip("fe80::1:0");
    r.bytes[14] = static_cast<uint8_t>(k >> 8);
    r.bytes[15] = static_cast<uint8_t>(k);
    so_nd_message m = RaPrefix("2001:db8::", 86400, 86400);
    m.router.prefixes[0].prefix.bytes[6] = static_cast<uint8_t>(k >> 8);
    m.router.prefixes[0].prefix.bytes[7] = static_cast<uint8_t>(k);
    Input(m, r, Ip("ff02::1"));
  }
  unsigned slaac = 0;
  for (const auto &a : n_.addresses) {
    slaac += a.state != SO_NDP_ADDRESS_NONE && a.origin == SO_NDP_SLAAC;
  }
  EXPECT_EQ(SO_NDP_SLAAC_MAX, slaac);
  EXPECT_GT(n_.stats.table_full, 0u);
  EXPECT_EQ("fe80::1:0", Hop("2001:4860::1"));
  // There is still room for what is configured.
  const so_ip mine = Ip("2001:db8:aaaa::1");
  SO_EXPECT_OK(so_ndp_add_address(&n_, &mine, 128, now_, &sink_));
}

TEST_F(NdpTest, WhatWouldCutUsOffIsNotBelieved) {
  Ready();
  so_nd_message m = Ra(1800);
  m.router.hop_limit = 1;
  m.router.mtu = 1279;
  m.router.retrans_ms = 1;
  m.router.reachable_ms = 1;
  Advertise(m);
  EXPECT_EQ(64, n_.hop_limit);
  EXPECT_EQ(1500, n_.mtu);
  EXPECT_EQ(SO_NDP_RETRANS_MS_MIN, n_.neighbors.retrans_ms);
  EXPECT_EQ(1000u, n_.neighbors.reachable_base_ms);
  EXPECT_EQ(2u, n_.stats.values_refused);
  m.router.mtu = 1501;
  Advertise(m);
  EXPECT_EQ(1500, n_.mtu);
  m.router.mtu = 1280;
  m.router.hop_limit = 200;
  Advertise(m);
  EXPECT_EQ(1280, n_.mtu);
  EXPECT_EQ(200, n_.hop_limit);
}

TEST_F(NdpTest, AConfiguredGatewayComesFirstAndStays) {
  Ready();
  const so_ip gateway = Ip("fe80::77"), none = {};
  SO_EXPECT_OK(so_ndp_set_gateway(&n_, &gateway));
  so_nd_message m = Ra(1800);
  m.has_source = false;
  m.router.preference = 1;
  Advertise(m);
  EXPECT_EQ("fe80::77", Hop("2001:db8::1"));
  m = Ra(0);
  Input(m, gateway, Ip("ff02::1"));
  EXPECT_EQ("fe80::77", Hop("2001:db8::1"));
  SO_EXPECT_OK(so_ndp_set_gateway(&n_, &none));
  EXPECT_EQ("fe80::99", Hop("2001:db8::1"));
}

TEST_F(NdpTest, WithoutAutoconfigurationAdvertisementsAreIgnored) {
  so_ndp_config c = Config();
  c.autoconfigure = false;
  Init(c);
  Ready();
  Advertise(RaPrefix("2001:db8::", 86400, 3600));
  EXPECT_EQ("none", Hop("2001:db8::1"));
  EXPECT_EQ(nullptr, Made("2001:db8::"));
  EXPECT_EQ(0u, n_.neighbors.count);
}

// --- prefixes and addresses from them --------------------------------------------------------

TEST_F(NdpTest, APrefixMakesAnAddressAndPutsItOnTheLink) {
  Ready();
  Advertise(RaPrefix("2001:db8:1::", 86400, 3600));
  const so_ndp_address *a = Made("2001:db8:1::");
  ASSERT_NE(nullptr, a);
  EXPECT_EQ(SO_NDP_TENTATIVE, a->state);
  EXPECT_EQ("2001:db8:1::5", Hop("2001:db8:1::5"));
  EXPECT_EQ("fe80::99", Hop("2001:db8:2::5"));
  const uint64_t start = now_;
  Run(now_ + 3 * kS);
  EXPECT_EQ(SO_NDP_PREFERRED, a->state);
  Run(start + 3600 * kS + kS);
  EXPECT_EQ(SO_NDP_DEPRECATED, a->state);
  EXPECT_TRUE(so_ndp_owns(&n_, &a->address));
  Run(start + 86400 * kS + kS);
  EXPECT_EQ(nullptr, Made("2001:db8:1::"));
  EXPECT_EQ("none", Hop("2001:db8:1::5"));  // The prefix ended, and the router.
  EXPECT_EQ(1u, groups_.size());
}

TEST_F(NdpTest, PrefixesThatCannotMakeAnAddressMakeNone) {
  Ready();
  Advertise(RaPrefix("2001:db8:1::", 86400, 86401));
  Advertise(RaPrefix("2001:db8:2::", 86400, 3600, 63));
  Advertise(RaPrefix("2001:db8:3::", 86400, 3600, 65));
  Advertise(RaPrefix("fe80::", 86400, 3600));
  Advertise(RaPrefix("ff05::", 86400, 3600));
  Advertise(RaPrefix("2001:db8:4::", 0, 0));
  Advertise(RaPrefix("2001:db8:5::", 86400, 3600, 64, true, false));
  unsigned count = 0;
  for (const auto &a : n_.addresses) {
    count += a.state != SO_NDP_ADDRESS_NONE;
  }
  EXPECT_EQ(1u, count);
  Advertise(RaPrefix("2001:db8:6::", 86400, 3600, 64, false, true));
  EXPECT_NE(nullptr, Made("2001:db8:6::"));
  EXPECT_EQ("fe80::99", Hop("2001:db8:6::5"));
}

TEST_F(NdpTest, NobodyEndsAnAddressWithinTwoHours) {
  Ready();
  Advertise(RaPrefix("2001:db8:1::", 86400, 3600));
  Run(now_ + 3 * kS);
  const so_ndp_address *a = Made("2001:db8:1::");
  Advertise(RaPrefix("2001:db8:1::", 0, 0));
  EXPECT_EQ(now_ + 7200 * kS, a->valid_until_ns);
  EXPECT_EQ(SO_NDP_DEPRECATED, a->state);
  now_ += 100 * kS;
  Advertise(RaPrefix("2001:db8:1::", 10, 10));
  EXPECT_EQ(now_ + 7100 * kS, a->valid_until_ns);
  Advertise(RaPrefix("2001:db8:1::", 7201, 20));
  EXPECT_EQ(now_ + 7201 * kS, a->valid_until_ns);
  EXPECT_EQ(SO_NDP_PREFERRED, a->state);
  Advertise(RaPrefix("2001:db8:1::", SO_ND_INFINITE_S, SO_ND_INFINITE_S));
  EXPECT_EQ(SO_NEVER, a->valid_until_ns);
  Advertise(RaPrefix("2001:db8:1::", 9000, 9000));
  EXPECT_EQ(now_ + 9000 * kS, a->valid_until_ns);
}

TEST_F(NdpTest, NameServersAreHandedUp) {
  Ready();
  so_nd_message m = Ra(1800);
  m.router.dns_count = 2;
  m.router.dns[0] = {Ip("2001:db8::53"), 60};
  m.router.dns[1] = {Ip("2001:db8::54"), 0};
  Advertise(m);
  ASSERT_EQ(2u, dns_.size());
  EXPECT_EQ("2001:db8::53", Show(dns_[0].server));
  EXPECT_TRUE(search_.empty());
}

TEST_F(NdpTest, SearchListsAreHandedUp) {
  Ready();
  const std::string names("\1a\0\1b\0\0\0\0", 8);
  so_nd_message m = Ra(1800);
  m.router.search_count = 1;
  m.router.search[0] = {so_test::View(names), 60};
  Advertise(m);
  EXPECT_EQ((std::vector<std::pair<std::string, uint32_t>>{{names, 60u}}), search_);
}

// --- redirects -------------------------------------------------------------------------------

TEST_F(NdpTest, ARedirectOfTheRouterInUseIsFollowedAndEnds) {
  Ready();
  Advertise(Ra(9000));
  so_nd_message m = {};
  m.type = SO_ND_REDIRECT;
  m.target = Ip("fe80::42");
  m.destination = Ip("2001:db8:9::1");
  m.has_target = true;
  m.target_link[5] = 0x42;
  Input(m, Ip("fe80::666"), own_);
  EXPECT_EQ("fe80::99", Hop("2001:db8:9::1"));
  Input(m, router_, own_);
  EXPECT_EQ("fe80::42", Hop("2001:db8:9::1"));
  EXPECT_EQ("66", Send("2001:db8:9::1"));
  EXPECT_EQ("fe80::99", Hop("2001:db8:9::2"));
  Input(m, router_, own_);  // No longer the one in use.
  EXPECT_EQ(2u, n_.stats.redirects_refused);
  now_ += 601 * kS;
  EXPECT_EQ("fe80::99", Hop("2001:db8:9::1"));
}

TEST_F(NdpTest, ARedirectMayPutADestinationOnTheLinkButNotMoveOneThatIs) {
  Ready();
  Advertise(Ra(9000));
  so_nd_message m = {};
  m.type = SO_ND_REDIRECT;
  m.target = m.destination = Ip("2001:db8:9::1");
  Input(m, router_, own_);
  EXPECT_EQ("2001:db8:9::1", Hop("2001:db8:9::1"));
  m.target = Ip("fe80::42");
  m.destination = Ip("fe80::5");
  Input(m, router_, own_);
  EXPECT_EQ("fe80::5", Hop("fe80::5"));
  m.target = own_;
  m.destination = Ip("2001:db8:8::1");
  Input(m, router_, own_);
  EXPECT_EQ("fe80::99", Hop("2001:db8:8::1"));
}

TEST_F(NdpTest, RedirectsAreBoundedAndCanBeRefused) {
  Ready();
  Advertise(Ra(9000));
  so_nd_message m = {};
  m.type = SO_ND_REDIRECT;
  m.target = Ip("fe80::42");
  for (unsigned k = 0; k < 100; k++) {
    now_ += kS;
    m.destination = Ip("2001:db8:9::1");
    m.destination.bytes[15] = static_cast<uint8_t>(k);
    Input(m, router_, own_);
  }
  EXPECT_EQ(SO_NDP_REDIRECTS_MAX, n_.redirect_count);
  EXPECT_EQ("fe80::99", Hop("2001:db8:9::1"));
  EXPECT_EQ("fe80::42", Hop("2001:db8:9::63"));
  // The neighbour that they name does not answer: all are forgotten.
  Send("2001:db8:9::63");
  Run(now_ + 5 * kS);
  EXPECT_EQ(1u, unreachable_);
  EXPECT_EQ(0u, n_.redirect_count);
  n_.config.ignore_redirects = true;
  Input(m, router_, own_);
  EXPECT_EQ(0u, n_.redirect_count);
}

// --- source addresses ------------------------------------------------------------------------

TEST_F(NdpTest, TheSourceFitsTheDestination) {
  so_ndp_config c = Config();
  c.dad_transmits = 0;
  Init(c);
  so_ip ll, out;
  ASSERT_TRUE(so_ndp_link_local(&n_, &ll));
  for (const char *t : {"2001:db8:1::1", "2001:db8:2::1", "fd00::1"}) {
    const so_ip ip = Ip(t);
    SO_ASSERT_OK(so_ndp_add_address(&n_, &ip, 64, now_, &sink_));
  }
  struct {
    const char *dst, *src;
  } const cases[] = {{"2001:db8:1::9", "2001:db8:1::1"}, {"2001:db8:2::9", "2001:db8:2::1"},
                     {"2001:db8:2::1", "2001:db8:2::1"}, {"fd00:1::1", "fd00::1"},
                     {"2a00::1", "2001:db8:1::1"},       {"ff0e::1", "2001:db8:1::1"}};
  for (const auto &t : cases) {
    const so_ip dst = Ip(t.dst);
    SO_ASSERT_OK(so_ndp_source(&n_, &dst, &out));
    EXPECT_EQ(t.src, Show(out)) << t.dst;
  }
  for (const char *t : {"fe80::1", "ff02::5"}) {
    const so_ip dst = Ip(t);
    SO_ASSERT_OK(so_ndp_source(&n_, &dst, &out));
    EXPECT_EQ(Show(ll), Show(out)) << t;
  }
}

TEST_F(NdpTest, DeprecatedAddressesAreTheLastChoice) {
  Ready();
  Advertise(RaPrefix("2001:db8:1::", 86400, 10));
  Advertise(RaPrefix("2001:db8:ffff::", 86400, 86400));
  Run(now_ + 3 * kS);
  const so_ip dst = Ip("2001:db8:1::9"), other = Ip("2001:db8:ffff::");
  so_ip out;
  SO_ASSERT_OK(so_ndp_source(&n_, &dst, &out));
  EXPECT_FALSE(so_ip_in_prefix(&out, &other, 64));
  Run(now_ + 10 * kS);
  SO_ASSERT_OK(so_ndp_source(&n_, &dst, &out));
  EXPECT_TRUE(so_ip_in_prefix(&out, &other, 64));
}

TEST_F(NdpTest, ConfiguredAddressesComeAndGo) {
  Ready();
  const so_ip a = Ip("2001:db8:7::1");
  SO_ASSERT_OK(so_ndp_add_address(&n_, &a, 64, now_, &sink_));
  SO_ASSERT_OK(so_ndp_add_address(&n_, &a, 80, now_, &sink_));
  EXPECT_EQ(2u, groups_.size());
  Run(now_ + 3 * kS);
  EXPECT_TRUE(so_ndp_owns(&n_, &a));
  EXPECT_EQ("2001:db8:7::9", Hop("2001:db8:7::9"));
  SO_ASSERT_OK(so_ndp_remove_address(&n_, &a, &sink_));
  EXPECT_EQ(1u, groups_.size());
  SO_EXPECT_CODE(SO_NOT_FOUND, so_ndp_remove_address(&n_, &a, &sink_));
  so_ip ip = Ip("2001:db8:8::");
  for (unsigned k = 1; k < SO_NDP_ADDRESSES_MAX; k++) {
    ip.bytes[15] = static_cast<uint8_t>(k);
    SO_ASSERT_OK(so_ndp_add_address(&n_, &ip, 128, now_, &sink_));
  }
  ip.bytes[15] = 99;
  SO_EXPECT_CODE(SO_LIMIT, so_ndp_add_address(&n_, &ip, 128, now_, &sink_));
}

TEST_F(NdpTest, AnAnswerFromFarAwayConfirmsTheRouter) {
  Ready();
  Advertise(Ra(9000));
  Send("2001:db8::1");
  const so_ip dst = Ip("2001:db8::1");
  so_ndp_confirm(&n_, &dst, now_);
  const so_neighbor *e = so_neighbors_find(&n_.neighbors, &router_);
  ASSERT_NE(nullptr, e);
  EXPECT_EQ(SO_NEIGHBOR_REACHABLE, e->state);
  EXPECT_TRUE(e->pinned);
}

}  // namespace
