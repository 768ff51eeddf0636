#include "store/repo/repo.h"

#include "base/mem.h"
#include "base/reader.h"
#include "store/repo/internal.h"

#define RECORD_VERSION 1
#define RECORD_LEN_MAX 512

// --- the object set, each put in its turn ---------------------------------------------------

static so_status turn_get(void *ctx, const so_oid *oid, so_object *out) {
  const so_repo *repo = ctx;
  return so_objects_get(&repo->stored, oid, out);
}

static void turn_unpin(void *ctx, so_object *object) {
  const so_repo *repo = ctx;
  so_objects_unpin(&repo->stored, object);
}

static so_status turn_has(void *ctx, const so_oid *oid) {
  const so_repo *repo = ctx;
  return so_objects_has(&repo->stored, oid);
}

static so_status turn_put(void *ctx, so_kind kind, so_bytes payload, so_oid *out_oid) {
  const so_repo *repo = ctx;
  so_turn_take(&repo->repos->write);
  const so_status s = so_objects_put(&repo->stored, kind, payload, out_oid);
  so_turn_give(&repo->repos->write);
  return s;
}

static so_status pack_get(void *ctx, const so_oid *oid, so_stored *out) {
  const so_repo *repo = ctx;
  return so_db_get_stored(repo->repos->db, repo->number, oid, out);
}

static void pack_release(void *ctx, so_stored *stored) {
  const so_repo *repo = ctx;
  so_db_stored_release(repo->repos->db, stored);
}

static so_status pack_put(void *ctx, const so_oid *oid, const so_stored *stored,
                          so_status (*check)(void *ctx, so_kind kind, so_bytes payload),
                          void *check_ctx) {
  const so_repo *repo = ctx;
  so_turn_take(&repo->repos->write);
  const so_status s =
      so_db_put_stored(repo->repos->db, repo->number, oid, stored, check, check_ctx);
  so_turn_give(&repo->repos->write);
  return s;
}

so_pack_store so_repo_pack_store(const so_repo *repo) {
  const so_pack_store store = {
      &repo->objects, pack_get, pack_release, pack_put, (void *)repo, repo->salt};
  return store;
}

so_tree so_repo_tree(const so_repo *repo) {
  so_tree tree = {.objects = &repo->objects, .heap = repo->repos->heap};
  memcpy(tree.salt, repo->salt, SO_SALT_LEN);
  return tree;
}

so_bytes so_repo_name(const so_repo *repo) { return so_bytes_of(repo->name, repo->name_len); }

so_bytes so_repo_default_branch(const so_repo *repo) {
  return so_bytes_of(repo->default_branch, repo->default_branch_len);
}

// --- records --------------------------------------------------------------------------------

static so_bytes encode(const so_repo *repo, uint8_t buf[RECORD_LEN_MAX]) {
  so_writer w = so_writer_of(buf, RECORD_LEN_MAX);
  so_write_u8(&w, RECORD_VERSION);
  so_write_u32be(&w, repo->number);
  so_write_bytes(&w, so_bytes_of(repo->salt, SO_SALT_LEN));
  so_write_u64be(&w, (uint64_t)repo->created_ms);
  so_write_varbytes(&w, so_repo_default_branch(repo));
  return so_writer_bytes(&w);
}

static so_status decode(const so_repos *repos, so_bytes name, so_bytes value, so_repo *out) {
  so_reader r = so_reader_of(value);
  uint8_t version = 0;
  uint64_t created = 0;
  so_bytes branch = {0};
  memset(out, 0, sizeof *out);
  if (!so_read_u8(&r, &version) || version != RECORD_VERSION || !so_read_u32be(&r, &out->number) ||
      !so_read_copy(&r, out->salt, SO_SALT_LEN) || !so_read_u64be(&r, &created) ||
      !so_read_varbytes(&r, &branch) || !so_reader_done(&r) ||
      branch.len > sizeof out->default_branch || name.len > sizeof out->name) {
    return so_status_make(SO_CORRUPT, 0);
  }
  out->repos = repos;
  out->created_ms = (int64_t)created;
  memcpy(out->default_branch, branch.ptr, branch.len);
  out->default_branch_len = (uint8_t)branch.len;
  memcpy(out->name, name.ptr, name.len);
  out->name_len = (uint8_t)name.len;
  out->turn_ops.get = turn_get;
  out->turn_ops.unpin = turn_unpin;
  out->turn_ops.has = turn_has;
  out->turn_ops.put = turn_put;
  out->objects.ops = &out->turn_ops;
  out->objects.ctx = out;
  return so_db_objects(repos->db, out->number, &out->stored);
}

