#include "base/reader.h"
#include "base/writer.h"
#include "store/disk/internal.h"

// Index runs: where objects are, sorted by name. Names are uniform, so a run is searched without
// any table above it:
//
//   guide pages  page g covers the names whose first 32 bits, scaled to the number of guides, are
//                g: how many entries come before it, how many it has, and a Bloom filter of them
//   entry pages  85 entries each, in order
//
// A look-up reads one guide page, which nearly always knows about what is not there and is dense
// enough to stay in memory, and then the entry page where interpolation puts the name.

#define GUIDE_HEADER_LEN 16
#define GUIDE_BITS ((uint32_t)(PAGE_LEN - GUIDE_HEADER_LEN - 8) * 8)
#define GUIDE_PROBES 6
#define ENTRIES_OFF 8

uint32_t so_disk_run_guides(uint64_t count) {
  return count == 0 ? 1 : (uint32_t)((count + GUIDE_ENTRIES - 1) / GUIDE_ENTRIES);
}

uint32_t so_disk_run_pages(uint64_t count) {
  return (uint32_t)((count + PAGE_ENTRIES - 1) / PAGE_ENTRIES);
}

size_t so_disk_run_len(uint64_t count) {
  return ((size_t)so_disk_run_guides(count) + so_disk_run_pages(count)) * PAGE_LEN;
}

// --- pages as bytes -------------------------------------------------------------------------

