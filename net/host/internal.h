#ifndef SO_NET_HOST_INTERNAL_H_
#define SO_NET_HOST_INTERNAL_H_

#include "net/dhcp/dhcp.h"
#include "net/dns/resolver/resolver.h"
#include "net/host/host.h"
#include "net/udp/udp.h"

// Frames that wait for the device: above the first number writers wait, at the second frames are
// dropped.
#define HOST_TX_WRITERS 128u
#define HOST_TX_MAX 1024u
// Frames that the device may hold at a time.
#define HOST_TX_SLOTS 256u
// Frames a turn of the driver, and calls of the program that never waited before others get a turn.
#define HOST_RX_BATCH 64u
#define HOST_CALLS_MAX 32u

typedef struct host_slot {
  so_host *host;
  so_packet *packet;
  struct host_slot *next;
} host_slot;

// A question to a name server, and where its answer comes to.
typedef struct host_question {
  so_resolver_id id;
  so_udp_socket *socket;  // NULL: free.
} host_question;

typedef struct so_host_stats {
  uint64_t rx_no_pages;    // Times that no page was left to receive into.
  uint64_t rx_refused;     // Frames that the device dropped or that did not fit.
  uint64_t tx_queue_full;  // Frames dropped: the device does not keep up.
  uint64_t tx_refused;     // Frames that the device cannot carry.
  uint64_t drop_protocol;  // Delivered packets of a protocol that nobody here speaks.
  uint64_t device_failed;
  uint64_t turns;           // Of the driver.
  uint64_t writers_waited;  // For the device.
  uint64_t udp_too_long;    // Datagrams dropped: longer than the program's buffer.
} so_host_stats;

struct so_host {
  const so_world *world;
  so_netdev device;
  so_host_config config;
  so_packet_pool pool;
  so_interface interface;
  so_tcp *tcp;
  so_udp udp;
  so_host_stats stats;

  so_packet *rx;  // What the next frame is received into; NULL: to be made.
  so_netdev_room rx_rooms[SO_NETDEV_PARTS_MAX];
  size_t rx_room_count;

  so_packet *tx_first;
  so_packet *tx_last;
  uint32_t tx_count;
  host_slot slots[HOST_TX_SLOTS];
  host_slot *free_slots;
  so_event tx_room;

  uint64_t armed_ns;  // When the driver wakes by itself.
  unsigned calls;
  bool stopping;
  bool driver_ended;
  unsigned fibers;  // Of the host itself, that have not ended.
  so_event fiber_ended;
  so_event changed;  // An address came or went, or a connection ended.

  so_resolver *resolver;
  host_question questions[SO_RESOLVER_LOOKUPS_MAX];
  so_ip found_dns[SO_HOST_DNS_MAX];  // Of a lease and of routers.
  size_t found_dns_count;
  so_event resolver_event;  // Something for its fiber to do.
  so_event resolved;

  so_dhcp dhcp;
  so_event lease_event;
  bool lease_conflict;
  so_ip leased;    // Family 0: none.
  so_ip ready_ip;  // Family 0: no address yet that reaches beyond the link.
};

static inline uint64_t so_host_now(const so_host *h) { return so_clock_now(&h->world->clock); }

// so_host_enter lets others run when this fiber has long not waited. Before each call of the
// program.
void so_host_enter(so_host *h);

// so_host_leave sends what the call made, and wakes the driver when it is now due earlier.
void so_host_leave(so_host *h);

// so_host_await_device waits while too many frames wait for the device.
so_status so_host_await_device(so_host *h, uint64_t deadline_ns);

// so_host_fiber_ended: the calling fiber of the host is about to end.
void so_host_fiber_ended(so_host *h);

// so_host_run_lease is the fiber that keeps a DHCP lease.
void so_host_run_lease(void *arg);

// so_host_run_resolver is the fiber that asks name servers.
void so_host_run_resolver(void *arg);

// so_host_use_dns replaces the name servers.
void so_host_use_dns(so_host *h, const so_ip *servers, size_t count);

// so_host_find_dns uses the name servers that a lease and routers name now, unless some were
// configured by hand.
void so_host_find_dns(so_host *h);

// The parts of so_net.
so_status so_host_listen(void *ctx, const so_endpoint *at, so_listener *out);
so_status so_host_connect(void *ctx, const so_endpoint *to, uint64_t deadline_ns, so_stream *out);
so_status so_host_resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out);

so_status so_host_bind(void *ctx, const so_endpoint *at, so_datagram_socket *out);

#endif  // SO_NET_HOST_INTERNAL_H_
