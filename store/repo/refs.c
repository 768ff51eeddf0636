#include "base/mem.h"
#include "base/reader.h"
#include "store/repo/internal.h"

#define REF_VALUE_LEN_MAX 48
// A record is cut into values that the meta map takes.
#define LOG_PART_LEN 12000
#define LOG_HEAD_LEN 16
#define LOG_RECORD_LEN_MAX (SO_REF_CHANGES_MAX * (SO_REF_NAME_LEN_MAX + 80) + 4096)

// --- reading --------------------------------------------------------------------------------

so_status so_ref_decode(so_bytes value, so_ref *out) {
  so_reader r = so_reader_of(value);
  uint8_t kind = 0;
  if (!so_read_copy(&r, out->oid.bytes, SO_OID_LEN) || !so_read_u8(&r, &kind) ||
      !so_read_varint(&r, &out->seq) || !so_reader_done(&r) ||
      (kind != SO_KIND_COMMIT && kind != SO_KIND_TAG)) {
    return so_status_make(SO_CORRUPT, 0);
  }
  out->kind = (so_kind)kind;
  return so_done();
}

so_status so_ref_get(const so_repo *repo, so_bytes name, so_ref *out) {
  if (!so_ok(so_ref_name_check(name))) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  so_meta_key key;
  so_meta_key_numbered(&key, SO_KEY_REF, repo->number, name);
  so_arena arena;
  so_arena_init(&arena, repo->repos->heap, SO_REPO_ARENA_MAX);
  so_bytes value;
  so_status s = so_db_meta_get(repo->repos->db, so_meta_key_view(&key), &arena, &value);
  if (so_ok(s)) {
    s = so_ref_decode(value, out);
  }
  out->name = name;
  so_arena_release(&arena);
  return s;
}

so_status so_ref_list(const so_repo *repo, so_bytes prefix, so_bytes after, size_t limit,
                      so_status (*visit)(void *ctx, const so_ref *ref), void *ctx) {
  so_meta_key first;
  so_meta_key from;
  so_meta_key_numbered(&first, SO_KEY_REF, repo->number,
                       so_bytes_first(prefix, SO_REF_NAME_LEN_MAX));
  so_meta_key_numbered(&from, SO_KEY_REF, repo->number, so_bytes_first(after, SO_REF_NAME_LEN_MAX));
  so_meta_scan *scan;
  SO_TRY(so_db_meta_scan(repo->repos->db, so_meta_key_view(&first),
                         after.len == 0 ? so_bytes_of(NULL, 0) : so_meta_key_view(&from), &scan));
  so_status s = so_done();
  for (size_t i = 0; i < limit && so_ok(s); i++) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    if (so_is(s, SO_NOT_FOUND)) {
      so_db_meta_scan_close(scan);
      return so_done();
    }
    so_ref ref;
    if (so_ok(s)) {
      s = so_ref_decode(value, &ref);
    }
    if (so_ok(s)) {
      ref.name = so_bytes_from(key, 5);
      s = visit(ctx, &ref);
    }
  }
  so_db_meta_scan_close(scan);
  return s;
}

// --- changing -------------------------------------------------------------------------------

// A change with what was found out about it.
typedef struct planned {
  const so_ref_change *change;
  so_kind kind;  // Of the new object.
  bool has_old;
  so_ref old;
  bool is_change;  // False: it is what the ref says already.
} planned;

typedef struct update {
  const so_repo *repo;
  planned *items;
  size_t count;
  const so_ref_note *note;
  so_arena *arena;
  so_ref_result *result;
  uint64_t seq;     // Of the record being made.
  int64_t time_ms;  // Its time.
  bool has_head;
  so_bytes head;  // Value of the log head, as read.
  bool settles_salt;  // The first change keeps the salt that was proposed.
  so_meta_key repo_key;
  so_bytes repo_record;
} update;

static so_status fail(update *u, size_t index, so_code code) {
  u->result->failed = index;
  return so_status_make(code, 0);
}

static bool is_tag_name(so_bytes name) { return so_bytes_has_prefix(name, so_str("refs/tags/")); }

