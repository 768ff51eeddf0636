#ifndef SO_KERNEL_PORTS_METRICS_H_
#define SO_KERNEL_PORTS_METRICS_H_

// Numbers that the platform counts, for programs that show them.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum so_metric_kind {
  SO_METRIC_COUNTER = 0,  // Only ever grows.
  SO_METRIC_GAUGE,
} so_metric_kind;

// `name` is in lower case with underscores, such as "tcp_segments_in"; it lives as long as the
// program.
typedef void so_metric_visit(void *ctx, const char *name, so_metric_kind kind, uint64_t value);

typedef struct so_metrics {
  void (*each)(void *ctx, so_metric_visit *visit, void *visit_ctx);  // NULL: nothing is counted.
  void *ctx;
} so_metrics;

static inline void so_metrics_each(const so_metrics *m, so_metric_visit *visit, void *visit_ctx) {
  if (m->each != NULL) {
    m->each(m->ctx, visit, visit_ctx);
  }
}

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_METRICS_H_
