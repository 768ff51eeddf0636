#include "net/dns/server/server.h"

#include <memory>
#include <string>
#include <vector>

#include "tests/support/support.h"

using so_test::Guarded;
using so_test::Text;
using so_test::View;

namespace {

constexpr uint64_t kSeed = 7;

std::string Name(const std::string &text) {
  so_dns_name n;
  SO_EXPECT_OK(so_dns_name_from_text(View(text), so_bytes_of(nullptr, 0), &n));
  return Text(so_dns_name_view(&n));
}

std::string NameText(so_bytes name) {
  uint8_t buf[1100];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_dns_name_write_text(&w, name);
  return Text(so_writer_bytes(&w));
}

std::string U16(unsigned v) {
  return std::string({static_cast<char>(v >> 8), static_cast<char>(v)});
}

const std::string kOrg =
    "$TTL 300\n$ORIGIN example.org.\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n"
    "www CNAME web\nweb A 192.0.2.80\n*.w TXT wild\n*.w A 192.0.2.9\n*.wc CNAME web\n"
    "a.ent A 192.0.2.5\nd DNAME t\nx.t A 192.0.2.6\nloop1 CNAME loop2\nloop2 CNAME loop1\n"
    "dl DNAME dl.dl\n"
    "sub NS ns.sub\nsub NS ns.other.net.\nns.sub A 192.0.2.53\nns.sub AAAA 2001:db8::53\n"
    "out CNAME www.example.com.\nfar CNAME a.far.net.\n";

std::string Chain() {
  std::string out;
  for (int i = 0; i < 20; i++) {
    out += "c" + std::to_string(i) + " CNAME c" + std::to_string(i + 1) + "\n";
  }
  return out + "c20 A 192.0.2.20\n";
}

std::string Big() {
  std::string out;
  for (int i = 0; i < 20; i++) {
    out += "big TXT \"" + std::to_string(i) + std::string(80, 'x') + "\"\n";
  }
  return out;
}

struct Record {
  std::string name;
  uint16_t type;
  uint32_t ttl;
  std::string rdata;
};

struct Reply {
  so_dns_result result = SO_DNS_DROP;
  std::string bytes;
  so_dns_header header = {};
  std::vector<Record> sections[4];
  bool has_edns = false;
  so_dns_edns edns = {};
  unsigned rcode() const { return header.rcode | unsigned{edns.rcode_high} << 4; }
  std::string Owners(int section) const {
    std::string out;
    for (const Record &r : sections[section]) {
      out += (out.empty() ? "" : " ") + r.name + std::to_string(r.type);
    }
    return out;
  }
};

Reply Parse(so_dns_result result, so_bytes answer) {
  Reply r;
  r.result = result;
  if (result != SO_DNS_SEND) {
    return r;
  }
  r.bytes = Text(answer);
  SO_EXPECT_OK(so_dns_message_check(answer));
  SO_EXPECT_OK(so_dns_header_read(answer, &r.header));
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  for (unsigned i = 0; i < r.header.counts[0]; i++) {
    SO_EXPECT_OK(so_dns_question_read(answer, &at, &q));
  }
  for (int s = 1; s < 4; s++) {
    for (unsigned i = 0; i < r.header.counts[s]; i++) {
      so_dns_rr rr;
      static uint8_t rdata[65535];
      so_writer w = so_writer_of(rdata, sizeof rdata);
      SO_EXPECT_OK(so_dns_rr_read(answer, &at, &rr));
      if (rr.type == SO_DNS_OPT) {
        EXPECT_FALSE(r.has_edns);
        r.has_edns = true;
        SO_EXPECT_OK(so_dns_edns_read(&rr, &r.edns));
        continue;
      }
      SO_EXPECT_OK(so_dns_rdata_read(answer, &rr, &w));
      r.sections[s].push_back({NameText(so_dns_name_view(&rr.name)), rr.type, rr.ttl,
                               Text(so_writer_bytes(&w))});
    }
  }
  return r;
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.seed = kSeed;
    config_.memos = memos_.data();
    config_.memo_count = memos_.size();
    config_.rates = rates_.data();
    config_.rate_count = rates_.size();
    client_.address = View(address_);
    client_.now_s = 1000;
    Start();
    Load({{"example.org.", kOrg + Chain() + Big()},
          {"example.com.",
           "$TTL 9\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nwww A 198.51.100.1\nsub NS n.sub\n"
           "n.sub A 198.51.100.2\nsub DS 1 13 2 00\n"},
          {"sub.example.com.", "$TTL 9\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nwww A 198.51.100.3\n"}});
  }
  void Start() { so_dns_server_init(&server_, &config_); }
  void TearDown() override { Drop(); }
  void Drop() {
    for (auto &z : zones_) {
      so_dns_zone_release(z.get());
    }
    zones_.clear();
  }
  void Load(const std::vector<std::pair<std::string, std::string>> &texts) {
    std::vector<const so_dns_zone *> list;
    Drop();
    for (const auto &[origin, text] : texts) {
      const std::string wire = Name(origin);
      so_dns_zone_text t = {};
      t.file = so_str("zone");
      t.text = View(text);
      t.origin = View(wire);
      t.seed = kSeed;
      t.memory_limit = 1 << 24;
      so_dns_zone_error error;
      zones_.push_back(std::make_unique<so_dns_zone>());
      const so_status s = so_dns_zone_load(zones_.back().get(), so_test::Heap(), &t, &error);
      ASSERT_TRUE(so_ok(s)) << error.line << error.reason;
      list.push_back(zones_.back().get());
    }
    SO_ASSERT_OK(so_dns_server_set_zones(&server_, list.data(), list.size()));
  }
  static std::string Query(const std::string &name, unsigned type, const std::string &more = "",
                           unsigned arcount = 0, unsigned flags = 0, unsigned qclass = 1) {
    return U16(0xabcd) + U16(flags) + U16(1) + U16(0) + U16(0) + U16(arcount) + Name(name) +
           U16(type) + U16(qclass) + more;
  }
  static std::string Opt(unsigned udp, unsigned high = 0, const std::string &options = "") {
    return std::string(1, '\0') + U16(41) + U16(udp) + U16(high >> 16) + U16(high & 0xffff) +
           U16(static_cast<unsigned>(options.size())) + options;
  }
  Reply Send(const std::string &query, so_dns_transfer *t = nullptr) {
    const Guarded g(query);
    // Old bytes of other answers, and nothing behind the room.
    const Guarded room(std::string(client_.is_tcp ? 65535 : 1232, '\xc0'));
    so_bytes out = {};
    const so_dns_result r =
        so_dns_server_answer(&server_, &client_, g.view(), const_cast<uint8_t *>(room.view().ptr),
                             room.view().len, &out, t);
    return Parse(r, out);
  }
  // Twice: the second answer may come from memory and must be the same.
  Reply Ask(const std::string &name, unsigned type, const std::string &more = "",
            unsigned arcount = 0) {
    const Reply first = Send(Query(name, type, more, arcount));
    const Reply second = Send(Query(name, type, more, arcount));
    EXPECT_EQ(first.bytes, second.bytes) << name;
    return second;
  }
  std::string address_ = std::string("\xc0\0\2\7", 4);
  std::vector<so_dns_memo> memos_ = std::vector<so_dns_memo>(64);
  std::vector<so_dns_rate> rates_ = std::vector<so_dns_rate>(64);
  so_dns_server_config config_ = {};
  so_dns_server server_;
  so_dns_client client_ = {};
  std::vector<std::unique_ptr<so_dns_zone>> zones_;
};

