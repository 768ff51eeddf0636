// The shortest edit script between two sequences (E. Myers, "An O(ND) Difference Algorithm and Its
// Variations", 1986, section 4b: linear space), with two departures:
//   - lines that the other side does not have at all are set aside first: they are changed in any
//     case, and the search over the rest stays exact;
//   - a search that has gone COST_MAX steps from both ends splits where it got furthest, so that
//     hostile input costs O((N + M) * COST_MAX), at the price of a longer script.
// The divide and conquer keeps its own stack and always goes on with the smaller half.

#include "base/assert.h"
#include "base/mem.h"
#include "store/diff3/internal.h"

#define COST_MAX 512
#define STACK_MAX 40  // Halves at least once a level: 2^40 lines.

typedef struct box {
  int32_t a_lo, a_hi, b_lo, b_hi;
} box;

typedef struct seq {
  const uint32_t *ids;  // All lines.
  uint8_t *is_changed;  // By line.
  uint32_t count;
  int32_t *ids_left;  // What is left after setting aside: ids...
  uint32_t *lines;    // ... and which line each was.
  int32_t left_count;
} seq;

typedef struct search {
  const so_heap *heap;
  seq a, b;
  int32_t *fwd;  // Furthest a-position on each diagonal (a - b), shifted by b.left_count + 1.
  int32_t *bwd;
  size_t diagonals;
  uint8_t *used_by;  // By line number: bit 0 in a, bit 1 in b.
  uint32_t id_count;
} search;

typedef struct point {
  int32_t a, b;
} point;

static void seq_release(seq *s, const so_heap *heap) {
  const size_t n = (size_t)s->count + 1;
  so_heap_free(heap, s->is_changed, n);
  so_heap_free(heap, s->ids_left, n * sizeof *s->ids_left);
  so_heap_free(heap, s->lines, n * sizeof *s->lines);
}

static bool seq_open(seq *s, const so_text *text, const so_heap *heap) {
  const size_t n = (size_t)text->count + 1;
  s->ids = text->ids;
  s->count = text->count;
  s->is_changed = so_heap_alloc_array(heap, n, 1);
  s->ids_left = so_heap_alloc_array(heap, n, sizeof *s->ids_left);
  s->lines = so_heap_alloc_array(heap, n, sizeof *s->lines);
  return s->is_changed != NULL && s->ids_left != NULL && s->lines != NULL;
}

// set_aside keeps the lines that the other side has too; the others are changed for certain.
static void set_aside(const search *s, seq *q) {
  for (uint32_t i = 0; i < q->count; i++) {
    if (s->used_by[q->ids[i]] == 3) {
      q->ids_left[q->left_count] = (int32_t)q->ids[i];
      q->lines[q->left_count] = i;
      q->left_count++;
    } else {
      q->is_changed[i] = 1;
    }
  }
}

static void search_release(search *s) {
  seq_release(&s->a, s->heap);
  seq_release(&s->b, s->heap);
  so_heap_free(s->heap, s->used_by, (size_t)s->id_count + 1);
  so_heap_free(s->heap, s->fwd, s->diagonals * sizeof *s->fwd);
  so_heap_free(s->heap, s->bwd, s->diagonals * sizeof *s->bwd);
}

static so_status search_open(search *s, const so_text *a, const so_text *b, uint32_t id_count) {
  s->id_count = id_count;
  s->used_by = so_heap_alloc_array(s->heap, (size_t)id_count + 1, 1);
  if (s->used_by == NULL || !seq_open(&s->a, a, s->heap) || !seq_open(&s->b, b, s->heap)) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (uint32_t i = 0; i < a->count; i++) {
    s->used_by[a->ids[i]] |= 1;
  }
  for (uint32_t i = 0; i < b->count; i++) {
    s->used_by[b->ids[i]] |= 2;
  }
  set_aside(s, &s->a);
  set_aside(s, &s->b);
  s->diagonals = (size_t)s->a.left_count + (size_t)s->b.left_count + 3;
  s->fwd = so_heap_alloc_array(s->heap, s->diagonals, sizeof *s->fwd);
  s->bwd = so_heap_alloc_array(s->heap, s->diagonals, sizeof *s->bwd);
  return s->fwd != NULL && s->bwd != NULL ? so_done() : so_status_make(SO_LIMIT, 0);
}

// trim drops what is equal at both ends of a box.
static void trim(const search *s, box *x) {
  const int32_t *a = s->a.ids_left;
  const int32_t *b = s->b.ids_left;
  while (x->a_lo < x->a_hi && x->b_lo < x->b_hi && a[x->a_lo] == b[x->b_lo]) {
    x->a_lo++;
    x->b_lo++;
  }
  while (x->a_lo < x->a_hi && x->b_lo < x->b_hi && a[x->a_hi - 1] == b[x->b_hi - 1]) {
    x->a_hi--;
    x->b_hi--;
  }
}

