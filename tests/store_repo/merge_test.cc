// Merging maps and branches, walking history, on a real database.

#include "store/merge/merge.h"

#include <random>
#include <set>

#include "store/history/history.h"
#include "tests/store_repo/world.h"

namespace so_repo_test {
namespace {

using Strings = std::vector<string>;

// --- attributes -----------------------------------------------------------------------------

bool Match(const string &pattern, const string &path) {
  return so_glob_match(View(pattern), View(path));
}

TEST(GlobTest, StarsStopAtSlashesAndDoubleStarsDoNot) {
  EXPECT_TRUE(Match("a", "a"));
  EXPECT_TRUE(Match("*.c", "x.c"));
  EXPECT_FALSE(Match("*.c", "d/x.c"));
  EXPECT_TRUE(Match("**.c", "d/x.c"));
  EXPECT_TRUE(Match("**/x.c", "x.c"));
  EXPECT_TRUE(Match("**/x.c", "a/b/x.c"));
  EXPECT_FALSE(Match("**/x.c", "ax.c"));
  EXPECT_TRUE(Match("a/**", "a/b/c"));
  EXPECT_TRUE(Match("a/**/d", "a/b/c/d"));
  EXPECT_TRUE(Match("a/**/d", "a/d"));
  EXPECT_FALSE(Match("a/*/d", "a/b/c/d"));
  EXPECT_TRUE(Match("?", "x"));
  EXPECT_FALSE(Match("?", "/"));
  EXPECT_TRUE(Match("**/*a*b", "x/y/1a2ab"));
  EXPECT_TRUE(Match("**", ""));
  EXPECT_FALSE(Match("", "a"));
  EXPECT_FALSE(Match("*a", "b"));
  EXPECT_FALSE(Match(string(200, '*') + "b", string(4000, 'a')));
}

// The textbook definition, to compare with.
bool Slow(const string &p, const string &s) {
  if (p.empty()) return s.empty();
  if (p.compare(0, 2, "**") == 0) {
    if (Slow(p.substr(2), s)) return true;
    return !s.empty() && Slow(p, s.substr(1));
  }
  if (p[0] == '*')
    return Slow(p.substr(1), s) || (!s.empty() && s[0] != '/' && Slow(p, s.substr(1)));
  return !s.empty() && (p[0] == s[0] || (p[0] == '?' && s[0] != '/')) &&
         Slow(p.substr(1), s.substr(1));
}

TEST(GlobTest, AgreesWithTheTextbook) {
  std::mt19937 rng(7);
  for (int round = 0; round < 200000; round++) {
    string p, s;
    for (unsigned i = rng() % 7; i > 0; i--) p += "ab*?/"[rng() % 5];
    for (unsigned i = rng() % 8; i > 0; i--) s += "ab/"[rng() % 3];
    if (p.find("***") != string::npos || p.find("**/") != string::npos) continue;
    ASSERT_EQ(Slow(p, s), Match(p, s)) << p << " " << s;
  }
}

TEST(AttributesTest, TheLastMatchingLineDecides) {
  const string text =
      "# comment\n*.txt text\n\nnotes.txt union\n/docs/** whole\n*.bin\nx nothing\n";
  const so_attributes a = {View(text)};
  EXPECT_EQ(SO_STRATEGY_TEXT, so_attributes_strategy(&a, so_str("a/b.txt")));
  EXPECT_EQ(SO_STRATEGY_UNION, so_attributes_strategy(&a, so_str("a/notes.txt")));
  EXPECT_EQ(SO_STRATEGY_WHOLE, so_attributes_strategy(&a, so_str("docs/notes.txt")));
  EXPECT_EQ(SO_STRATEGY_DEFAULT, so_attributes_strategy(&a, so_str("x")));
  size_t line;
  SO_EXPECT_CODE(SO_MALFORMED, so_attributes_check(View(text), &line));
  EXPECT_EQ(6u, line);
  SO_EXPECT_OK(so_attributes_check(so_str("*.json json\n*.log log"), &line));
}

// --- maps -----------------------------------------------------------------------------------

struct Merged {
  Files files;
  Strings conflicts;
  uint64_t total = 0;
};

class Maps {
 public:
  Maps() : repo_(&world_, "r") {}
  so_oid Root(const Files &files) {
    std::vector<so_edit> edits;
    for (const auto &f : files) {
      so_edit e = {};
      e.key = View(f.first);
      e.entry = repo_.Entry(f.second);
      edits.push_back(e);
    }
    const so_tree t = repo_.tree();
    const so_oid none = {};
    so_oid root;
    SO_EXPECT_OK(so_tree_edit_array(&t, &none, edits.data(), edits.size(), &root));
    return root;
  }
  Merged Merge(const Files &base, const Files &ours, const Files &theirs,
               const so_merge_options *options = nullptr) {
    const so_tree t = repo_.tree();
    const so_oid b = Root(base), o = Root(ours), x = Root(theirs);
    Arena arena;
    so_merge_result r;
    Merged m;
    const so_status s = so_merge_trees(&t, &b, &o, &x, options, arena.get(), &r);
    SO_EXPECT_OK(s);
    if (!so_ok(s)) return m;
    m.files = repo_.ReadRoot(r.root);
    m.total = r.conflict_total;
    for (size_t i = 0; i < r.conflict_count; i++) {
      const so_conflict &c = r.conflicts[i];
      string line = string(so_conflict_kind_name(c.kind)) + " " + Text(c.path);
      for (size_t j = 0; j < c.pointer_count; j++) line += " " + Text(c.pointers[j]);
      if (c.other.len != 0) line += " (" + Text(c.other) + ")";
      m.conflicts.push_back(line);
    }
    return m;
  }
  Repo *repo() { return &repo_; }

