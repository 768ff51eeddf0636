#include "kernel/unix/tap.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/unix/unix.h"
#include "tests/support/support.h"

namespace {

// Every test has a network namespace of its own: this process moves into a new one. The parameter: whether
// each frame is a system call.
class TapTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) {
      GTEST_SKIP() << "this machine does not let us make network namespaces";
    }
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "this machine has no tap devices";
    }
  }

  static void Run(const std::function<void(const so_world *)> &body) {
    EXPECT_EQ(so_unix_run(
                  nullptr,
                  [](const so_world *w, void *arg) {
                    (*static_cast<const std::function<void(const so_world *)> *>(arg))(w);
                    return 7;
                  },
                  const_cast<void *>(static_cast<const void *>(&body))),
              7);
  }
};

void Shell(const std::string &command) { ASSERT_EQ(system(command.c_str()), 0) << command; }

so_unix_tap_config Config(bool no_offload = false) {
  so_unix_tap_config c = {};
  c.one_by_one = TapTest::GetParam();
  c.name = so_str("tap0");
  c.no_offload = no_offload;
  return c;
}

// Receives until a frame for which `wanted` holds, or two seconds have gone.
bool Await(const so_world *w, const so_netdev *d,
           const std::function<bool(const std::string &, const so_offload &)> &wanted) {
  const uint64_t until = so_clock_now(&w->clock) + 2 * SO_NS_PER_S;
  std::vector<uint8_t> room(65536 + 128);
  for (;;) {
    // In two pieces, the first one odd, so that the list is really followed.
    const so_netdev_room rooms[2] = {{room.data(), 33}, {room.data() + 33, room.size() - 33}};
    size_t len = 0;
    so_offload offload;
    const so_status s = so_netdev_receive(d, rooms, 2, &len, &offload);
    if (so_ok(s)) {
      if (wanted(std::string(room.begin(), room.begin() + static_cast<long>(len)), offload)) {
        return true;
      }
    } else if (s.code != SO_AGAIN || !so_ok(so_event_wait(w->sched, d->ready, until))) {
      return false;
    }
  }
}

std::string Mac(const so_netdev &d) {
  return std::string(reinterpret_cast<const char *>(d.mac), 6);
}

