#ifndef SO_NET_HOST_COUNTERS_TEST_H_
#define SO_NET_HOST_COUNTERS_TEST_H_

// A host on a wire that the test feeds, frames made by hand, and the counters by the names that
// /metrics shows.

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "net/checksum/checksum.h"
#include "net/host/host.h"
#include "net/host/parts.h"
#include "tests/sim/fibers.h"
#include "tests/sim/sim.h"
#include "tests/support/support.h"

namespace host_test {

inline std::string Be16(unsigned v) {
  return std::string{static_cast<char>(v >> 8), static_cast<char>(v)};
}
inline std::string Be32(uint32_t v) { return Be16(v >> 16) + Be16(v & 0xffff); }
inline std::string Zeros(size_t n) { return std::string(n, '\0'); }
inline std::string Byte(unsigned v) { return std::string(1, static_cast<char>(v)); }

inline so_ip Ip(const std::string &text) {
  so_ip ip = {};
  SO_EXPECT_OK(so_ip_parse(so_test::View(text), &ip));
  return ip;
}
inline std::string Raw(const std::string &text) {
  const so_ip ip = Ip(text);
  return std::string(reinterpret_cast<const char *>(ip.bytes), so_ip_len(&ip));
}

inline const std::string kOurs("\x02\x00\x00\x00\x00\x02", 6);
inline const std::string kPeer("\x02\x00\x00\x00\x00\x01", 6);

inline std::string Frame(unsigned type, const std::string &body, const std::string &dst = kOurs) {
  return dst + kPeer + Be16(type) + body;
}

// Writes the Internet checksum of `body` (and of a pseudo-header when addresses are given) at
// `off`.
inline std::string Summed(std::string body, size_t off, const std::string &src = "",
                   const std::string &dst = "", uint8_t protocol = 0) {
  so_checksum c = so_checksum_start();
  if (!src.empty()) {
    const so_ip s = Ip(src);
    const so_ip d = Ip(dst);
    so_checksum_add_pseudo(&c, &s, &d, protocol, static_cast<uint32_t>(body.size()));
  }
  so_checksum_add(&c, so_test::View(body));
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

inline std::string Icmp(unsigned type, unsigned code, const std::string &rest) {
  return Summed(Byte(type) + Byte(code) + Zeros(2) + rest, 2);
}
inline std::string Icmp6(unsigned type, unsigned code, const std::string &rest,
                  const std::string &src = "2001:db8::1", const std::string &dst = "2001:db8::2") {
  return Summed(Byte(type) + Byte(code) + Zeros(2) + rest, 2, src, dst, 58);
}
inline std::string Udp(const std::string &payload, unsigned port = 9, int len = -1) {
  const unsigned real = static_cast<unsigned>(8 + payload.size());
  return Summed(Be16(1000) + Be16(port) + Be16(len < 0 ? real : static_cast<unsigned>(len)) +
                    Zeros(2) + payload,
                6, "192.0.2.1", "192.0.2.2", 17);
}
inline std::string Tcp(unsigned offset, unsigned flags, const std::string &dst = "192.0.2.2") {
  return Summed(Be16(1000) + Be16(9) + Be32(1) + Be32(2) + Byte(offset << 4) + Byte(flags) +
                    Be16(1000) + Zeros(4),
                16, "192.0.2.1", dst, 6);
}
inline std::string Arp(unsigned op, const std::string &sender, const std::string &target,
                unsigned hardware = 1) {
  return Be16(hardware) + Be16(0x0800) + Byte(6) + Byte(4) + Be16(op) + kPeer + Raw(sender) +
         Zeros(6) + Raw(target);
}
inline std::string Spoiled(std::string s, size_t at) {
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
    const size_t before = so_sim_heap_used(sim_);
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
      const char *const settings =
          "ip=192.0.2.2/24 ip=2001:db8::2/64 dns=192.0.2.1 pages=4096 connections=100";
      SO_ASSERT_OK(so_host_config_parse(so_str(settings), &c, &bad));
      so_host_config_all(&c);
      SO_ASSERT_OK(so_host_start(world_, &device_, &c, &host_));
      net_ = so_host_net(host_);
      SO_ASSERT_OK(so_host_wait_ready(host_, In(5000), nullptr));
      body();
      EXPECT_TRUE(AnswersPing()) << "the host went on";
      so_host_stop(host_, In(1000));
    });
    SO_ASSERT_OK(so_sim_run(sim_));
    EXPECT_EQ(so_sim_heap_used(sim_), before) << "memory that nobody gave back";
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
  std::vector<std::string> out_;  // What the host sent.

 private:
  static so_status Send(void *ctx, const so_frame *f) {
    std::string frame;
    for (size_t i = 0; i < f->part_count; i++) {
      frame += so_test::Text(f->parts[i]);
    }
    static_cast<CountersTest *>(ctx)->out_.push_back(frame);
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

}  // namespace host_test

#endif  // SO_NET_HOST_COUNTERS_TEST_H_
