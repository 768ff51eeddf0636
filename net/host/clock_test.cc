// The clock over a network that the test plays: names, sockets, and a time server with a script.

#include "net/host/clock.h"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

constexpr int64_t kS = 1000000000;

class Clock : public ::testing::Test {
 protected:
  struct Sent {
    so_endpoint to;
    so_sntp_packet request;
    uint64_t at;
  };
  struct Socket {
    Clock *test;
    std::deque<std::pair<so_endpoint, std::string>> queue;
    bool closed = false;
    bool receiving = false;
    so_event ready = {};
  };

  // Runs `body` in a fiber, with a clock of these settings.
  void Run(const std::string &settings, const std::function<void()> &body) {
    sim_ = so_sim_make(nullptr);
    world_ = *so_sim_world(sim_);
    world_.net = so_net{nullptr, nullptr, Resolve, Bind, this};
    world_.metrics = so_metrics{OtherMetrics, this};
    const size_t before = so_sim_heap_used(sim_);
    so_test::Fibers fibers(world_.sched);
    fibers.Spawn([&] {
      so_bytes bad;
      SO_ASSERT_OK(so_host_config_parse(so_test::View(settings), &config_, &bad));
      SO_ASSERT_OK(so_host_clock_start(&world_, nullptr, &config_, &clock_));
      port_ = so_host_clock_port(clock_);
      body();
      const uint64_t asked = so_clock_now(&world_.clock);
      so_host_clock_stop(clock_);
      EXPECT_LE(so_clock_now(&world_.clock) - asked, 3 * SO_NS_PER_S);
    });
    SO_ASSERT_OK(so_sim_run(sim_));
    EXPECT_EQ(sockets_open_, 0);
    EXPECT_EQ(so_sim_heap_used(sim_), before) << "memory that nobody gave back";
    so_sim_free(sim_);
  }

  so_status Wait(uint64_t s = 5) {
    return so_host_clock_wait(clock_, so_clock_now(&world_.clock) + s * SO_NS_PER_S);
  }
  void Sleep(uint64_t s) {
    so_fiber_sleep_until(world_.sched, so_clock_now(&world_.clock) + s * SO_NS_PER_S);
  }
  // How far our clock is ahead of the platform's.
  int64_t Ahead() { return so_clock_unix_ns(&port_) - so_clock_unix_ns(&world_.clock); }

  uint64_t Metric(const std::string &name) {
    std::map<std::string, uint64_t> all;
    const so_metrics m = so_host_clock_metrics(clock_);
    so_metrics_each(
        &m,
        [](void *ctx, const char *n, so_metric_kind, uint64_t v) {
          (*static_cast<std::map<std::string, uint64_t> *>(ctx))[n] = v;
        },
        &all);
    EXPECT_EQ(all.count(name), 1u) << name;
    return all[name];
  }

  // An honest answer to a request, of a server whose clock is `ahead_` of the platform's.
  so_sntp_packet Good(const Sent &s) {
    so_sntp_packet p = {};
    p.version = 4;
    p.mode = 4;
    p.stratum = 3;
    p.origin = s.request.transmit;
    p.receive = p.transmit = so_sntp_from_unix_ns(so_clock_unix_ns(&world_.clock) + ahead_);
    return p;
  }

  std::function<void(const Sent &, so_sntp_packet *)> change_;  // What a server does with it.
  std::function<bool(const Sent &)> answers_ = [](const Sent &) { return true; };
  so_endpoint from_ = {};  // Whom answers come from; family 0: from who was asked.
  int64_t ahead_ = 1000 * kS;
  std::map<std::string, std::string> names_;
  std::vector<Sent> sent_;
  std::vector<std::string> looked_up_;
  uint64_t resolve_takes_s_ = 0;
  bool no_sockets_ = false;
  int sockets_open_ = 0;
  so_sim *sim_ = nullptr;
  so_world world_ = {};
  so_host_config config_ = {};
  so_host_clock *clock_ = nullptr;
  so_clock port_ = {};

 private:
  static void OtherMetrics(void *, so_metric_visit *visit, void *ctx) {
    visit(ctx, "others", SO_METRIC_GAUGE, 7);
  }

