#include "base/mem.h"
#include "base/writer.h"
#include "store/codec/codec.h"
#include "store/sync/internal.h"
#include "store/sync/sync.h"
#include "store/walk/walk.h"

// Pieces are gathered to about this much before they are written.
#define PIECE_LEN (64u << 10)
// Names of objects sent lately, so that most of what is met again is not sent again.
#define SENT_COUNT (1u << 16)
#define TAGS_MAX 8
#define DEFLATE_LEVEL 1
#define PROGRESS_EVERY 256

typedef struct oid_list {
  so_oid *items;
  size_t count;
  size_t cap;
} oid_list;

typedef struct sender {
  const so_send_request *request;
  const so_heap *heap;
  so_history history;
  oid_list commits;  // To send, the newest first.
  oid_list tags;     // To send after them, what is referred to first.
  so_oid *sent;
  so_buf out;
  so_buf packed;
  so_deflater *deflater;
  so_blake2b digest;
  uint64_t met;      // Records, those skipped included.
  uint64_t written;  // Records.
  so_sync_progress progress;
} sender;

// --- what to send ---------------------------------------------------------------------------

static so_status append_oid(const so_heap *heap, oid_list *list, const so_oid *oid) {
  if (list->count == list->cap) {
    const size_t cap = list->cap == 0 ? 64 : 2 * list->cap;
    so_oid *items =
        heap->resize(heap->ctx, list->items, list->cap * sizeof *items, cap * sizeof *items);
    if (items == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    list->items = items;
    list->cap = cap;
  }
  list->items[list->count++] = *oid;
  return so_done();
}

// add_tags lists the tags between a want and its commit, the innermost first.
static so_status add_tags(sender *s, const so_oid *want) {
  so_oid chain[TAGS_MAX + 1];
  size_t count = 0;
  so_oid at = *want;
  while (count <= TAGS_MAX) {
    so_object object;
    SO_TRY(so_objects_get(s->request->store->objects, &at, &object));
    so_tag tag;
    const bool is_tag = object.kind == SO_KIND_TAG && so_ok(so_tag_decode(object.bytes, &tag));
    if (is_tag) {
      chain[count++] = at;
      at = tag.target;
    }
    so_objects_unpin(s->request->store->objects, &object);
    if (!is_tag) {
      break;
    }
  }
  while (count > 0) {
    SO_TRY(append_oid(s->heap, &s->tags, &chain[--count]));
  }
  return so_done();
}

static so_status hide_haves(const so_history *history, so_commit_log *log, const so_oid *haves,
                            size_t count) {
  for (size_t i = 0; i < count; i++) {
    so_oid commit;
    const so_status s = so_commit_of(history->tree->objects, &haves[i], &commit);
    if (so_ok(s)) {
      SO_TRY(so_commit_log_hide(log, &commit));
    } else if (!so_is(s, SO_NOT_FOUND) && !so_is(s, SO_CONFLICT)) {
      return s;
    }
  }
  return so_done();
}

// open_missing starts a log of the commits that wants have and haves have not.
static so_status open_missing(const so_history *history, const so_oid *wants, size_t want_count,
                              const so_oid *haves, size_t have_count, so_commit_log **out) {
  if (want_count > SO_SYNC_OIDS_MAX || have_count > SO_SYNC_OIDS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  oid_list tips = {NULL, 0, 0};
  const so_heap *heap = history->tree->heap;
  so_status s = so_done();
  for (size_t i = 0; i < want_count && so_ok(s); i++) {
    so_oid commit;
    s = so_commit_of(history->tree->objects, &wants[i], &commit);
    // What is neither commit nor tag of one cannot be wanted.
    s = so_is(s, SO_CONFLICT) ? so_status_make(SO_NOT_FOUND, 0) : s;
    if (so_ok(s)) {
      s = append_oid(heap, &tips, &commit);
    }
  }
  if (so_ok(s)) {
    s = so_commit_log_open(history, tips.items, tips.count, so_bytes_of(NULL, 0), out);
  }
  so_heap_free(heap, tips.items, tips.cap * sizeof *tips.items);
  SO_TRY(s);
  s = hide_haves(history, *out, haves, have_count);
  if (!so_ok(s)) {
    so_commit_log_close(*out);
  }
  return s;
}

static so_history bounded(const so_history *history) {
  so_history h = *history;
  h.commits_max = h.commits_max == 0 ? SO_SYNC_COMMITS_MAX : h.commits_max;
  return h;
}

so_status so_sync_count(const so_history *history, const so_oid *wants, size_t want_count,
                        const so_oid *haves, size_t have_count, uint64_t *out_commits) {
  const so_history h = bounded(history);
  so_commit_log *log;
  SO_TRY(open_missing(&h, wants, want_count, haves, have_count, &log));
  so_commit_log_entry entry;
  so_status s = so_commit_log_next(log, &entry);
  *out_commits = 0;
  while (so_ok(s)) {
    (*out_commits)++;
    s = so_commit_log_next(log, &entry);
  }
  so_commit_log_close(log);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status list_commits(sender *s) {
  const so_send_request *q = s->request;
  so_commit_log *log;
  SO_TRY(open_missing(&s->history, q->wants, q->want_count, q->haves, q->have_count, &log));
  so_status status = so_done();
  while (so_ok(status)) {
    so_commit_log_entry entry;
    status = so_commit_log_next(log, &entry);
    if (so_ok(status)) {
      status = append_oid(s->heap, &s->commits, &entry.oid);
    }
  }
  so_commit_log_close(log);
  if (!so_is(status, SO_NOT_FOUND)) {
    return status;
  }
  for (size_t i = 0; i < q->want_count; i++) {
    SO_TRY(add_tags(s, &q->wants[i]));
  }
  s->progress.commits_total = s->commits.count;
  return so_done();
}

// --- writing --------------------------------------------------------------------------------

static so_status flush(sender *s) {
  so_bytes piece = {0};
  SO_TRY(so_buf_end(&s->out, &piece));
  if (piece.len != 0) {
    s->progress.bytes += piece.len;
    SO_TRY(s->request->write(s->request->ctx, piece));
    so_buf_clear(&s->out);
  }
  return so_done();
}

// emit appends bytes to the stream and to its digest.
static void emit(sender *s, so_bytes bytes) {
  so_blake2b_update(&s->digest, bytes);
  so_buf_append(&s->out, bytes);
}

static so_status emit_record(sender *s, const so_oid *oid, const so_stored *stored) {
  uint8_t head[SO_PACK_RECORD_HEADER_LEN];
  so_writer w = so_writer_of(head, sizeof head);
  so_write_u8(&w, (uint8_t)stored->kind);
  so_write_u8(&w, (uint8_t)stored->codec);
  so_write_u32be(&w, (uint32_t)stored->bytes.len);
  so_write_u32be(&w, stored->raw_len);
  so_write_bytes(&w, so_bytes_of(oid->bytes, SO_OID_LEN));
  emit(s, so_writer_bytes(&w));
  emit(s, stored->bytes);
  s->written++;
  return s->out.len >= PIECE_LEN ? flush(s) : so_done();
}

// pack compresses an object, for stores that do not hand out what they hold.
static so_status pack(sender *s, const so_object *object, so_stored *out) {
  if (s->deflater == NULL) {
    SO_TRY(so_deflater_open(s->heap, DEFLATE_LEVEL, &s->deflater));
  }
  out->kind = object->kind;
  out->raw_len = (uint32_t)object->bytes.len;
  out->codec = SO_CODEC_RAW;
  out->bytes = object->bytes;
  so_buf_clear(&s->packed);
  uint8_t *room = so_buf_reserve(&s->packed, object->bytes.len + 1);
  size_t len = 0;
  if (room == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (so_ok(so_deflate(s->deflater, object->bytes, room, object->bytes.len, &len))) {
    out->codec = SO_CODEC_ZLIB;
    out->bytes = so_bytes_of(room, len);
  }
  return so_done();
}

static so_status send_packed(sender *s, const so_oid *oid) {
  const so_objects *objects = s->request->store->objects;
  so_object object;
  SO_TRY(so_objects_get(objects, oid, &object));
  so_stored stored;
  memset(&stored, 0, sizeof stored);
  so_status status = pack(s, &object, &stored);
  if (so_ok(status)) {
    status = emit_record(s, oid, &stored);
  }
  so_objects_unpin(objects, &object);
  return status;
}

static so_status send_stored(sender *s, const so_oid *oid) {
  const so_pack_store *store = s->request->store;
  so_stored stored;
  SO_TRY(store->get_stored(store->ctx, oid, &stored));
  const so_status status = emit_record(s, oid, &stored);
  store->release_stored(store->ctx, &stored);
  return status;
}

// was_sent asks and remembers. A name that another one pushed out may be sent again, which the
// receiver tolerates.
static bool was_sent(sender *s, const so_oid *oid) {
  uint32_t slot;
  memcpy(&slot, oid->bytes, sizeof slot);
  so_oid *at = &s->sent[slot % SENT_COUNT];
  const bool same = so_oid_equal(at, oid);
  *at = *oid;
  return same;
}

static so_status report(const sender *s) {
  const so_send_request *q = s->request;
  return q->progress == NULL ? so_done() : q->progress(q->ctx, &s->progress);
}

static so_status send_object(void *ctx, const so_oid *oid, so_kind kind) {
  sender *s = ctx;
  (void)kind;
  if (was_sent(s, oid)) {
    return so_done();
  }
  s->progress.objects++;
  if (s->progress.objects % PROGRESS_EVERY == 0) {
    SO_TRY(report(s));
  }
  if (s->met++ < s->request->skip) {
    return so_done();
  }
  return s->request->store->get_stored != NULL ? send_stored(s, oid) : send_packed(s, oid);
}

static so_status read_roots(const so_objects *objects, const so_oid *oid, so_oid *root,
                            so_oid *parent) {
  so_object object;
  SO_TRY(so_objects_get_kind(objects, oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  const so_status s = so_commit_decode(object.bytes, &commit);
  if (so_ok(s)) {
    *root = commit.root;
    *parent = commit.parent_count == 0 ? *parent : commit.parents[0];
  }
  so_objects_unpin(objects, &object);
  return so_ok(s) ? s : so_status_make(SO_CORRUPT, 0);
}

// send_commit sends what a commit's map has and that of its first parent has not, then the commit.
static so_status send_commit(sender *s, const so_oid *oid) {
  const so_objects *objects = s->request->store->objects;
  so_oid root = {{0}};
  so_oid parent = {{0}};
  so_oid from = {{0}};
  so_oid ignored = {{0}};
  SO_TRY(read_roots(objects, oid, &root, &parent));
  if (!so_oid_is_none(&parent)) {
    SO_TRY(read_roots(objects, &parent, &from, &ignored));
  }
  SO_TRY(so_walk_new(s->history.tree, &from, &root, send_object, s));
  SO_TRY(send_object(s, oid, SO_KIND_COMMIT));
  s->progress.commits_done++;
  return so_done();
}

static void emit_header(sender *s) {
  uint8_t head[SO_PACK_HEADER_LEN];
  so_writer w = so_writer_of(head, sizeof head);
  so_write_bytes(&w, so_bytes_of(SO_PACK_MAGIC, 4));
  so_write_u16be(&w, SO_PACK_VERSION);
  so_write_u16be(&w, 0);
  emit(s, so_writer_bytes(&w));
}

static so_status emit_end(sender *s) {
  uint8_t end[SO_PACK_END_LEN];
  so_writer w = so_writer_of(end, sizeof end);
  so_write_u8(&w, 0);
  so_write_u64be(&w, s->written);
  emit(s, so_writer_bytes(&w));
  uint8_t digest[SO_BLAKE2B_256_LEN];
  so_blake2b_final(&s->digest, digest);
  so_buf_append(&s->out, so_bytes_of(digest, sizeof digest));
  SO_TRY(flush(s));
  return report(s);
}

static so_status run(sender *s) {
  s->sent = so_heap_alloc_array(s->heap, SENT_COUNT, sizeof *s->sent);
  if (s->sent == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  SO_TRY(list_commits(s));
  emit_header(s);
  for (size_t i = s->commits.count; i-- > 0;) {
    SO_TRY(send_commit(s, &s->commits.items[i]));
  }
  for (size_t i = 0; i < s->tags.count; i++) {
    SO_TRY(send_object(s, &s->tags.items[i], SO_KIND_TAG));
  }
  return emit_end(s);
}

so_status so_send(const so_send_request *request, so_sync_progress *out) {
  sender s;
  memset(&s, 0, sizeof s);
  s.request = request;
  s.history = bounded(request->history);
  s.heap = request->history->tree->heap;
  so_buf_init(&s.out, s.heap, PIECE_LEN + SO_OBJECT_LEN_MAX + 4096);
  so_buf_init(&s.packed, s.heap, SO_OBJECT_LEN_MAX + 4096);
  so_blake2b_init(&s.digest);
  const so_status status = run(&s);
  *out = s.progress;
  if (s.deflater != NULL) {
    so_deflater_close(s.deflater);
  }
  so_heap_free(s.heap, s.commits.items, s.commits.cap * sizeof *s.commits.items);
  so_heap_free(s.heap, s.tags.items, s.tags.cap * sizeof *s.tags.items);
  so_heap_free(s.heap, s.sent, SENT_COUNT * sizeof *s.sent);
  so_buf_release(&s.out);
  so_buf_release(&s.packed);
  return status;
}
