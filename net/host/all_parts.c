#include "net/host/parts.h"

void so_host_config_all(so_host_config *c) {
  so_host_config_ipv6(c);
  so_host_config_datagrams(c);
  so_host_config_names(c);
  so_host_config_dhcp(c);
  so_host_config_clock(c);
  so_host_config_metrics(c);
  so_host_config_ipv6_metrics(c);
}
