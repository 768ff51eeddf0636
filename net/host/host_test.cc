// Two hosts on one wire, in virtual time.

#include "net/host/host.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/host/parts.h"
#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

// One end of a wire. Frames may get lost; room may run out; what is sent may be released late.
class Device {
 public:
  struct Frame {
    std::string bytes;
    so_offload offload;
  };

  Device(so_sched *sched, uint8_t last, bool offloads) : sched_(sched) {
    static const so_netdev_ops ops = {Send, Receive, Close};
    dev_.ops = &ops;
    dev_.ctx = this;
    dev_.ready = &ready_;
    const uint8_t mac[6] = {2, 0, 0, 0, 0, last};
    memcpy(dev_.mac, mac, 6);
    dev_.mtu = 1500;
    dev_.tx_csum = dev_.tx_tso4 = dev_.tx_tso6 = dev_.rx_gso = offloads;
  }

  so_netdev dev_ = {};
  so_sched *sched_;
  so_event ready_ = {};
  Device *peer_ = nullptr;
  std::deque<Frame> queue_;
  size_t room_ = 1 << 20;  // Frames that the peer's queue may hold.
  uint64_t lose_every_ = 0;
  uint64_t sent_ = 0;
  bool hold_ = false;  // Release what is sent only by ReleaseAll.
  std::vector<std::pair<void (*)(void *), void *>> held_;
  bool gone_ = false;
  bool closed_ = false;

  void ReleaseAll() {
    for (const auto &h : held_) {
      h.first(h.second);
    }
    held_.clear();
    so_event_signal(sched_, &ready_);
  }

 private:
  static so_status Send(void *ctx, const so_frame *f) {
    Device *const d = static_cast<Device *>(ctx);
    if (d->gone_) {
      return so_status_make(SO_IO, 0);
    }
    if (d->peer_->queue_.size() >= d->room_) {
      return so_status_make(SO_AGAIN, 0);
    }
    Frame frame;
    for (size_t i = 0; i < f->part_count; i++) {
      frame.bytes += so_test::Text(f->parts[i]);
    }
    frame.offload = f->offload;
    d->sent_++;
    if (d->lose_every_ == 0 || d->sent_ % d->lose_every_ != 0) {
      d->peer_->queue_.push_back(std::move(frame));
      so_event_signal(d->sched_, &d->peer_->ready_);
    }
    if (d->hold_) {
      d->held_.emplace_back(f->release, f->owner);
    } else {
      f->release(f->owner);
    }
    return so_done();
  }

  static so_status Receive(void *ctx, const so_netdev_room *rooms, size_t count, size_t *out_len,
                           so_offload *out) {
    Device *const d = static_cast<Device *>(ctx);
    if (d->gone_) {
      return so_status_make(SO_IO, 0);
    }
    if (d->queue_.empty()) {
      return so_status_make(SO_AGAIN, 0);
    }
    const Frame f = std::move(d->queue_.front());
    d->queue_.pop_front();
    so_event_signal(d->sched_, &d->peer_->ready_);  // There is room again.
    size_t at = 0;
    for (size_t i = 0; i < count && at < f.bytes.size(); i++) {
      const size_t n = std::min(rooms[i].len, f.bytes.size() - at);
      memcpy(rooms[i].ptr, f.bytes.data() + at, n);
      at += n;
    }
    if (at < f.bytes.size()) {
      return so_status_make(SO_LIMIT, 0);
    }
    *out_len = at;
    *out = f.offload;
    return so_done();
  }

  static void Close(void *ctx) { static_cast<Device *>(ctx)->closed_ = true; }
};

std::string Pattern(size_t len) {
  std::string s(len, '\0');
  for (size_t i = 0; i < len; i++) {
    s[i] = static_cast<char>(i * 7 + i / 1000);
  }
  return s;
}

