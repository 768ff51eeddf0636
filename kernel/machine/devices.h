#ifndef SO_KERNEL_MACHINE_DEVICES_H_
#define SO_KERNEL_MACHINE_DEVICES_H_

// The devices around a program with nothing underneath. An image links exactly one family: kernel/xen
// (rings, grants, xenstore) or kernel/virtio (virtio-mmio, a UART). kernel/bare makes a world of it.
//
// Order of calls: so_devices_early (no memory, no fibers), then the scheduler starts, then from the first
// fiber so_devices_start, then anything. so_devices_poll and so_devices_wait are called from the loop, outside
// of fibers.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/status.h"
#include "kernel/machine/machine.h"
#include "kernel/ports/block.h"
#include "kernel/ports/clock.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"
#include "kernel/ports/netdev.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whole pages, aligned, whose address is also their physical address: what a device may be told of.
// Refusal is NULL.
typedef struct so_pages_port {
  void *(*take)(void *ctx, size_t page_count);  // Not zeroed.
  void (*give)(void *ctx, void *pages, size_t page_count);
  void *ctx;
} so_pages_port;

typedef struct so_devices_config {
  so_sched *sched;
  so_clock clock;
  const so_heap *heap;
  so_pages_port pages;
  so_bytes command_line;
  so_bytes device_tree;
} so_devices_config;

// so_devices_early finds out what the machine runs on and sets up a console for writing, from static
// memory only. Returns false when this family is not there (an image for Xen started without Xen): the
// caller then panics with a clear text through so_machine_debug_write.
bool so_devices_early(const so_machine_boot *boot);

// Text to the console; waits a bounded time for room, then drops. Allowed at any time after
// so_devices_early, in a panic too.
void so_devices_console_write(so_bytes text);

// so_devices_console_read takes typed bytes, or none: 0.
size_t so_devices_console_read(uint8_t *out, size_t cap);

// so_devices_start connects what all devices need. From a fiber. `config` is copied.
SO_MUST_USE so_status so_devices_start(const so_devices_config *config);

// so_devices_net opens network device `index`, 0 first. NOT_FOUND: there is none. IO: it does not come up;
// `*out_why` then says why, in words. Once each.
SO_MUST_USE so_status so_devices_net(unsigned index, so_netdev *out, const char **out_why);

// so_devices_block opens the disk called `name` (`xvda`, `vda`); empty: the first one. Errors as above;
// LIMIT: too small to be a disk (no sector).
SO_MUST_USE so_status so_devices_block(so_bytes name, so_block *out, const char **out_why);

// so_devices_setting appends the value of a setting that lives outside the command line (xenstore
// `data/KEY` below the domain's folder). NOT_FOUND where there is none.
SO_MUST_USE so_status so_devices_setting(so_bytes key, so_buf *out);

// so_devices_random takes at most `len` bytes from the host's generator, and gives their number; 0: there is
// none. Not fit for keys alone: kernel/bare mixes. From a fiber, which may wait for a second.
size_t so_devices_random(uint8_t *out, size_t len);

// so_devices_poll looks at every ring and signals the events of what happened; true if anything did. Never
// blocks.
bool so_devices_poll(void);

// so_devices_wait sleeps until a device may have something, or the deadline; may return early.
void so_devices_wait(uint64_t deadline_ns);

// The wall clock by the family's means, or INT64_MIN: then so_machine_unix_ns is asked.
int64_t so_devices_unix_ns(void);

// so_devices_asked says whether the host asked for the end (xl shutdown, the power button), and how.
// Signals `*out_event` when that changes (valid after so_devices_start).
bool so_devices_asked(so_end *out_how);
so_event *so_devices_asked_event(void);

void so_devices_metrics(so_metric_visit *visit, void *visit_ctx);

// so_devices_end flushes the console and ends the machine, by the family's means if it has them.
_Noreturn void so_devices_end(so_end how);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_MACHINE_DEVICES_H_
