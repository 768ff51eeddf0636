// Which datagrams are under way, and what memory each source may take.

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"
#include "net/reassembly/internal.h"

// RFC 8200 4.5 says 60 s. RFC 1122 3.3.2 wants as much for IPv4, but its 16-bit identifiers come
// round sooner (RFC 4963).
#define TIMEOUT_IPV6_NS (60 * SO_NS_PER_S)
#define TIMEOUT_IPV4_NS (30 * SO_NS_PER_S)

so_status so_reassembly_init(so_reassembly *r, const so_reassembly_ops *ops, const so_heap *heap,
                             so_packet_pool *pool, const uint8_t key[16], uint32_t entry_max,
                             uint32_t bytes_max) {
  SO_ASSERT(entry_max >= SO_REASSEMBLY_SHARES && entry_max <= 4096);
  memset(r, 0, sizeof *r);
  r->entries = so_heap_alloc_array(heap, entry_max, sizeof *r->entries);
  if (r->entries == NULL) {
    return so_status_make(SO_LIMIT, 0);
  }
  r->heap = heap;
  r->pool = pool;
  r->ops = *ops;
  r->entry_max = entry_max;
  r->page_max = bytes_max / SO_PAGE_LEN;
  memcpy(r->key, key, sizeof r->key);
  return so_done();
}

static void drop_pages(so_reassembly *r, so_reassembly_entry *e) {
  for (size_t k = 0; k < SO_REASSEMBLY_PAGES; k++) {
    if (e->pages[k].ptr != NULL) {
      so_page_drop(r->pool, &e->pages[k]);
      e->pages[k].ptr = NULL;
    }
  }
  r->page_count -= e->page_count;
  r->slot_pages[e->slot] -= e->page_count;
  e->page_count = 0;
}

void so_reassembly_close(so_reassembly *r, so_reassembly_entry *e) {
  drop_pages(r, e);
  r->entry_count--;
  r->slot_entries[e->slot]--;
  e->state = SO_REASSEMBLY_FREE;
}

void so_reassembly_refuse(so_reassembly *r, so_reassembly_entry *e) {
  drop_pages(r, e);
  e->state = SO_REASSEMBLY_REFUSED;
  r->stats.overlap++;
}

void so_reassembly_release(so_reassembly *r) {
  if (r->entries == NULL) {
    return;
  }
  for (uint32_t k = 0; k < r->entry_max; k++) {
    if (r->entries[k].state != SO_REASSEMBLY_FREE) {
      so_reassembly_close(r, &r->entries[k]);
    }
  }
  so_heap_free(r->heap, r->entries, r->entry_max * sizeof *r->entries);
  r->entries = NULL;
}

// --- whose entry -----------------------------------------------------------------------------

static uint64_t hash_of(const so_reassembly *r, const so_reassembly_fragment *f) {
  uint8_t buf[37];
  memcpy(buf, f->src.bytes, 16);
  memcpy(buf + 16, f->dst.bytes, 16);
  memcpy(buf + 32, &f->id, 4);
  buf[36] = f->src.family == 4 ? f->protocol : 0;
  return so_siphash24(r->key, so_bytes_of(buf, sizeof buf));
}

// Hosts of one IPv6 network share a slot: who has a /64 has all its addresses.
static uint16_t slot_of(const so_reassembly *r, const so_ip *src) {
  const size_t n = src->family == 4 ? 4 : 8;
  return (uint16_t)(so_siphash24(r->key, so_bytes_of(src->bytes, n)) % SO_REASSEMBLY_SLOTS);
}

static bool same_datagram(const so_reassembly_entry *e, const so_reassembly_fragment *f) {
  return e->first.id == f->id && so_ip_equal(&e->first.src, &f->src) &&
         so_ip_equal(&e->first.dst, &f->dst) &&
         (f->src.family != 4 || e->first.protocol == f->protocol);
}

static so_reassembly_entry *find(so_reassembly *r, const so_reassembly_fragment *f, uint64_t hash) {
  for (uint32_t k = 0; k < r->entry_max; k++) {
    so_reassembly_entry *e = &r->entries[k];
    if (e->state != SO_REASSEMBLY_FREE && e->hash == hash && same_datagram(e, f)) {
      return e;
    }
  }
  return NULL;
}

