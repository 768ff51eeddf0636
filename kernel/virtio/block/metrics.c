#include "kernel/virtio/block/block.h"

void so_virtio_block_metrics(const so_virtio_block *b, so_metric_visit *visit, void *visit_ctx) {
  const so_virtio_block_stats *const s = &b->stats;
  const struct {
    const char *name;
    so_metric_kind kind;
    uint64_t value;
  } all[] = {
      {"virtio_block_reads", SO_METRIC_COUNTER, s->reads},
      {"virtio_block_writes", SO_METRIC_COUNTER, s->writes},
      {"virtio_block_flushes", SO_METRIC_COUNTER, s->flushes},
      {"virtio_block_read_bytes", SO_METRIC_COUNTER, s->read_bytes},
      {"virtio_block_written_bytes", SO_METRIC_COUNTER, s->written_bytes},
      {"virtio_block_requests", SO_METRIC_COUNTER, s->requests},
      {"virtio_block_errors", SO_METRIC_COUNTER, s->errors},
      {"virtio_block_flush_failed", SO_METRIC_COUNTER, s->flush_failed},
      {"virtio_block_notified", SO_METRIC_COUNTER, b->queue.notified},
      {"virtio_block_broken", SO_METRIC_COUNTER, s->broken},
      {"virtio_block_in_flight_max", SO_METRIC_GAUGE, s->in_flight_max},
  };
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
    visit(visit_ctx, all[i].name, all[i].kind, all[i].value);
  }
}
