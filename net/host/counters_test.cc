// Frames that are wrong, each in its own way, into one host: the counter that is meant for it moves,
// under the name that /metrics shows, and the host goes on.

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "net/host/host.h"
#include "net/host/parts.h"
#include "net/checksum/checksum.h"
#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace {

using so_test::View;

std::string Be16(unsigned v) {
  return std::string{static_cast<char>(v >> 8), static_cast<char>(v)};
}
std::string Be32(uint32_t v) { return Be16(v >> 16) + Be16(v & 0xffff); }
std::string Zeros(size_t n) { return std::string(n, '\0'); }
std::string Byte(unsigned v) { return std::string(1, static_cast<char>(v)); }

so_ip Ip(const std::string &text) {
  so_ip ip = {};
  SO_EXPECT_OK(so_ip_parse(View(text), &ip));
  return ip;
}
std::string Raw(const std::string &text) {
  const so_ip ip = Ip(text);
  return std::string(reinterpret_cast<const char *>(ip.bytes), so_ip_len(&ip));
}

const std::string kOurs("\x02\x00\x00\x00\x00\x02", 6);
const std::string kPeer("\x02\x00\x00\x00\x00\x01", 6);

std::string Frame(unsigned type, const std::string &body, const std::string &dst = kOurs) {
  return dst + kPeer + Be16(type) + body;
}

// Writes the Internet checksum of `body` (and of a pseudo-header when addresses are given) at `off`.
std::string Summed(std::string body, size_t off, const std::string &src = "",
                   const std::string &dst = "", uint8_t protocol = 0) {
  so_checksum c = so_checksum_start();
  if (!src.empty()) {
    const so_ip s = Ip(src);
    const so_ip d = Ip(dst);
    so_checksum_add_pseudo(&c, &s, &d, protocol, static_cast<uint32_t>(body.size()));
  }
  so_checksum_add(&c, View(body));
  const std::string sum = Be16(so_checksum_end(&c));
  return body.replace(off, 2, sum);
}

struct V4 {
  std::string src = "192.0.2.1";
  std::string dst = "192.0.2.2";
  unsigned protocol = 17;
  std::string payload = Zeros(16);
  std::string options = "";
  unsigned id = 1;
  unsigned fragment = 0;  // Flags and offset.
  unsigned version = 4;
  bool bad_sum = false;

  std::string Build() const {
    const size_t header = 20 + options.size();
    std::string h = Byte(version << 4 | static_cast<unsigned>(header / 4)) + Byte(0) +
                    Be16(static_cast<unsigned>(header + payload.size())) + Be16(id) +
                    Be16(fragment) + Byte(64) + Byte(protocol) + Zeros(2) + Raw(src) + Raw(dst) +
                    options;
    h = Summed(h, 10);
    if (bad_sum) {
      h[10] = static_cast<char>(h[10] ^ 1);
    }
    return Frame(0x0800, h + payload);
  }
};

struct V6 {
  std::string src = "2001:db8::1";
  std::string dst = "2001:db8::2";
  unsigned next = 17;
  std::string payload = Zeros(16);
  unsigned hop_limit = 64;
  unsigned version = 6;

  std::string Build() const {
    return Frame(0x86dd, Byte(version << 4) + Zeros(3) +
                             Be16(static_cast<unsigned>(payload.size())) + Byte(next) +
                             Byte(hop_limit) + Raw(src) + Raw(dst) + payload);
  }
};

