#include "kernel/xen/blkfront/blkfront.h"

#include <functional>
#include <map>

#include "kernel/xen/blkfront/rig.h"
#include "tests/support/support.h"

namespace {

using so_test::BlockRig;

std::string Noise(uint64_t seed, size_t len) {
  std::string s(len, 0);
  for (char &c : s) {
    c = static_cast<char>(so_sim_next(&seed));
  }
  return s;
}

void ExpectClean(BlockRig *rig) {
  EXPECT_EQ(rig->back->complaint, "");
  EXPECT_EQ(rig->xen.misuse, "");
  EXPECT_FALSE(rig->Broken()) << rig->why;
}

TEST(Blkfront, PublishesAndConnects) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  EXPECT_FALSE(rig.front.connected_at_publish);
  EXPECT_EQ(rig.front_keys.values["protocol"], "x86_64-abi");
  EXPECT_EQ(rig.front_keys.values["feature-persistent"], "1");
  EXPECT_TRUE(rig.front_keys.Has("ring-ref"));
  EXPECT_FALSE(rig.front_keys.Has("ring-page-order"));
  EXPECT_EQ(rig.dev.capacity, 8u << 20);
  EXPECT_EQ(rig.dev.unit_len, 512u);
  EXPECT_FALSE(rig.dev.read_only);
  EXPECT_EQ(rig.xen.granted(), 65u);
}

TEST(Blkfront, TakesTheLargestRingThatBothWant) {
  for (const uint32_t offered : {0u, 1u, 2u, 3u, 9u}) {
    BlockRig rig({});
    rig.offer.ring_order = offered;
    SO_ASSERT_OK(rig.Connect());
    const uint32_t order = offered < 2 ? offered : 2;
    EXPECT_EQ(rig.front_keys.Number("ring-page-order"), order);
    EXPECT_EQ(rig.front_keys.Number("num-ring-pages"), order == 0 ? 0u : 1u << order);
    EXPECT_EQ(rig.front_keys.Has("ring-ref"), order == 0);
    EXPECT_EQ(rig.back->ring_entries(), 32u << order);
    EXPECT_EQ(rig.blk.ring.entry_count, 32u << order);
    // Another back end takes one page only: nothing of the large ring may be left to mislead it.
    rig.Disconnect(SO_FRONT_CLOSED);
    rig.offer.ring_order = 0;
    SO_ASSERT_OK(rig.Connect());
    EXPECT_FALSE(rig.front_keys.Has("ring-page-order"));
    EXPECT_FALSE(rig.front_keys.Has("num-ring-pages"));
    ExpectClean(&rig);
  }
}

TEST(Blkfront, RefusesWhatItCannotUse) {
  BlockRig rig({});
  so_block dev;
  SO_EXPECT_CODE(SO_CONFLICT, so_blkfront_open(&rig.blk, &dev));
  const struct {
    const char *key, *value;
    so_code code;
  } cases[] = {
      {"sectors", "many", SO_MALFORMED},          {"sectors", "36028797018963968", SO_MALFORMED},
      {"sectors", "0", SO_LIMIT},                 {"sector-size", "1024", SO_UNSUPPORTED},
      {"sector-size", "0", SO_UNSUPPORTED},       {"sector-size", "4294967808", SO_UNSUPPORTED},
  };
  for (const auto &c : cases) {
    rig.back = std::make_unique<so_test::BlockBack>(&rig.xen, 0, rig.disk, 1);
    rig.back->Publish(rig.offer, &rig.back_keys);
    rig.back_keys.values[c.key] = c.value;
    rig.why = "";
    SO_EXPECT_CODE(c.code, rig.Handshake());
    EXPECT_NE(rig.why[0], 0);
    rig.Disconnect(SO_FRONT_CLOSED);
  }
}

TEST(Blkfront, RefusesToStartWithoutMemory) {
  BlockRig rig({});
  rig.xen.page_max = 2;
  SO_EXPECT_CODE(SO_LIMIT, rig.Connect());
  EXPECT_NE(strstr(rig.why, "no pages"), nullptr);
  EXPECT_EQ(rig.xen.granted(), 0u);
  rig.xen.page_max = 1000;
  rig.xen.ref_max = 2;
  SO_EXPECT_CODE(SO_LIMIT, rig.Connect());
  EXPECT_EQ(rig.xen.granted(), 0u);
  rig.xen.ref_max = 1000;
  SO_EXPECT_OK(rig.Connect());
  EXPECT_EQ(rig.xen.misuse, "");
}

