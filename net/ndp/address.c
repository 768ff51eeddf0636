// Our addresses: made (RFC 4862, 7217), proven unique, aged.

#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/ndp/internal.h"

#define PREFIX_LEN 64u
#define PREFIX_BYTES 8u

so_ndp_address *so_ndp_address_of(so_ndp *n, const so_ip *address) {
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    so_ndp_address *a = &n->addresses[i];
    if (a->state != SO_NDP_ADDRESS_NONE && so_ip_equal(&a->address, address)) {
      return a;
    }
  }
  return NULL;
}

so_ndp_address_state so_ndp_state_of(const so_ndp *n, const so_ip *address) {
  const so_ndp_address *a = so_ndp_address_of((so_ndp *)n, address);
  return a == NULL ? SO_NDP_ADDRESS_NONE : (so_ndp_address_state)a->state;
}

static bool is_proven(const so_ndp_address *a) {
  return a->state == SO_NDP_PREFERRED || a->state == SO_NDP_DEPRECATED;
}

bool so_ndp_owns(const so_ndp *n, const so_ip *address) {
  const so_ndp_address_state s = so_ndp_state_of(n, address);
  return s == SO_NDP_PREFERRED || s == SO_NDP_DEPRECATED;
}

bool so_ndp_link_local(const so_ndp *n, so_ip *out) {
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    const so_ndp_address *a = &n->addresses[i];
    if (is_proven(a) && so_ip_is_link_local(&a->address)) {
      *out = a->address;
      return true;
    }
  }
  return false;
}

// --- states ----------------------------------------------------------------------------------

static void enter(so_ndp *n, so_ndp_address *a, so_ndp_address_state state, uint64_t now_ns,
                  const so_ndp_sink *sink) {
  const so_ip address = a->address;
  a->state = (uint8_t)state;
  if (state != SO_NDP_TENTATIVE) {
    a->dad_ns = SO_NEVER;
  }
  if (state == SO_NDP_PREFERRED && a->origin == SO_NDP_LINK_LOCAL) {
    so_ndp_solicit_routers(n, now_ns);
  }
  sink->address(sink->ctx, &address, state);
}

static void group(const so_ip *address, void (*op)(void *, const so_ip *), void *ctx) {
  const so_ip solicited = so_ip_solicited_node(address);
  op(ctx, &solicited);
}

static so_ndp_address_state proven_state(const so_ndp_address *a, uint64_t now_ns) {
  return a->preferred_until_ns > now_ns ? SO_NDP_PREFERRED : SO_NDP_DEPRECATED;
}

// Starts to prove an address; everything but its identity and lifetimes is set here. The wait keeps
// hosts that start at once from speaking at once (RFC 4862 5.4.2).
static void prove(so_ndp *n, so_ndp_address *a, uint64_t now_ns, const so_ndp_sink *sink) {
  a->dad_sent = 0;
  a->dad_ns = SO_NEVER;
  group(&a->address, sink->join, sink->ctx);
  if (n->config.dad_transmits == 0) {
    enter(n, a, proven_state(a, now_ns), now_ns, sink);
    return;
  }
  for (unsigned i = 0; i < SO_ND_NONCE_LEN; i++) {
    a->nonce[i] = (uint8_t)so_ndp_draw(n, 256);
  }
  a->dad_ns = now_ns + so_ndp_draw(n, SO_NS_PER_S);
  enter(n, a, SO_NDP_TENTATIVE, now_ns, sink);
}

static so_ndp_address *free_slot(so_ndp *n) {
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    if (n->addresses[i].state == SO_NDP_ADDRESS_NONE) {
      return &n->addresses[i];
    }
  }
  n->stats.table_full++;
  return NULL;
}

static void forget(so_ndp *n, so_ndp_address *a, uint64_t now_ns, const so_ndp_sink *sink) {
  if (a->state != SO_NDP_DUPLICATE) {
    group(&a->address, sink->leave, sink->ctx);
  }
  enter(n, a, SO_NDP_ADDRESS_NONE, now_ns, sink);
  memset(a, 0, sizeof *a);
}

// --- making ----------------------------------------------------------------------------------

