// One changed key of a million: a whole transaction on a database file, from so_repo_commit to the
// flush that makes it durable, and the difference of the two commits. The same on maps of 1,000
// keys; there are as many of those as keys fit the large one, so that they are no warmer in the
// caches. Peer, in the same run and in turns: git fast-import (git_peer.h).
//
//   bazel run //bench/commit -- [directory] [keys] [commits]

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/commit/data.h"
#include "bench/commit/git_peer.h"
#include "kernel/unix/unix.h"
#include "store/disk/db.h"
#include "store/repo/repo.h"
#include "store/tree/tree.h"
#include "store/value/value.h"

namespace {

using bench::Cpu;
using bench::Fill;
using bench::KeyOf;
using bench::kValueLen;
using bench::Median;
using bench::Wall;

constexpr uint32_t kSmallKeys = 1000;
constexpr uint32_t kBlock = 50;  // Commits of one side before it is the next side's turn.

void Must(so_status s, const char *what) {
  if (!so_ok(s)) {
    fprintf(stderr, "%s: %s:%u\n", what, so_code_name(static_cast<so_code>(s.code)), s.detail);
    exit(1);
  }
}

so_bytes BytesOf(const std::string &s) { return so_bytes_of(s.data(), s.size()); }

so_person Person() { return so_person{so_str("A <a@example.com>"), 1700000000000, 0}; }

// --- building -------------------------------------------------------------------------------

struct KeySource {
  uint32_t next;
  uint32_t end;
  std::string key;
  char value[kValueLen];
};

so_status NextKey(void *ctx, so_edit *out) {
  auto *s = static_cast<KeySource *>(ctx);
  if (s->next == s->end) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  s->key = KeyOf(s->next);
  Fill(s->next, 0, s->value);
  s->next++;
  *out = so_edit{};
  out->key = BytesOf(s->key);
  out->entry.type = SO_ENTRY_FILE;
  out->entry.mode = 0644;
  out->entry.size = sizeof s->value;
  out->entry.is_inline = true;
  out->entry.inline_value = so_bytes_of(s->value, sizeof s->value);
  return so_done();
}

// A branch whose first commit has the keys first..first + keys. Returns the root of their map.
so_oid Build(const so_repo *repo, const std::string &branch, uint32_t first, uint32_t keys) {
  const so_tree tree = so_repo_tree(repo);
  const so_oid none = {};
  KeySource source = {first, first + keys, "", {}};
  const so_edits edits = {NextKey, &source};
  const so_person person = Person();
  so_oid root, commit;
  Must(so_tree_edit(&tree, &none, &edits, &root), "edit");
  Must(so_commit_write(&repo->objects, repo->repos->heap, &root, nullptr, 0, &person, &person,
                       so_str("all"), &commit),
       "commit");
  const std::string name = "refs/heads/" + branch;
  so_ref_change change = {};
  change.name = BytesOf(name);
  change.new_oid = commit;
  const so_ref_note note = {so_str("bench"), so_str("build"), person.time_ms};
  so_ref_result result;
  Must(so_repo_update_refs(repo, &change, 1, &note, &result), "ref");
  return root;
}

// --- one side -------------------------------------------------------------------------------

struct Pair {
  so_oid before;
  so_oid after;
};

// Maps of one size, each on a branch of its own, and what was measured on them.
struct Side {
  Side(const so_repo *r, uint32_t key_count, uint32_t map_count)
      : repo(r), keys(key_count), maps(map_count) {}

  const so_repo *repo;
  uint32_t keys;
  uint32_t maps;
  uint32_t done = 0;
  std::vector<so_oid> roots;     // Of each map, at present.
  std::vector<Pair> pairs;       // Roots around each commit.
  std::vector<double> cpu;       // Seconds a commit, a block each.
  std::vector<double> wall;
  std::vector<double> bytes;     // Written a commit, a block each.
  std::vector<double> diff_cpu;  // Seconds a difference, a block each.
  double worst = 0;              // Seconds of CPU of the slowest commit.