class HostTest : public testing::TestWithParam<int> {
 protected:
  // Runs `body` with two hosts, 192.0.2.1 and .2 (and 2001:db8::1 and ::2), and takes them down
  // again.
  void Run(const std::function<void()> &body, bool offloads = true, uint32_t pages = 2048,
           bool dns = false) {
    sim_ = so_sim_make(nullptr);
    world_ = so_sim_world(sim_);
    const size_t before = so_sim_heap_used(sim_);
    for (int i = 0; i < 2; i++) {
      devices_[i] = std::make_unique<Device>(world_->sched, static_cast<uint8_t>(i + 1), offloads);
    }
    devices_[0]->peer_ = devices_[1].get();
    devices_[1]->peer_ = devices_[0].get();
    so_test::Fibers fibers(world_->sched);
    fibers_ = &fibers;
    fibers.Spawn([&] {
      for (int i = 0; i < 2; i++) {
        so_host_config c;
        so_bytes bad;
        const std::string n = std::to_string(i + 1);
        std::string text = "ip=192.0.2." + n + "/24 ip=2001:db8::" + n + "/64 connections=600";
        if (dns) {
          text += GetParam() == 4 ? " dns=192.0.2.1" : " dns=2001:db8::1";
          text += " search=first.test,second.test";
        }
        SO_ASSERT_OK(so_host_config_parse(so_test::View(text), &c, &bad));
        c.page_count = pages;
        so_host_config_all(&c);
        SO_ASSERT_OK(so_host_start(world_, &devices_[i]->dev_, &c, &hosts_[i]));
        net_[i] = so_host_net(hosts_[i]);
      }
      // Duplicate detection of the IPv6 addresses takes a second, which ready waits for.
      for (so_host *const h : hosts_) {
        SO_ASSERT_OK(so_host_wait_ready(h, In(5000), nullptr));
      }
      body();
      for (int i = 0; i < 2; i++) {
        so_host_stop(hosts_[i], In(2000));
        EXPECT_TRUE(devices_[i]->closed_);
      }
    });
    SO_ASSERT_OK(so_sim_run(sim_));
    EXPECT_EQ(so_sim_heap_used(sim_), before) << "memory that nobody gave back";
    so_sim_free(sim_);
  }

  uint64_t In(uint64_t ms) const { return so_clock_now(&world_->clock) + ms * SO_NS_PER_MS; }

  // Answers what comes until the socket is closed; what `answer` is false for stays without.
  void ServeNames(so_datagram_socket *server, const std::function<bool(so_datagram *)> &answer) {
    uint8_t room[1500];
    so_datagram d = {};
    d.data = room;
    d.cap = sizeof room;
    size_t count;
    while (so_ok(so_datagram_receive(server, &d, 1, SO_NEVER, &count))) {
      const bool answered = answer(&d);
      d.local = {};
      if (answered) {
        SO_EXPECT_OK(so_datagram_send(server, &d, 1, In(1000)));
      }
    }
  }

  so_endpoint At(int host, uint16_t port) const {
    so_endpoint e = {};
    const std::string text =
        (GetParam() == 4 ? "192.0.2." : "2001:db8::") + std::to_string(host + 1);
    so_ip ip = {};
    SO_EXPECT_OK(so_ip_parse(so_test::View(text), &ip));
    e = so_ip_endpoint(&ip, port);
    return e;
  }

  so_listener Listen(int host, uint16_t port) {
    so_listener l = {};
    const so_endpoint at = At(host, port);
    SO_EXPECT_OK(net_[host].listen(net_[host].ctx, &at, &l));
    return l;
  }

  so_stream Connect(int host, const so_endpoint &to) {
    so_stream s = {};
    SO_EXPECT_OK(net_[host].connect(net_[host].ctx, &to, In(30000), &s));
    return s;
  }

