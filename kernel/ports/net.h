#ifndef SO_KERNEL_PORTS_NET_H_
#define SO_KERNEL_PORTS_NET_H_

// The network as a program sees it: the host's sockets, or our own TCP/IP over a network device.

#include "kernel/ports/datagram.h"
#include "kernel/ports/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_net {
  // CONFLICT: the address is in use. DENIED: not permitted to bind it.
  so_status (*listen)(void *ctx, const so_endpoint *at, so_listener *out);
  so_status (*connect)(void *ctx, const so_endpoint *to, uint64_t deadline_ns, so_stream *out);
  // Looks up `name` (a host name or a literal address). NOT_FOUND when there is none.
  so_status (*resolve)(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out);
  // Opens a socket for datagrams to `at`; port 0 chooses one. CONFLICT and DENIED as for listen.
  so_status (*bind)(void *ctx, const so_endpoint *at, so_datagram_socket *out);
  void *ctx;
} so_net;

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_NET_H_