 private:
  World world_;
  Repo repo_;
};

TEST(MergeTest, OneSidedChangesAreAdopted) {
  Maps m;
  const Merged r = m.Merge({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}},
                           {{"a", "2"}, {"c", "1"}, {"d", "1"}, {"e", "1"}},
                           {{"a", "1"}, {"b", "1"}, {"c", "3"}, {"f", "1"}});
  EXPECT_EQ((Files{{"a", "2"}, {"c", "3"}, {"e", "1"}, {"f", "1"}}), r.files);
  EXPECT_EQ(Strings{}, r.conflicts);
}

TEST(MergeTest, ConflictsAreDataAndTheRestIsMerged) {
  Maps m;
  const Merged r = m.Merge({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"z", "1"}},
                           {{"a", "2"}, {"c", "2"}, {"n", "1"}, {"z", "1"}},
                           {{"a", "3"}, {"b", "3"}, {"n", "2"}, {"z", "9"}});
  EXPECT_EQ((Strings{"KEY_CHANGED a", "KEY_DELETED b", "CHANGED_KEY c", "KEY_EXISTS n"}),
            r.conflicts);
  EXPECT_EQ((Files{{"a", "2"}, {"c", "2"}, {"n", "1"}, {"z", "9"}}), r.files);
}

TEST(MergeTest, TextMergesByLinesAndJsonByStructure) {
  Maps m;
  const Merged r =
      m.Merge({{"t", "a\nb\nc\n"}, {"j.json", "{\"x\":1,\"y\":1}"}, {"b", string("\0a", 2)}},
              {{"t", "A\nb\nc\n"}, {"j.json", "{\"x\":2,\"y\":1}"}, {"b", string("\0b", 2)}},
              {{"t", "a\nb\nC\n"}, {"j.json", "{\"x\":1,\"y\":3}"}, {"b", string("\0c", 2)}});
  EXPECT_EQ("A\nb\nC\n", r.files.at("t"));
  EXPECT_EQ("{\"x\":2,\"y\":3}", r.files.at("j.json"));
  EXPECT_EQ((Strings{"KEY_CHANGED b"}), r.conflicts);
  EXPECT_EQ((Strings{"KEY_CHANGED j.json /x"}),
            m.Merge({{"j.json", "{\"x\":1}"}}, {{"j.json", "{\"x\":2}"}}, {{"j.json", "{\"x\":3}"}})
                .conflicts);
}

