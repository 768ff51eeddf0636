#include "base/mem.h"
#include "base/reader.h"
#include "store/repo/internal.h"

so_status so_ref_log_last(const so_repo *repo, uint64_t *out_seq) {
  so_meta_key key;
  so_meta_key_numbered(&key, SO_KEY_LOG_HEAD, repo->number, so_bytes_of(NULL, 0));
  so_arena arena;
  so_arena_init(&arena, repo->repos->heap, SO_REPO_ARENA_MAX);
  so_bytes value;
  so_status s = so_db_meta_get(repo->repos->db, so_meta_key_view(&key), &arena, &value);
  *out_seq = 0;
  if (so_ok(s)) {
    so_reader r = so_reader_of(value);
    s = so_read_u64be(&r, out_seq) ? so_done() : so_status_make(SO_CORRUPT, 0);
  }
  so_arena_release(&arena);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

// gather joins the parts of a record.
static so_status gather(const so_repo *repo, uint64_t seq, so_buf *out) {
  so_meta_key prefix;
  so_meta_key_log(&prefix, repo->number, seq);
  so_meta_scan *scan;
  SO_TRY(so_db_meta_scan(repo->repos->db, so_meta_key_view(&prefix), so_bytes_of(NULL, 0), &scan));
  so_status s = so_done();
  while (so_ok(s)) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    if (so_ok(s)) {
      so_buf_append(out, value);
    }
  }
  so_db_meta_scan_close(scan);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status decode_changes(so_reader *r, so_arena *arena, so_ref_record *out) {
  uint64_t count = 0;
  if (!so_read_varint(r, &count) || count > SO_REF_CHANGES_MAX) {
    return so_status_make(SO_CORRUPT, 0);
  }
  out->changes = so_arena_alloc(arena, ((size_t)count + 1) * sizeof *out->changes);
  if (out->changes == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (size_t i = 0; i < count; i++) {
    so_ref_change *c = &out->changes[i];
    so_bytes name = {0};
    if (!so_read_varbytes(r, &name) || !so_read_copy(r, c->old_oid.bytes, SO_OID_LEN) ||
        !so_read_copy(r, c->new_oid.bytes, SO_OID_LEN)) {
      return so_status_make(SO_CORRUPT, 0);
    }
    c->name = name;
    out->change_count = i + 1;
  }
  return so_reader_done(r) ? so_done() : so_status_make(SO_CORRUPT, 0);
}

static so_status decode_record(so_bytes bytes, so_arena *arena, so_ref_record *out) {
  so_bytes copy;
  SO_TRY(so_arena_copy(arena, bytes, &copy));
  so_reader r = so_reader_of(copy);
  uint64_t time = 0;
  if (!so_read_u64be(&r, &time) || !so_read_varbytes(&r, &out->who) ||
      !so_read_varbytes(&r, &out->why)) {
    return so_status_make(SO_CORRUPT, 0);
  }
  out->time_ms = (int64_t)time;
  return decode_changes(&r, arena, out);
}

so_status so_ref_log_read(const so_repo *repo, uint64_t seq, so_arena *arena, so_ref_record *out) {
  memset(out, 0, sizeof *out);
  out->seq = seq;
  so_buf record;
  so_buf_init(&record, repo->repos->heap, SO_REPO_ARENA_MAX);
  so_status s = gather(repo, seq, &record);
  so_bytes bytes = {0};
  if (so_ok(s)) {
    s = so_buf_end(&record, &bytes);
  }
  if (so_ok(s)) {
    s = bytes.len == 0 ? so_status_make(SO_NOT_FOUND, 0) : decode_record(bytes, arena, out);
  }
  so_buf_release(&record);
  return s;
}

// parse_history takes apart a key and value of a ref's history.
static so_status parse_history(so_bytes key, so_bytes value, uint64_t *seq, int64_t *time_ms,
                               so_oid *oid) {
  const size_t tail = key.len < 16 ? 0 : key.len - 16;
  so_reader r = so_reader_of(so_bytes_from(key, tail));
  uint64_t time = 0;
  if (!so_read_u64be(&r, &time) || !so_read_u64be(&r, seq) || value.len != SO_OID_LEN) {
    return so_status_make(SO_CORRUPT, 0);
  }
  *seq = ~*seq;
  *time_ms = (int64_t)(~time ^ ((uint64_t)1 << 63));
  memcpy(oid->bytes, value.ptr, SO_OID_LEN);
  return so_done();
}

so_status so_ref_history(const so_repo *repo, so_bytes name, int64_t time_ms, size_t limit,
                         so_status (*visit)(void *ctx, uint64_t seq, int64_t time_ms,
                                            const so_oid *oid),
                         void *ctx) {
  if (!so_ok(so_ref_name_check(name))) {
    return so_done();
  }
  so_meta_key start;
  so_meta_key_history(&start, repo->number, name, time_ms, UINT64_MAX);
  const so_bytes prefix = so_bytes_first(so_meta_key_view(&start), start.len - 16);
  so_meta_scan *scan;
  SO_TRY(so_db_meta_scan(repo->repos->db, prefix, so_bytes_of(NULL, 0), &scan));
  so_status s = so_db_meta_seek(scan, so_meta_key_view(&start));
  for (size_t i = 0; i < limit && so_ok(s); i++) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    if (so_is(s, SO_NOT_FOUND)) {
      s = so_done();
      break;
    }
    uint64_t seq = 0;
    int64_t time = 0;
    so_oid oid;
    if (so_ok(s)) {
      s = parse_history(key, value, &seq, &time, &oid);
    }
    if (so_ok(s)) {
      s = visit(ctx, seq, time, &oid);
    }
  }
  so_db_meta_scan_close(scan);
  return s;
}

static so_status keep_oid(void *ctx, uint64_t seq, int64_t time_ms, const so_oid *oid) {
  (void)seq;
  (void)time_ms;
  *(so_oid *)ctx = *oid;
  return so_done();
}

so_status so_ref_at(const so_repo *repo, so_bytes name, int64_t time_ms, so_oid *out) {
  so_oid found = {{0}};
  SO_TRY(so_ref_history(repo, name, time_ms, 1, keep_oid, &found));
  if (so_oid_is_none(&found)) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = found;
  return so_done();
}
