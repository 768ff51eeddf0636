#include "net/dns/resolver/resolver.h"

#include <functional>
#include <string>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

so_dns_name Name(const std::string &text) {
  so_dns_name n;
  EXPECT_TRUE(so_ok(so_dns_name_from_text(View(text), so_bytes_of(nullptr, 0), &n))) << text;
  return n;
}

struct Record {
  so_dns_section section;
  std::string owner;
  uint16_t type;
  uint32_t ttl;
  std::string rdata;
};

std::string A(int last) { return std::string("\xc0\0\2", 3) + static_cast<char>(last); }
std::string NameData(const std::string &text) {
  const so_dns_name n = Name(text);
  return Text(so_dns_name_view(&n));
}
std::string Soa(uint32_t minimum) {
  return NameData("ns.") + NameData("mail.") + std::string(16, '\1') +
         std::string{static_cast<char>(minimum >> 24), static_cast<char>(minimum >> 16),
                     static_cast<char>(minimum >> 8), static_cast<char>(minimum)};
}

class ResolverTest : public ::testing::Test {
 protected:
  void SetUp() override { Make(2, 64); }
  void TearDown() override { so_resolver_release(r_); }

  void Make(size_t servers, size_t cache) {
    if (r_ != nullptr) {
      so_resolver_release(r_);
    }
    so_resolver_config config = {};
    config.seed[0] = 3;
    config.cache_entries = cache;
    config.server_count = servers;
    for (size_t i = 0; i < servers; i++) {
      config.servers[i].family = 4;
      config.servers[i].address[0] = static_cast<uint8_t>(i + 1);
      config.servers[i].port = 53;
    }
    SO_ASSERT_OK(so_resolver_init(&config, so_test::Heap(), &r_));
  }

  const so_resolver_stats &Stats() { return *so_resolver_statistics(r_); }

  so_resolver_id Start(const char *name, uint16_t type = SO_DNS_A) {
    so_resolver_id id = 0;
    SO_EXPECT_OK(so_resolver_start(r_, so_str(name), type, now_, &id));
    return id;
  }

  bool Next() {
    if (!so_resolver_next(r_, now_, &q_)) {
      return false;
    }
    message_ = Text(q_.message);
    size_t at = SO_DNS_HEADER_LEN;
    EXPECT_TRUE(so_ok(so_dns_question_read(View(message_), &at, &question_)));
    so_dns_header h;
    EXPECT_TRUE(so_ok(so_dns_header_read(View(message_), &h)));
    has_edns_ = h.counts[3] == 1;
    if (has_edns_) {
      so_dns_rr rr;
      EXPECT_TRUE(so_ok(so_dns_rr_read(View(message_), &at, &rr)));
      EXPECT_TRUE(so_ok(so_dns_edns_read(&rr, &edns_)));
    }
    return true;
  }

  // Builds the answer to the last request.
  std::string Build(uint8_t rcode, const std::vector<Record> &records, bool tc = false,
                    const so_dns_edns *edns = nullptr) {
    uint8_t buf[4096];
    so_dns_builder b;
    so_dns_header h = {};
    h.id = static_cast<uint16_t>(static_cast<uint8_t>(message_[0]) << 8 |
                                 static_cast<uint8_t>(message_[1]));
    h.qr = h.ra = h.rd = true;
    h.tc = tc;
    h.rcode = rcode;
    so_dns_builder_init(&b, buf, sizeof buf, &h);
    so_dns_write_question(&b, so_dns_name_view(&question_.name), question_.type, question_.qclass);
    for (const Record &r : records) {
      const so_dns_name owner = Name(r.owner);
      so_dns_write_rr(&b, r.section, so_dns_name_view(&owner), r.type, SO_DNS_IN, r.ttl,
                      View(r.rdata));
    }
    if (edns != nullptr) {
      so_dns_write_edns(&b, edns);
    }
    so_bytes out;
    EXPECT_TRUE(so_ok(so_dns_builder_end(&b, &out)));
    return Text(out);
  }

  bool Udp(const std::string &m) {
    so_test::Guarded g(m);
    return so_resolver_udp(r_, &q_.server, q_.local_port, g.view(), now_);
  }

  so_status Take(so_resolver_id id) { return so_resolver_take(r_, id, now_, &answer_); }