TEST_F(ServerTest, AnAliasIsFollowed) {
  const Reply r = Ask("www.example.org.", SO_DNS_A);
  EXPECT_TRUE(r.header.qr && r.header.aa && !r.header.tc && !r.header.ra);
  EXPECT_EQ(0xabcd, r.header.id);
  EXPECT_EQ("www.example.org.5 web.example.org.1", r.Owners(1));
  EXPECT_EQ("", r.Owners(2));
  EXPECT_FALSE(r.has_edns);
  EXPECT_EQ("www.example.org.5", Ask("www.example.org.", SO_DNS_CNAME).Owners(1));
}

TEST_F(ServerTest, AnAliasLeadsIntoOtherZonesOfTheServerAndNoFurther) {
  EXPECT_EQ("out.example.org.5 www.example.com.1", Ask("out.example.org.", SO_DNS_A).Owners(1));
  const Reply r = Ask("far.example.org.", SO_DNS_A);
  EXPECT_EQ("far.example.org.5", r.Owners(1));
  EXPECT_EQ(0u, r.rcode());
}

TEST_F(ServerTest, WildcardsStandForWhatDoesNotExist) {
  EXPECT_EQ("q.w.example.org.16", Ask("q.w.example.org.", SO_DNS_TXT).Owners(1));
  EXPECT_EQ("a.b.w.example.org.16", Ask("a.b.w.example.org.", SO_DNS_TXT).Owners(1));
  EXPECT_EQ("q.wc.example.org.5 web.example.org.1", Ask("q.wc.example.org.", SO_DNS_A).Owners(1));
  const Reply none = Ask("q.w.example.org.", SO_DNS_MX);
  EXPECT_EQ(0u, none.rcode());
  EXPECT_EQ("example.org.6", none.Owners(2));
  EXPECT_EQ("", Ask("w.example.org.", SO_DNS_TXT).Owners(1));
}

