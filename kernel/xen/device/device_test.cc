#include "kernel/xen/device/device.h"

#include <map>
#include <string>
#include <vector>

#include "kernel/xen/device/state.h"
#include "tests/sim/xenstore/domain.h"
#include "tests/sim/xenstore/xenstored.h"
#include "tests/support/support.h"

namespace {

// --- the table --------------------------------------------------------------------------------

TEST(DeviceStateTest, EveryStateMeetsEveryState) {
  // S stay, P publish, N connect, C close, L lose, R reset, B begin; by back end's state.
  const char *const want[SO_DEVICE_OWN_COUNT] = {
      "SSPPRSBSS",  // START
      "LSSSNCCSS",  // PUBLISHED
      "LLLSSCCSS",  // CONNECTED
      "LCCSSCCSS",  // CLOSING
      "SBBSSSBSS",  // CLOSED
  };
  const std::string names = "SPNCLRB";
  for (int own = 0; own < SO_DEVICE_OWN_COUNT; own++) {
    for (int back = 0; back < SO_DEVICE_BACK_COUNT; back++) {
      SCOPED_TRACE(std::to_string(own) + " meets " + std::to_string(back));
      const so_device_action a = so_device_next(static_cast<so_device_own>(own),
                                                static_cast<so_device_back>(back), true);
      EXPECT_EQ(want[own][back], names[a]);
      const so_device_action offline = so_device_next(static_cast<so_device_own>(own),
                                                      static_cast<so_device_back>(back), false);
      EXPECT_EQ(back == 6 && a == SO_DEVICE_BEGIN ? SO_DEVICE_STAY : a, offline);
    }
  }
}

TEST(DeviceStateTest, StatesAreDigits) {
  EXPECT_EQ(SO_BACK_INIT_WAIT, so_device_back_of(so_str("2")));
  EXPECT_EQ(SO_BACK_RECONFIGURED, so_device_back_of(so_str("8")));
  for (const char *bad : {"", "0", "9", "-1", "2 ", "02", "two", "99999999999999999999"}) {
    EXPECT_EQ(SO_BACK_GONE, so_device_back_of(so_str(bad))) << bad;
  }
}

TEST(DeviceStateTest, DisksHaveTheNamesOfXl) {
  const std::map<uint32_t, std::string> all = {
      {51712, "xvda"}, {51713, "xvda1"}, {51728, "xvdb"}, {51952, "xvdp"}, {768, "hda"},
      {832, "hdb"},    {833, "hdb1"},    {5632, "hdc"},   {5696, "hdd"},   {2048, "sda"},
      {2051, "sda3"},  {2064, "sdb"},    {(1u << 28) | (16u << 8), "xvdq"},
      {(1u << 28) | (25u << 8) | 7u, "xvdz7"}, {(1u << 28) | (26u << 8), "xvdaa"},
      {(1u << 28) | (27u << 8), "xvdab"}, {(1u << 28) | (701u << 8), "xvdzz"},
      {(1u << 28) | (702u << 8), "xvdaaa"}, {(1u << 28) | 0xfffffffu, "xvdbgqcv255"},
      {0, ""}, {51968, ""}, {0xffffffff, ""}};
  for (const auto &e : all) {
    char name[SO_DEVICE_DISK_NAME_MAX];
    so_device_disk_name(e.first, name);
    EXPECT_EQ(e.second, name) << e.first;
  }
}

TEST(DeviceAnnounceTest, IsAReverseRequestOfItself) {
  const uint8_t mac[6] = {0, 0x16, 0x3e, 1, 2, 3};
  uint8_t out[SO_DEVICE_ANNOUNCE_LEN];
  so_device_announce(mac, out);
  const uint8_t want[SO_DEVICE_ANNOUNCE_LEN] = {
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x16, 0x3e, 1, 2, 3, 0x80, 0x35, 0, 1,
      8,    0,    6,    4,    0,    3,    0, 0x16, 0x3e, 1, 2, 3, 0, 0, 0, 0, 0, 0x16, 0x3e, 1, 2, 3};
  EXPECT_EQ(0, memcmp(want, out, sizeof want));
}

// --- the driver -------------------------------------------------------------------------------

// A front end that writes down what it is asked, and a host that can do what hosts do.
class DeviceTest : public so_test::Domain {
 protected:
  static constexpr const char *kBack = "/local/domain/0/backend/vif/7/0";

