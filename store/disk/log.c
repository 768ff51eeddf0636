#include "base/writer.h"
#include "store/disk/internal.h"

// The log grows in blocks. A block is gathered in an extent in memory, closed by a flush or by
// being full, and written once to where nothing was written since the segment was taken.
//
// Two fibers may write the same extent at the same time (a writer that needs room, a flush that
// cannot wait for it). That is harmless: both write the same bytes to the same place.

// Room for the seal, its block, and a few blocks lost to restarts.
#define TAIL_BLOCKS 8

static uint64_t position(uint32_t segseq, uint64_t off) { return (uint64_t)segseq << 32 | off; }

// --- room -----------------------------------------------------------------------------------

static uint64_t end_off(const so_db *db) {
  const extent *e = db->log.open;
  return e == NULL ? (uint64_t)db->log.off : (uint64_t)e->segment_off + e->len;
}

// What the end of a segment needs besides: the index of its objects and the seal.
static uint64_t tail_len(const so_db *db) {
  return (uint64_t)db->super.align_len * TAIL_BLOCKS +
         so_disk_run_len((uint64_t)db->recent.count + 1) + 4 * HEADER_LEN + SEAL_LEN;
}

bool so_disk_log_has_room(const so_db *db, size_t payload_len) {
  uint64_t off = end_off(db);
  if (db->log.open == NULL) {
    off += HEADER_LEN + (db->log.started ? 0 : db->super.align_len);
  }
  off = align_up(off + HEADER_LEN + payload_len, db->super.align_len);
  return off + tail_len(db) <= db->super.segment_len;
}

bool so_disk_log_can_seal(const so_db *db) {
  const uint64_t align = db->super.align_len;
  const uint32_t count = db->recent.count;
  uint64_t off = end_off(db) + (db->log.started ? 0 : align) + HEADER_LEN;
  if (count != 0) {
    off = align_up(off + HEADER_LEN + so_disk_run_len(count), align) + HEADER_LEN;
  }
  return align_up(off + HEADER_LEN + SEAL_LEN, align) <= db->super.segment_len;
}

// --- extents --------------------------------------------------------------------------------

static void extent_free(so_db *db, extent *e) {
  if (e->cap == db->config.write_len && db->log.spare == NULL) {
    db->log.spare = e->buf;
  } else {
    so_heap_free(db->heap, e->buf, e->cap);
  }
  so_heap_free(db->heap, e, sizeof *e);
}

static void drop_written(so_db *db) {
  log_end *log = &db->log;
  while (log->first != NULL && log->first->written && log->first->refs == 0) {
    extent *e = log->first;
    log->first = e->next;
    if (log->first == NULL) {
      log->last = NULL;
    }
    extent_free(db, e);
  }
}

void so_disk_log_release(so_db *db) {
  log_end *log = &db->log;
  while (log->first != NULL) {
    extent *e = log->first;
    log->first = e->next;
    so_heap_free(db->heap, e->buf, e->cap);
    so_heap_free(db->heap, e, sizeof *e);
  }
  if (log->spare != NULL) {
    so_heap_free(db->heap, log->spare, db->config.write_len);
  }
  memset(log, 0, sizeof *log);
}

static uint8_t *extent_buffer(so_db *db, size_t cap) {
  if (cap == db->config.write_len && db->log.spare != NULL) {
    uint8_t *buf = db->log.spare;
    db->log.spare = NULL;
    return buf;
  }
  return (uint8_t *)so_heap_alloc(db->heap, cap);
}

// Opens an extent with room for a record of `len` payload bytes.
static so_status extent_open(so_db *db, size_t len) {
  log_end *log = &db->log;
  const uint32_t align = db->super.align_len;
  const size_t head = log->started ? 0 : align;
  size_t cap = (size_t)align_up((uint64_t)head + 2 * HEADER_LEN + len, align);
  cap = cap < db->config.write_len ? db->config.write_len : cap;
  extent *e = (extent *)so_heap_alloc_array(db->heap, 1, sizeof *e);
  if (e == NULL) {
    return fail(SO_LIMIT, 0);
  }
  e->buf = extent_buffer(db, cap);
  if (e->buf == NULL) {
    so_heap_free(db->heap, e, sizeof *e);
    return fail(SO_LIMIT, 0);
  }
  e->cap = cap;
  e->segment_off = log->off;
  e->segseq = log->segseq;
  e->place = so_disk_segment_place(db, log->segment) + log->off;
  e->block_off = head;
  if (head != 0) {
    memset(e->buf, 0, head);
    so_disk_format_segment(&db->key, log->segment, log->segseq, db->epoch, e->buf);
    log->started = true;
  }
  e->len = head + HEADER_LEN;
  if (log->last == NULL) {
    log->first = e;
  } else {
    log->last->next = e;
  }
  log->last = e;
  log->open = e;
  return so_done();
}

