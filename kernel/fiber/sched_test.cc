#include "kernel/fiber/sched.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

// A platform with virtual time: idle jumps to the next deadline.
class SchedTest : public testing::Test {
 protected:
  static constexpr size_t kStack = 64 * 1024;

  void Start(size_t fiber_max = 16, so_stack_check check = SO_STACK_CANARY) {
    so_sched_config config = {};
    config.heap = so_test::Heap();
    config.clock = {[](void *ctx) { return static_cast<SchedTest *>(ctx)->now_; },
                    [](void *) -> int64_t { return 0; }, this};
    config.platform = {StackAlloc, StackFree, Idle, this};
    config.stack_len = kStack;
    config.fiber_max = fiber_max;
    config.check = check;
    SO_ASSERT_OK(so_sched_init(&sched_, &config));
    started_ = true;
  }
  ~SchedTest() override {
    if (started_) {
      so_sched_release(&sched_);
    }
    EXPECT_EQ(stacks_, 0);
  }

  void Spawn(std::function<void()> body) {
    bodies_.push_back(std::make_unique<std::function<void()>>(std::move(body)));
    SO_ASSERT_OK(so_fiber_spawn(
        &sched_, "test", [](void *arg) { (*static_cast<std::function<void()> *>(arg))(); },
        bodies_.back().get()));
  }

  static void *StackAlloc(void *ctx, size_t len) {
    SchedTest *const t = static_cast<SchedTest *>(ctx);
    if (t->stacks_ >= t->stacks_max_) {
      return nullptr;
    }
    t->stacks_++;
    return aligned_alloc(16, len);
  }
  static void StackFree(void *ctx, void *stack, size_t) {
    static_cast<SchedTest *>(ctx)->stacks_--;
    free(stack);
  }
  static bool Idle(void *ctx, uint64_t deadline_ns) {
    SchedTest *const t = static_cast<SchedTest *>(ctx);
    t->idles_++;
    if (deadline_ns == SO_NEVER) {
      return false;
    }
    t->now_ = deadline_ns > t->now_ ? deadline_ns : t->now_;
    return true;
  }

  so_sched sched_;
  bool started_ = false;
  uint64_t now_ = 1000;
  int stacks_ = 0;
  int stacks_max_ = 100000;
  int idles_ = 0;
  std::vector<std::unique_ptr<std::function<void()>>> bodies_;
};

TEST_F(SchedTest, RunsFibersInTurn) {
  Start();
  std::string trace;
  for (const char c : {'a', 'b', 'c'}) {
    Spawn([this, c, &trace] {
      for (int i = 0; i < 3; i++) {
        trace += c;
        so_fiber_yield(&sched_);
      }
    });
  }
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(trace, "abcabcabc");
}

TEST_F(SchedTest, ThousandsOfFibersComeAndGo) {
  Start(5000);
  int done = 0;
  for (int i = 0; i < 5000; i++) {
    Spawn([this, i, &done] {
      so_fiber_sleep_until(&sched_, 2000 + static_cast<uint64_t>((i * 7919) % 5000));
      done++;
    });
  }
  EXPECT_EQ(stacks_, 5000);
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(done, 5000);
  EXPECT_EQ(stacks_, 0);
}

TEST_F(SchedTest, LocalsAndFloatsSurviveSwitches) {
  Start(8);
  double sums[4] = {};
  for (int n = 0; n < 4; n++) {
    Spawn([this, n, &sums] {
      volatile uint64_t local[32];
      for (size_t i = 0; i < 32; i++) {
        local[i] = i * static_cast<uint64_t>(n + 1);
      }
      double sum = 0;
      for (int i = 0; i < 1000; i++) {
        sum += n * 0.5;
        so_fiber_yield(&sched_);
      }
      for (size_t i = 0; i < 32; i++) {
        sum += local[i] == i * static_cast<uint64_t>(n + 1) ? 0 : 1e9;
      }
      sums[n] = sum;
    });
  }
  SO_EXPECT_OK(so_sched_run(&sched_));
  for (int n = 0; n < 4; n++) {
    EXPECT_EQ(sums[n], n * 500.0);
  }
}

