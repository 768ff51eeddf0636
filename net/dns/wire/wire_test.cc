#include "net/dns/wire/wire.h"

#include "net/dns/wire/fold.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

using so_test::Guarded;
using so_test::Text;
using so_test::View;

namespace {

std::string Hex(const std::string &digits) {
  std::string out;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return out;
}

std::string Name(const std::string &text) {
  so_dns_name n;
  const so_status s = so_dns_name_from_text(View(text), so_bytes_of(nullptr, 0), &n);
  return so_ok(s) ? Text(so_dns_name_view(&n)) : "bad";
}

std::string ToText(const std::string &wire) {
  uint8_t buf[1100];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_dns_name_write_text(&w, View(wire));
  return Text(so_writer_bytes(&w));
}

so_status Read(const std::string &message, size_t at, std::string *out, size_t *end = nullptr) {
  const Guarded g(message);
  so_dns_name n;
  const so_status s = so_dns_name_read(g.view(), &at, &n);
  if (so_ok(s)) {
    *out = Text(so_dns_name_view(&n));
    if (end != nullptr) {
      *end = at;
    }
  }
  return s;
}

const std::string kHeader(12, '\0');

TEST(NameTest, TextGoesThereAndBack) {
  const char *const names[] = {".",          "org.",         "www.Example.ORG.", "a\\.b.c.",
                               "\\000x.y.",  "\\032\\255.z.", "\\\\.q.",           "*.w."};
  for (const char *n : names) {
    EXPECT_EQ(n, ToText(Name(n)));
  }
  EXPECT_EQ(std::string("\3www\0", 5), Name("www"));
  EXPECT_EQ(Name("a.b."), Name("\\097.\\b."));
}

TEST(NameTest, TextThatIsNoNameIsRefused) {
  for (const char *n : {"", "..", ".a", "a..b", "a\\", "a\\1", "a\\25x.", "\\256."}) {
    EXPECT_EQ("bad", Name(n)) << n;
  }
}

TEST(NameTest, LabelsAndNamesHaveTheirLimits) {
  const std::string l63(63, 'a'), l64(64, 'a');
  EXPECT_NE("bad", Name(l63 + "."));
  EXPECT_EQ("bad", Name(l64 + "."));
  const std::string three = l63 + "." + l63 + "." + l63 + ".";
  EXPECT_EQ(255u, Name(three + std::string(61, 'b') + ".").size());
  EXPECT_EQ("bad", Name(three + std::string(62, 'b') + "."));
  std::string many;
  for (int i = 0; i < 127; i++) {
    many += "x.";
  }
  EXPECT_EQ(255u, Name(many).size());
  EXPECT_EQ("bad", Name(many + "x."));
  EXPECT_EQ(127u, so_dns_name_labels(View(Name(many))));
}

TEST(NameTest, ARelativeNameTakesTheOrigin) {
  const std::string origin = Name("example.org.");
  so_dns_name n;
  SO_ASSERT_OK(so_dns_name_from_text(so_str("www"), View(origin), &n));
  EXPECT_EQ(Name("www.example.org."), Text(so_dns_name_view(&n)));
  SO_ASSERT_OK(so_dns_name_from_text(so_str("@"), View(origin), &n));
  EXPECT_EQ(origin, Text(so_dns_name_view(&n)));
  SO_ASSERT_OK(so_dns_name_from_text(so_str("www."), View(origin), &n));
  EXPECT_EQ(Name("www."), Text(so_dns_name_view(&n)));
  SO_EXPECT_CODE(SO_LIMIT,
                 so_dns_name_from_text(View(std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                                            std::string(63, 'a') + "." + std::string(60, 'a')),
                                       View(origin), &n));
}

TEST(NameTest, CompressionIsFollowed) {
  const std::string m = kHeader + Name("example.org.") + "\3www\xc0\x0c" + "\1a\xc0\x19";
  std::string out;
  size_t end = 0;
  SO_ASSERT_OK(Read(m, 25, &out, &end));
  EXPECT_EQ(Name("www.example.org."), out);
  EXPECT_EQ(31u, end);
  SO_ASSERT_OK(Read(m, 31, &out, &end));
  EXPECT_EQ(Name("a.www.example.org."), out);
  EXPECT_EQ(m.size(), end);
}

TEST(NameTest, PointersThatDoNotPointBackwardsAreRefused) {
  std::string out;
  // To itself, to its own labels, forwards, into the header, cut, and two that point at each other.
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\xc0\x0c", 12, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\1a\xc0\x0c", 12, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\xc0\x0e" + Name("a."), 12, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + std::string("\xc0\x00", 2), 12, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\xc0", 12, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\xc0\x0e\xc0\x0c", 14, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\x40x", 12, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Read(kHeader + "\x80x", 12, &out));
}

