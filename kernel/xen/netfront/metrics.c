#include "kernel/xen/netfront/netfront.h"

void so_netfront_metrics(const so_netfront *f, so_metric_visit *visit, void *visit_ctx) {
  const so_netfront_stats *const s = &f->stats;
  const struct {
    const char *name;
    so_metric_kind kind;
    uint64_t value;
  } all[] = {
      {"netfront_sent", SO_METRIC_COUNTER, s->sent},
      {"netfront_sent_bytes", SO_METRIC_COUNTER, s->sent_bytes},
      {"netfront_sent_slots", SO_METRIC_COUNTER, s->sent_slots},
      {"netfront_sent_while_down", SO_METRIC_COUNTER, s->sent_while_down},
      {"netfront_sent_refused", SO_METRIC_COUNTER, s->sent_refused},
      {"netfront_sent_cut", SO_METRIC_COUNTER, s->sent_cut},
      {"netfront_sent_summed", SO_METRIC_COUNTER, s->sent_summed},
      {"netfront_sent_errors", SO_METRIC_COUNTER, s->sent_errors},
      {"netfront_received", SO_METRIC_COUNTER, s->received},
      {"netfront_received_bytes", SO_METRIC_COUNTER, s->received_bytes},
      {"netfront_received_slots", SO_METRIC_COUNTER, s->received_slots},
      {"netfront_received_errors", SO_METRIC_COUNTER, s->received_errors},
      {"netfront_received_too_long", SO_METRIC_COUNTER, s->received_too_long},
      {"netfront_lost", SO_METRIC_COUNTER, s->lost},
      {"netfront_notified", SO_METRIC_COUNTER, s->notified},
      {"netfront_connected", SO_METRIC_COUNTER, s->connected},
      {"netfront_broken", SO_METRIC_COUNTER, s->broken},
      {"netfront_pages", SO_METRIC_GAUGE, f->tx_pages.usable + f->rx_pages.usable},
      {"netfront_pages_aside", SO_METRIC_GAUGE,
       f->tx_pages.aside + f->rx_pages.aside + so_share_ring_aside(&f->tx_memory) +
           so_share_ring_aside(&f->rx_memory)},
  };
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
    visit(visit_ctx, all[i].name, all[i].kind, all[i].value);
  }
}
