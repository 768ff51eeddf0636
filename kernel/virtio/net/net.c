#include "kernel/virtio/net/net.h"

#include "base/assert.h"
#include "base/mem.h"
#include "kernel/virtio/net/internal.h"

#define QUEUE_RX 0u
#define QUEUE_TX 1u

#define MTU_DEFAULT 1500u
#define MTU_MIN 68u  // RFC 791; less is no network.

// The configuration (5.1.4).
#define C_MAC 0u
#define C_STATUS 6u
#define C_MTU 10u
#define STATUS_LINK_UP 1u

static void stop(so_virtio_net *n, const char *why) {
  n->why = why;
  so_virtio_mmio_fail(n->mmio);
  so_virtio_net_release_all(n);
  so_event_signal(n->config.sched, &n->ready);
}

void so_virtio_net_break(so_virtio_net *n, const char *why) {
  if (n->why == NULL) {
    n->stats.broken++;
    stop(n, why);
  }
}

// --- start --------------------------------------------------------------------------------------

static uint64_t wanted(void) {
  return F_CSUM | F_GUEST_CSUM | F_MTU | F_MAC | F_GUEST_TSO4 | F_GUEST_TSO6 | F_HOST_TSO4 |
         F_HOST_TSO6 | F_MRG_RXBUF | F_STATUS;
}

