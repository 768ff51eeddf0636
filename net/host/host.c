// The life of a host, and its driver.

#include "net/host/host.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/host/internal.h"

#define ETHERNET_LEN 14u
#define VLAN_LEN 4u
#define GSO_FRAME_LEN (65535u + ETHERNET_LEN)
#define MTU_MAX 9216u
// Frames up to this long are copied into shared pages: acknowledgements hold no page of their own.
#define COPY_LEN_MAX 512u
// How long the driver waits when no page is left to receive into.
#define NO_PAGES_PAUSE_NS (1 * SO_NS_PER_MS)

// --- towards the device -----------------------------------------------------------------------

static void release_slot(void *owner) {
  host_slot *const slot = owner;
  so_host *const h = slot->host;
  so_packet_free(&h->pool, slot->packet);
  slot->packet = NULL;
  slot->next = h->free_slots;
  h->free_slots = slot;
}

static void transmit(void *ctx, so_packet *frame) {
  so_host *const h = ctx;
  if (h->tx_count >= HOST_TX_MAX) {
    h->stats.tx_queue_full++;
    so_packet_free(&h->pool, frame);
    return;
  }
  frame->next = NULL;
  if (h->tx_last != NULL) {
    h->tx_last->next = frame;
  } else {
    h->tx_first = frame;
  }
  h->tx_last = frame;
  h->tx_count++;
}

static so_packet *pop_frame(so_host *h) {
  so_packet *const p = h->tx_first;
  h->tx_first = p->next;
  if (h->tx_first == NULL) {
    h->tx_last = NULL;
  }
  h->tx_count--;
  p->next = NULL;
  return p;
}

static void push_front(so_host *h, so_packet *p) {
  p->next = h->tx_first;
  h->tx_first = p;
  if (h->tx_last == NULL) {
    h->tx_last = p;
  }
  h->tx_count++;
}

// send_frame hands one to the device; false: it has no room now.
static bool send_frame(so_host *h, so_packet *p) {
  host_slot *const slot = h->free_slots;
  h->free_slots = slot->next;
  slot->packet = p;
  so_frame frame;
  frame.part_count = p->frag_count;
  for (size_t i = 0; i < p->frag_count; i++) {
    frame.parts[i] = so_bytes_of(p->frags[i].ptr, p->frags[i].len);
  }
  frame.offload = p->offload;
  frame.release = release_slot;
  frame.owner = slot;
  const so_status s = so_netdev_send(&h->device, &frame);
  if (so_ok(s)) {
    return true;
  }
  slot->packet = NULL;
  slot->next = h->free_slots;
  h->free_slots = slot;
  if (so_is(s, SO_AGAIN)) {
    return false;
  }
  h->stats.tx_refused++;
  so_packet_free(&h->pool, p);
  return true;
}

static void flush(so_host *h) {
  while (h->tx_first != NULL && h->free_slots != NULL) {
    so_packet *const p = pop_frame(h);
    if (!send_frame(h, p)) {
      push_front(h, p);
      break;
    }
  }
  so_netdev_flush(&h->device);
  if (h->tx_count < HOST_TX_WRITERS) {
    so_event_signal(h->world->sched, &h->tx_room);
  }
}

// --- from the interface -----------------------------------------------------------------------

static void deliver(void *ctx, so_packet *p, uint64_t now_ns) {
  so_host *const h = ctx;
  if (p->protocol == SO_PROTOCOL_TCP) {
    so_tcp_input(h->tcp, p, now_ns);
  } else if (p->protocol == SO_PROTOCOL_UDP) {
    so_udp_input(&h->udp, p, now_ns);
  } else {
    h->stats.drop_protocol++;
    so_packet_free(&h->pool, p);
  }
}

static bool error(void *ctx, const so_ip_error *e, uint64_t now_ns) {
  so_host *const h = ctx;
  if (e->protocol == SO_PROTOCOL_UDP) {
    return so_udp_error(&h->udp, e, now_ns);
  }
  return e->protocol == SO_PROTOCOL_TCP && so_tcp_error(h->tcp, e, now_ns);
}

static void address_changed(void *ctx, const so_ip *address, so_address_event event,
                            const uint8_t mac[SO_MAC_LEN], uint64_t now_ns) {
  so_host *const h = ctx;
  (void)mac, (void)now_ns;
  if (event == SO_ADDRESS_USABLE && !so_ip_is_link_local(address)) {
    h->ready_ip = *address;
  } else if (event == SO_ADDRESS_CONFLICT && so_ip_equal(address, &h->ready_ip)) {
    h->ready_ip = (so_ip){0};
  }
  if (event == SO_ADDRESS_CONFLICT && so_ip_equal(address, &h->leased)) {
    h->leased = (so_ip){0};
    h->lease_conflict = true;
    so_event_signal(h->world->sched, &h->lease_event);
  }
  so_event_signal(h->world->sched, &h->changed);
}

