// Packs: sent from one store, received by another, cut, damaged, resumed.

#include "store/sync/sync.h"

#include <random>

#include "tests/store_repo/world.h"
#include "tests/store_support/objects.h"

namespace so_repo_test {
namespace {

struct Sink {
  string bytes;
  size_t fail_after = SIZE_MAX;
};

so_status Write(void *ctx, so_bytes piece) {
  Sink *sink = static_cast<Sink *>(ctx);
  sink->bytes += Text(piece);
  return sink->bytes.size() > sink->fail_after ? so_status_make(SO_IO, 7) : so_done();
}

so_status Send(const so_tree &tree, const so_pack_store &store, const std::vector<so_oid> &wants,
               const std::vector<so_oid> &haves, Sink *sink, uint64_t skip = 0,
               so_sync_progress *progress = nullptr) {
  const so_history history = {&tree, 0};
  so_send_request q = {};
  q.history = &history;
  q.store = &store;
  q.wants = wants.data();
  q.want_count = wants.size();
  q.haves = haves.data();
  q.have_count = haves.size();
  q.skip = skip;
  q.write = Write;
  q.ctx = sink;
  so_sync_progress ignored;
  return so_send(&q, progress == nullptr ? &ignored : progress);
}

string SendFrom(Repo *r, const std::vector<so_oid> &wants, const std::vector<so_oid> &haves = {},
                uint64_t skip = 0) {
  Sink sink;
  const so_pack_store store = so_repo_pack_store(r->get());
  SO_EXPECT_OK(Send(r->tree(), store, wants, haves, &sink, skip));
  return sink.bytes;
}

class Receiver {
 public:
  explicit Receiver(const so_pack_store &store, so_receive_limits limits = {}) : store_(store) {
    SO_EXPECT_OK(so_receiver_open(&store_, Heap(), &limits, &r_));
  }
  ~Receiver() { so_receiver_close(r_); }
  Receiver(const Receiver &) = delete;
  Receiver &operator=(const Receiver &) = delete;
  so_status Feed(const string &bytes) { return so_receiver_feed(r_, View(bytes)); }
  so_status End() { return so_receiver_end(r_); }
  so_receiver *get() { return r_; }
  std::vector<so_oid> Tips() {
    size_t n;
    const so_oid *t = so_receiver_tips(r_, &n);
    return std::vector<so_oid>(t, t + n);
  }