  std::string ReadAll(const so_stream &s, so_status *status = nullptr) {
    std::string got;
    for (;;) {
      uint8_t buf[3000];
      size_t n = 0;
      const so_status st = so_stream_read(&s, buf, sizeof buf, In(600000), &n);
      if (status != nullptr) {
        *status = st;
      } else {
        SO_EXPECT_OK(st);
      }
      if (!so_ok(st) || n == 0) {
        return got;
      }
      got.append(reinterpret_cast<char *>(buf), n);
    }
  }

  uint64_t Metric(int host, const char *name) {
    struct Want {
      std::string name;
      uint64_t value = UINT64_MAX;
    } want{name};
    const so_metrics m = so_host_metrics(hosts_[host]);
    so_metrics_each(
        &m,
        [](void *ctx, const char *n, so_metric_kind, uint64_t v) {
          Want *const w = static_cast<Want *>(ctx);
          if (w->name == n) {
            EXPECT_EQ(w->value, UINT64_MAX) << n << " is there twice";
            w->value = v;
          }
        },
        &want);
    EXPECT_NE(want.value, UINT64_MAX) << name << " is not there";
    return want.value;
  }

  // Moves `len` bytes from host 1 to host 0 and a word back.
  void Move(size_t len) {
    const std::string big = Pattern(len);
    const so_listener l = Listen(0, 7);
    so_test::Fibers both(world_->sched);
    both.Spawn([&] {
      so_stream s;
      so_endpoint peer;
      SO_ASSERT_OK(so_listener_accept(&l, In(60000), &s, &peer));
      EXPECT_EQ(memcmp(peer.address, At(1, 0).address, 16), 0);
      EXPECT_TRUE(ReadAll(s) == big);
      SO_EXPECT_OK(so_stream_write(&s, so_str("thanks"), In(60000)));
      so_stream_close(&s);
    });
    both.Spawn([&] {
      const so_stream s = Connect(1, At(0, 7));
      SO_EXPECT_OK(so_stream_write(&s, so_test::View(big), In(600000)));
      SO_EXPECT_OK(so_stream_shutdown(&s, In(1000)));
      EXPECT_EQ(ReadAll(s), "thanks");
      so_stream_close(&s);
    });
    both.Join();
    so_listener_close(&l);
  }

  so_sim *sim_ = nullptr;
  const so_world *world_ = nullptr;
  so_test::Fibers *fibers_ = nullptr;
  std::unique_ptr<Device> devices_[2];
  so_host *hosts_[2] = {};
  so_net net_[2] = {};
};

INSTANTIATE_TEST_SUITE_P(Families, HostTest, testing::Values(4, 6));

TEST_P(HostTest, CarriesBytesBothWaysWithBackPressure) {
  Run([&] { Move(8 * 1000 * 1000); });
}

TEST_P(HostTest, CarriesBytesWithoutOffloads) {
  Run([&] { Move(3 * 1000 * 1000); }, false);
}

TEST_P(HostTest, LossIsMadeGood) {
  Run(
      [&] {
        devices_[0]->lose_every_ = 31;
        devices_[1]->lose_every_ = 17;
        Move(1000 * 1000);
        EXPECT_GT(Metric(1, "tcp_segments_retransmitted"), 0u);
        devices_[0]->lose_every_ = devices_[1]->lose_every_ = 0;
      },
      false);
}

TEST_P(HostTest, ASlowDevicePushesBack) {
  Run(
      [&] {
        devices_[1]->room_ = 3;
        Move(1000 * 1000);
        EXPECT_EQ(Metric(1, "host_tx_queue_full"), 0u) << "writers should have waited";
      },
      false);
}

TEST_P(HostTest, ADeviceThatReleasesLateIsWaitedFor) {
  Run(
      [&] {
        devices_[1]->hold_ = true;
        bool moving = true;
        so_test::Fibers card(world_->sched);
        card.Spawn([&] {
          while (moving) {
            so_fiber_sleep_until(world_->sched, In(1));
            devices_[1]->ReleaseAll();
          }
        });
        Move(2000 * 1000);
        moving = false;
        card.Join();
        devices_[1]->hold_ = false;
      },
      false);
}