TEST_F(ServerTest, WhatIsNotThereIsDeniedWithTheSoaAndItsNegativeTime) {
  const Reply name = Ask("nothing.example.org.", SO_DNS_A);
  EXPECT_EQ(SO_DNS_NXDOMAIN, name.rcode());
  EXPECT_TRUE(name.header.aa);
  ASSERT_EQ("example.org.6", name.Owners(2));
  EXPECT_EQ(60u, name.sections[2][0].ttl);
  const Reply data = Ask("web.example.org.", SO_DNS_AAAA);
  EXPECT_EQ(SO_DNS_NOERROR, data.rcode());
  EXPECT_EQ("example.org.6", data.Owners(2));
  EXPECT_EQ(SO_DNS_NOERROR, Ask("ent.example.org.", SO_DNS_A).rcode()) << "an empty non-terminal";
}

TEST_F(ServerTest, DelegationsAreReferredWithGlue) {
  for (const char *n : {"sub.example.org.", "a.b.sub.example.org.", "ns.sub.example.org."}) {
    const Reply r = Ask(n, SO_DNS_A);
    EXPECT_FALSE(r.header.aa);
    EXPECT_EQ("", r.Owners(1));
    EXPECT_EQ("sub.example.org.2 sub.example.org.2", r.Owners(2));
    EXPECT_EQ("ns.sub.example.org.1 ns.sub.example.org.28", r.Owners(3));
  }
}

TEST_F(ServerTest, TheDsOfAZoneIsAnsweredByTheZoneAbove) {
  EXPECT_EQ("sub.example.com.43", Ask("sub.example.com.", SO_DNS_DS).Owners(1));
  EXPECT_EQ("sub.example.com.2", Ask("sub.example.com.", SO_DNS_NS).Owners(1));
  EXPECT_EQ("www.sub.example.com.1", Ask("www.sub.example.com.", SO_DNS_A).Owners(1));
  const Reply none = Ask("example.org.", SO_DNS_DS);
  EXPECT_EQ("example.org.6", none.Owners(2));
}

TEST_F(ServerTest, ADnameMakesAnAlias) {
  const Reply r = Ask("x.d.example.org.", SO_DNS_A);
  EXPECT_EQ("d.example.org.39 x.d.example.org.5 x.t.example.org.1", r.Owners(1));
  EXPECT_EQ("d.example.org.39 x.d.example.org.5", Ask("x.d.example.org.", SO_DNS_CNAME).Owners(1));
  EXPECT_EQ(SO_DNS_NXDOMAIN, Ask("y.d.example.org.", SO_DNS_A).rcode());
  const std::string l60(60, 'a');
  client_.is_tcp = true;  // The chain up to there is long.
  const Reply longest = Ask(l60 + "." + l60 + "." + l60 + "." + std::string(48, 'b') +
                                ".dl.example.org.", SO_DNS_A);
  EXPECT_EQ(SO_DNS_YXDOMAIN, longest.rcode());
}

