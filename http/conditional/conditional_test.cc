#include "http/conditional/conditional.h"

#include <string>

#include "tests/support/support.h"

namespace {

so_code Match(const char *value, const char *tag) {
  return (so_code)so_if_match(so_str(value), tag != nullptr, so_str(tag)).code;
}
so_code NoneMatch(const char *value, const char *tag) {
  return (so_code)so_if_none_match(so_str(value), tag != nullptr, so_str(tag)).code;
}

TEST(ConditionalTest, IfMatchComparesStrongly) {
  EXPECT_EQ(Match("\"a\"", "a"), SO_OK);
  EXPECT_EQ(Match("\"b\", \"a\"", "a"), SO_OK);
  EXPECT_EQ(Match("\"b\" ,,\"c\"", "a"), SO_CONFLICT);
  EXPECT_EQ(Match("W/\"a\"", "a"), SO_CONFLICT);
  EXPECT_EQ(Match("*", "a"), SO_OK);
  EXPECT_EQ(Match("*", nullptr), SO_CONFLICT);
  EXPECT_EQ(Match("\"a\"", nullptr), SO_CONFLICT);
}

TEST(ConditionalTest, IfNoneMatchComparesWeakly) {
  EXPECT_EQ(NoneMatch("\"a\"", "a"), SO_CONFLICT);
  EXPECT_EQ(NoneMatch("W/\"a\"", "a"), SO_CONFLICT);
  EXPECT_EQ(NoneMatch("\"b\"", "a"), SO_OK);
  EXPECT_EQ(NoneMatch("*", "a"), SO_CONFLICT);
  EXPECT_EQ(NoneMatch("*", nullptr), SO_OK);
}

TEST(ConditionalTest, RefusesIllFormedTags) {
  for (const char *bad : {"", ",", "a", "\"a", "a\"", "\"a\"b", "\"a\"\"b\"", "w/\"a\"", "W/a", "*,*",
                          "\"a b\"", "\"a\" x", "W/ \"a\""}) {
    EXPECT_EQ(Match(bad, "z"), SO_MALFORMED) << bad;
    EXPECT_EQ(NoneMatch(bad, "z"), SO_MALFORMED) << bad;
  }
}

TEST(ConditionalTest, IfRangeTakesOneStrongTag) {
  EXPECT_TRUE(so_if_range(so_str("\"a\""), so_str("a")));
  EXPECT_FALSE(so_if_range(so_str("\"b\""), so_str("a")));
  EXPECT_FALSE(so_if_range(so_str("W/\"a\""), so_str("a")));
  EXPECT_FALSE(so_if_range(so_str("\"a\", \"b\""), so_str("a")));
  EXPECT_FALSE(so_if_range(so_str("Sun, 06 Nov 1994 08:49:37 GMT"), so_str("a")));
}

std::string Range(const char *value, uint64_t size) {
  so_range r = {};
  const so_status s = so_range_parse(so_str(value), size, &r);
  return so_ok(s) ? std::to_string(r.first) + "+" + std::to_string(r.len)
                  : so_code_name((so_code)s.code);
}

TEST(RangeTest, ReadsOneRange) {
  EXPECT_EQ(Range("bytes=0-0", 10), "0+1");
  EXPECT_EQ(Range("bytes=2-5", 10), "2+4");
  EXPECT_EQ(Range("Bytes=2-", 10), "2+8");
  EXPECT_EQ(Range("bytes=2-99", 10), "2+8");
  EXPECT_EQ(Range("bytes=9-99999999999999999999999", 10), "9+1");
  EXPECT_EQ(Range("bytes=-3", 10), "7+3");
  EXPECT_EQ(Range("bytes=-99", 10), "0+10");
  EXPECT_EQ(Range("bytes=0-18446744073709551615", UINT64_MAX), "0+18446744073709551615");
}

TEST(RangeTest, TellsUnsatisfiableFromIgnored) {
  for (const char *value : {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"}) {
    EXPECT_EQ(Range(value, 10), "LIMIT") << value;
  }
  EXPECT_EQ(Range("bytes=0-", 0), "LIMIT");
  EXPECT_EQ(Range("bytes=-1", 0), "LIMIT");
  for (const char *value : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "items=0-1",
                            "bytes=0-1,3-4", "bytes=1", "bytes= 0-1", "bytes=0 -1", "bytes=+0-1"}) {
    EXPECT_EQ(Range(value, 10), "UNSUPPORTED") << value;
  }
}

TEST(RangeTest, WritesContentRange) {
  uint8_t buf[80];
  so_writer w = so_writer_of(buf, sizeof buf);
  const so_range r = {2, 4};
  so_range_write(&w, &r, 10);
  EXPECT_EQ(so_test::Text(so_writer_bytes(&w)), "bytes 2-5/10");
  w = so_writer_of(buf, sizeof buf);
  so_range_write(&w, nullptr, 10);
  EXPECT_EQ(so_test::Text(so_writer_bytes(&w)), "bytes */10");
}

std::string Date(int64_t unix_s) {
  uint8_t buf[SO_HTTP_DATE_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_http_date_write(&w, unix_s);
  so_bytes text;
  return so_ok(so_writer_end(&w, &text)) ? so_test::Text(text) : "LIMIT";
}

TEST(HttpDateTest, WritesAndReadsTheExampleOfTheStandard) {
  // RFC 9110 5.6.7.
  EXPECT_EQ(Date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const int64_t t : {int64_t{0}, int64_t{951782400}, int64_t{1767225600}, int64_t{4102444800}}) {
    int64_t back = -1;
    const std::string text = Date(t);
    SO_ASSERT_OK(so_http_date_read(so_test::View(text), &back));
    EXPECT_EQ(back, t);
    for (size_t n = 0; n < text.size(); n++) {
      SO_EXPECT_CODE(SO_MALFORMED, so_http_date_read(so_test::View(text.substr(0, n)), &back));
    }
    SO_EXPECT_CODE(SO_MALFORMED, so_http_date_read(so_test::View(text + " "), &back));
  }
}

TEST(HttpDateTest, RefusesOtherForms) {
  int64_t t;
  for (const char *bad : {"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                          "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 08:49:37 UTC"}) {
    SO_EXPECT_CODE(SO_MALFORMED, so_http_date_read(so_str(bad), &t));
  }
}

}  // namespace
