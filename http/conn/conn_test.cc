#include "http/conn/conn.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

// Drives one direction of input as a caller does: everything buffered is offered again.
struct Input {
  so_http_conn c;
  std::string buffer;
  std::string payload;
  std::vector<std::string> heads;
  so_status status = so_done();

  explicit Input(bool is_server) { so_http_conn_init(&c, is_server); }

  void Head() {
    so_http_head head;
    size_t consumed = 0;
    const so_test::Guarded g(buffer);
    status = so_http_conn_in_head(&c, g.view(), &head, &consumed);
    if (so_ok(status)) {
      heads.push_back(c.is_server ? Text(head.target) : std::to_string(head.status));
    }
    buffer = buffer.substr(consumed);
  }

  void Body() {
    size_t consumed = 0;
    so_bytes out;
    const so_test::Guarded g(buffer);
    status = so_http_conn_in_body(&c, g.view(), &consumed, &out);
    payload += Text(out);
    buffer = buffer.substr(consumed);
  }

  // Answers each request as soon as it is complete.
  void Take(const std::string &bytes) {
    buffer += bytes;
    while (so_ok(status) && !buffer.empty() && c.out == SO_HTTP_HEAD) {
      const size_t before = buffer.size();
      const uint8_t phase = c.in;
      if (c.in == SO_HTTP_HEAD) {
        Head();
      } else if (c.in == SO_HTTP_BODY) {
        Body();
      }
      if (c.in == SO_HTTP_DONE && !Answer()) {
        return;
      }
      if (so_is(status, SO_AGAIN)) {
        status = so_done();
        return;
      }
      if (buffer.size() == before && c.in == phase) {
        return;
      }
    }
  }

  bool Answer() {
    uint8_t buf[300];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_http_out out = {};
    out.status = 204;
    so_http_conn_out_head(&c, &out, &w);
    SO_EXPECT_OK(so_http_conn_out_end(&c, &w));
    return so_http_conn_next(&c);
  }
};

const char kRequests[] =
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
    "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    "\r\n"
    "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nd\r\n2\r\nef\r\n0\r\nT: x\r\n\r\n"
    "GET /4 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    "GET /5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /6 HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(HttpConnTest, RequestsAreTheSameWhereverTheInputIsCut) {
  const std::string in = kRequests;
  const std::vector<std::string> want = {"/1", "/2", "/3", "/4", "/5"};
  for (size_t cut = 0; cut <= in.size(); cut++) {
    Input i(true);
    i.Take(in.substr(0, cut));
    i.Take(in.substr(cut));
    EXPECT_EQ(i.heads, want) << cut;
    EXPECT_EQ(i.payload, "abcdef") << cut;
    EXPECT_FALSE(so_http_conn_next(&i.c));
  }
  Input i(true);
  for (const char c : in) {
    i.Take(std::string(1, c));
  }
  EXPECT_EQ(i.heads, want);
  EXPECT_EQ(i.payload, "abcdef");
}

TEST(HttpConnTest, ASnapshotGoesOnAsTheOriginalDoes) {
  const std::string in = kRequests;
  for (size_t cut = 0; cut <= in.size(); cut++) {
    Input a(true);
    a.Take(in.substr(0, cut));
    Input b(true);
    b = a;
    memcpy(&b.c, &a.c, sizeof b.c);
    a.Take(in.substr(cut));
    b.Take(in.substr(cut));
    EXPECT_EQ(a.heads, b.heads);
    EXPECT_EQ(a.payload, b.payload);
  }
}

TEST(HttpConnTest, TheEndOfInputIsFineOnlyBetweenMessages) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  const std::string in = head + "abc";
  for (size_t n = 0; n < in.size(); n++) {
    Input i(true);
    i.Take(in.substr(0, n));
    const so_status s = so_http_conn_in_closed(&i.c);
    SO_EXPECT_CODE(n == 0 ? SO_OK : SO_MALFORMED, s);
    EXPECT_FALSE(so_http_conn_next(&i.c));
  }
}

