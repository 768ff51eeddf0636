#include "net/tcp/reassembly/reassembly.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

class TcpReassemblyTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(so_ok(so_packet_pool_init(&pool_, so_test::Heap(), 512, 512)));
    so_tcp_reassembly_init(&r_, &pool_, so_test::Heap(), 0, 0);
  }
  void TearDown() override {
    so_tcp_reassembly_release(&r_);
    EXPECT_EQ(pool_.packets_used, 0u) << "packets leaked";
    so_packet_pool_release(&pool_);
  }
  so_packet *Packet(const std::string &text, size_t page_tail = 0) {
    so_packet *p = so_packet_alloc(&pool_, 0, std::max(text.size(), page_tail));
    EXPECT_TRUE(so_ok(so_packet_append(&pool_, p, so_bytes_of(text.data(), text.size()))));
    return p;
  }
  bool Insert(uint32_t seq, const std::string &text) {
    const so_status s = so_tcp_reassembly_insert(&r_, seq, Packet(text));
    EXPECT_TRUE(so_tcp_reassembly_check(&r_));
    return so_ok(s);
  }
  std::string Take(uint32_t rcv_nxt) {
    uint32_t len = 0;
    so_packet *p = so_tcp_reassembly_take(&r_, rcv_nxt, &len);
    EXPECT_TRUE(so_tcp_reassembly_check(&r_));
    std::string out;
    while (p != nullptr) {
      std::string part(p->len, 0);
      so_packet_copy(p, 0, reinterpret_cast<uint8_t *>(&part[0]), p->len);
      out += part;
      so_packet *next = p->next;
      so_packet_free(&pool_, p);
      p = next;
    }
    EXPECT_EQ(out.size(), len);
    return out;
  }
  std::vector<std::pair<uint32_t, uint32_t>> Sacks(size_t max = 4) {
    so_seq_range blocks[4];
    const size_t n = so_tcp_reassembly_sacks(&r_, blocks, max);
    std::vector<std::pair<uint32_t, uint32_t>> out;
    for (size_t i = 0; i < n; i++) {
      out.emplace_back(blocks[i].start, blocks[i].end);
    }
    return out;
  }
  using Blocks = std::vector<std::pair<uint32_t, uint32_t>>;
  so_packet_pool pool_;
  so_tcp_reassembly r_;
};

std::string Text(uint32_t seq, size_t len) {
  std::string s(len, 0);
  for (size_t i = 0; i < len; i++) {
    const uint32_t v = (seq + static_cast<uint32_t>(i)) * 2654435761u;
    s[i] = static_cast<char>(v >> 24);
  }
  return s;
}

TEST_F(TcpReassemblyTest, HoldsNothingAtFirst) {
  EXPECT_EQ(Take(0), "");
  EXPECT_EQ(Sacks(), Blocks{});
  EXPECT_FALSE(so_tcp_reassembly_pending(&r_));
  EXPECT_EQ(so_tcp_reassembly_end(&r_, 42), 42u);
}

TEST_F(TcpReassemblyTest, AGapThatIsFilledGivesAllInOrder) {
  EXPECT_TRUE(Insert(105, "fghij"));
  EXPECT_TRUE(Insert(110, "klm"));
  EXPECT_EQ(Take(100), "");
  EXPECT_EQ(Take(105), "fghijklm");
  EXPECT_EQ(r_.bytes, 0u);
  EXPECT_EQ(r_.ranges, nullptr) << "an idle receiver holds no memory";
}

TEST_F(TcpReassemblyTest, WhatInOrderDataCoveredMeanwhileIsDropped) {
  EXPECT_TRUE(Insert(10, "abc"));
  EXPECT_TRUE(Insert(20, "0123456789"));
  EXPECT_EQ(Take(25), "56789");
  EXPECT_EQ(r_.count, 0u);
}

// RFC 2018 4: 500-byte segments, 5000 on.
TEST_F(TcpReassemblyTest, Rfc2018Case2TheFirstSegmentIsDropped) {
  for (uint32_t seq = 5500; seq <= 8500; seq += 500) {
    EXPECT_TRUE(Insert(seq, Text(seq, 500)));
    EXPECT_EQ(Sacks(), (Blocks{{5500, seq + 500}}));
  }
}

