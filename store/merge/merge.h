#ifndef SO_STORE_MERGE_MERGE_H_
#define SO_STORE_MERGE_MERGE_H_

// Three-way merge of tree maps. Cost O(differences): what only one side changed is adopted unread.
//
// A merge never fails half-way. It gives a root, in which everything that merges is merged and
// everything else is as in ours, and the list of what does not merge, as data. The root is the
// result when the list is empty; otherwise it is the place to resolve from.
//
// How a path merges is decided by the last matching line of the versioned file `.storeattributes`
// (`pattern strategy`; '*' and '?' stop at '/', '**' does not; a pattern without '/' is matched
// against the last segment; '#' begins a comment). The file is taken from whichever side changed
// it, from ours when both did. Without a match: `*.json` merges as JSON, other valid text by lines,
// the rest as whole values. Type, mode, value and metadata merge independently of each other.

#include "base/heap.h"
#include "store/diff3/diff3.h"
#include "store/history/history.h"
#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_ATTRIBUTES_PATH ".storeattributes"
#define SO_ATTRIBUTES_LEN_MAX (256u << 10)
#define SO_ATTRIBUTES_LINES_MAX 1024
// Conflicts beyond this are counted, not listed.
#define SO_CONFLICTS_MAX 10000
// Values longer than this merge as whole values.
#define SO_MERGE_VALUE_LEN_MAX (8u << 20)
// How deep virtual bases nest when histories cross again and again; beyond, one base is taken.
#define SO_MERGE_DEPTH_MAX 4

typedef enum so_strategy {
  SO_STRATEGY_DEFAULT = 0,
  SO_STRATEGY_TEXT,    // By lines.
  SO_STRATEGY_JSON,    // By structure; what is not JSON is merged as text.
  SO_STRATEGY_WHOLE,   // Both changed it: conflict.
  SO_STRATEGY_OURS,    // Both changed it: ours.
  SO_STRATEGY_THEIRS,  // Both changed it: theirs.
  SO_STRATEGY_UNION,   // By lines; where both changed the same place: ours, then theirs.
  SO_STRATEGY_LOG,     // Lines appended on both sides are interleaved in byte order; else union.
} so_strategy;

// Part of the REST answers: never renumber.
typedef enum so_conflict_kind {
  SO_CONFLICT_KEY_EXISTS = 1,          // Both created it, differently.
  SO_CONFLICT_KEY_CHANGED = 2,         // Both changed it, differently.
  SO_CONFLICT_KEY_DELETED = 3,         // Theirs changed what ours deleted.
  SO_CONFLICT_CHANGED_KEY = 4,         // Theirs deleted what ours changed.
  SO_CONFLICT_UNMODIFIED_CHANGED = 5,  // A transaction relied on it, and it changed.
  SO_CONFLICT_PATH_CLASH = 6,          // A file on one side, a directory on the other (`other`).
} so_conflict_kind;

// so_conflict_kind_name returns "KEY_EXISTS" and so on; never NULL.
const char *so_conflict_kind_name(so_conflict_kind kind);

// so_conflict_kind_text returns one sentence for people; never NULL.
const char *so_conflict_kind_text(so_conflict_kind kind);

typedef struct so_conflict {
  so_bytes path;
  so_conflict_kind kind;
  bool has_base;
  bool has_ours;    // For transactions: the head's.
  bool has_theirs;  // For transactions: the operation's.
  so_entry base;
  so_entry ours;
  so_entry theirs;
  so_bytes other;      // PATH_CLASH: a path on our side that is in the way. Otherwise empty.
  so_bytes *pointers;  // JSON: where, as RFC 6901 pointers.
  size_t pointer_count;
  so_strategy strategy;  // Which was tried.
} so_conflict;

// A decision of the caller: `path` shall be this in the result.
typedef struct so_resolution {
  so_bytes path;
  bool is_delete;
  so_entry entry;
} so_resolution;

typedef struct so_merge_options {
  so_merge_labels labels;
  const so_resolution *resolutions;  // Strictly ascending by path. Also paths without conflict.
  size_t resolution_count;
  so_strategy favor;  // OURS or THEIRS decide every conflict of values; otherwise DEFAULT.
  bool keep_markers;  // Text conflicts are left in the root as text with markers.
} so_merge_options;

typedef struct so_merge_result {
  so_oid root;
  so_conflict *conflicts;  // In the arena. By path.
  size_t conflict_count;
  uint64_t conflict_total;  // Counting those beyond SO_CONFLICTS_MAX.
  uint64_t adopted_count;   // Paths taken from theirs.
  uint64_t merged_count;    // Paths merged inside the value.
} so_merge_result;

// so_merge_trees merges two maps over `base`. `options` may be NULL. Results live in `arena`.
// OK also when there are conflicts. LIMIT, IO, CORRUPT: nothing was decided.
SO_MUST_USE so_status so_merge_trees(const so_tree *tree, const so_oid *base, const so_oid *ours,
                                     const so_oid *theirs, const so_merge_options *options,
                                     so_arena *arena, so_merge_result *out);

// so_merge_commits finds the best common ancestors of two commits, merges these with each other
// when there are several (recursively, at most SO_MERGE_DEPTH_MAX deep), and merges the two over
// it.
SO_MUST_USE so_status so_merge_commits(const so_history *history, const so_oid *ours,
                                       const so_oid *theirs, const so_merge_options *options,
                                       so_arena *arena, so_merge_result *out);

// so_conflict_merged appends a text with conflict markers for a conflict whose sides are text.
// UNSUPPORTED when they are not.
SO_MUST_USE so_status so_conflict_merged(const so_tree *tree, const so_conflict *conflict,
                                         const so_merge_labels *labels, so_buf *out);

// --- paths ----------------------------------------------------------------------------------

// so_path_find_clash looks for a path of the map at `root` that cannot be there together with
// `path`: one that is a directory prefix of it, or that has it as one. NOT_FOUND when there is
// none; otherwise the path that is in the way, copied into `arena`.
SO_MUST_USE so_status so_path_find_clash(const so_tree *tree, const so_oid *root, so_bytes path,
                                         so_arena *arena, so_bytes *out);

// --- attributes -----------------------------------------------------------------------------

typedef struct so_attributes {
  so_bytes text;  // Borrowed.
} so_attributes;

// so_attributes_strategy finds the strategy for `path`. Lines that do not parse match nothing.
so_strategy so_attributes_strategy(const so_attributes *attributes, so_bytes path);

// so_attributes_check answers MALFORMED with `*out_line` (from 1) at the first line that does not
// parse, for those who write the file.
SO_MUST_USE so_status so_attributes_check(so_bytes text, size_t *out_line);

// so_glob_match matches a whole path against a pattern.
bool so_glob_match(so_bytes pattern, so_bytes path);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_MERGE_MERGE_H_
