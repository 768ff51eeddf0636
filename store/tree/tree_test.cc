#include "store/tree/tree.h"

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/store_support/objects.h"
#include "tests/support/support.h"

namespace {

using so_test::MemoryObjects;
using so_test::Text;
using so_test::View;

using Model = std::map<std::string, std::string>;  // Key to inline value.

so_entry Inline(const std::string &value) {
  so_entry e;
  memset(&e, 0, sizeof e);
  e.type = SO_ENTRY_FILE;
  e.mode = 0644;
  e.size = value.size();
  e.is_inline = true;
  e.inline_value = View(value);
  return e;
}

// Edits to apply: a value, or nothing for a deletion.
struct Change {
  bool is_delete;
  std::string value;
};
using Batch = std::map<std::string, Change>;

so_oid None() {
  so_oid none;
  memset(&none, 0, sizeof none);
  return none;
}

so_oid Apply(const so_tree &tree, const so_oid &root, const Batch &batch) {
  std::vector<so_edit> edits;
  for (const auto &c : batch) {
    so_edit e;
    memset(&e, 0, sizeof e);
    e.key = View(c.first);
    e.is_delete = c.second.is_delete;
    if (!e.is_delete) e.entry = Inline(c.second.value);
    edits.push_back(e);
  }
  so_oid out = None();
  SO_EXPECT_OK(so_tree_edit_array(&tree, &root, edits.data(), edits.size(), &out));
  return out;
}

so_oid Build(const so_tree &tree, const Model &model) {
  Batch batch;
  for (const auto &kv : model) batch[kv.first] = Change{false, kv.second};
  return Apply(tree, None(), batch);
}

void ApplyToModel(const Batch &batch, Model *model) {
  for (const auto &c : batch) {
    if (c.second.is_delete) {
      model->erase(c.first);
    } else {
      (*model)[c.first] = c.second.value;
    }
  }
}

std::string Key(uint64_t n) {
  char buf[32];
  snprintf(buf, sizeof buf, "dir%02u/file%07u", (unsigned)(n % 100), (unsigned)n);
  return buf;
}

Model Numbered(size_t n) {
  Model m;
  for (size_t i = 0; i < n; i++) m[Key(i)] = "v" + std::to_string(i);
  return m;
}

Model ReadAll(const so_tree &tree, const so_oid &root) {
  Model m;
  auto c = std::make_unique<so_cursor>();
  SO_EXPECT_OK(so_cursor_seek(c.get(), &tree, &root, View("")));
  while (!c->at_end) {
    EXPECT_TRUE(m.emplace(Text(c->key), Text(c->entry.inline_value)).second);
    SO_EXPECT_OK(so_cursor_next(c.get()));
  }
  so_cursor_close(c.get());
  return m;
}

bool Same(const so_oid &a, const so_oid &b) { return so_oid_equal(&a, &b); }

uint64_t Seed() {
  const char *env = getenv("SEED");
  const uint64_t seed = env != nullptr ? strtoull(env, nullptr, 10) : 20261124;
  printf("seed %llu (set SEED to change it)\n", (unsigned long long)seed);
  return seed;
}

TEST(TreeTest, TheEmptyMapHasNoRoot) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid root = Apply(tree, None(), {});
  EXPECT_TRUE(so_oid_is_none(&root));
  EXPECT_TRUE(ReadAll(tree, root).empty());
  EXPECT_EQ(0u, objects.size());
}

TEST(TreeTest, WhatWasPutIsReadInOrder) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  for (size_t n : {1u, 2u, 11u, 12u, 13u, 96u, 97u, 1000u, 20000u}) {
    const Model m = Numbered(n);
    const so_oid root = Build(tree, m);
    EXPECT_EQ(m, ReadAll(tree, root)) << n;
    uint64_t count = 0;
    SO_EXPECT_OK(so_tree_count(&tree, &root, &count));
    EXPECT_EQ(n, count);
  }
}

