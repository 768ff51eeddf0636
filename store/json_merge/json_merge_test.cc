#include "store/json_merge/json_merge.h"

#include <random>
#include <string>

#include "tests/support/support.h"

namespace {

using so_test::Heap;
using so_test::Text;
using so_test::View;
using std::string;

// The merged text, then each conflict's pointer after a space.
string Merge(const string &base, const string &ours, const string &theirs,
             so_json_favor favor = SO_JSON_FAVOR_NONE) {
  so_arena arena;
  so_arena_init(&arena, Heap(), 16 << 20);
  so_buf out;
  so_buf_init(&out, Heap(), 1 << 20);
  so_json_merge_result result;
  const so_status s =
      so_json_merge(View(base), View(ours), View(theirs), favor, &arena, &out, &result);
  string text = so_ok(s) ? Text(so_buf_bytes(&out)) : so_code_name((so_code)s.code);
  for (size_t i = 0; so_ok(s) && i < result.pointer_count; i++) {
    text += " " + Text(result.pointers[i]);
  }
  so_buf_release(&out);
  so_arena_release(&arena);
  return text;
}

TEST(JsonMergeTest, DifferentMembersMerge) {
  EXPECT_EQ(R"({"a":2,"b":3})", Merge(R"({"a":1,"b":1})", R"({"a":2,"b":1})", R"({"a":1,"b":3})"));
  EXPECT_EQ(R"({"a":1,"x":1,"y":2})", Merge(R"({"a":1})", R"({"a":1,"x":1})", R"({"a":1,"y":2})"));
  EXPECT_EQ(R"({"b":1})", Merge(R"({"a":1,"b":1})", R"({"b":1})", R"({"a":1,"b":1})"));
  EXPECT_EQ(R"({})", Merge(R"({"a":1,"b":1})", R"({"b":1})", R"({"a":1})"));
  EXPECT_EQ(R"({"o":{"p":{"q":2,"r":3}}})",
            Merge(R"({"o":{"p":{"q":1,"r":1}}})", R"({"o":{"p":{"q":2,"r":1}}})",
                  R"({"o":{"p":{"q":1,"r":3}}})"));
}

TEST(JsonMergeTest, SameMemberConflictsByPointer) {
  EXPECT_EQ(R"({"a":2} /a)", Merge(R"({"a":1})", R"({"a":2})", R"({"a":3})"));
  EXPECT_EQ(R"({"a/b":{"~":2}} /a~1b/~0)",
            Merge(R"({"a/b":{"~":1}})", R"({"a/b":{"~":2}})", R"({"a/b":{"~":3}})"));
  EXPECT_EQ(R"({"a":2} /a)", Merge(R"({"a":1})", R"({"a":2})", R"({})"));
  EXPECT_EQ(R"({} /a)", Merge(R"({"a":1})", R"({})", R"({"a":2})"));
  EXPECT_EQ(R"(1 )", Merge("0", "1", "2"));
  EXPECT_EQ(R"({"a":3})", Merge(R"({"a":1})", R"({"a":2})", R"({"a":3})", SO_JSON_FAVOR_THEIRS));
  EXPECT_EQ(R"({"a":2})", Merge(R"({"a":1})", R"({"a":2})", R"({"a":3})", SO_JSON_FAVOR_OURS));
}

TEST(JsonMergeTest, BothAddingAnObjectMergesInside) {
  EXPECT_EQ(R"({"o":{"a":1,"b":2}})", Merge("{}", R"({"o":{"a":1}})", R"({"o":{"b":2}})"));
}

TEST(JsonMergeTest, Arrays) {
  EXPECT_EQ("[9,1,2,3,8]", Merge("[1,2,3]", "[9,1,2,3]", "[1,2,3,8]"));
  EXPECT_EQ("[9,1,2,3,8]", Merge("[1,2,3]", "[1,2,3,8]", "[9,1,2,3]"));
  EXPECT_EQ("[2]", Merge("[1,2,3]", "[2,3]", "[1,2]"));
  EXPECT_EQ("[7,2,8]", Merge("[1,2,3]", "[7,2,3]", "[1,2,8]"));
  EXPECT_EQ("[1,2,4] ", Merge("[1,2]", "[1,2,4]", "[1,2,5]"));
  EXPECT_EQ(R"({"l":[1,5]} /l/1)", Merge(R"({"l":[1,2]})", R"({"l":[1,5]})", R"({"l":[1,6]})"));
  EXPECT_EQ(R"([{"a":2,"b":3}])",
            Merge(R"([{"a":1,"b":1}])", R"([{"a":2,"b":1}])", R"([{"a":1,"b":3}])"));
}

TEST(JsonMergeTest, KeepsTheLayoutOfOurs) {
  EXPECT_EQ("{\n  \"a\": 2,\n  \"b\": [\n    1\n  ],\n  \"c\": {}\n}\n",
            Merge("{\"a\":1}", "{\n  \"a\": 2,\n  \"b\": [1]\n}\n", "{\"a\":1,\"c\":{}}"));
  EXPECT_EQ("{\n\t\"a\": 2,\n\t\"b\": 3\n}",
            Merge("{\"a\":1,\"b\":1}", "{\n\t\"a\": 2,\n\t\"b\": 1\n}", "{\"a\":1,\"b\":3}"));
}

TEST(JsonMergeTest, WhatIsNotJsonIsRefused) {
  EXPECT_EQ("MALFORMED", Merge("{", "{}", "{}"));
  EXPECT_EQ("MALFORMED", Merge("{}", "{} x", "{}"));
  EXPECT_EQ("MALFORMED", Merge("{}", "{}", R"({"a":1,"a":2})"));
}

TEST(JsonMergeTest, DeepestNestingMerges) {
  string b = "0", o = "1", t = "0";
  for (int i = 0; i < SO_JSON_DEPTH_MAX; i++) {
    b = "{\"a\":" + b + ",\"b\":0}";
    o = "{\"a\":" + o + ",\"b\":0}";
    t = "{\"a\":" + t + ",\"b\":2}";
  }
  const string merged = Merge(b, o, t);
  EXPECT_EQ(o.size(), merged.size());
  EXPECT_EQ("LIMIT", Merge("[" + b + "]", "[" + o + "]", "[" + t + "]"));
}

string Random(std::mt19937 *rng, int depth) {
  const unsigned kind = (*rng)() % (depth == 0 ? 2 : 4);
  if (kind < 2) {
    return std::to_string((*rng)() % 3);
  }
  string s(1, kind == 2 ? '{' : '[');
  for (unsigned i = 0, n = 0; i < 3; i++) {
    if ((*rng)() % 3 != 0) {
      s += n++ != 0 ? "," : "";
      s += kind == 2 ? "\"" + string(1, static_cast<char>('a' + i)) + "\":" : "";
      s += Random(rng, depth - 1);
    }
  }
  return s + (kind == 2 ? '}' : ']');
}

size_t Conflicts(const string &merged) {
  return static_cast<size_t>(std::count(merged.begin(), merged.end(), ' '));
}

TEST(JsonMergeTest, IsSymmetricUpToTheNamesOfTheSides) {
  std::mt19937 rng(4);
  for (int round = 0; round < 5000; round++) {
    const string b = Random(&rng, 3), o = Random(&rng, 3), t = Random(&rng, 3);
    ASSERT_EQ(Conflicts(Merge(b, o, t)), Conflicts(Merge(b, t, o))) << b << o << t;
    ASSERT_EQ(o, Merge(b, o, b));
    ASSERT_EQ(t, Merge(b, b, t));
    ASSERT_EQ(o, Merge(b, o, o));
  }
}

TEST(JsonMergeTest, ShortMemoryIsLimit) {
  const string b = R"({"a":[1,2,3],"b":{"c":1}})", o = R"({"a":[0,1,2,3],"b":{"c":2}})",
               t = R"({"a":[1,2,3,4],"b":{"d":1,"c":1}})";
  for (size_t limit = 0; limit < 60000; limit += 4096) {
    so_arena arena;
    so_arena_init(&arena, Heap(), limit);
    so_buf out;
    so_buf_init(&out, Heap(), 1 << 20);
    so_json_merge_result r;
    const so_status s =
        so_json_merge(View(b), View(o), View(t), SO_JSON_FAVOR_NONE, &arena, &out, &r);
    EXPECT_TRUE(so_ok(s) || so_is(s, SO_LIMIT));
    so_buf_release(&out);
    so_arena_release(&arena);
  }
}

}  // namespace
