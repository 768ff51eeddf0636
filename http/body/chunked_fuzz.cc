// Any bytes as a chunked body: the payload and the verdict are the same whether they come at once or
// byte by byte, and never more is consumed than there is.

#include <stdlib.h>

#include <string>

#include "http/body/body.h"

namespace {

struct Result {
  bool failed = false;
  bool done = false;
  size_t consumed = 0;
  std::string payload;
};

Result Run(so_bytes in, size_t piece) {
  const so_http_framing framing = {SO_HTTP_BODY_CHUNKED, 0, true, false};
  so_http_body b;
  Result r;
  so_http_body_init(&b, &framing);
  while (r.consumed < in.len && !so_http_body_done(&b)) {
    const so_bytes now = so_bytes_first(so_bytes_from(in, r.consumed), piece);
    size_t consumed = 0;
    so_bytes payload;
    if (!so_ok(so_http_body_next(&b, now, &consumed, &payload))) {
      r.failed = true;
      return r;
    }
    if (consumed > now.len || (consumed == 0 && now.len != 0)) {
      abort();
    }
    r.payload.append(reinterpret_cast<const char *>(payload.ptr), payload.len);
    r.consumed += consumed;
  }
  r.done = so_http_body_done(&b);
  return r;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const so_bytes in = so_bytes_of(data, len);
  const Result whole = Run(in, len == 0 ? 1 : len);
  const Result single = Run(in, 1);
  if (whole.failed != single.failed || whole.done != single.done) {
    abort();
  }
  if (!whole.failed && (whole.payload != single.payload || whole.consumed != single.consumed)) {
    abort();
  }
  return 0;
}
