#ifndef SO_NET_INTERFACE_INTERFACE_TEST_H_
#define SO_NET_INTERFACE_INTERFACE_TEST_H_

// An interface with a recording device below and a recording transport above, and frames to feed
// it.

#include <string.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "net/arp/arp.h"
#include "net/checksum/checksum.h"
#include "net/ethernet/ethernet.h"
#include "net/interface/interface.h"
#include "net/ipv4/ipv4.h"
#include "tests/support/support.h"

namespace so_test {

inline so_ip Ip(const char *text) {
  so_ip ip;
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

inline std::string Raw(const so_ip &ip) {
  return std::string(reinterpret_cast<const char *>(ip.bytes), so_ip_len(&ip));
}

inline std::string Be16(unsigned v) {
  return std::string{static_cast<char>(v >> 8), static_cast<char>(v)};
}

inline std::string Be32(uint32_t v) { return Be16(v >> 16) + Be16(v & 0xffff); }

inline unsigned At16(const std::string &s, size_t off) {
  return static_cast<unsigned>(static_cast<uint8_t>(s.at(off))) << 8 |
         static_cast<uint8_t>(s.at(off + 1));
}

inline uint32_t At32(const std::string &s, size_t off) {
  return static_cast<uint32_t>(At16(s, off)) << 16 | At16(s, off + 2);
}

inline std::string Bytes(const so_packet *p) {
  std::string s(p->len, '\0');
  if (!s.empty()) {
    so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&s[0]), s.size());
  }
  return s;
}

const std::string kOurMac("\x02\x00\x00\x00\x00\x01", 6);
const std::string kPeerMac("\x02\x00\x00\x00\x00\x02", 6);
const std::string kBroadcastMac(6, '\xff');

inline std::string Frame(const std::string &dst, const std::string &src, unsigned type,
                         const std::string &body) {
  return dst + src + Be16(type) + body;
}

// An IPv4 packet; the checksum is made right.
struct Ipv4 {
  std::string src = "192.0.2.2";
  std::string dst = "192.0.2.1";
  uint8_t protocol = SO_PROTOCOL_UDP;
  std::string payload;
  std::string options;
  unsigned id = 7;
  unsigned flags = 0;  // With the offset in units of 8.
  uint8_t ttl = 64;
  uint8_t tos = 0;
  int total_len = -1;

  std::string Build() const {
    const size_t hl = 20 + options.size();
    const size_t real_len = hl + payload.size();
    const unsigned len = static_cast<unsigned>(total_len >= 0 ? total_len : real_len);
    std::string h{static_cast<char>(0x40 | hl / 4), static_cast<char>(tos)};
    h += Be16(len) + Be16(id) + Be16(flags);
    h += std::string{static_cast<char>(ttl), static_cast<char>(protocol)};
    h += std::string(2, '\0') + Raw(Ip(src.c_str())) + Raw(Ip(dst.c_str())) + options;
    const unsigned sum = so_checksum_of(View(h));
    h[10] = static_cast<char>(sum >> 8);
    h[11] = static_cast<char>(sum);
    return h + payload;
  }
};

inline std::string Icmp(uint8_t type, uint8_t code, uint32_t rest, const std::string &body) {
  std::string m{static_cast<char>(type), static_cast<char>(code), 0, 0};
  m += Be32(rest) + body;
  const unsigned sum = so_checksum_of(View(m));
  m[2] = static_cast<char>(sum >> 8);
  m[3] = static_cast<char>(sum);
  return m;
}

inline std::string Udp(unsigned src, unsigned dst, const std::string &payload) {
  const unsigned len = static_cast<unsigned>(8 + payload.size());
  return Be16(src) + Be16(dst) + Be16(len) + Be16(0) + payload;
}

inline std::string Arp(unsigned op, const std::string &smac, const char *sip,
                       const std::string &tmac, const char *tip) {
  return Be16(1) + Be16(0x0800) + std::string("\x06\x04", 2) + Be16(op) + smac + Raw(Ip(sip)) +
         tmac + Raw(Ip(tip));
}

// The sum over a transport header and payload, pseudo-header included: 0 when right.
inline unsigned TransportSum(const so_ip &src, const so_ip &dst, uint8_t protocol,
                             const std::string &body) {
  so_checksum c = so_checksum_start();
  so_checksum_add_pseudo(&c, &src, &dst, protocol, static_cast<uint32_t>(body.size()));
  so_checksum_add(&c, View(body));
  return so_checksum_end(&c);
}

struct Sent {
  std::string bytes;
  so_offload offload;
};

struct Delivered {
  std::string bytes;
  so_ip src, dst;
  uint8_t protocol, hop_limit, traffic_class;
  so_offload offload;
};

struct Reported {
  so_ip_error error;
  std::string transport;
};

struct Event {
  so_ip address;
  so_address_event event;
};