  DeviceTest() {
    ops_.publish = [](void *ctx, const so_xen_peer *peer, const so_xen_keys *back,
                      const so_xen_keys *front, const so_xen_writer *out, const char **why) {
      return static_cast<DeviceTest *>(ctx)->Publish(peer, back, front, out, why);
    };
    ops_.connect = [](void *ctx, const so_xen_keys *back, const char **why) {
      return static_cast<DeviceTest *>(ctx)->Connect(back, why);
    };
    ops_.poll = [](void *ctx) { return static_cast<DeviceTest *>(ctx)->polls_++ < 0; };
    ops_.broken = [](const void *ctx, const char **why) {
      const DeviceTest *const t = static_cast<const DeviceTest *>(ctx);
      *why = "an index makes no sense";
      return t->broken_;
    };
    ops_.disconnect = [](void *ctx, so_front_loss how) {
      DeviceTest *const t = static_cast<DeviceTest *>(ctx);
      t->broken_ = false;
      t->trace_ += std::string("disconnect ") +
                   (how == SO_FRONT_CLOSED ? "closed"
                    : how == SO_FRONT_LOST ? "lost"
                                           : "suspended") +
                   "\n";
    };
    ops_.fail = [](void *ctx) { static_cast<DeviceTest *>(ctx)->trace_ += "fail\n"; };
    // What breaks wakes a fiber: time must not jump over it.
    turn_ = [this] {
      const bool seen = broken_ && device_.own == SO_DEVICE_CONNECTED;
      return so_device_poll(&device_) || seen;
    };
  }

  // The device's fiber is dropped, not ended.
  ~DeviceTest() override {
    so_buf_release(&device_.value);
    so_buf_release(&device_.keys);
  }

  so_status Publish(const so_xen_peer *peer, const so_xen_keys *back, const so_xen_keys *front,
                    const so_xen_writer *out, const char **why) {
    trace_ += "publish to " + std::to_string(peer->domid) + " port " +
              std::to_string(peer->event_port) + "\n";
    peer_ = *peer;
    so_bytes value;
    if (!front->read(front->ctx, "mac", &value)) return so_status_make(SO_MALFORMED, 0);
    EXPECT_EQ("00:16:3e:01:02:03", so_test::Text(value));
    EXPECT_FALSE(back->read(back->ctx, "feature-nothing", &value));
    if (!back->read(back->ctx, "feature-rx-copy", &value)) {
      *why = "the back end cannot copy";
      return so_status_make(SO_UNSUPPORTED, 0);
    }
    out->write(out->ctx, "tx-ring-ref", "8");
    out->write(out->ctx, "request-rx-copy", "1");
    out->write(out->ctx, "multi-queue-num-queues", nullptr);
    return publish_;
  }
  so_status Connect(const so_xen_keys *, const char **why) {
    trace_ += "connect\n";
    if (!so_ok(connect_)) *why = "no sectors";
    return connect_;
  }

  void Host(bool online = true) {  // Makes a device.
    xenstored_.Set(std::string(kBack) + "/feature-rx-copy", "1");
    xenstored_.Set(std::string(kBack) + "/online", online ? "1" : "0");
    xenstored_.Set(std::string(kBack) + "/state", "2");
    xenstored_.Set("device/vif/0/backend-id", "3");
    xenstored_.Set("device/vif/0/mac", "00:16:3e:01:02:03");
    xenstored_.Set("device/vif/0/state", "1");
    xenstored_.Set("device/vif/0/backend", kBack);
  }
  void Back(const char *state) { xenstored_.Set(std::string(kBack) + "/state", state); }
  std::string Own() { return xenstored_.Get("device/vif/0/state"); }

  // A back end as Linux has it, which reacts to our state.
  void LiveBack() {
    xenstored_.on_write = [this](const std::string &path, const std::string &value) {
      if (path != std::string(so_test::Xenstored::kHome) + "device/vif/0/state") return;
      const std::string mine = xenstored_.Get(std::string(kBack) + "/state");
      if (mine == "(none)") return;
      if (value == "1" && mine == "6") Back("2");
      if ((value == "3" || value == "4") && mine == "2") Back("4");
      if (value == "5") Back("5");
      if (value == "6") Back("6");
    };
  }