std::string Icmp(unsigned type, unsigned code, const std::string &rest) {
  return Summed(Byte(type) + Byte(code) + Zeros(2) + rest, 2);
}
std::string Icmp6(unsigned type, unsigned code, const std::string &rest,
                  const std::string &src = "2001:db8::1", const std::string &dst = "2001:db8::2") {
  return Summed(Byte(type) + Byte(code) + Zeros(2) + rest, 2, src, dst, 58);
}
std::string Udp(const std::string &payload, unsigned port = 9, int len = -1) {
  const unsigned real = static_cast<unsigned>(8 + payload.size());
  return Summed(Be16(1000) + Be16(port) + Be16(len < 0 ? real : static_cast<unsigned>(len)) +
                    Zeros(2) + payload,
                6, "192.0.2.1", "192.0.2.2", 17);
}
std::string Tcp(unsigned offset, unsigned flags, const std::string &dst = "192.0.2.2") {
  return Summed(Be16(1000) + Be16(9) + Be32(1) + Be32(2) + Byte(offset << 4) + Byte(flags) +
                    Be16(1000) + Zeros(4),
                16, "192.0.2.1", dst, 6);
}
std::string Arp(unsigned op, const std::string &sender, const std::string &target,
                unsigned hardware = 1) {
  return Be16(hardware) + Be16(0x0800) + Byte(6) + Byte(4) + Be16(op) + kPeer + Raw(sender) +
         Zeros(6) + Raw(target);
}
std::string Spoiled(std::string s, size_t at) {
  s[at] = static_cast<char>(s[at] ^ 0x55);
  return s;
}

class CountersTest : public ::testing::Test {
 protected:
  // Runs `body` with a host that has 192.0.2.2 and 2001:db8::2 on a wire that the test feeds.
  void Run(const std::function<void()> &body) {
    static const so_netdev_ops ops = {Send, Receive, Close};
    sim_ = so_sim_make(nullptr);
    world_ = so_sim_world(sim_);
    device_ = so_netdev();
    device_.ops = &ops;
    device_.ctx = this;
    device_.ready = &ready_;
    device_.mtu = 1500;
    memcpy(device_.mac, kOurs.data(), 6);
    so_test::Fibers fibers(world_->sched);
    fibers.Spawn([&] {
      so_host_config c;
      so_bytes bad;
      SO_ASSERT_OK(so_host_config_parse(
          so_str("ip=192.0.2.2/24 ip=2001:db8::2/64 pages=4096 connections=100"), &c, &bad));
      so_host_config_all(&c);
      SO_ASSERT_OK(so_host_start(world_, &device_, &c, &host_));
      net_ = so_host_net(host_);
      SO_ASSERT_OK(so_host_wait_ready(host_, In(5000), nullptr));
      body();
      EXPECT_TRUE(AnswersPing()) << "the host went on";
      so_host_stop(host_, In(1000));
    });
    SO_ASSERT_OK(so_sim_run(sim_));
    so_sim_free(sim_);
  }

  uint64_t In(uint64_t ms) { return so_clock_now(&world_->clock) + ms * SO_NS_PER_MS; }
  void Sleep(uint64_t ms) { so_fiber_sleep_until(world_->sched, In(ms)); }

  void Feed(const std::string &frame) {
    in_.push_back(frame);
    so_event_signal(world_->sched, &ready_);
    Sleep(5);
  }

  uint64_t Metric(const std::string &name) {
    std::map<std::string, uint64_t> all;
    const so_metrics m = so_host_metrics(host_);
    so_metrics_each(
        &m,
        [](void *ctx, const char *n, so_metric_kind, uint64_t v) {
          auto *const map = static_cast<std::map<std::string, uint64_t> *>(ctx);
          EXPECT_EQ(map->count(n), 0u) << n << " is listed twice";
          (*map)[n] = v;
        },
        &all);
    EXPECT_EQ(all.count(name), 1u) << name;
    return all[name];
  }

  // Feeds frames; the counter goes up by `by`.
  void Counts(const std::string &name, const std::vector<std::string> &frames, uint64_t by = 1) {
    const uint64_t before = Metric(name);
    for (const std::string &f : frames) {
      Feed(f);
    }
    EXPECT_EQ(Metric(name) - before, by) << name;
  }

  bool AnswersPing() {
    const uint64_t before = Metric("net_icmp_tx_echo");
    Sleep(2000);  // What limits the rate of answers has recovered.
    V4 ping;
    ping.protocol = 1;
    ping.payload = Icmp(8, 0, Zeros(8));
    Feed(ping.Build());
    return Metric("net_icmp_tx_echo") == before + 1;
  }

