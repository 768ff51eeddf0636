#include "net/tcp/wire/wire.h"

#include <random>
#include <string>

#include "tests/support/support.h"

namespace {

std::string Emit(const so_tcp_header &h) {
  uint8_t buf[80];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_tcp_emit(&h, &w);
  so_bytes out;
  SO_EXPECT_OK(so_writer_end(&w, &out));
  return so_test::Text(out);
}

// A header with these option bytes.
std::string WithOptions(const std::string &options) {
  so_tcp_header h = {};
  std::string s = Emit(h) + options;
  EXPECT_EQ(options.size() % 4, 0u);
  s[12] = static_cast<char>((5 + options.size() / 4) << 4);
  return s;
}

so_status Parse(const std::string &s, so_tcp_header *h) {
  const so_test::Guarded g(s);
  return so_tcp_parse(g.view(), h);
}

so_tcp_header Full() {
  so_tcp_header h = {};
  h.src_port = 0x1234;
  h.dst_port = 443;
  h.seq = 0xdeadbeef;
  h.ack = 0x01020304;
  h.flags = SO_TCP_FLAG_ACK | SO_TCP_FLAG_PSH | SO_TCP_FLAG_ECE;
  h.window = 0xfedc;
  h.checksum = 0xabcd;
  h.urgent = 7;
  h.has_timestamps = true;
  h.ts_value = 0x11223344;
  h.ts_echo = 0x55667788;
  h.sack_count = 3;
  for (uint32_t i = 0; i < 3; i++) {
    h.sacks[i] = {1000 * i, 1000 * i + 500};
  }
  return h;
}

TEST(TcpWireTest, ASynIsTheseBytes) {
  so_tcp_header h = {};
  h.src_port = 0x0102;
  h.dst_port = 80;
  h.seq = 0x0a0b0c0d;
  h.flags = SO_TCP_FLAG_SYN;
  h.window = 65535;
  h.mss = 1460;
  h.sack_permitted = true;
  h.has_timestamps = true;
  h.ts_value = 1;
  h.has_scale = true;
  h.scale = 7;
  const uint8_t want[] = {1,    2,    0, 80, 10, 11, 12, 13, 0, 0, 0, 0, 0xb0, 2, 0xff, 0xff, 0, 0,
                          0,    0,    2, 4,  5,  180, 1, 1,  4, 2, 1, 1, 8,    10, 0,   0,    0, 1,
                          0,    0,    0, 0,  1,  3,  3,  7};
  EXPECT_EQ(Emit(h), std::string(reinterpret_cast<const char *>(want), sizeof want));
  EXPECT_EQ(so_tcp_option_len(&h), 24u);
}

TEST(TcpWireTest, WhatIsEmittedIsParsed) {
  const so_tcp_header h = Full();
  so_tcp_header got;
  const std::string bytes = Emit(h);
  EXPECT_EQ(bytes.size(), 60u);
  SO_ASSERT_OK(Parse(bytes, &got));
  EXPECT_EQ(got.header_len, 60);
  EXPECT_EQ(got.src_port, h.src_port);
  EXPECT_EQ(got.dst_port, h.dst_port);
  EXPECT_EQ(got.seq, h.seq);
  EXPECT_EQ(got.ack, h.ack);
  EXPECT_EQ(got.flags, h.flags);
  EXPECT_EQ(got.window, h.window);
  EXPECT_EQ(got.checksum, h.checksum);
  EXPECT_EQ(got.urgent, h.urgent);
  EXPECT_TRUE(got.has_timestamps);
  EXPECT_EQ(got.ts_value, h.ts_value);
  EXPECT_EQ(got.ts_echo, h.ts_echo);
  ASSERT_EQ(got.sack_count, 3);
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ(got.sacks[i].start, h.sacks[i].start);
    EXPECT_EQ(got.sacks[i].end, h.sacks[i].end);
  }
  EXPECT_EQ(got.mss, 0);
  EXPECT_FALSE(got.has_scale);
  EXPECT_FALSE(got.sack_permitted);
}

TEST(TcpWireTest, SackBlocksThatDoNotFitAreLeftOut) {
  so_tcp_header h = Full();
  h.sack_count = 4;
  h.sacks[3] = {9, 10};
  so_tcp_header got;
  SO_ASSERT_OK(Parse(Emit(h), &got));
  EXPECT_EQ(got.sack_count, 3);
  h.has_timestamps = false;
  SO_ASSERT_OK(Parse(Emit(h), &got));
  EXPECT_EQ(got.sack_count, 4);
}