TEST(NameTest, ANameThatCompressionMakesTooLongIsRefused) {
  std::string m = kHeader + Name(std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                                 std::string(63, 'a') + "." + std::string(60, 'a') + ".");
  std::string out;
  const size_t at = m.size();
  SO_EXPECT_OK(Read(m + std::string("\xc0\x0c", 2), at, &out));
  EXPECT_EQ(254u, out.size());
  SO_EXPECT_CODE(SO_MALFORMED, Read(m + "\1b\xc0\x0c", at, &out));
}

TEST(NameTest, EveryTruncationFailsWithoutOverread) {
  const std::string m = kHeader + Name("www.example.org.");
  for (size_t n = 0; n < m.size(); n++) {
    std::string out;
    SO_EXPECT_CODE(SO_MALFORMED, Read(m.substr(0, n), 12, &out));
    const Guarded g(m.substr(0, n));
    size_t at = 12;
    SO_EXPECT_CODE(SO_MALFORMED, so_dns_name_skip(g.view(), &at));
  }
}

TEST(NameTest, CanonicalOrderIsThatOfRfc4034) {
  // RFC 4034 section 6.1.
  const char *const order[] = {"example.",         "a.example.",  "yljkjljk.a.example.",
                               "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                               "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
  for (size_t i = 0; i < 9; i++) {
    for (size_t j = 0; j < 9; j++) {
      const int c = so_dns_name_compare(View(Name(order[i])), View(Name(order[j])));
      EXPECT_EQ(i < j, c < 0) << order[i] << " " << order[j];
      EXPECT_EQ(i == j, c == 0);
    }
  }
}

TEST(NameTest, EqualityAndAncestryFoldCase) {
  EXPECT_TRUE(so_dns_name_equal(View(Name("A.b.")), View(Name("a.B."))));
  EXPECT_FALSE(so_dns_name_equal(View(Name("a.b.")), View(Name("a.c."))));
  EXPECT_FALSE(so_dns_name_equal(View(Name("@.")), View(Name("`."))));
  EXPECT_TRUE(so_dns_name_is_under(View(Name("x.A.b.")), View(Name("a.B."))));
  EXPECT_TRUE(so_dns_name_is_under(View(Name("a.b.")), View(Name("."))));
  EXPECT_FALSE(so_dns_name_is_under(View(Name("xa.b.")), View(Name("a.b."))));
  EXPECT_FALSE(so_dns_name_is_under(View(Name("b.")), View(Name("a.b."))));
}

TEST(NameTest, MixedCaseFollowsTheBits) {
  so_dns_name n;
  SO_ASSERT_OK(so_dns_name_copy(View(Name("ab1cd.")), &n));
  uint8_t bits[32] = {0x05};
  so_dns_name_mix_case(&n, bits);
  EXPECT_EQ("Ab1Cd.", ToText(Text(so_dns_name_view(&n))));
  so_dns_name_lower(&n);
  EXPECT_EQ("ab1cd.", ToText(Text(so_dns_name_view(&n))));
}

TEST(NameTest, SubstitutionHasItsLimit) {
  so_dns_name out;
  SO_ASSERT_OK(so_dns_name_substitute(View(Name("a.b.old.")), View(Name("old.")),
                                      View(Name("new.org.")), &out));
  EXPECT_EQ("a.b.new.org.", ToText(Text(so_dns_name_view(&out))));
  const std::string l63(63, 'a');
  const std::string big = Name(l63 + "." + l63 + "." + l63 + "." + std::string(57, 'a') + ".o.");
  SO_EXPECT_OK(so_dns_name_substitute(View(big), View(Name("o.")), View(Name("abc.")), &out));
  SO_EXPECT_CODE(SO_LIMIT,
                 so_dns_name_substitute(View(big), View(Name("o.")), View(Name("abcd.")), &out));
}

// --- types ------------------------------------------------------------------------------------

TEST(TypeTest, NamesAndNumbersAgree) {
  uint16_t t = 0;
  for (unsigned i = 0; i < 65536; i++) {
    uint8_t buf[32];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_dns_type_write_text(&w, static_cast<uint16_t>(i));
    SO_ASSERT_OK(so_dns_type_from_text(so_writer_bytes(&w), &t));
    ASSERT_EQ(i, t);
  }
  SO_EXPECT_OK(so_dns_type_from_text(so_str("aaaa"), &t));
  SO_EXPECT_OK(so_dns_type_from_text(so_str("type65535"), &t));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_dns_type_from_text(so_str("TYPE65536"), &t));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_dns_type_from_text(so_str("TYPE"), &t));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_dns_type_from_text(so_str("AA"), &t));
}

