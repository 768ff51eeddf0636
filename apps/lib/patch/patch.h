#ifndef SO_APPS_LIB_PATCH_PATCH_H_
#define SO_APPS_LIB_PATCH_PATCH_H_

// A difference as text that `patch -p1` and `git apply` take: git's extended headers, then a unified
// diff. What the server answers to `Accept: text/x-diff` and what storectl prints.

#include "base/heap.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PATCH_CONTEXT_LINES 3
// Values longer than this are shown as "Binary files differ".
#define SO_PATCH_VALUE_LEN_MAX (8u << 20)

// so_patch_write appends the difference of one path to `out`. Reads both values through `tree`.
// LIMIT when `out` is full or memory is short; IO, CORRUPT from the store.
SO_MUST_USE so_status so_patch_write(const so_tree *tree, const so_change *change, so_buf *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_APPS_LIB_PATCH_PATCH_H_
