// Repositories, refs, the ref log, names for commits, transactions and tokens on a real database.

#include "store/repo/repo.h"

#include <random>

#include "tests/store_repo/world.h"

namespace so_repo_test {
namespace {

using Strings = std::vector<string>;

// --- names ----------------------------------------------------------------------------------

TEST(NamesTest, RepositoryNames) {
  for (const string good : {"a", "A.b_c-d9", "0"}) SO_EXPECT_OK(so_repo_name_check(View(good)));
  SO_EXPECT_OK(so_repo_name_check(View(string(100, 'a'))));
  for (const string bad : {"", ".a", "-a", "a/b", "a.", "a b", "\xc3\xa9"}) {
    SO_EXPECT_CODE(SO_MALFORMED, so_repo_name_check(View(bad)));
  }
  SO_EXPECT_CODE(SO_MALFORMED, so_repo_name_check(View(string(101, 'a'))));
}

TEST(NamesTest, RefNames) {
  for (const string good : {"refs/heads/main", "refs/heads/a/b", "refs/tags/v1.0",
                            "refs/heads/\xc3\xa9", "refs/heads/a@b", "refs/heads/a.b"}) {
    SO_EXPECT_OK(so_ref_name_check(View(good)));
  }
  for (const string bad : {"",
                           "main",
                           "refs/heads",
                           "refs/heads/",
                           "refs/notes/a",
                           "refs/heads/a//b",
                           "refs/heads/a/",
                           "refs/heads/.a",
                           "refs/heads/a..b",
                           "refs/heads/a.lock",
                           "refs/heads/a.lock/b",
                           "refs/heads/a@{b",
                           "refs/heads/@",
                           "refs/heads/a.",
                           "refs/heads/a b",
                           "refs/heads/a~b",
                           "refs/heads/a^b",
                           "refs/heads/a:b",
                           "refs/heads/a?b",
                           "refs/heads/a*b",
                           "refs/heads/a[b",
                           "refs/heads/a\\b",
                           "refs/heads/a\x7f",
                           "refs/heads/a\n",
                           "refs/heads/-a",
                           "refs/heads/\xff"}) {
    EXPECT_FALSE(so_ok(so_ref_name_check(View(bad)))) << bad;
  }
  EXPECT_FALSE(so_ok(so_ref_name_check(View(string("refs/heads/a\0b", 14)))));
  const string longest = "refs/heads/" + string(SO_REF_NAME_LEN_MAX - 11, 'a');
  SO_EXPECT_OK(so_ref_name_check(View(longest)));
  SO_EXPECT_CODE(SO_MALFORMED, so_ref_name_check(View(longest + "a")));
}

TEST(NamesTest, Paths) {
  for (const string good : {"a", "a/b", ".a", "a..b", "...", "a b\n", "\xf0\x9f\x98\x80"}) {
    SO_EXPECT_OK(so_path_check(View(good)));
  }
  for (const string bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/.", "\xff"}) {
    EXPECT_FALSE(so_ok(so_path_check(View(bad)))) << bad;
  }
  EXPECT_FALSE(so_ok(so_path_check(View(string("a\0b", 3)))));
  SO_EXPECT_OK(so_path_check(View(string(4096, 'a'))));
  SO_EXPECT_CODE(SO_MALFORMED, so_path_check(View(string(4097, 'a'))));
}

// --- repositories ---------------------------------------------------------------------------

so_status CollectName(void *ctx, const so_repo *repo) {
  static_cast<Strings *>(ctx)->push_back(Text(so_repo_name(repo)));
  return so_done();
}

Strings Names(World *w, const string &after = "", size_t limit = 100) {
  Strings names;
  SO_EXPECT_OK(so_repo_list(w->repos(), View(after), limit, CollectName, &names));
  return names;
}

TEST(RepoTest, CreateOpenRenameListDelete) {
  World w;
  Repo a(&w, "a"), b(&w, "b"), c(&w, "c");
  so_repo again;
  const uint8_t salt[SO_SALT_LEN] = {0};
  SO_EXPECT_CODE(SO_CONFLICT,
                 so_repo_create(w.repos(), View("a"), salt, so_str("main"), 1, &again));
  SO_EXPECT_CODE(SO_MALFORMED,
                 so_repo_create(w.repos(), View("a/b"), salt, so_str("main"), 1, &again));
  EXPECT_EQ((Strings{"a", "b", "c"}), Names(&w));
  EXPECT_EQ((Strings{"b"}), Names(&w, "a", 1));
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_rename(w.repos(), View("a"), View("b")));
  SO_EXPECT_OK(so_repo_rename(w.repos(), View("a"), View("z")));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_repo_open(w.repos(), View("a"), &again));
  SO_EXPECT_OK(so_repo_open(w.repos(), View("z"), &again));
  EXPECT_EQ(a.get()->number, again.number);
  SO_EXPECT_OK(so_repo_delete(w.repos(), View("b")));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_repo_delete(w.repos(), View("b")));
  w.FlushAndCrash();
  EXPECT_EQ((Strings{"c", "z"}), Names(&w));
}