TEST(TreeTest, GetFindsWhatIsThereAndNothingElse) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const Model m = Numbered(5000);
  const so_oid root = Build(tree, m);
  so_arena arena;
  so_arena_init(&arena, so_test::Heap(), 1 << 20);
  for (const auto &kv : m) {
    so_entry e;
    const so_arena_mark mark = so_arena_save(&arena);
    SO_ASSERT_OK(so_tree_get(&tree, &root, View(kv.first), &arena, &e));
    EXPECT_EQ(kv.second, Text(e.inline_value));
    EXPECT_EQ(0644, e.mode);
    for (const std::string &absent :
         {kv.first + "x", kv.first.substr(0, kv.first.size() - 1), "!" + kv.first,
          std::string("zzz")}) {
      SO_EXPECT_CODE(SO_NOT_FOUND, so_tree_get(&tree, &root, View(absent), &arena, &e));
    }
    so_arena_rewind(&arena, mark);
  }
  so_arena_release(&arena);
}

// Any sequence of batches must end in the root that building the result at once gives.
void RandomHistory(uint64_t seed, size_t keys, size_t batches, size_t batch_max) {
  std::mt19937_64 rng(seed);
  MemoryObjects objects;
  const so_tree tree = objects.Tree(static_cast<uint8_t>(seed));
  Model model;
  so_oid root = None();
  for (size_t i = 0; i < batches; i++) {
    Batch batch;
    const size_t n = rng() % batch_max + 1;
    for (size_t j = 0; j < n; j++) {
      batch[Key(rng() % keys)] = Change{rng() % 3 == 0, std::string(rng() % 20, 'a')};
    }
    root = Apply(tree, root, batch);
    ApplyToModel(batch, &model);
    ASSERT_TRUE(Same(Build(tree, model), root)) << "seed " << seed << " batch " << i;
  }
  EXPECT_EQ(model, ReadAll(tree, root));
}

TEST(TreeTest, TheRootDoesNotDependOnTheHistory) {
  const uint64_t seed = Seed();
  for (uint64_t i = 0; i < 20; i++) {
    RandomHistory(seed + i, 60, 60, 8);
    RandomHistory(seed + i, 600, 30, 60);
    RandomHistory(seed + i, 5000, 8, 1500);
  }
}


// --- difference ---------------------------------------------------------------------------------

std::map<std::string, std::string> ReadDiff(const so_tree &tree, const so_oid &from,
                                            const so_oid &to, const std::string &prefix = "",
                                            const std::string &after = "") {
  std::map<std::string, std::string> found;
  std::string last;
  so_diff *d = nullptr;
  SO_EXPECT_OK(so_diff_open(&tree, &from, &to, View(prefix), View(after), &d));
  if (d == nullptr) return found;
  for (;;) {
    so_change c;
    const so_status s = so_diff_next(d, &c);
    if (!so_ok(s)) {
      SO_EXPECT_CODE(SO_NOT_FOUND, s);
      SO_EXPECT_CODE(SO_NOT_FOUND, so_diff_next(d, &c));
      break;
    }
    const std::string key = Text(c.key);
    EXPECT_LT(last, key);
    last = key;
    found[key] = (c.has_old ? "-" + Text(c.old_entry.inline_value) : "") +
                 (c.has_new ? "+" + Text(c.new_entry.inline_value) : "");
  }
  so_diff_close(d);
  return found;
}

std::map<std::string, std::string> ModelDiff(const Model &from, const Model &to,
                                             const std::string &prefix = "",
                                             const std::string &after = "") {
  std::map<std::string, std::string> out;
  for (const auto &kv : from) out[kv.first] = "-" + kv.second;
  for (const auto &kv : to) out[kv.first] += "+" + kv.second;
  for (const auto &kv : from) {
    const auto it = to.find(kv.first);
    if (it != to.end() && it->second == kv.second) out.erase(kv.first);
  }
  for (auto it = out.begin(); it != out.end();) {
    const bool in = it->first.compare(0, prefix.size(), prefix) == 0 && it->first > after;
    it = in ? std::next(it) : out.erase(it);
  }
  return out;
}

