// Patches are applied by git itself: what comes out must be the other side.

#include "apps/lib/patch/patch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <random>
#include <sstream>
#include <string>

#include "tests/store_support/objects.h"

namespace {

using so_test::Heap;
using so_test::Text;
using so_test::View;
using std::string;

// The entry views its own copy of the content.
so_entry File(const string &text, uint16_t mode = 0644) {
  static std::deque<string> kept;
  const string &content = kept.emplace_back(text);
  so_entry e = {};
  e.type = SO_ENTRY_FILE;
  e.mode = mode;
  e.size = content.size();
  e.is_inline = true;
  e.inline_value = View(content);
  return e;
}

string Patch(const string &path, const so_entry *before, const so_entry *after) {
  so_test::MemoryObjects m;
  const so_tree tree = m.Tree();
  so_change c = {};
  c.key = View(path);
  c.has_old = before != nullptr;
  c.has_new = after != nullptr;
  if (before != nullptr) c.old_entry = *before;
  if (after != nullptr) c.new_entry = *after;
  so_buf out;
  so_buf_init(&out, Heap(), 1 << 20);
  SO_EXPECT_OK(so_patch_write(&tree, &c, &out));
  const string text = Text(so_buf_bytes(&out));
  so_buf_release(&out);
  return text;
}

string Read(const string &path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}

class PatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "patch_test.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    dir_ = name;
  }
  void TearDown() override { (void)!system(("rm -rf " + dir_).c_str()); }
  string At(const string &path) const { return dir_ + "/" + path; }
  // Whether git applies the patch to the folder.
  bool Apply(const string &patch) {
    std::ofstream(At("the.patch"), std::ios::binary) << patch;
    const string run = "cd " + dir_ + " && GIT_CEILING_DIRECTORIES=$(dirname $PWD) git apply --whitespace=nowarn the.patch";
    return system(run.c_str()) == 0;
  }
  string dir_;
};

string Lines(std::mt19937 *rng, size_t count) {
  string s;
  for (size_t i = 0; i < count; i++) {
    s += string(1 + (*rng)() % 4, static_cast<char>('a' + (*rng)() % 5)) + "\n";
  }
  if (count != 0 && (*rng)() % 4 == 0) s.pop_back();  // No newline at the end.
  return s;
}

TEST_F(PatchTest, GitMakesTheNewSideOfTheOld) {
  std::mt19937 rng(21);
  for (int round = 0; round < 60; round++) {
    const string before = Lines(&rng, 1 + rng() % 40);
    string after = before;
    for (unsigned edits = rng() % 4; edits != 0; edits--) {
      const size_t at = rng() % (after.size() + 1);
      after.insert(at, Lines(&rng, rng() % 3));
      if (rng() % 2 == 0) after.erase(rng() % (after.size() + 1), rng() % 6);
    }
    if (after == before || after.empty()) continue;
    std::ofstream(At("file"), std::ios::binary) << before;
    const so_entry a = File(before), b = File(after);
    const string patch = Patch("file", &a, &b);
    ASSERT_TRUE(Apply(patch)) << patch;
    ASSERT_EQ(Read(At("file")), after) << patch;
  }
}

TEST_F(PatchTest, FilesAppearAndDisappear) {
  const so_entry e = File("one\ntwo\n", 0755);
  ASSERT_TRUE(Apply(Patch("dir/new", nullptr, &e)));
  EXPECT_EQ(Read(At("dir/new")), "one\ntwo\n");
  struct stat s;
  ASSERT_EQ(stat(At("dir/new").c_str(), &s), 0);
  EXPECT_TRUE((s.st_mode & S_IXUSR) != 0);
  ASSERT_TRUE(Apply(Patch("dir/new", &e, nullptr)));
  EXPECT_NE(stat(At("dir/new").c_str(), &s), 0);
}

TEST_F(PatchTest, AnEmptyFileAppears) {
  const so_entry e = File("");
  ASSERT_TRUE(Apply(Patch("empty", nullptr, &e)));
  struct stat s;
  ASSERT_EQ(stat(At("empty").c_str(), &s), 0);
  EXPECT_EQ(s.st_size, 0);
}

TEST_F(PatchTest, ModesChangeAndLinksAreMade) {
  std::ofstream(At("tool")) << "x\n";
  const so_entry plain = File("x\n"), executable = File("x\n", 0755);
  ASSERT_TRUE(Apply(Patch("tool", &plain, &executable)));
  struct stat s;
  ASSERT_EQ(stat(At("tool").c_str(), &s), 0);
  EXPECT_TRUE((s.st_mode & S_IXUSR) != 0);
  so_entry link = File("tool");
  link.type = SO_ENTRY_SYMLINK;
  ASSERT_TRUE(Apply(Patch("link", nullptr, &link)));
  char target[16] = {};
  ASSERT_EQ(readlink(At("link").c_str(), target, sizeof target), 4);
  EXPECT_STREQ(target, "tool");
}

TEST_F(PatchTest, StrangeNamesAreQuotedAsGitReadsThem) {
  for (const string name : {"with space", "qu\"ote", "back\\slash", "tab\there", "new\nline", "\x7f"}) {
    const so_entry e = File("content\n");
    ASSERT_TRUE(Apply(Patch(name, nullptr, &e))) << name;
    EXPECT_EQ(Read(At(name)), "content\n") << name;
  }
}

TEST_F(PatchTest, BinaryValuesAreNotShown) {
  const so_entry a = File(string("\0\1", 2)), b = File("text\n");
  EXPECT_NE(Patch("f", &a, &b).find("Binary files differ\n"), string::npos);
  EXPECT_EQ(Patch("f", &a, &b).find("@@"), string::npos);
}

TEST_F(PatchTest, AFullBufferIsLimit) {
  so_test::MemoryObjects m;
  const so_tree tree = m.Tree();
  const string content(200, 'x');
  so_change c = {};
  c.key = View(content);
  c.has_new = true;
  c.new_entry = File(content);
  so_buf out;
  so_buf_init(&out, Heap(), 100);
  SO_EXPECT_CODE(SO_LIMIT, so_patch_write(&tree, &c, &out));
  so_buf_release(&out);
}

}  // namespace