TEST_P(HostTest, FewPagesSlowButDoNotStall) {
  Run([&] { Move(1000 * 1000); }, true, 192);
}

TEST_P(HostTest, ManyConnectionsAtOnce) {
  Run([&] {
    constexpr int kCount = 200;
    const so_listener l = Listen(0, 80);
    so_test::Fibers all(world_->sched);
    int served = 0;
    all.Spawn([&] {
      for (int i = 0; i < kCount; i++) {
        so_stream s;
        so_endpoint peer;
        SO_ASSERT_OK(so_listener_accept(&l, In(60000), &s, &peer));
        all.Spawn([&, s] {
          EXPECT_EQ(ReadAll(s), "hello");
          SO_EXPECT_OK(so_stream_write(&s, so_str("bye"), In(1000)));
          so_stream_close(&s);
          served++;
        });
      }
    });
    for (int i = 0; i < kCount; i++) {
      all.Spawn([&] {
        const so_stream s = Connect(1, At(0, 80));
        SO_EXPECT_OK(so_stream_write(&s, so_str("hello"), In(1000)));
        SO_EXPECT_OK(so_stream_shutdown(&s, In(1000)));
        EXPECT_EQ(ReadAll(s), "bye");
        so_stream_close(&s);
      });
    }
    all.Join();
    EXPECT_EQ(served, kCount);
    so_listener_close(&l);
  });
}

TEST_P(HostTest, DeadlinesEndReadsWritesAcceptsAndConnects) {
  Run([&] {
    const so_listener l = Listen(0, 7);
    so_stream s, t;
    so_endpoint peer;
    uint64_t begun = so_clock_now(&world_->clock);
    SO_EXPECT_CODE(SO_AGAIN, so_listener_accept(&l, In(50), &s, &peer));
    EXPECT_GE(so_clock_now(&world_->clock), begun + 50 * SO_NS_PER_MS);
    s = Connect(1, At(0, 7));
    SO_ASSERT_OK(so_listener_accept(&l, In(1000), &t, &peer));
    uint8_t byte;
    size_t n;
    SO_EXPECT_CODE(SO_AGAIN, so_stream_read(&s, &byte, 1, In(50), &n));
    // Nobody reads at the other end: the windows fill, then the write gives up.
    const std::string endless(40 * 1000 * 1000, 'x');
    SO_EXPECT_CODE(SO_AGAIN, so_stream_write(&s, so_test::View(endless), In(5000)));
    so_stream_close(&s);
    so_stream_close(&t);
    so_listener_close(&l);
    // Nobody is there: SYNs go unanswered until the deadline.
    devices_[1]->lose_every_ = 1;
    const so_endpoint at = At(0, 7);
    begun = so_clock_now(&world_->clock);
    SO_EXPECT_CODE(SO_AGAIN, net_[1].connect(net_[1].ctx, &at, In(2500), &s));
    EXPECT_GE(so_clock_now(&world_->clock), begun + 2500 * SO_NS_PER_MS);
    devices_[1]->lose_every_ = 0;
  });
}

TEST_P(HostTest, AClosedPortRefuses) {
  Run([&] {
    so_stream s;
    const so_endpoint at = At(0, 99);
    const uint64_t begun = so_clock_now(&world_->clock);
    SO_EXPECT_CODE(SO_IO, net_[1].connect(net_[1].ctx, &at, In(10000), &s));
    EXPECT_LT(so_clock_now(&world_->clock), begun + SO_NS_PER_S) << "a reset says it at once";
  });
}

