#include "tests/sim/sim.h"

#include <string>

#include "tests/sim/fibers.h"
#include "tests/support/support.h"

namespace {

so_status ReadAll(const so_stream *s, std::string *out) {
  for (;;) {
    uint8_t buf[100];
    size_t n;
    SO_TRY(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n));
    if (n == 0) {
      return so_done();
    }
    out->append(reinterpret_cast<const char *>(buf), n);
  }
}

class SimTest : public testing::Test {
 protected:
  void Start(so_sim_config config = {}) {
    sim_ = so_sim_make(&config);
    w_ = so_sim_world(sim_);
    fibers_ = std::make_unique<so_test::Fibers>(w_->sched);
  }
  ~SimTest() override {
    if (sim_ != nullptr) {
      so_sim_free(sim_);
    }
  }
  so_sim *sim_ = nullptr;
  const so_world *w_ = nullptr;
  std::unique_ptr<so_test::Fibers> fibers_;
};

TEST_F(SimTest, TimeJumpsToTheNextDeadline) {
  Start();
  const uint64_t start = so_sim_now(sim_);
  const int64_t wall = so_clock_unix_ns(&w_->clock);
  fibers_->Spawn([&] { so_fiber_sleep_until(w_->sched, start + 3600 * SO_NS_PER_S); });
  SO_EXPECT_OK(so_sim_run(sim_));
  EXPECT_EQ(so_sim_now(sim_), start + 3600 * SO_NS_PER_S);
  EXPECT_EQ(so_clock_unix_ns(&w_->clock), wall + 3600 * int64_t{1000000000});
}

TEST_F(SimTest, PipesCarryBytesWholeAndChopped) {
  for (const bool chop : {false, true}) {
    so_sim_config config = {};
    config.chop = chop;
    config.seed = 5;
    config.pipe_cap = 1000;
    Start(config);
    std::string big;
    for (int i = 0; i < 20000; i++) {
      big += static_cast<char>(i * 31 + i / 256);
    }
    so_stream a, b;
    so_sim_pipe(sim_, &a, &b);
    fibers_->Spawn([&] {
      SO_EXPECT_OK(so_stream_write(&a, so_test::View(big), SO_NEVER));
      SO_EXPECT_OK(so_stream_shutdown(&a, SO_NEVER));
      std::string got;
      SO_EXPECT_OK(ReadAll(&a, &got));
      EXPECT_EQ(got, "done");
      so_stream_close(&a);
    });
    fibers_->Spawn([&] {
      std::string got;
      SO_EXPECT_OK(ReadAll(&b, &got));
      EXPECT_TRUE(got == big);
      SO_EXPECT_OK(so_stream_write(&b, so_str("done"), SO_NEVER));
      so_stream_close(&b);
    });
    SO_EXPECT_OK(so_sim_run(sim_));
    so_sim_free(sim_);
    sim_ = nullptr;
  }
}

TEST_F(SimTest, DeadlinesResetsAndCutsReachBothEnds) {
  Start();
  fibers_->Spawn([&] {
    so_stream a, b;
    uint8_t buf[8];
    size_t n;
    so_sim_pipe(sim_, &a, &b);
    SO_EXPECT_CODE(SO_AGAIN, so_stream_read(&a, buf, 8, so_sim_now(sim_) + 10, &n));
    const std::string big(100000, 'x');
    SO_EXPECT_CODE(SO_AGAIN, so_stream_write(&a, so_test::View(big), so_sim_now(sim_) + 10));
    so_stream_close(&b);  // With unread bytes.
    SO_EXPECT_CODE(SO_IO, so_stream_read(&a, buf, 8, SO_NEVER, &n));
    so_stream_close(&a);

    so_sim_pipe(sim_, &a, &b);
    so_stream_close(&b);
    SO_EXPECT_OK(so_stream_read(&a, buf, 8, SO_NEVER, &n));
    EXPECT_EQ(n, 0u);
    SO_EXPECT_CODE(SO_IO, so_stream_write(&a, so_str("x"), SO_NEVER));
    so_stream_close(&a);

    so_sim_pipe(sim_, &a, &b);
    so_sim_stream_cut(&a, 3);
    SO_EXPECT_CODE(SO_IO, so_stream_write(&a, so_str("12345"), SO_NEVER));
    SO_EXPECT_CODE(SO_IO, so_stream_read(&b, buf, 8, SO_NEVER, &n));
    so_stream_close(&a);
    so_stream_close(&b);
  });
  SO_EXPECT_OK(so_sim_run(sim_));
}

