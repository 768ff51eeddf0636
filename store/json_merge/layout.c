// Writing JSON with the indentation of another text.

#include "base/json.h"
#include "store/json_merge/internal.h"

typedef struct layout {
  so_buf *out;
  so_bytes unit;  // What one level is indented by.
  bool is_compact;
  uint32_t depth;
} layout;

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

// unit_of finds the white space at the beginning of the second line.
static so_bytes unit_of(so_bytes like) {
  so_bytes rest = so_bytes_from(like, so_bytes_find(like, '\n') + 1);
  size_t len = 0;
  while (len < rest.len && len < 8 && is_blank(rest.ptr[len])) {
    len++;
  }
  return len == 0 ? so_str("  ") : so_bytes_first(rest, len);
}

static void break_line(layout *l) {
  if (l->is_compact) {
    return;
  }
  so_buf_append_u8(l->out, '\n');
  for (uint32_t i = 0; i < l->depth; i++) {
    so_buf_append(l->out, l->unit);
  }
}

static void put_quoted(layout *l, so_bytes text) {
  so_buf_append_u8(l->out, '"');
  so_buf_append(l->out, text);
  so_buf_append_u8(l->out, '"');
}

static void put_scalar(layout *l, const so_json_token *t) {
  if (t->type == SO_JSON_STRING) {
    put_quoted(l, t->text);
  } else if (t->type == SO_JSON_NUMBER) {
    so_buf_append(l->out, t->text);
  } else {
    so_buf_append_str(l->out, t->type == SO_JSON_TRUE    ? "true"
                              : t->type == SO_JSON_FALSE ? "false"
                                                         : "null");
  }
}

static void put_end(layout *l, char mark, bool is_empty) {
  l->depth--;
  if (!is_empty) {
    break_line(l);
  }
  so_buf_append_u8(l->out, (uint8_t)mark);
}

// put_token writes a token after `last`, with the comma and the line break that it needs.
static void put_token(layout *l, const so_json_token *t, so_json_type last) {
  const bool opened = last == SO_JSON_OBJECT || last == SO_JSON_ARRAY;
  if (t->type == SO_JSON_OBJECT_END || t->type == SO_JSON_ARRAY_END) {
    put_end(l, t->type == SO_JSON_OBJECT_END ? '}' : ']', opened);
    return;
  }
  if (last != SO_JSON_END && last != SO_JSON_NAME) {
    if (!opened) {
      so_buf_append_u8(l->out, ',');
    }
    break_line(l);
  }
  if (t->type == SO_JSON_NAME) {
    put_quoted(l, t->text);
    so_buf_append_str(l->out, l->is_compact ? ":" : ": ");
  } else if (t->type == SO_JSON_OBJECT || t->type == SO_JSON_ARRAY) {
    so_buf_append_u8(l->out, t->type == SO_JSON_OBJECT ? '{' : '[');
    l->depth++;
  } else {
    put_scalar(l, t);
  }
}

so_status so_json_layout(so_bytes compact, so_bytes like, so_buf *out) {
  const bool ends_line = like.len != 0 && like.ptr[like.len - 1] == '\n';
  const size_t first_break = so_bytes_find(like, '\n');
  layout l = {out, unit_of(like), first_break + 1 >= like.len, 0};
  so_json_reader r = so_json_reader_of(compact);
  so_json_type last = SO_JSON_END;
  for (;;) {
    so_json_token t;
    SO_TRY(so_json_next(&r, &t));
    if (t.type == SO_JSON_END) {
      break;
    }
    put_token(&l, &t, last);
    last = t.type;
  }
  if (ends_line) {
    so_buf_append_u8(out, '\n');
  }
  so_bytes ignored;
  return so_buf_end(out, &ignored);
}
