#ifndef SO_STORE_DISK_TEST_DB_H_
#define SO_STORE_DISK_TEST_DB_H_

// What the tests of the database share: a simulated device, an open database, made-up payloads.

#include <map>
#include <string>

#include "store/disk/db.h"
#include "tests/sim/block.h"
#include "tests/support/support.h"

namespace so_disk_test {

// A number that looks random, for each number.
inline uint64_t Dice(uint64_t seed) {
  seed = (seed + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
  seed = (seed ^ (seed >> 29)) * 0x94d049bb133111ebu;
  return seed ^ (seed >> 32);
}

// Bytes that do not compress.
inline std::string Noise(uint64_t seed, size_t len) {
  std::string out;
  while (out.size() < len) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    out.push_back(static_cast<char>(seed >> 56));
  }
  return out;
}

// A payload of its own for each number, of 20 to 800 bytes.
inline std::string Payload(size_t number) {
  const std::string head = "payload " + std::to_string(number) + " ";
  return head +
         (number % 3 == 0 ? std::string(number % 700, 'p') : Noise(number, 10 + number % 97));
}

class Device {
 public:
  Device(uint64_t capacity, uint32_t unit_len) : block_(so_sim_block_make(capacity, unit_len)) {
    port_ = so_sim_block_port(block_);
  }
  explicit Device(const so_sim_block *from) : block_(so_sim_block_clone(from)) {
    port_ = so_sim_block_port(block_);
  }
  ~Device() { so_sim_block_free(block_); }
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;
  so_sim_block *get() const { return block_; }
  const so_block &port() const { return port_; }
  void Format(uint32_t segment_len = 65536, uint32_t align_len = 512) {
    uint8_t seed[SO_DB_SEED_LEN];
    for (size_t i = 0; i < sizeof seed; i++) {
      seed[i] = static_cast<uint8_t>(i * 7 + 1);
    }
    const so_db_layout layout = {segment_len, align_len};
    SO_ASSERT_OK(so_db_format(&port_, so_test::Heap(), seed, &layout));
  }
  so_db_config config() const {
    so_db_config c = {};
    c.device = &port_;
    c.heap = so_test::Heap();
    c.cache_len = 1u << 20;
    c.index_cache_len = 1u << 20;
    c.write_len = 16384;
    return c;
  }

