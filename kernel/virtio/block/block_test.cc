#include "kernel/virtio/block/block.h"

#include <string.h>

#include <algorithm>
#include <functional>

#include "tests/sim/random.h"
#include "tests/sim/virtio/device.h"
#include "tests/sim/xen/machine.h"
#include "tests/support/support.h"

namespace {

using so_test::Chain;

constexpr uint64_t kSizeMax = 2, kReadOnly = 32, kBlkSize = 64, kFlush = 512;
constexpr uint64_t kEventIdx = UINT64_C(1) << 29, kVersion1 = UINT64_C(1) << 32;
constexpr uint64_t kAll = kBlkSize | kFlush | kEventIdx | kVersion1;

std::string Config(uint64_t sectors, uint32_t size_max, uint32_t blk_size) {
  std::string c(64, 0);
  memcpy(&c[0], &sectors, 8);
  memcpy(&c[8], &size_max, 4);
  memcpy(&c[20], &blk_size, 4);
  return c;
}

std::vector<uint8_t> Bytes(size_t len, uint64_t seed) {
  std::vector<uint8_t> v(len);
  for (uint8_t &b : v) {
    b = static_cast<uint8_t>(so_sim_next(&seed));
  }
  return v;
}

// A disk in memory behind the queue, which answers when it is told to, in any order.
struct Rig {
  explicit Rig(uint64_t features = kAll, uint64_t sectors = 4096, uint32_t size_max = 0,
               uint32_t blk_size = 512, bool legacy = false)
      : device(2, features, Config(sectors, size_max, blk_size), 1),
        medium(std::min<uint64_t>(sectors, 1 << 16) * 512) {
    device.version = legacy ? 1 : 2;
    registers = device.registers();
    config.sched = machine.sched();
    config.clock = machine.clock();
    config.heap = so_test::Heap();
    config.pages = pages.port();
    config.request_len = 65536;
    config.answer_ns = 10 * SO_NS_PER_S;
    machine.turn = [this] { return Turn(); };
  }
  ~Rig() {
    if (started) {
      so_virtio_block_release(&b);
    }
    EXPECT_EQ(pages.out(), 0u);
    EXPECT_EQ(device.misuse, "");
  }
  so_status Start() {
    SO_EXPECT_OK(so_virtio_mmio_probe(&mmio, &registers));
    const so_status s = so_virtio_block_start(&b, &mmio, &config, &why);
    if (so_ok(s)) {
      so_virtio_block_open(&b, &disk);
      started = true;
    }
    return s;
  }
  // What a device does with one request; returns its status.
  uint8_t Do(Chain *c) {
    uint32_t type;
    uint64_t sector;
    const std::string head = c->Read();
    EXPECT_EQ(c->out[0].len, 16u);
    memcpy(&type, &head[0], 4);
    memcpy(&sector, &head[8], 8);
    const uint64_t at = sector * 512;
    if (type == 4) {
      EXPECT_EQ(sector, 0u);
      flushes++;
      return 0;
    }
    const size_t len = type == 0 ? c->InLen() - 1 : head.size() - 16;
    EXPECT_LE(at + len, medium.size());
    longest = std::max(longest, len);
    if (type == 0) {
      c->Write(0, std::string(reinterpret_cast<char *>(&medium[at]), len));
    } else {
      memcpy(&medium[at], head.data() + 16, len);
    }
    return 0;
  }
  void Answer(Chain *c, uint8_t status) {
    c->Write(c->InLen() - 1, std::string(1, static_cast<char>(status)));
    device.queues[0].GiveAndShow(c->head, static_cast<uint32_t>(c->InLen()));
  }
  bool Turn() {
    Chain c;
    bool any = false;
    while (device.queues[0].Take(&c)) {
      held.push_back(c);
      any = true;
    }
    held_max = std::max(held_max, held.size());
    if (silent) {
      return so_virtio_block_poll(&b) || any;
    }
    while (!held.empty() && so_sim_next(&rng) % 4 != 0) {
      const size_t i = so_sim_next(&rng) % held.size();
      const uint8_t status = fail(held[i]) ? fail_status : Do(&held[i]);
      Answer(&held[i], status);
      held.erase(held.begin() + static_cast<long>(i));
      any = true;
    }
    return so_virtio_block_poll(&b) || any || !held.empty();
  }
  void Run(std::function<void()> body) {
    machine.Spawn(std::move(body));
    EXPECT_TRUE(machine.Run());
  }

