#include "net/interface/ipv6.h"

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/writer.h"
#include "kernel/ports/clock.h"
#include "net/checksum/checksum.h"
#include "net/icmp6/icmp6.h"
#include "net/interface/interface.h"
#include "net/ndp/wire/wire.h"
#include "net/packet/packet.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kS = SO_NS_PER_S;

so_ip Ip(const char *text) {
  so_ip ip = {};
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

std::string Show(const so_ip &ip) {
  uint8_t buf[SO_IP_TEXT_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ip_write(&ip, &w);
  return so_test::Text(so_writer_bytes(&w));
}

std::string Bytes(const so_packet *p) {
  std::string s(p->len, '\0');
  so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(s.data()), p->len);
  return s;
}

struct Delivered {
  so_ip src, dst;
  uint8_t protocol;
  std::string payload;
};

struct Error {
  so_ip_error e;
  std::string transport;
};

// A host whose frames leave into a list, and whose packets are all counted at the end.
class Host {
 public:
  explicit Host(uint8_t id, uint16_t mtu = 1500,
                const std::function<void(so_interface_ipv6_options *)> &change = nullptr) {
    EXPECT_TRUE(so_ok(so_packet_pool_init(&pool, so_test::Heap(), 512, 1024)));
    so_interface_config c = {};
    const uint8_t mac[6] = {2, 0, 0, 0, 0, id};
    memcpy(c.mac, mac, 6);
    c.mtu = mtu;
    memset(c.seed, id, sizeof c.seed);
    c.lower = {OnTransmit, this};
    c.upper = {OnDeliver, OnError, OnAddress, this};
    c.ipv6 = so_interface_ipv6();
    EXPECT_TRUE(so_ok(so_interface_init(&i, &c, &pool, so_test::Heap())));
    if (change) {
      so_interface_ipv6_options o = {};
      memset(o.secret, id, sizeof o.secret);
      o.dad_transmits = 1;
      o.autoconfigure = true;
      change(&o);
      so_interface_ipv6_configure(&i, &o);
    }
  }
  ~Host() {
    so_interface_release(&i);
    EXPECT_EQ(0u, pool.packets_used);
    so_packet_pool_release(&pool);
  }

  void Receive(const std::string &frame, uint64_t now) {
    so_packet *p = so_packet_alloc_pages(&pool, frame.size());
    ASSERT_NE(nullptr, p);
    so_packet_fill(&pool, p, frame.size());
    so_packet_write_at(p, 0, so_test::View(frame));
    so_interface_input(&i, p, now);
  }

  so_packet *Packet(const std::string &payload, uint8_t protocol, const so_ip &dst) {
    so_packet *p = so_packet_alloc(&pool, SO_PACKET_HEADROOM, 0);
    EXPECT_TRUE(so_ok(so_packet_append(&pool, p, so_test::View(payload))));
    p->protocol = protocol;
    p->dst = dst;
    return p;
  }

  so_ip LinkLocal() const {
    so_ip ip = {};
    so_ndp_link_local(so_interface_ipv6_ndp(&i), &ip);
    return ip;
  }

  const so_interface_ipv6_stats &Stats() const { return *so_interface_ipv6_stats_of(&i); }

  so_packet_pool pool;
  so_interface i;
  std::deque<std::string> out;
  std::vector<Delivered> delivered;
  std::vector<Error> errors;
  std::vector<std::pair<std::string, so_address_event>> events;
  bool refuse_udp = false;

 private:
  static void OnTransmit(void *ctx, so_packet *frame) {
    Host *h = static_cast<Host *>(ctx);
    h->out.push_back(Bytes(frame));
    so_packet_free(&h->pool, frame);
  }
  static void OnDeliver(void *ctx, so_packet *p, uint64_t now) {
    Host *h = static_cast<Host *>(ctx);
    h->delivered.push_back({p->src, p->dst, p->protocol, Bytes(p)});
    if (h->refuse_udp) {
      so_interface_unreachable(&h->i, p, now);
    }
    so_packet_free(&h->pool, p);
  }
  static bool OnError(void *ctx, const so_ip_error *e, uint64_t) {
    Host *h = static_cast<Host *>(ctx);
    h->errors.push_back({*e, so_test::Text(e->transport)});
    return true;
  }
  static void OnAddress(void *ctx, const so_ip *ip, so_address_event event, const uint8_t *,
                        uint64_t) {
    static_cast<Host *>(ctx)->events.emplace_back(Show(*ip), event);
  }
};

// A link: what one sends, all others get.
class Link {
 public:
  void Add(Host *h) { hosts_.push_back(h); }
  void Run(uint64_t until) {
    for (;;) {
      Flush();
      uint64_t at = SO_NEVER;
      for (Host *h : hosts_) {
        at = std::min(at, so_interface_deadline(&h->i));
      }
      if (at > until) {
        break;
      }
      now = std::max(now, at);
      for (Host *h : hosts_) {
        so_interface_tick(&h->i, now);
      }
      ASSERT_LT(++steps_, 100000u) << "no end";
    }
    now = until;
  }
  void Flush() {
    for (bool again = true; again;) {
      again = false;
      for (Host *from : hosts_) {
        while (!from->out.empty()) {
          const std::string frame = from->out.front();
          from->out.pop_front();
          log.push_back(frame);
          again = true;
          for (Host *to : hosts_) {
            if (to != from) {
              to->Receive(frame, now);
            }
          }
        }
      }
    }
  }
  uint64_t now = 1 * kS;
  std::vector<std::string> log;

 private:
  std::vector<Host *> hosts_;
  unsigned steps_ = 0;
};

std::string Raw(const so_ip &ip) {
  return std::string(reinterpret_cast<const char *>(ip.bytes), 16);
}

std::string Header(uint8_t next, size_t payload_len, uint8_t hops, const so_ip &src,
                   const so_ip &dst) {
  uint8_t buf[SO_IPV6_HEADER_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ipv6_header h = {};
  h.payload_len = static_cast<uint16_t>(payload_len);
  h.next_header = next;
  h.hop_limit = hops;
  h.src = src;
  h.dst = dst;
  so_ipv6_emit(&h, &w);
  return so_test::Text(so_writer_bytes(&w));
}

std::string Frame(const so_ip &dst, const std::string &packet) {
  uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
  if (so_ip_is_multicast(&dst)) {
    mac[0] = mac[1] = 0x33;
    memcpy(mac + 2, dst.bytes + 12, 4);
  }
  return std::string(reinterpret_cast<char *>(mac), 6) + std::string("\2\0\0\0\0\x63\x86\xdd", 8) +
         packet;
}

std::string Icmp(std::string m, const so_ip &src, const so_ip &dst) {
  so_checksum c = so_checksum_start();
  so_checksum_add_pseudo(&c, &src, &dst, 58, static_cast<uint32_t>(m.size()));
  so_checksum_add(&c, so_test::View(m));
  const uint16_t sum = so_checksum_end(&c);
  m[2] = static_cast<char>(sum >> 8);
  m[3] = static_cast<char>(sum);
  return m;
}

std::string IcmpFrame(const std::string &m, const so_ip &src, const so_ip &dst,
                      uint8_t hops = 255) {
  return Frame(dst, Header(58, m.size(), hops, src, dst) + Icmp(m, src, dst));
}

std::string Nd(const so_nd_message &m) {
  uint8_t buf[1024];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_nd_emit(&m, &w);
  return so_test::Text(so_writer_bytes(&w));
}

so_nd_message Advert(uint16_t lifetime_s) {
  so_nd_message m = {};
  m.type = SO_ND_ROUTER_ADVERT;
  m.router.lifetime_s = lifetime_s;
  m.router.hop_limit = 63;
  m.has_source = true;
  m.source[5] = 0x63;
  m.source[0] = 2;
  return m;
}

so_nd_message Solicit(const so_ip &target) {
  so_nd_message m = {};
  m.type = SO_ND_SOLICIT;
  m.target = target;
  m.has_source = true;
  return m;
}

// A host, or two, whose link-local addresses are proven.
class InterfaceIpv6AloneTest : public testing::Test {
 protected:
  void SetUp() override {
    link.Add(&a);
    link.Run(4 * kS);
  }
  Host a{1};
  Link link;
};
class InterfaceIpv6PairTest : public testing::Test {
 protected:
  void SetUp() override {
    link.Add(&a);
    link.Add(&b);
    link.Run(4 * kS);
  }
  Host a{1}, b{2};
  Link link;
};

const so_ip kAllNodes = Ip("ff02::1");
const so_ip kRouter = Ip("fe80::99");

TEST_F(InterfaceIpv6PairTest, TwoHostsProveTheirLinkLocalAddresses) {
  EXPECT_TRUE(a.LinkLocal().family == 6);
  EXPECT_TRUE(b.LinkLocal().family == 6);
  EXPECT_FALSE(so_ip_equal(&(const so_ip &)a.LinkLocal(), &(const so_ip &)b.LinkLocal()));
  ASSERT_EQ(1u, a.events.size());
  EXPECT_EQ(SO_ADDRESS_USABLE, a.events[0].second);
  EXPECT_EQ(0u, a.Stats().icmp_checksum + b.Stats().icmp_checksum);
  EXPECT_EQ(0u, a.Stats().malformed + b.Stats().malformed);
}

TEST_F(InterfaceIpv6PairTest, ADatagramWaitsForTheNeighbourAndArrives) {
  const so_ip to = b.LinkLocal();
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678hello", 17, to), link.now));
  link.Run(5 * kS);
  ASSERT_EQ(1u, b.delivered.size());
  EXPECT_EQ("12345678hello", b.delivered[0].payload);
  const so_ip from = a.LinkLocal();
  EXPECT_TRUE(so_ip_equal(&from, &b.delivered[0].src));
  EXPECT_EQ(17, b.delivered[0].protocol);
}

TEST_F(InterfaceIpv6PairTest, ALongDatagramIsCutAndPutTogether) {
  std::string payload(20000, '\0');
  for (size_t k = 0; k < payload.size(); k++) {
    payload[k] = static_cast<char>(k * 7 + k / 251);
  }
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet(payload, 17, b.LinkLocal()), link.now));
  link.Run(5 * kS);
  ASSERT_EQ(1u, b.delivered.size());
  EXPECT_EQ(payload, b.delivered[0].payload);
  EXPECT_EQ(1u, a.Stats().fragmented);
  EXPECT_EQ(14u, b.Stats().fragments_received);
}

