#include "base/reader.h"
#include "base/sort.h"
#include "base/writer.h"
#include "store/disk/internal.h"

// The meta map: a tree map as of the last checkpoint, and above it the changes since.
//
// A change is one META record: seq (8), count (4), then for each operation flags (1), key and, when
// it is a put, value, both with a varint length. The record is there as a whole or not at all, and
// so is the change.

#define FLAG_DELETE 1
#define RECORD_HEAD_LEN 12

// --- reading --------------------------------------------------------------------------------

static so_status entry_value(const so_entry *e, so_bytes *out) {
  if (!e->is_inline || e->type != SO_ENTRY_FILE) {
    return fail(SO_CORRUPT, SO_DB_PART_META);
  }
  *out = e->inline_value;
  return so_done();
}

so_status so_db_meta_get(so_db *db, so_bytes key, so_arena *arena, so_bytes *out) {
  const overlay *o = db->overlay;
  const uint32_t at = so_disk_overlay_lower(o, key);
  if (at < o->count && so_bytes_equal(o->items[at].key, key)) {
    return o->items[at].is_delete ? fail(SO_NOT_FOUND, 0)
                                  : so_arena_copy(arena, o->items[at].value, out);
  }
  if (so_oid_is_none(&db->meta_root) || key.len == 0) {
    return fail(SO_NOT_FOUND, 0);
  }
  const so_oid root = db->meta_root;  // A checkpoint may move on meanwhile.
  so_entry e;
  SO_TRY(so_tree_get(&db->meta_tree, &root, key, arena, &e));
  return entry_value(&e, out);
}

// --- changing -------------------------------------------------------------------------------

static so_status check_limits(const so_db *db, const so_meta_op *ops, size_t count) {
  const size_t len_max =
      db->super.segment_len / 8 < SO_DB_OPS_LEN_MAX ? db->super.segment_len / 8 : SO_DB_OPS_LEN_MAX;
  size_t len = 0;
  if (count > SO_DB_OPS_MAX) {
    return fail(SO_LIMIT, SO_DB_PART_META);
  }
  for (size_t i = 0; i < count; i++) {
    const so_meta_op *op = &ops[i];
    if (op->key.len == 0) {
      return fail(SO_MALFORMED, SO_DB_PART_META);
    }
    const size_t value_len = op->is_delete || op->is_check ? 0 : op->value.len;
    if (op->key.len > SO_DB_KEY_LEN_MAX || value_len > SO_DB_VALUE_LEN_MAX) {
      return fail(SO_LIMIT, SO_DB_PART_META);
    }
    len += op->key.len + value_len + 8;
  }
  return len <= len_max ? so_done() : fail(SO_LIMIT, SO_DB_PART_META);
}

static int compare_ops(void *ctx, const void *a, const void *b) {
  const so_meta_op *ops = (const so_meta_op *)ctx;
  return so_bytes_compare(ops[*(const uint32_t *)a].key, ops[*(const uint32_t *)b].key);
}

static so_status check_distinct(const so_db *db, const so_meta_op *ops, size_t count) {
  if (count < 2) {
    return so_done();
  }
  uint32_t *order = (uint32_t *)so_heap_alloc(db->heap, count * sizeof *order);
  if (order == NULL) {
    return fail(SO_LIMIT, 0);
  }
  for (uint32_t i = 0; i < count; i++) {
    order[i] = i;
  }
  union {
    const so_meta_op *from;
    void *to;
  } ctx = {ops};
  so_sort(order, count, sizeof *order, compare_ops, ctx.to);
  bool distinct = true;
  for (size_t i = 1; i < count; i++) {
    distinct = distinct && !so_bytes_equal(ops[order[i - 1]].key, ops[order[i]].key);
  }
  so_heap_free(db->heap, order, count * sizeof *order);
  return distinct ? so_done() : fail(SO_MALFORMED, SO_DB_PART_META);
}

