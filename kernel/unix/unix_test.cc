#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/unix/unix.h"
#include "tests/support/support.h"

namespace {

// Runs `body` as the first fiber of a fresh world.
int RunWorld(const std::function<void(const so_world *)> &body, const so_unix_config *config = {}) {
  return so_unix_run(
      config,
      [](const so_world *w, void *arg) {
        (*static_cast<const std::function<void(const so_world *)> *>(arg))(w);
        return 7;
      },
      const_cast<void *>(static_cast<const void *>(&body)));
}

// Fibers out of lambdas; joins all of them.
class Fibers {
 public:
  explicit Fibers(const so_world *w) : w_(w) {}
  void Spawn(std::function<void()> body) {
    auto *const f = new Fiber{this, std::move(body)};
    running_++;
    SO_ASSERT_OK(so_fiber_spawn(w_->sched, "test", Run, f));
  }
  void Join() {
    while (running_ != 0) {
      SO_ASSERT_OK(so_event_wait(w_->sched, &ended_, SO_NEVER));
    }
  }

 private:
  struct Fiber {
    Fibers *all;
    std::function<void()> body;
  };
  static void Run(void *arg) {
    Fiber *const f = static_cast<Fiber *>(arg);
    f->body();
    f->all->running_--;
    so_event_signal(f->all->w_->sched, &f->all->ended_);
    delete f;
  }
  const so_world *w_;
  int running_ = 0;
  so_event ended_ = {};
};

so_endpoint Loopback(int family) {
  so_endpoint e = {};
  e.family = static_cast<uint8_t>(family);
  if (family == 4) {
    const uint8_t address[4] = {127, 0, 0, 1};
    memcpy(e.address, address, 4);
  } else {
    e.address[15] = 1;
  }
  return e;
}

uint64_t In(const so_world *w, uint64_t ms) { return so_clock_now(&w->clock) + ms * SO_NS_PER_MS; }

so_status ReadAll(const so_stream *s, std::string *out) {
  for (;;) {
    uint8_t buf[1000];
    size_t n;
    SO_TRY(so_stream_read(s, buf, sizeof buf, SO_NEVER, &n));
    if (n == 0) {
      return so_done();
    }
    out->append(reinterpret_cast<const char *>(buf), n);
  }
}

class UnixSocketTest : public testing::TestWithParam<int> {};

TEST_P(UnixSocketTest, CarriesBytesBothWaysWithBackPressure) {
  EXPECT_EQ(RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(GetParam());
    so_listener l;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    so_endpoint at;
    SO_ASSERT_OK(so_listener_local(&l, &at));
    EXPECT_NE(at.port, 0);
    EXPECT_EQ(memcmp(at.address, any.address, 16), 0);
    std::string big(8 * 1000 * 1000, 'a');
    for (size_t i = 0; i < big.size(); i++) {
      big[i] = static_cast<char>(i * 7 + i / 1000);
    }
    Fibers fibers(w);
    fibers.Spawn([&] {
      so_stream s;
      so_endpoint peer;
      SO_ASSERT_OK(so_listener_accept(&l, SO_NEVER, &s, &peer));
      EXPECT_EQ(peer.family, GetParam());
      EXPECT_EQ(memcmp(peer.address, any.address, 16), 0);
      std::string got;
      SO_EXPECT_OK(ReadAll(&s, &got));
      EXPECT_TRUE(got == big);
      SO_EXPECT_OK(so_stream_write(&s, so_str("thanks"), SO_NEVER));
      so_stream_close(&s);
    });
    fibers.Spawn([&] {
      so_stream s;
      SO_ASSERT_OK(w->net.connect(w->net.ctx, &at, In(w, 5000), &s));
      SO_EXPECT_OK(so_stream_write(&s, so_test::View(big), SO_NEVER));
      SO_EXPECT_OK(so_stream_shutdown(&s, SO_NEVER));
      std::string got;
      SO_EXPECT_OK(ReadAll(&s, &got));
      EXPECT_EQ(got, "thanks");
      so_stream_close(&s);
    });
    fibers.Join();
    so_listener_close(&l);
  }), 7);
}