TEST_P(HostTest, ListeningTwiceIsAConflictAndElsewhereImpossible) {
  Run([&] {
    const so_listener l = Listen(0, 7);
    so_listener second;
    const so_endpoint at = At(0, 7);
    SO_EXPECT_CODE(SO_CONFLICT, net_[0].listen(net_[0].ctx, &at, &second));
    const so_endpoint foreign = At(1, 8);
    SO_EXPECT_CODE(SO_NOT_FOUND, net_[0].listen(net_[0].ctx, &foreign, &second));
    so_endpoint local;
    SO_ASSERT_OK(so_listener_local(&l, &local));
    EXPECT_EQ(local.port, 7);
    so_listener_close(&l);
    const so_listener any = Listen(0, 0);
    SO_ASSERT_OK(so_listener_local(&any, &local));
    EXPECT_NE(local.port, 0);
    so_listener_close(&any);
  });
}

TEST_P(HostTest, ClosingAListenerEndsAcceptsAndClosingWithUnreadBytesResets) {
  Run([&] {
    const so_listener l = Listen(0, 7);
    so_test::Fibers waiting(world_->sched);
    for (int i = 0; i < 2; i++) {
      waiting.Spawn([&] {
        so_stream s;
        so_endpoint peer;
        SO_EXPECT_CODE(SO_IO, so_listener_accept(&l, SO_NEVER, &s, &peer));
      });
    }
    so_fiber_sleep_until(world_->sched, In(10));
    so_listener_close(&l);
    waiting.Join();

    const so_listener again = Listen(0, 7);
    const so_stream s = Connect(1, At(0, 7));
    so_stream t;
    so_endpoint peer;
    SO_ASSERT_OK(so_listener_accept(&again, In(1000), &t, &peer));
    SO_ASSERT_OK(so_stream_write(&s, so_str("never read"), In(1000)));
    so_fiber_sleep_until(world_->sched, In(100));
    so_stream_close(&t);
    so_status status;
    EXPECT_EQ(ReadAll(s, &status), "");
    EXPECT_EQ(status.code, SO_IO);
    so_stream_close(&s);
    so_listener_close(&again);
  });
}

TEST_P(HostTest, WhatWasWrittenBeforeTheCloseStillArrives) {
  Run([&] {
    const std::string big = Pattern(700 * 1000);
    const so_listener l = Listen(0, 7);
    so_test::Fibers both(world_->sched);
    both.Spawn([&] {
      const so_stream s = Connect(1, At(0, 7));
      SO_EXPECT_OK(so_stream_write(&s, so_test::View(big), In(10000)));
      so_stream_close(&s);
    });
    so_stream t;
    so_endpoint peer;
    SO_ASSERT_OK(so_listener_accept(&l, In(1000), &t, &peer));
    so_fiber_sleep_until(world_->sched, In(3000));
    EXPECT_TRUE(ReadAll(t) == big);
    so_stream_close(&t);
    both.Join();
    so_listener_close(&l);
  });
}

TEST_P(HostTest, DatagramsKeepTheirBordersAndTooLongOnesAreDropped) {
  Run([&] {
    so_datagram_socket a, b;
    const so_endpoint at = At(0, 53), from = At(1, 0);
    SO_ASSERT_OK(net_[0].bind(net_[0].ctx, &at, &a));
    SO_ASSERT_OK(net_[1].bind(net_[1].ctx, &from, &b));
    so_datagram_socket second;
    SO_EXPECT_CODE(SO_CONFLICT, net_[0].bind(net_[0].ctx, &at, &second));
    std::string texts[] = {"one", "", std::string(5000, 'x'), std::string(101, 'y'), "five"};
    so_datagram out[5] = {};
    for (int i = 0; i < 5; i++) {
      out[i].data = reinterpret_cast<uint8_t *>(texts[i].data());
      out[i].len = texts[i].size();
      out[i].peer = at;
    }
    SO_ASSERT_OK(so_datagram_send(&b, out, 5, In(1000)));
    so_fiber_sleep_until(world_->sched, In(100));
    uint8_t rooms[8][100];
    so_datagram in[8] = {};
    for (int i = 0; i < 8; i++) {
      in[i].data = rooms[i];
      in[i].cap = sizeof rooms[i];
    }
    size_t count = 0;
    SO_ASSERT_OK(so_datagram_receive(&a, in, 8, In(1000), &count));
    ASSERT_EQ(count, 3u);
    EXPECT_EQ(std::string(reinterpret_cast<char *>(in[0].data), in[0].len), "one");
    EXPECT_EQ(in[1].len, 0u);
    EXPECT_EQ(std::string(reinterpret_cast<char *>(in[2].data), in[2].len), "five");
    EXPECT_EQ(memcmp(in[0].peer.address, from.address, 16), 0);
    EXPECT_EQ(memcmp(in[0].local.address, at.address, 16), 0);
    EXPECT_EQ(Metric(0, "host_udp_too_long"), 2u);
    SO_EXPECT_CODE(SO_AGAIN, so_datagram_receive(&a, in, 8, In(50), &count));
    so_test::Fibers waiting(world_->sched);
    waiting.Spawn([&] { SO_EXPECT_CODE(SO_IO, so_datagram_receive(&a, in, 8, SO_NEVER, &count)); });
    so_fiber_sleep_until(world_->sched, In(10));
    so_datagram_close(&a);
    waiting.Join();
    so_datagram_close(&b);
  });
}

