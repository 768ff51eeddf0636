#include "store/diff3/diff3.h"

#include <random>
#include <string>
#include <vector>

#include "tests/support/support.h"

namespace {

using so_test::Heap;
using so_test::Text;
using so_test::View;
using std::string;

struct Merged {
  string text;
  size_t conflicts;
};

Merged Merge(const string &base, const string &ours, const string &theirs,
             so_merge_style style = SO_MERGE_DIFF3) {
  so_merge_labels labels = {so_str("ours"), so_str("base"), so_str("theirs")};
  so_buf out;
  so_buf_init(&out, Heap(), 1 << 20);
  Merged m = {"", 0};
  SO_EXPECT_OK(so_text_merge(View(base), View(ours), View(theirs), style, &labels, Heap(), &out,
                             &m.conflicts));
  m.text = Text(so_buf_bytes(&out));
  so_buf_release(&out);
  return m;
}

string Unified(const string &a, const string &b, uint32_t context = 3) {
  so_buf out;
  so_buf_init(&out, Heap(), 1 << 20);
  SO_EXPECT_OK(so_text_unified(View(a), View(b), context, Heap(), &out));
  const string text = Text(so_buf_bytes(&out));
  so_buf_release(&out);
  return text;
}

std::vector<string> Lines(const string &s) {
  std::vector<string> lines;
  size_t at = 0;
  while (at < s.size()) {
    const size_t end = s.find('\n', at);
    const size_t next = end == string::npos ? s.size() : end + 1;
    lines.push_back(s.substr(at, next - at));
    at = next;
  }
  return lines;
}

// The number of lines that change in a shortest script, by the textbook table.
size_t ShortestScript(const std::vector<string> &a, const std::vector<string> &b) {
  std::vector<std::vector<size_t>> lcs(a.size() + 1, std::vector<size_t>(b.size() + 1, 0));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      lcs[i][j] = a[i] == b[j] ? lcs[i + 1][j + 1] + 1 : std::max(lcs[i + 1][j], lcs[i][j + 1]);
    }
  }
  return a.size() + b.size() - 2 * lcs[0][0];
}

string RandomText(std::mt19937 *rng, size_t lines_max, unsigned alphabet) {
  string text;
  const size_t lines = (*rng)() % (lines_max + 1);
  for (size_t i = 0; i < lines; i++) {
    text += "line " + std::to_string((*rng)() % alphabet) + "\n";
  }
  if (!text.empty() && (*rng)() % 4 == 0) {
    text.pop_back();
  }
  return text;
}

// Applies hunks, checking on the way that they are in order and apart.
string Apply(const string &a, const string &b, const so_hunks &h) {
  const auto la = Lines(a);
  const auto lb = Lines(b);
  string out;
  size_t at = 0;
  for (size_t i = 0; i < h.count; i++) {
    const so_hunk &x = h.items[i];
    EXPECT_TRUE(i == 0 || x.a_start > at) << "hunks touch";
    EXPECT_GT(x.a_count + x.b_count, 0u);
    for (; at < x.a_start; at++) out += la[at];
    for (size_t j = 0; j < x.b_count; j++) out += lb[x.b_start + j];
    at = x.a_start + x.a_count;
  }
  for (; at < la.size(); at++) out += la[at];
  return out;
}

TEST(TextDiffTest, HunksTurnOneTextIntoTheOtherAndAreShortest) {
  std::mt19937 rng(1);
  for (int round = 0; round < 3000; round++) {
    const string a = RandomText(&rng, 30, 1 + rng() % 12);
    const string b = RandomText(&rng, 30, 1 + rng() % 12);
    so_hunks h;
    SO_ASSERT_OK(so_text_diff(View(a), View(b), Heap(), &h));
    ASSERT_EQ(b, Apply(a, b, h)) << "round " << round;
    size_t cost = 0;
    for (size_t i = 0; i < h.count; i++) cost += h.items[i].a_count + h.items[i].b_count;
    ASSERT_EQ(ShortestScript(Lines(a), Lines(b)), cost) << "round " << round;
    so_hunks_release(&h);
  }
}