TEST_P(UnixSocketTest, ManyConnectionsAtOnce) {
  EXPECT_EQ(RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(GetParam());
    so_listener l;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    so_endpoint at;
    SO_ASSERT_OK(so_listener_local(&l, &at));
    constexpr int kCount = 300;
    int served = 0;
    Fibers fibers(w);
    fibers.Spawn([&] {
      for (int i = 0; i < kCount; i++) {
        so_stream s;
        so_endpoint peer;
        SO_ASSERT_OK(so_listener_accept(&l, In(w, 20000), &s, &peer));
        fibers.Spawn([s, &served] {
          std::string got;
          SO_EXPECT_OK(ReadAll(&s, &got));
          SO_EXPECT_OK(so_stream_write(&s, so_test::View(got), SO_NEVER));
          so_stream_close(&s);
          served++;
        });
      }
    });
    for (int i = 0; i < kCount; i++) {
      fibers.Spawn([&, i] {
        so_stream s;
        SO_ASSERT_OK(w->net.connect(w->net.ctx, &at, In(w, 20000), &s));
        const std::string text = "connection " + std::to_string(i);
        SO_EXPECT_OK(so_stream_write(&s, so_test::View(text), SO_NEVER));
        SO_EXPECT_OK(so_stream_shutdown(&s, SO_NEVER));
        std::string got;
        SO_EXPECT_OK(ReadAll(&s, &got));
        EXPECT_EQ(got, text);
        so_stream_close(&s);
      });
    }
    fibers.Join();
    EXPECT_EQ(served, kCount);
    so_listener_close(&l);
  }), 7);
}

TEST_P(UnixSocketTest, DeadlinesEndReadsWritesAndAccepts) {
  RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(GetParam());
    so_listener l;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    so_endpoint at, peer;
    SO_ASSERT_OK(so_listener_local(&l, &at));
    so_stream a, b;
    SO_EXPECT_CODE(SO_AGAIN, so_listener_accept(&l, In(w, 10), &a, &peer));
    SO_ASSERT_OK(w->net.connect(w->net.ctx, &at, SO_NEVER, &a));
    SO_ASSERT_OK(so_listener_accept(&l, SO_NEVER, &b, &peer));
    uint8_t buf[10];
    size_t n;
    SO_EXPECT_CODE(SO_AGAIN, so_stream_read(&a, buf, sizeof buf, In(w, 10), &n));
    const std::string big(64 * 1000 * 1000, 'x');
    SO_EXPECT_CODE(SO_AGAIN, so_stream_write(&a, so_test::View(big), In(w, 50)));
    so_stream_close(&a);
    so_stream_close(&b);
    so_listener_close(&l);
  });
}

// Two ends of a connection.
struct Connection {
  Connection(const so_world *w, const so_endpoint &any) {
    so_endpoint at, peer;
    SO_EXPECT_OK(w->net.listen(w->net.ctx, &any, &l));
    SO_EXPECT_OK(so_listener_local(&l, &at));
    SO_EXPECT_OK(w->net.connect(w->net.ctx, &at, SO_NEVER, &a));
    SO_EXPECT_OK(so_listener_accept(&l, SO_NEVER, &b, &peer));
  }
  ~Connection() {
    so_stream_close(&a);
    so_stream_close(&b);
    so_listener_close(&l);
  }
  so_listener l = {};
  so_stream a = {}, b = {};
};

// The loop sees what comes, and has nobody to wake, while the reader is busy elsewhere.
TEST_P(UnixSocketTest, BytesAndTheEndThatCameWhileNobodyWaitedAreNotLost) {
  RunWorld([](const so_world *w) {
    Connection c(w, Loopback(GetParam()));
    uint8_t buf[10];
    size_t n;
    for (int i = 0; i < 3; i++) {
      SO_ASSERT_OK(so_stream_write(&c.b, so_str("abc"), SO_NEVER));
      so_fiber_sleep_until(w->sched, In(w, 2));
      SO_ASSERT_OK(so_stream_read(&c.a, buf, sizeof buf, In(w, 5000), &n));  // Fewer than asked for.
      EXPECT_EQ(n, 3u);
    }
    SO_ASSERT_OK(so_stream_write(&c.b, so_str("end"), SO_NEVER));
    SO_ASSERT_OK(so_stream_shutdown(&c.b, SO_NEVER));
    so_fiber_sleep_until(w->sched, In(w, 2));  // Both are one event.
    SO_ASSERT_OK(so_stream_read(&c.a, buf, sizeof buf, In(w, 5000), &n));
    EXPECT_EQ(n, 3u);
    SO_ASSERT_OK(so_stream_read(&c.a, buf, sizeof buf, In(w, 5000), &n));
    EXPECT_EQ(n, 0u);
  });
}