  so_resolver *r_ = nullptr;
  so_resolver_request q_;
  std::string message_;
  so_dns_question question_;
  so_dns_edns edns_;
  bool has_edns_ = false;
  so_resolver_answer answer_;
  uint64_t now_ = 1000;
};

const Record kAnswer = {SO_DNS_ANSWER, "www.example.org", SO_DNS_A, 300, A(1)};

TEST_F(ResolverTest, AnAnswerGivesAddressesAndIsRemembered) {
  const so_resolver_id id = Start("www.example.org");
  SO_EXPECT_CODE(SO_AGAIN, Take(id));
  ASSERT_TRUE(Next());
  EXPECT_FALSE(q_.tcp);
  EXPECT_GE(q_.local_port, 1024);
  EXPECT_TRUE(has_edns_ && edns_.has_cookie);
  EXPECT_EQ(SO_RESOLVER_UDP_LEN, edns_.udp_len);
  EXPECT_EQ(0, edns_.server_cookie_len);
  EXPECT_TRUE(Udp(Build(0, {kAnswer, {SO_DNS_ANSWER, "www.example.org", SO_DNS_A, 200, A(2)}})));
  SO_ASSERT_OK(Take(id));
  EXPECT_EQ(2, answer_.count);
  EXPECT_EQ(200u, answer_.ttl_s);
  EXPECT_EQ(2, answer_.addresses[1].bytes[3]);
  now_ += 50 * SO_NS_PER_S;
  SO_ASSERT_OK(Take(Start("WWW.Example.ORG.")));
  EXPECT_EQ(150u, answer_.ttl_s);
  EXPECT_EQ(1u, Stats().cache_hits);
  now_ += 150 * SO_NS_PER_S;
  const so_resolver_id again = Start("www.example.org");
  SO_EXPECT_CODE(SO_AGAIN, Take(again));
  so_resolver_cancel(r_, again);
}

TEST_F(ResolverTest, CaseIdsAndPortsAreChosenAnewEachTime) {
  std::string names;
  uint16_t ports[4];
  Start("abcdefghijklmnopqrstuvwxyz.example");
  for (int i = 0; i < 4; i++) {
    ASSERT_TRUE(Next());
    names += Text(so_dns_name_view(&question_.name)) + message_.substr(0, 2) + "|";
    ports[i] = q_.local_port;
    now_ = so_resolver_deadline(r_);
    so_resolver_tick(r_, now_);
  }
  const size_t one = names.size() / 4;
  EXPECT_NE(names.substr(0, one), names.substr(one, one));
  EXPECT_NE(ports[0], ports[1]);
  EXPECT_NE(names.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), std::string::npos);
}

TEST_F(ResolverTest, ForgeriesAreCountedAndDropped) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  const std::string good = Build(0, {kAnswer});
  std::string bad = good;
  bad[0] ^= 1;
  EXPECT_FALSE(Udp(bad));
  q_.local_port ^= 1;
  EXPECT_FALSE(Udp(good));
  q_.local_port ^= 1;
  q_.server.port++;
  EXPECT_FALSE(Udp(good));
  q_.server.port--;
  q_.server.address[3]++;
  EXPECT_FALSE(Udp(good));
  q_.server.address[3]--;
  EXPECT_EQ(4u, Stats().stray);
  bad = good;
  bad[13] ^= 0x20;  // The case of the first letter.
  EXPECT_FALSE(Udp(bad));
  EXPECT_EQ(1u, Stats().bad_case);
  bad[13] = 'q';
  EXPECT_FALSE(Udp(bad));
  EXPECT_EQ(1u, Stats().bad_question);
  bad = good;
  bad[2] = 1;  // A query.
  EXPECT_FALSE(Udp(bad));
  for (size_t n = 12; n < good.size(); n++) {
    EXPECT_FALSE(Udp(good.substr(0, n)));
  }
  EXPECT_FALSE(Udp(good + "x"));
  SO_EXPECT_CODE(SO_AGAIN, Take(id));
  EXPECT_TRUE(Udp(good));
  SO_EXPECT_OK(Take(id));
}

TEST_F(ResolverTest, AServerThatDoesNotKeepTheCaseIsAskedOverTcp) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  std::string lower = Build(0, {kAnswer});
  lower[13] ^= 0x20;
  EXPECT_FALSE(Udp(lower));
  now_ = so_resolver_deadline(r_);
  so_resolver_tick(r_, now_);
  ASSERT_TRUE(Next());
  EXPECT_TRUE(q_.tcp);
  EXPECT_EQ(1, q_.server.address[0]);
  so_resolver_tcp(r_, id, so_done(), View(Build(0, {kAnswer})), now_);
  SO_EXPECT_OK(Take(id));
}

