#include "kernel/virtio/net/net.h"

#include <deque>

#include "tests/sim/random.h"
#include "tests/sim/virtio/device.h"
#include "tests/sim/xen/machine.h"
#include "tests/support/support.h"

namespace {

using so_test::Chain;

constexpr uint64_t kCsum = 1, kGuestCsum = 2, kMtu = 8, kMac = 32, kGuestTso4 = 128;
constexpr uint64_t kGuestTso6 = 256, kHostTso4 = 2048, kHostTso6 = 4096, kMergeable = 32768;
constexpr uint64_t kStatus = 65536, kEventIdx = UINT64_C(1) << 29, kVersion1 = UINT64_C(1) << 32;
constexpr uint64_t kAll = kCsum | kGuestCsum | kMac | kGuestTso4 | kGuestTso6 | kHostTso4 |
                          kHostTso6 | kMergeable | kStatus | kEventIdx | kVersion1;

std::string Config(uint16_t status, uint16_t mtu) {
  std::string c("\x52\x54\x00\x12\x34\x56", 6);
  c.append(reinterpret_cast<char *>(&status), 2);
  c.append("\1\0", 2);
  c.append(reinterpret_cast<char *>(&mtu), 2);
  return c;
}

std::string Header(uint8_t flags, uint8_t gso, uint16_t header_len, uint16_t gso_size,
                   uint16_t start, uint16_t offset, uint16_t count, size_t len = 12) {
  const uint16_t words[] = {header_len, gso_size, start, offset, count};
  std::string h{static_cast<char>(flags), static_cast<char>(gso)};
  h.append(reinterpret_cast<const char *>(words), sizeof words);
  return h.substr(0, len);
}

std::string Bytes(size_t len, uint64_t seed) {
  std::string s(len, 0);
  for (char &c : s) {
    c = static_cast<char>(so_sim_next(&seed));
  }
  return s;
}

struct Rig {
  explicit Rig(uint64_t features = kAll, bool legacy = false, uint16_t mtu = 1500)
      : device(1, features, Config(1, mtu), 2) {
    device.version = legacy ? 1 : 2;
    registers = device.registers();
    config.sched = machine.sched();
    config.heap = so_test::Heap();
    config.pages = pages.port();
    config.rx_pages = 64;
    memcpy(config.own_mac, "\2\1\2\3\4\5", 6);
  }
  ~Rig() {
    if (open) {
      so_netdev_close(&net);
    }
    EXPECT_EQ(pages.out(), 0u);
    EXPECT_EQ(device.misuse, "");
  }
  so_status Start() {
    SO_EXPECT_OK(so_virtio_mmio_probe(&mmio, &registers));
    const so_status s = so_virtio_net_start(&n, &mmio, &config, &why);
    if (so_ok(s)) {
      so_virtio_net_open(&n, &net);
      open = true;
    }
    return s;
  }
  so_test::DeviceQueue &rx() { return device.queues[0]; }
  so_test::DeviceQueue &tx() { return device.queues[1]; }

  so_status Send(std::vector<std::string> parts, so_offload o = {}) {
    so_frame f = {};
    memory.push_back(std::move(parts));  // Until it is released; here, for good.
    for (const std::string &p : memory.back()) {
      f.parts[f.part_count++] = so_test::View(p);
    }
    f.offload = o;
    f.release = [](void *owner) { ++*static_cast<int *>(owner); };
    f.owner = &released;
    return so_netdev_send(&net, &f);
  }
  // What the device received next: header and frame. Keeps it until GiveTx.
  bool TakeTx(std::string *out) {
    Chain c;
    if (!tx().Take(&c)) {
      return false;
    }
    *out = c.Read();
    held.push_back(c.head);
    return true;
  }
  void GiveTx() {
    for (const uint16_t head : held) {
      tx().GiveAndShow(head, 0);
    }
    held.clear();
  }
  // The device writes header and frame, over as many pages as it takes.
  bool PutRx(std::string bytes) {
    std::vector<std::pair<uint16_t, uint32_t>> used;
    while (!bytes.empty()) {
      Chain c;
      if (!rx().Take(&c)) {
        return false;
      }
      const size_t some = c.Write(0, bytes);
      used.push_back({c.head, static_cast<uint32_t>(some)});
      bytes.erase(0, some);
    }
    for (const auto &u : used) {
      rx().Give(u.first, u.second);
    }
    device.Interrupt(rx().Show() ? 1 : 0);
    return true;
  }
  so_status Receive(std::string *out, so_offload *o = nullptr, size_t room = 70000) {
    std::vector<uint8_t> memory(room);
    so_netdev_room rooms[2] = {{memory.data(), room / 3}, {memory.data() + room / 3, room - room / 3}};
    so_offload unused;
    size_t len = 0;
    const so_status s = so_netdev_receive(&net, rooms, 2, &len, o == nullptr ? &unused : o);
    out->assign(reinterpret_cast<char *>(memory.data()), len);
    return s;
  }

