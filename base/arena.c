#include "base/assert.h"
#include "base/heap.h"
#include "base/mem.h"

#define ALIGN 16u
#define BLOCK_LEN_MIN 4096u
#define BLOCK_LEN_MAX (1u << 20)

struct so_arena_block {
  so_arena_block *next;
  size_t len;   // Of the whole block, this header included.
  size_t used;  // This header included.
  size_t pad;   // Keeps what follows aligned.
};

_Static_assert(sizeof(so_arena_block) % ALIGN == 0 || sizeof(void *) == 4, "block header");

#define HEADER_LEN ((sizeof(so_arena_block) + ALIGN - 1) / ALIGN * ALIGN)

void so_arena_init(so_arena *arena, const so_heap *heap, size_t limit) {
  const so_arena empty = {heap, NULL, limit, 0};
  *arena = empty;
}

// Blocks double from 4 KiB to 1 MiB, so that small uses stay small and large ones stay few.
static size_t next_block_len(const so_arena *arena, size_t need) {
  size_t len = arena->blocks == NULL ? BLOCK_LEN_MIN : arena->blocks->len * 2;
  len = len > BLOCK_LEN_MAX ? BLOCK_LEN_MAX : len;
  if (len > arena->limit - arena->used) {
    len = arena->limit - arena->used;
  }
  return len < need ? need : len;
}

static bool add_block(so_arena *arena, size_t len) {
  if (len > SIZE_MAX - HEADER_LEN) {
    return false;
  }
  const size_t block_len = next_block_len(arena, len + HEADER_LEN);
  if (block_len > arena->limit - arena->used) {
    return false;
  }
  so_arena_block *block = so_heap_alloc(arena->heap, block_len);
  if (block == NULL) {
    return false;
  }
  block->next = arena->blocks;
  block->len = block_len;
  block->used = HEADER_LEN;
  arena->blocks = block;
  arena->used += block_len;
  return true;
}

void *so_arena_alloc(so_arena *arena, size_t len) {
  if (len > SIZE_MAX - ALIGN) {
    return NULL;
  }
  const size_t rounded = len == 0 ? ALIGN : (len + ALIGN - 1) / ALIGN * ALIGN;
  const so_arena_block *top = arena->blocks;
  if ((top == NULL || rounded > top->len - top->used) && !add_block(arena, rounded)) {
    return NULL;
  }
  uint8_t *p = (uint8_t *)arena->blocks + arena->blocks->used;
  arena->blocks->used += rounded;
  memset(p, 0, rounded);
  return p;
}

so_status so_arena_copy(so_arena *arena, so_bytes bytes, so_bytes *out) {
  uint8_t *p = so_arena_alloc(arena, bytes.len);
  if (p == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (bytes.len != 0) {
    memcpy(p, bytes.ptr, bytes.len);
  }
  *out = so_bytes_of(p, bytes.len);
  return so_done();
}

so_arena_mark so_arena_save(const so_arena *arena) {
  const so_arena_mark mark = {arena->blocks, arena->blocks == NULL ? 0 : arena->blocks->used};
  return mark;
}

void so_arena_rewind(so_arena *arena, so_arena_mark mark) {
  while (arena->blocks != mark.block) {
    so_arena_block *block = arena->blocks;
    SO_ASSERT(block != NULL);
    arena->blocks = block->next;
    arena->used -= block->len;
    so_heap_free(arena->heap, block, block->len);
  }
  if (mark.block != NULL) {
    SO_ASSERT(mark.block_used <= mark.block->used);
    mark.block->used = mark.block_used;
  }
}

void so_arena_release(so_arena *arena) {
  const so_arena_mark empty = {NULL, 0};
  so_arena_rewind(arena, empty);
}