TEST(TreeTest, ADiffIsExactlyTheDifference) {
  const uint64_t seed = Seed();
  for (uint64_t i = 0; i < 40; i++) {
    std::mt19937_64 rng(seed + i);
    MemoryObjects objects;
    const so_tree tree = objects.Tree();
    Model from = Numbered(rng() % 3000), to = from;
    for (size_t j = rng() % 40; j > 0; j--) {
      const std::string key = Key(rng() % 4000);
      if (rng() % 2 == 0) to.erase(key);
      else to[key] = std::to_string(rng() % 5);
    }
    if (rng() % 4 == 0) to.erase(to.begin(), to.lower_bound("dir5"));
    const so_oid a = Build(tree, from), b = Build(tree, to);
    EXPECT_EQ(ModelDiff(from, to), ReadDiff(tree, a, b));
    EXPECT_EQ(ModelDiff(to, from), ReadDiff(tree, b, a));
    EXPECT_EQ(ModelDiff(from, to, "dir3"), ReadDiff(tree, a, b, "dir3"));
    for (int j = 0; j < 10; j++) {
      const std::string after = Key(rng() % 4000);
      EXPECT_EQ(ModelDiff(from, to, "", after), ReadDiff(tree, a, b, "", after));
      EXPECT_EQ(ModelDiff(from, to, "dir4", after), ReadDiff(tree, a, b, "dir4", after));
    }
    EXPECT_EQ(ModelDiff(from, {}), ReadDiff(tree, a, None()));
    EXPECT_EQ(ModelDiff({}, to, "dir9"), ReadDiff(tree, None(), b, "dir9"));
  }
}

TEST(TreeTest, ADiffOfOneKeyReadsTwoPaths) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const Model m = Numbered(30000);
  const so_oid root = Build(tree, m);
  std::mt19937_64 rng(Seed());
  for (int i = 0; i < 200; i++) {
    const so_oid next = Apply(tree, root, {{Key(rng() % 30000), Change{i % 2 == 0, "new"}}});
    objects.ResetCounters();
    EXPECT_EQ(1u, ReadDiff(tree, root, next).size());
    EXPECT_LT(objects.gets, 40u);
  }
}


// --- adversarial histories ----------------------------------------------------------------------

// The last key of each node at any level: where a boundary is.
std::vector<std::string> BoundaryKeys(const MemoryObjects &objects, const so_tree &tree,
                                      const so_oid &root) {
  std::vector<std::string> keys;
  std::vector<so_oid> leaves;
  std::vector<so_oid> todo = {root};
  const auto collect = [](void *ctx, const so_oid *child, so_kind kind) {
    if (kind == SO_KIND_TREE) static_cast<std::vector<so_oid> *>(ctx)->push_back(*child);
    return so_done();
  };
  while (!todo.empty()) {
    const so_oid oid = todo.back();
    todo.pop_back();
    const std::string &payload = objects.Find(oid)->payload;
    if (payload[1] == 0) leaves.push_back(oid);
    SO_EXPECT_OK(so_tree_node_each_child(View(payload), collect, &todo));
  }
  for (const so_oid &leaf : leaves) keys.push_back(ReadAll(tree, leaf).rbegin()->first);
  return keys;
}

class Checked {
 public:
  Checked(MemoryObjects *objects, Model model)
      : objects_(objects), tree_(objects->Tree()), model_(std::move(model)) {
    root_ = Build(tree_, model_);
  }
  void Do(const Batch &batch) {
    root_ = Apply(tree_, root_, batch);
    ApplyToModel(batch, &model_);
    EXPECT_TRUE(Same(Build(tree_, model_), root_));
  }
  const so_oid &root() const { return root_; }
  const Model &model() const { return model_; }
  const so_tree &tree() const { return tree_; }
  std::vector<std::string> Boundaries() const { return BoundaryKeys(*objects_, tree_, root_); }

 private:
  MemoryObjects *objects_;
  so_tree tree_;
  Model model_;
  so_oid root_;
};

