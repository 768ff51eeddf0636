#include "apps/lib/http_server/http_server.h"

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

// A small site: / says hello, /echo gives the body back, /stream streams, others see below.
so_status Handle(void *ctx, so_http_exchange *x);

so_status Refuse(void *, so_http_exchange *x, uint16_t status, const char *why) {
  return so_http_reply(x, status, nullptr, 0, so_str(why));
}

class HttpServerTest : public testing::Test {
 public:
  std::vector<std::string> seen;
  so_sched *sched = nullptr;

 protected:
  void Start(uint64_t seed, bool chop) {
    so_sim_config config = {};
    config.seed = seed;
    config.chop = chop;
    sim_ = so_sim_make(&config);
    w_ = so_sim_world(sim_);
    sched = w_->sched;
    seen.clear();
  }
  void End() {
    EXPECT_EQ(so_sim_heap_used(sim_), 0u);
    so_sim_free(sim_);
    sim_ = nullptr;
  }

  // Serves one connection while `client` runs with its other end.
  void Serve(std::function<void(const so_stream *)> client) {
    so_stream near, far;
    so_sim_pipe(sim_, &near, &far);
    so_http_server_config config = {};
    config.handle = Handle;
    config.refuse = Refuse;
    config.ctx = this;
    so_test::Fibers fibers(w_->sched);
    fibers.Spawn([&] {
      so_http_serve(w_, &config, far);
      so_stream_close(&far);
    });
    fibers.Spawn([&] {
      client(&near);
      so_stream_close(&near);
    });
    SO_EXPECT_OK(so_sim_run(sim_));
  }

  // Sends `in`, ends its side when `end`, and returns everything that comes back.
  std::string Exchange(const std::string &in, bool end = true) {
    std::string out;
    Serve([&](const so_stream *s) {
      // The server may close before it has read all.
      (void)!so_ok(so_stream_write(s, View(in), SO_NEVER));
      if (end) {
        (void)!so_ok(so_stream_shutdown(s, SO_NEVER));
      }
      uint8_t buf[500];
      size_t n = 1;
      while (n != 0 && so_ok(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n))) {
        out.append(reinterpret_cast<const char *>(buf), n);
      }
    });
    return out;
  }

  std::string Once(const std::string &in) {
    Start(1, false);
    std::string out = Exchange(in);
    End();
    return out;
  }

  so_sim *sim_ = nullptr;
  const so_world *w_ = nullptr;
};

so_status ReadBody(so_http_exchange *x, std::string *body) {
  uint8_t buf[300];
  size_t n = 1;
  while (n != 0) {
    SO_TRY(so_http_body_read(x, buf, sizeof buf, &n));
    body->append(reinterpret_cast<const char *>(buf), n);
  }
  return so_done();
}

so_status Stream(so_http_exchange *x, bool has_length, size_t announced, bool end) {
  const so_http_field type = {so_str("Content-Type"), so_str("text/plain")};
  SO_TRY(so_http_reply_begin(x, 200, &type, 1, has_length, announced));
  for (int i = 0; i < 3; i++) {
    SO_TRY(so_http_reply_write(x, so_str("0123456789")));
  }
  return end ? so_http_reply_end(x) : so_done();
}

so_status Handle(void *ctx, so_http_exchange *x) {
  auto *const t = static_cast<HttpServerTest *>(ctx);
  const std::string path = Text(so_http_path(x));
  t->seen.push_back(Text(so_http_method(x)) + " " + path);
  if (path == "/echo") {
    std::string body;
    SO_TRY(ReadBody(x, &body));
    EXPECT_EQ(so_http_bytes_in(x), body.size());
    return so_http_reply(x, 200, nullptr, 0, View(body));
  }
  if (path == "/stream") {
    return Stream(x, false, 0, true);
  }
  if (path == "/mirror") {  // Answers while it reads.
    uint8_t byte;
    size_t n = 1;
    SO_TRY(so_http_reply_begin(x, 200, nullptr, 0, true, 3));
    while (n != 0) {
      SO_TRY(so_http_body_read(x, &byte, 1, &n));
      SO_TRY(so_http_reply_write(x, so_bytes_of(&byte, n)));
    }
    return so_http_reply_end(x);
  }
  if (path == "/short") {
    return Stream(x, true, 31, true);
  }
  if (path == "/unended") {
    return Stream(x, false, 0, false);
  }
  if (path == "/nothing") {
    return so_http_reply(x, 204, nullptr, 0, so_str("never sent"));
  }
  if (path == "/stop") {
    so_sched_stop(t->sched);
  }
  return so_http_reply(x, 200, nullptr, 0, so_str("hello"));
}

