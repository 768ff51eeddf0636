#include "http/framing/framing.h"

#include <string>

#include "tests/support/support.h"

namespace {

// Returns the status to answer, or 200.
int Request(const std::string &fields, so_http_framing *out, const char *version = "1.1") {
  so_http_head head;
  const std::string text = std::string("POST / HTTP/") + version + "\r\n" + fields + "\r\n";
  so_status s = so_http_request_parse(so_test::View(text), &head);
  EXPECT_TRUE(so_ok(s)) << text;
  s = so_http_request_framing(&head, out);
  return so_ok(s) ? 200 : s.detail;
}

so_http_framing Good(const std::string &fields, const char *version = "1.1") {
  so_http_framing f = {};
  EXPECT_EQ(Request(fields, &f, version), 200) << fields;
  return f;
}

int Bad(const std::string &fields, const char *version = "1.1") {
  so_http_framing f = {};
  return Request(fields, &f, version);
}

TEST(HttpFramingTest, LengthsAndCodings) {
  EXPECT_EQ(Good("Host: a\r\n").kind, SO_HTTP_BODY_NONE);
  EXPECT_EQ(Good("Host: a\r\nContent-Length: 0\r\n").kind, SO_HTTP_BODY_NONE);
  const so_http_framing f = Good("Host: a\r\nContent-Length: 9223372036854775807\r\n");
  EXPECT_EQ(f.kind, SO_HTTP_BODY_LENGTH);
  EXPECT_EQ(f.length, uint64_t{9223372036854775807u});
  EXPECT_EQ(Good("Host: a\r\nTransfer-Encoding: CHUNKED\r\n").kind, SO_HTTP_BODY_CHUNKED);
}

TEST(HttpFramingTest, EveryDoubtAboutTheEndIsRefused) {
  for (const char *fields : {
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5\r\nContent-Length: 5\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -5\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length: 5 5\r\n",
           "Content-Length:\r\n",
           "Content-Length: 9223372036854775808\r\n",
           "Content-Length: 99999999999999999999999\r\n",
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
           "Transfer-Encoding: identity\r\n",
           "Transfer-Encoding: chunked, identity\r\n",
           "Transfer-Encoding: xchunked\r\n",
           "Transfer-Encoding: \"chunked\"\r\n",
           "Transfer-Encoding:\r\n",
       }) {
    EXPECT_EQ(Bad(std::string("Host: a\r\n") + fields), 400) << fields;
  }
  EXPECT_EQ(Bad("Host: a\r\nTransfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(Bad("Host: a\r\nTransfer-Encoding: chunked,\r\n"), 501) << "a trick, not an empty element";
  EXPECT_EQ(Bad("Host: a\r\nTransfer-Encoding: chunked\r\n", "1.0"), 400);
}

TEST(HttpFramingTest, ExactlyOneGoodHost) {
  EXPECT_EQ(Bad(""), 400);
  EXPECT_EQ(Bad("Host: a\r\nHost: a\r\n"), 400);
  for (const char *host : {"", "a b", "a/b", "a@b", "a,b", "a:", "[::1", "a:123456", "a:1x", "[]", "\x80"}) {
    const bool good = std::string(host) == "a:";
    EXPECT_EQ(Bad(std::string("Host: ") + host + "\r\n"), good ? 200 : 400) << host;
  }
  for (const char *host : {"a", "A-b.c_d", "a:1", "127.0.0.1:8443", "[::1]", "[::1]:8443"}) {
    EXPECT_EQ(Bad(std::string("Host: ") + host + "\r\n"), 200) << host;
  }
  EXPECT_EQ(Bad("", "1.0"), 200);
  EXPECT_EQ(Bad("Host: a b\r\n", "1.0"), 400);
}

TEST(HttpFramingTest, WhoKeepsTheConnection) {
  EXPECT_TRUE(Good("Host: a\r\n").keep_alive);
  EXPECT_FALSE(Good("Host: a\r\nConnection: x, Close\r\n").keep_alive);
  EXPECT_FALSE(Good("", "1.0").keep_alive);
  EXPECT_TRUE(Good("Connection: keep-alive\r\n", "1.0").keep_alive);
}

TEST(HttpFramingTest, Expectations) {
  EXPECT_TRUE(Good("Host: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n").expect_continue);
  EXPECT_FALSE(Good("Host: a\r\nExpect: 100-continue\r\n").expect_continue) << "no body to wait for";
  EXPECT_FALSE(Good("Content-Length: 1\r\nExpect: 100-continue\r\n", "1.0").expect_continue);
  EXPECT_EQ(Bad("Host: a\r\nExpect: magic\r\n"), 417);
}

so_http_framing Response(const std::string &text, bool to_head) {
  so_http_head head;
  so_http_framing f = {};
  SO_EXPECT_OK(so_http_response_parse(so_test::View(text), &head));
  SO_EXPECT_OK(so_http_response_framing(&head, to_head, &f));
  return f;
}

TEST(HttpFramingTest, ResponsesEndAsTheRequestAndTheStatusSay) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(Response(ok + "\r\n", false).kind, SO_HTTP_BODY_UNTIL_CLOSE);
  EXPECT_FALSE(Response(ok + "\r\n", false).keep_alive);
  EXPECT_EQ(Response(ok + "Content-Length: 5\r\n\r\n", false).kind, SO_HTTP_BODY_LENGTH);
  EXPECT_EQ(Response(ok + "Content-Length: 0\r\n\r\n", false).kind, SO_HTTP_BODY_NONE);
  EXPECT_EQ(Response(ok + "Content-Length: 5\r\n\r\n", true).kind, SO_HTTP_BODY_NONE);
  EXPECT_EQ(Response(ok + "Transfer-Encoding: chunked\r\n\r\n", false).kind, SO_HTTP_BODY_CHUNKED);
  for (const char *status : {"100", "204", "304"}) {
    const std::string text = std::string("HTTP/1.1 ") + status + " x\r\nContent-Length: 5\r\n\r\n";
    EXPECT_EQ(Response(text, false).kind, SO_HTTP_BODY_NONE);
    EXPECT_TRUE(Response(text, false).keep_alive);
  }
}

}  // namespace