TEST(TreeTest, BoundaryKeysComeAndGo) {
  MemoryObjects objects;
  Checked map(&objects, Numbered(3000));
  const std::vector<std::string> keys = map.Boundaries();
  ASSERT_GT(keys.size(), 50u);
  for (size_t i = 0; i < keys.size(); i += 7) {
    const std::string value = map.model().at(keys[i]);
    const so_oid before = map.root();
    map.Do({{keys[i], Change{true, ""}}});
    map.Do({{keys[i], Change{false, value}}});
    EXPECT_TRUE(Same(before, map.root()));
    map.Do({{keys[i] + "+", Change{false, "behind"}}});
  }
  Batch all;
  for (const std::string &key : keys) all[key] = Change{true, ""};
  map.Do(all);
}

TEST(TreeTest, MapsGrowAndShrinkAtBothEnds) {
  MemoryObjects objects;
  Checked map(&objects, {});
  for (int i = 0; i < 700; i++) {
    char key[16];
    snprintf(key, sizeof key, i % 2 == 0 ? "m%04d" : "l%04d", i % 2 == 0 ? i : 9999 - i);
    map.Do({{key, Change{false, "v"}}});
  }
  while (!map.model().empty()) {
    const std::string first = map.model().begin()->first, last = map.model().rbegin()->first;
    map.Do({{map.model().size() % 2 == 0 ? first : last, Change{true, ""}}});
  }
  EXPECT_TRUE(so_oid_is_none(&map.root()));
}

TEST(TreeTest, CuttingOffAnyPartLeavesTheCanonicalMap) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const Model m = Numbered(4000);
  const so_oid root = Build(tree, m);
  std::vector<std::string> keys;
  for (const auto &kv : m) keys.push_back(kv.first);
  for (size_t kept = 0; kept <= 60; kept++) {  // At the end: what is left can lose all its parents.
    Batch front, back;
    for (size_t i = 0; i + kept < keys.size(); i++) front[keys[i]] = Change{true, ""};
    for (size_t i = kept; i < keys.size(); i++) back[keys[i]] = Change{true, ""};
    Model last, first;
    for (size_t i = keys.size() - kept; i < keys.size(); i++) last[keys[i]] = m.at(keys[i]);
    for (size_t i = 0; i < kept; i++) first[keys[i]] = m.at(keys[i]);
    EXPECT_TRUE(Same(Build(tree, last), Apply(tree, root, front))) << kept;
    EXPECT_TRUE(Same(Build(tree, first), Apply(tree, root, back))) << kept;
  }
}

// The last node of a level can have a single child. Alone, it must make way for it.
TEST(TreeTest, WhatIsLeftOfATallMapIsAsLowAsCanBe) {
  MemoryObjects objects;
  size_t single = 0;
  const auto last = [](void *ctx, const so_oid *child, so_kind) {
    *static_cast<so_oid *>(ctx) = *child;
    return so_done();
  };
  const Model m = Numbered(700);
  for (int salt = 0; salt < 256; salt++) {
    const so_tree tree = objects.Tree(static_cast<uint8_t>(salt));
    const so_oid root = Build(tree, m);
    so_oid child = root;
    SO_EXPECT_OK(so_tree_node_each_child(View(objects.Find(root)->payload), last, &child));
    const std::string &payload = objects.Find(child)->payload;
    single += payload[1] == 1 && payload[2] == 1;
    const std::vector<std::string> ends = BoundaryKeys(objects, tree, root);
    std::set<std::string> sorted(ends.begin(), ends.end());
    sorted.erase(std::prev(sorted.end()));
    Batch batch;
    Model left;
    for (const auto &kv : m) {
      if (kv.first <= *sorted.rbegin()) batch[kv.first] = Change{true, ""};
      else left.insert(kv);
    }
    ASSERT_TRUE(Same(Build(tree, left), Apply(tree, root, batch))) << salt;
  }
  EXPECT_GT(single, 0u);
}

