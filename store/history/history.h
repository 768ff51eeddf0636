#ifndef SO_STORE_HISTORY_HISTORY_H_
#define SO_STORE_HISTORY_HISTORY_H_

// Walking the commit graph: log, common ancestors, ahead and behind.
//
// Every walk takes commits from the highest generation to the lowest. Generations strictly decrease
// from child to parent, so a commit is met only after all its descendants in the walk, whatever the
// clocks of their authors said. Cost: O(commits met); the walks for ancestors stop at the oldest
// commit that can matter. Memory: about 100 bytes a commit met, at most `commits_max` commits
// (LIMIT beyond). Nothing is kept pinned between calls.

#include "base/heap.h"
#include "store/object/commit.h"
#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_COMMITS_MAX_DEFAULT 1000000u
#define SO_MERGE_BASES_MAX 16

typedef struct so_history {
  const so_tree *tree;   // Objects, heap and salt. Path filters need the salt.
  uint32_t commits_max;  // 0 means SO_COMMITS_MAX_DEFAULT.
} so_history;

// A commit that a walk met: enough to choose, without the message.
typedef struct so_commit_log_entry {
  so_oid oid;
  so_oid root;
  uint64_t generation;
  int64_t time_ms;  // The committer's.
  uint32_t parent_count;
} so_commit_log_entry;

// --- log ------------------------------------------------------------------------------------

typedef struct so_commit_log so_commit_log;

// so_commit_log_open starts a log at the `tip_count` commits `tips`. With `path` not empty, only
// commits are given whose value at `path`, or anything below `path/`, differs from that of every
// parent (a commit without parents: when there is anything). `path` is copied.
SO_MUST_USE so_status so_commit_log_open(const so_history *history, const so_oid *tips,
                                         size_t tip_count, so_bytes path, so_commit_log **out);

// so_commit_log_hide leaves out `oid` and everything it descends from: the log of what `tips` have
// and `oid` has not. Only before the first so_commit_log_next.
SO_MUST_USE so_status so_commit_log_hide(so_commit_log *log, const so_oid *oid);

// so_commit_log_next gives the next commit, children before parents, then newest first. NOT_FOUND
// at the end. The commit itself is read with so_commit_read.
SO_MUST_USE so_status so_commit_log_next(so_commit_log *log, so_commit_log_entry *out);
void so_commit_log_close(so_commit_log *log);

// so_commit_read reads a commit; its views go into `arena`. NOT_FOUND, CORRUPT.
SO_MUST_USE so_status so_commit_read(const so_objects *objects, const so_oid *oid, so_arena *arena,
                                     so_commit *out);

// so_commit_of follows annotated tags (at most 8) from `oid` to a commit. NOT_FOUND when there is
// no such object, CONFLICT when it is neither commit nor tag of one.
SO_MUST_USE so_status so_commit_of(const so_objects *objects, const so_oid *oid, so_oid *out);

// --- ancestors ------------------------------------------------------------------------------

// so_merge_bases finds all best common ancestors of (any of) `a` and (any of) `b`: common ancestors
// that are no ancestor of another one. Ordered by oid, so that the answer does not depend on which
// side is called `a`. `*out_count` 0: no common history. LIMIT: more than SO_MERGE_BASES_MAX.
SO_MUST_USE so_status so_merge_bases(const so_history *history, const so_oid *a, size_t a_count,
                                     const so_oid *b, size_t b_count,
                                     so_oid out[SO_MERGE_BASES_MAX], size_t *out_count);

// so_is_ancestor: is `a` reachable from `b`? A commit is its own ancestor.
SO_MUST_USE so_status so_is_ancestor(const so_history *history, const so_oid *a, const so_oid *b,
                                     bool *out);

// so_ahead_behind counts the commits that `a` has and `b` has not (`*ahead`), and the reverse.
SO_MUST_USE so_status so_ahead_behind(const so_history *history, const so_oid *a, const so_oid *b,
                                      uint64_t *ahead, uint64_t *behind);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_HISTORY_HISTORY_H_
