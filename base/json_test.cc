#include "base/json.h"

#include <memory>
#include <string>

#include "tests/support/support.h"

namespace {
using so_test::Guarded;
using so_test::Text;
using so_test::View;

class JsonTest : public ::testing::Test {
 protected:
  void SetUp() override { so_arena_init(&arena_, so_test::Heap(), 1 << 20); }
  void TearDown() override { so_arena_release(&arena_); }

  so_code Parse(const std::string &text) {
    text_ = std::make_unique<Guarded>(text);  // The tree borrows it.
    return static_cast<so_code>(so_json_parse(text_->view(), &arena_, &value_, &off_).code);
  }

  // Parses and writes again.
  std::string Rewrite(const std::string &text) {
    Guarded g(text);
    if (!so_ok(so_json_parse(g.view(), &arena_, &value_, &off_))) {
      return "error at " + std::to_string(off_);
    }
    so_buf out;
    so_buf_init(&out, so_test::Heap(), 1 << 20);
    so_json_writer w = so_json_writer_of(&out);
    so_json_put_value(&w, value_);
    const std::string written = Text(so_buf_bytes(&out));
    so_buf_release(&out);
    return written;
  }

  so_arena arena_;
  std::unique_ptr<Guarded> text_;
  const so_json *value_ = nullptr;
  size_t off_ = 0;
};

TEST_F(JsonTest, WritesWhatItReadWithoutSpace) {
  EXPECT_EQ("{\"a\":[1,-2.5e+3,true,false,null,{}],\"b\":{\"c\":[]},\"\":\"\"}",
            Rewrite(" { \"a\" : [1 , -2.5e+3,true,false,null,{}],\r\n\t\"b\":{\"c\":[ ]},\"\":\"\"} "));
  EXPECT_EQ("\"x\"", Rewrite("\"x\""));
  EXPECT_EQ("0", Rewrite("0"));
}

TEST_F(JsonTest, DecodesEveryEscape) {
  EXPECT_EQ("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\xc3\xa9\xf0\x9d\x84\x9e\"",
            Rewrite("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u00e9\\uD834\\udd1e\""));
}

TEST_F(JsonTest, RefusesWhatTheGrammarRefuses) {
  const char *bad[] = {
      "",        " ",       "{",        "}",          "[1,]",     "[,1]",      "{\"a\"}",
      "{\"a\":}", "{a:1}",  "{\"a\":1,}", "[1 2]",    "01",       "-",         "1.",
      ".5",      "1e",      "+1",       "tru",        "nulls",    "\"",        "\"\\x\"",
      "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\x01\"", "\"\xff\"",
      "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "1 1", "[1]]", "{\"a\":1}}", "// x\n1", "'a'", "NaN",
      "[1}", "{\"a\":1]", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "\xef\xbb\xbf[1]",
  };
  for (const char *text : bad) {
    SCOPED_TRACE(text);
    EXPECT_EQ(SO_MALFORMED, Parse(text));
    EXPECT_LE(off_, strlen(text));
  }
  EXPECT_EQ(SO_MALFORMED, Parse(std::string("1\0", 2))) << "a NUL is not white space";
}

TEST_F(JsonTest, NestingIsLimitedNotRecursed) {
  const std::string most = std::string(SO_JSON_DEPTH_MAX, '[') + std::string(SO_JSON_DEPTH_MAX, ']');
  EXPECT_EQ(most, Rewrite(most));
  EXPECT_EQ(SO_LIMIT, Parse("[" + most + "]"));
  EXPECT_EQ(SO_LIMIT, Parse(std::string(100000, '[')));
}

TEST_F(JsonTest, EveryTruncationFailsWithoutOverread) {
  const std::string text = "{\"k\":[1.5e9,\"\\ud834\\udd1e\xc3\xa9\",true,null,{\"x\":false}]}";
  for (size_t n = 0; n < text.size(); n++) {
    SCOPED_TRACE(n);
    EXPECT_EQ(SO_MALFORMED, Parse(text.substr(0, n)));
  }
  EXPECT_EQ(SO_OK, Parse(text));
}

TEST_F(JsonTest, FullArenaIsALimit) {
  so_arena small;
  so_arena_init(&small, so_test::Heap(), 4096);
  const std::string text = "[" + std::string(500, '1') + ",1,1" + [] {
    std::string s;
    for (int i = 0; i < 500; i++) s += ",1";
    return s;
  }() + "]";
  const so_json *v;
  SO_EXPECT_CODE(SO_LIMIT, so_json_parse(View(text), &small, &v, nullptr));
  so_arena_release(&small);
}

TEST_F(JsonTest, TypedViewsCheckTypeAndRange) {
  ASSERT_EQ(SO_OK, Parse("{\"s\":\"t\",\"u\":18446744073709551615,\"big\":18446744073709551616,"
                         "\"i\":-9223372036854775808,\"f\":1.0,\"b\":true}"));
  uint64_t u = 7;
  int64_t i = 7;
  bool b = false;
  so_bytes s;
  EXPECT_TRUE(so_json_u64(so_json_member(value_, "u"), &u));
  EXPECT_EQ(UINT64_MAX, u);
  EXPECT_FALSE(so_json_i64(so_json_member(value_, "u"), &i));
  EXPECT_FALSE(so_json_u64(so_json_member(value_, "big"), &u));
  EXPECT_TRUE(so_json_i64(so_json_member(value_, "i"), &i));
  EXPECT_EQ(INT64_MIN, i);
  EXPECT_FALSE(so_json_u64(so_json_member(value_, "i"), &u));
  EXPECT_FALSE(so_json_u64(so_json_member(value_, "f"), &u));
  EXPECT_TRUE(so_json_bool(so_json_member(value_, "b"), &b) && b);
  EXPECT_TRUE(so_json_string(so_json_member(value_, "s"), &s));
  EXPECT_FALSE(so_json_string(so_json_member(value_, "none"), &s));
  EXPECT_FALSE(so_json_u64(nullptr, &u));
  EXPECT_EQ(UINT64_MAX, u) << "a refused view leaves its out parameter alone";
}

TEST_F(JsonTest, WriterReplacesIllFormedText) {
  so_buf out;
  so_buf_init(&out, so_test::Heap(), 1000);
  so_json_writer w = so_json_writer_of(&out);
  so_json_object(&w);
  so_json_member_string(&w, "n", so_str("a\xff\xc3z"));
  so_json_member_u64(&w, "u", 42);
  so_json_name(&w, "l");
  so_json_array(&w);
  so_json_put_i64(&w, -1);
  so_json_put_null(&w);
  so_json_array_end(&w);
  so_json_member_bool(&w, "b", true);
  so_json_object_end(&w);
  EXPECT_EQ("{\"n\":\"a\xef\xbf\xbd\xef\xbf\xbdz\",\"u\":42,\"l\":[-1,null],\"b\":true}",
            Text(so_buf_bytes(&out)));
  so_buf_release(&out);
}
}  // namespace
