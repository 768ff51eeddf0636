#include "base/fmt.h"
#include "base/hex.h"
#include "base/mem.h"
#include "base/time.h"
#include "store/repo/internal.h"

#define BACK_MAX 1000000

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }
static so_status not_found(void) { return so_status_make(SO_NOT_FOUND, 0); }

// --- commits --------------------------------------------------------------------------------

static so_status with_commit(const so_objects *objects, const so_oid *oid, uint32_t number,
                             so_commit_head *head, so_oid *parent) {
  so_object object;
  SO_TRY(so_objects_get_kind(objects, oid, SO_KIND_COMMIT, &object));
  so_commit commit;
  so_status s = so_commit_decode(object.bytes, &commit);
  s = so_ok(s) ? s : so_status_make(SO_CORRUPT, 0);
  if (so_ok(s) && head != NULL) {
    head->oid = *oid;
    head->root = commit.root;
    head->generation = commit.generation;
  }
  if (so_ok(s) && parent != NULL) {
    const bool has = number >= 1 && number <= commit.parent_count;
    s = has ? s : not_found();
    *parent = has ? commit.parents[number - 1] : *parent;
  }
  so_objects_unpin(objects, &object);
  return s;
}

so_status so_commit_head_read(const so_objects *objects, const so_oid *oid, so_commit_head *out) {
  return with_commit(objects, oid, 0, out, NULL);
}

so_status so_commit_parent(const so_objects *objects, const so_oid *oid, uint32_t number,
                           so_oid *out) {
  return with_commit(objects, oid, number, NULL, out);
}

// --- hashes ---------------------------------------------------------------------------------

static bool all_hex(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t c = text.ptr[i];
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
      return false;
    }
  }
  return true;
}

// begins_with compares an oid with the first digits of one.
static bool begins_with(const so_oid *oid, so_bytes digits) {
  uint8_t text[2 * SO_OID_LEN];
  so_writer w = so_writer_of(text, sizeof text);
  so_hex_write(&w, so_bytes_of(oid->bytes, SO_OID_LEN));
  return so_bytes_equal_nocase(so_bytes_first(so_writer_bytes(&w), digits.len), digits);
}

typedef struct tips {
  const so_repo *repo;
  so_oid *items;
  size_t count;
  size_t cap;
} tips;