  static so_status Resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
    Clock *const t = static_cast<Clock *>(ctx);
    std::string text = so_test::Text(name);
    t->looked_up_.push_back(text);
    if (t->resolve_takes_s_ != 0) {
      const uint64_t done = so_clock_now(&t->world_.clock) + t->resolve_takes_s_ * SO_NS_PER_S;
      so_fiber_sleep_until(t->world_.sched, std::min(done, deadline_ns));
      if (done > deadline_ns) {
        return so_status_make(SO_AGAIN, 0);
      }
    }
    if (t->names_.count(text) != 0) {
      text = t->names_[text];
    }
    so_ip ip;
    if (!so_ok(so_ip_parse(so_test::View(text), &ip))) {
      return so_status_make(SO_NOT_FOUND, 0);
    }
    *out = so_ip_endpoint(&ip, 0);
    return so_done();
  }

  static so_status Bind(void *ctx, const so_endpoint *at, so_datagram_socket *out) {
    static const so_datagram_ops ops = {Receive, Send, Local, Close};
    Clock *const t = static_cast<Clock *>(ctx);
    EXPECT_EQ(at->port, 0);  // A new port for each request.
    if (t->no_sockets_) {
      return so_status_make(SO_LIMIT, 0);
    }
    t->sockets_open_++;
    *out = so_datagram_socket{&ops, new Socket{t, {}, false, false, {}}};
    return so_done();
  }

  static so_status Receive(void *ctx, so_datagram *d, size_t, uint64_t deadline_ns,
                           size_t *out_count) {
    Socket *const s = static_cast<Socket *>(ctx);
    s->receiving = true;
    so_status status = so_done();
    while (s->queue.empty() && !s->closed && so_ok(status)) {
      status = so_event_wait(s->test->world_.sched, &s->ready, deadline_ns);
    }
    s->receiving = false;
    if (s->closed) {
      delete s;
      return so_status_make(SO_IO, 0);
    }
    if (s->queue.empty()) {
      return status;
    }
    d->peer = s->queue.front().first;
    d->len = s->queue.front().second.size();
    EXPECT_LE(d->len, d->cap);
    memcpy(d->data, s->queue.front().second.data(), d->len);
    s->queue.pop_front();
    *out_count = 1;
    return so_done();
  }

  static so_status Send(void *ctx, const so_datagram *d, size_t count, uint64_t) {
    Socket *const s = static_cast<Socket *>(ctx);
    Clock *const t = s->test;
    EXPECT_EQ(count, 1u);
    Sent sent = {d->peer, {}, so_clock_now(&t->world_.clock)};
    SO_EXPECT_OK(so_sntp_parse(so_bytes_of(d->data, d->len), &sent.request));
    t->sent_.push_back(sent);
    if (t->answers_(sent)) {
      so_sntp_packet p = t->Good(sent);
      if (t->change_) {
        t->change_(sent, &p);
      }
      uint8_t buf[SO_SNTP_LEN];
      so_writer w = so_writer_of(buf, sizeof buf);
      so_sntp_emit(&p, &w);
      s->queue.emplace_back(t->from_.family != 0 ? t->from_ : d->peer,
                            std::string(reinterpret_cast<char *>(buf), sizeof buf));
    }
    return so_done();
  }

  static so_status Local(void *, so_endpoint *) { return so_status_make(SO_UNSUPPORTED, 0); }

  static void Close(void *ctx) {
    Socket *const s = static_cast<Socket *>(ctx);
    s->test->sockets_open_--;
    s->closed = true;
    so_event_signal(s->test->world_.sched, &s->ready);
    if (!s->receiving) {
      delete s;
    }
  }
};