std::string ArpRequest(const so_netdev &d) {
  std::string f(6, '\xff');
  f += Mac(d);
  f += std::string("\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10);
  f += Mac(d);
  f += std::string("\xc0\x00\x02\x0a", 4) + std::string(6, '\0') +
       std::string("\xc0\x00\x02\x01", 4);
  return f;
}

int released;
void Release(void *owner) {
  EXPECT_EQ(owner, &released);
  released++;
}

so_frame InParts(const std::string &bytes, size_t cut) {
  so_frame f = {};
  f.parts[0] = so_bytes_of(reinterpret_cast<const uint8_t *>(bytes.data()), cut);
  f.parts[1] =
      so_bytes_of(reinterpret_cast<const uint8_t *>(bytes.data()) + cut, bytes.size() - cut);
  f.part_count = 2;
  f.release = Release;
  f.owner = &released;
  return f;
}

TEST_P(TapTest, TalksWithTheKernelThroughScatterLists) {
  Run([](const so_world *w) {
    so_netdev d;
    const so_unix_tap_config config = Config();
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    EXPECT_EQ(d.mtu, 1500);
    EXPECT_TRUE(d.tx_csum && d.tx_tso4 && d.tx_tso6 && d.rx_gso);
    EXPECT_EQ(d.mac[0] & 1, 0) << "a multicast address of our own";
    Shell("ip addr add 192.0.2.1/24 dev tap0 && ip link set tap0 up");
    released = 0;
    const std::string ask = ArpRequest(d);
    const so_frame f = InParts(ask, 17);
    SO_ASSERT_OK(so_netdev_send(&d, &f));
    so_netdev_flush(&d);
    EXPECT_EQ(released, 1);
    EXPECT_TRUE(Await(w, &d, [&](const std::string &got, const so_offload &) {
      return got.size() >= 42 && got.substr(0, 6) == Mac(d) && got.substr(12, 2) == "\x08\x06" &&
             got[21] == 2 && got.substr(28, 4) == std::string("\xc0\x00\x02\x01", 4);
    }));
    so_unix_tap_stats stats;
    so_unix_tap_read_stats(&d, &stats);
    EXPECT_EQ(stats.sent, 1u);
    EXPECT_EQ(stats.sent_bytes, ask.size());
    EXPECT_GE(stats.received, 1u);
    so_netdev_close(&d);
  });
}

TEST_P(TapTest, SaysAgainWhenThereIsNothingAndWakesWhenSomethingComes) {
  Run([](const so_world *w) {
    so_netdev d;
    const so_unix_tap_config config = Config();
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    uint8_t room[2000];
    const so_netdev_room rooms[1] = {{room, sizeof room}};
    size_t len;
    so_offload offload;
    SO_EXPECT_CODE(SO_AGAIN, so_netdev_receive(&d, rooms, 1, &len, &offload));
    Shell(
        "ip addr add 192.0.2.1/24 dev tap0 && ip link set tap0 up && "
        "ip neigh add 192.0.2.10 lladdr 02:00:00:00:00:01 dev tap0 && "
        "bash -c 'echo hello > /dev/udp/192.0.2.10/9'");
    // UDP of the kernel leaves its checksum to us: that is the offload seen from the other side.
    EXPECT_TRUE(Await(w, &d, [&](const std::string &got, const so_offload &o) {
      return got.size() == 48 && got.substr(42) == "hello\n" && o.needs_csum &&
             o.csum_start == 34 && o.csum_offset == 6 && o.gso == SO_GSO_NONE;
    }));
    so_netdev_close(&d);
  });
}

TEST_P(TapTest, WithoutOffloadsChecksumsArriveWhole) {
  Run([](const so_world *w) {
    so_netdev d;
    const so_unix_tap_config config = Config(true);
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    EXPECT_FALSE(d.tx_csum || d.tx_tso4 || d.tx_tso6 || d.rx_gso);
    Shell(
        "ip addr add 192.0.2.1/24 dev tap0 && ip link set tap0 up && "
        "ip neigh add 192.0.2.10 lladdr 02:00:00:00:00:01 dev tap0 && "
        "bash -c 'echo hello > /dev/udp/192.0.2.10/9'");
    EXPECT_TRUE(Await(w, &d, [&](const std::string &got, const so_offload &o) {
      return got.size() == 48 && got.substr(42) == "hello\n" && !o.needs_csum;
    }));
    so_netdev_close(&d);
  });
}

TEST_P(TapTest, DropsAndCountsAFrameThatDoesNotFit) {
  Run([](const so_world *w) {
    so_netdev d;
    const so_unix_tap_config config = Config();
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    Shell(
        "sysctl -qw net.ipv6.conf.tap0.disable_ipv6=1 && "
        "ip addr add 192.0.2.1/24 dev tap0 && ip link set tap0 up && "
        "ip neigh add 192.0.2.10 lladdr 02:00:00:00:00:01 dev tap0 && "
        "bash -c 'echo hello > /dev/udp/192.0.2.10/9; echo again > /dev/udp/192.0.2.10/9'");
    uint8_t room[48];
    const so_netdev_room small[1] = {{room, 47}};
    const so_netdev_room exact[1] = {{room, 48}};
    size_t len;
    so_offload offload;
    SO_EXPECT_CODE(SO_LIMIT, so_netdev_receive(&d, small, 1, &len, &offload));
    SO_EXPECT_OK(so_netdev_receive(&d, exact, 1, &len, &offload));
    EXPECT_EQ(len, 48u);
    so_unix_tap_stats stats;
    so_unix_tap_read_stats(&d, &stats);
    EXPECT_EQ(stats.too_long, 1u);
    so_netdev_close(&d);
  });
}

TEST_P(TapTest, ADownInterfaceSwallowsAndANonsenseLengthIsRefused) {
  Run([](const so_world *w) {
    so_netdev d;
    const so_unix_tap_config config = Config();
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    released = 0;
    const std::string ask = ArpRequest(d);
    const so_frame f = InParts(ask, 14);
    SO_EXPECT_OK(so_netdev_send(&d, &f));
    so_netdev_flush(&d);
    EXPECT_EQ(released, 1);
    so_unix_tap_stats stats;
    so_unix_tap_read_stats(&d, &stats);
    EXPECT_EQ(stats.sent_while_down, 1u);
    const so_frame tiny = InParts(ask.substr(0, 13), 6);
    SO_EXPECT_CODE(SO_LIMIT, so_netdev_send(&d, &tiny));
    EXPECT_EQ(released, 1) << "what was not taken must not be released";
    so_netdev_close(&d);
  });
}

TEST_P(TapTest, NamesTheReasonWhenItCannotOpen) {
  Run([](const so_world *w) {
    so_netdev d, second;
    so_unix_tap_config config = Config();
    config.name = so_str("");
    SO_EXPECT_CODE(SO_MALFORMED, so_unix_open_tap(w, &config, &d));
    config.name = so_str("sixteen-letters-");
    SO_EXPECT_CODE(SO_MALFORMED, so_unix_open_tap(w, &config, &d));
    config.name = so_str("fifteen-letters");
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    SO_EXPECT_CODE(SO_CONFLICT, so_unix_open_tap(w, &config, &second));
    so_netdev_close(&d);
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));  // After the close it is free.
    so_netdev_close(&d);
  });
}