TEST(TreeTest, LongKeysEndNodesByTheirLength) {
  const uint64_t seed = Seed();
  std::mt19937_64 rng(seed);
  MemoryObjects objects;
  Model start;
  for (int i = 0; i < 300; i++) start[std::string(1000 + rng() % 3000, 'p') + Key(i)] = "v";
  Checked map(&objects, start);
  for (int i = 0; i < 40; i++) {
    Batch batch;
    for (int j = 0; j < 5; j++) {
      auto it = map.model().lower_bound(std::string(1000 + rng() % 3000, 'p'));
      if (it != map.model().end()) batch[it->first] = Change{true, ""};
      batch[std::string(1 + rng() % 4080, 'p') + Key(rng() % 50)] = Change{false, "w"};
    }
    map.Do(batch);
  }
  EXPECT_EQ(map.model(), ReadAll(map.tree(), map.root()));
}

TEST(TreeTest, KeysOfAllBytesAreOrderedAsBytes) {
  MemoryObjects objects;
  std::mt19937_64 rng(Seed());
  Checked map(&objects, {});
  for (int i = 0; i < 30; i++) {
    Batch batch;
    for (int j = 0; j < 100; j++) {
      std::string key;
      for (size_t n = 1 + rng() % 4; n > 0; n--) key += "\0\1\x7f\x80\xff/"[rng() % 6];
      batch[key] = Change{rng() % 2 == 0, "v"};
    }
    map.Do(batch);
  }
  EXPECT_EQ(map.model(), ReadAll(map.tree(), map.root()));
}

TEST(TreeTest, AnotherSaltGivesAnotherShape) {
  MemoryObjects objects;
  EXPECT_FALSE(Same(Build(objects.Tree(1), Numbered(500)), Build(objects.Tree(2), Numbered(500))));
  EXPECT_TRUE(Same(Build(objects.Tree(1), Numbered(5)), Build(objects.Tree(2), Numbered(5))));
}

TEST(TreeTest, AChangedValueRewritesOnePathAndNoMore) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid root = Build(tree, Numbered(30000));
  std::mt19937_64 rng(Seed());
  for (int i = 0; i < 100; i++) {
    objects.ResetCounters();
    Apply(tree, root, {{Key(rng() % 30000), Change{false, "another value"}}});
    EXPECT_LE(objects.puts, 5u);
    EXPECT_EQ(objects.puts, objects.added);
    EXPECT_LE(objects.gets, 6u);
  }
}

TEST(TreeTest, AnInsertionRewritesLittle) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid root = Build(tree, Numbered(30000));
  std::mt19937_64 rng(Seed());
  objects.ResetCounters();
  for (int i = 0; i < 500; i++) {
    Apply(tree, root, {{Key(rng() % 30000) + "x", Change{rng() % 2 == 0, "new"}}});
    Apply(tree, root, {{Key(rng() % 30000), Change{true, ""}}});
  }
  EXPECT_LT(objects.added, 1000u * 7u);
}

TEST(TreeTest, AnEditThatChangesNothingGivesTheSameRoot) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const Model m = Numbered(2000);
  const so_oid root = Build(tree, m);
  EXPECT_TRUE(Same(root, Apply(tree, root, {})));
  EXPECT_TRUE(Same(root, Apply(tree, root, {{"absent", Change{true, ""}}})));
  EXPECT_TRUE(Same(root, Apply(tree, root, {{Key(5), Change{false, "v5"}}})));
}

TEST(TreeTest, BadEditsAreRefused) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid none = None();
  const std::string longest(SO_KEY_LEN_MAX, 'k'), longer(SO_KEY_LEN_MAX + 1, 'k'), value("v");
  const std::string largest(SO_INLINE_LEN_LIMIT, 'v'), larger(SO_INLINE_LEN_LIMIT + 1, 'v');
  const auto apply = [&](std::vector<std::string> keys, const so_entry &entry) {
    std::vector<so_edit> edits;
    for (const std::string &key : keys) edits.push_back(so_edit{View(key), false, entry});
    so_oid out;
    return so_tree_edit_array(&tree, &none, edits.data(), edits.size(), &out);
  };
  SO_EXPECT_OK(apply({"a", "b", longest}, Inline(value)));
  SO_EXPECT_CODE(SO_MALFORMED, apply({"b", "a"}, Inline(value)));
  SO_EXPECT_CODE(SO_MALFORMED, apply({"a", "a"}, Inline(value)));
  SO_EXPECT_CODE(SO_MALFORMED, apply({""}, Inline(value)));
  SO_EXPECT_CODE(SO_MALFORMED, apply({longer}, Inline(value)));
  SO_EXPECT_OK(apply({"a"}, Inline(largest)));
  SO_EXPECT_CODE(SO_MALFORMED, apply({"a"}, Inline(larger)));
  so_entry bad = Inline(value);
  bad.mode = 010000;
  SO_EXPECT_CODE(SO_MALFORMED, apply({"a"}, bad));
  bad = Inline(value);
  bad.size = 2;
  SO_EXPECT_CODE(SO_MALFORMED, apply({"a"}, bad));
  bad = Inline(value);
  bad.meta = so_str("\1b\1v\1a\1v");
  SO_EXPECT_CODE(SO_MALFORMED, apply({"a"}, bad));
}