  so_test::Machine machine;
  so_test::DevicePages pages;
  so_test::VirtioDevice device;
  std::vector<uint8_t> medium;
  so_virtio_registers registers;
  so_virtio_block_config config = {};
  so_virtio_mmio mmio = {};
  so_virtio_block b = {};
  so_block disk = {};
  bool started = false;
  const char *why = "";
  uint64_t rng = 1;
  std::vector<Chain> held;
  size_t held_max = 0;
  size_t longest = 0;
  int flushes = 0;
  bool silent = false;
  uint8_t fail_status = 1;
  std::function<bool(const Chain &)> fail = [](const Chain &) { return false; };
};

uint32_t TypeOf(const Chain &c) {
  uint32_t type;
  memcpy(&type, c.out[0].ptr, 4);
  return type;
}

TEST(VirtioBlockTest, TheDiskIsDescribed) {
  Rig r(kAll | kReadOnly, 4097, 0, 4096);
  SO_ASSERT_OK(r.Start());
  EXPECT_EQ(r.disk.capacity, 512u * 4096);  // Whole units.
  EXPECT_EQ(r.disk.unit_len, 4096u);
  EXPECT_TRUE(r.disk.read_only);
  const std::pair<uint32_t, uint32_t> units[] = {{512, 512}, {1024, 4096}, {1, 512}, {4096, 4096}};
  for (const auto &u : units) {
    Rig one(kAll, 4096, 0, u.first);
    SO_ASSERT_OK(one.Start());
    EXPECT_EQ(one.disk.unit_len, u.second);
  }
  Rig plain(kVersion1, 10, 0, 12345);  // Without the feature the field means nothing.
  SO_ASSERT_OK(plain.Start());
  EXPECT_EQ(plain.disk.unit_len, 512u);
  EXPECT_EQ(plain.disk.capacity, 5120u);
  Rig huge(kAll, UINT64_MAX);
  SO_ASSERT_OK(huge.Start());
  EXPECT_EQ(huge.disk.capacity, UINT64_MAX / 512 * 512);
  Rig over(kAll, (UINT64_C(1) << 55) + 1);  // A number of bytes that does not fit.
  SO_ASSERT_OK(over.Start());
  EXPECT_EQ(over.disk.capacity, UINT64_MAX / 512 * 512);
}

TEST(VirtioBlockTest, ADiskThatMakesNoSenseIsRefused) {
  Rig empty(kAll, 0);
  SO_EXPECT_CODE(SO_LIMIT, empty.Start());
  Rig less(kAll, 7, 0, 4096);
  SO_EXPECT_CODE(SO_LIMIT, less.Start());
  for (const uint32_t size : {0u, 513u, 8192u}) {
    Rig odd(kAll, 4096, 0, size);
    SO_EXPECT_CODE(SO_UNSUPPORTED, odd.Start());
    EXPECT_TRUE(odd.device.failed);
  }
  Rig narrow(kAll | kSizeMax, 4096, 511);
  SO_EXPECT_CODE(SO_UNSUPPORTED, narrow.Start());
  Rig restless;
  restless.device.config_changes = 1 << 30;
  SO_EXPECT_CODE(SO_IO, restless.Start());
  Rig tiny;
  tiny.device.queues[0].size_max = 2;
  SO_EXPECT_CODE(SO_UNSUPPORTED, tiny.Start());
  for (size_t most = 0; most < 4; most++) {
    Rig poor;
    poor.pages.page_max = most;
    SO_EXPECT_CODE(SO_LIMIT, poor.Start());
  }
}

TEST(VirtioBlockTest, WhatIsWrittenIsReadAtAnyLength) {
  for (const bool legacy : {false, true}) {
    Rig r(kAll | kSizeMax, 4096, 10000, 512, legacy);
    SO_ASSERT_OK(r.Start());
    r.Run([&] {
      for (const size_t len : {512u, 9728u, 10240u, 200704u, 1048576u}) {
        SCOPED_TRACE(len);
        const std::vector<uint8_t> in = Bytes(len, len);
        std::vector<uint8_t> out(len);
        SO_EXPECT_OK(so_block_write(&r.disk, 1024, so_bytes_of(in.data(), len)));
        SO_EXPECT_OK(so_block_read(&r.disk, 1024, out.data(), len));
        EXPECT_EQ(in, out);
        SO_EXPECT_OK(so_block_flush(&r.disk));
      }
    });
    EXPECT_EQ(r.longest, 9728u);  // The device's limit, in whole sectors.
    EXPECT_EQ(r.flushes, 5);
    EXPECT_EQ(r.b.stats.writes, 5u);
    EXPECT_EQ(r.b.stats.flushes, 5u);
  }
}

// Sectors on the wire have 512 bytes, whatever the unit is.
TEST(VirtioBlockTest, LargeUnitsLieWhereTheyAreWritten) {
  Rig r(kAll, 4096, 0, 4096);
  SO_ASSERT_OK(r.Start());
  r.Run([&] {
    const std::vector<uint8_t> in = Bytes(8192, 1);
    SO_EXPECT_OK(so_block_write(&r.disk, 5 * 4096, so_bytes_of(in.data(), in.size())));
    EXPECT_EQ(0, memcmp(&r.medium[5 * 4096], in.data(), in.size()));
    SO_EXPECT_CODE(SO_LIMIT, so_block_write(&r.disk, 512, so_bytes_of(in.data(), 4096)));
  });
}

TEST(VirtioBlockTest, WhatIsOutOfRangeIsALimit) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  r.Run([&] {
    std::vector<uint8_t> m(4096);
    const uint64_t end = r.disk.capacity;
    SO_EXPECT_OK(so_block_read(&r.disk, end - 512, m.data(), 512));
    SO_EXPECT_OK(so_block_read(&r.disk, end, m.data(), 0));
    SO_EXPECT_CODE(SO_LIMIT, so_block_read(&r.disk, end, m.data(), 512));
    SO_EXPECT_CODE(SO_LIMIT, so_block_read(&r.disk, end - 512, m.data(), 1024));
    SO_EXPECT_CODE(SO_LIMIT, so_block_read(&r.disk, 1, m.data(), 512));
    SO_EXPECT_CODE(SO_LIMIT, so_block_read(&r.disk, 0, m.data(), 511));
    SO_EXPECT_CODE(SO_LIMIT, so_block_write(&r.disk, UINT64_MAX - 511, so_bytes_of(m.data(), 512)));
    SO_EXPECT_OK(so_block_write(&r.disk, 0, so_bytes_of(m.data(), 0)));
  });
  Rig fixed(kAll | kReadOnly);
  SO_ASSERT_OK(fixed.Start());
  fixed.Run([&] {
    uint8_t m[512] = {};
    SO_EXPECT_CODE(SO_IO, so_block_write(&fixed.disk, 0, so_bytes_of(m, 512)));
    SO_EXPECT_OK(so_block_read(&fixed.disk, 0, m, 512));
  });
}

