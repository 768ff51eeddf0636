#ifndef SO_STORE_MERGE_INTERNAL_H_
#define SO_STORE_MERGE_INTERNAL_H_

#include "store/merge/merge.h"

// How one path merged.
typedef enum so_entry_outcome {
  SO_ENTRY_KEEPS_OURS,
  SO_ENTRY_TAKES_THEIRS,  // Which may be that there is none.
  SO_ENTRY_MERGED,        // A new entry.
  SO_ENTRY_CONFLICTS,     // With a new entry when `has_merged` (text with markers).
} so_entry_outcome;

// What one path is on the three sides, and what it merges to.
typedef struct so_entry_merge {
  const so_tree *tree;
  so_bytes path;
  const so_entry *base;  // NULL: not there.
  const so_entry *ours;
  const so_entry *theirs;
  so_strategy strategy;  // From the attributes.
  const so_merge_options *options;
  so_arena *arena;  // For the pointers.
  so_buf *value;    // Where a merged value is built. It must live as long as `merged`...
  so_buf *meta;     // ... and so must this.
  // Results:
  so_entry merged;
  bool has_merged;
  so_bytes *pointers;
  size_t pointer_count;
} so_entry_merge;

// so_merge_entry merges one path that both sides changed, differently.
SO_MUST_USE so_status so_merge_entry(so_entry_merge *m, so_entry_outcome *out);

// so_strategy_for settles the default: what to try for `path`.
so_strategy so_strategy_for(so_strategy strategy, so_bytes path);

// so_merge_log_lines merges texts to which both sides appended whole lines. False: they did not.
bool so_merge_log_lines(so_bytes base, so_bytes ours, so_bytes theirs, so_buf *out);

// so_merge_virtual is so_merge_trees for the bases of a later merge: conflicts stay in the text as
// markers, or give way to the base.
SO_MUST_USE so_status so_merge_virtual(const so_tree *tree, const so_oid *base, const so_oid *ours,
                                       const so_oid *theirs, so_arena *arena, so_oid *out_root);

// so_entry_copy copies an entry and what it views into `arena`.
SO_MUST_USE so_status so_entry_copy(so_arena *arena, const so_entry *entry, so_entry *out);

#endif  // SO_STORE_MERGE_INTERNAL_H_
