#include "kernel/xen/console/console.h"

#include <map>
#include <memory>
#include <string>

#include "tests/support/support.h"

namespace {

// A console daemon that takes something at every pause, or never.
class ConsoleTest : public testing::Test {
 protected:
  ConsoleTest() : ring_(new xencons_interface) {
    memset(ring_.get(), 0, sizeof *ring_);
    const so_xen_console_ops ops = {
        [](void *ctx) { static_cast<ConsoleTest *>(ctx)->notified_++; },
        [](void *ctx) { static_cast<ConsoleTest *>(ctx)->Pause(); },
        [](void *ctx) { return static_cast<ConsoleTest *>(ctx)->now_ns_; },
        this,
    };
    so_xen_console_init(&c_, &ops, 100'000'000);
    so_xen_console_attach(&c_, ring_.get());
  }
  void Pause() {
    now_ns_ += 1'000'000;
    Take(takes_);
  }
  void Take(uint32_t most) {
    while (most-- > 0 && ring_->out_cons != ring_->out_prod) {
      seen_.push_back(ring_->out[ring_->out_cons++ % sizeof ring_->out]);
    }
  }
  void Type(const std::string &text) {
    for (const char c : text) ring_->in[ring_->in_prod++ % sizeof ring_->in] = c;
  }
  std::string Read(size_t cap = 5000) {
    std::string out(cap, 0);
    out.resize(so_xen_console_read(&c_, reinterpret_cast<uint8_t *>(&out[0]), cap));
    return out;
  }

  std::unique_ptr<xencons_interface> ring_;
  so_xen_console c_;
  uint32_t takes_ = 0;
  uint64_t now_ns_ = 0;
  int notified_ = 0;
  std::string seen_;
};

TEST_F(ConsoleTest, WritesLinesForATerminal) {
  so_xen_console_write(&c_, so_str("one\ntwo"));
  EXPECT_EQ(1, notified_);
  Take(99);
  EXPECT_EQ("one\r\ntwo", seen_);
}

TEST_F(ConsoleTest, WaitsForRoom) {
  takes_ = 100;
  std::string text;
  for (int i = 0; i < 1000; i++) text += "line " + std::to_string(i) + "\n";
  so_xen_console_write(&c_, so_test::View(text));
  EXPECT_EQ(0u, c_.dropped);
  EXPECT_FALSE(c_.stuck);
  Take(UINT32_MAX);
  std::string want;
  for (int i = 0; i < 1000; i++) want += "line " + std::to_string(i) + "\r\n";
  EXPECT_EQ(want, seen_);
}

TEST_F(ConsoleTest, WaitsOnceForADaemonThatIsGone) {
  const std::string text(3000, 'x');
  so_xen_console_write(&c_, so_test::View(text));
  EXPECT_EQ(3000u - 2048, c_.dropped);
  EXPECT_NEAR(100'000'000.0, static_cast<double>(now_ns_), 2'000'000.0);
  const uint64_t then = now_ns_;
  so_xen_console_write(&c_, so_test::View(text));
  EXPECT_EQ(then, now_ns_);
  EXPECT_FALSE(so_xen_console_flush(&c_));
  EXPECT_EQ(then, now_ns_);
  Take(UINT32_MAX);
  so_xen_console_write(&c_, so_str("back"));
  takes_ = 9999;
  EXPECT_TRUE(so_xen_console_flush(&c_));
  EXPECT_EQ(std::string(2048, 'x') + "back", seen_);
}

TEST_F(ConsoleTest, FlushWaitsUntilAllIsTaken) {
  takes_ = 1;
  so_xen_console_write(&c_, so_str("ten bytes!"));
  EXPECT_TRUE(so_xen_console_flush(&c_));
  EXPECT_EQ("ten bytes!", seen_);
  takes_ = 0;
  so_xen_console_write(&c_, so_str("more"));
  EXPECT_FALSE(so_xen_console_flush(&c_));
}

TEST_F(ConsoleTest, ALineFeedIsNotTornByAFullRing) {
  const std::string text = std::string(2047, 'x') + "\n";
  so_xen_console_write(&c_, so_test::View(text));
  EXPECT_EQ(1u, c_.dropped);
  Take(UINT32_MAX);
  EXPECT_EQ(std::string(2047, 'x'), seen_);
}

TEST_F(ConsoleTest, ReadsWhatWasTyped) {
  EXPECT_EQ("", Read());
  Type("hello");
  EXPECT_EQ("he", Read(2));
  EXPECT_EQ("llo", Read());
  EXPECT_EQ(ring_->in_prod, ring_->in_cons);
  EXPECT_EQ(2, notified_);
  Type(std::string(1024, 'y'));
  EXPECT_EQ(1024u, Read().size());
}

TEST_F(ConsoleTest, IndexesWrapAround) {
  ring_->out_prod = ring_->out_cons = UINT32_MAX - 5;
  ring_->in_prod = ring_->in_cons = UINT32_MAX - 2;
  so_xen_console_attach(&c_, ring_.get());
  so_xen_console_write(&c_, so_str("0123456789abcdef"));
  Take(UINT32_MAX);
  EXPECT_EQ("0123456789abcdef", seen_);
  Type("wraps");
  EXPECT_EQ("wraps", Read());
}

TEST_F(ConsoleTest, NonsenseFromTheOtherSideIsNoRoomAndNoInput) {
  ring_->out_cons = 5;  // Ahead of us.
  so_xen_console_write(&c_, so_str("abc"));
  EXPECT_EQ(3u, c_.dropped);
  ring_->in_prod = 1025;
  EXPECT_EQ("", Read());
  EXPECT_GT(c_.nonsense, 2u);
  ring_->out_cons = 0;
  so_xen_console_write(&c_, so_str("abc"));
  Take(99);
  EXPECT_EQ("abc", seen_);
}

TEST_F(ConsoleTest, WithoutARingNothingHappens) {
  so_xen_console_attach(&c_, nullptr);
  so_xen_console_write(&c_, so_str("abc"));
  EXPECT_EQ("", Read());
  EXPECT_TRUE(so_xen_console_flush(&c_));
  EXPECT_EQ(3u, c_.dropped);
  EXPECT_EQ(0, notified_);
}

}  // namespace