TEST(TreeTest, ALargestNodeFitsAnObject) {
  MemoryObjects objects;
  Model m;
  for (int i = 0; i < 200; i++) m[std::string(500, 'k') + Key(i)] = std::string(16384, 'v');
  const so_tree tree = objects.Tree();
  EXPECT_EQ(m, ReadAll(tree, Build(tree, m)));
}

// --- cursors ------------------------------------------------------------------------------------

TEST(CursorTest, SeekAndForwardFindTheFirstKeyNotBefore) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const Model m = Numbered(5000);
  const so_oid root = Build(tree, m);
  std::mt19937_64 rng(Seed());
  auto c = std::make_unique<so_cursor>();
  for (int round = 0; round < 200; round++) {
    std::string at = Key(rng() % 6000);
    SO_ASSERT_OK(so_cursor_seek(c.get(), &tree, &root, View(at)));
    auto want = m.lower_bound(at);
    for (int step = 0; step < 20; step++) {
      ASSERT_EQ(want == m.end(), c->at_end);
      if (c->at_end) break;
      ASSERT_EQ(want->first, Text(c->key));
      ASSERT_EQ(want->second, Text(c->entry.inline_value));
      if (rng() % 2 == 0) {
        SO_ASSERT_OK(so_cursor_next(c.get()));
        ++want;
      } else {
        at = want->first;
        at.resize(at.size() - rng() % 9);
        at += static_cast<char>('0' + rng() % 12);
        SO_ASSERT_OK(so_cursor_forward(c.get(), View(at)));
        if (at > want->first) want = m.lower_bound(at);
      }
    }
    so_cursor_close(c.get());
  }
}

TEST(CursorTest, AForwardStepNearbyReadsNothingNew) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid root = Build(tree, Numbered(5000));
  auto c = std::make_unique<so_cursor>();
  SO_ASSERT_OK(so_cursor_seek(c.get(), &tree, &root, View("")));
  objects.ResetCounters();
  SO_ASSERT_OK(so_cursor_forward(c.get(), View(Key(200))));
  EXPECT_EQ(Key(200), Text(c->key));
  EXPECT_EQ(0u, objects.gets);
  SO_ASSERT_OK(so_cursor_forward(c.get(), View("zzz")));
  EXPECT_TRUE(c->at_end);
  EXPECT_EQ(0, objects.pins());
  SO_ASSERT_OK(so_cursor_forward(c.get(), View("zzzz")));
  SO_ASSERT_OK(so_cursor_next(c.get()));
  so_cursor_close(c.get());
}

// --- failures -----------------------------------------------------------------------------------