TEST_F(InterfaceIpv6PairTest, TcpIsNeverFragmented) {
  SO_EXPECT_CODE(SO_LIMIT, so_interface_send(
                               &a.i, a.Packet(std::string(1461, 'x'), 6, b.LinkLocal()), link.now));
  SO_EXPECT_OK(
      so_interface_send(&a.i, a.Packet(std::string(1460, 'x'), 6, b.LinkLocal()), link.now));
  link.Run(5 * kS);
  EXPECT_EQ(1u, b.delivered.size());
}

TEST_F(InterfaceIpv6AloneTest, AnEchoIsAnswered) {
  const so_ip dst = a.LinkLocal();
  const so_ip src = Ip("fe80::5");
  link.log.clear();
  a.Receive(IcmpFrame(std::string("\x80\0\0\0\x12\x34\0\1ping", 12), src, dst), link.now);
  so_nd_message na = {};
  na.type = SO_ND_ADVERT;
  na.target = src;
  na.solicited = na.override = na.has_target = true;
  na.target_link[5] = 0x63;
  a.Receive(IcmpFrame(Nd(na), src, dst), link.now);
  link.Flush();
  ASSERT_EQ(2u, link.log.size());
  const std::string &reply = link.log[1];
  EXPECT_EQ(std::string("\0\0\0\0\0\x63", 6), reply.substr(0, 6));
  EXPECT_EQ(Raw(dst) + Raw(src), reply.substr(14 + 8, 32));
  std::string icmp = reply.substr(54);
  EXPECT_EQ(Icmp(std::string("\x81\0\0\0\x12\x34\0\1ping", 12), dst, src), icmp);
  EXPECT_EQ(1u, a.Stats().icmp_sent_echo);
}

