#include "base/json.h"
#include "base/utf8.h"

// What the grammar allows next.
enum {
  EXPECT_VALUE,
  EXPECT_FIRST_NAME,   // After '{': a name or '}'.
  EXPECT_NAME,         // After ',' in an object.
  EXPECT_FIRST_VALUE,  // After '[': a value or ']'.
  EXPECT_SEPARATOR,    // After a value: ',' or the end of the container.
  EXPECT_END,
};

so_json_reader so_json_reader_of(so_bytes text) {
  const so_json_reader r = {text, 0, 0, 0, EXPECT_VALUE, false};
  return r;
}

static so_status fail(so_json_reader *r, so_code code) {
  r->failed = true;
  return so_status_make(code, 0);
}

// peek returns the byte at the cursor, or 0 at the end (a NUL is not valid JSON anywhere).
static uint8_t peek(const so_json_reader *r) {
  return r->off < r->text.len ? r->text.ptr[r->off] : 0;
}

static void skip_space(so_json_reader *r) {
  for (uint8_t c = peek(r); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(r)) {
    r->off++;
  }
}

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

static bool hex4(so_json_reader *r, uint32_t *out) {
  uint32_t v = 0;
  for (int i = 0; i < 4; i++) {
    const uint8_t c = peek(r);
    const uint8_t folded = (uint8_t)(c | 0x20);
    const bool letter = folded >= 'a' && folded <= 'f';
    if (!is_digit(c) && !letter) {
      return false;
    }
    v = v << 4 | (uint32_t)(letter ? folded - 'a' + 10 : c - '0');
    r->off++;
  }
  *out = v;
  return true;
}

// scan_unicode_escape stands after "\u". A high surrogate must be followed by a low one.
static bool scan_unicode_escape(so_json_reader *r) {
  uint32_t v;
  if (!hex4(r, &v) || (v >= 0xdc00 && v <= 0xdfff)) {
    return false;
  }
  if (v < 0xd800 || v > 0xdbff) {
    return true;
  }
  if (peek(r) != '\\') {
    return false;
  }
  r->off++;
  if (peek(r) != 'u') {
    return false;
  }
  r->off++;
  return hex4(r, &v) && v >= 0xdc00 && v <= 0xdfff;
}

static bool scan_escape(so_json_reader *r) {
  const uint8_t c = peek(r);
  r->off++;
  switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return true;
    case 'u':
      return scan_unicode_escape(r);
    default:
      r->off--;
      return false;
  }
}

static bool scan_utf8(so_json_reader *r) {
  so_reader rest = so_reader_of(so_bytes_from(r->text, r->off));
  const size_t before = rest.len;
  uint32_t code_point;
  if (!so_utf8_read(&rest, &code_point)) {
    return false;
  }
  r->off += before - rest.len;
  return true;
}

// scan_string stands on the opening quote and ends after the closing one.
static so_status scan_string(so_json_reader *r, so_bytes *out) {
  const size_t start = ++r->off;
  while (r->off < r->text.len) {
    const uint8_t c = peek(r);
    if (c == '"') {
      *out = so_bytes_of(r->text.ptr + start, r->off - start);
      r->off++;
      return so_done();
    }
    bool ok = c >= 0x20;
    if (ok && c == '\\') {
      r->off++;
      ok = scan_escape(r);
    } else if (ok && c >= 0x80) {
      ok = scan_utf8(r);
    } else if (ok) {
      r->off++;
    }
    if (!ok) {
      return fail(r, SO_MALFORMED);
    }
  }
  return fail(r, SO_MALFORMED);
}

static bool scan_digits(so_json_reader *r) {
  if (!is_digit(peek(r))) {
    return false;
  }
  while (is_digit(peek(r))) {
    r->off++;
  }
  return true;
}

// RFC 8259 section 6: [ "-" ] int [ frac ] [ exp ], int without leading zeros.
static bool scan_number(so_json_reader *r) {
  r->off += peek(r) == '-' ? 1 : 0;
  if (peek(r) == '0') {
    r->off++;
  } else if (!scan_digits(r)) {
    return false;
  }
  if (peek(r) == '.') {
    r->off++;
    if (!scan_digits(r)) {
      return false;
    }
  }
  if ((peek(r) | 0x20) == 'e') {
    r->off++;
    r->off += peek(r) == '+' || peek(r) == '-' ? 1 : 0;
    return scan_digits(r);
  }
  return true;
}

static so_status scan_word(so_json_reader *r, const char *word, so_json_type type,
                           so_json_token *out) {
  const so_bytes w = so_str(word);
  if (!so_bytes_has_prefix(so_bytes_from(r->text, r->off), w)) {
    return fail(r, SO_MALFORMED);
  }
  r->off += w.len;
  out->type = type;
  return so_done();
}

static void after_value(so_json_reader *r) {
  r->expect = r->depth == 0 ? EXPECT_END : EXPECT_SEPARATOR;
}

