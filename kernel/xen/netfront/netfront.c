#include "kernel/xen/netfront/netfront.h"

#include "base/assert.h"
#include "base/fmt.h"
#include "base/hex.h"
#include "base/mem.h"
#include "kernel/xen/netfront/internal.h"

#define MTU_DEFAULT 1500u
#define MTU_MIN 68u      // RFC 791.
#define MTU_MAX 65500u
#define VLAN_LEN 4u
#define TX_ENTRY_LEN 12u  // Slots of netif.h; netfront_test.cc compares.
#define RX_ENTRY_LEN 8u

// --- keys -----------------------------------------------------------------------------------

// flag reads "1" or "0"; what is missing or makes no sense is `missing`.
static bool flag(const so_xen_keys *keys, const char *key, bool missing) {
  so_bytes text;
  uint64_t v;
  if (!keys->read(keys->ctx, key, &text) || !so_ok(so_parse_u64(text, &v))) {
    return missing;
  }
  return v != 0;
}

static bool read_mac(const so_xen_keys *keys, uint8_t out[SO_MAC_LEN]) {
  so_bytes text;
  if (!keys->read(keys->ctx, "mac", &text) || text.len != 3 * SO_MAC_LEN - 1) {
    return false;
  }
  for (size_t i = 0; i < SO_MAC_LEN; i++) {
    const so_bytes digits = so_bytes_of(text.ptr + 3 * i, 2);
    if (!so_ok(so_hex_read(digits, out + i, 1)) ||
        (i + 1 < SO_MAC_LEN && text.ptr[3 * i + 2] != ':')) {
      return false;
    }
  }
  return (out[0] & 1) == 0;  // Not that of a group.
}

static uint16_t read_mtu(const so_xen_keys *keys, bool sg) {
  so_bytes text;
  uint64_t v = MTU_DEFAULT;
  if (keys->read(keys->ctx, "mtu", &text) &&
      (!so_ok(so_parse_u64(text, &v)) || v < MTU_MIN || v > MTU_MAX)) {
    v = MTU_DEFAULT;
  }
  if (!sg && v > PAGE_LEN - ETHERNET_LEN - VLAN_LEN) {
    v = PAGE_LEN - ETHERNET_LEN - VLAN_LEN;  // One slot.
  }
  return (uint16_t)v;
}

static void read_features(so_netfront_features *f, const so_xen_keys *back) {
  f->sg = flag(back, "feature-sg", false);
  f->csum4 = !flag(back, "feature-no-csum-offload", false);
  f->csum6 = flag(back, "feature-ipv6-csum-offload", false);
  f->tso4 = f->sg && f->csum4 && flag(back, "feature-gso-tcpv4", false);
  f->tso6 = f->sg && f->csum6 && flag(back, "feature-gso-tcpv6", false);
}

static void write_number(const so_xen_writer *out, const char *key, uint32_t v) {
  char text[12];
  so_writer w = so_writer_of((uint8_t *)text, sizeof text);
  so_write_printf(&w, "%u%c", v, 0);
  out->write(out->ctx, key, text);
}

static void write_keys(const so_netfront *f, const so_xen_writer *out) {
  write_number(out, "tx-ring-ref", f->tx_memory.current->refs[0]);
  write_number(out, "rx-ring-ref", f->rx_memory.current->refs[0]);
  write_number(out, "event-channel", f->peer.event_port);
  static const char *const on[] = {"request-rx-copy",   "feature-rx-notify", "feature-sg",
                                   "feature-gso-tcpv4", "feature-gso-tcpv6",
                                   "feature-ipv6-csum-offload"};
  for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
    out->write(out->ctx, on[i], "1");
  }
  // A program that ran here before may have left them.
  out->write(out->ctx, "feature-no-csum-offload", NULL);
  out->write(out->ctx, "multi-queue-num-queues", NULL);
}

// --- connections ----------------------------------------------------------------------------

void so_netfront_notify(so_netfront *f) {
  f->stats.notified++;
  f->peer.channel.notify(f->peer.channel.ctx);
}

void so_netfront_break(so_netfront *f, const char *why) {
  if (f->state == SO_NETFRONT_CONNECTED) {
    f->state = SO_NETFRONT_BROKEN;
    f->why = why;
    f->stats.broken++;
  }
}

static void end_grants(so_netfront *f) {
  so_share_pool_end(&f->tx_pages);
  so_share_pool_end(&f->rx_pages);
  so_share_ring_end(&f->tx_memory);
  so_share_ring_end(&f->rx_memory);
}

static so_status make_grants(so_netfront *f) {
  const uint16_t domid = f->peer.domid;
  SO_TRY(so_share_ring_grant(&f->tx_memory, domid, 1));
  SO_TRY(so_share_ring_grant(&f->rx_memory, domid, 1));
  SO_TRY(so_share_pool_grant(&f->tx_pages, domid, SO_NETFRONT_PAGES_MIN));
  return so_share_pool_grant(&f->rx_pages, domid, SO_NETFRONT_PAGES_MIN);
}

static void start_rings(so_netfront *f) {
  so_ring_init(&f->tx, f->tx_memory.current->pages, PAGE_LEN, TX_ENTRY_LEN);
  so_ring_init(&f->rx, f->rx_memory.current->pages, PAGE_LEN, RX_ENTRY_LEN);
  for (size_t i = 0; i < SO_NETFRONT_PAGES_MAX; i++) {
    f->tx_slots[i].busy = false;  // Generations go on: an old answer stays wrong.
  }
  f->tx_extras = 0;
  f->tx_waits = false;
  f->rx_seen = 0;
  so_netfront_refill(f);
  (void)so_ring_push(&f->rx);  // Nobody listens yet; connect notifies.
}

