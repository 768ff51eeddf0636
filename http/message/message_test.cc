#include "http/message/message.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

using so_test::Guarded;
using so_test::Text;
using so_test::View;

so_status EndOf(const std::string &s, size_t *len) {
  size_t scanned = 0;
  const Guarded g(s);
  return so_http_head_end(g.view(), &scanned, len);
}

// `s` must outlive `*out`.
so_status Request(const char *s, so_http_head *out) {
  return so_http_request_parse(so_str(s), out);
}

int DetailOf(const std::string &s) {
  so_http_head head;
  size_t len = 0;
  so_status status = EndOf(s, &len);
  if (so_ok(status)) {
    status = so_http_request_parse(View(s), &head);
  }
  return so_ok(status) ? 200 : status.detail;
}

const char kExample[] =
    "GET /a/b%20c?x=1&y=2 HTTP/1.1\r\nHost: example.org\r\nAccept:  text/html \t\r\n"
    "X-Empty:\r\nX-Bytes: \x80\xff\r\n\r\n";

TEST(HttpMessageTest, ParsesARequest) {
  const std::string in = kExample;
  size_t len = 0;
  SO_ASSERT_OK(EndOf(in, &len));
  EXPECT_EQ(len, in.size());
  so_http_head head;
  SO_ASSERT_OK(Request(in.c_str(), &head));
  EXPECT_EQ(Text(head.method), "GET");
  EXPECT_EQ(Text(head.target), "/a/b%20c?x=1&y=2");
  EXPECT_EQ(Text(head.path), "/a/b%20c");
  EXPECT_EQ(Text(head.query), "x=1&y=2");
  EXPECT_EQ(head.minor, 1);
  ASSERT_EQ(head.field_count, 4u);
  so_bytes v;
  ASSERT_TRUE(so_http_find(&head, "ACCEPT", &v));
  EXPECT_EQ(Text(v), "text/html");
  ASSERT_TRUE(so_http_find(&head, "x-empty", &v));
  EXPECT_EQ(Text(v), "");
  ASSERT_TRUE(so_http_find(&head, "x-bytes", &v));
  EXPECT_EQ(Text(v), "\x80\xff");
  EXPECT_FALSE(so_http_find(&head, "host2", &v));
}

TEST(HttpMessageTest, EveryTruncationIsIncompleteWithoutOverread) {
  const std::string in = kExample;
  size_t scanned = 0;
  for (size_t n = 0; n < in.size(); n++) {
    const Guarded g(in.substr(0, n));
    size_t len = 0;
    SO_ASSERT_OK(so_is(so_http_head_end(g.view(), &scanned, &len), SO_AGAIN)
                     ? so_done()
                     : so_status_make(SO_INTERNAL, static_cast<uint16_t>(n)));
    so_http_head head;
    SO_EXPECT_CODE(SO_MALFORMED, so_http_request_parse(g.view(), &head));
  }
  size_t len = 0;
  SO_EXPECT_OK(so_http_head_end(View(in), &scanned, &len));
  EXPECT_EQ(len, in.size()) << "scanning in steps finds the same end";
  so_http_head head;
  SO_EXPECT_CODE(SO_MALFORMED, Request((in + "x").c_str(), &head));
}

TEST(HttpMessageTest, RefusesWhatSmugglersSend) {
  const std::vector<std::string> bad = {
      "GET / HTTP/1.1\nHost: a\r\n\r\n",              // Bare LF after the request line.
      "GET / HTTP/1.1\r\nHost: a\n\r\n",              // Bare LF after a field.
      "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",      // Bare CR in a value.
      "GET / HTTP/1.1\r\nHost: a\r\n\rX: b\r\n\r\n",  // CR before a name.
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n",
      std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 28),
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
      " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / http/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/11\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1x\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.x\r\nHost: a\r\n\r\n",
      "GET /\r\n\r\n",
      "GET\r\n\r\n",
      "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET a/b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
      std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8),  // TLS on a plain port.
  };
  for (const std::string &s : bad) {
    EXPECT_EQ(DetailOf(s), 400) << s;
  }
}

