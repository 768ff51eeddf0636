#ifndef SO_TESTS_SIM_XENSTORE_DOMAIN_H_
#define SO_TESTS_SIM_XENSTORE_DOMAIN_H_

// A domain in virtual time: a scheduler whose loop turns a simulated xenstored and the client of
// it.
//
//   class FooTest : public so_test::Domain { ... };
//   Run([&] { ... });   // In a fiber, until it has ended.

#include <cstdlib>
#include <functional>
#include <list>
#include <string>

#include "kernel/fiber/sched.h"
#include "kernel/xen/store/store.h"
#include "tests/sim/xenstore/xenstored.h"
#include "tests/support/support.h"

namespace so_test {

class Domain : public testing::Test {
 protected:
  Domain() {
    so_sched_config config = {};
    config.heap = Heap();
    clock_ = {[](void *ctx) { return static_cast<Domain *>(ctx)->now_ns_; },
              [](void *) -> int64_t { return 0; }, this};
    config.clock = clock_;
    config.platform = {[](void *, size_t len) { return aligned_alloc(16, len); },
                       [](void *, void *stack, size_t) { free(stack); }, Idle, this};
    config.stack_len = 256 * 1024;
    config.fiber_max = 64;
    config.check = SO_STACK_CANARY;
    SO_EXPECT_OK(so_sched_init(&sched_, &config));
    const so_store_config store = {&sched_, clock_,
                                   [](void *ctx) { static_cast<Domain *>(ctx)->notified_++; },
                                   this, 10 * SO_NS_PER_S};
    so_store_init(&store_, &store);
    so_store_attach(&store_, xenstored_.ring());
  }
  ~Domain() override { so_sched_release(&sched_); }

  void Spawn(std::function<void()> body) {
    bodies_.push_back({this, std::move(body)});
    SO_ASSERT_OK(so_fiber_spawn(&sched_, "test", Body, &bodies_.back()));
    running_++;
  }
  // Runs the loop until all bodies of Spawn have ended, for at most `limit_ns` of virtual time.
  void Loop(uint64_t limit_ns = 3600 * SO_NS_PER_S) {
    until_ns_ = now_ns_ + limit_ns;
    sched_.ended = false;
    (void)!so_ok(so_sched_run(&sched_));
    EXPECT_EQ(0, running_) << "fibers still wait";
  }
  void Run(std::function<void()> body, uint64_t limit_ns = 3600 * SO_NS_PER_S) {
    Spawn(std::move(body));
    Loop(limit_ns);
  }
  // Inside a fiber: lets everything else happen for this long.
  void Sleep(uint64_t ns) { so_fiber_sleep_until(&sched_, now_ns_ + ns); }

  std::string Read(const char *path) {
    so_buf out;
    so_buf_init(&out, Heap(), 65536);
    const so_status s = so_store_read(&store_, SO_STORE_NO_TX, path, &out);
    const std::string text =
        so_ok(s) ? Text(so_buf_bytes(&out)) : so_code_name(static_cast<so_code>(s.code));
    so_buf_release(&out);
    return text;
  }

  // What else the loop does at each turn; true if anything happened.
  std::function<bool()> turn_;

  Xenstored xenstored_;
  so_clock clock_;
  so_sched sched_;
  so_store store_;
  uint64_t now_ns_ = SO_NS_PER_S;
  uint64_t notified_ = 0;

 private:
  struct BodyOf {
    Domain *domain;
    std::function<void()> body;
  };
  static void Body(void *arg) {
    BodyOf *const b = static_cast<BodyOf *>(arg);
    b->body();
    if (--b->domain->running_ == 0) so_sched_end(&b->domain->sched_);
  }
  static bool Idle(void *ctx, uint64_t deadline_ns) {
    Domain *const d = static_cast<Domain *>(ctx);
    bool any = d->xenstored_.Step();
    any |= so_store_poll(&d->store_);
    if (d->turn_) any |= d->turn_();
    if (any || deadline_ns <= d->now_ns_) return true;
    if (deadline_ns > d->until_ns_) {
      so_sched_end(&d->sched_);
      return deadline_ns != SO_NEVER;
    }
    d->now_ns_ = deadline_ns;
    return true;
  }

  uint64_t until_ns_ = 0;
  int running_ = 0;
  std::list<BodyOf> bodies_;
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XENSTORE_DOMAIN_H_
