#include "net/ipv4/ipv4.h"

#include <string.h>

#include <algorithm>
#include <string>
#include <vector>

#include "net/checksum/checksum.h"
#include "tests/support/support.h"

namespace {

so_ipv4_header Header() {
  static const uint8_t kSrc[4] = {192, 0, 2, 1};
  static const uint8_t kDst[4] = {198, 51, 100, 7};
  so_ipv4_header h;
  memset(&h, 0, sizeof h);
  h.header_len = SO_IPV4_HEADER_LEN;
  h.traffic_class = 0xb8;
  h.total_len = 28;
  h.id = 0x1234;
  h.dont_fragment = true;
  h.hop_limit = 63;
  h.protocol = 17;
  h.src = so_ip4(kSrc);
  h.dst = so_ip4(kDst);
  return h;
}

std::string Emit(const so_ipv4_header &h) {
  uint8_t out[SO_IPV4_HEADER_LEN];
  so_ipv4_emit(&h, out);
  return std::string(reinterpret_cast<char *>(out), sizeof out);
}

std::string Summed(std::string s) {
  const size_t hl = static_cast<size_t>(s[0] & 15) * 4;
  s[10] = s[11] = 0;
  const unsigned sum = so_checksum_of(so_bytes_of(s.data(), std::min(hl, s.size())));
  s[10] = static_cast<char>(sum >> 8);
  s[11] = static_cast<char>(sum);
  return s;
}

so_status Parse(const std::string &s, size_t len, so_ipv4_header *h) {
  const so_test::Guarded g(s);
  return so_ipv4_parse(g.view(), len, h);
}

TEST(Ipv4Test, AHeaderIsWrittenAsItsBytesAndReadAgain) {
  const std::string s = Emit(Header());
  EXPECT_EQ(std::string("\x45\xb8\x00\x1c\x12\x34\x40\x00\x3f\x11", 10), s.substr(0, 10));
  EXPECT_EQ(std::string("\xc0\x00\x02\x01\xc6\x33\x64\x07", 8), s.substr(12));
  EXPECT_EQ(0, so_checksum_of(so_test::View(s)));
  so_ipv4_header h;
  SO_ASSERT_OK(Parse(s, 28, &h));
  EXPECT_EQ(s, Emit(h));
}

TEST(Ipv4Test, TheWellKnownExampleChecksumIsRight) {
  // A header often printed with its checksum, 0xb861: 192.168.0.1 to 192.168.0.199, UDP, 115 bytes.
  const std::string s("\x45\x00\x00\x73\x00\x00\x40\x00\x40\x11"
                      "\xb8\x61\xc0\xa8\x00\x01\xc0\xa8\x00\xc7",
                      20);
  so_ipv4_header h;
  SO_ASSERT_OK(Parse(s, 115, &h));
  EXPECT_EQ(s, Emit(h));
}

TEST(Ipv4Test, FragmentFieldsAreReadAndWritten) {
  so_ipv4_header h = Header();
  h.dont_fragment = false;
  h.more_fragments = true;
  h.fragment_off = 65528;
  so_ipv4_header again;
  SO_ASSERT_OK(Parse(Emit(h), 28, &again));
  EXPECT_TRUE(again.more_fragments);
  EXPECT_FALSE(again.dont_fragment);
  EXPECT_EQ(65528, again.fragment_off);
}

TEST(Ipv4Test, EveryTruncationIsMalformedWithoutOverread) {
  so_ipv4_header h = Header();
  std::string s = Emit(h) + std::string(12, '\x01');
  s[0] = 0x48;
  s[3] = 40;
  s = Summed(s);
  so_ipv4_header out;
  SO_ASSERT_OK(Parse(s, 40, &out));
  EXPECT_EQ(32, out.header_len);
  for (size_t n = 0; n < 32; n++) {
    SO_EXPECT_CODE(SO_MALFORMED, Parse(s.substr(0, n), 40, &out));
    const so_test::Guarded g(s.substr(0, n));
    SO_EXPECT_CODE(SO_MALFORMED, so_ipv4_parse_quote(g.view(), &out));
  }
}

TEST(Ipv4Test, LengthsThatCannotBeAreMalformed) {
  so_ipv4_header out;
  so_ipv4_header h = Header();
  SO_EXPECT_CODE(SO_MALFORMED, Parse(Emit(h), 27, &out));  // Longer than the packet.
  h.total_len = 19;
  SO_EXPECT_CODE(SO_MALFORMED, Parse(Emit(h), 28, &out));
  for (int first : {0x44, 0x40, 0x65, 0x05, 0x46}) {
    std::string s = Emit(Header());
    s[0] = static_cast<char>(first);
    SO_EXPECT_CODE(SO_MALFORMED, Parse(Summed(s), 28, &out));
  }
  EXPECT_EQ(20, so_ipv4_header_len(0x45));
  EXPECT_EQ(60, so_ipv4_header_len(0x4f));
  EXPECT_EQ(0, so_ipv4_header_len(0x44));
  EXPECT_EQ(0, so_ipv4_header_len(0x65));
}

TEST(Ipv4Test, EachFlippedBitIsSeen) {
  for (size_t bit = 0; bit < 160; bit++) {
    std::string s = Emit(Header());
    s[bit / 8] = static_cast<char>(s[bit / 8] ^ (1 << bit % 8));
    so_ipv4_header out;
    EXPECT_FALSE(so_ok(Parse(s, 28, &out))) << bit;
  }
}

TEST(Ipv4Test, OptionsAreSkippedOrRefused) {
  const struct {
    std::string options;
    so_code want;
  } cases[] = {
      {std::string("\x01\x01\x01\x01", 4), SO_OK},
      {std::string("\x00\x83\xff\x00", 4), SO_OK},  // Past the end of options: not looked at.
      {std::string("\x94\x04\x00\x00", 4), SO_OK},  // Router alert.
      {std::string("\x83\x03\x04\x00", 4), SO_DENIED},
      {std::string("\x01\x89\x03\x04", 4), SO_DENIED},
      {std::string("\x07\x00\x00\x00", 4), SO_MALFORMED},
      {std::string("\x07\x01\x00\x00", 4), SO_MALFORMED},
      {std::string("\x07\x05\x00\x00", 4), SO_MALFORMED},
      {std::string("\x01\x01\x01\x44", 4), SO_MALFORMED},
  };
  for (const auto &c : cases) {
    std::string s = Emit(Header()) + c.options;
    s[0] = 0x46;
    so_ipv4_header out;
    SO_EXPECT_CODE(c.want, Parse(Summed(s), 32, &out));
  }
}

TEST(Ipv4Test, AQuoteMayBeCutAndItsChecksumStale) {
  std::string s = Emit(Header());
  s[8] = 1;  // A router lowered it.
  so_ipv4_header h;
  SO_EXPECT_CODE(SO_CORRUPT, Parse(s, 28, &h));
  SO_EXPECT_OK(so_ipv4_parse_quote(so_test::View(s), &h));
  EXPECT_EQ(28, h.total_len);
}

class Ipv4FragmentTest : public ::testing::Test {
 protected:
  Ipv4FragmentTest() { SO_EXPECT_OK(so_packet_pool_init(&pool_, so_test::Heap(), 64, 128)); }
  ~Ipv4FragmentTest() override {
    EXPECT_EQ(0u, pool_.packets_used);
    EXPECT_LE(pool_.pages_used, 1u);
    so_packet_pool_release(&pool_);
  }
  so_packet *Payload(const std::string &s) {
    so_packet *p = so_packet_alloc(&pool_, 0, 16);
    SO_EXPECT_OK(so_packet_append(&pool_, p, so_test::View(s)));
    return p;
  }
  void FreeList(so_packet *p) {
    while (p != nullptr) {
      so_packet *next = p->next;
      so_packet_free(&pool_, p);
      p = next;
    }
  }
  so_packet_pool pool_;
};

TEST_F(Ipv4FragmentTest, FragmentsTogetherAreThePayload) {
  for (size_t n : {1u, 1480u, 1481u, 2960u, 9000u, 65515u}) {
    std::string s(n, '\0');
    for (size_t k = 0; k < n; k++) {
      s[k] = static_cast<char>(k * 7 + k / 256);
    }
    so_packet *payload = Payload(s);
    so_ipv4_header h = Header();
    h.dont_fragment = false;
    so_packet *list;
    SO_ASSERT_OK(so_ipv4_fragment(&pool_, payload, &h, 1500, &list));
    std::string out;
    for (so_packet *p = list; p != nullptr; p = p->next) {
      std::string bytes(p->len, '\0');
      so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&bytes[0]), bytes.size());
      so_ipv4_header got;
      SO_ASSERT_OK(Parse(bytes, bytes.size(), &got));
      EXPECT_LE(got.total_len, 1500);
      EXPECT_EQ(bytes.size(), got.total_len);
      EXPECT_EQ(out.size(), got.fragment_off);
      EXPECT_EQ(p->next != nullptr, got.more_fragments);
      EXPECT_EQ(h.id, got.id);
      out += bytes.substr(20);
    }
    EXPECT_EQ(s, out);
    FreeList(list);
    so_packet_free(&pool_, payload);
  }
}

