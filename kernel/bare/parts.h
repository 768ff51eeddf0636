#ifndef SO_KERNEL_BARE_PARTS_H_
#define SO_KERNEL_BARE_PARTS_H_

// What an image holds besides the least, chosen by the `parts` of unikernel() (bazel/unikernel.bzl), which writes
// the one definition of so_bare_image. What no part of it names is not linked.

#include "kernel/ports/metrics.h"
#include "kernel/ports/world.h"
#include "net/host/parts.h"

typedef struct so_bare_parts {
  const char *program;                // Its name, argv[0].
  void (*host)(so_host_config *c);    // Puts the parts of the network into `c`.
  // The disks of the machine and its counters, or NULL; `ctx` is that of the world.
  so_status (*open_block)(void *ctx, so_bytes name, bool create, so_block *out);
  void (*metrics)(void *ctx, so_metric_visit *visit, void *visit_ctx);
  // Renews the seed on the disk of that name, with the disks. `*io_good`: the generator holds something unpredictable.
  // The result is NULL, or why this machine must not start.
  const char *(*seed_disk)(void *ctx, so_bytes name, bool *io_good);
} so_bare_parts;

extern const so_bare_parts so_bare_image;

// The parts themselves.
so_status so_bare_open_block(void *ctx, so_bytes name, bool create, so_block *out);
const char *so_bare_seed_disk(void *ctx, so_bytes name, bool *io_good);
void so_bare_metrics_each(void *ctx, so_metric_visit *visit, void *visit_ctx);

#endif  // SO_KERNEL_BARE_PARTS_H_
