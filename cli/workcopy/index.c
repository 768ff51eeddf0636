#include "cli/workcopy/index.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"
#include "cli/workcopy/files.h"
#include "crypto/blake2b/blake2b.h"

// File: magic, varint count, entries (varbytes path, 8-byte little-endian mtime, ctime, inode, size,
// 4-byte mode, tag), 32 bytes BLAKE2b-256 of everything before.
#define MAGIC "storectl index 1\n"
#define MAGIC_LEN (sizeof MAGIC - 1)
#define SUM_LEN 32
#define INDEX_LEN_MAX ((size_t)1 << 32)

void cli_index_init(cli_index *index, const so_heap *heap) {
  const cli_index empty = {.count = 0};
  *index = empty;
  so_arena_init(&index->arena, heap, INDEX_LEN_MAX);
}

void cli_index_release(cli_index *index) {
  free(index->entries);
  const so_heap *heap = index->arena.heap;
  so_arena_release(&index->arena);
  cli_index_init(index, heap);
}

static so_status add(cli_index *index, const cli_index_entry *entry) {
  if (index->count == index->cap) {
    const size_t cap = index->cap == 0 ? 256 : index->cap * 2;
    cli_index_entry *grown = realloc(index->entries, cap * sizeof *grown);
    if (grown == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    index->entries = grown;
    index->cap = cap;
  }
  index->entries[index->count] = *entry;
  SO_TRY(so_arena_copy(&index->arena, entry->path, &index->entries[index->count].path));
  index->count++;
  return so_done();
}

static int64_t ns_of(struct timespec t) {
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

so_status cli_index_add(cli_index *index, so_bytes path, const struct stat *s, const so_oid *tag) {
  const cli_index_entry entry = {
      .path = path,
      .mtime_ns = ns_of(s->st_mtim),
      .ctime_ns = ns_of(s->st_ctim),
      .inode = (uint64_t)s->st_ino,
      .size = (uint64_t)s->st_size,
      .mode = s->st_mode,
      .tag = *tag,
  };
  return add(index, &entry);
}

// --- file -----------------------------------------------------------------------------------

static bool read_entry(so_reader *r, cli_index_entry *out) {
  uint64_t mtime, ctime;
  if (!so_read_varbytes(r, &out->path) || !so_read_u64le(r, &mtime) || !so_read_u64le(r, &ctime) ||
      !so_read_u64le(r, &out->inode) || !so_read_u64le(r, &out->size) ||
      !so_read_u32le(r, &out->mode) || !so_read_copy(r, out->tag.bytes, SO_OID_LEN)) {
    return false;
  }
  out->mtime_ns = (int64_t)mtime;
  out->ctime_ns = (int64_t)ctime;
  return true;
}

static bool parse(cli_index *index, so_bytes file) {
  uint8_t sum[SUM_LEN];
  uint64_t count;
  so_bytes magic;
  if (file.len < MAGIC_LEN + SUM_LEN) {
    return false;
  }
  const so_bytes body = so_bytes_first(file, file.len - SUM_LEN);
  so_blake2b_256(&body, 1, sum);
  so_reader r = so_reader_of(body);
  if (memcmp(sum, file.ptr + body.len, SUM_LEN) != 0 || !so_read_bytes(&r, MAGIC_LEN, &magic) ||
      !so_bytes_equal(magic, so_str(MAGIC)) || !so_read_varint(&r, &count)) {
    return false;
  }
  for (uint64_t i = 0; i < count; i++) {
    cli_index_entry entry;
    if (!read_entry(&r, &entry) || !so_ok(add(index, &entry))) {
      return false;
    }
  }
  return so_reader_done(&r);
}

void cli_index_load(cli_index *index, const char *file) {
  so_buf content;
  struct stat s;
  so_buf_init(&content, index->arena.heap, INDEX_LEN_MAX);
  const bool ok = stat(file, &s) == 0 && so_ok(cli_file_read(file, &content)) &&
                  parse(index, so_buf_bytes(&content));
  so_buf_release(&content);
  if (ok) {
    index->written_ns = ns_of(s.st_mtim);
  } else {
    cli_index_release(index);
  }
}

static void append_u64le(so_buf *out, uint64_t v) {
  uint8_t bytes[8];
  so_writer w = so_writer_of(bytes, sizeof bytes);
  so_write_u64le(&w, v);
  so_buf_append(out, so_writer_bytes(&w));
}

static void append_entry(so_buf *out, const cli_index_entry *e) {
  uint8_t mode[4];
  so_writer w = so_writer_of(mode, sizeof mode);
  so_write_u32le(&w, e->mode);
  so_buf_append_varint(out, e->path.len);
  so_buf_append(out, e->path);
  append_u64le(out, (uint64_t)e->mtime_ns);
  append_u64le(out, (uint64_t)e->ctime_ns);
  append_u64le(out, e->inode);
  append_u64le(out, e->size);
  so_buf_append(out, so_writer_bytes(&w));
  so_buf_append(out, so_bytes_of(e->tag.bytes, SO_OID_LEN));
}

so_status cli_index_save(cli_index *index, const char *file, const so_heap *heap) {
  so_buf out;
  uint8_t sum[SUM_LEN];
  so_buf_init(&out, heap, INDEX_LEN_MAX);
  so_buf_append_str(&out, MAGIC);
  so_buf_append_varint(&out, index->count);
  for (size_t i = 0; i < index->count; i++) {
    append_entry(&out, &index->entries[i]);
  }
  const so_bytes body = so_buf_bytes(&out);
  so_blake2b_256(&body, 1, sum);
  so_buf_append(&out, so_bytes_of(sum, sizeof sum));
  so_bytes content;
  so_status status = so_buf_end(&out, &content);
  if (so_ok(status)) {
    status = cli_file_replace(file, content);
  }
  so_buf_release(&out);
  return status;
}

// --- looking up -----------------------------------------------------------------------------

const cli_index_entry *cli_index_find(const cli_index *index, so_bytes path) {
  size_t low = 0, high = index->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const int order = so_bytes_compare(index->entries[middle].path, path);
    if (order == 0) {
      return &index->entries[middle];
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return NULL;
}

bool cli_index_fresh(const cli_index *index, const cli_index_entry *entry,
                     const struct stat *now) {
  return entry->mtime_ns == ns_of(now->st_mtim) && entry->ctime_ns == ns_of(now->st_ctim) &&
         entry->inode == (uint64_t)now->st_ino && entry->size == (uint64_t)now->st_size &&
         entry->mode == now->st_mode && entry->mtime_ns < index->written_ns &&
         entry->ctime_ns < index->written_ns;
}
