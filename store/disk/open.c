#include "base/reader.h"
#include "store/disk/internal.h"

// Formatting, opening, closing.

// --- superblocks ----------------------------------------------------------------------------

static so_status super_read(const so_block *device, const so_heap *heap, unsigned slot,
                            uint8_t out[SUPER_LEN]) {
  const size_t len = device->unit_len < SUPER_LEN ? SUPER_LEN : device->unit_len;
  if (device->capacity < DATA_OFF) {
    return fail(SO_NOT_FOUND, SO_DB_PART_SUPERBLOCK);
  }
  uint8_t *buf = (uint8_t *)so_heap_alloc(heap, len);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  const so_status s = so_block_read(device, (uint64_t)slot * SUPER_SLOT_LEN, buf, len);
  memcpy(out, buf, SUPER_LEN);
  so_heap_free(heap, buf, len);
  return s;
}

static bool all_zero(const uint8_t *p, size_t len) {
  unsigned bits = 0;
  for (size_t i = 0; i < len; i++) {
    bits |= p[i];
  }
  return bits == 0;
}

so_status so_db_probe(const so_block *device, const so_heap *heap, so_db_found *out) {
  bool zero = true;
  *out = SO_DB_FOUND_FOREIGN;
  if (device->capacity < DATA_OFF) {
    *out = SO_DB_FOUND_EMPTY;
    return so_done();
  }
  for (unsigned slot = 0; slot < 2; slot++) {
    uint8_t bytes[SUPER_LEN];
    super_block s;
    SO_TRY(super_read(device, heap, slot, bytes));
    zero = zero && all_zero(bytes, sizeof bytes);
    const so_status parsed = so_disk_parse_super(bytes, &s);
    if (so_ok(parsed)) {
      *out = SO_DB_FOUND_OURS;
      return so_done();
    }
    if (so_is(parsed, SO_UNSUPPORTED)) {
      *out = SO_DB_FOUND_NEWER;
    } else if (so_is(parsed, SO_CORRUPT) && *out == SO_DB_FOUND_FOREIGN) {
      *out = SO_DB_FOUND_DAMAGED;
    }
  }
  *out = zero ? SO_DB_FOUND_EMPTY : *out;
  return so_done();
}

// --- format ---------------------------------------------------------------------------------

static bool power_of_two(uint32_t v) { return v != 0 && (v & (v - 1)) == 0; }

static so_status choose_layout(const so_block *device, const so_db_layout *layout,
                               super_block *out) {
  uint32_t segment_len = layout != NULL ? layout->segment_len : 0;
  uint32_t align_len = layout != NULL ? layout->align_len : 0;
  if (align_len == 0) {
    align_len = device->unit_len < 4096 ? 4096 : device->unit_len;
  }
  if (segment_len == 0) {
    // Small devices get small segments, so that index runs and the reserve do not eat them.
    segment_len = 16u << 20;
    while (segment_len > (256u << 10) && device->capacity / 64 < segment_len) {
      segment_len /= 2;
    }
  }
  if (!power_of_two(segment_len) || !power_of_two(align_len) || align_len < device->unit_len ||
      align_len < 512 || align_len > ALIGN_LEN_MAX || segment_len < SO_DB_SEGMENT_LEN_MIN ||
      segment_len > SO_DB_SEGMENT_LEN_MAX || align_len > segment_len / 16 ||
      device->capacity < DATA_OFF) {
    return fail(SO_LIMIT, SO_DB_PART_SUPERBLOCK);
  }
  const uint64_t count = (device->capacity - DATA_OFF) / segment_len;
  if (count < SEGMENT_COUNT_MIN) {
    return fail(SO_LIMIT, SO_DB_PART_SUPERBLOCK);
  }
  out->segment_len = segment_len;
  out->align_len = align_len;
  out->segment_count = count > SEGMENT_COUNT_MAX ? SEGMENT_COUNT_MAX : (uint32_t)count;
  return so_done();
}

so_status so_db_format(const so_block *device, const so_heap *heap,
                       const uint8_t seed[SO_DB_SEED_LEN], const so_db_layout *layout) {
  super_block s;
  memset(&s, 0, sizeof s);
  SO_TRY(choose_layout(device, layout, &s));
  memcpy(s.seed, seed, SO_DB_SEED_LEN);
  s.epoch = 1;
  const size_t len = device->unit_len < SUPER_LEN ? SUPER_LEN : device->unit_len;
  uint8_t *buf = (uint8_t *)so_heap_alloc_array(heap, len, 1);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status status = so_done();
  for (s.generation = 1; s.generation <= 2 && so_ok(status); s.generation++) {
    so_disk_format_super(&s, buf);
    status = so_block_write(device, (s.generation & 1) * SUPER_SLOT_LEN, so_bytes_of(buf, len));
    if (so_ok(status)) {
      status = so_block_flush(device);
    }
  }
  so_heap_free(heap, buf, len);
  return status;
}

