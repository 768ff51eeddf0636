#include "base/reader.h"
#include "base/writer.h"
#include "store/disk/internal.h"

// A checkpoint makes all that is only in memory readable from the device, writes where everything
// is as a manifest record into the log, and then points a superblock at it.

// --- superblock -----------------------------------------------------------------------------

so_status so_disk_super_write(so_db *db, const super_block *s) {
  const size_t len = db->device.unit_len < SUPER_LEN ? SUPER_LEN : db->device.unit_len;
  uint8_t *buf = (uint8_t *)so_heap_alloc_array(db->heap, len, 1);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_disk_format_super(s, buf);
  so_status status =
      so_disk_device_write(db, (s->generation & 1) * SUPER_SLOT_LEN, so_bytes_of(buf, len));
  so_heap_free(db->heap, buf, len);
  SO_TRY(status);
  SO_TRY(so_disk_device_flush(db));
  db->super = *s;
  return so_done();
}

// --- manifest -------------------------------------------------------------------------------

#define MANIFEST_HEAD_LEN 104
#define MANIFEST_RUN_LEN 32

// The bitmap ends with the last segment in use: a file may have room for many more.
static size_t bitmap_len(const so_db *db) {
  uint32_t count = db->super.segment_count;
  while (count > 0 && db->segment_states[count - 1] != SEGMENT_LOG) {
    count--;
  }
  return (count + 7) / 8;
}

static size_t manifest_len(const so_db *db) {
  size_t len = MANIFEST_HEAD_LEN + bitmap_len(db);
  for (uint32_t i = 0; i < db->runs->count; i++) {
    len += MANIFEST_RUN_LEN + 4 * (size_t)db->runs->runs[i]->segment_count;
  }
  return len;
}

static void write_run(so_writer *w, const run *r) {
  so_write_u64le(w, r->no);
  so_write_u64le(w, r->entry_count);
  so_write_u64le(w, r->place);
  so_write_u32le(w, r->guide_count);
  so_write_u32le(w, r->segment_count);
  for (uint32_t i = 0; i < r->segment_count; i++) {
    so_write_u32le(w, r->segments[i]);
  }
}

static void write_manifest(const so_db *db, so_writer *w) {
  so_write_u64le(w, db->super.checkpoint + 1);
  so_write_u64le(w, db->applied_seq);
  so_write_bytes(w, so_bytes_of(db->meta_root.bytes, SO_OID_LEN));
  so_write_u64le(w, db->stats.object_count);
  so_write_u64le(w, db->stats.object_raw_len);
  so_write_u64le(w, db->stats.object_stored_len);
  so_write_u64le(w, db->stats.log_len);
  so_write_u64le(w, db->next_run_no);
  so_write_u32le(w, db->log.next_segseq);
  so_write_u32le(w, db->super.segment_count);
  so_write_u32le(w, db->runs->count);
  const uint32_t bits_len = (uint32_t)bitmap_len(db);
  so_write_u32le(w, bits_len);
  for (uint32_t i = 0; i < db->runs->count; i++) {
    write_run(w, db->runs->runs[i]);
  }
  for (uint32_t i = 0; i < bits_len * 8; i += 8) {
    unsigned bits = 0;
    for (uint32_t j = i; j < i + 8 && j < db->super.segment_count; j++) {
      bits |= db->segment_states[j] == SEGMENT_LOG ? 1u << (j - i) : 0;
    }
    so_write_u8(w, (uint8_t)bits);
  }
}

static so_status read_run_segments(so_db *db, so_reader *r, run *out, uint32_t count) {
  const uint64_t least = (uint64_t)(out->guide_count + (uint64_t)out->page_count) * PAGE_LEN;
  if (count > db->super.segment_count ||
      (uint64_t)count * db->super.segment_len < (count != 0 ? least : 0) ||
      (count == 0) != (out->place != 0)) {
    return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
  }
  if (count == 0) {
    return so_done();
  }
  out->segments = (uint32_t *)so_heap_alloc_array(db->heap, count, sizeof *out->segments);
  if (out->segments == NULL) {
    return fail(SO_LIMIT, 0);
  }
  out->segment_count = count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t segment = 0;
    if (!so_read_u32le(r, &segment) || segment >= db->super.segment_count ||
        db->segment_states[segment] != SEGMENT_FREE) {
      return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
    }
    out->segments[i] = segment;
    db->segment_states[segment] = SEGMENT_INDEX;
    db->free_count--;
  }
  return so_done();
}