 private:
  so_sim_block *block_;
  so_block port_;
};

class Database {
 public:
  explicit Database(const Device &device) : Database(device, device.config()) {}
  Database(const Device &, const so_db_config &config) {
    const so_status s = so_db_open(&config, &db_);
    EXPECT_TRUE(so_ok(s)) << so_code_name(static_cast<so_code>(s.code)) << " "
                          << so_db_part_name(s.detail);
    if (!so_ok(s)) {
      abort();
    }
  }
  ~Database() { End(false); }
  Database(const Database &) = delete;
  Database &operator=(const Database &) = delete;
  so_db *get() const { return db_; }
  void End(bool cleanly) {
    if (db_ == nullptr) {
      return;
    }
    if (cleanly) {
      SO_EXPECT_OK(so_db_close(db_));
    } else {
      so_db_abandon(db_);
    }
    db_ = nullptr;
  }
  so_objects &Objects(uint32_t repo) {
    SO_EXPECT_OK(so_db_objects(db_, repo, &objects_[repo]));
    return objects_[repo];
  }
  so_oid Put(size_t repo, so_kind kind, const std::string &payload) {
    so_oid oid = {};
    SO_EXPECT_OK(
        so_objects_put(&Objects(static_cast<uint32_t>(repo)), kind, so_test::View(payload), &oid));
    return oid;
  }
  std::string Get(size_t repo, const so_oid &oid) {
    so_object object;
    const so_objects &objects = Objects(static_cast<uint32_t>(repo));
    const so_status s = so_objects_get(&objects, &oid, &object);
    EXPECT_TRUE(so_ok(s)) << so_code_name(static_cast<so_code>(s.code)) << " "
                          << so_db_part_name(s.detail);
    if (!so_ok(s)) {
      return "(none)";
    }
    std::string out = so_test::Text(object.bytes);
    so_objects_unpin(&objects, &object);
    return out;
  }
  so_status Set(const std::string &key, const std::string &value) {
    so_meta_op op = {};
    op.key = so_test::View(key);
    op.value = so_test::View(value);
    return so_db_meta_apply(db_, &op, 1, nullptr, nullptr);
  }
  so_status Delete(const std::string &key) {
    so_meta_op op = {};
    op.key = so_test::View(key);
    op.is_delete = true;
    return so_db_meta_apply(db_, &op, 1, nullptr, nullptr);
  }
  bool Has(const std::string &key) { return Lookup(key, nullptr); }
  std::string Value(const std::string &key) {
    std::string value = "(none)";
    Lookup(key, &value);
    return value;
  }
  std::map<std::string, std::string> Scan(const std::string &prefix, const std::string &after) {
    std::map<std::string, std::string> out;
    so_meta_scan *scan = nullptr;
    SO_EXPECT_OK(so_db_meta_scan(db_, so_test::View(prefix), so_test::View(after), &scan));
    if (scan == nullptr) {
      return out;
    }
    so_bytes key;
    so_bytes value;
    so_status s;
    while (so_ok(s = so_db_meta_next(scan, &key, &value))) {
      EXPECT_TRUE(out.empty() || out.rbegin()->first < so_test::Text(key));
      out[so_test::Text(key)] = so_test::Text(value);
    }
    SO_EXPECT_CODE(SO_NOT_FOUND, s);
    so_db_meta_scan_close(scan);
    return out;
  }
  static std::map<std::string, std::string> Under(const std::map<std::string, std::string> &all,
                                                  const std::string &prefix,
                                                  const std::string &after) {
    std::map<std::string, std::string> out;
    for (const auto &item : all) {
      if (item.first.compare(0, prefix.size(), prefix) == 0 && item.first > after) {
        out.insert(item);
      }
    }
    return out;
  }
  so_db_stats Stats() const {
    so_db_stats stats;
    so_db_get_stats(db_, &stats);
    return stats;
  }
  so_db_fsck_result Fsck(std::string *out_text = nullptr) {
    text_.clear();
    const so_db_fsck_visitor visitor = {[](void *ctx, const so_db_damage *d) {
                                          *static_cast<std::string *>(ctx) +=
                                              std::string(so_db_part_name(d->part)) + " at " +
                                              std::to_string(d->offset) + ": " + d->text + "\n";
                                          return so_status{SO_OK, 0};
                                        },
                                        nullptr, &text_};
    so_db_fsck_result result = {};
    const so_status s = so_db_fsck(db_, &visitor, &result);
    EXPECT_TRUE(so_ok(s)) << so_code_name(static_cast<so_code>(s.code));
    if (out_text != nullptr) {
      *out_text = text_;
    } else {
      EXPECT_EQ("", text_);
    }
    return result;
  }

 private:
  bool Lookup(const std::string &key, std::string *value) {
    so_arena arena;
    so_arena_init(&arena, so_test::Heap(), 1u << 20);
    so_bytes found;
    const so_status s = so_db_meta_get(db_, so_test::View(key), &arena, &found);
    EXPECT_TRUE(so_ok(s) || so_is(s, SO_NOT_FOUND)) << so_code_name(static_cast<so_code>(s.code));
    if (so_ok(s) && value != nullptr) {
      *value = so_test::Text(found);
    }
    so_arena_release(&arena);
    return so_ok(s);
  }
  so_db *db_ = nullptr;
  std::map<uint32_t, so_objects> objects_;
  std::string text_;
};

}  // namespace so_disk_test

#endif  // SO_STORE_DISK_TEST_DB_H_
