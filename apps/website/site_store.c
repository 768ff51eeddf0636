#include "apps/website/site.h"

#include "base/mem.h"
#include "store/object/commit.h"
#include "store/repo/repo.h"
#include "store/value/value.h"

#define CACHE_LEN (16u << 20)
#define LOOKUP_LEN_MAX (64u << 10)
#define REF_LEN_MAX 512

typedef struct store_site {
  const so_world *world;
  so_block device;
  so_db *db;
  so_repos repos;
  so_repo repo;
  so_bytes ref;
} store_site;

// An open value. `entry` may point into `arena`.
typedef struct store_file {
  so_arena arena;
  so_tree tree;
  so_entry entry;
  so_value_reader *reader;
  so_bytes rest;      // Of the piece that the reader gave last.
  uint64_t position;  // Of `rest`.
} store_file;

static so_status root_now(store_site *s, so_arena *arena, so_oid *out) {
  so_resolved at;
  SO_TRY(so_repo_resolve(&s->repo, s->ref, &at));
  so_commit *const commit = so_arena_alloc(arena, sizeof *commit);
  if (commit == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(so_commit_read(&s->repo.objects, &at.commit, arena, commit));
  *out = commit->root;
  return so_done();
}

// is_directory: is there a path below `path`?
static so_status is_directory(const so_tree *tree, const so_oid *root, so_bytes path,
                              so_arena *arena, bool *out) {
  *out = path.len == 0;
  if (*out) {
    return so_done();
  }
  uint8_t *const key = so_arena_alloc(arena, path.len + 1);
  so_cursor *const cursor = so_arena_alloc(arena, sizeof *cursor);
  if (key == NULL || cursor == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memcpy(key, path.ptr, path.len);
  key[path.len] = '/';
  const so_bytes prefix = so_bytes_of(key, path.len + 1);
  SO_TRY(so_cursor_seek(cursor, tree, root, prefix));
  *out = !cursor->at_end && so_bytes_has_prefix(cursor->key, prefix);
  so_cursor_close(cursor);
  return so_done();
}

static void fill_info(const so_entry *entry, so_site_info *info) {
  so_oid tag;
  so_entry_tag(entry, &tag);
  *info = (so_site_info){.has_tag = true, .size = entry->size};
  memcpy(info->tag, tag.bytes, sizeof info->tag);
  memcpy(info->version, tag.bytes, sizeof info->version);
}

static so_status find(store_site *s, so_bytes path, store_file *f, so_site_info *info) {
  so_oid root;
  SO_TRY(root_now(s, &f->arena, &root));
  f->tree = so_repo_tree(&s->repo);
  so_status status = so_status_make(SO_NOT_FOUND, 0);
  if (path.len != 0) {
    status = so_tree_get(&f->tree, &root, path, &f->arena, &f->entry);
  }
  if (so_ok(status)) {
    fill_info(&f->entry, info);
    return f->entry.type == SO_ENTRY_FILE ? status : so_status_make(SO_DENIED, 0);
  }
  if (!so_is(status, SO_NOT_FOUND)) {
    return status;
  }
  *info = (so_site_info){0};
  SO_TRY(is_directory(&f->tree, &root, path, &f->arena, &info->is_directory));
  return info->is_directory ? so_done() : status;
}

static void store_close_file(void *ctx, void *file) {
  const store_site *const s = ctx;
  store_file *const f = file;
  if (f->reader != NULL) {
    so_value_reader_close(f->reader);
  }
  so_arena_release(&f->arena);
  so_heap_free(s->world->heap, f, sizeof *f);
}

static so_status store_open(void *ctx, so_bytes path, so_site_info *info, void **out_file) {
  store_site *const s = ctx;
  *out_file = NULL;
  store_file *const f = so_heap_alloc_array(s->world->heap, 1, sizeof *f);
  if (f == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_arena_init(&f->arena, s->world->heap, LOOKUP_LEN_MAX);
  const so_status status = find(s, path, f, info);
  if (!so_ok(status) || info->is_directory) {
    store_close_file(s, f);
    return status;
  }
  *out_file = f;
  return so_done();
}

static so_status seek(store_file *f, uint64_t offset) {
  if (f->reader != NULL && f->position == offset) {
    return so_done();
  }
  if (f->reader != NULL) {
    so_value_reader_close(f->reader);
    f->reader = NULL;
  }
  f->rest = so_bytes_of(NULL, 0);
  f->position = offset;
  return so_value_reader_open(&f->tree, &f->entry, offset, &f->reader);
}

static so_status store_read(void *ctx, void *file, uint64_t offset, uint8_t *buf, size_t cap,
                            size_t *out_len) {
  store_file *const f = file;
  (void)ctx;
  *out_len = 0;
  if (offset >= f->entry.size) {
    return so_done();
  }
  SO_TRY(seek(f, offset));
  if (f->rest.len == 0) {
    const so_status status = so_value_read(f->reader, &f->rest);
    if (!so_ok(status)) {  // The next try begins anew: where memory was short it may go well.
      so_value_reader_close(f->reader);
      f->reader = NULL;
      return status;
    }
  }
  const so_bytes piece = so_bytes_first(f->rest, cap);
  if (piece.len != 0) {
    memcpy(buf, piece.ptr, piece.len);
  }
  f->rest = so_bytes_from(f->rest, piece.len);
  f->position += piece.len;
  *out_len = piece.len;
  return so_done();
}

static void store_close(void *ctx) {
  store_site *const s = ctx;
  if (s->db != NULL) {
    (void)so_db_close(s->db).code;  // Nothing was written: there is nothing to lose.
  }
  so_block_close(&s->device);
  so_heap_free(s->world->heap, s, sizeof *s);
}

static so_status open_database(store_site *s, so_bytes repo) {
  const so_db_config config = {.device = &s->device,
                               .heap = s->world->heap,
                               .cache_len = CACHE_LEN,
                               .memory_len = s->world->memory_len,
                               .read_only = true};
  SO_TRY(so_db_open(&config, &s->db));
  s->repos.db = s->db;
  s->repos.heap = s->world->heap;
  return so_repo_open(&s->repos, repo, &s->repo);
}

so_status so_site_open_store(const so_world *world, so_bytes name, so_bytes repo, so_bytes ref,
                             so_site *out) {
  static const so_site_ops ops = {store_open, store_read, store_close_file, store_close};
  store_site *const s = so_heap_alloc_array(world->heap, 1, sizeof *s);
  if (s == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  s->world = world;
  s->ref = ref;
  so_status status = world->open_block(world->ctx, name, false, &s->device);
  if (!so_ok(status)) {
    so_heap_free(world->heap, s, sizeof *s);
    return status;
  }
  status = open_database(s, repo);
  so_arena arena;
  so_oid root;
  so_arena_init(&arena, world->heap, LOOKUP_LEN_MAX);
  if (so_ok(status)) {
    status = root_now(s, &arena, &root);
  }
  so_arena_release(&arena);
  if (!so_ok(status)) {
    store_close(s);
    return status;
  }
  *out = (so_site){&ops, s};
  return so_done();
}
