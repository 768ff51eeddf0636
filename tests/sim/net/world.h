#ifndef SO_TESTS_SIM_NET_WORLD_H_
#define SO_TESTS_SIM_NET_WORLD_H_

// A network in virtual time: hosts, each a whole stack (Ethernet to TCP) of its own, joined by links that
// delay, drop, repeat, reorder, damage and mark frames, shrink, and go down, all as a seed says.
//
// One seed is one run: the same seed does the same, frame for frame. Frames are copied from host to host, so
// that no memory is shared; each frame that a host sends is checked (lengths, every checksum) by code of
// its own before a link may spoil it.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "net/address/address.h"
#include "net/interface/interface.h"
#include "net/packet/packet.h"
#include "net/tcp/tcp.h"

namespace net_sim {

constexpr uint64_t kUs = 1000;
constexpr uint64_t kMs = SO_NS_PER_MS;
constexpr uint64_t kSecond = SO_NS_PER_S;

// What a link does to frames in one direction.
struct Link {
  uint64_t delay_ns = kMs;
  uint64_t jitter_ns = 0;        // Order is kept.
  double bytes_per_s = 12.5e6;   // 100 Mbit/s.
  size_t queue_bytes = 128 << 10;
  size_t mark_bytes = SIZE_MAX;  // Above that much queue ECN-capable packets are marked, not dropped.
  double loss = 0;
  double repeat = 0;
  double reorder = 0;            // Held back for up to reorder_ns.
  uint64_t reorder_ns = 0;
  double damage = 0;
  size_t mtu = 1500;             // Longer packets are dropped, and answered by ICMP unless `silent`.
  bool silent = false;
  bool down = false;

  uint64_t busy_until_ns = 0;
  uint64_t last_arrival_ns = 0;
};

class World;

// A host with an interface and TCP.
class Host {
 public:
  Host(World *world, size_t index, const so_tcp_config &tcp_config, uint16_t mtu);
  ~Host();
  Host(const Host &) = delete;
  Host &operator=(const Host &) = delete;

  // A frame off the wire.
  void Input(const std::string &frame);
  void Tick();
  uint64_t Deadline() const;
  // What is still held after everything ended; empty: nothing.
  std::string Leaks() const;

  World *world;
  size_t index;
  uint8_t mac[SO_MAC_LEN];
  so_ip ip4;
  so_ip ip6;
  Link up;    // To the switch.
  Link down;  // From it.
  so_packet_pool pool;
  so_interface interface;
  so_tcp *tcp = nullptr;
  uint64_t refused_frames = 0;  // No page for them.

 private:
  static void *Resize(void *ctx, void *ptr, size_t old_len, size_t new_len);
  static void Transmit(void *ctx, so_packet *frame);
  static void Deliver(void *ctx, so_packet *p, uint64_t now_ns);
  static bool Error(void *ctx, const so_ip_error *e, uint64_t now_ns);
  static so_status Send(void *ctx, so_packet *p, uint64_t now_ns);
  static so_status Source(void *ctx, const so_ip *dst, so_ip *out);
  static uint32_t PathMtu(void *ctx, const so_ip *dst, uint64_t now_ns);

  so_heap heap_;
  size_t heap_used_ = 0;
  size_t heap_idle_ = 0;  // Used before any connection.
};

class World {
 public:
  World(uint64_t seed, bool trace);
  ~World();

  Host *AddHost(const so_tcp_config &tcp_config, uint16_t mtu);
  // Calls `what` at `at_ns`.
  void At(uint64_t at_ns, std::function<void()> what);
  // Does the next thing. False: nothing is left to do until `limit_ns`.
  bool Step(uint64_t limit_ns);
  // Called by hosts.
  void FromHost(Host *from, const std::string &frame);

  void Fail(const std::string &why);
  void Trace(const char *what, const std::string &frame);
  bool Chance(double p) { return p > 0 && std::uniform_real_distribution<>(0, 1)(random) < p; }
  uint64_t Below(uint64_t n) { return n == 0 ? 0 : random() % n; }

  std::mt19937_64 random;
  uint64_t now_ns = kSecond;
  bool trace;
  std::string failure;  // The first.
  std::vector<std::unique_ptr<Host>> hosts;
  uint64_t frames = 0;
  uint64_t dropped = 0;

 private:
  struct Event {
    uint64_t at_ns;
    uint64_t order;
    std::function<void()> what;
    bool operator<(const Event &o) const {
      return at_ns != o.at_ns ? at_ns > o.at_ns : order > o.order;
    }
  };
  // Puts a frame on a link; what comes out goes to `arrive`.
  void Carry(Link *link, std::string frame, Host *from, std::function<void(std::string)> arrive);
  void TooBig(Host *to, const std::string &frame, size_t mtu);

  std::priority_queue<Event> events_;
  uint64_t order_ = 0;
};

// Frame parsing that shares no code with the stack: empty when all is right, else what is wrong.
std::string CheckFrame(const std::string &frame, size_t mtu);
std::string DescribeFrame(const std::string &frame);
uint16_t InternetSum(const uint8_t *p, size_t n, uint32_t start);

}  // namespace net_sim

#endif  // SO_TESTS_SIM_NET_WORLD_H_
