#include "apps/lib/http_client/http_client.h"

#include <functional>
#include <string>

#include "apps/lib/http_server/http_server.h"
#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

class HttpClientTest : public testing::Test {
 protected:
  void Start(uint64_t seed, bool chop) {
    so_sim_config config = {};
    config.seed = seed;
    config.chop = chop;
    sim_ = so_sim_make(&config);
    w_ = so_sim_world(sim_);
  }
  void End() {
    EXPECT_EQ(so_sim_heap_used(sim_), 0u);
    so_sim_free(sim_);
  }
  void Run(std::function<void(so_stream)> server, std::function<void(so_http_client *)> client) {
    so_stream near, far;
    so_sim_pipe(sim_, &near, &far);
    so_test::Fibers fibers(w_->sched);
    fibers.Spawn([&] { server(far); });
    fibers.Spawn([&] {
      so_http_client *c;
      SO_ASSERT_OK(so_http_client_open(w_, near, so_str("h.example:1"), &c));
      client(c);
      so_http_client_close(c);
    });
    SO_EXPECT_OK(so_sim_run(sim_));
  }
  // A server that says `answer` whatever it is asked.
  void Canned(const std::string &answer, std::function<void(so_http_client *)> client) {
    Run(
        [&](so_stream s) {
          uint8_t buf[2000];
          size_t n;
          SO_EXPECT_OK(so_stream_read(&s, buf, sizeof buf, SO_NEVER, &n));
          asked_.assign(reinterpret_cast<char *>(buf), n);
          (void)!so_ok(so_stream_write(&s, View(answer), SO_NEVER));
          so_stream_close(&s);
        },
        client);
  }
  so_sim *sim_ = nullptr;
  const so_world *w_ = nullptr;
  std::string asked_;
};

so_status Echo(void *, so_http_exchange *x) {
  uint8_t buf[700];
  size_t n = 1;
  if (so_bytes_equal(so_http_path(x), so_str("/deny"))) {
    return so_http_reply(x, 401, nullptr, 0, so_str("no"));
  }
  SO_TRY(so_http_reply_begin(x, 200, nullptr, 0, false, 0));
  while (n != 0) {
    SO_TRY(so_http_body_read(x, buf, sizeof buf, &n));
    SO_TRY(so_http_reply_write(x, so_bytes_of(buf, n)));
  }
  return so_http_reply_end(x);
}

so_status Refuse(void *, so_http_exchange *x, uint16_t status, const char *why) {
  return so_http_reply(x, status, nullptr, 0, so_str(why));
}

so_status ReadAll(so_http_client *c, std::string *out) {
  so_buf b;
  so_buf_init(&b, so_test::Heap(), 1 << 20);
  const so_status s = so_http_client_read_all(c, &b);
  *out = Text(so_buf_bytes(&b));
  so_buf_release(&b);
  return s;
}

TEST_F(HttpClientTest, StreamsBodiesBothWaysOnOneConnection) {
  for (uint64_t seed = 0; seed < 20; seed++) {
    Start(seed, seed != 0);
    so_http_server_config config = {};
    config.handle = Echo;
    config.refuse = Refuse;
    Run(
        [&](so_stream s) {
          so_http_serve(w_, &config, s);
          so_stream_close(&s);
        },
        [&](so_http_client *c) {
          for (const size_t len : {0u, 1u, 100u, 9000u, 30000u}) {
            for (const bool has_length : {true, false}) {
              std::string body(len, 'x');
              for (size_t i = 0; i < len; i++) {
                body[i] = static_cast<char>(i * 13);
              }
              SO_ASSERT_OK(so_http_client_send(c, so_str("POST"), so_str("/echo"), nullptr, 0,
                                               has_length, len));
              for (size_t at = 0; at < len; at += 4000) {
                SO_ASSERT_OK(so_http_client_write(c, so_bytes_first(so_bytes_from(View(body), at), 4000)));
              }
              uint16_t status = 0;
              SO_ASSERT_OK(so_http_client_receive(c, &status));
              EXPECT_EQ(status, 200);
              std::string got;
              SO_ASSERT_OK(ReadAll(c, &got));
              EXPECT_TRUE(got == body) << "seed " << seed << " length " << len;
              EXPECT_TRUE(so_http_client_reusable(c));
            }
          }
        });
    End();
  }
}

