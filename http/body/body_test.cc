#include "http/body/body.h"

#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

struct Result {
  so_status status = so_done();
  bool done = false;
  std::string payload;
  size_t consumed = 0;
};

// Feeds `in` cut at `cuts`, each piece on a guard page, until it is done or fails.
Result Decode(so_http_framing framing, const std::string &in, size_t piece) {
  Result r;
  so_http_body b;
  so_http_body_init(&b, &framing);
  for (size_t at = 0; at < in.size() && !so_http_body_done(&b);) {
    const so_test::Guarded g(in.substr(at, piece));
    so_bytes left = g.view();
    while (left.len != 0 && !so_http_body_done(&b)) {
      size_t consumed = 0;
      so_bytes payload;
      r.status = so_http_body_next(&b, left, &consumed, &payload);
      if (!so_ok(r.status)) {
        SO_EXPECT_CODE(SO_MALFORMED, so_http_body_next(&b, left, &consumed, &payload));
        EXPECT_FALSE(so_http_body_done(&b));
        return r;
      }
      r.payload += so_test::Text(payload);
      r.consumed += consumed;
      left = so_bytes_from(left, consumed);
    }
    at += piece;
  }
  r.done = so_http_body_done(&b);
  EXPECT_EQ(b.total, r.payload.size());
  return r;
}

const so_http_framing kChunked = {SO_HTTP_BODY_CHUNKED, 0, true, false};

Result Chunked(const std::string &in, size_t piece = 1 << 20) { return Decode(kChunked, in, piece); }

const char kExample[] =
    "5\r\nhello\r\n1;name=\"value\"\r\n \r\n00A\r\n0123456789\r\n0;x\r\nTrailer: y\r\nOther:\r\n\r\n";

TEST(HttpBodyTest, DecodesChunksTheSameWhereverTheInputIsCut) {
  const std::string in = kExample;
  for (size_t piece = 1; piece <= in.size(); piece++) {
    const Result r = Chunked(in + "NEXT", piece);
    SO_ASSERT_OK(r.status);
    EXPECT_TRUE(r.done);
    EXPECT_EQ(r.payload, "hello 0123456789");
    EXPECT_EQ(r.consumed, in.size()) << "what follows is left alone";
  }
}

TEST(HttpBodyTest, EveryTruncationIsNoticed) {
  const std::string in = kExample;
  for (size_t n = 0; n < in.size(); n++) {
    so_http_body b;
    so_http_body_init(&b, &kChunked);
    std::string left = in.substr(0, n);
    while (!left.empty()) {
      size_t consumed = 0;
      so_bytes payload;
      SO_ASSERT_OK(so_http_body_next(&b, so_test::View(left), &consumed, &payload));
      left = left.substr(consumed);
    }
    EXPECT_FALSE(so_http_body_done(&b)) << n;
    SO_EXPECT_CODE(SO_MALFORMED, so_http_body_end(&b));
    EXPECT_FALSE(so_http_body_done(&b)) << n;
  }
}

TEST(HttpBodyTest, RefusesBrokenChunks) {
  for (const char *in : {
           "\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\na\r\n", "1\ra", "1\na\r\n",
           ";x\r\n", "1;x\ny\r\na\r\n0\r\n\r\n", "1;x\r\r\na", "1;\x01\r\n", "1\r\nab\r\n0\r\n\r\n",
           "1\r\na\n0\r\n\r\n", "1\r\na\rX", "1\r\na0\r\n\r\n", "11111111111111111\r\n",
           "ffffffffffffffff\r\n", "8000000000000000\r\n", "0\r\nX\r\n\r\n", "0\r\n: y\r\n\r\n",
           "0\r\n X: y\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\nX: y\rZ\r\n\r\n",
           "0\r\n\rX", "0\r\n\n",
       }) {
    for (const size_t piece : {size_t{1}, size_t{100}}) {
      SO_EXPECT_CODE(SO_MALFORMED, Chunked(in, piece).status);
    }
  }
}

