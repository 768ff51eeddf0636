#include "http/problem/problem.h"

#include "http/message/message.h"

so_json_writer so_problem_begin(so_buf *out, uint16_t status, const char *code, so_bytes detail) {
  so_json_writer w = so_json_writer_of(out);
  so_json_object(&w);
  so_json_member_string(&w, "type", so_str("about:blank"));
  so_json_member_string(&w, "title", so_str(so_http_reason(status)));
  so_json_member_u64(&w, "status", status);
  so_json_member_string(&w, "code", so_str(code));
  if (detail.len != 0) {
    so_json_member_string(&w, "detail", detail);
  }
  return w;
}

void so_problem_end(so_json_writer *w) { so_json_object_end(w); }
