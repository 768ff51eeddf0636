#include "store/disk/db.h"

#include <map>
#include <string>
#include <vector>

#include "store/disk/test_db.h"
#include "tests/sim/block.h"
#include "tests/support/support.h"

namespace {

using so_disk_test::Database;
using so_disk_test::Device;
using so_disk_test::Payload;
using so_test::Heap;
using so_test::Text;
using so_test::View;

TEST(DbTest, ProbeTellsWhatIsOnADevice) {
  Device device(4u << 20, 512);
  so_db_found found;
  so_block port = device.port();
  SO_ASSERT_OK(so_db_probe(&port, Heap(), &found));
  EXPECT_EQ(SO_DB_FOUND_EMPTY, found);
  device.Format();
  SO_ASSERT_OK(so_db_probe(&port, Heap(), &found));
  EXPECT_EQ(SO_DB_FOUND_OURS, found);
  so_sim_block_flip(device.get(), 100, 1);
  SO_ASSERT_OK(so_db_probe(&port, Heap(), &found));
  EXPECT_EQ(SO_DB_FOUND_OURS, found);  // The other one is whole.
  so_sim_block_flip(device.get(), 32768 + 100, 1);
  SO_ASSERT_OK(so_db_probe(&port, Heap(), &found));
  EXPECT_EQ(SO_DB_FOUND_DAMAGED, found);
  so_db *db = nullptr;
  so_db_config config = device.config();
  SO_EXPECT_CODE(SO_CORRUPT, so_db_open(&config, &db));
  std::string text(512, 'x');
  so_sim_block_poke(device.get(), 0, View(text));
  so_sim_block_poke(device.get(), 32768, View(text));
  SO_ASSERT_OK(so_db_probe(&port, Heap(), &found));
  EXPECT_EQ(SO_DB_FOUND_FOREIGN, found);
  SO_EXPECT_CODE(SO_NOT_FOUND, so_db_open(&config, &db));
}

TEST(DbTest, FormatRefusesImpossibleLayouts) {
  uint8_t seed[SO_DB_SEED_LEN] = {1};
  Device device(4u << 20, 512);
  so_block port = device.port();
  const so_db_layout bad[] = {
      {100000, 0},
      {SO_DB_SEGMENT_LEN_MIN / 2, 0},
      {SO_DB_SEGMENT_LEN_MAX * 2, 0},
      {1u << 20, 0},
      {65536, 256},
      {65536, 8192},
  };
  for (const so_db_layout &layout : bad) {
    SO_EXPECT_CODE(SO_LIMIT, so_db_format(&port, Heap(), seed, &layout));
  }
  Device small(65536 + 7 * 65536, 512);
  so_block small_port = small.port();
  const so_db_layout least = {65536, 512};
  SO_EXPECT_CODE(SO_LIMIT, so_db_format(&small_port, Heap(), seed, &least));
  Device enough(65536 + 8 * 65536, 512);
  so_block enough_port = enough.port();
  SO_EXPECT_OK(so_db_format(&enough_port, Heap(), seed, &least));
}

TEST(DbTest, ADeviceSmallerThanTheDatabaseIsRefusedAndNotWritten) {
  Device device(32u << 20, 512);
  device.Format();
  so_block smaller = device.port();
  smaller.capacity = 16u << 20;
  so_db_config config = device.config();
  config.device = &smaller;
  so_db *db = nullptr;
  const so_status s = so_db_open(&config, &db);
  SO_EXPECT_CODE(SO_LIMIT, s);
  EXPECT_EQ(SO_DB_PART_SUPERBLOCK, s.detail);
  Database again(device);  // As large as it was, it opens, at the first epoch.
  EXPECT_EQ(0u, again.Fsck().damaged);
}

TEST(DbTest, ObjectsAreThereAfterEveryKindOfReopening) {
  Device device(16u << 20, 512);
  device.Format();
  std::vector<so_oid> oids;
  for (int round = 0; round < 6; round++) {
    Database db(device);
    for (size_t i = 0; i < oids.size(); i++) {
      EXPECT_EQ(Payload(i), db.Get(1, oids[i])) << round;
    }
    for (int i = 0; i < 50; i++) {
      oids.push_back(db.Put(1, SO_KIND_CHUNK, Payload(oids.size())));
    }
    for (size_t i = 0; i < oids.size(); i++) {
      EXPECT_EQ(Payload(i), db.Get(1, oids[i])) << round;
    }
    SO_EXPECT_OK(so_db_flush(db.get()));
    db.End(round % 2 == 0);
    so_sim_block_crash(device.get(), 0);
  }
}

TEST(DbTest, RepositoriesDoNotSeeEachOther) {
  Device device(16u << 20, 512);
  device.Format();
  Database db(device);
  const so_oid oid = db.Put(1, SO_KIND_CHUNK, "secret");
  const so_objects other = db.Objects(2);
  so_object object;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_objects_has(&other, &oid));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_objects_get(&other, &oid, &object));
  SO_EXPECT_OK(so_db_checkpoint(db.get()));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_objects_has(&other, &oid));
  EXPECT_TRUE(so_ok(so_objects_has(&db.Objects(1), &oid)));
  so_objects none;
  SO_EXPECT_CODE(SO_LIMIT, so_db_objects(db.get(), 0, &none));
  SO_EXPECT_CODE(SO_LIMIT, so_db_objects(db.get(), 0xffffffffu, &none));
}