TEST(MergeTest, JsonKeepsTheLayoutPeopleGaveIt) {
  Maps m;
  const string base = "{ \"a\": [1, 2],\n\n  \"b\": 1,\n  \"pad\": 0,\n  \"c\": 1 }\n";
  const string ours = "{ \"a\": [1, 2],\n\n  \"b\": 2,\n  \"pad\": 0,\n  \"c\": 1 }\n";
  const string theirs = "{ \"a\": [1, 2],\n\n  \"b\": 1,\n  \"pad\": 0,\n  \"c\": 3 }\n";
  EXPECT_EQ(
      "{ \"a\": [1, 2],\n\n  \"b\": 2,\n  \"pad\": 0,\n  \"c\": 3 }\n",
      m.Merge({{"x.json", base}}, {{"x.json", ours}}, {{"x.json", theirs}}).files.at("x.json"));
}

TEST(MergeTest, AttributesChooseTheStrategy) {
  Maps m;
  const string attributes = "w whole\no ours\nt theirs\nu union\n*.log log\n";
  const auto files = [&](const string &x, const string &log) {
    return Files{{".storeattributes", attributes},
                 {"o", x},
                 {"t", x},
                 {"u", x},
                 {"w", "1\n2\n" + x},
                 {"x.log", log}};
  };
  const Merged r =
      m.Merge(files("b\n", "01\n"), files("o\n", "01\n03\n05\n"), files("t\n", "01\n02\n05\n"));
  EXPECT_EQ("o\n", r.files.at("o"));
  EXPECT_EQ("t\n", r.files.at("t"));
  EXPECT_EQ("o\nt\n", r.files.at("u"));
  EXPECT_EQ("01\n02\n03\n05\n", r.files.at("x.log"));
  EXPECT_EQ((Strings{"KEY_CHANGED w"}), r.conflicts);
}

TEST(MergeTest, FavorDecidesEveryConflictOfValues) {
  Maps m;
  const Files base = {{"a", "x\n1\ny\n"}, {"d", "1"}, {"b", string("\0a", 2)}};
  const Files ours = {{"a", "X\n2\ny\n"}, {"b", string("\0b", 2)}};
  const Files theirs = {{"a", "x\n3\nY\n"}, {"d", "2"}, {"b", string("\0c", 2)}};
  so_merge_options options = {};
  options.favor = SO_STRATEGY_OURS;
  EXPECT_EQ((Files{{"a", "X\n2\ny\n"}, {"b", string("\0b", 2)}}),
            m.Merge(base, ours, theirs, &options).files);
  options.favor = SO_STRATEGY_THEIRS;
  const Merged r = m.Merge(base, ours, theirs, &options);
  EXPECT_EQ(Strings{}, r.conflicts);
  EXPECT_EQ("2", r.files.at("d"));
}

TEST(MergeTest, MarkersAreLeftWhenAskedFor) {
  Maps m;
  so_merge_options options = {};
  options.labels = {so_str("me"), so_str("base"), so_str("you")};
  options.keep_markers = true;
  const Merged r = m.Merge({{"a", "1\n"}}, {{"a", "2\n"}}, {{"a", "3\n"}}, &options);
  EXPECT_EQ((Strings{"KEY_CHANGED a"}), r.conflicts);
  EXPECT_EQ("<<<<<<< me\n2\n||||||| base\n1\n=======\n3\n>>>>>>> you\n", r.files.at("a"));
}