TEST_F(ResolverTest, ATruncatedAnswerIsFetchedOverTcp) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(0, {}, true)));
  ASSERT_TRUE(Next());
  EXPECT_TRUE(q_.tcp);
  std::vector<Record> many;
  for (int i = 0; i < 40; i++) {
    many.push_back({SO_DNS_ANSWER, "www.example.org", SO_DNS_A, 9, A(i)});
  }
  so_resolver_tcp(r_, id, so_done(), View(Build(0, many)), now_);
  SO_ASSERT_OK(Take(id));
  EXPECT_EQ(SO_RESOLVER_ADDRESSES_MAX, answer_.count);
}

TEST_F(ResolverTest, AfterTcpFailedTheNextServerIsAsked) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(0, {}, true)));
  ASSERT_TRUE(Next());
  so_resolver_tcp(r_, id, so_status_make(SO_IO, 0), so_bytes_of(nullptr, 0), now_);
  ASSERT_TRUE(Next());
  EXPECT_FALSE(q_.tcp);
  EXPECT_EQ(2, q_.server.address[0]);
  // A late answer of TCP is nobody's.
  so_resolver_tcp(r_, id, so_done(), View(message_), now_);
  EXPECT_EQ(1u, Stats().stray);
}

TEST_F(ResolverTest, CnamesAreFollowedWithinAnAnswerAndBeyond) {
  const so_resolver_id id = Start("a.example");
  ASSERT_TRUE(Next());
  EXPECT_TRUE(
      Udp(Build(0, {{SO_DNS_ANSWER, "b.example", SO_DNS_CNAME, 50, NameData("c.example")},
                    {SO_DNS_ANSWER, "a.example", SO_DNS_CNAME, 70, NameData("B.example")}})));
  ASSERT_TRUE(Next());
  const so_dns_name c = Name("c.example");
  EXPECT_TRUE(so_dns_name_equal(so_dns_name_view(&c), so_dns_name_view(&question_.name)));
  EXPECT_TRUE(Udp(Build(0, {{SO_DNS_ANSWER, "c.example", SO_DNS_A, 60, A(7)}})));
  SO_ASSERT_OK(Take(id));
  EXPECT_EQ(50u, answer_.ttl_s);
  EXPECT_TRUE(so_dns_name_equal(so_dns_name_view(&c), so_dns_name_view(&answer_.canonical)));
  SO_EXPECT_OK(Take(Start("a.example")));
}

TEST_F(ResolverTest, AChainWithoutEndIsGivenUp) {
  const so_resolver_id id = Start("a.example");
  int questions = 0;
  while (Next()) {
    ASSERT_LT(++questions, 100);
    EXPECT_TRUE(
        Udp(Build(0, {{SO_DNS_ANSWER, "a.example", SO_DNS_CNAME, 9, NameData("b.example")},
                      {SO_DNS_ANSWER, "b.example", SO_DNS_CNAME, 9, NameData("a.example")}})));
  }
  SO_EXPECT_CODE(SO_LIMIT, Take(id));
}

TEST_F(ResolverTest, DenialsAreRememberedAsLongAsTheirSoaSays) {
  const Record soa = {SO_DNS_AUTHORITY, "example.org", SO_DNS_SOA, 100, Soa(60)};
  for (uint8_t rcode : {SO_DNS_NXDOMAIN, SO_DNS_NOERROR}) {
    const char *name = rcode == SO_DNS_NXDOMAIN ? "none.example.org" : "no-a.example.org";
    so_resolver_id id = Start(name);
    ASSERT_TRUE(Next());
    EXPECT_TRUE(Udp(Build(rcode, {soa})));
    SO_EXPECT_CODE(SO_NOT_FOUND, Take(id));
    now_ += 59 * SO_NS_PER_S;
    SO_EXPECT_CODE(SO_NOT_FOUND, Take(Start(name)));
    now_ += SO_NS_PER_S;
    id = Start(name);
    SO_EXPECT_CODE(SO_AGAIN, Take(id));
    ASSERT_TRUE(Next());
    EXPECT_TRUE(Udp(Build(rcode, {})));  // Without SOA: not remembered.
    SO_EXPECT_CODE(SO_NOT_FOUND, Take(id));
    id = Start(name);
    SO_EXPECT_CODE(SO_AGAIN, Take(id));
    so_resolver_cancel(r_, id);
  }
  // Another zone's SOA says nothing, and no denial holds for longer than the limit.
  so_resolver_id id = Start("x.example.org");
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(3, {{SO_DNS_AUTHORITY, "example.org", SO_DNS_SOA, 99999, Soa(99999)}})));
  SO_EXPECT_CODE(SO_NOT_FOUND, Take(id));
  EXPECT_EQ(static_cast<uint32_t>(SO_RESOLVER_NEGATIVE_TTL_MAX_S), answer_.ttl_s);
}

