// Two hosts over a link in memory: everything written arrives, in order, whatever the link does;
// and nothing is left over.

#include "net/tcp/harness.h"

namespace tcp_test {
namespace {

struct Link {
  uint64_t delay_ns = 5 * kMs;
  uint64_t jitter_ns = 0;  // Reorders.
  double loss = 0;
  double repeat = 0;
  double corrupt = 0;
  double mark = 0;  // CE on what is ECN-capable.
  uint32_t mtu = 1500;
  uint64_t ns_per_byte = 0;  // Rate.
  size_t queue_bytes = SIZE_MAX;
};

struct Flight {
  int to;
  std::string bytes;
  so_ip src, dst;
  uint8_t tc;
};

class World {
 public:
  World(const Link &link, uint32_t seed, so_tcp_config a = {}, so_tcp_config b = {},
        bool six = false, uint32_t pages = 4096)
      : link_(link), rng_(seed) {
    hosts[0] = std::make_unique<Host>(six ? Ip6(1) : Ip4(1), a, pages);
    hosts[1] = std::make_unique<Host>(six ? Ip6(2) : Ip4(2), b, pages);
    hosts[0]->mtu = hosts[1]->mtu = link.mtu;
  }

  void Connect(const so_tcp_options *client = nullptr, const so_tcp_options *server = nullptr) {
    const so_ip any = so_ip_any(0);
    so_tcp_upper up = accept_events.upper();
    SO_ASSERT_OK(so_tcp_listen(hosts[1]->tcp, &any, 80, 16, server, &up, &listener));
    so_tcp_upper cup = client_events.upper();
    SO_ASSERT_OK(so_tcp_connect(hosts[0]->tcp, &hosts[1]->ip_, 80, 0, client, &cup, now, &c[0]));
    ASSERT_TRUE(RunUntil([this] { return Accept(); }, 120 * kSecond));
  }

  bool Accept() {
    so_tcp_upper up = server_events.upper();
    return c[1] != nullptr || so_ok(so_tcp_accept(hosts[1]->tcp, listener, &up, &c[1]));
  }

  bool Chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(rng_) < p; }

  // Takes what the hosts sent and puts it on the link, super-segments cut.
  void Collect() {
    for (int i = 0; i < 2; i++) {
      hosts[i]->now = now;
      for (so_packet *p : hosts[i]->out) {
        Sent s = hosts[i]->Decode(p);
        so_packet_free(&hosts[i]->pool, p);
        Cut(i, s);
      }
      hosts[i]->out.clear();
    }
  }

  void Cut(int from, Sent &s) {
    const size_t step = s.gso_size != 0 ? s.gso_size : std::max<size_t>(s.data.size(), 1);
    size_t off = 0;
    do {
      const size_t n = std::min(step, s.data.size() - off);
      so_tcp_header h = s.h;
      h.seq += static_cast<uint32_t>(off);
      if (off + n < s.data.size()) {
        h.flags &= static_cast<uint8_t>(~(SO_TCP_FLAG_FIN | SO_TCP_FLAG_PSH));
      }
      if (off != 0) {
        h.flags &= static_cast<uint8_t>(~SO_TCP_FLAG_CWR);
      }
      Emit(from, h, s.data.substr(off, n), s);
      off += n;
    } while (off < s.data.size());
  }

