// Our differences and merges against the tools that people have: patch(1), diff3(1), git.

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <random>

#include "store/diff3/diff3.h"
#include "tests/support/support.h"

namespace {

using so_test::Heap;
using so_test::Text;
using so_test::View;
using std::string;

string Dir() {
  const char *tmp = getenv("TEST_TMPDIR");
  return tmp == nullptr ? "/tmp" : tmp;
}

void WriteFile(const string &name, const string &text) {
  std::ofstream out(Dir() + "/" + name, std::ios::binary);
  out << text;
}

string ReadFile(const string &name) {
  std::ifstream in(Dir() + "/" + name, std::ios::binary);
  return string(std::istreambuf_iterator<char>(in), {});
}

int Shell(const string &command) {
  const int rc = system(("cd " + Dir() + " && " + command).c_str());
  return WEXITSTATUS(rc);
}

bool Has(const string &tool) { return Shell("command -v " + tool + " >/dev/null 2>&1") == 0; }

// The output of a merge, released with its scope.
struct Output {
  Output() { so_buf_init(&buf, Heap(), 1 << 20); }
  ~Output() { so_buf_release(&buf); }
  Output(const Output &) = delete;
  Output &operator=(const Output &) = delete;
  so_buf buf;
};

string Lines(std::mt19937 *rng, unsigned alphabet) {
  string s;
  for (unsigned i = (*rng)() % 25; i > 0; i--)
    s += "line " + std::to_string((*rng)() % alphabet) + "\n";
  if (!s.empty() && (*rng)() % 3 == 0) s.pop_back();
  return s;
}

TEST(DiffToolsTest, PatchTurnsOneIntoTheOtherWithOurDifference) {
  if (!Has("patch")) GTEST_SKIP() << "patch is not installed";
  std::mt19937 rng(1);
  for (int round = 0; round < 60; round++) {
    const string a = Lines(&rng, 8), b = Lines(&rng, 8);
    Output out;
    const uint32_t context = rng() % 4;
    SO_ASSERT_OK(so_text_unified(View(a), View(b), context, Heap(), &out.buf));
    WriteFile("file", a);
    WriteFile("patch", "--- file\n+++ file\n" + Text(so_buf_bytes(&out.buf)));
    if (a == b) continue;
    ASSERT_EQ(0, Shell("patch -s --no-backup-if-mismatch -f file patch >/dev/null"))
        << ReadFile("patch");
    ASSERT_EQ(b, b.empty() ? string() : ReadFile("file"));
  }
}

// Texts in which every line is unique have one sensible alignment, so tools must agree.
TEST(DiffToolsTest, CleanMergesAreThoseOfGitMergeFileAndDiff3) {
  const bool has_git = Has("git"), has_diff3 = Has("diff3");
  if (!has_git && !has_diff3) GTEST_SKIP() << "neither git nor diff3 is installed";
  std::mt19937 rng(2);
  int clean = 0, conflicting = 0;
  for (int round = 0; round < 60; round++) {
    string base, ours, theirs;
    for (int i = 0; i < 30; i++) {
      const string line = "base " + std::to_string(i) + "\n";
      base += line;
      for (string *side : {&ours, &theirs}) {
        const unsigned what = rng() % 25;
        const string fresh = std::to_string(rng()) + "\n";
        *side += what == 0 ? "" : what == 1 ? fresh : what == 2 ? line + fresh : line;
      }
    }
    so_merge_labels labels = {so_str("ours"), so_str("base"), so_str("theirs")};
    Output out;
    size_t conflicts;
    SO_ASSERT_OK(so_text_merge(View(base), View(ours), View(theirs), SO_MERGE_DIFF3, &labels,
                               Heap(), &out.buf, &conflicts));
    WriteFile("base", base);
    WriteFile("ours", ours);
    WriteFile("theirs", theirs);
    if (has_git) {
      const int rc = Shell(
          "git merge-file -p --diff3 -L ours -L base -L theirs ours base theirs > git.out "
          "2>/dev/null");
      ASSERT_EQ(conflicts == 0, rc == 0) << "round " << round;
      if (conflicts == 0) ASSERT_EQ(ReadFile("git.out"), Text(so_buf_bytes(&out.buf)));
    }
    if (has_diff3) {
      const int rc = Shell("diff3 -m -E -L ours -L base -L theirs ours base theirs > diff3.out");
      if (conflicts == 0) {
        ASSERT_EQ(0, rc);
        ASSERT_EQ(ReadFile("diff3.out"), Text(so_buf_bytes(&out.buf)));
      }
    }
    (conflicts == 0 ? clean : conflicting)++;
  }
  EXPECT_GT(clean, 10);
  EXPECT_GT(conflicting, 10);
}

}  // namespace
