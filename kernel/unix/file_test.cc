#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "kernel/unix/unix.h"
#include "tests/support/support.h"

namespace {

constexpr size_t kUnit = 512;

class UnixFileTest : public testing::Test {
 protected:
  UnixFileTest() {
    std::string dir = testing::TempDir() + "/so_file_XXXXXX";
    dir_ = mkdtemp(dir.data());
    path_ = dir_ + "/data";
  }
  ~UnixFileTest() override { (void)!system(("rm -rf '" + dir_ + "'").c_str()); }

  so_status Open(bool create, so_block *out) {
    return so_unix_open_block(so_test::View(path_), create, out);
  }

  std::string dir_;
  std::string path_;
};

std::string Contents(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_F(UnixFileTest, KeepsWhatIsWrittenAndReadsZerosElsewhere) {
  so_block b;
  SO_ASSERT_OK(Open(true, &b));
  const std::string bytes(2 * kUnit, 'x');
  SO_ASSERT_OK(so_block_write(&b, 3 * kUnit, so_test::View(bytes)));
  SO_ASSERT_OK(so_block_flush(&b));
  so_block_close(&b);
  SO_ASSERT_OK(Open(false, &b));
  std::vector<uint8_t> got(8 * kUnit, 0xee);
  SO_ASSERT_OK(so_block_read(&b, 0, got.data(), got.size()));
  for (size_t i = 0; i < got.size(); i++) {
    ASSERT_EQ(got[i], i >= 3 * kUnit && i < 5 * kUnit ? 'x' : 0) << i;
  }
  SO_ASSERT_OK(so_block_read(&b, b.capacity - kUnit, got.data(), kUnit));
  EXPECT_EQ(got[0], 0);
  so_block_close(&b);
}

TEST_F(UnixFileTest, CreatesForItsOwnerOnlyAndOnlyWhenAsked) {
  so_block b;
  SO_EXPECT_CODE(SO_NOT_FOUND, Open(false, &b));
  SO_ASSERT_OK(Open(true, &b));
  struct stat st;
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_EQ(b.capacity, uint64_t{1} << 40);
  so_block_close(&b);
}

TEST_F(UnixFileTest, RefusesASecondOpener) {
  so_block a, b;
  SO_ASSERT_OK(Open(true, &a));
  SO_EXPECT_CODE(SO_CONFLICT, Open(false, &b));
  const pid_t child = fork();
  if (child == 0) {
    so_block c;
    _exit(so_is(Open(false, &c), SO_CONFLICT) ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << "another process is refused too";
  so_block_close(&a);
  SO_ASSERT_OK(Open(false, &b));
  so_block_close(&b);
}

TEST_F(UnixFileTest, RefusesWhatIsNotAFile) {
  so_block b;
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_unix_open_block(so_str("/dev/null"), false, &b));
  SO_EXPECT_CODE(SO_UNSUPPORTED, so_unix_open_block(so_test::View(dir_), false, &b));
  SO_EXPECT_CODE(SO_NOT_FOUND, so_unix_open_block(so_str("/nonexistent/x"), true, &b));
  SO_EXPECT_CODE(SO_MALFORMED, so_unix_open_block(so_bytes_of("a\0b", 3), true, &b));
  SO_EXPECT_CODE(SO_MALFORMED, so_unix_open_block(so_str(""), true, &b));
  SO_EXPECT_CODE(SO_LIMIT, so_unix_open_block(so_test::View(std::string(5000, 'a')), true, &b));
}

TEST_F(UnixFileTest, RefusesWhatIsUnalignedOrOutOfRange) {
  so_block b;
  SO_ASSERT_OK(Open(true, &b));
  uint8_t bytes[2 * kUnit] = {};
  SO_EXPECT_CODE(SO_LIMIT, so_block_read(&b, 1, bytes, kUnit));
  SO_EXPECT_CODE(SO_LIMIT, so_block_write(&b, 0, so_bytes_of(bytes, kUnit - 1)));
  SO_EXPECT_CODE(SO_LIMIT, so_block_read(&b, b.capacity - kUnit, bytes, 2 * kUnit));
  SO_EXPECT_CODE(SO_LIMIT, so_block_write(&b, b.capacity, so_bytes_of(bytes, kUnit)));
  so_block_close(&b);
}

TEST_F(UnixFileTest, AFullMediumIsALimitAndNotACrash) {
  so_block b;
  SO_ASSERT_OK(Open(true, &b));
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 3 * kUnit;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string bytes(2 * kUnit, 'x');
  SO_EXPECT_OK(so_block_write(&b, 0, so_test::View(bytes)));
  const so_status past = so_block_write(&b, 2 * kUnit, so_test::View(bytes));
  const so_status again = so_block_write(&b, 0, so_test::View(bytes));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  SO_EXPECT_CODE(SO_LIMIT, past);
  EXPECT_EQ(past.detail, EFBIG);
  SO_EXPECT_OK(again);
  SO_EXPECT_OK(so_block_write(&b, 2 * kUnit, so_test::View(bytes)));
  so_block_close(&b);
}

TEST_F(UnixFileTest, WritesSmallFilesWholeAndPrivate) {
  SO_ASSERT_OK(so_unix_write_file(so_test::View(path_), so_str("one")));
  SO_ASSERT_OK(so_unix_write_file(so_test::View(path_), so_str("second")));
  EXPECT_EQ(Contents(path_), "second");
  struct stat st;
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  SO_EXPECT_OK(so_unix_write_file(so_test::View(path_), so_str("")));
  EXPECT_EQ(Contents(path_), "");
  SO_EXPECT_CODE(SO_NOT_FOUND, so_unix_write_file(so_str("/nonexistent/x"), so_str("a")));
}

TEST_F(UnixFileTest, ARefusedReplacementKeepsTheOldFileAndLeavesNoOther) {
  SO_ASSERT_OK(so_unix_write_file(so_test::View(path_), so_str("old")));
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 1;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const so_status s = so_unix_write_file(so_test::View(path_), so_str("new content"));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  SO_EXPECT_CODE(SO_LIMIT, s);
  EXPECT_EQ(Contents(path_), "old");
  EXPECT_NE(system(("test $(ls '" + dir_ + "' | wc -l) = 1").c_str()), -1);
  EXPECT_EQ(system(("test $(ls '" + dir_ + "' | wc -l) = 1").c_str()), 0);
}

}  // namespace