  so_sim *sim_ = nullptr;
  const so_world *world_ = nullptr;
  so_host *host_ = nullptr;
  so_net net_ = {};
  so_netdev device_ = {};
  so_event ready_ = {};
  std::deque<std::string> in_;

 private:
  static so_status Send(void *, const so_frame *f) {
    f->release(f->owner);
    return so_done();
  }
  static so_status Receive(void *ctx, const so_netdev_room *rooms, size_t count, size_t *out_len,
                           so_offload *out) {
    CountersTest *const t = static_cast<CountersTest *>(ctx);
    if (t->in_.empty()) {
      return so_status_make(SO_AGAIN, 0);
    }
    const std::string f = t->in_.front();
    t->in_.pop_front();
    size_t at = 0;
    for (size_t i = 0; i < count && at < f.size(); i++) {
      const size_t n = std::min(rooms[i].len, f.size() - at);
      memcpy(rooms[i].ptr, f.data() + at, n);
      at += n;
    }
    *out_len = at;
    *out = so_offload();
    return so_done();
  }
  static void Close(void *) {}
};

TEST_F(CountersTest, Ethernet) {
  Run([&] {
    Counts("net_rx_short", {std::string(10, 'x')});
    Counts("net_rx_other_host", {Frame(0x0800, Zeros(40), std::string("\x02zzzzz", 6))});
    Counts("net_rx_ethertype", {Frame(0x9999, Zeros(40))});
  });
}

TEST_F(CountersTest, Arp) {
  Run([&] {
    Counts("net_arp_rx_malformed", {Frame(0x0806, Arp(1, "192.0.2.1", "192.0.2.2", 7))});
    Counts("net_arp_rx_ignored", {Frame(0x0806, Arp(1, "192.0.2.1", "192.0.2.9"))});
    Counts("net_arp_conflicts", {Frame(0x0806, Arp(2, "192.0.2.2", "192.0.2.2"))});
    // Nobody answers for .77: what waited for it is dropped.
    so_stream s;
    so_endpoint to = {};
    to.family = 4;
    memcpy(to.address, Raw("192.0.2.77").data(), 4);
    to.port = 80;
    const uint64_t failed = Metric("net_arp_failed");
    const uint64_t dropped = Metric("net_arp_queue_dropped");
    EXPECT_FALSE(so_ok(net_.connect(net_.ctx, &to, In(9000), &s)));
    EXPECT_GT(Metric("net_arp_failed"), failed);
    EXPECT_GT(Metric("net_arp_queue_dropped"), dropped);
  });
}

TEST_F(CountersTest, Ipv4Headers) {
  Run([&] {
    const auto with = [](const std::function<void(V4 *)> &change) {
      V4 p;
      change(&p);
      return std::vector<std::string>{p.Build()};
    };
    Counts("net_ip4_rx_header", with([](V4 *p) { p->version = 5; }));
    Counts("net_ip4_rx_checksum", with([](V4 *p) { p->bad_sum = true; }));
    Counts("net_ip4_rx_source_route",
           with([](V4 *p) { p->options = std::string("\x83\x07\x04", 3) + Zeros(5); }));
    Counts("net_ip4_rx_source", with([](V4 *p) { p->src = "127.0.0.1"; }));
    Counts("net_ip4_rx_source", with([](V4 *p) { p->src = "224.0.0.9"; }));
    Counts("net_ip4_rx_not_ours", with([](V4 *p) { p->dst = "192.0.2.77"; }));
    Counts("net_ip4_rx_protocol", with([](V4 *p) { p->protocol = 200; }));
  });
}

