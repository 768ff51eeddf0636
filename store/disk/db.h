#ifndef SO_STORE_DISK_DB_H_
#define SO_STORE_DISK_DB_H_

// The database under everything: objects of many repositories and one small ordered map (the meta
// map: refs, ref log, tokens, repository records), kept crash-safe on a block device.
//
// Invariants:
//   - After a power cut at any moment the database opens with every object and every change of the
//     meta map that a successful so_db_flush covered, and with a prefix of what came after.
//   - Nothing that was ever acknowledged is overwritten: the log only grows into free segments, and
//     of the two superblocks one is always whole.
//   - Every read verifies: an object enters the cache only after its bytes hash to its name.
//   - Memory is bounded by so_db_config, not by the data. Opening replays a bounded tail.
//   - Objects are named per repository: knowing a name in one gives nothing in another.
//
// Concurrency. Everything runs on fibers of one scheduler; each call may suspend its fiber while
// the device works, and other fibers may call meanwhile:
//   - Readers (get, has, stored, meta get, scans, stats, fsck) may run at any time.
//   - Writers (put, put_stored, apply, checkpoint) must be one at a time: the caller holds a turn
//     around each of them. A put may have to write a checkpoint and then takes longer.
//   - so_db_flush may run next to a writer, to readers and to other flushes; each covers everything
//     that was put and applied before it was called. Group commit: many wait, one flushes.
//   - so_db_open, so_db_close and so_db_format run alone.
//
// What is put or applied is visible at once and durable after the next so_db_flush. After a flush
// that failed (IO), later flushes fail too; reading goes on; opening again recovers. A full device
// is LIMIT for puts; reads, flushes of what fitted, and small changes of the meta map go on.
//
// Limits: repositories 1..SO_DB_REPO_MAX, meta keys and values below, 1 Mi segments.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/block.h"
#include "store/object/object.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_DB_SEED_LEN 32
#define SO_DB_ID_LEN 16
#define SO_DB_REPO_MAX 0xfffffffeu
#define SO_DB_KEY_LEN_MAX 1024
#define SO_DB_VALUE_LEN_MAX 16384
// One so_db_meta_apply: operations, and bytes of keys and values together (a small segment_len
// lowers the second to an eighth of it).
#define SO_DB_OPS_MAX 4096
#define SO_DB_OPS_LEN_MAX (1u << 20)
#define SO_DB_SEGMENT_LEN_MIN (64u << 10)
#define SO_DB_SEGMENT_LEN_MAX (64u << 20)

typedef struct so_db so_db;

// so_status.detail of CORRUPT, IO and some LIMIT from this module: which structure was bad.
typedef enum so_db_part {
  SO_DB_PART_SUPERBLOCK = 1,
  SO_DB_PART_SEGMENT,   // Header of a segment.
  SO_DB_PART_BLOCK,     // Header of a batch of records.
  SO_DB_PART_RECORD,    // A record: checksum or lengths.
  SO_DB_PART_OBJECT,    // An object that does not inflate, or does not hash to its name.
  SO_DB_PART_INDEX,     // A page of an index run.
  SO_DB_PART_MANIFEST,  // A checkpoint.
  SO_DB_PART_META,      // The meta map.
  SO_DB_PART_LOG,       // The log ends before something that was acknowledged.
} so_db_part;

// so_db_part_name returns a word for people; never NULL.
const char *so_db_part_name(unsigned part);

// --- life cycle -----------------------------------------------------------------------------

typedef enum so_db_found {
  SO_DB_FOUND_EMPTY,    // Nothing but zeros where superblocks would be.
  SO_DB_FOUND_OURS,     // A database that this program can open.
  SO_DB_FOUND_NEWER,    // A database of a later format version.
  SO_DB_FOUND_DAMAGED,  // A database, but no superblock is whole.
  SO_DB_FOUND_FOREIGN,  // Something else.
} so_db_found;

// so_db_probe says what is on a device. Reads only.
SO_MUST_USE so_status so_db_probe(const so_block *device, const so_heap *heap, so_db_found *out);

// How to format. Zero fields choose by the capacity.
typedef struct so_db_layout {
  uint32_t segment_len;  // A power of two, SO_DB_SEGMENT_LEN_MIN..MAX. No object can be larger.
  uint32_t align_len;  // A power of two, unit_len..64 KiB: what a flush pads to. 0: at least 4096.
} so_db_layout;