TEST(Blkfront, ASmallerRingIfMemoryIsShort) {
  BlockRig rig({});
  rig.offer.ring_order = 2;
  rig.xen.page_max = 3;
  SO_ASSERT_OK(rig.Connect());
  EXPECT_EQ(rig.back->ring_entries(), 32u);
  EXPECT_EQ(rig.blk.pages.usable, 2u);
}

TEST(Blkfront, ReadsBackWhatItWrote) {
  for (const uint32_t unit : {512u, 4096u}) {
    for (const uint32_t indirect : {0u, 12u, 256u}) {
      for (const bool persistent : {false, true}) {
        BlockRig::Config c;
        c.unit_len = unit;
        BlockRig rig(c);
        rig.offer.indirect = indirect;
        rig.offer.persistent = persistent;
        SO_ASSERT_OK(rig.Connect());
        EXPECT_EQ(rig.dev.unit_len, unit);
        rig.machine.Spawn([&] {
          uint64_t offset = 0;
          for (const size_t units : {1u, 2u, 7u, 8u, 9u, 88u, 89u, 100u, 700u}) {
            const std::string bytes = Noise(units, units * unit);
            std::string got;
            SO_ASSERT_OK(rig.Write(offset, bytes));
            EXPECT_TRUE(rig.Peek(offset, bytes.size()) == bytes);
            SO_ASSERT_OK(rig.Read(offset, bytes.size(), &got));
            EXPECT_TRUE(got == bytes);
            offset += bytes.size();
          }
          std::string got;
          SO_EXPECT_OK(rig.Read(offset, unit, &got));
          EXPECT_TRUE(got == std::string(unit, 0));
        });
        ASSERT_TRUE(rig.machine.Run());
        EXPECT_EQ(rig.back->indirect_taken != 0, indirect != 0);
        EXPECT_EQ(rig.blk.pages.free_count, 64u);
        ExpectClean(&rig);
      }
    }
  }
}

TEST(Blkfront, KeepsToTheDisk) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  const uint64_t end = rig.dev.capacity;
  rig.machine.Spawn([&] {
    std::string got;
    SO_EXPECT_CODE(SO_LIMIT, rig.Read(1, 512, &got));
    SO_EXPECT_CODE(SO_LIMIT, rig.Read(0, 511, &got));
    SO_EXPECT_CODE(SO_LIMIT, rig.Read(end, 512, &got));
    SO_EXPECT_CODE(SO_LIMIT, rig.Read(end - 512, 1024, &got));
    SO_EXPECT_CODE(SO_LIMIT, rig.Read(UINT64_MAX - 511, 512, &got));
    SO_EXPECT_CODE(SO_LIMIT, rig.Write(end, Noise(1, 512)));
    SO_EXPECT_OK(rig.Write(end - 512, Noise(1, 512)));
    SO_EXPECT_OK(rig.Read(end, 0, &got));
    SO_EXPECT_OK(rig.Write(0, ""));
  });
  ASSERT_TRUE(rig.machine.Run());
  ExpectClean(&rig);
}

TEST(Blkfront, AReadOnlyDisk) {
  for (const bool mode : {false, true}) {
    BlockRig rig({});
    rig.offer.read_only = !mode;
    rig.back = std::make_unique<so_test::BlockBack>(&rig.xen, 0, rig.disk, 1);
    rig.back->Publish(rig.offer, &rig.back_keys);
    if (mode) {
      rig.back_keys.values["mode"] = "r";
    }
    SO_ASSERT_OK(rig.Handshake());
    EXPECT_TRUE(rig.dev.read_only);
    rig.machine.Spawn([&] {
      std::string got;
      SO_EXPECT_CODE(SO_IO, rig.Write(0, Noise(1, 512)));
      SO_EXPECT_OK(rig.Read(0, 512, &got));
    });
    ASSERT_TRUE(rig.machine.Run());
    ExpectClean(&rig);
  }
}

