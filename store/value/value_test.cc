#include "store/value/value.h"

#include <random>
#include <set>
#include <string>

#include "tests/store_support/objects.h"
#include "tests/support/support.h"

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

}  // namespace
