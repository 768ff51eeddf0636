#include "kernel/virtio/mmio/mmio.h"

#include <vector>

#include "tests/sim/virtio/device.h"
#include "tests/support/support.h"

namespace {

using so_test::DevicePages;
using so_test::VirtioDevice;

constexpr uint64_t kVersion1 = UINT64_C(1) << 32;
constexpr uint64_t kEventIdx = UINT64_C(1) << 29;

struct Rig {
  explicit Rig(bool legacy = false, uint64_t features = kVersion1 | kEventIdx | 0xff)
      : device(2, features, std::string("\1\2\3\4\5\6\7\10\11\12\13\14", 12), 2) {
    device.version = legacy ? 1 : 2;
    r = device.registers();
  }
  so_status Begin(uint64_t wanted) {
    SO_EXPECT_OK(so_virtio_mmio_probe(&m, &r));
    return so_virtio_mmio_begin(&m, wanted, &why);
  }
  so_status Queue(uint16_t index, uint16_t size_max, so_virtq *q) {
    const so_pages_port port = pages.port();
    return so_virtio_mmio_queue(&m, index, size_max, so_test::Heap(), &port, q, &why);
  }
  VirtioDevice device;
  DevicePages pages;
  so_virtio_registers r;
  so_virtio_mmio m = {};
  const char *why = "";
};

TEST(MmioTest, ADeviceIsFound) {
  Rig r;
  SO_EXPECT_OK(so_virtio_mmio_probe(&r.m, &r.r));
  EXPECT_EQ(r.m.device_id, 2u);
  EXPECT_FALSE(r.m.legacy);
  Rig old(true);
  SO_EXPECT_OK(so_virtio_mmio_probe(&old.m, &old.r));
  EXPECT_TRUE(old.m.legacy);
}

TEST(MmioTest, WhatIsNoDeviceIsNotFound) {
  Rig magic;
  magic.device.magic = 0xffffffff;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_virtio_mmio_probe(&magic.m, &magic.r));
  Rig empty;
  empty.device.id = 0;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_virtio_mmio_probe(&empty.m, &empty.r));
  for (const uint32_t version : {0u, 3u, 0xffffffffu}) {
    Rig r;
    r.device.version = version;
    SO_EXPECT_CODE(SO_UNSUPPORTED, so_virtio_mmio_probe(&r.m, &r.r));
  }
}

TEST(MmioTest, OnlyWhatIsOfferedAndWantedIsAccepted) {
  Rig r(false, kVersion1 | 0x0f | (UINT64_C(1) << 34));
  SO_EXPECT_OK(r.Begin(0x3c));
  EXPECT_EQ(r.m.features, kVersion1 | 0x0c);
  EXPECT_EQ(r.device.accepted, kVersion1 | 0x0c);
  EXPECT_EQ(r.device.status, 1u | 2u | 8u);
  EXPECT_EQ(r.device.misuse, "");
}

TEST(MmioTest, ALegacyDeviceIsAskedForNothingThatCameLater) {
  Rig r(true, ~UINT64_C(0));
  SO_EXPECT_OK(r.Begin(1));
  EXPECT_EQ(r.device.accepted, UINT64_C(1) | UINT64_C(1) << 27 | kEventIdx);
  EXPECT_EQ(r.device.status, 3u);
  EXPECT_EQ(r.device.misuse, "");
}

TEST(MmioTest, ADeviceThatRefusesIsToldThatWeGaveUp) {
  Rig refuses;
  refuses.device.refuse_features = true;
  SO_EXPECT_CODE(SO_UNSUPPORTED, refuses.Begin(1));
  EXPECT_TRUE(refuses.device.failed);
  Rig no_version(false, 1);
  SO_EXPECT_CODE(SO_UNSUPPORTED, no_version.Begin(1));
  EXPECT_TRUE(no_version.device.failed);
  EXPECT_STREQ(no_version.why, "the device is not legacy, and does not offer version 1");
  Rig stuck;
  stuck.device.stuck = true;
  stuck.device.status = 4;
  SO_EXPECT_CODE(SO_IO, stuck.Begin(1));
}

