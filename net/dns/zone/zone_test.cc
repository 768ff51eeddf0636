#include "net/dns/zone/zone.h"

#include <map>
#include <string>
#include <vector>

#include "tests/support/support.h"

using so_test::Guarded;
using so_test::Text;
using so_test::View;

namespace {

constexpr uint64_t kSeed = 42;

std::string Name(const std::string &text) {
  so_dns_name n;
  SO_EXPECT_OK(so_dns_name_from_text(View(text), so_bytes_of(nullptr, 0), &n));
  return Text(so_dns_name_view(&n));
}

const std::string kStart =
    "$TTL 300\n$ORIGIN example.org.\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 192.0.2.1\n";

// A heap whose n-th allocation fails, and which knows what is still held.
struct Failing {
  static void *Resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
    Failing *const f = static_cast<Failing *>(ctx);
    if (new_len != 0 && f->left-- == 0) {
      f->left = 0;
      return nullptr;
    }
    f->held += new_len;
    f->held -= old_len;
    return so_test::MallocResize(nullptr, ptr, old_len, new_len);
  }
  size_t left = SIZE_MAX;
  size_t held = 0;
};

class Zone {
 public:
  explicit Zone(const std::string &text, bool guarded = false, size_t limit = 1 << 24) {
    const Guarded g(text);
    const std::string origin = Name("example.org.");
    so_dns_zone_text t = {};
    t.file = so_str("test.zone");
    t.text = guarded ? g.view() : View(text);
    t.origin = View(origin);
    t.seed = kSeed;
    t.memory_limit = limit;
    t.include = [](void *ctx, so_bytes file, so_bytes *out) {
      auto &files = *static_cast<std::map<std::string, std::string> *>(ctx);
      const auto f = files.find(Text(file));
      if (f == files.end()) {
        return so_status_make(SO_NOT_FOUND, 0);
      }
      *out = View(f->second);
      return so_done();
    };
    t.include_ctx = &Files();
    status = so_dns_zone_load(&zone, so_test::Heap(), &t, &error);
  }
  ~Zone() { so_dns_zone_release(&zone); }
  static std::map<std::string, std::string> &Files() {
    static std::map<std::string, std::string> files;
    return files;
  }
  const so_dns_node *Find(const std::string &name) {
    so_dns_path path;
    wire_ = Name(name);
    so_dns_path_init(&path, View(wire_), kSeed);
    return so_dns_zone_find(&zone, &path, 0);
  }
  std::vector<std::string> Get(const std::string &name, uint16_t type) {
    std::vector<std::string> out;
    const so_dns_node *const n = Find(name);
    const so_dns_rrset *const s = n == nullptr ? nullptr : so_dns_node_set(n, type);
    if (s != nullptr) {
      so_dns_rdatas rest = s->records;
      so_bytes b;
      while (so_dns_rdata_next(&rest, &b)) {
        out.push_back(Text(b));
      }
    }
    return out;
  }
  so_dns_zone zone;
  so_dns_zone_error error;
  so_status status;

 private:
  std::string wire_;
};

// The data that one line gives.
std::string Rdata(const std::string &type_and_data, uint16_t type) {
  Zone z(kStart + "x " + type_and_data + "\n");
  EXPECT_TRUE(so_ok(z.status)) << type_and_data << ": " << z.error.reason;
  const auto all = z.Get("x.example.org.", type);
  return all.size() == 1 ? all[0] : "none";
}

std::string Hex(const std::string &digits) {
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return out;
}