// --- from transports to the interface
// ----------------------------------------------------------------

static so_status lower_send(void *ctx, so_packet *p, uint64_t now_ns) {
  return so_interface_send(&((so_host *)ctx)->interface, p, now_ns);
}

static so_status lower_source(void *ctx, const so_ip *dst, so_ip *out) {
  return so_interface_source(&((so_host *)ctx)->interface, dst, out);
}

static uint32_t lower_path_mtu(void *ctx, const so_ip *dst, uint64_t now_ns) {
  return so_interface_path_mtu(&((so_host *)ctx)->interface, dst, now_ns);
}

static void lower_confirm(void *ctx, const so_ip *dst, uint64_t now_ns) {
  so_interface_confirm(&((so_host *)ctx)->interface, dst, now_ns);
}

static void lower_unreachable(void *ctx, const so_packet *p, uint64_t now_ns) {
  so_interface_unreachable(&((so_host *)ctx)->interface, p, now_ns);
}

// --- the driver -------------------------------------------------------------------------------

static bool make_room(so_host *h) {
  if (h->rx == NULL) {
    const size_t frame_len =
        h->device.rx_gso ? GSO_FRAME_LEN : h->interface.config.mtu + ETHERNET_LEN + VLAN_LEN;
    h->rx = so_packet_alloc_pages(&h->pool, frame_len);
    if (h->rx == NULL) {
      h->stats.rx_no_pages++;
      return false;
    }
    h->rx_room_count = so_packet_rooms(h->rx, h->rx_rooms);
  }
  return true;
}

// take_frame makes a packet of the `len` bytes received: short ones are copied, and the pages wait
// for the next frame.
static so_packet *take_frame(so_host *h, size_t len) {
  if (len <= COPY_LEN_MAX) {
    so_packet *const p = so_packet_alloc(&h->pool, 0, len);
    if (p != NULL) {
      if (so_ok(so_packet_append(&h->pool, p, so_bytes_of(h->rx_rooms[0].ptr, len)))) {
        return p;
      }
      so_packet_free(&h->pool, p);
    }
  }
  so_packet *const p = h->rx;
  h->rx = NULL;
  so_packet_fill(&h->pool, p, len);
  return p;
}

// receive_batch returns false when the device is gone. `*out_more`: it stopped for the others'
// sake.
static bool receive_batch(so_host *h, uint64_t now_ns, bool *out_more, bool *out_no_pages) {
  *out_more = false;
  *out_no_pages = false;
  for (unsigned i = 0; i < HOST_RX_BATCH; i++) {
    size_t len;
    so_offload offload;
    if (!make_room(h)) {
      *out_no_pages = true;
      return true;
    }
    const so_status s =
        so_netdev_receive(&h->device, h->rx_rooms, h->rx_room_count, &len, &offload);
    if (so_is(s, SO_AGAIN)) {
      return true;
    }
    if (so_is(s, SO_IO)) {
      return false;
    }
    if (!so_ok(s) || len == 0) {
      h->stats.rx_refused++;
      continue;
    }
    so_packet *const p = take_frame(h, len);
    p->offload = offload;
    so_interface_input(&h->interface, p, now_ns);
  }
  *out_more = true;
  return true;
}

static uint64_t next_deadline(const so_host *h) {
  const uint64_t a = so_interface_deadline(&h->interface);
  const uint64_t b = so_tcp_deadline(h->tcp);
  return a < b ? a : b;
}

static void tick(so_host *h, uint64_t now_ns) {
  if (so_interface_deadline(&h->interface) <= now_ns) {
    so_interface_tick(&h->interface, now_ns);
  }
  if (so_tcp_deadline(h->tcp) <= now_ns) {
    so_tcp_tick(h->tcp, now_ns);
  }
}

static void drive(void *arg) {
  so_host *const h = arg;
  so_sched *const sched = h->world->sched;
  while (!h->stopping) {
    const uint64_t now_ns = so_host_now(h);
    bool more;
    bool no_pages;
    h->stats.turns++;
    so_tcp_batch_begin(h->tcp);
    const bool alive = receive_batch(h, now_ns, &more, &no_pages);
    so_tcp_batch_end(h->tcp, now_ns);
    if (!alive) {
      h->stats.device_failed++;
      break;
    }
    tick(h, now_ns);
    flush(h);
    h->calls = 0;
    if (h->stopping) {
      break;
    }
    uint64_t until_ns = next_deadline(h);
    if (no_pages && now_ns + NO_PAGES_PAUSE_NS < until_ns) {
      until_ns = now_ns + NO_PAGES_PAUSE_NS;
    }
    if (more) {
      h->armed_ns = 0;
      so_fiber_yield(sched);
    } else {
      h->armed_ns = until_ns;
      // A deadline that has come does not suspend: the program gets its turn all the same.
      if (!so_ok(so_event_wait(sched, h->device.ready, until_ns)) && until_ns <= now_ns) {
        so_fiber_yield(sched);
      }
    }
  }
  h->driver_ended = true;
  so_event_signal(sched, &h->tx_room);
  so_host_fiber_ended(h);
}

