// Any bytes as a server's messages, a length before each, ours put in where the server would copy
// it: no
// crash, a lease only from what was parsed, and deadlines that move on.

#include <stdlib.h>
#include <string.h>

#include "kernel/ports/clock.h"
#include "net/dhcp/dhcp.h"

namespace {

void Require(bool condition) {
  if (!condition) {
    abort();
  }
}

void CheckLease(const so_dhcp &d) {
  const bool must_not = d.state == SO_DHCP_INIT || d.state == SO_DHCP_SELECTING ||
                        d.state == SO_DHCP_REQUESTING || d.state == SO_DHCP_STOPPED;
  Require(!(must_not && d.lease.address.family != 0));
  Require(d.lease.prefix_len <= 32 && d.lease.route_count <= SO_DHCP_ROUTES_MAX);
  Require(d.lease.search_len <= SO_DHCP_SEARCH_LEN_MAX);
  Require(d.lease.router_count <= SO_DHCP_ROUTERS_MAX && d.lease.dns_count <= SO_DHCP_DNS_MAX);
}

void Give(so_dhcp *d, const uint8_t *data, size_t len, uint64_t now_ns) {
  uint8_t message[SO_DHCP_MESSAGE_LEN_MAX + 1];
  len = len < sizeof message ? len : sizeof message;
  if (len != 0) {
    memcpy(message, data, len);
  }
  if (len >= 34) {
    const uint32_t xid = d->xid;
    const uint8_t bytes[4] = {static_cast<uint8_t>(xid >> 24), static_cast<uint8_t>(xid >> 16),
                              static_cast<uint8_t>(xid >> 8), static_cast<uint8_t>(xid)};
    memcpy(message + 4, bytes, 4);
    memcpy(message + 28, d->mac, 6);
  }
  so_dhcp_input(d, so_bytes_of(message, len), now_ns);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  static so_dhcp d;
  so_dhcp_config config = {};
  so_dhcp_init(&d, &config, 0);
  uint64_t now = 0;
  for (int i = 0; i < 40; i++) {
    so_dhcp_out out;
    const uint64_t due = so_dhcp_deadline(&d);
    now = due != SO_NEVER && due > now ? due : now;
    so_dhcp_tick(&d, now);
    Require(so_dhcp_deadline(&d) > now || d.state == SO_DHCP_HOLDING ||
            d.state == SO_DHCP_RENEWING);
    if (so_dhcp_message(&d, &out)) {
      Require(out.payload.len >= 300 && out.payload.len <= SO_DHCP_SEND_LEN_MAX);
    }
    if (len >= 2) {
      const size_t want = static_cast<size_t>(data[0]) << 8 | data[1];
      const size_t have = want < len - 2 ? want : len - 2;
      Give(&d, data + 2, have, now);
      data += 2 + have;
      len -= 2 + have;
    }
    CheckLease(d);
    (void)so_dhcp_event(&d);
  }
  return 0;
}
