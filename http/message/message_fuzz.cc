// Any bytes as a head: no crash, views inside the input, the same end whatever the steps, and what
// is accepted is written back and accepted again.

#include <stdlib.h>

#include <string>

#include "http/framing/framing.h"
#include "http/message/message.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void CheckFields(const so_http_head &head, so_bytes in) {
  for (size_t i = 0; i < head.field_count; i++) {
    const so_http_field &f = head.fields[i];
    Require(f.name.ptr >= in.ptr && f.name.ptr + f.name.len <= in.ptr + in.len);
    Require(f.value.len == 0 ||
            (f.value.ptr >= in.ptr && f.value.ptr + f.value.len <= in.ptr + in.len));
    Require(so_http_is_token(f.name) && so_http_is_value(f.value));
  }
}

void RoundTrip(const so_http_head &head) {
  static uint8_t buf[4 * SO_HTTP_HEAD_LEN_MAX];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_http_write_request_line(&w, head.method, head.target);
  for (size_t i = 0; i < head.field_count; i++) {
    so_http_write_field(&w, head.fields[i].name, head.fields[i].value);
  }
  so_http_write_end(&w);
  so_bytes text;
  Require(so_ok(so_writer_end(&w, &text)));
  static so_http_head again;
  Require(so_ok(so_http_request_parse(text, &again)));
  Require(again.field_count == head.field_count && so_bytes_equal(again.path, head.path));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const so_bytes in = so_bytes_of(data, len);
  size_t scanned = 0, end = 0;
  const so_status s = so_http_head_end(in, &scanned, &end);
  size_t step_scanned = 0, step_end = 0;
  so_status step = so_status_make(SO_AGAIN, 0);
  for (size_t n = 0; n <= len && so_is(step, SO_AGAIN); n++) {
    step = so_http_head_end(so_bytes_first(in, n), &step_scanned, &step_end);
  }
  Require(step.code == s.code && step_end == end);
  static so_http_head head;
  so_http_framing framing;
  const so_bytes text = so_ok(s) ? so_bytes_first(in, end) : in;
  if (so_ok(so_http_request_parse(text, &head))) {
    CheckFields(head, text);
    RoundTrip(head);
    if (so_ok(so_http_request_framing(&head, &framing))) {
      Require(so_http_count(&head, "content-length") <= 1);
      Require(framing.kind != SO_HTTP_BODY_UNTIL_CLOSE);
    }
  }
  if (so_ok(so_http_response_parse(text, &head))) {
    CheckFields(head, text);
    (void)!so_ok(so_http_response_framing(&head, false, &framing));
  }
  return 0;
}