void so_disk_log_close_extent(so_db *db) {
  log_end *log = &db->log;
  extent *e = log->open;
  if (e == NULL) {
    return;
  }
  const block_header h = {
      .used = (uint32_t)(e->len - e->block_off),
      .epoch = db->epoch,
      .segseq = e->segseq,
      .durable = log->durable,
  };
  so_disk_format_block(&db->key, e->place + e->block_off, &h, e->buf + e->block_off);
  const size_t len = (size_t)align_up(e->len, db->super.align_len);
  memset(e->buf + e->len, 0, len - e->len);
  e->len = len;
  e->closed = true;
  log->off = e->segment_off + (uint32_t)len;
  log->open = NULL;
  db->stats.log_len += len;
}

// Writes every closed extent that was not written yet, oldest first. Suspends.
so_status so_disk_log_write_pending(so_db *db) {
  extent *e = db->log.first;
  so_status s = so_done();
  while (e != NULL && e->closed && so_ok(s)) {
    if (!e->written) {
      e->refs++;
      s = so_disk_device_write(db, e->place, so_bytes_of(e->buf, e->len));
      e->refs--;
      e->written = e->written || so_ok(s);
    }
    e = e->next;  // Still listed: those before a referenced extent may go, it may not.
    // The reference is gone now, but nothing ran since.
  }
  drop_written(db);
  return s;
}

static size_t unwritten_len(const so_db *db) {
  size_t len = 0;
  for (const extent *e = db->log.first; e != NULL; e = e->next) {
    len += e->closed && !e->written ? e->len : 0;
  }
  return len;
}

// --- appending ------------------------------------------------------------------------------

// Makes an extent with room in the present segment, which must have it. Suspends.
static so_status extent_ensure(so_db *db, size_t payload_len) {
  extent *e = db->log.open;
  if (e != NULL && e->cap - e->len >= HEADER_LEN + payload_len) {
    return so_done();
  }
  if (e != NULL) {
    so_disk_log_close_extent(db);
    SO_TRY(so_disk_log_write_pending(db));
  } else if (unwritten_len(db) > 2 * db->config.write_len) {
    SO_TRY(so_disk_log_write_pending(db));
  }
  // A flush that ran meanwhile cannot have opened one: only writers do.
  return extent_open(db, payload_len);
}

static so_status append_here(so_db *db, const record_header *header, so_bytes payload,
                             uint64_t *out_place) {
  SO_TRY(extent_ensure(db, payload.len));
  extent *e = db->log.open;
  SO_ASSERT(e != NULL);
  if ((uint64_t)e->segment_off + align_up(e->len + HEADER_LEN + payload.len, db->super.align_len) >
      db->super.segment_len) {
    return fail(SO_LIMIT, 0);  // Only after failures that used up the end: an open starts afresh.
  }
  record_header h = *header;
  h.stored_len = (uint32_t)payload.len;
  h.epoch = db->epoch;
  h.segseq = e->segseq;
  *out_place = e->place + e->len;
  so_disk_format_record(&db->key, *out_place, &h, payload, e->buf + e->len);
  if (payload.len != 0) {
    memcpy(e->buf + e->len + HEADER_LEN, payload.ptr, payload.len);
  }
  e->len += HEADER_LEN + payload.len;
  db->log.end = position(e->segseq, (uint64_t)e->segment_off + e->len);
  db->dirty = true;
  return so_done();
}

// The pages of the run over all recent objects, in heap memory of run_len bytes.
static so_status index_pages(so_db *db, uint64_t no, uint8_t **out) {
  const uint32_t count = db->recent.count;
  uint32_t *order = NULL;
  SO_TRY(so_disk_recent_sorted(&db->recent, db->heap, &order));
  uint8_t *pages = (uint8_t *)so_heap_alloc(db->heap, so_disk_run_len(count));
  if (pages != NULL) {
    so_disk_run_format(&db->key, no, db->recent.items, order, count, pages);
  }
  so_heap_free(db->heap, order, count * sizeof *order);
  *out = pages;
  return pages != NULL ? so_done() : fail(SO_LIMIT, 0);
}