// The search list that holds at a time.
std::string Search(const Host &a, uint64_t now) {
  so_search s = {};
  uint8_t buf[2048];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_interface_ipv6_search(&a.i, now, &s);
  so_search_write_text(&s, &w);
  return so_test::Text(so_writer_bytes(&w));
}

TEST_F(InterfaceIpv6AloneTest, SearchListsOfRoutersHoldAsLongAsTheySay) {
  const auto advertise = [&](const std::string &names, uint32_t life_s) {
    so_nd_message ra = Advert(1800);
    ra.router.search_count = 1;
    ra.router.search[0] = {so_test::View(names), life_s};
    a.Receive(IcmpFrame(Nd(ra), kRouter, kAllNodes), link.now);
  };
  const so_ndp_stats &stats = so_interface_ipv6_ndp(&a.i)->stats;
  advertise(std::string("\1a\0\1B\0", 6), 60);
  advertise(std::string("\1c\0", 3), SO_ND_INFINITE_S);
  EXPECT_EQ("a, b, c", Search(a, link.now));
  EXPECT_EQ("c", Search(a, link.now + 60 * kS));
  advertise(std::string("\1b\0", 3), 120);  // Longer,
  advertise(std::string("\1C\0", 3), 0);    // and no longer.
  EXPECT_EQ("b", Search(a, link.now + 60 * kS));
  EXPECT_EQ(0u, stats.values_refused);
  advertise(std::string("\1 \0\1d\0\1e\xc0\0", 10), 60);  // No host's, good, compressed.
  EXPECT_EQ(2u, stats.values_refused);
  EXPECT_EQ("a, b, d", Search(a, link.now));
  advertise(std::string("\1f\0\1g\0\1h\0\1i\0", 12), 60);  // One too many for those that hold.
  EXPECT_EQ(3u, stats.values_refused);
  EXPECT_EQ("a, b, d, f, g, h", Search(a, link.now));
}