TEST(DbTest, ASecondPutOfTheSameObjectStoresNothing) {
  Device device(16u << 20, 512);
  device.Format();
  Database db(device);
  db.Put(1, SO_KIND_CHUNK, "again");
  db.Put(1, SO_KIND_CHUNK, "again");
  SO_EXPECT_OK(so_db_checkpoint(db.get()));
  db.Put(1, SO_KIND_CHUNK, "again");
  EXPECT_EQ(1u, db.Stats().object_count);
  EXPECT_EQ(2u, db.Stats().duplicate_puts);
  db.Put(1, SO_KIND_TREE, "again");
  EXPECT_EQ(2u, db.Stats().object_count);
}

TEST(DbTest, ManySegmentsAndRunsAreSearchedAndStayFew) {
  Device device(64u << 20, 512);
  device.Format();
  std::vector<so_oid> oids;
  {
    Database db(device);
    for (size_t i = 0; i < 20000; i++) {
      oids.push_back(db.Put(1 + i % 3, SO_KIND_CHUNK, Payload(i)));
    }
    EXPECT_GT(db.Stats().checkpoints, 20u);
    EXPECT_LT(db.Stats().run_count, 14u);
    EXPECT_GT(db.Stats().index_segments, 0u);
    db.End(true);
  }
  Database db(device);
  EXPECT_EQ(0u, db.Stats().replayed);
  for (size_t i = 0; i < oids.size(); i++) {
    ASSERT_EQ(Payload(i), db.Get(1 + i % 3, oids[i])) << i;
  }
  EXPECT_EQ(20000u, db.Stats().object_count);
  const so_db_fsck_result result = db.Fsck();
  EXPECT_EQ(0u, result.damaged);
  EXPECT_EQ(20000u, result.objects);
}

TEST(DbTest, SizesUpToTheLimitRoundTrip) {
  Device device(256u << 20, 4096);
  device.Format(16u << 20, 4096);
  std::vector<std::string> payloads;
  for (size_t len : {0u, 1u, 191u, 192u, 4096u, 65536u, 1u << 20, SO_OBJECT_LEN_MAX}) {
    payloads.push_back(std::string(len, 'z'));
    payloads.push_back(so_disk_test::Noise(len + 5, len));
    payloads.back().resize(len);
  }
  std::vector<so_oid> oids;
  {
    Database db(device);
    for (const std::string &payload : payloads) {
      oids.push_back(db.Put(7, SO_KIND_CHUNK, payload));
    }
    const so_objects objects = db.Objects(7);
    so_oid oid;
    const std::string big(SO_OBJECT_LEN_MAX + 1, 'z');
    SO_EXPECT_CODE(SO_LIMIT, so_objects_put(&objects, SO_KIND_CHUNK, View(big), &oid));
    db.End(true);
  }
  Database db(device);
  for (size_t i = 0; i < oids.size(); i++) {
    EXPECT_EQ(payloads[i], db.Get(7, oids[i]));
  }
}

TEST(DbTest, PinnedObjectsOutliveTheCacheLimit) {
  Device device(16u << 20, 512);
  device.Format();
  so_db_config config = device.config();
  config.cache_len = 4096;
  Database db(device, config);
  const so_oid oid = db.Put(1, SO_KIND_CHUNK, Payload(1));
  const so_objects objects = db.Objects(1);
  so_object pinned;
  SO_ASSERT_OK(so_objects_get(&objects, &oid, &pinned));
  for (size_t i = 2; i < 300; i++) {
    const so_oid other = db.Put(1, SO_KIND_CHUNK, Payload(i));
    EXPECT_EQ(Payload(i), db.Get(1, other));
  }
  EXPECT_EQ(Payload(1), Text(pinned.bytes));
  so_objects_unpin(&objects, &pinned);
  EXPECT_LE(db.Stats().cache_used, 4096u);
}