// All memory is taken before the record is appended, so that a failure wastes no log.
so_status so_disk_log_index(so_db *db) {
  const uint32_t count = db->recent.count;
  if (count == 0) {
    return so_done();
  }
  if (db->indexed == INDEXED_MAX) {
    return fail(SO_LIMIT, 0);  // Checkpoints fail again and again.
  }
  const uint64_t no = db->next_run_no;
  run *r = so_disk_run_make(db, no, count);
  run_set *set = r != NULL ? so_disk_run_set_with(db, 0, r) : NULL;
  uint8_t *pages = NULL;
  so_status s = set != NULL ? index_pages(db, no, &pages) : fail(SO_LIMIT, 0);
  if (so_ok(s)) {
    record_header h = {.type = RECORD_INDEX, .raw_len = count};
    so_writer w = so_writer_of(h.oid.bytes, SO_OID_LEN);
    so_write_u64le(&w, no);
    uint64_t place = 0;
    s = append_here(db, &h, so_bytes_of(pages, so_disk_run_len(count)), &place);
    r->place = place + HEADER_LEN;
    so_heap_free(db->heap, pages, so_disk_run_len(count));
  }
  if (!so_ok(s)) {
    so_disk_run_set_release(db, set);
    so_disk_run_release(db, r);
    return s;
  }
  so_disk_run_release(db, r);  // The set holds it.
  so_disk_run_set_install(db, set);
  db->next_run_no++;
  db->indexed++;
  so_disk_recent_clear(&db->recent);
  return so_done();
}

so_status so_disk_log_roll(so_db *db, uint32_t reserve) {
  uint32_t segment = 0;
  SO_TRY(so_disk_segment_take(db, SEGMENT_LOG, reserve, &segment));
  so_status s = so_disk_log_index(db);
  if (so_ok(s)) {
    uint8_t payload[SEAL_LEN];
    so_writer w = so_writer_of(payload, sizeof payload);
    so_write_u32le(&w, segment);
    so_write_u32le(&w, db->log.next_segseq);
    const record_header h = {.type = RECORD_SEAL};
    uint64_t place = 0;
    s = append_here(db, &h, so_writer_bytes(&w), &place);
  }
  if (!so_ok(s)) {
    so_disk_segment_give(db, segment);
    return s;
  }
  so_disk_log_close_extent(db);
  db->log.segment = segment;
  db->log.segseq = db->log.next_segseq++;
  db->log.off = 0;
  db->log.started = false;
  db->sealed++;
  return so_done();
}

so_status so_disk_log_ensure(so_db *db, size_t len, uint32_t reserve) {
  if (len > db->super.segment_len / 2) {
    const uint64_t least = (uint64_t)db->super.align_len * (TAIL_BLOCKS + 2) + 8 * HEADER_LEN +
                           so_disk_run_len(1) + SEAL_LEN;
    if (len + least > db->super.segment_len) {
      return fail(SO_LIMIT, 0);
    }
  }
  if (so_disk_log_has_room(db, len)) {
    return so_done();
  }
  SO_TRY(so_disk_log_roll(db, reserve));
  return so_disk_log_has_room(db, len) ? so_done() : fail(SO_LIMIT, 0);
}

so_status so_disk_log_append(so_db *db, const record_header *h, so_bytes payload, uint32_t reserve,
                             uint64_t *out_place) {
  SO_TRY(db->failed);
  SO_TRY(so_disk_log_ensure(db, payload.len, reserve));
  return append_here(db, h, payload, out_place);
}

// --- durability -----------------------------------------------------------------------------

so_status so_disk_log_flush(so_db *db) {
  SO_TRY(db->failed);
  const uint64_t end = db->log.end;
  const uint64_t seq = db->applied_seq;
  if (end == db->log.durable) {
    return so_done();
  }
  so_disk_log_close_extent(db);
  SO_TRY(so_disk_log_write_pending(db));
  SO_TRY(so_disk_device_flush(db));
  if (db->log.durable < end) {
    db->log.durable = end;
  }
  if (db->durable_seq < seq) {
    db->durable_seq = seq;
  }
  return so_done();
}
