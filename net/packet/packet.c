#include "net/packet/packet.h"

#include "base/assert.h"
#include "base/mem.h"

#define SLICE_LEN_MAX 2048u  // Larger packets get a page of their own.
#define NO_PAGE UINT32_MAX

static so_status limit(void) { return so_status_make(SO_LIMIT, 0); }

// --- pages ----------------------------------------------------------------------------------

static void free_arrays(so_packet_pool *pool) {
  so_heap_free(pool->heap, pool->memory, (size_t)pool->page_count * SO_PAGE_LEN);
  so_heap_free(pool->heap, pool->page_refs, pool->page_count * sizeof *pool->page_refs);
  so_heap_free(pool->heap, pool->page_next, pool->page_count * sizeof *pool->page_next);
  so_heap_free(pool->heap, pool->packets, pool->packet_count * sizeof *pool->packets);
}

so_status so_packet_pool_init(so_packet_pool *pool, const so_heap *heap, uint32_t page_count,
                              uint32_t packet_count) {
  SO_ASSERT(page_count != 0 && packet_count != 0);
  *pool = (so_packet_pool){.heap = heap, .page_count = page_count, .packet_count = packet_count};
  pool->memory = so_heap_alloc_array(heap, page_count, SO_PAGE_LEN);
  pool->page_refs = so_heap_alloc_array(heap, page_count, sizeof *pool->page_refs);
  pool->page_next = so_heap_alloc_array(heap, page_count, sizeof *pool->page_next);
  pool->packets = so_heap_alloc_array(heap, packet_count, sizeof *pool->packets);
  if (pool->memory == NULL || pool->page_refs == NULL || pool->page_next == NULL ||
      pool->packets == NULL) {
    free_arrays(pool);
    *pool = (so_packet_pool){.heap = heap};
    return limit();
  }
  for (uint32_t i = 0; i < page_count; i++) {
    pool->page_next[i] = i + 1 < page_count ? i + 1 : NO_PAGE;
  }
  for (uint32_t i = packet_count; i-- != 0;) {
    pool->packets[i].next = pool->free_packets;
    pool->free_packets = &pool->packets[i];
  }
  pool->slice.page = NO_PAGE;
  return so_done();
}

void so_packet_pool_release(so_packet_pool *pool) {
  if (pool->slice.page != NO_PAGE && pool->memory != NULL) {
    so_page_drop(pool, &pool->slice);
  }
  SO_ASSERT(pool->pages_used == 0 && pool->packets_used == 0);
  free_arrays(pool);
  *pool = (so_packet_pool){.heap = pool->heap};
}

bool so_page_alloc(so_packet_pool *pool, so_frag *out) {
  const uint32_t page = pool->free_page;
  if (page == NO_PAGE) {
    pool->refusals++;
    return false;
  }
  SO_ASSERT(pool->page_refs[page] == 0);
  pool->free_page = pool->page_next[page];
  pool->page_refs[page] = 1;
  pool->pages_used++;
  if (pool->pages_used > pool->pages_used_max) {
    pool->pages_used_max = pool->pages_used;
  }
  *out = (so_frag){
      .ptr = pool->memory + (size_t)page * SO_PAGE_LEN, .spare = SO_PAGE_LEN, .page = page};
  return true;
}

void so_page_hold(so_packet_pool *pool, const so_frag *f) {
  SO_ASSERT(pool->page_refs[f->page] != 0);
  pool->page_refs[f->page]++;
}

void so_page_drop(so_packet_pool *pool, const so_frag *f) {
  const uint32_t page = f->page;
  SO_ASSERT(pool->page_refs[page] != 0);
  if (--pool->page_refs[page] == 0) {
    pool->page_next[page] = pool->free_page;
    pool->free_page = page;
    pool->pages_used--;
  }
}