class InterfaceFixture : public ::testing::Test {
 protected:
  explicit InterfaceFixture(uint32_t pages = 256, uint32_t packets = 256) {
    SO_EXPECT_OK(so_packet_pool_init(&pool_, Heap(), pages, packets));
    memset(&config_, 0, sizeof config_);
    memcpy(config_.mac, kOurMac.data(), 6);
    config_.mtu = 1500;
    memset(config_.seed, 3, sizeof config_.seed);
    config_.lower = {Transmit, this};
    config_.upper = {Deliver, Error, Address, this};
  }

  ~InterfaceFixture() override {
    if (started_) {
      so_interface_release(&i_);
    }
    EXPECT_EQ(0u, pool_.packets_used);
    // A page that small packets are cut from may stay.
    EXPECT_LE(pool_.pages_used, 1u);
    so_packet_pool_release(&pool_);
  }

  void Start(bool with_address = true) {
    SO_ASSERT_OK(so_interface_init(&i_, &config_, &pool_, Heap()));
    started_ = true;
    if (with_address) {
      SO_ASSERT_OK(so_interface_add_address(&i_, Ip("192.0.2.1"), 24, now_));
      SO_ASSERT_OK(so_interface_set_gateway(&i_, Ip("192.0.2.254"), now_));
      sent_.clear();
      events_.clear();
    }
  }

  // A neighbour that asks for us becomes known.
  void Meet(const char *ip = "192.0.2.2", const std::string &mac = kPeerMac) {
    Input(Frame(kBroadcastMac, mac, SO_ETHERTYPE_ARP,
                Arp(1, mac, ip, std::string(6, '\0'), "192.0.2.1")));
    sent_.clear();
  }

  so_packet *Packet(const std::string &bytes) {
    so_packet *p = so_packet_alloc_pages(&pool_, std::max<size_t>(bytes.size(), 1));
    if (p == nullptr) {
      return nullptr;
    }
    so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
    const size_t n = so_packet_rooms(p, rooms);
    size_t off = 0;
    for (size_t k = 0; k < n && off < bytes.size(); k++) {
      const size_t len = std::min(rooms[k].len, bytes.size() - off);
      memcpy(rooms[k].ptr, bytes.data() + off, len);
      off += len;
    }
    so_packet_fill(&pool_, p, bytes.size());
    return p;
  }

  void Input(const std::string &frame) {
    so_packet *p = Packet(frame);
    ASSERT_NE(nullptr, p);
    so_interface_input(&i_, p, now_);
  }

  void InputIp(const std::string &packet) {
    Input(Frame(kOurMac, kPeerMac, SO_ETHERTYPE_IPV4, packet));
  }

  // A packet to send: `bytes` from the transport header on.
  so_packet *Outgoing(const std::string &bytes, const char *dst, uint8_t protocol) {
    so_packet *p = so_packet_alloc(&pool_, SO_PACKET_HEADROOM,
                                   std::min<size_t>(bytes.size(), 2048));
    EXPECT_NE(nullptr, p);
    SO_EXPECT_OK(so_packet_append(&pool_, p, View(bytes)));
    p->dst = Ip(dst);
    p->protocol = protocol;
    return p;
  }

  static void Transmit(void *ctx, so_packet *p) {
    auto *t = static_cast<InterfaceFixture *>(ctx);
    t->sent_.push_back({Bytes(p), p->offload});
    so_packet_free(&t->pool_, p);
  }
  static void Deliver(void *ctx, so_packet *p, uint64_t now) {
    auto *t = static_cast<InterfaceFixture *>(ctx);
    t->delivered_.push_back({Bytes(p), p->src, p->dst, p->protocol, p->hop_limit,
                             p->traffic_class, p->offload});
    if (t->refuse_port_) {
      so_interface_unreachable(&t->i_, p, now);
    }
    so_packet_free(&t->pool_, p);
  }
  static bool Error(void *ctx, const so_ip_error *e, uint64_t) {
    auto *t = static_cast<InterfaceFixture *>(ctx);
    t->errors_.push_back({*e, Text(e->transport)});
    return t->believe_;
  }
  static void Address(void *ctx, const so_ip *a, so_address_event event, const uint8_t *,
                      uint64_t) {
    static_cast<InterfaceFixture *>(ctx)->events_.push_back({*a, event});
  }

  so_packet_pool pool_;
  so_interface_config config_;
  so_interface i_;
  bool started_ = false;
  bool refuse_port_ = false;
  bool believe_ = true;
  uint64_t now_ = SO_NS_PER_S;
  std::deque<Sent> sent_;
  std::deque<Delivered> delivered_;
  std::deque<Reported> errors_;
  std::deque<Event> events_;
};

}  // namespace so_test

#endif  // SO_NET_INTERFACE_INTERFACE_TEST_H_
