#ifndef SO_STORE_DISK_INTERNAL_H_
#define SO_STORE_DISK_INTERNAL_H_

// What the files of this module share. docs/formats.md has the formats byte by byte.
//
//   format.c      headers and superblocks as bytes
//   log.c         the growing end of the log: extents in memory, flush, segments
//   walk.c        reading a log segment record by record
//   recent.c      places of objects that no index run has yet
//   run.c         index runs: look-up, pages      run_build.c  building and merging them
//   cache.c       inflated objects                objects.c    the object port
//   overlay.c     meta changes since the last checkpoint      meta.c  the meta map
//   checkpoint.c  index, meta map, manifest, superblock       open.c  the way back
//
// A "place" is a device offset. A "position" is segseq << 32 | offset in the segment: it orders the
// log. Whatever may suspend says so; between such calls the structures are consistent.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/heap.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/block.h"
#include "store/codec/codec.h"
#include "store/disk/db.h"
#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FORMAT_VERSION 1
#define SUPER_LEN 512
#define SUPER_SLOT_LEN 32768
#define DATA_OFF 65536
#define ALIGN_LEN_MAX 65536
#define SEGMENT_COUNT_MAX (1u << 20)
#define SEGMENT_COUNT_MIN 8
#define HEADER_LEN 64  // Of a segment, a block, a record.
#define PAGE_LEN 4096
#define ENTRY_LEN 48
#define PAGE_ENTRIES 85
#define GUIDE_ENTRIES 2600  // Aimed at; a guide page then has about 12.5 bits an object.
#define RUN_COUNT_MAX 64
#define RUN_COUNT_SOFT 48  // More are a reason to refuse work until merging succeeds.
#define INDEXED_MAX 12     // Runs that may follow a manifest; with those in it, all fit a set.
#define MERGE_COUNT_MAX 16
#define SEAL_LEN 8
// Segments that only the meta map, checkpoints and merges may use.
#define SEGMENT_RESERVE 4
#define META_REPO 0

static inline so_status fail(so_code code, so_db_part part) {
  return so_status_make(code, (uint16_t)part);
}

static inline uint64_t align_up(uint64_t v, uint64_t align) {
  return (v + align - 1) & ~(align - 1);
}

// --- formats --------------------------------------------------------------------------------

typedef struct super_block {
  uint32_t segment_len;
  uint32_t align_len;
  uint32_t segment_count;
  uint32_t epoch;
  uint64_t generation;
  uint64_t checkpoint;      // Number of the checkpoint; 0: none yet.
  uint64_t manifest_place;  // Of its record.
  uint32_t manifest_segseq;
  uint8_t seed[SO_DB_SEED_LEN];
} super_block;

typedef enum record_type {
  RECORD_OBJECT = 1,
  RECORD_META = 2,
  RECORD_INDEX = 3,     // An index run over the objects before it.
  RECORD_MANIFEST = 4,  // A checkpoint.
  RECORD_SEAL = 5,      // The log goes on in another segment.
} record_type;

typedef struct record_header {
  uint8_t type;
  uint8_t kind;
  uint8_t codec;
  uint32_t stored_len;
  uint32_t raw_len;
  uint32_t repo;
  uint32_t epoch;
  uint32_t segseq;
  so_oid oid;
} record_header;

typedef struct block_header {
  uint32_t used;  // Bytes, this header included; then zeros up to the alignment.
  uint32_t epoch;
  uint32_t segseq;
  uint64_t durable;  // Position before which everything was durable when this was written.
} block_header;

typedef struct sum_key {
  uint8_t bytes[SO_SIPHASH_KEY_LEN];
} sum_key;

void so_disk_format_super(const super_block *s, uint8_t out[SUPER_LEN]);
so_status so_disk_parse_super(const uint8_t in[SUPER_LEN], super_block *out);
void so_disk_derive_key(const uint8_t seed[SO_DB_SEED_LEN], const char *purpose, uint8_t *out,
                        size_t len);