// Every way through the module, for failures at each of its steps.
so_status Everything(const so_tree &tree, const so_oid &root, const so_oid &other) {
  const std::string value("new");
  so_edit edit = {so_str("dir50/file0000050"), false, Inline(value)};
  so_oid out;
  SO_TRY(so_tree_edit_array(&tree, &root, &edit, 1, &out));
  auto c = std::make_unique<so_cursor>();
  SO_TRY(so_cursor_seek(c.get(), &tree, &root, View("dir20")));
  so_status s = so_cursor_forward(c.get(), View("dir70"));
  if (so_ok(s)) s = so_cursor_next(c.get());
  so_cursor_close(c.get());
  SO_TRY(s);
  so_diff *d = nullptr;
  SO_TRY(so_diff_open(&tree, &root, &other, View(""), View(""), &d));
  so_change change;
  do {
    s = so_diff_next(d, &change);
  } while (so_ok(s));
  so_diff_close(d);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

TEST(TreeTest, AFailingStoreFailsEachCallAndLeaksNothing) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid root = Build(tree, Numbered(2000));
  const so_oid other = Apply(tree, root, {{Key(3), Change{true, ""}}, {"e", Change{false, "v"}}});
  uint64_t n = 1;
  for (;; n++) {
    objects.ResetCounters();
    objects.fail_at = n;
    const so_status s = Everything(tree, root, other);
    EXPECT_EQ(0, objects.pins());
    if (so_ok(s)) break;
    SO_EXPECT_CODE(SO_IO, s);
    ASSERT_LT(n, 1000u);
  }
  EXPECT_GT(n, 20u);
}

struct Refusing {
  size_t calls;
  size_t refuse_at;
  int64_t used;
};

void *RefusingResize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  Refusing *r = static_cast<Refusing *>(ctx);
  if (new_len > old_len && ++r->calls >= r->refuse_at) return nullptr;
  r->used += static_cast<int64_t>(new_len) - static_cast<int64_t>(old_len);
  return so_test::MallocResize(nullptr, ptr, old_len, new_len);
}

TEST(TreeTest, WithoutMemoryEachCallSaysLimitAndLeaksNothing) {
  MemoryObjects objects;
  so_tree tree = objects.Tree();
  const so_oid root = Build(tree, Numbered(2000));
  const so_oid other = Apply(tree, root, {{Key(3), Change{true, ""}}, {"e", Change{false, "v"}}});
  size_t n = 1;
  for (;; n++) {
    Refusing refusing = {0, n, 0};
    const so_heap heap = {RefusingResize, &refusing};
    tree.heap = &heap;
    const so_status s = Everything(tree, root, other);
    EXPECT_EQ(0, refusing.used);
    EXPECT_EQ(0, objects.pins());
    if (so_ok(s)) break;
    SO_EXPECT_CODE(SO_LIMIT, s);
    ASSERT_LT(n, 1000u);
  }
  EXPECT_GT(n, 10u);
}

// Nodes that pass their own check, but not beside their parents.
TEST(TreeTest, NodesThatDoNotFitTogetherAreCorruptAndNothingWorse) {
  std::mt19937_64 rng(Seed());
  MemoryObjects objects;
  objects.check = false;
  const so_tree tree = objects.Tree();
  std::vector<so_oid> nodes;
  Build(tree, Numbered(400));
  for (const auto &o : objects.all()) nodes.push_back(o.first);
  for (int round = 0; round < 2000; round++) {
    std::string payload = objects.Find(nodes[rng() % nodes.size()])->payload;
    for (int i = 0; i < 3; i++) {
      const size_t at = rng() % payload.size();
      if (rng() % 2 == 0) {
        payload[at] = static_cast<char>(rng());
      } else if (payload.size() > at + 32) {
        memcpy(&payload[at], nodes[rng() % nodes.size()].bytes, 32);
      }
    }
    so_oid root;
    SO_ASSERT_OK(so_objects_put(tree.objects, SO_KIND_TREE, View(payload), &root));
    const so_status s = Everything(tree, root, nodes[rng() % nodes.size()]);
    EXPECT_TRUE(so_ok(s) || so_is(s, SO_CORRUPT) || so_is(s, SO_NOT_FOUND) ||
                so_is(s, SO_MALFORMED) || so_is(s, SO_LIMIT))
        << s.code;
    EXPECT_EQ(0, objects.pins());
  }
}


// --- verification -------------------------------------------------------------------------------

// A node of level 0 or 1 from its items, without regard to any rule.
struct RawItem {
  std::string key;
  so_oid child;
  uint64_t count;
};

