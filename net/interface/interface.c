#include "net/interface/interface.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/interface/internal.h"

static void set_default(uint32_t *value, uint32_t fallback) {
  if (*value == 0) {
    *value = fallback;
  }
}

static bool is_config_valid(const so_interface_config *c) {
  return c->mtu >= SO_INTERFACE_MTU_MIN && c->mtu <= SO_INTERFACE_MTU_MAX &&
         c->lower.transmit != NULL && c->upper.deliver != NULL && c->upper.error != NULL &&
         !so_mac_is_group(c->mac) && c->neighbours_max >= 8 && c->neighbours_max <= 65536 &&
         c->reassembly_max >= SO_REASSEMBLY_SHARES && c->reassembly_max <= 4096 &&
         c->path_mtu_max <= 1u << 20 && c->icmp_per_second <= 1000000;
}

so_status so_interface_init(so_interface *i, const so_interface_config *config,
                            so_packet_pool *pool, const so_heap *heap) {
  memset(i, 0, sizeof *i);
  i->config = *config;
  i->pool = pool;
  i->heap = heap;
  set_default(&i->config.neighbours_max, 512);
  set_default(&i->config.reassembly_max, 64);
  set_default(&i->config.reassembly_bytes_max, 1u << 20);
  set_default(&i->config.path_mtu_max, 1024);
  set_default(&i->config.icmp_per_second, 1000);
  if (!is_config_valid(&i->config)) {
    return so_status_make(SO_CONFLICT, 0);
  }
  i->core = so_heap_alloc_array(heap, 1, sizeof *i->core);
  if (i->core == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_rng_init(&i->core->rng, config->seed);
  memset(i->config.seed, 0, sizeof i->config.seed);
  so_status status = so_interface_ipv4_init(i);
  if (so_ok(status) && config->ipv6 != NULL) {
    status = config->ipv6->init(i);
    if (!so_ok(status)) {
      so_interface_ipv4_release(i);
    }
  }
  if (!so_ok(status)) {
    so_heap_free(heap, i->core, sizeof *i->core);
    i->core = NULL;
  }
  return status;
}

void so_interface_release(so_interface *i) {
  if (i->core == NULL) {
    return;
  }
  if (i->config.ipv6 != NULL) {
    i->config.ipv6->release(i);
  }
  for (so_packet *p = i->core->loop_first; p != NULL;) {
    so_packet *next = p->next;
    so_packet_free(i->pool, p);
    p = next;
  }
  so_interface_ipv4_release(i);
  so_rng_wipe(&i->core->rng);
  so_heap_free(i->heap, i->core, sizeof *i->core);
  i->core = NULL;
}

void so_interface_drop(so_interface *i, so_packet *p, uint64_t *counter) {
  (*counter)++;
  so_packet_free(i->pool, p);
}

// --- frames ----------------------------------------------------------------------------------

// A partial checksum in a received frame was made by a neighbour on this machine and never went
// over a wire: as good as verified (VIRTIO 1.2, 5.1.6.4.2).
static void shift_received(so_packet *p) {
  p->offload.csum_valid = p->offload.csum_valid || p->offload.needs_csum;
  p->offload.needs_csum = false;
}

static void input_by_type(so_interface *i, so_packet *p, const so_ethernet_header *h,
                          uint64_t now_ns) {
  if (h->type == SO_ETHERTYPE_IPV4) {
    so_interface_ipv4_input(i, p, h, now_ns);
  } else if (h->type == SO_ETHERTYPE_IPV6 && i->config.ipv6 != NULL) {
    i->config.ipv6->input(i, p, h, now_ns);
  } else if (h->type == SO_ETHERTYPE_ARP) {
    so_interface_arp_input(i, p, h, now_ns);
  } else {
    so_interface_drop(i, p, &i->stats.rx_ethertype);
  }
}

void so_interface_input(so_interface *i, so_packet *frame, uint64_t now_ns) {
  // One look for Ethernet's header and the fixed part of IPv4's.
  enum { WANTED = SO_ETHERNET_HEADER_LEN + SO_IPV4_HEADER_LEN };
  const size_t n = frame->len < WANTED ? frame->len : WANTED;
  so_ethernet_header h;
  i->core->now_ns = now_ns;
  i->stats.rx_frames++;
  i->stats.rx_bytes += frame->len;
  if (frame->len < SO_ETHERNET_HEADER_LEN) {
    so_interface_drop(i, frame, &i->stats.rx_short);
    return;
  }
  const uint8_t *head = so_packet_head(i->pool, frame, n);
  if (head == NULL || !so_ok(so_ethernet_parse(so_bytes_of(head, n), &h))) {
    so_interface_drop(i, frame, &i->stats.rx_no_buffer);
    return;
  }
  if (!so_mac_is_group(h.dst) && !so_mac_equal(h.dst, i->config.mac)) {
    so_interface_drop(i, frame, &i->stats.rx_other_host);
    return;
  }
  so_packet_pull(i->pool, frame, SO_ETHERNET_HEADER_LEN);
  shift_received(frame);
  input_by_type(i, frame, &h, now_ns);
}

uint8_t *so_interface_prepend(so_interface *i, so_packet *p, size_t n) {
  uint8_t *out = so_packet_prepend(i->pool, p, n);
  if (out != NULL && p->offload.needs_csum) {
    p->offload.csum_start = (uint16_t)(p->offload.csum_start + n);
    p->offload.header_len = (uint16_t)(p->offload.header_len + n);
  }
  return out;
}

void so_interface_transmit(so_interface *i, so_packet *p, const uint8_t dst[SO_MAC_LEN],
                           uint16_t type) {
  uint8_t *out = so_interface_prepend(i, p, SO_ETHERNET_HEADER_LEN);
  if (out == NULL) {
    so_interface_drop(i, p, &i->stats.tx_no_buffer);
    return;
  }
  memcpy(out, dst, SO_MAC_LEN);
  memcpy(out + SO_MAC_LEN, i->config.mac, SO_MAC_LEN);
  out[12] = (uint8_t)(type >> 8);
  out[13] = (uint8_t)type;
  i->stats.tx_frames++;
  i->stats.tx_bytes += p->len;
  p->next = NULL;
  i->config.lower.transmit(i->config.lower.ctx, p);
}

void so_interface_deliver(so_interface *i, so_packet *p, uint64_t now_ns) {
  p->next = NULL;
  i->config.upper.deliver(i->config.upper.ctx, p, now_ns);
}

void so_interface_report(so_interface *i, so_ip_error *e, uint32_t sent_len, uint64_t now_ns) {
  struct so_interface_core *c = i->core;
  if (e->kind == SO_IP_ERROR_TOO_BIG) {
    e->mtu = so_pmtu_propose(&c->pmtu, &e->dst, i->config.mtu, e->mtu, sent_len, now_ns);
    if (e->mtu == 0) {
      i->stats.path_mtu_refused++;
      return;
    }
  }
  const bool believed = i->config.upper.error(i->config.upper.ctx, e, now_ns);
  if (e->kind != SO_IP_ERROR_TOO_BIG) {
    return;
  }
  if (believed) {
    so_pmtu_lower(&c->pmtu, &e->dst, e->mtu, now_ns);
    i->stats.path_mtu_lowered++;
  } else {
    i->stats.path_mtu_refused++;
  }
}

// --- to ourselves ----------------------------------------------------------------------------

so_status so_interface_loop(so_interface *i, so_packet *p) {
  struct so_interface_core *c = i->core;
  if (c->loop_count == SO_INTERFACE_LOOP_MAX) {
    so_interface_drop(i, p, &i->stats.loop_full);
    return so_status_make(SO_LIMIT, 0);
  }
  p->next = NULL;
  // It never leaves memory: nothing can have changed it.
  p->offload.csum_valid = true;
  p->offload.needs_csum = false;
  p->hop_limit = p->hop_limit == 0 ? 64 : p->hop_limit;
  if (c->loop_last == NULL) {
    c->loop_first = p;
  } else {
    c->loop_last->next = p;
  }
  c->loop_last = p;
  c->loop_count++;
  i->stats.loop_packets++;
  return so_done();
}

static void loop_one(so_interface *i, so_packet *p, uint64_t now_ns) {
  if (p->dst.family == 6) {
    i->config.ipv6->loop(i, p, now_ns);
    return;
  }
  so_ipv4_header h;
  memset(&h, 0, sizeof h);
  h.header_len = SO_IPV4_HEADER_LEN;
  h.total_len = (uint16_t)(SO_IPV4_HEADER_LEN + p->len);
  h.traffic_class = p->traffic_class;
  h.hop_limit = p->hop_limit;
  h.protocol = p->protocol;
  h.src = p->src;
  h.dst = p->dst;
  so_interface_ipv4_dispatch(i, p, &h, false, now_ns);
}

// Only what waits now: answers to it wait for the next tick, so that two ends that talk to
// each other here cannot keep this call for ever.
static void loop_tick(so_interface *i, uint64_t now_ns) {
  struct so_interface_core *c = i->core;
  so_packet *p = c->loop_first;
  c->loop_first = NULL;
  c->loop_last = NULL;
  c->loop_count = 0;
  while (p != NULL) {
    so_packet *next = p->next;
    p->next = NULL;
    loop_one(i, p, now_ns);
    p = next;
  }
}

// --- time and dispatch by family -------------------------------------------------------------

static uint64_t sooner(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t so_interface_deadline(const so_interface *i) {
  const struct so_interface_core *c = i->core;
  if (c->loop_first != NULL) {
    return 0;
  }
  uint64_t at = sooner(so_arp_deadline(&c->arp), so_reassembly_deadline(&c->reassembly));
  if (i->config.ipv6 != NULL) {
    at = sooner(at, i->config.ipv6->deadline(i));
  }
  return at;
}

void so_interface_tick(so_interface *i, uint64_t now_ns) {
  i->core->now_ns = now_ns;
  loop_tick(i, now_ns);
  so_arp_tick(&i->core->arp, now_ns);
  so_reassembly_tick(&i->core->reassembly, now_ns);
  if (i->config.ipv6 != NULL) {
    i->config.ipv6->tick(i, now_ns);
  }
}

static bool is_ipv6(const so_interface *i, uint8_t family) {
  return family == 6 && i->config.ipv6 != NULL;
}

so_status so_interface_send(so_interface *i, so_packet *p, uint64_t now_ns) {
  i->core->now_ns = now_ns;
  if (p->dst.family == 4) {
    return so_interface_ipv4_send(i, p, now_ns);
  }
  if (is_ipv6(i, p->dst.family)) {
    return i->config.ipv6->send(i, p, now_ns);
  }
  so_interface_drop(i, p, &i->stats.tx_no_route);
  return so_status_make(SO_NOT_FOUND, 0);
}

void so_interface_unreachable(so_interface *i, const so_packet *p, uint64_t now_ns) {
  struct so_interface_core *c = i->core;
  if (is_ipv6(i, p->dst.family)) {
    i->config.ipv6->unreachable(i, p, now_ns);
  } else if (p == c->delivering) {
    so_interface_icmp_error(i, SO_ICMP_UNREACHABLE, SO_ICMP_CODE_PORT, &c->delivering_header, p,
                            c->delivering_group, now_ns);
  }
}

so_status so_interface_source(so_interface *i, const so_ip *dst, so_ip *out) {
  if (dst->family == 4) {
    return so_interface_ipv4_source(i, dst, out);
  }
  if (is_ipv6(i, dst->family)) {
    return i->config.ipv6->source(i, dst, out);
  }
  return so_status_make(SO_NOT_FOUND, 0);
}

uint32_t so_interface_path_mtu(so_interface *i, const so_ip *dst, uint64_t now_ns) {
  if (is_ipv6(i, dst->family)) {
    return i->config.ipv6->path_mtu(i, dst, now_ns);
  }
  return so_pmtu_get(&i->core->pmtu, dst, i->config.mtu, now_ns);
}

void so_interface_confirm(so_interface *i, const so_ip *dst, uint64_t now_ns) {
  so_ip hop;
  if (is_ipv6(i, dst->family)) {
    i->config.ipv6->confirm(i, dst, now_ns);
  } else if (dst->family == 4 && so_interface_ipv4_next_hop(i, dst, &hop)) {
    so_arp_confirm(&i->core->arp, hop.bytes, now_ns);
  }
}
