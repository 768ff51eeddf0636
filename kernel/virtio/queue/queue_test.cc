#include "kernel/virtio/queue/queue.h"

#include <map>

#include "tests/sim/random.h"
#include "tests/sim/virtio/device.h"
#include "tests/support/support.h"

namespace {

using so_test::Chain;

// A queue, and the device's half of it.
struct Rig {
  explicit Rig(uint16_t size, bool event_idx = true, bool lenient = false)
      : device(1, 0, "", 1) {
    so_virtq_config config = {};
    config.index = 0;
    config.size = size;
    config.event_idx = event_idx;
    config.lenient_len = lenient;
    config.heap = so_test::Heap();
    config.pages = pages.port();
    config.bell = {Bell, this};
    SO_EXPECT_OK(so_virtq_init(&q, &config));
    far = &device.queues[0];
    far->owner = &device;
    far->size = size;
    far->event_idx = event_idx;
    far->ready = true;
    far->descriptors = reinterpret_cast<uint8_t *>(so_virtq_descriptors_at(&q));
    far->driver = reinterpret_cast<uint8_t *>(so_virtq_driver_at(&q));
    far->device = reinterpret_cast<uint8_t *>(so_virtq_device_at(&q));
  }
  ~Rig() { so_virtq_release(&q); }
  static void Bell(void *ctx, uint16_t) { static_cast<Rig *>(ctx)->rung++; }

  bool Add(uint16_t token, size_t reads, size_t writes, uint32_t len = 8) {
    std::vector<so_virtq_part> parts(reads + writes, so_virtq_part{memory, len});
    return so_virtq_add(&q, parts.data(), reads, writes, token);
  }

  so_test::DevicePages pages;
  so_test::VirtioDevice device;
  so_test::DeviceQueue *far;
  so_virtq q = {};
  uint8_t memory[4096] = {};
  int rung = 0;
  uint16_t token = 0;
  uint32_t len = 0;
};

TEST(VirtqTest, ChainsGoOutAndComeBackInAnyOrder) {
  Rig r(8);
  const so_virtq_part parts[] = {{r.memory, 3}, {r.memory + 100, 5}, {r.memory + 200, 7}};
  ASSERT_TRUE(so_virtq_add(&r.q, parts, 2, 1, 11));
  ASSERT_TRUE(r.Add(22, 0, 1, 40));
  Chain a, b;
  EXPECT_FALSE(r.far->Take(&a));
  so_virtq_push(&r.q);
  ASSERT_TRUE(r.far->Take(&a));
  ASSERT_TRUE(r.far->Take(&b));
  ASSERT_EQ(a.out.size(), 2u);
  ASSERT_EQ(a.in.size(), 1u);
  EXPECT_EQ(a.out[1].ptr, r.memory + 100);
  EXPECT_EQ(a.out[1].len, 5u);
  EXPECT_EQ(a.in[0].ptr, r.memory + 200);
  EXPECT_EQ(b.InLen(), 40u);
  EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_EMPTY);
  r.far->GiveAndShow(b.head, 40);
  r.far->GiveAndShow(a.head, 6);
  EXPECT_EQ(so_virtq_ready(&r.q), 2);
  ASSERT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
  EXPECT_EQ(r.token, 22);
  EXPECT_EQ(r.len, 40u);
  ASSERT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
  EXPECT_EQ(r.token, 11);
  EXPECT_EQ(r.len, 6u);
  EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_EMPTY);
  EXPECT_EQ(r.device.misuse, "");
}

TEST(VirtqTest, WhatDoesNotFitIsRefusedAndFitsLater) {
  Rig r(4);
  ASSERT_TRUE(r.Add(1, 1, 2));
  EXPECT_FALSE(r.Add(2, 1, 1));
  EXPECT_TRUE(r.Add(2, 1, 0));
  EXPECT_FALSE(r.Add(3, 1, 0));
  so_virtq_push(&r.q);
  Chain c;
  ASSERT_TRUE(r.far->Take(&c));
  r.far->GiveAndShow(c.head, 0);
  ASSERT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
  EXPECT_TRUE(r.Add(3, 3, 0));
  EXPECT_FALSE(r.Add(4, 1, 0));
}