TEST_F(InterfaceIpv6AloneTest, ARouterAdvertisementMakesAnAddressAndARoute) {
  so_nd_message ra = Advert(1800);
  ra.router.mtu = 1400;
  ra.router.prefix_count = 1;
  ra.router.prefixes[0] = {Ip("2001:db8:1::"), 64, true, true, 86400, 3600};
  ra.router.dns_count = 1;
  ra.router.dns[0] = {Ip("2001:db8:1::53"), 600};
  a.Receive(IcmpFrame(Nd(ra), kRouter, kAllNodes), link.now);
  link.Run(link.now + 3 * kS);
  so_ip src = {};
  const so_ip far = Ip("2001:db8:ffff::1");
  SO_ASSERT_OK(so_interface_source(&a.i, &far, &src));
  const so_ip prefix = Ip("2001:db8:1::");
  EXPECT_TRUE(so_ip_in_prefix(&src, &prefix, 64)) << Show(src);
  EXPECT_EQ(SO_ADDRESS_PREFERRED, so_interface_address_state(&a.i, &src));
  EXPECT_EQ(1400u, so_interface_path_mtu(&a.i, &far, link.now));
  so_ip dns[4];
  ASSERT_EQ(1u, so_interface_ipv6_dns(&a.i, link.now, dns, 4));
  EXPECT_EQ("2001:db8:1::53", Show(dns[0]));
  EXPECT_EQ(0u, so_interface_ipv6_dns(&a.i, link.now + 600 * kS, dns, 4));
  link.log.clear();
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678", 17, far), link.now));
  link.Flush();
  ASSERT_EQ(1u, link.log.size());
  EXPECT_EQ(std::string("\2\0\0\0\0\x63", 6), link.log[0].substr(0, 6));  // The router's.
  EXPECT_EQ(63, link.log[0][14 + 7]);
}

