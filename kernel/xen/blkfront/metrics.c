#include "kernel/xen/blkfront/blkfront.h"

void so_blkfront_metrics(const so_blkfront *f, so_metric_visit *visit, void *visit_ctx) {
  const so_blkfront_stats *const s = &f->stats;
  const struct {
    const char *name;
    so_metric_kind kind;
    uint64_t value;
  } all[] = {
      {"blkfront_reads", SO_METRIC_COUNTER, s->reads},
      {"blkfront_writes", SO_METRIC_COUNTER, s->writes},
      {"blkfront_flushes", SO_METRIC_COUNTER, s->flushes},
      {"blkfront_read_bytes", SO_METRIC_COUNTER, s->read_bytes},
      {"blkfront_written_bytes", SO_METRIC_COUNTER, s->written_bytes},
      {"blkfront_requests", SO_METRIC_COUNTER, s->requests},
      {"blkfront_requests_indirect", SO_METRIC_COUNTER, s->indirect},
      {"blkfront_errors", SO_METRIC_COUNTER, s->errors},
      {"blkfront_restarted", SO_METRIC_COUNTER, s->restarted},
      {"blkfront_absent", SO_METRIC_COUNTER, s->absent},
      {"blkfront_lost_writes", SO_METRIC_COUNTER, s->lost_writes},
      {"blkfront_flush_failed", SO_METRIC_COUNTER, s->flush_failed},
      {"blkfront_notified", SO_METRIC_COUNTER, s->notified},
      {"blkfront_connected", SO_METRIC_COUNTER, s->connected},
      {"blkfront_broken", SO_METRIC_COUNTER, s->broken},
      {"blkfront_in_flight", SO_METRIC_GAUGE, f->in_flight},
      {"blkfront_in_flight_max", SO_METRIC_GAUGE, s->in_flight_max},
      {"blkfront_pages", SO_METRIC_GAUGE, f->pages.usable},
      {"blkfront_pages_aside", SO_METRIC_GAUGE,
       f->pages.aside + so_share_ring_aside(&f->ring_memory)},
  };
  for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
    visit(visit_ctx, all[i].name, all[i].kind, all[i].value);
  }
}