  so_test::Machine machine;
  so_test::DevicePages pages;
  so_test::VirtioDevice device;
  so_virtio_registers registers;
  so_virtio_net_config config = {};
  so_virtio_mmio mmio = {};
  so_virtio_net n = {};
  so_netdev net = {};
  bool open = false;
  const char *why = "";
  int released = 0;
  std::vector<uint16_t> held;
  std::deque<std::vector<std::string>> memory;
};

TEST(VirtioNetTest, TheDeviceIsDescribed) {
  Rig r(kAll | kMtu, false, 9000);
  SO_ASSERT_OK(r.Start());
  EXPECT_EQ(memcmp(r.net.mac, "\x52\x54\x00\x12\x34\x56", 6), 0);
  EXPECT_EQ(r.net.mtu, 9000);
  EXPECT_TRUE(r.net.tx_csum && r.net.tx_tso4 && r.net.tx_tso6 && r.net.rx_gso);
  EXPECT_TRUE(r.device.running());
  Rig bare(kVersion1);
  SO_ASSERT_OK(bare.Start());
  EXPECT_EQ(memcmp(bare.net.mac, bare.config.own_mac, 6), 0);
  EXPECT_EQ(bare.net.mtu, 1500);
  EXPECT_FALSE(bare.net.tx_csum || bare.net.tx_tso4 || bare.net.tx_tso6 || bare.net.rx_gso);
}

TEST(VirtioNetTest, LargeFramesAreNotAgreedOnWithoutMergeablePages) {
  Rig r((kAll | kMtu) & ~kMergeable, false, 9000);
  SO_ASSERT_OK(r.Start());
  EXPECT_EQ(r.device.accepted & (kGuestTso4 | kGuestTso6), 0u);
  EXPECT_FALSE(r.net.rx_gso);
  EXPECT_LE(r.net.mtu + 18 + 12, 4096);
}

TEST(VirtioNetTest, ADeviceThatMakesNoSenseIsRefused) {
  Rig no_csum(kVersion1 | kHostTso4);
  SO_EXPECT_CODE(SO_UNSUPPORTED, no_csum.Start());
  Rig tiny(kAll | kMtu, false, 67);
  SO_EXPECT_CODE(SO_UNSUPPORTED, tiny.Start());
  Rig restless;
  restless.device.config_changes = 1 << 30;
  SO_EXPECT_CODE(SO_IO, restless.Start());
  Rig one_queue;
  one_queue.device.queues.resize(1);
  SO_EXPECT_CODE(SO_UNSUPPORTED, one_queue.Start());
  Rig short_queue;
  short_queue.device.queues[1].size_max = 16;
  SO_EXPECT_CODE(SO_UNSUPPORTED, short_queue.Start());
  EXPECT_TRUE(short_queue.device.failed);
}

TEST(VirtioNetTest, EveryRefusalOfMemoryIsALimitAndKeepsNothing) {
  for (size_t most = 0; most < 31; most++) {  // 24 to receive into, 1 of headers, 2 * 3 of queues.
    SCOPED_TRACE(most);
    Rig r;
    r.config.rx_pages = 24;
    r.pages.page_max = most;
    SO_EXPECT_CODE(SO_LIMIT, r.Start());
    EXPECT_EQ(r.pages.out(), 0u);
  }
  Rig fewer;
  fewer.pages.page_max = 50;
  SO_EXPECT_OK(fewer.Start());  // 32 instead of 64.
}

TEST(VirtioNetTest, FramesGoOutFromWhereTheyLie) {
  for (const bool legacy : {false, true}) {
    SCOPED_TRACE(legacy);
    Rig r(legacy ? kAll & ~kMergeable : kAll, legacy);
    SO_ASSERT_OK(r.Start());
    const size_t header = legacy ? 10 : 12;
    const std::string a = Bytes(54, 1), b = Bytes(1000, 2);
    SO_ASSERT_OK(r.Send({a, "", b}));
    std::string got;
    EXPECT_FALSE(r.TakeTx(&got));
    so_netdev_flush(&r.net);
    ASSERT_TRUE(r.TakeTx(&got));
    EXPECT_EQ(got, Header(0, 0, 0, 0, 0, 0, 0, header) + a + b);
    EXPECT_EQ(r.released, 0);
    r.GiveTx();
    EXPECT_TRUE(so_virtio_net_poll(&r.n));
    EXPECT_EQ(r.released, 1);
    EXPECT_FALSE(so_virtio_net_poll(&r.n));
  }
}

TEST(VirtioNetTest, OffloadsAreInTheHeader) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  so_offload o = {};
  o.needs_csum = true;
  o.csum_start = 34;
  o.csum_offset = 16;
  SO_ASSERT_OK(r.Send({Bytes(100, 1)}, o));
  o.gso = SO_GSO_TCP6;
  o.gso_size = 1400;
  o.header_len = 74;
  SO_ASSERT_OK(r.Send({Bytes(60000, 1)}, o));
  so_netdev_flush(&r.net);
  std::string got;
  ASSERT_TRUE(r.TakeTx(&got));
  EXPECT_EQ(got.substr(0, 12), Header(1, 0, 0, 0, 34, 16, 0));
  ASSERT_TRUE(r.TakeTx(&got));
  EXPECT_EQ(got.substr(0, 12), Header(1, 4, 74, 1400, 34, 16, 0));
  r.GiveTx();
}

