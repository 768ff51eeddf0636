#ifndef SO_NET_HOST_PROGRAM_H_
#define SO_NET_HOST_PROGRAM_H_

// A program on our own network: a host on `device`, the wait for its address and its clock, the
// program in a world that has them, and the end. With a line on the console for each.

#include "net/host/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_HOST_EXIT_NETWORK 5

// so_host_run takes `device`, which messages call `device_name`, and returns what `run` returns, or
// SO_HOST_EXIT_NETWORK when there is no address within 30 s or no memory. From a fiber.
int so_host_run(const so_world *world, const so_netdev *device, so_bytes device_name,
                const so_host_config *config, int (*run)(const so_world *world, void *arg),
                void *arg);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_HOST_PROGRAM_H_