static so_ip with_identifier(so_ndp *n, const so_ip *prefix, uint8_t counter) {
  so_ip ip = *prefix;
  so_ndp_identifier_make(&n->config, prefix, counter, ip.bytes + PREFIX_BYTES);
  return ip;
}

static void make(so_ndp *n, const so_ip *prefix, so_ndp_origin origin, uint64_t preferred_until_ns,
                 uint64_t valid_until_ns, uint64_t now_ns, const so_ndp_sink *sink) {
  so_ndp_address *a = free_slot(n);
  if (a == NULL) {
    return;
  }
  *a = (so_ndp_address){
      .address = with_identifier(n, prefix, 0),
      .prefix_len = PREFIX_LEN,
      .origin = (uint8_t)origin,
      .preferred_until_ns = preferred_until_ns,
      .valid_until_ns = valid_until_ns,
  };
  prove(n, a, now_ns, sink);
}

void so_ndp_make_link_local(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink) {
  static const uint8_t bytes[16] = {0xfe, 0x80};
  const so_ip prefix = so_ip6(bytes);
  make(n, &prefix, SO_NDP_LINK_LOCAL, SO_NEVER, SO_NEVER, now_ns, sink);
}

// RFC 4862 5.4.5 and RFC 7217 6: an opaque identifier is made anew a few times, one from the MAC
// is not: two interfaces with one MAC cannot work on one link.
void so_ndp_duplicate(so_ndp *n, so_ndp_address *a, uint64_t now_ns, const so_ndp_sink *sink) {
  n->stats.duplicates++;
  group(&a->address, sink->leave, sink->ctx);
  enter(n, a, SO_NDP_DUPLICATE, now_ns, sink);
  if (a->origin == SO_NDP_MANUAL || n->config.identifier != SO_NDP_STABLE_OPAQUE ||
      a->dad_retries == SO_NDP_DAD_RETRIES_MAX) {
    return;
  }
  so_ip prefix = a->address;
  memset(prefix.bytes + PREFIX_BYTES, 0, 16 - PREFIX_BYTES);
  a->dad_retries++;
  a->address = with_identifier(n, &prefix, a->dad_retries);
  prove(n, a, now_ns, sink);
}