TEST(RepoTest, NumbersAreNotUsedAgainAndSweepingLeavesNothing) {
  World w;
  uint32_t number;
  {
    Repo a(&w, "a");
    number = a.get()->number;
    for (int i = 0; i < 20; i++) a.Commit({Put("f", std::to_string(i))});
    SO_EXPECT_OK(so_repo_delete(w.repos(), View("a")));
    // A handle that was open cannot bring refs back.
    EXPECT_FALSE(so_ok(a.Branch("x", a.result.commit)));
  }
  Repo again(&w, "a");
  EXPECT_NE(number, again.get()->number);
  again.Commit({Put("f", "kept")});
  bool more = true;
  for (int i = 0; i < 1000 && more; i++) SO_ASSERT_OK(so_repos_sweep(w.repos(), 7, &more));
  EXPECT_FALSE(more);
  EXPECT_EQ("kept", again.ReadBranch()["f"]);
  so_meta_scan *scan;
  SO_ASSERT_OK(so_db_meta_scan(w.repos()->db, View(""), View(""), &scan));
  so_bytes key, value;
  while (so_ok(so_db_meta_next(scan, &key, &value))) {
    if (key.len >= 5 && key.ptr[0] != 'R' && key.ptr[0] != 'N') {
      EXPECT_NE(number, static_cast<uint32_t>(key.ptr[1] << 24 | key.ptr[2] << 16 |
                                              key.ptr[3] << 8 | key.ptr[4]));
    }
  }
  so_db_meta_scan_close(scan);
}

// --- refs and their log ---------------------------------------------------------------------

so_ref_change Change(const string &name, const so_oid &to) {
  so_ref_change c = {};
  c.name = View(name);
  c.new_oid = to;
  return c;
}

so_status Update(Repo *r, const std::vector<so_ref_change> &changes, so_ref_result *out,
                 int64_t time_ms = 5000000) {
  const so_ref_note note = {so_str("ada"), so_str("because"), time_ms};
  return so_repo_update_refs(r->get(), changes.data(), changes.size(), &note, out);
}

TEST(RefsTest, SeveralChangeTogetherOrNotAtAll) {
  World w;
  Repo r(&w, "r");
  const so_oid one = r.Commit({Put("a", "1")});
  const so_oid two = r.Commit({Put("a", "2")});
  const string a = "refs/heads/a", b = "refs/tags/b", m = "refs/heads/main";
  so_ref_result out;
  so_ref_change checked = Change(m, one);
  checked.is_checked = true;
  checked.old_oid = one;  // It is `two`.
  SO_EXPECT_CODE(SO_CONFLICT, Update(&r, {Change(a, one), checked}, &out));
  EXPECT_EQ(1u, out.failed);
  EXPECT_TRUE(out.current == two);
  EXPECT_TRUE(so_oid_is_none(&(const so_oid &)r.Head("a")));
  checked.old_oid = two;
  SO_EXPECT_OK(Update(&r, {Change(a, one), Change(b, two), checked}, &out));
  EXPECT_EQ(3u, out.seq);
  EXPECT_TRUE(r.Head("a") == one);
  EXPECT_TRUE(r.Head() == one);
  Arena arena;
  so_ref_record record;
  SO_ASSERT_OK(so_ref_log_read(r.get(), 3, arena.get(), &record));
  ASSERT_EQ(3u, record.change_count);
  EXPECT_EQ("ada", Text(record.who));
  EXPECT_EQ("because", Text(record.why));
  EXPECT_EQ(5000000, record.time_ms);
  EXPECT_EQ(b, Text(record.changes[1].name));
  EXPECT_TRUE(record.changes[2].old_oid == two);
  EXPECT_TRUE(record.changes[2].new_oid == one);
  SO_EXPECT_CODE(SO_NOT_FOUND, so_ref_log_read(r.get(), 4, arena.get(), &record));
  // What changes nothing leaves no record.
  SO_EXPECT_OK(Update(&r, {Change(a, one)}, &out));
  EXPECT_EQ(0u, out.seq);
  w.FlushAndCrash();
  uint64_t last;
  SO_EXPECT_OK(so_ref_log_last(r.get(), &last));
}

