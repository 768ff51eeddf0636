#include "base/mem.h"
#include "net/arp/internal.h"

// RFC 5227 1.1.
#define PROBE_WAIT_NS SO_NS_PER_S
#define PROBE_MIN_NS SO_NS_PER_S
#define PROBE_MAX_NS (2 * SO_NS_PER_S)
#define ANNOUNCE_WAIT_NS (2 * SO_NS_PER_S)
#define ANNOUNCE_INTERVAL_NS (2 * SO_NS_PER_S)
#define DEFEND_INTERVAL_NS (10 * SO_NS_PER_S)
enum { PROBE_NUM = 3, ANNOUNCE_NUM = 2 };

static const uint8_t none[4] = {0};

static so_arp_own *find_own(so_arp *a, const uint8_t ip[4]) {
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    so_arp_own *o = &a->own[k];
    if (o->state != SO_ARP_OWN_FREE && memcmp(o->ip.bytes, ip, 4) == 0) {
      return o;
    }
  }
  return NULL;
}

static void announce(so_arp *a, const so_arp_own *o) {
  a->stats.tx_announcements++;
  so_arp_request(a, o->ip.bytes, o->ip.bytes, so_arp_broadcast);
}

static void bind_own(so_arp *a, so_arp_own *o, uint64_t now_ns) {
  const so_ip ip = o->ip;
  o->state = SO_ARP_OWN_ANNOUNCING;
  o->sent = 1;
  o->at_ns = now_ns + ANNOUNCE_INTERVAL_NS;
  announce(a, o);
  a->ops.usable(a->ops.ctx, &ip);
}

so_status so_arp_add_own(so_arp *a, const so_ip *ip, bool probe, uint64_t now_ns) {
  if (find_own(a, ip->bytes) != NULL) {
    return so_done();
  }
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    so_arp_own *o = &a->own[k];
    if (o->state != SO_ARP_OWN_FREE) {
      continue;
    }
    memset(o, 0, sizeof *o);
    o->ip = *ip;
    if (probe) {
      o->state = SO_ARP_OWN_PROBING;
      o->at_ns = now_ns + so_rng_below(a->rng, PROBE_WAIT_NS);
    } else {
      bind_own(a, o, now_ns);
    }
    return so_done();
  }
  return so_status_make(SO_LIMIT, 0);
}

void so_arp_remove_own(so_arp *a, const so_ip *ip) {
  so_arp_own *o = find_own(a, ip->bytes);
  if (o != NULL) {
    o->state = SO_ARP_OWN_FREE;
  }
}

so_arp_own_state so_arp_own_state_of(const so_arp *a, const so_ip *ip) {
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    const so_arp_own *o = &a->own[k];
    if (o->state != SO_ARP_OWN_FREE && so_ip_equal(&o->ip, ip)) {
      return (so_arp_own_state)o->state;
    }
  }
  return SO_ARP_OWN_FREE;
}

bool so_arp_answers_for(const so_arp *a, const uint8_t ip[4]) {
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    const so_arp_own *o = &a->own[k];
    if (o->state > SO_ARP_OWN_PROBING && memcmp(o->ip.bytes, ip, 4) == 0) {
      return true;
    }
  }
  return false;
}

void so_arp_any_own(const so_arp *a, uint8_t out[4]) {
  memset(out, 0, 4);
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    if (a->own[k].state > SO_ARP_OWN_PROBING) {
      memcpy(out, a->own[k].ip.bytes, 4);
      return;
    }
  }
}

static void report(so_arp *a, so_arp_own *o, const so_arp_message *m, bool lost) {
  const so_ip ip = o->ip;
  a->stats.conflicts++;
  if (lost) {
    o->state = SO_ARP_OWN_FREE;
  }
  a->ops.conflict(a->ops.ctx, &ip, m->sender_mac, lost);
}

// An address in use is defended, and kept: RFC 5227 2.4 (c), because a server that lets go of its
// address at the first forged message is easier to take off the net than one that says it again.
static void defend(so_arp *a, so_arp_own *o, const so_arp_message *m, uint64_t now_ns) {
  if (o->defended_ns == 0 || now_ns - o->defended_ns >= DEFEND_INTERVAL_NS) {
    o->defended_ns = now_ns;
    announce(a, o);
  }
  report(a, o, m, false);
}

bool so_arp_own_input(so_arp *a, const so_arp_message *m, uint64_t now_ns) {
  so_arp_own *o = find_own(a, m->sender_ip);
  if (o != NULL) {
    if (o->state == SO_ARP_OWN_PROBING) {
      report(a, o, m, true);
    } else {
      defend(a, o, m, now_ns);
    }
    return true;
  }
  // Somebody else probes for what we probe for (RFC 5227 2.1.1): neither may have it.
  if (m->operation == SO_ARP_REQUEST && memcmp(m->sender_ip, none, 4) == 0) {
    o = find_own(a, m->target_ip);
    if (o != NULL && o->state == SO_ARP_OWN_PROBING) {
      report(a, o, m, true);
      return true;
    }
  }
  return false;
}

static void probe_step(so_arp *a, so_arp_own *o, uint64_t now_ns) {
  if (o->sent == PROBE_NUM) {
    bind_own(a, o, now_ns);
    return;
  }
  so_arp_request(a, none, o->ip.bytes, so_arp_broadcast);
  o->sent++;
  o->at_ns = now_ns + (o->sent == PROBE_NUM
                           ? ANNOUNCE_WAIT_NS
                           : PROBE_MIN_NS + so_rng_below(a->rng, PROBE_MAX_NS - PROBE_MIN_NS));
}

static void announce_step(so_arp *a, so_arp_own *o, uint64_t now_ns) {
  announce(a, o);
  o->sent++;
  o->at_ns = now_ns + ANNOUNCE_INTERVAL_NS;
  if (o->sent == ANNOUNCE_NUM) {
    o->state = SO_ARP_OWN_BOUND;
  }
}

void so_arp_own_tick(so_arp *a, uint64_t now_ns) {
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    so_arp_own *o = &a->own[k];
    if (o->state == SO_ARP_OWN_PROBING && o->at_ns <= now_ns) {
      probe_step(a, o, now_ns);
    } else if (o->state == SO_ARP_OWN_ANNOUNCING && o->at_ns <= now_ns) {
      announce_step(a, o, now_ns);
    }
  }
}

uint64_t so_arp_own_deadline(const so_arp *a) {
  uint64_t at = SO_NEVER;
  for (size_t k = 0; k < SO_ARP_OWN_MAX; k++) {
    const so_arp_own *o = &a->own[k];
    if ((o->state == SO_ARP_OWN_PROBING || o->state == SO_ARP_OWN_ANNOUNCING) && o->at_ns < at) {
      at = o->at_ns;
    }
  }
  return at;
}