TEST(MergeTest, FileAgainstDirectoryIsAConflict) {
  Maps m;
  EXPECT_EQ((Strings{"PATH_CLASH a/b (a)"}), m.Merge({}, {{"a", "1"}}, {{"a/b", "1"}}).conflicts);
  EXPECT_EQ((Strings{"PATH_CLASH a (a/b)"}), m.Merge({}, {{"a/b", "1"}}, {{"a", "1"}}).conflicts);
  // Theirs turned a file into a directory, and ours changed nothing there.
  EXPECT_EQ((Files{{"a/b", "1"}}), m.Merge({{"a", "1"}}, {{"a", "1"}}, {{"a/b", "1"}}).files);
  EXPECT_EQ((Files{{"a", "1"}}), m.Merge({{"a/b", "1"}}, {{"a/b", "1"}}, {{"a", "1"}}).files);
  // ... and ours changed the file.
  EXPECT_EQ((Strings{"CHANGED_KEY a", "PATH_CLASH a/b (a)"}),
            m.Merge({{"a", "1"}}, {{"a", "2"}}, {{"a/b", "1"}}).conflicts);
}

TEST(MergeTest, ResolutionsSettleConflicts) {
  Maps m;
  const so_resolution list[] = {{so_str("a"), false, m.repo()->Entry("both")},
                                {so_str("b"), true, {}},
                                {so_str("c"), false, m.repo()->Entry("new")}};
  so_merge_options options = {};
  options.resolutions = list;
  options.resolution_count = 3;
  const Merged r =
      m.Merge({{"a", "1"}, {"b", "1"}}, {{"a", "2"}, {"b", "2"}}, {{"a", "3"}}, &options);
  EXPECT_EQ(Strings{}, r.conflicts);
  EXPECT_EQ((Files{{"a", "both"}, {"c", "new"}}), r.files);
  const so_resolution bad[] = {{so_str("a/x"), false, m.repo()->Entry("1")}};
  options.resolutions = bad;
  options.resolution_count = 1;
  EXPECT_EQ((Strings{"PATH_CLASH a/x (a)"}),
            m.Merge({{"a", "1"}}, {{"a", "1"}}, {{"a", "1"}}, &options).conflicts);
}

bool Clashes(const Files &files) {
  for (const auto &f : files) {
    const auto next = files.lower_bound(f.first + "/");
    if (next != files.end() && next->first.compare(0, f.first.size() + 1, f.first + "/") == 0)
      return true;
  }
  return false;
}

TEST(MergeTest, RandomMapsMergeAsTheModelSaysAndSymmetrically) {
  static const char *const kPaths[] = {"a", "a/b", "a/b/c", "a/x", "a!",
                                       "b", "b/c", "d",     "e/f", "e/g"};
  for (uint32_t seed = 1; seed <= 400; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 rng(seed);
    Maps *maps = nullptr;
    static Maps shared;
    maps = &shared;
    const auto mutate = [&](Files f) {
      for (unsigned i = rng() % 5; i > 0; i--) {
        Files next = f;
        const string path = kPaths[rng() % 10];
        if (rng() % 3 == 0) {
          next.erase(path);
        } else {
          next[path] = string("\0", 1) + std::to_string(rng() % 3);  // Binary: merges as a whole.
        }
        if (!Clashes(next)) f = next;
      }
      return f;
    };
    const Files base = mutate(mutate({})), ours = mutate(base), theirs = mutate(base);
    const Merged x = maps->Merge(base, ours, theirs);
    const Merged y = maps->Merge(base, theirs, ours);
    ASSERT_EQ(x.total == 0, y.total == 0);
    ASSERT_EQ(x.total, x.conflicts.size());
    ASSERT_FALSE(Clashes(x.files));
    Files model;
    bool model_conflicts = false;
    std::set<string> keys;
    for (const Files *f : {&base, &ours, &theirs})
      for (const auto &e : *f) keys.insert(e.first);
    for (const string &k : keys) {
      const auto at = [&](const Files &f) {
        const auto i = f.find(k);
        return i == f.end() ? string("-") : i->second;
      };
      const string b = at(base), o = at(ours), t = at(theirs);
      model_conflicts |= o != t && o != b && t != b;
      const string v = b == o ? t : o;
      if (v != "-") model[k] = v;
    }
    ASSERT_EQ(model_conflicts || Clashes(model), x.total != 0);
    if (x.total == 0) {
      ASSERT_EQ(model, x.files);
      ASSERT_EQ(x.files, y.files);
    }
  }
}

