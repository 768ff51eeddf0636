#include "base/fmt.h"
#include "base/json.h"
#include "base/sort.h"

// An open container while the tree is built.
typedef struct open_value {
  so_json *value;
  so_json *last;  // Its newest member or element.
  size_t count;
} open_value;

typedef struct builder {
  so_json_reader reader;
  so_arena *arena;
  open_value stack[SO_JSON_DEPTH_MAX];
  uint32_t depth;
  so_json *root;
  so_bytes name;  // Of the member whose value comes next.
} builder;

static so_status no_room(void) { return so_status_make(SO_LIMIT, 0); }

static so_status add_value(builder *b, const so_json_token *token, so_json **out) {
  so_json *v = so_arena_alloc(b->arena, sizeof *v);
  if (v == NULL) {
    return no_room();
  }
  v->type = token->type;
  v->name = b->name;
  v->text = token->text;
  b->name = so_bytes_of(NULL, 0);
  if (token->type == SO_JSON_STRING) {
    SO_TRY(so_json_unescape(token->text, b->arena, &v->text));
  }
  if (b->depth == 0) {
    b->root = v;
  } else {
    open_value *parent = &b->stack[b->depth - 1];
    if (parent->last == NULL) {
      parent->value->first = v;
    } else {
      parent->last->next = v;
    }
    parent->last = v;
    parent->count++;
  }
  *out = v;
  return so_done();
}

static int compare_names(void *ctx, const void *a, const void *b) {
  (void)ctx;
  const so_json *const *left = a;
  const so_json *const *right = b;
  return so_bytes_compare((*left)->name, (*right)->name);
}

// names_unique sorts the members by name in scratch memory that it gives back.
static so_status names_unique(builder *b, const open_value *object) {
  if (object->count < 2) {
    return so_done();
  }
  const so_arena_mark mark = so_arena_save(b->arena);
  const so_json **members = so_arena_alloc(b->arena, object->count * sizeof *members);
  if (members == NULL) {
    return no_room();
  }
  size_t n = 0;
  for (const so_json *m = object->value->first; m != NULL; m = m->next) {
    members[n++] = m;
  }
  so_sort(members, n, sizeof *members, compare_names, NULL);
  bool unique = true;
  for (size_t i = 1; i < n; i++) {
    unique = unique && !so_bytes_equal(members[i - 1]->name, members[i]->name);
  }
  so_arena_rewind(b->arena, mark);
  return unique ? so_done() : so_status_make(SO_MALFORMED, 0);
}

static so_status take_token(builder *b, const so_json_token *token) {
  so_json *v;
  switch (token->type) {
    case SO_JSON_NAME:
      return so_json_unescape(token->text, b->arena, &b->name);
    case SO_JSON_OBJECT:
    case SO_JSON_ARRAY:
      SO_TRY(add_value(b, token, &v));
      b->stack[b->depth] = (open_value){v, NULL, 0};
      b->depth++;
      return so_done();
    case SO_JSON_OBJECT_END:
      b->depth--;
      return names_unique(b, &b->stack[b->depth]);
    case SO_JSON_ARRAY_END:
      b->depth--;
      return so_done();
    case SO_JSON_STRING:
    case SO_JSON_NUMBER:
    case SO_JSON_TRUE:
    case SO_JSON_FALSE:
    case SO_JSON_NULL:
    case SO_JSON_END:
      break;
  }
  return add_value(b, token, &v);
}

so_status so_json_parse(so_bytes text, so_arena *arena, const so_json **out, size_t *out_off) {
  builder b = {.reader = so_json_reader_of(text), .arena = arena};
  so_status status = so_done();
  for (;;) {
    so_json_token token;
    status = so_json_next(&b.reader, &token);
    if (!so_ok(status) || token.type == SO_JSON_END) {
      break;
    }
    status = take_token(&b, &token);
    if (!so_ok(status)) {
      break;
    }
  }
  if (out_off != NULL) {
    *out_off = b.reader.off;
  }
  if (so_ok(status)) {
    *out = b.root;
  }
  return status;
}

const so_json *so_json_member_bytes(const so_json *value, so_bytes name) {
  if (value == NULL || value->type != SO_JSON_OBJECT) {
    return NULL;
  }
  const so_json *m = value->first;
  while (m != NULL && !so_bytes_equal(m->name, name)) {
    m = m->next;
  }
  return m;
}

const so_json *so_json_member(const so_json *value, const char *name) {
  return so_json_member_bytes(value, so_str(name));
}

bool so_json_string(const so_json *value, so_bytes *out) {
  if (value == NULL || value->type != SO_JSON_STRING) {
    return false;
  }
  *out = value->text;
  return true;
}

bool so_json_u64(const so_json *value, uint64_t *out) {
  return value != NULL && value->type == SO_JSON_NUMBER &&
         so_ok(so_parse_u64(value->text, out));
}

bool so_json_i64(const so_json *value, int64_t *out) {
  if (value == NULL || value->type != SO_JSON_NUMBER) {
    return false;
  }
  const bool negative = value->text.ptr[0] == '-';
  uint64_t v;
  if (!so_ok(so_parse_u64(so_bytes_from(value->text, negative ? 1 : 0), &v)) ||
      v > (uint64_t)INT64_MAX + (negative ? 1 : 0)) {
    return false;
  }
  *out = negative ? (int64_t)(0 - v) : (int64_t)v;
  return true;
}

bool so_json_bool(const so_json *value, bool *out) {
  if (value == NULL || (value->type != SO_JSON_TRUE && value->type != SO_JSON_FALSE)) {
    return false;
  }
  *out = value->type == SO_JSON_TRUE;
  return true;
}
