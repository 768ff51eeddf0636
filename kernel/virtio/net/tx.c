// Sending: a header of ours, then the frame's parts where they lie.

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/virtio/net/internal.h"

#define HEADER_STRIDE 16u

_Static_assert(SO_VIRTIO_NET_TX_MAX * HEADER_STRIDE <= PAGE_LEN, "the headers have one page");

static uint8_t gso_type_of(uint8_t gso) {
  switch ((so_gso)gso) {
    case SO_GSO_NONE: return HEADER_GSO_NONE;
    case SO_GSO_TCP4: return HEADER_GSO_TCP4;
    case SO_GSO_TCP6: return HEADER_GSO_TCP6;
  }
  SO_ASSERT(false);
  return HEADER_GSO_NONE;
}

static net_header header_of(const so_offload *o) {
  net_header h = {.gso_type = gso_type_of(o->gso)};
  if (o->needs_csum) {
    h.flags = HEADER_NEEDS_CSUM;
    h.csum_start = o->csum_start;
    h.csum_offset = o->csum_offset;
  }
  if (o->gso != SO_GSO_NONE) {
    h.gso_size = o->gso_size;
    h.header_len = o->header_len;
  }
  return h;
}

// can_carry says whether the device takes such a frame.
static bool can_carry(const so_virtio_net *n, const so_frame *frame, size_t len) {
  const so_offload *const o = &frame->offload;
  if (len < ETHERNET_LEN || len > FRAME_LEN_MAX) {
    return false;
  }
  if (o->needs_csum && (!so_virtio_net_has(n, F_CSUM) ||
                        (size_t)o->csum_start + o->csum_offset + 2 > len)) {
    return false;
  }
  if (o->gso == SO_GSO_NONE) {
    return len <= (size_t)n->mtu + 18u;
  }
  const uint64_t feature = o->gso == SO_GSO_TCP4 ? F_HOST_TSO4 : F_HOST_TSO6;
  return so_virtio_net_has(n, feature) && o->gso_size != 0 && o->needs_csum;
}

static void free_slot(so_virtio_net *n, uint16_t i) {
  so_virtio_net_tx *const slot = &n->slots[i];
  const so_virtio_net_tx done = *slot;
  *slot = (so_virtio_net_tx){.next_free = n->first_free};
  n->first_free = i;
  n->tx_busy--;
  if (done.release != NULL) {
    done.release(done.owner);
  }
}

bool so_virtio_net_reap(so_virtio_net *n) {
  uint16_t i;
  uint32_t len;
  bool any = false;
  for (;;) {
    const so_virtq_result r = so_virtq_take(&n->tx, &i, &len);
    if (r == SO_VIRTQ_BROKEN) {
      so_virtio_net_break(n, n->tx.why);
      return true;
    }
    if (r == SO_VIRTQ_EMPTY) {
      return any;
    }
    free_slot(n, i);
    any = true;
  }
}

void so_virtio_net_release_all(so_virtio_net *n) {
  for (uint16_t i = 0; i < SO_VIRTIO_NET_TX_MAX; i++) {
    if (n->slots[i].busy) {
      free_slot(n, i);
    }
  }
}

// put queues a frame; false: no room.
static bool put(so_virtio_net *n, const so_frame *frame) {
  so_virtq_part parts[SO_NETDEV_PARTS_MAX + 1];
  const uint16_t i = n->first_free;
  if (i == SO_VIRTQ_NONE) {
    return false;
  }
  uint8_t *const at = n->tx_headers + (size_t)i * HEADER_STRIDE;
  const net_header h = header_of(&frame->offload);
  size_t count = 0;
  parts[count++] = (so_virtq_part){at, n->header_len};
  for (size_t k = 0; k < frame->part_count; k++) {
    if (frame->parts[k].len != 0) {
      parts[count++] = (so_virtq_part){frame->parts[k].ptr, (uint32_t)frame->parts[k].len};
    }
  }
  if (!so_virtq_add(&n->tx, parts, count, 0, i)) {
    return false;
  }
  memcpy(at, &h, sizeof h);  // Not shown before the next push.
  n->first_free = n->slots[i].next_free;
  n->slots[i] = (so_virtio_net_tx){.release = frame->release, .owner = frame->owner, .busy = true};
  n->tx_busy++;
  return true;
}

static so_status swallow(so_virtio_net *n, const so_frame *frame) {
  n->stats.sent_while_down++;
  if (frame->release != NULL) {
    frame->release(frame->owner);
  }
  return so_done();
}

so_status so_virtio_net_send(void *ctx, const so_frame *frame) {
  so_virtio_net *const n = ctx;
  SO_ASSERT(frame->part_count <= SO_NETDEV_PARTS_MAX);
  if (n->why != NULL) {
    return so_status_make(SO_IO, 0);
  }
  size_t len = 0;
  for (size_t i = 0; i < frame->part_count; i++) {
    len += frame->parts[i].len;
  }
  if (!can_carry(n, frame, len)) {
    return so_status_make(SO_LIMIT, 0);
  }
  if (!n->link_up) {
    return swallow(n, frame);  // As by a cable that is not plugged in.
  }
  if (!put(n, frame)) {
    so_virtq_push(&n->tx);
    if (!so_virtio_net_reap(n) || n->why != NULL || !put(n, frame)) {
      n->tx_waits = true;
      n->stats.sent_refused++;
      return so_status_make(n->why != NULL ? SO_IO : SO_AGAIN, 0);
    }
  }
  n->stats.sent++;
  n->stats.sent_bytes += len;
  return so_done();
}

void so_virtio_net_flush(void *ctx) {
  so_virtio_net *const n = ctx;
  if (n->why == NULL) {
    so_virtq_push(&n->tx);
  }
}
