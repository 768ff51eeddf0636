// Speed and growth of the tree map and of cutting values. Peers, measured in the same run: hashing
// the same bytes with BLAKE2b (what content-addressed stores pay at least), and the same work on
// maps of 1,000 keys. There are 1,000 of those, each used once, so that they are no warmer in the
// processor's caches than the large one.

#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/object/object.h"
#include "store/tree/tree.h"
#include "store/value/value.h"
#include "zlib.h"

#define SLOTS (1u << 20)
#define LARGE 1000000u
#define SMALL 1000u
#define ROUNDS 1000u

// --- objects in memory --------------------------------------------------------------------------

typedef struct stored {
  so_oid oid;
  so_kind kind;
  size_t len;
  uint8_t *bytes;
} stored;

typedef struct store {
  stored *slots;
  size_t added;
  uint64_t added_len;
  uint64_t packed_len;
  uint64_t gets;
  bool pack;     // Measure what zlib makes of each new object.
  bool discard;  // Forget what is put.
} store;

static stored *slot_of(store *s, const so_oid *oid) {
  uint64_t at;
  memcpy(&at, oid->bytes, sizeof at);
  for (;; at++) {
    stored *slot = &s->slots[at % SLOTS];
    if (slot->bytes == NULL || so_oid_equal(&slot->oid, oid)) {
      return slot;
    }
  }
}

static so_status get(void *ctx, const so_oid *oid, so_object *out) {
  store *s = ctx;
  const stored *slot = slot_of(s, oid);
  s->gets++;
  if (slot->bytes == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  out->kind = slot->kind;
  out->bytes = so_bytes_of(slot->bytes, slot->len);
  return so_done();
}

static void unpin(void *ctx, so_object *object) {
  (void)ctx;
  (void)object;
}

static so_status has(void *ctx, const so_oid *oid) {
  return slot_of(ctx, oid)->bytes == NULL ? so_status_make(SO_NOT_FOUND, 0) : so_done();
}

static void *zalloc(void *opaque, unsigned count, unsigned size) {
  (void)opaque;
  return malloc((size_t)count * size);
}

static void zfree(void *opaque, void *p) {
  (void)opaque;
  free(p);
}

static size_t packed(so_bytes payload) {
  static uint8_t out[1 << 20];
  z_stream z;
  memset(&z, 0, sizeof z);
  z.zalloc = zalloc;
  z.zfree = zfree;
  if (deflateInit(&z, 6) != Z_OK) {
    abort();
  }
  z.next_in = (uint8_t *)(uintptr_t)payload.ptr;
  z.avail_in = (unsigned)payload.len;
  z.next_out = out;
  z.avail_out = sizeof out;
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
    abort();
  }
  const size_t len = sizeof out - z.avail_out;
  deflateEnd(&z);
  return len;
}

static so_status put(void *ctx, so_kind kind, so_bytes payload, so_oid *out) {
  store *s = ctx;
  so_oid_of(kind, payload, out);
  s->added++;
  s->added_len += payload.len;
  if (s->pack) {
    s->packed_len += packed(payload);
  }
  stored *slot = slot_of(s, out);
  if (s->discard || slot->bytes != NULL) {
    return so_done();
  }
  slot->oid = *out;
  slot->kind = kind;
  slot->len = payload.len;
  slot->bytes = malloc(payload.len);
  memcpy(slot->bytes, payload.ptr, payload.len);
  return so_done();
}

static void *resize(void *ctx, void *ptr, size_t old_len, size_t new_len) {
  (void)ctx;
  (void)old_len;
  if (new_len == 0) {
    free(ptr);
    return NULL;
  }
  return realloc(ptr, new_len);
}

// --- helpers ------------------------------------------------------------------------------------

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(so_status s) {
  if (!so_ok(s)) {
    printf("failed: %s\n", so_code_name((so_code)s.code));
    exit(1);
  }
}

typedef struct numbered {
  char key[64];
  uint32_t index;
  uint32_t end;
  uint32_t generation;
} numbered;

