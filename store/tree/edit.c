// Applies a batch: reads the old map and the edits in one pass in key order, and gives the builder
// the entries of what comes out. Where builder and old map both stand at a boundary and no edit
// falls below the next old child, the child goes in whole and is never read.

#include "base/mem.h"
#include "store/tree/builder.h"
#include "store/tree/walker.h"

typedef struct edit_run {
  so_walker old;
  so_builder builder;
  const so_edits *edits;
  bool has_edit;
  so_edit edit;      // The next one.
  so_key edit_key;   // A copy of its key, to hold the order.
} edit_run;

static so_status malformed(void) { return so_status_make(SO_MALFORMED, 0); }

static so_status next_edit(edit_run *run) {
  const so_status s = run->edits->next(run->edits->ctx, &run->edit);
  run->has_edit = so_ok(s);
  if (!so_ok(s)) {
    return so_is(s, SO_NOT_FOUND) ? so_done() : s;
  }
  const so_bytes key = run->edit.key;
  if (key.len == 0 || key.len > SO_KEY_LEN_MAX ||
      so_bytes_compare(key, so_key_bytes(&run->edit_key)) <= 0 ||
      !(run->edit.is_delete || so_entry_is_valid(&run->edit.entry))) {
    return malformed();
  }
  memcpy(run->edit_key.bytes, key.ptr, key.len);
  run->edit_key.len = key.len;
  return so_done();
}

static so_status apply_edit(edit_run *run) {
  if (!run->edit.is_delete) {
    SO_TRY(so_builder_put(&run->builder, run->edit.key, &run->edit.entry));
  }
  return next_edit(run);
}

static so_status keep_item(edit_run *run) {
  const so_frame *top = so_walker_top(&run->old);
  SO_TRY(so_builder_add(&run->builder, top->node.level, so_key_bytes(&top->key), top->item.tail,
                        top->item.entry_count));
  return so_walker_advance(&run->old);
}

static so_status at_entry(edit_run *run) {
  const so_bytes key = so_key_bytes(&so_walker_top(&run->old)->key);
  const int order = run->has_edit ? so_bytes_compare(run->edit.key, key) : 1;
  if (order > 0) {
    return keep_item(run);
  }
  SO_TRY(apply_edit(run));
  return order == 0 ? so_walker_advance(&run->old) : so_done();
}

// A child that is the last of its level may have ended only because the keys did; so it stays as it
// is only when nothing comes after it.
static so_status at_child(edit_run *run) {
  const so_frame *top = so_walker_top(&run->old);
  const bool is_untouched =
      !run->has_edit || (so_bytes_compare(run->edit.key, so_key_bytes(&top->key)) > 0 &&
                         !so_walker_is_last_child(&run->old));
  if (is_untouched && so_builder_is_aligned(&run->builder, top->node.level)) {
    return keep_item(run);
  }
  return so_walker_descend(&run->old);
}

static so_status run_edits(edit_run *run, so_oid *out_root) {
  while (!so_walker_at_end(&run->old)) {
    const bool is_leaf = so_walker_top(&run->old)->node.level == 0;
    SO_TRY(is_leaf ? at_entry(run) : at_child(run));
  }
  while (run->has_edit) {
    SO_TRY(apply_edit(run));
  }
  return so_builder_end(&run->builder, out_root);
}

so_status so_tree_edit(const so_tree *tree, const so_oid *root, const so_edits *edits,
                       so_oid *out_root) {
  edit_run *run = so_heap_alloc(tree->heap, sizeof *run);
  if (run == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_bytes from_start = so_bytes_of(NULL, 0);
  const so_oid old_root = *root;
  so_builder_init(&run->builder, tree);
  run->edits = edits;
  run->edit_key.len = 0;
  so_status s = so_walker_open(&run->old, tree, &old_root, from_start);
  if (so_ok(s)) {
    s = next_edit(run);
  }
  if (so_ok(s) && !run->has_edit) {
    *out_root = old_root;
  } else if (so_ok(s)) {
    s = run_edits(run, out_root);
  }
  so_walker_release(&run->old);
  so_builder_release(&run->builder);
  so_heap_free(tree->heap, run, sizeof *run);
  return s;
}

typedef struct array_edits {
  const so_edit *items;
  size_t count;
} array_edits;

static so_status next_of_array(void *ctx, so_edit *out) {
  array_edits *a = ctx;
  if (a->count == 0) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = *a->items;
  a->items++;
  a->count--;
  return so_done();
}

so_status so_tree_edit_array(const so_tree *tree, const so_oid *root, const so_edit *edits,
                             size_t count, so_oid *out_root) {
  array_edits array = {edits, count};
  const so_edits stream = {next_of_array, &array};
  return so_tree_edit(tree, root, &stream, out_root);
}