TEST(RefsTest, BadChangesAreRefused) {
  World w;
  Repo r(&w, "r");
  const so_oid c = r.Commit({Put("a", "1")});
  const so_oid root = r.Root(c);
  so_oid nobody = {};
  nobody.bytes[0] = 1;
  so_ref_result out;
  SO_EXPECT_CODE(SO_MALFORMED, Update(&r, {Change("refs/heads/..", c)}, &out));
  SO_EXPECT_CODE(SO_NOT_FOUND, Update(&r, {Change("refs/heads/x", nobody)}, &out));
  SO_EXPECT_CODE(SO_MALFORMED, Update(&r, {Change("refs/heads/x", root)}, &out));
  SO_EXPECT_CODE(SO_CONFLICT,
                 Update(&r, {Change("refs/heads/x", c), Change("refs/heads/x", c)}, &out));
  // A name and a directory of the same name.
  SO_EXPECT_CODE(SO_CONFLICT, Update(&r, {Change("refs/heads/main/x", c)}, &out));
  SO_EXPECT_OK(Update(&r, {Change("refs/heads/d/x", c)}, &out));
  SO_EXPECT_CODE(SO_CONFLICT, Update(&r, {Change("refs/heads/d", c)}, &out));
  SO_EXPECT_CODE(SO_CONFLICT,
                 Update(&r, {Change("refs/heads/q", c), Change("refs/heads/q/r", c)}, &out));
  SO_EXPECT_OK(Update(&r, {Change("refs/heads/d", c), Change("refs/heads/d/x", so_oid{})}, &out));
}

so_status CollectRef(void *ctx, const so_ref *ref) {
  static_cast<Strings *>(ctx)->push_back(Text(ref->name));
  return so_done();
}

TEST(RefsTest, AThousandRefsInOneRecordAndPaging) {
  World w;
  Repo r(&w, "r");
  const so_oid c = r.Commit({Put("a", "1")});
  Strings names;
  for (int i = 0; i < SO_REF_CHANGES_MAX; i++) {
    string n = std::to_string(i);
    n = string(4 - n.size(), '0') + n;
    names.push_back("refs/tags/" + n + string(50, 'x'));
  }
  std::vector<so_ref_change> changes;
  for (const string &n : names) changes.push_back(Change(n, c));
  so_ref_result out;
  SO_ASSERT_OK(Update(&r, changes, &out));
  Arena arena;
  so_ref_record record;
  SO_ASSERT_OK(so_ref_log_read(r.get(), out.seq, arena.get(), &record));
  ASSERT_EQ(names.size(), record.change_count);
  EXPECT_EQ(names[999], Text(record.changes[999].name));
  Strings seen;
  SO_ASSERT_OK(so_ref_list(r.get(), View("refs/tags/"), View(names[499]), 3, CollectRef, &seen));
  EXPECT_EQ((Strings{names[500], names[501], names[502]}), seen);
  changes.push_back(Change("refs/tags/one-more", c));
  SO_EXPECT_CODE(SO_LIMIT, Update(&r, changes, &out));
}

