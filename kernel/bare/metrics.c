// What the machine counts, as a part of an image.

#include "kernel/bare/internal.h"

void so_bare_metrics_each(void *ctx, so_metric_visit *visit, void *visit_ctx) {
  const bare *const b = ctx;
  const struct {
    const char *name;
    so_metric_kind kind;
    uint64_t value;
  } all[] = {
      {"memory_bytes", SO_METRIC_GAUGE, (uint64_t)b->pages.total_count * SO_PAGE_LEN},
      {"memory_free_bytes", SO_METRIC_GAUGE, (uint64_t)b->pages.free_count * SO_PAGE_LEN},
      {"memory_free_min_bytes", SO_METRIC_GAUGE, (uint64_t)b->pages.free_min * SO_PAGE_LEN},
      {"memory_refused", SO_METRIC_COUNTER, b->pages.refused_count + b->page_heap.refused_count},
      {"heap_bytes", SO_METRIC_GAUGE, b->page_heap.used},
      {"heap_pages", SO_METRIC_GAUGE, b->page_heap.page_count},
      {"heap_pages_max", SO_METRIC_GAUGE, b->page_heap.page_count_max},
      {"fibers", SO_METRIC_GAUGE, b->sched.fiber_count},
      // 0 without log=debug.
      {"fiber_stack_max_bytes", SO_METRIC_GAUGE, so_sched_stack_used_max(&b->sched)},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    visit(visit_ctx, all[i].name, all[i].kind, all[i].value);
  }
  so_devices_metrics(visit, visit_ctx);
}
