// The whole program in a simulated world: what it says, and what it serves.

#include <string>
#include <vector>

#include "kernel/ports/world.h"
#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

class HelloTest : public ::testing::Test {
 protected:
  HelloTest() : sim_(so_sim_make(nullptr)), world_(so_sim_world(sim_)) {}
  ~HelloTest() override {
    EXPECT_EQ(so_sim_heap_used(sim_), 0u) << "memory that nobody gave back";
    so_sim_free(sim_);
  }

  // Runs it, and `client` beside it, which stops it.
  int Run(std::vector<const char *> arguments, const std::function<void()> &client = nullptr) {
    int code = -1;
    arguments.insert(arguments.begin(), "hello");
    so_test::Fibers fibers(world_->sched);
    fibers.Spawn([&] {
      code = so_main(world_, static_cast<int>(arguments.size()), arguments.data());
    });
    if (client != nullptr) {
      fibers.Spawn([&] {
        so_fiber_yield(world_->sched);
        client();
        so_sched_stop(world_->sched);
      });
    }
    SO_EXPECT_OK(so_sim_run(sim_));
    return code;
  }
  std::string Said() { return so_test::Text(so_sim_console(sim_)); }

  so_sim *sim_;
  const so_world *world_;
};

TEST_F(HelloTest, Greets) {
  EXPECT_EQ(Run({}), 0);
  EXPECT_EQ(Said(), "hello\n");
}

TEST_F(HelloTest, SaysWhatIsWrong) {
  EXPECT_EQ(Run({"--serve"}), 2);
  EXPECT_NE(Said().find("usage: hello"), std::string::npos) << Said();
  EXPECT_EQ(Run({"--listen", "nowhere"}), 2);
  EXPECT_NE(Said().find("--listen wants ADDR:PORT"), std::string::npos) << Said();
}

TEST_F(HelloTest, SaysThatAnAddressIsTaken) {
  so_listener taken;
  const so_endpoint at = {4, {127, 0, 0, 1}, 8080};
  SO_ASSERT_OK(world_->net.listen(world_->net.ctx, &at, &taken));
  EXPECT_EQ(Run({"--listen", "127.0.0.1:8080"}), 5);
  EXPECT_NE(Said().find("cannot listen on 127.0.0.1 port 8080"), std::string::npos) << Said();
  so_listener_close(&taken);
}

TEST_F(HelloTest, ServesItsGreeting) {
  std::string answer;
  EXPECT_EQ(Run({"--listen", "127.0.0.1:8080"},
                [&] {
                  so_stream s;
                  const so_endpoint at = {4, {127, 0, 0, 1}, 8080};
                  SO_ASSERT_OK(world_->net.connect(world_->net.ctx, &at, SO_NEVER, &s));
                  const so_bytes ask =
                      so_str("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                  SO_ASSERT_OK(so_stream_write(&s, ask, SO_NEVER));
                  for (size_t n = 1; n != 0;) {
                    uint8_t buf[512];
                    SO_ASSERT_OK(so_stream_read(&s, buf, sizeof buf, SO_NEVER, &n));
                    answer.append(reinterpret_cast<const char *>(buf), n);
                  }
                  so_stream_close(&s);
                }),
            0);
  EXPECT_EQ(answer.substr(0, 15), "HTTP/1.1 200 OK");
  EXPECT_EQ(answer.substr(answer.size() - 10), "\r\n\r\nhello\n");
  EXPECT_NE(Said().find("listening http://127.0.0.1:8080"), std::string::npos) << Said();
}

}  // namespace
