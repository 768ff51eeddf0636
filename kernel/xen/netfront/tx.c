// Sending: a frame is copied into shared pages, one slot a page.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/xen/netfront/internal.h"

#define ID_INDEX_MASK 0xffu
#define PROTOCOL_UDP 17u
#define PUSH_BATCH 32u  // Slots that wait for the doorbell at most.

_Static_assert(SO_NETFRONT_PAGES_MAX == ID_INDEX_MASK + 1, "an id holds the index of a page");

// --- building -------------------------------------------------------------------------------

static uint32_t add_page(so_netfront_builder *b) {
  SO_ASSERT(b->page_count < TX_FRAME_PAGES);
  const uint32_t page = so_share_pool_take(&b->f->tx_pages);
  SO_ASSERT(page != SO_SHARE_NONE);  // The caller has counted them.
  b->pages[b->page_count++] = page;
  return page;
}

void so_netfront_build_bytes(so_netfront_builder *b, so_bytes bytes) {
  while (bytes.len != 0) {
    const size_t off = b->len % PAGE_LEN;
    const uint32_t page = off == 0 ? add_page(b) : b->pages[b->page_count - 1];
    const size_t n = bytes.len < PAGE_LEN - off ? bytes.len : PAGE_LEN - off;
    memcpy(b->f->tx_pages.pages[page].ptr + off, bytes.ptr, n);
    b->len += n;
    bytes = so_bytes_of(bytes.ptr + n, bytes.len - n);
  }
}

void so_netfront_build_copy(so_netfront_builder *b, so_netfront_reader *r, size_t len) {
  while (len != 0) {
    SO_ASSERT(r->part < r->frame->part_count);
    const so_bytes part = r->frame->parts[r->part];
    const size_t left = part.len - r->off;
    const size_t n = left < len ? left : len;
    so_netfront_build_bytes(b, so_bytes_of(part.ptr + r->off, n));
    len -= n;
    r->off += n;
    if (r->off == part.len) {
      r->part++;
      r->off = 0;
    }
  }
}

uint8_t *so_netfront_build_at(const so_netfront_builder *b, size_t off) {
  SO_ASSERT(off < b->len);
  return b->f->tx_pages.pages[b->pages[off / PAGE_LEN]].ptr + off % PAGE_LEN;
}

// back_sums says whether the back end completes this checksum: it finds the place by itself, in TCP
// and UDP only, and drops a frame in which it does not.
static bool back_sums(const so_netfront_builder *b, const so_offload *o,
                      const so_netfront_headers *h) {
  const so_netfront_features *const can = &b->f->features;
  const uint16_t offset = so_netfront_csum_offset(h->protocol);
  return (h->family == 4 ? can->csum4 : h->family == 6 && can->csum6) && offset != 0 &&
         o->csum_start == h->transport && o->csum_offset == offset;
}

static void sum_here(so_netfront_builder *b, const so_offload *o, uint8_t protocol) {
  uint64_t sum = 0;
  for (size_t at = o->csum_start; at < b->len;) {
    const size_t left = b->len - at;
    const size_t in_page = PAGE_LEN - at % PAGE_LEN;
    const size_t n = left < in_page ? left : in_page;
    sum = so_netfront_sum(sum, so_bytes_of(so_netfront_build_at(b, at), n), at - o->csum_start);
    at += n;
  }
  uint16_t result = (uint16_t)~so_netfront_fold(sum);
  if (result == 0 && protocol == PROTOCOL_UDP) {
    result = 0xffff;  // To UDP, 0 is "no checksum" (RFC 768).
  }
  const size_t field = (size_t)o->csum_start + o->csum_offset;
  *so_netfront_build_at(b, field) = (uint8_t)(result >> 8);
  *so_netfront_build_at(b, field + 1) = (uint8_t)result;
  b->f->stats.sent_summed++;
}

