#include "http/framing/framing.h"

#include "base/fmt.h"

// Lengths are kept where a signed 64-bit number of any reader holds them.
#define LENGTH_MAX (UINT64_MAX >> 1)

static so_status bad(void) { return so_status_make(SO_MALFORMED, 400); }

// --- hosts ------------------------------------------------------------------------------------

static bool is_digits(so_bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.ptr[i] < '0' || text.ptr[i] > '9') {
      return false;
    }
  }
  return true;
}

static bool is_host_char(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

static bool is_ip6_char(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
         c == '.';
}

static bool all(so_bytes text, bool (*is)(uint8_t c)) {
  for (size_t i = 0; i < text.len; i++) {
    if (!is(text.ptr[i])) {
      return false;
    }
  }
  return text.len != 0;
}

bool so_http_is_authority(so_bytes text) {
  so_bytes port;
  if (text.len != 0 && text.ptr[0] == '[') {
    const size_t end = so_bytes_find(text, ']');
    if (end == text.len || !all(so_bytes_from(so_bytes_first(text, end), 1), is_ip6_char)) {
      return false;
    }
    port = so_bytes_from(text, end + 1);
  } else {
    const size_t colon = so_bytes_find(text, ':');
    if (!all(so_bytes_first(text, colon), is_host_char)) {
      return false;
    }
    port = so_bytes_from(text, colon);
  }
  return port.len == 0 ||
         (port.ptr[0] == ':' && port.len <= 6 && is_digits(so_bytes_from(port, 1)));
}

static so_status check_host(const so_http_head *head) {
  so_bytes host;
  const size_t count = so_http_count(head, "host");
  if (count > 1 || (count == 0 && head->minor != 0)) {
    return bad();
  }
  if (count == 1 && so_http_find(head, "host", &host) && !so_http_is_authority(host)) {
    return bad();
  }
  return head->authority.len == 0 || so_http_is_authority(head->authority) ? so_done() : bad();
}

// --- lengths and codings ----------------------------------------------------------------------

static so_status read_length(const so_http_head *head, so_http_framing *out) {
  so_bytes text;
  if (!so_http_find(head, "content-length", &text)) {
    return so_done();
  }
  uint64_t length = 0;
  if (so_http_count(head, "content-length") != 1 || text.len == 0 || !is_digits(text)) {
    return bad();
  }
  for (size_t i = 0; i < text.len; i++) {
    const uint64_t digit = (uint64_t)(text.ptr[i] - '0');
    if (length > (LENGTH_MAX - digit) / 10) {
      return bad();
    }
    length = length * 10 + digit;
  }
  out->kind = length != 0 ? SO_HTTP_BODY_LENGTH : SO_HTTP_BODY_NONE;
  out->length = length;
  return so_done();
}

// ends_in_chunked tells a coding that we do not have from one that frames nothing.
static bool ends_in_chunked(so_bytes value) {
  so_bytes element;
  bool chunked = false;
  while (so_http_list_next(&value, &element)) {
    chunked = so_bytes_equal_nocase(element, so_str("chunked"));
  }
  return chunked;
}

static so_status read_coding(const so_http_head *head, so_http_framing *out) {
  so_bytes coding;
  so_bytes length;
  if (!so_http_find(head, "transfer-encoding", &coding)) {
    return so_done();
  }
  if (so_http_count(head, "transfer-encoding") != 1 || head->minor == 0 ||
      so_http_find(head, "content-length", &length)) {
    return bad();
  }
  if (!so_bytes_equal_nocase(coding, so_str("chunked"))) {
    return ends_in_chunked(coding) ? so_status_make(SO_UNSUPPORTED, 501) : bad();
  }
  out->kind = SO_HTTP_BODY_CHUNKED;
  return so_done();
}

static bool keeps_alive(const so_http_head *head) {
  if (so_http_has_token(head, "connection", "close")) {
    return false;
  }
  return head->minor != 0 || so_http_has_token(head, "connection", "keep-alive");
}

static so_status read_expect(const so_http_head *head, so_http_framing *out) {
  so_bytes value;
  if (head->minor == 0 || !so_http_find(head, "expect", &value)) {
    return so_done();
  }
  if (!so_bytes_equal_nocase(value, so_str("100-continue"))) {
    return so_status_make(SO_UNSUPPORTED, 417);
  }
  out->expect_continue = out->kind != SO_HTTP_BODY_NONE;
  return so_done();
}

so_status so_http_request_framing(const so_http_head *head, so_http_framing *out) {
  const so_http_framing none = {SO_HTTP_BODY_NONE, 0, keeps_alive(head), false};
  *out = none;
  SO_TRY(check_host(head));
  SO_TRY(read_length(head, out));
  SO_TRY(read_coding(head, out));
  return read_expect(head, out);
}

so_status so_http_response_framing(const so_http_head *head, bool to_head, so_http_framing *out) {
  const so_http_framing until_close = {SO_HTTP_BODY_UNTIL_CLOSE, 0, false, false};
  so_bytes text;
  *out = until_close;
  SO_TRY(read_length(head, out));
  SO_TRY(read_coding(head, out));
  if (to_head || head->status < 200 || head->status == 204 || head->status == 304) {
    out->kind = SO_HTTP_BODY_NONE;
  } else if (so_http_find(head, "content-length", &text) && out->length == 0) {
    out->kind = SO_HTTP_BODY_NONE;
  }
  out->keep_alive = out->kind != SO_HTTP_BODY_UNTIL_CLOSE && keeps_alive(head);
  return so_done();
}