// --- branches -------------------------------------------------------------------------------

TEST(BranchesTest, FastForwardAndNot) {
  World w;
  Repo r(&w, "r");
  const so_oid a = r.Commit({Put("f", "1")});
  SO_ASSERT_OK(r.Branch("b", a));
  const so_oid b = r.Commit({Put("f", "2")}, "b");
  EXPECT_EQ(SO_MERGED_FAST_FORWARD,
            r.Merge(b, "main", SO_MERGE_ACTION_MERGE, nullptr, SO_FF_ALLOWED, true).kind);
  EXPECT_TRUE(r.Head() == a) << "a dry run moves nothing";
  const so_merge_outcome out = r.Merge(b, "main", SO_MERGE_ACTION_MERGE, nullptr, SO_FF_NEVER);
  EXPECT_EQ(SO_MERGED_COMMIT, out.kind);
  EXPECT_EQ(Hex(b), r.Resolve("main^2"));
  EXPECT_EQ(SO_MERGED_UP_TO_DATE, r.Merge(b).kind);
  EXPECT_EQ(SO_MERGED_FAST_FORWARD, r.Merge(out.commit, "b").kind);
  EXPECT_TRUE(r.Head("b") == out.commit);
  const so_oid c = r.Commit({Put("g", "1")}, "b");
  r.Commit({Put("h", "1")});
  r.Merge(c, "main", SO_MERGE_ACTION_MERGE, nullptr, SO_FF_ONLY);
  SO_EXPECT_CODE(SO_CONFLICT, r.status);
  r.Merge(c, "nowhere");
  SO_EXPECT_CODE(SO_NOT_FOUND, r.status);
}

TEST(BranchesTest, ConflictThenResolution) {
  World w;
  Repo r(&w, "r");
  const so_oid a = r.Commit({Put("f", "1\n"), Put("g", "1")});
  SO_ASSERT_OK(r.Branch("b", a));
  const so_oid b = r.Commit({Put("f", "2\n"), Put("g", "2")}, "b");
  const so_oid m = r.Commit({Put("f", "3\n")});
  EXPECT_EQ(SO_MERGED_CONFLICTS, r.Merge(b).kind);
  EXPECT_EQ((Strings{"KEY_CHANGED f"}), r.conflicts);
  EXPECT_TRUE(r.Head() == m);
  const so_resolution list[] = {{so_str("f"), false, r.Entry("both\n")}};
  so_merge_options options = {};
  options.resolutions = list;
  options.resolution_count = 1;
  EXPECT_EQ(SO_MERGED_COMMIT, r.Merge(b, "main", SO_MERGE_ACTION_MERGE, &options).kind);
  EXPECT_EQ((Files{{"f", "both\n"}, {"g", "2"}}), r.ReadBranch());
}

TEST(BranchesTest, RevertAndCherryPick) {
  World w;
  Repo r(&w, "r");
  const so_oid a = r.Commit({Put("f", "1"), Put("g", "1")});
  const so_oid b = r.Commit({Put("f", "2")});
  r.Commit({Put("g", "2")});
  EXPECT_EQ(SO_MERGED_COMMIT, r.Merge(b, "main", SO_MERGE_ACTION_REVERT).kind);
  EXPECT_EQ((Files{{"f", "1"}, {"g", "2"}}), r.ReadBranch());
  EXPECT_EQ(SO_MERGED_COMMIT, r.Merge(b, "main", SO_MERGE_ACTION_CHERRY_PICK).kind);
  EXPECT_EQ((Files{{"f", "2"}, {"g", "2"}}), r.ReadBranch());
  EXPECT_EQ(SO_MERGED_UP_TO_DATE, r.Merge(b, "main", SO_MERGE_ACTION_CHERRY_PICK).kind);
  EXPECT_EQ(SO_MERGED_CONFLICTS, r.Merge(a, "main", SO_MERGE_ACTION_REVERT).kind);
}