so_oid PutRaw(const so_tree &tree, uint8_t level, const std::vector<RawItem> &items) {
  std::string payload = {1, static_cast<char>(level), static_cast<char>(items.size())};
  std::string last;
  for (const RawItem &item : items) {
    size_t shared = 0;
    while (shared < last.size() && shared < item.key.size() && last[shared] == item.key[shared]) {
      shared++;
    }
    payload += static_cast<char>(shared);
    payload += static_cast<char>(item.key.size() - shared);
    payload += item.key.substr(shared);
    payload += level == 0 ? std::string("\1\0\0", 3)
                          : std::string(reinterpret_cast<const char *>(item.child.bytes), 32) +
                                static_cast<char>(item.count);
    last = item.key;
  }
  so_oid oid;
  SO_EXPECT_OK(so_objects_put(tree.objects, SO_KIND_TREE, View(payload), &oid));
  return oid;
}

so_oid PutLeaf(const so_tree &tree, const std::vector<std::string> &keys) {
  std::vector<RawItem> items;
  for (const std::string &key : keys) items.push_back(RawItem{key, None(), 0});
  return PutRaw(tree, 0, items);
}

TEST(TreeTest, VerifyAcceptsWhatEditsMake) {
  MemoryObjects objects;
  std::mt19937_64 rng(Seed());
  Checked map(&objects, {});
  const so_oid none = None();
  SO_EXPECT_OK(so_tree_verify(&map.tree(), &none, &none));
  for (int i = 0; i < 30; i++) {
    const so_oid before = map.root();
    Batch batch;
    for (int j = 0; j < 80; j++) batch[Key(rng() % 2000)] = Change{rng() % 3 == 0, "v"};
    map.Do(batch);
    const size_t size = objects.size();
    SO_EXPECT_OK(so_tree_verify(&map.tree(), &none, &map.root()));
    SO_EXPECT_OK(so_tree_verify(&map.tree(), &before, &map.root()));
    SO_EXPECT_OK(so_tree_verify(&map.tree(), &map.root(), &before));
    SO_EXPECT_OK(so_tree_verify(&map.tree(), &map.root(), &none));
    EXPECT_EQ(size, objects.size());
  }
}

TEST(TreeTest, VerifyOfASmallDifferenceReadsLittle) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid root = Build(tree, Numbered(30000));
  const so_oid next = Apply(tree, root, {{Key(12345), Change{false, "w"}}});
  objects.ResetCounters();
  SO_EXPECT_OK(so_tree_verify(&tree, &root, &next));
  EXPECT_LT(objects.gets, 40u);
}

TEST(TreeTest, VerifyRefusesEveryOtherShape) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid ab = PutLeaf(tree, {"a", "b"}), cd = PutLeaf(tree, {"c", "d"});
  const so_oid good = PutLeaf(tree, {"a", "b", "c", "d"});
  const so_oid bad[] = {
      PutRaw(tree, 1, {{"b", ab, 2}, {"d", cd, 2}}),             // Cut where nothing ends.
      PutRaw(tree, 1, {{"d", good, 4}}),                         // A root with one child.
      PutRaw(tree, 1, {{"b", cd, 2}, {"d", ab, 2}}),             // Out of order.
      PutRaw(tree, 1, {{"b", ab, 3}, {"d", cd, 1}}),             // Wrong counts.
      PutRaw(tree, 1, {{"bb", ab, 2}, {"d", cd, 2}}),            // A key that is not the last.
      PutRaw(tree, 1, {{"b", ab, 2}, {"d", ab, 2}}),             // The same keys twice.
      PutRaw(tree, 2, {{"b", ab, 2}, {"d", cd, 2}}),             // A level left out.
  };
  const so_oid none = None();
  SO_EXPECT_OK(so_tree_verify(&tree, &none, &good));
  for (const so_oid &root : bad) {
    for (const so_oid &trusted : {none, good, ab}) {
      const so_status s = so_tree_verify(&tree, &trusted, &root);
      EXPECT_TRUE(so_is(s, SO_MALFORMED) || so_is(s, SO_CORRUPT)) << s.code;
    }
  }
}

}  // namespace
