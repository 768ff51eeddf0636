#include "store/disk/internal.h"

// Building larger runs out of smaller ones, in index segments.

// --- reading a run in order -----------------------------------------------------------------

static so_status cursor_fill(run_cursor *c) {
  const uint32_t total = c->r->guide_count + c->r->page_count;
  c->first_page = c->page;
  c->loaded = 0;
  while (c->loaded < RUN_BUFFER_PAGES && c->page + c->loaded < total) {
    // Pages that follow each other on the device are read together.
    const uint64_t place = so_disk_run_page_place(c->db, c->r, c->page + c->loaded);
    uint32_t together = 1;
    while (c->loaded + together < RUN_BUFFER_PAGES && c->page + c->loaded + together < total &&
           so_disk_run_page_place(c->db, c->r, c->page + c->loaded + together) ==
               place + (uint64_t)together * PAGE_LEN) {
      together++;
    }
    uint8_t *out = c->buf + (size_t)c->loaded * PAGE_LEN;
    SO_TRY(so_disk_device_read(c->db, place, out, (size_t)together * PAGE_LEN));
    for (uint32_t i = 0; i < together; i++) {
      if (!so_disk_page_ok(c->db, c->r, c->page + c->loaded + i, out + (size_t)i * PAGE_LEN)) {
        c->page += c->loaded + i;  // Where the damage is.
        return fail(SO_CORRUPT, SO_DB_PART_INDEX);
      }
    }
    c->loaded += together;
  }
  return so_done();
}

so_status so_disk_run_cursor_next(run_cursor *c) {
  if (c->left == 0) {
    c->at_end = true;
    return so_done();
  }
  if (c->index == PAGE_ENTRIES) {
    c->page++;
    c->index = 0;
  }
  if (c->page >= c->first_page + c->loaded) {
    SO_TRY(cursor_fill(c));
  }
  so_disk_page_get_entry(c->buf + (size_t)(c->page - c->first_page) * PAGE_LEN, c->index, &c->now);
  c->index++;
  c->left--;
  return so_done();
}

so_status so_disk_run_cursor_open(run_cursor *c, so_db *db, run *r) {
  memset(c, 0, sizeof *c);
  c->db = db;
  c->r = r;
  c->page = r->guide_count;
  c->left = r->entry_count;
  c->buf = (uint8_t *)so_heap_alloc(db->heap, RUN_BUFFER_PAGES * PAGE_LEN);
  if (c->buf == NULL) {
    return fail(SO_LIMIT, 0);
  }
  r->refs++;
  const so_status s = so_disk_run_cursor_next(c);
  if (!so_ok(s)) {
    so_disk_run_cursor_close(c);
  }
  return s;
}

void so_disk_run_cursor_close(run_cursor *c) {
  if (c->buf != NULL) {
    so_heap_free(c->db->heap, c->buf, RUN_BUFFER_PAGES * PAGE_LEN);
    c->buf = NULL;
    so_disk_run_release(c->db, c->r);
  }
}

// --- writing a run in order -----------------------------------------------------------------

// Gathers pages that follow each other.
typedef struct page_out {
  uint8_t *buf;
  uint32_t first;
  uint32_t count;
} page_out;

typedef struct builder {
  so_db *db;
  run *r;
  page_out guides;
  page_out pages;
  uint32_t guide;  // The one that is being filled.
  uint64_t guide_rank;
  uint64_t count;
} builder;

static so_status out_write(builder *b, page_out *o) {
  uint32_t done = 0;
  while (done < o->count) {
    const uint64_t place = so_disk_run_page_place(b->db, b->r, o->first + done);
    uint32_t together = 1;
    while (done + together < o->count &&
           so_disk_run_page_place(b->db, b->r, o->first + done + together) ==
               place + (uint64_t)together * PAGE_LEN) {
      together++;
    }
    SO_TRY(so_disk_device_write(
        b->db, place, so_bytes_of(o->buf + (size_t)done * PAGE_LEN, (size_t)together * PAGE_LEN)));
    done += together;
  }
  o->first += o->count;
  o->count = 0;
  memset(o->buf, 0, RUN_BUFFER_PAGES * PAGE_LEN);
  return so_done();
}

static uint8_t *out_page(page_out *o) { return o->buf + (size_t)o->count * PAGE_LEN; }

static so_status out_next(builder *b, page_out *o) {
  so_disk_page_seal(&b->db->key, b->r->no, o->first + o->count, out_page(o));
  o->count++;
  return o->count == RUN_BUFFER_PAGES ? out_write(b, o) : so_done();
}

static so_status guide_end(builder *b) {
  so_disk_guide_set_header(out_page(&b->guides), b->guide_rank,
                           (uint32_t)(b->count - b->guide_rank));
  b->guide++;
  b->guide_rank = b->count;
  return out_next(b, &b->guides);
}

static so_status builder_add(builder *b, const entry *e) {
  const uint32_t guide = so_disk_guide_of(b->r->guide_count, &e->oid);
  while (b->guide < guide) {
    SO_TRY(guide_end(b));
  }
  so_disk_guide_add(out_page(&b->guides), e->repo, &e->oid);
  so_disk_page_put_entry(out_page(&b->pages), (uint32_t)(b->count % PAGE_ENTRIES), e);
  b->count++;
  return b->count % PAGE_ENTRIES == 0 ? out_next(b, &b->pages) : so_done();
}

static so_status builder_end(builder *b) {
  while (b->guide < b->r->guide_count) {
    SO_TRY(guide_end(b));
  }
  if (b->count % PAGE_ENTRIES != 0) {
    SO_TRY(out_next(b, &b->pages));
  }
  SO_TRY(out_write(b, &b->guides));
  SO_TRY(out_write(b, &b->pages));
  b->r->entry_count = b->count;
  b->r->page_count = so_disk_run_pages(b->count);
  return so_done();
}

