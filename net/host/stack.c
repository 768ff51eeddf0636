// The protocols of a host, and what joins them to each other.

#include "base/mem.h"
#include "net/host/internal.h"

#define MTU_MAX 9216u

// --- from the interface -----------------------------------------------------------------------

static void deliver(void *ctx, so_packet *p, uint64_t now_ns) {
  so_host *const h = ctx;
  if (p->protocol == SO_PROTOCOL_TCP) {
    so_tcp_input(h->tcp, p, now_ns);
  } else if (p->protocol == SO_PROTOCOL_UDP) {
    if (h->config.parts.datagrams != NULL) {
      h->config.parts.datagrams->input(h, p, now_ns);
    } else {
      so_interface_unreachable(&h->interface, p, now_ns);
      so_packet_free(&h->pool, p);
    }
  } else {
    h->stats.drop_protocol++;
    so_packet_free(&h->pool, p);
  }
}

static bool error(void *ctx, const so_ip_error *e, uint64_t now_ns) {
  so_host *const h = ctx;
  if (e->protocol == SO_PROTOCOL_UDP) {
    return h->config.parts.datagrams != NULL && h->config.parts.datagrams->error(h, e, now_ns);
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

// --- from transports to the interface ---------------------------------------------------------

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

// --- life cycle -------------------------------------------------------------------------------

static so_status start_interface(so_host *h) {
  const so_host_ipv6_part *const ipv6 = h->config.parts.ipv6;
  so_interface_config c = {
      .mtu = h->device.mtu < MTU_MAX ? h->device.mtu : MTU_MAX,
      .tx_csum = h->device.tx_csum,
      .tx_tso4 = h->device.tx_tso4,
      .tx_tso6 = h->device.tx_tso6,
      .probe_ipv4 = h->config.dhcp,
      .lower = {so_host_transmit, h},
      .upper = {deliver, error, address_changed, h},
      .ipv6 = ipv6 != NULL && !h->config.no_ipv6 ? ipv6->family() : NULL,
  };
  memcpy(c.mac, h->device.mac, sizeof c.mac);
  so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
  return so_interface_init(&h->interface, &c, &h->pool, h->world->heap);
}

// half_open_max leaves most of the table to connections that came about: a flood of SYNs must not
// fill it before cookies begin.
static uint32_t half_open_max(uint32_t connections_max) {
  const uint32_t share = connections_max / 4 != 0 ? connections_max / 4 : 1;
  return share < HOST_HALF_OPEN_MAX ? share : HOST_HALF_OPEN_MAX;
}

static so_status start_tcp(so_host *h) {
  so_tcp_config c = {
      .lower = {lower_send, lower_source, lower_path_mtu, lower_confirm, h},
      .connections_max = h->config.connections_max,
      .half_open_max = half_open_max(h->config.connections_max),
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

static so_status start_transports(so_host *h) {
  const so_host_parts *const parts = &h->config.parts;
  SO_TRY(start_tcp(h));
  if (parts->datagrams != NULL) {
    SO_TRY(parts->datagrams->start(h));
  }
  return parts->names != NULL ? parts->names->start(h) : so_done();
}

so_status so_host_start_stack(so_host *h) {
  SO_TRY(start_interface(h));
  so_status s = start_transports(h);
  if (so_ok(s)) {
    s = start_addresses(h);
  }
  if (!so_ok(s)) {
    so_host_release_stack(h);
  }
  return s;
}

// Of one that did not start, there may be less.
void so_host_release_stack(so_host *h) {
  const so_host_parts *const parts = &h->config.parts;
  if (h->resolver != NULL) {
    parts->names->release(h);
  }
  if (h->tcp != NULL) {
    so_tcp_delete(h->tcp);
  }
  if (parts->datagrams != NULL) {
    parts->datagrams->release(h);
  }
  so_interface_release(&h->interface);
}