TEST(ZoneTest, EveryTypeIsReadFromItsText) {
  const std::string mail = Name("mail.example.org.");
  EXPECT_EQ(Hex("c0000205"), Rdata("A 192.0.2.5", SO_DNS_A));
  EXPECT_EQ(Hex("20010db8000000000000000000000001"), Rdata("AAAA 2001:db8::1", SO_DNS_AAAA));
  EXPECT_EQ(Hex("00000000000000000000ffffc0000201"), Rdata("AAAA ::ffff:192.0.2.1", SO_DNS_AAAA));
  EXPECT_EQ(std::string("\0\12", 2) + mail, Rdata("MX 10 mail", SO_DNS_MX));
  EXPECT_EQ("\1a\3b \"\1C", Rdata("TXT a \"b \\\"\" \\067", SO_DNS_TXT));
  EXPECT_EQ(Hex("000000050ffe") + mail, Rdata("SRV 0 5 4094 mail", SO_DNS_SRV));
  EXPECT_EQ(Hex("00056973737565") + "ca.example", Rdata("CAA 0 issue \"ca.example\"", SO_DNS_CAA));
  EXPECT_EQ(Hex("00640005") + "\1u\7E2U+sip\5!^.*!" + std::string("\0", 1),
            Rdata("NAPTR 100 5 u E2U+sip \"!^.*!\" .", SO_DNS_NAPTR));
  EXPECT_EQ(Hex("01020a0b0c0d"), Rdata("SSHFP 1 2 0a0b 0C0D", SO_DNS_SSHFP));
  EXPECT_EQ(Hex("30390d020102"), Rdata("DS 12345 ECDSAP256SHA256 2 ( 01\n 02 )", SO_DNS_DS));
  EXPECT_EQ(Hex("0101030d") + "abc", Rdata("DNSKEY 257 3 13 YW Jj", SO_DNS_DNSKEY));
  EXPECT_EQ(Hex("0001010002beef"), Rdata("TYPE65000 \\# 7 0001 010002beef", 65000));
  EXPECT_EQ(Hex("c0000205"), Rdata("TYPE1 \\# 4 c0000205", SO_DNS_A));
  EXPECT_EQ(Hex("c0000205"), Rdata("A \\# 4 C0000205", SO_DNS_A));
  EXPECT_EQ("", Rdata("TYPE65000 \\# 0", 65000));
  EXPECT_EQ(Hex("00010203aabb"), Rdata("EUI48 00-01-02-03-aa-bb", SO_DNS_EUI48));
  EXPECT_EQ(Hex("0100000102beef"),
            Rdata("NSEC3PARAM 1 0 1 beef", SO_DNS_NSEC3PARAM));
  EXPECT_EQ(mail + Hex("0006400000000003010140"),
            Rdata("NSEC mail A RRSIG NSEC CAA", SO_DNS_NSEC));
  EXPECT_EQ(Hex("0001") + std::string("\0", 1) + Hex("0001000602683202683300030002") +
                Hex("01bb"),
            Rdata("HTTPS 1 . port=443 alpn=\"h2,h3\"", SO_DNS_HTTPS));
}

TEST(ZoneTest, CommasInAlpnAreEscapedAsTheRfcHasIt) {
  // RFC 9460 appendix D.2, figure 10: both forms are the same two values.
  const std::string a =
      Rdata("SVCB 16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", SO_DNS_SVCB);
  const std::string b =
      Rdata("SVCB 16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2", SO_DNS_SVCB);
  EXPECT_EQ(a, b);
  EXPECT_EQ(Hex("0010") + Name("foo.example.org.") + Hex("0001000c") + "\10f" + "\\oo,bar" + "\2h2",
            a);
}