TEST_F(Clock, AnAnswerSetsTheWallClockAndNeverTheMonotonicOne) {
  Run("ntp=192.0.2.1", [&] {
    EXPECT_EQ(Ahead(), 0);  // Until then the platform's.
    const uint64_t before = so_clock_now(&port_);
    EXPECT_EQ(before, so_clock_now(&world_.clock));
    SO_EXPECT_OK(Wait());
    EXPECT_NEAR(static_cast<double>(Ahead()), 1000e9, 10);
    EXPECT_EQ(so_clock_now(&port_), so_clock_now(&world_.clock));
    EXPECT_LE(so_clock_now(&port_) - before, 2 * SO_NS_PER_S);
    so_sntp_sample s;
    ASSERT_TRUE(so_host_clock_sample(clock_, &s));
    EXPECT_EQ(s.stratum, 3);
    EXPECT_EQ(s.server.port, SO_SNTP_PORT);
    EXPECT_EQ(Metric("clock_steps"), 1u);
    EXPECT_EQ(Metric("clock_set"), 1u);
    EXPECT_EQ(Metric("clock_servers"), 1u);
    EXPECT_EQ(Metric("clock_stratum"), 3u);
    EXPECT_EQ(Metric("sntp_accepted"), 1u);
    EXPECT_EQ(Metric("others"), 7u);  // The world's own are still there.
  });
}

TEST_F(Clock, ItIsAskedAgainAndTheClockFollowsSlowly) {
  Run("ntp=192.0.2.1", [&] {
    SO_EXPECT_OK(Wait());
    ahead_ += 60 * kS / 1000;  // 60 ms
    Sleep(8000);
    EXPECT_NEAR(static_cast<double>(Ahead()), 1000e9 + 60e6, 10);
    EXPECT_EQ(Metric("clock_steps"), 1u);
    EXPECT_GE(Metric("clock_slews"), 8u);
    for (size_t i = 1; i < sent_.size(); i++) {
      EXPECT_GE(sent_[i].at - sent_[i - 1].at, 56 * SO_NS_PER_S);
    }
    EXPECT_LT(sent_.size(), 20u);
  });
}

TEST_F(Clock, AServerThatJumpsIsDoubtedUntilItSaysSoAgain) {
  Run("ntp=192.0.2.1", [&] {
    SO_EXPECT_OK(Wait());
    ahead_ = 5000 * kS;
    const size_t before = sent_.size();
    while (sent_.size() == before) {
      Sleep(1);
    }
    EXPECT_NEAR(static_cast<double>(Ahead()), 1000e9, 10);
    EXPECT_EQ(Metric("clock_doubted"), 1u);
    Sleep(20);  // Soon, not only after the usual interval.
    EXPECT_NEAR(static_cast<double>(Ahead()), 5000e9, 10);
    EXPECT_EQ(Metric("clock_steps"), 2u);
  });
}

TEST_F(Clock, BadAnswersAreRefusedCountedAndSetNothing) {
  struct Bad {
    const char *counter;
    std::function<void(const Sent &, so_sntp_packet *)> change;
  };
  const Bad all[] = {
      {"sntp_kisses", [](const Sent &, so_sntp_packet *p) { p->stratum = 0; }},
      {"sntp_bad_origin", [](const Sent &, so_sntp_packet *p) { p->origin ^= 1; }},
      {"sntp_unsynchronised", [](const Sent &, so_sntp_packet *p) { p->stratum = 16; }},
      {"sntp_unsynchronised", [](const Sent &, so_sntp_packet *p) { p->leap = 3; }},
      {"sntp_bad_mode", [](const Sent &, so_sntp_packet *p) { p->mode = 3; }},
      {"sntp_bad_distance", [](const Sent &, so_sntp_packet *p) { p->root_delay = 1 << 16; }},
      {"clock_refused", [](const Sent &, so_sntp_packet *p) {
         p->receive = p->transmit = so_sntp_from_unix_ns(1000000000 * kS);  // 2001
       }}};
  for (const Bad &bad : all) {
    change_ = bad.change;
    Run("ntp=192.0.2.1", [&] {
      EXPECT_FALSE(so_ok(Wait(4))) << bad.counter;
      EXPECT_EQ(Ahead(), 0);
      EXPECT_GE(Metric(bad.counter), 1u) << bad.counter;
      EXPECT_EQ(Metric("clock_set"), 0u);
    });
  }
}

TEST_F(Clock, AnswersOfOthersAreStray) {
  so_ip ip;
  SO_ASSERT_OK(so_ip_parse(so_str("192.0.2.66"), &ip));
  from_ = so_ip_endpoint(&ip, SO_SNTP_PORT);
  Run("ntp=192.0.2.1", [&] {
    SO_EXPECT_CODE(SO_AGAIN, Wait(4));
    EXPECT_EQ(Ahead(), 0);
    EXPECT_GE(Metric("sntp_stray"), 1u);
    EXPECT_GE(Metric("sntp_timeouts"), 1u);
  });
}

