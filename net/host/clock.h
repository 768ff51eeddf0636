#ifndef SO_NET_HOST_CLOCK_H_
#define SO_NET_HOST_CLOCK_H_

// The wall clock of a machine, set by time servers (SNTP, net/sntp): a fiber asks them over the
// world's network, at start and then every 64 to 1024 s, and so_host_clock_port is the clock that
// programs get. Until the first answer its wall clock is the platform's; its monotonic clock is the
// platform's for ever.
//
//   so_host_clock *clock;
//   SO_TRY(so_host_clock_start(&world, host, &config, &clock));   // world.net is the host's
//   (void)so_host_clock_wait(clock, deadline_ns).code;            // when certificates are checked
//   world.clock = so_host_clock_port(clock);
//   world.metrics = so_host_clock_metrics(clock);
//   ... so_main(&world, ...) ...
//   so_host_clock_stop(clock);
//
// Which servers: those of the config; without any, those that a DHCP lease names (option 42);
// ntp=off: none. Names are looked up again when one is not found or nobody answers, after 2 s that
// double up to 1024 s.

#include <stdbool.h>

#include "base/status.h"
#include "kernel/ports/world.h"
#include "net/host/host.h"
#include "net/sntp/sntp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_host_clock so_host_clock;

// so_host_clock_start spawns the fiber. `world` is copied, what it points to must outlive the
// clock. `host` (may be NULL) is whose lease may name servers. LIMIT: memory or fibers.
SO_MUST_USE so_status so_host_clock_start(const so_world *world, so_host *host,
                                          const so_host_config *config, so_host_clock **out);

// so_host_clock_has_servers says whether there is anybody to ask now.
bool so_host_clock_has_servers(const so_host_clock *c);

// so_host_clock_wait waits until a time server has set the clock. AGAIN: the deadline came first.
// NOT_FOUND: there is nobody to ask, or they all said that they must not be asked. IO: stopping.
SO_MUST_USE so_status so_host_clock_wait(so_host_clock *c, uint64_t deadline_ns);

// so_host_clock_sample is the newest answer that was believed; false: none yet.
bool so_host_clock_sample(const so_host_clock *c, so_sntp_sample *out);

so_clock so_host_clock_port(so_host_clock *c);

// so_host_clock_metrics lists the counters of the world's metrics and, after them, the clock's.
so_metrics so_host_clock_metrics(so_host_clock *c);

// so_host_clock_stop ends the fiber and frees the clock, whose port must not be used any more. It
// waits for a name that is being looked up: 3 s at most. From a fiber, before so_host_stop.
void so_host_clock_stop(so_host_clock *c);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_HOST_CLOCK_H_
