// Reads two maps side by side. What both have in front of them as a whole is passed by unread;
// otherwise the higher of the two is gone into, until two entries face each other. So a difference
// costs the paths to it in both maps, also where heights and boundaries differ.

#include "base/mem.h"
#include "store/tree/tree.h"
#include "store/tree/walker.h"

struct so_diff {
  const so_tree *tree;
  so_walker old;
  so_walker new;
  bool old_is_shown;  // The entry given out last has still to be passed.
  bool new_is_shown;
  so_buf prefix;
  so_buf start;  // The smallest key that may be given out.
};

static so_status set_range(so_diff *d, so_bytes prefix, so_bytes after) {
  so_bytes all;
  so_buf_append(&d->prefix, prefix);
  if (after.len != 0 && so_bytes_compare(after, prefix) >= 0) {
    so_buf_append(&d->start, after);
    so_buf_append_u8(&d->start, 0);  // The next key there can be.
  } else {
    so_buf_append(&d->start, prefix);
  }
  SO_TRY(so_buf_end(&d->prefix, &all));
  return so_buf_end(&d->start, &all);
}

so_status so_diff_open(const so_tree *tree, const so_oid *from, const so_oid *to, so_bytes prefix,
                       so_bytes after, so_diff **out) {
  so_diff *d = so_heap_alloc_array(tree->heap, 1, sizeof *d);
  if (d == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  const so_oid none = {{0}};
  const bool is_same = so_oid_equal(from, to);
  d->tree = tree;
  so_buf_init(&d->prefix, tree->heap, SO_KEY_LEN_MAX);
  so_buf_init(&d->start, tree->heap, SO_KEY_LEN_MAX + 1);
  so_status s = set_range(d, prefix, after);
  const so_status old_s =
      so_walker_open(&d->old, tree, is_same ? &none : from, so_buf_bytes(&d->start));
  const so_status new_s =
      so_walker_open(&d->new, tree, is_same ? &none : to, so_buf_bytes(&d->start));
  s = so_ok(s) ? old_s : s;
  s = so_ok(s) ? new_s : s;
  if (!so_ok(s)) {
    so_diff_close(d);
    return s;
  }
  *out = d;
  return so_done();
}

void so_diff_close(so_diff *d) {
  so_walker_release(&d->old);
  so_walker_release(&d->new);
  so_buf_release(&d->prefix);
  so_buf_release(&d->start);
  so_heap_free(d->tree->heap, d, sizeof *d);
}

static so_status pass_shown(so_diff *d) {
  if (d->old_is_shown) {
    d->old_is_shown = false;
    SO_TRY(so_walker_advance(&d->old));
  }
  if (d->new_is_shown) {
    d->new_is_shown = false;
    SO_TRY(so_walker_advance(&d->new));
  }
  return so_done();
}

// to_entries moves both to an entry that matters, or to their end.
static so_status to_entries(so_diff *d) {
  for (;;) {
    bool moved = false;
    if (!so_walker_at_end(&d->old) && !so_walker_at_end(&d->new)) {
      SO_TRY(so_walkers_skip(&d->old, &d->new, &moved));
    }
    if (!moved) {
      SO_TRY(so_walkers_descend(&d->old, &d->new, &moved));
    }
    if (!moved) {
      return so_done();
    }
  }
}

// Keys begin at the prefix or after it, so the first one without it is behind them all.
static void end_behind_prefix(const so_diff *d, so_walker *w) {
  if (!so_walker_at_end(w) &&
      !so_bytes_has_prefix(so_key_bytes(&so_walker_top(w)->key), so_buf_bytes(&d->prefix))) {
    while (!so_walker_at_end(w)) {
      so_walker_pop(w);
    }
  }
}

// order: which of the two entries comes first? <0 the old one, >0 the new one. Not both at the end.
static int order(const so_diff *d) {
  if (so_walker_at_end(&d->old)) {
    return 1;
  }
  if (so_walker_at_end(&d->new)) {
    return -1;
  }
  return so_bytes_compare(so_key_bytes(&so_walker_top(&d->old)->key),
                          so_key_bytes(&so_walker_top(&d->new)->key));
}

static void show(so_diff *d, int order, so_change *out) {
  memset(out, 0, sizeof *out);
  if (order <= 0) {
    const so_frame *f = so_walker_top(&d->old);
    out->has_old = d->old_is_shown = true;
    out->old_entry = f->item.entry;
    out->key = so_key_bytes(&f->key);
  }
  if (order >= 0) {
    const so_frame *f = so_walker_top(&d->new);
    out->has_new = d->new_is_shown = true;
    out->new_entry = f->item.entry;
    out->key = so_key_bytes(&f->key);
  }
}

so_status so_diff_next(so_diff *d, so_change *out) {
  SO_TRY(pass_shown(d));
  for (;;) {
    SO_TRY(to_entries(d));
    end_behind_prefix(d, &d->old);
    end_behind_prefix(d, &d->new);
    if (so_walker_at_end(&d->old) && so_walker_at_end(&d->new)) {
      return so_status_make(SO_NOT_FOUND, 0);
    }
    const int first = order(d);
    if (first != 0 || !so_bytes_equal(so_walker_top(&d->old)->item.tail,
                                      so_walker_top(&d->new)->item.tail)) {
      show(d, first, out);
      return so_done();
    }
    SO_TRY(so_walker_advance(&d->old));
    SO_TRY(so_walker_advance(&d->new));
  }
}
