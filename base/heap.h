#ifndef SO_BASE_HEAP_H_
#define SO_BASE_HEAP_H_

// Memory that the caller hands in. Pure code that needs memory whose size depends on data takes
// an so_heap; it never allocates behind the caller's back. Three tools on top of it:
//
//   so_arena  many allocations, released together (one request, one merge, one parse)
//   so_buf    one growing byte buffer with a limit
//   so_heap_budget  a heap that counts, and refuses past a limit
//
// Refusal is normal: every function here says NULL or LIMIT, never stops the program.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_heap {
  // resize grows or shrinks `ptr` from `old_len` to `new_len` bytes, aligned for any type.
  // ptr NULL with old_len 0 allocates; new_len 0 frees and returns NULL. On refusal it returns
  // NULL and leaves `ptr` as it was. The contents up to the smaller length are kept.
  void *(*resize)(void *ctx, void *ptr, size_t old_len, size_t new_len);
  void *ctx;
} so_heap;

// so_heap_alloc returns `len` bytes (not zeroed), or NULL. `len` 0 is a bug.
void *so_heap_alloc(const so_heap *heap, size_t len);

// so_heap_alloc_array returns `count` zeroed elements of `size` bytes, or NULL, also when the
// product overflows.
void *so_heap_alloc_array(const so_heap *heap, size_t count, size_t size);

// so_heap_free gives back what so_heap_alloc gave with the same `len`. NULL is allowed.
void so_heap_free(const so_heap *heap, void *ptr, size_t len);

// --- budget ---------------------------------------------------------------------------------

typedef struct so_heap_budget {
  const so_heap *parent;
  size_t limit;
  size_t used;
  size_t used_max;  // High-water mark.
} so_heap_budget;

// so_heap_budget_init returns a heap whose allocations come from `parent` and together stay
// within `limit`. `budget` must outlive it.
so_heap so_heap_budget_init(so_heap_budget *budget, const so_heap *parent, size_t limit);

// --- arena ----------------------------------------------------------------------------------

typedef struct so_arena_block so_arena_block;

typedef struct so_arena {
  const so_heap *heap;
  so_arena_block *blocks;  // The newest first.
  size_t limit;
  size_t used;  // Bytes taken from the heap, block headers included.
} so_arena;

typedef struct so_arena_mark {
  so_arena_block *block;
  size_t block_used;
} so_arena_mark;

// so_arena_init sets up an empty arena that takes at most `limit` bytes from `heap`. Cannot fail.
void so_arena_init(so_arena *arena, const so_heap *heap, size_t limit);

// so_arena_alloc returns `len` zeroed bytes aligned for any type, or NULL past the limit.
void *so_arena_alloc(so_arena *arena, size_t len);

// so_arena_copy returns a copy of `bytes` that lives as long as the arena. LIMIT when full.
SO_MUST_USE so_status so_arena_copy(so_arena *arena, so_bytes bytes, so_bytes *out);

// so_arena_save and so_arena_rewind give back everything allocated between them.
so_arena_mark so_arena_save(const so_arena *arena);
void so_arena_rewind(so_arena *arena, so_arena_mark mark);

// so_arena_release gives everything back. The arena is empty and usable afterwards.
void so_arena_release(so_arena *arena);

// --- growing buffer -------------------------------------------------------------------------

typedef struct so_buf {
  const so_heap *heap;
  uint8_t *ptr;
  size_t len;
  size_t cap;
  size_t limit;
  bool failed;  // Sticky: an append did not fit; later appends do nothing.
} so_buf;

// so_buf_init sets up an empty buffer that may grow to `limit` bytes. Cannot fail.
void so_buf_init(so_buf *buf, const so_heap *heap, size_t limit);
void so_buf_release(so_buf *buf);

// so_buf_clear forgets the content and the failure, and keeps the memory.
void so_buf_clear(so_buf *buf);

// Appends return void, like those of so_writer; so_buf_end reports LIMIT once.
void so_buf_append(so_buf *buf, so_bytes bytes);
void so_buf_append_str(so_buf *buf, const char *text);
void so_buf_append_u8(so_buf *buf, uint8_t v);
void so_buf_append_varint(so_buf *buf, uint64_t v);

// so_buf_reserve makes room for `n` more bytes and returns where they go, or NULL (and the
// buffer has failed). so_buf_commit then adds the `n` bytes really written there to the content.
uint8_t *so_buf_reserve(so_buf *buf, size_t n);
void so_buf_commit(so_buf *buf, size_t n);

// so_buf_drop removes the first `n` bytes (n <= len).
void so_buf_drop(so_buf *buf, size_t n);

so_bytes so_buf_bytes(const so_buf *buf);
SO_MUST_USE so_status so_buf_end(const so_buf *buf, so_bytes *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_BASE_HEAP_H_
