#include "net/checksum/checksum.h"

#include <random>
#include <string>

#include "tests/support/support.h"

namespace {

// RFC 1071 4.1, one word after the other in network order.
uint16_t Slow(const std::string &s) {
  uint32_t sum = 0;
  for (size_t k = 0; k < s.size(); k++) {
    sum += static_cast<uint32_t>(static_cast<uint8_t>(s[k])) << (k % 2 == 0 ? 8 : 0);
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

std::string Random(std::mt19937 *rng, size_t n) {
  std::string s(n, '\0');
  for (char &c : s) {
    c = static_cast<char>((*rng)());
  }
  return s;
}

TEST(ChecksumTest, TheExampleOfRfc1071) {
  const std::string s("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8);  // RFC 1071 3.
  so_checksum c = so_checksum_start();
  so_checksum_add(&c, so_test::View(s));
  EXPECT_EQ(0xddf2, so_checksum_fold(&c));
  EXPECT_EQ(0x220d, so_checksum_end(&c));
}

TEST(ChecksumTest, EveryLengthAndAlignmentEqualsTheDefinition) {
  std::mt19937 rng(1);
  for (size_t n = 0; n < 200; n++) {
    const std::string s = Random(&rng, n);
    const so_test::Guarded g(s);
    ASSERT_EQ(Slow(s), so_checksum_of(g.view())) << n;
  }
}

TEST(ChecksumTest, EveryTwoCutsGiveTheSameSum) {
  std::mt19937 rng(2);
  const std::string s = Random(&rng, 61);
  for (size_t a = 0; a <= s.size(); a++) {
    for (size_t b = a; b <= s.size(); b++) {
      so_checksum c = so_checksum_start();
      so_checksum_add(&c, so_bytes_of(s.data(), a));
      so_checksum_add(&c, so_bytes_of(s.data() + a, b - a));
      so_checksum_add(&c, so_bytes_of(s.data() + b, s.size() - b));
      ASSERT_EQ(Slow(s), so_checksum_end(&c)) << a << " " << b;
    }
  }
}

TEST(ChecksumTest, SumsOfAllOnesDoNotOverflow) {
  const std::string s(65536, '\xff');
  so_checksum c = so_checksum_start();
  for (int k = 0; k < 100; k++) {
    so_checksum_add(&c, so_test::View(s));
  }
  EXPECT_EQ(0xffff, so_checksum_fold(&c));
  EXPECT_EQ(0, so_checksum_end(&c));
}

TEST(ChecksumTest, OverRightBytesItIsZero) {
  std::mt19937 rng(3);
  for (int k = 0; k < 1000; k++) {
    std::string s = Random(&rng, 2 + 2 * (rng() % 40));
    s[0] = s[1] = 0;
    const uint16_t sum = so_checksum_of(so_test::View(s));
    s[0] = static_cast<char>(sum >> 8);
    s[1] = static_cast<char>(sum);
    EXPECT_EQ(0, so_checksum_of(so_test::View(s)));
    s[rng() % s.size()] ^= 0x10;
    EXPECT_NE(0, so_checksum_of(so_test::View(s)));
  }
}

TEST(ChecksumTest, PseudoHeadersAreTheirBytes) {
  const uint8_t a4[4] = {192, 0, 2, 1};
  const uint8_t b4[4] = {198, 51, 100, 200};
  const so_ip a = so_ip4(a4);
  const so_ip b = so_ip4(b4);
  so_checksum c = so_checksum_start();
  so_checksum_add_pseudo(&c, &a, &b, 6, 1480);
  EXPECT_EQ(Slow(std::string("\xc0\x00\x02\x01\xc6\x33\x64\xc8\x00\x06\x05\xc8", 12)),
            so_checksum_end(&c));

  uint8_t x[16];
  uint8_t y[16];
  for (uint8_t k = 0; k < 16; k++) {
    x[k] = static_cast<uint8_t>(0x20 + k);
    y[k] = static_cast<uint8_t>(0xf0 - k);
  }
  const so_ip a6 = so_ip6(x);
  const so_ip b6 = so_ip6(y);
  std::string bytes(reinterpret_cast<char *>(x), 16);
  bytes.append(reinterpret_cast<char *>(y), 16);
  bytes += std::string("\x00\x01\x23\x45\x00\x00\x00\x3a", 8);
  c = so_checksum_start();
  so_checksum_add_pseudo(&c, &a6, &b6, 58, 0x12345);
  EXPECT_EQ(Slow(bytes), so_checksum_end(&c));
}

TEST(ChecksumTest, PacketsAreSummedAcrossFragments) {
  so_packet_pool pool;
  SO_ASSERT_OK(so_packet_pool_init(&pool, so_test::Heap(), 16, 16));
  std::mt19937 rng(4);
  const std::string s = Random(&rng, 300);
  so_packet *whole = so_packet_alloc(&pool, 0, s.size());
  so_packet *parts = so_packet_alloc(&pool, 0, 16);
  SO_ASSERT_OK(so_packet_append(&pool, whole, so_test::View(s)));
  for (size_t off = 0, n = 1; off < s.size(); off += n, n = 7 + n * 2) {
    n = std::min(n, s.size() - off);
    SO_ASSERT_OK(so_packet_share(&pool, parts, whole, off, n));
  }
  ASSERT_EQ(s.size(), parts->len);
  for (size_t off = 0; off < s.size(); off += 13) {
    for (size_t len = 0; off + len <= s.size(); len += 11) {
      so_checksum c = so_checksum_start();
      so_checksum_add_packet(&c, parts, off, len);
      ASSERT_EQ(Slow(s.substr(off, len)), so_checksum_end(&c)) << off << " " << len;
    }
  }
  so_packet_free(&pool, parts);
  so_packet_free(&pool, whole);
  so_packet_pool_release(&pool);
}

TEST(ChecksumTest, UpdatesEqualSummingAgain) {
  std::mt19937 rng(5);
  for (int k = 0; k < 2000; k++) {
    std::string s = Random(&rng, 20);
    const uint16_t before = Slow(s);
    const uint16_t old_word = static_cast<uint16_t>(static_cast<uint8_t>(s[4]) << 8 |
                                                    static_cast<uint8_t>(s[5]));
    const uint16_t new_word = static_cast<uint16_t>(rng());
    s[4] = static_cast<char>(new_word >> 8);
    s[5] = static_cast<char>(new_word);
    ASSERT_EQ(Slow(s), so_checksum_update(before, old_word, new_word));
  }
}

TEST(ChecksumTest, TheUpdateOfRfc1624) {
  // RFC 1624 4: 0xdd2f with a field that changes from 0x5555 to 0x3285 becomes 0x0000.
  EXPECT_EQ(0x0000, so_checksum_update(0xdd2f, 0x5555, 0x3285));
}

}  // namespace