TEST_F(SimTest, ListensAcceptsConnectsAndResolves) {
  Start();
  fibers_->Spawn([&] {
    so_endpoint at;
    SO_ASSERT_OK(w_->net.resolve(w_->net.ctx, so_str("localhost"), SO_NEVER, &at));
    so_listener l, l2;
    so_stream a, b;
    SO_ASSERT_OK(w_->net.listen(w_->net.ctx, &at, &l));
    SO_ASSERT_OK(so_listener_local(&l, &at));
    SO_EXPECT_CODE(SO_CONFLICT, w_->net.listen(w_->net.ctx, &at, &l2));
    so_endpoint peer;
    SO_EXPECT_CODE(SO_AGAIN, so_listener_accept(&l, so_sim_now(sim_) + 5, &b, &peer));
    SO_ASSERT_OK(w_->net.connect(w_->net.ctx, &at, SO_NEVER, &a));
    SO_ASSERT_OK(so_listener_accept(&l, SO_NEVER, &b, &peer));
    SO_EXPECT_OK(so_stream_write(&a, so_str("hi"), SO_NEVER));
    uint8_t buf[8];
    size_t n;
    SO_EXPECT_OK(so_stream_read(&b, buf, 8, SO_NEVER, &n));
    EXPECT_EQ(n, 2u);
    fibers_->Spawn([&] {
      so_stream s;
      so_endpoint p;
      SO_EXPECT_CODE(SO_IO, so_listener_accept(&l, SO_NEVER, &s, &p));
    });
    so_fiber_yield(w_->sched);
    so_sched_stop(w_->sched);
    so_fiber_yield(w_->sched);
    so_listener_close(&l);
    SO_EXPECT_CODE(SO_IO, w_->net.connect(w_->net.ctx, &at, SO_NEVER, &a));
    so_sim_add_name(sim_, "db.example", &at);
    so_endpoint found;
    SO_EXPECT_OK(w_->net.resolve(w_->net.ctx, so_str("db.example"), SO_NEVER, &found));
    EXPECT_EQ(found.port, at.port);
    SO_EXPECT_CODE(SO_NOT_FOUND, w_->net.resolve(w_->net.ctx, so_str("no"), SO_NEVER, &found));
  });
  SO_EXPECT_OK(so_sim_run(sim_));
}

TEST_F(SimTest, DevicesOpenOnceAndKeepTheirBytes) {
  Start();
  so_block b, b2;
  SO_EXPECT_CODE(SO_NOT_FOUND, w_->open_block(w_->ctx, so_str("data"), false, &b));
  SO_ASSERT_OK(w_->open_block(w_->ctx, so_str("data"), true, &b));
  SO_EXPECT_CODE(SO_CONFLICT, w_->open_block(w_->ctx, so_str("data"), true, &b2));
  const std::string unit(512, 'u');
  SO_ASSERT_OK(so_block_write(&b, 512, so_test::View(unit)));
  SO_ASSERT_OK(so_block_flush(&b));
  so_block_close(&b);
  so_sim_block_crash(so_sim_block_named(sim_, "data"), 0);
  SO_ASSERT_OK(w_->open_block(w_->ctx, so_str("data"), false, &b));
  uint8_t got[512];
  SO_ASSERT_OK(so_block_read(&b, 512, got, 512));
  EXPECT_EQ(got[0], 'u');
}

TEST_F(SimTest, KeepsConsoleAndSidecar) {
  Start();
  so_console_write(&w_->console, so_str("one\n"));
  so_console_write(&w_->console, so_str("two\n"));
  EXPECT_EQ(so_test::Text(so_sim_console(sim_)), "one\ntwo\n");
  so_bytes got;
  EXPECT_FALSE(so_sim_sidecar(sim_, "key", &got));
  SO_EXPECT_OK(w_->sidecar.write(w_->sidecar.ctx, so_str("key"), so_str("a")));
  SO_EXPECT_OK(w_->sidecar.write(w_->sidecar.ctx, so_str("key"), so_str("bc")));
  ASSERT_TRUE(so_sim_sidecar(sim_, "key", &got));
  EXPECT_EQ(so_test::Text(got), "bc");
}

TEST_F(SimTest, CountsTheHeapAndFailsTheNthAllocation) {
  Start();
  void *const p = so_heap_alloc(w_->heap, 100);
  EXPECT_EQ(so_sim_heap_used(sim_), 100u);
  so_sim_heap_fail_at(sim_, 2);
  void *const q = so_heap_alloc(w_->heap, 10);
  EXPECT_NE(q, nullptr);
  EXPECT_EQ(so_heap_alloc(w_->heap, 10), nullptr);
  so_heap_free(w_->heap, p, 100);
  so_heap_free(w_->heap, q, 10);
  EXPECT_EQ(so_sim_heap_used(sim_), 0u);
}

TEST_F(SimTest, TheSameSeedGivesTheSameRunAndAnotherSeedAnother) {
  std::string runs[3];
  for (size_t i = 0; i < 3; i++) {
    so_sim_config config = {};
    config.seed = i / 2;
    config.chop = true;
    Start(config);
    so_stream a, b;
    so_sim_pipe(sim_, &a, &b);
    fibers_->Spawn([&] {
      SO_EXPECT_OK(so_stream_write(&a, so_test::View(std::string(3000, 'x')), SO_NEVER));
      so_stream_close(&a);
    });
    fibers_->Spawn([&] {
      uint8_t buf[1000];
      size_t n = 1;
      while (n != 0) {
        SO_ASSERT_OK(so_stream_read(&b, buf, sizeof buf, SO_NEVER, &n));
        runs[i] += std::to_string(n) + "@" + std::to_string(so_sim_now(sim_)) + " ";
      }
      so_stream_close(&b);
    });
    SO_EXPECT_OK(so_sim_run(sim_));
    so_sim_free(sim_);
    sim_ = nullptr;
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_NE(runs[0], runs[2]);
}

TEST_F(SimTest, SaysSoWhenFibersWaitForEachOther) {
  Start();
  so_stream a, b;
  so_sim_pipe(sim_, &a, &b);
  fibers_->Spawn([&] {
    uint8_t byte;
    size_t n;
    (void)!so_ok(so_stream_read(&a, &byte, 1, SO_NEVER, &n));
  });
  SO_EXPECT_CODE(SO_INTERNAL, so_sim_run(sim_));
}

}  // namespace
