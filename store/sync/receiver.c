#include "base/assert.h"
#include "base/mem.h"
#include "base/reader.h"
#include "store/check/check.h"
#include "store/codec/codec.h"
#include "store/sync/internal.h"
#include "store/sync/sync.h"

// zlib makes what does not compress a little longer; anything beyond is not ours.
#define STORED_SLACK 1024

typedef enum state {
  STATE_HEADER,
  STATE_KIND,  // The first byte of a record says how long its head is.
  STATE_RECORD,
  STATE_PAYLOAD,
  STATE_END,
  STATE_DONE,
} state;

struct so_receiver {
  const so_pack_store *store;
  const so_heap *heap;
  so_receive_limits limits;
  state state;
  size_t need;  // Bytes of `in` that the state waits for.
  so_buf in;
  so_buf raw;  // An inflated object, for stores that only take those.
  so_inflater *inflater;
  so_blake2b digest;
  so_oid oid;        // Of the record being read...
  so_stored record;  // ... and its head.
  uint64_t records;
  uint64_t raw_total;
  so_status failure;       // Sticky.
  so_pack_error rejected;  // Why a check said no.
  so_sync_progress progress;
  so_oid tips[SO_SYNC_TIPS_MAX];  // The newest last.
  so_oid tips_out[SO_SYNC_TIPS_MAX];
  size_t tip_count;
};

const char *so_pack_error_text(so_pack_error error) {
  switch (error) {
    case SO_PACK_OK:
      return "no error in the pack";
    case SO_PACK_BAD_MAGIC:
      return "this is not a pack stream";
    case SO_PACK_BAD_VERSION:
      return "the pack has a version that is not known here";
    case SO_PACK_BAD_KIND:
      return "a record has an unknown kind";
    case SO_PACK_BAD_CODEC:
      return "a record has an unknown codec";
    case SO_PACK_TOO_LARGE:
      return "a record is larger than objects may be";
    case SO_PACK_BAD_ZLIB:
      return "a record does not inflate to the length it names";
    case SO_PACK_BAD_OBJECT:
      return "an object is not a canonical encoding, or not what its name says";
    case SO_PACK_BAD_GENERATION:
      return "a commit has a wrong generation number";
    case SO_PACK_MISSING_CHILD:
      return "an object refers to one that is not here";
    case SO_PACK_BAD_COUNT:
      return "the pack does not have as many records as it says";
    case SO_PACK_BAD_DIGEST:
      return "the checksum of the pack is wrong";
    case SO_PACK_TRAILING:
      return "there are bytes after the end of the pack";
    case SO_PACK_TRUNCATED:
      return "the pack ends in the middle";
    case SO_PACK_TOO_MANY:
      return "the pack holds more than may be sent here";
  }
  return "the pack is damaged";
}

static so_status refuse(so_pack_error error) {
  so_code code = SO_MALFORMED;
  if (error == SO_PACK_BAD_VERSION) {
    code = SO_UNSUPPORTED;
  } else if (error == SO_PACK_TOO_LARGE || error == SO_PACK_TOO_MANY) {
    code = SO_LIMIT;
  }
  return so_status_make(code, (uint16_t)error);
}

static void enter(so_receiver *r, state next, size_t need) {
  r->state = next;
  r->need = need;
}

