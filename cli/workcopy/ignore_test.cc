#include <string>

#include "cli/workcopy/changes.h"
#include "tests/support/support.h"

namespace {

using so_test::View;

bool Ignored(const std::string &patterns, const std::string &path, bool is_dir = false) {
  cli_ignore ignore;
  so_buf_init(&ignore.text, so_test::Heap(), 4096);
  so_buf_append(&ignore.text, View(patterns));
  const bool ignored = cli_ignore_matches(&ignore, View(path), is_dir);
  cli_ignore_release(&ignore);
  return ignored;
}

TEST(IgnoreTest, APatternWithoutASlashMatchesInEveryFolder) {
  EXPECT_TRUE(Ignored("*.o\n", "a.o"));
  EXPECT_TRUE(Ignored("*.o\n", "deep/down/a.o"));
  EXPECT_FALSE(Ignored("*.o\n", "a.oo"));
  EXPECT_FALSE(Ignored("*.o", "a.o/b"));
}

TEST(IgnoreTest, ASlashBindsToTheRoot) {
  EXPECT_TRUE(Ignored("/build\n", "build"));
  EXPECT_FALSE(Ignored("/build\n", "sub/build"));
  EXPECT_TRUE(Ignored("doc/*.txt\n", "doc/a.txt"));
  EXPECT_FALSE(Ignored("doc/*.txt\n", "doc/sub/a.txt"));
  EXPECT_FALSE(Ignored("doc/*.txt\n", "other/doc/a.txt"));
  EXPECT_TRUE(Ignored("doc/**\n", "doc/sub/a.txt"));
}

TEST(IgnoreTest, ASlashAtTheEndMeansDirectories) {
  EXPECT_TRUE(Ignored("out/\n", "out", true));
  EXPECT_FALSE(Ignored("out/\n", "out", false));
  EXPECT_TRUE(Ignored("out/\n", "deep/out", true));
}

TEST(IgnoreTest, TheLastMatchDecides) {
  EXPECT_FALSE(Ignored("*.log\n!keep.log\n", "keep.log"));
  EXPECT_TRUE(Ignored("!keep.log\n*.log\n", "keep.log"));
}

TEST(IgnoreTest, CommentsEmptyLinesAndCarriageReturnsAreSkipped) {
  EXPECT_FALSE(Ignored("# *.o\n\n", "# a.o"));
  EXPECT_FALSE(Ignored("\n\n", ""));
  EXPECT_TRUE(Ignored("a\r\nb\r\n", "b"));
  EXPECT_TRUE(Ignored("?", "x"));
  EXPECT_FALSE(Ignored("?", "xy"));
}

}  // namespace
