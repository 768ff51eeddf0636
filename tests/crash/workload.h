#ifndef SO_TESTS_CRASH_WORKLOAD_H_
#define SO_TESTS_CRASH_WORKLOAD_H_

// One fixed history of a database: puts, changes of the meta map, flushes, checkpoints, reopenings.
// It remembers what was acknowledged, and checks what a database holds after an accident.

#include <map>
#include <string>
#include <vector>

#include "store/disk/db.h"
#include "store/disk/test_db.h"
#include "tests/sim/block.h"
#include "tests/support/support.h"

namespace so_crash_test {

using Map = std::map<std::string, std::string>;

struct Shape {
  uint64_t capacity = 8u << 20;
  uint32_t unit_len = 512;
  uint32_t align_len = 512;
  int ops = 400;
  uint64_t seed = 1;
};

class Workload {
 public:
  explicit Workload(const Shape &shape) : shape_(shape) {}

  static so_db_config Config(const so_block *port) {
    so_db_config c = {};
    c.device = port;
    c.heap = so_test::Heap();
    c.cache_len = 65536;
    c.index_cache_len = 65536;
    c.write_len = 8192;
    c.recent_count = 40;
    c.meta_len = 3000;
    return c;
  }

  // Runs until the end or the first failure, and leaves the database as a crash does. OK when it
  // came to the end.
  so_status Run(const so_block *port) {
    so_db *db = nullptr;
    const so_db_config config = Config(port);
    so_status s = so_db_open(&config, &db);
    for (int i = 0; so_ok(s) && i < shape_.ops; i++) {
      s = Step(&db, config, i);
    }
    if (db != nullptr) {
      so_db_abandon(db);
    }
    return s;
  }

  // What must hold in `db`, opened after an accident.
  void Check(so_db *db, uint64_t seq_min) const {
    const uint64_t seq = so_db_applied_seq(db);
    ASSERT_GE(seq, seq_min);
    ASSERT_LT(seq, states_.size());
    CheckMeta(db, states_[seq]);
    // Everything that was put before the last change that is there, or acknowledged.
    const size_t count = std::max(objects_at_[seq], seq_min == acked_seq_ ? acked_objects_ : 0);
    for (size_t i = 0; i < count; i++) {
      CheckObject(db, i);
    }
  }
  void CheckAll(so_db *db) const { Check(db, acked_seq_); }

  static void CheckMeta(so_db *db, const Map &expected) {
    Map actual;
    so_meta_scan *scan = nullptr;
    const so_bytes none = {nullptr, 0};
    SO_ASSERT_OK(so_db_meta_scan(db, none, none, &scan));
    so_bytes key;
    so_bytes value;
    while (so_ok(so_db_meta_next(scan, &key, &value))) {
      actual[so_test::Text(key)] = so_test::Text(value);
    }
    so_db_meta_scan_close(scan);
    EXPECT_EQ(expected, actual);
  }

  void CheckObject(so_db *db, size_t i) const {
    so_objects objects;
    so_object object;
    SO_ASSERT_OK(so_db_objects(db, Repo(i), &objects));
    SO_ASSERT_OK(so_objects_get(&objects, &oids_[i], &object));
    EXPECT_EQ(so_disk_test::Payload(i), so_test::Text(object.bytes));
    so_objects_unpin(&objects, &object);
  }

  static void CheckFsck(so_db *db) {
    std::string text;
    const so_db_fsck_visitor visitor = {[](void *ctx, const so_db_damage *d) {
                                          *static_cast<std::string *>(ctx) +=
                                              std::string(so_db_part_name(d->part)) + " at " +
                                              std::to_string(d->offset) + ": " + d->text + "\n";
                                          return so_status{SO_OK, 0};
                                        },
                                        nullptr, &text};
    so_db_fsck_result result = {};
    SO_EXPECT_OK(so_db_fsck(db, &visitor, &result));
    EXPECT_EQ("", text);
  }

  static uint32_t Repo(size_t i) { return static_cast<uint32_t>(1 + i % 2); }
  uint64_t acked_seq() const { return acked_seq_; }
  uint64_t acked_before() const { return acked_before_; }
  size_t acked_objects() const { return acked_objects_; }
  const std::vector<so_oid> &oids() const { return oids_; }
  const Map &state(uint64_t seq) const { return states_[seq]; }

 private:
  so_status Step(so_db **db, const so_db_config &config, int i) {
    const uint64_t dice = so_disk_test::Dice(shape_.seed * 1000003 + static_cast<uint64_t>(i));
    if (dice % 16 < 9) {
      return Put(*db);
    }
    if (dice % 16 < 13) {
      return Change(*db, dice >> 8);
    }
    if (dice % 16 == 13 && dice % 5 == 0) {
      SO_TRY(so_db_checkpoint(*db));
      return Acknowledge(*db);
    }
    if (dice % 16 == 14 && dice % 7 == 0) {
      const so_status closed = so_db_close(*db);
      *db = nullptr;
      SO_TRY(closed);
      acked_seq_ = states_.size() - 1;
      acked_objects_ = oids_.size();
      return so_db_open(&config, db);
    }
    return Acknowledge(*db);
  }

  so_status Put(so_db *db) {
    const size_t i = oids_.size();
    so_objects objects;
    SO_TRY(so_db_objects(db, Repo(i), &objects));
    const std::string payload = so_disk_test::Payload(i);
    so_oid oid;
    SO_TRY(so_objects_put(&objects, SO_KIND_CHUNK, so_test::View(payload), &oid));
    oids_.push_back(oid);
    return so_done();
  }

  // Changes two keys at once. The state it leads to is remembered before, because it may be there
  // afterwards although the call failed.
  so_status Change(so_db *db, uint64_t dice) {
    Map next = states_.back();
    const std::string a = "ref" + std::to_string(dice % 40);
    const std::string b = "log" + std::to_string(states_.size());
    const std::string value = std::to_string(dice) + std::string(dice % 60, 'v');
    so_meta_op ops[2] = {};
    ops[0].key = so_test::View(a);
    ops[0].value = so_test::View(value);
    ops[0].is_delete = dice % 5 == 0;
    ops[1].key = so_test::View(b);
    ops[1].value = so_test::View(value);
    if (ops[0].is_delete) {
      next.erase(a);
    } else {
      next[a] = value;
    }
    next[b] = value;
    const so_status s = so_db_meta_apply(db, ops, 2, nullptr, nullptr);
    if (so_ok(s)) {
      states_.push_back(next);
      objects_at_.push_back(oids_.size());
    }
    return s;
  }

  so_status Acknowledge(so_db *db) {
    SO_TRY(so_db_flush(db));
    acked_before_ = acked_seq_;
    acked_seq_ = states_.size() - 1;
    acked_objects_ = oids_.size();
    return so_done();
  }

  const Shape shape_;
  std::vector<so_oid> oids_;
  std::vector<Map> states_ = {Map()};
  std::vector<size_t> objects_at_ = {0};
  uint64_t acked_seq_ = 0;
  uint64_t acked_before_ = 0;
  size_t acked_objects_ = 0;
};

}  // namespace so_crash_test

#endif  // SO_TESTS_CRASH_WORKLOAD_H_
