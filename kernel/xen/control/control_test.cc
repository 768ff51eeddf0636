#include "kernel/xen/control/control.h"

#include <vector>

#include "tests/sim/xenstore/domain.h"
#include "tests/sim/xenstore/xenstored.h"
#include "tests/support/support.h"

namespace {

class ControlTest : public so_test::Domain {
 protected:
  ControlTest() {
    const so_control_ops ops = {
        [](void *ctx, so_control_request r) {
          ControlTest *const t = static_cast<ControlTest *>(ctx);
          t->asked_.push_back(r);
          if (t->on_asked_) t->on_asked_();
        },
        this};
    so_control_init(&control_, &sched_, clock_, &store_, &ops);
    SO_EXPECT_OK(so_fiber_spawn(&sched_, "control", so_control_run, &control_));
  }
  so_control control_;
  std::vector<so_control_request> asked_;
  std::function<void()> on_asked_;
};

TEST_F(ControlTest, SaysWhatItUnderstands) {
  Run([&] { Sleep(SO_NS_PER_S); });
  for (const char *f : {"poweroff", "reboot", "halt", "suspend"}) {
    EXPECT_EQ("1", xenstored_.Get(std::string("control/feature-") + f));
  }
}

TEST_F(ControlTest, TakesAndAcknowledgesEachRequest) {
  Run([&] {
    Sleep(SO_NS_PER_S);
    EXPECT_TRUE(asked_.empty());
    for (const char *word : {"poweroff", "reboot", "halt", "suspend", "crash", "dance"}) {
      xenstored_.Set("control/shutdown", word);
      Sleep(SO_NS_PER_S);
      EXPECT_EQ("", xenstored_.Get("control/shutdown")) << word;
    }
  });
  EXPECT_EQ((std::vector<so_control_request>{SO_CONTROL_POWEROFF, SO_CONTROL_REBOOT,
                                             SO_CONTROL_HALT, SO_CONTROL_SUSPEND, SO_CONTROL_CRASH,
                                             SO_CONTROL_UNKNOWN}),
            asked_);
  EXPECT_EQ(1u, control_.unknown);
}

TEST_F(ControlTest, TakesWhatWasThereBefore) {
  xenstored_.Set("control/shutdown", "reboot");
  Run([&] { Sleep(SO_NS_PER_S); });
  EXPECT_EQ((std::vector<so_control_request>{SO_CONTROL_REBOOT}), asked_);
}

TEST_F(ControlTest, OneRequestIsTakenOnceWhateverConflicts) {
  Run([&] {
    Sleep(SO_NS_PER_S);
    xenstored_.conflicts = 5;
    xenstored_.Set("control/shutdown", "poweroff");
    Sleep(SO_NS_PER_S);
    EXPECT_EQ(0, xenstored_.conflicts);
    // More than a transaction tries: again later.
    xenstored_.conflicts = 40;
    xenstored_.Set("control/shutdown", "reboot");
    Sleep(10 * SO_NS_PER_S);
  });
  EXPECT_EQ((std::vector<so_control_request>{SO_CONTROL_POWEROFF, SO_CONTROL_REBOOT}), asked_);
}

TEST_F(ControlTest, ALongValueIsNoWord) {
  Run([&] {
    xenstored_.Set("control/shutdown", std::string(3000, 'x'));
    Sleep(SO_NS_PER_S);
    EXPECT_EQ("", xenstored_.Get("control/shutdown"));
    xenstored_.Set("control/shutdown", "poweroff");
    Sleep(SO_NS_PER_S);
  });
  EXPECT_EQ((std::vector<so_control_request>{SO_CONTROL_UNKNOWN, SO_CONTROL_POWEROFF}), asked_);
}

// The suspend happens inside of the call, and another connection follows.
TEST_F(ControlTest, RequestsComeAfterAResumeToo) {
  SO_EXPECT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
  on_asked_ = [&] {
    SO_EXPECT_OK(so_store_suspend(&store_, now_ns_ + SO_NS_PER_S));
    so_store_resume(&store_, xenstored_.NewRing());
    on_asked_ = nullptr;
  };
  Run([&] {
    Sleep(SO_NS_PER_S);
    xenstored_.Set("control/shutdown", "suspend");
    Sleep(2 * SO_NS_PER_S);
    xenstored_.Set("control/shutdown", "poweroff");
    Sleep(2 * SO_NS_PER_S);
  });
  EXPECT_EQ((std::vector<so_control_request>{SO_CONTROL_SUSPEND, SO_CONTROL_POWEROFF}), asked_);
}

}  // namespace
