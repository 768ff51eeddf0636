// The queue of frames towards the device.

#include "net/host/internal.h"

static void release_slot(void *owner) {
  host_slot *const slot = owner;
  so_host *const h = slot->host;
  so_packet_free(&h->pool, slot->packet);
  slot->packet = NULL;
  slot->next = h->free_slots;
  h->free_slots = slot;
}

void so_host_transmit(void *ctx, so_packet *frame) {
  so_host *const h = ctx;
  if (h->tx_count >= HOST_TX_MAX) {
    h->stats.tx_queue_full++;
    so_packet_free(&h->pool, frame);
    return;
  }
  frame->next = NULL;
  if (h->tx_last != NULL) {
    h->tx_last->next = frame;
  } else {
    h->tx_first = frame;
  }
  h->tx_last = frame;
  h->tx_count++;
}

static so_packet *pop_frame(so_host *h) {
  so_packet *const p = h->tx_first;
  h->tx_first = p->next;
  if (h->tx_first == NULL) {
    h->tx_last = NULL;
  }
  h->tx_count--;
  p->next = NULL;
  return p;
}

static void push_front(so_host *h, so_packet *p) {
  p->next = h->tx_first;
  h->tx_first = p;
  if (h->tx_last == NULL) {
    h->tx_last = p;
  }
  h->tx_count++;
}

// send_frame hands one to the device; false: it has no room now.
static bool send_frame(so_host *h, so_packet *p) {
  host_slot *const slot = h->free_slots;
  h->free_slots = slot->next;
  slot->packet = p;
  so_frame frame;
  frame.part_count = p->frag_count;
  for (size_t i = 0; i < p->frag_count; i++) {
    frame.parts[i] = so_bytes_of(p->frags[i].ptr, p->frags[i].len);
  }
  frame.offload = p->offload;
  frame.release = release_slot;
  frame.owner = slot;
  const so_status s = so_netdev_send(&h->device, &frame);
  if (so_ok(s)) {
    return true;
  }
  slot->packet = NULL;
  slot->next = h->free_slots;
  h->free_slots = slot;
  if (so_is(s, SO_AGAIN)) {
    return false;
  }
  h->stats.tx_refused++;
  so_packet_free(&h->pool, p);
  return true;
}

void so_host_flush(so_host *h) {
  while (h->tx_first != NULL && h->free_slots != NULL) {
    so_packet *const p = pop_frame(h);
    if (!send_frame(h, p)) {
      push_front(h, p);
      break;
    }
  }
  so_netdev_flush(&h->device);
  if (h->tx_count < HOST_TX_WRITERS) {
    so_event_signal(h->world->sched, &h->tx_room);
  }
}
void so_host_free_queue(so_host *h) {
  while (h->tx_first != NULL) {
    so_packet_free(&h->pool, pop_frame(h));
  }
  so_packet_free(&h->pool, h->rx);
  h->rx = NULL;
}
