// Names to addresses.

#include "net/host/internal.h"

so_status so_host_resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
  static const uint8_t loopback[4] = {127, 0, 0, 1};
  (void)ctx, (void)deadline_ns;
  so_ip ip;
  if (so_ok(so_ip_parse(name, &ip))) {
    *out = so_ip_endpoint(&ip, 0);
    return so_done();
  }
  if (so_bytes_equal_nocase(name, so_str("localhost"))) {  // RFC 6761 6.3: never asked for.
    ip = so_ip4(loopback);
    *out = so_ip_endpoint(&ip, 0);
    return so_done();
  }
  return so_status_make(SO_NOT_FOUND, 0);
}