void so_host_fiber_ended(so_host *h) {
  h->fibers--;
  so_event_signal(h->world->sched, &h->fiber_ended);
}

// --- around each call -------------------------------------------------------------------------

void so_host_enter(so_host *h) {
  if (++h->calls >= HOST_CALLS_MAX) {
    h->calls = 0;
    so_fiber_yield(h->world->sched);
  }
}

void so_host_leave(so_host *h) {
  flush(h);
  const uint64_t next_ns = next_deadline(h);
  if (next_ns < h->armed_ns) {
    h->armed_ns = next_ns;
    so_event_signal(h->world->sched, h->device.ready);
  }
}

so_status so_host_await_device(so_host *h, uint64_t deadline_ns) {
  while (h->tx_count >= HOST_TX_WRITERS && !h->driver_ended) {
    h->stats.writers_waited++;
    SO_TRY(so_event_wait(h->world->sched, &h->tx_room, deadline_ns));
  }
  return h->driver_ended ? so_status_make(SO_IO, 0) : so_done();
}

// --- life cycle -------------------------------------------------------------------------------

static so_status start_interface(so_host *h) {
  so_interface_config c = {
      .mtu = h->device.mtu < MTU_MAX ? h->device.mtu : MTU_MAX,
      .tx_csum = h->device.tx_csum,
      .tx_tso4 = h->device.tx_tso4,
      .tx_tso6 = h->device.tx_tso6,
      .probe_ipv4 = h->config.dhcp,
      .lower = {transmit, h},
      .upper = {deliver, error, address_changed, h},
      .ipv6 = h->config.no_ipv6 ? NULL : h->config.ipv6,
  };
  memcpy(c.mac, h->device.mac, sizeof c.mac);
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  return so_interface_init(&h->interface, &c, &h->pool, h->world->heap);
}

static so_status start_tcp(so_host *h) {
  so_tcp_config c = {
      .lower = {lower_send, lower_source, lower_path_mtu, lower_confirm, h},
      .connections_max = h->config.connections_max,
      .half_open_max = 1024,
      .mtu = h->interface.config.mtu,
  };
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  return so_tcp_new(&c, &h->pool, h->world->heap, so_host_now(h), &h->tcp);
}

static so_status start_addresses(so_host *h) {
  const uint64_t now_ns = so_host_now(h);
  for (size_t i = 0; i < h->config.address_count; i++) {
    const so_host_address *const a = &h->config.addresses[i];
    SO_TRY(so_interface_add_address(&h->interface, a->ip, a->prefix_len, now_ns));
  }
  for (size_t i = 0; i < 2; i++) {
    if (h->config.gateways[i].family != 0) {
      SO_TRY(so_interface_set_gateway(&h->interface, h->config.gateways[i], now_ns));
    }
  }
  return so_done();
}

static so_status start_udp(so_host *h) {
  so_udp_config c = {
      .lower = {lower_send, lower_unreachable, h},
      .queue_max = 1024,
      .queue_total_max = 4096,
  };
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  return so_udp_init(&h->udp, &c, &h->pool, h->world->heap);
}

static so_status start_fiber(so_host *h, const char *name, void (*run)(void *arg)) {
  SO_TRY(so_fiber_spawn(h->world->sched, name, run, h));
  h->fibers++;
  return so_done();
}

static so_status start_resolver(so_host *h) {
  so_resolver_config c = {0};
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  SO_TRY(so_resolver_init(&c, h->world->heap, &h->resolver));
  so_host_use_dns(h, h->config.dns, h->config.dns_count);
  const so_status s = start_addresses(h);
  if (!so_ok(s)) {
    so_resolver_release(h->resolver);
  }
  return s;
}

static so_status start_transports(so_host *h) {
  SO_TRY(start_tcp(h));
  so_status s = start_udp(h);
  if (so_ok(s)) {
    s = start_resolver(h);
    if (!so_ok(s)) {
      so_udp_release(&h->udp);
    }
  }
  if (!so_ok(s)) {
    so_tcp_delete(h->tcp);
  }
  return s;
}