TEST_F(TcpReassemblyTest, Rfc2018Case3EverySecondSegmentIsDropped) {
  EXPECT_TRUE(Insert(5500, Text(5500, 500)));
  EXPECT_EQ(Sacks(), (Blocks{{5500, 6000}}));
  EXPECT_TRUE(Insert(6500, Text(6500, 500)));
  EXPECT_EQ(Sacks(), (Blocks{{6500, 7000}, {5500, 6000}}));
  EXPECT_TRUE(Insert(7500, Text(7500, 500)));
  EXPECT_EQ(Sacks(), (Blocks{{7500, 8000}, {6500, 7000}, {5500, 6000}}));
  EXPECT_TRUE(Insert(8500, Text(8500, 500)));
  EXPECT_EQ(Sacks(3), (Blocks{{8500, 9000}, {7500, 8000}, {6500, 7000}}));
  // The fourth segment arrives, then the second.
  EXPECT_TRUE(Insert(7000, Text(7000, 500)));  // Between 6500 and 7500.
  EXPECT_EQ(Sacks(3), (Blocks{{6500, 8000}, {8500, 9000}, {5500, 6000}}));
}

// RFC 2883 4.1.1 to 4.1.3: duplicates below the ACK and within a block.
TEST_F(TcpReassemblyTest, Rfc2883ADuplicateBelowTheAckComesFirstAndOnce) {
  EXPECT_TRUE(Insert(4500, Text(4500, 500)));
  so_tcp_reassembly_duplicate(&r_, 3000, 3500);
  EXPECT_EQ(Sacks(), (Blocks{{3000, 3500}, {4500, 5000}}));
  EXPECT_EQ(Sacks(), (Blocks{{4500, 5000}}));
}

TEST_F(TcpReassemblyTest, Rfc2883ADuplicateWithinABlockIsFollowedByThatBlock) {
  EXPECT_TRUE(Insert(5500, Text(5500, 500)));
  EXPECT_TRUE(Insert(7000, Text(7000, 1000)));
  EXPECT_TRUE(Insert(5500, Text(5500, 500)));
  EXPECT_EQ(r_.duplicate_bytes, 500u);
  EXPECT_TRUE(Insert(9000, "x"));
  EXPECT_EQ(Sacks(), (Blocks{{5500, 6000}, {5500, 6000}, {9000, 9001}, {7000, 8000}}));
}

TEST_F(TcpReassemblyTest, APartialDuplicateReportsItsPart) {
  EXPECT_TRUE(Insert(1000, Text(1000, 500)));
  EXPECT_TRUE(Insert(1400, Text(1400, 300)));
  EXPECT_EQ(Sacks(), (Blocks{{1400, 1500}, {1000, 1700}}));
  EXPECT_EQ(Take(1000), Text(1000, 700));
}

TEST_F(TcpReassemblyTest, TheFirstDataWins) {
  EXPECT_TRUE(Insert(10, "AAAA"));
  EXPECT_TRUE(Insert(20, "BBBB"));
  EXPECT_TRUE(Insert(5, "xxxxxxxxxxxxxxxxxxxxxxxx"));  // 5 to 29.
  EXPECT_EQ(r_.count, 1u);
  EXPECT_EQ(Take(5), "xxxxxAAAAxxxxxxBBBBxxxxx");
}

TEST_F(TcpReassemblyTest, SmallSegmentsShareAPage) {
  for (uint32_t i = 0; i < 200; i++) {
    EXPECT_EQ(so_tcp_reassembly_insert(&r_, 100 + i * 10, Packet(Text(100 + i * 10, 10), 4000)).code,
              SO_OK);
  }
  EXPECT_TRUE(so_tcp_reassembly_check(&r_));
  EXPECT_EQ(r_.pages, 1u);
  EXPECT_EQ(pool_.packets_used, 1u);
  EXPECT_EQ(Take(100), Text(100, 2000));
}

TEST_F(TcpReassemblyTest, RangesAndPagesAreLimited) {
  so_tcp_reassembly_init(&r_, &pool_, so_test::Heap(), 3, 5);
  EXPECT_TRUE(Insert(10, "a"));
  EXPECT_TRUE(Insert(20, "b"));
  EXPECT_TRUE(Insert(30, "c"));
  EXPECT_FALSE(Insert(40, "d"));
  EXPECT_EQ(r_.refused, 1u);
  EXPECT_TRUE(Insert(31, Text(31, 600)));
  EXPECT_TRUE(Insert(631, Text(631, 600)));
  EXPECT_FALSE(Insert(1231, Text(1231, 600))) << "five pages are held";
  EXPECT_EQ(Take(10), "a");
  EXPECT_TRUE(Insert(1231, Text(1231, 600)));
}