static so_status read_run(so_db *db, so_reader *r) {
  uint64_t no = 0;
  uint64_t entries = 0;
  uint64_t place = 0;
  uint32_t guides = 0;
  uint32_t segments = 0;
  if (!so_read_u64le(r, &no) || !so_read_u64le(r, &entries) || !so_read_u64le(r, &place) ||
      !so_read_u32le(r, &guides) || !so_read_u32le(r, &segments) || !so_disk_run_no_ok(db, no) ||
      no >= db->next_run_no || entries == 0 || entries > (uint64_t)PAGE_ENTRIES << 30 ||
      entries > (uint64_t)db->super.segment_count * db->super.segment_len / ENTRY_LEN ||
      guides == 0 || guides > (1u << 28)) {
    return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
  }
  run *made = so_disk_run_make(db, no, entries);
  if (made == NULL) {
    return fail(SO_LIMIT, 0);
  }
  made->guide_count = guides;
  made->place = place;
  so_status s = read_run_segments(db, r, made, segments);
  run_set *set = so_ok(s) ? so_disk_run_set_with(db, 0, made) : NULL;
  so_disk_run_release(db, made);
  if (set == NULL) {
    return so_ok(s) ? fail(SO_LIMIT, 0) : s;
  }
  so_disk_run_set_install(db, set);
  return so_done();
}

static so_status read_bitmap(so_db *db, so_reader *r, uint32_t len) {
  if (len > (db->super.segment_count + 7) / 8) {
    return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
  }
  for (uint32_t i = 0; i < len; i++) {
    uint8_t bits = 0;
    if (!so_read_u8(r, &bits)) {
      return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
    }
    for (uint32_t j = 0; j < 8; j++) {
      const uint32_t segment = i * 8 + j;
      if ((bits & 1u << j) == 0) {
        continue;
      }
      if (segment >= db->super.segment_count || db->segment_states[segment] != SEGMENT_FREE) {
        return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
      }
      db->segment_states[segment] = SEGMENT_LOG;
      db->free_count--;
    }
  }
  return so_done();
}

so_status so_disk_manifest_parse(so_db *db, so_bytes payload) {
  so_reader r = so_reader_of(payload);
  uint64_t checkpoint = 0;
  uint32_t segments = 0;
  uint32_t runs = 0;
  uint32_t bits_len = 0;
  if (!so_read_u64le(&r, &checkpoint) || !so_read_u64le(&r, &db->applied_seq) ||
      !so_read_copy(&r, db->meta_root.bytes, SO_OID_LEN) ||
      !so_read_u64le(&r, &db->stats.object_count) ||
      !so_read_u64le(&r, &db->stats.object_raw_len) ||
      !so_read_u64le(&r, &db->stats.object_stored_len) || !so_read_u64le(&r, &db->stats.log_len) ||
      !so_read_u64le(&r, &db->next_run_no) || !so_read_u32le(&r, &db->log.next_segseq) ||
      !so_read_u32le(&r, &segments) || !so_read_u32le(&r, &runs) || !so_read_u32le(&r, &bits_len) ||
      checkpoint != db->super.checkpoint || segments != db->super.segment_count ||
      runs > RUN_COUNT_MAX) {
    return fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
  }
  for (uint32_t i = 0; i < runs; i++) {
    SO_TRY(read_run(db, &r));
  }
  SO_TRY(read_bitmap(db, &r, bits_len));
  return so_reader_done(&r) ? so_done() : fail(SO_CORRUPT, SO_DB_PART_MANIFEST);
}

// --- the meta map ---------------------------------------------------------------------------

typedef struct overlay_edits {
  const overlay *overlay;
  uint32_t next;
} overlay_edits;

static so_status next_edit(void *ctx, so_edit *out) {
  overlay_edits *edits = (overlay_edits *)ctx;
  if (edits->next == edits->overlay->count) {
    return fail(SO_NOT_FOUND, 0);
  }
  const overlay_item *item = &edits->overlay->items[edits->next++];
  memset(out, 0, sizeof *out);
  out->key = item->key;
  out->is_delete = item->is_delete;
  out->entry.type = SO_ENTRY_FILE;
  out->entry.size = item->value.len;
  out->entry.is_inline = true;
  out->entry.inline_value = item->value;
  return so_done();
}