  void Start(bool connected_at_publish = false) {
    so_device_config config = {};
    config.sched = &sched_;
    config.clock = clock_;
    config.heap = so_test::Heap();
    config.store = &store_;
    config.ops = {
        [](void *ctx, uint16_t, uint32_t *out) {
          DeviceTest *const t = static_cast<DeviceTest *>(ctx);
          *out = ++t->last_port_;
          t->ports_++;
          return t->last_port_ <= t->port_max_;
        },
        [](void *ctx, uint32_t port) { static_cast<DeviceTest *>(ctx)->rung_ = port; },
        [](void *ctx, uint32_t) { static_cast<DeviceTest *>(ctx)->ports_--; },
        [](void *ctx, const char *device, const char *text) {
          static_cast<DeviceTest *>(ctx)->said_ += std::string(device) + ": " + text + "\n";
        },
        [](void *ctx, const so_device *) { static_cast<DeviceTest *>(ctx)->agains_++; }, this};
    config.front = {&ops_, this, connected_at_publish};
    config.path = "device/vif/0";
    SO_ASSERT_OK(so_device_start(&device_, &config));
    SO_ASSERT_OK(so_fiber_spawn(&sched_, "serve", so_store_serve, &store_));
  }
  void StartLive() {
    Host();
    LiveBack();
    Start();
  }
  // In the other domain the back end waits, and neither the old port nor the old keys are there.
  void Resume() {
    SO_ASSERT_OK(so_store_suspend(&store_, now_ns_ + SO_NS_PER_S));
    ports_ = 0;
    xenstored_.Remove("device");
    xenstored_.Remove(kBack);
    Host();
    xenstore_domain_interface *const ring = xenstored_.NewRing();
    so_device_resumed(&device_);
    so_store_resume(&store_, ring);
    Sleep(2 * SO_NS_PER_S);
  }
  // Answers of this type with this payload become an error.
  void Spoil(uint32_t type, const std::string &payload, int *left) {
    xenstored_.tamper = [=](xsd_sockmsg *h, std::string *text) {
      if (h->type != type || *text != payload || *left == 0) return;
      --*left;
      h->type = XS_ERROR;
      *text = std::string("EIO", 4);
      h->len = static_cast<uint32_t>(text->size());
    };
  }
  so_status Wait(uint64_t ns = 5 * SO_NS_PER_S) {
    return so_device_wait(&device_, now_ns_ + ns, &why_);
  }
  std::string Trace() {
    std::string t;
    t.swap(trace_);
    return t;
  }

  so_front_ops ops_ = {};
  so_device device_ = {};
  so_xen_peer peer_ = {};
  so_status publish_ = so_done(), connect_ = so_done();
  bool broken_ = false;
  int polls_ = 0;
  int ports_ = 0;
  int agains_ = 0;
  uint32_t last_port_ = 0, port_max_ = 1000, rung_ = 0;
  const char *why_ = "";
  std::string trace_, said_;
};

TEST_F(DeviceTest, ConnectsStepByStep) {
  Host();
  Start();
  Run([&] {
    xenstored_.Set("device/vif/0/multi-queue-num-queues", "4");
    Sleep(SO_NS_PER_S);
    EXPECT_EQ("publish to 3 port 1\n", Trace());
    EXPECT_EQ("3", Own());
    EXPECT_EQ("8", xenstored_.Get("device/vif/0/tx-ring-ref"));
    EXPECT_FALSE(xenstored_.Has("device/vif/0/multi-queue-num-queues"));
    peer_.channel.notify(peer_.channel.ctx);
    EXPECT_EQ(1u, rung_);
    Back("4");
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("4", Own());
    EXPECT_EQ("connect\n", Trace());
    EXPECT_GT(polls_, 0);
    EXPECT_EQ("", said_);
  });
}

TEST_F(DeviceTest, SomeFrontEndsAreConnectedWhenTheyPublish) {
  Host();
  LiveBack();
  int connected = 0;
  const auto back = xenstored_.on_write;
  xenstored_.on_write = [&](const std::string &path, const std::string &value) {
    connected += value == "4";
    back(path, value);
  };
  Start(true);
  Run([&] {
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("4", Own());
    EXPECT_EQ(1, connected) << "it is said once";
  });
}

TEST_F(DeviceTest, WaitsForABackEndThatComesLater) {
  LiveBack();
  Start();
  Run([&] {
    SO_EXPECT_CODE(SO_AGAIN, Wait());
    EXPECT_STREQ("the back end does not answer", why_);
    Host();
    SO_EXPECT_OK(Wait());
  });
}

TEST_F(DeviceTest, SurvivesABackEndThatClosesAndComesBack) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    for (int i = 0; i < 100; i++) {  // Keys of one time are not kept for the next.
      Trace();
      Back("5");
      Sleep(SO_NS_PER_S);
      SO_ASSERT_OK(Wait());
      EXPECT_EQ("disconnect closed\npublish to 3 port " + std::to_string(i + 2) + "\nconnect\n",
                Trace());
    }
    EXPECT_EQ(1, ports_);
    EXPECT_EQ("4", Own());
    EXPECT_EQ(100u, device_.stats.closes);
    EXPECT_EQ(100, agains_);
  }, 300 * SO_NS_PER_S);
}