so_status so_receiver_open(const so_pack_store *store, const so_heap *heap,
                           const so_receive_limits *limits, so_receiver **out) {
  so_receiver *r = so_heap_alloc_array(heap, 1, sizeof *r);
  if (r == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  r->store = store;
  r->heap = heap;
  if (limits != NULL) {
    r->limits = *limits;
  }
  so_buf_init(&r->in, heap, SO_OBJECT_LEN_MAX + STORED_SLACK);
  so_buf_init(&r->raw, heap, SO_OBJECT_LEN_MAX + 1);
  so_blake2b_init(&r->digest);
  enter(r, STATE_HEADER, SO_PACK_HEADER_LEN);
  *out = r;
  return so_done();
}

void so_receiver_close(so_receiver *r) {
  if (r->inflater != NULL) {
    so_inflater_close(r->inflater);
  }
  so_buf_release(&r->in);
  so_buf_release(&r->raw);
  so_heap_free(r->heap, r, sizeof *r);
}

// --- checking objects -----------------------------------------------------------------------

// visit_child holds the closure invariant. That a chunk is a chunk is left to its readers: looking
// would mean to read every value whose entry is near a change.
static so_status visit_child(void *ctx, const so_oid *child, so_kind kind) {
  so_receiver *r = ctx;
  so_status s;
  if (kind == SO_KIND_CHUNK) {
    s = so_objects_has(r->store->objects, child);
  } else {
    so_object object;
    s = so_objects_get_kind(r->store->objects, child, kind, &object);
    if (so_ok(s)) {
      so_objects_unpin(r->store->objects, &object);
    }
  }
  if (so_is(s, SO_NOT_FOUND)) {
    r->rejected = SO_PACK_MISSING_CHILD;
    return refuse(r->rejected);
  }
  return s;
}

static so_status generation_of(const so_receiver *r, const so_oid *oid, uint64_t *out) {
  so_object object;
  SO_TRY(so_objects_get_kind(r->store->objects, oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  const so_status s = so_commit_decode(object.bytes, &commit);
  *out = so_ok(s) ? commit.generation : 0;
  so_objects_unpin(r->store->objects, &object);
  return so_ok(s) ? s : so_status_make(SO_CORRUPT, 0);
}

// check_generation: every walk over the graph relies on it.
static so_status check_generation(so_receiver *r, so_bytes payload) {
  so_commit commit;
  SO_TRY(so_commit_decode(payload, &commit));
  uint64_t wanted = 1;
  for (uint32_t i = 0; i < commit.parent_count; i++) {
    uint64_t generation = 0;
    SO_TRY(generation_of(r, &commit.parents[i], &generation));
    wanted = generation >= wanted ? generation + 1 : wanted;
  }
  if (commit.generation != wanted) {
    r->rejected = SO_PACK_BAD_GENERATION;
    return refuse(r->rejected);
  }
  return so_done();
}

static so_status root_of(const so_receiver *r, const so_oid *oid, so_oid *out) {
  so_object object;
  SO_TRY(so_objects_get_kind(r->store->objects, oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  const so_status s = so_commit_decode(object.bytes, &commit);
  if (so_ok(s)) {
    *out = commit.root;
  }
  so_objects_unpin(r->store->objects, &object);
  return so_ok(s) ? s : so_status_make(SO_CORRUPT, 0);
}

// check_map: nodes that are valid one by one can still make a map of a shape that its content does
// not have. Against the first parent's, which was checked when it came, that costs the difference.
static so_status check_map(so_receiver *r, so_bytes payload) {
  so_commit commit;
  so_oid trusted = {{0}};
  if (r->store->salt == NULL) {
    return so_done();
  }
  SO_TRY(so_commit_decode(payload, &commit));
  if (commit.parent_count != 0) {
    SO_TRY(root_of(r, &commit.parents[0], &trusted));
  }
  so_tree tree = {.objects = r->store->objects, .heap = r->heap};
  memcpy(tree.salt, r->store->salt, SO_SALT_LEN);
  return so_tree_verify(&tree, &trusted, &commit.root);
}

static so_status check_object(void *ctx, so_kind kind, so_bytes payload) {
  so_receiver *r = ctx;
  so_status s = so_object_each_child(kind, payload, visit_child, r);
  if (so_ok(s) && kind == SO_KIND_COMMIT) {
    s = check_generation(r, payload);
    if (so_ok(s)) {
      s = check_map(r, payload);
    }
  }
  if (so_is(s, SO_MALFORMED) && r->rejected == SO_PACK_OK) {
    r->rejected = SO_PACK_BAD_OBJECT;
  }
  return s;
}

// --- putting --------------------------------------------------------------------------------

static so_status inflate(so_receiver *r, so_bytes *out) {
  if (r->record.codec == SO_CODEC_RAW) {
    *out = r->record.bytes;
    return so_done();
  }
  if (r->inflater == NULL) {
    SO_TRY(so_inflater_open(r->heap, &r->inflater));
  }
  so_buf_clear(&r->raw);
  uint8_t *room = so_buf_reserve(&r->raw, (size_t)r->record.raw_len + 1);
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  *out = so_bytes_of(room, r->record.raw_len);
  return so_ok(so_inflate(r->inflater, r->record.bytes, room, r->record.raw_len))
             ? so_done()
             : refuse(SO_PACK_BAD_ZLIB);
}

static so_status put_unpacked(so_receiver *r) {
  so_bytes payload;
  SO_TRY(inflate(r, &payload));
  so_oid oid;
  so_oid_of(r->record.kind, payload, &oid);
  if (!so_oid_equal(&oid, &r->oid)) {
    return refuse(SO_PACK_BAD_OBJECT);
  }
  const so_status s = check_object(r, r->record.kind, payload);
  if (!so_ok(s)) {
    return r->rejected != SO_PACK_OK ? refuse(r->rejected) : s;
  }
  return so_objects_put(r->store->objects, r->record.kind, payload, &oid);
}

static so_status put_stored(so_receiver *r) {
  const so_status s = r->store->put_stored(r->store->ctx, &r->oid, &r->record, check_object, r);
  if (so_ok(s)) {
    return s;
  }
  if (r->rejected != SO_PACK_OK) {
    return refuse(r->rejected);
  }
  return so_is(s, SO_MALFORMED) ? refuse(SO_PACK_BAD_OBJECT) : s;
}

static void drop_tip(so_receiver *r, const so_oid *oid) {
  for (size_t i = 0; i < r->tip_count; i++) {
    if (so_oid_equal(&r->tips[i], oid)) {
      memmove(&r->tips[i], &r->tips[i + 1], (r->tip_count - i - 1) * sizeof r->tips[0]);
      r->tip_count--;
      return;
    }
  }
}

// note_commit keeps the tips. What falls off the end is the oldest, whose descendants cost most to
// send again if it is missing among the haves; it is also the least likely to be one still.
static so_status note_commit(so_receiver *r) {
  so_object object;
  SO_TRY(so_objects_get_kind(r->store->objects, &r->oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  const so_status s = so_commit_decode(object.bytes, &commit);
  for (uint32_t i = 0; so_ok(s) && i < commit.parent_count; i++) {
    drop_tip(r, &commit.parents[i]);
  }
  so_objects_unpin(r->store->objects, &object);
  SO_TRY(s);
  drop_tip(r, &r->oid);
  if (r->tip_count == SO_SYNC_TIPS_MAX) {
    drop_tip(r, &r->tips[0]);
  }
  r->tips[r->tip_count++] = r->oid;
  r->progress.commits_done++;
  return so_done();
}

static so_status accept(so_receiver *r) {
  r->record.bytes = so_buf_bytes(&r->in);
  r->rejected = SO_PACK_OK;
  so_status s = so_objects_has(r->store->objects, &r->oid);
  if (so_is(s, SO_NOT_FOUND)) {
    s = r->store->put_stored != NULL ? put_stored(r) : put_unpacked(r);
  }
  SO_TRY(s);
  r->progress.objects++;
  if (r->record.kind == SO_KIND_COMMIT) {
    s = note_commit(r);
    // The object was here before, under a name that the record calls a commit.
    return so_is(s, SO_CORRUPT) ? refuse(SO_PACK_BAD_OBJECT) : s;
  }
  return so_done();
}

// --- the stream -----------------------------------------------------------------------------

static so_status parse_header(so_receiver *r) {
  so_reader in = so_reader_of(so_buf_bytes(&r->in));
  so_bytes magic = {0};
  uint16_t version = 0;
  uint16_t flags = 0;
  if (!so_read_bytes(&in, 4, &magic) || !so_bytes_equal(magic, so_bytes_of(SO_PACK_MAGIC, 4))) {
    return refuse(SO_PACK_BAD_MAGIC);
  }
  if (!so_read_u16be(&in, &version) || !so_read_u16be(&in, &flags) || !so_reader_done(&in) ||
      version != SO_PACK_VERSION || flags != 0) {
    return refuse(SO_PACK_BAD_VERSION);
  }
  enter(r, STATE_KIND, 1);
  return so_done();
}

static so_status check_lengths(const so_receiver *r, uint32_t stored_len) {
  const so_stored *x = &r->record;
  if (x->raw_len > SO_OBJECT_LEN_MAX || stored_len > x->raw_len + STORED_SLACK) {
    return refuse(SO_PACK_TOO_LARGE);
  }
  if (x->codec == SO_CODEC_RAW && stored_len != x->raw_len) {
    return refuse(SO_PACK_BAD_ZLIB);
  }
  if ((r->limits.objects_max != 0 && r->records > r->limits.objects_max) ||
      (r->limits.bytes_max != 0 && r->raw_total > r->limits.bytes_max)) {
    return refuse(SO_PACK_TOO_MANY);
  }
  return so_done();
}

static so_status parse_record(so_receiver *r) {
  so_reader in = so_reader_of(so_buf_bytes(&r->in));
  uint8_t kind = 0;
  uint8_t codec = 0;
  uint32_t stored_len = 0;
  memset(&r->record, 0, sizeof r->record);
  const bool fits = so_read_u8(&in, &kind) && so_read_u8(&in, &codec) &&
                    so_read_u32be(&in, &stored_len) && so_read_u32be(&in, &r->record.raw_len) &&
                    so_read_copy(&in, r->oid.bytes, SO_OID_LEN) && so_reader_done(&in);
  SO_ASSERT(fits);  // The state waited for exactly this many bytes.
  if (codec != SO_CODEC_RAW && codec != SO_CODEC_ZLIB) {
    return refuse(SO_PACK_BAD_CODEC);
  }
  r->record.kind = (so_kind)kind;
  r->record.codec = (so_codec)codec;
  r->records++;
  r->raw_total += r->record.raw_len;
  SO_TRY(check_lengths(r, stored_len));
  enter(r, STATE_PAYLOAD, stored_len);
  return so_done();
}

static so_status parse_kind(so_receiver *r) {
  const uint8_t kind = r->in.ptr[0];
  if (kind == 0) {
    enter(r, STATE_END, SO_PACK_END_LEN);
  } else if (kind <= SO_KIND_TAG) {
    enter(r, STATE_RECORD, SO_PACK_RECORD_HEADER_LEN);
  } else {
    return refuse(SO_PACK_BAD_KIND);
  }
  return so_done();
}

static so_status parse_end(so_receiver *r) {
  so_reader in = so_reader_of(so_buf_bytes(&r->in));
  uint64_t count = 0;
  so_bytes digest = {0};
  const bool fits = so_skip(&in, 1) && so_read_u64be(&in, &count) &&
                    so_read_bytes(&in, SO_BLAKE2B_256_LEN, &digest) && so_reader_done(&in);
  SO_ASSERT(fits);
  so_blake2b_update(&r->digest,
                    so_bytes_first(so_buf_bytes(&r->in), SO_PACK_END_LEN - SO_BLAKE2B_256_LEN));
  uint8_t wanted[SO_BLAKE2B_256_LEN];
  so_blake2b_final(&r->digest, wanted);
  if (!so_bytes_equal(digest, so_bytes_of(wanted, sizeof wanted))) {
    return refuse(SO_PACK_BAD_DIGEST);
  }
  if (count != r->records) {
    return refuse(SO_PACK_BAD_COUNT);
  }
  enter(r, STATE_DONE, 0);
  return so_done();
}

// step acts on the bytes that the state waited for, which are all in `in`.
static so_status step(so_receiver *r) {
  switch (r->state) {
    case STATE_HEADER:
      so_blake2b_update(&r->digest, so_buf_bytes(&r->in));
      SO_TRY(parse_header(r));
      so_buf_clear(&r->in);
      return so_done();
    case STATE_KIND:
      return parse_kind(r);  // The byte stays: it is the first of what comes next.
    case STATE_RECORD:
      so_blake2b_update(&r->digest, so_buf_bytes(&r->in));
      SO_TRY(parse_record(r));
      so_buf_clear(&r->in);
      return so_done();
    case STATE_PAYLOAD:
      so_blake2b_update(&r->digest, so_buf_bytes(&r->in));
      SO_TRY(accept(r));
      so_buf_clear(&r->in);
      enter(r, STATE_KIND, 1);
      return so_done();
    case STATE_END:
      SO_TRY(parse_end(r));
      so_buf_clear(&r->in);
      return so_done();
    case STATE_DONE:
      return refuse(SO_PACK_TRAILING);
  }
  return so_status_make(SO_INTERNAL, 0);
}

static so_status feed(so_receiver *r, so_bytes bytes) {
  for (;;) {
    if (r->state == STATE_DONE) {
      return bytes.len == 0 ? so_done() : refuse(SO_PACK_TRAILING);
    }
    const so_bytes taken = so_bytes_first(bytes, r->need - r->in.len);
    so_buf_append(&r->in, taken);
    bytes = so_bytes_from(bytes, taken.len);
    so_bytes ignored;
    SO_TRY(so_buf_end(&r->in, &ignored));
    if (r->in.len < r->need) {
      return so_done();
    }
    SO_TRY(step(r));
  }
}

so_status so_receiver_feed(so_receiver *r, so_bytes bytes) {
  SO_TRY(r->failure);
  r->progress.bytes += bytes.len;
  r->failure = feed(r, bytes);
  return r->failure;
}

so_status so_receiver_end(so_receiver *r) {
  SO_TRY(r->failure);
  if (r->state != STATE_DONE) {
    r->failure = refuse(SO_PACK_TRUNCATED);
  }
  return r->failure;
}

so_sync_progress so_receiver_progress(const so_receiver *r) { return r->progress; }

const so_oid *so_receiver_tips(so_receiver *r, size_t *out_count) {
  for (size_t i = 0; i < r->tip_count; i++) {
    r->tips_out[i] = r->tips[r->tip_count - 1 - i];
  }
  *out_count = r->tip_count;
  return r->tips_out;
}
