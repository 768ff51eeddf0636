// The machines of IPv6 put together, and the table of operations that an interface knows them by.

#include "net/interface/ipv6.h"

#include "base/mem.h"
#include "net/interface/ipv6_internal.h"

// --- sinks -----------------------------------------------------------------------------------

enum { HOP_LIMIT_ND = 255, HOP_LIMIT_MLD = 1 };

static void on_message(void *ctx, const so_ndp_output *out) {
  so_interface *i = ctx;
  const so_ipv6_message_head head = {out->src, out->dst, out->mac, HOP_LIMIT_ND, false};
  so_ipv6_message(i, &head, out->icmp, i->core->now_ns);
}

static void on_packet(void *ctx, so_packet *p, const uint8_t mac[SO_MAC_LEN]) {
  so_interface_transmit(ctx, p, mac, SO_ETHERTYPE_IPV6);
}

static void on_unreachable(void *ctx, so_packet *p) { so_ipv6_no_neighbor(ctx, p); }

static void on_dropped(void *ctx, so_packet *p) {
  so_interface *i = ctx;
  so_interface_drop(i, p, &so_ipv6_of(i)->stats.waiting_dropped);
}

static void on_join(void *ctx, const so_ip *group) {
  so_interface *i = ctx;
  const so_mld_sink sink = so_ipv6_mld_sink(i);
  // A full table is counted there; solicitations for the address are then heard where they are not
  // filtered.
  (void)so_ok(so_mld_join(&so_ipv6_of(i)->mld, group, i->core->now_ns, &sink));
}

static void on_leave(void *ctx, const so_ip *group) {
  so_interface *i = ctx;
  const so_mld_sink sink = so_ipv6_mld_sink(i);
  so_mld_leave(&so_ipv6_of(i)->mld, group, i->core->now_ns, &sink);
}

static void on_address(void *ctx, const so_ip *address, so_ndp_address_state state) {
  so_interface *i = ctx;
  const so_interface_upper *up = &i->config.upper;
  if (state == SO_NDP_PREFERRED && so_ip_is_link_local(address)) {
    // What was joined before had no source that queriers accept (RFC 3590 4).
    so_mld_announce(&so_ipv6_of(i)->mld, i->core->now_ns);
  }
  if (up->address == NULL) {
    return;
  }
  if (state == SO_NDP_PREFERRED) {
    up->address(up->ctx, address, SO_ADDRESS_USABLE, NULL, i->core->now_ns);
  } else if (state == SO_NDP_DUPLICATE) {
    up->address(up->ctx, address, SO_ADDRESS_CONFLICT, so_ipv6_of(i)->sender, i->core->now_ns);
  }
}

so_ndp_sink so_ipv6_ndp_sink(so_interface *i) {
  const so_ndp_sink sink = {on_message, on_packet,  on_unreachable, on_dropped,       on_join,
                            on_leave,   on_address, so_ipv6_on_dns, so_ipv6_on_search, i};
  return sink;
}

static void on_mld_message(void *ctx, const so_ip *dst, so_bytes icmp) {
  so_interface *i = ctx;
  so_ipv6_message_head head = {so_ip_any(6), *dst, NULL, HOP_LIMIT_MLD, true};
  if (!so_ndp_link_local(&so_ipv6_of(i)->ndp, &head.src)) {
    head.src = so_ip_any(6);
  }
  so_ipv6_message(i, &head, icmp, i->core->now_ns);
}

so_mld_sink so_ipv6_mld_sink(so_interface *i) {
  const so_mld_sink sink = {on_mld_message, i};
  return sink;
}

// --- life ------------------------------------------------------------------------------------

static void init_ndp(so_interface *i) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  so_ndp_config c = {
      .mtu = i->config.mtu,
      .identifier = v6->options.identifier,
      .dad_transmits = v6->options.dad_transmits,
      .autoconfigure = v6->options.autoconfigure,
      .ignore_redirects = v6->options.ignore_redirects,
  };
  memcpy(c.mac, i->config.mac, sizeof c.mac);
  memcpy(c.secret, v6->options.secret, sizeof c.secret);
  so_ndp_init(&v6->ndp, &c);
}