TEST(VirtioNetTest, FramesThatTheDeviceDoesNotTakeAreRefused) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  so_offload o = {};
  SO_EXPECT_CODE(SO_LIMIT, r.Send({Bytes(13, 1)}));
  SO_EXPECT_OK(r.Send({Bytes(14, 1)}));
  SO_EXPECT_OK(r.Send({Bytes(1518, 1)}));
  SO_EXPECT_CODE(SO_LIMIT, r.Send({Bytes(1519, 1)}));
  o.needs_csum = true;
  o.csum_start = 50;
  o.csum_offset = 6;
  SO_EXPECT_CODE(SO_LIMIT, r.Send({Bytes(57, 1)}, o));
  SO_EXPECT_OK(r.Send({Bytes(58, 1)}, o));
  o.gso = SO_GSO_TCP4;
  SO_EXPECT_CODE(SO_LIMIT, r.Send({Bytes(5000, 1)}, o));  // No size.
  o.gso_size = 1;
  SO_EXPECT_OK(r.Send({Bytes(65553, 1)}, o));
  SO_EXPECT_CODE(SO_LIMIT, r.Send({Bytes(65554, 1)}, o));
  EXPECT_EQ(r.released, 0);
  Rig bare(kVersion1 | kMergeable);
  SO_ASSERT_OK(bare.Start());
  SO_EXPECT_CODE(SO_LIMIT, bare.Send({Bytes(500, 1)}, o));
  o.gso = SO_GSO_NONE;
  SO_EXPECT_CODE(SO_LIMIT, bare.Send({Bytes(500, 1)}, o));
}

TEST(VirtioNetTest, AFullQueueSaysAgainAndSignalsWhenThereIsRoom) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  bool signalled = false;
  r.machine.Spawn([&] {
    int sent = 0;
    while (so_ok(r.Send({Bytes(60, 1)}))) {
      sent++;
    }
    EXPECT_EQ(sent, 128);
    SO_EXPECT_CODE(SO_AGAIN, r.Send({Bytes(60, 1)}));
    so_netdev_flush(&r.net);
    SO_EXPECT_OK(so_event_wait(r.machine.sched(), r.net.ready, SO_NEVER));
    signalled = true;
    SO_EXPECT_OK(r.Send({Bytes(60, 1)}));
  });
  int turns = 0;
  r.machine.turn = [&] {
    if (++turns == 3) {
      EXPECT_FALSE(so_virtio_net_arm(&r.n));
      const uint64_t before = r.device.interrupt_count;
      std::string got;
      EXPECT_TRUE(r.TakeTx(&got));
      r.GiveTx();
      EXPECT_EQ(r.device.interrupt_count, before + 1);
      EXPECT_TRUE(so_virtio_net_arm(&r.n));
    }
    return so_virtio_net_poll(&r.n);
  };
  EXPECT_TRUE(r.machine.Run(1000));
  EXPECT_TRUE(signalled);
  EXPECT_EQ(r.released, 1);
  EXPECT_EQ(r.n.stats.sent_refused, 2u);
  so_netdev_close(&r.net);
  r.open = false;
  EXPECT_EQ(r.released, 129);  // What was in flight is released by close.
}