static void builder_release(builder *b) {
  so_heap_free(b->db->heap, b->guides.buf, RUN_BUFFER_PAGES * PAGE_LEN);
  so_heap_free(b->db->heap, b->pages.buf, RUN_BUFFER_PAGES * PAGE_LEN);
}

static so_status builder_init(builder *b, so_db *db, run *r) {
  memset(b, 0, sizeof *b);
  b->db = db;
  b->r = r;
  b->pages.first = r->guide_count;
  b->guides.buf = (uint8_t *)so_heap_alloc_array(db->heap, RUN_BUFFER_PAGES, PAGE_LEN);
  b->pages.buf = (uint8_t *)so_heap_alloc_array(db->heap, RUN_BUFFER_PAGES, PAGE_LEN);
  if (b->guides.buf == NULL || b->pages.buf == NULL) {
    builder_release(b);
    return fail(SO_LIMIT, 0);
  }
  return so_done();
}

// Takes the segments for all pages of a run.
static so_status run_take_segments(so_db *db, run *r) {
  const uint64_t len = ((uint64_t)r->guide_count + r->page_count) * PAGE_LEN;
  const uint32_t need = (uint32_t)((len + db->super.segment_len - 1) / db->super.segment_len);
  r->segments = (uint32_t *)so_heap_alloc_array(db->heap, need, sizeof *r->segments);
  if (r->segments == NULL) {
    return fail(SO_LIMIT, 0);
  }
  r->segment_count = need;
  for (uint32_t i = 0; i < need; i++) {
    const so_status s =
        so_disk_segment_take(db, SEGMENT_INDEX, SEGMENT_RESERVE / 2, &r->segments[i]);
    if (!so_ok(s)) {
      while (i > 0) {
        so_disk_segment_give(db, r->segments[--i]);
      }
      so_heap_free(db->heap, r->segments, need * sizeof *r->segments);
      r->segments = NULL;
      r->segment_count = 0;
      return s;
    }
  }
  return so_done();
}

// --- merging --------------------------------------------------------------------------------

// Copies the entries of all cursors, the newest of equal ones only.
static so_status merge_cursors(builder *b, run_cursor *cursors, uint32_t count) {
  for (;;) {
    run_cursor *least = NULL;
    for (uint32_t i = 0; i < count; i++) {
      run_cursor *c = &cursors[i];
      if (c->at_end) {
        continue;
      }
      const int order = least == NULL ? -1 : so_disk_entry_compare(&c->now, &least->now);
      if (order == 0) {
        SO_TRY(so_disk_run_cursor_next(least));  // A later run is newer.
      }
      least = order <= 0 ? c : least;
    }
    if (least == NULL) {
      return so_done();
    }
    SO_TRY(builder_add(b, &least->now));
    SO_TRY(so_disk_run_cursor_next(least));
  }
}

static so_status merge_into(so_db *db, run *r, run_set *set, uint32_t count) {
  run_cursor *cursors = (run_cursor *)so_heap_alloc_array(db->heap, count, sizeof *cursors);
  if (cursors == NULL) {
    return fail(SO_LIMIT, 0);
  }
  builder b;
  so_status s = builder_init(&b, db, r);
  const bool building = so_ok(s);
  for (uint32_t i = 0; i < count && so_ok(s); i++) {
    s = so_disk_run_cursor_open(&cursors[i], db, set->runs[set->count - count + i]);
  }
  if (so_ok(s)) {
    s = merge_cursors(&b, cursors, count);
  }
  if (so_ok(s)) {
    s = builder_end(&b);
  }
  for (uint32_t i = 0; i < count; i++) {
    so_disk_run_cursor_close(&cursors[i]);
  }
  if (building) {
    builder_release(&b);
  }
  so_heap_free(db->heap, cursors, count * sizeof *cursors);
  return s;
}

static void run_discard(so_db *db, run *r) {
  for (uint32_t i = 0; i < r->segment_count; i++) {
    so_disk_segment_give(db, r->segments[i]);
  }
  so_disk_run_release(db, r);
}

static so_status merge_newest(so_db *db, uint32_t count) {
  run_set *set = db->runs;  // Only the writer, which this is, replaces it.
  uint64_t total = 0;
  for (uint32_t i = 0; i < count; i++) {
    total += set->runs[set->count - 1 - i]->entry_count;
  }
  run *r = so_disk_run_make(db, db->next_run_no, total);
  if (r == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = run_take_segments(db, r);
  if (so_ok(s)) {
    s = merge_into(db, r, set, count);
  }
  run_set *next = so_ok(s) ? so_disk_run_set_with(db, count, r) : NULL;
  if (next == NULL) {
    run_discard(db, r);
    return so_ok(s) ? fail(SO_LIMIT, 0) : s;
  }
  db->next_run_no++;
  so_disk_run_release(db, r);
  so_disk_run_set_install(db, next);
  return so_done();
}

// Every run is kept larger than all newer ones together, twice; so there are few, and an entry is
// copied a logarithmic number of times.
static uint32_t runs_due(const run_set *set) {
  uint64_t newer = 0;
  uint32_t due = 0;
  for (uint32_t i = 0; i < set->count; i++) {
    const run *r = set->runs[set->count - 1 - i];
    if (i > 0 && r->entry_count < 2 * newer) {
      due = i + 1;
    }
    newer += r->entry_count;
  }
  return due;
}

so_status so_disk_runs_merge(so_db *db) {
  // A few small runs cost less than merging at every checkpoint.
  const uint32_t due = runs_due(db->runs);
  return due >= 4 ? merge_newest(db, due < MERGE_COUNT_MAX ? due : MERGE_COUNT_MAX) : so_done();
}
