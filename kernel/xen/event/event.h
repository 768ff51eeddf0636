#ifndef SO_KERNEL_XEN_EVENT_EVENT_H_
#define SO_KERNEL_XEN_EVENT_EVENT_H_

// Event channels as the two-level bits of shared_info (xen/xen.h, xen/event_channel.h): one bit a
// port says that something happened since it was last cleared.
//
// The table knows the ports that we bound. so_xen_events_scan clears their bits and remembers that
// each fired; nobody is called from here. Rings are looked at afterwards, so that what comes after
// the bit was cleared sets it again, and a sleep that begins with a bit set ends at once.
//
// Invariants
//   - `masked`: no upcall is ever wanted, so every mask bit stays set, and Xen only sets pending
//     bits. That is enough for SCHEDOP_poll. Where an interrupt has to end the wait (ARM) the ports
//     are unmasked, and the selector and the upcall flag are cleared by each scan.
//   - Bits of ports that are not in the table are left alone.
// Limits: SO_XEN_EVENTS_MAX ports at a time (SCHEDOP_poll takes 128).

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/event_channel.h>

#include "base/status.h"
#include "kernel/ports/fiber.h"
#include "kernel/ports/metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SO_XEN_EVENTS_MAX 64u

// Ports of the two-level layout: 4096 on 64-bit words.
#define SO_XEN_PORT_MAX ((uint32_t)(sizeof(xen_ulong_t) * 8 * sizeof(xen_ulong_t) * 8))

typedef struct so_xen_event {
  uint32_t port;
  bool bound;
  bool fired;         // Since the last so_xen_events_take.
  so_event *signal;   // May be NULL.
  uint64_t count;
} so_xen_event;

typedef struct so_xen_events {
  so_sched *sched;          // For `signal`; may be NULL while none is given.
  struct shared_info *shared;  // NULL: not attached.
  bool masked;
  so_xen_event events[SO_XEN_EVENTS_MAX];
  uint32_t used;            // Highest index in use, plus one.
  uint64_t scans;
  uint64_t fired;
} so_xen_events;

void so_xen_events_init(so_xen_events *e, so_sched *sched, bool masked);

// so_xen_events_attach starts to use `shared`, a new page: every port is forgotten, and masked.
void so_xen_events_attach(so_xen_events *e, struct shared_info *shared);

// so_xen_events_add adds `port`. Its bit counts as set, so that what happened before is looked at.
// LIMIT: the table is full, or there can be no such port. CONFLICT: it is there already.
SO_MUST_USE so_status so_xen_events_add(so_xen_events *e, uint32_t port, so_event *signal,
                                        uint32_t *out_index);

// so_xen_events_drop forgets a port and masks it. Before the port is closed.
void so_xen_events_drop(so_xen_events *e, uint32_t index);

// so_xen_events_scan takes over what is pending. True: something was.
bool so_xen_events_scan(so_xen_events *e);

// so_xen_events_take says whether the port fired since the last call.
bool so_xen_events_take(so_xen_events *e, uint32_t index);

// so_xen_events_any says whether a port fired that nobody took, or is pending.
bool so_xen_events_any(const so_xen_events *e);

// so_xen_events_ports lists the ports, for SCHEDOP_poll. At most SO_XEN_EVENTS_MAX.
size_t so_xen_events_ports(const so_xen_events *e, evtchn_port_t *out);

void so_xen_events_metrics(const so_xen_events *e, so_metric_visit *visit, void *visit_ctx);

#ifdef __cplusplus
}
#endif
#endif  // SO_KERNEL_XEN_EVENT_EVENT_H_
