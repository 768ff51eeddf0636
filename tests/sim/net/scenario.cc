#include "tests/sim/net/scenario.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "net/tcp/check.h"
#include "tests/sim/net/world.h"

namespace net_sim {

namespace {

constexpr uint16_t kPort = 443;
constexpr uint64_t kLimit = 6 * 3600 * kSecond;  // Of virtual time; kSilence judges standstill.
constexpr uint64_t kSilence = 900 * kSecond;  // Eight timeouts of 120 s at most lie in that.

// What a program at one end of a connection does.
struct Plan {
  uint64_t send = 0;
  uint32_t write_max = 16384;  // Bytes a call.
  uint32_t read_max = 16384;
  uint64_t pause_every = 0;    // Bytes read, after which it sleeps; 0: never.
  uint64_t pause_ns = 0;
  bool reserve = false;        // Writes in place.
  bool peek = false;           // Reads in place.
  bool more = false;           // Says that more will come.
  uint64_t abort_after = UINT64_MAX;  // Bytes sent, after which it aborts.
  bool close_early = false;    // Closes when it has sent, not when it has read.
};

class Scenario;

void DescribeLink(const Host &h, const char *name, const Link &l) {
  printf("host %zu %-4s delay %.3f ms jitter %.3f ms rate %.0f queue %zu mark %zd loss %.4f repeat %.2f "
         "reorder %.2f within %.3f ms damage %.3f mtu %zu%s\n",
         h.index, name, static_cast<double>(l.delay_ns) / 1e6, static_cast<double>(l.jitter_ns) / 1e6,
         l.bytes_per_s, l.queue_bytes, static_cast<ssize_t>(l.mark_bytes), l.loss, l.repeat, l.reorder,
         static_cast<double>(l.reorder_ns) / 1e6, l.damage, l.mtu, l.silent ? " silent" : "");
}

// The byte of a stream at an offset.
uint8_t ByteAt(uint64_t stream, uint64_t at) {
  uint64_t v = (stream + 1) * UINT64_C(0x9e3779b97f4a7c15) + at / 8;
  v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  v ^= v >> 27;
  return static_cast<uint8_t>(v >> (at % 8 * 8));
}

// One end of a connection.
class End {
 public:
  End(Scenario *s, Host *h, uint64_t out_stream, const Plan &p)
      : scenario(s), host(h), out(out_stream), plan(p) {}
  so_tcp_upper upper() { return {Ready, this}; }
  static void Ready(void *ctx, uint32_t events) {
    End *e = static_cast<End *>(ctx);
    e->events |= events;
    e->connected = e->connected || (events & SO_TCP_ENDED) == 0;
    e->dirty = true;
  }
  void Step();
  // Takes note of an end of the connection that the plan did not want, unless the other side aborted.
  void Died(const char *where);
  void Write();
  void Read();
  void Take(const uint8_t *p, size_t n);
  bool ended() const { return conn == nullptr && opened; }

  Scenario *scenario;
  Host *host;
  uint64_t out;       // Stream that it sends.
  uint64_t in = 0;    // Stream that it expects.
  Plan plan;
  End *peer = nullptr;
  so_tcp_conn *conn = nullptr;
  bool opened = false;
  bool connected = false;
  bool dirty = false;
  bool asleep = false;
  bool shut = false;
  bool end_read = false;
  bool aborted = false;
  bool closed_early = false;
  uint32_t events = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t since_pause = 0;
};

class Scenario {
 public:
  Scenario(uint64_t seed, bool trace) : world(seed, trace) {}
  Result Go();
  std::mt19937_64 &random() { return world.random; }
  uint64_t Below(uint64_t n) { return world.Below(n); }
  bool Chance(double p) { return world.Chance(p); }

  World world;
  std::vector<std::unique_ptr<End>> ends;