TEST(Blkfront, ManyFibersAtATime) {
  BlockRig::Config c;
  c.data_pages = 256;
  BlockRig rig(c);
  rig.offer.ring_order = 1;
  SO_ASSERT_OK(rig.Connect());
  rig.back->hold = true;
  int done = 0;
  for (uint64_t i = 0; i < 100; i++) {
    rig.machine.Spawn([&rig, &done, i] {
      const std::string bytes = Noise(i, 4096);
      std::string got;
      SO_EXPECT_OK(rig.Write(i * 4096, bytes));
      SO_EXPECT_OK(rig.Read(i * 4096, 4096, &got));
      EXPECT_TRUE(got == bytes);
      done++;
    });
  }
  int turns = 0;
  rig.more_turn = [&] {
    rig.back->hold = turns++ < 3;
    return false;
  };
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_EQ(done, 100);
  EXPECT_EQ(rig.back->pending_max, 64u);  // The ring was full.
  EXPECT_EQ(rig.blk.stats.in_flight_max, 64u);
  ExpectClean(&rig);
}

// With two pages, long calls become many short requests, and all get their turn.
TEST(Blkfront, WorksWithHardlyAnyMemory) {
  BlockRig::Config c;
  c.data_pages = 2;
  BlockRig rig(c);
  rig.offer.indirect = 256;
  SO_ASSERT_OK(rig.Connect());
  for (uint64_t i = 0; i < 5; i++) {
    rig.machine.Spawn([&rig, i] {
      const std::string bytes = Noise(i, 100000 / 512 * 512);
      std::string got;
      SO_EXPECT_OK(rig.Write(i * 102400, bytes));
      SO_EXPECT_OK(rig.Read(i * 102400, bytes.size(), &got));
      EXPECT_TRUE(got == bytes);
    });
  }
  ASSERT_TRUE(rig.machine.Run());
  ExpectClean(&rig);
}

TEST(Blkfront, NoGrantIsMadeWhileDataFlows) {
  BlockRig rig({});
  rig.offer.indirect = 32;
  SO_ASSERT_OK(rig.Connect());
  const uint64_t before = rig.xen.grants_made + rig.xen.ends_made;
  rig.machine.Spawn([&] {
    for (uint64_t i = 0; i < 50; i++) {
      SO_EXPECT_OK(rig.Write(i * 65536, Noise(i, 65536)));
    }
  });
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_EQ(rig.xen.grants_made + rig.xen.ends_made, before);
}

TEST(Blkfront, ErrorsOfTheDisk) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  rig.machine.Spawn([&] {
    std::string got;
    rig.back->status = BLKIF_RSP_ERROR;
    SO_EXPECT_CODE(SO_IO, rig.Write(0, Noise(1, 65536)));
    SO_EXPECT_CODE(SO_IO, rig.Read(0, 200 * 4096, &got));
    rig.back->status = BLKIF_RSP_EOPNOTSUPP;
    SO_EXPECT_CODE(SO_IO, rig.Read(0, 512, &got));
    rig.back->status = BLKIF_RSP_OKAY;
    SO_EXPECT_OK(rig.Write(0, Noise(1, 65536)));
    SO_EXPECT_OK(rig.Read(0, 65536, &got));
    EXPECT_TRUE(got == Noise(1, 65536));
    SO_EXPECT_OK(so_block_flush(&rig.dev));
  });
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_EQ(rig.blk.pages.free_count, 64u);
  ExpectClean(&rig);
}

// --- flush ----------------------------------------------------------------------------------

TEST(Blkfront, FlushMakesDurable) {
  for (const bool barrier : {false, true}) {
    BlockRig rig({});
    rig.offer.flush = !barrier;
    rig.offer.barrier = barrier;
    SO_ASSERT_OK(rig.Connect());
    const std::string bytes = Noise(1, 40960);
    rig.machine.Spawn([&] {
      SO_EXPECT_OK(rig.Write(0, bytes));
      SO_EXPECT_OK(so_block_flush(&rig.dev));
      SO_EXPECT_OK(rig.Write(0, Noise(2, 40960)));
    });
    ASSERT_TRUE(rig.machine.Run());
    so_sim_block_crash(rig.disk, 0);
    EXPECT_TRUE(rig.Peek(0, bytes.size()) == bytes);
    EXPECT_EQ(rig.blk.stats.flushes, 1u);
    ExpectClean(&rig);
  }
}