static so_status add_tip(void *ctx, const so_ref *ref) {
  tips *t = ctx;
  so_oid commit;
  SO_TRY(so_commit_of(&t->repo->objects, &ref->oid, &commit));
  if (t->count == t->cap) {
    const so_heap *heap = t->repo->repos->heap;
    const size_t cap = t->cap == 0 ? 64 : 2 * t->cap;
    so_oid *items = heap->resize(heap->ctx, t->items, t->cap * sizeof *items, cap * sizeof *items);
    if (items == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    t->items = items;
    t->cap = cap;
  }
  t->items[t->count++] = commit;
  return so_done();
}

static so_status search(so_commit_log *log, so_bytes digits, so_oid *out) {
  bool found = false;
  for (;;) {
    so_commit_log_entry entry;
    const so_status s = so_commit_log_next(log, &entry);
    if (so_is(s, SO_NOT_FOUND)) {
      return found ? so_done() : not_found();
    }
    SO_TRY(s);
    if (begins_with(&entry.oid, digits)) {
      if (found) {
        return so_status_make(SO_CONFLICT, 0);
      }
      found = true;
      *out = entry.oid;
    }
  }
}

static so_status find_prefix(const so_repo *repo, so_bytes digits, so_oid *out) {
  tips t = {.repo = repo};
  const so_bytes none = so_bytes_of(NULL, 0);
  so_status s = so_ref_list(repo, none, none, SIZE_MAX, add_tip, &t);
  const so_tree tree = so_repo_tree(repo);
  const so_history history = {&tree, SO_EXPR_COMMITS_MAX};
  so_commit_log *log = NULL;
  if (so_ok(s)) {
    s = so_commit_log_open(&history, t.items, t.count, none, &log);
  }
  if (so_ok(s)) {
    s = search(log, digits, out);
    so_commit_log_close(log);
  }
  so_heap_free(repo->repos->heap, t.items, t.cap * sizeof *t.items);
  return s;
}

static so_status resolve_hash(const so_repo *repo, so_bytes text, so_resolved *out) {
  if (text.len < SO_HASH_DIGITS_MIN || text.len > 2 * SO_OID_LEN || !all_hex(text)) {
    return not_found();
  }
  if (text.len < 2 * SO_OID_LEN) {
    return find_prefix(repo, text, &out->oid);
  }
  SO_TRY(so_hex_read(text, out->oid.bytes, SO_OID_LEN));
  out->is_immutable = true;
  return so_objects_has(&repo->objects, &out->oid);
}

// --- names ----------------------------------------------------------------------------------

static so_status try_ref(const so_repo *repo, const char *prefix, so_bytes name, so_resolved *out) {
  so_full_name full;
  if (!so_ok(so_full_name_of(&full, prefix, name))) {
    return not_found();
  }
  so_ref ref;
  SO_TRY(so_ref_get(repo, so_bytes_of(full.bytes, full.len), &ref));
  out->oid = ref.oid;
  out->is_ref = true;
  memcpy(out->ref, full.bytes, full.len);
  out->ref_len = (uint8_t)full.len;
  return so_done();
}

// Where a short name is looked for, in this order.
static const char kPrefixes[4][14] = {"refs/heads/", "refs/tags/", "refs/remotes/", ""};

static so_status resolve_name(const so_repo *repo, so_bytes name, so_resolved *out) {
  if (so_bytes_equal(name, so_str("HEAD")) || so_bytes_equal(name, so_str("@"))) {
    return try_ref(repo, "refs/heads/", so_repo_default_branch(repo), out);
  }
  for (size_t i = 0; i < sizeof kPrefixes / sizeof *kPrefixes; i++) {
    const so_status s = try_ref(repo, kPrefixes[i], name, out);
    if (!so_is(s, SO_NOT_FOUND)) {
      return s;
    }
  }
  return resolve_hash(repo, name, out);
}

// resolve_past finds what a ref said at a time. Refs that are gone had a past too.
static so_status resolve_past(const so_repo *repo, so_bytes name, so_bytes time, so_resolved *out) {
  int64_t time_ms = 0;
  int16_t zone = 0;
  if (!so_ok(so_time_read(time, &time_ms, &zone))) {
    return malformed();
  }
  if (so_bytes_equal(name, so_str("HEAD")) || so_bytes_equal(name, so_str("@")) || name.len == 0) {
    name = so_repo_default_branch(repo);
  }
  for (size_t i = 0; i < sizeof kPrefixes / sizeof *kPrefixes; i++) {
    so_full_name full;
    if (so_ok(so_full_name_of(&full, kPrefixes[i], name))) {
      const so_status s = so_ref_at(repo, so_bytes_of(full.bytes, full.len), time_ms, &out->oid);
      if (!so_is(s, SO_NOT_FOUND)) {
        return s;
      }
    }
  }
  return not_found();
}

// --- expressions ----------------------------------------------------------------------------

static size_t name_len(so_bytes expr) {
  size_t i = 0;
  while (i < expr.len && expr.ptr[i] != '~' && expr.ptr[i] != '^' &&
         !(expr.ptr[i] == '@' && i + 1 < expr.len && expr.ptr[i + 1] == '{')) {
    i++;
  }
  return i;
}

// take_number reads the digits at the beginning of `rest`; 1 when there are none.
static so_status take_number(so_bytes *rest, uint64_t *out) {
  size_t len = 0;
  while (len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9') {
    len++;
  }
  *out = 1;
  if (len != 0 && !so_ok(so_parse_u64(so_bytes_first(*rest, len), out))) {
    return malformed();
  }
  *rest = so_bytes_from(*rest, len);
  return *out > BACK_MAX ? not_found() : so_done();
}

static so_status step(const so_repo *repo, uint8_t sign, uint64_t number, so_oid *commit) {
  if (sign == '^') {
    return number == 0 ? so_done()
                       : so_commit_parent(&repo->objects, commit, (uint32_t)number, commit);
  }
  for (uint64_t i = 0; i < number; i++) {
    SO_TRY(so_commit_parent(&repo->objects, commit, 1, commit));
  }
  return so_done();
}

static so_status walk_back(const so_repo *repo, so_bytes rest, so_resolved *out) {
  for (size_t i = 0; rest.len != 0; i++) {
    const uint8_t sign = rest.ptr[0];
    if (i == SO_EXPR_STEPS_MAX || (sign != '~' && sign != '^')) {
      return malformed();
    }
    rest = so_bytes_from(rest, 1);
    uint64_t number = 0;
    SO_TRY(take_number(&rest, &number));
    SO_TRY(step(repo, sign, number, &out->commit));
    out->is_ref = false;
  }
  return so_done();
}

so_status so_repo_resolve(const so_repo *repo, so_bytes expr, so_resolved *out) {
  memset(out, 0, sizeof *out);
  const size_t len = name_len(expr);
  const so_bytes name = so_bytes_first(expr, len);
  so_bytes rest = so_bytes_from(expr, len);
  if (expr.len == 0 || expr.len > SO_EXPR_LEN_MAX) {
    return malformed();
  }
  if (so_bytes_has_prefix(rest, so_str("@{"))) {
    const size_t end = so_bytes_find(rest, '}');
    if (end == rest.len) {
      return malformed();
    }
    SO_TRY(resolve_past(repo, name, so_bytes_from(so_bytes_first(rest, end), 2), out));
    rest = so_bytes_from(rest, end + 1);
  } else {
    SO_TRY(name.len == 0 ? malformed() : resolve_name(repo, name, out));
  }
  SO_TRY(so_commit_of(&repo->objects, &out->oid, &out->commit));
  return walk_back(repo, rest, out);
}