 private:
  void MakeHosts();
  void MakeLink(Link *l);
  void Disturb();
  void MakeConnection();
  Plan MakePlan();
  void Connect(End *client, so_ip to, so_tcp_options options);
  void Accept(Host *h);
  void StepEnds();
  bool AllEnded() const;
  void Progress();
  std::string Describe() const;

  std::vector<so_tcp_listener *> listeners_;
  std::vector<End *> waiting_;  // Server ends, by the client's port.
  struct Expected {
    Host *host;
    so_ip client_ip;
    uint16_t client_port;
    End *server;
  };
  std::vector<Expected> expected_;
  std::vector<bool> listener_dirty_;
  struct ListenerContext {
    Scenario *scenario;
    size_t index;
  };
  std::vector<std::unique_ptr<ListenerContext>> contexts_;
  bool rough_ = false;
  uint64_t moved_ = 0;        // Bytes read by all programs,
  uint64_t moved_ns_ = 0;     // and when that last grew.
  friend class End;
};

void End::Died(const char *where) {
  so_tcp_info info;
  so_tcp_get_info(conn, &info);
  // A listener that answered by a cookie knows nothing of a connection until its first segment arrives.
  const bool cookie = so_tcp_statistics(peer->host->tcp)->cookies_sent != 0 && received == 0 &&
                      info.end == SO_TCP_END_RESET;
  const bool no_way = info.end == SO_TCP_END_UNREACHABLE || info.end == SO_TCP_END_TIMEOUT;
  if (scenario->rough_ && ((!connected && no_way) || cookie)) {
    aborted = true;  // So many losses that no connection came about: that may be.
  } else if (!peer->aborted && !peer->closed_early && !closed_early) {
    scenario->world.Fail(std::string("a connection died in ") + where + ", state " +
                         so_tcp_state_name(info.state) + ", end " + std::to_string(info.end) +
                         ", sent " + std::to_string(sent) + "/" + std::to_string(plan.send) +
                         ", received " + std::to_string(received) + "/" +
                         std::to_string(peer->plan.send));
  }
  so_tcp_close(host->tcp, conn, scenario->world.now_ns);
  conn = nullptr;
}

void End::Write() {
  const uint64_t now_ns = scenario->world.now_ns;
  while (conn != nullptr && sent < plan.send) {
    const uint64_t left = plan.send - sent;
    const size_t want = static_cast<size_t>(
        std::min<uint64_t>(left, 1 + scenario->Below(plan.write_max)));
    const bool more = plan.more && want < left;
    size_t n = 0;
    so_status status;
    if (plan.reserve) {
      so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
      size_t count = 0;
      status = so_tcp_reserve(host->tcp, conn, want, now_ns, rooms, &count, &n);
      if (so_ok(status)) {
        uint64_t at = sent;
        for (size_t i = 0; i < count; i++) {
          for (size_t k = 0; k < rooms[i].len; k++) {
            rooms[i].ptr[k] = ByteAt(out, at++);
          }
        }
        n = std::min(n, want);
        status = so_tcp_commit(host->tcp, conn, n, more, now_ns);
      }
    } else {
      std::vector<uint8_t> bytes(want);
      for (size_t k = 0; k < want; k++) {
        bytes[k] = ByteAt(out, sent + k);
      }
      status = so_tcp_write(host->tcp, conn, so_bytes_of(bytes.data(), want), more, now_ns, &n);
    }
    if (so_is(status, SO_AGAIN)) {
      return;
    }
    if (!so_ok(status)) {
      Died("write");
      return;
    }
    sent += n;
    if (sent >= plan.abort_after) {
      aborted = true;
      so_tcp_abort(host->tcp, conn, now_ns);
      conn = nullptr;
      return;
    }
  }
  if (conn != nullptr && !shut) {
    shut = true;
    if (plan.close_early) {
      closed_early = true;
      so_tcp_close(host->tcp, conn, now_ns);
      conn = nullptr;
    } else if (!so_ok(so_tcp_shutdown(host->tcp, conn, now_ns))) {
      Died("shutdown");
    }
  }
}

void End::Take(const uint8_t *p, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (p[i] != ByteAt(in, received + i)) {
      scenario->world.Fail("byte " + std::to_string(received + i) + " of stream " +
                           std::to_string(in) + " is wrong");
      break;
    }
  }
  received += n;
  since_pause += n;
  scenario->moved_ += n;
  scenario->moved_ns_ = scenario->world.now_ns;
  if (received > peer->plan.send) {
    scenario->world.Fail("more bytes than were sent");
  }
}

void End::Read() {
  const uint64_t now_ns = scenario->world.now_ns;
  uint8_t buffer[16384];
  while (conn != nullptr && !asleep && !end_read) {
    const size_t most = 1 + static_cast<size_t>(scenario->Below(plan.read_max));
    size_t n = 0;
    so_status status;
    if (plan.peek) {
      so_bytes view = so_bytes_of(nullptr, 0);
      status = so_tcp_peek(conn, &view);
      if (so_ok(status)) {
        n = std::min(most, view.len);
        Take(view.ptr, n);
        so_tcp_consume(host->tcp, conn, n, now_ns);
      }
    } else {
      status = so_tcp_read(host->tcp, conn, buffer, std::min(most, sizeof buffer), now_ns, &n);
      if (so_ok(status)) {
        Take(buffer, n);
      }
    }
    if (so_is(status, SO_AGAIN)) {
      return;
    }
    if (!so_ok(status)) {
      Died("read");
      return;
    }
    if (n == 0) {
      end_read = true;
      if (received != peer->plan.send || (peer->aborted && !peer->shut)) {
        scenario->world.Fail("the end of the stream came after " + std::to_string(received) +
                             " of " + std::to_string(peer->plan.send) + " bytes, stream " +
                             std::to_string(in) + ", of which " + std::to_string(peer->sent) +
                             " were written" + (peer->aborted ? ", then aborted" : ""));
      }
      return;
    }
    if (plan.pause_every != 0 && since_pause >= plan.pause_every) {
      since_pause = 0;
      asleep = true;
      scenario->world.At(now_ns + plan.pause_ns, [this] {
        asleep = false;
        dirty = true;
      });
    }
  }
}

void End::Step() {
  dirty = false;
  if (conn == nullptr) {
    return;
  }
  Write();
  Read();
  if (conn != nullptr && end_read && shut) {
    so_tcp_info info;
    so_tcp_get_info(conn, &info);
    so_tcp_close(host->tcp, conn, scenario->world.now_ns);
    conn = nullptr;
  } else if (conn != nullptr && (events & SO_TCP_ENDED) != 0 && !asleep) {
    so_tcp_info info;
    so_tcp_get_info(conn, &info);
    if (info.end != SO_TCP_END_NONE) {
      Died("the background");
    }
  }
}

// --- making -----------------------------------------------------------------------------------------

void Scenario::MakeLink(Link *l) {
  const uint64_t delays[] = {10 * kUs, 100 * kUs, kMs, 5 * kMs, 20 * kMs, 50 * kMs};
  const double rates[] = {125e3, 1.25e6, 12.5e6, 125e6};
  l->delay_ns = delays[Below(6)];
  l->bytes_per_s = rates[Below(4)];
  l->queue_bytes = (3 << 10) + Below(200 << 10);
  if (Chance(0.3)) {
    l->mark_bytes = l->queue_bytes / 3;
  }
  if (Chance(0.3)) {
    l->jitter_ns = Below(l->delay_ns + 1);
  }
  if (!rough_) {
    return;
  }
  if (Chance(0.6)) {
    l->loss = 0.001 * static_cast<double>(1 + Below(100));
  }
  if (Chance(0.4)) {
    l->reorder = 0.01 * static_cast<double>(1 + Below(30));
    l->reorder_ns = Below(3 * l->delay_ns + kMs);
  }
  if (Chance(0.3)) {
    l->repeat = 0.01 * static_cast<double>(1 + Below(20));
  }
  if (Chance(0.3)) {
    l->damage = 0.001 * static_cast<double>(1 + Below(50));
  }
  if (Chance(0.15)) {
    l->mtu = 1280 + Below(220);
    l->silent = Chance(0.2);
  }
}

void Scenario::MakeHosts() {
  const size_t count = 2 + (Chance(0.2) ? Below(3) : 0);
  rough_ = Chance(0.8);
  for (size_t i = 0; i < count; i++) {
    so_tcp_config config = {};
    config.connections_max = 64;
    config.half_open_max = Chance(0.1) ? 1 : 16;
    config.time_wait_max = 64;
    config.time_wait_ms = 2000;
    config.fin_wait_2_ms = 10000;
    config.no_sack = Chance(0.1);
    config.no_timestamps = Chance(0.15);
    config.no_window_scale = Chance(0.1);
    config.segment_max = Chance(0.4) ? 1400 : 0;
    Host *h = world.AddHost(config, Chance(0.1) ? 1400 : 1500);
    MakeLink(&h->up);
    MakeLink(&h->down);
    h->down.damage = 0;  // A frame damaged twice could pass a checksum.
    contexts_.push_back(std::make_unique<ListenerContext>(ListenerContext{this, i}));
    listener_dirty_.push_back(false);
    so_tcp_upper upper = {[](void *ctx, uint32_t) {
                            auto *c = static_cast<ListenerContext *>(ctx);
                            c->scenario->listener_dirty_[c->index] = true;
                          },
                          contexts_.back().get()};
    so_tcp_options options = {};
    options.congestion = Chance(0.5) ? SO_TCP_CUBIC : SO_TCP_NEWRENO;
    options.no_delay = Chance(0.5);
    options.keepalive_ms = 30000;  // The other side may be gone without a word.
    options.keepalive_gap_ms = 10000;
    options.user_timeout_ms = 3600 * 1000;  // kSilence judges, not this.
    options.receive_limit = Chance(0.3) ? 4096 + static_cast<uint32_t>(Below(60000)) : 0;
    options.send_limit = Chance(0.3) ? 4096 + static_cast<uint32_t>(Below(60000)) : 0;
    so_ip any = {};
    so_tcp_listener *l = nullptr;
    if (!so_ok(so_tcp_listen(h->tcp, &any, kPort, 16, &options, &upper, &l))) {
      world.Fail("listen failed");
    }
    listeners_.push_back(l);
  }
}

// Links that change while the connections run, a few times.
void Scenario::Disturb() {
  if (!rough_) {
    return;
  }
  for (auto &owner : world.hosts) {
    Host *h = owner.get();
    const uint64_t at_ns = world.now_ns + Below(5 * kSecond);
    if (Chance(0.15)) {  // Down for a while.
      Link *l = Chance(0.5) ? &h->up : &h->down;
      const uint64_t length_ns = Below(8 * kSecond);
      world.At(at_ns, [l] { l->down = true; });
      world.At(at_ns + length_ns, [l] { l->down = false; });
    }
    if (Chance(0.1)) {
      const size_t mtu = 1280 + Below(221);
      world.At(at_ns, [h, mtu] { h->down.mtu = mtu; });
    }
    if (Chance(0.1)) {  // Another route: suddenly longer or shorter.
      const uint64_t delay_ns = Below(200 * kMs);
      world.At(at_ns, [h, delay_ns] { h->up.delay_ns = delay_ns; });
    }
  }
}

Plan Scenario::MakePlan() {
  Plan p;
  const uint64_t sizes[] = {0, 1, 100, 3000, 20000, 100000, 300000};
  p.send = sizes[Below(Chance(0.1) ? 7 : 6)];
  p.send += p.send == 0 ? 0 : Below(p.send);
  p.write_max = Chance(0.2) ? 200 : 20000;
  if (p.write_max == 200) {
    p.send = std::min<uint64_t>(p.send, 20000);
  }
  p.read_max = Chance(0.2) ? 300 : 16384;
  if (Chance(0.2)) {
    p.pause_every = 1000 + Below(50000);
    p.pause_ns = Below(2 * kSecond);
  }
  p.reserve = Chance(0.3);
  p.peek = Chance(0.3);
  p.more = Chance(0.2);
  if (Chance(0.05)) {
    p.abort_after = Below(p.send + 1);
  }
  p.close_early = Chance(0.05);
  return p;
}

void Scenario::MakeConnection() {
  const size_t from = Below(world.hosts.size());
  const size_t to = (from + 1 + Below(world.hosts.size() - 1)) % world.hosts.size();
  const uint64_t stream = ends.size();
  ends.push_back(std::make_unique<End>(this, world.hosts[from].get(), stream, MakePlan()));
  ends.push_back(std::make_unique<End>(this, world.hosts[to].get(), stream + 1, MakePlan()));
  End *client = ends[stream].get();
  End *server = ends[stream + 1].get();
  client->in = server->out;
  server->in = client->out;
  client->peer = server;
  server->peer = client;
  const so_ip dst = Chance(0.5) ? server->host->ip4 : server->host->ip6;
  so_tcp_options options = {};
  options.congestion = Chance(0.5) ? SO_TCP_CUBIC : SO_TCP_NEWRENO;
  options.no_ecn = Chance(0.3);
  options.keepalive_ms = 30000;
  options.keepalive_gap_ms = 10000;
  options.user_timeout_ms = 3600 * 1000;
  options.no_delay = Chance(0.5);
  options.receive_limit = Chance(0.3) ? 4096 + static_cast<uint32_t>(Below(60000)) : 0;
  world.At(world.now_ns + Below(3 * kSecond),
           [this, client, dst, options] { Connect(client, dst, options); });
}

void Scenario::Connect(End *client, so_ip to, so_tcp_options options) {
  const so_tcp_upper upper = client->upper();
  const so_status status = so_tcp_connect(client->host->tcp, &to, kPort, 0, &options, &upper,
                                          world.now_ns, &client->conn);
  if (!so_ok(status)) {
    world.Fail(std::string("connect: ") + so_code_name(static_cast<so_code>(status.code)));
    return;
  }
  so_tcp_info info;
  so_tcp_get_info(client->conn, &info);
  expected_.push_back({client->peer->host, info.local, info.local_port, client->peer});
  client->opened = true;
  client->dirty = true;
}

void Scenario::Accept(Host *h) {
  for (;;) {
    so_tcp_upper none = {};
    so_tcp_conn *conn = nullptr;
    if (!so_ok(so_tcp_accept(h->tcp, listeners_[h->index], &none, &conn))) {
      return;
    }
    so_tcp_info info;
    so_tcp_get_info(conn, &info);
    End *server = nullptr;
    for (const Expected &e : expected_) {
      if (e.host == h && e.client_port == info.remote_port &&
          so_ip_equal(&e.client_ip, &info.remote)) {
        server = e.server;
      }
    }
    if (server == nullptr || server->opened) {
      // A cookie is good again when its ACK comes twice.
      if (server == nullptr || so_tcp_statistics(h->tcp)->cookies_sent == 0) {
        world.Fail("a connection that nobody made was accepted");
      }
      so_tcp_abort(h->tcp, conn, world.now_ns);
      continue;
    }
    server->conn = conn;
    server->opened = server->dirty = true;
    const so_tcp_upper upper = server->upper();
    so_tcp_set_upper(conn, &upper);
  }
}

// --- running ----------------------------------------------------------------------------------------

void Scenario::StepEnds() {
  for (size_t i = 0; i < listener_dirty_.size(); i++) {
    if (listener_dirty_[i]) {
      listener_dirty_[i] = false;
      Accept(world.hosts[i].get());
    }
  }
  for (auto &e : ends) {
    if (e->dirty) {
      e->Step();
    }
  }
}

bool Scenario::AllEnded() const {
  for (const auto &e : ends) {
    // A server's end may never open when the client was aborted at once.
    const bool never = !e->opened && e->peer->ended() && (e->peer->aborted || e->peer->closed_early);
    if (!e->ended() && !never) {
      return false;
    }
  }
  return true;
}

std::string Scenario::Describe() const {
  std::string out;
  for (const auto &e : ends) {
    if (e->conn == nullptr) {
      continue;
    }
    so_tcp_info info;
    so_tcp_get_info(e->conn, &info);
    char text[300];
    snprintf(text, sizeof text,
             "\n  host %zu %s sent %llu/%llu received %llu/%llu unacked %u unsent %u swnd %u rwnd %u "
             "cwnd %u readable %u ooo %u rto %llu ms",
             e->host->index, so_tcp_state_name(info.state),
             static_cast<unsigned long long>(e->sent),
             static_cast<unsigned long long>(e->plan.send),
             static_cast<unsigned long long>(e->received),
             static_cast<unsigned long long>(e->peer->plan.send), info.unacked, info.unsent,
             info.send_window, info.receive_window, info.cwnd, info.readable, info.out_of_order,
             static_cast<unsigned long long>(info.rto_ns / kMs));
    out += text;
  }
  return out;
}

// Bytes must move: the longest silence that timeouts, back-off and links that are down explain.
void Scenario::Progress() {
  if (world.now_ns - moved_ns_ > kSilence) {
    world.Fail("no byte moved for too long" + Describe());
  }
}

Result Scenario::Go() {
  MakeHosts();
  const size_t connections = 1 + Below(Chance(0.2) ? 6 : 2);
  for (size_t i = 0; i < connections; i++) {
    MakeConnection();
  }
  Disturb();
  if (world.trace) {
    for (auto &h : world.hosts) {
      DescribeLink(*h, "up", h->up);
      DescribeLink(*h, "down", h->down);
    }
  }
  moved_ns_ = world.now_ns;
  uint64_t steps = 0;
  while (world.failure.empty() && !AllEnded()) {
    if (!world.Step(kLimit)) {
      world.Fail("connections did not end within six hours" + Describe());
      break;
    }
    StepEnds();
    Progress();
    for (auto &h : world.hosts) {
      if (!so_tcp_check(h->tcp)) {
        world.Fail("host " + std::to_string(h->index) + ": the state of TCP is not consistent");
      }
    }
    if (++steps > 20000000) {
      world.Fail("too many steps" + Describe());
    }
  }
  // All that is left must go by itself: TIME-WAIT, connections of closed handles, fragments.
  const uint64_t ended_ns = world.now_ns;
  if (world.failure.empty()) {
    for (size_t i = 0; i < listeners_.size(); i++) {
      so_tcp_listener_close(world.hosts[i]->tcp, listeners_[i], world.now_ns);
    }
    const auto leaks = [this] {
      std::string all;
      for (auto &h : world.hosts) {
        all += h->Leaks();
      }
      return all;
    };
    while (world.Step(ended_ns + 1000 * kSecond) && !leaks().empty()) {
    }
    if (!leaks().empty()) {
      world.Fail("left over:" + leaks());
    }
  }
  Result r;
  for (auto &h : world.hosts) {
    const so_tcp_stats *s = so_tcp_statistics(h->tcp);
    r.retransmitted += s->segments_retransmitted;
    r.undone += s->spurious_recoveries;
    r.probes += s->tail_loss_probes;
    r.timeouts += s->rto_expired;
    r.connections += s->opened_active;
  }
  r.virtual_ns = ended_ns;
  r.bytes = moved_;
  world.hosts.clear();
  r.frames = world.frames;
  r.dropped = world.dropped;
  r.failure = world.failure;
  return r;
}

}  // namespace

Result Run(uint64_t seed, bool trace) { return Scenario(seed, trace).Go(); }

}  // namespace net_sim