static so_status publish(void *ctx, const so_xen_peer *peer, const so_xen_keys *back,
                         const so_xen_keys *front, const so_xen_writer *out,
                         const char **out_why) {
  so_netfront *const f = ctx;
  SO_ASSERT(f->state == SO_NETFRONT_DOWN);
  f->peer = *peer;
  if (!flag(back, "feature-rx-copy", false)) {
    *out_why = "the back end cannot copy into our pages (feature-rx-copy)";
    return so_status_make(SO_UNSUPPORTED, 0);
  }
  read_features(&f->features, back);
  if (!f->has_mac) {
    if (!read_mac(front, f->mac)) {
      *out_why = "no usable `mac` in the device's folder: give one in the domain's `vif`";
      return so_status_make(SO_MALFORMED, 0);
    }
    f->has_mac = true;
    f->mtu = read_mtu(front, f->features.sg);
  }
  const so_status s = make_grants(f);
  if (!so_ok(s)) {
    end_grants(f);
    *out_why = "no pages or grant references for the rings, or the last back end keeps ours mapped";
    return s;
  }
  start_rings(f);
  write_keys(f, out);
  f->state = SO_NETFRONT_WAITING;
  return so_done();
}

static so_status connect(void *ctx, const so_xen_keys *back, const char **out_why) {
  so_netfront *const f = ctx;
  (void)back;
  (void)out_why;
  SO_ASSERT(f->state == SO_NETFRONT_WAITING);
  f->state = SO_NETFRONT_CONNECTED;
  f->stats.connected++;
  so_netfront_notify(f);
  so_event_signal(f->config.sched, &f->ready);
  return so_done();
}

static void check_stuck(so_netfront *f) {
  if (f->tx_waits &&
      so_clock_now(&f->config.clock) - f->tx_stuck_ns > f->config.answer_ns) {
    so_netfront_break(f, "tx: the back end does not take frames any more");
  }
}

static bool poll(void *ctx) {
  so_netfront *const f = ctx;
  if (f->state != SO_NETFRONT_CONNECTED) {
    return false;
  }
  so_netfront_flush(f);  // For senders who never ring.
  bool any = so_netfront_reap(f);
  if (f->state == SO_NETFRONT_CONNECTED && so_netfront_arrived(f)) {
    so_event_signal(f->config.sched, &f->ready);
    any = true;
  }
  check_stuck(f);
  return any || f->state != SO_NETFRONT_CONNECTED;
}

static bool broken(const void *ctx, const char **out_why) {
  const so_netfront *const f = ctx;
  *out_why = f->why;
  return f->state == SO_NETFRONT_BROKEN;
}

static void disconnect(void *ctx, so_front_loss how) {
  so_netfront *const f = ctx;
  (void)how;  // Frames may always get lost.
  if (f->state == SO_NETFRONT_FAILED || f->state == SO_NETFRONT_DOWN) {
    return;
  }
  for (size_t i = 0; i < SO_NETFRONT_PAGES_MAX; i++) {
    f->stats.lost += f->tx_slots[i].busy;
  }
  end_grants(f);
  f->tx_waits = false;
  f->state = SO_NETFRONT_DOWN;
  so_event_signal(f->config.sched, &f->ready);
}

static void fail(void *ctx) {
  so_netfront *const f = ctx;
  disconnect(f, SO_FRONT_LOST);
  f->state = SO_NETFRONT_FAILED;
  so_event_signal(f->config.sched, &f->ready);
}

// --- life -----------------------------------------------------------------------------------

so_status so_netfront_init(so_netfront *f, const so_netfront_config *config) {
  SO_ASSERT(config->rx_pages >= SO_NETFRONT_PAGES_MIN && config->rx_pages <= SO_NETFRONT_PAGES_MAX);
  SO_ASSERT(config->tx_pages >= SO_NETFRONT_PAGES_MIN && config->tx_pages <= SO_NETFRONT_PAGES_MAX);
  *f = (so_netfront){.config = *config};
  so_share_ring_init(&f->tx_memory, &config->grants);
  so_share_ring_init(&f->rx_memory, &config->grants);
  SO_TRY(so_share_pool_init(&f->tx_pages, config->heap, &config->grants, config->tx_pages, true));
  const so_status s =
      so_share_pool_init(&f->rx_pages, config->heap, &config->grants, config->rx_pages, false);
  if (!so_ok(s)) {
    so_share_pool_release(&f->tx_pages);
  }
  return s;
}

void so_netfront_release(so_netfront *f) {
  disconnect(f, SO_FRONT_CLOSED);
  so_share_pool_release(&f->tx_pages);
  so_share_pool_release(&f->rx_pages);
}

so_front so_netfront_front(so_netfront *f) {
  static const so_front_ops ops = {publish, connect, poll, broken, disconnect, fail};
  return (so_front){.ops = &ops, .ctx = f, .connected_at_publish = true};
}

// What is shared outlives the port; so_netfront_release ends it.
static void close_port(void *ctx) {
  so_netfront *const f = ctx;
  so_event_signal(f->config.sched, &f->ready);
}

so_status so_netfront_open(so_netfront *f, so_netdev *out) {
  static const so_netdev_ops ops = {so_netfront_send, so_netfront_receive, close_port};
  if (f->stats.connected == 0) {
    return so_status_make(SO_CONFLICT, 0);
  }
  *out = (so_netdev){
      .ops = &ops,
      .ctx = f,
      .ready = &f->ready,
      .mtu = f->mtu,
      .tx_csum = true,
      .tx_tso4 = f->features.tso4,
      .tx_tso6 = f->features.tso6,
      .rx_gso = true,
      .flush = so_netfront_flush,
  };
  memcpy(out->mac, f->mac, SO_MAC_LEN);
  return so_done();
}
