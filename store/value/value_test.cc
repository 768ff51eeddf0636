#include "store/value/value.h"

#include <random>
#include <set>
#include <string>

#include "tests/store_support/objects.h"
#include "tests/support/support.h"
#include "tests/support/vectors.h"

namespace {

using so_test::MemoryObjects;
using so_test::Text;
using so_test::View;

std::string Random(uint64_t seed, size_t len) {
  std::mt19937_64 rng(seed);
  std::string s(len, 0);
  for (char &c : s) c = static_cast<char>(rng());
  return s;
}

so_entry ValueOf(const so_tree &tree, const std::string &bytes) {
  so_entry e;
  memset(&e, 0, sizeof e);
  SO_EXPECT_OK(so_value_of(&tree, View(bytes), &e));
  EXPECT_EQ(bytes.size(), e.size);
  return e;
}

std::string ReadFrom(const so_tree &tree, const so_entry &e, uint64_t offset) {
  std::string out;
  so_value_reader *r = nullptr;
  SO_EXPECT_OK(so_value_reader_open(&tree, &e, offset, &r));
  for (;;) {
    so_bytes piece = so_bytes_of(nullptr, 0);
    const so_status s = so_value_read(r, &piece);
    SO_EXPECT_OK(s);
    if (!so_ok(s) || piece.len == 0) break;
    out += Text(piece);
  }
  so_value_reader_close(r);
  return out;
}

TEST(ValueTest, WhatWasWrittenIsReadAtEachSize) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  for (size_t len : {0u, 1u, 255u, 256u, 257u, 16383u, 16384u, 16385u, 65536u, 262144u, 262145u,
                     1000000u, 9000000u}) {
    const std::string bytes = Random(len, len);
    const so_entry e = ValueOf(tree, bytes);
    EXPECT_EQ(len <= SO_INLINE_LEN_MAX, e.is_inline);
    so_buf all;
    so_buf_init(&all, so_test::Heap(), len);
    SO_EXPECT_OK(so_value_read_all(&tree, &e, &all));
    EXPECT_TRUE(bytes == Text(so_buf_bytes(&all))) << len;
    so_buf_release(&all);
    for (uint64_t offset : {(uint64_t)0, (uint64_t)len / 3, (uint64_t)len}) {
      EXPECT_TRUE(bytes.substr(offset) == ReadFrom(tree, e, offset)) << len << " at " << offset;
    }
  }
}

TEST(ValueTest, TheNameDoesNotDependOnHowItWasWritten) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  std::mt19937_64 rng(5);
  for (size_t len : {100u, 256u, 300u, 20000u, 3000000u}) {
    const std::string bytes = Random(len, len);
    const so_entry whole = ValueOf(tree, bytes);
    for (size_t piece_max : {1u, 1000u, 300000u}) {
      if (piece_max == 1 && len > 20000) continue;
      so_value_writer *w = nullptr;
      SO_ASSERT_OK(so_value_writer_open(&tree, &w));
      for (size_t at = 0; at < len;) {
        const size_t n = std::min<size_t>(len - at, rng() % (piece_max + 1));
        SO_EXPECT_OK(so_value_write(w, so_bytes_of(bytes.data() + at, n)));
        at += n;
      }
      so_entry e;
      memset(&e, 0, sizeof e);
      SO_EXPECT_OK(so_value_writer_end(w, &e));
      EXPECT_TRUE(so_entry_equal(&whole, &e)) << len << " in pieces of " << piece_max;
      so_value_writer_close(w);
    }
  }
}

TEST(ValueTest, ASmallInsertStoresLittle) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  std::string bytes = Random(1, 20000000);
  ValueOf(tree, bytes);
  for (size_t at : {0u, 1000000u, 19999999u}) {
    bytes.insert(at, "hello");
    objects.ResetCounters();
    ValueOf(tree, bytes);
    EXPECT_LT(objects.added_len, 3u * SO_CHUNK_LEN_MAX) << at;
  }
}

TEST(ValueTest, ARangeReadsOnePathAndItsChunks) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_entry e = ValueOf(tree, Random(2, 20000000));
  objects.ResetCounters();
  so_value_reader *r = nullptr;
  so_bytes piece;
  SO_ASSERT_OK(so_value_reader_open(&tree, &e, 13000000, &r));
  SO_ASSERT_OK(so_value_read(r, &piece));
  so_value_reader_close(r);
  EXPECT_LE(objects.gets, 4u);
}

TEST(ValueTest, ChunksHaveTheLengthsTheyShould) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  ValueOf(tree, Random(3, 40000000));
  size_t count = 0, total = 0, shorter = 0;
  for (const auto &o : objects.all()) {
    if (o.second.kind != SO_KIND_CHUNK) continue;
    count++;
    total += o.second.payload.size();
    shorter += o.second.payload.size() < SO_CHUNK_LEN_MIN;
    EXPECT_LE(o.second.payload.size(), SO_CHUNK_LEN_MAX);
  }
  EXPECT_LE(shorter, 1u);
  EXPECT_GT(total / count, 50000u);
  EXPECT_LT(total / count, 90000u);
}


