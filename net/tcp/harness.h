#ifndef SO_NET_TCP_HARNESS_H_
#define SO_NET_TCP_HARNESS_H_

// What the tests of TCP share: one host whose peer is the test (segment by segment), and two hosts
// joined by a link that loses, delays, repeats and reorders by a seed.

#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/writer.h"
#include "net/checksum/checksum.h"
#include "net/packet/packet.h"
#include "net/tcp/tcp.h"
#include "net/tcp/wire/wire.h"
#include "tests/support/support.h"

namespace tcp_test {

inline so_ip Ip4(uint8_t last) {
  const uint8_t b[4] = {10, 0, 0, last};
  return so_ip4(b);
}

inline so_ip Ip6(uint8_t last) {
  uint8_t b[16] = {0xfd};
  b[15] = last;
  return so_ip6(b);
}

constexpr uint64_t kMs = 1000000;
constexpr uint64_t kSecond = 1000 * kMs;

// A heap that counts, and refuses at a chosen allocation.
class CountingHeap {
 public:
  CountingHeap() : heap_{Resize, this} {}
  const so_heap *get() const { return &heap_; }
  size_t used = 0;
  size_t used_max = 0;
  int64_t fail_after = -1;  // Allocations that still succeed; -1: all.

 private:
  static void *Resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
    auto *self = static_cast<CountingHeap *>(ctx);
    if (new_len > old_len) {
      if (self->fail_after == 0) {
        return nullptr;
      }
      if (self->fail_after > 0) {
        self->fail_after--;
      }
    }
    self->used += new_len - old_len;
    if (self->used > self->used_max) {
      self->used_max = self->used;
    }
    if (new_len == 0) {
      free(ptr);
      return nullptr;
    }
    return realloc(ptr, new_len);
  }
  so_heap heap_;
};

struct Events {
  uint32_t seen = 0;
  int calls = 0;
  so_tcp_upper upper() { return {Ready, this}; }
  static void Ready(void *ctx, uint32_t events) {
    static_cast<Events *>(ctx)->seen |= events;
    static_cast<Events *>(ctx)->calls++;
  }
};

// What went down: header and payload, checked.
struct Sent {
  so_tcp_header h;
  std::string data;
  so_ip src, dst;
  uint8_t traffic_class;
  uint16_t gso_size;
  uint64_t at_ns;
};

using Sends = std::vector<Sent>;

inline std::string Joined(const Sends &sent) {
  std::string all;
  for (const Sent &s : sent) {
    all += s.data;
  }
  return all;
}

// A host with a stack of its own.
class Host {
 public:
  explicit Host(so_ip ip, so_tcp_config config = {}, uint32_t pages = 4096) : ip_(ip) {
    SO_EXPECT_OK(so_packet_pool_init(&pool, so_test::Heap(), pages, pages));
    config.lower = {Send, Source, PathMtu, Confirm, this};
    for (size_t i = 0; i < sizeof config.seed; i++) {
      config.seed[i] = static_cast<uint8_t>(i * 7 + ip.bytes[3] + ip.bytes[15]);
    }
    SO_EXPECT_OK(so_tcp_new(&config, &pool, heap.get(), 0, &tcp));
  }
  ~Host() {
    for (so_packet *p : out) {
      so_packet_free(&pool, p);
    }
    so_tcp_delete(tcp);
    EXPECT_EQ(heap.used, 0u);
    EXPECT_EQ(pool.packets_used, 0u);
    so_packet_pool_release(&pool);  // Asserts that no page is left.
  }
  Host(const Host &) = delete;

  // Everything that was sent since the last call.
  Sends Take() {
    Sends all;
    for (so_packet *p : out) {
      all.push_back(Decode(p));
      so_packet_free(&pool, p);
    }
    out.clear();
    return all;
  }

