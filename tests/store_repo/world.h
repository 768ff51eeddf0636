#ifndef SO_TESTS_STORE_REPO_WORLD_H_
#define SO_TESTS_STORE_REPO_WORLD_H_

// A database on a simulated device with repositories, and short ways to commit, read and merge.

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/disk/db.h"
#include "store/repo/repo.h"
#include "store/value/value.h"
#include "tests/sim/block.h"
#include "tests/support/support.h"

namespace so_repo_test {

using so_test::Heap;
using so_test::Text;
using so_test::View;
using std::string;

using Files = std::map<string, string>;

class Arena {
 public:
  Arena() { so_arena_init(&arena_, Heap(), 256u << 20); }
  ~Arena() { so_arena_release(&arena_); }
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;
  so_arena *get() { return &arena_; }

 private:
  so_arena arena_;
};

class World {
 public:
  World() : device_(so_sim_block_make(256u << 20, 512)), port_(so_sim_block_port(device_)) {
    uint8_t seed[SO_DB_SEED_LEN] = {1, 2, 3};
    const so_status s = so_db_format(&port_, Heap(), seed, nullptr);
    EXPECT_TRUE(so_ok(s));
    Open();
  }
  ~World() {
    so_db_abandon(repos_.db);
    so_sim_block_free(device_);
  }
  World(const World &) = delete;
  World &operator=(const World &) = delete;

  void Open() {
    so_db_config config = {};
    config.device = &port_;
    config.heap = Heap();
    const so_status s = so_db_open(&config, &repos_.db);
    EXPECT_TRUE(so_ok(s));
    repos_.heap = Heap();
  }
  // Flushes, loses everything else, opens again.
  void FlushAndCrash() {
    SO_EXPECT_OK(so_db_flush(repos_.db));
    so_db_abandon(repos_.db);
    Open();
  }

  so_repos *repos() { return &repos_; }