struct Shape {
  uint16_t type;
  std::string good;
};

std::vector<Shape> Shapes() {
  const std::string n = Name("a.b.");
  return {
      {SO_DNS_A, Hex("c0000201")},
      {SO_DNS_AAAA, std::string(16, '\1')},
      {SO_DNS_NS, n},
      {SO_DNS_SOA, n + n + std::string(20, '\2')},
      {SO_DNS_MX, std::string("\0\5", 2) + n},
      {SO_DNS_TXT, "\1a\3bcd"},
      {SO_DNS_SRV, std::string(6, '\0') + n},
      {SO_DNS_NAPTR, std::string(4, '\0') + std::string("\1u\0\2xx", 6) + n},
      {SO_DNS_NSEC, n + Hex("000140")},
      {SO_DNS_NSEC3, Hex("01000000") + std::string("\0", 1) + "\2hh" + Hex("000140")},
      {SO_DNS_NSEC3PARAM, Hex("0100000002beef")},
      {SO_DNS_RRSIG, std::string(18, '\1') + n},
      {SO_DNS_HTTPS, std::string("\0\1\0", 3) + Hex("000100020268")},
      {SO_DNS_CAA, std::string("\0\5issue", 7)},
      {SO_DNS_EUI48, "123456"},
  };
}

TEST(RdataTest, EveryTypeTakesItsFieldsAndNoTruncationOfThem) {
  for (const Shape &s : Shapes()) {
    SO_EXPECT_OK(so_dns_rdata_check(s.type, View(s.good)));
    // Data that may end in text, or after a complete part, is right at those places too.
    size_t accepted = 0;
    for (size_t n = 0; n < s.good.size(); n++) {
      const Guarded g(s.good.substr(0, n));
      accepted += so_ok(so_dns_rdata_check(s.type, g.view()));
    }
    const bool has_optional = s.type == SO_DNS_TXT || s.type == SO_DNS_NSEC ||
                              s.type == SO_DNS_NSEC3 || s.type == SO_DNS_HTTPS;
    EXPECT_EQ(has_optional ? 1u : 0u, accepted) << s.type;
  }
}

TEST(RdataTest, TrailingBytesAreRefusedWhereNothingMayFollow) {
  for (const Shape &s : Shapes()) {
    const bool open_ended = s.type == SO_DNS_RRSIG || s.type == SO_DNS_CAA;
    const so_status got = so_dns_rdata_check(s.type, View(s.good + "\x7f"));
    EXPECT_EQ(open_ended, so_ok(got)) << s.type;
  }
}

