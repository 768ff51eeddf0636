// Master files as tokens (RFC 1035 5.1).

#include "net/dns/zone/internal.h"

#define DEPTH_MAX 16

void so_zone_lexer_init(lexer *l, so_bytes text) {
  l->in = so_reader_of(text);
  l->line = 1;
  l->depth = 0;
}

static bool peek(const lexer *l, uint8_t *out) {
  if (l->in.len == 0) {
    return false;
  }
  *out = l->in.ptr[0];
  return true;
}

static void step(lexer *l) {
  const bool moved = so_skip(&l->in, 1);
  (void)moved;
}

bool so_zone_lexer_blank(const lexer *l) {
  uint8_t c;
  return peek(l, &c) && (c == ' ' || c == '\t');
}

static void skip_comment(lexer *l) {
  uint8_t c;
  while (peek(l, &c) && c != '\n') {
    step(l);
  }
}

// skip_quoted stands behind a quote and goes on to the one that closes it, which it leaves.
static bool skip_quoted(lexer *l) {
  uint8_t c;
  while (peek(l, &c) && c != '"') {
    if (c == '\n') {
      return false;
    }
    step(l);
    if (c == '\\') {
      if (!peek(l, &c) || c == '\n') {
        return false;
      }
      step(l);
    }
  }
  return l->in.len != 0;
}

static void bad(token *out, const char *reason) {
  out->kind = TOKEN_BAD;
  out->text = so_bytes_of(NULL, 0);
  out->reason = reason;
}

static void read_quoted(lexer *l, token *out) {
  step(l);
  const uint8_t *const from = l->in.ptr;
  if (!skip_quoted(l)) {
    bad(out, "the quoted string does not end on its line");
    return;
  }
  out->kind = TOKEN_QUOTED;
  out->text = so_bytes_of(from, (size_t)(l->in.ptr - from));
  step(l);
}

static bool ends_word(uint8_t c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' || c == ')';
}

static void read_word(lexer *l, token *out) {
  const uint8_t *const from = l->in.ptr;
  uint8_t c;
  while (peek(l, &c) && !ends_word(c)) {
    step(l);
    if (c == '\\') {
      if (!peek(l, &c) || c == '\n') {
        bad(out, "a backslash with nothing behind it");
        return;
      }
      step(l);
    } else if (c == '"') {
      if (!skip_quoted(l)) {
        bad(out, "the quoted string does not end on its line");
        return;
      }
      step(l);
    }
  }
  out->kind = TOKEN_WORD;
  out->text = so_bytes_of(from, (size_t)(l->in.ptr - from));
}

// parenthesis is false when the nesting is wrong.
static bool parenthesis(lexer *l, uint8_t c) {
  step(l);
  if (c == '(') {
    return l->depth++ < DEPTH_MAX;
  }
  if (l->depth == 0) {
    return false;
  }
  l->depth--;
  return true;
}

// at_end of the text, where parentheses must be closed.
static void at_end(const lexer *l, token *out) {
  if (l->depth != 0) {
    bad(out, "a parenthesis is not closed");
    return;
  }
  out->kind = TOKEN_END;
  out->text = so_bytes_of(NULL, 0);
}

void so_zone_lexer_next(lexer *l, token *out) {
  uint8_t c;
  out->reason = NULL;
  while (peek(l, &c)) {
    if (c == '\n') {
      step(l);
      l->line++;
      if (l->depth == 0) {
        out->kind = TOKEN_NEWLINE;
        return;
      }
    } else if (c == ' ' || c == '\t' || c == '\r') {
      step(l);
    } else if (c == ';') {
      skip_comment(l);
    } else if (c == '(' || c == ')') {
      if (!parenthesis(l, c)) {
        bad(out, "the parentheses do not match");
        return;
      }
    } else if (c == '"') {
      read_quoted(l, out);
      return;
    } else {
      read_word(l, out);
      return;
    }
  }
  at_end(l, out);
}

static bool digit(uint8_t c, unsigned *value) {
  *value = *value * 10 + (unsigned)(c - '0');
  return c >= '0' && c <= '9';
}

bool so_zone_unescape(so_bytes text, so_buf *out) {
  so_reader r = so_reader_of(text);
  uint8_t c;
  while (r.len != 0 && so_read_u8(&r, &c)) {
    if (c == '\\') {
      uint8_t d;
      unsigned value = 0;
      if (!so_read_u8(&r, &d)) {
        return false;
      }
      if (d < '0' || d > '9') {
        value = d;
      } else {
        uint8_t e;
        uint8_t f;
        if (!so_read_u8(&r, &e) || !so_read_u8(&r, &f) || !digit(d, &value) ||
            !digit(e, &value) || !digit(f, &value) || value > 255) {
          return false;
        }
      }
      c = (uint8_t)value;
    }
    so_buf_append_u8(out, c);
  }
  return so_reader_done(&r);
}