TEST(VirtioNetTest, ManyPartsFillTheDescriptorsBeforeTheSlots) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  const std::vector<std::string> parts(18, Bytes(50, 3));
  int sent = 0;
  while (so_ok(r.Send(parts))) {
    sent++;
  }
  EXPECT_EQ(sent, 256 / 19);
}

TEST(VirtioNetTest, FramesComeInOverOnePageOrMany) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  std::string got;
  so_offload o;
  for (int round = 0; round < 200; round++) {
    const std::string small = Bytes(60 + static_cast<size_t>(round), 1), large = Bytes(65549, 2);
    SO_EXPECT_CODE(SO_AGAIN, r.Receive(&got));
    ASSERT_TRUE(r.PutRx(Header(2, 0, 0, 0, 0, 0, 1) + small));
    ASSERT_TRUE(r.PutRx(Header(1, 1, 66, 1448, 34, 16, 17) + large));
    EXPECT_TRUE(so_virtio_net_poll(&r.n));
    EXPECT_FALSE(so_virtio_net_poll(&r.n));  // Said already.
    SO_ASSERT_OK(r.Receive(&got, &o));
    EXPECT_EQ(got, small);
    EXPECT_TRUE(o.csum_valid);
    EXPECT_FALSE(o.needs_csum);
    SO_ASSERT_OK(r.Receive(&got, &o));
    EXPECT_EQ(got, large);
    EXPECT_TRUE(o.needs_csum);
    EXPECT_EQ(o.csum_start, 34);
    EXPECT_EQ(o.csum_offset, 16);
    EXPECT_EQ(o.gso, SO_GSO_TCP4);
    EXPECT_EQ(o.gso_size, 1448);
    EXPECT_EQ(o.header_len, 66);
  }
  EXPECT_EQ(r.n.stats.received, 400u);
}

TEST(VirtioNetTest, AFrameWhosePagesComeOneByOneWaits) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  std::string got;
  const std::string frame = Bytes(6000, 5);
  Chain a, b;
  ASSERT_TRUE(r.rx().Take(&a));
  ASSERT_TRUE(r.rx().Take(&b));
  a.Write(0, Header(0, 0, 0, 0, 0, 0, 2) + frame.substr(0, 4084));
  b.Write(0, frame.substr(4084));
  r.rx().GiveAndShow(a.head, 4096);
  SO_EXPECT_CODE(SO_AGAIN, r.Receive(&got));
  r.rx().GiveAndShow(b.head, 6000 - 4084);
  SO_EXPECT_OK(r.Receive(&got));
  EXPECT_EQ(got, frame);
}

TEST(VirtioNetTest, AFrameThatDoesNotFitIsDroppedAndTheNextOneComes) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  std::string got;
  ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, 1) + Bytes(301, 1)));
  ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, 1) + Bytes(300, 2)));
  SO_EXPECT_CODE(SO_LIMIT, r.Receive(&got, nullptr, 300));
  SO_EXPECT_OK(r.Receive(&got, nullptr, 300));
  EXPECT_EQ(got, Bytes(300, 2));
  ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, 17) + Bytes(65554, 1)));
  SO_EXPECT_CODE(SO_LIMIT, r.Receive(&got, nullptr, 80000));
  EXPECT_EQ(r.n.stats.received_too_long, 2u);
}

