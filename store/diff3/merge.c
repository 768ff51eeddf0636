// Three-way merge of lines: the hunks from base to ours and from base to theirs, grouped where they
// touch. A group that only one side changed is taken from it; one that both changed to the same is
// taken once; anything else is a conflict.

#include "base/mem.h"
#include "store/diff3/internal.h"

enum { BASE = 0, OURS = 1, THEIRS = 2 };

typedef struct range {
  uint32_t start;
  uint32_t count;
} range;

typedef struct merge {
  so_texts texts;
  so_hunks hunks[3];  // [OURS] and [THEIRS]: from base to that side.
  size_t next[3];     // The next hunk of each side.
  so_merge_style style;
  const so_merge_labels *labels;
  so_buf *out;
  size_t conflicts;
} merge;

// A stretch of the base that was changed, and what stands there on each side.
typedef struct group {
  range at[3];
  bool has[3];  // Sides that changed it.
} group;

static void put_range(merge *m, int side, range r) {
  so_buf_append(m->out, so_text_lines(&m->texts.items[side], r.start, r.count));
}

// put_part writes lines inside a conflict: what follows begins on a line of its own.
static void put_part(merge *m, int side, range r) {
  const so_bytes lines = so_text_lines(&m->texts.items[side], r.start, r.count);
  so_buf_append(m->out, lines);
  if (lines.len != 0 && lines.ptr[lines.len - 1] != '\n') {
    so_buf_append_u8(m->out, '\n');
  }
}

static void put_marker(merge *m, char mark, so_bytes label) {
  for (int i = 0; i < 7; i++) {
    so_buf_append_u8(m->out, (uint8_t)mark);
  }
  if (label.len != 0) {
    so_buf_append_u8(m->out, ' ');
    so_buf_append(m->out, label);
  }
  so_buf_append_u8(m->out, '\n');
}

static bool same_line(const merge *m, uint32_t ours, uint32_t theirs) {
  return m->texts.items[OURS].ids[ours] == m->texts.items[THEIRS].ids[theirs];
}

static uint32_t common_prefix(const merge *m, range ours, range theirs) {
  uint32_t n = 0;
  while (n < ours.count && n < theirs.count && same_line(m, ours.start + n, theirs.start + n)) {
    n++;
  }
  return n;
}

static uint32_t common_suffix(const merge *m, range ours, range theirs) {
  uint32_t n = 0;
  while (n < ours.count && n < theirs.count &&
         same_line(m, ours.start + ours.count - 1 - n, theirs.start + theirs.count - 1 - n)) {
    n++;
  }
  return n;
}

static void put_conflict(merge *m, const group *g) {
  range ours = g->at[OURS];
  range theirs = g->at[THEIRS];
  const uint32_t prefix = common_prefix(m, ours, theirs);
  put_range(m, OURS, (range){ours.start, prefix});
  ours = (range){ours.start + prefix, ours.count - prefix};
  theirs = (range){theirs.start + prefix, theirs.count - prefix};
  const uint32_t suffix = common_suffix(m, ours, theirs);
  ours.count -= suffix;
  theirs.count -= suffix;
  m->conflicts++;
  put_marker(m, '<', m->labels->ours);
  put_part(m, OURS, ours);
  if (m->style == SO_MERGE_DIFF3) {
    put_marker(m, '|', m->labels->base);
    put_part(m, BASE, g->at[BASE]);
  }
  put_marker(m, '=', so_bytes_of(NULL, 0));
  put_part(m, THEIRS, theirs);
  put_marker(m, '>', m->labels->theirs);
  put_range(m, OURS, (range){ours.start + ours.count, suffix});
}

// put_both settles a group that both sides changed differently.
static void put_both(merge *m, const group *g) {
  switch (m->style) {
    case SO_MERGE_DIFF3:
    case SO_MERGE_PLAIN:
      put_conflict(m, g);
      break;
    case SO_MERGE_UNION:
      if (g->at[THEIRS].count == 0) {
        put_range(m, OURS, g->at[OURS]);
      } else {
        put_part(m, OURS, g->at[OURS]);
        put_range(m, THEIRS, g->at[THEIRS]);
      }
      break;
    case SO_MERGE_OURS:
      put_range(m, OURS, g->at[OURS]);
      break;
    case SO_MERGE_THEIRS:
      put_range(m, THEIRS, g->at[THEIRS]);
      break;
  }
}

