#ifndef SO_KERNEL_XEN_CONSOLE_CONSOLE_H_
#define SO_KERNEL_XEN_CONSOLE_CONSOLE_H_

// The console of a domain: two rings of bytes in one page (xen/io/console.h), read and fed by a
// daemon of the host.
//
// Works before and without anything else, in a panic too: no memory, no fibers, no other module. A
// write waits for room for a bounded time; once that has run out the daemon counts as gone, and
// text is dropped without waiting until it takes something again. So a host without a console
// daemon costs one patience, not one a line.
//
// A line feed goes out as carriage return and line feed: the other end is a terminal in raw mode.
// The indexes of the other side are checked: one that makes no sense counts as no room, or no
// input.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/console.h>

#include "base/bytes.h"
#include "kernel/ports/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct so_xen_console_ops {
  void (*notify)(void *ctx);
  void (*pause)(void *ctx);  // Lets others run for a moment: a millisecond or so.
  uint64_t (*now_ns)(void *ctx);
  void *ctx;
} so_xen_console_ops;

// Fields are for the module only.
typedef struct so_xen_console {
  so_xen_console_ops ops;
  struct xencons_interface *ring;  // NULL: none; writes are dropped.
  uint64_t patience_ns;
  uint32_t out_prod;
  uint32_t in_cons;
  bool stuck;
  uint64_t written;
  uint64_t dropped;
  uint64_t read;
  uint64_t nonsense;  // Indexes that could not be.
} so_xen_console;

void so_xen_console_init(so_xen_console *c, const so_xen_console_ops *ops, uint64_t patience_ns);

// so_xen_console_attach goes on where the ring stands. Again after the ring changed.
void so_xen_console_attach(so_xen_console *c, struct xencons_interface *ring);

void so_xen_console_write(so_xen_console *c, so_bytes text);

// so_xen_console_read takes what was typed, at most `cap` bytes. Never waits.
size_t so_xen_console_read(so_xen_console *c, uint8_t *out, size_t cap);

// so_xen_console_flush waits until the daemon has taken all, within the patience. True: it has.
bool so_xen_console_flush(so_xen_console *c);

void so_xen_console_metrics(const so_xen_console *c, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_CONSOLE_CONSOLE_H_