TEST(RefsTest, TheLogTellsWhatARefSaidAtATime) {
  World w;
  Repo r(&w, "r");
  so_ref_result out;
  const so_oid one = r.Commit({Put("a", "1")}, "work");
  const so_oid two = r.Commit({Put("a", "2")}, "work");
  const string x = "refs/heads/x";
  SO_ASSERT_OK(Update(&r, {Change(x, one)}, &out, 10000000));
  SO_ASSERT_OK(Update(&r, {Change(x, two)}, &out, 20000000));
  SO_ASSERT_OK(Update(&r, {Change(x, one)}, &out, 15000000));  // The clock went back.
  SO_ASSERT_OK(Update(&r, {Change(x, so_oid{})}, &out, 30000000));
  so_oid at;
  SO_EXPECT_CODE(SO_NOT_FOUND, so_ref_at(r.get(), View(x), 9999999, &at));
  SO_EXPECT_OK(so_ref_at(r.get(), View(x), 10000000, &at));
  EXPECT_TRUE(at == one);
  SO_EXPECT_OK(so_ref_at(r.get(), View(x), 19999999, &at));
  EXPECT_TRUE(at == one);
  SO_EXPECT_OK(so_ref_at(r.get(), View(x), 29999999, &at));
  EXPECT_TRUE(at == one) << "the last of two records at one time";
  SO_EXPECT_CODE(SO_NOT_FOUND, so_ref_at(r.get(), View(x), 30000000, &at));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_ref_at(r.get(), View(x), -5, &at));
  EXPECT_EQ(Hex(one), r.Resolve("x@{1970-01-01T02:46:40Z}"));
  EXPECT_EQ("NOT_FOUND", r.Resolve("x@{1970-01-01T02:46:39Z}"));
}

TEST(RefsTest, ExpressionsNameCommits) {
  World w;
  Repo r(&w, "r");
  EXPECT_EQ("NOT_FOUND", r.Resolve("HEAD"));
  const so_oid a = r.Commit({Put("f", "1")});
  const so_oid b = r.Commit({Put("f", "2")});
  SO_ASSERT_OK(r.Branch("side", a));
  const so_oid s = r.Commit({Put("g", "1")}, "side");
  const so_oid m = r.Merge(s).commit;
  const string hex = Hex(m);
  so_ref_result out;
  const string tag = "refs/tags/v1";
  SO_ASSERT_OK(Update(&r, {Change(tag, b)}, &out));
  for (const string e : {"HEAD", "@", "main", "refs/heads/main", "main~0", "main^0"}) {
    EXPECT_EQ(hex, r.Resolve(e)) << e;
  }
  EXPECT_EQ(hex, r.Resolve(hex));
  EXPECT_EQ(hex, r.Resolve(hex.substr(0, 8)));
  EXPECT_EQ(Hex(b), r.Resolve("v1"));
  EXPECT_EQ(Hex(b), r.Resolve("main~"));
  EXPECT_EQ(Hex(b), r.Resolve("main^"));
  EXPECT_EQ(Hex(s), r.Resolve("main^2"));
  EXPECT_EQ(Hex(a), r.Resolve("main~2"));
  EXPECT_EQ(Hex(a), r.Resolve("main^2~1"));
  EXPECT_EQ(Hex(a), r.Resolve(hex.substr(0, 10) + "~2"));
  for (const string &e : Strings{"main~3", "main^3", "nothing", hex.substr(0, 5), "main~9999999"}) {
    EXPECT_EQ("NOT_FOUND", r.Resolve(e)) << e;
  }
  for (const string e : {"", "~1", "main~1x", "main@{", "main@{yesterday}", "main^-1"}) {
    EXPECT_EQ("MALFORMED", r.Resolve(e)) << e;
  }
  const string long_expr = "main" + string(65, '^');
  EXPECT_NE(hex, r.Resolve(long_expr));
  so_resolved res;
  SO_ASSERT_OK(so_repo_resolve(r.get(), View(tag), &res));
  EXPECT_TRUE(res.is_ref);
  EXPECT_EQ(tag, string(reinterpret_cast<char *>(res.ref), res.ref_len));
  SO_ASSERT_OK(so_repo_resolve(r.get(), View(hex), &res));
  EXPECT_TRUE(res.is_immutable);
  EXPECT_FALSE(res.is_ref);
}

// --- transactions ---------------------------------------------------------------------------

