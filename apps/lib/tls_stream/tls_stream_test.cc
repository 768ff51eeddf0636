#include "apps/lib/tls_stream/tls_stream.h"

#include <functional>

#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tls/engine/testing.h"

namespace {

using so_test::Text;
using so_test::View;

constexpr uint64_t kSecond = SO_NS_PER_S;

std::string ReadAll(const so_stream *s, so_status *status) {
  std::string all;
  uint8_t buf[3000];
  for (;;) {
    size_t n = 0;
    *status = so_stream_read(s, buf, sizeof buf, SO_NEVER, &n);
    if (!so_ok(*status) || n == 0) {
      return all;
    }
    all.append(reinterpret_cast<char *>(buf), n);
  }
}

std::string ReadSome(const so_stream *s) {
  uint8_t buf[3000];
  size_t n = 0;
  SO_EXPECT_OK(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n));
  return std::string(reinterpret_cast<char *>(buf), n);
}

class TlsStreamTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    so_sim_config config = {};
    config.seed = 5;
    config.chop = GetParam();
    sim_ = so_sim_make(&config);
    world_ = *so_sim_world(sim_);
    plain_heap_ = world_.heap;
    heap_ = so_heap_budget_init(&budget_, plain_heap_, size_t{1} << 30);
    world_.heap = &heap_;
    so_sim_pipe(sim_, &client_end_, &server_end_);
    so_tls_ticket_keys_fresh(&keys_, &world_);
    server_.identities = &so_test::P256().get();
    server_.identity_count = 1;
    server_.ticket_keys = &keys_;
    client_.host = so_str("localhost");
    client_.anchors = so_test::P256().der();
    client_.anchor_count = 1;
  }
  void TearDown() override {
    EXPECT_EQ(budget_.used, 0u) << "memory was not given back";
    so_sim_free(sim_);
  }

  // Runs both sides as fibers; each gets its stream once connected.
  void Run(const std::function<void(so_stream *)> &client,
           const std::function<void(so_stream *)> &server) {
    so_test::Fibers fibers(world_.sched);
    fibers.Spawn([&] {
      so_stream s;
      client_status_ = so_tls_stream_client(&world_, &client_, client_end_,
                                            so_sim_now(sim_) + 10 * kSecond, &s, &client_why_);
      if (so_ok(client_status_)) {
        client(&s);
        so_stream_close(&s);
      }
    });
    fibers.Spawn([&] {
      so_stream s;
      server_status_ = so_tls_stream_server(&world_, &server_, server_end_,
                                            so_sim_now(sim_) + 10 * kSecond, &s, &server_why_);
      if (so_ok(server_status_)) {
        server(&s);
        so_stream_close(&s);
      }
    });
    SO_ASSERT_OK(so_sim_run(sim_));
  }

  so_sim *sim_;
  so_world world_;
  const so_heap *plain_heap_;
  so_heap_budget budget_;
  so_heap heap_;
  so_stream client_end_;
  so_stream server_end_;
  so_tls_ticket_keys keys_;
  so_tls_server_options server_ = {};
  so_tls_client_options client_ = {};
  so_tls_failure client_why_ = {};
  so_tls_failure server_why_ = {};
  so_status client_status_ = so_done();
  so_status server_status_ = so_done();
};

INSTANTIATE_TEST_SUITE_P(WholeAndChopped, TlsStreamTest, ::testing::Bool());

