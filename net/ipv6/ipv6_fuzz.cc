// The walk ends, stays inside, and its answers agree with the packet.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/ipv6/ipv6.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  so_ipv6_header h;
  if (!so_ok(so_ipv6_parse(so_bytes_of(data, size), &h))) {
    return 0;
  }
  for (int reassembled = 0; reassembled < 2; reassembled++) {
    const size_t n = size < SO_IPV6_WALK_LEN ? size : SO_IPV6_WALK_LEN;
    const so_ipv6_chain c = so_ipv6_walk(so_bytes_of(data, n), size, reassembled != 0);
    if (c.verdict == SO_IPV6_ACCEPT || c.verdict == SO_IPV6_REASSEMBLE) {
      if (c.off < SO_IPV6_HEADER_LEN || c.off > n || c.fault != SO_IPV6_FAULT_NONE ||
          data[c.next_header_off] != c.protocol) {
        abort();
      }
    } else if (c.verdict != SO_IPV6_IGNORE && c.fault == SO_IPV6_FAULT_NONE) {
      abort();
    }
    if (c.verdict == SO_IPV6_PROBLEM && c.pointer >= n) {
      abort();
    }
  }
  return 0;
}
