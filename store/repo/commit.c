// Transactions.

#include "base/assert.h"
#include "base/mem.h"
#include "base/sort.h"
#include "crypto/blake2b/blake2b.h"
#include "store/repo/internal.h"

#define ATTEMPTS_MAX 64
#define COMMIT_LEN_MAX (SO_MESSAGE_LEN_MAX + (64u << 10))
// Entries of one path on two sides.
#define SCRATCH_MAX (256u << 10)

_Static_assert(sizeof(so_op) <= SO_SORT_SIZE_MAX, "operations are sorted in place");

void so_entry_tag(const so_entry *entry, so_oid *out) {
  uint8_t head[16];
  so_writer w = so_writer_of(head, sizeof head);
  so_write_u8(&w, (uint8_t)entry->type);
  so_write_u16be(&w, entry->mode);
  so_write_u8(&w, entry->is_inline ? 0 : (uint8_t)entry->value_kind);
  so_write_u64be(&w, entry->size);
  const so_bytes value =
      entry->is_inline ? entry->inline_value : so_bytes_of(entry->value.bytes, SO_OID_LEN);
  // `size` and the kind say where the value ends and the metadata begins.
  const so_bytes parts[3] = {so_writer_bytes(&w), value, entry->meta};
  so_blake2b_256(parts, 3, out->bytes);
}

// --- commits --------------------------------------------------------------------------------