TEST(Blkfront, AFailedFlushIsTheEndOfWriting) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  rig.machine.Spawn([&] {
    std::string got;
    SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
    rig.back->flush_status = BLKIF_RSP_ERROR;
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));
    rig.back->flush_status = BLKIF_RSP_OKAY;
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));
    SO_EXPECT_CODE(SO_IO, rig.Write(0, Noise(1, 512)));
    SO_EXPECT_OK(rig.Read(0, 512, &got));
  });
  ASSERT_TRUE(rig.machine.Run());
  rig.Disconnect(SO_FRONT_CLOSED);
  SO_ASSERT_OK(rig.Connect());
  rig.machine.Spawn([&] {
    std::string got;
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));  // No new back end makes it good.
    SO_EXPECT_CODE(SO_IO, rig.Write(0, Noise(1, 512)));
    SO_EXPECT_OK(rig.Read(0, 512, &got));
  });
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_EQ(rig.blk.stats.flush_failed, 1u);
  ExpectClean(&rig);
}

TEST(Blkfront, FlushThatIsNotSupportedAfterAllBecomesABarrier) {
  BlockRig rig({});
  rig.offer.barrier = true;
  SO_ASSERT_OK(rig.Connect());
  const std::string bytes = Noise(1, 4096);
  rig.machine.Spawn([&] {
    SO_EXPECT_OK(rig.Write(0, bytes));
    rig.back->flush_status = BLKIF_RSP_EOPNOTSUPP;
    SO_EXPECT_OK(so_block_flush(&rig.dev));
    EXPECT_FALSE(rig.blk.features.flush);
  });
  ASSERT_TRUE(rig.machine.Run());
  so_sim_block_crash(rig.disk, 0);
  EXPECT_TRUE(rig.Peek(0, 4096) == bytes);
  ExpectClean(&rig);
}

TEST(Blkfront, SeveralFlushesThatAreNotSupportedAfterAll) {
  for (uint64_t seed = 1; seed <= 50; seed++) {
    BlockRig::Config c;
    c.seed = seed;
    BlockRig rig(c);
    rig.offer.barrier = true;
    SO_ASSERT_OK(rig.Connect());
    rig.back->flush_status = BLKIF_RSP_EOPNOTSUPP;
    int done = 0;
    for (uint64_t i = 0; i < 5; i++) {
      rig.machine.Spawn([&rig, &done, i] {
        SO_EXPECT_OK(so_block_flush(&rig.dev));
        SO_EXPECT_OK(rig.Write(i * 512, Noise(i, 512)));
        SO_EXPECT_OK(so_block_flush(&rig.dev));
        done++;
      });
    }
    ASSERT_TRUE(rig.machine.Run());
    EXPECT_EQ(done, 5);
    so_sim_block_crash(rig.disk, 0);
    EXPECT_TRUE(rig.Peek(1024, 512) == Noise(2, 512));
    ExpectClean(&rig);
  }
}

TEST(Blkfront, FlushThatIsNotSupportedAndNoBarrierIsAFailure) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  rig.back->flush_status = BLKIF_RSP_EOPNOTSUPP;
  rig.machine.Spawn([&] {
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));
    SO_EXPECT_CODE(SO_IO, rig.Write(0, Noise(1, 512)));
  });
  ASSERT_TRUE(rig.machine.Run());
}

TEST(Blkfront, ABackEndThatWritesThroughNeedsNoFlush) {
  BlockRig rig({});
  rig.offer.flush = false;
  SO_ASSERT_OK(rig.Connect());
  rig.machine.Spawn([&] {
    SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
    SO_EXPECT_OK(so_block_flush(&rig.dev));
    rig.Disconnect(SO_FRONT_LOST);
    SO_ASSERT_OK(rig.Connect());
    SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
    SO_EXPECT_OK(so_block_flush(&rig.dev));
  });
  ASSERT_TRUE(rig.machine.Run());
  ExpectClean(&rig);
}

// --- coming and going -----------------------------------------------------------------------

