#include "store/walk/walk.h"

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/value/value.h"
#include "tests/store_support/objects.h"
#include "tests/support/support.h"

namespace {

using so_test::MemoryObjects;
using so_test::OidLess;
using so_test::View;

using Model = std::map<std::string, std::string>;
using Oids = std::set<so_oid, OidLess>;

so_oid None() {
  so_oid none;
  memset(&none, 0, sizeof none);
  return none;
}

so_oid Build(const so_tree &tree, const Model &model) {
  std::vector<so_edit> edits;
  for (const auto &kv : model) {
    so_edit e;
    memset(&e, 0, sizeof e);
    e.key = View(kv.first);
    e.entry.type = SO_ENTRY_FILE;
    SO_EXPECT_OK(so_value_of(&tree, View(kv.second), &e.entry));
    edits.push_back(e);
  }
  so_oid root = None();
  const so_oid none = None();
  SO_EXPECT_OK(so_tree_edit_array(&tree, &none, edits.data(), edits.size(), &root));
  return root;
}

so_status Collect(void *ctx, const so_oid *child, so_kind) {
  static_cast<std::vector<so_oid> *>(ctx)->push_back(*child);
  return so_done();
}

Oids Reachable(const MemoryObjects &objects, const so_oid &root) {
  Oids seen;
  std::vector<so_oid> todo;
  if (!so_oid_is_none(&root)) todo.push_back(root);
  while (!todo.empty()) {
    const so_oid oid = todo.back();
    todo.pop_back();
    if (!seen.insert(oid).second) continue;
    const MemoryObjects::Stored *o = objects.Find(oid);
    SO_EXPECT_OK(so_object_each_child(o->kind, View(o->payload), Collect, &todo));
  }
  return seen;
}

// Copies what it is told to into another set, which checks that children come first.
struct Copy {
  const MemoryObjects *from;
  MemoryObjects *to;
  size_t visits;
};

so_status CopyOne(void *ctx, const so_oid *oid, so_kind kind) {
  Copy *c = static_cast<Copy *>(ctx);
  c->visits++;
  const MemoryObjects::Stored *o = c->from->Find(*oid);
  EXPECT_EQ(kind, o->kind);
  so_oid put;
  return so_objects_put(c->to->port(), kind, View(o->payload), &put);
}

// Sends `from`, then the difference to `to`, and expects everything there; returns the visits.
size_t Send(const MemoryObjects &objects, const so_tree &tree, const so_oid &from,
            const so_oid &to) {
  MemoryObjects copy;
  Copy c = {&objects, &copy, 0};
  const so_oid none = None();
  SO_EXPECT_OK(so_walk_new(&tree, &none, &from, CopyOne, &c));
  EXPECT_EQ(Reachable(objects, from).size(), copy.size());
  c.visits = 0;
  SO_EXPECT_OK(so_walk_new(&tree, &from, &to, CopyOne, &c));
  for (const so_oid &oid : Reachable(objects, to)) EXPECT_TRUE(copy.Has(oid));
  return c.visits;
}

std::string Key(uint64_t n) {
  char buf[32];
  snprintf(buf, sizeof buf, "d%02u/f%06u", (unsigned)(n % 20), (unsigned)n);
  return buf;
}

std::string Bytes(uint64_t seed, size_t len) {
  std::mt19937_64 rng(seed);
  std::string s(len, 0);
  for (char &c : s) c = static_cast<char>(rng());
  return s;
}

TEST(WalkTest, SendsExactlyWhatIsMissing) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    std::mt19937_64 rng(seed);
    MemoryObjects objects;
    const so_tree tree = objects.Tree();
    Model from;
    for (size_t i = 0; i < 1500; i++) from[Key(rng() % 4000)] = Bytes(rng() % 9, rng() % 400);
    Model to = from;
    for (size_t i = rng() % 30; i > 0; i--) {
      if (rng() % 2 == 0) to.erase(Key(rng() % 4000));
      else to[Key(rng() % 4000)] = Bytes(rng(), rng() % 600);
    }
    const so_oid a = Build(tree, from), b = Build(tree, to);
    Send(objects, tree, a, b);
    Send(objects, tree, b, a);
    Send(objects, tree, None(), b);
    Send(objects, tree, a, None());
  }
}

TEST(WalkTest, OneChangedKeyCostsOnePath) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  Model m;
  for (size_t i = 0; i < 20000; i++) m[Key(i)] = "v";
  const so_oid a = Build(tree, m);
  m[Key(777)] = "w";
  const so_oid b = Build(tree, m);
  EXPECT_LE(Send(objects, tree, a, b), 5u);
}

TEST(WalkTest, AnInsertionIntoALargeValueCostsAFewChunks) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  for (size_t len : {100000u, 3000000u, 30000000u}) {
    for (size_t place = 0; place < 4; place++) {
      Model m;
      m["large"] = Bytes(len, len);
      const so_oid a = Build(tree, m);
      m["large"].insert(len / 3 * place, Bytes(place, 100));
      const so_oid b = Build(tree, m);
      EXPECT_LE(Send(objects, tree, a, b), 8u) << len << " " << place;
    }
  }
}

TEST(WalkTest, AVisitorStopsTheWalk) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_oid none = None();
  const so_oid a = Build(tree, {{"a", Bytes(1, 500000)}, {"b", "1"}});
  int left = 3;
  const auto stop = [](void *ctx, const so_oid *, so_kind) {
    return --*static_cast<int *>(ctx) == 0 ? so_status_make(SO_CONFLICT, 9) : so_done();
  };
  SO_EXPECT_CODE(SO_CONFLICT, so_walk_new(&tree, &none, &a, stop, &left));
  EXPECT_EQ(0, left);
}

}  // namespace