// so_db_format makes an empty database and is durable when it returns. It overwrites whatever is
// there: so_db_probe first. `seed` is 32 random bytes: identity, salt and checksum key come from
// it. `layout` may be NULL. LIMIT: the device is too small (it needs 8 segments) or too large.
SO_MUST_USE so_status so_db_format(const so_block *device, const so_heap *heap,
                                   const uint8_t seed[SO_DB_SEED_LEN], const so_db_layout *layout);

// Zero fields take the default in the comment.
typedef struct so_db_config {
  const so_block *device;  // Borrowed.
  const so_heap *heap;     // Borrowed.
  size_t cache_len;        // Inflated objects, 32 MiB. Pinned objects may go over it.
  size_t index_cache_len;  // Pages of index runs, 8 MiB.
  size_t write_len;        // Bytes gathered before they are written, 1 MiB.
  uint32_t recent_count;   // Objects whose place is only in memory before a checkpoint, 64 Ki.
  uint32_t meta_len;       // Bytes of meta changes only in memory before a checkpoint, 1 MiB.
  size_t memory_len;       // Holds all of these to a share of a small machine; default: no bound.
  int level;               // zlib 1..9; default 1; -1 stores as it is.
  bool read_only;
  // Opens also when the end of the log is damaged where it had been acknowledged: what comes after
  // the damage is lost.
  bool accept_loss;
} so_db_config;

// so_db_open opens a formatted device, replaying what follows the last checkpoint. Unless
// read_only it writes one superblock. NOT_FOUND: nothing of ours; UNSUPPORTED: newer; CORRUPT; LIMIT: no
// memory, or, with the detail SO_DB_PART_SUPERBLOCK, a device smaller than the one it was made for.
SO_MUST_USE so_status so_db_open(const so_db_config *config, so_db **out);

// so_db_close writes a checkpoint (so that the next open has nothing to replay) and releases
// everything. The database is closed also when it fails; then it is as after a power cut, with all
// that was flushed. Nothing may be pinned or open.
SO_MUST_USE so_status so_db_close(so_db *db);

// so_db_abandon releases everything without writing: a crash, for tests and emergencies.
void so_db_abandon(so_db *db);

// so_db_id views 16 bytes that name this database.
so_bytes so_db_id(const so_db *db);

// --- objects --------------------------------------------------------------------------------

// so_db_objects gives the object set of repository `repo` (1..SO_DB_REPO_MAX; LIMIT otherwise, or
// when there is no memory). It may be copied and lives until the database is closed.
SO_MUST_USE so_status so_db_objects(so_db *db, uint32_t repo, so_objects *out);

typedef enum so_codec {
  SO_CODEC_RAW = 0,
  SO_CODEC_ZLIB = 1,  // RFC 1950.
} so_codec;

// An object as it is stored.
typedef struct so_stored {
  so_kind kind;
  so_codec codec;
  uint32_t raw_len;
  so_bytes bytes;
  void *memory;  // so_db_stored_release frees it.
  size_t memory_len;
} so_stored;

// so_db_get_stored reads an object as it is stored (checksum verified), to send it on without
// inflating. NOT_FOUND, CORRUPT, IO, LIMIT. so_db_stored_release afterwards.
SO_MUST_USE so_status so_db_get_stored(so_db *db, uint32_t repo, const so_oid *oid, so_stored *out);
void so_db_stored_release(so_db *db, so_stored *stored);

// so_db_put_stored adds an object in stored form: it must inflate to exactly raw_len bytes that
// hash to `oid` (MALFORMED otherwise), and `check` (may be NULL) must say OK to its payload; only
// then is it put, as it is. `stored->memory` is not used.
SO_MUST_USE so_status
so_db_put_stored(so_db *db, uint32_t repo, const so_oid *oid, const so_stored *stored,
                 so_status (*check)(void *ctx, so_kind kind, so_bytes payload), void *ctx);

// --- meta map -------------------------------------------------------------------------------

typedef struct so_meta_op {
  so_bytes key;    // 1..SO_DB_KEY_LEN_MAX
  so_bytes value;  // 0..SO_DB_VALUE_LEN_MAX; not looked at when `is_delete`.
  bool is_delete;  // Deleting what is not there is no change.
  bool is_check;   // Only the expectation; changes nothing.
  // The change is made only if the key now has...
  bool has_expected;     // ... a value that equals `expected`,
  bool expects_absence;  // ... or no value.
  so_bytes expected;
} so_meta_op;

// so_db_meta_get copies the value of `key` into `arena`. NOT_FOUND.
SO_MUST_USE so_status so_db_meta_get(so_db *db, so_bytes key, so_arena *arena, so_bytes *out);