void so_disk_format_segment(const sum_key *key, uint32_t segment, uint32_t segseq, uint32_t epoch,
                            uint8_t out[HEADER_LEN]);
bool so_disk_parse_segment(const sum_key *key, uint32_t segment, const uint8_t in[HEADER_LEN],
                           uint32_t *out_segseq, uint32_t *out_epoch);
void so_disk_format_block(const sum_key *key, uint64_t place, const block_header *h,
                          uint8_t out[HEADER_LEN]);
bool so_disk_parse_block(const sum_key *key, uint64_t place, const uint8_t in[HEADER_LEN],
                         block_header *out);
void so_disk_format_record(const sum_key *key, uint64_t place, const record_header *h,
                           so_bytes payload, uint8_t out[HEADER_LEN]);
// so_disk_parse_record reads a header; record_sum_ok then checks it together with its payload.
bool so_disk_parse_record(const uint8_t in[HEADER_LEN], record_header *out);
bool so_disk_record_sum_ok(const sum_key *key, uint64_t place, const uint8_t in[HEADER_LEN],
                           so_bytes payload);
// so_disk_page_sum binds a page of an index run to its run and number.
uint64_t so_disk_page_sum(const sum_key *key, uint64_t run_no, uint32_t page_no,
                          const uint8_t *page);

// --- index entries and recent objects -------------------------------------------------------

typedef struct entry {
  so_oid oid;
  uint32_t repo;
  uint32_t stored_len;
  uint64_t place;  // Of the record's header.
} entry;

int so_disk_entry_compare(const entry *a, const entry *b);  // By oid, then repository.

typedef struct recent {
  entry *items;
  uint32_t count;
  uint32_t cap;
  uint32_t *slots;  // Hash table of index + 1.
  uint32_t slot_count;
} recent;

so_status so_disk_recent_reserve(recent *r, const so_heap *heap);  // Room for one more.
void so_disk_recent_add(recent *r, const entry *e);
const entry *so_disk_recent_find(const recent *r, uint32_t repo, const so_oid *oid);
// so_disk_recent_sorted gives the numbers of the items in order; `*out` is heap memory of `count`
// numbers.
so_status so_disk_recent_sorted(const recent *r, const so_heap *heap, uint32_t **out);
void so_disk_recent_clear(recent *r);
void so_disk_recent_release(recent *r, const so_heap *heap);

// --- runs -----------------------------------------------------------------------------------

// An index run: guide pages, then entry pages, either inside a log record or in index segments.
typedef struct run {
  uint64_t no;
  uint64_t entry_count;
  uint32_t guide_count;
  uint32_t page_count;  // Of entry pages.
  uint64_t place;       // In the log: of the first page. 0: in `segments`.
  uint32_t *segments;
  uint32_t segment_count;
  uint32_t refs;
  uint64_t retired_at;  // Number of the checkpoint that no longer has it; 0: in use.
  struct run *next_retired;
} run;

// The runs at one moment, the newest last. Readers hold a reference while they look.
typedef struct run_set {
  uint32_t refs;
  uint32_t count;
  run *runs[RUN_COUNT_MAX];
} run_set;

typedef struct page_slot {
  uint64_t run_no;  // 0: empty.
  uint32_t page_no;
  uint32_t tick;
} page_slot;

typedef struct page_cache {
  page_slot *slots;
  uint8_t *pages;
  uint32_t slot_count;  // A power of two, at least 4.
  uint32_t tick;
} page_cache;

// --- the growing end of the log -------------------------------------------------------------

typedef struct extent {
  struct extent *next;
  uint64_t place;  // On the device; aligned.
  uint8_t *buf;
  size_t cap;
  size_t len;
  size_t block_off;  // Where in `buf` the block header goes.
  uint32_t segment_off;
  uint32_t segseq;
  bool closed;
  bool written;
  uint32_t refs;  // Fibers that are writing it.
} extent;