TEST_F(ServerTest, ChainsEnd) {
  EXPECT_EQ("loop1.example.org.5 loop2.example.org.5",
            Ask("loop1.example.org.", SO_DNS_A).Owners(1));
  const Reply r = Ask("c0.example.org.", SO_DNS_A);
  EXPECT_LE(r.sections[1].size(), size_t{SO_DNS_CHAIN_MAX} + 1);
  EXPECT_GE(r.sections[1].size(), size_t{SO_DNS_CHAIN_MAX});
  EXPECT_EQ("c10.example.org.5", Ask("c10.example.org.", SO_DNS_A).Owners(1).substr(0, 17));
}

TEST_F(ServerTest, AnyGetsOneSet) {
  EXPECT_EQ("example.org.6", Ask("example.org.", SO_DNS_ANY).Owners(1));
  EXPECT_EQ(1u, Ask("q.w.example.org.", SO_DNS_ANY).sections[1].size());
  EXPECT_EQ("example.org.6", Ask("ent.example.org.", SO_DNS_ANY).Owners(2));
}

TEST_F(ServerTest, TheCaseOfTheQuestionIsKeptAlsoFromMemory) {
  Ask("web.example.org.", SO_DNS_A);
  const uint64_t before = server_.stats.remembered;
  const Reply r = Send(Query("wEb.eXample.ORG.", SO_DNS_A));
  EXPECT_EQ(before + 1, server_.stats.remembered);
  EXPECT_EQ("wEb.eXample.ORG.1", r.Owners(1));
  EXPECT_NE(std::string::npos, r.bytes.find(Name("wEb.eXample.ORG.")));
}

TEST_F(ServerTest, NewZonesForgetOldAnswers) {
  Ask("web.example.org.", SO_DNS_A);
  Load({{"example.org.", "$TTL 1\n@ SOA a b 1 2 3 4 5\n@ NS a\nweb A 203.0.113.1\n"}});
  EXPECT_EQ(std::string("\xcb\0\x71\1", 4), Ask("web.example.org.", SO_DNS_A).sections[1][0].rdata);
  EXPECT_EQ(SO_DNS_REFUSED, Ask("www.example.com.", SO_DNS_A).rcode());
}

TEST_F(ServerTest, TwoZonesOfOneOriginAreAConflict) {
  const so_dns_zone *const twice[] = {zones_[0].get(), zones_[1].get(), zones_[0].get()};
  SO_EXPECT_CODE(SO_CONFLICT, so_dns_server_set_zones(&server_, twice, 3));
  EXPECT_EQ(SO_DNS_REFUSED, Ask("web.example.org.", SO_DNS_A).rcode());
}

// --- what is wrong ----------------------------------------------------------------------------

TEST_F(ServerTest, WrongQueriesGetTheRightCode) {
  const std::string www = Query("www.example.org.", SO_DNS_A);
  EXPECT_EQ(SO_DNS_REFUSED, Send(Query("www.elsewhere.net.", SO_DNS_A)).rcode());
  EXPECT_EQ(SO_DNS_REFUSED, Send(Query("www.example.org.", SO_DNS_A, "", 0, 0, 3)).rcode());
  EXPECT_EQ(SO_DNS_NOTIMP, Send(Query("www.example.org.", 249)).rcode());
  EXPECT_EQ(SO_DNS_NOTIMP, Send(Query("www.example.org.", 254)).rcode());
  EXPECT_EQ(SO_DNS_FORMERR, Send(Query("www.example.org.", SO_DNS_OPT)).rcode());
  EXPECT_EQ(SO_DNS_FORMERR, Send(www + "x").rcode()) << "a byte too many";
  EXPECT_EQ(SO_DNS_FORMERR, Send(Query("www.example.org.", SO_DNS_A, "", 0, 0x200)).rcode());
  EXPECT_EQ(SO_DNS_FORMERR, Send(Query("a.org.", SO_DNS_A, Opt(512) + Opt(512), 2)).rcode());
  EXPECT_EQ(SO_DNS_FORMERR, Send(www.substr(0, 4) + U16(0) + www.substr(6)).rcode());
  EXPECT_EQ(SO_DNS_FORMERR, Send(www.substr(0, 4) + U16(2) + www.substr(6)).rcode());
  EXPECT_EQ(SO_DNS_NOTIMP, Send(Query("example.org.", SO_DNS_SOA, "", 0, 5 << 11)).rcode());
  EXPECT_EQ(SO_DNS_NOTIMP, Send(Query("example.org.", SO_DNS_SOA, "", 0, 1 << 11)).rcode());
  EXPECT_EQ(SO_DNS_REFUSED, Send(Query("example.org.", SO_DNS_SOA, "", 0, 4 << 11)).rcode())
      << "NOTIFY";
  EXPECT_EQ(SO_DNS_DROP, Send(Query("www.example.org.", SO_DNS_A, "", 0, 0x8000)).result)
      << "an answer is not answered";
  const std::string tsig = Name("key.") + U16(250) + U16(255) + U16(0) + U16(0) + U16(0);
  EXPECT_EQ(SO_DNS_NOTAUTH, Send(Query("www.example.org.", SO_DNS_A, tsig, 1)).rcode());
}

