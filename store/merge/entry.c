// Merging one path: type, mode, metadata and value, each three-way by itself.

#include "base/mem.h"
#include "base/reader.h"
#include "base/utf8.h"
#include "store/json_merge/json_merge.h"
#include "store/merge/internal.h"
#include "store/value/value.h"

#define JSON_ARENA_MAX (128u << 20)

// The three values as bytes.
typedef struct texts {
  so_buf base;
  so_buf ours;
  so_buf theirs;
} texts;

static bool same_value(const so_entry *a, const so_entry *b) {
  if (a->size != b->size || a->is_inline != b->is_inline) {
    return false;
  }
  return a->is_inline ? so_bytes_equal(a->inline_value, b->inline_value)
                      : so_oid_equal(&a->value, &b->value);
}

static void copy_value(so_entry *to, const so_entry *from) {
  to->size = from->size;
  to->is_inline = from->is_inline;
  to->inline_value = from->inline_value;
  to->value = from->value;
  to->value_kind = from->value_kind;
}

// three_way picks between numbers. False: both changed, differently.
static bool three_way(bool has_base, uint32_t base, uint32_t ours, uint32_t theirs, uint32_t *out) {
  *out = has_base && ours == base ? theirs : ours;
  return ours == theirs || (has_base && (ours == base || theirs == base));
}

// --- metadata -------------------------------------------------------------------------------

typedef struct meta_item {
  bool has;
  so_bytes name;
  so_bytes value;
} meta_item;

static meta_item meta_next(so_reader *r) {
  meta_item item = {false, {0}, {0}};
  item.has = so_read_varbytes(r, &item.name) && so_read_varbytes(r, &item.value);
  return item;
}

static bool meta_is(const meta_item *item, so_bytes name) {
  return item->has && so_bytes_equal(item->name, name);
}

static bool meta_same(const meta_item *a, const meta_item *b, so_bytes name) {
  const bool has = meta_is(a, name);
  return has == meta_is(b, name) && (!has || so_bytes_equal(a->value, b->value));
}

static void meta_put(so_buf *out, const meta_item *item, so_bytes name) {
  if (meta_is(item, name)) {
    so_buf_append_varint(out, item->name.len);
    so_buf_append(out, item->name);
    so_buf_append_varint(out, item->value.len);
    so_buf_append(out, item->value);
  }
}

// merge_meta merges metadata name by name. False: one name was changed on both sides, differently.
static bool merge_meta(so_bytes base, so_bytes ours, so_bytes theirs, so_buf *out) {
  so_reader r[3] = {so_reader_of(base), so_reader_of(ours), so_reader_of(theirs)};
  meta_item at[3] = {meta_next(&r[0]), meta_next(&r[1]), meta_next(&r[2])};
  while (at[0].has || at[1].has || at[2].has) {
    so_bytes name = {0};
    bool has_name = false;
    for (int i = 0; i < 3; i++) {
      if (at[i].has && (!has_name || so_bytes_compare(at[i].name, name) < 0)) {
        name = at[i].name;
        has_name = true;
      }
    }
    if (meta_same(&at[0], &at[1], name)) {
      meta_put(out, &at[2], name);
    } else if (meta_same(&at[0], &at[2], name) || meta_same(&at[1], &at[2], name)) {
      meta_put(out, &at[1], name);
    } else {
      return false;
    }
    for (int i = 0; i < 3; i++) {
      if (meta_is(&at[i], name)) {
        at[i] = meta_next(&r[i]);
      }
    }
  }
  return !out->failed && out->len <= SO_META_LEN_MAX;
}

// merge_outside merges all but the value into m->merged, which begins as ours.
static bool merge_outside(so_entry_merge *m) {
  const bool has_base = m->base != NULL;
  uint32_t type = 0;
  uint32_t mode = 0;
  const bool types =
      three_way(has_base, has_base ? m->base->type : 0, m->ours->type, m->theirs->type, &type);
  const bool modes =
      three_way(has_base, has_base ? m->base->mode : 0, m->ours->mode, m->theirs->mode, &mode);
  const so_bytes none = {0};
  const bool metas =
      merge_meta(has_base ? m->base->meta : none, m->ours->meta, m->theirs->meta, m->meta);
  m->merged.type = (so_entry_type)type;
  m->merged.mode = (uint16_t)mode;
  if (metas) {
    m->merged.meta = so_buf_bytes(m->meta);
  }
  return types && modes && metas;
}

// --- values ---------------------------------------------------------------------------------

static so_status read_side(const so_tree *tree, const so_entry *entry, so_buf *out) {
  return entry == NULL ? so_done() : so_value_read_all(tree, entry, out);
}

