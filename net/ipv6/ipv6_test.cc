#include "net/ipv6/ipv6.h"

#include <string>
#include <vector>

#include "base/writer.h"
#include "tests/support/support.h"

namespace {

so_ip Ip(const char *text) {
  so_ip ip = {};
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

so_ipv6_header Plain(uint8_t next, size_t payload_len) {
  so_ipv6_header h = {};
  h.traffic_class = 0xb8;
  h.flow_label = 0xabcde;
  h.payload_len = static_cast<uint16_t>(payload_len);
  h.next_header = next;
  h.hop_limit = 64;
  h.src = Ip("2001:db8::1");
  h.dst = Ip("2001:db8::2");
  return h;
}

std::string Emit(const so_ipv6_header &h) {
  uint8_t buf[SO_IPV6_HEADER_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ipv6_emit(&h, &w);
  EXPECT_FALSE(w.failed);
  return so_test::Text(so_writer_bytes(&w));
}

// A header of options: `next`, and options padded to a multiple of 8 with PadN.
std::string Options(uint8_t next, std::string options) {
  const size_t rest = (8 - (options.size() + 2) % 8) % 8;
  if (rest == 1) {
    options += '\0';
  } else if (rest > 1) {
    options += '\1';
    options += static_cast<char>(rest - 2);
    options += std::string(rest - 2, '\0');
  }
  std::string out;
  out += static_cast<char>(next);
  out += static_cast<char>((options.size() + 2) / 8 - 1);
  return out + options;
}

std::string Routing(uint8_t next, uint8_t type, uint8_t left) {
  std::string s(8, '\0');
  s[0] = static_cast<char>(next);
  s[2] = static_cast<char>(type);
  s[3] = static_cast<char>(left);
  return s;
}

std::string Fragment(uint8_t next, uint16_t offset, bool more, uint32_t id = 7) {
  std::string s(8, '\0');
  s[0] = static_cast<char>(next);
  const uint16_t field = static_cast<uint16_t>(offset | (more ? 1 : 0));
  s[2] = static_cast<char>(field >> 8);
  s[3] = static_cast<char>(field);
  s[7] = static_cast<char>(id);
  return s;
}

std::string Packet(uint8_t next, const std::string &payload) {
  return Emit(Plain(next, payload.size())) + payload;
}

so_ipv6_chain Walk(const std::string &packet, bool reassembled = false) {
  const so_test::Guarded g(packet.substr(0, SO_IPV6_WALK_LEN));
  return so_ipv6_walk(g.view(), packet.size(), reassembled);
}

const std::string kUdp = std::string("12345678payload!");

TEST(Ipv6Test, TheHeaderComesBackAsItWas) {
  const std::string bytes = Emit(Plain(17, 1234));
  so_ipv6_header h;
  const so_test::Guarded g(bytes);
  SO_ASSERT_OK(so_ipv6_parse(g.view(), &h));
  EXPECT_EQ(bytes, Emit(h));
  EXPECT_EQ(0xb8, h.traffic_class);
  EXPECT_EQ(0xabcdeu, h.flow_label);
  EXPECT_EQ(1234, h.payload_len);
  EXPECT_EQ(std::string("\x6b\x8a\xbc\xde\4\xd2\x11\x40", 8), bytes.substr(0, 8));
}

TEST(Ipv6Test, EveryTruncationAndOtherVersionsAreRefused) {
  std::string bytes = Emit(Plain(17, 0));
  so_ipv6_header h;
  for (size_t n = 0; n < bytes.size(); n++) {
    const so_test::Guarded g(bytes.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_ipv6_parse(g.view(), &h));
  }
  for (int version = 0; version < 16; version++) {
    bytes[0] = static_cast<char>(version << 4 | 0xb);
    EXPECT_EQ(version == 6, so_ok(so_ipv6_parse(so_test::View(bytes), &h)));
  }
}

TEST(Ipv6WalkTest, ATransportHeaderFollowsAtOnce) {
  const so_ipv6_chain c = Walk(Packet(17, kUdp));
  EXPECT_EQ(SO_IPV6_ACCEPT, c.verdict);
  EXPECT_EQ(17, c.protocol);
  EXPECT_EQ(40, c.off);
  EXPECT_EQ(6, c.next_header_off);
  EXPECT_FALSE(c.fragmented);
}

TEST(Ipv6WalkTest, HeadersInAnyOrderLeadToTheTransport) {
  const so_ipv6_chain c = Walk(
      Packet(0, Options(60, std::string("\5\2\0\0", 4)) + Options(43, "") + Routing(60, 4, 0) +
                    Options(6, "") + std::string(20, 't')));
  EXPECT_EQ(SO_IPV6_ACCEPT, c.verdict);
  EXPECT_EQ(6, c.protocol);
  EXPECT_EQ(40 + 32, c.off);
  EXPECT_EQ(40 + 24, c.next_header_off);
  EXPECT_TRUE(c.router_alert);
}

TEST(Ipv6WalkTest, NothingAfterTheHeadersIsIgnored) {
  EXPECT_EQ(SO_IPV6_IGNORE, Walk(Packet(59, "whatever")).verdict);
  EXPECT_EQ(SO_IPV6_IGNORE, Walk(Packet(60, Options(59, ""))).verdict);
}

TEST(Ipv6WalkTest, HopByHopStandsFirstOnly) {
  const so_ipv6_chain c = Walk(Packet(60, Options(0, "") + Options(17, "") + kUdp));
  EXPECT_EQ(SO_IPV6_PROBLEM, c.verdict);
  EXPECT_EQ(SO_IPV6_FAULT_ORDER, c.fault);
  EXPECT_EQ(1, c.code);
  EXPECT_EQ(40, c.pointer);
  EXPECT_EQ(SO_IPV6_FAULT_ORDER, Walk(Packet(0, Options(17, "") + kUdp), true).fault);
  EXPECT_EQ(SO_IPV6_FAULT_ORDER,
            Walk(Packet(44, Fragment(0, 0, false) + Options(17, "") + kUdp)).fault);
}

TEST(Ipv6WalkTest, RoutingWithSegmentsLeftIsRefusedWhateverItsType) {
  for (int type : {0, 2, 3, 4, 255}) {
    const so_ipv6_chain c = Walk(Packet(43, Routing(17, static_cast<uint8_t>(type), 1) + kUdp));
    EXPECT_EQ(SO_IPV6_PROBLEM, c.verdict) << type;
    EXPECT_EQ(SO_IPV6_FAULT_ROUTING, c.fault);
    EXPECT_EQ(0, c.code);
    EXPECT_EQ(42, c.pointer);  // The routing type (RFC 8200 4.4).
    EXPECT_EQ(SO_IPV6_ACCEPT,
              Walk(Packet(43, Routing(17, static_cast<uint8_t>(type), 0) + kUdp)).verdict);
  }
}

TEST(Ipv6WalkTest, UnknownOptionsDoWhatTheirTypeSays) {
  struct {
    uint8_t type;
    so_ipv6_verdict verdict;
    bool even_multicast;
  } const cases[] = {{0x1e, SO_IPV6_ACCEPT, false},
                     {0x5e, SO_IPV6_DROP, false},
                     {0x9e, SO_IPV6_PROBLEM, true},
                     {0xde, SO_IPV6_PROBLEM, false},
                     {0xc2, SO_IPV6_PROBLEM, false}};  // Jumbo payload.
  for (const auto &t : cases) {
    for (int kind : {0, 60}) {
      const std::string option = std::string("\x1e\0", 2) + static_cast<char>(t.type) +
                                 std::string("\2ab", 3);
      const so_ipv6_chain c =
          Walk(Packet(static_cast<uint8_t>(kind), Options(17, option) + kUdp));
      EXPECT_EQ(t.verdict, c.verdict) << int(t.type);
      if (t.verdict == SO_IPV6_PROBLEM) {
        EXPECT_EQ(2, c.code);
        EXPECT_EQ(40 + 2 + 2, c.pointer);
        EXPECT_EQ(t.even_multicast, c.even_multicast);
      }
    }
  }
}

TEST(Ipv6WalkTest, BadOptionsAreDropped) {
  const std::string cases[] = {
      std::string("\x1e\5\0\0\0\0", 6),          // Past the end of the header.
      std::string("\0\0\0\0\0\x1e", 6),          // A type without length at the end.
      std::string("\5\3\0\0\0\0", 6),            // Router alert of three bytes.
      std::string("\1\4\0\0\0x", 6),             // Padding that says something.
      std::string("\1\5\0\0\0\0\0\1\5\0\0\0\0\0", 14),  // More padding than aligns anything.
  };
  for (const std::string &options : cases) {
    ASSERT_EQ(0u, (options.size() + 2) % 8);
    const so_ipv6_chain c = Walk(Packet(0, Options(17, options) + kUdp));
    EXPECT_EQ(SO_IPV6_DROP, c.verdict);
    EXPECT_EQ(SO_IPV6_FAULT_OPTION, c.fault);
  }
}

TEST(Ipv6WalkTest, OptionsAreCounted) {
  std::string options;
  for (unsigned k = 0; k < SO_IPV6_OPTIONS_MAX - 1; k++) {
    options += std::string("\x1e\0", 2);
  }
  EXPECT_EQ(SO_IPV6_ACCEPT, Walk(Packet(60, Options(17, options) + kUdp)).verdict);
  options += std::string("\x1e\1z\x1e\1z", 6);
  EXPECT_EQ(SO_IPV6_FAULT_LIMIT, Walk(Packet(60, Options(17, options) + kUdp)).fault);
}

TEST(Ipv6WalkTest, HeadersAreCounted) {
  std::string chain;
  for (unsigned k = 1; k < SO_IPV6_HEADERS_MAX; k++) {
    chain += Options(60, "");
  }
  EXPECT_EQ(SO_IPV6_ACCEPT, Walk(Packet(60, chain + Options(17, "") + kUdp)).verdict);
  const so_ipv6_chain c = Walk(Packet(60, chain + Options(60, "") + Options(17, "") + kUdp));
  EXPECT_EQ(SO_IPV6_DROP, c.verdict);
  EXPECT_EQ(SO_IPV6_FAULT_LIMIT, c.fault);
}

TEST(Ipv6WalkTest, TheBytesOfHeadersAreCounted) {
  const std::string option = std::string("\x1e\xf4", 2) + std::string(0xf4, 'x');  // 246 bytes.
  const std::string big = Options(60, option + std::string("\x1e\6", 2) + std::string(6, 'x'));
  ASSERT_EQ(256u, big.size());
  std::string last = big;
  last[0] = 17;
  EXPECT_EQ(SO_IPV6_ACCEPT, Walk(Packet(60, big + last + kUdp)).verdict);
  EXPECT_EQ(SO_IPV6_FAULT_LIMIT, Walk(Packet(60, big + big + Options(17, "") + kUdp)).fault);
  // One header longer than all may be together, in a packet that goes on.
  std::string huge = std::string("\x11\xff", 2) + std::string(2046 + 16, '\0');
  EXPECT_EQ(SO_IPV6_FAULT_LIMIT, Walk(Packet(60, huge)).fault);
}

TEST(Ipv6WalkTest, EveryTruncationIsRefusedWithoutOverread) {
  const std::string payload = Options(60, std::string("\5\2\0\0", 4)) + Routing(60, 0, 0) +
                              Options(44, "") + Fragment(17, 0, false) + kUdp;
  std::string first = Packet(0, payload);
  first.replace(40, 1, 1, 43);
  first.replace(48, 1, 1, 60);
  ASSERT_EQ(SO_IPV6_ACCEPT, Walk(first).verdict);
  for (size_t n = 40; n < 40 + 32; n++) {
    const so_ipv6_chain c = Walk(first.substr(0, n));
    EXPECT_EQ(SO_IPV6_DROP, c.verdict) << n;
    EXPECT_EQ(SO_IPV6_FAULT_TRUNCATED, c.fault) << n;
  }
}

TEST(Ipv6WalkTest, AFragmentIsForReassembly) {
  const so_ipv6_chain c = Walk(Packet(44, Fragment(17, 1232, true, 9) + std::string(16, 'x')));
  EXPECT_EQ(SO_IPV6_REASSEMBLE, c.verdict);
  EXPECT_EQ(17, c.protocol);
  EXPECT_EQ(48, c.off);
  EXPECT_EQ(1232, c.fragment.offset);
  EXPECT_TRUE(c.fragment.more);
  EXPECT_EQ(9u, c.fragment.id);
  EXPECT_TRUE(c.fragmented);
}

TEST(Ipv6WalkTest, APacketInOneFragmentIsWhole) {
  const so_ipv6_chain c = Walk(Packet(44, Fragment(17, 0, false) + kUdp));
  EXPECT_EQ(SO_IPV6_ACCEPT, c.verdict);
  EXPECT_TRUE(c.fragmented);
  EXPECT_EQ(48, c.off);
}

TEST(Ipv6WalkTest, FragmentsThatCannotBeAreRefused) {
  so_ipv6_chain c = Walk(Packet(44, Fragment(17, 0, true) + std::string(15, 'x')));
  EXPECT_EQ(SO_IPV6_PROBLEM, c.verdict);  // Not a multiple of 8.
  EXPECT_EQ(0, c.code);
  EXPECT_EQ(4, c.pointer);
  c = Walk(Packet(44, Fragment(17, 65528, false) + "1234567"));
  EXPECT_EQ(SO_IPV6_REASSEMBLE, c.verdict);
  c = Walk(Packet(44, Fragment(17, 65528, false) + "12345678"));
  EXPECT_EQ(SO_IPV6_PROBLEM, c.verdict);  // Past 65535.
  EXPECT_EQ(42, c.pointer);
  EXPECT_EQ(SO_IPV6_FAULT_FRAGMENT, c.fault);
  EXPECT_EQ(SO_IPV6_DROP, Walk(Packet(44, Fragment(17, 8, false))).verdict);
  EXPECT_EQ(SO_IPV6_DROP, Walk(Packet(44, Fragment(17, 8, true))).verdict);
  EXPECT_EQ(SO_IPV6_FAULT_ORDER,
            Walk(Packet(44, Fragment(44, 0, false) + Fragment(17, 0, false) + kUdp)).fault);
  EXPECT_EQ(SO_IPV6_FAULT_ORDER, Walk(Packet(44, Fragment(17, 0, false) + kUdp), true).fault);
}

TEST(Ipv6WalkTest, TheFirstFragmentHoldsTheWholeChain) {
  EXPECT_EQ(SO_IPV6_REASSEMBLE, Walk(Packet(44, Fragment(17, 0, true) + kUdp)).verdict);
  const std::string short_ones[] = {
      Fragment(6, 0, true) + std::string(16, 't'),            // TCP wants 20.
      Fragment(60, 0, true) + Options(17, ""),                // Nothing of UDP.
      Fragment(60, 0, true) + std::string("\x11\1\0\0\0\0\0\0", 8),  // Half of a header.
      Fragment(60, 0, true) + Options(6, "") + std::string(16, 't'),
  };
  for (const std::string &s : short_ones) {
    const so_ipv6_chain c = Walk(Packet(44, s));
    EXPECT_EQ(SO_IPV6_PROBLEM, c.verdict);
    EXPECT_EQ(SO_IPV6_FAULT_FIRST_FRAGMENT, c.fault);
    EXPECT_EQ(3, c.code);
    EXPECT_EQ(0, c.pointer);
  }
  const std::string enough = Fragment(60, 0, true) + Options(6, "") + std::string(24, 't');
  EXPECT_EQ(SO_IPV6_REASSEMBLE, Walk(Packet(44, enough)).verdict);
  // A later one need not.
  EXPECT_EQ(SO_IPV6_REASSEMBLE,
            Walk(Packet(44, Fragment(6, 8, true) + std::string(8, 't'))).verdict);
}

// --- fragmenting -----------------------------------------------------------------------------

class Ipv6FragmentTest : public testing::Test {
 protected:
  void SetUp() override { Pool(64, 128); }
  void TearDown() override {
    EXPECT_EQ(0u, pool_.packets_used);
    so_packet_pool_release(&pool_);
  }
  void Pool(uint32_t pages, uint32_t packets) {
    ASSERT_TRUE(so_ok(so_packet_pool_init(&pool_, so_test::Heap(), pages, packets)));
  }
  so_packet *Payload(size_t n) {
    std::string s(n, '\0');
    for (size_t k = 0; k < n; k++) {
      s[k] = static_cast<char>(k * 31 + k / 256);
    }
    text_ = s;
    so_packet *p = so_packet_alloc(&pool_, SO_PACKET_HEADROOM, 0);
    EXPECT_TRUE(so_ok(so_packet_append(&pool_, p, so_test::View(s))));
    return p;
  }
  static void OnPacket(void *ctx, so_packet *p) {
    auto *t = static_cast<Ipv6FragmentTest *>(ctx);
    std::string s(p->len, '\0');
    so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(s.data()), p->len);
    t->out_.push_back(s);
    so_packet_free(&t->pool_, p);
  }
  so_packet_pool pool_;
  std::string text_;
  std::vector<std::string> out_;
  so_ipv6_fragment_sink sink_ = {OnPacket, this};
};

TEST_F(Ipv6FragmentTest, PiecesFitAndMakeTheWhole) {
  for (size_t n : {1500u, 1232u, 1233u, 8192u, 65535u}) {
    for (uint16_t mtu : {1280, 1500, 1503}) {
      out_.clear();
      so_packet *p = Payload(n);
      const so_ipv6_header h = Plain(17, 0);
      SO_ASSERT_OK(so_ipv6_fragment_out(&pool_, p, &h, mtu, 0x42, &sink_));
      so_packet_free(&pool_, p);
      std::string whole;
      for (const std::string &piece : out_) {
        ASSERT_LE(piece.size(), mtu);
        so_ipv6_header got;
        SO_ASSERT_OK(so_ipv6_parse(so_test::View(piece), &got));
        EXPECT_EQ(piece.size(), 40u + got.payload_len);
        EXPECT_EQ(0xabcdeu, got.flow_label);
        const so_ipv6_chain c = Walk(piece);
        const bool single = out_.size() == 1;
        ASSERT_EQ(single ? SO_IPV6_ACCEPT : SO_IPV6_REASSEMBLE, c.verdict);
        EXPECT_EQ(whole.size(), c.fragment.offset);
        EXPECT_EQ(&piece != &out_.back(), c.fragment.more);
        EXPECT_EQ(0x42u, c.fragment.id);
        EXPECT_EQ(17, c.protocol);
        whole += piece.substr(c.off);
      }
      EXPECT_EQ(text_, whole);
    }
  }
}

TEST_F(Ipv6FragmentTest, WithoutPacketsNothingIsSentAndNothingLeaks) {
  so_packet_pool_release(&pool_);
  Pool(64, 8);
  so_packet *p = Payload(20000);
  const so_ipv6_header h = Plain(17, 0);
  SO_EXPECT_CODE(SO_LIMIT, so_ipv6_fragment_out(&pool_, p, &h, 1280, 1, &sink_));
  EXPECT_TRUE(out_.empty());
  EXPECT_EQ(1u, pool_.packets_used);
  so_packet_free(&pool_, p);
}

}  // namespace
