// Choosing a source address (RFC 6724 5) among ours.

#include "net/ndp/ndp.h"

typedef struct policy {
  uint8_t prefix[4];
  uint8_t len;
  uint8_t label;
} policy;

// The prefixes of RFC 6724 2.1 that a unicast address of an interface can have.
static const policy policies[] = {
    {{0x20, 0x02, 0, 0}, 16, 2},  // 6to4
    {{0x20, 0x01, 0, 0}, 32, 5},  // Teredo
    {{0xfc, 0, 0, 0}, 7, 13},     // Unique local
    {{0xfe, 0xc0, 0, 0}, 10, 11},  // Site-local
    {{0x3f, 0xfe, 0, 0}, 16, 12},  // 6bone
};

static uint8_t label_of(const so_ip *ip) {
  for (unsigned i = 0; i < sizeof policies / sizeof policies[0]; i++) {
    so_ip prefix = so_ip_any(6);
    for (unsigned k = 0; k < 4; k++) {
      prefix.bytes[k] = policies[i].prefix[k];
    }
    if (so_ip_in_prefix(ip, &prefix, policies[i].len)) {
      return policies[i].label;
    }
  }
  return 1;
}

// RFC 6724 3.1, as the numbers of multicast scopes.
static uint8_t scope_of(const so_ip *ip) {
  if (so_ip_is_multicast(ip)) {
    return ip->bytes[1] & 0x0fu;
  }
  return so_ip_is_link_local(ip) || so_ip_is_loopback(ip) ? 2 : 14;
}

static unsigned common_bits(const so_ip *a, const so_ip *b, unsigned max) {
  unsigned n = 0;
  while (n < max && so_ip_in_prefix(a, b, (uint8_t)(n + 1))) {
    n++;
  }
  return n;
}

// Rule 2: the smallest scope that reaches, else the largest there is. Positive: `a` is better.
static int by_scope(uint8_t a, uint8_t b, uint8_t dst) {
  if (a == b) {
    return 0;
  }
  return a < b ? (a < dst ? -1 : 1) : (b < dst ? 1 : -1);
}

// Positive: `a` is the better source for `dst`. Rules 4, 5 and 7 have no meaning here.
static int compare(const so_ndp_address *a, const so_ndp_address *b, const so_ip *dst) {
  const int same =
      (int)so_ip_equal(&a->address, dst) - (int)so_ip_equal(&b->address, dst);
  if (same != 0) {
    return same;
  }
  const int scope = by_scope(scope_of(&a->address), scope_of(&b->address), scope_of(dst));
  if (scope != 0) {
    return scope;
  }
  const int alive = (int)(a->state == SO_NDP_PREFERRED) - (int)(b->state == SO_NDP_PREFERRED);
  if (alive != 0) {
    return alive;
  }
  const uint8_t label = label_of(dst);
  const int labels =
      (int)(label_of(&a->address) == label) - (int)(label_of(&b->address) == label);
  if (labels != 0) {
    return labels;
  }
  return (int)common_bits(&a->address, dst, a->prefix_len) -
         (int)common_bits(&b->address, dst, b->prefix_len);
}

so_status so_ndp_source(const so_ndp *n, const so_ip *dst, so_ip *out) {
  const so_ndp_address *best = NULL;
  for (unsigned i = 0; i < SO_NDP_ADDRESSES_MAX; i++) {
    const so_ndp_address *a = &n->addresses[i];
    if (a->state != SO_NDP_PREFERRED && a->state != SO_NDP_DEPRECATED) {
      continue;
    }
    if (best == NULL || compare(a, best, dst) > 0) {
      best = a;
    }
  }
  if (best == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = best->address;
  return so_done();
}