size_t Count(const std::string &s, const std::string &what) {
  size_t n = 0;
  for (size_t at = s.find(what); at != std::string::npos; at = s.find(what, at + 1)) {
    n++;
  }
  return n;
}

const char kDate[] = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n";

TEST_F(HttpServerTest, AnswersWithLengthAndDate) {
  EXPECT_EQ(Once("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n") + kDate + "\r\nhello");
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrderHoweverTheyArrive) {
  const std::string in =
      "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nxyz\r\n2;e\r\n12\r\n0\r\nT: r\r\n\r\n"
      "PUT /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET "
      "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
      "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      "GET /never HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::vector<std::string> want = {"GET /a",      "POST /echo",  "POST /echo",
                                         "PUT /unread", "GET /stream", "GET /last"};
  const std::string first = Once(in);
  EXPECT_EQ(seen, want);
  EXPECT_EQ(Count(first, "HTTP/1.1 200 OK"), want.size());
  EXPECT_NE(first.find("xyz12"), std::string::npos);
  EXPECT_NE(first.find("a\r\n0123456789\r\n"), std::string::npos);
  EXPECT_EQ(Count(first, "Connection: close"), 1u);
  for (uint64_t seed = 0; seed < 40; seed++) {
    Start(seed, true);
    EXPECT_EQ(Exchange(in), first) << "seed " << seed;
    EXPECT_EQ(seen, want) << "seed " << seed;
    End();
  }
}

