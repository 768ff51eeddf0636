#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/ndp/cache/internal.h"

static uint16_t *bucket_of(so_neighbors *n, const so_ip *address) {
  return &n->buckets[so_siphash24(n->key, so_bytes_of(address->bytes, 16)) % SO_NEIGHBORS_MAX];
}

static uint16_t index_of(const so_neighbors *n, const so_neighbor *e) {
  return (uint16_t)(e - n->entries);
}

void so_neighbors_init(so_neighbors *n, const uint8_t key[16]) {
  memset(n, 0, sizeof *n);
  memcpy(n->key, key, sizeof n->key);
  n->reachable_base_ms = SO_NEIGHBOR_REACHABLE_MS;
  n->retrans_ms = SO_NEIGHBOR_RETRANS_MS;
  n->deadline_ns = SO_NEVER;
  for (uint16_t i = 0; i < SO_NEIGHBORS_MAX; i++) {
    n->entries[i].next = i + 1u < SO_NEIGHBORS_MAX ? (uint16_t)(i + 2u) : 0;
  }
  n->free = 1;
}

so_neighbor *so_neighbor_get(so_neighbors *n, const so_ip *address) {
  for (uint16_t at = *bucket_of(n, address); at != 0;) {
    so_neighbor *e = &n->entries[at - 1u];
    if (so_ip_equal(&e->address, address)) {
      return e;
    }
    at = e->next;
  }
  return NULL;
}

const so_neighbor *so_neighbors_find(const so_neighbors *n, const so_ip *address) {
  return so_neighbor_get((so_neighbors *)n, address);
}

static bool is_unused(const so_neighbor *e) {
  return !e->used && !e->pinned && e->state != SO_NEIGHBOR_NONE;
}

// Takes an entry out of the counts by kind, or puts it in; every change lies between two calls.
static void count_kind(so_neighbors *n, const so_neighbor *e, int by) {
  if (e->state == SO_NEIGHBOR_INCOMPLETE) {
    n->incomplete_count = (uint16_t)(n->incomplete_count + by);
  }
  if (is_unused(e)) {
    n->unused_count = (uint16_t)(n->unused_count + by);
  }
}

void so_neighbor_enter(so_neighbors *n, so_neighbor *e, so_neighbor_state state) {
  if (e->state != (uint8_t)state) {
    count_kind(n, e, -1);
    e->state = (uint8_t)state;
    e->solicits = 0;
    e->deadline_ns = SO_NEVER;
    count_kind(n, e, 1);
  }
}

void so_neighbor_use(so_neighbors *n, so_neighbor *e, uint64_t now_ns) {
  count_kind(n, e, -1);
  e->used = true;
  e->used_ns = now_ns;
  count_kind(n, e, 1);
}

void so_neighbors_pin(so_neighbors *n, const so_ip *address, bool pinned) {
  so_neighbor *e = so_neighbor_get(n, address);
  if (e != NULL) {
    count_kind(n, e, -1);
    e->pinned = pinned;
    count_kind(n, e, 1);
  }
}

void so_neighbor_remove(so_neighbors *n, so_neighbor *e, void (*give)(void *, so_packet *),
                        void *ctx) {
  uint16_t *link = bucket_of(n, &e->address);
  while (*link != index_of(n, e) + 1u) {
    SO_ASSERT(*link != 0);
    link = &n->entries[*link - 1u].next;
  }
  *link = e->next;
  so_packet *p = e->waiting;
  n->waiting_count = (uint16_t)(n->waiting_count - e->waiting_count);
  count_kind(n, e, -1);
  memset(e, 0, sizeof *e);
  e->next = n->free;
  n->free = (uint16_t)(index_of(n, e) + 1u);
  n->count--;
  // Last: what is given may come back as a call.
  while (p != NULL) {
    so_packet *next = p->next;
    p->next = NULL;
    give(ctx, p);
    p = next;
  }
}

typedef bool kind(const so_neighbor *e);

static bool kind_incomplete(const so_neighbor *e) {
  return e->state == SO_NEIGHBOR_INCOMPLETE && !e->pinned;
}
static bool kind_stale(const so_neighbor *e) { return e->state == SO_NEIGHBOR_STALE && !e->pinned; }
static bool kind_any(const so_neighbor *e) { return e->state != SO_NEIGHBOR_NONE && !e->pinned; }

static so_neighbor *oldest(so_neighbors *n, kind *is) {
  so_neighbor *best = NULL;
  for (unsigned i = 0; i < SO_NEIGHBORS_MAX; i++) {
    so_neighbor *e = &n->entries[i];
    if (is(e) && (best == NULL || e->used_ns < best->used_ns)) {
      best = e;
    }
  }
  return best;
}

// The entry that gives way to a new one, or NULL when none has to; `*full`: none can.
static so_neighbor *victim(so_neighbors *n, bool heard, bool *full) {
  so_neighbor *e = NULL;
  if (heard && (n->unused_count >= SO_NEIGHBORS_UNUSED_MAX || n->count == SO_NEIGHBORS_MAX)) {
    e = oldest(n, is_unused);
  } else if (!heard && n->incomplete_count >= SO_NEIGHBORS_INCOMPLETE_MAX) {
    e = oldest(n, kind_incomplete);
  } else if (!heard && n->count == SO_NEIGHBORS_MAX) {
    kind *const order[] = {is_unused, kind_stale, kind_any};
    for (unsigned i = 0; i < sizeof order / sizeof order[0] && e == NULL; i++) {
      e = oldest(n, order[i]);
    }
  } else {
    return NULL;
  }
  *full = e == NULL;
  return e;
}

so_neighbor *so_neighbor_make(so_neighbors *n, const so_ip *address, bool heard, uint64_t now_ns,
                              const so_neighbor_sink *sink) {
  bool full = false;
  so_neighbor *out = victim(n, heard, &full);
  if (full) {
    n->stats.refused++;
    return NULL;
  }
  if (out != NULL) {
    n->stats.evicted++;
    n->stats.waiting_dropped += out->waiting_count;
    so_neighbor_remove(n, out, sink->dropped, sink->ctx);
  }
  SO_ASSERT(n->free != 0);
  so_neighbor *e = &n->entries[n->free - 1u];
  n->free = e->next;
  memset(e, 0, sizeof *e);
  e->address = *address;
  e->used_ns = now_ns;
  e->used = !heard;
  e->deadline_ns = SO_NEVER;
  uint16_t *bucket = bucket_of(n, address);
  e->next = *bucket;
  *bucket = (uint16_t)(index_of(n, e) + 1u);
  n->count++;
  n->stats.created++;
  return e;
}

void so_neighbors_clear(so_neighbors *n, const so_neighbor_sink *sink) {
  for (unsigned i = 0; i < SO_NEIGHBORS_MAX; i++) {
    if (n->entries[i].state != SO_NEIGHBOR_NONE) {
      so_neighbor_remove(n, &n->entries[i], sink->dropped, sink->ctx);
    }
  }
}