TEST_F(ServerTest, EveryTruncationIsAFormatErrorOrNothing) {
  const std::string q = Query("www.example.org.", SO_DNS_A,
                              Opt(1232, 0x8000, U16(10) + U16(8) + "12345678"), 1);
  for (size_t n = 0; n < q.size(); n++) {
    const Reply r = Send(q.substr(0, n));
    if (n < SO_DNS_HEADER_LEN) {
      EXPECT_EQ(SO_DNS_DROP, r.result);
    } else {
      EXPECT_EQ(SO_DNS_FORMERR, r.rcode()) << n;
    }
  }
}

// --- EDNS, cookies, sizes ---------------------------------------------------------------------

TEST_F(ServerTest, EdnsIsAnsweredByEdns) {
  const Reply r = Ask("web.example.org.", SO_DNS_A, Opt(4096, 0x8000), 1);
  EXPECT_TRUE(r.has_edns && r.edns.dnssec_ok);
  EXPECT_EQ(1232, r.edns.udp_len);
  const Reply bad = Ask("web.example.org.", SO_DNS_A, Opt(4096, 0x10000), 1);
  EXPECT_EQ(SO_DNS_BADVERS, bad.rcode());
  EXPECT_EQ(0, bad.edns.version);
  EXPECT_EQ("", bad.Owners(1));
  // An option that nobody knows is passed over.
  EXPECT_EQ(0u,
            Ask("web.example.org.", SO_DNS_A, Opt(512, 0, U16(65001) + U16(1) + "x"), 1).rcode());
}

TEST_F(ServerTest, AnswersThatDoNotFitAreTruncatedOverUdpAlone) {
  const Reply plain = Ask("big.example.org.", SO_DNS_TXT);
  EXPECT_TRUE(plain.header.tc);
  EXPECT_LE(plain.bytes.size(), 512u);
  const Reply edns = Ask("big.example.org.", SO_DNS_TXT, Opt(65535), 1);
  EXPECT_TRUE(edns.header.tc && edns.has_edns);
  EXPECT_LE(edns.bytes.size(), 1232u);
  client_.is_tcp = true;
  const Reply tcp = Ask("big.example.org.", SO_DNS_TXT);
  EXPECT_FALSE(tcp.header.tc);
  EXPECT_EQ(20u, tcp.sections[1].size());
}

TEST_F(ServerTest, CookiesAreGivenAndRecognised) {
  const std::string client = "CLIENT!!";
  Reply r = Send(Query("web.example.org.", SO_DNS_A, Opt(1232, 0, U16(10) + U16(8) + client), 1));
  ASSERT_TRUE(r.edns.has_cookie);
  ASSERT_EQ(16, r.edns.server_cookie_len);
  EXPECT_EQ(client, std::string(reinterpret_cast<char *>(r.edns.client_cookie), 8));
  const std::string cookie(reinterpret_cast<char *>(r.edns.server_cookie), 16);
  const std::string full = Opt(1232, 0, U16(10) + U16(24) + client + cookie);
  r = Send(Query("web.example.org.", SO_DNS_A, full, 1));
  EXPECT_EQ(cookie, std::string(reinterpret_cast<char *>(r.edns.server_cookie), 16));
  EXPECT_EQ(0u, server_.stats.bad_cookies);
  address_[0] ^= 1;
  client_.address = View(address_);
  r = Send(Query("web.example.org.", SO_DNS_A, full, 1));
  EXPECT_NE(cookie, std::string(reinterpret_cast<char *>(r.edns.server_cookie), 16));
  EXPECT_EQ(1u, server_.stats.bad_cookies);
}