uint16_t so_netfront_build_sum(so_netfront_builder *b, const so_offload *o) {
  const size_t first = b->len < PAGE_LEN ? b->len : PAGE_LEN;
  const so_bytes head = so_bytes_of(so_netfront_build_at(b, 0), first);
  const so_netfront_headers h = so_netfront_find_headers(head);
  if (back_sums(b, o, &h)) {
    return NETTXF_csum_blank | NETTXF_data_validated;
  }
  sum_here(b, o, h.protocol);
  return 0;
}

static void put_extra(so_netfront *f, const so_offload *o) {
  struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_GSO};
  extra.u.gso.size = o->gso_size;
  extra.u.gso.type =
      o->gso == SO_GSO_TCP4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
  so_ring_put(&f->tx, &extra, sizeof extra);
  f->tx_extras++;
}

void so_netfront_build_end(so_netfront_builder *b, uint16_t flags, const so_offload *o) {
  so_netfront *const f = b->f;
  for (uint32_t i = 0; i < b->page_count; i++) {
    const uint32_t page = b->pages[i];
    so_netfront_tx *const slot = &f->tx_slots[page];
    SO_ASSERT(!slot->busy);
    slot->busy = true;
    slot->generation++;
    const size_t rest = b->len - (size_t)i * PAGE_LEN;
    struct netif_tx_request q = {
        .gref = f->tx_pages.pages[page].ref,
        .id = (uint16_t)((unsigned)slot->generation << 8 | page),
        .size = (uint16_t)(i == 0 ? b->len : rest < PAGE_LEN ? rest : PAGE_LEN),
        .flags = i == 0 ? flags : 0,
    };
    if (i + 1 < b->page_count) {
      q.flags |= NETTXF_more_data;
    }
    if (i == 0 && o->gso != SO_GSO_NONE) {
      q.flags |= NETTXF_extra_info;
    }
    so_ring_put(&f->tx, &q, sizeof q);
    if (i == 0 && o->gso != SO_GSO_NONE) {
      put_extra(f, o);
    }
  }
  f->stats.sent++;
  f->stats.sent_bytes += b->len;
  f->stats.sent_slots += b->page_count;
}

// --- sending --------------------------------------------------------------------------------

void so_netfront_flush(void *ctx) {
  so_netfront *const f = ctx;
  if (f->state == SO_NETFRONT_CONNECTED && so_ring_push(&f->tx)) {
    so_netfront_notify(f);
  }
}

static so_status refuse(so_netfront *f) {
  f->stats.sent_refused++;
  so_netfront_flush(f);
  if (!f->tx_waits) {
    f->tx_waits = true;
    f->tx_stuck_ns = so_clock_now(&f->config.clock);
    // From now on the next answer matters, not half of them. If it is there already, poll finds it.
    (void)so_ring_arm(&f->tx, 1);
  }
  return so_status_make(SO_AGAIN, 0);
}

static so_status send_whole(so_netfront *f, const so_frame *frame, size_t len) {
  const so_offload *const o = &frame->offload;
  const uint32_t pages = (uint32_t)((len + PAGE_LEN - 1) / PAGE_LEN);
  const uint32_t slots = pages + (o->gso != SO_GSO_NONE);
  if (so_ring_free(&f->tx) < slots || f->tx_pages.free_count < pages) {
    return so_status_make(SO_AGAIN, 0);
  }
  so_netfront_builder b = {.f = f};
  so_netfront_reader r = {.frame = frame};
  so_netfront_build_copy(&b, &r, len);
  const uint16_t flags = o->needs_csum ? so_netfront_build_sum(&b, o) : 0;
  so_netfront_build_end(&b, flags, o);
  return so_done();
}

// must_cut says whether a frame is more than the back end takes in one piece.
static bool must_cut(const so_netfront *f, const so_offload *o, size_t len) {
  if (o->gso == SO_GSO_NONE) {
    return false;
  }
  const bool back_cuts = o->gso == SO_GSO_TCP4 ? f->features.tso4 : f->features.tso6;
  return !back_cuts || len > TX_LEN_MAX;
}