TEST_P(TlsStreamTest, BytesGoBothWaysAndEachDirectionEnds) {
  client_.alpn[0] = so_str("http/1.1");
  client_.alpn_count = 1;
  server_.alpn[0] = so_str("http/1.1");
  server_.alpn_count = 1;
  Run(
      [&](so_stream *s) {
        SO_EXPECT_OK(so_stream_write(s, so_str("question"), SO_NEVER));
        SO_EXPECT_OK(so_stream_shutdown(s, SO_NEVER));
        so_status status;
        EXPECT_EQ(ReadAll(s, &status), "answer to question");
        SO_EXPECT_OK(status);
        so_tls_stream_info info;
        so_tls_stream_describe(s, &info);
        EXPECT_EQ(Text(info.alpn), "http/1.1");
        EXPECT_STREQ(info.group_name, "x25519");
        EXPECT_FALSE(info.resumed);
      },
      [&](so_stream *s) {
        so_status status;
        const std::string text = "answer to " + ReadAll(s, &status);
        SO_EXPECT_OK(status);
        SO_EXPECT_OK(so_stream_write(s, View(text), SO_NEVER));
        SO_EXPECT_OK(so_stream_shutdown(s, SO_NEVER));
        so_tls_stream_info info;
        so_tls_stream_describe(s, &info);
        EXPECT_EQ(Text(info.server_name), "localhost");
        // Two ends, one heap: what remains after both handshakes is two connections.
        EXPECT_LE(budget_.used, 2u * SO_TLS_STREAM_LEN_MAX);
      });
  SO_EXPECT_OK(client_status_);
  SO_EXPECT_OK(server_status_);
}

TEST_P(TlsStreamTest, OneFiberReadsWhileAnotherWrites) {
  std::string big(1000000, 0);
  for (size_t i = 0; i < big.size(); i++) {
    big[i] = static_cast<char>(i % 251);
  }
  const auto both = [&](so_stream *s) {
    so_test::Fibers fibers(world_.sched);
    fibers.Spawn([&] {
      const so_bytes half = so_bytes_first(View(big), big.size() / 2);
      SO_EXPECT_OK(so_stream_write(s, half, SO_NEVER));
      so_tls_stream_update_keys(s, true);
      SO_EXPECT_OK(so_stream_write(s, so_bytes_from(View(big), half.len), SO_NEVER));
      SO_EXPECT_OK(so_stream_shutdown(s, SO_NEVER));
    });
    so_status status;
    EXPECT_TRUE(ReadAll(s, &status) == big);
    SO_EXPECT_OK(status);
    fibers.Join();
  };
  Run(both, both);
}

TEST_P(TlsStreamTest, AConnectionThatJustEndsIsAnError) {
  Run(
      [&](so_stream *s) {
        so_status status;
        EXPECT_EQ(ReadAll(s, &status), "half an ans");
        SO_EXPECT_CODE(SO_IO, status);
      },
      [&](so_stream *s) {
        SO_EXPECT_OK(so_stream_write(s, so_str("half an ans"), SO_NEVER));
        so_fiber_sleep_until(world_.sched, so_sim_now(sim_) + kSecond);
      });
}

TEST_P(TlsStreamTest, ASessionIsKeptAndResumed) {
  std::string session;
  const auto server = [&](so_stream *s) {
    SO_EXPECT_OK(so_stream_write(s, so_str("x"), SO_NEVER));
    SO_EXPECT_OK(so_stream_shutdown(s, SO_NEVER));
    so_status status;
    ReadAll(s, &status);
  };
  for (int round = 0; round < 3; round++) {
    if (round != 0) {
      so_sim_pipe(sim_, &client_end_, &server_end_);
    }
    client_.session = View(session);
    Run(
        [&](so_stream *s) {
          so_bytes got;
          EXPECT_EQ(ReadSome(s), "x");
          so_tls_stream_info info;
          so_tls_stream_describe(s, &info);
          EXPECT_EQ(info.resumed, round != 0);
          SO_ASSERT_OK(so_tls_stream_session(s, &got));
          session = Text(got);
          SO_EXPECT_OK(so_stream_shutdown(s, SO_NEVER));
          so_status status;
          ReadAll(s, &status);
        },
        server);
    SO_EXPECT_OK(client_status_);
  }
  session[20] = static_cast<char>(session[20] ^ 1);
}

