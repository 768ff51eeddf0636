#include "net/reassembly/reassembly.h"

#include <string.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

std::string Text(size_t n) {
  std::string s(n, '\0');
  for (size_t k = 0; k < n; k++) {
    s[k] = static_cast<char>(k * 13 + k / 251);
  }
  return s;
}

class ReassemblyTest : public ::testing::Test {
 protected:
  ReassemblyTest() {
    SO_EXPECT_OK(so_packet_pool_init(&pool_, so_test::Heap(), 128, 64));
    Init(16, 64 * SO_PAGE_LEN);
  }
  ~ReassemblyTest() override {
    so_reassembly_release(&r_);
    EXPECT_EQ(0u, r_.page_count);
    EXPECT_EQ(0u, pool_.packets_used);
    EXPECT_LE(pool_.pages_used, 1u);
    so_packet_pool_release(&pool_);
  }
  void Init(uint32_t entries, uint32_t bytes) {
    static const uint8_t kKey[16] = {1};
    const so_reassembly_ops ops = {Expired, this};
    SO_ASSERT_OK(so_reassembly_init(&r_, &ops, so_test::Heap(), &pool_, kKey, entries, bytes));
  }
  static void Expired(void *ctx, const so_reassembly_fragment *first, so_bytes start) {
    auto *t = static_cast<ReassemblyTest *>(ctx);
    t->expired_.push_back(so_test::Text(first->header) + so_test::Text(start));
  }

  so_reassembly_fragment Fragment(uint32_t id, size_t off, bool more, uint8_t host = 1,
                                  uint8_t family = 4) {
    so_reassembly_fragment f;
    memset(&f, 0, sizeof f);
    f.src.family = f.dst.family = family;
    f.src.bytes[0] = 10;
    f.src.bytes[3] = host;
    f.dst.bytes[0] = 11;
    f.id = id;
    f.protocol = 17;
    f.hop_limit = 60;
    f.offset = static_cast<uint16_t>(off);
    f.more = more;
    return f;
  }
  // The result: the datagram, or "-".
  std::string Put(const so_reassembly_fragment &f, const std::string &bytes) {
    so_packet *p = so_packet_alloc(&pool_, 0, std::min<size_t>(bytes.size(), 2048));
    EXPECT_NE(nullptr, p);
    SO_EXPECT_OK(so_packet_append(&pool_, p, so_test::View(bytes)));
    so_packet *done = so_reassembly_input(&r_, &f, p, now_);
    if (done == nullptr) {
      return "-";
    }
    std::string out(done->len, '\0');
    so_packet_copy(done, 0, reinterpret_cast<uint8_t *>(&out[0]), out.size());
    class_ = done->traffic_class;
    EXPECT_EQ(f.protocol, done->protocol);
    EXPECT_TRUE(so_ip_equal(&f.src, &done->src));
    so_packet_free(&pool_, done);
    return out;
  }
  std::string PutText(uint32_t id, const std::string &s, size_t off, size_t len, uint8_t host = 1,
                      uint8_t family = 4) {
    return Put(Fragment(id, off, off + len < s.size(), host, family), s.substr(off, len));
  }

  so_packet_pool pool_;
  so_reassembly r_;
  uint64_t now_ = SO_NS_PER_S;
  uint8_t class_ = 0;
  std::vector<std::string> expired_;
};