TEST(RdataTest, BitmapsHaveOneForm) {
  const std::string n = Name("a.");
  SO_EXPECT_OK(so_dns_rdata_check(SO_DNS_NSEC, View(n + Hex("000140") + Hex("010180"))));
  SO_EXPECT_CODE(SO_MALFORMED, so_dns_rdata_check(SO_DNS_NSEC, View(n + Hex("010140000180"))));
  SO_EXPECT_CODE(SO_MALFORMED, so_dns_rdata_check(SO_DNS_NSEC, View(n + Hex("00024000"))));
  SO_EXPECT_CODE(SO_MALFORMED, so_dns_rdata_check(SO_DNS_NSEC, View(n + Hex("0000"))));
  SO_EXPECT_CODE(SO_MALFORMED,
                 so_dns_rdata_check(SO_DNS_NSEC, View(n + Hex("0021") + std::string(33, '\1'))));
  const std::string bits = Hex("0006400100000003") + Hex("010180");
  for (unsigned t = 0; t < 600; t++) {
    const bool want = t == 1 || t == 15 || t == 46 || t == 47 || t == 256;
    EXPECT_EQ(want, so_dns_type_in_bitmap(View(bits), static_cast<uint16_t>(t))) << t;
  }
}

TEST(RdataTest, ServiceParametersStandInOrder) {
  const std::string start = std::string("\0\1\0", 3);
  SO_EXPECT_OK(so_dns_rdata_check(SO_DNS_SVCB, View(start + Hex("0001000000030000"))));
  SO_EXPECT_CODE(SO_MALFORMED,
                 so_dns_rdata_check(SO_DNS_SVCB, View(start + Hex("0003000000010000"))));
  SO_EXPECT_CODE(SO_MALFORMED,
                 so_dns_rdata_check(SO_DNS_SVCB, View(start + Hex("0003000000030000"))));
}

// --- messages ---------------------------------------------------------------------------------

struct Built {
  std::vector<uint8_t> buf = std::vector<uint8_t>(4096, 0xee);
  so_dns_builder b;
  explicit Built(size_t cap = 4096) {
    so_dns_header h = {};
    h.id = 0x1234;
    h.qr = true;
    h.aa = true;
    h.rcode = 3;
    so_dns_builder_init(&b, buf.data(), cap, &h);
  }
  std::string End() {
    so_bytes out;
    const so_status s = so_dns_builder_end(&b, &out);
    return so_ok(s) ? Text(out) : "";
  }
};

std::string Example() {
  Built m;
  const std::string www = Name("www.Example.org."), org = Name("example.org.");
  so_dns_write_question(&m.b, View(www), SO_DNS_A, SO_DNS_IN);
  const std::string a = Hex("c0000201"), mx = std::string("\0\5", 2) + Name("mail.example.org.");
  const std::string srv = std::string(6, '\1') + org;
  so_dns_write_rr(&m.b, SO_DNS_ANSWER, View(www), SO_DNS_A, SO_DNS_IN, 300, View(a));
  so_dns_write_rr(&m.b, SO_DNS_AUTHORITY, View(org), SO_DNS_MX, SO_DNS_IN, 0x7fffffff, View(mx));
  so_dns_write_rr(&m.b, SO_DNS_ADDITIONAL, View(org), SO_DNS_SRV, SO_DNS_IN, 1, View(srv));
  so_dns_edns e = {};
  e.udp_len = 1232;
  e.dnssec_ok = true;
  e.rcode_high = 1;
  e.has_cookie = true;
  e.server_cookie_len = 16;
  memset(e.client_cookie, 7, 8);
  memset(e.server_cookie, 9, 16);
  so_dns_write_edns(&m.b, &e);
  return m.End();
}