// Without a fiber there is nothing that could have run yet, so parts may go in any order.
static so_status start_parts(so_host *h) {
  SO_TRY(start_interface(h));
  so_status s = start_transports(h);
  if (so_ok(s)) {
    s = start_fiber(h, "network", drive);
    if (!so_ok(s)) {
      so_resolver_release(h->resolver);
      so_udp_release(&h->udp);
      so_tcp_delete(h->tcp);
    }
  }
  if (!so_ok(s)) {
    so_interface_release(&h->interface);
  }
  return s;
}

static void free_queue(so_host *h) {
  while (h->tx_first != NULL) {
    so_packet_free(&h->pool, pop_frame(h));
  }
  so_packet_free(&h->pool, h->rx);
  h->rx = NULL;
}

so_status so_host_start(const so_world *world, const so_netdev *device,
                        const so_host_config *config, so_host **out) {
  so_host *const h = so_heap_alloc_array(world->heap, 1, sizeof *h);
  if (h == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  h->world = world;
  h->device = *device;
  h->config = *config;
  if (h->config.page_count == 0) {
    h->config.page_count = SO_HOST_PAGES;
  }
  if (h->config.connections_max == 0) {
    h->config.connections_max = SO_HOST_CONNECTIONS;
  }
  for (size_t i = 0; i < HOST_TX_SLOTS; i++) {
    h->slots[i] = (host_slot){h, NULL, h->free_slots};
    h->free_slots = &h->slots[i];
  }
  so_status s =
      so_packet_pool_init(&h->pool, world->heap, h->config.page_count, h->config.page_count);
  if (so_ok(s)) {
    s = start_parts(h);
    if (so_ok(s)) {
      // Their failure is seen by whoever waits for an address or a name.
      (void)start_fiber(h, "resolver", so_host_run_resolver).code;
      if (h->config.dhcp) {
        (void)start_fiber(h, "dhcp", so_host_run_lease).code;
      }
    }
    if (!so_ok(s)) {
      free_queue(h);
      so_packet_pool_release(&h->pool);
    }
  }
  if (!so_ok(s)) {
    so_heap_free(world->heap, h, sizeof *h);
    return s;
  }
  *out = h;
  return so_done();
}

// Connections in TIME-WAIT have nothing more to say.
static void drain(so_host *h, uint64_t deadline_ns) {
  while (!h->driver_ended && so_tcp_connection_count(h->tcp) > so_tcp_time_wait_count(h->tcp)) {
    const uint64_t soon_ns = so_host_now(h) + 10 * SO_NS_PER_MS;
    if (so_host_now(h) >= deadline_ns) {
      return;
    }
    so_fiber_sleep_until(h->world->sched, soon_ns < deadline_ns ? soon_ns : deadline_ns);
  }
}

void so_host_stop(so_host *h, uint64_t deadline_ns) {
  const so_world *const world = h->world;
  drain(h, deadline_ns);
  h->stopping = true;
  while (h->fibers != 0) {
    so_event_signal(world->sched, &h->lease_event);
    so_event_signal(world->sched, &h->resolver_event);
    so_event_signal(world->sched, h->device.ready);
    (void)so_event_wait(world->sched, &h->fiber_ended, SO_NEVER).code;
  }
  so_resolver_release(h->resolver);
  so_tcp_delete(h->tcp);
  so_udp_release(&h->udp);
  so_interface_release(&h->interface);
  flush(h);
  free_queue(h);
  so_netdev_close(&h->device);
  so_packet_pool_release(&h->pool);
  so_heap_free(world->heap, h, sizeof *h);
}

so_net so_host_net(so_host *h) {
  return (so_net){so_host_listen, so_host_connect, so_host_resolve, so_host_bind, h};
}

// settled: no address of the configuration is still being probed. What connects or listens before
// has no such address.
static bool settled(const so_host *h) {
  for (size_t i = 0; i < h->config.address_count; i++) {
    const so_ip *const ip = &h->config.addresses[i].ip;
    if (so_interface_address_state(&h->interface, ip) == SO_ADDRESS_TENTATIVE) {
      return false;
    }
  }
  return true;
}

so_status so_host_wait_ready(so_host *h, uint64_t deadline_ns, so_ip *out) {
  while (h->ready_ip.family == 0 || !settled(h)) {
    const so_status s = so_event_wait(h->world->sched, &h->changed, deadline_ns);
    if (!so_ok(s) && h->ready_ip.family == 0) {
      return s;
    }
    if (!so_ok(s)) {
      break;
    }
  }
  if (out != NULL) {
    *out = h->ready_ip;
  }
  return so_done();
}
