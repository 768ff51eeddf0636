#include "net/udp/udp.h"

#include <string.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "net/checksum/checksum.h"
#include "tests/support/support.h"

namespace {

so_ip Ip(const char *text) {
  so_ip ip;
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

const so_ip kNone = {};

class UdpTest : public ::testing::Test {
 protected:
  UdpTest() {
    SO_EXPECT_OK(so_packet_pool_init(&pool_, so_test::Heap(), 64, 64));
    so_udp_config config;
    memset(&config, 0, sizeof config);
    config.lower = {Send, Unreachable, this};
    config.sockets_max = 8;
    config.queue_max = 4;
    config.queue_total_max = 6;
    SO_EXPECT_OK(so_udp_init(&u_, &config, &pool_, so_test::Heap()));
  }
  ~UdpTest() override {
    so_udp_release(&u_);
    EXPECT_EQ(0u, pool_.packets_used);
    so_packet_pool_release(&pool_);
  }

  so_udp_socket *Open(const so_ip &local, uint16_t port) {
    so_udp_socket *s = nullptr;
    SO_EXPECT_OK(so_udp_open(&u_, local, port, Ready, this, &s));
    return s;
  }
  // A datagram with a right checksum.
  std::string Datagram(uint16_t sport, uint16_t dport, const std::string &payload,
                       const so_ip &src, const so_ip &dst) {
    so_udp_header h = {sport, dport, static_cast<uint16_t>(8 + payload.size()), 0};
    uint8_t head[8];
    so_udp_emit(&h, head);
    std::string s = std::string(reinterpret_cast<char *>(head), 8) + payload;
    so_checksum c = so_checksum_start();
    so_checksum_add_pseudo(&c, &src, &dst, 17, static_cast<uint32_t>(s.size()));
    so_checksum_add(&c, so_test::View(s));
    h.checksum = so_checksum_end(&c);
    so_udp_emit(&h, head);
    return std::string(reinterpret_cast<char *>(head), 8) + payload;
  }
  void InputRaw(const std::string &bytes, const so_ip &src, const so_ip &dst, bool valid = false) {
    so_packet *p = so_packet_alloc(&pool_, 0, std::min<size_t>(bytes.size(), 2048));
    ASSERT_NE(nullptr, p);
    SO_ASSERT_OK(so_packet_append(&pool_, p, so_test::View(bytes)));
    p->src = src;
    p->dst = dst;
    p->protocol = 17;
    p->offload.csum_valid = valid;
    so_udp_input(&u_, p, 0);
  }
  void Input(uint16_t sport, uint16_t dport, const std::string &payload,
             const char *src = "10.0.0.2", const char *dst = "10.0.0.1") {
    InputRaw(Datagram(sport, dport, payload, Ip(src), Ip(dst)), Ip(src), Ip(dst));
  }
  std::string Receive(so_udp_socket *s) {
    so_packet *p;
    const so_status status = so_udp_receive(s, &p, &from_);
    if (!so_ok(status)) {
      return so_code_name(static_cast<so_code>(status.code));
    }
    std::string out(p->len, '\0');
    if (!out.empty()) {
      so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&out[0]), out.size());
    }
    so_packet_free(&pool_, p);
    return out;
  }

  static so_status Send(void *ctx, so_packet *p, uint64_t) {
    auto *t = static_cast<UdpTest *>(ctx);
    std::string bytes(p->len, '\0');
    so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&bytes[0]), bytes.size());
    t->sent_.push_back(bytes);
    t->sent_src_ = p->src;
    t->sent_dst_ = p->dst;
    EXPECT_TRUE(p->offload.needs_csum);
    EXPECT_EQ(6, p->offload.csum_offset);
    EXPECT_EQ(17, p->protocol);
    so_packet_free(&t->pool_, p);
    return t->send_status_;
  }
  static void Unreachable(void *ctx, const so_packet *p, uint64_t) {
    auto *t = static_cast<UdpTest *>(ctx);
    t->unreachable_++;
    EXPECT_GE(p->len, 8u);  // As it came, its header still there.
  }
  static void Ready(void *ctx) { static_cast<UdpTest *>(ctx)->ready_++; }

  so_packet_pool pool_;
  so_udp u_;
  so_udp_peer from_;
  std::vector<std::string> sent_;
  so_ip sent_src_, sent_dst_;
  so_status send_status_ = so_done();
  int unreachable_ = 0;
  int ready_ = 0;
};