  Sent Decode(const so_packet *p) {
    Sent s = {};
    std::string bytes(p->len, '\0');
    so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(bytes.data()), p->len);
    const size_t len = so_tcp_header_len(so_test::View(bytes.substr(0, 20)));
    EXPECT_NE(len, 0u);
    SO_EXPECT_OK(so_tcp_parse(so_test::View(bytes.substr(0, len)), &s.h));
    EXPECT_TRUE(p->offload.needs_csum);
    EXPECT_EQ(p->offload.csum_offset, 16);
    s.data = bytes.substr(len);
    s.src = p->src;
    s.dst = p->dst;
    s.traffic_class = p->traffic_class;
    s.gso_size = p->offload.gso != SO_GSO_NONE ? p->offload.gso_size : 0;
    s.at_ns = now;
    return s;
  }

  // Hands a segment to the stack; header fields in wire form, checksum made right unless broken.
  void Input(so_tcp_header h, const std::string &data, so_ip src, so_ip dst, uint8_t tc = 0,
             bool break_sum = false, uint16_t gso_size = 0) {
    uint8_t head[60];
    so_writer w = so_writer_of(head, sizeof head);
    h.checksum = 0;
    so_tcp_emit(&h, &w);
    InputRaw(std::string(reinterpret_cast<char *>(head), w.len) + data, src, dst, tc, break_sum,
             true, gso_size);
  }

  void InputRaw(std::string bytes, so_ip src, so_ip dst, uint8_t tc, bool break_sum, bool set_sum,
                uint16_t gso_size = 0) {
    if (set_sum && bytes.size() >= 18) {
      so_checksum sum = so_checksum_start();
      so_checksum_add_pseudo(&sum, &src, &dst, 6, static_cast<uint32_t>(bytes.size()));
      so_checksum_add(&sum, so_test::View(bytes));
      uint16_t c = so_checksum_end(&sum);
      if (break_sum) {
        c ^= 0x0101;
      }
      bytes[16] = static_cast<char>(c >> 8);
      bytes[17] = static_cast<char>(c & 0xff);
    }
    so_packet *p = so_packet_alloc_pages(&pool, bytes.size() + 1);
    if (p == nullptr) {
      return;  // Like a device without room: dropped.
    }
    so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
    const size_t count = so_packet_rooms(p, rooms);
    size_t off = 0;
    for (size_t i = 0; i < count && off < bytes.size(); i++) {
      const size_t n = std::min(rooms[i].len, bytes.size() - off);
      memcpy(rooms[i].ptr, bytes.data() + off, n);
      off += n;
    }
    so_packet_fill(&pool, p, bytes.size());
    p->src = src;
    p->dst = dst;
    p->protocol = 6;
    p->traffic_class = tc;
    p->offload.gso_size = gso_size;
    so_tcp_input(tcp, p, now);
  }

  // Lets time pass, doing what is due on the way.
  void AdvanceTo(uint64_t to) {
    for (int i = 0; i < 1000000; i++) {
      const uint64_t at = so_tcp_deadline(tcp);
      if (at > to) {
        break;
      }
      now = std::max(now, at);
      so_tcp_tick(tcp, now);
    }
    now = std::max(now, to);
    so_tcp_tick(tcp, now);
  }
  void Advance(uint64_t ns) { AdvanceTo(now + ns); }

  const so_tcp_stats &stats() const { return *so_tcp_statistics(tcp); }

  so_packet_pool pool;
  CountingHeap heap;
  so_tcp *tcp = nullptr;
  uint64_t now = kSecond;
  uint32_t mtu = 1500;
  unsigned confirmed = 0;  // Times that TCP said that the peer makes progress.
  so_status send_result = so_done();
  std::deque<so_packet *> out;
  so_ip ip_;

 private:
  static so_status Send(void *ctx, so_packet *p, uint64_t) {
    static_cast<Host *>(ctx)->out.push_back(p);
    return static_cast<Host *>(ctx)->send_result;
  }
  static so_status Source(void *ctx, const so_ip *, so_ip *out_ip) {
    *out_ip = static_cast<Host *>(ctx)->ip_;
    return so_done();
  }
  static uint32_t PathMtu(void *ctx, const so_ip *, uint64_t) {
    return static_cast<Host *>(ctx)->mtu;
  }
  static void Confirm(void *ctx, const so_ip *dst, uint64_t) {
    Host *h = static_cast<Host *>(ctx);
    EXPECT_FALSE(so_ip_equal(dst, &h->ip_));
    h->confirmed++;
  }
};

inline so_tcp_state State(const so_tcp_conn *c) {
  so_tcp_info info;
  so_tcp_get_info(c, &info);
  return info.state;
}

inline so_tcp_info Info(const so_tcp_conn *c) {
  so_tcp_info info;
  so_tcp_get_info(c, &info);
  return info;
}

inline std::string Pattern(size_t len, uint32_t seed = 1) {
  std::string s(len, '\0');
  uint32_t x = seed * 2654435761u + 12345;
  for (size_t i = 0; i < len; i++) {
    x = x * 1664525u + 1013904223u;
    s[i] = static_cast<char>(x >> 24);
  }
  return s;
}

inline std::string ReadAll(Host *h, so_tcp_conn *c, bool *end = nullptr) {
  std::string all;
  for (;;) {
    uint8_t buf[65536];
    size_t n = 0;
    const so_status s = so_tcp_read(h->tcp, c, buf, sizeof buf, h->now, &n);
    if (!so_ok(s) || n == 0) {
      if (end != nullptr) {
        *end = so_ok(s);
      }
      return all;
    }
    all.append(reinterpret_cast<char *>(buf), n);
  }
}

}  // namespace tcp_test

#endif  // SO_NET_TCP_HARNESS_H_