TEST(TransactionTest, DisjointKeysBothSucceedAndTheSameKeyConflicts) {
  World w;
  Repo r(&w, "r");
  const so_oid base = r.Commit({Put("a", "1"), Put("b", "1"), Put("c", "1")});
  SO_EXPECT_OK(r.status);
  r.Commit({Put("a", "2")}, "main", base);
  SO_EXPECT_OK(r.status);
  EXPECT_FALSE(r.result.is_replayed);
  r.Commit({Put("b", "2")}, "main", base);
  SO_EXPECT_OK(r.status);
  EXPECT_TRUE(r.result.is_replayed);
  EXPECT_EQ((Files{{"a", "2"}, {"b", "2"}, {"c", "1"}}), r.ReadBranch());
  const so_oid head = r.Head();
  r.Commit({Put("a", "3"), Put("c", "3")}, "main", base);
  SO_EXPECT_CODE(SO_CONFLICT, r.status);
  EXPECT_EQ((Strings{"KEY_CHANGED a"}), r.conflicts);
  EXPECT_TRUE(r.Head() == head);
}

TEST(TransactionTest, EachKindOfConflictIsNamed) {
  World w;
  Repo r(&w, "r");
  const so_oid base = r.Commit({Put("changed", "1"), Put("deleted", "1"), Put("read", "1"),
                                Put("gone", "1"), Put("same", "1")});
  r.Commit({Put("changed", "2"), Del("deleted"), Put("read", "2"), Put("new", "2"), Del("gone"),
            Put("same", "9")});
  r.Commit({Put("changed", "3"), Put("deleted", "3"), Put("new", "3"), Same("read"), Del("gone"),
            Put("same", "9")},
           "main", base);
  SO_EXPECT_CODE(SO_CONFLICT, r.status);
  EXPECT_EQ((Strings{"KEY_CHANGED changed", "KEY_DELETED deleted", "KEY_EXISTS new",
                     "UNMODIFIED_CHANGED read"}),
            r.conflicts);
  r.Commit({Del("changed")}, "main", base);
  EXPECT_EQ((Strings{"CHANGED_KEY changed"}), r.conflicts);
  // What both want the same is no conflict.
  r.Commit({Del("gone"), Put("same", "9"), Put("more", "1")}, "main", base);
  SO_EXPECT_OK(r.status);
}

TEST(TransactionTest, APathIsAFileOrADirectory) {
  World w;
  Repo r(&w, "r");
  r.Commit({Put("a", "1"), Put("d/x/y", "1")});
  r.Commit({Put("a/b", "1")});
  EXPECT_EQ((Strings{"PATH_CLASH a/b (a)"}), r.conflicts);
  r.Commit({Put("d/x", "1")});
  EXPECT_EQ((Strings{"PATH_CLASH d/x (d/x/y)"}), r.conflicts);
  r.Commit({Put("n", "1"), Put("n/m", "1")});
  EXPECT_EQ((Strings{"PATH_CLASH n (n/m)", "PATH_CLASH n/m (n)"}), r.conflicts);
  r.Commit({Del("a"), Put("a/b", "1"), Put("d/x", "1"), Del("d/x/y"), Put("d/x!", "1")});
  SO_EXPECT_OK(r.status);
  EXPECT_EQ((Files{{"a/b", "1"}, {"d/x", "1"}, {"d/x!", "1"}}), r.ReadBranch());
}

TEST(TransactionTest, BadPathsAndTwiceTheSamePathAreRefused) {
  World w;
  Repo r(&w, "r");
  r.Commit({Put("a", "1"), Put("../b", "1")});
  SO_EXPECT_CODE(SO_MALFORMED, r.status);
  EXPECT_EQ(0u, r.result.failed_op);  // Sorted: ".." comes first.
  r.Commit({Put("a", "1"), Put("a", "2")});
  SO_EXPECT_CODE(SO_MALFORMED, r.status);
  EXPECT_TRUE(so_oid_is_none(&(const so_oid &)r.Head()));
}

TEST(TransactionTest, BranchesAreMadeWhenAskedFor) {
  World w;
  Repo r(&w, "r");
  const so_oid one = r.Commit({Put("a", "1")}, "trunk");  // The first may be any.
  SO_EXPECT_OK(r.status);
  r.Commit({Put("b", "1")}, "other", one);
  SO_EXPECT_CODE(SO_NOT_FOUND, r.status);
  r.Commit({Put("b", "1")}, "other", one, true);
  SO_EXPECT_OK(r.status);
  EXPECT_EQ((Files{{"a", "1"}, {"b", "1"}}), r.ReadBranch("other"));
  EXPECT_EQ(Hex(one), r.Resolve("other~1"));
}