// The range of diagonals that a search from one corner has reached.
typedef struct band {
  int32_t *at;  // Centred: at[d] for diagonal d.
  int32_t lo, hi;
} band;

// widen lets a band grow by one diagonal on each side, or shrink where it hits the box's corner;
// `outside` marks the cells just beyond so that they are never chosen.
static void widen(band *r, int32_t d_min, int32_t d_max, int32_t outside) {
  if (r->lo > d_min) {
    r->lo--;
    r->at[r->lo - 1] = outside;
  } else {
    r->lo++;
  }
  if (r->hi < d_max) {
    r->hi++;
    r->at[r->hi + 1] = outside;
  } else {
    r->hi--;
  }
}

static bool step_forward(const search *s, const box *x, band *f, const band *r, bool is_odd,
                         point *out) {
  for (int32_t d = f->hi; d >= f->lo; d -= 2) {
    const int32_t below = f->at[d - 1];
    const int32_t above = f->at[d + 1];
    int32_t i = below < above ? above : below + 1;
    int32_t j = i - d;
    while (i < x->a_hi && j < x->b_hi && s->a.ids_left[i] == s->b.ids_left[j]) {
      i++;
      j++;
    }
    f->at[d] = i;
    if (is_odd && r->lo <= d && d <= r->hi && r->at[d] <= i) {
      const point p = {i, j};
      *out = p;
      return true;
    }
  }
  return false;
}

static bool step_backward(const search *s, const box *x, const band *f, band *r, bool is_odd,
                          point *out) {
  for (int32_t d = r->hi; d >= r->lo; d -= 2) {
    const int32_t below = r->at[d - 1];
    const int32_t above = r->at[d + 1];
    int32_t i = below < above ? below : above - 1;
    int32_t j = i - d;
    while (i > x->a_lo && j > x->b_lo && s->a.ids_left[i - 1] == s->b.ids_left[j - 1]) {
      i--;
      j--;
    }
    r->at[d] = i;
    if (!is_odd && f->lo <= d && d <= f->hi && i <= f->at[d]) {
      const point p = {i, j};
      *out = p;
      return true;
    }
  }
  return false;
}

// furthest gives up on the shortest script: the split is where either search came furthest.
static point furthest(const box *x, const band *f, const band *r) {
  point best = {x->a_lo, x->b_lo};
  int64_t best_gain = -1;
  for (int32_t d = f->hi; d >= f->lo; d -= 2) {
    const int32_t i = f->at[d] < x->a_hi ? f->at[d] : x->a_hi;
    const int32_t j = i - d;
    const int64_t gain = (int64_t)i - x->a_lo + j - x->b_lo;
    if (j >= x->b_lo && j <= x->b_hi && i >= x->a_lo && gain > best_gain) {
      best_gain = gain;
      best.a = i;
      best.b = j;
    }
  }
  for (int32_t d = r->hi; d >= r->lo; d -= 2) {
    const int32_t i = r->at[d] > x->a_lo ? r->at[d] : x->a_lo;
    const int32_t j = i - d;
    const int64_t gain = (int64_t)x->a_hi - i + x->b_hi - j;
    if (j >= x->b_lo && j <= x->b_hi && i <= x->a_hi && gain > best_gain) {
      best_gain = gain;
      best.a = i;
      best.b = j;
    }
  }
  return best;
}

// find_split finds a point on a shortest path through a box whose ends differ (or on a good path,
// past COST_MAX).
static point find_split(search *s, const box *x) {
  const int32_t shift = s->b.left_count + 1;
  const int32_t f_mid = x->a_lo - x->b_lo;
  const int32_t r_mid = x->a_hi - x->b_hi;
  const bool is_odd = ((f_mid - r_mid) & 1) != 0;
  const int32_t d_min = x->a_lo - x->b_hi;
  const int32_t d_max = x->a_hi - x->b_lo;
  band f = {s->fwd + shift, f_mid, f_mid};
  band r = {s->bwd + shift, r_mid, r_mid};
  f.at[f_mid] = x->a_lo;
  r.at[r_mid] = x->a_hi;
  point found = {0, 0};
  for (int32_t cost = 1;; cost++) {
    widen(&f, d_min, d_max, -1);
    if (step_forward(s, x, &f, &r, is_odd, &found)) {
      return found;
    }
    widen(&r, d_min, d_max, INT32_MAX);
    if (step_backward(s, x, &f, &r, is_odd, &found)) {
      return found;
    }
    if (cost >= COST_MAX) {
      return furthest(x, &f, &r);
    }
  }
}

static void mark(seq *q, int32_t lo, int32_t hi) {
  for (int32_t i = lo; i < hi; i++) {
    q->is_changed[q->lines[i]] = 1;
  }
}

