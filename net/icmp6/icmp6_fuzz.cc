// Error messages: what is accepted lies within the message and names at least a transport's start.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/icmp6/icmp6.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  so_icmp6_error e;
  const so_status s = so_icmp6_error_parse(so_bytes_of(data, size), &e);
  if (so_ok(s) && (e.transport.len < 8 || e.transport.ptr < data + 48 ||
                   e.transport.ptr + e.transport.len > data + size)) {
    abort();
  }
  if (size > 8) {
    const size_t n = size - 8 < SO_IPV6_WALK_LEN ? size - 8 : SO_IPV6_WALK_LEN;
    const bool unicast = so_icmp6_may_answer(so_bytes_of(data + 8, n), size - 8, false, false);
    const bool even = so_icmp6_may_answer(so_bytes_of(data + 8, n), size - 8, true, true);
    if (unicast && !even) {
      abort();
    }
  }
  return 0;
}