TEST(MmioTest, QueuesAreShownInBothVersions) {
  for (const bool legacy : {false, true}) {
    SCOPED_TRACE(legacy);
    Rig r(legacy);
    so_virtq a = {}, b = {};
    SO_ASSERT_OK(r.Begin(0));
    r.device.queues[1].size_max = 100;
    SO_EXPECT_OK(r.Queue(0, 128, &a));
    SO_EXPECT_OK(r.Queue(1, 256, &b));
    EXPECT_EQ(r.device.queues[0].size, 128);
    EXPECT_EQ(r.device.queues[1].size, 64);  // Not more than either side takes, and a power of two.
    for (const auto &pair : {std::make_pair(&a, 0), std::make_pair(&b, 1)}) {
      const so_test::DeviceQueue &far = r.device.queues[static_cast<size_t>(pair.second)];
      EXPECT_TRUE(far.ready);
      EXPECT_TRUE(far.event_idx);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(far.descriptors), so_virtq_descriptors_at(pair.first));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(far.driver), so_virtq_driver_at(pair.first));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(far.device), so_virtq_device_at(pair.first));
    }
    so_virtio_mmio_start(&r.m);
    EXPECT_TRUE(r.device.running());
    const so_virtq_part part = {&r, 1};
    ASSERT_TRUE(so_virtq_add(&b, &part, 1, 0, 9));
    uint16_t rung = 99;
    r.device.on_notify = [&](uint16_t q) { rung = q; };
    so_virtq_push(&b);
    EXPECT_EQ(rung, 1);
    so_test::Chain c;
    EXPECT_TRUE(r.device.queues[1].Take(&c));
    so_virtio_mmio_fail(&r.m);
    EXPECT_TRUE(r.device.failed);
    EXPECT_FALSE(r.device.queues[0].ready);
    so_virtq_release(&a);
    so_virtq_release(&b);
    EXPECT_EQ(r.pages.out(), 0u);
    EXPECT_EQ(r.device.misuse, "");
  }
}

TEST(MmioTest, QueuesThatCannotBeAreRefused) {
  Rig r;
  so_virtq q = {};
  SO_ASSERT_OK(r.Begin(0));
  SO_EXPECT_CODE(SO_UNSUPPORTED, r.Queue(2, 64, &q));
  EXPECT_STREQ(r.why, "the device lacks a queue");
  r.pages.page_max = 0;
  SO_EXPECT_CODE(SO_LIMIT, r.Queue(0, 64, &q));
  r.device.queue_stays_in_use = true;
  SO_EXPECT_CODE(SO_CONFLICT, r.Queue(0, 64, &q));
}

TEST(MmioTest, AConfigurationThatChangesIsReadAgain) {
  Rig r;
  SO_ASSERT_OK(r.Begin(0));
  r.device.config_changes = 3;
  r.device.on_config_change = [&] { r.device.config[0]++; };
  const so_virtio_field fields[] = {{0, 8}, {8, 1}, {10, 2}};
  uint64_t v[3];
  ASSERT_TRUE(so_virtio_mmio_config(&r.m, fields, 3, v));
  EXPECT_EQ(v[0], UINT64_C(0x0807060504030204));  // The last change, whole.
  EXPECT_EQ(v[1], 9u);
  EXPECT_EQ(v[2], 0x0c0bu);
  r.device.config_changes = 1 << 30;
  EXPECT_FALSE(so_virtio_mmio_config(&r.m, fields, 3, v));
  EXPECT_EQ(r.device.misuse, "");
}

TEST(MmioTest, InterruptsAreTakenOnce) {
  Rig r;
  SO_ASSERT_OK(r.Begin(0));
  EXPECT_EQ(so_virtio_mmio_interrupts(&r.m), 0u);
  r.device.Interrupt(3);
  EXPECT_EQ(so_virtio_mmio_interrupts(&r.m), 3u);
  EXPECT_EQ(so_virtio_mmio_interrupts(&r.m), 0u);
  EXPECT_FALSE(so_virtio_mmio_needs_reset(&r.m));
  r.device.status |= 64;
  EXPECT_TRUE(so_virtio_mmio_needs_reset(&r.m));
}

}  // namespace
