#include "net/icmp/icmp.h"

#include <string.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "net/checksum/checksum.h"
#include "tests/support/support.h"

namespace {

so_ip Ip(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  const uint8_t bytes[4] = {a, b, c, d};
  return so_ip4(bytes);
}

so_ipv4_header Header(uint8_t protocol = 17, uint16_t payload = 100) {
  so_ipv4_header h;
  memset(&h, 0, sizeof h);
  h.header_len = SO_IPV4_HEADER_LEN;
  h.total_len = static_cast<uint16_t>(SO_IPV4_HEADER_LEN + payload);
  h.id = 9;
  h.hop_limit = 60;
  h.protocol = protocol;
  h.src = Ip(10, 0, 0, 1);
  h.dst = Ip(10, 0, 0, 2);
  return h;
}

std::string Error(uint8_t type, uint8_t code, uint32_t rest, const so_ipv4_header &h,
                  const std::string &payload) {
  uint8_t head[SO_ICMP_HEADER_LEN];
  uint8_t quoted[SO_IPV4_HEADER_LEN];
  const so_icmp_header m = {type, code, 0, rest};
  so_icmp_emit(&m, head);
  so_ipv4_emit(&h, quoted);
  return std::string(reinterpret_cast<char *>(head), sizeof head) +
         std::string(reinterpret_cast<char *>(quoted), sizeof quoted) + payload;
}

TEST(IcmpTest, AHeaderIsReadAndWrittenTheSame) {
  const std::string s("\x08\x00\x12\x34\x56\x78\x9a\xbc", 8);
  so_icmp_header h;
  SO_ASSERT_OK(so_icmp_parse(so_test::View(s), &h));
  EXPECT_EQ(SO_ICMP_ECHO_REQUEST, h.type);
  EXPECT_EQ(0x1234, h.checksum);
  EXPECT_EQ(0x56789abcu, h.rest);
  uint8_t out[SO_ICMP_HEADER_LEN];
  so_icmp_emit(&h, out);
  EXPECT_EQ(s, so_test::Text(so_bytes_of(out, sizeof out)));
  for (size_t n = 0; n < 8; n++) {
    const so_test::Guarded g(s.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_icmp_parse(g.view(), &h));
  }
}

TEST(IcmpTest, EachCodeHasItsKind) {
  const struct {
    int type, code;
    so_ip_error_kind kind;
  } cases[] = {
      {3, 0, SO_IP_ERROR_UNREACHABLE},  {3, 1, SO_IP_ERROR_UNREACHABLE},
      {3, 2, SO_IP_ERROR_PROTOCOL},     {3, 3, SO_IP_ERROR_PORT},
      {3, 4, SO_IP_ERROR_TOO_BIG},      {3, 5, SO_IP_ERROR_UNREACHABLE},
      {3, 9, SO_IP_ERROR_PROHIBITED},   {3, 10, SO_IP_ERROR_PROHIBITED},
      {3, 13, SO_IP_ERROR_PROHIBITED},  {3, 200, SO_IP_ERROR_UNREACHABLE},
      {11, 0, SO_IP_ERROR_TIME},        {11, 1, SO_IP_ERROR_TIME},
      {12, 0, SO_IP_ERROR_PARAMETER},
  };
  for (const auto &c : cases) {
    so_ip_error e;
    uint16_t sent_len;
    const std::string s = Error(static_cast<uint8_t>(c.type), static_cast<uint8_t>(c.code), 1400,
                                Header(), "12345678");
    SO_ASSERT_OK(so_icmp_read_error(so_test::View(s), &e, &sent_len));
    EXPECT_EQ(c.kind, e.kind) << c.type << " " << c.code;
    EXPECT_EQ(c.kind == SO_IP_ERROR_TOO_BIG ? 1400u : 0u, e.mtu);
    EXPECT_EQ(120, sent_len);
    EXPECT_EQ("12345678", so_test::Text(e.transport));
    const so_ip src = Ip(10, 0, 0, 1);
    EXPECT_TRUE(so_ip_equal(&src, &e.src));
  }
}

TEST(IcmpTest, RedirectsQuenchesAndOthersAreNotActedOn) {
  for (int type : {0, 4, 5, 8, 9, 10, 13, 17, 40}) {
    so_ip_error e;
    uint16_t sent_len;
    const std::string s = Error(static_cast<uint8_t>(type), 0, 0, Header(), "12345678");
    SO_EXPECT_CODE(SO_UNSUPPORTED, so_icmp_read_error(so_test::View(s), &e, &sent_len));
  }
}

TEST(IcmpTest, EveryTruncationOfAnErrorIsMalformedWithoutOverread) {
  const std::string s = Error(3, 3, 0, Header(), "12345678");
  for (size_t n = 0; n < s.size(); n++) {
    const so_test::Guarded g(s.substr(0, n));
    so_ip_error e;
    uint16_t sent_len;
    SO_EXPECT_CODE(SO_MALFORMED, so_icmp_read_error(g.view(), &e, &sent_len));
  }
}

TEST(IcmpTest, AQuoteEndsWhereThePacketEndedAndMustBeAFirstFragment) {
  so_ip_error e;
  uint16_t sent_len;
  std::string s = Error(3, 3, 0, Header(17, 10), "1234567890padding");
  SO_ASSERT_OK(so_icmp_read_error(so_test::View(s), &e, &sent_len));
  EXPECT_EQ("1234567890", so_test::Text(e.transport));
  s = Error(3, 3, 0, Header(17, 7), "1234567890");
  SO_EXPECT_CODE(SO_MALFORMED, so_icmp_read_error(so_test::View(s), &e, &sent_len));
  so_ipv4_header h = Header();
  h.fragment_off = 8;
  s = Error(3, 3, 0, h, "12345678");
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_icmp_read_error(so_test::View(s), &e, &sent_len));
}