TEST(BranchesTest, CrissCrossMergesOverAVirtualBase) {
  World w;
  Repo r(&w, "r");
  const so_oid a = r.Commit({Put("f", "1\n2\n3\n4\n5\n")});
  SO_ASSERT_OK(r.Branch("b", a));
  const so_oid m1 = r.Commit({Put("f", "X\n2\n3\n4\n5\n")});
  const so_oid b1 = r.Commit({Put("f", "1\n2\n3\n4\nY\n")}, "b");
  EXPECT_EQ(SO_MERGED_COMMIT, r.Merge(b1).kind);
  EXPECT_EQ(SO_MERGED_COMMIT, r.Merge(m1, "b").kind);
  r.Commit({Put("f", "X\n2\n3\n4\nY2\n")});
  const so_oid b2 = r.Commit({Put("f", "X2\n2\n3\n4\nY\n")}, "b");
  const so_tree tree = r.tree();
  const so_history history = {&tree, 0};
  so_oid bases[SO_MERGE_BASES_MAX];
  size_t count;
  const so_oid head = r.Head();
  SO_ASSERT_OK(so_merge_bases(&history, &head, 1, &b2, 1, bases, &count));
  EXPECT_EQ(2u, count);
  EXPECT_EQ(SO_MERGED_COMMIT, r.Merge(b2).kind) << "over either base alone this conflicts";
  EXPECT_EQ("X2\n2\n3\n4\nY2\n", r.ReadBranch()["f"]);
}

// --- history --------------------------------------------------------------------------------

struct Graph {
  std::vector<so_oid> commits;
  std::vector<std::vector<size_t>> parents;
};

Graph RandomGraph(Repo *r, std::mt19937 *rng, size_t size) {
  Graph g;
  for (size_t i = 0; i < size; i++) {
    std::set<size_t> up;
    for (unsigned p = (*rng)() % 3; i != 0 && p > 0; p--)
      up.insert(i - 1 - (*rng)() % std::min<size_t>(i, 5));
    std::vector<so_oid> parents;
    for (const size_t p : up) parents.push_back(g.commits[p]);
    so_person person = r->Person();
    person.time_ms = static_cast<int64_t>((*rng)() % 1000);  // Clocks mean nothing.
    const string message = std::to_string(i);
    so_oid oid;
    const so_oid none = {};
    SO_EXPECT_OK(so_commit_write(&r->get()->objects, Heap(), &none, parents.data(), parents.size(),
                                 &person, &person, View(message), &oid));
    g.commits.push_back(oid);
    g.parents.emplace_back(up.begin(), up.end());
  }
  return g;
}

std::set<size_t> Ancestors(const Graph &g, size_t from) {
  std::set<size_t> seen = {from};
  for (size_t i = from + 1; i-- > 0;) {
    if (seen.count(i) != 0) seen.insert(g.parents[i].begin(), g.parents[i].end());
  }
  return seen;
}