static so_status open_container(so_json_reader *r, bool object, so_json_token *out) {
  if (r->depth == SO_JSON_DEPTH_MAX) {
    return fail(r, SO_LIMIT);
  }
  const uint64_t bit = UINT64_C(1) << r->depth;
  r->objects = object ? r->objects | bit : r->objects & ~bit;
  r->depth++;
  r->off++;
  r->expect = object ? EXPECT_FIRST_NAME : EXPECT_FIRST_VALUE;
  out->type = object ? SO_JSON_OBJECT : SO_JSON_ARRAY;
  return so_done();
}

static bool in_object(const so_json_reader *r) {
  return r->depth != 0 && (r->objects >> (r->depth - 1) & 1) != 0;
}

static so_status close_container(so_json_reader *r, so_json_token *out) {
  out->type = in_object(r) ? SO_JSON_OBJECT_END : SO_JSON_ARRAY_END;
  r->off++;
  r->depth--;
  after_value(r);
  return so_done();
}

static so_status next_name(so_json_reader *r, so_json_token *out) {
  if (peek(r) != '"') {
    return fail(r, SO_MALFORMED);
  }
  out->type = SO_JSON_NAME;
  SO_TRY(scan_string(r, &out->text));
  skip_space(r);
  if (peek(r) != ':') {
    return fail(r, SO_MALFORMED);
  }
  r->off++;
  r->expect = EXPECT_VALUE;
  return so_done();
}

static so_status next_scalar(so_json_reader *r, so_json_token *out) {
  const size_t start = r->off;
  switch (peek(r)) {
    case '"':
      out->type = SO_JSON_STRING;
      return scan_string(r, &out->text);
    case 't':
      return scan_word(r, "true", SO_JSON_TRUE, out);
    case 'f':
      return scan_word(r, "false", SO_JSON_FALSE, out);
    case 'n':
      return scan_word(r, "null", SO_JSON_NULL, out);
    default:
      if (!scan_number(r)) {
        return fail(r, SO_MALFORMED);
      }
      out->type = SO_JSON_NUMBER;
      out->text = so_bytes_of(r->text.ptr + start, r->off - start);
      return so_done();
  }
}

static so_status next_value(so_json_reader *r, so_json_token *out) {
  const uint8_t c = peek(r);
  if (c == '{' || c == '[') {
    return open_container(r, c == '{', out);
  }
  SO_TRY(next_scalar(r, out));
  after_value(r);
  return so_done();
}

// next_separated stands after a value inside a container.
static so_status next_separated(so_json_reader *r, so_json_token *out) {
  const bool object = in_object(r);
  const uint8_t c = peek(r);
  if (c == (object ? '}' : ']')) {
    return close_container(r, out);
  }
  if (c != ',') {
    return fail(r, SO_MALFORMED);
  }
  r->off++;
  skip_space(r);
  return object ? next_name(r, out) : next_value(r, out);
}

so_status so_json_next(so_json_reader *r, so_json_token *out) {
  if (r->failed) {
    return so_status_make(SO_MALFORMED, 0);
  }
  out->text = so_bytes_of(NULL, 0);
  skip_space(r);
  switch (r->expect) {
    case EXPECT_FIRST_NAME:
      return peek(r) == '}' ? close_container(r, out) : next_name(r, out);
    case EXPECT_FIRST_VALUE:
      return peek(r) == ']' ? close_container(r, out) : next_value(r, out);
    case EXPECT_SEPARATOR:
      return next_separated(r, out);
    case EXPECT_END:
      out->type = SO_JSON_END;
      return r->off == r->text.len ? so_done() : fail(r, SO_MALFORMED);
    default:
      return next_value(r, out);
  }
}

static uint32_t hex_value(so_bytes four) {
  uint32_t v = 0;
  for (size_t i = 0; i < 4; i++) {
    const uint8_t c = four.ptr[i];
    v = v << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return v;
}

// unescape_one decodes the escape after the backslash at `at` (already checked by the reader) and
// returns how many bytes it took, the backslash included.
static size_t unescape_one(so_bytes text, size_t at, so_writer *w) {
  static const char plain[] = "\"\\/bfnrt";
  static const char means[] = "\"\\/\b\f\n\r\t";
  const uint8_t c = text.ptr[at + 1];
  if (c != 'u') {
    const size_t i = so_bytes_find(so_str(plain), c);
    so_write_u8(w, (uint8_t)means[i]);
    return 2;
  }
  const uint32_t high = hex_value(so_bytes_from(text, at + 2));
  if (high < 0xd800 || high > 0xdbff) {
    so_utf8_write(w, high);
    return 6;
  }
  const uint32_t low = hex_value(so_bytes_from(text, at + 8));
  so_utf8_write(w, 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00)));
  return 12;
}

so_status so_json_unescape(so_bytes text, so_arena *arena, so_bytes *out) {
  if (so_bytes_find(text, '\\') == text.len) {
    *out = text;
    return so_done();
  }
  uint8_t *p = so_arena_alloc(arena, text.len);  // Decoding never makes it longer.
  if (p == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_writer w = so_writer_of(p, text.len);
  for (size_t i = 0; i < text.len;) {
    if (text.ptr[i] == '\\') {
      i += unescape_one(text, i, &w);
    } else {
      so_write_u8(&w, text.ptr[i++]);
    }
  }
  return so_writer_end(&w, out);
}