static so_status texts_read(texts *t, const so_entry_merge *m) {
  so_buf_init(&t->base, m->tree->heap, SO_MERGE_VALUE_LEN_MAX);
  so_buf_init(&t->ours, m->tree->heap, SO_MERGE_VALUE_LEN_MAX);
  so_buf_init(&t->theirs, m->tree->heap, SO_MERGE_VALUE_LEN_MAX);
  SO_TRY(read_side(m->tree, m->base, &t->base));
  SO_TRY(read_side(m->tree, m->ours, &t->ours));
  return read_side(m->tree, m->theirs, &t->theirs);
}

static void texts_release(texts *t) {
  so_buf_release(&t->base);
  so_buf_release(&t->ours);
  so_buf_release(&t->theirs);
}

static bool is_small(const so_entry *entry) {
  return entry == NULL || entry->size <= SO_MERGE_VALUE_LEN_MAX;
}

static bool is_text(so_bytes value, bool must_be_utf8) {
  return !so_text_is_binary(value) && (!must_be_utf8 || so_utf8_valid(value));
}

static bool all_text(const texts *t, bool must_be_utf8) {
  return is_text(so_buf_bytes(&t->base), must_be_utf8) &&
         is_text(so_buf_bytes(&t->ours), must_be_utf8) &&
         is_text(so_buf_bytes(&t->theirs), must_be_utf8);
}

static so_merge_style style_of(const so_entry_merge *m, so_strategy strategy) {
  if (strategy == SO_STRATEGY_UNION || strategy == SO_STRATEGY_LOG) {
    return SO_MERGE_UNION;
  }
  if (m->options->favor == SO_STRATEGY_OURS) {
    return SO_MERGE_OURS;
  }
  return m->options->favor == SO_STRATEGY_THEIRS ? SO_MERGE_THEIRS : SO_MERGE_DIFF3;
}

// merge_lines merges as text into m->value. `*out_merges`: without conflicts.
static so_status merge_lines(so_entry_merge *m, const texts *t, so_strategy strategy,
                             bool *out_merges) {
  size_t conflicts = 0;
  SO_TRY(so_text_merge(so_buf_bytes(&t->base), so_buf_bytes(&t->ours), so_buf_bytes(&t->theirs),
                       style_of(m, strategy), &m->options->labels, m->tree->heap, m->value,
                       &conflicts));
  *out_merges = conflicts == 0;
  m->has_merged = true;
  return so_done();
}

static bool parses_to_equal(so_bytes a, so_bytes b, so_arena *arena) {
  const so_json *x = NULL;
  const so_json *y = NULL;
  return so_ok(so_json_parse(a, arena, &x, NULL)) && so_ok(so_json_parse(b, arena, &y, NULL)) &&
         so_json_equal(x, y);
}

// keep_layout replaces the merged JSON by the result of merging lines when both mean the same:
// that one keeps the layout people gave the file.
static void keep_layout(so_entry_merge *m, const texts *t, so_arena *arena) {
  so_buf lines;
  so_buf_init(&lines, m->tree->heap, SO_MERGE_VALUE_LEN_MAX);
  size_t conflicts = 0;
  const so_status s =
      so_text_merge(so_buf_bytes(&t->base), so_buf_bytes(&t->ours), so_buf_bytes(&t->theirs),
                    SO_MERGE_DIFF3, &m->options->labels, m->tree->heap, &lines, &conflicts);
  if (so_ok(s) && conflicts == 0 &&
      parses_to_equal(so_buf_bytes(m->value), so_buf_bytes(&lines), arena)) {
    so_buf_clear(m->value);
    so_buf_append(m->value, so_buf_bytes(&lines));
  }
  so_buf_release(&lines);
}

static so_json_favor json_favor(const so_entry_merge *m) {
  if (m->options->favor == SO_STRATEGY_OURS) {
    return SO_JSON_FAVOR_OURS;
  }
  return m->options->favor == SO_STRATEGY_THEIRS ? SO_JSON_FAVOR_THEIRS : SO_JSON_FAVOR_NONE;
}