typedef struct log_end {
  uint32_t segment;
  uint32_t segseq;
  uint32_t next_segseq;
  uint32_t off;  // Aligned: where the next block goes.
  bool started;  // The segment's header is written or in an extent.
  extent *first;
  extent *last;
  extent *open;      // NULL or == last.
  uint8_t *spare;    // A buffer of write_len, kept for the next extent.
  uint64_t end;      // Position after the last record.
  uint64_t durable;  // Position.
} log_end;

// --- inflated objects -----------------------------------------------------------------------

typedef struct cached {
  struct cached *hash_next;
  struct cached *newer;
  struct cached *older;
  uint32_t refs;
  uint32_t repo;
  uint32_t len;
  uint8_t kind;
  so_oid oid;
} cached;  // The payload follows.

typedef struct object_cache {
  cached **slots;
  uint32_t slot_count;
  cached *newest;
  cached *oldest;
  size_t used;
  size_t limit;
} object_cache;

// --- meta changes since the last checkpoint -------------------------------------------------

typedef struct overlay_item {
  so_bytes key;
  so_bytes value;
  bool is_delete;
} overlay_item;

// Sorted by key. Bytes live in the arena until the last reference is gone, also replaced ones.
typedef struct overlay {
  uint32_t refs;
  so_arena arena;
  overlay_item *items;
  uint32_t count;
  uint32_t cap;
  size_t len;  // Bytes of keys and values ever added.
} overlay;

// --- the database ---------------------------------------------------------------------------

typedef enum segment_state {
  SEGMENT_FREE = 0,
  SEGMENT_LOG,
  SEGMENT_INDEX,
} segment_state;

typedef struct repo_objects {
  struct so_db *db;
  uint32_t repo;
  struct repo_objects *next;
} repo_objects;

#define REPO_SLOTS 256

struct so_db {
  so_db_config config;
  const so_heap *heap;
  so_block device;
  sum_key key;
  uint8_t id[SO_DB_ID_LEN];
  super_block super;  // The newest that is durable.
  uint32_t epoch;
  so_status failed;  // Sticky, after a failed device flush.

  uint8_t *segment_states;
  uint32_t segment_cursor;
  uint32_t free_count;

  log_end log;
  recent recent;
  run_set *runs;
  run *retired;
  uint64_t next_run_no;
  page_cache pages;
  object_cache cache;
  so_deflater *deflater;
  so_inflater *inflater;
  uint8_t *scratch;  // The writer's, for compressing.
  size_t scratch_len;

  overlay *overlay;
  so_oid meta_root;
  so_objects_ops object_ops;  // The port's table; here, because code has no data to relocate.
  so_objects meta_objects;
  so_tree meta_tree;
  repo_objects meta_repo;
  repo_objects *repos[REPO_SLOTS];

  uint64_t applied_seq;
  uint64_t durable_seq;
  uint32_t sealed;           // Segments since the last checkpoint.
  uint32_t indexed;          // INDEX records since the last checkpoint.
  uint32_t checkpoint_wait;  // Calls to let pass after one that failed.
  bool in_checkpoint;
  bool detached;  // The log goes on where only the next checkpoint will say.
  bool dirty;     // Something was logged since the last checkpoint.
  so_db_stats stats;
};

// Segments.
uint64_t so_disk_segment_place(const so_db *db, uint32_t segment);
so_status so_disk_segment_take(so_db *db, segment_state state, uint32_t reserve, uint32_t *out);
void so_disk_segment_give(so_db *db, uint32_t segment);

// Device, with any alignment for reads; sees extents that are not written yet. May suspend.
so_status so_disk_device_read(so_db *db, uint64_t place, uint8_t *out, size_t len);
so_status so_disk_device_write(so_db *db, uint64_t place, so_bytes bytes);
so_status so_disk_device_flush(so_db *db);