static so_status check_expected(so_db *db, const so_meta_op *op) {
  if (!op->has_expected && !op->expects_absence) {
    return so_done();
  }
  so_arena arena;
  so_arena_init(&arena, db->heap, 256u << 10);
  so_bytes now = {NULL, 0};
  so_status s = so_db_meta_get(db, op->key, &arena, &now);
  if (so_is(s, SO_NOT_FOUND)) {
    s = op->expects_absence ? so_done() : fail(SO_CONFLICT, 0);
  } else if (so_ok(s)) {
    const bool holds = op->has_expected && so_bytes_equal(now, op->expected);
    s = holds ? s : fail(SO_CONFLICT, 0);
  }
  so_arena_release(&arena);
  return s;
}

static void write_ops(so_buf *out, uint64_t seq, const so_meta_op *ops, size_t count,
                      uint32_t changes) {
  uint8_t head[RECORD_HEAD_LEN];
  so_writer w = so_writer_of(head, sizeof head);
  so_write_u64le(&w, seq);
  so_write_u32le(&w, changes);
  so_buf_append(out, so_writer_bytes(&w));
  for (size_t i = 0; i < count; i++) {
    if (ops[i].is_check) {
      continue;
    }
    so_buf_append_u8(out, ops[i].is_delete ? FLAG_DELETE : 0);
    so_buf_append_varint(out, ops[i].key.len);
    so_buf_append(out, ops[i].key);
    if (!ops[i].is_delete) {
      so_buf_append_varint(out, ops[i].value.len);
      so_buf_append(out, ops[i].value);
    }
  }
}

// Decodes the operations of a record into `items` (their bytes in the overlay's arena).
static so_status read_ops(overlay *o, so_bytes payload, uint64_t *out_seq, overlay_item *items,
                          uint32_t count) {
  so_reader r = so_reader_of(payload);
  uint32_t stored_count = 0;
  if (!so_read_u64le(&r, out_seq) || !so_read_u32le(&r, &stored_count) || stored_count != count) {
    return fail(SO_CORRUPT, SO_DB_PART_META);
  }
  for (uint32_t i = 0; i < count; i++) {
    uint8_t flags = 0;
    overlay_item *item = &items[i];
    if (!so_read_u8(&r, &flags) || flags > FLAG_DELETE || !so_read_varbytes(&r, &item->key) ||
        item->key.len == 0 || item->key.len > SO_DB_KEY_LEN_MAX) {
      return fail(SO_CORRUPT, SO_DB_PART_META);
    }
    item->is_delete = flags == FLAG_DELETE;
    item->value = so_bytes_of(NULL, 0);
    if (!item->is_delete &&
        (!so_read_varbytes(&r, &item->value) || item->value.len > SO_DB_VALUE_LEN_MAX)) {
      return fail(SO_CORRUPT, SO_DB_PART_META);
    }
    SO_TRY(so_arena_copy(&o->arena, item->key, &item->key));
    SO_TRY(so_arena_copy(&o->arena, item->value, &item->value));
  }
  return so_reader_done(&r) ? so_done() : fail(SO_CORRUPT, SO_DB_PART_META);
}

// Appends the record and makes it visible. Whatever can fail comes before the append.
static so_status apply_record(so_db *db, so_bytes payload, uint32_t count) {
  overlay *o = db->overlay;
  overlay_item *items = (overlay_item *)so_heap_alloc_array(db->heap, count, sizeof *items);
  if (items == NULL) {
    return fail(SO_LIMIT, 0);
  }
  const so_arena_mark mark = so_arena_save(&o->arena);
  uint64_t seq = 0;
  so_status s = so_disk_overlay_reserve(db, o, count);
  if (so_ok(s)) {
    s = read_ops(o, payload, &seq, items, count);
  }
  if (so_ok(s)) {
    const record_header h = {.type = RECORD_META, .raw_len = count};
    uint64_t place = 0;
    s = so_disk_log_append(db, &h, payload, 0, &place);
  }
  if (so_ok(s)) {
    for (uint32_t i = 0; i < count; i++) {
      so_disk_overlay_set(o, &items[i]);
    }
    db->applied_seq = seq;
  } else {
    so_arena_rewind(&o->arena, mark);
  }
  so_heap_free(db->heap, items, count * sizeof *items);
  return s;
}

