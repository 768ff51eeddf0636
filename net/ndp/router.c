// Routers, prefixes on the link, redirects: where packets go (RFC 4861 5.2, 6.3, 8).

#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/ndp/internal.h"

#define MTU_MIN 1280u

// --- routers ---------------------------------------------------------------------------------

static so_ndp_router *router_of(so_ndp *n, const so_ip *address) {
  for (unsigned i = 0; i < SO_NDP_ROUTERS_MAX; i++) {
    if (so_ip_equal(&n->routers[i].address, address)) {
      return &n->routers[i];
    }
  }
  return NULL;
}

bool so_ndp_is_router(const so_ndp *n, const so_ip *address) {
  return router_of((so_ndp *)n, address) != NULL;
}

static bool is_live(const so_ndp_router *r, uint64_t now_ns) {
  return r->address.family != 0 && r->until_ns > now_ns;
}

static void drop_redirects(so_ndp *n, const so_ip *next_hop) {
  for (unsigned i = 0; i < SO_NDP_REDIRECTS_MAX; i++) {
    so_ndp_redirect *r = &n->redirects[i];
    if (r->destination.family != 0 && so_ip_equal(&r->next_hop, next_hop)) {
      memset(r, 0, sizeof *r);
      n->redirect_count--;
    }
  }
}

static void remove_router(so_ndp *n, so_ndp_router *r) {
  const so_ip address = r->address;
  memset(r, 0, sizeof *r);
  so_neighbors_pin(&n->neighbors, &address, false);
  drop_redirects(n, &address);
}

// A free place, or one whose time is over.
static so_ndp_router *router_slot(so_ndp *n, uint64_t now_ns) {
  for (unsigned i = 0; i < SO_NDP_ROUTERS_MAX; i++) {
    so_ndp_router *r = &n->routers[i];
    if (!is_live(r, now_ns)) {
      if (r->address.family != 0) {
        remove_router(n, r);
      }
      return r;
    }
  }
  n->stats.table_full++;
  return NULL;
}

