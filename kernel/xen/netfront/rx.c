// Receiving: the back end fills shared pages, one a slot, and answers in the slot of the request.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/xen/netfront/internal.h"

#define FRAME_LEN_MAX (65535u + 18u)
#define PUSH_BATCH 16u
#define DROPS_MAX 256u  // Of frames without worth, before others get their turn.

// One frame as the ring has it.
typedef struct chain {
  struct {
    uint32_t ahead;  // Slot, from the first not taken.
    uint32_t off;
    uint32_t len;
  } parts[SO_NETFRONT_FRAME_SLOTS];
  uint32_t part_count;
  uint32_t slots;  // With those that hold no data.
  size_t len;
  uint16_t flags;  // Of the first slot.
  uint8_t gso;     // XEN_NETIF_GSO_TYPE_*
  uint16_t gso_size;
  bool failed;     // The back end says so.
  bool too_long;
} chain;

typedef enum parse_result { PARSED, INCOMPLETE, BROKEN } parse_result;

// --- requests -------------------------------------------------------------------------------

void so_netfront_refill(so_netfront *f) {
  while (so_ring_free(&f->rx) != 0) {
    const uint32_t page = so_share_pool_take(&f->rx_pages);
    if (page == SO_SHARE_NONE) {
      break;
    }
    const struct netif_rx_request q = {
        .id = (uint16_t)f->rx.req_prod, .gref = f->rx_pages.pages[page].ref};
    f->rx_page_of[f->rx.req_prod % f->rx.entry_count] = (uint16_t)page;
    so_ring_put(&f->rx, &q, sizeof q);
  }
}

static void push(so_netfront *f) {
  if (so_ring_push(&f->rx)) {
    so_netfront_notify(f);
  }
}

static uint32_t page_of(const so_netfront *f, uint32_t ahead) {
  return f->rx_page_of[(f->rx.rsp_cons + ahead) % f->rx.entry_count];
}

// --- responses ------------------------------------------------------------------------------

static parse_result broken(so_netfront *f, const char *why) {
  so_netfront_break(f, why);
  return BROKEN;
}

// parse_extras reads the slots that follow the first one and hold no data.
static parse_result parse_extras(so_netfront *f, chain *c, uint32_t count) {
  for (;;) {
    if (c->slots == count) {
      return INCOMPLETE;
    }
    struct netif_extra_info extra;
    so_ring_peek(&f->rx, c->slots, &extra, sizeof extra);
    c->slots++;
    if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE || extra.type >= XEN_NETIF_EXTRA_TYPE_MAX) {
      return broken(f, "rx: an extra segment of a type that does not exist");
    }
    if (extra.type == XEN_NETIF_EXTRA_TYPE_GSO) {
      c->gso = extra.u.gso.type;
      c->gso_size = extra.u.gso.size;
      if (c->gso_size == 0 ||
          (c->gso != XEN_NETIF_GSO_TYPE_TCPV4 && c->gso != XEN_NETIF_GSO_TYPE_TCPV6)) {
        return broken(f, "rx: a large segment of an unknown kind");
      }
    }
    if ((extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) == 0) {
      return PARSED;
    }
  }
}

// parse_part judges one slot with data.
static parse_result parse_part(so_netfront *f, chain *c, uint32_t ahead,
                               const struct netif_rx_response *a) {
  if (a->id != (uint16_t)(f->rx.rsp_cons + ahead)) {
    return broken(f, "rx: an answer to no request");
  }
  if (a->status < 0) {
    c->failed = true;
    return PARSED;
  }
  const uint32_t len = (uint32_t)a->status;
  if (a->offset > PAGE_LEN || len > PAGE_LEN - a->offset) {
    return broken(f, "rx: data that lies outside of its page");
  }
  c->len += len;
  if (c->part_count == SO_NETFRONT_FRAME_SLOTS || c->len > FRAME_LEN_MAX) {
    c->too_long = true;
    return PARSED;
  }
  c->parts[c->part_count].ahead = ahead;
  c->parts[c->part_count].off = a->offset;
  c->parts[c->part_count].len = len;
  c->part_count++;
  return PARSED;
}

static parse_result parse_slots(so_netfront *f, chain *c, uint32_t count) {
  for (;;) {
    if (c->slots == count) {
      return INCOMPLETE;
    }
    struct netif_rx_response a;
    const uint32_t ahead = c->slots;
    so_ring_peek(&f->rx, ahead, &a, sizeof a);
    c->slots++;
    parse_result r = parse_part(f, c, ahead, &a);
    if (r == PARSED && ahead == 0) {
      c->flags = a.flags;
      if ((a.flags & NETRXF_extra_info) != 0) {
        r = parse_extras(f, c, count);
      }
    }
    if (r != PARSED || (a.flags & NETRXF_more_data) == 0) {
      return r;
    }
  }
}

// parse reads the next frame, and takes nothing off the ring: what is not whole yet is read anew
// later.
static parse_result parse(so_netfront *f, chain *c) {
  uint32_t count;
  *c = (chain){0};
  if (!so_ring_ready(&f->rx, &count)) {
    return broken(f, "rx: the response index is out of range");
  }
  f->rx_seen = f->rx.rsp_cons + count;
  if (count == 0) {
    return INCOMPLETE;
  }
  const parse_result r = parse_slots(f, c, count);
  if (r == INCOMPLETE && count == so_ring_unanswered(&f->rx)) {
    return broken(f, "rx: a frame that is longer than the ring");
  }
  return r;
}

