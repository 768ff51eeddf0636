#include "net/tcp/isn/isn.h"

#include <random>
#include <set>

#include "kernel/ports/clock.h"
#include "net/address/address.h"
#include "tests/support/support.h"

namespace {

constexpr uint64_t kS = SO_NS_PER_S;
const uint8_t kKey[SO_TCP_SECRET_LEN] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

so_tcp_tuple Tuple(uint16_t remote_port = 40000) {
  const uint8_t local[4] = {192, 0, 2, 1};
  const uint8_t remote[4] = {192, 0, 2, 2};
  return {so_ip4(local), so_ip4(remote), 443, remote_port};
}

TEST(IsnTest, GrowsByOneEveryFourMicroseconds) {
  const so_tcp_tuple t = Tuple();
  const uint32_t first = so_tcp_isn(kKey, &t, 0);
  EXPECT_EQ(so_tcp_isn(kKey, &t, 3999), first);
  EXPECT_EQ(so_tcp_isn(kKey, &t, 4000), first + 1);
  EXPECT_EQ(so_tcp_isn(kKey, &t, kS), first + 250000);
}

TEST(IsnTest, EveryPartOfTheConnectionAndTheKeyCount) {
  std::set<uint32_t> seen;
  so_tcp_tuple t = Tuple();
  seen.insert(so_tcp_isn(kKey, &t, 0));
  t.local_port++;
  seen.insert(so_tcp_isn(kKey, &t, 0));
  t.remote_port++;
  seen.insert(so_tcp_isn(kKey, &t, 0));
  t.local.bytes[3]++;
  seen.insert(so_tcp_isn(kKey, &t, 0));
  t.remote.bytes[3]++;
  seen.insert(so_tcp_isn(kKey, &t, 0));
  t.local.family = t.remote.family = 6;
  seen.insert(so_tcp_isn(kKey, &t, 0));
  uint8_t other[SO_TCP_SECRET_LEN];
  memcpy(other, kKey, sizeof other);
  other[15] ^= 1;
  seen.insert(so_tcp_isn(other, &t, 0));
  EXPECT_EQ(seen.size(), 7u);
}

TEST(IsnTest, TheNumbersOfOneConnectionAreUnrelated) {
  const so_tcp_tuple t = Tuple();
  const uint32_t isn = so_tcp_isn(kKey, &t, 0);
  const uint32_t stamp = so_tcp_timestamp_offset(kKey, &t);
  const uint32_t bucket = static_cast<uint32_t>(so_tcp_hash(kKey, &t));
  EXPECT_NE(isn, stamp);
  EXPECT_NE(isn, bucket);
  EXPECT_NE(stamp, bucket);
}

TEST(CookieTest, IsTakenForOneToTwoPeriodsAndThenNot) {
  const so_tcp_tuple t = Tuple();
  for (uint64_t made : {UINT64_C(0), 63 * kS, 1000 * kS, 64 * 31 * kS, 64 * 32 * kS + 5}) {
    const uint32_t cookie = so_tcp_cookie_make(kKey, &t, 0x12345678, 1460, made);
    uint16_t mss = 0;
    EXPECT_TRUE(so_tcp_cookie_check(kKey, &t, 0x12345678, cookie, made, &mss));
    EXPECT_EQ(mss, 1460);
    EXPECT_TRUE(so_tcp_cookie_check(kKey, &t, 0x12345678, cookie, made + 64 * kS, &mss));
    EXPECT_FALSE(so_tcp_cookie_check(kKey, &t, 0x12345678, cookie, made + 128 * kS, &mss));
    // The counter in the cookie comes round after 32 periods; the MAC does not.
    EXPECT_FALSE(so_tcp_cookie_check(kKey, &t, 0x12345678, cookie, made + 32 * 64 * kS, &mss));
  }
}

TEST(CookieTest, RoundsTheSegmentSizeDown) {
  const so_tcp_tuple t = Tuple();
  for (uint32_t mss = 1; mss < 65536; mss += 7) {
    uint16_t out = 0;
    const uint32_t cookie = so_tcp_cookie_make(kKey, &t, 9, static_cast<uint16_t>(mss), 0);
    ASSERT_TRUE(so_tcp_cookie_check(kKey, &t, 9, cookie, 0, &out));
    ASSERT_TRUE(out <= mss || out == 216) << mss;
    ASSERT_GE(out * 4u, mss < 216 ? 0 : (mss < 8960 ? mss : 8960));
  }
}

TEST(CookieTest, AnyChangedBitOrInputIsRefused) {
  const so_tcp_tuple t = Tuple();
  const uint32_t cookie = so_tcp_cookie_make(kKey, &t, 77, 1460, 500 * kS);
  uint16_t mss = 0;
  for (int bit = 0; bit < 32; bit++) {
    EXPECT_FALSE(so_tcp_cookie_check(kKey, &t, 77, cookie ^ (1u << bit), 500 * kS, &mss)) << bit;
  }
  EXPECT_FALSE(so_tcp_cookie_check(kKey, &t, 78, cookie, 500 * kS, &mss));
  const so_tcp_tuple other = Tuple(40001);
  EXPECT_FALSE(so_tcp_cookie_check(kKey, &other, 77, cookie, 500 * kS, &mss));
  uint8_t key[SO_TCP_SECRET_LEN] = {0};
  EXPECT_FALSE(so_tcp_cookie_check(key, &t, 77, cookie, 500 * kS, &mss));
}

TEST(CookieTest, GuessesAreRefused) {
  const so_tcp_tuple t = Tuple();
  std::mt19937 random(11);
  uint16_t mss = 0;
  int taken = 0;
  for (int i = 0; i < 2000000; i++) {
    taken += so_tcp_cookie_check(kKey, &t, 5, static_cast<uint32_t>(random()), 900 * kS, &mss);
  }
  EXPECT_LE(taken, 1);  // 2^-28 a guess.
}

TEST(CookieTest, OptionsTravelInTheTimestampAndNeverMakeItLater) {
  for (uint32_t stamp : {0u, 1u, 63u, 64u, 100000u, UINT32_MAX}) {
    for (int bits = 0; bits < 64; bits++) {
      so_tcp_cookie c = {1460, static_cast<uint8_t>(bits & 15), (bits & 16) != 0, (bits & 32) != 0};
      const uint32_t coded = so_tcp_cookie_timestamp(stamp, &c);
      EXPECT_LE(static_cast<int32_t>(coded - stamp), 0);
      EXPECT_GT(static_cast<int32_t>(coded - stamp), -128);
      so_tcp_cookie back = {};
      so_tcp_cookie_options(coded, &back);
      EXPECT_EQ(back.window_scale, c.window_scale);
      EXPECT_EQ(back.sack, c.sack);
      EXPECT_EQ(back.ecn, c.ecn);
    }
  }
}

}  // namespace