TEST(HttpMessageTest, VersionsAndTargetForms) {
  EXPECT_EQ(DetailOf("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(DetailOf("GET / HTTP/0.9\r\n\r\n"), 505);
  EXPECT_EQ(DetailOf("PRI * HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(DetailOf("CONNECT a:1 HTTP/1.1\r\n\r\n"), 501);
  so_http_head head;
  SO_ASSERT_OK(Request("GET / HTTP/1.0\r\n\r\n", &head));
  EXPECT_EQ(head.minor, 0);
  SO_ASSERT_OK(Request("GET / HTTP/1.7\r\n\r\n", &head));
  EXPECT_EQ(head.minor, 1);
  SO_ASSERT_OK(Request("OPTIONS * HTTP/1.1\r\n\r\n", &head));
  EXPECT_EQ(Text(head.path), "*");
  SO_ASSERT_OK(Request("GET HTTP://h.example:80/p/q?r HTTP/1.1\r\n\r\n", &head));
  EXPECT_EQ(Text(head.authority), "h.example:80");
  EXPECT_EQ(Text(head.path), "/p/q");
  EXPECT_EQ(Text(head.query), "r");
  SO_ASSERT_OK(Request("GET http://h.example?r HTTP/1.1\r\n\r\n", &head));
  EXPECT_EQ(Text(head.path), "/");
  EXPECT_EQ(Text(head.query), "r");
  SO_ASSERT_OK(Request("GET /?a?b HTTP/1.1\r\n\r\n", &head));
  EXPECT_EQ(Text(head.query), "a?b");
}

std::string WithTarget(size_t len) {
  return "GET /" + std::string(len - 1, 'a') + " HTTP/1.1\r\n\r\n";
}

std::string WithFields(size_t count) {
  std::string s = "GET / HTTP/1.1\r\n";
  for (size_t i = 0; i < count; i++) {
    s += "X" + std::to_string(i) + ": y\r\n";
  }
  return s + "\r\n";
}

std::string WithLength(size_t len) {
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  return start + std::string(len - start.size() - 4, 'a') + "\r\n\r\n";
}

TEST(HttpMessageTest, EachLimitHoldsAndOneMoreIsRefused) {
  EXPECT_EQ(DetailOf(WithTarget(SO_HTTP_TARGET_LEN_MAX)), 200);
  EXPECT_EQ(DetailOf(WithTarget(SO_HTTP_TARGET_LEN_MAX + 1)), 414);
  EXPECT_EQ(DetailOf(WithFields(SO_HTTP_FIELDS_MAX)), 200);
  EXPECT_EQ(DetailOf(WithFields(SO_HTTP_FIELDS_MAX + 1)), 431);
  EXPECT_EQ(DetailOf(WithLength(SO_HTTP_HEAD_LEN_MAX)), 200);
  EXPECT_EQ(DetailOf(WithLength(SO_HTTP_HEAD_LEN_MAX + 1)), 431);
  EXPECT_EQ(DetailOf(WithLength(SO_HTTP_HEAD_LEN_MAX + 2)), 431);
  EXPECT_EQ(DetailOf(WithLength(SO_HTTP_HEAD_LEN_MAX * 2)), 431);
  EXPECT_EQ(DetailOf(std::string(SO_HTTP_METHOD_LEN_MAX, 'M') + " / HTTP/1.1\r\n\r\n"), 200);
  EXPECT_EQ(DetailOf(std::string(SO_HTTP_METHOD_LEN_MAX + 1, 'M') + " / HTTP/1.1\r\n\r\n"), 501);
}

TEST(HttpMessageTest, ParsesResponses) {
  so_http_head head;
  SO_ASSERT_OK(so_http_response_parse(so_str("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"), &head));
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(Text(head.reason), "Not Found");
  SO_ASSERT_OK(so_http_response_parse(so_str("HTTP/1.0 200\r\n\r\n"), &head));
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.minor, 0);
  SO_ASSERT_OK(so_http_response_parse(so_str("HTTP/1.1 200 \r\n\r\n"), &head));
  for (const char *bad : {"HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 600 x\r\n\r\n", "HTTP/1.1 20 x\r\n\r\n",
                          "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1  200 x\r\n\r\n", "HTTP/1.1\r\n\r\n",
                          "HTTP/1.1 +20 x\r\n\r\n", "ICY 200 OK\r\n\r\n"}) {
    SO_EXPECT_CODE(SO_MALFORMED, so_http_response_parse(so_str(bad), &head));
  }
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_http_response_parse(so_str("HTTP/2.0 200 OK\r\n\r\n"), &head));
}

TEST(HttpMessageTest, TakesListsApart) {
  so_bytes rest = so_str(" a , ,\"x,\\\"y\" ;q=1,,b ");
  so_bytes e;
  std::vector<std::string> got;
  while (so_http_list_next(&rest, &e)) {
    got.push_back(Text(e));
  }
  EXPECT_EQ(got, (std::vector<std::string>{"a", "\"x,\\\"y\" ;q=1", "b"}));
  so_http_head head;
  SO_ASSERT_OK(Request("GET / HTTP/1.1\r\nConnection: a\r\nConnection: x, CLOSE\r\n\r\n", &head));
  EXPECT_TRUE(so_http_has_token(&head, "connection", "close"));
  EXPECT_FALSE(so_http_has_token(&head, "connection", "clos"));
  EXPECT_EQ(so_http_count(&head, "CONNECTION"), 2u);
}

TEST(HttpMessageTest, WritesWhatItReads) {
  uint8_t buf[500];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_http_write_request_line(&w, so_str("PUT"), so_str("/x?y"));
  so_http_write_field(&w, so_str("Host"), so_str("h"));
  so_http_write_field_u64(&w, "Content-Length", UINT64_MAX);
  so_http_write_end(&w);
  so_bytes text;
  SO_ASSERT_OK(so_writer_end(&w, &text));
  EXPECT_EQ(Text(text), "PUT /x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\n");
  so_http_head head;
  SO_ASSERT_OK(so_http_request_parse(text, &head));
  w = so_writer_of(buf, sizeof buf);
  so_http_write_status_line(&w, 418);
  so_http_write_end(&w);
  SO_ASSERT_OK(so_writer_end(&w, &text));
  EXPECT_EQ(Text(text), "HTTP/1.1 418 Status\r\n\r\n");
  SO_ASSERT_OK(so_http_response_parse(text, &head));
}

TEST(HttpMessageTest, NobodyCanSplitAMessageWeWrite) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"X", "a\r\nEvil: 1"}, {"X", "a\nb"}, {"X", std::string("a\0b", 3)},
      {"X: y\r\nEvil", "1"}, {"", "1"},     {"X Y", "1"},
  };
  for (const auto &f : bad) {
    uint8_t buf[200];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_http_write_field(&w, View(f.first), View(f.second));
    so_bytes text;
    SO_EXPECT_CODE(SO_LIMIT, so_writer_end(&w, &text));
  }
  for (const char *target : {"/a b", "/a\r\nX: y", "", "/\x80"}) {
    uint8_t buf[200];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_http_write_request_line(&w, so_str("GET"), so_str(target));
    so_bytes text;
    SO_EXPECT_CODE(SO_LIMIT, so_writer_end(&w, &text));
  }
}

}  // namespace
