#include "kernel/virtio/rng/rng.h"

#include "tests/sim/virtio/device.h"
#include "tests/sim/xen/machine.h"
#include "tests/support/support.h"

namespace {

struct Rig {
  Rig() : device(4, (UINT64_C(1) << 32) | (UINT64_C(1) << 29), "", 1) {
    registers = device.registers();
    config = {machine.sched(), so_test::Heap(), pages.port()};
    machine.turn = [this] { return Turn(); };
  }
  ~Rig() {
    if (started) {
      so_virtio_rng_release(&r);
    }
    EXPECT_EQ(pages.out(), 0u);
    EXPECT_EQ(device.misuse, "");
  }
  so_status Start() {
    SO_EXPECT_OK(so_virtio_mmio_probe(&mmio, &registers));
    const so_status s = so_virtio_rng_start(&r, &mmio, &config, &why);
    started = so_ok(s);
    return s;
  }
  bool Turn() {
    so_test::Chain c;
    if (gives != 0 && device.queues[0].Take(&c)) {
      std::string bytes;
      for (uint32_t i = 0; i < gives; i++) {
        bytes.push_back(static_cast<char>(next++));
      }
      c.Write(0, bytes);
      device.queues[0].GiveAndShow(c.head, says);
      asked++;
    }
    return so_virtio_rng_poll(&r);
  }

  so_test::Machine machine;
  so_test::DevicePages pages;
  so_test::VirtioDevice device;
  so_virtio_registers registers;
  so_virtio_rng_config config;
  so_virtio_mmio mmio = {};
  so_virtio_rng r = {};
  bool started = false;
  const char *why = "";
  uint32_t gives = 16;
  uint32_t says = 16;
  uint8_t next = 1;
  int asked = 0;
};

TEST(VirtioRngTest, EachByteIsHandedOutOnceAndWiped) {
  Rig t;
  SO_ASSERT_OK(t.Start());
  t.machine.Spawn([&] {
    bool seen[256] = {};
    for (const size_t len : {1u, 10u, 40u, 49u}) {
      uint8_t out[64] = {};
      ASSERT_EQ(so_virtio_rng_read(&t.r, out, len, SO_NEVER), len);
      for (size_t i = 0; i < len; i++) {
        EXPECT_NE(out[i], 0);
        EXPECT_FALSE(seen[out[i]]);
        seen[out[i]] = true;
      }
    }
  });
  EXPECT_TRUE(t.machine.Run());
  EXPECT_EQ(t.asked, 7);
  for (size_t i = t.r.have; i < SO_VIRTIO_RNG_LEN; i++) {
    EXPECT_TRUE(t.r.page[i] == 0 || i >= 16);
  }
}

TEST(VirtioRngTest, ADeviceThatIsSlowGivesWhatItHasByTheDeadline) {
  Rig t;
  SO_ASSERT_OK(t.Start());
  t.machine.Spawn([&] {
    uint8_t out[64];
    t.gives = 0;
    EXPECT_EQ(so_virtio_rng_read(&t.r, out, 8, t.machine.now() + SO_NS_PER_S), 0u);
    t.gives = 16;
    EXPECT_EQ(so_virtio_rng_read(&t.r, out, 8, t.machine.now() + SO_NS_PER_S), 8u);
  });
  EXPECT_TRUE(t.machine.Run());
}

TEST(VirtioRngTest, ADeviceThatLiesIsNotUsedAgain) {
  for (const uint32_t says : {0u, 65u}) {
    Rig t;
    SO_ASSERT_OK(t.Start());
    t.says = says;
    t.machine.Spawn([&] {
      uint8_t out[8];
      EXPECT_EQ(so_virtio_rng_read(&t.r, out, 8, SO_NEVER), 0u);
      EXPECT_EQ(so_virtio_rng_read(&t.r, out, 8, SO_NEVER), 0u);
    });
    EXPECT_TRUE(t.machine.Run());
    EXPECT_TRUE(t.device.failed);
  }
}

TEST(VirtioRngTest, WithoutMemoryThereIsNone) {
  for (size_t most = 0; most < 3; most++) {
    Rig t;
    t.pages.page_max = most;
    SO_EXPECT_CODE(SO_LIMIT, t.Start());
  }
}

}  // namespace