TEST(InterfaceIpv6Test, ADuplicateIsToldAndAnotherAddressIsTried) {
  Host a(1);
  Link link;
  link.Add(&a);
  so_interface_tick(&a.i, link.now);
  const so_ip first = so_interface_ipv6_ndp(&a.i)->addresses[0].address;
  so_nd_message na = {};
  na.type = SO_ND_ADVERT;
  na.target = first;
  na.override = na.has_target = true;
  a.Receive(IcmpFrame(Nd(na), first, kAllNodes), link.now);
  ASSERT_EQ(1u, a.events.size());
  EXPECT_EQ(SO_ADDRESS_CONFLICT, a.events[0].second);
  EXPECT_EQ(Show(first), a.events[0].first);
  link.Run(4 * kS);
  ASSERT_EQ(2u, a.events.size());
  EXPECT_EQ(SO_ADDRESS_USABLE, a.events[1].second);
  EXPECT_NE(Show(first), Show(a.LinkLocal()));
}

TEST(InterfaceIpv6Test, APortUnreachableComesBackAsAnError) {
  Host a(1), b(2);
  Link link;
  link.Add(&a);
  link.Add(&b);
  b.refuse_udp = true;
  link.Run(4 * kS);
  const so_ip to = b.LinkLocal();
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678hello", 17, to), link.now));
  link.Run(5 * kS);
  ASSERT_EQ(1u, a.errors.size());
  EXPECT_EQ(SO_IP_ERROR_PORT, a.errors[0].e.kind);
  EXPECT_EQ("12345678hello", a.errors[0].transport);
  EXPECT_TRUE(so_ip_equal(&to, &a.errors[0].e.dst));
}

TEST_F(InterfaceIpv6AloneTest, NobodyAtAnAddressIsAnError) {
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678x", 17, Ip("fe80::77")), link.now));
  link.Run(link.now + 4 * kS);
  ASSERT_EQ(1u, a.errors.size());
  EXPECT_EQ(SO_IP_ERROR_NEIGHBOUR, a.errors[0].e.kind);
  EXPECT_EQ("12345678x", a.errors[0].transport);
}

TEST_F(InterfaceIpv6AloneTest, PacketTooBigLowersThePathAndIsBounded) {
  const so_ip us = a.LinkLocal();
  const so_ip far = Ip("2001:db8::9");
  const std::string quote = Header(17, 1000, 64, us, far) + std::string(100, 'q');
  auto too_big = [&](uint32_t mtu) {
    std::string m("\2\0\0\0", 4);
    for (int shift = 24; shift >= 0; shift -= 8) {
      m += static_cast<char>(mtu >> shift);
    }
    a.Receive(IcmpFrame(m + quote, kRouter, us, 64), link.now);
  };
  too_big(1279);
  EXPECT_EQ(1500u, so_interface_path_mtu(&a.i, &far, link.now));
  EXPECT_EQ(1u, a.Stats().icmp_too_small);
  too_big(1300);
  EXPECT_EQ(1300u, so_interface_path_mtu(&a.i, &far, link.now));
  too_big(1400);
  EXPECT_EQ(1300u, so_interface_path_mtu(&a.i, &far, link.now));
}

TEST_F(InterfaceIpv6AloneTest, PacketsToOurselvesComeBackAtTheNextTick) {
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678self", 17, Ip("::1")), link.now));
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678mine", 17, a.LinkLocal()), link.now));
  EXPECT_EQ(0u, so_interface_deadline(&a.i));
  link.Run(5 * kS);
  ASSERT_EQ(2u, a.delivered.size());
  EXPECT_EQ("12345678self", a.delivered[0].payload);
}

