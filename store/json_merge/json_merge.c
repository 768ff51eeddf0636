// The merge walks the three trees together, with its own stack, and builds the result in the arena.

#include "store/json_merge/json_merge.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/sort.h"
#include "store/json_merge/internal.h"

#define POINTER_LEN_MAX (64u << 10)

enum { BASE = 0, OURS = 1, THEIRS = 2, SIDES = 3 };

// The value of one member or element on each side; NULL where it is not there.
typedef struct triple {
  so_bytes name;
  const so_json *at[SIDES];
  uint64_t order;  // In the result: as in ours, then what only theirs has.
} triple;

// A container of the result that is being filled.
typedef struct frame {
  so_json *node;
  so_json *last;  // Its last child so far.
  triple *items;
  size_t count;
  size_t next;
  size_t pointer_len;  // Of the pointer to this container.
} frame;

typedef struct merger {
  so_arena *arena;
  so_json_favor favor;
  frame stack[SO_JSON_DEPTH_MAX + 1];
  size_t depth;
  so_buf pointer;  // To the value being merged.
  so_json_merge_result *result;
} merger;

// --- equality -------------------------------------------------------------------------------

static bool is_container(const so_json *v) {
  return v->type == SO_JSON_OBJECT || v->type == SO_JSON_ARRAY;
}

static bool same_head(const so_json *a, const so_json *b) {
  return a->type == b->type && so_bytes_equal(a->name, b->name) &&
         (is_container(a) || so_bytes_equal(a->text, b->text));
}

bool so_json_equal(const so_json *a, const so_json *b) {
  const so_json *up_a[SO_JSON_DEPTH_MAX + 1];
  const so_json *up_b[SO_JSON_DEPTH_MAX + 1];
  size_t depth = 0;
  if (a == NULL || b == NULL) {
    return a == b;
  }
  // The names of the two values themselves do not count.
  if (a->type != b->type || (!is_container(a) && !so_bytes_equal(a->text, b->text))) {
    return false;
  }
  up_a[0] = a;
  up_b[0] = b;
  const so_json *x = is_container(a) ? a->first : NULL;
  const so_json *y = is_container(b) ? b->first : NULL;
  for (;;) {
    if (x == NULL || y == NULL) {
      if (x != y) {
        return false;
      }
      if (depth == 0) {
        return true;
      }
      x = up_a[depth]->next;
      y = up_b[depth]->next;
      depth--;
    } else if (!same_head(x, y)) {
      return false;
    } else if (is_container(x)) {
      depth++;
      SO_ASSERT(depth <= SO_JSON_DEPTH_MAX);
      up_a[depth] = x;
      up_b[depth] = y;
      x = x->first;
      y = y->first;
    } else {
      x = x->next;
      y = y->next;
    }
  }
}

// --- pointers -------------------------------------------------------------------------------

static void pointer_push_name(so_buf *pointer, so_bytes name) {
  so_buf_append_u8(pointer, '/');
  for (size_t i = 0; i < name.len; i++) {
    if (name.ptr[i] == '~') {
      so_buf_append_str(pointer, "~0");
    } else if (name.ptr[i] == '/') {
      so_buf_append_str(pointer, "~1");
    } else {
      so_buf_append_u8(pointer, name.ptr[i]);
    }
  }
}

static void pointer_push_index(so_buf *pointer, size_t index) {
  so_buf_append_u8(pointer, '/');
  uint8_t digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = (uint8_t)('0' + index % 10);
    index /= 10;
  } while (index != 0);
  so_buf_append(pointer, so_bytes_of(digits + at, sizeof digits - at));
}