TEST(VirtqTest, MemoryThatIsNotThereIsALimit) {
  so_test::DevicePages none;
  none.page_max = 2;  // 256 descriptors need three.
  so_virtq_config config = {};
  config.size = 256;
  config.heap = so_test::Heap();
  config.pages = none.port();
  so_virtq q = {};
  SO_EXPECT_CODE(SO_LIMIT, so_virtq_init(&q, &config));
  EXPECT_EQ(none.out(), 0u);
  so_virtq_release(&q);
}

TEST(VirtqTest, TheBellRingsOnlyWhenTheDeviceWantsIt) {
  for (const bool event_idx : {false, true}) {
    SCOPED_TRACE(event_idx);
    Rig r(8, event_idx);
    so_virtq_push(&r.q);
    EXPECT_EQ(r.rung, 0);  // Nothing was added.
    r.Add(1, 1, 0);
    so_virtq_push(&r.q);
    EXPECT_EQ(r.rung, 1);
    r.far->Listen(false);
    r.Add(2, 1, 0);
    so_virtq_push(&r.q);
    EXPECT_EQ(r.rung, 1);
    Chain c;
    ASSERT_TRUE(r.far->Take(&c));
    ASSERT_TRUE(r.far->Take(&c));
    r.far->Listen(true);
    r.Add(3, 1, 0);
    r.Add(4, 1, 0);
    so_virtq_push(&r.q);
    EXPECT_EQ(r.rung, 2);
  }
}

// The device may ask to hear of an entry in the middle of what is shown at once (2.7.10).
TEST(VirtqTest, TheBellRingsForAnEntryInTheMiddle) {
  for (uint16_t event = 0; event < 6; event++) {
    SCOPED_TRACE(event);
    Rig r(8, true);
    r.Add(0, 1, 0);
    so_virtq_push(&r.q);
    const int before = r.rung;
    memcpy(r.far->device + 4 + 8 * 8, &event, sizeof event);
    r.Add(1, 1, 0);
    r.Add(2, 1, 0);
    r.Add(3, 1, 0);
    so_virtq_push(&r.q);
    EXPECT_EQ(r.rung - before, event >= 1 && event <= 3 ? 1 : 0);
  }
}

TEST(VirtqTest, InterruptsComeWhenAskedForAndNotMissed) {
  for (const bool event_idx : {false, true}) {
    SCOPED_TRACE(event_idx);
    Rig r(8, event_idx);
    for (uint16_t i = 0; i < 6; i++) {
      r.Add(i, 1, 0);
    }
    so_virtq_push(&r.q);
    std::vector<Chain> c(6);
    for (Chain &one : c) {
      ASSERT_TRUE(r.far->Take(&one));
    }
    so_virtq_disarm(&r.q);
    r.far->GiveAndShow(c[0].head, 0);
    EXPECT_EQ(r.device.interrupt_count, 0u);
    EXPECT_TRUE(so_virtq_arm(&r.q, 1));  // It is there already.
    ASSERT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
    EXPECT_FALSE(so_virtq_arm(&r.q, 1));
    r.far->GiveAndShow(c[1].head, 0);
    EXPECT_EQ(r.device.interrupt_count, 1u);
    ASSERT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
    if (event_idx) {  // Once only, until armed again; and after so many.
      r.far->GiveAndShow(c[2].head, 0);
      EXPECT_EQ(r.device.interrupt_count, 1u);
      EXPECT_FALSE(so_virtq_arm(&r.q, 3));
      r.far->GiveAndShow(c[3].head, 0);
      EXPECT_EQ(r.device.interrupt_count, 1u);
      r.far->GiveAndShow(c[4].head, 0);
      EXPECT_EQ(r.device.interrupt_count, 2u);
    }
  }
}

// --- a device that misbehaves -------------------------------------------------------------------

TEST(VirtqTest, AnIndexOutOfRangeBreaksTheQueue) {
  for (const uint16_t index : {2, 100, 0xffff, 0x8000}) {
    SCOPED_TRACE(index);
    Rig r(8);
    r.Add(1, 0, 1);
    so_virtq_push(&r.q);
    r.far->set_index(index);
    EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_BROKEN);
    EXPECT_STREQ(r.q.why, "the device's index is out of range");
    r.far->set_index(0);
    EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_BROKEN);
    EXPECT_TRUE(so_virtq_arm(&r.q, 1));
    EXPECT_NE(so_virtq_ready(&r.q), 0);
  }
}

