// Arena, growing buffer and budget.

#include "base/heap.h"

#include <cstddef>

#include "base/writer.h"
#include "tests/support/support.h"

namespace {
TEST(ArenaTest, GivesAlignedZeroedMemoryUpToItsLimit) {
  so_arena a;
  so_arena_init(&a, so_test::Heap(), 100000);
  size_t got = 0;
  for (void *p; (p = so_arena_alloc(&a, 1000)) != nullptr; got += 1000) {
    EXPECT_EQ(0u, reinterpret_cast<uintptr_t>(p) % alignof(std::max_align_t));  // As the heap's.
    for (int i = 0; i < 1000; i++) {
      ASSERT_EQ(0, static_cast<uint8_t *>(p)[i]);
    }
    memset(p, 0xaa, 1000);
  }
  EXPECT_GT(got, 80000u);
  EXPECT_LE(a.used, 100000u);
  EXPECT_EQ(nullptr, so_arena_alloc(&a, SIZE_MAX));
  so_arena_release(&a);
  EXPECT_EQ(0u, a.used);
}

TEST(ArenaTest, RewindGivesBackWhatCameAfter) {
  so_arena a;
  so_arena_init(&a, so_test::Heap(), 1 << 20);
  char *first = static_cast<char *>(so_arena_alloc(&a, 10));
  strcpy(first, "kept");
  const size_t used = a.used;
  const so_arena_mark mark = so_arena_save(&a);
  for (int i = 0; i < 100; i++) ASSERT_NE(nullptr, so_arena_alloc(&a, 5000));
  so_arena_rewind(&a, mark);
  EXPECT_EQ(used, a.used);
  EXPECT_STREQ("kept", first);
  so_arena_release(&a);
}

TEST(BufTest, GrowsToItsLimitAndFailsStickily) {
  so_buf b;
  so_buf_init(&b, so_test::Heap(), 1000);
  for (int i = 0; i < 10; i++) so_buf_append(&b, so_bytes_of("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", 100));
  so_bytes out;
  SO_EXPECT_OK(so_buf_end(&b, &out));
  EXPECT_EQ(1000u, out.len);
  so_buf_append_u8(&b, 'x');
  SO_EXPECT_CODE(SO_LIMIT, so_buf_end(&b, &out));
  so_buf_drop(&b, 500);
  so_buf_append_u8(&b, 'x');
  SO_EXPECT_CODE(SO_LIMIT, so_buf_end(&b, &out));
  so_buf_clear(&b);
  so_buf_append_varint(&b, 300);
  SO_EXPECT_OK(so_buf_end(&b, &out));
  EXPECT_EQ("\xac\x02", so_test::Text(out));
  so_buf_release(&b);
}

TEST(BudgetTest, CountsAndRefuses) {
  so_heap_budget budget;
  const so_heap heap = so_heap_budget_init(&budget, so_test::Heap(), 100);
  void *a = so_heap_alloc(&heap, 60);
  EXPECT_NE(nullptr, a);
  EXPECT_EQ(nullptr, so_heap_alloc(&heap, 41));
  a = heap.resize(heap.ctx, a, 60, 100);
  EXPECT_NE(nullptr, a);
  EXPECT_EQ(nullptr, heap.resize(heap.ctx, a, 100, 101));
  so_heap_free(&heap, a, 100);
  EXPECT_EQ(0u, budget.used);
  EXPECT_EQ(100u, budget.used_max);
  EXPECT_EQ(nullptr, so_heap_alloc_array(&heap, SIZE_MAX / 2, 3));
}

TEST(WriterTest, LengthsThatDoNotFitPoison) {
  uint8_t buf[300];
  so_bytes out;
  so_writer w = so_writer_of(buf, sizeof buf);
  const size_t mark = so_open8(&w);
  so_write_zeros(&w, 255);
  so_close8(&w, mark);
  SO_EXPECT_OK(so_writer_end(&w, &out));
  EXPECT_EQ(255, out.ptr[0]);
  w = so_writer_of(buf, sizeof buf);
  const size_t again = so_open8(&w);
  so_write_zeros(&w, 256);
  so_close8(&w, again);
  SO_EXPECT_CODE(SO_LIMIT, so_writer_end(&w, &out));
  w = so_writer_of(buf, 3);
  so_write_u32be(&w, 1);
  so_write_u8(&w, 1);
  SO_EXPECT_CODE(SO_LIMIT, so_writer_end(&w, &out));
}
}  // namespace