TEST(ZoneTest, SignaturesStandBesideWhatTheyCover) {
  Zone z(kStart + "x A 192.0.2.7\nx RRSIG A 13 3 300 20260101000000 20250101000000 1 @ YWJj\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  const so_dns_rrset *const s = so_dns_node_set(z.Find("x.example.org."), SO_DNS_A);
  ASSERT_NE(nullptr, s);
  EXPECT_EQ(1, s->signatures.count);
  so_dns_rdatas rest = s->signatures;
  so_bytes b;
  ASSERT_TRUE(so_dns_rdata_next(&rest, &b));
  EXPECT_EQ(Hex("00010d030000012c" "6955b900" "67748580" "0001") + Name("example.org.") + "abc",
            Text(b));
}

TEST(ZoneTest, NamesBetweenOthersAreNodesWithoutData) {
  Zone z(kStart + "a.b.c A 192.0.2.7\n*.w A 192.0.2.8\nB.c TXT x\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  EXPECT_EQ(7u, z.zone.node_count);
  ASSERT_NE(nullptr, z.Find("c.example.org."));
  EXPECT_EQ(0, z.Find("C.Example.ORG.")->set_count);
  EXPECT_EQ(1, z.Find("b.c.example.org.")->set_count);
  ASSERT_NE(nullptr, z.Find("w.example.org."));
  EXPECT_NE(SO_DNS_NO_NODE, z.Find("w.example.org.")->wildcard);
  EXPECT_EQ(SO_DNS_NO_NODE, z.Find("c.example.org.")->wildcard);
  for (uint32_t i = 1; i < z.zone.node_count; i++) {
    EXPECT_LT(so_dns_name_compare(so_dns_node_name(&z.zone.nodes[i - 1]),
                                  so_dns_node_name(&z.zone.nodes[i])),
              0);
  }
  EXPECT_EQ(60u, z.zone.negative_ttl);
  EXPECT_EQ(1u, z.zone.serial);
}

TEST(ZoneTest, DelegationsCoverWhatIsBelow) {
  Zone z(kStart + "sub NS ns.sub\nns.sub A 192.0.2.9\nlame NS a.lame\nother NS ns\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  const so_dns_node *const cut = z.Find("sub.example.org.");
  EXPECT_EQ(cut - z.zone.nodes, cut->cut);
  EXPECT_EQ(cut->cut, z.Find("ns.sub.example.org.")->cut);
  EXPECT_EQ(SO_DNS_NO_NODE, z.Find("ns.example.org.")->cut);
  EXPECT_EQ(1u, z.zone.unglued_count);
}

TEST(ZoneTest, DuplicatesCountOnceAndASetHasTheLeastTtl) {
  Zone z(kStart + "x 50 A 192.0.2.7\nx 100 IN A 192.0.2.8\nX IN 50 A 192.0.2.7\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  EXPECT_EQ(2u, z.Get("x.example.org.", SO_DNS_A).size());
  EXPECT_EQ(50u, so_dns_node_set(z.Find("x.example.org."), SO_DNS_A)->ttl);
}

TEST(ZoneTest, TimesToLiveFollowTheRules) {
  Zone z("example.org. SOA ns h 1 2 3 4 77\n NS ns\nns 1h30m A 192.0.2.1\nb A 192.0.2.1\n"
         "$TTL 5\nc A 192.0.2.1\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  EXPECT_EQ(77u, z.zone.soa->ttl);
  EXPECT_EQ(77u, z.zone.ns->ttl);
  EXPECT_EQ(5400u, so_dns_node_set(z.Find("ns.example.org."), SO_DNS_A)->ttl);
  EXPECT_EQ(5400u, so_dns_node_set(z.Find("b.example.org."), SO_DNS_A)->ttl);
  EXPECT_EQ(5u, so_dns_node_set(z.Find("c.example.org."), SO_DNS_A)->ttl);
}

TEST(ZoneTest, IncludedFilesHaveTheirOwnOrigin) {
  Zone::Files() = {{"inc", "a A 192.0.2.7\n$ORIGIN deep\nb A 192.0.2.8\n"},
                   {"loop", "$INCLUDE loop\n"},
                   {"bad", "ok A 192.0.2.1\n\nx A nonsense\n"}};
  Zone z(kStart + "$INCLUDE inc sub\nc A 192.0.2.9\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  EXPECT_NE(nullptr, z.Find("a.sub.example.org."));
  EXPECT_NE(nullptr, z.Find("b.deep.sub.example.org."));
  EXPECT_NE(nullptr, z.Find("c.example.org."));
  Zone loop(kStart + "$INCLUDE loop\n");
  SO_EXPECT_CODE(SO_MALFORMED, loop.status);
  Zone bad(kStart + "$INCLUDE bad\n");
  EXPECT_STREQ("bad", bad.error.file);
  EXPECT_EQ(3u, bad.error.line);
  Zone none(kStart + "$INCLUDE missing\n");
  EXPECT_STREQ("the included file cannot be read: missing", none.error.reason);
}

struct Refused {
  std::string text;
  uint32_t line;
  std::string reason;
};

TEST(ZoneTest, WhatIsWrongIsNamedWithFileAndLine) {
  const std::vector<Refused> all = {
      {"x A 192.0.2.256\n", 6, "not an address: 192.0.2.256"},
      {"x AAAA 1:2:3:4:5:6:7\n", 6, "not an address: 1:2:3:4:5:6:7"},
      {"x AAAA ::1::\n", 6, "not an address: ::1::"},
      {"x A\n", 6, "the data ends too soon"},
      {"x A 192.0.2.1 more\n", 6, "too much data: more"},
      {"x WHAT 1\n", 6, "not a type: WHAT"},
      {"x\n", 6, "a type is missing"},
      {"\n\nx CH A 192.0.2.1\n", 8, "a class other than IN: CH"},
      {"x.other.net. A 192.0.2.1\n", 6, "the name is outside of the zone: x.other.net."},
      {"x..y A 192.0.2.1\n", 6, "not a name: x..y"},
      {"x TXT \"open\n", 6, "the quoted string does not end on its line"},
      {"x MX ( 10 mail\n", 6, "a parenthesis is not closed"},
      {"x A ) 192.0.2.1\n", 6, "the parentheses do not match"},
      {"$GENERATE 1-2 x A 192.0.2.1\n", 6, "a directive that is not known: $GENERATE"},
      {"x ANY 1\n", 6, "a type that no zone holds: ANY"},
      {"x TXT \\300\n", 6, "a bad escape: \\300"},
      {"x TXT " + std::string(256, 'a') + "\n", 6,
       "a string of more than 255 bytes: " + std::string(120, 'a')},
      {"x MX 65536 mail\n", 6, "not a number that fits: 65536"},
      {"x DNSKEY 257 3 13 Y!\n", 6, "not base64"},
      {"x DS 1 13 2 abc\n", 6, "not hexadecimal"},
      {"x TYPE65000 01\n", 6, "the data of a type that is not known begins with \\#: 01"},
      {"x TYPE65000 \\# 2 01\n", 6, "the data does not have the length stated"},
      {"x A \\# 3 010203\n", 6, "the data does not have the fields of its type"},
      {"x SVCB 1 . port=1 port=2\n", 6, "a service parameter stands twice"},
      {"x SVCB 1 . port=65536\n", 6, "the value of a service parameter is bad"},
      {"x SVCB 1 . nonsense=1\n", 6, "not a service parameter: nonsense=1"},
      {"x CNAME y\nx A 192.0.2.1\n", 7, "a CNAME has other data beside it: x.example.org."},
      {"x CNAME y\nx CNAME z\n", 6, "more than one record of this type: x.example.org."},
      {"x SOA ns h 1 2 3 4 5\n", 6, "a SOA that is not at the apex: x.example.org."},
      {"@ SOA ns h 2 2 3 4 60\n", 3, "more than one record of this type: example.org."},
      {"d DNAME y\nx.d A 192.0.2.1\n", 7, "data below a DNAME: x.d.example.org."},
      {"d DNAME y\nd NS ns\n", 0, "a DNAME beside the NS of a delegation: d.example.org."},
      {"@ DS 1 13 2 ab\n", 0, "a DS at the apex belongs to the zone above: example.org."},
      {"x RRSIG A 13 3 300 20260101000000 20250101000000 1 @ YWJj\n", 6,
       "a signature of records that are not there: x.example.org."},
      {"x NSEC3 1 0 0 - 00 A\n", 6,
       "the name of an NSEC3 is not a hash below the apex: x.example.org."},
      {"@ NSEC3PARAM 1 0 151 -\n00000000000000000000000000000000 NSEC3 1 0 151 - 00 A\n", 0,
       "too many iterations of the NSEC3 hash: example.org."},
  };
  for (const Refused &r : all) {
    Zone z(kStart + r.text);
    SO_EXPECT_CODE(SO_MALFORMED, z.status);
    EXPECT_STREQ(r.reason.c_str(), z.error.reason) << r.text;
    EXPECT_STREQ("test.zone", z.error.file);
    if (r.line != 0) {
      EXPECT_EQ(r.line, z.error.line) << r.text;
    }
  }
  EXPECT_STREQ("the zone has no SOA: example.org.",
               Zone("$TTL 1\nexample.org. NS a\n").error.reason);
  EXPECT_STREQ("the zone has no NS: example.org.",
               Zone("$TTL 1\nexample.org. SOA a b 1 2 3 4 5\n").error.reason);
  EXPECT_STREQ("the zone has no SOA: example.org.", Zone("").error.reason);
  EXPECT_STREQ("no time to live: write $TTL first", Zone("example.org. NS a.\n").error.reason);
  EXPECT_STREQ("the first record needs a name", Zone(" NS a.\n").error.reason);
}

TEST(ZoneTest, ControlCharactersDoNotReachTheMessage) {
  Zone z(kStart + "x\x1b[31m A 192.0.2.1\ny WH\x1b" "AT 1\n");
  EXPECT_STREQ("not a type: WH?AT", z.error.reason);
}

TEST(ZoneTest, EveryTruncationIsReadWithoutOverread) {
  const std::string text = kStart + "x TXT \"a\\\"b\" ( c\n d ) ; e\ny TYPE65000 \\# 2 0102\n"
                           "h HTTPS 1 . alpn=\"h2\"\n";
  size_t good = 0;
  for (size_t n = 0; n <= text.size(); n++) {
    Zone z(text.substr(0, n), true);
    good += so_ok(z.status);
  }
  EXPECT_GE(good, 4u);
  EXPECT_LT(good, text.size() / 2);
}

TEST(ZoneTest, MemoryHasALimitAndEveryRefusalIsClean) {
  std::string text = kStart;
  for (int i = 0; i < 300; i++) {
    text += "h" + std::to_string(i) + " A 192.0.2.1\n";
  }
  SO_EXPECT_CODE(SO_LIMIT, Zone(text, false, 8192).status);
  SO_EXPECT_OK(Zone(text, false, 1 << 20).status);
  const std::string origin = Name("example.org.");
  size_t failures = 0;
  for (size_t n = 0;; n++) {
    Failing f;
    f.left = n;
    const so_heap heap = {Failing::Resize, &f};
    so_dns_zone_text t = {};
    t.file = so_str("f");
    t.text = View(text);
    t.origin = View(origin);
    t.memory_limit = 1 << 24;
    so_dns_zone zone;
    so_dns_zone_error error;
    const so_status s = so_dns_zone_load(&zone, &heap, &t, &error);
    if (so_ok(s)) {
      so_dns_zone_release(&zone);
    } else {
      failures++;
    }
    EXPECT_EQ(0u, f.held) << n;
    if (so_ok(s)) {
      break;
    }
  }
  EXPECT_GT(failures, 10u);
}

TEST(ZoneTest, PredecessorsAreFoundInTheChainOfNsec) {
  Zone z(kStart + "@ NSEC b A\nb A 192.0.2.1\nb NSEC z.y A\nz.y A 192.0.2.1\nz.y NSEC @ A\n");
  ASSERT_TRUE(so_ok(z.status)) << z.error.reason;
  const std::map<std::string, std::string> want = {
      {"example.org.", "example.org."},       {"a.example.org.", "example.org."},
      {"B.example.org.", "b.example.org."},   {"b\\000.example.org.", "b.example.org."},
      {"x.b.example.org.", "b.example.org."}, {"y.example.org.", "b.example.org."},
      {"zz.example.org.", "z.y.example.org."}};
  for (const auto &[name, before] : want) {
    const std::string wire = Name(name);
    const so_dns_node *const n = so_dns_zone_nsec_before(&z.zone, View(wire));
    ASSERT_NE(nullptr, n);
    EXPECT_EQ(Name(before), Text(so_dns_node_name(n))) << name;
  }
}

}  // namespace