// slice_alloc cuts at least `len` bytes off the page that small packets share. Multiples of 64 keep
// every slice aligned.
static bool slice_alloc(so_packet_pool *pool, size_t len, so_frag *out) {
  len = (len + 63) & ~(size_t)63;
  if (len > SLICE_LEN_MAX) {
    return so_page_alloc(pool, out);
  }
  if (pool->slice.page == NO_PAGE || pool->slice.spare < len) {
    so_frag fresh;
    if (!so_page_alloc(pool, &fresh)) {
      return false;
    }
    if (pool->slice.page != NO_PAGE) {
      so_page_drop(pool, &pool->slice);
    }
    pool->slice = fresh;
  }
  so_page_hold(pool, &pool->slice);
  *out = pool->slice;
  out->spare = (uint16_t)len;
  pool->slice.ptr += len;
  pool->slice.spare = (uint16_t)(pool->slice.spare - len);
  return true;
}

// --- packets --------------------------------------------------------------------------------

static so_packet *take_packet(so_packet_pool *pool) {
  so_packet *p = pool->free_packets;
  if (p == NULL) {
    pool->refusals++;
    return NULL;
  }
  pool->free_packets = p->next;
  pool->packets_used++;
  p->next = NULL;
  p->len = 0;
  p->frag_count = 0;
  p->offload = (so_offload){.gso = SO_GSO_NONE};
  p->src = so_ip_any(0);
  p->dst = so_ip_any(0);
  p->protocol = 0;
  p->hop_limit = 0;
  p->traffic_class = 0;
  p->dont_fragment = false;
  return p;
}

so_packet *so_packet_alloc(so_packet_pool *pool, size_t headroom, size_t tail) {
  SO_ASSERT(headroom <= SO_PAGE_LEN && tail <= SO_PAGE_LEN - headroom);
  so_packet *p = take_packet(pool);
  if (p == NULL || headroom + tail == 0) {
    return p;
  }
  if (!slice_alloc(pool, headroom + tail, &p->frags[0])) {
    so_packet_free(pool, p);
    return NULL;
  }
  p->frag_count = 1;
  p->frags[0].ptr += headroom;
  p->frags[0].room = (uint16_t)headroom;
  p->frags[0].spare = (uint16_t)(p->frags[0].spare - headroom);
  return p;
}

so_packet *so_packet_alloc_pages(so_packet_pool *pool, size_t len) {
  SO_ASSERT(len != 0 && len <= SO_PACKET_FRAGS_MAX * SO_PAGE_LEN);
  so_packet *p = take_packet(pool);
  if (p == NULL) {
    return NULL;
  }
  for (size_t have = 0; have < len; have += p->frags[p->frag_count - 1u].spare) {
    const size_t want = len - have < SLICE_LEN_MAX ? len - have : SO_PAGE_LEN;
    if (!slice_alloc(pool, want, &p->frags[p->frag_count])) {
      so_packet_free(pool, p);
      return NULL;
    }
    p->frag_count++;
  }
  return p;
}

size_t so_packet_rooms(const so_packet *p, so_netdev_room rooms[SO_NETDEV_PARTS_MAX]) {
  for (size_t i = 0; i < p->frag_count; i++) {
    rooms[i] = (so_netdev_room){p->frags[i].ptr + p->frags[i].len, p->frags[i].spare};
  }
  return p->frag_count;
}

void so_packet_fill(so_packet_pool *pool, so_packet *p, size_t len) {
  size_t left = len;
  size_t used = 0;
  while (used < p->frag_count && left != 0) {
    so_frag *f = &p->frags[used++];
    const size_t n = left < f->spare ? left : f->spare;
    f->len = (uint16_t)(f->len + n);
    f->spare = (uint16_t)(f->spare - n);
    left -= n;
  }
  SO_ASSERT(left == 0);
  while (p->frag_count > used) {
    so_page_drop(pool, &p->frags[--p->frag_count]);
  }
  p->len += (uint32_t)len;
}

void so_packet_free(so_packet_pool *pool, so_packet *p) {
  if (p == NULL) {
    return;
  }
  for (size_t i = 0; i < p->frag_count; i++) {
    so_page_drop(pool, &p->frags[i]);
  }
  p->frag_count = 0;
  p->next = pool->free_packets;
  pool->free_packets = p;
  SO_ASSERT(pool->packets_used != 0);
  pool->packets_used--;
}