TEST(IcmpTest, WhatMayBeAnswered) {
  const std::string start(1, '\x08');
  const so_bytes any = so_test::View(start);
  so_ipv4_header h = Header();
  EXPECT_TRUE(so_icmp_may_answer(&h, any, false));
  EXPECT_FALSE(so_icmp_may_answer(&h, any, true));  // A link broadcast.
  h.fragment_off = 8;
  EXPECT_FALSE(so_icmp_may_answer(&h, any, false));
  for (const so_ip &dst : {Ip(224, 0, 0, 1), Ip(255, 255, 255, 255)}) {
    h = Header();
    h.dst = dst;
    EXPECT_FALSE(so_icmp_may_answer(&h, any, false));
  }
  for (const so_ip &src : {Ip(0, 0, 0, 0), Ip(0, 1, 2, 3), Ip(127, 0, 0, 1), Ip(224, 0, 0, 5),
                           Ip(240, 0, 0, 1), Ip(255, 255, 255, 255)}) {
    h = Header();
    h.src = src;
    EXPECT_FALSE(so_icmp_may_answer(&h, any, false));
  }
  h = Header(1);
  for (int type = 0; type < 256; type++) {
    const std::string t(1, static_cast<char>(type));
    const bool is_error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
    EXPECT_EQ(!is_error, so_icmp_may_answer(&h, so_test::View(t), false)) << type;
  }
  EXPECT_FALSE(so_icmp_may_answer(&h, so_bytes_of(nullptr, 0), false));
}

TEST(IcmpTest, AnErrorQuotesUpTo576BytesAndSaysNoMoreThanThePacketHad) {
  so_packet_pool pool;
  SO_ASSERT_OK(so_packet_pool_init(&pool, so_test::Heap(), 8, 8));
  for (size_t n : {size_t{0}, size_t{1}, size_t{528}, size_t{529}, size_t{3000}}) {
    const std::string s(n, 'q');
    so_packet *payload = so_packet_alloc(&pool, 0, 16);
    SO_ASSERT_OK(so_packet_append(&pool, payload, so_test::View(s)));
    const so_ipv4_header h = Header(17, static_cast<uint16_t>(n));
    so_packet *p = so_icmp_make_error(&pool, 3, 3, 0, &h, payload);
    ASSERT_NE(nullptr, p);
    EXPECT_EQ(std::min<size_t>(576 - 20, 28 + n), p->len);
    std::string out(p->len, '\0');
    so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&out[0]), out.size());
    EXPECT_EQ(0, so_checksum_of(so_test::View(out)));
    EXPECT_EQ(Error(3, 3, 0, h, s).substr(8, p->len - 8), out.substr(8));
    EXPECT_TRUE(so_ip_equal(&h.src, &p->dst) && so_ip_equal(&h.dst, &p->src));
    so_packet_free(&pool, p);
    so_packet_free(&pool, payload);
  }
  so_packet_pool_release(&pool);
}

TEST(IcmpTest, WithoutBuffersThereIsNoError) {
  so_packet_pool pool;
  SO_ASSERT_OK(so_packet_pool_init(&pool, so_test::Heap(), 2, 1));
  so_packet *payload = so_packet_alloc(&pool, 0, 16);
  const so_ipv4_header h = Header();
  EXPECT_EQ(nullptr, so_icmp_make_error(&pool, 3, 3, 0, &h, payload));
  so_packet_free(&pool, payload);
  so_packet_pool_release(&pool);
}

int Burst(so_icmp_limit *l, const so_ip &dst, uint64_t now) {
  int n = 0;
  while (n < 10000 && so_icmp_limit_take(l, &dst, now)) {
    n++;
  }
  return n;
}

TEST(IcmpLimitTest, OnePeerGetsAQuarterAndAllTogetherTheRate) {
  static const uint8_t kKey[16] = {3};
  so_icmp_limit l;
  so_icmp_limit_init(&l, kKey, 100);
  uint64_t now = 50 * SO_NS_PER_S;
  EXPECT_EQ(25, Burst(&l, Ip(10, 0, 0, 1), now));
  int sum = 25;
  for (uint8_t k = 2; k < 100; k++) {
    sum += Burst(&l, Ip(10, 0, 0, k), now);
  }
  EXPECT_EQ(100, sum);
  // A tenth of a second later a tenth of the rate is there again.
  now += SO_NS_PER_S / 10;
  sum = 0;
  for (uint8_t k = 100; k < 200; k++) {
    sum += Burst(&l, Ip(10, 0, 1, k), now);
  }
  EXPECT_EQ(10, sum);
  // What is not used does not add up beyond a second's worth.
  now += 3600 * SO_NS_PER_S;
  EXPECT_EQ(25, Burst(&l, Ip(10, 0, 0, 1), now));
}

}  // namespace
