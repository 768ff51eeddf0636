#ifndef SO_KERNEL_XEN_BALLOON_BALLOON_H_
#define SO_KERNEL_XEN_BALLOON_BALLOON_H_

// Memory that the host wants back, and gives again: `xl mem-set` writes `memory/target` (KiB).
//
// Pages are taken from the page allocator and their frames handed to Xen; their addresses are
// remembered, in pages of the balloon's own, and populated again when the target grows. A machine
// never gets more than it began with.
//
// Invariants
//   - What is given away is not touched: it is out of the allocator until Xen has populated it
//     again.
//   - The program keeps room to work: nothing is given away while a run of `headroom` pages cannot
//     be had. The target is then missed, and tried again.
// Limits: SO_BALLOON_BATCH pages a step, so that the loop turns in between.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/machine/devices.h"
#include "kernel/ports/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_BALLOON_BATCH 256u

// Frames (address / SO_PAGE_LEN) to Xen and back. They return how many of the first ones it took.
typedef struct so_balloon_ops {
  size_t (*give)(void *ctx, const uint64_t *frames, size_t count);
  size_t (*take)(void *ctx, const uint64_t *frames, size_t count);
  void *ctx;
} so_balloon_ops;

typedef struct so_balloon_block so_balloon_block;

// Fields are for the module only.
typedef struct so_balloon {
  so_balloon_ops ops;
  so_pages_port pages;
  size_t headroom;
  uint64_t base_kib;   // The target that the machine began with.
  uint64_t wanted;     // Pages to be away.
  uint64_t away;       // Pages with Xen.
  so_balloon_block *blocks;  // Their frames, the newest first.
  so_balloon_block *spare;   // One more block, for the next frames.
  uint64_t given;
  uint64_t taken;
  uint64_t refused;    // Steps that ended early: by Xen, or for want of headroom.
} so_balloon;

void so_balloon_init(so_balloon *b, const so_balloon_ops *ops, const so_pages_port *pages,
                     size_t headroom);

// so_balloon_target takes the value of `memory/target`. The first one is what the machine began
// with. False: it is no number; nothing changed.
bool so_balloon_target(so_balloon *b, so_bytes text);

typedef enum so_balloon_state {
  SO_BALLOON_DONE = 0,  // As wanted.
  SO_BALLOON_MORE,      // Call again.
  SO_BALLOON_STUCK,     // No headroom, or Xen refuses: later.
} so_balloon_state;

// so_balloon_step moves up to SO_BALLOON_BATCH pages.
so_balloon_state so_balloon_step(so_balloon *b);

void so_balloon_metrics(const so_balloon *b, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_BALLOON_BALLOON_H_
