#ifndef SO_STORE_DIFF3_DIFF3_H_
#define SO_STORE_DIFF3_DIFF3_H_

// Differences of text, by lines: two-way (what `diff -u` prints) and three-way (what `diff3 -m` and
// `git merge-file` do).
//
// A line is the bytes up to and including LF; the last line may lack it, and "a" and "a\n" are then
// different lines. CR has no meaning. Cost: O((N + M) D) for D differing lines, and memory O(N +
// M); past a bound on D the search stops being minimal, never wrong: what it returns always turns
// one text into the other.

#include "base/heap.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_TEXT_LEN_MAX (64u << 20)  // Longer values are merged and shown as whole values.
#define SO_TEXT_LINES_MAX (4u << 20)

// One place where the texts differ: lines [a_start, a_start + a_count) of the old one became lines
// [b_start, b_start + b_count) of the new one. Counted from 0.
typedef struct so_hunk {
  uint32_t a_start;
  uint32_t a_count;
  uint32_t b_start;
  uint32_t b_count;
} so_hunk;

typedef struct so_hunks {
  const so_heap *heap;
  so_hunk *items;
  size_t count;
  size_t cap;
} so_hunks;

// so_text_is_binary is true when the value should not be treated as lines: it holds a NUL in its
// first 8000 bytes, or is longer than SO_TEXT_LEN_MAX.
bool so_text_is_binary(so_bytes value);

// so_text_diff finds the hunks from `a` to `b`, in order, with at least one equal line between
// neighbours. LIMIT: too many lines, or no memory. so_hunks_release gives the memory back; on
// failure there is nothing to release.
SO_MUST_USE so_status so_text_diff(so_bytes a, so_bytes b, const so_heap *heap, so_hunks *out);
void so_hunks_release(so_hunks *hunks);

// so_text_unified appends the hunks of a unified diff (from the first `@@` on; the caller writes
// the two file names above it) with `context` lines around. Equal texts append nothing.
// LIMIT when `out` is full or memory is short.
SO_MUST_USE so_status so_text_unified(so_bytes a, so_bytes b, uint32_t context, const so_heap *heap,
                                      so_buf *out);

typedef enum so_merge_style {
  SO_MERGE_DIFF3,   // Conflicts show the base between ||||||| and =======.
  SO_MERGE_PLAIN,   // Conflicts show ours and theirs only.
  SO_MERGE_UNION,   // No conflicts: ours, then theirs.
  SO_MERGE_OURS,    // Ours where both changed the same place.
  SO_MERGE_THEIRS,  // Theirs there.
} so_merge_style;

typedef struct so_merge_labels {
  so_bytes ours;  // After <<<<<<<. Any of them may be empty.
  so_bytes base;
  so_bytes theirs;
} so_merge_labels;

// so_text_merge appends the three-way merge of the texts to `out` and counts the conflicts (0 for
// a clean merge). Changes that are the same on both sides are taken once; common lines at either
// end of a conflict stay outside its markers. LIMIT when `out` is full or memory is short.
SO_MUST_USE so_status so_text_merge(so_bytes base, so_bytes ours, so_bytes theirs,
                                    so_merge_style style, const so_merge_labels *labels,
                                    const so_heap *heap, so_buf *out, size_t *out_conflicts);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_DIFF3_DIFF3_H_