static so_status next_numbered(void *ctx, so_edit *out) {
  numbered *n = ctx;
  if (n->index == n->end) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const int len = snprintf(n->key, sizeof n->key, "src/module%03u/part%02u/file%07u.c",
                           n->index / 1000 % 1000, n->index / 100 % 10, n->index);
  memset(out, 0, sizeof *out);
  out->key = so_bytes_of(n->key, (size_t)len);
  out->entry.type = SO_ENTRY_FILE;
  out->entry.mode = 0644;
  out->entry.size = 1000 + n->index % 5000;
  out->entry.value_kind = SO_KIND_CHUNK;
  const uint32_t id[2] = {n->index, n->generation};
  so_oid_of(SO_KIND_CHUNK, so_bytes_of(id, sizeof id), &out->entry.value);
  n->index++;
  return so_done();
}

static so_oid edit_range(const so_tree *tree, so_oid root, uint32_t from, uint32_t to,
                         uint32_t generation) {
  numbered n = {{0}, from, to, generation};
  const so_edits edits = {next_numbered, &n};
  so_oid out;
  check(so_tree_edit(tree, &root, &edits, &out));
  return out;
}

// --- measures -----------------------------------------------------------------------------------

static double hash_s(uint64_t len) {
  static uint8_t block[1200];
  so_oid oid;
  const double start = now_s();
  for (uint64_t done = 0; done < len; done += sizeof block) {
    so_oid_of(SO_KIND_TREE, so_bytes_of(block, sizeof block), &oid);
    block[0] = oid.bytes[0];
  }
  return now_s() - start;
}

static so_oid bench_build(const so_tree *tree, store *s) {
  const so_oid none = {{0}};
  const double start = now_s();
  const so_oid root = edit_range(tree, none, 0, LARGE, 0);
  const double took = now_s() - start;
  printf("build of %u keys: %.2f s, %.0f keys/s, %zu nodes of %.1f bytes, %.1f keys a node\n",
         LARGE, took, LARGE / took, s->added, (double)s->added_len / (double)s->added,
         (double)LARGE / (double)s->added);
  printf("  ratio to BLAKE2b of the same bytes: %.2f\n",
         took / hash_s(s->added_len));
  return root;
}

typedef struct cost {
  double commit_s;
  double diff_s;
} cost;

// Map `i` of the rounds is `maps[i % map_count]`.
static cost bench_commit(const so_tree *tree, store *s, const so_oid *maps, uint32_t map_count,
                         uint32_t keys) {
  cost c = {0, 0};
  s->added = 0;
  s->added_len = s->packed_len = s->gets = 0;
  uint64_t diff_gets = 0;
  so_oid *roots = calloc(ROUNDS, sizeof *roots);
  const double start = now_s();
  for (uint32_t i = 0; i < ROUNDS; i++) {
    const uint32_t at = (uint32_t)((uint64_t)i * 2654435761u % keys);
    roots[i] = edit_range(tree, maps[i % map_count], at, at + 1, ROUNDS + i);
  }
  c.commit_s = (now_s() - start) / ROUNDS;
  const uint64_t commit_gets = s->gets;
  const double diff_start = now_s();
  for (uint32_t i = 0; i < ROUNDS; i++) {
    so_diff *d;
    so_change change;
    const so_bytes all = so_bytes_of(NULL, 0);
    check(so_diff_open(tree, &maps[i % map_count], &roots[i], all, all, &d));
    check(so_diff_next(d, &change));
    if (!so_is(so_diff_next(d, &change), SO_NOT_FOUND)) {
      abort();
    }
    so_diff_close(d);
  }
  c.diff_s = (now_s() - diff_start) / ROUNDS;
  diff_gets = s->gets - commit_gets;
  const uint64_t commit_len = s->added_len, commit_nodes = s->added;
  s->pack = true;
  s->discard = true;
  for (uint32_t i = 0; i < ROUNDS; i++) {
    const uint32_t at = (uint32_t)((uint64_t)i * 2654435761u % keys);
    edit_range(tree, maps[i % map_count], at, at + 1, ROUNDS + i);
  }
  s->pack = false;
  s->discard = false;
  printf("one key of %u: commit %.1f us, %.1f reads, %.1f nodes, %.0f bytes, %.0f with zlib\n",
         keys, c.commit_s * 1e6, (double)commit_gets / ROUNDS, (double)commit_nodes / ROUNDS,
         (double)commit_len / ROUNDS, (double)s->packed_len / ROUNDS);
  printf("  diff of the two: %.1f us, %.1f reads\n", c.diff_s * 1e6, (double)diff_gets / ROUNDS);
  free(roots);
  return c;
}