TEST_P(HostTest, ADeviceThatIsGoneEndsWhatWaits) {
  Run([&] {
    const so_listener l = Listen(0, 7);
    const so_stream s = Connect(1, At(0, 7));
    devices_[1]->gone_ = true;
    so_event_signal(world_->sched, &devices_[1]->ready_);
    so_fiber_sleep_until(world_->sched, In(10));
    SO_EXPECT_CODE(SO_IO, so_stream_write(&s, so_str("x"), In(1000)));
    so_stream_close(&s);
    so_listener_close(&l);
  });
}

TEST_P(HostTest, ResolvesLiteralsAndSaysWhenThereIsNoName) {
  Run([&] {
    so_endpoint e;
    SO_EXPECT_CODE(SO_NOT_FOUND, net_[0].resolve(net_[0].ctx, so_str("a..b"), In(1000), &e));
    SO_EXPECT_OK(net_[0].resolve(net_[0].ctx, so_str("192.0.2.7"), In(1000), &e));
    EXPECT_EQ(e.family, 4);
    SO_EXPECT_OK(net_[0].resolve(net_[0].ctx, so_str("2001:db8::7"), In(1000), &e));
    EXPECT_EQ(e.family, 6);
    SO_EXPECT_CODE(SO_NOT_FOUND,
                   net_[0].resolve(net_[0].ctx, so_str("no.such.name"), In(1000), &e));
  });
}

// A name server that knows one address for every name, and no other type.
void AnswerQuestion(so_datagram *d) {
  const uint8_t answer[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 9};
  size_t end = 12;
  while (d->data[end] != 0) {
    end += 1u + d->data[end];
  }
  end += 5;
  const bool is_a = d->data[end - 3] == 1;
  const uint8_t head[10] = {0x81, 0x80, 0, 1, 0, static_cast<uint8_t>(is_a), 0, 0, 0, 0};
  memcpy(d->data + 2, head, sizeof head);
  if (is_a) {
    memcpy(d->data + end, answer, sizeof answer);
  }
  d->len = end + (is_a ? sizeof answer : 0);
}

