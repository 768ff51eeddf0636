#ifndef SO_NET_HOST_PARTS_H_
#define SO_NET_HOST_PARTS_H_

// Parts of a host that an image may do without. Each function puts one into a configuration and
// stands in a library of its own (net/host:ipv6, :names, ...): what an image does not call, it does
// not hold. After so_host_config_parse, which takes them all out.

#include "net/host/host.h"

#ifdef __cplusplus
extern "C" {
#endif

void so_host_config_ipv6(so_host_config *c);
void so_host_config_datagrams(so_host_config *c);  // UDP sockets.
void so_host_config_names(so_host_config *c);      // The resolver. Puts in datagrams, too.
void so_host_config_dhcp(so_host_config *c);       // Puts in datagrams, too.
void so_host_config_clock(so_host_config *c);      // Time servers. Puts in datagrams, too.
void so_host_config_metrics(so_host_config *c);
void so_host_config_ipv6_metrics(so_host_config *c);  // Those of IPv6.

// so_host_config_all puts in everything.
void so_host_config_all(so_host_config *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_HOST_PARTS_H_
