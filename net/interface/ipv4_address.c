#include "base/mem.h"
#include "net/checksum/checksum.h"
#include "net/interface/internal.h"

// Our IPv4 addresses, and what ARP asks of the interface.

static const so_interface_address *find_address(const so_interface *i, const so_ip *ip) {
  const struct so_interface_core *c = i->core;
  for (uint32_t k = 0; k < c->address_count; k++) {
    if (so_ip_equal(&c->addresses[k].ip, ip)) {
      return &c->addresses[k];
    }
  }
  return NULL;
}

bool so_interface_ipv4_is_own(const so_interface *i, const so_ip *ip) {
  const so_interface_address *a = find_address(i, ip);
  return a != NULL && a->usable;
}

static bool is_prefix_broadcast(const so_interface_address *a, const so_ip *ip) {
  if (a->prefix_len >= 31 || !so_ip_in_prefix(ip, &a->ip, a->prefix_len)) {
    return false;
  }
  const uint8_t *b = ip->bytes;
  const uint32_t word =
      (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | (uint32_t)b[3];
  const uint32_t hosts = UINT32_MAX >> a->prefix_len;
  return (word & hosts) == hosts;
}

bool so_interface_ipv4_is_broadcast(const so_interface *i, const so_ip *ip) {
  const struct so_interface_core *c = i->core;
  for (uint32_t k = 0; k < c->address_count; k++) {
    if (is_prefix_broadcast(&c->addresses[k], ip)) {
      return true;
    }
  }
  return so_ip_is_broadcast(ip);
}

bool so_interface_ipv4_next_hop(const so_interface *i, const so_ip *dst, so_ip *out) {
  const struct so_interface_core *c = i->core;
  for (uint32_t k = 0; k < c->address_count; k++) {
    if (so_ip_in_prefix(dst, &c->addresses[k].ip, c->addresses[k].prefix_len)) {
      *out = *dst;
      return true;
    }
  }
  *out = c->gateway;
  return c->gateway.family == 4;
}

static uint8_t common_bits(const so_ip *a, const so_ip *b) {
  uint8_t n = 0;
  while (n < 32 && so_ip_in_prefix(a, b, (uint8_t)(n + 1))) {
    n++;
  }
  return n;
}

// RFC 6724 5, as far as its rules mean something for IPv4: the address itself (1), scope (2), the
// outgoing subnet (what 5 is among addresses of one interface), the longest common prefix (8).
static uint32_t source_rank(const so_interface_address *a, const so_ip *dst, const so_ip *hop) {
  if (so_ip_equal(&a->ip, dst)) {
    return 1000;
  }
  const bool scope = so_ip_is_link_local(&a->ip) == so_ip_is_link_local(dst);
  const bool subnet = hop->family == 4 && so_ip_in_prefix(hop, &a->ip, a->prefix_len);
  return (scope ? 200u : 0u) + (subnet ? 100u : 0u) + common_bits(&a->ip, dst);
}

so_status so_interface_ipv4_source(const so_interface *i, const so_ip *dst, so_ip *out) {
  const struct so_interface_core *c = i->core;
  const so_interface_address *best = NULL;
  uint32_t best_rank = 0;
  so_ip hop;
  if (so_ip_is_loopback(dst)) {
    *out = *dst;
    return so_done();
  }
  (void)so_interface_ipv4_next_hop(i, dst, &hop);
  for (uint32_t k = 0; k < c->address_count; k++) {
    const so_interface_address *a = &c->addresses[k];
    if (!a->usable) {
      continue;
    }
    const uint32_t rank = c->address_count == 1 ? 0 : source_rank(a, dst, &hop);
    if (best == NULL || rank > best_rank) {
      best = a;
      best_rank = rank;
    }
  }
  if (best == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = best->ip;
  return so_done();
}

// --- the list --------------------------------------------------------------------------------

static bool is_unicast(const so_ip *ip) {
  return ip->family == 4 && ip->bytes[0] != 0 && ip->bytes[0] < 224 && !so_ip_is_loopback(ip);
}

void so_interface_ipv4_forget(so_interface *i, const so_ip *ip) {
  struct so_interface_core *c = i->core;
  for (uint32_t k = 0; k < c->address_count; k++) {
    if (so_ip_equal(&c->addresses[k].ip, ip)) {
      c->address_count--;
      memmove(&c->addresses[k], &c->addresses[k + 1],
              (c->address_count - k) * sizeof c->addresses[0]);
      return;
    }
  }
}

static so_status add_ipv4(so_interface *i, const so_ip *ip, uint8_t prefix_len, uint64_t now_ns) {
  struct so_interface_core *c = i->core;
  if (!is_unicast(ip) || prefix_len > 32) {
    return so_status_make(SO_CONFLICT, 0);
  }
  for (uint32_t k = 0; k < c->address_count; k++) {
    if (so_ip_equal(&c->addresses[k].ip, ip)) {
      c->addresses[k].prefix_len = prefix_len;
      return so_done();
    }
  }
  if (c->address_count == SO_INTERFACE_ADDRESSES_MAX) {
    return so_status_make(SO_LIMIT, 0);
  }
  c->addresses[c->address_count++] = (so_interface_address){*ip, prefix_len, false};
  const so_status status = so_arp_add_own(&c->arp, ip, i->config.probe_ipv4, now_ns);
  if (!so_ok(status)) {
    so_interface_ipv4_forget(i, ip);
  }
  return status;
}

so_status so_interface_add_address(so_interface *i, so_ip address, uint8_t prefix_len,
                                   uint64_t now_ns) {
  i->core->now_ns = now_ns;
  if (address.family == 6 && i->config.ipv6 != NULL) {
    return i->config.ipv6->add_address(i, &address, prefix_len, now_ns);
  }
  return add_ipv4(i, &address, prefix_len, now_ns);
}

so_status so_interface_remove_address(so_interface *i, so_ip address, uint64_t now_ns) {
  if (address.family == 6 && i->config.ipv6 != NULL) {
    return i->config.ipv6->remove_address(i, &address, now_ns);
  }
  if (find_address(i, &address) == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  so_arp_remove_own(&i->core->arp, &address);
  so_interface_ipv4_forget(i, &address);
  return so_done();
}

so_address_state so_interface_address_state(const so_interface *i, const so_ip *address) {
  if (address->family == 6 && i->config.ipv6 != NULL) {
    return i->config.ipv6->address_state(i, address);
  }
  const so_interface_address *a = find_address(i, address);
  if (a == NULL) {
    return SO_ADDRESS_ABSENT;
  }
  return a->usable ? SO_ADDRESS_PREFERRED : SO_ADDRESS_TENTATIVE;
}

so_status so_interface_set_gateway(so_interface *i, so_ip gateway, uint64_t now_ns) {
  if (gateway.family == 6 && i->config.ipv6 != NULL) {
    return i->config.ipv6->set_gateway(i, &gateway, now_ns);
  }
  if (gateway.family == 4 && so_ip_is_any(&gateway)) {
    memset(&i->core->gateway, 0, sizeof i->core->gateway);
    return so_done();
  }
  if (!is_unicast(&gateway)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  i->core->gateway = gateway;
  return so_done();
}

// --- what ARP asks for -----------------------------------------------------------------------

static void arp_send(void *ctx, const so_arp_message *m, const uint8_t dst[SO_MAC_LEN]) {
  so_interface *i = ctx;
  uint8_t buf[SO_ARP_LEN];
  so_writer w = so_writer_of(buf, sizeof buf);
  so_arp_emit(m, &w);
  so_packet *p = so_packet_alloc(i->pool, SO_ETHERNET_HEADER_LEN, SO_ARP_LEN);
  if (p == NULL || !so_ok(so_packet_append(i->pool, p, so_writer_bytes(&w)))) {
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  so_interface_transmit(i, p, dst, SO_ETHERTYPE_ARP);
}

static void arp_resolved(void *ctx, so_packet *p, const uint8_t dst[SO_MAC_LEN]) {
  so_interface_transmit(ctx, p, dst, SO_ETHERTYPE_IPV4);
}

// The packet starts with the header that we put there.
static void arp_failed(void *ctx, so_packet *p, bool unreachable) {
  so_interface *i = ctx;
  uint8_t quote[64];
  const size_t left = p->len - SO_IPV4_HEADER_LEN;
  const size_t n = left < sizeof quote ? left : sizeof quote;
  if (unreachable && n >= SO_IP_ERROR_QUOTE_LEN_MIN) {
    so_ip_error e;
    memset(&e, 0, sizeof e);
    so_packet_copy(p, SO_IPV4_HEADER_LEN, quote, n);
    e.kind = SO_IP_ERROR_NEIGHBOUR;
    e.protocol = p->protocol;
    e.src = p->src;
    e.dst = p->dst;
    e.from = p->src;
    e.transport = so_bytes_of(quote, n);
    so_packet_free(i->pool, p);
    so_interface_report(i, &e, 0, i->core->now_ns);
    return;
  }
  so_packet_free(i->pool, p);
}

static void say(so_interface *i, const so_ip *ip, so_address_event event, const uint8_t *mac) {
  const so_interface_upper *u = &i->config.upper;
  if (u->address != NULL) {
    u->address(u->ctx, ip, event, mac, i->core->now_ns);
  }
}

static void arp_usable(void *ctx, const so_ip *ip) {
  so_interface *i = ctx;
  struct so_interface_core *c = i->core;
  for (uint32_t k = 0; k < c->address_count; k++) {
    if (so_ip_equal(&c->addresses[k].ip, ip)) {
      c->addresses[k].usable = true;
    }
  }
  say(i, ip, SO_ADDRESS_USABLE, NULL);
}

static void arp_conflict(void *ctx, const so_ip *ip, const uint8_t mac[SO_MAC_LEN], bool lost) {
  so_interface *i = ctx;
  if (lost) {
    so_interface_ipv4_forget(i, ip);
  }
  say(i, ip, lost ? SO_ADDRESS_CONFLICT : SO_ADDRESS_CONTESTED, mac);
}

// The frame goes back before an answer is made: when the pool is used up, its page serves for that.
void so_interface_arp_input(so_interface *i, so_packet *p, const so_ethernet_header *ethernet,
                            uint64_t now_ns) {
  uint8_t buf[SO_ARP_LEN];
  const size_t n = p->len < sizeof buf ? p->len : sizeof buf;
  so_packet_copy(p, 0, buf, n);
  so_packet_free(i->pool, p);
  so_arp_input(&i->core->arp, so_bytes_of(buf, n), ethernet->src, now_ns);
}

// --- life ------------------------------------------------------------------------------------

static void reassembly_expired(void *ctx, const so_reassembly_fragment *first, so_bytes start) {
  so_interface *i = ctx;
  if (first->src.family == 6) {
    i->config.ipv6->expired(i, first, start, i->core->now_ns);
    return;
  }
  so_ipv4_header h;
  so_packet *p = so_packet_alloc(i->pool, SO_PACKET_HEADROOM, SO_ICMP_QUOTE_LEN_MAX);
  if (p == NULL) {
    i->stats.tx_no_buffer++;
    return;
  }
  if (so_ok(so_ipv4_parse_quote(first->header, &h)) &&
      so_ok(so_packet_append(i->pool, p, so_bytes_first(start, SO_ICMP_QUOTE_LEN_MAX)))) {
    so_interface_icmp_error(i, SO_ICMP_TIME_EXCEEDED, SO_ICMP_CODE_REASSEMBLY, &h, p, false,
                            i->core->now_ns);
  }
  so_packet_free(i->pool, p);
}

so_status so_interface_ipv4_init(so_interface *i) {
  struct so_interface_core *c = i->core;
  const so_interface_config *config = &i->config;
  const so_arp_ops arp_ops = {arp_send, arp_resolved, arp_failed, arp_usable, arp_conflict, i};
  const so_reassembly_ops reassembly_ops = {reassembly_expired, i};
  uint8_t keys[5][16];
  so_rng_fill(&c->rng, keys[0], sizeof keys);
  so_rng_fill(&c->rng, (uint8_t *)c->ids, sizeof c->ids);
  memcpy(c->id_key, keys[0], sizeof c->id_key);
  so_icmp_limit_init(&c->icmp_errors, keys[1], config->icmp_per_second);
  so_icmp_limit_init(&c->icmp_echoes, keys[2], config->icmp_per_second);
  so_status status = so_arp_init(&c->arp, &arp_ops, i->heap, i->pool, &c->rng, config->mac,
                                 config->neighbours_max);
  if (so_ok(status)) {
    status = so_reassembly_init(&c->reassembly, &reassembly_ops, i->heap, i->pool, keys[3],
                                config->reassembly_max, config->reassembly_bytes_max);
  }
  if (so_ok(status)) {
    status = so_pmtu_init(&c->pmtu, i->heap, keys[4], config->path_mtu_max);
  }
  if (!so_ok(status)) {
    so_interface_ipv4_release(i);
  }
  return status;
}

void so_interface_ipv4_release(so_interface *i) {
  so_arp_release(&i->core->arp);
  so_reassembly_release(&i->core->reassembly);
  so_pmtu_release(&i->core->pmtu);
}