TEST(VirtqTest, AnIndexThatGoesBackBreaksTheQueue) {
  Rig r(8);
  r.Add(1, 0, 1);
  r.Add(2, 0, 1);
  so_virtq_push(&r.q);
  Chain c;
  ASSERT_TRUE(r.far->Take(&c));
  r.far->GiveAndShow(c.head, 0);
  ASSERT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
  r.far->set_index(0);
  EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_BROKEN);
}

TEST(VirtqTest, ABufferThatTheDeviceDoesNotHaveBreaksTheQueue) {
  // Not in the table; in it, but free; the middle of a chain; given back before.
  for (const uint32_t id : {8u, 0xffffffffu, 5u, 1u}) {
    SCOPED_TRACE(id);
    Rig r(8);
    r.Add(1, 1, 1);
    r.Add(2, 1, 1);
    so_virtq_push(&r.q);
    r.far->GiveAndShow(id, 0);
    EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_BROKEN);
    EXPECT_STREQ(r.q.why, "the device gave back a buffer that it did not have");
  }
  Rig r(8);
  r.Add(1, 1, 1);
  r.Add(2, 1, 1);
  so_virtq_push(&r.q);
  r.far->GiveAndShow(0, 0);
  r.far->GiveAndShow(0, 0);
  EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
  EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_BROKEN);
}

TEST(VirtqTest, MoreBytesThanRoomBreakTheQueueOrAreCutOfALegacyDevice) {
  for (const bool lenient : {false, true}) {
    Rig r(8, true, lenient);
    r.Add(7, 1, 2, 16);
    so_virtq_push(&r.q);
    r.far->GiveAndShow(0, 33);
    EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), lenient ? SO_VIRTQ_TAKEN : SO_VIRTQ_BROKEN);
    if (lenient) {
      EXPECT_EQ(r.len, 32u);
    }
  }
}

TEST(VirtqTest, WhatTheDeviceWritesIntoDescriptorsChangesNothing) {
  Rig r(8);
  r.Add(7, 2, 2);
  so_virtq_push(&r.q);
  memset(r.far->descriptors, 0xff, 8 * 16);
  r.far->GiveAndShow(0, 0);
  EXPECT_EQ(so_virtq_take(&r.q, &r.token, &r.len), SO_VIRTQ_TAKEN);
  for (uint16_t i = 0; i < 8; i++) {
    EXPECT_TRUE(r.Add(i, 1, 0));
  }
  EXPECT_FALSE(r.Add(8, 1, 0));
}

// Chains of random lengths, held back and given back in random order, over many turns of the indexes.
TEST(VirtqTest, EveryChainComesBackOnceWhateverTheOrder) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    SCOPED_TRACE(seed);
    uint64_t rng = seed;
    Rig r(static_cast<uint16_t>(1u << (seed % 9)), seed % 2 == 0);
    std::map<uint16_t, uint32_t> out;  // Token to bytes that the device will say it wrote.
    std::vector<Chain> held;
    std::map<uint16_t, uint16_t> token_of;  // By head.
    uint16_t next = 0;
    uint64_t done = 0;
    while (done < 70000) {
      const size_t reads = so_sim_next(&rng) % 3;
      const size_t writes = so_sim_next(&rng) % 3 + (reads == 0);
      const auto token = static_cast<uint16_t>(next % 60000);
      if (out.count(token) == 0 && r.Add(token, reads, writes)) {
        out[token] = static_cast<uint32_t>(so_sim_next(&rng) % (8 * writes + 1));
        next = static_cast<uint16_t>(token + 1);
      }
      so_virtq_push(&r.q);
      Chain c;
      while (r.far->Take(&c)) {
        held.push_back(c);
      }
      while (!held.empty() && so_sim_next(&rng) % 4 != 0) {
        const size_t i = so_sim_next(&rng) % held.size();
        const uint16_t t = r.q.slots[held[i].head].token;
        r.far->Give(held[i].head, out[t]);
        held.erase(held.begin() + static_cast<long>(i));
      }
      (void)r.far->Show();
      while (so_virtq_take(&r.q, &r.token, &r.len) == SO_VIRTQ_TAKEN) {
        ASSERT_EQ(out.count(r.token), 1u);
        ASSERT_EQ(out[r.token], r.len);
        out.erase(r.token);
        done++;
      }
      ASSERT_EQ(r.q.why, nullptr);
      ASSERT_EQ(r.device.misuse, "");
    }
  }
}

}  // namespace