TEST(VirtioNetTest, HeadersThatLieAreDropped) {
  const std::string bad[] = {
      Header(1, 0, 0, 0, 90, 9, 1),      // The checksum lies beyond the end.
      Header(1, 0, 0, 0, 65535, 65535, 1),
      Header(1, 1, 54, 0, 34, 16, 1),    // Segments of no size.
      Header(1, 3, 54, 100, 34, 16, 1),  // UDP: not agreed on.
      Header(1, 5, 54, 100, 34, 16, 1),
  };
  for (const std::string &h : bad) {
    Rig r;
    SO_ASSERT_OK(r.Start());
    std::string got;
    ASSERT_TRUE(r.PutRx(h + Bytes(100, 1)));
    SO_EXPECT_CODE(SO_AGAIN, r.Receive(&got));
    EXPECT_EQ(r.n.stats.received_malformed, 1u);
    ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, 1) + Bytes(13, 1)));
    SO_EXPECT_CODE(SO_AGAIN, r.Receive(&got));
    EXPECT_EQ(r.n.stats.received_malformed, 2u);
    ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, 1) + Bytes(14, 1)));
    SO_EXPECT_OK(r.Receive(&got));
  }
  Rig bare(kVersion1 | kMergeable);  // Checksums were not agreed on.
  SO_ASSERT_OK(bare.Start());
  std::string got;
  ASSERT_TRUE(bare.PutRx(Header(1, 0, 0, 0, 34, 16, 1) + Bytes(100, 1)));
  SO_EXPECT_CODE(SO_AGAIN, bare.Receive(&got));
  EXPECT_EQ(bare.n.stats.received_malformed, 1u);
}

TEST(VirtioNetTest, EachFrameEndsASleepThatWasArmedFor) {
  for (const uint64_t features : {kAll, kAll & ~kEventIdx}) {
    Rig r(features);
    SO_ASSERT_OK(r.Start());
    std::string got;
    for (uint64_t i = 0; i < 100; i++) {
      while (so_virtio_net_poll(&r.n)) {
      }
      ASSERT_FALSE(so_virtio_net_arm(&r.n));
      ASSERT_EQ(r.device.interrupt_count, i);
      ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, 1) + Bytes(60, i)));
      ASSERT_EQ(r.device.interrupt_count, i + 1);
      ASSERT_TRUE(so_virtio_net_poll(&r.n));
      SO_ASSERT_OK(r.Receive(&got));
      SO_EXPECT_CODE(SO_AGAIN, r.Receive(&got));
    }
  }
}

TEST(VirtioNetTest, AFloodOfWorthlessFramesLetsOthersHaveTheirTurn) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  std::string got;
  // Pages that come back at once are filled at once.
  r.device.on_notify = [&](uint16_t q) {
    while (q == 0 && r.PutRx(Header(0, 3, 0, 0, 0, 0, 1) + Bytes(20, 1))) {
    }
  };
  r.rx().Listen(true);
  ASSERT_TRUE(r.PutRx(Header(0, 3, 0, 0, 0, 0, 1) + Bytes(20, 1)));
  r.device.on_notify(0);
  SO_EXPECT_CODE(SO_AGAIN, r.Receive(&got));
  EXPECT_LE(r.n.stats.received_malformed, 256u);
  EXPECT_TRUE(so_virtio_net_arm(&r.n) || so_virtio_net_poll(&r.n));
}

// --- a device that misbehaves -------------------------------------------------------------------

void ExpectBroken(Rig *r, const char *why) {
  std::string got;
  SO_EXPECT_CODE(SO_IO, r->Receive(&got));
  SO_EXPECT_CODE(SO_IO, r->Send({Bytes(60, 1)}));
  EXPECT_STREQ(r->n.why, why);
  EXPECT_TRUE(r->device.failed);
  EXPECT_FALSE(r->device.running());
  EXPECT_FALSE(so_virtio_net_poll(&r->n));
  EXPECT_FALSE(so_virtio_net_arm(&r->n));
  EXPECT_EQ(r->n.stats.broken, 1u);
}

TEST(VirtioNetTest, AFrameWithoutAHeaderBreaksTheDevice) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  SO_ASSERT_OK(r.Send({Bytes(60, 1)}));
  ASSERT_TRUE(r.PutRx(std::string(11, 0)));
  std::string got;
  SO_EXPECT_CODE(SO_IO, r.Receive(&got));
  ExpectBroken(&r, "a received frame has no header");
  EXPECT_EQ(r.released, 1);
}

TEST(VirtioNetTest, AFrameOfNoPagesOrOfTooManyBreaksTheDevice) {
  for (const uint16_t count : {0, 65, 65535}) {
    Rig r;
    SO_ASSERT_OK(r.Start());
    ASSERT_TRUE(r.PutRx(Header(0, 0, 0, 0, 0, 0, count) + Bytes(60, 1)));
    ExpectBroken(&r, "a received frame has no pages, or more than there are");
  }
}