TEST_F(ResolverTest, SilenceGoesRoundTheServersWithLongerWaits) {
  const so_resolver_id id = Start("www.example.org");
  const uint64_t seconds[] = {1, 1, 2, 2, 4, 4};
  for (int i = 0; i < 6; i++) {
    ASSERT_TRUE(Next());
    EXPECT_EQ(i % 2 + 1, q_.server.address[0]);
    EXPECT_EQ(now_ + seconds[i] * SO_NS_PER_S, so_resolver_deadline(r_));
    now_ = so_resolver_deadline(r_);
    so_resolver_tick(r_, now_ - 1);
    EXPECT_EQ(static_cast<uint64_t>(i), Stats().timeouts);
    so_resolver_tick(r_, now_);
  }
  EXPECT_FALSE(Next());
  SO_EXPECT_CODE(SO_IO, Take(id));
}

TEST_F(ResolverTest, AServerThatFailsIsLeftForTheNext) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(SO_DNS_SERVFAIL, {})));
  ASSERT_TRUE(Next());
  EXPECT_EQ(2, q_.server.address[0]);
  EXPECT_TRUE(Udp(Build(SO_DNS_REFUSED, {})));
  EXPECT_EQ(2u, Stats().server_failures);
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(0, {kAnswer})));
  SO_EXPECT_OK(Take(id));
}

TEST_F(ResolverTest, AServerWithoutEdnsIsAskedWithout) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(SO_DNS_FORMERR, {}).substr(0, 4) + std::string(8, '\0')));
  ASSERT_TRUE(Next());
  EXPECT_EQ(1, q_.server.address[0]);
  EXPECT_FALSE(has_edns_);
  EXPECT_TRUE(Udp(Build(SO_DNS_FORMERR, {})));  // That is a failure now.
  EXPECT_EQ(1u, Stats().server_failures);
  so_resolver_cancel(r_, id);
}

TEST_F(ResolverTest, CookiesAreKeptSentAndDemanded) {
  so_resolver_id id = Start("a.example");
  ASSERT_TRUE(Next());
  so_dns_edns edns = edns_;
  edns.server_cookie_len = 16;
  memset(edns.server_cookie, 0x5a, 16);
  EXPECT_TRUE(Udp(Build(0, {{SO_DNS_ANSWER, "a.example", SO_DNS_A, 60, A(1)}}, false, &edns)));
  SO_EXPECT_OK(Take(id));
  id = Start("b.example");
  ASSERT_TRUE(Next());
  ASSERT_EQ(16, edns_.server_cookie_len);
  EXPECT_EQ(0, memcmp(edns.server_cookie, edns_.server_cookie, 16));
  const std::vector<Record> b = {{SO_DNS_ANSWER, "b.example", SO_DNS_A, 60, A(2)}};
  EXPECT_FALSE(Udp(Build(0, b)));
  edns.client_cookie[0] ^= 1;
  EXPECT_FALSE(Udp(Build(0, b, false, &edns)));
  edns.client_cookie[0] ^= 1;
  EXPECT_EQ(2u, Stats().cookie_missing);
  EXPECT_TRUE(Udp(Build(0, b, false, &edns)));
  SO_EXPECT_OK(Take(id));
}

TEST_F(ResolverTest, ABadCookieIsReplacedThenTcpIsUsed) {
  const so_resolver_id id = Start("a.example");
  for (int i = 0; i < 2; i++) {
    ASSERT_TRUE(Next());
    EXPECT_FALSE(q_.tcp);
    so_dns_edns edns = edns_;
    edns.rcode_high = SO_DNS_BADCOOKIE >> 4;
    edns.server_cookie_len = 8;
    EXPECT_TRUE(Udp(Build(SO_DNS_BADCOOKIE & 15, {}, false, &edns)));
  }
  ASSERT_TRUE(Next());
  EXPECT_TRUE(q_.tcp);
  EXPECT_EQ(2u, Stats().bad_cookies);
  so_resolver_cancel(r_, id);
}

