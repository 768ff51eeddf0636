#include "net/ndp/cache/cache.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/ndp/cache/internal.h"

// An even number from [0, below).
static uint64_t draw(so_neighbors *n, uint64_t below) {
  n->draws++;
  return so_siphash24(n->key, so_bytes_of(&n->draws, sizeof n->draws)) % below;
}

void so_neighbors_set_times(so_neighbors *n, uint32_t reachable_ms, uint32_t retrans_ms) {
  if (reachable_ms != 0) {
    n->reachable_base_ms = reachable_ms;
  }
  if (retrans_ms != 0) {
    n->retrans_ms = retrans_ms;
  }
}

static void set_deadline(so_neighbors *n, so_neighbor *e, uint64_t at_ns) {
  e->deadline_ns = at_ns;
  if (at_ns < n->deadline_ns) {
    n->deadline_ns = at_ns;
  }
}

// --- packets that wait -----------------------------------------------------------------------

static so_packet *take_first(so_neighbors *n, so_neighbor *e) {
  so_packet *p = e->waiting;
  e->waiting = p->next;
  p->next = NULL;
  e->waiting_count--;
  n->waiting_count--;
  return p;
}

// RFC 4861 7.2.2: when there is no room, the newest takes the place of the oldest.
static void wait_for(so_neighbors *n, so_neighbor *e, so_packet *p, const so_neighbor_sink *sink) {
  so_packet *out = NULL;
  if (e->waiting_count == SO_NEIGHBOR_WAITING_MAX) {
    out = take_first(n, e);
  } else if (n->waiting_count == SO_NEIGHBORS_WAITING_MAX) {
    out = p;
  }
  if (out != p) {
    so_packet **link = &e->waiting;
    while (*link != NULL) {
      link = &(*link)->next;
    }
    p->next = NULL;
    *link = p;
    e->waiting_count++;
    n->waiting_count++;
  }
  if (out != NULL) {
    n->stats.waiting_dropped++;
    sink->dropped(sink->ctx, out);
  }
}

// What is sent may come back as a call that changes the cache, so the packets leave it first.
static void flush(so_neighbors *n, so_neighbor *e, const so_neighbor_sink *sink) {
  uint8_t mac[SO_MAC_LEN];
  so_packet *p = e->waiting;
  memcpy(mac, e->mac, sizeof mac);
  e->waiting = NULL;
  n->waiting_count = (uint16_t)(n->waiting_count - e->waiting_count);
  e->waiting_count = 0;
  while (p != NULL) {
    so_packet *next = p->next;
    p->next = NULL;
    sink->send(sink->ctx, p, mac);
    p = next;
  }
}

// --- events ----------------------------------------------------------------------------------

static void enter(so_neighbors *n, so_neighbor *e, so_neighbor_rule rule, uint64_t now_ns) {
  so_neighbor_enter(n, e, rule.next);
  if (rule.actions & SO_NEIGHBOR_DO_FRESH) {
    // A random time around the base, so that a link's hosts do not probe in step (RFC 4861 6.3.2).
    const uint64_t base_ns = (uint64_t)n->reachable_base_ms * SO_NS_PER_MS;
    set_deadline(n, e, now_ns + base_ns / 2 + draw(n, base_ns + 1));
  } else if (rule.next == SO_NEIGHBOR_DELAY && e->deadline_ns == SO_NEVER) {
    set_deadline(n, e, now_ns + SO_NEIGHBOR_DELAY_S * SO_NS_PER_S);
  }
}

static void solicit(so_neighbors *n, so_neighbor *e, bool multicast, uint64_t now_ns,
                    const so_neighbor_sink *sink) {
  const so_ip target = e->address;
  const so_ip none = {0};
  const so_ip src = e->waiting != NULL ? e->waiting->src : none;
  uint8_t mac[SO_MAC_LEN];
  memcpy(mac, e->mac, sizeof mac);
  e->solicits++;
  n->stats.probes++;
  set_deadline(n, e, now_ns + (uint64_t)n->retrans_ms * SO_NS_PER_MS);
  sink->solicit(sink->ctx, &target, multicast ? NULL : mac, &src);
}

static void discard(so_neighbors *n, so_neighbor *e, const so_neighbor_sink *sink) {
  const so_ip address = e->address;
  const bool was_router = e->is_router;
  n->stats.failed++;
  so_neighbor_remove(n, e, sink->unreachable, sink->ctx);
  sink->lost(sink->ctx, &address, was_router);
}

// What an event brings along.
typedef struct detail {
  const uint8_t *mac;
  so_packet *packet;
} detail;

// Looks the event up and does what the row says. `e` may be gone afterwards.
static void happen(so_neighbors *n, so_neighbor *e, so_neighbor_event event, const detail *d,
                   uint64_t now_ns, const so_neighbor_sink *sink) {
  const so_neighbor_rule rule = so_neighbor_rule_of((so_neighbor_state)e->state, event);
  if (rule.actions & SO_NEIGHBOR_DO_DISCARD) {
    discard(n, e, sink);
    return;
  }
  enter(n, e, rule, now_ns);
  if (rule.actions & SO_NEIGHBOR_DO_RECORD) {
    memcpy(e->mac, d->mac, SO_MAC_LEN);
  }
  if (rule.actions & SO_NEIGHBOR_DO_QUEUE) {
    wait_for(n, e, d->packet, sink);
  }
  if (rule.actions & (SO_NEIGHBOR_DO_MULTICAST | SO_NEIGHBOR_DO_UNICAST)) {
    solicit(n, e, (rule.actions & SO_NEIGHBOR_DO_MULTICAST) != 0, now_ns, sink);
  }
  if (rule.actions & SO_NEIGHBOR_DO_FLUSH) {
    flush(n, e, sink);
  }
  if (rule.actions & SO_NEIGHBOR_DO_SEND) {
    uint8_t mac[SO_MAC_LEN];
    memcpy(mac, e->mac, sizeof mac);
    sink->send(sink->ctx, d->packet, mac);
  }
}