TEST(VirtioNetTest, NonsenseInEitherRingBreaksTheDevice) {
  Rig rx;
  SO_ASSERT_OK(rx.Start());
  rx.rx().GiveAndShow(255, 60);
  ExpectBroken(&rx, "the device gave back a buffer that it did not have");
  Rig tx;
  SO_ASSERT_OK(tx.Start());
  SO_ASSERT_OK(tx.Send({Bytes(60, 1)}));
  so_netdev_flush(&tx.net);
  tx.tx().set_index(2);
  EXPECT_TRUE(so_virtio_net_poll(&tx.n));
  EXPECT_EQ(tx.released, 1);
  ExpectBroken(&tx, "the device's index is out of range");
  Rig full;  // Found while a send looks for room.
  SO_ASSERT_OK(full.Start());
  while (so_ok(full.Send({Bytes(60, 1)}))) {
  }
  full.tx().GiveAndShow(0, 1);
  SO_EXPECT_CODE(SO_IO, full.Send({Bytes(60, 1)}));
  EXPECT_EQ(full.released, 128);
}

TEST(VirtioNetTest, ADeviceThatSaysThatItFailedIsNotUsedAgain) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  so_virtio_net_changed(&r.n);
  r.device.status |= 64;
  so_virtio_net_changed(&r.n);
  ExpectBroken(&r, "the network device says that it failed");
}

TEST(VirtioNetTest, WithoutALinkFramesAreSwallowed) {
  Rig r;
  SO_ASSERT_OK(r.Start());
  r.device.config[6] = 0;
  so_virtio_net_changed(&r.n);
  SO_EXPECT_OK(r.Send({Bytes(60, 1)}));
  EXPECT_EQ(r.released, 1);
  EXPECT_EQ(r.n.stats.sent_while_down, 1u);
  r.device.config[6] = 1;
  so_virtio_net_changed(&r.n);
  SO_EXPECT_OK(r.Send({Bytes(60, 1)}));
  EXPECT_EQ(r.released, 1);
}

// Both directions at once, at random speeds: all arrives, in order, and every frame is released.
TEST(VirtioNetTest, FramesCrossInOrderWhateverTheSpeeds) {
  for (uint64_t seed = 1; seed <= 12; seed++) {
    SCOPED_TRACE(seed);
    uint64_t rng = seed;
    Rig r(seed % 3 == 0 ? kAll & ~kEventIdx : kAll, seed % 4 == 1);
    SO_ASSERT_OK(r.Start());
    std::deque<std::string> out, in;
    int sent = 0, got_out = 0, got_in = 0;
    while (got_out < 1500 || got_in < 1500) {
      const size_t len = 60 + so_sim_next(&rng) % 1400;
      if (sent < 2000) {
        const std::vector<std::string> parts = {Bytes(54, rng), Bytes(len - 54, rng)};
        if (so_ok(r.Send(parts))) {
          out.push_back(parts[0] + parts[1]);
          sent++;
        }
      }
      if (so_sim_next(&rng) % 4 == 0) so_netdev_flush(&r.net);
      std::string got;
      while (so_sim_next(&rng) % 3 != 0 && r.TakeTx(&got)) {
        ASSERT_EQ(got.substr(12), out.front());
        out.pop_front();
        got_out++;
      }
      if (so_sim_next(&rng) % 3 == 0) r.GiveTx();
      const size_t big = so_sim_next(&rng) % 8 == 0 ? 20000 : len;
      const std::string frame = Bytes(big, rng);
      const auto pages = static_cast<uint16_t>((big + 12 + 4095) / 4096);
      if (r.rx().ready && in.size() < 3 && r.PutRx(Header(0, 0, 0, 0, 0, 0, pages) + frame)) {
        in.push_back(frame);
      }
      if (so_sim_next(&rng) % 2 == 0) (void)so_virtio_net_poll(&r.n);
      while (so_sim_next(&rng) % 3 != 0 && so_ok(r.Receive(&got))) {
        ASSERT_EQ(got, in.front());
        in.pop_front();
        got_in++;
      }
      ASSERT_EQ(r.n.why, nullptr);
    }
    so_netdev_close(&r.net);
    r.open = false;
    EXPECT_EQ(r.released, sent);
  }
}

}  // namespace