// Moves the changes into the tree map. What is visible stays the same at every moment.
static so_status fold_overlay(so_db *db) {
  if (db->overlay->count == 0) {
    return so_done();
  }
  overlay *fresh = so_disk_overlay_make(db);
  if (fresh == NULL) {
    return fail(SO_LIMIT, 0);
  }
  overlay_edits edits = {db->overlay, 0};
  const so_edits source = {next_edit, &edits};
  so_oid root;
  const so_status s = so_tree_edit(&db->meta_tree, &db->meta_root, &source, &root);
  if (!so_ok(s)) {
    so_disk_overlay_release(db, fresh);
    return s;
  }
  overlay *old = db->overlay;
  db->meta_root = root;
  db->overlay = fresh;
  so_disk_overlay_release(db, old);
  return so_done();
}

// --- all together ---------------------------------------------------------------------------

static so_status append_manifest(so_db *db, uint64_t *out_place, uint32_t *out_segseq) {
  // It has a block to itself, so that replay can begin at the next one.
  so_disk_log_close_extent(db);
  SO_TRY(so_disk_log_ensure(db, manifest_len(db), 0));
  so_disk_log_close_extent(db);
  const size_t len = manifest_len(db);
  uint8_t *buf = (uint8_t *)so_heap_alloc(db->heap, len);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_writer w = so_writer_of(buf, len);
  write_manifest(db, &w);
  so_bytes payload = {NULL, 0};
  so_status s = so_writer_end(&w, &payload);
  if (so_ok(s)) {
    const record_header h = {.type = RECORD_MANIFEST};
    s = so_disk_log_append(db, &h, payload, 0, out_place);
  }
  so_heap_free(db->heap, buf, len);
  *out_segseq = db->log.segseq;
  so_disk_log_close_extent(db);
  return s;
}

static so_status checkpoint_steps(so_db *db) {
  SO_TRY(db->failed);
  SO_TRY(fold_overlay(db));
  SO_TRY(so_disk_log_index(db));
  const so_status merged = so_disk_runs_merge(db);
  if (!so_ok(merged) && (!so_is(merged, SO_LIMIT) || db->runs->count > RUN_COUNT_SOFT)) {
    return merged;
  }
  super_block next = db->super;
  SO_TRY(append_manifest(db, &next.manifest_place, &next.manifest_segseq));
  SO_TRY(so_disk_log_flush(db));
  next.generation++;
  next.checkpoint++;
  next.epoch = db->epoch;
  SO_TRY(so_disk_super_write(db, &next));
  db->sealed = 0;
  db->indexed = 0;
  db->dirty = false;
  db->detached = false;
  so_disk_runs_sweep_retired(db);
  return so_done();
}

so_status so_disk_checkpoint_write(so_db *db) {
  SO_ASSERT(!db->in_checkpoint);
  db->in_checkpoint = true;
  const so_status s = checkpoint_steps(db);
  db->in_checkpoint = false;
  return s;
}

so_status so_db_checkpoint(so_db *db) {
  if (db->config.read_only) {
    return fail(SO_DENIED, 0);
  }
  return db->dirty ? so_disk_checkpoint_write(db) : so_done();
}

// How much may wait for a checkpoint that does not succeed, times what is due; and how many calls
// pass before it is tried again.
#define PATIENCE 4
#define CHECKPOINT_WAIT 256

so_status so_disk_checkpoint_if_due(so_db *db) {
  const so_db_config *c = &db->config;
  if (db->in_checkpoint) {
    return so_done();
  }
  if (!db->detached && db->sealed == 0 && db->recent.count < c->recent_count &&
      db->overlay->len < c->meta_len) {
    return so_done();
  }
  const bool can_wait = !db->detached && db->sealed < PATIENCE &&
                        db->recent.count / PATIENCE < c->recent_count &&
                        db->overlay->len / PATIENCE < c->meta_len;
  if (can_wait && db->checkpoint_wait != 0) {
    db->checkpoint_wait--;
    return so_done();
  }
  const so_status s = so_disk_checkpoint_write(db);
  db->checkpoint_wait = so_ok(s) ? 0 : CHECKPOINT_WAIT;
  return so_is(s, SO_LIMIT) && can_wait ? so_done() : s;
}