TEST(MessageTest, WhatIsWrittenIsRead) {
  const std::string m = Example();
  SO_ASSERT_OK(so_dns_message_check(View(m)));
  so_dns_header h;
  SO_ASSERT_OK(so_dns_header_read(View(m), &h));
  EXPECT_EQ(0x1234, h.id);
  EXPECT_TRUE(h.qr && h.aa && !h.tc && !h.rd && !h.ra);
  EXPECT_EQ(3, h.rcode);
  EXPECT_EQ(1, h.counts[0]);
  EXPECT_EQ(1, h.counts[1]);
  EXPECT_EQ(1, h.counts[2]);
  EXPECT_EQ(2, h.counts[3]);
  size_t at = SO_DNS_HEADER_LEN;
  so_dns_question q;
  SO_ASSERT_OK(so_dns_question_read(View(m), &at, &q));
  EXPECT_EQ("www.Example.org.", ToText(Text(so_dns_name_view(&q.name))));
  so_dns_rr rr;
  SO_ASSERT_OK(so_dns_rr_read(View(m), &at, &rr));
  EXPECT_EQ(300u, rr.ttl);
  EXPECT_EQ("www.Example.org.", ToText(Text(so_dns_name_view(&rr.name))));
  SO_ASSERT_OK(so_dns_rr_read(View(m), &at, &rr));
  EXPECT_LT(rr.rdata.len, 12u) << "the exchange is compressed";
  uint8_t room[300];
  so_writer w = so_writer_of(room, sizeof room);
  SO_ASSERT_OK(so_dns_rdata_read(View(m), &rr, &w));
  EXPECT_TRUE(so_dns_name_equal(so_bytes_from(so_writer_bytes(&w), 2),
                                View(Name("mail.example.org."))));
  SO_ASSERT_OK(so_dns_rr_read(View(m), &at, &rr));
  EXPECT_EQ(6 + Name("example.org.").size(), rr.rdata.len) << "SRV is never compressed";
  SO_ASSERT_OK(so_dns_rr_read(View(m), &at, &rr));
  so_dns_edns e;
  SO_ASSERT_OK(so_dns_edns_read(&rr, &e));
  EXPECT_EQ(1232, e.udp_len);
  EXPECT_TRUE(e.dnssec_ok && e.has_cookie);
  EXPECT_EQ(1, e.rcode_high);
  EXPECT_EQ(16, e.server_cookie_len);
  EXPECT_EQ(m.size(), at);
}

TEST(MessageTest, EveryTruncationAndATrailingByteAreRefused) {
  const std::string m = Example();
  for (size_t n = 0; n < m.size(); n++) {
    const Guarded g(m.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_dns_message_check(g.view()));
  }
  SO_EXPECT_CODE(SO_MALFORMED, so_dns_message_check(View(m + '\0')));
}

TEST(MessageTest, WritingStopsAtTheCapacityAndGoesBackToAMark) {
  const std::string n = Name("a.example.org."), a = Hex("c0000201");
  Built m(60);
  so_dns_write_question(&m.b, View(n), SO_DNS_A, SO_DNS_IN);
  so_dns_write_rr(&m.b, SO_DNS_ANSWER, View(n), SO_DNS_A, SO_DNS_IN, 1, View(a));
  const so_dns_mark mark = so_dns_builder_mark(&m.b);
  so_dns_write_rr(&m.b, SO_DNS_ANSWER, View(n), SO_DNS_A, SO_DNS_IN, 1, View(a));
  EXPECT_EQ("", m.End());
  so_dns_builder_rewind(&m.b, &mark);
  so_dns_builder_set_truncated(&m.b);
  const std::string out = m.End();
  SO_ASSERT_OK(so_dns_message_check(View(out)));
  so_dns_header h;
  SO_ASSERT_OK(so_dns_header_read(View(out), &h));
  EXPECT_TRUE(h.tc);
  EXPECT_EQ(1, h.counts[1]);
}

