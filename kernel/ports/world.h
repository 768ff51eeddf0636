#ifndef SO_KERNEL_PORTS_WORLD_H_
#define SO_KERNEL_PORTS_WORLD_H_

// Everything a program may touch, handed to its so_main. The same so_main is linked with a
// different platform for each target.

#include "base/heap.h"
#include "kernel/ports/block.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/console.h"
#include "kernel/ports/entropy.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/folder.h"
#include "kernel/ports/metrics.h"
#include "kernel/ports/net.h"

#ifdef __cplusplus
extern "C" {
#endif

// Named small texts that live beside the program: on Unix files (mode 0600) next to the data
// file, on Xen lines on the console. A key, a certificate, a first token.
typedef struct so_sidecar {
  // Writes `bytes` as `name`, replacing it atomically. DENIED, IO, LIMIT.
  so_status (*write)(void *ctx, so_bytes name, so_bytes bytes);
  void *ctx;
  // Appends the text called `name`. NOT_FOUND, DENIED, IO; LIMIT: it is larger than `out` may grow.
  // NULL where a target only writes.
  so_status (*read)(void *ctx, so_bytes name, so_buf *out);
} so_sidecar;

typedef struct so_world {
  so_clock clock;
  so_entropy entropy;
  so_console console;
  so_net net;
  so_sidecar sidecar;
  const so_heap *heap;
  // Bytes that all of the program has, on a machine of its own: caches and tables are to be a share of it.
  // 0: no bound that matters.
  size_t memory_len;
  so_sched *sched;
  so_metrics metrics;  // Of the platform.
  void *ctx;

  // Opens the device called `name` (a path on Unix, a vbd on Xen). With `create`, a file that is
  // not there is made, readable and writable by its owner only. NOT_FOUND, DENIED, IO; CONFLICT when
  // another process holds it.
  so_status (*open_block)(void *ctx, so_bytes name, bool create, so_block *out);

  // Opens a folder to read. NOT_FOUND, DENIED, IO. NULL on a target that has no folders.
  so_status (*open_folder)(void *ctx, so_bytes name, so_folder *out);
} so_world;

// so_main is the program. It runs as the first fiber; when it returns the loop ends and its result
// is the exit code. `argv[0]` is the program's name.
int so_main(const so_world *world, int argc, const char *const *argv);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_PORTS_WORLD_H_