TEST_P(UnixSocketTest, RefusalResetAndAddressInUseAreErrors) {
  RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(GetParam());
    so_listener l, l2;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    so_endpoint at, peer;
    SO_ASSERT_OK(so_listener_local(&l, &at));
    SO_EXPECT_CODE(SO_CONFLICT, w->net.listen(w->net.ctx, &at, &l2));
    so_stream a, b;
    SO_ASSERT_OK(w->net.connect(w->net.ctx, &at, SO_NEVER, &a));
    SO_ASSERT_OK(so_listener_accept(&l, SO_NEVER, &b, &peer));
    SO_ASSERT_OK(so_stream_write(&a, so_str("unread"), SO_NEVER));
    so_fiber_sleep_until(w->sched, In(w, 5));
    so_stream_close(&b);  // With unread bytes: a reset.
    uint8_t buf[10];
    size_t n;
    SO_EXPECT_CODE(SO_IO, so_stream_read(&a, buf, sizeof buf, In(w, 5000), &n));
    so_stream_close(&a);
    so_listener_close(&l);
    SO_EXPECT_CODE(SO_IO, w->net.connect(w->net.ctx, &at, In(w, 5000), &a));
  });
}

TEST_P(UnixSocketTest, ClosingAListenerOrStoppingEndsItsAccepts) {
  RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(GetParam());
    so_listener l, l2;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l2));
    Fibers fibers(w);
    for (so_listener *const each : {&l, &l, &l2}) {
      fibers.Spawn([each] {
        so_stream s;
        so_endpoint peer;
        SO_EXPECT_CODE(SO_IO, so_listener_accept(each, SO_NEVER, &s, &peer));
      });
    }
    so_fiber_yield(w->sched);
    so_listener_close(&l);
    so_fiber_yield(w->sched);
    so_sched_stop(w->sched);
    fibers.Join();
    so_stream s;
    so_endpoint peer;
    SO_EXPECT_CODE(SO_IO, so_listener_accept(&l2, SO_NEVER, &s, &peer));
    so_listener_close(&l2);
  });
}

INSTANTIATE_TEST_SUITE_P(Families, UnixSocketTest, testing::Values(4, 6));

TEST(UnixNetTest, ExhaustedDescriptorsDelayAcceptsInsteadOfFailingThem) {
  RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(4);
    so_listener l;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    so_endpoint at;
    SO_ASSERT_OK(so_listener_local(&l, &at));
    so_stream client;
    SO_ASSERT_OK(w->net.connect(w->net.ctx, &at, SO_NEVER, &client));
    struct rlimit before;
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = before;
    none.rlim_cur = 3;
    Fibers fibers(w);
    bool accepted = false;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    fibers.Spawn([&] {
      so_stream s;
      so_endpoint peer;
      SO_EXPECT_CODE(SO_AGAIN, so_listener_accept(&l, In(w, 50), &s, &peer));
      SO_ASSERT_OK(so_listener_accept(&l, In(w, 5000), &s, &peer));
      accepted = true;
      so_stream_close(&s);
    });
    so_fiber_sleep_until(w->sched, In(w, 100));
    EXPECT_FALSE(accepted);
    so_stream other;
    SO_EXPECT_CODE(SO_LIMIT, w->net.connect(w->net.ctx, &at, SO_NEVER, &other));
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    fibers.Join();
    EXPECT_TRUE(accepted);
    so_stream_close(&client);
    so_listener_close(&l);
  });
}