TEST(Blkfront, CallsGoOnAfterTheBackEndCameBack) {
  for (const so_front_loss how : {SO_FRONT_CLOSED, SO_FRONT_SUSPENDED, SO_FRONT_LOST}) {
    BlockRig rig({});
    rig.offer.indirect = 64;
    SO_ASSERT_OK(rig.Connect());
    rig.back->hold = true;
    int done = 0;
    for (uint64_t i = 0; i < 40; i++) {
      rig.machine.Spawn([&rig, &done, i] {
        const std::string bytes = Noise(i, 3 * 4096 + 512);
        std::string got;
        SO_EXPECT_OK(rig.Write(i * 16384, bytes));
        SO_EXPECT_OK(rig.Read(i * 16384, bytes.size(), &got));
        EXPECT_TRUE(got == bytes);
        done++;
      });
    }
    int turn = 0;
    rig.more_turn = [&] {
      turn++;
      if (turn == 3) {
        EXPECT_NE(rig.blk.in_flight, 0u);
        rig.Disconnect(how);
        EXPECT_EQ(rig.xen.granted(), 0u);
      } else if (turn == 200) {
        rig.offer.indirect = 0;
        rig.offer.ring_order = 1;
        rig.offer.persistent = true;
        SO_EXPECT_OK(rig.Connect(3));
      }
      return turn < 200;
    };
    ASSERT_TRUE(rig.machine.Run());
    EXPECT_EQ(done, 40);
    EXPECT_NE(rig.blk.stats.restarted, 0u);
    ExpectClean(&rig);
  }
}

// What was acknowledged and not flushed when a back end vanished may be gone: nobody may be told
// otherwise.
TEST(Blkfront, LostWritesAreNotCalledDurable) {
  for (const so_front_loss how : {SO_FRONT_CLOSED, SO_FRONT_SUSPENDED, SO_FRONT_LOST}) {
    for (const bool flushed : {false, true}) {
      BlockRig rig({});
      SO_ASSERT_OK(rig.Connect());
      bool ended = false;
      rig.machine.Spawn([&] {
        SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
        if (flushed) {
          SO_EXPECT_OK(so_block_flush(&rig.dev));
        }
        rig.Disconnect(how);
        SO_EXPECT_OK(rig.Connect());
        const bool good = flushed || how != SO_FRONT_LOST;
        EXPECT_EQ(so_ok(so_block_flush(&rig.dev)), good);
        EXPECT_EQ(so_ok(rig.Write(0, Noise(2, 512))), good);
        EXPECT_EQ(rig.blk.stats.lost_writes, good ? 0u : 1u);
        ended = true;
      });
      ASSERT_TRUE(rig.machine.Run());
      EXPECT_TRUE(ended);
      ExpectClean(&rig);
    }
  }
}

TEST(Blkfront, AFlushInFlightWhenWritesAreLostFails) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  bool ended = false;
  rig.machine.Spawn([&] {
    SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
    rig.back->hold = true;
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));
    ended = true;
  });
  int turn = 0;
  rig.more_turn = [&] {
    if (rig.blk.calls != nullptr && rig.blk.calls->op == SO_BLKFRONT_FLUSH && ++turn == 3) {
      rig.Disconnect(SO_FRONT_LOST);
    }
    return false;
  };
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_TRUE(ended);
}

TEST(Blkfront, AnotherDiskIsRefused) {
  const struct {
    uint64_t capacity;
    uint32_t unit;
    bool read_only;
    bool fits;
  } cases[] = {{8 << 20, 512, false, true},
               {16 << 20, 512, false, true},
               {4 << 20, 512, false, false},
               {8 << 20, 4096, false, false},
               {8 << 20, 512, true, false}};
  for (const auto &c : cases) {
    BlockRig rig({});
    SO_ASSERT_OK(rig.Connect());
    rig.Disconnect(SO_FRONT_CLOSED);
    so_sim_block_free(rig.disk);
    rig.disk = so_sim_block_make(c.capacity, c.unit);
    rig.offer.unit_len = c.unit;
    rig.offer.read_only = c.read_only;
    const so_status s = rig.Connect();
    EXPECT_EQ(so_ok(s), c.fits);
    if (!c.fits) {
      SO_EXPECT_CODE(SO_UNSUPPORTED, s);
      EXPECT_NE(strstr(rig.why, "smaller"), nullptr);
      rig.Disconnect(SO_FRONT_CLOSED);
      EXPECT_EQ(rig.blk.features.capacity, 8u << 20);
    }
    rig.back->Detach(true);
  }
}

