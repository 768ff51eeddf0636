#include "net/pmtu/pmtu.h"

#include "kernel/ports/clock.h"
#include "tests/support/support.h"

namespace {

so_ip Host(uint32_t n, uint8_t family = 4) {
  uint8_t b[16] = {10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8),
                   static_cast<uint8_t>(n)};
  return family == 4 ? so_ip4(b) : so_ip6(b);
}

class PmtuTest : public ::testing::Test {
 protected:
  PmtuTest() {
    static const uint8_t kKey[16] = {7};
    SO_EXPECT_OK(so_pmtu_init(&t_, so_test::Heap(), kKey, 64));
  }
  ~PmtuTest() override { so_pmtu_release(&t_); }
  uint32_t Get(const so_ip &dst) { return so_pmtu_get(&t_, &dst, 1500, now_); }
  uint32_t Propose(const so_ip &dst, uint32_t mtu, uint32_t sent = 1500) {
    return so_pmtu_propose(&t_, &dst, 1500, mtu, sent, now_);
  }
  void Lower(const so_ip &dst, uint32_t mtu) { so_pmtu_lower(&t_, &dst, mtu, now_); }

  so_pmtu t_;
  uint64_t now_ = SO_NS_PER_S;
};

TEST_F(PmtuTest, UnknownPathsHaveTheLinksMtu) {
  EXPECT_EQ(1500u, Get(Host(1)));
  Lower(Host(1), 1400);
  EXPECT_EQ(1400u, Get(Host(1)));
  EXPECT_EQ(1500u, Get(Host(2)));
  EXPECT_EQ(1500u, Get(Host(1, 6)));  // Same bytes, another family.
  const so_ip one = Host(1);
  EXPECT_EQ(1300u, so_pmtu_get(&t_, &one, 1300, now_));  // Never above the link.
}

TEST_F(PmtuTest, ValuesOnlyGoDownAndNotBelowTheFloor) {
  EXPECT_EQ(1400u, Propose(Host(1), 1400));
  Lower(Host(1), 1400);
  EXPECT_EQ(0u, Propose(Host(1), 1400));
  EXPECT_EQ(0u, Propose(Host(1), 9000));
  EXPECT_EQ(SO_PMTU_FLOOR_IPV4, Propose(Host(1), 68));
  EXPECT_EQ(SO_PMTU_FLOOR_IPV6, Propose(Host(1, 6), 68));
  Lower(Host(1), SO_PMTU_FLOOR_IPV4);
  EXPECT_EQ(0u, Propose(Host(1), 68));
  EXPECT_EQ(3u, t_.refused);
}

TEST_F(PmtuTest, ARouterThatSaysNothingMeansTheNextPlateau) {
  EXPECT_EQ(1492u, Propose(Host(1), 0));
  EXPECT_EQ(1006u, Propose(Host(1), 0, 1492));
  EXPECT_EQ(576u, Propose(Host(1), 0, 1006));
  // A length that we never sent counts as what we may.
  EXPECT_EQ(1492u, Propose(Host(1), 0, 60000));
  Lower(Host(1), 1006);
  EXPECT_EQ(576u, Propose(Host(1), 0));
}

TEST_F(PmtuTest, EntriesAgeOut) {
  Lower(Host(1), 1400);
  now_ += 600 * SO_NS_PER_S - 1;
  EXPECT_EQ(1400u, Get(Host(1)));
  now_ += 1;
  EXPECT_EQ(1500u, Get(Host(1)));
  EXPECT_EQ(0u, t_.used);
}

TEST_F(PmtuTest, TheTableStaysBoundedAndKeepsTheNewest) {
  for (uint32_t k = 0; k < 10000; k++) {
    now_++;
    Lower(Host(k), 1400);
    ASSERT_EQ(1400u, Get(Host(k)));
    ASSERT_LE(t_.used, 64u);
  }
  EXPECT_EQ(10000u - t_.used, t_.evicted);
}

TEST_F(PmtuTest, LoweringAgainDoesNotTakeAnotherEntry) {
  for (uint32_t mtu = 1499; mtu > 1300; mtu--) {
    Lower(Host(3), mtu);
    EXPECT_EQ(mtu, Get(Host(3)));
  }
  EXPECT_EQ(1u, t_.used);
}

TEST(PmtuInitTest, ARefusingHeapIsLimit) {
  static const uint8_t kKey[16] = {7};
  so_heap_budget budget;
  const so_heap heap = so_heap_budget_init(&budget, so_test::Heap(), 100);
  so_pmtu t;
  SO_EXPECT_CODE(SO_LIMIT, so_pmtu_init(&t, &heap, kKey, 64));
  EXPECT_EQ(0u, budget.used);
}

}  // namespace
