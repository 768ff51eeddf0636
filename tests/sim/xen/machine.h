#ifndef SO_TESTS_SIM_XEN_MACHINE_H_
#define SO_TESTS_SIM_XEN_MACHINE_H_

// Fibers and virtual time around a front end: `turn` is called at every turn of the loop, as a
// machine's devices are polled. Time moves on by kStepNs, or to the next deadline if that is
// earlier, when a turn says that nothing happened.

#include <stdlib.h>

#include <functional>
#include <memory>
#include <vector>

#include "kernel/fiber/sched.h"
#include "tests/support/support.h"

namespace so_test {

class Machine {
 public:
  static constexpr uint64_t kStepNs = 20 * SO_NS_PER_MS;
  static constexpr size_t kStackLen = 64 * 1024;

  Machine() {
    so_sched_config config = {};
    config.heap = Heap();
    config.clock = clock();
    config.platform = {StackAlloc, StackFree, Idle, this};
    config.stack_len = kStackLen;
    config.fiber_max = 512;
    config.check = SO_STACK_CANARY;
    if (!so_ok(so_sched_init(&sched_, &config))) {
      abort();
    }
  }
  ~Machine() { so_sched_release(&sched_); }
  Machine(const Machine &) = delete;
  Machine &operator=(const Machine &) = delete;

  so_sched *sched() { return &sched_; }
  so_clock clock() { return {Now, Unix, this}; }
  uint64_t now() const { return now_; }
  void Advance(uint64_t ns) { now_ += ns; }

  void Spawn(std::function<void()> body) {
    bodies_.push_back(std::make_unique<std::function<void()>>(std::move(body)));
    if (!so_ok(so_fiber_spawn(&sched_, "test", Run1, bodies_.back().get()))) {
      abort();
    }
  }

  // Runs until no fiber is left. False: they wait for more than `limit` turns.
  bool Run(uint64_t limit = 1000000) {
    turns_left_ = limit;
    return so_ok(so_sched_run(&sched_));
  }

  std::function<bool()> turn = [] { return false; };

 private:
  static void Run1(void *arg) { (*static_cast<std::function<void()> *>(arg))(); }
  static uint64_t Now(void *ctx) { return static_cast<Machine *>(ctx)->now_; }
  static int64_t Unix(void *) { return 0; }
  static void *StackAlloc(void *, size_t len) { return aligned_alloc(16, len); }
  static void StackFree(void *, void *stack, size_t) { free(stack); }
  static bool Idle(void *ctx, uint64_t deadline_ns) {
    Machine *const m = static_cast<Machine *>(ctx);
    if (m->turns_left_ == 0) {
      return false;
    }
    m->turns_left_--;
    if (!m->turn() && deadline_ns > m->now_) {
      const uint64_t next = m->now_ + kStepNs;
      m->now_ = deadline_ns < next ? deadline_ns : next;
    }
    return true;
  }

  so_sched sched_;
  uint64_t now_ = 1000;
  uint64_t turns_left_ = 0;
  std::vector<std::unique_ptr<std::function<void()>>> bodies_;
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XEN_MACHINE_H_
