#ifndef SO_STORE_SYNC_SYNC_H_
#define SO_STORE_SYNC_SYNC_H_

// Transfer of objects between two stores: fetch, push and clone.
//
// The sender walks the commits that the receiver lacks, oldest first, and for each the difference
// of its map to that of its first parent, and streams the objects, children before parents. The
// receiver puts each object as soon as it is verified: its bytes are a canonical encoding, and all
// that it refers to is there already. So what an interrupted transfer leaves is complete as far as
// it goes, and trying again sends little that is known: so_receiver_tips are haves for the next
// try, and `skip` resumes the same stream inside a large commit.
//
// docs/formats.md, "Transfer", has the pack stream byte by byte.

#include "base/heap.h"
#include "crypto/blake2b/blake2b.h"
#include "store/disk/db.h"
#include "store/history/history.h"
#include "store/object/object.h"
#include "store/tree/tree.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_PACK_HEADER_LEN 8
#define SO_PACK_RECORD_HEADER_LEN 42
#define SO_PACK_END_LEN 41
// Wants and haves of one transfer.
#define SO_SYNC_OIDS_MAX 4096
// Commits that one transfer looks at; their names are held in memory.
#define SO_SYNC_COMMITS_MAX 500000
// Tips of the part received so far that so_receiver_tips gives.
#define SO_SYNC_TIPS_MAX 64

// Where objects are read from and put. `ctx` and the three calls are for stores that can pass on
// compressed objects as they are; without them (NULL) objects are packed and unpacked here.
typedef struct so_pack_store {
  const so_objects *objects;
  // As so_db_get_stored, so_db_stored_release and so_db_put_stored.
  so_status (*get_stored)(void *ctx, const so_oid *oid, so_stored *out);
  void (*release_stored)(void *ctx, so_stored *stored);
  so_status (*put_stored)(void *ctx, const so_oid *oid, const so_stored *stored,
                          so_status (*check)(void *ctx, so_kind kind, so_bytes payload),
                          void *check_ctx);
  void *ctx;
  // Receiving: the repository's salt, to hold the map of every new commit against the one shape that
  // its content can have (so_tree_verify). NULL: not checked.
  const uint8_t *salt;
} so_pack_store;

// --- sender ---------------------------------------------------------------------------------

typedef struct so_sync_progress {
  uint64_t commits_total;  // To send; known before the first object.
  uint64_t commits_done;
  uint64_t objects;  // Sent or accepted, duplicates included.
  uint64_t bytes;    // Of the stream.
} so_sync_progress;

typedef struct so_send_request {
  const so_history *history;  // commits_max 0 means SO_SYNC_COMMITS_MAX here.
  const so_pack_store *store;
  const so_oid *wants;  // Commits or tags. Each must be there: NOT_FOUND.
  size_t want_count;
  const so_oid *haves;  // Commits or tags that the receiver has; those not here are ignored.
  size_t have_count;
  uint64_t skip;  // Records at the beginning that the receiver has from an earlier try with the
                  // same wants and haves.
  // Takes the next piece of the stream, which lives during the call; may block.
  so_status (*write)(void *ctx, so_bytes piece);
  // Called now and then; may be NULL. A status that is not OK aborts.
  so_status (*progress)(void *ctx, const so_sync_progress *progress);
  void *ctx;
} so_send_request;

// so_send streams a whole pack. Memory: the names of the commits to send (about 100 bytes each), a
// fixed cache of what was sent, one object. Stops at the first failure of `write`, which it
// returns. When NOT_FOUND or LIMIT come before the first byte, nothing was written.
SO_MUST_USE so_status so_send(const so_send_request *request, so_sync_progress *out);

// so_sync_count answers what so_send would do: how many commits are missing.
SO_MUST_USE so_status so_sync_count(const so_history *history, const so_oid *wants,
                                    size_t want_count, const so_oid *haves, size_t have_count,
                                    uint64_t *out_commits);

// --- receiver -------------------------------------------------------------------------------

typedef struct so_receiver so_receiver;

// Why a stream was refused: so_status.detail of what so_receiver_feed returns.
typedef enum so_pack_error {
  SO_PACK_OK = 0,
  SO_PACK_BAD_MAGIC = 1,
  SO_PACK_BAD_VERSION,
  SO_PACK_BAD_KIND,
  SO_PACK_BAD_CODEC,
  SO_PACK_TOO_LARGE,       // A length over its limit; judged before anything is inflated.
  SO_PACK_BAD_ZLIB,        // Does not inflate to exactly the length it names.
  SO_PACK_BAD_OBJECT,      // Not a canonical encoding, or not what its name says.
  SO_PACK_BAD_GENERATION,  // A commit whose generation is not 1 more than its parents' largest.
  SO_PACK_MISSING_CHILD,   // Refers to what is neither here nor before it in the stream.
  SO_PACK_BAD_COUNT,
  SO_PACK_BAD_DIGEST,
  SO_PACK_TRAILING,   // Bytes after the end record.
  SO_PACK_TRUNCATED,  // The stream ended without an end record.
  SO_PACK_TOO_MANY,   // More objects or bytes than the receiver was told to take.
} so_pack_error;

// so_pack_error_text returns a sentence for people; never NULL.
const char *so_pack_error_text(so_pack_error error);

typedef struct so_receive_limits {
  uint64_t objects_max;  // 0: no limit.
  uint64_t bytes_max;    // Of raw payload. 0: no limit.
} so_receive_limits;

// so_receiver_open starts a receiver that puts into `store`, which must outlive it. Memory: at most
// two objects.
SO_MUST_USE so_status so_receiver_open(const so_pack_store *store, const so_heap *heap,
                                       const so_receive_limits *limits, so_receiver **out);

// so_receiver_feed takes the next bytes of the stream, all of them, cut anywhere. OK: go on.
// MALFORMED, UNSUPPORTED or LIMIT with an so_pack_error as detail; or what `objects` answered.
// Sticky.
SO_MUST_USE so_status so_receiver_feed(so_receiver *r, so_bytes bytes);

// so_receiver_end is called when the stream has ended: OK iff it was complete and all of it is in
// the store. The caller then checks that what it wanted is there, and flushes, before moving refs.
SO_MUST_USE so_status so_receiver_end(so_receiver *r);

// so_receiver_progress counts what was accepted. `commits_done` counts commits.
so_sync_progress so_receiver_progress(const so_receiver *r);

// so_receiver_tips views the commits accepted so far that no accepted commit has as parent, the
// newest first: haves for the next try. Lives until the next call on `r`.
const so_oid *so_receiver_tips(so_receiver *r, size_t *out_count);
void so_receiver_close(so_receiver *r);

#ifdef __cplusplus
}
#endif
#endif  // SO_STORE_SYNC_SYNC_H_