// so_db_meta_apply makes all changes or none, visible at once to everybody; durable, as a whole,
// after the next flush. A key occurs at most once (MALFORMED). CONFLICT: an expectation does not
// hold, `*out_failed` (may be NULL) is the index of the first such. `*out_seq` (may be NULL) is
// the sequence number of this change: 1 more than of the one before, since the format.
SO_MUST_USE so_status so_db_meta_apply(so_db *db, const so_meta_op *ops, size_t count,
                                       uint64_t *out_seq, size_t *out_failed);

// A walk over the meta map as it was at so_db_meta_scan, whatever is applied meanwhile. Ascending
// only: keys whose newest is wanted first hold the complement of their number.
typedef struct so_meta_scan so_meta_scan;

// so_db_meta_scan starts at the first key that begins with `prefix` and is > `after` (empty: from
// the first). Close every scan that was started.
SO_MUST_USE so_status so_db_meta_scan(so_db *db, so_bytes prefix, so_bytes after,
                                      so_meta_scan **out);

// so_db_meta_seek moves the scan to the first key >= `key` (within the prefix), which may be
// before or after the present one.
SO_MUST_USE so_status so_db_meta_seek(so_meta_scan *scan, so_bytes key);

// so_db_meta_next gives the next key in ascending order; views live until the next call on the
// scan. NOT_FOUND at the end.
SO_MUST_USE so_status so_db_meta_next(so_meta_scan *scan, so_bytes *out_key, so_bytes *out_value);
void so_db_meta_scan_close(so_meta_scan *scan);

// --- durability -----------------------------------------------------------------------------

// so_db_flush: everything put and applied before the call is durable when it returns OK. LIMIT: the
// medium is full; what could not be written stays in memory and the next flush tries again.
SO_MUST_USE so_status so_db_flush(so_db *db);

// Sequence numbers of the newest change applied, and of the newest that is known to be durable.
uint64_t so_db_applied_seq(const so_db *db);
uint64_t so_db_durable_seq(const so_db *db);

// so_db_checkpoint makes the tail that an open would replay empty. Happens by itself; a caller may
// do it when idle. A writer.
SO_MUST_USE so_status so_db_checkpoint(so_db *db);

// --- looking at it --------------------------------------------------------------------------

typedef struct so_db_stats {
  uint64_t capacity;
  uint32_t segment_len;
  uint32_t segment_count;
  uint32_t free_segments;
  uint32_t log_segments;
  uint32_t index_segments;
  uint64_t object_count;
  uint64_t object_raw_len;     // Sum of payloads.
  uint64_t object_stored_len;  // Sum as stored, without headers.
  uint64_t log_len;            // Bytes of log, padding and headers included.
  uint64_t index_len;          // Bytes of index runs.
  uint32_t run_count;
  uint64_t checkpoints;  // Since the format.
  uint64_t flushes;      // Since the open, as the following.
  uint64_t puts;
  uint64_t duplicate_puts;
  uint64_t cache_hits;
  uint64_t cache_misses;
  uint64_t device_reads;
  uint64_t device_writes;
  uint64_t bytes_read;
  uint64_t bytes_written;
  uint64_t cache_used;
  uint64_t replayed;  // Records that the open replayed.
} so_db_stats;

void so_db_get_stats(const so_db *db, so_db_stats *out);

// Something that so_db_fsck found to be wrong.
typedef struct so_db_damage {
  so_db_part part;
  uint64_t offset;  // On the device.
  bool has_object;
  uint32_t repo;  // 0: the meta map's own nodes.
  so_oid oid;
  const char *text;  // One sentence for people.
} so_db_damage;

typedef struct so_db_fsck_visitor {
  // A status that is not OK stops the check and is returned.
  so_status (*damage)(void *ctx, const so_db_damage *damage);
  // Every whole object, of repositories other than 0. May be NULL.
  so_status (*object)(void *ctx, uint32_t repo, const so_oid *oid, so_kind kind, uint32_t raw_len);
  void *ctx;
} so_db_fsck_visitor;

typedef struct so_db_fsck_result {
  uint64_t objects;
  uint64_t records;
  uint64_t damaged;
} so_db_fsck_result;

// so_db_fsck checks everything that is stored: superblocks, segments, every record's checksum,
// every object's hash, every index page, that index and log agree, and the meta map. OK also when
// damage was reported; another status only when it could not go on.
SO_MUST_USE so_status so_db_fsck(so_db *db, const so_db_fsck_visitor *visitor,
                                 so_db_fsck_result *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_DISK_DB_H_