TEST_F(UdpTest, AHeaderIsReadAndWrittenTheSameAndBadLengthsRefused) {
  const std::string s("\x00\x35\xff\xfe\x00\x0a\x12\x34", 8);
  so_udp_header h;
  SO_ASSERT_OK(so_udp_parse(so_test::View(s), 10, &h));
  EXPECT_EQ(53, h.src_port);
  EXPECT_EQ(0xfffe, h.dst_port);
  uint8_t out[8];
  so_udp_emit(&h, out);
  EXPECT_EQ(s, so_test::Text(so_bytes_of(out, 8)));
  SO_EXPECT_CODE(SO_MALFORMED, so_udp_parse(so_test::View(s), 9, &h));
  for (size_t n = 0; n < 8; n++) {
    const so_test::Guarded g(s.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_udp_parse(g.view(), 10, &h));
  }
  std::string tiny = s;
  tiny[5] = 7;
  SO_EXPECT_CODE(SO_MALFORMED, so_udp_parse(so_test::View(tiny), 10, &h));
}

TEST_F(UdpTest, ADatagramReachesItsPortWithItsSender) {
  so_udp_socket *s = Open(kNone, 53);
  EXPECT_EQ("AGAIN", Receive(s));
  Input(1000, 53, "query");
  EXPECT_EQ(1, ready_);
  EXPECT_EQ("query", Receive(s));
  EXPECT_EQ(1000, from_.port);
  const so_ip src = Ip("10.0.0.2");
  const so_ip dst = Ip("10.0.0.1");
  EXPECT_TRUE(so_ip_equal(&src, &from_.ip));
  EXPECT_TRUE(so_ip_equal(&dst, &from_.local));
  Input(1000, 53, "");
  EXPECT_EQ("", Receive(s));
  Input(1000, 53, "six", "2001:db8::2", "2001:db8::1");
  EXPECT_EQ("six", Receive(s));
}

TEST_F(UdpTest, EveryTruncationAndEachWrongByteIsRefused) {
  so_udp_socket *s = Open(kNone, 53);
  const so_ip src = Ip("10.0.0.2");
  const so_ip dst = Ip("10.0.0.1");
  const std::string good = Datagram(1000, 53, "payload", src, dst);
  for (size_t n = 0; n < good.size(); n++) {
    InputRaw(good.substr(0, n), src, dst);
  }
  EXPECT_EQ(good.size(), u_.stats.rx_malformed);
  for (size_t k = 0; k < good.size(); k++) {
    std::string bad = good;
    bad[k] = static_cast<char>(bad[k] ^ 0x01);
    InputRaw(bad, src, dst);
  }
  EXPECT_EQ(good.size() * 2, u_.stats.rx_malformed + u_.stats.rx_checksum);
  EXPECT_EQ("AGAIN", Receive(s));
  InputRaw(good + "link padding", src, dst);
  EXPECT_EQ("payload", Receive(s));
}

TEST_F(UdpTest, ANoughtChecksumIsForIpv4AloneAndADeviceMayHaveChecked) {
  so_udp_socket *s = Open(kNone, 53);
  std::string d = Datagram(1, 53, "x", Ip("10.0.0.2"), Ip("10.0.0.1"));
  d[6] = d[7] = 0;
  InputRaw(d, Ip("10.0.0.2"), Ip("10.0.0.1"));
  EXPECT_EQ("x", Receive(s));
  InputRaw(d, Ip("2001:db8::2"), Ip("2001:db8::1"));
  EXPECT_EQ("AGAIN", Receive(s));
  EXPECT_EQ(1u, u_.stats.rx_checksum);
  d[6] = 0x55;  // A partial sum.
  InputRaw(d, Ip("10.0.0.2"), Ip("10.0.0.1"), true);
  EXPECT_EQ("x", Receive(s));
}