TEST_F(ReassemblyTest, EveryOrderOfFourFragmentsGivesTheDatagram) {
  const std::string s = Text(4 * 1480 - 100);
  std::vector<size_t> order = {0, 1, 2, 3};
  uint32_t id = 0;
  do {
    id++;
    for (size_t k = 0; k < 4; k++) {
      const size_t off = order[k] * 1480;
      EXPECT_EQ(k == 3 ? s : "-", PutText(id, s, off, std::min<size_t>(1480, s.size() - off)));
    }
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(24u, r_.stats.done);
  EXPECT_EQ(0u, r_.page_count);
  EXPECT_EQ(SO_NEVER, so_reassembly_deadline(&r_));
}

TEST_F(ReassemblyTest, TheLongestDatagramFitsAndOneByteMoreDoesNot) {
  const std::string s = Text(SO_REASSEMBLY_LEN_MAX);
  std::string last;
  for (size_t off = 0; off < s.size(); off += 1480) {
    last = PutText(1, s, off, std::min<size_t>(1480, s.size() - off));
  }
  EXPECT_EQ(s, last);
  EXPECT_EQ("-", Put(Fragment(2, 65528, false), std::string(8, 'x')));
  EXPECT_EQ(1u, r_.stats.invalid);
  EXPECT_EQ(0u, r_.entry_count);
}

TEST_F(ReassemblyTest, ExactDuplicatesAreIgnored) {
  const std::string s = Text(3000);
  EXPECT_EQ("-", PutText(1, s, 0, 1480));
  EXPECT_EQ("-", PutText(1, s, 0, 1480));
  EXPECT_EQ("-", PutText(1, s, 8, 800));  // The same bytes once more, cut elsewhere.
  EXPECT_EQ("-", PutText(1, s, 1480, 1480));
  EXPECT_EQ(s, PutText(1, s, 2960, 40));
  EXPECT_EQ(2u, r_.stats.duplicates);
}

TEST_F(ReassemblyTest, OverlapsRefuseTheWholeDatagramAndWhatComesLater) {
  for (uint8_t family : {4, 6}) {
    const std::string s = Text(4000);
    std::string other = s;
    other[900] = static_cast<char>(other[900] ^ 1);
    // Other bytes; a bit of old and new; all of it and more.
    const struct {
      const std::string &from;
      size_t off, len;
    } cases[] = {{other, 800, 160}, {s, 1400, 160}, {s, 0, 2000}};
    for (const auto &c : cases) {
      const uint32_t id = static_cast<uint32_t>(100 + c.off + family);
      EXPECT_EQ("-", PutText(id, s, 0, 1480, 1, family));
      EXPECT_EQ("-", PutText(id, c.from, c.off, c.len, 1, family));
      EXPECT_EQ("-", PutText(id, s, 0, 1480, 1, family));
      EXPECT_EQ("-", PutText(id, s, 1480, 1480, 1, family));
      EXPECT_EQ("-", PutText(id, s, 2960, 1040, 1, family));
    }
  }
  EXPECT_EQ(6u, r_.stats.overlap);
  EXPECT_EQ(18u, r_.stats.refused);
  EXPECT_EQ(0u, r_.page_count);  // Remembered without memory.
}

TEST_F(ReassemblyTest, EndsThatDisagreeRefuseTheDatagram) {
  EXPECT_EQ("-", Put(Fragment(1, 800, false), std::string(8, 'x')));
  EXPECT_EQ("-", Put(Fragment(1, 1600, false), std::string(8, 'x')));
  EXPECT_EQ("-", Put(Fragment(2, 800, false), std::string(8, 'x')));
  EXPECT_EQ("-", Put(Fragment(2, 1600, true), std::string(8, 'x')));
  EXPECT_EQ("-", Put(Fragment(3, 1600, true), std::string(8, 'x')));
  EXPECT_EQ("-", Put(Fragment(3, 800, false), std::string(8, 'x')));
  EXPECT_EQ(3u, r_.stats.overlap);
}

TEST_F(ReassemblyTest, ImpossibleAndTinyFragmentsAreInvalid) {
  EXPECT_EQ("-", Put(Fragment(1, 0, true), ""));
  EXPECT_EQ("-", Put(Fragment(1, 0, true), std::string(12, 'x')));   // Not a multiple of 8.
  EXPECT_EQ("-", Put(Fragment(1, 0, false), std::string(16, 'x')));  // No fragment at all.
  so_reassembly_fragment f = Fragment(1, 0, true);
  f.protocol = 6;
  EXPECT_EQ("-", Put(f, std::string(16, 'x')));  // TCP's flags would be in the next one.
  EXPECT_EQ(4u, r_.stats.invalid);
  EXPECT_EQ(0u, r_.entry_count);
  EXPECT_EQ("-", Put(f, std::string(24, 'x')));
  EXPECT_EQ(1u, r_.entry_count);
}

TEST_F(ReassemblyTest, ADatagramThatIsNotWholeInTimeIsForgottenAndReported) {
  const std::string s = Text(3000);
  const std::string header = "the header";
  so_reassembly_fragment f = Fragment(1, 0, true);
  f.header = so_test::View(header);
  EXPECT_EQ("-", Put(f, s.substr(0, 1480)));
  EXPECT_EQ("-", PutText(2, s, 1480, 1480));       // Without a first one: not reported.
  EXPECT_EQ("-", PutText(3, s, 0, 1480, 1, 6));
  EXPECT_EQ(now_ + 30 * SO_NS_PER_S, so_reassembly_deadline(&r_));
  now_ += 30 * SO_NS_PER_S;
  so_reassembly_tick(&r_, now_ - 1);
  EXPECT_EQ(0u, r_.stats.timeout);
  so_reassembly_tick(&r_, now_);
  EXPECT_EQ(2u, r_.stats.timeout);
  ASSERT_EQ(1u, expired_.size());
  EXPECT_EQ(header + s.substr(0, 1480), expired_[0]);
  EXPECT_EQ(now_ + 30 * SO_NS_PER_S, so_reassembly_deadline(&r_));
}

TEST_F(ReassemblyTest, ASourceThatFillsItsShareLosesItsOwnOldest) {
  const std::string s = Text(3000);
  EXPECT_EQ("-", PutText(1, s, 0, 1480, 200));
  for (uint32_t k = 0; k < 500; k++) {
    now_++;
    EXPECT_EQ("-", PutText(k, s, 0, 1480, 1));
  }
  EXPECT_EQ(1u + 16 / SO_REASSEMBLY_SHARES, r_.entry_count);
  EXPECT_EQ(496u, r_.stats.limit);
  EXPECT_EQ("-", PutText(1, s, 1480, 1480, 200));
  EXPECT_EQ(s, PutText(1, s, 2960, 40, 200));
}

TEST_F(ReassemblyTest, ManySourcesShareATableThatStaysBounded) {
  const std::string s = Text(3000);
  for (uint32_t k = 0; k < 2000; k++) {
    now_++;
    EXPECT_EQ("-", PutText(k, s, 0, 1480, static_cast<uint8_t>(k)));
    ASSERT_LE(r_.entry_count, 16u);
    ASSERT_LE(r_.page_count, 64u);
  }
}

TEST_F(ReassemblyTest, PagesAreBoundedBySourceAndInAll) {
  // Each fragment touches a page of its own.
  for (uint32_t id = 0; id < 4; id++) {
    for (size_t page = 0; page < 15; page++) {
      Put(Fragment(id, page * SO_PAGE_LEN, true), std::string(8, 'x'));
      ASSERT_LE(r_.page_count, 64 / SO_REASSEMBLY_SHARES);
    }
  }
  EXPECT_GT(r_.stats.limit, 0u);
}

TEST_F(ReassemblyTest, GapsAndFragmentsOfOneDatagramAreBounded) {
  for (size_t k = 0; k <= SO_REASSEMBLY_GAPS_MAX; k++) {
    EXPECT_EQ(k == 0 ? 0u : 1u, r_.entry_count);
    Put(Fragment(1, k * 16, true), std::string(8, 'x'));
  }
  EXPECT_EQ(0u, r_.entry_count);
  for (size_t k = 0; k <= SO_REASSEMBLY_FRAGMENTS_MAX; k++) {
    Put(Fragment(2, k * 8, true), std::string(8, 'x'));
  }
  EXPECT_EQ(0u, r_.entry_count);
  EXPECT_EQ(2u, r_.stats.limit);
}

TEST_F(ReassemblyTest, DatagramsAreToldApartByAddressIdentifierAndForIpv4ByProtocol) {
  const std::string s = Text(2000);
  so_reassembly_fragment f = Fragment(1, 1480, false);
  EXPECT_EQ("-", PutText(1, s, 0, 1480));
  f.protocol = 6;
  EXPECT_EQ("-", Put(f, s.substr(1480)));
  f = Fragment(2, 1480, false);
  EXPECT_EQ("-", Put(f, s.substr(1480)));
  f = Fragment(1, 1480, false, 2);
  EXPECT_EQ("-", Put(f, s.substr(1480)));
  EXPECT_EQ(4u, r_.entry_count);
  EXPECT_EQ(s, PutText(1, s, 1480, 520));
  // IPv6: what the first fragment says counts.
  f = Fragment(1, 1480, false, 1, 6);
  f.protocol = 99;
  EXPECT_EQ("-", Put(f, s.substr(1480)));
  EXPECT_EQ(s, PutText(1, s, 0, 1480, 1, 6));
}

TEST_F(ReassemblyTest, CongestionOfOneFragmentIsCongestionOfAll) {
  const std::string s = Text(2000);
  const struct {
    uint8_t a, b;
    int want;
  } cases[] = {{0x02, 0x02, 0x02}, {0x02, 0x03, 0x03}, {0x03, 0x01, 0x03}, {0x00, 0x03, -1},
               {0x28, 0x28, 0x28}};
  uint32_t id = 0;
  for (const auto &c : cases) {
    so_reassembly_fragment f = Fragment(++id, 0, true);
    f.traffic_class = c.a;
    EXPECT_EQ("-", Put(f, s.substr(0, 1480)));
    f = Fragment(id, 1480, false);
    f.traffic_class = c.b;
    const std::string out = Put(f, s.substr(1480));
    EXPECT_EQ(c.want < 0 ? "-" : s, out);
    if (c.want >= 0) {
      EXPECT_EQ(c.want, class_);
    }
  }
}

TEST_F(ReassemblyTest, RandomCutsOrdersAndDuplicatesGiveTheText) {
  std::mt19937 rng(11);
  for (uint32_t id = 0; id < 200; id++) {
    const std::string s = Text(100 + rng() % 9000);
    std::vector<std::pair<size_t, size_t>> parts;
    for (size_t off = 0; off < s.size();) {
      size_t len = 256 + 8 * (rng() % 100);
      len = std::min(len, s.size() - off);
      parts.push_back({off, len});
      off += len;
    }
    if (parts.size() < 2) {
      continue;
    }
    std::shuffle(parts.begin(), parts.end(), rng);
    std::string got = "-";
    for (const auto &p : parts) {
      ASSERT_EQ("-", got);
      got = PutText(id, s, p.first, p.second);
      if (got == "-") {
        ASSERT_EQ("-", PutText(id, s, p.first, p.second));
      }
    }
    ASSERT_EQ(s, got);
  }
  EXPECT_EQ(0u, r_.stats.overlap);
}

TEST_F(ReassemblyTest, ExhaustionOfThePoolAtAnyPointLosesDatagramsOnly) {
  const std::string s = Text(9000);
  for (uint32_t left = 0; left < 8; left++) {
    std::vector<so_packet *> in;
    for (size_t off = 0; off < s.size(); off += 3000) {
      so_packet *p = so_packet_alloc_pages(&pool_, 3000);
      ASSERT_NE(nullptr, p);
      so_packet_fill(&pool_, p, 3000);
      so_packet_write_at(p, 0, so_bytes_of(s.data() + off, 3000));
      in.push_back(p);
    }
    std::vector<so_frag> hoard;
    so_frag page;
    while (so_page_alloc(&pool_, &page)) {
      hoard.push_back(page);
    }
    for (uint32_t k = 0; k < left; k++) {
      so_page_drop(&pool_, &hoard.back());
      hoard.pop_back();
    }
    so_packet *done = nullptr;
    for (size_t k = 0; k < in.size(); k++) {
      const so_reassembly_fragment f = Fragment(left, k * 3000, k + 1 < in.size());
      done = so_reassembly_input(&r_, &f, in[k], now_);
    }
    // Three pages are needed, and the frames' own come back as they are put in.
    EXPECT_EQ(left >= 1, done != nullptr) << left;
    so_packet_free(&pool_, done);
    for (const so_frag &f : hoard) {
      so_page_drop(&pool_, &f);
    }
    now_ += 61 * SO_NS_PER_S;
    so_reassembly_tick(&r_, now_);
    EXPECT_EQ(0u, r_.page_count);
  }
}

}  // namespace
