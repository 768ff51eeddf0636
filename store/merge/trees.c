// Merging two maps: the differences base..ours and base..theirs are walked together, in key order,
// and what comes out are edits on top of ours.

#include "base/mem.h"
#include "store/merge/internal.h"
#include "store/value/value.h"

// Copies of a few entries while one path is looked at.
#define SCRATCH_MAX (1u << 20)

typedef struct side {
  so_diff *diff;
  so_change at;
  bool has;  // `at` is valid; otherwise the difference is used up.
} side;

typedef struct merger {
  const so_tree *tree;
  const so_oid *base;
  const so_oid *ours;
  const so_merge_options *options;
  bool is_virtual;  // For so_merge_virtual.
  so_attributes attributes;
  so_buf attributes_text;
  side o;
  side t;
  so_buf value;  // Of the entry merged last.
  so_buf meta;
  uint8_t *clear_dir;  // No path on our side is in the way of what goes into this directory.
  size_t clear_dir_len;
  so_arena scratch;
  so_arena *arena;
  size_t conflict_cap;
  so_merge_result *result;
} merger;

static bool is_found(so_status s) { return !so_is(s, SO_NOT_FOUND); }

static so_status advance(side *s) {
  const so_status status = so_diff_next(s->diff, &s->at);
  s->has = so_ok(status);
  return so_is(status, SO_NOT_FOUND) ? so_done() : status;
}

so_status so_entry_copy(so_arena *arena, const so_entry *entry, so_entry *out) {
  *out = *entry;
  if (entry->is_inline) {
    SO_TRY(so_arena_copy(arena, entry->inline_value, &out->inline_value));
  }
  return so_arena_copy(arena, entry->meta, &out->meta);
}

// --- conflicts ------------------------------------------------------------------------------

static const so_resolution *find_resolution(const merger *m, so_bytes path) {
  size_t lo = 0;
  size_t hi = m->options->resolution_count;
  while (lo < hi) {
    const size_t mid = lo + (hi - lo) / 2;
    const int c = so_bytes_compare(m->options->resolutions[mid].path, path);
    if (c == 0) {
      return &m->options->resolutions[mid];
    }
    lo = c < 0 ? mid + 1 : lo;
    hi = c < 0 ? hi : mid;
  }
  return NULL;
}

static so_status copy_conflict(so_arena *arena, const so_conflict *c, so_conflict *out) {
  *out = *c;
  SO_TRY(so_arena_copy(arena, c->path, &out->path));
  SO_TRY(so_arena_copy(arena, c->other, &out->other));
  if (c->has_base) {
    SO_TRY(so_entry_copy(arena, &c->base, &out->base));
  }
  if (c->has_ours) {
    SO_TRY(so_entry_copy(arena, &c->ours, &out->ours));
  }
  return c->has_theirs ? so_entry_copy(arena, &c->theirs, &out->theirs) : so_done();
}

// grow_conflicts makes room for one more; false when the list is as long as it gets.
static bool grow_conflicts(merger *m) {
  so_merge_result *r = m->result;
  if (r->conflict_count < m->conflict_cap) {
    return true;
  }
  if (m->conflict_cap >= SO_CONFLICTS_MAX) {
    return false;
  }
  size_t cap = m->conflict_cap == 0 ? 16 : m->conflict_cap * 4;
  cap = cap > SO_CONFLICTS_MAX ? SO_CONFLICTS_MAX : cap;
  so_conflict *items = so_arena_alloc(m->arena, cap * sizeof *items);
  if (items == NULL) {
    return false;
  }
  if (r->conflict_count != 0) {
    memcpy(items, r->conflicts, r->conflict_count * sizeof *items);
  }
  r->conflicts = items;
  m->conflict_cap = cap;
  return true;
}

