#include "net/tcp/reassembly/reassembly.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/mem.h"

#define CAP_FIRST 4u
#define PAGES_DEFAULT 1024u

void so_tcp_reassembly_init(so_tcp_reassembly *r, so_packet_pool *pool, const so_heap *heap,
                            uint32_t range_max, uint32_t page_max) {
  memset(r, 0, sizeof *r);
  r->pool = pool;
  r->heap = heap;
  r->range_max = range_max == 0 ? SO_TCP_GAPS_MAX : range_max;
  r->page_max = page_max == 0 ? PAGES_DEFAULT : page_max;
}

static void free_chain(so_packet_pool *pool, so_packet *p) {
  while (p != NULL) {
    so_packet *next = p->next;
    p->next = NULL;
    so_packet_free(pool, p);
    p = next;
  }
}

static void free_ranges(so_tcp_reassembly *r) {
  so_heap_free(r->heap, r->ranges, r->cap * sizeof *r->ranges);
  r->ranges = NULL;
  r->cap = 0;
}

void so_tcp_reassembly_release(so_tcp_reassembly *r) {
  for (uint32_t i = 0; i < r->count; i++) {
    free_chain(r->pool, r->ranges[i].head);
  }
  free_ranges(r);
  r->count = r->pages = r->bytes = 0;
  r->duplicate_valid = false;
}

static bool reserve(so_tcp_reassembly *r) {
  if (r->count < r->cap) {
    return true;
  }
  uint32_t cap = r->cap == 0 ? CAP_FIRST : r->cap * 2;
  cap = cap > r->range_max ? r->range_max : cap;
  if (cap <= r->count) {
    return false;
  }
  void *grown = r->heap->resize(r->heap->ctx, r->ranges, r->cap * sizeof *r->ranges,
                                cap * sizeof *r->ranges);
  if (grown == NULL) {
    return false;
  }
  r->ranges = grown;
  r->cap = cap;
  return true;
}

static void remove_range(so_tcp_reassembly *r, uint32_t index) {
  r->count--;
  memmove(r->ranges + index, r->ranges + index + 1, (r->count - index) * sizeof *r->ranges);
  if (r->count == 0) {
    free_ranges(r);
  }
}

// The index of the first range that ends at or after `seq`, or count.
static uint32_t find(const so_tcp_reassembly *r, uint32_t seq) {
  uint32_t low = 0;
  uint32_t high = r->count;
  while (low < high) {
    const uint32_t mid = low + (high - low) / 2;
    if (so_seq_lt(r->ranges[mid].end, seq)) {
      low = mid + 1;
    } else {
      high = mid;
    }
  }
  return low;
}

// Copies a small packet behind `tail` when there is room in its last page. True: `p` is gone.
static bool absorb(so_tcp_reassembly *r, so_packet *tail, so_packet *p) {
  if (p->len > SO_TCP_SMALL_LEN || tail->frag_count == 0 ||
      tail->frags[tail->frag_count - 1].spare < p->len) {
    return false;
  }
  for (uint16_t i = 0; i < p->frag_count; i++) {
    const so_status status =
        so_packet_append(r->pool, tail, so_bytes_of(p->frags[i].ptr, p->frags[i].len));
    SO_ASSERT(so_ok(status));  // The room was there.
  }
  so_packet_free(r->pool, p);
  return true;
}

static bool admit(so_tcp_reassembly *r, const so_packet *p) {
  if (r->pages + p->frag_count > r->page_max) {
    return false;
  }
  r->pages += p->frag_count;
  return true;
}

// Puts `p` behind range `index`, and joins the next range when they now meet.
static bool extend(so_tcp_reassembly *r, uint32_t index, so_packet *p) {
  so_tcp_gap_range *at = &r->ranges[index];
  const uint32_t len = p->len;
  if (!absorb(r, at->tail, p)) {
    if (!admit(r, p)) {
      return false;
    }
    at->tail->next = p;
    at->tail = p;
  }
  at->end += len;
  if (index + 1 < r->count && r->ranges[index + 1].start == at->end) {
    const so_tcp_gap_range *next = &r->ranges[index + 1];
    at->tail->next = next->head;
    at->tail = next->tail;
    at->end = next->end;
    remove_range(r, index + 1);
  }
  return true;
}