static so_status report(merger *m) {
  so_json_merge_result *r = m->result;
  if (r->pointer_count == SO_JSON_CONFLICTS_MAX) {
    return so_done();
  }
  if (r->pointers == NULL) {
    r->pointers = so_arena_alloc(m->arena, SO_JSON_CONFLICTS_MAX * sizeof *r->pointers);
    if (r->pointers == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
  }
  so_bytes pointer;
  SO_TRY(so_buf_end(&m->pointer, &pointer));
  SO_TRY(so_arena_copy(m->arena, pointer, &r->pointers[r->pointer_count]));
  r->pointer_count++;
  return so_done();
}

// --- building -------------------------------------------------------------------------------

// emit adds a child to the container being filled (or makes the root).
static so_status emit(merger *m, const so_json *value, so_bytes name, so_json **out) {
  so_json *copy = so_arena_alloc(m->arena, sizeof *copy);
  if (copy == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  *copy = *value;
  copy->name = name;
  copy->next = NULL;
  frame *f = &m->stack[m->depth];
  if (f->last == NULL) {
    f->node->first = copy;
  } else {
    f->last->next = copy;
  }
  f->last = copy;
  *out = copy;
  return so_done();
}

static so_status push(merger *m, const so_json *like, so_bytes name, triple *items, size_t count) {
  so_json *node;
  SO_TRY(emit(m, like, name, &node));
  node->first = NULL;
  m->depth++;
  SO_ASSERT(m->depth <= SO_JSON_DEPTH_MAX);
  const frame f = {node, NULL, items, count, 0, m->pointer.len};
  m->stack[m->depth] = f;
  return so_done();
}

static size_t child_count(const so_json *v) {
  size_t n = 0;
  for (const so_json *c = v == NULL ? NULL : v->first; c != NULL; c = c->next) {
    n++;
  }
  return n;
}

static so_status alloc_triples(merger *m, size_t count, triple **out) {
  *out = so_arena_alloc(m->arena, (count + 1) * sizeof **out);
  return *out == NULL ? so_status_make(SO_LIMIT, 0) : so_done();
}

// --- objects --------------------------------------------------------------------------------

static int by_name(void *ctx, const void *a, const void *b) {
  (void)ctx;
  const triple *x = a;
  const triple *y = b;
  const int c = so_bytes_compare(x->name, y->name);
  return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static int by_order(void *ctx, const void *a, const void *b) {
  (void)ctx;
  const uint64_t x = ((const triple *)a)->order;
  const uint64_t y = ((const triple *)b)->order;
  return (x > y) - (x < y);
}

// join_members lists the members of all sides, each name once, in the order of the result.
static so_status join_members(merger *m, const triple *t, triple **out, size_t *out_count) {
  static const int kOrder[SIDES] = {OURS, THEIRS, BASE};
  size_t total = 0;
  for (int side = 0; side < SIDES; side++) {
    total += child_count(t->at[side]);
  }
  triple *all;
  SO_TRY(alloc_triples(m, total, &all));
  size_t n = 0;
  for (int i = 0; i < SIDES; i++) {
    const int side = kOrder[i];
    for (const so_json *c = t->at[side] == NULL ? NULL : t->at[side]->first; c; c = c->next) {
      all[n].name = c->name;
      all[n].order = n;
      all[n].at[side] = c;
      n++;
    }
  }
  so_sort(all, n, sizeof *all, by_name, NULL);
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (kept != 0 && so_bytes_equal(all[kept - 1].name, all[i].name)) {
      for (int side = 0; side < SIDES; side++) {
        all[kept - 1].at[side] = all[i].at[side] ? all[i].at[side] : all[kept - 1].at[side];
      }
    } else {
      all[kept++] = all[i];
    }
  }
  so_sort(all, kept, sizeof *all, by_order, NULL);
  *out = all;
  *out_count = kept;
  return so_done();
}

// --- arrays ---------------------------------------------------------------------------------

typedef struct elements {
  const so_json **items;
  size_t count;
  size_t prefix;  // Elements at the beginning that are the base's.
  size_t suffix;  // At the end; never overlaps the prefix on either side.
} elements;

static so_status list_elements(merger *m, const so_json *v, elements *out) {
  out->count = child_count(v);
  out->items = so_arena_alloc(m->arena, (out->count + 1) * sizeof *out->items);
  if (out->items == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  size_t n = 0;
  for (const so_json *c = v->first; c != NULL; c = c->next) {
    out->items[n++] = c;
  }
  return so_done();
}

static void match_ends(const elements *base, elements *side) {
  const size_t shorter = base->count < side->count ? base->count : side->count;
  while (side->prefix < shorter &&
         so_json_equal(base->items[side->prefix], side->items[side->prefix])) {
    side->prefix++;
  }
  while (side->suffix < shorter - side->prefix &&
         so_json_equal(base->items[base->count - 1 - side->suffix],
                       side->items[side->count - 1 - side->suffix])) {
    side->suffix++;
  }
}

static void take(triple *items, size_t *n, const so_json *v) {
  for (int side = 0; side < SIDES; side++) {
    items[*n].at[side] = v;
  }
  (*n)++;
}

// splice takes both changes, `first` being the one nearer the beginning.
static size_t splice(const elements *base, const elements *first, const elements *second,
                     triple *items) {
  size_t n = 0;
  for (size_t i = 0; i < first->count - first->suffix; i++) {
    take(items, &n, first->items[i]);
  }
  for (size_t i = base->count - first->suffix; i < second->prefix; i++) {
    take(items, &n, base->items[i]);
  }
  for (size_t i = second->prefix; i < second->count; i++) {
    take(items, &n, second->items[i]);
  }
  return n;
}

// join_elements finds what an array merges to. `*out_merges` false: it is a conflict as a whole.
static so_status join_elements(merger *m, const triple *t, triple **out, size_t *out_count,
                               bool *out_merges) {
  elements e[SIDES];
  memset(e, 0, sizeof e);
  for (int side = 0; side < SIDES; side++) {
    SO_TRY(list_elements(m, t->at[side], &e[side]));
  }
  SO_TRY(alloc_triples(m, e[BASE].count + e[OURS].count + e[THEIRS].count, out));
  *out_merges = true;
  if (e[BASE].count == e[OURS].count && e[BASE].count == e[THEIRS].count) {
    for (size_t i = 0; i < e[BASE].count; i++) {
      for (int side = 0; side < SIDES; side++) {
        (*out)[i].at[side] = e[side].items[i];
      }
    }
    *out_count = e[BASE].count;
    return so_done();
  }
  match_ends(&e[BASE], &e[OURS]);
  match_ends(&e[BASE], &e[THEIRS]);
  if (e[BASE].count - e[OURS].suffix < e[THEIRS].prefix) {
    *out_count = splice(&e[BASE], &e[OURS], &e[THEIRS], *out);
  } else if (e[BASE].count - e[THEIRS].suffix < e[OURS].prefix) {
    *out_count = splice(&e[BASE], &e[THEIRS], &e[OURS], *out);
  } else {
    *out_merges = false;
  }
  return so_done();
}

// --- the walk -------------------------------------------------------------------------------

static bool all_are(const triple *t, so_json_type type, bool base_may_lack) {
  const so_json *b = t->at[BASE];
  const bool base_fits = b == NULL ? base_may_lack : b->type == type;
  return base_fits && t->at[OURS] != NULL && t->at[OURS]->type == type && t->at[THEIRS] != NULL &&
         t->at[THEIRS]->type == type;
}

static so_status emit_if(merger *m, const so_json *value, so_bytes name) {
  so_json *ignored;
  return value == NULL ? so_done() : emit(m, value, name, &ignored);
}

static so_status settle(merger *m, const triple *t) {
  switch (m->favor) {
    case SO_JSON_FAVOR_NONE:
      SO_TRY(report(m));
      return emit_if(m, t->at[OURS], t->name);
    case SO_JSON_FAVOR_OURS:
      return emit_if(m, t->at[OURS], t->name);
    case SO_JSON_FAVOR_THEIRS:
      return emit_if(m, t->at[THEIRS], t->name);
  }
  return so_status_make(SO_INTERNAL, 0);
}

// merge_one merges one member or element into the container being filled, or begins to.
static so_status merge_one(merger *m, const triple *t) {
  if (so_json_equal(t->at[OURS], t->at[THEIRS]) || so_json_equal(t->at[BASE], t->at[THEIRS])) {
    return emit_if(m, t->at[OURS], t->name);
  }
  if (so_json_equal(t->at[BASE], t->at[OURS])) {
    return emit_if(m, t->at[THEIRS], t->name);
  }
  triple *items = NULL;
  size_t count = 0;
  bool merges = false;
  if (all_are(t, SO_JSON_OBJECT, true)) {
    SO_TRY(join_members(m, t, &items, &count));
    merges = true;
  } else if (all_are(t, SO_JSON_ARRAY, false)) {
    SO_TRY(join_elements(m, t, &items, &count, &merges));
  }
  return merges ? push(m, t->at[OURS], t->name, items, count) : settle(m, t);
}

static so_status run(merger *m, const triple *root) {
  SO_TRY(merge_one(m, root));
  while (m->depth > 0) {
    frame *f = &m->stack[m->depth];
    m->pointer.len = f->pointer_len;
    if (f->next == f->count) {
      m->depth--;
      continue;
    }
    const triple *t = &f->items[f->next];
    if (f->node->type == SO_JSON_OBJECT) {
      pointer_push_name(&m->pointer, t->name);
    } else {
      pointer_push_index(&m->pointer, f->next);
    }
    f->next++;
    SO_TRY(merge_one(m, t));
  }
  return so_done();
}

static so_status write(merger *m, const so_json *root, so_bytes ours, so_buf *out) {
  so_buf compact;
  so_buf_init(&compact, m->pointer.heap, out->limit);
  so_json_writer w = so_json_writer_of(&compact);
  so_json_put_value(&w, root);
  so_bytes text;
  so_status s = so_buf_end(&compact, &text);
  if (so_ok(s)) {
    s = so_json_layout(text, ours, out);
  }
  so_buf_release(&compact);
  return s;
}

so_status so_json_merge(so_bytes base, so_bytes ours, so_bytes theirs, so_json_favor favor,
                        so_arena *arena, so_buf *out, so_json_merge_result *result) {
  triple root;
  memset(&root, 0, sizeof root);
  SO_TRY(so_json_parse(base, arena, &root.at[BASE], NULL));
  SO_TRY(so_json_parse(ours, arena, &root.at[OURS], NULL));
  SO_TRY(so_json_parse(theirs, arena, &root.at[THEIRS], NULL));
  merger *m = so_arena_alloc(arena, sizeof *m);
  so_json *top = so_arena_alloc(arena, sizeof *top);
  if (m == NULL || top == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  memset(result, 0, sizeof *result);
  m->arena = arena;
  m->favor = favor;
  m->result = result;
  m->stack[0].node = top;  // Holds the root as its only child.
  so_buf_init(&m->pointer, arena->heap, POINTER_LEN_MAX);
  so_status s = run(m, &root);
  if (so_ok(s)) {
    s = write(m, top->first, ours, out);
  }
  so_buf_release(&m->pointer);
  return s;
}