 private:
  so_pack_store store_;
  so_receiver *r_ = nullptr;
};

so_status Receive(const so_pack_store &store, const string &pack, so_receive_limits limits = {}) {
  Receiver r(store, limits);
  const so_status s = r.Feed(pack);
  return so_ok(s) ? r.End() : s;
}

so_pack_store Plain(const so_test::MemoryObjects &m) {
  so_pack_store s = {};
  s.objects = m.port();
  return s;
}

string Noise(std::mt19937 *rng, size_t len) {
  string s(len, '\0');
  for (char &c : s) c = static_cast<char>((*rng)());
  return s;
}

// A small history with a merge, a large value and a directory.
so_oid Build(Repo *r) {
  std::mt19937 rng(3);
  r->Commit({Put("a", "1"), Put("d/x", "text\n"), Put("large", Noise(&rng, 300000))});
  const so_oid b = r->Commit({Put("a", "2"), Put("medium", Noise(&rng, 3000))});
  SO_EXPECT_OK(r->Branch("side", b));
  const so_oid s = r->Commit({Put("side", Noise(&rng, 1000))}, "side");
  r->Commit({Del("d/x"), Put("d/y", "more\n")});
  return r->Merge(s).commit;
}

TEST(SyncTest, EverythingArrivesBetweenDatabases) {
  World w1, w2;
  Repo from(&w1, "r"), to(&w2, "r");
  const so_oid head = Build(&from);
  const string pack = SendFrom(&from, {head});
  SO_ASSERT_OK(Receive(so_repo_pack_store(to.get()), pack));
  EXPECT_EQ(from.Read(head), to.Read(head));
  SO_EXPECT_OK(to.Branch("main", head));
  EXPECT_EQ(Hex(from.Root(head)), Hex(to.Root(head)));
  EXPECT_EQ(from.Resolve("main~3"), to.Resolve("main~3"));
}

TEST(SyncTest, TheSameThroughStoresThatHoldPlainObjects) {
  World w;
  Repo from(&w, "r");
  const so_oid head = Build(&from);
  so_test::MemoryObjects a, b;
  SO_ASSERT_OK(Receive(Plain(a), SendFrom(&from, {head})));
  const so_tree tree = a.Tree(9);
  Sink sink;
  SO_ASSERT_OK(Send(tree, Plain(a), {head}, {}, &sink));
  SO_ASSERT_OK(Receive(Plain(b), sink.bytes));
  EXPECT_EQ(a.size(), b.size());
}

TEST(SyncTest, OnlyTheDifferenceIsSent) {
  World w1, w2;
  Repo from(&w1, "r"), to(&w2, "r");
  std::vector<Op> ops;
  for (int i = 0; i < 5000; i++)
    ops.push_back(Put("dir/file" + std::to_string(i), std::to_string(i)));
  const so_oid base = from.Commit(ops);
  const string all = SendFrom(&from, {base});
  SO_ASSERT_OK(Receive(so_repo_pack_store(to.get()), all));
  const so_oid next = from.Commit({Put("dir/file77", "changed")});
  const string some = SendFrom(&from, {next}, {base});
  EXPECT_LT(some.size(), 12000u);
  EXPECT_LT(some.size() * 5, all.size());
  SO_ASSERT_OK(Receive(so_repo_pack_store(to.get()), some));
  EXPECT_EQ(from.Read(next), to.Read(next));
  // Nothing to send is a pack without records.
  EXPECT_EQ(size_t{SO_PACK_HEADER_LEN + SO_PACK_END_LEN}, SendFrom(&from, {next}, {next}).size());
  so_oid unknown = {};
  unknown.bytes[3] = 3;
  EXPECT_EQ(some, SendFrom(&from, {next}, {unknown, base})) << "unknown haves are ignored";
}

TEST(SyncTest, UnknownWantsAreNotFoundBeforeAnythingIsWritten) {
  World w;
  Repo r(&w, "r");
  const so_oid head = Build(&r);
  so_oid unknown = {};
  unknown.bytes[3] = 3;
  Sink sink;
  const so_pack_store store = so_repo_pack_store(r.get());
  SO_EXPECT_CODE(SO_NOT_FOUND, Send(r.tree(), store, {head, unknown}, {}, &sink));
  SO_EXPECT_CODE(SO_NOT_FOUND, Send(r.tree(), store, {r.Root(head)}, {}, &sink));
  EXPECT_EQ("", sink.bytes);
}

TEST(SyncTest, AFailingWriteEndsTheSending) {
  World w;
  Repo r(&w, "r");
  const so_oid head = Build(&r);
  Sink sink;
  sink.fail_after = 100;
  const so_status s = Send(r.tree(), so_repo_pack_store(r.get()), {head}, {}, &sink);
  EXPECT_EQ(7, s.detail);
}

TEST(SyncTest, AnnotatedTagsFollowTheirCommits) {
  World w;
  Repo r(&w, "r");
  const so_oid head = Build(&r);
  so_tag tag = {};
  tag.target = head;
  tag.target_kind = SO_KIND_COMMIT;
  tag.name = so_str("v1");
  tag.tagger = r.Person();
  so_buf payload;
  so_buf_init(&payload, Heap(), 4096);
  SO_ASSERT_OK(so_tag_encode(&tag, &payload));
  so_oid oid;
  SO_ASSERT_OK(so_objects_put(&r.get()->objects, SO_KIND_TAG, so_buf_bytes(&payload), &oid));
  so_buf_release(&payload);
  so_test::MemoryObjects m;
  SO_ASSERT_OK(Receive(Plain(m), SendFrom(&r, {oid})));
  EXPECT_TRUE(m.Has(oid));
  EXPECT_TRUE(m.Has(head));
  SO_ASSERT_OK(Receive(Plain(m), SendFrom(&r, {oid}, {head})));
}

TEST(SyncTest, BytesMayBeCutAnywhere) {
  World w;
  Repo r(&w, "r");
  const string pack = SendFrom(&r, {Build(&r)});
  for (const size_t step : {size_t{1}, size_t{7}, size_t{4096}}) {
    so_test::MemoryObjects m;
    Receiver in(Plain(m));
    for (size_t i = 0; i < pack.size(); i += step) {
      SO_ASSERT_OK(in.Feed(pack.substr(i, step)));
    }
    SO_EXPECT_OK(in.End());
  }
}

// A pack cut at an offset leaves complete objects; with its tips as haves, or with the number of
// records that arrived as `skip`, another try brings the rest.
TEST(SyncTest, CutAnywhereAndTriedAgainItCompletes) {
  World w;
  Repo r(&w, "r");
  const so_oid head = Build(&r);
  const string pack = SendFrom(&r, {head});
  so_test::MemoryObjects whole;
  SO_ASSERT_OK(Receive(Plain(whole), pack));
  for (size_t cut = 0; cut < pack.size(); cut += cut < 60 || cut + 60 > pack.size() ? 1 : 4999) {
    for (const bool by_skip : {false, true}) {
      so_test::MemoryObjects m;  // Checks the closure at every put.
      uint64_t arrived = 0;
      std::vector<so_oid> tips;
      {
        Receiver in(Plain(m));
        SO_ASSERT_OK(in.Feed(pack.substr(0, cut)));
        SO_EXPECT_CODE(SO_MALFORMED, in.End());
        EXPECT_EQ(SO_PACK_TRUNCATED, in.End().detail);
        arrived = so_receiver_progress(in.get()).objects;
        tips = in.Tips();
      }
      const string rest = by_skip ? SendFrom(&r, {head}, {}, arrived) : SendFrom(&r, {head}, tips);
      ASSERT_TRUE(arrived == 0 || !by_skip || rest.size() < pack.size());
      ASSERT_TRUE(tips.empty() || by_skip || rest.size() < pack.size());
      SO_ASSERT_OK(Receive(Plain(m), rest));
      ASSERT_EQ(whole.size(), m.size());
    }
  }
}

TEST(SyncTest, EveryDamagedByteIsNoticed) {
  World w;
  Repo r(&w, "r");
  const so_oid head = r.Commit({Put("a", "1"), Put("b", "2")});
  const string pack = SendFrom(&r, {head});
  for (size_t i = 0; i < pack.size(); i++) {
    for (const int bit : {0, 7}) {
      string bad = pack;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      so_test::MemoryObjects m;
      EXPECT_FALSE(so_ok(Receive(Plain(m), bad))) << "byte " << i;
    }
  }
}

uint16_t Why(const string &pack, so_receive_limits limits = {}) {
  so_test::MemoryObjects m;
  return Receive(Plain(m), pack, limits).detail;
}

string Be32(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

string Record(so_kind kind, const string &payload) {
  so_oid oid;
  so_oid_of(kind, View(payload), &oid);
  const uint32_t len = static_cast<uint32_t>(payload.size());
  return string(1, static_cast<char>(kind)) + string(1, '\0') + Be32(len) + Be32(len) +
         string(reinterpret_cast<char *>(oid.bytes), sizeof oid.bytes) + payload;
}

string Pack(const string &records, uint8_t count) {
  string s = string("SOPK\0\1\0\0", 8) + records + string(8, '\0') + static_cast<char>(count);
  so_blake2b h;
  so_blake2b_init(&h);
  so_blake2b_update(&h, View(s));
  uint8_t digest[32];
  so_blake2b_final(&h, digest);
  return s + string(reinterpret_cast<char *>(digest), 32);
}

TEST(SyncTest, EachFaultHasItsName) {
  const string chunk = Record(SO_KIND_CHUNK, "hello");
  EXPECT_EQ(SO_PACK_OK, Why(Pack(chunk, 1)));
  EXPECT_EQ(SO_PACK_OK, Why(Pack(chunk + chunk, 2))) << "duplicates are tolerated";
  EXPECT_EQ(SO_PACK_BAD_COUNT, Why(Pack(chunk, 2)));
  EXPECT_EQ(SO_PACK_TRAILING, Why(Pack(chunk, 1) + "x"));
  EXPECT_EQ(SO_PACK_BAD_MAGIC, Why(string("SOPQ\0\1\0\0", 8)));
  EXPECT_EQ(SO_PACK_BAD_VERSION, Why(string("SOPK\0\2\0\0", 8)));
  EXPECT_EQ(SO_PACK_BAD_KIND, Why(Pack("\x06", 1)));
  string bad = Pack(chunk, 1);
  bad.back() = static_cast<char>(bad.back() ^ 1);
  EXPECT_EQ(SO_PACK_BAD_DIGEST, Why(bad));
  string codec = chunk;
  codec[1] = 2;
  EXPECT_EQ(SO_PACK_BAD_CODEC, Why(Pack(codec, 1)));
  codec[1] = 1;
  EXPECT_EQ(SO_PACK_BAD_ZLIB, Why(Pack(codec, 1)));
  string name = chunk;
  name[20] = static_cast<char>(name[20] ^ 1);
  EXPECT_EQ(SO_PACK_BAD_OBJECT, Why(Pack(name, 1)));
  EXPECT_EQ(SO_PACK_BAD_OBJECT, Why(Pack(Record(SO_KIND_TREE, "nonsense"), 1)));
  so_receive_limits limits = {};
  limits.objects_max = 1;
  EXPECT_EQ(SO_PACK_TOO_MANY, Why(Pack(chunk + chunk, 2), limits));
  limits.objects_max = 0;
  limits.bytes_max = 4;
  EXPECT_EQ(SO_PACK_TOO_MANY, Why(Pack(chunk, 1), limits));
}

TEST(SyncTest, LengthsAreJudgedBeforeAnythingIsInflated) {
  // 4 GiB announced in a few bytes of zlib: refused at the head of the record.
  string bomb = string(1, '\1') + string(1, '\1') + Be32(20) + Be32(0xffffffff) + string(32, '\0');
  EXPECT_EQ(SO_PACK_TOO_LARGE, Why(string("SOPK\0\1\0\0", 8) + bomb));
  bomb = string(1, '\1') + string(1, '\1') + Be32(SO_OBJECT_LEN_MAX) + Be32(10) + string(32, '\0');
  EXPECT_EQ(SO_PACK_TOO_LARGE, Why(string("SOPK\0\1\0\0", 8) + bomb));
}

TEST(SyncTest, ObjectsWhoseChildrenAreMissingAndWrongGenerationsAreRefused) {
  World w;
  Repo r(&w, "r");
  const so_oid a = r.Commit({Put("f", "1")});
  const so_oid b = r.Commit({Put("f", "2")});
  // The second commit alone: its parent is missing.
  EXPECT_EQ(SO_PACK_MISSING_CHILD, Why(SendFrom(&r, {b}, {a})));
  so_commit c = {};
  c.parents[0] = a;
  c.parent_count = 1;
  c.author = c.committer = r.Person();
  so_buf payload;
  so_buf_init(&payload, Heap(), 4096);
  so_test::MemoryObjects m;
  SO_ASSERT_OK(Receive(Plain(m), SendFrom(&r, {a})));
  for (const uint64_t generation : {3u, 2u}) {
    c.generation = generation;
    so_buf_clear(&payload);
    SO_ASSERT_OK(so_commit_encode(&c, &payload));
    const so_status s =
        Receive(Plain(m), Pack(Record(SO_KIND_COMMIT, Text(so_buf_bytes(&payload))), 1));
    EXPECT_EQ(generation == 3 ? SO_PACK_BAD_GENERATION : SO_PACK_OK, s.detail);
  }
  so_buf_release(&payload);
}

// Puts a first commit of `count` files into `m`, in a map that is shaped by another salt.
so_oid CommitOfAnotherShape(so_test::MemoryObjects *m, const so_person &person, int count) {
  std::vector<string> names;
  for (int i = 0; i < count; i++) names.push_back("file" + std::to_string(100000 + i));
  std::vector<so_edit> edits;
  for (const string &name : names) {
    so_edit e = {};
    e.key = View(name);
    e.entry.type = SO_ENTRY_FILE;
    e.entry.mode = 0644;
    e.entry.size = name.size();
    e.entry.is_inline = true;
    e.entry.inline_value = View(name);
    edits.push_back(e);
  }
  const so_tree tree = m->Tree(200);
  const so_oid none = {};
  so_commit c = {};
  SO_EXPECT_OK(so_tree_edit_array(&tree, &none, edits.data(), edits.size(), &c.root));
  c.generation = 1;
  c.author = c.committer = person;
  so_buf payload;
  so_buf_init(&payload, Heap(), 4096);
  SO_EXPECT_OK(so_commit_encode(&c, &payload));
  so_oid oid;
  SO_EXPECT_OK(so_objects_put(m->port(), SO_KIND_COMMIT, so_buf_bytes(&payload), &oid));
  so_buf_release(&payload);
  return oid;
}

TEST(SyncTest, AMapOfAnotherShapeThanItsContentHasIsRefused) {
  World w;
  Repo to(&w, "r");
  so_test::MemoryObjects m;
  const so_oid head = CommitOfAnotherShape(&m, to.Person(), 5000);
  Sink sink;
  SO_ASSERT_OK(Send(m.Tree(200), Plain(m), {head}, {}, &sink));
  const so_status s = Receive(so_repo_pack_store(to.get()), sink.bytes);
  SO_EXPECT_CODE(SO_MALFORMED, s);
  EXPECT_EQ(SO_PACK_BAD_OBJECT, s.detail);
  SO_EXPECT_CODE(SO_NOT_FOUND, so_objects_has(&to.get()->objects, &head));
  // Every object by itself is well-formed: without the salt it is taken.
  so_pack_store unsalted = so_repo_pack_store(to.get());
  unsalted.salt = nullptr;
  SO_EXPECT_OK(Receive(unsalted, sink.bytes));
}

TEST(SyncTest, FailingStoresAreReportedAndTheReceiverStaysFailed) {
  World w;
  Repo r(&w, "r");
  const string pack = SendFrom(&r, {Build(&r)});
  bool done = false;
  for (uint64_t n = 1; !done; n += 3) {
    so_test::MemoryObjects m;
    m.fail_at = n;
    Receiver in(Plain(m));
    const so_status s = in.Feed(pack);
    done = so_ok(s);
    if (!done) {
      SO_EXPECT_CODE(SO_IO, s);
      SO_EXPECT_CODE(SO_IO, in.Feed(""));
      SO_EXPECT_CODE(SO_IO, in.End());
    }
    ASSERT_LT(n, 10000u);
  }
}

TEST(SyncTest, MemoryStaysBoundedWhateverIsSent) {
  World w;
  Repo r(&w, "r");
  std::mt19937 rng(5);
  const so_oid head = r.Commit({Put("large", Noise(&rng, 40u << 20))});
  so_heap_budget budget;
  const so_heap heap = so_heap_budget_init(&budget, Heap(), 32u << 20);
  so_tree tree = r.tree();
  tree.heap = &heap;
  struct Counter {
    static so_status Count(void *ctx, so_bytes p) {
      *static_cast<size_t *>(ctx) += p.len;
      return so_done();
    }
  };
  size_t total = 0;
  const so_history history = {&tree, 0};
  const so_pack_store store = so_repo_pack_store(r.get());
  so_send_request q = {};
  q.history = &history;
  q.store = &store;
  q.wants = &head;
  q.want_count = 1;
  q.write = Counter::Count;
  q.ctx = &total;
  so_sync_progress p;
  SO_ASSERT_OK(so_send(&q, &p));
  EXPECT_GT(total, 40u << 20);
  EXPECT_EQ(total, p.bytes);
  EXPECT_LT(budget.used_max, 4u << 20);
}

}  // namespace
}  // namespace so_repo_test