TEST_F(UdpTest, TheSocketThatSaysMostGetsTheDatagram) {
  so_udp_socket *all = Open(kNone, 53);
  so_udp_socket *four = Open(so_ip_any(4), 53);
  so_udp_socket *exact = Open(Ip("10.0.0.1"), 53);
  Input(7, 53, "exact");
  Input(7, 53, "four", "10.0.0.2", "10.0.0.9");
  Input(7, 53, "six", "2001:db8::2", "2001:db8::1");
  EXPECT_EQ("exact", Receive(exact));
  EXPECT_EQ("four", Receive(four));
  EXPECT_EQ("six", Receive(all));
  so_udp_connect(all, Ip("10.0.0.2"), 7);
  Input(7, 53, "peer");
  EXPECT_EQ("peer", Receive(all));
  Input(8, 53, "other");
  EXPECT_EQ("other", Receive(exact));
}

TEST_F(UdpTest, WithoutASocketTheSenderIsTold) {
  Input(7, 99, "nobody");
  EXPECT_EQ(1, unreachable_);
  EXPECT_EQ(1u, u_.stats.rx_no_port);
  so_udp_socket *s = Open(kNone, 99);
  so_udp_connect(s, Ip("10.0.0.3"), 7);
  Input(7, 99, "not the peer");
  EXPECT_EQ(2, unreachable_);
}

TEST_F(UdpTest, QueuesAreBoundedBySocketAndInAll) {
  so_udp_socket *a = Open(kNone, 1);
  so_udp_socket *b = Open(kNone, 2);
  for (int k = 0; k < 5; k++) {
    Input(7, 1, "a");
  }
  EXPECT_EQ(4u, a->queue_count);
  for (int k = 0; k < 5; k++) {
    Input(7, 2, "b");
  }
  EXPECT_EQ(2u, b->queue_count);
  EXPECT_EQ(4u, u_.stats.rx_queue_full);
  so_udp_close(a);
  EXPECT_EQ(2u, u_.queued);
  Input(7, 2, "b");
  EXPECT_EQ(3u, b->queue_count);
}

TEST_F(UdpTest, SendingPutsTheHeaderInFront) {
  so_udp_socket *s = Open(kNone, 53);
  so_udp_peer to = {Ip("10.0.0.2"), 1000, Ip("10.0.0.1")};
  SO_ASSERT_OK(so_udp_send_bytes(s, &to, so_str("answer"), 0));
  ASSERT_EQ(1u, sent_.size());
  EXPECT_EQ(std::string("\x00\x35\x03\xe8\x00\x0e\x00\x00", 8) + "answer", sent_[0]);
  EXPECT_TRUE(so_ip_equal(&to.local, &sent_src_));
  EXPECT_TRUE(so_ip_equal(&to.ip, &sent_dst_));
  to.local = kNone;
  SO_ASSERT_OK(so_udp_send_bytes(s, &to, so_str("answer"), 0));
  EXPECT_EQ(0, sent_src_.family);  // IP chooses.
  SO_EXPECT_CODE(SO_CONFLICT, so_udp_send_bytes(s, nullptr, so_str("x"), 0));
  so_udp_connect(s, Ip("10.0.0.9"), 9);
  SO_EXPECT_OK(so_udp_send_bytes(s, nullptr, so_str("x"), 0));
  send_status_ = so_status_make(SO_NOT_FOUND, 0);
  SO_EXPECT_CODE(SO_NOT_FOUND, so_udp_send_bytes(s, &to, so_str("x"), 0));
  EXPECT_EQ(3u, u_.stats.tx);
  EXPECT_EQ(2u, u_.stats.tx_failed);
}

TEST_F(UdpTest, PayloadsHaveALimit) {
  so_udp_socket *s = Open(kNone, 53);
  const so_udp_peer to = {Ip("10.0.0.2"), 1000, kNone};
  const std::string most(SO_UDP_PAYLOAD_LEN_MAX, 'x');
  SO_EXPECT_OK(so_udp_send_bytes(s, &to, so_test::View(most), 0));
  SO_EXPECT_CODE(SO_LIMIT, so_udp_send_bytes(s, &to, so_test::View(most + "x"), 0));
  EXPECT_EQ(most.size() + 8, sent_[0].size());
}