so_status so_commit_write(const so_objects *objects, const so_heap *heap, const so_oid *root,
                          const so_oid *parents, size_t parent_count, const so_person *author,
                          const so_person *committer, so_bytes message, so_oid *out) {
  if (parent_count > SO_PARENTS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_commit commit;
  memset(&commit, 0, sizeof commit);
  commit.root = *root;
  commit.parent_count = (uint32_t)parent_count;
  commit.generation = 1;
  for (size_t i = 0; i < parent_count; i++) {
    so_commit_head parent;
    SO_TRY(so_commit_head_read(objects, &parents[i], &parent));
    commit.parents[i] = parents[i];
    if (parent.generation >= commit.generation) {
      commit.generation = parent.generation + 1;
    }
  }
  commit.author = *author;
  commit.committer = *committer;
  commit.message = message;
  so_buf payload;
  so_buf_init(&payload, heap, COMMIT_LEN_MAX);
  so_status s = so_commit_encode(&commit, &payload);
  so_bytes bytes = {0};
  if (so_ok(s)) {
    s = so_buf_end(&payload, &bytes);
  }
  if (so_ok(s)) {
    s = so_objects_put(objects, SO_KIND_COMMIT, bytes, out);
  }
  so_buf_release(&payload);
  return s;
}

// --- checking operations --------------------------------------------------------------------

// One side of a path.
typedef struct found {
  bool has;
  so_entry entry;
} found;

typedef struct attempt {
  const so_repo *repo;
  so_tree tree;
  const so_transaction *txn;
  so_full_name branch;
  bool has_head;
  so_commit_head head;
  so_commit_head base;
  so_arena *arena;
  so_arena scratch;
  size_t conflict_cap;
  so_commit_result *out;
} attempt;

static so_status look_up(attempt *a, const so_oid *root, so_bytes path, found *out) {
  const so_status s = so_tree_get(&a->tree, root, path, &a->scratch, &out->entry);
  out->has = so_ok(s);
  return so_is(s, SO_NOT_FOUND) ? so_done() : s;
}

static bool same_found(const found *x, const found *y) {
  return x->has == y->has && (!x->has || so_entry_equal(&x->entry, &y->entry));
}

static so_status grow_conflicts(attempt *a) {
  so_commit_result *r = a->out;
  if (r->conflict_count < a->conflict_cap) {
    return so_done();
  }
  const size_t cap = a->conflict_cap == 0 ? 16 : 4 * a->conflict_cap;
  so_conflict *items = so_arena_alloc(a->arena, cap * sizeof *items);
  if (items == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (r->conflict_count != 0) {
    memcpy(items, r->conflicts, r->conflict_count * sizeof *items);
  }
  r->conflicts = items;
  a->conflict_cap = cap;
  return so_done();
}

static so_status copy_entry(so_arena *arena, so_entry *entry) {
  if (entry->is_inline) {
    SO_TRY(so_arena_copy(arena, entry->inline_value, &entry->inline_value));
  }
  return so_arena_copy(arena, entry->meta, &entry->meta);
}

static so_status add_conflict(attempt *a, const so_op *op, so_conflict_kind kind, const found *base,
                              const found *head, so_bytes other) {
  a->out->conflict_total++;
  if (a->out->conflict_count >= SO_CONFLICTS_MAX) {
    return so_done();
  }
  SO_TRY(grow_conflicts(a));
  so_conflict c;
  memset(&c, 0, sizeof c);
  c.path = op->path;
  c.kind = kind;
  c.other = other;
  c.has_base = base != NULL && base->has;
  if (c.has_base) {
    c.base = base->entry;
    SO_TRY(copy_entry(a->arena, &c.base));
  }
  c.has_ours = head != NULL && head->has;
  if (c.has_ours) {
    c.ours = head->entry;
    SO_TRY(copy_entry(a->arena, &c.ours));
  }
  c.has_theirs = op->kind == SO_OP_PUT;
  c.theirs = op->entry;
  a->out->conflicts[a->out->conflict_count++] = c;
  return so_done();
}

// moved_conflict names the conflict of an operation whose path is at the head not as at the base.
// False: both want the same.
static bool moved_conflict(const so_op *op, const found *base, const found *head,
                           so_conflict_kind *out) {
  if (op->kind == SO_OP_UNMODIFIED) {
    *out = SO_CONFLICT_UNMODIFIED_CHANGED;
    return true;
  }
  if (!head->has) {
    *out = SO_CONFLICT_KEY_DELETED;
    return op->kind == SO_OP_PUT;
  }
  if (op->kind == SO_OP_PUT && so_entry_equal(&head->entry, &op->entry)) {
    return false;
  }
  if (!base->has) {
    *out = SO_CONFLICT_KEY_EXISTS;
  } else {
    *out = op->kind == SO_OP_PUT ? SO_CONFLICT_KEY_CHANGED : SO_CONFLICT_CHANGED_KEY;
  }
  return true;
}

// expect_conflict names the conflict of an operation with its own condition. False: it holds.
static bool expect_conflict(const so_op *op, const found *head, so_conflict_kind *out) {
  switch (op->expect) {
    case SO_EXPECT_ANY:
      return false;
    case SO_EXPECT_ABSENT:
      *out = SO_CONFLICT_KEY_EXISTS;
      return head->has;
    case SO_EXPECT_PRESENT:
      *out = SO_CONFLICT_KEY_DELETED;
      return !head->has;
    case SO_EXPECT_TAG: {
      so_oid tag = {{0}};
      if (head->has) {
        so_entry_tag(&head->entry, &tag);
      }
      *out = head->has ? SO_CONFLICT_KEY_CHANGED : SO_CONFLICT_KEY_DELETED;
      return !so_oid_equal(&tag, &op->tag);
    }
  }
  return false;
}

static so_status check_op(attempt *a, const so_op *op) {
  found head = {0};
  found base = {0};
  SO_TRY(look_up(a, &a->head.root, op->path, &head));
  const bool moved = !so_oid_equal(&a->head.root, &a->base.root);
  if (moved) {
    SO_TRY(look_up(a, &a->base.root, op->path, &base));
  } else {
    base = head;
  }
  so_conflict_kind kind = SO_CONFLICT_KEY_CHANGED;
  const bool conflicts =
      expect_conflict(op, &head, &kind) ||
      (moved && !same_found(&base, &head) && moved_conflict(op, &base, &head, &kind));
  return conflicts ? add_conflict(a, op, kind, &base, &head, so_bytes_of(NULL, 0)) : so_done();
}

static so_status check_ops(attempt *a) {
  for (size_t i = 0; i < a->txn->op_count; i++) {
    const so_status s = check_op(a, &a->txn->ops[i]);
    so_arena_release(&a->scratch);
    SO_TRY(s);
  }
  return a->out->conflict_total == 0 ? so_done() : so_status_make(SO_CONFLICT, 0);
}

// check_clashes looks at the map that would be: is a new path below, or above, another one?
static so_status check_clashes(attempt *a, const so_oid *root) {
  for (size_t i = 0; i < a->txn->op_count; i++) {
    const so_op *op = &a->txn->ops[i];
    found head = {0};
    if (op->kind != SO_OP_PUT) {
      continue;
    }
    so_status s = look_up(a, &a->head.root, op->path, &head);
    so_arena_release(&a->scratch);
    SO_TRY(s);
    if (head.has) {
      continue;  // It was there beside the others before.
    }
    so_bytes other;
    s = so_path_find_clash(&a->tree, root, op->path, a->arena, &other);
    if (so_is(s, SO_NOT_FOUND)) {
      continue;
    }
    SO_TRY(s);
    SO_TRY(add_conflict(a, op, SO_CONFLICT_PATH_CLASH, NULL, NULL, other));
  }
  return a->out->conflict_total == 0 ? so_done() : so_status_make(SO_CONFLICT, 0);
}

// --- applying -------------------------------------------------------------------------------

typedef struct op_source {
  const so_transaction *txn;
  size_t next;
} op_source;

static so_status next_edit(void *ctx, so_edit *out) {
  op_source *src = ctx;
  while (src->next < src->txn->op_count) {
    const so_op *op = &src->txn->ops[src->next++];
    if (op->kind != SO_OP_UNMODIFIED) {
      out->key = op->path;
      out->is_delete = op->kind == SO_OP_DELETE;
      out->entry = op->entry;
      return so_done();
    }
  }
  return so_status_make(SO_NOT_FOUND, 0);
}

static so_status write_commit(attempt *a, const so_oid *root, so_ref_result *refs) {
  const so_transaction *t = a->txn;
  const bool has_parent = !so_oid_is_none(&a->head.oid);
  so_oid commit;
  SO_TRY(so_commit_write(&a->repo->objects, a->repo->repos->heap, root, &a->head.oid,
                         has_parent ? 1 : 0, &t->author, &t->committer, t->message, &commit));
  so_ref_change change = {
      .name = so_bytes_of(a->branch.bytes, a->branch.len), .new_oid = commit, .is_checked = true};
  if (a->has_head) {
    change.old_oid = a->head.oid;
  }
  const so_ref_note note = {t->who, t->why, t->committer.time_ms};
  SO_TRY(so_repo_update_refs(a->repo, &change, 1, &note, refs));
  a->out->commit = commit;
  a->out->root = *root;
  a->out->seq = refs->seq;
  return so_done();
}

static so_status apply(attempt *a, so_ref_result *refs) {
  op_source src = {a->txn, 0};
  const so_edits edits = {next_edit, &src};
  so_oid root;
  SO_TRY(so_tree_edit(&a->tree, &a->head.root, &edits, &root));
  SO_TRY(check_clashes(a, &root));
  if (a->has_head && so_oid_equal(&root, &a->head.root) && !a->txn->allow_empty) {
    a->out->is_unchanged = true;
    return so_done();
  }
  return write_commit(a, &root, refs);
}

static so_status stop_at_first(void *ctx, const so_ref *ref) {
  (void)ref;
  *(bool *)ctx = true;
  return so_done();
}

// may_create_branch: asked for, or the first branch of all.
static so_status may_create_branch(attempt *a) {
  bool has_refs = false;
  SO_TRY(so_ref_list(a->repo, so_str("refs/heads/"), so_bytes_of(NULL, 0), 1, stop_at_first,
                     &has_refs));
  return a->txn->create_branch || !has_refs ? so_done() : so_status_make(SO_NOT_FOUND, 0);
}

// read_head finds the head and the base. A branch that is about to be made has the base as head.
static so_status read_head(attempt *a) {
  const so_transaction *t = a->txn;
  so_ref ref;
  memset(&ref, 0, sizeof ref);
  const so_status s = so_ref_get(a->repo, so_bytes_of(a->branch.bytes, a->branch.len), &ref);
  a->has_head = so_ok(s);
  if (!a->has_head && !so_is(s, SO_NOT_FOUND)) {
    return s;
  }
  a->out->commit = a->has_head ? ref.oid : a->out->commit;
  if (t->has_expected) {
    const so_oid none = {{0}};
    if (!so_oid_equal(a->has_head ? &ref.oid : &none, &t->expected)) {
      return so_status_make(SO_CONFLICT, 0);
    }
  }
  memset(&a->base, 0, sizeof a->base);
  memset(&a->head, 0, sizeof a->head);
  if (!so_oid_is_none(&t->base)) {
    SO_TRY(so_commit_head_read(&a->repo->objects, &t->base, &a->base));
  }
  if (!a->has_head) {
    SO_TRY(may_create_branch(a));
    a->head = a->base;
    return so_done();
  }
  SO_TRY(so_commit_head_read(&a->repo->objects, &ref.oid, &a->head));
  if (so_oid_is_none(&t->base)) {
    a->base = a->head;
  }
  a->out->root = a->head.root;
  a->out->is_replayed = !so_oid_equal(&a->base.oid, &a->head.oid);
  return so_done();
}

static so_status try_once(attempt *a, so_ref_result *refs) {
  memset(a->out, 0, sizeof *a->out);
  memset(refs, 0, sizeof *refs);
  a->conflict_cap = 0;
  SO_TRY(read_head(a));
  SO_TRY(check_ops(a));
  return apply(a, refs);
}

static int by_path(void *ctx, const void *a, const void *b) {
  (void)ctx;
  return so_bytes_compare(((const so_op *)a)->path, ((const so_op *)b)->path);
}

static so_status prepare_ops(const so_transaction *t, so_commit_result *out) {
  if (t->op_count > SO_OPS_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_sort(t->ops, t->op_count, sizeof *t->ops, by_path, NULL);
  for (size_t i = 0; i < t->op_count; i++) {
    const bool is_twice = i != 0 && so_bytes_equal(t->ops[i - 1].path, t->ops[i].path);
    if (is_twice || !so_ok(so_path_check(t->ops[i].path))) {
      out->failed_op = i;
      return so_status_make(SO_MALFORMED, 0);
    }
  }
  return so_done();
}

so_status so_repo_commit(const so_repo *repo, const so_transaction *transaction, so_arena *arena,
                         so_commit_result *out) {
  memset(out, 0, sizeof *out);
  attempt a = {.repo = repo, .tree = so_repo_tree(repo), .txn = transaction, .out = out};
  a.arena = arena;
  SO_TRY(prepare_ops(transaction, out));
  SO_TRY(so_full_name_of(&a.branch, "refs/heads/", transaction->branch));
  so_arena_init(&a.scratch, repo->repos->heap, SCRATCH_MAX);
  so_turn_take(&repo->repos->change);
  so_status s = so_done();
  for (int i = 0; i < ATTEMPTS_MAX; i++) {
    const so_arena_mark mark = so_arena_save(arena);
    so_ref_result refs;
    s = try_once(&a, &refs);
    // Only a ref that moved in between (by a push, which does not take this turn) is worth another
    // attempt; it leaves no conflict behind and names the present value.
    if (!so_is(s, SO_CONFLICT) || out->conflict_total != 0 || so_oid_is_none(&refs.current)) {
      break;
    }
    so_arena_rewind(arena, mark);
  }
  so_turn_give(&repo->repos->change);
  so_arena_release(&a.scratch);
  return s;
}