TEST(HistoryTest, RandomGraphsAgreeWithTheDefinitions) {
  for (uint32_t seed = 1; seed <= 30; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 rng(seed);
    World w;
    Repo r(&w, "r");
    const Graph g = RandomGraph(&r, &rng, 25);
    const so_tree tree = r.tree();
    const so_history h = {&tree, 0};
    for (int round = 0; round < 40; round++) {
      const size_t a = rng() % 25, b = rng() % 25;
      const std::set<size_t> up_a = Ancestors(g, a), up_b = Ancestors(g, b);
      std::set<string> want;
      std::set<size_t> common;
      for (const size_t c : up_a)
        if (up_b.count(c) != 0) common.insert(c);
      for (const size_t c : common) {
        bool best = true;
        for (const size_t d : common) best &= d == c || Ancestors(g, d).count(c) == 0;
        if (best) want.insert(Hex(g.commits[c]));
      }
      so_oid bases[SO_MERGE_BASES_MAX];
      size_t count = 0;
      SO_ASSERT_OK(so_merge_bases(&h, &g.commits[a], 1, &g.commits[b], 1, bases, &count));
      std::set<string> got;
      for (size_t i = 0; i < count; i++) got.insert(Hex(bases[i]));
      ASSERT_EQ(want, got);
      bool is = false;
      SO_ASSERT_OK(so_is_ancestor(&h, &g.commits[a], &g.commits[b], &is));
      ASSERT_EQ(up_b.count(a) != 0, is);
      uint64_t ahead, behind;
      SO_ASSERT_OK(so_ahead_behind(&h, &g.commits[a], &g.commits[b], &ahead, &behind));
      ASSERT_EQ(up_a.size() - common.size(), ahead);
      ASSERT_EQ(up_b.size() - common.size(), behind);
      so_commit_log *log;
      SO_ASSERT_OK(so_commit_log_open(&h, &g.commits[a], 1, View(""), &log));
      SO_ASSERT_OK(so_commit_log_hide(log, &g.commits[b]));
      std::set<string> logged;
      so_commit_log_entry entry;
      uint64_t generation = UINT64_MAX;
      while (so_ok(so_commit_log_next(log, &entry))) {
        ASSERT_LE(entry.generation, generation);
        generation = entry.generation;
        ASSERT_TRUE(logged.insert(Hex(entry.oid)).second);
      }
      so_commit_log_close(log);
      ASSERT_EQ(ahead, logged.size());
    }
  }
}

TEST(HistoryTest, TheLogOfAPathShowsWhatChangedIt) {
  World w;
  Repo r(&w, "r");
  const so_oid a = r.Commit({Put("f", "1"), Put("d/x", "1"), Put("dd", "1")});
  const so_oid b = r.Commit({Put("g", "1")});
  const so_oid c = r.Commit({Put("d/y/z", "1")});
  SO_ASSERT_OK(r.Branch("side", b));
  const so_oid s = r.Commit({Put("f", "2")}, "side");
  const so_oid m = r.Merge(s).commit;
  const so_tree tree = r.tree();
  const so_history h = {&tree, 0};
  const auto log = [&](const string &path) {
    std::set<string> seen;
    so_commit_log *l;
    SO_EXPECT_OK(so_commit_log_open(&h, &m, 1, View(path), &l));
    so_commit_log_entry e;
    while (so_ok(so_commit_log_next(l, &e))) seen.insert(Hex(e.oid));
    so_commit_log_close(l);
    return seen;
  };
  EXPECT_EQ((std::set<string>{Hex(a), Hex(s)}), log("f"));
  EXPECT_EQ((std::set<string>{Hex(a), Hex(c)}), log("d"));
  EXPECT_EQ((std::set<string>{Hex(c)}), log("d/y"));
  EXPECT_EQ((std::set<string>{Hex(b)}), log("g"));
  EXPECT_EQ((std::set<string>{}), log("nothing"));
  EXPECT_EQ(5u, log("").size());
}

TEST(HistoryTest, TheLimitOnCommitsHolds) {
  World w;
  Repo r(&w, "r");
  for (int i = 0; i < 10; i++) r.Commit({Put("f", std::to_string(i))});
  const so_tree tree = r.tree();
  for (const uint32_t limit : {9u, 10u}) {
    const so_history h = {&tree, limit};
    so_commit_log *l;
    const so_oid head = r.Head();
    SO_ASSERT_OK(so_commit_log_open(&h, &head, 1, View(""), &l));
    so_commit_log_entry e;
    so_status s = so_done();
    while (so_ok(s)) s = so_commit_log_next(l, &e);
    SO_EXPECT_CODE(limit == 9 ? SO_LIMIT : SO_NOT_FOUND, s);
    so_commit_log_close(l);
  }
}

}  // namespace
}  // namespace so_repo_test