// Log. log_append may suspend (to write what is gathered) and may go on to another segment.
// `reserve`: how many free segments must stay when it needs a new one.
so_status so_disk_log_append(so_db *db, const record_header *h, so_bytes payload, uint32_t reserve,
                             uint64_t *out_place);
// so_disk_log_roll ends the segment: index, seal, a new segment.
so_status so_disk_log_roll(so_db *db, uint32_t reserve);
// so_disk_log_ensure makes sure that a record of `len` payload bytes fits without a roll.
so_status so_disk_log_ensure(so_db *db, size_t len, uint32_t reserve);
// so_disk_log_index writes the recent objects as a run and forgets them.
so_status so_disk_log_index(so_db *db);
void so_disk_log_close_extent(so_db *db);
so_status so_disk_log_write_pending(so_db *db);
so_status so_disk_log_flush(so_db *db);
bool so_disk_log_has_room(const so_db *db, size_t payload_len);
// so_disk_log_can_seal: is there room for the index of the recent objects and the seal?
bool so_disk_log_can_seal(const so_db *db);
void so_disk_log_release(so_db *db);

// Walk: the records of one log segment, in order.
typedef struct walk {
  so_db *db;
  uint32_t segment;
  uint32_t segseq;
  uint32_t epoch;
  uint32_t off;        // The next record or block; after the end: where the end is.
  uint32_t block_end;  // 0: between blocks.
  uint8_t *buf;
  size_t buf_cap;
  uint32_t buf_off;
  uint32_t buf_len;
} walk;

typedef struct walked {
  record_header header;
  so_bytes payload;  // Until the next step.
  uint64_t place;
} walked;

void so_disk_walk_init(walk *w, so_db *db, uint32_t segment, uint32_t segseq, uint32_t epoch,
                       uint32_t off);
void so_disk_walk_release(walk *w);
// so_disk_walk_begin checks the segment header. NOT_FOUND: another or none.
so_status so_disk_walk_begin(walk *w, bool any_segseq);
// so_disk_walk_next: NOT_FOUND where no valid record follows.
so_status so_disk_walk_next(walk *w, walked *out);
// so_disk_walk_block_at: is there a block of this segment at `off`?
so_status so_disk_walk_block_at(walk *w, block_header *out, bool *out_valid);
// so_disk_walk_acknowledged: OK when nothing after the end was written after the end had been
// acknowledged; CORRUPT otherwise.
so_status so_disk_walk_acknowledged(walk *w);

// Index runs. May suspend.
void so_disk_run_format(const sum_key *key, uint64_t no, const entry *items, const uint32_t *order,
                        uint32_t count, uint8_t *out);
size_t so_disk_run_len(uint64_t count);
uint32_t so_disk_run_guides(uint64_t count);
uint32_t so_disk_run_pages(uint64_t count);
// so_disk_run_make makes a run of `count` entries with one reference; NULL without memory.
run *so_disk_run_make(so_db *db, uint64_t no, uint64_t count);
bool so_disk_run_no_ok(const so_db *db, uint64_t no);
// so_disk_run_replay adds the run of an INDEX record that was found in the log.
so_status so_disk_run_replay(so_db *db, const walked *record);
void so_disk_run_release(so_db *db, run *r);  // Drops a reference. NULL is allowed.
so_status so_disk_run_find(so_db *db, run *r, uint32_t repo, const so_oid *oid, entry *out);
uint64_t so_disk_run_page_place(const so_db *db, const run *r, uint32_t page_no);
bool so_disk_page_ok(const so_db *db, const run *r, uint32_t page_no, const uint8_t *page);
so_status so_disk_page_cache_init(so_db *db, size_t len);
bool so_disk_guide_has(const uint8_t *page, uint32_t repo, const so_oid *oid);
void so_disk_guide_add(uint8_t *page, uint32_t repo, const so_oid *oid);
uint32_t so_disk_guide_of(uint32_t guide_count, const so_oid *oid);
void so_disk_entry_format(const entry *e, uint8_t *out);
void so_disk_entry_parse(const uint8_t *in, entry *out);
uint32_t so_disk_page_entry_count(const uint8_t *page);
void so_disk_page_put_entry(uint8_t *page, uint32_t index, const entry *e);
void so_disk_page_get_entry(const uint8_t *page, uint32_t index, entry *out);
void so_disk_page_seal(const sum_key *key, uint64_t run_no, uint32_t page_no, uint8_t *page);
void so_disk_guide_set_header(uint8_t *page, uint64_t rank, uint32_t count);