TEST(DbTest, StoredFormTravelsBetweenDatabases) {
  Device from_device(16u << 20, 512);
  Device to_device(16u << 20, 512);
  from_device.Format();
  to_device.Format();
  Database from(from_device);
  Database to(to_device);
  for (const std::string &payload : {Payload(5), std::string(5000, 'q')}) {
    const so_oid oid = from.Put(1, SO_KIND_TREE, payload);
    so_stored stored;
    SO_ASSERT_OK(so_db_get_stored(from.get(), 1, &oid, &stored));
    EXPECT_EQ(SO_KIND_TREE, stored.kind);
    so_oid wrong = oid;
    wrong.bytes[3] ^= 1;
    SO_EXPECT_CODE(SO_MALFORMED, so_db_put_stored(to.get(), 9, &wrong, &stored, nullptr, nullptr));
    so_stored longer = stored;
    longer.raw_len++;
    SO_EXPECT_CODE(SO_MALFORMED, so_db_put_stored(to.get(), 9, &oid, &longer, nullptr, nullptr));
    const auto refuse = [](void *, so_kind, so_bytes) { return so_status_make(SO_DENIED, 0); };
    SO_EXPECT_CODE(SO_DENIED, so_db_put_stored(to.get(), 9, &oid, &stored, refuse, nullptr));
    SO_EXPECT_OK(so_db_put_stored(to.get(), 9, &oid, &stored, nullptr, nullptr));
    EXPECT_EQ(payload, to.Get(9, oid));
    so_db_stored_release(from.get(), &stored);
  }
}

// --- meta map -------------------------------------------------------------------------------

TEST(DbTest, MetaMapHoldsWhatAMapHolds) {
  Device device(32u << 20, 512);
  device.Format();
  std::map<std::string, std::string> model;
  uint64_t seed = 42;
  so_db_config config = device.config();
  config.meta_len = 4096;
  for (int round = 0; round < 8; round++) {
    Database db(device, config);
    EXPECT_EQ(model, db.Scan("", ""));
    for (int i = 0; i < 200; i++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      const std::string key = "k" + std::to_string((seed >> 33) % 300);
      if ((seed >> 20) % 4 == 0) {
        model.erase(key);
        SO_ASSERT_OK(db.Delete(key));
      } else {
        model[key] = std::to_string(seed) + std::string((seed >> 40) % 200, 'v');
        SO_ASSERT_OK(db.Set(key, model[key]));
      }
      EXPECT_EQ(model.count(key), db.Has(key) ? 1u : 0u);
    }
    EXPECT_EQ(model, db.Scan("", ""));
    EXPECT_EQ(db.Under(model, "k1", ""), db.Scan("k1", ""));
    EXPECT_EQ(db.Under(model, "k", "k150"), db.Scan("k", "k150"));
    SO_EXPECT_OK(so_db_flush(db.get()));
    EXPECT_EQ(0u, db.Fsck().damaged);
    db.End(round % 3 == 0);
  }
}

TEST(DbTest, ApplyIsAllOrNothing) {
  Device device(16u << 20, 512);
  device.Format();
  Database db(device);
  SO_ASSERT_OK(db.Set("a", "1"));
  so_meta_op ops[3] = {};
  ops[0].key = so_str("a");
  ops[0].value = so_str("2");
  ops[0].has_expected = true;
  ops[0].expected = so_str("1");
  ops[1].key = so_str("b");
  ops[1].value = so_str("x");
  ops[1].expects_absence = true;
  ops[2].key = so_str("c");
  ops[2].is_check = true;
  ops[2].has_expected = true;
  ops[2].expected = so_str("nothing");
  uint64_t seq = 0;
  size_t failed = 9;
  SO_EXPECT_CODE(SO_CONFLICT, so_db_meta_apply(db.get(), ops, 3, &seq, &failed));
  EXPECT_EQ(2u, failed);
  EXPECT_EQ("1", db.Value("a"));
  EXPECT_FALSE(db.Has("b"));
  SO_EXPECT_OK(so_db_meta_apply(db.get(), ops, 2, &seq, &failed));
  EXPECT_EQ(2u, seq);
  EXPECT_EQ("2", db.Value("a"));
  EXPECT_EQ("x", db.Value("b"));
  SO_EXPECT_CODE(SO_CONFLICT, so_db_meta_apply(db.get(), ops, 2, &seq, &failed));
  EXPECT_EQ(0u, failed);
  ops[1] = ops[0];
  SO_EXPECT_CODE(SO_MALFORMED, so_db_meta_apply(db.get(), ops, 2, &seq, &failed));
}

