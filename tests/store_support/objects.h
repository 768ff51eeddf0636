#ifndef SO_TESTS_STORE_SUPPORT_OBJECTS_H_
#define SO_TESTS_STORE_SUPPORT_OBJECTS_H_

// Objects in memory for tests: counts what is done to it, holds the closure invariant (an object
// whose children are missing fails the test), and notices pins that are never given back.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "store/check/check.h"
#include "store/object/object.h"
#include "store/tree/tree.h"
#include "tests/support/support.h"

namespace so_test {

struct OidLess {
  bool operator()(const so_oid &a, const so_oid &b) const { return so_oid_compare(&a, &b) < 0; }
};

class MemoryObjects {
 public:
  struct Stored {
    so_kind kind;
    std::string payload;
  };

  MemoryObjects() {
    port_.ops = &kOps;
    port_.ctx = this;
  }
  MemoryObjects(const MemoryObjects &) = delete;
  MemoryObjects &operator=(const MemoryObjects &) = delete;
  ~MemoryObjects() { EXPECT_EQ(0, pins_) << "objects left pinned"; }

  const so_objects *port() const { return &port_; }

  // A tree over these objects with the host's heap; the salt is 16 times `salt`.
  so_tree Tree(uint8_t salt = 7) const {
    so_tree t;
    t.objects = &port_;
    t.heap = Heap();
    memset(t.salt, salt, sizeof t.salt);
    return t;
  }

  bool Has(const so_oid &oid) const { return map_.count(oid) != 0; }
  const Stored *Find(const so_oid &oid) const {
    const auto it = map_.find(oid);
    return it == map_.end() ? nullptr : &it->second;
  }
  const std::map<so_oid, Stored, OidLess> &all() const { return map_; }
  size_t size() const { return map_.size(); }

  // Damages an object in place: a get then answers CORRUPT, as a verifying store does.
  void Damage(const so_oid &oid) { damaged_[oid] = true; }
  void Remove(const so_oid &oid) { map_.erase(oid); }

  // Whether puts are checked (canonical, and all children there). On by default.
  bool check = true;
  // Fails every port call with IO from the n-th on (counted from 1); 0 never.
  uint64_t fail_at = 0;

  uint64_t calls = 0;
  uint64_t gets = 0;
  uint64_t puts = 0;       // Calls.
  uint64_t added = 0;      // Puts of what was not there.
  uint64_t added_len = 0;  // Their payloads.
  void ResetCounters() { calls = gets = puts = added = added_len = 0; }
  int64_t pins() const { return pins_; }
  int64_t pins_max = 0;

 private:
  static so_status Code(so_code code) { return so_status_make(code, 0); }
  bool Fails() { return ++calls >= fail_at && fail_at != 0; }

  static so_status Get(void *ctx, const so_oid *oid, so_object *out) {
    MemoryObjects *m = static_cast<MemoryObjects *>(ctx);
    if (m->Fails()) return Code(SO_IO);
    m->gets++;
    const auto it = m->map_.find(*oid);
    if (it == m->map_.end()) return Code(SO_NOT_FOUND);
    if (m->damaged_.count(*oid) != 0) return Code(SO_CORRUPT);
    out->kind = it->second.kind;
    out->bytes = View(it->second.payload);
    out->pin = m;
    m->pins_++;
    m->pins_max = m->pins_ > m->pins_max ? m->pins_ : m->pins_max;
    return so_done();
  }

  static void Unpin(void *ctx, so_object *object) {
    MemoryObjects *m = static_cast<MemoryObjects *>(ctx);
    EXPECT_EQ(m, object->pin) << "unpinned twice, or never pinned";
    object->pin = nullptr;
    m->pins_--;
  }

  static so_status HasOp(void *ctx, const so_oid *oid) {
    MemoryObjects *m = static_cast<MemoryObjects *>(ctx);
    if (m->Fails()) return Code(SO_IO);
    return m->Has(*oid) ? so_done() : Code(SO_NOT_FOUND);
  }

  static so_status CheckChild(void *ctx, const so_oid *child, so_kind kind) {
    MemoryObjects *m = static_cast<MemoryObjects *>(ctx);
    const Stored *stored = m->Find(*child);
    EXPECT_NE(nullptr, stored) << "put before its child";
    if (stored != nullptr) EXPECT_EQ(kind, stored->kind);
    return so_done();
  }

  static so_status Put(void *ctx, so_kind kind, so_bytes payload, so_oid *out) {
    MemoryObjects *m = static_cast<MemoryObjects *>(ctx);
    if (m->Fails()) return Code(SO_IO);
    if (payload.len > SO_OBJECT_LEN_MAX) return Code(SO_LIMIT);
    m->puts++;
    so_oid_of(kind, payload, out);
    if (m->Has(*out)) return so_done();
    if (m->check) SO_EXPECT_OK(so_object_each_child(kind, payload, CheckChild, m));
    m->added++;
    m->added_len += payload.len;
    m->map_[*out] = Stored{kind, Text(payload)};
    return so_done();
  }

  static constexpr so_objects_ops kOps = {Get, Unpin, HasOp, Put};
  so_objects port_;
  std::map<so_oid, Stored, OidLess> map_;
  std::map<so_oid, bool, OidLess> damaged_;
  int64_t pins_ = 0;
};

}  // namespace so_test

#endif  // SO_TESTS_STORE_SUPPORT_OBJECTS_H_