TEST(VirtioBlockTest, ManyCallsAreInFlightAtOnce) {
  for (uint64_t seed = 1; seed <= 8; seed++) {
    SCOPED_TRACE(seed);
    Rig r(kAll, 1 << 15);
    r.rng = seed;
    r.device.queues[0].size_max = seed % 2 == 0 ? 256 : 16;
    SO_ASSERT_OK(r.Start());
    for (uint64_t f = 0; f < 100; f++) {
      r.machine.Spawn([&, f] {
        uint64_t rng = seed * 1000 + f;
        for (int i = 0; i < 10; i++) {
          const size_t len = 512 * (1 + so_sim_next(&rng) % 300);
          const std::vector<uint8_t> in = Bytes(len, rng);
          std::vector<uint8_t> out(len);
          const uint64_t at = f * 300 * 512;
          SO_ASSERT_OK(so_block_write(&r.disk, at, so_bytes_of(in.data(), len)));
          if (i % 3 == 0) SO_ASSERT_OK(so_block_flush(&r.disk));
          SO_ASSERT_OK(so_block_read(&r.disk, at, out.data(), len));
          ASSERT_EQ(in, out);
        }
      });
    }
    EXPECT_TRUE(r.machine.Run());
    EXPECT_GT(r.held_max, 4u);
    if (seed % 2 == 0) EXPECT_EQ(r.b.stats.in_flight_max, 64u);
    EXPECT_EQ(r.b.in_flight, 0u);
  }
}