TEST(HttpConnTest, AFailureStays) {
  Input i(true);
  i.Take("GET / HTTP/1.1\r\nHost: a\r\nBad Field: x\r\n\r\n");
  SO_EXPECT_CODE(SO_MALFORMED, i.status);
  EXPECT_EQ(i.status.detail, 400);
  i.buffer = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  i.Head();
  SO_EXPECT_CODE(SO_MALFORMED, i.status);
  uint8_t buf[300];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_http_out out = {};
  out.status = 400;
  out.has_length = true;
  so_http_conn_out_head(&i.c, &out, &w);
  EXPECT_EQ(Text(so_writer_bytes(&w)),
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  SO_EXPECT_OK(so_http_conn_out_end(&i.c, &w));
  EXPECT_FALSE(so_http_conn_next(&i.c));
}

TEST(HttpConnTest, OnlyOneEmptyLineMayPrecedeARequest) {
  Input i(true);
  i.Take("\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(i.heads.size(), 1u);
  Input j(true);
  j.Take("\r\n\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  SO_EXPECT_CODE(SO_MALFORMED, j.status);
}

TEST(HttpConnTest, ContinueIsDueOnceAndNotWhenTheBodyIsThere) {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
  Input i(true);
  i.Take(head);
  EXPECT_TRUE(so_http_conn_continue(&i.c));
  EXPECT_FALSE(so_http_conn_continue(&i.c));
  Input j(true);
  j.Take(head + "a");
  EXPECT_FALSE(so_http_conn_continue(&j.c));
}

TEST(HttpConnTest, ALengthAnnouncedIsALengthKept) {
  Input i(true);
  i.buffer = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  i.Head();
  uint8_t buf[300], more[20];
  so_writer w = so_writer_of(buf, sizeof buf), after = so_writer_of(more, sizeof more);
  so_http_out out = {};
  out.status = 200;
  out.has_length = true;
  out.length = 5;
  so_http_conn_out_head(&i.c, &out, &w);
  SO_EXPECT_OK(so_http_conn_out_data(&i.c, 3, &w, &after));
  SO_EXPECT_CODE(SO_LIMIT, so_http_conn_out_data(&i.c, 3, &w, &after));
  SO_EXPECT_CODE(SO_CONFLICT, so_http_conn_out_end(&i.c, &w));
  SO_EXPECT_OK(so_http_conn_out_data(&i.c, 2, &w, &after));
  SO_EXPECT_OK(so_http_conn_out_end(&i.c, &w));
  EXPECT_FALSE(so_http_conn_next(&i.c)) << "the caller had given up";
  EXPECT_EQ(after.len, 0u);
}

TEST(HttpConnTest, AClientReadsInterimAnswersAndTheFinalOne) {
  Input i(false);
  uint8_t buf[300];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_http_out out = {};
  out.method = so_str("HEAD");
  out.target = so_str("/");
  out.has_length = true;
  so_http_conn_out_head(&i.c, &out, &w);
  EXPECT_EQ(Text(so_writer_bytes(&w)), "HEAD / HTTP/1.1\r\n\r\n");
  EXPECT_FALSE(so_http_conn_has_out_body(&i.c));
  SO_EXPECT_OK(so_http_conn_out_end(&i.c, &w));
  i.buffer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nNEXT";
  i.Head();
  EXPECT_EQ(i.c.in, SO_HTTP_HEAD);
  i.Head();
  EXPECT_EQ(i.c.in, SO_HTTP_DONE) << "an answer to HEAD has no body";
  EXPECT_EQ(i.heads, (std::vector<std::string>{"100", "200"}));
  EXPECT_EQ(i.buffer, "NEXT");
  EXPECT_TRUE(so_http_conn_next(&i.c));
}

TEST(HttpConnTest, AClientThatSendsNothingSaysSoForMethodsWithBodies) {
  for (const char *method : {"POST", "PUT", "PATCH"}) {
    Input i(false);
    uint8_t buf[300];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_http_out out = {};
    out.method = so_str(method);
    out.target = so_str("/");
    out.has_length = true;
    so_http_conn_out_head(&i.c, &out, &w);
    EXPECT_NE(Text(so_writer_bytes(&w)).find("Content-Length: 0\r\n"), std::string::npos);
  }
}

}  // namespace
