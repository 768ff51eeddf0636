#include "apps/lib/service/service.h"

#include <string>

#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using so_test::Text;
using so_test::View;

class ServiceTest : public ::testing::Test {
 protected:
  static so_status Handle(void *ctx, so_http_exchange *x) {
    ServiceTest *const t = static_cast<ServiceTest *>(ctx);
    if (t->slow_s_ != 0) {
      so_fiber_sleep_until(t->world_->sched,
                           so_clock_now(&t->world_->clock) + t->slow_s_ * SO_NS_PER_S);
    }
    t->served_++;
    return so_http_reply(x, 200, nullptr, 0, so_str("hello"));
  }
  static so_status Refuse(void *, so_http_exchange *x, uint16_t status, const char *why) {
    return so_http_reply(x, status, nullptr, 0, so_str(why));
  }

  ServiceTest() {
    sim_ = so_sim_make(nullptr);
    world_ = so_sim_world(sim_);
    config_.http.handle = Handle;
    config_.http.refuse = Refuse;
    config_.http.ctx = this;
    config_.connections = &connections_;
  }
  ~ServiceTest() override { so_sim_free(sim_); }

  // Serves on localhost while `body` runs, then stops.
  void Run(const std::function<void()> &body) {
    so_test::Fibers fibers(world_->sched);
    fibers.Spawn([&] {
      so_buf text;
      so_buf_init(&text, world_->heap, 1000);
      const so_places places = {{{so_str("127.0.0.1"), 8080}, {so_str("127.0.0.1"), 8081}}, 2};
      SO_ASSERT_OK(so_service_listen(world_, &places, &listeners_, &text));
      so_service_write_urls(&listeners_, "at", "http", &text);
      EXPECT_EQ(Text(so_buf_bytes(&text)), "at http://127.0.0.1:8080\nat http://127.0.0.1:8081");
      so_buf_release(&text);
      ended_well_ = so_service_run(world_, &config_, &listeners_);
      ended_ns_ = so_clock_now(&world_->clock);
      so_service_close(&listeners_);
    });
    fibers.Spawn([&] {
      so_fiber_yield(world_->sched);
      body();
      stopped_ns_ = so_clock_now(&world_->clock);
      so_sched_stop(world_->sched);
    });
    SO_ASSERT_OK(so_sim_run(sim_));
  }