void so_neighbors_send(so_neighbors *n, const so_ip *next_hop, so_packet *packet, uint64_t now_ns,
                       const so_neighbor_sink *sink) {
  const detail d = {.packet = packet};
  so_neighbor *e = so_neighbor_get(n, next_hop);
  if (e == NULL) {
    e = so_neighbor_make(n, next_hop, false, now_ns, sink);
  }
  if (e == NULL) {
    sink->dropped(sink->ctx, packet);
    return;
  }
  so_neighbor_use(n, e, now_ns);
  happen(n, e, SO_NEIGHBOR_SEND, &d, now_ns, sink);
}

static bool same_mac(const so_neighbor *e, const uint8_t *mac) {
  return e->state != SO_NEIGHBOR_INCOMPLETE && e->state != SO_NEIGHBOR_NONE &&
         memcmp(e->mac, mac, SO_MAC_LEN) == 0;
}

static so_neighbor_event advert_event(const so_neighbor *e, const so_neighbor_advert *a) {
  static const so_neighbor_event events[2][2][2] = {
      {{SO_NEIGHBOR_NA_S0_O0_OTHER, SO_NEIGHBOR_NA_S0_O0_SAME},
       {SO_NEIGHBOR_NA_S0_O1_OTHER, SO_NEIGHBOR_NA_S0_O1_SAME}},
      {{SO_NEIGHBOR_NA_S1_O0_OTHER, SO_NEIGHBOR_NA_S1_O0_SAME},
       {SO_NEIGHBOR_NA_S1_O1_OTHER, SO_NEIGHBOR_NA_S1_O1_SAME}},
  };
  if (a->mac == NULL) {
    return a->solicited ? SO_NEIGHBOR_NA_S1_BARE : SO_NEIGHBOR_NA_S0_BARE;
  }
  return events[a->solicited][a->override][same_mac(e, a->mac)];
}

void so_neighbors_advert(so_neighbors *n, const so_neighbor_advert *a, uint64_t now_ns,
                         const so_neighbor_sink *sink) {
  const detail d = {.mac = a->mac};
  so_neighbor *e = so_neighbor_get(n, &a->target);
  if (e == NULL) {
    return;
  }
  const so_neighbor_event event = advert_event(e, a);
  // An advertisement without override that names another address is no word of the neighbour that
  // we know, so it does not say what that is either (RFC 4861 7.2.5).
  const bool believed = event != SO_NEIGHBOR_NA_S0_O0_OTHER || e->state == SO_NEIGHBOR_INCOMPLETE;
  const bool trusted = event != SO_NEIGHBOR_NA_S1_O0_OTHER || e->state == SO_NEIGHBOR_INCOMPLETE;
  const bool left = believed && trusted && e->is_router && !a->router;
  if (believed && trusted) {
    e->is_router = a->router;
  }
  happen(n, e, event, &d, now_ns, sink);
  if (left) {
    sink->lost(sink->ctx, &a->target, true);
  }
}

void so_neighbors_heard(so_neighbors *n, const so_ip *address, const uint8_t mac[SO_MAC_LEN],
                        int router, uint64_t now_ns, const so_neighbor_sink *sink) {
  const detail d = {.mac = mac};
  so_neighbor *e = so_neighbor_get(n, address);
  if (e == NULL) {
    e = so_neighbor_make(n, address, true, now_ns, sink);
  }
  if (e == NULL) {
    return;
  }
  if (router >= 0) {
    e->is_router = router != 0;
  }
  const bool same = same_mac(e, mac);
  happen(n, e, same ? SO_NEIGHBOR_HEARD_SAME : SO_NEIGHBOR_HEARD_OTHER, &d, now_ns, sink);
}

void so_neighbors_confirm(so_neighbors *n, const so_ip *address, uint64_t now_ns) {
  so_neighbor *e = so_neighbor_get(n, address);
  if (e != NULL) {
    const so_neighbor_rule rule =
        so_neighbor_rule_of((so_neighbor_state)e->state, SO_NEIGHBOR_CONFIRM);
    enter(n, e, rule, now_ns);
  }
}

// --- time ------------------------------------------------------------------------------------

static so_neighbor_event due_event(const so_neighbor *e) {
  switch (e->state) {
    case SO_NEIGHBOR_REACHABLE:
      return SO_NEIGHBOR_REACHABLE_OVER;
    case SO_NEIGHBOR_DELAY:
      return SO_NEIGHBOR_DELAY_OVER;
    default:
      return e->solicits < SO_NEIGHBOR_SOLICITS_MAX ? SO_NEIGHBOR_RETRY : SO_NEIGHBOR_GIVE_UP;
  }
}

void so_neighbors_tick(so_neighbors *n, uint64_t now_ns, const so_neighbor_sink *sink) {
  const detail d = {0};
  if (now_ns < n->deadline_ns) {
    return;
  }
  n->deadline_ns = SO_NEVER;
  for (unsigned i = 0; i < SO_NEIGHBORS_MAX; i++) {
    so_neighbor *e = &n->entries[i];
    if (e->state != SO_NEIGHBOR_NONE && e->deadline_ns <= now_ns) {
      happen(n, e, due_event(e), &d, now_ns, sink);
    }
    if (e->state != SO_NEIGHBOR_NONE && e->deadline_ns < n->deadline_ns) {
      n->deadline_ns = e->deadline_ns;
    }
  }
}

uint64_t so_neighbors_deadline(const so_neighbors *n) { return n->deadline_ns; }