TEST(HttpBodyTest, EachLimitHoldsAndOneMoreIsRefused) {
  auto line = [](size_t len) { return "1;" + std::string(len - 3, 'x') + "\r\na\r\n0\r\n\r\n"; };
  SO_EXPECT_OK(Chunked(line(SO_HTTP_CHUNK_LINE_MAX)).status);
  SO_EXPECT_CODE(SO_LIMIT, Chunked(line(SO_HTTP_CHUNK_LINE_MAX + 1)).status);
  // Trailers with their ends and the last empty line.
  auto trailer = [](size_t len) { return "0\r\nX:" + std::string(len - 6, 'x') + "\r\n\r\n"; };
  EXPECT_TRUE(Chunked(trailer(SO_HTTP_TRAILER_LEN_MAX)).done);
  SO_EXPECT_CODE(SO_LIMIT, Chunked(trailer(SO_HTTP_TRAILER_LEN_MAX + 1)).status);
  EXPECT_EQ(Chunked("7fffffffffffffff\r\nabc").payload, "abc");
}

TEST(HttpBodyTest, CountsLengthsAndLeavesTheRest) {
  const so_http_framing framing = {SO_HTTP_BODY_LENGTH, 5, true, false};
  for (const size_t piece : {1u, 2u, 5u, 100u}) {
    const Result r = Decode(framing, "helloNEXT", piece);
    EXPECT_TRUE(r.done);
    EXPECT_EQ(r.payload, "hello");
  }
  so_http_body b;
  so_http_body_init(&b, &framing);
  uint64_t left = 0;
  EXPECT_TRUE(so_http_body_length_left(&b, &left));
  EXPECT_EQ(left, 5u);
  so_http_body_skip(&b, 4);
  EXPECT_FALSE(so_http_body_done(&b));
  so_http_body copy = b;
  SO_EXPECT_CODE(SO_MALFORMED, so_http_body_end(&copy));
  so_http_body_skip(&b, 1);
  EXPECT_TRUE(so_http_body_done(&b));
  SO_EXPECT_OK(so_http_body_end(&b));
}

TEST(HttpBodyTest, NoBodyIsDoneAndAnOpenOneEndsWithTheConnection) {
  const so_http_framing none = {SO_HTTP_BODY_NONE, 0, true, false};
  so_http_body b;
  so_http_body_init(&b, &none);
  EXPECT_TRUE(so_http_body_done(&b));
  const so_http_framing open = {SO_HTTP_BODY_UNTIL_CLOSE, 0, false, false};
  EXPECT_EQ(Decode(open, "anything\r\n0\r\n", 3).payload, "anything\r\n0\r\n");
  so_http_body_init(&b, &open);
  EXPECT_FALSE(so_http_body_done(&b));
  SO_EXPECT_OK(so_http_body_end(&b));
  EXPECT_TRUE(so_http_body_done(&b));
}

TEST(HttpBodyTest, DecodesWhatItEncodes) {
  uint8_t buf[200];
  so_writer w = so_writer_of(buf, sizeof buf);
  for (const char *piece : {"a", "0123456789abcdef0", "\r\n0\r\n\r\n"}) {
    so_http_write_chunk_start(&w, so_str(piece).len);
    so_write_str(&w, piece);
    so_http_write_chunk_end(&w);
  }
  so_http_write_chunk_last(&w);
  const Result r = Chunked(so_test::Text(so_writer_bytes(&w)));
  EXPECT_TRUE(r.done);
  EXPECT_EQ(r.payload, "a0123456789abcdef0\r\n0\r\n\r\n");
  w = so_writer_of(buf, SO_HTTP_CHUNK_START_LEN_MAX);
  so_http_write_chunk_start(&w, UINT64_MAX);
  so_bytes text;
  SO_EXPECT_OK(so_writer_end(&w, &text));
  EXPECT_EQ(text.len, static_cast<size_t>(SO_HTTP_CHUNK_START_LEN_MAX));
}

}  // namespace