TEST_F(ResolverTest, TheSameQuestionIsAskedOnce) {
  const so_resolver_id one = Start("www.example.org"), two = Start("WWW.example.org");
  EXPECT_EQ(one, two);
  EXPECT_NE(one, Start("www.example.org", SO_DNS_AAAA));
  ASSERT_TRUE(Next());
  EXPECT_TRUE(Udp(Build(0, {kAnswer})));
  SO_EXPECT_OK(Take(one));
  SO_EXPECT_OK(Take(two));
  EXPECT_EQ(1u, Stats().joined);
}

TEST_F(ResolverTest, TablesHaveLimits) {
  so_resolver_id id;
  for (int i = 0; i < SO_RESOLVER_LOOKUPS_MAX; i++) {
    Start(("n" + std::to_string(i) + ".example").c_str());
  }
  SO_EXPECT_CODE(SO_LIMIT, so_resolver_start(r_, so_str("one-more.example"), SO_DNS_A, now_, &id));
  Make(1, 4);
  for (int i = 0; i < 8; i++) {
    const std::string name = "n" + std::to_string(i) + ".example";
    id = Start(name.c_str());
    ASSERT_TRUE(Next());
    EXPECT_TRUE(Udp(Build(0, {{SO_DNS_ANSWER, name, SO_DNS_A, 60, A(i)}})));
    SO_EXPECT_OK(Take(id));
    now_++;
  }
  EXPECT_EQ(4u, Stats().evicted);
  SO_EXPECT_OK(Take(Start("n7.example")));  // The newest stays.
  SO_EXPECT_CODE(SO_AGAIN, Take(Start("n0.example")));
}

TEST_F(ResolverTest, NamesThatAreNoneAreRefused) {
  so_resolver_id id;
  for (const char *name : {"", ".", "a b", "a..b", "\\000.x", "a@b", "*.example"}) {
    SO_EXPECT_CODE(SO_MALFORMED, so_resolver_start(r_, so_str(name), SO_DNS_A, now_, &id));
  }
  const std::string label(64, 'a');
  SO_EXPECT_CODE(SO_MALFORMED, so_resolver_start(r_, View(label), SO_DNS_A, now_, &id));
  SO_EXPECT_CODE(SO_MALFORMED, so_resolver_start(r_, so_str("a"), SO_DNS_MX, now_, &id));
}

TEST_F(ResolverTest, LocalNamesAreNotAsked) {
  SO_ASSERT_OK(Take(Start("localhost")));
  EXPECT_EQ(127, answer_.addresses[0].bytes[0]);
  SO_ASSERT_OK(Take(Start("x.localhost.", SO_DNS_AAAA)));
  EXPECT_EQ(1, answer_.addresses[0].bytes[15]);
  SO_EXPECT_CODE(SO_NOT_FOUND, Take(Start("x.invalid")));
  EXPECT_FALSE(Next());
}

TEST_F(ResolverTest, NewServersAreAskedAndNoneIsAnError) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  so_endpoint other = {};
  other.family = 4;
  other.address[0] = 77;
  other.port = 53;
  so_resolver_set_servers(r_, &other, 1, now_);
  ASSERT_TRUE(Next());
  EXPECT_EQ(77, q_.server.address[0]);
  so_resolver_set_servers(r_, nullptr, 0, now_);
  EXPECT_FALSE(Next());
  SO_EXPECT_CODE(SO_IO, Take(id));
  so_resolver_id none;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_resolver_start(r_, so_str("a.example"), SO_DNS_A, now_, &none));
}

TEST_F(ResolverTest, WhatCouldNotBeSentIsTriedElsewhere) {
  const so_resolver_id id = Start("www.example.org");
  ASSERT_TRUE(Next());
  const uint16_t port = q_.local_port;
  so_resolver_unsent(r_, id, now_);
  ASSERT_TRUE(Next());
  EXPECT_NE(port, q_.local_port);
  for (int i = 0; i < 5; i++) {
    so_resolver_unsent(r_, id, now_);
    Next();
  }
  SO_EXPECT_CODE(SO_IO, Take(id));
}

}  // namespace