static bool is_possible(const so_frame *frame, size_t len) {
  const so_offload *const o = &frame->offload;
  if (len < ETHERNET_LEN || len > TX_LEN_MAX + ETHERNET_LEN) {
    return false;
  }
  if (o->gso != SO_GSO_NONE && (o->gso_size == 0 || !o->needs_csum)) {
    return false;
  }
  return !o->needs_csum || (size_t)o->csum_start + o->csum_offset + 2 <= len;
}

static so_status send_any(so_netfront *f, const so_frame *frame, size_t len) {
  if (!is_possible(frame, len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (must_cut(f, &frame->offload, len)) {
    return so_netfront_cut(f, frame, len);
  }
  if (len > (f->features.sg ? TX_LEN_MAX : PAGE_LEN)) {
    return so_status_make(SO_LIMIT, 0);
  }
  return send_whole(f, frame, len);
}

so_status so_netfront_send(void *ctx, const so_frame *frame) {
  so_netfront *const f = ctx;
  SO_ASSERT(frame->part_count <= SO_NETDEV_PARTS_MAX);
  size_t len = 0;
  for (size_t i = 0; i < frame->part_count; i++) {
    len += frame->parts[i].len;
  }
  if (f->state == SO_NETFRONT_FAILED) {
    return so_status_make(SO_IO, 0);
  }
  if (f->state != SO_NETFRONT_CONNECTED) {
    f->stats.sent_while_down++;
  } else {
    so_status s = send_any(f, frame, len);
    if (so_is(s, SO_AGAIN) && so_netfront_reap(f)) {
      s = send_any(f, frame, len);
    }
    if (!so_ok(s)) {
      return so_is(s, SO_AGAIN) ? refuse(f) : s;
    }
    if (f->tx.req_prod - f->tx.req_pushed >= PUSH_BATCH) {
      so_netfront_flush(f);
    }
  }
  if (frame->release != NULL) {
    frame->release(frame->owner);  // What is shared is our copy.
  }
  return so_done();
}

// --- answers --------------------------------------------------------------------------------

// take_answer returns what is wrong with an answer, or NULL.
static const char *take_answer(so_netfront *f, const struct netif_tx_response *a) {
  if (a->status == NETIF_RSP_NULL) {  // To a slot without data; the id means nothing.
    if (f->tx_extras == 0) {
      return "tx: an empty answer to a slot with data";
    }
    f->tx_extras--;
    return NULL;
  }
  const uint32_t page = a->id & ID_INDEX_MASK;
  so_netfront_tx *const slot = &f->tx_slots[page];
  if (!slot->busy || slot->generation != a->id >> 8) {
    return "tx: an answer to no request";
  }
  if (a->status != NETIF_RSP_OKAY && a->status != NETIF_RSP_ERROR &&
      a->status != NETIF_RSP_DROPPED) {
    return "tx: a status that does not exist";
  }
  f->stats.sent_errors += a->status != NETIF_RSP_OKAY;
  slot->busy = false;
  so_share_pool_put(&f->tx_pages, page);
  return NULL;
}

bool so_netfront_reap(so_netfront *f) {
  bool any = false;
  for (;;) {
    uint32_t count;
    if (!so_ring_ready(&f->tx, &count)) {
      so_netfront_break(f, "tx: the response index is out of range");
      return false;
    }
    for (uint32_t i = 0; i < count; i++) {
      struct netif_tx_response a;
      so_ring_peek(&f->tx, 0, &a, sizeof a);
      so_ring_drop(&f->tx, 1);
      const char *const wrong = take_answer(f, &a);
      if (wrong != NULL) {
        so_netfront_break(f, wrong);
        return false;
      }
      any = true;
    }
    if (any && f->tx_waits) {
      f->tx_waits = false;
      so_event_signal(f->config.sched, &f->ready);
    }
    // Nobody waits for pages but a send that was refused: half of what is out is soon enough.
    const uint32_t half = so_ring_unanswered(&f->tx) / 2;
    if (!so_ring_arm(&f->tx, f->tx_waits ? 1 : half + 1)) {
      return any;
    }
  }
}