// --- replay ---------------------------------------------------------------------------------

static so_status replay_object(so_db *db, const walked *record) {
  const record_header *h = &record->header;
  const entry e = {
      .oid = h->oid, .repo = h->repo, .stored_len = h->stored_len, .place = record->place};
  SO_TRY(so_disk_recent_reserve(&db->recent, db->heap));
  so_disk_recent_add(&db->recent, &e);
  db->stats.object_count++;
  db->stats.object_raw_len += h->raw_len;
  db->stats.object_stored_len += h->stored_len;
  return so_done();
}

// Follows the log into its next segment. `*out_more` is false when that was never begun.
static so_status replay_seal(so_db *db, walk *w, const walked *record, bool *out_more) {
  so_reader r = so_reader_of(record->payload);
  uint32_t segment = 0;
  uint32_t segseq = 0;
  if (!so_read_u32le(&r, &segment) || !so_read_u32le(&r, &segseq) || !so_reader_done(&r) ||
      segment >= db->super.segment_count || db->segment_states[segment] != SEGMENT_FREE ||
      segseq < db->log.next_segseq) {
    return fail(SO_CORRUPT, SO_DB_PART_LOG);
  }
  db->segment_states[segment] = SEGMENT_LOG;
  db->free_count--;
  db->sealed++;
  db->log.segment = segment;
  db->log.segseq = segseq;
  db->log.next_segseq = segseq + 1;
  const uint32_t epoch = w->epoch;
  so_disk_walk_release(w);
  so_disk_walk_init(w, db, segment, segseq, epoch, 0);
  const so_status s = so_disk_walk_begin(w, false);
  *out_more = so_ok(s);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status replay_record(so_db *db, walk *w, const walked *record, bool *out_more) {
  db->stats.replayed++;
  switch ((record_type)record->header.type) {
    case RECORD_OBJECT:
      return replay_object(db, record);
    case RECORD_META:
      return so_disk_meta_replay(db, record->payload);
    case RECORD_INDEX:
      SO_TRY(so_disk_run_replay(db, record));
      so_disk_recent_clear(&db->recent);
      db->indexed++;
      return so_done();
    case RECORD_MANIFEST:
      // One whose superblock was not written, or is damaged: all it says follows from the log.
      return so_done();
    case RECORD_SEAL:
      return replay_seal(db, w, record, out_more);
  }
  return fail(SO_CORRUPT, SO_DB_PART_RECORD);
}

static so_status replay(so_db *db, walk *w, bool begun) {
  bool more = begun;
  while (more) {
    walked record;
    so_status s = so_disk_walk_next(w, &record);
    if (so_is(s, SO_NOT_FOUND)) {
      break;
    }
    SO_TRY(s);
    db->dirty = true;
    SO_TRY(replay_record(db, w, &record, &more));
  }
  const so_status s = so_disk_walk_acknowledged(w);
  if (!so_ok(s) && !(so_is(s, SO_CORRUPT) && db->config.accept_loss)) {
    return s;
  }
  log_end *log = &db->log;
  log->started = w->off != 0;
  log->off = (uint32_t)align_up(w->off, db->super.align_len);
  log->end = (uint64_t)log->segseq << 32 | w->off;
  log->durable = log->end;
  db->durable_seq = db->applied_seq;
  db->epoch = (w->epoch > db->super.epoch ? w->epoch : db->super.epoch) + 1;
  return so_done();
}

// --- from a superblock to a state -----------------------------------------------------------

static so_status manifest_load(so_db *db, record_header *out, uint32_t *out_end) {
  uint8_t header[HEADER_LEN];
  const uint64_t place = db->super.manifest_place;
  SO_TRY(so_disk_device_read(db, place, header, sizeof header));
  const uint32_t off = (uint32_t)((place - DATA_OFF) % db->super.segment_len);
  if (!so_disk_parse_record(header, out) || out->type != RECORD_MANIFEST ||
      out->segseq != db->super.manifest_segseq ||
      out->stored_len > db->super.segment_len - HEADER_LEN ||
      off > db->super.segment_len - HEADER_LEN - out->stored_len || out->stored_len == 0) {
    return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
  }
  uint8_t *payload = (uint8_t *)so_heap_alloc(db->heap, out->stored_len);
  if (payload == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = so_disk_device_read(db, place + HEADER_LEN, payload, out->stored_len);
  const so_bytes bytes = so_bytes_of(payload, out->stored_len);
  if (so_ok(s) && !so_disk_record_sum_ok(&db->key, place, header, bytes)) {
    s = fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
  }
  if (so_ok(s)) {
    s = so_disk_manifest_parse(db, bytes);
  }
  so_heap_free(db->heap, payload, out->stored_len);
  *out_end = off + HEADER_LEN + out->stored_len;
  return s;
}

static so_status state_load(so_db *db) {
  log_end *log = &db->log;
  walk w;
  so_status s;
  if (db->super.manifest_place == 0) {
    log->segment = 0;
    log->segseq = 1;
    log->next_segseq = 2;
    db->segment_states[0] = SEGMENT_LOG;
    db->free_count--;
    so_disk_walk_init(&w, db, 0, 1, 1, 0);
    s = so_disk_walk_begin(&w, false);
    const bool begun = so_ok(s);
    s = so_is(s, SO_NOT_FOUND) ? so_done() : s;
    s = so_ok(s) ? replay(db, &w, begun) : s;
  } else {
    record_header h;
    uint32_t end = 0;
    SO_TRY(manifest_load(db, &h, &end));
    log->segment = (uint32_t)((db->super.manifest_place - DATA_OFF) / db->super.segment_len);
    log->segseq = h.segseq;
    if (db->segment_states[log->segment] != SEGMENT_LOG) {
      return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
    }
    const uint32_t off = (uint32_t)align_up(end, db->super.align_len);
    so_disk_walk_init(&w, db, log->segment, h.segseq, h.epoch, off);
    s = replay(db, &w, true);
  }
  so_disk_walk_release(&w);
  return s;
}

// Forgets what an attempt to load left, for the next attempt.
static void state_clear(so_db *db) {
  so_disk_run_set_release(db, db->runs);
  db->runs = NULL;
  while (db->retired != NULL) {
    run *r = db->retired;
    db->retired = r->next_retired;
    so_heap_free(db->heap, r->segments, r->segment_count * sizeof *r->segments);
    so_heap_free(db->heap, r, sizeof *r);
  }
  so_disk_overlay_release(db, db->overlay);
  db->overlay = NULL;
  so_disk_recent_clear(&db->recent);
  so_disk_log_release(db);
  if (db->segment_states != NULL) {
    memset(db->segment_states, 0, db->super.segment_count);
  }
  if (db->pages.slots != NULL) {
    memset(db->pages.slots, 0, db->pages.slot_count * sizeof *db->pages.slots);
  }
  memset(&db->stats, 0, sizeof db->stats);
  memset(&db->meta_root, 0, sizeof db->meta_root);
  db->free_count = db->super.segment_count;
  db->segment_cursor = 0;
  db->applied_seq = 0;
  db->durable_seq = 0;
  db->sealed = 0;
  db->indexed = 0;
  db->next_run_no = 1;
  db->dirty = false;
}

static so_status state_try(so_db *db, const super_block *super) {
  state_clear(db);
  db->super = *super;
  db->free_count = super->segment_count;
  db->overlay = so_disk_overlay_make(db);
  db->runs = so_disk_run_set_with(db, 0, NULL);
  if (db->overlay == NULL || db->runs == NULL) {
    return fail(SO_LIMIT, 0);
  }
  return state_load(db);
}

// --- open -----------------------------------------------------------------------------------

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

#define WRITE_LEN_STEP ((size_t)64 << 10)

// Of the memory that a machine has in all: a quarter for objects, an eighth for what finds them,
// and an eighth for what is on its way to the device.
static void hold_to_memory(so_db_config *c) {
  if (c->memory_len == 0) {
    return;
  }
  const size_t write = c->memory_len / 32 / WRITE_LEN_STEP * WRITE_LEN_STEP;
  c->cache_len = least(c->cache_len, c->memory_len / 4);
  c->index_cache_len = least(c->index_cache_len, c->memory_len / 16);
  c->recent_count = (uint32_t)least(c->recent_count, c->memory_len / 1024);
  c->write_len = least(c->write_len, write != 0 ? write : WRITE_LEN_STEP);
  c->meta_len = (uint32_t)least(c->meta_len, c->memory_len / 32);
}

static void set_defaults(so_db_config *c) {
  c->cache_len = c->cache_len != 0 ? c->cache_len : (size_t)32 << 20;
  c->index_cache_len = c->index_cache_len != 0 ? c->index_cache_len : (size_t)8 << 20;
  c->write_len = c->write_len != 0 ? c->write_len : (size_t)1 << 20;
  c->recent_count = c->recent_count != 0 ? c->recent_count : 64u << 10;
  c->meta_len = c->meta_len != 0 ? c->meta_len : 1u << 20;
  c->level = c->level != 0 ? c->level : 1;
  hold_to_memory(c);
}

// Reads both superblocks, the newest first. `*out_count` of them are whole.
static so_status supers_load(const so_db *db, super_block out[2], unsigned *out_count) {
  so_status worst = fail(SO_NOT_FOUND, SO_DB_PART_SUPERBLOCK);
  *out_count = 0;
  for (unsigned slot = 0; slot < 2; slot++) {
    uint8_t bytes[SUPER_LEN];
    SO_TRY(super_read(&db->device, db->heap, slot, bytes));
    super_block s;
    const so_status parsed = so_disk_parse_super(bytes, &s);
    if (!so_ok(parsed)) {
      worst = so_is(parsed, SO_NOT_FOUND) ? worst : parsed;
    } else if ((s.generation & 1) == slot) {
      out[(*out_count)++] = s;
    }
  }
  if (*out_count == 0) {
    return worst;
  }
  if (*out_count == 2 && out[0].generation < out[1].generation) {
    const super_block older = out[0];
    out[0] = out[1];
    out[1] = older;
  }
  return so_done();
}

static so_status geometry_check(const so_db *db, const super_block *s) {
  const uint64_t need = DATA_OFF + (uint64_t)s->segment_count * s->segment_len;
  if (need > db->device.capacity) {
    return fail(SO_LIMIT, SO_DB_PART_SUPERBLOCK);
  }
  return db->device.unit_len <= s->align_len ? so_done()
                                             : fail(SO_CORRUPT, SO_DB_PART_SUPERBLOCK);
}

static so_status memory_init(so_db *db) {
  const so_db_config *c = &db->config;
  db->segment_states = (uint8_t *)so_heap_alloc_array(db->heap, db->super.segment_count, 1);
  if (db->segment_states == NULL) {
    return fail(SO_LIMIT, 0);
  }
  SO_TRY(so_disk_page_cache_init(db, c->index_cache_len));
  SO_TRY(so_disk_cache_init(db, c->cache_len));
  SO_TRY(so_inflater_open(db->heap, &db->inflater));
  if (c->level > 0 && !c->read_only) {
    SO_TRY(so_deflater_open(db->heap, c->level, &db->deflater));
  }
  so_disk_objects_init(db);
  db->meta_tree.objects = &db->meta_objects;
  db->meta_tree.heap = db->heap;
  so_disk_derive_key(db->super.seed, "checksums", db->key.bytes, sizeof db->key.bytes);
  so_disk_derive_key(db->super.seed, "identity", db->id, sizeof db->id);
  so_disk_derive_key(db->super.seed, "meta map", db->meta_tree.salt, sizeof db->meta_tree.salt);
  return so_done();
}

// Makes sure that what was replayed is on the medium, and that nothing written from now on can be
// taken for something written before: the epoch is new.
static so_status epoch_begin(so_db *db) {
  SO_TRY(so_disk_device_flush(db));
  super_block next = db->super;
  next.generation++;
  next.epoch = db->epoch;
  SO_TRY(so_disk_super_write(db, &next));
  if (so_disk_log_can_seal(db)) {
    return so_done();
  }
  // Restarts used up the end of the segment: the log goes on elsewhere, which a checkpoint says.
  uint32_t segment = 0;
  if (!so_ok(so_disk_segment_take(db, SEGMENT_LOG, 0, &segment))) {
    return so_done();  // Full. Reading goes on.
  }
  db->log.segment = segment;
  db->log.segseq = db->log.next_segseq++;
  db->log.off = 0;
  db->log.started = false;
  db->log.end = (uint64_t)db->log.segseq << 32;
  db->log.durable = db->log.end;
  db->detached = true;
  const so_status s = so_disk_checkpoint_write(db);
  return so_is(s, SO_LIMIT) ? so_done() : s;  // Writers will try again before they write.
}

static so_status open_steps(so_db *db) {
  super_block supers[2];
  unsigned count = 0;
  SO_TRY(supers_load(db, supers, &count));
  for (unsigned i = 0; i < count; i++) {
    SO_TRY(geometry_check(db, &supers[i]));
  }
  db->super = supers[0];
  SO_TRY(memory_init(db));
  db->config.write_len = (size_t)align_up(db->config.write_len, db->super.align_len);
  so_status s = state_try(db, &supers[0]);
  if (so_is(s, SO_CORRUPT) && count == 2 && supers[1].segment_count == supers[0].segment_count &&
      memcmp(supers[0].seed, supers[1].seed, SO_DB_SEED_LEN) == 0) {
    // The checkpoint before is as good: the log has everything since.
    const so_status older = state_try(db, &supers[1]);
    s = so_ok(older) ? older : s;
    // Never take an older generation or epoch again.
    db->super.generation = supers[0].generation;
    if (db->epoch <= supers[0].epoch) {
      db->epoch = supers[0].epoch + 1;
    }
  }
  SO_TRY(s);
  return db->config.read_only ? so_done() : epoch_begin(db);
}

so_status so_db_open(const so_db_config *config, so_db **out) {
  so_db *db = (so_db *)so_heap_alloc_array(config->heap, 1, sizeof *db);
  if (db == NULL) {
    return fail(SO_LIMIT, 0);
  }
  db->config = *config;
  db->heap = config->heap;
  db->device = *config->device;
  db->config.read_only = config->read_only || config->device->read_only;
  set_defaults(&db->config);
  const so_status s = open_steps(db);
  if (!so_ok(s)) {
    so_db_abandon(db);
    return s;
  }
  *out = db;
  return so_done();
}

void so_db_abandon(so_db *db) {
  const so_heap *heap = db->heap;
  state_clear(db);
  so_disk_recent_release(&db->recent, heap);
  if (db->cache.slots != NULL) {
    so_disk_cache_release(db);
  }
  so_heap_free(heap, db->pages.slots, db->pages.slot_count * sizeof *db->pages.slots);
  so_heap_free(heap, db->pages.pages, (size_t)db->pages.slot_count * PAGE_LEN);
  so_heap_free(heap, db->segment_states, db->super.segment_count);
  so_heap_free(heap, db->scratch, db->scratch_len);
  so_inflater_close(db->inflater);
  so_deflater_close(db->deflater);
  for (unsigned i = 0; i < REPO_SLOTS; i++) {
    while (db->repos[i] != NULL) {
      repo_objects *r = db->repos[i];
      db->repos[i] = r->next;
      so_heap_free(heap, r, sizeof *r);
    }
  }
  so_heap_free(heap, db, sizeof *db);
}

so_status so_db_close(so_db *db) {
  so_status s = so_done();
  if (!db->config.read_only) {
    s = so_db_checkpoint(db);
  }
  so_db_abandon(db);
  return s;
}

// --- small ones -----------------------------------------------------------------------------

so_bytes so_db_id(const so_db *db) { return so_bytes_of(db->id, sizeof db->id); }
so_status so_db_flush(so_db *db) { return so_disk_log_flush(db); }
uint64_t so_db_applied_seq(const so_db *db) { return db->applied_seq; }
uint64_t so_db_durable_seq(const so_db *db) { return db->durable_seq; }

void so_db_get_stats(const so_db *db, so_db_stats *out) {
  *out = db->stats;
  out->capacity = db->device.capacity;
  out->segment_len = db->super.segment_len;
  out->segment_count = db->super.segment_count;
  out->free_segments = db->free_count;
  out->log_segments = 0;
  out->index_segments = 0;
  for (uint32_t i = 0; i < db->super.segment_count; i++) {
    out->log_segments += db->segment_states[i] == SEGMENT_LOG ? 1 : 0;
    out->index_segments += db->segment_states[i] == SEGMENT_INDEX ? 1 : 0;
  }
  out->run_count = db->runs->count;
  out->index_len = 0;
  for (uint32_t i = 0; i < db->runs->count; i++) {
    const run *r = db->runs->runs[i];
    out->index_len += ((uint64_t)r->guide_count + r->page_count) * PAGE_LEN;
  }
  out->checkpoints = db->super.checkpoint;
  out->cache_used = db->cache.used;
}