TEST_F(UdpTest, PortsAndSocketsRunOut) {
  std::vector<so_udp_socket *> open;
  std::set<uint16_t> ports;
  for (int k = 0; k < 8; k++) {
    open.push_back(Open(kNone, 0));
    EXPECT_GE(open.back()->local_port, SO_UDP_EPHEMERAL_MIN);
    ports.insert(open.back()->local_port);
  }
  EXPECT_EQ(8u, ports.size());
  so_udp_socket *s;
  SO_EXPECT_CODE(SO_LIMIT, so_udp_open(&u_, kNone, 5, nullptr, nullptr, &s));
  so_udp_close(open[3]);
  SO_ASSERT_OK(so_udp_open(&u_, kNone, 5, nullptr, nullptr, &s));
  so_udp_close(open[4]);
  SO_EXPECT_CODE(SO_CONFLICT, so_udp_open(&u_, kNone, 5, nullptr, nullptr, &s));
  SO_EXPECT_OK(so_udp_open(&u_, Ip("10.0.0.1"), 5, nullptr, nullptr, &s));
}

so_ip_error PortError(const std::string &transport) {
  so_ip_error e;
  memset(&e, 0, sizeof e);
  e.kind = SO_IP_ERROR_PORT;
  e.src = Ip("10.0.0.1");
  e.dst = Ip("10.0.0.2");
  e.protocol = 17;
  e.transport = so_test::View(transport);
  return e;
}

TEST_F(UdpTest, AnErrorReachesTheConnectedSocketThatSentOnce) {
  const std::string quote("\x00\x35\x03\xe8\x00\x0e\x00\x00", 8);
  so_ip_error e = PortError(quote);
  EXPECT_FALSE(so_udp_error(&u_, &e, 0));
  so_udp_socket *s = Open(kNone, 53);
  EXPECT_TRUE(so_udp_error(&u_, &e, 0));
  EXPECT_EQ("AGAIN", Receive(s));  // Not connected: it may talk to many.
  so_udp_connect(s, Ip("10.0.0.2"), 1000);
  EXPECT_TRUE(so_udp_error(&u_, &e, 0));
  EXPECT_EQ(1, ready_);
  EXPECT_EQ("IO", Receive(s));
  EXPECT_EQ("AGAIN", Receive(s));
  e.kind = SO_IP_ERROR_TOO_BIG;
  EXPECT_TRUE(so_udp_error(&u_, &e, 0));
  EXPECT_EQ("AGAIN", Receive(s));
  so_udp_connect(s, Ip("10.0.0.3"), 1000);  // Not whom we talk to: forged.
  EXPECT_FALSE(so_udp_error(&u_, &e, 0));
  EXPECT_EQ(2u, u_.stats.rx_errors_ignored);
}

TEST_F(UdpTest, ExhaustionOfThePoolIsLimit) {
  so_udp_socket *s = Open(kNone, 53);
  const so_udp_peer to = {Ip("10.0.0.2"), 1000, kNone};
  std::vector<so_packet *> hoard;
  while (so_packet *p = so_packet_alloc(&pool_, 0, 0)) {
    hoard.push_back(p);
  }
  SO_EXPECT_CODE(SO_LIMIT, so_udp_send_bytes(s, &to, so_str("x"), 0));
  // Packets there are, but no page for a header in front.
  so_packet *p = hoard.back();
  hoard.pop_back();
  std::vector<so_frag> pages;
  so_frag page;
  while (so_page_alloc(&pool_, &page)) {
    pages.push_back(page);
  }
  SO_EXPECT_CODE(SO_LIMIT, so_udp_send(s, &to, p, 0));
  SO_EXPECT_CODE(SO_LIMIT, so_udp_send_bytes(s, &to, so_str("x"), 0));
  for (const so_frag &f : pages) {
    so_page_drop(&pool_, &f);
  }
  for (so_packet *q : hoard) {
    so_packet_free(&pool_, q);
  }
}

TEST(UdpInitTest, ARefusingHeapLeavesNothing) {
  so_udp_config config;
  memset(&config, 0, sizeof config);
  for (size_t limit : {size_t{100}, 256 * sizeof(so_udp_socket)}) {
    so_heap_budget budget;
    const so_heap heap = so_heap_budget_init(&budget, so_test::Heap(), limit);
    so_udp u;
    SO_EXPECT_CODE(SO_LIMIT, so_udp_init(&u, &config, nullptr, &heap));
    EXPECT_EQ(0u, budget.used);
    so_udp_release(&u);
  }
}

}  // namespace