TEST(DbTest, MetaLimitsHoldAtTheLimitAndOneAbove) {
  Device device(256u << 20, 4096);
  device.Format(16u << 20, 4096);
  Database db(device);
  SO_EXPECT_OK(db.Set(std::string(SO_DB_KEY_LEN_MAX, 'k'), std::string(SO_DB_VALUE_LEN_MAX, 'v')));
  SO_EXPECT_CODE(SO_LIMIT, db.Set(std::string(SO_DB_KEY_LEN_MAX + 1, 'k'), "v"));
  SO_EXPECT_CODE(SO_LIMIT, db.Set("k", std::string(SO_DB_VALUE_LEN_MAX + 1, 'v')));
  SO_EXPECT_CODE(SO_MALFORMED, db.Set("", "v"));
  SO_EXPECT_OK(db.Set("empty", ""));
  SO_EXPECT_OK(so_db_checkpoint(db.get()));
  EXPECT_EQ("", db.Value("empty"));
  EXPECT_EQ(std::string(SO_DB_VALUE_LEN_MAX, 'v'), db.Value(std::string(SO_DB_KEY_LEN_MAX, 'k')));
  std::vector<std::string> keys;
  std::vector<so_meta_op> ops(SO_DB_OPS_MAX + 1);
  for (size_t i = 0; i < ops.size(); i++) {
    keys.push_back("many" + std::to_string(i));
  }
  for (size_t i = 0; i < ops.size(); i++) {
    ops[i].key = View(keys[i]);
    ops[i].value = View(keys[i]);
  }
  SO_EXPECT_CODE(SO_LIMIT, so_db_meta_apply(db.get(), ops.data(), ops.size(), nullptr, nullptr));
  SO_EXPECT_OK(so_db_meta_apply(db.get(), ops.data(), ops.size() - 1, nullptr, nullptr));
  EXPECT_EQ(static_cast<size_t>(SO_DB_OPS_MAX), db.Scan("many", "").size());
}

TEST(DbTest, AScanSeesTheMapAsItWasWhenItBegan) {
  Device device(16u << 20, 512);
  device.Format();
  Database db(device);
  for (int i = 0; i < 100; i++) {
    SO_ASSERT_OK(db.Set("k" + std::to_string(100 + i), "old"));
  }
  SO_ASSERT_OK(so_db_checkpoint(db.get()));
  SO_ASSERT_OK(db.Set("k150", "newer"));
  so_meta_scan *scan = nullptr;
  SO_ASSERT_OK(so_db_meta_scan(db.get(), so_str("k"), so_str("k110"), &scan));
  so_bytes key;
  so_bytes value;
  int count = 0;
  while (so_ok(so_db_meta_next(scan, &key, &value))) {
    const std::string expected = Text(key) == "k150" ? "newer" : "old";
    EXPECT_EQ(expected, Text(value));
    count++;
    SO_ASSERT_OK(db.Delete("k" + std::to_string(199 - count)));
    SO_ASSERT_OK(db.Set("k" + std::to_string(120 + count % 70), "late"));
    if (count % 10 == 0) {
      SO_ASSERT_OK(so_db_checkpoint(db.get()));
    }
  }
  EXPECT_EQ(89, count);
  SO_EXPECT_OK(so_db_meta_seek(scan, so_str("k1505")));
  SO_EXPECT_OK(so_db_meta_next(scan, &key, &value));
  EXPECT_EQ("k151", Text(key));
  SO_EXPECT_OK(so_db_meta_seek(scan, so_str("a")));
  SO_EXPECT_OK(so_db_meta_next(scan, &key, &value));
  EXPECT_EQ("k100", Text(key));
  so_db_meta_scan_close(scan);
}

