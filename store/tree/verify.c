// The same content has the same root. So a map is right when applying its difference from a map
// that is right to that one gives its root again.

#include "store/tree/tree.h"

// Objects that can be read, and whose puts only say what the name would be.
typedef struct dry_objects {
  const so_objects *real;
} dry_objects;

static so_status dry_get(void *ctx, const so_oid *oid, so_object *out) {
  const dry_objects *d = ctx;
  return so_objects_get(d->real, oid, out);
}

static void dry_unpin(void *ctx, so_object *object) {
  const dry_objects *d = ctx;
  so_objects_unpin(d->real, object);
}

static so_status dry_has(void *ctx, const so_oid *oid) {
  const dry_objects *d = ctx;
  return so_objects_has(d->real, oid);
}

static so_status dry_put(void *ctx, so_kind kind, so_bytes payload, so_oid *out_oid) {
  (void)ctx;
  so_oid_of(kind, payload, out_oid);
  return so_done();
}

typedef struct diff_edits {
  so_diff *diff;
  so_status failed;  // Why the difference could not be read.
} diff_edits;

static so_status next_of_diff(void *ctx, so_edit *out) {
  diff_edits *e = ctx;
  so_change change;
  const so_status s = so_diff_next(e->diff, &change);
  if (!so_ok(s)) {
    e->failed = so_is(s, SO_NOT_FOUND) ? e->failed : s;
    return s;
  }
  out->key = change.key;
  out->is_delete = !change.has_new;
  out->entry = change.new_entry;
  return so_done();
}

// A wrong map gives a root that nobody put, or nodes that contradict each other.
static so_status judge(so_status edited, so_status read, const so_oid *want, const so_oid *got) {
  if (!so_ok(read)) {
    return read;
  }
  if (so_is(edited, SO_NOT_FOUND) || so_is(edited, SO_CORRUPT)) {
    return so_status_make(SO_MALFORMED, 0);
  }
  SO_TRY(edited);
  return so_oid_equal(want, got) ? so_done() : so_status_make(SO_MALFORMED, 0);
}

so_status so_tree_verify(const so_tree *tree, const so_oid *trusted, const so_oid *root) {
  const so_objects_ops ops = {dry_get, dry_unpin, dry_has, dry_put};
  dry_objects dry = {tree->objects};
  const so_objects objects = {&ops, &dry};
  so_tree dry_tree = *tree;
  dry_tree.objects = &objects;
  diff_edits diff = {NULL, so_done()};
  const so_bytes all = so_bytes_of(NULL, 0);
  SO_TRY(so_diff_open(tree, trusted, root, all, all, &diff.diff));
  const so_edits edits = {next_of_diff, &diff};
  so_oid got;
  const so_status s = so_tree_edit(&dry_tree, trusted, &edits, &got);
  so_diff_close(diff.diff);
  return judge(s, diff.failed, root, &got);
}