  std::string Branch(uint32_t map) const {
    return std::to_string(keys) + "-" + std::to_string(map);
  }
  uint32_t Map(uint32_t i) const { return i % maps; }
  uint32_t Key(uint32_t i) const {
    const uint32_t at = static_cast<uint32_t>(static_cast<uint64_t>(i) * 2654435761u % keys);
    return Map(i) * keys + at;
  }
};

void CommitOne(Side *side) {
  const so_repo *repo = side->repo;
  const uint32_t i = side->done++;
  const std::string branch = side->Branch(side->Map(i));
  const std::string key = KeyOf(side->Key(i));
  char value[kValueLen];
  Fill(side->Key(i), i + 1, value);
  const double start = Cpu();
  const so_tree tree = so_repo_tree(repo);
  so_op op = {};
  op.kind = SO_OP_PUT;
  op.path = BytesOf(key);
  op.entry.type = SO_ENTRY_FILE;
  op.entry.mode = 0644;
  Must(so_value_of(&tree, so_bytes_of(value, sizeof value), &op.entry), "value");
  so_transaction t = {};
  t.branch = BytesOf(branch);
  t.ops = &op;
  t.op_count = 1;
  t.author = t.committer = Person();
  t.message = so_str("change");
  t.who = so_str("bench");
  t.why = so_str("commit");
  so_arena arena;
  so_arena_init(&arena, repo->repos->heap, 1 << 20);
  so_commit_result result;
  Must(so_repo_commit(repo, &t, &arena, &result), "transaction");
  Must(so_db_flush(repo->repos->db), "flush");
  so_arena_release(&arena);
  side->worst = std::max(side->worst, Cpu() - start);
  so_oid *root = &side->roots[side->Map(i)];
  side->pairs.push_back(Pair{*root, result.root});
  *root = result.root;
}

void CommitBlock(Side *side) {
  so_db_stats before, after;
  so_db_get_stats(side->repo->repos->db, &before);
  const double wall = Wall();
  const double cpu = Cpu();
  for (uint32_t i = 0; i < kBlock; i++) {
    CommitOne(side);
  }
  side->cpu.push_back((Cpu() - cpu) / kBlock);
  side->wall.push_back((Wall() - wall) / kBlock);
  so_db_get_stats(side->repo->repos->db, &after);
  side->bytes.push_back(static_cast<double>(after.bytes_written - before.bytes_written) / kBlock);
}

void DiffBlock(Side *side, size_t first) {
  const so_tree tree = so_repo_tree(side->repo);
  const so_bytes all = so_bytes_of(nullptr, 0);
  const double start = Cpu();
  for (size_t i = first; i < first + kBlock; i++) {
    so_diff *d;
    so_change change;
    Must(so_diff_open(&tree, &side->pairs[i].before, &side->pairs[i].after, all, all, &d), "diff");
    Must(so_diff_next(d, &change), "difference");
    if (!so_is(so_diff_next(d, &change), SO_NOT_FOUND)) {
      Must(so_status_make(SO_INTERNAL, 0), "one difference");
    }
    so_diff_close(d);
  }
  side->diff_cpu.push_back((Cpu() - start) / kBlock);
}

void Print(const char *what, const Side &s) {
  printf("%s of %7u keys: %6.1f us of CPU a commit (slowest %.1f ms), %.2f ms until durable, "
         "%.0f bytes written; diff %.1f us\n",
         what, s.keys, Median(s.cpu) * 1e6, s.worst * 1e3, Median(s.wall) * 1e3, Median(s.bytes),
         Median(s.diff_cpu) * 1e6);
}

// --- the peer -------------------------------------------------------------------------------

struct GitSide {
  bench::GitPeer peer;
  bool is_there = false;
  uint32_t done = 0;
  std::vector<double> cpu, wall, bytes;
};

void GitBlock(GitSide *git, const Side &like) {
  const uint64_t size = git->peer.Size();
  const double cpu = git->peer.CpuUsed();
  const double wall = Wall();
  for (uint32_t i = 0; i < kBlock; i++) {
    git->done++;
    git->peer.Commit("main", like.Key(git->done), git->done);
  }
  git->wall.push_back((Wall() - wall) / kBlock);
  git->cpu.push_back((git->peer.CpuUsed() - cpu) / kBlock);
  git->bytes.push_back(static_cast<double>(git->peer.Size() - size) / kBlock);
}

double MedianRatio(const std::vector<double> &a, const std::vector<double> &b) {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(a.size(), b.size()); i++) {
    ratios.push_back(a[i] / b[i]);
  }
  return Median(ratios);
}

// --- all together ---------------------------------------------------------------------------

so_db *Open(const so_block *device) {
  so_db_config config = {};
  config.device = device;
  config.heap = so_unix_heap();
  so_db *db = nullptr;
  Must(so_db_open(&config, &db), "open");
  return db;
}