// Objects that an independent implementation made; they are in docs/formats.md.
TEST(ValueTest, ValuesAreCutAsTheFormatSays) {
  MemoryObjects objects;
  so_tree tree = objects.Tree();
  for (int i = 0; i < SO_SALT_LEN; i++) tree.salt[i] = static_cast<uint8_t>(i);
  const struct {
    size_t len;
    so_kind kind;
    const char *oid;
  } all[] = {
      {257, SO_KIND_CHUNK, "dca492c0899f4aa2993e4a21cdaedb7550b623f02499c10b152899505c126b02"},
      {16384, SO_KIND_CHUNK, "b1da33329568c1ff2a8b9e1592ccd0965e7dcbdcd677f54b98520184f3c09344"},
      {300000, SO_KIND_CHUNK_INDEX,
       "321918b11a47bc848321f47ea1bed3f53c108ab2aab028941689d00d2dbfa64d"},
      {5000000, SO_KIND_CHUNK_INDEX,
       "29b33028d8ee5b2decb8d70170ac9a4e3dc0666f0229c44c47b3def621b06515"},
  };
  for (const auto &v : all) {
    std::string bytes;
    uint64_t x = 1;
    for (size_t i = 0; i < v.len; i++) {
      x = x * 6364136223846793005u + 1442695040888963407u;
      bytes += static_cast<char>(x >> 56);
    }
    const so_entry e = ValueOf(tree, bytes);
    EXPECT_EQ(v.kind, e.value_kind);
    EXPECT_EQ(v.oid, so_test::ToHex(e.value.bytes, SO_OID_LEN)) << v.len;
  }
}

TEST(ValueTest, RepeatedBytesEndChunksAtTheLimit) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  ValueOf(tree, std::string(4 * SO_CHUNK_LEN_MAX, 0));
  EXPECT_LE(objects.size(), 3u);  // One chunk, many times, or the rule cuts it at one place.
}

TEST(ValueTest, AFailingStoreFailsEachCallAndLeaksNothing) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const std::string bytes = Random(4, 2000000);
  uint64_t n = 1;
  for (;; n++) {
    objects.ResetCounters();
    objects.fail_at = n;
    so_entry e;
    memset(&e, 0, sizeof e);
    so_status s = so_value_of(&tree, View(bytes), &e);
    if (so_ok(s)) {
      so_buf all;
      so_buf_init(&all, so_test::Heap(), bytes.size());
      s = so_value_read_all(&tree, &e, &all);
      so_buf_release(&all);
    }
    EXPECT_EQ(0, objects.pins());
    if (so_ok(s)) break;
    SO_EXPECT_CODE(SO_IO, s);
    ASSERT_LT(n, 1000u);
  }
  EXPECT_GT(n, 40u);
}

TEST(ValueTest, SizesThatDisagreeAreCorrupt) {
  MemoryObjects objects;
  const so_tree tree = objects.Tree();
  const so_entry e = ValueOf(tree, Random(5, 1000000));
  for (int64_t change : {-1, 1, 100000, -100000}) {
    so_entry wrong = e;
    wrong.size = static_cast<uint64_t>(static_cast<int64_t>(e.size) + change);
    so_buf all;
    so_buf_init(&all, so_test::Heap(), 2000000);
    SO_EXPECT_CODE(SO_CORRUPT, so_value_read_all(&tree, &wrong, &all));
    so_buf_release(&all);
  }
  so_value_reader *r = nullptr;
  SO_EXPECT_CODE(SO_LIMIT, so_value_reader_open(&tree, &e, e.size + 1, &r));
  so_buf little;
  so_buf_init(&little, so_test::Heap(), 999999);
  SO_EXPECT_CODE(SO_LIMIT, so_value_read_all(&tree, &e, &little));
  so_buf_release(&little);
}

so_status CheckIndex(const std::string &hex) {
  const so_test::Guarded bytes(so_test::FromHex(hex));
  const auto visit = [](void *, const so_oid *, so_kind) { return so_done(); };
  return so_chunk_index_each_child(bytes.view(), visit, nullptr);
}

TEST(ValueTest, IndexNodesAreCheckedCompletely) {
  const std::string oid = "de0c40b24e119eb96f254e8691667d553d2bc1350e4ce8853b7067e2e92b8c2f";
  const std::string full = "808001" + oid;  // 16,384 bytes.
  const std::string good = "01 00 02" + full + "05" + oid;
  SO_EXPECT_OK(CheckIndex(good));
  const std::string payload = so_test::FromHex(good);
  for (size_t len = 0; len < payload.size(); len++) {
    SO_EXPECT_CODE(SO_MALFORMED, CheckIndex(so_test::ToHex(payload.data(), len)));
  }
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex(good + "00"));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("02 00 01" + full));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 10 01" + full));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 00 00"));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 00 8100" + full));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 00 01 00" + oid));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 00 02 ff7f" + oid + full));      // 16,383, not last.
  SO_EXPECT_OK(CheckIndex("01 00 01 808010" + oid));                           // 262,144
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 00 01 818010" + oid));           // and one more.
  SO_EXPECT_OK(CheckIndex("01 01 01 818010" + oid));                           // An index may.
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 00 01 05" + std::string(64, '0')));
  const std::string most = "ffffffffffffffffff01" + oid;
  SO_EXPECT_OK(CheckIndex("01 01 01" + most));
  SO_EXPECT_CODE(SO_MALFORMED, CheckIndex("01 01 02" + most + "01" + oid));
}

}  // namespace
