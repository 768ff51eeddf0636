// Messages and time: it always ends, and what is sent is well-formed in length.

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/mld/mld.h"

namespace {

void OnMessage(void *, const so_ip *dst, so_bytes icmp) {
  const uint8_t type = icmp.ptr[0];
  const bool v2 = type == 143 && icmp.len >= 28 && (icmp.len - 8) % 20 == 0;
  const bool v1 = (type == 131 || type == 132) && icmp.len == 24;
  if (!so_ip_is_multicast(dst) || (!v1 && !v2)) {
    abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t key[16] = {1};
  static const uint8_t querier[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  static const uint8_t all[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  static const uint8_t own[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 5};
  const so_mld_sink sink = {OnMessage, nullptr};
  const so_ip src = so_ip6(querier), dst = so_ip6(all), group = so_ip6(own);
  so_mld m;
  uint64_t now = 1000000000;
  so_mld_init(&m, key);
  if (!so_ok(so_mld_join(&m, &group, now, &sink))) {
    abort();
  }
  // Chunks of a length byte and a message, ten seconds apart.
  while (size > 0) {
    const size_t n = data[0] < size ? data[0] : size - 1;
    (void)so_ok(so_mld_input(&m, so_bytes_of(data + 1, n), &src, &dst, 1, true, now));
    data += n + 1;
    size -= n + 1;
    for (unsigned k = 0; so_mld_deadline(&m) <= now + 10000000000u; k++) {
      if (k > 100) {
        abort();
      }
      now = so_mld_deadline(&m) > now ? so_mld_deadline(&m) : now;
      so_mld_tick(&m, now, &sink);
    }
    now += 10000000000u;
  }
  if (!so_mld_is_member(&m, &group)) {
    abort();
  }
  return 0;
}
