#include "kernel/virtio/net/net.h"

void so_virtio_net_metrics(const so_virtio_net *n, so_metric_visit *visit, void *visit_ctx) {
  const so_virtio_net_stats *const s = &n->stats;
  const struct {
    const char *name;
    so_metric_kind kind;
    uint64_t value;
  } all[] = {
      {"virtio_net_sent", SO_METRIC_COUNTER, s->sent},
      {"virtio_net_sent_bytes", SO_METRIC_COUNTER, s->sent_bytes},
      {"virtio_net_sent_refused", SO_METRIC_COUNTER, s->sent_refused},
      {"virtio_net_sent_while_down", SO_METRIC_COUNTER, s->sent_while_down},
      {"virtio_net_received", SO_METRIC_COUNTER, s->received},
      {"virtio_net_received_bytes", SO_METRIC_COUNTER, s->received_bytes},
      {"virtio_net_received_pages", SO_METRIC_COUNTER, s->received_pages},
      {"virtio_net_received_too_long", SO_METRIC_COUNTER, s->received_too_long},
      {"virtio_net_received_malformed", SO_METRIC_COUNTER, s->received_malformed},
      {"virtio_net_notified", SO_METRIC_COUNTER, n->rx.notified + n->tx.notified},
      {"virtio_net_broken", SO_METRIC_COUNTER, s->broken},
      {"virtio_net_link_up", SO_METRIC_GAUGE, n->link_up},
  };
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
    visit(visit_ctx, all[i].name, all[i].kind, all[i].value);
  }
}
