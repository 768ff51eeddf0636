// Folders: what is found, what is refused, and that nothing outside can be named.

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>

#include "kernel/unix/unix.h"
#include "tests/support/support.h"

namespace {

using so_test::View;

class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    std::string dir = testing::TempDir() + "/so_folder_XXXXXX";
    dir_ = mkdtemp(dir.data());
    root_ = dir_ + "/root";
    EXPECT_EQ(mkdir(root_.c_str(), 0755), 0);
    EXPECT_EQ(mkdir((root_ + "/sub").c_str(), 0755), 0);
    Write(dir_ + "/secret", "outside");
    Write(root_ + "/file", "hello");
    Write(root_ + "/sub/deep", "deep");
  }
  ~FolderTest() override { (void)!system(("rm -rf '" + dir_ + "'").c_str()); }

  static void Write(const std::string &path, const std::string &text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  void Run(const std::function<void()> &body) {
    body_ = body;
    EXPECT_EQ(so_unix_run(
                  nullptr,
                  [](const so_world *w, void *arg) {
                    FolderTest *const t = static_cast<FolderTest *>(arg);
                    t->world_ = w;
                    SO_EXPECT_OK(w->open_folder(w->ctx, View(t->root_), &t->folder_));
                    t->body_();
                    t->folder_.ops->close(t->folder_.ctx);
                    return 7;
                  },
                  this),
              7);
  }

  so_status Open(const std::string &path) {
    return folder_.ops->open(folder_.ctx, View(path), &info_, &file_);
  }
  // The content, read in small pieces.
  std::string Read(const std::string &path) {
    std::string out;
    SO_EXPECT_OK(Open(path));
    if (file_ == nullptr) {
      return "no file";
    }
    uint8_t buf[3];
    size_t n = 1;
    while (n != 0) {
      SO_EXPECT_OK(folder_.ops->read(folder_.ctx, file_, out.size(), buf, sizeof buf, &n));
      out.append(reinterpret_cast<char *>(buf), n);
    }
    folder_.ops->close_file(folder_.ctx, file_);
    return out;
  }

  std::string dir_, root_;
  std::function<void()> body_;
  const so_world *world_ = nullptr;
  so_folder folder_ = {};
  so_folder_info info_ = {};
  void *file_ = nullptr;
};

TEST_F(FolderTest, FilesAndDirectories) {
  Run([&] {
    EXPECT_EQ(Read("file"), "hello");
    EXPECT_EQ(info_.size, 5u);
    EXPECT_FALSE(info_.is_directory);
    EXPECT_EQ(Read("sub/deep"), "deep");
    for (const char *const path : {"", "sub"}) {
      SO_EXPECT_OK(Open(path));
      EXPECT_TRUE(info_.is_directory) << path;
      EXPECT_EQ(file_, nullptr);
    }
    SO_EXPECT_CODE(SO_NOT_FOUND, Open("absent"));
    SO_EXPECT_CODE(SO_NOT_FOUND, Open("sub/absent"));
    EXPECT_FALSE(so_ok(Open("file/below")));
  });
}

TEST_F(FolderTest, PathsThatAreNone) {
  Run([&] {
    for (const std::string &path :
         {std::string("/"), std::string("/file"), std::string("sub/"), std::string("sub//deep"),
          std::string("."), std::string(".."), std::string("../secret"),
          std::string("sub/../file"), std::string("sub/./deep"), std::string("fi\0le", 5)}) {
      const so_status s = Open(path);
      EXPECT_TRUE(so_is(s, SO_MALFORMED)) << path << ": " << s.code;
      EXPECT_EQ(file_, nullptr);
    }
    EXPECT_FALSE(so_ok(Open(std::string(5000, 'a'))));
  });
}

TEST_F(FolderTest, LinksAreNotFollowed) {
  ASSERT_EQ(symlink("../secret", (root_ + "/link").c_str()), 0);
  ASSERT_EQ(symlink("file", (root_ + "/inside").c_str()), 0);
  ASSERT_EQ(symlink("..", (root_ + "/up").c_str()), 0);
  Run([&] {
    SO_EXPECT_CODE(SO_DENIED, Open("link"));
    SO_EXPECT_CODE(SO_DENIED, Open("inside"));
    EXPECT_FALSE(so_ok(Open("up/secret")));
    EXPECT_FALSE(so_ok(Open("up")));
  });
}

TEST_F(FolderTest, PipesAndDevicesAreNotThere) {
  ASSERT_EQ(mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  Run([&] { SO_EXPECT_CODE(SO_NOT_FOUND, Open("pipe")); });  // And opening it does not hang.
}

TEST_F(FolderTest, TheVersionChangesWithTheContent) {
  Run([&] {
    (void)Read("file");
    const so_folder_info before = info_;
    (void)Read("file");
    EXPECT_EQ(memcmp(before.version, info_.version, sizeof before.version), 0);
    Write(root_ + "/file", "other");  // As long as before.
    (void)Read("file");
    EXPECT_NE(memcmp(before.version, info_.version, sizeof before.version), 0);
  });
}

TEST_F(FolderTest, NoFolderNoDescriptorLost) {
  Run([&] {
    so_folder other;
    SO_EXPECT_CODE(SO_NOT_FOUND,
                   world_->open_folder(world_->ctx, View(dir_ + "/absent"), &other));
    EXPECT_FALSE(so_ok(world_->open_folder(world_->ctx, View(root_ + "/file"), &other)));
    const int before = dup(0);
    close(before);
    for (int i = 0; i < 50; i++) {
      EXPECT_FALSE(so_ok(Open("sub/absent")));
      EXPECT_FALSE(so_ok(Open("sub/../file")));
      EXPECT_EQ(Read("sub/deep"), "deep");
      SO_EXPECT_OK(Open("sub"));
    }
    const int after = dup(0);
    close(after);
    EXPECT_EQ(before, after);
  });
}

}  // namespace