TEST(TransactionTest, NothingChangedMakesNoCommit) {
  World w;
  Repo r(&w, "r");
  const so_oid one = r.Commit({Put("a", "1")});
  EXPECT_TRUE(r.Commit({Put("a", "1"), Del("nothing")}) == one);
  EXPECT_TRUE(r.result.is_unchanged);
  EXPECT_EQ(0u, r.result.seq);
}

TEST(TransactionTest, ExpectedHeadsAndTags) {
  World w;
  Repo r(&w, "r");
  const so_oid one = r.Commit({Put("a", "1")});
  r.Commit({Put("a", "2")});
  Arena arena;
  so_op op = {};
  op.kind = SO_OP_PUT;
  op.path = so_str("a");
  op.entry = r.Entry("3");
  so_transaction t = {};
  t.branch = so_str("main");
  t.has_expected = true;
  t.expected = one;
  t.ops = &op;
  t.op_count = 1;
  t.author = t.committer = r.Person();
  so_commit_result out;
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_commit(r.get(), &t, arena.get(), &out));
  EXPECT_EQ(0u, out.conflict_total);
  EXPECT_TRUE(out.commit == r.Head());
  t.has_expected = false;
  op.expect = SO_EXPECT_ABSENT;
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_commit(r.get(), &t, arena.get(), &out));
  ASSERT_EQ(1u, out.conflict_count);
  EXPECT_EQ(SO_CONFLICT_KEY_EXISTS, out.conflicts[0].kind);
  op.expect = SO_EXPECT_TAG;
  const so_entry old_entry = r.Entry("1");
  so_entry_tag(&old_entry, &op.tag);
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_commit(r.get(), &t, arena.get(), &out));
  const so_entry present = r.Entry("2");
  so_entry_tag(&present, &op.tag);
  SO_EXPECT_OK(so_repo_commit(r.get(), &t, arena.get(), &out));
  op.expect = SO_EXPECT_PRESENT;
  op.path = so_str("b");
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_commit(r.get(), &t, arena.get(), &out));
}

// Each of many clients works on what it last saw; the model is a map and the history of each key.
TEST(TransactionTest, ManyClientsAreStrictlySerializable) {
  for (uint32_t seed = 1; seed <= 5; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 rng(seed);
    World w;
    Repo r(&w, "r");
    Files model;
    std::map<string, size_t> changed;  // Key: number of the commit that changed it last.
    std::vector<so_oid> commits = {r.Commit({Put("start", "0")})};
    model["start"] = "0";
    size_t accepted = 0, refused = 0;
    for (int round = 0; round < 150; round++) {
      const size_t seen = commits.size() - 1 - rng() % std::min<size_t>(commits.size(), 4);
      std::vector<Op> ops;
      bool conflicts = false;
      Files after = model;
      for (int k = 0; k < 8; k++) {
        if (rng() % 4 != 0) continue;
        const string key = "k" + std::to_string(k);
        const string value = "v" + std::to_string(rng());
        const unsigned what = rng() % 3;
        const bool moved = changed.count(key) != 0 && changed[key] > seen;
        ops.push_back(what == 0 ? Put(key, value) : what == 1 ? Del(key) : Same(key));
        if (what == 0) {
          after[key] = value;
          conflicts |= moved;
        } else if (what == 1) {
          conflicts |= moved && model.count(key) != 0;
          after.erase(key);
        } else {
          // It may have changed and come back; values are random, so only by deleting.
          conflicts |= moved;
        }
      }
      const so_oid made = r.Commit(ops, "main", commits[seen]);
      if (!so_ok(r.status)) {
        ASSERT_TRUE(so_is(r.status, SO_CONFLICT));
        ASSERT_TRUE(conflicts);
        refused++;
        continue;
      }
      // A key that was made and deleted again since is as it was: no conflict, rightly.
      accepted++;
      if (conflicts) {
        for (const Op &op : ops) {
          const Files base = r.Read(commits[seen]);
          const auto x = base.find(op.path);
          const auto y = model.find(op.path);
          const bool same = (x == base.end()) == (y == model.end()) &&
                            (x == base.end() || x->second == y->second);
          ASSERT_TRUE(same || (op.kind == SO_OP_DELETE && y == model.end())) << op.path;
        }
      }
      for (const auto &e : after) {
        if (model.count(e.first) == 0 || model[e.first] != e.second) {
          changed[e.first] = commits.size();
        }
      }
      for (const auto &e : model) {
        if (after.count(e.first) == 0) changed[e.first] = commits.size();
      }
      model = after;
      if (!r.result.is_unchanged) commits.push_back(made);
      ASSERT_EQ(model, r.ReadBranch());
    }
    EXPECT_GT(accepted, 20u);
    EXPECT_GT(refused, 20u);
  }
}

