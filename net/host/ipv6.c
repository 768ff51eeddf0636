// IPv6, as a part of a host.

#include "net/host/internal.h"
#include "net/interface/ipv6.h"

void so_host_config_ipv6(so_host_config *c) {
  static const so_host_ipv6_part part = {so_interface_ipv6, so_interface_ipv6_dns,
                                          so_interface_ipv6_search};
  c->parts.ipv6 = &part;
}
