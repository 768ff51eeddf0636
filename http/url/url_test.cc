#include "http/url/url.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

std::string Decode(so_url_part part, const std::string &s) {
  const so_test::Guarded g(s);
  std::vector<uint8_t> buf(s.size() + 1);
  so_writer w = so_writer_of(buf.data(), s.size());
  return so_ok(so_url_decode(part, g.view(), &w)) ? Text(so_writer_bytes(&w)) : "MALFORMED";
}

TEST(UrlTest, Decodes) {
  EXPECT_EQ(Decode(SO_URL_SEGMENT, "a%20b%2Fc%c3%A4+d"), "a b/c\xc3\xa4+d");
  EXPECT_EQ(Decode(SO_URL_QUERY, "a+b%2B"), "a b+");
  EXPECT_EQ(Decode(SO_URL_SEGMENT, ""), "");
  EXPECT_EQ(Decode(SO_URL_SEGMENT, "%252e"), "%2e") << "decoded once";
}

TEST(UrlTest, RefusesBrokenEncodingAndNul) {
  for (const char *s : {"%", "a%", "%4", "a%4", "%zz", "%4g", "%g4", "%00", "a%00b", "% 1", "%%41"}) {
    EXPECT_EQ(Decode(SO_URL_SEGMENT, s), "MALFORMED") << s;
  }
  EXPECT_EQ(Decode(SO_URL_SEGMENT, std::string("a\0b", 3)), "MALFORMED");
}

TEST(UrlTest, DecodesIntoAnArenaOnlyWhenItMust) {
  so_arena arena;
  so_arena_init(&arena, so_test::Heap(), 4096);
  const std::string plain = "a+b", coded = "a%2Bb";
  so_bytes out;
  SO_ASSERT_OK(so_url_decode_arena(SO_URL_SEGMENT, View(plain), &arena, &out));
  EXPECT_EQ(static_cast<const void *>(out.ptr), plain.data());
  SO_ASSERT_OK(so_url_decode_arena(SO_URL_QUERY, View(plain), &arena, &out));
  EXPECT_EQ(Text(out), "a b");
  SO_ASSERT_OK(so_url_decode_arena(SO_URL_SEGMENT, View(coded), &arena, &out));
  EXPECT_EQ(Text(out), "a+b");
  SO_EXPECT_CODE(SO_MALFORMED, so_url_decode_arena(SO_URL_SEGMENT, so_str("%0"), &arena, &out));
  so_arena_release(&arena);
  so_arena_init(&arena, so_test::Heap(), 1);
  SO_EXPECT_CODE(SO_LIMIT, so_url_decode_arena(SO_URL_SEGMENT, View(coded), &arena, &out));
  so_arena_release(&arena);
}

TEST(UrlTest, EncodesAllButUnreserved) {
  uint8_t buf[100];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_url_encode(&w, so_str("aZ09-._~/ %\xc3\xa4?"), false);
  EXPECT_EQ(Text(so_writer_bytes(&w)), "aZ09-._~%2F%20%25%C3%A4%3F");
  w = so_writer_of(buf, sizeof buf);
  so_url_encode(&w, so_str("a/b c"), true);
  EXPECT_EQ(Text(so_writer_bytes(&w)), "a/b%20c");
}

TEST(UrlTest, TakesQueriesApart) {
  so_bytes rest = so_str("a=1&&b&c=x=y&=z&d=");
  so_bytes name, value;
  std::string got;
  while (so_url_query_next(&rest, &name, &value)) {
    got += "[" + Text(name) + "|" + Text(value) + "]";
  }
  EXPECT_EQ(got, "[a|1][b|][c|x=y][|z][d|]");
}

TEST(UrlTest, ParsesWholeUrls) {
  so_url u;
  SO_ASSERT_OK(so_url_parse(so_str("https://h.example:8443/a/b?c=d"), &u));
  EXPECT_TRUE(u.is_https);
  EXPECT_EQ(Text(u.host), "h.example");
  EXPECT_EQ(Text(u.authority), "h.example:8443");
  EXPECT_EQ(u.port, 8443);
  EXPECT_EQ(Text(u.path), "/a/b");
  EXPECT_EQ(Text(u.query), "c=d");
  SO_ASSERT_OK(so_url_parse(so_str("HTTP://[::1]"), &u));
  EXPECT_FALSE(u.is_https);
  EXPECT_EQ(Text(u.host), "::1");
  EXPECT_EQ(u.port, 80);
  EXPECT_EQ(Text(u.path), "/");
  SO_ASSERT_OK(so_url_parse(so_str("https://h?x/y"), &u));
  EXPECT_EQ(Text(u.path), "/");
  EXPECT_EQ(Text(u.query), "x/y");
  EXPECT_EQ(u.port, 443);
  for (const char *bad : {"", "h", "https:/h", "https://", "https:///x", "https://:1/", "https://h:/",
                          "https://h:0/", "https://h:65536/", "https://h:x/", "https://[::1/",
                          "https://[::1]x/", "https://h/a b", "https://h/\x80"}) {
    SO_EXPECT_CODE(SO_MALFORMED, so_url_parse(so_str(bad), &u));
  }
  for (const char *other : {"ftp://h/", "https://u@h/", "https://u:p@h/", "https://h/#f"}) {
    SO_EXPECT_CODE(SO_UNSUPPORTED, so_url_parse(so_str(other), &u));
  }
}

}  // namespace