TEST(Blkfront, WaitingForABackEndIsBounded) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  bool ended = false;
  rig.machine.Spawn([&] {
    std::string got;
    rig.Disconnect(SO_FRONT_CLOSED);
    const uint64_t start = rig.machine.now();
    SO_EXPECT_CODE(SO_IO, rig.Read(0, 512, &got));
    EXPECT_EQ(rig.machine.now() - start, 60 * SO_NS_PER_S);
    SO_EXPECT_CODE(SO_IO, rig.Write(0, Noise(1, 512)));
    SO_ASSERT_OK(rig.Connect());
    SO_EXPECT_OK(rig.Read(0, 512, &got));
    SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
    SO_EXPECT_OK(so_block_flush(&rig.dev));
    ended = true;
  });
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_TRUE(ended);
  EXPECT_EQ(rig.blk.stats.absent, 2u);
}

TEST(Blkfront, ABackEndThatDoesNotAnswerIsFoundOut) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  rig.back->silent = true;
  int done = 0;
  for (uint64_t i = 0; i < 3; i++) {
    rig.machine.Spawn([&rig, &done, i] {
      SO_EXPECT_OK(rig.Write(i * 512, Noise(i, 512)));
      done++;
    });
  }
  uint64_t broken_at = 0;
  rig.more_turn = [&] {
    if (rig.Broken()) {
      EXPECT_NE(strstr(rig.why, "in time"), nullptr);
      broken_at = rig.machine.now();
      rig.Disconnect(SO_FRONT_CLOSED);  // Slow, but in order.
      SO_EXPECT_OK(rig.Connect());
      return true;
    }
    return false;
  };
  const uint64_t start = rig.machine.now();
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_EQ(done, 3);
  EXPECT_EQ(broken_at - start, 30 * SO_NS_PER_S);
}

TEST(Blkfront, FailedIsForGood) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  rig.back->silent = true;
  bool ended = false;
  rig.machine.Spawn([&] {
    std::string got;
    SO_EXPECT_CODE(SO_IO, rig.Read(0, 512, &got));
    SO_EXPECT_CODE(SO_IO, rig.Read(0, 512, &got));
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));
    ended = true;
  });
  bool failed = false;
  rig.more_turn = [&] {
    if (!failed && rig.blk.in_flight != 0) {
      failed = true;
      rig.back->Detach(true);
      so_front_fail(&rig.front);
    }
    return true;
  };
  ASSERT_TRUE(rig.machine.Run());
  EXPECT_TRUE(ended);
  EXPECT_EQ(rig.xen.granted(), 0u);
}

// --- lies -----------------------------------------------------------------------------------

struct Lie {
  const char *why;
  std::function<void(BlockRig *, uint64_t id)> tell;  // Of a read in flight.
};

const Lie kLies[] = {
    {"the response index", [](BlockRig *r, uint64_t) { r->back->shared()->rsp_prod += 100; }},
    {"the response index", [](BlockRig *r, uint64_t) { r->back->shared()->rsp_prod -= 1; }},
    {"an answer to no request",
     [](BlockRig *r, uint64_t id) { r->back->Answer(id ^ 2, BLKIF_OP_READ, 0); }},
    {"an answer to no request",
     [](BlockRig *r, uint64_t id) { r->back->Answer(id + 65536, BLKIF_OP_READ, 0); }},
    {"an answer to no request",
     [](BlockRig *r, uint64_t) { r->back->Answer(0xffff, BLKIF_OP_READ, 0); }},
    {"an answer to no request",
     [](BlockRig *r, uint64_t id) {
       r->back->Answer(id, BLKIF_OP_READ, 0);
       r->back->Answer(id, BLKIF_OP_READ, 0);
     }},
    {"an answer of another operation",
     [](BlockRig *r, uint64_t id) { r->back->Answer(id, BLKIF_OP_WRITE, 0); }},
    {"an answer of another operation",
     [](BlockRig *r, uint64_t id) { r->back->Answer(id, BLKIF_OP_INDIRECT, 0); }},
    {"a status that does not exist",
     [](BlockRig *r, uint64_t id) { r->back->Answer(id, BLKIF_OP_READ, 1); }},
    {"a status that does not exist",
     [](BlockRig *r, uint64_t id) { r->back->Answer(id, BLKIF_OP_READ, -32768); }},
};