TEST(UnixNetTest, AFiberWhoseSocketIsAlwaysReadyLetsOthersRun) {
  RunWorld([](const so_world *w) {
    const so_endpoint any = Loopback(4);
    so_listener l;
    SO_ASSERT_OK(w->net.listen(w->net.ctx, &any, &l));
    so_endpoint at, peer;
    SO_ASSERT_OK(so_listener_local(&l, &at));
    so_stream a, b;
    SO_ASSERT_OK(w->net.connect(w->net.ctx, &at, SO_NEVER, &a));
    SO_ASSERT_OK(so_listener_accept(&l, SO_NEVER, &b, &peer));
    bool other_ran = false;
    Fibers fibers(w);
    fibers.Spawn([&] { other_ran = true; });
    for (int i = 0; i < 100 && !other_ran; i++) {
      uint8_t byte;
      size_t n;
      SO_ASSERT_OK(so_stream_write(&a, so_str("x"), SO_NEVER));
      SO_ASSERT_OK(so_stream_read(&b, &byte, 1, SO_NEVER, &n));
    }
    EXPECT_TRUE(other_ran);
    fibers.Join();
    so_stream_close(&a);
    so_stream_close(&b);
    so_listener_close(&l);
  });
}

TEST(UnixNetTest, ResolvesLiteralsAndRefusesNonsense) {
  RunWorld([](const so_world *w) {
    so_endpoint e;
    SO_ASSERT_OK(w->net.resolve(w->net.ctx, so_str("192.0.2.7"), SO_NEVER, &e));
    const uint8_t v4[4] = {192, 0, 2, 7};
    EXPECT_EQ(e.family, 4);
    EXPECT_EQ(memcmp(e.address, v4, 4), 0);
    SO_ASSERT_OK(w->net.resolve(w->net.ctx, so_str("2001:db8::5"), SO_NEVER, &e));
    EXPECT_EQ(e.family, 6);
    EXPECT_EQ(e.address[15], 5);
    SO_EXPECT_CODE(SO_NOT_FOUND, w->net.resolve(w->net.ctx, so_str(""), SO_NEVER, &e));
    SO_EXPECT_CODE(SO_NOT_FOUND, w->net.resolve(w->net.ctx, so_bytes_of("a\0b", 3), SO_NEVER, &e));
    const std::string too_long(300, 'a');
    SO_EXPECT_CODE(SO_NOT_FOUND, w->net.resolve(w->net.ctx, so_test::View(too_long), SO_NEVER, &e));
  });
}

TEST(UnixWorldTest, ClocksEntropyAndHeapWork) {
  EXPECT_EQ(RunWorld([](const so_world *w) {
    const uint64_t before = so_clock_now(&w->clock);
    so_fiber_sleep_until(w->sched, before + 3 * SO_NS_PER_MS);
    EXPECT_GE(so_clock_now(&w->clock), before + 3 * SO_NS_PER_MS);
    EXPECT_GT(so_clock_unix_ns(&w->clock), int64_t{1600000000} * 1000000000);
    uint8_t a[300] = {}, b[300] = {};
    so_entropy_fill(&w->entropy, a, sizeof a);
    so_entropy_fill(&w->entropy, b, sizeof b);
    EXPECT_NE(memcmp(a, b, sizeof a), 0);
    void *const p = so_heap_alloc(w->heap, 100);
    ASSERT_NE(p, nullptr);
    so_heap_free(w->heap, p, 100);
  }), 7);
}

TEST(UnixWorldTest, TheConsoleWritesWholeLinesToStandardOutput) {
  testing::internal::CaptureStdout();
  RunWorld([](const so_world *w) {
    so_console_write(&w->console, so_str("half "));
    so_console_write(&w->console, so_str("a line\n"));
    so_console_write(&w->console, so_str("the rest"));
    so_console_write(&w->console, so_test::View(std::string(10000, 'z') + "\n"));
    so_console_write(&w->console, so_str("end"));
  });
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            "half a line\nthe rest" + std::string(10000, 'z') + "\nend");
}

