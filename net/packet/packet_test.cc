#include "net/packet/packet.h"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

// A heap that fails the Nth allocation.
struct Heap {
  so_heap heap{&Resize, this};
  int fail_at = -1;
  size_t live = 0;
  static void *Resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
    auto *h = static_cast<Heap *>(ctx);
    if (new_len == 0) {
      free(ptr);
      h->live -= old_len;
      return nullptr;
    }
    if (h->fail_at-- == 0) {
      return nullptr;
    }
    void *p = realloc(ptr, new_len);
    h->live += new_len - old_len;
    return p;
  }
};

class PacketTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(so_ok(so_packet_pool_init(&pool_, &heap_.heap, 64, 32))); }
  void TearDown() override {
    so_packet_pool_release(&pool_);
    EXPECT_EQ(heap_.live, 0u);
  }
  std::string Text(const so_packet *p) {
    std::string s(p->len, '?');
    so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&s[0]), s.size());
    size_t sum = 0;
    for (size_t i = 0; i < p->frag_count; i++) {
      sum += p->frags[i].len;
    }
    EXPECT_EQ(sum, p->len);
    return s;
  }
  so_packet *Of(const std::string &s, size_t headroom = SO_PACKET_HEADROOM) {
    so_packet *p = so_packet_alloc(&pool_, headroom, 0);
    EXPECT_TRUE(so_ok(so_packet_append(&pool_, p, so_bytes_of(s.data(), s.size()))));
    return p;
  }
  Heap heap_;
  so_packet_pool pool_;
};

TEST_F(PacketTest, InitTakesNothingWhenTheHeapRefuses) {
  for (int n = 0; n < 4; n++) {
    Heap heap;
    heap.fail_at = n;
    so_packet_pool pool;
    EXPECT_EQ(so_packet_pool_init(&pool, &heap.heap, 4, 4).code, SO_LIMIT);
    EXPECT_EQ(heap.live, 0u);
  }
}

TEST_F(PacketTest, HeadersGoOnAndComeOffWithoutMovingThePayload) {
  so_packet *p = Of("payload");
  memcpy(so_packet_prepend(&pool_, p, 3), "tcp", 3);
  memcpy(so_packet_prepend(&pool_, p, 2), "ip", 2);
  EXPECT_EQ(Text(p), "iptcppayload");
  EXPECT_EQ(memcmp(so_packet_head(&pool_, p, 5), "iptcp", 5), 0);
  so_packet_pull(&pool_, p, 5);
  EXPECT_EQ(Text(p), "payload");
  so_packet_free(&pool_, p);
}

TEST_F(PacketTest, PrependWithoutRoomTakesASliceOfItsOwn) {
  so_packet *p = Of("x", 0);
  memcpy(so_packet_prepend(&pool_, p, 4), "head", 4);
  memcpy(so_packet_prepend(&pool_, p, 4), "more", 4);
  EXPECT_EQ(Text(p), "moreheadx");
  EXPECT_EQ(p->frag_count, 2);
  so_packet_free(&pool_, p);
}

TEST_F(PacketTest, ASharedViewIsNeverOverwritten) {
  so_packet *p = Of("0123456789");
  so_packet *view = so_packet_alloc(&pool_, SO_PACKET_HEADROOM, 0);
  ASSERT_TRUE(so_ok(so_packet_share(&pool_, view, p, 0, 10)));
  so_packet_pull(&pool_, p, 5);
  memcpy(so_packet_prepend(&pool_, p, 5), "HHHHH", 5);
  so_packet_trim(&pool_, p, 7);
  ASSERT_TRUE(so_ok(so_packet_append(&pool_, p, so_str("TTTTTTTT"))));
  ASSERT_TRUE(so_ok(so_packet_append(&pool_, view, so_str("VV"))));
  memcpy(so_packet_prepend(&pool_, view, 1), "v", 1);
  EXPECT_EQ(Text(p), "HHHHH56TTTTTTTT");
  EXPECT_EQ(Text(view), "v0123456789VV");
  so_packet_free(&pool_, p);
  EXPECT_EQ(Text(view), "v0123456789VV");
  so_packet_free(&pool_, view);
}

TEST_F(PacketTest, HeadGathersBytesThatLieApart) {
  so_packet *p = Of("ab", 0);
  so_packet *q = Of("cdef", 0);
  so_packet *sum = so_packet_alloc(&pool_, 0, 0);
  ASSERT_TRUE(so_ok(so_packet_share(&pool_, sum, p, 0, 2)));
  ASSERT_TRUE(so_ok(so_packet_share(&pool_, sum, q, 0, 4)));
  EXPECT_EQ(so_packet_head(&pool_, sum, 7), nullptr);
  EXPECT_EQ(memcmp(so_packet_head(&pool_, sum, 4), "abcd", 4), 0);
  EXPECT_EQ(Text(sum), "abcdef");
  EXPECT_EQ(memcmp(so_packet_head(&pool_, sum, 6), "abcdef", 6), 0);
  EXPECT_EQ(sum->frag_count, 1);
  so_packet_free(&pool_, p);
  so_packet_free(&pool_, q);
  so_packet_free(&pool_, sum);
}

TEST_F(PacketTest, AdjacentViewsJoin) {
  so_packet *p = Of("0123456789");
  so_packet *view = so_packet_alloc(&pool_, 0, 0);
  ASSERT_TRUE(so_ok(so_packet_share(&pool_, view, p, 0, 4)));
  ASSERT_TRUE(so_ok(so_packet_share(&pool_, view, p, 4, 6)));
  EXPECT_EQ(view->frag_count, 1);
  so_packet_free(&pool_, p);
  so_packet_free(&pool_, view);
}

