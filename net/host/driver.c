// The driver: the one fiber that receives and ticks, and what each call of the program begins and
// ends with.

#include "net/host/internal.h"

#define ETHERNET_LEN 14u
#define VLAN_LEN 4u
#define GSO_FRAME_LEN (65535u + ETHERNET_LEN)
// Frames up to this long are copied into shared pages: acknowledgements hold no page of their own.
#define COPY_LEN_MAX 512u
// How long the driver waits when no page is left to receive into.
#define NO_PAGES_PAUSE_NS (1 * SO_NS_PER_MS)

// --- receiving --------------------------------------------------------------------------------

static bool make_room(so_host *h) {
  if (h->rx == NULL) {
    const size_t frame_len =
        h->device.rx_gso ? GSO_FRAME_LEN : h->interface.config.mtu + ETHERNET_LEN + VLAN_LEN;
    h->rx = so_packet_alloc_pages(&h->pool, frame_len);
    if (h->rx == NULL) {
      h->stats.rx_no_pages++;
      return false;
    }
    h->rx_room_count = so_packet_rooms(h->rx, h->rx_rooms);
  }
  return true;
}

// take_frame makes a packet of the `len` bytes received: short ones are copied, and the pages wait
// for the next frame.
static so_packet *take_frame(so_host *h, size_t len) {
  if (len <= COPY_LEN_MAX) {
    so_packet *const p = so_packet_alloc(&h->pool, 0, len);
    if (p != NULL) {
      if (so_ok(so_packet_append(&h->pool, p, so_bytes_of(h->rx_rooms[0].ptr, len)))) {
        return p;
      }
      so_packet_free(&h->pool, p);
    }
  }
  so_packet *const p = h->rx;
  h->rx = NULL;
  so_packet_fill(&h->pool, p, len);
  return p;
}

// receive_batch returns false when the device is gone. `*out_more`: it stopped for the others'
// sake.
static bool receive_batch(so_host *h, uint64_t now_ns, bool *out_more, bool *out_no_pages) {
  *out_more = false;
  *out_no_pages = false;
  for (unsigned i = 0; i < HOST_RX_BATCH; i++) {
    size_t len;
    so_offload offload;
    if (!make_room(h)) {
      *out_no_pages = true;
      return true;
    }
    const so_status s =
        so_netdev_receive(&h->device, h->rx_rooms, h->rx_room_count, &len, &offload);
    if (so_is(s, SO_AGAIN)) {
      return true;
    }
    if (so_is(s, SO_IO)) {
      return false;
    }
    if (!so_ok(s) || len == 0) {
      h->stats.rx_refused++;
      continue;
    }
    so_packet *const p = take_frame(h, len);
    p->offload = offload;
    so_interface_input(&h->interface, p, now_ns);
  }
  *out_more = true;
  return true;
}

// --- the fiber --------------------------------------------------------------------------------

static uint64_t next_deadline(const so_host *h) {
  const uint64_t a = so_interface_deadline(&h->interface);
  const uint64_t b = so_tcp_deadline(h->tcp);
  return a < b ? a : b;
}

static void tick(so_host *h, uint64_t now_ns) {
  if (so_interface_deadline(&h->interface) <= now_ns) {
    so_interface_tick(&h->interface, now_ns);
  }
  if (so_tcp_deadline(h->tcp) <= now_ns) {
    so_tcp_tick(h->tcp, now_ns);
  }
}

void so_host_drive(void *arg) {
  so_host *const h = arg;
  so_sched *const sched = h->world->sched;
  while (!h->stopping) {
    const uint64_t now_ns = so_host_now(h);
    bool more;
    bool no_pages;
    h->stats.turns++;
    so_tcp_batch_begin(h->tcp);
    const bool alive = receive_batch(h, now_ns, &more, &no_pages);
    so_tcp_batch_end(h->tcp, now_ns);
    if (!alive) {
      h->stats.device_failed++;
      break;
    }
    tick(h, now_ns);
    so_host_flush(h);
    h->calls = 0;
    if (h->stopping) {
      break;
    }
    uint64_t until_ns = next_deadline(h);
    if (no_pages && now_ns + NO_PAGES_PAUSE_NS < until_ns) {
      until_ns = now_ns + NO_PAGES_PAUSE_NS;
    }
    if (more) {
      h->armed_ns = 0;
      so_fiber_yield(sched);
    } else {
      h->armed_ns = until_ns;
      // A deadline that has come does not suspend: the program gets its turn all the same.
      if (!so_ok(so_event_wait(sched, h->device.ready, until_ns)) && until_ns <= now_ns) {
        so_fiber_yield(sched);
      }
    }
  }
  h->driver_ended = true;
  so_event_signal(sched, &h->tx_room);
  so_host_fiber_ended(h);
}

void so_host_fiber_ended(so_host *h) {
  h->fibers--;
  so_event_signal(h->world->sched, &h->fiber_ended);
}

// --- around each call -------------------------------------------------------------------------

void so_host_enter(so_host *h) {
  if (++h->calls >= HOST_CALLS_MAX) {
    h->calls = 0;
    so_fiber_yield(h->world->sched);
  }
}

void so_host_leave(so_host *h) {
  so_host_flush(h);
  const uint64_t next_ns = next_deadline(h);
  if (next_ns < h->armed_ns) {
    h->armed_ns = next_ns;
    so_event_signal(h->world->sched, h->device.ready);
  }
}

so_status so_host_await_device(so_host *h, uint64_t deadline_ns) {
  while (h->tx_count >= HOST_TX_WRITERS && !h->driver_ended) {
    h->stats.writers_waited++;
    SO_TRY(so_event_wait(h->world->sched, &h->tx_room, deadline_ns));
  }
  return h->driver_ended ? so_status_make(SO_IO, 0) : so_done();
}
