#include "store/disk/internal.h"

// The complete check. Index first: each entry's record is read, hashed, and found again through the
// guides. Then the log, record by record: everything in it must be whole and, when it is an object,
// in the index. Then the meta map.

typedef struct check {
  so_db *db;
  const so_db_fsck_visitor *visitor;
  so_db_fsck_result result;
} check;

static so_status report(check *c, so_db_part part, uint64_t offset, const entry *e,
                        const char *text) {
  so_db_damage damage;
  memset(&damage, 0, sizeof damage);
  damage.part = part;
  damage.offset = offset;
  damage.text = text;
  if (e != NULL) {
    damage.has_object = true;
    damage.repo = e->repo;
    damage.oid = e->oid;
  }
  c->result.damaged++;
  return c->visitor->damage(c->visitor->ctx, &damage);
}

// Reports a CORRUPT status; passes on any other failure.
static so_status report_corrupt(check *c, so_status s, uint64_t offset, const entry *e,
                                const char *text) {
  if (!so_is(s, SO_CORRUPT)) {
    return s;
  }
  return report(c, (so_db_part)s.detail, offset, e, text);
}

// --- superblocks ----------------------------------------------------------------------------

static so_status check_supers(check *c) {
  const so_db *db = c->db;
  const size_t len = db->device.unit_len < SUPER_LEN ? SUPER_LEN : db->device.unit_len;
  uint8_t *buf = (uint8_t *)so_heap_alloc(db->heap, len);
  if (buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = so_done();
  for (unsigned slot = 0; slot < 2 && so_ok(s); slot++) {
    const uint64_t offset = (uint64_t)slot * SUPER_SLOT_LEN;
    s = so_block_read(&db->device, offset, buf, len);
    super_block parsed;
    if (so_ok(s) && !so_ok(so_disk_parse_super(buf, &parsed))) {
      s = report(c, SO_DB_PART_SUPERBLOCK, offset, NULL, "this superblock is damaged");
    }
  }
  so_heap_free(db->heap, buf, len);
  return s;
}

// --- objects --------------------------------------------------------------------------------

static so_status check_object(check *c, const entry *e) {
  cached *object = NULL;
  const so_status s = so_disk_object_load(c->db, e, &object);
  if (!so_ok(s)) {
    return report_corrupt(c, s, e->place, e,
                          s.detail == SO_DB_PART_OBJECT ? "this object is not what its name says"
                                                        : "the record of this object is damaged");
  }
  c->result.objects++;
  so_status visited = so_done();
  if (c->visitor->object != NULL && e->repo != META_REPO) {
    visited =
        c->visitor->object(c->visitor->ctx, e->repo, &e->oid, (so_kind)object->kind, object->len);
  }
  so_disk_cache_drop(c->db, object);
  return visited;
}

static so_status check_entry(check *c, run *r, const entry *e) {
  entry found;
  memset(&found, 0, sizeof found);
  const so_status s = so_disk_run_find(c->db, r, e->repo, &e->oid, &found);
  if (so_is(s, SO_NOT_FOUND) || (so_ok(s) && found.place != e->place)) {
    SO_TRY(report(c, SO_DB_PART_INDEX,
                  so_disk_run_page_place(c->db, r, so_disk_guide_of(r->guide_count, &e->oid)), e,
                  "the index does not find this object"));
  } else if (!so_ok(s)) {
    SO_TRY(report_corrupt(
        c, s, so_disk_run_page_place(c->db, r, so_disk_guide_of(r->guide_count, &e->oid)), e,
        "the index cannot be searched for this object"));
  }
  return check_object(c, e);
}

// Goes on at the page after a damaged one.
static so_status skip_page(run_cursor *cursor) {
  cursor->page++;
  cursor->index = 0;
  cursor->loaded = 0;
  const uint64_t before = (uint64_t)(cursor->page - cursor->r->guide_count) * PAGE_ENTRIES;
  cursor->left = before < cursor->r->entry_count ? cursor->r->entry_count - before : 0;
  return so_disk_run_cursor_next(cursor);
}

static so_status step(check *c, run_cursor *cursor, so_status s) {
  while (so_is(s, SO_CORRUPT)) {
    SO_TRY(report(c, SO_DB_PART_INDEX, so_disk_run_page_place(c->db, cursor->r, cursor->page), NULL,
                  "a page of the index is damaged"));
    s = skip_page(cursor);
  }
  return s;
}

static so_status check_run_entries(check *c, run_cursor *cursor) {
  entry last;
  bool has_last = false;
  memset(&last, 0, sizeof last);
  while (!cursor->at_end) {
    if (has_last && so_disk_entry_compare(&last, &cursor->now) >= 0) {
      SO_TRY(report(c, SO_DB_PART_INDEX, so_disk_run_page_place(c->db, cursor->r, cursor->page),
                    &cursor->now, "entries of the index are out of order"));
    }
    last = cursor->now;
    has_last = true;
    SO_TRY(check_entry(c, cursor->r, &last));
    SO_TRY(step(c, cursor, so_disk_run_cursor_next(cursor)));
  }
  return so_done();
}

static so_status check_run(check *c, run *r) {
  run_cursor cursor;
  so_status s = so_disk_run_cursor_open(&cursor, c->db, r);
  if (so_is(s, SO_CORRUPT)) {
    // Opening failed in the first pages: begin by hand, so that the rest is seen.
    memset(&cursor, 0, sizeof cursor);
    cursor.db = c->db;
    cursor.r = r;
    cursor.page = r->guide_count;
    cursor.left = r->entry_count;
    cursor.buf = (uint8_t *)so_heap_alloc(c->db->heap, RUN_BUFFER_PAGES * PAGE_LEN);
    if (cursor.buf == NULL) {
      return fail(SO_LIMIT, 0);
    }
    r->refs++;
    s = step(c, &cursor, so_disk_run_cursor_next(&cursor));
  }
  SO_TRY(s);
  s = check_run_entries(c, &cursor);
  so_disk_run_cursor_close(&cursor);
  return s;
}

static so_status check_index(check *c) {
  run_set *set = so_disk_run_set_take(c->db);
  so_status s = so_done();
  for (uint32_t i = 0; i < set->count && so_ok(s); i++) {
    s = check_run(c, set->runs[i]);
  }
  so_disk_run_set_release(c->db, set);
  for (uint32_t i = 0; so_ok(s) && i < c->db->recent.count; i++) {
    const entry e = c->db->recent.items[i];
    s = check_object(c, &e);
  }
  return s;
}

// --- the log --------------------------------------------------------------------------------

static so_status check_record(check *c, const walked *record) {
  c->result.records++;
  if (record->header.type != RECORD_OBJECT) {
    return so_done();
  }
  entry e;
  const so_status s = so_disk_locate(c->db, record->header.repo, &record->header.oid, &e);
  if (!so_is(s, SO_NOT_FOUND)) {
    return so_is(s, SO_CORRUPT) ? so_done() : s;  // A damaged index was reported already.
  }
  e = (entry){.oid = record->header.oid, .repo = record->header.repo};
  return report(c, SO_DB_PART_INDEX, record->place, &e, "this object is not in the index");
}

// Moves to the next block after damage: one that says that more had been acknowledged, or one of a
// later opening. What a crash left behind is neither. NOT_FOUND: none follows.
static so_status walk_resume(walk *w, uint32_t limit) {
  const uint32_t align = w->db->super.align_len;
  const uint32_t start = (uint32_t)align_up(w->off + 1, align);
  const uint64_t end = (uint64_t)w->segseq << 32 | w->off;
  w->block_end = 0;
  for (uint32_t off = start; off < limit; off += align) {
    w->off = off;
    block_header h;
    bool valid = false;
    SO_TRY(so_disk_walk_block_at(w, &h, &valid));
    if (valid && (h.epoch > w->epoch || (h.epoch == w->epoch && h.durable > end))) {
      return so_done();
    }
  }
  return fail(SO_NOT_FOUND, 0);
}

// `known_end`: records go at least this far; `limit`: and nothing of ours is from here on.
static so_status check_segment_records(check *c, walk *w, uint32_t known_end, uint32_t limit) {
  for (;;) {
    walked record;
    so_status s = so_disk_walk_next(w, &record);
    if (so_ok(s)) {
      SO_TRY(check_record(c, &record));
      if (record.header.type == RECORD_SEAL) {
        return so_done();  // What may follow was left by a crash.
      }
      continue;
    }
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
    const uint32_t off = w->off;
    const uint64_t place = so_disk_segment_place(c->db, w->segment) + off;
    s = walk_resume(w, limit);
    if (!so_ok(s) && !so_is(s, SO_NOT_FOUND)) {
      return s;
    }
    if (so_ok(s) || off < known_end) {
      SO_TRY(report(c, SO_DB_PART_RECORD, place, NULL, "the log is damaged here"));
    }
    if (!so_ok(s)) {
      return so_done();
    }
  }
}

static so_status check_segment(check *c, uint32_t segment) {
  walk w;
  so_disk_walk_init(&w, c->db, segment, 0, 1, 0);
  so_status s = so_disk_walk_begin(&w, true);
  const bool unused = segment == c->db->log.segment && !c->db->log.started;
  uint32_t known_end = 0;
  uint32_t limit = c->db->super.segment_len;
  if (segment == c->db->log.segment && (c->db->log.durable >> 32) == c->db->log.segseq) {
    known_end = (uint32_t)c->db->log.durable;
    limit = (uint32_t)align_up(known_end, c->db->super.align_len);
  }
  if (so_ok(s)) {
    s = check_segment_records(c, &w, known_end, limit);
  } else if (so_is(s, SO_NOT_FOUND)) {
    s = unused ? so_done()
               : report(c, SO_DB_PART_SEGMENT, so_disk_segment_place(c->db, segment), NULL,
                        "the header of this segment is damaged");
  }
  so_disk_walk_release(&w);
  return s;
}

static so_status check_log(check *c) {
  for (uint32_t i = 0; i < c->db->super.segment_count; i++) {
    if (c->db->segment_states[i] == SEGMENT_LOG) {
      SO_TRY(check_segment(c, i));
    }
  }
  return so_done();
}

// --- the meta map ---------------------------------------------------------------------------

static so_status check_meta(check *c) {
  so_meta_scan *scan = NULL;
  const so_bytes none = {NULL, 0};
  so_status s = so_db_meta_scan(c->db, none, none, &scan);
  if (so_ok(s)) {
    so_bytes key;
    so_bytes value;
    do {
      s = so_db_meta_next(scan, &key, &value);
    } while (so_ok(s));
    so_db_meta_scan_close(scan);
  }
  if (so_is(s, SO_NOT_FOUND)) {
    return so_done();
  }
  if (so_is(s, SO_CORRUPT)) {
    return report(c, SO_DB_PART_META, 0, NULL, "the meta map cannot be read");
  }
  return s;
}

so_status so_db_fsck(so_db *db, const so_db_fsck_visitor *visitor, so_db_fsck_result *out) {
  check c = {.db = db, .visitor = visitor};
  memset(&c.result, 0, sizeof c.result);
  if (!db->config.read_only && so_ok(db->failed)) {
    SO_TRY(so_disk_log_flush(db));  // The walk reads the device.
  }
  SO_TRY(check_supers(&c));
  SO_TRY(check_index(&c));
  SO_TRY(check_log(&c));
  SO_TRY(check_meta(&c));
  *out = c.result;
  return so_done();
}
