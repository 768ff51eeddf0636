// Reading heads.

#include "http/message/message.h"

#include "base/fmt.h"
#include "base/reader.h"

static so_status bad(uint16_t http_status) { return so_status_make(SO_MALFORMED, http_status); }

// --- characters -------------------------------------------------------------------------------

static bool is_alnum(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_tchar(uint8_t c) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  bool found = is_alnum(c);
  for (size_t i = 0; others[i] != '\0' && !found; i++) {
    found = c == (uint8_t)others[i];
  }
  return found;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

bool so_http_is_token(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (!is_tchar(text.ptr[i])) {
      return false;
    }
  }
  return text.len != 0;
}

bool so_http_is_value(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    const uint8_t c = text.ptr[i];
    if ((c < ' ' && c != '\t') || c == 0x7f) {
      return false;
    }
  }
  return true;
}

static so_bytes trim(so_bytes text) {
  while (text.len != 0 && is_blank(text.ptr[0])) {
    text = so_bytes_from(text, 1);
  }
  while (text.len != 0 && is_blank(text.ptr[text.len - 1])) {
    text.len--;
  }
  return text;
}

// --- where a head ends ------------------------------------------------------------------------

so_status so_http_head_end(so_bytes in, size_t *scanned, size_t *out_len) {
  // Invariant: in[0..at) holds no bare CR, no bare LF, no NUL and no empty line.
  size_t at = *scanned;
  while (at < in.len && at < SO_HTTP_HEAD_LEN_MAX) {
    const uint8_t c = in.ptr[at];
    if (c == 0 || c == '\n') {
      return bad(400);
    }
    if (c != '\r') {
      at++;
      continue;
    }
    if (at + 1 == in.len) {
      break;
    }
    if (in.ptr[at + 1] != '\n') {
      return bad(400);
    }
    if (at == 0 || in.ptr[at - 1] == '\n') {
      *out_len = at + 2;
      return *out_len <= SO_HTTP_HEAD_LEN_MAX ? so_done() : so_status_make(SO_LIMIT, 431);
    }
    at += 2;
  }
  *scanned = at;
  return so_status_make(at < SO_HTTP_HEAD_LEN_MAX ? SO_AGAIN : SO_LIMIT,
                        at < SO_HTTP_HEAD_LEN_MAX ? 0 : 431);
}

// --- lines ------------------------------------------------------------------------------------

// take_line views the next line without its CR LF.
static bool take_line(so_reader *r, so_bytes *out) {
  const so_bytes rest = so_reader_rest(r);
  const size_t len = so_bytes_find(rest, '\r');
  uint8_t cr, lf;
  return so_read_bytes(r, len, out) && so_read_u8(r, &cr) && so_read_u8(r, &lf) && lf == '\n';
}

// take_word views what comes before the next space and drops both.
static bool take_word(so_bytes *line, so_bytes *out) {
  const size_t len = so_bytes_find(*line, ' ');
  if (len == line->len) {
    return false;
  }
  *out = so_bytes_first(*line, len);
  *line = so_bytes_from(*line, len + 1);
  return true;
}

static so_status parse_field(so_bytes line, so_http_head *out) {
  const size_t colon = so_bytes_find(line, ':');
  const so_bytes name = so_bytes_first(line, colon);
  const so_bytes value = so_bytes_from(line, colon + 1);
  // A space before the colon or at the start of the line (folding) is no token character.
  if (colon == line.len || !so_http_is_token(name) || !so_http_is_value(value)) {
    return bad(400);
  }
  if (out->field_count == SO_HTTP_FIELDS_MAX) {
    return so_status_make(SO_LIMIT, 431);
  }
  out->fields[out->field_count].name = name;
  out->fields[out->field_count].value = trim(value);
  out->field_count++;
  return so_done();
}

static so_status parse_fields(so_reader *r, so_http_head *out) {
  for (;;) {
    so_bytes line;
    if (!take_line(r, &line)) {
      return bad(400);
    }
    if (line.len == 0) {
      return so_reader_done(r) ? so_done() : bad(400);
    }
    SO_TRY(parse_field(line, out));
  }
}

// parse_version reads "HTTP/1.x"; a later minor version speaks 1.1.
static so_status parse_version(so_bytes text, uint8_t *minor) {
  if (text.len != 8 || !so_bytes_has_prefix(text, so_str("HTTP/")) || text.ptr[6] != '.') {
    return bad(400);
  }
  const uint8_t major_digit = text.ptr[5];
  const uint8_t minor_digit = text.ptr[7];
  if (major_digit < '0' || major_digit > '9' || minor_digit < '0' || minor_digit > '9') {
    return bad(400);
  }
  *minor = minor_digit == '0' ? 0 : 1;
  return major_digit == '1' ? so_done() : so_status_make(SO_UNSUPPORTED, 505);
}

// --- targets ----------------------------------------------------------------------------------

static void split_query(so_bytes text, so_http_head *out) {
  const size_t mark = so_bytes_find(text, '?');
  out->path = so_bytes_first(text, mark);
  out->query = so_bytes_from(text, mark + 1);
}

static bool is_target(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f || text.ptr[i] == '#') {
      return false;
    }
  }
  return text.len != 0;
}