static so_status copy_pointers(so_entry_merge *m, const so_json_merge_result *r) {
  m->pointers = so_arena_alloc(m->arena, (r->pointer_count + 1) * sizeof *m->pointers);
  if (m->pointers == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  for (size_t i = 0; i < r->pointer_count; i++) {
    SO_TRY(so_arena_copy(m->arena, r->pointers[i], &m->pointers[i]));
    m->pointer_count++;
  }
  return so_done();
}

// merge_json merges by structure into m->value. MALFORMED: not JSON, or no base to merge over.
static so_status merge_json(so_entry_merge *m, const texts *t, bool *out_merges) {
  if (m->base == NULL) {
    return so_status_make(SO_MALFORMED, 0);
  }
  so_arena arena;
  so_arena_init(&arena, m->tree->heap, JSON_ARENA_MAX);
  so_json_merge_result result;
  so_status s = so_json_merge(so_buf_bytes(&t->base), so_buf_bytes(&t->ours),
                              so_buf_bytes(&t->theirs), json_favor(m), &arena, m->value, &result);
  if (so_ok(s) && result.pointer_count == 0) {
    keep_layout(m, t, &arena);
    *out_merges = true;
    m->has_merged = true;
  } else if (so_ok(s)) {
    s = copy_pointers(m, &result);
  }
  so_arena_release(&arena);
  return s;
}

// merge_texts tries what the strategy asks for. Not merging is `*out_merges` false, never a
// failure.
static void merge_texts(so_entry_merge *m, const texts *t, so_strategy strategy, bool *out_merges) {
  *out_merges = false;
  if (strategy == SO_STRATEGY_JSON) {
    if (so_ok(merge_json(m, t, out_merges)) && *out_merges) {
      return;
    }
    so_buf_clear(m->value);
    // Found to be JSON that conflicts: what the lines say is only wanted as text with markers.
    bool ignored = false;
    bool *merges = m->pointer_count != 0 ? &ignored : out_merges;
    if (all_text(t, true) && !so_ok(merge_lines(m, t, SO_STRATEGY_TEXT, merges))) {
      m->has_merged = false;
    }
    return;
  }
  if (!all_text(t, strategy == SO_STRATEGY_DEFAULT)) {
    return;
  }
  if (strategy == SO_STRATEGY_LOG &&
      so_merge_log_lines(so_buf_bytes(&t->base), so_buf_bytes(&t->ours), so_buf_bytes(&t->theirs),
                         m->value)) {
    *out_merges = true;
    m->has_merged = true;
    return;
  }
  so_buf_clear(m->value);
  if (!so_ok(merge_lines(m, t, strategy, out_merges))) {
    *out_merges = false;
    m->has_merged = false;
  }
}

// store_value puts the bytes in m->value and points the merged entry at them.
static so_status store_value(so_entry_merge *m) {
  const so_entry outside = m->merged;
  SO_TRY(so_value_of(m->tree, so_buf_bytes(m->value), &m->merged));
  m->merged.type = outside.type;
  m->merged.mode = outside.mode;
  m->merged.meta = outside.meta;
  return so_done();
}

static bool may_look_inside(const so_entry_merge *m, so_strategy strategy) {
  return strategy != SO_STRATEGY_WHOLE && m->ours->type == SO_ENTRY_FILE &&
         m->theirs->type == SO_ENTRY_FILE && is_small(m->base) && is_small(m->ours) &&
         is_small(m->theirs);
}

// merge_value merges values that both sides changed. m->merged gets the result.
static so_status merge_value(so_entry_merge *m, bool *out_merges) {
  const so_strategy strategy = so_strategy_for(m->strategy, m->path);
  *out_merges = false;
  if (!may_look_inside(m, strategy)) {
    return so_done();
  }
  texts t;
  so_status s = texts_read(&t, m);
  if (so_ok(s)) {
    merge_texts(m, &t, strategy, out_merges);
    if (m->value->failed) {
      *out_merges = false;
      m->has_merged = false;
    }
    if (m->has_merged) {
      s = store_value(m);
    }
  }
  texts_release(&t);
  return s;
}

// favored decides a conflict of whole values, when somebody said how.
static bool favored(const so_entry_merge *m, so_entry_outcome *out) {
  const so_strategy s = m->strategy == SO_STRATEGY_OURS || m->strategy == SO_STRATEGY_THEIRS
                            ? m->strategy
                            : m->options->favor;
  *out = s == SO_STRATEGY_THEIRS ? SO_ENTRY_TAKES_THEIRS : SO_ENTRY_KEEPS_OURS;
  return s == SO_STRATEGY_OURS || s == SO_STRATEGY_THEIRS;
}

so_status so_merge_entry(so_entry_merge *m, so_entry_outcome *out) {
  m->has_merged = false;
  m->pointers = NULL;
  m->pointer_count = 0;
  if (m->ours == NULL || m->theirs == NULL || m->strategy == SO_STRATEGY_OURS ||
      m->strategy == SO_STRATEGY_THEIRS) {
    if (!favored(m, out)) {
      *out = SO_ENTRY_CONFLICTS;
    }
    return so_done();
  }
  m->merged = *m->ours;
  const bool outside = merge_outside(m);
  bool inside = true;
  if (m->base != NULL && same_value(m->base, m->ours)) {
    copy_value(&m->merged, m->theirs);
  } else if (!same_value(m->ours, m->theirs) &&
             !(m->base != NULL && same_value(m->base, m->theirs))) {
    SO_TRY(merge_value(m, &inside));
  }
  if (inside && outside) {
    *out = SO_ENTRY_MERGED;
    m->has_merged = true;
  } else if (!favored(m, out)) {
    *out = SO_ENTRY_CONFLICTS;
  }
  return so_done();
}
