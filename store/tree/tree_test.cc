#include "store/tree/tree.h"

#include <map>
#include <random>
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
         {kv.first + "x", kv.first.substr(0, kv.first.size() - 1), "!" + kv.first, std::string("zzz")}) {
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

}  // namespace
