// What parses, and is written again, parses to the same.
#include <stdlib.h>

#include "net/ipv4/ipv4.h"
#include "tests/support/support.h"

static void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_ipv4_header h;
  const so_bytes in = so_bytes_of(data, len);
  so_ipv4_header quoted;
  const bool is_quote = so_ok(so_ipv4_parse_quote(in, &quoted));
  if (!so_ok(so_ipv4_parse(in, len, &h))) {
    h = quoted;
  } else {
    Check(is_quote && h.total_len <= len);
  }
  if (is_quote) {
    uint8_t out[SO_IPV4_HEADER_LEN];
    so_ipv4_header again;
    so_ipv4_emit(&h, out);
    if (h.header_len == SO_IPV4_HEADER_LEN) {
      Check(so_ok(so_ipv4_parse(so_bytes_of(out, sizeof out), SO_IPV4_LEN_MAX, &again)));
      Check(again.total_len == h.total_len && again.id == h.id && again.protocol == h.protocol);
      Check(again.fragment_off == h.fragment_off && again.more_fragments == h.more_fragments);
      Check(so_ip_equal(&again.src, &h.src) && so_ip_equal(&again.dst, &h.dst));
    }
  }
  return 0;
}
