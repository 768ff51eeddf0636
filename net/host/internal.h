#ifndef SO_NET_HOST_INTERNAL_H_
#define SO_NET_HOST_INTERNAL_H_

#include "base/heap.h"
#include "net/dhcp/dhcp.h"
#include "net/dns/resolver/resolver.h"
#include "net/dns/search/search.h"
#include "net/host/parts.h"
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
#define HOST_HALF_OPEN_MAX 1024u

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
  uint64_t names_searched;  // Names looked up with a domain of the search list.
  uint64_t search_refused;  // Domains of settings and leases that cannot be read or used.
} so_host_stats;

typedef struct so_host_ipv6_part {
  const struct so_interface_family *(*family)(void);
  // Name servers that routers announce.
  size_t (*dns)(const so_interface *i, uint64_t now_ns, so_ip *out, size_t max);
  void (*search)(const so_interface *i, uint64_t now_ns, so_search *out);  // And search lists.
} so_host_ipv6_part;

typedef struct so_host_datagrams_part {
  so_status (*start)(so_host *h);
  void (*release)(so_host *h);
  void (*input)(so_host *h, so_packet *p, uint64_t now_ns);
  bool (*error)(so_host *h, const so_ip_error *e, uint64_t now_ns);
  so_status (*bind)(so_host *h, const so_endpoint *at, so_datagram_socket *out);
} so_host_datagrams_part;

typedef struct so_host_names_part {
  so_status (*start)(so_host *h);
  void (*run)(void *host);  // Its fiber.
  void (*release)(so_host *h);
  void (*take_lease)(so_host *h);  // A lease came, changed or went.
  // Says where names are looked up, on one line without its end; nothing when there are no servers.
  void (*describe)(so_host *h, so_buf *text);
  so_status (*resolve)(so_host *h, so_bytes name, uint64_t deadline_ns, so_endpoint *out);
  const so_resolver_stats *(*stats)(const so_host *h);
} so_host_names_part;

typedef struct so_host_dhcp_part {
  void (*run)(void *host);  // Its fiber.
} so_host_dhcp_part;

typedef struct so_host_clock_part {
  // Runs `run` in a world with a clock that time servers set.
  int (*run)(const so_world *world, so_host *h, const so_host_config *config,
             int (*run)(const so_world *world, void *arg), void *arg);
} so_host_clock_part;

typedef struct so_host_metrics_part {
  void (*each)(void *host, so_metric_visit *visit, void *visit_ctx);
} so_host_metrics_part;

typedef struct so_host_ipv6_metrics_part {
  void (*each)(const so_interface *i, so_metric_visit *visit, void *visit_ctx);
} so_host_ipv6_metrics_part;

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
  so_search leased_search;
  so_search search;  // What is in use.
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

// --- queue.c ---
void so_host_transmit(void *host, so_packet *frame);
void so_host_flush(so_host *h);
// so_host_free_queue drops what waits, and the pages to receive into.
void so_host_free_queue(so_host *h);

// --- stack.c ---
// so_host_start_stack sets the protocols up, and the addresses of the configuration.
so_status so_host_start_stack(so_host *h);
void so_host_release_stack(so_host *h);

// --- servers.c ---
// so_host_start_servers takes those of the settings, so_host_take_names those of a lease.
void so_host_start_servers(so_host *h);
void so_host_take_names(so_host *h);
// so_host_find_servers brings servers and search list up to date: those of routers come and expire
// unannounced.
void so_host_find_servers(so_host *h);
void so_host_describe_names(so_host *h, so_buf *text);

// --- driver.c ---
void so_host_drive(void *host);  // The driver's fiber.

// The parts of so_net.
so_status so_host_listen(void *ctx, const so_endpoint *at, so_listener *out);
so_status so_host_connect(void *ctx, const so_endpoint *to, uint64_t deadline_ns, so_stream *out);

#endif  // SO_NET_HOST_INTERNAL_H_
