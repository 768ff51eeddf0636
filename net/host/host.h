#ifndef SO_NET_HOST_HOST_H_
#define SO_NET_HOST_HOST_H_

// A host on the network: so_net (kernel/ports/net.h) made of our own IP, TCP and UDP over one
// network device. It is where the pure machines of net/ meet fibers: one driver fiber carries
// frames and time into them, and fibers of the program wait here for what comes out.
//
// Invariants:
//   - The driver alone receives and ticks; it does a bounded batch a turn, then lets others run.
//   - A call of the program does its work at once when it can, and only waits when it must. What it
//     makes the stack send leaves before the call returns.
// - What waits for the device is bounded; while it is over the limit, writers wait (back-pressure),
//     and frames that the stack makes by itself are dropped and counted, as on any full device.
//   - A stream that is closed is finished in the background: delivered, acknowledged, timed out.
//
// Ownership: so_host_start takes the device and closes it in so_host_stop. Streams, listeners and
// sockets must be closed by then.
//
// Limits: those of the config, all memory from the world's heap.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/status.h"
#include "kernel/ports/metrics.h"
#include "kernel/ports/net.h"
#include "kernel/ports/netdev.h"
#include "kernel/ports/world.h"
#include "net/address/address.h"
#include "net/interface/interface.h"
#include "net/tcp/tcp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_host so_host;

#define SO_HOST_ADDRESSES_MAX 8
#define SO_HOST_DNS_MAX 4
#define SO_HOST_NAME_LEN_MAX 63
#define SO_HOST_NTP_MAX 4
#define SO_HOST_NTP_NAME_LEN_MAX 253
#define SO_HOST_SEARCH_LEN_MAX 255

// A time server: a name, or an address as text.
typedef struct so_host_ntp {
  uint8_t len;
  uint8_t name[SO_HOST_NTP_NAME_LEN_MAX];
} so_host_ntp;

typedef struct so_host_address {
  so_ip ip;
  uint8_t prefix_len;
} so_host_address;

// What a host may do without, so that an image that does links none of it. Put in by the functions
// of net/host/parts.h; NULL: this image does not have it.
typedef struct so_host_parts {
  const struct so_host_ipv6_part *ipv6;
  const struct so_host_datagrams_part *datagrams;
  const struct so_host_names_part *names;
  const struct so_host_dhcp_part *dhcp;
  const struct so_host_clock_part *clock;
  const struct so_host_metrics_part *metrics;
  const struct so_host_ipv6_metrics_part *ipv6_metrics;
} so_host_parts;

typedef struct so_host_config {
  so_host_address addresses[SO_HOST_ADDRESSES_MAX];
  size_t address_count;
  so_ip gateways[2];  // One a family at most; family 0: none.
  so_ip dns[SO_HOST_DNS_MAX];
  size_t dns_count;
  uint8_t search[SO_HOST_SEARCH_LEN_MAX];  // Domains, commas between: for the part names.
  uint8_t search_len;
  bool no_search;  // Nor the search lists of a lease and of routers.
  so_host_ntp ntp[SO_HOST_NTP_MAX];  // For net/host/clock.h.
  size_t ntp_count;
  bool no_ntp;  // Nor the time servers of a lease.
  bool dhcp;
  bool no_ipv6;  // Not even a link-local address.
  uint8_t hostname[SO_HOST_NAME_LEN_MAX];
  uint8_t hostname_len;
  uint32_t page_count;       // Pages of packets and queues. 0: SO_HOST_PAGES.
  uint32_t connections_max;  // 0: SO_HOST_CONNECTIONS.
  uint8_t congestion;        // An so_tcp_congestion_kind.
  so_host_parts parts;
} so_host_config;

#define SO_HOST_PAGES 16384u  // 64 MiB, taken at start, touched when used.
#define SO_HOST_CONNECTIONS 16384u

// so_host_config_parse reads settings separated by spaces, commas inside a value:
//   ip=192.0.2.10/24    an address with its prefix length, either family; may be repeated
//   ip=dhcp             an IPv4 address from DHCP
//   gw=192.0.2.1        a router, either family, one each
//   dns=192.0.2.1,2001:db8::1    name servers, up to SO_HOST_DNS_MAX; without any, those of the
//                       lease and of router advertisements
//   search=example.org,corp.example    domains that end names without a dot (net/dns/search);
//                       without any, those of the lease and of router advertisements; search=off:
//                       none
//   ipv6=on|off         with `on` (the default) addresses that routers announce are used as well
//   ntp=time.example,192.0.2.123    time servers, up to SO_HOST_NTP_MAX; without any, those of the
//                       lease; ntp=off: none. The settings are read by net/host/clock.h
//   hostname=NAME       what DHCP is told
//   pages=N connections=N    limits
//   congestion=cubic|newreno
// into `out`, which it zeroes first: it has no parts. MALFORMED: `*out_bad` views the word that is
// wrong.
SO_MUST_USE so_status so_host_config_parse(so_bytes text, so_host_config *out, so_bytes *out_bad);

// so_host_config_missing says in words which setting needs a part that is not in `c` ("ip=dhcp:
// ..."), or NULL: every setting can be done. `*out_needed`: without that setting the host would
// have no such address; else it can be left aside.
const char *so_host_config_missing(const so_host_config *c, bool *out_needed);

// so_host_start sets the stack up and spawns its driver. `world` gives clock, entropy, heap and
// scheduler, and must outlive the host; its network is not used. LIMIT: memory or fibers. CONFLICT:
// an address that cannot be one. On failure the device stays the caller's.
SO_MUST_USE so_status so_host_start(const so_world *world, const so_netdev *device,
                                    const so_host_config *config, so_host **out);

// so_host_stop ends it: connections that are closed already get until `deadline_ns` to finish, then
// all is freed and the device closed. From a fiber.
void so_host_stop(so_host *h, uint64_t deadline_ns);

// so_host_net is what a program sees. Its `bind` and `resolve` say UNSUPPORTED in an image without
// datagrams and names; numbers are always understood.
so_net so_host_net(so_host *h);

// so_host_wait_ready waits until there is an address that is not link-local and those of the
// configuration are usable (IPv6 probes them for a second); `*out` (may be NULL) is one. AGAIN: the
// deadline came and there is none.
SO_MUST_USE so_status so_host_wait_ready(so_host *h, uint64_t deadline_ns, so_ip *out);

// so_host_metrics lists every counter of every module of the stack; nothing without the part for
// it.
so_metrics so_host_metrics(so_host *h);

// so_host_tcp_info says how the TCP connection of a stream of this host is doing.
void so_host_tcp_info(const so_stream *s, so_tcp_info *out);

#ifdef __cplusplus
}
#endif
#endif  // SO_NET_HOST_HOST_H_