TEST(Blkfront, FindsLiesAndGoesOnWithAnother) {
  for (const Lie &lie : kLies) {
    SCOPED_TRACE(lie.why);
    BlockRig rig({});
    SO_ASSERT_OK(rig.Connect());
    so_sim_block_poke(rig.disk, 0, so_bytes_of("hello", 5));
    rig.back->hold = true;
    int done = 0;
    for (int i = 0; i < 2; i++) {
      rig.machine.Spawn([&] {
        std::string got;
        SO_EXPECT_OK(rig.Read(0, 512, &got));
        EXPECT_EQ(got.substr(0, 5), "hello");
        done++;
      });
    }
    bool told = false;
    rig.more_turn = [&] {
      if (!told && rig.back->pending.size() == 2) {
        told = true;
        // The one that is not the subject of the lie, in case this one is believed in part.
        lie.tell(&rig, rig.back->pending[1].id);
        // The first of a double answer is a good one, with the bytes as they are in the page.
        const auto &s = rig.back->pending[1].segments[0];
        memcpy(rig.xen.Look(0, s.gref, true), "hello", 5);
        return true;
      }
      if (rig.Broken()) {
        EXPECT_EQ(std::string(rig.why).find(lie.why), 0u) << rig.why;
        rig.Disconnect(SO_FRONT_LOST);
        SO_EXPECT_OK(rig.Connect());
        return true;
      }
      return false;
    };
    ASSERT_TRUE(rig.machine.Run()) << lie.why;
    EXPECT_EQ(done, 2);
    EXPECT_EQ(rig.blk.stats.broken, 1u) << lie.why;
    ExpectClean(&rig);
  }
}

// A back end that wrote nonsense is not believed to have kept what it acknowledged, however orderly
// it closes.
TEST(Blkfront, NonsenseMakesUnflushedWritesDoubtful) {
  BlockRig rig({});
  SO_ASSERT_OK(rig.Connect());
  rig.machine.Spawn([&] {
    SO_EXPECT_OK(rig.Write(0, Noise(1, 512)));
    rig.back->shared()->rsp_prod += 100;
    (void)so_front_poll(&rig.front);
    ASSERT_TRUE(rig.Broken());
    rig.Disconnect(SO_FRONT_CLOSED);
    SO_ASSERT_OK(rig.Connect());
    SO_EXPECT_CODE(SO_IO, so_block_flush(&rig.dev));
  });
  ASSERT_TRUE(rig.machine.Run());
}

TEST(Blkfront, MappedPagesAreKeptAside) {
  BlockRig rig({});
  rig.offer.persistent = true;
  SO_ASSERT_OK(rig.Connect());
  rig.machine.Spawn([&] {
    SO_EXPECT_OK(rig.Write(0, Noise(1, 16 * 4096)));
    SO_EXPECT_OK(so_block_flush(&rig.dev));
  });
  ASSERT_TRUE(rig.machine.Run());
  const size_t mapped = rig.xen.mapped();
  EXPECT_EQ(mapped, 17u);
  rig.Disconnect(SO_FRONT_LOST, false);
  EXPECT_EQ(rig.xen.granted(), mapped);
  SO_ASSERT_OK(rig.Connect());
  EXPECT_EQ(rig.blk.pages.usable, 64u - 16);
  std::map<std::string, uint64_t> seen;
  so_blkfront_metrics(
      &rig.blk,
      [](void *ctx, const char *name, so_metric_kind, uint64_t v) {
        (*static_cast<std::map<std::string, uint64_t> *>(ctx))[name] = v;
      },
      &seen);
  EXPECT_EQ(seen["blkfront_pages_aside"], mapped);
  EXPECT_EQ(seen["blkfront_written_bytes"], 16u * 4096);
  ExpectClean(&rig);
}

}  // namespace