// check_target looks at the object a ref shall name. It needs no turn: objects do not go away.
static so_status check_target(update *u, size_t index) {
  planned *p = &u->items[index];
  if (!so_ok(so_ref_name_check(p->change->name))) {
    return fail(u, index, SO_MALFORMED);
  }
  if (so_oid_is_none(&p->change->new_oid)) {
    return so_done();
  }
  so_object object;
  const so_status s = so_objects_get(&u->repo->objects, &p->change->new_oid, &object);
  if (!so_ok(s)) {
    u->result->failed = index;
    return s;
  }
  p->kind = object.kind;
  so_objects_unpin(&u->repo->objects, &object);
  const bool fits =
      p->kind == SO_KIND_COMMIT || (p->kind == SO_KIND_TAG && is_tag_name(p->change->name));
  return fits ? so_done() : fail(u, index, SO_MALFORMED);
}

// check_old compares a ref with what the caller expects.
static so_status check_old(update *u, size_t index) {
  planned *p = &u->items[index];
  const so_status s = so_ref_get(u->repo, p->change->name, &p->old);
  if (!so_ok(s) && !so_is(s, SO_NOT_FOUND)) {
    return s;
  }
  p->has_old = so_ok(s);
  if (!p->has_old) {
    memset(&p->old, 0, sizeof p->old);
  }
  if (p->change->is_checked && !so_oid_equal(&p->old.oid, &p->change->old_oid)) {
    u->result->current = p->old.oid;
    return fail(u, index, SO_CONFLICT);
  }
  p->is_change = !so_oid_equal(&p->old.oid, &p->change->new_oid);
  for (size_t i = 0; i < index; i++) {
    if (so_bytes_equal(u->items[i].change->name, p->change->name)) {
      return fail(u, index, SO_CONFLICT);
    }
  }
  return so_done();
}

// planned_for finds what this update does to a ref, or NULL.
static const planned *planned_for(const update *u, so_bytes name) {
  for (size_t i = 0; i < u->count; i++) {
    if (so_bytes_equal(u->items[i].change->name, name)) {
      return &u->items[i];
    }
  }
  return NULL;
}

