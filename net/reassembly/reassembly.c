#include "net/reassembly/reassembly.h"

#include "base/assert.h"
#include "base/mem.h"
#include "crypto/siphash/siphash.h"
#include "kernel/ports/clock.h"

// RFC 8200 4.5 says 60 s. RFC 1122 3.3.2 wants as much for IPv4, but its 16-bit identifiers come
// round sooner (RFC 4963).
#define TIMEOUT_IPV6_NS (60 * SO_NS_PER_S)
#define TIMEOUT_IPV4_NS (30 * SO_NS_PER_S)

enum {
  PROTOCOL_TCP = 6,
  // Ports and flags of TCP must not be spread over fragments (RFC 1858 3, RFC 3128).
  FIRST_LEN_MIN_TCP = 24,
  FIRST_LEN_MIN = 8,
  ECN_MASK = 3,
  ECN_NOT = 1 << 0,
  ECN_CE = 1 << 3,
};

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

static void close_entry(so_reassembly *r, so_reassembly_entry *e) {
  drop_pages(r, e);
  r->entry_count--;
  r->slot_entries[e->slot]--;
  e->state = SO_REASSEMBLY_FREE;
}

static void refuse(so_reassembly *r, so_reassembly_entry *e) {
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
      close_entry(r, &r->entries[k]);
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
  close_entry(r, e);
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

static bool take_pages(so_reassembly *r, so_reassembly_entry *e, size_t from, size_t to) {
  for (size_t k = from / SO_PAGE_LEN; k * SO_PAGE_LEN < to; k++) {
    if (e->pages[k].ptr == NULL && !take_page(r, e, k)) {
      return false;
    }
  }
  return true;
}

// --- ranges ----------------------------------------------------------------------------------

typedef enum placing { PLACE_NEW, PLACE_DUPLICATE, PLACE_OVERLAP, PLACE_LIMIT } placing;

// Whether [from, to) equals what is already there, byte by byte.
static bool same_bytes(const so_reassembly_entry *e, const so_packet *p, size_t from) {
  size_t at = from;
  for (size_t k = 0; k < p->frag_count; k++) {
    for (size_t n = 0; n < p->frags[k].len; n++, at++) {
      if (e->pages[at / SO_PAGE_LEN].ptr[at % SO_PAGE_LEN] != p->frags[k].ptr[n]) {
        return false;
      }
    }
  }
  return true;
}

// Where a range goes among the sorted ones.
static placing place(const so_reassembly_entry *e, const so_packet *p, uint16_t from, uint16_t to,
                     size_t *out) {
  size_t k = 0;
  while (k < e->range_count && e->ranges[k].to <= from) {
    k++;
  }
  *out = k;
  if (k < e->range_count && e->ranges[k].from < to) {
    const bool inside = e->ranges[k].from <= from && to <= e->ranges[k].to;
    return inside && same_bytes(e, p, from) ? PLACE_DUPLICATE : PLACE_OVERLAP;
  }
  const bool joins = (k > 0 && e->ranges[k - 1].to == from) ||
                     (k < e->range_count && e->ranges[k].from == to);
  return joins || e->range_count < SO_REASSEMBLY_GAPS_MAX ? PLACE_NEW : PLACE_LIMIT;
}

static void remove_range(so_reassembly_entry *e, size_t k) {
  e->range_count--;
  memmove(&e->ranges[k], &e->ranges[k + 1], (e->range_count - k) * sizeof e->ranges[0]);
}

static void insert_range(so_reassembly_entry *e, size_t k, uint16_t from, uint16_t to) {
  const bool left = k > 0 && e->ranges[k - 1].to == from;
  const bool right = k < e->range_count && e->ranges[k].from == to;
  if (left && right) {
    e->ranges[k - 1].to = e->ranges[k].to;
    remove_range(e, k);
  } else if (left) {
    e->ranges[k - 1].to = to;
  } else if (right) {
    e->ranges[k].from = from;
  } else {
    memmove(&e->ranges[k + 1], &e->ranges[k], (e->range_count - k) * sizeof e->ranges[0]);
    e->ranges[k].from = from;
    e->ranges[k].to = to;
    e->range_count++;
  }
}

static void copy_in(so_reassembly_entry *e, const so_packet *p, size_t from) {
  size_t off = 0;
  while (off < p->len) {
    const size_t at = from + off;
    const size_t room = SO_PAGE_LEN - at % SO_PAGE_LEN;
    const size_t n = p->len - off < room ? p->len - off : room;
    so_packet_copy(p, off, e->pages[at / SO_PAGE_LEN].ptr + at % SO_PAGE_LEN, n);
    off += n;
  }
}

// --- input -----------------------------------------------------------------------------------

static bool is_valid(const so_reassembly_fragment *f, const so_packet *p) {
  const size_t least = f->protocol == PROTOCOL_TCP ? FIRST_LEN_MIN_TCP : FIRST_LEN_MIN;
  if (p->len == 0 || f->offset + p->len > SO_REASSEMBLY_LEN_MAX) {
    return false;
  }
  if (f->more && (p->len % 8 != 0 || (f->offset == 0 && p->len < least))) {
    return false;
  }
  return f->more || f->offset != 0;  // All in one piece never comes here.
}

// The end of the datagram is where the fragment without `more` ends, and nothing lies past it.
static bool end_agrees(const so_reassembly_entry *e, const so_reassembly_fragment *f, uint16_t to) {
  if (!f->more) {
    const bool past = e->range_count != 0 && e->ranges[e->range_count - 1].to > to;
    return !past && (!e->has_last || e->total_len == to);
  }
  return !e->has_last || to <= e->total_len;
}

static void note(so_reassembly_entry *e, const so_reassembly_fragment *f, uint16_t to) {
  e->ecn_seen |= (uint8_t)(1u << (f->traffic_class & ECN_MASK));
  e->fragment_count++;
  if (!f->more) {
    e->has_last = true;
    e->total_len = to;
  }
  if (f->offset == 0) {
    const so_bytes header = so_bytes_first(f->header, sizeof e->header);
    e->has_first = true;
    e->first = *f;
    if (header.len != 0) {
      memcpy(e->header, header.ptr, header.len);
    }
    e->first.header = so_bytes_of(NULL, header.len);  // Bytes are in e->header.
  }
}

// Puts a fragment into its datagram. False: it was dropped, and the entry may be gone or refused.
static bool add(so_reassembly *r, so_reassembly_entry *e, const so_reassembly_fragment *f,
                const so_packet *p) {
  const uint16_t to = (uint16_t)(f->offset + p->len);
  size_t at;
  if (!end_agrees(e, f, to)) {
    refuse(r, e);
    return false;
  }
  const placing where = place(e, p, f->offset, to, &at);
  if (where == PLACE_OVERLAP) {
    refuse(r, e);
    return false;
  }
  if (where == PLACE_DUPLICATE) {
    r->stats.duplicates++;
    return false;
  }
  if (where == PLACE_LIMIT || e->fragment_count == SO_REASSEMBLY_FRAGMENTS_MAX) {
    r->stats.limit++;
    close_entry(r, e);
    return false;
  }
  if (!take_pages(r, e, f->offset, to)) {
    r->stats.limit++;
    return false;
  }
  copy_in(e, p, f->offset);
  insert_range(e, at, f->offset, to);
  note(e, f, to);
  return true;
}

static bool is_complete(const so_reassembly_entry *e) {
  return e->has_last && e->range_count == 1 && e->ranges[0].from == 0 &&
         e->ranges[0].to == e->total_len;
}

// RFC 3168 5.3: congestion seen by one fragment is seen by all; and it cannot come from a packet
// that is not ECN-capable, so a mix of the two is refused.
static uint8_t joined_class(const so_reassembly_entry *e) {
  const uint8_t class = e->first.traffic_class;
  return (e->ecn_seen & ECN_CE) != 0 ? class | ECN_MASK : class;
}

static so_packet *join(so_reassembly *r, so_reassembly_entry *e) {
  so_packet *p = so_packet_alloc(r->pool, 0, 0);
  if (p == NULL) {
    return NULL;
  }
  for (size_t k = 0; k * SO_PAGE_LEN < e->total_len; k++) {
    const size_t left = e->total_len - k * SO_PAGE_LEN;
    so_frag *page = &e->pages[k];
    page->len = (uint16_t)(left < SO_PAGE_LEN ? left : SO_PAGE_LEN);
    page->spare = (uint16_t)(SO_PAGE_LEN - page->len);
    if (!so_ok(so_packet_append_frag(r->pool, p, page, 0, page->len))) {
      so_packet_free(r->pool, p);
      return NULL;
    }
  }
  p->src = e->first.src;
  p->dst = e->first.dst;
  p->protocol = e->first.protocol;
  p->traffic_class = joined_class(e);
  p->hop_limit = e->first.hop_limit;
  return p;
}

static so_packet *finish(so_reassembly *r, so_reassembly_entry *e) {
  if ((e->ecn_seen & ECN_CE) != 0 && (e->ecn_seen & ECN_NOT) != 0) {
    r->stats.invalid++;
    close_entry(r, e);
    return NULL;
  }
  so_packet *done = join(r, e);
  if (done == NULL) {
    r->stats.limit++;
  } else {
    r->stats.done++;
  }
  close_entry(r, e);
  return done;
}

so_packet *so_reassembly_input(so_reassembly *r, const so_reassembly_fragment *f, so_packet *p,
                               uint64_t now_ns) {
  so_packet *done = NULL;
  r->stats.fragments++;
  if (!is_valid(f, p)) {
    r->stats.invalid++;
    so_packet_free(r->pool, p);
    return NULL;
  }
  const uint64_t hash = hash_of(r, f);
  so_reassembly_entry *e = find(r, f, hash);
  if (e == NULL) {
    e = open_entry(r, f, hash, now_ns);
  }
  if (e->state == SO_REASSEMBLY_REFUSED) {
    r->stats.refused++;
  } else if (add(r, e, f, p) && is_complete(e)) {
    done = finish(r, e);
  }
  so_packet_free(r->pool, p);
  return done;
}

// --- time ------------------------------------------------------------------------------------

static void expire(so_reassembly *r, so_reassembly_entry *e) {
  if (e->state == SO_REASSEMBLY_OPEN) {
    r->stats.timeout++;
    if (e->has_first && r->ops.expired != NULL) {
      const size_t len = e->ranges[0].to < SO_PAGE_LEN ? e->ranges[0].to : SO_PAGE_LEN;
      so_reassembly_fragment first = e->first;
      first.header = so_bytes_of(e->header, e->first.header.len);
      r->ops.expired(r->ops.ctx, &first, so_bytes_of(e->pages[0].ptr, len));
    }
  }
  close_entry(r, e);
}

uint64_t so_reassembly_deadline(const so_reassembly *r) {
  uint64_t at = SO_NEVER;
  if (r->entry_count == 0) {
    return at;
  }
  for (uint32_t k = 0; k < r->entry_max; k++) {
    const so_reassembly_entry *e = &r->entries[k];
    if (e->state != SO_REASSEMBLY_FREE && e->expires_ns < at) {
      at = e->expires_ns;
    }
  }
  return at;
}

void so_reassembly_tick(so_reassembly *r, uint64_t now_ns) {
  if (r->entry_count == 0) {
    return;
  }
  for (uint32_t k = 0; k < r->entry_max; k++) {
    so_reassembly_entry *e = &r->entries[k];
    if (e->state != SO_REASSEMBLY_FREE && e->expires_ns <= now_ns) {
      expire(r, e);
    }
  }
}