TEST(UnixWorldTest, AFlushLetsOtherFibersRunAndCoversAllWhoAsked) {
  std::string dir = testing::TempDir() + "/so_unix_XXXXXX";
  ASSERT_NE(mkdtemp(dir.data()), nullptr);
  RunWorld([&dir](const so_world *w) {
    so_block b;
    SO_ASSERT_OK(w->open_block(w->ctx, so_test::View(dir + "/data"), true, &b));
    Fibers fibers(w);
    int done = 0;
    for (int i = 0; i < 20; i++) {
      fibers.Spawn([&, i] {
        const std::string bytes(512, 'a');
        SO_EXPECT_OK(so_block_write(&b, static_cast<uint64_t>(i) * 512, so_test::View(bytes)));
        SO_EXPECT_OK(so_block_flush(&b));
        done++;
      });
    }
    int turns = 0;
    while (done < 20) {
      so_fiber_sleep_until(w->sched, In(w, 1));
      turns++;
    }
    EXPECT_GT(turns, 0);
    fibers.Join();
    so_sched_stop(w->sched);
    SO_EXPECT_OK(so_block_flush(&b));
    so_block_close(&b);
  });
  (void)!system(("rm -rf '" + dir + "'").c_str());
}

TEST(UnixWorldTest, TheFirstSignalStopsAndTheSecondKills) {
  EXPECT_EQ(RunWorld([](const so_world *w) {
    EXPECT_FALSE(so_sched_stopping(w->sched));
    kill(getpid(), SIGTERM);
    for (int i = 0; i < 1000 && !so_sched_stopping(w->sched); i++) {
      so_fiber_sleep_until(w->sched, In(w, 1));
    }
    EXPECT_TRUE(so_sched_stopping(w->sched));
  }), 7);
  EXPECT_EXIT(RunWorld([](const so_world *w) {
    kill(getpid(), SIGINT);
    while (!so_sched_stopping(w->sched)) {
      so_fiber_yield(w->sched);
    }
    kill(getpid(), SIGINT);
    for (;;) {
      so_fiber_yield(w->sched);
    }
  }), testing::KilledBySignal(SIGINT), "");
}

TEST(UnixWorldTest, ThousandsOfFibersFitAndTheLimitHolds) {
  so_unix_config config = {};
  config.fiber_max = 3000;
  RunWorld([](const so_world *w) {
    static int running;
    running = 0;
    auto body = [](void *arg) {
      const so_world *const world = static_cast<const so_world *>(arg);
      running++;
      so_fiber_sleep_until(world->sched, so_clock_now(&world->clock) + 20 * SO_NS_PER_MS);
      running--;
    };
    for (int i = 0; i < 2999; i++) {
      SO_ASSERT_OK(so_fiber_spawn(w->sched, "sleeper", body, const_cast<so_world *>(w)));
    }
    SO_EXPECT_CODE(SO_LIMIT, so_fiber_spawn(w->sched, "x", body, const_cast<so_world *>(w)));
    so_fiber_yield(w->sched);
    EXPECT_EQ(running, 2999);
    while (running != 0) {
      so_fiber_sleep_until(w->sched, In(w, 5));
    }
  }, &config);
}

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if !__has_feature(address_sanitizer)

__attribute__((noinline)) int Deeper(volatile int *n) {
  uint8_t page[4096];
  asm volatile("" : : "r"(page) : "memory");
  return *n == 0 ? page[0] : Deeper(n) + page[5];
}

TEST(UnixCrashDeathTest, AStackOverflowIsCaughtByTheGuardPageAndNamed) {
  EXPECT_EXIT(RunWorld([](const so_world *w) {
    SO_ASSERT_OK(so_fiber_spawn(w->sched, "deep one", [](void *) {
      volatile int forever = 1;
      (void)Deeper(&forever);
    }, nullptr));
    so_fiber_sleep_until(w->sched, SO_NEVER);
  }), testing::KilledBySignal(SIGSEGV), "in fiber deep one\ncrash: stack overflow");
}

TEST(UnixCrashDeathTest, ABrokenInvariantIsReportedWithABacktrace) {
  EXPECT_EXIT(RunWorld([](const so_world *) { __builtin_trap(); }),
              testing::KilledBySignal(SIGILL), "a broken invariant .* in fiber main");
}

#endif

}  // namespace