// add_conflict lists a conflict, unless the caller resolved its path. It never fails: one that
// does not fit is counted.
static void add_conflict(merger *m, const so_conflict *c) {
  if (find_resolution(m, c->path) != NULL) {
    return;
  }
  so_merge_result *r = m->result;
  r->conflict_total++;
  if (grow_conflicts(m) && so_ok(copy_conflict(m->arena, c, &r->conflicts[r->conflict_count]))) {
    r->conflict_count++;
  }
}

static so_conflict_kind kind_of(const so_change *o, const so_change *t) {
  if (!o->has_new) {
    return SO_CONFLICT_KEY_DELETED;
  }
  if (!t->has_new) {
    return SO_CONFLICT_CHANGED_KEY;
  }
  return o->has_old ? SO_CONFLICT_KEY_CHANGED : SO_CONFLICT_KEY_EXISTS;
}

// --- clashes --------------------------------------------------------------------------------

static so_bytes directory_of(so_bytes path) {
  size_t len = path.len;
  while (len > 0 && path.ptr[len - 1] != '/') {
    len--;
  }
  return so_bytes_first(path, len);
}

// survives: is `path`, which ours has as `entry`, still there after the merge? Theirs has a path
// that excludes it, so theirs has not got it: if the base had it as it is, theirs deleted it.
static so_status survives(merger *m, so_bytes path, const so_entry *entry, bool *out) {
  so_entry base;
  const so_status s = so_tree_get(m->tree, m->base, path, &m->scratch, &base);
  if (is_found(s)) {
    SO_TRY(s);
  }
  *out = !so_ok(s) || !so_entry_equal(&base, entry);
  return so_done();
}

static so_status clash_above(merger *m, so_bytes path, so_bytes *out) {
  const so_bytes dir = directory_of(path);
  if (so_bytes_equal(dir, so_bytes_of(m->clear_dir, m->clear_dir_len))) {
    return so_done();
  }
  for (size_t i = 0; i < dir.len; i++) {
    if (dir.ptr[i] != '/') {
      continue;
    }
    const so_bytes above = so_bytes_first(path, i);
    so_entry entry;
    const so_status s = so_tree_get(m->tree, m->ours, above, &m->scratch, &entry);
    if (!is_found(s)) {
      continue;
    }
    SO_TRY(s);
    bool stays;
    SO_TRY(survives(m, above, &entry, &stays));
    if (stays) {
      *out = above;
      return so_done();
    }
  }
  memcpy(m->clear_dir, dir.ptr, dir.len);
  m->clear_dir_len = dir.len;
  return so_done();
}