TEST(RepoTest, TheFirstChangeOfRefsSettlesTheSalt) {
  World w;
  Repo mine(&w, "r"), other(&w, "q", 33);
  uint8_t salt[SO_SALT_LEN], third[SO_SALT_LEN];
  memset(salt, 0x55, sizeof salt);
  memset(third, 0x66, sizeof third);
  so_repo late, rival;
  SO_ASSERT_OK(so_repo_open(mine.get()->repos, so_str("r"), &late));
  SO_ASSERT_OK(so_repo_open(mine.get()->repos, so_str("r"), &rival));
  SO_ASSERT_OK(so_repo_propose_salt(mine.get(), salt));
  SO_ASSERT_OK(so_repo_propose_salt(&rival, third));
  const so_oid head = mine.Commit({Put("a", "1")});
  SO_ASSERT_OK(mine.status);
  so_repo now;
  SO_ASSERT_OK(so_repo_open(mine.get()->repos, so_str("r"), &now));
  EXPECT_EQ(0, memcmp(now.salt, salt, sizeof salt));
  // It stays: nobody who thinks otherwise changes a ref, and nobody may propose another.
  const so_ref_change change = {so_str("refs/heads/x"), head, false, {}};
  const so_ref_note note = {so_str("me"), so_str("why"), 1};
  so_ref_result result;
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_update_refs(&late, &change, 1, &note, &result));
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_update_refs(&rival, &change, 1, &note, &result));
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_propose_salt(&now, third));
  SO_EXPECT_OK(so_repo_update_refs(&now, &change, 1, &note, &result));
  // Other repositories are not touched, and a proposal alone changes nothing.
  SO_ASSERT_OK(so_repo_open(mine.get()->repos, so_str("q"), &now));
  EXPECT_EQ(33, now.salt[0]);
  SO_ASSERT_OK(so_repo_propose_salt(&now, third));
  SO_ASSERT_OK(so_repo_open(mine.get()->repos, so_str("q"), &now));
  EXPECT_EQ(33, now.salt[0]);
}

// Commits that came in a pack were not made by so_repo_commit.
TEST(PathsTest, WhatAPackBroughtIsChecked) {
  World w;
  Repo r(&w, "r");
  const so_oid none = {};
  const so_oid good = r.Commit({Put("a", "1")});
  const auto commit = [&](const Strings &paths) {
    std::vector<so_edit> edits;
    for (const string &p : paths) {
      so_edit e = {};
      e.key = View(p);
      e.entry = r.Entry("1");
      edits.push_back(e);
    }
    const so_tree t = r.tree();
    so_oid root, oid;
    SO_EXPECT_OK(so_tree_edit_array(&t, &none, edits.data(), edits.size(), &root));
    const so_person person = r.Person();
    SO_EXPECT_OK(so_commit_write(&r.get()->objects, Heap(), &root, &good, 1, &person, &person,
                                 so_str("m"), &oid));
    return oid;
  };
  Arena arena;
  so_bytes path;
  const so_oid fine = commit({"a", "b/c", "b/d"});
  SO_EXPECT_OK(so_repo_check_paths(r.get(), &good, &fine, arena.get(), &path));
  const so_oid up = commit({"../x", "a"});
  SO_EXPECT_CODE(SO_MALFORMED, so_repo_check_paths(r.get(), &good, &up, arena.get(), &path));
  EXPECT_EQ("../x", Text(path));
  const so_oid both = commit({"a", "b", "b/c"});
  SO_EXPECT_CODE(SO_CONFLICT, so_repo_check_paths(r.get(), &none, &both, arena.get(), &path));
}

// --- tokens ---------------------------------------------------------------------------------

so_status CollectToken(void *ctx, const so_token *token) {
  static_cast<std::vector<uint64_t> *>(ctx)->push_back(token->id);
  return so_done();
}