  bool Connect(so_stream *out, uint16_t port = 8080) {
    so_endpoint at = {};
    at.family = 4;
    at.address[0] = 127;
    at.address[3] = 1;
    at.port = port;
    return so_ok(world_->net.connect(world_->net.ctx, &at, SO_NEVER, out));
  }
  static void Ask(const so_stream *s) {
    SO_EXPECT_OK(so_stream_write(s, so_str("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), SO_NEVER));
  }
  std::string Answer(const so_stream *s) {
    uint8_t buf[2000];
    size_t n = 0;
    const uint64_t until = so_clock_now(&world_->clock) + 60 * SO_NS_PER_S;
    const so_status status = so_stream_read(s, buf, sizeof buf, until, &n);
    return so_ok(status) ? std::string(reinterpret_cast<char *>(buf), n) : "";
  }

  so_sim *sim_;
  const so_world *world_;
  so_service_config config_ = {};
  so_service_listeners listeners_ = {};
  uint32_t connections_ = 0;
  uint64_t slow_s_ = 0;
  int served_ = 0;
  bool ended_well_ = false;
  uint64_t stopped_ns_ = 0;
  uint64_t ended_ns_ = 0;
};

TEST_F(ServiceTest, ConnectionsAreServedSideBySideAndCounted) {
  Run([&] {
    so_stream s[3];
    for (so_stream &c : s) {
      ASSERT_TRUE(Connect(&c));
      Ask(&c);
      EXPECT_NE(Answer(&c).find("200"), std::string::npos);
    }
    EXPECT_EQ(connections_, 3u);
    for (so_stream &c : s) {
      so_stream_close(&c);
    }
  });
  EXPECT_TRUE(ended_well_);
  EXPECT_EQ(served_, 3);
  EXPECT_EQ(connections_, 0u);
}

TEST_F(ServiceTest, AtTheLimitTheNextOneWaits) {
  config_.connections_max = 1;
  Run([&] {
    so_stream first, second;
    ASSERT_TRUE(Connect(&first));
    Ask(&first);
    EXPECT_NE(Answer(&first), "");
    ASSERT_TRUE(Connect(&second));
    Ask(&second);
    so_fiber_sleep_until(world_->sched, so_clock_now(&world_->clock) + SO_NS_PER_S);
    EXPECT_EQ(served_, 1);
    EXPECT_EQ(connections_, 1u);
    so_stream_close(&first);
    EXPECT_NE(Answer(&second), "");
    EXPECT_EQ(served_, 2);
    so_stream_close(&second);
  });
  EXPECT_TRUE(ended_well_);
}

TEST_F(ServiceTest, AStopWaitsForTheAnswerAtHand) {
  slow_s_ = 5;
  std::string got;
  so_test::Fibers client(world_->sched);
  Run([&] {
    client.Spawn([&] {
      so_stream s;
      ASSERT_TRUE(Connect(&s));
      Ask(&s);
      got = Answer(&s);
      so_stream_close(&s);
    });
    so_fiber_sleep_until(world_->sched, so_clock_now(&world_->clock) + SO_NS_PER_S);
  });
  EXPECT_NE(got.find("hello"), std::string::npos);
  EXPECT_TRUE(ended_well_);
  EXPECT_GE(ended_ns_ - stopped_ns_, 3 * SO_NS_PER_S);
}

TEST_F(ServiceTest, ButNotForEver) {
  slow_s_ = 100;
  so_test::Fibers client(world_->sched);
  Run([&] {
    client.Spawn([&] {
      so_stream s;
      ASSERT_TRUE(Connect(&s));
      Ask(&s);
      (void)Answer(&s);
      so_stream_close(&s);
    });
    so_fiber_sleep_until(world_->sched, so_clock_now(&world_->clock) + SO_NS_PER_S);
  });
  EXPECT_FALSE(ended_well_);
  EXPECT_LE(ended_ns_ - stopped_ns_, SO_SERVICE_DRAIN_NS + SO_NS_PER_S);
}

TEST_F(ServiceTest, AWrapThatFailsEndsItsConnectionOnly) {
  config_.wrap = [](void *ctx, const so_world *, so_stream below, uint64_t, so_stream *out) {
    int *const calls = static_cast<int *>(ctx);
    if (++*calls == 1) {
      so_stream_close(&below);
      return so_status_make(SO_DENIED, 0);
    }
    *out = below;
    return so_done();
  };
  int calls = 0;
  config_.wrap_ctx = &calls;
  Run([&] {
    so_stream s;
    ASSERT_TRUE(Connect(&s));
    EXPECT_EQ(Answer(&s), "");
    so_stream_close(&s);
    ASSERT_TRUE(Connect(&s));
    Ask(&s);
    EXPECT_NE(Answer(&s), "");
    so_stream_close(&s);
  });
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(ended_well_);
}

TEST_F(ServiceTest, EveryPlaceServesAndOneCounts) {
  config_.connections_max = 2;
  Run([&] {
    so_stream first, second;
    ASSERT_TRUE(Connect(&first, 8080));
    ASSERT_TRUE(Connect(&second, 8081));
    for (so_stream *s : {&first, &second}) {
      Ask(s);
      EXPECT_NE(Answer(s).find("hello"), std::string::npos);
    }
    EXPECT_EQ(connections_, 2u);
    so_stream third;
    ASSERT_TRUE(Connect(&third, 8081));
    Ask(&third);
    so_fiber_sleep_until(world_->sched, so_clock_now(&world_->clock) + SO_NS_PER_S);
    EXPECT_EQ(served_, 2);  // The most is that of all places together.
    so_stream_close(&first);
    EXPECT_NE(Answer(&third), "");
    so_stream_close(&second);
    so_stream_close(&third);
  });
  EXPECT_TRUE(ended_well_);
  EXPECT_EQ(connections_, 0u);
}

TEST_F(ServiceTest, WhatCannotBeListenedOnIsSaid) {
  Run([&] {
    so_buf text;
    so_service_listeners l;
    so_buf_init(&text, world_->heap, 1000);
    // The first would do: it is closed again, so it can be had afterwards.
    const so_places taken = {{{so_str("127.0.0.1"), 90}, {so_str("127.0.0.1"), 8080}}, 2};
    EXPECT_FALSE(so_ok(so_service_listen(world_, &taken, &l, &text)));
    EXPECT_EQ(l.count, 0u);
    EXPECT_NE(Text(so_buf_bytes(&text)).find("8080"), std::string::npos)
        << Text(so_buf_bytes(&text));
    so_buf_clear(&text);
    const so_places nowhere = {{{so_str("no.such.host"), 1}}, 1};
    EXPECT_FALSE(so_ok(so_service_listen(world_, &nowhere, &l, &text)));
    EXPECT_NE(so_buf_bytes(&text).len, 0u);
    so_buf_release(&text);
    const so_places freed = {{{so_str("127.0.0.1"), 90}}, 1};
    SO_ASSERT_OK(so_service_listen(world_, &freed, &l, &text));
    so_service_close(&l);
  });
}

}  // namespace
