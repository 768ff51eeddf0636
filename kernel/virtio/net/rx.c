// Receiving: the device fills pages of ours, the first of a frame with a header in front.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/virtio/net/internal.h"

#define PUSH_BATCH 16u
#define DROPS_MAX 256u  // Of frames without worth, before others get their turn.

static uint8_t *page_at(const so_virtio_net *n, uint16_t page) {
  return n->rx_pages + (size_t)page * PAGE_LEN;
}

void so_virtio_net_offer(so_virtio_net *n, uint16_t page) {
  const so_virtq_part part = {page_at(n, page), PAGE_LEN};
  const bool added = so_virtq_add(&n->rx, &part, 0, 1, page);
  SO_ASSERT(added);  // There are not more pages than descriptors.
}

// --- one frame ----------------------------------------------------------------------------------

static net_header read_header(const so_virtio_net *n, uint16_t page) {
  net_header h = {.buffer_count = 1};
  memcpy(&h, page_at(n, page), LEGACY_HEADER_LEN);
  if (so_virtio_net_has(n, F_MRG_RXBUF)) {
    memcpy(&h.buffer_count, page_at(n, page) + LEGACY_HEADER_LEN, sizeof h.buffer_count);
  }
  return h;
}

// offload_of reads what a header says; false: it does not fit the frame, or what we agreed on.
static bool offload_of(const so_virtio_net *n, const net_header *h, size_t len, so_offload *out) {
  *out = (so_offload){0};
  if (!so_virtio_net_has(n, F_GUEST_CSUM)) {
    return h->gso_type == HEADER_GSO_NONE && (h->flags & HEADER_NEEDS_CSUM) == 0;
  }
  out->csum_valid = (h->flags & HEADER_DATA_VALID) != 0;
  if ((h->flags & HEADER_NEEDS_CSUM) != 0) {
    if ((size_t)h->csum_start + h->csum_offset + 2 > len) {
      return false;
    }
    out->needs_csum = true;
    out->csum_start = h->csum_start;
    out->csum_offset = h->csum_offset;
  }
  const unsigned type = h->gso_type & ~HEADER_GSO_ECN;
  if (type == HEADER_GSO_NONE) {
    return true;
  }
  const bool is4 = type == HEADER_GSO_TCP4;
  if ((!is4 && type != HEADER_GSO_TCP6) || h->gso_size == 0 ||
      !so_virtio_net_has(n, is4 ? F_GUEST_TSO4 : F_GUEST_TSO6)) {
    return false;
  }
  out->gso = is4 ? SO_GSO_TCP4 : SO_GSO_TCP6;
  out->gso_size = h->gso_size;
  out->header_len = h->header_len;  // A hint (5.1.6.4.1).
  return true;
}

static size_t frame_len(const so_virtio_net *n) {
  size_t len = 0;
  for (uint16_t i = 0; i < n->frame.count; i++) {
    len += n->frame.lens[i];
  }
  return len - n->header_len;
}

// copy_out writes the frame into `rooms`; false: it does not fit.
static bool copy_out(const so_virtio_net *n, const so_netdev_room *rooms, size_t room_count) {
  size_t room = 0;
  size_t used = 0;
  for (uint16_t i = 0; i < n->frame.count; i++) {
    const size_t skip = i == 0 ? n->header_len : 0;
    const uint8_t *from = page_at(n, n->frame.pages[i]) + skip;
    size_t left = n->frame.lens[i] - skip;
    while (left != 0) {
      if (room == room_count) {
        return false;
      }
      const size_t space = rooms[room].len - used;
      const size_t some = left < space ? left : space;
      memcpy(rooms[room].ptr + used, from, some);
      from += some;
      left -= some;
      used += some;
      if (used == rooms[room].len) {
        room++;
        used = 0;
      }
    }
  }
  return true;
}

// give_back offers the pages of the frame again.
static void give_back(so_virtio_net *n) {
  n->stats.received_pages += n->frame.count;
  for (uint16_t i = 0; i < n->frame.count; i++) {
    so_virtio_net_offer(n, n->frame.pages[i]);
  }
  n->frame.count = 0;
  n->frame.wanted = 0;
  if ((uint16_t)(n->rx.added - n->rx.pushed) >= PUSH_BATCH) {
    so_virtq_push(&n->rx);
  }
}

static so_status hand_up(so_virtio_net *n, const so_netdev_room *rooms, size_t room_count,
                         size_t *out_len, so_offload *out) {
  const net_header h = read_header(n, n->frame.pages[0]);
  const size_t len = frame_len(n);
  const bool fits = len <= FRAME_LEN_MAX && copy_out(n, rooms, room_count);
  give_back(n);
  if (!fits) {
    n->stats.received_too_long++;
    return so_status_make(SO_LIMIT, 0);
  }
  if (len < ETHERNET_LEN || !offload_of(n, &h, len, out)) {
    n->stats.received_malformed++;
    return so_status_make(SO_MALFORMED, 0);
  }
  n->stats.received++;
  n->stats.received_bytes += len;
  *out_len = len;
  return so_done();
}

// --- the queue ----------------------------------------------------------------------------------

// add_page takes one page that came back. NULL, or what is wrong with it.
static const char *add_page(so_virtio_net *n, uint16_t page, uint32_t len) {
  so_virtio_net_rx *const f = &n->frame;
  f->pages[f->count] = page;
  f->lens[f->count] = (uint16_t)len;
  f->count++;
  if (f->wanted == 0) {
    if (len < n->header_len) {
      return "a received frame has no header";
    }
    f->wanted = read_header(n, page).buffer_count;
    // More than there are would never come.
    if (f->wanted == 0 || f->wanted > n->rx_offered) {
      return "a received frame has no pages, or more than there are";
    }
  }
  return NULL;
}

// collect takes pages until a frame is whole.
static so_virtq_result collect(so_virtio_net *n) {
  while (n->frame.wanted == 0 || n->frame.count < n->frame.wanted) {
    uint16_t page;
    uint32_t len;
    const so_virtq_result r = so_virtq_take(&n->rx, &page, &len);
    if (r != SO_VIRTQ_TAKEN) {
      if (r == SO_VIRTQ_BROKEN) {
        so_virtio_net_break(n, n->rx.why);
      }
      return r;
    }
    const char *const wrong = add_page(n, page, len);
    if (wrong != NULL) {
      so_virtio_net_break(n, wrong);
      return SO_VIRTQ_BROKEN;
    }
  }
  return SO_VIRTQ_TAKEN;
}

so_status so_virtio_net_receive(void *ctx, const so_netdev_room *rooms, size_t room_count,
                                size_t *out_len, so_offload *out) {
  so_virtio_net *const n = ctx;
  SO_ASSERT(room_count != 0);
  for (unsigned i = 0; i < DROPS_MAX && n->why == NULL; i++) {
    const so_virtq_result r = collect(n);
    if (r == SO_VIRTQ_BROKEN) {
      break;
    }
    if (r == SO_VIRTQ_EMPTY) {
      so_virtq_push(&n->rx);
      return so_status_make(SO_AGAIN, 0);
    }
    const so_status s = hand_up(n, rooms, room_count, out_len, out);
    if (!so_is(s, SO_MALFORMED)) {
      return s;
    }
  }
  n->rx_again = true;
  return so_status_make(n->why != NULL ? SO_IO : SO_AGAIN, 0);
}