// Large frames are only received into several pages; the features that others require (5.1.3.1) cannot be
// there without them, because that is checked here once more.
static so_status agree(so_virtio_net *n, const char **out_why) {
  SO_TRY(so_virtio_mmio_begin(n->mmio, wanted(), out_why));
  if (!so_virtio_net_has(n, F_MRG_RXBUF)) {
    SO_TRY(so_virtio_mmio_begin(n->mmio, wanted() & ~(F_GUEST_TSO4 | F_GUEST_TSO6), out_why));
  }
  const uint64_t cuts = F_HOST_TSO4 | F_HOST_TSO6;
  const uint64_t joins = F_GUEST_TSO4 | F_GUEST_TSO6;
  if ((so_virtio_net_has(n, cuts) && !so_virtio_net_has(n, F_CSUM)) ||
      (so_virtio_net_has(n, joins) && !so_virtio_net_has(n, F_GUEST_CSUM))) {
    *out_why = "the device offers large segments without checksums";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  const bool has_count = !n->mmio->legacy || so_virtio_net_has(n, F_MRG_RXBUF);
  n->header_len = has_count ? sizeof(net_header) : LEGACY_HEADER_LEN;
  return so_done();
}

static bool read_mac(so_virtio_net *n) {
  so_virtio_field fields[SO_MAC_LEN];
  uint64_t bytes[SO_MAC_LEN];
  for (uint32_t i = 0; i < SO_MAC_LEN; i++) {
    fields[i] = (so_virtio_field){C_MAC + i, 1};
  }
  if (!so_virtio_mmio_config(n->mmio, fields, SO_MAC_LEN, bytes)) {
    return false;
  }
  for (size_t i = 0; i < SO_MAC_LEN; i++) {
    n->mac[i] = (uint8_t)bytes[i];
  }
  return true;
}

static bool read_mtu(so_virtio_net *n) {
  const so_virtio_field field = {C_MTU, 2};
  uint64_t mtu;
  if (!so_virtio_mmio_config(n->mmio, &field, 1, &mtu)) {
    return false;
  }
  n->mtu = (uint16_t)mtu;
  return true;
}

static so_status configure(so_virtio_net *n, const char **out_why) {
  memcpy(n->mac, n->config.own_mac, SO_MAC_LEN);
  n->mtu = MTU_DEFAULT;
  n->link_up = true;
  *out_why = "the device's configuration never stops changing";
  if (so_virtio_net_has(n, F_MAC) && !read_mac(n)) {
    return so_status_make(SO_IO, 0);
  }
  if (so_virtio_net_has(n, F_MTU) && !read_mtu(n)) {
    return so_status_make(SO_IO, 0);
  }
  // Without mergeable buffers a frame has one page.
  const uint32_t most = PAGE_LEN - (uint32_t)sizeof(net_header) - 18u;
  if (!so_virtio_net_has(n, F_MRG_RXBUF) && n->mtu > most) {
    n->mtu = (uint16_t)most;
  }
  if (n->mtu < MTU_MIN) {
    *out_why = "the device has an MTU that no network has";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  so_virtio_net_changed(n);
  return so_done();
}

// take_memory takes fewer pages to receive into when there are not as many.
static bool take_memory(so_virtio_net *n) {
  const so_pages_port *const pages = &n->config.pages;
  n->tx_headers = pages->take(pages->ctx, 1);
  uint32_t count = n->config.rx_pages;
  while (n->rx_pages == NULL && count >= SO_VIRTIO_NET_RX_PAGES_MIN) {
    n->rx_page_count = count;
    n->rx_pages = pages->take(pages->ctx, count);
    count /= 2;
  }
  return n->tx_headers != NULL && n->rx_pages != NULL;
}

static so_status make_queues(so_virtio_net *n, const char **out_why) {
  const so_virtio_net_config *const c = &n->config;
  SO_TRY(so_virtio_mmio_queue(n->mmio, QUEUE_RX, SO_VIRTQ_SIZE_MAX, c->heap, &c->pages, &n->rx,
                              out_why));
  SO_TRY(so_virtio_mmio_queue(n->mmio, QUEUE_TX, SO_VIRTQ_SIZE_MAX, c->heap, &c->pages, &n->tx,
                              out_why));
  // A frame must fit into either; what does not fit at all would wait for ever.
  if (n->rx.config.size < SO_VIRTIO_NET_RX_PAGES_MIN ||
      n->tx.config.size < SO_NETDEV_PARTS_MAX + 1) {
    *out_why = "the queues of the device are too short";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  const uint16_t size = n->rx.config.size;
  n->rx_offered = n->rx_page_count < size ? (uint16_t)n->rx_page_count : size;
  for (uint16_t i = 0; i < n->rx_offered; i++) {
    so_virtio_net_offer(n, i);
  }
  return so_done();
}

static void give_memory(so_virtio_net *n) {
  const so_pages_port *const pages = &n->config.pages;
  so_virtq_release(&n->rx);
  so_virtq_release(&n->tx);
  if (n->rx_pages != NULL) {
    pages->give(pages->ctx, n->rx_pages, n->rx_page_count);
  }
  if (n->tx_headers != NULL) {
    pages->give(pages->ctx, n->tx_headers, 1);
  }
  n->rx_pages = NULL;
  n->tx_headers = NULL;
}

so_status so_virtio_net_start(so_virtio_net *n, so_virtio_mmio *mmio,
                              const so_virtio_net_config *config, const char **out_why) {
  SO_ASSERT(config->rx_pages >= SO_VIRTIO_NET_RX_PAGES_MIN &&
            config->rx_pages <= SO_VIRTIO_NET_RX_PAGES_MAX);
  *n = (so_virtio_net){.config = *config, .mmio = mmio};
  for (uint16_t i = 0; i < SO_VIRTIO_NET_TX_MAX; i++) {
    const bool is_last = i + 1 == SO_VIRTIO_NET_TX_MAX;
    n->slots[i].next_free = is_last ? SO_VIRTQ_NONE : (uint16_t)(i + 1);
  }
  so_status s = agree(n, out_why);
  if (so_ok(s)) {
    s = configure(n, out_why);
  }
  if (so_ok(s) && !take_memory(n)) {
    *out_why = "no memory for a network device";
    s = so_status_make(SO_LIMIT, 0);
  }
  if (so_ok(s)) {
    s = make_queues(n, out_why);
  }
  if (!so_ok(s)) {
    so_virtio_mmio_fail(mmio);
    give_memory(n);
    return s;
  }
  so_virtio_mmio_start(mmio);
  so_virtq_push(&n->rx);
  return so_done();
}

// --- the loop -----------------------------------------------------------------------------------

void so_virtio_net_changed(so_virtio_net *n) {
  const so_virtio_field field = {C_STATUS, 2};
  uint64_t status;
  if (n->why == NULL && so_virtio_mmio_needs_reset(n->mmio)) {
    so_virtio_net_break(n, "the network device says that it failed");
  }
  if (n->why == NULL && so_virtio_net_has(n, F_STATUS) &&
      so_virtio_mmio_config(n->mmio, &field, 1, &status)) {
    n->link_up = (status & STATUS_LINK_UP) != 0;
  }
}

// arrived is true when something came that `ready` was not signalled for.
static bool arrived(so_virtio_net *n) {
  const uint16_t index = (uint16_t)(n->rx.taken + so_virtq_ready(&n->rx));
  const bool news = index != n->rx_seen || n->rx_again;
  n->rx_seen = index;
  n->rx_again = false;
  return news;
}

bool so_virtio_net_poll(so_virtio_net *n) {
  if (n->why != NULL) {
    return false;
  }
  so_virtio_net_flush(n);
  const bool sent = so_virtio_net_reap(n);
  if (n->why != NULL) {
    return true;
  }
  const bool came = arrived(n);
  if (came || (sent && n->tx_waits)) {
    n->tx_waits = false;
    so_event_signal(n->config.sched, &n->ready);
  }
  return sent || came;
}

bool so_virtio_net_arm(so_virtio_net *n) {
  if (n->why != NULL) {
    return false;
  }
  so_virtio_net_flush(n);
  so_virtq_push(&n->rx);
  const uint16_t unread = (uint16_t)(n->rx_seen - n->rx.taken);
  bool awake = n->rx_again;
  awake |= so_virtq_arm(&n->rx, unread <= n->rx.in_flight ? (uint16_t)(unread + 1) : 1);
  // Nobody waits for frames to be released but a send that was refused: half of many is soon enough.
  if (n->tx_waits) {
    awake |= so_virtq_arm(&n->tx, 1);
  } else if (n->tx_busy > SO_VIRTIO_NET_TX_MAX / 2) {
    awake |= so_virtq_arm(&n->tx, n->tx_busy / 2);
  } else {
    so_virtq_disarm(&n->tx);
  }
  return awake;
}

// --- the port -----------------------------------------------------------------------------------

static void close_port(void *ctx) {
  so_virtio_net *const n = ctx;
  if (n->why == NULL) {
    stop(n, "it was closed");
  }
  give_memory(n);
}

void so_virtio_net_open(so_virtio_net *n, so_netdev *out) {
  static const so_netdev_ops ops = {so_virtio_net_send, so_virtio_net_receive, close_port};
  *out = (so_netdev){
      .ops = &ops,
      .ctx = n,
      .ready = &n->ready,
      .mtu = n->mtu,
      .tx_csum = so_virtio_net_has(n, F_CSUM),
      .tx_tso4 = so_virtio_net_has(n, F_HOST_TSO4),
      .tx_tso6 = so_virtio_net_has(n, F_HOST_TSO6),
      .rx_gso = so_virtio_net_has(n, F_GUEST_TSO4 | F_GUEST_TSO6),
      .flush = so_virtio_net_flush,
  };
  memcpy(out->mac, n->mac, SO_MAC_LEN);
}