static void bench_get(const so_tree *tree, so_oid root) {
  so_arena arena;
  so_arena_init(&arena, tree->heap, 1 << 16);
  const double start = now_s();
  for (uint32_t i = 0; i < 200000; i++) {
    const uint32_t at = (uint32_t)((uint64_t)i * 2654435761u % LARGE);
    numbered n = {{0}, at, at + 1, 0};
    so_edit e;
    so_entry entry;
    const so_arena_mark mark = so_arena_save(&arena);
    check(next_numbered(&n, &e));
    check(so_tree_get(tree, &root, e.key, &arena, &entry));
    so_arena_rewind(&arena, mark);
  }
  printf("get: %.2f us\n", (now_s() - start) / 200000 * 1e6);
  so_arena_release(&arena);
}

static void bench_scan(const so_tree *tree, so_oid root) {
  static so_cursor c;
  const double start = now_s();
  check(so_cursor_seek(&c, tree, &root, so_bytes_of(NULL, 0)));
  uint64_t count = 0;
  for (; !c.at_end; count++) {
    check(so_cursor_next(&c));
  }
  so_cursor_close(&c);
  printf("scan: %.0f keys/s\n", (double)count / (now_s() - start));
}

static void bench_value(const so_tree *tree, store *s) {
  const size_t len = 256u << 20;
  uint8_t *bytes = malloc(len);
  uint64_t x = 1;
  for (size_t i = 0; i < len; i += 8) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    const uint64_t mixed = x ^ x >> 29;
    memcpy(bytes + i, &mixed, 8);
  }
  so_entry e;
  s->discard = true;
  const double start = now_s();
  check(so_value_of(tree, so_bytes_of(bytes, len), &e));
  const double took = now_s() - start;
  const double hash_start = now_s();
  so_oid oid;
  for (size_t i = 0; i < len; i += 1 << 16) {
    so_oid_of(SO_KIND_CHUNK, so_bytes_of(bytes + i, 1 << 16), &oid);
  }
  const double hash = now_s() - hash_start;
  printf("value of 256 MiB: %.0f MB/s with hashing; cutting alone %.0f MB/s\n",
         (double)len / took / 1e6, (double)len / (took - hash) / 1e6);
  printf("  ratio to BLAKE2b of the same bytes: %.2f\n", took / hash);
  free(bytes);
}

int main(void) {
  store s;
  memset(&s, 0, sizeof s);
  s.slots = calloc(SLOTS, sizeof *s.slots);
  const so_objects_ops ops = {get, unpin, has, put};
  const so_objects objects = {&ops, &s};
  const so_heap heap = {resize, NULL};
  so_tree tree = {&objects, &heap, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  const so_oid none = {{0}};
  const so_oid large = bench_build(&tree, &s);
  bench_get(&tree, large);
  bench_scan(&tree, large);
  so_oid *small = calloc(ROUNDS, sizeof *small);
  for (uint32_t i = 0; i < ROUNDS; i++) {
    small[i] = edit_range(&tree, none, 0, SMALL, i + 1);
  }
  const cost few = bench_commit(&tree, &s, small, ROUNDS, SMALL);
  const cost many = bench_commit(&tree, &s, &large, 1, LARGE);
  free(small);
  printf("ratio of %u keys to %u keys: commit %.2f, diff %.2f\n", LARGE, SMALL,
         many.commit_s / few.commit_s, many.diff_s / few.diff_s);
  bench_value(&tree, &s);
  return 0;
}