TEST_P(TlsStreamTest, AServerThatCannotBeBelievedIsNamedAndTold) {
  client_.anchors = so_test::Ed25519().der();
  Run([](so_stream *) { FAIL(); }, [](so_stream *) { FAIL(); });
  SO_EXPECT_CODE(SO_DENIED, client_status_);
  EXPECT_TRUE(client_why_.peer_refused);
  EXPECT_EQ(std::string(client_why_.text).substr(0, 13), "certificate: ");
  EXPECT_EQ(server_why_.alert_received, client_why_.alert_sent);
  EXPECT_NE(std::string(server_why_.text).find("unknown_ca"), std::string::npos);
}

TEST_P(TlsStreamTest, APinSelectsOneCertificate) {
  const so_cpu cpu = so_cpu_portable();
  uint8_t pin[32];
  so_x509_fingerprint(&cpu, *so_test::P256().der(), pin);
  client_.pin = pin;
  client_.host = so_str("other.example");
  const auto nothing = [](so_stream *) {};
  Run(nothing, nothing);
  SO_EXPECT_OK(client_status_);
  so_sim_pipe(sim_, &client_end_, &server_end_);
  pin[31] ^= 1;
  Run(nothing, nothing);
  SO_EXPECT_CODE(SO_DENIED, client_status_);
  EXPECT_STREQ(client_why_.text, "certificate: it is not the pinned one");
}

TEST_P(TlsStreamTest, APeerThatSaysNothingMeetsTheDeadline) {
  const uint64_t start = so_sim_now(sim_);
  so_test::Fibers fibers(world_.sched);
  fibers.Spawn([&] {
    so_stream s;
    server_status_ = so_tls_stream_server(&world_, &server_, server_end_, start + 3 * kSecond, &s,
                                          &server_why_);
  });
  SO_ASSERT_OK(so_sim_run(sim_));
  SO_EXPECT_CODE(SO_AGAIN, server_status_);
  EXPECT_EQ(so_sim_now(sim_), start + 3 * kSecond);
  EXPECT_STREQ(server_why_.text, "the handshake took too long");
  so_stream_close(&client_end_);
}

TEST_P(TlsStreamTest, APeerThatSpeaksPlainHttpGetsAnAlert) {
  so_test::Fibers fibers(world_.sched);
  std::string answer;
  fibers.Spawn([&] {
    so_stream s;
    server_status_ = so_tls_stream_server(&world_, &server_, server_end_, SO_NEVER, &s,
                                          &server_why_);
  });
  fibers.Spawn([&] {
    SO_EXPECT_OK(so_stream_write(&client_end_, so_str("GET / HTTP/1.1\r\n"), SO_NEVER));
    answer = ReadSome(&client_end_);
    so_stream_close(&client_end_);
  });
  SO_ASSERT_OK(so_sim_run(sim_));
  EXPECT_EQ(answer, so_test::Plain(SO_TLS_CONTENT_ALERT, std::string("\x02\x0a", 2)));
  SO_EXPECT_CODE(SO_MALFORMED, server_status_);
}

TEST_P(TlsStreamTest, NoMemoryIsARefusalThatLeavesNothing) {
  budget_.limit = SO_TLS_STREAM_LEN_MAX;
  const auto nothing = [](so_stream *) { FAIL(); };
  Run(nothing, nothing);
  SO_EXPECT_CODE(SO_LIMIT, client_status_);
  SO_EXPECT_CODE(SO_LIMIT, server_status_);
}

TEST_P(TlsStreamTest, ACutAnywhereInTheHandshakeEndsBothSides) {
  for (uint64_t after = 0; after < 400; after += 23) {
    if (after != 0) {
      so_sim_pipe(sim_, &client_end_, &server_end_);
    }
    so_sim_stream_cut(&client_end_, after);
    const auto talk = [](so_stream *s) {
      so_status status = so_stream_write(s, View(std::string(500, 'x')), SO_NEVER);
      ReadAll(s, &status);
      EXPECT_FALSE(so_ok(status));
    };
    Run(talk, talk);
    EXPECT_FALSE(so_ok(server_status_) && so_ok(client_status_) && after < 200);
  }
}

}  // namespace
