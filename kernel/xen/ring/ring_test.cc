#include "kernel/xen/ring/ring.h"

#include <vector>

#include "tests/sim/random.h"
#include "tests/sim/xen/ring_abi.h"
#include "tests/support/support.h"

namespace {

constexpr size_t kPage = 4096;

struct Ring {
  Ring() {
    so_ring_init(&front, memory, kPage, sizeof(union netif_tx_sring_entry));
    shared = reinterpret_cast<netif_tx_sring_t *>(memory);
    BACK_RING_INIT(&back, shared, kPage);
  }
  void Put(uint16_t id) {
    const netif_tx_request_t q = {1, 2, 3, id, 5};
    so_ring_put(&front, &q, sizeof q);
  }
  // The other side answers `count` requests; true if it would notify.
  bool Answer(uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
      const uint16_t id = RING_GET_REQUEST(&back, back.req_cons)->id;
      back.req_cons++;
      netif_tx_response_t *const a = RING_GET_RESPONSE(&back, back.rsp_prod_pvt++);
      a->id = id;
      a->status = 0;
    }
    int notify;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
    return notify != 0;
  }
  bool Sleep() {  // True: there is more.
    int more;
    RING_FINAL_CHECK_FOR_REQUESTS(&back, more);
    return more != 0;
  }
  uint16_t Take() {
    netif_tx_response_t a;
    so_ring_peek(&front, 0, &a, sizeof a);
    so_ring_drop(&front, 1);
    return a.id;
  }

  alignas(8) uint8_t memory[kPage];
  so_ring front;
  netif_tx_sring_t *shared;
  netif_tx_back_ring_t back;
};

TEST(Ring, SizesAreThoseOfXen) {
  netif_tx_back_ring_t tx;
  netif_rx_back_ring_t rx;
  blkif_back_ring_t blk;
  alignas(8) static uint8_t memory[16 * kPage];
  for (size_t pages = 1; pages <= 16; pages *= 2) {
    BACK_RING_INIT(&tx, reinterpret_cast<netif_tx_sring_t *>(memory), pages * kPage);
    BACK_RING_INIT(&rx, reinterpret_cast<netif_rx_sring_t *>(memory), pages * kPage);
    BACK_RING_INIT(&blk, reinterpret_cast<blkif_sring_t *>(memory), pages * kPage);
    EXPECT_EQ(so_ring_entries(pages * kPage, sizeof(union netif_tx_sring_entry)), RING_SIZE(&tx));
    EXPECT_EQ(so_ring_entries(pages * kPage, sizeof(union netif_rx_sring_entry)), RING_SIZE(&rx));
    EXPECT_EQ(so_ring_entries(pages * kPage, sizeof(union blkif_sring_entry)), RING_SIZE(&blk));
  }
  EXPECT_EQ(offsetof(blkif_sring_t, ring), SO_RING_HEADER_LEN);
}

TEST(Ring, StartsAsXenSays) {
  Ring r;
  EXPECT_EQ(r.shared->req_prod, 0u);
  EXPECT_EQ(r.shared->req_event, 1u);
  EXPECT_EQ(r.shared->rsp_prod, 0u);
  EXPECT_EQ(r.shared->rsp_event, 1u);
  EXPECT_EQ(so_ring_free(&r.front), 256u);
}

TEST(Ring, CarriesRequestsAndResponsesAroundTheEnd) {
  Ring r;
  r.front.req_prod = r.front.req_pushed = r.front.rsp_cons = 0xffffff80;
  BACK_RING_ATTACH(&r.back, r.shared, 0xffffff80, kPage);
  r.shared->req_prod = r.shared->rsp_prod = 0xffffff80;
  r.shared->req_event = r.shared->rsp_event = 0xffffff81;
  for (uint16_t i = 0; i < 1000; i++) {
    r.Put(i);
    ASSERT_TRUE(so_ring_push(&r.front)) << i;
    EXPECT_EQ(RING_GET_REQUEST(&r.back, r.back.req_cons)->size, 5);
    ASSERT_TRUE(r.Answer(1)) << i;
    ASSERT_FALSE(r.Sleep());
    uint32_t count;
    ASSERT_TRUE(so_ring_ready(&r.front, &count));
    ASSERT_EQ(count, 1u);
    EXPECT_EQ(r.Take(), i);
    ASSERT_FALSE(so_ring_arm(&r.front, 1));
  }
}

TEST(Ring, OneNotificationForASleeper) {
  Ring r;
  r.Put(0);
  EXPECT_TRUE(so_ring_push(&r.front));
  r.Put(1);
  EXPECT_FALSE(so_ring_push(&r.front));  // It has not slept since.
  EXPECT_FALSE(so_ring_push(&r.front));  // Nothing new.
  r.Answer(2);
  EXPECT_FALSE(r.Sleep());
  r.Put(2);
  r.Put(3);
  EXPECT_TRUE(so_ring_push(&r.front));
}

TEST(Ring, AsksForTheAnswerThatMatters) {
  Ring r;
  for (uint16_t i = 0; i < 10; i++) {
    r.Put(i);
  }
  (void)so_ring_push(&r.front);
  EXPECT_FALSE(so_ring_arm(&r.front, 4));
  EXPECT_FALSE(r.Answer(3));
  EXPECT_TRUE(r.Answer(1));
  EXPECT_TRUE(so_ring_arm(&r.front, 4));  // There already.
  EXPECT_FALSE(so_ring_arm(&r.front, 5));
}

// Every value of the shared index, against what can be true.
TEST(Ring, BelievesNoIndexThatCannotBe) {
  Ring r;
  for (uint16_t i = 0; i < 100; i++) {
    r.Put(i);
  }
  (void)so_ring_push(&r.front);
  r.Put(100);  // Not shown yet: cannot have been answered.
  r.Answer(40);
  for (int i = 0; i < 30; i++) {
    (void)r.Take();
  }
  for (uint32_t v = 0; v < 300; v++) {
    r.shared->rsp_prod = v;
    uint32_t count = 77;
    const bool can_be = v >= 30 && v <= 100;
    EXPECT_EQ(so_ring_ready(&r.front, &count), can_be) << v;
    EXPECT_EQ(count, can_be ? v - 30 : 0);
    EXPECT_EQ(so_ring_arm(&r.front, 1), v != 30);
  }
  uint64_t seed = 1;
  for (int i = 0; i < 10000; i++) {
    const auto v = static_cast<uint32_t>(so_sim_next(&seed) | 0x1000);
    r.shared->rsp_prod = v;
    uint32_t count;
    EXPECT_FALSE(so_ring_ready(&r.front, &count));
  }
}

// Nothing that the other side writes moves our own indexes.
TEST(Ring, OurIndexesAreOurs) {
  Ring r;
  r.Put(1);
  (void)so_ring_push(&r.front);
  memset(r.memory, 0xff, sizeof r.memory);
  r.shared->rsp_prod = 1;
  EXPECT_EQ(so_ring_free(&r.front), 255u);
  EXPECT_EQ(r.Take(), 0xffff);
  r.Put(2);
  (void)so_ring_push(&r.front);
  EXPECT_EQ(r.shared->req_prod, 2u);
  EXPECT_EQ(RING_GET_REQUEST(&r.back, 1)->id, 2);
}

}  // namespace