// --- rates ------------------------------------------------------------------------------------

TEST_F(ServerTest, LikeAnswersToOneNetworkHaveALimit) {
  config_.rate_limit = 10;
  Start();
  Load({{"example.org.", kOrg}});
  unsigned sent = 0, slipped = 0, dropped = 0;
  for (int i = 0; i < 100; i++) {
    const Reply r = Send(Query("x" + std::to_string(i) + ".example.org.", SO_DNS_A));
    dropped += r.result == SO_DNS_DROP;
    slipped += r.result == SO_DNS_SEND && r.header.tc;
    sent += r.result == SO_DNS_SEND && !r.header.tc;
  }
  EXPECT_EQ(10u, sent);
  EXPECT_EQ(45u, slipped);
  EXPECT_EQ(45u, dropped);
  // Another kind of answer, another network, TCP and a later time are not affected.
  EXPECT_FALSE(Send(Query("web.example.org.", SO_DNS_A)).header.tc);
  client_.is_tcp = true;
  EXPECT_FALSE(Send(Query("y.example.org.", SO_DNS_A)).header.tc);
  client_.is_tcp = false;
  client_.now_ns += 500000000;
  sent = 0;
  for (int i = 0; i < 100; i++) {
    const Reply r = Send(Query("z" + std::to_string(i) + ".example.org.", SO_DNS_A));
    sent += r.result == SO_DNS_SEND && !r.header.tc;
  }
  EXPECT_EQ(5u, sent);
  address_[2] ^= 1;
  EXPECT_FALSE(Send(Query("y.example.org.", SO_DNS_A)).header.tc);
}

TEST_F(ServerTest, WhoShowsACookieIsNotLimited) {
  config_.rate_limit = 1;
  Start();
  Load({{"example.org.", kOrg}});
  const Reply r =
      Send(Query("web.example.org.", SO_DNS_A, Opt(1232, 0, U16(10) + U16(8) + "CLIENT!!"), 1));
  const std::string cookie(reinterpret_cast<const char *>(r.edns.server_cookie), 16);
  const std::string opt = Opt(1232, 0, U16(10) + U16(24) + "CLIENT!!" + cookie);
  for (int i = 0; i < 20; i++) {
    EXPECT_FALSE(Send(Query("web.example.org.", SO_DNS_A, opt, 1)).header.tc);
  }
}

// --- DNSSEC -----------------------------------------------------------------------------------

std::string Sig(const std::string &name, const std::string &type) {
  return name + " RRSIG " + type + " 13 2 300 20260101000000 20250101000000 1 example.org. YWJj\n";
}

std::string Signed() {
  const std::string soa = "$TTL 300\n$ORIGIN example.org.\n@ SOA ns h 1 2 3 4 60\n@ NS ns\n";
  std::string out = soa + Sig("@", "SOA") + Sig("@", "NS") + "@ NSEC b A\n" + Sig("@", "NSEC");
  out += "b A 192.0.2.1\n" + Sig("b", "A") + "b NSEC *.w A\n" + Sig("b", "NSEC");
  out += "*.w A 192.0.2.2\n" + Sig("*.w", "A") + "*.w NSEC z A\n" + Sig("*.w", "NSEC");
  return out + "z NS ns.z\nns.z A 192.0.2.3\nz NSEC @ NS\n" + Sig("z", "NSEC");
}

