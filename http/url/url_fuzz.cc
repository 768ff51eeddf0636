// Any bytes as a URL, as a query and as encoded text: what decodes is encoded and decoded back.

#include <stdlib.h>

#include <vector>

#include "http/url/url.h"

namespace {

void RoundTrip(so_url_part part, so_bytes text) {
  std::vector<uint8_t> plain(text.len + 1), coded(3 * text.len + 1), again(text.len + 1);
  so_writer w = so_writer_of(plain.data(), text.len);
  if (!so_ok(so_url_decode(part, text, &w))) {
    return;
  }
  const so_bytes decoded = so_writer_bytes(&w);
  so_writer e = so_writer_of(coded.data(), coded.size());
  so_url_encode(&e, decoded, false);
  so_writer d = so_writer_of(again.data(), again.size());
  if (!so_ok(so_url_decode(part, so_writer_bytes(&e), &d)) ||
      !so_bytes_equal(so_writer_bytes(&d), decoded)) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  const so_bytes in = so_bytes_of(data, len);
  so_url u;
  if (so_ok(so_url_parse(in, &u)) && (u.host.len == 0 || u.path.len == 0 || u.port == 0)) {
    abort();
  }
  so_bytes rest = in, name, value;
  size_t total = 0;
  while (so_url_query_next(&rest, &name, &value)) {
    total += name.len + value.len;
  }
  if (total > len) {
    abort();
  }
  RoundTrip(SO_URL_SEGMENT, in);
  RoundTrip(SO_URL_QUERY, in);
  return 0;
}
