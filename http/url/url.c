#include "http/url/url.h"

#include "base/fmt.h"
#include "base/reader.h"

static so_status bad(void) { return so_status_make(SO_MALFORMED, 400); }

// --- decoding ---------------------------------------------------------------------------------

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// read_octet decodes one character, which may be three bytes long.
static bool read_octet(so_reader *r, so_url_part part, uint8_t *out) {
  uint8_t high, low;
  if (!so_read_u8(r, out)) {
    return false;
  }
  if (*out == '+' && part == SO_URL_QUERY) {
    *out = ' ';
  }
  if (*out != '%') {
    return *out != 0;
  }
  if (!so_read_u8(r, &high) || !so_read_u8(r, &low) || hex_digit(high) < 0 ||
      hex_digit(low) < 0) {
    return false;
  }
  *out = (uint8_t)(hex_digit(high) << 4 | hex_digit(low));
  return *out != 0;
}

so_status so_url_decode(so_url_part part, so_bytes text, so_writer *w) {
  so_reader r = so_reader_of(text);
  uint8_t octet;
  while (so_reader_rest(&r).len != 0) {
    if (!read_octet(&r, part, &octet)) {
      return bad();
    }
    so_write_u8(w, octet);
  }
  so_bytes written;
  return so_reader_done(&r) ? so_writer_end(w, &written) : bad();
}

static bool is_encoded(so_url_part part, so_bytes text) {
  return so_bytes_find(text, '%') != text.len || so_bytes_find(text, 0) != text.len ||
         (part == SO_URL_QUERY && so_bytes_find(text, '+') != text.len);
}

so_status so_url_decode_arena(so_url_part part, so_bytes text, so_arena *arena, so_bytes *out) {
  if (!is_encoded(part, text)) {
    *out = text;
    return so_done();
  }
  uint8_t *const buf = so_arena_alloc(arena, text.len);
  if (buf == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_writer w = so_writer_of(buf, text.len);
  SO_TRY(so_url_decode(part, text, &w));
  *out = so_writer_bytes(&w);
  return so_done();
}

// --- encoding ---------------------------------------------------------------------------------

static bool is_unreserved(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// encode_octet returns how many bytes of `out` it filled.
static size_t encode_octet(uint8_t c, bool keep_slashes, uint8_t out[3]) {
  static const char digits[] = "0123456789ABCDEF";
  if (is_unreserved(c) || (keep_slashes && c == '/')) {
    out[0] = c;
    return 1;
  }
  out[0] = '%';
  out[1] = (uint8_t)digits[c >> 4];
  out[2] = (uint8_t)digits[c & 15];
  return 3;
}

void so_url_encode(so_writer *w, so_bytes text, bool keep_slashes) {
  uint8_t octets[3];
  for (size_t i = 0; i < text.len; i++) {
    so_write_bytes(w, so_bytes_of(octets, encode_octet(text.ptr[i], keep_slashes, octets)));
  }
}

void so_url_encode_buf(so_buf *out, so_bytes text, bool keep_slashes) {
  uint8_t octets[3];
  for (size_t i = 0; i < text.len; i++) {
    so_buf_append(out, so_bytes_of(octets, encode_octet(text.ptr[i], keep_slashes, octets)));
  }
}

// --- queries ----------------------------------------------------------------------------------

bool so_url_query_next(so_bytes *rest, so_bytes *name, so_bytes *value) {
  while (rest->len != 0) {
    const size_t end = so_bytes_find(*rest, '&');
    const so_bytes parameter = so_bytes_first(*rest, end);
    *rest = so_bytes_from(*rest, end + 1);
    if (parameter.len != 0) {
      const size_t equals = so_bytes_find(parameter, '=');
      *name = so_bytes_first(parameter, equals);
      *value = so_bytes_from(parameter, equals + 1);
      return true;
    }
  }
  return false;
}

// --- whole URLs -------------------------------------------------------------------------------

static bool is_visible(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) {
      return false;
    }
  }
  return true;
}

static bool is_port(so_bytes text, uint16_t *out) {
  uint64_t port;
  if (!so_ok(so_parse_u64(text, &port)) || port == 0 || port > UINT16_MAX) {
    return false;
  }
  *out = (uint16_t)port;
  return true;
}

// split_authority reads "host", "host:port", "[::1]" or "[::1]:port".
static so_status split_authority(so_url *u) {
  so_bytes port;
  if (so_bytes_find(u->authority, '@') != u->authority.len) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  if (u->authority.len != 0 && u->authority.ptr[0] == '[') {
    const size_t end = so_bytes_find(u->authority, ']');
    if (end == u->authority.len) {
      return bad();
    }
    u->host = so_bytes_from(so_bytes_first(u->authority, end), 1);
    port = so_bytes_from(u->authority, end + 1);
    if (port.len != 0 && port.ptr[0] != ':') {
      return bad();
    }
  } else {
    const size_t colon = so_bytes_find(u->authority, ':');
    u->host = so_bytes_first(u->authority, colon);
    port = so_bytes_from(u->authority, colon);
  }
  if (u->host.len == 0 || (port.len != 0 && !is_port(so_bytes_from(port, 1), &u->port))) {
    return bad();
  }
  return so_done();
}

static bool take_scheme(so_bytes *text, so_url *u) {
  const size_t colon = so_bytes_find(*text, ':');
  const so_bytes scheme = so_bytes_first(*text, colon);
  u->is_https = so_bytes_equal_nocase(scheme, so_str("https"));
  u->port = u->is_https ? 443 : 80;
  *text = so_bytes_from(*text, colon + 3);
  return u->is_https || so_bytes_equal_nocase(scheme, so_str("http"));
}

so_status so_url_parse(so_bytes text, so_url *out) {
  const so_url empty = {0};
  *out = empty;
  const size_t colon = so_bytes_find(text, ':');
  if (!is_visible(text) || !so_bytes_has_prefix(so_bytes_from(text, colon), so_str("://"))) {
    return bad();
  }
  if (!take_scheme(&text, out) || so_bytes_find(text, '#') != text.len) {
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  const size_t slash = so_bytes_find(text, '/');
  const size_t mark = so_bytes_find(text, '?');
  const size_t end = slash < mark ? slash : mark;
  out->authority = so_bytes_first(text, end);
  out->path = so_bytes_from(so_bytes_first(text, mark), end);
  out->query = so_bytes_from(text, mark + 1);
  if (out->path.len == 0) {
    out->path = so_str("/");
  }
  return split_authority(out);
}
