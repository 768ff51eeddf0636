#include "cli/workcopy/index.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/support.h"

namespace {

using so_test::Heap;
using so_test::View;

class IndexTest : public ::testing::Test {
 protected:
  void SetUp() override { cli_index_init(&index_, Heap()); }
  void TearDown() override {
    cli_index_release(&index_);
    unlink(kFile);
  }
  struct stat Stat(int n) {
    struct stat s = {};
    s.st_mtim = {100 + n, 5};
    s.st_ctim = {200 + n, 6};
    s.st_ino = static_cast<ino_t>(n);
    s.st_size = 10 * n;
    s.st_mode = S_IFREG | 0644;
    return s;
  }
  void Fill(int count) {
    for (int i = 0; i < count; i++) {
      const std::string path = "file" + std::to_string(10000 + i);
      const struct stat s = Stat(i);
      so_oid tag = {};
      tag.bytes[0] = static_cast<uint8_t>(i);
      SO_ASSERT_OK(cli_index_add(&index_, View(path), &s, &tag));
    }
  }
  static constexpr const char *kFile = "index_test.index";
  cli_index index_;
};

TEST_F(IndexTest, WhatWasSavedIsLoaded) {
  Fill(1000);
  SO_ASSERT_OK(cli_index_save(&index_, kFile, Heap()));
  cli_index_release(&index_);
  cli_index_load(&index_, kFile);
  ASSERT_EQ(index_.count, 1000u);
  const cli_index_entry *e = cli_index_find(&index_, so_str("file10777"));
  ASSERT_NE(e, nullptr);
  EXPECT_EQ(e->tag.bytes[0], static_cast<uint8_t>(777));
  const struct stat s = Stat(777);
  EXPECT_TRUE(cli_index_fresh(&index_, e, &s));
  EXPECT_EQ(cli_index_find(&index_, so_str("file1077")), nullptr);
  EXPECT_EQ(cli_index_find(&index_, so_str("")), nullptr);
  EXPECT_EQ(cli_index_find(&index_, so_str("z")), nullptr);
}

TEST_F(IndexTest, AnyDifferenceInStatMakesItStale) {
  Fill(3);
  index_.written_ns = INT64_MAX;
  const cli_index_entry *e = cli_index_find(&index_, so_str("file10002"));
  ASSERT_NE(e, nullptr);
  struct stat s = Stat(2);
  EXPECT_TRUE(cli_index_fresh(&index_, e, &s));
  s.st_mtim.tv_nsec++;
  EXPECT_FALSE(cli_index_fresh(&index_, e, &s));
  s = Stat(2);
  s.st_ctim.tv_nsec++;
  EXPECT_FALSE(cli_index_fresh(&index_, e, &s));
  s = Stat(2);
  s.st_ino++;
  EXPECT_FALSE(cli_index_fresh(&index_, e, &s));
  s = Stat(2);
  s.st_size++;
  EXPECT_FALSE(cli_index_fresh(&index_, e, &s));
  s = Stat(2);
  s.st_mode ^= 0100;
  EXPECT_FALSE(cli_index_fresh(&index_, e, &s));
}

TEST_F(IndexTest, AFileChangedWhenTheIndexWasWrittenIsNotBelieved) {
  Fill(1);
  const struct stat s = Stat(0);
  index_.written_ns = 200 * INT64_C(1000000000) + 6;  // Its ctime.
  EXPECT_FALSE(cli_index_fresh(&index_, &index_.entries[0], &s));
  index_.written_ns++;
  EXPECT_TRUE(cli_index_fresh(&index_, &index_.entries[0], &s));
}

TEST_F(IndexTest, ADamagedFileIsAnEmptyIndex) {
  Fill(20);
  SO_ASSERT_OK(cli_index_save(&index_, kFile, Heap()));
  std::ifstream in(kFile, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  const std::string good = content.str();
  for (size_t i = 0; i < good.size(); i += 7) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 4);
    std::ofstream(kFile, std::ios::binary) << bad;
    cli_index_load(&index_, kFile);
    ASSERT_EQ(index_.count, 0u) << i;
    std::ofstream(kFile, std::ios::binary) << good.substr(0, i);
    cli_index_load(&index_, kFile);
    ASSERT_EQ(index_.count, 0u) << i;
  }
  cli_index_load(&index_, "index_test.absent");
  EXPECT_EQ(index_.count, 0u);
}

}  // namespace