TEST_F(InterfaceIpv6AloneTest, UnknownProtocolsAndOptionsAreAnswered) {
  const so_ip us = a.LinkLocal();
  const so_ip src = Ip("fe80::5");
  // So that answers need not wait.
  const so_nd_message ns = Solicit(us);
  a.Receive(IcmpFrame(Nd(ns), src, us), link.now);
  link.Flush();
  link.log.clear();
  a.Receive(Frame(us, Header(200, 4, 64, src, us) + "data"), link.now);
  link.Flush();
  ASSERT_EQ(1u, link.log.size());
  EXPECT_EQ(std::string("\4\1", 2), link.log[0].substr(54, 2));
  EXPECT_EQ(std::string("\0\0\0\6", 4), link.log[0].substr(58, 4));
  // Destination options with 0xC2, which wants to be answered when not known.
  const std::string options("\x11\0\xc2\4\0\0\0\0", 8);
  a.Receive(Frame(us, Header(60, 8 + 8, 64, src, us) + options + "12345678"), link.now);
  link.Flush();
  ASSERT_EQ(2u, link.log.size());
  EXPECT_EQ(std::string("\4\2", 2), link.log[1].substr(54, 2));
  EXPECT_EQ(std::string("\0\0\0\x2a", 4), link.log[1].substr(58, 4));
  EXPECT_TRUE(a.delivered.empty());
}

TEST_F(InterfaceIpv6AloneTest, NeighbourDiscoveryInFragmentsIsRefused) {
  const so_ip us = a.LinkLocal();
  const so_ip src = Ip("fe80::5");
  const so_nd_message ns = Solicit(us);
  const std::string icmp = Icmp(Nd(ns), src, us);
  const std::string atomic("\x3a\0\0\0\0\0\0\7", 8);
  link.Flush();
  link.log.clear();
  a.Receive(Frame(us, Header(44, 8 + icmp.size(), 255, src, us) + atomic + icmp), link.now);
  link.Flush();
  EXPECT_TRUE(link.log.empty());
  EXPECT_EQ(1u, so_interface_ipv6_ndp(&a.i)->stats.fragmented);
}

TEST_F(InterfaceIpv6AloneTest, WhatIsNotForUsIsCountedAndDropped) {
  const so_ip us = a.LinkLocal();
  const so_ip src = Ip("fe80::5");
  a.Receive(Frame(us, Header(17, 8, 64, src, Ip("fe80::6")) + "12345678"), link.now);
  EXPECT_EQ(1u, a.Stats().not_ours);
  a.Receive(Frame(us, Header(17, 8, 64, us, us) + "12345678"), link.now);
  a.Receive(Frame(us, Header(17, 8, 64, Ip("ff02::5"), us) + "12345678"), link.now);
  a.Receive(Frame(us, Header(17, 8, 64, Ip("::1"), us) + "12345678"), link.now);
  a.Receive(Frame(us, Header(17, 8, 64, Ip("::"), us) + "12345678"), link.now);
  EXPECT_EQ(4u, a.Stats().bad_source);
  a.Receive(Frame(us, Header(17, 9, 64, src, us) + "12345678"), link.now);
  a.Receive(Frame(us, Header(17, 8, 64, src, us).substr(0, 39)), link.now);
  EXPECT_EQ(2u, a.Stats().malformed);
  EXPECT_TRUE(a.delivered.empty());
  a.Receive(Frame(us, Header(17, 8, 64, src, us) + "12345678padding"), link.now);
  ASSERT_EQ(1u, a.delivered.size());
  EXPECT_EQ("12345678", a.delivered[0].payload);
}

TEST_F(InterfaceIpv6PairTest, EveryTruncationOfEveryFrameIsHarmless) {
  SO_EXPECT_OK(so_interface_send(&a.i, a.Packet("12345678hello", 17, b.LinkLocal()), link.now));
  link.Run(5 * kS);
  for (const std::string &frame : std::vector<std::string>(link.log)) {
    for (size_t n = 1; n < frame.size(); n++) {
      a.Receive(frame.substr(0, n), link.now);
    }
  }
  link.Run(6 * kS);
}

}  // namespace