static void put_group(merge *m, const group *g) {
  if (!g->has[THEIRS]) {
    put_range(m, OURS, g->at[OURS]);
  } else if (!g->has[OURS]) {
    put_range(m, THEIRS, g->at[THEIRS]);
  } else if (g->at[OURS].count == g->at[THEIRS].count &&
             common_prefix(m, g->at[OURS], g->at[THEIRS]) == g->at[OURS].count) {
    put_range(m, OURS, g->at[OURS]);
  } else {
    put_both(m, g);
  }
}

static const so_hunk *peek(const merge *m, int side) {
  return m->next[side] < m->hunks[side].count ? &m->hunks[side].items[m->next[side]] : NULL;
}

// shift says by how many lines `side` is ahead of the base before its next hunk.
static int64_t shift(const merge *m, int side) {
  if (m->next[side] == 0) {
    return 0;
  }
  const so_hunk *h = &m->hunks[side].items[m->next[side] - 1];
  return ((int64_t)h->b_start + h->b_count) - ((int64_t)h->a_start + h->a_count);
}

// grow takes hunks of both sides as long as they touch the group's stretch of the base.
static void grow(merge *m, group *g, uint32_t *end) {
  for (int side = OURS; side <= THEIRS;) {
    const so_hunk *h = peek(m, side);
    if (h == NULL || h->a_start > *end) {
      side++;
      continue;
    }
    if (h->a_start + h->a_count > *end) {
      *end = h->a_start + h->a_count;
    }
    g->has[side] = true;
    m->next[side]++;
    side = OURS;  // A longer stretch may touch the other side's next hunk.
  }
}

static bool next_group(merge *m, group *g) {
  const so_hunk *ours = peek(m, OURS);
  const so_hunk *theirs = peek(m, THEIRS);
  if (ours == NULL && theirs == NULL) {
    return false;
  }
  uint32_t start = UINT32_MAX;
  start = ours != NULL && ours->a_start < start ? ours->a_start : start;
  start = theirs != NULL && theirs->a_start < start ? theirs->a_start : start;
  memset(g, 0, sizeof *g);
  for (int side = OURS; side <= THEIRS; side++) {
    g->at[side].start = (uint32_t)(start + shift(m, side));
  }
  uint32_t end = start;
  grow(m, g, &end);
  g->at[BASE] = (range){start, end - start};
  for (int side = OURS; side <= THEIRS; side++) {
    g->at[side].count = (uint32_t)(end + shift(m, side)) - g->at[side].start;
  }
  return true;
}

static void run(merge *m) {
  uint32_t at = 0;
  group g;
  while (next_group(m, &g)) {
    put_range(m, BASE, (range){at, g.at[BASE].start - at});
    put_group(m, &g);
    at = g.at[BASE].start + g.at[BASE].count;
  }
  put_range(m, BASE, (range){at, m->texts.items[BASE].count - at});
}

static so_status merge_open_hunks(merge *m) {
  SO_TRY(so_texts_hunks(&m->texts, BASE, OURS, &m->hunks[OURS]));
  const so_status s = so_texts_hunks(&m->texts, BASE, THEIRS, &m->hunks[THEIRS]);
  if (!so_ok(s)) {
    so_hunks_release(&m->hunks[OURS]);
  }
  return s;
}

so_status so_text_merge(so_bytes base, so_bytes ours, so_bytes theirs, so_merge_style style,
                        const so_merge_labels *labels, const so_heap *heap, so_buf *out,
                        size_t *out_conflicts) {
  const so_bytes all[3] = {base, ours, theirs};
  merge m;
  memset(&m, 0, sizeof m);
  m.style = style;
  m.labels = labels;
  m.out = out;
  SO_TRY(so_texts_open(all, 3, heap, &m.texts));
  const so_status s = merge_open_hunks(&m);
  if (so_ok(s)) {
    run(&m);
    so_hunks_release(&m.hunks[OURS]);
    so_hunks_release(&m.hunks[THEIRS]);
  }
  so_texts_release(&m.texts);
  SO_TRY(s);
  *out_conflicts = m.conflicts;
  so_bytes ignored;
  return so_buf_end(out, &ignored);
}