so_status so_ndp_set_gateway(so_ndp *n, const so_ip *gateway) {
  for (unsigned i = 0; i < SO_NDP_ROUTERS_MAX; i++) {
    if (n->routers[i].manual) {
      remove_router(n, &n->routers[i]);
    }
  }
  if (gateway->family == 0) {
    return so_done();
  }
  so_ndp_router *r = router_of(n, gateway);
  r = r != NULL ? r : router_slot(n, 0);
  if (r == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  // What was configured comes before what is announced.
  *r = (so_ndp_router){.address = *gateway, .preference = 2, .manual = true, .until_ns = SO_NEVER};
  return so_done();
}

void so_ndp_router_lost(so_ndp *n, const so_ip *address, bool no_router) {
  so_ndp_router *r = router_of(n, address);
  drop_redirects(n, address);
  if (r != NULL && no_router && !r->manual) {
    remove_router(n, r);
  } else if (r != NULL) {
    n->next_router = (uint8_t)((n->next_router + 1u) % SO_NDP_ROUTERS_MAX);
  }
}

static bool is_reachable(const so_ndp *n, const so_ip *address) {
  const so_neighbor *e = so_neighbors_find(&n->neighbors, address);
  return e != NULL && e->state != SO_NEIGHBOR_INCOMPLETE;
}

// RFC 4861 6.3.6, RFC 4191 3.2: one that answers before one that may not, then by preference;
// among equals the first in turn, and the turn moves on when one fails.
static const so_ndp_router *choose_router(const so_ndp *n, uint64_t now_ns) {
  const so_ndp_router *best = NULL;
  int best_rank = 0;
  for (unsigned i = 0; i < SO_NDP_ROUTERS_MAX; i++) {
    const so_ndp_router *r = &n->routers[(n->next_router + i) % SO_NDP_ROUTERS_MAX];
    if (is_live(r, now_ns)) {
      const int rank = r->preference + (is_reachable(n, &r->address) ? 8 : 0);
      if (best == NULL || rank > best_rank) {
        best = r;
        best_rank = rank;
      }
    }
  }
  return best;
}

// --- prefixes --------------------------------------------------------------------------------

static bool same_prefix(const so_ndp_prefix *p, const so_ip *prefix, uint8_t len) {
  return p->prefix.family != 0 && p->len == len && so_ip_in_prefix(&p->prefix, prefix, len);
}

so_status so_ndp_prefix_add(so_ndp *n, const so_ip *prefix, uint8_t len, bool manual,
                            uint64_t until_ns, uint64_t now_ns) {
  so_ndp_prefix *slot = NULL;
  for (unsigned i = 0; i < SO_NDP_PREFIXES_MAX; i++) {
    so_ndp_prefix *p = &n->prefixes[i];
    if (same_prefix(p, prefix, len)) {
      p->until_ns = p->manual ? SO_NEVER : until_ns;
      p->manual = p->manual || manual;
      return so_done();
    }
    if (slot == NULL && (p->prefix.family == 0 || p->until_ns <= now_ns)) {
      slot = p;
    }
  }
  if (slot == NULL) {
    n->stats.table_full++;
    return so_status_make(SO_LIMIT, 0);
  }
  *slot = (so_ndp_prefix){*prefix, len, manual, until_ns};
  return so_done();
}

static bool is_on_link(const so_ndp *n, const so_ip *dst, uint64_t now_ns) {
  if (so_ip_is_link_local(dst)) {
    return true;
  }
  for (unsigned i = 0; i < SO_NDP_PREFIXES_MAX; i++) {
    const so_ndp_prefix *p = &n->prefixes[i];
    if (p->prefix.family != 0 && p->until_ns > now_ns && so_ip_in_prefix(dst, &p->prefix, p->len)) {
      return true;
    }
  }
  return false;
}

// --- redirects -------------------------------------------------------------------------------

static so_ndp_redirect *redirect_of(so_ndp *n, const so_ip *dst, uint64_t now_ns) {
  if (n->redirect_count == 0) {
    return NULL;
  }
  for (unsigned i = 0; i < SO_NDP_REDIRECTS_MAX; i++) {
    so_ndp_redirect *r = &n->redirects[i];
    if (so_ip_equal(&r->destination, dst)) {
      return r->until_ns > now_ns ? r : NULL;
    }
  }
  return NULL;
}

// The place of `dst`, else a free one, else the one that ends first.
static so_ndp_redirect *redirect_slot(so_ndp *n, const so_ip *dst) {
  so_ndp_redirect *best = &n->redirects[0];
  for (unsigned i = 0; i < SO_NDP_REDIRECTS_MAX; i++) {
    so_ndp_redirect *r = &n->redirects[i];
    if (so_ip_equal(&r->destination, dst)) {
      return r;
    }
    best = r->until_ns < best->until_ns ? r : best;
  }
  return best;
}

so_status so_ndp_next_hop(so_ndp *n, const so_ip *dst, uint64_t now_ns, so_ip *out) {
  const so_ndp_redirect *redirect = redirect_of(n, dst, now_ns);
  if (redirect != NULL) {
    *out = redirect->next_hop;
    return so_done();
  }
  if (is_on_link(n, dst, now_ns)) {
    *out = *dst;
    return so_done();
  }
  const so_ndp_router *r = choose_router(n, now_ns);
  if (r == NULL) {
    return so_status_make(SO_NOT_FOUND, 0);
  }
  *out = r->address;
  return so_done();
}

// RFC 4861 8.1: only the router that we send to now may say that there is a better way.
void so_ndp_redirected(so_ndp *n, const so_nd_message *m, const so_ip *src, uint64_t now_ns,
                       const so_ndp_sink *sink) {
  so_ip hop;
  so_ndp_bridge b;
  const bool is_neighbor = so_ip_equal(&m->target, &m->destination);
  if (n->config.ignore_redirects || !so_ok(so_ndp_next_hop(n, &m->destination, now_ns, &hop)) ||
      !so_ip_equal(&hop, src) || so_ip_equal(&hop, &m->destination) ||
      so_ndp_state_of(n, &m->target) != SO_NDP_ADDRESS_NONE) {
    n->stats.redirects_refused++;
    return;
  }
  so_ndp_redirect *r = redirect_slot(n, &m->destination);
  if (r->destination.family == 0) {
    n->redirect_count++;
  }
  *r = (so_ndp_redirect){m->destination, m->target, so_ndp_time(now_ns, SO_NDP_REDIRECT_LIFE_S)};
  n->stats.redirects++;
  if (m->has_target) {
    so_ndp_bridge_init(&b, n, now_ns, sink);
    so_neighbors_heard(&n->neighbors, &m->target, m->target_link, is_neighbor ? -1 : 1, now_ns,
                       &b.cache);
  }
}

// --- advertisements --------------------------------------------------------------------------

static void note_router(so_ndp *n, const so_nd_router *a, const so_ip *src, uint64_t now_ns) {
  so_ndp_router *r = router_of(n, src);
  if (r != NULL && r->manual) {
    return;
  }
  if (a->lifetime_s == 0) {
    if (r != NULL) {
      remove_router(n, r);
    }
    return;
  }
  r = r != NULL ? r : router_slot(n, now_ns);
  if (r != NULL) {
    *r = (so_ndp_router){*src, a->preference, false, so_ndp_time(now_ns, a->lifetime_s)};
    so_neighbors_pin(&n->neighbors, src, true);
    n->router_heard = true;
    n->solicit_ns = SO_NEVER;
  }
}

static uint32_t clamp(uint32_t v, uint32_t low, uint32_t high) {
  return v < low ? low : v > high ? high : v;
}

// What is out of bounds is not believed: a hop limit of 1 or an MTU of 68 would cut us off.
static void note_values(so_ndp *n, const so_nd_router *a) {
  if (a->hop_limit >= SO_NDP_HOP_LIMIT_MIN) {
    n->hop_limit = a->hop_limit;
  } else if (a->hop_limit != 0) {
    n->stats.values_refused++;
  }
  if (a->mtu >= MTU_MIN && a->mtu <= n->config.mtu) {
    n->mtu = (uint16_t)a->mtu;
  } else if (a->mtu != 0) {
    n->stats.values_refused++;
  }
  const uint32_t reachable_ms =
      a->reachable_ms == 0
          ? 0
          : clamp(a->reachable_ms, SO_NDP_REACHABLE_MS_MIN, SO_NDP_REACHABLE_MS_MAX);
  const uint32_t retrans_ms =
      a->retrans_ms == 0 ? 0 : clamp(a->retrans_ms, SO_NDP_RETRANS_MS_MIN, SO_NDP_RETRANS_MS_MAX);
  so_neighbors_set_times(&n->neighbors, reachable_ms, retrans_ms);
}

static void note_on_link(so_ndp *n, const so_nd_prefix *p, uint64_t now_ns) {
  if (p->len == 0 || so_ip_is_link_local(&p->prefix) || so_ip_is_multicast(&p->prefix)) {
    n->stats.values_refused++;
    return;
  }
  for (unsigned i = 0; i < SO_NDP_PREFIXES_MAX && p->valid_s == 0; i++) {
    so_ndp_prefix *have = &n->prefixes[i];
    if (same_prefix(have, &p->prefix, p->len) && !have->manual) {
      memset(have, 0, sizeof *have);
    }
  }
  if (p->valid_s != 0) {
    // A full table is counted; the prefix then is reached through the router.
    (void)so_ok(so_ndp_prefix_add(n, &p->prefix, p->len, false, so_ndp_time(now_ns, p->valid_s),
                                  now_ns));
  }
}

void so_ndp_router_advert(so_ndp *n, const so_nd_message *m, const so_ip *src, uint64_t now_ns,
                          const so_ndp_sink *sink) {
  so_ndp_bridge b;
  if (!n->config.autoconfigure) {
    n->stats.ignored++;
    return;
  }
  if (m->has_source) {
    so_ndp_bridge_init(&b, n, now_ns, sink);
    so_neighbors_heard(&n->neighbors, src, m->source, 1, now_ns, &b.cache);
  }
  note_router(n, &m->router, src, now_ns);
  note_values(n, &m->router);
  for (size_t i = 0; i < m->router.prefix_count; i++) {
    const so_nd_prefix *p = &m->router.prefixes[i];
    if (p->on_link) {
      note_on_link(n, p, now_ns);
    }
    if (p->autonomous) {
      so_ndp_autoconfigure(n, p, now_ns, sink);
    }
  }
  if (m->router.dns_count != 0 && sink->dns != NULL) {
    sink->dns(sink->ctx, m->router.dns, m->router.dns_count);
  }
  if (m->router.search_count != 0 && sink->search != NULL) {
    sink->search(sink->ctx, m->router.search, m->router.search_count);
  }
}

// --- solicitations ---------------------------------------------------------------------------

void so_ndp_solicit_routers(so_ndp *n, uint64_t now_ns) {
  if (n->config.autoconfigure && !n->router_heard && n->solicit_ns == SO_NEVER) {
    n->solicit_interval_ms = 0;
    n->solicit_ns = now_ns + so_ndp_draw(n, SO_NS_PER_S);
  }
}

// RFC 7559: again and again, each time after about twice as long, for a router that starts late.
void so_ndp_routers_tick(so_ndp *n, uint64_t now_ns, const so_ndp_sink *sink) {
  static const uint8_t all_routers[16] = {0xff, 0x02, [15] = 2};
  const so_ip dst = so_ip6(all_routers);
  so_nd_message m = {.type = SO_ND_ROUTER_SOLICIT, .has_source = true};
  so_ip src;
  if (n->solicit_ns > now_ns) {
    return;
  }
  const uint32_t last_ms = n->solicit_interval_ms;
  const uint32_t base_ms = last_ms == 0 ? SO_NDP_SOLICIT_INTERVAL_MS : 2 * last_ms;
  const uint32_t jitter_ms = last_ms == 0 ? SO_NDP_SOLICIT_INTERVAL_MS : last_ms;
  const uint32_t next_ms = base_ms + (uint32_t)so_ndp_draw(n, jitter_ms / 10u + 1u);
  n->solicit_interval_ms =
      next_ms < SO_NDP_SOLICIT_INTERVAL_MAX_MS ? next_ms : SO_NDP_SOLICIT_INTERVAL_MAX_MS;
  n->solicit_ns = now_ns + n->solicit_interval_ms * SO_NS_PER_MS;
  if (so_ndp_link_local(n, &src)) {
    memcpy(m.source, n->config.mac, SO_ND_LINK_LEN);
    n->stats.solicits_sent++;
    so_ndp_emit(&m, &src, &dst, NULL, sink);
  }
}