void BuildAll(Side *large, Side *small, GitSide *git, const std::string &directory) {
  double wall = Wall();
  double cpu = Cpu();
  large->roots.push_back(Build(large->repo, large->Branch(0), 0, large->keys));
  Must(so_db_flush(large->repo->repos->db), "flush");
  printf("built %u keys in %.1f s, %.1f s of CPU\n", large->keys, Wall() - wall, Cpu() - cpu);
  for (uint32_t map = 0; map < small->maps; map++) {
    small->roots.push_back(
        Build(small->repo, small->Branch(map), map * small->keys, small->keys));
  }
  Must(so_db_checkpoint(large->repo->repos->db), "checkpoint");
  git->is_there = git->peer.Start(directory);
  if (git->is_there) {
    wall = Wall();
    git->peer.Build("main", large->keys);
    printf("git built them in %.1f s\n", Wall() - wall);
  }
  fflush(stdout);
}

void Measure(Side *large, Side *small, GitSide *git, uint32_t commits) {
  so_db *db = large->repo->repos->db;
  for (uint32_t i = 0; i < commits; i += kBlock) {
    CommitBlock(large);
    CommitBlock(small);
    if (git->is_there) {
      GitBlock(git, *large);
    }
  }
  so_db_stats before, after;
  so_db_get_stats(db, &before);
  const double cpu = Cpu();
  Must(so_db_checkpoint(db), "checkpoint");
  so_db_get_stats(db, &after);
  printf("a checkpoint after these %zu commits: %.1f ms of CPU, %llu bytes\n",
         large->pairs.size() + small->pairs.size(), (Cpu() - cpu) * 1e3,
         (unsigned long long)(after.bytes_written - before.bytes_written));
  for (uint32_t i = 0; i + kBlock <= commits; i += kBlock) {
    DiffBlock(large, i);
    DiffBlock(small, i);
  }
}

void Report(const Side &large, const Side &small, GitSide *git) {
  Print("one map  ", large);
  Print("many maps", small);
  printf("ratio of %u keys to %u: CPU of a commit %.2f, bytes %.2f, diff %.2f\n", large.keys,
         small.keys, MedianRatio(large.cpu, small.cpu), MedianRatio(large.bytes, small.bytes),
         MedianRatio(large.diff_cpu, small.diff_cpu));
  if (!git->is_there) {
    printf("no git: no peer\n");
    return;
  }
  git->peer.Finish();
  const double diff = git->peer.Diff("main", git->done);
  printf("git fast-import: %.1f us of CPU a commit, %.2f ms until durable, %.0f bytes; "
         "git diff-tree --stdin %.1f us\n",
         Median(git->cpu) * 1e6, Median(git->wall) * 1e3, Median(git->bytes), diff * 1e6);
  printf("ratio git / ours at %u keys: CPU of a commit %.2f, bytes %.2f, diff %.2f\n", large.keys,
         MedianRatio(git->cpu, large.cpu), MedianRatio(git->bytes, large.bytes),
         diff / Median(large.diff_cpu));
}

}  // namespace

int main(int argc, char **argv) {
  std::string directory = std::string(argc > 1 ? argv[1] : "/tmp") + "/safeos-commit.XXXXXX";
  const uint32_t keys = argc > 2 ? static_cast<uint32_t>(strtoul(argv[2], nullptr, 10)) : 1000000;
  const uint32_t commits = argc > 3 ? static_cast<uint32_t>(strtoul(argv[3], nullptr, 10)) : 500;
  if (keys < kSmallKeys || commits < kBlock || mkdtemp(directory.data()) == nullptr) {
    fprintf(stderr, "usage: commit [directory] [keys, 1000 or more] [commits, 50 or more]\n");
    return 2;
  }
  const std::string path = directory + "/db";
  so_block device;
  Must(so_unix_open_block(so_str(path.c_str()), true, &device), "device");
  device.capacity = std::min<uint64_t>(device.capacity, 64ull << 30);
  const uint8_t seed[SO_DB_SEED_LEN] = {1, 2, 3};
  Must(so_db_format(&device, so_unix_heap(), seed, nullptr), "format");
  so_db *db = Open(&device);
  so_repos repos = {};
  repos.db = db;
  repos.heap = so_unix_heap();
  const uint8_t salt[SO_SALT_LEN] = {4, 5, 6};
  static so_repo repo;
  Must(so_repo_create(&repos, so_str("bench"), salt, so_str("main"), 1700000000000, &repo),
       "create");
  {
    Side large(&repo, keys, 1);
    Side small(&repo, kSmallKeys, keys / kSmallKeys);
    GitSide git;
    BuildAll(&large, &small, &git, directory + "/git");
    Measure(&large, &small, &git, commits);
    Report(large, small, &git);
  }
  Must(so_db_close(db), "close");
  so_block_close(&device);
  return system(("rm -rf '" + directory + "'").c_str()) == 0 ? 0 : 1;
}
