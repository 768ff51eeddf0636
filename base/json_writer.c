#include "base/assert.h"
#include "base/fmt.h"
#include "base/json.h"
#include "base/utf8.h"

so_json_writer so_json_writer_of(so_buf *out) {
  const so_json_writer w = {.out = out};
  return w;
}

// before_item writes the comma that separates this item from the one before it.
static void before_item(so_json_writer *w) {
  if (w->after_name) {
    w->after_name = false;
    return;
  }
  if (w->has_items[w->depth]) {
    so_buf_append_u8(w->out, ',');
  }
  w->has_items[w->depth] = true;
}

static void open_container(so_json_writer *w, char c) {
  before_item(w);
  so_buf_append_u8(w->out, (uint8_t)c);
  SO_ASSERT(w->depth + 1 < SO_JSON_WRITE_DEPTH_MAX);
  w->depth++;
  w->has_items[w->depth] = false;
}

static void close_container(so_json_writer *w, char c) {
  SO_ASSERT(w->depth > 0 && !w->after_name);
  w->depth--;
  so_buf_append_u8(w->out, (uint8_t)c);
}

void so_json_object(so_json_writer *w) { open_container(w, '{'); }
void so_json_object_end(so_json_writer *w) { close_container(w, '}'); }
void so_json_array(so_json_writer *w) { open_container(w, '['); }
void so_json_array_end(so_json_writer *w) { close_container(w, ']'); }

static void put_escaped(so_buf *out, uint32_t c) {
  static const char plain[] = "\"\\\b\f\n\r\t";
  static const char letters[] = "\"\\bfnrt";
  const size_t i = c < 0x80 ? so_bytes_find(so_str(plain), (uint8_t)c) : sizeof plain - 1;
  if (i < sizeof plain - 1) {
    so_buf_append_u8(out, '\\');
    so_buf_append_u8(out, (uint8_t)letters[i]);
  } else if (c < 0x20) {
    so_buf_printf(out, "\\u%04x", (unsigned)c);
  } else {
    uint8_t bytes[4];
    so_writer w = so_writer_of(bytes, sizeof bytes);
    so_utf8_write(&w, c);
    so_buf_append(out, so_writer_bytes(&w));
  }
}

static void put_text(so_buf *out, so_bytes text) {
  so_buf_append_u8(out, '"');
  while (text.len != 0) {
    size_t plain = 0;
    while (plain < text.len && text.ptr[plain] >= 0x20 && text.ptr[plain] < 0x80 &&
           text.ptr[plain] != '"' && text.ptr[plain] != '\\') {
      plain++;
    }
    so_buf_append(out, so_bytes_first(text, plain));
    text = so_bytes_from(text, plain);
    if (text.len == 0) {
      break;
    }
    so_reader r = so_reader_of(text);
    uint32_t c;
    const bool ok = so_utf8_read(&r, &c);
    put_escaped(out, ok ? c : 0xfffd);
    text = so_bytes_from(text, ok ? text.len - r.len : 1);
  }
  so_buf_append_u8(out, '"');
}

void so_json_name_bytes(so_json_writer *w, so_bytes name) {
  SO_ASSERT(!w->after_name);
  before_item(w);
  put_text(w->out, name);
  so_buf_append_u8(w->out, ':');
  w->after_name = true;
}

void so_json_name(so_json_writer *w, const char *name) { so_json_name_bytes(w, so_str(name)); }

void so_json_put_string(so_json_writer *w, so_bytes text) {
  before_item(w);
  put_text(w->out, text);
}

void so_json_put_u64(so_json_writer *w, uint64_t v) {
  before_item(w);
  so_buf_printf(w->out, "%llu", (unsigned long long)v);
}

void so_json_put_i64(so_json_writer *w, int64_t v) {
  before_item(w);
  so_buf_printf(w->out, "%lld", (long long)v);
}

static void put_word(so_json_writer *w, so_bytes word) {
  before_item(w);
  so_buf_append(w->out, word);
}

void so_json_put_bool(so_json_writer *w, bool v) { put_word(w, so_str(v ? "true" : "false")); }
void so_json_put_null(so_json_writer *w) { put_word(w, so_str("null")); }

// put_one writes a scalar whole, or opens a container.
static void put_one(so_json_writer *w, const so_json *v) {
  switch (v->type) {
    case SO_JSON_OBJECT:
      so_json_object(w);
      break;
    case SO_JSON_ARRAY:
      so_json_array(w);
      break;
    case SO_JSON_STRING:
      so_json_put_string(w, v->text);
      break;
    case SO_JSON_NUMBER:
      put_word(w, v->text);
      break;
    case SO_JSON_TRUE:
    case SO_JSON_FALSE:
      so_json_put_bool(w, v->type == SO_JSON_TRUE);
      break;
    case SO_JSON_NULL:
    case SO_JSON_END:
    case SO_JSON_OBJECT_END:
    case SO_JSON_ARRAY_END:
    case SO_JSON_NAME:
      so_json_put_null(w);
      break;
  }
}

static bool is_container(const so_json *v) {
  return v->type == SO_JSON_OBJECT || v->type == SO_JSON_ARRAY;
}

void so_json_put_value(so_json_writer *w, const so_json *value) {
  const so_json *open[SO_JSON_DEPTH_MAX];  // Containers entered and not yet closed.
  size_t depth = 0;
  const so_json *v = value;
  while (v != NULL) {
    const bool is_member = depth != 0 && open[depth - 1]->type == SO_JSON_OBJECT;
    if (is_member) {
      so_json_name_bytes(w, v->name);
    }
    put_one(w, v);
    if (is_container(v)) {
      SO_ASSERT(depth < SO_JSON_DEPTH_MAX);
      open[depth++] = v;
      v = v->first;
    } else {
      v = depth == 0 ? NULL : v->next;
    }
    while (v == NULL && depth != 0) {
      const so_json *done = open[--depth];
      close_container(w, done->type == SO_JSON_OBJECT ? '}' : ']');
      v = depth == 0 ? NULL : done->next;
    }
  }
}

void so_json_member_string(so_json_writer *w, const char *name, so_bytes text) {
  so_json_name(w, name);
  so_json_put_string(w, text);
}

void so_json_member_u64(so_json_writer *w, const char *name, uint64_t v) {
  so_json_name(w, name);
  so_json_put_u64(w, v);
}

void so_json_member_bool(so_json_writer *w, const char *name, bool v) {
  so_json_name(w, name);
  so_json_put_bool(w, v);
}
