#include "http/body/body.h"

#include "base/assert.h"
#include "base/fmt.h"

// CHUNKED walks SIZE (EXTENSION) SIZE_LF, DATA, DATA_CR, DATA_LF, and after the last chunk
// TRAILER_START, NAME, VALUE, VALUE_LF for each line, then END_LF.
typedef enum state {
  COUNTED,  // A length, or until the connection ends.
  SIZE_FIRST,
  SIZE,
  EXTENSION,
  SIZE_LF,
  DATA,
  DATA_CR,
  DATA_LF,
  TRAILER_START,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  END_LF,
  DONE,
  FAILED,
} state;

#define SIZE_DIGITS_MAX 16

void so_http_body_init(so_http_body *b, const so_http_framing *framing) {
  const so_http_body empty = {0};
  *b = empty;
  b->kind = (uint8_t)framing->kind;
  b->left = framing->kind == SO_HTTP_BODY_LENGTH ? framing->length : 0;
  b->state = COUNTED;
  if (framing->kind == SO_HTTP_BODY_CHUNKED) {
    b->state = SIZE_FIRST;
  } else if (framing->kind == SO_HTTP_BODY_NONE) {
    b->state = DONE;
  }
}

bool so_http_body_done(const so_http_body *b) { return b->state == DONE; }

static so_status fail(so_http_body *b, so_code code) {
  b->state = FAILED;
  return so_status_make(code, code == SO_LIMIT ? 413 : 400);
}

// --- the chunked coding, one byte at a time outside of data -----------------------------------

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_text(uint8_t c) { return c == '\t' || (c >= ' ' && c != 0x7f); }

// on_size reads digits, then CR or the ';' of an extension. A space here is refused: it is one of
// the ways in which two readers come to see different sizes.
static state on_size(so_http_body *b, uint8_t c) {
  const int digit = hex_digit(c);
  if (digit >= 0 && b->line_len <= SIZE_DIGITS_MAX) {
    b->left = b->left << 4 | (uint64_t)digit;
    return SIZE;
  }
  if (b->state == SIZE_FIRST) {
    return FAILED;
  }
  return c == '\r' ? SIZE_LF : c == ';' ? EXTENSION : FAILED;
}

static state on_extension(uint8_t c) {
  if (c == '\r') {
    return SIZE_LF;
  }
  return is_text(c) ? EXTENSION : FAILED;
}

static state on_size_lf(so_http_body *b, uint8_t c) {
  if (c != '\n' || b->left > UINT64_MAX >> 1) {
    return FAILED;
  }
  b->line_len = 0;
  return b->left != 0 ? DATA : TRAILER_START;
}

static bool is_name_char(uint8_t c) { return so_http_is_token(so_bytes_of(&c, 1)); }

static state on_trailer(const so_http_body *b, uint8_t c) {
  switch ((int)b->state) {
    case TRAILER_START:
      return c == '\r' ? END_LF : is_name_char(c) ? TRAILER_NAME : FAILED;
    case TRAILER_NAME:
      return c == ':' ? TRAILER_VALUE : is_name_char(c) ? TRAILER_NAME : FAILED;
    case TRAILER_VALUE:
      return c == '\r' ? TRAILER_LF : is_text(c) ? TRAILER_VALUE : FAILED;
    case TRAILER_LF:
      return c == '\n' ? TRAILER_START : FAILED;
    default:
      return c == '\n' ? DONE : FAILED;
  }
}

static so_status on_byte(so_http_body *b, uint8_t c) {
  state next;
  switch ((state)b->state) {
    case SIZE_FIRST:
    case SIZE:
    case EXTENSION:
      if (++b->line_len > SO_HTTP_CHUNK_LINE_MAX) {
        return fail(b, SO_LIMIT);
      }
      next = b->state == EXTENSION ? on_extension(c) : on_size(b, c);
      break;
    case SIZE_LF:
      next = on_size_lf(b, c);
      break;
    case DATA_CR:
      next = c == '\r' ? DATA_LF : FAILED;
      break;
    case DATA_LF:
      next = c == '\n' ? SIZE_FIRST : FAILED;
      break;
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
    case END_LF:
      if (++b->trailer_len > SO_HTTP_TRAILER_LEN_MAX) {
        return fail(b, SO_LIMIT);
      }
      next = on_trailer(b, c);
      break;
    case COUNTED:
    case DATA:
    case DONE:
    case FAILED:
      next = FAILED;
      break;
  }
  if (next == FAILED) {
    return fail(b, SO_MALFORMED);
  }
  b->state = (uint8_t)next;
  return so_done();
}

// --- payload ----------------------------------------------------------------------------------

void so_http_body_skip(so_http_body *b, uint64_t n) {
  b->total += n;
  if (b->kind == SO_HTTP_BODY_UNTIL_CLOSE) {
    return;
  }
  SO_ASSERT(n <= b->left && (b->state == COUNTED || b->state == DATA));
  b->left -= n;
  if (b->left == 0) {
    b->state = b->state == DATA ? DATA_CR : DONE;
  }
}

static so_bytes take_payload(so_http_body *b, so_bytes in) {
  so_bytes run = in;
  if (b->kind != SO_HTTP_BODY_UNTIL_CLOSE && b->left < in.len) {
    run.len = (size_t)b->left;
  }
  so_http_body_skip(b, run.len);
  return run;
}

so_status so_http_body_next(so_http_body *b, so_bytes in, size_t *consumed, so_bytes *out) {
  size_t at = 0;
  *out = so_bytes_of(NULL, 0);
  *consumed = 0;
  if (b->state == FAILED) {
    return so_status_make(SO_MALFORMED, 400);
  }
  while (at < in.len && b->state != DONE) {
    if (b->state == COUNTED || b->state == DATA) {
      *out = take_payload(b, so_bytes_from(in, at));
      *consumed = at + out->len;
      return so_done();
    }
    SO_TRY(on_byte(b, in.ptr[at]));
    at++;
  }
  *consumed = at;
  return so_done();
}

so_status so_http_body_end(so_http_body *b) {
  if (b->kind == SO_HTTP_BODY_UNTIL_CLOSE && b->state != FAILED) {
    b->state = DONE;
  }
  return b->state == DONE ? so_done() : fail(b, SO_MALFORMED);
}

bool so_http_body_length_left(const so_http_body *b, uint64_t *out) {
  if (b->kind == SO_HTTP_BODY_CHUNKED || b->kind == SO_HTTP_BODY_UNTIL_CLOSE) {
    return false;
  }
  *out = b->left;
  return true;
}

// --- encoding ---------------------------------------------------------------------------------

void so_http_write_chunk_start(so_writer *w, uint64_t len) {
  SO_ASSERT(len != 0);
  so_write_printf(w, "%llx\r\n", (unsigned long long)len);
}

void so_http_write_chunk_end(so_writer *w) { so_write_str(w, "\r\n"); }

void so_http_write_chunk_last(so_writer *w) { so_write_str(w, "0\r\n\r\n"); }