so_status so_db_meta_apply(so_db *db, const so_meta_op *ops, size_t count, uint64_t *out_seq,
                           size_t *out_failed) {
  SO_TRY(db->failed);
  if (db->config.read_only) {
    return fail(SO_DENIED, 0);
  }
  SO_TRY(check_limits(db, ops, count));
  SO_TRY(check_distinct(db, ops, count));
  SO_TRY(so_disk_checkpoint_if_due(db));
  uint32_t changes = 0;
  for (size_t i = 0; i < count; i++) {
    const so_status s = check_expected(db, &ops[i]);
    if (so_is(s, SO_CONFLICT) && out_failed != NULL) {
      *out_failed = i;
    }
    SO_TRY(s);
    changes += ops[i].is_check ? 0 : 1;
  }
  if (changes != 0) {
    so_buf record;
    so_buf_init(&record, db->heap, SO_DB_OPS_LEN_MAX + SO_DB_OPS_MAX * 16 + RECORD_HEAD_LEN);
    write_ops(&record, db->applied_seq + 1, ops, count, changes);
    so_bytes payload = {NULL, 0};
    so_status s = so_buf_end(&record, &payload);
    if (so_ok(s)) {
      s = apply_record(db, payload, changes);
    }
    so_buf_release(&record);
    SO_TRY(s);
  }
  if (out_seq != NULL) {
    *out_seq = db->applied_seq;
  }
  return so_done();
}