// read_value reads a value into `arena`; `*has` false when there is none.
static so_status read_value(const so_repos *repos, const so_meta_key *key, so_arena *arena,
                            bool *has, so_bytes *out) {
  const so_status s = so_db_meta_get(repos->db, so_meta_key_view(key), arena, out);
  *has = so_ok(s);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status create(const so_repos *repos, so_repo *fresh, so_bytes name, so_arena *arena) {
  so_meta_key number_key;
  so_meta_key_plain(&number_key, SO_KEY_NUMBER, so_bytes_of(NULL, 0));
  bool has = false;
  so_bytes old = {0};
  SO_TRY(read_value(repos, &number_key, arena, &has, &old));
  fresh->number = 1;
  so_reader r = so_reader_of(old);
  if (has && (!so_read_u32be(&r, &fresh->number) || !so_reader_done(&r))) {
    return so_status_make(SO_CORRUPT, 0);
  }
  if (fresh->number > SO_DB_REPO_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  uint8_t next[4];
  so_writer w = so_writer_of(next, sizeof next);
  so_write_u32be(&w, fresh->number + 1);
  so_meta_key key;
  so_meta_key_plain(&key, SO_KEY_REPO, name);
  uint8_t record[RECORD_LEN_MAX];
  so_meta_op ops[2] = {so_meta_put_op(so_meta_key_view(&key), encode(fresh, record)),
                       so_meta_put_op(so_meta_key_view(&number_key), so_writer_bytes(&w))};
  ops[0].expects_absence = true;
  ops[1].expects_absence = !has;
  ops[1].has_expected = has;
  ops[1].expected = old;
  return so_db_meta_apply(repos->db, ops, 2, NULL, NULL);
}

so_status so_repo_create(const so_repos *repos, so_bytes name, const uint8_t salt[SO_SALT_LEN],
                         so_bytes default_branch, int64_t now_ms, so_repo *out) {
  so_full_name branch;
  SO_TRY(so_repo_name_check(name));
  SO_TRY(so_full_name_of(&branch, "refs/heads/", default_branch));
  so_repo fresh;
  memset(&fresh, 0, sizeof fresh);
  fresh.created_ms = now_ms;
  memcpy(fresh.salt, salt, SO_SALT_LEN);
  memcpy(fresh.default_branch, default_branch.ptr, default_branch.len);
  fresh.default_branch_len = (uint8_t)default_branch.len;
  so_arena arena;
  so_arena_init(&arena, repos->heap, SO_REPO_ARENA_MAX);
  so_turn_take(&repos->write);
  const so_status s = create(repos, &fresh, name, &arena);
  so_turn_give(&repos->write);
  so_arena_release(&arena);
  SO_TRY(s);
  return so_repo_open(repos, name, out);
}

so_status so_repo_open(const so_repos *repos, so_bytes name, so_repo *out) {
  if (!so_ok(so_repo_name_check(name))) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  so_meta_key key;
  so_meta_key_plain(&key, SO_KEY_REPO, name);
  so_arena arena;
  so_arena_init(&arena, repos->heap, SO_REPO_ARENA_MAX);
  so_bytes value;
  so_status s = so_db_meta_get(repos->db, so_meta_key_view(&key), &arena, &value);
  if (so_ok(s)) {
    s = decode(repos, name, value, out);
  }
  so_arena_release(&arena);
  return s;
}

so_status so_repo_propose_salt(so_repo *repo, const uint8_t salt[SO_SALT_LEN]) {
  so_meta_key key;
  so_meta_key_numbered(&key, SO_KEY_LOG_HEAD, repo->number, so_bytes_of(NULL, 0));
  so_arena arena;
  so_arena_init(&arena, repo->repos->heap, SO_REPO_ARENA_MAX);
  bool has = false;
  so_bytes head;
  const so_status s = read_value(repo->repos, &key, &arena, &has, &head);
  so_arena_release(&arena);
  SO_TRY(s);
  if (has) {
    return so_status_make(SO_CONFLICT, 0);
  }
  memcpy(repo->salt, salt, SO_SALT_LEN);
  return so_done();
}

so_status so_repo_settle_salt(const so_repo *repo, bool is_first, so_arena *arena, bool *out_changes,
                              so_meta_key *out_key, so_bytes *out_record) {
  so_repo now;
  *out_changes = false;
  const so_status s = so_repo_open(repo->repos, so_repo_name(repo), &now);
  if (so_is(s, SO_NOT_FOUND) || (so_ok(s) && now.number != repo->number)) {
    return so_done();  // Renamed since: the new name's record has the salt that is settled.
  }
  SO_TRY(s);
  if (memcmp(now.salt, repo->salt, SO_SALT_LEN) == 0) {
    return so_done();
  }
  if (!is_first) {
    return so_status_make(SO_CONFLICT, 0);
  }
  uint8_t record[RECORD_LEN_MAX];
  memcpy(now.salt, repo->salt, SO_SALT_LEN);
  so_meta_key_plain(out_key, SO_KEY_REPO, so_repo_name(repo));
  *out_changes = true;
  return so_arena_copy(arena, encode(&now, record), out_record);
}

// replace_record removes the record under `from` if it is still that of `repo`, together with
// another change.
static so_status replace_record(const so_repo *repo, so_bytes from, const so_meta_op *with) {
  so_meta_key key;
  so_meta_key_plain(&key, SO_KEY_REPO, from);
  uint8_t record[RECORD_LEN_MAX];
  so_meta_op ops[2] = {so_meta_delete_op(so_meta_key_view(&key)), *with};
  ops[0].has_expected = true;
  ops[0].expected = encode(repo, record);
  return so_repos_apply(repo->repos, ops, 2);
}

so_status so_repo_delete(const so_repos *repos, so_bytes name) {
  so_repo repo;
  SO_TRY(so_repo_open(repos, name, &repo));
  so_meta_key key;
  so_meta_key_numbered(&key, SO_KEY_DELETED, repo.number, so_bytes_of(NULL, 0));
  const so_meta_op mark = so_meta_put_op(so_meta_key_view(&key), so_bytes_of(NULL, 0));
  return replace_record(&repo, name, &mark);
}

so_status so_repo_rename(const so_repos *repos, so_bytes from, so_bytes to) {
  SO_TRY(so_repo_name_check(to));
  so_repo repo;
  SO_TRY(so_repo_open(repos, from, &repo));
  if (so_bytes_equal(from, to)) {
    return so_done();
  }
  so_meta_key key;
  so_meta_key_plain(&key, SO_KEY_REPO, to);
  uint8_t record[RECORD_LEN_MAX];
  so_meta_op add = so_meta_put_op(so_meta_key_view(&key), encode(&repo, record));
  add.expects_absence = true;
  return replace_record(&repo, from, &add);
}

so_status so_repo_set_default_branch(so_repo *repo, so_bytes branch) {
  so_full_name full;
  SO_TRY(so_full_name_of(&full, "refs/heads/", branch));
  uint8_t old_record[RECORD_LEN_MAX];
  const so_bytes old = encode(repo, old_record);
  so_repo changed = *repo;
  memcpy(changed.default_branch, branch.ptr, branch.len);
  changed.default_branch_len = (uint8_t)branch.len;
  so_meta_key key;
  so_meta_key_plain(&key, SO_KEY_REPO, so_repo_name(repo));
  uint8_t record[RECORD_LEN_MAX];
  so_meta_op op = so_meta_put_op(so_meta_key_view(&key), encode(&changed, record));
  op.has_expected = true;
  op.expected = old;
  SO_TRY(so_repos_apply(repo->repos, &op, 1));
  memcpy(repo->default_branch, branch.ptr, branch.len);
  repo->default_branch_len = (uint8_t)branch.len;
  return so_done();
}

so_status so_repo_list(const so_repos *repos, so_bytes after, size_t limit,
                       so_status (*visit)(void *ctx, const so_repo *repo), void *ctx) {
  const uint8_t letter = SO_KEY_REPO;
  so_meta_key from;
  so_meta_key_plain(&from, SO_KEY_REPO, so_bytes_first(after, SO_REPO_NAME_LEN_MAX));
  so_meta_scan *scan;
  SO_TRY(so_db_meta_scan(repos->db, so_bytes_of(&letter, 1),
                         after.len == 0 ? so_bytes_of(NULL, 0) : so_meta_key_view(&from), &scan));
  so_status s = so_done();
  for (size_t i = 0; i < limit && so_ok(s); i++) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    so_repo repo;
    if (so_ok(s)) {
      s = decode(repos, so_bytes_from(key, 1), value, &repo);
    }
    if (so_ok(s)) {
      s = visit(ctx, &repo);
    } else if (so_is(s, SO_NOT_FOUND)) {
      so_db_meta_scan_close(scan);
      return so_done();
    }
  }
  so_db_meta_scan_close(scan);
  return s;
}

// --- sweeping -------------------------------------------------------------------------------

// sweep_range deletes up to `*budget` keys that begin with `prefix`.
static so_status sweep_range(const so_repos *repos, const so_meta_key *prefix, size_t *budget) {
  so_arena arena;
  so_arena_init(&arena, repos->heap, SO_REPO_ARENA_MAX);
  so_meta_scan *scan;
  SO_TRY(so_db_meta_scan(repos->db, so_meta_key_view(prefix), so_bytes_of(NULL, 0), &scan));
  so_status s = so_done();
  while (*budget > 0 && so_ok(s)) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    so_bytes copy = {0};
    if (so_ok(s)) {
      s = so_arena_copy(&arena, key, &copy);
    }
    if (so_ok(s)) {
      const so_meta_op op = so_meta_delete_op(copy);
      s = so_repos_apply(repos, &op, 1);
      (*budget)--;
    }
    so_arena_release(&arena);
  }
  so_db_meta_scan_close(scan);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static so_status sweep_repo(const so_repos *repos, uint32_t number, const so_meta_key *mark,
                            size_t *budget) {
  static const char kLetters[] = {SO_KEY_REF, SO_KEY_LOG, SO_KEY_HISTORY, SO_KEY_LOG_HEAD};
  for (size_t i = 0; i < sizeof kLetters; i++) {
    so_meta_key prefix;
    so_meta_key_numbered(&prefix, kLetters[i], number, so_bytes_of(NULL, 0));
    SO_TRY(sweep_range(repos, &prefix, budget));
  }
  if (*budget == 0) {
    return so_done();
  }
  // The mark goes last: what was interrupted is found again.
  const so_meta_op op = so_meta_delete_op(so_meta_key_view(mark));
  return so_repos_apply(repos, &op, 1);
}

so_status so_repos_sweep(const so_repos *repos, size_t keys_max, bool *out_more) {
  const uint8_t letter = SO_KEY_DELETED;
  so_meta_scan *scan;
  *out_more = false;
  SO_TRY(so_db_meta_scan(repos->db, so_bytes_of(&letter, 1), so_bytes_of(NULL, 0), &scan));
  size_t budget = keys_max;
  so_status s = so_done();
  while (so_ok(s)) {
    so_bytes key;
    so_bytes value;
    s = so_db_meta_next(scan, &key, &value);
    if (!so_ok(s)) {
      break;
    }
    uint32_t number = 0;
    so_reader r = so_reader_of(so_bytes_from(key, 1));
    if (!so_read_u32be(&r, &number) || !so_reader_done(&r)) {
      s = so_status_make(SO_CORRUPT, 0);
      break;
    }
    so_meta_key mark;
    so_meta_key_numbered(&mark, SO_KEY_DELETED, number, so_bytes_of(NULL, 0));
    s = sweep_repo(repos, number, &mark, &budget);
    if (budget == 0) {
      *out_more = true;
      break;
    }
  }
  so_db_meta_scan_close(scan);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}