// split_absolute reads "http://authority/path?query".
static so_status split_absolute(so_bytes target, so_http_head *out) {
  const size_t colon = so_bytes_find(target, ':');
  const so_bytes scheme = so_bytes_first(target, colon);
  so_bytes rest = so_bytes_from(target, colon);
  if ((!so_bytes_equal_nocase(scheme, so_str("http")) &&
       !so_bytes_equal_nocase(scheme, so_str("https"))) ||
      !so_bytes_has_prefix(rest, so_str("://"))) {
    return bad(400);
  }
  rest = so_bytes_from(rest, 3);
  const size_t slash = so_bytes_find(rest, '/');
  const size_t mark = so_bytes_find(rest, '?');
  const size_t end = slash < mark ? slash : mark;
  out->authority = so_bytes_first(rest, end);
  split_query(so_bytes_from(rest, end), out);
  if (out->path.len == 0) {
    out->path = so_str("/");
  }
  return out->authority.len != 0 ? so_done() : bad(400);
}

static so_status split_target(so_http_head *out) {
  if (out->target.len > SO_HTTP_TARGET_LEN_MAX) {
    return so_status_make(SO_LIMIT, 414);
  }
  if (!is_target(out->target)) {
    return bad(400);
  }
  if (out->target.ptr[0] == '/') {
    split_query(out->target, out);
    return so_done();
  }
  if (so_bytes_equal(out->target, so_str("*")) &&
      so_bytes_equal(out->method, so_str("OPTIONS"))) {
    out->path = out->target;
    return so_done();
  }
  if (so_bytes_equal(out->method, so_str("CONNECT"))) {
    return so_status_make(SO_UNSUPPORTED, 501);
  }
  return split_absolute(out->target, out);
}

// --- start lines ------------------------------------------------------------------------------

static so_status parse_request_line(so_bytes line, so_http_head *out) {
  if (!take_word(&line, &out->method) || !so_http_is_token(out->method) ||
      !take_word(&line, &out->target)) {
    return bad(400);
  }
  SO_TRY(parse_version(line, &out->minor));
  if (out->method.len > SO_HTTP_METHOD_LEN_MAX) {
    return so_status_make(SO_UNSUPPORTED, 501);
  }
  return split_target(out);
}

static so_status parse_status_line(so_bytes line, so_http_head *out) {
  so_bytes version;
  if (!take_word(&line, &version)) {
    return bad(400);
  }
  SO_TRY(parse_version(version, &out->minor));
  // The space after the code belongs there, but servers leave it out when there is no phrase.
  const so_bytes code = so_bytes_first(line, 3);
  const so_bytes rest = so_bytes_from(line, 3);
  uint64_t status;
  if (!so_ok(so_parse_u64(code, &status)) || status < 100 || status > 599 ||
      (rest.len != 0 && rest.ptr[0] != ' ') || !so_http_is_value(rest)) {
    return bad(400);
  }
  out->status = (uint16_t)status;
  out->reason = so_bytes_from(rest, 1);
  return so_done();
}

static so_status parse(so_bytes head, so_http_head *out,
                       so_status (*parse_start)(so_bytes line, so_http_head *out)) {
  const so_http_head empty = {0};
  *out = empty;
  so_reader r = so_reader_of(head);
  so_bytes line;
  if (!take_line(&r, &line)) {
    return bad(400);
  }
  SO_TRY(parse_start(line, out));
  return parse_fields(&r, out);
}

so_status so_http_request_parse(so_bytes head, so_http_head *out) {
  return parse(head, out, parse_request_line);
}

so_status so_http_response_parse(so_bytes head, so_http_head *out) {
  return parse(head, out, parse_status_line);
}

// --- fields -----------------------------------------------------------------------------------

bool so_http_find(const so_http_head *head, const char *name, so_bytes *out) {
  for (size_t i = 0; i < head->field_count; i++) {
    if (so_bytes_equal_nocase(head->fields[i].name, so_str(name))) {
      *out = head->fields[i].value;
      return true;
    }
  }
  return false;
}

size_t so_http_count(const so_http_head *head, const char *name) {
  size_t count = 0;
  for (size_t i = 0; i < head->field_count; i++) {
    count += so_bytes_equal_nocase(head->fields[i].name, so_str(name)) ? 1 : 0;
  }
  return count;
}

// element_len finds the comma that ends the first element; those in quotes do not count.
static size_t element_len(so_bytes text) {
  bool quoted = false;
  size_t i = 0;
  for (; i < text.len && (quoted || text.ptr[i] != ','); i++) {
    if (text.ptr[i] == '"') {
      quoted = !quoted;
    } else if (quoted && text.ptr[i] == '\\') {
      i++;
    }
  }
  return i < text.len ? i : text.len;
}

bool so_http_list_next(so_bytes *rest, so_bytes *out) {
  while (rest->len != 0) {
    const size_t len = element_len(*rest);
    *out = trim(so_bytes_first(*rest, len));
    *rest = so_bytes_from(*rest, len + 1);
    if (out->len != 0) {
      return true;
    }
  }
  return false;
}

bool so_http_has_token(const so_http_head *head, const char *name, const char *token) {
  for (size_t i = 0; i < head->field_count; i++) {
    if (!so_bytes_equal_nocase(head->fields[i].name, so_str(name))) {
      continue;
    }
    so_bytes rest = head->fields[i].value;
    so_bytes element;
    while (so_http_list_next(&rest, &element)) {
      if (so_bytes_equal_nocase(element, so_str(token))) {
        return true;
      }
    }
  }
  return false;
}
