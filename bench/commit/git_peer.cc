#include "bench/commit/git_peer.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/commit/data.h"

namespace bench {

namespace {

[[noreturn]] void Fail(const char *what) {
  fprintf(stderr, "git: %s\n", what);
  exit(1);
}

uint64_t size_sum;

int AddSize(const char *path, const struct stat *info, int type, struct FTW *walk) {
  (void)path;
  (void)walk;
  size_sum += type == FTW_F ? static_cast<uint64_t>(info->st_size) : 0;
  return 0;
}

}  // namespace

GitPeer::~GitPeer() { Finish(); }

bool GitPeer::Start(const std::string &directory) {
  directory_ = directory;
  return system(("git init -q --bare '" + directory + "' 2>/dev/null").c_str()) == 0 && Run();
}

bool GitPeer::Run() {
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
    Fail("no pipe");
  }
  pid_ = fork();
  if (pid_ == 0) {
    // By default glibc gives zlib's state back to the kernel after each object, which alone makes
    // git ten times slower here. It shall be compared at its best.
    setenv("MALLOC_MMAP_THRESHOLD_", "67108864", 1);
    setenv("MALLOC_TRIM_THRESHOLD_", "268435456", 1);
    dup2(to[0], 0);
    dup2(from[1], 1);
    execlp("git", "git", "-C", directory_.c_str(), "fast-import", "--quiet", nullptr);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  to_ = fdopen(to[1], "w");
  from_ = fdopen(from[0], "r");
  return pid_ > 0;
}

void GitPeer::Say(const char *bytes, size_t len) {
  if (fwrite(bytes, 1, len, to_) != len) {
    Fail("it stopped reading");
  }
}

void GitPeer::BeginCommit(const std::string &branch) {
  Say("commit refs/heads/" + branch + "\ncommitter A <a@example.com> 1700000000 +0000\n" +
      "data 6\nchange\n");
}

void GitPeer::WaitForCheckpoint() {
  char line[64];
  Say("checkpoint\n\nprogress done\n\n");
  if (fflush(to_) != 0 || fgets(line, sizeof line, from_) == nullptr) {
    Fail("it ended");
  }
}

void GitPeer::Build(const std::string &branch, uint32_t keys) {
  BeginCommit(branch);
  for (uint32_t i = 0; i < keys; i++) {
    char value[kValueLen];
    Fill(i, 0, value);
    Say("M 100644 inline " + KeyOf(i) + "\ndata 100\n");
    Say(value, sizeof value);
    Say("\n");
  }
  Say("\n");
  WaitForCheckpoint();
  // A new process, so that a checkpoint has only what is committed from here on to look at.
  Finish();
  if (!Run()) {
    Fail("it does not start again");
  }
  Say("reset refs/heads/" + branch + "\nfrom refs/heads/" + branch + "^0\n\n");
}

void GitPeer::Commit(const std::string &branch, uint32_t key, uint64_t generation) {
  char value[kValueLen];
  Fill(key, generation, value);
  BeginCommit(branch);
  Say("M 100644 inline " + KeyOf(key) + "\ndata 100\n");
  Say(value, sizeof value);
  Say("\n\n");
  WaitForCheckpoint();
}

double GitPeer::CpuUsed() const {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", static_cast<int>(pid_));
  FILE *f = fopen(path, "r");
  if (f == nullptr || fgets(text, sizeof text, f) == nullptr) {
    Fail("no /proc");
  }
  fclose(f);
  // Fields 14 to 17, counted behind the name in parentheses, which is field 2.
  unsigned long user = 0, system = 0;
  long child_user = 0, child_system = 0;
  const char *rest = strrchr(text, ')');
  if (rest == nullptr || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
                                &user, &system, &child_user, &child_system) != 4) {
    Fail("its stat is not as expected");
  }
  const double ticks = static_cast<double>(user + system) + static_cast<double>(child_user + child_system);
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

uint64_t GitPeer::Size() const {
  size_sum = 0;
  nftw(directory_.c_str(), AddSize, 16, FTW_PHYS);
  return size_sum;
}

void GitPeer::Finish() {
  if (pid_ <= 0) {
    return;
  }
  fclose(to_);
  fclose(from_);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  if (status != 0) {
    Fail("it failed");
  }
}

double GitPeer::Diff(const std::string &branch, uint32_t count) const {
  const std::string git = "git -C '" + directory_ + "' ";
  const std::string list = directory_ + "/list";
  const std::string listing =
      git + "rev-list -n " + std::to_string(count) + " refs/heads/" + branch + " >'" + list + "'";
  const std::string diff = git + "diff-tree --stdin -r --no-commit-id <'" + list + "' >/dev/null";
  rusage before, after;
  if (system(listing.c_str()) != 0) {
    Fail("rev-list");
  }
  getrusage(RUSAGE_CHILDREN, &before);
  if (system(diff.c_str()) != 0) {
    Fail("diff-tree");
  }
  getrusage(RUSAGE_CHILDREN, &after);
  const auto seconds = [](const rusage &u) {
    return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
  };
  return (seconds(after) - seconds(before)) / count;
}

}  // namespace bench
