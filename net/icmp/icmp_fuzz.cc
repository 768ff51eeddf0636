// Errors as they come from anywhere: what is accepted stays within the message.
#include <stdlib.h>

#include "net/icmp/icmp.h"
#include "tests/support/support.h"

static void Check(bool ok) {
  if (!ok) {
    abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  so_ip_error e;
  uint16_t sent_len;
  so_icmp_header h;
  const so_bytes in = so_bytes_of(data, len);
  if (so_ok(so_icmp_parse(in, &h))) {
    uint8_t out[SO_ICMP_HEADER_LEN];
    so_icmp_emit(&h, out);
    Check(so_bytes_equal(so_bytes_of(out, sizeof out), so_bytes_first(in, sizeof out)));
  }
  if (so_ok(so_icmp_read_error(in, &e, &sent_len))) {
    Check(so_icmp_is_error(h.type) && e.transport.len >= SO_IP_ERROR_QUOTE_LEN_MIN);
    Check(e.transport.ptr >= data && e.transport.ptr + e.transport.len <= data + len);
    Check(e.src.family == 4 && e.dst.family == 4 && e.mtu <= 0xffff);
  }
  return 0;
}