// --- the front ------------------------------------------------------------------------------

static void insert_front(so_packet *p, const so_frag *f) {
  memmove(&p->frags[1], &p->frags[0], p->frag_count * sizeof p->frags[0]);
  p->frags[0] = *f;
  p->frag_count++;
}

static void remove_front(so_packet_pool *pool, so_packet *p) {
  so_page_drop(pool, &p->frags[0]);
  p->frag_count--;
  memmove(&p->frags[0], &p->frags[1], p->frag_count * sizeof p->frags[0]);
}

uint8_t *so_packet_prepend(so_packet_pool *pool, so_packet *p, size_t n) {
  SO_ASSERT(n <= SO_PACKET_HEADROOM);
  if (p->frag_count == 0 || p->frags[0].room < n) {
    so_frag f;
    if (p->frag_count == SO_PACKET_FRAGS_MAX || !slice_alloc(pool, SO_PACKET_HEADROOM, &f)) {
      return NULL;
    }
    // The view begins at the end of the slice: everything before it is room.
    f.ptr += SO_PACKET_HEADROOM;
    f.room = SO_PACKET_HEADROOM;
    f.spare = 0;
    insert_front(p, &f);
  }
  so_frag *f = &p->frags[0];
  f->ptr -= n;
  f->room = (uint16_t)(f->room - n);
  f->len = (uint16_t)(f->len + n);
  p->len += (uint32_t)n;
  return f->ptr;
}

void so_packet_pull(so_packet_pool *pool, so_packet *p, size_t n) {
  SO_ASSERT(n <= p->len);
  p->len -= (uint32_t)n;
  while (n != 0) {
    so_frag *f = &p->frags[0];
    if (n >= f->len && p->frag_count > 1) {
      n -= f->len;
      remove_front(pool, p);
      continue;
    }
    f->ptr += n;
    f->len = (uint16_t)(f->len - n);
    f->room = 0;  // What was pulled may be seen by another view.
    n = 0;
  }
}

void so_packet_trim(so_packet_pool *pool, so_packet *p, size_t len) {
  SO_ASSERT(len <= p->len);
  size_t before = 0;
  size_t keep = 0;
  while (keep < p->frag_count && before < len) {
    so_frag *f = &p->frags[keep++];
    const size_t n = len - before < f->len ? len - before : f->len;
    if (n < f->len) {
      f->len = (uint16_t)n;
      f->spare = 0;  // The bytes cut off may be seen by another view.
    }
    before += n;
  }
  if (keep == 0 && p->frag_count != 0) {  // An emptied packet keeps its headroom.
    if (p->frags[0].len != 0) {
      p->frags[0].len = 0;
      p->frags[0].spare = 0;
    }
    keep = 1;
  }
  while (p->frag_count > keep) {
    so_page_drop(pool, &p->frags[--p->frag_count]);
  }
  p->len = (uint32_t)len;
}

// gather copies the first `n` bytes into a fragment of its own, with headroom before them.
static bool gather(so_packet_pool *pool, so_packet *p, size_t n, so_frag *out) {
  if (n + SO_PACKET_HEADROOM > SO_PAGE_LEN || !slice_alloc(pool, n + SO_PACKET_HEADROOM, out)) {
    return false;
  }
  out->ptr += SO_PACKET_HEADROOM;
  out->room = SO_PACKET_HEADROOM;
  out->spare = 0;
  out->len = (uint16_t)n;
  so_packet_copy(p, 0, out->ptr, n);
  return true;
}

const uint8_t *so_packet_head(so_packet_pool *pool, so_packet *p, size_t n) {
  if (n > p->len || p->frag_count == 0) {
    return NULL;
  }
  if (n <= p->frags[0].len) {
    return p->frags[0].ptr;
  }
  so_frag f;
  const bool full = p->frag_count == SO_PACKET_FRAGS_MAX;
  // The first fragment goes away when it is wholly gathered, so there is always a place.
  if (!gather(pool, p, n, &f)) {
    return NULL;
  }
  so_packet_pull(pool, p, n);
  SO_ASSERT(!full || p->frag_count < SO_PACKET_FRAGS_MAX);
  if (p->frags[0].len == 0) {
    remove_front(pool, p);
  }
  insert_front(p, &f);
  p->len += (uint32_t)n;
  return f.ptr;
}