static bool add_range(so_tcp_reassembly *r, uint32_t index, uint32_t seq, so_packet *p) {
  if (!reserve(r) || !admit(r, p)) {
    if (r->count == 0) {
      free_ranges(r);
    }
    return false;
  }
  so_tcp_gap_range *at = &r->ranges[index];
  memmove(at + 1, at, (r->count - index) * sizeof *at);
  r->count++;
  *at = (so_tcp_gap_range){.start = seq, .end = seq + p->len, .head = p, .tail = p};
  return true;
}

// Takes a packet that overlaps nothing.
static bool place(so_tcp_reassembly *r, uint32_t seq, so_packet *p) {
  const uint32_t len = p->len;
  const uint32_t index = find(r, seq);
  bool taken;
  p->next = NULL;
  if (index < r->count && r->ranges[index].end == seq) {
    taken = extend(r, index, p);
  } else if (index < r->count && r->ranges[index].start == seq + len) {
    taken = admit(r, p);
    if (taken) {
      p->next = r->ranges[index].head;
      r->ranges[index].head = p;
      r->ranges[index].start = seq;
    }
  } else {
    taken = add_range(r, index, seq, p);
  }
  if (!taken) {
    so_packet_free(r->pool, p);
    return false;
  }
  r->ranges[index].touched = ++r->touch;
  r->bytes += len;
  return true;
}

// The first part of [from, end) that is not held. False: all of it is. Notes what is held before
// it.
static bool next_gap(so_tcp_reassembly *r, uint32_t from, uint32_t end, so_seq_range *out,
                     bool *duplicate) {
  uint32_t i = find(r, from + 1);
  out->start = from;
  if (i < r->count && so_seq_le(r->ranges[i].start, from)) {
    out->start = so_seq_min(r->ranges[i].end, end);
    if (!*duplicate) {
      *duplicate = true;
      so_tcp_reassembly_duplicate(r, from, out->start);
    }
    r->duplicate_bytes += out->start - from;
    r->ranges[i].touched = ++r->touch;
    i++;
  }
  out->end = i < r->count ? so_seq_min(r->ranges[i].start, end) : end;
  return so_seq_lt(out->start, out->end);
}

// A packet with the part [off, off + len) of `p`. NULL: the pool is used up.
static so_packet *part_of(so_tcp_reassembly *r, const so_packet *p, uint32_t off, uint32_t len) {
  so_packet *part = so_packet_alloc(r->pool, 0, 0);
  if (part == NULL) {
    return NULL;
  }
  if (!so_ok(so_packet_share(r->pool, part, p, off, len))) {
    so_packet_free(r->pool, part);
    return NULL;
  }
  return part;
}

so_status so_tcp_reassembly_insert(so_tcp_reassembly *r, uint32_t seq, so_packet *p) {
  const uint32_t end = seq + p->len;
  uint32_t from = seq;
  bool duplicate = false;
  bool refused = false;
  so_seq_range gap;
  while (from != end && next_gap(r, from, end, &gap, &duplicate)) {
    from = gap.end;
    so_packet *part = p;
    if (gap.end == end) {
      so_packet_pull(r->pool, p, gap.start - seq);
      p = NULL;
    } else {
      part = part_of(r, p, gap.start - seq, gap.end - gap.start);
    }
    if (part == NULL || !place(r, gap.start, part)) {
      refused = true;
    }
  }
  so_packet_free(r->pool, p);
  if (!refused) {
    return so_done();
  }
  r->refused++;
  return so_status_make(SO_LIMIT, 0);
}