  void Emit(int from, so_tcp_header h, const std::string &data, const Sent &s) {
    uint8_t head[60];
    so_writer w = so_writer_of(head, sizeof head);
    h.checksum = 0;
    so_tcp_emit(&h, &w);
    Flight f = {1 - from, std::string(reinterpret_cast<char *>(head), w.len) + data, s.src, s.dst,
                s.traffic_class};
    const size_t ip_len = f.bytes.size() + (s.src.family == 6 ? 40 : 20);
    EXPECT_LE(ip_len, 1500u);
    sent_bytes += data.size();
    if (ip_len > link_.mtu) {
      oversize++;
      return;  // A black hole: no ICMP.
    }
    if (Chance(link_.loss)) {
      lost++;
      return;
    }
    so_checksum sum = so_checksum_start();
    so_checksum_add_pseudo(&sum, &f.src, &f.dst, 6, static_cast<uint32_t>(f.bytes.size()));
    so_checksum_add(&sum, so_test::View(f.bytes));
    const uint16_t c16 = so_checksum_end(&sum);
    f.bytes[16] = static_cast<char>(c16 >> 8);
    f.bytes[17] = static_cast<char>(c16 & 0xff);
    if (Chance(link_.corrupt)) {
      f.bytes[rng_() % f.bytes.size()] ^= static_cast<char>(1 << (rng_() % 8));
    }
    if ((f.tc & 3) == 2 && Chance(link_.mark)) {
      f.tc |= 3;
    }
    for (int copies = Chance(link_.repeat) ? 2 : 1; copies > 0; copies--) {
      const uint64_t jitter = link_.jitter_ns != 0 ? rng_() % link_.jitter_ns : 0;
      uint64_t start = std::max(now, busy_until_[from]);
      if (link_.ns_per_byte != 0) {
        if (start - now > link_.queue_bytes * link_.ns_per_byte) {
          lost++;
          continue;
        }
        start += ip_len * link_.ns_per_byte;
        busy_until_[from] = start;
      }
      air_.emplace(start + link_.delay_ns + jitter, f);
    }
  }

  // One step: the next arrival or deadline. False: nothing will ever happen again.
  bool Step(uint64_t until) {
    Collect();
    uint64_t at = air_.empty() ? SO_NEVER : air_.begin()->first;
    for (auto &h : hosts) {
      at = std::min(at, std::max(now, so_tcp_deadline(h->tcp)));
    }
    if (at > until) {
      now = std::max(now, until == SO_NEVER ? now : until);
      return false;
    }
    now = std::max(now, at);
    hosts[0]->now = hosts[1]->now = now;
    if (!air_.empty() && air_.begin()->first <= now) {
      Flight f = air_.begin()->second;
      air_.erase(air_.begin());
      hosts[f.to]->InputRaw(f.bytes, f.src, f.dst, f.tc, false, false);
    }
    for (auto &h : hosts) {
      if (so_tcp_deadline(h->tcp) <= now) {
        so_tcp_tick(h->tcp, now);
      }
    }
    return true;
  }

  bool RunUntil(const std::function<bool()> &done, uint64_t ns) {
    const uint64_t until = now + ns;
    for (int i = 0; i < 20000000; i++) {
      if (done()) {
        return true;
      }
      if (!Step(until)) {
        return done();
      }
    }
    return false;
  }

  // Both sides write `len` bytes (if not 0) and shut down; both read to the end.
  void Transfer(size_t len_a, size_t len_b, uint64_t limit) {
    const std::string data[2] = {Pattern(len_a, 1), Pattern(len_b, 2)};
    std::string got[2];
    size_t off[2] = {0, 0};
    bool end[2] = {false, false};
    bool shut[2] = {false, false};
    const bool ok = RunUntil(
        [&] {
          for (int i = 0; i < 2; i++) {
            hosts[i]->now = now;
            size_t n = 0;
            if (off[i] < data[i].size()) {
              const size_t some = std::min<size_t>(data[i].size() - off[i], 1 + rng_() % 100000);
              const so_status s =
                  so_tcp_write(hosts[i]->tcp, c[i], so_bytes_of(data[i].data() + off[i], some),
                               false, now, &n);
              EXPECT_TRUE(so_ok(s) || so_is(s, SO_AGAIN)) << so_code_name((so_code)s.code);
              off[i] += n;
            } else if (!shut[i]) {
              shut[i] = true;
              SO_EXPECT_OK(so_tcp_shutdown(hosts[i]->tcp, c[i], now));
            }
            if (!end[i]) {
              got[i] += ReadAll(hosts[i].get(), c[i], &end[i]);
            }
          }
          return end[0] && end[1];
        },
        limit);
    EXPECT_TRUE(ok) << "states " << so_tcp_state_name(State(c[0])) << " "
                    << so_tcp_state_name(State(c[1])) << " got " << got[0].size() << " of " << len_b
                    << ", " << got[1].size() << " of " << len_a << " at " << now / kMs << " ms";
    EXPECT_TRUE(got[1] == data[0]);
    EXPECT_TRUE(got[0] == data[1]);
  }

