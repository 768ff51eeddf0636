// The DHCP client: a fiber that keeps a lease, and the address on the interface.

#include "base/mem.h"
#include "net/host/internal.h"

static void send_message(so_host *h, so_udp_socket *socket, const so_dhcp_out *out) {
  const so_udp_peer to = {out->dst, SO_DHCP_SERVER_PORT, out->src};
  // A message that is lost is sent again by the client's timer.
  (void)so_udp_send_bytes(socket, &to, out->payload, so_host_now(h)).code;
}

// set_gateway uses the first router, or the gateway of a classless default route (RFC 3442).
static void set_gateway(so_host *h, const so_dhcp_lease *lease, uint64_t now_ns) {
  so_ip gateway = so_ip_any(4);
  if (lease->router_count != 0) {
    gateway = lease->routers[0];
  }
  for (size_t i = 0; i < lease->route_count; i++) {
    if (lease->routes[i].prefix_len == 0) {
      gateway = lease->routes[i].gateway;
    }
  }
  (void)so_interface_set_gateway(&h->interface, gateway, now_ns).code;
}

static void use_lease(so_host *h, uint64_t now_ns) {
  const so_dhcp_lease *const lease = &h->dhcp.lease;
  if (h->leased.family != 0 && !so_ip_equal(&h->leased, &lease->address)) {
    (void)so_interface_remove_address(&h->interface, h->leased, now_ns).code;
  }
  const so_status s =
      so_interface_add_address(&h->interface, lease->address, lease->prefix_len, now_ns);
  h->leased = so_ok(s) ? lease->address : (so_ip){0};
  set_gateway(h, lease, now_ns);
  if (h->config.parts.names != NULL) {
    h->config.parts.names->take_lease(h);
  }
}

static void lose_lease(so_host *h, uint64_t now_ns) {
  if (h->leased.family != 0) {
    (void)so_interface_remove_address(&h->interface, h->leased, now_ns).code;
    if (so_ip_equal(&h->leased, &h->ready_ip)) {
      h->ready_ip = (so_ip){0};
    }
    h->leased = (so_ip){0};
  }
  if (h->config.parts.names != NULL) {
    h->config.parts.names->take_lease(h);
  }
}

static void take_results(so_host *h, so_udp_socket *socket, uint64_t now_ns) {
  so_dhcp_out out;
  while (so_dhcp_message(&h->dhcp, &out)) {
    send_message(h, socket, &out);
  }
  switch (so_dhcp_event(&h->dhcp)) {
    case SO_DHCP_BOUND:
    case SO_DHCP_RENEWED: use_lease(h, now_ns); break;
    case SO_DHCP_LOST: lose_lease(h, now_ns); break;
    case SO_DHCP_NONE: break;
  }
}

static void receive(so_host *h, so_udp_socket *socket, uint64_t now_ns) {
  uint8_t message[SO_DHCP_MESSAGE_LEN_MAX];
  so_packet *p;
  so_udp_peer from;
  while (so_ok(so_udp_receive(socket, &p, &from))) {
    const size_t len = p->len;
    if (len <= sizeof message && from.port == SO_DHCP_SERVER_PORT) {
      so_packet_copy(p, 0, message, len);
      so_dhcp_input(&h->dhcp, so_bytes_of(message, len), now_ns);
      take_results(h, socket, now_ns);
    }
    so_packet_free(&h->pool, p);
  }
}

static void lease_ready(void *ctx) {
  so_host *const h = ctx;
  so_event_signal(h->world->sched, &h->lease_event);
}

static void keep_lease(so_host *h, so_udp_socket *socket) {
  while (!h->stopping) {
    const uint64_t now_ns = so_host_now(h);
    if (h->lease_conflict) {
      h->lease_conflict = false;
      so_dhcp_conflict(&h->dhcp, now_ns);
      take_results(h, socket, now_ns);
    }
    receive(h, socket, now_ns);
    if (so_dhcp_deadline(&h->dhcp) <= now_ns) {
      so_dhcp_tick(&h->dhcp, now_ns);
      take_results(h, socket, now_ns);
    }
    so_host_leave(h);
    (void)so_event_wait(h->world->sched, &h->lease_event, so_dhcp_deadline(&h->dhcp)).code;
  }
  so_dhcp_stop(&h->dhcp, so_host_now(h));
  take_results(h, socket, so_host_now(h));
  so_host_leave(h);
}

static void run(void *arg) {
  so_host *const h = arg;
  so_udp_socket *socket;
  if (so_ok(so_udp_open(&h->udp, so_ip_any(4), SO_DHCP_CLIENT_PORT, lease_ready, h, &socket))) {
    so_dhcp_config c = {.hostname = so_bytes_of(h->config.hostname, h->config.hostname_len)};
    memcpy(c.mac, h->device.mac, sizeof c.mac);
    so_entropy_fill(&h->world->entropy, c.seed, sizeof c.seed);
    so_dhcp_init(&h->dhcp, &c, so_host_now(h));
    keep_lease(h, socket);
    so_udp_close(socket);
  }
  so_host_fiber_ended(h);
}

void so_host_config_dhcp(so_host_config *c) {
  static const so_host_dhcp_part part = {run};
  so_host_config_datagrams(c);
  c->parts.dhcp = &part;
}
