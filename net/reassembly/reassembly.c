// Fragments to datagrams.

#include "base/mem.h"
#include "kernel/ports/clock.h"
#include "net/reassembly/internal.h"

enum {
  PROTOCOL_TCP = 6,
  // Ports and flags of TCP must not be spread over fragments (RFC 1858 3, RFC 3128).
  FIRST_LEN_MIN_TCP = 24,
  FIRST_LEN_MIN = 8,
  ECN_MASK = 3,
  ECN_NOT = 1 << 0,
  ECN_CE = 1 << 3,
};

// --- one fragment ----------------------------------------------------------------------------

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
    so_reassembly_refuse(r, e);
    return false;
  }
  const so_reassembly_placing where = so_reassembly_place(e, p, f->offset, to, &at);
  if (where == REASSEMBLY_OVERLAP) {
    so_reassembly_refuse(r, e);
    return false;
  }
  if (where == REASSEMBLY_DUPLICATE) {
    r->stats.duplicates++;
    return false;
  }
  if (where == REASSEMBLY_LIMIT || e->fragment_count == SO_REASSEMBLY_FRAGMENTS_MAX) {
    r->stats.limit++;
    so_reassembly_close(r, e);
    return false;
  }
  if (!so_reassembly_take_pages(r, e, f->offset, to)) {
    r->stats.limit++;
    return false;
  }
  copy_in(e, p, f->offset);
  so_reassembly_insert(e, at, f->offset, to);
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
    so_reassembly_close(r, e);
    return NULL;
  }
  so_packet *done = join(r, e);
  if (done == NULL) {
    r->stats.limit++;
  } else {
    r->stats.done++;
  }
  so_reassembly_close(r, e);
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
  so_reassembly_entry *const e = so_reassembly_entry_of(r, f, now_ns);
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
  so_reassembly_close(r, e);
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