TEST_F(ServerTest, SignedZonesProveWhatTheySay) {
  Load({{"example.org.", Signed()}});
  const std::string dnssec = Opt(1232, 0x8000);
  EXPECT_EQ("b.example.org.1 b.example.org.46",
            Ask("b.example.org.", SO_DNS_A, dnssec, 1).Owners(1));
  EXPECT_EQ("b.example.org.1", Ask("b.example.org.", SO_DNS_A).Owners(1));
  // No name: what covers it, and what covers the wildcard.
  EXPECT_EQ("example.org.6 example.org.46 b.example.org.47 b.example.org.46 example.org.47 "
            "example.org.46",
            Ask("c.example.org.", SO_DNS_A, dnssec, 1).Owners(2));
  // No data: its own.
  EXPECT_EQ("example.org.6 example.org.46 b.example.org.47 b.example.org.46",
            Ask("b.example.org.", SO_DNS_TXT, dnssec, 1).Owners(2));
  // An empty non-terminal: what covers it.
  EXPECT_EQ("example.org.6 example.org.46 b.example.org.47 b.example.org.46",
            Ask("w.example.org.", SO_DNS_TXT, dnssec, 1).Owners(2));
  // From a wildcard: that the name itself does not exist.
  const Reply wild = Ask("q.w.example.org.", SO_DNS_A, dnssec, 1);
  EXPECT_EQ("q.w.example.org.1 q.w.example.org.46", wild.Owners(1));
  EXPECT_EQ("*.w.example.org.47 *.w.example.org.46", wild.Owners(2));
  EXPECT_EQ("example.org.6 example.org.46 *.w.example.org.47 *.w.example.org.46",
            Ask("q.w.example.org.", SO_DNS_TXT, dnssec, 1).Owners(2));
  // A delegation without DS.
  EXPECT_EQ("z.example.org.2 z.example.org.47 z.example.org.46",
            Ask("x.z.example.org.", SO_DNS_A, dnssec, 1).Owners(2));
  EXPECT_EQ("example.org.6", Ask("c.example.org.", SO_DNS_A).Owners(2));
}

// --- transfers --------------------------------------------------------------------------------

TEST_F(ServerTest, TransfersGoToThoseOnTheListOverTcpAlone) {
  so_dns_prefix list[] = {{{0xc0, 0, 2}, 4, 24}, {{0x20, 1}, 6, 15}};
  config_.transfers = list;
  config_.transfer_count = 2;
  Start();
  Load({{"example.org.", kOrg}});
  so_dns_transfer t;
  const std::string axfr = Query("example.org.", SO_DNS_AXFR);
  EXPECT_EQ(SO_DNS_REFUSED, Send(axfr).rcode());
  client_.is_tcp = true;
  EXPECT_EQ(SO_DNS_TRANSFER, Send(axfr, &t).result);
  EXPECT_EQ(SO_DNS_NOTAUTH, Send(Query("www.example.org.", SO_DNS_AXFR), &t).rcode());
  address_[2] ^= 1;
  EXPECT_EQ(SO_DNS_REFUSED, Send(axfr, &t).rcode());
  for (const auto &[first, second, allowed] :
       {std::tuple{'\x20', '\1', true}, {'\x20', '\0', true}, {'\x20', '\2', false}}) {
    const std::string six = std::string({first, second}) + std::string(14, '\1');
    client_.address = View(six);
    EXPECT_EQ(allowed ? SO_DNS_TRANSFER : SO_DNS_SEND, Send(axfr, &t).result);
  }
}

TEST_F(ServerTest, ATransferGivesEveryRecordOnceBetweenTwoSoa) {
  so_dns_prefix all = {{0}, 4, 0};
  config_.transfers = &all;
  config_.transfer_count = 1;
  Start();
  std::string text = kOrg;
  for (int i = 0; i < 3000; i++) {
    text += "h" + std::to_string(i) + " A 192.0.2.1\n";
  }
  Load({{"example.org.", text}});
  client_.is_tcp = true;
  so_dns_transfer t;
  ASSERT_EQ(SO_DNS_TRANSFER, Send(Query("example.org.", SO_DNS_AXFR), &t).result);
  std::vector<uint8_t> buf(65535);
  std::vector<Record> records;
  so_bytes message;
  unsigned messages = 0;
  while (so_dns_transfer_next(&t, buf.data(), buf.size(), &message)) {
    const Reply r = Parse(SO_DNS_SEND, message);
    EXPECT_EQ(0xabcd, r.header.id);
    EXPECT_TRUE(r.header.aa);
    records.insert(records.end(), r.sections[1].begin(), r.sections[1].end());
    messages++;
  }
  EXPECT_GT(messages, 2u);
  ASSERT_EQ(zones_[0]->record_count + 1, records.size());
  EXPECT_EQ(SO_DNS_SOA, records.front().type);
  EXPECT_EQ(SO_DNS_SOA, records.back().type);
  for (size_t i = 1; i + 1 < records.size(); i++) {
    EXPECT_NE(SO_DNS_SOA, records[i].type);
  }
}

}  // namespace
