#ifndef SO_TESTS_SIM_FIBERS_H_
#define SO_TESTS_SIM_FIBERS_H_

// Fibers out of C++ lambdas, for tests on any world.
//
//   so_test::Fibers fibers(world->sched);
//   fibers.Spawn([&] { ... });
//   fibers.Join();            // Inside a fiber; or so_sim_run from outside.

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "kernel/ports/fiber.h"
#include "tests/support/support.h"

namespace so_test {

class Fibers {
 public:
  explicit Fibers(so_sched *sched) : sched_(sched) {}
  // A fiber that never ended is dropped by its scheduler; its body is freed here.
  ~Fibers() {
    for (Fiber *const f : all_) {
      delete f;
    }
  }
  Fibers(const Fibers &) = delete;
  Fibers &operator=(const Fibers &) = delete;

  void Spawn(std::function<void()> body) {
    auto *const f = new Fiber{this, std::move(body)};
    all_.insert(f);
    running_++;
    SO_ASSERT_OK(so_fiber_spawn(sched_, "test", Run, f));
  }

  // Waits, in a fiber, until all have ended.
  void Join() {
    while (running_ != 0) {
      (void)!so_ok(so_event_wait(sched_, &ended_, SO_NEVER));
    }
  }

 private:
  struct Fiber {
    Fibers *all;
    std::function<void()> body;
  };
  static void Run(void *arg) {
    Fiber *const f = static_cast<Fiber *>(arg);
    Fibers *const all = f->all;
    f->body();
    all->all_.erase(f);
    delete f;
    all->running_--;
    so_event_signal(all->sched_, &all->ended_);
  }

  so_sched *sched_;
  std::set<Fiber *> all_;
  int running_ = 0;
  so_event ended_ = {};
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_FIBERS_H_