TEST(TokenTest, CreateVerifyListRevoke) {
  World w;
  uint8_t entropy[SO_TOKEN_ENTROPY_LEN];
  for (size_t i = 0; i < sizeof entropy; i++) entropy[i] = static_cast<uint8_t>(i + 1);
  so_token t = {};
  t.note = so_str("build machine");
  t.created_ms = 5;
  t.expires_ms = 100;
  t.scope_count = 2;
  t.scopes[0] = {so_str("docs-*"), SO_RIGHT_READ};
  t.scopes[1] = {so_str("code"), SO_RIGHT_WRITE};
  uint8_t text[SO_TOKEN_TEXT_LEN];
  SO_ASSERT_OK(so_token_create(w.repos(), entropy, &t, text));
  EXPECT_EQ("sot_0102030405060708_", string(reinterpret_cast<char *>(text), 21));
  SO_EXPECT_CODE(SO_CONFLICT, so_token_create(w.repos(), entropy, &t, text));
  w.FlushAndCrash();
  Arena arena;
  so_token got;
  const so_bytes view = so_bytes_of(text, sizeof text);
  SO_ASSERT_OK(so_token_verify(w.repos(), view, 99, arena.get(), &got));
  EXPECT_EQ("build machine", Text(got.note));
  EXPECT_TRUE(so_token_may(&got, so_str("docs-a"), SO_RIGHT_READ));
  EXPECT_FALSE(so_token_may(&got, so_str("docs-a"), SO_RIGHT_WRITE));
  EXPECT_TRUE(so_token_may(&got, so_str("code"), SO_RIGHT_READ));
  EXPECT_TRUE(so_token_may(&got, so_str("code"), SO_RIGHT_WRITE));
  EXPECT_FALSE(so_token_may(&got, so_str("code"), SO_RIGHT_ADMIN));
  EXPECT_FALSE(so_token_may(&got, so_str("codes"), SO_RIGHT_READ));
  EXPECT_FALSE(so_token_may(&got, so_str(""), SO_RIGHT_READ));
  SO_EXPECT_CODE(SO_DENIED, so_token_verify(w.repos(), view, 100, arena.get(), &got));
  for (size_t i = 0; i < sizeof text; i++) {
    string wrong(reinterpret_cast<char *>(text), sizeof text);
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    SO_EXPECT_CODE(SO_DENIED, so_token_verify(w.repos(), View(wrong), 9, arena.get(), &got));
    const so_test::Guarded cut(text, i);
    SO_EXPECT_CODE(SO_DENIED, so_token_verify(w.repos(), cut.view(), 9, arena.get(), &got));
  }
  std::vector<uint64_t> ids;
  SO_EXPECT_OK(so_token_list(w.repos(), 0, 10, CollectToken, &ids));
  EXPECT_EQ((std::vector<uint64_t>{0x0102030405060708u}), ids);
  SO_EXPECT_OK(so_token_revoke(w.repos(), ids[0]));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_token_revoke(w.repos(), ids[0]));
  SO_EXPECT_CODE(SO_DENIED, so_token_verify(w.repos(), view, 9, arena.get(), &got));
}

TEST(TokenTest, BadScopesAreRefused) {
  World w;
  const uint8_t entropy[SO_TOKEN_ENTROPY_LEN] = {1};
  uint8_t text[SO_TOKEN_TEXT_LEN];
  so_token t = {};
  SO_EXPECT_CODE(SO_MALFORMED, so_token_create(w.repos(), entropy, &t, text));
  t.scope_count = 1;
  t.scopes[0] = {so_str("a/b"), SO_RIGHT_READ};
  SO_EXPECT_CODE(SO_MALFORMED, so_token_create(w.repos(), entropy, &t, text));
  t.scopes[0] = {so_str("*"), 0};
  SO_EXPECT_CODE(SO_MALFORMED, so_token_create(w.repos(), entropy, &t, text));
  t.scopes[0] = {so_str("*"), 8};
  SO_EXPECT_CODE(SO_MALFORMED, so_token_create(w.repos(), entropy, &t, text));
  t.scopes[0] = {so_str("*"), SO_RIGHT_ADMIN};
  SO_EXPECT_OK(so_token_create(w.repos(), entropy, &t, text));
  EXPECT_TRUE(so_token_may(&t, so_str(""), SO_RIGHT_WRITE));
}

}  // namespace
}  // namespace so_repo_test