static uint32_t load32be(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t load32le(const uint8_t *p) {
  return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint64_t load64le(const uint8_t *p) { return (uint64_t)load32le(p + 4) << 32 | load32le(p); }

uint32_t so_disk_guide_of(uint32_t guide_count, const so_oid *oid) {
  return (uint32_t)((uint64_t)load32be(oid->bytes) * guide_count >> 32);
}

static uint32_t guide_bit(uint32_t repo, const so_oid *oid, uint32_t probe) {
  const uint64_t a = load64le(oid->bytes + 8) ^ ((uint64_t)repo * 0x9e3779b97f4a7c15u);
  const uint64_t b = load64le(oid->bytes + 16) | 1;
  return (uint32_t)((a + probe * b) >> 32) % GUIDE_BITS;
}

void so_disk_guide_add(uint8_t *page, uint32_t repo, const so_oid *oid) {
  uint8_t *bits = page + GUIDE_HEADER_LEN;
  for (uint32_t i = 0; i < GUIDE_PROBES; i++) {
    const uint32_t bit = guide_bit(repo, oid, i);
    bits[bit / 8] = (uint8_t)(bits[bit / 8] | 1u << (bit % 8));
  }
}

bool so_disk_guide_has(const uint8_t *page, uint32_t repo, const so_oid *oid) {
  const uint8_t *bits = page + GUIDE_HEADER_LEN;
  for (uint32_t i = 0; i < GUIDE_PROBES; i++) {
    const uint32_t bit = guide_bit(repo, oid, i);
    if ((bits[bit / 8] & 1u << (bit % 8)) == 0) {
      return false;
    }
  }
  return true;
}

void so_disk_entry_format(const entry *e, uint8_t *out) {
  so_writer w = so_writer_of(out, ENTRY_LEN);
  so_write_bytes(&w, so_bytes_of(e->oid.bytes, SO_OID_LEN));
  so_write_u32be(&w, e->repo);
  so_write_u32le(&w, e->stored_len);
  so_write_u64le(&w, e->place);
}

void so_disk_entry_parse(const uint8_t *in, entry *out) {
  memcpy(out->oid.bytes, in, SO_OID_LEN);
  out->repo = load32be(in + 32);
  out->stored_len = load32le(in + 36);
  out->place = load64le(in + 40);
}

uint32_t so_disk_page_entry_count(const uint8_t *page) { return load32le(page); }

void so_disk_page_seal(const sum_key *key, uint64_t run_no, uint32_t page_no, uint8_t *page) {
  so_writer w = so_writer_of(page + PAGE_LEN - 8, 8);
  so_write_u64le(&w, so_disk_page_sum(key, run_no, page_no, page));
}

void so_disk_guide_set_header(uint8_t *page, uint64_t rank, uint32_t count) {
  so_writer w = so_writer_of(page, GUIDE_HEADER_LEN);
  so_write_u64le(&w, rank);
  so_write_u32le(&w, count);
  so_write_u32le(&w, 0);
}

void so_disk_page_put_entry(uint8_t *page, uint32_t index, const entry *e) {
  so_disk_entry_format(e, page + ENTRIES_OFF + (size_t)index * ENTRY_LEN);
  so_writer w = so_writer_of(page, ENTRIES_OFF);
  so_write_u32le(&w, index + 1);
}

void so_disk_page_get_entry(const uint8_t *page, uint32_t index, entry *out) {
  so_disk_entry_parse(page + ENTRIES_OFF + (size_t)index * ENTRY_LEN, out);
}

bool so_disk_page_ok(const so_db *db, const run *r, uint32_t page_no, const uint8_t *page) {
  if (load64le(page + PAGE_LEN - 8) != so_disk_page_sum(&db->key, r->no, page_no, page)) {
    return false;
  }
  if (page_no < r->guide_count) {
    return true;
  }
  const uint64_t before = (uint64_t)(page_no - r->guide_count) * PAGE_ENTRIES;
  const uint64_t left = r->entry_count - before;
  return load32le(page) == (left < PAGE_ENTRIES ? left : PAGE_ENTRIES);
}

// run_format writes a whole run of recent objects into memory.
void so_disk_run_format(const sum_key *key, uint64_t no, const entry *items, const uint32_t *order,
                        uint32_t count, uint8_t *out) {
  const uint32_t guides = so_disk_run_guides(count);
  const uint32_t pages = so_disk_run_pages(count);
  memset(out, 0, so_disk_run_len(count));
  uint32_t next = 0;
  for (uint32_t g = 0; g < guides; g++) {
    uint8_t *guide = out + (size_t)g * PAGE_LEN;
    const uint32_t rank = next;
    while (next < count && so_disk_guide_of(guides, &items[order[next]].oid) == g) {
      const entry *e = &items[order[next]];
      so_disk_guide_add(guide, e->repo, &e->oid);
      uint8_t *page = out + ((size_t)guides + next / PAGE_ENTRIES) * PAGE_LEN;
      so_disk_page_put_entry(page, next % PAGE_ENTRIES, e);
      next++;
    }
    so_disk_guide_set_header(guide, rank, next - rank);
  }
  for (uint32_t p = 0; p < guides + pages; p++) {
    so_disk_page_seal(key, no, p, out + (size_t)p * PAGE_LEN);
  }
}

// --- pages on the device --------------------------------------------------------------------

uint64_t so_disk_run_page_place(const so_db *db, const run *r, uint32_t page_no) {
  if (r->place != 0) {
    return r->place + (uint64_t)page_no * PAGE_LEN;
  }
  const uint32_t each = db->super.segment_len / PAGE_LEN;
  SO_ASSERT(page_no / each < r->segment_count);
  return so_disk_segment_place(db, r->segments[page_no / each]) +
         (uint64_t)(page_no % each) * PAGE_LEN;
}

#define WAYS 4

so_status so_disk_page_cache_init(so_db *db, size_t len) {
  page_cache *c = &db->pages;
  uint32_t count = WAYS;
  while (count < (1u << 24) && (size_t)count * 2 * PAGE_LEN <= len) {
    count *= 2;
  }
  c->slots = (page_slot *)so_heap_alloc_array(db->heap, count, sizeof *c->slots);
  c->pages = (uint8_t *)so_heap_alloc(db->heap, (size_t)count * PAGE_LEN);
  c->slot_count = count;
  return c->slots != NULL && c->pages != NULL ? so_done() : fail(SO_LIMIT, 0);
}

static uint32_t page_set(const page_cache *c, uint64_t run_no, uint32_t page_no) {
  const uint64_t h = (run_no * 0x9e3779b97f4a7c15u) ^ ((uint64_t)page_no * 0xc2b2ae3d27d4eb4fu);
  return (uint32_t)(h >> 32) & (c->slot_count / WAYS - 1);
}

static uint8_t *page_cached(page_cache *c, uint64_t run_no, uint32_t page_no) {
  const uint32_t first = page_set(c, run_no, page_no) * WAYS;
  for (uint32_t i = first; i < first + WAYS; i++) {
    if (c->slots[i].run_no == run_no && c->slots[i].page_no == page_no) {
      c->slots[i].tick = ++c->tick;
      return c->pages + (size_t)i * PAGE_LEN;
    }
  }
  return NULL;
}

static uint8_t *page_keep(page_cache *c, uint64_t run_no, uint32_t page_no, const uint8_t *page) {
  const uint32_t first = page_set(c, run_no, page_no) * WAYS;
  uint32_t oldest = first;
  for (uint32_t i = first; i < first + WAYS; i++) {
    if (c->slots[i].run_no == 0) {
      oldest = i;
      break;
    }
    if (c->tick - c->slots[i].tick > c->tick - c->slots[oldest].tick) {
      oldest = i;
    }
  }
  c->slots[oldest] = (page_slot){run_no, page_no, ++c->tick};
  uint8_t *kept = c->pages + (size_t)oldest * PAGE_LEN;
  memcpy(kept, page, PAGE_LEN);
  return kept;
}

// The page, from the cache or the device. The view lives until the next call that may suspend.
static so_status page_get(so_db *db, run *r, uint32_t page_no, const uint8_t **out) {
  *out = page_cached(&db->pages, r->no, page_no);
  if (*out != NULL) {
    return so_done();
  }
  uint8_t *page = (uint8_t *)so_heap_alloc(db->heap, PAGE_LEN);
  if (page == NULL) {
    return fail(SO_LIMIT, 0);
  }
  so_status s = so_disk_device_read(db, so_disk_run_page_place(db, r, page_no), page, PAGE_LEN);
  if (so_ok(s) && !so_disk_page_ok(db, r, page_no, page)) {
    s = fail(SO_CORRUPT, SO_DB_PART_INDEX);
  }
  if (so_ok(s)) {
    *out = page_cached(&db->pages, r->no, page_no);  // Another fiber may have been faster.
    *out = *out != NULL ? *out : page_keep(&db->pages, r->no, page_no, page);
  }
  so_heap_free(db->heap, page, PAGE_LEN);
  return s;
}

// --- look-up --------------------------------------------------------------------------------

static int page_compare(const uint8_t *page, uint32_t index, const entry *key) {
  entry e;
  so_disk_page_get_entry(page, index, &e);
  return so_disk_entry_compare(&e, key);
}

static bool page_search(const uint8_t *page, const entry *key, entry *out) {
  uint32_t low = 0;
  uint32_t high = so_disk_page_entry_count(page);
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const int c = page_compare(page, middle, key);
    if (c == 0) {
      so_disk_page_get_entry(page, middle, out);
      return true;
    }
    if (c < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

// Where in [0, count) a name of this guide is to be expected.
static uint32_t interpolate(uint32_t guides, const so_oid *oid, uint32_t count) {
  const uint32_t part = (uint32_t)((uint64_t)load32be(oid->bytes) * guides);
  return (uint32_t)((uint64_t)part * count >> 32);
}

so_status so_disk_run_find(so_db *db, run *r, uint32_t repo, const so_oid *oid, entry *out) {
  const uint8_t *page = NULL;
  SO_TRY(page_get(db, r, so_disk_guide_of(r->guide_count, oid), &page));
  const uint64_t rank = load64le(page);
  const uint32_t count = load32le(page + 8);
  if (rank > r->entry_count || count > r->entry_count - rank) {
    return fail(SO_CORRUPT, SO_DB_PART_INDEX);
  }
  if (count == 0 || !so_disk_guide_has(page, repo, oid)) {
    return fail(SO_NOT_FOUND, 0);
  }
  entry key = {.oid = *oid, .repo = repo};
  uint32_t low = (uint32_t)(rank / PAGE_ENTRIES);
  uint32_t high = (uint32_t)((rank + count - 1) / PAGE_ENTRIES) + 1;
  uint32_t guess = (uint32_t)((rank + interpolate(r->guide_count, oid, count)) / PAGE_ENTRIES);
  for (uint32_t turn = 0; low < high; turn++) {
    SO_TRY(page_get(db, r, r->guide_count + guess, &page));
    if (page_compare(page, 0, &key) > 0) {
      high = guess;
    } else if (page_compare(page, so_disk_page_entry_count(page) - 1, &key) < 0) {
      low = guess + 1;
    } else {
      return page_search(page, &key, out) ? so_done() : fail(SO_NOT_FOUND, 0);
    }
    // The guess is off by a page at most, nearly always; names that were ground are bisected.
    guess = turn < 2 ? (guess >= high ? high - 1 : low) : low + (high - low) / 2;
    guess = guess < low ? low : guess;
  }
  return fail(SO_NOT_FOUND, 0);
}

// --- life of runs and sets ------------------------------------------------------------------

run *so_disk_run_make(so_db *db, uint64_t no, uint64_t count) {
  run *r = (run *)so_heap_alloc_array(db->heap, 1, sizeof *r);
  if (r != NULL) {
    r->no = no;
    r->entry_count = count;
    r->guide_count = so_disk_run_guides(count);
    r->page_count = so_disk_run_pages(count);
    r->refs = 1;
  }
  return r;
}

static void run_free(so_db *db, run *r) {
  for (uint32_t i = 0; i < r->segment_count; i++) {
    if (r->retired_at != 0) {
      so_disk_segment_give(db, r->segments[i]);
    }
  }
  so_heap_free(db->heap, r->segments, r->segment_count * sizeof *r->segments);
  so_heap_free(db->heap, r, sizeof *r);
}

void so_disk_run_release(so_db *db, run *r) {
  if (r == NULL) {
    return;
  }
  SO_ASSERT(r->refs > 0);
  r->refs--;
  if (r->refs == 0 && r->retired_at == 0) {
    run_free(db, r);
  }
}

// Gives back the segments of runs that neither superblock nor any reader refers to.
void so_disk_runs_sweep_retired(so_db *db) {
  run **link = &db->retired;
  while (*link != NULL) {
    run *r = *link;
    if (r->refs == 0 && db->super.checkpoint > r->retired_at) {
      *link = r->next_retired;
      run_free(db, r);
    } else {
      link = &r->next_retired;
    }
  }
}

run_set *so_disk_run_set_take(so_db *db) {
  db->runs->refs++;
  return db->runs;
}

void so_disk_run_set_release(so_db *db, run_set *set) {
  if (set == NULL) {
    return;
  }
  SO_ASSERT(set->refs > 0);
  set->refs--;
  if (set->refs == 0) {
    for (uint32_t i = 0; i < set->count; i++) {
      so_disk_run_release(db, set->runs[i]);
    }
    so_heap_free(db->heap, set, sizeof *set);
  }
}

run_set *so_disk_run_set_with(so_db *db, uint32_t drop, run *add) {
  const uint32_t old_count = db->runs != NULL ? db->runs->count - drop : 0;
  if (add != NULL && old_count == RUN_COUNT_MAX) {
    return NULL;
  }
  run_set *set = (run_set *)so_heap_alloc_array(db->heap, 1, sizeof *set);
  if (set == NULL) {
    return NULL;
  }
  set->refs = 1;
  for (uint32_t i = 0; i < old_count; i++) {
    set->runs[set->count++] = db->runs->runs[i];
  }
  if (add != NULL) {
    set->runs[set->count++] = add;
  }
  for (uint32_t i = 0; i < set->count; i++) {
    set->runs[i]->refs++;
  }
  return set;
}

static bool set_has(const run_set *set, const run *r) {
  for (uint32_t i = 0; i < set->count; i++) {
    if (set->runs[i] == r) {
      return true;
    }
  }
  return false;
}

void so_disk_run_set_install(so_db *db, run_set *set) {
  run_set *old = db->runs;
  db->runs = set;
  if (old == NULL) {
    return;
  }
  for (uint32_t i = 0; i < old->count; i++) {
    run *r = old->runs[i];
    if (!set_has(set, r)) {
      // The next checkpoint is the first without it.
      r->retired_at = db->super.checkpoint + 1;
      r->next_retired = db->retired;
      db->retired = r;
    }
  }
  so_disk_run_set_release(db, old);
}

// Numbers ascend in a set, and so are unique: the page cache relies on it.
bool so_disk_run_no_ok(const so_db *db, uint64_t no) {
  const run_set *set = db->runs;
  return no != UINT64_MAX && no > (set->count == 0 ? 0 : set->runs[set->count - 1]->no);
}

so_status so_disk_run_replay(so_db *db, const walked *record) {
  so_reader reader = so_reader_of(so_bytes_of(record->header.oid.bytes, SO_OID_LEN));
  uint64_t no = 0;
  if (!so_read_u64le(&reader, &no) || !so_disk_run_no_ok(db, no) || record->header.raw_len == 0 ||
      record->payload.len != so_disk_run_len(record->header.raw_len)) {
    return fail(SO_CORRUPT, SO_DB_PART_INDEX);
  }
  run *r = so_disk_run_make(db, no, record->header.raw_len);
  run_set *set = r != NULL ? so_disk_run_set_with(db, 0, r) : NULL;
  so_disk_run_release(db, r);
  if (set == NULL) {
    return fail(SO_LIMIT, 0);
  }
  r->place = record->place + HEADER_LEN;
  so_disk_run_set_install(db, set);
  db->next_run_no = no >= db->next_run_no ? no + 1 : db->next_run_no;
  return so_done();
}