// Goes through the entries of a run in order.
typedef struct run_cursor {
  so_db *db;
  run *r;
  uint8_t *buf;
  uint32_t first_page;  // In the buffer.
  uint32_t loaded;
  uint32_t page;
  uint32_t index;
  uint64_t left;
  entry now;
  bool at_end;
} run_cursor;

#define RUN_BUFFER_PAGES 16

so_status so_disk_run_cursor_open(run_cursor *c, so_db *db, run *r);
so_status so_disk_run_cursor_next(run_cursor *c);
void so_disk_run_cursor_close(run_cursor *c);

run_set *so_disk_run_set_take(so_db *db);
void so_disk_run_set_release(so_db *db, run_set *set);
// so_disk_run_set_with makes the present set without its `drop` newest runs and with `add` after
// them; NULL without memory or above RUN_COUNT_MAX. run_set_install then makes it the present one.
run_set *so_disk_run_set_with(so_db *db, uint32_t drop, run *add);
void so_disk_run_set_install(so_db *db, run_set *set);
// so_disk_runs_merge keeps the number of runs logarithmic. LIMIT when there is no room for it.
so_status so_disk_runs_merge(so_db *db);
void so_disk_runs_sweep_retired(so_db *db);

// so_disk_locate finds where an object is. NOT_FOUND.
so_status so_disk_locate(so_db *db, uint32_t repo, const so_oid *oid, entry *out);
// so_disk_read_record reads and checks the record of an entry; `*out_memory` holds it (stored_len +
// HEADER_LEN bytes), the payload after the header.
so_status so_disk_read_record(so_db *db, const entry *e, record_header *out, uint8_t **out_memory);

// Cache.
so_status so_disk_cache_init(so_db *db, size_t limit);
cached *so_disk_cache_find(so_db *db, uint32_t repo, const so_oid *oid);  // With a reference.
cached *so_disk_cache_make(so_db *db, uint32_t repo, const so_oid *oid, so_kind kind, size_t len);
uint8_t *so_disk_cached_bytes(cached *c);
void so_disk_cache_add(so_db *db, cached *c);
void so_disk_cache_drop(so_db *db, cached *c);  // One that was made and not added.
void so_disk_cache_unpin(so_db *db, cached *c);
void so_disk_cache_release(so_db *db);

// Objects.
void so_disk_objects_init(so_db *db);
so_status so_disk_object_load(so_db *db, const entry *e, cached **out);

// Overlay.
overlay *so_disk_overlay_make(so_db *db);
void so_disk_overlay_release(so_db *db, overlay *o);
so_status so_disk_overlay_reserve(so_db *db, overlay *o, uint32_t count);
void so_disk_overlay_set(overlay *o, const overlay_item *item);
uint32_t so_disk_overlay_lower(const overlay *o, so_bytes key);  // First item >= key.
so_status so_disk_meta_replay(so_db *db, so_bytes payload);

// Checkpoint.
so_status so_disk_checkpoint_write(so_db *db);
so_status so_disk_checkpoint_if_due(so_db *db);
so_status so_disk_super_write(so_db *db, const super_block *s);
so_status so_disk_manifest_parse(so_db *db, so_bytes payload);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_DISK_INTERNAL_H_
