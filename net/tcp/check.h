#ifndef SO_NET_TCP_CHECK_H_
#define SO_NET_TCP_CHECK_H_

// For tests that see a stack from outside: whether its state is consistent within.

#include <stdbool.h>

#include "net/tcp/tcp.h"

#ifdef __cplusplus
extern "C" {
#endif

// so_tcp_check walks all connections: what is outstanding, out of order, queued and counted must
// agree, and windows must be within their limits.
bool so_tcp_check(const so_tcp *t);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_TCP_CHECK_H_