TEST_F(DeviceTest, ADeviceThatIsTakenAwayIsLetGo) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    xenstored_.Set(std::string(kBack) + "/online", "0");
    Back("5");
    Sleep(5 * SO_NS_PER_S);
    EXPECT_EQ("6", Own());
    EXPECT_EQ("6", xenstored_.Get(std::string(kBack) + "/state"));
    xenstored_.Remove(kBack);
    xenstored_.Remove("device/vif/0");
    Sleep(SO_NS_PER_S);
    // Nothing is written into a folder that is gone.
    EXPECT_FALSE(xenstored_.Has("device/vif/0/state"));
    EXPECT_EQ(0, ports_);
    Trace();
    Host();  // Given again.
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("publish to 3 port 2\nconnect\n", Trace());
  });
}

TEST_F(DeviceTest, ABackEndThatVanishesIsLost) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    Trace();
    xenstored_.Remove(kBack);
    Sleep(SO_NS_PER_S);
    EXPECT_EQ("disconnect lost\n", Trace());
    EXPECT_EQ(1u, device_.stats.losses);
    Host();
    SO_EXPECT_OK(Wait());
  });
}

TEST_F(DeviceTest, OneThatVanishesWithItsFolderIsNotWrittenTo) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    xenstored_.Remove("device/vif/0");
    xenstored_.Remove(kBack);
    Sleep(SO_NS_PER_S);
    EXPECT_FALSE(xenstored_.Has("device/vif/0/state"));
    EXPECT_EQ(1u, device_.stats.losses);
  });
}

TEST_F(DeviceTest, OneThatIsServedByAnotherDomainIsWatchedThere) {
  const std::string other = "/local/domain/5/backend/vif/7/0";
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    const size_t watches = xenstored_.watches();
    xenstored_.Remove(kBack);
    Sleep(SO_NS_PER_S);
    xenstored_.Set(other + "/feature-rx-copy", "1");
    xenstored_.Set(other + "/state", "2");
    xenstored_.Set("device/vif/0/state", "1");
    xenstored_.Set("device/vif/0/backend", other);
    Sleep(SO_NS_PER_S);
    xenstored_.Set(other + "/state", "4");
    SO_EXPECT_OK(Wait());
    EXPECT_EQ(watches, xenstored_.watches());
  });
}

TEST_F(DeviceTest, AStateThatCannotBeReadMeansNothing) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    Trace();
    int left = 100;
    Spoil(XS_READ, "5", &left);
    Back("5");
    Sleep(2 * SO_NS_PER_S);
    EXPECT_GT(left, 90) << "it is read again, now and then";
    EXPECT_EQ("", Trace());
    left = 0;
    Sleep(3 * SO_NS_PER_S);
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("disconnect closed\npublish to 3 port 2\nconnect\n", Trace());
  });
}

TEST_F(DeviceTest, AWatchThatIsRefusedIsAskedForAgain) {
  StartLive();
  Run([&] {
    int left = 3;
    Spoil(XS_WATCH, std::string("OK", 3), &left);
    SO_EXPECT_OK(Wait(10 * SO_NS_PER_S));
    EXPECT_EQ(0, left);
    Trace();
    Back("5");
    Sleep(3 * SO_NS_PER_S);
    EXPECT_EQ("disconnect closed\npublish to 3 port 2\nconnect\n", Trace());
  });
}