TEST_F(SchedTest, SleepersWakeInOrderOfDeadline) {
  Start(512);
  std::vector<uint64_t> woken;
  for (uint64_t i = 0; i < 300; i++) {
    const uint64_t at = 2000 + (i * 6151) % 1009;
    Spawn([this, at, &woken] {
      so_fiber_sleep_until(&sched_, at);
      EXPECT_GE(now_, at);
      woken.push_back(at);
    });
  }
  SO_EXPECT_OK(so_sched_run(&sched_));
  ASSERT_EQ(woken.size(), 300u);
  for (size_t i = 1; i < woken.size(); i++) {
    EXPECT_LE(woken[i - 1], woken[i]);
  }
}

TEST_F(SchedTest, ASignalWakesAllWhoWaitAndIsNotRemembered) {
  Start();
  so_event e = {};
  int woken = 0;
  so_event_signal(&sched_, &e);
  for (int i = 0; i < 3; i++) {
    Spawn([&] {
      SO_EXPECT_OK(so_event_wait(&sched_, &e, SO_NEVER));
      woken++;
    });
  }
  Spawn([&] {
    so_fiber_yield(&sched_);
    EXPECT_EQ(woken, 0);
    so_event_signal(&sched_, &e);
    EXPECT_EQ(woken, 0) << "a signal does not switch";
  });
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(woken, 3);
}

TEST_F(SchedTest, AWaitEndsAtItsDeadline) {
  Start();
  so_event e = {};
  Spawn([&] {
    SO_EXPECT_CODE(SO_AGAIN, so_event_wait(&sched_, &e, 5000));
    EXPECT_EQ(now_, 5000u);
    SO_EXPECT_CODE(SO_AGAIN, so_event_wait(&sched_, &e, 5000));
    EXPECT_EQ(e.first, nullptr);
    SO_EXPECT_OK(so_event_wait(&sched_, &e, 9000));
    EXPECT_EQ(now_, 7000u);
  });
  Spawn([&] {
    so_fiber_sleep_until(&sched_, 7000);
    so_event_signal(&sched_, &e);
  });
  SO_EXPECT_OK(so_sched_run(&sched_));
}

TEST_F(SchedTest, RandomSignalsAndDeadlinesLoseNobody) {
  Start(256);
  uint64_t random = 42;
  auto next = [&random](uint64_t n) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % n;
  };
  so_event events[8] = {};
  int ok = 0, late = 0, running = 200;
  for (int i = 0; i < 200; i++) {
    Spawn([&] {
      for (int k = 0; k < 50; k++) {
        const bool got = so_ok(so_event_wait(&sched_, &events[next(8)], now_ + next(1000)));
        (got ? ok : late)++;
      }
      running--;
    });
  }
  Spawn([&] {
    while (running > 0) {
      so_fiber_sleep_until(&sched_, now_ + next(300));
      so_event_signal(&sched_, &events[next(8)]);
    }
  });
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(ok + late, 200 * 50);
  EXPECT_GT(ok, 100);
  EXPECT_GT(late, 100);
}

TEST_F(SchedTest, RefusesFibersPastTheLimitAndRecovers) {
  Start(4);
  for (int i = 0; i < 4; i++) {
    Spawn([] {});
  }
  SO_EXPECT_CODE(SO_LIMIT, so_fiber_spawn(&sched_, "x", [](void *) {}, nullptr));
  SO_EXPECT_OK(so_sched_run(&sched_));
  stacks_max_ = 1;
  Spawn([] {});
  SO_EXPECT_CODE(SO_LIMIT, so_fiber_spawn(&sched_, "x", [](void *) {}, nullptr));
  SO_EXPECT_OK(so_sched_run(&sched_));
}

TEST_F(SchedTest, ABusyFiberDoesNotKeepTheDevicesWaiting) {
  Start();
  Spawn([this] {
    for (int i = 0; i < 10; i++) {
      so_fiber_yield(&sched_);
    }
  });
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(idles_, 10) << "each turn looks at the devices";
}