TEST(DbTest, ACommitOfOneKeyAppendsLittle) {
  Device device(64u << 20, 4096);
  device.Format(1u << 20, 4096);
  Database db(device);
  for (int i = 0; i < 100; i++) {
    db.Put(1, SO_KIND_TREE, Payload(static_cast<size_t>(i)));
    db.Put(1, SO_KIND_COMMIT, Payload(static_cast<size_t>(i) + 1000));
    SO_ASSERT_OK(db.Set("ref", std::to_string(i)));
    SO_ASSERT_OK(so_db_flush(db.get()));
  }
  EXPECT_LT(db.Stats().bytes_written / 100, 10000u);
}

TEST(DbTest, ReadOnlyWritesNothing) {
  Device device(16u << 20, 512);
  device.Format();
  so_oid oid;
  {
    Database db(device);
    oid = db.Put(1, SO_KIND_CHUNK, "here");
    SO_ASSERT_OK(db.Set("k", "v"));
    SO_ASSERT_OK(so_db_flush(db.get()));
    db.End(false);
  }
  const uint64_t writes = so_sim_block_get_stats(device.get()).writes;
  so_db_config config = device.config();
  config.read_only = true;
  Database db(device, config);
  EXPECT_EQ("here", db.Get(1, oid));
  EXPECT_EQ("v", db.Value("k"));
  SO_EXPECT_CODE(SO_DENIED, db.Set("k", "w"));
  const so_objects objects = db.Objects(1);
  SO_EXPECT_CODE(SO_DENIED, so_objects_put(&objects, SO_KIND_CHUNK, so_str("new"), &oid));
  EXPECT_EQ(0u, db.Fsck().damaged);
  db.End(true);
  EXPECT_EQ(writes, so_sim_block_get_stats(device.get()).writes);
}

TEST(DbTest, OpeningReplaysABoundedTailHoweverMuchIsStored) {
  Device device(128u << 20, 512);
  device.Format();
  uint64_t replayed_max = 0;
  for (int round = 0; round < 20; round++) {
    Database db(device);
    replayed_max = std::max(replayed_max, db.Stats().replayed);
    for (size_t i = 0; i < 1000; i++) {
      db.Put(1, SO_KIND_CHUNK, Payload(static_cast<size_t>(round) * 1000 + i));
    }
    SO_ASSERT_OK(so_db_flush(db.get()));
    db.End(false);
  }
  EXPECT_GT(replayed_max, 0u);
  EXPECT_LT(replayed_max, 1500u);  // What fits a 64 KiB segment, twice.
}

// Other fibers, as the device sees them: while a call waits for an I/O they read and flush.
struct Meanwhile {
  Database *db = nullptr;
  const std::vector<so_oid> *oids = nullptr;
  uint64_t calls = 0;
  int depth = 0;
};

void RunMeanwhile(void *ctx, so_sim_block_op, uint64_t, size_t) {
  Meanwhile *m = static_cast<Meanwhile *>(ctx);
  if (m->db == nullptr || m->depth >= 2) {
    return;
  }
  m->depth++;
  const uint64_t turn = m->calls++;
  if (turn % 3 == 0) {
    SO_EXPECT_OK(so_db_flush(m->db->get()));
  }
  if (!m->oids->empty()) {
    const size_t i = so_disk_test::Dice(turn) % m->oids->size();
    EXPECT_EQ(Payload(i), m->db->Get(1, (*m->oids)[i]));
    EXPECT_EQ("v" + std::to_string(i % 50), m->db->Value("k" + std::to_string(i % 50)));
  }
  if (turn % 17 == 0) {
    EXPECT_GE(m->db->Scan("k", "").size(), std::min<size_t>(m->oids->size(), 50));
  }
  m->depth--;
}

TEST(DbTest, ReadersAndFlushesRunInTheMiddleOfAnyWrite) {
  Device device(32u << 20, 512);
  device.Format();
  so_db_config config = device.config();
  config.recent_count = 100;
  config.meta_len = 3000;
  config.write_len = 4096;
  config.cache_len = 8192;
  config.index_cache_len = 16384;
  std::vector<so_oid> oids;
  Meanwhile meanwhile;
  meanwhile.oids = &oids;
  {
    Database db(device, config);
    meanwhile.db = &db;
    so_sim_block_hook(device.get(), RunMeanwhile, &meanwhile);
    for (size_t i = 0; i < 3000; i++) {
      SO_ASSERT_OK(db.Set("k" + std::to_string(i % 50), "v" + std::to_string(i % 50)));
      oids.push_back(db.Put(1, SO_KIND_CHUNK, Payload(i)));
    }
    SO_EXPECT_OK(so_db_flush(db.get()));
    EXPECT_EQ(so_db_applied_seq(db.get()), so_db_durable_seq(db.get()));
    EXPECT_EQ(0u, db.Fsck().damaged);
    meanwhile.db = nullptr;
  }
  EXPECT_GT(meanwhile.calls, 2000u);
  so_sim_block_crash(device.get(), 0);
  Database db(device, config);
  for (size_t i = 0; i < oids.size(); i++) {
    ASSERT_EQ(Payload(i), db.Get(1, oids[i]));
  }
  EXPECT_EQ(0u, db.Fsck().damaged);
}

