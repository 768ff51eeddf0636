#include "base/reader.h"

#include "base/writer.h"
#include "tests/support/support.h"

namespace {
using so_test::Guarded;

const uint8_t kMsg[] = {0x01, 0x00, 0x02, 0xaa, 0xbb, 0x00, 0x00};

bool Parse(so_bytes in) {
  so_reader r = so_reader_of(in), a, b;
  uint8_t type;
  return so_read_u8(&r, &type) && so_read_sub16(&r, &a) && so_read_sub16(&r, &b) && so_reader_done(&r);
}

TEST(ReaderTest, ParsesWholeMessage) { EXPECT_TRUE(Parse(Guarded(kMsg, sizeof kMsg).view())); }

TEST(ReaderTest, EveryTruncationFailsWithoutOverread) {
  for (size_t n = 0; n < sizeof kMsg; n++) {
    SCOPED_TRACE(n);
    Guarded g(kMsg, n);
    EXPECT_FALSE(Parse(g.view()));
  }
}

TEST(ReaderTest, TrailingByteIsRejected) {
  uint8_t m[sizeof kMsg + 1] = {0};
  memcpy(m, kMsg, sizeof kMsg);
  EXPECT_FALSE(Parse(Guarded(m, sizeof m).view()));
}

TEST(ReaderTest, FailurePoisonsAndLeavesOutAlone) {
  const uint8_t one[] = {7};
  so_reader r = so_reader_of({one, 1});
  uint16_t v16 = 0xbeef;
  uint8_t v8 = 0x5a;
  EXPECT_FALSE(so_read_u16be(&r, &v16));
  EXPECT_EQ(0xbeef, v16);
  EXPECT_FALSE(so_read_u8(&r, &v8)) << "one byte is left but the reader is poisoned";
  EXPECT_EQ(0x5a, v8);
  EXPECT_FALSE(so_reader_done(&r));
}

TEST(ReaderTest, EmptyNullViewIsLegal) {
  so_reader r = so_reader_of({nullptr, 0});
  EXPECT_TRUE(so_skip(&r, 0));
  EXPECT_TRUE(so_reader_done(&r));
  uint8_t v;
  EXPECT_FALSE(so_read_u8(&r, &v));
}

TEST(WriterTest, RoundTripsNestedLengths) {
  uint8_t buf[16];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_write_u8(&w, 1);
  const size_t a = so_open16(&w);
  const uint8_t body[] = {0xaa, 0xbb};
  so_write_bytes(&w, {body, 2});
  so_close16(&w, a);
  so_close16(&w, so_open16(&w));
  so_bytes out;
  SO_EXPECT_OK(so_writer_end(&w, &out));
  ASSERT_EQ(sizeof kMsg, out.len);
  EXPECT_EQ(0, memcmp(kMsg, out.ptr, out.len));
}

TEST(WriterTest, EveryShortBufferReportsLimit) {
  for (size_t cap = 0; cap < sizeof kMsg; cap++) {
    uint8_t buf[16];
    memset(buf, 0xcc, sizeof buf);
    so_writer w = so_writer_of(buf, cap);
    so_write_u8(&w, 1);
    const size_t a = so_open16(&w);
    const uint8_t body[] = {0xaa, 0xbb};
    so_write_bytes(&w, {body, 2});
    so_close16(&w, a);
    so_close16(&w, so_open16(&w));
    so_bytes out;
    SO_EXPECT_CODE(SO_LIMIT, so_writer_end(&w, &out));
    EXPECT_EQ(0xcc, buf[cap]) << "wrote past cap " << cap;
  }
}
}  // namespace

namespace {
TEST(VarintTest, OnlyTheShortestFormIsRead) {
  for (uint64_t v : {UINT64_C(0), UINT64_C(127), UINT64_C(128), UINT64_C(16383), UINT64_C(16384),
                     UINT64_C(1) << 63, UINT64_MAX}) {
    uint8_t buf[SO_VARINT_LEN_MAX];
    so_writer w = so_writer_of(buf, sizeof buf);
    so_write_varint(&w, v);
    so_reader r = so_reader_of(so_writer_bytes(&w));
    uint64_t back = 1;
    ASSERT_TRUE(so_read_varint(&r, &back) && so_reader_done(&r)) << v;
    EXPECT_EQ(v, back);
  }
  const std::string bad[] = {std::string("\x80\x00", 2), std::string("\xff\x80\x00", 3), "\x80",
                             "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                             "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"};
  for (const std::string &text : bad) {
    Guarded g(text);
    so_reader r = so_reader_of(g.view());
    uint64_t v;
    EXPECT_FALSE(so_read_varint(&r, &v));
    EXPECT_TRUE(r.failed);
  }
}

TEST(ReaderTest, BothByteOrdersAreRead) {
  const uint8_t b[] = {1, 2, 3, 4, 5, 6, 7, 8};
  uint64_t v64;
  uint32_t v32;
  so_reader r = so_reader_of(so_bytes_of(b, 8));
  ASSERT_TRUE(so_read_u64be(&r, &v64));
  EXPECT_EQ(0x0102030405060708u, v64);
  r = so_reader_of(so_bytes_of(b, 8));
  ASSERT_TRUE(so_read_u64le(&r, &v64));
  EXPECT_EQ(0x0807060504030201u, v64);
  r = so_reader_of(so_bytes_of(b, 8));
  ASSERT_TRUE(so_read_u24be(&r, &v32));
  EXPECT_EQ(0x010203u, v32);
  ASSERT_TRUE(so_read_u32le(&r, &v32));
  EXPECT_EQ(0x07060504u, v32);
}
}  // namespace
