#ifndef SO_STORE_JSON_MERGE_JSON_MERGE_H_
#define SO_STORE_JSON_MERGE_JSON_MERGE_H_

// Three-way merge of JSON by structure.
//
//   - Objects merge member by member: members that only one side added, changed or removed are
//     taken from it; the same member changed on both sides merges inside when it is an object on
//     both (and on the base, or not there) or an array on all three, and is a conflict otherwise.
//   - Arrays of one length on all three sides merge element by element. Otherwise what a side
//     shares with the base at the beginning and the end is unchanged, and what lies between is its
//     change; when the changes of the two sides do not touch, both are taken; when they do, the
//     array as a whole is the conflict. No guessing which element moved where.
//   - Scalars are compared as they are written, so 1 and 1.0 differ.
// The result keeps the order of ours; members that only theirs added follow. It is written with the
// indentation that the second line of ours has, compact when ours has one line only.

#include "base/heap.h"
#include "base/json.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_JSON_CONFLICTS_MAX 1000

typedef enum so_json_favor {
  SO_JSON_FAVOR_NONE,  // Conflicts are reported; the output has ours there.
  SO_JSON_FAVOR_OURS,
  SO_JSON_FAVOR_THEIRS,
} so_json_favor;

typedef struct so_json_merge_result {
  so_bytes *pointers;  // RFC 6901 pointers of the conflicts, in the arena.
  size_t pointer_count;
} so_json_merge_result;

// so_json_merge appends the merged text to `out`. Trees and results live in `arena`. MALFORMED: one
// of the three is not JSON (or has a duplicate member). LIMIT: memory, depth, `out`.
SO_MUST_USE so_status so_json_merge(so_bytes base, so_bytes ours, so_bytes theirs,
                                    so_json_favor favor, so_arena *arena, so_buf *out,
                                    so_json_merge_result *result);

// so_json_equal compares two values: members in order, numbers as they are written.
bool so_json_equal(const so_json *a, const so_json *b);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_JSON_MERGE_JSON_MERGE_H_