TEST(VirtioBlockTest, AnErrorOfTheDeviceFailsItsCallAlone) {
  for (const uint8_t status : {1, 2}) {
    Rig r;
    SO_ASSERT_OK(r.Start());
    r.fail_status = status;
    r.fail = [](const Chain &c) { return TypeOf(c) == 1; };
    r.Run([&] {
      std::vector<uint8_t> m(300 * 512);
      SO_EXPECT_CODE(SO_IO, so_block_write(&r.disk, 0, so_bytes_of(m.data(), m.size())));
      SO_EXPECT_OK(so_block_read(&r.disk, 0, m.data(), m.size()));
      SO_EXPECT_OK(so_block_flush(&r.disk));
      r.fail = [](const Chain &) { return false; };
      SO_EXPECT_OK(so_block_write(&r.disk, 0, so_bytes_of(m.data(), m.size())));
    });
    EXPECT_EQ(r.b.why, nullptr);
    EXPECT_NE(r.b.stats.errors, 0u);
  }
}

TEST(VirtioBlockTest, AFlushThatFailedIsTheEndOfWriting) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  r.fail = [](const Chain &c) { return TypeOf(c) == 4; };
  r.Run([&] {
    std::vector<uint8_t> m(512);
    SO_EXPECT_OK(so_block_write(&r.disk, 0, so_bytes_of(m.data(), 512)));
    SO_EXPECT_CODE(SO_IO, so_block_flush(&r.disk));
    r.fail = [](const Chain &) { return false; };
    SO_EXPECT_CODE(SO_IO, so_block_flush(&r.disk));
    SO_EXPECT_CODE(SO_IO, so_block_write(&r.disk, 0, so_bytes_of(m.data(), 512)));
    SO_EXPECT_OK(so_block_read(&r.disk, 0, m.data(), 512));
  });
  EXPECT_EQ(r.b.stats.flush_failed, 1u);
}

TEST(VirtioBlockTest, AWriteThatCrossesAFailingFlushFailsToo) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  std::vector<uint8_t> m(512);
  r.silent = true;
  r.machine.Spawn([&] { SO_EXPECT_CODE(SO_IO, so_block_flush(&r.disk)); });
  r.machine.Spawn([&] { SO_EXPECT_CODE(SO_IO, so_block_write(&r.disk, 0, so_bytes_of(m.data(), 512))); });
  r.machine.turn = [&] {
    const bool any = r.Turn();
    if (r.held.size() == 2) {
      for (Chain &c : r.held) r.Answer(&c, TypeOf(c) == 4 ? 1 : 0);
      r.held.clear();
    }
    return any;
  };
  EXPECT_TRUE(r.machine.Run());
}

TEST(VirtioBlockTest, ADiskWithoutFlushHasWrittenWhatItAnswered) {
  Rig r(kAll & ~kFlush);
  SO_ASSERT_OK(r.Start());
  r.Run([&] {
    std::vector<uint8_t> m(512, 7);
    SO_EXPECT_OK(so_block_write(&r.disk, 0, so_bytes_of(m.data(), 512)));
    SO_EXPECT_OK(so_block_flush(&r.disk));
  });
  EXPECT_EQ(r.flushes, 0);
  EXPECT_EQ(r.medium[0], 7);
}

// --- a device that misbehaves -------------------------------------------------------------------

