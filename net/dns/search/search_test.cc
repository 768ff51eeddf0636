#include "net/dns/search/search.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

using so_test::Guarded;
using so_test::Text;
using so_test::View;

std::string Show(const so_search &s) {
  uint8_t buf[2048];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_search_write_text(&s, &w);
  return Text(so_writer_bytes(&w));
}

std::string Dhcp(const std::string &option, unsigned refused = 0) {
  so_search s = {};
  Guarded g(option);
  EXPECT_EQ(refused, so_search_add_dhcp(&s, g.view()));
  return Show(s);
}

// All names of a DNSSL option, and how it ended.
std::string Nd(const std::string &names, so_code end = SO_NOT_FOUND) {
  so_search s = {};
  Guarded g(names);
  size_t offset = 0;
  so_dns_name name;
  so_status status = so_search_next_nd(g.view(), &offset, &name);
  while (so_ok(status)) {
    (void)!so_ok(so_search_add(&s, &name));
    status = so_search_next_nd(g.view(), &offset, &name);
  }
  EXPECT_EQ(end, status.code);
  return Show(s);
}

so_search List(const std::string &text) {
  so_search s = {};
  EXPECT_EQ(0u, so_search_add_text(&s, View(text), ','));
  return s;
}

std::vector<std::string> Candidates(const so_search &s, const std::string &name) {
  std::vector<std::string> all;
  uint8_t buf[SO_SEARCH_NAME_LEN_MAX];
  so_bytes out;
  for (size_t n = 0; so_search_candidate(&s, View(name), n, buf, &out); n++) {
    all.push_back(Text(out));
  }
  return all;
}

using Names = std::vector<std::string>;

// RFC 3397 section 2: eng.apple.com. and marketing.apple.com., the second ending in a pointer to
// the "apple.com." of the first, which is at offset 4.
TEST(SearchTest, TheExampleOfRfc3397IsRead) {
  const std::string option("\x03" "eng\x05" "apple\x03" "com\0" "\x09" "marketing\xc0\x04", 27);
  EXPECT_EQ("eng.apple.com, marketing.apple.com", Dhcp(option));
}

TEST(SearchTest, PointersCountFromTheFirstByteAndOnlyBackwards) {
  EXPECT_EQ("a, b.a", Dhcp(std::string("\1a\0\1b\xc0\0", 7)));
  EXPECT_EQ("a", Dhcp(std::string("\1a\0\1b\xc0\3", 7), 1));   // To itself.
  EXPECT_EQ("a", Dhcp(std::string("\1a\0\1b\xc0\5", 7), 1));   // To the pointer.
  EXPECT_EQ("a", Dhcp(std::string("\1a\0\1b\xc0\x09\1c\0", 10), 1));  // Forwards.
  EXPECT_EQ("", Dhcp(std::string("\xc0\0", 2), 1));
  EXPECT_EQ("", Dhcp(std::string("\x41" "a\0", 3), 1));  // A label type that is not.
}

TEST(SearchTest, EveryTruncationKeepsTheWholeNamesBeforeIt) {
  const std::string option("\x03" "eng\x05" "apple\x03" "com\0" "\x09" "marketing\xc0\x04", 27);
  for (size_t n = 1; n < option.size(); n++) {
    EXPECT_EQ(n < 15 ? "" : "eng.apple.com", Dhcp(option.substr(0, n), n == 15 ? 0 : 1)) << n;
  }
  EXPECT_EQ("", Dhcp(""));
}

TEST(SearchTest, NamesThatNoHostEndsInAreRefusedAndTheOthersKept) {
  EXPECT_EQ("a, b", Dhcp(std::string("\1a\0\1 \0\1b\0", 9), 1));
  EXPECT_EQ("a", Dhcp(std::string("\0\1a\0", 4), 1));  // The root.
  EXPECT_EQ("a-b_9", Dhcp(std::string("\5A-b_9\0", 7)));
  EXPECT_EQ("a", Dhcp(std::string("\1a\0\1A\0", 6)));  // The same twice is once.
}

TEST(SearchTest, AListIsFullAfterSix) {
  std::string option;
  for (char c = 'a'; c < 'i'; c++) {
    option += std::string("\1", 1) + c + std::string(1, '\0');
  }
  EXPECT_EQ("a, b, c, d, e, f", Dhcp(option, 2));
}

TEST(SearchTest, NamesOfRoutersAreNotCompressedAndPadded) {
  const std::string two("\7example\3org\0\4corp\0\0\0\0\0", 24);
  EXPECT_EQ("example.org, corp", Nd(two));
  EXPECT_EQ("", Nd(std::string(8, '\0')));
  EXPECT_EQ("", Nd(""));
  EXPECT_EQ("a", Nd(std::string("\1a\0\1b\xc0\0\0", 8), SO_MALFORMED));
  EXPECT_EQ("a, b", Nd(std::string("\1a\0\0\1b\0\0", 8)));  // The root between them is no domain.
  EXPECT_EQ("", Nd(std::string("\7exampl", 7), SO_MALFORMED));
}

TEST(SearchTest, TextHasOneSeparator) {
  EXPECT_EQ("example.org, corp", Show(List("example.org,corp.")));
  so_search s = {};
  EXPECT_EQ(2u, so_search_add_text(&s, so_str("a..b  ok $"), ' '));
  EXPECT_EQ("ok", Show(s));
}

TEST(SearchTest, ANameWithoutDotsIsAskedWithEachDomainAndAsItStandsAtLast) {
  EXPECT_EQ((Names{"www.example.org", "www.corp", "www"}),
            Candidates(List("example.org,corp"), "www"));
  EXPECT_EQ((Names{"www"}), Candidates(List(""), "www"));
}

// RFC 1535: what has a dot is whole.
TEST(SearchTest, ANameWithADotIsNeverLengthened) {
  const so_search s = List("example.org");
  for (const char *name :
       {"www.example", "www.", "a.b.c", ".", "localhost", "LocalHost", "invalid"}) {
    EXPECT_EQ((Names{name}), Candidates(s, name));
  }
  EXPECT_EQ((Names{""}), Candidates(s, ""));
  const std::string longest(63, 'x'), longer(64, 'x');
  EXPECT_EQ((Names{longest + ".example.org", longest}), Candidates(s, longest));
  EXPECT_EQ((Names{longer}), Candidates(s, longer));
}

TEST(SearchTest, TheLongestNameFits) {
  const std::string label(63, 'd');
  so_search s = List(label + "." + label + "." + label + "." + std::string(61, 'd'));
  ASSERT_EQ(1, s.count);
  EXPECT_EQ(63u + 1 + 253, Candidates(s, std::string(63, 'x'))[0].size());
}

TEST(SearchTest, ListsAreJoinedInOrder) {
  so_search s = List("a,b");
  const so_search more = List("b,c,d,e,f,g");
  so_search_add_all(&s, &more);
  EXPECT_EQ("a, b, c, d, e, f", Show(s));
}

}  // namespace