TEST_P(HostTest, AsksTheNameServerAndGivesUpAtTheDeadline) {
  Run(
      [&] {
        so_datagram_socket server;
        const so_endpoint at = At(0, 53);
        SO_ASSERT_OK(net_[0].bind(net_[0].ctx, &at, &server));
        so_test::Fibers running(world_->sched);
        running.Spawn([&] {
          ServeNames(&server, [](so_datagram *d) {
            AnswerQuestion(d);
            return true;
          });
        });
        so_endpoint e;
        SO_ASSERT_OK(net_[1].resolve(net_[1].ctx, so_str("www.example.org"), In(5000), &e));
        const uint8_t want[4] = {203, 0, 113, 9};
        EXPECT_EQ(e.family, 4);
        EXPECT_EQ(memcmp(e.address, want, 4), 0);
        so_datagram_close(&server);
        running.Join();
        // Now the server is silent.
        devices_[1]->lose_every_ = 1;
        const uint64_t begun = so_clock_now(&world_->clock);
        SO_EXPECT_CODE(SO_AGAIN,
                       net_[1].resolve(net_[1].ctx, so_str("other.example.org"), In(700), &e));
        EXPECT_GE(so_clock_now(&world_->clock), begun + 700 * SO_NS_PER_MS);
        devices_[1]->lose_every_ = 0;
      },
      true, 2048, true);
}

// A name server that knows addresses of names under second.test alone, says nothing about "quiet",
// and keeps what it was asked.
void AnswerSecond(so_datagram *d, std::vector<std::string> *asked) {
  std::string name;
  size_t at = 12;
  for (; d->data[at] != 0; at += 1u + d->data[at]) {
    name += (name.empty() ? "" : ".") +
            std::string(reinterpret_cast<char *>(d->data) + at + 1, d->data[at]);
  }
  for (char &c : name) {
    c = static_cast<char>(tolower(c));
  }
  asked->push_back(name + (d->data[at + 2] == 1 ? " A" : " AAAA"));
  AnswerQuestion(d);
  if (name.find("second.test") == std::string::npos) {
    d->data[3] = 0x83;  // No such name, and no answer.
    d->data[7] = 0;
    d->len = at + 5;
  }
}

TEST_P(HostTest, NamesWithoutADotAreSearchedForAndOthersAreNot) {
  Run(
      [&] {
        so_datagram_socket server;
        const so_endpoint at = At(0, 53);
        SO_ASSERT_OK(net_[0].bind(net_[0].ctx, &at, &server));
        std::vector<std::string> asked;
        so_test::Fibers running(world_->sched);
        running.Spawn([&] {
          ServeNames(&server, [&](so_datagram *d) {
            AnswerSecond(d, &asked);
            return asked.back().substr(0, 5) != "quiet";
          });
        });
        so_endpoint e;
        SO_EXPECT_OK(net_[1].resolve(net_[1].ctx, so_str("www"), In(5000), &e));
        const std::vector<std::string> want = {"www.first.test A", "www.first.test AAAA",
                                               "www.second.test A"};
        EXPECT_EQ(want, asked);
        asked.clear();
        SO_EXPECT_CODE(SO_NOT_FOUND, net_[1].resolve(net_[1].ctx, so_str("a.b"), In(5000), &e));
        EXPECT_EQ((std::vector<std::string>{"a.b A", "a.b AAAA"}), asked);
        asked.clear();
        SO_EXPECT_OK(net_[1].resolve(net_[1].ctx, so_str("localhost"), In(5000), &e));
        EXPECT_TRUE(asked.empty());
        // Who says nothing does not lead to another domain.
        SO_EXPECT_CODE(SO_IO, net_[1].resolve(net_[1].ctx, so_str("quiet"), In(60000), &e));
        for (const std::string &q : asked) {
          EXPECT_EQ("quiet.first.test A", q);
        }
        so_datagram_close(&server);
        running.Join();
      },
      true, 2048, true);
}