// Drops the first `n` bytes of a range.
static void drop_front(so_tcp_reassembly *r, so_tcp_gap_range *at, uint32_t n) {
  at->start += n;
  r->bytes -= n;
  while (n > 0) {
    so_packet *p = at->head;
    r->pages -= p->frag_count;
    if (p->len <= n) {
      n -= p->len;
      at->head = p->next;
      p->next = NULL;
      so_packet_free(r->pool, p);
    } else {
      so_packet_pull(r->pool, p, n);
      r->pages += p->frag_count;
      n = 0;
    }
  }
}

so_packet *so_tcp_reassembly_take(so_tcp_reassembly *r, uint32_t rcv_nxt, uint32_t *out_len) {
  *out_len = 0;
  while (r->count > 0 && so_seq_le(r->ranges[0].start, rcv_nxt)) {
    so_tcp_gap_range *at = &r->ranges[0];
    if (so_seq_le(at->end, rcv_nxt)) {
      drop_front(r, at, at->end - at->start);
      remove_range(r, 0);
      continue;
    }
    drop_front(r, at, rcv_nxt - at->start);
    so_packet *head = at->head;
    *out_len = at->end - at->start;
    r->bytes -= *out_len;
    for (const so_packet *p = head; p != NULL; p = p->next) {
      r->pages -= p->frag_count;
    }
    remove_range(r, 0);
    return head;
  }
  return NULL;
}

void so_tcp_reassembly_duplicate(so_tcp_reassembly *r, uint32_t start, uint32_t end) {
  if (so_seq_lt(start, end)) {
    r->duplicate_valid = true;
    r->duplicate = (so_seq_range){start, end};
  }
}

// The range touched last of those touched before `touched`. NULL: none.
static const so_tcp_gap_range *newest_before(const so_tcp_reassembly *r, uint32_t touched) {
  const so_tcp_gap_range *best = NULL;
  for (uint32_t i = 0; i < r->count; i++) {
    const so_tcp_gap_range *at = &r->ranges[i];
    if (so_seq_lt(at->touched, touched) &&
        (best == NULL || so_seq_gt(at->touched, best->touched))) {
      best = at;
    }
  }
  return best;
}

size_t so_tcp_reassembly_sacks(so_tcp_reassembly *r, so_seq_range *out, size_t max) {
  size_t count = 0;
  const so_tcp_gap_range *around = NULL;
  if (r->duplicate_valid && max > 0) {
    r->duplicate_valid = false;
    out[count++] = r->duplicate;
    const uint32_t i = find(r, r->duplicate.end);
    if (i < r->count && so_seq_le(r->ranges[i].start, r->duplicate.start)) {
      around = &r->ranges[i];  // RFC 2883 4: the block that holds the duplicate comes second.
      if (count < max) {
        out[count++] = (so_seq_range){around->start, around->end};
      }
    }
  }
  uint32_t touched = r->touch + 1;
  while (count < max) {
    const so_tcp_gap_range *at = newest_before(r, touched);
    if (at == NULL) {
      break;
    }
    touched = at->touched;
    if (at != around) {
      out[count++] = (so_seq_range){at->start, at->end};
    }
  }
  return count;
}

uint32_t so_tcp_reassembly_end(const so_tcp_reassembly *r, uint32_t rcv_nxt) {
  return r->count == 0 ? rcv_nxt : r->ranges[r->count - 1].end;
}

bool so_tcp_reassembly_check(const so_tcp_reassembly *r) {
  uint32_t bytes = 0;
  uint32_t pages = 0;
  bool legal = r->count <= r->cap && r->cap <= r->range_max && r->pages <= r->page_max;
  for (uint32_t i = 0; i < r->count; i++) {
    const so_tcp_gap_range *at = &r->ranges[i];
    uint32_t len = 0;
    const so_packet *last = NULL;
    for (const so_packet *p = at->head; p != NULL; p = p->next) {
      len += p->len;
      pages += p->frag_count;
      last = p;
    }
    legal = legal && len > 0 && len == at->end - at->start && last == at->tail;
    legal = legal && (i == 0 || so_seq_lt(r->ranges[i - 1].end, at->start));
    bytes += len;
  }
  return legal && bytes == r->bytes && pages == r->pages;
}