 private:
  so_sim_block *device_;
  so_block port_;
  so_repos repos_ = {};
};

inline string Hex(const so_oid &oid) {
  static const char kDigits[] = "0123456789abcdef";
  string out;
  for (const uint8_t b : oid.bytes) {
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

inline bool operator==(const so_oid &a, const so_oid &b) { return so_oid_equal(&a, &b); }

// A change of one path in a transaction.
struct Op {
  so_op_kind kind;
  string path;
  string value;
};
inline Op Put(const string &path, const string &value) { return {SO_OP_PUT, path, value}; }
inline Op Del(const string &path) { return {SO_OP_DELETE, path, ""}; }
inline Op Same(const string &path) { return {SO_OP_UNMODIFIED, path, ""}; }

class Repo {
 public:
  Repo(World *world, const string &name, uint8_t salt = 9) {
    uint8_t bytes[SO_SALT_LEN];
    memset(bytes, salt, sizeof bytes);
    SO_EXPECT_OK(so_repo_create(world->repos(), View(name), bytes, so_str("main"), 1000, &repo_));
  }
  Repo(const Repo &) = delete;
  Repo &operator=(const Repo &) = delete;

  so_repo *get() { return &repo_; }
  so_tree tree() const { return so_repo_tree(&repo_); }

  so_entry Entry(const string &value) {
    const so_tree t = tree();
    so_entry e = {};
    values_.push_back(value);  // Small values are borrowed.
    SO_EXPECT_OK(so_value_of(&t, View(values_.back()), &e));
    e.type = SO_ENTRY_FILE;
    e.mode = 0644;
    return e;
  }

  so_person Person() {
    so_person p = {};
    p.name = so_str("Ada <ada@example.org>");
    p.time_ms = ++now_ms;
    return p;
  }

  // What the last Commit said.
  so_status status = {};
  so_commit_result result = {};
  std::vector<string> conflicts;  // "KIND path", of the last Commit or Merge.
  int64_t now_ms = 1000000;

  so_oid Commit(const std::vector<Op> &ops, const string &branch = "main",
                const so_oid &base = so_oid{}, bool create = false) {
    std::vector<so_op> list;
    for (const Op &op : ops) {
      so_op o = {};
      o.kind = op.kind;
      o.path = View(op.path);
      if (op.kind == SO_OP_PUT) {
        o.entry = Entry(op.value);
      }
      list.push_back(o);
    }
    so_transaction t = {};
    t.branch = View(branch);
    t.base = base;
    t.create_branch = create;
    t.ops = list.data();
    t.op_count = list.size();
    t.author = t.committer = Person();
    t.message = so_str("a change");
    t.who = so_str("test");
    t.why = so_str("commit");
    Arena arena;
    status = so_repo_commit(&repo_, &t, arena.get(), &result);
    Note(result.conflicts, result.conflict_count);
    return result.commit;
  }

  so_merge_outcome Merge(const so_oid &source, const string &branch = "main",
                         so_merge_action action = SO_MERGE_ACTION_MERGE,
                         const so_merge_options *options = nullptr, so_ff ff = SO_FF_ALLOWED,
                         bool dry_run = false) {
    so_merge_request q = {};
    q.action = action;
    q.branch = View(branch);
    q.source = source;
    q.options = options;
    q.ff = ff;
    q.dry_run = dry_run;
    q.author = q.committer = Person();
    q.message = so_str("a merge");
    Arena arena;
    so_merge_outcome out;
    status = so_repo_merge(&repo_, &q, arena.get(), &out);
    Note(out.result.conflicts, out.result.conflict_count);
    return out;
  }

  so_status Branch(const string &name, const so_oid &at) {
    const string full = "refs/heads/" + name;
    so_ref_change c = {};
    c.name = View(full);
    c.new_oid = at;
    so_ref_note note = {so_str("test"), so_str("branch"), ++now_ms};
    so_ref_result r;
    return so_repo_update_refs(&repo_, &c, 1, &note, &r);
  }

  so_oid Head(const string &branch = "main") {
    const string full = "refs/heads/" + branch;
    so_ref ref = {};
    return so_ok(so_ref_get(&repo_, View(full), &ref)) ? ref.oid : so_oid{};
  }

  so_oid Root(const so_oid &commit) {
    Arena arena;
    so_commit c = {};
    SO_EXPECT_OK(so_commit_read(&repo_.objects, &commit, arena.get(), &c));
    return c.root;
  }

  Files ReadRoot(const so_oid &root) {
    Files files;
    const so_tree t = tree();
    auto cursor = std::make_unique<so_cursor>();
    SO_EXPECT_OK(so_cursor_seek(cursor.get(), &t, &root, View("")));
    while (!cursor->at_end) {
      so_buf value;
      so_buf_init(&value, Heap(), 64u << 20);
      SO_EXPECT_OK(so_value_read_all(&t, &cursor->entry, &value));
      files[Text(cursor->key)] = Text(so_buf_bytes(&value));
      so_buf_release(&value);
      const so_status s = so_cursor_next(cursor.get());
      EXPECT_TRUE(so_ok(s));
      if (!so_ok(s)) break;
    }
    so_cursor_close(cursor.get());
    return files;
  }
  Files Read(const so_oid &commit) { return ReadRoot(Root(commit)); }
  Files ReadBranch(const string &branch = "main") { return Read(Head(branch)); }

  string Resolve(const string &expr) {
    so_resolved r;
    const so_status s = so_repo_resolve(&repo_, View(expr), &r);
    return so_ok(s) ? Hex(r.commit) : so_code_name(static_cast<so_code>(s.code));
  }

 private:
  void Note(const so_conflict *items, size_t count) {
    conflicts.clear();
    for (size_t i = 0; i < count; i++) {
      string line = string(so_conflict_kind_name(items[i].kind)) + " " + Text(items[i].path);
      for (size_t j = 0; j < items[i].pointer_count; j++) {
        line += " " + Text(items[i].pointers[j]);
      }
      if (items[i].other.len != 0) {
        line += " (" + Text(items[i].other) + ")";
      }
      conflicts.push_back(line);
    }
  }
  so_repo repo_ = {};
  std::list<string> values_;
};

}  // namespace so_repo_test

#endif  // SO_TESTS_STORE_REPO_WORLD_H_