TEST(HostStartTest, EveryRefusalOfMemoryIsSaidAndNothingLeaks) {
  for (uint64_t nth = 1; nth < 200; nth++) {
    so_sim *const sim = so_sim_make(nullptr);
    const so_world *const w = so_sim_world(sim);
    bool started = false;
    so_test::Fibers fibers(w->sched);
    fibers.Spawn([&] {
      Device a(w->sched, 1, true), b(w->sched, 2, true);
      a.peer_ = &b;
      b.peer_ = &a;
      so_host_config c;
      so_bytes bad;
      SO_ASSERT_OK(so_host_config_parse(so_str("ip=192.0.2.1/24 pages=64"), &c, &bad));
      so_host_config_all(&c);
      const size_t before = so_sim_heap_used(sim);
      so_sim_heap_fail_at(sim, nth);
      so_host *h;
      const so_status s = so_host_start(w, &a.dev_, &c, &h);
      so_sim_heap_fail_at(sim, 0);
      started = so_ok(s);
      if (started) {
        so_host_stop(h, 0);
      } else {
        EXPECT_EQ(s.code, SO_LIMIT);
        EXPECT_FALSE(a.closed_) << "on failure the device stays the caller's";
      }
      EXPECT_EQ(so_sim_heap_used(sim), before) << "at allocation " << nth;
    });
    SO_ASSERT_OK(so_sim_run(sim));
    so_sim_free(sim);
    if (started) {
      EXPECT_GT(nth, 5u);
      return;
    }
  }
  FAIL() << "it never started";
}

// TCP alone: a datagram is answered with "port unreachable", and what needs a part says so.
TEST(HostPartsTest, AHostWithoutPartsRefusesWhatNeedsThem) {
  so_sim *const sim = so_sim_make(nullptr);
  const so_world *const w = so_sim_world(sim);
  so_test::Fibers fibers(w->sched);
  fibers.Spawn([&] {
    Device a(w->sched, 1, true), b(w->sched, 2, true);
    a.peer_ = &b;
    b.peer_ = &a;
    so_host_config full, bare;
    so_bytes bad;
    SO_ASSERT_OK(so_host_config_parse(so_str("ip=192.0.2.1/24 pages=64"), &full, &bad));
    SO_ASSERT_OK(so_host_config_parse(so_str("ip=192.0.2.2/24 pages=64"), &bare, &bad));
    so_host_config_all(&full);
    so_host *host, *peer;
    SO_ASSERT_OK(so_host_start(w, &a.dev_, &full, &host));
    SO_ASSERT_OK(so_host_start(w, &b.dev_, &bare, &peer));
    const so_net net = so_host_net(host);
    const so_net without = so_host_net(peer);
    const so_endpoint any = {.family = 4};
    so_datagram_socket socket;
    so_endpoint to;
    const uint64_t soon = so_clock_now(&w->clock) + SO_NS_PER_S;
    SO_EXPECT_CODE(SO_UNSUPPORTED, without.bind(without.ctx, &any, &socket));
    SO_EXPECT_CODE(SO_UNSUPPORTED, without.resolve(without.ctx, so_str("a.example"), soon, &to));
    SO_EXPECT_OK(without.resolve(without.ctx, so_str("localhost"), soon, &to));
    SO_EXPECT_OK(without.resolve(without.ctx, so_str("192.0.2.2"), soon, &to));
    EXPECT_EQ(so_host_metrics(peer).each, nullptr);
    to.port = 9;
    SO_ASSERT_OK(net.bind(net.ctx, &any, &socket));
    uint8_t byte = 1;
    const so_datagram d = {.data = &byte, .len = 1, .peer = to};
    SO_ASSERT_OK(so_datagram_send(&socket, &d, 1, soon));
    so_fiber_sleep_until(w->sched, soon);
    uint64_t errors = 0;
    const so_metrics m = so_host_metrics(host);
    so_metrics_each(
        &m,
        [](void *ctx, const char *name, so_metric_kind, uint64_t v) {
          if (std::string(name) == "net_icmp_errors_received" || std::string(name) == "udp_rx_errors") {
            *static_cast<uint64_t *>(ctx) += v;
          }
        },
        &errors);
    EXPECT_GE(errors, 1u);
    so_datagram_close(&socket);
    so_host_stop(host, 0);
    so_host_stop(peer, 0);
  });
  SO_ASSERT_OK(so_sim_run(sim));
  so_sim_free(sim);
}

}  // namespace
