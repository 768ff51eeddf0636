// Accidents at every single write: power cuts with torn and reordered units, failing devices, full
// media, flipped bits. After each the database opens with everything that it had acknowledged.

#include <algorithm>
#include <string>
#include <vector>

#include "store/disk/db.h"
#include "store/disk/test_db.h"
#include "tests/crash/workload.h"
#include "tests/sim/block.h"
#include "tests/support/support.h"

namespace {

using so_crash_test::Shape;
using so_crash_test::Workload;
using so_disk_test::Device;
using so_test::Heap;

constexpr unsigned kWrites = 1u << SO_SIM_WRITE | 1u << SO_SIM_FLUSH;

so_db *Open(const Device &device) {
  const so_db_config config = Workload::Config(&device.port());
  so_db *db = nullptr;
  const so_status s = so_db_open(&config, &db);
  EXPECT_TRUE(so_ok(s)) << so_code_name(static_cast<so_code>(s.code)) << " "
                        << so_db_part_name(s.detail);
  return db;
}

// Opens, checks, lives on, and closes; then once more.
void CheckRecovery(const Device &device, const Workload &workload) {
  so_db *db = Open(device);
  ASSERT_NE(nullptr, db);
  workload.CheckAll(db);
  Workload::CheckFsck(db);
  so_objects objects;
  SO_ASSERT_OK(so_db_objects(db, 5, &objects));
  so_oid oid;
  SO_ASSERT_OK(so_objects_put(&objects, SO_KIND_CHUNK, so_str("life goes on"), &oid));
  SO_ASSERT_OK(so_db_flush(db));
  so_db_abandon(db);
  so_sim_block_crash(device.get(), 0);
  db = Open(device);
  ASSERT_NE(nullptr, db);
  workload.CheckAll(db);
  SO_ASSERT_OK(so_db_objects(db, 5, &objects));
  SO_EXPECT_OK(so_objects_has(&objects, &oid));
  Workload::CheckFsck(db);
  SO_EXPECT_OK(so_db_close(db));
}

// Runs the workload with `fault` at the nth I/O. False when it came to the end before.
bool RunWithFault(const Shape &shape, Device *device, Workload *workload, uint64_t nth,
                  unsigned ops, so_sim_fault fault) {
  device->Format(65536, shape.align_len);
  so_sim_block_fault_at(device->get(), nth, ops, fault, nth * 31 + shape.seed);
  (void)workload->Run(&device->port());
  return so_sim_block_fault_fired(device->get());
}

void PowerCuts(const Shape &shape, uint64_t from, uint64_t step) {
  uint64_t nth = from;
  for (;; nth += step) {
    Device device(shape.capacity, shape.unit_len);
    Workload workload(shape);
    if (!RunWithFault(shape, &device, &workload, nth, kWrites, SO_SIM_FAULT_POWER)) {
      break;
    }
    for (uint64_t seed : {uint64_t{0}, uint64_t{1}, nth * 2 + 5, nth * 2 + 1000006}) {
      SCOPED_TRACE("write " + std::to_string(nth) + " seed " + std::to_string(seed));
      Device copy(device.get());
      so_sim_block_crash(copy.get(), seed);
      CheckRecovery(copy, workload);
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  EXPECT_GT(nth, 100u);
}

TEST(CrashTest, PowerCutAtEveryWriteLosesNothingAcknowledged) { PowerCuts(Shape(), 1, 1); }

TEST(CrashTest, PowerCutAtEveryWriteOfAnotherHistoryAndUnit) {
  Shape shape;
  shape.unit_len = 4096;
  shape.align_len = 4096;
  shape.seed = 2;
  shape.capacity = 16u << 20;
  PowerCuts(shape, 1, 2);
}

TEST(CrashTest, PowerCutDuringRecoveryIsRecoveredFrom) {
  Shape shape;
  shape.seed = 3;
  for (uint64_t nth = 5; nth < 400; nth += 23) {
    Device device(shape.capacity, shape.unit_len);
    Workload workload(shape);
    if (!RunWithFault(shape, &device, &workload, nth, kWrites, SO_SIM_FAULT_POWER)) {
      break;
    }
    so_sim_block_crash(device.get(), nth + 7);
    for (uint64_t again = 1; again <= 3; again++) {
      SCOPED_TRACE(std::to_string(nth) + ", then " + std::to_string(again));
      Device copy(device.get());
      so_sim_block_fault_at(copy.get(), again, kWrites, SO_SIM_FAULT_POWER, again * 99 + nth);
      const so_db_config config = Workload::Config(&copy.port());
      so_db *db = nullptr;
      if (so_ok(so_db_open(&config, &db))) {
        so_db_abandon(db);
      }
      so_sim_block_crash(copy.get(), again * 12345 + nth);
      CheckRecovery(copy, workload);
      if (HasFailure()) {
        return;
      }
    }
  }
}

TEST(CrashTest, ManyOpeningsWithoutCloseUseUpNoSegmentsForGood) {
  Shape shape;
  Device device(shape.capacity, shape.unit_len);
  device.Format(65536, 512);
  std::vector<so_oid> oids;
  for (int i = 0; i < 600; i++) {
    so_db *db = Open(device);
    ASSERT_NE(nullptr, db) << i;
    so_objects objects;
    SO_ASSERT_OK(so_db_objects(db, 1, &objects));
    const std::string payload = so_disk_test::Payload(oids.size());
    so_oid oid;
    SO_ASSERT_OK(so_objects_put(&objects, SO_KIND_CHUNK, so_test::View(payload), &oid));
    oids.push_back(oid);
    SO_ASSERT_OK(so_db_flush(db));
    so_db_abandon(db);
    so_sim_block_crash(device.get(), static_cast<uint64_t>(i) + 2);
  }
  so_db *db = Open(device);
  ASSERT_NE(nullptr, db);
  so_objects objects;
  SO_ASSERT_OK(so_db_objects(db, 1, &objects));
  for (const so_oid &oid : oids) {
    SO_EXPECT_OK(so_objects_has(&objects, &oid));
  }
  Workload::CheckFsck(db);
  SO_EXPECT_OK(so_db_close(db));
}

TEST(CrashTest, AFailureOfEveryIoIsAStatusAndRecoverable) {
  Shape shape;
  shape.ops = 250;
  for (so_sim_fault fault : {SO_SIM_FAULT_IO, SO_SIM_FAULT_FULL}) {
    for (uint64_t nth = 1;; nth++) {
      SCOPED_TRACE("fault " + std::to_string(fault) + " at " + std::to_string(nth));
      Device device(shape.capacity, shape.unit_len);
      Workload workload(shape);
      if (!RunWithFault(shape, &device, &workload, nth, 0, fault)) {
        break;
      }
      so_sim_block_crash(device.get(), nth + 2);
      CheckRecovery(device, workload);
      if (HasFailure()) {
        return;
      }
    }
  }
}

TEST(CrashTest, AMediumThatFillsUpAtAnyPointKeepsServing) {
  Shape shape;
  shape.seed = 4;
  for (uint64_t limit = 66000; limit < 700000; limit += 5000) {
    SCOPED_TRACE("limit " + std::to_string(limit));
    Device device(shape.capacity, shape.unit_len);
    device.Format(65536, 512);
    so_sim_block_limit(device.get(), limit);
    Workload workload(shape);
    (void)workload.Run(&device.port());
    so_sim_block_crash(device.get(), limit);
    so_db *db = Open(device);  // Still full.
    ASSERT_NE(nullptr, db);
    workload.CheckAll(db);
    so_db_abandon(db);
    so_sim_block_limit(device.get(), UINT64_MAX);
    CheckRecovery(device, workload);
    if (HasFailure()) {
      return;
    }
  }
}

TEST(CrashTest, AFullDeviceRefusesPutsAndGoesOnWithTheRest) {
  Device device(65536 + 12 * 65536, 512);
  device.Format(65536, 512);
  so_db *db = Open(device);
  ASSERT_NE(nullptr, db);
  so_objects objects;
  SO_ASSERT_OK(so_db_objects(db, 1, &objects));
  std::vector<so_oid> oids;
  so_status s = so_done();
  for (size_t i = 0; so_ok(s); i++) {
    so_oid oid;
    s = so_objects_put(&objects, SO_KIND_CHUNK, so_test::View(so_disk_test::Noise(i, 900)), &oid);
    if (so_ok(s)) {
      oids.push_back(oid);
    }
  }
  SO_EXPECT_CODE(SO_LIMIT, s);
  EXPECT_GT(oids.size(), 200u);
  SO_EXPECT_OK(so_db_flush(db));
  for (int i = 0; i < 20; i++) {
    so_meta_op op = {};
    const std::string key = "k" + std::to_string(i);
    op.key = so_test::View(key);
    op.value = so_str("still possible");
    SO_EXPECT_OK(so_db_meta_apply(db, &op, 1, nullptr, nullptr));
    SO_EXPECT_OK(so_db_flush(db));
    so_oid oid;
    SO_EXPECT_CODE(
        SO_LIMIT,
        so_objects_put(&objects, SO_KIND_CHUNK,
                       so_test::View(so_disk_test::Noise(77777u + static_cast<uint64_t>(i), 900)),
                       &oid));
  }
  for (int round = 0; round < 2; round++) {
    for (const so_oid &oid : oids) {
      so_object object;
      SO_ASSERT_OK(so_objects_get(&objects, &oid, &object));
      so_objects_unpin(&objects, &object);
    }
    Workload::CheckFsck(db);
    if (round == 0) {
      so_db_abandon(db);
      so_sim_block_crash(device.get(), 0);
      db = Open(device);
      ASSERT_NE(nullptr, db);
      EXPECT_EQ(20u, so_db_applied_seq(db));
      SO_ASSERT_OK(so_db_objects(db, 1, &objects));
    }
  }
  so_db_abandon(db);
}

// --- bad media ------------------------------------------------------------------------------

// What a database with a flipped bit may say: the truth, or CORRUPT; never something else.
void CheckTruthOrCorrupt(so_db *db, const Workload &workload, uint64_t seq_min) {
  const uint64_t seq = so_db_applied_seq(db);
  ASSERT_GE(seq, seq_min);
  const so_crash_test::Map &expected = workload.state(seq);
  for (const auto &item : expected) {
    so_arena arena;
    so_arena_init(&arena, Heap(), 1u << 20);
    so_bytes value;
    const so_status s = so_db_meta_get(db, so_test::View(item.first), &arena, &value);
    EXPECT_TRUE(so_is(s, SO_CORRUPT) || (so_ok(s) && so_test::Text(value) == item.second))
        << item.first << " " << so_code_name(static_cast<so_code>(s.code));
    so_arena_release(&arena);
  }
  const size_t count = seq_min == workload.acked_seq() ? workload.acked_objects() : 0;
  for (size_t i = 0; i < count; i++) {
    so_objects objects;
    so_object object;
    SO_ASSERT_OK(so_db_objects(db, Workload::Repo(i), &objects));
    const so_status s = so_objects_get(&objects, &workload.oids()[i], &object);
    if (so_ok(s)) {
      EXPECT_EQ(so_disk_test::Payload(i), so_test::Text(object.bytes));
      so_objects_unpin(&objects, &object);
    } else {
      EXPECT_TRUE(so_is(s, SO_CORRUPT)) << i << so_code_name(static_cast<so_code>(s.code));
    }
  }
}

uint64_t CountDamage(so_db *db) {
  const so_db_fsck_visitor visitor = {[](void *, const so_db_damage *d) {
                                        EXPECT_NE(nullptr, d->text);
                                        return so_status{SO_OK, 0};
                                      },
                                      nullptr, nullptr};
  so_db_fsck_result result = {};
  SO_EXPECT_OK(so_db_fsck(db, &visitor, &result));
  return result.damaged;
}

// Flips bits all over the image of a workload.
void Flips(bool closed, uint64_t step) {
  Shape shape;
  shape.seed = 5;
  Device device(shape.capacity, shape.unit_len);
  device.Format(65536, 512);
  Workload workload(shape);
  SO_ASSERT_OK(workload.Run(&device.port()));
  so_sim_block_crash(device.get(), 0);
  if (closed) {
    SO_ASSERT_OK(so_db_close(Open(device)));
  }
  const uint64_t seq_min = closed ? workload.acked_seq() : workload.acked_before();
  const uint64_t end = so_sim_block_end(device.get());
  uint64_t refused = 0;
  uint64_t found = 0;
  uint64_t tried = 0;
  for (uint64_t offset = 0; offset < end; offset += step) {
    SCOPED_TRACE("flip at " + std::to_string(offset));
    tried++;
    Device copy(device.get());
    so_sim_block_flip(copy.get(), offset, static_cast<uint8_t>(1u << (offset / step % 8)));
    const so_db_config config = Workload::Config(&copy.port());
    so_db *db = nullptr;
    const so_status s = so_db_open(&config, &db);
    if (!so_ok(s)) {
      ASSERT_TRUE(so_is(s, SO_CORRUPT)) << so_code_name(static_cast<so_code>(s.code));
      refused++;
      continue;
    }
    CheckTruthOrCorrupt(db, workload, seq_min);
    found += CountDamage(db) != 0 ? 1 : 0;
    so_db_abandon(db);
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
  // Most of the medium is unused or padding; what is used is found to be damaged.
  EXPECT_GT(found + refused, tried / 20);
}

TEST(CrashTest, AFlippedBitInAClosedDatabaseIsDetectedOrHarmless) { Flips(true, 331); }

TEST(CrashTest, AFlippedBitInACrashedDatabaseIsDetectedOrHarmless) { Flips(false, 499); }

TEST(CrashTest, AFlippedBitOnTheWayFromTheDeviceIsNeverBelieved) {
  Shape shape;
  shape.seed = 6;
  Device device(shape.capacity, shape.unit_len);
  device.Format(65536, 512);
  Workload workload(shape);
  SO_ASSERT_OK(workload.Run(&device.port()));
  for (uint64_t nth = 1; nth < 300; nth++) {
    Device copy(device.get());
    so_sim_block_crash(copy.get(), 0);
    so_sim_block_fault_at(copy.get(), nth, 1u << SO_SIM_READ, SO_SIM_FAULT_FLIP, nth);
    const so_db_config config = Workload::Config(&copy.port());
    so_db *db = nullptr;
    if (!so_ok(so_db_open(&config, &db))) {
      continue;
    }
    CheckTruthOrCorrupt(db, workload, workload.acked_before());
    so_db_abandon(db);
    if (HasFailure()) {
      FAIL() << "read " << nth;
    }
  }
}

TEST(CrashTest, ADamagedSuperblockCostsNothing) {
  Shape shape;
  for (uint64_t slot : {0u, 32768u}) {
    Device device(shape.capacity, shape.unit_len);
    device.Format(65536, 512);
    Workload workload(shape);
    SO_ASSERT_OK(workload.Run(&device.port()));
    so_sim_block_crash(device.get(), 0);
    so_sim_block_flip(device.get(), slot + 40, 4);
    so_db *db = Open(device);
    ASSERT_NE(nullptr, db);
    workload.CheckAll(db);
    EXPECT_LE(CountDamage(db), 1u);  // Opening may have written that one anew.
    so_db_abandon(db);
  }
}

TEST(CrashTest, AcceptLossOpensUpToTheDamage) {
  Shape shape;
  shape.seed = 7;
  Device device(shape.capacity, shape.unit_len);
  device.Format(65536, 512);
  so_db *db = Open(device);
  ASSERT_NE(nullptr, db);
  const uint64_t before = so_sim_block_end(device.get());
  for (int i = 0; i < 10; i++) {
    so_meta_op op = {};
    const std::string key = "key" + std::to_string(i);
    op.key = so_test::View(key);
    op.value = so_str("value");
    SO_ASSERT_OK(so_db_meta_apply(db, &op, 1, nullptr, nullptr));
    SO_ASSERT_OK(so_db_flush(db));
  }
  so_db_abandon(db);
  // The segment header, then a block of one alignment for each flush.
  so_sim_block_flip(device.get(), 65536 + 512 * 5 + 100, 1);
  EXPECT_LT(before, so_sim_block_end(device.get()));
  so_db_config config = Workload::Config(&device.port());
  SO_EXPECT_CODE(SO_CORRUPT, so_db_open(&config, &db));
  config.accept_loss = true;
  SO_ASSERT_OK(so_db_open(&config, &db));
  EXPECT_EQ(4u, so_db_applied_seq(db));
  Workload::CheckFsck(db);
  SO_EXPECT_OK(so_db_close(db));
  db = Open(device);
  ASSERT_NE(nullptr, db);
  EXPECT_EQ(4u, so_db_applied_seq(db));
  so_db_abandon(db);
}

}  // namespace