TEST_F(TcpReassemblyTest, AHeapThatRefusesDropsTheSegment) {
  so_heap_budget budget;
  const so_heap none = so_heap_budget_init(&budget, so_test::Heap(), 8);
  so_tcp_reassembly_init(&r_, &pool_, &none, 0, 0);
  EXPECT_FALSE(Insert(10, "abc"));
  EXPECT_EQ(r_.count, 0u);
  EXPECT_EQ(budget.used, 0u);
}

TEST_F(TcpReassemblyTest, AnEmptySegmentChangesNothing) {
  EXPECT_EQ(so_tcp_reassembly_insert(&r_, 10, Packet("")).code, SO_OK);
  EXPECT_EQ(r_.count, 0u);
}

// Against a model that keeps one byte and its owner for each number, across the wrap.
TEST_F(TcpReassemblyTest, RandomOverlapsAgreeWithAModel) {
  for (uint32_t seed = 1; seed <= 25; seed++) {
    std::mt19937 random(seed);
    const uint32_t base = UINT32_MAX - 2000 + random() % 1000;
    std::map<uint32_t, char> model;  // Offset from base.
    uint32_t nxt = 0;
    for (int step = 0; step < 400; step++) {
      if (random() % 8 == 0) {  // The next byte comes in order.
        nxt += 1 + random() % 40;
        std::string got = Take(base + nxt);
        std::string want;
        while (!model.empty() && model.begin()->first < nxt) {
          model.erase(model.begin());
        }
        for (uint32_t at = nxt; model.count(at) != 0; at++) {
          want += model[at];
          model.erase(at);
        }
        ASSERT_EQ(got, want) << "seed " << seed;
        nxt += static_cast<uint32_t>(want.size());
        continue;
      }
      const uint32_t off = nxt + 1 + random() % 1500;
      const uint32_t len = 1 + random() % (random() % 4 == 0 ? 900 : 40);
      std::string text(len, static_cast<char>('a' + step % 26));
      ASSERT_TRUE(Insert(base + off, text)) << "seed " << seed;
      for (uint32_t i = 0; i < len; i++) {
        model.emplace(off + i, text[i]);
      }
      uint32_t runs = 0;
      for (auto it = model.begin(); it != model.end(); ++it) {
        runs += it == model.begin() || std::prev(it)->first + 1 != it->first;
      }
      ASSERT_EQ(r_.count, runs) << "seed " << seed;
      ASSERT_EQ(r_.bytes, model.size()) << "seed " << seed;
      for (auto &b : Sacks()) {
        ASSERT_TRUE(model.count(b.first - base)) << "seed " << seed;
        ASSERT_TRUE(model.count(b.second - 1 - base)) << "seed " << seed;
      }
    }
    so_tcp_reassembly_release(&r_);
  }
}

// Every refusal of the pool on the way leaves the rest right.
TEST_F(TcpReassemblyTest, APoolThatRunsOutLosesSegmentsOnly) {
  std::mt19937 random(5);
  std::vector<so_packet *> hoard;
  while (so_packet *p = so_packet_alloc(&pool_, 0, 4096)) {
    hoard.push_back(p);
  }
  for (int i = 0; i < 20; i++) {
    so_packet_free(&pool_, hoard.back());
    hoard.pop_back();
  }
  uint32_t taken = 0;
  for (int step = 0; step < 2000; step++) {
    const uint32_t seq = 10 + random() % 5000;
    const std::string text = Text(seq, 1 + random() % 300);
    so_packet *p = so_packet_alloc(&pool_, 0, text.size());
    if (p == nullptr) {
      const std::string got = Take(10 + random() % 3000);
      taken += static_cast<uint32_t>(got.size());
      continue;
    }
    if (!so_ok(so_packet_append(&pool_, p, so_bytes_of(text.data(), text.size())))) {
      so_packet_free(&pool_, p);
      continue;
    }
    (void)so_ok(so_tcp_reassembly_insert(&r_, seq, p));
    ASSERT_TRUE(so_tcp_reassembly_check(&r_));
  }
  EXPECT_GT(taken, 0u);
  for (so_packet *p : hoard) {
    so_packet_free(&pool_, p);
  }
}

}  // namespace