  void CloseAll() {
    for (int i = 0; i < 2; i++) {
      hosts[i]->now = now;
      so_tcp_close(hosts[i]->tcp, c[i], now);
      c[i] = nullptr;
    }
    EXPECT_TRUE(RunUntil(
        [&] {
          return so_tcp_connection_count(hosts[0]->tcp) == 0 &&
                 so_tcp_connection_count(hosts[1]->tcp) == 0 &&
                 so_tcp_time_wait_count(hosts[0]->tcp) == 0 &&
                 so_tcp_time_wait_count(hosts[1]->tcp) == 0;
        },
        1000 * kSecond));
  }

  std::unique_ptr<Host> hosts[2];
  so_tcp_conn *c[2] = {nullptr, nullptr};
  so_tcp_listener *listener = nullptr;
  Events accept_events, client_events, server_events;
  uint64_t now = kSecond;
  uint64_t lost = 0;
  uint64_t oversize = 0;
  uint64_t sent_bytes = 0;
  Link link_;

 private:
  std::mt19937 rng_;
  std::multimap<uint64_t, Flight> air_;
  uint64_t busy_until_[2] = {0, 0};
};

TEST(TcpPairTest, BytesArriveBothWaysOverACleanLink) {
  World w({}, 1);
  w.Connect();
  w.Transfer(3000000, 100000, 60 * kSecond);
  EXPECT_EQ(w.hosts[0]->stats().segments_retransmitted, 0u);
  w.CloseAll();
}

TEST(TcpPairTest, BytesArriveOverIpv6) {
  World w({}, 2, {}, {}, true);
  w.Connect();
  w.Transfer(300000, 300000, 60 * kSecond);
  w.CloseAll();
}

TEST(TcpPairTest, BytesArriveWhateverIsLost) {
  for (uint32_t seed = 1; seed <= 30; seed++) {
    SCOPED_TRACE(seed);
    Link link;
    link.loss = 0.01 * (seed % 11);
    link.repeat = seed % 3 == 0 ? 0.03 : 0;
    link.corrupt = seed % 4 == 0 ? 0.01 : 0;
    link.jitter_ns = seed % 5 == 0 ? 8 * kMs : 0;
    World w(link, seed);
    w.Connect();
    w.Transfer(200000 + seed * 1000, seed % 2 * 50000, 600 * kSecond);
    w.CloseAll();
  }
}

TEST(TcpPairTest, BytesArriveWithoutAnyExtension) {
  for (uint32_t seed = 1; seed <= 8; seed++) {
    SCOPED_TRACE(seed);
    so_tcp_config plain = {};
    plain.no_sack = seed & 1;
    plain.no_timestamps = seed & 2;
    plain.no_window_scale = seed & 4;
    Link link;
    link.loss = 0.03;
    World w(link, seed, plain, {});
    so_tcp_options options = {};
    options.congestion = seed & 1 ? SO_TCP_NEWRENO : SO_TCP_CUBIC;
    options.no_ecn = true;
    w.Connect(&options);
    w.Transfer(200000, 20000, 600 * kSecond);
    w.CloseAll();
  }
}

TEST(TcpPairTest, APathThatDropsLargeSegmentsSilentlyIsFoundOut) {
  Link link;
  link.mtu = 1500;
  World w(link, 5);
  w.Connect();
  w.link_.mtu = 900;  // From now on, and without a word.
  w.Transfer(50000, 0, 600 * kSecond);
  EXPECT_GE(w.oversize, 1u);
  EXPECT_EQ(w.hosts[0]->stats().black_holes, 1u);
  w.CloseAll();
}

TEST(TcpPairTest, CongestionMarksSlowASenderDownWithoutLoss) {
  Link link;
  link.mark = 0.02;
  World w(link, 6);
  w.Connect();
  w.Transfer(1000000, 0, 600 * kSecond);
  EXPECT_GT(w.hosts[1]->stats().ecn_marked_in, 0u);
  EXPECT_GT(w.hosts[0]->stats().ecn_reduced, 0u);
  EXPECT_EQ(w.hosts[0]->stats().segments_retransmitted, 0u);
  w.CloseAll();
}

TEST(TcpPairTest, ABottleneckIsFilledAndLittleIsSentTwice) {
  for (uint8_t kind : {SO_TCP_CUBIC, SO_TCP_NEWRENO}) {
    SCOPED_TRACE(kind);
    Link link;
    link.ns_per_byte = 400;  // 20 Mbit/s
    link.delay_ns = 20 * kMs;
    link.queue_bytes = 100000;
    World w(link, 7);
    so_tcp_options o = {};
    o.congestion = kind;
    w.Connect(&o);
    const uint64_t start = w.now;
    w.Transfer(10000000, 0, 600 * kSecond);
    const double seconds = static_cast<double>(w.now - start) / 1e9;
    EXPECT_GT(10000000 / seconds, 0.8 * 2500000 * 1460 / 1500);
    EXPECT_LT(w.hosts[0]->stats().bytes_retransmitted, 10000000u / 20);
    w.CloseAll();
  }
}

TEST(TcpPairTest, BothSidesMayOpenAtOnce) {
  World w({}, 8);
  for (int i = 0; i < 2; i++) {
    w.hosts[i]->now = w.now;
    SO_ASSERT_OK(so_tcp_connect(w.hosts[i]->tcp, &w.hosts[1 - i]->ip_, 700, 700, nullptr, nullptr,
                                w.now, &w.c[i]));
  }
  ASSERT_TRUE(w.RunUntil(
      [&] {
        return State(w.c[0]) == SO_TCP_ESTABLISHED && State(w.c[1]) == SO_TCP_ESTABLISHED;
      },
      10 * kSecond));
  w.Transfer(100000, 100000, 60 * kSecond);
  w.CloseAll();
}

TEST(TcpPairTest, AReaderThatSleepsClosesTheWindowAndNothingIsLostWhenItWakes) {
  for (uint32_t seed = 1; seed <= 4; seed++) {
    SCOPED_TRACE(seed);
    Link link;
    link.loss = seed % 2 == 0 ? 0.05 : 0;
    World w(link, seed);
    so_tcp_options server = {};
    server.receive_limit = 20000;
    w.Connect(nullptr, &server);
    const std::string data = Pattern(200000);
    size_t off = 0;
    std::string got;
    for (int round = 0; round < 60 && got.size() < data.size(); round++) {
      size_t n = 0;
      const so_status s = so_tcp_write(w.hosts[0]->tcp, w.c[0],
                                       so_bytes_of(data.data() + off, data.size() - off), false,
                                       w.now, &n);
      EXPECT_TRUE(so_ok(s) || so_is(s, SO_AGAIN));
      off += n;
      w.RunUntil([] { return false; }, 5 * kSecond);  // The window is closed for most of it.
      w.hosts[1]->now = w.now;
      got += ReadAll(w.hosts[1].get(), w.c[1]);
    }
    EXPECT_TRUE(got == data) << got.size();
    EXPECT_GT(w.hosts[0]->stats().zero_window_probes, 0u);
    w.CloseAll();
  }
}

TEST(TcpPairTest, ASmallPoolDelaysAndNothingIsLost) {
  for (uint32_t pages : {40u, 60u, 100u}) {
    SCOPED_TRACE(pages);
    World w({}, pages, {}, {}, false, pages);
    w.Connect();
    w.Transfer(400000, 100000, 600 * kSecond);
    w.CloseAll();
  }
}

}  // namespace
}  // namespace tcp_test
