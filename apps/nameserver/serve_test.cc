// Queries over TCP and in datagrams, in a simulated world: cut, joined, too long, too many, never
// finished.

#include <deque>
#include <string>
#include <vector>

#include "apps/nameserver/nameserver.h"
#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using Bytes = std::string;

const so_endpoint kAt = {4, {127, 0, 0, 1}, 5353};
const so_endpoint kClient = {4, {192, 0, 2, 7}, 40000};
const so_endpoint kOurs = {4, {192, 0, 2, 1}, 53};

// Datagrams for `receive` to find, and those that were sent.
class Datagrams {
 public:
  explicit Datagrams(so_sched *sched) : sched_(sched) {}
  so_net Bind(so_net net) {
    net.bind = [](void *ctx, const so_endpoint *, so_datagram_socket *out) {
      static const so_datagram_ops ops = {Receive, Send, nullptr, Close};
      *out = {&ops, ctx};
      return static_cast<Datagrams *>(ctx)->refused;
    };
    net.ctx = this;
    return net;
  }

  std::deque<Bytes> in;
  std::vector<Bytes> out;
  std::vector<so_datagram> heads;
  so_status refused = so_done();
  int closed = 0;

 private:
  static so_status Receive(void *ctx, so_datagram *batch, size_t cap, uint64_t, size_t *count) {
    auto *const d = static_cast<Datagrams *>(ctx);
    if (d->in.empty()) {
      return so_status_make(SO_IO, 0);  // As when the socket is closed.
    }
    for (*count = 0; *count < cap && !d->in.empty(); ++*count) {
      const Bytes &b = d->in.front();
      so_datagram *const to = &batch[*count];
      EXPECT_LE(b.size(), to->cap);
      memcpy(to->data, b.data(), b.size());
      to->len = b.size();
      to->peer = kClient;
      to->local = kOurs;
      d->in.pop_front();
    }
    return so_done();
  }
  static so_status Send(void *ctx, const so_datagram *batch, size_t count, uint64_t) {
    auto *const d = static_cast<Datagrams *>(ctx);
    for (size_t i = 0; i < count; i++) {
      d->heads.push_back(batch[i]);
      d->out.emplace_back(reinterpret_cast<const char *>(batch[i].data), batch[i].len);
    }
    so_fiber_yield(d->sched_);
    return so_done();
  }
  static void Close(void *ctx) { static_cast<Datagrams *>(ctx)->closed++; }

  so_sched *sched_;
};

Bytes Query(uint16_t id, const Bytes &name, uint16_t type) {
  Bytes m = {static_cast<char>(id >> 8), static_cast<char>(id), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    m += static_cast<char>(end - at);
    m += name.substr(at, end - at);
    at = end + 1;
  }
  m += '\0';
  m += {static_cast<char>(type >> 8), static_cast<char>(type), 0, 1};
  return m;
}
Bytes Framed(const Bytes &m) {
  return Bytes{static_cast<char>(m.size() >> 8), static_cast<char>(m.size())} + m;
}
int Rcode(const Bytes &m) { return m.size() < 12 ? -1 : m[3] & 15; }
int Id(const Bytes &m) {
  return static_cast<uint8_t>(m[0]) << 8 | static_cast<uint8_t>(m[1]);
}

class ServeTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    so_sim_config config = {};
    config.seed = 9;
    config.chop = GetParam();
    sim_ = so_sim_make(&config);
    world_ = *so_sim_world(sim_);
    before_ = so_sim_heap_used(sim_);
    ns_ = static_cast<so_nameserver *>(so_heap_alloc_array(world_.heap, 1, sizeof *ns_));
    ns_->world = &world_;
    ns_->options = &options_;
    so_dns_server_config server = {};
    static const so_dns_prefix local = {{127, 0, 0, 1}, 4, 8};
    server.transfers = &local;
    server.transfer_count = 1;
    so_dns_server_init(&ns_->server, &server);
    std::string text = "$TTL 60\n@ SOA ns h 7 60 60 60 60\n@ NS ns\nns A 192.0.2.1\n";
    for (int i = 0; i < 3000; i++) {
      text += "h" + std::to_string(i) + " TXT \"" + std::string(40, 'x') + "\"\n";
    }
    static const uint8_t name[] = "\7example\3org";
    so_ns_zone *const z = so_ns_load_text(ns_, so_str("zone"), so_bytes_of(name, sizeof name),
                                          so_test::View(text), nullptr, nullptr);
    ASSERT_NE(z, nullptr) << so_test::Text(so_sim_console(sim_));
    ASSERT_TRUE(so_ns_replace(ns_, const_cast<so_ns_zone **>(&z), 1));
  }
  void TearDown() override {
    EXPECT_EQ(ns_->fibers, 0u);
    EXPECT_EQ(ns_->connections, 0u);
    so_ns_release_zones(ns_);
    so_heap_free(world_.heap, ns_, sizeof *ns_);
    EXPECT_EQ(so_sim_heap_used(sim_), before_) << "memory that nobody gave back";
    so_sim_free(sim_);
  }

  // Serves over TCP while `client` runs.
  void WhileServing(const std::function<void()> &client) {
    so_test::Fibers fibers(world_.sched);
    fibers.Spawn([&] {
      (void)so_fiber_wake_on_stop(world_.sched, true);
      SO_ASSERT_OK(so_ns_serve_tcp(ns_, &kAt));
      client();
      so_sched_stop(world_.sched);
    });
    SO_ASSERT_OK(so_sim_run(sim_));
  }
  so_stream Connect() {
    so_stream s = {};
    SO_EXPECT_OK(world_.net.connect(world_.net.ctx, &kAt, SO_NEVER, &s));
    return s;
  }
  void Write(const so_stream &s, const Bytes &b) {
    SO_EXPECT_OK(so_stream_write(&s, so_test::View(b), SO_NEVER));
  }
  // One message; empty: the connection ended.
  Bytes Read(const so_stream &s) {
    Bytes m;
    size_t want = 2;
    bool framed = false;
    while (m.size() < want) {
      uint8_t buf[4096];
      size_t n = 0;
      const size_t cap = std::min(sizeof buf, want - m.size());
      if (!so_ok(so_stream_read(&s, buf, cap, SO_NEVER, &n)) || n == 0) {
        return "";
      }
      m.append(reinterpret_cast<const char *>(buf), n);
      if (!framed && m.size() == 2) {
        framed = true;
        want = static_cast<size_t>(Id(m));
        m.clear();
      }
    }
    return m;
  }

  so_sim *sim_ = nullptr;
  so_world world_;
  so_ns_options options_ = {};
  so_nameserver *ns_ = nullptr;
  size_t before_ = 0;
};

TEST_P(ServeTest, QueriesOfOneConnectionAreAnsweredInOrder) {
  WhileServing([&] {
    const so_stream s = Connect();
    Bytes all;
    for (uint16_t i = 0; i < 300; i++) {
      all += Framed(Query(i, i % 2 == 0 ? "ns.example.org" : "absent.example.org", 1));
    }
    so_test::Fibers writer(world_.sched);
    writer.Spawn([&] { Write(s, all); });
    for (uint16_t i = 0; i < 300; i++) {
      const Bytes m = Read(s);
      ASSERT_EQ(Id(m), i);
      EXPECT_EQ(Rcode(m), i % 2 == 0 ? 0 : 3);
    }
    writer.Join();
    so_stream_close(&s);
  });
  EXPECT_EQ(ns_->server.stats.tcp_queries, 300u);
}

TEST_P(ServeTest, AZoneIsTransferredInPiecesAndAReaderMayBeSlow) {
  WhileServing([&] {
    const so_stream s = Connect();
    Write(s, Framed(Query(5, "example.org", 252)) + Framed(Query(6, "ns.example.org", 1)));
    size_t records = 0, messages = 0;
    Bytes m;
    while (Id(m = Read(s)) == 5) {
      ASSERT_EQ(Rcode(m), 0);
      records += static_cast<size_t>(static_cast<uint8_t>(m[6]) << 8 | static_cast<uint8_t>(m[7]));
      messages++;
      so_fiber_sleep_until(world_.sched, so_sim_now(sim_) + SO_NS_PER_S);
    }
    EXPECT_EQ(records, 3004u);  // With the SOA once more at the end.
    EXPECT_GT(messages, 1u);
    EXPECT_EQ(Id(m), 6);  // And on it goes.
    so_stream_close(&s);
  });
  EXPECT_EQ(ns_->server.stats.transfers, 1u);
}