TEST_F(Clock, ASilentServerGivesWayToTheNext) {
  answers_ = [](const Sent &s) { return s.to.address[3] == 2; };
  Run("ntp=192.0.2.1,192.0.2.2", [&] {
    SO_EXPECT_OK(Wait(12));
    EXPECT_NEAR(static_cast<double>(Ahead()), 1000e9, 10);
  });
}

TEST_F(Clock, WhoSaysNeverIsNotAskedAgain) {
  change_ = [](const Sent &, so_sntp_packet *p) {
    p->stratum = 0;
    p->reference_id = 0x44454e59;
  };
  Run("ntp=192.0.2.1", [&] {
    SO_EXPECT_CODE(SO_NOT_FOUND, Wait());  // Whoever waits is told that nobody is left.
    SO_EXPECT_CODE(SO_NOT_FOUND, Wait());
    Sleep(100000);
    EXPECT_EQ(sent_.size(), 1u);
  });
}

TEST_F(Clock, NamesAreLookedUpAgainUntilTheyAreFound) {
  Run("ntp=time.example,192.0.2.2", [&] {
    answers_ = [](const Sent &s) { return s.to.address[3] == 7; };
    Sleep(10);
    EXPECT_GE(Metric("sntp_resolve_failed"), 2u);
    names_["time.example"] = "192.0.2.7";
    SO_EXPECT_OK(Wait(60));
    const size_t lookups = looked_up_.size();
    Sleep(5000);
    EXPECT_LE(looked_up_.size(), lookups + 4);  // A lookup that was planned already.
  });
}

TEST_F(Clock, AfterSilenceNamesAreLookedUpAgain) {
  names_["time.example"] = "192.0.2.1";
  Run("ntp=time.example", [&] {
    SO_EXPECT_OK(Wait());
    names_["time.example"] = "192.0.2.2";
    answers_ = [](const Sent &s) { return s.to.address[3] == 2; };
    ahead_ += kS / 100;
    Sleep(4000);
    EXPECT_EQ(sent_.back().to.address[3], 2);
    EXPECT_NEAR(static_cast<double>(Ahead()), 1000e9 + 10e6, 10);
    EXPECT_LT(looked_up_.size(), 12u);
  });
}

TEST_F(Clock, WithoutServersNothingIsAsked) {
  for (const char *const settings : {"", "ntp=off", "ip=dhcp ntp=off", "ip=dhcp"}) {
    Run(settings, [&] {
      SO_EXPECT_CODE(SO_NOT_FOUND, Wait());
      EXPECT_FALSE(so_host_clock_has_servers(clock_));
      Sleep(100);
      EXPECT_TRUE(sent_.empty());
      EXPECT_EQ(Ahead(), 0);
    });
  }
}

TEST_F(Clock, WithoutSocketsItIsCountedAndTriedAgain) {
  no_sockets_ = true;
  Run("ntp=192.0.2.1", [&] {
    SO_EXPECT_CODE(SO_AGAIN, Wait(8));
    EXPECT_GE(Metric("sntp_unsent"), 5u);
    no_sockets_ = false;
    SO_EXPECT_OK(Wait(2));
  });
}

TEST_F(Clock, StoppingInTheMiddleIsQuick) {
  answers_ = [](const Sent &) { return false; };
  Run("ntp=192.0.2.1", [&] {
    while (sockets_open_ == 0) {
      Sleep(1);
    }
  });
  resolve_takes_s_ = 100;
  Run("ntp=time.example", [&] { Sleep(1); });
  resolve_takes_s_ = 0;
  Run("ntp=192.0.2.1", [&] { so_sched_stop(world_.sched); });
}

TEST_F(Clock, WithoutMemoryOrFibersItDoesNotStart) {
  Run("", [&] {
    so_host_clock *other;
    so_sim_heap_fail_at(sim_, 1);
    SO_EXPECT_CODE(SO_LIMIT, so_host_clock_start(&world_, nullptr, &config_, &other));
  });
}

}  // namespace
