#include "store/disk/internal.h"

// The object port of one repository, and objects in stored form.

static uint32_t object_len_max(const so_db *db) {
  return db->super.segment_len < SO_OBJECT_LEN_MAX ? db->super.segment_len : SO_OBJECT_LEN_MAX;
}

static bool kind_valid(unsigned kind) { return kind >= SO_KIND_CHUNK && kind <= SO_KIND_TAG; }

// --- finding and reading --------------------------------------------------------------------

so_status so_disk_locate(so_db *db, uint32_t repo, const so_oid *oid, entry *out) {
  const entry *e = so_disk_recent_find(&db->recent, repo, oid);
  if (e != NULL) {
    *out = *e;
    return so_done();
  }
  run_set *set = so_disk_run_set_take(db);
  so_status s = fail(SO_NOT_FOUND, 0);
  for (uint32_t i = set->count; i > 0 && so_is(s, SO_NOT_FOUND); i--) {
    s = so_disk_run_find(db, set->runs[i - 1], repo, oid, out);
  }
  so_disk_run_set_release(db, set);
  return s;
}

so_status so_disk_read_record(so_db *db, const entry *e, record_header *out, uint8_t **out_memory) {
  if (e->stored_len > db->super.segment_len) {
    return fail(SO_CORRUPT, SO_DB_PART_INDEX);
  }
  const size_t len = HEADER_LEN + (size_t)e->stored_len;
  uint8_t *memory = (uint8_t *)so_heap_alloc(db->heap, len);
  if (memory == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = so_disk_device_read(db, e->place, memory, len);
  if (so_ok(s)) {
    const bool valid = so_disk_parse_record(memory, out) &&
                       so_disk_record_sum_ok(&db->key, e->place, memory,
                                             so_bytes_of(memory + HEADER_LEN, e->stored_len)) &&
                       out->type == RECORD_OBJECT && out->stored_len == e->stored_len &&
                       out->repo == e->repo && so_oid_equal(&out->oid, &e->oid) &&
                       kind_valid(out->kind) && out->codec <= SO_CODEC_ZLIB &&
                       out->raw_len <= SO_OBJECT_LEN_MAX;
    s = valid ? s : fail(SO_CORRUPT, SO_DB_PART_RECORD);
  }
  if (!so_ok(s)) {
    so_heap_free(db->heap, memory, len);
    return s;
  }
  *out_memory = memory;
  return so_done();
}

// Expands into `out` of `raw_len` bytes. MALFORMED when it does not give exactly that.
static so_status unpack(so_db *db, so_codec codec, so_bytes stored, uint8_t *out, size_t raw_len) {
  if (codec == SO_CODEC_ZLIB) {
    return so_inflate(db->inflater, stored, out, raw_len);
  }
  if (stored.len != raw_len) {
    return fail(SO_MALFORMED, SO_DB_PART_OBJECT);
  }
  if (raw_len != 0) {
    memcpy(out, stored.ptr, raw_len);
  }
  return so_done();
}

// Makes a cache object (with a reference, not yet added) of stored bytes, verified.
static so_status unpack_verified(so_db *db, uint32_t repo, const so_oid *oid,
                                 const so_stored *stored, cached **out) {
  cached *c = so_disk_cache_make(db, repo, oid, stored->kind, stored->raw_len);
  if (c == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = unpack(db, stored->codec, stored->bytes, so_disk_cached_bytes(c), stored->raw_len);
  if (so_ok(s)) {
    so_oid actual;
    so_oid_of(stored->kind, so_bytes_of(so_disk_cached_bytes(c), stored->raw_len), &actual);
    s = so_oid_equal(&actual, oid) ? s : fail(SO_MALFORMED, SO_DB_PART_OBJECT);
  }
  if (!so_ok(s)) {
    so_disk_cache_drop(db, c);
    return s;
  }
  *out = c;
  return so_done();
}

so_status so_disk_object_load(so_db *db, const entry *e, cached **out) {
  record_header h;
  uint8_t *memory = NULL;
  SO_TRY(so_disk_read_record(db, e, &h, &memory));
  const so_stored stored = {
      .kind = (so_kind)h.kind,
      .codec = (so_codec)h.codec,
      .raw_len = h.raw_len,
      .bytes = so_bytes_of(memory + HEADER_LEN, h.stored_len),
  };
  so_status s = unpack_verified(db, e->repo, &e->oid, &stored, out);
  so_heap_free(db->heap, memory, HEADER_LEN + (size_t)e->stored_len);
  if (so_is(s, SO_MALFORMED)) {
    s = fail(SO_CORRUPT, SO_DB_PART_OBJECT);
  }
  return s;
}

// --- the port -------------------------------------------------------------------------------

static so_object view_of(cached *c) {
  const so_object o = {(so_kind)c->kind, so_bytes_of(so_disk_cached_bytes(c), c->len), c};
  return o;
}

static so_status object_get(void *ctx, const so_oid *oid, so_object *out) {
  const repo_objects *r = (const repo_objects *)ctx;
  so_db *db = r->db;
  cached *c = so_disk_cache_find(db, r->repo, oid);
  if (c != NULL) {
    db->stats.cache_hits++;
    *out = view_of(c);
    return so_done();
  }
  db->stats.cache_misses++;
  entry e;
  SO_TRY(so_disk_locate(db, r->repo, oid, &e));
  cached *loaded = NULL;
  SO_TRY(so_disk_object_load(db, &e, &loaded));
  c = so_disk_cache_find(db, r->repo, oid);  // Another fiber may have been faster.
  if (c != NULL) {
    so_disk_cache_drop(db, loaded);
  } else {
    c = loaded;
    so_disk_cache_add(db, c);
  }
  *out = view_of(c);
  return so_done();
}

static void object_unpin(void *ctx, so_object *object) {
  const repo_objects *r = (const repo_objects *)ctx;
  so_disk_cache_unpin(r->db, (cached *)object->pin);
  object->pin = NULL;
  object->bytes = so_bytes_of(NULL, 0);
}

static so_status has(so_db *db, uint32_t repo, const so_oid *oid) {
  cached *c = so_disk_cache_find(db, repo, oid);
  if (c != NULL) {
    so_disk_cache_unpin(db, c);
    return so_done();
  }
  entry e;
  return so_disk_locate(db, repo, oid, &e);
}

static so_status object_has(void *ctx, const so_oid *oid) {
  const repo_objects *r = (const repo_objects *)ctx;
  return has(r->db, r->repo, oid);
}

// --- putting --------------------------------------------------------------------------------

// Below this, compression costs more than it saves.
#define DEFLATE_LEN_MIN 192

static so_status scratch_ensure(so_db *db, size_t len) {
  if (len <= db->scratch_len) {
    return so_done();
  }
  const size_t want = len < 65536 ? 65536 : len;
  uint8_t *scratch = (uint8_t *)so_heap_alloc(db->heap, want);
  if (scratch == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_heap_free(db->heap, db->scratch, db->scratch_len);
  db->scratch = scratch;
  db->scratch_len = want;
  return so_done();
}

// The payload as it will be stored: deflated when that saves a sixteenth at least.
static so_stored pack(so_db *db, so_kind kind, so_bytes payload) {
  so_stored stored = {
      .kind = kind, .codec = SO_CODEC_RAW, .raw_len = (uint32_t)payload.len, .bytes = payload};
  if (db->deflater == NULL || payload.len < DEFLATE_LEN_MIN) {
    return stored;
  }
  size_t len = 0;
  if (so_ok(scratch_ensure(db, payload.len)) &&
      so_ok(so_deflate(db->deflater, payload, db->scratch, payload.len - payload.len / 16, &len))) {
    stored.codec = SO_CODEC_ZLIB;
    stored.bytes = so_bytes_of(db->scratch, len);
  }
  return stored;
}

static so_status writable(const so_db *db) {
  SO_TRY(db->failed);
  return db->config.read_only ? fail(SO_DENIED, 0) : so_done();
}

static so_status put_new(so_db *db, uint32_t repo, const so_oid *oid, const so_stored *stored) {
  if (repo != META_REPO && db->free_count < SEGMENT_RESERVE) {
    return fail(SO_LIMIT, 0);  // Also when the present segment, taken from the reserve, has room.
  }
  SO_TRY(so_disk_recent_reserve(&db->recent, db->heap));
  const record_header h = {
      .type = RECORD_OBJECT,
      .kind = (uint8_t)stored->kind,
      .codec = (uint8_t)stored->codec,
      .raw_len = stored->raw_len,
      .repo = repo,
      .oid = *oid,
  };
  entry e = {.oid = *oid, .repo = repo, .stored_len = (uint32_t)stored->bytes.len};
  SO_TRY(
      so_disk_log_append(db, &h, stored->bytes, repo == META_REPO ? 0 : SEGMENT_RESERVE, &e.place));
  so_disk_recent_add(&db->recent, &e);
  db->stats.object_count++;
  db->stats.object_raw_len += stored->raw_len;
  db->stats.object_stored_len += stored->bytes.len;
  return so_done();
}

static so_status object_put(void *ctx, so_kind kind, so_bytes payload, so_oid *out_oid) {
  const repo_objects *r = (const repo_objects *)ctx;
  so_db *db = r->db;
  SO_TRY(writable(db));
  if (payload.len > object_len_max(db) || !kind_valid((unsigned)kind)) {
    return fail(SO_LIMIT, SO_DB_PART_OBJECT);
  }
  so_oid oid;
  so_oid_of(kind, payload, &oid);
  db->stats.puts++;
  const so_status there = has(db, r->repo, &oid);
  if (!so_is(there, SO_NOT_FOUND)) {
    db->stats.duplicate_puts++;
    *out_oid = oid;
    return there;
  }
  SO_TRY(so_disk_checkpoint_if_due(db));
  const so_stored stored = pack(db, kind, payload);
  SO_TRY(put_new(db, r->repo, &oid, &stored));
  *out_oid = oid;
  return so_done();
}

void so_disk_objects_init(so_db *db) {
  db->object_ops.get = object_get;
  db->object_ops.unpin = object_unpin;
  db->object_ops.has = object_has;
  db->object_ops.put = object_put;
  db->meta_repo.db = db;
  db->meta_repo.repo = META_REPO;
  db->meta_objects.ops = &db->object_ops;
  db->meta_objects.ctx = &db->meta_repo;
}

so_status so_db_objects(so_db *db, uint32_t repo, so_objects *out) {
  if (repo == META_REPO || repo > SO_DB_REPO_MAX) {
    return fail(SO_LIMIT, 0);
  }
  repo_objects **slot = &db->repos[repo % REPO_SLOTS];
  repo_objects *r = *slot;
  while (r != NULL && r->repo != repo) {
    r = r->next;
  }
  if (r == NULL) {
    r = (repo_objects *)so_heap_alloc_array(db->heap, 1, sizeof *r);
    if (r == NULL) {
      return fail(SO_LIMIT, 0);
    }
    r->db = db;
    r->repo = repo;
    r->next = *slot;
    *slot = r;
  }
  out->ops = &db->object_ops;
  out->ctx = r;
  return so_done();
}

// --- stored form ----------------------------------------------------------------------------

so_status so_db_get_stored(so_db *db, uint32_t repo, const so_oid *oid, so_stored *out) {
  entry e;
  SO_TRY(so_disk_locate(db, repo, oid, &e));
  record_header h;
  uint8_t *memory = NULL;
  SO_TRY(so_disk_read_record(db, &e, &h, &memory));
  out->kind = (so_kind)h.kind;
  out->codec = (so_codec)h.codec;
  out->raw_len = h.raw_len;
  out->bytes = so_bytes_of(memory + HEADER_LEN, h.stored_len);
  out->memory = memory;
  out->memory_len = HEADER_LEN + (size_t)h.stored_len;
  return so_done();
}

void so_db_stored_release(so_db *db, so_stored *stored) {
  so_heap_free(db->heap, stored->memory, stored->memory_len);
  memset(stored, 0, sizeof *stored);
}

so_status so_db_put_stored(so_db *db, uint32_t repo, const so_oid *oid, const so_stored *stored,
                           so_status (*check)(void *ctx, so_kind kind, so_bytes payload),
                           void *ctx) {
  SO_TRY(writable(db));
  if (repo == META_REPO || repo > SO_DB_REPO_MAX || stored->raw_len > object_len_max(db) ||
      stored->bytes.len > object_len_max(db)) {
    return fail(SO_LIMIT, SO_DB_PART_OBJECT);
  }
  if (!kind_valid((unsigned)stored->kind) || (unsigned)stored->codec > SO_CODEC_ZLIB) {
    return fail(SO_MALFORMED, SO_DB_PART_OBJECT);
  }
  db->stats.puts++;
  const so_status there = has(db, repo, oid);
  if (!so_is(there, SO_NOT_FOUND)) {
    db->stats.duplicate_puts++;
    return there;
  }
  SO_TRY(so_disk_checkpoint_if_due(db));
  cached *c = NULL;
  SO_TRY(unpack_verified(db, repo, oid, stored, &c));
  so_status s = so_done();
  if (check != NULL) {
    s = check(ctx, stored->kind, so_bytes_of(so_disk_cached_bytes(c), c->len));
  }
  if (so_ok(s)) {
    s = put_new(db, repo, oid, stored);
  }
  so_disk_cache_drop(db, c);
  return s;
}