TEST_F(SchedTest, SaysSoWhenEveryFiberWaitsForNothing) {
  Start();
  so_event e = {};
  Spawn([&] { (void)!so_ok(so_event_wait(&sched_, &e, SO_NEVER)); });
  SO_EXPECT_CODE(SO_INTERNAL, so_sched_run(&sched_));
}

TEST_F(SchedTest, StopEndsTheWaitsOfThoseWhoAskedForIt) {
  Start();
  so_event e = {};
  std::string trace;
  Spawn([&] {
    EXPECT_FALSE(so_fiber_wake_on_stop(&sched_, true));
    SO_EXPECT_CODE(SO_AGAIN, so_event_wait(&sched_, &e, SO_NEVER));
    SO_EXPECT_CODE(SO_AGAIN, so_event_wait(&sched_, &e, SO_NEVER));
    EXPECT_TRUE(so_sched_stopping(&sched_));
    trace += "a";
    EXPECT_TRUE(so_fiber_wake_on_stop(&sched_, false));
    SO_EXPECT_OK(so_event_wait(&sched_, &e, SO_NEVER));
    trace += "c";
  });
  Spawn([&] {
    SO_EXPECT_OK(so_event_wait(&sched_, &e, SO_NEVER));
    trace += "C";
  });
  Spawn([&] {
    EXPECT_FALSE(so_sched_stopping(&sched_));
    so_sched_stop(&sched_);
    so_fiber_sleep_until(&sched_, now_ + 100);
    trace += "b";
    so_event_signal(&sched_, &e);
  });
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(trace, "abCc");
}

TEST_F(SchedTest, EndLeavesTheOthersBehindAndReleaseFreesThem) {
  Start();
  so_event e = {};
  Spawn([&] { (void)!so_ok(so_event_wait(&sched_, &e, SO_NEVER)); });
  Spawn([&] { so_sched_end(&sched_); });
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_EQ(stacks_, 1);
}

TEST_F(SchedTest, AFiberStartsOnAnAlignedStack) {
  Start();
  SO_ASSERT_OK(so_fiber_spawn(
      &sched_, "aligned",
      [](void *) { EXPECT_EQ(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) % 16, 0u); },
      nullptr));
  SO_EXPECT_OK(so_sched_run(&sched_));
}

__attribute__((noinline)) int GoDeep() {
  uint8_t deep[20 * 1024];
  deep[0] = 1;
  asm volatile("" : : "r"(deep) : "memory");  // Keeps the whole array.
  return deep[0];
}

TEST_F(SchedTest, PaintedStacksTellHowDeepAFiberWent) {
  Start(4, SO_STACK_PAINTED);
  Spawn([] { EXPECT_EQ(GoDeep(), 1); });
  SO_EXPECT_OK(so_sched_run(&sched_));
  EXPECT_GT(so_sched_stack_used_max(&sched_), 20u * 1024);
  EXPECT_LT(so_sched_stack_used_max(&sched_), kStack);
}

TEST_F(SchedTest, NamesTheRunningFiber) {
  Start();
  EXPECT_STREQ(so_sched_current_name(&sched_), "loop");
  Spawn([this] { EXPECT_STREQ(so_sched_current_name(&sched_), "test"); });
  SO_EXPECT_OK(so_sched_run(&sched_));
}

using SchedDeathTest = SchedTest;

TEST_F(SchedDeathTest, ABrokenCanaryStopsTheProgram) {
  EXPECT_DEATH(
      {
        Start();
        Spawn([this] {
          size_t len;
          const void *const stack = so_sched_current_stack(&sched_, &len);
          memset(const_cast<void *>(stack), 0, 8);
        });
        (void)!so_ok(so_sched_run(&sched_));
      },
      "");
}

TEST_F(SchedDeathTest, WaitingOutsideAFiberIsABug) {
  Start();
  EXPECT_DEATH(so_fiber_yield(&sched_), "");
}

}  // namespace