// --- the end --------------------------------------------------------------------------------

so_status so_packet_append(so_packet_pool *pool, so_packet *p, so_bytes bytes) {
  while (bytes.len != 0) {
    so_frag *last = p->frag_count != 0 ? &p->frags[p->frag_count - 1u] : NULL;
    if (last == NULL || last->spare == 0) {
      so_frag f;
      const size_t want = bytes.len < SLICE_LEN_MAX ? bytes.len : SO_PAGE_LEN;
      if (p->frag_count == SO_PACKET_FRAGS_MAX || !slice_alloc(pool, want, &f)) {
        return limit();
      }
      p->frags[p->frag_count++] = f;
      continue;
    }
    const size_t n = bytes.len < last->spare ? bytes.len : last->spare;
    memcpy(last->ptr + last->len, bytes.ptr, n);
    last->len = (uint16_t)(last->len + n);
    last->spare = (uint16_t)(last->spare - n);
    p->len += (uint32_t)n;
    bytes = so_bytes_from(bytes, n);
  }
  return so_done();
}

so_status so_packet_append_frag(so_packet_pool *pool, so_packet *p, const so_frag *f, size_t off,
                                size_t len) {
  SO_ASSERT(off <= f->len && len <= f->len - off);
  if (len == 0) {
    return so_done();
  }
  so_frag *last = p->frag_count != 0 ? &p->frags[p->frag_count - 1u] : NULL;
  if (last != NULL && last->len != 0 && last->spare == 0 && last->page == f->page &&
      last->ptr + last->len == f->ptr + off) {  // Goes on where the last one ends.
    last->len = (uint16_t)(last->len + len);
    p->len += (uint32_t)len;
    return so_done();
  }
  if (p->frag_count == SO_PACKET_FRAGS_MAX) {
    return limit();
  }
  so_page_hold(pool, f);
  p->frags[p->frag_count++] =
      (so_frag){.ptr = f->ptr + off, .len = (uint16_t)len, .page = f->page};
  p->len += (uint32_t)len;
  return so_done();
}

so_status so_packet_share(so_packet_pool *pool, so_packet *to, const so_packet *from, size_t off,
                          size_t len) {
  SO_ASSERT(to != from && off <= from->len && len <= from->len - off);
  const uint32_t before = to->len;
  for (size_t i = 0; i < from->frag_count && len != 0; i++) {
    const so_frag *f = &from->frags[i];
    if (off >= f->len) {
      off -= f->len;
      continue;
    }
    const size_t n = len < f->len - off ? len : f->len - off;
    const so_status status = so_packet_append_frag(pool, to, f, off, n);
    if (!so_ok(status)) {
      so_packet_trim(pool, to, before);
      return status;
    }
    off = 0;
    len -= n;
  }
  return so_done();
}

// --- inside ---------------------------------------------------------------------------------

void so_packet_copy(const so_packet *p, size_t off, uint8_t *out, size_t len) {
  SO_ASSERT(off <= p->len && len <= p->len - off);
  for (size_t i = 0; len != 0; i++) {
    const so_frag *f = &p->frags[i];
    if (off >= f->len) {
      off -= f->len;
      continue;
    }
    const size_t n = len < f->len - off ? len : f->len - off;
    memcpy(out, f->ptr + off, n);
    out += n;
    len -= n;
    off = 0;
  }
}

void so_packet_write_at(so_packet *p, size_t off, so_bytes bytes) {
  SO_ASSERT(off <= p->len && bytes.len <= p->len - off);
  for (size_t i = 0; bytes.len != 0; i++) {
    const so_frag *f = &p->frags[i];
    if (off >= f->len) {
      off -= f->len;
      continue;
    }
    const size_t n = bytes.len < f->len - off ? bytes.len : f->len - off;
    memcpy(f->ptr + off, bytes.ptr, n);
    bytes = so_bytes_from(bytes, n);
    off = 0;
  }
}