// The buffer holds what an earlier message left: a name may not be compressed against that.
TEST(MessageTest, ANameIsNotCompressedAgainstWhatLiesBehindIt) {
  const std::string n = Name("x.*.d.ent.org.");
  Built m;
  so_dns_write_question(&m.b, View(n), SO_DNS_A, SO_DNS_IN);
  const std::string first = m.End();
  so_dns_header h = {};
  h.id = 0x1234;
  h.qr = true;
  h.aa = true;
  h.rcode = 3;
  const std::string longer = Name("x.*.*.d.ent.org.");
  for (const std::string &name : {n, longer, n}) {
    so_dns_builder_init(&m.b, m.buf.data(), m.buf.size(), &h);
    so_dns_write_question(&m.b, View(name), SO_DNS_A, SO_DNS_IN);
    const std::string out = m.End();
    SO_EXPECT_OK(so_dns_message_check(View(out)));
    EXPECT_EQ(kHeader.size() + name.size() + 4, out.size());
  }
}

TEST(MessageTest, NoPointerReachesBeyondItsBits) {
  std::vector<uint8_t> buf(70000);
  so_dns_builder b;
  so_dns_header h = {};
  so_dns_builder_init(&b, buf.data(), 65535, &h);
  const std::string filler(200, 'x'), root(1, '\0');
  for (int i = 0; i < 90; i++) {  // Up to where pointers do not reach, without a name to remember.
    so_dns_write_rr(&b, SO_DNS_ANSWER, View(root), 65280, SO_DNS_IN, 0, View(filler));
  }
  for (int i = 0; i < 170; i++) {
    const std::string n = Name("n" + std::to_string(i % 150) + ".example.org.");
    so_dns_write_rr(&b, SO_DNS_ANSWER, View(n), 65280, SO_DNS_IN, 0, View(filler));
  }
  so_bytes out;
  SO_ASSERT_OK(so_dns_builder_end(&b, &out));
  SO_ASSERT_OK(so_dns_message_check(out));
  size_t at = SO_DNS_HEADER_LEN;
  for (int i = -90; i < 170; i++) {
    so_dns_rr rr;
    SO_ASSERT_OK(so_dns_rr_read(out, &at, &rr));
    if (i < 0) {
      continue;
    }
    ASSERT_EQ(Name("n" + std::to_string(i % 150) + ".example.org."),
              Text(so_dns_name_view(&rr.name)));
  }
}

// --- EDNS and cookies -------------------------------------------------------------------------

so_status ReadOpt(const std::string &options, so_dns_edns *e) {
  so_dns_rr rr = {};
  rr.name.len = 1;
  rr.type = SO_DNS_OPT;
  rr.rclass = 512;
  const Guarded g(options);
  rr.rdata = g.view();
  return so_dns_edns_read(&rr, e);
}

TEST(EdnsTest, OptionsAreReadAndCookiesHaveTheirLengths) {
  so_dns_edns e;
  SO_EXPECT_OK(ReadOpt("", &e));
  EXPECT_FALSE(e.has_cookie);
  SO_EXPECT_OK(ReadOpt(Hex("00030000") + Hex("ffff0001aa"), &e));
  for (size_t n = 0; n <= 41; n++) {
    const std::string option =
        Hex("000a00") + static_cast<char>(n) + std::string(n, 'c');
    const bool good = n == 8 || (n >= 16 && n <= 40);
    EXPECT_EQ(good, so_ok(ReadOpt(option, &e))) << n;
  }
  const std::string two = Hex("000a0008") + "AAAAAAAA" + Hex("000a0008") + "BBBBBBBB";
  SO_EXPECT_OK(ReadOpt(two, &e));
  EXPECT_EQ(0, memcmp(e.client_cookie, "AAAAAAAA", 8));
  for (size_t n = 1; n < two.size(); n++) {
    if (n != 12) {
      SO_EXPECT_CODE(SO_MALFORMED, ReadOpt(two.substr(0, n), &e));
    }
  }
}