TEST_P(TapTest, OpensAPersistentDeviceWithTheSameAddressEachTime) {
  Run([](const so_world *w) {
    Shell("ip tuntap add tap0 mode tap vnet_hdr && ip link set tap0 mtu 9000");
    so_netdev d;
    const so_unix_tap_config config = Config();
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    EXPECT_EQ(d.mtu, 9000);
    const std::string first = Mac(d);
    so_netdev_close(&d);
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    EXPECT_EQ(Mac(d), first);
    so_netdev_close(&d);
  });
}

// Two tap devices on one bridge: what one sends the other receives.
class Pair {
 public:
  explicit Pair(const so_world *w) {
    so_unix_tap_config config = Config(true);
    SO_EXPECT_OK(so_unix_open_tap(w, &config, &a));
    config.name = so_str("tap1");
    SO_EXPECT_OK(so_unix_open_tap(w, &config, &b));
    Shell(
        "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 && ip link add br0 type bridge && "
        "ip link set tap0 master br0 && ip link set tap1 master br0 && "
        "ip link set tap0 up && ip link set tap1 up && ip link set br0 up");
  }
  ~Pair() {
    so_netdev_close(&a);
    so_netdev_close(&b);
  }
  so_netdev a;
  so_netdev b;
};

std::string Numbered(const Pair &pair, unsigned number, size_t len) {
  std::string f = Mac(pair.b) + Mac(pair.a) + std::string("\x88\xb5", 2);
  f += std::string({static_cast<char>(number >> 8), static_cast<char>(number)});
  f.resize(len, static_cast<char>(number * 7));
  return f;
}

// More frames than a batch has, in both directions of its limits, arrive whole and in order.
TEST_P(TapTest, ManyFramesKeepTheirOrderAndBytes) {
  Run([](const so_world *w) {
    Pair pair(w);
    std::vector<std::string> frames;
    for (unsigned i = 0; i < 200; i++) {
      frames.push_back(Numbered(pair, i, 60 + i * 7));
    }
    released = 0;
    for (const std::string &bytes : frames) {
      const so_frame f = InParts(bytes, 20);
      SO_ASSERT_OK(so_netdev_send(&pair.a, &f));
    }
    so_netdev_flush(&pair.a);
    EXPECT_EQ(released, 200);
    for (unsigned i = 0; i < 200; i++) {
      EXPECT_TRUE(Await(w, &pair.b, [&](const std::string &got, const so_offload &) {
        return got == frames[i];
      })) << i;
    }
    so_unix_tap_stats stats;
    so_unix_tap_read_stats(&pair.a, &stats);
    EXPECT_EQ(stats.sent, 200u);
    so_unix_tap_read_stats(&pair.b, &stats);
    EXPECT_GE(stats.received, 200u);
  });
}

// A frame that comes between a look that found nothing and the wait for it wakes the waiter.
TEST_P(TapTest, NoFrameIsForgottenBetweenLooks) {
  Run([](const so_world *w) {
    Pair pair(w);
    for (unsigned round = 0; round < 300; round++) {
      const std::string bytes = Numbered(pair, round, 100);
      const so_frame f = InParts(bytes, 20);
      uint8_t room[2000];
      const so_netdev_room rooms[1] = {{room, sizeof room}};
      size_t len;
      so_offload offload;
      // What the bridge itself says at its start may come too.
      while (so_ok(so_netdev_receive(&pair.b, rooms, 1, &len, &offload))) {
      }
      for (unsigned k = 0; k <= round % 9; k++) {
        SO_ASSERT_OK(so_netdev_send(&pair.a, &f));
      }
      so_netdev_flush(&pair.a);
      for (unsigned k = 0; k <= round % 9; k++) {
        ASSERT_TRUE(Await(w, &pair.b, [&](const std::string &got, const so_offload &) {
          return got == bytes;
        })) << round;
      }
    }
  });
}

TEST_P(TapTest, WhatWaitsAtTheCloseIsReleased) {
  Run([](const so_world *w) {
    so_netdev d;
    const so_unix_tap_config config = Config();
    SO_ASSERT_OK(so_unix_open_tap(w, &config, &d));
    released = 0;
    const std::string ask = ArpRequest(d);
    const so_frame f = InParts(ask, 14);
    SO_EXPECT_OK(so_netdev_send(&d, &f));
    so_netdev_close(&d);
    EXPECT_EQ(released, 1);
  });
}

INSTANTIATE_TEST_SUITE_P(Batches, TapTest, testing::Bool(),
                         [](const testing::TestParamInfo<bool> &i) {
                           return i.param ? "OneByOne" : "Together";
                         });

}  // namespace