TEST_F(HttpClientTest, SendsWhatARequestNeeds) {
  Start(1, false);
  Canned("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"x\"\r\n\r\nok", [](so_http_client *c) {
    const so_http_field f = {so_str("Accept"), so_str("*/*")};
    SO_ASSERT_OK(so_http_client_send(c, so_str("GET"), so_str("/a?b"), &f, 1, true, 0));
    uint16_t status;
    SO_ASSERT_OK(so_http_client_receive(c, &status));
    so_bytes v;
    ASSERT_TRUE(so_http_client_header(c, "etag", &v));
    EXPECT_EQ(Text(v), "\"x\"");
    uint64_t len;
    ASSERT_TRUE(so_http_client_length(c, &len));
    EXPECT_EQ(len, 2u);
    std::string body;
    SO_ASSERT_OK(ReadAll(c, &body));
    EXPECT_EQ(body, "ok");
  });
  EXPECT_EQ(asked_, "GET /a?b HTTP/1.1\r\nHost: h.example:1\r\nAccept: */*\r\n\r\n");
  End();
}

TEST_F(HttpClientTest, PassesOverInterimAnswersAndReadsUntilTheEnd) {
  Start(1, false);
  Canned("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.0 200 OK\r\n\r\nrest",
         [](so_http_client *c) {
           SO_ASSERT_OK(so_http_client_send(c, so_str("GET"), so_str("/"), nullptr, 0, true, 0));
           uint16_t status;
           SO_ASSERT_OK(so_http_client_receive(c, &status));
           EXPECT_EQ(status, 200);
           std::string body;
           SO_ASSERT_OK(ReadAll(c, &body));
           EXPECT_EQ(body, "rest");
           EXPECT_FALSE(so_http_client_reusable(c));
           SO_EXPECT_CODE(SO_IO, so_http_client_send(c, so_str("GET"), so_str("/"), nullptr, 0, true, 0));
         });
  End();
}

TEST_F(HttpClientTest, AnswersThatAreCutShortOrNotHttpAreErrors) {
  const std::pair<const char *, so_code> bad[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", SO_MALFORMED},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", SO_MALFORMED},
      {"HTTP/1.1 200 OK\r\nContent-Len", SO_MALFORMED},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", SO_MALFORMED},
      {"SSH-2.0-OpenSSH\r\n\r\n", SO_MALFORMED},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", SO_MALFORMED},
      {"", SO_IO},
  };
  for (const auto &b : bad) {
    Start(1, false);
    Canned(b.first, [&](so_http_client *c) {
      SO_ASSERT_OK(so_http_client_send(c, so_str("GET"), so_str("/"), nullptr, 0, true, 0));
      uint16_t status;
      so_status s = so_http_client_receive(c, &status);
      std::string body;
      if (so_ok(s)) {
        s = ReadAll(c, &body);
      }
      SO_EXPECT_CODE(b.second, s);
      EXPECT_FALSE(so_http_client_reusable(c));
    });
    End();
  }
}

TEST_F(HttpClientTest, AnEarlyRefusalIsSeenThoughTheBodyWasNotTaken) {
  Start(1, false);
  so_http_server_config config = {};
  config.handle = Echo;
  config.refuse = Refuse;
  Run(
      [&](so_stream s) {
        so_http_serve(w_, &config, s);
        so_stream_close(&s);
      },
      [&](so_http_client *c) {
        const std::string piece(10000, 'x');
        SO_ASSERT_OK(so_http_client_send(c, so_str("POST"), so_str("/deny"), nullptr, 0, false, 0));
        for (int i = 0; i < 60 && so_ok(so_http_client_write(c, View(piece))); i++) {
        }
        uint16_t status = 0;
        SO_ASSERT_OK(so_http_client_receive(c, &status));
        EXPECT_EQ(status, 401);
      });
  End();
}

TEST_F(HttpClientTest, ASilentServerIsTimedOut) {
  Start(1, false);
  Run(
      [&](so_stream s) {
        so_fiber_sleep_until(w_->sched, so_sim_now(sim_) + 100 * SO_NS_PER_S);
        so_stream_close(&s);
      },
      [&](so_http_client *c) {
        so_http_client_set_timeout(c, 5 * SO_NS_PER_S);
        SO_ASSERT_OK(so_http_client_send(c, so_str("GET"), so_str("/"), nullptr, 0, true, 0));
        uint16_t status;
        SO_EXPECT_CODE(SO_AGAIN, so_http_client_receive(c, &status));
      });
  End();
}

}  // namespace