// RFC 9018 appendix A.1.
TEST(CookieTest, MadeAsTheRfcMakesThem) {
  const std::string secret = Hex("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const std::string client = Hex("2464c4abcf10c957"), ip = Hex("c6336464");
  uint8_t out[16];
  const auto bytes = [](const std::string &s) {
    return reinterpret_cast<const uint8_t *>(s.data());
  };
  so_dns_cookie_make(bytes(secret), bytes(client), View(ip), 1559731985, out);
  EXPECT_EQ(Hex("010000005cf79f111f8130c3eee29480"),
            std::string(reinterpret_cast<char *>(out), 16));
}

TEST(CookieTest, CheckedByKeyClientAddressAndAge) {
  uint8_t key[16] = {1, 2, 3}, client[8] = {4, 5}, cookie[16];
  const std::string ip = Hex("7f000001"), other_ip = Hex("7f000002");
  const uint32_t t = 0xfffffff0u;  // Shortly before the counter wraps.
  so_dns_cookie_make(key, client, View(ip), t, cookie);
  const so_bytes c = so_bytes_of(cookie, 16);
  SO_EXPECT_OK(so_dns_cookie_check(key, client, View(ip), t, c));
  SO_EXPECT_OK(so_dns_cookie_check(key, client, View(ip), t + 1800, c));
  SO_EXPECT_CODE(SO_AGAIN, so_dns_cookie_check(key, client, View(ip), t + 1801, c));
  SO_EXPECT_CODE(SO_AGAIN, so_dns_cookie_check(key, client, View(ip), t + 3600, c));
  SO_EXPECT_CODE(SO_DENIED, so_dns_cookie_check(key, client, View(ip), t + 3601, c));
  SO_EXPECT_OK(so_dns_cookie_check(key, client, View(ip), t - 300, c));
  SO_EXPECT_CODE(SO_DENIED, so_dns_cookie_check(key, client, View(ip), t - 301, c));
  SO_EXPECT_CODE(SO_DENIED, so_dns_cookie_check(key, client, View(other_ip), t, c));
  SO_EXPECT_CODE(SO_DENIED, so_dns_cookie_check(key, client, View(ip), t, so_bytes_first(c, 15)));
  for (size_t i = 0; i < 16; i++) {
    cookie[i] ^= 1;
    SO_EXPECT_CODE(SO_DENIED, so_dns_cookie_check(key, client, View(ip), t, c));
    cookie[i] ^= 1;
  }
  key[0] ^= 1;
  SO_EXPECT_CODE(SO_DENIED, so_dns_cookie_check(key, client, View(ip), t, c));
}

TEST(DnsFoldTest, EveryByteInEveryPlace) {
  for (unsigned place = 0; place < 8; place++) {
    for (unsigned c = 0; c < 256; c++) {
      uint8_t bytes[8];
      memset(bytes, 'Z', sizeof bytes);
      bytes[place] = static_cast<uint8_t>(c);
      const uint64_t folded = so_dns_fold8(so_dns_load8(bytes));
      memset(bytes, 'z', sizeof bytes);
      bytes[place] = static_cast<uint8_t>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      ASSERT_EQ(so_dns_load8(bytes), folded) << c << " at " << place;
    }
  }
}

TEST(DnsFoldTest, NamesOfEveryLengthCompareByAllTheirBytes) {
  for (size_t len = 1; len <= 63; len++) {
    const std::string head(1, static_cast<char>(len));
    const std::string upper = head + std::string(len, 'Q') + std::string(1, '\0');
    const std::string same = head + std::string(len, 'q') + std::string(1, '\0');
    EXPECT_TRUE(so_dns_name_equal(so_test::View(upper), so_test::View(same)));
    for (size_t i = 1; i <= len; i++) {
      std::string other = same;
      other[i] = 'r';
      ASSERT_FALSE(so_dns_name_equal(so_test::View(upper), so_test::View(other))) << len << i;
    }
  }
}

}  // namespace
