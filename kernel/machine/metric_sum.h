#ifndef SO_KERNEL_MACHINE_METRIC_SUM_H_
#define SO_KERNEL_MACHINE_METRIC_SUM_H_

// Metrics of several devices of one kind, under the names of one: their sums. Names of metrics have
// no numbers, and what is watched is the machine.
//
//   so_metric_sum sum = {.count = 0};
//   for each device: so_disk_metrics(device, so_metric_sum_visit, &sum);
//   so_metric_sum_each(&sum, visit, visit_ctx);

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "kernel/ports/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_METRIC_SUM_MAX 32u  // Names that one kind of device has at most.

typedef struct so_metric_sum {
  struct {
    const char *name;
    so_metric_kind kind;
    uint64_t value;
  } all[SO_METRIC_SUM_MAX];
  size_t count;
} so_metric_sum;

// so_metric_sum_visit is an so_metric_visit; `ctx` is an so_metric_sum. All devices are of one kind,
// so a name is one and the same pointer for all of them.
static inline void so_metric_sum_visit(void *ctx, const char *name, so_metric_kind kind,
                                       uint64_t value) {
  so_metric_sum *const s = (so_metric_sum *)ctx;
  size_t i = 0;
  while (i < s->count && s->all[i].name != name) {
    i++;
  }
  SO_ASSERT(i < SO_METRIC_SUM_MAX);
  if (i == s->count) {
    s->all[s->count].name = name;
    s->all[s->count].kind = kind;
    s->all[s->count].value = 0;
    s->count++;
  }
  s->all[i].value += value;
}

// so_metric_sum_each gives what was summed, in the order in which the first device gave it.
static inline void so_metric_sum_each(const so_metric_sum *s, so_metric_visit *visit,
                                      void *visit_ctx) {
  for (size_t i = 0; i < s->count; i++) {
    visit(visit_ctx, s->all[i].name, s->all[i].kind, s->all[i].value);
  }
}

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_MACHINE_METRIC_SUM_H_