TEST(TcpWireTest, EveryTruncationIsMalformed) {
  const std::string bytes = Emit(Full());
  for (size_t n = 0; n < bytes.size(); n++) {
    so_tcp_header h;
    SO_EXPECT_CODE(SO_MALFORMED, Parse(bytes.substr(0, n), &h));
  }
  so_tcp_header h;
  SO_EXPECT_CODE(SO_MALFORMED, Parse(bytes + "x", &h));
}

TEST(TcpWireTest, AnImpossibleDataOffsetIsMalformed) {
  for (int words = 0; words < 16; words++) {
    std::string s(60, '\0');
    s[12] = static_cast<char>(words << 4);
    const size_t len = so_tcp_header_len(so_test::View(s));
    EXPECT_EQ(len, words < 5 ? 0u : static_cast<size_t>(words) * 4);
    so_tcp_header h;
    if (words < 5) {
      SO_EXPECT_CODE(SO_MALFORMED, Parse(s, &h));
    } else {
      SO_EXPECT_OK(Parse(s.substr(0, len), &h));
    }
  }
  EXPECT_EQ(so_tcp_header_len(so_test::View(std::string(19, '\xff'))), 0u);
}

TEST(TcpWireTest, OptionLengthsThatLoopOrPointOutsideAreMalformed) {
  so_tcp_header h;
  for (uint8_t kind = 2; kind != 0; kind++) {
    for (uint8_t len : {0, 1, 5, 255}) {
      const std::string option = {static_cast<char>(kind), static_cast<char>(len), 0, 0};
      SO_EXPECT_CODE(SO_MALFORMED, Parse(WithOptions(option), &h));
    }
  }
  SO_EXPECT_CODE(SO_MALFORMED, Parse(WithOptions(std::string("\1\1\1\2", 4)), &h));
}

TEST(TcpWireTest, WhatFollowsTheEndOfOptionsIsIgnored) {
  so_tcp_header h;
  SO_ASSERT_OK(Parse(WithOptions(std::string("\0\2\0\0", 4)), &h));
  EXPECT_EQ(h.mss, 0);
}

TEST(TcpWireTest, UnknownOptionsAreSkipped) {
  so_tcp_header h;
  SO_ASSERT_OK(Parse(WithOptions(std::string("\xfe\x04xy\2\4\5\xb4", 8)), &h));
  EXPECT_EQ(h.mss, 1460);
}

TEST(TcpWireTest, KnownOptionsOfAWrongLengthMeanNothing) {
  so_tcp_header h;
  SO_ASSERT_OK(Parse(WithOptions(std::string("\2\3\5\1\3\4\7\7\4\3\1\1\5\7"
                                             "abcde\x08\x09"
                                             "abcdefg\0\0\0",
                                             32)),
                     &h));
  EXPECT_EQ(h.mss, 0);
  EXPECT_FALSE(h.has_scale);
  EXPECT_FALSE(h.sack_permitted);
  EXPECT_FALSE(h.has_timestamps);
  EXPECT_EQ(h.sack_count, 0);
}

TEST(TcpWireTest, AScaleAboveFourteenIsFourteen) {
  for (uint8_t scale : {13, 14, 15, 255}) {
    so_tcp_header h;
    SO_ASSERT_OK(Parse(WithOptions({3, 3, static_cast<char>(scale), 1}), &h));
    EXPECT_TRUE(h.has_scale);
    EXPECT_EQ(h.scale, scale > 14 ? 14 : scale);
  }
}

TEST(TcpWireTest, RandomOptionsNeverReadOutsideAndParseLikeTheyAreEmitted) {
  std::mt19937 rng(7);
  for (int i = 0; i < 20000; i++) {
    std::string options(4 * (rng() % 11), '\0');
    for (char &c : options) {
      c = static_cast<char>(rng() % 4 == 0 ? rng() : rng() % 12);
    }
    so_tcp_header h;
    if (!so_ok(Parse(WithOptions(options), &h))) {
      continue;
    }
    so_tcp_header again;
    SO_ASSERT_OK(Parse(Emit(h), &again));
    EXPECT_EQ(again.mss, h.mss);
    EXPECT_EQ(again.has_scale, h.has_scale);
    EXPECT_EQ(again.has_timestamps, h.has_timestamps);
    EXPECT_EQ(again.sack_permitted, h.sack_permitted);
  }
}

}  // namespace