// clash_below: everything under `path/` that the base has was deleted by theirs, so what is in the
// way is what ours changed or added there.
static so_status clash_below(merger *m, so_bytes path, so_bytes *out) {
  if (path.len >= SO_KEY_LEN_MAX) {
    return so_done();
  }
  uint8_t *below = so_arena_alloc(&m->scratch, path.len + 1);
  if (below == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memcpy(below, path.ptr, path.len);
  below[path.len] = '/';
  so_diff *diff;
  SO_TRY(so_diff_open(m->tree, m->base, m->ours, so_bytes_of(below, path.len + 1),
                      so_bytes_of(NULL, 0), &diff));
  so_change change;
  so_status s = so_diff_next(diff, &change);
  while (so_ok(s) && !change.has_new) {
    s = so_diff_next(diff, &change);
  }
  if (so_ok(s)) {
    s = so_arena_copy(&m->scratch, change.key, out);
  }
  so_diff_close(diff);
  return is_found(s) ? s : so_done();
}

// find_clash looks for a path on our side that cannot be beside `path`; `*out` is empty when there
// is none.
static so_status find_clash(merger *m, so_bytes path, so_bytes *out) {
  *out = so_bytes_of(NULL, 0);
  SO_TRY(clash_above(m, path, out));
  return out->len != 0 ? so_done() : clash_below(m, path, out);
}

static void add_clash(merger *m, const so_change *t, so_bytes other) {
  so_conflict c;
  memset(&c, 0, sizeof c);
  c.path = t->key;
  c.kind = SO_CONFLICT_PATH_CLASH;
  c.has_base = t->has_old;
  c.base = t->old_entry;
  c.has_theirs = true;
  c.theirs = t->new_entry;
  c.other = other;
  add_conflict(m, &c);
}

// --- one path -------------------------------------------------------------------------------

// adopt takes what theirs has at a path. `*out_has` false: it cannot be there.
static so_status adopt(merger *m, const so_change *t, bool is_new_here, bool *out_has,
                       so_edit *out) {
  *out_has = true;
  out->key = t->key;
  out->is_delete = !t->has_new;
  out->entry = t->new_entry;
  if (t->has_new && is_new_here) {
    so_bytes other;
    SO_TRY(find_clash(m, t->key, &other));
    if (other.len != 0) {
      add_clash(m, t, other);
      *out_has = false;
      return so_done();
    }
  }
  m->result->adopted_count++;
  return so_done();
}

static void report(merger *m, const so_entry_merge *e, const so_change *o, const so_change *t) {
  so_conflict c;
  memset(&c, 0, sizeof c);
  c.path = o->key;
  c.kind = kind_of(o, t);
  c.has_base = o->has_old;
  c.has_ours = o->has_new;
  c.has_theirs = t->has_new;
  c.base = o->old_entry;
  c.ours = o->new_entry;
  c.theirs = t->new_entry;
  c.pointers = e->pointers;
  c.pointer_count = e->pointer_count;
  c.strategy = so_strategy_for(e->strategy, o->key);
  add_conflict(m, &c);
}

// keep_conflict decides what stands in the root where a path conflicts: ours, text with markers,
// or for virtual bases the base.
static void keep_conflict(const merger *m, const so_entry_merge *e, const so_change *o,
                          bool *out_has, so_edit *out) {
  out->key = o->key;
  out->is_delete = false;
  if (e->has_merged && (m->options->keep_markers || m->is_virtual)) {
    out->entry = e->merged;
    *out_has = true;
  } else if (m->is_virtual && o->has_old) {
    out->entry = o->old_entry;
    *out_has = true;
  }
}

// merge_both merges a path that both sides touched.
static so_status merge_both(merger *m, const so_change *o, const so_change *t, bool *out_has,
                            so_edit *out) {
  const bool same =
      o->has_new == t->has_new && (!o->has_new || so_entry_equal(&o->new_entry, &t->new_entry));
  if (same) {
    return so_done();
  }
  so_buf_clear(&m->value);
  so_buf_clear(&m->meta);
  so_entry_merge e = {.tree = m->tree,
                      .path = o->key,
                      .base = o->has_old ? &o->old_entry : NULL,
                      .ours = o->has_new ? &o->new_entry : NULL,
                      .theirs = t->has_new ? &t->new_entry : NULL,
                      .strategy = so_attributes_strategy(&m->attributes, o->key),
                      .options = m->options,
                      .arena = m->arena,
                      .value = &m->value,
                      .meta = &m->meta};
  so_entry_outcome outcome;
  SO_TRY(so_merge_entry(&e, &outcome));
  switch (outcome) {
    case SO_ENTRY_KEEPS_OURS:
      break;
    case SO_ENTRY_TAKES_THEIRS:
      return adopt(m, t, !o->has_new, out_has, out);
    case SO_ENTRY_MERGED:
      m->result->merged_count++;
      out->key = o->key;
      out->is_delete = false;
      out->entry = e.merged;
      *out_has = true;
      break;
    case SO_ENTRY_CONFLICTS:
      report(m, &e, o, t);
      keep_conflict(m, &e, o, out_has, out);
      break;
  }
  return so_done();
}

// next_edit is the so_edits of the merge. The views in an edit come from the differences, which
// therefore move on at the next call.
typedef struct edit_source {
  merger *m;
  bool moves_o;
  bool moves_t;
} edit_source;

static so_status next_edit(void *ctx, so_edit *out) {
  edit_source *src = ctx;
  merger *m = src->m;
  for (;;) {
    if (src->moves_o) {
      SO_TRY(advance(&m->o));
    }
    if (src->moves_t) {
      SO_TRY(advance(&m->t));
    }
    if (!m->t.has) {
      return so_status_make(SO_NOT_FOUND, 0);  // What is left is ours alone.
    }
    const so_arena_mark mark = so_arena_save(&m->scratch);
    const int c = m->o.has ? so_bytes_compare(m->o.at.key, m->t.at.key) : 1;
    src->moves_o = c <= 0;
    src->moves_t = c >= 0;
    bool has = false;
    so_status s = so_done();
    if (c > 0) {
      s = adopt(m, &m->t.at, !m->t.at.has_old, &has, out);
    } else if (c == 0) {
      s = merge_both(m, &m->o.at, &m->t.at, &has, out);
    }
    so_arena_rewind(&m->scratch, mark);
    SO_TRY(s);
    if (has) {
      return so_done();
    }
  }
}

// --- the whole ------------------------------------------------------------------------------

// load_attributes reads the attributes of the side that changed them; of ours when both did.
static so_status load_attributes(merger *m, const so_oid *theirs) {
  const so_bytes path = so_str(SO_ATTRIBUTES_PATH);
  so_entry at[3];
  bool has[3];
  const so_oid *roots[3] = {m->base, m->ours, theirs};
  for (int i = 0; i < 3; i++) {
    const so_status s = so_tree_get(m->tree, roots[i], path, &m->scratch, &at[i]);
    has[i] = so_ok(s);
    if (!has[i] && !so_is(s, SO_NOT_FOUND)) {
      return s;
    }
  }
  const bool ours_changed = has[0] != has[1] || (has[0] && !so_entry_equal(&at[0], &at[1]));
  const int from = ours_changed ? 1 : 2;
  if (!has[from] || at[from].type != SO_ENTRY_FILE || at[from].size > SO_ATTRIBUTES_LEN_MAX) {
    return so_done();
  }
  SO_TRY(so_value_read_all(m->tree, &at[from], &m->attributes_text));
  m->attributes.text = so_buf_bytes(&m->attributes_text);
  return so_done();
}

static so_status merge_paths(merger *m, const so_oid *theirs) {
  SO_TRY(load_attributes(m, theirs));
  SO_TRY(so_diff_open(m->tree, m->base, m->ours, so_bytes_of(NULL, 0), so_bytes_of(NULL, 0),
                      &m->o.diff));
  SO_TRY(so_diff_open(m->tree, m->base, theirs, so_bytes_of(NULL, 0), so_bytes_of(NULL, 0),
                      &m->t.diff));
  edit_source src = {m, true, true};
  const so_edits edits = {next_edit, &src};
  return so_tree_edit(m->tree, m->ours, &edits, &m->result->root);
}

typedef struct resolution_source {
  const so_merge_options *options;
  size_t next;
} resolution_source;

static so_status next_resolution(void *ctx, so_edit *out) {
  resolution_source *src = ctx;
  if (src->next == src->options->resolution_count) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  const so_resolution *r = &src->options->resolutions[src->next++];
  out->key = r->path;
  out->is_delete = r->is_delete;
  out->entry = r->entry;
  return so_done();
}

// check_resolution reports a resolution that put a path where it cannot be.
static so_status check_resolution(merger *m, const so_resolution *r) {
  if (r->is_delete) {
    return so_done();
  }
  so_bytes other;
  const so_status s = so_path_find_clash(m->tree, &m->result->root, r->path, m->arena, &other);
  if (!is_found(s)) {
    return so_done();
  }
  SO_TRY(s);
  so_conflict c;
  memset(&c, 0, sizeof c);
  c.path = r->path;
  c.kind = SO_CONFLICT_PATH_CLASH;
  c.has_theirs = true;
  c.theirs = r->entry;
  c.other = other;
  m->result->conflict_total++;
  if (grow_conflicts(m)) {
    m->result->conflicts[m->result->conflict_count++] = c;
  }
  return so_done();
}

static so_status resolve(merger *m) {
  if (m->options->resolution_count == 0) {
    return so_done();
  }
  resolution_source src = {m->options, 0};
  const so_edits edits = {next_resolution, &src};
  const so_oid before = m->result->root;
  SO_TRY(so_tree_edit(m->tree, &before, &edits, &m->result->root));
  for (size_t i = 0; i < m->options->resolution_count; i++) {
    SO_TRY(check_resolution(m, &m->options->resolutions[i]));
  }
  return so_done();
}

// sort_conflicts puts those of resolutions, which come last, in their places. They are few.
static void sort_conflicts(so_merge_result *r) {
  for (size_t i = 1; i < r->conflict_count; i++) {
    const so_conflict moved = r->conflicts[i];
    size_t at = i;
    while (at > 0 && so_bytes_compare(r->conflicts[at - 1].path, moved.path) > 0) {
      r->conflicts[at] = r->conflicts[at - 1];
      at--;
    }
    r->conflicts[at] = moved;
  }
}

static void merger_release(merger *m) {
  if (m->o.diff != NULL) {
    so_diff_close(m->o.diff);
  }
  if (m->t.diff != NULL) {
    so_diff_close(m->t.diff);
  }
  so_buf_release(&m->value);
  so_buf_release(&m->meta);
  so_buf_release(&m->attributes_text);
  so_arena_release(&m->scratch);
  so_heap_free(m->tree->heap, m->clear_dir, SO_KEY_LEN_MAX);
}

static so_status merge(const so_tree *tree, const so_oid *base, const so_oid *ours,
                       const so_oid *theirs, const so_merge_options *options, bool is_virtual,
                       so_arena *arena, so_merge_result *out) {
  static const so_merge_options kDefaults = {0};
  const so_heap *heap = tree->heap;
  memset(out, 0, sizeof *out);
  merger m;
  memset(&m, 0, sizeof m);
  m.tree = tree;
  m.base = base;
  m.ours = ours;
  m.options = options == NULL ? &kDefaults : options;
  m.is_virtual = is_virtual;
  m.arena = arena;
  m.result = out;
  so_buf_init(&m.value, heap, 2 * SO_MERGE_VALUE_LEN_MAX + 4096);
  so_buf_init(&m.meta, heap, 4 * SO_META_LEN_MAX);
  so_buf_init(&m.attributes_text, heap, SO_ATTRIBUTES_LEN_MAX);
  so_arena_init(&m.scratch, heap, SCRATCH_MAX);
  m.clear_dir = so_heap_alloc(heap, SO_KEY_LEN_MAX);
  so_status s = m.clear_dir == NULL ? so_status_make(SO_LIMIT, 0) : merge_paths(&m, theirs);
  if (so_ok(s)) {
    s = resolve(&m);
  }
  sort_conflicts(out);
  merger_release(&m);
  return s;
}

so_status so_merge_trees(const so_tree *tree, const so_oid *base, const so_oid *ours,
                         const so_oid *theirs, const so_merge_options *options, so_arena *arena,
                         so_merge_result *out) {
  return merge(tree, base, ours, theirs, options, false, arena, out);
}

so_status so_merge_virtual(const so_tree *tree, const so_oid *base, const so_oid *ours,
                           const so_oid *theirs, so_arena *arena, so_oid *out_root) {
  const so_arena_mark mark = so_arena_save(arena);
  so_merge_result result;
  const so_status s = merge(tree, base, ours, theirs, NULL, true, arena, &result);
  so_arena_rewind(arena, mark);
  *out_root = result.root;
  return s;
}