TEST(TextDiffTest, SearchPastItsBoundIsStillRight) {
  std::mt19937 rng(2);
  string a, b;
  for (int i = 0; i < 20000; i++) {
    a += std::to_string(rng() % 50) + "\n";
    b += std::to_string(rng() % 50) + "\n";
  }
  so_hunks h;
  SO_ASSERT_OK(so_text_diff(View(a), View(b), Heap(), &h));
  EXPECT_EQ(b, Apply(a, b, h));
  so_hunks_release(&h);
}

TEST(TextDiffTest, EqualAndEmptyTexts) {
  so_hunks h;
  for (const string s : {"", "a", "a\n", "a\nb\n"}) {
    SO_ASSERT_OK(so_text_diff(View(s), View(s), Heap(), &h));
    EXPECT_EQ(0u, h.count);
    so_hunks_release(&h);
    EXPECT_EQ("", Unified(s, s));
  }
  SO_ASSERT_OK(so_text_diff(View(""), View(string("a\nb")), Heap(), &h));
  ASSERT_EQ(1u, h.count);
  EXPECT_EQ(2u, h.items[0].b_count);
  so_hunks_release(&h);
}

TEST(TextDiffTest, RefusalOfMemoryIsLimitAndLeaksNothing) {
  const string a = "a\nb\nc\nd\n", b = "a\nx\nc\ny\nz\n", c = "q\nb\nc\nd\nr\n";
  so_merge_labels labels = {so_str("o"), so_str("b"), so_str("t")};
  bool done = false;
  for (size_t limit = 0; !done; limit += 8) {
    so_heap_budget budget;
    const so_heap heap = so_heap_budget_init(&budget, Heap(), limit);
    so_buf out;
    so_buf_init(&out, Heap(), 4096);
    size_t conflicts;
    const so_status s =
        so_text_merge(View(a), View(b), View(c), SO_MERGE_DIFF3, &labels, &heap, &out, &conflicts);
    EXPECT_TRUE(so_ok(s) || so_is(s, SO_LIMIT));
    EXPECT_EQ(0u, budget.used) << "limit " << limit;
    done = so_ok(s);
    so_buf_release(&out);
    ASSERT_LT(limit, 100000u);
  }
}

TEST(TextDiffTest, FullOutputIsLimit) {
  so_buf out;
  so_buf_init(&out, Heap(), 10);
  SO_EXPECT_CODE(SO_LIMIT, so_text_unified(View("a\nb\n"), View("a\nc\n"), 3, Heap(), &out));
  so_buf_release(&out);
}

TEST(TextUnifiedTest, LooksLikeDiff) {
  EXPECT_EQ("@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n", Unified("a\nb\nc\n", "a\nx\nc\n"));
  EXPECT_EQ("@@ -0,0 +1,2 @@\n+a\n+b\n", Unified("", "a\nb\n"));
  EXPECT_EQ("@@ -1 +0,0 @@\n-a\n", Unified("a\n", ""));
  EXPECT_EQ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", Unified("a", "a\n"));
  EXPECT_EQ("@@ -2 +2 @@\n-b\n+x\n", Unified("a\nb\nc\n", "a\nx\nc\n", 0));
  EXPECT_EQ("@@ -1,0 +2 @@\n+x\n", Unified("a\nb\n", "a\nx\nb\n", 0));
}

TEST(TextUnifiedTest, PureInsertionsAndRemovalsSlideDown) {
  EXPECT_EQ("@@ -2,0 +3 @@\n+a\n", Unified("a\na\nb\n", "a\na\na\nb\n", 0));
  EXPECT_EQ("@@ -3 +2,0 @@\n-a\n", Unified("a\na\na\nb\n", "a\na\nb\n", 0));
}