TEST_F(CountersTest, Fragments) {
  Run([&] {
    const auto piece = [](unsigned id, unsigned offset, size_t len, bool more) {
      V4 p;
      p.id = id;
      p.fragment = (more ? 0x2000u : 0u) | offset / 8;
      p.payload = Zeros(len);
      return p.Build();
    };
    Counts("net_reassembly_duplicates", {piece(1, 0, 64, true), piece(1, 0, 64, true)});
    Counts("net_reassembly_overlap", {piece(2, 0, 64, true), piece(2, 32, 64, true)});
    Counts("net_reassembly_refused", {piece(2, 96, 64, false)});
    Counts("net_reassembly_invalid", {piece(3, 0, 63, true)});
    Counts("net_reassembly_invalid", {piece(4, 65528, 64, false)});
    Counts("net_ip4_rx_fragments", {piece(5, 0, 64, true)});
    const uint64_t before = Metric("net_reassembly_timeout");
    Sleep(120 * 1000);
    EXPECT_GT(Metric("net_reassembly_timeout"), before);
    const uint64_t limit = Metric("net_reassembly_limit");
    for (unsigned id = 100; id < 3000 && Metric("net_reassembly_limit") == limit; id++) {
      Feed(piece(id, 0, 1400, true));
    }
    EXPECT_GT(Metric("net_reassembly_limit"), limit);
  });
}

TEST_F(CountersTest, Icmp) {
  Run([&] {
    V4 p;
    p.protocol = 1;
    p.payload = Spoiled(Icmp(8, 0, Zeros(8)), 6);
    Counts("net_icmp_rx_checksum", {p.Build()});
    p.payload = Icmp(8, 0, "");
    Counts("net_icmp_rx_malformed", {p.Build()});
    p.payload = Icmp(99, 0, Zeros(8));
    Counts("net_icmp_rx_ignored", {p.Build()});
    // "Fragmentation needed" about a connection that is not ours.
    V4 quoted;
    quoted.src = "192.0.2.2";
    quoted.dst = "192.0.2.1";
    quoted.protocol = 6;
    p.payload = Icmp(3, 4, Zeros(2) + Be16(600) + quoted.Build().substr(14));
    const uint64_t refused = Metric("net_path_mtu_refused") + Metric("tcp_drop_icmp");
    Feed(p.Build());
    EXPECT_GT(Metric("net_path_mtu_refused") + Metric("tcp_drop_icmp"), refused);
  });
}

TEST_F(CountersTest, Udp) {
  Run([&] {
    V4 p;
    p.payload = Udp("hello", 9, 100);
    Counts("udp_rx_malformed", {p.Build()});
    p.payload = Spoiled(Udp("hello"), 9);
    Counts("udp_rx_checksum", {p.Build()});
    p.payload = Udp("hello");
    Counts("udp_rx_no_port", {p.Build()});
    so_datagram_socket socket;
    so_endpoint at = {};
    at.family = 4;
    at.port = 9;
    SO_ASSERT_OK(net_.bind(net_.ctx, &at, &socket));
    Counts("udp_rx_queue_full", std::vector<std::string>(1025, p.Build()));
    // A datagram longer than the program's buffer is dropped, not cut.
    uint8_t small[4];
    so_datagram d = {};
    d.data = small;
    d.cap = sizeof small;
    size_t n;
    SO_EXPECT_CODE(SO_AGAIN, so_datagram_receive(&socket, &d, 1, In(10), &n));
    EXPECT_EQ(Metric("host_udp_too_long"), 1024u);
    so_datagram_close(&socket);
  });
}

TEST_F(CountersTest, Tcp) {
  Run([&] {
    V4 p;
    p.protocol = 6;
    p.payload = Tcp(4, 0x10);
    Counts("tcp_drop_malformed", {p.Build()});
    p.payload = Spoiled(Tcp(5, 0x10), 9);
    Counts("tcp_drop_checksum", {p.Build()});
    p.payload = Tcp(5, 0x10);
    Counts("tcp_drop_no_connection", {p.Build()});
    Counts("tcp_reset_out", {p.Build()});
  });
}

