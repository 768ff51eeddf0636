// The life of a host.

#include "net/host/host.h"

#include "net/host/internal.h"

static so_status start_fiber(so_host *h, const char *name, void (*run)(void *arg)) {
  SO_TRY(so_fiber_spawn(h->world->sched, name, run, h));
  h->fibers++;
  return so_done();
}

// Without a fiber there is nothing that could have run yet, so the stack may go in any order.
static so_status start_driver(so_host *h) {
  SO_TRY(so_host_start_stack(h));
  const so_status s = start_fiber(h, "network", so_host_drive);
  if (!so_ok(s)) {
    so_host_release_stack(h);
  }
  return s;
}

// Their failure is seen by whoever waits for an address or a name.
static void start_clients(so_host *h) {
  const so_host_parts *const parts = &h->config.parts;
  if (parts->names != NULL) {
    (void)start_fiber(h, "resolver", parts->names->run).code;
  }
  if (h->config.dhcp && parts->dhcp != NULL) {
    (void)start_fiber(h, "dhcp", parts->dhcp->run).code;
  }
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
    s = start_driver(h);
    if (!so_ok(s)) {
      so_host_free_queue(h);
      so_packet_pool_release(&h->pool);
    }
  }
  if (!so_ok(s)) {
    so_heap_free(world->heap, h, sizeof *h);
    return s;
  }
  start_clients(h);
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
  so_host_release_stack(h);
  so_host_flush(h);
  so_host_free_queue(h);
  so_netdev_close(&h->device);
  so_packet_pool_release(&h->pool);
  so_heap_free(world->heap, h, sizeof *h);
}

// --- what a program sees ----------------------------------------------------------------------

static so_status bind(void *ctx, const so_endpoint *at, so_datagram_socket *out) {
  so_host *const h = ctx;
  return h->config.parts.datagrams != NULL ? h->config.parts.datagrams->bind(h, at, out)
                                           : so_status_make(SO_UNSUPPORTED, 0);
}

static so_status resolve(void *ctx, so_bytes name, uint64_t deadline_ns, so_endpoint *out) {
  static const uint8_t loopback[4] = {127, 0, 0, 1};
  so_host *const h = ctx;
  so_ip ip;
  if (so_ok(so_ip_parse(name, &ip))) {
    *out = so_ip_endpoint(&ip, 0);
    return so_done();
  }
  if (so_bytes_equal_nocase(name, so_str("localhost"))) {  // RFC 6761 6.3: never asked for.
    ip = so_ip4(loopback);
    *out = so_ip_endpoint(&ip, 0);
    return so_done();
  }
  return h->config.parts.names != NULL ? h->config.parts.names->resolve(h, name, deadline_ns, out)
                                       : so_status_make(SO_UNSUPPORTED, 0);
}

so_net so_host_net(so_host *h) {
  return (so_net){so_host_listen, so_host_connect, resolve, bind, h};
}

so_metrics so_host_metrics(so_host *h) {
  const so_host_metrics_part *const part = h->config.parts.metrics;
  return part != NULL ? (so_metrics){part->each, h} : (so_metrics){NULL, NULL};
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