TEST_P(ServeTest, WhatIsNoQueryEndsTheConnection) {
  const Bytes response = [] {
    Bytes m = Query(1, "ns.example.org", 1);
    m[2] = static_cast<char>(0x80);
    return Framed(m);
  }();
  WhileServing([&] {
    for (const Bytes &bad : {Bytes("\x10\x01", 2), Framed("short"), response, Bytes(2, '\0')}) {
      const so_stream s = Connect();
      const uint64_t begun = so_sim_now(sim_);
      Write(s, bad);
      EXPECT_EQ(Read(s), "");
      EXPECT_LT(so_sim_now(sim_) - begun, 5 * SO_NS_PER_S) << "ended by its timer only";
      so_stream_close(&s);
    }
  });
}

TEST_P(ServeTest, AQueryThatNeverEndsIsGivenUp) {
  WhileServing([&] {
    const so_stream s = Connect();
    const Bytes m = Framed(Query(1, "ns.example.org", 1));
    Write(s, m.substr(0, m.size() - 1));
    const uint64_t begun = so_sim_now(sim_);
    EXPECT_EQ(Read(s), "");
    EXPECT_GE(so_sim_now(sim_) - begun, 9 * SO_NS_PER_S);
    EXPECT_LE(so_sim_now(sim_) - begun, 11 * SO_NS_PER_S);
    so_stream_close(&s);
  });
}

TEST_P(ServeTest, MoreConnectionsThanTheLimitAreClosed) {
  WhileServing([&] {
    std::vector<so_stream> all;
    for (size_t i = 0; i < SO_NS_TCP_MAX; i++) {
      all.push_back(Connect());
      so_fiber_sleep_until(world_.sched, so_sim_now(sim_) + SO_NS_PER_MS);
    }
    const so_stream more = Connect();
    EXPECT_EQ(Read(more), "");
    so_stream_close(&more);
    EXPECT_EQ(ns_->connections, static_cast<uint32_t>(SO_NS_TCP_MAX));
    so_stream_close(&all.back());
    all.pop_back();
    so_fiber_sleep_until(world_.sched, so_sim_now(sim_) + SO_NS_PER_MS);
    const so_stream again = Connect();
    Write(again, Framed(Query(1, "ns.example.org", 1)));
    EXPECT_EQ(Rcode(Read(again)), 0);
    so_stream_close(&again);
    for (const so_stream &s : all) {
      so_stream_close(&s);
    }
  });
}

TEST_P(ServeTest, EachDatagramIsAnsweredToWhoAskedFromWhereItCame) {
  Datagrams d(world_.sched);
  for (uint16_t i = 0; i < 150; i++) {
    d.in.push_back(i % 3 == 2 ? Bytes("bad") : Query(i, "ns.example.org", 1));
  }
  const so_net net = world_.net;
  world_.net = d.Bind(net);
  so_test::Fibers fibers(world_.sched);
  fibers.Spawn([&] { SO_ASSERT_OK(so_ns_serve_udp(ns_, &kAt)); });
  SO_ASSERT_OK(so_sim_run(sim_));
  world_.net = net;
  ASSERT_EQ(d.out.size(), 100u);
  for (size_t i = 0; i < d.out.size(); i++) {
    EXPECT_EQ(Id(d.out[i]), static_cast<int>(i / 2 * 3 + i % 2));
    EXPECT_EQ(Rcode(d.out[i]), 0);
    EXPECT_EQ(d.heads[i].peer.port, kClient.port);
    EXPECT_EQ(memcmp(d.heads[i].peer.address, kClient.address, 4), 0);
    EXPECT_EQ(memcmp(d.heads[i].local.address, kOurs.address, 4), 0);
  }
  EXPECT_EQ(ns_->server.stats.dropped, 50u);
  EXPECT_EQ(d.closed, 1);
}

TEST_P(ServeTest, AnAddressThatIsTakenIsToldAndNothingIsLeft) {
  Datagrams d(world_.sched);
  d.refused = so_status_make(SO_CONFLICT, 0);
  const so_net net = world_.net;
  world_.net = d.Bind(net);
  EXPECT_EQ(so_ns_serve_udp(ns_, &kAt).code, SO_CONFLICT);
  world_.net = net;
  WhileServing([&] { EXPECT_EQ(so_ns_serve_tcp(ns_, &kAt).code, SO_CONFLICT); });
}

INSTANTIATE_TEST_SUITE_P(Networks, ServeTest, ::testing::Bool(), [](const auto &p) {
  return p.param ? "InPieces" : "AtOnce";
});

}  // namespace