TEST_F(DeviceTest, ABackEndThatStartedAgainIsLostAndConnected) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    Trace();
    Back("2");
    Sleep(SO_NS_PER_S);
    Back("2");
    Sleep(SO_NS_PER_S);
    SO_EXPECT_OK(Wait());
    EXPECT_NE(std::string::npos, Trace().find("disconnect lost\npublish"));
  });
}

TEST_F(DeviceTest, OneThatServedWhoWasHereBeforeStartsAgain) {
  Host();
  Back("4");
  LiveBack();
  Start();
  Run([&] {
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("publish to 3 port 1\nconnect\n", Trace());
  });
}

TEST_F(DeviceTest, ABrokenConnectionIsClosedAndMadeAgain) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    Trace();
    broken_ = true;
    Sleep(10 * SO_NS_PER_S);
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("disconnect lost\npublish to 3 port 2\nconnect\n", Trace());
    EXPECT_NE(std::string::npos, said_.find("vif/0: an index makes no sense"));
  });
}

TEST_F(DeviceTest, OneThatBreaksAgainAndAgainFails) {
  StartLive();
  Run([&] {
    for (uint32_t i = 0; i < SO_DEVICE_TRIES_MAX; i++) {
      SO_ASSERT_OK(Wait(60 * SO_NS_PER_S));
      broken_ = true;
      Sleep(SO_NS_PER_MS);
    }
    SO_EXPECT_CODE(SO_IO, Wait());
    EXPECT_STREQ("an index makes no sense", why_);
    EXPECT_EQ("6", Own());
    EXPECT_NE(std::string::npos, Trace().find("disconnect lost\nfail\n"));
    EXPECT_EQ(0, ports_);
  });
}

TEST_F(DeviceTest, OneThatBreaksSeldomIsAlwaysConnectedAgain) {
  StartLive();
  Run([&] {
    for (uint32_t i = 0; i < 3 * SO_DEVICE_TRIES_MAX; i++) {
      SO_ASSERT_OK(Wait(60 * SO_NS_PER_S));
      Sleep(601 * SO_NS_PER_S);
      broken_ = true;
      Sleep(SO_NS_PER_S);
    }
    SO_EXPECT_OK(Wait(60 * SO_NS_PER_S));
    EXPECT_EQ(std::string::npos, said_.find("given up"));
  }, 6 * 3600 * SO_NS_PER_S);
}

TEST_F(DeviceTest, OneThatWorksForAWhileAndBreaksFailsInTheEnd) {
  StartLive();
  Run([&] {
    uint32_t breaks = 0;
    while (breaks < 100 && so_ok(Wait(60 * SO_NS_PER_S))) {
      // Now and then long enough to make up for one failure.
      Sleep((breaks % 3 == 0 ? 601 : 90) * SO_NS_PER_S);
      broken_ = true;
      breaks++;
      Sleep(SO_NS_PER_S);
    }
    EXPECT_GT(breaks, SO_DEVICE_TRIES_MAX);
    EXPECT_LT(breaks, 2 * SO_DEVICE_TRIES_MAX);
    EXPECT_NE(std::string::npos, said_.find("vif/0: it is given up"));
  }, 6 * 3600 * SO_NS_PER_S);
}

TEST_F(DeviceTest, TheTimeBetweenTwoTriesDoubles) {
  Host();
  LiveBack();
  publish_ = so_status_make(SO_LIMIT, 0);
  Start();
  Run([&] {
    const std::vector<uint64_t> halves = {0, 1, 3, 7, 15};  // Half seconds after the start.
    Sleep(SO_NS_PER_S / 4);
    for (size_t i = 1; i < halves.size(); i++) {
      EXPECT_EQ(i, device_.tries);
      Sleep((halves[i] - halves[i - 1]) * (SO_NS_PER_S / 2));
    }
    EXPECT_TRUE(device_.failed);
  });
}

TEST_F(DeviceTest, ABackEndThatDoesNotReactIsLeftBehind) {
  Host();
  Start();
  Run([&] {
    Sleep(SO_NS_PER_S);
    Back("4");
    SO_ASSERT_OK(Wait());
    Trace();
    broken_ = true;
    Sleep(SO_NS_PER_S);
    EXPECT_EQ("5", Own());
    EXPECT_EQ("", Trace());  // It may still write to our pages.
    Sleep(10 * SO_NS_PER_S);
    EXPECT_EQ("6", Own());
    EXPECT_EQ("disconnect lost\n", Trace());
  });
}