TEST_F(Ipv4FragmentTest, LongerThanIpv4CanSayIsLimit) {
  so_packet *payload = Payload(std::string(65516, 'x'));
  const so_ipv4_header h = Header();
  so_packet *list;
  SO_EXPECT_CODE(SO_LIMIT, so_ipv4_fragment(&pool_, payload, &h, 1500, &list));
  so_packet_free(&pool_, payload);
}

TEST_F(Ipv4FragmentTest, ExhaustionAtEachAllocationLeavesNothingBehind) {
  so_packet *payload = Payload(std::string(9000, 'x'));
  const so_ipv4_header h = Header();
  std::vector<so_packet *> hoard;
  while (so_packet *p = so_packet_alloc(&pool_, 0, 0)) {
    hoard.push_back(p);
  }
  for (size_t left = 0; left <= 7; left++) {
    const uint32_t used = pool_.packets_used;
    so_packet *list = nullptr;
    const so_status status = so_ipv4_fragment(&pool_, payload, &h, 1500, &list);
    EXPECT_EQ(left == 7, so_ok(status)) << left;
    FreeList(list);
    EXPECT_EQ(used, pool_.packets_used);
    so_packet_free(&pool_, hoard.back());
    hoard.pop_back();
  }
  for (so_packet *p : hoard) {
    so_packet_free(&pool_, p);
  }
  so_packet_free(&pool_, payload);
}

}  // namespace