// Many calls, more than there is room for, all of which must fail.
void ExpectAllFail(Rig *r, const std::function<void()> &misbehave, const char *why) {
  int failed = 0;
  int turns = 0;
  r->silent = true;
  std::vector<std::vector<uint8_t>> memory(100, std::vector<uint8_t>(512));
  for (int f = 0; f < 100; f++) {
    r->machine.Spawn([&, f] {
      uint8_t *const m = memory[static_cast<size_t>(f)].data();
      const so_status s = f == 0       ? so_block_flush(&r->disk)
                          : f % 2 == 0 ? so_block_read(&r->disk, 0, m, 512)
                                       : so_block_write(&r->disk, 0, so_bytes_of(m, 512));
      failed += so_is(s, SO_IO);
    });
  }
  r->machine.turn = [&] {
    if (++turns == 5) misbehave();
    return r->Turn();
  };
  EXPECT_TRUE(r->machine.Run());
  EXPECT_EQ(failed, 100);
  EXPECT_STREQ(r->b.why, why);
  EXPECT_TRUE(r->device.failed);
  EXPECT_FALSE(r->device.running());
  EXPECT_EQ(r->b.in_flight, 0u);
  EXPECT_FALSE(so_virtio_block_arm(&r->b));
  r->Run([&] {
    SO_EXPECT_CODE(SO_IO, so_block_read(&r->disk, 0, memory[0].data(), 512));
    SO_EXPECT_CODE(SO_IO, so_block_flush(&r->disk));
  });
}

TEST(VirtioBlockTest, NonsenseInTheRingFailsAllCalls) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  ExpectAllFail(&r, [&] { r.device.queues[0].set_index(1000); },
                "the device's index is out of range");
}

TEST(VirtioBlockTest, AnAnswerWithoutAStatusFailsAllCalls) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  ExpectAllFail(&r, [&] { r.device.queues[0].GiveAndShow(r.held[3].head, 0); },
                "the disk answered with a status that does not exist");
}

TEST(VirtioBlockTest, ADiskWithoutFlushThatBrokeFailsFlushes) {
  Rig r(kAll & ~kFlush);
  SO_ASSERT_OK(r.Start());
  r.device.status |= 64;  // DEVICE_NEEDS_RESET.
  so_virtio_block_changed(&r.b);
  r.Run([&] { SO_EXPECT_CODE(SO_IO, so_block_flush(&r.disk)); });
}

TEST(VirtioBlockTest, AStatusThatDoesNotExistFailsAllCalls) {
  for (const uint8_t status : {3, 0xff}) {
    Rig r;
    SO_ASSERT_OK(r.Start());
    ExpectAllFail(&r, [&] { r.Answer(&r.held[3], status); },
                  "the disk answered with a status that does not exist");
  }
}

TEST(VirtioBlockTest, ADiskThatSaysThatItFailedFailsAllCalls) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  ExpectAllFail(&r, [&] {
    so_virtio_block_changed(&r.b);
    r.device.status |= 64;
    so_virtio_block_changed(&r.b);
  }, "the disk says that it failed");
}

TEST(VirtioBlockTest, ADiskThatDoesNotAnswerInTimeFailsAllCalls) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  ExpectAllFail(&r, [] {}, "the disk did not answer in time");
  EXPECT_GE(r.machine.now(), r.config.answer_ns);
}

TEST(VirtioBlockTest, AnInterruptComesWithTheNextAnswer) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  EXPECT_FALSE(so_virtio_block_arm(&r.b));
  uint8_t m[512];
  bool asked = false;
  r.machine.turn = [&] {
    if (!asked && r.b.in_flight != 0) {
      asked = true;
      EXPECT_FALSE(so_virtio_block_arm(&r.b));
      Chain c;
      EXPECT_TRUE(r.device.queues[0].Take(&c));
      r.Answer(&c, r.Do(&c));
      EXPECT_EQ(r.device.interrupt_count, 1u);
      EXPECT_TRUE(so_virtio_block_arm(&r.b));
      return so_virtio_block_poll(&r.b);
    }
    return r.Turn();
  };
  r.Run([&] { SO_EXPECT_OK(so_block_read(&r.disk, 0, m, 512)); });
  EXPECT_TRUE(asked);
}

}  // namespace