so_status so_ndp_add_address(so_ndp *n, const so_ip *address, uint8_t prefix_len, uint64_t now_ns,
                             const so_ndp_sink *sink) {
  so_ndp_address *a = so_ndp_address_of(n, address);
  const bool is_new = a == NULL;
  a = is_new ? free_slot(n) : a;
  if (a == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (prefix_len < 128 && !so_ip_is_link_local(address)) {
    SO_TRY(so_ndp_prefix_add(n, address, prefix_len, true, SO_NEVER, now_ns));
  }
  if (is_new) {
    a->address = *address;
  }
  a->prefix_len = prefix_len;
  a->origin = is_new || a->origin == SO_NDP_SLAAC ? SO_NDP_MANUAL : a->origin;
  a->preferred_until_ns = SO_NEVER;
  a->valid_until_ns = SO_NEVER;
  if (is_new || a->state == SO_NDP_DUPLICATE) {
    prove(n, a, now_ns, sink);
  } else if (a->state == SO_NDP_DEPRECATED) {
    enter(n, a, SO_NDP_PREFERRED, now_ns, sink);
  }
  return so_done();
}

so_status so_ndp_remove_address(so_ndp *n, const so_ip *address, const so_ndp_sink *sink) {
  so_ndp_address *a = so_ndp_address_of(n, address);
  if (a == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  forget(n, a, 0, sink);
  return so_done();
}

// --- from routers ----------------------------------------------------------------------------

static so_ndp_address *autoconfigured(so_ndp *n, const so_ip *prefix, unsigned *count) {
  so_ndp_address *found = NULL;
  *count = 0;
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    so_ndp_address *a = &n->addresses[i];
    if (a->state != SO_NDP_ADDRESS_NONE && a->origin == SO_NDP_SLAAC) {
      *count += 1;
      found = so_ip_in_prefix(&a->address, prefix, PREFIX_LEN) ? a : found;
    }
  }
  return found;
}

// RFC 4862 5.5.3 e: nobody who can send one advertisement may end an address within two hours.
static void refresh(so_ndp *n, so_ndp_address *a, const so_nd_prefix *p, uint64_t now_ns,
                    const so_ndp_sink *sink) {
  const uint64_t floor_ns = now_ns + SO_NDP_VALID_FLOOR_S * SO_NS_PER_S;
  const uint64_t until_ns = so_ndp_time(now_ns, p->valid_s);
  if (until_ns > floor_ns || until_ns > a->valid_until_ns) {
    a->valid_until_ns = until_ns;
  } else if (a->valid_until_ns > floor_ns) {
    a->valid_until_ns = floor_ns;
  }
  a->preferred_until_ns = so_ndp_time(now_ns, p->preferred_s);
  if (a->state == SO_NDP_DEPRECATED && a->preferred_until_ns > now_ns) {
    enter(n, a, SO_NDP_PREFERRED, now_ns, sink);
  } else if (a->state == SO_NDP_PREFERRED && a->preferred_until_ns <= now_ns) {
    enter(n, a, SO_NDP_DEPRECATED, now_ns, sink);
  }
}

void so_ndp_autoconfigure(so_ndp *n, const so_nd_prefix *p, uint64_t now_ns,
                          const so_ndp_sink *sink) {
  unsigned count = 0;
  so_ip prefix = p->prefix;
  if (p->len != PREFIX_LEN || p->preferred_s > p->valid_s || so_ip_is_link_local(&prefix) ||
      so_ip_is_multicast(&prefix)) {
    n->stats.values_refused++;
    return;
  }
  memset(prefix.bytes + PREFIX_BYTES, 0, 16 - PREFIX_BYTES);
  so_ndp_address *a = autoconfigured(n, &prefix, &count);
  if (a != NULL) {
    refresh(n, a, p, now_ns, sink);
  } else if (p->valid_s != 0 && count < SO_NDP_SLAAC_MAX) {
    make(n, &prefix, SO_NDP_SLAAC, so_ndp_time(now_ns, p->preferred_s),
         so_ndp_time(now_ns, p->valid_s), now_ns, sink);
  } else if (p->valid_s != 0) {
    n->stats.table_full++;
  }
}

// --- time ------------------------------------------------------------------------------------

static void detect(so_ndp *n, so_ndp_address *a, uint64_t now_ns, const so_ndp_sink *sink) {
  if (a->dad_sent == n->config.dad_transmits) {
    enter(n, a, proven_state(a, now_ns), now_ns, sink);
    return;
  }
  so_nd_message m = {.type = SO_ND_SOLICIT, .target = a->address, .has_nonce = true};
  memcpy(m.nonce, a->nonce, SO_ND_NONCE_LEN);
  const so_ip any = so_ip_any(6);
  const so_ip dst = so_ip_solicited_node(&a->address);
  a->dad_sent++;
  a->dad_ns = now_ns + n->neighbors.retrans_ms * SO_NS_PER_MS;
  n->stats.solicits_sent++;
  so_ndp_emit(&m, &any, &dst, NULL, sink);
}

static void address_tick(so_ndp *n, so_ndp_address *a, uint64_t now_ns, const so_ndp_sink *sink) {
  if (a->valid_until_ns <= now_ns) {
    forget(n, a, now_ns, sink);
  } else if (a->state == SO_NDP_TENTATIVE && a->dad_ns <= now_ns) {
    detect(n, a, now_ns, sink);
  } else if (a->state == SO_NDP_PREFERRED && a->preferred_until_ns <= now_ns) {
    enter(n, a, SO_NDP_DEPRECATED, now_ns, sink);
  }
}

void so_ndp_addresses_tick(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink) {
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    if (n->addresses[i].state != SO_NDP_ADDRESS_NONE) {
      address_tick(n, &n->addresses[i], now_ns, sink);
    }
  }
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t so_ndp_addresses_deadline(const so_ndp *n) {
  uint64_t at = SO_NEVER;
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    const so_ndp_address *a = &n->addresses[i];
    if (a->state != SO_NDP_ADDRESS_NONE) {
      at = earlier(at, earlier(a->valid_until_ns, a->dad_ns));
    }
    if (a->state == SO_NDP_PREFERRED) {
      at = earlier(at, a->preferred_until_ns);
    }
  }
  return at;
}
