#ifndef SO_NET_HOST_IPV6_H_
#define SO_NET_HOST_IPV6_H_

// IPv6 for a host. Apart from host.h, so that an image without it links none of it.

#include "net/host/host.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_host_config_ipv6 makes a host started with `c` speak IPv6 as well, and count what it does.
void so_host_config_ipv6(so_host_config *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_HOST_IPV6_H_
