#include "base/assert.h"
#include "base/mem.h"
#include "net/arp/internal.h"

// RFC 4861 10, which RFC 826 has no numbers for.
#define REACHABLE_NS (30 * SO_NS_PER_S)
#define DELAY_NS (5 * SO_NS_PER_S)
#define RETRANSMIT_NS SO_NS_PER_S
// How long a MAC that was just confirmed is believed against another one.
#define LOCK_NS SO_NS_PER_S
// How long a neighbour that did not answer is not asked for again.
#define FAILED_NS (2 * SO_NS_PER_S)
enum { TRIES = 3 };

static uint32_t load_ip(const uint8_t ip[4]) {
  return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

static void store_ip(uint32_t ip, uint8_t out[4]) {
  out[0] = (uint8_t)(ip >> 24);
  out[1] = (uint8_t)(ip >> 16);
  out[2] = (uint8_t)(ip >> 8);
  out[3] = (uint8_t)ip;
}

// Multiply-shift with a secret odd factor: whoever does not know it cannot aim at one chain.
static uint32_t bucket_of(const so_arp *a, uint32_t ip) {
  const uint64_t h = (uint64_t)(ip ^ a->hash_key[0]) * (a->hash_key[1] | 1u);
  return ((uint32_t)h ^ (uint32_t)(h >> 32)) * UINT32_C(0x9e3779b1) >> 15 & a->bucket_mask;
}

static so_arp_entry *find(const so_arp *a, uint32_t ip) {
  for (uint32_t k = a->buckets[bucket_of(a, ip)]; k != SO_ARP_NONE; k = a->entries[k].next) {
    if (a->entries[k].ip == ip) {
      return &a->entries[k];
    }
  }
  return NULL;
}

so_status so_arp_init(so_arp *a, const so_arp_ops *ops, const so_heap *heap, so_packet_pool *pool,
                      so_rng *rng, const uint8_t mac[SO_MAC_LEN], uint32_t entry_max) {
  SO_ASSERT(entry_max >= 8 && entry_max <= 65536);
  uint32_t bucket_count = 8;
  while (bucket_count < entry_max) {
    bucket_count *= 2;
  }
  memset(a, 0, sizeof *a);
  a->entries = so_heap_alloc_array(heap, entry_max, sizeof *a->entries);
  a->buckets = so_heap_alloc_array(heap, bucket_count, sizeof *a->buckets);
  if (a->entries == NULL || a->buckets == NULL) {
    so_heap_free(heap, a->entries, entry_max * sizeof *a->entries);
    so_heap_free(heap, a->buckets, bucket_count * sizeof *a->buckets);
    a->entries = NULL;
    a->buckets = NULL;
    return so_status_make(SO_LIMIT, 0);
  }
  a->ops = *ops;
  a->heap = heap;
  a->pool = pool;
  a->rng = rng;
  memcpy(a->mac, mac, SO_MAC_LEN);
  so_rng_fill(rng, (uint8_t *)a->hash_key, sizeof a->hash_key);
  a->bucket_mask = bucket_count - 1;
  a->entry_max = entry_max;
  a->due_ns = SO_NEVER;
  memset(a->buckets, 0xff, bucket_count * sizeof *a->buckets);
  for (uint32_t k = 0; k < entry_max; k++) {
    a->entries[k].next = k + 1 < entry_max ? k + 1 : SO_ARP_NONE;
  }
  return so_done();
}

void so_arp_release(so_arp *a) {
  if (a->entries == NULL) {
    return;
  }
  for (uint32_t k = 0; k < a->entry_max; k++) {
    for (so_packet *p = a->entries[k].wait_first; p != NULL;) {
      so_packet *next = p->next;
      so_packet_free(a->pool, p);
      p = next;
    }
  }
  so_heap_free(a->heap, a->entries, a->entry_max * sizeof *a->entries);
  so_heap_free(a->heap, a->buckets, ((size_t)a->bucket_mask + 1) * sizeof *a->buckets);
  a->entries = NULL;
  a->buckets = NULL;
}

static void enter(so_arp *a, so_arp_entry *e, so_arp_state state, uint64_t at_ns) {
  SO_ASSERT(e->wait_first == NULL || state == SO_ARP_INCOMPLETE);
  a->incomplete += (state == SO_ARP_INCOMPLETE) - (e->state == SO_ARP_INCOMPLETE);
  e->state = (uint8_t)state;
  e->at_ns = at_ns;
  const bool timed = state == SO_ARP_INCOMPLETE || state == SO_ARP_DELAY || state == SO_ARP_PROBE;
  if (timed && at_ns < a->due_ns) {
    a->due_ns = at_ns;
  }
}

static void drop(so_arp *a, so_packet *p, bool unreachable) {
  a->stats.queue_dropped++;
  a->ops.failed(a->ops.ctx, p, unreachable);
}

static so_packet *take_queue(so_arp *a, so_arp_entry *e) {
  so_packet *first = e->wait_first;
  a->waiting -= e->wait_count;
  e->wait_first = NULL;
  e->wait_last = NULL;
  e->wait_count = 0;
  return first;
}

// The callee may come back into the table, so the queue is taken off the entry first.
static void fail_queue(so_arp *a, so_packet *p) {
  while (p != NULL) {
    so_packet *next = p->next;
    p->next = NULL;
    drop(a, p, true);
    p = next;
  }
}

static void flush_queue(so_arp *a, so_packet *p, const uint8_t mac[SO_MAC_LEN]) {
  uint8_t dst[SO_MAC_LEN];
  memcpy(dst, mac, SO_MAC_LEN);
  while (p != NULL) {
    so_packet *next = p->next;
    p->next = NULL;
    a->ops.resolved(a->ops.ctx, p, dst);
    p = next;
  }
}

static void unlink_entry(so_arp *a, so_arp_entry *e) {
  const uint32_t self = (uint32_t)(e - a->entries);
  uint32_t *link = &a->buckets[bucket_of(a, e->ip)];
  while (*link != self) {
    link = &a->entries[*link].next;
  }
  *link = e->next;
  enter(a, e, SO_ARP_FREE, 0);
  e->next = a->free;
  a->free = self;
}

// An entry may give way when nobody waits for it and nobody sent to it since the hand last passed.
// Bounded by two rounds; on average a step or two.
static bool evict(so_arp *a) {
  for (uint32_t step = 0; step < 2 * a->entry_max; step++) {
    so_arp_entry *e = &a->entries[a->hand];
    a->hand = a->hand + 1 < a->entry_max ? a->hand + 1 : 0;
    if (e->state == SO_ARP_INCOMPLETE || e->state == SO_ARP_FREE) {
      continue;
    }
    if (!e->used) {
      a->stats.evicted++;
      unlink_entry(a, e);
      return true;
    }
    e->used = false;
  }
  return false;
}

static so_arp_entry *create(so_arp *a, uint32_t ip) {
  if (a->free == SO_ARP_NONE && !evict(a)) {
    a->stats.table_full++;
    return NULL;
  }
  so_arp_entry *e = &a->entries[a->free];
  a->free = e->next;
  memset(e, 0, sizeof *e);
  e->ip = ip;
  uint32_t *bucket = &a->buckets[bucket_of(a, ip)];
  e->next = *bucket;
  *bucket = (uint32_t)(e - a->entries);
  return e;
}

bool so_arp_lookup(so_arp *a, const uint8_t ip[4], uint64_t now_ns, uint8_t out[SO_MAC_LEN]) {
  so_arp_entry *e = find(a, load_ip(ip));
  if (e == NULL || e->state == SO_ARP_INCOMPLETE || e->state == SO_ARP_FAILED) {
    return false;
  }
  if (e->state == SO_ARP_STALE ||
      (e->state == SO_ARP_REACHABLE && now_ns - e->at_ns >= REACHABLE_NS)) {
    enter(a, e, SO_ARP_DELAY, now_ns + DELAY_NS);
  }
  if (!e->used) {
    e->used = true;
  }
  memcpy(out, e->mac, SO_MAC_LEN);
  return true;
}

static void append(so_arp *a, so_arp_entry *e, so_packet *p) {
  if (e->wait_count == SO_ARP_QUEUE_MAX) {
    // What waited longest is worth least: its sender has likely given up on it.
    so_packet *oldest = e->wait_first;
    e->wait_first = oldest->next;
    e->wait_count--;
    a->waiting--;
    if (e->wait_first == NULL) {
      e->wait_last = NULL;
    }
    a->stats.queue_dropped++;
    so_packet_free(a->pool, oldest);
  }
  p->next = NULL;
  if (e->wait_last == NULL) {
    e->wait_first = p;
  } else {
    e->wait_last->next = p;
  }
  e->wait_last = p;
  e->wait_count++;
  a->waiting++;
  a->stats.queued++;
}

static void ask(so_arp *a, so_arp_entry *e, const uint8_t source[4],
                const uint8_t dst[SO_MAC_LEN], uint64_t now_ns) {
  uint8_t target[4];
  store_ip(e->ip, target);
  if (so_arp_spend(a, now_ns)) {
    e->tries++;
    so_arp_request(a, source, target, dst);
  }
}

// Half the table for neighbours that may not exist, so that a scan through us cannot take the
// others' place.
static so_arp_entry *begin(so_arp *a, uint32_t ip, uint64_t now_ns) {
  if (a->incomplete >= a->entry_max / 2) {
    a->stats.table_full++;
    return NULL;
  }
  so_arp_entry *e = create(a, ip);
  if (e != NULL) {
    enter(a, e, SO_ARP_INCOMPLETE, now_ns + RETRANSMIT_NS);
  }
  return e;
}

void so_arp_wait(so_arp *a, const uint8_t ip[4], const uint8_t source[4], so_packet *p,
                 uint64_t now_ns) {
  so_arp_entry *e = find(a, load_ip(ip));
  if (e != NULL && e->state == SO_ARP_FAILED) {
    if (now_ns < e->at_ns) {
      drop(a, p, true);
      return;
    }
    unlink_entry(a, e);
    e = NULL;
  }
  if (a->waiting >= SO_ARP_QUEUE_TOTAL_MAX) {
    drop(a, p, false);
    return;
  }
  const bool fresh = e == NULL;
  if (fresh) {
    e = begin(a, load_ip(ip), now_ns);
    if (e == NULL) {
      drop(a, p, false);
      return;
    }
  }
  SO_ASSERT(e->state == SO_ARP_INCOMPLETE);
  append(a, e, p);
  if (fresh) {
    ask(a, e, source, so_arp_broadcast, now_ns);
  }
}

static void reachable(so_arp *a, so_arp_entry *e, uint64_t now_ns) {
  e->tries = 0;
  e->confirmed_ns = now_ns;
  enter(a, e, SO_ARP_REACHABLE, now_ns);
}

void so_arp_confirm(so_arp *a, const uint8_t ip[4], uint64_t now_ns) {
  so_arp_entry *e = find(a, load_ip(ip));
  if (e == NULL || e->state == SO_ARP_INCOMPLETE || e->state == SO_ARP_FAILED) {
    return;
  }
  reachable(a, e, now_ns);
}

void so_arp_learn(so_arp *a, const so_arp_message *m, bool make, bool solicited, uint64_t now_ns) {
  const uint32_t ip = load_ip(m->sender_ip);
  so_arp_entry *e = find(a, ip);
  if (e == NULL) {
    e = make ? create(a, ip) : NULL;
    if (e == NULL) {
      a->stats.rx_ignored += make ? 0 : 1;
      return;
    }
    memcpy(e->mac, m->sender_mac, SO_MAC_LEN);
    enter(a, e, SO_ARP_STALE, 0);
    return;
  }
  if (e->state == SO_ARP_INCOMPLETE || e->state == SO_ARP_FAILED) {
    memcpy(e->mac, m->sender_mac, SO_MAC_LEN);
    so_packet *queue = take_queue(a, e);
    reachable(a, e, now_ns);
    flush_queue(a, queue, m->sender_mac);
    return;
  }
  const bool same = memcmp(e->mac, m->sender_mac, SO_MAC_LEN) == 0;
  if (!same && e->confirmed_ns != 0 && now_ns - e->confirmed_ns < LOCK_NS) {
    a->stats.rx_ignored++;
    return;
  }
  memcpy(e->mac, m->sender_mac, SO_MAC_LEN);
  if (solicited) {
    reachable(a, e, now_ns);
  } else if (!same) {
    // RFC 4861 7.2.5, by analogy: news that nobody asked for is used, and checked when used.
    e->tries = 0;
    enter(a, e, SO_ARP_STALE, 0);
  }
}

static void retry(so_arp *a, so_arp_entry *e, uint64_t now_ns) {
  uint8_t source[4];
  so_arp_any_own(a, source);
  const bool incomplete = e->state == SO_ARP_INCOMPLETE;
  if (e->tries >= TRIES) {
    a->stats.failed++;
    e->tries = 0;
    so_packet *queue = take_queue(a, e);
    if (incomplete) {
      enter(a, e, SO_ARP_FAILED, now_ns + FAILED_NS);
    } else {
      unlink_entry(a, e);
    }
    fail_queue(a, queue);
    return;
  }
  enter(a, e, incomplete ? SO_ARP_INCOMPLETE : SO_ARP_PROBE, now_ns + RETRANSMIT_NS);
  ask(a, e, source, incomplete ? so_arp_broadcast : e->mac, now_ns);
}

static void entry_tick(so_arp *a, so_arp_entry *e, uint64_t now_ns) {
  const so_arp_state state = (so_arp_state)e->state;
  if (state != SO_ARP_INCOMPLETE && state != SO_ARP_DELAY && state != SO_ARP_PROBE) {
    return;
  }
  if (e->at_ns <= now_ns) {
    retry(a, e, now_ns);
  } else if (e->at_ns < a->due_ns) {
    a->due_ns = e->at_ns;
  }
}

void so_arp_tick(so_arp *a, uint64_t now_ns) {
  so_arp_own_tick(a, now_ns);
  if (a->due_ns > now_ns) {
    return;
  }
  a->due_ns = SO_NEVER;
  for (uint32_t k = 0; k < a->entry_max; k++) {
    entry_tick(a, &a->entries[k], now_ns);
  }
}

uint64_t so_arp_deadline(const so_arp *a) {
  const uint64_t own = so_arp_own_deadline(a);
  return own < a->due_ns ? own : a->due_ns;
}

so_arp_state so_arp_state_of(const so_arp *a, const uint8_t ip[4]) {
  const so_arp_entry *e = find(a, load_ip(ip));
  return e == NULL ? SO_ARP_FREE : (so_arp_state)e->state;
}