TEST(TextMergeTest, OneSideAndBothTheSame) {
  EXPECT_EQ("a\nX\nc\n", Merge("a\nb\nc\n", "a\nX\nc\n", "a\nb\nc\n").text);
  EXPECT_EQ("a\nX\nc\n", Merge("a\nb\nc\n", "a\nb\nc\n", "a\nX\nc\n").text);
  const Merged both = Merge("a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n");
  EXPECT_EQ("a\nX\nc\n", both.text);
  EXPECT_EQ(0u, both.conflicts);
  EXPECT_EQ("A\nb\nC\n", Merge("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n").text);
}

TEST(TextMergeTest, ConflictShowsAllThree) {
  const Merged m = Merge("a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n");
  EXPECT_EQ(1u, m.conflicts);
  EXPECT_EQ("a\n<<<<<<< ours\nx\n||||||| base\nb\n=======\ny\n>>>>>>> theirs\nc\n", m.text);
  EXPECT_EQ("a\n<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\nc\n",
            Merge("a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n", SO_MERGE_PLAIN).text);
  EXPECT_EQ("a\nx\ny\nc\n", Merge("a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n", SO_MERGE_UNION).text);
  EXPECT_EQ("a\nx\nc\n", Merge("a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n", SO_MERGE_OURS).text);
  EXPECT_EQ("a\ny\nc\n", Merge("a\nb\nc\n", "a\nx\nc\n", "a\ny\nc\n", SO_MERGE_THEIRS).text);
}

TEST(TextMergeTest, CommonEndsOfAConflictStayOutside) {
  EXPECT_EQ("s\n<<<<<<< ours\nx\n||||||| base\nb\n=======\ny\n>>>>>>> theirs\ne\n",
            Merge("b\n", "s\nx\ne\n", "s\ny\ne\n").text);
}

TEST(TextMergeTest, MissingLastLineEndDoesNotGlueMarkers) {
  EXPECT_EQ("<<<<<<< ours\nx\n||||||| base\nb\n=======\ny\n>>>>>>> theirs\n",
            Merge("b", "x", "y").text);
}

TEST(TextMergeTest, ChangesThatTouchAreAConflict) {
  EXPECT_EQ(1u, Merge("a\nb\nc\nd\n", "a\nX\nc\nd\n", "a\nb\nY\nd\n").conflicts);
  EXPECT_EQ(1u, Merge("a\n", "a\nx\n", "a\ny\n").conflicts);
}

TEST(TextMergeTest, IsSymmetricUpToTheNamesOfTheSides) {
  std::mt19937 rng(3);
  for (int round = 0; round < 2000; round++) {
    const string base = RandomText(&rng, 20, 6);
    const string ours = RandomText(&rng, 20, 6);
    const string theirs = RandomText(&rng, 20, 6);
    const Merged x = Merge(base, ours, theirs);
    const Merged y = Merge(base, theirs, ours);
    ASSERT_EQ(x.conflicts, y.conflicts) << "round " << round;
    if (x.conflicts == 0) {
      ASSERT_EQ(x.text, y.text) << "round " << round;
    }
    ASSERT_EQ(Merge(base, ours, theirs, SO_MERGE_OURS).text,
              Merge(base, theirs, ours, SO_MERGE_THEIRS).text);
    ASSERT_EQ(theirs, Merge(base, base, theirs).text);
    ASSERT_EQ(ours, Merge(base, ours, base).text);
    ASSERT_EQ(ours, Merge(base, ours, ours).text);
  }
}

TEST(TextTest, BinaryIsANulNearTheBeginning) {
  EXPECT_FALSE(so_text_is_binary(View("")));
  EXPECT_FALSE(so_text_is_binary(View("text\n")));
  EXPECT_TRUE(so_text_is_binary(View(string("a\0b", 3))));
  EXPECT_TRUE(so_text_is_binary(View(string(7999, 'a') + string(1, '\0'))));
  EXPECT_FALSE(so_text_is_binary(View(string(8000, 'a') + string(1, '\0'))));
}

}  // namespace