TEST(DbTest, MemoryIsBoundedByTheSettings) {
  Device device(256u << 20, 512);
  device.Format(256u << 10, 512);
  so_heap_budget budget;
  const so_heap heap = so_heap_budget_init(&budget, Heap(), 3u << 20);
  so_db_config config = device.config();
  config.heap = &heap;
  config.cache_len = 256u << 10;
  config.index_cache_len = 256u << 10;
  config.write_len = 64u << 10;
  config.recent_count = 1024;
  Database db(device, config);
  for (size_t i = 0; i < 100000; i++) {
    db.Put(1, SO_KIND_CHUNK, Payload(i));
  }
  EXPECT_LT(budget.used_max, 3u << 20);
  db.End(true);
  EXPECT_EQ(0u, budget.used);
}

// WorkOf puts, reads and changes so much that every cache and table is full, with the default settings on a machine
// of `memory_len` bytes; it gives the most memory that was used.
size_t WorkOf(size_t memory_len) {
  Device device(256u << 20, 512);
  device.Format(256u << 10, 512);
  so_heap_budget budget;
  const so_heap heap = so_heap_budget_init(&budget, Heap(), 64u << 20);
  so_db_config config = {};
  config.device = &device.port();
  config.heap = &heap;
  config.memory_len = memory_len;
  Database db(device, config);
  std::vector<so_oid> oids;
  const std::string noise = so_disk_test::Noise(1, 1200);
  for (size_t i = 0; i < 20000; i++) {
    oids.push_back(db.Put(1, SO_KIND_CHUNK, std::to_string(i) + noise));
    if (i % 3 == 0) {
      SO_EXPECT_OK(db.Set("key " + std::to_string(i), std::string(100, 'v')));
    }
  }
  for (const so_oid &oid : oids) {
    EXPECT_NE("(none)", db.Get(1, oid));
  }
  EXPECT_LE(db.Stats().cache_used, memory_len != 0 ? memory_len / 4 : 32u << 20);
  return budget.used_max;
}

TEST(DbTest, CachesAndTablesAreAShareOfASmallMachine) {
  for (const size_t memory_len : {4u << 20, 8u << 20, 16u << 20}) {
    EXPECT_LT(WorkOf(memory_len), memory_len / 4 * 3);
  }
  EXPECT_GT(WorkOf(0), 24u << 20);  // The same work, unbounded.
}

TEST(DbTest, EveryRefusedAllocationIsAStatusAndLeavesNothing) {
  Device device(16u << 20, 512);
  device.Format();
  {
    Database db(device);
    for (size_t i = 0; i < 300; i++) {
      db.Put(1, SO_KIND_CHUNK, Payload(i));
      SO_ASSERT_OK(db.Set("k" + std::to_string(i), "v"));
    }
    db.End(true);
  }
  for (size_t limit = 0; limit < 1400000; limit += 9973) {
    so_heap_budget budget;
    const so_heap heap = so_heap_budget_init(&budget, Heap(), limit);
    so_db_config config = device.config();
    config.heap = &heap;
    config.index_cache_len = 16384;
    config.cache_len = 65536;
    config.write_len = 16384;
    so_db *db = nullptr;
    if (so_ok(so_db_open(&config, &db))) {
      so_objects objects;
      so_oid oid;
      if (so_ok(so_db_objects(db, 1, &objects))) {
        for (size_t i = 0; i < 400; i++) {
          (void)so_objects_put(&objects, SO_KIND_CHUNK, View(Payload(limit * 1000 + i)), &oid);
        }
      }
      so_meta_op op = {};
      op.key = so_str("key");
      op.value = so_str("value");
      (void)so_db_meta_apply(db, &op, 1, nullptr, nullptr);
      (void)so_db_flush(db);
      (void)so_db_close(db);
    }
    EXPECT_EQ(0u, budget.used) << limit;
  }
  Database db(device);
  EXPECT_EQ(0u, db.Fsck().damaged);
}

}  // namespace