// meta_replay applies a META record that was found in the log.
so_status so_disk_meta_replay(so_db *db, so_bytes payload) {
  so_reader r = so_reader_of(payload);
  uint64_t seq = 0;
  uint32_t count = 0;
  if (!so_read_u64le(&r, &seq) || !so_read_u32le(&r, &count) || count == 0 ||
      count > SO_DB_OPS_MAX || seq != db->applied_seq + 1) {
    return fail(SO_CORRUPT, SO_DB_PART_META);
  }
  overlay *o = db->overlay;
  overlay_item *items = (overlay_item *)so_heap_alloc_array(db->heap, count, sizeof *items);
  if (items == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = so_disk_overlay_reserve(db, o, count);
  if (so_ok(s)) {
    s = read_ops(o, payload, &seq, items, count);
  }
  for (uint32_t i = 0; so_ok(s) && i < count; i++) {
    so_disk_overlay_set(o, &items[i]);
  }
  db->applied_seq = so_ok(s) ? seq : db->applied_seq;
  so_heap_free(db->heap, items, count * sizeof *items);
  return s;
}

// --- scanning -------------------------------------------------------------------------------

struct so_meta_scan {
  so_db *db;
  overlay *overlay;     // Keeps the bytes of `items`.
  overlay_item *items;  // Those with the prefix.
  uint32_t count;
  uint32_t index;
  so_oid root;
  bool cursor_open;
  bool step_tree;  // The key given last came from there: move before the next.
  bool step_items;
  so_status failed;
  size_t prefix_len;
  uint8_t prefix[SO_DB_KEY_LEN_MAX];
  uint8_t start[SO_DB_KEY_LEN_MAX + 1];
  so_cursor cursor;
};

static so_bytes prefix_of(const so_meta_scan *scan) {
  return so_bytes_of(scan->prefix, scan->prefix_len);
}

static so_status copy_items(so_meta_scan *scan) {
  const overlay *o = scan->overlay;
  const uint32_t first = so_disk_overlay_lower(o, prefix_of(scan));
  uint32_t end = first;
  while (end < o->count && so_bytes_has_prefix(o->items[end].key, prefix_of(scan))) {
    end++;
  }
  scan->count = end - first;
  if (scan->count == 0) {
    return so_done();
  }
  scan->items =
      (overlay_item *)so_heap_alloc_array(scan->db->heap, scan->count, sizeof *scan->items);
  if (scan->items == NULL) {
    return fail(SO_LIMIT, 0);
  }
  memcpy(scan->items, o->items + first, scan->count * sizeof *scan->items);
  return so_done();
}

static so_status scan_seek(so_meta_scan *scan, so_bytes key) {
  if (scan->cursor_open) {
    so_cursor_close(&scan->cursor);
    scan->cursor_open = false;
  }
  scan->step_tree = false;
  scan->step_items = false;
  scan->index = 0;
  while (scan->index < scan->count && so_bytes_compare(scan->items[scan->index].key, key) < 0) {
    scan->index++;
  }
  if (!so_oid_is_none(&scan->root)) {
    SO_TRY(so_cursor_seek(&scan->cursor, &scan->db->meta_tree, &scan->root, key));
    scan->cursor_open = true;
  }
  return so_done();
}

so_status so_db_meta_scan(so_db *db, so_bytes prefix, so_bytes after, so_meta_scan **out) {
  if (prefix.len > SO_DB_KEY_LEN_MAX || after.len > SO_DB_KEY_LEN_MAX) {
    return fail(SO_LIMIT, SO_DB_PART_META);
  }
  so_meta_scan *scan = (so_meta_scan *)so_heap_alloc_array(db->heap, 1, sizeof *scan);
  if (scan == NULL) {
    return fail(SO_LIMIT, 0);
  }
  scan->db = db;
  scan->overlay = db->overlay;
  scan->overlay->refs++;
  scan->root = db->meta_root;
  scan->prefix_len = prefix.len;
  if (prefix.len != 0) {
    memcpy(scan->prefix, prefix.ptr, prefix.len);
  }
  // The first key after `after` is itself with a zero byte.
  so_bytes start = prefix;
  if (after.len != 0 && so_bytes_compare(after, prefix) >= 0) {
    memcpy(scan->start, after.ptr, after.len);
    start = so_bytes_of(scan->start, after.len + 1);
  }
  so_status s = copy_items(scan);
  if (so_ok(s)) {
    s = scan_seek(scan, start);
  }
  if (!so_ok(s)) {
    so_db_meta_scan_close(scan);
    return s;
  }
  *out = scan;
  return so_done();
}

so_status so_db_meta_seek(so_meta_scan *scan, so_bytes key) {
  if (key.len > SO_DB_KEY_LEN_MAX) {
    return fail(SO_LIMIT, SO_DB_PART_META);
  }
  scan->failed =
      scan_seek(scan, so_bytes_compare(key, prefix_of(scan)) < 0 ? prefix_of(scan) : key);
  return scan->failed;
}

static so_status scan_step(so_meta_scan *scan) {
  if (scan->step_items) {
    scan->index++;
    scan->step_items = false;
  }
  if (scan->step_tree) {
    scan->step_tree = false;
    SO_TRY(so_cursor_next(&scan->cursor));
  }
  return so_done();
}

static so_status scan_next(so_meta_scan *scan, so_bytes *out_key, so_bytes *out_value) {
  for (;;) {
    SO_TRY(scan_step(scan));
    const so_cursor *c = &scan->cursor;
    const bool in_tree =
        scan->cursor_open && !c->at_end && so_bytes_has_prefix(c->key, prefix_of(scan));
    const overlay_item *item = scan->index < scan->count ? &scan->items[scan->index] : NULL;
    if (!in_tree && item == NULL) {
      return fail(SO_NOT_FOUND, 0);
    }
    const int order = !in_tree ? -1 : item == NULL ? 1 : so_bytes_compare(item->key, c->key);
    scan->step_items = order <= 0;
    scan->step_tree = order >= 0;
    if (order > 0) {
      *out_key = c->key;
      return entry_value(&c->entry, out_value);
    }
    if (!item->is_delete) {
      *out_key = item->key;
      *out_value = item->value;
      return so_done();
    }
  }
}

so_status so_db_meta_next(so_meta_scan *scan, so_bytes *out_key, so_bytes *out_value) {
  SO_TRY(scan->failed);
  const so_status s = scan_next(scan, out_key, out_value);
  if (!so_ok(s) && !so_is(s, SO_NOT_FOUND)) {
    scan->failed = s;
  }
  return s;
}

void so_db_meta_scan_close(so_meta_scan *scan) {
  if (scan == NULL) {
    return;
  }
  so_db *db = scan->db;
  if (scan->cursor_open) {
    so_cursor_close(&scan->cursor);
  }
  so_disk_overlay_release(db, scan->overlay);
  so_heap_free(db->heap, scan->items, scan->count * sizeof *scan->items);
  so_heap_free(db->heap, scan, sizeof *scan);
}