// take drops the slots of a frame and offers their pages again.
static void take(so_netfront *f, const chain *c) {
  for (uint32_t i = 0; i < c->slots; i++) {
    so_share_pool_put(&f->rx_pages, page_of(f, i));
  }
  so_ring_drop(&f->rx, c->slots);
  f->stats.received_slots += c->slots;
  so_netfront_refill(f);
  if (f->rx.req_prod - f->rx.req_pushed >= PUSH_BATCH) {
    push(f);
  }
}

// --- handing up -----------------------------------------------------------------------------

// copy_out writes the frame into `rooms`; false: it does not fit.
static bool copy_out(const so_netfront *f, const chain *c, const so_netdev_room *rooms,
                     size_t room_count) {
  size_t room = 0;
  size_t used = 0;
  for (uint32_t i = 0; i < c->part_count; i++) {
    const uint8_t *from = f->rx_pages.pages[page_of(f, c->parts[i].ahead)].ptr + c->parts[i].off;
    size_t left = c->parts[i].len;
    while (left != 0) {
      if (room == room_count) {
        return false;
      }
      const size_t space = rooms[room].len - used;
      const size_t n = left < space ? left : space;
      memcpy(rooms[room].ptr + used, from, n);
      from += n;
      left -= n;
      used += n;
      if (used == rooms[room].len) {
        room++;
        used = 0;
      }
    }
  }
  return true;
}

// describe tells what was left undone. Headers are looked at in the caller's copy, which nobody
// else can change.
static void describe(const chain *c, so_bytes head, so_offload *out) {
  *out = (so_offload){0};
  const so_netfront_headers h = so_netfront_find_headers(head);
  const uint16_t offset = so_netfront_csum_offset(h.protocol);
  const bool found = offset != 0 && (size_t)h.transport + offset + 2 <= head.len;
  if ((c->flags & NETRXF_csum_blank) != 0 && found) {
    out->needs_csum = true;
    out->csum_start = h.transport;
    out->csum_offset = offset;
  }
  out->csum_valid = (c->flags & (NETRXF_data_validated | NETRXF_csum_blank)) != 0;
  if (c->gso == XEN_NETIF_GSO_TYPE_NONE) {
    return;
  }
  out->gso = c->gso == XEN_NETIF_GSO_TYPE_TCPV4 ? SO_GSO_TCP4 : SO_GSO_TCP6;
  out->gso_size = c->gso_size;
  if (found && (size_t)h.transport + 13 <= head.len) {
    out->header_len = (uint16_t)(h.transport + (head.ptr[h.transport + 12] >> 4) * 4);
  }
}

static so_status hand_up(so_netfront *f, const chain *c, const so_netdev_room *rooms,
                         size_t room_count, size_t *out_len, so_offload *out) {
  const bool fits = !c->too_long && copy_out(f, c, rooms, room_count);
  take(f, c);
  if (!fits) {
    f->stats.received_too_long++;
    return so_status_make(SO_LIMIT, 0);
  }
  f->stats.received++;
  f->stats.received_bytes += c->len;
  const size_t head = c->len < rooms[0].len ? c->len : rooms[0].len;
  describe(c, so_bytes_of(rooms[0].ptr, head), out);
  *out_len = c->len;
  return so_done();
}

so_status so_netfront_receive(void *ctx, const so_netdev_room *rooms, size_t room_count,
                           size_t *out_len, so_offload *out) {
  so_netfront *const f = ctx;
  if (f->state == SO_NETFRONT_FAILED) {
    return so_status_make(SO_IO, 0);
  }
  SO_ASSERT(room_count != 0);
  for (uint32_t i = 0; f->state == SO_NETFRONT_CONNECTED; i++) {
    if (i == DROPS_MAX) {
      f->rx_seen = f->rx.rsp_cons - 1;  // So that the next poll says that there is more.
      break;
    }
    chain c;
    const parse_result r = parse(f, &c);
    if (r == INCOMPLETE) {
      push(f);
      // The slots of a frame come together; the next one ends the wait.
      if (!so_ring_arm(&f->rx, f->rx_seen - f->rx.rsp_cons + 1)) {
        break;
      }
    } else if (r == PARSED && (c.failed || c.len < ETHERNET_LEN)) {
      f->stats.received_errors++;
      take(f, &c);
    } else if (r == PARSED) {
      return hand_up(f, &c, rooms, room_count, out_len, out);
    }
  }
  return so_status_make(SO_AGAIN, 0);
}

bool so_netfront_arrived(so_netfront *f) {
  uint32_t count;
  if (!so_ring_ready(&f->rx, &count)) {
    so_netfront_break(f, "rx: the response index is out of range");
    return true;
  }
  const uint32_t seen = f->rx.rsp_cons + count;
  const bool news = seen != f->rx_seen;
  f->rx_seen = seen;
  return news;
}
