#ifndef SO_BENCH_COMMIT_GIT_PEER_H_
#define SO_BENCH_COMMIT_GIT_PEER_H_

// git, as the peer: the fastest way it has to make many small commits, one `git fast-import` process
// that keeps the trees in memory and makes each commit durable with `checkpoint`. Nobody pays for
// starting processes, an index of a million lines or a work tree.

#include <stdint.h>
#include <sys/types.h>

#include <string>

namespace bench {

class GitPeer {
 public:
  ~GitPeer();

  // Makes an empty repository in `directory` and starts git. False: git is not to be had.
  bool Start(const std::string &directory);

  // Commits `keys` new files on branch `branch`. Returns when it is durable and git has started
  // anew, with nothing but the repository.
  void Build(const std::string &branch, uint32_t keys);

  // Commits one changed file on `branch`, durable.
  void Commit(const std::string &branch, uint32_t key, uint64_t generation);

  // Seconds of CPU that git and the programs it started and waited for have used. The kernel counts
  // in hundredths: take the difference over many commits.
  double CpuUsed() const;

  // Bytes of the files in the repository.
  uint64_t Size() const;

  // Ends git.
  void Finish();

  // Seconds of CPU of one difference of a commit on `branch` with its parent, the mean of the last
  // `count`, with one process for all. After Finish.
  double Diff(const std::string &branch, uint32_t count) const;

 private:
  bool Run();
  void Say(const char *bytes, size_t len);
  void Say(const std::string &text) { Say(text.data(), text.size()); }
  void BeginCommit(const std::string &branch);
  void WaitForCheckpoint();

  std::string directory_;
  pid_t pid_ = -1;
  FILE *to_ = nullptr;
  FILE *from_ = nullptr;
};

}  // namespace bench

#endif  // SO_BENCH_COMMIT_GIT_PEER_H_