TEST_F(DeviceTest, WhatCannotWorkFailsAtOnce) {
  Host();
  xenstored_.Remove(std::string(kBack) + "/feature-rx-copy");
  LiveBack();
  Start();
  Run([&] {
    SO_EXPECT_CODE(SO_IO, Wait());
    EXPECT_STREQ("the back end cannot copy", why_);
    EXPECT_EQ("6", Own());
    EXPECT_EQ(0, ports_);
  });
}

TEST_F(DeviceTest, PropertiesThatMakeNoSenseFailAfterSomeTries) {
  Host();
  LiveBack();
  connect_ = so_status_make(SO_MALFORMED, 0);
  Start();
  Run([&] {
    SO_EXPECT_CODE(SO_IO, Wait(600 * SO_NS_PER_S));
    EXPECT_STREQ("no sectors", why_);
    EXPECT_EQ(0, ports_);
  });
}

TEST_F(DeviceTest, WantOfMemoryIsTriedAgain) {
  Host();
  LiveBack();
  publish_ = so_status_make(SO_LIMIT, 0);
  Start();
  Run([&] {
    Sleep(SO_NS_PER_MS);
    publish_ = so_done();
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("publish to 3 port 1\ndisconnect lost\npublish to 3 port 2\nconnect\n", Trace());
    EXPECT_EQ(1, ports_);
  });
}

TEST_F(DeviceTest, NoEventChannelIsTriedAgainAndFails) {
  Host();
  port_max_ = 0;
  Start();
  Run([&] {
    SO_EXPECT_CODE(SO_IO, Wait(60 * SO_NS_PER_S));
    EXPECT_STREQ("no event channel can be had", why_);
  });
}

TEST_F(DeviceTest, ConnectsAgainAfterAResume) {
  StartLive();
  Run([&] {
    SO_ASSERT_OK(Wait());
    Trace();
    Resume();
    SO_EXPECT_OK(Wait());
    EXPECT_EQ("disconnect suspended\npublish to 3 port 2\nconnect\n", Trace());
    EXPECT_EQ(1, ports_);
    EXPECT_EQ(3u, xenstored_.watches() + 1);
    Back("5");  // Its watches are there.
    Sleep(2 * SO_NS_PER_S);
    SO_EXPECT_OK(Wait());
    EXPECT_EQ(2u, device_.stats.connects - 1);
  });
}

TEST_F(DeviceTest, FailuresInTheOldDomainDoNotCountInTheNew) {
  StartLive();
  Run([&] {
    for (uint32_t i = 0; i < 2 * (SO_DEVICE_TRIES_MAX - 1); i++) {
      if (i == SO_DEVICE_TRIES_MAX - 1) Resume();
      SO_ASSERT_OK(Wait(60 * SO_NS_PER_S));
      broken_ = true;
      Sleep(SO_NS_PER_MS);
    }
    SO_EXPECT_OK(Wait(60 * SO_NS_PER_S));
  }, 600 * SO_NS_PER_S);
}

TEST_F(DeviceTest, NonsenseOfTheHostConnectsNothing) {
  const std::vector<std::pair<std::string, std::string>> all = {
      {"device/vif/0/backend", ""},
      {"device/vif/0/backend", std::string(300, 'x')},
      {"device/vif/0/backend", std::string("/local/domain/0\0/x", 18)},
      {"device/vif/0/backend-id", "70000"},
      {"device/vif/0/backend-id", "32752"},
      {"device/vif/0/backend-id", "-1"},
      {"device/vif/0/backend-id", ""},
      {std::string(kBack) + "/state", "99"},
      {std::string(kBack) + "/state", std::string(2000, '2')},
  };
  Host();
  LiveBack();
  xenstored_.Set(all[0].first, all[0].second);
  Start();
  Run([&] {
    for (const auto &bad : all) {
      Host();
      xenstored_.Set(std::string(kBack) + "/state", "6");
      xenstored_.Set(bad.first, bad.second);
      SCOPED_TRACE(bad.first + "=" + bad.second);
      SO_EXPECT_CODE(SO_AGAIN, Wait(SO_NS_PER_S));
      if (device_.own == SO_DEVICE_CONNECTED) break;
      xenstored_.Set(bad.first, "gone");
    }
    xenstored_.Set(std::string(kBack) + "/state", "6");
    Host();
    SO_EXPECT_OK(Wait());
  });
}

}  // namespace