static int64_t box_size(const box *x) { return (int64_t)x->a_hi - x->a_lo + x->b_hi - x->b_lo; }

static void compare(search *s) {
  box stack[STACK_MAX];
  size_t depth = 1;
  stack[0] = (box){0, s->a.left_count, 0, s->b.left_count};
  while (depth > 0) {
    box x = stack[--depth];
    trim(s, &x);
    if (x.a_lo == x.a_hi || x.b_lo == x.b_hi) {
      mark(&s->a, x.a_lo, x.a_hi);
      mark(&s->b, x.b_lo, x.b_hi);
      continue;
    }
    const point p = find_split(s, &x);
    const box first = {x.a_lo, p.a, x.b_lo, p.b};
    const box second = {p.a, x.a_hi, p.b, x.b_hi};
    SO_ASSERT(box_size(&first) < box_size(&x) && box_size(&second) < box_size(&x));
    SO_ASSERT(depth + 2 <= STACK_MAX);
    const bool first_is_smaller = box_size(&first) < box_size(&second);
    stack[depth++] = first_is_smaller ? second : first;
    stack[depth++] = first_is_smaller ? first : second;
  }
}

static so_status push(so_hunks *h, const so_hunk *hunk) {
  if (h->count == h->cap) {
    const size_t cap = h->cap == 0 ? 16 : h->cap * 2;
    so_hunk *items =
        h->heap->resize(h->heap->ctx, h->items, h->cap * sizeof *items, cap * sizeof *items);
    if (items == NULL) {
      return so_status_make(SO_LIMIT, 0);
    }
    h->items = items;
    h->cap = cap;
  }
  h->items[h->count++] = *hunk;
  return so_done();
}

static so_status collect(const search *s, so_hunks *out) {
  uint32_t i = 0;
  uint32_t j = 0;
  while (i < s->a.count || j < s->b.count) {
    so_hunk h = {i, 0, j, 0};
    while (i < s->a.count && s->a.is_changed[i]) {
      i++;
    }
    while (j < s->b.count && s->b.is_changed[j]) {
      j++;
    }
    h.a_count = i - h.a_start;
    h.b_count = j - h.b_start;
    if (h.a_count + h.b_count != 0) {
      SO_TRY(push(out, &h));
    }
    while (i < s->a.count && j < s->b.count && !s->a.is_changed[i] && !s->b.is_changed[j]) {
      i++;
      j++;
    }
  }
  return so_done();
}

// slide moves pure insertions and removals down as far as they go, which is where people expect
// them ("the new function", not "the end of the old one and most of the new"). One equal line stays
// between neighbours.
static void slide(const search *s, so_hunks *h) {
  for (size_t k = h->count; k-- > 0;) {
    so_hunk *x = &h->items[k];
    if (x->a_count != 0 && x->b_count != 0) {
      continue;
    }
    const bool is_removal = x->a_count != 0;
    const uint32_t *ids = is_removal ? s->a.ids : s->b.ids;
    const uint32_t count = is_removal ? x->a_count : x->b_count;
    const bool is_last = k + 1 == h->count;
    const uint32_t a_end = is_last ? s->a.count : h->items[k + 1].a_start - 1;
    const uint32_t b_end = is_last ? s->b.count : h->items[k + 1].b_start - 1;
    uint32_t start = is_removal ? x->a_start : x->b_start;
    while (x->a_start + x->a_count < a_end && x->b_start + x->b_count < b_end &&
           ids[start] == ids[start + count]) {
      start++;
      x->a_start++;
      x->b_start++;
    }
  }
}

so_status so_texts_hunks(const so_texts *texts, size_t a, size_t b, so_hunks *out) {
  search s;
  memset(&s, 0, sizeof s);
  s.heap = texts->heap;
  memset(out, 0, sizeof *out);
  out->heap = texts->heap;
  so_status status = search_open(&s, &texts->items[a], &texts->items[b], texts->id_count);
  if (so_ok(status)) {
    compare(&s);
    status = collect(&s, out);
  }
  if (so_ok(status)) {
    slide(&s, out);
  } else {
    so_hunks_release(out);
  }
  search_release(&s);
  return status;
}

void so_hunks_release(so_hunks *hunks) {
  so_heap_free(hunks->heap, hunks->items, hunks->cap * sizeof *hunks->items);
  hunks->items = NULL;
  hunks->count = 0;
  hunks->cap = 0;
}

so_status so_text_diff(so_bytes a, so_bytes b, const so_heap *heap, so_hunks *out) {
  const so_bytes both[2] = {a, b};
  so_texts texts;
  SO_TRY(so_texts_open(both, 2, heap, &texts));
  const so_status s = so_texts_hunks(&texts, 0, 1, out);
  so_texts_release(&texts);
  return s;
}