static so_status will_exist(const update *u, so_bytes name, bool *out) {
  const planned *p = planned_for(u, name);
  if (p != NULL) {
    *out = !so_oid_is_none(&p->change->new_oid);
    return so_done();
  }
  so_ref ignored;
  const so_status s = so_ref_get(u->repo, name, &ignored);
  *out = so_ok(s);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

typedef struct below {
  const update *u;
  bool found;
} below;

static so_status visit_below(void *ctx, const so_ref *ref) {
  below *b = ctx;
  const planned *p = planned_for(b->u, ref->name);
  b->found = b->found || p == NULL || !so_oid_is_none(&p->change->new_oid);
  return so_done();
}

// check_directories refuses a name that is a directory of another one.
static so_status check_directories(update *u, size_t index) {
  const planned *p = &u->items[index];
  const so_bytes name = p->change->name;
  if (p->has_old || so_oid_is_none(&p->change->new_oid)) {
    return so_done();
  }
  const size_t root_len = is_tag_name(name) ? 10 : 11;
  for (size_t i = root_len; i < name.len; i++) {
    bool exists = false;
    if (name.ptr[i] == '/') {
      SO_TRY(will_exist(u, so_bytes_first(name, i), &exists));
    }
    if (exists) {
      return fail(u, index, SO_CONFLICT);
    }
  }
  uint8_t prefix[SO_REF_NAME_LEN_MAX + 1];
  memcpy(prefix, name.ptr, name.len);
  prefix[name.len] = '/';
  below b = {u, false};
  // Those that this update deletes do not count, so one more than it can delete is enough.
  SO_TRY(so_ref_list(u->repo, so_bytes_of(prefix, name.len + 1), so_bytes_of(NULL, 0), u->count + 1,
                     visit_below, &b));
  return b.found ? fail(u, index, SO_CONFLICT) : so_done();
}

static so_status read_log_head(update *u) {
  so_meta_key key;
  so_meta_key_numbered(&key, SO_KEY_LOG_HEAD, u->repo->number, so_bytes_of(NULL, 0));
  const so_status s =
      so_db_meta_get(u->repo->repos->db, so_meta_key_view(&key), u->arena, &u->head);
  u->has_head = so_ok(s);
  u->seq = 1;
  u->time_ms = u->note->time_ms;
  if (so_is(s, SO_NOT_FOUND)) {
    return so_done();
  }
  SO_TRY(s);
  so_reader r = so_reader_of(u->head);
  uint64_t seq = 0;
  uint64_t time = 0;
  if (!so_read_u64be(&r, &seq) || !so_read_u64be(&r, &time) || !so_reader_done(&r)) {
    return so_status_make(SO_CORRUPT, 0);
  }
  u->seq = seq + 1;
  u->time_ms = (int64_t)time > u->time_ms ? (int64_t)time : u->time_ms;
  return so_done();
}

static void encode_record(const update *u, so_buf *out) {
  uint8_t time[8];
  so_writer w = so_writer_of(time, sizeof time);
  so_write_u64be(&w, (uint64_t)u->time_ms);
  so_buf_append(out, so_writer_bytes(&w));
  so_buf_append_varint(out, u->note->who.len);
  so_buf_append(out, u->note->who);
  so_buf_append_varint(out, u->note->why.len);
  so_buf_append(out, u->note->why);
  size_t changes = 0;
  for (size_t i = 0; i < u->count; i++) {
    changes += u->items[i].is_change;
  }
  so_buf_append_varint(out, changes);
  for (size_t i = 0; i < u->count; i++) {
    const planned *p = &u->items[i];
    if (p->is_change) {
      so_buf_append_varint(out, p->change->name.len);
      so_buf_append(out, p->change->name);
      so_buf_append(out, so_bytes_of(p->old.oid.bytes, SO_OID_LEN));
      so_buf_append(out, so_bytes_of(p->change->new_oid.bytes, SO_OID_LEN));
    }
  }
}

typedef struct op_list {
  so_meta_op *ops;
  size_t count;
  so_arena *arena;
  bool failed;
} op_list;

// add_op adds a put whose key and value are copied.
static so_meta_op *add_op(op_list *l, const so_meta_key *key, so_bytes value) {
  static const so_meta_op kNothing;
  so_meta_op *op = &l->ops[l->count];
  *op = kNothing;
  l->count++;
  if (!so_ok(so_arena_copy(l->arena, so_meta_key_view(key), &op->key)) ||
      !so_ok(so_arena_copy(l->arena, value, &op->value))) {
    l->failed = true;
  }
  return op;
}

static void add_ref_ops(op_list *l, const update *u, const planned *p) {
  const so_bytes name = p->change->name;
  const so_oid *oid = &p->change->new_oid;
  uint8_t value[REF_VALUE_LEN_MAX];
  so_writer w = so_writer_of(value, sizeof value);
  so_write_bytes(&w, so_bytes_of(oid->bytes, SO_OID_LEN));
  so_write_u8(&w, (uint8_t)p->kind);
  so_write_varint(&w, u->seq);
  so_meta_key key;
  so_meta_key_numbered(&key, SO_KEY_REF, u->repo->number, name);
  add_op(l, &key, so_writer_bytes(&w))->is_delete = so_oid_is_none(oid);
  so_meta_key_history(&key, u->repo->number, name, u->time_ms, u->seq);
  add_op(l, &key, so_bytes_of(oid->bytes, SO_OID_LEN));
}

static void add_log_ops(op_list *l, const update *u, so_bytes record) {
  so_meta_key key;
  uint16_t part = 0;
  for (so_bytes rest = record; rest.len != 0; rest = so_bytes_from(rest, LOG_PART_LEN)) {
    so_meta_key_log_part(&key, u->repo->number, u->seq, part++);
    add_op(l, &key, so_bytes_first(rest, LOG_PART_LEN));
  }
  uint8_t head[LOG_HEAD_LEN];
  so_writer w = so_writer_of(head, sizeof head);
  so_write_u64be(&w, u->seq);
  so_write_u64be(&w, (uint64_t)u->time_ms);
  so_meta_key_numbered(&key, SO_KEY_LOG_HEAD, u->repo->number, so_bytes_of(NULL, 0));
  so_meta_op *op = add_op(l, &key, so_writer_bytes(&w));
  // Whoever writes without the turn all the same cannot do harm.
  op->has_expected = u->has_head;
  op->expects_absence = !u->has_head;
  op->expected = u->head;
  so_meta_key_numbered(&key, SO_KEY_DELETED, u->repo->number, so_bytes_of(NULL, 0));
  op = add_op(l, &key, so_bytes_of(NULL, 0));
  op->is_check = true;
  op->expects_absence = true;
}

static so_status write_update(update *u) {
  so_buf record;
  so_buf_init(&record, u->repo->repos->heap, LOG_RECORD_LEN_MAX);
  encode_record(u, &record);
  so_bytes bytes = {0};
  so_status s = so_buf_end(&record, &bytes);
  op_list l = {NULL, 0, u->arena, false};
  const size_t parts = bytes.len / LOG_PART_LEN + 1;
  if (so_ok(s)) {
    l.ops = so_arena_alloc(u->arena, (2 * u->count + parts + 3) * sizeof *l.ops);
    s = l.ops == NULL ? so_status_make(SO_LIMIT, 0) : s;
  }
  if (so_ok(s)) {
    for (size_t i = 0; i < u->count; i++) {
      if (u->items[i].is_change) {
        add_ref_ops(&l, u, &u->items[i]);
      }
    }
    add_log_ops(&l, u, bytes);
    if (u->settles_salt) {
      add_op(&l, &u->repo_key, u->repo_record);
    }
    s = l.failed ? so_status_make(SO_LIMIT, 0)
                 : so_db_meta_apply(u->repo->repos->db, l.ops, l.count, NULL, NULL);
  }
  so_buf_release(&record);
  // Only the deleted mark can be in the way: the turn is ours.
  return so_is(s, SO_CONFLICT) ? so_status_make(SO_NOT_FOUND, 0) : s;
}

// update_in_turn reads and writes what must not change in between.
static so_status update_in_turn(update *u) {
  bool any = false;
  for (size_t i = 0; i < u->count; i++) {
    SO_TRY(check_old(u, i));
    any = any || u->items[i].is_change;
  }
  for (size_t i = 0; i < u->count; i++) {
    SO_TRY(check_directories(u, i));
  }
  if (!any) {
    return so_done();
  }
  SO_TRY(read_log_head(u));
  SO_TRY(so_repo_settle_salt(u->repo, !u->has_head, u->arena, &u->settles_salt, &u->repo_key,
                             &u->repo_record));
  SO_TRY(write_update(u));
  u->result->seq = u->seq;
  return so_done();
}

static so_status run_update(update *u, const so_ref_change *changes) {
  if (u->count > SO_REF_CHANGES_MAX || u->note->who.len > SO_REF_WHO_LEN_MAX ||
      u->note->why.len > SO_REF_WHY_LEN_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  u->items = so_arena_alloc(u->arena, (u->count + 1) * sizeof *u->items);
  if (u->items == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (size_t i = 0; i < u->count; i++) {
    u->items[i].change = &changes[i];
    SO_TRY(check_target(u, i));
  }
  so_turn_take(&u->repo->repos->write);
  const so_status s = update_in_turn(u);
  so_turn_give(&u->repo->repos->write);
  return s;
}

so_status so_repo_update_refs(const so_repo *repo, const so_ref_change *changes, size_t count,
                              const so_ref_note *note, so_ref_result *out) {
  memset(out, 0, sizeof *out);
  so_arena arena;
  so_arena_init(&arena, repo->repos->heap, SO_REPO_ARENA_MAX);
  update u = {.repo = repo, .count = count, .note = note, .arena = &arena, .result = out};
  const so_status s = run_update(&u, changes);
  so_arena_release(&arena);
  return s;
}
