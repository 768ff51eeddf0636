#include "net/icmp6/icmp6.h"

#include <string>

#include "base/writer.h"
#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kS = SO_NS_PER_S;

so_ip Ip(const char *text) {
  so_ip ip = {};
  EXPECT_TRUE(so_ok(so_ip_parse(so_str(text), &ip))) << text;
  return ip;
}

std::string Packet(uint8_t next, const std::string &payload, const char *src = "2001:db8::1",
                   const char *dst = "2001:db8::2", size_t payload_len = 0) {
  uint8_t buf[SO_IPV6_HEADER_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_ipv6_header h = {};
  h.payload_len = static_cast<uint16_t>(payload_len == 0 ? payload.size() : payload_len);
  h.next_header = next;
  h.hop_limit = 60;
  h.src = Ip(src);
  h.dst = Ip(dst);
  so_ipv6_emit(&h, &w);
  return so_test::Text(so_writer_bytes(&w)) + payload;
}

std::string Message(uint8_t type, uint8_t code, uint32_t value, const std::string &rest) {
  uint8_t buf[SO_ICMP6_HEADER_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  const so_icmp6_header h = {type, code, 0, value};
  so_icmp6_emit(&h, &w);
  return so_test::Text(so_writer_bytes(&w)) + rest;
}

so_status Parse(const std::string &message, so_icmp6_error *out) {
  const so_test::Guarded g(message);
  return so_icmp6_error_parse(g.view(), out);
}

TEST(Icmp6Test, TheHeaderComesBackAndIsEightBytes) {
  const std::string bytes = Message(128, 3, 0x12345678, "");
  EXPECT_EQ(std::string("\x80\3\0\0\x12\x34\x56\x78", 8), bytes);
  so_icmp6_header h;
  for (size_t n = 0; n < 8; n++) {
    const so_test::Guarded g(bytes.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_icmp6_parse(g.view(), &h));
  }
  SO_ASSERT_OK(so_icmp6_parse(so_test::View(bytes), &h));
  EXPECT_EQ(0x12345678u, h.value);
}

TEST(Icmp6Test, AnErrorNamesWhatWasSent) {
  so_icmp6_error e;
  const std::string m =
      Message(2, 0, 1400, Packet(6, "12345678more", "2001:db8::1", "2001:db8::2", 1460));
  SO_ASSERT_OK(Parse(m, &e));
  EXPECT_EQ(2, e.type);
  EXPECT_EQ(1400u, e.value);
  EXPECT_EQ(6, e.protocol);
  so_ip src = Ip("2001:db8::1");
  EXPECT_TRUE(so_ip_equal(&src, &e.src));
  SO_ASSERT_OK(so_icmp6_error_parse(so_test::View(m), &e));
  EXPECT_EQ("12345678more", so_test::Text(e.transport));
}

TEST(Icmp6Test, WhatThePacketDidNotHoldIsNotQuoted) {
  so_icmp6_error e;
  const std::string m = Message(1, 4, 0, Packet(17, "12345678") + "padding");
  SO_ASSERT_OK(so_icmp6_error_parse(so_test::View(m), &e));
  EXPECT_EQ("12345678", so_test::Text(e.transport));
}

TEST(Icmp6Test, HeadersOfTheQuoteAreWalked) {
  so_icmp6_error e;
  const std::string options("\x11\0\1\4\0\0\0\0", 8);
  const std::string m = Message(1, 4, 0, Packet(60, options + "12345678"));
  SO_ASSERT_OK(so_icmp6_error_parse(so_test::View(m), &e));
  EXPECT_EQ(17, e.protocol);
  EXPECT_EQ("12345678", so_test::Text(e.transport));
}

TEST(Icmp6Test, TheFirstFragmentIsUnderstoodAndLaterOnesAreNot) {
  so_icmp6_error e;
  const std::string first("\x11\0\0\1\0\0\0\5", 8), later("\x11\0\0\x09\0\0\0\5", 8);
  const std::string m = Message(3, 1, 0, Packet(44, first + "12345678"));
  SO_ASSERT_OK(so_icmp6_error_parse(so_test::View(m), &e));
  EXPECT_EQ("12345678", so_test::Text(e.transport));
  SO_EXPECT_CODE(SO_UNSUPPORTED, Parse(Message(3, 1, 0, Packet(44, later + "12345678")), &e));
}

TEST(Icmp6Test, EveryTruncatedErrorIsRefused) {
  so_icmp6_error e;
  const std::string m = Message(1, 4, 0, Packet(17, "12345678"));
  for (size_t n = 0; n < m.size(); n++) {
    SO_EXPECT_CODE(SO_MALFORMED, Parse(m.substr(0, n), &e));
  }
  SO_EXPECT_OK(Parse(m, &e));
}

TEST(Icmp6Test, OtherTypesAreNoErrors) {
  so_icmp6_error e;
  const std::string quote = Packet(17, "12345678");
  SO_EXPECT_CODE(SO_MALFORMED, Parse(Message(128, 0, 0, quote), &e));
  SO_EXPECT_CODE(SO_UNSUPPORTED, Parse(Message(0, 0, 0, quote), &e));
  SO_EXPECT_CODE(SO_UNSUPPORTED, Parse(Message(5, 0, 0, quote), &e));
  SO_EXPECT_CODE(SO_UNSUPPORTED, Parse(Message(127, 0, 0, quote), &e));
}

bool May(const std::string &packet, bool link = false, bool even = false) {
  const so_test::Guarded g(packet.substr(0, SO_IPV6_WALK_LEN));
  return so_icmp6_may_answer(g.view(), packet.size(), link, even);
}

TEST(Icmp6Test, ErrorsAndRedirectsAreNotAnswered) {
  EXPECT_TRUE(May(Packet(17, "12345678")));
  EXPECT_TRUE(May(Packet(58, Message(128, 0, 0, ""))));
  EXPECT_FALSE(May(Packet(58, Message(1, 0, 0, ""))));
  EXPECT_FALSE(May(Packet(58, Message(127, 0, 0, ""))));
  EXPECT_FALSE(May(Packet(58, Message(137, 0, 0, ""))));
  // Hidden behind options, or in the first fragment.
  EXPECT_FALSE(May(Packet(60, std::string("\x3a\0\1\4\0\0\0\0", 8) + Message(1, 0, 0, ""))));
  EXPECT_FALSE(May(Packet(44, std::string("\x3a\0\0\1\0\0\0\5", 8) + Message(1, 0, 0, ""))));
}

TEST(Icmp6Test, GroupsAndNobodyAreNotAnswered) {
  EXPECT_FALSE(May(Packet(17, "12345678", "2001:db8::1", "ff02::1")));
  EXPECT_TRUE(May(Packet(17, "12345678", "2001:db8::1", "ff02::1"), true, true));
  EXPECT_FALSE(May(Packet(17, "12345678"), true));
  EXPECT_FALSE(May(Packet(17, "12345678", "::"), false, true));
  EXPECT_FALSE(May(Packet(17, "12345678", "ff02::5"), false, true));
  EXPECT_FALSE(May(Packet(17, "12345678", "::1")));
  EXPECT_FALSE(May(Packet(17, "12345678").substr(0, 39)));
}

TEST(Icmp6Test, AnErrorQuotesAsMuchAsFitsTheMinimumMtu) {
  so_packet_pool pool;
  SO_ASSERT_OK(so_packet_pool_init(&pool, so_test::Heap(), 16, 16));
  for (size_t len : {60u, 1232u, 1233u, 3000u}) {
    const std::string text = Packet(17, std::string(len - 40, 'x'));
    so_packet *p = so_packet_alloc(&pool, SO_PACKET_HEADROOM, 0);
    SO_ASSERT_OK(so_packet_append(&pool, p, so_test::View(text)));
    so_packet *e = so_icmp6_error_make(&pool, p, 4, 1, 6);
    ASSERT_NE(nullptr, e);
    EXPECT_LE(e->len + SO_IPV6_HEADER_LEN, SO_IPV6_MTU_MIN);
    std::string got(e->len, '\0');
    so_packet_copy(e, 0, reinterpret_cast<uint8_t *>(got.data()), e->len);
    EXPECT_EQ(Message(4, 1, 6, text.substr(0, 1232)), got);
    so_packet_free(&pool, e);
    so_packet_free(&pool, p);
  }
  EXPECT_EQ(0u, pool.packets_used);
  so_packet_pool_release(&pool);
}

TEST(Icmp6Test, WithoutPacketsThereIsNoError) {
  so_packet_pool pool;
  SO_ASSERT_OK(so_packet_pool_init(&pool, so_test::Heap(), 16, 1));
  so_packet *p = so_packet_alloc(&pool, SO_PACKET_HEADROOM, 0);
  EXPECT_EQ(nullptr, so_icmp6_error_make(&pool, p, 4, 1, 6));
  so_packet_free(&pool, p);
  so_packet_pool_release(&pool);
}

// --- how many --------------------------------------------------------------------------------

const uint8_t kKey[16] = {7};

TEST(Icmp6LimitTest, ABurstThenTheRate) {
  so_icmp6_limit l;
  so_icmp6_limit_init(&l, kKey, 100, 100);
  uint64_t now = 5 * kS;
  unsigned sent = 0;
  for (unsigned k = 0; k < 10000; k++) {
    const uint8_t bytes[16] = {0x20, 1, static_cast<uint8_t>(k >> 8), static_cast<uint8_t>(k)};
    const so_ip dst = so_ip6(bytes);
    sent += so_icmp6_limit_take(&l, &dst, now);
  }
  EXPECT_EQ(100u, sent);
  for (unsigned k = 0; k < 10000; k++) {  // Ten seconds, a thousand tries each.
    const uint8_t bytes[16] = {0x20, 1, static_cast<uint8_t>(k >> 8), static_cast<uint8_t>(k)};
    const so_ip dst = so_ip6(bytes);
    now += kS / 1000;
    sent += so_icmp6_limit_take(&l, &dst, now);
  }
  EXPECT_GE(sent, 1095u);
  EXPECT_LE(sent, 1101u);
  EXPECT_EQ(sent, l.allowed);
  EXPECT_EQ(20000u - sent, l.refused);
}

TEST(Icmp6LimitTest, OneDestinationGetsAQuarter) {
  so_icmp6_limit l;
  so_icmp6_limit_init(&l, kKey, 100, 100);
  const so_ip a = Ip("2001:db8:1::1"), a2 = Ip("2001:db8:1::2"), b = Ip("2001:db8:2::1");
  unsigned sent = 0;
  for (unsigned k = 0; k < 1000; k++) {
    sent += so_icmp6_limit_take(&l, k % 2 ? &a : &a2, kS);
  }
  EXPECT_EQ(25u, sent);
  EXPECT_TRUE(so_icmp6_limit_take(&l, &b, kS));
}

TEST(Icmp6LimitTest, ManySmallStepsGiveAsMuchAsOneLargeOne) {
  so_icmp6_limit l;
  so_icmp6_limit_init(&l, kKey, 40, 40);
  const so_ip a = Ip("2001:db8:1::1");
  uint64_t now = kS;
  while (so_icmp6_limit_take(&l, &a, now)) {
  }
  unsigned sent = 0;
  for (unsigned k = 0; k < 1000000; k++) {
    now += 2000;  // Far less than a thousandth of a message.
    sent += so_icmp6_limit_take(&l, &a, now);
  }
  EXPECT_GE(sent, 19u);  // Two seconds at a quarter of 40.
  EXPECT_LE(sent, 20u);
}

TEST(Icmp6LimitTest, TimeThatStandsStillOrIsFarAwayIsHarmless) {
  so_icmp6_limit l;
  so_icmp6_limit_init(&l, kKey, 10, 10);
  const so_ip a = Ip("2001:db8:1::1");
  EXPECT_TRUE(so_icmp6_limit_take(&l, &a, 0));
  EXPECT_TRUE(so_icmp6_limit_take(&l, &a, UINT64_MAX - 1));
  EXPECT_TRUE(so_icmp6_limit_take(&l, &a, 5));
  EXPECT_FALSE(so_icmp6_limit_take(&l, &a, 5));
}

}  // namespace