TEST_F(CountersTest, Ipv6) {
  Run([&] {
    const auto with = [](const std::function<void(V6 *)> &change) {
      V6 p;
      change(&p);
      return std::vector<std::string>{p.Build()};
    };
    Counts("net_ip6_malformed", with([](V6 *p) { p->version = 5; }));
    Counts("net_ip6_not_ours", with([](V6 *p) { p->dst = "2001:db8::77"; }));
    Counts("net_ip6_bad_source", with([](V6 *p) { p->src = "ff02::9"; }));
    Counts("net_ip6_unknown_protocol", with([](V6 *p) { p->next = 200; }));
    Counts("net_ip6_empty", with([](V6 *p) {
             p->next = 59;  // No next header.
             p->payload = "";
           }));
    Counts("net_ip6_extension_faults", with([](V6 *p) {
             p->next = 0;
             p->payload = Byte(17) + Byte(9) + Zeros(6);
           }));
    Counts("net_ip6_fragments_received", with([](V6 *p) {
             p->next = 44;
             p->payload = Byte(17) + Zeros(1) + Be16(1) + Be32(7) + Zeros(16);
           }));
  });
}

TEST_F(CountersTest, Icmpv6NeighboursAndGroups) {
  Run([&] {
    V6 p;
    p.next = 58;
    p.payload = Spoiled(Icmp6(128, 0, Zeros(8)), 6);
    Counts("net_ip6_icmp_checksum", {p.Build()});
    p.payload = Byte(128);
    Counts("net_ip6_icmp_malformed", {p.Build()});
    p.payload = Icmp6(200, 0, Zeros(8));
    Counts("net_ip6_icmp_ignored", {p.Build()});
    // A solicitation that came over a router (hop limit), and one in a fragment (RFC 6980).
    p.payload = Icmp6(135, 0, Zeros(4) + Raw("2001:db8::2"));
    Counts("net_ndp_invalid", {p.Build()});
    p.hop_limit = 255;
    V6 cut = p;
    cut.next = 44;
    cut.payload = Byte(58) + Zeros(1) + Be16(0) + Be32(8) + p.payload;
    Counts("net_ndp_fragmented", {cut.Build()});
    p.payload = Icmp6(135, 0, Zeros(4) + Raw("2001:db8::99"));
    Counts("net_ndp_ignored", {p.Build()});
    // A redirect from who is no router of ours.
    p.src = "fe80::1";
    p.payload = Icmp6(137, 0, Zeros(4) + Raw("fe80::9") + Raw("2001:db8::99"), "fe80::1");
    const uint64_t refused = Metric("net_ndp_redirects_refused") + Metric("net_ndp_ignored");
    Feed(p.Build());
    EXPECT_GT(Metric("net_ndp_redirects_refused") + Metric("net_ndp_ignored"), refused);
    // A query for groups that came over a router.
    p.dst = "ff02::1";
    p.payload = Icmp6(130, 0, Zeros(20), "fe80::1", "ff02::1");
    std::string query = p.Build();
    query.replace(0, 6, std::string("\x33\x33\x00\x00\x00\x01", 6));
    Counts("net_mld_invalid", {query});
    EXPECT_GT(Metric("net_mld_reports_sent"), 0u);
  });
}

TEST_F(CountersTest, NeighboursThatDoNotAnswer) {
  Run([&] {
    so_stream s;
    so_endpoint to = {};
    to.family = 6;
    memcpy(to.address, Raw("2001:db8::77").data(), 16);
    to.port = 80;
    const uint64_t failed = Metric("net_ndp_cache_failed");
    const uint64_t probes = Metric("net_ndp_cache_probes");
    const uint64_t created = Metric("net_ndp_cache_created");
    EXPECT_FALSE(so_ok(net_.connect(net_.ctx, &to, In(9000), &s)));
    EXPECT_GT(Metric("net_ndp_cache_failed"), failed);
    EXPECT_GE(Metric("net_ndp_cache_probes"), probes + 3);
    EXPECT_GT(Metric("net_ndp_cache_created"), created);
    EXPECT_GT(Metric("net_ip6_unreachable") + Metric("net_ip6_waiting_dropped"), 0u);
  });
}

}  // namespace