// The oldest datagram of one slot.
static so_reassembly_entry *oldest_of(so_reassembly *r, uint16_t slot,
                                      const so_reassembly_entry *except) {
  so_reassembly_entry *best = NULL;
  for (uint32_t k = 0; k < r->entry_max; k++) {
    so_reassembly_entry *e = &r->entries[k];
    if (e->state != SO_REASSEMBLY_FREE && e->slot == slot && e != except &&
        (best == NULL || e->expires_ns < best->expires_ns)) {
      best = e;
    }
  }
  return best;
}

static uint16_t fullest_slot(const so_reassembly *r, bool by_pages) {
  uint16_t best = 0;
  for (uint16_t k = 1; k < SO_REASSEMBLY_SLOTS; k++) {
    const bool more = by_pages ? r->slot_pages[k] > r->slot_pages[best]
                               : r->slot_entries[k] > r->slot_entries[best];
    if (more) {
      best = k;
    }
  }
  return best;
}

static bool evict(so_reassembly *r, uint16_t slot, const so_reassembly_entry *except) {
  so_reassembly_entry *e = oldest_of(r, slot, except);
  if (e == NULL) {
    return false;
  }
  r->stats.limit++;
  so_reassembly_close(r, e);
  return true;
}

static so_reassembly_entry *open_entry(so_reassembly *r, const so_reassembly_fragment *f,
                                       uint64_t hash, uint64_t now_ns) {
  const uint16_t slot = slot_of(r, &f->src);
  if (r->slot_entries[slot] >= r->entry_max / SO_REASSEMBLY_SHARES) {
    (void)evict(r, slot, NULL);
  }
  if (r->entry_count == r->entry_max) {
    (void)evict(r, fullest_slot(r, false), NULL);
  }
  for (uint32_t k = 0; k < r->entry_max; k++) {
    so_reassembly_entry *e = &r->entries[k];
    if (e->state != SO_REASSEMBLY_FREE) {
      continue;
    }
    memset(e, 0, sizeof *e);
    e->state = SO_REASSEMBLY_OPEN;
    e->hash = hash;
    e->slot = slot;
    e->first = *f;
    e->first.header = so_bytes_of(NULL, 0);
    e->expires_ns = now_ns + (f->src.family == 4 ? TIMEOUT_IPV4_NS : TIMEOUT_IPV6_NS);
    r->entry_count++;
    r->slot_entries[slot]++;
    return e;
  }
  SO_ASSERT(false);
  return NULL;
}

so_reassembly_entry *so_reassembly_entry_of(so_reassembly *r, const so_reassembly_fragment *f,
                                            uint64_t now_ns) {
  const uint64_t hash = hash_of(r, f);
  so_reassembly_entry *const e = find(r, f, hash);
  return e != NULL ? e : open_entry(r, f, hash, now_ns);
}

// --- memory ----------------------------------------------------------------------------------

// Rounds end: each takes a datagram out of a bounded table.
static bool make_room(so_reassembly *r, so_reassembly_entry *e) {
  while (r->slot_pages[e->slot] >= r->page_max / SO_REASSEMBLY_SHARES) {
    if (!evict(r, e->slot, e)) {
      return false;
    }
  }
  while (r->page_count >= r->page_max) {
    if (!evict(r, fullest_slot(r, true), e)) {
      return false;
    }
  }
  return true;
}

static bool take_page(so_reassembly *r, so_reassembly_entry *e, size_t index) {
  if (!make_room(r, e)) {
    return false;
  }
  so_frag page;
  if (!so_page_alloc(r->pool, &page)) {
    return false;
  }
  e->pages[index] = page;
  e->page_count++;
  r->page_count++;
  r->slot_pages[e->slot]++;
  return true;
}

bool so_reassembly_take_pages(so_reassembly *r, so_reassembly_entry *e, size_t from, size_t to) {
  for (size_t k = from / SO_PAGE_LEN; k * SO_PAGE_LEN < to; k++) {
    if (e->pages[k].ptr == NULL && !take_page(r, e, k)) {
      return false;
    }
  }
  return true;
}