static so_status init(so_interface *i) {
  uint8_t key[16];
  so_ipv6_state *v6 = so_heap_alloc_array(i->heap, 1, sizeof *v6);
  if (v6 == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  i->ipv6 = v6;
  so_rng *rng = &i->core->rng;
  const uint32_t rate = i->config.icmp_per_second;
  so_rng_fill(rng, v6->key, sizeof v6->key);
  so_rng_fill(rng, v6->options.secret, sizeof v6->options.secret);
  v6->options.dad_transmits = 1;
  v6->options.autoconfigure = true;
  init_ndp(i);
  so_rng_fill(rng, key, sizeof key);
  so_mld_init(&v6->mld, key);
  so_rng_fill(rng, key, sizeof key);
  so_icmp6_limit_init(&v6->errors, key, rate, rate);
  so_icmp6_limit_init(&v6->echoes, key, rate, rate);
  return so_done();
}

void so_interface_ipv6_configure(so_interface *i, const so_interface_ipv6_options *options) {
  so_ipv6_of(i)->options = *options;
  init_ndp(i);
}

static void release(so_interface *i) {
  const so_ndp_sink sink = so_ipv6_ndp_sink(i);
  so_ndp_stop(&so_ipv6_of(i)->ndp, &sink);
  so_heap_free(i->heap, i->ipv6, sizeof(so_ipv6_state));
  i->ipv6 = NULL;
}

static void tick(so_interface *i, uint64_t now_ns) {
  so_ipv6_state *v6 = so_ipv6_of(i);
  const so_ndp_sink ndp = so_ipv6_ndp_sink(i);
  const so_mld_sink mld = so_ipv6_mld_sink(i);
  i->core->now_ns = now_ns;
  if (!v6->started) {
    v6->started = true;
    so_ndp_start(&v6->ndp, now_ns, &ndp);
  }
  so_ndp_tick(&v6->ndp, now_ns, &ndp);
  so_mld_tick(&v6->mld, now_ns, &mld);
}

static uint64_t deadline(const so_interface *i) {
  const so_ipv6_state *v6 = so_ipv6_of(i);
  const uint64_t ndp = so_ndp_deadline(&v6->ndp);
  const uint64_t mld = so_mld_deadline(&v6->mld);
  return !v6->started ? 0 : ndp < mld ? ndp : mld;
}

// --- addresses and routes --------------------------------------------------------------------

static so_status source(so_interface *i, const so_ip *dst, so_ip *out) {
  if (so_ip_is_loopback(dst)) {
    *out = *dst;
    return so_done();
  }
  return so_ndp_source(&so_ipv6_of(i)->ndp, dst, out);
}

static uint32_t path_mtu(so_interface *i, const so_ip *dst, uint64_t now_ns) {
  return so_pmtu_get(&i->core->pmtu, dst, so_ipv6_of(i)->ndp.mtu, now_ns);
}

static void confirm(so_interface *i, const so_ip *dst, uint64_t now_ns) {
  so_ndp_confirm(&so_ipv6_of(i)->ndp, dst, now_ns);
}

static bool is_unicast(const so_ip *ip) {
  return ip->family == 6 && !so_ip_is_any(ip) && !so_ip_is_multicast(ip) &&
         !so_ip_is_loopback(ip);
}

static so_status add_address(so_interface *i, const so_ip *address, uint8_t prefix_len,
                             uint64_t now_ns) {
  const so_ndp_sink sink = so_ipv6_ndp_sink(i);
  i->core->now_ns = now_ns;
  if (!is_unicast(address) || prefix_len > 128) {
    return so_status_make(SO_CONFLICT, 0);
  }
  return so_ndp_add_address(&so_ipv6_of(i)->ndp, address, prefix_len, now_ns, &sink);
}

static so_status remove_address(so_interface *i, const so_ip *address, uint64_t now_ns) {
  const so_ndp_sink sink = so_ipv6_ndp_sink(i);
  i->core->now_ns = now_ns;
  return so_ndp_remove_address(&so_ipv6_of(i)->ndp, address, &sink);
}

static so_address_state address_state(const so_interface *i, const so_ip *address) {
  switch (so_ndp_state_of(&so_ipv6_of(i)->ndp, address)) {
    case SO_NDP_TENTATIVE:
      return SO_ADDRESS_TENTATIVE;
    case SO_NDP_PREFERRED:
      return SO_ADDRESS_PREFERRED;
    case SO_NDP_DEPRECATED:
      return SO_ADDRESS_DEPRECATED;
    case SO_NDP_ADDRESS_NONE:
    case SO_NDP_DUPLICATE:
      return SO_ADDRESS_ABSENT;
  }
  return SO_ADDRESS_ABSENT;
}

static so_status set_gateway(so_interface *i, const so_ip *gateway, uint64_t now_ns) {
  const so_ip none = {0};
  (void)now_ns;
  if (so_ip_is_any(gateway)) {
    return so_ndp_set_gateway(&so_ipv6_of(i)->ndp, &none);
  }
  if (!is_unicast(gateway)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  return so_ndp_set_gateway(&so_ipv6_of(i)->ndp, gateway);
}

// --- for programs ----------------------------------------------------------------------------

const so_mld *so_interface_ipv6_mld(const so_interface *i) { return &so_ipv6_of(i)->mld; }

const so_interface_ipv6_stats *so_interface_ipv6_stats_of(const so_interface *i) {
  return &so_ipv6_of(i)->stats;
}

const so_ndp *so_interface_ipv6_ndp(const so_interface *i) { return &so_ipv6_of(i)->ndp; }

so_status so_interface_ipv6_join(so_interface *i, const so_ip *group, uint64_t now_ns) {
  const so_mld_sink sink = so_ipv6_mld_sink(i);
  i->core->now_ns = now_ns;
  return so_mld_join(&so_ipv6_of(i)->mld, group, now_ns, &sink);
}

void so_interface_ipv6_leave(so_interface *i, const so_ip *group, uint64_t now_ns) {
  const so_mld_sink sink = so_ipv6_mld_sink(i);
  i->core->now_ns = now_ns;
  so_mld_leave(&so_ipv6_of(i)->mld, group, now_ns, &sink);
}

const so_interface_family *so_interface_ipv6(void) {
  static const so_interface_family family = {
      .init = init,
      .release = release,
      .input = so_ipv6_input,
      .send = so_ipv6_send,
      .loop = so_ipv6_loop,
      .unreachable = so_ipv6_unreachable,
      .expired = so_ipv6_expired,
      .source = source,
      .path_mtu = path_mtu,
      .confirm = confirm,
      .add_address = add_address,
      .remove_address = remove_address,
      .address_state = address_state,
      .set_gateway = set_gateway,
      .deadline = deadline,
      .tick = tick,
  };
  return &family;
}
