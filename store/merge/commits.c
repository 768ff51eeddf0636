// Merging commits over their common ancestors. When there are several best ones (histories that
// crossed), these are merged with each other first, over theirs, and so on: a stack of half-merged
// sets of bases instead of recursion.

#include "base/mem.h"
#include "store/merge/internal.h"

// Bases that are being merged into one: those before `next` are in `root` already.
typedef struct frame {
  so_oid bases[SO_MERGE_BASES_MAX];
  size_t count;
  size_t next;
  so_oid root;
} frame;

typedef struct bases {
  const so_history *history;
  so_arena *arena;
  frame *stack;
  size_t depth;
  bool is_done;
  so_oid root;
} bases;

static so_status root_of(const so_history *history, const so_oid *commit, so_oid *out) {
  const so_objects *objects = history->tree->objects;
  so_object object;
  SO_TRY(so_objects_get_kind(objects, commit, SO_KIND_COMMIT, &object));
  so_commit decoded;
  const so_status s = so_commit_decode(object.bytes, &decoded);
  so_objects_unpin(objects, &object);
  if (!so_ok(s)) {
    return so_status_make(SO_CORRUPT, 0);
  }
  *out = decoded.root;
  return so_done();
}

// settle is called with the root over which the topmost frame's next base is to be merged (or,
// without a frame, with the answer).
static so_status settle(bases *b, const so_oid *root) {
  if (b->depth == 0) {
    b->root = *root;
    b->is_done = true;
    return so_done();
  }
  frame *f = &b->stack[b->depth - 1];
  so_oid next_root;
  SO_TRY(root_of(b->history, &f->bases[f->next], &next_root));
  so_oid merged;
  SO_TRY(so_merge_virtual(b->history->tree, root, &f->root, &next_root, b->arena, &merged));
  f->root = merged;
  f->next++;
  return so_done();
}

// descend finds the bases of two sets of commits: one or none are the answer, several are merged.
static so_status descend(bases *b, const so_oid *x, size_t x_count, const so_oid *y,
                         size_t y_count) {
  so_oid found[SO_MERGE_BASES_MAX];
  size_t count = 0;
  SO_TRY(so_merge_bases(b->history, x, x_count, y, y_count, found, &count));
  so_oid root = {{0}};
  if (count != 0) {
    SO_TRY(root_of(b->history, &found[0], &root));
  }
  if (count < 2 || b->depth == SO_MERGE_DEPTH_MAX) {
    return settle(b, &root);
  }
  frame *f = &b->stack[b->depth++];
  memcpy(f->bases, found, sizeof found);
  f->count = count;
  f->next = 1;
  f->root = root;
  return so_done();
}

static so_status find_base(bases *b, const so_oid *ours, const so_oid *theirs) {
  SO_TRY(descend(b, ours, 1, theirs, 1));
  while (!b->is_done) {
    frame *f = &b->stack[b->depth - 1];
    if (f->next == f->count) {
      const so_oid root = f->root;
      b->depth--;
      SO_TRY(settle(b, &root));
    } else {
      SO_TRY(descend(b, f->bases, f->next, &f->bases[f->next], 1));
    }
  }
  return so_done();
}

so_status so_merge_commits(const so_history *history, const so_oid *ours, const so_oid *theirs,
                           const so_merge_options *options, so_arena *arena, so_merge_result *out) {
  bases b = {.history = history, .arena = arena};
  b.stack = so_heap_alloc_array(history->tree->heap, SO_MERGE_DEPTH_MAX, sizeof *b.stack);
  if (b.stack == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_status s = find_base(&b, ours, theirs);
  so_heap_free(history->tree->heap, b.stack, SO_MERGE_DEPTH_MAX * sizeof *b.stack);
  SO_TRY(s);
  so_oid ours_root;
  so_oid theirs_root;
  SO_TRY(root_of(history, ours, &ours_root));
  SO_TRY(root_of(history, theirs, &theirs_root));
  return so_merge_trees(history->tree, &b.root, &ours_root, &theirs_root, options, arena, out);
}