TEST_F(PacketTest, TheEighteenthFragmentIsTheLast) {
  so_packet *to = so_packet_alloc(&pool_, 0, 0);
  so_packet *from = Of("0123456789012345678901234567890123456789");
  for (size_t i = 0; i < SO_PACKET_FRAGS_MAX; i++) {
    ASSERT_TRUE(so_ok(so_packet_share(&pool_, to, from, 2 * i, 1)));
  }
  const std::string before = Text(to);
  EXPECT_EQ(so_packet_share(&pool_, to, from, 39, 1).code, SO_LIMIT);
  EXPECT_EQ(so_packet_prepend(&pool_, to, 1), nullptr);
  EXPECT_EQ(Text(to), before);
  EXPECT_EQ(memcmp(so_packet_head(&pool_, to, 2), "02", 2), 0);
  EXPECT_EQ(Text(to), before);
  so_packet_free(&pool_, from);
  so_packet_free(&pool_, to);
}

TEST_F(PacketTest, ADeviceWritesIntoItsRoomsAndUnusedPagesGoBack) {
  so_packet *p = so_packet_alloc_pages(&pool_, 65550);
  ASSERT_NE(p, nullptr);
  so_netdev_room rooms[SO_NETDEV_PARTS_MAX];
  const size_t n = so_packet_rooms(p, rooms);
  size_t total = 0;
  for (size_t i = 0; i < n; i++) {
    memset(rooms[i].ptr, 'a' + static_cast<int>(i), rooms[i].len);
    total += rooms[i].len;
  }
  EXPECT_GE(total, 65550u);
  so_packet_fill(&pool_, p, 5000);
  EXPECT_EQ(Text(p), std::string(4096, 'a') + std::string(904, 'b'));
  EXPECT_LE(pool_.pages_used, 3u);
  so_packet_free(&pool_, p);
}

TEST_F(PacketTest, AnEmptyPoolRefusesAndCounts) {
  std::vector<so_packet *> all;
  while (so_packet *p = so_packet_alloc(&pool_, 0, SO_PAGE_LEN)) {
    all.push_back(p);
  }
  EXPECT_EQ(all.size(), 32u);  // Packets run out first.
  EXPECT_EQ(pool_.refusals, 1u);
  std::vector<so_frag> pages;
  so_frag f;
  while (so_page_alloc(&pool_, &f)) {
    pages.push_back(f);
  }
  EXPECT_EQ(pages.size(), 32u);
  so_packet_free(&pool_, all.back());
  all.pop_back();
  so_packet *p = so_packet_alloc(&pool_, 0, SO_PAGE_LEN);
  ASSERT_NE(p, nullptr);
  const std::string full(SO_PAGE_LEN + 1, 'z');
  EXPECT_EQ(so_packet_append(&pool_, p, so_bytes_of(full.data(), full.size())).code, SO_LIMIT);
  EXPECT_EQ(p->len, SO_PAGE_LEN);
  EXPECT_EQ(so_packet_alloc_pages(&pool_, 100), nullptr);
  so_packet_free(&pool_, p);
  for (auto *q : all) {
    so_packet_free(&pool_, q);
  }
  for (auto &g : pages) {
    so_page_drop(&pool_, &g);
  }
}

// Random operations on several packets against strings.
TEST_F(PacketTest, BehavesLikeStrings) {
  std::mt19937 rng(11);
  std::vector<so_packet *> packets(6);
  std::vector<std::string> model(6);
  for (auto &p : packets) {
    p = so_packet_alloc(&pool_, 32, 16);
  }
  for (int step = 0; step < 200000; step++) {
    const size_t i = rng() % 6, j = rng() % 6;
    so_packet *p = packets[i];
    std::string &m = model[i];
    const std::string piece(rng() % 90, static_cast<char>('a' + rng() % 26));
    switch (rng() % 6) {
      case 0: {
        const size_t n = rng() % (SO_PACKET_HEADROOM + 1);
        if (uint8_t *at = so_packet_prepend(&pool_, p, n)) {
          memset(at, 'P', n);
          m.insert(0, std::string(n, 'P'));
        }
        break;
      }
      case 1: {
        const size_t n = m.empty() ? 0 : rng() % (m.size() + 1);
        so_packet_pull(&pool_, p, n);
        m.erase(0, n);
        break;
      }
      case 2: {
        const size_t n = m.empty() ? 0 : rng() % (m.size() + 1);
        so_packet_trim(&pool_, p, n);
        m.resize(n);
        break;
      }
      case 3: {
        const uint32_t before = p->len;
        (void)so_packet_append(&pool_, p, so_bytes_of(piece.data(), piece.size()));
        m += piece.substr(0, p->len - before);
        break;
      }
      case 4:
        if (i != j) {
          const size_t off = model[j].empty() ? 0 : rng() % model[j].size();
          const size_t n = model[j].empty() ? 0 : rng() % (model[j].size() - off + 1);
          if (so_ok(so_packet_share(&pool_, p, packets[j], off, n))) {
            m += model[j].substr(off, n);
          }
        }
        break;
      default: {
        const size_t n = m.empty() ? 0 : rng() % (m.size() + 1);
        const uint8_t *at = so_packet_head(&pool_, p, n);
        if (at != nullptr) {
          ASSERT_EQ(memcmp(at, m.data(), n), 0);
        }
      }
    }
    for (size_t k = 0; k < 6; k++) {
      ASSERT_EQ(Text(packets[k]), model[k]) << "step " << step;
    }
    if (m.size() > 3000) {
      so_packet_trim(&pool_, p, 10);
      m.resize(10);
    }
  }
  for (auto &p : packets) {
    so_packet_free(&pool_, p);
  }
}

}  // namespace