TEST_F(HttpServerTest, RefusalsAreAnsweredAndEndTheConnection) {
  const std::vector<std::pair<std::string, int>> bad = {
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nX: " + std::string(20000, 'a') + "\r\n\r\n", 431},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417},
      {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
           std::string(400, 'e') + "\r\n", 413},
  };
  for (const auto &b : bad) {
    const std::string out = Once(b.first + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    const std::string want = "HTTP/1.1 " + std::to_string(b.second);
    EXPECT_EQ(out.substr(0, want.size()), want) << b.first.substr(0, 100);
    EXPECT_NE(out.find("Connection: close\r\n"), std::string::npos);
    EXPECT_EQ(Count(out, "HTTP/1.1 "), 1u) << out;
    for (const std::string &s : seen) {
      EXPECT_EQ(s.find("smuggled"), std::string::npos) << b.first.substr(0, 100);
    }
  }
}

TEST_F(HttpServerTest, ABodyCutShortIsRefused) {
  const std::string out = Once("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc");
  EXPECT_EQ(out.substr(0, 12), "HTTP/1.1 400");
}

TEST_F(HttpServerTest, HeadAndNoContentHaveNoBody) {
  EXPECT_EQ(Once("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
            std::string("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n") + kDate + "\r\n");
  EXPECT_EQ(Once("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n"),
            std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n") +
                kDate + "\r\n");
  EXPECT_EQ(Once("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"),
            std::string("HTTP/1.1 204 No Content\r\n") + kDate + "\r\n");
}

TEST_F(HttpServerTest, OldClientsAreServed) {
  EXPECT_NE(Once("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n").find("Connection: close"),
            std::string::npos);
  EXPECT_EQ(seen.size(), 1u);
  const std::string kept = Once(
      "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  EXPECT_NE(kept.find("Connection: keep-alive"), std::string::npos);
  EXPECT_EQ(seen.size(), 2u);
  const std::string stream = Once("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(stream.find("chunked"), std::string::npos);
  EXPECT_NE(stream.find("\r\n\r\n012345678901234567890123456789"), std::string::npos);
}

TEST_F(HttpServerTest, ContinueIsSentWhenTheBodyIsWanted) {
  Start(1, false);
  Serve([](const so_stream *s) {
    const char head[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    SO_EXPECT_OK(so_stream_write(s, so_str(head), SO_NEVER));
    uint8_t buf[500];
    size_t n;
    SO_EXPECT_OK(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n));
    EXPECT_EQ(std::string(reinterpret_cast<char *>(buf), n), "HTTP/1.1 100 Continue\r\n\r\n");
    SO_EXPECT_OK(so_stream_write(s, so_str("abc"), SO_NEVER));
    SO_EXPECT_OK(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n));
    EXPECT_NE(std::string(reinterpret_cast<char *>(buf), n).find("\r\n\r\nabc"), std::string::npos);
  });
  End();
  const std::string out = Once("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(Count(out, "HTTP/1.1 "), 1u);
  EXPECT_NE(out.find("Connection: close"), std::string::npos) << "the body may or may not follow";
}

TEST_F(HttpServerTest, AHandlerMayAnswerWhileItReads) {
  Start(1, false);
  Serve([](const so_stream *s) {
    const char head[] = "POST /mirror HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    SO_EXPECT_OK(so_stream_write(s, so_str(head), SO_NEVER));
    std::string got;
    for (const char *want : {"100 Continue\r\n\r\n", "\r\n\r\n", "a", "b", "c"}) {
      while (got.find(want) == std::string::npos) {
        uint8_t buf[500];
        size_t n;
        SO_ASSERT_OK(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n));
        got.append(reinterpret_cast<char *>(buf), n);
      }
      got.erase(0, got.find(want) + strlen(want));
      if (want[0] != '1' && want[0] != 'c') {
        const char next[] = {want[0] == '\r' ? 'a' : static_cast<char>(want[0] + 1), 0};
        SO_EXPECT_OK(so_stream_write(s, so_str(next), SO_NEVER));
      }
    }
  });
  End();
}

TEST_F(HttpServerTest, AnAnswerThatIsNotWholeIsCutOff) {
  const std::string shorter = Once("GET /short HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(shorter.find("Content-Length: 31"), std::string::npos);
  EXPECT_EQ(seen.size(), 1u);
  const std::string unended = Once("GET /unended HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(unended.find("\r\n0\r\n\r\n"), std::string::npos);
}

TEST_F(HttpServerTest, SlowClientsAreTimedOut) {
  Start(1, false);
  const uint64_t start = so_sim_now(sim_);
  EXPECT_EQ(Exchange("GET / HT", false).substr(0, 12), "HTTP/1.1 408");
  EXPECT_GE(so_sim_now(sim_), start + 20 * SO_NS_PER_S);
  End();
  Start(1, false);
  EXPECT_EQ(Exchange("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", false).substr(0, 12),
            "HTTP/1.1 408");
  End();
  Start(1, false);
  EXPECT_EQ(Exchange("", false), "") << "an idle connection ends without a word";
  End();
}

TEST_F(HttpServerTest, StoppingEndsIdleConnectionsAndFinishesTheAnswerAtHand) {
  Start(1, false);
  const uint64_t start = so_sim_now(sim_);
  const std::string out = Exchange("GET /stop HTTP/1.1\r\nHost: a\r\n\r\n", false);
  EXPECT_NE(out.find("Connection: close"), std::string::npos);
  EXPECT_NE(out.find("hello"), std::string::npos);
  EXPECT_LT(so_sim_now(sim_), start + 5 * SO_NS_PER_S);
  End();
  Start(1, false);
  const uint64_t begin = so_sim_now(sim_);
  Serve([&](const so_stream *s) {
    so_fiber_sleep_until(w_->sched, so_sim_now(sim_) + SO_NS_PER_S);
    so_sched_stop(w_->sched);
    uint8_t byte;
    size_t n = 1;
    SO_EXPECT_OK(so_stream_read(s, &byte, 1, SO_NEVER, &n));
    EXPECT_EQ(n, 0u);
  });
  EXPECT_LT(so_sim_now(sim_), begin + 5 * SO_NS_PER_S);
  End();
}

TEST_F(HttpServerTest, AConnectionThatBreaksAnywhereLeavesNothingBehind) {
  const std::string in =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (size_t n = 0; n < in.size(); n++) {
    Start(n, false);
    Serve([&](const so_stream *s) {
      so_sim_stream_cut(s, n);
      (void)!so_ok(so_stream_write(s, View(in), SO_NEVER));
    });
    End();
    EXPECT_LE(seen.size(), 2u);
  }
}

}  // namespace
